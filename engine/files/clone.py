"""A worker's own clone: brought to where the remote stands, worked in, and pushed whole or not at all.

<home>/tree     the clone, on the main branch; worktrees of stories lie in <home>/state
<home>/slots/N  trees for calls, each at the commit that its call began in

Nothing in it is anybody's but the worker's: what was not pushed did not happen, and is thrown away.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from engine.errors import CallFailed, UsageError
from engine.files.branches import AGENTS, ENGINE, commit_all, is_laid_out, is_merged, open_worktree, worktree_of
from engine.files.config import read_config
from engine.files.repository import GitFailed, demand_git
from engine.files.snapshot import pack_refs
from engine.files.throwaway import changed, link_dependencies
from engine.model.call import Reply

REPLIES = "refs/story/replies"
"""Where replies wait until a step took them in: one ref a call, made once."""
_PUSH = ("push", "--quiet", "--porcelain", "--no-verify")


class Clone:
    """One worker's clone of a repository; opened once, by one process at a time."""

    def __init__(self, home: Path, url: str, branch: str = "") -> None:
        self.home, self.url = home, url
        self.tree, self.state = home / "tree", home / "state"
        self._slots = [*range(1000, 0, -1)]
        self._lock = threading.Lock()
        if not (self.tree / ".git").is_dir():
            shutil.rmtree(self.tree, ignore_errors=True)
            fresh = home / "cloning"
            shutil.rmtree(fresh, ignore_errors=True)
            home.mkdir(parents=True, exist_ok=True)
            demand_git(home, "clone", "--quiet", "--no-checkout", url, str(fresh))
            fresh.rename(self.tree)
        demand_git(self.tree, "remote", "set-url", "origin", url)
        for key, value in (("name", "Story Engine"), ("email", f"engine@{AGENTS}")):
            demand_git(self.tree, "config", f"user.{key}", value)
        self.branch = branch or default_branch(self.tree)
        demand_git(self.tree, "fetch", "--quiet", "--no-tags", "origin", self.branch)
        _reset(self.tree, self.branch, "FETCH_HEAD")
        self.config = read_config(self.tree)

    def demand_branch(self, branch: str, pack: str) -> None:
        """Refuse what is meant for another main branch."""
        if branch != self.branch:
            raise UsageError(
                f"{pack} is run on branch {branch}, and this worker is on {self.branch}: start it with "
                f"`--branch {branch}`."
            )

    def sync(self, pack: str) -> None:
        """Bring the clone to where the remote stands: main branch, stories' branches with their worktrees, replies."""
        own = pack_refs(pack)
        wanted = ("refs/heads/*:refs/remotes/origin/*", f"{REPLIES}/*:{REPLIES}/*", f"{own}/*:{own}/*")
        demand_git(self.tree, "fetch", "--quiet", "--prune", "--no-tags", "origin", *(f"+{spec}" for spec in wanted))
        theirs = self._refs("refs/remotes/origin/")
        if self.branch not in theirs:
            raise UsageError(f"{self.url} has no branch {self.branch!r}. Push it, or name another one with --branch.")
        _reset(self.tree, self.branch, theirs[self.branch])
        self.config = read_config(self.tree)
        places = _worktrees(self.tree)
        for name in self._refs("refs/heads/"):
            if name.startswith("story/") and name not in theirs:
                if name in places:
                    demand_git(self.tree, "worktree", "remove", "--force", "--force", str(places[name]))
                demand_git(self.tree, "branch", "--quiet", "-D", name)
        for name, commit in theirs.items():
            if not name.startswith("story/") or is_merged(self.tree, commit):
                continue
            if name in places and is_laid_out(places[name]):
                _reset(places[name], name, commit)
            else:
                demand_git(self.tree, "branch", "--quiet", "--force", name, commit)
                place = worktree_of(self.state, name)
                open_worktree(self.tree, place, name)
                link_dependencies(self.tree, place)
        self._known = self._all()

    def reply(self, call: str) -> Reply | None:
        """The reply to a call, as it came with the last `sync`."""
        told = _try(self.tree, "cat-file", "blob", f"{ref_of(call)}:reply.json")
        if told is None:
            return None
        try:
            return Reply.model_validate_json(told)
        except ValidationError as err:
            raise CallFailed(f"the reply to {call} in {ref_of(call)} is no reply: delete that ref.") from err

    def commit(self, message: str) -> None:
        """Commit what is not committed yet in each tree."""
        for place in (self.tree, *_worktrees(self.tree).values()):
            commit_all(place, message, ENGINE)

    def push(self, ended: Collection[str]) -> bool:
        """Push all that is new at once, or nothing; False where somebody pushed first.

        The replies of calls that have `ended` are dropped with it.
        """
        now, known = self._all(), self._known
        words = [f"{commit}:{name}" for name, commit in now.items() if known.get(name) != commit]
        gone = {name: commit for name, commit in known.items() if name not in now}
        replies = self._refs_whole(REPLIES)
        gone |= {name: replies[name] for name in map(ref_of, ended) if name in replies}
        words += [f":{name}" for name in gone]
        if not words:
            return True
        leases = [f"--force-with-lease={name}:{commit}" for name, commit in gone.items()]
        try:
            demand_git(self.tree, *_PUSH, "--atomic", *leases, "origin", *words)
        except GitFailed as err:
            if err.rejected:
                return False
            raise
        return True

    def replay(self, apart: Collection[str]) -> bool:
        """Bring what this look committed behind what others pushed meanwhile, where that lies in folders `apart` alone.

        False where it does not, or where a branch was merged: then the look has to be taken again.
        """
        before = self._known[f"refs/heads/{self.branch}"]
        demand_git(self.tree, "fetch", "--quiet", "--no-tags", "origin", self.branch)
        now = demand_git(self.tree, "rev-parse", "FETCH_HEAD").strip()
        paths = changed(self.tree, before, now)
        if now == before or not all(path.startswith(tuple(f"{folder}/" for folder in apart)) for path in paths):
            return False
        if demand_git(self.tree, "rev-list", "--merges", f"{before}..HEAD"):
            return False
        if _try(self.tree, "rebase", "--quiet", "--no-verify", "--no-gpg-sign", "--onto", now, before) is None:
            _try(self.tree, "rebase", "--abort")
            return False
        self._known[f"refs/heads/{self.branch}"] = now
        return True

    def head(self, tree: Path) -> str:
        """The commit that is checked out."""
        return demand_git(tree, "rev-parse", "HEAD").strip()

    def branch_at(self, tree: Path) -> str:
        """The branch that is checked out in a worktree."""
        return demand_git(tree, "rev-parse", "--abbrev-ref", "HEAD").strip()

    @contextmanager
    def slot(self, branch: str, commit: str) -> Iterator[Path]:
        """A tree at a commit, for one call."""
        self._fetch(branch, commit)
        with self._lock:
            number = self._slots.pop()
        place = self.home / "slots" / str(number)
        try:
            with self._lock:
                self._lay_out(place, commit)
            yield place
        finally:
            with self._lock:
                self._slots.append(number)

    def by_now(self, branch: str, path: str) -> bytes | None:
        """A file as the remote has it on a branch; None where one of both is not there."""
        told = demand_git(self.tree, "ls-remote", "origin", f"refs/heads/{branch}").split()
        if not told:
            return None
        self._fetch(branch, told[0])
        if not demand_git(self.tree, "ls-tree", told[0], "--", path).strip():
            return None
        return demand_git(self.tree, "cat-file", "blob", f"{told[0]}:{path}").encode()

    def is_kept(self, call: str) -> bool:
        """Does the remote have a reply to a call?"""
        return bool(demand_git(self.tree, "ls-remote", "origin", ref_of(call)).strip())

    def keep(self, call: str, reply: Reply, tree: Path) -> bool:
        """Push a reply, with what was done in a tree; False where another attempt was first, whose reply counts."""
        if reply.status == "ok" and not reply.after:
            reply = self._with_changes(call, reply, tree)
        blob = demand_git(self.tree, "hash-object", "-w", "--stdin", given=reply.model_dump_json().encode()).strip()
        listed = demand_git(self.tree, "mktree", given=f"100644 blob {blob}\treply.json\n".encode()).strip()
        parents = [word for commit in dict.fromkeys((reply.before, reply.after)) if commit for word in ("-p", commit)]
        commit = demand_git(self.tree, "commit-tree", listed, *parents, "-m", call).strip()
        try:
            lease = f"--force-with-lease={ref_of(call)}:"
            demand_git(self.tree, *_PUSH, lease, "origin", f"{commit}:{ref_of(call)}")
        except GitFailed as err:
            if err.rejected and self.is_kept(call):
                return False
            raise
        return True

    def _with_changes(self, call: str, reply: Reply, tree: Path) -> Reply:
        """What somebody did in the tree itself, as two commits."""
        before = self.head(tree)
        demand_git(tree, "add", "--all", "--", ".")
        made = demand_git(tree, "write-tree").strip()
        after = demand_git(tree, "commit-tree", made, "-p", before, "-m", call).strip()
        return reply.model_copy(update={"before": before, "after": after}) if changed(tree, before, after) else reply

    def _fetch(self, branch: str, commit: str) -> None:
        """Have a commit of a branch."""
        if _try(self.tree, "cat-file", "-e", f"{commit}^{{commit}}") is None:
            words = ("--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "origin", branch)
            demand_git(self.tree, "fetch", *words)

    def _lay_out(self, place: Path, commit: str) -> None:
        words = (("checkout", "--quiet", "--force", "--detach", commit), ("clean", "--quiet", "-ffdx"))
        if not is_laid_out(place) or any(_try(place, *each) is None for each in words):  # -x: another call's as well
            _try(self.tree, "worktree", "remove", "--force", "--force", str(place))
            _remove(place)
            _try(self.tree, "worktree", "prune")
            place.parent.mkdir(parents=True, exist_ok=True)
            demand_git(self.tree, "worktree", "add", "--quiet", "--force", "--detach", str(place), commit)
        link_dependencies(self.tree, place)

    def _all(self) -> dict[str, str]:
        """Every ref that is shared, with its commit."""
        heads = {
            name: commit
            for name, commit in self._refs_whole("refs/heads").items()
            if name == f"refs/heads/{self.branch}" or name.startswith("refs/heads/story/")
        }
        return heads | {
            name: commit
            for name, commit in self._refs_whole("refs/story").items()
            if not name.startswith((f"{REPLIES}/", "refs/story/calls/"))
        }

    def _refs(self, under: str) -> dict[str, str]:
        return {name.removeprefix(under): commit for name, commit in self._refs_whole(under).items()}

    def _refs_whole(self, under: str) -> dict[str, str]:
        told = demand_git(self.tree, "for-each-ref", "--format=%(refname) %(objectname)", under)
        return {name: commit for name, _, commit in (line.partition(" ") for line in told.splitlines())}


def ref_of(call: str) -> str:
    """The ref of a call's reply."""
    return f"{REPLIES}/{hashlib.sha256(call.encode()).hexdigest()[:20]}"


def _try(root: Path, *words: str) -> str | None:
    try:
        return demand_git(root, *words)
    except GitFailed:
        return None


def _remove(folder: Path) -> None:
    """Remove a folder, also one in which somebody made folders that may not be written."""
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _reset(tree: Path, branch: str, commit: str) -> None:
    """Check out a branch at a commit, whatever was there."""
    lock = Path(demand_git(tree, "rev-parse", "--absolute-git-dir").strip()) / "index.lock"
    lock.unlink(missing_ok=True)  # a killed worker's: this one is alone here
    demand_git(tree, "checkout", "--quiet", "--force", "-B", branch, commit)
    demand_git(tree, "clean", "--quiet", "-fd")


def _worktrees(tree: Path) -> dict[str, Path]:
    """Branch → its worktree, for the stories' branches."""
    _try(tree, "worktree", "prune")
    found, place = {}, tree
    for line in demand_git(tree, "worktree", "list", "--porcelain").splitlines():
        key, _, value = line.partition(" ")
        if key == "worktree":
            place = Path(value)
        elif key == "branch" and value.startswith("refs/heads/story/"):
            found[value.removeprefix("refs/heads/")] = place
    return found


def default_branch(root: Path) -> str:
    """The branch that the remote checks out."""
    told = demand_git(root, "ls-remote", "--symref", "origin", "HEAD")
    for line in told.splitlines():
        if line.startswith("ref: refs/heads/"):
            return line.split()[1].removeprefix("refs/heads/")
    raise UsageError("the remote says no default branch. Name it with --branch.")
