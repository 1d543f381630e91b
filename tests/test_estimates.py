"""Estimates: how a formula is read, what it says, and that Python and the browser agree on it."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import ROOT
from factories import SMALLEST, make_index, make_policy, real_rules
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from indexer.answers import Value, plain
from indexer.cards import rule_of
from indexer.cli import app
from indexer.estimates import TOO_LARGE, Result, about, estimate, publish
from indexer.formulas import (
    CAUTION,
    MAX_DEPTH,
    MAX_PARTS,
    FormulaError,
    Tree,
    check_estimate,
    describe,
    keys_in,
    read_estimate,
    read_formula,
    read_test,
)
from indexer.loader import inspect_library, load_library
from indexer.matching import Match, Matches, Outcome, Rule, match, read_rules
from indexer.pages import build_pages
from indexer.policy import Audience, Estimate, json_schema
from indexer.profile import Facts, parse_profile
from indexer.questions import load_questions

DAY = date(2026, 11, 24)
CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (ROOT / "tests" / "cases" / "estimates.yml").read_text(encoding="utf-8")
)
SCRIPT = ROOT / "site" / "overrides" / "assets" / "javascripts" / "estimates.js"
# JSON has neither the whole numbers nor the sets that answers in the browser are.
WORKED_OUT = """cases => {
  const read = ({ number, set, flag }) =>
    number !== undefined ? BigInt(number) : set ? new Set(set) : flag;
  const pair = ([key, given]) => [key, { value: read(given) }];
  const known = (answers) => Object.fromEntries(Object.entries(answers).map(pair));
  return cases.map(([tree, answers]) => PolicyEstimates.estimate(tree, known(answers)));
}"""
AMOUNTS = "cases => cases.map(([amount, unit]) => PolicyEstimates.about(amount, unit))"


def known(answers: Mapping[str, Any], day: date = DAY) -> dict[str, Value]:
    facts = Facts(parse_profile(dict(answers), day).answers, day)
    return {key: answer.value for key, answer in facts.known.items()}


def row(formula: str, only_if: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return an estimate as an entry holds it."""
    given = {"formula": formula, "only_if": only_if, **fields}
    filled = {"name": "补贴", "unit": "元", "basis": "某办法第3条", "source": ["A"], **given}
    return {name: value for name, value in filled.items() if value is not None}


def entry_with(*estimates: dict[str, Any], slug: str = "subsidy", **fields: Any) -> Any:
    benefit = {"type": "补贴", "text": "按规定补", "estimate": list(estimates)}
    filled = {
        "kind": "benefit",
        "audience": ["enterprise"],
        "topic": ["税费减免"],
        "benefits": [benefit],
        "sources": [{"id": "A", "title": "某办法", "doc_number": "某发〔2026〕1号"}],
        **fields,
    }
    return make_policy(slug, **filled)


def matched(policy: Any, answers: Mapping[str, Any], day: date = DAY) -> Match:
    (rule,) = read_rules([json.loads(rule_of(policy))])
    return matched_rule(rule, answers, day)


def matched_rule(rule: Rule, answers: Mapping[str, Any], day: date = DAY) -> Match:
    matches = match([rule], parse_profile(dict(answers), day), day)
    (found,) = (found for outcome in Outcome for found in matches.group(outcome))
    return found


@cache
def rules() -> dict[str, Rule]:
    return {rule.record["slug"]: rule for rule in real_rules()}


def library_estimates() -> Iterator[tuple[str, dict[str, Any]]]:
    for slug, rule in rules().items():
        for benefit in rule.record.get("benefits", ()):
            for estimated in benefit.get("estimate", ()):
                yield slug, estimated


# By hand


@pytest.mark.parametrize(
    "case", CASES["entries"], ids=lambda case: f"{case['entry']}：{case['by_hand']}"
)
def test_an_entry_comes_to_what_was_worked_out_by_hand(case: dict[str, Any]) -> None:
    found = matched_rule(rules()[case["entry"]], case["answers"])
    amounts = {
        one.row["name"]: one.to_dict()["amount"] for one in found.estimates if not one.missing
    }
    assert amounts[case["estimate"]] == case["amount"]


def test_every_estimate_of_the_library_is_worked_out_by_hand_at_least_once() -> None:
    done = set()
    for case in CASES["entries"]:
        for one in matched_rule(rules()[case["entry"]], case["answers"]).estimates:
            if one.row["name"] == case["estimate"] and one.result.amount is not None:
                done.add((case["entry"], one.row["formula"], one.row.get("only_if")))
    written = {(slug, one["formula"], one.get("only_if")) for slug, one in library_estimates()}
    assert done == written


def test_above_the_limit_of_small_firms_nothing_is_estimated() -> None:
    rule = rules()["cit-small-low-profit"]
    found = matched_rule(rule, {"annual_taxable_income": "3,000,001元"})
    assert (found.outcome, found.estimates) == (Outcome.NOT_ELIGIBLE, ())
    assert found.to_dict()["estimates"] == []


def test_a_phone_that_is_too_dear_has_no_estimate_of_its_own() -> None:
    answers = {"purchases": ["手机", "冰箱"], "grade_one_appliance": "是", "digital_price": 6001}
    found = matched_rule(rules()["appliance-tradein-2026"], answers)
    assert [(one.row["name"], one.missing) for one in found.estimates] == [
        ("一件家电补贴", ("appliance_price",))
    ]


def test_only_what_fits_the_renewal_of_a_car_is_estimated() -> None:
    rule = rules()["car-tradein-2026"]
    found = matched_rule(rule, {"car_renewal": "置换更新", "car_energy": "燃油车", "car_price": 10})
    assert [one.text for one in found.estimates] == ["约 6000 元"]
    unknown = matched_rule(rule, {"car_renewal": "置换更新", "car_price": 10})
    assert [one.missing for one in unknown.estimates] == [("car_energy",), ("car_energy",)]


# The language


def told(result: Result) -> dict[str, Any]:
    """Return a result as the browser gives it."""
    return {
        "applies": result.applies,
        "amount": None if result.amount is None else f"{result.amount:.2f}",
        "inputs": list(result.inputs),
        "missing": list(result.missing),
        "reason": result.reason,
    }


def expected(case: dict[str, Any]) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "applies": True,
        "amount": None,
        "inputs": [],
        "missing": [],
        "reason": None,
    }
    return {name: case.get(name, usual) for name, usual in nothing.items()}


@pytest.mark.parametrize("case", CASES["formulas"], ids=lambda case: str(case["formula"]))
def test_a_formula_comes_to_what_its_case_says(case: dict[str, Any]) -> None:
    tree = read_estimate(str(case["formula"]), case.get("only_if"))
    assert told(estimate(tree, known(case.get("answers", {})))) == expected(case)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("annual_taxable_income * 0.25 * 0.2", "年应纳税所得额 × 25% × 20%"),
        ("min(car_price * 0.12, 20000)", "新车价格 × 12%，最多 2 万元"),
        ("min(car_price * 0.12, 12345)", "新车价格 × 12%，最多 12345 元"),
        ("min(loan_years, 2) * loan_amount", "经营贷款年限（最多按 2 年） × 经营贷款金额"),
        ("max(loan_amount, 20000) * 2", "经营贷款金额（最少按 2 万元） × 2"),
        ("max(sale_amount - 5, 0) * 2", "（每次（日）销售额 − 5，最少按 0） × 2"),
        ("max(headcount, 5, 7)", "（从业人数、5、7 中最大的）"),
        ("(headcount + 1) * 2 - (3 - 2)", "（从业人数 + 1） × 2 − （3 − 2）"),
        ("8 / (4 / headcount)", "8 ÷ （4 ÷ 从业人数）"),
        ("round(headcount / 3) * 50", "（从业人数 ÷ 3）（四舍五入到整数） × 50"),
        ("when(headcount > 30, 1, 2)", "（从业人数大于 30 人的按 1，不然按 2）"),
        (
            "when(30 >= headcount or not grade_one_appliance and layoff_rate < 0.2, 1, 2)",
            "（从业人数不超过 30 人，或者（不是（家电是 1 级能效），并且裁员率小于 20%）的按 1，"
            "不然按 2）",
        ),
        (
            "when(headcount != headcount - 1, 1, 2)",
            "（从业人数不等于 从业人数 − 1的按 1，不然按 2）",
        ),
    ],
)
def test_a_formula_is_told_in_words(formula: str, words: str) -> None:
    assert describe(read_formula(formula)) == words


def test_what_must_hold_is_told_first() -> None:
    tree = read_estimate(
        "car_price * 0.1", 'car_renewal == "报废更新" and purchases not in ("手机", "平板")'
    )
    assert describe(tree) == (
        "“汽车以旧换新”是报废更新，并且不是（“买的家电、数码产品”有手机、平板之一）的，"
        "按 新车价格 × 10%"
    )


ALLOWED = "能写的是：数、questions.yml 里的 key、+ - * / 和括号、min、max、round、when。"
SYMBOLS = "括号、逗号、引号和运算符号要用英文的，百分数写成小数（15% 写 0.15）。"
MISTAKES = [
    ("headcont * 2000", "questions.yml 里没有“headcont”这一项。您是不是想写 headcount？"),
    ("从业人数 * 2000", "questions.yml 里没有“从业人数”这一项。您是不是想写 headcount？"),
    ("xyz * 2", "questions.yml 里没有“xyz”这一项。能写的见 indexer/lexicon/questions.yml。"),
    ("taxpayer_type * 2", "taxpayer_type（增值税纳税人类型）问的是选项，这里要数。"),
    ("registration_date * 2", "registration_date（领执照的日期）问的是日期，这里要数。"),
    (
        "when(headcount, 1, 2)",
        "headcount（从业人数）问的是数，这里要是或否。",
    ),
    (
        'when(headcount == "企业", 1, 2)',
        "headcount（从业人数）问的是数，这里要选项。",
    ),
    (
        'when(ownership == "民企", 1, 2)',
        "ownership（企业所有制）没有选项“民企”，只能是：民营、国有、外资、其他。",
    ),
    (
        'when(ownership > "民营", 1, 2)',
        "选项不能比大小，请写成 ownership == “……” 或 ownership in (……)。",
    ),
    ("avg(headcount, 2)", f"没有 avg 这种算法。{ALLOWED}"),
    ("mim(headcount, 2)", "没有 mim 这种算法。您是不是想写 min？"),
    ("min(headcount)", "min 要写成 min(a, b)，最多 10 项。"),
    ("round(headcount, 2)", "round 要写成 round(a)，最多 10 项。"),
    (
        "when(headcount > 1, 2)",
        "when 要写成 when(情形, 是的按这个, 不是的按那个)，最多 10 项。",
    ),
    ("headcount ** 2", f"“headcount ** 2”不能这样写。{ALLOWED}"),
    ("headcount.real", f"“headcount.real”不能这样写。{ALLOWED}"),
    ("headcount[0]", f"“headcount[0]”不能这样写。{ALLOWED}"),
    ("[headcount]", f"“[headcount]”不能这样写。{ALLOWED}"),
    ("lambda: 1", f"“lambda: 1”不能这样写。{ALLOWED}"),
    ("(x := 1)", f"“x := 1”不能这样写。{ALLOWED}"),
    ("headcount > 1", f"“headcount > 1”不能这样写。{ALLOWED}"),
    ("min(*headcount, 1)", f"“*headcount”不能这样写。{ALLOWED}"),
    ("min(headcount, key=1)", f"“min(headcount, key=1)”不能这样写。{ALLOWED}"),
    ("__import__('os')", f"没有 __import__ 这种算法。{ALLOWED}"),
    ("1e5 * headcount", "“1e5”不是数，只写阿拉伯数字，例如 15 或 0.5；选项只能和提问比较。"),
    ("0x10", "“0x10”不是数，只写阿拉伯数字，例如 15 或 0.5；选项只能和提问比较。"),
    ("1_000", "“1_000”不是数，只写阿拉伯数字，例如 15 或 0.5；选项只能和提问比较。"),
    ("True", "“True”不是数，只写阿拉伯数字，例如 15 或 0.5；选项只能和提问比较。"),
    ("'企业'", "“'企业'”不是数，只写阿拉伯数字，例如 15 或 0.5；选项只能和提问比较。"),
    ("0.1234567", "“0.1234567”不是数，只写阿拉伯数字，例如 15 或 0.5；选项只能和提问比较。"),
    ("headcount × 2000", f"“headcount × 2000”不是算式。{SYMBOLS}"),
    ("min（headcount，3）", f"“min（headcount，3）”不是算式。{SYMBOLS}"),
    ("car_price * 12%", f"“car_price * 12%”不是算式。{SYMBOLS}"),
    ("min(headcount", f"“min(headcount”不是算式。请核对括号和逗号。{ALLOWED}"),
    ("\0", f"“”不是算式。请核对括号和逗号。{ALLOWED}"),
    ("(" * 21 + "-" * 25 + "1" + ")" * 21, "算式太长，或者括号套得太深，请拆成几个。"),
    ("+".join("1" * 60), "算式太长，或者括号套得太深，请拆成几个。"),
]


@pytest.mark.parametrize(("formula", "message"), MISTAKES)
def test_a_formula_that_cannot_be_followed_is_told(formula: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        read_formula(formula)
    assert caught.value.problems == (message,)


def test_all_mistakes_of_a_formula_are_told_at_once() -> None:
    with pytest.raises(FormulaError) as caught:
        read_formula("headcont + taxpayer_type + sqrt(1) + headcont")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    "formula",
    [
        "headcount + monthly_sales",
        "min(headcount, loan_years)",
        "when(headcount > age, 1, 2)",
        "monthly_sales * headcount + monthly_sales",
        "monthly_sales / 3 + headcount",
    ],
)
def test_unlike_units_are_neither_added_nor_compared(formula: str) -> None:
    with pytest.raises(FormulaError, match="里单位不一样，不能相加减、比大小。"):
        read_formula(formula)


def check(formula: str, only_if: str | None = None, *audience: Audience) -> list[tuple[str, str]]:
    return list(check_estimate(Estimate(**row(formula, only_if)), audience or list(Audience)[1:]))


@pytest.mark.parametrize(
    ("formula", "comes_to_money"),
    [
        ("headcount * 2000", True),
        ("monthly_sales * 0.01", True),
        ("monthly_sales * headcount * 0.01", True),
        ("loan_amount * min(0.01, debt_ratio / 2)", True),
        ("1000", True),
        ("2000 / headcount", True),
        ("headcount", False),
        ("loan_years", False),
        ("debt_ratio", False),
        ("monthly_sales / quarterly_sales", False),
        ("monthly_sales * quarterly_sales", False),
        ("min(monthly_sales * quarterly_sales, 100)", False),
    ],
)
def test_an_estimate_must_come_to_money(formula: str, comes_to_money: bool) -> None:
    parts = [part for part, _ in check(formula)]
    assert parts == ([] if comes_to_money else ["formula"])


def test_an_estimate_asks_only_what_everybody_it_serves_is_asked() -> None:
    assert check("age * 100", None, Audience.CITIZEN) == []
    assert check("100", "age > 80", *Audience) == [
        (
            "only_if",
            "age（年龄）不问企业，本条的适用对象里却有；"
            "请换一项，或者在 questions.yml 里补上 audience。",
        )
    ]


def test_check_tells_the_place_of_a_wrong_formula(tmp_path: Path) -> None:
    wrong = row("agee * 100", 'car_energy == "电"')
    fields = {
        **SMALLEST,
        "benefits": [
            {"type": "补贴", "text": "补", "estimate": [wrong]},
            {"type": "补贴", "text": "补", "estimate": [row("age * 100", source=["B"])]},
        ],
    }
    folder = tmp_path / "policies"
    folder.mkdir()
    text = f"---\n{yaml.safe_dump(fields, allow_unicode=True, sort_keys=False)}---\n\n正文。\n"
    (folder / "loan.md").write_text(text, encoding="utf-8")
    lines = text.splitlines()
    places = [
        n for n, line in enumerate(lines, start=1) if re.search("formula: agee|only_if", line)
    ]
    source = next(n for n, line in enumerate(lines) if line.strip() == "- B")
    assert [str(problem) for problem in inspect_library(folder)[1]] == [
        f"policies/loan.md:{places[0]} benefits.1.estimate.1.formula："
        "questions.yml 里没有“agee”这一项。您是不是想写 age？",
        f"policies/loan.md:{places[1]} benefits.1.estimate.1.only_if："
        "car_energy（新车的种类）没有选项“电”，只能是：新能源车、燃油车。",
        f"policies/loan.md:{source} benefits.2.estimate.1.source：sources 里没有代号“B”。"
        "已有的代号：A。",
    ]


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="0123456789.+-*/()<>=! ,\"'%headcountmin[]{}\\\0é（", max_size=60))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for read in (read_formula, read_test):
        with suppress(FormulaError):
            json.dumps(read(text))


NAMES = ("debt_ratio", "layoff_rate")  # bare numbers: percentages, 100 of which make one
LEAVES = st.one_of(
    st.integers(0, 50).map(str), st.sampled_from(["0.25", "1.5", "0.000001", *NAMES])
)
ARITHMETIC = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)
        | st.builds("{} {} {}".format, LEAVES, st.sampled_from("+-*/"), LEAVES)
        | st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(ARITHMETIC, st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_arithmetic_comes_to_what_python_itself_makes_of_it(
    formula: str, numbers: tuple[int, int]
) -> None:
    values = dict(zip(NAMES, numbers, strict=True))
    exact = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)", r'F("\1")', formula)
    names = {
        "F": Fraction,
        "min": min,
        "max": max,
        **{n: Fraction(v, 100) for n, v in values.items()},
    }
    result = estimate(read_formula(formula), known(values))
    try:
        right = eval(exact, names)
    except ZeroDivisionError:
        assert result.reason == "除数是 0，算不出来，请核对填的数。"
        return
    if right < 0:
        assert result.reason == "算出来不到 0 元，请核对填的数。"
    elif right >= TOO_LARGE:
        assert result.reason == "算出来的数太大，请核对填的数。"
    else:
        assert result.amount is not None
        assert abs(Fraction(result.amount) - right) <= Fraction(1, 200)


# The browser


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_script_tag(path=SCRIPT)
    yield page
    page.close()


def sent(answers: Mapping[str, Value]) -> dict[str, Any]:
    """Return the answers that formulas may ask for, ready for WORKED_OUT."""
    return {key: _sent(value) for key, value in answers.items() if not isinstance(value, date)}


def _sent(value: Value) -> dict[str, Any]:
    match value:
        case Decimal():
            return {"number": plain(value * 1_000_000)}
        case frozenset():
            return {"set": sorted(value)}
    return {"flag": value}


def test_the_browser_comes_to_the_same_in_every_case(page: Page) -> None:
    trees = [read_estimate(str(c["formula"]), c.get("only_if")) for c in CASES["formulas"]]
    given = [sent(known(case.get("answers", {}))) for case in CASES["formulas"]]
    outcomes = page.evaluate(WORKED_OUT, list(zip(trees, given, strict=True)))
    assert outcomes == [expected(case) for case in CASES["formulas"]]


def test_the_browser_comes_to_what_was_worked_out_by_hand(page: Page) -> None:
    pairs = []
    for case in CASES["entries"]:
        answers = known(case["answers"])
        for slug, one in library_estimates():
            if slug == case["entry"]:
                pairs.append((one["tree"], answers))
    outcomes = page.evaluate(WORKED_OUT, [(tree, sent(answers)) for tree, answers in pairs])
    assert outcomes == [told(estimate(tree, answers)) for tree, answers in pairs]
    amounts = {outcome["amount"] for outcome in outcomes}
    assert {case["amount"] for case in CASES["entries"]} <= amounts


NUMBERS = ("headcount", "sale_amount", "monthly_sales", "loan_years", "debt_ratio")
VALUES: dict[str, st.SearchStrategy[Value]] = {
    **{name: st.decimals(0, 10**9, places=6) | st.integers(0, 60).map(Decimal) for name in NUMBERS},
    "grade_one_appliance": st.booleans(),
    "enterprise_size": st.frozensets(st.sampled_from(["大型", "中型", "小型", "微型"]), min_size=1),
    "titles": st.frozensets(st.sampled_from(["高新技术企业", "专精特新中小企业"])),
}
KNOWN = st.fixed_dictionaries({}, optional=VALUES)


def node(op: str, *args: Any) -> st.SearchStrategy[Tree]:
    return st.tuples(*args).map(lambda parts: {"op": op, "args": list(parts)})


NUMBER_LEAVES: st.SearchStrategy[Tree] = st.one_of(
    st.decimals(0, 10**6, places=3).map(lambda n: {"op": "number", "value": plain(n)}),
    st.sampled_from(NUMBERS).map(
        lambda key: read_formula(key),
    ),
)
TEST_LEAVES: st.SearchStrategy[Tree] = st.sampled_from(
    [
        read_test("grade_one_appliance"),
        read_test('enterprise_size in ("小型", "微型")'),
        read_test('enterprise_size == "中型"'),
        read_test('titles == "高新技术企业"'),
        read_test('titles not in ("高新技术企业", "专精特新中小企业")'),
    ]
)


def _grow(trees: st.SearchStrategy[tuple[Tree, Tree]]) -> st.SearchStrategy[tuple[Tree, Tree]]:
    """Return bigger pairs of a number and a test from smaller ones."""
    numbers, tests = trees.map(lambda pair: pair[0]), trees.map(lambda pair: pair[1])
    amount = st.one_of(
        *(node(op, numbers, numbers) for op in ("add", "sub", "mul", "div", "min", "max")),
        node("min", numbers, numbers, numbers),
        node("round", numbers),
        node("when", tests, numbers, numbers),
    )
    test = st.one_of(
        *(node(op, numbers, numbers) for op in ("lt", "lte", "gt", "gte", "eq", "ne")),
        *(node(op, tests, tests) for op in ("and", "or")),
        node("not", tests),
    )
    return st.tuples(amount, test)


TREES = st.recursive(st.tuples(NUMBER_LEAVES, TEST_LEAVES), _grow, max_leaves=8)
ESTIMATES = TREES.map(lambda pair: pair[0]) | TREES.map(
    lambda pair: {"op": "when", "args": [pair[1], pair[0]]}
)


@settings(max_examples=60, deadline=None)
@given(cases=st.lists(st.tuples(ESTIMATES, KNOWN), min_size=10, max_size=20))
def test_the_browser_agrees_to_the_last_digit_whatever_is_asked_and_answered(
    page: Page, cases: list[tuple[Tree, dict[str, Value]]]
) -> None:
    outcomes = page.evaluate(WORKED_OUT, [(tree, sent(answers)) for tree, answers in cases])
    assert outcomes == [told(estimate(tree, answers)) for tree, answers in cases]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(0, 10**15 - 1, places=2), min_size=20))
def test_the_browser_says_amounts_alike(page: Page, amounts: list[Decimal]) -> None:
    round_ones = [amount.quantize(Decimal(100)) for amount in amounts]
    rows = [(amount, unit) for amount in (*amounts, *round_ones) for unit in ("元", "元/月")]
    texts = page.evaluate(AMOUNTS, [(f"{amount:.2f}", unit) for amount, unit in rows])
    assert texts == [about(amount, unit) for amount, unit in rows]


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        ("0", "元", "约 0 元"),
        ("599.85", "元/件", "约 599.85 元/件"),
        ("9900", "元", "约 9900 元"),
        ("10000", "元/年", "约 1 万元/年"),
        ("12300", "元/年", "约 1.23 万元/年"),
        ("12345", "元", "约 12345 元"),
        ("10000.01", "元", "约 10000.01 元"),
        ("100000000", "元/月", "约 10000 万元/月"),
    ],
)
def test_an_amount_is_said_in_ten_thousands_where_that_is_short(
    page: Page, amount: str, unit: str, text: str
) -> None:
    assert about(Decimal(amount), unit) == text
    assert page.evaluate(AMOUNTS, [(f"{Decimal(amount):.2f}", unit)]) == [text]


# In matches


def test_what_an_estimate_asks_is_kept_apart_from_what_decides() -> None:
    policy = entry_with(
        row("min(headcount * 2000, 300000)", "annual_revenue <= 5000000"),
        eligibility=[
            {"text": "是企业", "field": "entity_type", "op": "eq", "value": "企业"},
        ],
    )
    found = matched(policy, {"annual_revenue": 500})
    assert found.missing == ("entity_type",)
    (one,) = found.estimates
    assert one.missing == ("headcount",)
    likely = matched(policy, {"entity_type": "企业"})
    assert (likely.outcome, likely.missing) == (Outcome.LIKELY, ())
    assert [one.missing for one in likely.estimates] == [("annual_revenue",)]


def test_a_size_still_open_is_asked_by_what_it_follows_from() -> None:
    policy = entry_with(row("1000", 'enterprise_size == "微型"'))
    (one,) = matched(policy, {"industry": "制造业"}).estimates
    assert one.missing == ("headcount", "annual_revenue")


def test_a_question_only_for_estimates_changes_no_outcome() -> None:
    used = {key for _, one in library_estimates() for key in keys_in(one["tree"])}
    asked = {"region", "audience"}
    for rule in rules().values():
        asked |= set(_fields(rule.record.get("eligibility", ())))
    for question in load_questions().rows:
        if question.key in asked:
            asked |= set(question.derived_from)
    only_estimates = used - asked
    assert len(only_estimates) == 19
    answers: dict[str, Any] = dict.fromkeys(only_estimates - {"car_energy"}, 1)
    answers["car_energy"] = "燃油车"
    for who in ({}, {"audience": "群众"}, {"audience": "企业", "headcount": 20}):
        without = match(rules().values(), parse_profile(who, DAY), DAY)
        with_them = match(rules().values(), parse_profile({**who, **answers}, DAY), DAY)
        assert with_them.questions == without.questions
        for outcome in Outcome:
            before, after = without.group(outcome), with_them.group(outcome)
            assert [(m.slug, m.missing) for m in after] == [(m.slug, m.missing) for m in before]
        assert _amounts(with_them) > _amounts(without)


def _amounts(matches: Matches) -> int:
    estimates = [one for found in matches.more_information for one in found.estimates]
    return sum(one.result.amount is not None for one in estimates)


def _fields(conditions: Any) -> Iterator[str]:
    for condition in conditions:
        if "field" in condition:
            yield condition["field"]
        for group in ("all", "any", "not"):
            yield from _fields(condition.get(group, ()))


def test_an_entry_not_in_force_is_not_estimated() -> None:
    rule = rules()["vat-small-scale-1pct"]
    answers = parse_profile({"vat_filing": "按月", "monthly_sales": 10}, DAY)
    for day in (date(2025, 12, 31), date(2028, 1, 1)):
        matches = match([rule], answers, day)
        assert [matches.group(outcome) for outcome in Outcome] == [(), (), ()]
    (found,) = match([rule], answers, date(2027, 12, 31)).more_information
    assert [one.text for one in found.estimates] == ["约 1000 元"]


def test_an_estimate_tells_everything_it_rests_on() -> None:
    policy = entry_with(
        row("min(headcount * 2000, 30000)", "annual_revenue <= 5000000", note="按全年在岗算")
    )
    found = matched(policy, {"headcount": 7, "annual_revenue": 300}).to_dict()
    assert found["estimates"] == [
        {
            "name": "补贴",
            "amount": "14000.00",
            "unit": "元",
            "text": "约 1.4 万元",
            "words": "年营业收入不超过 500 万元的，按 从业人数 × 2000，最多 3 万元",
            "inputs": [
                {"key": "annual_revenue", "label": "年营业收入", "answer": "300 万元"},
                {"key": "headcount", "label": "从业人数", "answer": "7 人"},
            ],
            "missing": [],
            "reason": None,
            "basis": "某办法第3条",
            "source": ["A"],
            "note": "按全年在岗算",
            "caution": "只是估算，以主管部门核定为准。",
        }
    ]
    assert found["benefits"] == [{"type": "补贴", "text": "按规定补"}]


def test_an_estimate_is_told_to_a_person_and_promises_nothing() -> None:
    policy = entry_with(row("sale_amount / headcount", note="按全年在岗算"))
    answers: dict[str, Any] = {"sale_amount": 300}
    (one,) = matched(policy, answers).estimates
    assert list(one.lines()) == ["想估算补贴，还要回答：从业人数（headcount）"]
    (one,) = matched(policy, {**answers, "headcount": 3}).estimates
    assert list(one.lines()) == [
        "补贴：约 100 元（只是估算，以主管部门核定为准）",
        "  算法：每次（日）销售额 ÷ 从业人数；您答的是 每次（日）销售额 300 元，从业人数 3 人；"
        "依据：某办法第3条",
        "  按全年在岗算",
    ]
    (one,) = matched(policy, {**answers, "headcount": 0}).estimates
    assert next(one.lines()) == (
        "补贴：除数是 0，算不出来，请核对填的数。（只是估算，以主管部门核定为准）"
    )


def test_an_index_older_than_the_questions_leaves_an_estimate_out() -> None:
    rule = json.loads(rule_of(entry_with(row("headcount * 2000"))))
    rule["benefits"][0]["estimate"][0]["tree"] = {"op": "answer", "key": "gone", "scale": 1}
    (read,) = read_rules([rule])
    assert matched_rule(read, {}).estimates == ()


# In the record, on the page, in the commands


def test_the_record_says_how_it_is_worked_out_and_holds_the_tree() -> None:
    policy = entry_with(row("headcount * 2000", "headcount > 5"), internal="不发布")
    index = make_index(policy)
    (benefit,) = (index.record("subsidy") or {})["benefits"]
    assert benefit["estimate"] == [
        {
            **row("headcount * 2000", "headcount > 5"),
            "words": "从业人数大于 5 人的，按 从业人数 × 2000",
            "tree": read_estimate("headcount * 2000", "headcount > 5"),
        }
    ]
    assert publish({"slug": "a"}) == {"slug": "a"}


def test_the_page_of_an_entry_says_how_it_is_worked_out(tmp_path: Path) -> None:
    build_pages(load_library(ROOT / "policies"), tmp_path, DAY)
    text = (tmp_path / "policies" / "cit-small-low-profit.md").read_text(encoding="utf-8")
    head = next(line for line in text.splitlines() if line.startswith("entry: "))
    sections = json.loads(head.removeprefix("entry: "))["sections"]
    (benefit,) = next(section for section in sections if section["id"] == "benefits")["rows"]
    assert benefit["details"][0] == {
        "label": "怎么算",
        "text": "一年要交的企业所得税：年应纳税所得额 × 25% × 20%（以汇算清缴结果为准）。"
        f"{CAUTION}依据：财政部 税务总局公告2023年第12号",
    }


def test_the_command_prints_what_is_estimated(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    source = ROOT / "policies" / "enterprises" / "cit-small-low-profit.md"
    text = re.sub(r"(?m)^related:\n(?:- .*\n)+", "", source.read_text(encoding="utf-8"))
    text = re.sub(r"\[([^\]]*)\]\([a-z-]+\.md\)", r"\1", text)
    (folder / source.name).write_text(text, encoding="utf-8")
    profile = tmp_path / "profile.yml"
    profile.write_text("audience: 企业\n年应纳税所得额: 200\n", encoding="utf-8")
    where = ["--index", str(tmp_path / "index")]
    run = CliRunner().invoke
    assert run(app, ["index", "--policies", str(folder), *where]).exit_code == 0
    asked = ["match", "--profile", str(profile), "--as-of", DAY.isoformat(), *where]
    printed = "".join(run(app, asked).stdout.split())
    assert "一年要交的企业所得税：约10万元/年（只是估算，以主管部门核定为准）" in printed
    (found,) = json.loads(run(app, [*asked, "--json"]).stdout)["more_information"]
    assert [one["text"] for one in found["estimates"]] == ["约 10 万元/年", "约 40 万元/年"]


def test_the_schema_describes_estimates_to_editors() -> None:
    described = json_schema()["$defs"]["Estimate"]["properties"]
    assert all(field["description"] for field in described.values())
    assert set(described) == set(Estimate.model_fields)


def test_the_limits_leave_room_for_what_the_library_says() -> None:
    for _, one in library_estimates():
        assert _count(one["tree"]) * 2 <= MAX_PARTS
        assert _depth(one["tree"]) * 2 <= MAX_DEPTH


def _count(tree: Tree) -> int:
    return 1 + sum(_count(part) for part in tree.get("args", ()))


def _depth(tree: Tree) -> int:
    return 1 + max((_depth(part) for part in tree.get("args", ())), default=0)
