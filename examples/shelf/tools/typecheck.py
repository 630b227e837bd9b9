"""A small stand-in for a type checker, with the standard library alone.

`python tools/typecheck.py` prints what is wrong as `path: what`. Every module of `src` must
import; every function must annotate its parameters and its result; every annotation must name
something that exists. It does not infer types: put mypy or pyright in its place where one is there.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType


def main() -> int:
    """Check every module of `src`; exit code 1 when one of them is not sound."""
    source = Path(__file__).parent.parent / "src"
    sys.path.insert(0, str(source))
    sys.dont_write_bytecode = True
    count = 0
    for path in sorted(source.rglob("*.py")):
        for what in faults(".".join(path.relative_to(source).with_suffix("").parts)):
            print(f"{path.relative_to(source.parent)}: {what}")
            count += 1
    print(f"{count} problems" if count else "all modules import, all annotations resolve")
    return 1 if count else 0


def faults(name: str) -> Iterator[str]:
    """Find what is wrong in one module; `__main__` runs when it is imported and is left out."""
    name = name.removesuffix(".__init__")
    if name.endswith("__main__"):
        return
    try:
        module = importlib.import_module(name)
    except Exception as err:
        yield f"cannot be imported: {type(err).__name__}: {err}"
        return
    for function in functions(module):
        parameters = inspect.signature(function).parameters.values()
        named = [p for p in parameters if p.name not in ("self", "cls")]
        bare = [p.name for p in named if p.annotation is p.empty]
        if "return" not in function.__annotations__:
            bare.append("its result")
        if bare:
            yield f"{function.__qualname__} does not annotate {', '.join(bare)}"
        try:
            typing.get_type_hints(function)
        except (NameError, TypeError, AttributeError) as err:
            yield f"{function.__qualname__}: {err}"


def functions(module: ModuleType) -> Iterator[FunctionType]:
    """The functions and methods that a module defines, without what dataclasses generate."""
    for thing in vars(module).values():
        members = vars(thing).values() if inspect.isclass(thing) else (thing,)
        for member in members:
            code = getattr(member, "__code__", None)
            if isinstance(member, FunctionType) and code.co_filename == module.__file__:
                yield member


if __name__ == "__main__":
    sys.exit(main())
