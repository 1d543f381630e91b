"""The questions: what the file must hold, how answers are read, how conditions are checked."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from factories import SMALLEST
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.answers import AnswerError, read_answer
from indexer.conditions import read_threshold
from indexer.formulas import keys_in, read_estimate
from indexer.loader import inspect_library, load_library
from indexer.policy import Audience, Condition
from indexer.problems import LexiconError, ParameterError
from indexer.profile import parse_profile
from indexer.questions import Question, QuestionType, answers_schema, load_questions

DAY = date(2026, 11, 24)
POLICIES = Path(__file__).resolve().parent.parent / "policies"
Check = Callable[..., list[str]]


def question(key: str) -> Question:
    return load_questions().by_key[key]


def refusal(key: str, given: Any) -> str:
    with pytest.raises(AnswerError) as caught:
        read_answer(question(key), given, DAY)
    return str(caught.value)


# The file


def conditions(group: tuple[Condition, ...]) -> Iterator[Condition]:
    for condition in group:
        yield condition
        for inner in (condition.all, condition.any, condition.not_):
            yield from conditions(inner)


def test_every_question_is_used_by_a_rule_or_an_estimate_or_what_they_work_out() -> None:
    policies = load_library(POLICIES).policies
    used = {condition.field for policy in policies for condition in conditions(policy.eligibility)}
    estimates = (
        row for policy in policies for benefit in policy.benefits for row in benefit.estimate
    )
    used |= {key for row in estimates for key in keys_in(read_estimate(row.formula, row.only_if))}
    for row in load_questions().rows:
        if row.key in used:
            used |= set(row.derived_from)
    # `audience` is compared with the audience of every entry.
    assert {row.key for row in load_questions().rows} - used == {"audience"}


def test_every_condition_of_the_library_can_be_compared() -> None:
    for policy in load_library(POLICIES).policies:
        for condition in conditions(policy.eligibility):
            assert (read_threshold(condition) is not None) == (condition.field is not None)


def test_every_question_is_asked_in_plain_words() -> None:
    for row in load_questions().rows:
        assert row.question.endswith("？"), row.key
        assert row.help.endswith("。"), row.key
        assert row.synonyms, row.key


def test_every_option_is_understood_by_each_of_its_names() -> None:
    for row in load_questions().rows:
        for option in row.options:
            for name in (option.value, option.name, *option.synonyms):
                answer = read_answer(row, name)
                assert answer is not None, (row.key, name)
                assert answer.value == frozenset((option.value,)), (row.key, name)


def test_mistakes_in_the_file_are_told_all_at_once(tmp_path: Path) -> None:
    row = {
        "key": "size",
        "label": "规模",
        "question": "多大？",
        "help": "照实填。",
        "audience": ["enterprise"],
        "type": "number",
    }
    rows = [
        {**row, "unit": "丈", "derived_from": ["sise"]},
        {**row, "key": "other", "synonyms": ["规模"], "options": [{"value": "大"}]},
        {**row, "key": "third", "labal": "三", "type": "numbers"},
    ]
    path = tmp_path / "questions.yml"
    content = {"measures": [{"元": 1}, {"万": "一万"}], "questions": rows}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(LexiconError) as caught:
        load_questions(path)
    assert str(caught.value).splitlines() == [
        "questions.yml measures 第 2 行：要写成“单位: 正整数”。",
        "questions.yml questions 第 3 项 third type：“numbers”不合适。",
        "questions.yml questions 第 3 项 third labal：没有这一项。您是不是想写 label？",
        "questions.yml size：单位“丈”不在 measures 里。",
        "questions.yml size：derived_from 里的“sise”不是问题。您是不是想写 size？",
        "questions.yml other：名字“规模”已被 size 用了，请换一个。",
        "questions.yml other：选一个、选几个的要写 options，别的不写。",
        "questions.yml other：数要写 unit（单位），别的不写。",
    ]


def test_mistakes_in_what_is_asked_together_are_told(tmp_path: Path) -> None:
    common: dict[str, Any] = {
        "label": "",
        "question": "多大？",
        "help": "照实填。",
        "audience": ["citizen"],
    }
    flag = {**common, "type": "flag", "group": "家里", "statement": "家里用暖气"}
    number = {**common, "type": "number", "unit": "元", "minimum": 0, "maximum": 9, "group": "家里"}
    choice = {**common, "type": "choice", "options": [{"value": "有"}, {"value": "没有"}]}
    rows = [
        flag,
        {**flag, "statement": "家里用暖气"},
        {**flag, "statement": "家里有电梯。", "otherwise": "否"},
        {**flag, "statement": None},
        {**flag, "group": None},
        {**flag, "group": None, "statement": None, "otherwise": "否"},
        {**number, "statement": "欠了钱"},
        {**number, "statement": "借了钱", "otherwise": "一"},
        {**number, "statement": "还了钱", "otherwise": "10"},
        {**choice, "statement": "有孩子", "group": "家里人", "otherwise": "没"},
        {**common, "type": "date", "group": "几个数", "statement": "有日期"},
        {**number, "group": "几个数"},
    ]
    named = [
        {name: value for name, value in {**row, "key": f"k{n}", "label": f"第{n}"}.items() if value}
        for n, row in enumerate(rows)
    ]
    path = tmp_path / "questions.yml"
    content = {"measures": [{"元": 1}], "questions": named}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(LexiconError) as caught:
        load_questions(path)
    assert str(caught.value).splitlines() == [
        "questions.yml k2：statement“家里有电梯。”后面不加标点。",
        "questions.yml k2：不符合的时候就是“否”，不写 otherwise，请删去。",
        "questions.yml k3：写了 group（放在哪一组），还要写 statement（一句话的说法）；"
        "只有数可以不写。",
        "questions.yml k4：写了 statement（一句话的说法），还要写 group（放在哪一组）。",
        "questions.yml k5：没有 statement 就不写 otherwise，请删去。",
        "questions.yml k6：要写 otherwise：这句话不符合的时候，算哪个回答。",
        "questions.yml k7：otherwise 要写一个整数（按 unit），看到的是“一”。",
        "questions.yml k8：otherwise 不在 minimum 和 maximum 之间，看到的是“10”。",
        "questions.yml k9：otherwise 只能是一个选项的 value，看到的是“没”。您是不是想写 没有？",
        "questions.yml k10：替谁问、日期、地区只能单独问，不写 statement，请删去。",
        "questions.yml group：“家里”这一组里，有的写了 statement，有的没有写；要填数的请另放一组。",
        "questions.yml group：“家里”这一组里，“家里用暖气”写了两次。",
        "questions.yml group：“家里人”这一组只有一题，至少要两题。您是不是想写 家里？",
        "questions.yml group：“几个数”这一组里，有的写了 statement，有的没有写；"
        "要填数的请另放一组。",
    ]


def test_a_statement_is_one_plain_sentence_and_says_what_its_question_asks() -> None:
    told = [row for row in load_questions().rows if row.statement is not None]
    assert len(told) > 30
    for row in told:
        assert row.denied is not None
        answer = read_answer(row, row.denied)
        assert answer is not None, row.key
        assert not answer.value or row.type is QuestionType.CHOICE, row.key


# Answers


@pytest.mark.parametrize(
    ("key", "given", "value", "text"),
    [
        ("total_assets", 5000, 50_000_000, "5000 万元"),
        ("total_assets", "5000", 50_000_000, "5000 万元"),
        ("total_assets", "5,000万元", 50_000_000, "5000 万元"),
        ("total_assets", "５，０００ 万元", 50_000_000, "5000 万元"),
        ("total_assets", "0.5 亿元", 50_000_000, "0.5 亿元"),
        ("total_assets", {"value": 5000, "unit": "万元"}, 50_000_000, "5000 万元"),
        ("total_assets", {"value": "0.5", "unit": "亿元"}, 50_000_000, "0.5 亿元"),
        ("total_assets", Decimal("0.1"), 1000, "0.1 万元"),
        ("total_assets", 0.1, 1000, "0.1 万元"),
        ("headcount", "20人", 20, "20 人"),
        ("child_age", "35个月", 35, "35 个月"),
        ("child_age", 3, 36, "3 周岁"),
        ("debt_ratio", "75%", 75, "75%"),
        ("room_temperature", "-3.50℃", Decimal("-3.5"), "-3.5 ℃"),
        ("heating_outage_hours", "1天", 24, "1 天"),
    ],
)
def test_a_number_is_read_with_its_unit(key: str, given: Any, value: Any, text: str) -> None:
    answer = read_answer(question(key), given)
    assert answer is not None
    assert (answer.value, answer.text) == (Decimal(value), text)


@pytest.mark.parametrize(
    ("key", "given", "message"),
    [
        ("headcount", -5, "不能小于 0 人，看到的是“-5”。"),
        ("headcount", "五个", "不是数，看到的是“五个”；请写成 15、0.5 或 5000万元 这样的数。"),
        ("headcount", "20万元", "单位只能是 人、名、个人，看到的是“万元”。"),
        ("headcount", "1,5", "不是数，看到的是“1,5”；请写成 15、0.5 或 5000万元 这样的数。"),
        ("headcount", True, "不是数，看到的是“True”；请写成 15 或 0.5 这样的数。"),
        ("headcount", float("nan"), "这个数太大，或者不是数，请核对。"),
        ("headcount", float("inf"), "这个数太大，或者不是数，请核对。"),
        ("headcount", 10**400, "这个数太大，或者不是数，请核对。"),
        ("headcount", {"value": 5, "unti": "人"}, "要写成 value（数）和 unit（单位）两项。"),
        ("headcount", [[5]], "这里只写一个值，或者几个值的列表，不能再分层。"),
        ("debt_ratio", {"value": 5, "unit": None}, None),
        ("domestic_rd_share", 101, "不能大于 100 %，看到的是“101”。"),
        (
            "enterprise_size",
            "小形",
            "只能是 大型、中型、小型、微型，看到的是“小形”。",
        ),
        ("titles", "高新技术企", None),
        ("titles", {"a": 1}, "要写成列表，例如 [高新技术企业]；都不是的写 []。"),
        ("titles", ["高企", "都没有"], "选了别的，就不能再选“都没有”。"),
        ("general_contractor", "也许", "只能是“是”或“否”（true 或 false），看到的是“也许”。"),
        ("general_contractor", 1, "只能是“是”或“否”（true 或 false），看到的是“1”。"),
        ("registration_date", "2026-02-30", "“2026-02-30”在日历上没有，请核对。"),
        ("registration_date", "去年", "不是日期，请写成 2024-03-01，看到的是“去年”。"),
        (
            "registration_date",
            "2026-11-25",
            "日期要在 1900-01-01 到 2026-11-24 之间，看到的是“2026-11-25”。",
        ),
        (
            "region",
            "历下区",
            "只能是 山东省、淄博市、淄博市临淄区、其他地区，看到的是“历下区”。",
        ),
        ("region", 3, "只能是 山东省、淄博市、淄博市临淄区、其他地区，看到的是“3”。"),
    ],
)
def test_an_answer_that_does_not_fit_is_told(key: str, given: Any, message: str | None) -> None:
    told = refusal(key, given)
    assert message is None or told == message


def test_a_wrong_option_is_told_with_the_nearest_name() -> None:
    assert refusal("titles", "高新技术企").endswith("您是不是想写 高新技术企业？")
    assert refusal("tax_credit_rating", {"value": "A", "unit": "级"}).startswith("只能是 A")


@pytest.mark.parametrize("given", ["不清楚", "不知道", " 不 确定 ", "", None])
@pytest.mark.parametrize("key", ["headcount", "titles", "region", "registration_date", "industry"])
def test_not_knowing_is_an_answer_that_leaves_the_question_open(key: str, given: Any) -> None:
    assert read_answer(question(key), given, DAY) is None


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (["高企", "专精特新"], {"高新技术企业", "专精特新中小企业"}),
        ("高企、专精特新", {"高新技术企业", "专精特新中小企业"}),
        ("都没有", set()),
        ([], set()),
        (["无"], set()),
    ],
)
def test_several_may_be_chosen_and_none_of_them_too(given: Any, values: set[str]) -> None:
    answer = read_answer(question("titles"), given)
    assert answer is not None
    assert answer.value == values
    assert answer.text == (
        "、".join(v for v in question("titles").values if v in values) or "都没有"
    )


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("临淄", "淄博市临淄区"),
        ("临淄区", "淄博市临淄区"),
        ("山东省淄博市临淄区", "淄博市临淄区"),
        ("淄博", "淄博市"),
        ("山东", "山东省"),
        ("其他地区", "其他地区"),
        ("山东省淄博市临淄区稷下街道 1 号", "淄博市临淄区"),
        ("临淄区闻韶街道", "淄博市临淄区"),
        ("淄博市高新区", "淄博市"),
        ("张店", "淄博市"),
        ("张店区", "淄博市"),
        ("山东省淄博市桓台县", "淄博市"),
        ("青岛市", "山东省"),
        ("济南市历下区经十路 1 号", "山东省"),
        ("滨州市临淄路 3 号", "山东省"),
        ("北京市海淀区", "其他地区"),
        ("江苏省南京市山东路", "其他地区"),
    ],
)
def test_a_place_is_known_by_its_short_and_its_long_name_and_by_an_address(
    given: str, place: str
) -> None:
    answer = read_answer(question("region"), given)
    assert answer is not None
    assert answer.value == place


def test_a_place_that_is_not_told_apart_is_named_beside_the_region_it_stands_for() -> None:
    answer = read_answer(question("region"), "张店区")
    assert answer is not None
    assert answer.text == "淄博市（张店区）"


def test_questions_are_answered_by_key_label_or_column_name() -> None:
    for name in ("headcount", "从业人数", "员工数", "HEADCOUNT", "员工 数"):
        assert parse_profile({name: 5}, DAY).answers["headcount"].value == 5


def told(profile: object) -> list[tuple[str, str]]:
    with pytest.raises(ParameterError) as caught:
        parse_profile(profile, DAY)
    return [(error.field, error.message) for error in caught.value.errors]


def test_a_question_that_does_not_exist_is_told_with_the_nearest_one() -> None:
    assert told({"headcuont": 5, "血型": "A"}) == [
        ("headcuont", "没有这个问题。您是不是想写 headcount？"),
        (
            "血型",
            "没有这个问题。能回答的问题见接口 /api/questions，或者 indexer/lexicon/questions.yml。",
        ),
    ]


def test_one_question_may_be_answered_only_once() -> None:
    assert told({"headcount": 5, "员工数": 6}) == [
        ("员工数", "和“headcount”是同一个问题，请只答一次。")
    ]


def test_a_profile_that_is_no_mapping_is_told() -> None:
    too_many = {f"question_{number}": 1 for number in range(301)}
    wrong: tuple[object, ...] = (None, [], "headcount", 3, too_many)
    for profile in wrong:
        assert told(profile) == [("profile", "要写成“问题: 回答”的形式，一行一项，最多 300 项。")]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.dates()
    | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(load_questions().rows), anything)
def test_no_answer_whatever_breaks_the_reading(row: Question, given: Any) -> None:
    try:
        read_answer(row, given, DAY)
    except AnswerError as error:
        str(error).encode()  # a lone surrogate would break the answer to a request


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=20) | st.integers(), anything, max_size=4))
def test_no_profile_whatever_breaks_the_reading(profile: Any) -> None:
    try:
        parse_profile(profile, DAY)
    except ParameterError as error:
        for problem in error.errors:
            f"{problem.field}{problem.message}".encode()


# What the interface tells


def test_a_question_tells_its_units_options_and_regions() -> None:
    assert question("total_assets").to_dict()["units"]["亿元"] == 100_000_000
    assert question("audience").to_dict()["options"][0] == {
        "value": "citizen",
        "label": "个人或家庭",
        "synonyms": ["群众", "个人", "居民", "家庭"],
    }
    assert [row["value"] for row in question("region").to_dict()["options"]][-1] == "其他地区"
    json.dumps([row.to_dict() for row in load_questions().rows])
    told = question("procurement_kind").to_dict()
    parts = ("资金和项目", "想参加政府采购项目", "不参加")
    assert (told["group"], told["statement"], told["otherwise"]) == parts


def test_the_schema_of_answers_describes_every_question() -> None:
    properties = answers_schema()["properties"]
    assert list(properties) == [row.key for row in load_questions().rows]
    assert all(row.question in properties[row.key]["description"] for row in load_questions().rows)


# Comparisons


@pytest.mark.parametrize(
    ("field", "op", "value", "given", "outcome"),
    [
        ("headcount", "eq", "300", 300, True),
        ("headcount", "eq", "300", 301, False),
        ("headcount", "lt", "300", 300, False),
        ("headcount", "lte", "300", 300, True),
        ("headcount", "gt", "300", 300, False),
        ("headcount", "gte", "300", 300, True),
        ("loan_date", "gte", "2026-01-01", "2026-01-01", True),
        ("loan_date", "lt", "2026-01-01", "2026-01-01", False),
        ("industry", "eq", "餐饮业", "餐饮", True),
        ("industry", "in", ["餐饮业", "住宿业"], "零售", False),
        ("industry", "not_in", ["餐饮业", "住宿业"], "零售", True),
        ("industry", "not_in", ["餐饮业", "住宿业"], "酒店", False),
        ("titles", "in", ["高新技术企业"], ["高企", "专精特新"], True),
        ("titles", "eq", "高新技术企业", ["专精特新"], False),
        ("titles", "in", ["高新技术企业"], "都没有", False),
        ("titles", "not_in", ["高新技术企业"], "都没有", True),
        ("titles", "not_in", ["高新技术企业"], ["高企"], False),
        ("titles", "exists", None, ["高企"], True),
        ("titles", "exists", None, "都没有", False),
        ("financing_need", "is_true", None, "是", True),
        ("financing_need", "is_true", None, "否", False),
        ("region", "eq", "淄博市", "临淄", True),
        ("region", "eq", "淄博市", "其他地区", False),
        ("region", "eq", "淄博市", "山东", None),
        ("region", "not_in", ["淄博市"], "临淄", False),
        ("region", "not_in", ["淄博市"], "山东", None),
    ],
)
def test_each_kind_of_answer_is_compared_in_its_own_way(
    field: str, op: str, value: Any, given: Any, outcome: bool | None
) -> None:
    threshold = read_threshold(Condition.model_validate(condition(field, op, value)))
    answer = read_answer(question(field), given)
    assert threshold is not None
    assert answer is not None
    assert threshold.holds(answer.value) is outcome


def test_units_are_brought_together_before_comparing() -> None:
    row = condition("total_assets", "lte", "2", "亿元")
    threshold = read_threshold(Condition.model_validate(row))
    assert threshold is not None
    assert threshold.text == "不超过 2 亿元"
    for told_as, outcome in (("20000万元", True), ("200,000,001元", False), (20000, True)):
        answer = read_answer(question("total_assets"), told_as)
        assert answer is not None
        assert threshold.holds(answer.value) is outcome


# Conditions in entries


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write one entry with these conditions, and return the messages about them."""

    def messages(*rows: dict[str, Any], audience: str = "enterprise") -> list[str]:
        head = {**SMALLEST, "audience": [audience], "eligibility": list(rows)}
        text = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
        (tmp_path / "policies").mkdir(exist_ok=True)
        (tmp_path / "policies" / "a.md").write_text(f"---\n{text}---\n正文\n", encoding="utf-8")
        problems = inspect_library(tmp_path / "policies")[1]
        lines = (tmp_path / "policies" / "a.md").read_text(encoding="utf-8").splitlines()
        for problem in problems:  # the line is that of the part that is wrong
            assert problem.field.rsplit(".", 1)[1] in lines[problem.line - 1]
        return [f"{problem.field}：{problem.message}" for problem in problems]

    return messages


def condition(field: str, op: str, value: Any = None, unit: str | None = None) -> dict[str, Any]:
    row = {"text": "条件", "field": field, "op": op, "value": value, "unit": unit}
    return {name: part for name, part in row.items() if part is not None}


def test_conditions_that_fit_their_questions_are_accepted(check: Check) -> None:
    assert not check(
        condition("headcount", "lte", "300", "人"),
        condition("total_assets", "lte", "2", "亿元"),
        condition("industry", "not_in", ["餐饮业", "住宿业"]),
        condition("titles", "exists"),
        condition("general_contractor", "is_true"),
        condition("loan_date", "gte", "2026-01-01"),
        condition("region", "eq", "山东省"),
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            condition("headcuont", "lte", "300", "人"),
            "field：questions.yml 里没有“headcuont”这一项。您是不是想写 headcount？",
        ),
        (
            condition("blood_type", "eq", "A"),
            "field：questions.yml 里没有“blood_type”这一项。"
            "能写的见 indexer/lexicon/questions.yml；问不清楚的条件只写 text。",
        ),
        (
            condition("headcount", "in", "300", "人"),
            "op：从业人数只能用 eq（是）、lt（小于）、lte（不超过）、gt（大于）、gte（不低于），"
            "看到的是“in”。",
        ),
        (
            condition("general_contractor", "eq", "是"),
            "op：施工总承包单位只能用 is_true（成立），看到的是“eq”。",
        ),
        (
            condition("general_contractor", "is_true", "是"),
            "value：is_true 后面不写 value，请删去；不成立的写在 not 里。",
        ),
        (condition("headcount", "lte", "三百", "人"), None),
        (
            condition("headcount", "lte", "300", "万元"),
            "unit：单位只能是 人、名、个人，看到的是“万元”。",
        ),
        (
            condition("enterprise_size", "in", ["小型", "微形"]),
            "value：没有选项“微形”，只能是：大型、中型、小型、微型。",
        ),
        (
            condition("taxpayer_type", "eq", "小规模纳税"),
            "value：没有选项“小规模纳税”，只能是：小规模纳税人、一般纳税人。"
            "您是不是想写 小规模纳税人？",
        ),
        (
            condition("titles", "in", ["高新技术企业"], "个"),
            "unit：已有的称号不是数，不写单位，请删去。",
        ),
        (condition("loan_date", "gte", "2026-13-01"), "value：“2026-13-01”在日历上没有，请核对。"),
        (
            condition("region", "eq", "淄博"),
            "value：没有选项“淄博”，只能是：山东省、淄博市、淄博市临淄区。您是不是想写 淄博市？",
        ),
        (
            condition("age", "gte", "80", "岁"),
            "field：age（年龄）不问企业，本条的适用对象里却有；"
            "请换一项，或者在 questions.yml 里补上 audience。",
        ),
    ],
)
def test_a_condition_that_no_answer_can_meet_is_told_with_its_line(
    check: Check, row: dict[str, Any], message: str | None
) -> None:
    (problem,) = check({"text": "任选", "any": [{"text": "一"}, row]})
    assert problem.startswith("eligibility.1.any.2.")
    assert message is None or problem == f"eligibility.1.any.2.{message}"


def test_a_question_for_both_may_stand_in_an_entry_for_either(check: Check) -> None:
    row = condition("entity_type", "eq", "个体工商户")
    assert not check(row)
    assert not check(row, audience="citizen")
    assert set(question("entity_type").audience) == set(Audience)
