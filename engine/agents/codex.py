"""The Codex CLI: `codex exec --json`, in our cage, and its commands in its own sandbox inside of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from engine.agents.event import count, listed, part, words
from engine.agents.player import Transcript
from engine.agents.program import Program, below_home
from engine.model.call import Usage


class Codex(Program):
    """Reads where the workspace is read-only, works in it where it is writable; its commands have no network.

    What the user's own config.toml and rules say is left aside: they could name programs to run unconfined.
    """

    name, provider, title = "codex", "openai", "Codex CLI"
    install = "Install it (`npm install -g @openai/codex`) and log in (`codex login`)."
    login = "Run `codex login`, or name a `key` in story.toml"

    def argv(self, session: str | None) -> list[str]:
        """The command line; a thread does not remember its sandbox, so all flags stand before `resume`."""
        effort, folder = self.player.effort, str(self.root)
        settings = {
            "approval_policy": "never",
            "web_search": "disabled",
            "shell_environment_policy.inherit": "core",
            "sandbox_workspace_write.exclude_slash_tmp": True,
            "sandbox_workspace_write.exclude_tmpdir_env_var": True,
            "sandbox_workspace_write.network_access": False,
            **({"model_reasoning_effort": effort} if effort else {}),
            **self._server(),
        }
        said = [self.file, "exec", "--json", "--color", "never", "--skip-git-repo-check", "--ignore-user-config"]
        said += ["--ignore-rules", "-s", "workspace-write" if self.space.writable else "read-only"]
        said += ["-C", folder, "-m", self.player.model]
        for name, value in settings.items():
            said += ["-c", f"{name}={json.dumps(value)}"]
        return [*said, *(("resume", session) if session else ()), "-"]

    def probe(self) -> list[str]:
        """Codex ends with exit 0 also where its sandbox could not start: so it is asked before."""
        profile = ":workspace" if self.space.writable else ":read-only"
        return [self.file, "sandbox", "-P", profile, "-C", str(self.root), "--", "true"]

    def misplaced(self) -> str:
        """Its sandbox mounts a /dev of its own over what lies there, such as a tree in /dev/shm."""
        places = (Path(self.file), self.folder(), self.root)
        hidden = next((str(path) for path in places if self.caged and path.is_relative_to("/dev")), "")
        return f"its sandbox hides {hidden}, since that lies below /dev. Move it elsewhere" if hidden else ""

    def environ(self) -> dict[str, str]:
        """Where its login is, and its key."""
        home, name = os.environ.get("CODEX_HOME"), self.key()
        given = {"CODEX_HOME": home} if home else {}
        if self.caged:
            given["TMPDIR"] = "/var/tmp"  # it does not work in a home below TMPDIR
        return {**given, (name if self.player.base_url else "CODEX_API_KEY"): os.environ[name]} if name else given

    def folder(self) -> Path:
        """`~/.codex`, with its login and its threads."""
        return below_home("CODEX_HOME", ".codex")

    def login_file(self) -> Path:
        """Where it keeps its login."""
        return self.folder() / "auth.json"

    def hear(self, event: Mapping[str, object]) -> None:
        """Take in one event of `exec --json`."""
        self.doing = _doing(part(event, "item")) or self.doing
        match words(event, "type"):
            case "thread.started":
                self.session = words(event, "thread_id") or None
            case "item.completed" if words(event, "item", "type") == "agent_message":
                self.text = words(event, "item", "text")
            case "turn.completed":
                self.done = True
                self.usage = self._used(_usage(part(event, "usage")))
            case "turn.failed":
                self.stopped = words(event, "error", "message") or "its turn failed"

    def _server(self) -> dict[str, object]:
        """A server that story.toml names."""
        if self.player.base_url is None:
            return {}
        key = self.key()
        said = {"name": "story", "base_url": self.player.base_url, "wire_api": "responses"}
        fields = {**said, **({"env_key": key} if key else {})}
        return {
            "model_provider": "story",
            **{f"model_providers.story.{name}": value for name, value in fields.items()},
        }

    def _used(self, total: Usage) -> Usage:
        """What this call took of all that its thread took, also where the engine was killed in the middle of it."""
        threads, name = Transcript(self.player.folder / "threads"), f"{self.session}.json"
        before = _read(self.transcript.folder / "before.json") or _read(threads.folder / name) or Usage()
        self.transcript.save("before.json", before.model_dump_json())
        threads.save(name, total.model_dump_json())
        return Usage(
            input=max(total.input - before.input, 0),
            output=max(total.output - before.output, 0),
            cached=max(total.cached - before.cached, 0),
        )


def _doing(item: object) -> str:
    """What an item of a thread is about: a command, changed files, a search, or words."""
    files = ", ".join(words(change, "path") for change in listed(item, "changes"))
    named = (words(item, name) for name in ("command", "query", "tool", "text", "message"))
    return next(filter(None, [f"changes {files}" if files else "", *named]), "")


def _usage(said: object) -> Usage:
    names = ("input_tokens", "output_tokens", "cached_input_tokens")
    taken, given, cached = (count(said, name) for name in names)
    return Usage(input=taken, output=given, cached=cached)


def _read(path: Path) -> Usage | None:
    try:
        return Usage.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
