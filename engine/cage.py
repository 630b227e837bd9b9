"""The cage: commands of agents, and gates over a tree that agents wrote, run in bubblewrap, or not at all.

What a caged command sees: the machine read-only, an empty home but for what is bound back, the tree at its own
path, an environment of named variables only, and no network but its own loopback. docs/security.md says more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from engine.errors import UsageError

PASSED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "CI", "VIRTUAL_ENV")
"""The variables that a command is given where nobody names others: none of these is a secret."""
HINT = "Install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`; Fedora: `dnf install bubblewrap`)."
_PRIVATE = ("/tmp", "/run", "/var/tmp")
_ORDINARY = ("--unshare-user", "--uid", "1000", "--gid", "1000")
"""Without capabilities root cannot make a user namespace in its own; whoever is root outside is not inside, then."""


@dataclass(frozen=True, slots=True)
class Cage:
    """How much of the machine a command sees and may change.

    `tree` is shown at `root`: the tree itself, or a copy of it. Of a `writable` tree, `protected` stays read-only.
    `shown` are paths below what is hidden that are bound back read-only, `kept` those that may be written as well.
    `memory` is in bytes, `processes` counts those of the user. `passing` names variables whose values come with the
    process itself: a key on a command line could be read by all. In one that `nests` another sandbox can start, such as
    a cage that is `inside`: it may not mount /proc anew, and sees in the outer one's no other process from within.
    """

    root: Path
    tree: Path
    writable: bool = False
    protected: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    passing: tuple[str, ...] = ()
    network: bool = False
    nests: bool = False
    inside: bool = False
    memory: int = 4 * 2**30
    processes: int = 4096

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a command in the cage."""
        seen = {**passed(()), **self.environ}
        inherited = {name for name, value in seen.items() if os.environ.get(name) == value} | {*self.passing}
        words = ["env"]  # not `--clearenv`: bubblewrap's own environment stays readable in /proc/1
        for name in sorted(os.environ.keys() - inherited):
            words += ["-u", name]
        words += [
            *("choom", "-n", "1000", "--"),  # if memory runs out, the kernel ends this before anything else
            *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
            *(_ORDINARY if self.nests and os.geteuid() == 0 else ()),
            *(("--share-net",) if self.network else ()),
            *("--ro-bind", "/", "/", "--dev", "/dev"),
            *(() if self.inside else ("--proc", "/proc")),
        ]
        hidden = {*map(Path, _PRIVATE), Path("/root"), Path("/home"), home(), *self.hidden}
        for path in [Path("/dev/shm"), *sorted(path for path in hidden if path.is_dir())]:
            words += ["--size", str(self.memory), "--tmpfs", str(path)]  # its files lie in memory
        words += ["--remount-ro", "/dev"]
        inner = {path for path in self.shown if path.is_relative_to(self.root)}
        names = {Path(os.path.realpath("/etc/resolv.conf"))} if self.network else set()
        for path in sorted({*self.shown, *names, *toolchains(hidden)} - inner):
            words += ["--ro-bind-try", str(path), str(path)]
        for path in self.kept:
            words += ["--bind-try", str(path), str(path)]
        words += ["--bind" if self.writable else "--ro-bind", str(self.tree), str(self.root)]
        for folder in sorted({above for path in self.protected for above in _between(self.root, path)}):
            if (self.tree / folder).is_dir() and not (
                self.tree / folder
            ).is_symlink():  # what is mounted cannot be moved away to put something else in its place
                words += ["--bind", str(self.tree / folder), str(self.root / folder)]
        for path in sorted(inner):
            words += ["--ro-bind-try", str(path), str(path)]
        for path in self.protected:
            source = self.tree / path.relative_to(self.root)
            if source.exists():
                words += ["--ro-bind", str(source), str(path)]
        words += ["--chdir", str(self.root), "--setenv", "HOME", str(home())]
        for name in sorted(seen.keys() - inherited):
            words += ["--setenv", name, seen[name]]
        bounds = (f"--data={self.memory}", f"--nproc={self.processes}", "--core=0")
        return [*words, "--", "prlimit", *bounds, "--", *command]


def _between(root: Path, path: Path) -> list[Path]:
    """The folders between the root and a path below it, relative to the root."""
    return [*path.relative_to(root).parents][:-1]


def passed(names: Sequence[str]) -> dict[str, str]:
    """The variables of this process that a command is given: the harmless ones, and those that are named."""
    return {name: os.environ[name] for name in (*PASSED, *names) if name in os.environ}


def toolchains(hidden: set[Path]) -> set[Path]:
    """What lies below a hidden folder and is on PATH: its tools would be gone.

    Of Python and Node all that they stand on is brought back, of others the folder alone: `.cargo` holds keys, too.
    """
    found = set()
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        path = Path(entry)
        if not path.is_absolute() or not path.is_dir():
            continue
        real = {
            Path(os.path.realpath(path / name)).parent.parent for name in ("python3", "node") if (path / name).exists()
        }
        if (path.parent / "pyvenv.cfg").is_file():
            real.add(path.parent)
        found |= {place for place in {path, *real} if any(place.is_relative_to(folder) for folder in hidden)}
    return found - hidden


def home() -> Path:
    """The home of the user, as the cage hides it."""
    return Path(os.environ.get("HOME") or "/root").absolute()


def demand_cage() -> None:
    """Refuse to go on where no cage can be had, with what to do."""
    why = broken()
    if why:
        raise UsageError(f"what agents run has to be caged, and cannot be: {why}")


@cache
def broken() -> str:
    """Why no command can be caged here, "" where it can; tried once."""
    for name in ("bwrap", "prlimit", "choom"):
        if shutil.which(name) is None:
            return f"{name} is not on PATH. {HINT}"
    words = Cage(root=Path("/usr"), tree=Path("/usr")).argv(["true"])
    done = subprocess.run(words, capture_output=True, check=False, timeout=20)
    if done.returncode == 0:
        return ""
    said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
    return f"bubblewrap cannot start ({said or f'exit {done.returncode}'}). User namespaces must be allowed."
