"""Faults planted in clean packs by program: for every code some wordings, at random places."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from worlds import Tale, World


@dataclass(frozen=True)
class Fault:
    """What check must report."""

    code: str
    file: str
    line: int
    what: str


Planter = Callable[[World, random.Random], tuple[str, int, str] | None]
PLANTERS: dict[str, list[Planter]] = {}


def plant(world: World, code: str, rng: random.Random) -> Fault | None:
    """Plant one fault of this code in the world, or None where none of its planters fits."""
    for planter in rng.sample(PLANTERS[code], len(PLANTERS[code])):
        found = planter(world, rng)
        if found:
            return Fault(code, found[0], found[1], f"{planter.__name__}: {found[2]}")
    return None


def plants(*codes: str) -> Callable[[Planter], Planter]:
    """Say which code a planter plants."""

    def add(planter: Planter) -> Planter:
        for code in codes:
            PLANTERS.setdefault(code, []).append(planter)
        return planter

    return add


def line_of(world: World, path: str, pattern: str) -> int | None:
    """The first line that a pattern is found in."""
    return next((n for n, text in enumerate(world.files[path], 1) if re.search(pattern, text)), None)


def put(world: World, path: str, line: int, text: str) -> None:
    world.files[path][line - 1] = text


def insert(world: World, path: str, line: int, *texts: str) -> int:
    """Insert before a line; the first new line's number."""
    world.files[path][line - 1 : line - 1] = texts
    return line


def swap(world: World, path: str, pattern: str, new: Callable[[re.Match[str]], str]) -> int | None:
    """Replace the first match of a pattern; its line."""
    line = line_of(world, path, pattern)
    if line:
        put(world, path, line, re.sub(pattern, new, world.files[path][line - 1], count=1))
    return line


def tested(world: World, rng: random.Random) -> Tale:
    return rng.choice([t for t in world.tales if t.tests])


def docs(world: World) -> str:
    return world.home.rsplit("/", 1)[0]


def off(number: int, rng: random.Random) -> int:
    """Another number of tests."""
    return max(number + rng.choice([-2, -1, 1, 2, 3]), 0) if number > 2 else number + rng.choice([1, 2, 3])


def under(world: World, path: str, title: str) -> int:
    """The line after a heading and its blank line."""
    return (line_of(world, path, rf"^#+ .*{title}") or 0) + 2


# structure


@plants("C004")
def too_large(world: World, rng: random.Random) -> tuple[str, int, str]:
    path = rng.choice([p for p in world.files if p.endswith(".md")])
    width = rng.choice([20_000, 30_000, 50_000])
    before = sum(len(t.encode()) + 1 for t in world.files[path])
    line = len(world.files[path]) + (1_000_000 - before) // (width + 1) + 1
    world.files[path] += ["x" * width] * (1_100_000 // width)
    return path, line, str(width)


@plants("C101")
def empty_story(world: World, rng: random.Random) -> tuple[str, int, str]:
    path = world.story(rng.choice(world.tales))
    world.files[path] = rng.choice(
        [[""], ["# Story", ""], ["   ", "\t"], ["<!-- soon -->"], ["---", "state: drafted", "---"]]
    )
    return path, 1, "empty"


@plants("C102")
def missing_prompt(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    tale = rng.choice(world.tales)
    phase = rng.choice(["1-skeleton-red", "2-green", "R-verify"] if tale.tests else ["1-setup", "R-verify"])
    name, path = f"prompt-{tale.id}.{phase}.md", world.story(tale)
    del world.files[world.prompt(tale, phase)]
    if rng.random() < 0.3 and phase != "1-setup":
        line = line_of(world, path, re.escape(name))
        del world.files[path][(line or 1) - 1]
        return path, 1, f"{phase}, not listed"
    return path, line_of(world, path, re.escape(name)) or 1, phase


def drop_section(world: World, path: str, title: str) -> None:
    lines = world.files[path]
    start = lines.index(f"## {title}")
    end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("## ")), len(lines))
    del lines[start:end]


@plants("C103")
def story_section(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    path = world.story(rng.choice(world.tales))
    titles = ["Prerequisites", "ACs Covered", "Files", "Test Breakdown", "Prompts", "Exit Criteria"]
    title = rng.choice([t for t in titles if f"## {t}" in world.files[path]])
    if title == "ACs Covered" and "## Deferred TCs" in world.files[path]:
        return None  # a section of TCs is left
    drop_section(world, path, title)
    return path, 1, title


@plants("C104")
def prompt_section(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    path = a_prompt(world, rng)
    if not path:
        return None
    title = rng.choice(["Context", "Task", "Done When"])
    drop_section(world, path, title)
    return path, 1, title


def a_prompt(world: World, rng: random.Random) -> str | None:
    prompts = [p for p in world.files if "/prompt-" in p]
    return rng.choice(prompts) if prompts else None


@plants("C105")
def wrong_title(world: World, rng: random.Random) -> tuple[str, int, str]:
    path = rng.choice([world.story(rng.choice(world.tales)), a_prompt(world, rng) or world.story(world.tales[0])])
    line = swap(world, path, r"^# (Story|Prompt) \d+[a-z]?", lambda m: f"# {m[1]} 77")
    return path, line or 1, "another number"


@plants("C106")
def same_id(world: World, rng: random.Random) -> tuple[str, int, str]:
    tale = rng.choice(world.tales)
    twin = Tale(tale.id, "second-" + tale.slug, tale.title)
    world.tales.insert(world.tales.index(tale) + 1, twin)
    world.files[world.story(twin)] = list(world.files[world.story(tale)])
    return world.story(twin), 1, tale.id


def set_depends(world: World, tale: Tale, ids: str) -> tuple[str, int]:
    path = world.story(tale)
    line = line_of(world, path, "^depends_on")
    if line:
        put(world, path, line, f"depends_on: {ids}")
        return path, line
    insert(world, path, 1, "---", "# who must be done before", f"depends_on: {ids}", "---")
    return path, 3


@plants("C107")
def unknown_dependency(world: World, rng: random.Random) -> tuple[str, int, str]:
    ids = rng.choice(["[88]", "[0, 88]", "88", "[88b]", '["88"]'])
    return *set_depends(world, rng.choice(world.tales), ids), ids


@plants("C108")
def circle(world: World, rng: random.Random) -> tuple[str, int, str]:
    first, second = sorted(rng.sample(range(len(world.tales)), 2))
    if rng.random() < 0.3:
        return *set_depends(world, world.tales[first], f"[{world.tales[first].id}]"), "itself"
    set_depends(world, world.tales[second], f"[{world.tales[first].id}]")
    return *set_depends(world, world.tales[first], f"[{world.tales[second].id}]"), "two"


@plants("C109")
def stray_prompt(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    here, there = rng.sample([t for t in world.tales if t.tests], 2)
    phase = rng.choice(["1b-more", "2-green", "3-notes"])
    path = f"{world.story(here).rsplit('/', 1)[0]}/prompt-{there.id}.{phase}.md"
    world.files[path] = ["# Notes", "", "## Context", "x", "## Task", "y", "## Done When", "z"]
    return path, 1, path


@plants("C110")
def bad_yaml(world: World, rng: random.Random) -> tuple[str, int, str]:
    tale = rng.choice(world.tales)
    path = world.story(tale)
    if world.files[path][0] == "---":
        world.files[path] = world.files[path][world.files[path].index("---", 1) + 1 :]
    line, bad = rng.choice([(2, "depends_on: [0"), (2, "state: : x"), (2, "a: b: c"), (2, "- 1")])
    insert(world, path, 1, "---", bad, "---")
    return path, {"depends_on: [0": 3}.get(bad, line), bad


# traceability


@plants("C200")
def no_spec(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    spec = f"{docs(world)}/feature-spec.md"
    if rng.random() < 0.5:
        del world.files[spec]
    else:
        world.files[spec] = ["# Feature Spec", "", "To be brief: gardens."]
    if rng.random() < 0.5:
        del world.files[f"{world.home}/overview.md"]
        return world.story(world.tales[0]), 1, "no overview"
    return f"{world.home}/overview.md", 1, "spec gone"


def defining(world: World, rng: random.Random) -> str:
    spec = f"{docs(world)}/feature-spec.md"
    return spec if spec in world.files else world.story(tested_or_any(world, rng))


def tested_or_any(world: World, rng: random.Random) -> Tale:
    return rng.choice([t for t in world.tales if t.acs])


@plants("C201")
def bare_ac(world: World, rng: random.Random) -> tuple[str, int, str]:
    path = defining(world, rng)
    text = rng.choice(
        ["**AC-9.9:** It hums", "**AC-9.9 (late):** It hums", "#### AC-9.9: It hums", "#### AC-9.9 It hums"]
    )
    line = insert(world, path, under(world, path, "Acceptance"), text, "")
    return path, line, text


@plants("C201")
def stripped_ac(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    spec = f"{docs(world)}/feature-spec.md"
    if spec not in world.files or world.layout == "files":
        return None
    tale = tested_or_any(world, rng)
    ac = rng.choice(tale.acs)
    number = re.escape(ac.id[3:])
    world.files[spec] = [t for t in world.files[spec] if not re.match(rf"- \*\*TC-{number}[a-z]|\| AC-{number} ", t)]
    return spec, line_of(world, spec, rf"^\*\*AC-{number}:") or 0, ac.id


@plants("C202")
def orphan_ac(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    spec = f"{docs(world)}/feature-spec.md"
    if spec not in world.files:
        return None
    at = under(world, spec, "Acceptance")
    number = rng.choice(["8.1", "8.12", "12.3"])
    insert(world, spec, at, f"**AC-{number}:** It sings", "", f"- **TC-{number}a: sings at dawn**", "")
    return spec, at, number


@plants("C203")
def orphan_tc(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    spec = f"{docs(world)}/feature-spec.md"
    if spec not in world.files:
        return None
    ac = rng.choice([ac for t in world.tales for ac in t.acs])
    at = line_of(world, spec, rf"^\*\*{re.escape(ac.id)}:") or 0
    text = rng.choice(
        [
            f"- **TC-{ac.id[3:]}z: never forgotten**",
            f"**TC-{ac.id[3:]}z:** never",
            f"##### TC-{ac.id[3:]}z: never",
        ]
    )
    insert(world, spec, at + 2, text)
    return spec, at + 2, text


@plants("C203")
def disowned_tc(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    spec, tale = f"{docs(world)}/feature-spec.md", tested(world, rng)
    tc = rng.choice(tale.tested)
    world.files[world.story(tale)] = [
        re.sub(rf"\b{re.escape(tc.id)}\b,? ?", "", t) for t in world.files[world.story(tale)]
    ]
    if any(tc in t.taken for t in world.tales):
        return None
    return spec, line_of(world, spec, rf"^- \*\*{re.escape(tc.id)}:") or 0, tc.id


@plants("C204")
def two_owners(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    tales = [t for t in world.tales if t.tests]
    first, second = sorted(rng.sample(tales, 2), key=world.tales.index)
    tc = rng.choice([tc for tc in first.tested if tc not in first.taken])
    path = world.story(second)
    if world.layout == "files":
        at = line_of(world, path, r"^- \*\*TC-") or 0
        return path, insert(world, path, at, f"- **{tc.id}: {tc.title}**"), tc.id
    line = line_of(world, path, r"^\| `tests/.*TC-|^\| TC-") or 0
    new = world.files[path][line - 1]
    put(world, path, line, new.replace("TC-", f"{tc.id}, TC-", 1) if "`tests/" in new else new)
    if "`tests/" not in new:
        insert(world, path, line, f"| {tc.id} | {tc.id}: {tc.title} | holds |")
    return path, line, tc.id


@plants("C205")
def undefined_in_story(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    tale = tested(world, rng)
    path = rng.choice([world.story(tale), *(p for p in world.files if p.startswith(world.story(tale)[:-8] + "prompt"))])
    lines = [n for n, t in enumerate(world.files[path], 1) if re.search(r"\b[AT]C-\d", t)]
    bad = rng.choice(["TC-1.1x", "TC-19.2a", "AC-19.2", "AC-1.9"])
    if lines and rng.random() < 0.5:
        line = rng.choice(lines)
        put(world, path, line, re.sub(r"\b[AT]C-\d+\.\d+[a-z]?\b", bad, world.files[path][line - 1], count=1))
    else:
        line = insert(world, path, len(world.files[path]), f"- {bad} still holds")
    return path, line, bad


def _missing_in(phase: str) -> Planter:
    def missing(world: World, rng: random.Random) -> tuple[str, int, str] | None:
        if world.layout == "files":
            return None
        tale = tested(world, rng)
        tc = rng.choice(tale.tested)
        path = world.prompt(tale, phase)
        if rng.random() < 0.5:
            world.files[path] = [t for t in world.files[path] if not re.search(rf"\b{re.escape(tc.id)}\b", t)]
        else:
            world.files[path] = [re.sub(rf"\b{re.escape(tc.id)}\b", "it", t) for t in world.files[path]]
        return world.story(tale), line_of(world, world.story(tale), rf"\b{re.escape(tc.id)}\b") or 0, tc.id

    missing.__name__ = f"missing_in_{phase}"
    return missing


PLANTERS["C206"] = [_missing_in("1-skeleton-red")]
PLANTERS["C207"] = [_missing_in("R-verify")]


@plants("C208")
def untaken(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    tale = tested(world, rng)
    tc = rng.choice(tale.tested)
    if any(tc in t.taken for t in world.tales):
        return None
    path = world.story(tale)
    world.files[path] = [re.sub(rf"\b{re.escape(tc.id)}\b,? ?", "", t) for t in world.files[path]]
    others = [t.id for t in world.tales if t is not tale] + ["66"]
    wording = rng.choice(
        [
            "- {} is deferred to Story {}.",
            "- {}: deferred → story {}",
            "- {} deferred to integration testing (needs Story {})",
            "- {} is covered in Story {}.",
            "- {}: Deferred until story {}",
        ]
    )
    text = wording.format(tc.id, rng.choice(others))
    return path, insert(world, path, under(world, path, "ACs Covered"), text), text


@plants("C208")
def wrong_taker(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    giver = next(
        (t for t in world.tales for tc in (tc for ac in t.acs for tc in ac.tcs) if tc.how not in ("test", "manual")),
        None,
    )
    if not giver:
        return None
    path = world.story(giver)
    line = swap(
        world,
        path,
        r"([Dd]eferred (?:to|→) [Ss]tory )\d+[a-z]?",
        lambda m: f"{m[1]}{rng.choice(['66', giver.id + '9'])}",
    )
    return (path, line, "another story") if line else None


@plants("C209")
def defined_twice(world: World, rng: random.Random) -> tuple[str, int, str]:
    path = defining(world, rng)
    lines = [n for n, t in enumerate(world.files[path], 1) if re.match(r"\*\*AC-|- \*\*TC-", t)]
    line = rng.choice(lines)
    at = next(n for n in range(line, len(world.files[path]) + 1) if not world.files[path][n - 1].strip()) + 1
    return (
        path,
        insert(
            world,
            path,
            at,
            re.sub(r":.*", ":** another one", world.files[path][line - 1]).replace("****", "**"),
        ),
        "twice",
    )


@plants("C210")
def undefined_elsewhere(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    paths = [p for p in world.files if p.endswith(("overview.md", "tech-design.md", "test-plan.md", "feature-spec.md"))]
    path, bad = rng.choice(paths), rng.choice(["AC-1.9", "TC-44.1a", "AC-44.1", "TC-1.1x"])
    text = rng.choice([f"Markdown as {bad} requires it.", f"- {bad} (late)", f"See also ({bad})."])
    return path, insert(world, path, len(world.files[path]), text), text


@plants("C211")
def unmapped(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    spec, tc = f"{docs(world)}/feature-spec.md", rng.choice(tested(world, rng).tested)
    for path in (f"{docs(world)}/test-plan.md", f"{docs(world)}/tech-design.md"):
        lines = (t for t in world.files[path] if not re.match(rf"\| {re.escape(tc.id)} ", t))
        world.files[path] = [re.sub(rf"\b{re.escape(tc.id)}\b,? ?", "", t) for t in lines]
    return spec, line_of(world, spec, rf"^- \*\*{re.escape(tc.id)}:") or 0, tc.id


# counts


@plants("C301")
def stated(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    tale = tested(world, rng)
    path, wrong = world.story(tale), off(tale.own, rng)
    patterns = [
        rf"(^\*\*Story {tale.id} test count: ){tale.own}\b",
        rf"(^\| Story {tale.id} \| ){tale.own}\b",
        rf"(Stubs and ){tale.own}\b",
        rf"(previous \+ ){tale.own}\b",
        r"(^\| `tests/[^|]*\| \+?)(?=\d)\d+(?= \|)",
        r"(^\| `tests/[^|]*\| \+?)(?=\d)\d+(?= tests)",
        r"(^### `tests/.* -- )\d+(?= tests)",
    ]
    for pattern in rng.sample(patterns, len(patterns)):
        found = line_of(world, path, pattern)
        if found:
            number = int(re.findall(r"\d+", re.search(pattern, world.files[path][found - 1])[0])[-1])
            new = str(wrong if number == tale.own else off(number, rng))
            put(world, path, found, re.sub(pattern, rf"\g<1>{new}", world.files[path][found - 1], count=1))
            return path, found, f"{pattern} -> {new}"
    return None


@plants("C301")
def missing_row(world: World, _: random.Random) -> tuple[str, int, str] | None:
    tale = next((t for t in world.tales if t.tests and t.style == 2 and world.layout == "folders"), None)
    if not tale:
        return None
    path = world.story(tale)
    rows = line_of(world, path, r"^\| TC \| Test Name") or 0
    insert(world, path, rows + 2, "| -- | one more | runs |")
    return path, rows, "one row more"


@plants("C302")
def prompt_count(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    tale = tested(world, rng)
    phase, pattern = rng.choice(
        [
            ("1-skeleton-red", rf"(^Write ){tale.own}\b"),
            ("1-skeleton-red", rf"(- \[ \] ){tale.own}(?= new)"),
            ("1-skeleton-red", rf"(`{re.escape(tale.tests[0].path)}`\*\* -- ){tale.tests[0].count}\b"),
            ("2-green", rf"(^The ){tale.own}\b"),
            ("R-verify", rf"(previous \+ ){tale.own}\b"),
        ]
    )
    path = world.prompt(tale, phase)
    was = tale.tests[0].count if "`" in pattern else tale.own
    line = swap(world, path, pattern, lambda m: f"{m[1]}{off(was, rng)}")
    return (path, line, pattern) if line else None


@plants("C303")
def elsewhere_count(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    tale = tested(world, rng)
    choices = [
        (f"{world.home}/overview.md", rf"(^\| {tale.id} \|.*\| ){tale.own}(?= \| \d+ \|$)"),
        (f"{world.home}/overview.md", rf"(^Story {tale.id} .*\[){tale.own}(?= tests)"),
    ]
    if world.layout == "folders":
        design = f"{docs(world)}/tech-design.md"
        start = line_of(world, design, rf"^### Story {tale.id}:") or 0
        at = next(n for n in range(start, 9999) if "new tests ERROR" in world.files[design][n - 1])
        if rng.random() < 0.4:
            put(
                world,
                design,
                at,
                re.sub(r"\d+(?= new)", str(off(tale.own, rng)), world.files[design][at - 1]),
            )
            return design, at, "design"
    path, pattern = rng.choice(choices)
    line = swap(world, path, pattern, lambda m: f"{m[1]}{off(tale.own, rng)}")
    return (path, line, pattern) if line else None


@plants("C304")
def running_total(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    tale = tested(world, rng)
    upto = sum(t.own for t in world.tales[: world.tales.index(tale) + 1])
    wrong = str(upto + rng.choice([-3, 7, 11, 20]))
    options = [(f"{world.home}/overview.md", rf"(^\| {tale.id} \|.*\| ){upto}(?= \|$)")]
    options += [(f"{world.home}/overview.md", rf"(stories delivering ){upto}(?= tests)")]
    if world.layout == "folders":
        design = f"{docs(world)}/tech-design.md"
        options += [
            (design, rf"(^\*\*Running total:\*\* ){upto}\b"),
            (design, rf"(Criteria:\*\* ){upto}(?= tests PASS total)"),
        ]
        options += [(world.story(tale), rf"(^\| Story {tale.id} \| \d+ \| ){upto}\b")]
        options += [(world.story(tale), rf"(^- ){upto}(?= tests PASS total)")]
    for path, pattern in rng.sample(options, len(options)):
        line = swap(world, path, pattern, lambda m: m[1] + wrong)
        if line:
            return path, line, f"{pattern} -> {wrong}"
    return None


@plants("C305")
def prior_count(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    tale = rng.choice([t for t in world.tales if t.tests][1:])
    before = sum(t.own for t in world.tales[: world.tales.index(tale)])
    wrong = str(before + rng.choice([-2, 5, 9, 11]))
    path, pattern = rng.choice(
        [
            (world.story(tale), rf"(^- All ){before}(?= existing)"),
            (world.story(tale), rf"(^\| Previous .*\| ){before}\b"),
            (world.story(tale), rf"(\(){before}(?= previous)"),
            (world.prompt(tale, "1-skeleton-red"), rf"(^- All ){before}(?= prior)"),
            (world.prompt(tale, "2-green"), rf"(^- All ){before}(?= prior)"),
            (world.prompt(tale, "R-verify"), rf"(\(){before}(?= previous)"),
        ]
    )
    line = swap(world, path, pattern, lambda m: m[1] + wrong)
    return (path, line, f"{pattern} -> {wrong}") if line else None


@plants("C306")
def plan_rows(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    plan = f"{docs(world)}/test-plan.md"
    tables = [n for n, t in enumerate(world.files[plan], 1) if t.startswith("| TC | Test Name")]
    line = rng.choice(tables)
    if rng.random() < 0.5:
        insert(world, plan, line + 2, "| — | one more | it runs |")
    else:
        del world.files[plan][line + 1]
    return plan, line, "rows"


@plants("C307")
def story_number(world: World, rng: random.Random) -> tuple[str, int, str]:
    path, wrong = f"{world.home}/overview.md", len(world.tales) + rng.choice([-1, 1, 2])
    if rng.random() < 0.5:
        line = insert(
            world,
            path,
            len(world.files[path]),
            rng.choice([f"All {wrong} stories run in order.", f"**{wrong} stories**"]),
        )
        return path, line, str(wrong)
    return path, swap(world, path, r"^\d+ stories", lambda _: f"{wrong} stories") or 0, str(wrong)


# order


@plants("C401")
def later_required(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    index = rng.randrange(len(world.tales) - 1)
    tale, later = world.tales[index], rng.choice(world.tales[index + 1 :]).id
    path = world.story(tale)
    wording = rng.choice(
        [
            "- Story {} complete",
            "- Story {} is done",
            "- Stories 0-{} complete: all tests pass",
            "- Story {} (desk) complete",
            "- Depends on Story {}",
        ]
    )
    text = wording.format(later)
    return path, insert(world, path, under(world, path, "Prerequisites"), text), text


@plants("C401")
def later_in_prompt(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    if world.layout == "files":
        return None
    index = rng.randrange(1, len(world.tales) - 1)
    path = world.prompt(world.tales[index], "2-green")
    line = swap(world, path, r"^- Story \d+[a-z]? complete", lambda _: f"- Story {world.tales[-1].id} complete")
    return path, line or 0, "prompt"


@plants("C402")
def odd_graph(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    names = ["overview.md", "tech-design.md"] if world.layout == "folders" else ["overview.md"]
    path = world.path(rng.choice(names))
    start = line_of(world, path, r"^### Story Dep|^## Story Dep") or 0
    nodes = [n for n in range(start, len(world.files[path]) + 1) if world.files[path][n - 1].startswith("Story ")]
    match rng.randrange(3):
        case 0:
            a, b = nodes[1], nodes[2]
            lines = world.files[path]
            lines[a - 1], lines[b - 1] = lines[b - 1], lines[a - 1]
            return path, b, "swapped"
        case 1:
            gone = rng.choice(nodes[1:])
            del world.files[path][gone - 1]
            return path, nodes[0], "missing"
        case _:
            return path, insert(world, path, nodes[-1] + 1, "    ↓", "Story 99 (Moon)") + 1, "unknown"


# prompts


@plants("C501")
def sent_away(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    path = a_prompt(world, rng)
    if not path:
        return None
    text = rng.choice(
        [
            f"See `{docs(world)}/tech-design.md` for the interface.",
            f"Read {docs(world)}/feature-spec.md before you start.",
            f"Refer to [the design]({docs(world)}/tech-design.md) for signatures.",
            "1. Read the tech design and implement what it says.",
            "- Consult the feature spec for the error texts.",
            f"First, open `{docs(world)}/test-plan.md`.",
            "For the details, see the test plan.",
            f"**Types:** see `{docs(world)}/tech-design.md` (section 4).",
        ]
    )
    return path, insert(world, path, under(world, path, rng.choice(["Task", "Context"])), text, ""), text


@plants("C502")
def left_over(world: World, rng: random.Random) -> tuple[str, int, str]:
    path = rng.choice([p for p in world.files if p.endswith(".md")])
    text = rng.choice(
        [
            "TODO: describe the flow",
            "- TBD",
            "The limit is TBD.",
            "FIXME later",
            "Lorem ipsum dolor sit amet.",
            "XXX check this",
            "This is the {name} desk.",
            "The <placeholder> opens.",
            "Write <feature-name> here.",
            "[insert rationale here]",
            "{{ title }}",
            "- Read `docs/stories/story-{n}/story.md`",
        ]
    )
    return path, insert(world, path, len(world.files[path]), text), text


# references


@plants("C601")
def no_such_prompt(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    tale = rng.choice(world.tales)
    path = rng.choice([world.story(tale), f"{world.home}/overview.md"])
    name = rng.choice([f"prompt-{tale.id}.3-polish.md", "prompt-55.1-skeleton-red.md", f"prompt-{tale.id}.1b-more.md"])
    text = rng.choice([f"- `{name}` comes last", f"Then [polish]({name}) it.", f"Run `{name}`."])
    return path, insert(world, path, len(world.files[path]), text), text


@plants("C602")
def no_such_document(world: World, rng: random.Random) -> tuple[str, int, str]:
    path = rng.choice([p for p in world.files if p.endswith(".md")])
    name = rng.choice(
        [
            "docs/prd.md",
            "docs/feature-spec-mvp.md",
            "./notes/later.md",
            "docs/deep/er/plan.md",
            "docs/prd.md:12",
            "docs/prd.md#goal",
        ]
    )
    text = rng.choice([f"- PRD: `{name}`", f"Background in [the notes]({name}).", f"(from `{name}`)"])
    return path, insert(world, path, len(world.files[path]), text), text


@plants("C603")
def not_created(world: World, rng: random.Random) -> tuple[str, int, str] | None:
    tales = [t for t in world.tales if t.modifies] if world.layout == "folders" else []
    if not tales:
        return None
    tale = rng.choice(tales)
    path = world.story(tale)
    name = rng.choice(["src/nowhere/lost.ts", "tests/server/lost.test.ts", "lib/lost_file.py"])
    line = (line_of(world, path, "^### Modified Files") or 0) + 4
    return path, insert(world, path, line, f"| `{name}` | {rng.choice(['Extend', 'Wire', 'Fix'])} it |"), name


# marks


def _marked(*wordings: str) -> Planter:
    def marked(world: World, rng: random.Random) -> tuple[str, int, str]:
        path = rng.choice([p for p in world.files if p.endswith(".md")])
        text = rng.choice(wordings)
        return path, insert(world, path, len(world.files[path]), "", text) + 1, text

    return marked


PLANTERS["C701"] = [_marked("- [] a thing", "-[ ] a thing", "- [ ]a thing", "* [x]done", "1. [] one", "- [  ] two")]
PLANTERS["C702"] = [_marked("- [~] half", "- [-] no", "* [?] who", "1. [>] moved", "- [✓] yes")]
