"""Saved web pages (网页): HTML → the article's blocks, and what the site writes around it."""

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lxml import etree

from indexer.headings import number_of
from indexer.labels import FILES, LabelReader, is_furniture
from indexer.plaintext import decode, squeezed, table_text, tidy
from indexer.transcript import Block, Link, Shape, Transcript, Unreadable

MAX_SPAN = 100  # columns or rows that one cell may stand for
MAX_CELLS = 100_000
_MOST = 0.97  # share of all prose that a smaller part must have to be the article
_FORM_LINES = 15  # lines of an article among which a form may stand
_MAIN = 0.5  # share of all prose from which a part is no furniture, whatever its name
_FRAMED = 0.6  # share of a table's text that one cell has, where the table only frames it

_SILENT = {"script", "style", "template", "head"}
_FORMS = {"select", "option", "button", "textarea", "input"}
_AROUND = {"nav", "footer", "aside", "noscript", "iframe", "object", "svg", "audio", "video"}
_INLINE = {
    "a",
    "abbr",
    "acronym",
    "b",
    "bdi",
    "bdo",
    "big",
    "cite",
    "code",
    "del",
    "dfn",
    "em",
    "font",
    "i",
    "img",
    "ins",
    "kbd",
    "label",
    "mark",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "time",
    "tt",
    "u",
    "var",
    "wbr",
    "nobr",
    "o:p",
}
_MARGIN = re.compile(
    r"(?:^|[\s_-])(?:foot(?:er)?\w*|bottom|copyright|nav\w*|menu\w*|crumbs?|breadcrumb\w*|share\w*|"
    r"bshare\S*|bdshare\S*|bdsharebuttonbox|jiathis\S*|social\w*|side(?:bar)?|search\w*|related|"
    r"prevnext|pagination|pager|toolbar|login|fenx\w*|daying|dayin)(?:$|[\s_-])",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_TITLED = re.compile(r"(?:^|[\s_-])\w*(?:title|biaoti|headline|tit|bt)\w*", re.IGNORECASE)
_CENTRED = re.compile(r"text-align\s*:\s*center", re.IGNORECASE)
_SIDED = re.compile(r"text-align\s*:\s*(?:left|right|justify)", re.IGNORECASE)
_SIZED = re.compile(r"font-size\s*:\s*([0-9.]{1,6})\s*(px|pt)", re.IGNORECASE)
_FILE = re.compile(rf"\.(?:{'|'.join(FILES)})$", re.IGNORECASE)
_SAVED_FROM = re.compile(rb"<!--\s*saved from url=\(\d{4,5}\)(https?://[^\s>]{1,2000})")
_CHARSET = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,400}?(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""", re.I
)
_METAS = {
    "pubdate": "发布日期",
    "publishdate": "发布日期",
    "firstpublishedtime": "发布日期",
    "contentsource": "信息来源",
    "source": "信息来源",
    "author": "作者",
    "columnname": "栏目",
    "sitename": "网站名称",
    "keywords": "关键词",
    "filenumber": "发文字号",
    "indexnumber": "索引号",
}
_DEEP = (
    "这个网页的层次太深，不像是正常的网页，后面的读不到。"
    "请在浏览器里打开，复制正文，存成 .txt 或 .docx。"
)
_NOTHING = "这个网页里没有文字。如果浏览器里看得到，请复制正文，存成 .txt 或 .docx。"


@dataclass
class _Line:
    """One line of a page as a reader sees it, and where it stands."""

    text: str
    node: Any
    inside: bool
    shape: Shape = Shape.PARAGRAPH
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    centred: bool = False
    size: float | None = None
    linked: int = 0  # how many of its characters are links
    links: int = 0

    def to_block(self) -> Block:
        return Block(self.shape, self.text, self.level, self.rows, self.centred, self.size)


def read_html(data: bytes, name: str) -> Transcript:
    """Return the article of a saved page; all other text of the page is left out."""
    root = parse_page(data)
    if root is None:
        raise Unreadable(_NOTHING)
    return _Page(root).transcribe(name, _saved_from(data))


def parse_page(data: bytes) -> Any:
    """Return the tree of a page, whatever its encoding; nothing is fetched."""
    declared = _CHARSET.search(data[:4096])
    text = decode(data, declared[1].decode("ascii") if declared else None)
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    # Word writes namespaces without their declaration, XHTML an encoding that no longer holds.
    root = etree.fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser)
    if any(
        entry.type_name.endswith("DEPTH") or "depth" in entry.message for entry in parser.error_log
    ):
        raise Unreadable(_DEEP)
    return root


def blocks_of(root: Any) -> list[Block]:
    """Return all blocks of a page that has nothing around its text."""
    return [line.to_block() for line in _Walk(root, root, frozenset()).lines()]


class _Page:
    """The reading of one page: which part is the article, and what the rest tells."""

    def __init__(self, root: Any) -> None:
        self._root = root
        body = root.find(".//body")
        self._body = root if body is None else body
        self._outside = frozenset(self._find_margins())
        self._article = self._find_article()

    def transcribe(self, name: str, address: str | None) -> Transcript:
        lines = list(_Walk(self._body, self._article, self._outside).lines())
        title = self._title(lines)
        labels, kept, left_out = _sort_lines(lines, title)
        for key, value in self._metas():
            labels.setdefault(key, value)
        return Transcript(
            name=name,
            blocks=tuple(line.to_block() for line in kept),
            title=title or self._head_title(),
            address=address or self._address(),
            labels=labels,
            attachments=tuple(self._attachments()),
            left_out=tuple(left_out),
        )

    def _find_margins(self) -> Iterator[Any]:
        """Yield what is furniture by its name or hidden, unless most of the prose is in it.

        Some sites call an article's frame “bottom”, or show it by script only.
        """
        prose = self._count_prose(frozenset())
        for node in self._body.iter():
            if _is_margin(node) and prose[node] <= _MAIN * prose[self._body]:
                yield node

    def _find_article(self) -> Any:
        """Return the smallest part of the page that has nearly all of its prose."""
        prose = self._count_prose(self._outside)
        node = self._body
        while prose[node]:
            best = max(node, key=lambda child: prose[child], default=None)
            if (
                best is None
                or prose[best] < _MOST * prose[self._body]
                or best.tag in ("p", *_INLINE)
            ):
                return node
            if best.tag in ("table", "tbody", "tr") and not _is_layout(best):
                return node
            node = best
        return node

    def _count_prose(self, outside: frozenset[Any]) -> Counter[Any]:
        """Return how many characters of prose each element has, links and margins apart."""
        prose, apart = Counter[Any](), 0
        for event, node in etree.iterwalk(self._body, events=("start", "end")):
            barred = node in outside or node.tag in ("a", *_FORMS, *_SILENT)
            if event == "start":
                apart += barred
                prose[node] += 0 if apart else _prose_in(node.text)
            else:
                apart -= barred
                if (parent := node.getparent()) is not None and node is not self._body:
                    prose[parent] += prose[node] + (0 if apart else _prose_in(node.tail))
        return prose

    def _title(self, lines: Sequence[_Line]) -> str | None:
        """Return the title that the page shows, if one of its lines can be told to be it."""
        told = {squeezed(text) for text in (self._meta("articletitle"), self._head_title()) if text}
        shown = [line for line in lines if line.shape is not Shape.TABLE and len(line.text) <= 120]
        heads = [line.text for line in shown if line.shape is Shape.HEADING and line.level == 1]
        if len(heads) == 1 and number_of(heads[0]) is None:
            return heads[0]
        for line in shown:
            same = [text for text in told if _is_title(squeezed(line.text), text)]
            if same and not line.linked:
                return line.text
        before = [line for line in _before_article(shown) if not line.linked]
        titled = [line for line in before if _is_titled(line.node) and not is_furniture(line.text)]
        return titled[-1].text if titled else self._meta("articletitle")

    def _head_title(self) -> str | None:
        texts = [tidy("".join(node.itertext())) for node in self._root.iter("title")]
        clean = [text for text in texts if text and "<" not in text]
        return clean[0].replace("\n", "") if clean else None

    def _meta(self, name: str) -> str | None:
        return next((value for key, value in self._all_metas() if key == name), None)

    def _all_metas(self) -> Iterator[tuple[str, str]]:
        for node in self._root.iter("meta"):
            key = (node.get("name") or node.get("property") or "").strip().lower()
            value = tidy(node.get("content") or "").replace("\n", " ")
            if key and value:
                yield key, value

    def _metas(self) -> Iterator[tuple[str, str]]:
        for key, value in self._all_metas():
            if key in _METAS and len(value) <= 200:
                yield _METAS[key], value

    def _address(self) -> str | None:
        found = [
            *(n.get("href") for n in self._root.iter("link") if n.get("rel") == "canonical"),
            self._meta("og:url"),
            self._meta("url"),
        ]
        return next((a.strip() for a in found if a and re.match(r"\s*https?://\S+\s*$", a)), None)

    def _attachments(self) -> Iterator[Link]:
        seen = set[str]()
        for node in self._body.iter("a"):
            address = tidy(node.get("href") or "")
            name = tidy("".join(node.itertext())).replace("\n", "") or tidy(node.get("title") or "")
            path = re.split("[?#]", address)[0]
            if address in seen or any(above in self._outside for above in _upwards(node)):
                continue
            if _FILE.search(path) or (address and _FILE.search(name)):
                seen.add(address)
                yield Link(name or path.rpartition("/")[2], address)


def _sort_lines(
    lines: Sequence[_Line], title: str | None
) -> tuple[dict[str, str], list[_Line], list[str]]:
    """Return the labels of a page, the lines of its article, and the other lines."""
    reader, kept, left_out = LabelReader(), list[_Line](), list[str]()
    titled, within = False, any(line.inside and line.text == title for line in lines)
    for line in lines:
        if not titled and line.text == title and line.inside is within:
            titled = True
            kept.append(_as_title(line))
        elif line.shape is Shape.TABLE and not _is_label_table(line.rows):
            kept.append(line)
        elif _take_labels(reader, line, len(kept)) or _is_apart(line):
            left_out.append(line.text)
        else:
            kept.append(line)
    return dict(reader.labels), kept, left_out


def _take_labels(reader: LabelReader, line: _Line, above: int) -> bool:
    if line.shape is Shape.TABLE:
        for cell in (cell for row in line.rows for cell in row if cell):
            reader.take(cell)
        return True
    if (line.inside and above > _FORM_LINES) or line.linked * 2 > len(line.text):
        return False
    return reader.take(line.text, among_text=line.inside)


def _is_label_table(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table is a form with labels: half of its cells are names of labels."""
    reader, cells = LabelReader(), [cell for row in rows for cell in row if cell]
    taken = [reader.take(cell) for cell in cells]
    return len(reader.labels) >= 2 and sum(taken) * 5 >= len(cells) * 4


def _as_title(line: _Line) -> _Line:
    return _Line(line.text, line.node, True, Shape.HEADING, 1, centred=True, size=line.size)


def _is_apart(line: _Line) -> bool:
    """Tell whether a line is none of the article's; an item such as “首页” may be a real one."""
    furnished = is_furniture(line.text) and (line.linked or line.shape is not Shape.ITEM)
    return not line.inside or bool(furnished) or _is_menu(line)


def _is_menu(line: _Line) -> bool:
    """Tell whether a line is a row of links to elsewhere."""
    return line.links >= 3 and line.linked >= 0.7 * len(squeezed(line.text))


def _before_article(lines: Iterable[_Line]) -> Iterator[_Line]:
    for line in lines:
        if line.inside:
            return
        yield line


def _is_title(text: str, told: str) -> bool:
    """Tell whether a line is the title that the head of a page tells, with or without the site."""
    return len(text) >= 4 and (text == told or (len(text) >= 6 and told.startswith(text)))


def _is_titled(node: Any) -> bool:
    return any(_TITLED.search(_naming(above)) for above in list(_upwards(node))[:3])


def _upwards(node: Any) -> Iterator[Any]:
    yield node
    yield from node.iterancestors()


def _naming(node: Any) -> str:
    return f"{node.get('class') or ''} {node.get('id') or ''}"


def _is_margin(node: Any) -> bool:
    """Tell whether an element is furniture of the site by its kind or its name, or hidden."""
    if not isinstance(node.tag, str) or node.tag in ("html", "body"):
        return False
    hidden = node.get("hidden") is not None or _HIDDEN.search(node.get("style") or "")
    printed = node.tag == "div" and node.get("title") in ("header", "footer")  # of LibreOffice
    named = node.tag in _AROUND | _FORMS or _MARGIN.search(_naming(node))
    return bool(hidden or printed or named)


def _is_layout(node: Any) -> bool:
    """Tell whether a table only places things on the page."""
    table = node if node.tag == "table" else next(node.iterancestors("table"), node)
    if next(table.iterdescendants("table"), None) is not None:
        return True
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    columns = {at for row in rows for at, cell in enumerate(row) if squeezed(_text_of(cell))}
    if len(columns) <= 1 or len(rows) <= 1:
        return True
    sizes = [len(squeezed(_text_of(cell))) for row in rows for cell in row]
    return max(sizes) > 500 and max(sizes) > _FRAMED * sum(sizes)


def _text_of(node: Any) -> str:
    return "".join(text for text in node.itertext() if isinstance(text, str))


def _prose_in(text: str | None) -> int:
    """Return the letters of a text that is made of sentences; menus and footers have none."""
    plain = squeezed(text or "")
    return len(plain) if any(mark in plain for mark in "，。；、") else 0


def _saved_from(data: bytes) -> str | None:
    found = _SAVED_FROM.search(data[:8192])
    return found[1].decode("utf-8", "replace") if found else None


@dataclass
class _Walk:
    """A walk over a page from its first letter to its last, line by line, however deep it is."""

    root: Any
    article: Any
    outside: frozenset[Any]
    _texts: list[str] = field(default_factory=list)
    _open: list[Any] = field(default_factory=list)
    _sizes: Counter[float] = field(default_factory=Counter)
    _linked: int = 0
    _links: int = 0
    _marker: str = ""

    def lines(self) -> Iterator[_Line]:
        """Yield every line; tables with more than one column are one line."""
        walk = etree.iterwalk(self.root, events=("start", "end"))
        for event, node in walk:
            if event == "start":
                yield from self._enter(node, walk)
            else:
                yield from self._leave(node)
        yield from self._flush()

    def _enter(self, node: Any, walk: Any) -> Iterator[_Line]:
        if node.tag in _SILENT and node is not self.root:
            walk.skip_subtree()
            self._open.append(node)
            return
        if node.tag not in _INLINE:
            yield from self._flush()
        self._open.append(node)
        if node.tag == "table" and not _is_layout(node) and self._is_inside():
            walk.skip_subtree()
            yield self._table(node)
            return
        if node.tag == "li":
            self._marker = _marker_of(node)
        self._links += node.tag == "a"
        self._take(node.text)

    def _leave(self, node: Any) -> Iterator[_Line]:
        if node.tag not in _INLINE and node.tag not in _SILENT:
            yield from self._flush()
        self._open.pop()
        if node is not self.root:
            self._take(node.tail)

    def _take(self, text: str | None) -> None:
        if not text or not text.strip():
            self._texts.append(" " if text else "")
            return
        self._texts.append(re.sub(r"[ \t\r\n\f]+", " ", text))
        count = len(squeezed(text))
        if any(node.tag == "a" for node in self._open[-6:]):
            self._linked += count
        if size := self._size():
            self._sizes[size] += count

    def _flush(self) -> Iterator[_Line]:
        text = tidy("".join(self._texts))
        self._texts.clear()
        if text:
            yield self._line(text)
            self._sizes.clear()
            self._linked = self._links = 0
            self._marker = ""

    def _line(self, text: str) -> _Line:
        shape, level = self._shape()
        size = self._sizes.most_common(1)[0][0] if self._sizes else None
        node = self._open[-1] if self._open else self.root
        marked = self._marker + text if shape is Shape.ITEM else text
        inside = self._is_inside()
        line = _Line(marked, node, inside, shape, level, centred=self._is_centred(), size=size)
        line.linked, line.links = self._linked, self._links
        return line

    def _shape(self) -> tuple[Shape, int]:
        for node in reversed(self._open):
            if re.fullmatch("h[1-6]", node.tag):
                return Shape.HEADING, int(node.tag[1])
            if node.tag == "li":
                lists = sum(above.tag in ("ul", "ol") for above in self._open)
                return Shape.ITEM, max(lists - 1, 0)
            if node.tag in ("td", "th", "div"):
                break
        return Shape.PARAGRAPH, 0

    def _is_inside(self) -> bool:
        within = self.article is self.root or any(node is self.article for node in self._open)
        return within and not any(node in self.outside for node in self._open)

    def _is_centred(self) -> bool:
        for node in reversed(self._open):
            style, align = node.get("style") or "", (node.get("align") or "").lower()
            if align == "center" or node.tag == "center" or _CENTRED.search(style):
                return node.tag not in ("table", "center")
            if align or _SIDED.search(style):
                return False
        return False

    def _size(self) -> float | None:
        for node in reversed(self._open):
            if match := _SIZED.search(node.get("style") or ""):
                try:
                    return float(match[1]) * (0.75 if match[2].lower() == "px" else 1)
                except ValueError:
                    return None
        return None

    def _table(self, node: Any) -> _Line:
        rows = _read_rows(node)
        return _Line(table_text(rows), node, True, Shape.TABLE, rows=rows)


def _marker_of(item: Any) -> str:
    """Return the number that a browser writes before an item of a numbered list."""
    parent = item.getparent()
    if parent is None or parent.tag != "ol" or (parent.get("type") or "1") != "1":
        return ""
    before = sum(1 for other in item.itersiblings("li", preceding=True))
    start = parent.get("start") or "1"
    return f"{before + (int(start) if re.fullmatch(r'[0-9]{1,5}', start) else 1)}. "


def _read_rows(table: Any) -> tuple[tuple[str, ...], ...]:
    """Return a table as a grid; a merged cell has its text where it begins."""
    grid, used = list[list[str]](), dict[tuple[int, int], bool]()
    for at, row in enumerate(table.iter("tr")):
        cells, column = list[str](), 0
        for cell in (child for child in row if child.tag in ("td", "th")):
            while (at, column) in used:
                cells.append("")
                column += 1
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            used.update({(at + y, column + x): True for y in range(high) for x in range(wide)})
            cells += ["\n".join(_cell_lines(cell)), *[""] * (wide - 1)]
            column += wide
        grid.append(cells)
        if len(used) > MAX_CELLS:
            raise Unreadable("这个网页的表格太大，请把表格另存为 Excel，正文另存为 .docx。")
    width = max(map(len, grid), default=0)
    filled = [row + [""] * (width - len(row)) for row in grid]
    return tuple(tuple(row) for row in _captioned(table, filled, width) if any(row))


def _captioned(table: Any, rows: list[list[str]], width: int) -> list[list[str]]:
    """Return the rows with the caption of the table, which is text too, above them."""
    caption = table.find("caption")
    text = "" if caption is None else tidy(_text_of(caption))
    return [[text, *[""] * (width - 1)], *rows] if text and width else rows


def _cell_lines(cell: Any) -> list[str]:
    return [line.text for line in _Walk(cell, cell, frozenset()).lines()]


def _span(cell: Any, name: str) -> int:
    text = cell.get(name) or "1"
    return min(max(int(text), 1), MAX_SPAN) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def read_mhtml(data: bytes, name: str) -> Transcript:
    """Return the article of a page that was saved as one file (mht)."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        if part.get_content_type() == "text/html":
            page = part.get_payload(decode=True)
            read = read_html(page if isinstance(page, bytes) else b"", name)
            address = part["Content-Location"] or message["Content-Location"]
            known = re.match(r"https?://\S+$", str(address or ""))
            return replace(read, address=read.address or (known[0] if known else None))
    raise Unreadable(_NOTHING)
