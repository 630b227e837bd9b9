"""A fake of Anthropic's Messages API."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.fakes.server import Body, FakeServer, Refusal, Said

KINDS = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}


class FakeAnthropic(FakeServer):
    """Checks the key, the form of a request, and that each tool call has its result."""

    path = "/v1/messages"

    def refuses(self, headers: dict[str, str], body: Body) -> Refusal | None:
        sent = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if sent != self.key:
            return 401, "invalid x-api-key"
        if headers.get("anthropic-version") not in ("2023-06-01", "2026-10-21"):
            return 400, "anthropic-version: not a valid version"
        missing = [name for name in ("model", "max_tokens", "messages") if name not in body]
        if missing or body["messages"][0]["role"] != "user":
            return 400, f"{missing or 'messages'}: Field required"
        open_calls: list[str] = []
        for message in body["messages"]:
            blocks = message["content"] if isinstance(message["content"], list) else []
            results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            if sorted(results) != sorted(open_calls):
                return 400, f"`tool_use` ids {open_calls} must each have one `tool_result` block, found {results}"
            open_calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        return (400, f"tool_use without tool_result: {open_calls}") if open_calls else None

    def error(self, status: int, message: str, kind: str | None) -> Body:
        named = kind or KINDS.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": named, "message": message}}

    def events(self, body: Body, said: Said) -> Iterator[Body]:
        blocks: list[Body] = []
        if "thinking" in said:
            blocks.append({"type": "thinking", "thinking": said["thinking"], "signature": "c2lnbmVk"})
        if "text" in said:
            blocks.append({"type": "text", "text": said["text"]})
        calls = [{"type": "tool_use", "id": self.id("toolu"), "name": n, "input": a} for n, a in said.get("tools", [])]
        read = self._read(body)
        usage = {
            "input_tokens": len(json.dumps(body)) // 4 - read,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": read,
            "output_tokens": len(json.dumps(blocks + calls)) // 4,
        }
        stop = said.get("stop", "tool_use" if calls else "end_turn")
        message = {"id": self.id("msg"), "type": "message", "role": "assistant", "model": body["model"], "content": []}
        start = {**message, "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
        yield {"type": "message_start", "message": start}
        for index, block in enumerate([*blocks, *calls]):
            yield from _block(index, block)
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": usage,
        }
        yield {"type": "message_stop"}

    def _read(self, body: Body) -> int:
        """How much of a request was in the cache: what was marked by an earlier one, and is the same now."""
        every = [*body.get("tools", []), *(body.get("system") or [])]
        for message in body["messages"]:
            content = message["content"]
            every += content if isinstance(content, list) else [{"type": "text", "text": content}]
        marked = [number for number, unit in enumerate(every) if "cache_control" in unit]
        bare = [json.dumps({k: v for k, v in unit.items() if k != "cache_control"}, sort_keys=True) for unit in every]
        return self.cache(bare, marked)


def _block(index: int, block: Body) -> Iterator[Body]:
    match block["type"]:
        case "text":
            empty, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        case "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case _:
            empty = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    yield {"type": "content_block_start", "index": index, "content_block": empty}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
