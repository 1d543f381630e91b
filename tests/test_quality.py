"""How well the real library answers: the numbers may not fall below those last committed."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from indexer.evaluate import Report, cases_of, evaluate, read_judgements
from indexer.explain import explain
from indexer.index import Index, open_index
from indexer.library import Library
from indexer.loader import load_library
from indexer.params import SearchParams
from indexer.query import search
from indexer.writing import build_index

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
    assert report.overall.success_at_1 >= 0.99, report.misses
    assert report.overall.success_at_3 >= 0.998, report.misses


@pytest.fixture(scope="module")
def judged(index: Index) -> Report:
    return evaluate(index, read_judgements(ROOT / "tests" / "judgements.csv"), DAY)


@pytest.mark.parametrize(
    ("style", "first", "third"),
    [
        ("口语", 0.88, 0.97),
        ("窗口", 0.97, 0.99),
        ("问句", 0.88, 0.98),
        ("情形", 0.90, 0.98),
        ("繁体", 0.90, 0.98),
        ("错字", 0.95, 0.98),
        ("拼音", 0.95, 0.98),
        ("片段", 0.97, 0.99),
        ("文号", 1.00, 1.00),
    ],
)
def test_every_way_of_asking_finds_the_entry(
    judged: Report, style: str, first: float, third: float
) -> None:
    measured = judged.styles[style]
    missed = [miss for miss in judged.misses if miss.style == style]
    assert measured.queries >= 80
    assert measured.success_at_1 >= first, missed
    assert measured.success_at_3 >= third, missed


def test_questions_that_were_never_tuned_on_find_their_entries(index: Index) -> None:
    report = evaluate(index, read_judgements(ROOT / "tests" / "unseen.csv"), DAY)
    assert report.overall.success_at_1 >= 0.88, report.misses
    assert report.overall.success_at_3 >= 0.97, report.misses
    assert report.refused >= 0.92, report.answered_outside


def test_few_questions_outside_the_library_get_a_confident_answer(judged: Report) -> None:
    assert judged.outside >= 350
    assert judged.refused >= 0.92, judged.answered_outside


def test_most_questions_that_the_library_answers_get_a_confident_answer(judged: Report) -> None:
    assert judged.accepted >= 0.90


def test_digging_up_a_road_is_answered_first(index: Index) -> None:
    for query in ("挖马路要找谁批", "门口要挖沟埋管子", "wjdl", "挖掘城市道路審批"):
        answer = search(index, SearchParams(q=query), DAY)
        assert answer.hits[0].slug == "road-excavation", query
        assert answer.confident, query


@pytest.mark.parametrize("query", ["护照怎么办", "驾照年审", "结婚登记要带什么", "公积金提取"])
def test_what_is_outside_the_library_gets_no_confident_answer(query: str, index: Index) -> None:
    assert not search(index, SearchParams(q=query), DAY).confident


def test_the_parts_of_every_score_add_up_to_it(index: Index) -> None:
    for query in ("挖马路要找谁批", "高企奖补", "国务院令第641号", "马路", "wjdl", "稳港返还"):
        for hit in search(index, SearchParams(q=query, size=50), DAY).hits:
            parts = explain(index, query, hit.slug, DAY)
            assert sum(part.points for part in parts) == pytest.approx(hit.score, abs=2e-4)


def test_an_explanation_tells_the_word_its_field_and_what_a_name_brings(index: Index) -> None:
    parts = explain(index, "挖掘城市道路审批", "road-excavation", DAY)
    assert any(part.what == "词“挖掘”" and "标题" in part.where for part in parts)
    assert parts[-1].what.startswith("文号、名称")
    assert parts[-1].points > 0.05
