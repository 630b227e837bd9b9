"""Our blocks are stock mistune's, each with its line, over thousands of nasty documents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import mistune
import pytest
from random_documents import random_body, random_file

from engine.markdown.blocks import parse, read_blocks
from engine.markdown.document import read_document
from engine.markdown.lines import lines_of
from tests.rounds import rounds

ROUNDS = rounds(100)  # documents per seed
SEEDS = range(8)
STOCK = mistune.create_markdown(renderer="ast", plugins=["task_lists"])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tree_is_stock_mistunes(seed: int) -> None:
    """Adding lines to the tokens changes nothing else about them."""
    for body in _documents(seed, random_body):
        source = body.replace("\r\n", "\n").replace("\r", "\n")
        state = mistune.BlockState()
        state.process(source if source.endswith("\n") else source + "\n")
        mistune.BlockParser().parse(state)
        assert _without_lines(parse(body)) == state.tokens, body


@pytest.mark.parametrize("seed", SEEDS)
def test_the_items_are_stock_mistunes_and_a_flip_flips_one(seed: int) -> None:
    """Our items are stock mistune's, and changing the byte between the brackets changes that item alone."""
    for raw in _documents(seed, random_file):
        document = read_document(raw)
        truth = _stock_marks(document.raw[document.body_start :])
        flipped_at: list[int] = []  # mistune's tree is not always in document order
        for index, item in enumerate(document.items):
            mark = b" " if item.checked else b"x"
            flipped = raw[: item.offset] + mark + raw[item.offset + 1 :]
            marks = _stock_marks(flipped[document.body_start :])
            flipped_at += [at for at, (a, b) in enumerate(zip(truth, marks, strict=True)) if a != b]
            want = [(i.line, i.offset, i.checked != (n == index)) for n, i in enumerate(document.items)]
            after = read_document(flipped).items
            assert [(i.line, i.offset, i.checked) for i in after] == want, (raw, item)
        assert sorted(flipped_at) == list(range(len(truth))), raw
        assert sorted(item.checked for item in document.items) == sorted(truth), raw


@pytest.mark.parametrize("seed", SEEDS)
def test_a_block_stands_on_its_line(seed: int) -> None:
    """The words of every line of every block are on that line of the file."""
    for body in _documents(seed, random_body):
        lines = lines_of(body.encode())
        for block in read_blocks(body):
            for index, text in enumerate(block.text.rstrip("\n").split("\n")):
                if block.kind == "text" and text.split():
                    assert text.split()[-1] in lines[block.line + index], (body, block)


def test_blocks_come_in_document_order() -> None:
    """mistune may put a quote that a list ended before the text above it; the lines still rise."""
    for body in _documents(99, random_body):
        lines = [block.line for block in read_blocks(body)]
        assert lines == sorted(lines), body


def test_a_rule_is_told_from_a_heading() -> None:
    """Three dashes under a paragraph make it a heading; alone they are a rule."""
    kinds = [(block.kind, block.line, block.level) for block in read_blocks("a\n---\n\n---\n> ***\n")]
    assert kinds == [("heading", 0, 2), ("rule", 3, 0), ("rule", 4, 0)]


def _documents(seed: int, write: Any) -> Iterator[Any]:
    for number in range(ROUNDS):
        yield write(random.Random(seed * 10_000_000 + number))


def _without_lines(tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ours = ("line", "counted", "jumps")
    bare = [{key: value for key, value in token.items() if key not in ours} for token in tokens]
    for token in bare:
        if "children" in token:
            token["children"] = _without_lines(token["children"])
    return bare


def _stock_marks(body: bytes) -> list[bool]:
    """Return the marks of stock mistune's items by their place in the source, as far as its tree tells."""
    marks: list[bool] = []

    def walk(tokens: Any) -> None:
        for token in tokens:
            if token["type"] == "task_list_item":
                marks.append(token["attrs"]["checked"])
            walk(token.get("children", ()))

    walk(STOCK(body.decode().removeprefix("\ufeff")))
    return marks
