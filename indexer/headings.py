"""Headings (标题): how the number that begins a line tells its place in a document."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise

from indexer.transcript import Block, Shape

LONGEST = 40  # characters of a heading; a longer line is a sentence that has a number
_COUNT = "[一二三四五六七八九十百零〇]+"
_DIGITS = "[0-9０-９]{1,2}"


class Number(StrEnum):
    """The kinds of numbers with which Chinese documents count their parts, outermost first."""

    PART = "part"  # 第一编
    CHAPTER = "chapter"  # 第一章
    SECTION = "section"  # 第一节
    ARTICLE = "article"  # 第一条
    ANNEX = "annex"  # 附件1
    FIRST = "first"  # 一、
    SECOND = "second"  # （一）
    THIRD = "third"  # 1.
    FOURTH = "fourth"  # （1）
    FIFTH = "fifth"  # ①


_PATTERNS = {
    Number.PART: re.compile(rf"第\s*(?:{_COUNT}|\d+)\s*编(?![辑制写])"),
    Number.CHAPTER: re.compile(rf"第\s*(?:{_COUNT}|\d+)\s*章(?!程)"),
    Number.SECTION: re.compile(rf"第\s*(?:{_COUNT}|\d+)\s*节(?!能)"),
    Number.ARTICLE: re.compile(rf"第\s*(?:{_COUNT}|\d+)\s*条(?:之{_COUNT})?"),
    Number.ANNEX: re.compile(rf"附\s*件\s*(?:{_COUNT}|\d{{1,2}})?$"),
    Number.FIRST: re.compile(rf"{_COUNT}\s*[、．.]"),
    Number.SECOND: re.compile(rf"[（(]\s*{_COUNT}\s*[）)]"),
    Number.THIRD: re.compile(rf"{_DIGITS}\s*(?:[、．]|\.(?![0-9]))"),
    Number.FOURTH: re.compile(rf"[（(]\s*{_DIGITS}\s*[）)]|{_DIGITS}[）)]"),
    Number.FIFTH: re.compile(r"[①-⑳]"),
}
_LEVELS = {
    Number.PART: 1,
    Number.CHAPTER: 1,
    Number.SECTION: 2,
    Number.ANNEX: 1,
    Number.FIRST: 1,
    Number.SECOND: 2,
    Number.THIRD: 3,
    Number.FOURTH: 4,
}
_ANNEXES = re.compile(rf"附\s*件\s*[:：]\s*{_DIGITS}\s*[.．、]")
_BULLET = re.compile(r"[•·●■◆▪▲★◇□]\s*\S")
_ITEMS = (Number.SECOND, Number.THIRD, Number.FOURTH, Number.FIFTH)  # 项、目


def number_of(text: str) -> Number | None:
    """Return the kind of number that begins a line, if one does."""
    line = text.strip()
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.match(line)), None)


def level_of(text: str) -> int | None:
    """Return the level of a line that reads as a heading, None where it is a sentence.

    A 第…条 is never one: its number belongs to the sentence behind it.
    """
    line = text.strip()
    kind = number_of(line)
    if kind not in _LEVELS or len(line) > LONGEST or "\n" in line:
        return None
    inner, last = line[:-1], line[-1]
    if last in "；;，,：:、！!？?":
        return None
    if (
        "。" in inner
        or "；" in inner
        or (last == "。" and kind not in (Number.FIRST, Number.SECOND))
    ):
        return None
    return _LEVELS[kind]


def shape_blocks(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Return the blocks with numbered paragraphs as what they are: headings, or items of a list.

    Lines that follow one another with the same kind of number are a list; a short one that has
    text of its own below it is a heading.
    """
    listed = list(blocks)
    kinds = [_kind_of(block) for block in listed]
    firsts = {at for at, pair in enumerate(pairwise(kinds)) if pair[0] == pair[1] in _ITEMS}
    shaped, stack = list[Block](), list[Number]()
    for at, (block, kind) in enumerate(zip(listed, kinds, strict=True)):
        if block.shape is not Shape.PARAGRAPH or _ANNEXES.match(block.text):
            shaped.append(block)
        elif kind in _ITEMS and (at in firsts or _is_item(at, listed, kinds, stack)):
            shaped.append(_as_item(block, kind, stack))
            continue
        elif _BULLET.match(block.text):
            shaped.append(replace(block, shape=Shape.ITEM))
        else:
            shaped.append(_as_heading(block) if kind else block)
        stack.clear()
    return tuple(shaped)


def _kind_of(block: Block) -> Number | None:
    """Return the kind of number of a block; “附件：1.” begins a list too."""
    if block.shape is not Shape.PARAGRAPH:
        return None
    return Number.THIRD if _ANNEXES.match(block.text) else number_of(block.text)


def _is_item(
    at: int, blocks: Sequence[Block], kinds: Sequence[Number | None], stack: Sequence[Number]
) -> bool:
    """Tell whether a line with a number of its own is an item: there is nothing that it heads."""
    kind = kinds[at]
    if kind in stack or (stack and _is_below(kind, stack[-1])):
        return True
    if level_of(blocks[at].text) is None or at + 1 == len(blocks):
        return True
    after = kinds[at + 1]
    return after is not None and not _is_below(after, kind)


def _is_below(kind: Number | None, other: Number | None) -> bool:
    return kind in _ITEMS and other in _ITEMS and _ITEMS.index(kind) > _ITEMS.index(other)


def _as_item(block: Block, kind: Number, stack: list[Number]) -> Block:
    """Return the block as an item, as deep as kinds of numbers are open around it."""
    while stack and kind not in stack and not _is_below(kind, stack[-1]):
        stack.pop()
    if kind in stack:
        del stack[stack.index(kind) + 1 :]
    else:
        stack.append(kind)
    return replace(block, shape=Shape.ITEM, level=len(stack) - 1)


def _as_heading(block: Block) -> Block:
    level = level_of(block.text)
    return block if level is None else replace(block, shape=Shape.HEADING, level=level)
