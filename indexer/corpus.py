"""The corpus (语料): what of an entry goes into the index, as texts, tokens, cards and arrays."""

import json
import re
from array import array
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import analyse, normalise, pairs_of
from indexer.library import Entry
from indexer.pinyin import likeness, readings, sound_numbers, syllables
from indexer.policy import (
    Audience,
    BenefitMode,
    Kind,
    Level,
    Policy,
    places_within,
    region_names,
    topic_names,
)
from indexer.ranking import build_forward, build_postings
from indexer.texts import FIELDS, texts_of

CHARACTERS = 0x10000  # Chinese characters are told apart by their code


# Found on the statute questions (benchmarks/statutes.py): nDCG@10 goes from 0.377 with the standing
# of no rule counted to 0.409 with REGULATION and RULE_ELSEWHERE, and on by 0.007 with YEARLY. On
# the everyday questions over 116 entries, 15 of them rules, success@1 moves by 0.002.
REGULATION, RULE_ELSEWHERE = 0.8, 0.5
YEARLY, OLDEST_RULE = 0.01, 0.7
_LEGISLATURE = re.compile("全国人民代表大会|全国人大")


class Strings(Protocol):
    """Many stored strings, of which one can be had as its bytes."""

    def raw(self, place: int) -> bytes:
        """Return one string in UTF-8."""


class Analysed(Protocol):
    """What an earlier generation offers to the next: its documents, analysed already."""

    word_ids: dict[str, int]
    token_spans: NDArray[Any]
    pair_spans: NDArray[Any]
    tokens: NDArray[Any]
    token_begins: NDArray[Any]
    token_ends: NDArray[Any]
    pairs: NDArray[Any]

    @property
    def texts(self) -> Strings:
        """The texts of all fields."""

    @property
    def rows(self) -> dict[str, int]:
        """The row of each slug."""


class Corpus:
    """All documents of one generation, in reading order, while it is being built."""

    def __init__(self, previous: Analysed | None) -> None:
        self._previous = previous
        # Words keep the numbers they had, so that unchanged documents can be copied as they are.
        self._numbers = dict(previous.word_ids) if previous else {}
        self._policies: list[Policy] = []
        self._digests: list[str] = []
        self._texts: list[bytes] = []
        self._lengths: list[int] = []
        self._pair_lengths: list[int] = []
        self._tokens: array[int] = array("i")
        self._begins: array[int] = array("i")
        self._ends: array[int] = array("i")
        self._pairs: array[int] = array("I")

    def analyse(self, entry: Entry) -> dict[str, Any]:
        """Take in a new document and return its fields for Whoosh."""
        self._remember(entry)
        document: dict[str, Any] = {
            "slug": entry.policy.slug,
            "digest": entry.digest,
            "record": {**entry.policy.public_record(), "url": url_of(entry.policy.slug)},
        }
        for name, text in texts_of(entry.policy).items():
            analysis = analyse(text)
            numbers = [self._numbers.setdefault(w, len(self._numbers)) for w in analysis.words]
            self._texts.append(text.encode("utf-8", "replace"))
            self._lengths.append(len(numbers))
            self._tokens.extend(numbers)
            self._begins.extend(analysis.begins)
            self._ends.extend(analysis.ends)
            self._pair_lengths.append(len(analysis.pairs))
            self._pairs.frombytes(analysis.pairs.tobytes())
            if analysis.words:
                document[name] = analysis.words
        return document

    def reuse(self, entry: Entry) -> None:
        """Take over an unchanged document from the generation before."""
        self._remember(entry)
        old = self._previous
        if old is None:
            raise LookupError(entry.policy.slug)
        first = old.rows[entry.policy.slug] * len(FIELDS)
        last = first + len(FIELDS)
        self._texts.extend(old.texts.raw(slot) for slot in range(first, last))
        self._lengths.extend(np.diff(old.token_spans[first : last + 1]).tolist())
        self._pair_lengths.extend(np.diff(old.pair_spans[first : last + 1]).tolist())
        span = slice(old.token_spans[first], old.token_spans[last])
        self._tokens.frombytes(old.tokens[span].tobytes())
        self._begins.frombytes(old.token_begins[span].tobytes())
        self._ends.frombytes(old.token_ends[span].tobytes())
        pairs = old.pairs[old.pair_spans[first] : old.pair_spans[last]]
        self._pairs.frombytes(pairs.tobytes())

    def save(self, folder: Path, fingerprint: str) -> None:
        """Write the arrays under another name and rename them when they are whole."""
        part = folder.with_name(f"{folder.name}.part")
        part.mkdir()
        for name, lines in self._lines().items():
            (part / name).write_text("\n".join(lines), encoding="utf-8", newline="\n")
        for name, values in self._arrays().items():
            np.save(part / f"{name}.npy", values, allow_pickle=False)
        meta = {
            "fingerprint": fingerprint,
            "facets": self._facet_values,
            "syllables": syllables(),
            "names": self._names,
        }
        (part / "meta.json").write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")
        part.rename(folder)

    def _remember(self, entry: Entry) -> None:
        self._policies.append(entry.policy)
        self._digests.append(entry.digest)

    def _lines(self) -> dict[str, list[str]]:
        # The line break in front of each phrase tells where it begins.
        return {
            "slugs.txt": [policy.slug for policy in self._policies],
            "digests.txt": self._digests,
            "words.txt": self._words[0],
            "phrases-folded.txt": ["", *(_squeeze(text) for text, _ in self._phrases)],
        }

    def _arrays(self) -> dict[str, NDArray[Any]]:
        words, tokens = self._words
        spans, pair_spans = _spans(self._lengths), _spans(self._pair_lengths)
        pairs = np.frombuffer(self._pairs, np.uint32)
        bigrams, bigram_spans = _select(pairs, pair_spans, pairs > 0)
        codes, bigram_terms = np.unique(bigrams, return_inverse=True)
        characters, character_spans = _characters(pairs, pair_spans)
        arrays: dict[str, NDArray[Any]] = {
            "tokens": tokens,
            "token-spans": spans,
            "begins": np.frombuffer(self._begins, np.int32),
            "ends": np.frombuffer(self._ends, np.int32),
            "pairs": pairs,
            "pair-spans": pair_spans,
            "bigram-codes": codes,
            "phrase-breaks": _spans([len(_squeeze(text)) + 1 for text, _ in self._phrases])[:-1],
            "phrase-rows": np.array([row for _, row in self._phrases], np.int32),
            "authority": _authorities(self._policies),
            **_strings("texts", self._texts),
            **_strings("phrases", [text.encode() for text, _ in self._phrases]),
            "rules": np.frombuffer(self._rules(), np.uint8),
            **_strings("cards", [_card_of(policy) for policy in self._policies]),
            **self._facets(),
            **_dates(self._policies),
        }
        for name, terms, places, count in (
            ("word", tokens, spans, len(words)),
            ("bigram", bigram_terms, bigram_spans, len(codes)),
        ):
            postings = build_postings(terms.astype(np.int64), places, FIELDS, count)
            arrays |= {f"{name}-{part}": values for part, values in vars(postings).items()}
        arrays |= self._sounds(codes) | self._name_characters()
        forward = build_forward(characters.astype(np.int64), character_spans, FIELDS, CHARACTERS)
        arrays |= {f"character-{part}": values for part, values in vars(forward).items()}
        return arrays

    def _sounds(self, bigrams: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
        """Return how the phrases sound, and their pairs of characters in the order of sounds."""
        folded = [_squeeze(text) for text, _ in self._phrases]
        alike = likeness(syllables())[readings()].astype(np.uint32)
        pairs, counts = np.unique(
            np.concatenate([pairs_of(text)[0] for text in folded] or [bigrams[:0]]),
            return_counts=True,
        )
        sounds = (alike[pairs >> 16] << 16) | alike[pairs & 0xFFFF]
        order = np.lexsort((-counts, sounds))
        return {
            "readings": readings(),
            # A line break stands in front of each phrase, as in phrases-folded.txt.
            "phrase-sounds": sound_numbers("\n" + text for text in folded),
            "sounds": sounds[order],
            "sounding-pairs": pairs[order],
        }

    def _name_characters(self) -> dict[str, NDArray[Any]]:
        """Return, for each character, the titles and aliases that have it: by its code."""
        names = [_squeeze(text) for text, _ in self._phrases[: self._names]]
        codes = np.frombuffer("".join(names).encode("utf-32-le", "replace"), np.uint32)
        owners = np.repeat(np.arange(len(names)), [len(name) for name in names])
        keys = np.unique(np.minimum(codes, 0xFFFF).astype(np.int64) * max(len(names), 1) + owners)
        characters, owners = np.divmod(keys, max(len(names), 1))
        starts = np.searchsorted(characters, np.arange(CHARACTERS + 1))
        return {"name-starts": starts.astype(np.int64), "names": owners.astype(np.int32)}

    @property
    def _names(self) -> int:
        """How many of the phrases are titles and aliases: they stand before the queries."""
        return sum(1 + len(policy.aliases) for policy in self._policies)

    def _rules(self) -> bytes:
        """Return the rules of the benefit entries as one JSON list."""
        rules = [rule_of(policy) for policy in self._policies if policy.kind is Kind.BENEFIT]
        return json.dumps(rules, ensure_ascii=False).encode()

    @cached_property
    def _words(self) -> tuple[list[str], NDArray[np.int32]]:
        """The words in use, sorted, and all tokens by their numbers in that list.

        Sorting makes an index that grew step by step the same as one built at once.
        """
        tokens = np.frombuffer(self._tokens, np.int32)
        used = np.bincount(tokens, minlength=len(self._numbers)) > 0
        words = sorted(word for word, number in self._numbers.items() if used[number])
        renumbered = np.zeros(len(self._numbers), np.int32)
        renumbered[[self._numbers[word] for word in words]] = np.arange(len(words))
        return words, renumbered[tokens]

    @cached_property
    def _phrases(self) -> list[tuple[str, int]]:
        """What may be suggested while typing: all titles, then all aliases, then all queries."""
        policies = list(enumerate(self._policies))
        return [
            *((policy.title, row) for row, policy in policies),
            *((alias, row) for row, policy in policies for alias in policy.aliases),
            *((query, row) for row, policy in policies for query in policy.queries),
        ]

    @cached_property
    def _facet_values(self) -> dict[str, list[str]]:
        regions = {place for policy in self._policies for place in _facet_of(policy, "region")}
        return {
            "kind": list(Kind),
            "audience": list(Audience),
            "topic": list(topic_names()),
            "level": list(Level),
            "region": sorted(regions),
            "benefit_mode": list(BenefitMode),
        }

    def _facets(self) -> dict[str, NDArray[Any]]:
        """Return, for each facet, the rows that have a value and the places of those values."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, values in self._facet_values.items():
            codes = {value: code for code, value in enumerate(values)}
            found = [
                (row, codes[value])
                for row, policy in enumerate(self._policies)
                for value in dict.fromkeys(_facet_of(policy, name))
            ]
            arrays[f"{name}-rows"] = np.array([row for row, _ in found], np.int32)
            arrays[f"{name}-codes"] = np.array([code for _, code in found], np.int32)
        return arrays


def url_of(slug: str) -> str:
    """Return the address of an entry's page below the root of the site."""
    return f"/policies/{slug}.html"


RULE_FIELDS = (
    "slug",
    "title",
    "summary",
    "audience",
    "region",
    "effective",
    "expires",
    "superseded_by",
    "eligibility",
    "benefits",
    "benefit_mode",
    "application_window",
)


def rule_of(policy: Policy) -> dict[str, Any]:
    """Return what matching needs of an entry as JSON values, all of it public."""
    record = policy.public_record()
    deadline = policy.deadline.isoformat() if policy.deadline else None
    kept = {name: record[name] for name in RULE_FIELDS if name in record}
    return {**kept, "url": url_of(policy.slug), "deadline": deadline}


def _authorities(policies: list[Policy]) -> NDArray[np.float32]:
    """Return how much each entry is worth beside another that answers as well.

    Of two rules, one of higher standing comes first (立法法第九十八条、第九十九条): laws before
    what the State Council, courts and ministries issue; so does the newer one (第一百零三条). A
    rule of another place does not hold here. Services and benefits all count the same.
    """
    years = [policy.effective.year for policy in policies if policy.effective]
    return np.array(
        [_authority_of(policy, max(years, default=0)) for policy in policies], np.float32
    )


def _authority_of(policy: Policy, newest: int) -> float:
    if policy.kind is not Kind.RULE:
        return 1.0
    authority = 1.0
    if policy.region and not set(policy.region) & set(region_names()):
        authority = RULE_ELSEWHERE
    elif policy.level is Level.NATIONAL and not _LEGISLATURE.search(policy.issuer):
        authority = REGULATION
    if policy.effective:
        authority *= max(OLDEST_RULE, 1 - YEARLY * (newest - policy.effective.year))
    return authority


def _facet_of(policy: Policy, name: str) -> tuple[str, ...]:
    value = getattr(policy, name)
    if name == "region":
        return tuple(place for region in value for place in places_within(region))
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _card_of(policy: Policy) -> bytes:
    """Return what a list shows of an entry, as JSON."""
    card = {
        "slug": policy.slug,
        "title": policy.title,
        "url": url_of(policy.slug),
        "summary": policy.summary,
        "kind": policy.kind,
        "audience": policy.audience,
        "topic": policy.topic,
        "level": policy.level,
        "region": policy.region,
        "issuer": policy.issuer,
        "doc_number": next(iter(policy.doc_numbers), None),
        "benefit_mode": policy.benefit_mode,
        "effective": policy.effective and policy.effective.isoformat(),
        "expires": policy.expires and policy.expires.isoformat(),
        "superseded_by": policy.superseded_by,
    }
    return json.dumps(card, ensure_ascii=False).encode()


def _dates(policies: list[Policy]) -> dict[str, NDArray[Any]]:
    """Return the days by which entries are told apart and sorted; zero stands for none."""
    order = sorted(range(len(policies)), key=lambda row: (policies[row].title, row))
    rank = np.zeros(len(policies), np.int64)
    rank[order] = np.arange(len(policies))
    return {
        "effective": _ordinals(policy.effective for policy in policies),
        "expires": _ordinals(policy.expires for policy in policies),
        "deadline": _ordinals(policy.deadline for policy in policies),
        "superseded": np.array([policy.superseded_by is not None for policy in policies], np.uint8),
        "title-rank": rank,
    }


def _ordinals(days: Iterable[date | None]) -> NDArray[np.int64]:
    return np.array([day.toordinal() if day else 0 for day in days], np.int64)


def _spans(lengths: list[int]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def _select(
    values: NDArray[Any], spans: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the chosen values, and where each field of each document then begins."""
    before = np.concatenate(([0], np.cumsum(chosen)))
    return values[chosen], before[spans].astype(np.int64)


def _characters(
    pairs: NDArray[np.uint32], spans: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the characters that pairs are made of; a break stands for the end of a stretch."""
    ends = pairs == 0
    characters = (pairs >> 16).astype(np.uint32)
    characters[ends] = pairs[np.flatnonzero(ends) - 1] & 0xFFFF
    return characters, spans


def _strings(name: str, values: list[bytes]) -> dict[str, NDArray[Any]]:
    return {
        name: np.frombuffer(b"".join(values), np.uint8),
        f"{name}-starts": _spans([len(value) for value in values]),
    }


def _squeeze(text: str) -> str:
    """Return a phrase as it is compared while typing: normalised, without any space."""
    return "".join(normalise(text).split())
