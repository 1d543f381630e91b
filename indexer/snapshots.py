"""Snapshots (某一时刻的政策库): the library at a commit or as it is, and which entries differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError
from pathlib import Path, PurePosixPath
from typing import Any

from rapidfuzz import fuzz

from indexer.bundles import plan_bundle
from indexer.changes import Change, Turn, compare_files, title_of
from indexer.formulas import FormulaError, read_estimate
from indexer.library import Library
from indexer.loader import SKIPPED_FILES, SKIPPED_FOLDERS, inspect_library
from indexer.policy import Policy
from indexer.problems import Problem
from indexer.revisions import blob_id, blobs_of, find_commit, read_blobs, repository_of

SAME = 80.0  # of 100: a file that has so much of one that is gone is that file under a new name
TITLES = 50.0  # of 100
MOST_PAIRS = 400  # that are compared to find it


class Fate(StrEnum):
    """What became of an entry."""

    NEW = "new"
    CHANGED = "changed"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"


FATES = {Fate.NEW: "新增", Fate.CHANGED: "改动", Fate.MOVED: "改名或移动", Fate.WITHDRAWN: "撤下"}


@dataclass(frozen=True)
class Snapshot:
    """The library at one moment: what could be loaded, what could not, and the bytes of all files.

    `files` are by their paths below the root; `name` is what a reader calls the moment.
    """

    name: str
    library: Library
    problems: tuple[Problem, ...]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class EntryChange:
    """One entry that is not as it was: what became of it, and what is different in it."""

    slug: str
    title: str
    fate: Fate
    old_path: str
    new_path: str
    changes: tuple[Change, ...] = ()

    @property
    def old_slug(self) -> str:
        """The name that the entry had before."""
        return slug_of(self.old_path)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return {
            "slug": self.slug,
            "title": self.title,
            "fate": self.fate,
            "old_path": self.old_path or None,
            "new_path": self.new_path or None,
            "changes": [change.to_dict() for change in self.changes],
        }


def is_entry_path(path: str) -> bool:
    """Tell whether a path below the root of a library is that of an entry."""
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") for part in parts)
    apart = set(parts[:-1]) & SKIPPED_FOLDERS or parts[-1] in SKIPPED_FILES
    return path.lower().endswith(".md") and not hidden and not apart


def slug_of(path: str) -> str:
    """Return the name of the entry that stands in a file."""
    return PurePosixPath(path).stem


def take_present(policies: Path) -> Snapshot:
    """Return the library as it is, whether that is committed or not."""
    library, problems = inspect_library(policies)
    library = _workable(library)
    paths = (path for path in policies.rglob("*") if path.is_file())
    names = {path.relative_to(policies).as_posix(): path for path in sorted(paths)}
    files = {name: path.read_bytes() for name, path in names.items() if is_entry_path(name)}
    return Snapshot("现在的文件", library, problems, files)


def take_past(policies: Path, revision: str, folder: Path) -> Snapshot:
    """Return the library as it was at a revision, put into `folder`; raise UnknownRevision."""
    commit = find_commit(policies, revision)
    repository = repository_of(policies)
    base = policies.resolve().relative_to(repository.resolve()).as_posix()
    blobs = blobs_of(repository, commit.id, [base])
    lead = "" if base == "." else f"{base}/"
    wanted = {name.removeprefix(lead): id_ for name, id_ in blobs.items()}
    wanted = {name: id_ for name, id_ in wanted.items() if is_entry_path(name)}
    data = read_blobs(repository, sorted(set(wanted.values())))
    files = {name: data[id_] for name, id_ in wanted.items()}
    root = folder / (policies.resolve().name or "policies")
    root.mkdir(parents=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    library, problems = inspect_library(root)
    name = f"{commit.id[:10]}（{commit.day}）"
    return Snapshot(name, _workable(library), problems, files)


def _workable(library: Library) -> Library:
    """Return a library less the entries with mistakes that keep them from being worked out.

    Those are told among the problems; their files are compared all the same.
    """
    entries = {
        entry.policy.slug: entry for entry in library.entries if _can_be_worked_out(entry.policy)
    }
    return Library(library.root, tuple(entries.values()))


def _can_be_worked_out(policy: Policy) -> bool:
    try:
        plan_bundle(policy, lambda slug: None)
        for estimate in (row for benefit in policy.benefits for row in benefit.estimate):
            read_estimate(estimate.formula, estimate.only_if)
    except (CycleError, KeyError, FormulaError):
        return False
    return True


def compare_snapshots(before: Snapshot, after: Snapshot) -> tuple[EntryChange, ...]:
    """Return every entry that is new, changed, moved or withdrawn, by slug."""
    old, new = _by_slug(before), _by_slug(after)
    gone = {slug: before.files[old[slug]] for slug in sorted(old.keys() - new.keys())}
    fresh = {slug: after.files[new[slug]] for slug in sorted(new.keys() - old.keys())}
    moves = dict(_find_moves(dict(gone), dict(fresh)))
    found = [
        _changed(old[slug], new[slug], before, after)
        for slug in sorted(old.keys() & new.keys())
        if old[slug] != new[slug] or _differ(before.files[old[slug]], after.files[new[slug]])
    ]
    found += [_changed(old[moves[slug]], new[slug], before, after) for slug in moves]
    for slug in fresh.keys() - moves.keys():
        found.append(EntryChange(slug, title_of(fresh[slug], slug), Fate.NEW, "", new[slug]))
    for slug in gone.keys() - set(moves.values()):
        found.append(EntryChange(slug, title_of(gone[slug], slug), Fate.WITHDRAWN, old[slug], ""))
    return tuple(sorted(found, key=lambda entry: entry.slug))


def _by_slug(snapshot: Snapshot) -> dict[str, str]:
    return {slug_of(path): path for path in snapshot.files}


def _differ(before: bytes, after: bytes) -> bool:
    return before != after and blob_id(before) != blob_id(after)


def _changed(old_path: str, new_path: str, before: Snapshot, after: Snapshot) -> EntryChange:
    old, new = before.files[old_path], after.files[new_path]
    slug = slug_of(new_path)
    fate = Fate.CHANGED if old_path == new_path else Fate.MOVED
    changes = (*compare_files(old, new), *_notes_changed(slug_of(old_path), slug, before, after))
    return EntryChange(slug, title_of(new, slug), fate, old_path, new_path, changes)


def _notes_changed(old_slug: str, slug: str, before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """Yield that the internal note is another one, and not a word of it."""
    old, new = before.library.by_slug.get(old_slug), after.library.by_slug.get(slug)
    if old and new and old.policy.internal != new.policy.internal:
        was, is_ = ("有" if entry.policy.internal else "没有" for entry in (old, new))
        words = (was, is_) if was != is_ else ("旧的", "新的（内容只在单位内部看）")
        yield Change("internal", "内部备注", Turn.CHANGED, *words, quiet=True)


def _find_moves(gone: dict[str, bytes], fresh: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield the new name and the old one of each entry that goes by another name now.

    The same bytes or the same title settle it; else most of the text must be the same.
    """
    for same in (lambda data: data, lambda data: title_of(data, "")):
        by_mark = {same(data): slug for slug, data in gone.items()}
        for slug, data in list(fresh.items()):
            old = by_mark.pop(same(data), None) if same(data) else None
            if old is not None:
                del gone[old], fresh[slug]
                yield slug, old
    if len(gone) * len(fresh) > MOST_PAIRS:
        return
    for slug, data in fresh.items():
        likeness = {name: _likeness(was, data) for name, was in gone.items()}
        best = max(likeness, key=lambda name: likeness[name], default=None)
        if best is not None and likeness[best] >= SAME:
            del gone[best]
            yield slug, best


def _likeness(before: bytes, after: bytes) -> float:
    """Return how much of 100 two files share; little where even their titles are not alike.

    Short entries share most of their lines whatever they are about.
    """
    titles = fuzz.ratio(title_of(before, ""), title_of(after, ""))
    return fuzz.ratio(before, after) if titles >= TITLES else 0.0
