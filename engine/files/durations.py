"""Files of durations for `story simulate`: the one that ships, and those of users."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import ValidationError

from engine.errors import FormatError
from engine.files.toml_lines import line_in, line_with
from engine.model.durations import Durations, Odds

SHIPPED = Path(__file__).with_suffix(".toml")
_TIMES = ("agent", "gate", "notice", "person")


def read_durations(
    path: Path, *, states: Collection[str] | None = None, options: Mapping[str, Collection[str]] | None = None
) -> Durations:
    """Read a file of durations; where `states` and `options` are given, it may name no others."""
    try:
        text = path.read_text("utf-8")
        read = Durations.model_validate(tomllib.loads(text))
    except OSError as err:
        raise FormatError(f"cannot be read: {err.strerror}.", path=str(path), remedy="Name a TOML file.") from err
    except UnicodeDecodeError as err:
        raise FormatError("this is not UTF-8 text.", path=str(path), remedy="Save it as UTF-8.") from err
    except ValidationError as err:
        raise _fault(err, path, text) from err
    except (ValueError, RecursionError) as err:
        raise FormatError(
            f"not TOML: {err}.", path=str(path), line=line_in(str(err), text), remedy="Correct it."
        ) from err
    for place, name, known in _named(read, states, options):
        if name not in known:
            message = f"{'.'.join([*place, name])!r} is in no machine; there are {', '.join(map(repr, sorted(known)))}."
            line = line_with(text, [*place, name])
            raise FormatError(message, path=str(path), line=line, remedy="Correct or remove it.")
    return read


def _named(
    read: Durations, states: Collection[str] | None, options: Mapping[str, Collection[str]] | None
) -> list[tuple[list[str], str, Collection[str]]]:
    """Each name of a state, a decision or an option in a file, with those that there are."""
    found: list[tuple[list[str], str, Collection[str]]] = []
    if states is not None:
        found += [(["states"], state, states) for state in read.states]
    if options is not None:
        found += [(["answers"], decision, options) for decision in read.answers]
        for decision, said in read.answers.items():
            found += [(["answers", decision], option, options.get(decision, ())) for option in said]
    return found


def _fault(err: ValidationError, path: Path, text: str) -> FormatError:
    fault = err.errors()[0]
    place = [str(part) for part in fault["loc"]]
    key = next((n for n, part in enumerate(place) if part in Odds.model_fields), len(place) - 1)
    place = place[: key + 1]
    message = f"{'.'.join(place)}: {fault['msg']}."
    if fault["type"] == "extra_forbidden":
        allowed = Durations.model_fields if len(place) == 1 else Odds.model_fields
        message = f"unknown key {'.'.join(place)!r}; allowed are {', '.join(map(repr, allowed))}."
    elif place[-1] in _TIMES:
        message = f"{'.'.join(place)}: write minutes, [shortest, longest] or {{median = …, spread = …}}, none below 0."
    return FormatError(message, path=str(path), line=line_with(text, place), remedy="Correct it.")
