"""Machines broken on purpose, by edits of the text of machines/story.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STORY = Path(__file__).parents[2] / "machines" / "story.yaml"
TEXT = STORY.read_text(encoding="utf-8")

GORILLA = "  gorilla:                               # a person only"
TRIAGE = "  triage:                                # a person: per finding, and"
SPEC_UPDATING = "  spec_updating:  "
VERIFYING = "  verifying:  "
GATING = "  gating:  "


@dataclass(frozen=True)
class Broken:
    """A machine with a flaw: its code, the edits that make it, and the line it must be told at.

    `at` is a text on that line, searched after the text `below`; without it, the first changed line counts.
    """

    code: str
    edits: tuple[tuple[str, str], ...]
    at: str = ""
    below: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """The broken machine."""
        text = TEXT
        for old, new in self.edits:
            assert text.count(old) == 1, f"{self.code}: {text.count(old)} times {old!r}"
            text = text.replace(old, new)
        return text

    @property
    def line(self) -> int:
        """The line that has to be told."""
        if self.at:
            start = self.text.index(self.below) if self.below else 0
            return self.text.count("\n", 0, self.text.index(self.at, start)) + 1
        pairs = zip(TEXT.split("\n"), self.text.split("\n"), strict=False)
        return next(number for number, (old, new) in enumerate(pairs, 1) if old != new)


def _one(code: str, old: str, new: str, at: str = "", below: str = "", name: str = "") -> Broken:
    return Broken(code, ((old, new),), at, below, name)


_APPROVING_AFTER_TRIAGE = """\
        enters: fix
        resets: [fix]
      - to: approving
"""
_TRIAGED = (
    "        when: {decision: {triage: answered, effort: [all, blockers only]}, findings: "
    "{challenged: none, to_fix: some}}\n"
)
_AGAIN = "         session: {resume: [builder, pedant], if_stale: ask}, ticks: [se_validated, codex_validated]}\n"
_LOOK_AGAIN = "only: not_passed_on_current_inputs, purpose: revalidate, prompt: revalidate,\n"
_SPEC_UPDATED = "writes: [spec, design]}\n    exits:\n      - {to: spec_validating}\n"
_CODE_FIX = "{id: code_fix, agent: engineer, purpose: fix_code, prompt: fix_code, "
_VERIFY_FIX = "{id: verify_fix, agent: engineer, purpose: fix_code, prompt: fix_code, "
_RESUMED = "session: {resume: impl, if_stale: fresh}, writes: [files]}\n    exits:\n"
_FIX_ROUND = "findings: {to_fix: some, ambiguous: none}, claims: confirmed, rounds: {fix: left}}\n"

BROKEN = (
    # names
    _one("R00", "    gorilla_done:    {text", "    red_done: {text: Once more, by: agent}\n    gorilla_done:    {text"),
    _one("R01", "      - {to: gating}\n\n  gating:", "      - {to: gaiting}\n\n  gating:"),
    _one("R01", "initial: drafted", "initial: draftd", name="initial"),
    _one("R01", "failed: stuck", "failed: stuk", name="failed"),
    _one("R01", "terminal: {complete: success,", "terminal: {complete: success, gone: failure,", name="terminal"),
    _one("R01", "entering: {state: approving}, needs: {ran", "entering: {state: aproving}, needs: {ran", name="rule"),
    _one("R02", "ticks: [green_done]", "ticks: [green_don]"),
    _one("R02", "checked: human_approved", "checked: human_aproved", name="guard"),
    _one("R02", "reopens: gorilla_done", "reopens: gorila_done", name="reopens"),
    _one("R02", "reopens: human_approved", "reopens: next_validated", name="reopens_derived"),
    _one("R02", "ticks: [red_errors]", "ticks: [red_error]", name="exit"),
    _one("R02", "box: {gorilla_done:", "box: {gorilla:", name="box"),
    _one(
        "R02", "needs: {items: [se_validated, codex_validated]}", "needs: {items: [se_validated, codex]}", name="rule"
    ),
    _one("R03", "agent: engineer, purpose: implement, prompt: red", "agent: enginer, purpose: implement, prompt: red"),
    _one("R03", "members: [builder_validator, pedant_validator]", "members: [builder_validator, pedant]", name="group"),
    _one("R03", "{spot_check: verifier}", "{spot_check: verifer}", name="spot_check"),
    _one("R03", "{consolidate: verifier}", "{consolidate: verifer}", name="consolidate"),
    _one("R03", "when: {verdict: {of: verifier", "when: {verdict: {of: verifer", name="guard"),
    _one("R03", "needs: {verdict: verifier}", "needs: {verdict: verifer}", name="rule"),
    _one("R04", "purpose: implement, prompt: green", "purpose: implement, prompt: greeen"),
    _one("R05", "session: {resume: impl, if_stale: ask}", "session: {resume: implz, if_stale: ask}"),
    _one("R06", "      - {run: tests}\n      - parallel", "      - {run: testz}\n      - parallel"),
    _one(
        "R06",
        "gate: {red_tests: expected, typecheck: pass, lint: pass}}, ticks",
        "gate: {red_test: expected, typecheck: pass, lint: pass}}, ticks",
        name="guard",
    ),
    _one(
        "R06", "    command: tests\n    baseline: baseline", "    command: tests\n    baseline: base", name="baseline"
    ),
    _one("R07", "do: [{ask: gorilla}]", "do: [{ask: gorila}]"),
    _one("R07", "when: {decision: {gorilla: bug}}", "when: {decision: {gorila: bug}}", name="guard"),
    _one("R08", "rounds: {red: left}}, enters: red}", "rounds: {red: left}}, enters: redd}"),
    _one("R08", "rounds: {red: used_up}", "rounds: {redd: used_up}", name="guard"),
    _one(
        "R08",
        "{decision: {stuck: revalidate}}, resets: [fix,",
        "{decision: {stuck: revalidate}}, resets: [fixx,",
        name="resets",
    ),
    _one("R09", "{decision: {accept: ship it}", "{decision: {accept: ship}"),
    _one(
        "R09",
        _TRIAGED + _APPROVING_AFTER_TRIAGE,
        _TRIAGED.replace("answered", "fix") + _APPROVING_AFTER_TRIAGE,
        name="per_finding",
    ),
    _one("R09", "amends: [story is right", "amends: [story is wrong", name="amends"),
    _one("R09", "challenges: challenge ", "challenges: challenged ", name="challenges"),
    _one("R09", "rest: fix ", "rest: fixed ", name="rest"),
    _one("R09", "settles: {story is right", "settles: {story is wrong", name="settles"),
    _one("R09", "box: {marked_complete: ship it}", "box: {marked_complete: ship}", name="box"),
    _one("R10", "complete, section: Validation", "complete, section: Validaton"),
    _one("R10", "needs: {section: Validation}", "needs: {section: Validating}", name="rule"),
    _one("R11", "{id: pedant,", "{id: builder,"),
    _one("R12", "      <fix_list>\n", "      <fixlist>\n", at="    text: |", below="\n  fix:\n"),
    _one("R12", "file: prompt-*.R*.md", "file: prompt-<nr>.R*.md", name="file"),
    _one(
        "R13",
        "red_tests: expected, typecheck: pass, lint: pass}}, ticks",
        "red_tests: expectd, typecheck: pass, lint: pass}}, ticks",
    ),
    # graph
    _one(
        "G01",
        "  complete: {phase: done}",
        "  island: {phase: execution, exits: [{to: gating}]}\n  complete: {phase: done}",
    ),
    _one("G02", _SPEC_UPDATED, "writes: [spec, design]}\n    exits: []\n", at=SPEC_UPDATING),
    _one("G03", "rounds: {code: left}}, enters: code}", "rounds: {code: left}}}", at=GATING),
    _one("G04", "{to: triage, otherwise: true}    # refuted", "{to: triage, when: {claims: confirmed}}  #"),
    _one(
        "G04",
        "      - {to: triage, otherwise: true}    # refuted",
        "      - {to: triage, otherwise: true}\n      - {to: drafted, otherwise: true}  #",
        at="      - {to: drafted, otherwise",
        name="two_otherwise",
    ),
    _one(
        "G05",
        "      - {to: conflict, when: {decision: {gorilla: conflicts with spec}}}\n",
        "",
        at="    exits:",
        below=GORILLA,
        name="unhandled_option",
    ),
    _one(
        "G05",
        "      - {to: counting, when: {gate: {tests: pass, typecheck: pass, lint: pass, counts: mismatch}}}\n",
        "",
        at="    exits:",
        below=GATING,
        name="unhandled_outcome",
    ),
    _one(
        "G06",
        "{to: complete, when: {decision: {accept: ship it}",
        "{to: abandoned, when: {decision: {accept: ship it}",
        at="  drafted:\n",
    ),
    _one(
        "G07",
        "when: {files: exist}",
        "when: {verdict: {of: verifier, is: PASS}}",
        at="    exits:",
        below="  drafted:\n",
    ),
    _one(
        "G08",
        "      - {to: gating}\n\n  gating:",
        "      - {to: gating}\n      - {to: stuck, when: {all: [{claims: refuted}, {claims: confirmed}]}}\n\n  gating:",
    ),
    _one("G09", "  complete: {phase: done}", "  complete: {phase: done, exits: [{to: drafted}]}"),
    _one("G09", "  abandoned: {phase: done}", "  abandoned: {phase: ready}", name="phase"),
    _one(
        "G10",
        _FIX_ROUND + "        enters: fix\n      - {to: triage,",
        _FIX_ROUND.replace(", rounds: {fix: left}", "") + "        enters: fix\n      - {to: triage,",
        at="      - to: fixing",
        below="\n  revalidating:",
    ),
    _one(
        "G11",
        "when: {decision: {stuck: abandon}}",
        "when: {decision: {stuck: abandon}, any: [{checked: marked_complete}, {not: {checked: [se_validated, "
        "codex_validated, consolidated, blockers_fixed, revalidated, human_approved, red_done, red_errors, green_done, "
        "green_passes, gates_pass, self_reviewed, gorilla_done, verify_run, tcs_verified]}}]}",
        at="    exits:",
        below="  stuck:  ",
    ),
    _one(
        "G12",
        _TRIAGED + _APPROVING_AFTER_TRIAGE,
        _TRIAGED.replace("answered", "answered, approve: send back") + _APPROVING_AFTER_TRIAGE,
        at="    exits:",
        below=TRIAGE,
    ),
    _one(
        "G13",
        _APPROVING_AFTER_TRIAGE + "        when: {decision: {triage: answered, effort: [all, blockers only]}, "
        "findings: {challenged: none, to_fix: none}}\n        ticks: [blockers_fixed, revalidated]\n\n  fixing",
        "      - to: approving\n        when: {decision: {triage: answered, effort: [all, blockers only]}, "
        "findings: {challenged: none, to_fix: none}}\n        ticks: [blockers_fixed, revalidated]\n\n  fixing",
        at="      - to: fixing",
        below=TRIAGE,
    ),
    _one("G14", "      - " + _VERIFY_FIX + _RESUMED, "      - {run: lint}\n    exits:\n", at="  verify_fixing:  "),
    _one(
        "G15",
        "    do:\n      - {id: spec_update, agent: engineer, purpose: fix, prompt: update_spec, "
        "session: either, writes: [spec, design]}\n",
        "",
        at=SPEC_UPDATING,
    ),
    _one(
        "G16",
        "      - to: approving\n        when: {verdict: {of: validators, is: PASS}, findings: {to_fix: none, "
        "ambiguous: none}, claims: confirmed}\n        ticks: [blockers_fixed, revalidated]\n      - {to: fixing,",
        "      - {to: fixing,",
        at="- {to: triage, otherwise",
        name="otherwise",
    ),
    _one(
        "G16",
        "options: {ship it: the story is complete, send back: fix again (say what in the note)}",
        "options: {send back: fix again (say what in the note), ship it: the story is complete}",
        at="  accepting:  ",
        name="circle",
    ),
    _one(
        "G16",
        "options: {approve: execute it, send back: back to triage, abandon: drop the story}",
        "options: {abandon: drop the story, approve: execute it, send back: back to triage}",
        at="terminal: {",
        name="ends_badly",
    ),
    _one(
        "G16",
        "  queued:                                # Story N+1 waits here, already validated\n    phase: ready\n"
        "    exits:\n      - {to: red, when: {dependencies: complete,",
        "  queued:                                # Story N+1 waits here, already validated\n    phase: ready\n"
        "    exits:\n      - {to: red, when: {dependencies: complete, claims: refuted,",
        at="  queued:  ",
        name="stops",
    ),
    _one(
        "G17",
        "{to: triage, when: {decision: {approve: send back}}}",
        "{to: origin, when: {decision: {approve: send back}}}",
    ),
    _one(
        "G18",
        "      - {to: triage, otherwise: true}\n\n" + TRIAGE,
        "      - {to: triage, otherwise: true, when: {claims: refuted}}\n\n" + TRIAGE,
    ),
    _one("G19", "      - {to: gating}\n\n  self_review:", "      - {to: validating}\n\n  self_review:"),
    _one(
        "G20", "      - {to: triage, otherwise: true}\n\n" + TRIAGE, "      - {to: stuck, otherwise: true}\n\n" + TRIAGE
    ),
    _one(
        "G21",
        "{to: conflict, when: {deviations: some}}",
        "{to: gorilla, when: {deviations: some}}",
        at="    exits:",
        below="  self_review:  ",
    ),
    # stale evidence: the first two are faults of the prototype's draft
    _one(
        "S01",
        _SPEC_UPDATED,
        "writes: [spec, design]}\n    exits:\n      - {to: gorilla}\n",
        at="{id: spec_update,",
        name="spec_updated_unseen",
    ),
    Broken(
        "S01",
        (
            (
                "    reopens: green_passes\n    do:\n      - " + _VERIFY_FIX,
                "    reopens: verify_run\n    do:\n      - " + _VERIFY_FIX,
            ),
            ("      - {to: gating}\n\n  accepting:", "      - {to: verifying}\n\n  accepting:"),
        ),
        at="{id: verify_fix,",
        name="verified_without_gates",
    ),
    _one(
        "S01",
        "      - {to: spec_triage, otherwise: true}",
        "      - {to: conflict, otherwise: true}",
        at="{id: spec_update,",
        name="conflict_forgets_validation",
    ),
    _one(
        "S02",
        "      - {to: gating}\n\n  accepting:",
        "      - {to: verify_triage}\n\n  accepting:",
        at="{id: verify_fix,",
    ),
    # changes from outside
    _one("R01", "in: [approving, queued]", "in: [approving, queud]", name="stale"),
    _one("R01", "    to: spec_validating\n    enters", "    to: spec_validatin\n    enters", name="stale_to"),
    _one(
        "R08",
        "    to: spec_validating\n    enters: outside",
        "    to: spec_validating\n    enters: outsid",
        name="stale",
    ),
    _one("S03", "in: [approving, queued]", "in: [approving, queued, complete]", name="terminal"),
    _one(
        "S03", "in: [approving, queued]", "in: [approving, queued, gorilla]", name="twice", at="    in: [gating, self"
    ),
    _one("S03", "in: [approving, queued]", "in: [approving, queued, drafted]", name="nothing_ticked"),
    _one("S03", "to: refreshing, enters: outside", "to: stuck, enters: outside", name="to_stuck"),
    _one("S04", "in: [approving, queued]", "in: [approving]", at="- {to: red, when: {dependencies", name="executed"),
    _one(
        "S04",
        "{rests_on: [code], in: [self_review, gorilla, verifying, accepting]",
        "{rests_on: [code], in: [self_review, gorilla, verifying]",
        at="- {to: complete,",
        name="completed",
    ),
    _one("S05", "to: gating, enters: outside", "to: gorilla, enters: outside"),
    _one("S05", "    to: spec_validating\n    enters", "    to: gating\n    enters", name="without_validators"),
    _one("S06", "    in: [gating, self_review,", "    in: [spec_fixing, gating, self_review,"),
    _one("S07", "    to: spec_validating\n    enters", "    to: refreshing\n    enters"),
    # agents
    _one(
        "A01",
        "    provider: openai\n    model: gpt-5.2-codex\n    effort: high\n    sandbox: read-only",
        "    provider: anthropic\n    model: gpt-5.2-codex\n    effort: high\n    sandbox: read-only",
        at="  validators: {members",
        name="same_provider",
    ),
    _one(
        "A01",
        "{id: pedant, agent: pedant_validator,",
        "{id: pedant, agent: builder_validator,",
        at="{id: builder,",
        name="single_validator",
    ),
    _one(
        "A02",
        "{id: pedant, agent: pedant_validator, purpose: validate, prompt: validate,",
        "{id: pedant, agent: pedant_validator, purpose: validate, prompt: revalidate,",
    ),
    _one(
        "A03",
        "      - parallel:\n          - {id: builder, agent: builder_validator, purpose: validate, prompt: validate, "
        "session: fresh, ticks: [se_validated]}\n          - {id: pedant",
        "      - {id: builder, agent: builder_validator, purpose: validate, prompt: validate, "
        "session: fresh, ticks: [se_validated]}\n      - {id: pedant",
        at="- {id: pedant,",
    ),
    _one(
        "A04",
        _LOOK_AGAIN + _AGAIN,
        _LOOK_AGAIN + "         session: fresh, ticks: [se_validated, codex_validated]}\n",
        name="fresh_session",
    ),
    _one("A04", _LOOK_AGAIN + _AGAIN, _LOOK_AGAIN + _AGAIN.replace("ask", "fresh"), name="stale_unasked"),
    _one("A04", _LOOK_AGAIN + _AGAIN, _LOOK_AGAIN + _AGAIN.replace(", pedant", ""), name="resumes_one"),
    _one("A05", "session: {resume: impl, if_stale: ask}", "session: fresh"),
    _one(
        "A06",
        "session: fresh, writes: [files], ticks: [red_done]",
        "session: {resume: code_fix, if_stale: fresh}, writes: [files], ticks: [red_done]",
        name="before_it_ran",
    ),
    _one(
        "A06",
        _CODE_FIX + "session: {resume: impl,",
        _CODE_FIX + "session: {resume: [impl, builder],",
        name="other_role",
    ),
    _one(
        "A07",
        "    effort: high\n    sandbox: read-only",
        "    effort: high\n    sandbox: workspace-write",
        at="    sandbox: workspace-write",
        name="validator_writes",
    ),
    _one(
        "A07",
        "effort: high, sandbox: workspace-write}",
        "effort: high, sandbox: read-only}",
        name="verifier_reads_only",
    ),
    _one(
        "A07",
        "session: fresh, ticks: [verify_run]",
        "session: fresh, writes: [files], ticks: [verify_run]",
        name="verifier_writes",
    ),
    _one(
        "A08",
        "verifier: {title: GPT-5.2 Codex, provider: openai,",
        "verifier: {title: GPT-5.2 Codex, provider: anthropic,",
        at="{id: verify,",
    ),
    _one(
        "A09",
        _CODE_FIX + "session: {resume: impl, if_stale: fresh}, writes: [files]}",
        _CODE_FIX + "session: {resume: impl, if_stale: fresh}}",
    ),
    _one(
        "A10",
        "{to: validating, when: {files: exist}}",
        "{to: queued, when: {files: exist}}",
        at="- {to: red, when: {dependencies",
        name="execution_without_validation",
    ),
    _one(
        "A10",
        "{to: verifying, when: {decision: {gorilla: feels right}",
        "{to: accepting, when: {decision: {gorilla: feels right}",
        at="- {to: complete,",
        name="complete_without_verification",
    ),
    _one("A11", "      - {spot_check: verifier}\n", "", at="when: {verdict: {of: verifier", name="blind_trust"),
    _one(
        "A11",
        "findings: {to_fix: none, ambiguous: none}, claims: confirmed}\n        ticks: [tcs_verified]",
        "findings: {to_fix: none, ambiguous: none}}\n        ticks: [tcs_verified]",
        name="refuted_claims",
    ),
    _one(
        "A12",
        "      - {to: revalidating}\n",
        "      - {to: approving}\n",
        at="- {to: red, when: {dependencies",
        name="fixed_without_revalidation",
    ),
    _one("A13", "    reads: [spec]\n    returns: verdict", "    reads: [spec]\n    returns: work", at="{id: verify,"),
    _one(
        "A14",
        "      - {spot_check: validators}\n      - {consolidate: validators, ticks: [consolidated]}\n    exits:\n"
        "      - to: approving\n        when: {verdict: {of: validators, is: PASS}, findings: {to_fix: none, "
        "ambiguous: none}, claims: confirmed}\n        ticks: [blockers_fixed, revalidated]\n      - {to: fixing,",
        "      - {consolidate: validators, ticks: [consolidated]}\n      - {spot_check: validators}\n    exits:\n"
        "      - to: approving\n        when: {verdict: {of: validators, is: PASS}, findings: {to_fix: none, "
        "ambiguous: none}, claims: confirmed}\n        ticks: [blockers_fixed, revalidated]\n      - {to: fixing,",
    ),
    _one(
        "A15",
        "{to: validating, when: {files: exist}}",
        "{to: consolidating, when: {files: exist}}",
        at="- {spot_check: validators}",
    ),
    _one(
        "A16",
        "{to: validating, when: {files: exist}}",
        "{to: triage, when: {files: exist}}",
        at="do: [{ask: triage}, {ask: effort}]",
    ),
    _one("A17", "session: fresh, ticks: [se_validated]", "session: either, ticks: [se_validated]"),
    _one(
        "A17",
        "prompt: green, session: {resume: impl, if_stale: fresh},",
        "prompt: green, session: either,\n        ",
        name="implement",
    ),
    _one("A18", "      - {run: baseline}\n", "", at="parallel: [{run: red_tests}"),
    # people
    _one(
        "H01",
        "  stuck:\n    title: Stuck",
        "  extra: {title: X, ask: why, options: {a: x, b: y}}\n  stuck:\n    title: Stuck",
    ),
    _one("H02", "do: [{ask: gorilla}]", "do: [{ask: gorilla}, {run: tests}]"),
    _one(
        "H03",
        "{to: stuck, when: {not: {gate: {tests: pass, typecheck: pass, lint: pass}}, rounds",
        "{to: self_review, when: {not: {gate: {tests: pass, typecheck: pass, lint: pass}}, rounds",
    ),
    _one("H04", "failed: stuck", "failed: code_fixing"),
    _one(
        "H05",
        "      - to: accepting\n        when: {verdict: {of: verifier",
        "      - to: complete\n        when: {verdict: {of: verifier",
    ),
    _one(
        "H06", "{to: code_fixing, when: {decision: {counts: [story", "{to: counting, when: {decision: {counts: [story"
    ),
    _one(
        "H07",
        "when: {decision: {stuck: try again}}, resets: [fix, red, code, verify, outside]}",
        "when: {decision: {stuck: try again}}}",
    ),
    _one(
        "H08",
        "    title: Spec against implementation\n",
        "    title: Spec against implementation\n    box: {human_approved: fix code}\n",
        at="  conflict:  ",
    ),
    _one("H09", "  fix: {max_rounds: 3}", "  spare: {max_rounds: 2}\n  fix: {max_rounds: 3}"),
    _one(
        "H10",
        "      - {to: triage, otherwise: true}\n\n" + TRIAGE,
        "      - {to: abandoned, otherwise: true}\n\n" + TRIAGE,
    ),
    _one(
        "H11",
        _TRIAGED + _APPROVING_AFTER_TRIAGE,
        "        when: {findings: {to_fix: some}}\n" + _APPROVING_AFTER_TRIAGE,
        at="      - to: fixing",
        below=TRIAGE,
    ),
    # checklist
    _one("C01", "session: fresh, ticks: [verify_run]", "session: fresh", at="    verify_run:"),
    _one("C01", "ticks: [red_errors]", "ticks: [red_errors, next_validated]", at="    next_validated:", name="derived"),
    _one("C02", "ticks: [green_done]", "ticks: [green_done, gorilla_done]"),
    _one("C02", "ticks: [red_errors]", "ticks: [red_errors, human_approved]", name="exit"),
    _one(
        "C02",
        "    gorilla_done:    {text: Gorilla testing done (human), by: human",
        "    gorilla_done:    {text: Gorilla testing done (human), by: gate",
        at="box: {gorilla_done",
        name="box",
    ),
    _one(
        "C03",
        "{to: self_review, when: {decision: {counts: run is right}}, ticks: [green_passes, gates_pass]}",
        "{to: self_review, when: {decision: {counts: run is right}}, ticks: [green_passes]}",
        at="- {to: complete,",
    ),
    Broken(
        "C04",
        (
            ("    reopens: green_passes\n    do:\n      - {run: tests}", "    do:\n      - {run: tests}"),
            ("    reopens: green_passes\n    do:\n      - " + _CODE_FIX, "    do:\n      - " + _CODE_FIX),
        ),
        at=GATING,
    ),
    _one(
        "C05",
        "      - to: approving\n        when: {verdict: {of: validators, is: PASS}, findings: {to_fix: none, "
        "ambiguous: none}, claims: confirmed}\n        ticks: [blockers_fixed, revalidated]\n      - {to: fixing,",
        "      - to: approving\n        when: {findings: {to_fix: none, ambiguous: none}, claims: confirmed}\n"
        "        ticks: [blockers_fixed, revalidated]\n      - {to: fixing,",
        at="ticks: [blockers_fixed, revalidated]",
        below="\n  consolidating:",
    ),
    _one(
        "C05",
        "{to: stuck, when: {not: {gate: {tests: pass, typecheck: pass, lint: pass}}, rounds",
        "{to: counting, when: {not: {gate: {tests: pass, typecheck: pass, lint: pass}}, rounds",
        at="- {to: self_review, when: {decision: {counts",
        name="person_ticks_failed_gate",
    ),
    _one("C06", "complete, section: Validation", "complete, section: [Validation, Ready for Next]"),
    _one("C06", "needs: {section: Validation}", "needs: {section: Ready for Next}", name="rule"),
    _one(
        "C06",
        "{text: Or validation in progress, by: engine,",
        "{text: Or validation in progress, by: agent,",
        name="by",
    ),
    _one("C07", "{text: Green executed,", "{text: Skeleton + Red executed,"),
    _one(
        "C08", "verified, by: agent, rests_on: [story, prompts, spec, code]}", "verified, by: agent, rests_on: [spec]}"
    ),
    # across stories
    _one("P01", "concurrency: {validation: 3, execution: 1,", "concurrency: {validation: 3, execution: 2,"),
    _one("P02", "execution: 1, verification: 1}", "execution: 1}"),
    _one("P03", "when: {dependencies: complete, section: Val", "when: {section: Val"),
    _one(
        "P04",
        "when: {files: exist}",
        "when: {files: exist, dependencies: complete}",
        at="    exits:",
        below="  drafted:\n",
    ),
    _one(
        "P05",
        "writes: [story.md, prompt-*.md, spec, design]}\n    exits:\n      - {to: revalidating}",
        "writes: [story.md, prompt-*.md, spec, design, files]}\n    exits:\n      - {to: revalidating}",
    ),
    # declared rules
    _one("I01", "{gorilla: feels right}, checked: gorilla_done}", "{gorilla: feels right}}", at="id: no-skipped-gates"),
    _one(
        "I01",
        "entering: {phase: execution}, needs: {dependencies: complete}",
        "entering: {phase: verification}, needs: {ran: consolidate, items: [marked_complete]}",
        name="own_rule",
    ),
    _one(
        "I01",
        "claims: confirmed}\n        ticks: [blockers_fixed, revalidated]\n      - {to: fixing,",
        "claims: refuted}\n        ticks: [blockers_fixed, revalidated]\n      - {to: fixing,",
        at="id: approve-only-passed",
        name="approve_refuted",
    ),
)
