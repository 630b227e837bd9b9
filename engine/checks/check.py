"""What can be found in a pack without a model, a network or a key.

check_pack
├── read_pack_pages     pages, lines, definitions
├── check_structure     C1xx: stories, prompts, sections, titles
├── check_order         C107, C108, C110, C4xx: depends_on, prerequisites, graph
├── check_traceability  C2xx: AC → TC → story → prompt
├── check_counts        C3xx: one ledger of all test counts
├── check_prompts       C5xx: self-contained, no placeholders
├── check_references    C6xx: prompts, documents, files
└── check_marks         C7xx: task lists
"""

from __future__ import annotations

from collections.abc import Callable

from engine.checks.counts import check_counts
from engine.checks.coverage import read_coverage
from engine.checks.marks import check_marks
from engine.checks.order import check_order
from engine.checks.prompts import check_prompts
from engine.checks.reading import read_pack_pages
from engine.checks.references import check_references
from engine.checks.structure import check_structure
from engine.checks.traceability import check_traceability
from engine.model.pack import Pack
from engine.model.problem import Problem


def check_pack(pack: Pack, exists: Callable[[str], bool]) -> list[Problem]:
    """Find the problems of a pack, in reading order; `exists` answers for repository-relative paths."""
    if not pack.stories:
        return []
    reading = read_pack_pages(pack, exists)
    known = [*reading.defined]
    coverage = {story.id: read_coverage(story, known) for story in reading.stories}
    problems = [
        *check_structure(reading),
        *check_order(reading),
        *check_traceability(reading, coverage),
        *check_counts(reading),
        *check_prompts(reading),
        *check_references(reading),
        *check_marks(reading),
    ]
    order = {page.path: number for number, page in enumerate(reading.pages())}
    return sorted(dict.fromkeys(problems), key=lambda p: (order.get(p.file, len(order)), p.line, p.code))
