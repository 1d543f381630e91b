"""How fast the search answers and what it costs, beside other engines with the same words.

    python benchmarks/run.py --sizes 1000 10000 [--articles FILE] [--questions FILE] [--out DIR]

ARTICLES: one JSON object a line, {"id", "law", "date", "group", "article", "text"}, may be packed
with xz; QUESTIONS: {"query"}. Without them, texts and questions are made up, the same ones each
time. Prints a table, writes bench.json and bench.png; fails where an engine answers nonsense.
"""

import argparse
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cutting
import machine
from checks import Found, complain, overlaps
from corpora import (
    FILTERED,
    KINDS,
    Document,
    Labels,
    Queries,
    Source,
    document_of,
    make_queries,
    read_entries,
)
from engines import PEERS, Engine, Whoosh, is_installed
from measure import Asker, build, in_a_process_of_its_own, percentiles
from ours import WAYS, Ours, measure_changes
from report import draw, show

SIZES = (1000, 10_000, 57_771, 147_283)
ROUNDS, QUERIES = 3, 300
WHOOSH_LIMIT = 57_771  # its build alone takes minutes from here on
ENGINES: tuple[type[Engine], ...] = (*WAYS, *PEERS)
SERVING = Path(__file__).with_name("serving.py")


def main() -> int:
    options = read_options()
    source = Source(options.articles, options.questions)
    chosen = [e for e in ENGINES if options.engines is None or e.key in options.engines]
    engines = [engine for engine in chosen if is_installed(engine)]
    missing = [engine for engine in chosen if engine not in engines]
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {
        "machine": machine.describe(),
        "source": "file" if options.articles else "generated",
        "skipped": [f"{engine.label}：没有装 {engine.library}" for engine in missing],
        "complaints": [],
        "sizes": {},
    }
    if Whoosh in engines:
        results["skipped"] += [
            f"{Whoosh.label}：{size:,} 条不测，超过了 --whoosh-limit {options.whoosh_limit:,}"
            for size in options.sizes
            if size > options.whoosh_limit
        ]
    for size in options.sizes:
        with working_folder(options, size) as folder:
            measured = measure_size(options, source, size, engines, folder)
        results["sizes"][str(size)] = measured
        results["complaints"] += [f"{size:,} 条，{text}" for text in measured.pop("complaints")]
        text = json.dumps(results, ensure_ascii=False, indent=1)
        (options.out / "bench.json").write_text(text, encoding="utf-8")
    print("\n".join(show(results)))
    draw(results, options.out / "bench.png")
    return 1 if results["complaints"] else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="测量检索有多快、要占多少，并和别的引擎比")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="多少条，可以写几个")
    parser.add_argument("--articles", type=Path, help="条文，一行一个 JSON；不写就自己造")
    parser.add_argument("--questions", type=Path, help="问题，一行一个 JSON；不写就自己造")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="结果放在哪里")
    parser.add_argument("--keep", type=Path, help="词元和索引留在这里，下次同样的测量接着用")
    parser.add_argument("--engines", nargs="+", help="只测这些引擎")
    parser.add_argument("--queries", type=int, default=QUERIES, help="每一类问多少个")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="每个问题问几遍，取中间的")
    parser.add_argument("--whoosh-limit", type=int, default=WHOOSH_LIMIT, help="再大就不测 Whoosh")
    parser.add_argument("--no-http", dest="http", action="store_false", help="不测 HTTP 服务")
    options = parser.parse_args()
    names = [engine.key for engine in ENGINES]
    for path in filter(None, (options.articles, options.questions)):
        if not path.is_file():
            parser.error(f"没有这个文件：{path}")
    for name in options.engines or ():
        if name not in names:
            parser.error(f"没有引擎“{name}”，可以写的有：{'、'.join(names)}")
    return options


def measure_size(
    options: argparse.Namespace,
    source: Source,
    size: int,
    engines: Sequence[type[Engine]],
    folder: Path,
) -> dict[str, Any]:
    """Prepare the texts, build every index, ask every engine, and check what they answered."""
    if not (folder / "queries").exists():
        say(f"{size:,} 条：把文字切成词")
        in_a_process_of_its_own(prepare, source, size, options.queries, folder)
    if size > options.whoosh_limit:
        engines = [engine for engine in engines if engine.key != Whoosh.key]
    built = {}
    for engine in {engine.index: engine for engine in engines}.values():
        entries = partial(read_entries, source, size)
        documents = partial(read_documents, folder)
        read = entries if engine.index == Ours.index else documents
        built[engine.index] = build_once(engine, read, folder)
    say(f"{size:,} 条：查询")
    rows, found = ask_all(engines, folder, options.rounds)
    queries, labels = read_queries(folder)
    for engine in engines:
        rows[engine.key] |= built[engine.index] | {"overlap": overlaps(found)[engine.key]}
    measured: dict[str, Any] = {
        "engines": rows,
        "complaints": list(complain(engines, found, queries, labels)),
    }
    say(f"{size:,} 条：切词要多久")
    measured["cutting"] = in_a_process_of_its_own(cutting.measure, source, size)
    if Ours.index in built:
        say(f"{size:,} 条：改动一条要多久")
        measured["changes"] = in_a_process_of_its_own(change_one, source, size, folder)
        if options.http:
            say(f"{size:,} 条：HTTP 服务")
            measured["http"] = serve(folder, queries)
    return measured


def ask_all(
    engines: Sequence[type[Engine]], folder: Path, rounds: int
) -> tuple[dict[str, dict[str, Any]], dict[str, Found]]:
    """Open all engines at once and ask them in turn, so that what disturbs one disturbs all.

    Everything is asked once before the clock runs; the answers of that round are returned too.
    """
    askers = {e.key: Asker(e, folder / e.index, folder / "queries") for e in engines}
    found = {key: {kind: asker.answers(kind) for kind in KINDS} for key, asker in askers.items()}
    times: dict[str, dict[str, list[list[float]]]] = {
        key: {kind: [] for kind in KINDS} for key in askers
    }
    for _ in range(rounds):
        for kind in KINDS:
            for key, asker in askers.items():
                times[key][kind].append(asker.ask(kind))
    rows: dict[str, dict[str, Any]] = {}
    for engine in engines:
        asker = askers[engine.key]
        asked = {kind: taken for kind, taken in times[engine.key].items() if taken[0]}
        rows[engine.key] = {
            "label": engine.label,
            **asker.opened,
            "search_peak_mb": asker.close(),
            "queries": {kind: percentiles(taken) for kind, taken in asked.items()},
        }
    return rows, found


def prepare(source: Source, size: int, count: int, folder: Path) -> None:
    """Cut all texts into words, make the queries, and keep both for the engines."""
    documents = [document_of(entry.policy) for entry in read_entries(source, size)]
    (folder / "documents").write_bytes(pickle.dumps(documents))
    (folder / "labels").write_bytes(pickle.dumps([document.labels for document in documents]))
    queries = make_queries(documents, source.questions, count)
    (folder / "queries").write_bytes(pickle.dumps(queries))


def read_documents(folder: Path) -> list[Document]:
    documents: list[Document] = pickle.loads((folder / "documents").read_bytes())
    return documents


def read_queries(folder: Path) -> tuple[Queries, list[Labels]]:
    queries: Queries = pickle.loads((folder / "queries").read_bytes())
    labels: list[Labels] = pickle.loads((folder / "labels").read_bytes())
    return queries, labels


def build_once(engine: type[Engine], read: Callable[[], Any], folder: Path) -> dict[str, float]:
    """Build an index, unless an earlier run left it here; return what building took."""
    note = folder / f"{engine.index}.json"
    if not note.exists():
        say(f"建索引：{engine.index}")
        built = in_a_process_of_its_own(build, engine, read, folder / engine.index)
        note.write_text(json.dumps(built), encoding="utf-8")
    known: dict[str, float] = json.loads(note.read_text(encoding="utf-8"))
    return known


def change_one(source: Source, size: int, folder: Path) -> dict[str, float]:
    """Measure changes on a copy of our index."""
    copy = folder / "changing"
    shutil.copytree(folder / Ours.index, copy)
    os.sync()  # what is measured is not to wait for the copy to reach the disk
    try:
        return measure_changes(read_entries(source, size), copy)
    finally:
        shutil.rmtree(copy)


def serve(folder: Path, queries: Queries) -> dict[str, Any]:
    """Measure the service over our index with every query that has no filter."""
    texts = [query.text for kind in KINDS if kind != FILTERED for query in queries[kind]]
    (folder / "texts").write_text("\n".join(texts), encoding="utf-8")
    command = [sys.executable, str(SERVING), "--json", "--index", str(folder / Ours.index)]
    command += ["--queries", str(folder / "texts")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


@contextmanager
def working_folder(options: argparse.Namespace, size: int) -> Iterator[Path]:
    """Yield the folder for texts and indexes of one size: one that stays, or for this run only."""
    if options.keep:
        folder = options.keep / str(size)
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory(dir=options.out) as name:
            yield Path(name)


def say(text: str) -> None:
    """Tell on standard error what is being done, since when, and how busy the machine is."""
    load = os.getloadavg()[0]
    print(f"{time.strftime('%H:%M:%S')} {text}（负载 {load:.1f}）", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
