"""The worklist (待办清单): what has to be done to keep the library right, by whom and by when."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from indexer.gaps import Gap, group_calls
from indexer.library import Entry, Library
from indexer.links import LinkFinding
from indexer.owners import Owners
from indexer.pins import Pin
from indexer.policy import Policy, Status
from indexer.workdays import WorkCalendar

SOON, VERY_SOON = 30, 7  # days before something ends
PAST = 60  # days after an entry has ended without a successor
FIRST_CALLS = 3  # that a task names
NOTICES_FROM = 11  # the month in which the holidays of the coming year are published


class Section(StrEnum):
    """Under which heading a task stands, the most pressing first (哪一类待办)."""

    OVERDUE = "过了核对日期"
    WEEK = f"{VERY_SOON} 天内失效"
    LAPSED = f"最近 {PAST} 天内失效，没有接续"
    MONTH = f"{SOON} 天内失效"
    WINDOW = "申报时间"
    THIS_MONTH = "这个月要核对"
    NEXT_MONTH = "下个月要核对"
    UNDATED = "没有写什么时候再核对"
    PIN = "置顶到期"
    HOLIDAYS = "放假安排"
    LINK = "网址"
    GAP = "没有核实的"


@dataclass(frozen=True)
class Task:
    """One thing to do (待办): what, with which entry, on which day it turns, and why."""

    section: Section
    what: str
    why: str
    day: date | None = None
    slug: str = ""
    title: str = ""
    path: str = ""
    key: str = ""  # tells two tasks of one section and entry apart

    def days_left(self, today: date) -> int | None:
        """Return how many days are left on `today`: 0 on the day itself, less than 0 after it."""
        return (self.day - today).days if self.day else None

    def to_dict(self, today: date) -> dict[str, Any]:
        """Return the task as JSON values."""
        return {
            "section": self.section.value,
            "what": self.what,
            "slug": self.slug,
            "title": self.title,
            "path": self.path,
            "day": self.day.isoformat() if self.day else None,
            "days_left": self.days_left(today),
            "why": self.why,
        }


@dataclass(frozen=True)
class Share:
    """What one department has to do, and how many reviews it has in each later month."""

    owner: str | None
    tasks: tuple[Task, ...]
    later: Mapping[str, int]

    @property
    def name(self) -> str:
        """The department, or the heading of what nobody looks after."""
        return self.owner or NOBODY

    def by_section(self) -> Iterator[tuple[Section, tuple[Task, ...]]]:
        """Yield each heading that has tasks, with them."""
        for section in Section:
            tasks = tuple(task for task in self.tasks if task.section is section)
            if tasks:
                yield section, tasks


NOBODY = "没有写负责的科室"


@dataclass(frozen=True)
class Worklist:
    """What all departments have to do as of one day."""

    as_of: date
    shares: tuple[Share, ...]

    @property
    def tasks(self) -> int:
        """How many things there are to do."""
        return sum(len(share.tasks) for share in self.shares)

    def of(self, owner: str) -> "Worklist":
        """Return the part of one department."""
        return Worklist(self.as_of, tuple(s for s in self.shares if s.name == owner))

    def to_dict(self) -> dict[str, Any]:
        """Return the list as JSON values."""
        return {
            "as_of": self.as_of.isoformat(),
            "owners": [
                {
                    "owner": share.owner,
                    "tasks": [task.to_dict(self.as_of) for task in share.tasks],
                    "later": dict(share.later),
                }
                for share in self.shares
            ],
        }


@dataclass(frozen=True)
class Surroundings:
    """What besides the entries makes work: pins, known years, what links and gaps were found."""

    owners: Owners
    pins: Sequence[Pin]
    calendar: WorkCalendar
    links: Sequence[LinkFinding] = ()
    gaps: Sequence[Gap] = ()


def make_worklist(library: Library, around: Surroundings, today: date) -> Worklist:
    """Return what has to be done as of `today`, by department."""
    tasks: dict[str | None, list[Task]] = {}
    later: dict[str | None, Counter[str]] = {}
    for entry in library.entries:
        owner = around.owners.owner_of(entry.policy)
        tasks.setdefault(owner, []).extend(_tasks_of(entry, today))
        months = later.setdefault(owner, Counter())
        months.update(_later_review(entry.policy, today))
    for owner, task in _tasks_around(library, around, today):
        tasks.setdefault(owner, []).append(task)
    shares = (_share(owner, tasks[owner], later.get(owner, Counter())) for owner in tasks)
    # What nobody looks after comes last.
    ordered = sorted(shares, key=lambda share: (share.owner is None, share.name))
    return Worklist(today, tuple(ordered))


def _share(owner: str | None, tasks: list[Task], later: Mapping[str, int]) -> Share:
    return Share(owner, tuple(sorted(tasks, key=_order)), dict(sorted(later.items())))


def _order(task: Task) -> tuple[int, date, str, str]:
    return list(Section).index(task.section), task.day or date.max, task.slug, task.key


def _tasks_of(entry: Entry, today: date) -> Iterator[Task]:
    """Yield what one entry asks for by its own dates."""
    yield from _review(entry, today)
    yield from _ending(entry, today)
    yield from _documents_ending(entry, today)
    yield from _window(entry, today)


def _task(entry: Entry, section: Section, what: str, why: str, day: date | None, key: str) -> Task:
    policy = entry.policy
    return Task(section, what, why, day, policy.slug, policy.title, entry.path, key)


def _review(entry: Entry, today: date) -> Iterator[Task]:
    policy, day = entry.policy, entry.policy.review_by
    what = "对照出处重新核对一遍，再改核对日期"
    why = f"上次核对是 {policy.reviewed}"
    if day is None:
        what = "定一个最迟什么时候再核对的日子（review_by）"
        yield _task(entry, Section.UNDATED, what, why, None, "review")
    elif day < today:
        yield _task(entry, Section.OVERDUE, what, why, day, "review")
    elif _month(day) == _month(today):
        yield _task(entry, Section.THIS_MONTH, what, why, day, "review")
    elif _month(day) == _next_month(today):
        yield _task(entry, Section.NEXT_MONTH, what, why, day, "review")


def _later_review(policy: Policy, today: date) -> Iterator[str]:
    """Yield the month of a review that comes after the next month."""
    day = policy.review_by
    if day is not None and _month(day) > _next_month(today):
        yield f"{day:%Y-%m}"


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _next_month(day: date) -> tuple[int, int]:
    return (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)


def _ending(entry: Entry, today: date) -> Iterator[Task]:
    policy, day = entry.policy, entry.policy.expires
    if day is None:
        return
    left = (day - today).days
    section = _ending_section(left)
    if section is not None:
        if policy.superseded_by:
            what = f"看看接续的条目 {policy.superseded_by} 写好了没有"
        else:
            what = "查有没有延续或者新的政策：有就写新条目，两边写明谁替代谁"
        why = f"{day} 是有效的最后一天" + ("，申报也到这天" if policy.deadline == day else "")
        yield _task(entry, section, what, why, day, "expires")
    elif -PAST <= left < 0 and not policy.superseded_by:
        what = "查有没有接续的政策：有就写新条目；没有就写明查到哪天（validity_note）"
        yield _task(entry, Section.LAPSED, what, f"{day} 以后已经失效", day, "expires")


def _ending_section(left: int) -> Section | None:
    if 0 <= left <= VERY_SOON:
        return Section.WEEK
    return Section.MONTH if VERY_SOON < left <= SOON else None


def _documents_ending(entry: Entry, today: date) -> Iterator[Task]:
    """Yield the documents that end, or have ended, while the entry goes on."""
    policy = entry.policy
    for number, document in enumerate(policy.documents):
        day = document.expires
        if day is None or day == policy.expires or policy.status_on(today) in OVER:
            continue
        left = (day - today).days
        section = Section.LAPSED if -PAST <= left < 0 else _ending_section(left)
        if section is not None:
            what = f"查《{document.title}》有没有延续，条目要不要跟着改"
            why = f"依据的文件{'已经失效，' if left < 0 else ' '}{day} 是有效的最后一天"
            yield _task(entry, section, what, why, day, f"document-{number}")


OVER = (Status.EXPIRED, Status.SUPERSEDED)


def _window(entry: Entry, today: date) -> Iterator[Task]:
    """Yield the openings and closings of applications, those just past as well."""
    policy, window = entry.policy, entry.policy.application_window
    if window is None:
        return
    opens, closes = window.opens, window.closes
    if opens is not None and abs((opens - today).days) <= SOON and opens != closes:
        future = opens > today
        what = "告诉窗口和热线：快要开始申报" if future else "告诉窗口和热线：已经开始申报"
        yield _task(entry, Section.WINDOW, what, f"{opens} 开始申报", opens, "opens")
    if closes is None or closes == policy.expires:  # the end of the entry tells it already
        return
    left = (closes - today).days
    if 0 <= left <= SOON:
        what = "提醒还没有申报的：快要截止"
        yield _task(entry, Section.WINDOW, what, f"{closes} 是最后一天", closes, "closes")
    elif -SOON <= left < 0:
        what = "核对下一次什么时候申报，改申报时间"
        yield _task(entry, Section.WINDOW, what, f"{closes} 已经截止", closes, "closes")


def _tasks_around(
    library: Library, around: Surroundings, today: date
) -> Iterator[tuple[str | None, Task]]:
    """Yield what comes from beside the entries, each with its department."""

    def owner_of(slug: str) -> str | None:
        entry = library.by_slug.get(slug)
        return around.owners.owner_of(entry.policy) if entry else around.owners.default

    for task in _pin_tasks(library, around.pins, today):
        yield owner_of(task.slug), task
    for task in _holiday_tasks(around.calendar, today):
        yield around.owners.default, task
    for found in around.links:
        yield owner_of(found.slug), _link_task(library, found)
    yield from _gap_tasks(around)


def _pin_tasks(library: Library, pins: Iterable[Pin], today: date) -> Iterator[Task]:
    """Yield the pins that end soon or have ended; those of one entry and day are one task."""
    for slug, until in sorted({(pin.slug, pin.until) for pin in pins}):
        if (until - today).days > SOON:
            continue
        queries = "、".join(f"“{p.query}”" for p in pins if (p.slug, p.until) == (slug, until))
        entry = library.by_slug.get(slug)
        over = until < today
        what = "在 pins.yml 里改日期，不用再置顶的就删掉"
        why = f"搜{queries}的置顶{'已经到期' if over else f'到 {until} 为止'}"
        title, path = (entry.policy.title, entry.path) if entry else ("", "")
        yield Task(Section.PIN, what, why, until, slug, title, path, f"pin-{until}")


def _holiday_tasks(calendar: WorkCalendar, today: date) -> Iterator[Task]:
    """Yield the years whose holidays are needed and not known: this one, and soon the next."""
    years = [today.year, *([today.year + 1] if today.month >= NOTICES_FROM else [])]
    for year in years:
        if year not in calendar.years:
            last = date(year - 1, 12, 31)
            what = f"把国务院办公厅 {year} 年的放假通知写进 indexer/lexicon/holidays.yml"
            why = f"不知道 {year} 年哪天上班，到期日就算不出来；通知还没有公布的先等公布"
            yield Task(Section.HOLIDAYS, what, why, last, key=f"holidays-{year}")


def _link_task(library: Library, found: LinkFinding) -> Task:
    entry = library.by_slug[found.slug]
    return Task(
        Section.LINK,
        found.what,
        f"{found.message} {found.url}",
        None,
        found.slug,
        entry.policy.title,
        entry.path,
        f"{found.field} {found.url}",
    )


def _gap_tasks(around: Surroundings) -> Iterator[tuple[str | None, Task]]:
    """Yield one task for each department that has something to ask."""
    by_owner: dict[str | None, list[Gap]] = {}
    for gap in around.gaps:
        by_owner.setdefault(around.owners.owner_of(gap.entry.policy), []).append(gap)
    for owner, gaps in by_owner.items():
        calls = group_calls(gaps)
        things = sum(len(call.items) for call in calls)
        first = "；".join(call.ask for call in calls[:FIRST_CALLS])
        what = f"问清 {things} 件没有核实的事，分 {len(calls)} 处问，先问：{first}"
        why = "条目里没有写，或者写着没有核实；问谁、问什么用 policykb worklist --gaps 列出来"
        yield owner, Task(Section.GAP, what, why, key="gaps")
