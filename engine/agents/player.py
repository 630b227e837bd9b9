"""Who plays a role with a model: what the machine says of the role, with what story.toml sets anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.cage import Cage, passed
from engine.model.call import Price, Usage, Workspace
from engine.process import Deadlines

Doing = Callable[[str, str, int, float | None], None]
"""Told by an agent of a call: what it does now, how many tokens it took so far, and US dollars (None: not known)."""
_SLUG = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Room:
    """What caged commands get besides the tree; `memory` is in bytes, `hidden` holds the state folder."""

    shown: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    env: tuple[str, ...] = ()
    memory: int = 4 * 2**30
    processes: int = 4096

    def cage(
        self,
        space: Workspace,
        *,
        network: bool = False,
        shown: tuple[Path, ...] = (),
        kept: tuple[Path, ...] = (),
        environ: Mapping[str, str] | None = None,
        passing: tuple[str, ...] = (),
        nests: bool = False,
    ) -> Cage:
        """The cage of a command that works in a workspace; the rest is what it needs by itself."""
        root = Path(space.root)
        return Cage(
            root=root,
            tree=Path(space.tree),
            writable=space.writable,
            protected=(),
            shown=(*self.shown, *shown, *(root / path for path in map(Path, space.shown))),
            kept=(*self.kept, *kept),
            hidden=self.hidden,
            environ={**passed(self.env), **(environ or {})},
            passing=passing,
            network=network,
            nests=nests,
            memory=self.memory,
            processes=self.processes,
        )


@dataclass(frozen=True, slots=True)
class Player:
    """A role with everything that running it needs. `folder` is where sessions and raw transcripts are kept."""

    role: str
    provider: str
    model: str
    effort: str | None
    folder: Path
    deadlines: Deadlines
    room: Room = field(default_factory=Room)
    base_url: str | None = None
    key: str | None = None
    max_tokens: int = 16_000
    requests: int = 200
    price: Price | None = None
    doing: Doing = field(default=lambda *_: None)

    def transcript(self, call: str) -> Transcript:
        """Where the raw bytes of a call go, and the session that it began."""
        return Transcript(self.folder / _SLUG.sub("-", call))

    def priced(self, usage: Usage) -> Usage:
        """The usage with its cost, where a price is known and the provider told none."""
        if usage.cost is not None or self.price is None:
            return usage
        return usage.model_copy(update={"cost": round(self.price.of(usage), 6)})

    def tell(self, call: str, what: str, usage: Usage) -> None:
        """Tell whoever looks on what an agent does now, and what it took so far."""
        self.doing(call, what, usage.input + usage.output, self.priced(usage).cost)


@dataclass(frozen=True, slots=True)
class Transcript:
    """The files of one call: `raw` is what came, byte for byte; the session's id is saved as soon as it is known."""

    folder: Path

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    def began(self) -> str | None:
        """The session that a killed run of this very call began."""
        try:
            return str(json.loads((self.folder / "session.json").read_text("utf-8"))["id"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save_session(self, session: str) -> None:
        """Save a session's id, durably enough for a killed engine to find it."""
        self.save("session.json", json.dumps({"id": session}))

    def hear(self, piece: bytes) -> None:
        """Keep what came, as it came."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.raw.open("ab") as file:
            file.write(piece)

    def save(self, name: str, text: str) -> None:
        """Save a file of the call, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / f"{name}.new"
        fresh.write_text(text, "utf-8")
        fresh.replace(self.folder / name)
