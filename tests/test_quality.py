"""How well the real library answers: the numbers may not fall below those last committed."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from indexer.evaluate import cases_of, evaluate, read_judgements
from indexer.index import Index, build_index, open_index
from indexer.library import Library
from indexer.loader import load_library
from indexer.query import SearchParams, search

ROOT = Path(__file__).resolve().parent.parent
DAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library(ROOT / "policies")


@pytest.fixture(scope="module")
def index(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    path = tmp_path_factory.mktemp("quality") / "index"
    build_index(library, path)
    with open_index(path) as opened:
        yield opened


def test_every_entry_is_found_by_its_own_queries(library: Library, index: Index) -> None:
    report = evaluate(index, cases_of(library), DAY)
    assert report.success_at_1 >= 0.98, report.misses
    assert report.success_at_3 >= 0.995, report.misses
    assert report.ndcg_at_10 >= 0.99, report.misses


def test_everyday_questions_find_their_entries(index: Index) -> None:
    report = evaluate(index, read_judgements(ROOT / "tests" / "judgements.csv"), DAY)
    assert report.success_at_1 >= 0.82, report.misses
    assert report.success_at_3 >= 0.93, report.misses
    assert report.ndcg_at_10 >= 0.85, report.misses


def test_digging_up_a_road_is_answered_first(index: Index) -> None:
    answer = search(index, SearchParams(q="挖马路要找谁批"), DAY)
    assert answer.hits[0].slug == "road-excavation"
    assert answer.confident


def test_few_questions_outside_the_library_get_a_confident_answer(index: Index) -> None:
    lines = (ROOT / "tests" / "outside.txt").read_text(encoding="utf-8").splitlines()
    questions = [line for line in lines if not line.startswith("#")]
    assert len(questions) == 48
    confident = [q for q in questions if search(index, SearchParams(q=q), DAY).confident]
    assert len(confident) <= 4, confident


def test_most_everyday_questions_get_a_confident_answer(index: Index) -> None:
    cases = read_judgements(ROOT / "tests" / "judgements.csv")
    questions = {case.query for case in cases}
    confident = [q for q in questions if search(index, SearchParams(q=q), DAY).confident]
    assert len(confident) >= 0.85 * len(questions)


@pytest.mark.parametrize("query", ["护照怎么办", "驾照年审", "结婚登记要带什么", "公积金提取"])
def test_what_is_outside_the_library_gets_no_confident_answer(query: str, index: Index) -> None:
    assert not search(index, SearchParams(q=query), DAY).confident
