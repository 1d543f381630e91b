"""A transcript (抄本): what stands in a file that somebody sent, as blocks of text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Shape(StrEnum):
    """What a block looks like in the file."""

    HEADING = "heading"  # 标题
    PARAGRAPH = "paragraph"  # 段落
    ITEM = "item"  # 列表的一项
    TABLE = "table"  # 表格


@dataclass(frozen=True)
class Block:
    """One piece of a file, in reading order.

    `text` is all its text; a table has its cells in `rows` too. `level` counts headings from 1 and
    items by depth from 0. `centred` and `size` (points) are how it looks, where the file tells.
    """

    shape: Shape
    text: str
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    centred: bool = False
    size: float | None = None


@dataclass(frozen=True)
class Link:
    """A file that goes with the text (附件), by its name and address as they are written."""

    name: str
    address: str


@dataclass(frozen=True)
class Transcript:
    """The blocks of one file, and what the file tells of itself.

    `labels` are what a page or form writes beside the text, such as 发文机关 or 发布日期, by their
    names there. `left_out` is the text taken for furniture: with it, no character of the file is
    missing.
    """

    name: str
    blocks: tuple[Block, ...]
    title: str | None = None
    address: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Link, ...] = ()
    left_out: tuple[str, ...] = ()


class Unreadable(Exception):
    """A file from which no text can be had, and what to do about it."""
