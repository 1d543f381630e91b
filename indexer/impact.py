"""Impact (牵涉): what an entry is tied to, and what comes out otherwise once it is changed.

Both libraries are worked out by today's code: notices, plans, matches and estimates are made of
the one and of the other, and what differs is told.
"""

import difflib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from indexer.bundlepage import days_told, order_told
from indexer.bundles import plan_bundle
from indexer.cards import rule_of
from indexer.entrypage import RELATION_TITLES, link_entries
from indexer.formulas import keys_in, read_estimate
from indexer.library import Library
from indexer.matching import OUTCOMES, Outcome, match, read_rules
from indexer.notice import Notice, Version, bases_of, compose_notice, has_notice
from indexer.personas import Persona
from indexer.pins import Pin
from indexer.policy import Condition, Kind, Policy, label
from indexer.questions import load_questions
from indexer.situations import options_of
from indexer.snapshots import EntryChange, Fate

LINKED_FROM = "正文里有链接到本条"
LINKS_TO = "本条正文里链接到"
SHARED = "用到同一份文件"
TIES = {**RELATION_TITLES, "linked_from": LINKED_FROM, "links_to": LINKS_TO, "shares": SHARED}
NOT_TOLD = "不列出"  # not in force on that day, or not for such people, or no such entry

Ties = Mapping[str, Mapping[str, tuple[str, ...]]]  # slug → kind of tie → slugs


@dataclass(frozen=True)
class StatusChange:
    """Whether an entry may be relied on, before and after: today, and on which days that turns."""

    slug: str
    title: str
    today: tuple[str, str]
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class NoticeChange:
    """A notice that prints otherwise: for which options, because of which entries, in which lines.

    `options` are empty where it does so whatever is ticked.
    """

    slug: str
    title: str
    because: tuple[str, ...]
    options: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class PlanChange:
    """A bundle whose plan comes out otherwise."""

    slug: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class RuleChange:
    """A benefit that asks other questions than before."""

    slug: str
    title: str
    asked: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class MatchChange:
    """A made-up person for whom an entry comes out otherwise: the match, or what it comes to."""

    persona: str
    who: str
    slug: str
    title: str
    before: str
    after: str
    estimates: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class LostBasis:
    """A clause that an entry no longer rests on, and the answers that still cite it."""

    slug: str
    title: str
    basis: str
    cited_by: tuple[str, ...]


@dataclass(frozen=True)
class Impact:
    """Everything that comes out otherwise because entries were changed."""

    statuses: tuple[StatusChange, ...]
    notices: tuple[NoticeChange, ...]
    plans: tuple[PlanChange, ...]
    rules: tuple[RuleChange, ...]
    matches: tuple[MatchChange, ...]
    bases: tuple[LostBasis, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the impact as JSON values."""
        return asdict(self)


def assess(
    before: Library,
    after: Library,
    entries: Sequence[EntryChange],
    personas: Sequence[Persona],
    day: date,
) -> Impact:
    """Return what comes out otherwise in the one library than in the other, as of `day`."""
    pairs = [
        (
            _policy_of(before, entry.old_slug if entry.old_path else ""),
            _policy_of(after, entry.slug if entry.new_path else ""),
        )
        for entry in entries
    ]
    both = [(old, new) for old, new in pairs if old and new]
    return Impact(
        tuple(_turn_statuses(both, day)),
        tuple(_compare_notices(before, after, entries, day)),
        tuple(_compare_plans(before, after)),
        tuple(_compare_questions(both)),
        tuple(_compare_matches(pairs, personas)),
        tuple(_find_lost_bases(both)),
    )


def _policy_of(library: Library, slug: str) -> Policy | None:
    entry = library.by_slug.get(slug)
    return entry.policy if entry else None


# Status


def _turn_statuses(both: Iterable[tuple[Policy, Policy]], day: date) -> Iterator[StatusChange]:
    for old, new in both:
        today = (label(old.status_on(day)), label(new.status_on(day)))
        before, after = turns_of(old), turns_of(new)
        if today[0] != today[1] or before != after:
            yield StatusChange(new.slug, new.title, today, before, after)


def turns_of(policy: Policy) -> tuple[str, ...]:
    """Return on which days the status of an entry turns, and into what."""
    last = [policy.expires + timedelta(days=1)] if policy.expires else []
    days = [*([policy.effective] if policy.effective else []), *last]
    return tuple(f"{day} 起{label(policy.status_on(day))}" for day in days)


# Notices


def _compare_notices(
    before: Library, after: Library, entries: Sequence[EntryChange], day: date
) -> Iterator[NoticeChange]:
    names = {entry.slug: entry.old_slug for entry in entries if entry.old_path}
    touched = {slug for entry in entries for slug in (entry.slug, entry.old_slug) if slug}
    for slug, entry in after.by_slug.items():
        old = before.by_slug.get(names.get(slug, slug))
        if old is None or not has_notice(entry.policy.kind) or not has_notice(old.policy.kind):
            continue
        rests = [slug, *(base.slug for base in _bases(entry.policy, after))]
        rested = [old.policy.slug, *(base.slug for base in _bases(old.policy, before))]
        because = tuple(dict.fromkeys(name for name in (*rests, *rested) if name in touched))
        if because:
            yield from _compare_notice(old.policy, entry.policy, before, after, because, day)


def _compare_notice(
    old: Policy,
    new: Policy,
    before: Library,
    after: Library,
    because: tuple[str, ...],
    day: date,
) -> Iterator[NoticeChange]:
    """Yield how a notice changes: with nothing ticked, and with each option by itself."""
    kept = [option for option in options_of(new.situations) if option in options_of(old.situations)]
    lines = _line_changes(_notice_lines(old, before, (), day), _notice_lines(new, after, (), day))
    options = tuple(
        option
        for option in kept
        if _notice_lines(old, before, (option,), day) != _notice_lines(new, after, (option,), day)
    )
    if lines or options:
        every = len(options) == len(kept)
        yield NoticeChange(new.slug, new.title, because, () if every else options, lines)


def _notice_lines(
    policy: Policy, library: Library, chosen: tuple[str, ...], day: date
) -> list[str]:
    """Return what a notice tells, a line for each statement; not its dates, version and code."""
    notice = compose_notice(policy, _bases(policy, library), chosen, day, Version(""))
    return [*filter(None, (notice.title, notice.summary, notice.warning)), *_rows(notice)]


def _rows(notice: Notice) -> Iterator[str]:
    for section in notice.shown_sections():
        for row in section.rows:
            yield f"{section.title}：{'　'.join((row.line, *row.notes))}"


def _bases(policy: Policy, library: Library) -> list[Policy]:
    return bases_of(policy, partial(_policy_of, library))


def _line_changes(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """Return the lines that are gone and those that are new, in their order."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    told: list[str] = []
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind != "equal":
            told += [f"原来　{line}" for line in before[first:last]]
            told += [f"现在　{line}" for line in after[start:end]]
    return tuple(told)


# Bundles


def _compare_plans(before: Library, after: Library) -> Iterator[PlanChange]:
    for slug, entry in after.by_slug.items():
        old = before.by_slug.get(slug)
        if old is None or not (old.policy.bundle and entry.policy.bundle):
            continue
        lines = _line_changes(_plan_lines(old.policy, before), _plan_lines(entry.policy, after))
        if lines:
            yield PlanChange(slug, entry.policy.title, lines)


def _plan_lines(policy: Policy, library: Library) -> list[str]:
    plan = plan_bundle(policy, partial(_policy_of, library))
    steps = [f"{step.title}：{days_told(step)}，{order_told(step, plan)}" for step in plan.steps]
    return [
        f"一共 {len(plan.steps)} 项，{plan.all}",
        *steps,
        *(f"材料：{material.name}" for material in plan.materials),
    ]


# Matching


def questions_of(policy: Policy) -> tuple[str, ...]:
    """Return what the rules and estimates of a benefit ask, in words."""
    rows = [row for benefit in policy.benefits for row in benefit.estimate]
    trees = (read_estimate(row.formula, row.only_if) for row in rows)
    keys = [*_fields_of(policy.eligibility), *(key for tree in trees for key in keys_in(tree))]
    known = load_questions().by_key
    return tuple(
        f"{known[key].label}（{key}）" if key in known else key for key in dict.fromkeys(keys)
    )


def _fields_of(conditions: Iterable[Condition]) -> Iterator[str]:
    for condition in conditions:
        if condition.field:
            yield condition.field
        yield from _fields_of((*condition.all, *condition.any, *condition.not_))


def _compare_questions(both: Iterable[tuple[Policy, Policy]]) -> Iterator[RuleChange]:
    for old, new in both:
        before, after = questions_of(old), questions_of(new)
        asked = tuple(key for key in after if key not in before)
        dropped = tuple(key for key in before if key not in after)
        if asked or dropped:
            yield RuleChange(new.slug, new.title, asked, dropped)


def _compare_matches(
    pairs: Iterable[tuple[Policy | None, Policy | None]], personas: Sequence[Persona]
) -> Iterator[MatchChange]:
    """Yield for whom an entry comes out otherwise; each person is judged on a day of their own."""
    for old, new in pairs:
        before, after = (dict(judge(policy, personas)) for policy in (old, new))
        policy = new or old
        for persona in personas if policy else ():
            was = before.get(persona.name, (NOT_TOLD, ()))
            now = after.get(persona.name, (NOT_TOLD, ()))
            if was != now and policy:
                yield MatchChange(
                    persona.name,
                    persona.who,
                    policy.slug,
                    policy.title,
                    was[0],
                    now[0],
                    (was[1], now[1]),
                )


def judge(
    policy: Policy | None, personas: Iterable[Persona]
) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Yield for each made-up person how an entry comes out, and what it comes to."""
    if policy is None or policy.kind is not Kind.BENEFIT:
        return
    rules = read_rules([json.loads(rule_of(policy))])
    for persona in personas:
        matches = match(rules, persona.profile, persona.day)
        for outcome in Outcome:
            for found in matches.group(outcome):
                amounts = tuple(
                    f"{one.row['name']}{one.text}" for one in found.estimates if one.text
                )
                yield persona.name, (OUTCOMES[outcome], amounts)


# What answers rest on


def _find_lost_bases(both: Iterable[tuple[Policy, Policy]]) -> Iterator[LostBasis]:
    for old, new in both:
        left = set(bases_in(new))
        for basis in bases_in(old):
            if basis not in left:
                citing = (answer for answer in new.answers if basis in (answer.basis or ""))
                cited_by = tuple(answer.question for answer in citing)
                yield LostBasis(new.slug, new.title, basis, cited_by)


def bases_in(policy: Policy) -> tuple[str, ...]:
    """Return the clauses that the statements of an entry rest on; answers only repeat them."""
    record = policy.public_record()
    record.pop("answers", None)
    return tuple(dict.fromkeys(_basis_strings(record)))


def _basis_strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("basis"), str):
            yield value["basis"]
        for inner in value.values():
            yield from _basis_strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _basis_strings(inner)


# Ties


def find_ties(library: Library) -> Ties:
    """Return what each entry is tied to, whichever of the two says so."""
    ties: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for slug, relations in link_entries(library.policies).items():
        for name, others in relations.items():
            ties[slug][name] = sorted(others)
    papers: dict[str, set[str]] = defaultdict(set)
    for entry in library.entries:
        slug = entry.policy.slug
        for target in dict.fromkeys(target for _, target in entry.links):
            ties[slug]["links_to"].append(target)
            ties[target]["linked_from"].append(slug)
        for document in entry.policy.documents:
            papers[document.doc_number or document.title].add(slug)
    for users in papers.values():
        for slug in users:
            others = users - {slug} - set(ties[slug]["shares"])
            ties[slug]["shares"].extend(sorted(others))
    return {
        slug: {name: tuple(others) for name, others in found.items() if others}
        for slug, found in ties.items()
    }


@dataclass(frozen=True)
class Standing:
    """What hangs on one entry as the library stands."""

    slug: str
    title: str
    status: str
    turns: tuple[str, ...]
    ties: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # title → (slug, title)
    has_notice: bool
    situations: int
    inherited_by: tuple[tuple[str, str], ...]
    questions: tuple[str, ...]
    outcomes: tuple[tuple[str, int], ...]
    estimates: int
    answers: tuple[str, ...]
    queries: int
    judged: int
    pins: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def describe_standing(
    library: Library,
    slug: str,
    personas: Sequence[Persona],
    judged: Iterable[str],
    pins: Iterable[Pin],
    day: date,
) -> Standing:
    """Return what hangs on an entry; `judged` are the slugs that judged queries ask for."""
    policy = library.by_slug[slug].policy
    titles = {other.slug: other.title for other in library.policies}
    found = find_ties(library).get(slug, {})
    ties = tuple(
        (title, tuple((other, titles.get(other, "（没有这个条目）")) for other in found[name]))
        for name, title in TIES.items()
        if name in found
    )
    heirs = (
        other
        for other in library.policies
        if has_notice(other.kind) and any(base.slug == slug for base in _bases(other, library))
    )
    outcomes = [outcome for _, (outcome, _) in judge(policy, personas)]
    return Standing(
        slug,
        policy.title,
        label(policy.status_on(day)),
        turns_of(policy),
        ties,
        has_notice(policy.kind),
        len(options_of(policy.situations)),
        tuple((other.slug, other.title) for other in heirs),
        questions_of(policy) if policy.kind is Kind.BENEFIT else (),
        tuple((name, outcomes.count(name)) for name in OUTCOMES.values() if name in outcomes),
        sum(len(benefit.estimate) for benefit in policy.benefits),
        tuple(answer.question for answer in policy.answers),
        len(policy.queries),
        sum(wanted == slug for wanted in judged),
        tuple(dict.fromkeys(pin.query for pin in pins if pin.slug == slug)),
    )


def moved_ties(before: Library, after: Library, entries: Iterable[EntryChange]) -> Ties:
    """Return what the changed entries are tied to, before or after, except what changed itself."""
    old, new = find_ties(before), find_ties(after)
    told: dict[str, dict[str, tuple[str, ...]]] = {}
    for entry in entries:
        here = new.get(entry.slug, {}) if entry.fate is not Fate.WITHDRAWN else {}
        was = old.get(entry.old_slug, {})
        names = [name for name in TIES if name in here or name in was]
        told[entry.slug] = {
            name: tuple(dict.fromkeys((*here.get(name, ()), *was.get(name, ())))) for name in names
        }
    return told
