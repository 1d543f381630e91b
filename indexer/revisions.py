"""Revisions (版本): what git knows of the library's files and of the code beside them.

Everything here works without git, and without a repository: then nothing is known of the past.
"""

import difflib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha1
from pathlib import Path

from indexer.problems import shown

SHORT = 10  # characters of a commit's id, as notices print it


class NoHistory(Exception):
    """There is no history to look into, and why."""


class UnknownRevision(NoHistory):
    """What was named is no commit of this repository, and what to name instead."""


@dataclass(frozen=True)
class Commit:
    """One commit: its id and the day on which it was made."""

    id: str
    day: date


@dataclass(frozen=True)
class FileChange:
    """What one commit did to one file: its paths and blob ids before and after.

    Nothing stands for a file that was not there, or is not there any more.
    """

    old_path: str
    new_path: str
    old_blob: str
    new_blob: str


@dataclass(frozen=True)
class Step:
    """One commit of a history, who made it, and what it did to the files."""

    commit: Commit
    author: str
    files: tuple[FileChange, ...]


def blob_id(data: bytes) -> str:
    """Return the name that git gives to a text with plain line ends."""
    data = data.replace(b"\r\n", b"\n")
    # Git's own choice of digest; it names a content here, and guards nothing.
    return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def last_commits(root: Path) -> dict[str, str]:
    """Return the last commit of each file below `root`, by its path, less those changed since.

    Nothing for a folder that is in no repository, or where there is no git.
    """
    if not _in_repository(root):
        return {}
    try:
        log = _git(root, "log", "--format=%x01%H", "--name-only", "--relative", "-z", "--", ".")
        changed = _git(root, "status", "--porcelain", "--no-renames", "-z", "--", ".")
        prefix = _git(root, "rev-parse", "--show-prefix").strip()
    except NoHistory:
        return {}
    found: dict[str, str] = {}
    for part in log.split("\x01")[1:]:
        commit, _, names = part.partition("\0")
        for name in names.strip("\n\0").split("\0"):
            found.setdefault(name.lstrip("\n"), commit[:SHORT])
    for row in filter(None, changed.split("\0")):
        found.pop(row[3:].removeprefix(prefix), None)
    return found


def repository_of(root: Path) -> Path:
    """Return the top of the repository that `root` lies in; raise NoHistory if there is none."""
    if not _in_repository(root):
        raise NoHistory(f"{root} 不在 git 仓库里，没有历史可以查。")
    return Path(_git(root, "rev-parse", "--show-toplevel").strip())


def commits_of(repository: Path, paths: Sequence[str]) -> list[Commit]:
    """Return the commits that touched any of these paths, the newest first."""
    log = _git(repository, "log", "--format=%H %cs", "--", *paths)
    rows = (line.split() for line in log.splitlines())
    return [Commit(id_, date.fromisoformat(day)) for id_, day in rows]


def blobs_of(repository: Path, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the blob id of each file below these paths as it was at a commit."""
    tree = _git(repository, "ls-tree", "-r", "-z", commit, "--", *paths)
    rows = (row.partition("\t") for row in filter(None, tree.split("\0")))
    return {name: about.split()[2] for about, _, name in rows}


def read_blobs(repository: Path, blobs: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes of some blobs, read in one go."""
    if not blobs:
        return {}
    names = "".join(f"{blob}\n" for blob in blobs).encode()
    answer = _run(repository, "cat-file", "--batch", given=names)
    found, at = {}, 0
    for blob in blobs:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        found[blob] = answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1  # each content ends with a line break of its own
    return found


def text_before(root: Path, path: str, beginning: str) -> str | None:
    """Return what a file below `root` once said, by the beginning of its blob id, or None.

    No other blob is looked at, whatever the beginning is.
    """
    if not _in_repository(root):
        return None
    try:
        log = _git(root, "log", "--follow", "--raw", "--no-abbrev", "--format=", "--", path)
    except NoHistory:
        return None
    rows = (line.split() for line in log.splitlines() if line.startswith(":"))
    found = {blob for row in rows for blob in row[2:4] if blob.startswith(beginning)}
    return text_of(root, found.pop()) if len(found) == 1 else None


def text_of(root: Path, blob: str) -> str | None:
    """Return the text with this blob id, or None where the history does not know it."""
    if not _in_repository(root):
        return None
    try:
        return _run(root, "cat-file", "blob", blob).decode("utf-8-sig", "replace")
    except NoHistory:
        return None


def changed_lines(before: str, after: str) -> tuple[str, ...]:
    """Return the lines that went, each with a minus, and those that came, each with a plus."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    told = [row for number, row in enumerate(rows) if number > 1 and not row.startswith("@@")]
    return tuple(f"{row[0]} {row[1:].strip()}" for row in told if row[1:].strip())


def commit_of(repository: Path, name: str) -> str:
    """Return the id of the commit with this name: a branch, a tag, an id; raise NoHistory."""
    try:
        named = ("--end-of-options", f"{name}^{{commit}}")
        found = _git(repository, "rev-parse", "--verify", "--quiet", *named)
    except NoHistory:
        raise NoHistory(f"历史里没有“{name}”；写一个提交、标签或者分支的名字。") from None
    return found.strip()


def day_of(repository: Path, commit: str) -> date:
    """Return the day on which a commit was made."""
    return date.fromisoformat(
        _git(repository, "show", "--no-patch", "--format=%cs", commit).strip()
    )


def find_commit(root: Path, revision: str) -> Commit:
    """Return the commit that a person names: a branch, a tag, an id, HEAD~3.

    Raises UnknownRevision for anything else: what begins like an option never reaches git.
    """
    repository = repository_of(root)
    if not revision.strip() or revision.startswith("-") or not revision.isprintable():
        raise UnknownRevision(_told_unknown(repository, revision))
    try:
        found = _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except NoHistory:
        raise UnknownRevision(_told_unknown(repository, revision)) from None
    id_ = found.strip()
    return Commit(id_, day_of(repository, id_))


def _told_unknown(repository: Path, revision: str) -> str:
    """Say that there is no such revision, and what there is."""
    wanted = f"历史里没有{shown(revision)}这个版本。"
    if ".." in revision:
        return f"{wanted}要比两个版本，请分开写：policykb diff 旧版本 新版本。"
    recent = "、".join(f"{commit.id[:SHORT]}（{commit.day}）" for commit in _newest(repository, 3))
    if not recent:
        return f"{wanted}这个仓库还没有提交过。"
    cut = "这个仓库只取了最近的历史，先运行 git fetch --unshallow 取全。"
    more = cut if is_shallow(repository) else ""
    return f"{wanted}可以写分支名、标签、提交号或 HEAD~1；最近的提交有 {recent}。{more}"


def _newest(repository: Path, most: int) -> list[Commit]:
    try:
        log = _git(repository, "log", f"--max-count={most}", "--format=%H %cs")
    except NoHistory:
        return []
    rows = (line.split() for line in log.splitlines())
    return [Commit(id_, date.fromisoformat(day)) for id_, day in rows]


def is_shallow(root: Path) -> bool:
    """Tell whether only the latest part of the history was fetched."""
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def head_of(root: Path) -> str:
    """Return the id of the commit that is checked out; raise NoHistory where there is none."""
    repository_of(root)  # raises what else may be wrong
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "HEAD").strip()
    except NoHistory:
        raise NoHistory(f"{root} 还没有提交过，没有历史可以查。") from None


def walk_history(root: Path) -> Iterator[Step]:
    """Yield what each commit did to the files below `root`, the newest first, by paths in it.

    A merge counts as what it brought to the branch that is checked out: the history is one line,
    and each state follows from the one before. One git process tells all.
    """
    head_of(root)
    log = _git(
        root,
        *("log", "--first-parent", "-m", "--raw", "--no-abbrev", "-z", "--find-renames"),
        *("--relative", "--no-color", "--no-notes", "--no-show-signature"),
        *("--format=%x01%H %cs %an", "--", "."),
    )
    yield from _read_steps(log.split("\0"))


def _read_steps(tokens: Sequence[str]) -> Iterator[Step]:
    """Read the log: a line for each commit, then marks and one or two paths for each file.

    Paths are taken by their place, so that none can be mistaken for anything else.
    """
    head, files, place = "", list[FileChange](), 0
    while place < len(tokens):
        token = tokens[place].lstrip("\n")
        place += 1
        if token.startswith("\x01"):
            if head:
                yield _step(head, files)
            head, files = token[1:], []
        elif token.startswith(":"):
            _, _, old, new, kind = token.split(" ")
            several = kind[0] in "RC"
            paths = tokens[place : place + (2 if several else 1)]
            place += len(paths)
            files.append(_file_change(kind[0], paths, old, new))
    if head:
        yield _step(head, files)


def _step(head: str, files: Sequence[FileChange]) -> Step:
    id_, day, author = head.split(" ", 2)
    return Step(Commit(id_, date.fromisoformat(day)), author, tuple(files))


def _file_change(kind: str, paths: Sequence[str], old: str, new: str) -> FileChange:
    old_path = "" if kind in "AC" else paths[0]
    new_path = "" if kind == "D" else paths[-1]
    return FileChange(old_path, new_path, old if old_path else "", new if new_path else "")


def check_out(repository: Path, commit: str, folder: Path) -> Path:
    """Return a new copy of the repository, as it was at a commit, inside `folder`."""
    copy = folder / "copy"
    _git(folder, "clone", "--quiet", "--shared", "--no-checkout", str(repository), str(copy))
    _git(copy, "checkout", "--quiet", "--detach", commit)
    return copy


def _in_repository(root: Path) -> bool:
    """Tell it without git, which takes longer to say no."""
    whole = root.resolve()
    return any((folder / ".git").exists() for folder in (whole, *whole.parents))


def _git(folder: Path, *arguments: str) -> str:
    return _run(folder, *arguments).decode("utf-8", "surrogateescape")


def _run(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    git = shutil.which("git")
    if git is None:
        raise NoHistory("这台电脑上没有 git，查不了历史；请先装上 git。")
    done = subprocess.run(  # noqa: S603 - git itself, with arguments that are no options
        [git, "-c", "core.quotePath=false", *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoHistory(f"git 说：{done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout
