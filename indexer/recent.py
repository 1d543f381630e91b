"""Recent changes (最近更新): what the history of the entries tells readers, in words, by day.

Only what is public is compared. Of what an entry said before, readers are told amounts, dates,
limits and materials, nothing else; and nothing that stands in an internal note by now, or that is
personal: what was published by mistake is not published again.
"""

import json
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any
from unicodedata import normalize

from indexer.changes import FIELDS, Change, Turn, compare_files, title_of
from indexer.library import Library
from indexer.policy import Kind, Policy, label
from indexer.privacy import find_personal_data
from indexer.revisions import (
    NoHistory,
    Step,
    is_shallow,
    read_blobs,
    walk_history,
)
from indexer.snapshots import Fate, is_entry_path, slug_of

DAYS = 90  # back from the day of the build
FLIPPED_DAYS = 60  # back from the day on which the page is read
AHEAD_DAYS = 120  # for so long the page tells what comes into force or expires after its build
MOST_EVENTS = 300  # on the page
HISTORY_ROWS = 20  # on the page of an entry
FIGURES = 5  # told of one entry on one day
LINE = 120  # characters of one of them
IMPORTED = 10  # new entries on one day: more are told as a number
LINKS = 50  # of what changed alike
CHUNK = 200  # pairs of files in memory at one time
NOTE_PIECE = 12  # characters in a row that give an internal note away; see leaks.py

_ORDER = (Fate.WITHDRAWN, Fate.NEW, Fate.MOVED, Fate.CHANGED)  # what readers must know goes first
_NAMES = {Fate.NEW: "新增", Fate.WITHDRAWN: "撤下", Fate.MOVED: "改名", Fate.CHANGED: "改动"}

Data = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """What became of one entry on one day, in words.

    `is_check` tells of no more than a check, `has_figures` of amounts, dates, limits or materials.
    """

    day: date
    slug: str
    fate: Fate
    title: str
    lines: tuple[str, ...] = ()
    is_check: bool = False
    has_figures: bool = False
    authors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Past:
    """All events, the newest first; none where no history is known, not all where it is cut."""

    events: tuple[Event, ...] = ()
    is_known: bool = False
    is_cut: bool = False

    @cached_property
    def _by_slug(self) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            found[event.slug].append(event)
        return found

    def of(self, slug: str) -> list[Event]:
        """Return the events of one entry."""
        return self._by_slug.get(slug, [])


@dataclass(frozen=True)
class _Span:
    """What happened to one entry from the morning to the evening of a day."""

    day: date
    slug: str
    old_path: str
    new_path: str
    old_blob: str
    new_blob: str
    authors: tuple[str, ...]

    @property
    def fate(self) -> Fate | None:
        """What became of it; None where the evening is as the morning was."""
        if not self.old_blob:
            return Fate.NEW if self.new_blob else None
        if not self.new_blob:
            return Fate.WITHDRAWN
        if slug_of(self.old_path) != slug_of(self.new_path):
            return Fate.MOVED
        return Fate.CHANGED if self.old_blob != self.new_blob else None

    @property
    def key(self) -> str:
        """What the words of a change follow from."""
        return f"{self.old_blob[:16]}-{self.new_blob[:16]}"


@dataclass(frozen=True)
class _Words:
    """A change in words: with its figures, without them, and whether it is but a check.

    `title` is that of an entry that was withdrawn.
    """

    lines: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    is_check: bool = False
    title: str = ""

    @property
    def texts(self) -> str:
        """Everything that readers would read."""
        return "\n".join((*self.lines, self.title))

    def guarded(self) -> "_Words":
        """Return the change without any word of what an entry said."""
        return replace(self, lines=self.bare, title="")


def read_past(library: Library, note: Path, since: date, *, authors: bool = False) -> Past:
    """Return what git tells of the entries there are, and of all entries since a day.

    What two states come to in words is kept in `note`, by the names git gives to their contents.
    """
    try:
        steps = tuple(walk_history(library.root))
        is_cut = is_shallow(library.root) if steps else False
    except NoHistory:
        return Past()
    spans = _choose(_spans(steps), library, since)
    words = _words_of(spans, library, note)
    titles = {policy.slug: policy.title for policy in library.policies}
    events = tuple(_event(span, words, titles, authors) for span in spans)
    return Past(events, bool(steps), is_cut)


def _choose(spans: Iterable[_Span], library: Library, since: date) -> list[_Span]:
    """Return the spans that some page may tell, the newest first."""
    counts = Tally[str]()
    chosen = []
    for span in spans:
        if span.fate is None:
            continue
        counts[span.slug] += 1
        is_shown = span.slug in library.by_slug and counts[span.slug] <= HISTORY_ROWS + 1
        if is_shown or span.day >= since:
            chosen.append(span)
    return chosen


def _spans(steps: Iterable[Step]) -> list[_Span]:
    """Return what happened to each entry on each day, the newest first, under its last name."""
    names: dict[str, str] = {}  # the path of a file at this point of the walk → its last slug
    found: dict[tuple[date, str], _Span] = {}
    day = date.max
    for step in steps:
        day = min(day, step.commit.day)  # a clock that was wrong must not turn the order round
        for span in _step_spans(step, day, names):
            later = found.get((day, span.slug))
            if later is not None:
                makers = tuple(dict.fromkeys((*span.authors, *later.authors)))
                span = replace(
                    span, new_path=later.new_path, new_blob=later.new_blob, authors=makers
                )
            found[day, span.slug] = span
    return sorted(found.values(), key=lambda span: (-span.day.toordinal(), span.slug))


def _step_spans(step: Step, day: date, names: dict[str, str]) -> list[_Span]:
    """Return what one commit did to entries; a file that went and came again is one change."""
    spans: dict[str, _Span] = {}
    older: dict[str, str] = {}
    for file in step.files:
        old_path = file.old_path if is_entry_path(file.old_path or "-") else ""
        new_path = file.new_path if is_entry_path(file.new_path or "-") else ""
        if not (old_path or new_path):
            continue
        slug = names.get(new_path or old_path) or slug_of(new_path or old_path)
        if old_path:
            older[old_path] = slug
        other = spans.get(slug)
        spans[slug] = _Span(
            day,
            slug,
            old_path or (other.old_path if other else ""),
            new_path or (other.new_path if other else ""),
            (file.old_blob if old_path else "") or (other.old_blob if other else ""),
            (file.new_blob if new_path else "") or (other.new_blob if other else ""),
            (step.author,),
        )
    names.update(older)
    return list(spans.values())


def _event(
    span: _Span, words: Mapping[str, _Words], titles: Mapping[str, str], authors: bool
) -> Event:
    fate = span.fate or Fate.CHANGED
    made = words.get(span.key, _Words())
    lines = made.lines if fate in (Fate.CHANGED, Fate.MOVED) else ()
    if fate is Fate.MOVED:
        lines = (f"网址从 {slug_of(span.old_path)} 改成了 {slug_of(span.new_path)}", *lines)
    title = titles.get(span.slug) or made.title or span.slug
    return Event(
        span.day,
        span.slug,
        fate,
        title,
        lines,
        is_check=fate is Fate.CHANGED and made.is_check,
        has_figures=made.lines != made.bare,
        authors=span.authors if authors else (),
    )


# Words


def _words_of(spans: Sequence[_Span], library: Library, note: Path) -> dict[str, _Words]:
    """Return what each change comes to in words: as kept, or else worked out and kept.

    What must not be told is never kept, so that it is found out anew each time.
    """
    wanted = {span.key: span for span in spans if span.old_blob}
    kept = {key: words for key, words in _read_note(note).items() if key in wanted}
    for key in _given_away(kept, library):
        del kept[key]
    new = [span for key, span in wanted.items() if key not in kept]
    fresh = dict(_work_out(new, library.root))
    secret = _given_away(fresh, library)
    safe = kept | {key: words for key, words in fresh.items() if key not in secret}
    if new:
        _write_note(note, safe)
    return safe | {key: fresh[key].guarded() for key in secret}


def _work_out(spans: Sequence[_Span], root: Path) -> Iterator[tuple[str, _Words]]:
    """Yield the words of changes, reading the contents of some at a time."""
    for first in range(0, len(spans), CHUNK):
        part = spans[first : first + CHUNK]
        wanted = {blob for span in part for blob in (span.old_blob, span.new_blob) if blob}
        contents = read_blobs(root, sorted(wanted))
        for span in part:
            old = contents[span.old_blob]
            if span.new_blob:
                words = tell_changes(compare_files(old, contents[span.new_blob]))
            else:
                words = _Words(title=title_of(old, ""))
            is_personal = any(find_personal_data(words.texts))
            yield span.key, words.guarded() if is_personal else words


def tell_changes(found: Sequence[Change]) -> _Words:
    """Return changes as readers hear them: figures from and to, of the rest what it is about."""
    news = [change for change in found if not change.quiet]
    figures = [_cut(change.words) for change in news if _is_figure(change)]
    more = (f"另有 {len(figures) - FIGURES} 处",) if len(figures) > FIGURES else ()
    lines = (*figures[:FIGURES], *more, *_tell_fields(news, with_figures=False))
    return _Words(lines, tuple(_tell_fields(news, with_figures=True)), not news)


def _is_figure(change: Change) -> bool:
    """Tell whether readers want both values: of a list that was empty they do not want all."""
    return change.figure and not (change.whole and change.turn is not Turn.CHANGED)


def _cut(words: str) -> str:
    return words if len(words) <= LINE else f"{words[:LINE]}……"


def _tell_fields(news: Iterable[Change], *, with_figures: bool) -> Iterator[str]:
    """Yield which fields are new, gone, or different, each once."""
    verbs: dict[str, list[str]] = {"补充了": [], "删去了": [], "改了": []}
    for change in news:
        if _is_figure(change) and not with_figures:
            continue
        verb = "改了"
        if change.whole and change.turn is not Turn.REORDERED:
            verb = "删去了" if not change.after else "补充了" if not change.before else "改了"
        name = FIELDS.get(change.field, "怎么算" if change.field == "estimate" else "内容")
        if name not in (told for names in verbs.values() for told in names):
            verbs[verb].append(name)
    for verb, names in verbs.items():
        if names:
            told = "、".join(names)
            yield f"{told}{verb}" if verb == "改了" else f"{verb}{told}"


def _given_away(words: Mapping[str, _Words], library: Library) -> set[str]:
    """Return the keys of words of which a piece stands in an internal note."""
    pieces: dict[str, set[str]] = defaultdict(set)
    for key, one in words.items():
        for piece in _pieces(one.texts):
            pieces[piece].add(key)
    notes = (policy.internal for policy in library.policies if policy.internal)
    return {key for note in notes for piece in _pieces(note) for key in pieces.get(piece, ())}


def _pieces(text: str) -> Iterator[str]:
    folded = "".join(normalize("NFKC", text).lower().split())
    return (folded[at : at + NOTE_PIECE] for at in range(len(folded) - NOTE_PIECE + 1))


def _read_note(note: Path) -> dict[str, _Words]:
    """Return what is kept; what other code kept, or what is broken, counts for nothing."""
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        if kept["made_by"] != _makers():
            return {}
        return {
            key: _Words(tuple(lines), tuple(bare), bool(is_check), str(title))
            for key, (lines, bare, is_check, title) in kept["words"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _write_note(note: Path, words: Mapping[str, _Words]) -> None:
    rows = {key: [one.lines, one.bare, one.is_check, one.title] for key, one in words.items()}
    note.parent.mkdir(parents=True, exist_ok=True)
    kept = {"made_by": _makers(), "words": rows}
    note.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")


@cache
def _makers() -> str:
    """Return a mark of the code and the words that make a change into words."""
    package = Path(__file__).parent
    names = ("recent.py", "changes.py", "policy.py", "lexicon/questions.yml")
    digest = blake2b(digest_size=8)
    for name in names:
        digest.update(blake2b((package / name).read_bytes()).digest())
    return digest.hexdigest()


# On pages


def describe_history(past: Past, slug: str) -> Data:
    """Return what the page of an entry tells of its history."""
    events = past.of(slug)
    return {
        "rows": [
            {
                "day": event.day.isoformat(),
                "text": "；".join(_tell_event(event)),
                "authors": "、".join(event.authors),
            }
            for event in events[:HISTORY_ROWS]
        ],
        "more": len(events) > HISTORY_ROWS,
        "cut": past.is_cut,
    }


def _tell_event(event: Event) -> tuple[str, ...]:
    match event.fate:
        case Fate.NEW:
            return ("收进政策库",)
        case Fate.WITHDRAWN:
            return ("撤下",)
    return event.lines or ("只核对、改了字句，内容没有变",)


def describe_changes(library: Library, past: Past, day: date) -> Data:
    """Return what the page of recent changes tells on a day: edits by day, and what dates turn."""
    since = day - timedelta(days=DAYS)
    events = [event for event in past.events if since <= event.day <= day]
    news = [event for event in events if not event.is_check]
    by_day: dict[date, list[Event]] = defaultdict(list)
    for event in news[:MOST_EVENTS]:
        by_day[event.day].append(event)
    kinds = {policy.slug: label(policy.kind) for policy in library.policies}
    return {
        "built": day.isoformat(),
        "since": since.isoformat(),
        "known": past.is_known,
        "cut": past.is_cut,
        "left_out": max(len(news) - MOST_EVENTS, 0),
        "checks": len(events) - len(news),
        "days": [_describe_day(when, by_day[when], kinds) for when in by_day],
        "turns": _turns(library.policies, day),
        "turned_days": FLIPPED_DAYS,
        "ahead": (day + timedelta(days=AHEAD_DAYS)).isoformat(),
    }


def _describe_day(day: date, events: Sequence[Event], kinds: Mapping[str, str]) -> Data:
    new = [event for event in events if event.fate is Fate.NEW]
    is_import = len(new) > IMPORTED
    told = [event for event in events if not (is_import and event.fate is Fate.NEW)]
    counts = Tally(kinds.get(event.slug, "已经撤下的") for event in new)
    named = "，".join(f"{name} {counts[name]} 条" for name in _in_order(counts))
    alike: dict[tuple[Fate, tuple[str, ...]], list[Event]] = defaultdict(list)
    for event in sorted(told, key=lambda event: (_ORDER.index(event.fate), not event.has_figures)):
        alike[event.fate, event.lines].append(event)
    return {
        "day": day.isoformat(),
        "imported": f"新收录 {len(new)} 条：{named}" if is_import else "",
        "groups": [
            _describe_group(fate, lines, same, kinds) for (fate, lines), same in alike.items()
        ],
    }


def _in_order(counts: Mapping[str, int]) -> list[str]:
    names = [label(kind) for kind in Kind]
    return sorted(counts, key=lambda name: names.index(name) if name in names else len(names))


def _describe_group(
    fate: Fate, lines: tuple[str, ...], same: Sequence[Event], kinds: Mapping[str, str]
) -> Data:
    """Return entries that changed alike, with what is told of them once."""
    return {
        "fate": fate,
        "label": _NAMES[fate],
        "total": len(same),
        "links": [
            {"slug": event.slug if event.slug in kinds else "", "title": event.title}
            for event in same[:LINKS]
        ],
        "lines": list(lines),
    }


def _turns(policies: Iterable[Policy], day: date) -> list[Data]:
    """Return what comes into force or expires about now, the latest first.

    The browser shows what has turned by the day on which the page is read.
    """
    first, last = day - timedelta(days=FLIPPED_DAYS), day + timedelta(days=AHEAD_DAYS)
    rows = [
        {
            "day": turn.isoformat(),
            "slug": policy.slug,
            "title": policy.title,
            "text": "施行" if not over else "由新规定接替" if policy.superseded_by else "失效",
            "over": over,
            "shown": turn <= day,
        }
        for policy in policies
        for turn, over in _turning_days(policy)
        if first <= turn <= last
    ]
    return sorted(rows, key=lambda row: (row["day"], row["slug"]), reverse=True)


def _turning_days(policy: Policy) -> Iterator[tuple[date, bool]]:
    if policy.effective:
        yield policy.effective, False
    if policy.expires:
        yield policy.expires + timedelta(days=1), True
