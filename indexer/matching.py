"""Matching (政策匹配): what a person or an enterprise may get, and why.

Everything here is a pure function of the rules, the answers and the day. Logic has three values
(Kleene's): a condition is met, not met, or open, and an open one never refuses anybody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from indexer.answers import Answer
from indexer.conditions import Threshold, negate, read_threshold
from indexer.estimates import Estimated, estimates_of
from indexer.policy import (
    Audience,
    Comparison,
    Condition,
    Status,
    status_on,
)
from indexer.profile import Facts, Profile
from indexer.questions import Question, load_questions

UNTESTABLE = "这一条的条件不能用提问来核对，要由窗口或者主管部门判断。"


class Outcome(StrEnum):
    """What is said of one entry (匹配结果)."""

    LIKELY = "likely"  # 很可能符合
    MORE_INFORMATION = "more_information"  # 还需补充信息
    NOT_ELIGIBLE = "not_eligible"  # 不符合


OUTCOMES = {
    Outcome.LIKELY: "很可能符合",
    Outcome.MORE_INFORMATION: "还需补充信息",
    Outcome.NOT_ELIGIBLE: "不符合",
}


# Rules

Anchors = Mapping[Condition, str]


@dataclass(frozen=True)
class Node:
    """One condition of a rule that questions can test: a comparison, a group, or a bare text."""

    condition: Condition
    threshold: Threshold | None
    group: str = ""  # all, any, not, or nothing
    children: tuple["Node", ...] = ()

    @property
    def tests_something(self) -> bool:
        """Whether any question bears on it."""
        return self.threshold is not None or any(c.tests_something for c in self.children)


@dataclass(frozen=True)
class Rule:
    """What matching needs of one benefit entry, from its public record."""

    record: Mapping[str, Any]
    nodes: tuple[Node, ...]
    unchecked: tuple[Condition, ...]
    testable: bool
    anchors: Anchors

    @property
    def audience(self) -> frozenset[str]:
        """Whom the entry serves."""
        return frozenset(self.record["audience"])

    @cached_property
    def deadline(self) -> date | None:
        """The last day on which one may still act."""
        return _day(self.record.get("deadline"))

    @cached_property
    def window(self) -> tuple[date | None, date | None]:
        """The first and the last day of the application window, where they are known."""
        window = self.record.get("application_window") or {}
        return _day(window.get("opens")), _day(window.get("closes"))

    def in_force(self, day: date) -> bool:
        """Tell whether the entry is in force on `day`."""
        effective, expires = (_day(self.record.get(name)) for name in ("effective", "expires"))
        superseded = self.record.get("superseded_by") is not None
        return status_on(day, effective, expires, superseded) is Status.IN_FORCE

    def serves(self, profile: Profile) -> bool:
        """Tell whether the entry is for the audience of a profile; any is, while it is open."""
        return not profile.audience or not self.audience.isdisjoint(profile.audience)


def read_rules(records: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Return the rules of benefit entries from their records, as the index keeps them."""
    return tuple(_read_rule(record) for record in records)


def _read_rule(record: Mapping[str, Any]) -> Rule:
    conditions = tuple(Condition.model_validate(row) for row in record.get("eligibility", ()))
    nodes, unchecked = _split(conditions)
    testable = bool(nodes)
    if not any(node.condition.field == "region" for node in nodes):
        nodes = (*_region_nodes(record.get("region", ())), *nodes)
    return Rule(record, nodes, unchecked, testable, condition_anchors(conditions))


def condition_anchors(conditions: Iterable[Condition], lead: str = "eligibility") -> Anchors:
    """Return where on the page of its entry each condition stands, the groups' own among them."""
    anchors: dict[Condition, str] = {}
    for number, condition in enumerate(conditions, start=1):
        anchors.setdefault(condition, f"{lead}-{number}")
        inner = (*condition.all, *condition.any, *condition.not_)
        anchors = {**condition_anchors(inner, f"{lead}-{number}"), **anchors}
    return anchors


def _region_nodes(regions: Sequence[str]) -> Iterator[Node]:
    """Yield the condition that an entry's `region` stands for."""
    if not regions:
        return
    text = f"适用地区：{'、'.join(regions)}"
    condition = Condition(text=text, field="region", op=Comparison.IN, value=tuple(regions))
    threshold = read_threshold(condition)
    if threshold is not None:
        yield Node(condition, threshold)


def _split(conditions: Iterable[Condition]) -> tuple[tuple[Node, ...], tuple[Condition, ...]]:
    """Part what questions can test from what only a person can judge.

    A bare text that must hold is set apart; inside `any` and `not` it stays, as an open one.
    """
    nodes: list[Node] = []
    unchecked: list[Condition] = []
    for condition in conditions:
        node = _make_node(condition)
        if not node.tests_something:
            unchecked.append(condition)
        elif node.group == "all":
            inner, apart = _split(condition.all)
            nodes.append(Node(condition, None, "all", inner))
            unchecked.extend(apart)
        else:
            nodes.append(node)
    return tuple(nodes), tuple(unchecked)


def _make_node(condition: Condition) -> Node:
    for group, inner in _groups(condition):
        return Node(condition, None, group, tuple(_make_node(child) for child in inner))
    return Node(condition, read_threshold(condition))


def _groups(condition: Condition) -> Iterator[tuple[str, tuple[Condition, ...]]]:
    groups = (("all", condition.all), ("any", condition.any), ("not", condition.not_))
    return ((name, inner) for name, inner in groups if inner)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


# Judging


@dataclass(frozen=True)
class Finding:
    """How one condition came out (判断): True, False or open, and the answer that decided it."""

    node: Node
    outcome: bool | None
    answer: Answer | None = None
    children: tuple["Finding", ...] = ()

    def to_dict(self, url: str, anchors: Anchors) -> dict[str, Any]:
        """Return the finding as JSON values; `url` leads to the entry, an anchor to its paragraph.

        What an entry says by its region alone has no paragraph.
        """
        condition, threshold = self.node.condition, self.node.threshold
        place = f"{url}#{anchors[condition]}" if condition in anchors else url
        row: dict[str, Any] = {"text": condition.text, "outcome": self.outcome, "url": place}
        if threshold is not None:
            row |= {
                "field": threshold.question.key,
                "label": threshold.question.label,
                "threshold": threshold.text,
                "answer": self.answer.text if self.answer else None,
            }
        if self.children:
            row["group"] = self.node.group
            row["conditions"] = [child.to_dict(url, anchors) for child in self.children]
        about = {"basis": condition.basis, "note": condition.note}
        return {**row, **{name: text for name, text in about.items() if text}}


def _judge(node: Node, facts: Facts) -> Finding:
    if node.children:
        children = tuple(_judge(child, facts) for child in node.children)
        return Finding(node, _combine(node.group, children), None, children)
    if node.threshold is None:
        return Finding(node, None)
    answer = facts.known.get(node.threshold.question.key)
    outcome = None if answer is None else node.threshold.holds(answer.value)
    return Finding(node, outcome, answer)


def _combine(group: str, children: Iterable[Finding]) -> bool | None:
    """Return Kleene's and, or, or none of."""
    outcomes = [child.outcome for child in children]
    if group == "all":
        return _every(outcomes)
    some = negate(_every([negate(outcome) for outcome in outcomes]))
    return negate(some) if group == "not" else some


def _every(outcomes: Sequence[bool | None]) -> bool | None:
    if False in outcomes:
        return False
    return None if None in outcomes else True


# Which questions can still change an outcome: outcomes are ordered False, open, True, and a
# condition matters if it can still move within the bounds that its neighbours leave to it.

_FALSE, _OPEN, _TRUE = 0, 1, 2
Bounds = tuple[int, int]


def _reach(finding: Finding) -> Bounds:
    """Return the lowest and the highest outcome that further answers can lead to."""
    if finding.outcome is not None:
        return (_TRUE, _TRUE) if finding.outcome else (_FALSE, _FALSE)
    if not finding.children:
        return (_FALSE, _TRUE) if finding.node.threshold else (_OPEN, _OPEN)
    reaches = [_reach(child) for child in finding.children]
    lows, highs = [low for low, _ in reaches], [high for _, high in reaches]
    if finding.node.group == "all":
        return min(lows), min(highs)
    if finding.node.group == "any":
        return max(lows), max(highs)
    return _TRUE - max(highs), _TRUE - max(lows)


def _asked(finding: Finding, bounds: Bounds, facts: Facts) -> Iterator[str]:
    """Yield what to ask about a finding whose outcome matters only within `bounds`."""
    low, high = _reach(finding)
    if max(low, bounds[0]) >= min(high, bounds[1]):
        return
    if finding.node.threshold is not None:
        yield from facts.open_questions(finding.node.threshold.question)
    inner = (_TRUE - bounds[1], _TRUE - bounds[0]) if finding.node.group == "not" else bounds
    yield from _asked_of_all(finding.children, finding.node.group == "all", inner, facts)


def _asked_of_all(
    findings: Sequence[Finding], every: bool, bounds: Bounds, facts: Facts
) -> Iterator[str]:
    for place, finding in enumerate(findings):
        others = [_reach(other) for other in (*findings[:place], *findings[place + 1 :])]
        low, high = bounds
        if every:
            high = min((high, *(reach[1] for reach in others)))
        else:
            low = max((low, *(reach[0] for reach in others)))
        yield from _asked(finding, (low, high), facts)


# Matches


@dataclass(frozen=True)
class Match:
    """What is said of one entry (一条匹配结果), with every reason."""

    rule: Rule
    outcome: Outcome
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    reasons: tuple[str, ...]
    days_left: int | None
    estimates: tuple[Estimated, ...]

    @property
    def slug(self) -> str:
        """The name of the entry."""
        slug: str = self.rule.record["slug"]
        return slug

    @property
    def sort_key(self) -> tuple[bool, int, date, str, str]:
        """The place within its group: see `match`."""
        record = self.rule.record
        beyond_questions = self.outcome is Outcome.MORE_INFORMATION and not self.missing
        deadline = (self.rule.deadline if self.days_left is not None else None) or date.max
        return beyond_questions, len(self.missing), deadline, record["title"], record["slug"]

    def to_dict(self) -> dict[str, Any]:
        """Return the match as JSON values."""
        record, deadline = self.rule.record, self.rule.deadline
        kept = ("slug", "title", "url", "summary", "benefit_mode", "application_window")
        about = {name: record[name] for name in kept if name in record}
        if "benefits" in record:
            about["benefits"] = [_without_estimate(benefit) for benefit in record["benefits"]]
        return {
            **about,
            "outcome": self.outcome,
            "conditions": [
                finding.to_dict(record["url"], self.rule.anchors) for finding in self.findings
            ],
            "unchecked": [_unchecked(condition) for condition in self.rule.unchecked],
            "missing": list(self.missing),
            "reasons": list(self.reasons),
            "estimates": [one.to_dict() for one in self.estimates],
            "deadline": deadline.isoformat() if deadline else None,
            "days_left": self.days_left,
        }


def _without_estimate(benefit: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in benefit.items() if name != "estimate"}


def _unchecked(condition: Condition) -> dict[str, Any]:
    """Return a condition that only a person can judge, with what belongs to it."""
    inner = [_unchecked(child) for _, children in _groups(condition) for child in children]
    about: dict[str, Any] = {
        "basis": condition.basis,
        "note": condition.note,
        "group": next((name for name, _ in _groups(condition)), None),
        "conditions": inner,
    }
    return {"text": condition.text, **{name: value for name, value in about.items() if value}}


@dataclass(frozen=True)
class Matches:
    """All matches of one profile on one day, by outcome, and what to ask next."""

    as_of: date
    audience: tuple[Audience, ...]
    likely: tuple[Match, ...]
    more_information: tuple[Match, ...]
    not_eligible: tuple[Match, ...]
    questions: tuple[tuple[Question, int], ...]

    def group(self, outcome: Outcome) -> tuple[Match, ...]:
        """Return the matches of one outcome."""
        return tuple(getattr(self, outcome.value))

    def to_dict(self) -> dict[str, Any]:
        """Return the matches as JSON values."""
        return {
            "as_of": self.as_of.isoformat(),
            "audience": list(self.audience),
            **{name: [match.to_dict() for match in self.group(name)] for name in Outcome},
            "questions": [
                {"key": q.key, "label": q.label, "question": q.question, "entries": entries}
                for q, entries in self.questions
            ],
        }


def match(rules: Iterable[Rule], profile: Profile, day: date) -> Matches:
    """Judge every entry in force on `day` that serves the profile's audience.

    Likely ones come first, then those that need more information, then the others. Within a group
    the order is: what answers can settle before what they cannot, fewer questions still to answer,
    nearer deadline (none comes last), title, slug.
    """
    facts = Facts(profile.answers, day)
    found = [
        _match_one(rule, facts) for rule in rules if rule.in_force(day) and rule.serves(profile)
    ]
    groups = {
        outcome: tuple(sorted((m for m in found if m.outcome is outcome), key=lambda m: m.sort_key))
        for outcome in Outcome
    }
    return Matches(
        as_of=day,
        audience=profile.audience,
        likely=groups[Outcome.LIKELY],
        more_information=groups[Outcome.MORE_INFORMATION],
        not_eligible=groups[Outcome.NOT_ELIGIBLE],
        questions=tuple(_next_questions(groups[Outcome.MORE_INFORMATION], profile)),
    )


def _match_one(rule: Rule, facts: Facts) -> Match:
    findings = tuple(_judge(node, facts) for node in rule.nodes)
    met = _every([finding.outcome for finding in findings])
    waiting = tuple(_waiting(rule, facts.day))
    outcome = _outcome(met, settled=rule.testable and not waiting)
    failed = tuple(finding.node.condition.text for finding in findings if finding.outcome is False)
    # Where nothing better than “more information” can be said, a question matters if it refuses.
    bounds = (_FALSE, _TRUE if rule.testable and not waiting else _OPEN)
    asked = set(_asked_of_all(findings, True, bounds, facts))
    missing = () if outcome is not Outcome.MORE_INFORMATION else tuple(sorted(asked, key=_place))
    reasons = failed or (*waiting, *(() if rule.testable else (UNTESTABLE,)))
    return Match(
        rule,
        outcome,
        findings,
        missing,
        reasons,
        _days_left(rule, facts.day),
        # What one cannot get is not estimated; what an estimate asks never decides an outcome.
        () if outcome is Outcome.NOT_ELIGIBLE else estimates_of(rule.record, facts),
    )


def _place(key: str) -> int:
    return load_questions().places[key]


def _outcome(met: bool | None, settled: bool) -> Outcome:
    if met is False:
        return Outcome.NOT_ELIGIBLE
    return Outcome.LIKELY if met and settled else Outcome.MORE_INFORMATION


def _waiting(rule: Rule, day: date) -> Iterator[str]:
    """Yield why one cannot apply on `day`, whoever one is."""
    opens, closes = rule.window
    if closes is not None and day > closes:
        yield f"申报已于 {closes} 截止，以后还有没有，要等新的通知。"
    if opens is not None and day < opens:
        yield f"申报要到 {opens} 才开始。"


def _days_left(rule: Rule, day: date) -> int | None:
    """Return the days from `day` to the deadline; None without one or when it is past."""
    if rule.deadline is None or rule.deadline < day:
        return None
    return (rule.deadline - day).days


def _next_questions(open_ones: Iterable[Match], profile: Profile) -> Iterator[tuple[Question, int]]:
    """Yield what to ask next and how many entries wait for it, the most informative first.

    An entry that waits for one answer counts one, an entry that waits for three a third for each:
    a question is worth asking that settles much by itself. Who asks comes before everything.
    Questions that the page asks together on one screen count together there (`chooseScreen`).
    """
    weights: dict[str, float] = {}
    counts: dict[str, int] = {}
    for found in open_ones:
        keys = ("audience", *found.missing) if not profile.audience else found.missing
        for key in keys:
            weights[key] = weights.get(key, 0.0) + 1 / len(keys)
            counts[key] = counts.get(key, 0) + 1
    order = sorted(counts, key=lambda key: (key != "audience", -weights[key], _place(key)))
    by_key = load_questions().by_key
    return ((by_key[key], counts[key]) for key in order)


def describe(outcome: Outcome) -> str:
    """Return the Chinese name of an outcome."""
    return OUTCOMES[outcome]
