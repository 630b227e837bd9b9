"""What a story says of itself, for gates and summaries."""

from __future__ import annotations

import pytest
from tiny import Tiny

from engine.checks.expected import OwnedFiles, expected_tests, matches, owned_acs, owned_files


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
