"""An entry's page (条目页): what it shows of a policy, as plain data for its template."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from indexer.bundlepage import describe_plan, plan_texts
from indexer.bundles import Plan
from indexer.duedates import terms_of
from indexer.formulas import describe_estimate
from indexer.notice import has_notice
from indexer.policy import (
    Benefit,
    Clause,
    Condition,
    Contact,
    Counter,
    Document,
    Kind,
    Material,
    Policy,
    Source,
    Status,
    TimeLimit,
    TimeLimitStage,
    label,
    load_topics,
)
from indexer.questionnaire import material_tags
from indexer.situations import tell_situations

Data = dict[str, Any]

NAMES_SHOWN = 6  # of an entry on its page; the search knows them all

# The sections of an entry page: field → heading, how its items are set out.
SECTIONS = {
    "benefits": ("扶持内容", "list"),
    "applies_to": ("谁要办", "list"),
    "conditions": ("办理条件", "list"),
    "eligibility": ("申请条件", "list"),
    "materials": ("申请材料", "checklist"),
    "procedure": ("办理流程", "steps"),
    "time_limit": ("办理时限", "list"),
    "not_counted": ("不算在时限里的", "list"),
    "fee": ("收费", "list"),
    "validity": ("有效期", "list"),
    "obligations": ("办好以后", "list"),
    "consequences": ("不办或违反会怎样", "list"),
    "refusal": ("什么情况不批", "list"),
    "remedies": ("不服怎么办", "list"),
    "key_points": ("要点", "list"),
    "cautions": ("特别提醒", "cautions"),
    "handling_body": ("办理机关", "list"),
    "counter": ("办理窗口", "list"),
    "contact": ("咨询电话", "list"),
    "documents": ("依据文件", "list"),
}
APPLIES_TO = {Kind.SERVICE: "谁要办", Kind.BENEFIT: "谁能享受", Kind.RULE: "适用于谁"}
# A service or benefit opens with whom it is for; a rule with what it says.
RULE_FIRST = ("key_points", "cautions")

RELATIONS = {  # field → the same relation seen from the other entry
    "superseded_by": "supersedes",
    "supersedes": "superseded_by",
    "amends": "amended_by",
    "repeals": "repealed_by",
    "based_on": "basis_of",
    "related": "related",
}
RELATION_TITLES = {
    "bundled_in": "属于一件事",
    "superseded_by": "被下列条目替代",
    "supersedes": "替代了",
    "amended_by": "被下列条目修改",
    "amends": "修改了",
    "repealed_by": "被下列条目废止",
    "repeals": "废止了",
    "based_on": "依据",
    "basis_of": "以本条为依据",
    "related": "也可以看",
}
Links = Mapping[str, Mapping[str, Iterable[str]]]  # slug → relation → slugs


def list_card(policy: Policy) -> Data:
    return {
        "slug": policy.slug,
        "title": policy.title,
        "summary": policy.summary,
        "kind": policy.kind,
        "audience": list(policy.audience),
        "topic": list(policy.topic),
        "level": policy.level,
        "level_label": label(policy.level),
        "benefit_mode": policy.benefit_mode or "",
        "deadline": str(policy.deadline or ""),
        "words": " ".join((*policy.aliases, *policy.queries, *policy.doc_numbers, policy.issuer)),
        **dates_of(policy),
    }


def dates_of(policy: Policy) -> Data:
    """Return what the status on any day follows from."""
    return {
        "effective": str(policy.effective or ""),
        "expires": str(policy.expires or ""),
        "superseded": policy.superseded_by is not None,
    }


def link_entries(policies: Iterable[Policy]) -> Links:
    """Return every relation seen from both of its ends."""
    links: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for policy in policies:
        for name, reverse in RELATIONS.items():
            value = getattr(policy, name) or ()
            for slug in (value,) if isinstance(value, str) else value:
                links[policy.slug][name].add(slug)
                links[slug][reverse].add(policy.slug)
        for step in policy.bundle:
            if step.entry:
                links[step.entry]["bundled_in"].add(policy.slug)
    return links


def describe_entry(
    policy: Policy, links: Links, titles: Mapping[str, str], plan: Plan | None = None
) -> Data:
    """Return what an entry's page shows; `plan` is that of its bundle."""
    numbers = {source.id: n for n, source in enumerate(policy.sources, start=1) if source.id}
    successor = policy.superseded_by or ""
    topics = [topic for topic in load_topics() if topic.name in policy.topic]
    return {
        **list_card(policy),
        "answers": describe_answers(policy, titles),
        "kind_label": label(policy.kind),
        "has_notice": has_notice(policy.kind),
        "audience_labels": [label(audience) for audience in policy.audience],
        "topics": [{"name": topic.name, "slug": topic.slug} for topic in topics],
        "issuer": policy.issuer,
        "validity_note": policy.validity_note or "",
        "successor": {"slug": successor, "title": titles.get(successor, "")},
        "facts": _facts(policy),
        "bundle": describe_plan(plan, numbers) if plan else {},
        "sections": _sections(policy, numbers),
        "due": _due(policy),
        "relations": [
            {
                "title": title,
                "links": [
                    {"slug": slug, "title": titles[slug]}
                    for slug in sorted(links.get(policy.slug, {}).get(name, ()))
                    if slug in titles
                ],
            }
            for name, title in RELATION_TITLES.items()
            if links.get(policy.slug, {}).get(name)
        ],
        "sources": [_source(source) for source in policy.sources],
        "reviewed": str(policy.reviewed),
        "review_by": str(policy.review_by or ""),
        "owner": policy.owner or "",
    }


def describe_answers(policy: Policy, titles: Mapping[str, str]) -> Data:
    """Return the approved answers (统一答复), and what to say before them on another day.

    A page is read on any day, so that the warning of each status goes along with the answers.
    """
    cited = {source.id: _cite(source) for source in policy.sources if source.id}
    successor = titles.get(policy.superseded_by or "")
    instead = f"现在请看《{successor}》" if successor else "由新的规定接替"
    return {
        "rows": [
            {
                "id": f"answer-{number}",
                "question": answer.question,
                "short": answer.short,
                "long": answer.long or "",
                "basis": answer.basis or "",
                "sources": [cited[id_] for id_ in answer.source if id_ in cited],
            }
            for number, answer in enumerate(policy.answers, start=1)
        ],
        "warnings": {
            Status.PENDING: f"尚未施行：从 {policy.effective} 起施行，在这之前按原来的规定办",
            Status.EXPIRED: f"已失效：有效期到 {policy.expires} 为止，没有查到接续的规定，"
            "现在怎么办请打 12345 或到窗口问",
            Status.SUPERSEDED: f"已被替代：有效到 {policy.expires}，{instead}",
        },
        "reviewed": str(policy.reviewed),
    }


def _cite(source: Source) -> str:
    number = source.doc_number
    return f"{source.title}（{number}）" if number and number not in source.title else source.title


def _facts(policy: Policy) -> list[Data]:
    """Return the rows of the card at the top: what people ask first, only what is known."""
    window = policy.application_window
    times = [
        f"{label(limit.kind)} {limit.value} {label(limit.unit)}"
        for limit in policy.time_limit
        if limit.value is not None and limit.unit is not None
    ]
    rows: list[tuple[str, str | None, str]] = [
        ("文号", policy.doc_number, ""),
        ("发文机关", policy.issuer, ""),
        ("适用地区", "、".join(policy.region), ""),
        ("成文日期", _day(policy.issued), ""),
        ("施行日期", _day(policy.effective), ""),
        ("失效日期", _day(policy.expires), ""),
        ("享受方式", policy.benefit_mode, ""),
        ("扶持内容", _first(policy.benefits), "benefits"),
        ("申报时间", window.text if window else None, ""),
        ("截止日期", _day(window.closes if window else None), ""),
        ("办理时限", times[0] if times else _first(policy.time_limit), "time_limit"),
        ("收费", _first(policy.fee), "fee"),
        ("办理机关", _first(policy.handling_body), "handling_body"),
        ("咨询电话", "、".join(c.phone for c in policy.contact if c.phone), ""),
        ("也叫", "、".join(policy.aliases[:NAMES_SHOWN]), ""),
    ]
    return [{"label": name, "text": text, "section": id_} for name, text, id_ in rows if text]


def _due(policy: Policy) -> str:
    """Return what the page counts due dates from, as JSON, or nothing where nothing is due."""
    terms = terms_of(policy.public_record())
    if policy.kind is not Kind.SERVICE or not terms.of_stage(TimeLimitStage.DECISION):
        return ""
    return json.dumps(terms.to_dict(), ensure_ascii=False)


def _first(items: tuple[Benefit | Clause | TimeLimit, ...]) -> str | None:
    return items[0].text if items else None


def _day(day: date | None) -> str | None:
    return f"{day.year} 年 {day.month} 月 {day.day} 日" if day else None


def _sections(policy: Policy, numbers: Mapping[str, int]) -> list[Data]:
    names = list(SECTIONS)
    if policy.kind is Kind.RULE:
        names.sort(key=lambda name: name not in RULE_FIRST)
    asked = [situation.options for situation in policy.situations]
    sections = []
    for name in names:
        heading, style = SECTIONS[name]
        items = [_item(part, numbers, asked) for part in getattr(policy, name)]
        if name == "eligibility":
            _anchor(items, name)
        if items:
            title = APPLIES_TO[policy.kind] if name == "applies_to" else heading
            sections.append({"id": name, "title": title, "style": style, "rows": items})
    return sections


def _anchor(items: Iterable[Data], lead: str) -> None:
    """Name the places of conditions as `condition_anchors` does, for links to them."""
    for number, item in enumerate(items, start=1):
        item["id"] = f"{lead}-{number}"
        _anchor(item["children"], item["id"])


Part = Clause | Material | TimeLimit | Benefit | Condition | Document | Counter | Contact


def _item(part: Part, numbers: Mapping[str, int], asked: Sequence[Sequence[str]] = ()) -> Data:
    """Return one item of a section in the shape that all of them share."""
    fields = vars(part)  # each kind of part has some of them
    item: Data = {
        "text": fields.get("text", ""),
        "name": fields.get("name") or "",
        "when": fields.get("when") or tell_situations(fields.get("situation", ()), asked),
        "basis": fields.get("basis") or "",
        "note": part.note or "",
        "url": fields.get("url") or "",
        "refs": [numbers[id_] for id_ in fields.get("source", ()) if id_ in numbers],
        "tags": [],
        "details": [],
        "children": [],
    }
    match part:
        case Material():
            item["tags"] = material_tags(part)
        case TimeLimit():
            item["tags"] = _present(label(part.kind))
        case Benefit():
            item["tags"] = _present(label(part.type), _amount(part))
            item["details"] = _details(
                ("上限", part.cap), *(("怎么算", describe_estimate(row)) for row in part.estimate)
            )
        case Condition():
            groups = (
                ("下面的条件都要符合：", part.all),
                ("下面的条件符合一个就行：", part.any),
                ("不能有下面的情形：", part.not_),
            )
            for lead, children in groups:
                if children:
                    item["lead"] = lead
                    item["children"] = [_item(child, numbers) for child in children]
        case Document():
            item["name"] = part.title
            item["details"] = _details(
                ("文号", part.doc_number),
                ("条款", part.articles),
                ("制定机关", part.issuer),
                ("层级", label(part.level) if part.level else None),
                ("公布日期", _day(part.issued)),
                ("施行日期", _day(part.effective)),
                ("失效日期", _day(part.expires)),
                ("最近修改", part.amended),
            )
        case Counter():
            item["details"] = _details(("地址", part.address), ("办公时间", part.hours))
        case Contact():
            item["phone"] = part.phone or ""
    return item


def _present(*texts: str | None) -> list[str]:
    return [text for text in texts if text]


def _details(*rows: tuple[str, str | None]) -> list[Data]:
    return [{"label": name, "text": text} for name, text in rows if text]


def _amount(benefit: Benefit) -> str | None:
    if benefit.amount is None or benefit.unit is None:
        return None
    number = f"{benefit.amount.normalize() + Decimal(0):f}"
    gap = "" if benefit.unit == "%" else " "
    return f"{number}{gap}{benefit.unit}" + (f"（{benefit.per}）" if benefit.per else "")


def _source(source: Source) -> Data:
    return {
        "title": source.title,
        "url": source.url or "",
        "note": source.note or "",
        "details": _details(
            ("文号", source.doc_number),
            ("读自", source.location),
            ("文本日期", _day(source.text_date)),
        ),
    }


def plain_text(policy: Policy, sections: Iterable[Data], plan: Plan | None = None) -> str:
    """Return answers, body without its markup, then every statement of the record and its plan."""
    body = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", policy.body)
    body = re.sub(r"^[#>\-*+\s|:]+|[*`_|]", " ", body, flags=re.MULTILINE)
    items = [item for section in sections for item in section["rows"]]
    record = (f"{item['name']} {item['text']} {item['note']}" for item in items)
    answers = (f"{a.question} {a.short} {a.long or ''}" for a in policy.answers)
    planned = plan_texts(plan) if plan else ()
    parts = (" ".join(answers), body, " ".join(planned), " ".join(record))
    return " ".join(" ".join(parts).split())
