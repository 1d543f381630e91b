"""A set of changes (一批改动): several files that change together, all of them or none.

Before anything is touched the old files are kept in a folder of their own, and the new ones lie
written beside their places; what remains is renaming. Whatever stops that, even a power cut, leaves
the folder, from which the old state is put back.
"""

import difflib
import glob
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from indexer.entryfile import stage_file
from indexer.problems import Problem

JOURNAL = ".unfinished"  # a folder in the library, there only while a change is being written
CUT_OFF = "上次改名或撤下没有写完就断了。请运行 policykb rename --restore，恢复到改以前的样子。"
_LIST = "files.json"


@dataclass(frozen=True)
class Change:
    """One file: its text before and after; None where there is no file."""

    path: Path
    before: str | None
    after: str | None


def diff(before: str, after: str, old: str, new: str) -> str:
    """Return what changes between two texts, as `diff -u` shows it, under the names of files."""
    one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    lines = difflib.unified_diff(one, other, old, new, n=1)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


class NotWritten(Exception):
    """A set of changes of which nothing was written, or everything was put back, and why."""


def apply_changes(changes: Sequence[Change], root: Path) -> None:
    """Write all changes; raise NotWritten, with every file as it was, if one cannot be written."""
    journal = root / JOURNAL
    with _alone(journal):
        if (journal / _LIST).exists():
            raise NotWritten(CUT_OFF)
        _compare(changes)
        staged: dict[Path, Path] = {}
        try:
            _keep(changes, journal)
            for change in changes:
                if change.after is not None:
                    staged[change.path] = stage_file(change.path, change.after)
            for change in changes:
                if change.path in staged:
                    staged[change.path].replace(change.path)
                else:
                    change.path.unlink()
            (journal / _LIST).unlink()
        except BaseException as error:
            _put_back(journal)
            if isinstance(error, OSError):
                where = error.filename2 or error.filename or "文件"
                message = f"写不了 {where}（{error.strerror}），什么都没有改；请解决后再来。"
                raise NotWritten(message) from None
            raise
        finally:
            for path in staged.values():
                path.unlink(missing_ok=True)


def recover(root: Path) -> int:
    """Put back what a change that was cut off had begun to write; return how many files."""
    journal = root / JOURNAL
    if not (journal / _LIST).is_file():
        return 0
    with _alone(journal):
        return _put_back(journal)


def check_unfinished(root: Path, prefix: str) -> Iterator[Problem]:
    """Yield the problem that a change was cut off half-way."""
    if (root / JOURNAL / _LIST).is_file():
        yield Problem(f"{prefix}{JOURNAL}", 1, "", CUT_OFF)


def _compare(changes: Iterable[Change]) -> None:
    """Refuse if somebody has changed a file since it was read."""
    for change in changes:
        try:
            present = change.path.read_bytes().decode() if change.path.exists() else None
        except (OSError, UnicodeDecodeError):
            present = ""
        if present != change.before:
            raise NotWritten(f"{change.path} 刚刚被人改过，什么都没有写；请再运行一次。")


def _keep(changes: Iterable[Change], journal: Path) -> None:
    """Keep the old files and, last, the list that makes them count."""
    rows = []
    for number, change in enumerate(changes):
        kept = None
        if change.before is not None:
            kept = f"{number:06}"
            shutil.copy2(change.path, journal / kept)
        rows.append({"path": str(change.path.resolve()), "kept": kept})
    part = journal / f"{_LIST}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(rows, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    part.replace(journal / _LIST)


def _put_back(journal: Path) -> int:
    """Put the kept files back by renaming, for which even a full disk has room."""
    listed = journal / _LIST
    if not listed.is_file():  # nothing had been touched
        return 0
    rows = json.loads(listed.read_text(encoding="utf-8"))
    for row in rows:
        path = Path(row["path"])
        for staged in path.parent.glob(f".{glob.escape(path.name)}.????????"):
            staged.unlink(missing_ok=True)
        if row["kept"] is None:
            _remove_new(path)
        elif (journal / row["kept"]).exists():
            try:
                (journal / row["kept"]).replace(path)
            except OSError as error:
                raise NotWritten(
                    f"恢复不了 {path}（{error.strerror}）。原来的内容在 {journal} 里；"
                    "解决以后运行 policykb rename --restore。"
                ) from None
    listed.unlink()
    return len(rows)


def _remove_new(path: Path) -> None:
    """Remove a file that was not there before; a folder in its place is not ours."""
    if path.is_file():
        path.unlink()


@contextmanager
def _alone(journal: Path) -> Iterator[None]:
    """Hold the folder of the old files: one change at a time, and none on top of half of one."""
    lock = FileLock(journal / "lock", timeout=0)
    try:
        journal.mkdir(exist_ok=True)
        lock.acquire()
        if not (journal / "lock").exists():  # another has just finished and cleared up
            lock.release()
            raise Timeout(lock.lock_file)
    except Timeout:
        raise NotWritten("另一个改名或撤下正在进行，请等它做完再来。") from None
    except OSError as error:
        raise NotWritten(f"写不了 {journal.parent}（{error.strerror}），什么都没有改。") from None
    try:
        yield
    finally:
        if not (journal / _LIST).exists():
            with suppress(OSError):
                shutil.rmtree(journal)
        lock.release()
