"""The colours of the charts, light and dark, as a style sheet."""

from __future__ import annotations

KINDS = {"Validate": "validate", "Fix": "fix", "Execute": "execute", "Verify": "verify"}
"""Word → the class that gives it its colours; every other word has `other`."""
PAGE = ("#ffffff", "#0d1117")
"""(light, dark)"""
_PLAIN = {
    "page": PAGE,
    "band": ("#f6f8fa", "#151b23"),
    "ink": ("#1f2328", "#e6edf3"),
    "faint": ("#59636e", "#9198a1"),
    "good": ("#1a7f37", "#56c26a"),
    "bad": ("#cf222e", "#ff6b63"),
}
_GRID = ("#d0d7de", "#30363d")
_TWO = {
    "validate": (("#cfe3ff", "#2f6fd0"), ("#16335c", "#5b9cf5")),
    "fix": (("#ecd8fb", "#8a3fc0"), ("#3d2154", "#bf83e8")),
    "execute": (("#c4ecef", "#0b7f8c"), ("#0d3f46", "#3dbccb")),
    "verify": (("#cdefd1", "#2b8a3e"), ("#173f21", "#56c26a")),
    "other": (("#e6e9ed", "#6e7781"), ("#2a313c", "#8b949e")),
    "person": (("#fff3cf", "#b07a00"), ("#3d3109", "#d9a92f")),
    "failed": (("#ffd8d6", "#cf222e"), ("#551b1b", "#ff6b63")),
}
"""Class → (fill, line) light and dark."""


def style_sheet() -> str:
    """The style of a chart, for readers of either taste."""
    fixed = (
        "text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
        ".title{font-size:17px;font-weight:600}.name{font-weight:600}.small{font-size:11px}.mid{text-anchor:middle}.end{text-anchor:end}"
        ".grid{stroke-width:1}.queue{stroke-width:2;stroke-dasharray:1 5;stroke-linecap:round}"
        ".planned{fill:none;stroke-dasharray:4 3}.box{stroke-width:1}"
    )
    return f"{fixed}{_colours(0)}@media(prefers-color-scheme:dark){{{_colours(1)}}}"


def _colours(dark: int) -> str:
    rules = [f".{name}{{fill:{colour[dark]}}}" for name, colour in _PLAIN.items()]
    rules.append(f".grid{{stroke:{_GRID[dark]}}}.queue{{stroke:{_PLAIN['faint'][dark]}}}")
    rules.append(f".now{{stroke:{_PLAIN['ink'][dark]};stroke-width:2}}")
    for name, pair in _TWO.items():
        fill, line = pair[dark]
        rules.append(
            f".{name}.box{{fill:{fill};stroke:{line}}}.{name}.call{{fill:{line}}}.{name}.line{{stroke:{line}}}"
        )
    fill, line = _TWO["person"][dark]
    rules.append(f".person.box{{fill:url(#asked)}}.asked{{fill:{fill}}}.stripe{{stroke:{line};stroke-opacity:.45}}")
    rules.append(".planned.box{fill:none}")
    return "".join(rules)
