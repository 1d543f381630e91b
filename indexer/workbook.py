"""The workbook (Excel 工作簿): what a run found, laid out for people who sort and filter."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from indexer.matching import OUTCOMES, Outcome
from indexer.questions import load_questions
from indexer.results import (
    ALL,
    BY_ENTERPRISE,
    BY_POLICY,
    CHANGES,
    CODE,
    LIKELY,
    LINE,
    MISSING,
    NAME,
    OPEN,
    REJECTS,
    WORKBOOK,
    PolicyCount,
    Summary,
    policies_of,
)

# A sheet can hold 1,048,576 rows, but takes minutes to write and to open with them: what does not
# fit here stands in the CSV files, and the sheet says so.
MAX_ROWS = 50_000
WIDTHS = {LINE: 8, CODE: 22, NAME: 32, "政策": 44, "缺什么": 44, LIKELY: 60, OPEN: 60, "说明": 100}


def write_workbook(
    folder: Path, summary: Summary, changes: pl.DataFrame | None, most: int = MAX_ROWS
) -> None:
    """Write the workbook of a run beside its other files; no sheet has more rows than `most`."""
    book = Workbook(write_only=True)
    everything = pl.scan_parquet(folder / ALL)
    _add(book, "汇总", _summary_rows(summary))
    _add(book, "按政策", *_policy_rows(everything, summary, most))
    _add(book, "按企业", *_enterprise_rows(everything, summary, most))
    _add(book, "缺什么", _missing_rows(summary.policies))
    _add(book, "变化", *_change_rows(changes, summary, most))
    _add(book, "说明", ((line,) for line in ("说明", *_notes(summary))))
    book.save(folder / WORKBOOK)


def _add(book: Any, title: str, rows: Iterable[Sequence[Any]], note: str = "") -> None:
    """Add a sheet: a note if there is one, the names of its columns, and its rows."""
    sheet = book.create_sheet(title)
    rows = iter(rows)
    header = next(rows)
    for place, name in enumerate(header, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = WIDTHS.get(name, 14)
    sheet.freeze_panes = f"A{3 if note else 2}"
    if note:
        sheet.append([note])
    sheet.append([_cell(sheet, name, bold=True) for name in header])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any, bold: bool = False) -> Any:
    """Return a cell; text stays text, whatever it begins with."""
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("", value)
    if not bold and not text.startswith("="):
        return text
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    if bold:
        cell.font, cell.alignment = Font(bold=True), Alignment(vertical="top")
    return cell


def _summary_rows(summary: Summary) -> Iterator[Sequence[Any]]:
    yield ("政策", "条目名", "享受方式", "截止日期", "还剩几天", *OUTCOMES.values(), "说明")
    for count in summary.policies:
        record = count.match.rule.record
        yield (
            count.title,
            count.match.slug,
            record.get("benefit_mode", ""),
            count.match.rule.deadline,
            count.match.days_left,
            *(count.outcomes[outcome] for outcome in Outcome),
            "".join(count.match.reasons),
        )


def _policy_rows(
    everything: pl.LazyFrame, summary: Summary, most: int
) -> tuple[Iterator[Sequence[Any]], str]:
    """Return the enterprises of each policy, the likely ones first, and what is left out."""
    wanted = [
        (count, said, count.outcomes[outcome])
        for outcome, said in ((Outcome.LIKELY, LIKELY), (Outcome.MORE_INFORMATION, OPEN))
        for count in summary.policies
    ]
    shares = share([rows for _, _, rows in wanted[: len(summary.policies)]], most)
    shares += share([rows for _, _, rows in wanted[len(summary.policies) :]], most - sum(shares))
    chosen = {(c.match.slug, said): n for (c, said, _), n in zip(wanted, shares, strict=True)}

    def rows() -> Iterator[Sequence[Any]]:
        yield ("政策", "结果", CODE, NAME, "缺什么", LINE)
        for count in summary.policies:
            for said in (LIKELY, OPEN):
                yield from _rows_of(everything, count, said, chosen[count.match.slug, said])

    total = sum(rows for _, _, rows in wanted)
    where = f"全部在“{BY_POLICY}”文件夹里，一条政策两个文件。"
    note = f"一共 {total} 行，这里列出 {sum(shares)} 行；{where}"
    return rows(), note if sum(shares) < total else ""


def share(wanted: Sequence[int], most: int) -> list[int]:
    """Return how many rows each gets of at most `most`: small ones all, large ones alike."""
    shares = [0] * len(wanted)
    left = most
    for done, place in enumerate(sorted(range(len(wanted)), key=lambda place: wanted[place])):
        shares[place] = min(wanted[place], left // (len(wanted) - done))
        left -= shares[place]
    return shares


def _rows_of(
    everything: pl.LazyFrame, count: PolicyCount, said: str, rows: int
) -> Iterator[Sequence[Any]]:
    if not rows:
        return
    slug = count.match.slug
    chosen = everything.filter(pl.col(slug) == said).head(rows)
    frame = chosen.select(CODE, NAME, f"{slug}{MISSING}", LINE).collect()
    yield from ((count.title, said, *row) for row in frame.iter_rows())


def _enterprise_rows(
    everything: pl.LazyFrame, summary: Summary, most: int
) -> tuple[Iterator[Sequence[Any]], str]:
    frame = everything.head(most).collect()
    kept = [c.name for c, _ in summary.columns if c.use == "kept"]
    about = frame.select(LINE, CODE, NAME, *kept)
    policies = (policies_of(summary.policies, said) for said in (LIKELY, OPEN))
    rows = about.hstack(frame.select(column for columns in policies for column in columns))
    note = f"一共 {summary.judged} 家，这里列出前 {len(rows)} 家；全部在“{BY_ENTERPRISE}”里。"
    return _with_header(rows), note if len(rows) < summary.judged else ""


def _with_header(frame: pl.DataFrame) -> Iterator[Sequence[Any]]:
    yield frame.columns
    yield from frame.iter_rows()


def _missing_rows(policies: Sequence[PolicyCount]) -> Iterator[Sequence[Any]]:
    """Yield what to find out, for all policies together and for each, the most wanted first."""
    by_key = load_questions().by_key
    waiting: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    each: list[tuple[str, str, int, int]] = []
    for count in policies:
        here: Counter[str] = Counter()
        for keys, rows in count.missing.items():
            here.update(dict.fromkeys(keys, rows))
        only = {keys[0]: rows for keys, rows in count.missing.items() if len(keys) == 1}
        waiting.update(here)
        alone.update(only)
        each += [(count.title, key, rows, only.get(key, 0)) for key, rows in here.most_common()]
    yield ("政策", "问题", "等这一项的", "只差这一项的", "怎么问")
    together = [("全部政策合计", key, rows, alone[key]) for key, rows in waiting.most_common()]
    for policy, key, rows, only_rows in (*together, *each):
        yield (policy, by_key[key].label, rows, only_rows, by_key[key].question)


def _change_rows(
    changes: pl.DataFrame | None, summary: Summary, most: int
) -> tuple[Iterator[Sequence[Any]], str]:
    if changes is None:
        return iter([("这个文件夹里没有上次的结果，下次运行时和这次比。",)]), ""
    rows = _with_header(changes.head(most))
    note = f"一共 {len(changes)} 行，这里列出前 {most} 行；全部在“{CHANGES}”里。"
    told = f"和按 {summary.compared_with} 判断的上次比。"
    return rows, told + (note if len(changes) > most else "")


def _notes(summary: Summary) -> Iterator[str]:
    yield f"名单 {summary.table}，按 {summary.as_of} 判断。结果仅供参考，以受理部门审核为准。"
    yield (
        f"读到 {summary.read} 行：判断了 {summary.judged} 行，{summary.rejected} 行读不出来，"
        f"在 {REJECTS} 里，写明行号、哪一列、为什么。"
    )
    yield "一格读不出来，这一行就不判断：少一个回答，可能把不符合的说成符合。"
    if summary.repeated:
        same = "代码相同；没有代码的，名称相同"
        yield f"有 {summary.repeated} 行和前面的行是同一家（{same}），都判断了。"
    if summary.nameless:
        yield f"有 {summary.nameless} 行没有代码也没有名称，只能按行号找，也不能和上次比。"
    yield from summary.told
    yield f"“{LIKELY}”：能用提问核对的条件都符合。"
    yield f"“{OPEN}”：还差哪些回答，或者为什么现在还定不了，见“缺什么”。"
    yield f"政策栏只列 {summary.as_of} 有效的惠企惠民政策；没有列在一家企业名下的，是不符合的。"
    yield (
        f"每张表最多 {MAX_ROWS} 行，多了打开很慢。全部结果：{BY_POLICY}/（一条政策两个 CSV）、"
        f"{BY_ENTERPRISE}（一家一行，每条政策一列：✔ {LIKELY}、？ {OPEN}、✘ 不符合）、"
        f"{ALL}（一家一行，一条政策两列，给程序用）。"
    )
    yield f"再次运行时和 {ALL} 里的结果比，先认统一社会信用代码，没有的认名称；要保留，请不要删。"
    for column, tally in summary.columns:
        if column.question is not None and tally is not None:
            unit = f"（按{column.unit}）" if column.unit else ""
            yield f"{column} → {column.question.label}{unit}，填了 {tally.filled} 格。"
