"""The one-time notice (一次告知单): all that an applicant must hear about an item, as a document.

A notice is made of sections of rows, each row with the situations it is for. Every form of it
(page, HTML, Word, PDF, text) tells `shown_sections`, so that all hold the same text.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from indexer.checkcodes import digest_of, make_code
from indexer.policy import (
    Clause,
    Document,
    Kind,
    Material,
    Policy,
    Situation,
    Status,
    TimeLimit,
    TimeLimitKind,
    TimeLimitStage,
    label,
)
from indexer.revisions import blob_id
from indexer.situations import applies, options_of, tell_situations

BLANK = "＿" * 16  # what is filled in by hand
HOTLINE_DIGITS = 5  # a longer number is that of a counter
COPIES = {"申请人联": "请保存好，办的时候带来", "窗口联": "存档"}
# What one copy of a notice is made by: its version changes with any of them.
SOURCES = (
    "notice.py",
    "noticehtml.py",
    "noticedocx.py",
    "situations.py",
    "policy.py",
    "templates/notice.html",
    "templates/notice.css",
    "templates/sheet.html",
    "templates/file.html",
)


@dataclass(frozen=True)
class Version:
    """Which content a notice was made from: its digest, and the commit that brought it."""

    digest: str
    commit: str = ""

    def __str__(self) -> str:
        return f"{self.digest}（{f'提交 {self.commit}' if self.commit else '还没有提交'}）"


@dataclass(frozen=True)
class Row:
    """One statement: what it says, what belongs to it in brackets, and lines in small type."""

    text: str = ""
    name: str = ""
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    situation: tuple[str, ...] = ()
    to_tick: bool = False

    @property
    def line(self) -> str:
        """The statement in one line."""
        lead = f"{self.name}：" if self.name and self.text else self.name
        marks = f"（{'；'.join(self.marks)}）" if self.marks else ""
        return f"{'□ ' if self.to_tick else ''}{lead}{self.text}{marks}"

    @property
    def note(self) -> str:
        """The lines in small type, in one."""
        return "　".join(self.notes)


@dataclass(frozen=True)
class Section:
    """A part that the law wants told: its rows, and those to show where none of them applies."""

    key: str
    title: str
    rows: tuple[Row, ...]
    otherwise: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Notice:
    """One notice: the item, what was ticked, on which day, and everything that can be told."""

    slug: str
    title: str
    summary: str
    day: date
    situations: tuple[Situation, ...]
    chosen: tuple[str, ...]
    warning: str
    sections: tuple[Section, ...]
    reviewed: date
    version: Version
    address: str = ""

    @property
    def code(self) -> str:
        """The check code."""
        options = options_of(self.situations)
        return str(make_code(self.version.digest, self.day, options, self.chosen))

    @property
    def link(self) -> str:
        """The address of the page with the same selection, where the site has an address."""
        return f"{self.address}#{self.code}" if self.address else ""

    @property
    def answers(self) -> tuple[str, ...]:
        """What was ticked, a line for each question."""
        return tuple(
            f"{asked.question}：{'、'.join(found) if found else '没有选，各种情形都列出'}"
            for asked in self.situations
            for found in [[option for option in asked.options if option in self.chosen]]
        )

    @property
    def about(self) -> dict[str, str]:
        """The lines that say which notice this is."""
        lines = {
            "day": f"告知日期：{in_chinese(self.day)}",
            "reviewed": f"内容核对到：{in_chinese(self.reviewed)}",
            "version": f"内容版本：{self.version}",
            "code": f"核验码：{self.code}",
        }
        return lines | ({"link": f"网址：{self.link}"} if self.link else {})

    def applies(self, row: Row) -> bool:
        """Tell whether a row is for what was ticked."""
        asked = (situation.options for situation in self.situations)
        return applies(row.situation, asked, self.chosen)

    def shown_sections(self) -> Iterator[Section]:
        """Yield the sections with just the rows that apply; those without any are left out."""
        for section in self.sections:
            rows = tuple(filter(self.applies, section.rows)) or section.otherwise
            if rows:
                yield Section(section.key, section.title, rows)

    def texts(self) -> Iterator[str]:
        """Yield every line of one copy, in order."""
        yield from filter(None, ("一次告知单", self.title, self.summary, self.warning))
        yield from self.answers
        for section in self.shown_sections():
            yield section.title
            for number, row in enumerate(section.rows, start=1):
                yield f"{number}. {row.line}"
                if row.notes:
                    yield row.note
        yield from (*SIGNATURES, *self.about.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the notice as JSON values."""
        return {
            "slug": self.slug,
            "title": self.title,
            "summary": self.summary,
            "day": self.day.isoformat(),
            "situations": [
                {"question": asked.question, "options": asked.options, "note": asked.note}
                for asked in self.situations
            ],
            "chosen": self.chosen,
            "warning": self.warning,
            "sections": [
                {
                    "key": section.key,
                    "title": section.title,
                    "rows": [{"text": row.line, "notes": row.notes} for row in section.rows],
                }
                for section in self.shown_sections()
            ],
            "reviewed": self.reviewed.isoformat(),
            "version": {"digest": self.version.digest, "commit": self.version.commit},
            "code": self.code,
            "link": self.link,
        }


SIGNATURES = (
    f"上面的内容已经当面一次说清。告知人（签字）：{BLANK}",
    f"申请人（签字）：{BLANK}　日期：{BLANK}",
)
STUB = (
    f"申请人（签字）：{BLANK}　联系电话：{BLANK}",
    f"告知人（签字）：{BLANK}　日期：{BLANK}",
)


def compose_notice(
    policy: Policy,
    bases: Sequence[Policy],
    chosen: tuple[str, ...],
    day: date,
    version: Version,
    address: str = "",
) -> Notice:
    """Return the notice of an item as of `day`; `bases` are the entries that it rests on."""
    return Notice(
        policy.slug,
        policy.title,
        policy.summary,
        day,
        policy.situations,
        chosen,
        warnings_of(policy).get(policy.status_on(day), ""),
        tuple(_sections(policy, bases)),
        policy.reviewed,
        version,
        address,
    )


def bases_of(policy: Policy, find: Callable[[str], Policy | None]) -> list[Policy]:
    """Return the entries that an entry rests on, and those that they rest on, each once."""
    found: dict[str, Policy] = {}
    open_slugs = list(policy.based_on)
    while open_slugs:
        slug = open_slugs.pop(0)
        base = None if slug in found or slug == policy.slug else find(slug)
        if base is not None:
            found[slug] = base
            open_slugs.extend(base.based_on)
    return list(found.values())


def has_notice(kind: Kind) -> bool:
    """Tell whether there are notices of such entries: of what one goes to a counter for."""
    return kind is Kind.SERVICE


def version_of(digests: Iterable[str], sources: Iterable[str], commit: str = "") -> Version:
    """Return the version that follows from the blob ids of the entry, its bases, and the code."""
    return Version(digest_of([*digests, "", *sources]), commit)


@cache
def own_sources() -> tuple[str, ...]:
    """Return the blob ids of the code that is running."""
    package = Path(__file__).parent
    return tuple(blob_id((package / name).read_bytes()) for name in SOURCES)


def in_chinese(day: date) -> str:
    """Return a day as people write it."""
    return f"{day.year} 年 {day.month} 月 {day.day} 日"


def warnings_of(policy: Policy) -> dict[Status, str]:
    """Return what stands on top of the notice when the entry is not in force."""
    warnings = {}
    if policy.effective:
        since = in_chinese(policy.effective)
        warnings[Status.PENDING] = f"注意：本条从 {since}起施行，现在还不能照这样办。"
    if policy.expires:
        over = f"注意：本条有效到 {in_chinese(policy.expires)}，已经失效，不能再照这样办，"
        warnings[Status.EXPIRED] = over + "请向窗口问清现在的规定。"
        warnings[Status.SUPERSEDED] = over + "请按接替它的规定办。"
    return warnings


def _sections(policy: Policy, bases: Sequence[Policy]) -> Iterator[Section]:
    """Yield the parts, what an applicant acts on first."""
    limits = [*policy.time_limit, *_general_limits(policy, bases)]
    yield _section("applies_to", "谁要办", _clauses("applies_to", policy), _to_fill("办理对象："))
    yield _section("conditions", "办理条件", _clauses("conditions", policy), _to_fill("办理条件："))
    papers = (_material(material, policy) for material in policy.materials)
    yield _section("materials", "申请材料", papers, _to_fill("材料：", to_tick=True) * 4)
    yield _section("procedure", "办理流程", _clauses("procedure", policy), _to_fill("怎样办："))
    statutory = _limits(limits, TimeLimitKind.STATUTORY, policy)
    yield _section("statutory", "法定时限", statutory, _to_fill("法定时限："))
    promised = _limits(limits, TimeLimitKind.PROMISED, policy)
    yield _section("promised", "承诺时限", promised, _to_fill("窗口承诺的时限："))
    yield _section("not_counted", "不算在时限里的", _inherited("not_counted", policy, bases))
    yield _section("fee", "收费", _clauses("fee", policy), _to_fill("收费："))
    yield _section(
        "handling_body", "办理机关", _clauses("handling_body", policy), _to_fill("机关：")
    )
    yield _section("counter", "办理地点", _counters(policy), _places_to_fill())
    yield _section("contact", "咨询电话", _contacts(policy))
    yield _section("validity", "有效期", _clauses("validity", policy))
    yield _section("cautions", "特别提醒", [*_clauses("cautions", policy), *_doubts(policy)])
    refusal = _inherited("refusal", policy, bases)
    yield _section("refusal", "不予受理、不予批准的情形", refusal, _to_fill("情形："))
    remedies = _inherited("remedies", policy, bases)
    yield _section("remedies", "不服怎么办", remedies, _to_fill("办法："))
    yield _section("documents", "依据", map(_document, policy.documents), _to_fill("依据："))


def _section(key: str, title: str, rows: Iterable[Row], otherwise: tuple[Row, ...] = ()) -> Section:
    return Section(key, title, tuple(rows), otherwise)


def _to_fill(text: str, to_tick: bool = False) -> tuple[Row, ...]:
    return (Row(f"{text}{BLANK}", to_tick=to_tick),)


def _places_to_fill() -> tuple[Row, ...]:
    return (*_to_fill("窗口和地址："), *_to_fill("办公时间："))


def _clauses(field: str, policy: Policy) -> Iterator[Row]:
    clauses: tuple[Clause, ...] = getattr(policy, field)
    for clause in clauses:
        notes = _notes(_only_for(clause, policy), clause.note, _basis(clause.basis))
        yield Row(clause.text, clause.name or "", notes=notes, situation=clause.situation)


def _inherited(name: str, policy: Policy, bases: Sequence[Policy]) -> Iterator[Row]:
    """Yield an entry's own rows of a field, then those of the entries it rests on, each once."""
    told: set[str] = set()
    for source in (policy, *bases):
        for row in _clauses(name, source):
            if row.text not in told:
                told.add(row.text)
                yield row


def _general_limits(policy: Policy, bases: Sequence[Policy]) -> Iterator[TimeLimit]:
    """Yield the limits for accepting and delivering that hold for all, where an entry has none."""
    for stage in (TimeLimitStage.ACCEPTANCE, TimeLimitStage.DELIVERY):
        if all(limit.stage is not stage for limit in policy.time_limit):
            found = (limit for base in bases for limit in base.time_limit if limit.stage is stage)
            yield from list(found)[:1]


def _limits(limits: Iterable[TimeLimit], kind: TimeLimitKind, policy: Policy) -> Iterator[Row]:
    for limit in limits:
        if limit.kind is kind:
            notes = _notes(_only_for(limit, policy), limit.note, _basis(limit.basis))
            yield Row(limit.text, notes=notes, situation=limit.situation)


def _material(material: Material, policy: Policy) -> Row:
    shared = "可由部门共享，免提交" if material.shared else None
    marks = (
        f"{material.copies} 份" if material.copies else None,
        label(material.form) if material.form else None,
        f"由{material.issued_by}出具" if material.issued_by else None,
        shared,
    )
    template = material.template or material.template_url
    address = f"（{material.template_url}）" if material.template and material.template_url else ""
    form = f"空白表、样表：{template}{address}" if template else None
    notes = _notes(_only_for(material, policy), form, material.note, _basis(material.basis))
    told = tuple(mark for mark in marks if mark)
    return Row(
        name=material.name, marks=told, notes=notes, situation=material.situation, to_tick=True
    )


def _only_for(part: Clause | Material | TimeLimit, policy: Policy) -> str | None:
    told = tell_situations(part.situation, (asked.options for asked in policy.situations))
    when = getattr(part, "when", None) or told
    return f"适用情形：{when}" if when else None


def _basis(basis: str | None) -> str | None:
    return f"依据：{basis}" if basis else None


def _notes(*texts: str | None) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _document(document: Document) -> Row:
    marks = _notes(
        document.doc_number,
        document.articles,
        f"最近修改：{document.amended}" if document.amended else None,
    )
    return Row(name=document.title, marks=marks, notes=_notes(document.note))


def _counters(policy: Policy) -> Iterator[Row]:
    for counter in policy.counter:
        marks = _notes(
            counter.address, f"办公时间：{counter.hours}" if counter.hours else None, counter.url
        )
        yield Row(name=counter.name, marks=marks, notes=_notes(counter.note))


def _contacts(policy: Policy) -> Iterator[Row]:
    for contact in policy.contact:
        told = "，".join(filter(None, (contact.phone, contact.url)))
        yield Row(told, contact.name, notes=_notes(contact.note))
    if all(len(contact.phone or "") <= HOTLINE_DIGITS for contact in policy.contact):
        yield Row(f"窗口电话：{BLANK}")


def _doubts(policy: Policy) -> Iterator[Row]:
    if policy.validity_note:
        yield Row(policy.validity_note, "时效说明")
