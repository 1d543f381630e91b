"""Profiles (答卷): what somebody answered, and what follows from it on one day."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

import yaml

from indexer.answers import Answer, AnswerError, read_answer
from indexer.policy import LEXICON, Audience
from indexer.problems import ParameterError, ParameterProblem, did_you_mean, printable
from indexer.questions import Question, load_questions, units_of

MAX_ANSWERS = 300  # more than twice the questions there are
SIZES = ("微型", "小型", "中型", "大型")
LISTED = "能回答的问题见接口 /api/questions，或者 indexer/lexicon/questions.yml。"


@dataclass(frozen=True)
class Profile:
    """What somebody answered (答卷): answers by the key of their question."""

    answers: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def audience(self) -> tuple[Audience, ...]:
        """Whom the questions are asked for; nothing when that was not answered."""
        given = self.answers.get("audience")
        chosen = given.value if given is not None and isinstance(given.value, frozenset) else ()
        return tuple(who for who in Audience if who in chosen)


def parse_profile(given: Any, day: date) -> Profile:
    """Read the answers; raise ParameterError with every mistake.

    Keys, labels and synonyms of questions are accepted, dates up to `day`. Numbers stand in the
    unit of their question unless they say another.
    """
    if not isinstance(given, Mapping) or len(given) > MAX_ANSWERS:
        message = "要写成“问题: 回答”的形式，一行一项"
        raise ParameterError([ParameterProblem("profile", f"{message}，最多 {MAX_ANSWERS} 项。")])
    answers: dict[str, Answer] = {}
    problems: list[ParameterProblem] = []
    names: dict[str, str] = {}
    for name, value in given.items():
        try:
            question = _question_named(name, names)
            answer = read_answer(question, value, day)
        except AnswerError as error:
            problems.append(ParameterProblem(printable(name), str(error)))
        else:
            if answer is not None:
                answers[question.key] = answer
    if problems:
        raise ParameterError(problems)
    return Profile(answers)


def _question_named(name: Any, names: dict[str, str]) -> Question:
    """Return the question of a name; `names` remembers under which name each was answered."""
    questions = load_questions()
    question = questions.find(name) if isinstance(name, str) else None
    if question is None:
        hint = did_you_mean(str(name)[:80], questions.names())
        raise AnswerError(f"没有这个问题。{hint or LISTED}")
    first = names.setdefault(question.key, str(name))
    if first != name:
        raise AnswerError(f"和“{printable(first)}”是同一个问题，请只答一次。")
    return question


@dataclass(frozen=True)
class Facts:
    """The answers and what follows from them on one day; what was answered itself goes first."""

    answers: Mapping[str, Answer]
    day: date

    @cached_property
    def known(self) -> dict[str, Answer]:
        """Answers by the key of their question, those that were worked out among them."""
        worked_out = {
            "enterprise_size": self._size(),
            "years_since_registration": self._years(),
        }
        found = {key: answer for key, answer in worked_out.items() if answer is not None}
        return {**found, **self.answers}

    def open_questions(self, question: Question) -> tuple[str, ...]:
        """Return what to ask in order to learn the answer to a question."""
        if question.key == "enterprise_size":
            return self._open_size_questions()
        unanswered = tuple(key for key in question.derived_from if key not in self.answers)
        return unanswered or (question.key,)

    def _years(self) -> Answer | None:
        registered = self.answers.get("registration_date")
        if registered is None or not isinstance(registered.value, date):
            return None
        months = months_between(registered.value, self.day)
        text = f"满 {int(months) // 12} 年（{registered.text} 领执照）"
        return Answer(months, text)

    def _size(self) -> Answer | None:
        industry, bounds = self._bounds()
        if industry is None or bounds is None:
            return None
        possible = enterprise_sizes(bounds, self._indicators(bounds))
        text = "或".join(size for size in SIZES if size in possible)
        return Answer(possible, f"{text}（{industry}，按国统字〔2017〕213号算）")

    def _bounds(self) -> tuple[str | None, Mapping[str, Sequence[int]] | None]:
        """Return the industry and the row of the table for it, as far as they are known."""
        answer = self.answers.get("industry")
        chosen = answer.value if answer is not None else None
        if not isinstance(chosen, frozenset):
            return None, None
        (industry,) = chosen
        return industry, load_sizes().get(industry)

    def _indicators(self, bounds: Mapping[str, Sequence[int]]) -> dict[str, Decimal]:
        """Return the indicators that were answered, in the units of the table."""
        by_key = load_questions().by_key
        return {
            name: answer.value / units_of(unit)[unit]
            for name in bounds
            if (answer := self.answers.get(name)) is not None
            and isinstance(answer.value, Decimal)
            and (unit := by_key[name].unit)
        }

    def _open_size_questions(self) -> tuple[str, ...]:
        industry, bounds = self._bounds()
        if industry is not None and bounds is None:
            return ("enterprise_size",)
        wanted = ("industry", *(bounds or ("headcount", "annual_revenue", "total_assets")))
        return tuple(key for key in wanted if key not in self.answers)


def months_between(start: date, end: date) -> Decimal:
    """Return the months from `start` to `end`; a month begun counts half.

    So whole years compare rightly both ways. A month too short for the day of `start` ends it on
    its last day (民法典第202条).
    """
    months = (end.year - start.year) * 12 + end.month - start.month
    due = min(start.day, monthrange(end.year, end.month)[1])
    if end.day == due:
        return Decimal(months)
    return Decimal(months) + (Decimal("0.5") if end.day > due else Decimal("-0.5"))


@cache
def load_sizes() -> dict[str, dict[str, tuple[int, ...]]]:
    """Return the lower bounds of 小型, 中型 and 大型 by industry and indicator.

    Units: 人, 万元. Source: 统计上大中小微型企业划分办法（2017），国统字〔2017〕213号.
    """
    rows = yaml.safe_load((LEXICON / "enterprise_sizes.yml").read_text(encoding="utf-8"))
    return {
        industry: {name: tuple(bounds) for name, bounds in row.items() if name != "industries"}
        for row in rows
        for industry in row["industries"]
    }


def enterprise_sizes(
    bounds: Mapping[str, Sequence[int]], indicators: Mapping[str, Decimal]
) -> frozenset[str]:
    """Return the sizes that an enterprise may have.

    The indicator in the lowest class decides; one that is not known may be in any class.
    """
    classes = [
        sum(indicators[name] >= bound for bound in lower) if name in indicators else len(lower)
        for name, lower in bounds.items()
    ]
    highest = min(classes)
    lowest = highest if len(indicators) == len(bounds) else 0
    return frozenset(SIZES[lowest : highest + 1])
