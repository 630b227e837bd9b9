"""A pack looked at from clones: what one worker pushed, any other goes on from; who pushes second begins anew."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.carry_out import carry_out
from engine.errors import Locked, UsageError
from engine.files.clone import REPLIES, Clone
from engine.files.repository import GitFailed
from engine.look import Repository
from engine.model.call import Reply
from engine.model.fleet import Due, Looked, PackOrder
from engine.ports import Ports
from engine.reconcile import NoQueue, Raced, look_at_pack
from engine.rules.schedule import Wanted
from tests.fleet.many import LIGHT, make_many
from tests.fleet.world import APART, World, plain, ports
from tests.packs import PACK
from tests.repo import git


def run_to_end(world: World, *clones: Clone) -> int:
    """Look and perform in turns, each from another clone, Ana answering; how many calls that took."""
    calls = 0
    for turn in range(200):
        looked = world.look(clones[turn % len(clones)])
        other = (turn + 1) % len(clones)
        calls += len(world.perform(clones[other], looked, "ab"[other]))
        if looked.over:
            return calls
        if not looked.calls and not looked.again:
            assert world.person(), looked
    raise AssertionError("it never ended")


@pytest.mark.long
@pytest.mark.parametrize("config", ["", APART], ids=["one tree", "worktrees"])
def test_two_workers_end_as_one_engine_does(tmp_path: Path, config: str) -> None:
    """A pack that two workers share, looks and calls in turns, ends with the story.md of a local run, but for ids."""
    world = World(tmp_path, {"1": [], "2": []}, config=config)
    calls = run_to_end(world, world.worker("a"), world.worker("b"))
    assert calls == 2 * 14
    local = world.local_run()
    assert {id_: plain(world.text(id_)) for id_ in local} == {id_: plain(text) for id_, text in local.items()}
    assert world.branches() == ["main"]
    assert git(world.remote, "for-each-ref", REPLIES) == ""
    assert git(world.remote, "show", "main:src/greet-2") == "hello\n"


def test_who_pushes_second_looks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ana pushes while a look is taken: nothing of that look is kept, the next one is taken with what she said."""
    world, push, raced = World(tmp_path, {"1": []}), Clone.push, list[str]()

    def late(clone: Clone, ended: Collection[str]) -> bool:
        if not raced:
            (world.ana / "notes.md").write_text("Ana was here\n")
            git(world.ana, "add", "notes.md")
            git(world.ana, "commit", "-qm", "Notes")
            git(world.ana, "push", "-q")
            raced.append(clone.head(clone.tree))
        return push(clone, ended)

    monkeypatch.setattr(Clone, "push", late)
    looked = world.look(world.worker("a"))
    assert len(looked.calls) == 2
    assert git(world.remote, "show", "main:notes.md") == "Ana was here\n"
    assert raced[0] not in git(world.remote, "rev-list", "main")
    journal = git(world.remote, "show", f"main:{PACK}/story-1-greeter/evidence/journal.jsonl")
    assert [journal.count(f'"{call.call}"') for call in looked.calls] == [1, 1]
    assert journal.count('"began"') == 2


@pytest.mark.long
def test_who_is_late_each_time_gives_up_with_nothing_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After twenty races a look says so; the remote is as it was."""
    world = World(tmp_path, {"1": []})
    before = git(world.remote, "rev-parse", "main")
    monkeypatch.setattr(Clone, "push", lambda *_: False)
    with pytest.raises(Raced, match=r"docs/stories: somebody else pushed to main first, 20 times"):
        world.look(world.worker("a"))
    assert git(world.remote, "rev-parse", "main") == before


def test_a_look_that_dies_before_its_push_never_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed worker committed and did not push is gone: itself and any other worker begin from the remote."""
    world = World(tmp_path, {"1": []})
    a, b = world.worker("a"), world.worker("b")

    def die(*_: object) -> bool:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Clone, "push", die)
        with pytest.raises(MemoryError):
            world.look(a)
    (a.tree / "half.txt").write_text("half done")
    first = world.look(b)
    again = world.look(a)
    assert [call.call for call in again.calls] == [call.call for call in first.calls]
    assert not (a.tree / "half.txt").exists()


def test_of_two_attempts_the_first_reply_counts(tmp_path: Path) -> None:
    """A call that two workers perform has one reply: the one that was pushed first."""
    world = World(tmp_path, {"1": []})
    a, b = world.worker("a"), world.worker("b")
    order = world.look(a).calls[0]
    reply = Reply(status="ok", text="mine", started="", ended="")
    assert a.keep(order.call, reply, a.tree)
    assert not b.keep(order.call, reply.model_copy(update={"text": "late"}), b.tree)
    b.sync(PACK)
    assert b.reply(order.call) == reply


def test_a_call_with_a_reply_is_not_performed_again(tmp_path: Path) -> None:
    """Asked for once more, by whatever retries, it says `kept`, and its reply is the first one."""
    world = World(tmp_path, {"1": []})
    a, b = world.worker("a"), world.worker("b")
    looked = world.look(a)
    assert world.perform(a, looked) == ["ok", "ok"]
    refs = git(world.remote, "for-each-ref", REPLIES)
    assert world.perform(b, looked) == ["kept", "kept"]
    assert git(world.remote, "for-each-ref", REPLIES) == refs


def test_a_call_whose_reply_was_taken_in_is_not_performed_again(tmp_path: Path) -> None:
    """A worker pushed its reply and died before it said so: who takes over finds that nobody waits for it."""
    world = World(tmp_path, {"1": []})
    a, b = world.worker("a"), world.worker("b")
    looked = world.look(a)
    assert world.perform(b, looked) == ["ok", "ok"]
    world.look(a)

    def nobody(home: Repository) -> Ports:
        raise AssertionError(home)

    again = [asyncio.run(carry_out(clone, looked.calls[0], "a", nobody)) for clone in (a, b, world.worker("c"))]
    assert again == ["over"] * 3
    assert git(world.remote, "for-each-ref", REPLIES) == ""


def test_a_remote_that_does_not_answer_is_no_reason_to_think_a_call_over(tmp_path: Path) -> None:
    """What cannot be read is tried again; only a journal that is there says that nobody waits."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    looked = world.look(a)
    at = git(world.remote, "rev-parse", "main").strip()
    away = world.remote.rename(tmp_path / "away.git")
    with pytest.raises(GitFailed):
        a.by_now("main", "story.toml")
    away.rename(world.remote)
    assert a.by_now("main", "no.toml") is None
    assert a.by_now("nowhere", "story.toml") is None
    assert a.by_now("main", "story.toml") == git(world.remote, "show", f"{at}:story.toml").encode()
    assert world.perform(a, looked) == ["ok", "ok"]


def test_a_call_of_a_branch_that_is_gone_is_not_performed(tmp_path: Path) -> None:
    """Somebody deleted the branch on which a call began: its order ends instead of failing for ever."""
    world = World(tmp_path, {"1": []}, config=APART)
    a = world.worker("a")
    while not (looked := world.look(a)).calls or looked.calls[0].on == "main":
        if not world.perform(a, looked):
            world.person()
    git(world.remote, "branch", "-D", looked.calls[0].on)
    assert world.perform(a, looked) == ["over"]


def test_a_reply_is_taken_in_once_and_dropped_with_the_step(tmp_path: Path) -> None:
    """The push that holds what a reply led to is the one that drops it; a second look finds nothing to do."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    world.perform(a, world.look(a))
    after = world.look(a)
    assert after.steps > 0
    assert git(world.remote, "for-each-ref", REPLIES) == ""
    head = git(world.remote, "rev-parse", "main")
    assert world.look(world.worker("b")).steps == 0
    assert git(world.remote, "rev-parse", "main") == head


@pytest.mark.long
def test_what_a_session_began_goes_back_to_its_worker(tmp_path: Path) -> None:
    """A call that goes on with a session names the worker that keeps it."""
    world = World(tmp_path, {"1": []})
    a, b = world.worker("a"), world.worker("b")
    for _ in range(40):
        looked = world.look(a)
        resumed = [order for order in looked.calls if order.worker]
        if resumed:
            break
        world.perform(b, looked, "b")
        if not looked.calls:
            world.person()
    assert [order.worker for order in resumed] == ["b"]


@pytest.mark.long
def test_limits_hold_over_all_looks(tmp_path: Path) -> None:
    """Of three stories that may be validated, one is at a time where story.toml says so; the others wait for room."""
    world = World(tmp_path, {"1": [], "2": [], "3": []}, config="[pipeline.concurrency]\nvalidation = 1\n")
    a = world.worker("a")
    at_once = []
    for _ in range(30):
        looked = world.look(a)
        at_once.append(len({order.story for order in looked.calls}))
        world.perform(a, looked)
        if {*world.states().values()} == {"approving"}:
            break
    assert {*world.states().values()} == {"approving"}
    assert max(at_once) == 1


def test_calls_that_run_keep_their_place_before_what_blocks_more(tmp_path: Path) -> None:
    """While story 1 is validated, 2 comes to block more: it waits all the same until there is room."""
    world = World(tmp_path, {"1": [], "2": []}, config="[pipeline.concurrency]\nvalidation = 1\n")
    a = world.worker("a")
    first = [order.story for order in world.look(a).calls]
    git(world.ana, "pull", "-q")
    other = {"1": "2", "2": "1"}[first[0]]
    file = world.ana / PACK / f"story-{first[0]}-greeter/story.md"
    assert "depends_on: []" in file.read_text()
    file.write_text(file.read_text().replace("depends_on: []", f"depends_on: ['{other}']"))
    git(world.ana, "commit", "-qam", "What it needs")
    git(world.ana, "push", "-q")
    looked = world.look(a)
    assert [order.story for order in looked.calls] == first
    assert not looked.again


def test_who_is_refused_asks_again_only_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room that somebody gave back and that does not help who was refused is no reason to look again at once."""
    takes = {"a": {"x": 1}, "b": {"x": 1}, "c": {"y": 1}}
    monkeypatch.setattr(NoQueue, "_wanted", lambda _, story, *__: Wanted(story, takes[story], {"x": 1, "y": 1}))
    works = {"a": True}
    none: dict[str, Any] = {"rank": dict, "size": None, "providers": None}
    room = NoQueue(*none.values(), holds=["a"], runs=lambda story: works.get(story, False))
    begun = SimpleNamespace(call="1/x/y/1.1-ff")

    async def turn(story: str, *todo: SimpleNamespace) -> None:
        async with room.admit(story, None, "", todo):  # type: ignore[arg-type]
            pass

    assert [room.holds(story) for story in "abc"] == [True, False, False]
    asyncio.run(turn("a", begun))
    with pytest.raises(Locked):
        asyncio.run(turn("b"))
    asyncio.run(turn("c"))
    assert not room.again
    works.clear()
    room = NoQueue(*none.values(), holds=[], runs=lambda story: works.get(story, False))

    async def both() -> None:
        async with room.admit("a", None, "", ()):  # type: ignore[arg-type]
            with pytest.raises(Locked):
                await turn("b")

    asyncio.run(both())
    assert room.again
    room = NoQueue(*none.values(), holds=[], runs=lambda _: False)

    async def fails() -> None:
        async with room.admit("a", None, "", ()):  # type: ignore[arg-type]
            with pytest.raises(Locked):
                await turn("b")
            raise UsageError("no command")

    with pytest.raises(UsageError):
        asyncio.run(fails())
    assert not room.again  # it would fail again


def test_a_role_that_a_person_plays_is_no_call(tmp_path: Path) -> None:
    """Nobody is sent an order that only she can carry out: she is told where to."""
    world = World(tmp_path, {"1": []})
    settings = world.ana / "story.toml"
    played = settings.read_text().replace('[roles.pedant_validator]\nagent = "scripted"\nscript = "script.yaml"\n', "")
    settings.write_text(f'{played}\n[roles.pedant_validator]\nagent = "person"\n')
    git(world.ana, "commit", "-qam", "Ana plays the pedant")
    git(world.ana, "push", "-q")
    looked = world.look(world.worker("a"))
    assert [order.act for order in looked.calls] == ["builder"]
    assert [due.waiting_for for due in looked.due] == ["person"]
    assert "run `story advance 1` in your clone, then commit and push" in looked.due[0].text


@pytest.mark.long
def test_a_limit_that_holds_a_story_on_a_branch_is_raised_in_the_main_tree(tmp_path: Path) -> None:
    """Where its line is told is where it counts."""
    world = World(tmp_path, {"1": []}, config=f"{APART}\n[limits.story]\ncalls = 3\n")
    a, due = world.worker("a"), list[str]()
    while not due:
        looked = world.look(a)
        due = [one.text for one in looked.due if "limits.story" in one.text]
        if not world.perform(a, looked) and not due:
            assert world.person(), looked
    assert world.branches() == ["main", "story/1-greeter"]
    line = next(
        n for n, text in enumerate((a.tree / "story.toml").read_text().split("\n"), 1) if "limits.story" in text
    )
    assert due[0].startswith((f"story.toml:{line}: ", f"story.toml:{line + 1}: "))


@pytest.mark.long
def test_a_role_played_by_hand_on_a_branch_names_it(tmp_path: Path) -> None:
    """Who plays the engineer of a story that is executed on a branch of its own is told where."""
    world = World(tmp_path, {"1": []}, config=APART)
    settings = world.ana / "story.toml"
    played = settings.read_text().replace('[roles.engineer]\nagent = "scripted"\nscript = "script.yaml"\n', "")
    settings.write_text(f'{played}\n[roles.engineer]\nagent = "person"\n')
    git(world.ana, "commit", "-qam", "Ana is the engineer")
    git(world.ana, "push", "-q")
    a = world.worker("a")
    due: list[Due] = []
    while not due:
        looked = world.look(a)
        due = [one for one in looked.due if "played by hand" in one.text]
        if not world.perform(a, looked) and not due:
            assert world.person(), looked
    assert f"run `story advance 1` in your clone, on branch {world.branches()[-1]}, then" in due[0].text
    assert world.branches()[-1].startswith("story/1-")


def test_a_box_counts_for_who_committed_it(tmp_path: Path) -> None:
    """The log names Ana, whose commit brought the tick; not the worker that saw it."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    while world.states() != {"1": "approving"}:
        world.perform(a, world.look(a))
    assert world.person() == ["1: Human approved"]
    world.look(a)
    journal = git(world.remote, "show", f"main:{PACK}/story-1-greeter/evidence/journal.jsonl")
    assert '"by":"Ana <ana@example.org>"' in journal.replace('", "', '","')
    assert "engine@story.invalid" not in journal


@pytest.mark.long
def test_what_a_person_pushes_during_a_call_stays(tmp_path: Path) -> None:
    """An agent changed a file that Ana pushed meanwhile: hers stays, and the log says that its was not taken over."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    looked = world.look(a)
    while looked.calls[:1] == () or looked.calls[0].act != "impl_green":
        if not world.perform(a, looked):
            world.person()
        looked = world.look(a)
    git(world.ana, "pull", "-q")
    (world.ana / "src").mkdir()
    (world.ana / "src/greet-1").write_text("Ana's own\n")
    git(world.ana, "add", "src/greet-1")
    git(world.ana, "commit", "-qm", "Greet")
    git(world.ana, "push", "-q")
    assert world.perform(a, looked) == ["ok"]
    world.look(a)
    assert git(world.remote, "show", "main:src/greet-1") == "Ana's own\n"
    assert "1 of its changes were not taken over" in world.text("1")


def test_a_hook_that_refuses_is_no_race(tmp_path: Path) -> None:
    """What a hook of the remote's says is told at once, of looks and of replies; nothing of them is written."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    looked = world.look(a)
    before = git(world.remote, "for-each-ref")
    world.refuse(times=2)
    with pytest.raises(GitFailed, match="no pushes on Sundays"):
        world.perform(a, looked)
    assert git(world.remote, "for-each-ref") == before
    (world.remote / "refuses").write_text("")
    assert world.perform(a, looked) == ["ok", "ok"]
    before = git(world.remote, "for-each-ref")
    world.refuse(times=1)
    with pytest.raises(GitFailed, match="no pushes on Sundays"):
        world.look(a)
    assert git(world.remote, "for-each-ref") == before
    assert world.look(a).steps > 0


def test_a_remote_that_is_gone_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    """While the remote cannot be reached a look fails in git's own words; when it is back the story goes on."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    away = world.remote.rename(tmp_path / "away.git")
    with pytest.raises(GitFailed, match=r"git fetch: .*does not appear to be a git repository"):
        world.look(a)
    away.rename(world.remote)
    assert len(world.look(a).calls) == 2


def test_a_pack_or_branch_that_is_not_there_is_named(tmp_path: Path) -> None:
    """An order for what the remote does not have says what is missing."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    with pytest.raises(UsageError, match=r"is run on branch develop, and this worker is on main.*`--branch develop`"):
        look_at_pack(a, world.order.model_copy(update={"branch": "develop"}), ports)
    with pytest.raises(UsageError, match=r"has no pack 'docs/other' on main"):
        look_at_pack(a, world.order.model_copy(update={"pack": "docs/other"}), ports)
    git(world.remote, "branch", "-m", "main", "trunk")
    with pytest.raises(UsageError, match=r"has no branch 'main'"):
        world.look(a)


def test_what_lies_in_a_workers_clone_is_thrown_away(tmp_path: Path) -> None:
    """Somebody's edits in a worker's clone, and a lock that a killed git left, do not get into any step."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    world.look(a)
    (a.tree / "story.toml").write_text("broken = [")
    (a.tree / ".git/index.lock").touch()
    looked = world.look(a)
    assert len(looked.calls) == 2
    assert "broken" not in git(world.remote, "show", "main:story.toml")


def test_an_empty_look_says_what_it_came_to() -> None:
    """A look that found nothing to do is over when all stories are: complete, or given up."""
    assert Looked(complete=2, total=2).over
    assert Looked(complete=1, ended=2, total=2).over
    assert not Looked(complete=1, total=2).over


def test_a_pack_that_was_given_up_is_over(tmp_path: Path) -> None:
    """Each story ended, though not as it should: nothing is looked at any more."""
    (pack,) = make_many(tmp_path / "made", 1, 1, machine=LIGHT)
    git(tmp_path, "clone", "-q", "--bare", "made", "shop.git")
    git(tmp_path, "clone", "-q", "shop.git", "ana")
    clone, order = Clone(tmp_path / "a", str(tmp_path / "shop.git")), PackOrder(fleet="shop", pack=pack, branch="main")
    while (looked := look_at_pack(clone, order, ports)).calls:
        assert {asyncio.run(carry_out(clone, call, "a", ports)) for call in looked.calls} == {"ok"}
    assert not looked.over
    git(tmp_path / "ana", "pull", "-q")
    (file,) = (tmp_path / "ana" / pack).glob("*/story.md")
    text = file.read_text()
    (drop,) = (line for line in text.splitlines() if line.startswith("- [ ] drop"))
    file.write_text(text.replace(drop, drop.replace("[ ]", "[x]")))
    git(tmp_path / "ana", "-c", "user.name=Ana", "-c", "user.email=ana@example.org", "commit", "-qam", "No")
    git(tmp_path / "ana", "push", "-q")
    looked = look_at_pack(clone, order, ports)
    assert (looked.complete, looked.ended, looked.over) == (0, 1, True)


def test_what_git_ignores_is_no_other_calls(tmp_path: Path) -> None:
    """A tree in which one call was performed is as clean for the next as if it were new."""
    world = World(tmp_path, {"1": []})
    a = world.worker("a")
    (world.ana / ".gitignore").write_text("*.pyc\n")
    git(world.ana, "add", ".gitignore")
    git(world.ana, "commit", "-qm", "Ignored")
    git(world.ana, "push", "-q")
    looked = world.look(a)
    places = []
    for order in looked.calls:
        with a.slot(order.on, order.commit) as tree:
            places.append(tree)
            assert not (tree / "left.pyc").exists()
            (tree / "left.pyc").write_text("left")
            git(tree, "init", "-q", "nested")
    assert len({*places}) == 1
    with a.slot(order.on, order.commit) as tree:
        assert not (tree / "nested").exists()


def test_a_look_goes_behind_what_others_pushed_to_other_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two packs of one repository looked at at once: the second push follows the first, and no look is taken again."""
    packs = make_many(tmp_path / "made", 2, 2)
    git(tmp_path, "clone", "-q", "--bare", "made", "shop.git")
    a, b = (Clone(tmp_path / name, str(tmp_path / "shop.git")) for name in "ab")
    push, looks, between = Clone.push, list[str](), list[Looked]()

    def second(clone: Clone, ended: Collection[str]) -> bool:
        looks.append(clone.home.name)
        if clone is a and not between:
            between.append(look_at_pack(b, PackOrder(fleet="shop", pack=packs[1], branch="main"), ports))
        return push(clone, ended)

    monkeypatch.setattr(Clone, "push", second)
    looked = look_at_pack(a, PackOrder(fleet="shop", pack=packs[0], branch="main"), ports)
    assert looks == ["a", "b", "a"]
    head = git(tmp_path / "shop.git", "rev-parse", "main").strip()
    assert {order.commit for order in looked.calls} == {head}
    assert [asyncio.run(carry_out(a, order, "a", ports)) for order in (*looked.calls, *between[0].calls)] == ["ok"] * 8
