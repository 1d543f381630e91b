"""Pages (网页): the library → Markdown files that MkDocs, or another generator, turns into HTML.

A page is the name of a template and plain data in its front matter; the template does the rest.
What a record says never passes through Markdown, so nothing written in it can become markup.
"""

import json
import re
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from indexer.formulas import describe_estimate
from indexer.library import Library
from indexer.policy import (
    Audience,
    Benefit,
    Clause,
    Condition,
    Contact,
    Counter,
    Document,
    Kind,
    Level,
    Material,
    Policy,
    Source,
    Status,
    TimeLimit,
    label,
    load_topics,
)
from indexer.problems import PolicyError, Problem
from indexer.questionnaire import material_tags, questionnaire_files
from indexer.sitesearch import FOLDER, search_files
from indexer.theme import theme_style

Progress = Callable[[int, int], None]
Data = dict[str, Any]

NAMES_SHOWN = 6  # of an entry on its page; the search knows them all
LIST_CARDS = 100  # on one page of a list
_HEAD = b"---\ntemplate: "  # what every page begins with
ROWS = 8  # of 最新施行 and 即将截止 on the home page
CLOSING_DAYS = 60  # 即将截止: what closes within so many days

LISTS: dict[StrEnum, tuple[str, str]] = {
    Kind.SERVICE: ("办事事项", "要办手续、要报修、要开通，先看找谁办、带什么、多久办好。"),
    Kind.BENEFIT: ("惠企惠民政策", "减免、补贴、贷款、奖励：谁能享受、享受多少、怎么办。"),
    Kind.RULE: ("规则与依据", "办事的规矩：期限、收费、监督，以及不服怎么办。"),
    Audience.ENTERPRISE: ("惠企政策", "企业和个体工商户能享受的政策、常办的事项、要知道的规则。"),
    Audience.CITIZEN: ("惠民政策", "个人和家庭能享受的政策、常办的事项、要知道的规则。"),
    Level.NATIONAL: ("国家政策", "国家机关制定的法律、法规和政策。"),
    Level.PROVINCE: ("省级政策", "省级机关制定的规定和政策。"),
    Level.CITY: ("市级政策", "市级机关制定的规定和政策。"),
    Level.DISTRICT: ("区县政策", "区县机关制定的规定和政策。"),
}

# The sections of an entry page: field → heading, how its items are set out.
SECTIONS = {
    "benefits": ("扶持内容", "list"),
    "applies_to": ("谁要办", "list"),
    "conditions": ("办理条件", "list"),
    "eligibility": ("申请条件", "list"),
    "materials": ("申请材料", "checklist"),
    "procedure": ("办理流程", "steps"),
    "time_limit": ("办理时限", "list"),
    "fee": ("收费", "list"),
    "validity": ("有效期", "list"),
    "obligations": ("办好以后", "list"),
    "consequences": ("不办或违反会怎样", "list"),
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


@dataclass(frozen=True)
class PagesReport:
    """What one run did."""

    total: int
    written: int
    removed: int


def build_pages(
    library: Library, out: Path, day: date, *, progress: Progress | None = None
) -> PagesReport:
    """Write the pages of `library` below `out`: only what changed, and removes what is gone."""
    if library.root.resolve().is_relative_to(out.resolve()):
        raise ValueError(f"网页不能写进 {out}：政策库的条目就在里面，请换一个文件夹。")
    pages = _make_pages(library, day)
    written = 0
    for number, (name, text) in enumerate(pages.items(), start=1):
        written += _write_if_changed(out / name, text)
        if progress is not None:
            progress(number, len(pages))
    return PagesReport(len(pages), written, _remove_others(out, set(pages)))


def _make_pages(library: Library, day: date) -> dict[str, str]:
    policies = library.policies
    pages: dict[str, str] = {}
    for shelf in _shelves():
        pages |= _list_pages(shelf, [p for p in policies if shelf.holds(p)], day)
    links = _link_entries(policies)
    titles = {policy.slug: policy.title for policy in policies}
    texts = []
    for policy in policies:
        entry = _describe_entry(policy, links, titles)
        texts.append(_plain_text(policy, entry["sections"]))
        pages[f"policies/{policy.slug}.md"] = _page(
            "entry.html", policy.title, policy.body, summary=policy.summary, entry=entry
        )
    files, version = search_files(policies, texts, _labels())
    style = {"assets/stylesheets/theme.css": theme_style()}
    questionnaire, match = _questionnaire(policies)
    return pages | files | style | questionnaire | match | _single_pages(library, day, version)


def _questionnaire(policies: Sequence[Policy]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the data of the questionnaire, and its page, which lists the entries as well."""
    files, version = questionnaire_files(policies)
    page = _page(
        "match.html",
        "政策找人",
        summary="回答几个问题，看看能享受哪些政策，还差什么。不用登录，回答不会发给任何人。",
        version=version,
        lists=[_benefit_list(audience, policies) for audience in Audience],
    )
    return files, {"match.md": page}


def _benefit_list(audience: Audience, policies: Iterable[Policy]) -> Data:
    found = [p for p in policies if p.kind is Kind.BENEFIT and audience in p.audience]
    return {
        "page": audience,
        "title": LISTS[audience][0],
        "total": len(found),
        "links": [{"slug": p.slug, "title": p.title} for p in found[:LIST_CARDS]],
    }


def _single_pages(library: Library, day: date, version: str) -> dict[str, str]:
    """Return the pages that there is one of; `version` is that of the search files."""
    policies = library.policies
    counts = Tally[str](value for policy in policies for value in (policy.kind, *policy.audience))
    topics = _count_topics(policies)
    return {
        "index.md": _home_page(library, counts, topics, day),
        "search.md": _page(
            "search.html", "搜索", summary="搜索政策库里的全部条目。", version=version
        ),
        "about.md": _page(
            "about.html",
            "关于政策库",
            summary="内容从哪里来、时效怎么算、怎样报错。",
            total=len(policies),
            reviewed=max((str(policy.reviewed) for policy in policies), default=""),
        ),
        "topics.md": _page(
            "topics.html", "主题", summary="按主题找办事事项和政策。", topics=topics
        ),
    }


def _page(template: str, title: str, body: str = "", **data: Any) -> str:
    """Return a page: each value of its front matter is JSON, which YAML readers take alike."""
    head = {"template": template, "title": title, **data}
    return "\n".join(["---", *(f"{n}: {_json(v)}" for n, v in head.items()), "---", "", body, ""])


def _json(value: Any) -> str:
    """Return one line of JSON without the characters that end a line in YAML or JavaScript."""
    text = json.dumps(value, ensure_ascii=False)
    unsafe = "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
    return re.sub(unsafe, lambda match: f"\\u{ord(match.group()):04x}", text)


def _write_if_changed(path: Path, text: str) -> bool:
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True


def _remove_others(out: Path, names: set[str]) -> int:
    """Remove the pages that are gone, of entries, topics and long lists; return how many.

    In a folder that was given by mistake there may be other files: those are left alone.
    """
    files = [*filter(_is_ours, out.rglob("*.md")), *(out / FOLDER).rglob("*.js")]
    stale = [path for path in files if path.relative_to(out).as_posix() not in names]
    for path in stale:
        path.unlink()
    return sum(path.suffix == ".md" for path in stale)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD


# Home and lists


def _home_page(library: Library, counts: Mapping[str, int], topics: list[Data], day: date) -> str:
    intro, examples = _read_intro(library.root / "index.md")
    current = [p for p in library.policies if p.status_on(day) is Status.IN_FORCE]
    newest = sorted((p for p in current if p.effective), key=lambda p: str(p.effective))[::-1]
    return _page(
        "home.html",
        "首页",
        intro,
        summary="查政策、查手续、查材料：办事事项、惠企惠民政策和规则依据，条条有出处。",
        total=len(library.policies),
        counts=dict(counts),
        examples=examples,
        topics=topics,
        newest=[_card(policy) for policy in newest[:ROWS]],
        closing=_closing(current, day),
        closing_days=CLOSING_DAYS,
        rows=ROWS,
    )


def _closing(policies: Iterable[Policy], day: date) -> list[Data]:
    """Return what closes, the nearest first: all that home can show on this day or a later one.

    Home shows the first ROWS, so of one day no more can ever be seen.
    """
    by_day: dict[date, list[Policy]] = defaultdict(list)
    for policy in policies:
        if policy.deadline and policy.deadline >= day:
            by_day[policy.deadline].append(policy)
    return [
        _card(policy) | {"days": (closes - day).days}
        for closes in sorted(by_day)
        for policy in by_day[closes][:ROWS]
    ]


def _read_intro(path: Path) -> tuple[str, list[str]]:
    """Return the home page's words and example queries (`examples`) from `policies/index.md`."""
    text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    match = re.match(r"---\n(.*?)^---\n", text, re.DOTALL | re.MULTILINE)
    if match is None:
        return text.strip(), []
    try:
        head = yaml.load(match[1], Loader=yaml.BaseLoader) or {}  # noqa: S506
    except yaml.YAMLError:
        head = None
    examples = head.get("examples") or [] if isinstance(head, dict) else None
    if not isinstance(examples, list) or not all(isinstance(e, str) for e in examples):
        message = "开头要写成 examples: 和下面一行一个的“- 例子”，请照原来的样子改。"
        raise PolicyError([Problem(f"{path.parent.name}/{path.name}", 1, "examples", message)])
    return text[match.end() :].strip(), examples


def _count_topics(policies: Iterable[Policy]) -> list[Data]:
    """Return the topics that have entries."""
    counts = Tally(name for policy in policies for name in policy.topic)
    return [
        {"name": t.name, "slug": t.slug, "description": t.description, "count": counts[t.name]}
        for t in load_topics()
        if counts[t.name]
    ]


@dataclass(frozen=True)
class Shelf:
    """One list: the page it begins on, and which entries it holds, set out under which names."""

    page: str
    title: str
    description: str
    field: str
    value: str
    by_topic: bool = False

    def holds(self, policy: Policy) -> bool:
        value = getattr(policy, self.field)
        return self.value in value if isinstance(value, tuple) else bool(value == self.value)


def _shelves() -> Iterator[Shelf]:
    for kind in Kind:
        yield Shelf(kind, *LISTS[kind], "kind", kind, by_topic=True)
    for audience in Audience:
        yield Shelf(audience, *LISTS[audience], "audience", audience)
    for topic in load_topics():
        page = f"topics/{topic.slug}"
        yield Shelf(page, topic.name, topic.description, "topic", topic.name)
    for level in Level:
        yield Shelf(f"levels/{level}", *LISTS[level], "level", level)


def _list_pages(shelf: Shelf, members: list[Policy], day: date) -> dict[str, str]:
    """Return the page of a list, or of a long one its pages, each with the next LIST_CARDS."""
    groups = (_by_topic if shelf.by_topic else _by_kind)(members, day)
    ordered = [(name, policy) for name, policies in groups.items() for policy in policies]
    parts = [ordered[at : at + LIST_CARDS] for at in range(0, len(ordered), LIST_CARDS)] or [[]]
    names = [shelf.page, *(f"{shelf.page}-{number}" for number in range(2, len(parts) + 1))]
    common: Data = {
        "summary": shelf.description,
        "total": len(members),
        "labels": _json(_labels()),
        "begins": shelf.page,
        "chosen": {"name": shelf.field, "value": shelf.value},
        "facets": _facets(shelf, members, day) if len(parts) > 1 else [],
    }
    pages = {}
    for number, (name, part) in enumerate(zip(names, parts, strict=True), start=1):
        cards: dict[str, list[Data]] = defaultdict(list)
        for group, policy in part:
            cards[group].append(_card(policy))
        pages[f"{name}.md"] = _page(
            "list.html",
            shelf.title if number == 1 else f"{shelf.title}（第 {number} 页）",
            groups=[{"name": g, "count": len(groups[g]), "cards": cards[g]} for g in cards],
            steps=_steps(names, number),
            **common,
        )
    return pages


def _steps(names: Sequence[str], number: int) -> list[Data]:
    """Return the links between the pages of a long list: to the neighbours and to both ends."""
    last = len(names)
    if last == 1:
        return []
    near = sorted({1, number - 1, number, number + 1, last} & set(range(1, last + 1)))
    steps = [(str(n), n) for n in near]
    before = [("上一页", number - 1)] if number > 1 else []
    after = [("下一页", number + 1)] if number < last else []
    return [
        {"text": text, "page": names[to - 1], "current": to == number}
        for text, to in (*before, *steps, *after)
    ]


def _facets(shelf: Shelf, members: Sequence[Policy], day: date) -> list[Data]:
    """Return how many of a long list have which value, for links into the search."""
    fields = _labels()["fields"]
    return [
        {"name": name, "title": title, "rows": rows}
        for name, title in fields.items()
        if name != shelf.field and len(rows := _count_values(name, members, day)) > 1
    ]


def _count_values(name: str, members: Sequence[Policy], day: date) -> list[Data]:
    counts = Tally[str]()
    for policy in members:
        value = policy.status_on(day) if name == "status" else getattr(policy, name)
        counts.update(value if isinstance(value, tuple) else filter(None, (value,)))
    known = list(_labels().get(name, ()))
    order = sorted(counts, key=lambda v: (known.index(v) if v in known else 0, -counts[v], v))
    return [
        {"value": v, "label": _labels().get(name, {}).get(v, v), "count": counts[v]} for v in order
    ]


def _by_topic(policies: list[Policy], day: date) -> dict[str, list[Policy]]:
    """Group by an entry's first topic."""
    names = [topic.name for topic in load_topics()]
    return _group(names, policies, lambda policy: policy.topic[0], day)


def _by_kind(policies: list[Policy], day: date) -> dict[str, list[Policy]]:
    """Group by kind, what one may receive first."""
    names = [label(kind) for kind in (Kind.BENEFIT, Kind.SERVICE, Kind.RULE)]
    return _group(names, policies, lambda policy: label(policy.kind), day)


def _group(
    names: list[str], policies: list[Policy], name_of: Callable[[Policy], str], day: date
) -> dict[str, list[Policy]]:
    groups: dict[str, list[Policy]] = defaultdict(list)
    for policy in sorted(policies, key=lambda p: (_over(p, day), p.level.name, p.slug)):
        groups[name_of(policy)].append(policy)
    return {name: groups[name] for name in names if name in groups}


def _over(policy: Policy, day: date) -> bool:
    return policy.status_on(day) in (Status.EXPIRED, Status.SUPERSEDED)


def _card(policy: Policy) -> Data:
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
        **_dates(policy),
    }


def _dates(policy: Policy) -> Data:
    return {
        "effective": str(policy.effective or ""),
        "expires": str(policy.expires or ""),
        "superseded": policy.superseded_by is not None,
    }


def _labels() -> Data:
    """Return the Chinese names of filters and of their values."""
    return {
        "fields": {
            "kind": "类别",
            "audience": "适用对象",
            "topic": "主题",
            "level": "层级",
            "status": "时效",
            "benefit_mode": "享受方式",
        },
        **{
            name: {value: label(value) for value in values}
            for name, values in {
                "kind": Kind,
                "audience": Audience,
                "level": Level,
                "status": Status,
            }.items()
        },
    }


# One entry


def _link_entries(policies: Iterable[Policy]) -> Links:
    """Return every relation seen from both of its ends."""
    links: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for policy in policies:
        for name, reverse in RELATIONS.items():
            value = getattr(policy, name) or ()
            for slug in (value,) if isinstance(value, str) else value:
                links[policy.slug][name].add(slug)
                links[slug][reverse].add(policy.slug)
    return links


def _describe_entry(policy: Policy, links: Links, titles: Mapping[str, str]) -> Data:
    numbers = {source.id: n for n, source in enumerate(policy.sources, start=1) if source.id}
    successor = policy.superseded_by or ""
    topics = [topic for topic in load_topics() if topic.name in policy.topic]
    return {
        **_card(policy),
        "kind_label": label(policy.kind),
        "audience_labels": [label(audience) for audience in policy.audience],
        "topics": [{"name": topic.name, "slug": topic.slug} for topic in topics],
        "issuer": policy.issuer,
        "validity_note": policy.validity_note or "",
        "successor": {"slug": successor, "title": titles.get(successor, "")},
        "facts": _facts(policy),
        "sections": _sections(policy, numbers),
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


def _first(items: tuple[Benefit | Clause | TimeLimit, ...]) -> str | None:
    return items[0].text if items else None


def _day(day: date | None) -> str | None:
    return f"{day.year} 年 {day.month} 月 {day.day} 日" if day else None


def _sections(policy: Policy, numbers: Mapping[str, int]) -> list[Data]:
    names = list(SECTIONS)
    if policy.kind is Kind.RULE:
        names.sort(key=lambda name: name not in RULE_FIRST)
    sections = []
    for name in names:
        heading, style = SECTIONS[name]
        items = [_item(part, numbers) for part in getattr(policy, name)]
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


def _item(part: Part, numbers: Mapping[str, int]) -> Data:
    """Return one item of a section in the shape that all of them share."""
    fields = vars(part)  # each kind of part has some of them
    item: Data = {
        "text": fields.get("text", ""),
        "name": fields.get("name") or "",
        "when": fields.get("when") or "",
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


def _plain_text(policy: Policy, sections: Iterable[Data]) -> str:
    """Return the body without its markup, then every statement of the record."""
    body = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", policy.body)
    body = re.sub(r"^[#>\-*+\s|:]+|[*`_|]", " ", body, flags=re.MULTILINE)
    items = [item for section in sections for item in section["rows"]]
    record = (f"{item['name']} {item['text']} {item['note']}" for item in items)
    return " ".join(f"{body} {' '.join(record)}".split())
