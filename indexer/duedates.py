"""Due dates (办理期限到哪天): when a decision is due, counted from the day of acceptance.

What it rests on, as far as the law goes:

- 行政许可法 art. 42: 20 days from acceptance, 10 more if the head of the authority approves.
  Art. 82: these are working days, without holidays; which days those are, `workdays.py` knows.
- Art. 45: 听证、招标、拍卖、检验、检测、检疫、鉴定、专家评审 do not count; the applicant is told in
  writing how long they take. 补正 comes before acceptance (art. 32: told at once or within 5 days
  what is missing, or else the application counts as accepted on the day it came). A pause for it
  after acceptance needs a rule of its own, and every answer with one says so.
- Art. 44: 10 days from the decision to hand over the permit; counted where the entry says it.
- The day of acceptance does not count, the next is the first. 行政许可法 does not say so. It is the
  general rule of 民法典 art. 201, of 民事诉讼法 art. 85 (to which 行政复议法 art. 88 refers) and of
  法释〔2018〕1号 art. 48 on 行政诉讼法, and is taken over by analogy.
- Months and years end on the day of the same number, or the last of the month (民法典 art. 202); a
  limit in days, months or years that ends on a day off ends on the next working day (art. 203).
  For authorities that is an analogy again, so the answer also names the day before it was moved.

Everything that an answer cannot know is said in it: a year whose holidays are not known, a limit
without a number, hours. `assets/javascripts/duedates.js` counts by the same rules, word for word.
"""

import calendar as months
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from indexer.filings import EXCLUDED, SUSPENDED, Filing, Pause, check_filing
from indexer.policy import Status, TimeLimitKind, TimeLimitStage, TimeUnit, label, status_on
from indexer.situations import applies
from indexer.workdays import DAY, WEEK, WorkCalendar, YearUnknown

FARTHEST = 2999  # the last year to count into; a limit beyond it is a slip
MOST_DAYS_NAMED = 12  # of holidays in between; more are only counted

Data = dict[str, Any]


@dataclass(frozen=True)
class Limit:
    """A time limit (时限) of an entry that is marked with its stage."""

    kind: TimeLimitKind
    stage: TimeLimitStage
    text: str
    value: int | None = None
    unit: TimeUnit | None = None
    situation: tuple[str, ...] = ()

    @property
    def length(self) -> str:
        """How long it is, or nothing where no number is written."""
        return "" if self.unit is None else f"{self.value} {label(self.unit)}"


@dataclass(frozen=True)
class Terms:
    """What an entry says about time: its limits, its questions, and when the entry itself holds."""

    limits: tuple[Limit, ...]
    situations: tuple[Data, ...]
    reasons: tuple[str, ...]
    effective: str = ""
    expires: str = ""
    superseded: bool = False

    @property
    def asked(self) -> tuple[Sequence[str], ...]:
        """The options of each question."""
        return tuple(situation["options"] for situation in self.situations)

    def of_stage(self, stage: TimeLimitStage) -> tuple[Limit, ...]:
        """Return the limits of one stage, in their order."""
        return tuple(limit for limit in self.limits if limit.stage is stage)

    def to_dict(self) -> Data:
        """Return what a page needs to count by itself; a limit without value is null there too."""
        return {
            "limits": [{**vars(limit), "length": limit.length} for limit in self.limits],
            "situations": list(self.situations),
            "reasons": list(self.reasons),
            "effective": self.effective,
            "expires": self.expires,
            "superseded": self.superseded,
        }


@dataclass(frozen=True)
class Due:
    """One limit worked out (到期日): the day, or why there is none."""

    limit: Limit
    extension: Limit | None = None
    before: date | None = None  # the last day had there been no extension
    last_day: date | None = None  # as counted
    due: date | None = None  # moved off a holiday
    unknown: str = ""

    @property
    def name(self) -> str:
        """What is due, as a reader says it."""
        told = "、".join(self.limit.situation)
        return label(self.limit.kind) + (f"（{told}）" if told else "")

    @property
    def length(self) -> str:
        """How long the limit is, with its extension."""
        lengths = [limit.length for limit in (self.limit, self.extension) if limit]
        return "，再加 ".join(filter(None, lengths))

    def to_dict(self) -> Data:
        """Return the limit and its day as JSON values."""
        return {
            "kind": self.limit.kind,
            "name": self.name,
            "text": self.limit.text,
            "length": self.length,
            "extended": self.extension is not None,
            "last_day": _iso(self.last_day),
            "due": _iso(self.due),
            "weekday": _weekday(self.due),
            "unknown": self.unknown,
        }


@dataclass(frozen=True)
class Step:
    """One step of the timeline (时间轴); what has no day yet comes last."""

    day: date | None
    event: str
    text: str

    def to_dict(self) -> Data:
        """Return the step as JSON values."""
        day, weekday = _iso(self.day), _weekday(self.day)
        return {"day": day, "weekday": weekday, "event": self.event, "text": self.text}


@dataclass(frozen=True)
class DueDates:
    """The due dates of one filing, how they came about, and what has to be said with them."""

    filing: Filing
    dues: tuple[Due, ...]
    timeline: tuple[Step, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> Data:
        """Return everything as JSON values."""
        return {
            "accepted": str(self.filing.accepted),
            "weekday": _weekday(self.filing.accepted),
            "extended": self.filing.extended,
            "situation": list(self.filing.chosen),
            "pauses": [pause.to_dict() for pause in self.filing.pauses],
            "results": [due.to_dict() for due in self.dues],
            "timeline": [step.to_dict() for step in self.timeline],
            "notes": list(self.notes),
        }


class _Uncountable(Exception):
    """Why a limit has no last day."""


def terms_of(record: Mapping[str, Any]) -> Terms:
    """Return what the public record of an entry says about time."""
    named = (clause.get("name", "") for clause in record.get("not_counted", ()))
    return Terms(
        tuple(_limit(row) for row in record.get("time_limit", ()) if row.get("stage")),
        tuple(
            {"question": row["question"], "options": list(row["options"])}
            for row in record.get("situations", ())
        ),
        tuple(dict.fromkeys((*SUSPENDED, *EXCLUDED, *filter(None, named)))),
        record.get("effective", ""),
        record.get("expires", ""),
        bool(record.get("superseded_by")),
    )


def calculate(terms: Terms, filing: Filing, calendar: WorkCalendar) -> DueDates:
    """Return the due dates of a filing; raise ParameterError with all that cannot be in it."""
    check_filing(filing, terms.reasons, terms.situations)
    dues = tuple(
        _work_out(limit, extension, filing, calendar) for limit, extension in _pairs(terms, filing)
    )
    steps = [*_filing_steps(filing), *_due_steps(dues, terms, filing, calendar)]
    timeline = sorted(steps, key=lambda step: step.day or date.max)
    notes = dict.fromkeys(_notes(terms, filing, dues, calendar))
    return DueDates(filing, dues, tuple(timeline), tuple(notes))


# Counting


def _pairs(terms: Terms, filing: Filing) -> Iterator[tuple[Limit, Limit | None]]:
    """Yield each decision limit that applies with each extension that may go with it."""

    def chosen(stage: TimeLimitStage) -> list[Limit]:
        return [
            limit
            for limit in terms.of_stage(stage)
            if applies(limit.situation, terms.asked, filing.chosen)
        ]

    extensions = chosen(TimeLimitStage.EXTENSION) if filing.extended else []
    for kind in TimeLimitKind:
        for limit in chosen(TimeLimitStage.DECISION):
            if limit.kind is kind:
                fitting = [each for each in extensions if _fits(each, limit, terms)]
                yield from ((limit, extension) for extension in fitting or (None,))


def _fits(extension: Limit, limit: Limit, terms: Terms) -> bool:
    return extension.kind is limit.kind and applies(
        extension.situation, terms.asked, limit.situation
    )


def _work_out(limit: Limit, extension: Limit | None, filing: Filing, calendar: WorkCalendar) -> Due:
    before = last = due = None
    try:
        last = _last_day(filing.accepted, limit, filing.pauses, calendar)
        if extension is not None:
            before, last = last, None
            last = _extend(filing.accepted, before, limit, extension, filing.pauses, calendar)
        due = last if _unit(limit, extension) is TimeUnit.WORKING_DAYS else _move(last, calendar)
    except _Uncountable as error:
        return Due(limit, extension, before, last, None, str(error))
    return Due(limit, extension, before, last, due)


def _unit(limit: Limit, extension: Limit | None) -> TimeUnit | None:
    return (extension or limit).unit


def _extend(
    accepted: date,
    before: date,
    limit: Limit,
    extension: Limit,
    pauses: Sequence[Pause],
    calendar: WorkCalendar,
) -> date:
    """Return the last day with an extension: one count where both have the same unit."""
    if limit.unit is not extension.unit or limit.value is None or extension.value is None:
        return _last_day(before, extension, pauses, calendar)
    both = Limit(limit.kind, limit.stage, limit.text, limit.value + extension.value, limit.unit)
    return _last_day(accepted, both, pauses, calendar)


def _last_day(start: date, limit: Limit, pauses: Sequence[Pause], calendar: WorkCalendar) -> date:
    """Return the last day of a limit that starts to count on the day after `start`."""
    if limit.value is None or limit.unit is None:
        raise _Uncountable("条目里没有把这个时限写成数，算不出来。")
    if limit.unit is TimeUnit.HOURS:
        raise _Uncountable("按小时算的时限要看几点受理，这里只按天算。")
    if limit.unit is TimeUnit.WORKING_DAYS:
        return _walk(start, limit.value, pauses, calendar.is_working)
    return _walk(start, _days_in(start, limit.value, limit.unit), pauses, lambda _: True)


def _days_in(start: date, value: int, unit: TimeUnit) -> int:
    """Return how many days a limit in days, months or years has when it starts after `start`."""
    if unit is TimeUnit.CALENDAR_DAYS:
        return value
    count = start.year * 12 + start.month - 1 + value * (12 if unit is TimeUnit.YEARS else 1)
    year, month = divmod(count, 12)
    if year > FARTHEST:
        raise _Uncountable("时限太长，算不出来。")
    last = months.monthrange(year, month + 1)[1]
    return (date(year, month + 1, min(start.day, last)) - start).days


def _walk(start: date, days: int, pauses: Sequence[Pause], counts: Callable[[date], bool]) -> date:
    day, counted = start, 0
    try:
        while counted < days:
            day += DAY
            counted += not _is_paused(day, pauses) and counts(day)
    except YearUnknown as error:
        raise _Uncountable(_why_stopped(error.year, counted, days)) from None
    return day


def _why_stopped(year: int, counted: int, days: int) -> str:
    known = (
        f"；到 {year - 1} 年底数了 {counted} 个工作日，还差 {days - counted} 个" if counted else ""
    )
    return f"{YearUnknown(year)}，算不出到期日{known}。"


def _is_paused(day: date, pauses: Sequence[Pause]) -> bool:
    return any(pause.first <= day <= pause.last for pause in pauses)


def _move(last: date, calendar: WorkCalendar) -> date:
    """Return the first working day from the last day of a limit that is not in working days."""
    day = last
    try:
        while not calendar.is_working(day):
            day += DAY
    except YearUnknown as error:
        raise _Uncountable(
            f"数到 {last}；{error}，不知道那天是不是休息日，是的话还要往后顺延。"
        ) from None
    return day


# The timeline


def _filing_steps(filing: Filing) -> Iterator[Step]:
    yield Step(filing.accepted, "accepted", "受理，当天不算")
    for pause in filing.pauses:
        yield Step(pause.first, "paused", f"{pause.reason}，到 {pause.last} 都不算")
    for day in sorted({pause.last + DAY for pause in filing.pauses}):
        if not _is_paused(day, filing.pauses):
            yield Step(day, "resumed", "接着算")


def _due_steps(
    dues: Iterable[Due], terms: Terms, filing: Filing, calendar: WorkCalendar
) -> Iterator[Step]:
    for due in dues:
        if due.before and due.extension:
            text = f"{due.name}原来到这天，经批准再加 {due.extension.length}"
            yield Step(due.before, "extended", text)
        yield Step(due.due, "due", f"{due.name}到期")
        if due.due:
            yield from _delivery_steps(due, due.due, terms, filing, calendar)


def _delivery_steps(
    due: Due, day: date, terms: Terms, filing: Filing, calendar: WorkCalendar
) -> Iterator[Step]:
    """Yield the day by which a permit decided on the last day is handed over (art. 44)."""
    for limit in terms.of_stage(TimeLimitStage.DELIVERY):
        chosen = (*filing.chosen, *due.limit.situation)
        if limit.kind is not due.limit.kind or not applies(limit.situation, terms.asked, chosen):
            continue
        try:
            last = _last_day(day, limit, (), calendar)
            last = last if limit.unit is TimeUnit.WORKING_DAYS else _move(last, calendar)
        except _Uncountable:
            continue
        yield Step(last, "delivery", f"{due.name}到期才决定的，最晚这天送达")


# What has to be said


def _notes(
    terms: Terms, filing: Filing, dues: Sequence[Due], calendar: WorkCalendar
) -> Iterator[str]:
    yield from _entry_notes(terms, filing, dues)
    yield from _pause_notes(filing, dues)
    for due in dues:
        if due.due and due.last_day != due.due:
            yield (
                f"{due.name}数到 {due.last_day}，那天休息，顺延到 {due.due}（参照民法典第203条）；"
                f"从严掌握，就在 {due.last_day} 以前办好。"
            )
    yield from _calendar_notes(filing, dues, calendar)
    if dues:
        yield "受理当天不算，从第二天数起；工作日不含周末和法定节假日，调休上班的周末要算。"


def _entry_notes(terms: Terms, filing: Filing, dues: Sequence[Due]) -> Iterator[str]:
    if not dues:
        yield "条目里没有写决定时限，算不出到期日；请问窗口，或者打 12345。"
        return
    effective, expires = (
        date.fromisoformat(text) if text else None for text in (terms.effective, terms.expires)
    )
    status = status_on(filing.accepted, effective, expires, terms.superseded)
    if status is not Status.IN_FORCE:
        yield f"受理那天这一条{label(status)}，期限不一定照它算，请核对。"
    kinds = [due.limit.kind for due in dues]
    if TimeLimitKind.STATUTORY not in kinds:
        yield "条目里没有写法定的决定时限。"
    if TimeLimitKind.PROMISED not in kinds:
        yield "条目里没有写承诺时限；窗口承诺了几天的，以窗口公布的为准。"
    if any(kinds.count(kind) > 1 for kind in kinds):
        yield "不同情形期限不同，选了情形就只算那一种。"
    yield from _extension_notes(filing, dues)
    if _later(dues):
        yield "承诺的日期比法定的还晚，以法定的为准，请核对条目。"


def _extension_notes(filing: Filing, dues: Sequence[Due]) -> Iterator[str]:
    if not filing.extended:
        return
    if any(due.extension for due in dues):
        yield "延长要在原来的期限以内经本机关负责人批准，并把理由告诉申请人。"
    for due in dues:
        if due.extension is None:
            yield f"条目里没有写{label(due.limit.kind)}能延长多少，按没有延长算。"


def _later(dues: Sequence[Due]) -> bool:
    """Tell whether what is promised comes after what the law allows, whatever the situation."""
    days = {
        kind: [due.due for due in dues if due.limit.kind is kind and due.due]
        for kind in TimeLimitKind
    }
    statutory, promised = days[TimeLimitKind.STATUTORY], days[TimeLimitKind.PROMISED]
    return bool(statutory and promised) and min(promised) > max(statutory)


def _pause_notes(filing: Filing, dues: Sequence[Due]) -> Iterator[str]:
    reasons = {pause.reason for pause in filing.pauses}
    for reason in SUSPENDED:
        if reason in reasons:
            yield (
                f"受理以后因{reason}停算，行政许可法没有规定，要有别的依据；"
                "受理以前补材料的，受理日写补齐那天，不用停算。"
            )
    if reasons - set(SUSPENDED):
        yield "听证、检测这类时间不算，但要把需要多久书面告诉申请人（行政许可法第45条）。"
    if dues and all(due.last_day for due in dues):
        last = max(due.last_day for due in dues if due.last_day)
        for pause in filing.pauses:
            if pause.first > last:
                yield f"{pause.reason}的 {pause.first} 到 {pause.last}在期限到了以后，没有影响。"


def _calendar_notes(filing: Filing, dues: Sequence[Due], calendar: WorkCalendar) -> Iterator[str]:
    try:
        if not calendar.is_working(filing.accepted):
            weekday = _weekday(filing.accepted)
            yield f"受理日 {filing.accepted}（{weekday}）是休息日，请核对是不是那天受理的。"
    except YearUnknown as error:
        yield f"{error}，不知道受理日是不是工作日。"
    ends = [day for due in dues for day in (due.last_day, due.due) if day]
    if any(calendar.may_change(day) for day in ends):
        year = max(ends).year
        yield f"{year} 年最后几天可能因 {year + 1} 年元旦调休有变，放假通知出来以后请再算一次。"
    if ends:
        yield from _holiday_notes(filing.accepted, max(ends), calendar)


def _holiday_notes(first: date, last: date, calendar: WorkCalendar) -> Iterator[str]:
    """Say which days in between are not as their weekday says, so that a person can check."""
    off, on = (
        sorted(day for day in days if first < day <= last) for days in (calendar.off, calendar.on)
    )
    told = [
        f"{len(days)} 个{name}" + (f"（{_named(days)}）" if len(days) <= MOST_DAYS_NAMED else "")
        for days, name in ((off, "平日放假"), (on, "周末上班"))
        if days
    ]
    if told:
        yield f"这段时间里有 {'，'.join(told)}。"


def _named(days: Sequence[date]) -> str:
    return "、".join(f"{day.month}月{day.day}日" for day in days)


def _limit(row: Mapping[str, Any]) -> Limit:
    return Limit(
        TimeLimitKind(row["kind"]),
        TimeLimitStage(row["stage"]),
        row["text"],
        row.get("value"),
        TimeUnit(row["unit"]) if row.get("unit") else None,
        tuple(row.get("situation", ())),
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _weekday(day: date | None) -> str:
    return "" if day is None else WEEK[day.weekday()]
