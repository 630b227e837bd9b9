"""Random markdown, as nasty as a person, an editor and an agent together can make it."""

from __future__ import annotations

import random

BULLETS = ["-", "*", "+", "1.", "1)", "2.", "10.", "07)", "123456789."]
BOXES = ["[ ]", "[x]", "[X]", "[ ]", "[x]", "[\t]", "[]", "[ x]", "[y]", "[~]", r"\[ ]", r"[\x]", "[x](u)"]
BOXES += ["[x][y]", "[x]:", "[ ]:", "[-]", "`[ ]`", "[\u00a0]", "[✔\ufe0f]"]
TEXTS = ["foo", "foo [x]", "foo [ ] bar", "", "", "`[ ]`", "**AC-1** text", "# h", "> q", "- [ ] in", "```"]
TEXTS += ["<b>", "<!-- c", "-->", "|a|b|", "x | [ ] | y", "é ü 漢", "a\u2028b", "a\x0bb", "a\x0cb", "a\x85b"]
TEXTS += ["a\x1cb", "\u00a0", "[x]: http://e", "---", "\\", "&nbsp;", "1. [ ] z", "a\tb", "</div>", "<div>"]
TEXTS += ["~~~", "    code"]
GAPS = [" ", " ", " ", " ", "  ", "   ", "    ", "     ", "\t", " \t", "", "\u00a0", "\n"]
INDENTS = ["", "", "", "", "", " ", "  ", "  ", "   ", "    ", "    ", "     ", "      ", "\t", " \t", "  \t"]
LINES = ["", "", "", "```", "```py", "~~~", "````", "<!-- x", "-->", "<!-- - [ ] x -->", "<div>", "</div>"]
LINES += ["<pre>", "</pre>", "<details>", "---", "***", "===", "# H1", "## H [ ] x", "#", "| a | b |"]
LINES += [
    "|---|---|",
    "| [ ] | x |",
    "a | b",
    "- | -",
    "[x]: http://e.x",
    "[ ]: /u",
    "[foo]: <u> 'ti",
    "tle'",
]
LINES += ["para", "lazy [ ] mid", "[ ] bare", "[x] bare", r"\- [ ] esc", r"- \[ ] esc", "> ", ">", "\x0c"]
LINES += ["\x0b", "\u2028", "-", "1.", "*", "+ ", "<?php", "<![CDATA[", "<!DOCTYPE", "$$", "{"]
LINES += ["    - [ ] code", "\t- [x] code"]
ENDS = ["\n"] * 12 + ["\r\n", "\r", " \n", "  \n", "\t\n"]
FRONTS = [
    "---\nstate: a\n---\n",
    "---\r\nstate: a  # b\r\nround: 1\r\n---\r\n",
    "---\n---\n",
    "---\na: [1]\n---",
]
TITLES = ["A", "B", "C", "Log", "Log"]


def random_body(r: random.Random) -> str:
    """Write a few lines in which nothing is as it should be."""
    end = r.choice(["\n", "\n", "\n", "\r\n", None])
    body = "".join(_line(r) + (end or r.choice(ENDS)) for _ in range(r.randint(1, 12)))
    return body.rstrip("\r\n") if r.random() < 0.3 else body


def random_file(r: random.Random) -> bytes:
    """Write a body, now and then after a BOM or front matter."""
    start = r.choice(["", "", "", "\ufeff"]) + (r.choice(FRONTS) if r.random() < 0.3 else "")
    return (start + random_body(r)).encode()


def random_story(r: random.Random) -> bytes:
    """Write something like a story: sections, checklists, tables, and a few nasty lines between them."""
    end, text = r.choice(["\n", "\n", "\r\n", "\r"]), r.choice(["", "", "\ufeff"])
    text += r.choice(FRONTS) if r.random() < 0.4 else ""
    for _ in range(r.randint(1, 7)):
        title, level = r.choice(TITLES), r.randint(1, 4)
        setext = level < 3 and r.random() < 0.2
        text += f"{title}\n{'=-'[level - 1] * 3}\n" if setext else f"{'#' * level} {title}\n"
        text += r.choice(["", "\n", "\n"])
        match r.randint(0, 5):
            case 0 | 1:
                marks = [r.choice(["[ ]", "[x]", "[X]", "[~]", "[]"]) for _ in range(r.randint(1, 4))]
                text += "".join(f"- {mark} {r.choice('abcd')}\n" for mark in marks)
            case 2 | 3:
                head = r.choice(["", "> ", "  "])
                text += f"{head}| a | b |\n{head}|---|---|\n" + f"{head}| 1 | 2 |\n" * r.randint(0, 2)
            case 4:
                text += random_body(r) + "\n"
            case _:
                text += r.choice(["text\n", "```\n- [ ] a\n```\n", "<!--\n# A\n-->\n", "> # B\n> - [ ] a\n"])
        text += r.choice(["", "\n", "\n", "\n\n"])
    text = text.replace("\r\n", "\n").replace("\n", end)
    return (text.rstrip("\r\n") if r.random() < 0.25 else text).encode()


def _line(r: random.Random) -> str:
    kind = r.random()
    if kind < 0.42:
        line = r.choice(INDENTS)
        while r.random() < 0.22:
            line += r.choice([">", "> ", ">  ", ">\t", "- ", "* ", "1. ", "-   ", "-\t"])
        gap = r.choice([*GAPS[:8], "", "\t", "\u00a0"])
        return line + r.choice(BULLETS) + r.choice(GAPS) + r.choice(BOXES) + gap + r.choice(TEXTS)
    if kind < 0.55:
        return r.choice(INDENTS) + r.choice(BULLETS) + r.choice(GAPS) + r.choice(TEXTS)
    line = r.choice(INDENTS) if r.random() < 0.5 else ""
    while r.random() < 0.15:
        line += r.choice([">", "> ", "- ", "1. "])
    return line + (r.choice(LINES) if kind < 0.85 else r.choice(TEXTS))
