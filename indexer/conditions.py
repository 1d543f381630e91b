"""Conditions (申请条件): what one compares an answer with, and whether it holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from indexer.answers import AnswerError, Value, read_answer
from indexer.policy import (
    Audience,
    Comparison,
    Condition,
    label,
    places_within,
    region_names,
)
from indexer.problems import did_you_mean, shown
from indexer.questions import Question, Questions, QuestionType, load_questions

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
