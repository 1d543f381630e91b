"""Links (网址): which addresses the entries name, what is known of each, what follows for whom.

What was seen is kept in `build/links.json`:

    {"version": 1, "links": {"https://…": {
        "checked": "2026-11-30",      the day it was last asked
        "state": "ok",                ok, moved, dead or unknown
        "status": 200,                what the site answered, null where it did not
        "message": "",                what was wrong, for people
        "moved_to": null,             where a permanent redirect leads
        "digest": "…",                of the readable text, never the text itself
        "etag": null, "modified": null,   with which the next request asks for what has changed
        "changed": null,              the day on which another text was seen
        "failures": [],               the days on which nothing could be seen, since it last could
        "not_before": null}}}         until when the site asked to be left alone

Only what a site says itself (404, 410, a page that tells it is gone) is believed at once. Whatever
may be the network's fault waits for failures on three different days.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from indexer.entryfile import save_entry
from indexer.frontmatter import Loc, place_name
from indexer.library import Entry, Library
from indexer.policy import Kind

LINKS = Path("build/links.json")
VERSION = 1
DAYS_UNTIL_DEAD = 3
_KINDS = list(Kind)
_BARE = re.compile(r"https?://[^\s<>\"'`()\[\]（），。；、！？”’》]{1,2000}")


class State(StrEnum):
    """What an address has come to (网址的情况)."""

    OK = "ok"  # 正常
    MOVED = "moved"  # 搬走了
    DEAD = "dead"  # 打不开
    UNKNOWN = "unknown"  # 说不准


class Outcome(StrEnum):
    """How one visit went (这一次怎样)."""

    SEEN = "seen"
    UNCHANGED = "unchanged"  # the site says so itself (304)
    GONE = "gone"
    FAILED = "failed"  # the network's fault, or the site's for the moment
    REFUSED = "refused"  # the site lets no program see it; a person can look


@dataclass(frozen=True)
class Sighting:
    """What one visit saw (看到的)."""

    outcome: Outcome
    status: int | None = None
    message: str = ""
    moved_to: str | None = None
    digest: str | None = None
    etag: str | None = None
    modified: str | None = None
    not_before: date | None = None


class LinkRecord(BaseModel):
    """What is known of one address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checked: date
    state: State
    status: int | None = None
    message: str = ""
    moved_to: str | None = None
    digest: str | None = None
    etag: str | None = None
    modified: str | None = None
    changed: date | None = None
    failures: tuple[date, ...] = ()
    not_before: date | None = None


class _LinksFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    links: dict[str, LinkRecord]


Records = dict[str, LinkRecord]


class LinksUnreadable(Exception):
    """The file of what was seen is damaged."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} 坏了，读不出来，从头开始记。")


@dataclass(frozen=True)
class Place:
    """Where an entry names an address."""

    entry: Entry
    field: str
    line: int


@dataclass(frozen=True)
class Address:
    """One address, and every place that names it."""

    url: str
    places: tuple[Place, ...]

    @property
    def host(self) -> str:
        """The host that is asked."""
        return host_of(self.url)


@dataclass(frozen=True)
class LinkFinding:
    """What an editor should know of one place: the address, what is wrong, and what to do."""

    slug: str
    path: str
    line: int
    field: str
    url: str
    state: State
    message: str
    what: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass
class Count:
    """How many addresses came out how."""

    states: dict[str, int] = field(default_factory=dict)
    changed: int = 0


def host_of(url: str) -> str:
    """Return the host of an address, or nothing where it has none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


# What the entries name


def find_addresses(library: Library, reads: Mapping[str, int] | None = None) -> list[Address]:
    """Return every address once: those of the entries that are read most first.

    Where nothing is known of readers, what is done at the counter comes first, and what was
    reviewed last.
    """
    places: dict[str, list[Place]] = {}
    for entry in sorted(library.entries, key=lambda entry: _rank(entry, reads or {})):
        for url, place in _named(entry):
            places.setdefault(url, []).append(place)
    return [Address(url, tuple(found)) for url, found in places.items()]


def _rank(entry: Entry, reads: Mapping[str, int]) -> tuple[int, int, int, str]:
    policy = entry.policy
    newest = -policy.reviewed.toordinal()
    return -reads.get(policy.slug, 0), _KINDS.index(policy.kind), newest, policy.slug


def _named(entry: Entry) -> Iterator[tuple[str, Place]]:
    for loc, url in _urls(entry.policy.public_record(), ()):
        yield _bare(url), Place(entry, place_name(loc), entry.line_of(*loc))
    for number, line in enumerate(entry.policy.body.split("\n"), start=entry.body_line):
        for url in _BARE.findall(line):
            yield _bare(url.rstrip(".,;:!?*_")), Place(entry, "正文", number)


def _urls(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Yield every address in a record with its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("url", "template_url") and isinstance(inner, str):
                yield (*loc, name), inner
            else:
                yield from _urls(inner, (*loc, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _urls(inner, (*loc, number))


def _bare(url: str) -> str:
    """Return an address without its fragment, which no server ever sees."""
    try:
        return urldefrag(url).url
    except ValueError:  # an address with a broken host is told when it is asked
        return url


# What is known


def note(old: LinkRecord | None, seen: Sighting, day: date) -> LinkRecord:
    """Return what is known of an address after one more visit."""
    known = old or LinkRecord(checked=day, state=State.UNKNOWN)
    shared = {"checked": day, "status": seen.status, "message": seen.message}
    shared |= {"not_before": seen.not_before, "moved_to": seen.moved_to}
    if seen.outcome in (Outcome.SEEN, Outcome.UNCHANGED):
        state = State.MOVED if seen.moved_to else State.OK
        return known.model_copy(
            update=shared | {"state": state, "failures": ()} | _text(known, seen, day)
        )
    if seen.outcome is Outcome.GONE:
        return known.model_copy(update=shared | {"state": State.DEAD, "failures": ()})
    failures = tuple(sorted({*known.failures, day}))
    enough = len(failures) >= DAYS_UNTIL_DEAD and seen.outcome is Outcome.FAILED
    state = State.DEAD if enough else State.UNKNOWN
    return known.model_copy(update=shared | {"state": state, "failures": failures})


def _text(known: LinkRecord, seen: Sighting, day: date) -> dict[str, Any]:
    """Return what the text that was seen makes known."""
    if seen.outcome is Outcome.UNCHANGED:
        return {}
    other = known.digest is not None and seen.digest != known.digest
    return {
        "digest": seen.digest,
        "etag": seen.etag,
        "modified": seen.modified,
        "changed": day if other else known.changed,
    }


def is_due(address: Address, records: Records, today: date, again: bool) -> bool:
    """Tell whether an address is to be asked: not twice a day, not while its host said so."""
    record = records.get(address.url)
    return again or record is None or record.checked != today


def resting_hosts(records: Records, today: date) -> frozenset[str]:
    """Return the hosts that want to be left alone beyond `today`."""
    waiting = (url for url, record in records.items() if (record.not_before or today) > today)
    return frozenset(map(host_of, waiting))


class Ledger:
    """Takes down what visits saw.

    Until a page has been seen as it should be, a failure says nothing of the address: the network
    may be closed, or a gateway may answer 404 for everybody. It is held back until then, and
    forgotten if that never comes. The inside and the outside count apart.
    """

    def __init__(self, records: Records, inner: frozenset[str], today: date) -> None:
        self.records = records
        self._inner, self._today = inner, today
        self._proven: set[bool] = set()
        self._held: dict[bool, list[tuple[str, Sighting]]] = {True: [], False: []}

    def take(self, url: str, seen: Sighting) -> None:
        """Take down what was seen of an address."""
        inside = host_of(url) in self._inner
        if seen.outcome in (Outcome.SEEN, Outcome.UNCHANGED):
            self._proven.add(inside)
        self._held[inside].append((url, seen))
        if inside in self._proven:
            for name, sighting in self._held[inside]:
                self.records[name] = note(self.records.get(name), sighting, self._today)
            self._held[inside].clear()

    @property
    def unproven(self) -> tuple[Sighting, ...]:
        """What was seen and says nothing, as nothing around it was as it should be."""
        return tuple(seen for held in self._held.values() for _, seen in held)


def read_records(path: Path) -> Records:
    """Return what is known so far; raise LinksUnreadable where the file is damaged."""
    try:
        found = _LinksFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        raise LinksUnreadable(path) from None
    if found.version != VERSION:
        raise LinksUnreadable(path)
    return dict(found.links)


def save_records(path: Path, records: Records) -> None:
    """Write what is known, in one step."""
    links = dict(sorted(records.items()))
    whole = _LinksFile(version=VERSION, links=links)
    save_entry(path, whole.model_dump_json(indent=1) + "\n")


# What follows


def find_findings(addresses: Iterable[Address], records: Records) -> Iterator[LinkFinding]:
    """Yield what the editors of each place have to look at."""
    for address in addresses:
        record = records.get(address.url)
        for place in address.places if record else ():
            told = _told(record, place.entry.policy.reviewed) if record else None
            if told:
                message, what = told
                entry = place.entry
                about = (entry.policy.slug, entry.path, place.line, place.field, address.url)
                yield LinkFinding(*about, record.state if record else State.OK, message, what)


def _told(record: LinkRecord, reviewed: date) -> tuple[str, str] | None:
    """Return what is wrong and what to do, or nothing.

    A change is done with once the entry has been reviewed since.
    """
    if record.state is State.DEAD:
        days = f"（{len(record.failures)} 天都这样）" if record.failures else ""
        return (
            f"打不开：{record.message}{days}。",
            "找到现在的网址换上；找不到就换别的出处，或者写明文号和从哪里读到",
        )
    if record.state is State.MOVED:
        return f"搬到了 {record.moved_to}。", "打开看看是不是原来的内容，是就换成新网址"
    if record.state is State.UNKNOWN and len(record.failures) >= DAYS_UNTIL_DEAD:
        return f"程序看不了：{record.message}。", "用浏览器打开看一眼，打得开就不用管"
    if record.changed is not None and record.changed > reviewed:
        return (
            f"{record.changed} 发现内容变了。",
            "打开看改了什么，条目跟着改，再改核对日期",
        )
    return None


def count_states(addresses: Sequence[Address], records: Records) -> Count:
    """Return how many of these addresses came out how."""
    known = [records[address.url] for address in addresses if address.url in records]
    states = {state.value: sum(record.state is state for record in known) for state in State}
    findings = find_findings(addresses, records)
    changed = {found.url for found in findings if "内容变了" in found.message}
    return Count(states, len(changed))
