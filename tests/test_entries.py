"""The real entries: each loads without a problem, and no figure in its prose is invented."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from indexer.loader import inspect_library, load_library
from indexer.policy import (
    Kind,
    Policy,
    TimeLimit,
    TimeLimitKind,
    TimeLimitStage,
    TimeUnit,
    label,
)

POLICIES = Path(__file__).resolve().parent.parent / "policies"

# What a number in prose may count. The longest unit comes first; spellings of one unit are equal.
UNITS = (
    "个工作日",
    "工作日",
    "个百分点",
    "平方米",
    "立方米",
    "个小时",
    "小时",
    "分钟",
    "个月",
    "周岁",
    "万元",
    "亿元",
    "元",
    "%",
    "日",
    "天",
    "年",
    "月",
    "条",
    "款",
    "项",
    "号",
    "倍",
    "人",
    "米",
    "千伏",
    "兆帕",
    "厘米",
    "摄氏度",
    "分",
    "次",
    "时",
    "岁",
    "户",
    "件",
    "批",
    "部",
)
SAME_UNIT = {
    "个工作日": "工作日",
    "个小时": "小时",
    "个月": "月",
    "天": "日",
    "周岁": "岁",
    "点": "时",
}
TIME_UNITS = {str(unit): label(unit) for unit in TimeUnit}
FIGURE = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(map(re.escape, UNITS))})?")
HOTLINES = {"12345", "12366", "12333", "12393", "12315", "110", "119", "120"}


@cache
def library() -> tuple[Policy, ...]:
    return load_library(POLICIES).policies


def fold(text: str) -> str:
    """Write dates and numbers in one way: 2026-08-15 and 2026年8月15日, 1,000 and 1000."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.replace("％", "%"))
    text = re.sub(r"(\d{4})-(\d{2})-(\d{2})", r"\1年\2月\3日", text)
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def figures(text: str) -> Iterator[tuple[str, str]]:
    """Yield every number with its unit; a list or range shares the unit of its last member."""
    text = re.sub(r"(\d)\s*(?:至|到|—|–|~|、|和|或|,)\s*(?=\d)", r"\1、", fold(text))
    pending: list[str] = []
    for match in FIGURE.finditer(text):
        number, unit = match.group(1), match.group(2)
        if unit is None and text[match.end() : match.end() + 1] == "、":
            pending.append(number)
            continue
        for one in (*pending, number):
            yield one, SAME_UNIT.get(unit, unit) if unit else ""
        pending = []


def stated(policy: Policy) -> Iterator[str]:
    """Yield every published text of the front matter, less what users say and what retells it."""
    record = policy.public_record()
    for name in ("slug", "body", "aliases", "queries", "answers"):
        record.pop(name, None)
    stack: list[Any] = [record]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
            if {"value", "unit"} <= value.keys() or {"amount", "unit"} <= value.keys():
                unit = TIME_UNITS.get(value["unit"], value["unit"])
                yield f"{value.get('value', value.get('amount'))}{unit}"
        elif isinstance(value, list):
            stack.extend(value)
        else:
            yield str(value)


def invented(policy: Policy, text: str) -> list[str]:
    """Return the figures of a text that stand nowhere in the front matter."""
    known = {figure for text in stated(policy) for figure in figures(text)}
    numbers = {number for number, _ in known}
    prose = re.sub(r"\]\([^)]*\)", "]", text)
    return [
        f"{number}{unit}"
        for number, unit in figures(prose)
        if number not in HOTLINES
        and (number not in numbers if not unit else (number, unit) not in known)
    ]


def test_every_real_entry_loads_without_a_problem() -> None:
    assert [str(problem) for problem in inspect_library(POLICIES)[1]] == []


def test_the_library_covers_all_three_kinds() -> None:
    kinds = Counter(policy.kind for policy in library())
    assert kinds[Kind.SERVICE] >= 25
    assert kinds[Kind.BENEFIT] >= 60
    assert kinds[Kind.RULE] >= 12


@pytest.mark.parametrize("policy", library(), ids=lambda policy: policy.slug)
def test_no_figure_in_the_prose_is_invented(policy: Policy) -> None:
    assert invented(policy, policy.body) == []


@pytest.mark.parametrize("policy", library(), ids=lambda policy: policy.slug)
def test_every_entry_answers_what_is_asked_most_without_inventing_a_figure(policy: Policy) -> None:
    assert 1 <= len(policy.answers) <= 3
    for answer in policy.answers:
        assert invented(policy, f"{answer.question}\n{answer.short}\n{answer.long or ''}") == []


@pytest.mark.parametrize("policy", library(), ids=lambda policy: policy.slug)
def test_the_basis_of_an_answer_stands_in_its_entry_too(policy: Policy) -> None:
    record = policy.public_record()
    del record["answers"]
    for answer in policy.answers:
        for basis in (answer.basis or "").split("；"):
            assert basis in str(record)
        assert answer.source or not answer.basis


def test_an_invented_figure_is_found() -> None:
    policy = next(policy for policy in library() if policy.slug == "road-excavation")
    for sentence, figure in (
        ("罚 3 万元", "3万元"),
        ("第999条", "999条"),
        ("20 个月内", "20月"),
        ("2031-01-01 起", "2031年"),
    ):
        assert figure in invented(policy, f"{policy.body}\n{sentence}")
        answer = policy.answers[0].model_copy(update={"long": sentence})
        changed = policy.model_copy(update={"answers": (answer,)})
        assert figure in invented(changed, sentence)  # an answer is no proof of itself


@pytest.mark.parametrize("policy", library(), ids=lambda policy: policy.slug)
def test_every_entry_can_be_found_in_everyday_words(policy: Policy) -> None:
    assert policy.aliases
    assert 3 <= len(policy.queries) <= 30


def test_no_two_entries_claim_the_same_question() -> None:
    claimed = Counter(query for policy in library() for query in policy.queries)
    assert [query for query, count in claimed.items() if count > 1] == []
    answered = Counter(answer.question for policy in library() for answer in policy.answers)
    assert [question for question, count in answered.items() if count > 1] == []


@pytest.mark.parametrize("policy", library(), ids=lambda policy: policy.slug)
def test_every_statement_with_a_basis_names_its_source(policy: Policy) -> None:
    for name in (
        "applies_to",
        "conditions",
        "materials",
        "time_limit",
        "fee",
        "validity",
        "obligations",
        "consequences",
        "key_points",
        "not_counted",
        "refusal",
        "remedies",
    ):
        for item in getattr(policy, name):
            if item.basis and policy.kind is not Kind.BENEFIT:
                assert item.source, f"{name}: {item}"


@pytest.mark.parametrize("policy", library(), ids=lambda policy: policy.slug)
def test_every_benefit_says_how_it_is_obtained_and_whom_to_ask(policy: Policy) -> None:
    assert policy.contact
    if policy.kind is Kind.BENEFIT:
        assert policy.benefits
        assert policy.application_window or policy.procedure


@pytest.mark.parametrize("policy", library(), ids=lambda policy: policy.slug)
def test_no_hotline_is_given_that_is_not_a_public_one(policy: Policy) -> None:
    assert {contact.phone for contact in policy.contact} <= HOTLINES | {None}


def test_nothing_says_that_the_centre_itself_approves_or_fines() -> None:
    claims = re.compile(r"由(?:本)?中心(?:审批|批准|处罚|许可)|本中心(?:审批|处罚)")
    for policy in library():
        assert not claims.search(policy.body + str(policy.public_record())), policy.slug


# Reports, repairs and what companies provide. A new service counts as a permit, and rests on the
# permit procedure, until it is named here.
NO_PERMIT = {
    "attached-greening",
    "emergency-road-repair",
    "gas-service",
    "heating-service",
    "hotline-12345",
    "joint-utility-hookup",
    "manhole-and-road-damage",
    "property-support-verification",
    "water-facility-alter",
    "water-service",
}
# No permits, yet authorities decide on them: they tell refusals and remedies themselves.
DECIDED = {"attached-greening", "property-support-verification"}


def services() -> tuple[Policy, ...]:
    return tuple(policy for policy in library() if policy.kind is Kind.SERVICE)


def selections(policy: Policy) -> Iterator[frozenset[str]]:
    """Yield every way of choosing one option of each question."""
    for chosen in product(*(situation.options for situation in policy.situations)):
        yield frozenset(chosen)


def holds(limit: TimeLimit, policy: Policy, chosen: frozenset[str]) -> bool:
    """Tell whether a limit is for a choice that answers every question."""
    asked = (set(situation.options) for situation in policy.situations)
    named = set(limit.situation)
    return all(not named & options or named & options & chosen for options in asked)


@pytest.mark.parametrize("policy", services(), ids=lambda policy: policy.slug)
def test_every_permit_and_nothing_else_rests_on_the_permit_procedure(policy: Policy) -> None:
    assert ("permit-procedure" in policy.based_on) == (policy.slug not in NO_PERMIT)


def test_whatever_is_decided_on_tells_refusals_and_remedies() -> None:
    by_slug = {policy.slug: policy for policy in library()}
    for slug in {policy.slug for policy in services()} - NO_PERMIT | DECIDED:
        told = (by_slug[slug], *(by_slug[base] for base in by_slug[slug].based_on))
        assert any(policy.refusal for policy in told), slug
        assert any(policy.remedies for policy in told), slug


def test_the_permit_procedure_tells_each_stage_once_and_what_is_not_counted() -> None:
    procedure = next(policy for policy in library() if policy.slug == "permit-procedure")
    stages = {
        limit.stage: (limit.value, limit.unit) for limit in procedure.time_limit if limit.stage
    }
    assert stages == {
        TimeLimitStage.ACCEPTANCE: (5, TimeUnit.WORKING_DAYS),
        TimeLimitStage.DECISION: (20, TimeUnit.WORKING_DAYS),
        TimeLimitStage.EXTENSION: (10, TimeUnit.WORKING_DAYS),
        TimeLimitStage.DELIVERY: (10, TimeUnit.WORKING_DAYS),
    }
    assert len([limit for limit in procedure.time_limit if limit.stage]) == len(stages)
    assert "听证" in procedure.not_counted[0].text
    assert {clause.name for clause in procedure.remedies} >= {"行政复议", "行政诉讼"}


@pytest.mark.parametrize("policy", services(), ids=lambda policy: policy.slug)
def test_no_choice_of_situations_has_two_limits_for_the_decision(policy: Policy) -> None:
    limits = [
        limit
        for limit in policy.time_limit
        if limit.kind is TimeLimitKind.STATUTORY and limit.stage is TimeLimitStage.DECISION
    ]
    for chosen in selections(policy):
        found = [limit.text for limit in limits if holds(limit, policy, chosen)]
        assert len(found) <= 1, (sorted(chosen), found)


@pytest.mark.parametrize("policy", services(), ids=lambda policy: policy.slug)
def test_every_question_changes_what_a_notice_tells(policy: Policy) -> None:
    told = (
        "applies_to",
        "conditions",
        "materials",
        "procedure",
        "time_limit",
        "fee",
        "validity",
        "refusal",
        "handling_body",
        "cautions",
    )
    named = {option for name in told for item in getattr(policy, name) for option in item.situation}
    for situation in policy.situations:
        assert named & set(situation.options), situation.question


def test_the_templates_are_entries_an_editor_can_start_from(tmp_path: Path) -> None:
    shutil.copytree(POLICIES / "templates", tmp_path / "policies" / "drafts")
    loaded, problems = inspect_library(tmp_path / "policies")
    assert problems == ()
    assert {policy.kind for policy in loaded.policies} == set(Kind)
