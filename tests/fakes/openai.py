"""A fake of OpenAI's Responses API."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.fakes.server import Body, FakeServer, Refusal, Said

KINDS = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error"}


class FakeOpenAI(FakeServer):
    """Checks the key, the strict schemas, and that each call has its output; nothing is stored."""

    path = "/v1/responses"

    def refuses(self, headers: dict[str, str], body: Body) -> Refusal | None:
        if headers.get("authorization", "").removeprefix("Bearer ") != self.key:
            return 401, "Incorrect API key provided."
        if not body.get("model") or body.get("store") is not False:
            return 400, "you must provide a model parameter, and `store: false` here"
        open_calls: set[str] = set()
        for item in body["input"]:
            kind = item.get("type", "message")
            if kind == "function_call":
                open_calls.add(item["call_id"])
            elif kind == "function_call_output":
                if item["call_id"] not in open_calls:
                    return 400, f"No tool call found for function call output with call_id {item['call_id']}."
                open_calls.remove(item["call_id"])
            elif kind == "reasoning" and not item.get("encrypted_content"):
                return 404, f"Item with id '{item.get('id')}' not found. Items are not persisted."
        if open_calls:
            return 400, f"No tool output found for function call {sorted(open_calls)[0]}."
        for tool in body.get("tools", []):
            wrong = _not_strict(tool["parameters"], tool["name"]) if tool.get("strict") else ""
            if wrong:
                return 400, f"Invalid schema for function '{tool['name']}': {wrong}"
        return None

    def error(self, status: int, message: str, kind: str | None) -> Body:
        code = kind or KINDS.get(status)
        return {"error": {"message": message, "type": code or "invalid_request_error", "param": None, "code": code}}

    def events(self, body: Body, said: Said) -> Iterator[Body]:
        for number, event in enumerate(self._events(body, said)):
            yield {**event, "sequence_number": number}

    def _events(self, body: Body, said: Said) -> Iterator[Body]:
        output = list(self._output(body, said))
        units = [json.dumps(unit, sort_keys=True) for unit in (body.get("instructions"), body["tools"], *body["input"])]
        read = self.cache(units, [len(units) - 1])
        used = {
            "input_tokens": len(json.dumps(body)) // 4,
            "output_tokens": len(json.dumps(output)) // 4,
            "input_tokens_details": {"cached_tokens": read, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
        used["total_tokens"] = used["input_tokens"] + used["output_tokens"]
        reason, failed = said.get("stop"), said.get("failed")
        status = "failed" if failed else "incomplete" if reason else "completed"
        response = {
            "id": self.id("resp"),
            "object": "response",
            "created_at": 1,
            "status": status,
            "error": failed,
            "incomplete_details": {"reason": reason} if reason else None,
            "model": body["model"],
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": used,
        }
        bare = {**response, "status": "in_progress", "output": [], "usage": None}
        yield {"type": "response.created", "response": bare}
        for index, item in enumerate(output):
            yield from _item(index, item)
        yield {"type": f"response.{status}", "response": response}

    def _output(self, body: Body, said: Said) -> Iterator[Body]:
        if "thinking" in said:
            assert "reasoning.encrypted_content" in body["include"], "without it the reasoning is lost"
            summary = [{"type": "summary_text", "text": said["thinking"]}]
            yield {"id": self.id("rs"), "type": "reasoning", "summary": summary, "encrypted_content": "gAAAA"}
        if "text" in said:
            part = {"type": "output_text", "text": said["text"], "annotations": [], "logprobs": []}
            done = {"role": "assistant", "status": "completed", "content": [part]}
            yield {"id": self.id("msg"), "type": "message", **done}
        for name, arguments in said.get("tools", []):
            call = {"call_id": self.id("call"), "name": name, "arguments": json.dumps(arguments)}
            yield {"id": self.id("fc"), "type": "function_call", "status": "completed", **call}


def _item(index: int, item: Body) -> Iterator[Body]:
    at = {"output_index": index, "item_id": item["id"]}
    start = {**item, "status": "in_progress"}
    if item["type"] == "message":
        start["content"] = []
    elif item["type"] == "function_call":
        start["arguments"] = ""
    yield {"type": "response.output_item.added", "output_index": index, "item": start}
    if item["type"] == "message":
        part = item["content"][0]
        yield {"type": "response.content_part.added", **at, "content_index": 0, "part": {**part, "text": ""}}
        yield {
            "type": "response.output_text.delta",
            **at,
            "content_index": 0,
            "delta": part["text"],
            "logprobs": [],
        }
        yield {"type": "response.content_part.done", **at, "content_index": 0, "part": part}
    elif item["type"] == "function_call":
        yield {"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]}
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **at, **done}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _not_strict(schema: Body, where: str) -> str:
    """What a strict schema may not do: leave a key out of `required`, or allow others."""
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return f"{where}: 'additionalProperties' is required to be supplied and to be false."
        missing = set(schema.get("properties", {})) - set(schema.get("required", ()))
        if missing:
            return f"{where}: 'required' must include every key in properties. Missing {sorted(missing)}."
    for key, value in schema.items():
        for part in value.values() if key in ("properties", "$defs") else [value]:
            for one in part if isinstance(part, list) else [part]:
                wrong = _not_strict(one, f"{where}.{key}") if isinstance(one, dict) else ""
                if wrong:
                    return wrong
    return ""
