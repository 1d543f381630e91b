"""Proof (核验): from a check code back to the very notice, and what has changed since.

A code names a content by the digest of the files that it was made from. The history is searched for
the commit that has those files, and the notice is made again there, by the code of that commit.
"""

import ast
import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from indexer.checkcodes import CheckCode
from indexer.library import Library
from indexer.moved import Move
from indexer.notice import Notice, own_sources, version_of
from indexer.notices import Find, Format, make_notice, sources_of_library, version_in
from indexer.policy import Kind
from indexer.revisions import (
    Commit,
    NoHistory,
    blobs_of,
    check_out,
    commits_of,
    day_of,
    read_blobs,
    repository_of,
)
from indexer.situations import options_of


class NotProven(Exception):
    """A code whose notice cannot be made again, and why."""


@dataclass(frozen=True)
class Origin:
    """Where a notice came from: the entry, what was ticked, and the commit; None is the present."""

    slug: str
    chosen: tuple[str, ...]
    commit: Commit | None


@dataclass(frozen=True)
class _Head:
    """What an old file says of itself, read without the rules of today."""

    is_service: bool
    bases: tuple[str, ...]
    options: tuple[str, ...]


def find_origin(code: CheckCode, library: Library) -> Origin:
    """Return where the notice with this code came from; raise NotProven if nothing fits."""
    present = _find_at_present(code, library)
    if present is not None and not _renamed_since(code, present, library):
        return present
    try:
        return _find_in_history(code, library.root)
    except (NoHistory, NotProven) as error:
        if present is not None:
            return present
        if isinstance(error, NotProven):
            raise
        raise NotProven(f"和现在的内容对不上，又查不了历史：{error}") from None


def _find_at_present(code: CheckCode, library: Library) -> Origin | None:
    find = sources_of_library(library)
    for policy in library.policies:
        version = version_in(find, policy.slug)
        if version is not None and version.digest == code.digest:
            return Origin(policy.slug, _chosen(options_of(policy.situations), code), None)
    return None


def _renamed_since(code: CheckCode, present: Origin, library: Library) -> bool:
    """Tell whether the notice may have been given under another name, which its link still has."""
    return any(move.to == present.slug and move.day >= code.day for move in library.moves)


def _find_in_history(code: CheckCode, policies: Path) -> Origin:
    repository = repository_of(policies)
    folder = policies.resolve().relative_to(repository.resolve()).as_posix()
    package = _package_in(repository)
    paths = [folder, *([package] if package else [])]
    heads: dict[str, _Head] = {}
    seen: set[tuple[str, ...]] = set()
    for commit in _likely_first(commits_of(repository, paths), code):
        files = blobs_of(repository, commit.id, paths)
        sources = _sources_in(repository, files, package)
        entries = {Path(name).stem: id_ for name, id_ in files.items() if _is_entry(name, folder)}
        state = (*sources, *sorted(entries.values()))
        if state in seen:
            continue
        seen.add(state)
        _read_heads(repository, entries.values(), heads)
        for slug, id_ in entries.items():
            if heads[id_].is_service:
                digests = [id_, *_bases_in(slug, entries, heads)]
                if version_of(digests, sources).digest == code.digest:
                    return Origin(slug, _chosen(heads[id_].options, code), commit)
    raise NotProven(
        f"查了 {len(seen)} 个历史版本，没有一个和这个核验码对得上。"
        "可能是别处印的，也可能印的时候改动还没有提交。"
    )


def _likely_first(commits: Sequence[Commit], code: CheckCode) -> Iterator[Commit]:
    """Yield the commits up to the notice's day, the newest first, and then those after it."""
    yield from (commit for commit in commits if commit.day <= code.day)
    yield from (commit for commit in reversed(commits) if commit.day > code.day)


def _package_in(repository: Path) -> str:
    """Return the path of the running code inside the repository; nothing if it is elsewhere."""
    package = Path(__file__).resolve().parent
    if not package.is_relative_to(repository.resolve()):
        return ""
    return package.relative_to(repository.resolve()).as_posix()


def _sources_in(repository: Path, files: Mapping[str, str], package: str) -> Sequence[str]:
    """Return the blob ids of the code of a commit, of the files that its own notice.py names."""
    if not package:
        return own_sources()
    blob = files.get(f"{package}/notice.py")
    if blob is None:  # there were no notices yet
        return ()
    paths = (f"{package}/{name}" for name in _names_in(repository, blob))
    return [files[path] for path in paths if path in files]


@cache
def _names_in(repository: Path, blob: str) -> tuple[str, ...]:
    """Return SOURCES as a notice.py of the past has it: the list may have changed since."""
    for node in ast.parse(read_blobs(repository, [blob])[blob]).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="SOURCES")], value=value):
                return tuple(ast.literal_eval(value))
    return ()


def _is_entry(name: str, folder: str) -> bool:
    return name.startswith(f"{folder}/") and name.endswith(".md") and "/templates/" not in name


def _read_heads(repository: Path, blobs: Iterable[str], heads: dict[str, _Head]) -> None:
    """Read the heads of the blobs that are not yet known."""
    new = sorted(set(blobs) - heads.keys())
    for id_, data in read_blobs(repository, new).items():
        heads[id_] = _read_head(data)


def _read_head(data: bytes) -> _Head:
    parts = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n---\n", 1)
    try:
        head = yaml.load(parts[0].removeprefix("---\n"), Loader=yaml.CBaseLoader)  # noqa: S506
    except yaml.YAMLError:
        head = None
    if not isinstance(head, dict):
        return _Head(False, (), ())
    asked = head.get("situations") or []
    options = [
        option
        for situation in asked
        if isinstance(situation, dict)
        for option in _as_list(situation.get("options"))
    ]
    return _Head(
        head.get("kind") == Kind.SERVICE, tuple(_as_list(head.get("based_on"))), tuple(options)
    )


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _bases_in(slug: str, entries: Mapping[str, str], heads: Mapping[str, _Head]) -> list[str]:
    """Return the blob ids of what an entry rested on, in the order of `notice.bases_of`."""
    found: dict[str, str] = {}
    open_slugs = list(heads[entries[slug]].bases)
    while open_slugs:
        base = open_slugs.pop(0)
        if base in entries and base not in found and base != slug:
            found[base] = entries[base]
            open_slugs.extend(heads[entries[base]].bases)
    return list(found.values())


def _chosen(options: Sequence[str], code: CheckCode) -> tuple[str, ...]:
    if code.ticked and code.ticked[-1] >= len(options):
        raise NotProven("核验码里选的情形，比当时条目里的还多，请对照原件再输一遍。")
    return tuple(options[place] for place in code.ticked)


def dated_before(then: Mapping[str, Any], policies: Path) -> date | None:
    """Return the day since which there is such a content, if the notice claims an earlier one."""
    commit = then["version"]["commit"]
    if not commit:
        return None
    since = day_of(repository_of(policies), commit)
    return since if then["day"] < since.isoformat() else None


def rebuild(origin: Origin, code: CheckCode, library: Library, form: Format, address: str) -> bytes:
    """Return the notice as it was given, in a form; raise NotProven where that is impossible."""
    extra = ["--format", form]
    if address:
        extra += ["--address", address]
    return _run_there(origin, code, library.root, extra)


def tell_then(origin: Origin, code: CheckCode, library: Library) -> dict[str, Any]:
    """Return the notice as it was given, as JSON values."""
    told: dict[str, Any] = json.loads(_run_there(origin, code, library.root, ["--json"]))
    return told


def _run_there(origin: Origin, code: CheckCode, policies: Path, extra: Sequence[str]) -> bytes:
    """Run the command of the origin's commit on the entries of that commit."""
    with tempfile.TemporaryDirectory(prefix="policykb-", ignore_cleanup_errors=True) as folder:
        place, entries = Path.cwd(), policies.resolve()
        environment = dict(os.environ)
        if origin.commit is not None:
            repository = repository_of(policies)
            place = check_out(repository, origin.commit.id, Path(folder))
            entries = place / entries.relative_to(repository.resolve())
            if _package_in(repository):
                environment["PYTHONPATH"] = str(place)
        file = Path(folder) / "notice"
        command = [sys.executable, "-m", "indexer", "notice", origin.slug, "--out", str(file)]
        command += ["--policies", str(entries), "--as-of", code.day.isoformat(), *extra]
        for option in origin.chosen:
            command += ["--situation", option]
        done = subprocess.run(  # noqa: S603 - our own interpreter; options come from the entry
            command, cwd=place, env=environment, capture_output=True, check=False
        )
        if not file.is_file():
            said = done.stderr.decode("utf-8", "replace").strip()
            raise NotProven(f"当时的程序没有能重新生成这份告知单：{said}")
        return file.read_bytes()


def changes_since(then: Mapping[str, Any], now: Notice | None) -> list[str]:
    """Return in Chinese what a present notice says differently from an old one."""
    if now is None:
        return ["这一项现在已经没有了。"]
    old, new = _lines_of(then), _lines_of(now.to_dict())
    changes = []
    for line in difflib.ndiff(old, new):
        if line.startswith(("- ", "+ ")):
            changes.append(f"{'当时有' if line[0] == '-' else '现在是'}　{line[2:]}")
    return changes


def _lines_of(told: Mapping[str, Any]) -> list[str]:
    """Return what a notice tells, a line for each statement, each with its section."""
    rows = [
        "：".join((section["title"], "　".join((row["text"], *row["notes"]))))
        for section in told["sections"]
        for row in section["rows"]
    ]
    return [told["title"], told["summary"], *filter(None, [told["warning"]]), *rows]


def present_notice(
    origin: Origin, find: Find, day: date, former: Mapping[str, Move]
) -> tuple[Notice | None, list[str]]:
    """Return today's notice for the same situations, and the options that are gone.

    `former` tells under which name an entry goes that had another one then.
    """
    slug = former[origin.slug].to if origin.slug in former else origin.slug
    source = find(slug)
    if source is None or version_in(find, slug) is None:
        return None, []
    options = options_of(source.policy.situations)
    kept = [option for option in origin.chosen if option in options]
    gone = [option for option in origin.chosen if option not in options]
    return make_notice(find, slug, kept, day), gone
