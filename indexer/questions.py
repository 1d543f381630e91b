"""The questions (提问): what a condition may ask about, and how an answer is read and compared."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from indexer.policy import (
    LEXICON,
    Audience,
    Comparison,
    Condition,
    label,
    places_within,
    region_names,
)
from indexer.problems import LexiconError, did_you_mean, read_lexicon, shown

ELSEWHERE = "其他地区"  # an answer: in none of the regions of the library
UNSURE = ("不清楚", "不知道", "不确定", "说不清", "未知")  # answers that leave a question open
NONE_OF_THESE = ("都没有", "都不是", "以上都没有", "没有", "无")
EARLIEST = date(1900, 1, 1)
_NUMBER = re.compile(r"([-+]?[0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(\D{0,6})")

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]
Value = Decimal | frozenset[str] | bool | date | str


class AnswerError(Exception):
    """An answer, or a value to compare with, that does not fit its question."""


class QuestionType(StrEnum):
    """What kind of answer a question takes (答案的类型)."""

    NUMBER = "number"  # 数
    CHOICE = "choice"  # 选一个
    CHOICES = "choices"  # 可选几个
    FLAG = "flag"  # 是或否
    DATE = "date"  # 日期
    REGION = "region"  # 地区


_ORDERED = (Comparison.EQ, Comparison.LT, Comparison.LTE, Comparison.GT, Comparison.GTE)
_MEMBER = (Comparison.EQ, Comparison.IN, Comparison.NOT_IN)
OPERATIONS: dict[QuestionType, tuple[Comparison, ...]] = {
    QuestionType.NUMBER: _ORDERED,
    QuestionType.CHOICE: _MEMBER,
    QuestionType.CHOICES: (*_MEMBER, Comparison.EXISTS),
    QuestionType.FLAG: (Comparison.IS_TRUE,),
    QuestionType.DATE: _ORDERED,
    QuestionType.REGION: _MEMBER,
}


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

    @property
    def names(self) -> Iterator[str]:
        """Every name under which an answer may be given."""
        yield from (self.key, self.label, *self.synonyms)

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


# Answers


@dataclass(frozen=True)
class Answer:
    """One answer (回答): its value as rules compare it, and the words to show."""

    value: Value
    text: str


def read_answer(question: Question, given: Any, day: date | None = None) -> Answer | None:
    """Return the answer, or None for “不清楚”; raise AnswerError telling what is wrong.

    `day` is the last date that an answer may name; None takes any.
    """
    if given is None or (isinstance(given, str) and fold(given) in ("", *UNSURE)):
        return None
    if not _is_flat(given):
        raise AnswerError("这里只写一个值，或者几个值的列表，不能再分层。")
    match question.type:
        case QuestionType.NUMBER:
            return _read_number(question, given)
        case QuestionType.CHOICE:
            value = _read_option(question, given)
            return Answer(frozenset((value,)), question.named(value))
        case QuestionType.CHOICES:
            return _read_options(question, given)
        case QuestionType.FLAG:
            flag = _read_flag(given)
            return Answer(flag, "是" if flag else "否")
        case QuestionType.DATE:
            moment = _read_date(given, day)
            return Answer(moment, moment.isoformat())
        case QuestionType.REGION:
            place = _read_region(given)
            return Answer(place, place)


def _is_flat(given: Any) -> bool:
    """Tell whether there is at most one list or mapping: what lies deeper is not even quoted."""
    parts = given.values() if isinstance(given, dict) else given
    if not isinstance(given, dict | list | tuple):
        return True
    return not any(isinstance(part, dict | list | tuple) for part in parts)


def _read_number(question: Question, given: Any) -> Answer | None:
    unit = question.unit or ""
    if isinstance(given, dict):
        if set(given) - {"value", "unit"} or "value" not in given:
            raise AnswerError("要写成 value（数）和 unit（单位）两项。")
        given, unit = given["value"], given.get("unit", unit)
    if given is None or (isinstance(given, str) and fold(given) in UNSURE):
        return None
    number, said = _split_number(given)
    unit, factor = _unit_named(question, said or unit)
    value = number * factor
    _check_range(question, value, given)
    return Answer(value, f"{plain(number)}{'' if unit == '%' else ' '}{unit}")


def _split_number(given: Any) -> tuple[Decimal, str]:
    """Return the number and the unit behind it, from 5000, "5,000万元" or "３００ 人"."""
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        raise AnswerError(f"不是数，看到的是{shown(given)}；请写成 15 或 0.5 这样的数。")
    text = unicodedata.normalize("NFKC", _digits(given))[:80].strip()
    match = _NUMBER.fullmatch(re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text))
    if match is None:
        raise AnswerError(f"不是数，看到的是{shown(given)}；请写成 15、0.5 或 5000万元 这样的数。")
    return Decimal(match[1]), match[2].strip()


def _digits(given: str | int | float | Decimal) -> str:
    """Return a number as text; one that is far too long, infinite or no number is no number."""
    if isinstance(given, str):
        return given
    number = Decimal(given) if not isinstance(given, float) else Decimal(repr(given))
    if not number.is_finite() or abs(number) >= Decimal(10) ** 15:
        raise AnswerError("这个数太大，或者不是数，请核对。")
    return f"{round(number, 6):f}"


def _unit_named(question: Question, unit: Any) -> tuple[str, int]:
    units = units_of(question.unit or "")
    for name, factor in units.items():
        if isinstance(unit, str) and fold(name) == fold(unit):
            return name, factor
    allowed = "、".join(units)
    raise AnswerError(f"单位只能是 {allowed}，看到的是{shown(unit)}。")


def _check_range(question: Question, value: Decimal, given: Any) -> None:
    _, factor = _unit_named(question, question.unit)
    low, high = question.minimum, question.maximum
    if low is not None and value < low * factor:
        raise AnswerError(f"不能小于 {low} {question.unit}，看到的是{shown(given)}。")
    if high is not None and value > high * factor:
        raise AnswerError(f"不能大于 {high} {question.unit}，看到的是{shown(given)}。")


def _read_option(question: Question, given: Any) -> str:
    value = question.by_name.get(fold(given)) if isinstance(given, str) else None
    if value is None:
        names = [option.name for option in question.options]
        synonyms = (name for option in question.options for name in option.synonyms)
        spellings = (*names, *(name for name in synonyms if len(name) > 1))
        hint = did_you_mean(given[:80], spellings) if isinstance(given, str) else ""
        raise AnswerError(f"只能是 {'、'.join(names)}，看到的是{shown(given)}。{hint}")
    return value


def _read_options(question: Question, given: Any) -> Answer | None:
    parts = re.split(r"[、，,;；]", given) if isinstance(given, str) else given
    if isinstance(given, str) and fold(given) in question.by_name:
        parts = [given]
    if not isinstance(parts, list | tuple):
        raise AnswerError(f"要写成列表，例如 [{question.options[0].name}]；都不是的写 []。")
    words = [part for part in parts if not (isinstance(part, str) and _is_none(question, part))]
    if any(isinstance(word, str) and fold(word) in UNSURE for word in words):
        return None
    chosen = frozenset(_read_option(question, word) for word in words)
    if chosen and len(words) < len(parts):
        raise AnswerError("选了别的，就不能再选“都没有”。")
    order = [value for value in question.values if value in chosen]
    return Answer(chosen, "、".join(question.named(value) for value in order) or "都没有")


def _is_none(question: Question, word: str) -> bool:
    return fold(word) in ("", *NONE_OF_THESE) and fold(word) not in question.by_name


def _read_flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    flags = {"是": True, "有": True, "true": True, "否": False, "没有": False, "false": False}
    word = fold(given) if isinstance(given, str) else ""
    if word not in flags:
        raise AnswerError(f"只能是“是”或“否”（true 或 false），看到的是{shown(given)}。")
    return flags[word]


def _read_date(given: Any, day: date | None) -> date:
    match = isinstance(given, str) and re.fullmatch(
        r"\s*([0-9]{4})[-年./]?([0-9]{1,2})[-月./]?([0-9]{1,2})日?\s*", given[:40]
    )
    try:
        moment = (
            given if type(given) is date else date(*map(int, match.groups())) if match else None
        )
    except ValueError:
        raise AnswerError(f"{shown(given)}在日历上没有，请核对。") from None
    if moment is None:
        raise AnswerError(f"不是日期，请写成 2024-03-01，看到的是{shown(given)}。")
    if moment < EARLIEST or (day is not None and moment > day):
        until = f"{EARLIEST} 到 {day}" if day else f"{EARLIEST} 以后"
        raise AnswerError(f"日期要在 {until} 之间，看到的是{shown(given)}。")
    return moment


def _read_region(given: Any) -> str:
    names = (*region_names(), ELSEWHERE)
    place = _place_named(fold(given), names) if isinstance(given, str) else None
    if place is None:
        hint = did_you_mean(given[:80], names) if isinstance(given, str) else ""
        raise AnswerError(f"只能是 {'、'.join(names)}，看到的是{shown(given)}。{hint}")
    return place


def _place_named(wanted: str, names: Iterable[str]) -> str | None:
    """Return the place meant by 临淄, 临淄区, 淄博市临淄区 or 山东省淄博市临淄区."""
    endings = tuple(f"{wanted}{end}" for end in ("", "省", "市", "区", "县"))
    found = [n for n in names if (len(wanted) > 1 and n.endswith(endings)) or wanted.endswith(n)]
    return max(found, key=len, default=None)


def plain(number: Decimal) -> str:
    """Return a number as people write it: no exponent, no trailing zeros."""
    return f"{number.normalize() + Decimal(0):f}"


# Conditions


@dataclass(frozen=True)
class Threshold:
    """What a condition compares with (标准): the value as answers are compared, and its words."""

    question: Question
    op: Comparison
    value: Value
    text: str

    def holds(self, given: Value) -> bool | None:
        """Return whether an answer meets it; None when what is known does not decide it."""
        if isinstance(given, frozenset):
            return self._holds_of_set(given)
        if isinstance(given, str):
            return self._holds_of_place(given)
        if isinstance(given, bool):
            return given
        comparisons: dict[Comparison, Any] = {
            Comparison.EQ: given.__eq__,
            Comparison.LT: given.__lt__,
            Comparison.LTE: given.__le__,
            Comparison.GT: given.__gt__,
            Comparison.GTE: given.__ge__,
        }
        return bool(comparisons[self.op](self.value))

    def _holds_of_set(self, given: frozenset[str]) -> bool | None:
        """A choice is the set of what it may be; of several choices, one in common is enough."""
        if self.op is Comparison.EXISTS:
            return bool(given)
        common = given & self.value if isinstance(self.value, frozenset) else frozenset()
        inside: bool | None
        if self.question.type is QuestionType.CHOICES:
            inside = bool(common)
        else:
            inside = None if common and common != given else bool(common)
        return negate(inside) if self.op is Comparison.NOT_IN else inside

    def _holds_of_place(self, given: str) -> bool | None:
        """Inside holds, apart does not; a wider place than asked for leaves it open."""
        wanted = self.value if isinstance(self.value, frozenset) else frozenset()
        inside: bool | None = any(given in places_within(place) for place in wanted)
        if not inside and any(place in places_within(given) for place in wanted):
            inside = None
        return negate(inside) if self.op is Comparison.NOT_IN else inside


def negate(value: bool | None) -> bool | None:
    """Return the opposite; what is unknown stays unknown."""
    return None if value is None else not value


def read_threshold(condition: Condition) -> Threshold | None:
    """Return what a condition compares with, or None when it has no known question."""
    question = load_questions().by_key.get(condition.field or "")
    if question is None or condition.op not in OPERATIONS[question.type]:
        return None
    try:
        value, words = _read_compared(question, condition)
    except AnswerError:
        return None
    lead = "" if condition.op in (Comparison.EQ, Comparison.IS_TRUE) else f"{label(condition.op)} "
    return Threshold(question, condition.op, value, f"{lead}{words}".strip())


def _read_compared(question: Question, condition: Condition) -> tuple[Value, str]:
    if condition.value is None:
        return True, "是" if condition.op is Comparison.IS_TRUE else ""
    parts = (condition.value,) if isinstance(condition.value, str) else condition.value
    if question.type in (QuestionType.NUMBER, QuestionType.DATE):
        given: Any = parts[0]
        if condition.unit:
            given = {"value": given, "unit": condition.unit}
        answer = read_answer(question, given)
        if answer is None or len(parts) > 1:
            raise AnswerError("这里只写一个数或者一个日期。")
        return answer.value, answer.text
    known = region_names() if question.type is QuestionType.REGION else question.values
    for part in parts:
        if part not in known:
            raise AnswerError(
                f"没有选项{shown(part)}，只能是：{'、'.join(known)}。{did_you_mean(part, known)}"
            )
    return frozenset(parts), "、".join(question.named(part) for part in parts)


def check_condition(
    condition: Condition, audience: Iterable[Audience]
) -> Iterator[tuple[str, str]]:
    """Yield the part and the Chinese message of each mistake in one comparison.

    `audience` is whom the entry serves: all of them must be asked the question.
    """
    if condition.field is None or condition.op is None:
        return
    questions = load_questions()
    question = questions.by_key.get(condition.field)
    if question is None:
        yield "field", _unknown_field(questions, condition.field)
        return
    missing = [label(who) for who in audience if who not in question.audience]
    if missing:
        yield (
            "field",
            f"{question.key}（{question.label}）不问{'、'.join(missing)}，本条的适用对象里却有；"
            "请换一项，或者在 questions.yml 里补上 audience。",
        )
    yield from _check_comparison(question, condition)


def _unknown_field(questions: Questions, name: str) -> str:
    found = questions.find(name)
    hint = f"您是不是想写 {found.key}？" if found else did_you_mean(name, questions.by_key)
    return f"questions.yml 里没有{shown(name)}这一项。{hint}" + (
        "" if hint else "能写的见 indexer/lexicon/questions.yml；问不清楚的条件只写 text。"
    )


def _check_comparison(question: Question, condition: Condition) -> Iterator[tuple[str, str]]:
    allowed = OPERATIONS[question.type]
    if condition.op is not None and condition.op not in allowed:
        names = "、".join(f"{op.value}（{label(op)}）" for op in allowed)
        yield "op", f"{question.label}只能用 {names}，看到的是{shown(condition.op.value)}。"
        return
    bare = condition.op in (Comparison.IS_TRUE, Comparison.EXISTS)
    if bare and condition.value is not None:
        yield "value", f"{condition.op} 后面不写 value，请删去；不成立的写在 not 里。"
        return
    if condition.unit is not None and question.type is not QuestionType.NUMBER:
        yield "unit", f"{question.label}不是数，不写单位，请删去。"
        return
    try:
        _read_compared(question, condition)
    except AnswerError as error:
        part = "unit" if str(error).startswith("单位") else "value"
        yield part, str(error)
