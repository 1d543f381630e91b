"""Checks (核查): what one record alone cannot tell — the body, and how entries fit together."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from indexer.checkcodes import MAX_OPTIONS
from indexer.conditions import check_condition
from indexer.formulas import check_estimate
from indexer.frontmatter import FrontMatter, Loc, line_of, place_name
from indexer.library import Entry, link_targets, linked_slug
from indexer.moved import Move
from indexer.policy import Benefit, Condition, Estimate, Kind, Policy
from indexer.privacy import PersonalKind, find_personal_data
from indexer.problems import Problem, did_you_mean, shown

Finding = tuple[Loc, str]

MAX_CIRCLES = 20  # finding one costs a pass over the library
MAX_HINTS = 200  # so does the nearest name
NONE_MOVED: Mapping[str, Move] = {}
RELATIONS = ("supersedes", "amends", "repeals", "based_on")  # each points back in time
_TAG = re.compile(r"<[A-Za-z/!?][^\n]{0,40}")


def check_body(body: str, first_line: int) -> Iterator[tuple[int, str]]:
    """Yield line and message of what must not stand in a Markdown body: HTML, odd links.

    Raw HTML would be published as it is; an editor needs none, and a pasted page brings scripts.
    """
    for number, line in enumerate(body.split("\n"), start=first_line):
        tag = _TAG.search(line)
        if tag:
            yield (
                number,
                (
                    f"正文里不能写 HTML，看到的是{shown(tag.group())}。"
                    "请改成普通文字；要写小于号请用“小于”。"
                ),
            )
        for target in link_targets(line):
            if not _link_allowed(target):
                yield (
                    number,
                    (
                        f"链接{shown(target)}不能用：只能是 http(s) 网址、mailto、tel，"
                        "或者别的条目的文件名，例如 road-excavation.md。"
                    ),
                )


def _link_allowed(target: str) -> bool:
    return (
        target.startswith(("http://", "https://", "mailto:", "tel:", "#"))
        or linked_slug(target) is not None
    )


def check_privacy(front: FrontMatter, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, field and message of all personal data in a file, remarks and notes included."""
    standing = [
        (number, found.kind, found.masked)
        for number, line in enumerate(text.split("\n"), start=1)
        for found in find_personal_data(line)
    ]
    told: set[tuple[int, PersonalKind, str]] = set()
    for loc, value in _strings(front.values):
        start = line_of(front.lines, loc)
        for found in find_personal_data(value):
            # A long value goes on over further lines: the one where the number stands is told.
            same = (n for n, *what in standing if n >= start and what == [found.kind, found.masked])
            line = next(same, start)
            told.add((line, found.kind, found.masked))
            yield line, place_name(loc), _personal(found.kind, found.masked)
    for line, kind, masked in standing:
        if (line, kind, masked) not in told:
            yield line, "", _personal(kind, masked)


def _personal(kind: PersonalKind, masked: str) -> str:
    return (
        f"这里有{kind}（{masked}）。条目里不能有个人信息，内部备注里也不行；"
        "请删去，要留联系方式的写部门和公开电话。"
    )


def _strings(value: object, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Yield every text in the values of a front matter, with its place."""
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, (*loc, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _strings(inner, (*loc, number))


class _Names:
    """The names that an entry may refer to, with help for those it gets wrong."""

    def __init__(self, slugs: set[str], former: Mapping[str, Move]) -> None:
        self.slugs, self._former = slugs, former
        self._sorted = sorted(slugs)
        self._hints: dict[tuple[str, str], str] = {}

    def __contains__(self, slug: str) -> bool:
        return slug in self.slugs

    def hint(self, slug: str, own: str) -> str:
        """Return what became of a name, or the nearest but its own for the first MAX_HINTS."""
        if slug in self._former:
            return str(self._former[slug])
        if (slug, own) not in self._hints and len(self._hints) < MAX_HINTS:
            others = (name for name in self._sorted if name != own)
            self._hints[slug, own] = did_you_mean(slug, others)
        return self._hints.get((slug, own), "")


def check_entry(entry: Entry) -> Iterator[Finding]:
    """Yield every mistake that an entry shows without the others."""
    yield from _check_citations(entry)
    yield from _check_conditions(entry)
    yield from _check_estimates(entry)
    yield from _check_situations(entry)
    yield from _check_bundle(entry)


def check_library(
    entries: Sequence[Entry],
    slugs: set[str],
    prefix: str = "",
    former: Mapping[str, Move] = NONE_MOVED,
) -> list[Problem]:
    """Return every mistake between entries.

    `slugs` are the names of all files, also of those that could not be read: a link to a broken
    entry is not dangling. `prefix` stands before every path. `former` tells of names of the past.
    """
    by_slug: dict[str, Entry] = {}
    for entry in entries:
        by_slug.setdefault(entry.policy.slug, entry)
    names = _Names(slugs, former)
    problems: list[Problem] = []
    for entry in entries:
        findings = chain(
            _check_slug(entry, by_slug),
            _check_references(entry, names),
            _check_relations(entry, by_slug),
            _check_bundled_entries(entry, by_slug),
        )
        for loc, message in findings:
            problems.append(_problem(entry, prefix, loc, message))
        for line, message in _check_links(entry, names):
            problems.append(Problem(prefix + entry.path, line, "", message))
    across = chain(
        _check_doc_numbers(entries),
        *(_check_cycles(by_slug, relation) for relation in RELATIONS),
    )
    problems.extend(_problem(entry, prefix, loc, message) for entry, loc, message in across)
    return problems


def _problem(entry: Entry, prefix: str, loc: Loc, message: str) -> Problem:
    return Problem(prefix + entry.path, entry.line_of(*loc), place_name(loc), message)


def _check_slug(entry: Entry, by_slug: Mapping[str, Entry]) -> Iterator[Finding]:
    first = by_slug[entry.policy.slug]
    if first is not entry:
        yield (), f"条目名 {entry.policy.slug} 已被 {first.path} 用了，请改文件名。"


def _check_references(entry: Entry, names: _Names) -> Iterator[Finding]:
    for slug, loc in _related_slugs(entry):
        if slug == entry.policy.slug:
            yield loc, "不能指向自己。"
        elif slug not in names:
            yield loc, f"政策库里没有{shown(slug)}。{names.hint(slug, entry.policy.slug)}"


def _related_slugs(entry: Entry) -> Iterator[tuple[str, Loc]]:
    for name in (*RELATIONS, "related"):
        for number, slug in enumerate(getattr(entry.policy, name)):
            yield slug, (name, number)
    if entry.policy.superseded_by:
        yield entry.policy.superseded_by, ("superseded_by",)
    for number, step in enumerate(entry.policy.bundle):
        if step.entry:
            yield step.entry, ("bundle", number, "entry")


def _check_citations(entry: Entry) -> Iterator[Finding]:
    known: set[str] = set()
    for number, source in enumerate(entry.policy.sources):
        if source.id is None:
            continue
        if source.id in known:
            yield ("sources", number, "id"), f"出处代号{shown(source.id)}用了两次，请改一个。"
        known.add(source.id)
    for loc, cited in _citations(entry):
        if cited not in known:
            allowed = f"已有的代号：{'、'.join(sorted(known))}。" if known else "那里还没有写 id。"
            hint = did_you_mean(cited, known)
            yield loc, f"sources 里没有代号{shown(cited)}。{hint or allowed}"


def _citations(entry: Entry) -> Iterator[tuple[Loc, str]]:
    """Yield every `source` written inside the lists of an entry, nested conditions included."""
    for name in type(entry.policy).model_fields:
        value = getattr(entry.policy, name)
        if name != "sources" and isinstance(value, tuple):
            for loc, item in _nested(name, value):
                for cited in getattr(item, "source", ()):
                    yield (*loc, "source"), cited


def _nested(name: str, items: Iterable[object]) -> Iterator[tuple[Loc, object]]:
    """Yield the items of a list with their places, those inside conditions and benefits too."""
    stack: list[tuple[Loc, object]] = [((name, n), item) for n, item in enumerate(items)]
    while stack:
        loc, item = stack.pop()
        yield loc, item
        if isinstance(item, Condition):
            for group in ("all", "any", "not_"):
                for number, inner in enumerate(getattr(item, group)):
                    stack.append(((*loc, group.rstrip("_"), number), inner))
        elif isinstance(item, Benefit):
            for number, inner in enumerate(item.estimate):
                stack.append(((*loc, "estimate", number), inner))


def _check_conditions(entry: Entry) -> Iterator[Finding]:
    """Yield what conditions ask that no question can answer."""
    for loc, condition in _nested("eligibility", entry.policy.eligibility):
        if isinstance(condition, Condition):
            for part, message in check_condition(condition, entry.policy.audience):
                yield (*loc, part), message


def _check_estimates(entry: Entry) -> Iterator[Finding]:
    """Yield the formulas that cannot be followed."""
    for loc, estimate in _nested("benefits", entry.policy.benefits):
        if isinstance(estimate, Estimate):
            for part, message in check_estimate(estimate, entry.policy.audience):
                yield (*loc, part), message


def _check_situations(entry: Entry) -> Iterator[Finding]:
    """Yield options that are there twice, unknown ones, and questions that change nothing."""
    options: dict[str, int] = {}
    for number, situation in enumerate(entry.policy.situations):
        for place, option in enumerate(situation.options):
            if option in options:
                yield (
                    ("situations", number, "options", place),
                    f"选项{shown(option)}写了两次；一个条目里的选项不能重名。",
                )
            options[option] = number
    if len(options) > MAX_OPTIONS:
        message = f"一共有 {len(options)} 个选项，最多 {MAX_OPTIONS} 个，请分成几个条目。"
        yield ("situations",), message
    used: set[int] = set()
    for loc, name in _named_situations(entry.policy):
        if name in options:
            used.add(options[name])
        else:
            allowed = f"能写的有：{'、'.join(options)}。" if options else "那里还没有写选项。"
            yield loc, f"situations 里没有{shown(name)}。{did_you_mean(name, options) or allowed}"
    for number in sorted(set(options.values()) - used):
        question = shown(entry.policy.situations[number].question)
        message = f"没有一项按{question}分情形；请在材料、步骤等的 situation 里写上它的选项。"
        yield ("situations", number), message


def _named_situations(policy: Policy) -> Iterator[tuple[Loc, str]]:
    """Yield every option named in `situation` inside the lists of an entry."""
    for name in type(policy).model_fields:
        value = getattr(policy, name)
        if isinstance(value, tuple) and name != "bundle":  # a step names those of its own entry
            for number, item in enumerate(value):
                for place, option in enumerate(getattr(item, "situation", ())):
                    yield (name, number, "situation", place), option


def _check_bundle(entry: Entry) -> Iterator[Finding]:
    """Yield what of a bundle cannot be put in order, and one where none belongs."""
    steps = entry.policy.bundle
    if steps and entry.policy.kind is not Kind.RULE:
        yield ("bundle",), f"只有 kind 是 rule 的条目能写 bundle，这里是 {entry.policy.kind}。"
    known: set[str] = set()
    for number, step in enumerate(steps):
        if step.id in known:
            yield ("bundle", number, "id"), f"代号{shown(step.id)}用了两次，请改一个。"
        known.add(step.id)
        if step.situation and step.entry is None:
            message = "没有写 entry（办哪一项），就不能写 situation。"
            yield ("bundle", number, "situation"), message
    for number, step in enumerate(steps):
        for place, before in enumerate(step.after):
            if before not in known:
                allowed = f"已有的代号：{'、'.join(sorted(known))}。"
                hint = did_you_mean(before, known - {step.id}) or allowed
                loc = ("bundle", number, "after", place)
                yield loc, f"bundle 里没有代号{shown(before)}。{hint}"
    for circle in _circles({step.id: list(step.after) for step in steps}):
        yield ("bundle",), f"after 绕成了一圈，谁也办不了：{' 等 '.join(circle)}，请核对。"


def _check_bundled_entries(entry: Entry, by_slug: Mapping[str, Entry]) -> Iterator[Finding]:
    """Yield situations of a step that its entry does not have."""
    for number, step in enumerate(entry.policy.bundle):
        item = by_slug.get(step.entry or "")
        if item is None:
            continue
        options = [option for asked in item.policy.situations for option in asked.options]
        for place, name in enumerate(step.situation):
            if name not in options:
                allowed = f"能写的有：{'、'.join(options)}。" if options else "那里还没有写选项。"
                yield (
                    ("bundle", number, "situation", place),
                    f"{step.entry} 的 situations 里没有{shown(name)}。"
                    f"{did_you_mean(name, options) or allowed}",
                )


def _check_relations(entry: Entry, by_slug: Mapping[str, Entry]) -> Iterator[Finding]:
    policy = entry.policy
    successor = by_slug.get(policy.superseded_by or "")
    if successor is not None and policy.slug not in successor.policy.supersedes:
        yield (
            ("superseded_by",),
            f"{successor.policy.slug} 没有写它替代了本条；"
            f"请在 {successor.path} 的 supersedes 里加上 {policy.slug}。",
        )
    for number, slug in enumerate(policy.supersedes):
        if (old := by_slug.get(slug)) is None:
            continue
        if old.policy.superseded_by != policy.slug:
            seen = old.policy.superseded_by
            yield (
                ("supersedes", number),
                f"{slug} 的 superseded_by {f'写的是 {seen}' if seen else '没有写'}；"
                f"请在 {old.path} 里写 superseded_by: {policy.slug}。",
            )
        yield from _check_succession(entry, old, ("supersedes", number))
    for number, slug in enumerate(policy.repeals):
        if (old := by_slug.get(slug)) is None:
            continue
        if old.policy.expires is None:
            yield (
                ("repeals", number),
                f"{slug} 已被本条废止，却没有失效日期；请在 {old.path} 里写 expires。",
            )
        yield from _check_succession(entry, old, ("repeals", number))
    for number, slug in enumerate(policy.based_on):
        base = by_slug.get(slug)
        if base is not None and _outlives(policy.expires, base.policy.expires):
            until = f"到 {policy.expires}" if policy.expires else "没有写失效日期"
            yield (
                ("based_on", number),
                f"依据的 {slug} 到 {base.policy.expires} 失效，本条却更晚（{until}）；"
                "请换成现行的依据，或者写明本条的 expires。",
            )


def _check_succession(entry: Entry, old: Entry, loc: Loc) -> Iterator[Finding]:
    """The old one ends before the new one begins."""
    start, end, begun = entry.policy.effective, old.policy.expires, old.policy.effective
    if start is not None and end is not None and end >= start:
        yield (
            loc,
            f"{old.policy.slug} 的失效日期 {end} 应早于本条的施行日期 {start}；"
            "失效日期是有效的最后一天。",
        )
    if start is not None and begun is not None and begun > start:
        yield (
            loc,
            f"{old.policy.slug} 的施行日期 {begun} 晚于本条的施行日期 {start}，请核对谁替代谁。",
        )


def _outlives(end: date | None, base_end: date | None) -> bool:
    return base_end is not None and (end is None or end > base_end)


def _check_links(entry: Entry, names: _Names) -> Iterator[tuple[int, str]]:
    for number, slug in entry.links:
        if slug not in names:
            yield (
                number,
                f"没有条目{shown(slug)}，链接是断的。{names.hint(slug, entry.policy.slug)}",
            )


def _check_doc_numbers(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Loc, str]]:
    first_of: dict[str, Entry] = {}
    for entry in entries:
        number = entry.policy.doc_number
        if number is None:
            continue
        first = first_of.setdefault(fold_doc_number(number), entry)
        if first is not entry:
            yield (
                entry,
                ("doc_number",),
                f"文号{shown(number)}已写在 {first.path}；一个文号只能有一个条目，"
                "只是引用这份文件的请写在 documents 里。",
            )


def fold_doc_number(number: str) -> str:
    """Return a document number in one spelling: any bracket, width or spacing is the same."""
    folded = unicodedata.normalize("NFKC", number).casefold()
    return re.sub(r"[\s\[\](){}〔〕【】《》<>]", "", folded)


def _check_cycles(by_slug: Mapping[str, Entry], relation: str) -> Iterator[tuple[Entry, Loc, str]]:
    """Yield the circles of a relation."""
    graph = {
        slug: [s for s in getattr(entry.policy, relation) if s in by_slug and s != slug]
        for slug, entry in by_slug.items()
        if getattr(entry.policy, relation)
    }
    for circle in _circles(graph):
        loc, way = (relation,), " → ".join(circle)
        yield by_slug[circle[0]], loc, f"绕成了一圈：{way}，请核对。"


def _circles(graph: dict[str, list[str]]) -> Iterator[list[str]]:
    """Yield the circles of a graph along its arrows, at most MAX_CIRCLES; each loses an arrow."""
    for _ in range(MAX_CIRCLES):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1][:0:-1]  # the sorter tells it against the arrows, ends joined
            start = circle.index(min(circle))
            circle = [*circle[start:], *circle[:start], circle[start]]
            yield circle
            graph[circle[0]].remove(circle[1])
        else:
            return
