"""The report of a change (变化报告): what differs and what it touches, for a person to read.

The same parts are told as Markdown, for a pull request, and in the terminal.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from indexer.changes import Change
from indexer.impact import TIES, Impact, MatchChange, NoticeChange, Standing, Ties
from indexer.problems import Problem
from indexer.searchmoves import DEPTH, QueryMove
from indexer.snapshots import FATES, EntryChange, Fate

FOLDED = 10  # lines: a part with more is folded in Markdown
LONG = 60  # characters: longer texts stand below one another, old above new
LISTED = 8  # names in one line
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|~"} | {"@": "&#64;"})


@dataclass(frozen=True)
class Comparison:
    """What differs between two states of a library, and everything that follows.

    `moves` are None where the search was not asked; `left_out` says what was not looked at.
    """

    before: str
    after: str
    day: date
    entries: tuple[EntryChange, ...]
    ties: Ties
    impact: Impact
    moves: tuple[QueryMove, ...] | None
    left_out: tuple[str, ...] = ()
    problems: tuple[tuple[Problem, ...], tuple[Problem, ...]] = ((), ())

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "before": self.before,
            "after": self.after,
            "as_of": self.day.isoformat(),
            "entries": [
                {**entry.to_dict(), "ties": self.ties.get(entry.slug, {})} for entry in self.entries
            ],
            "impact": self.impact.to_dict(),
            "queries": None
            if self.moves is None
            else [{**vars(move), "worse": move.is_worse} for move in self.moves],
            "left_out": list(self.left_out),
            "problems": {
                name: [problem.to_dict() for problem in problems]
                for name, problems in zip(("before", "after"), self.problems, strict=True)
            },
        }


@dataclass(frozen=True)
class Part:
    """One part of a report: its heading, lines, and a table."""

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    level: int = 2
    parts: tuple["Part", ...] = field(default=())


def tell_comparison(told: Comparison) -> Part:
    """Return the report of a comparison."""
    counts = [
        f"{name} {number} 条"
        for fate, name in FATES.items()
        if (number := sum(entry.fate is fate for entry in told.entries))
    ]
    lead = f"按 {told.day} 判断：{'，'.join(counts) or '没有条目变化'}。"
    parts = [
        _entries(told),
        _statuses(told.impact),
        _answers(told.entries),
        _notices(told.impact),
        _plans(told.impact),
        _rules(told.impact),
        _matches(told.impact.matches),
        _bases(told.impact),
        _moves(told.moves),
        _problems("原来有问题的条目（没有算进去）", told.problems[0]),
        _problems("现在有问题的条目（改好再比，结果才全）", told.problems[1]),
        Part("没有看的", told.left_out),
    ]
    kept = tuple(part for part in parts if part.lines or part.rows or part.parts)
    return Part(f"政策库的变化：{told.before} → {told.after}", (lead,), level=1, parts=kept)


def _entries(told: Comparison) -> Part:
    return Part(
        "哪些条目变了",
        parts=tuple(_entry(entry, told.ties.get(entry.slug, {})) for entry in told.entries),
    )


def _entry(entry: EntryChange, tied: Mapping[str, Sequence[str]]) -> Part:
    lines = [_place(entry), *(line for change in entry.changes for line in _change_lines(change))]
    if entry.fate is not Fate.CHANGED or not all(change.quiet for change in entry.changes):
        lines += [f"牵涉　{TIES[name]}：{_listed(others)}" for name, others in tied.items()]
    if entry.fate is Fate.WITHDRAWN:
        lines.append("撤下以后旧网址打不开；被别的条目替代的，请留着并写 superseded_by。")
    return Part(f"{entry.title}（{entry.slug}，{FATES[entry.fate]}）", tuple(lines), level=3)


def _place(entry: EntryChange) -> str:
    if entry.fate is Fate.MOVED:
        return f"文件：{entry.old_path} → {entry.new_path}"
    return f"文件：{entry.new_path or entry.old_path}"


def _change_lines(change: Change) -> Iterator[str]:
    """Yield a change in one line, or with long texts below one another."""
    if max(len(change.before), len(change.after)) <= LONG:
        yield change.words
        return
    yield f"{change.what}："
    yield from (f"　原来　{change.before}",) if change.before else ()
    yield from (f"　现在　{change.after}",) if change.after else ("　现在没有了",)


def _statuses(impact: Impact) -> Part:
    rows = tuple(
        (
            f"{row.title}（{row.slug}）",
            row.today[0] if row.today[0] == row.today[1] else " → ".join(row.today),
            "；".join(row.before) or "没有起止日期",
            "；".join(row.after) or "没有起止日期",
        )
        for row in impact.statuses
    )
    return Part("时效", head=("条目", "今天", "原来哪天变", "现在哪天变"), rows=rows)


def _answers(entries: Iterable[EntryChange]) -> Part:
    lines = tuple(
        f"{entry.title}：{line.strip()}"
        for entry in entries
        for change in entry.changes
        if change.field == "answers"
        for line in _change_lines(change)
    )
    return Part("统一答复（热线、窗口的口径跟着变）", lines)


def _notices(impact: Impact) -> Part:
    """Return the notices that change; those in which the same lines change stand together."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[NoticeChange]] = defaultdict(list)
    for notice in impact.notices:
        alike[notice.options, notice.lines].append(notice)
    parts = tuple(
        Part(_named(same), (*_why(same[0]), *lines), level=3) for (_, lines), same in alike.items()
    )
    return Part(f"一次告知单印出来不一样的（{len(impact.notices)} 份）", parts=parts)


def _named(notices: Sequence[NoticeChange]) -> str:
    if len(notices) == 1:
        return f"{notices[0].title}（{notices[0].slug}）"
    return f"下面 {len(notices)} 份一样：{'、'.join(notice.title for notice in notices)}"


def _why(notice: NoticeChange) -> Iterator[str]:
    options = f"只在这些情形：{'、'.join(notice.options)}" if notice.options else "各种情形都变"
    yield f"起因：{_listed(notice.because)}；{options}"


def _plans(impact: Impact) -> Part:
    parts = tuple(
        Part(f"{plan.title}（{plan.slug}）", plan.lines, level=3) for plan in impact.plans
    )
    return Part("一件事的计划不一样的", parts=parts)


def _rules(impact: Impact) -> Part:
    lines = [
        f"{rule.title}（{rule.slug}）：{what}{'、'.join(keys)}"
        for rule in impact.rules
        for what, keys in (("多问 ", rule.asked), ("不再问 ", rule.dropped))
        if keys
    ]
    return Part("政策匹配问的", tuple(lines))


def _matches(matches: Sequence[MatchChange]) -> Part:
    """Return for whom an entry comes out otherwise; people for whom it does so alike together."""
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in matches:
        before, after = ("，".join((row.before, *row.estimates[0])),
                         "，".join((row.after, *row.estimates[1])))  # fmt: skip
        alike[f"{row.title}（{row.slug}）", before, after].append(f"{row.who}（{row.persona}）")
    rows = tuple(
        (entry, before, after, f"{len(who)} 人：{_listed(who)}")
        for (entry, before, after), who in alike.items()
    )
    return Part("虚构人物的结果变了的", head=("条目", "原来", "现在", "谁"), rows=rows)


def _bases(impact: Impact) -> Part:
    lines = tuple(
        f"{lost.title}（{lost.slug}）：不再依据“{lost.basis}”"
        + (f"，统一答复还引用着：{'、'.join(lost.cited_by)}" if lost.cited_by else "")
        for lost in impact.bases
    )
    return Part("不再引用的依据", lines)


def _moves(moves: Sequence[QueryMove] | None) -> Part:
    rows = tuple(
        (
            move.query,
            " → ".join(slug or "没有结果" for slug in dict.fromkeys(move.first)),
            _listed(move.wanted),
            " → ".join(
                f"第 {place} 个" if place else f"前 {DEPTH} 个里没有" for place in move.place
            )
            + ("（往后退）" if move.is_worse else ""),
        )
        for move in moves or ()
    )
    return Part("检索结果变了的查询", head=("查询", "第一个", "该搜到", "该搜到的排在"), rows=rows)


def _problems(title: str, problems: Iterable[Problem]) -> Part:
    return Part(title, tuple(str(problem) for problem in problems))


def _listed(names: Sequence[str]) -> str:
    more = f" 等 {len(names)} 条" if len(names) > LISTED else ""
    return f"{'、'.join(names[:LISTED])}{more}"


def tell_standing(standing: Standing) -> Part:
    """Return the report of what hangs on an entry as it stands."""
    lines = [f"时效：{standing.status}{''.join(f'；{turn}' for turn in standing.turns)}"]
    lines += [
        f"{title}：{_listed([f'{name}（{slug}）' for slug, name in others])}"
        for title, others in standing.ties
    ]
    if standing.has_notice:
        lines.append(f"有一次告知单，分 {standing.situations} 种情形" if standing.situations
                     else "有一次告知单，不分情形")  # fmt: skip
    if standing.inherited_by:
        heirs = [f"{name}（{slug}）" for slug, name in standing.inherited_by]
        told = "这些告知单要抄本条的期限、不批的情形、救济途径"
        lines.append(f"{told}（{len(heirs)} 份）：{_listed(heirs)}")
    if standing.questions:
        lines.append(f"政策匹配要问：{'、'.join(standing.questions)}")
    if standing.outcomes:
        told = "，".join(f"{name} {number} 人" for name, number in standing.outcomes)
        lines.append(f"虚构人物的结果：{told}")
    if standing.estimates:
        lines.append(f"估算：{standing.estimates} 个算式")
    if standing.answers:
        lines.append(f"统一答复：{'；'.join(standing.answers)}")
    lines.append(f"检索：自己的常见问法 {standing.queries} 句，判定好的查询 {standing.judged} 句")
    if standing.pins:
        lines.append(f"置顶的说法：{'、'.join(standing.pins)}")
    return Part(f"{standing.title}（{standing.slug}）现在牵涉到", tuple(lines), level=1)


# Markdown


def render_markdown(*parts: Part) -> str:
    """Return parts as Markdown, what is long folded; nothing in a text can become markup."""
    return "\n".join(line for part in parts for line in _markdown(part)).strip() + "\n"


def _markdown(part: Part) -> Iterator[str]:
    yield f"{'#' * part.level} {_plain(part.title)}"
    yield ""
    content = [*_bullets(part), *_table(part)]
    if len(part.lines) + len(part.rows) > FOLDED:
        number = len(part.lines) + len(part.rows)
        yield from (f"<details><summary>一共 {number} 行，点开看</summary>", "")
        yield from (*content, "</details>", "")
    else:
        yield from content
    for inner in part.parts:
        yield from _markdown(inner)


def _bullets(part: Part) -> Iterator[str]:
    for line in part.lines:
        nested = line.startswith("　")
        yield f"{'  ' if nested else ''}- {_plain(line)}"
    if part.lines:
        yield ""


def _table(part: Part) -> Iterator[str]:
    if part.rows:
        yield f"| {' | '.join(part.head)} |"
        yield f"|{' --- |' * len(part.head)}"
        yield from (f"| {' | '.join(map(_plain, row))} |" for row in part.rows)
        yield ""


def _plain(text: str) -> str:
    return _clean(text).translate(_MARKS)


def _clean(text: str) -> str:
    """Return a text on one line without what a terminal could take for an order."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


# The terminal


def render_text(*parts: Part) -> str:
    """Return parts as plain lines."""
    return "\n".join(line for part in parts for line in _text(part)).strip() + "\n"


def _text(part: Part) -> Iterator[str]:
    indent = "  " * max(part.level - 2, 0)
    if part.level <= 2:
        yield ""
    title = _clean(part.title)
    yield f"{indent}{f'【{title}】' if part.level == 2 else title}"
    for line in part.lines:
        yield f"{indent}  {'    ' if line.startswith('　') else '· '}{_clean(line)}"
    for row in part.rows:
        yield f"{indent}  · {'　'.join(_cells(part.head, row))}"
    for inner in part.parts:
        yield from _text(inner)


def _cells(head: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """Yield the cells of a row, each but the first with what it is."""
    yield _clean(row[0])
    yield from (f"{name}：{_clean(cell)}" for name, cell in zip(head[1:], row[1:], strict=True))
