"""The benchmark runs from end to end, on the same data each time, and sees through nonsense."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from checks import Found, complain
from corpora import KINDS, Query, Source, read_articles, read_entries
from engines import Engine, Fts5, Whoosh
from generator import generate_articles
from loading import make_entries
from run import prepare, read_documents, read_queries

from indexer.loader import inspect_library
from indexer.texts import texts_of

ROOT = Path(__file__).resolve().parent.parent
TIMES = {"p50", "p95", "p99", "queries"}


class Blind(Fts5):
    """Answers every query with the same rows, whatever is asked."""

    key = "blind"
    label = "闭着眼"

    def search(self, prepared: Any) -> Any:
        return list(range(10))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared")
    prepare(Source(), 300, 40, path)
    return path


def answers_of(engine: type[Engine], folder: Path) -> Found:
    """Build, open and ask an engine."""
    (folder / engine.key).mkdir(exist_ok=True)
    asked = engine()
    asked.build(read_documents(folder), folder / engine.key)
    asked.open(folder / engine.key)
    queries, _ = read_queries(folder)

    def answer(query: Query) -> list[int]:
        return asked.rows(asked.search(asked.prepare(query)))

    return {
        kind: {number: (answer(query), None) for number, query in enumerate(queries[kind])}
        for kind in KINDS
    }


def test_entries_made_for_loading_and_for_the_site_have_no_problems(tmp_path: Path) -> None:
    make_entries(tmp_path / "policies", 250)
    library, problems = inspect_library(tmp_path / "policies")
    assert problems == ()
    assert len(library.entries) == 250


def test_the_lock_pins_what_is_measured_by_hash_and_agrees_with_the_service() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"^(\S+==[^\s;]+)", text, re.M))

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements-bench.lock").read_text(encoding="utf-8")
    names = {pin.partition("==")[0] for pin in pins("requirements-bench.lock")}
    assert set(project["dependency-groups"]["bench"]) <= names
    assert pins("requirements.lock") <= pins("requirements-bench.lock")
    assert len(re.findall(r"^\S+==", lock, re.M)) <= lock.count("--hash=sha256:")
    assert "://" not in lock


def test_a_run_measures_every_engine_that_is_installed_and_names_those_that_are_not(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "benchmarks/run.py", "--sizes", "60", "--queries", "20"]
    command += ["--rounds", "1", "--no-http", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    measured = results["sizes"]["60"]
    missing = {name for name in ("tantivy", "bm25s") if find_spec(name) is None}
    for name in missing:
        assert f"没有装 {name}" in done.stdout
        assert name not in measured["engines"]
    for key in ("ours", "ours-facets", "ours-text", "ours-answer", "fts5", "whoosh"):
        row = measured["engines"][key]
        assert row["label"] in done.stdout
        assert {"build_s", "index_mb", "build_added_mb", "open_ms", "search_peak_mb"} <= set(row)
        assert all(set(row["queries"][kind]) == TIMES for kind in KINDS)
    assert set(measured["changes"]) == {"changed_s", "removed_s", "renamed_s"}
    assert {"one_process_s", "all_cores_s"} <= set(measured["cutting"])
    assert results["machine"]["date"]
    assert results["complaints"] == []


def test_a_size_too_large_for_whoosh_is_measured_without_it(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/run.py", "--sizes", "60", "--queries", "20"]
    command += ["--rounds", "1", "--engines", "fts5", "whoosh", "--whoosh-limit", "59"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert "Whoosh（自带的 BM25F）：60 条不测" in done.stdout
    results = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert set(results["sizes"]["60"]["engines"]) == {"fts5"}


def test_generated_articles_are_the_same_each_time_and_others_for_another_seed() -> None:
    first = list(islice(generate_articles(), 50))
    assert list(islice(generate_articles(), 50)) == first
    assert [a["text"] for a in islice(generate_articles(7), 50)] != [a["text"] for a in first]
    assert len({article["id"] for article in first}) == 50


def test_a_smaller_size_draws_evenly_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"
    path.write_text("\n".join(json.dumps({"id": number}) for number in range(10)), "utf-8")
    drawn = [article["id"] for article in read_articles(Source(path), 4)]
    assert drawn == [0, 2, 5, 7]


def test_queries_ask_for_what_is_in_the_documents(folder: Path) -> None:
    queries, labels = read_queries(folder)
    words = {word for document in read_documents(folder) for word in document.words}
    assert len(labels) == 300
    assert all(len(query.words) == 1 and words >= set(query.words) for query in queries["one"])
    assert all(len(query.words) == 2 and words >= set(query.words) for query in queries["two"])
    assert all(len(query.phrase) >= 2 and words >= set(query.phrase) for query in queries["phrase"])
    assert all(query.filters for query in queries["filtered"])


def test_phrases_stand_in_a_text_in_one_piece(folder: Path) -> None:
    queries, _ = read_queries(folder)
    texts = "\n".join(
        text for entry in read_entries(Source(), 300) for text in texts_of(entry.policy).values()
    )
    assert all("".join(query.phrase) in texts for query in queries["phrase"])


def test_sqlite_and_whoosh_agree_on_the_best(folder: Path) -> None:
    found = {engine.key: answers_of(engine, folder) for engine in (Fts5, Whoosh)}
    assert list(complain((Fts5, Whoosh), found, *read_queries(folder))) == []


def test_an_engine_that_answers_nonsense_is_named(folder: Path) -> None:
    found = {engine.key: answers_of(engine, folder) for engine in (Blind, Whoosh)}
    complaints = list(complain((Blind, Whoosh), found, *read_queries(folder)))
    assert [text.partition("：")[0] for text in complaints] == ["闭着眼"] * (len(KINDS) + 1)
    assert "不合条件" in complaints[-1]


def test_facets_that_count_fewer_than_were_found_are_named(folder: Path) -> None:
    found = {"whoosh": answers_of(Whoosh, folder)}
    found["whoosh"]["one"][0] = (found["whoosh"]["one"][0][0], {"kind": {"rule": 0}})
    assert ["条数" in text for text in complain((Whoosh,), found, *read_queries(folder))] == [True]
