from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import make_library, make_policy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from whoosh import index as whoosh_index
from whoosh.qparser.default import QueryParser
from whoosh.qparser.syntax import OrGroup
from whoosh.scoring import BM25F

from indexer import ranking
from indexer.analysis import word_keys
from indexer.arrays import starts_of
from indexer.index import Index, open_index
from indexer.loader import load_library
from indexer.policy import Policy
from indexer.ranking import (
    COVERAGE_FLOOR,
    FINE,
    SETTINGS,
    STEPS,
    TAIL,
    Bm25f,
    Postings,
    Rows,
    Scores,
    Sought,
    Terms,
    build_postings,
    highest,
    score,
)
from indexer.texts import FIELDS
from indexer.writing import build_index

BODY_ONLY = Bm25f(weights={**dict.fromkeys(FIELDS, 0.0), "body": 1.0}, default_b=0.75, k1=1.2)
QUERIES = [
    "排水许可",
    "挖掘城市道路审批",
    "申请材料 期限",
    "企业 补贴 申报",
    "残疾人 就业",
    "供热 燃气 用户",
    "罚款 责令改正",
    "贷款 贴息",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whoosh") / "index"
    build_index(load_library(Path(__file__).parent.parent / "policies"), path)
    return path


@pytest.mark.parametrize("query", QUERIES)
def test_arrays_rank_as_stock_whoosh_does(built: Path, query: str) -> None:
    with open_index(built) as index:
        impacts_of = _body_impacts(index)
        stock = whoosh_index.open_dir(str(built))
        with stock.searcher(weighting=BM25F(B=0.75, K1=1.2)) as searcher:
            parsed = QueryParser("body", stock.schema, group=OrGroup).parse(query)
            expected = {hit["slug"]: hit.score for hit in searcher.search(parsed, limit=None)}
            words: set[str] = {term for _, term in parsed.iter_all_terms()}
        scores = np.zeros(len(index))
        for word in words:
            rows, impacts = impacts_of(word)
            scores[rows] += impacts
        ours = {index.slugs[row]: score for row, score in enumerate(scores) if score > 0}
    # Whoosh rounds field lengths to one byte, which moves a score by up to a twentieth, so that
    # near equals may change places: compare the scores, and the ten but for near equals.
    assert set(ours) == set(expected)
    best = sorted(expected, key=lambda slug: -expected[slug])[:10]
    for slug in best:
        assert ours[slug] == pytest.approx(expected[slug], rel=0.06)
    tenth = ours[best[-1]]
    assert {slug for slug, score in ours.items() if score > tenth * 1.12} <= set(best)


def test_arrays_and_whoosh_agree_exactly_where_nothing_is_rounded(tmp_path: Path) -> None:
    # Whoosh keeps lengths up to ten words as they are.
    policies = [
        make_policy(f"p-{n}", body=f"{'排水' * (n % 3)}{'许可' * (n % 4 % 3)}{'无关' * (n % 2)}。")
        for n in range(30)
    ]
    with _open(policies, tmp_path) as index:
        impacts_of = _body_impacts(index)
        scores = np.zeros(len(index), np.float64)
        for word in ("排水", "许可", "排水许可"):
            rows, impacts = impacts_of(word)
            scores[rows] += impacts
        stock = whoosh_index.open_dir(str(tmp_path / "index"))
        with stock.searcher(weighting=BM25F(B=0.75, K1=1.2)) as searcher:
            parsed = QueryParser("body", stock.schema, group=OrGroup).parse("排水许可")
            expected = [(hit["slug"], hit.score) for hit in searcher.search(parsed, limit=10)]
    best = sorted(scores.tolist(), reverse=True)[:10]
    assert best == pytest.approx([score for _, score in expected], abs=2e-4)


def test_a_word_in_the_title_weighs_more_than_in_the_body(tmp_path: Path) -> None:
    policies = [
        make_policy("in-body", title="其他事项", body="排水许可。"),
        make_policy("in-title", title="排水许可", body="其他事项。"),
    ]
    with _open(policies, tmp_path) as index:
        rows, impacts = _impacts(index.postings, "排水", SETTINGS)
        impact = dict(zip(rows.tolist(), impacts.tolist(), strict=True))
    assert impact[1] > impact[0]


def test_highest_keys_come_first_and_equal_scores_by_row() -> None:
    rows = np.array([4, 7, 9, 11])
    scores = np.array([0.5, 2.0, 0.5, 0.25], np.float32)
    assert rows[highest(scores, 3)].tolist() == [7, 4, 9]


@given(st.integers(0, 2**32 - 1), st.integers(0, 9_000), st.integers(0, 300), st.integers(1, 9_000))
@settings(deadline=None)
def test_highest_is_a_prefix_of_the_full_order(
    seed: int, length: int, count: int, different: int
) -> None:
    keys = np.random.default_rng(seed).integers(0, different, length)
    expected = np.argsort(-keys, kind="stable")[:count].tolist()
    assert highest(keys, count).tolist() == expected
    assert highest(keys.astype(np.float32), count).tolist() == expected


def test_no_documents_give_empty_postings() -> None:
    averages = [0.0] * len(FIELDS)
    postings = build_postings(np.zeros(0, np.int64), np.zeros(1, np.int64), FIELDS, averages)
    assert postings.starts.tolist() == [0]
    assert len(postings.rows) == 0


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_all_that_can_come_near_the_best_is_scored_as_if_every_document_were(seed: int) -> None:
    chance = np.random.default_rng(seed)
    documents, terms = int(chance.integers(1, 400)), int(chance.integers(1, 30))
    tokens = np.minimum(chance.geometric(0.15, 20 * documents), terms)
    lengths = np.zeros(documents * len(FIELDS), np.int64)
    lengths[FIELDS.index("body") :: len(FIELDS)] = 20
    averages = [0.0] * (len(FIELDS) - 1) + [20.0]
    postings = build_postings(tokens, starts_of(lengths), FIELDS, averages)
    authority = chance.uniform(0.3, 1.0, documents).astype(np.float32)
    wanted = chance.integers(1, terms + 3, int(chance.integers(1, 12))).astype(np.uint64)
    kinds = [Sought((), np.unique(wanted)), Sought((), np.array([terms], np.uint64), 0.4, True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "SMALL", 0)
        found = score(postings, Terms.of(kinds), authority)
    expected = _score_of_every_document(postings, kinds, documents)
    assert found.scores == pytest.approx(expected[found.rows], abs=2e-5)
    missing = np.setdiff1d(np.arange(documents), found.rows)
    best = float((expected * authority).max(initial=0.0))
    assert float(expected[missing].max(initial=0.0)) <= TAIL * best + 1e-6
    among = np.flatnonzero(chance.integers(0, 2, documents))
    if len(found.rows):
        for lookup in (0, ranking.LOOKUP, 10**9):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ranking, "LOOKUP", lookup)
                only = score(postings, Terms.of(kinds), authority, among)
            assert only.scores == pytest.approx(expected[among], abs=2e-5)


def _score_of_every_document(
    postings: Postings, kinds: list[Sought], documents: int
) -> NDArray[np.float64]:
    """Return the scores as they are defined, one term after the other."""
    impacts, covered, total = np.zeros(documents), np.zeros(documents), 0.0
    for kind in kinds:
        for key in kind.keys:
            places, known = postings.find(np.array([key], np.uint64))
            unknown = float(np.log(documents) + 1)
            idf = float(postings.idf[places[0]]) if known[0] else unknown
            total += 0.0 if kind.extra else kind.factor * idf
            if known[0]:
                span = slice(postings.starts[places[0]], postings.starts[places[0] + 1])
                rows = postings.rows[span]
                worth = postings.saturations[span] * (SETTINGS.k1 + 1) / STEPS
                impacts[rows] += kind.factor * idf * worth
                covered[rows] += round((idf if kind.extra else kind.factor * idf) * FINE) / FINE
    coverage = np.minimum(covered / total, 1.0)
    shares = impacts / (total * (SETTINGS.k1 + 1))
    return np.minimum(shares * (COVERAGE_FLOOR + (1 - COVERAGE_FLOOR) * coverage), 1.0)


def _open(policies: list[Policy], tmp_path: Path) -> Index:
    build_index(make_library(*policies, tmp_path=tmp_path), tmp_path / "index")
    return open_index(tmp_path / "index")


def _body_impacts(index: Index) -> Callable[[str], tuple[Rows, Scores]]:
    """Return what gives the impacts of a word when the body alone counts, as Whoosh counts it."""
    (content,) = index.corpus.contents
    averages = content.lengths()[0].mean(0).tolist()
    starts = content.token_starts
    postings = build_postings(content.tokens + 1, starts, FIELDS, averages, BODY_ONLY)
    keys = content.keys[postings.keys.astype(np.int64) - 1]
    return lambda word: _impacts(replace(postings, keys=keys), word, BODY_ONLY)


def _impacts(postings: Postings, word: str, settings: Bm25f) -> tuple[Rows, Scores]:
    """Return the documents that have a word, and its impact on each."""
    places, known = postings.find(word_keys([word]))
    if not known[0]:
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    span = slice(postings.starts[places[0]], postings.starts[places[0] + 1])
    step = (settings.k1 + 1) / STEPS
    return postings.rows[span], postings.idf[places[0]] * postings.saturations[span] * step
