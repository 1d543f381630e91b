"""Reads (阅读次数): how often entries were read, from a table or from what the service counted."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from indexer.policy import SLUG_PATTERN
from indexer.problems import shown

METRIC = "policykb_entry_reads"
LARGEST = 64 * 2**20  # bytes
NAMED_AT_ONCE = 5  # mistakes in one message


class ReadsError(Exception):
    """A table of reads that cannot be understood; a mistake a line."""


def read_reads(path: Path) -> dict[str, int]:
    """Return how often each entry was read.

    The file is a CSV with the columns slug and reads, or what the service answers at /metrics.
    """
    text = _text_of(path)
    if re.match(r"\s*(?:# (?:HELP|TYPE) |policykb_)", text):
        return dict(_from_metrics(text, path))
    return _from_table(text, path)


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise ReadsError(f"{path} 太大了，不像阅读次数。")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ReadsError(f"{path} 读不出来：请核对文件名，文件要存成 UTF-8。") from None


def _from_metrics(text: str, path: Path) -> Iterator[tuple[str, int]]:
    from prometheus_client.parser import text_string_to_metric_families  # few need it

    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples if family.name == METRIC else ():
                yield sample.labels["slug"], int(sample.value)
    except (ValueError, KeyError, OverflowError):
        raise ReadsError(f"{path} 不像服务的 /metrics，请重新存一份。") from None


def _from_table(text: str, path: Path) -> dict[str, int]:
    rows = csv.DictReader(text.splitlines())
    names = [name.strip() for name in rows.fieldnames or ()]
    if not {"slug", "reads"} <= set(names):
        seen = ",".join(names)
        raise ReadsError(f"{path}：第一行要写列名 slug,reads，看到的是{shown(seen)}。")
    rows.fieldnames = names
    reads: dict[str, int] = {}
    problems = list[str]()
    for row in rows:
        slug, count = (row["slug"] or "").strip(), (row["reads"] or "").strip()
        if re.fullmatch(SLUG_PATTERN, slug) and re.fullmatch(r"[0-9]{1,15}", count):
            reads[slug] = reads.get(slug, 0) + int(count)
            continue
        seen = f"{slug},{count}"
        expected = "要写条目名和次数，例如 road-excavation,120"
        problems.append(f"{path}:{rows.line_num}：{expected}，看到的是{shown(seen)}。")
    if problems:
        more = len(problems) - NAMED_AT_ONCE
        told = problems[:NAMED_AT_ONCE] + (
            [f"{path}：还有 {more} 行也是这样。"] if more > 0 else []
        )
        raise ReadsError("\n".join(told))
    return reads
