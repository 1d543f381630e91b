"""The machine (机器) that a measurement was made on, and the versions that were measured."""

import os
import platform
import re
import sqlite3
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("tantivy", "bm25s", "numba", "whoosh3", "numpy", "jieba", "rjieba")


def describe() -> dict[str, str]:
    """Return the date, the processor, the memory and the versions."""
    processor = _first("/proc/cpuinfo", r"model name\s*:\s*(.+)")
    kilobytes = int(_first("/proc/meminfo", r"MemTotal:\s*(\d+)") or 0)
    described = {
        "date": time.strftime("%Y-%m-%d"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{os.cpu_count()} × {processor}",
        "memory_gb": f"{kilobytes / 2**20:.0f}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    return described | {name: found for name in LIBRARIES if (found := _version(name))}


def _first(path: str, pattern: str) -> str:
    """Return what a pattern finds in a file of the system, nothing where there is none."""
    try:
        match = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    except OSError:
        return ""
    return match[1].strip() if match else ""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
