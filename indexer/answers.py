"""Answers (回答): how what somebody writes is read as the value that rules compare."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from indexer.policy import other_places, places_within, region_names
from indexer.problems import did_you_mean, shown
from indexer.questions import ELSEWHERE, PROVINCES, Question, QuestionType, fold, units_of

UNSURE = ("不清楚", "不知道", "不确定", "说不清", "未知")  # answers that leave a question open
NONE_OF_THESE = ("都没有", "都不是", "以上都没有", "没有", "无")
EARLIEST = date(1900, 1, 1)
_NUMBER = re.compile(r"([-+]?[0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(\D{0,6})")

Value = Decimal | frozenset[str] | bool | date | str


class AnswerError(Exception):
    """An answer, or a value to compare with, that does not fit its question."""


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
            return _read_region(given)


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


def _read_region(given: Any) -> Answer:
    place = _place_named(fold(given)) if isinstance(given, str) else None
    if place is None:
        names = (*region_names(), ELSEWHERE)
        hint = did_you_mean(given[:80], names) if isinstance(given, str) else ""
        raise AnswerError(f"只能是 {'、'.join(names)}，看到的是{shown(given)}。{hint}")
    return place


def _place_named(wanted: str) -> Answer | None:
    """Return the place meant by 临淄, 临淄区, 淄博市临淄区 or a whole address.

    A place that the library does not tell apart stands for the region that it lies in.
    """
    names = (*region_names(), ELSEWHERE)
    if wanted in names:
        return Answer(wanted, wanted)
    if len(wanted) < 2:
        return None
    places = {name: name for name in names} | other_places()
    short = {name: region for name, region in places.items() if name.endswith(_ends(wanted))}
    province = next((name for name in PROVINCES if wanted.startswith(name)), "")
    if not short and province and not any(name.startswith(province) for name in names):
        return Answer(ELSEWHERE, f"{ELSEWHERE}（{province}）")
    found = short or {name: region for name, region in places.items() if _last(name) in wanted}
    name = max(
        found, key=lambda name: (len(places_within(found[name])) * -1, len(name)), default=""
    )
    if not name:
        return None
    region = found[name]
    return Answer(region, region if name == region else f"{region}（{name}）")


def _ends(wanted: str) -> tuple[str, ...]:
    return tuple(f"{wanted}{kind}" for kind in ("", "省", "市", "区", "县"))


def _last(name: str) -> str:
    """Return the last of the places in a name: 临淄区 of 淄博市临淄区."""
    return re.split(r"(?<=[省市])(?=.)", name)[-1]


def plain(number: Decimal) -> str:
    """Return a number as people write it: no exponent, no trailing zeros."""
    return f"{number.normalize() + Decimal(0):f}"
