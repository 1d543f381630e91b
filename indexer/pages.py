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
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from indexer.bundles import Plan, plan_bundle
from indexer.checkcodes import FIRST_DAY
from indexer.entrypage import (
    Data,
    dates_of,
    describe_entry,
    link_entries,
    list_card,
    plain_text,
)
from indexer.faq import TopicQuestions, gather_questions
from indexer.library import Library
from indexer.movedpage import moved_pages
from indexer.notice import has_notice, warnings_of
from indexer.noticehtml import notice_style, render_sheet
from indexer.notices import make_notice, sources_of_library
from indexer.policy import Audience, Kind, Level, Policy, Status, label, load_topics
from indexer.problems import PolicyError, Problem
from indexer.questionnaire import questionnaire_files
from indexer.recent import DAYS as CHANGE_DAYS
from indexer.recent import Past, describe_changes, describe_history, read_past
from indexer.revisions import SHORT
from indexer.sitesearch import FOLDER, search_files
from indexer.situations import options_of
from indexer.theme import theme_style
from indexer.workdays import DAYS, days_script, load_calendar

Progress = Callable[[int, int], None]

LIST_CARDS = 100  # on one page of a list
ASKED_ENTRIES = 50  # with their questions on one page of a topic
_HEAD = b"---\ntemplate: "  # what every page begins with
ROWS = 8  # of 最新施行 and 即将截止 on the home page
FIRST_QUESTIONS = 3  # of a topic on the page of all topics
CLOSING_DAYS = 60  # 即将截止: what closes within so many days
NO_ENTRY = {"slug": "", "version": ""}  # what a draft from a list is about

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


@dataclass(frozen=True)
class PagesReport:
    """What one run did."""

    total: int
    written: int
    removed: int


def build_pages(
    library: Library,
    out: Path,
    day: date,
    *,
    progress: Progress | None = None,
    authors: bool = False,
) -> PagesReport:
    """Write the pages of `library` below `out`: only what changed, and removes what is gone.

    With `authors` the history of an entry also tells who changed it. Beside `out` it is kept what
    the history came to.
    """
    if library.root.resolve().is_relative_to(out.resolve()):
        raise ValueError(f"网页不能写进 {out}：政策库的条目就在里面，请换一个文件夹。")
    note = out.with_name(f".{out.name}-history.json")
    past = read_past(library, note, day - timedelta(days=CHANGE_DAYS), authors=authors)
    pages = _make_pages(library, day, past)
    written = 0
    for number, (name, text) in enumerate(pages.items(), start=1):
        written += _write_if_changed(out / name, text)
        if progress is not None:
            progress(number, len(pages))
    return PagesReport(len(pages), written, _remove_others(out, set(pages)))


def _make_pages(library: Library, day: date, past: Past) -> dict[str, str]:
    policies = library.policies
    titles = {policy.slug: policy.title for policy in policies}
    questions = gather_questions(policies, titles, day)
    bundles = _bundle_links(policies, day)
    pages = _question_pages(questions)
    for shelf in _shelves():
        members = [policy for policy in policies if shelf.holds(policy)]
        beside = _questions_beside(shelf, questions)
        pages |= _list_pages(shelf, members, day, bundles, beside)
    entries, texts = _entry_pages(library, titles, past)
    files, version = search_files(policies, texts, _labels())
    questionnaire, match = _questionnaire(policies)
    data = _shared_files() | files | questionnaire
    single = match | _single_pages(library, day, version) | _changes_page(library, past, day)
    moved = _moved_pages(library)
    return pages | entries | _notice_pages(library) | moved | data | single


def _entry_pages(
    library: Library, titles: Mapping[str, str], past: Past
) -> tuple[dict[str, str], list[str]]:
    """Return the page of each entry, and what the site's own search finds of it."""
    links = link_entries(library.policies)
    pages, texts = {}, []
    for policy in library.policies:
        plan = _plan(policy, library)
        entry = describe_entry(policy, links, titles, plan)
        texts.append(plain_text(policy, entry["sections"], plan))
        entry["history"] = describe_history(past, policy.slug)
        pages[f"policies/{policy.slug}.md"] = _page(
            "entry.html",
            policy.title,
            policy.body,
            summary=policy.summary,
            entry=entry,
            feedback=_feedback(library, policy.slug),
        )
    return pages, texts


def _feedback(library: Library, slug: str) -> Data:
    """Return what a reader's draft is about: an entry, and the content that was read.

    The content is named by the beginning of its blob id, which git understands as well.
    """
    return {"slug": slug, "version": library.by_slug[slug].digest[:SHORT]}


def _shared_files() -> dict[str, str]:
    """Return the styles and the days off that pages load, made from what is installed."""
    return {
        "assets/stylesheets/theme.css": theme_style(),
        "assets/stylesheets/notice.css": notice_style(),
        DAYS: days_script(load_calendar()),
    }


def _notice_pages(library: Library) -> dict[str, str]:
    """Return the page of each notice, where one ticks what applies and prints it."""
    find = sources_of_library(library)
    pages = {}
    for policy in (policy for policy in library.policies if has_notice(policy.kind)):
        # On its page a notice has no day yet; every day would do.
        notice = make_notice(find, policy.slug, (), FIRST_DAY)
        pages[f"notices/{policy.slug}.md"] = _page(
            "notice.html",
            f"一次告知单：{policy.title}",
            summary="勾选办事人的情形，只列出该列的材料、步骤和时限，打印出来一式两份。",
            notice={
                "slug": policy.slug,
                "title": policy.title,
                "digest": notice.version.digest,
                "situations": _questions(policy),
                "sheet": render_sheet(notice, every=True),
                "warnings": [
                    {"status": status, "text": text} for status, text in warnings_of(policy).items()
                ],
                **dates_of(policy),
            },
            feedback=_feedback(library, policy.slug),
        )
    return pages


def _moved_pages(library: Library) -> dict[str, str]:
    """Return a page at each address that once was: it leads on, or says why the entry is gone."""
    return {
        f"{address}.md": _page(
            "moved.html",
            "网址换了" if told["to"] else f"已撤下：{told['title'] or told['slug']}",
            summary="这个网址上的条目换了网址，或者已经撤下。",
            moved=told,
        )
        for address, told in moved_pages(library).items()
    }


def _questions(policy: Policy) -> list[Data]:
    """Return what is asked before a notice is printed; options are counted through."""
    places = {option: place for place, option in enumerate(options_of(policy.situations))}
    return [
        {
            "question": asked.question,
            "note": asked.note or "",
            "options": [{"place": places[name], "name": name} for name in asked.options],
        }
        for asked in policy.situations
    ]


def _plan(policy: Policy, library: Library) -> Plan | None:
    """Return the plan of a bundle, none for any other entry."""
    if not policy.bundle:
        return None

    def find(slug: str) -> Policy | None:
        entry = library.by_slug.get(slug)
        return entry.policy if entry else None

    return plan_bundle(policy, find)


def _bundle_links(policies: Iterable[Policy], day: date) -> list[Data]:
    """Return links to the bundles that may be relied on, for home and lists."""
    return [
        {
            "slug": policy.slug,
            "name": next(iter(policy.aliases), policy.title),
            "count": len(policy.bundle),
        }
        for policy in policies
        if policy.bundle and policy.status_on(day) is Status.IN_FORCE
    ]


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


def _question_pages(questions: Sequence[TopicQuestions]) -> dict[str, str]:
    """Return the page of the common questions of each topic, and the page that leads to them."""
    pages = {
        "questions.md": _page(
            "questions.html",
            "常见问题",
            summary="热线和窗口的统一答复，按主题排：大家怎么问，怎么答，依据什么。",
            topics=[
                {
                    "name": of.topic.name,
                    "slug": of.topic.slug,
                    "total": of.total,
                    "first": of.first(FIRST_QUESTIONS),
                }
                for of in questions
            ],
            feedback=NO_ENTRY,
        )
    }
    for of in questions:
        pages |= _topic_questions(of)
    return pages


def _topic_questions(of: TopicQuestions) -> dict[str, str]:
    """Return the page of a topic's questions, or of many its pages, each with some entries."""
    parts = [of.groups[at : at + ASKED_ENTRIES] for at in range(0, len(of.groups), ASKED_ENTRIES)]
    names = _page_names(f"questions/{of.topic.slug}", len(parts))
    pages = {}
    for number, (name, groups) in enumerate(zip(names, parts, strict=True), start=1):
        pages[f"{name}.md"] = _page(
            "topic-questions.html",
            _numbered(f"{of.topic.name}：常见问题", number),
            summary=f"{of.topic.description}。每一问都能点开条目看条件、材料和出处。",
            topic={"name": of.topic.name, "slug": of.topic.slug},
            total=of.total,
            groups=groups,
            steps=_steps(names, number),
            feedback=NO_ENTRY,
        )
    return pages


def _questions_beside(shelf: "Shelf", questions: Iterable[TopicQuestions]) -> Data | None:
    """Return the page of common questions beside a list of a topic, and how many it has."""
    return next(
        (
            {"page": f"questions/{of.topic.slug}", "total": of.total}
            for of in questions
            if shelf.page == f"topics/{of.topic.slug}"
        ),
        None,
    )


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


def _changes_page(library: Library, past: Past, day: date) -> dict[str, str]:
    """Return the page that tells what has changed lately."""
    page = _page(
        "changes.html",
        "最近更新",
        summary="哪些政策到日子了，哪些条目新增、改动或者撤下了，改了什么。",
        changes=describe_changes(library, past, day),
    )
    return {"changes.md": page}


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
        bundles=_bundle_links(library.policies, day),
        newest=[list_card(policy) for policy in newest[:ROWS]],
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
        list_card(policy) | {"days": (closes - day).days}
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
    """One list: the page it begins on, and which entries it holds, set out under which names.

    With `bundles` it opens with links to all bundles.
    """

    page: str
    title: str
    description: str
    field: str
    value: str
    by_topic: bool = False
    bundles: bool = False

    def holds(self, policy: Policy) -> bool:
        value = getattr(policy, self.field)
        return self.value in value if isinstance(value, tuple) else bool(value == self.value)


def _shelves() -> Iterator[Shelf]:
    for kind in Kind:
        bundles = kind in (Kind.SERVICE, Kind.RULE)
        yield Shelf(kind, *LISTS[kind], "kind", kind, by_topic=True, bundles=bundles)
    for audience in Audience:
        yield Shelf(audience, *LISTS[audience], "audience", audience)
    for topic in load_topics():
        page = f"topics/{topic.slug}"
        yield Shelf(page, topic.name, topic.description, "topic", topic.name)
    for level in Level:
        yield Shelf(f"levels/{level}", *LISTS[level], "level", level)


def _list_pages(
    shelf: Shelf,
    members: list[Policy],
    day: date,
    bundles: list[Data],
    questions: Data | None,
) -> dict[str, str]:
    """Return the page of a list, or of a long one its pages, each with the next LIST_CARDS."""
    groups = (_by_topic if shelf.by_topic else _by_kind)(members, day)
    ordered = [(name, policy) for name, policies in groups.items() for policy in policies]
    parts = [ordered[at : at + LIST_CARDS] for at in range(0, len(ordered), LIST_CARDS)] or [[]]
    names = _page_names(shelf.page, len(parts))
    common: Data = {
        "feedback": NO_ENTRY,
        "summary": shelf.description,
        "total": len(members),
        "labels": _json(_labels()),
        "begins": shelf.page,
        "questions": questions,
        "chosen": {"name": shelf.field, "value": shelf.value},
        "facets": _facets(shelf, members, day) if len(parts) > 1 else [],
    }
    pages = {}
    for number, (name, part) in enumerate(zip(names, parts, strict=True), start=1):
        cards: dict[str, list[Data]] = defaultdict(list)
        for group, policy in part:
            cards[group].append(list_card(policy))
        pages[f"{name}.md"] = _page(
            "list.html",
            _numbered(shelf.title, number),
            groups=[{"name": g, "count": len(groups[g]), "cards": cards[g]} for g in cards],
            steps=_steps(names, number),
            bundles=bundles if shelf.bundles and number == 1 else [],
            **common,
        )
    return pages


def _page_names(first: str, count: int) -> list[str]:
    return [first, *(f"{first}-{number}" for number in range(2, count + 1))]


def _numbered(title: str, number: int) -> str:
    return title if number == 1 else f"{title}（第 {number} 页）"


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
