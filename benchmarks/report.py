"""The report (报告): a table to read, and a plot of what size costs."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from corpora import FILTERED, KINDS, ONE, PHRASE, QUESTION, TWO
from rich.cells import cell_len

KIND_NAMES = {
    ONE: "一个词",
    TWO: "两个词",
    QUESTION: "日常问题",
    PHRASE: "词组",
    FILTERED: "问题加筛选",
}
HEAD = ("条数", "引擎", "建 秒", "索引 MB", "建时 MB", "打开 ms", "首答 ms", "查时 MB")
NOTES = (
    "各列：每类查询是 p50 / p95 / p99 毫秒，括号里是前十名和参照的重合；“—”是不测或做不到。",
    "参照是 Whoosh，没有测它就用 tantivy。bm25s 没有词组，头一次回答以前要编译。",
    "建时、查时 MB 是在已经读入的东西以外多占的内存。",
    "政策库的建索引从条目开始，切词、存档都算；别的引擎拿到的是切好的词。",
)
# Two ways of asking that do the same: ours, and the one it is held against.
COMPARED = (("ours-facets", "tantivy-facets"), ("ours-facets", "tantivy-pairs-facets"))
FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",  # the name under which matplotlib finds the file that has all of them
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
)

Results = Mapping[str, Any]


def show(results: Results) -> Iterator[str]:
    """Yield the lines of the report."""
    yield ""
    yield "，".join(f"{name} {value}" for name, value in results["machine"].items())
    yield f"数据：{'条文文件' if results['source'] == 'file' else '生成的'}"
    yield ""
    rows = [
        (f"{int(size):,}", *_cells(row))
        for size, measured in results["sizes"].items()
        for row in measured["engines"].values()
    ]
    yield from _table((*HEAD, *KIND_NAMES.values()), rows)
    yield ""
    yield from NOTES
    yield from (f"略过：{text}" for text in results["skipped"])
    for size, measured in results["sizes"].items():
        yield ""
        yield from (f"{int(size):,} 条：{line}" for line in _beside(measured))
    yield from _growth(results["sizes"])
    yield from (f"不对：{text}" for text in results["complaints"])


def _cells(row: Results) -> tuple[str, ...]:
    kinds = ((row["queries"].get(kind), row["overlap"].get(kind)) for kind in KINDS)
    return (
        row["label"],
        _figure(row["build_s"]),
        _figure(row["index_mb"]),
        _figure(row["build_added_mb"]),
        _figure(row["open_ms"]),
        _figure(row["first_ms"]),
        _figure(row["search_peak_mb"] - row["before_mb"]),
        *(
            f"{_figure(times['p50'])} / {_figure(times['p95'])} / {_figure(times['p99'])}"
            + (f"（{shared:.2f}）" if shared is not None else "")
            if times
            else "—"
            for times, shared in kinds
        ),
    )


def _beside(measured: Results) -> Iterator[str]:
    """Yield what stands beside the table for one size."""
    cut = measured["cutting"]
    yield (
        f"只切词（{cut['segmenter']}）一个进程 {cut['one_process_s']} 秒，"
        f"{cut['cores']} 个进程 {cut['all_cores_s']} 秒。"
    )
    if changes := measured.get("changes"):
        yield (
            f"改一条 {changes['changed_s']} 秒以后查得到，删一条 {changes['removed_s']} 秒，"
            f"改名 {changes['renamed_s']} 秒。"
        )
    for workers, served in measured.get("http", {}).items():
        rates = (
            f"{name}每秒 {served[key]['per_second']:,.0f} 次、p99 {served[key]['p99_ms']} ms"
            for key, name in (("different", "各不相同的查询"), ("repeated", "反复问的"))
        )
        yield f"HTTP，{workers} 个工作进程：{'；'.join(rates)}。"
    engines = measured["engines"]
    for ours, other in COMPARED:
        if ours in engines and other in engines:
            shares = (
                f"{KIND_NAMES[kind]} {_share(engines, ours, other, kind, 'p50')}、"
                f"{_share(engines, ours, other, kind, 'p95')}"
                for kind in KINDS
            )
            label = engines[other]["label"]
            yield f"{engines[ours]['label']}是“{label}”的几倍（p50、p95）：{'；'.join(shares)}。"


def _share(engines: Results, ours: str, other: str, kind: str, name: str) -> str:
    times = [engines[key]["queries"][kind][name] for key in (ours, other)]
    return f"{times[0] / times[1]:.2f}"


def _growth(sizes: Results) -> Iterator[str]:
    """Yield how the median everyday question grows from one size to the next."""
    for before, after in pairwise(sizes):
        times = int(after) / int(before)
        for key, row in sizes[after]["engines"].items():
            if key in ("ours", "ours-facets", "ours-answer") and key in sizes[before]["engines"]:
                was = sizes[before]["engines"][key]["queries"][QUESTION]
                now = row["queries"][QUESTION]
                yield (
                    f"从 {int(before):,} 到 {int(after):,}（{times:.2f} 倍），{row['label']}，"
                    f"日常问题 p50 {now['p50'] / was['p50']:.2f} 倍、"
                    f"p95 {now['p95'] / was['p95']:.2f} 倍。"
                )


def _figure(value: float) -> str:
    """Return a number with as many places as matter."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(cell_len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        padded = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield f"| {' | '.join(padded)} |"


def draw(results: Results, path: Path) -> None:
    """Draw what size costs, if the library for that is there."""
    if find_spec("matplotlib") is None:
        print("没有装 matplotlib，略过图。")
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import font_manager, pyplot

    known = {font.name for font in font_manager.fontManager.ttflist}
    font = next((name for name in FONTS if name in known), None)
    if font is not None:
        pyplot.rcParams["font.family"] = [font, "sans-serif"]
    figure, axes = pyplot.subplots(2, 3, figsize=(17, 9), layout="constrained")
    for axis, (chinese, english, get) in zip(axes.flat, _PANELS, strict=True):
        axis.set_prop_cycle(color=matplotlib.colormaps["tab20"].colors)
        for key, (label, points) in _lines(results["sizes"], get).items():
            ours = key.startswith("ours")
            style = {"linewidth": 2.5 if ours else 1.2, "linestyle": "-" if ours else "--"}
            axis.plot(*zip(*points, strict=True), marker="o", label=label if font else key, **style)
        axis.set(xscale="log", yscale="log", title=chinese if font else english)
        axis.set_xlabel("条数" if font else "documents")
        axis.grid(visible=True, alpha=0.3)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=110)
    print(f"图在 {path}。")


def _timed(kind: str, name: str) -> Any:
    return lambda row: row["queries"].get(kind, {}).get(name)


_PANELS: tuple[tuple[str, str, Any], ...] = (
    ("日常问题 p50，毫秒", "everyday question, p50 ms", _timed(QUESTION, "p50")),
    ("日常问题 p95，毫秒", "everyday question, p95 ms", _timed(QUESTION, "p95")),
    ("问题加筛选 p50，毫秒", "filtered question, p50 ms", _timed(FILTERED, "p50")),
    ("建索引，秒", "building, s", lambda row: row["build_s"]),
    ("索引，MB", "index, MB", lambda row: row["index_mb"]),
    ("打开，毫秒", "opening, ms", lambda row: row["open_ms"]),
)


def _lines(sizes: Results, get: Any) -> dict[str, tuple[str, list[tuple[int, float]]]]:
    """Return, for each engine, its label and its value at each size."""
    lines: dict[str, tuple[str, list[tuple[int, float]]]] = {}
    for size, measured in sizes.items():
        for key, row in measured["engines"].items():
            value = get(row)
            if value is not None:
                lines.setdefault(key, (row["label"], []))[1].append((int(size), value))
    return lines
