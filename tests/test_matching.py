"""Matching: three-valued logic, outcomes and their reasons, order, and made-up people."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from factories import HEADCOUNT, make_benefit, make_index, make_policy, real_rules, rules_of
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.matching import Match, Matches, Outcome, match
from indexer.personas import Persona, read_persona
from indexer.policy import Policy
from indexer.problems import ParameterError
from indexer.profile import (
    SIZES,
    Facts,
    Profile,
    enterprise_sizes,
    load_sizes,
    months_between,
    parse_profile,
)
from indexer.questions import Question, QuestionType, load_questions

DAY = date(2026, 11, 24)
ROOT = Path(__file__).resolve().parent.parent
PERSONAS = sorted((ROOT / "tests" / "personas").glob("*.yml"))
TRADER = {"text": "是个体工商户", "field": "entity_type", "op": "eq", "value": "个体工商户"}
LOANS = {"text": "有贷款", "field": "financing_need", "op": "is_true"}
JUDGED = {"text": "信用良好，以银行审核为准"}


def ask(profile: dict[str, Any], *policies: Policy, day: date = DAY) -> Matches:
    return match(rules_of(*policies), parse_profile(profile, day), day)


def only(profile: dict[str, Any], policy: Policy, day: date = DAY) -> Match:
    (found,) = everything(ask(profile, policy, day=day))
    return found


def everything(matches: Matches) -> Iterator[Match]:
    for outcome in Outcome:
        yield from matches.group(outcome)


def slugs(group: tuple[Match, ...]) -> list[str]:
    return [found.slug for found in group]


# Three values


@pytest.mark.parametrize(
    ("profile", "outcome"),
    [
        ({"headcount": 300}, True),
        ({"headcount": 301}, False),
        ({}, None),
        ({"headcount": "不清楚"}, None),
    ],
)
def test_a_condition_is_met_not_met_or_open(profile: dict[str, Any], outcome: bool | None) -> None:
    assert only(profile, make_benefit("a", HEADCOUNT)).findings[0].outcome is outcome


@pytest.mark.parametrize(
    ("group", "first", "second", "outcome"),
    [
        ("all", True, True, True),
        ("all", True, None, None),
        ("all", False, None, False),
        ("any", True, None, True),
        ("any", False, None, None),
        ("any", False, False, False),
        ("not", False, False, True),
        ("not", False, None, None),
        ("not", True, None, False),
    ],
)
def test_groups_follow_kleenes_tables(
    group: str, first: bool | None, second: bool | None, outcome: bool | None
) -> None:
    policy = make_benefit("a", {"text": "一组", group: [LOANS, TRADER]})
    profile: dict[str, Any] = {}
    if first is not None:
        profile["financing_need"] = first
    if second is not None:
        profile["entity_type"] = "个体工商户" if second else "企业"
    assert only(profile, policy).findings[0].outcome is outcome


def test_an_open_answer_never_refuses() -> None:
    policy = make_benefit("a", HEADCOUNT, TRADER)
    assert only({}, policy).outcome is Outcome.MORE_INFORMATION
    assert only({"headcount": 20}, policy).outcome is Outcome.MORE_INFORMATION
    assert only({"headcount": 301}, policy).outcome is Outcome.NOT_ELIGIBLE


def test_a_text_that_must_hold_is_set_apart_and_does_not_stand_in_the_way() -> None:
    inner = {"text": "同时", "all": [HEADCOUNT, {"text": "用途合规", "basis": "办法第3条"}]}
    found = only({"headcount": 20}, make_benefit("a", inner, JUDGED))
    assert found.outcome is Outcome.LIKELY
    assert found.to_dict()["unchecked"] == [
        {"text": "用途合规", "basis": "办法第3条"},
        {"text": "信用良好，以银行审核为准"},
    ]
    (group,) = found.to_dict()["conditions"]
    assert [row["text"] for row in group["conditions"]] == ["不超过 300 人"]


def test_a_text_inside_any_or_not_leaves_the_group_open() -> None:
    either = make_benefit("a", {"text": "任选", "any": [TRADER, JUDGED]})
    assert only({"entity_type": "企业"}, either).outcome is Outcome.MORE_INFORMATION
    assert only({"entity_type": "个体工商户"}, either).outcome is Outcome.LIKELY
    none = make_benefit("a", {"text": "没有", "not": [TRADER, JUDGED]})
    assert only({"entity_type": "企业"}, none).outcome is Outcome.MORE_INFORMATION
    assert only({"entity_type": "个体工商户"}, none).outcome is Outcome.NOT_ELIGIBLE


def test_an_entry_that_no_question_can_test_says_so() -> None:
    found = only({"headcount": 20}, make_benefit("a", JUDGED, {"text": "任选", "any": [JUDGED]}))
    assert found.outcome is Outcome.MORE_INFORMATION
    assert found.reasons == ("这一条的条件不能用提问来核对，要由窗口或者主管部门判断。",)
    assert len(found.to_dict()["unchecked"]) == 2
    assert found.missing == ()


def test_a_field_that_no_question_asks_is_left_to_people() -> None:
    # Such an entry is told as a mistake when it is checked; here it must do no harm.
    found = only(
        {"headcount": 1}, make_benefit("a", HEADCOUNT, {**HEADCOUNT, "field": "shoe_size"})
    )
    assert found.outcome is Outcome.LIKELY
    assert len(found.to_dict()["unchecked"]) == 1


# What is worked out


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2025-11-24", "2026-11-24", "12"),
        ("2025-11-25", "2026-11-24", "11.5"),
        ("2025-11-23", "2026-11-24", "12.5"),
        ("2024-02-29", "2025-02-28", "12"),
        ("2024-02-29", "2025-02-27", "11.5"),
        ("2026-11-24", "2026-11-24", "0"),
    ],
)
def test_months_are_complete_on_the_same_day_of_the_month(
    start: str, end: str, months: str
) -> None:
    spent = months_between(date.fromisoformat(start), date.fromisoformat(end))
    assert spent == Decimal(months)


def test_years_since_registration_follow_from_the_date_and_the_day_asked() -> None:
    old = {"text": "满一年", "field": "years_since_registration", "op": "gte", "value": "1"}
    policy = make_benefit("a", {**old, "unit": "年"})
    profile = {"registration_date": "2025-11-25"}
    assert only(profile, policy).outcome is Outcome.NOT_ELIGIBLE
    assert only(profile, policy, day=DAY + timedelta(1)).outcome is Outcome.LIKELY
    assert only({**profile, "years_since_registration": 3}, policy).outcome is Outcome.LIKELY
    assert only({}, policy).missing == ("registration_date",)


# The lower bounds of 小型, 中型, 大型 in 国统字〔2017〕213号, written out once more:
# X 从业人员（人）, Y 营业收入（万元）, Z 资产总额（万元）.
STANDARD = {
    "农林牧渔业": {"Y": (50, 500, 20000)},
    "制造业": {"X": (20, 300, 1000), "Y": (300, 2000, 40000)},
    "建筑业": {"Y": (300, 6000, 80000), "Z": (300, 5000, 80000)},
    "批发业": {"X": (5, 20, 200), "Y": (1000, 5000, 40000)},
    "零售业": {"X": (10, 50, 300), "Y": (100, 500, 20000)},
    "交通运输业": {"X": (20, 300, 1000), "Y": (200, 3000, 30000)},
    "仓储业": {"X": (20, 100, 200), "Y": (100, 1000, 30000)},
    "邮政业": {"X": (20, 300, 1000), "Y": (100, 2000, 30000)},
    "住宿业": {"X": (10, 100, 300), "Y": (100, 2000, 10000)},
    "餐饮业": {"X": (10, 100, 300), "Y": (100, 2000, 10000)},
    "信息传输业": {"X": (10, 100, 2000), "Y": (100, 1000, 100000)},
    "软件和信息技术服务业": {"X": (10, 100, 300), "Y": (50, 1000, 10000)},
    "房地产开发经营": {"Y": (100, 1000, 200000), "Z": (2000, 5000, 10000)},
    "物业管理": {"X": (100, 300, 1000), "Y": (500, 1000, 5000)},
    "租赁和商务服务业": {"X": (10, 100, 300), "Z": (100, 8000, 120000)},
    "科学研究和技术服务业": {"X": (10, 100, 300)},
}
INDICATORS = {"X": "headcount", "Y": "annual_revenue", "Z": "total_assets"}


def size_of(**profile: Any) -> set[str]:
    """Return the sizes that are possible; all of them when nothing can be said."""
    answer = Facts(parse_profile(profile, DAY).answers, DAY).known.get("enterprise_size")
    return set(SIZES) if answer is None else set(answer.value)  # type: ignore[arg-type]


@pytest.mark.parametrize("industry", STANDARD)
def test_the_size_changes_exactly_at_the_bounds_of_the_standard(industry: str) -> None:
    table = {INDICATORS[letter]: bounds for letter, bounds in STANDARD[industry].items()}
    for place, size in enumerate(SIZES[1:]):
        at_bounds: dict[str, Any] = {name: bounds[place] for name, bounds in table.items()}
        assert size_of(industry=industry, **at_bounds) == {size}
        for name, bound in at_bounds.items():  # one indicator below drops one class
            below = {
                **at_bounds,
                name: str(Decimal(bound) - (1 if name == "headcount" else Decimal("0.01"))),
            }
            assert size_of(industry=industry, **below) == {SIZES[place]}


def test_the_table_of_sizes_covers_the_industries_of_the_standard_and_no_others() -> None:
    industries = set(load_questions().by_key["industry"].values)
    assert set(STANDARD) <= set(load_sizes()) <= industries
    assert industries - set(load_sizes()) == {"教育", "卫生", "金融业", "其他行业"}


def test_what_is_not_known_leaves_the_size_open_unless_it_is_decided_anyway() -> None:
    assert size_of(industry="制造业") == set(SIZES)
    assert size_of(industry="制造业", headcount=19) == {"微型"}
    assert size_of(industry="制造业", headcount=299) == {"微型", "小型"}
    assert size_of(headcount=19, annual_revenue=1) == set(SIZES)
    assert size_of(industry="教育", headcount=19, annual_revenue=1) == set(SIZES)


def test_a_size_that_is_told_goes_before_one_that_is_worked_out() -> None:
    assert size_of(industry="制造业", headcount=19, enterprise_size="大型") == {"大型"}
    assert size_of(industry="制造业", headcount=19, enterprise_size="不清楚") == {"微型"}


def test_a_size_that_is_half_known_decides_what_it_can() -> None:
    small = {"text": "小微", "field": "enterprise_size", "op": "in", "value": ["小型", "微型"]}
    micro = {"text": "微型", "field": "enterprise_size", "op": "eq", "value": "微型"}
    large = {
        "text": "不是大型",
        "field": "enterprise_size",
        "op": "not_in",
        "value": ["大型", "中型"],
    }
    profile = {"industry": "制造业", "headcount": 299}
    assert only(profile, make_benefit("a", small)).outcome is Outcome.LIKELY
    assert only(profile, make_benefit("a", large)).outcome is Outcome.LIKELY
    found = only(profile, make_benefit("a", micro))
    assert found.outcome is Outcome.MORE_INFORMATION
    assert found.missing == ("annual_revenue",)


def test_an_indicator_of_all_sizes_is_asked_only_where_it_counts() -> None:
    small = make_benefit(
        "a", {"text": "小微", "field": "enterprise_size", "op": "in", "value": ["小型"]}
    )
    wanted = ("industry", "headcount", "annual_revenue", "total_assets")
    assert only({}, small).missing == wanted
    assert only({"industry": "建筑业"}, small).missing == ("annual_revenue", "total_assets")
    assert only({"industry": "教育"}, small).missing == ("enterprise_size",)


def test_no_indicator_counts_as_large_without_the_others() -> None:
    bounds = load_sizes()["制造业"]
    assert enterprise_sizes(bounds, {"annual_revenue": Decimal(50000)}) == frozenset(SIZES)
    assert enterprise_sizes(bounds, {}) == frozenset(SIZES)


# Regions, days, windows


@pytest.mark.parametrize(
    ("region", "outcome"),
    [
        ("临淄区", Outcome.LIKELY),
        ("淄博市", Outcome.LIKELY),
        ("山东省", Outcome.MORE_INFORMATION),
        ("其他地区", Outcome.NOT_ELIGIBLE),
        ("不清楚", Outcome.MORE_INFORMATION),
    ],
)
def test_a_place_outside_refuses_and_a_wider_place_asks(region: str, outcome: Outcome) -> None:
    found = only(
        {"headcount": 1, "region": region}, make_benefit("a", HEADCOUNT, region=["淄博市"])
    )
    assert found.outcome is outcome
    expected = {
        Outcome.NOT_ELIGIBLE: ("适用地区：淄博市",),
        Outcome.MORE_INFORMATION: (),
        Outcome.LIKELY: (),
    }
    assert found.reasons == expected[outcome]
    assert found.missing == (("region",) if outcome is Outcome.MORE_INFORMATION else ())


def test_an_entry_without_a_region_holds_everywhere() -> None:
    profile = {"headcount": 1, "region": "其他地区"}
    assert only(profile, make_benefit("a", HEADCOUNT)).outcome is Outcome.LIKELY


def test_only_benefits_in_force_on_the_day_for_the_audience_are_judged() -> None:
    policies = (
        make_benefit("ended", HEADCOUNT, expires="2026-11-23"),
        make_benefit("last-day", HEADCOUNT, expires="2026-11-24"),
        make_benefit("first-day", HEADCOUNT, effective="2026-11-24"),
        make_benefit("next-day", HEADCOUNT, effective="2026-11-25"),
        make_benefit("for-people", audience=["citizen"]),
        make_benefit("for-both", HEADCOUNT, audience=["citizen", "enterprise"]),
    )
    judged = ask({"audience": "企业", "headcount": 1}, *policies)
    assert slugs(judged.likely) == ["last-day", "first-day", "for-both"]
    assert slugs(tuple(everything(judged))) == ["last-day", "first-day", "for-both"]
    anybody = ask({"headcount": 1}, *policies)
    assert "for-people" in slugs(anybody.more_information)


@pytest.mark.parametrize(
    ("day", "outcome", "reasons", "left"),
    [
        ("2026-05-31", Outcome.MORE_INFORMATION, ("申报要到 2026-06-01 才开始。",), 91),
        ("2026-06-01", Outcome.LIKELY, (), 91),
        ("2026-08-30", Outcome.LIKELY, (), 1),
        ("2026-08-31", Outcome.LIKELY, (), 0),
        (
            "2026-09-01",
            Outcome.MORE_INFORMATION,
            ("申报已于 2026-08-31 截止，以后还有没有，要等新的通知。",),
            None,
        ),
    ],
)
def test_nothing_is_likely_outside_its_application_window(
    day: str, outcome: Outcome, reasons: tuple[str, ...], left: int | None
) -> None:
    window = {"text": "六月到八月", "opens": "2026-06-01", "closes": "2026-08-31"}
    policy = make_benefit("a", HEADCOUNT, application_window=window)
    found = only({"headcount": 1}, policy, day=date.fromisoformat(day))
    assert (found.outcome, found.reasons) == (outcome, reasons)
    assert found.days_left == (
        left if left != 91 else (date(2026, 8, 31) - date.fromisoformat(day)).days
    )


def test_who_is_refused_is_refused_whether_the_window_is_open_or_not() -> None:
    policy = make_benefit(
        "a", HEADCOUNT, application_window={"text": "到八月", "closes": "2026-08-31"}
    )
    found = only({"headcount": 301}, policy)
    assert (found.outcome, found.reasons) == (Outcome.NOT_ELIGIBLE, ("不超过 300 人",))


# What is still to be asked


def test_only_questions_that_can_still_change_the_outcome_are_missing() -> None:
    either = {"text": "任选", "any": [TRADER, {"text": "要贷款", "all": [LOANS, JUDGED]}]}
    # The second way can lead to “open” at best, and it is open already.
    assert only({}, make_benefit("a", {"text": "任选", "any": [either, JUDGED]})).missing == (
        "entity_type",
    )
    assert only({}, make_benefit("a", either)).missing == ("entity_type", "financing_need")
    assert only({"financing_need": False}, make_benefit("a", either)).missing == ("entity_type",)
    assert only({"entity_type": "个体户"}, make_benefit("a", either)).missing == ()


def test_a_question_under_not_is_asked_as_long_as_it_counts() -> None:
    policy = make_benefit("a", {"text": "没有", "not": [{"text": "都有", "all": [TRADER, LOANS]}]})
    assert only({}, policy).missing == ("entity_type", "financing_need")
    assert only({"entity_type": "个体户"}, policy).missing == ("financing_need",)
    assert only({"entity_type": "企业"}, policy).missing == ()


def test_a_refused_or_likely_entry_waits_for_nothing() -> None:
    policy = make_benefit("a", HEADCOUNT, TRADER)
    assert only({"headcount": 301}, policy).missing == ()
    assert only({"headcount": 3, "entity_type": "个体户"}, policy).missing == ()


def test_a_closed_entry_asks_only_what_would_refuse() -> None:
    closed = {"text": "已截止", "closes": "2026-08-31"}
    assert only({}, make_benefit("a", HEADCOUNT, application_window=closed)).missing == (
        "headcount",
    )
    either = {"text": "任选", "any": [TRADER, JUDGED]}
    assert only({}, make_benefit("a", either, application_window=closed)).missing == ()


def test_the_next_question_is_the_one_that_settles_most() -> None:
    revenue = {**HEADCOUNT, "field": "annual_revenue", "unit": "万元"}
    asked = ask(
        {"audience": "企业"},
        make_benefit("a", LOANS),
        make_benefit("b", HEADCOUNT, TRADER, revenue),
        make_benefit("c", HEADCOUNT, TRADER, revenue, LOANS),
        make_benefit("d", HEADCOUNT, TRADER, revenue),
    ).questions
    # financing_need settles one by itself: 1 + 1/4; the others 1/3 + 1/4 + 1/3, as they are asked.
    assert [(question.key, entries) for question, entries in asked] == [
        ("financing_need", 2),
        ("entity_type", 3),
        ("headcount", 3),
        ("annual_revenue", 3),
    ]


def test_who_asks_is_asked_first() -> None:
    assert ask({}, make_benefit("a", HEADCOUNT)).questions[0][0].key == "audience"
    assert ask({"headcount": 1}, make_benefit("a", HEADCOUNT)).questions == ()


# Order and presentation


def test_what_answers_can_settle_comes_first_then_missing_deadline_title_slug() -> None:
    def open_one(slug: str, *conditions: dict[str, Any], **fields: Any) -> Policy:
        return make_benefit(slug, *conditions, **fields)

    judged = ask(
        {"audience": "企业"},
        open_one("untestable", JUDGED, title="甲", expires="2026-11-24"),
        open_one("two", HEADCOUNT, TRADER, expires="2026-11-25"),
        open_one("no-deadline", HEADCOUNT, title="甲"),
        open_one("late", HEADCOUNT, title="甲", expires="2027-12-31"),
        open_one("soon", HEADCOUNT, title="乙", expires="2026-12-31"),
        open_one("same-b", HEADCOUNT, title="丙", expires="2027-12-31"),
        open_one("same-a", HEADCOUNT, title="丙", expires="2027-12-31"),
        open_one(
            "past", HEADCOUNT, title="甲", application_window={"text": "止", "closes": "2026-01-01"}
        ),
    )
    expected = ["soon", "same-a", "same-b", "late", "no-deadline", "past", "two", "untestable"]
    assert slugs(judged.more_information) == expected


def test_a_match_tells_every_reason_as_json() -> None:
    policy = make_benefit(
        "startup-loan",
        {**HEADCOUNT, "basis": "办法第3条", "note": "按季度平均"},
        JUDGED,
        title="创业担保贷款",
        expires="2026-12-31",
        benefit_mode="依申请",
        benefits=[{"type": "贷款", "text": "最多 30 万元", "amount": "30", "unit": "万元"}],
        internal="不外传",
    )
    (row,) = ask({"从业人数": "280名"}, policy).to_dict()["likely"]
    assert row["conditions"] == [
        {
            "text": "不超过 300 人",
            "outcome": True,
            "url": "/policies/startup-loan.html#eligibility-1",
            "field": "headcount",
            "label": "从业人数",
            "threshold": "不超过 300 人",
            "answer": "280 名",
            "basis": "办法第3条",
            "note": "按季度平均",
        }
    ]
    assert row["benefit_mode"] == "依申请"
    assert row["benefits"][0]["amount"] == "30"
    assert (row["deadline"], row["days_left"]) == ("2026-12-31", 37)
    assert "不外传" not in json.dumps(row, ensure_ascii=False)


def test_the_index_keeps_the_rules_of_benefits_and_nothing_internal() -> None:
    public = make_benefit("loan", HEADCOUNT, internal="不外传")
    with make_index(public, make_policy("permit", internal="不外传")) as index:
        assert [rule.record["slug"] for rule in index.rules] == ["loan"]
        assert "不外传" not in json.dumps([dict(rule.record) for rule in index.rules])
        assert match(index.rules, parse_profile({"headcount": 3}, DAY), DAY).likely


# Made-up people


@cache
def judged_of(path: Path) -> tuple[Persona, Matches]:
    persona = read_persona(path)
    return persona, match(real_rules(), persona.profile, persona.day)


@pytest.mark.parametrize("path", PERSONAS, ids=lambda path: path.stem)
def test_made_up_people_get_exactly_what_they_should(path: Path) -> None:
    persona, judged = judged_of(path)
    assert sorted(slugs(judged.likely)) == list(persona.expected[Outcome.LIKELY])
    for outcome in (Outcome.NOT_ELIGIBLE, Outcome.MORE_INFORMATION):
        assert set(persona.expected.get(outcome, ())) <= set(slugs(judged.group(outcome)))
    assert set(persona.absent).isdisjoint(slugs(tuple(everything(judged))))
    assert set(persona.absent) <= {rule.record["slug"] for rule in real_rules()}


def test_every_entry_that_questions_can_test_is_likely_for_some_made_up_person() -> None:
    people = [judged_of(path)[0] for path in PERSONAS]
    likely = {slug for person in people for slug in person.expected[Outcome.LIKELY]}
    assert likely == {rule.record["slug"] for rule in real_rules() if rule.testable}


def test_every_entry_that_can_be_refused_is_refused_to_some_made_up_person() -> None:
    people = [judged_of(path)[0] for path in PERSONAS]
    refused = {slug for person in people for slug in person.expected.get(Outcome.NOT_ELIGIBLE, ())}
    testable = {rule.record["slug"] for rule in real_rules() if rule.testable}
    # Income below the local standard opens 低保 to anybody, and only the window can tell.
    assert testable - refused == {"urban-rural-dibao"}


def test_somebody_who_knows_nothing_is_refused_nothing() -> None:
    judged = match(real_rules(), Profile(), DAY)
    assert judged.not_eligible == ()
    assert judged.likely == ()


# Properties over the real rules


def answers_to(question: Question) -> st.SearchStrategy[Any]:
    match question.type:
        case QuestionType.NUMBER:
            low, high = question.minimum or 0, question.maximum or 1000
            near = [n for n in (0, 1, 10, 20, 30, 80, 100, 300, 1500, 5000) if low <= n <= high]
            return st.sampled_from(near) | st.integers(low, high)
        case QuestionType.CHOICE:
            return st.sampled_from(question.values)
        case QuestionType.CHOICES:
            return st.lists(st.sampled_from(question.values), unique=True)
        case QuestionType.FLAG:
            return st.booleans()
        case QuestionType.DATE:
            return st.dates(date(2000, 1, 1), DAY)
        case QuestionType.REGION:
            return st.sampled_from(["山东省", "淄博市", "淄博市临淄区", "其他地区"])


# Answers that are worked out from others would be overruled when they are told as well: leave
# them out, for a profile that grows must not contradict itself.
ASKED = [row for row in load_questions().rows if not row.derived_from and row.key != "audience"]
profiles = st.fixed_dictionaries({}, optional={row.key: answers_to(row) for row in ASKED})


@settings(max_examples=60, deadline=None)
@given(profiles, st.data())
def test_more_answers_settle_what_is_open_and_change_nothing_that_is_settled(
    profile: dict[str, Any], data: st.DataObject
) -> None:
    kept = data.draw(st.sets(st.sampled_from(sorted(profile))) if profile else st.just(set()))
    fewer = match(real_rules(), parse_profile({key: profile[key] for key in kept}, DAY), DAY)
    more = match(real_rules(), parse_profile(profile, DAY), DAY)
    later = {found.slug: found for found in everything(more)}
    for found in everything(fewer):
        if found.outcome is not Outcome.MORE_INFORMATION:
            assert later[found.slug].outcome is found.outcome
        settled = set(found.missing).isdisjoint(set(profile) - kept)
        if settled:
            assert later[found.slug].outcome is found.outcome


@settings(max_examples=60, deadline=None)
@given(profiles)
def test_taking_an_answer_back_refuses_nothing_new(profile: dict[str, Any]) -> None:
    refused = set(slugs(match(real_rules(), parse_profile(profile, DAY), DAY).not_eligible))
    for key in profile:
        unsure = parse_profile({**profile, key: "不清楚"}, DAY)
        assert set(slugs(match(real_rules(), unsure, DAY).not_eligible)) <= refused


FLAGS = [row.key for row in load_questions().rows if row.type is QuestionType.FLAG][:4]


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a condition over at most four questions, each asked once, and texts."""
    left = list(FLAGS)

    def grow(depth: int) -> dict[str, Any]:
        kind = draw(st.sampled_from(["text", "flag", "flag", "all", "any", "not"]))
        if kind in ("all", "any", "not") and depth:
            inner = [grow(depth - 1) for _ in range(draw(st.integers(1, 3)))]
            return {"text": "一组", kind: inner}
        if kind == "text" or not left:
            return {"text": "由人判断"}
        return {"text": "问", "field": left.pop(), "op": "is_true"}

    return {"text": "任选", draw(st.sampled_from(["all", "any", "not"])): [grow(3), grow(3)]}


@settings(max_examples=200, deadline=None)
@given(trees(), st.booleans())
def test_missing_are_exactly_the_questions_that_can_change_the_outcome(
    tree: dict[str, Any], closed: bool
) -> None:
    window = {"application_window": {"text": "截止", "closes": "2026-01-01"}} if closed else {}
    read = rules_of(make_benefit("a", tree, **window))

    def outcome(answers: dict[str, bool | None]) -> Outcome:
        given = {key: value for key, value in answers.items() if value is not None}
        (found,) = everything(match(read, parse_profile(given, DAY), DAY))
        return found.outcome

    every = [
        dict(zip(FLAGS, values, strict=True))
        for values in product((True, False, None), repeat=len(FLAGS))
    ]
    changing = {
        key
        for key in FLAGS
        for answers in every
        if answers[key] is None
        and len({outcome({**answers, key: value}) for value in (True, False, None)}) > 1
    }
    (found,) = everything(match(read, Profile(), DAY))
    assert set(found.missing) == changing


def test_wrong_answers_are_told_all_at_once() -> None:
    with pytest.raises(ParameterError) as caught:
        parse_profile({"headcount": -1, "员工": 3, "industry": "造纸", "从业人数": 5}, DAY)
    assert [error.field for error in caught.value.errors] == [
        "headcount",
        "员工",
        "industry",
        "从业人数",
    ]
