"""Notices as HTML: for the page of an item, and as a file that stands alone and is printed."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from indexer.notice import BLANK, COPIES, SIGNATURES, STUB, Notice, Row, Section
from indexer.situations import options_of

_LEFT_TO_THE_PAGE = {"day": f"告知日期：{BLANK}", "code": f"核验码：{BLANK}", "link": ""}
TEMPLATES = Path(__file__).parent / "templates"


def render_file(notice: Notice) -> str:
    """Return a whole HTML document that needs nothing else."""
    return (
        printed_templates()
        .get_template("file.html")
        .render(notice=notice, style=notice_style(), sheet=render_sheet(notice))
    )


def render_sheet(notice: Notice, *, every: bool = False) -> str:
    """Return the printed sheet: both copies and the stub.

    With `every`, the parts that do not apply are there as well, hidden, each with the places of the
    options it is for, so that a page can show them when something else is ticked; day and code are
    left to it too.
    """
    return (
        printed_templates()
        .get_template("notice.html")
        .render(
            notice=notice,
            sections=list(_sections(notice, every)),
            every=every,
            copies=COPIES,
            signatures=SIGNATURES,
            stub=STUB,
            about=notice.about | (_LEFT_TO_THE_PAGE if every else {}),
            qr=_qr_code(notice.link),
        )
    )


@cache
def notice_style() -> str:
    """Return the style of a notice, on screen and on paper."""
    return (TEMPLATES / "notice.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Line:
    """A row as the template wants it."""

    row: Row
    number: int
    shown: bool
    otherwise: bool
    options: str

    def __getattr__(self, name: str) -> object:
        return getattr(self.row, name)


@dataclass(frozen=True)
class _Part:
    """A section as the template wants it."""

    key: str
    title: str
    rows: list[_Line]

    @property
    def shown(self) -> bool:
        return any(line.shown for line in self.rows)


def _sections(notice: Notice, every: bool) -> Iterator[_Part]:
    for section in notice.sections:
        lines = list(_lines(notice, section))
        part = _Part(section.key, section.title, lines if every else [x for x in lines if x.shown])
        if part.rows:
            yield part


def _lines(notice: Notice, section: Section) -> Iterator[_Line]:
    options = options_of(notice.situations)
    number = 0
    for row in section.rows:
        shown = notice.applies(row)
        number += shown
        places = " ".join(str(options.index(option)) for option in row.situation)
        yield _Line(row, number or 1, shown, False, places)
    for place, row in enumerate(section.otherwise, start=1):
        yield _Line(row, place, number == 0, True, "")


def _qr_code(link: str) -> str:
    if not link:
        return ""
    file = io.BytesIO()
    segno.make(link, error="m").save(
        file, kind="svg", border=2, xmldecl=False, svgns=True, omitsize=True, title="网址的二维码"
    )
    return file.getvalue().decode()


@cache
def printed_templates() -> Environment:
    """Return the templates of what is printed, which escape whatever is put in."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
