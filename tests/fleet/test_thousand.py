"""A thousand stories in fifty packs on two workers: nothing lost, nothing doubled, nothing before what it needs."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.fleet.crowd import Crowd
from tests.fleet.many import LIGHT
from tests.fleet.server import Server
from tests.repo import git

PACKS = int(os.environ.get("STORY_PACKS", "50"))
CALLS = 2


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_a_thousand_stories_are_run_by_two_workers(tmp_path: Path, temporal: Server) -> None:
    """Each story is complete, each of its calls began once and ended once, each gate ran after what the story needs."""
    with Crowd(tmp_path, temporal, packs=PACKS, stories=20, machine=LIGHT) as crowd:
        took = crowd.run(5000)
    print(f"{crowd.total} stories in {took.seconds:.0f} s, {60 * crowd.total / took.seconds:.0f} a minute")
    assert crowd.accepted() == crowd.total == 20 * PACKS
    assert took.calls == crowd.total * CALLS
    for journal in crowd.ana.glob("docs/*/story-*/evidence/journal.jsonl"):
        events = [json.loads(line) for line in journal.read_text().splitlines()]
        calls = {kind: [event["call"] for event in events if event["event"] == kind] for kind in ("began", "ended")}
        assert sorted(calls["began"]) == sorted(calls["ended"])
        assert len({*calls["began"]}) == CALLS
    subjects = git(crowd.ana, "log", "--reverse", "--format=%s").splitlines()
    steps = {subject: at for at, subject in enumerate(subjects) if " → " in subject}
    doubled = [subject for subject, times in Counter(subjects).items() if times > 1 and " → " in subject]
    assert doubled == []
    for even in range(2, crowd.total + 1, 2):
        made, needed = f"chore(story-{even}): drafted → making", f"chore(story-{even - 1}): accepting → complete"
        assert steps[needed] < steps[made]
