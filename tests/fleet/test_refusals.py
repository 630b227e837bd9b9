"""What cannot work on Temporal is refused in one line that names it and says what to do; nothing is half-written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.model.fleet import PackOrder
from engine.temporal.workflows import pack_id, packs_queue
from tests.fleet.hosts import Done, Hosts
from tests.fleet.server import Server
from tests.fleet.world import World
from tests.packs import PACK
from tests.repo import git

NOWHERE = "127.0.0.1:9"
ON = ("run", "--on", "temporal")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A remote with a pack of one story, and Ana's clone."""
    return World(tmp_path, {"1": []})


def refused(done: Done, *said: str) -> None:
    """One line on stderr, which says all of that; the exit code of a wrong use."""
    line = done.err.strip()
    assert all(words in line for words in said), line
    assert line.startswith("story: "), line
    assert "\n" not in line, line
    assert "Traceback" not in done.out + done.err
    assert done.code in (1, 2)


@pytest.mark.long
@pytest.mark.parametrize("words", [("worker",), ("signal",), ON, ("status", "--on", "temporal")], ids=lambda it: it[0])
def test_no_server(world: World, temporal: Server, words: tuple[str, ...]) -> None:
    """Where nobody answers, each verb says at which address, and how to name another."""
    hosts = Hosts(world, temporal, env={"TEMPORAL_ADDRESS": NOWHERE})
    refused(hosts.story(*words), f"no Temporal server answers at {NOWHERE}", "--temporal HOST:PORT, TEMPORAL_ADDRESS")


@pytest.mark.slow
def test_a_server_that_goes_away(world: World, tmp_path: Path) -> None:
    """Who follows a pack is told when the server is gone; nothing is wrong with the pack."""
    server = Server(tmp_path / "server").start()
    try:
        hosts = Hosts(world, server)
        follower, said = hosts.begin(*ON)
        hosts.until(lambda: "no worker is there yet: start `story worker`" in said.read_text(), "it is followed")
    finally:
        server.kill()
    assert follower.wait(60) == 2
    assert said.read_text().splitlines()[1:] == [
        "story: the Temporal server does not answer any more. Packs go on when it is back."
    ]


def test_a_namespace_that_is_not_there(world: World, temporal: Server) -> None:
    """The namespace is named, and how to create it."""
    hosts = Hosts(world, temporal, env={"TEMPORAL_NAMESPACE": "acme"})
    refused(hosts.story("worker"), "has no namespace 'acme'", "temporal operator namespace create --namespace acme")


def test_a_configuration_that_is_none(world: World, temporal: Server, tmp_path: Path) -> None:
    """What is wrong with Temporal's own configuration file is told in its words."""
    (tmp_path / "temporal.toml").write_text("[profile")
    hosts = Hosts(world, temporal, env={"TEMPORAL_CONFIG_FILE": str(tmp_path / "temporal.toml")})
    refused(hosts.story("signal"), "Temporal's client configuration")


@pytest.mark.slow
def test_search_attributes_that_are_missing(world: World, tmp_path: Path) -> None:
    """Each is named with its type, and the command that adds them."""
    server = Server(tmp_path / "bare", attributes=False).start()
    try:
        done = Hosts(world, server).story(*ON)
    finally:
        server.kill()
    refused(done, "no search attribute StoryPack, Story, ", "--name StoryPack --type Keyword --name Story --type Keywo")


@pytest.mark.long
@pytest.mark.parametrize("verb", [("worker",), ("signal",), ON, ("status", "--on", "temporal")], ids=lambda it: it[0])
def test_a_clone_without_a_remote(world: World, temporal: Server, verb: tuple[str, ...]) -> None:
    """Workers share a remote; a repository without one is told how to get it."""
    git(world.ana, "remote", "remove", "origin")
    refused(Hosts(world, temporal).story(*verb), "has no remote `origin`", "git remote add origin URL")


@pytest.mark.long
def test_what_workers_could_not_see_is_not_started(world: World, temporal: Server) -> None:
    """Changes that are not committed, commits that are not pushed, branches that parted: each is named."""
    hosts, ana = Hosts(world, temporal), world.ana
    story = ana / PACK / "story-1-greeter/story.md"
    story.write_text(story.read_text() + "\nMore.\n")
    refused(hosts.story(*ON), f"{PACK}/story-1-greeter/story.md is not committed", "Commit and push it.")
    git(ana, "commit", "-qam", "More")
    refused(hosts.story(*ON), "1 commits of main are not pushed", "Push them.")
    git(ana, "push", "-q", "origin", "main")
    empty = git(ana, "commit-tree", "-m", "Nothing", git(ana, "hash-object", "-t", "tree", "/dev/null").strip()).strip()
    git(ana, "push", "-q", "origin", f"{empty}:refs/heads/bare")
    refused(
        hosts.story(*ON, "--branch", "bare"),
        f"main has changes of {PACK} or its settings that origin/bare does not have",
        "--branch",
    )
    refused(hosts.story(*ON, "--watch"), "leave out --commit and --watch")
    git(ana, "commit", "-q", "--allow-empty", "-m", "Ana's")
    other = world.clone("ben")
    git(other, "commit", "-q", "--allow-empty", "-m", "Ben's")
    git(other, "push", "-q")
    refused(hosts.story(*ON), "main and origin/main went apart", "`git pull --rebase`")
    git(ana, "remote", "set-url", "origin", str(world.folder / "gone.git"))
    refused(hosts.story(*ON), "does not appear to be a git repository")
    assert hosts.story("status", "--on", "temporal").out == "no pack of this repository is run on Temporal\n"


def test_a_pack_that_is_not_run_is_said_of_a_signal(world: World, temporal: Server) -> None:
    """ "Look again" for a pack that nobody runs is no error: a hook may call it after each push."""
    done = Hosts(world, temporal).story("signal", PACK)
    assert (done.code, done.out) == (0, "no pack of this repository is run on Temporal\n")


@pytest.mark.slow
def test_a_second_worker_with_a_name_leaves_the_first_ones_clone_alone(world: World, temporal: Server) -> None:
    """It is refused before it touches anything: the first one may be in the middle of a look."""
    with Hosts(world, temporal, "a") as hosts:
        hosts.until(lambda: "worker a of" in hosts.log("a"), "it works")
        (place,) = (world.folder / "states/a/story").glob("*/workers/a/tree")
        (place / "half.txt").write_text("half done")
        second = Hosts(world, temporal, env={"XDG_STATE_HOME": str(world.folder / "states/a")})
        refused(second.story_at("host-a", "worker", "--name", "a"), "a worker named 'a' runs on this machine already")
        assert (place / "half.txt").exists()
        assert hosts.stop("a") == 0


def test_a_worker_that_can_do_nothing_is_refused(world: World, temporal: Server) -> None:
    """Offering what this machine does not have is told at once."""
    done = Hosts(world, temporal).story("worker", "--offer", "role/painter/*")
    refused(done, "offers nothing of role/painter/*", "story doctor")


@pytest.mark.slow
def test_a_call_that_no_worker_offers_is_shown(world: World, temporal: Server) -> None:
    """The board says what performing it takes, so that somebody starts such a worker; then the pack goes on."""
    with Hosts(world, temporal) as hosts:
        hosts.start("a", "--offer", "packs")
        start(world, temporal)
        wanted = "no worker yet: role/pedant_validator/scripted"
        hosts.until(lambda: wanted in hosts.story("status", "--on", "temporal").out, "it is shown")
        hosts.start("b", "--offer", "role/*")
        hosts.until(lambda: world.states() == {"1": "approving"}, "it goes on")


@pytest.mark.slow
@pytest.mark.parametrize("version", [0, 99])
def test_an_order_of_another_version_is_named(world: World, temporal: Server, version: int) -> None:
    """A pack that an older or newer client started waits, and the board says which side to upgrade."""
    with Hosts(world, temporal, "a") as hosts:
        start(world, temporal, version=version)
        said = f"speaks version 1 of orders, the pack was started with version {version}"
        hosts.until(lambda: said in hosts.story("status", "--on", "temporal").out, "it is told")
    assert world.states() == {"1": "drafted"}


@pytest.mark.slow
def test_an_order_that_nobody_can_read_is_named(world: World, temporal: Server) -> None:
    """A newer client's order has words that this worker does not know: the board says so, and nothing is done."""
    with Hosts(world, temporal, "a") as hosts:
        start(world, temporal, hurry=True)
        said = "no worker can go on with it: most likely another version started it"
        hosts.until(lambda: said in hosts.story("status", "--on", "temporal").out, "it is told")
    assert world.states() == {"1": "drafted"}


def start(world: World, server: Server, **more: object) -> None:
    """Start the pack as another client does."""
    fleet = f"{world.remote.parent.name}/remote"
    order = {**PackOrder(fleet=fleet, pack=PACK, branch="main").model_dump(mode="json"), **more}

    async def main() -> None:
        client = await server.client()
        await client.start_workflow("story-pack", order, id=pack_id(fleet, PACK), task_queue=packs_queue(fleet))
        await asyncio.sleep(0.1)

    asyncio.run(main())
