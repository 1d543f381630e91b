"""Text files (文本): txt and Markdown → blocks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import markdown

from indexer.entryfile import NoFrontMatter, split_entry
from indexer.frontmatter import read_front_matter
from indexer.headings import number_of
from indexer.plaintext import Undecodable, decode, squeezed, tidy
from indexer.transcript import Block, Shape, Transcript, Unreadable
from indexer.webfiles import blocks_of, parse_page

_NO_TEXT = "这个文件不是文字，或者编码认不出来。请用记事本打开，确认看得到中文，再另存为 UTF-8。"
_ENDS = tuple("。！？；：.!?;:”」》）)")
_NARROW, _WIDE = 16, 60  # characters of a line in a file whose lines were cut to one width
_CUT = 0.6  # share of lines that are as long as the longest, where they were cut
_INDENTED = re.compile(r"[ \u3000\t]")
_CENTRED = re.compile(r"(?:\u3000| {2}|\t){4,}\S")


def read_txt(data: bytes, name: str) -> Transcript:
    """Return the paragraphs of a text file; lines that were cut to one width are joined."""
    lines = _decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks = [
        Block(Shape.PARAGRAPH, text, centred=centred)
        for text, centred in _paragraphs(lines)
        if text
    ]
    return Transcript(name=name, blocks=tuple(blocks))


def read_md(data: bytes, name: str) -> Transcript:
    """Return the blocks of a Markdown file; front matter tells labels."""
    text, labels, left_out = _decoded(data), dict[str, str](), list[str]()
    try:
        head, text = split_entry(text.replace("\r\n", "\n"))
    except NoFrontMatter:
        head = ""
    if head:
        values = read_front_matter(head, first_line=2).values
        labels = {key: value for key, value in values.items() if isinstance(value, str)}
        left_out = [tidy(head)]
    page = markdown.markdown(text, extensions=["tables", "sane_lists"])
    root = parse_page(page.encode()) if page.strip() else None
    blocks = [] if root is None else _joined_lines(blocks_of(root))
    return Transcript(name=name, blocks=tuple(blocks), labels=labels, left_out=tuple(left_out))


def _joined_lines(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks with lines that Markdown reads as one joined."""
    return [
        replace(block, text=block.text.replace("\n", " ")) if not block.rows else block
        for block in blocks
    ]


def _decoded(data: bytes) -> str:
    try:
        text = decode(data)
    except Undecodable:
        raise Unreadable(_NO_TEXT) from None
    if sum(c == "\0" or (not c.isprintable() and not c.isspace()) for c in text) * 20 > len(text):
        raise Unreadable(_NO_TEXT)
    return text


def _paragraphs(lines: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield each paragraph, and whether spaces put it into the middle of its line."""
    width = _width_of(lines)
    open_line, centred = "", False
    for line in lines:
        text = tidy(line)
        goes_on = open_line and width and _goes_on(open_line, line, text, width)
        if goes_on:
            open_line = f"{open_line}\n{text}"
            continue
        yield _one_line(open_line), centred
        open_line, centred = text, bool(_CENTRED.match(line)) and len(text) <= _WIDE
    yield _one_line(open_line), centred


def _width_of(lines: Sequence[str]) -> int | None:
    """Return the width to which the lines were cut, None where each line is a paragraph."""
    lengths = [len(line.strip()) for line in lines if len(line.strip()) >= _NARROW]
    longest = max(lengths, default=0)
    if len(lengths) < 5 or longest > _WIDE:
        return None
    full = sum(length >= longest - 3 for length in lengths)
    return longest if full >= _CUT * len(lengths) else None


def _goes_on(above: str, line: str, text: str, width: int) -> bool:
    """Tell whether a line continues the one above it."""
    last = above.rpartition("\n")[2]
    full = len(last) >= width - 5
    begins = _INDENTED.match(line) or number_of(text)
    return bool(text and full and not begins and squeezed(last))


def _one_line(text: str) -> str:
    """Return lines as one; only between Latin words a space belongs."""
    return re.sub(r"(?<=[A-Za-z0-9,.])\n(?=[A-Za-z0-9])", " ", text).replace("\n", "")
