"""Outreach (政策找人): from a list of enterprises to whom to tell of which policy."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from indexer.batch import Judge
from indexer.columns import Column, Reading, Tally, is_known, map_columns
from indexer.matching import Rule
from indexer.policy import Audience
from indexer.results import CHANGES, Results, Summary, column_row, warnings_of
from indexer.tables import Table, TableError, open_table
from indexer.workbook import write_workbook

CHUNK = 50000  # rows at a time; smaller ones cost more time, larger ones more memory


@dataclass(frozen=True)
class Preview:
    """How the columns of a list would be read, as its first rows show (预览)."""

    table: str
    header_line: int
    rows: int
    told: tuple[str, ...]
    columns: tuple[tuple[Column, Tally | None], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the preview as JSON values."""
        return {
            "table": self.table,
            "header_line": self.header_line,
            "rows": self.rows,
            "told": list(self.told),
            "columns": [column_row(column, tally) for column, tally in self.columns],
        }


def preview(path: Path, day: date, sheet: str | None, kept: Sequence[str]) -> Preview:
    """Read the first rows of a list, and write nothing."""
    with _open(path, day, sheet, kept) as (table, reading):
        for chunk in table.chunks(CHUNK):
            reading.read(chunk)
            break
        return Preview(
            table.path.name,
            table.header_line,
            reading.rows,
            (*table.told, *warnings_of(reading)),
            tuple((column, reading.tallies.get(column.index)) for column in reading.columns),
        )


def tell_whom(
    path: Path,
    rules: Sequence[Rule],
    day: date,
    out: Path,
    sheet: str | None,
    kept: Sequence[str],
    step: Callable[[int, int], None],
) -> Summary:
    """Judge every row of a list and write all files; none appears in `out` before all are done.

    What changed is found by comparing with the results that `out` holds from last time.
    """
    with _open(path, day, sheet, kept) as (table, reading), _folder_beside(out) as folder:
        judge = Judge(rules, day, () if reading.names_audience else (Audience.ENTERPRISE,))
        results = Results(folder, judge, reading)
        for chunk in table.chunks(CHUNK):
            results.add(*reading.read(chunk))
            done, total = table.progress()
            step(done * 100 // max(total, 1), 100)
        summary, changes = results.finish(table, out)
        write_workbook(folder, summary, changes)
        _move(folder, out, summary.files)
    return summary


@contextmanager
def _open(
    path: Path, day: date, sheet: str | None, kept: Sequence[str]
) -> Iterator[tuple[Table, Reading]]:
    with open_table(path, is_known, sheet) as table:
        yield table, Reading(map_columns(table, kept), day)


@contextmanager
def _folder_beside(out: Path) -> Iterator[Path]:
    """Make a folder on the same disk as another, so that files can be moved there at once."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.exists() and not out.is_dir():
            raise TableError(f"{out}：是一个文件，不是文件夹；请换个位置。")
        folder = tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent)
    except OSError as error:
        raise TableError(f"{out}：写不进去（{error.strerror}），请换个位置。") from None
    with folder as name:
        try:
            yield Path(name)
        except OSError as error:
            raise TableError(
                f"{out}：写不下去（{error.strerror or error}），没有留下结果。"
            ) from None


def _move(folder: Path, out: Path, files: Sequence[str]) -> None:
    """Put the new files in the place of the old ones, or none; what else is there stays."""
    out.mkdir(exist_ok=True)
    old = folder / "old"
    old.mkdir()
    moved: list[tuple[Path, Path]] = []
    for name in dict.fromkeys((CHANGES, *files)):
        for source, target in ((out / name, old / name), (folder / name, out / name)):
            try:
                if source.exists():
                    source.rename(target)
                    moved.append((source, target))
            except OSError:
                for was, now in reversed(moved):
                    now.rename(was)
                message = "换不上新的，可能正打开着；请关上它，再运行一次。"
                raise TableError(f"{out / name}：{message}") from None
