"""Clean story packs made by program: a spec, a design, a test plan, an overview, stories and prompts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.model.pack import Pack, Source, StorySource

THINGS = [
    "valve",
    "sensor",
    "schedule",
    "alarm",
    "report",
    "harvest",
    "pump",
    "tray",
    "lamp",
    "filter",
    "seed",
    "bed",
]
DEEDS = [
    "opens",
    "lists",
    "stores",
    "rejects",
    "renames",
    "archives",
    "restores",
    "counts",
    "colours",
    "merges",
]
WHENS = [
    "at once",
    "after a restart",
    "when empty",
    "twice",
    "by name",
    "in order",
    "without a network",
    "at night",
]
CODE = {"folders": "src", "files": "lib"}


@dataclass
class Tc:
    id: str
    title: str
    how: str = "test"  # "test", "manual" or the id of the story that it is deferred to


@dataclass
class Ac:
    id: str
    title: str
    tcs: list[Tc]


@dataclass
class TestFile:
    path: str
    tcs: list[Tc]
    extra: int  # tests without a TC
    new: bool = True

    @property
    def count(self) -> int:
        return len(self.tcs) + self.extra


@dataclass
class Tale:
    """One story as planned."""

    id: str
    slug: str
    title: str
    acs: list[Ac] = field(default_factory=list)
    tests: list[TestFile] = field(default_factory=list)
    taken: list[Tc] = field(default_factory=list)  # deferred by others to this story
    creates: list[str] = field(default_factory=list)
    modifies: list[str] = field(default_factory=list)
    style: int = 0

    @property
    def own(self) -> int:
        return sum(t.count for t in self.tests)

    @property
    def tested(self) -> list[Tc]:
        return [tc for t in self.tests for tc in t.tcs]


@dataclass
class World:
    layout: str
    home: str
    tales: list[Tale]
    files: dict[str, list[str]]
    paths: set[str]

    def path(self, end: str) -> str:
        return next(p for p in self.files if p.endswith(end))

    def story(self, tale: Tale) -> str:
        if self.layout == "files":
            return f"{self.home}/{tale.id.zfill(2)}-{tale.slug}.md"
        return f"{self.home}/story-{tale.id}-{tale.slug}/story.md"

    def prompt(self, tale: Tale, phase: str) -> str:
        return self.path(f"story-{tale.id}-{tale.slug}/prompt-{tale.id}.{phase}.md")

    def pack(self) -> Pack:
        """The world as read from disk."""

        def source(path: str) -> Source:
            return Source(path=path, raw=("\n".join(self.files[path]) + "\n").encode())

        stories, seen = [], set()
        for tale in self.tales:
            path = self.story(tale)
            seen.add(path)
            folder = path.rsplit("/", 1)[0]
            prompts = tuple(source(p) for p in sorted(self.files) if p.startswith(f"{folder}/prompt-"))
            if path in self.files:
                stories.append(
                    StorySource(id=tale.id, slug=tale.slug, folder=folder, story=source(path), prompts=prompts)
                )
        docs = self.home.rsplit("/", 1)[0]

        def those(name: str) -> tuple[Source, ...]:
            return tuple(source(p) for p in sorted(self.files) if p == f"{docs}/{name}.md")

        overview = f"{self.home}/overview.md"
        return Pack(
            name="garden",
            root=self.home,
            layout=self.layout,
            stories=tuple(stories),
            overview=source(overview) if overview in self.files else None,
            specs=those("feature-spec"),
            designs=those("tech-design"),
            plans=those("test-plan"),
        )

    def exists(self) -> Callable[[str], bool]:
        known = {*self.files, *self.paths}
        return lambda path: path in known or any(p.startswith(path.rstrip("/") + "/") for p in known)


def make_world(seed: int, size: int = 5, layout: str = "folders") -> World:
    """Make a clean pack of about *size* stories."""
    rng = random.Random(seed)
    home = rng.choice(["docs/stories", "docs/epics/03-garden/stories"])
    tales = _plan(rng, size, layout)
    world = World(layout, home, tales, {}, {"README.md", "src/main.ts"})
    docs = home.rsplit("/", 1)[0]
    if layout == "folders" or seed % 2:
        world.files[f"{docs}/feature-spec.md"] = _spec(tales)
    if layout == "folders":
        world.files[f"{docs}/tech-design.md"] = _design(tales)
        world.files[f"{docs}/test-plan.md"] = _test_plan(tales)
    world.files[f"{home}/overview.md"] = _overview(tales, docs, layout)
    for tale in tales:
        if layout == "files":
            world.files[world.story(tale)] = _story_file(tale)
            continue
        folder = world.story(tale).rsplit("/", 1)[0]
        before = tales[: tales.index(tale)]
        world.files[f"{folder}/story.md"] = _story(tale, before)
        for name, lines in _prompts(tale, before, docs).items():
            world.files[f"{folder}/{name}"] = lines
    return world


def total(tales: list[Tale]) -> int:
    """The tests of these stories."""
    return sum(t.own for t in tales)


def _plan(rng: random.Random, size: int, layout: str) -> list[Tale]:
    ids = ["0", "1", "2a", "2b", *map(str, range(3, 40))] if rng.random() < 0.5 else list(map(str, range(40)))
    tales, sources, files = [], ["src/errors.ts", "src/types.ts", "src/index.ts"], []
    for index, id_ in enumerate(ids[:size]):
        thing = THINGS[index % len(THINGS)]
        tale = Tale(id_, f"{thing}-desk", f"{thing.capitalize()} Desk", style=rng.randrange(3))
        if index == 0:
            tale.creates = list(sources)
            tales.append(tale)
            continue
        letters = "abcdefg"
        for a in range(rng.randint(2, 3)):
            ac = f"{index}.{a + 1}"
            tcs = [
                Tc(f"TC-{ac}{letters[t]}", f"{thing} {rng.choice(DEEDS)} {rng.choice(WHENS)}")
                for t in range(rng.randint(2, 4))
            ]
            tale.acs.append(Ac(f"AC-{ac}", f"The {thing} desk {rng.choice(DEEDS)} {thing}s", tcs))
        tale.acs[0].tcs.append(Tc(f"TC-{index}.1{letters[len(tale.acs[0].tcs)]}", f"{thing} feels right", "manual"))
        tested = [tc for ac in tale.acs for tc in ac.tcs if tc.how == "test"]
        cut = rng.randint(2, len(tested) - 1)
        new = f"tests/server/{thing}.test.ts", f"tests/client/{thing}-view.test.ts"
        tale.tests = [TestFile(new[0], tested[:cut], 0), TestFile(new[1], tested[cut:], rng.randint(0, 2))]
        tale.creates = [f"src/{thing}/{thing}.ts", f"src/{thing}/{thing}-view.ts"]
        tale.modifies = rng.sample(sources, 2)
        sources += tale.creates
        files += new
        tales.append(tale)
    if size > 3 and layout == "folders":  # one story adds to another's test file, one takes a deferred TC
        early, late = tales[1], tales[-1]
        moved = early.tests[1].tcs.pop() if len(early.tests[1].tcs) > 1 else early.tests[0].tcs.pop()
        moved.how = late.id
        late.taken.append(moved)
        late.tests.append(TestFile(early.tests[1].path, [moved], 1, new=False))
    return tales


def _spec(tales: list[Tale]) -> list[str]:
    out = ["# Feature Spec: Garden Desk", "", "## Flows", ""]
    for tale in tales[1:]:
        out += [f"### {tale.title}", "", "#### Acceptance Criteria", ""]
        for ac in tale.acs:
            out += [f"**{ac.id}:** {ac.title}", ""]
            for tc in ac.tcs:
                out += [f"- **{tc.id}: {tc.title}**", "  - Given: a bed", "  - Then: it grows", ""]
    out += ["## Traceability", "", "| AC | TCs |", "|----|-----|"]
    return out + [f"| {ac.id} | {', '.join(tc.id for tc in ac.tcs)} |" for t in tales for ac in t.acs] + [""]


def _design(tales: list[Tale]) -> list[str]:
    out = [
        "# Technical Design: Garden Desk",
        "",
        "## Purpose",
        "",
        "A desk for gardens.",
        "",
        "## Work Breakdown",
        "",
    ]
    sofar = 0
    for tale in tales:
        out += [f"### Story {tale.id}: {tale.title}", ""]
        if not tale.tests:
            out += ["**Test count:** 0", ""]
            continue
        out += [f"**ACs:** {', '.join(ac.id for ac in tale.acs)}", "", "#### TDD Red", ""]
        out += ["| Test File | # Tests | TCs Covered |", "|---|---|---|"]
        for t in tale.tests:
            out.append(f"| `{t.path}` | {'' if t.new else '+'}{t.count} | {', '.join(tc.id for tc in t.tcs)} |")
        out += ["", f"**Exit Criteria:** {tale.own} new tests ERROR. Previous {sofar} PASS.", ""]
        sofar += tale.own
        out += [f"**Exit Criteria:** {sofar} tests PASS total.", "", f"**Running total:** {sofar} tests", ""]
    return [*out, "### Story Dependencies", "", *_graph(tales, False), ""]


def _graph(tales: list[Tale], counts: bool) -> list[str]:
    out = ["```"]
    for tale in tales:
        out += [f"Story {tale.id} ({tale.title})" + (f"   [{tale.own} tests]" if counts else ""), "    ↓"]
    return [*out[:-1], "```"]


def _test_plan(tales: list[Tale]) -> list[str]:
    out = ["# Test Plan: Garden Desk", "", "## Mapping", ""]
    files: dict[str, list[TestFile]] = {}
    for tale in tales:
        for t in tale.tests:
            files.setdefault(t.path, []).append(t)
    for path, parts in files.items():
        out += [f"**`{path}`**", "", "| TC | Test Name | Assert |", "|----|-----------|--------|"]
        out += [f"| {tc.id} | {tc.id}: {tc.title} | it holds |" for p in parts for tc in p.tcs]
        out += [f"| — | {path} smoke {n} | it runs |" for p in parts for n in range(p.extra)] + [""]
    out += ["## Manual Tests", "", "| TC | What | Where |", "|----|------|-------|"]
    return (
        out
        + [
            f"| {tc.id} | {tc.title} | Manual / Gorilla |"
            for t in tales
            for ac in t.acs
            for tc in ac.tcs
            if tc.how == "manual"
        ]
        + [""]
    )


def _overview(tales: list[Tale], docs: str, layout: str) -> list[str]:
    out = ["# Story Sharding: Garden Desk", "", f"{len(tales)} stories delivering {total(tales)} tests.", ""]
    out += ["## Story Dependency Graph", "", *_graph(tales, True), "", "## Stories", ""]
    out += ["| Story | Title | ACs | Tests | Running Total |", "|---|---|---|---|---|"]
    for n, tale in enumerate(tales):
        acs = ", ".join(ac.id for ac in tale.acs) or "—"
        out.append(f"| {tale.id} | {tale.title} | {acs} | {tale.own} | {total(tales[: n + 1])} |")
    if layout == "folders":
        out += [
            "",
            "## Reference Documents",
            "",
            f"- Spec: `{docs}/feature-spec.md`",
            f"- Design: `{docs}/tech-design.md`",
        ]
    return [*out, ""]


def _story(tale: Tale, before: list[Tale]) -> list[str]:
    out = [
        f"# Story {tale.id}: {tale.title}",
        "",
        "## Overview",
        "",
        f"This story builds the {tale.title.lower()}.",
        "",
    ]
    if tale.style == 1 and before:
        out[:0] = ["---", f"depends_on: [{', '.join(t.id for t in before[-2:])}]", "---", ""]
    out += ["## Prerequisites", ""]
    if before:
        out += [
            f"- Story {t.id} complete ({t.title.lower()}, {total(before[: n + 1])} tests pass)"
            for n, t in enumerate(before)
        ]
        out += [f"- All {total(before)} existing tests pass", ""]
    else:
        out += ["- A working toolchain", ""]
    out += ["## ACs Covered", ""]
    if tale.acs:
        out += ["| AC | Description |", "|----|-------------|"]
        out += [f"| {ac.id} | {ac.title} |" for ac in tale.acs] + [""]
        hand = [tc for ac in tale.acs for tc in ac.tcs if tc.how == "manual"]
        out += [f"- {tc.id}: manual (gardener)" for tc in hand] + [""]
    else:
        out += ["None. This is infrastructure.", ""]
    out += ["## Files", "", "### New Files", "", "| File | Purpose |", "|------|---------|"]
    out += [f"| `{p}` | New code |" for p in tale.creates]
    out += [f"| `{t.path}` | {t.count} tests for the desk |" for t in tale.tests if t.new] + [""]
    if tale.modifies:
        out += ["### Modified Files", "", "| File | Changes |", "|------|---------|"]
        out += [f"| `{p}` | Wire it in |" for p in tale.modifies]
        out += [f"| `{t.path}` | +{t.count} tests |" for t in tale.tests if not t.new] + [""]
    out += _breakdown(tale, before)
    away = [tc for ac in tale.acs for tc in ac.tcs if tc.how not in ("test", "manual")]
    if away:
        wording = [
            "deferred → story {}",
            "Deferred to Story {}.",
            "is deferred to story {} (needs its desk)",
        ][tale.style]
        out += ["## Deferred TCs", "", *(f"- {tc.id}: {wording.format(tc.how)}" for tc in away), ""]
    out += ["## Prompts", "", "| Prompt | Phase | Description |", "|---|---|---|"]
    if tale.tests:
        out += [
            f"| `prompt-{tale.id}.1-skeleton-red.md` | Skeleton + Red | Stubs and {tale.own} failing tests |",
            f"| `prompt-{tale.id}.2-green.md` | Green | All code |",
            f"| `prompt-{tale.id}.R-verify.md` | Verify | All {total(before) + tale.own} tests pass |",
        ]
    else:
        out += [
            f"| `prompt-{tale.id}.1-setup.md` | Setup | All files |",
            f"| `prompt-{tale.id}.R-verify.md` | Verify | Checks |",
        ]
    out += ["", "## Exit Criteria", ""]
    if tale.tests:
        out.append(f"- {total(before) + tale.own} tests PASS total ({total(before)} previous + {tale.own} new)")
    return [*out, "- Typecheck passes with zero errors", ""]


def _breakdown(tale: Tale, before: list[Tale]) -> list[str]:
    out = ["## Test Breakdown", ""]
    if not tale.tests:
        return [
            *out,
            "| Test File | # Tests |",
            "|---|---|",
            "| (none) | 0 |",
            "",
            f"**Story {tale.id} test count: 0**",
            "",
        ]
    if tale.style == 2:
        for t in tale.tests:
            out += [f"### `{t.path}` -- {t.count} tests", "", "| TC | Test Name | Assert |", "|---|---|---|"]
            out += [f"| {tc.id} | {tc.id}: {tc.title} | holds |" for tc in t.tcs]
            out += [f"| -- | smoke {n} | runs |" for n in range(t.extra)] + [""]
        out += ["### Running Totals", "", "| Story | Tests Added | Running Total |", "|---|---|---|"]
        every = [*before, tale]
        out += [f"| Story {t.id} | {t.own} | {total(every[: n + 1])} |" for n, t in enumerate(every)]
        return [*out, ""]
    out += ["| Test File | # Tests | TCs Covered |", "|---|---|---|"]
    out += [
        f"| `{t.path}` | {'' if t.new else '+'}{t.count} | {', '.join(tc.id for tc in t.tcs)} |" for t in tale.tests
    ]
    out += ["", f"**Story {tale.id} test count: {tale.own}**", ""]
    if tale.style == 0:
        out += ["| Phase | This Story | Cumulative |", "|---|---|---|"]
        out += [
            f"| Previous | -- | {total(before)} |",
            f"| Story {tale.id} | {tale.own} | {total(before) + tale.own} |",
            "",
        ]
    return out


def _prompts(tale: Tale, before: list[Tale], docs: str) -> dict[str, list[str]]:
    def prompt(number: str, title: str, task: list[str], done: list[str]) -> list[str]:
        out = [f"# Prompt {tale.id}.{number}: {title}", "", "## Context", ""]
        out += [f"This is Story {tale.id} of Garden Desk, which builds the {tale.title.lower()}.", ""]
        if before:
            out += [
                "**Prerequisites complete:**",
                f"- Story {before[-1].id} complete",
                f"- All {total(before)} prior tests pass",
                "",
            ]
        out += ["## Reference Documents", "", "(For human traceability -- key content inlined below)"]
        out += [f"- Spec: `{docs}/feature-spec.md`", "", "## Task", "", *task, "", "## Constraints", ""]
        out += ["- Do NOT modify other files", "", "## Done When", "", *(f"- [ ] {d}" for d in done), ""]
        return out

    code = ["```typescript", "// TODO: nothing; see docs/none.md {name}", "```"]
    if not tale.tests:
        return {
            f"prompt-{tale.id}.1-setup.md": prompt("1", "Setup", ["Create the files.", *code], ["All files exist"]),
            f"prompt-{tale.id}.R-verify.md": prompt("R", "Verify", ["Run the checks."], ["Server starts"]),
        }
    tests = []
    for t in tale.tests:
        tests += [f"**`{t.path}`** -- {t.count} tests:", *(f"- {tc.id}: {tc.title}" for tc in t.tcs), ""]
    own, now = tale.own, total(before) + tale.own
    table = [
        "| TC | Where |",
        "|---|---|",
        *(f"| {tc.id} | `{t.path}` |" for t in tale.tests for tc in t.tcs),
    ]
    return {
        f"prompt-{tale.id}.1-skeleton-red.md": prompt(
            "1",
            "Skeleton + Red",
            [f"Write {own} failing tests.", "", *tests, *code],
            [f"{own} new tests fail", "No TODO comments remain"],
        ),
        f"prompt-{tale.id}.2-green.md": prompt(
            "2",
            "Green",
            [f"The {own} failing tests from Prompt {tale.id}.1 need to pass."],
            [f"All {now} tests pass"],
        ),
        f"prompt-{tale.id}.R-verify.md": prompt(
            "R",
            "Verify",
            ["Check each TC:", "", *table],
            [f"{now} tests PASS ({total(before)} previous + {own} new)"],
        ),
    }


def _story_file(tale: Tale) -> list[str]:
    out = [f"# Story {tale.id}: {tale.title}", "", "## Summary", "", f"The {tale.title.lower()}.", ""]
    if tale.acs:
        out += ["## Acceptance Criteria", ""]
    for ac in tale.acs:
        out += [f"**{ac.id}:** {ac.title}", ""]
        out += [
            f"- **{tc.id}: {tc.title}**" + (" (manual (gardener))" if tc.how == "manual" else "") for tc in ac.tcs
        ] + [""]
    return [
        *out,
        "## Tests",
        "",
        f"- **Story total:** {tale.own} tests",
        "",
        "## Definition of Done",
        "",
        "- [ ] It works",
        "",
    ]
