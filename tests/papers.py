"""Real files of the kinds that offices send, made for a test: docx, doc, pdf, html."""

import io
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pypdfium2
from bs4 import BeautifulSoup
from legacy_doc import extract_text

from indexer.filereading import read_transcript
from indexer.plaintext import squeezed
from indexer.transcript import Transcript

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CORE = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
_NAMESPACES = " ".join(
    (
        f'xmlns:w="{W}" xmlns:r="{_OFFICE}" xmlns:v="urn:schemas-microsoft-com:vml"',
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"',
        'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"',
    )
)


# Word.


def run(text: str, look: str = "") -> str:
    """A run (一段同样的字) of a paragraph; `look` is what its properties hold."""
    return f'<w:r><w:rPr>{look}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def paragraph(*inside: str, look: str = "") -> str:
    """A paragraph of runs, or of plain text."""
    runs = (part if part.startswith("<") else run(part) for part in inside)
    return f"<w:p><w:pPr>{look}</w:pPr>{''.join(runs)}</w:p>"


def listed(text: str, number: int, level: int = 0) -> str:
    """A paragraph that Word numbers."""
    place = f'<w:ilvl w:val="{level}"/><w:numId w:val="{number}"/>'
    return paragraph(text, look=f"<w:numPr>{place}</w:numPr>")


def table(*rows: Sequence[str]) -> str:
    """A table; a cell is text, or the XML of what stands in it, with its properties."""
    lines = ("".join(map(_cell, row)) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{line}</w:tr>" for line in lines) + "</w:tbl>"


def _cell(inside: str) -> str:
    return f"<w:tc>{inside if inside.startswith('<') else paragraph(inside)}</w:tc>"


def part(root: str, inside: str) -> str:
    """One part of a docx file."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return f"{head}<w:{root} {_NAMESPACES}>{inside}</w:{root}>"


def make_docx(
    body: str, parts: Mapping[str, str | bytes] | None = None, relations: str = ""
) -> bytes:
    """A docx file with this body, and other parts by their names under word/."""
    others = dict(parts or {})
    named = {
        "[Content_Types].xml": _content_types(others),
        "_rels/.rels": _relations(
            (("officeDocument", "word/document.xml"), (_CORE, "docProps/core.xml"))
        ),
        "word/_rels/document.xml.rels": _relations(
            ((re.sub(r"\d*\.xml$", "", name), name) for name in others if "/" not in name),
            relations,
        ),
        "word/document.xml": part("document", f"<w:body>{body}</w:body>"),
        **{name if "/" in name else f"word/{name}": text for name, text in others.items()},
    }
    return make_zip(named)


def _content_types(parts: Iterable[str]) -> str:
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    kinds = "".join(
        f'<Override PartName="/word/{name}" ContentType="{main}.{name[:-4]}+xml"/>'
        for name in parts
        if "/" not in name
    )
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}.document.main+xml"/>'
        f"{kinds}</Types>"
    )


def _relations(named: Iterable[tuple[str, str]], more: str = "") -> str:
    nodes = (
        f'<Relationship Id="rId{at}" Type="{kind if "/" in kind else f"{_OFFICE}/{kind}"}"'
        f' Target="{target}"/>'
        for at, (kind, target) in enumerate(named)
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{space}">{"".join(nodes)}{more}</Relationships>'


def make_zip(named: Mapping[str, str | bytes]) -> bytes:
    """A zip file with these files in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in named.items():
            packed.writestr(name, content)
    return file.getvalue()


def make_doc(*paragraphs: str, encrypted: bool = False) -> bytes:
    """A doc file as Word 97 writes it: the text, and the table of its pieces."""
    text = "".join(f"{line}\r" for line in paragraphs)
    letters, start = text.encode("utf-16-le"), 0x800
    pieces = struct.pack("<2IHIH", 0, len(text), 0, start, 0)
    pieces_table = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    flags = 0x0200 | (0x0100 if encrypted else 0)
    base = struct.pack(
        "<6HIBB4H2I",
        0xA5EC,
        0xC1,
        0,
        0x804,
        0,
        flags,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        start,
        start + len(letters),
    )
    base = base[:0x18] + struct.pack("<2I", start, start + len(letters))
    counts = [start + len(letters), 0, 0, len(text), *[0] * 18]
    places = [(0, 0)] * 93
    places[33] = (0, len(pieces_table))
    fib = base + struct.pack("<H14H", 14, *[0] * 14) + struct.pack("<H22I", 22, *counts)
    fib += struct.pack("<H186I", 93, *(number for place in places for number in place))
    fib += struct.pack("<H", 0)
    return make_ole({"1Table": pieces_table, "WordDocument": fib.ljust(start, b"\0") + letters})


def make_ole(streams: Mapping[str, bytes]) -> bytes:
    """A file of the old Office with these streams, none longer than some tens of kilobytes."""
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    names = sorted(streams, key=lambda name: (len(name), name.upper()))
    sheets = -(-(len(names) + 1) // 4)
    chain, data, entries = [0xFFFFFFFD], b"", [_entry("Root Entry", 5, free, 1, end, 0)]
    chain += [*range(2, sheets + 1), end]
    for at, name in enumerate(names, 1):
        content = streams[name].ljust(4096, b"\0")  # shorter ones would stand elsewhere
        content = content.ljust(-(-len(content) // sector) * sector, b"\0")
        first, count = len(chain), len(content) // sector
        after = at + 1 if at < len(names) else free
        entries.append(_entry(name, 2, after, free, first, len(content)))
        chain += [*range(first + 1, first + count), end]
        data += content
    assert len(chain) <= 128
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<5H6x9I", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0)
    head += struct.pack("<109I", 0, *[free] * 108)
    directory = b"".join(entries).ljust(sheets * sector, b"\0")
    table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))
    return head + table + directory + data


def _entry(name: str, kind: int, right: int, child: int, first: int, size: int) -> bytes:
    written = name.encode("utf-16-le") + b"\0\0"
    free = 0xFFFFFFFF
    return written.ljust(64, b"\0") + struct.pack(
        "<HBB3I16xI16xIQ", len(written), kind, 1, free, right, child, 0, first, size
    )


# PDF.


@dataclass(frozen=True)
class Text:
    """Letters on a page: where they begin, in points from the bottom left, and how they look."""

    x: float
    y: float
    text: str
    size: float = 16
    grey: float = 0
    slant: float = 0


@dataclass(frozen=True)
class Rule:
    """A straight line on a page."""

    x0: float
    y0: float
    x1: float
    y1: float


Drawn = Text | Rule


def make_pdf(*pages: Sequence[Drawn], picture: bool = False, more: str = "") -> bytes:
    """A PDF file of A4 pages in the Song font that every reader has."""
    fixed = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "",
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H"
        "/DescendantFonts[4 0 R]>>",
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/DW 1000/W[1 95 500]"
        "/FontDescriptor 5 0 R>>",
        "<</Type/FontDescriptor/FontName/STSong-Light/Flags 4/FontBBox[0 -200 1000 900]"
        "/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 700/StemV 80>>",
        "<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray"
        "/BitsPerComponent 8/Length 1>>stream\n0\nendstream",
    ]
    objects, kids = [*fixed], []
    for page in pages:
        content = "\n".join(map(_drawn, page)) + (
            "\nq 500 0 0 700 50 50 cm /I Do Q" if picture else ""
        )
        objects.append(f"<</Length {len(content)}>>stream\n{content}\nendstream")
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {len(objects)} 0 R"
            "/Resources<</Font<</F 3 0 R>>/XObject<</I 6 0 R>>>>>>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>"
    return write_pdf(objects, more)


def write_pdf(objects: Sequence[str], more: str = "") -> bytes:
    """A PDF file of these objects; `more` stands in its trailer."""
    file, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    table += "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"trailer<</Size {len(objects) + 1}/Root 1 0 R{more}>>\nstartxref\n{len(file)}\n%%EOF"
    return file + (table + trailer).encode()


def _drawn(thing: Drawn) -> str:
    if isinstance(thing, Rule):
        return f"{thing.x0} {thing.y0} m {thing.x1} {thing.y1} l S"
    turn = thing.slant
    matrix = f"{1 - turn / 2} {turn} {-turn} {1 - turn / 2} {thing.x} {thing.y}"
    letters = thing.text.encode("utf-16-be").hex()
    return f"BT {thing.grey} g /F {thing.size} Tf {matrix} Tm <{letters}> Tj ET"


def drawn_table(
    x: float, y: float, widths: Sequence[float], rows: Sequence[Sequence[str]]
) -> list[Drawn]:
    """A table drawn with lines, as PDF knows none."""
    height, things = 30.0, list[Drawn]()
    edges = [x + sum(widths[:at]) for at in range(len(widths) + 1)]
    for at in range(len(rows) + 1):
        things.append(Rule(edges[0], y - at * height, edges[-1], y - at * height))
    things += [Rule(edge, y, edge, y - len(rows) * height) for edge in edges]
    for at, row in enumerate(rows):
        things += [
            Text(edge + 5, y - at * height - 20, cell, 12)
            for edge, cell in zip(edges, row, strict=False)
        ]
    return things


# What stands in a file by other means, to compare with.


def text_of_docx(data: bytes) -> str:
    """All letters in the text, notes, comments and margins of a docx file."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = re.compile(r"word/(document|(foot|end)notes|comments|header\d*|footer\d*)\.xml")
        parts = [packed.read(name).decode() for name in packed.namelist() if names.match(name)]
    inside = re.sub(r"<mc:Fallback>.*?</mc:Fallback>", "", "".join(parts), flags=re.DOTALL)
    return "".join(re.findall(r"<w:(?:t|delText)(?: [^>]*)?>([^<]*)<", inside))


def text_of_pdf(data: bytes) -> str:
    """All letters of a PDF file as another library finds them."""
    file = pypdfium2.PdfDocument(data)
    pages = [page.get_textpage().get_text_bounded() for page in file]
    file.close()
    return "".join(pages)


def text_of_html(data: bytes) -> str:
    """All letters of a page as another library finds them."""
    body = BeautifulSoup(data, "html.parser").body
    return str(body.get_text()) if body else ""


def text_of_doc(data: bytes) -> str:
    """All letters of a doc file as another library finds them."""
    return str(extract_text(data).text)


def lost(plain: str, read: Transcript) -> str:
    """The letters of a file that are neither in the blocks of its transcript nor left out."""
    cells = (cell for block in read.blocks for row in block.rows for cell in row)
    kept = "".join((*(block.text for block in read.blocks), *read.left_out))
    assert Counter(squeezed("".join(cells))) <= Counter(squeezed(kept))
    return "".join((Counter(squeezed(plain)) - Counter(squeezed(kept))).elements())


def read_file(folder: Path, name: str, data: bytes) -> Transcript:
    """Read a file with this content as somebody would who was sent it."""
    path = folder / name
    path.write_bytes(data)
    return read_transcript(path)


def texts(read: Transcript) -> list[str]:
    return [block.text for block in read.blocks]
