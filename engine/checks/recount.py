"""Which figures follow when a story's number of tests is settled: each line as it is, and as it must be.

A figure is changed only where reading the page again shows that it, and nothing else, says the new number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from engine.checks.claims import read_claims, read_page
from engine.checks.counts import check_counts
from engine.checks.ledger import Ledger, keep_ledger
from engine.checks.plan import title_above
from engine.checks.reading import Page, Reading, read_pack_pages
from engine.checks.values import Claim, Quantity, own, total
from engine.errors import EditRefused
from engine.markdown.document import Table, lines_of
from engine.markdown.edit import ReplaceLine, apply_edits, equal_lines, table_cell
from engine.model.events import Figure
from engine.model.pack import Pack
from engine.model.problem import Problem

_NUMBER = re.compile(r"(?<![\w.~#/:–-])\d{1,5}(?![\w.]*\w)")
_MOST = 6  # equal numbers of one line that are told apart
_MOST_LEFT = 5
_PART = re.compile(r"::|[\s./\\]+")


@dataclass(frozen=True, slots=True)
class Recount:
    """The lines to correct, what contradicts the settled number still, and the story's own number as it then stands."""

    figures: tuple[Figure, ...] = ()
    left: tuple[str, ...] = ()
    own: int | None = None


def count_sources(pack: Pack, story: str) -> list[str]:
    """Who says how many tests a story has, and how many there are with it, each with its place."""
    claims = [c for c in read_claims(read_pack_pages(pack, lambda _: True)) if not c.hedged and not c.part]
    asked = (own(story), total(story))
    said = [c for c in claims if c.quantities[0] in asked]
    rows = {"sum": ", counted from its rows", "rows": ", counted from its rows"}
    return list(dict.fromkeys(f"`{c.place}` says {c.value} {c.quantities[0]}{rows.get(c.source, '')}" for c in said))


def stated_by_documents(pack: Pack, story: str) -> int | None:
    """The number of tests that overview, designs and plans give a story, where they agree; else None."""
    claims = read_claims(read_pack_pages(pack, lambda _: True))
    said = {
        c.value for c in claims if c.story is None and c.quantities == (own(story),) and not c.hedged and not c.part
    }
    return said.pop() if len(said) == 1 else None


def recount(
    pack: Pack, story: str, wanted: int | None, *, bugs: Mapping[str, str] | None = None, tests: Sequence[str] = ()
) -> Recount:
    """Correct every figure that rests on a story's number of tests, from its own on.

    `wanted` None is the number it has; `bugs` add a test and a row each; `tests` are the names of the new tests that
    ran, by which the rows of its files are counted.
    """
    reading = read_pack_pages(pack, lambda _: True)
    work = _Work(reading, story)
    was = work.ledger.owns.get(own(story))
    wanted = was if wanted is None else wanted
    if wanted is None:
        return Recount()
    wanted += len(bugs or {})
    if bugs:
        work.add_rows(bugs)
    work.settle(wanted, _per_file(work.claims, story, tests, wanted))
    before = {_place(problem) for problem in check_counts(reading)}
    wrong = [p for p in check_counts(work.reading) if p.code != "C307"]
    left = [f"{p.file}:{p.line}: {p.message}" for p in wrong if p.story == story or _place(p) not in before]
    said = [c.value for c in work.claims if c.role == "story" and c.story == story and c.quantities[0] == own(story)]
    stated = [value for value in said if value == wanted]
    more = [f"and {len(left) - _MOST_LEFT} more; `story check` lists them"] if len(left) > _MOST_LEFT else []
    return Recount(tuple(work.figures), (*left[:_MOST_LEFT], *more), stated[0] if stated else None)


def _place(problem: Problem) -> tuple[str, ...]:
    """What a problem is about, whatever its numbers."""
    return (problem.code, problem.file, re.sub(r"\d+", "", problem.message))


class _Work:
    """The pages as they become, one corrected line after the other."""

    def __init__(self, reading: Reading, story: str) -> None:
        self.story, self.figures = story, list[Figure]()
        self.reading, self.claims = reading, read_claims(reading)
        self.order = {page.path: number for number, page in enumerate(reading.pages())}
        setup = [story.id for story in reading.stories if story.setup]
        self.ledger = keep_ledger(self.claims, tuple(story.id for story in reading.stories), setup)

    def add_rows(self, bugs: Mapping[str, str]) -> None:
        """A row for each bug in every table from which the story's tests are counted."""
        counted = [c for c in self.claims if c.source and c.quantities == (own(self.story),)]
        for path in dict.fromkeys(c.place.file for c in counted):
            first = next(c for c in counted if c.place.file == path)
            page = next(page for page in self.reading.pages() if page.path == path)
            table = next((t for t in page.document.tables if t.line <= first.place.line <= _last(t)), None)
            if table is None or (first.source == "sum" and _per_file_table(page, table)):
                continue  # what cannot be corrected is told at the end, since the numbers differ then
            rows = [
                row.line for row in table.rows if not row.cells[0].lower().lstrip("* _").startswith(("total", "sum"))
            ]
            added = [_row(table, id_, text) for id_, text in bugs.items()]
            if rows:
                self._change(page, rows[-1], "\n".join([lines_of(page.raw)[rows[-1] - 1], *added]))

    def settle(self, wanted: int, files: Mapping[str, int]) -> None:
        """Bring every figure in line with the story's settled number, one line after the other."""
        after = _ledger_with(self.ledger, self.story, wanted, files)
        for claim in self.claims:
            new = _corrected(claim, self.ledger, after, self.story)
            if new is not None and not claim.source:
                self._correct(claim, new)

    def _correct(self, claim: Claim, new: int) -> None:
        """Change the one number of a line that is this claim's, if that can be told."""
        page = next(page for page in self.reading.pages() if page.path == claim.place.file)
        text = lines_of(page.raw)[claim.place.line - 1]
        spots = [m for m in _NUMBER.finditer(text) if int(m[0]) == claim.value][:_MOST]
        line = claim.place.line
        goal = {
            (_key(c), new if _key(c) == _key(claim) and c.value == claim.value else c.value) for c in self._at(claim)
        }
        for size in range(1, len(spots) + 1):
            fitting = []
            for chosen in combinations(spots, size):
                tried = _replaced(text, chosen, str(new))
                other = _with_line(page, line, tried)
                if other and {(_key(c), c.value) for c in _stated(self._read(other), page.path, line)} == goal:
                    fitting.append(tried)
            if len(fitting) == 1:
                self._change(page, line, fitting[0])
            if fitting:
                return

    def _at(self, claim: Claim) -> list[Claim]:
        return _stated(self.claims, claim.place.file, claim.place.line)

    def _change(self, page: Page, line: int, after: str) -> None:
        edit = _edit(page, line, after)
        try:
            raw = apply_edits(page.raw, [edit])
        except EditRefused:
            return
        self._keep(Figure(file=page.path, line=line, before=edit.before, after=after, nth=edit.nth))
        new = replace(page, whole=raw)
        self.reading = _with_page(self.reading, page, new)
        others = [claim for claim in self.claims if claim.place.file != page.path]
        self.claims = sorted([*others, *self._read(new)], key=lambda claim: self.order[claim.place.file])

    def _read(self, page: Page) -> list[Claim]:
        """The claims of one page as it would be; the others stay as they are."""
        mine = self.order[page.path]
        return read_page(self.reading, page, [c for c in self.claims if self.order[c.place.file] < mine])

    def _keep(self, figure: Figure) -> None:
        """One figure a line: what is corrected once more is corrected from what it was at first."""
        for number, old in enumerate(self.figures):
            first, *rows = old.after.split("\n")
            if (old.file, old.line, first) == (figure.file, figure.line, figure.before):
                after = "\n".join([figure.after, *rows])
                self.figures[number] = old.model_copy(update={"after": after})
                return
        self.figures.append(figure)


def _corrected(claim: Claim, before: Ledger, after: Ledger, story: str) -> int | None:
    """What a claim has to say from now on; None where it holds, or is not about this story's number."""
    place = after.order.index
    ends = {"own": story, "total": after.order[-1], "prior": after.order[-1]}

    def touched(quantity: Quantity) -> bool:
        first = place(story) + (quantity.kind == "prior")
        return first <= place(quantity.story) <= place(ends[quantity.kind])

    likeliest = claim.quantities[0]
    held = [quantity for quantity in claim.quantities if before.value(quantity, claim.stories) == claim.value]
    values = [after.value(quantity, claim.stories) for quantity in claim.quantities]
    if claim.hedged or claim.part or (claim.value in values and likeliest not in held):
        return None
    meant = likeliest if likeliest in held or not held else held[0]
    new = after.value(meant, claim.stories) if touched(meant) else None
    return None if new == claim.value else new


def _ledger_with(ledger: Ledger, story: str, value: int, files: Mapping[str, int]) -> Ledger:
    """The same ledger with another number for a story, and all totals after it."""
    new = Ledger(ledger.claims, ledger.order, dict(ledger.owns), dict(ledger.totals))
    was = ledger.owns.get(own(story))
    new.owns[own(story)] = value
    for later in ledger.order[ledger.order.index(story) :]:
        if later in new.totals and was is not None:
            new.totals[later] += value - was
    new.owns |= {own(story, file): number for file, number in files.items()}
    return new


def _per_file(claims: Sequence[Claim], story: str, tests: Sequence[str], wanted: int) -> dict[str, int]:
    """How many new tests each file of the story has, where every test is some file's and they add up."""
    files = {q.of for c in claims if c.path for q in c.quantities if q.kind == "own" and q.story == story and q.of}
    stems = {file: re.sub(r"\.\w+$", "", re.sub(r"\.(?:test|spec)\.\w+$", "", file)).lower() for file in files}
    found = dict.fromkeys(files, 0)
    for test in tests:
        parts = {part.lower() for part in _PART.split(test)}
        named = [file for file, stem in stems.items() if stem in parts]
        if len(named) != 1:
            return {}
        found[named[0]] += 1
    return found if tests and sum(found.values()) == wanted else {}


def _stated(claims: Sequence[Claim], file: str, line: int) -> list[Claim]:
    return [c for c in claims if (c.place.file, c.place.line) == (file, line) and not c.source]


def _key(claim: Claim) -> tuple[object, ...]:
    return (claim.quantities, claim.hedged, claim.part, claim.stories)


def _replaced(text: str, spots: Sequence[re.Match[str]], number: str) -> str:
    for spot in reversed(spots):
        text = text[: spot.start()] + number + text[spot.end() :]
    return text


def _with_line(page: Page, line: int, text: str) -> Page | None:
    try:
        return replace(page, whole=apply_edits(page.raw, [_edit(page, line, text)]))
    except EditRefused:
        return None


def _edit(page: Page, line: int, after: str) -> ReplaceLine:
    before = lines_of(page.raw)[line - 1]
    return ReplaceLine(before, after, equal_lines(page.raw, before, after).index(line))


def _with_page(reading: Reading, page: Page, new: Page) -> Reading:
    """The same reading with another page in one's place; the others are not read again."""

    def swap(one: Page) -> Page:
        return new if one is page else one

    stories = tuple(
        replace(story, page=swap(story.page), prompts=tuple(map(swap, story.prompts))) for story in reading.stories
    )
    overview = swap(reading.overview) if reading.overview else None
    return replace(reading, stories=stories, overview=overview, designs=tuple(map(swap, reading.designs)))


def _last(table: Table) -> int:
    return max((row.line for row in table.rows), default=table.line)


def _per_file_table(page: Page, table: Table) -> bool:
    """Do the rows of a table count for one file, which stands above it?"""
    return table.header[0].strip("* ").upper() == "TC" and bool(re.search(r"\w\.\w", title_above(page, table)))


def _row(table: Table, id_: str, text: str) -> str:
    """The row of a bug: its words in the first cell of a table of files, beside its id in a table of TCs."""
    said = table_cell(" ".join(text.replace("`", "").split())).replace("|", "\\|")
    heads = [head.strip("* ").lower() for head in table.header]
    return "| " + " | ".join(_cells(heads, id_, said)) + " |"


def _cells(heads: Sequence[str], id_: str, said: str) -> Iterator[str]:
    of_tcs = heads[0] == "tc"
    counts = [n for n, head in enumerate(heads) if n and re.fullmatch(r".*\btests?\b.*|count|added|#", head)]
    for number, head in enumerate(heads):
        if number == 0:
            yield id_ if of_tcs else f"{id_}: {said}"
        elif of_tcs:
            yield said if number == 1 else ""
        elif counts[:1] == [number]:
            yield "1"
        else:
            yield id_ if head.startswith("tc") else ""
