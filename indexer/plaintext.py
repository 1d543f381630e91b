"""Plain text (纯文字): bytes in whatever encoding → text, and text without odd spaces."""

import codecs
import re
from collections.abc import Sequence

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "big5": "big5hkscs"}
_COMMON = 0.7  # share of a Chinese text's Han characters that are in the 3,755 of everyday use
_FOREIGN = 0.3  # share of letters beyond ASCII from which text without Han is no text at all
_WRONG = 0.01  # share of characters that may be broken in a file still worth reading
_SAMPLE = 20_000  # characters by which an encoding is judged
_SPACES = re.compile(r"[ \t\xa0\u2002-\u200a\u202f]+")
_MARKS = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_BULLETS = dict.fromkeys(range(0xF06C, 0xF0D9), "•") | {0xF0FC: "√", 0xF0FE: "☑"}  # of fonts
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])


class Undecodable(Exception):
    """Bytes that are no text in any encoding that is used for Chinese."""


def decode(data: bytes, declared: str | None = None) -> str:
    """Return the text of a file; what it says of its encoding is believed only if it fits."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    texts = [text for name in _names(data, declared) if (text := _decoded(data, name)) is not None]
    fitting = [text for text in texts if _reads_as_chinese(text)]
    if not texts:
        return _decode_broken(data)
    return (fitting or texts)[0]


def tidy(text: str) -> str:
    """Return text without marks nobody sees, with single spaces, and none around its lines."""
    text = text.translate(_MARKS).translate(_CONTROLS).translate(_BULLETS)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_SPACES.sub(" ", line).strip(" \u3000") for line in lines).strip("\n \u3000")


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Return all the text of a table: a line for each row, a tab between cells."""
    lines = ("\t".join(cell.replace("\n", " ") for cell in row).rstrip("\t") for row in rows)
    return "\n".join(line for line in lines if line)


def squeezed(text: str) -> str:
    """Return text without any space, for what counts is which characters are there."""
    return "".join(text.translate(_MARKS).translate(_CONTROLS).split())


def _names(data: bytes, declared: str | None) -> list[str]:
    """Return encodings in the order to try; text that reads as UTF-8 hardly ever is another."""
    told = (declared or "").strip().lower()
    wide = [] if len(data) % 2 else ["utf-16-le", "utf-16-be"]
    names = ["utf-8", _WIDER.get(told, told), "gb18030", *wide, "big5hkscs"]
    return list(dict.fromkeys(name for name in names if name and _is_known(name)))


def _is_known(name: str) -> bool:
    try:
        return codecs.lookup(name).name not in ("utf-7", "idna", "punycode", "unicode_escape")
    except LookupError:
        return False


def _decoded(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, LookupError, TypeError, AttributeError):
        return None


def _reads_as_chinese(text: str) -> bool:
    """Tell whether the Han characters are mostly everyday ones; Latin text may be right too."""
    if "\0" in text:
        return False
    sample = [c for c in text[:_SAMPLE] if ord(c) > 127]
    han = [c for c in sample if "\u3400" <= c <= "\u9fff"]
    if not han:
        return len(sample) < _FOREIGN * len(text[:_SAMPLE])
    return sum(map(_is_everyday, han)) >= _COMMON * len(han) and len(han) * 2 >= len(sample)


def _is_everyday(char: str) -> bool:
    """Tell whether a character is of the first level of GB 2312 or of Big5."""
    for encoding, first, last in (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6)):
        code = char.encode(encoding, errors="ignore")
        if len(code) == 2 and first <= code[0] <= last:
            return True
    return False


def _decode_broken(data: bytes) -> str:
    """Return the text of a file in which a few characters are broken; � stands for them."""
    texts = [data.decode(name, errors="replace") for name in ("utf-8", "gb18030", "big5hkscs")]
    best = min(texts, key=lambda text: text.count("\ufffd"))
    if best.count("\ufffd") > max(1, _WRONG * len(best)):
        raise Undecodable
    return best
