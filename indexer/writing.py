"""Writing the index (建索引): what has changed is analysed, and all is published in one step.

Content and arrays are in place before Whoosh commits, so that Whoosh's table of contents, renamed
in one step, publishes all. A build that is killed leaves the old generation whole.
"""

# mypy: disable-error-code="no-untyped-call"
# Whoosh is typed only in part.

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from whoosh.fields import ID, STORED, TEXT, Schema
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC, FileIndex, LockError
from whoosh.writing import CLEAR, MERGE_SMALL

from indexer import analysis, pinyin
from indexer.analysis import WordTokenizer
from indexer.cards import card_of, record_of, rule_of, url_of
from indexer.content import CHUNK, WORTH_PROCESSES, Content, Documents
from indexer.corpus import Fresh, begin, renew
from indexer.generation import NO_COMMIT
from indexer.generation import save as save_generation
from indexer.index import NAME, TOC_FILE, Index, generation_of, newest
from indexer.loader import Entry, Library
from indexer.moved import Move
from indexer.parallel import beside, ignore, part_of
from indexer.policy import Policy
from indexer.revisions import last_commits
from indexer.segment import BulkWriter, documents_of
from indexer.texts import FIELDS, texts_of

LOCK_SECONDS = 120.0
ANALYSIS = 0.6  # of the time to build
# What the files depend on besides the entries: a change of any of these starts the index afresh.
SOURCES = (
    "policy.py",
    "analysis.py",
    "pinyin.py",
    "texts.py",
    "arrays.py",
    "cards.py",
    "facts.py",
    "phrases.py",
    "content.py",
    "corpus.py",
    "generation.py",
    "index.py",
    "segment.py",
    "writing.py",
    "ranking.py",
    "lexicon/words.txt",
    "lexicon/topics.yml",
    "lexicon/regions.yml",
)

_ARRAYS = re.compile(r"^arrays-(\d+)$")
_CONTENT = re.compile(r"^content-\d+$")
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
            generation = _write(path, previous, changes, progress, wait)
        finally:
            if previous is not None:
                previous.close()
        _clean(path)
        return changes.report(generation)


def warm_up() -> None:
    """Load what every build needs now, so that the first one is as quick as those after it."""
    analysis.warm_up()
    pinyin.warm_up()


@dataclass(frozen=True)
class _Changes:
    """How the library differs from the index: the rows to write, and slugs to take out."""

    entries: tuple[Entry, ...]
    slugs: list[str]  # of the entries; read once, since 150,000 take a while
    digests: list[str]
    commits: list[str]
    fresh: tuple[int, ...]
    outdated: tuple[str, ...]
    added: int
    removed: int
    committed: bool
    moves: tuple[Move, ...]
    moved: bool

    @property
    def any(self) -> bool:
        return bool(self.fresh or self.outdated or self.committed or self.moved)

    def report(self, generation: int) -> BuildReport:
        total, written = len(self.entries), len(self.fresh)
        changed = written - self.added
        return BuildReport(total, self.added, changed, self.removed, total - written, generation)


def _compare(library: Library, previous: Index | None) -> _Changes:
    entries = library.entries
    slugs = [entry.policy.slug for entry in entries]
    digests = [entry.digest for entry in entries]
    known = dict(zip(previous.slugs, previous.digests, strict=True)) if previous else {}
    present = dict(zip(slugs, digests, strict=True))
    fresh = tuple(row for row, slug in enumerate(slugs) if known.get(slug) != digests[row])
    outdated = tuple(slug for slug, digest in known.items() if present.get(slug) != digest)
    removed = sum(slug not in present for slug in outdated)
    added = sum(slugs[row] not in known for row in fresh)
    last = last_commits(library.root)
    commits = [last.get(entry.path, NO_COMMIT) for entry in entries]
    committed = previous is not None and previous.commits != commits
    moved = previous is not None and previous.moves != library.moves
    return _Changes(
        *(entries, slugs, digests, commits, fresh, outdated, added, removed, committed),
        *(library.moves, moved),
    )


def _write(
    path: Path,
    previous: Index | None,
    changes: _Changes,
    progress: Callable[[int, int], None] | None,
    wait: float,
) -> int:
    """Write the next generation: content and arrays first, then Whoosh, whose commit publishes."""
    writer = _open_writer(path, wait)
    try:
        policies = [changes.entries[row].policy for row in changes.fresh]
        tell = _teller(progress, len(policies))
        content, words = _analyse(policies, part_of(tell, 0.0, ANALYSIS))
        fresh = Fresh(np.array(changes.fresh, np.int64), policies, content)
        stored = [_stored_of(changes.entries[row]) for row in changes.fresh]
        save = partial(_save, path, previous, changes, fresh, writer.generation)
        with beside(save, apart=len(policies) >= WORTH_PROCESSES):
            if previous is None:
                writer.add_content(content, words, stored, part_of(tell, ANALYSIS, 0.99))
            else:
                for slug in changes.outdated:
                    writer.delete_by_term("slug", slug)
                for fields, values in zip(documents_of(content, words), stored, strict=True):
                    writer.add_document(**fields, **values)
        tell(1.0)
        generation: int = writer.generation
        writer.commit(mergetype=CLEAR if previous is None else MERGE_SMALL)
    except BaseException:
        if not writer.is_closed:
            writer.cancel()
        raise
    return generation


def _teller(progress: Callable[[int, int], None] | None, total: int) -> Callable[[float], None]:
    """Return what tells the share that is done as a number of documents."""
    if progress is None:
        return ignore
    return lambda share: progress(round(share * total), total)


def _analyse(policies: list[Policy], tell: Callable[[float], None]) -> tuple[Content, list[str]]:
    documents = Documents(len(policies))
    try:
        for number, policy in enumerate(policies):
            documents.add(
                tuple(texts_of(policy).values()),
                card=card_of(policy),
                rule=rule_of(policy),
                record=record_of(policy),
            )
            if number % CHUNK == 0:
                tell(number / len(policies) / 2)
        return documents.finish(part_of(tell, 0.5, 1.0))
    finally:
        documents.stop()


def _stored_of(entry: Entry) -> dict[str, str]:
    """Return what Whoosh stores of an entry; its whole record is with the content."""
    policy = entry.policy
    return {"slug": policy.slug, "digest": entry.digest, "url": url_of(policy.slug)}


def _save(
    path: Path, previous: Index | None, changes: _Changes, fresh: Fresh, generation: int
) -> None:
    """Write the content and the arrays of a generation."""
    if previous is None:
        corpus, known = begin(fresh), {}
    else:
        new = {slug: row for row, slug in enumerate(changes.slugs)}
        gone = set(changes.outdated)
        moved = [-1 if slug in gone else new[slug] for slug in previous.slugs]
        corpus = renew(previous.corpus, np.array(moved, np.int32), fresh)
        folders = zip(previous.corpus.contents, previous.contents, strict=True)
        known = {id(content): folder for content, folder in folders}
    save_generation(
        corpus,
        changes.slugs,
        changes.digests,
        changes.commits,
        path / f"arrays-{generation}",
        [known.get(id(content), path / f"content-{generation}") for content in corpus.contents],
        _fingerprint(),
        changes.moves,
    )


def _open_writer(path: Path, wait: float) -> BulkWriter:
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
        return BulkWriter(FileIndex(storage, schema=_schema()), timeout=wait)
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
        _look_at_segments(path)
    except Exception:  # a damaged index fails in many ways, and building anew mends them all
        return None
    if previous.fingerprint != _fingerprint():
        previous.close()
        return None
    return previous


def _look_at_segments(path: Path) -> None:
    """Open and close each of Whoosh's segments, which the index itself does without."""
    storage = FileStorage(str(path))
    for segment in TOC.read(storage, NAME).segments:
        segment.open_compound_file(storage).close()


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
        url=STORED,
        **dict.fromkeys(FIELDS, text),
    )


def _clean(path: Path) -> None:
    """Remove what killed builds left, and all that the last two generations do not use."""
    names = os.listdir(path)  # noqa: PTH208
    latest = newest(names, TOC_FILE)
    numbers = {int(match[1]) for name in names if (match := _ARRAYS.match(name))}
    published = sorted(number for number in numbers if latest is not None and number <= latest)
    kept = {f"arrays-{number}" for number in published[-2:]}
    used = {content for name in kept for content in _contents_of(path / name)}
    unused = [name for name in names if _ARRAYS.match(name) and name not in kept]
    unused += [name for name in names if _CONTENT.match(name) and name not in used]
    for name in [*unused, *filter(_LEFTOVER.match, names)]:
        _remove(path / name)


def _contents_of(arrays: Path) -> list[str]:
    """Return the names of the folders with the content of a generation."""
    try:
        names: list[str] = json.loads((arrays / "meta.json").read_text("utf-8"))["contents"]
    except (OSError, ValueError, KeyError):  # damaged, and so to be built anew
        return []
    return names


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)  # Windows keeps what is still open
    else:
        with suppress(OSError):
            path.unlink()


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
