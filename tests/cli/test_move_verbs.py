"""`advance`, `decide`, `diff`: a story moves, a person answers, git shows it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import STORY
from tests.cli.run import run, spawn, state_home, tree
from tests.faults.slice_repo import commit, git


def line_of(root: Path, words: str) -> int:
    """The line of story.md that holds some words."""
    lines = (root / STORY).read_text().split("\n")
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_one_step_at_a_time(adopted: Path) -> None:
    """`--step` takes one step and says from where to where and why, in words and as data."""
    first = run(adopted, "advance", "1", "--step")
    assert first.code == 0
    assert first.out.startswith("story 1: drafted → working: ")
    second = run(adopted, "advance", "1", "--step", "--json")
    assert (second.code, second.envelope["outcome"]) == (0, "moved")
    [step] = second.data["steps"]
    assert list(step) == ["from", "to", "actions", "why"]
    assert (step["from"], step["to"]) == ("working", "shipping")
    assert {"write as writer", "there"} <= set(step["actions"])
    assert step["why"]
    assert (adopted / "out.txt").read_text() == "written\n"


def test_it_ends_where_a_person_is_needed(adopted: Path) -> None:
    """The last words name who must do what at which line; the exit code is 0; a second run does nothing."""
    ran = run(adopted, "advance", "1", "--json")
    assert (ran.code, ran.envelope["outcome"]) == (0, "moved")
    assert [step["to"] for step in ran.data["steps"]] == ["working", "shipping"]
    waiting = ran.data["waiting"]
    assert set(waiting) == {"for", "items"}
    assert waiting["for"] == "person"
    line = line_of(adopted, "Shipped (human)")
    assert [{key: item[key] for key in ("file", "line")} for item in waiting["items"]] == [
        {"file": STORY, "line": line}
    ]
    before = tree(adopted)
    again = run(adopted, "advance", "1", "--json")
    assert (again.code, again.envelope["outcome"], again.data["steps"]) == (0, "waiting", [])
    assert again.data["waiting"] == waiting
    assert run(adopted, "advance", "1").out.splitlines()[-1].startswith(f"  {STORY}:{line}: ")
    assert tree(adopted) == before


def test_progress_is_told_beside_the_result(adopted: Path) -> None:
    """stdout holds the result alone, stderr what happens meanwhile."""
    ran = spawn(adopted, "advance", "1", "--json")
    assert ran.data["steps"]
    assert "story 1: write as writer …" in ran.err
    assert "\x1b" not in ran.err


def test_a_dry_run_changes_nothing(adopted: Path) -> None:
    """It says what would be done and leaves every byte, of the repository and of the engine's memory, as it was."""
    run(adopted, "advance", "1", "--step")
    commit(adopted, "step")
    before = tree(adopted), tree(state_home(adopted))
    ran = run(adopted, "advance", "1", "--dry-run")
    assert ran.code == 0
    assert "would run write as writer" in ran.out.splitlines()
    data = run(adopted, "advance", "1", "--dry-run", "--json").data
    assert data["steps"] == []
    assert "run write as writer" in data["would"]
    after = tree(adopted), tree(state_home(adopted))
    assert after[0] == before[0]
    assert {k: v for k, v in after[1].items() if "locks" not in k} == {
        k: v for k, v in before[1].items() if "locks" not in k
    }
    assert not (adopted / "out.txt").exists()


def test_a_dry_run_tells_of_an_answer(asking: Path) -> None:
    """What a person ticked would be taken; it is not taken yet."""
    text = (asking / STORY).read_text()
    (asking / STORY).write_text(text.replace("[ ] Shipped", "[x] Shipped"))
    before = tree(asking)
    ran = run(asking, "advance", "1", "--dry-run")
    assert ran.code == 0
    assert "would take the answer 'ship' to ship by Ana Person <ana@example.org>" in ran.out
    assert "would go from shipping to complete" in ran.out
    assert tree(asking) == before


def test_a_tick_in_the_file_is_an_answer(asking: Path) -> None:
    """Ticking the item is all a person has to do; the story is over, and stays so."""
    text = (asking / STORY).read_text()
    (asking / STORY).write_text(text.replace("[ ] Shipped", "[x] Shipped"))
    ran = run(asking, "advance", "1", "--json")
    assert [step["to"] for step in ran.data["steps"]] == ["complete"]
    assert ran.data["waiting"] == {"for": "nobody", "items": []}
    over = run(asking, "advance", "1")
    assert over.code == 0
    assert over.out.splitlines()[-1] == "story 1 is complete: nothing is left to do"


def test_decide_lists_what_is_asked(asking: Path) -> None:
    """Questions with their options, and the items that only a person ticks, each with its line."""
    ran = run(asking, "decide", "1")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(ran.out.splitlines()) == sorted(
        [
            f"  {STORY}:{line_of(asking, 'Shipped (human)')}: Shipped (human)",
            f"  {STORY}:{line_of(asking, '#### D1')}: D1: drop: it does not",
        ]
    )
    items = run(asking, "decide", "1", "--json").data["items"]
    assert {item["text"] for item in items} == {"Shipped (human)", "D1: drop: it does not"}
    for item in items:
        assert (asking / STORY).read_text().split("\n")[item["line"] - 1].count(item["text"].split(":")[0]) == 1


def test_decide_ticks_an_option_and_writes_the_note(asking: Path) -> None:
    """What the shell writes is what a person would write by hand, and nothing else."""
    old = (asking / STORY).read_text()
    ran = run(asking, "decide", "1", "D1", "drop", "--note", "not  now\nmaybe later")
    assert ran.code == 0
    assert f"{STORY}:{line_of(asking, '#### D1')}: D1: drop" in ran.out
    new = (asking / STORY).read_text()
    assert new == old.replace("- [ ] drop: it does not", "- [x] drop: it does not").replace(
        "Note:", "Note: not now maybe later"
    )
    run(asking, "decide", "1", "D1", "drop", "--note", "for good")
    assert "Note: for good\n" in (asking / STORY).read_text() + "\n"
    done = run(asking, "advance", "1", "--json")
    assert [step["to"] for step in done.data["steps"]] == ["abandoned"]
    assert "for good" in (asking / STORY.replace("story.md", "evidence/journal.jsonl")).read_text()


@pytest.mark.parametrize("words", [("Shipped (human)",), ("D1", "ship")])
def test_decide_ticks_an_item(asking: Path, words: tuple[str, ...]) -> None:
    """An item that only a person ticks, by its text or by the option it stands for."""
    old = (asking / STORY).read_text()
    run(asking, "decide", "1", "D1", "drop")
    if words == ("Shipped (human)",):
        (asking / STORY).write_text(old)
    assert run(asking, "decide", "1", *words).code == 0
    assert (asking / STORY).read_text() == old.replace("[ ] Shipped", "[x] Shipped")
    assert [step["to"] for step in run(asking, "advance", "1", "--json").data["steps"]] == ["complete"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("1", "D1", "maybe"), "D1 has no option 'maybe'; it has 'ship', 'drop'."),
        (("1", "D1"), "D1 has no option ''; it has 'ship', 'drop'."),
        (("1", "D7", "ship"), "'D7' is neither a question (D1 is asked) nor an item"),
        (("1", "File written"), "'File written' is neither a question"),
        (("1", "Shipped (human)", "ship"), "is neither a question"),
        (("9", "D1", "ship"), "there is no story '9'; there are 1."),
    ],
)
def test_decide_refuses_what_is_not_asked(asking: Path, words: tuple[str, ...], said: str) -> None:
    """A wrong option, an unknown question, an item that is not a person's: exit code 2, nothing is changed."""
    before = tree(asking)
    ran = run(asking, "decide", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert tree(asking) == before


def test_a_note_that_has_no_place_changes_nothing(asking: Path) -> None:
    """Where the line `Note:` was removed, neither the note nor the tick is written."""
    (asking / STORY).write_text((asking / STORY).read_text().replace("Note:", "Noted"))
    before = tree(asking)
    ran = run(asking, "decide", "1", "D1", "drop", "--note", "why")
    assert ran.code == 1
    assert "the question has no line `Note:`. Put it back." in ran.err
    assert tree(asking) == before


def test_diff_shows_progress_before_code(adopted: Path) -> None:
    """What is not committed yet: the story's own files first, everything else after them."""
    (adopted / "script.yaml").write_text((adopted / "script.yaml").read_text() + "# more\n")
    assert run(adopted, "advance", "1").code == 0
    before = tree(adopted)
    ran = run(adopted, "diff", "1")
    assert (ran.code, ran.err) == (0, "")
    shown = re.findall(r"^diff --git a/(\S+)", ran.out, re.M)
    homes = [name.startswith("docs/stories/story-1-file/") for name in shown]
    assert homes == sorted(homes, reverse=True)
    assert "script.yaml" in shown
    assert "\x1b" not in ran.out
    assert tree(adopted) == before


def test_diff_shows_one_step(asking: Path) -> None:
    """`--step N` shows the commit that holds it, progress and code apart, and no other."""
    one, two = (run(asking, "diff", "1", "--step", str(number)) for number in (1, 2))
    assert one.code == two.code == 0
    assert "-state: drafted\n+state: working" in one.out
    assert "out.txt" not in one.out
    assert "-state: working\n+state: shipping" in two.out
    assert two.out.index("+state: shipping") < two.out.index("b/out.txt")
    none = run(asking, "diff", "1", "--step", "3")
    assert none.code == 2
    assert "step 3 of story 1 is not committed" in none.err


def test_a_repository_within_another_one_is_one(asking: Path) -> None:
    """Where story.toml lies in a folder of a larger git repository, git is found and new evidence shows."""
    outer = asking.parent / "outer"
    inner = outer / "inner"
    inner.mkdir(parents=True)
    for name in ("docs", "machines", "story.toml", "script.yaml"):
        (asking / name).rename(inner / name)
    git(outer, "init", "-q", "-b", "main")
    git(outer, "config", "user.email", "ana@example.org")
    git(outer, "config", "user.name", "Ana Person")
    commit(outer, "all")
    env = {"XDG_STATE_HOME": str(state_home(asking))}
    assert run(inner, "decide", "1", "D1", "drop", env=env).code == 0
    assert run(inner, "advance", "1", env=env).code == 0
    assert "+state: abandoned" in run(inner, "diff", "1", env=env).out
    assert "-state: working\n+state: shipping" not in run(inner, "diff", "1", "--step", "2", env=env).out
    assert "+state: shipping" in run(inner, "diff", "1", "--step", "2", env=env).out


def test_diff_needs_git(adopted: Path, tmp_path: Path) -> None:
    """A folder without git is told so."""
    shutil.rmtree(adopted / ".git")
    ran = run(adopted, "diff", "1")
    assert ran.code == 2
    assert "is no git repository" in ran.err
