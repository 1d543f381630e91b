"""Markdown of a received file (正文稿): blocks → Markdown that shows the text and nothing else.

Whatever Markdown or HTML would take for a sign is escaped, so that no character of the text is lost
and none of it becomes a link, a tag or a list by itself.
"""

import re
from collections.abc import Iterator, Sequence

from indexer.transcript import Block, Link, Shape, Transcript

_DEEPEST = 6
_INDENT = "    "
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_INLINE = (
    (re.compile(r"\\"), r"\\\\"),
    (re.compile(r"&(?=#?\w{1,40};)"), "&amp;"),
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),
    (re.compile(r"([`*{|])"), r"\\\1"),
    (re.compile(r"(?<![^\W_])_|_(?![^\W_])"), r"\\_"),
    (re.compile(r"\](?=[(\[])(.)"), r"]\\\1"),
)
_AT_START = re.compile(r"^(?:(?=[#>\[])|(?=[-+](?:\s|$))|(?=!!!)|(?=[-=]{2,}\s*$))")
_COUNTED = re.compile(r"^(\d+)\.(?=\s)")


def write_body(transcript: Transcript) -> str:
    """Return the text of a file as Markdown."""
    parts: list[str] = []
    before: Block | None = None
    depth = -1
    for block in transcript.blocks:
        depth = min(block.level, depth + 1) if block.shape is Shape.ITEM else -1
        written = _write_block(block, depth)
        if not written:
            continue
        in_list = before is not None and before.shape is block.shape is Shape.ITEM
        parts.append(written if in_list or not parts else f"\n{written}")
        before = block
    links = list(_write_links(transcript.attachments))
    if links:
        parts += ["\n附件的网址：\n", *links]
    return "\n".join(parts) + "\n"


def escape_line(text: str) -> str:
    """Return one line of text as Markdown that reads as that text."""
    line = _CONTROL.sub("", text).strip()
    for pattern, replacement in _INLINE:
        line = pattern.sub(replacement, line)
    return _AT_START.sub(r"\\", _COUNTED.sub(r"\1\\.", line))


def _write_block(block: Block, depth: int) -> str:
    lines = [escaped for line in block.text.split("\n") if (escaped := escape_line(line))]
    if block.shape is Shape.TABLE and block.rows:
        return _write_table(block.rows)
    if not lines:
        return ""
    if block.shape is Shape.HEADING:
        return "#" * min(block.level + 1, _DEEPEST) + " " + " ".join(lines)
    if block.shape is Shape.ITEM:
        margin = _INDENT * depth
        return f"{margin}- " + f"\n{margin}{_INDENT}".join(lines)
    return "\n".join(lines)


def _write_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table with pipes; its first row is the head, short rows are filled up."""
    width = max(map(len, rows), default=0)
    cells = [[_cell(text) for text in row] + [""] * (width - len(row)) for row in rows]
    if not width or not any(map(any, cells)):
        return ""
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _cell(text: str) -> str:
    return escape_line(" ".join(text.split()))


def _write_links(links: Sequence[Link]) -> Iterator[str]:
    """Yield the attachments that are on the web; other addresses mean nothing here."""
    for link in links:
        address = _CONTROL.sub("", link.address)
        if re.fullmatch(r"https?://[^\s<>\"'`]+", address):
            safe = address.replace("(", "%28").replace(")", "%29").replace("\\", "%5C")
            name = re.sub(r"[\[\]]", "", link.name)
            yield f"- [{escape_line(name)}]({safe})"
