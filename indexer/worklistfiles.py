"""The worklist as a file (待办清单的文件): Markdown, a table, a calendar, a page to print."""

import csv
import html
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

from icalendar import Alarm, Calendar, Event

from indexer.gaps import Call, Item
from indexer.noticehtml import printed_templates
from indexer.worklist import Section, Share, Task, Worklist

TEMPLATES = Path(__file__).parent / "templates"
MORNING = timedelta(hours=9)
REMINDED = (timedelta(days=-7), timedelta())  # before the day, and on it
INSIDE = "只给单位内部用，不放到网站上。"
_UNSAFE = re.compile(r"[=+\-@\t\r\n]")  # what a spreadsheet takes for a formula
_TASK_COLUMNS = ("科室", "类别", "哪天", "还有几天", "条目", "条目名", "文件", "要做什么", "为什么")
_GAP_COLUMNS = ("问谁", "问什么", "现在怎么写", "条目（文件和行）")
_TO_FILL_IN = ("答复", "依据的文件", "答复的部门", "哪天问的")


class FileForm(StrEnum):
    """What kind of file it is, by its ending."""

    MARKDOWN = "md"
    TABLE = "csv"
    CALENDAR = "ics"
    PAGE = "html"


def render_worklist(worklist: Worklist, form: FileForm) -> bytes:
    """Return the list as a file of this kind."""
    match form:
        case FileForm.MARKDOWN:
            return "\n".join(_markdown(worklist)).encode()
        case FileForm.TABLE:
            return _table(_TASK_COLUMNS, _task_rows(worklist))
        case FileForm.CALENDAR:
            return _calendar(worklist)
        case FileForm.PAGE:
            return _page(worklist)


def render_calls(calls: Sequence[Call], form: FileForm, day: date) -> bytes:
    """Return what is to be asked as Markdown, or as a table with columns to fill in."""
    if form is FileForm.TABLE:
        return _table((*_GAP_COLUMNS, *_TO_FILL_IN), _gap_rows(calls))
    return "\n".join(_markdown_of_calls(calls, day)).encode()


def days_told(task: Task, today: date) -> str:
    """Say how many days are left."""
    left = task.days_left(today)
    if left is None:
        return ""
    if left == 0:
        return "今天"
    return f"还有 {left} 天" if left > 0 else f"过了 {-left} 天"


def later_told(share: Share) -> str:
    """Say how many reviews come after the next month."""
    months = (f"{month} 有 {count} 条" for month, count in share.later.items())
    return "再往后要核对的：" + "，".join(months) + "。" if share.later else ""


# Markdown


def _markdown(worklist: Worklist) -> Iterator[str]:
    yield f"# 待办清单（按 {worklist.as_of}）\n"
    yield f"{INSIDE}\n"
    for share in worklist.shares:
        yield f"## {_marked(share.name)}\n"
        if not share.tasks:
            yield "现在没有要做的。\n"
        for section, tasks in share.by_section():
            yield f"### {section.value}（{len(tasks)}）\n"
            yield from _rows(
                ("哪天", "还有几天", "条目", "要做什么", "为什么"),
                (
                    (
                        str(task.day or ""),
                        days_told(task, worklist.as_of),
                        f"{task.title}（{task.path}）" if task.slug else "",
                        task.what,
                        task.why,
                    )
                    for task in tasks
                ),
            )
        if share.later:
            yield f"{later_told(share)}\n"


def _markdown_of_calls(calls: Sequence[Call], day: date) -> Iterator[str]:
    yield f"# 没有核实的（按 {day}）\n"
    yield "一节是一个电话能问清的。问到了写进条目，注明依据和哪天核对；没有依据的口头答复不写。"
    yield f"{INSIDE}\n"
    for call in calls:
        yield f"## {_marked(call.ask)}（{len(call.items)} 件事，{call.entries} 个条目）\n"
        if call.hints:
            yield f"条目里写的办理机关：{_marked('；'.join(call.hints))}\n"
        yield from _rows(
            ("问什么", "现在怎么写", "条目", "答复、依据、哪天问的"),
            ((item.question.value, item.seen, "；".join(_places(item)), "") for item in call.items),
        )


def _places(item: Item) -> Iterator[str]:
    """Yield where the answer belongs."""
    for gap in item.gaps:
        yield f"{gap.entry.policy.title}（{gap.entry.path}:{gap.line}）"


def _rows(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(names) + " |"
    yield "|" + " --- |" * len(names)
    for row in rows:
        yield "| " + " | ".join(map(_marked, row)) + " |"
    yield ""


def _marked(text: str) -> str:
    """Return text that Markdown and HTML take for nothing but text."""
    line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", line)


# Tables


def _table(names: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(names)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")  # by the mark Excel knows UTF-8


def _safe(cell: str | int | None) -> str | int:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and _UNSAFE.match(cell):
        return f"'{cell}"
    return "" if cell is None else cell


def _task_rows(worklist: Worklist) -> Iterator[Sequence[str | int | None]]:
    for share in worklist.shares:
        for task in share.tasks:
            when = (str(task.day or ""), task.days_left(worklist.as_of))
            entry = (task.title, task.slug, task.path)
            yield (share.name, task.section.value, *when, *entry, task.what, task.why)


def _gap_rows(calls: Sequence[Call]) -> Iterator[Sequence[str | int | None]]:
    for call in calls:
        for item in call.items:
            places = "；".join(_places(item))
            yield (call.ask, item.question.value, item.seen, places, *("",) * len(_TO_FILL_IN))


# Calendars


def _calendar(worklist: Worklist) -> bytes:
    """Return the tasks that have a day; what is overdue stands on the day of the list.

    A task keeps its identifier, so that a later list replaces it instead of doubling it.
    """
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//policykb//worklist//ZH")
    calendar.add("calscale", "GREGORIAN")
    for share in worklist.shares:
        for task in share.tasks:
            if task.day is not None:
                day = max(task.day, worklist.as_of)
                calendar.add_component(_event(share, task, day, worklist.as_of))
    written: bytes = calendar.to_ical()
    return written


def _event(share: Share, task: Task, day: date, today: date) -> Event:
    about = f"《{task.title}》" if task.title else ""
    name = f"{task.section.value}{about}" if task.section is Section.PIN else f"{about}{task.what}"
    event = Event()
    event.add("uid", f"{_identifier(task)}@worklist.policykb")
    event.add("dtstamp", datetime.combine(today, time(), UTC))
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))
    event.add("summary", name)
    told = f"{task.what}。{task.why}。" + (f"文件：{task.path}。" if task.path else "")
    event.add("description", f"{told}负责：{share.name}。")
    event.add("categories", [task.section.value])
    event.add("transp", "TRANSPARENT")
    for before in REMINDED:
        if day + before >= today:
            event.add_component(_alarm(name, before + MORNING))
    return event


def _identifier(task: Task) -> str:
    """Return what stays the same of a task however near its day has come."""
    parts = (task.slug, task.key, str(task.day))
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def _alarm(name: str, trigger: timedelta) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", name)
    alarm.add("trigger", trigger)
    return alarm


# The page


def _page(worklist: Worklist) -> bytes:
    template = printed_templates().get_template("worklist.html")
    style = (TEMPLATES / "worklist.css").read_text(encoding="utf-8")
    told = {"days_told": days_told, "later_told": later_told, "inside": INSIDE}
    return template.render(worklist=worklist, style=style, **told).encode()
