"""Word files (Word 文件): docx, and doc by way of docx → blocks, with what Word adds on its own."""

import io
import posixpath
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree

from indexer.headings import Number, number_of
from indexer.plaintext import table_text, tidy
from indexer.transcript import Block, Link, Shape, Transcript, Unreadable
from indexer.webfiles import read_html, read_mhtml
from indexer.wordnumbers import Numbering, W, Written, read_numbering

MAX_ENTRIES = 10_000
MAX_PART = 64 * 2**20  # bytes of one part; the text of a thousand pages has a third of it
MAX_RATIO = 300  # bytes from one; the XML of Word packs thirty to one
RATIO_COUNTS_FROM = 8 * 2**20  # bytes
MAX_CELLS = 200_000
MAX_CHAIN = 20  # styles that rest on one another; Word itself allows about ten
LONGEST_HEADING = 60  # characters; longer text only looks like a heading

_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RELATED = "{http://schemas.openxmlformats.org/package/2006/relationships}"
_HYPERLINKED = re.compile(r"\.(pdf|docx?|wps|xlsx?|et|pptx?|zip|rar|7z|ofd)$", re.IGNORECASE)
_STYLE_NAME = re.compile(r"(?:heading|标题)\s*([1-9])$", re.IGNORECASE)
_CONTENTS_NAME = re.compile(r"(?:toc|目录)\s*\d$|toc heading$", re.IGNORECASE)
_OFF = ("0", "false", "off", "none")
_SYMBOLS = {"F0FE": "☑", "F052": "☑", "F0A8": "□", "F06F": "□", "F0A3": "□", "F0FC": "√"}
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_SILENT = {"pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "instrText"}


def read_docx(data: bytes, name: str) -> Transcript:
    """Return what stands in a docx file; macros are never looked at, links never followed."""
    return _Document(Package(data)).transcribe(name)


def read_doc(data: bytes, name: str) -> Transcript:
    """Return what stands in a doc file of Word 97 to 2003 or of WPS."""
    from doc2docx import convert  # docx is read without it
    from doc2docx.errors import EncryptedDocumentError

    with tempfile.TemporaryDirectory(prefix="policykb-") as folder:
        source, target = Path(folder, "file.doc"), Path(folder, "file.docx")
        source.write_bytes(data)
        try:
            convert(source, target)
        except EncryptedDocumentError:
            raise Unreadable(LOCKED) from None
        return read_docx(target.read_bytes(), name)


LOCKED = "这个 Word 文件加了密码，请用 Word 或 WPS 输入密码打开，取消密码后再保存一份。"
BROKEN = "这个 Word 文件坏了，或者没有下载完整。请重新下载，或者用 Word、WPS 打开后另存为 .docx。"
BOMB = "这个文件解开后大得不正常，没有再读。请用 Word 或 WPS 打开看看，确认没有问题再另存为 .docx。"
ENTITIES = (
    "这个文件里有 Word 不会写的实体定义（DTD），可能有危险，没有读。请用 Word 打开后另存为 .docx。"
)


class Package:
    """The parts of a docx file; each is read only when asked for, and only so far."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise Unreadable(BROKEN) from None
        entries = self._zip.infolist()
        if len(entries) > MAX_ENTRIES:
            raise Unreadable(BOMB)
        self.names = {entry.filename: entry for entry in entries}
        self._left = MAX_PART * 2

    def read(self, name: str) -> bytes:
        """Return one part; what it says of its size is not believed, and no bomb is unpacked."""
        entry = self.names[name]
        if entry.flag_bits & 1:
            raise Unreadable(LOCKED)
        most = min(MAX_PART, self._left)
        if entry.file_size > most:
            raise Unreadable(BOMB)
        try:
            with self._zip.open(entry) as file:
                data = file.read(most + 1)
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError):
            raise Unreadable(BROKEN) from None
        unusual = len(data) > RATIO_COUNTS_FROM and len(data) > MAX_RATIO * entry.compress_size
        if len(data) > most or unusual:
            raise Unreadable(BOMB)
        self._left -= len(data)
        return data

    def parse(self, name: str) -> Any:
        """Return the tree of a part; None where there is none."""
        if name not in self.names:
            return None
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        data = self.read(name).replace(_STRICT, W[1:-1].encode())
        if b"<!DOCTYPE" in data[:4096].replace(b"\0", b""):
            raise Unreadable(ENTITIES)
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError:
            raise Unreadable(BROKEN) from None
        if root.getroottree().docinfo.doctype:
            raise Unreadable(ENTITIES)
        return root

    def related(self, name: str) -> dict[str, list[str]]:
        """Return the parts that a part names, by what they are to it; none outside the file."""
        found = dict[str, list[str]]()
        for kind, _, target in self._inside(name):
            found.setdefault(kind, []).append(target)
        return found

    def named(self, name: str) -> dict[str, str]:
        """Return the parts that a part names, by their ids."""
        return {number: target for _, number, target in self._inside(name)}

    def _inside(self, name: str) -> Iterator[tuple[str, str, str]]:
        folder = posixpath.dirname(name)
        for node in self._relations(name):
            target = posixpath.normpath(posixpath.join("/", folder, node.get("Target") or ""))
            if node.get("TargetMode") != "External" and target[1:] in self.names:
                yield (node.get("Type") or "").rpartition("/")[2], node.get("Id") or "", target[1:]

    def outside(self, name: str) -> dict[str, str]:
        """Return the addresses that a part names, by their ids."""
        return {
            node.get("Id") or "": node.get("Target") or ""
            for node in self._relations(name)
            if node.get("TargetMode") == "External"
        }

    def _relations(self, name: str) -> list[Any]:
        folder, file = posixpath.split(name)
        root = self.parse(posixpath.join(folder, "_rels", f"{file}.rels"))
        return [] if root is None else root.findall(f"{_RELATED}Relationship")

    def main_part(self) -> str:
        """Return the name of the part that has the text."""
        told = self.related("").get("officeDocument", [])
        name = told[0] if told else "word/document.xml"
        if name not in self.names:
            raise Unreadable(BROKEN)
        return name


@dataclass
class _Line:
    """One paragraph as it is gathered: its text, how large it is, what hangs on it."""

    texts: list[str] = field(default_factory=list)
    sizes: Counter[float] = field(default_factory=Counter)
    boxes: list[Any] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


class _Styles:
    """The styles (样式) of a file, each with what it takes over from others."""

    def __init__(self, root: Any) -> None:
        nodes = [] if root is None else root.findall(f"{W}style")
        self._nodes = {node.get(f"{W}styleId"): node for node in nodes}
        usual = (node for node in nodes if node.get(f"{W}default") in ("1", "true", "on"))
        self._usual = {node.get(f"{W}type"): node.get(f"{W}styleId") for node in usual}
        sizes = [] if root is None else root.findall(f"{W}docDefaults//{W}sz")
        self.size = _half_points(sizes[0]) if sizes else None

    def chain(self, style: str | None, kind: str) -> Iterator[Any]:
        """Yield a style and those that it rests on."""
        name, seen = style or self._usual.get(kind), set[str]()
        while name in self._nodes and name not in seen and len(seen) < MAX_CHAIN:
            seen.add(name or "")
            yield self._nodes[name]
            name = _value(self._nodes[name].find(f"{W}basedOn"))

    def find(self, style: str | None, kind: str, path: str) -> Any:
        """Return the first node at a path in a style or those that it rests on."""
        nodes = (node.find(path) for node in self.chain(style, kind))
        return next((node for node in nodes if node is not None), None)

    def name(self, style: str | None) -> str:
        """Return the name of a style, by which Word knows its own."""
        node = self._nodes.get(style)
        return "" if node is None else _value(node.find(f"{W}name"))


class _Document:
    """The reading of one file, from its first paragraph to its notes and margins."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._main = package.main_part()
        self._parts = package.related(self._main)
        self._styles = _Styles(self._part("styles"))
        numbers = self._part("numbering")
        self._numbering = Numbering() if numbers is None else read_numbering(numbers)
        self._left_out: list[str] = []
        self._noted: list[tuple[str, str]] = []
        self._links: list[Link] = []
        self._cells = 0

    def transcribe(self, name: str) -> Transcript:
        root = self._package.parse(self._main)
        body = None if root is None else root.find(f"{W}body")
        if body is None:
            raise Unreadable(BROKEN)
        blocks = [*self._blocks(body), *self._notes()]
        self._leave_out_margins()
        self._leave_out_rest()
        return Transcript(
            name=name,
            blocks=tuple(blocks),
            title=self._title(),
            attachments=(*self._links, *self._embedded()),
            left_out=tuple(self._left_out),
        )

    def _part(self, kind: str) -> Any:
        names = self._parts.get(kind)
        return self._package.parse(names[0]) if names else None

    # What stands in the text, in its order.

    def _blocks(self, container: Any) -> Iterator[Block]:
        for node in container:
            tag = _tag(node)
            if tag == "p":
                yield from self._paragraph(node)
            elif tag == "tbl":
                yield from self._table(node)
            elif tag in ("del", "moveFrom"):
                self._leave_out("修订时删除的文字", [_all_text(node)])
            elif tag == "AlternateContent":
                yield from self._blocks(_chosen(node))
            elif tag == "altChunk":
                yield from self._chunk(node)
            elif tag not in _SILENT:
                yield from self._blocks(node)

    def _chunk(self, node: Any) -> Iterator[Block]:
        """Yield what stands in a page that a site put into the file instead of paragraphs."""
        name = self._package.named(self._main).get(_relation(node), "")
        data = self._package.read(name) if name else b""
        if b"<" not in data[:4096]:
            self._left_out.append("（文件里嵌着别的文件，没有读。）")
            return
        reader = read_mhtml if b"multipart/related" in data[:4096] else read_html
        page = reader(data, name)
        self._left_out.extend(page.left_out)
        yield from page.blocks

    def _paragraph(self, node: Any) -> Iterator[Block]:
        line = _Line()
        self._gather(node, line, self._style_of(node))
        self._leave_out("修订时删除的文字", line.deleted)
        self._leave_out("隐藏的文字", line.hidden)
        text = tidy("".join(line.texts))
        if text and _CONTENTS_NAME.match(self._styles.name(self._style_of(node))):
            self._leave_out("目录", [text])
        elif text:
            yield from self._shaped(node, text, line)
        for box in line.boxes:
            yield from self._blocks(box)

    def _shaped(self, node: Any, text: str, line: _Line) -> Iterator[Block]:
        """Yield a paragraph as what it is; lines within it are paragraphs but in a title."""
        number = self._number(node)
        text = text if number is None else number.text + text
        block = Block(
            Shape.PARAGRAPH, text, centred=self._is_centred(node), size=self._size(node, line)
        )
        level = self._heading_level(node, text)
        if level is not None:
            yield replace(block, shape=Shape.HEADING, text=_joined(text), level=level)
        elif number is not None and (number.bullet or number_of(text) is None):
            yield replace(block, shape=Shape.ITEM, level=self._depth(node))
        elif block.centred:
            yield replace(block, text=_joined(text))
        else:
            yield from (replace(block, text=part) for part in text.split("\n") if part.strip())

    def _gather(self, node: Any, line: _Line, style: str | None) -> None:
        for child in node:
            tag = _tag(child)
            if tag == "r":
                self._gather_run(child, line, style)
            elif tag in ("del", "moveFrom"):
                line.deleted.append(_all_text(child))
            elif tag == "AlternateContent":
                self._gather(_chosen(child), line, style)
            elif child.tag.startswith(_MATH):
                line.texts.extend(text.text or "" for text in child.iter(f"{_MATH}t"))
            elif tag not in _SILENT:
                self._note_link(child)
                self._gather(child, line, style)

    def _gather_run(self, run: Any, line: _Line, style: str | None) -> None:
        texts = list[str]()
        for child in run:
            tag = _tag(child)
            if tag == "t":
                texts.append(child.text or "")
            elif tag == "br" and child.get(f"{W}type") in ("page", "column"):
                texts.append("\n")
            elif tag in _CHARACTERS:
                texts.append(_CHARACTERS[tag])
            elif tag == "sym":
                texts.append(_symbol(child))
            elif tag in ("footnoteReference", "endnoteReference"):
                texts.append(self._note_mark(child, tag.removesuffix("Reference")))
            elif tag == "delText":
                line.deleted.append(child.text or "")
            elif tag == "ruby":
                self._gather_ruby(child, line, style)
            elif tag not in _SILENT:
                line.boxes.extend(_boxes(child))
        text = "".join(texts)
        if self._is_hidden(run, style):
            line.hidden.append(text)
        elif text:
            line.texts.append(text)
            if size := self._run_size(run):
                line.sizes[size] += len(text.strip())

    def _gather_ruby(self, node: Any, line: _Line, style: str | None) -> None:
        """Take what a reading (拼音) stands above; the reading is left out."""
        for base in node.findall(f"{W}rubyBase"):
            self._gather(base, line, style)
        self._leave_out("注音", [_all_text(reading) for reading in node.findall(f"{W}rt")])

    # How it looks.

    def _style_of(self, node: Any) -> str | None:
        return _value(node.find(f"{W}pPr/{W}pStyle")) or None

    def _property(self, node: Any, tag: str) -> Any:
        """Return a property of a paragraph, its own or that of its style."""
        own = node.find(f"{W}pPr/{W}{tag}")
        path = f"{W}pPr/{W}{tag}"
        return self._styles.find(self._style_of(node), "paragraph", path) if own is None else own

    def _is_centred(self, node: Any) -> bool:
        return _value(self._property(node, "jc")) == "center"

    def _heading_level(self, node: Any, text: str) -> int | None:
        if len(text) > LONGEST_HEADING or number_of(text) is Number.ARTICLE:
            return None
        style = self._style_of(node)
        names = [_value(found.find(f"{W}name")) for found in self._styles.chain(style, "paragraph")]
        if style and names and names[0].lower() in ("title", "标题"):
            return 1
        level = _value(self._property(node, "outlineLvl"))
        if level.isdecimal() and int(level) < 9:
            return int(level) + 1
        found = [match for name in names if (match := _STYLE_NAME.match(name))]
        return int(found[0][1]) if found else None

    def _number(self, node: Any) -> Written | None:
        listed = self._listed(node)
        return self._numbering.count(*listed) if listed else None

    def _depth(self, node: Any) -> int:
        listed = self._listed(node)
        return listed[1] if listed else 0

    def _listed(self, node: Any) -> tuple[str, int] | None:
        """Return the list a paragraph is in and how deep; either may come from its style."""
        own = node.find(f"{W}pPr/{W}numPr")
        path = f"{W}pPr/{W}numPr"
        styled = self._styles.find(self._style_of(node), "paragraph", path)
        places = [place for place in (own, styled) if place is not None]
        number = next((n for p in places if (n := _value(p.find(f"{W}numId")))), "0")
        depth = next((d for p in places if (d := _value(p.find(f"{W}ilvl")))), "0")
        return (number, int(depth)) if number != "0" and depth.isdecimal() else None

    def _is_hidden(self, run: Any, style: str | None) -> bool:
        own = run.find(f"{W}rPr/{W}vanish")
        if own is None:
            character = _value(run.find(f"{W}rPr/{W}rStyle"))
            path = f"{W}rPr/{W}vanish"
            own = self._styles.find(character, "none", path) if character else None
            own = self._styles.find(style, "paragraph", path) if own is None else own
        return own is not None and _value(own) not in _OFF

    def _run_size(self, run: Any) -> float | None:
        own = run.find(f"{W}rPr/{W}sz")
        if own is None and (style := _value(run.find(f"{W}rPr/{W}rStyle"))):
            own = self._styles.find(style, "none", f"{W}rPr/{W}sz")
        return None if own is None else _half_points(own)

    def _size(self, node: Any, line: _Line) -> float | None:
        if line.sizes:
            return line.sizes.most_common(1)[0][0]
        styled = self._styles.find(self._style_of(node), "paragraph", f"{W}rPr/{W}sz")
        return self._styles.size if styled is None else _half_points(styled)

    # Tables.

    def _table(self, node: Any) -> Iterator[Block]:
        rows = [self._row(row) for row in _rows(node)]
        columns = {place for row in rows for place, cell in enumerate(row) if cell}
        if len(columns) <= 1:  # a frame around text
            yield from (block for row in rows for cell in row for block in cell)
            return
        width = max(map(len, rows))
        texts = tuple(
            tuple("\n".join(b.text for b in cell) for cell in [*row, *[[]] * (width - len(row))])
            for row in rows
        )
        yield Block(Shape.TABLE, table_text(texts), rows=texts)

    def _row(self, row: Any) -> list[list[Block]]:
        """Return the blocks of each cell; one that is merged has them where it begins."""
        cells = [list[Block]() for _ in range(_count(row.find(f"{W}trPr/{W}gridBefore"), 0))]
        if row.find(f"{W}trPr/{W}del") is not None:
            self._leave_out("修订时删除的文字", [_all_text(row)])
            return cells
        for cell in _inside(row, "tc"):
            span = _count(cell.find(f"{W}tcPr/{W}gridSpan"), 1)
            cells.append(list(self._blocks(cell)))
            cells.extend([] for _ in range(span - 1))
            self._cells += span
            if self._cells > MAX_CELLS:
                raise Unreadable(BOMB)
        return cells

    # What hangs on the text, and what is left out of it.

    def _note_mark(self, reference: Any, kind: str) -> str:
        self._noted.append((kind, reference.get(f"{W}id") or ""))
        return f"［注{len(self._noted)}］"

    def _notes(self) -> Iterator[Block]:
        """Yield the notes (脚注、尾注) in the order in which the text has their marks."""
        found = dict[tuple[str, str], Any]()
        for kind in ("footnote", "endnote"):
            root = self._part(f"{kind}s")
            for node in () if root is None else root.findall(f"{W}{kind}"):
                found[kind, node.get(f"{W}id") or ""] = node
        marks = list(self._noted)
        for number, place in enumerate(marks, 1):
            blocks = list(self._blocks(found.pop(place))) if place in found else []
            if blocks:
                yield replace(blocks[0], text=f"［注{number}］{blocks[0].text}")
                yield from blocks[1:]
        for node in found.values():
            self._leave_out("正文没有提到的注", [_all_text(node)])

    def _leave_out_margins(self) -> None:
        for kind, name in (("header", "页眉"), ("footer", "页脚")):
            for part in self._parts.get(kind, ()):
                root = self._package.parse(part)
                lines = [_all_text(node) for node in root.iter(f"{W}p")]
                self._leave_out(name, lines)

    def _leave_out_rest(self) -> None:
        for part in self._parts.get("comments", ()):
            root = self._package.parse(part)
            self._leave_out("批注", [_all_text(node) for node in root.iter(f"{W}comment")])
        for part in self._parts.get("diagramData", ()):
            root = self._package.parse(part)
            texts = [node.text or "" for node in root.iter(f"{_DRAWING}t")]
            self._leave_out("图形里的文字", texts)
        if any(name.endswith("vbaProject.bin") for name in self._package.names):
            self._left_out.append("（文件里有宏，没有运行，也没有读。）")

    def _leave_out(self, kind: str, texts: Sequence[str]) -> None:
        text = " ".join(filter(None, (tidy(text) for text in texts)))
        if text:
            self._left_out.append(f"{kind}：{text}")

    def _note_link(self, node: Any) -> None:
        """Keep a link to a file, which is an attachment (附件)."""
        address = self._outside.get(_relation(node), "") if _tag(node) == "hyperlink" else ""
        if _HYPERLINKED.search(address.partition("?")[0]):
            self._links.append(Link(tidy(_all_text(node)), address))

    @cached_property
    def _outside(self) -> dict[str, str]:
        return self._package.outside(self._main)

    def _embedded(self) -> list[Link]:
        names = self._parts.get("package", []) + self._parts.get("oleObject", [])
        return [Link(posixpath.basename(name), name) for name in names]

    def _title(self) -> str | None:
        for name in self._package.related("").get("core-properties", ()):
            root = self._package.parse(name)
            texts = [tidy(node.text or "") for node in root if _tag(node) == "title"]
            return next(filter(None, texts), None)
        return None


def _tag(node: Any) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _value(node: Any) -> str:
    return "" if node is None else str(node.get(f"{W}val") or "")


def _relation(node: Any) -> str:
    """Return the id by which a node names another part."""
    return next((str(value) for key, value in node.attrib.items() if key.endswith("}id")), "")


def _count(node: Any, default: int) -> int:
    text = _value(node)
    return min(int(text), 100) if re.fullmatch(r"\d{1,6}", text) else default


def _half_points(node: Any) -> float | None:
    text = _value(node)
    return int(text) / 2 if re.fullmatch(r"\d{1,4}", text) else None


def _symbol(node: Any) -> str:
    """Return a sign of a symbol font as one that every font has, where it is known."""
    code = (node.get(f"{W}char") or "").upper()
    if code in _SYMBOLS:
        return _SYMBOLS[code]
    return chr(int(code, 16)) if re.fullmatch(r"[0-9A-F]{4}", code) else ""


def _joined(text: str) -> str:
    return "".join(part.strip() for part in text.split("\n"))


def _chosen(node: Any) -> Any:
    """Return the one of several ways to draw the same thing: the newest, else the fallback."""
    found = node.find(f"{_MC}Choice")
    return next(iter(node), node) if found is None else found


def _boxes(node: Any) -> Iterator[Any]:
    """Yield the text boxes (文本框) of a drawing, each once."""
    tag = _tag(node)
    if tag == "txbxContent":
        yield node
        return
    for child in (_chosen(node),) if tag == "AlternateContent" else node:
        yield from _boxes(child)


def _rows(table: Any) -> Iterator[Any]:
    yield from _inside(table, "tr")


def _inside(node: Any, tag: str) -> Iterator[Any]:
    """Yield children, also those that a content control or a revision wraps."""
    for child in node:
        if _tag(child) == tag:
            yield child
        elif _tag(child) in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _inside(child, tag)


def _all_text(node: Any) -> str:
    """Return all text in a node, deleted or not, each way of drawing once."""
    if _tag(node) in ("t", "delText"):
        return node.text or ""
    if _tag(node) in _CHARACTERS:
        return " "
    parts = (_chosen(node),) if _tag(node) == "AlternateContent" else node
    return "".join(map(_all_text, parts))
