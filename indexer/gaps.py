"""Gaps (没有核实的): what the library does not know yet, and whom one call could ask for it.

All is taken from the entries as they stand: a field that is missing, or a statement that says of
itself that it is not verified. Notes that are internal are not looked at, so that a list of gaps
can be handed on.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from indexer.frontmatter import Loc
from indexer.library import Entry, Library
from indexer.policy import Kind, Level, Policy, TimeLimitKind, TimeLimitStage, label


class Question(StrEnum):
    """What has to be asked (要问什么)."""

    COUNTER = "在哪个窗口办，地址在哪里，什么时间办公"
    PHONE = "窗口的咨询电话"
    PROMISED = "承诺几个工作日办完"
    MATERIALS = "要交哪些材料，以哪份清单为准"
    FORM = "申请表的空白表、样表在哪里拿"
    FEE = "收不收费，收多少，依据哪份文件"
    AMOUNT = "本地现在给多少，依据哪份文件"
    PERIOD = "什么时候可以申请，到哪天为止"
    CONDITION = "本地的条件是什么，依据哪份文件"
    HANDLING = "由哪个部门办，怎么办"
    REGION = "在哪些地方适用"
    CURRENCY = "这份文件现在还有没有效，后来改过没有"
    OTHER = "条目里写着没有核实的，现在是怎样"


@dataclass(frozen=True)
class Gap:
    """One thing that is not known of one entry: whom to ask what, and what stands there now."""

    ask: str
    question: Question
    entry: Entry
    field: str
    line: int
    seen: str

    def to_dict(self) -> dict[str, Any]:
        """Return the gap as JSON values."""
        policy = self.entry.policy
        place = {"path": self.entry.path, "line": self.line, "field": self.field}
        return {"slug": policy.slug, "title": policy.title, **place}


@dataclass(frozen=True)
class Item:
    """One thing to ask in a call, and the entries that wait for the answer."""

    question: Question
    seen: str
    gaps: tuple[Gap, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the item as JSON values."""
        gaps = [gap.to_dict() for gap in self.gaps]
        return {"question": self.question.value, "seen": self.seen, "gaps": gaps}


@dataclass(frozen=True)
class Call:
    """What one call to one office can answer (一个电话问清)."""

    ask: str
    hints: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def entries(self) -> int:
        """How many entries wait for the answers."""
        return len({gap.entry.policy.slug for item in self.items for gap in item.gaps})


# Whom everybody may ask: numbers of the whole country, not those of a counter.
HOTLINES = {
    "12345": "12345 政务服务便民热线",
    "12333": "12333 人社服务热线",
    "12366": "12366 税务服务热线",
    "12393": "12393 医保服务热线",
    "12329": "12329 住房公积金热线",
}
MISSING = "没有写"
LONGEST = 120  # characters of a statement that are shown
_UNVERIFIED = re.compile(
    r"没有核实|未(?:经)?核实|没有?(?:查|读|拿|取)到|没有取得|未见(?:发文机关)?原"
    r"|以[^，。；：]{1,40}?(?:答复|公布|告知|提供|公示|提示|口径)[^，。；：]{0,6}为准"
)
_FORM = re.compile(r"(?:申请|申报|登记|备案|审批|审核|报告)(?:表|书)")
# What a statement that is not verified asks for, by the field in which it stands.
_ASKED_BY: dict[str, Question] = {
    "counter": Question.COUNTER,
    "contact": Question.PHONE,
    "time_limit": Question.PROMISED,
    "materials": Question.MATERIALS,
    "fee": Question.FEE,
    "benefits": Question.AMOUNT,
    "application_window": Question.PERIOD,
    "applies_to": Question.CONDITION,
    "conditions": Question.CONDITION,
    "eligibility": Question.CONDITION,
    "handling_body": Question.HANDLING,
    "procedure": Question.HANDLING,
    "documents": Question.CURRENCY,
    "validity_note": Question.CURRENCY,
    "key_points": Question.OTHER,
    "cautions": Question.OTHER,
    "obligations": Question.OTHER,
    "consequences": Question.OTHER,
    "refusal": Question.OTHER,
    "remedies": Question.OTHER,
    "validity": Question.OTHER,
}


def find_gaps(library: Library) -> tuple[Gap, ...]:
    """Return what is not known, each question of an entry once, in the order of the library."""
    return tuple(gap for entry in library.entries for gap in gaps_of(entry))


def gaps_of(entry: Entry) -> Iterator[Gap]:
    """Yield what is not known of one entry."""
    told: set[tuple[str, Question, str]] = set()
    for field, loc, question, seen in _missing_and_unverified(entry.policy):
        ask = _whom_to_ask(entry.policy, question, loc)
        # Each document is a question of its own; of the rest one answer serves all statements.
        key = (ask, question, seen if question in (Question.CURRENCY, Question.OTHER) else "")
        if key not in told:
            told.add(key)
            yield Gap(ask, question, entry, field, entry.line_of(*loc), seen)


def group_calls(gaps: Iterable[Gap]) -> tuple[Call, ...]:
    """Return the gaps by whom to ask, those first that many entries wait for."""
    by_office: dict[str, list[Gap]] = {}
    for gap in gaps:
        by_office.setdefault(gap.ask, []).append(gap)
    calls = (Call(ask, _hints(found), tuple(_items(found))) for ask, found in by_office.items())
    return tuple(sorted(calls, key=lambda call: (-call.entries, call.ask)))


def _items(gaps: Iterable[Gap]) -> Iterator[Item]:
    """Yield what to ask: of a document once for all entries that rest on it."""
    items: dict[tuple[int, str, str], list[Gap]] = {}
    order = list(Question)
    for gap in gaps:
        slug = "" if gap.field == "documents" else gap.entry.policy.slug
        items.setdefault((order.index(gap.question), slug, gap.seen), []).append(gap)
    for (place, _, seen), found in sorted(items.items()):
        yield Item(order[place], seen, tuple(found))


def _hints(gaps: Sequence[Gap]) -> tuple[str, ...]:
    """Return the offices that the entries name: they tell where to begin."""
    asked = (gap.entry.policy for gap in gaps if gap.field != "documents")
    return tuple(dict.fromkeys(body.text for policy in asked for body in policy.handling_body))


Found = tuple[str, Loc, Question, str]


def _missing_and_unverified(policy: Policy) -> Iterator[Found]:
    if policy.kind is Kind.SERVICE:
        yield from _missing_of_service(policy)
    if policy.level is Level.DISTRICT and not policy.region:
        yield "region", ("region",), Question.REGION, MISSING
    for name in _ASKED_BY:
        yield from _unverified(policy, name)


def _missing_of_service(policy: Policy) -> Iterator[Found]:
    """Yield what an applicant at the counter needs and the entry does not have."""
    whole = all(counter.address and counter.hours for counter in policy.counter)
    if not policy.counter or not whole:
        seen = "地址或者办公时间没有写" if policy.counter else MISSING
        yield "counter", ("counter",), Question.COUNTER, seen
    if all(contact.phone in HOTLINES for contact in policy.contact if contact.phone):
        known = "、".join(contact.phone for contact in policy.contact if contact.phone)
        yield "contact", ("contact",), Question.PHONE, f"只有 {known}" if known else MISSING
    limits = policy.time_limit
    decided = [limit for limit in limits if limit.stage is TimeLimitStage.DECISION]
    if decided and not any(limit.kind is TimeLimitKind.PROMISED for limit in limits):
        yield "time_limit", ("time_limit",), Question.PROMISED, "只有法定的时限"
    if not policy.materials:
        yield "materials", ("materials",), Question.MATERIALS, MISSING
    for number, material in enumerate(policy.materials):
        if _FORM.search(material.name) and not (material.template or material.template_url):
            yield "materials", ("materials", number), Question.FORM, material.name
    if not policy.fee:
        yield "fee", ("fee",), Question.FEE, MISSING


def _unverified(policy: Policy, name: str) -> Iterator[Found]:
    """Yield the statements of a field that say of themselves that they are not verified."""
    for loc, text in _texts(getattr(policy, name), (name,)):
        if _UNVERIFIED.search(text):
            seen = _document_of(policy, loc) or _shortened(text)
            yield name, loc, _ASKED_BY[name], seen


def _texts(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Yield what a person reads in a field, with its place."""
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _texts(item, (*loc, number))
    elif hasattr(value, "model_fields_set"):
        for name in ("name", "title", "text", "cap", "note", "template", "all", "any", "not_"):
            yield from _texts(getattr(value, name, None), (*loc, name))


def _document_of(policy: Policy, loc: Loc) -> str | None:
    """Return the document that a place under `documents` is about."""
    if loc[0] != "documents" or not isinstance(loc[1], int):
        return None
    document = policy.documents[loc[1]]
    number = f"（{document.doc_number}）" if document.doc_number else ""
    return document.title if document.doc_number == document.title else document.title + number


def _whom_to_ask(policy: Policy, question: Question, loc: Loc) -> str:
    """Return the office that can answer, as far as the entry tells."""
    if loc[0] == "documents" and isinstance(loc[1], int):
        level = policy.documents[loc[1]].level or policy.level
        return f"发文机关的网站、国家法律法规数据库（{label(level)}的文件）"
    phones = [contact.phone for contact in policy.contact if contact.phone]
    special = next((phone for phone in phones if phone in HOTLINES and phone != "12345"), None)
    if special:
        return HOTLINES[special]
    return f"管“{policy.topic[0]}”的部门（不知道打哪个电话的，先打 12345）"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}……"
