"""Dates as papers write them (公文里的日期): 2016年3月11日, 二○○四年十一月十五日, 2016－3－11."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

# What stands for a zero in a year written in characters: official papers use 〇, others whatever
# looks round.
_ROUND = "〇零○◯ＯOoОΟ０0⭘"
_FIGURES = {figure: str(value) for value, figure in enumerate("零一二三四五六七八九")}
_FIGURES |= dict.fromkeys(_ROUND, "0") | {"两": "2", "元": "1", "壹": "1", "贰": "2"}
_NARROW: dict[int, str] = {code: chr(code - 0xFEE0) for code in range(0xFF10, 0xFF1A)}
_NARROW |= dict.fromkeys(map(ord, "－—–‐‑−"), "-") | {ord("．"): ".", ord("／"): "/"}

_GAP = r"\s{0,8}"
_YEAR = rf"(?:(?:19|20)[0-9]{{2}}|[一二][{_ROUND}一二三四五六七八九]{{3}})"
_MONTH = "(?:1[0-2]|0?[1-9]|十[一二]?|[元一二三四五六七八九])"
_DAY = (
    "(?:3[01]|[12][0-9]|0?[1-9]|三十一?|二十[一二三四五六七八九]?|十[一二三四五六七八九]?"
    "|[一二三四五六七八九])"
)
_IN_CHARACTERS = rf"{_YEAR}{_GAP}年{_GAP}{_MONTH}{_GAP}月{_GAP}{_DAY}{_GAP}[日号]"
_IN_FIGURES = r"(?:19|20)[0-9]{2}(?:-|\.|/)(?:1[0-2]|0?[1-9])(?:-|\.|/)(?:3[01]|[12][0-9]|0?[1-9])"

DATE = rf"(?:{_IN_CHARACTERS}|(?<![0-9./-]){_IN_FIGURES}(?![0-9./-]))"
MONTH = rf"{_YEAR}{_GAP}年{_GAP}{_MONTH}{_GAP}月"
NUMBER = "(?:[0-9]{1,3}|[一二两三四五六七八九十]{1,3})"

_DATE = re.compile(DATE)
_PARTS = re.compile(rf"({_YEAR}){_GAP}[年./-]{_GAP}({_MONTH})(?:{_GAP}[月./-]{_GAP}({_DAY}))?")


@dataclass(frozen=True)
class FoundDate:
    """One date in a text, and where it stands there."""

    day: date
    begin: int
    end: int


def find_dates(text: str) -> Iterator[FoundDate]:
    """Yield every date that is on the calendar; text is as `narrow` returns it."""
    for match in _DATE.finditer(text):
        day = read_date(match[0])
        if day is not None:
            yield FoundDate(day, *match.span())


def narrow(text: str) -> str:
    """Return the text with figures and dashes at half width, character by character."""
    return text.translate(_NARROW)


def read_date(text: str) -> date | None:
    """Return the date that a text is, the first of the month if it names no day, or None."""
    parts = _PARTS.match(narrow(text).strip())
    if parts is None:
        return None
    year = int("".join(_FIGURES.get(character, character) for character in parts[1]))
    try:
        return date(year, read_count(parts[2]), read_count(parts[3]) if parts[3] else 1)
    except ValueError:  # 2月30日
        return None


def read_count(text: str) -> int:
    """Return a whole number below a hundred, in figures or in characters: 二十一 is 21."""
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    figures = [int(_FIGURES[character]) for character in ones]
    if not ten:
        return int("".join(map(str, figures)))
    return 10 * (read_count(tens) if tens else 1) + (figures[0] if figures else 0)


def last_day(first: date, years: int = 0, months: int = 0) -> date:
    """Return the last day of a time that begins on `first`: of a year from 1 January, 31 December.

    The day before the anniversary, or the end of its month where the month is too short for one.
    """
    year, month = divmod(first.year * 12 + first.month - 1 + years * 12 + months, 12)
    days = calendar.monthrange(year, month + 1)[1]
    if first.day > days:
        return date(year, month + 1, days)
    return date(year, month + 1, first.day) - timedelta(days=1)
