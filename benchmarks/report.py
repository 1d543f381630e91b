"""The report (报告): a table to read, and a plot of what size costs."""

from collections.abc import Mapping
from typing import Any

from corpora import KINDS
from rich.cells import cell_len

KIND_NAMES = {
    "one": "一个词",
    "two": "两个词",
    "question": "日常问题",
    "phrase": "词组",
    "filtered": "问题加筛选",
}


def print_size(size: int, measured: Mapping[str, Any]) -> None:
    """Print the table of one size."""
    print(f"\n### {size:,} 条\n")
    head = ["引擎", "建 s", "索引 MB", "建时内存 MB", "打开 ms", "查时内存 MB"]
    head += [f"{KIND_NAMES[kind]} p50/p95/p99 ms（重合）" for kind in KINDS]
    rows = [_row(row) for row in measured["engines"].values()]
    widths = [max(cell_len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        print(f"| {' | '.join(cells)} |")


def _row(row: Mapping[str, Any]) -> list[str]:
    cells = [
        row["label"],
        f"{row['build_s']:.1f}",
        f"{row['index_mb']:.0f}",
        f"{row['build_added_mb']:.0f}",
        f"{row['open_ms']:.1f}",
        f"{row['search_peak_mb'] - row['before_mb']:.0f}",
    ]
    for kind in KINDS:
        times, shared = row["queries"].get(kind), row["overlap"].get(kind)
        cells.append(
            f"{times['p50']:.2f}/{times['p95']:.2f}/{times['p99']:.2f}（{shared:.2f}）" if times and shared is not None else "—"
        )
    return cells
