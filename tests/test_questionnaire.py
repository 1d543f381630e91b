"""The questionnaire: its data, and that the browser judges exactly as Python does."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from factories import make_policy, real_rules
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from indexer.answers import Answer, AnswerError, read_answer
from indexer.cards import rule_of
from indexer.loader import load_library
from indexer.matching import Finding, Match, Outcome, Rule, match, read_rules
from indexer.pages import build_pages
from indexer.personas import read_persona
from indexer.policy import Audience, Policy
from indexer.profile import SIZES, Profile, load_sizes, parse_profile
from indexer.questionnaire import (
    QUESTIONS,
    RULES,
    describe_rule,
    lexicon_data,
    questionnaire_files,
    rules_data,
)
from indexer.questions import Question, QuestionType, load_questions

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "site" / "overrides" / "assets" / "javascripts"
PERSONAS = sorted((ROOT / "tests" / "personas").glob("*.yml"))
CASES = yaml.load((ROOT / "tests/cases/matching.yml").read_text("utf-8"), Loader=yaml.BaseLoader)
DAY = date(2026, 11, 24)

Visit = tuple[dict[str, Any], date]  # answers as a person gives them, and the day
Verdict = dict[str, Any]  # what comes out of it

JUDGE = """({ rules, visits }) => {
  const { readAnswer, readRules, match, AnswerError } = PolicyMatching;
  const lexicon = PolicyMatching.readLexicon(PolicyQuestionnaire);
  const describe = ({ condition, outcome, answer, children }) => ({
    text: condition.text,
    outcome,
    ...(condition.question && {
      field: condition.field,
      label: condition.question.label,
      threshold: condition.threshold ?? "",
      answer: answer?.text ?? null,
    }),
    ...(children.length > 0 && {
      group: condition.group,
      conditions: children.map(describe),
    }),
    ...(condition.basis && { basis: condition.basis }),
    ...(condition.note && { note: condition.note }),
  });
  const estimated = ({ tree, ...told }) => told;
  const tell = ({ rule, outcome, findings, missing, reasons, daysLeft, estimates }) => ({
    slug: rule.slug,
    outcome,
    conditions: findings.map(describe),
    missing,
    reasons,
    deadline: rule.deadline ?? null,
    days_left: daysLeft,
    estimates: estimates.map(estimated),
  });
  const read = readRules(rules, lexicon);
  return visits.map(([profile, day]) => {
    const answers = {};
    const refused = {};
    for (const [key, given] of Object.entries(profile)) {
      try {
        const answer = readAnswer(lexicon.byKey[key], given, day);
        if (answer) answers[key] = answer;
      } catch (error) {
        if (!(error instanceof AnswerError)) throw error;
        refused[key] = error.message;
      }
    }
    const found = match(lexicon, read, answers, day);
    return {
      answers: Object.fromEntries(Object.entries(answers).map(([key, { text }]) => [key, text])),
      refused,
      audience: found.audience,
      likely: found.likely.map(tell),
      more_information: found.more_information.map(tell),
      not_eligible: found.not_eligible.map(tell),
      questions: found.questions.map(({ question, entries }) => [question.key, entries]),
    };
  });
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """An empty page with the evaluator and its questions, and nothing else."""
    page = browser.new_page()
    page.add_script_tag(path=SCRIPTS / "dates.js")
    page.add_script_tag(content=questionnaire_files([])[0][QUESTIONS])
    page.add_script_tag(path=SCRIPTS / "estimates.js")
    page.add_script_tag(path=SCRIPTS / "matching.js")
    yield page
    page.close()


def judge_in_browser(page: Page, rules: Sequence[Rule], visits: list[Visit]) -> list[Verdict]:
    """Let the browser judge many visits in one go."""
    told = [describe_rule(rule) for rule in rules]
    given = {"rules": told, "visits": [[profile, str(day)] for profile, day in visits]}
    verdicts: list[Verdict] = page.evaluate(JUDGE, given)
    return verdicts


def judge(rules: Sequence[Rule], visit: Visit) -> Verdict:
    """Judge a visit in Python, told in the same words."""
    profile, day = visit
    answers: dict[str, Answer] = {}
    refused: dict[str, str] = {}
    for key, told in profile.items():
        try:
            answer = read_answer(load_questions().by_key[key], told, day)
        except AnswerError as error:
            refused[key] = str(error)
        else:
            if answer is not None:
                answers[key] = answer
    found = match(rules, Profile(answers), day)
    return {
        "answers": {key: answer.text for key, answer in answers.items()},
        "refused": refused,
        "audience": list(found.audience),
        **{outcome.value: [tell(each) for each in found.group(outcome)] for outcome in Outcome},
        "questions": [[question.key, entries] for question, entries in found.questions],
    }


def tell(found: Match) -> Verdict:
    row = found.to_dict()
    kept = ("slug", "outcome", "missing", "reasons", "deadline", "days_left")
    return {
        **{name: row[name] for name in kept},
        "conditions": [tell_finding(finding) for finding in found.findings],
        "estimates": [
            {name: each[name] for name in each if name not in ("source", "caution")}
            for each in row["estimates"]
        ],
    }


def tell_finding(finding: Finding) -> Verdict:
    row = finding.to_dict("", {})
    del row["url"]
    if finding.children:
        row["conditions"] = [tell_finding(child) for child in finding.children]
    return row


def record(slug: str = "a", **fields: Any) -> dict[str, Any]:
    """Return the record of a benefit entry, as the index keeps it."""
    values = {"kind": "benefit", "audience": ["enterprise"], **fields}
    row: dict[str, Any] = json.loads(rule_of(make_policy(slug, **values)))
    return row


@cache
def library() -> tuple[Policy, ...]:
    return load_library(ROOT / "policies").policies


# Shared cases


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_both_evaluators_say_what_the_case_says(page: Page, case: dict[str, Any]) -> None:
    rules = read_rules(record(**{"title": rule["slug"], **rule}) for rule in case["rules"])
    visit = case["profile"], date.fromisoformat(case["day"])
    ours = judge(rules, visit)
    assert judge_in_browser(page, rules, [visit]) == [ours]
    matches = [found for outcome in Outcome for found in ours[outcome.value]]
    told: dict[str, Any] = {
        "outcomes": {found["slug"]: str(found["outcome"]) for found in matches},
        "order": [found["slug"] for found in matches],
        "findings": {m["slug"]: [c["outcome"] for c in m["conditions"]] for m in matches},
        **{
            name: {found["slug"]: found[name] for found in matches}
            for name in ("missing", "reasons", "days_left")
        },
        "questions": [key for key, _ in ours["questions"]],
        "refused": ours["refused"],
    }
    expected = {name: as_values(case[name]) for name in told if name in case}
    assert expected
    for name, value in expected.items():
        if name in ("findings", "missing", "reasons", "days_left"):  # of some of the entries
            assert {slug: told[name][slug] for slug in value} == value, name
        else:
            assert told[name] == value, name


def as_values(told: Any) -> Any:
    """Return what YAML wrote as text, with true, false, null and whole numbers as such."""
    if isinstance(told, dict):
        return {name: as_values(value) for name, value in told.items()}
    if isinstance(told, list):
        return [as_values(value) for value in told]
    named = {"true": True, "false": False, "null": None}
    return named.get(told, int(told) if told.isdigit() else told)


# Which questions stand on one screen

CHOOSE = """(rows) => {
  const told = rows.map(([key, group, weight]) => {
    return { question: { key, ...(group && { group }) }, weight };
  });
  return PolicyMatching.chooseScreen(told).map(({ key }) => key);
}"""


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        ([], []),
        ([["a", "", 1], ["b", "", 0.5]], ["a"]),
        (
            [["a", "", 1], ["b", "甲", 0.6], ["c", "甲", 0.5]],
            ["b", "c"],
        ),  # together they settle more
        (
            [["a", "", 1.1], ["b", "甲", 0.6], ["c", "甲", 0.5]],
            ["a"],
        ),  # not more: the first stays first
        ([["a", "", 1], ["b", "甲", 0.7], ["c", "乙", 0.6], ["d", "乙", 0.6]], ["c", "d"]),
        ([["audience", "", 1], ["b", "甲", 9], ["c", "甲", 9]], ["audience"]),
        ([[f"k{n}", "甲", 1] for n in range(12)], [f"k{n}" for n in range(8)]),
    ],
)
def test_the_screen_that_settles_most_comes_first_and_statements_count_together(
    page: Page, rows: list[Any], keys: list[str]
) -> None:
    assert page.evaluate(CHOOSE, rows) == keys


def test_the_browser_denies_a_statement_as_the_file_says(page: Page) -> None:
    told = page.evaluate(
        """() => PolicyMatching.readLexicon(PolicyQuestionnaire).questions
          .filter(({ statement }) => statement)
          .map((question) => {
            const given = PolicyMatching.denied(question);
            return [question.key, PolicyMatching.readAnswer(question, given, "2026-11-24").text];
          })"""
    )
    for key, text in told:
        question = load_questions().by_key[key]
        answer = read_answer(question, question.denied, DAY)
        assert answer is not None
        assert answer.text == text, key
    assert len(told) > 30


# Made-up people


def as_answered(question: Question, told: Any, day: date) -> Any:
    """Return what one would choose or type on the page to answer as a person here did."""
    answer = read_answer(question, told, day)
    if answer is None:
        return "不清楚"
    match question.type:
        case QuestionType.NUMBER | QuestionType.DATE:
            return told
        case QuestionType.CHOICES:
            return [value for value in question.values if value in answer.value]  # type: ignore[operator]
        case QuestionType.CHOICE:
            return next(value for value in question.values if value in answer.value)  # type: ignore[operator]
        case _:
            return answer.text


def persona(path: Path) -> Visit:
    told = read_persona(path)
    answers = {}
    for name, answer in told.answers.items():
        question = load_questions().find(name)
        assert question is not None
        answers[question.key] = as_answered(question, answer, told.day)
    assert parse_profile(answers, told.day) == told.profile
    return answers, told.day


def test_made_up_people_get_the_same_in_the_browser(page: Page) -> None:
    assert len(PERSONAS) >= 100
    visits = [persona(path) for path in PERSONAS]
    verdicts = judge_in_browser(page, real_rules(), visits)
    for path, visit, verdict in zip(PERSONAS, visits, verdicts, strict=True):
        assert verdict == judge(real_rules(), visit), path.stem


# Random rules, answers and days

ASKED = [
    load_questions().by_key[key]
    for key in (
        "region",
        "entity_type",
        "industry",
        "headcount",
        "annual_revenue",
        "total_assets",
        "enterprise_size",
        "registration_date",
        "years_since_registration",
        "monthly_sales",
        "financing_need",
        "titles",
        "room_temperature",
        "loan_date",
    )
]
DAYS = st.sampled_from(
    [date(2024, 2, 29), date(2026, 2, 28), date(2026, 3, 1), date(2026, 11, 24), date(2026, 12, 31)]
) | st.dates(date(2020, 1, 1), date(2030, 12, 31))
PLACES = [*lexicon_data()["regions"], "济南市"]
NUMBERS = st.sampled_from(
    [
        "0",
        "0.000001",
        "1",
        "1.5",
        "2",
        "10",
        "11.5",
        "12",
        "50",
        "299.999999",
        "300",
        "2000",
        "5000",
        "40000",
    ]
)


def thresholds(question: Question) -> st.SearchStrategy[dict[str, Any]]:
    """Draw how a condition may compare the answer to a question; a few make no sense."""
    ordered = st.sampled_from(["eq", "lt", "lte", "gt", "gte"])
    members = st.sampled_from(["eq", "in", "not_in"])
    match question.type:
        case QuestionType.NUMBER:
            parts = {"op": ordered, "value": NUMBERS}
            units = st.sampled_from(list(units_accepted(question)))
            return st.fixed_dictionaries(parts, optional={"unit": units})
        case QuestionType.DATE:
            return st.fixed_dictionaries({"op": ordered, "value": DAYS.map(str)})
        case QuestionType.FLAG:
            return st.just({"op": "is_true"})
    names = PLACES if question.type is QuestionType.REGION else [*question.values, "没有的选项"]
    chosen = st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)
    some = st.fixed_dictionaries({"op": members, "value": chosen})
    return some | st.just({"op": "exists"}) if question.type is QuestionType.CHOICES else some


def units_accepted(question: Question) -> Iterator[str]:
    yield from question.to_dict()["units"]
    yield "公斤"


def conditions_about(asked: Sequence[Question]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a condition over these questions: a comparison, a bare text, or groups of groups."""
    comparison = st.sampled_from(asked).flatmap(
        lambda question: thresholds(question).map(lambda row: {"field": question.key, **row})
    )
    groups = st.sampled_from(["all", "any", "not"])
    return st.recursive(
        comparison | comparison | st.just({}),
        lambda inner: st.builds(
            lambda name, rows: {name: rows}, groups, st.lists(inner, min_size=1, max_size=3)
        ),
        max_leaves=8,
    ).map(number_texts)


def number_texts(row: dict[str, Any], name: str = "条件") -> dict[str, Any]:
    inner = {
        group: [number_texts(child, f"{name}.{n}") for n, child in enumerate(rows, start=1)]
        for group, rows in row.items()
        if group in ("all", "any", "not")
    }
    return {**row, **inner, "text": name}


def rules_about(asked: Sequence[Question]) -> st.SearchStrategy[tuple[Rule, ...]]:
    audiences = st.lists(st.sampled_from(Audience), min_size=1, max_size=2, unique=True)
    fields = st.fixed_dictionaries(
        {
            "title": st.sampled_from(["甲", "乙", "乙二", "A", "𠮷", "￥"]),
            "eligibility": st.lists(conditions_about(asked), max_size=4),
        },
        optional={
            "audience": audiences,
            "region": st.lists(st.sampled_from(PLACES), min_size=1, max_size=2, unique=True),
            "effective": DAYS.map(str),
            "closes": DAYS.map(str),
            "opens": DAYS.map(str),
            "term": st.integers(0, 800),
            "superseded_by": st.just("a-0"),
        },
    )
    return st.lists(fields, max_size=5).map(
        lambda rows: read_rules(
            record(f"a-{n}", **dates_in_order(row)) for n, row in enumerate(rows)
        )
    )


def dates_in_order(fields: dict[str, Any]) -> dict[str, Any]:
    """Make an entry that is accepted of drawn parts: no end comes before its beginning."""
    row = dict(fields)
    opens, closes, term = (row.pop(name, None) for name in ("opens", "closes", "term"))
    ends = sorted(day for day in (opens, closes) if day)
    if ends:
        names = ("opens", "closes") if len(ends) == 2 else ("opens" if opens else "closes",)
        row["application_window"] = {"text": "申报", **dict(zip(names, ends, strict=True))}
    if term is not None:
        start = date.fromisoformat(row.get("effective", "2026-01-01"))
        row["expires"] = str(start + timedelta(days=term))
    elif "superseded_by" in row:
        row["expires"] = row.get("effective", "2026-01-01")
    return row


def answers_to(question: Question) -> st.SearchStrategy[Any]:
    """Draw what the page may hand over, right and wrong."""
    match question.type:
        case QuestionType.NUMBER:
            units = ["", " ", *question.to_dict()["units"], "斤", " 万 元"]
            typed = st.builds(str.__add__, NUMBERS | odd_numbers(), st.sampled_from(units))
            pair = st.fixed_dictionaries({"value": typed, "unit": st.sampled_from(units[2:])})
            return typed | pair
        case QuestionType.CHOICE:
            return st.sampled_from(question.values)
        case QuestionType.CHOICES:
            return st.lists(st.sampled_from(question.values), unique=True)
        case QuestionType.FLAG:
            return st.sampled_from(
                ["是", "否", "有", "没有", "TRUE", " 否 ", "也许", "constructor"]
            )
        case QuestionType.DATE:
            odd = [
                "2023年2月29日",
                "2024/2/29",
                "20240229",
                "0000-01-01",
                "1899-12-31",
                "昨天",
                "9999.9.9",
            ]
            return DAYS.map(str) | st.sampled_from(odd)
        case QuestionType.REGION:
            return st.sampled_from([*lexicon_data()["regions"]])


def odd_numbers() -> st.SearchStrategy[str]:
    fixed = "-1 -0 +5 １２３ ٣ 1e3 1,000 1,00 12,345,678.5 .5 5. 0.1234567 9999999999999999 NaN"
    return (
        st.sampled_from([*fixed.split(), "\x85７", "1\u30005"])
        | st.decimals(-1, 10**10, places=6).map(str)
        | st.text("0123456789.,- 万亿元人%年\u3000\u200b", max_size=12)
    )


def visits_about(asked: Sequence[Question]) -> st.SearchStrategy[Visit]:
    audiences = st.lists(st.sampled_from(Audience).map(str), unique=True)
    answers = {row.key: answers_to(row) | st.just("不清楚") for row in asked}
    return st.tuples(st.fixed_dictionaries({}, optional={"audience": audiences, **answers}), DAYS)


# A disagreement is told as it was found: to look for a smaller one takes minutes.
LITTLE = (Decimal(0), Decimal("0.000001"))
QUICK = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@settings(QUICK, max_examples=200)
@given(st.data())
def test_both_evaluators_agree_on_random_rules_answers_and_days(
    page: Page, data: st.DataObject
) -> None:
    # Of few questions at a time, so that rules and answers meet.
    asked = data.draw(st.lists(st.sampled_from(ASKED), min_size=2, max_size=6, unique=True))
    rules = data.draw(rules_about(asked))
    visits = data.draw(st.lists(visits_about(asked), min_size=8, max_size=8))
    expected = [judge(rules, visit) for visit in visits]
    assert judge_in_browser(page, rules, visits) == expected


@settings(QUICK, max_examples=25)
@given(st.lists(visits_about(ASKED), min_size=4, max_size=4))
def test_both_evaluators_agree_on_the_real_rules(page: Page, visits: list[Visit]) -> None:
    expected = [judge(real_rules(), visit) for visit in visits]
    assert judge_in_browser(page, real_rules(), visits) == expected


@settings(QUICK, max_examples=60)
@given(st.lists(visits_about(ASKED), min_size=8, max_size=8))
def test_both_read_what_is_typed_alike(page: Page, visits: list[Visit]) -> None:
    assert judge_in_browser(page, (), visits) == [judge((), visit) for visit in visits]


def test_both_evaluators_draw_the_same_lines_between_sizes(page: Page) -> None:
    rules = read_rules(
        record(
            f"size-{number}",
            eligibility=[{"text": size, "field": "enterprise_size", "op": "eq", "value": size}],
        )
        for number, size in enumerate(SIZES)
    )
    visits: list[Visit] = []
    for industry, bounds in load_sizes().items():
        # On each line, a little below it, and not known.
        near = [["不清楚", *(f"{b - d}" for b in row for d in LITTLE)] for row in bounds.values()]
        for values in product(*near):
            profile = {"industry": industry, **dict(zip(bounds, values, strict=True))}
            visits.append((profile, DAY))
    expected = [judge(rules, visit) for visit in visits]
    assert judge_in_browser(page, rules, visits) == expected
    likely = {found["slug"] for verdict in expected for found in verdict["likely"]}
    assert len(likely) == len(SIZES)


# Data


def only_rule(*eligibility: dict[str, Any], **fields: Any) -> dict[str, Any]:
    (rule,) = read_rules([record(eligibility=list(eligibility), **fields)])
    return describe_rule(rule)


def test_thresholds_go_out_exactly_as_they_are_compared() -> None:
    described = only_rule(
        {"text": "数", "field": "total_assets", "op": "lte", "value": "0.000001", "unit": "亿元"},
        {"text": "年", "field": "years_since_registration", "op": "gt", "value": "1.5"},
        {"text": "日", "field": "loan_date", "op": "gte", "value": "2026-01-31"},
        {
            "text": "选",
            "field": "titles",
            "op": "in",
            "value": ["高新技术企业", "专精特新中小企业"],
        },
        {"text": "有", "field": "titles", "op": "exists"},
        {"text": "是", "field": "financing_need", "op": "is_true"},
    )
    values = [condition.get("value") for condition in described["conditions"]]
    assert values == [
        "100000000",
        "18000000",
        "2026-01-31",
        ["专精特新中小企业", "高新技术企业"],
        None,
        None,
    ]


def test_a_condition_knows_its_clause_its_words_and_its_place() -> None:
    inner = {"text": "有贷款", "field": "financing_need", "op": "is_true", "basis": "第 2 条"}
    described = only_rule(
        {"text": "信用良好", "note": "由部门核查"},
        {"text": "任选", "any": [{"text": "由人判断"}, inner]},
        region=["淄博市"],
    )
    assert described["unchecked"] == [
        {"text": "信用良好", "note": "由部门核查", "at": "eligibility-1"}
    ]
    region, group = described["conditions"]
    assert region["threshold"] == "属于其中之一 淄博市"
    assert "at" not in region
    assert (group["group"], group["at"]) == ("any", "eligibility-2")
    assert [child["at"] for child in group["conditions"]] == ["eligibility-2-1", "eligibility-2-2"]
    assert group["conditions"][1]["basis"] == "第 2 条"


def test_every_place_that_a_rule_names_is_on_the_page_of_its_entry(tmp_path: Path) -> None:
    build_pages(load_library(ROOT / "policies"), tmp_path, DAY)
    named = 0
    for rule in rules_data(library()):
        head = (tmp_path / "policies" / f"{rule['slug']}.md").read_text("utf-8")
        ids = set(re.findall(r'"id": "(eligibility-[0-9-]+)"', head))
        places = set(re.findall(r'"at": "([^"]+)"', json.dumps(rule)))
        assert places <= ids, rule["slug"]
        named += len(places)
    assert named > 200


def test_what_one_gets_hands_in_and_where_goes_along() -> None:
    policy = make_policy(
        "a",
        kind="benefit",
        benefits=[{"type": "补贴", "text": "每人 2000 元", "cap": "30 万元"}],
        materials=[{"name": "执照", "copies": 2, "form": "copy", "when": "头一次", "shared": "是"}],
        counter=[{"name": "大厅", "address": "一楼", "url": "https://www.example.gov.cn/"}],
        contact=[{"name": "热线", "phone": "12345"}],
        procedure=[{"text": "到窗口办"}],
        application_window={"text": "十二月", "opens": "2026-12-01", "closes": "2026-12-31"},
        benefit_mode="免申即享",
        internal="不外传",
    )
    (row,) = rules_data([policy, make_policy("service")])
    assert row["benefits"] == [{"type": "补贴", "text": "每人 2000 元", "cap": "30 万元"}]
    tags = ["2 份", "复印件", "可由部门共享，免提交"]
    assert row["materials"] == [{"name": "执照", "when": "头一次", "tags": tags}]
    place = {"name": "大厅", "address": "一楼", "url": "https://www.example.gov.cn/"}
    assert row["counters"] == [place]
    assert row["contacts"] == [{"name": "热线", "phone": "12345"}]
    dates = [row[name] for name in ("opens", "closes", "deadline", "window", "mode")]
    assert dates == ["2026-12-01", "2026-12-31", "2026-12-31", "十二月", "免申即享"]
    assert row["procedure"] is True
    assert "不外传" not in json.dumps(row, ensure_ascii=False)


def test_text_in_the_data_cannot_end_its_script() -> None:
    files, _ = questionnaire_files([make_policy("a", kind="benefit", title="</script>\u2028<!--")])
    assert not re.search("[<\u2028]", files[RULES])


def test_the_version_changes_with_the_rules() -> None:
    versions = {
        questionnaire_files([make_policy("a", kind="benefit", title=title)])[1]
        for title in ("甲", "乙", "甲")
    }
    assert len(versions) == 2
