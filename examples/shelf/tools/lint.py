"""The project's lint, with the standard library alone.

`python tools/lint.py` prints what is wrong as `path:line: what`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

LENGTH = 100
FOLDERS = ("src", "tests", "tools")
Fault = tuple[int, str]


def main() -> int:
    """Lint every Python file; exit code 1 when there is anything to say."""
    root = Path(__file__).parent.parent
    count = 0
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py")):
        for line, what in sorted(faults(path.read_text("utf-8"), path.name)):
            print(f"{path.relative_to(root)}:{line}: {what}")
            count += 1
    print(f"{count} problems" if count else "nothing to complain about")
    return 1 if count else 0


def faults(text: str, name: str) -> Iterator[Fault]:
    """Find what is wrong in one file."""
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if "\t" in line:
            yield number, "a tab"
        if len(line) > LENGTH:
            yield number, f"{len(line)} characters, more than {LENGTH}"
    try:
        tree = ast.parse(text)
    except SyntaxError as err:
        yield err.lineno or 1, f"no Python: {err.msg}"
        return
    yield from _unused_imports(tree, name)
    for node in ast.walk(tree):
        yield from _of_node(node, name)


def _of_node(node: ast.AST, name: str) -> Iterator[Fault]:
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        yield node.lineno, "a bare except hides every mistake"
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "breakpoint":
        yield node.lineno, "a breakpoint was left"
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        public = isinstance(node, ast.Module) or not node.name.startswith(("_", "test_"))
        if public and not ast.get_docstring(node):
            yield getattr(node, "lineno", 1), f"{getattr(node, 'name', name)} has no docstring"
    if isinstance(node, ast.FunctionDef):
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if isinstance(default, ast.List | ast.Dict | ast.Set):
                yield default.lineno, f"{node.name} has a default value that all its calls share"


def _unused_imports(tree: ast.Module, name: str) -> Iterator[Fault]:
    if name == "__init__.py":
        return
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        future = getattr(node, "module", "") == "__future__"
        if isinstance(node, ast.Import | ast.ImportFrom) and not future:
            for alias in node.names:
                known_as = (alias.asname or alias.name).split(".")[0]
                if known_as not in used:
                    yield node.lineno, f"{known_as} is imported and not used"


if __name__ == "__main__":
    sys.exit(main())
