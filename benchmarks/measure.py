"""Measuring (怎么量): every engine in processes of its own, so that time and memory are its own."""

import gc
import os
import pickle
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from checks import Answers
from corpora import QUESTION, Queries
from engines import Engine

Given = ParamSpec("Given")
Result = TypeVar("Result")

MB = 2**20


def in_a_process_of_its_own(
    work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> Result:
    """Do some work in a fresh process and return what it returns."""
    with _process() as process:
        return process.submit(work, *given, **named).result()


def build(engine: type[Engine], read: Callable[[], Any], folder: Path) -> dict[str, float]:
    """Build an index; return the seconds, its megabytes, and those that building it took.

    What is built from is in memory before, and its megabytes count apart.
    """
    documents = read()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # reading peaked higher
    before = memory("VmRSS")
    folder.mkdir(parents=True)
    started = time.perf_counter()
    engine().build(documents, folder)
    seconds = time.perf_counter() - started
    return {
        "build_s": round(seconds, 3),
        "index_mb": round(folder_size(folder), 2),
        "build_peak_mb": round(memory("VmHWM"), 1),
        "build_added_mb": round(max(memory("VmHWM") - before, 0), 1),
    }


class Asker:
    """An engine that stays open in a process of its own, to be asked round by round."""

    def __init__(self, engine: type[Engine], folder: Path, queries: Path) -> None:
        self._process = _process()
        self.opened = self._process.submit(_open, engine, folder, queries).result()

    def ask(self, kind: str) -> list[float]:
        """Return the milliseconds of each query of a kind that can be asked here."""
        return self._process.submit(_ask, kind).result()

    def answers(self, kind: str) -> Answers:
        """Return what is found for each query of a kind, by the number of the query."""
        return self._process.submit(_answers, kind).result()

    def close(self) -> float:
        """End the process and return the megabytes that it had at most."""
        peak = self._process.submit(memory, "VmHWM").result()
        self._process.shutdown()
        return round(peak, 1)


_state: dict[str, Any] = {}


def _open(engine: type[Engine], folder: Path, queries: Path) -> dict[str, float]:
    """Open an index in this process and keep it; return what that took, with a first answer."""
    asked: Queries = pickle.loads(queries.read_bytes())
    __import__(engine.library)
    before = memory("VmRSS")
    opened = engine()
    started = time.perf_counter()
    opened.open(folder)
    seconds = time.perf_counter() - started
    prepared = {
        kind: {
            number: ready
            for number, query in enumerate(some)
            if number % engine.every == 0 and (ready := opened.prepare(query)) is not None
        }
        for kind, some in asked.items()
    }
    _state.update(engine=opened, prepared=prepared)
    started = time.perf_counter()
    opened.search(next(iter(prepared[QUESTION].values())))
    first = time.perf_counter() - started
    return {
        "open_ms": round(seconds * 1000, 2),
        "first_ms": round(first * 1000, 2),
        "before_mb": round(before, 1),
    }


def _ask(kind: str) -> list[float]:
    search = _state["engine"].search
    times = []
    for prepared in _state["prepared"][kind].values():
        started = time.perf_counter()
        search(prepared)
        times.append((time.perf_counter() - started) * 1000)
    return times


def _answers(kind: str) -> Answers:
    engine: Engine = _state["engine"]
    found = {number: engine.search(query) for number, query in _state["prepared"][kind].items()}
    return {number: (engine.rows(some), engine.counts(some)) for number, some in found.items()}


def percentiles(rounds: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return p50, p95, p99 over the queries, each taken at its middle round."""
    middle = np.median(np.array(rounds), axis=0)
    p50, p95, p99 = np.percentile(middle, [50, 95, 99])
    return {
        "p50": round(float(p50), 4),
        "p95": round(float(p95), 4),
        "p99": round(float(p99), 4),
        "queries": len(middle),
    }


def memory(name: str) -> float:
    """Return what this process holds (VmRSS) or held at most (VmHWM), in megabytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def folder_size(folder: Path) -> float:
    """Return the megabytes of all files below a folder."""
    sizes = (
        (Path(root) / name).stat().st_size for root, _, names in os.walk(folder) for name in names
    )
    return sum(sizes) / MB


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))
