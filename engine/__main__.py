"""Where `story` starts: the verb that is run all day goes straight to its work, the others to the command line."""

from __future__ import annotations

import sys

from engine.errors import EngineError


def main() -> None:
    """Run `story`."""
    if sys.argv[1:] in (["status"], ["status", "--json"]):
        from engine.start import print_status

        try:
            return print_status(None, as_json="--json" in sys.argv)
        except (EngineError, OSError):
            pass  # the command line meets it again, and says it in its one way
    from engine.cli import main as run

    return run()


if __name__ == "__main__":
    main()
