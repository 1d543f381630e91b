"""Writing the index (建索引): what has changed is analysed, and all is published in one step.

The arrays are in place before Whoosh commits, so that Whoosh's table of contents, renamed in one
step, publishes both. A build that is killed leaves the old generation whole.
"""

# mypy: disable-error-code="no-untyped-call"
# Whoosh is typed only in part.

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout
from whoosh.fields import ID, STORED, TEXT, Schema
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC, FileIndex, LockError
from whoosh.writing import CLEAR, MERGE_SMALL, SegmentWriter

from indexer.analysis import WordTokenizer
from indexer.corpus import Corpus
from indexer.index import NAME, TOC_FILE, Index, generation_of, newest
from indexer.loader import Entry, Library
from indexer.texts import FIELDS

LOCK_SECONDS = 120.0
# What the files depend on besides the entries: a change of any of these starts the index afresh.
SOURCES = (
    "policy.py",
    "analysis.py",
    "pinyin.py",
    "texts.py",
    "corpus.py",
    "index.py",
    "writing.py",
    "ranking.py",
    "lexicon/words.txt",
    "lexicon/topics.yml",
    "lexicon/regions.yml",
)

_ARRAYS = re.compile(r"^arrays-(\d+)$")
_LEFTOVER = re.compile(rf"^(?:_{NAME}_\d+\.toc\..+|arrays-.*\.part)$")


class IndexBusy(Exception):
    """Another program is building this index."""


@dataclass(frozen=True)
class BuildReport:
    """What a build did: how many entries, and which generation of the index now holds them."""

    total: int
    added: int
    changed: int
    removed: int
    unchanged: int
    generation: int

    def to_dict(self) -> dict[str, int]:
        """Return the report as JSON values."""
        return asdict(self)


def build_index(
    library: Library,
    path: Path,
    *,
    full: bool = False,
    progress: Callable[[int, int], None] | None = None,
    wait: float = LOCK_SECONDS,
) -> BuildReport:
    """Bring the index up to date with the library: only new and changed entries are analysed."""
    path.mkdir(parents=True, exist_ok=True)
    with _only_builder(path, wait):
        _clean(path)
        previous = None if full else _open_previous(path)
        try:
            changes = _compare(library, previous)
            if previous is not None and not changes.any:
                return changes.report(previous.generation)
            generation = _write(library, path, previous, changes, progress, wait)
        finally:
            if previous is not None:
                previous.close()
        _clean(path)
        return changes.report(generation)


@dataclass(frozen=True)
class _Changes:
    """How the library differs from the index: entries to write, and slugs to take out."""

    fresh: tuple[Entry, ...]
    outdated: tuple[str, ...]
    total: int
    added: int
    removed: int

    @property
    def any(self) -> bool:
        return bool(self.fresh or self.outdated)

    def report(self, generation: int) -> BuildReport:
        written = len(self.fresh)
        unchanged = self.total - written
        changed = written - self.added
        return BuildReport(self.total, self.added, changed, self.removed, unchanged, generation)


def _compare(library: Library, previous: Index | None) -> _Changes:
    known = dict(zip(previous.slugs, previous.digests, strict=True)) if previous else {}
    present = {entry.policy.slug: entry.digest for entry in library.entries}
    fresh = tuple(e for e in library.entries if known.get(e.policy.slug) != e.digest)
    removed = sum(slug not in present for slug in known)
    outdated = tuple(slug for slug, digest in known.items() if present.get(slug) != digest)
    added = sum(entry.policy.slug not in known for entry in fresh)
    return _Changes(fresh, outdated, len(present), added, removed)


def _write(
    library: Library,
    path: Path,
    previous: Index | None,
    changes: _Changes,
    progress: Callable[[int, int], None] | None,
    wait: float,
) -> int:
    """Write the next generation: arrays first, then Whoosh, whose commit publishes both."""
    writer = _open_writer(path, wait)
    try:
        for slug in changes.outdated:
            writer.delete_by_term("slug", slug)
        corpus = Corpus(previous)
        fresh = {entry.policy.slug for entry in changes.fresh}
        written = 0
        for entry in library.entries:
            if entry.policy.slug in fresh:
                writer.add_document(**corpus.analyse(entry))
                written += 1
                if progress is not None:
                    progress(written, len(fresh))
            else:
                corpus.reuse(entry)
        generation: int = writer.generation
        corpus.save(path / f"arrays-{generation}", _fingerprint())
        writer.commit(mergetype=CLEAR if previous is None else MERGE_SMALL)
    except BaseException:
        if not writer.is_closed:
            writer.cancel()
        raise
    return generation


def _open_writer(path: Path, wait: float) -> SegmentWriter:
    """Open Whoosh's writer on what is there, or on nothing if that cannot be read."""
    storage = FileStorage(str(path))
    latest = newest(os.listdir(path), TOC_FILE)  # noqa: PTH208
    if latest is None:
        TOC(_schema(), [], 0).write(storage, NAME)
    else:
        try:
            TOC.read(storage, NAME, schema=_schema())
        except Exception:  # a damaged file fails in many ways, and building anew mends them all
            TOC(_schema(), [], latest + 1).write(storage, NAME)
    try:
        return SegmentWriter(FileIndex(storage, schema=_schema()), timeout=wait)
    except LockError:
        raise IndexBusy(
            f"{path} 正被另一个使用 Whoosh 的程序写入。请等它结束，再运行 policykb index。"
        ) from None


def _open_previous(path: Path) -> Index | None:
    """Open the present generation if a build can go on from it."""
    if generation_of(path) is None:
        return None
    try:
        previous = Index(path)
    except Exception:  # a damaged index fails in many ways, and building anew mends them all
        return None
    if previous.fingerprint != _fingerprint():
        previous.close()
        return None
    return previous


def _fingerprint() -> str:
    """Return a digest of the code, word lists and libraries that made the files."""
    digest = blake2b(digest_size=16)
    for name in SOURCES:
        digest.update((Path(__file__).parent / name).read_bytes())
    for library in ("jieba", "opencc", "pypinyin", "whoosh3"):
        digest.update(version(library).encode())
    return digest.hexdigest()


def _schema() -> Schema:
    text = TEXT(analyzer=WordTokenizer(), phrase=True)
    return Schema(
        slug=ID(unique=True, stored=True),
        digest=STORED,
        record=STORED,
        **dict.fromkeys(FIELDS, text),
    )


def _clean(path: Path) -> None:
    """Remove what killed builds left and all arrays but those of the last two generations."""
    names = os.listdir(path)  # noqa: PTH208
    latest = newest(names, TOC_FILE)
    numbers = {int(match[1]) for name in names if (match := _ARRAYS.match(name))}
    published = sorted(number for number in numbers if latest is not None and number <= latest)
    doomed = [f"arrays-{number}" for number in numbers - set(published[-2:])]
    for name in [*doomed, *filter(_LEFTOVER.match, names)]:
        if (path / name).is_dir():
            shutil.rmtree(path / name, ignore_errors=True)  # Windows keeps what is still open
        else:
            with suppress(OSError):
                (path / name).unlink()


@contextmanager
def _only_builder(path: Path, wait: float) -> Iterator[None]:
    """Hold the lock of the folder; a note beside it tells others who holds it."""
    note = path / ".builder"
    lock = FileLock(path / ".lock", timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        raise IndexBusy(_busy_message(path, note, wait)) from None
    try:
        note.write_text(f"{os.getpid()} {time.strftime('%H:%M')}", encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _busy_message(path: Path, note: Path, wait: float) -> str:
    try:
        number, start = note.read_text(encoding="utf-8").split()
        holder = f"另一个程序（进程号 {number}，{start} 开始）"
    except (OSError, ValueError):
        holder = "另一个程序"
    return (
        f"{path} 正由{holder}更新，等了 {wait:.0f} 秒还没有结束。"
        "请等它做完，再运行一次 policykb index；如果它停住不动了，请先结束那个进程。"
    )
