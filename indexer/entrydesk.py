"""The desk (编辑台): one entry checked within the whole library before its file is written."""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from indexer.checks import check_library
from indexer.entryfile import (
    NoFrontMatter,
    replace_values,
    revise_entry,
    save_entry,
    split_entry,
    write_entry,
)
from indexer.formvalues import Values, from_form, to_form
from indexer.frontmatter import Loc, read_front_matter
from indexer.library import Entry, Library
from indexer.loader import MAX_BYTES, Readings, inspect_library, read_draft
from indexer.policy import SLUG_PATTERN, Policy
from indexer.problems import Problem, shown
from indexer.revisions import blob_id

POLICIES, DRAFTS = "policies", "drafts"  # what every path of the editor begins with
REMEMBERED = 2000  # saved entries, so that their pages may save again
# A relation stands in two files, and only one of them can be written first.
_TWO_SIDED = ("supersedes", "superseded_by", "repeals")
_NEW = "新条目"
_KEPT = "原文指纹"  # by this comment an import knows a text again


class Refused(Exception):
    """What was asked for is not done, and why."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class NotThere(Refused):
    """There is no such file."""


@dataclass(frozen=True)
class Draft:
    """What a form holds of one entry: where it was opened, where it goes, and its values."""

    path: str
    given: Mapping[str, Any]
    new: bool = False


@dataclass(frozen=True)
class Trial:
    """One entry as it would be in the library: its text, its problems, and what is left to do."""

    path: str
    text: str
    entry: Entry | None
    library: Library
    problems: tuple[Problem, ...]
    left: tuple[Problem, ...]  # of other entries, or to be mended there
    remarks: tuple[tuple[str, str], ...] = ()  # comments of the file: the field below, the words

    @property
    def draft(self) -> bool:
        """Whether it stays among the drafts, which may be unfinished."""
        return self.path.startswith(f"{DRAFTS}/")


@dataclass(frozen=True)
class _Opened:
    """What a page in the browser goes on from: where the file is, and the content it has seen."""

    path: str
    digest: str


@dataclass
class Desk:
    """Entries and drafts as the editor reads and writes them; several requests may come at once."""

    policies: Path
    drafts: Path
    _readings: Readings = field(default_factory=dict)
    _saved: dict[tuple[str, str, str], _Opened] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def inspect(self) -> tuple[Library, tuple[Problem, ...]]:
        """Return the library as it is now; only files that changed are read again."""
        with self._lock:
            return inspect_library(self.policies, None, self._readings)

    def draft_paths(self) -> list[str]:
        """Return the drafts that there are."""
        files = sorted(self.drafts.rglob("*.md")) if self.drafts.is_dir() else []
        return [
            f"{DRAFTS}/{file.relative_to(self.drafts).as_posix()}"
            for file in files
            if not file.is_symlink() and not file.name.startswith(".")
        ]

    def open(self, path: str) -> Values:
        """Return an entry as the form shows it, with the digest of what was seen (`opened`)."""
        text = self._read(path)
        head, body = _split(text)
        front = read_front_matter(head, first_line=2)
        if any(not mistake.field for mistake in front.mistakes):
            raise Refused(
                f"{path} 的条目信息读不出来，表单里打不开；请先用文本编辑器改好："
                + " ".join(f"第 {m.line} 行：{m.message}" for m in front.mistakes)
            )
        values = {"slug": Path(path).stem, **front.values, "body": body.strip()}
        return {**to_form(values), "opened": blob_id(text.encode())}

    def try_out(self, draft: Draft) -> Trial:
        """Return the entry as it would stand in the library, with every problem; write nothing."""
        with self._lock:
            self._file(draft.path)
            opened = self._seen(draft)
            old = self._unchanged(opened, draft) if opened else ""
            path = self._goes_to(draft, opened)
            published = path.startswith(f"{POLICIES}/") and draft.path.startswith(f"{DRAFTS}/")
            text = _revised(_without_remarks(old) if published else old, draft.given)
            if len(text.encode()) > MAX_BYTES:
                raise Refused("内容太长，存不下；请把它分成几个条目。")
            trial = replace(self._tried(path, text), remarks=tuple(_remarks(old)))
            return _with_name_told(trial, draft)

    def save(self, draft: Draft) -> Trial:
        """Write the entry if it has no problems; raise Refused with all of them if it has."""
        with self._lock:
            trial = self.try_out(draft)
            if trial.problems and not trial.draft:
                raise Refused(f"还有 {len(trial.problems)} 处要改，没有保存。", trial.problems)
            opened = self._seen(draft)
            if opened is None or opened.path != trial.path:
                self._refuse_taken(trial.path)
            save_entry(self._file(trial.path), trial.text)
            if opened is not None and opened.path != trial.path:
                self._file(opened.path).unlink()  # a draft that is now an entry
            if opened is not None:
                self._remember(draft, trial)
            return trial

    def _seen(self, draft: Draft) -> _Opened | None:
        """Return what the form was opened with, or last saved; None for a new entry."""
        if draft.new:
            return None
        return self._saved.get(_key(draft), _Opened(draft.path, str(draft.given.get("opened"))))

    def _unchanged(self, opened: _Opened, draft: Draft) -> str:
        """Return the file as the form has seen it; refuse if somebody has changed it since."""
        text = self._read(opened.path)
        if blob_id(text.encode()) not in (opened.digest, draft.given.get("opened")):
            raise Refused(
                f"{opened.path} 在您打开以后被别人改过了，没有保存，您填的还在这里。"
                "请另开一个窗口看现在的内容，把要改的抄过去再存。"
            )
        return text

    def _remember(self, draft: Draft, trial: Trial) -> None:
        """Note what this page has saved: it goes on from there without opening the entry again."""
        while len(self._saved) >= REMEMBERED:
            self._saved.pop(next(iter(self._saved)))
        self._saved[_key(draft)] = _Opened(trial.path, blob_id(trial.text.encode()))

    def _goes_to(self, draft: Draft, opened: _Opened | None) -> str:
        """Return where the entry belongs; refuse another name for one that is already there."""
        slug = str(draft.given.get("slug") or "").strip()
        folder, _, name = draft.path.rpartition("/")
        if opened is not None and opened.path.startswith(f"{POLICIES}/"):
            if slug != Path(opened.path).stem:
                raise Refused(
                    f"条目名保存以后不能在这里改（原来是 {Path(opened.path).stem}）："
                    "别的条目和网址都指着它。要改名，请用命令 policykb rename。"
                )
            return opened.path
        if opened is not None and (chosen := str(draft.given.get("folder") or "")):
            folder = f"{POLICIES}/{chosen}"
        if opened is None and name and slug and name != f"{slug}.md":
            self._refuse_taken(f"{folder}/{slug}.md")
        path = f"{folder}/{slug or _NEW}.md"
        self._file(path)
        return path

    def _refuse_taken(self, path: str) -> None:
        if self._file(path).exists():
            taken = shown(Path(path).stem)
            raise Refused(f"条目名{taken}已经有了（{path}），没有保存。请换一个条目名。")

    def _tried(self, path: str, text: str) -> Trial:
        root = self.drafts if path.startswith(f"{DRAFTS}/") else self.policies
        entry, problems = read_draft(root, self._file(path), text)
        library, before = self.inspect()
        if entry is None:
            return Trial(path, text, None, library, tuple(sorted(set(problems))), ())
        others = [other for other in library.entries if other.path != entry.path]
        entries = sorted([*others, entry], key=lambda e: (e.policy.slug, e.path))
        whole = replace(library, entries=tuple(entries))
        mine, left = _judge(entry, whole, before)
        return Trial(path, text, entry, whole, tuple(sorted({*problems, *mine})), left)

    def _read(self, path: str) -> str:
        file = self._file(path)
        try:
            if file.stat().st_size > MAX_BYTES:
                raise Refused(f"{path} 太大，表单里打不开。")
            return file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise NotThere(f"没有这个条目，或者读不出来：{path}") from None

    def _file(self, path: str) -> Path:
        """Return the file of a path; refuse every path that leads out of the two folders."""
        start, _, inner = path.partition("/")
        root = {POLICIES: self.policies, DRAFTS: self.drafts}.get(start)
        parts = inner.split("/")
        if root is None or not inner.endswith(".md") or not all(map(_is_plain, parts)):
            raise Refused(f"不能用这个文件名：{shown(path)}")
        file = root.joinpath(*parts)
        if not file.resolve().is_relative_to(root.resolve()) or file.is_symlink():
            raise Refused(f"这个文件不在政策库里，不能读写：{shown(path)}")
        return file


def _judge(
    entry: Entry, whole: Library, before: tuple[Problem, ...]
) -> tuple[list[Problem], tuple[Problem, ...]]:
    """Return the problems of an entry among the others, and those to be mended elsewhere.

    `before` are the problems that the library had without it.
    """
    slugs = set(whole.by_slug) | {Path(problem.path).stem for problem in before}
    path = f"{whole.root.name}/{entry.path}"
    former = {move.slug: move for move in whole.moves}
    after = check_library(whole.entries, slugs, f"{whole.root.name}/", former)
    new = [p for p in after if p.path == path or p not in before]
    mine = [replace(p, path=path, line=1) for p in new if p.path != path and _is_clash(p)]
    mine += [p for p in new if p.path == path and not _mended_elsewhere(p, entry.policy, slugs)]
    left = {p for p in new if p not in mine and not (p.path != path and _is_clash(p))}
    return mine, tuple(sorted(left))


def _with_name_told(trial: Trial, draft: Draft) -> Trial:
    """Tell of a wrong name where it is filled in; the file of a new entry has none yet."""
    slug = str(draft.given.get("slug") or "").strip()
    if re.fullmatch(SLUG_PATTERN, slug) and len(slug) <= 80:
        return trial
    seen = f"{shown(slug)}不能作条目名" if slug else "缺少这一项"
    message = f"{seen}：只用小写英文字母、数字和连字符，最长 80 个，例如 road-excavation。"
    others = [p for p in trial.problems if p.field or not p.message.startswith("文件名")]
    told = Problem(trial.path, 1, "slug", message)
    return replace(trial, problems=(told, *others))


def _key(draft: Draft) -> tuple[str, str, str]:
    """Return what tells one open form from another: the page, the entry, the content it saw."""
    return str(draft.given.get("page")), draft.path, str(draft.given.get("opened"))


def _is_plain(name: str) -> bool:
    """Tell whether a part of a path is a name, and nothing that could lead elsewhere."""
    return (
        name.isprintable()
        and not name.startswith(".")
        and not set(name) & set('\\/:*?"<>|')
        and 0 < len(name) <= 100
    )


def _split(text: str) -> tuple[str, str]:
    try:
        return split_entry(text.replace("\r\n", "\n"))
    except NoFrontMatter as error:
        raise Refused(str(error)) from None


def _remarks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the comments on lines of their own, each with the field that stands below it.

    An imported draft says there what is doubtful; a form would show nothing of it.
    """
    waiting: list[str] = []
    for line in _split(text)[0].splitlines() if text else ():
        key = re.match(r"([a-z_]+):", line)
        if line.startswith("#") and _KEPT not in line:
            waiting.append(line.lstrip("# "))
        elif key:
            yield from ((key[1], words) for words in waiting)
            waiting = []
    yield from (("", words) for words in waiting)


def _without_remarks(text: str) -> str:
    """Return a draft without its comments, which are done with when it becomes an entry."""
    head, body = _split(text)
    lines = [line for line in head.splitlines(True) if not line.startswith("#") or _KEPT in line]
    return f"---\n{''.join(lines)}---\n{body}"


def _revised(old: str, given: Mapping[str, Any]) -> str:
    """Return the file with what the form holds; only the lines of what has changed change."""
    head, old_body = _split(old) if old else ("", "")
    before = read_front_matter(head, first_line=2).values
    values = from_form(given, {**before, "body": old_body.strip()})
    values.pop("slug", None)
    body = str(values.pop("body", "")).replace("\r\n", "\n")
    if not old:
        return write_entry(values, body)
    return revise_entry(_with_texts_replaced(old, before, values), values, body)


def _with_texts_replaced(text: str, before: Values, after: Values) -> str:
    """Return the file with changed texts put where they stand, so that comments inside stay.

    Only where nothing else about a field has changed, and only if the file then reads as it should.
    """
    replaced = text
    for name in before.keys() & after.keys():
        changes = dict(_changed_texts((name,), before[name], after[name]))
        if not changes or None in changes.values():
            continue
        try:
            tried = replace_values(replaced, {loc: str(new) for loc, new in changes.items()})
            front = read_front_matter(split_entry(tried)[0], first_line=2)
        except (KeyError, NoFrontMatter, ValueError):
            continue
        kept = before | {name: after[name]}
        if not front.mistakes and front.values == kept:
            replaced, before = tried, kept
    return replaced


def _changed_texts(loc: Loc, old: Any, new: Any) -> Iterator[tuple[Loc, str | None]]:
    """Yield the texts that differ; None for a place where more than a text is different."""
    if old == new:
        return
    if isinstance(old, str) and isinstance(new, str) and not old.isdecimal():
        yield loc, new
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _changed_texts((*loc, number), left, right)
    elif isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key, left in old.items():
            yield from _changed_texts((*loc, key), left, new[key])
    else:
        yield loc, None


def _mended_elsewhere(problem: Problem, policy: Policy, slugs: set[str]) -> bool:
    """Tell whether the other side of a relation is missing: that file is written after this one."""
    name, _, number = problem.field.partition(".")
    if name not in _TWO_SIDED:
        return False
    value = getattr(policy, name)
    slug = value[int(number) - 1] if isinstance(value, tuple) and number else value
    return isinstance(slug, str) and slug != policy.slug and slug in slugs


def _is_clash(problem: Problem) -> bool:
    """Tell whether two entries claim the same; which of them is told depends on their names."""
    return problem.field in ("doc_number", "")
