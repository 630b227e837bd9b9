"""CLIs as agents, with stand-ins that print what the real ones printed, hang, die, and leave children behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine import cage
from engine.agents.claude import Claude
from engine.agents.codex import Codex
from engine.agents.player import Player, Room
from engine.agents.program import Program, ProgramAgent
from engine.errors import UsageError
from engine.model.call import Brief, Reply, Usage, Workspace
from engine.process import Deadlines

AT = "2026-11-22T12:00:00Z"
STARTED = {"say": {"type": "thread.started", "thread_id": "T1"}}
ANSWER = {"say": {"type": "item.completed", "item": {"type": "agent_message", "text": "PASS"}}}


def completed(taken: int = 100) -> dict[str, Any]:
    usage = {"input_tokens": taken, "cached_input_tokens": taken // 2, "output_tokens": taken // 10}
    return {"say": {"type": "turn.completed", "usage": usage}}


GOOD = [STARTED, ANSWER, completed()]


def codex_failed(message: str) -> list[dict[str, Any]]:
    return [STARTED, {"say": {"type": "turn.failed", "error": {"message": message}}}, {"exit": 1}]


def begun(source: str = "ANTHROPIC_API_KEY") -> dict[str, Any]:
    return {"say": {"type": "system", "subtype": "init", "session_id": "S1", "apiKeySource": source}}


def result(text: str = "PASS", **more: object) -> dict[str, Any]:
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 40,
        "output_tokens": 7,
    }
    said = {"type": "result", "subtype": "success", "is_error": False, "stop_reason": "end_turn", "session_id": "S1"}
    return {"say": {**said, "result": text, "usage": usage, "total_cost_usd": 0.25, **more}}


class Desk:
    """A copy to work in, a home, and a program on PATH that follows a plan."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.root, self.home = folder, folder / "repo", folder / "home"
        self.tree, self.sessions = folder / "state/work/tree", folder / "state/sessions"
        for path in (self.root, self.home, self.tree, folder / "bin"):
            path.mkdir(parents=True)
        for name in ("codex", "claude"):
            shutil.copy(Path(__file__).with_name("standin.py"), folder / "bin" / name)
            (folder / "bin" / name).chmod(0o755)
        for name in ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(self.home))
        patch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("OTHER_SECRET", "hush")

    def plan(self, *runs: list[dict[str, Any]], sandbox: str = "") -> None:
        (self.folder / "bin/plan.json").write_text(json.dumps({"runs": runs, "sandbox": sandbox}))

    def run(
        self,
        kind: type[Program] = Codex,
        *,
        writable: bool = False,
        session: str | None = None,
        call: str = "c1",
        platform: str = "linux",
        **more: Any,
    ) -> Reply:
        brief = self.brief(writable=writable, session=session, call=call)
        return asyncio.run(ProgramAgent(kind, self.player(**more), clock=lambda: AT, platform=platform).run(brief))

    def brief(self, *, writable: bool = False, session: str | None = None, call: str = "c1") -> Brief:
        space = Workspace(root=str(self.root), tree=str(self.tree), writable=writable)
        text = "# Verifier: verify, story 1\n\nThe whole brief."
        who = {"call": call, "story": "1", "act": "verify", "role": "verifier", "turn": 1}
        return Brief.model_validate({**who, "text": text, "session": session, "workspace": space})

    def player(self, **more: Any) -> Player:
        said = {"role": "verifier", "provider": "openai", "model": "m", "effort": "high", "folder": self.sessions}
        room, deadlines = Room(hidden=(self.folder / "state",)), Deadlines(total=20, start=10, silence=10)
        return Player(**{**said, "room": room, "deadlines": deadlines, **more})

    def asked(self, kind: type[Program] = Codex) -> list[dict[str, Any]]:
        """How the program was run, each time."""
        path = self.home / f".{kind.name}/asked.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def beat(self, kind: type[Program] = Codex) -> bool:
        """Does the child that it left still live?"""
        alive = self.home / f".{kind.name}/alive"
        before = alive.read_text()
        time.sleep(0.4)
        return alive.read_text() != before


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def flag(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1]


@pytest.mark.parametrize(("writable", "mode"), [(False, "read-only"), (True, "workspace-write")])
def test_codex_is_run_with_its_sandbox_and_the_prompt_on_stdin(desk: Desk, writable: bool, mode: str) -> None:
    """All that confines Codex stands on its command line, before `resume`; its folder is the repository's own path."""
    desk.plan(GOOD)
    desk.run(writable=writable, session="T1")
    [asked] = desk.asked()
    argv = asked["argv"]
    assert argv[-3:] == ["resume", "T1", "-"]
    assert (argv[0], flag(argv, "-s"), flag(argv, "-C"), flag(argv, "-m")) == ("exec", mode, str(desk.root), "m")
    settings = {argv[n + 1] for n, word in enumerate(argv) if word == "-c"}
    assert settings >= {
        'shell_environment_policy.inherit="core"',
        "sandbox_workspace_write.exclude_slash_tmp=true",
        "sandbox_workspace_write.exclude_tmpdir_env_var=true",
        "sandbox_workspace_write.network_access=false",
        'approval_policy="never"',
        'model_reasoning_effort="high"',
    }
    assert {"--json", "--ignore-user-config", "--ignore-rules"} <= {*argv}
    assert asked["prompt"] == "# Verifier: verify, story 1\n\nThe whole brief."
    assert asked["cwd"] == str(desk.root)


@pytest.mark.parametrize("writable", [False, True])
def test_claude_is_run_with_the_tools_of_its_workspace(desk: Desk, writable: bool) -> None:
    """A reader gets no tool that changes anything; a writer may edit below the root and run caged commands."""
    desk.plan([begun(), result()])
    desk.run(Claude, writable=writable, session="S1")
    [asked] = desk.asked(Claude)
    argv, env = asked["argv"], asked["env"]
    assert flag(argv, "--output-format") == "stream-json"
    assert "--verbose" in argv
    assert flag(argv, "--permission-mode") == "dontAsk"
    assert flag(argv, "--resume") == "S1"
    assert (flag(argv, "--setting-sources"), flag(argv, "--max-turns")) == ("", "200")
    if writable:
        assert flag(argv, "--tools") == "Read,Grep,Glob,Edit,Write,Bash"
        assert flag(argv, "--allowedTools") == f"Edit(/{desk.root}/**),Bash"
        assert env["CLAUDE_CODE_SHELL_PREFIX"] == str(desk.sessions / "c1/shell")
    else:
        assert flag(argv, "--tools") == "Read,Grep,Glob"
        assert "--allowedTools" not in argv
        assert env["CLAUDE_CODE_SUBPROCESS_ENV_SCRUB"] == "1"


def test_a_program_gets_named_variables_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that story.toml names comes with the process, on no command line; other secrets do not come at all."""
    monkeypatch.setenv("MY_KEY", "sk-mine")
    desk.plan([begun(), result()])
    desk.run(Claude, key="MY_KEY", base_url="http://127.0.0.1:9")
    env = desk.asked(Claude)[0]["env"]
    assert env["ANTHROPIC_API_KEY"] == "sk-mine"
    assert env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9"
    assert not {"MY_KEY", "OTHER_SECRET"} & env.keys()
    program = Claude(desk.player(key="MY_KEY"), desk.brief().workspace, desk.player().transcript("c1"), caged=True)
    assert "sk-mine" not in " ".join(program.cage.argv(program.argv(None)))


@pytest.mark.parametrize("kind", [Codex, Claude])
def test_a_login_comes_before_a_key_that_nobody_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: type[Program]
) -> None:
    """Who pays by login is not charged by the key in the environment."""
    names = {Codex: ("OPENAI_API_KEY", "CODEX_API_KEY", "auth.json"), Claude: ("ANTHROPIC_API_KEY",) * 2}
    variable, given = names[kind][:2]
    monkeypatch.setenv(variable, "sk-other")
    desk.plan(GOOD if kind is Codex else [begun(), result()])
    desk.run(kind)
    login = desk.home / f".{kind.name}" / ("auth.json" if kind is Codex else ".credentials.json")
    login.write_text("{}")
    desk.run(kind, call="c2")
    without, with_login = desk.asked(kind)
    assert without["env"][given] == "sk-other"
    assert given not in with_login["env"]


def test_the_session_is_known_after_its_first_event_and_gone_on_with(desk: Desk) -> None:
    """A call that was killed in the middle goes on in its session with a few words; what it printed first is kept."""
    desk.plan([STARTED, {"sleep": 30}], [STARTED, ANSWER, completed(150)])
    first = desk.run(deadlines=Deadlines(total=20, start=10, silence=1))
    assert (first.status, first.session, first.passes) == ("failed", "T1", True)
    assert "said nothing for 1 seconds" in first.why
    again = desk.run()
    assert (again.status, again.text, again.session) == ("ok", "PASS", "T1")
    _, asked = desk.asked()
    assert asked["argv"][-3:] == ["resume", "T1", "-"]
    assert "Verifier: verify, story 1" in asked["prompt"]
    assert "The whole brief." not in asked["prompt"]
    assert "thread.started" in (desk.sessions / "c1/raw").read_text()
    assert "turn.completed" in (desk.sessions / "c1/raw-2").read_text()


def test_a_killed_engine_takes_the_program_with_it(desk: Desk) -> None:
    """kill -9 of the engine ends the program and all that it started; the call goes on in the session it had begun."""
    desk.plan([STARTED, {"leave": True}, {"deaf": True}, {"sleep": 60}], GOOD)
    code = (
        "import sys; from pathlib import Path; from tests.agents.test_program import Desk; import pytest\n"
        "desk = Desk.__new__(Desk); desk.folder = Path(sys.argv[1])\n"
        "desk.root, desk.home = desk.folder / 'repo', desk.folder / 'home'\n"
        "desk.tree, desk.sessions = desk.folder / 'state/work/tree', desk.folder / 'state/sessions'\n"
        "desk.run()"
    )
    engine = subprocess.Popen([sys.executable, "-c", code, str(desk.folder)], cwd=Path(__file__).parents[2])
    alive = desk.home / ".codex/alive"
    deadline = time.monotonic() + 120
    while not alive.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    time.sleep(0.3)
    assert not desk.beat()
    reply = desk.run()
    assert (reply.status, reply.session) == ("ok", "T1")
    assert desk.asked()[1]["argv"][-3:] == ["resume", "T1", "-"]


def test_where_its_own_session_is_gone_a_call_begins_anew(desk: Desk) -> None:
    """Killed before anything of its session reached the disk, a call is made again from its brief."""
    gone = {"err": "Error: thread/resume: thread/resume failed: no rollout found for thread id T1 (code -32600)"}
    desk.plan([STARTED, {"exit": 1}], [gone, {"exit": 1}], GOOD)
    desk.run()
    reply = desk.run()
    assert (reply.status, reply.text, reply.lost) == ("ok", "PASS", False)
    assert desk.asked()[2]["prompt"].endswith("The whole brief.")
    assert "resume" not in desk.asked()[2]["argv"]


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        (Codex, [{"err": "Error: thread/resume failed: no rollout found for thread id T0 (code -32600)"}, {"exit": 1}]),
        (Codex, GOOD),  # an id that is none of its own: it begins a thread as if nothing were wrong
        (Codex, [{"say": {"type": "thread.started", "thread_id": "T0"}}, *codex_failed("context window exceeded")[1:]]),
        (
            Claude,
            [
                result(
                    "", subtype="error_during_execution", is_error=True, errors=["No conversation found with session"]
                )
            ],
        ),
    ],
)
def test_a_lost_session_is_told_and_nothing_of_it_counts(
    desk: Desk, kind: type[Program], steps: list[dict[str, Any]]
) -> None:
    """A session that is not there, or has outgrown the model, is lost: no reply, no session, no further try."""
    desk.plan(steps)
    reply = desk.run(kind, session="T0" if kind is Codex else "S1")
    assert (reply.status, reply.lost, reply.session, reply.passes) == ("failed", True, None, False), reply


def test_what_codex_own_sandbox_would_hide_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its login, or the tree, in /dev/shm: it could not start, which is told with the path before it is begun."""
    monkeypatch.setenv("CODEX_HOME", "/dev/shm/codex")
    desk.plan(GOOD)
    reply = desk.run()
    told = "Codex CLI: its sandbox hides /dev/shm/codex, since that lies below /dev. Move it elsewhere"
    assert (reply.status, reply.why, reply.passes) == ("failed", told, False)
    assert not Path("/dev/shm/codex").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("steps", "deadlines", "why"),
    [
        ([{"sleep": 60}], Deadlines(total=20, start=1, silence=10), "did not start within 1 seconds"),
        ([STARTED, ANSWER, {"sleep": 60}], Deadlines(total=20, start=10, silence=1), "said nothing for 1 seconds"),
        (
            [STARTED, *[{"say": {"type": "x"}}, {"sleep": 0.3}] * 60],
            Deadlines(total=3, start=2, silence=2),
            "took longer than 3 seconds",
        ),
    ],
)
def test_each_deadline_ends_the_program_with_all_that_it_started(
    desk: Desk, steps: list[dict[str, Any]], deadlines: Deadlines, why: str
) -> None:
    """Late at its start, silent, or too long: it is killed, deaf or not, with children in sessions of their own."""
    desk.plan([{"deaf": True}, {"leave": True}, *steps])
    reply = desk.run(deadlines=deadlines)
    assert reply.status == "failed"
    assert why in reply.why
    assert reply.passes
    assert not desk.beat()


def test_an_answer_counts_though_the_program_hangs_afterwards(desk: Desk) -> None:
    """When the turn is completed the answer is whole; what is paid is not thrown away because an exit hangs."""
    desk.plan([*GOOD, {"sleep": 60}])
    reply = desk.run(deadlines=Deadlines(total=20, start=10, silence=1))
    assert (reply.status, reply.text) == ("ok", "PASS")


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([STARTED, ANSWER], "ended without a word"),
        ([STARTED, completed()], "last message is empty"),
        ([STARTED, ANSWER, {"say": {**ANSWER["say"], "item": {"type": "agent_message"}}}, completed()], "is empty"),
        (codex_failed("it broke"), "it broke"),
        ([STARTED, ANSWER, *codex_failed("it broke")[1:]], "it broke"),
        ([{"print": "PASS"}, {"exit": 0}], "ended without a word"),
        ([{"print": "[1]"}, {"print": '{"type": ["x"], "item": 3}'}, {"print": "\x00" * 10}], "ended without a word"),
        ([{"err": "error: unexpected argument '--json'"}, {"exit": 2}], "unexpected argument"),
    ],
)
def test_without_a_whole_last_message_there_is_no_reply(desk: Desk, steps: list[dict[str, Any]], why: str) -> None:
    """Exit 0 says nothing; half a run, no message, or words that are no events are a failure with its reason."""
    desk.plan(steps)
    reply = desk.run()
    assert reply.status == "failed"
    assert why in reply.why


def test_an_exit_code_takes_nothing_from_a_whole_answer(desk: Desk) -> None:
    """A completed turn with a last message is a reply whatever the process says at its end."""
    desk.plan([*GOOD, {"exit": 7}])
    assert desk.run().status == "ok"


@pytest.mark.parametrize(
    ("more", "why", "passes"),
    [
        ({"is_error": True, "api_error_status": 500, "result": "API Error: 500 overloaded"}, "500", True),
        ({"is_error": True, "result": "Invalid API key · Fix external API key"}, "/login", False),
        (
            {"is_error": True, "subtype": "error_max_turns", "result": None, "errors": ["Reached maximum"]},
            "maxi",
            False,
        ),
        ({"stop_reason": None, "result": "half"}, "cut off", True),
        ({"stop_reason": "max_tokens", "result": "half"}, "cut off", True),
        ({"is_error": None}, "PASS", False),
        ({"result": None}, "empty", False),
        ({"result": "  \n"}, "empty", False),
    ],
)
def test_success_of_claude_is_none_unless_its_answer_is_whole(
    desk: Desk, more: dict[str, object], why: str, passes: bool
) -> None:
    """Claude Code says "success" also of API failures and of half an answer."""
    desk.plan([begun(), result(**more)])
    reply = desk.run(Claude)
    assert (reply.status, reply.passes) == ("failed", passes), reply
    assert why in reply.why


def test_a_subscriptions_limit_passes_at_its_time(desk: Desk) -> None:
    """A limit says from when on it is worth another try, by its event or by its words."""
    rejected = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795359600}}
    limit = result("You've hit your limit · resets 3pm (UTC)", is_error=True)
    desk.plan([begun(), {"say": rejected}, limit], [begun(), limit])
    replies = [desk.run(Claude), desk.run(Claude, call="c2")]
    assert [(reply.passes, reply.until) for reply in replies] == [(True, "2026-11-22T15:00:00Z")] * 2
    desk.plan(codex_failed("You’ve hit your usage limit. Try again in 2 hours 5 minutes."))
    reply = desk.run()
    assert (reply.status, reply.passes, reply.until) == ("failed", True, "2026-11-22T14:05:00Z")


def test_codex_usage_is_that_of_the_call(desk: Desk) -> None:
    """Its numbers are those of the thread; a call's are the difference, also after a kill between the two writes."""
    desk.plan(GOOD, [STARTED, ANSWER, completed(300)], [STARTED, ANSWER, completed(360)])
    used = [desk.run().usage, desk.run(call="c2", session="T1").usage, desk.run(call="c2", session="T1").usage]
    assert used == [
        Usage(input=100, output=10, cached=50),
        Usage(input=200, output=20, cached=100),
        Usage(input=260, output=26, cached=130),  # the same call again: all that it took since it began
    ]


def test_claude_usage_is_that_of_the_run_and_costs_only_with_a_key(desk: Desk) -> None:
    """Cached tokens are among those of the input; who pays by login is told no price."""
    desk.plan([begun(), result()], [begun("none"), result()])
    usage = [desk.run(Claude).usage, desk.run(Claude, call="c2").usage]
    assert usage == [Usage(input=55, output=7, cached=40, cost=0.25), Usage(input=55, output=7, cached=40)]


@pytest.mark.parametrize("kind", [Codex, Claude])
def test_where_nothing_would_be_confined_nothing_is_run(desk: Desk, kind: type[Program]) -> None:
    """The program is not even asked where its own sandbox, or our cage for its commands, does not start."""
    desk.plan(GOOD, sandbox="bwrap: setting up uid map: Operation not permitted. Try again")
    inner = f'#!/bin/sh\ncase " $* " in *" --proc "*) exec {shutil.which("bwrap")} "$@";; esac\nexit 1\n'
    (desk.folder / "bin/bwrap").write_text(inner)  # no cage starts inside of a cage
    (desk.folder / "bin/bwrap").chmod(0o755)
    reply = desk.run(kind, writable=True)
    assert reply.status == "failed"
    assert "its sandbox cannot start" in reply.why
    assert not reply.passes
    assert desk.asked(kind) == []


def test_without_bubblewrap_no_program_runs_on_linux(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux there is no way around the cage."""
    desk.plan(GOOD)
    monkeypatch.setenv("PATH", str(desk.folder / "bin"))
    cage.broken.cache_clear()
    with pytest.raises(UsageError, match=r"bwrap is not on PATH\. Install bubblewrap"):
        desk.run()
    cage.broken.cache_clear()
    assert desk.asked() == []


@pytest.mark.parametrize("kind", [Codex, Claude])
def test_elsewhere_it_runs_in_the_copy_with_its_own_sandbox(desk: Desk, kind: type[Program]) -> None:
    """Where there is no bubblewrap the copy is its folder, no secret comes along, and its own sandbox is set."""
    desk.plan(GOOD if kind is Codex else [begun(), result()])
    reply = desk.run(kind, writable=True, platform="darwin")
    assert reply.status == "ok"
    [asked] = desk.asked(kind)
    assert asked["cwd"] == str(desk.tree)
    assert "OTHER_SECRET" not in asked["env"]
    if kind is Codex:
        assert flag(asked["argv"], "-s") == "workspace-write"
    else:
        assert asked["env"]["CLAUDE_CODE_SUBPROCESS_ENV_SCRUB"] == "1"
        assert "CLAUDE_CODE_SHELL_PREFIX" not in asked["env"]


def test_a_program_that_is_not_there_is_told_with_how_to_get_it(desk: Desk) -> None:
    """No program, no run; the way to install it and to log in is said."""
    (desk.folder / "bin/codex").unlink()
    path = [entry for entry in os.environ["PATH"].split(os.pathsep) if not (Path(entry) / "codex").exists()]
    os.environ["PATH"] = os.pathsep.join(path)
    reply = desk.run()
    assert reply.status == "failed"
    assert "codex is not on PATH. Install it" in reply.why


def test_a_command_past_the_cage_counts_for_nothing(desk: Desk) -> None:
    """Each command of Claude Code runs in our cage; a run that had one which did not is thrown away."""
    tool = {"type": "assistant", "message": {"content": [{"type": "tool_use", "id": "t1", "name": "Bash"}]}}
    done = {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": False}]}}
    ran = [
        {"say": tool},
        {"command": "cat $HOME/.claude/asked.jsonl; ls -a $HOME; env; echo x > in.txt"},
        {"say": done},
    ]
    desk.plan([begun(), *ran, result()], [begun(), {"say": tool}, {"say": done}, result()])
    (desk.home / ".claude").mkdir()
    good = desk.run(Claude, writable=True)
    assert good.status == "ok", good
    told = (desk.home / ".claude/ran").read_text()
    assert "hush" not in told
    assert "asked.jsonl: No such file" in told
    assert (desk.tree / "in.txt").read_text() == "x\n"
    bad = desk.run(Claude, writable=True, call="c2")
    assert bad.status == "failed"
    assert "1 commands, of which only 0 were caged" in bad.why
