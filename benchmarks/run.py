"""How fast the search is, and what it costs, beside other engines on the same words.

    python benchmarks/run.py --sizes 1000 10000 [--articles FILE --questions FILE] [--out DIR]
"""

import argparse
import json
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from corpora import KINDS, Document, Source, document_of, make_queries, read_entries
from engines import PEERS, Engine, is_installed
from measure import Asker, build, in_a_process_of_its_own, percentiles
from ours import WAYS
from checks import overlaps, complaints
from report import print_size

ROUNDS = 3
QUERIES = 300


def main() -> int:
    options = read_options()
    source = Source(options.articles, options.questions)
    engines = [engine for engine in (*WAYS, *PEERS) if wanted(engine, options)]
    for engine in PEERS:
        if not is_installed(engine):
            print(f"没有装 {engine.library}，略过：{engine.label}")
    options.out.mkdir(parents=True, exist_ok=True)
    sizes = {}
    failed = []
    for size in options.sizes:
        with working_folder(options, size) as folder:
            measured = measure_size(source, size, engines, folder, options)
        sizes[str(size)] = measured
        print_size(size, measured)
        failed += measured["complaints"]
    (options.out / "bench.json").write_text(
        json.dumps({"sizes": sizes}, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    for complaint in failed:
        print(complaint, file=sys.stderr)
    return 1 if failed else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 57_771, 147_283])
    parser.add_argument("--articles", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--engines", nargs="+")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--whoosh-limit", type=int, default=57_771)
    return parser.parse_args()


def wanted(engine: type[Engine], options: argparse.Namespace) -> bool:
    chosen = options.engines is None or engine.key in options.engines
    return chosen and is_installed(engine)


def measure_size(
    source: Source,
    size: int,
    engines: Sequence[type[Engine]],
    folder: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Measure everything at one size."""
    documents, queries = folder / "documents", folder / "queries"
    if not queries.exists():
        say(f"{size} 条：切词")
        in_a_process_of_its_own(prepare, source, size, options.queries, documents, queries)
    if size > options.whoosh_limit:
        engines = [engine for engine in engines if engine.key != "whoosh"]
    built = {}
    for engine in engines:
        if engine.index not in built:
            read = partial(read_entries, source, size)
            if engine.index != "ours":
                read = partial(read_documents, documents)
            built[engine.index] = build_once(engine, read, folder)
    say(f"{size} 条：查")
    askers = {engine.key: Asker(engine, folder / engine.index, queries) for engine in engines}
    found = {key: {kind: asker.answers(kind) for kind in KINDS} for key, asker in askers.items()}
    times: dict[str, dict[str, list[list[float]]]] = {
        key: {kind: [] for kind in KINDS} for key in askers
    }
    for _ in range(options.rounds):
        for kind in KINDS:
            for key, asker in askers.items():
                times[key][kind].append(asker.ask(kind))
    shared = overlaps(found)
    rows = {}
    for engine in engines:
        asker = askers[engine.key]
        rows[engine.key] = {
            "label": engine.label,
            **built[engine.index],
            **asker.opened,
            "search_peak_mb": asker.close(),
            "queries": {
                kind: percentiles(rounds) for kind, rounds in times[engine.key].items() if rounds[0]
            },
            "overlap": shared[engine.key],
        }
    return {"engines": rows, "complaints": complaints(shared, found)}


@contextmanager
def working_folder(options: argparse.Namespace, size: int) -> Iterator[Path]:
    """Yield the folder for texts and indexes of one size: one that is kept, or for this run only."""
    if options.keep:
        folder = options.keep / str(size)
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory(dir=options.out) as name:
            yield Path(name)


def build_once(
    engine: type[Engine], read: Callable[[], Any], folder: Path
) -> dict[str, float]:
    """Build an index unless it is there already; return what building took."""
    note = folder / f"{engine.index}.json"
    if not note.exists():
        say(f"建 {engine.index}")
        built = in_a_process_of_its_own(build, engine, read, folder / engine.index)
        note.write_text(json.dumps(built), encoding="utf-8")
    known: dict[str, float] = json.loads(note.read_text(encoding="utf-8"))
    return known


def prepare(source: Source, size: int, count: int, documents: Path, queries: Path) -> None:
    """Cut all texts into words, make the queries, and keep both for the engines."""
    cut = [document_of(entry.policy) for entry in read_entries(source, size)]
    documents.write_bytes(pickle.dumps(cut))
    queries.write_bytes(pickle.dumps(make_queries(cut, source.questions, count)))


def read_documents(path: Path) -> list[Document]:
    documents: list[Document] = pickle.loads(path.read_bytes())
    return documents


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
