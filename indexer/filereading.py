"""Reading files that somebody sent (读文件): bytes → transcript, in bounded time and memory."""

import io
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from indexer.headings import shape_blocks
from indexer.labels import (
    is_furniture,
    list_attachments,
    split_contents,
    split_labels,
    without_bookmarks,
)
from indexer.plaintext import tidy
from indexer.transcript import Block, Link, Shape, Transcript, Unreadable

if sys.platform != "win32":
    import resource

MAX_BYTES = 50 * 2**20
MAX_TEXT_BYTES = 10 * 2**20  # of a page or text, which has no pictures in it
MAX_TEXT = 3_000_000  # characters; the longest laws have a tenth
MAX_MEMORY = 2**30  # bytes
PATIENCE = 90  # seconds; a PDF page of text takes a fifth of one
_EDGE = 5  # blocks at the top and the end, where copied pages have their buttons
_HEAD = 4096  # bytes in which a file says what it is


class Kind(StrEnum):
    """The kinds of files that can be read."""

    DOCX = "docx"
    DOC = "doc"
    PDF = "pdf"
    HTML = "html"
    MHTML = "mhtml"
    TXT = "txt"
    MD = "md"


_MODULES = {
    Kind.DOCX: "wordfiles",
    Kind.DOC: "wordfiles",
    Kind.PDF: "pdffiles",
    Kind.HTML: "webfiles",
    Kind.MHTML: "webfiles",
    Kind.TXT: "textfiles",
    Kind.MD: "textfiles",
}
_SHOWN = {
    Kind.DOCX: " Word ",
    Kind.DOC: " Word ",
    Kind.PDF: " PDF ",
    Kind.HTML: "网页",
    Kind.MHTML: "网页",
    Kind.TXT: "文本",
    Kind.MD: "文本",
}
_AS_DOCX = "请用 Word 或 WPS 打开，另存为 .docx。"
_AS_TEXT = "请先用文字识别（OCR）软件转成 Word 或文本，核对后再导入。"
_UNPACK = "请先解压，再一个一个地导入里面的文件。"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STARTS = (
    (b"\x89PNG", f"这是图片（PNG），没有文字。{_AS_TEXT}"),
    (b"\xff\xd8\xff", f"这是图片（JPG），没有文字。{_AS_TEXT}"),
    (b"GIF8", f"这是图片（GIF），没有文字。{_AS_TEXT}"),
    (b"II*\0", f"这是图片（TIFF），没有文字。{_AS_TEXT}"),
    (b"MM\0*", f"这是图片（TIFF），没有文字。{_AS_TEXT}"),
    (b"BM", f"这是图片（BMP），没有文字。{_AS_TEXT}"),
    (b"Rar!", f"这是压缩包（RAR）。{_UNPACK}"),
    (b"7z\xbc\xaf", f"这是压缩包（7z）。{_UNPACK}"),
    (b"\x1f\x8b", f"这是压缩包（gzip）。{_UNPACK}"),
    (b"{\\rtf", f"这是 RTF 文件。{_AS_DOCX}"),
    (b"MZ", "这是 Windows 程序，不是文件，没有读。如果是别人发来的，不要打开它。"),
    (b"\x7fELF", "这是程序，不是文件，没有读。"),
    (b"%!PS", "这是 PostScript 文件，请另存为 PDF。"),
    (b"CAJ", "这是 CAJ 文件，请用 CAJViewer 打开，另存为 PDF。"),
    (b"HN\0\0", "这是 CAJ 文件，请用 CAJViewer 打开，另存为 PDF。"),
)
_ZIPPED = (
    ("word/", Kind.DOCX),
    (
        "xl/",
        "这是 Excel 表格。请把正文另存为 .docx，表格作为附件。",
    ),
    ("ppt/", "这是 PowerPoint 文件。请把文字复制到 Word 里，另存为 .docx。"),
    ("OFD.xml", "这是 OFD 版式文件。请用 OFD 阅读器打开，另存为 PDF；最好向发文单位要 Word 原件。"),
    ("content.xml", f"这是 OpenDocument（ODF）文件。{_AS_DOCX}"),
)
_STREAMS = (
    ("WordDocument", Kind.DOC),
    ("EncryptedPackage", "这个文件加了密码，请用 Word 或 WPS 输入密码打开，取消密码后再保存一份。"),
    ("Workbook", "这是 Excel 表格。请把正文另存为 .docx，表格作为附件。"),
    ("Book", "这是 Excel 表格。请把正文另存为 .docx，表格作为附件。"),
    ("PowerPoint Document", "这是 PowerPoint 文件。请把文字复制到 Word 里，另存为 .docx。"),
)
_EMPTY = "这个文件是空的，没有内容。请重新下载，或者向发文单位再要一份。"
_LARGE = "这个文件有 {} MB，一次最多读 {} MB。请去掉里面的图片，或者拆成几份。"
_LONG = "这个文件的文字太多（{}），不像是一份文件。请只留要导入的那一份，另存为一个文件。"
_SLOW = "这个{}文件 {} 秒还没有读完，没有再等。请用 Word 或浏览器打开它，另存为一份新的再导入。"
_BROKEN = "这个{}文件坏了，或者没有下载完整，读不出来。请重新下载，或者打开后另存为一份新的。"
_HUGE = "这个{}文件读起来要的内存太多，没有再读。请去掉里面的图片，或者拆成几份。"
_WORDLESS = (
    "这个{}文件里没有正文，也许只有图，也许要联网才显示。请把文字复制出来，存成 .txt 或 .docx。"
)
_MISSING = "没有装读{}文件要用的 {}，请在政策库的文件夹里运行 {} -m pip install -e '.[import]'。"
_UNKNOWN = "认不出这是什么文件。能读的有 .docx、.doc、.pdf、.html、.txt、.md。"
_TAGS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<meta")


def read_transcript(path: Path) -> Transcript:
    """Return what stands in a file; raise Unreadable with what to do where none can be read.

    What kind it is, its bytes tell, not its name. It is read in a process of its own, which is
    stopped when it takes too long or too much memory: the libraries are not made for hostile files.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            shown = path.stat().st_size // 2**20
            raise Unreadable(_LARGE.format(shown, MAX_BYTES // 2**20))
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"打不开这个文件：{error.strerror}。") from None
    kind = find_kind(data, path.name)
    if kind in (Kind.HTML, Kind.TXT, Kind.MD) and len(data) > MAX_TEXT_BYTES:
        raise Unreadable(_LONG.format(f"{len(data) // 2**20} MB"))
    return _read_apart(data, path.name, kind)


def find_kind(data: bytes, name: str) -> Kind:
    """Return what kind of file this is by its bytes; only Markdown goes by its name."""
    if not data.strip(b"\0 \r\n\t"):
        raise Unreadable(_EMPTY)
    if b"%PDF-" in data[:1024]:
        return Kind.PDF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(data)
    if data.startswith(_OLE):
        return _kind_of_ole(data)
    for start, message in _STARTS:
        if data.startswith(start):
            raise Unreadable(message)
    return _kind_of_text(data, name)


def _kind_of_zip(data: bytes) -> Kind:
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise Unreadable(_BROKEN.format("")) from None
    for start, kind in _ZIPPED:
        if any(name.startswith(start) for name in names):
            return _kind_or_refuse(kind)
    raise Unreadable(f"这是压缩包（ZIP）。{_UNPACK}")


def _kind_of_ole(data: bytes) -> Kind:
    """Return the kind of a file of the old Office, by the streams that its directory names."""
    for stream, kind in _STREAMS:
        name = stream.encode("utf-16-le") + b"\0\0"
        if any(_is_entry(data, at, len(name)) for at in _places(data, name)):
            return _kind_or_refuse(kind)
    raise Unreadable(_UNKNOWN)


def _places(data: bytes, name: bytes) -> list[int]:
    places, at = list[int](), data.find(name)
    while at >= 0 and len(places) < 100:
        places.append(at)
        at = data.find(name, at + 1)
    return places


def _is_entry(data: bytes, at: int, length: int) -> bool:
    """Tell whether a name stands in a directory entry: 128 bytes, the length after 64."""
    return at % 128 == 0 and data[at + 64 : at + 66] == length.to_bytes(2, "little")


def _kind_or_refuse(kind: Kind | str) -> Kind:
    if isinstance(kind, Kind):
        return kind
    raise Unreadable(kind)


def _kind_of_text(data: bytes, name: str) -> Kind:
    head = data[:_HEAD].replace(b"\0", b"").lower()
    if b'progid="word.document"' in head or b"schemas.microsoft.com/office/word/2003" in head:
        raise Unreadable(f"这是 Word 2003 的 XML 文件。{_AS_DOCX}")
    if b"mime-version:" in head and b"multipart/related" in head:
        return Kind.MHTML
    named_md = name.lower().endswith((".md", ".markdown"))
    if any(tag in head for tag in _TAGS) or (
        not named_md and re.match(rb"(?:\xef\xbb\xbf)?\s*<[a-z]", head)
    ):
        return Kind.HTML
    return Kind.MD if named_md else Kind.TXT


# In a process of its own.


@dataclass(frozen=True)
class _Answer:
    """What the other process sends: a transcript, or why there is none."""

    transcript: Transcript | None = None
    reason: str = ""


_ANSWERS = TypeAdapter(_Answer)


def _read_apart(data: bytes, name: str, kind: Kind) -> Transcript:
    with tempfile.TemporaryDirectory(prefix="policykb-", ignore_cleanup_errors=True) as folder:
        try:
            done = subprocess.run(  # noqa: S603 - this Python, and this module
                [sys.executable, "-P", "-m", __name__, kind, name],
                input=data,
                capture_output=True,
                timeout=PATIENCE,
                env=_surroundings(folder),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unreadable(_SLOW.format(_SHOWN[kind], PATIENCE)) from None
    try:
        answer = _ANSWERS.validate_json(done.stdout)
    except ValidationError:
        raise Unreadable(_BROKEN.format(_SHOWN[kind])) from None
    if answer.transcript is None:
        raise Unreadable(answer.reason)
    return answer.transcript


def _surroundings(folder: str) -> Mapping[str, str]:
    """Return the environment of the process: the same modules, and a folder of its own."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    own = {"PYTHONPATH": paths, "TMPDIR": folder, "TEMP": folder, "TMP": folder}
    return MappingProxyType({**os.environ, **own, "PYTHONUTF8": "1"})


def main() -> None:
    """Read the file on standard input, and write what is in it as JSON."""
    kind, name = Kind(sys.argv[1]), sys.argv[2]
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _limit()
    data = sys.stdin.buffer.read()
    output.write(_ANSWERS.dump_json(_answer(data, name, kind)))
    output.close()


def _limit() -> None:
    """Let this process have only so much memory and time, where the system can see to it."""
    if sys.platform == "win32":
        return
    for limit, most in (
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_CPU, PATIENCE),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))


def _answer(data: bytes, name: str, kind: Kind) -> _Answer:
    try:
        transcript = settle(_reader(kind)(data, name))
    except Unreadable as error:
        return _Answer(reason=str(error))
    except ModuleNotFoundError as error:
        return _Answer(reason=_MISSING.format(_SHOWN[kind], error.name, sys.executable))
    except MemoryError:
        return _Answer(reason=_HUGE.format(_SHOWN[kind]))
    except Exception:  # a broken file may make a library stumble anywhere
        return _Answer(reason=_BROKEN.format(_SHOWN[kind]))
    if not transcript.blocks:
        return _Answer(reason=_WORDLESS.format(_SHOWN[kind]))
    if (letters := sum(len(block.text) for block in transcript.blocks)) > MAX_TEXT:
        return _Answer(reason=_LONG.format(f"{letters // 10_000} 万字"))
    return _Answer(transcript)


def _reader(kind: Kind) -> Callable[[bytes, str], Transcript]:
    """Return the reader of a kind; no other one is loaded, for each brings its libraries."""
    module = import_module(f"indexer.{_MODULES[kind]}")
    reader: Callable[[bytes, str], Transcript] = getattr(module, f"read_{kind}")
    return reader


def settle(read: Transcript) -> Transcript:
    """Return a transcript with what all kinds have in common found in it.

    Bookmarks of editors and contents go, lines of labels become labels, numbered lines headings
    or items, and the files named after “附件：” attachments.
    """
    blocks, left_out = list[Block](), list(read.left_out)
    for place, block in enumerate(read.blocks):
        text, marks = without_bookmarks(block.text)
        left_out += marks
        at_edge = min(place, len(read.blocks) - 1 - place) < _EDGE
        at_edge = at_edge and block.shape is Shape.PARAGRAPH
        if not text.strip("\ufffd \n") or (at_edge and is_furniture(text)):
            left_out.append(text)
        else:
            blocks.append(replace(block, text=tidy(text)) if marks else block)
    kept, contents = split_contents(blocks)
    kept, labels, lines = split_labels(kept)
    listed = (f"目录：{line}" for line in contents)
    return replace(
        read,
        blocks=shape_blocks(kept),
        labels={**labels, **read.labels},
        attachments=_merged(read.attachments, list_attachments(kept)),
        left_out=tuple(filter(None, (*left_out, *listed, *lines))),
    )


def _merged(linked: tuple[Link, ...], named: tuple[Link, ...]) -> tuple[Link, ...]:
    """Return the attachments with addresses, and those only named that are none of them."""
    names = " ".join(link.name for link in linked)
    return (*linked, *(link for link in named if link.name not in names))


if __name__ == "__main__":
    main()
