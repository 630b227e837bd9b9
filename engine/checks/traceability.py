"""Every AC has TCs, every TC one story, and every TC of a story stands in its prompts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from engine.checks.catalogue import echo, problem
from engine.checks.coverage import Coverage, Mention
from engine.checks.definitions import ID, Definition, number_of
from engine.checks.plan import read_mapping
from engine.checks.reading import Page, Reading, Story, name_of
from engine.markdown.trace import find_ids
from engine.model.problem import Problem

_ID = re.compile(rf"\b{ID}\b")


def check_traceability(reading: Reading, coverage: dict[str, Coverage]) -> Iterator[Problem]:
    """Follow ACs to TCs to stories to prompts."""
    if not reading.defined:
        place = (reading.overview or reading.stories[0].page).at(1)
        yield problem("C200", place, "No document around the stories defines an AC or TC.")
        return
    yield from _definitions(reading)
    yield from _unknown(reading)
    yield from _owners(reading, coverage)
    yield from _deferred(reading, coverage)
    yield from _mapped(reading, coverage)
    for story in reading.stories:
        yield from _in_prompts(reading, story, coverage[story.id])


def _definitions(reading: Reading) -> Iterator[Problem]:
    """An id is defined once, and an AC has TCs."""
    seen: dict[tuple[str, bool], Definition] = {}
    with_tcs = {d.ac for d in reading.definitions if d.ac}
    with_tcs |= {f"AC-{number_of(d.id)}" for d in reading.definitions if d.id.startswith("TC-")}
    for d in reading.definitions:
        if d.id.startswith("AC-") and d.id not in with_tcs and reading.defined[d.id] is d:
            yield problem("C201", d.place, f"{d.id} has no TC.", story=d.story)
        before = seen.setdefault((d.id, d.story is None), d)  # a story may repeat the spec's definition
        two_owners = d.id.startswith("TC-") and d.story != before.story  # C204 says so
        if d.strong and before is not d and not two_owners:
            yield problem("C209", d.place, f"{d.id} is defined here and at {before.place}.", story=d.story)


def _unknown(reading: Reading) -> Iterator[Problem]:
    """Whoever names an id must find it defined."""
    numbers = {number_of(id_) for id_ in reading.defined}
    places: dict[str, list[tuple[Page, int]]] = {}
    for page in reading.pages():
        for line in page.lines:
            if "C-" not in line.text or line.engine or (line.fenced and page.role != "prompt"):
                continue
            for id_ in dict.fromkeys(_ID.findall(line.text)):
                if id_ not in reading.defined:
                    places.setdefault(id_, []).append((page, line.number))
    for id_, named in places.items():
        first = next(((p, n) for p, n in named if p.role in ("story", "prompt")), named[0])
        hint = _twin(reading, id_)
        if not hint and number_of(id_) in numbers:
            hint = f" The spec has {', '.join(i for i in reading.defined if number_of(i) == number_of(id_))}."
        echoes = [echo(p.at(n), f"{id_} again") for p, n in named if (p, n) != first]
        code = "C205" if first[0].role in ("story", "prompt") else "C210"
        message = f"{id_} is named, but not defined in the spec.{hint}"
        yield problem(code, first[0].at(first[1]), message, story=first[0].story, echoes=echoes)


def _twin(reading: Reading, id_: str) -> str:
    twin = ("TC" if id_.startswith("AC") else "AC") + id_[2:]
    return f" Is {twin} meant?" if twin in reading.defined else ""


def _owners(reading: Reading, coverage: dict[str, Coverage]) -> Iterator[Problem]:
    """Each AC and TC of the spec belongs to a story, each TC to one."""
    mapping = read_mapping(reading.designs)
    owned: dict[str, list[Story]] = {}
    named: set[str] = set()
    for story in reading.stories:
        mine = coverage[story.id]
        for id_ in mine.tests:
            owned.setdefault(id_, []).append(story)
        named |= {*mine.taken, *mine.deferred, *mine.acs}
    covered = {f"AC-{number_of(id_)}" for id_ in named} | named
    covered |= {d.ac for d in reading.definitions if d.ac and d.id in named}
    for id_, d in reading.defined.items():
        if id_.startswith("AC-") and id_ not in covered:
            yield problem("C202", d.place, f"No story covers {id_}.")
        elif id_.startswith("TC-") and id_ not in named and d.ac in covered | {None}:
            yield problem("C203", d.place, f"No story owns {id_}.")
    for id_, owners in owned.items():
        if id_ in reading.defined and len(owners) > 1 and len(mapping.get(id_, {})) < 2:
            first, second = owners[0], owners[1]
            place, other = second.page.at(coverage[second.id].tests[id_]), coverage[first.id].tests[id_]
            message = f"{id_} is owned here and by story {first.id} ({first.page.at(other)})."
            more = [echo(s.page.at(coverage[s.id].tests[id_]), f"and by story {s.id}") for s in owners[2:]]
            yield problem("C204", place, message, story=second.id, echoes=more)


def _deferred(reading: Reading, coverage: dict[str, Coverage]) -> Iterator[Problem]:
    """A TC that is put off must be taken by the story that was named, or by any where none was."""
    for story in reading.stories:
        for id_, mention in coverage[story.id].deferred.items():
            if id_ not in reading.defined:
                continue
            takers = [s.id for s in reading.stories if s.id != story.id and id_ in coverage[s.id].taken]
            if mention.target in takers or (takers and not mention.target):
                continue
            message = f"{id_} is {_to(mention)}, but {_answer(reading, mention, takers)}."
            name = f"story {mention.target}" if mention.target else "the story that tests it"
            owing = reading.by_id.get(mention.target or "")
            owes = [echo(owing.page.at(1), f"story {owing.id} owes {id_} and does not list it")] if owing else []
            also = owing.id if owing else None
            yield problem(
                "C208", story.page.at(mention.line), message, name=name, story=story.id, also=also, echoes=owes
            )


def _to(mention: Mention) -> str:
    if mention.status == "elsewhere":
        return f"left to story {mention.target}"
    return f"deferred to story {mention.target}" if mention.target else "deferred without naming a story"


def _answer(reading: Reading, mention: Mention, takers: list[str]) -> str:
    if takers:
        return f"story {takers[0]} takes it"
    if not mention.target:
        return "no story takes it"
    target = reading.by_id.get(mention.target)
    return f"{target.page.path} does not take it" if target else "there is no such story"


def _mapped(reading: Reading, coverage: dict[str, Coverage]) -> Iterator[Problem]:
    """A plan that maps most TCs to tests maps them all."""
    mapping = read_mapping(reading.designs)
    tcs = {id_: d for id_, d in reading.defined.items() if id_.startswith("TC-")}
    missing = [id_ for id_ in tcs if id_ not in mapping]
    by_hand = set(chain.from_iterable(c.manual for c in coverage.values()))
    if len(missing) * 2 >= len(tcs):
        return
    for id_ in missing:
        if id_ not in by_hand:
            plan = ", ".join(dict.fromkeys(page.path for page in reading.designs))
            yield problem("C211", tcs[id_].place, f"{id_} is mapped to no test in {plan}.")


def _in_prompts(reading: Reading, story: Story, mine: Coverage) -> Iterator[Problem]:
    """The red and the verify prompt name each TC that the story tests."""
    if story.setup:
        return
    known = [*reading.defined]
    tcs = [id_ for id_ in mine.tests if id_ in reading.defined]
    for code, pages, extra in (
        ("C206", story.prompts_of("red"), story.prompts_of("extra")),
        ("C207", story.prompts_of("verify"), ()),
    ):
        if pages:
            named = _named((*pages, *extra), known)
            missing = [id_ for id_ in tcs if id_ not in named]
            if missing:
                first, path = missing[0], pages[0].path
                echoes = [echo(story.page.at(mine.tests[i]), f"{i} is missing, too") for i in missing[1:]]
                message = f"{first} is tested by this story, but {path} does not name it."
                place, name = story.page.at(mine.tests[first]), name_of(path)
                yield problem(code, place, message, name=name, story=story.id, echoes=echoes)


def _named(pages: Iterable[Page], known: list[str]) -> set[str]:
    lines = (line.text for page in pages for line in page.lines if "C-" in line.text)
    return {id_ for text in lines for id_ in find_ids(text, known)}
