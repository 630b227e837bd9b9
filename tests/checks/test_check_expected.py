"""What a story says of itself, for gates and summaries."""

from __future__ import annotations

import pytest
from tiny import Tiny

from engine.checks.expected import OwnedFiles, expected_tests, matches, owed_tcs, owned_acs, owned_files


def test_a_story_says_how_many_tests_it_adds_and_which_tcs() -> None:
    """The stated number, not one that we count; TCs in order."""
    assert expected_tests(Tiny().pack(), "1") == (2, ("TC-1.1a", "TC-1.1b"))
    assert expected_tests(Tiny().pack(), "0") == (None, ())


def test_a_story_owns_the_acs_that_it_names_and_those_of_its_tcs() -> None:
    """Each once."""
    assert owned_acs(Tiny().pack(), "1") == ("AC-1.1",)
    assert owned_acs(Tiny().replace("1/story.md", "- AC-1.1\n", "").pack(), "1") == ("AC-1.1",)


TABLES = """## Files

### New Files

| File | Purpose |
|---|---|
| `src/a.py`, `src/b` | `Shelf`: all rules |
| rules | `./src/**/*.ts` |
| `tests/test_a.py` | 5 tests |

### Modified Files

- `docs/` and what is in it, such as `not/this.md`
- **`Makefile`** (changed)
- `src/cli.py:12`
- see `no/path.py`
- `/etc/passwd`, `../up.py`, `a/../b.py`, `two words`, `*`

```
| `fenced.py` | no |
```

## Test Breakdown

### `login.test.ts`: 2 tests

| TC | Test Name |
|---|---|
| TC-1.1a | `test_tc_1_1a_opens` |

| Test File | # Tests |
|---|---|
| `checks/login.sh` | 1 |

"""


def test_a_story_owns_the_files_of_its_tables() -> None:
    """Paths and globs that rows and list items start with, by kind; prose, fences and ways out of the tree are none."""
    pack = Tiny().replace("1/story.md", "## Files\n### New Files\n- `src/desk.ts`\n", TABLES).pack()
    assert owned_files(pack, "1") == OwnedFiles(
        new=("src/a.py", "src/b", "src/**/*.ts"),
        modified=("docs/", "Makefile", "src/cli.py"),
        tests=("tests/test_a.py", "login.test.ts", "checks/login.sh", "tests/desk.test.ts"),
    )
    assert owned_files(Tiny().pack(), "0") == OwnedFiles(new=("src/index.ts",))


def test_a_story_names_what_it_owns() -> None:
    """A test that is named without its folder may lie in any; no other file may."""
    owned = OwnedFiles(new=("a.py",), modified=("docs/",), tests=("login.test.ts",))
    assert [path for path in ("a.py", "x/a.py", "docs/x/y.md", "x/login.test.ts", "x/y.ts") if owned.names(path)] == [
        "a.py",
        "docs/x/y.md",
        "x/login.test.ts",
    ]
    assert owned.names_test("x/login.test.ts")
    assert not owned.names_test("a.py")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("src/*.ts", "src/a.ts", "src/x/a.ts"),
        ("src/**/*.ts", "src/a.ts", "src/a.js"),
        ("src/**/*.ts", "src/x/y/a.ts", "a.ts"),
        ("src/**", "src/x/y", "src"),
        ("src/", "src/x/y", "srcs/x"),
        ("app/[id]/p.tsx", "app/[id]/p.tsx", "app/i/p.tsx"),
        ("a.{ts,tsx}", "a.tsx", "a.js"),
        ("a?.py", "ab.py", "a/.py"),
        ("a+b.{c", "a+b.{c", "aab.c"),
    ],
)
def test_a_pattern_fits_whole_paths(pattern: str, yes: str, no: str) -> None:
    """`*` and `?` stay in one folder, `**` and a last slash do not, brackets are letters."""
    assert matches(yes, pattern)
    assert not matches(no, pattern)


def owing(listed: str = "") -> Tiny:
    """Story 1 puts TC-1.1b off to story 2, which tests what is listed."""
    pack = (
        Tiny()
        .replace("1/story.md", ", TC-1.1b", "")
        .replace("1/story.md", "- AC-1.1\n", "- TC-1.1b: deferred → story 2\n")
    )
    pack.replace("1/story.md", "| 2 |", "| 1 |").replace("1/story.md", "count: 2", "count: 1")
    text = pack.files["1/story.md"].replace("Story 1", "Story 2").replace("1.1b: deferred → story 2", "2.1a")
    pack.files["2/story.md"] = text.replace("TC-1.1a", f"TC-2.1a{listed}")
    return pack.add("spec.md", "**AC-2.1:** It closes\n- **TC-2.1a: closes**\n")


@pytest.mark.parametrize("listed", ["", ", TC-1.1b"])
def test_a_tc_that_was_put_off_to_a_story_is_owed_by_it(listed: str) -> None:
    """The story answers for it by test, with the AC that it belongs to, whether it lists it or not."""
    pack = owing(listed).pack()
    assert expected_tests(pack, "2") == (1, ("TC-2.1a", "TC-1.1b"))
    assert owned_acs(pack, "2") == ("AC-2.1", "AC-1.1")
    assert owed_tcs(pack, "2") == ({} if listed else {"TC-1.1b": "1"})
    assert (expected_tests(pack, "1"), owed_tcs(pack, "1")) == ((1, ("TC-1.1a",)), {})


@pytest.mark.parametrize("said", ["TC-1.1b (manual)", "TC-1.1b: deferred → story 3"])
def test_what_the_story_itself_says_of_it_counts(said: str) -> None:
    """Checked by hand or put off once more, it is no debt of a test."""
    pack = owing().replace("2/story.md", "- TC-2.1a\n", f"- TC-2.1a\n- {said}\n").pack()
    assert owed_tcs(pack, "2") == {}
    assert "TC-1.1b" not in expected_tests(pack, "2")[1]


def test_check_tells_a_debt_that_is_not_listed_to_both_stories() -> None:
    """The problem stands where it was put off, and shows in a check of the story that owes it as well."""
    (told,) = [p for p in owing().check() if p.code == "C208"]
    assert (told.file, told.concerns("1"), told.concerns("2"), told.concerns("0")) == ("1/story.md", True, True, False)
    assert [(e.file, e.message) for e in told.echoes] == [("2/story.md", "story 2 owes TC-1.1b and does not list it")]
