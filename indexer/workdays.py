"""Working days (工作日): which days offices work, for the years whose holidays are published.

A year is known from the yearly notice of the State Council (国务院办公厅关于某年部分节假日安排的
通知): from the package chinesecalendar, or from `lexicon/holidays.yml`, where an editor adds a year
that the package does not have yet. A year that neither has is unknown: weekends alone do not tell.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import chinese_calendar.constants as published
import yaml

from indexer.problems import LexiconError, did_you_mean, read_lexicon, shown

HOLIDAYS_FILE = Path(__file__).parent / "lexicon" / "holidays.yml"
DAYS = "assets/calendar/days.js"  # what the pages know of working days
DAY = timedelta(days=1)
WEEK = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")
EACH_YEAR = ((1, 1), (5, 1), (10, 1))  # holidays by the calendar, in every notice there will be
FIELDS = ("year", "doc_number", "url", "holidays", "working")
LONGEST = 30  # days of one span: no holiday is longer, a slip of the pen is
YEARS = range(2000, 2100)
_SPAN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.\.([0-9]{4}-[0-9]{2}-[0-9]{2}))?")


class YearUnknown(Exception):
    """The holidays of a year are not known."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(f"{year} 年的放假安排还没有放进政策库")


@dataclass(frozen=True)
class WorkCalendar:
    """The known years, with the days that are not as their weekday says."""

    years: frozenset[int]
    off: frozenset[date]  # from Monday to Friday, and no work
    on: frozenset[date]  # Saturday or Sunday, and work

    def is_working(self, day: date) -> bool:
        """Tell whether offices work on `day`; raise YearUnknown where nobody can say."""
        if day.year not in self.years:
            raise YearUnknown(day.year)
        return day in self.on or (day.weekday() < 5 and day not in self.off)

    def may_change(self, day: date) -> bool:
        """Tell whether the notice of a year that is not known yet may still move this day.

        A long New Year reaches back: 2018-12-31 was off and 2018-12-29 was worked for 2019.
        """
        return (day.month, day.day) >= (12, 25) and day.year + 1 not in self.years


@dataclass(frozen=True)
class _Notice:
    """What one notice says (放假通知)."""

    year: int
    holidays: frozenset[date]
    working: frozenset[date]


@cache
def load_calendar(path: Path = HOLIDAYS_FILE) -> WorkCalendar:
    """Return what is known; a year that the file has is taken from the file.

    Raises LexiconError with every mistake of the file, a line each.
    """
    notices = _read_notices(path)
    years = frozenset(day.year for day in published.holidays)
    own = frozenset(notice.year for notice in notices)
    off = {day for day in published.holidays if day.year not in own}
    on = {day for day in published.workdays if day.year not in own}
    for notice in notices:  # a notice may move days of the December before
        off |= notice.holidays
        on = (on - notice.holidays) | notice.working
    return WorkCalendar(
        years | own,
        frozenset(day for day in off if day.weekday() < 5),
        frozenset(day for day in on if day.weekday() >= 5),
    )


@cache
def days_script(calendar: WorkCalendar) -> str:
    """Return the script that tells a page the working days: only what is not as the weekday says.

    {"2026": ["0101 0102 …", "0104 …"]}: days off from Monday to Friday, weekend days worked.
    """
    years = {
        str(year): [_compact(calendar.off, year), _compact(calendar.on, year)]
        for year in sorted(calendar.years)
    }
    return f"window.PolicyDays = {json.dumps(years, separators=(',', ':'))};\n"


def _compact(days: Iterable[date], year: int) -> str:
    return " ".join(f"{day:%m%d}" for day in sorted(days) if day.year == year)


def read_day(text: str) -> date:
    """Return a day written as 2026-03-01; raise ValueError saying what is wrong."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"{shown(text)}不是日期，请写成 2026-03-01。")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"日历上没有{shown(text)}这一天，请核对。") from None
    if day.year not in YEARS:
        raise ValueError(f"{shown(text)}的年份不对，只能是 {YEARS[0]} 到 {YEARS[-1]} 年。")
    return day


# Notices


def _read_notices(path: Path) -> Sequence[_Notice]:
    rows = read_lexicon(path, yaml.BaseLoader) or []  # strings: YAML would crash on 2027-02-30
    if not isinstance(rows, list):
        raise LexiconError("holidays.yml：要写成一年一条的，每条以 - 开头。")
    notices: list[_Notice] = []
    problems: list[str] = []
    for number, row in enumerate(rows, start=1):
        mistakes = list(_check_shape(row))
        notice = None if mistakes else _read_notice(row, mistakes)
        if notice and notice.year in {earlier.year for earlier in notices}:
            mistakes.append(f"：{notice.year} 年写了两次，请只留一条。")
        if notice and not mistakes:
            notices.append(notice)
        problems += [f"holidays.yml 第 {number} 条{mistake}" for mistake in mistakes]
    if problems:
        raise LexiconError("\n".join(problems))
    return sorted(notices, key=lambda notice: notice.year)


def _check_shape(row: object) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"：要分项写（{'、'.join(FIELDS)}）。"
        return
    for name in row:
        if name not in FIELDS:
            hint = did_you_mean(str(name), FIELDS) or f"可以写的有：{'、'.join(FIELDS)}。"
            yield f" {shown(name)[1:-1]}：没有这一项。{hint}"
    for name in ("year", "doc_number"):
        value = row.get(name)
        if not isinstance(value, str) or not value.strip():
            example = "2027" if name == "year" else "国办发明电〔2026〕1号 这样的文号"
            yield f"：要写 {name}，例如 {example}。"
    if "url" in row and not str(row["url"]).startswith(("http://", "https://")):
        yield f" url：网址要以 https:// 开头，看到的是{shown(row['url'])}。"
    for name in ("holidays", "working"):
        if name in row and not isinstance(row[name], list):
            yield f" {name}：要写成列表，看到的是{shown(row[name])}。"


def _read_notice(row: Mapping[str, Any], mistakes: list[str]) -> _Notice | None:
    """Return the notice; what is wrong with it is added to `mistakes`."""
    text = row["year"].strip()
    if not re.fullmatch(r"[0-9]{4}", text) or int(text) not in YEARS:
        mistakes.append(f" year：要写四位数的年份，例如 2027，看到的是{shown(text)}。")
        return None
    year = int(text)
    found: dict[str, frozenset[date]] = {}
    for name in ("holidays", "working"):
        days: set[date] = set()
        for item in row.get(name, ()):
            try:
                days.update(_read_span(item, year))
            except ValueError as error:
                mistakes.append(f" {name}：{error}")
        found[name] = frozenset(days)
    notice = _Notice(year, found["holidays"], found["working"])
    mistakes += _check_notice(notice)
    return notice


def _read_span(item: object, year: int) -> Iterator[date]:
    """Yield the days of “2027-05-01” or “2027-05-01..2027-05-05”."""
    match = _SPAN.fullmatch(item.strip()) if isinstance(item, str) else None
    if match is None:
        raise ValueError(
            f"要写日期或者从哪天到哪天，例如 {year}-05-01..{year}-05-05，看到的是{shown(item)}。"
        )
    first, last = (read_day(text) for text in (match[1], match[2] or match[1]))
    if last < first:
        raise ValueError(f"{shown(item)}前后颠倒了。")
    if (last - first).days >= LONGEST:
        raise ValueError(f"{shown(item)}超过 {LONGEST} 天，请核对。")
    for day in (first, last):
        if day.year != year and (day.year, day.month) != (year - 1, 12):
            raise ValueError(f"{day} 不在 {year} 年（也可以是上一年的 12 月），请核对。")
    yield from _days(first, last)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _check_notice(notice: _Notice) -> Iterator[str]:
    for month, number in EACH_YEAR:
        if date(notice.year, month, number) not in notice.holidays:
            yield (
                f" holidays：没有 {notice.year} 年 {month} 月 {number} 日，"
                "这天是法定节假日；请把通知里的节日抄全，周末也写上。"
            )
    for day in sorted(notice.working):
        if day.weekday() < 5:
            yield f" working：{day} 是{WEEK[day.weekday()]}，只写调休上班的周六、周日。"
        if day in notice.holidays:
            yield f"：{day} 既写了放假又写了上班，请核对。"
