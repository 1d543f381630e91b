"""Loading (读入条目): files under `policies/` → a library of checked entries, or all problems."""

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from indexer.changeset import check_unfinished
from indexer.checks import check_body, check_entry, check_library, check_privacy
from indexer.complaints import complain
from indexer.frontmatter import FrontMatter, line_of, place_name, read_front_matter
from indexer.library import Entry, Library
from indexer.moved import check_moves, read_moves
from indexer.policy import SLUG_PATTERN, Policy
from indexer.problems import PolicyError, Problem, shown
from indexer.revisions import blob_id

__all__ = ["Entry", "Library", "inspect_library", "load_library", "read_draft"]

MAX_BYTES = 1_000_000  # some 300,000 characters: a book, where an entry is a few pages
SKIPPED_FOLDERS = {"templates"}
SKIPPED_FILES = {"index.md", "README.md"}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Reading:
    """A file as it was read: by what it is told from a later state, and what came of it.

    Like other tools that look at many files, this one trusts size and time of the last change.
    """

    stamp: tuple[int, ...]
    entry: Entry | None
    problems: tuple[Problem, ...]


Readings = dict[str, Reading]  # by the path of the file


def load_library(
    root: Path, progress: Progress | None = None, known: Readings | None = None
) -> Library:
    """Load every entry below `root`; raise PolicyError with all problems if there is any.

    Files that are `known` and have not changed are not read again; what is read is put there.
    """
    library, problems = inspect_library(root, progress, known)
    if problems:
        raise PolicyError(problems)
    return library


def inspect_library(
    root: Path, progress: Progress | None = None, known: Readings | None = None
) -> tuple[Library, tuple[Problem, ...]]:
    """Load what can be loaded and return it with every problem, file by file and across files."""
    problems: list[Problem] = []
    if not root.is_dir():
        problem = Problem(str(root), 1, "", "没有这个文件夹，请用 --policies 指明政策库的位置。")
        return Library(root, ()), (problem,)
    entries: list[Entry] = []
    files = _find_files(root, problems)
    known = {} if known is None else known
    for path in known.keys() - set(files):
        del known[path]
    for number, path in enumerate(files, start=1):
        reading, stamp = known.get(path), _stamp_of(path)
        if reading is None or reading.stamp != stamp:
            found: list[Problem] = []
            entry = _load_entry(root, Path(path), found)
            reading = known[path] = Reading(stamp, entry, tuple(found))
        if reading.entry is not None:
            entries.append(reading.entry)
        problems.extend(reading.problems)
        if progress is not None:
            progress(number, len(files))
    entries.sort(key=lambda entry: (entry.policy.slug, entry.path))
    prefix = f"{root.name}/" if root.name else ""
    slugs = {_stem(path) for path in files}
    moves, front, mistakes = read_moves(root)
    problems.extend((*mistakes, *check_moves(moves, front, slugs, prefix)))
    former = {move.slug: move for move in moves}
    problems.extend(check_library(entries, slugs, prefix, former))
    problems.extend(check_unfinished(root, prefix))
    return Library(root, tuple(entries), moves), tuple(sorted(set(problems)))


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122 - quicker for thousands of files


def _stamp_of(path: str) -> tuple[int, ...]:
    try:
        state = os.stat(path)  # noqa: PTH116 - a Path takes longer than the file itself
    except OSError:  # reading it will tell why
        return ()
    # The second time tells of new permissions, with which a file may be read at last.
    return state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino


def _find_files(root: Path, problems: list[Problem]) -> list[str]:
    """Return the entry files in a fixed order; links that lead outside are problems."""
    found: list[str] = []
    base, folders = root.resolve(), [str(root)]
    while folders:
        folder, inner = folders.pop(), list[str]()
        try:
            with os.scandir(folder) as listed:
                items = sorted(listed, key=lambda item: item.name)
        except OSError as error:
            message = f"这个文件夹打不开（{error.strerror}），请检查权限。"
            problems.append(Problem(_shown_path(Path(folder), root), 1, "", message))
            continue
        for item in items:
            if item.name.startswith("."):
                continue
            if item.is_dir() and item.name not in SKIPPED_FOLDERS:
                if item.is_symlink():
                    message = "这是一个链接，不会跟进去读；请把条目文件直接放在政策库里。"
                    problems.append(Problem(_shown_path(Path(item), root), 1, "", message))
                else:
                    inner.append(item.path)
            elif item.name.lower().endswith(".md") and item.name not in SKIPPED_FILES:
                if item.is_symlink() and not Path(item).resolve().is_relative_to(base):
                    message = "这个链接指向政策库以外，不会读取；请把文件本身放进来。"
                    problems.append(Problem(_shown_path(Path(item), root), 1, "", message))
                else:
                    found.append(item.path)
        folders.extend(reversed(inner))
    return found


def _shown_path(path: Path, root: Path) -> str:
    """Return the path as a person at the command line would type it, safe to print."""
    text = path.relative_to(root.parent).as_posix() if root.name else path.as_posix()
    return text.encode("utf-8", "replace").decode("utf-8")


def read_draft(root: Path, path: Path, text: str) -> tuple[Entry | None, tuple[Problem, ...]]:
    """Return what `path` would be read as if this text stood in it, and its problems."""
    problems: list[Problem] = []
    return _load_entry(root, path, problems, text.encode()), tuple(problems)


def _load_entry(
    root: Path, path: Path, problems: list[Problem], data: bytes | None = None
) -> Entry | None:
    shown_path = _shown_path(path, root)
    found: list[Problem] = []

    def note(line: int, name: str, message: str) -> None:
        found.append(Problem(shown_path, line, name, message))

    try:
        data = _read_bytes(path) if data is None else data
        text = _decode(data)
        head, body, body_line = _split(text)
    except _UnreadableError as error:
        problems.append(Problem(shown_path, error.line, "", str(error)))
        return None
    front = read_front_matter(head, first_line=2)
    for mistake in front.mistakes:
        note(mistake.line, mistake.field, mistake.message)
    for line, name, message in check_privacy(front, text):
        note(line, name, message)
    if any(not mistake.field for mistake in front.mistakes):  # the rest could not be read
        problems.extend(found)
        return None
    front.lines[("body",)] = body_line
    policy = _make_policy(path.stem, front, body, note)
    for line, message in check_body(body, body_line):
        note(line, "", message)
    problems.extend(found)
    if policy is None:
        return None
    name = path.relative_to(root).as_posix()
    blank = body[: len(body) - len(body.lstrip())].count("\n")  # lines that the policy leaves out
    entry = Entry(policy, name, blob_id(data), front.lines, body_line + blank)
    for loc, message in check_entry(entry):
        problems.append(Problem(shown_path, entry.line_of(*loc), place_name(loc), message))
    return entry


class _UnreadableError(Exception):
    """A file from which no entry can be read, and why."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _UnreadableError("这不是普通文件，不能当作条目读取。")
        if status.st_size > MAX_BYTES:
            raise _UnreadableError(
                f"文件有 {status.st_size:,} 字节，超过上限 {MAX_BYTES:,}；"
                "请只保留正文文字，图片和附件另放。"
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _UnreadableError(f"文件读不出来（{error.strerror}），请检查权限。") from None
    if len(data) > MAX_BYTES:
        raise _UnreadableError(f"文件超过上限 {MAX_BYTES:,} 字节。")
    return data


def _decode(data: bytes) -> str:
    """Return the text with plain line ends; say how to save a file in another encoding again."""
    save_again = "请在编辑器里“另存为”，编码选 UTF-8。"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _UnreadableError(f"文件编码是 UTF-16，不是 UTF-8；{save_again}")
    try:
        text = data.decode("utf-8-sig")  # Notepad writes a mark at the start; it does no harm
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        try:
            data.decode("gb18030")
        except UnicodeDecodeError:
            message = f"文件编码不是 UTF-8，也认不出是什么编码；{save_again}"
        else:
            message = f"文件编码像是 GBK（GB18030），不是 UTF-8；{save_again}"
        raise _UnreadableError(message, line) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    control = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]", text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise _UnreadableError(
            f"文件里有看不见的控制字符（U+{ord(control.group()):04X}），请删去后重新输入。", line
        )
    return text


def _split(text: str) -> tuple[str, str, int]:
    """Return front matter, body, and the line on which the body starts."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        raise _UnreadableError(
            f"第一行要是“---”，接着写条目信息；看到的是{shown(lines[0])}。"
            "可以从 policies/templates 里复制一份样例。"
        )
    for index, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:index]), "\n".join(lines[index + 1 :]), index + 2
    raise _UnreadableError("条目信息没有结束：要在它后面单独写一行“---”，再写正文。")


def _make_policy(
    slug: str, front: FrontMatter, body: str, note: Callable[[int, str, str], None]
) -> Policy | None:
    values: dict[str, Any] = {**front.values, "slug": slug, "body": body.strip()}
    for name in ("slug", "body"):
        if name in front.values:
            reason = "条目名就是文件名" if name == "slug" else "正文写在“---”下面"
            note(line_of(front.lines, (name,)), name, f"不用写这一项，{reason}，请删去。")
    if not re.fullmatch(SLUG_PATTERN, slug) or len(slug) > 80:
        note(
            1,
            "",
            f"文件名{shown(slug)}不能作条目名：只用小写英文字母、数字和连字符，"
            "最长 80 个字符，例如 road-excavation.md。",
        )
        values["slug"] = "unnamed"
    try:
        policy = Policy.model_validate(values)
    except ValidationError as error:
        for loc, message in complain(error):
            note(line_of(front.lines, loc), place_name(loc), message)
        return None
    return policy if values["slug"] == slug else None
