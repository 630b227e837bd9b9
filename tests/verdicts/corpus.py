"""The corpus of verdicts: what each file says of itself in its first line, and how it is read.

A bad file begins with `why: …`, a good one with `means: PASS, …`; the reply is the rest, byte for byte. All are about
round 2 of story 4 as a verification. `[validate]` in the first line makes it a validation, which has no TC table;
`[gates tests=fail]` says how a gate of the round ended.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from engine.agents.reply import read_report
from engine.model.verdict import Verdict

HERE = Path(__file__).parent
TCS = ("TC-4.1a", "TC-4.1b")
OTHERS = {"TC-4.2": "manual", "TC-4.3": "deferred"}
GIVEN = ((HERE / "injected.md").read_text("utf-8"),)
BAD = sorted((HERE / "bad").iterdir())
GOOD = sorted((HERE / "good").iterdir())


class Sample(NamedTuple):
    """A file of the corpus: what its first line says, and the reply."""

    told: str
    reply: str


def load(path: Path) -> Sample:
    """Read a file of the corpus as it is, line ends included."""
    told, _, reply = path.read_bytes().decode("utf-8").partition("\n")
    return Sample(told, reply)


def read(sample: Sample) -> Verdict:
    """Read a sample's reply under the circumstances that its first line tells."""
    verify = "[validate]" not in sample.told
    gates = dict(re.findall(r"\[gates (\w+)=(\w+)\]", sample.told))
    report = read_report(
        sample.reply,
        "verdict",
        story="4",
        turn=2,
        tcs=TCS if verify else (),
        others=OTHERS if verify else {},
        gates=gates,
        given=GIVEN,
    )
    assert isinstance(report, Verdict)
    return report
