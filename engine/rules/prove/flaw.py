"""Flaws of a machine, and the one list of everything the proofs can find."""

from __future__ import annotations

from dataclasses import dataclass

Place = tuple[str | int, ...]
"""The way to a value in the machine file, such as ("states", "red", "exits", 2)."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, where in the machine, and what to do about it."""

    code: str
    place: Place
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code} {'.'.join(map(str, self.place))}: {self.message} {self.remedy}"


def flaw(code: str, place: Place, message: str) -> Flaw:
    """Make a flaw with the remedy its code has."""
    return Flaw(code, place, message, CODES[code][1])


CODES: dict[str, tuple[str, str]] = {
    # names
    "R00": ("an item id stands in two sections", "Give each item an id of its own."),
    "R01": ("an undefined state is named", "Name a state of `states`."),
    "R02": ("an undefined item is named", "Name an item of `checklist`."),
    "R03": ("an undefined role or group is named", "Name one of `roles` or `groups`."),
    "R04": ("an undefined prompt is named", "Name one of `prompts`."),
    "R05": ("a session of an undefined action is resumed", "Name the `id` of an agent's action."),
    "R06": ("an undefined gate is named", "Name one of `gates`."),
    "R07": ("an undefined decision is named", "Name one of `decisions`."),
    "R08": ("an undefined loop is named", "Name one of `loops`."),
    "R09": ("a decision has no such option", "Use its options, or `answered` if it is asked per finding."),
    "R10": ("an undefined section is named", "Name a section of `checklist`."),
    "R11": ("two actions have the same id", "Give each agent's action an id of its own."),
    "R12": (
        "a prompt holds an unknown placeholder",
        "Use <n>, <prev>, <slug>, <fix_list>, <fix_report>, <failures> or <note>.",
    ),
    "R13": ("a gate has no such outcome", "Use the names under its `outcomes`."),
    # graph
    "G01": ("a state cannot be reached", "Lead an exit to it, or drop it."),
    "G02": ("a state is a dead end", "Give it an exit, or list it under `terminal`."),
    "G03": (
        "a cycle has neither a counted loop nor a person in it",
        "Count it with `enters`, or ask a person.",
    ),
    "G04": ("two exits can be open at once", "Make their guards exclude each other."),
    "G05": ("no exit is open in some case", "Add an exit for the case, or `otherwise: true`."),
    "G06": ("a state has no way to a successful end", "Lead it back to the way to success."),
    "G07": ("a guard reads what nothing before it produces", "Produce it first, or ask something else."),
    "G08": ("an exit can never be taken", "Correct its guard, or drop it."),
    "G09": (
        "terminal state and phase `done` do not agree, or a terminal state acts",
        "Let it be a bare end.",
    ),
    "G10": ("a loop is entered again without asking for rounds left", "Add `rounds: {<loop>: left}`."),
    "G11": ("the guards of a state are too many to prove", "Split the state."),
    "G12": (
        "a guard reads what is not known on every path",
        "Produce it on each path, or in the state itself.",
    ),
    "G13": ("an exit enters a counted state uncounted", "Add `enters`, or `resets` where a person decided."),
    "G14": ("a counted loop repeats without an agent at work", "Let an agent work in the state it enters."),
    "G15": ("a state does nothing and waits for nothing", "Give it something to do, or drop it."),
    "G16": (
        "the run in which all goes well does not reach success",
        "Put good outcomes and options first; guard the good exit by name.",
    ),
    "G17": (
        "`origin` stands where no story comes from",
        "Use it only in the state named by `defaults.failed`.",
    ),
    "G18": ("an exit has both a guard and `otherwise`", "Keep one of them."),
    "G19": ("agents' work leads back behind execution without a person", "Let a person send a story back."),
    "G20": (
        "the state for failures is entered without one",
        "Enter it when rounds are used up, or not at all.",
    ),
    "G21": ("all exits of a state lead to one place", "Keep one exit, or correct a target."),
    # stale evidence
    "S01": ("an item is relied on after its ground was changed", "Lead the way past what earns it again."),
    "S02": (
        "evidence is relied on after its ground was changed",
        "Lead the way past what produces it again.",
    ),
    "S03": ("an entry of `stale` names a state in which it cannot act", "Drop the state, or name another."),
    "S04": (
        "evidence is relied on in a state that does not act on a change from outside",
        "Name the state under `stale`, for what the items rest on.",
    ),
    "S05": ("an entry of `stale` leads past what earns an item again", "Lead it to the state that begins to earn it."),
    "S06": ("a state's own work would send it back", "Name the states that follow it instead."),
    "S07": ("an entry of `stale` opens what does not rest on the change", "Lead it to a state that reopens less."),
    # agents
    "A01": ("fewer than two providers validate", "Let two roles of different providers validate."),
    "A02": ("validators get different instructions", "Give them the same `prompt`."),
    "A03": ("validators do not run side by side", "Put them under one `parallel`."),
    "A04": (
        "re-validation does not resume the validators' own sessions",
        "Write `session: {resume: [<their ids>], if_stale: ask}`.",
    ),
    "A05": ("self-review does not resume the implementing session", "Resume the `implement` action."),
    "A06": ("a session is resumed that need not exist, or is another role's", "Resume one that has run."),
    "A07": ("a sandbox does not fit the work", "Validators read only; who writes or verifies needs more."),
    "A08": ("the provider that implemented also verifies", "Let another provider verify."),
    "A09": ("an agent that changes things declares no paths", "Say what it `writes`."),
    "A10": ("a step is skipped on some path", "Lead every path through it."),
    "A11": ("claims are relied on without a spot check", "Add `spot_check` after the verdict."),
    "A12": ("a verdict is older than what it is about", "Lead back to those who gave it."),
    "A13": ("a prompt returns something else than its purpose needs", "Correct `returns`."),
    "A14": ("findings are consolidated before their claims are checked", "Put `spot_check` first."),
    "A15": ("the engine works on verdicts that are not there", "Let the agents report first."),
    "A16": ("findings are asked about before there are any", "Consolidate first."),
    "A17": ("a new task starts in an old session", "Write `session: fresh`."),
    "A18": ("a gate is compared with a baseline that need not have run", "Run the baseline before it."),
    # people
    "H01": ("a decision is never asked", "Ask it in a state, or drop it."),
    "H02": ("a state both asks a person and works", "Split it in two."),
    "H03": ("used-up rounds do not lead to a person", "Lead to a state that asks."),
    "H04": ("technical failures do not reach a person", "Let `defaults.failed` name a state that asks."),
    "H05": ("a story can succeed without a person", "Let a decision lead to the successful end."),
    "H06": ("an answer leads straight back to its question", "Lead it somewhere else."),
    "H07": ("the way out of a failure grants no new rounds", "Add `resets` with every loop."),
    "H08": ("a person's box may still be ticked from an earlier round", "Let the state `reopens` it."),
    "H09": ("a loop is never counted", "Count it with `enters`, or drop it."),
    "H10": ("a story can fail for good without a person", "Let a decision lead to the failed end."),
    "H11": (
        "an exit does not wait for the answer that its state asks for",
        "Ask for each decision in its guard.",
    ),
    # checklist
    "C01": ("nothing ever ticks an item, or a derived one is ticked", "Tick it where it is earned."),
    "C02": ("an item is ticked by somebody else than it says", "Correct `by`, or who ticks it."),
    "C03": ("a story can complete with an item unticked", "Lead every path past what ticks it."),
    "C04": ("a later item can still be ticked while earlier work is redone", "Let the state `reopens` it."),
    "C05": ("an exit ticks an item without fresh evidence for it", "Ask for a verdict or gate in its guard."),
    "C06": ("a derived item is guarded, required or reopened", "Use an item of this story."),
    "C07": ("two items of a section have the same text", "Word them differently."),
    "C08": ("an item does not rest on what its verdict rests on", "Name it under `rests_on`."),
    # across stories
    "P01": ("stories change code at once in one tree", "Set it to 1, or `isolation` to worktree."),
    "P02": ("a phase that works has no limit", "Name it under `pipeline.concurrency`."),
    "P03": ("execution can start before earlier stories are complete", "Ask for `dependencies: complete`."),
    "P04": ("validation waits for another story", "Let it run ahead."),
    "P05": ("stories of two phases write the same paths in one tree", "Isolate one of them in a worktree."),
    # declared rules
    "I01": ("a declared rule does not hold on every path", "Close the path, or correct the rule."),
}
"""Code → what it means, and what to do."""
