"""Changes (变化): two states of an entry → what is different, field by field, in plain words.

A state is a file as it stands, of today or of years ago: nothing here asks whether it would pass
today's checks, and nothing here reads `internal`.
"""

import difflib
import re
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from rapidfuzz import fuzz

from indexer.entryfile import NoFrontMatter, blocks_of, split_entry
from indexer.frontmatter import read_front_matter
from indexer.policy import (
    Audience,
    Comparison,
    Kind,
    Level,
    MaterialForm,
    TimeLimitKind,
    TimeLimitStage,
    TimeUnit,
    label,
)
from indexer.questions import load_questions

ALIKE = 50.0  # of 100: with less in common, two statements are not the same one reworded
QUOTED = 30  # characters of a statement that name it

FIELDS = {
    "title": "标题",
    "kind": "类别",
    "audience": "适用对象",
    "topic": "主题",
    "level": "层级",
    "region": "适用地区",
    "issuer": "发文机关",
    "summary": "一句话说明",
    "aliases": "俗称",
    "queries": "常见问法",
    "doc_number": "文号",
    "issued": "成文日期",
    "effective": "施行日期",
    "expires": "失效日期",
    "validity_note": "时效说明",
    "supersedes": "替代了哪些条目",
    "superseded_by": "被哪个条目替代",
    "amends": "修改了哪些条目",
    "repeals": "废止了哪些条目",
    "based_on": "依据的条目",
    "related": "相关条目",
    "answers": "统一答复",
    "bundle": "要办的几项",
    "documents": "依据文件",
    "applies_to": "适用于谁",
    "conditions": "办理条件",
    "eligibility": "申请条件",
    "benefits": "扶持内容",
    "benefit_mode": "享受方式",
    "application_window": "申报时间",
    "situations": "办之前先问的情形",
    "materials": "申请材料",
    "procedure": "办理流程",
    "time_limit": "办理时限",
    "not_counted": "不算在时限里的",
    "fee": "收费",
    "validity": "有效期",
    "obligations": "办好以后要遵守的",
    "consequences": "不办或违反会怎样",
    "refusal": "什么情况不批",
    "remedies": "不服怎么办",
    "key_points": "要点",
    "cautions": "特别提醒",
    "handling_body": "办理机关",
    "counter": "办理窗口",
    "contact": "咨询电话",
    "sources": "出处",
    "reviewed": "核对日期",
    "review_by": "下次核对",
    "owner": "负责核对",
    "body": "正文",
}
# What tells of checking and of being found, not of the policy: such a change alone is no news.
CHECKS = ("aliases", "queries", "related", "sources", "reviewed", "review_by", "owner", "topic")
WORD_LISTS = (
    *("audience", "topic", "region", "aliases", "queries"),
    *("supersedes", "amends", "repeals", "based_on", "related"),
)
IN_ORDER = ("procedure", "bundle")  # what comes first matters here

# What a part of a statement is called; the statement itself has no name of its own.
_LABELS = {
    "name": "名称",
    "title": "名称",
    "question": "问题",
    "short": "短答",
    "long": "长答",
    "when": "适用情形",
    "situation": "适用情形",
    "copies": "份数",
    "form": "形式",
    "issued_by": "出具单位",
    "shared": "部门共享、免提交",
    "template": "空白表",
    "template_url": "空白表网址",
    "stage": "哪一步的期限",
    "type": "类型",
    "kind": "类型",
    "cap": "上限",
    "per": "按什么算",
    "formula": "算式",
    "only_if": "只在什么情形下算",
    "group": "和别的条件的关系",
    "opens": "开始日期",
    "closes": "截止日期",
    "address": "地址",
    "hours": "办公时间",
    "phone": "电话",
    "options": "选项",
    "entry": "办哪一项",
    "after": "哪些办完才能办",
    "days": "最长几个工作日",
    "doc_number": "文号",
    "articles": "条款",
    "issuer": "制定机关",
    "level": "层级",
    "issued": "公布日期",
    "effective": "施行日期",
    "expires": "失效日期",
    "amended": "最近修改",
    "url": "网址",
    "location": "读自",
    "text_date": "文本日期",
    "id": "代号",
    "basis": "依据",
    "source": "出处代号",
    "note": "说明",
    "quantity": "数",
    "threshold": "标准",
}
_QUIET_PARTS = ("source", "id", "location", "text_date", "url")
# Parts whose old and new value a citizen is told: amounts, dates, limits, places, thresholds.
_FIGURES = (
    *("quantity", "threshold", "cap", "per", "copies", "form", "opens", "closes"),
    *("phone", "address", "hours", "days", "shared", "issued_by"),
)
_FIGURE_FIELDS = ("title", "effective", "expires", "issued", "benefit_mode", "doc_number")
_GROUPS = {"all": "要同时符合", "any": "符合一个就行", "not": "都不能有"}
_ENUMS = (Kind, Audience, Level, TimeLimitKind, TimeLimitStage, TimeUnit, MaterialForm, Comparison)
_NAMES = {value.value: label(value) for values in _ENUMS for value in values}
_NAMED = ("kind", "audience", "level", "form", "stage")
_PUNCTUATION = re.compile(r"(?<!\d)[\s，。；：、！？“”‘’（）《》【】,;:!?.\"'()\[\]]+|"
                          r"[\s，。；：、！？“”‘’（）《》【】,;:!?.\"'()\[\]]+(?!\d)")  # fmt: skip
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

Part = dict[str, str]  # of a statement: its parts in words, by their keys


class Turn(StrEnum):
    """What became of something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "reordered"


@dataclass(frozen=True)
class Change:
    """One difference: what it is in words, what it was before, and what it is now.

    `figure` are amounts, dates, limits, materials and the like, whose values people want to hear;
    `quiet` is what changes nothing of the policy; `whole` tells of a field that was empty before,
    or is now.
    """

    field: str
    what: str
    turn: Turn
    before: str = ""
    after: str = ""
    figure: bool = False
    quiet: bool = False
    whole: bool = False

    @property
    def words(self) -> str:
        """The difference in one line."""
        match self.turn:
            case Turn.ADDED:
                return f"{self.what}：新增“{self.after}”"
            case Turn.REMOVED:
                return f"{self.what}：去掉“{self.before}”"
            case Turn.REORDERED:
                return f"{self.what}：次序改了"
        return f"{self.what}：{self.before or '没有'} → {self.after or '没有'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        told = {name: value for name, value in asdict(self).items() if value not in ("", False)}
        return {**told, "words": self.words}


def compare_files(before: bytes, after: bytes) -> tuple[Change, ...]:
    """Return what is different between two states of a file, in the order of the record.

    Only the fields whose lines differ are read: of most changes to a long file that is little.
    """
    if before == after:
        return ()
    (old_blocks, old_body), (new_blocks, new_body) = _split(before), _split(after)
    names = [name for name in FIELDS if old_blocks.get(name) != new_blocks.get(name)]
    old, new = _read(old_blocks, names), _read(new_blocks, names)
    if not old_blocks or not new_blocks or old is None or new is None:
        return (Change("", "条目文件（有一份读不出来，没有逐项比）", Turn.CHANGED, "旧", "新"),)
    changes = [change for name in names for change in _compare(name, old.get(name), new.get(name))]
    return (*changes, *_compare_bodies(old_body, new_body))


def title_of(data: bytes, otherwise: str) -> str:
    """Return the title that a file has."""
    title = (_read(_split(data)[0], ["title"]) or {}).get("title")
    return title if isinstance(title, str) else otherwise


def is_same_text(before: str, after: str) -> bool:
    """Tell whether two texts differ in nothing but blanks, width and marks between words.

    A mark between digits is kept: 1.5 is not 15, nor 第1、2条 the same as 第12条.
    """
    return _bare(before) == _bare(after)


def _bare(text: str) -> str:
    return _PUNCTUATION.sub("", text.translate(_FULL_WIDTH)).lower()


def _split(data: bytes) -> tuple[dict[str, str], str]:
    """Return the lines of each field of a file, and its body."""
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    try:
        head, body = split_entry(text)
    except NoFrontMatter:
        return {}, text
    blocks = dict(blocks_of(head))
    return {name: lines for name, lines in blocks.items() if name in FIELDS}, body.strip()


def _read(blocks: Mapping[str, str], names: Iterable[str]) -> dict[str, Any] | None:
    """Return the values of some fields; None for what is no front matter."""
    front = read_front_matter("".join(blocks.get(name, "") for name in names), first_line=1)
    return None if any(not mistake.field for mistake in front.mistakes) else front.values


def _compare(name: str, before: Any, after: Any) -> list[Change]:
    """Return what is different in one field."""
    if name in WORD_LISTS:
        changes = list(_compare_words(name, _texts(before), _texts(after)))
    elif name == "application_window":
        changes = list(_compare_one(name, _rows(before), _rows(after)))
    elif isinstance(before, list | dict) or isinstance(after, list | dict):
        changes = list(_compare_lists(name, before, after))
    else:
        changes = list(_compare_texts(name, _said(name, before), _said(name, after)))
    whole = before in (None, [], {}, "") or after in (None, [], {}, "")
    return [
        replace(change, whole=whole, quiet=change.quiet or name in CHECKS) for change in changes
    ]


def _compare_texts(name: str, before: str, after: str) -> Iterator[Change]:
    if before != after:
        quiet = is_same_text(before, after)
        yield Change(name, FIELDS[name], Turn.CHANGED, before, after, name in _FIGURE_FIELDS, quiet)


def _compare_words(name: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    """Yield which of some words are gone and which are new; their order says nothing."""
    for word in before:
        if word not in after:
            yield Change(name, FIELDS[name], Turn.REMOVED, before=_said(name, word))
    for word in after:
        if word not in before:
            yield Change(name, FIELDS[name], Turn.ADDED, after=_said(name, word))


def _compare_one(name: str, before: list[Part], after: list[Part]) -> Iterator[Change]:
    """Yield what is different in a field that has one part."""
    yield from _compare_parts(name, FIELDS[name], *[(rows or [{}])[0] for rows in (before, after)])


def _compare_lists(name: str, before: Any, after: Any) -> Iterator[Change]:
    """Yield what is different between two lists of statements: paired by name, then by likeness."""
    for field, title, read in _LISTS.get(name, ((name, FIELDS[name], _rows),)):
        old, new = read(before), read(after)
        if field in IN_ORDER and old != new and _same_rows(old, new):
            yield Change(field, title, Turn.REORDERED)
        for left, right in _pair(field, old, new):
            yield from _compare_rows(field, title, left, right)


def _compare_rows(
    field: str, title: str, left: Part | None, right: Part | None
) -> Iterator[Change]:
    figure = field == "materials"
    if left is None and right is not None:
        what = _title_of_limit(right) if field == "time_limit" else title
        yield Change(field, what, Turn.ADDED, after=_tell(right), figure=figure)
    elif right is None and left is not None:
        what = _title_of_limit(left) if field == "time_limit" else title
        yield Change(field, what, Turn.REMOVED, before=_tell(left), figure=figure)
    elif left is not None and right is not None:
        what = (
            _title_of_limit(right) if field == "time_limit" else f"{title}“{_short(_main(right))}”"
        )
        yield from _compare_parts(field, what, left, right)


def _compare_parts(field: str, what: str, left: Part, right: Part) -> Iterator[Change]:
    """Yield what is different between two states of one statement, figures first."""
    keys = sorted(left | right, key=lambda key: (key not in _FIGURES, key not in ("", "text")))
    for key in keys:
        before, after = left.get(key, ""), right.get(key, "")
        if before == after:
            continue
        name = "" if key in ("text", "quantity") else _LABELS.get(key, key)
        yield Change(
            field,
            f"{what}{f'的{name}' if name else ''}",
            Turn.CHANGED,
            before,
            after,
            key in _FIGURES,
            key in _QUIET_PARTS or is_same_text(before, after),
        )


def _title_of_limit(part: Part) -> str:
    """Name a time limit as people do: 法定时限, with its step or situation where it has one."""
    about = [part.get("situation", "")]
    if part.get("stage") != label(TimeLimitStage.DECISION):
        about.insert(0, part.get("stage", ""))
    told = "，".join(filter(None, about))
    return f"{part.get('kind') or FIELDS['time_limit']}{f'（{told}）' if told else ''}"


def _main(part: Part) -> str:
    """Return what a statement is known by."""
    named = (part.get(key) for key in ("name", "title", "question", "text", "entry", "id"))
    return next(filter(None, named), "")


def _tell(part: Part) -> str:
    """Return a statement with the figures that belong to it."""
    lead = part.get("name") or part.get("title") or part.get("question") or ""
    text = part.get("text") or part.get("short") or ""
    figures = [part[key] for key in ("quantity", "threshold", "copies") if key in part]
    told = "，".join(figure for figure in figures if figure not in text)
    return f"{'：'.join(filter(None, (lead, text)))}{f'（{told}）' if told else ''}" or _main(part)


def _short(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}……"


# Pairs


def _pair(
    field: str, before: Sequence[Part], after: Sequence[Part]
) -> list[tuple[Part | None, Part | None]]:
    """Return which statement became which; None for what is new or gone.

    What stayed the same is left out.
    """
    old, new = _without_common(before, after), _without_common(after, before)
    pairs: list[tuple[Part | None, Part | None]] = []
    for key_of in (lambda part: _key(field, part), _main):
        pairs += _take_pairs(old, new, key_of)
    near = [
        (fuzz.ratio(_main(left), _main(right)), place, other)
        for place, left in enumerate(old)
        for other, right in enumerate(new)
    ]
    taken: set[int] = set()
    joined: set[int] = set()
    for likeness, place, other in sorted(near, key=lambda row: -row[0]):
        if likeness >= ALIKE and place not in taken and other not in joined:
            taken.add(place)
            joined.add(other)
            pairs.append((old[place], new[other]))
    pairs += [(part, None) for place, part in enumerate(old) if place not in taken]
    return pairs + [(None, part) for place, part in enumerate(new) if place not in joined]


def _same_rows(before: Sequence[Part], after: Sequence[Part]) -> bool:
    return not _without_common(before, after) and not _without_common(after, before)


def _without_common(parts: Sequence[Part], others: Sequence[Part]) -> list[Part]:
    """Return the parts that the others do not have, as often as they stand there."""
    counts = Tally(map(_frozen, others))
    left = []
    for part in parts:
        if counts[_frozen(part)]:
            counts[_frozen(part)] -= 1
        else:
            left.append(part)
    return left


def _frozen(part: Part) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(part.items()))


def _take_pairs(
    old: list[Part], new: list[Part], key_of: Callable[[Part], str]
) -> Iterator[tuple[Part, Part]]:
    """Take out and yield those that alone on both sides have the same key."""
    before, after = Tally(map(key_of, old)), Tally(map(key_of, new))
    for part in list(old):
        key = key_of(part)
        if key and before[key] == after[key] == 1:
            other = next(row for row in new if key_of(row) == key)
            old.remove(part)
            new.remove(other)
            yield part, other


def _key(field: str, part: Part) -> str:
    """Return what tells a statement from the others of its field, if there is such a thing."""
    if field == "time_limit":
        return "|".join(part.get(key, "") for key in ("kind", "stage", "situation"))
    return part.get("id") or part.get("name") or part.get("title") or part.get("question") or ""


# Parts in words


def _rows(value: Any) -> list[Part]:
    """Return statements as their parts in words."""
    rows = value if isinstance(value, list) else [] if value in (None, "") else [value]
    return [_row(row) if isinstance(row, dict) else {"text": str(row)} for row in rows]


def _row(row: Mapping[str, Any]) -> Part:
    told: Part = {}
    quantity = _quantity(row)
    if quantity:
        told["quantity"] = quantity
    for key, value in row.items():
        if key not in ("value", "unit", "amount", "estimate", "all", "any", "not"):
            told[key] = _said(key, value)
    return told


def _quantity(row: Mapping[str, Any]) -> str:
    """Return a number with its unit: 15 个工作日, 2000 元, 50%."""
    number, unit = row.get("value", row.get("amount")), str(row.get("unit", ""))
    if not isinstance(number, str) or "op" in row:
        return ""
    name = _NAMES.get(unit, unit)
    return f"{number}{'' if name == '%' else ' '}{name}".strip()


def _said(key: str, value: Any) -> str:
    """Return a value in words."""
    if isinstance(value, list):
        return "、".join(_said(key, item) for item in value)
    if isinstance(value, dict):
        return "；".join(f"{name} {_said(name, inner)}" for name, inner in value.items())
    text = "" if value is None else " ".join(str(value).split())
    if key == "shared":
        return {"true": "是", "false": "否"}.get(text, text)
    return _NAMES.get(text, text) if key in _NAMED else text


def _texts(value: Any) -> list[str]:
    rows = value if isinstance(value, list) else [] if value in (None, "") else [value]
    return list(dict.fromkeys(str(row) for row in rows))


def _conditions(value: Any, group: str = "") -> list[Part]:
    """Return conditions of every depth as one list, each with what it compares."""
    told: list[Part] = []
    for row in value if isinstance(value, list) else [value] if isinstance(value, dict) else []:
        if not isinstance(row, dict):
            continue
        part = {key: text for key, text in _row(row).items() if key not in ("field", "op")}
        threshold = _threshold(row)
        told.append(
            part
            | ({"threshold": threshold} if threshold else {})
            | ({"group": group} if group else {})
        )
        for key, name in _GROUPS.items():
            told += _conditions(row.get(key), name)
    return told


def _threshold(row: Mapping[str, Any]) -> str:
    """Return what a condition compares in words: 月销售额小于 10 万元."""
    if not row.get("field"):
        return ""
    question = load_questions().by_key.get(row["field"])
    name = question.label if question else row["field"]
    value, unit = _said("", row.get("value")), str(row.get("unit", ""))
    measured = f"{value}{'' if unit in ('', '%') else ' '}{unit}"
    return f"{name}{_NAMES.get(str(row.get('op')), '')}{f' {measured}' if measured else ''}"


def _estimates(value: Any) -> list[Part]:
    """Return the estimates of all benefits."""
    rows = value if isinstance(value, list) else [value]
    found = [row.get("estimate") for row in rows if isinstance(row, dict)]
    return [
        {key: _said(key, inner) for key, inner in row.items()}
        for estimates in found
        for row in (estimates if isinstance(estimates, list) else [estimates])
        if isinstance(row, dict)
    ]


_LISTS: dict[str, tuple[tuple[str, str, Callable[[Any], list[Part]]], ...]] = {
    "eligibility": (("eligibility", FIELDS["eligibility"], _conditions),),
    "benefits": (
        ("benefits", FIELDS["benefits"], _rows),
        ("estimate", "怎么算", _estimates),
    ),
}


# The body


def _compare_bodies(before: str, after: str) -> Iterator[Change]:
    """Yield what is different in the body, each stretch under the heading where it stands."""
    old, new = ([line for line in text.split("\n") if line.strip()] for text in (before, after))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind == "equal":
            continue
        gone, fresh = _joined(old[first:last]), _joined(new[start:end])
        heading = _heading_above(new, start) or _heading_above(old, first)
        what = f"{FIELDS['body']}（{heading}）" if heading else FIELDS["body"]
        turn = Turn.ADDED if not gone else Turn.REMOVED if not fresh else Turn.CHANGED
        yield Change("body", what, turn, gone, fresh, quiet=is_same_text(gone, fresh))


def _joined(lines: Iterable[str]) -> str:
    return " ".join(" ".join(lines).split())


def _heading_above(lines: Sequence[str], place: int) -> str:
    found = (line for line in reversed(lines[: place + 1]) if line.startswith("#"))
    return next(found, "").strip("# ")
