"""Evaluation (评测): judged questions run through the real search, and how well it answers them."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from indexer.index import Index
from indexer.library import Library
from indexer.params import SearchParams
from indexer.problems import PolicyError, Problem, shown
from indexer.query import rank, search

DEPTH = 100
SHOWN = 3  # hits that are told of a query that misses
COLUMNS = ["query", "slug", "grade", "why", "style"]
OWN = "常见问法"  # the style of an entry's own queries


class EvaluationUnavailable(Exception):
    """The optional library that works out the measures is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "没有装评测用的 ir-measures，请先运行 make test，或者 pip install ir-measures。"
        )


@dataclass(frozen=True)
class Case:
    """One judged answer (相关性判定): how well an entry answers a query, from 0 to 3.

    Without a slug, the query is about something that the library does not have.
    """

    query: str
    slug: str
    grade: int
    why: str = ""
    style: str = ""


@dataclass(frozen=True)
class Miss:
    """A query that did not put a wanted entry first; `place` is where the first one stands."""

    query: str
    style: str
    expected: tuple[str, ...]
    got: tuple[str, ...]
    place: int | None


@dataclass(frozen=True)
class Measures:
    """How well some queries are answered; all but `queries` are means from 0 to 1."""

    queries: int
    success_at_1: float
    success_at_3: float
    mrr_at_10: float
    ndcg_at_10: float
    recall_at_100: float


@dataclass(frozen=True)
class Report:
    """How well the search answers, as a whole and by the style of the queries.

    `outside` are queries about other matters, `refused` the share of them that get no confident
    answer; `accepted` is the share of the other queries that get one.
    """

    overall: Measures
    styles: dict[str, Measures]
    misses: tuple[Miss, ...]
    accepted: float
    outside: int = 0
    refused: float = 1.0
    answered_outside: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def evaluate(
    index: Index,
    cases: Iterable[Case],
    day: date,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Run every judged query as a user would and measure the answers."""
    grades, styles, outside = _group(cases)
    answers: dict[str, list[str]] = {}
    for number, query in enumerate(grades, start=1):
        answers[query] = rank(index, query, day, DEPTH)
        if progress is not None:
            progress(number, len(grades))
    measured = _measure(grades, answers)
    accepted = sum(_is_confident(index, query, day) for query in grades)
    answered = tuple(query for query in outside if _is_confident(index, query, day))
    return Report(
        overall=_mean(measured, grades),
        styles={
            style: _mean(measured, [query for query in grades if styles[query] == style])
            for style in dict.fromkeys(styles[query] for query in grades)
        },
        misses=tuple(_misses(grades, styles, answers)),
        accepted=accepted / len(grades) if grades else 1.0,
        outside=len(outside),
        refused=1 - len(answered) / len(outside) if outside else 1.0,
        answered_outside=answered,
    )


def cases_of(library: Library) -> tuple[Case, ...]:
    """Return the queries that editors wrote: each must find its own entry."""
    return tuple(
        Case(query, policy.slug, 3, style=OWN)
        for policy in library.policies
        for query in policy.queries
    )


def read_judgements(path: Path) -> tuple[Case, ...]:
    """Read judged queries; raise PolicyError with the problems of all lines.

    A table (CSV) has the COLUMNS, the last of which may be left out; a file of JSON lines has
    objects with `query`, `relevant` (a list of slugs) and, if wanted, `style`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        message = "读不到这个文件，请检查位置；文件要存成 UTF-8 编码。"
        raise PolicyError([Problem(str(path), 1, "", message)]) from None
    rows = _json_rows(text) if path.suffix == ".jsonl" else _table_rows(text, path)
    cases: list[Case] = []
    problems: list[Problem] = []
    for line, row in rows:
        try:
            cases.extend(_read_json(row) if isinstance(row, str) else [_read_row(row)])
        except ValueError as error:
            name, message = error.args if len(error.args) == 2 else ("", str(error))
            problems.append(Problem(str(path), line, name, message))
    if problems:
        raise PolicyError(problems)
    return tuple(cases)


def save_result(report: Report, path: Path, name: str) -> None:
    """Keep the measures of a set of queries, and the place of each that is not first."""
    kept = _read_kept(path)
    kept[name] = {
        "overall": asdict(report.overall),
        "places": {miss.query: miss.place for miss in report.misses},
    }
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_result(path: Path, name: str) -> dict[str, Any] | None:
    """Return what `save_result` kept of a set of queries, None if there is nothing."""
    result: dict[str, Any] | None = _read_kept(path).get(name)
    return result


def _read_kept(path: Path) -> dict[str, Any]:
    """Return all kept results; raise PolicyError if the file is not one of `save_result`."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if all({"overall", "places"} <= set(result) for result in kept.values()):
            return dict(kept)
    except (OSError, ValueError, AttributeError, TypeError):
        pass
    message = "这不是 policykb evaluate --save 存下的结果，请换一个文件，或者删掉它重新存。"
    raise PolicyError([Problem(str(path), 1, "", message)])


def moved(
    report: Report, before: Mapping[str, Any]
) -> Iterator[tuple[str, int | None, int | None]]:
    """Yield each query whose first wanted entry stands elsewhere than before: old place, new place.

    None stands for a place below the hundredth. A query that was not there before counts as first.
    """
    old: Mapping[str, int | None] = before["places"]
    new = {miss.query: miss.place for miss in report.misses}
    for query in dict.fromkeys((*old, *new)):
        if old.get(query, 1) != new.get(query, 1):
            yield query, old.get(query, 1), new.get(query, 1)


def _group(
    cases: Iterable[Case],
) -> tuple[dict[str, dict[str, int]], dict[str, str], dict[str, None]]:
    """Return the grades of each query, its style, and the queries about other matters."""
    grades: dict[str, dict[str, int]] = {}
    styles: dict[str, str] = {}
    outside: dict[str, None] = {}
    for case in cases:
        if case.slug:
            grades.setdefault(case.query, {})[case.slug] = case.grade
            styles.setdefault(case.query, case.style)
        else:
            outside[case.query] = None
    return grades, styles, outside


def _is_confident(index: Index, query: str, day: date) -> bool:
    return search(index, SearchParams(q=query, size=1), day).confident


def _table_rows(text: str, path: Path) -> Iterator[tuple[int, list[str] | str]]:
    rows = csv.reader(text.splitlines())
    head = next(rows, [])
    if head not in (COLUMNS, COLUMNS[:-1]):
        message = f"第一行要写成 {','.join(COLUMNS)}，现在是{shown(','.join(head))}。"
        raise PolicyError([Problem(str(path), 1, "", message)])
    for row in filter(any, rows):
        yield (
            rows.line_num,
            [*row, ""] if head[-1] != COLUMNS[-1] and len(row) == len(head) else row,
        )


def _json_rows(text: str) -> Iterator[tuple[int, list[str] | str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line


def _read_json(line: str) -> list[Case]:
    try:
        row = json.loads(line)
    except ValueError:
        raise ValueError("", "这一行不是 JSON。") from None
    query, relevant = (
        row.get(name) if isinstance(row, dict) else None for name in ("query", "relevant")
    )
    if not isinstance(query, str) or not query.strip():
        raise ValueError("query", "没有写问的是什么。")
    if not isinstance(relevant, list) or not all(isinstance(slug, str) for slug in relevant):
        raise ValueError("relevant", '要写成条目名的列表，例如 ["road-excavation"]。')
    style = str(row.get("style", ""))
    return [Case(query, slug, 1, style=style) for slug in relevant or [""]]


def _read_row(row: list[str]) -> Case:
    cells = [cell.strip() for cell in row]
    if len(cells) != len(COLUMNS):
        raise ValueError("", f"要和第一行一样多格，现在有 {len(cells)} 格；有逗号的话要加引号。")
    query, slug, grade, why, style = cells
    if not query:
        raise ValueError("query", "没有写问的是什么。")
    if grade not in ("0", "1", "2", "3"):
        raise ValueError("grade", f"只能是 0、1、2 或 3，现在是{shown(grade)}。")
    if not slug and grade != "0":
        raise ValueError("slug", "没有写条目名；政策库里没有答案的，等级写 0。")
    return Case(query, slug, int(grade), why, style)


def _measure(
    grades: dict[str, dict[str, int]], answers: dict[str, list[str]]
) -> dict[str, list[float]]:
    """Return the measures of each query, in the order of Measures."""
    try:
        from ir_measures import RR, R, Success, iter_calc, nDCG
    except ImportError:
        raise EvaluationUnavailable from None
    run = {
        query: {slug: float(-place) for place, slug in enumerate(slugs)}
        for query, slugs in answers.items()
    }
    wanted = {query: dict.fromkeys(_wanted(judged), 1) for query, judged in grades.items()}
    parts = (([Success @ 1, Success @ 3, RR @ 10], wanted), ([nDCG @ 10, R @ 100], grades))
    measures = [measure for part, _ in parts for measure in part]
    measured = {query: [0.0] * len(measures) for query in grades}
    for part, judgements in parts if grades else ():
        for metric in iter_calc(part, judgements, run):
            measured[metric.query_id][measures.index(metric.measure)] = metric.value
    return measured


def _mean(measured: dict[str, list[float]], queries: Iterable[str]) -> Measures:
    rows = [measured[query] for query in queries]
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)] if rows else [0.0] * 5
    return Measures(len(rows), *means)


def _misses(
    grades: dict[str, dict[str, int]], styles: dict[str, str], answers: dict[str, list[str]]
) -> Iterator[Miss]:
    for query, slugs in answers.items():
        wanted = _wanted(grades[query])
        place = next((n for n, slug in enumerate(slugs, start=1) if slug in wanted), None)
        if place != 1:
            yield Miss(query, styles[query], wanted, tuple(slugs[:SHOWN]), place)


def _wanted(judged: dict[str, int]) -> tuple[str, ...]:
    """Return the best answers to a query: what is judged lower only helps."""
    best = max(judged.values(), default=0)
    return tuple(slug for slug, grade in judged.items() if grade == best > 0)
