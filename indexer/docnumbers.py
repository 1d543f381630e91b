"""Document numbers (文号): how they look, whatever brackets and blanks they are written with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.chinesedates import narrow

_OPEN, _CLOSE = "〔\\[［【(（﹝〈{｛", "〕\\]］】)）﹞〉}｝"
_YEAR = "(?P<year>(?:19|20)[0-9]{2})"
_COUNT = "[0-9]{1,5}"
_ORDINAL = "(?:[0-9]{1,4}|[一二三四五六七八九十百〇零○]{1,6})"
LONGEST_MARK = 24
_NAME = "[\u4e00-\u9fff]"
_LETTERS = re.compile(
    rf"(?P<mark>{_NAME}[\u4e00-\u9fffA-Za-z]{{0,24}})\s*[{_OPEN}]\s*{_YEAR}\s*年?\s*[{_CLOSE}]"
    rf"\s*第?\s*(?P<number>{_COUNT})\s*号"
)
_DECREE = re.compile(
    rf"(?P<body>{_NAME}{{2,40}})令\s*[{_OPEN}]?\s*(?P<count>(?:第\s*{_ORDINAL}|[0-9]{{1,4}})\s*号)\s*[{_CLOSE}]?"
    rf"|(?P<issuer>{_NAME}{{2,40}})(?P<order>第\s*{_ORDINAL}\s*号)令"
)
_NOTICE = re.compile(
    rf"(?P<body>{_NAME}[\u4e00-\u9fff 　、]{{1,60}})(?P<word>公告|通告)\s*{_YEAR}\s*年\s*"
    rf"第?\s*(?P<number>{_COUNT})\s*号"
)
# In a running text a number begins behind such a word: 根据国发〔2014〕8号. Names of bodies have 和
# in them (发展和改革委员会), and stand behind dates; marks have neither.
_WORDS = (
    "根据|依据|依照|按照|执行|参照|贯彻|落实|以及|见|由|即|的|在|将|把|了|是|发布|印发|颁布|制定|规定"
    "|文件|通知|意见|办法|精神|要求|文号|以"
)
_BEFORE_MARK = re.compile(f".*(?:{_WORDS}|和|与|及|原)")
_BEFORE_BODY = re.compile(f".*(?:{_WORDS}|月|日|号)")


@dataclass(frozen=True)
class FoundNumber:
    """One document number in a text, written as the library writes it, and where it stands."""

    number: str
    begin: int
    end: int


def find_numbers(text: str) -> Iterator[FoundNumber]:
    """Yield the document numbers in a text, in order."""
    text = narrow(text)
    found = [*_lettered(text), *_decrees(text), *_notices(text)]
    end = 0
    for number in sorted(found, key=lambda number: (number.begin, -number.end)):
        if number.begin >= end:
            yield number
            end = number.end


def _lettered(text: str) -> Iterator[FoundNumber]:
    """Yield 国发〔2024〕3号 in any brackets."""
    for match in _LETTERS.finditer(text):
        mark, begin = _behind_words(_BEFORE_MARK, match["mark"], match.start())
        if 2 <= len(mark) <= LONGEST_MARK and not mark.endswith(("第", "令")):
            number = f"{mark}〔{match['year']}〕{int(match['number'])}号"
            yield FoundNumber(number, begin, match.end())


def _decrees(text: str) -> Iterator[FoundNumber]:
    """Yield 国务院令第641号, also where it is written 国务院第641号令."""
    for match in _DECREE.finditer(text):
        body, begin = _behind_words(_BEFORE_BODY, match["body"] or match["issuer"], match.start())
        count = re.sub(r"\s", "", match["count"] or match["order"])
        count = count if count.startswith("第") else f"第{count}"
        if len(body) >= 2:
            yield FoundNumber(f"{short_body(body)}令{count}", begin, match.end())


def _notices(text: str) -> Iterator[FoundNumber]:
    """Yield 财政部 税务总局公告2026年第10号."""
    for match in _NOTICE.finditer(text):
        body, begin = _behind_words(_BEFORE_BODY, match["body"], match.start())
        if len(body.strip()) >= 2:
            name = re.sub(r"[\s、]+", " ", body.strip())
            number = f"{name}{match['word']}{match['year']}年第{int(match['number'])}号"
            yield FoundNumber(number, begin, match.end())


def short_body(body: str) -> str:
    """Return who gave a decree as it is quoted: 中华人民共和国国务院令 is 国务院令."""
    return body.removeprefix("中华人民共和国") or body


def _behind_words(words: re.Pattern[str], name: str, begin: int) -> tuple[str, int]:
    """Return a name without the words of the sentence before it, and where it begins."""
    before = words.match(name)
    if before is None or before.end() >= len(name):
        return name, begin
    return name[before.end() :], begin + before.end()
