"""Machine files: read strictly, merged with what they extend, every problem told at its line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.check import check_machine, check_machine_at
from engine.errors import FormatError
from engine.files.machine_file import (
    BadMachine,
    find_machine,
    machine_names,
    machine_schema,
    read_machine,
    shipped_folder,
)
from engine.files.strict_yaml import MAX_CHARS, MAX_DEPTH, MAX_NODES, read_yaml
from tests.rounds import rounds

ROOT = Path(__file__).parents[2]
STORY = ROOT / "machines" / "story.yaml"
TEXT = STORY.read_text(encoding="utf-8")
CHILD = "schema: story-machine/v1\nmachine: child\nextends: story\n"


def _refused(folder: Path, text: str | bytes) -> tuple[str, ...]:
    """What a machine with this text is refused with, as `line code message remedy`."""
    path = folder / "broken.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(BadMachine) as caught:
        read_machine(path, root=folder)
    assert all(problem.file for problem in caught.value.problems)
    return tuple(f"{p.line} {p.code} {p.message} {p.remedy}" for p in caught.value.problems)


def _changed(old: str, new: str) -> str:
    assert TEXT.count(old) >= 1, old
    return TEXT.replace(old, new, 1)


def test_the_shipped_machine_is_read_with_its_lines() -> None:
    """A machine is read with the file and line of each of its values."""
    found = read_machine(STORY, root=ROOT)
    assert found.machine.machine == "story"
    assert found.text == TEXT
    assert found.sources == (STORY,)
    lines = TEXT.split("\n")
    file, line = found.where(("states", "red", "exits", 2, "when"))
    assert file == "machines/story.yaml"
    assert "rounds: {red: used_up}" in lines[line - 1]
    assert lines[found.where(("states", "verifying"))[1] - 1].startswith("  verifying:")
    assert lines[found.where(("states", "verifying", "do", 1, "run"))[1] - 1].strip() == "- {run: tests}"


def test_a_place_that_is_not_written_has_the_line_around_it() -> None:
    """The line of a key that is left out is that of the mapping it would stand in."""
    found = read_machine(STORY)
    assert found.where(("states", "green", "nothing", 7)) == found.where(("states", "green"))
    assert found.where(("states", "red", "exits", 99)) == found.where(("states", "red", "exits"))
    assert found.where(("initial", "of", "nothing")) == found.where(("initial",))


def test_aliases_and_merge_keys_work_and_keep_their_lines(tmp_path: Path) -> None:
    """An alias has its own line, what it stands for has the anchor's; a merge key gives way to own keys."""
    found = read_machine(STORY)
    red = found.where(("states", "red", "exits", 0))
    assert found.where(("states", "red_fixing", "exits", 0)) == red
    assert found.where(("states", "red_fixing", "exits"))[1] > red[1]
    path = tmp_path / "merged.yaml"
    merged = _changed("  engineer: {title: Senior", "  spare: &one {<<: [{effort: low}, {effort: high}], title: Senior")
    merged = merged.replace("  verifier: {title", "  engineer: {<<: *one, effort: null-like}\n  verifier: {title", 1)
    path.write_text(merged, encoding="utf-8")
    roles = read_machine(path).machine.roles
    assert roles["spare"].effort == "low"
    assert roles["engineer"].effort == "null-like"
    assert roles["engineer"].title == "Senior Engineer"


# ------------------------------------------------------------------ YAML 1.1's traps, and everything that is no machine


def test_words_that_old_yaml_takes_for_others_stay_words(tmp_path: Path) -> None:
    """`on`, `no`, `yes` and `12:30` are text; only `true` and `false` are booleans."""
    path = tmp_path / "words.yaml"
    path.write_text(
        _changed(
            "  stuck:\n    title: Stuck",
            "  odd:\n    title: on\n    ask: [no, 12:30, 1_000]\n    options: {on: yes, no: off, 12: y}\n"
            "  stuck:\n    title: Stuck",
        ),
        encoding="utf-8",
    )
    odd = read_machine(path).machine.decisions["odd"]
    assert (odd.title, odd.ask) == ("on", ("no", "12:30", "1_000"))
    assert odd.options == {"on": "yes", "no": "off", "12": "y"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("5", "found 5"),
        ("0x1f", "found 31"),
        ("0o17", "found 15"),
        ("1.10", "found 1.1"),
        ("1e3", "found 1000.0"),
        ("true", "found true"),
        ("[a]", "found a list"),
        ("{a: b}", "found a mapping"),
    ],
)
def test_a_value_of_another_sort_is_refused(tmp_path: Path, value: str, found: str) -> None:
    """A number, a boolean or a list where text belongs is told with what was found and what to do."""
    (told,) = _refused(tmp_path, _changed("    title: Stuck", f"    title: {value}"))
    assert found in told
    assert "MY05 decisions.stuck.title needs text" in told
    assert ("Put it in quotes." in told) == (value[0] not in "[{")


def test_duplicate_keys_are_refused_all_at_once(tmp_path: Path) -> None:
    """Every key that stands twice is told, with the line of both."""
    text = _changed("  green:\n", "  red:\n")
    first, *_ = _refused(tmp_path, text)
    line = text[: text.rindex("  red:\n")].count("\n") + 1
    assert first.startswith(f"{line} MY02 duplicate key 'red', first given in line")
    assert len(_refused(tmp_path, _changed("{max_rounds: 3}", "{max_rounds: 3, max_rounds: 2, max_rounds: 1}"))) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    phase: validation\n", "    fase: x\n", "states.drafted has no key 'fase'. Did you mean 'phase'?"),
        ("    phase: validation\n", "    # gone\n", "MY04 states.drafted has no 'phase'. Add `phase:`."),
        ("initial: drafted\n", "", "MY04 the machine has no 'initial'."),
        ("initial: drafted\n", "initial: drafted\nfoo: 1\n", "MY03 the machine has no key 'foo'. Allowed: checklist,"),
        ("purpose: validate,", "purpos: validate,", "MY03 states.validating.do[0].parallel[0] has no key 'purpos'."),
        ("purpose: validate,", "purpose: valdate,", "cannot be 'valdate'. Did you mean 'validate'?"),
        ("session: fresh,", "session: frsh,", "session cannot be 'frsh'. Did you mean 'fresh'?"),
        ("if_stale: ask", "if_stal: ask", "session has no key 'if_stal'. Did you mean 'if_stale'?"),
        ("{spot_check: validators}", "{spotcheck: validators}", "is no action that may stand here. Start it with"),
        ("{run: lint}]", "{ask: lint}]", "is no action that may stand here. Start it with `agent` or `run`."),
        ("{spot_check: validators}", "nothing", "do[0] is no action that may stand here."),
        ("when: {files: exist}", "when: {}", "empty guard: leave `when` out for 'always'"),
        ("when: {files: exist}", "when: {filez: exist}", "MY03 states.drafted.exits[0].when has no key 'filez'."),
        ("when: {files: exist}", "when: {not: {filez: exist}}", "exits[0].when.not has no key 'filez'."),
        ("when: {files: exist}", "when:\n", "MY05 'when' has no value. Give it one, or leave the key out."),
        ("when: {files: exist}", "when: [~]", "MY05 'when' has no value."),
        ("timeout: 45m", "timeout: 12:30", "'12:30' will not do here. Write it like 30s, 45m or 2h."),
        ("machine: story\n", "machine: My Story\n", "'My Story' will not do here. Use a-z, 0-9, _ and -,"),
        ("  drafted:\n", "  Drafted:\n", "states.Drafted: 'Drafted' will not do here. Use a-z, 0-9 and _,"),
        ("max_rounds: 3", "max_rounds: 21", "max_rounds must be less than or equal to 20."),
        ("max_rounds: 3", "max_rounds: true", "needs a whole number, found true."),
        ("max_rounds: 3", 'max_rounds: "3"', "needs a whole number, found '3'."),
        ("max_rounds: 3", "max_rounds: 99999999999999999999", "needs a whole number"),
        ("otherwise: true", "otherwise: false", "otherwise cannot be false."),
        ("concurrency: {validation", "concurrency: {valdation", "Did you mean 'validation'?"),
        ("ambiguous: none}", "ambigous: none}", "exits[0].when.findings cannot be 'ambigous'. Did you"),
        ("ticks: [se_validated]", "ticks: se_validated", "ticks needs a list, found 'se_validated'. Write a list."),
        ("exits:\n      - {to: validating", "exits:\n      - {too: validating", "has no 'to'."),
        ("schema: story-machine/v1", "schema: v2", "schema cannot be 'v2'. Allowed: story-machine/v1."),
        ("    text: \"Execute the skel", "    txt: \"Execute the skel", "MY03 prompts.red has no key 'txt'."),
        ("{max_rounds: 2}", "2", "loops.red needs a mapping, found 2."),
        ("entering: {state: approving}", "entering: {state: a, phase: done}", "name either `phase` or `state`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_a_remedy(tmp_path: Path, old: str, new: str, told: str) -> None:
    """A key or value that does not fit is told in one line, at its line, with what may stand there."""
    found = _refused(tmp_path, _changed(old, new))
    line = TEXT[: TEXT.index(old)].count("\n") + 1
    assert any(told in one for one in found), found
    assert any(abs(int(one.split()[0]) - line) <= 1 for one in found) or "the machine" in told


def test_several_errors_are_told_together(tmp_path: Path) -> None:
    """All that is wrong in one file is told at once, in the order of its lines."""
    text = _changed("initial: drafted", "initial: [drafted]").replace("max_rounds: 2", "max_rounds: 99")
    first, second = _refused(tmp_path, text)
    assert "initial needs text" in first
    assert "loops.red.max_rounds" in second
    with pytest.raises(FormatError) as caught:
        read_machine(tmp_path / "broken.yaml", root=tmp_path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("broken.yaml:6: initial needs text")
    assert str(caught.value).endswith("(1 more: run `story machine check broken.yaml`)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1 MY01 broken.yaml is not a mapping"),
        ("- a\n- b\n", "1 MY01 broken.yaml is not a mapping"),
        ("a: 1\n---\nb: 2\n", "2 MY01 broken.yaml holds a second document."),
        ("a: [1\nb: 2\n", "MY01 broken.yaml is no YAML"),
        ("a: *b\n", "1 MY01 broken.yaml uses *b before any &b."),
        ("a: &b [*b]\n", "1 MY01 broken.yaml uses *b inside &b itself."),
        ("a: !!python/object:os.system x\n", "has the tag"),
        ("a: !thing {}\n", "has the tag '!thing'"),
        ("? [a]\n: b\n", "has a key that is not a word."),
        ("? !!int 1\n: b\n", "has a key that is not a word."),
        ("*a : b\n", "has a key that is not a word."),
        ("x: &a [1]\ny: {<<: *a}\n", "merges (<<) something that is not a mapping."),
        ("a: " + "[" * (MAX_DEPTH + 2), f"nested deeper than {MAX_DEPTH} levels"),
        ("a: [" + "1," * MAX_NODES + "]", f"holds more than {MAX_NODES} values."),
        ("a: {" + "".join(f"k{n}: ," for n in range(MAX_NODES)) + "}", f"holds more than {MAX_NODES} values."),
        ("a: " + "x" * MAX_CHARS, f"is longer than {MAX_CHARS} characters."),
        (b"a: \xff\n", "1 MY01 broken.yaml is not UTF-8 text."),
        (b"\xff\xfea\x00", "is not UTF-8 text."),
        ("a: \x00\n", "is no YAML"),
        ("a: b\n\x1b: c\n", "is no YAML"),
        ("a: 'b\n", "is no YAML"),
        ("\tb: c\n", "is no YAML"),
    ],
)
def test_what_is_no_machine_is_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    """Anything that is not one plain YAML mapping is refused with the reason."""
    found = _refused(tmp_path, text)
    assert told in found[0]


def test_nested_aliases_cannot_explode(tmp_path: Path) -> None:
    """A file of a few lines that stands for billions of values is refused at once."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert f"holds more than {MAX_NODES} values" in _refused(tmp_path, "\n".join(lines))[0]
    maps = ["a0: &a0 {x: y}"] + [f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: *a{n - 1}}}" for n in range(1, 40)]
    assert f"holds more than {MAX_NODES} values" in _refused(tmp_path, "\n".join(maps))[0]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """A file saved with a BOM and CRLF is read like any other."""
    path = tmp_path / "story.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert read_machine(path).machine == read_machine(STORY).machine


@pytest.mark.parametrize("name", ["missing.yaml", ".", "bad\0name.yaml"])
def test_what_cannot_be_opened_is_told(tmp_path: Path, name: str) -> None:
    """A missing file, a folder and an impossible name are told like any problem."""
    (problem,) = check_machine_at(tmp_path / name, root=tmp_path)
    assert problem.code == "MY01"
    assert "cannot be read" in problem.message


@settings(max_examples=rounds(100), deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode(errors="replace"))))
def test_arbitrary_bytes_are_read_or_told(raw: bytes) -> None:
    """Whatever bytes there are, reading gives values or problems, never another exception."""
    node, problems = read_yaml(raw, "any.yaml")
    assert (node is None) <= bool(problems)


_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_places = st.sampled_from(
    [
        *(("states", "red", key) for key in ("phase", "reopens", "do", "exits")),
        *(("states", "red", "exits", 1, key) for key in ("to", "when", "ticks", "enters", "otherwise")),
        *(("states", "red", "do", 1, key) for key in ("agent", "session", "writes", "run", "parallel")),
        *((key,) for key in ("schema", "terminal", "checklist", "roles", "loops", "rules", "pipeline", "title")),
        ("decisions", "triage", "options"),
        ("gates", "tests", "outcomes"),
        ("checklist", "Validation", "consolidated"),
    ]
)


@settings(max_examples=rounds(40), deadline=None)
@given(place=_places, value=_values)
def test_arbitrary_values_are_read_or_told(
    place: tuple[str | int, ...], value: object, tmp_path_factory: object
) -> None:
    """Whatever value stands at a place, the machine is read and proven, or refused with problems."""
    raw = read_machine(STORY).root.plain()
    inner = raw
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "arbitrary.yaml"
    path.write_text(json.dumps(raw, allow_nan=True), encoding="utf-8")
    for problem in check_machine_at(path):
        assert problem.message
        assert problem.line >= 1


# ------------------------------------------------------------------ extends


def _child(folder: Path, text: str, name: str = "child") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_child_says_only_what_differs(tmp_path: Path) -> None:
    """Mappings merge, lists replace, null deletes; the rest is the parent's, with the parent's lines."""
    text = (
        CHILD
        + "roles:\n  engineer: {model: sonnet}\nloops:\n  fix: {max_rounds: 1}\n"
        + "states:\n  drafted:\n    exits: [{to: stuck}]\n"
    )
    found = read_machine(_child(tmp_path, text), root=tmp_path)
    parent = read_machine(STORY)
    assert found.machine.machine == "child"
    assert found.machine.roles["engineer"].model == "sonnet"
    assert found.machine.roles["engineer"].title == "Senior Engineer"
    assert found.machine.states["drafted"].exits[0].to == "stuck"
    assert found.machine.states["red"] == parent.machine.states["red"]
    assert found.where(("roles", "engineer", "model")) == ("child.yaml", 5)
    assert found.where(("states", "drafted", "exits", 0)) == ("child.yaml", 10)
    assert found.where(("states", "red")) == parent.where(("states", "red"))
    assert found.where(("roles", "engineer", "title")) == parent.where(("roles", "engineer"))
    assert len(found.sources) == 2
    assert found.sha != parent.sha


def test_null_deletes_and_new_keys_stand_where_they_are_written(tmp_path: Path) -> None:
    """A deleted item is gone, and a new one stands before the parent's that follows it in the child."""
    text = CHILD + (
        "checklist:\n  Implementation:\n    setup: {text: Set up, by: agent}\n    red_done: null\n"
        "    last: {text: Last, by: agent}\n  Ready for Next: null\n"
    )
    machine = read_machine(_child(tmp_path, text)).machine
    assert list(machine.checklist) == ["Validation", "Implementation", "Verification"]
    items = list(machine.checklist["Implementation"])
    assert items[:2] == ["setup", "red_errors"]
    assert items[-1] == "last"


def test_a_flaw_that_a_child_makes_is_told_in_the_right_file(tmp_path: Path) -> None:
    """What the child says is told there; what it breaks in the parent is told at the parent's line."""
    problems = check_machine(read_machine(_child(tmp_path, CHILD + "defaults: {failed: nowhere}\n"), root=tmp_path))
    assert [(p.code, p.file, p.line) for p in problems] == [("MR01", "child.yaml", 4)]
    problems = check_machine(read_machine(_child(tmp_path, CHILD + "prompts: {red: null}\n"), root=tmp_path))
    assert [p.code for p in problems] == ["MR04"]
    assert problems[0].file.endswith("machines/story.yaml")


def test_own_machines_come_before_shipped_ones(tmp_path: Path) -> None:
    """A repository's own `story` may extend the shipped one, and others that extend `story` then see it."""
    own = tmp_path / "machines"
    own.mkdir()
    text = "schema: story-machine/v1\nmachine: story\nextends: story\nroles: {engineer: {model: sonnet}}\n"
    (own / "story.yaml").write_text(text, encoding="utf-8")
    assert find_machine("story", own=own) == own / "story.yaml"
    assert find_machine("infrastructure", own=own) == shipped_folder() / "infrastructure.yaml"
    found = read_machine(find_machine("infrastructure", own=own), own=own)
    assert found.machine.roles["engineer"].model == "sonnet"
    assert len(found.sources) == 3
    assert machine_names(own=own) == ["infrastructure", "story"]


def test_a_machine_may_extend_a_file(tmp_path: Path) -> None:
    """`extends` takes a file beside the child as well as a name."""
    shutil.copy(STORY, tmp_path / "base.yaml")
    child = _child(tmp_path, CHILD.replace("extends: story", "extends: ./base.yaml"))
    assert read_machine(child).sources == (child, tmp_path / "base.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CHILD.replace("extends: story", "extends: stori"), "3 MY06 extends 'stori', which is not there. Did you"),
        (CHILD.replace("extends: story", "extends: zzz"), "Machines: broken, infrastructure, story."),
        (CHILD.replace("extends: story", "extends: ../no.yaml"), "extends '../no.yaml', which is not there."),
        (CHILD.replace("extends: story", "extends: ./broken.yaml"), "which goes round in a circle."),
        (CHILD.replace("extends: story", "extends: [story]"), "extends names no machine."),
        (CHILD.replace("machine: child\n", ""), "the machine has no name of its own. Add `machine:`."),
        (CHILD + "states: {reed: null}\n", "4 MY06 'reed' deletes what is not there. Did you mean 'red'?"),
        (CHILD + "loops: {zzzz: null}\n", "'zzzz' deletes what is not there. There: fix, red, code, verify, outside."),
        (CHILD + "states: {red: {phase: null}}\n", "MY04 states.red has no 'phase'."),
    ],
)  # fmt: skip
def test_a_child_that_goes_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    """A parent that is not there, a circle, and a deletion of nothing are told at their line."""
    assert any(told in one for one in _refused(tmp_path, text))


def test_a_broken_parent_is_told_at_its_own_line(tmp_path: Path) -> None:
    """A child cannot be read when its parent cannot; the parent's file and line are told."""
    (tmp_path / "base.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    child = _child(tmp_path, CHILD.replace("extends: story", "extends: base.yaml"))
    (problem,) = check_machine_at(child, root=tmp_path)
    assert (problem.code, problem.file, problem.line) == ("MY02", "base.yaml", 2)
    (tmp_path / "base.yaml").write_text("- no\n", encoding="utf-8")
    (problem,) = check_machine_at(child, root=tmp_path)
    assert (problem.code, problem.file) == ("MY01", "base.yaml")


def test_a_circle_of_two_is_found(tmp_path: Path) -> None:
    """Two machines that extend each other are refused."""
    _child(tmp_path, CHILD.replace("extends: story", "extends: b.yaml"), "a")
    _child(tmp_path, CHILD.replace("extends: story", "extends: a.yaml"), "b")
    (problem,) = check_machine_at(tmp_path / "a.yaml", root=tmp_path)
    assert (problem.file, problem.code) == ("b.yaml", "MY06")


def test_an_unknown_machine_is_told_with_those_there_are() -> None:
    """A name that no machine has is refused with the names there are."""
    with pytest.raises(FormatError, match=r"no machine 'stroy'; there are infrastructure, story\. Did you mean"):
        find_machine("stroy")


# ------------------------------------------------------------------ the schema for editors


def test_the_schema_file_is_the_models() -> None:
    """machines/machine.schema.json is what the model says; write it again when this fails."""
    path = ROOT / "machines" / "machine.schema.json"
    assert path.read_text(encoding="utf-8") == json.dumps(machine_schema(), indent=1) + "\n"


@pytest.mark.parametrize("name", ["story", "infrastructure"])
def test_the_shipped_machines_name_their_schema(name: str) -> None:
    """Editors find the schema by the first line of each shipped machine."""
    first = (ROOT / "machines" / f"{name}.yaml").read_text(encoding="utf-8").split("\n")[0]
    assert first == "# yaml-language-server: $schema=machine.schema.json"


def test_the_schema_knows_words_lists_and_extends() -> None:
    """One word may stand for a list of one; a file that extends another need not be whole."""
    defs = machine_schema()["$defs"]
    assert {"type": "string"} in defs["Guard"]["properties"]["checked"]["anyOf"]
    assert "required" not in defs["StatePart"]
    assert defs["MachinePart"]["required"] == ["extends", "machine"]
    assert "states" in defs["Machine"]["required"]
