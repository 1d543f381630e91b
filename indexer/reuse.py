"""Reuse (沿用): which files of the present site still hold, so that only the others are made again.

Beside the site stands a record: what each file was made from, and how it then looked. A file holds
if its source reads the same and nobody has touched it since. Links are checked only in pages that
are made, so pages whose links may have broken are made again too.
"""

import json
import os
import platform
import posixpath
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

_MAKERS = ("mkdocs", "mkdocs-material", "jinja2", "markdown", "policykb")
_LINK = re.compile(rb"([\w./-]+\.md)(#)?", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A file below the pages: what is in it, and what its text links to."""

    digest: str
    links: frozenset[str] = frozenset()
    anchored: frozenset[str] = frozenset()  # those of the links that lead to a part of a page


@dataclass(frozen=True)
class Made:
    """A file of the site as it was when it was made, and what from."""

    digest: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Record:
    """How the present site was made."""

    recipe: str
    files: Mapping[str, Made]

    @classmethod
    def read(cls, path: Path) -> "Record":
        """Return what is on record; a record that is missing or broken vouches for nothing."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(data["recipe"], {name: Made(**made) for name, made in data["files"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return cls("", {})

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def read_sources(pages: Path) -> dict[str, Source]:
    """Return every file below the pages by its name."""
    files = sorted(path for path in pages.rglob("*") if path.is_file())
    return {path.relative_to(pages).as_posix(): _read_source(path, pages) for path in files}


def _read_source(path: Path, pages: Path) -> Source:
    data = path.read_bytes()
    digest = blake2b(data, digest_size=16).hexdigest()
    if path.suffix != ".md":
        return Source(digest)
    folder = path.parent.relative_to(pages).as_posix()
    body = data.partition(b"\n---\n")[2]
    links = [
        (posixpath.normpath(posixpath.join(folder, match[1].decode())), bool(match[2]))
        for match in _LINK.finditer(body)
    ]
    return Source(
        digest,
        frozenset(name for name, _ in links),
        frozenset(name for name, anchored in links if anchored),
    )


def recipe_of(root: Path) -> str:
    """Return a mark of everything but the pages that a site is made from."""
    digest = blake2b(digest_size=16)
    for path in (root / "mkdocs.yml", *sorted((root / "site").rglob("*"))):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
            digest.update(blake2b(path.read_bytes()).digest())
    makers = [f"{name} {version(name)}" for name in _MAKERS]
    digest.update("\n".join([platform.python_version(), *makers]).encode())
    return digest.hexdigest()


def still_hold(
    site: Path, pages: Path, sources: Mapping[str, Source], record: Record
) -> Sequence[str]:
    """Return the sources whose files in `site` may stay as they are."""
    same = {name for name in sources if _is_same(site, pages, name, sources[name], record)}
    gone = record.files.keys() - sources.keys()
    targets = {link for name in sources.keys() - same for link in sources[name].anchored}
    return [name for name in same - targets if not _may_break(sources[name], gone, same)]


def _is_same(site: Path, pages: Path, name: str, source: Source, record: Record) -> bool:
    path = site / output_of(name)
    if not path.is_file() or _as_made(path, source) != record.files.get(name):
        return False
    # MkDocs leaves alone what is not older than its source: it must come to the same answer.
    return path.stat().st_mtime >= (pages / name).stat().st_mtime


def _may_break(source: Source, gone: set[str], same: set[str]) -> bool:
    return not gone.isdisjoint(source.links) or not source.anchored <= same


def output_of(name: str) -> str:
    """Return the file of the site that is made from a file below the pages."""
    return f"{name.removesuffix('.md')}.html" if name.endswith(".md") else name


def carry_over(site: Path, fresh: Path, names: Sequence[str]) -> None:
    """Give these files to the new site as well, without copying where the disk allows."""
    for name in map(output_of, names):
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(site / name, target)
        except OSError:  # another disk, or a file system without such links
            shutil.copy2(site / name, target)


def make_record(site: Path, sources: Mapping[str, Source], recipe: str) -> Record:
    """Return how the site looks, just made from these sources."""
    return Record(recipe, dict(_look_at(site, sources)))


def _look_at(site: Path, sources: Mapping[str, Source]) -> Iterator[tuple[str, Made]]:
    for name, source in sources.items():
        path = site / output_of(name)
        if path.is_file():
            yield name, _as_made(path, source)


def _as_made(path: Path, source: Source) -> Made:
    status = path.stat()
    return Made(source.digest, status.st_size, status.st_mtime_ns)
