"""Evaluation (评测): judged questions run through the real search, and how well it answers them."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from indexer.index import Index
from indexer.library import Library
from indexer.problems import PolicyError, Problem, shown
from indexer.query import SearchParams, search

DEPTH = 10
COLUMNS = ["query", "slug", "grade", "why"]


class EvaluationUnavailable(Exception):
    """The optional library that works out the measures is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "没有装评测用的 ir-measures，请先运行 make test，或者 pip install ir-measures。"
        )


@dataclass(frozen=True)
class Case:
    """One judged answer (相关性判定): how well an entry answers a query, from 0 to 3."""

    query: str
    slug: str
    grade: int
    why: str = ""


@dataclass(frozen=True)
class Miss:
    """A query that did not put a wanted entry first."""

    query: str
    expected: tuple[str, ...]
    got: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """How well the search answers: the share of queries answered at once, and ranked measures."""

    cases: int
    success_at_1: float
    success_at_3: float
    ndcg_at_10: float
    mrr_at_10: float
    misses: tuple[Miss, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def evaluate(index: Index, cases: Iterable[Case], day: date) -> Report:
    """Run every judged query as a user would and measure the answers."""
    grades: dict[str, dict[str, int]] = {}
    for case in cases:
        grades.setdefault(case.query, {})[case.slug] = case.grade
    answers = {query: _ask(index, query, day) for query in grades}
    measured = _measure(grades, answers)
    misses = (
        Miss(query, _wanted(grades[query]), tuple(answer)[:3])
        for query, answer in answers.items()
        if not set(_wanted(grades[query])) & set(tuple(answer)[:1])
    )
    return Report(len(grades), *measured, tuple(misses))


def cases_of(library: Library) -> tuple[Case, ...]:
    """Return the queries that editors wrote: each must find its own entry."""
    return tuple(
        Case(query, policy.slug, 3) for policy in library.policies for query in policy.queries
    )


def read_judgements(path: Path) -> tuple[Case, ...]:
    """Read a table of judgements; raise PolicyError with the problems of all its lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        message = "读不到这个文件，请检查位置；文件要存成 UTF-8 编码。"
        raise PolicyError([Problem(str(path), 1, "", message)]) from None
    rows = csv.reader(text.splitlines())
    if (head := next(rows, [])) != COLUMNS:
        message = f"第一行要写成 {','.join(COLUMNS)}，现在是{shown(','.join(head))}。"
        raise PolicyError([Problem(str(path), 1, "", message)])
    cases: list[Case] = []
    problems: list[Problem] = []
    for row in filter(any, rows):
        try:
            cases.append(_read_case(row))
        except ValueError as error:
            field, message = error.args
            problems.append(Problem(str(path), rows.line_num, field, message))
    if problems:
        raise PolicyError(problems)
    return tuple(cases)


def _read_case(row: list[str]) -> Case:
    cells = [cell.strip() for cell in row]
    if len(cells) != len(COLUMNS):
        raise ValueError(
            "", f"要有 {len(COLUMNS)} 格，现在有 {len(cells)} 格；有逗号的话要加引号。"
        )
    query, slug, grade, why = cells
    if not query:
        raise ValueError("query", "没有写问的是什么。")
    if not slug:
        raise ValueError("slug", "没有写条目名。")
    if grade not in ("0", "1", "2", "3"):
        raise ValueError("grade", f"只能是 0、1、2 或 3，现在是{shown(grade)}。")
    return Case(query, slug, int(grade), why)


def _ask(index: Index, query: str, day: date) -> dict[str, float]:
    """Return the slugs of the first hits with falling scores: the order is what is measured."""
    answer = search(index, SearchParams(q=query, size=DEPTH), day)
    return {hit.slug: float(DEPTH - place) for place, hit in enumerate(answer.hits)}


def _measure(
    grades: dict[str, dict[str, int]], answers: dict[str, dict[str, float]]
) -> tuple[float, float, float, float]:
    try:
        from ir_measures import RR, Success, calc_aggregate, nDCG
    except ImportError:
        raise EvaluationUnavailable from None
    measures = [Success @ 1, Success @ 3, nDCG @ 10, RR @ 10]
    found = calc_aggregate(measures, grades, answers) if grades else {}
    first, third, ndcg, mrr = (float(found.get(measure, 0.0)) for measure in measures)
    return first, third, ndcg, mrr


def _wanted(grades: dict[str, int]) -> tuple[str, ...]:
    return tuple(slug for slug, grade in grades.items() if grade > 0)
