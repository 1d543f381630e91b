"""Reviews (审核): who has read which content of an entry, kept beside the entries.

`reviews.yml` has one review on a line, so that two branches which add some are merged by keeping
the lines of both. A review is of one content, named by its blob id: an edit makes it void.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from indexer.entryfile import save_entry
from indexer.library import Entry, Library
from indexer.policy import SLUG_PATTERN
from indexer.privacy import find_personal_data
from indexer.problems import PolicyError, Problem, did_you_mean, shown
from indexer.revisions import blobs_of, commit_of, repository_of

FILE = "reviews.yml"
NAMES = 2  # people who read a content before it is published
LONGEST_NAME = 40
LONGEST_LINE = 400
HEADER = (
    "# 审核记录：谁看过哪个条目的哪一版，内容按 git 的编号认。一行一条，由 policykb approve 写。\n"
)
_FIELDS = ("slug", "content", "name", "on")
_EXAMPLE = "- {slug: road-excavation, content: 40 位的内容编号, name: 张三, on: 2026-11-30}"

Content = tuple[str, str]  # a slug, and the blob id of what its file says


@dataclass(frozen=True, order=True)
class Review:
    """One person (name) has read one content of an entry, on one day."""

    slug: str
    content: str
    name: str
    on: date

    @property
    def of(self) -> Content:
        """What was read."""
        return self.slug, self.content

    def to_line(self) -> str:
        """Return the line of the file."""
        name = yaml.dump([self.name], default_flow_style=True, allow_unicode=True, width=1000)
        return (
            f"- {{slug: {self.slug}, content: {self.content}, "
            f"name: {name.strip()[1:-1]}, on: {self.on}}}\n"
        )


@dataclass(frozen=True)
class Reviews:
    """The reviews of a library, each with its line, and the mistakes in their file."""

    path: str
    rows: tuple[tuple[int, Review], ...] = ()
    problems: tuple[Problem, ...] = ()

    def names_on(self, content: Content) -> list[str]:
        """Return who has read a content; one person counts once, however the name is written."""
        people = {fold_name(row.name): row.name for _, row in self.rows if row.of == content}
        return sorted(people.values())

    def last_before(self, entry: Entry) -> Review | None:
        """Return the newest review of another content of this entry."""
        slug = entry.policy.slug
        others = [r for _, r in self.rows if r.slug == slug and r.content != entry.digest]
        return max(others, key=lambda review: review.on, default=None)


class NameRefused(Exception):
    """A name that cannot stand for who has read something, and why."""


def fold_name(name: str) -> str:
    """Return a name as it is compared: width, case, spaces and invisible signs do not matter."""
    return "".join(_visible(unicodedata.normalize("NFKC", name)).casefold().split())


def _visible(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def read_name(name: str) -> str:
    """Return the name or post of who has read something; raise NameRefused."""
    text = " ".join(_visible(name).split())
    if not fold_name(text) or len(text) > LONGEST_NAME or not text.isprintable():
        raise NameRefused(f"姓名或岗位写 1 到 {LONGEST_NAME} 个字，收到的是{shown(name)}。")
    for found in find_personal_data(text):
        raise NameRefused(f"“{found.masked}”像是{found.kind}；只写姓名或岗位。")
    return text


def read_reviews(root: Path) -> Reviews:
    """Return the reviews beside the entries below `root`; there may be none yet."""
    path, shown_path = root / FILE, f"{root.name}/{FILE}" if root.name else FILE
    if not path.exists():
        return Reviews(shown_path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        message = "这个文件读不出来，请核对权限，编码要是 UTF-8。"
        return Reviews(shown_path, problems=(Problem(shown_path, 1, "", message),))
    rows, problems = list[tuple[int, Review]](), list[Problem]()
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            try:
                rows.append((number, _read_line(line)))
            except (_WrongLine, NameRefused) as error:
                problems.append(Problem(shown_path, number, "", str(error)))
    return Reviews(shown_path, tuple(rows), tuple(problems))


class _WrongLine(Exception):
    """A line that is not a review, and why."""


def _read_line(line: str) -> Review:
    """Return the review on one line, which is YAML of its own."""
    try:
        found = yaml.load(line[:LONGEST_LINE], Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        found = None
    row = found[0] if isinstance(found, list) and len(found) == 1 else None
    if not isinstance(row, dict) or set(row) != set(_FIELDS):
        raise _WrongLine(f"这一行不是审核记录，要写成“{_EXAMPLE}”，或者删去后重新审核。")
    if not all(isinstance(value, str) for value in row.values()):
        raise _WrongLine(f"每一项只写一个值，例如“{_EXAMPLE}”。")
    if not re.fullmatch(SLUG_PATTERN, row["slug"]):
        raise _WrongLine(f"slug：{shown(row['slug'])}不是条目名。")
    if not re.fullmatch("[0-9a-f]{40}", row["content"]):
        raise _WrongLine(f"content：{shown(row['content'])}不是 40 位的内容编号。")
    try:
        on = date.fromisoformat(row["on"])
    except ValueError:
        message = f"on：{shown(row['on'])}不是日期，请写成 2026-11-30。"
        raise _WrongLine(message) from None
    return Review(row["slug"], row["content"], read_name(row["name"]), on)


def check_reviews(reviews: Reviews, slugs: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong in the file itself, whether or not reviews are asked for."""
    yield from reviews.problems
    for line, row in reviews.rows:
        if row.slug not in slugs:
            hint = did_you_mean(row.slug[:80], slugs)
            message = f"政策库里没有{shown(row.slug)}。{hint}条目删了或者改名了，这一行也要删去。"
            yield Problem(reviews.path, line, "slug", message)


def check_reviewed(
    library: Library, reviews: Reviews, names: int = NAMES, settled: Collection[Content] = ()
) -> Iterator[Problem]:
    """Yield each entry whose present content has been read by fewer than so many people.

    What is `settled` needs nobody.
    """
    prefix = f"{library.root.name}/" if library.root.name else ""
    for entry in library.entries:
        content = entry.policy.slug, entry.digest
        people = reviews.names_on(content)
        if content not in settled and len(people) < names:
            message = _missing(entry, people, names, reviews.last_before(entry) is not None)
            yield Problem(f"{prefix}{entry.path}", 1, "", message)


def _missing(entry: Entry, people: list[str], names: int, edited: bool) -> str:
    seen = f"只有{'、'.join(people)}看过，还差 {names - len(people)} 个人" if people else ""
    told = seen or f"还没有人审核过，要 {names} 个不同的人看过"
    void = "；改动以前的审核不再作数" if edited and not people else ""
    do = f"policykb approve {entry.policy.slug} --name 姓名或岗位"
    return f"这一版{told}{void}。看过没有问题，运行 {do}。"


def contents_at(root: Path, name: str) -> frozenset[Content]:
    """Return what the entries below `root` said at a commit; raise NoHistory."""
    repository = repository_of(root)
    commit = commit_of(repository, name)
    folder = root.resolve().relative_to(repository.resolve()).as_posix()
    blobs = blobs_of(repository, commit, [folder])
    return frozenset(
        (Path(path).stem, blob) for path, blob in blobs.items() if path.lower().endswith(".md")
    )


def rename_reviews(text: str, old: str, new: str | None) -> str:
    """Return the file with the rows of one entry under its new name, or without them."""
    begin = f"- {{slug: {old},"
    lines = text.splitlines(keepends=True)
    rows = [line for line in lines if line.startswith("- ")]
    kept = [line for line in rows if not line.startswith(begin)]
    if new is not None:
        moved = [line for line in rows if line.startswith(begin)]
        kept += [line.replace(begin, f"- {{slug: {new},", 1) for line in moved]
    return "".join([*(line for line in lines if line not in rows), *sorted(kept)])


def add_reviews(root: Path, reviews: Reviews, new: Iterable[Review]) -> None:
    """Write the file with these reviews as well, sorted; raise PolicyError if it has mistakes."""
    if reviews.problems:
        raise PolicyError(reviews.problems)
    rows = sorted({*(row for _, row in reviews.rows), *new})
    save_entry(root / FILE, HEADER + "".join(row.to_line() for row in rows))
