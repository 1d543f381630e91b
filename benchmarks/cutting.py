"""Cutting texts into words (切词): how much of a build that takes, on one core and on all."""

import os
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context

from corpora import Source, read_entries

from indexer.analysis import analyse
from indexer.texts import texts_of


def measure(source: Source, size: int) -> dict[str, float | str]:
    """Return the seconds that one process takes, and as many as there are cores together."""
    texts = [
        text
        for entry in read_entries(source, size)
        for text in texts_of(entry.policy).values()
        if text
    ]
    analyse("先读好词典")
    started = time.perf_counter()
    for text in texts:
        analyse(text)
    one = time.perf_counter() - started
    cores = os.cpu_count() or 1
    started = time.perf_counter()
    # Starting the processes and getting the words back is part of it: a build needs both.
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        deque(pool.map(analyse, texts, chunksize=500), maxlen=0)
    return {
        "segmenter": "rjieba" if find_spec("rjieba") else "jieba",
        "one_process_s": round(one, 2),
        "all_cores_s": round(time.perf_counter() - started, 2),
        "cores": cores,
    }
