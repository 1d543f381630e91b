"""How long it takes to load and check many entries, beside the cost of parsing their YAML alone."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import yaml

from indexer.loader import Readings, inspect_library

Result = TypeVar("Result")

POLICIES = Path(__file__).resolve().parent.parent / "policies"
# The fields that name other entries.
LINKED = ("related", "based_on", "supersedes", "superseded_by", "amends", "repeals", "bundle")


def main() -> None:
    parser = argparse.ArgumentParser(description="测量读入并核查条目要多久")
    parser.add_argument("--entries", type=int, default=10_000, help="多少个条目")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "policies"
        size = make_entries(root, options.entries)
        files = sorted(root.glob("*.md"))
        _, reading = timed(lambda: [file.read_bytes() for file in files])
        _, parsing = timed(lambda: [parse_only(file) for file in files])
        known: Readings = {}
        (library, problems), loading = timed(lambda: inspect_library(root, known=known))
        files[0].write_bytes(files[0].read_bytes() + "\n改了一处。\n".encode())
        _, again = timed(lambda: inspect_library(root, known=known))
    if len(library.entries) != options.entries or problems:
        raise SystemExit(f"造出来的条目有问题：{[str(problem) for problem in problems[:5]]}")
    print(f"{options.entries} 个条目，共 {size / 1e6:.1f} MB")
    rows = (
        ("只读文件", reading),
        ("只解析 YAML（yaml.CSafeLoader）", parsing),
        ("读入并核查（inspect_library）", loading),
        ("改了一条，再读一遍（--watch）", again),
    )
    for name, seconds in rows:
        each = seconds / options.entries * 1000
        print(
            f"{name}：{seconds:.2f} 秒，每条 {each:.2f} 毫秒，是解析的 {seconds / parsing:.2f} 倍"
        )


def make_entries(root: Path, count: int) -> int:
    """Write copies of the real entries under new names, relations within each copy; return bytes.

    A copy of the whole library keeps its links: every slug of copy 7 ends in `-7`.
    """
    originals = sorted(path for path in POLICIES.glob("*/*.md") if path.parent.name != "templates")
    slugs = sorted((path.stem for path in originals), key=len, reverse=True)
    root.mkdir()
    size = 0
    for number in range(count):
        original = originals[number % len(originals)]
        copy = number // len(originals)
        text = original.read_text(encoding="utf-8")
        head, _, body = text.removeprefix("---\n").partition("\n---\n")
        values = yaml.load(head, Loader=yaml.CBaseLoader)
        for name in LINKED:
            values.pop(name, None)  # the last copy may be cut short
        values.pop("doc_number", None)
        for slug in slugs:
            body = body.replace(f"]({slug}.md", f"]({original.stem}-{copy}.md")
        front = yaml.dump(values, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
        data = f"---\n{front}---\n{body}".encode()
        (root / f"{original.stem}-{copy}.md").write_bytes(data)
        size += len(data)
    return size


def parse_only(file: Path) -> Any:
    """Parse the front matter of one file and do nothing with it."""
    head = file.read_text(encoding="utf-8").removeprefix("---\n").partition("\n---\n")[0]
    return yaml.load(head, Loader=yaml.CSafeLoader)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    started = perf_counter()
    result = work()
    return result, perf_counter() - started


if __name__ == "__main__":
    main()
