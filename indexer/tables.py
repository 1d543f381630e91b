"""Tables (名单): how a CSV file or an Excel workbook becomes numbered rows of text."""

import codecs
import csv
import re
import warnings
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import TextIOWrapper
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter, range_boundaries

from indexer.answers import plain
from indexer.problems import printable, shown

HEADER_WITHIN = 50  # rows; what stands above the header is a title or a note
MAX_LINE = 1_000_000  # characters; a longer one is no row of a table
MAX_CELL = 32_767  # characters, as in Excel
MAX_DIGITS = 15  # what Excel keeps of a number
MAX_UNPACKED = 4 * 2**30  # bytes; a million rows of twenty cells unpack to a quarter of it
BLOCK = 2**20  # bytes
ROWS_AT_ONCE = 5_000
DELIMITERS = {",": "逗号", ";": "分号", "\t": "制表符"}
NAMED_AT_ONCE = 10  # places in one message

Known = Callable[[str], bool]


class TableError(Exception):
    """A table that cannot be worked with; every mistake on a line of its own."""


@dataclass(frozen=True)
class Oddity:
    """A cell whose value cannot be relied on, and why; `filled` where a merged cell gave it."""

    line: int
    column: int
    message: str
    filled: bool = False


@dataclass(frozen=True)
class Broken:
    """A line that is no row of the table, and why; its text may be personal and is not kept."""

    line: int
    message: str


@dataclass
class Chunk:
    """Some rows of a table, column by column."""

    lines: list[int]
    columns: list[list[str]]
    oddities: list[Oddity] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


@dataclass
class Row:
    """One row: its line, its cells as text, and what is odd about them."""

    line: int
    cells: list[str]
    oddities: tuple[Oddity, ...] = ()


@dataclass
class Table:
    """An open table: its header, and the rows below it, which can be read once."""

    path: Path
    names: tuple[str, ...]
    places: tuple[str, ...]  # of the columns, as a person finds them
    header_line: int
    told: tuple[str, ...]  # what a person should know about the file
    rows: Iterator[Row | Broken]
    progress: Callable[[], tuple[int, int]]

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows, `size` at a time; empty ones are none."""
        chunk = self._chunk(size)
        while chunk.lines or chunk.broken:
            yield chunk
            chunk = self._chunk(size)

    def _chunk(self, size: int) -> Chunk:
        """Return the next rows; few are held as rows at once, for each is work to the collector."""
        chunk = Chunk([], [[] for _ in self.names])
        width = len(self.names)
        while size > 0 and (some := list(islice(self.rows, min(size, ROWS_AT_ONCE)))):
            rows = [row for row in some if isinstance(row, Row)]
            chunk.lines.extend(row.line for row in rows)
            cells = [_fitted(row.cells, width) for row in rows]
            for column, taken in zip(chunk.columns, zip(*cells, strict=True), strict=bool(cells)):
                column.extend(taken)
            chunk.oddities.extend(oddity for row in rows for oddity in row.oddities)
            chunk.broken.extend(row for row in some if isinstance(row, Broken))
            size -= len(some)
        return chunk


def _fitted(cells: list[str], width: int) -> list[str]:
    return cells if len(cells) == width else (cells + [""] * width)[:width]


@contextmanager
def open_table(path: Path, known: Known, sheet: str | None = None) -> Iterator[Table]:
    """Open a table whose header is the row with the most names that are `known`."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise TableError(f"{path}：没有这个文件，请核对文件名。") from None
    except OSError as error:
        raise TableError(f"{path}：读不出来（{error.strerror}），请核对文件名。") from None
    with file:
        start = file.read(8)
        if start.startswith(b"PK"):
            with _open_workbook(path, known, sheet) as table:
                yield table
        elif start.startswith(b"\xd0\xcf\x11\xe0"):
            raise TableError(
                f"{path}：加了密码，或者是旧的 .xls 格式；请用 Excel 打开、去掉密码，另存为 .xlsx。"
            )
        elif sheet is not None:
            raise TableError(f"{path}：不是 Excel 文件，没有工作表，请去掉 --sheet。")
        else:
            yield _open_csv(path, file, known)


# The header


def _find_header(rows: Sequence[Row | Broken], known: Known, path: Path) -> Row:
    """Return the row with the most known names, the first of them where there are several."""
    full = [row for row in rows if isinstance(row, Row)]
    best = max(full, key=lambda row: sum(map(known, row.cells)), default=None)
    if best is None or not any(map(known, best.cells)):
        names = next((row.cells for row in full if any(row.cells)), [])
        seen = "、".join(printable(name) for name in names[:NAMED_AT_ONCE] if name)
        raise TableError(
            f"{path}：前 {HEADER_WITHIN} 行里没有找到表头（第一行是“{seen}”）。"
            "列名要写企业名称、统一社会信用代码，或者问题的短名，例如 从业人数；"
            "能写的见 indexer/lexicon/questions.yml。"
        )
    return best


# CSV


class _Lines:
    """The lines of a text, numbered; those of a record that failed can be taken back."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._text.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= MAX_LINE:
            raise TableError(f"第 {self.number} 行有一百万字以上，不像名单，请核对文件。")
        self.taken.append(line)
        return line

    def take_back(self) -> None:
        """Take back all lines of the record but its first."""
        rest = self.taken[1:]
        self._back.extendleft(reversed(rest))
        self.number -= len(rest)


def _open_csv(path: Path, file: BinaryIO, known: Known) -> Table:
    encoding = _encoding(path, file)
    text = TextIOWrapper(file, encoding, newline="")
    delimiter, header = _read_head(path, text, known)
    names = _trimmed(header.cells)
    text.seek(0)
    rows = _records(_Lines(text), delimiter, len(names), header.line)
    total = path.stat().st_size
    return Table(
        path=path,
        names=names,
        places=tuple(f"第 {number} 列" for number in range(1, len(names) + 1)),
        header_line=header.line,
        told=(f"文件编码 {encoding.upper()}，用{DELIMITERS[delimiter]}分隔。",),
        rows=rows,
        progress=lambda: (min(text.buffer.tell(), total), total),
    )


def _encoding(path: Path, file: BinaryIO) -> str:
    """Return the encoding in which the whole file can be read."""
    file.seek(0)
    start = file.read(4096)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        tried: tuple[str, ...] = ("utf-16",)
    elif b"\0" in start:  # commas and digits of UTF-16, or a stray byte
        wide = "utf-16-le" if start.find(b"\0") % 2 else "utf-16-be"
        tried = (wide,) if start.count(b"\0") > len(start) / 4 else ("utf-8-sig", wide)
    else:
        tried = ("utf-8-sig", "gb18030")
    lines = [_line_not_in(encoding, file) for encoding in tried]
    for encoding, line in zip(tried, lines, strict=True):
        if line is None:
            return encoding
    raise TableError(
        f"{path}：第 {max(line or 0 for line in lines)} 行附近有认不出的字；"
        "文件要存成 UTF-8、GBK 或 UTF-16。"
    )


def _line_not_in(encoding: str, file: BinaryIO) -> int | None:
    """Return about which line is not in an encoding, or None where all are."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    line = 1
    try:
        for block in iter(lambda: file.read(BLOCK), b""):
            line += decoder.decode(block).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + error.object[: error.start].count(b"\n")
    finally:
        file.seek(0)
    return None


def _read_head(path: Path, text: TextIOWrapper, known: Known) -> tuple[str, Row]:
    """Return the delimiter that makes the most known names of the header, and the header."""
    found: list[tuple[str, Row]] = []
    problem: TableError | None = None
    for delimiter in DELIMITERS:
        text.seek(0)
        rows = list(islice(_records(_Lines(text), delimiter), HEADER_WITHIN))
        try:
            found.append((delimiter, _find_header(rows, known, path)))
        except TableError as error:
            problem = problem or error
    if not found:
        raise problem or TableError(f"{path}：没有内容。")
    return max(found, key=lambda pair: sum(map(known, pair[1].cells)))


def _records(
    lines: _Lines, delimiter: str, width: int | None = None, header_line: int = 0
) -> Iterator[Row | Broken]:
    """Yield what stands below the header; a line that breaks does not take others along."""
    csv.field_size_limit(MAX_CELL)
    for _ in repeat(None, header_line - 1):
        next(lines)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        first = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield _broken(lines, first, "引号没有成对，或者一格里的字太多；请改好这一行。")
            continue
        if cells is None:
            return
        if not "".join(cells).strip() or first == header_line:
            continue
        if width is not None and len(cells) != width:
            if len(cells) < width or any(cells[width:]):
                message = f"有 {len(cells)} 格，表头有 {width} 格；请核对有没有多写、少写分隔符。"
                yield _broken(lines, first, message)
                continue
            cells = cells[:width]
        yield Row(first, cells)


def _broken(lines: _Lines, first: int, message: str) -> Broken:
    lines.take_back()
    return Broken(first, message)


def _trimmed(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the header without the empty ones at its end."""
    last = max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return tuple(cell.strip() for cell in cells[:last])


# Excel


@dataclass(frozen=True)
class _Merged:
    """One merged range of cells, rows and columns counted from 1."""

    left: int
    top: int
    right: int
    bottom: int

    def __str__(self) -> str:
        first, last = get_column_letter(self.left), get_column_letter(self.right)
        return f"{first}{self.top}:{last}{self.bottom}"


@contextmanager
def _open_workbook(path: Path, known: Known, sheet: str | None) -> Iterator[Table]:
    _check_unpacked_size(path)
    with ExitStack() as opened:
        with _told_in_chinese(path):
            workbook = _load(path, opened, data_only=True)
            chosen = _choose_sheet(path, workbook, sheet)
            merged, has_formulas = _scan(path, chosen)
            formulas = None
            if has_formulas:
                formulas = _load(path, opened, data_only=False)[chosen.title]
            table = _table(path, chosen, _paired(chosen, formulas), merged, known)
        yield table


@contextmanager
def _told_in_chinese(path: Path) -> Iterator[None]:
    """Say in Chinese that a workbook is broken: its reader raises whatever its parts raise."""
    try:
        yield
    except (TableError, MemoryError):
        raise
    except Exception:
        raise TableError(
            f"{path}：打不开，文件可能坏了，或者不是 .xlsx；请用 Excel 打开，另存为 .xlsx。"
        ) from None


def _load(path: Path, opened: ExitStack, data_only: bool) -> Any:
    file = opened.enter_context(path.open("rb"))  # given a path, openpyxl wants it to end in .xlsx
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and checks that do not matter here
        workbook = load_workbook(file, read_only=True, data_only=data_only, keep_links=False)
    opened.callback(workbook.close)
    return workbook


def _check_unpacked_size(path: Path) -> None:
    """Refuse a workbook that says it unpacks to more than fits; zipfile reads no more than said."""
    with _told_in_chinese(path), zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > MAX_UNPACKED:
        raise TableError(
            f"{path}：解开有 {size / 2**30:.0f} GB，不像名单，没有读；行数很多的请另存为 CSV。"
        )


def _choose_sheet(path: Path, workbook: Any, name: str | None) -> Any:
    names = workbook.sheetnames
    if name is not None:
        if name not in names:
            raise TableError(f"{path}：没有工作表{shown(name)}，有的是：{'、'.join(names)}。")
        return workbook[name]
    visible = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    full = [sheet for sheet in visible if any(map(any, sheet.iter_rows(values_only=True)))]
    if len(full) != 1:
        many = "有几张工作表，请用 --sheet 指明一张" if full else "没有内容（隐藏的工作表不读）"
        raise TableError(f"{path}：{many}：{'、'.join(sheet.title for sheet in full or visible)}。")
    return full[0]


_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z0-9:]+)"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_OVERLAP = 200  # bytes; longer than either of them


def _scan(path: Path, sheet: Any) -> tuple[list[_Merged], bool]:
    """Return what a sheet read row by row does not tell: merged cells, and if it calculates."""
    found: set[bytes] = set()
    has_formulas = False
    # The reader keeps the place of the sheet's part to itself.
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path) as part:
        tail = b""
        for block in iter(lambda: part.read(BLOCK), b""):
            found.update(_MERGED.findall(tail + block))
            has_formulas = has_formulas or _FORMULA.search(tail + block) is not None
            tail = block[-_OVERLAP:]
    ranges = (range_boundaries(reference.decode()) for reference in found)
    return sorted(
        (_Merged(*bounds) for bounds in ranges), key=lambda m: (m.top, m.left)
    ), has_formulas


def _paired(sheet: Any, formulas: Any) -> Iterator[tuple[Sequence[Any], Sequence[Any]]]:
    """Yield each row of cells, and the same row of formulas where there are any."""
    for one in (sheet, formulas):
        if one is not None:
            one.reset_dimensions()  # what a file says about its size need not be so
    if formulas is None:
        return ((row, ()) for row in sheet.iter_rows())
    return zip(sheet.iter_rows(), formulas.iter_rows(), strict=True)


def _table(
    path: Path,
    sheet: Any,
    pairs: Iterator[tuple[Sequence[Any], Sequence[Any]]],
    merged: Sequence[_Merged],
    known: Known,
) -> Table:
    total = sheet.max_row or 0
    rows = _sheet_rows(pairs, merged)
    above = list(islice(rows, HEADER_WITHIN))
    header = _find_header([_spread(row, merged) for row in above], known, path)
    names = _trimmed(header.cells)
    done = header.line

    def below() -> Iterator[Row]:
        nonlocal done
        for row in chain(above, rows):
            done = row.line
            if row.line > header.line and "".join(row.cells).strip():
                yield row

    filled = [str(m) for m in merged if m.bottom > header.line and m.left <= len(names)]
    return Table(
        path=path,
        names=names,
        places=tuple(f"{get_column_letter(place)} 列" for place in range(1, len(names) + 1)),
        header_line=header.line,
        told=(f"工作表“{sheet.title}”。", *_told_of_merged(filled)),
        rows=_guarded(below(), path),
        progress=lambda: (done, max(total, done)),
    )


def _told_of_merged(filled: Sequence[str]) -> Iterator[str]:
    if filled:
        more = f"等 {len(filled)} 处" if len(filled) > NAMED_AT_ONCE else ""
        yield (
            f"有合并单元格：{'、'.join(filled[:NAMED_AT_ONCE])}{more}。一列里上下合并的，文字、日期"
            "每行都按它算；数不知道是一家的还是合计，横跨几列的不知道是哪一列的，这些行不判断。"
        )


def _guarded(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    """Yield rows; a workbook that breaks off in the middle is told as broken."""
    with _told_in_chinese(path):
        yield from rows


def _spread(row: Row, merged: Sequence[_Merged]) -> Row:
    """Return a row of the header, merged cells spread over all that they cover."""
    cells = list(row.cells)
    for m in merged:
        if m.top <= row.line <= m.bottom and m.left <= len(cells) and m.right > m.left:
            cells[m.left - 1 : m.right] = [cells[m.left - 1]] * (
                min(m.right, len(cells)) - m.left + 1
            )
    return Row(row.line, cells)


def _sheet_rows(
    pairs: Iterator[tuple[Sequence[Any], Sequence[Any]]], merged: Sequence[_Merged]
) -> Iterator[Row]:
    """Yield the rows of a sheet; what stands in a merged cell stands in all of its rows."""
    waiting = deque(merged)
    active: dict[_Merged, str] = {}
    for line, (row, formulas) in enumerate(pairs, start=1):
        cells, oddities = _read_cells(line, row, formulas)
        while waiting and waiting[0].top == line:
            m = waiting.popleft()
            active[m] = cells[m.left - 1] if m.left <= len(cells) else ""
        filled_in = any(cells)  # a row with nothing of its own is an empty one
        for m, value in list(active.items()):
            if m.bottom < line:
                del active[m]
                continue
            if not filled_in:
                continue
            cells.extend([""] * (m.left - len(cells)))
            cells[m.left - 1] = value
            oddities.extend(_merged_oddities(line, m, value))
        yield Row(line, cells, tuple(oddities))


def _merged_oddities(line: int, m: _Merged, value: str) -> Iterator[Oddity]:
    if not value:
        return
    if m.right == m.left:
        message = f"是合并单元格 {m} 里的数，不知道是每一家的还是合计；请拆开，各填各的。"
        yield Oddity(line, m.left - 1, message, filled=True)
        return
    for column in range(m.left - 1, m.right):
        yield Oddity(line, column, f"合并单元格 {m} 横跨几列，不知道是哪一列的；请拆开。")


def _read_cells(
    line: int, row: Sequence[Any], formulas: Sequence[Any]
) -> tuple[list[str], list[Oddity]]:
    cells: list[str] = []
    oddities: list[Oddity] = []
    for place, cell in enumerate(row):
        value = cell.value
        if value is None and place < len(formulas) and formulas[place].data_type == "f":
            message = "公式还没有算出结果；请用 Excel 打开这个文件，保存一次。"
            oddities.append(Oddity(line, place, message))
        if isinstance(value, int | float) and abs(value) >= 10**MAX_DIGITS:
            message = (
                f"数有 {MAX_DIGITS} 位以上，Excel 已经丢了后面的；请把这一列设成文本，重新填。"
            )
            oddities.append(Oddity(line, place, message))
        cells.append(value if isinstance(value, str) else _text(cell, value))
    return cells, oddities


def _text(cell: Any, value: Any) -> str:
    """Return what a cell holds as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, int | float):
        return str(value)
    number = Decimal(repr(value))
    if "%" in (cell.number_format or ""):
        return f"{plain(round(number * 100, 6))}%"
    return plain(round(number, 6))
