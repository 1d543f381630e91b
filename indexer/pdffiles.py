"""PDF files (PDF 文件): letters at their places on pages → lines, paragraphs and tables."""

import io
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Any

from pdfminer.pdfdocument import PDFPasswordIncorrect
from pdfminer.pdfpage import PDFPage
from pdfplumber.pdf import PDF
from pdfplumber.utils.exceptions import PdfminerException

from indexer.headings import Number, number_of
from indexer.plaintext import squeezed, table_text, tidy
from indexer.transcript import Block, Shape, Transcript, Unreadable

MAX_PAGES = 300
MAX_EDGES = 1_500  # lines on a page; a drawing has more, and no table
_MARGIN = 0.13  # share of a page, above and below, where running heads and feet stand
_REPEATED = 0.4  # share of pages on which a running head stands
_PALE = 0.6  # brightness from which letters are pale
_UNMAPPED = re.compile(r"\(cid:\d+\)")
_UNMAPPED_SHARE = 0.05
_GAP = 1.0  # widths of a letter; a wider gap in a line is a space
_COLUMN_LINES = 8  # lines with a gap in the middle, from which a page may have two columns
_COLUMN_SHARE = 0.7  # share of lines that leave the middle free, where there are two
_LARGER = 1.15  # times the size of the text, from which letters are those of a title
_SHORT = 0.75  # share of the width that a centred line of the text's size may take
_APART = 1.3  # times the size of the letters, from which a gap between lines ends a paragraph
_TITLE_LINES = 4
# Letters by which a line may be short of the margin and go on: a comma may not begin a line, so
# that the letter before it goes to the next one too.
_ENDING, _UNENDED = 1.6, 3.2
_ENDS = tuple("。！？；：.!?;:")
_DASHES = r"[\s—–\-－·.•~～_/|]*"
_PAGE_NUMBER = re.compile(
    rf"{_DASHES}(?:第\s*[\d一二三四五六七八九十百]+\s*页\s*[,，/]?\s*(?:共\s*\d+\s*页)?"
    rf"|\d{{1,4}}\s*(?:/\s*\d{{1,4}})?|[ivxIVX]{{1,6}}|Page\s*\d+(?:\s*of\s*\d+)?){_DASHES}$"
)

_SCANNED = (
    "这个 PDF 是扫描件，没有文字，只有图。请先用文字识别（OCR）软件转成 Word 或文本，"
    "核对后再导入；最好向发文单位要 Word 原件。"
)
_GARBLED = (
    "这个 PDF 的字体没有带文字对照表，读出来是乱码。请先用文字识别（OCR）软件转成 Word 或文本，"
    "核对后再导入；最好向发文单位要 Word 原件。"
)
_LOCKED = "这个 PDF 加了密码，请输入密码打开，另存为没有密码的一份。"
_BROKEN = "这个 PDF 坏了，或者没有下载完整。请重新下载，或者用浏览器打开后“打印”成新的 PDF。"
_LONG = "这个 PDF 有 {} 页，一次最多读 {} 页。请用“打印”成 PDF 的办法，把要用的几页另存为一份。"


@dataclass(frozen=True)
class _Line:
    """One line of a page, where it begins and ends, in points from the top left.

    `column` is 0 where a page has only one, else 1 or 2; `place` is where it is read, as a height.
    """

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    page: int
    column: int = 0
    place: float = 0

    @property
    def area(self) -> tuple[int, int]:
        return self.page, self.column


@dataclass(frozen=True)
class _Grid:
    """A table, in the place of its first line."""

    rows: tuple[tuple[str, ...], ...]
    top: float
    place: float


@dataclass(frozen=True)
class _Area:
    """Where the lines of a page or column begin and end, and how large most letters are."""

    left: float
    right: float
    size: float


_Areas = Mapping[tuple[int, int], _Area]  # by page and column


@dataclass
class _Sheet:
    """What was read from one page."""

    number: int
    width: float
    height: float
    parts: list[_Line | _Grid] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    letters: int = 0
    pictures: int = 0

    def lines(self) -> Iterator[_Line]:
        return (part for part in self.parts if isinstance(part, _Line))


def read_pdf(data: bytes, name: str) -> Transcript:
    """Return the paragraphs and tables of a PDF file that has text."""
    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every odd font
    with _opened(data) as pdf:
        _check_length(pdf)
        sheets = [_read_page(page) for page in pdf.pages]
        title = tidy(_told(pdf.metadata.get("Title"))) if pdf.metadata else ""
    _check_text(sheets)
    left_out = [*_leave_out_margins(sheets), *(t for sheet in sheets for t in sheet.left_out)]
    blocks = tuple(_join_blocks(sheets))
    return Transcript(name=name, blocks=blocks, title=title or None, left_out=tuple(left_out))


def _opened(data: bytes) -> PDF:
    try:
        return PDF.open(io.BytesIO(data), raise_unicode_errors=False)
    except PdfminerException as error:
        locked = error.args and isinstance(error.args[0], PDFPasswordIncorrect)
        raise Unreadable(_LOCKED if locked else _BROKEN) from None


def _check_length(pdf: PDF) -> None:
    """Refuse a file with too many pages before they are read."""
    count = 0
    for _ in PDFPage.create_pages(pdf.doc):
        count += 1
        if count > MAX_PAGES * 10:
            break
    if count > MAX_PAGES:
        shown = count if count <= MAX_PAGES * 10 else f"{MAX_PAGES * 10} 多"
        raise Unreadable(_LONG.format(shown, MAX_PAGES))
    if not count:
        raise Unreadable(_BROKEN)


def _check_text(sheets: Sequence[_Sheet]) -> None:
    texts = [part.text for sheet in sheets for part in sheet.lines()]
    letters = sum(sheet.letters for sheet in sheets)
    if not letters:
        raise Unreadable(_SCANNED if any(sheet.pictures for sheet in sheets) else _BROKEN)
    unmapped = sum(len(_UNMAPPED.findall(text)) for text in texts)
    if unmapped > _UNMAPPED_SHARE * letters:
        raise Unreadable(_GARBLED)
    if letters < 20 * len(sheets) and sum(sheet.pictures for sheet in sheets) >= len(sheets):
        raise Unreadable(_SCANNED)


def _read_page(whole: Any) -> _Sheet:
    page = whole.dedupe_chars(tolerance=1)  # bold is often the same letter twice
    sheet = _Sheet(page.page_number, float(page.width), float(page.height))
    sheet.pictures = len(page.images)
    letters = page.chars
    sheet.letters = sum(1 for char in letters if char["text"].strip())
    if not sheet.letters and sheet.pictures:
        sheet.left_out.append(f"（第 {page.page_number} 页只有图，没有文字）")
    upright = [char for char in letters if not _is_slanted(char)]
    _leave_out_watermark(sheet, [char for char in letters if _is_slanted(char)])
    upright, pale = _split_pale(upright, sheet)
    _leave_out_watermark(sheet, pale)
    grids, rest = _read_tables(page, upright)
    parts: list[_Line | _Grid] = [*grids, *_read_lines(sheet, rest)]
    sheet.parts = sorted(parts, key=lambda part: part.place)
    whole.close()
    return sheet


def _is_slanted(char: Mapping[str, Any]) -> bool:
    """Tell whether a letter stands neither upright nor on its side, as those of watermarks do."""
    a, b, c, d = char["matrix"][:4]
    straight, turned = abs(a) + abs(d), abs(b) + abs(c)
    return bool(min(straight, turned) > 0.1 * max(straight, turned))


def _split_pale(
    letters: Sequence[dict[str, Any]], sheet: _Sheet
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the letters, and apart from them those that are pale and far larger than the text."""
    sizes = Counter(round(char["size"]) for char in letters)
    usual = sizes.most_common(1)[0][0] if sizes else 0
    pale = [c for c in letters if c["size"] > 2 * usual and _is_pale(c)]
    chosen = {id(char) for char in pale}
    return [char for char in letters if id(char) not in chosen], pale


def _is_pale(char: Mapping[str, Any]) -> bool:
    color = char.get("non_stroking_color")
    values = color if isinstance(color, tuple | list) else (color,)
    if not values or not all(isinstance(value, int | float) for value in values):
        return False
    if len(values) == 4:  # cyan, magenta, yellow, black
        return bool(1 - max(values[3], sum(values[:3]) / 3) > _PALE)
    return bool(sum(values) / len(values) > _PALE)


def _leave_out_watermark(sheet: _Sheet, letters: Sequence[Mapping[str, Any]]) -> None:
    text = squeezed("".join(char["text"] for char in letters))
    if text:
        sheet.left_out.append(f"水印：{text}")


def _read_tables(
    page: Any, letters: list[dict[str, Any]]
) -> tuple[list[_Grid], list[dict[str, Any]]]:
    """Return the tables that lines draw, and the letters that stand in none of them."""
    if not letters or len(page.edges) > MAX_EDGES:
        return [], letters
    grids, rest = list[_Grid](), letters
    for table in page.find_tables():
        inside, outside = _split_by_box(rest, table.bbox)
        rows, strays = _read_cells(table, inside)
        filled = {at for row in rows for at, cell in enumerate(row) if cell}
        if len(filled) < 2 or sum(any(row) for row in rows) < 2:
            continue  # a frame around text
        grids.append(_Grid(rows, table.bbox[1], table.bbox[1]))
        rest = outside + strays
    return grids, rest


def _split_by_box(
    letters: Iterable[dict[str, Any]], box: tuple[float, float, float, float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the letters whose middle is in a box, and the others."""
    inside, outside = list[dict[str, Any]](), list[dict[str, Any]]()
    for char in letters:
        x, y = (char["x0"] + char["x1"]) / 2, (char["top"] + char["bottom"]) / 2
        within = box[0] <= x < box[2] and box[1] <= y < box[3]
        (inside if within else outside).append(char)
    return inside, outside


def _read_cells(
    table: Any, letters: list[dict[str, Any]]
) -> tuple[tuple[tuple[str, ...], ...], list[dict[str, Any]]]:
    """Return the texts of the cells, and the letters that are in none."""
    rows = list[tuple[str, ...]]()
    for row in table.rows:
        texts = list[str]()
        for cell in row.cells:
            within, letters = _split_by_box(letters, cell) if cell else ([], letters)
            texts.append("".join(line.text for line in _lines_of(within)))
        rows.append(tuple(texts))
    return tuple(row for row in rows if any(row)), letters


def _read_lines(sheet: _Sheet, letters: list[dict[str, Any]]) -> Iterator[_Line]:
    """Yield the lines of a page; letters on their side are one line, after the others."""
    turned = [char for char in letters if not char.get("upright", True)]
    straight = [char for char in letters if char.get("upright", True)]
    if len(turned) > len(straight):
        straight, turned = turned, straight
    rows = _rows_of(straight)
    gutter = _find_gutter(rows, sheet)
    if gutter is None:
        yield from _as_lines(rows, sheet.number)
    else:
        yield from _columns(rows, gutter, sheet.number)
    if squeezed("".join(char["text"] for char in turned)):
        yield replace(_line_of(turned, sheet.number), place=sheet.height)


def _find_gutter(rows: Sequence[Sequence[Mapping[str, Any]]], sheet: _Sheet) -> float | None:
    """Return the middle between two columns (双栏), which most lines leave free, if any."""
    gaps = [(a["x1"], b["x0"]) for row in rows for a, b in pairwise(row) if _is_wide(a, b)]
    inner = [gap for gap in gaps if 0.35 < sum(gap) / 2 / sheet.width < 0.65]
    if len(inner) < _COLUMN_LINES:
        return None
    gutter = median(sum(gap) / 2 for gap in inner)
    free = sum(not _crosses(row, gutter) for row in rows)
    return gutter if free >= _COLUMN_SHARE * len(rows) else None


def _is_wide(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return bool(right["x0"] - left["x1"] > _GAP * right["size"])


def _crosses(row: Sequence[Mapping[str, Any]], x: float) -> bool:
    """Tell whether text stands at x, so that the line is one and not one of each column."""
    if any(char["x0"] < x < char["x1"] for char in row):
        return True
    return any(a["x1"] <= x <= b["x0"] and not _is_wide(a, b) for a, b in pairwise(row))


def _columns(rows: Sequence[list[dict[str, Any]]], gutter: float, page: int) -> Iterator[_Line]:
    """Yield the lines in the order of reading: down the left column, then the right one.

    A line across both ends what is read so, as a title does.
    """
    band = list[list[dict[str, Any]]]()
    for row in [*rows, None]:
        if row is not None and not _crosses(row, gutter):
            band.append(row)
            continue
        yield from _read_band(band, gutter, page)
        band = []
        yield from _as_lines([row] if row else [], page)


def _read_band(
    band: Sequence[Sequence[dict[str, Any]]], gutter: float, page: int
) -> Iterator[_Line]:
    halves = [
        [part for row in band if (part := [c for c in row if (c["x0"] > gutter) == right])]
        for right in (False, True)
    ]
    lines = [(n, line) for n, half in enumerate(halves, 1) for line in _as_lines(half, page)]
    first = min((line.top for _, line in lines), default=0)
    for order, (column, line) in enumerate(lines):
        yield replace(line, column=column, place=first + order / 1000)


def _lines_of(letters: Iterable[dict[str, Any]]) -> list[_Line]:
    return list(_as_lines(_rows_of(letters), 0))


def _rows_of(letters: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return letters line by line: those whose middles are at nearly the same height."""
    rows = list[list[dict[str, Any]]]()
    for char in sorted(letters, key=_middle):
        if rows and abs(_middle(char) - _middle(rows[-1][-1])) < 0.35 * max(char["size"], 1):
            rows[-1].append(char)
        else:
            rows.append([char])
    return [sorted(row, key=lambda char: float(char["x0"])) for row in rows]


def _as_lines(rows: Iterable[Sequence[Mapping[str, Any]]], page: int) -> Iterator[_Line]:
    lines = (_line_of(row, page) for row in rows)
    return (line for line in lines if line.text)


def _middle(char: Mapping[str, Any]) -> float:
    return float(char["top"] + char["bottom"]) / 2


def _line_of(letters: Sequence[Mapping[str, Any]], page: int) -> _Line:
    texts, last = list[str](), letters[0]
    for char in letters:
        if char["x0"] - last["x1"] > _space_between(last, char):
            texts.append(" ")
        texts.append(char["text"])
        last = char
    seen = [char for char in letters if char["text"].strip()] or letters
    sizes = Counter(round(float(char["size"]), 1) for char in seen)
    top = min(float(char["top"]) for char in seen)
    return _Line(
        tidy("".join(texts)).replace("\n", " "),
        min(float(char["x0"]) for char in seen),
        max(float(char["x1"]) for char in seen),
        top,
        max(float(char["bottom"]) for char in seen),
        sizes.most_common(1)[0][0],
        page,
        place=top,
    )


def _space_between(left: Mapping[str, Any], right: Mapping[str, Any]) -> float:
    """Return how wide a gap is a space: Latin words are closer to one another than Chinese."""
    latin = left["text"].isascii() and right["text"].isascii()
    return float(right["size"]) * (0.2 if latin else _GAP)


# Running heads and feet.


def _leave_out_margins(sheets: Sequence[_Sheet]) -> list[str]:
    """Take page numbers and what stands at the edge of many pages out of the sheets."""
    seen = Counter(key for sheet in sheets for key in {_key(ln) for ln in _edge_lines(sheet)})
    often = max(2.0, _REPEATED * len(sheets))
    left_out = list[str]()
    for sheet in sheets:
        for line in _edge_lines(sheet):
            numbered = _PAGE_NUMBER.match(line.text) and _is_outermost(line, sheet)
            if numbered or seen[_key(line)] >= often:
                sheet.parts.remove(line)
                place = "页眉" if line.top < sheet.height / 2 else "页脚"
                left_out.append(f"{place}：{line.text}")
    return left_out


def _edge_lines(sheet: _Sheet) -> list[_Line]:
    edge = sheet.height * _MARGIN
    return [ln for ln in sheet.lines() if ln.bottom < edge or ln.top > sheet.height - edge]


def _is_outermost(line: _Line, sheet: _Sheet) -> bool:
    tops = [part.top for part in sheet.parts]
    return line.top in (min(tops), max(tops))


def _key(line: _Line) -> str:
    return re.sub(r"[\d一二三四五六七八九十]+", "#", squeezed(line.text)) + f"@{line.top // 20}"


# Lines into paragraphs.


def _join_blocks(sheets: Sequence[_Sheet]) -> Iterator[Block]:
    """Yield paragraphs and tables; a paragraph may go on over the end of a page."""
    areas = _find_areas(sheets)
    open_lines = list[_Line]()
    for part in (part for sheet in sheets for part in sheet.parts):
        if isinstance(part, _Grid):
            yield from _closed(open_lines, areas)
            open_lines = []
            yield Block(Shape.TABLE, table_text(part.rows), rows=part.rows)
        elif open_lines and not _goes_on(open_lines, part, areas):
            yield from _closed(open_lines, areas)
            open_lines = [part]
        else:
            open_lines.append(part)
    yield from _closed(open_lines, areas)


def _find_areas(sheets: Iterable[_Sheet]) -> _Areas:
    found = defaultdict[tuple[int, int], list[_Line]](list)
    for sheet in sheets:
        for line in sheet.lines():
            found[line.area].append(line)
    return {place: _area_of(lines) for place, lines in found.items()}


def _area_of(lines: Sequence[_Line]) -> _Area:
    """Return where most lines of a page or column begin and end."""
    starts, ends, sizes = Counter[int](), Counter[int](), Counter[float]()
    for line in lines:
        starts[round(line.x0 / 4)] += len(line.text)
        ends[round(line.x1 / 4)] += len(line.text)
        sizes[line.size] += len(line.text)
    longest = max(line.x1 for line in lines)
    often = [end for end, count in ends.items() if count >= 0.15 * ends.total()]
    right = max(max(often, default=0) * 4, longest - 30)
    return _Area(min(_frequent(starts)) * 4, right, sizes.most_common(1)[0][0])


def _frequent(counts: Counter[int]) -> list[int]:
    often = [place for place, count in counts.items() if count >= 0.1 * counts.total()]
    return often or [min(counts)]


def _goes_on(above: Sequence[_Line], line: _Line, areas: _Areas) -> bool:
    """Tell whether a line continues the paragraph of the lines above it."""
    last, area = above[-1], areas[line.area]
    if abs(last.size - line.size) > 0.12 * max(last.size, line.size):
        return False
    if last.page == line.page and 0 in (last.column, line.column) and last.column != line.column:
        return False
    if number_of(line.text) and last.text.endswith(_ENDS):
        return False
    apart = last.area == line.area and line.top - last.bottom > _APART * line.size
    if _is_centred(line, area):
        return not apart and len(above) < _TITLE_LINES and _is_title(last, areas[last.area])
    short = _ENDING if last.text.endswith(_ENDS) else _UNENDED
    full = last.x1 >= areas[last.area].right - short * last.size
    return full and not apart and not _begins(line, area.left)


def _is_title(line: _Line, area: _Area) -> bool:
    """Tell whether a line is of a title: larger than the text, from edge to edge or centred."""
    full = line.x1 >= area.right - _ENDING * line.size
    return line.size > _LARGER * area.size and (full or _is_centred(line, area))


def _begins(line: _Line, left: float) -> bool:
    """Tell whether a line begins a paragraph: it is indented, or has a number at the edge."""
    if line.x0 > left + 1.2 * line.size:
        return True
    number = number_of(line.text)
    return number is not None and number not in (Number.THIRD, Number.ARTICLE)


def _is_centred(line: _Line, area: _Area) -> bool:
    before, behind = line.x0 - area.left, area.right - line.x1
    short = line.x1 - line.x0 < _SHORT * (area.right - area.left) or line.size > _LARGER * area.size
    even = abs(before - behind) < 2 * line.size
    return before > 1.5 * line.size and behind > line.size and even and short


def _closed(lines: Sequence[_Line], areas: _Areas) -> Iterator[Block]:
    """Yield the lines of one paragraph as a block."""
    if not lines:
        return
    text = lines[0].text
    for line in lines[1:]:
        latin = text[-1:].isascii() and text[-1:].isalpha() and line.text[:1].isascii()
        text += (" " if latin else "") + line.text
    title = len(lines) > 1 and all(_is_title(line, areas[line.area]) for line in lines)
    centred = title or all(_is_centred(line, areas[line.area]) for line in lines)
    size = max(lines, key=lambda line: len(line.text)).size
    yield Block(Shape.PARAGRAPH, text, centred=centred, size=size or None)


def _told(value: object) -> str:
    return value if isinstance(value, str) else ""
