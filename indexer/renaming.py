"""Renaming (改名): which places of which files a new name changes, and nothing but those places.

A plan is made in memory; `rehearsal` checks it in full before any file is touched.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from indexer.changeset import Change
from indexer.checks import RELATIONS
from indexer.entryfile import (
    NoFrontMatter,
    replace_scalars,
    replace_values,
    revise_entry,
    split_entry,
    write_scalar,
)
from indexer.frontmatter import Loc, read_front_matter
from indexer.issuers import load_issuers, rename_issuer
from indexer.library import Library, find_links, linked_slug
from indexer.moved import (
    MOVED_FILE,
    Move,
    mistakes_in_text,
    rename_in,
    withdraw_in,
    write_moves,
)
from indexer.policy import LEXICON, SLUG_PATTERN, load_topics, other_places, region_names
from indexer.problems import PolicyError, Problem, did_you_mean, shown
from indexer.reviews import FILE as REVIEWS_FILE
from indexer.reviews import rename_reviews

SLUG_FIELDS = (*RELATIONS, "related")
PERSONA_LISTS = ("likely", "more_information", "not_eligible")
MAX_NAME = 40
# What needs quotes nowhere: neither in YAML nor in a list inside brackets, nor in an address.
_NAME = r"\w[\w（）()·—-]*"
_SPOKEN_OF = (".md", ".py", ".js", ".yml", ".toml", ".json", ".csv", ".html")

ChangeOf = Callable[[Loc, str, Mapping[str, Any]], str | None]


class What(StrEnum):
    """What can be renamed."""

    ENTRY = "entry"  # 条目名
    TOPIC = "topic"  # 主题
    REGION = "region"  # 地区
    ISSUER = "issuer"  # 发文机关


LABELS = {
    What.ENTRY: "条目",
    What.TOPIC: "主题",
    What.REGION: "地区",
    What.ISSUER: "发文机关",
}


@dataclass(frozen=True)
class Plan:
    """What is to be written, and where the old name is still spoken of afterwards."""

    changes: tuple[Change, ...]
    mentions: tuple[str, ...] = ()


class Refused(Exception):
    """A name that cannot be given or taken away, and why."""


def plan_rename(what: What, old: str, new: str, library: Library, project: Path, day: date) -> Plan:
    """Return everything that a new name changes; raise Refused with every reason against it."""
    if reasons := list(_reasons_against(what, old, new, library)):
        raise Refused("\n".join(reasons))
    if what is What.ENTRY:
        return _plan_entry(old, new, library, project, day)
    change_of: dict[What, ChangeOf] = {
        What.TOPIC: lambda loc, value, _: _if(loc[0] == "topic", value, old, new),
        What.REGION: lambda loc, value, head: _if(_is_region(loc, head), value, old, new),
        What.ISSUER: lambda loc, value, _: _issuer_of(loc, value, old, new),
    }
    entries = (_revise(path, old, change_of[what]) for path in _entry_files(library))
    changes = [*_rename_in_lexicon(what, old, new), *filter(None, entries)]
    return Plan(tuple(changes))


def plan_withdrawal(
    slug: str, reason: str, instead: str, library: Library, project: Path, day: date
) -> Plan:
    """Return what takes an entry out of the library.

    Raises Refused where it cannot be, PolicyError with every place that still needs the entry.
    """
    entry = library.by_slug.get(slug)
    if entry is None:
        raise Refused(_no_such(What.ENTRY, slug, library))
    reasons = [f"--reason：{message}" for message in mistakes_in_text(reason)]
    if len(reason.strip()) < 5 or "\n" in reason:
        reasons.append("--reason：用一句话写明为什么撤下，至少 5 个字，网页上谁都看得到。")
    if instead == slug:
        reasons.append("--instead：不能是它自己。")
    elif instead and instead not in library.by_slug:
        reasons.append(f"--instead：{_no_such(What.ENTRY, instead, library)}")
    if reasons:
        raise Refused("\n".join(reasons))
    if problems := [*_needed_by(slug, library), *_pinned(slug)]:
        raise PolicyError(problems)
    gone = Move(
        slug, day, title=entry.policy.title, reason=" ".join(reason.split()), instead=instead
    )
    path = library.root / entry.path
    moves = _change_moves(library, withdraw_in(library.moves, gone))
    reviewed = _change_text(
        library.root / REVIEWS_FILE, lambda text: rename_reviews(text, slug, None)
    )
    changes = (Change(path, _text_of(path), None), moves, *reviewed)
    return Plan(changes, tuple(_mentions(slug, library, project, changes)))


# What speaks against a name


def _reasons_against(what: What, old: str, new: str, library: Library) -> Iterator[str]:
    known = _known(what, library)
    others = _other_names(what)
    one = what is What.ISSUER and others.get(old) == new  # another spelling of the same
    if old not in known and not one:
        yield _no_such(what, old, library)
    if unfit := _unfit(what, new):
        yield unfit
    elif new == old:
        yield "新旧名称一样，不用改。"
    elif new in known and not one:
        yield f"{LABELS[what]}{shown(new)}已经有了，请换一个名称。"
    elif new in others and not (what is What.ISSUER and others[new] == old):
        yield f"{shown(new)}是{LABELS[what]}{shown(others[new])}的别的写法，请换一个名称。"
    elif what is What.ENTRY:
        yield from _reasons_in_the_past(old, new, library)


def _unfit(what: What, name: str) -> str:
    """Return why nothing can have this name, or nothing."""
    if what is What.ENTRY:
        if re.fullmatch(SLUG_PATTERN, name) and len(name) <= 80:
            return ""
        allowed = "小写英文字母、数字和连字符，最长 80 个字符，例如 road-excavation"
        return f"{shown(name)}不能作条目名：只用{allowed}。"
    if re.fullmatch(_NAME, name) and len(name) <= MAX_NAME:
        return ""
    allowed = f"汉字、字母、数字、括号和连字符，中间没有空格，最长 {MAX_NAME} 个字"
    return f"{shown(name)}不能作名称：只用{allowed}。"


def _reasons_in_the_past(old: str, new: str, library: Library) -> Iterator[str]:
    """Yield why a name of the past is not free: its old address leads elsewhere."""
    move = library.former.get(new)
    if move is not None and move.to != old:
        yield f"{move} 旧网址还在用，请换一个条目名。"
    entry = library.by_slug.get(old)
    place = (library.root / entry.path).with_name(f"{new}.md") if entry else None
    if place is not None and place.exists():
        yield f"{place} 已经有了，不是条目；请先移开，或者换一个条目名。"


def _known(what: What, library: Library) -> list[str]:
    match what:
        case What.TOPIC:
            return [topic.name for topic in load_topics()]
        case What.REGION:
            return list(region_names())
        case What.ISSUER:
            return [issuer.name for issuer in load_issuers()]
    return list(library.by_slug)


def _other_names(what: What) -> dict[str, str]:
    """Return the names beside the usual ones, each with the usual one."""
    if what is What.REGION:
        return other_places()
    if what is What.ISSUER:
        return {other: issuer.name for issuer in load_issuers() for other in issuer.others}
    return {}


def _no_such(what: What, name: str, library: Library) -> str:
    if what is What.ENTRY and name in library.former:
        return str(library.former[name])
    hint = did_you_mean(name[:80], _known(what, library))
    return f"没有{LABELS[what]}{shown(name)}。{hint}"


# Entries


def _entry_files(library: Library) -> Iterator[Path]:
    """Yield the files that are written as entries: the entries themselves, and the samples."""
    yield from (library.root / entry.path for entry in library.entries)
    yield from sorted((library.root / "templates").glob("*.md"))


def _text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def _revise(
    path: Path, old: str, change_of: ChangeOf, links: tuple[str, str] | None = None
) -> Change | None:
    """Return the change of one entry's file, or None where nothing changes."""
    text = _text_of(path)
    if old not in text and "\\" not in text:  # which may stand for any character in YAML
        return None
    try:
        revised = _change_values(text, change_of)
    except NoFrontMatter:  # a note beside the samples
        return None
    if links is not None:
        revised = _change_links(revised, *links)
    return Change(path, text, revised) if revised != text else None


def _change_values(text: str, change_of: ChangeOf) -> str:
    head, _ = split_entry(text)
    values = read_front_matter(head, first_line=2).values
    changes = {
        loc: changed
        for loc, value in _texts_in(values)
        if (changed := change_of(loc, value, values)) is not None
    }
    if not changes:
        return text
    for loc, changed in changes.items():
        _put(values, loc, changed)
    revised = replace_values(text, changes)
    if read_front_matter(split_entry(revised)[0], first_line=2).values != values:
        return revise_entry(text, values)  # a text over several lines: its field is written anew
    return revised


def _texts_in(value: Any, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Yield every text of some values with its place."""
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts_in(inner, (*loc, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts_in(inner, (*loc, number))


def _put(values: Any, loc: Loc, text: str) -> None:
    for part in loc[:-1]:
        values = values[part]
    values[loc[-1]] = text


def _if(applies: bool, value: str, old: str, new: str) -> str | None:
    return new if applies and value.strip() == old else None


def _is_region(loc: Loc, values: Mapping[str, Any]) -> bool:
    """Tell whether a place is for a region: the field itself, or a condition on it."""
    if loc[0] == "region":
        return True
    at = loc[: loc.index("value")] if "value" in loc else None
    if loc[0] != "eligibility" or at is None:
        return False
    condition: Any = values
    for part in at:
        condition = condition[part]
    return isinstance(condition, dict) and condition.get("field") == "region"


def _issuer_of(loc: Loc, value: str, old: str, new: str) -> str | None:
    if loc[-1] != "issuer":
        return None
    changed = rename_issuer(value, old, new)
    return changed if changed != value else None


def _slug_of(loc: Loc, value: str, old: str, new: str) -> str | None:
    names = tuple(part for part in loc if isinstance(part, str))
    applies = names[0] in SLUG_FIELDS or names in (("superseded_by",), ("bundle", "entry"))
    return _if(applies, value, old, new)


def _change_links(text: str, old: str, new: str) -> str:
    """Return the file with the links of its body turned; the words of a link stay."""
    _, body = split_entry(text)
    start = len(text) - len(body)
    for first, target in reversed(list(find_links(text[start:]))):
        if linked_slug(target) == old:
            at = start + first
            text = f"{text[:at]}{new}{text[at + len(old) :]}"
    return text


# The lexicon


def _rename_in_lexicon(what: What, old: str, new: str) -> Iterator[Change]:
    path = LEXICON / f"{what}s.yml"
    text = _text_of(path)
    rows = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506
    names = ("name", "within") if what is What.REGION else ("name",)
    places: dict[Loc, str] = {
        (number, name): new
        for number, row in enumerate(rows)
        for name in names
        if row.get(name) == old
    }
    if not places:  # another spelling becomes the usual one; the lexicon has both already
        return
    changed = replace_scalars(text, places)
    if what is not What.TOPIC:
        number = next(number for number, name in places if name == "name")
        changed = _add_other(changed, int(number), old, new)
    yield Change(path, text, changed)
    if what is What.REGION:
        yield from _rename_region_of_issuers(old, new)


def _rename_region_of_issuers(old: str, new: str) -> Iterator[Change]:
    path = LEXICON / "issuers.yml"
    text = _text_of(path)
    rows = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506
    places: dict[Loc, str] = {
        (number, "region"): new for number, row in enumerate(rows) if row.get("region") == old
    }
    if places:
        yield Change(path, text, replace_scalars(text, places))


def _add_other(text: str, number: int, old: str, new: str) -> str:
    """Return the lexicon with the old name among the other names of a row, and not the new one."""
    rows: Any = yaml.compose(text, Loader=yaml.BaseLoader)
    row = rows.value[number]
    written = write_scalar(old)
    others = next((value for key, value in row.value if key.value == "others"), None)
    if others is None:
        end = row.value[-1][1].end_mark.index
        indent = " " * row.value[0][0].start_mark.column
        added = f", others: [{written}]" if row.flow_style else f"\n{indent}others: [{written}]"
        return text[:end] + added + text[end:]
    taken = next((item for item in others.value if item.value == new), None)
    if taken is not None:  # the two change places
        return text[: taken.start_mark.index] + written + text[taken.end_mark.index :]
    last = others.value[-1] if others.value else None
    end = last.end_mark.index if last else others.end_mark.index - 1
    if others.flow_style:
        added = f", {written}" if last else written
    else:
        added = f"\n{' ' * others.start_mark.column}- {written}"
    return text[:end] + added + text[end:]


# An entry's name


def _plan_entry(old: str, new: str, library: Library, project: Path, day: date) -> Plan:
    def change_of(loc: Loc, value: str, _: Mapping[str, Any]) -> str | None:
        return _slug_of(loc, value, old, new)

    own = library.root / library.by_slug[old].path
    changes: list[Change] = []
    for path in _entry_files(library):
        change = _revise(path, old, change_of, (old, new))
        if path == own:
            text = _text_of(path)
            changes.append(Change(path, text, None))
            after = change.after if change else text
            changes.append(Change(path.with_name(f"{new}{path.suffix}"), None, after))
        elif change is not None:
            changes.append(change)
    changes.append(_change_moves(library, rename_in(library.moves, old, new, day)))
    changes += _change_beside(old, new, library, project)
    return Plan(tuple(changes), tuple(_mentions(old, library, project, changes)))


def _change_moves(library: Library, moves: tuple[Move, ...]) -> Change:
    path = library.root / MOVED_FILE
    text = _text_of(path) if path.exists() else None
    return Change(path, text, write_moves(text or "", moves))


def _change_beside(old: str, new: str, library: Library, project: Path) -> Iterator[Change]:
    """Yield the changes of all that names an entry without being one."""
    page = re.compile(rf"(?<![\w/-])((?:policies|notices)/){re.escape(old)}(?=\.(?:md|html)\b)")
    row = re.compile(rf"^((?:\"(?:[^\"]|\"\")*\"|[^,\"\n]*),){re.escape(old)}(?=,)", re.MULTILINE)
    for path, change in (
        (library.root / "index.md", lambda text: page.sub(rf"\g<1>{new}", text)),
        (LEXICON / "pins.yml", lambda text: _change_rows(text, ("slug",), old, new)),
        (library.root / REVIEWS_FILE, lambda text: rename_reviews(text, old, new)),
    ):
        yield from _change_text(path, change)
    if not _belongs(library, project):
        return
    tests = project / "tests"
    yield from _change_text(project / "mkdocs.yml", lambda text: page.sub(rf"\g<1>{new}", text))
    for path in sorted(tests.glob("*.csv")):
        yield from _change_text(path, lambda text: row.sub(rf"\g<1>{new}", text))
    for path in sorted((tests / "personas").glob("*.yml")):
        yield from _change_text(path, lambda text: _change_rows(text, PERSONA_LISTS, old, new))
    for path in sorted((tests / "cases").glob("*.yml")):
        yield from _change_text(path, lambda text: _change_rows(text, ("entry", "slug"), old, new))


def _change_text(path: Path, change: Callable[[str], str]) -> Iterator[Change]:
    if not path.is_file():
        return
    text = _text_of(path)
    changed = change(text)
    if changed != text:
        yield Change(path, text, changed)


def _change_rows(text: str, keys: tuple[str, ...], old: str, new: str) -> str:
    """Return a document of YAML with the new name as the value of these keys, or in their lists."""
    if old not in text:
        return text
    values = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506
    places = {
        loc: new
        for loc, value in _texts_in(values)
        if value == old and next((p for p in reversed(loc) if isinstance(p, str)), "") in keys
    }
    return replace_scalars(text, places) if places else text


def _belongs(library: Library, project: Path) -> bool:
    """Tell whether the tests and the settings of a project are those of this library."""
    return library.root.resolve().is_relative_to(project.resolve())


def _mentions(
    slug: str, library: Library, project: Path, changes: Iterable[Change]
) -> Iterator[str]:
    """Yield where the project still speaks of a name, for a person to look at."""
    if not _belongs(library, project):
        return
    whole = re.compile(rf"(?<![a-z0-9-]){re.escape(slug)}(?![a-z0-9-])")
    planned = {change.path.resolve(): change.after for change in changes}
    folders = [project / name for name in ("tests", "benchmarks", "site", "indexer")]
    files = [*project.glob("*.md"), *(path for folder in folders for path in folder.rglob("*"))]
    for path in sorted(path for path in files if path.suffix in _SPOKEN_OF and path.is_file()):
        text = planned[path.resolve()] if path.resolve() in planned else _read(path)
        for number, line in enumerate((text or "").splitlines(), start=1):
            if whole.search(line):
                yield f"{path.relative_to(project).as_posix()}:{number}"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


# Withdrawal


def _needed_by(slug: str, library: Library) -> Iterator[Problem]:
    """Yield every place of the other entries that needs this one."""
    prefix = f"{library.root.name}/" if library.root.name else ""
    message = f"还写着要撤下的{shown(slug)}，请先删去，或者换成别的条目。"
    for entry in library.entries:
        if entry.policy.slug == slug:
            continue
        values = entry.policy.model_dump(mode="json", by_alias=True)
        for loc, value in _texts_in(values):
            if _slug_of(loc, value, slug, "-") is not None:
                place = ".".join(str(p + 1) if isinstance(p, int) else p for p in loc)
                yield Problem(prefix + entry.path, entry.line_of(*loc), place, message)
        for line, linked in entry.links:
            if linked == slug:
                yield Problem(prefix + entry.path, line, "", f"链接里{message}")
    index = library.root / "index.md"
    lines = _text_of(index).splitlines() if index.is_file() else []
    for number, text in enumerate(lines, start=1):
        if f"policies/{slug}.md" in text:
            yield Problem(f"{prefix}index.md", number, "", f"链接里{message}")


def _pinned(slug: str) -> Iterator[Problem]:
    path = LEXICON / "pins.yml"
    front = read_front_matter(f"pins:\n{_text_of(path)}", first_line=0)
    for number, row in enumerate(front.values.get("pins") or []):
        if isinstance(row, dict) and row.get("slug") == slug:
            line = front.lines[("pins", number, "slug")]
            message = f"{shown(slug)}还在置顶，请先删去这一条，或者换成别的条目。"
            yield Problem("indexer/lexicon/pins.yml", line, "slug", message)
