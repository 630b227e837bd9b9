"""The ledger of test counts: wordings, and each root cause once."""

from __future__ import annotations

import pytest
from tiny import STORY, Tiny

from engine.checks.catalogue import Place
from engine.checks.claims import read_claims
from engine.checks.ledger import keep_ledger
from engine.checks.reading import read_pack_pages
from engine.checks.values import Claim, Quantity, own, prior, total


def claims_of(line: str, *, path: str = "1/prompt-1.2-green.md") -> list[tuple[int, list[str]]]:
    """What one more line of a prompt claims: (value, quantities)."""
    pack = Tiny()
    number = pack.files[path].count("\n") + 2
    pack.add(path, f"\n{line}\n")
    found = read_claims(read_pack_pages(pack.pack(), lambda _: True))
    return [(c.value, [str(q) for q in c.quantities]) for c in found if c.place == Place(file=path, line=number)]


OWN, TOTAL, PRIOR = "tests of story 1", "tests up to story 1", "tests before story 1"
FILE, FILES = "tests in desk.test.ts of story 1", "tests in desk.test.ts up to story 1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("All 9 tests pass.", [(9, [OWN, TOTAL, PRIOR])]),
        ("9 tests PASS total", [(9, [TOTAL, OWN, PRIOR])]),
        ("- All 9 prior tests pass", [(9, [PRIOR])]),
        ("- Prior tests: 9 pass, 0 fail", [(9, [PRIOR])]),
        ("- [ ] 9 tests PASS (7 previous + 2 new)", [(7, [PRIOR]), (2, [OWN]), (9, [OWN, TOTAL, PRIOR])]),
        ("9 new tests ERROR. Previous 7 PASS.", [(7, [PRIOR]), (9, [OWN])]),
        ("Write 9 failing tests.", [(9, [OWN])]),
        ("**Story 1 test count: 9**", [(9, [OWN])]),
        ("- **Story total:** 9 tests", [(9, [OWN])]),
        ("This brings the total test count to 9.", [(9, [TOTAL])]),
        ("**Running total:** 9 tests", [(9, [TOTAL])]),
        ("**Total: 9 tests**", [(9, [OWN, TOTAL])]),
        ("- Story 0 complete (set up, 9 tests pass)", [(9, ["tests of story 0", "tests up to story 0"])]),
        ("- Stories 0-1 complete: 9 tests passing", [(9, [OWN, TOTAL])]),
        ("The 9 new Story 1 tests fail.", [(9, [OWN])]),
        ("There is a 9-test pre-Story-1 baseline.", [(9, [PRIOR])]),
        ("- `tests/desk.test.ts` -- 9 tests", [(9, [FILE, FILES])]),
        ("- `tests/desk.test.ts` has 9 new tests", [(9, [FILE])]),
        ("All 9 desk tests pass", [(9, [FILE, FILES])]),
        ("Isolated `desk` run shows the 9 tests failing", [(9, [FILE, FILES])]),
        ("9 new AcmeClient tests PASS", [(9, [OWN])]),
        ("9 tests in `tests/desk.test.ts` and 1 test in `tests/door.test.ts`.", [(9, [FILE, FILES]),
         (1, ["tests in door.test.ts of story 1", "tests in door.test.ts up to story 1"])]),
        ("5 smoke tests, the first 9 tests, 2 test files, 15 items, v1.9 tests, Story 1 tests, ~9 tests", []),
        ("`9 tests` in code", []),
    ],
)  # fmt: skip
def test_wordings(line: str, expected: list[tuple[int, list[str]]]) -> None:
    """Each wording states these quantities, and nothing else."""
    assert sorted(claims_of(line)) == sorted(expected)


@pytest.mark.parametrize(
    "line",
    ["If story 0 is there, 2 prior tests pass.", "Commonly 2 prior tests pass.", "About 2 prior tests pass."],
)
def test_a_hedged_number_may_be_any_sum_of_earlier_stories(line: str) -> None:
    """Story 0 alone: 0. Whatever no sum gives is wrong all the same."""
    pack = Tiny().add("1/prompt-1.2-green.md", line + "\n")
    assert pack.found() == ["C305 1/prompt-1.2-green.md:8"]
    assert Tiny().add("1/prompt-1.2-green.md", line.replace("2", "0") + "\n").found() == []


def test_one_wrong_row_is_one_problem() -> None:
    """The sum, and whoever repeats it, are echoes of the row."""
    pack = Tiny().replace("1/story.md", "| 2 |", "| 3 |").replace("1/story.md", "`src/desk.ts`", "`src/desk.ts`\n- x")
    pack.add(
        "1/prompt-1.1-skeleton-red.md",
        "- `tests/desk.test.ts` has 2 tests\n- `tests/desk.test.ts`: 2 tests\n",
    )
    pack.add("1/prompt-1.2-green.md", "- `tests/desk.test.ts` has 2 tests\n")
    (problem,) = pack.check()
    assert (problem.code, problem.line) == ("C301", 13)


def test_a_story_outweighs_its_overview() -> None:
    """The story says 2 twice, the overview says 5 twice: the overview is wrong, once."""
    pack = Tiny().add("overview.md", "| Story | Tests | Running Total |\n|---|---|---|\n| 0 | 0 | 0 |\n| 1 | 5 | 5 |\n")
    (problem,) = pack.check()
    assert (problem.code, problem.file, problem.line) == ("C303", "overview.md", 5)
    assert "2 is said at 1/story.md:14" in problem.message


def test_a_total_that_follows_from_a_wrong_count_is_its_echo() -> None:
    """Later stories' totals carry the same offset."""
    pack = Tiny().add("overview.md", "| Story | Tests | Running Total |\n|---|---|---|\n| 1 | 5 | 5 |\n| 2 | 2 | 7 |\n")
    pack.files["2/story.md"] = STORY.replace("Story 1", "Story 2").replace("desk", "door")
    counts = [p for p in pack.check() if p.code.startswith("C3")]
    assert [(p.code, p.line, [e.line for e in p.echoes]) for p in counts] == [("C303", 4, [5])]


def test_a_story_without_a_number_has_what_its_total_leaves() -> None:
    """Totals speak for stories that say nothing."""
    story1, story2 = own("1"), own("2")
    at = Place(file="overview.md", line=1)
    claims = [
        Claim(4, (story1,), at, "overview"),
        Claim(9, (total("2"),), at, "overview"),
        Claim(8, (prior("3"),), at, "prompt"),
    ]
    ledger = keep_ledger(claims, ("1", "2", "3"), ())
    assert ledger.value(story2) == 5
    assert [(q, [c.value for c in cs]) for q, cs in ledger.broken()] == [(prior("3"), [8])]


def test_what_nobody_states_cannot_be_contradicted() -> None:
    """Without any number of its own, a story's totals are unknown."""
    at = Place(file="a.md", line=1)
    ledger = keep_ledger([Claim(8, (prior("3"),), at, "prompt")], ("1", "2", "3"), ())
    assert ledger.broken() == []
    assert ledger.value(total("3")) is None
    assert ledger.value(prior("1")) == 0


def test_a_folder_is_the_sum_of_its_files() -> None:
    """`5 server tests` are those in server/."""
    at = Place(file="1/story.md", line=1)
    claims = [
        Claim(2, (own("1", "a.test.ts"),), at, "story", "1", path="tests/server/a.test.ts"),
        Claim(3, (own("1", "b.test.ts"),), at, "story", "1", path="tests/client/b.test.ts"),
        Claim(5, (prior("2", "server/"),), at, "story", "2"),
    ]
    ledger = keep_ledger(claims, ("1", "2"), ())
    assert [(str(q), ledger.value(q)) for q, _ in ledger.broken()] == [("tests in server/ before story 2", 2)]


def test_too_many_stories_for_all_their_sums_believe_a_hedge() -> None:
    """Sums of forty stories would be a trillion."""
    order = tuple(map(str, range(1, 41)))
    at = Place(file="a.md", line=1)
    claims = [Claim(2**n % 10_007, (own(s),), at, "overview") for n, s in enumerate(order)]
    claims.append(Claim(1, (prior("40"),), at, "prompt", hedged=True))
    assert keep_ledger(claims, order, ()).broken() == []


@pytest.mark.parametrize(
    ("header", "row", "value", "quantity"),
    [
        ("Story | Tests", "1 | 9", 9, own("1")),
        ("Story | # Tests | Cumulative", "Story 1 | -- | 9", 9, total("1")),
        ("Phase | This Story | Cumulative", "Previous (Story 0) | -- | 9", 9, prior("1")),
        ("Cumulative | Tests", "**Story 1** | **9**", 9, total("1")),
        ("Story | Tests Added | Running Total", "Total | -- | 9", 9, total("1")),
        ("Test File | # Tests", "**Total** | 9", 9, own("1")),
        ("Test File | # Tests", "`tests/desk.test.ts` | +9", 9, own("1", "desk.test.ts")),
        ("File | Purpose", "`tests/desk.test.ts` | 9 tests for desks", 9, own("1", "desk.test.ts")),
        (
            "Test File | # Tests | Story",
            "`tests/desk.test.ts` | 9 | Stories 0+1",
            9,
            total("1", "desk.test.ts"),
        ),
        ("Test File | # Tests | Story", "`tests/desk.test.ts` | 9 | Story 0", 9, own("0", "desk.test.ts")),
    ],
)
def test_tables(header: str, row: str, value: int, quantity: Quantity) -> None:
    """Each kind of table states this quantity first."""
    pack = Tiny()
    path = "1/prompt-1.2-green.md"
    line = pack.files[path].count("\n") + 5
    width = header.count("|") + 1
    pack.add(path, f"\n## Tests of Story 1\n| {header} |\n|{'---|' * width}\n| {row} |\n")
    found = read_claims(read_pack_pages(pack.pack(), lambda _: True))
    assert [(c.value, c.quantities[0]) for c in found if c.place == Place(file=path, line=line)][:1] == [
        (value, quantity)
    ]


def test_a_hedged_cell_is_read_without_its_story_numbers() -> None:
    """`0 (Story 0 only) or 9 (Story 0 + 1)` says 0 and 9."""
    pack = Tiny().add(
        "1/story.md",
        "\n| Phase | Cumulative |\n|---|---|\n| Previous | 0 (Story 0 only) or 9 (Story 0 + 1) |\n",
    )
    found = read_claims(read_pack_pages(pack.pack(), lambda _: True))
    assert [(c.value, c.hedged) for c in found if c.quantities[0] == prior("1")] == [(0, True), (9, True)]


def test_rows_that_are_tests_are_counted() -> None:
    """A breakdown with a row per test counts by its rows; tests by hand do not count."""
    table = "| TC | Test Name |\n|---|---|\n| TC-1.1a | TC-1.1a: once |\n| TC-1.1b | TC-1.1b: twice |\n"
    table += "| -- | c |\n| -- | d (manual) |\n"
    pack = Tiny().replace("1/story.md", "| Test File | # Tests | TCs |\n|---|---|---|\n", table)
    pack.replace("1/story.md", "| `tests/desk.test.ts` | 2 | TC-1.1a, TC-1.1b |\n", "")
    pack.replace("1/story.md", "- 2 tests pass", "- 3 tests pass (3 new)")
    pack.replace("1/prompt-1.1-skeleton-red.md", "Write 2", "Write 3")
    (problem,) = pack.check()
    assert (problem.code, problem.line) == ("C301", 17)


def test_the_number_of_stories() -> None:
    """Every document's number of stories is compared; later ones are echoes."""
    (problem,) = Tiny().add("overview.md", "3 stories\n\n4 stories\n\n2 stories\n").check()
    assert (problem.code, problem.line, [e.line for e in problem.echoes]) == ("C307", 2, [4])


def test_a_graph_states_counts() -> None:
    """`Story 1 (Desk) [5 tests]` in a drawn graph."""
    assert Tiny().add("overview.md", "## Graph\n```\nStory 0\nStory 1 [5 tests]\n```\n").found() == [
        "C303 overview.md:5"
    ]
