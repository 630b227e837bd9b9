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


@dataclass(frozen=True, slots=True)
class Cage:
    """How much of the machine a command sees and may change.

    `tree` is shown at `root`: the tree itself, or a copy of it. Of a `writable` tree, `protected` stays read-only.
    `shown` are paths below what is hidden that are bound back read-only, `kept` those that may be written as well.
    `memory` is in bytes, `processes` counts those of the user.
    """

    root: Path
    tree: Path
    writable: bool = False
    protected: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    memory: int = 4 * 2**30
    processes: int = 4096

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a command in the cage.

        Bubblewrap itself gets no variables either: it is process 1 in there, and anybody may read its environment.
        """
        words = [
            *("env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}"),
            *("bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
            *(("--share-net",) if self.network else ()),
            *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        ]
        hidden = {*map(Path, _PRIVATE), Path("/root"), Path("/home"), home(), *self.hidden}
        for path in sorted(path for path in hidden if path.is_dir()):
            words += ["--tmpfs", str(path)]
        inner = {path for path in self.shown if path.is_relative_to(self.root)}
        for path in sorted({*self.shown, *toolchains(hidden)} - inner):
            words += ["--ro-bind-try", str(path), str(path)]
        for path in self.kept:
            words += ["--bind-try", str(path), str(path)]
        words += ["--bind" if self.writable else "--ro-bind", str(self.tree), str(self.root)]
        for path in sorted(inner):
            words += ["--ro-bind-try", str(path), str(path)]
        for path in self.protected:
            source = self.tree / path.relative_to(self.root)
            if source.exists():
                words += ["--ro-bind", str(source), str(path)]
        words += ["--chdir", str(self.root), "--setenv", "HOME", str(home())]
        for name, value in {**passed(()), **self.environ}.items():
            words += ["--setenv", name, value]
        bounds = (f"--data={self.memory}", f"--nproc={self.processes}", "--core=0")
        return [*words, "--", "prlimit", *bounds, "--", *command]


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
    for name in ("bwrap", "prlimit"):
        if shutil.which(name) is None:
            return f"{name} is not on PATH. {HINT}"
    words = Cage(root=Path("/usr"), tree=Path("/usr")).argv(["true"])
    done = subprocess.run(words, capture_output=True, check=False, timeout=20)
    if done.returncode == 0:
        return ""
    said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
    return f"bubblewrap cannot start ({said or f'exit {done.returncode}'}). User namespaces must be allowed."
