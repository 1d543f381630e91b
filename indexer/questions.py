"""The questions (提问): what conditions may ask about, read from `lexicon/questions.yml`."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from indexer.policy import (
    LEXICON,
    Audience,
    region_names,
)
from indexer.problems import LexiconError, did_you_mean, read_lexicon, shown

ELSEWHERE = "其他地区"  # an answer: in none of the regions of the library
PROVINCES = (
    *("北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江"),
    *("安徽", "福建", "江西", "山东", "河南", "湖北", "湖南", "广东", "广西", "海南", "重庆"),
    *("四川", "贵州", "云南", "西藏", "陕西", "甘肃", "青海", "宁夏", "新疆", "香港", "澳门"),
    "台湾",
)

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]
Statement = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=30)]


class QuestionType(StrEnum):
    """What kind of answer a question takes (答案的类型)."""

    NUMBER = "number"  # 数
    CHOICE = "choice"  # 选一个
    CHOICES = "choices"  # 可选几个
    FLAG = "flag"  # 是或否
    DATE = "date"  # 日期
    REGION = "region"  # 地区


STATED = (QuestionType.FLAG, QuestionType.CHOICES, QuestionType.CHOICE, QuestionType.NUMBER)
IMPLIED = {QuestionType.FLAG: "否", QuestionType.CHOICES: "都没有"}  # when a statement is not so


class Option(BaseModel):
    """One answer to choose (选项): the value of the rules, and how people write it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Name
    label: Name | None = None
    synonyms: tuple[Name, ...] = ()

    @property
    def name(self) -> str:
        """What a person reads."""
        return self.label or self.value


class Question(BaseModel):
    """One question (提问): a field that conditions may name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    label: Name
    question: Words
    help: Words
    audience: Annotated[tuple[Audience, ...], Field(min_length=1)]
    type: QuestionType
    unit: Name | None = None
    minimum: int | None = None
    maximum: int | None = None
    options: tuple[Option, ...] = ()
    synonyms: tuple[Name, ...] = ()
    derived_from: tuple[str, ...] = ()
    group: Name | None = None  # what it may be asked together with, on one screen
    statement: Statement | None = None
    otherwise: Name | None = None  # the answer of whoever says that the statement is not so

    @property
    def names(self) -> Iterator[str]:
        """Every name under which an answer may be given."""
        yield from (self.key, self.label, *self.synonyms)

    @property
    def denied(self) -> str | None:
        """The answer of whoever says that the statement is not so."""
        return IMPLIED.get(self.type, self.otherwise)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The values to choose from."""
        return tuple(option.value for option in self.options)

    @cached_property
    def by_name(self) -> dict[str, str]:
        """The value of each spelling of an option."""
        return {
            fold(name): option.value
            for option in self.options
            for name in (option.value, option.name, *option.synonyms)
        }

    def named(self, value: str) -> str:
        """Return what a person reads for a value."""
        return next((option.name for option in self.options if option.value == value), value)

    def to_dict(self) -> dict[str, Any]:
        """Return the question as JSON values, with the units and regions that it accepts."""
        row = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        for option, given in zip(row.get("options", ()), self.options, strict=False):
            option["label"] = given.name
        if self.unit:
            row["units"] = dict(units_of(self.unit))
        if self.type is QuestionType.REGION:
            row["options"] = [
                {"value": name, "label": name} for name in (*region_names(), ELSEWHERE)
            ]
        return row


@dataclass(frozen=True)
class Questions:
    """All questions, in the order in which they are asked."""

    rows: tuple[Question, ...]
    measures: tuple[Mapping[str, int], ...]
    _by_name: dict[str, Question] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._by_name.update({fold(name): row for row in self.rows for name in row.names})

    @cached_property
    def by_key(self) -> dict[str, Question]:
        """The questions by their keys."""
        return {row.key: row for row in self.rows}

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each key in the order of asking."""
        return {row.key: place for place, row in enumerate(self.rows)}

    def find(self, name: str) -> Question | None:
        """Return the question with this key, label or synonym."""
        return self._by_name.get(fold(name))

    def asked_of(self, audience: Iterable[str]) -> tuple[Question, ...]:
        """Return the questions for any of these; all of them when nobody is named."""
        wanted = set(audience) or set(Audience)
        return tuple(row for row in self.rows if not wanted.isdisjoint(row.audience))

    def names(self) -> tuple[str, ...]:
        """Return all keys and labels."""
        return tuple(name for row in self.rows for name in (row.key, row.label))


def fold(text: str) -> str:
    """Return a name in one spelling: any width, case or spacing is the same."""
    return "".join(unicodedata.normalize("NFKC", text[:200]).casefold().split())


@cache
def load_questions(path: Path = LEXICON / "questions.yml") -> Questions:
    """Read the questions; raise LexiconError with every mistake in the file.

    Kept in memory: a changed file is read when the program starts again.
    """
    mistakes: list[str] = []
    content = _read_parts(path)
    measures = tuple(_read_measures(content.get("measures"), mistakes))
    rows = tuple(_read_rows(content.get("questions"), mistakes))
    mistakes.extend(_mistakes_between(rows, measures))
    if mistakes:
        raise LexiconError("\n".join(f"{path.name} {mistake}" for mistake in mistakes))
    return Questions(rows, measures)


def _read_parts(path: Path) -> dict[str, Any]:
    content = read_lexicon(path)
    if not isinstance(content, dict):
        raise LexiconError(f"{path.name} 要写 measures 和 questions 两部分。")
    return content


def _read_measures(rows: Any, mistakes: list[str]) -> Iterator[Mapping[str, int]]:
    for number, row in enumerate(rows or (), start=1):
        if isinstance(row, dict) and row and all(type(n) is int and n > 0 for n in row.values()):
            yield {str(unit): factor for unit, factor in row.items()}
        else:
            mistakes.append(f"measures 第 {number} 行：要写成“单位: 正整数”。")


def _read_rows(rows: Any, mistakes: list[str]) -> Iterator[Question]:
    for number, row in enumerate(rows or (), start=1):
        key = row.get("key", "") if isinstance(row, dict) else ""
        try:
            yield Question.model_validate(row)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place = ".".join(map(str, detail["loc"]))
                mistakes.append(_mistake(number, key, place, detail))


def _mistake(number: int, key: str, place: str, detail: Any) -> str:
    reason = {"missing": "缺少这一项", "extra_forbidden": "没有这一项"}.get(
        detail["type"], f"{shown(detail['input'])}不合适"
    )
    unknown = detail["type"] == "extra_forbidden"
    hint = did_you_mean(place, Question.model_fields) if unknown else ""
    return f"questions 第 {number} 项 {key} {place}：{reason}。{hint}"


def _mistakes_between(
    rows: tuple[Question, ...], measures: tuple[Mapping[str, int], ...]
) -> Iterator[str]:
    """Yield what is wrong with a question as a whole, or between two of them."""
    taken: dict[str, str] = {}
    keys = {row.key for row in rows}
    units = {unit for measure in measures for unit in measure}
    for row in rows:
        for name in dict.fromkeys(fold(name) for name in row.names):
            if name in taken:
                yield f"{row.key}：名字{shown(name)}已被 {taken[name]} 用了，请换一个。"
            taken[name] = row.key
        yield from (f"{row.key}：{message}" for message in _mistakes_in(row, keys, units))
        yield from (f"{row.key}：{message}" for message in _mistakes_in_statement(row))
    yield from _mistakes_in_groups(rows)


def _mistakes_in(row: Question, keys: set[str], units: set[str]) -> Iterator[str]:
    chosen = row.type in (QuestionType.CHOICE, QuestionType.CHOICES)
    if chosen != bool(row.options):
        yield "选一个、选几个的要写 options，别的不写。"
    if (row.type is QuestionType.NUMBER) != (row.unit is not None):
        yield "数要写 unit（单位），别的不写。"
    if row.unit is not None and row.unit not in units:
        yield f"单位{shown(row.unit)}不在 measures 里。"
    spellings = [
        fold(name)
        for option in row.options
        for name in {option.value, option.name, *option.synonyms}
    ]
    for name in sorted({name for name in spellings if spellings.count(name) > 1}):
        yield f"选项{shown(name)}写了两次。"
    for source in row.derived_from:
        if source not in keys:
            yield f"derived_from 里的{shown(source)}不是问题。{did_you_mean(source, keys)}"


def _mistakes_in_statement(row: Question) -> Iterator[str]:
    """Yield why a question cannot stand as a statement that is so or not."""
    if row.group is None and row.statement is not None:
        yield "写了 statement（一句话的说法），还要写 group（放在哪一组）。"
    if row.statement is None:
        if row.group is not None and row.type is not QuestionType.NUMBER:
            yield "写了 group（放在哪一组），还要写 statement（一句话的说法）；只有数可以不写。"
        if row.otherwise is not None:
            yield "没有 statement 就不写 otherwise，请删去。"
        return
    if row.key == "audience" or row.type not in STATED:
        yield "替谁问、日期、地区只能单独问，不写 statement，请删去。"
        return
    if row.statement[-1] in "。？！.?!":
        yield f"statement{shown(row.statement)}后面不加标点。"
    yield from _mistakes_in_otherwise(row)


def _mistakes_in_otherwise(row: Question) -> Iterator[str]:
    """Yield why `otherwise` cannot be the answer when the statement is not so."""
    if row.type in IMPLIED:
        if row.otherwise is not None:
            yield f"不符合的时候就是“{IMPLIED[row.type]}”，不写 otherwise，请删去。"
    elif row.otherwise is None:
        yield "要写 otherwise：这句话不符合的时候，算哪个回答。"
    elif row.type is QuestionType.CHOICE:
        if row.otherwise not in row.values:
            hint = did_you_mean(row.otherwise, row.values)
            yield f"otherwise 只能是一个选项的 value，看到的是{shown(row.otherwise)}。{hint}"
    elif not (row.otherwise.isascii() and row.otherwise.isdecimal()):
        yield f"otherwise 要写一个整数（按 unit），看到的是{shown(row.otherwise)}。"
    elif not _in_range(row, int(row.otherwise)):
        yield f"otherwise 不在 minimum 和 maximum 之间，看到的是{shown(row.otherwise)}。"


def _in_range(row: Question, number: int) -> bool:
    low = row.minimum is None or row.minimum <= number
    return low and (row.maximum is None or number <= row.maximum)


def _mistakes_in_groups(rows: tuple[Question, ...]) -> Iterator[str]:
    """Yield the groups in which nobody could tell the statements apart, or with only one."""
    groups: dict[str, list[Question]] = {}
    for row in rows:
        if row.group is not None:
            groups.setdefault(row.group, []).append(row)
    for name, members in groups.items():
        if len(members) == 1:
            names = [other for other in groups if other != name]
            yield f"group：“{name}”这一组只有一题，至少要两题。{did_you_mean(name, names)}"
        statements = [row.statement for row in members if row.statement is not None]
        if 0 < len(statements) < len(members):
            yield f"group：“{name}”这一组里，有的写了 statement，有的没有写；要填数的请另放一组。"
        for statement in sorted({each for each in statements if statements.count(each) > 1}):
            yield f"group：“{name}”这一组里，{shown(statement)}写了两次。"


@cache
def units_of(unit: str) -> Mapping[str, int]:
    """Return the units of the same measure, each with how many of the smallest it holds."""
    return next((m for m in load_questions().measures if unit in m), {unit: 1})


def answers_schema() -> dict[str, Any]:
    """Return the JSON Schema of a profile: what each question takes."""
    rows = load_questions().rows
    properties = {row.key: {**_answer_schema(row), "description": _describe(row)} for row in rows}
    about = "问题的 key、短名或别的叫法，和回答；不清楚的写“不清楚”或者不写。"
    return {"type": "object", "description": about, "properties": properties}


def _describe(question: Question) -> str:
    unit = f"（{question.unit}）" if question.unit else ""
    return f"{question.label}{unit}：{question.question}{question.help}"


def _answer_schema(question: Question) -> dict[str, Any]:
    text = {"type": "string", "maxLength": 200}
    match question.type:
        case QuestionType.NUMBER:
            units = {"type": "string", "enum": list(units_of(question.unit or ""))}
            parts = {"value": {"type": ["number", "string"]}, "unit": units}
            pair = {"type": "object", "properties": parts, "required": ["value"]}
            return {"anyOf": [{"type": "number"}, text, pair]}
        case QuestionType.CHOICES:
            return {"type": "array", "items": {**text, "examples": list(question.values)}}
        case QuestionType.FLAG:
            return {"anyOf": [{"type": "boolean"}, text]}
        case QuestionType.DATE:
            return {**text, "format": "date"}
        case QuestionType.REGION:
            return {**text, "examples": [*region_names(), ELSEWHERE]}
        case QuestionType.CHOICE:
            return {**text, "examples": list(question.values)}
