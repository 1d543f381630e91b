"""The policy record (政策): its fields, allowed values, and status on a given day."""

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LEXICON = Path(__file__).parent / "lexicon"


class Kind(StrEnum):
    """What an entry is about (类别)."""

    SERVICE = "service"  # 办事事项
    BENEFIT = "benefit"  # 惠企惠民政策
    RULE = "rule"  # 规则与依据


class Audience(StrEnum):
    """Whom an entry serves (适用对象)."""

    CITIZEN = "citizen"  # 群众
    ENTERPRISE = "enterprise"  # 企业


class Level(StrEnum):
    """Which level of government made the policy (层级)."""

    NATIONAL = "national"  # 国家
    PROVINCE = "province"  # 省
    CITY = "city"  # 市
    DISTRICT = "district"  # 区县


class Status(StrEnum):
    """Whether a policy may be relied on (时效性). Worked out from dates, never typed."""

    PENDING = "pending"  # 尚未施行
    IN_FORCE = "in_force"  # 现行有效
    EXPIRED = "expired"  # 已失效
    SUPERSEDED = "superseded"  # 已被替代


class BenefitMode(StrEnum):
    """How a benefit is obtained (享受方式)."""

    AUTOMATIC = "免申即享"
    SELF_DECLARED = "自行申报享受"
    ON_APPLICATION = "依申请"


class BenefitType(StrEnum):
    """What a benefit gives (扶持类型)."""

    REDUCTION = "减免"
    SUBSIDY = "补贴"
    LOAN = "贷款"
    AWARD = "奖励"
    QUALIFICATION = "资格"


class AmountUnit(StrEnum):
    """The unit of an amount (金额单位)."""

    YUAN = "元"
    WAN_YUAN = "万元"
    YI_YUAN = "亿元"
    PERCENT = "%"
    PERCENTAGE_POINT = "个百分点"


class EstimateUnit(StrEnum):
    """What an estimate comes to (估算的单位): always yuan, once or again and again."""

    YUAN = "元"
    YUAN_A_MONTH = "元/月"
    YUAN_A_YEAR = "元/年"
    YUAN_APIECE = "元/件"


class TimeLimitKind(StrEnum):
    """Who set a time limit (时限类型)."""

    STATUTORY = "statutory"  # 法定时限
    PROMISED = "promised"  # 承诺时限


class TimeLimitStage(StrEnum):
    """Which step of a permit procedure a time limit is for (时限阶段)."""

    ACCEPTANCE = "acceptance"  # 受理：看材料齐不齐，一次告知要补什么
    DECISION = "decision"  # 决定：从受理那天起
    EXTENSION = "extension"  # 延长：决定不了的，经批准再加
    DELIVERY = "delivery"  # 送达：从作出决定那天起


class TimeUnit(StrEnum):
    """How a time limit is counted (时限单位)."""

    WORKING_DAYS = "working_days"  # 个工作日
    CALENDAR_DAYS = "calendar_days"  # 日
    HOURS = "hours"  # 小时
    MONTHS = "months"  # 个月
    YEARS = "years"  # 年


class MaterialForm(StrEnum):
    """In which form a material is handed in (材料形式)."""

    ORIGINAL = "original"  # 原件
    COPY = "copy"  # 复印件
    ORIGINAL_AND_COPY = "original_and_copy"  # 原件和复印件
    ELECTRONIC = "electronic"  # 电子件


class Comparison(StrEnum):
    """How an eligibility condition compares (比较方式)."""

    EQ = "eq"
    IN = "in"
    NOT_IN = "not_in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IS_TRUE = "is_true"
    EXISTS = "exists"


LABELS: dict[StrEnum, str] = {
    Kind.SERVICE: "办事事项",
    Kind.BENEFIT: "惠企惠民政策",
    Kind.RULE: "规则与依据",
    Audience.CITIZEN: "群众",
    Audience.ENTERPRISE: "企业",
    Level.NATIONAL: "国家",
    Level.PROVINCE: "省",
    Level.CITY: "市",
    Level.DISTRICT: "区县",
    Status.PENDING: "尚未施行",
    Status.IN_FORCE: "现行有效",
    Status.EXPIRED: "已失效",
    Status.SUPERSEDED: "已被替代",
    TimeLimitKind.STATUTORY: "法定时限",
    TimeLimitKind.PROMISED: "承诺时限",
    TimeLimitStage.ACCEPTANCE: "受理",
    TimeLimitStage.DECISION: "决定",
    TimeLimitStage.EXTENSION: "延长",
    TimeLimitStage.DELIVERY: "送达",
    TimeUnit.WORKING_DAYS: "个工作日",
    TimeUnit.CALENDAR_DAYS: "日",
    TimeUnit.HOURS: "小时",
    TimeUnit.MONTHS: "个月",
    TimeUnit.YEARS: "年",
    MaterialForm.ORIGINAL: "原件",
    MaterialForm.COPY: "复印件",
    MaterialForm.ORIGINAL_AND_COPY: "原件和复印件",
    MaterialForm.ELECTRONIC: "电子件",
    Comparison.EQ: "是",
    Comparison.IN: "属于其中之一",
    Comparison.NOT_IN: "不属于",
    Comparison.LT: "小于",
    Comparison.LTE: "不超过",
    Comparison.GT: "大于",
    Comparison.GTE: "不低于",
    Comparison.IS_TRUE: "成立",
    Comparison.EXISTS: "具备",
}


def label(value: StrEnum) -> str:
    """Return the Chinese name of a fixed value; values that are Chinese name themselves."""
    return LABELS.get(value, value.value)


class Topic(BaseModel):
    """One subject heading (主题分类) of `lexicon/topics.yml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    slug: Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
    description: str


@cache
def load_topics(path: Path = LEXICON / "topics.yml") -> tuple[Topic, ...]:
    """Read the subject headings in the order in which they are shown."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(Topic.model_validate(row) for row in rows)


@cache
def places_within(region: str, path: Path = LEXICON / "regions.yml") -> tuple[str, ...]:
    """Return a region and every region inside it: what holds in a province holds in its cities.

    A region that is not in `lexicon/regions.yml` has only itself.
    """
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    inner = (row["name"] for row in rows if row.get("within") == region)
    return (region, *(place for name in inner for place in places_within(name, path)))


@cache
def region_names(path: Path = LEXICON / "regions.yml") -> tuple[str, ...]:
    """Return the places that the library is for, and those around them."""
    return tuple(row["name"] for row in yaml.safe_load(path.read_text(encoding="utf-8")))


@cache
def other_places(path: Path = LEXICON / "regions.yml") -> dict[str, str]:
    """Return the places that are no region of their own, each with the region that it lies in."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {place: row["name"] for row in rows for place in row.get("others", ())}


def topic_names() -> tuple[str, ...]:
    """Return the names an entry's `topic` may have."""
    return tuple(topic.name for topic in load_topics())


def _read_date(value: Any) -> Any:
    # pydantic alone would take “1700000000” for a moment in 2023 and “20240301” for one in 1970.
    if not isinstance(value, str):
        return value
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date_missing", "在日历上没有，请核对") from None
    raise PydanticCustomError(
        "date_form", "不是日期，请写成 {form}", {"form": _date_meant(value) or "2024-03-01"}
    )


def _date_meant(text: str) -> str | None:
    """Return the date that an editor probably meant, from 2024年3月1日, 2024/3/1 or 20240301."""
    match = re.fullmatch(r"\s*(\d{4})[年./-]?(\d{1,2})[月./-]?(\d{1,2})日?\s*", text)
    try:
        return date(*map(int, match.groups())).isoformat() if match else None
    except ValueError:
        return None


def _read_flag(value: Any) -> Any:
    # YAML readers disagree about yes, no, on and off; two spellings are enough.
    if isinstance(value, str):
        flags = {"true": True, "是": True, "false": False, "否": False}
        if value not in flags:
            raise PydanticCustomError("flag", "只能是 true 或 false（也可以写“是”或“否”）")
        return flags[value]
    return value


def _read_number(value: Any) -> Any:
    # Decimal would take “1e999999”, “１２” and “Infinity”.
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", value):
        raise PydanticCustomError("number", "不是数，请只写阿拉伯数字，例如 15 或 0.5")
    return value


def _as_list(value: Any) -> Any:
    """Let an editor write one value without the brackets of a list."""
    return [value] if isinstance(value, str | dict) else value


def _known_topic(value: str) -> str:
    if value not in topic_names():
        raise PydanticCustomError(
            "topic", "没有这个主题，只能是：{allowed}", {"allowed": "、".join(topic_names())}
        )
    return value


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"'`]+", value):
        raise PydanticCustomError("url", "不是网址，要以 http:// 或 https:// 开头，中间没有空格")
    return value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Day = Annotated[date, BeforeValidator(_read_date)]
Flag = Annotated[bool, BeforeValidator(_read_flag)]
Number = Annotated[Decimal, BeforeValidator(_read_number)]
Count = Annotated[int, BeforeValidator(_read_number), Field(ge=0, le=100_000)]
Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2000),
    AfterValidator(_web_address),
]
TopicName = Annotated[str, AfterValidator(_known_topic)]
Slug = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=SLUG_PATTERN)]
Formula = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
DocNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120)]


Item = TypeVar("Item")
OneOrMore = Annotated[tuple[Item, ...], BeforeValidator(_as_list)]


def _read_compared_value(value: Any) -> str | tuple[str, ...]:
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts:
        raise PydanticCustomError("compared", "这里要写一个值，或者几个值的列表")
    if not all(isinstance(part, str) and 0 < len(part.strip()) <= 200 for part in parts):
        raise PydanticCustomError("compared", "每个值都要有内容，最多 200 个字，不能再分层")
    return value.strip() if isinstance(value, str) else tuple(part.strip() for part in parts)


ComparedValue = Annotated[str | tuple[str, ...], BeforeValidator(_read_compared_value)]


class Record(BaseModel):
    """What every part of an entry shares: it never changes and takes no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Situation(Record):
    """One thing to tick before a notice is printed (情形): a question and its options.

    An option may be named in `situation` of clauses, materials and time limits. While nothing of a
    question is ticked, whatever depends on it is told.
    """

    question: ShortText = Field(description="问什么", examples=["办哪一种"])
    options: Annotated[OneOrMore[ShortText], Field(min_length=2)] = Field(
        description="能选什么，至少两个；一个条目里不重复", examples=[["新办", "变更", "延续"]]
    )
    note: Text | None = Field(None, description="怎样判断选哪个", examples=["证快到期的选延续"])


class Clause(Record):
    """One statement of an entry, with the clause it rests on (要点)."""

    text: Text = Field(description="一句话写清楚", examples=["水质符合国家或地方排放标准"])
    name: ShortText | None = Field(None, description="小标题，例如步骤名称", examples=["受理"])
    when: ShortText | None = Field(
        None, description="只在什么情形下适用；不写表示都适用", examples=["施工排水"]
    )
    situation: OneOrMore[ShortText] = Field(
        (),
        description="只在哪些情形下适用：situations 里的选项；同一问的几个选项是“或”，"
        "不同问的是“且”；不写表示都适用",
        examples=[["新办"]],
    )
    basis: Text | None = Field(
        None, description="依据的法规条款或文件", examples=["城镇排水与污水处理条例第22条"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["L-排水"]]
    )
    note: Text | None = Field(
        None, description="补充说明", examples=["依据转载文本，办理前请再核对"]
    )


class Material(Record):
    """One paper an applicant hands in (申请材料)."""

    name: Text = Field(description="材料名称", examples=["排水许可申请表"])
    copies: Count | None = Field(None, description="份数", examples=[1])
    form: MaterialForm | None = Field(
        None,
        description="原件还是复印件：original 原件、copy 复印件、"
        "original_and_copy 原件和复印件、electronic 电子件",
        examples=["copy"],
    )
    issued_by: ShortText | None = Field(None, description="由谁出具", examples=["有资质的检测机构"])
    when: ShortText | None = Field(
        None, description="只在什么情形下要交；不写表示都要交", examples=["重点排污单位"]
    )
    situation: OneOrMore[ShortText] = Field(
        (),
        description="只在哪些情形下适用：situations 里的选项；同一问的几个选项是“或”，"
        "不同问的是“且”；不写表示都适用",
        examples=[["变更"]],
    )
    shared: Flag | None = Field(None, description="是否可由部门共享、免提交", examples=[True])
    template: ShortText | None = Field(
        None, description="空白表、样表叫什么、在哪里拿", examples=["窗口免费领取"]
    )
    template_url: Url | None = Field(
        None, description="空白表、样表的网址", examples=["https://www.example.gov.cn/form.docx"]
    )
    basis: Text | None = Field(
        None, description="依据的条款", examples=["城镇污水排入排水管网许可管理办法第7条"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["W-排水许可"]]
    )
    note: Text | None = Field(None, description="补充说明", examples=["也可以交书面承诺书"])


class TimeLimit(Record):
    """How long one step may take (办理时限)."""

    kind: TimeLimitKind = Field(
        description="statutory 法定时限，promised 承诺时限", examples=["statutory"]
    )
    text: Text = Field(description="一句话写清楚", examples=["受理之日起 15 个工作日内作出决定"])
    value: Count | None = Field(None, description="数字", examples=[15])
    unit: TimeUnit | None = Field(
        None,
        description="单位：working_days 工作日、calendar_days 自然日、hours 小时、"
        "months 月、years 年",
        examples=["working_days"],
    )
    stage: TimeLimitStage | None = Field(
        None,
        description="哪一步的期限：acceptance 受理（补正告知）、decision 作出决定、"
        "extension 经批准延长、delivery 送达；别的期限不写",
        examples=["decision"],
    )
    situation: OneOrMore[ShortText] = Field(
        (),
        description="只在哪些情形下适用：situations 里的选项；同一问的几个选项是“或”，"
        "不同问的是“且”；不写表示都适用",
        examples=[["延续"]],
    )
    basis: Text | None = Field(
        None, description="依据的条款", examples=["城镇污水排入排水管网许可管理办法第6条"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["W-排水许可"]]
    )
    note: Text | None = Field(None, description="补充说明", examples=["旧文本为 20 日"])

    @model_validator(mode="after")
    def _value_has_a_unit(self) -> Self:
        if (self.value is None) != (self.unit is None):
            raise PydanticCustomError("pair", "value 和 unit 要一起写，或者都不写")
        return self


class Document(Record):
    """One law or paper that an entry rests on (依据文件)."""

    title: Text = Field(description="文件名称", examples=["城镇排水与污水处理条例"])
    doc_number: DocNumber | None = Field(None, description="文号", examples=["国务院令第641号"])
    articles: ShortText | None = Field(None, description="用到的条款", examples=["第20、21、22条"])
    issuer: ShortText | None = Field(None, description="制定机关", examples=["国务院"])
    level: Level | None = Field(
        None,
        description="层级：national 国家、province 省、city 市、district 区县",
        examples=["national"],
    )
    issued: Day | None = Field(None, description="公布或成文日期", examples=["2013-10-02"])
    effective: Day | None = Field(None, description="施行日期", examples=["2014-01-01"])
    expires: Day | None = Field(
        None, description="失效日期（有效的最后一天）", examples=["2027-12-31"]
    )
    amended: ShortText | None = Field(
        None, description="最近一次修改", examples=["2022-12-01（住建部令第56号）"]
    )
    url: Url | None = Field(
        None, description="网址", examples=["https://www.gov.cn/zhengce/content/2013.htm"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["L-排水"]]
    )
    note: Text | None = Field(
        None, description="补充说明，例如时效核对到哪一天", examples=["此后是否修改未核实"]
    )

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        _check_order(self, ("effective", "expires"))
        return self


class Estimate(Record):
    """How much a benefit comes to for one applicant (估算): a formula over answers.

    Money counts in yuan, percentages as fractions (15% is 0.15), everything else in the unit of
    its question. `indexer/estimates.py` reads formulas and works them out.
    """

    name: ShortText = Field(description="算出来的是什么", examples=["一年少交的企业所得税"])
    formula: Formula = Field(
        description="算式：数、lexicon/questions.yml 里的 key、+ - * / 和括号、min、max、round、"
        "when(情形, 是的按这个, 不是的按那个)；钱一律按元，百分数写成小数，别的按提问的单位",
        examples=["min(headcount * 2000, 300000)"],
    )
    only_if: Formula | None = Field(
        None,
        description="只在什么情形下能这样算；不写表示都能",
        examples=['car_renewal == "报废更新"'],
    )
    unit: EstimateUnit = Field(description="单位：元、元/月、元/年、元/件", examples=["元/年"])
    basis: Text = Field(
        description="依据的条款或文件", examples=["财政部 税务总局公告2023年第12号"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["公告2026-10"]]
    )
    note: Text | None = Field(
        None, description="按什么假定算的、还差什么没有算", examples=["按全年都在岗算"]
    )


class Benefit(Record):
    """One thing that a benefit policy gives (扶持内容)."""

    type: BenefitType = Field(description="减免、补贴、贷款、奖励、资格之一", examples=["补贴"])
    text: Text = Field(
        description="一句话写清楚给什么", examples=["按新增岗位每个 2000 元补给企业"]
    )
    amount: Number | None = Field(None, description="数额；只写核实为现行的数字", examples=[2000])
    unit: AmountUnit | None = Field(
        None, description="单位：元、万元、亿元、%、个百分点", examples=["元"]
    )
    per: ShortText | None = Field(None, description="按什么算", examples=["每人每月"])
    cap: Text | None = Field(None, description="上限", examples=["每户最高 30 万元"])
    estimate: OneOrMore[Estimate] = Field(
        (),
        description="怎么算：大约能得多少；只写核实为现行的算法",
        examples=[[{"name": "补贴", "formula": "headcount * 2000", "unit": "元"}]],
    )
    basis: Text | None = Field(
        None, description="依据的条款", examples=["财政部 税务总局公告2026年第10号"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["公告2026-10"]]
    )
    note: Text | None = Field(None, description="补充说明", examples=["按差额发，不是人人全额"])

    @model_validator(mode="after")
    def _amount_has_a_unit(self) -> Self:
        if (self.amount is None) != (self.unit is None):
            raise PydanticCustomError("pair", "amount 和 unit 要一起写，或者都不写")
        return self


class Condition(Record):
    """One eligibility condition, or a group of them (申请条件).

    Either a comparison (`field`, `op`, `value`) or exactly one group of conditions: `all`
    (every one), `any` (one is enough) or `not` (none). The conditions of an entry hold together.
    """

    text: Text = Field(description="一句话写清楚这个条件", examples=["月销售额不到 10 万元"])
    field: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")] | None = Field(
        None,
        description="问哪一项：lexicon/questions.yml 里的 key；问不清楚的条件只写 text",
        examples=["monthly_sales"],
    )
    op: Comparison | None = Field(
        None,
        description="怎样比较：eq 等于、in 属于、not_in 不属于、lt 小于、lte 不超过、"
        "gt 大于、gte 不低于、is_true 成立、exists 具备",
        examples=["lt"],
    )
    value: ComparedValue | None = Field(
        None, description="比较的值：数、日期，或者这一项的选项", examples=["10"]
    )
    unit: ShortText | None = Field(
        None, description="数的单位，要和这一项是同一类", examples=["万元"]
    )
    all: tuple["Condition", ...] = Field(
        (), description="这些条件要同时符合", examples=[[{"text": "有劳动合同"}]]
    )
    any: tuple["Condition", ...] = Field(
        (), description="这些条件符合一个就行", examples=[[{"text": "大学生"}]]
    )
    not_: tuple["Condition", ...] = Field(
        (), alias="not", description="这些条件都不能有", examples=[[{"text": "一般纳税人"}]]
    )
    basis: Text | None = Field(
        None, description="依据的条款", examples=["财政部 税务总局公告2026年第10号"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["公告2026-10"]]
    )
    note: Text | None = Field(None, description="补充说明", examples=["按月申报的看这一条"])

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        groups = [group for group in (self.all, self.any, self.not_) if group]
        if self.field is None and not groups:
            if self.op is not None or self.value is not None or self.unit is not None:
                raise PydanticCustomError("condition", "写了 op、value、unit 就要写 field")
            return self  # a condition that only a person can judge
        if self.field is not None and groups:
            raise PydanticCustomError("condition", "field 和 all、any、not 只能写一种")
        if len(groups) > 1:
            raise PydanticCustomError("condition", "all、any、not 一次只能写一种，可以一层套一层")
        if self.field is not None:
            if self.op is None:
                raise PydanticCustomError("condition", "写了 field 就要写 op")
            if self.value is None and self.op not in (Comparison.IS_TRUE, Comparison.EXISTS):
                raise PydanticCustomError("condition", "这种比较要写 value")
        return self


class ApplicationWindow(Record):
    """When one may apply (申报时间)."""

    text: Text = Field(description="一句话写清楚什么时候可以办", examples=["常年受理"])
    opens: Day | None = Field(None, description="开始日期", examples=["2026-06-01"])
    closes: Day | None = Field(
        None, description="截止日期（可以申请的最后一天）", examples=["2026-08-31"]
    )

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        _check_order(self, ("opens", "closes"))
        return self


class Counter(Record):
    """A place where one is served (办理窗口)."""

    name: ShortText = Field(description="窗口或办理渠道名称", examples=["区政务服务大厅综合窗口"])
    address: ShortText | None = Field(None, description="地址", examples=["一楼大厅"])
    hours: ShortText | None = Field(None, description="办公时间", examples=["工作日 9:00—17:00"])
    url: Url | None = Field(
        None, description="网上办理网址", examples=["https://www.example.gov.cn/"]
    )
    note: Text | None = Field(None, description="补充说明", examples=["以窗口答复为准"])


class Contact(Record):
    """Whom to ask (咨询电话)."""

    name: ShortText = Field(description="问谁、问什么", examples=["12345 政务服务便民热线"])
    phone: (
        Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9][0-9\-转 ]{2,30}$")]
        | None
    ) = Field(None, description="电话", examples=["12345"])
    url: Url | None = Field(None, description="网址", examples=["https://www.example.gov.cn/"])
    note: Text | None = Field(None, description="补充说明", examples=["24 小时"])


class Source(Record):
    """Where the facts of an entry were read (出处)."""

    title: Text = Field(description="出处名称", examples=["城镇排水与污水处理条例"])
    id: ShortText | None = Field(
        None, description="代号，供其他字段的 source 引用", examples=["L-排水"]
    )
    url: Url | None = Field(
        None, description="网址", examples=["https://www.gov.cn/zhengce/content/2013.htm"]
    )
    doc_number: DocNumber | None = Field(None, description="文号", examples=["国务院令第641号"])
    location: Text | None = Field(
        None,
        description="没有网址和文号时，写明从哪里读到",
        examples=["公开法规文本副本（2025-04-19 快照）"],
    )
    text_date: Day | None = Field(None, description="读到的文本是哪一天的", examples=["2025-04-19"])
    note: Text | None = Field(
        None, description="补充说明，例如是不是转载", examples=["转载，未见发文机关原页"]
    )

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if not (self.url or self.doc_number or self.location):
            raise PydanticCustomError(
                "source", "要写明在哪里能找到：url（网址）、doc_number（文号）或 location 至少一项"
            )
        return self


class CommonQuestion(Record):
    """One question that the hotline and the counter answer in approved words (统一答复)."""

    question: ShortText = Field(description="大家怎么问", examples=["开饭店要办排水证吗"])
    short: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=5, max_length=120)
    ] = Field(
        description="短答：电话里一口气说完，最多 120 个字",
        examples=["要办。往市政下水道排污水的饭店，开业前先办排水许可证，许可不收费。"],
    )
    long: Text | None = Field(
        None,
        description="长答：条件、办法、例外，一段话",
        examples=["从事餐饮又往城镇排水设施排污水的……"],
    )
    basis: Text | None = Field(
        None, description="依据的条款", examples=["城镇排水与污水处理条例第21条"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["L-排水"]]
    )


class BundleStep(Record):
    """One item of a bundle (一件事里的一项): an entry of the library, or a step elsewhere."""

    id: Annotated[str, StringConstraints(pattern=SLUG_PATTERN, max_length=40)] = Field(
        description="代号，供别的步骤的 after 引用", examples=["drainage"]
    )
    entry: Slug | None = Field(
        None, description="办哪一项（条目名）", examples=["drainage-discharge-permit"]
    )
    name: ShortText | None = Field(
        None,
        description="叫什么；写了 entry 的可以不写，用条目的标题",
        examples=["营业执照（市场监管部门）"],
    )
    situation: OneOrMore[ShortText] = Field(
        (), description="按条目 situations 里的哪些情形办", examples=[["施工排水"]]
    )
    when: ShortText | None = Field(
        None, description="只在什么情形下要办；不写表示都要办", examples=["要挖马路接管的"]
    )
    after: OneOrMore[ShortText] = Field(
        (), description="哪些步骤（代号）办完才能办；不写表示一开始就能办", examples=[["licence"]]
    )
    days: Count | None = Field(
        None,
        description="最长多少个工作日；不写就用条目的法定决定时限，也没有就算时限未知",
        examples=[20],
    )
    basis: Text | None = Field(
        None, description="先后次序、期限的依据", examples=["城市道路管理条例第33条"]
    )
    source: OneOrMore[ShortText] = Field(
        (), description="出处代号，对应 sources 里的 id", examples=[["L-道路"]]
    )
    note: Text | None = Field(None, description="补充说明", examples=["可以和装修同时办"])

    @model_validator(mode="after")
    def _is_called_something(self) -> Self:
        if self.entry is None and self.name is None:
            raise PydanticCustomError("step", "entry（条目名）和 name（叫什么）至少写一个")
        return self


class Policy(Record):
    """One entry of the library: one Markdown file under `policies/`.

    `slug` is the file name and `body` the text below the front matter; everything else stands in
    the front matter under the same name.
    """

    slug: Slug = Field(
        description="条目名，就是文件名，只用小写字母、数字和连字符",
        examples=["drainage-discharge-permit"],
    )
    title: ShortText = Field(
        description="标题：正式名称，通俗易懂", examples=["城镇污水排入排水管网许可"]
    )
    kind: Kind = Field(
        description="类别：service 办事事项、benefit 惠企惠民政策、rule 规则与依据",
        examples=["service"],
    )
    audience: Annotated[OneOrMore[Audience], Field(min_length=1)] = Field(
        description="适用对象：citizen 群众、enterprise 企业，可以都写",
        examples=[["citizen", "enterprise"]],
    )
    topic: Annotated[OneOrMore[TopicName], Field(min_length=1)] = Field(
        description="主题分类，名称见 indexer/lexicon/topics.yml", examples=[["排水与污水"]]
    )
    level: Level = Field(
        description="层级：national 国家、province 省、city 市、district 区县",
        examples=["national"],
    )
    region: OneOrMore[ShortText] = Field(
        (), description="适用地区；不写表示不限地区", examples=[["淄博市临淄区"]]
    )
    issuer: ShortText = Field(description="发文机关", examples=["国务院"])
    summary: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=5, max_length=300)
    ] = Field(
        description="一句话说明：谁，在什么情况下，要做什么或能得到什么",
        examples=["饭店、洗车店、工地等往市政下水道排污水前，要先办排水许可证。"],
    )
    aliases: OneOrMore[ShortText] = Field(
        (), description="俗称：窗口前大家怎么叫它", examples=[["排水证", "下水道许可"]]
    )
    queries: OneOrMore[ShortText] = Field(
        (), description="常见问法：搜这些话必须能找到本条", examples=[["饭店要不要办排水证"]]
    )
    doc_number: DocNumber | None = Field(
        None,
        description="文号；只在条目就是一份文件时写，全库不重复",
        examples=["国发〔2024〕3号"],
    )
    issued: Day | None = Field(None, description="成文日期", examples=["2024-01-05"])
    effective: Day | None = Field(
        None, description="施行日期（有效的第一天）", examples=["2026-01-01"]
    )
    expires: Day | None = Field(
        None, description="失效日期（有效的最后一天）", examples=["2027-12-31"]
    )
    validity_note: Text | None = Field(
        None,
        description="时效还有什么没核实、延续到什么时候，写给办事人看",
        examples=["2027 年是否延续，以届时公告为准"],
    )
    supersedes: OneOrMore[Slug] = Field(
        (), description="替代了哪些条目（条目名）", examples=[["loan-2022"]]
    )
    superseded_by: Slug | None = Field(
        None, description="被哪个条目替代（条目名）", examples=["loan-2026"]
    )
    amends: OneOrMore[Slug] = Field(
        (), description="修改了哪些条目（条目名）", examples=[["loan-2022"]]
    )
    repeals: OneOrMore[Slug] = Field(
        (), description="废止了哪些条目（条目名）", examples=[["loan-2022"]]
    )
    based_on: OneOrMore[Slug] = Field(
        (), description="依据哪些条目（条目名）", examples=[["permit-procedure"]]
    )
    related: OneOrMore[Slug] = Field(
        (), description="相关条目（条目名）", examples=[["road-excavation"]]
    )
    answers: OneOrMore[CommonQuestion] = Field(
        (),
        description="热线和窗口的统一答复：一问一答，最要紧的写在最前",
        examples=[[{"question": "要办排水证吗", "short": "要办，开业前办，不收费。"}]],
    )
    bundle: OneOrMore[BundleStep] = Field(
        (),
        description="一件事要办的几项和先后（只在 rule 类条目里写）",
        examples=[[{"id": "drainage", "entry": "drainage-discharge-permit"}]],
    )
    documents: OneOrMore[Document] = Field(
        (),
        description="依据文件：法规、文件的名称、条款、文号和日期",
        examples=[[{"title": "城镇排水与污水处理条例", "articles": "第21条"}]],
    )
    applies_to: OneOrMore[Clause] = Field(
        (),
        description="谁要办、谁能享受",
        examples=[[{"text": "向城镇排水设施排污水的个体工商户"}]],
    )
    conditions: OneOrMore[Clause] = Field(
        (), description="办理条件", examples=[[{"text": "水质符合排放标准"}]]
    )
    eligibility: OneOrMore[Condition] = Field(
        (),
        description="申请条件（可以逐条比较的数据，要同时符合）",
        examples=[[{"text": "月销售额不到 10 万元", "field": "monthly_sales", "op": "lt"}]],
    )
    benefits: OneOrMore[Benefit] = Field(
        (),
        description="扶持内容：给什么、给多少",
        examples=[[{"type": "补贴", "text": "每个新增岗位补 2000 元"}]],
    )
    benefit_mode: BenefitMode | None = Field(
        None, description="享受方式：免申即享、自行申报享受、依申请", examples=["依申请"]
    )
    application_window: ApplicationWindow | None = Field(
        None, description="申报时间", examples=[{"text": "常年受理"}]
    )
    situations: OneOrMore[Situation] = Field(
        (),
        description="办之前先问清楚的情形，一次告知单按它只列该列的",
        examples=[[{"question": "办哪一种", "options": ["新办", "变更", "延续"]}]],
    )
    materials: OneOrMore[Material] = Field(
        (), description="申请材料", examples=[[{"name": "排水许可申请表"}]]
    )
    procedure: OneOrMore[Clause] = Field(
        (), description="办理流程", examples=[[{"name": "申请", "text": "向排水所在地提出"}]]
    )
    time_limit: OneOrMore[TimeLimit] = Field(
        (),
        description="办理时限：法定的和承诺的",
        examples=[[{"kind": "statutory", "text": "受理之日起 15 个工作日内作出决定"}]],
    )
    not_counted: OneOrMore[Clause] = Field(
        (),
        description="不算在时限里的时间",
        examples=[[{"name": "听证", "text": "听证的时间不算在内"}]],
    )
    fee: OneOrMore[Clause] = Field((), description="收费", examples=[[{"text": "许可本身不收费"}]])
    validity: OneOrMore[Clause] = Field(
        (), description="证件或结果的有效期", examples=[[{"text": "一般 5 年"}]]
    )
    obligations: OneOrMore[Clause] = Field(
        (), description="办好以后要遵守什么", examples=[[{"text": "按证上写明的水量排放"}]]
    )
    consequences: OneOrMore[Clause] = Field(
        (), description="不办或违反会怎样", examples=[[{"text": "无证排放的，责令停止"}]]
    )
    refusal: OneOrMore[Clause] = Field(
        (),
        description="什么情况不予受理、不予批准；依据的条目（based_on）里写了的不用再写",
        examples=[[{"text": "不符合条件的，书面决定不予许可并说明理由"}]],
    )
    remedies: OneOrMore[Clause] = Field(
        (),
        description="不服怎么办；依据的条目（based_on）里写了的不用再写",
        examples=[[{"name": "行政复议", "text": "知道之日起 60 日内申请"}]],
    )
    key_points: OneOrMore[Clause] = Field(
        (), description="要点：其他要说明的规定", examples=[[{"text": "差额征税的按余额判断"}]]
    )
    cautions: OneOrMore[Clause] = Field(
        (), description="特别提醒：容易弄错的地方", examples=[[{"text": "和排污许可证是两回事"}]]
    )
    handling_body: OneOrMore[Clause] = Field(
        (), description="办理机关", examples=[[{"text": "城镇排水主管部门"}]]
    )
    counter: OneOrMore[Counter] = Field(
        (), description="办理窗口；没有核实的不写", examples=[[{"name": "区政务服务大厅"}]]
    )
    contact: OneOrMore[Contact] = Field(
        (), description="咨询电话", examples=[[{"name": "政务服务便民热线", "phone": "12345"}]]
    )
    sources: Annotated[OneOrMore[Source], Field(min_length=1)] = Field(
        description="出处：每个事实从哪里来",
        examples=[[{"title": "城镇排水与污水处理条例", "doc_number": "国务院令第641号"}]],
    )
    reviewed: Day = Field(description="核对日期", examples=["2026-11-23"])
    review_by: Day | None = Field(None, description="最迟什么时候要再核对", examples=["2027-05-31"])
    owner: ShortText | None = Field(
        None, description="由谁负责核对（部门或岗位，不写个人）", examples=["市政科"]
    )
    internal: Text | None = Field(
        None,
        description="内部备注：只给编辑看，从不发布",
        examples=["临淄的承诺时限等窗口确认"],
    )
    body: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="正文（front matter 下面的 Markdown）", examples=["## 一句话说清\n\n……"]
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_order(self, ("issued", "expires"))
        _check_order(self, ("effective", "expires"))
        _check_order(self, ("reviewed", "review_by"))
        if self.superseded_by is not None and self.expires is None:
            raise PydanticCustomError(
                "superseded",
                "写了 superseded_by（被替代），就要写 expires（有效的最后一天）",
                {"field": "superseded_by"},
            )
        return self

    def status_on(self, day: date) -> Status:
        """Return the status on `day`: `expires` says when, `superseded_by` says why."""
        return status_on(day, self.effective, self.expires, self.superseded_by is not None)

    @property
    def deadline(self) -> date | None:
        """The last day on which one may still act: the window's, or else the policy's."""
        closes = self.application_window.closes if self.application_window else None
        if self.kind is not Kind.BENEFIT:
            return closes
        return min((day for day in (closes, self.expires) if day is not None), default=None)

    @property
    def doc_numbers(self) -> tuple[str, ...]:
        """The entry's own document number first, then those of the documents it rests on."""
        numbers = [self.doc_number, *(document.doc_number for document in self.documents)]
        return tuple(dict.fromkeys(number for number in numbers if number))

    def public_record(self) -> dict[str, Any]:
        """Return the published fields as JSON values: all but `internal`, nothing empty."""
        record = self.model_dump(mode="json", by_alias=True, exclude={"internal"})
        return {name: pruned for name, value in record.items() if (pruned := _prune(value))}


def status_on(day: date, effective: date | None, expires: date | None, superseded: bool) -> Status:
    """Return the status on `day` of a policy with these dates; an unknown date never hides it."""
    if effective is not None and day < effective:
        return Status.PENDING
    if expires is None or day <= expires:
        return Status.IN_FORCE
    return Status.SUPERSEDED if superseded else Status.EXPIRED


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the front matter: the record less file name and body."""
    schema = Policy.model_json_schema(by_alias=True)
    for name in ("slug", "body"):
        del schema["properties"][name]
        schema["required"].remove(name)
    schema["properties"]["topic"]["items"]["enum"] = list(topic_names())
    for model in (schema, *schema["$defs"].values()):
        properties = model.get("properties", {})
        for name, field in properties.items():
            if field.get("type") == "array":
                properties[name] = _one_or_more(field)
    return schema


def _one_or_more(array: dict[str, Any]) -> dict[str, Any]:
    """Let the schema, like the loader, take one value without the brackets of a list."""
    about: dict[str, Any] = {
        name: array.pop(name) for name in ("description", "examples") if name in array
    }
    array.pop("default", None)
    return {**about, "anyOf": [array["items"], array]}


def _prune(value: Any) -> Any:
    """Drop what is empty inside `value`, but keep False and zero."""
    if isinstance(value, dict):
        kept = {name: _prune(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, [], {}, "")}
    if isinstance(value, list):
        return [_prune(inner) for inner in value]
    return value


def _check_order(record: Record, names: tuple[str, str]) -> None:
    first, second = (getattr(record, name) for name in names)
    if first is not None and second is not None and second < first:
        raise PydanticCustomError(
            "order",
            "{second}（{later}）早于 {first}（{earlier}），请核对哪一个写错了",
            {
                "field": names[1],
                "first": names[0],
                "second": names[1],
                "earlier": str(first),
                "later": str(second),
            },
        )
