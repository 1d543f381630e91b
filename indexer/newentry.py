"""A new entry (新条目): what it must say, how it is called, where it goes, and how it begins."""

import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError
from rapidfuzz import fuzz, process

from indexer.complaints import complain
from indexer.entryfile import split_entry, write_entry
from indexer.loader import inspect_library
from indexer.policy import Audience, Kind, Policy
from indexer.problems import Problem
from indexer.repairs import as_doc_number

SLUG_WORDS = 4
SLUG_LETTERS = 40
LIKENESS = 70  # of 100, from which a name counts as near
LISTED = 3
NAMED = ("kind", "title", "slug", "audience", "topic", "level", "issuer", "summary", "sources")
FOLDERS = {Kind.SERVICE: "approvals", Kind.RULE: "rules"}

# What an entry of a kind usually goes on with; the fields of all kinds come with the first.
_NEXT = {
    Kind.SERVICE: ("applies_to", "conditions", "situations", "materials", "procedure"),
    Kind.BENEFIT: ("effective", "expires", "eligibility", "benefits", "benefit_mode"),
    Kind.RULE: ("key_points",),
}
_ALWAYS = ("aliases", "queries", "answers", "documents")
_LATER = {Kind.SERVICE: ("time_limit", "fee"), Kind.BENEFIT: ("application_window",)}
_LAST = ("contact", "review_by", "owner")
_NUMBER = re.compile(r"\d\s*号(?:令)?$")


def check_value(name: str, value: Any) -> list[str]:
    """Return what is wrong with the value of one field, in the words of `policykb check`."""
    try:
        Policy.model_validate({name: value})
    except ValidationError as error:
        return [message for loc, message in complain(error) if loc and loc[0] == name]
    return []


def read_sources(texts: Sequence[str]) -> list[dict[str, str]]:
    """Return sources, each from “名称=网址、文号或者从哪里读到”."""
    pairs = [[part.strip() for part in text.partition("=")] for text in texts]
    return [
        source_of(title, place, id_) for (title, _, place), id_ in zip(pairs, _ids(), strict=False)
    ]


def _ids() -> Iterator[str]:
    """Yield names by which what rests on a source may cite it: A, B … Z, S27 …"""
    yield from string.ascii_uppercase
    yield from (f"S{number}" for number in count(len(string.ascii_uppercase) + 1))


def source_of(title: str, place: str, id_: str = "A") -> dict[str, str]:
    """Return a source by its title and where it is found: an address, a number, or in words."""
    source = {"id": id_, "title": title}
    if place.startswith(("http://", "https://")):
        return {**source, "url": place}
    if _NUMBER.search(place):
        return {**source, "doc_number": as_doc_number(place)}
    return {**source, **({"location": place} if place else {})}


def suggest_slug(title: str, taken: Iterable[str]) -> str:
    """Return a name for the file: the first words of the title as they are spoken, in letters."""
    from pypinyin import lazy_pinyin

    from indexer.analysis import analyse

    words = [word for word in analyse(title).words if len(word) > 1]
    parts: list[str] = []
    for word in words[:SLUG_WORDS]:
        spoken = re.sub(r"[^a-z]", "", "".join(lazy_pinyin(word, errors="ignore")).lower())
        if spoken and len("-".join([*parts, spoken])) <= SLUG_LETTERS:
            parts.append(spoken)
    slug, used = "-".join(parts), set(taken)
    more = (f"{slug}-{number}" for number in range(2, len(used) + 3))
    return next(name for name in (slug, *more) if name not in used) if slug else ""


def find_similar(title: str, policies: Sequence[Policy]) -> list[Policy]:
    """Return the entries whose title or another name is near, the nearest first."""
    names = {
        (number, place): name
        for number, policy in enumerate(policies)
        for place, name in enumerate((policy.title, *policy.aliases))
    }
    near = process.extract(
        title, names, scorer=fuzz.WRatio, score_cutoff=LIKENESS, limit=LISTED * 4
    )
    found = dict.fromkeys(number for _, _, (number, _) in near)
    return [policies[number] for number in found][:LISTED]


def folder_of(kind: Kind, audience: Sequence[str]) -> str:
    """Return the folder of the library in which such an entry goes."""
    citizens = list(audience) == [Audience.CITIZEN]
    return FOLDERS.get(kind, "citizens" if citizens else "enterprises")


def compose_entry(values: Mapping[str, Any], day: date) -> str:
    """Return the file of an entry with these values, reviewed on `day`.

    What it may say further stands in it as remarks; nothing is made up.
    """
    given = {name: value for name, value in values.items() if name != "slug"}
    body = f"## 一句话说清\n\n{values['summary']}"
    text = write_entry({**given, "reviewed": day.isoformat()}, body)
    head, rest = split_entry(text)
    return f"---\n{head}{_remarks(Kind(values['kind']), given)}---\n{rest}"


def _remarks(kind: Kind, given: Mapping[str, Any]) -> str:
    """Return the fields that an entry of this kind may still have, each with what it is for."""
    names = (*_ALWAYS, *_NEXT[kind], *_LATER.get(kind, ()), *_LAST)
    lines = [
        f"#   {name}  {Policy.model_fields[name].description}"
        for name in names
        if name not in given
    ]
    head = f"# 核实了再补上的，写在上面；不知道的不写。写法见 policies/templates/{kind}.md："
    return "".join(f"{line}\n" for line in (head, *lines))


def try_entry(slug: str, text: str) -> tuple[Problem, ...]:
    """Return what `policykb check` would say of such a file alone."""
    with TemporaryDirectory(prefix="policykb-") as folder:
        (Path(folder) / f"{slug}.md").write_text(text, encoding="utf-8", newline="")
        return inspect_library(Path(folder))[1]
