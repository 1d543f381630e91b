"""A large library and everyday questions: how well and how fast the search answers them.

    python benchmarks/statutes.py ARTICLES QUESTIONS [--index DIR]

ARTICLES: one JSON object a line, {"id", "law", "date", "group", "article", "text"}, may be packed
with xz; QUESTIONS: {"query", "relevant": [ids]}. Every article becomes an entry of kind rule; no
part of the library is needed. Prints nDCG@10 and the times of building and of searching.
"""

import argparse
import json
import lzma
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from indexer.evaluate import Case, evaluate
from indexer.index import Index, open_index
from indexer.loader import Entry, Library
from indexer.params import SearchParams
from indexer.policy import Policy
from indexer.query import rank, search
from indexer.suggest import suggest
from indexer.writing import build_index

DAY = date(2026, 11, 24)
# What the corpus calls its groups: who issued the text, and the place where it holds.
ISSUERS = {"司法解释": "最高人民法院", "行政法规": "国务院", "部门规章": "国务院部门"}
PLACES = {"上海": "上海市", "北京": "北京市", "重庆": "重庆市"}
PLACE = re.compile(r"^.{1,9}?(?:省|自治区|市|自治州|自治县|县|区)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("articles", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--index", type=Path, help="keep the index here and use it again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.index or Path(folder) / "index"
        if not (path.is_dir() and any(path.iterdir())):
            started = time.perf_counter()
            library = Library(path, tuple(read_entries(options.articles)))
            read = time.perf_counter()
            build_index(library, path)
            print(f"entries  {len(library.entries)}")
            print(f"read     {read - started:.1f} s, index {time.perf_counter() - read:.1f} s")
            del library
        with open_index(path) as index:
            report(index, [json.loads(line) for line in options.questions.open(encoding="utf-8")])
    return 0


def report(index: Index, questions: list[dict[str, Any]]) -> None:
    cases = [Case(q["query"], slug, 1) for q in questions for slug in q["relevant"]]
    measured = evaluate(index, cases, DAY)
    print(f"questions {measured.overall.queries}, nDCG@10 {measured.overall.ndcg_at_10:.4f}")
    texts = [question["query"] for question in questions]
    kinds: dict[str, Callable[[str], object]] = {
        "ranking (read, correct, score, top 10)": lambda text: rank(index, text, DAY, 10),
        "whole answer (facets, snippets)": lambda text: search(index, SearchParams(q=text), DAY),
        "suggestions": lambda text: suggest(index, text[:4]),
    }
    for name, ask in kinds.items():
        ask(texts[0])
        p50, p95 = np.percentile([milliseconds(ask, text) for text in texts], [50, 95])
        print(f"{name}: p50 {p50:.2f} ms, p95 {p95:.2f} ms")


def milliseconds(ask: Callable[[str], object], text: str) -> float:
    started = time.perf_counter()
    ask(text)
    return (time.perf_counter() - started) * 1000


def read_entries(path: Path) -> Iterator[Entry]:
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield entry_of(json.loads(line))


def entry_of(article: dict[str, Any]) -> Entry:
    group = article["group"]
    place = group.removesuffix("地方法规") if group.endswith("地方法规") else None
    summary = re.split("[。；\n]", article["text"])[0][:100]
    policy = Policy.model_validate(
        {
            "slug": article["id"],
            "title": f"{article['law']}{article['article']}"[:120],
            "kind": "rule",
            "audience": ["citizen", "enterprise"],
            "topic": ["办事规则"],
            "level": "province" if place else "national",
            "region": [region_of(article["law"], place)] if place else [],
            "issuer": f"{place}人大常委会" if place else ISSUERS.get(group, "全国人民代表大会"),
            "summary": summary if len(summary) >= 5 else f"{article['law']}：{summary}",
            "documents": [{"title": article["law"][:100]}],
            "sources": [{"title": article["law"][:100], "doc_number": article["law"][:40]}],
            "effective": article["date"],
            "reviewed": DAY.isoformat(),
            "body": article["text"],
        }
    )
    digest = blake2b(policy.model_dump_json().encode(), digest_size=16).hexdigest()
    return Entry(policy=policy, path=f"{policy.slug}.md", digest=digest)


def region_of(law: str, province: str) -> str:
    """Return where a local rule holds: the place that its title begins with, or the province."""
    named = PLACE.match(law)
    return named[0] if named else PLACES.get(province, f"{province}省")


if __name__ == "__main__":
    raise SystemExit(main())
