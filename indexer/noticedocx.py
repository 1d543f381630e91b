"""Notices as Word files, for offices that add their own lines before they print."""

# mypy: disable-error-code="no-untyped-call"
# python-docx is typed only in part.

import io
import zipfile
from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

import segno
from docx import Document
from docx.document import Document as Paper
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from indexer.notice import COPIES, SIGNATURES, STUB, Notice, Row, in_chinese

FONT = "宋体"  # every Word has it; LibreOffice takes the Chinese font that it finds
SIZE, SMALL = Pt(10), Pt(8)
_WHEN = (1980, 1, 1, 0, 0, 0)  # of every part of the file, so that one notice is one file


def render_docx(notice: Notice) -> bytes:
    """Return the sheet as a Word file: both copies, each with its own page numbers, and the stub.

    The same notice gives the same bytes.
    """
    paper = Document()
    _set_up(paper, notice)
    for number, (copy, hint) in enumerate(COPIES.items()):
        if number:
            paper.add_section(WD_SECTION.NEW_PAGE)
        _number_pages(paper, copy)
        _write_copy(paper, notice, copy, hint)
    _write_stub(paper, notice)
    file = io.BytesIO()
    paper.save(file)
    return _without_times(file.getvalue())


def _set_up(paper: Paper, notice: Notice) -> None:
    """Set paper size and fonts; the properties say what the file is and when it was told."""
    section = paper.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(14)
    section.top_margin, section.bottom_margin = Mm(13), Mm(15)
    style: Any = paper.styles["Normal"]
    style.font.name, style.font.size = FONT, SIZE
    style.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    style.paragraph_format.space_after = style.paragraph_format.space_before = Pt(0)
    about = paper.core_properties
    about.title, about.author, about.comments = f"一次告知单：{notice.title}", "", notice.code
    about.created = about.modified = datetime.combine(notice.day, time())
    about.language, about.last_modified_by, about.revision = "zh-CN", "", 1


def _write_copy(paper: Paper, notice: Notice, copy: str, hint: str) -> None:
    title, code = _columns(paper, Mm(150), Mm(32)).add_row().cells
    _write(title, "一次告知单", bold=True, size=Pt(18), centred=True)
    _write(title, notice.title, bold=True, size=Pt(13), centred=True)
    _write(title, f"{copy}（{hint}）", size=SMALL, centred=True)
    if notice.link:
        _draw_code(code, notice.link)
    _write(paper, notice.summary)
    if notice.warning:
        _write(paper, notice.warning, bold=True)
    for answer in notice.answers:
        _write(paper, answer, bold=True)
    _write_table(paper, notice)
    for line in SIGNATURES:
        _write(paper, line, before=Pt(8))
    for line in notice.about.values():
        _write(paper, line, size=SMALL)
    _write(paper, f"（{copy}到此为止）", size=SMALL, centred=True)


def _write_table(paper: Paper, notice: Notice) -> None:
    table = _columns(paper, Mm(26), Mm(156))
    table.style = "Table Grid"
    for section in notice.shown_sections():
        title, rows = table.add_row().cells
        _fill(title.paragraphs[0], section.title, bold=True)
        _write_rows(rows, section.rows)


def _columns(paper: Paper, *widths: Mm) -> Table:
    """Add a table with columns of these widths, which Word reads off cells, others off columns."""
    table: Table = paper.add_table(rows=0, cols=len(widths))
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    return table


def _write_rows(cell: _Cell, rows: Iterable[Row]) -> None:
    for number, row in enumerate(rows, start=1):
        paragraph = cell.paragraphs[0] if number == 1 else cell.add_paragraph()
        paragraph.paragraph_format.keep_together = True
        paragraph.paragraph_format.keep_with_next = bool(row.notes)
        name, rest = row.line, ""
        if row.name:
            at = row.line.index(row.name) + len(row.name)
            name, rest = row.line[:at], row.line[at:]
        _fill(paragraph, f"{number}. {name}", bold=bool(row.name))
        if rest:
            _fill(paragraph, rest)
        if row.notes:
            small = cell.add_paragraph()
            small.paragraph_format.left_indent = Mm(5)
            _fill(small, row.note, size=SMALL)


def _write_stub(paper: Paper, notice: Notice) -> None:
    line = _write(paper, "沿虚线剪下，窗口留存", size=SMALL, centred=True, before=Pt(16))
    _draw_line_above(line)
    _write(paper, f"一次告知存根：{notice.title}", bold=True, size=Pt(11))
    for answer in notice.answers:
        _write(paper, answer)
    _write(paper, f"告知日期：{in_chinese(notice.day)}　核验码：{notice.code}")
    for row in STUB:
        _write(paper, row, before=Pt(6))


def _write(
    place: Paper | _Cell,
    text: str,
    *,
    bold: bool = False,
    size: Pt = SIZE,
    centred: bool = False,
    before: Pt | None = None,
) -> Paragraph:
    # A new cell has a paragraph already.
    is_new = isinstance(place, _Cell) and not place.text
    paragraph = place.paragraphs[0] if is_new else place.add_paragraph()
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    if before is not None:
        paragraph.paragraph_format.space_before = before
    _fill(paragraph, text, bold=bold, size=size)
    return paragraph


def _fill(paragraph: Paragraph, text: str, *, bold: bool = False, size: Pt = SIZE) -> None:
    run = paragraph.add_run(text)
    run.bold, run.font.size = bold, size


def _draw_code(cell: _Cell, link: str) -> None:
    """Add the QR code of a link."""
    picture = io.BytesIO()
    segno.make(link, error="m").save(picture, kind="png", scale=6, border=2)
    picture.seek(0)
    cell.paragraphs[0].add_run().add_picture(picture, width=Mm(26))


def _draw_line_above(paragraph: Paragraph) -> None:
    borders = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in {"val": "dashed", "sz": "6", "space": "6", "color": "000000"}.items():
        top.set(qn(f"w:{name}"), value)
    borders.append(top)
    paragraph._p.get_or_add_pPr().append(borders)


def _number_pages(paper: Paper, copy: str) -> None:
    """Number the pages of a copy from 1, in its own foot."""
    section = paper.sections[-1]
    start = OxmlElement("w:pgNumType")
    start.set(qn("w:start"), "1")
    section._sectPr.append(start)
    section.footer.is_linked_to_previous = False
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _fill(foot, f"{copy}　第 ", size=SMALL)
    _insert_field(foot, "PAGE")
    _fill(foot, " 页", size=SMALL)


def _insert_field(paragraph: Paragraph, name: str) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), name)
    run = paragraph.add_run()
    run.font.size = SMALL
    text = OxmlElement("w:t")
    text.text = "1"
    run._r.append(text)
    field.append(run._r)
    paragraph._p.append(field)


def _without_times(data: bytes) -> bytes:
    """Return a Word file whose parts all tell the same moment."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as given,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as kept,
    ):
        for name in given.namelist():
            part = zipfile.ZipInfo(name, _WHEN)
            part.compress_type = zipfile.ZIP_DEFLATED
            kept.writestr(part, given.read(name))
    return file.getvalue()
