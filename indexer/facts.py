"""Facts (条目的要素): what filters, facets and orders need of entries, in columns."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Numbers, places_of, starts_after, starts_of
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
from indexer.ranking import Scores

# Found on the statute questions (benchmarks/statutes.py): nDCG@10 goes from 0.377 with the standing
# of no rule counted to 0.409 with REGULATION and RULE_ELSEWHERE, and on by 0.007 with YEARLY. On
# the everyday questions over 116 entries, 15 of them rules, success@1 moves by 0.002.
REGULATION, RULE_ELSEWHERE = 0.8, 0.5
YEARLY, OLDEST_RULE = 0.01, 0.7
EVERYWHERE = ""  # stands for the region of an entry without one, which applies in all of them
_LEGISLATURE = re.compile("全国人民代表大会|全国人大")


@dataclass(frozen=True)
class Facts:
    """One row for each entry. Days are ordinals, zero stands for none.

    The values of the facets (筛选项) of row `r` stand from starts[r] on: places in `values`, which
    are pairs of field and value in the order in which they are shown. `standing` is how much an
    entry is worth beside another, if it were new; `since` the year of a rule, whose age counts.
    """

    values: tuple[tuple[str, str], ...]
    starts: Numbers
    codes: NDArray[np.int32]
    effective: NDArray[np.int32]
    expires: NDArray[np.int32]
    deadline: NDArray[np.int32]
    superseded: NDArray[np.uint8]
    standing: NDArray[np.float32]
    since: NDArray[np.int32]
    years: NDArray[np.int32]

    def take(self, rows: Numbers) -> "Facts":
        """Return the chosen rows, in that order."""
        codes = self.codes[places_of(self.starts, rows)]
        columns = (getattr(self, name)[rows] for name in COLUMNS)
        return Facts(self.values, starts_after(self.starts, rows), codes, *columns)

    def combinations(self) -> tuple[NDArray[np.int32], Numbers, NDArray[np.int32]]:
        """Return which combination of facet values each row has, and the values of each of them.

        However large a library is, it has few of them. Those of combination `c` stand from the c-th
        start on, by number.
        """
        if not len(self.codes):
            return np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32)
        # Every row has values; two sets of them have the same sum by a chance of 1 in 2 ** 64.
        weights = np.random.default_rng(0).integers(1 << 63, size=len(self.values), dtype=np.uint64)
        sums = np.add.reduceat(weights[self.codes], self.starts[:-1])
        _, firsts, combinations = np.unique(sums, return_index=True, return_inverse=True)
        values = self.codes[places_of(self.starts, firsts)]
        return combinations.astype(np.int32), starts_after(self.starts, firsts), values

    def authority(self) -> Scores:
        """Return how much each entry is worth beside another that answers as well.

        Of two rules, one of higher standing comes first (立法法第九十八条、第九十九条): laws before
        what the State Council, courts and ministries issue; so does the newer one (第一百零三条). A
        rule of another place does not hold here. Services and benefits all count the same.
        """
        newest = self.years.max(initial=0)
        age = np.where(self.since > 0, newest - self.since, 0)
        return (self.standing * np.maximum(OLDEST_RULE, 1 - YEARLY * age)).astype(np.float32)


COLUMNS = ("effective", "expires", "deadline", "superseded", "standing", "since", "years")


def facts_of(policies: Sequence[Policy]) -> Facts:
    """Return the facts of some entries."""
    found = [list(dict.fromkeys(_facets_of(policy))) for policy in policies]
    values = _in_order({pair for pairs in found for pair in pairs})
    places = {pair: place for place, pair in enumerate(values)}
    rules = [policy.kind is Kind.RULE for policy in policies]
    years = [policy.effective.year if policy.effective else 0 for policy in policies]
    return Facts(
        values,
        starts_of([len(pairs) for pairs in found]),
        np.array(
            [place for pairs in found for place in sorted(places[pair] for pair in pairs)], np.int32
        ),
        _ordinals(policy.effective for policy in policies),
        _ordinals(policy.expires for policy in policies),
        _ordinals(policy.deadline for policy in policies),
        np.array([policy.superseded_by is not None for policy in policies], np.uint8),
        np.array([_standing_of(policy) for policy in policies], np.float32),
        np.array(years, np.int32) * np.array(rules, np.int32),
        np.array(years, np.int32),
    )


def join_facts(first: Facts, second: Facts) -> Facts:
    """Return the rows of both, with the values that either has."""
    used = {one.values[code] for one in (first, second) for code in np.unique(one.codes).tolist()}
    values = _in_order(used)
    columns = (np.concatenate([getattr(first, name), getattr(second, name)]) for name in COLUMNS)
    return Facts(
        values,
        starts_of(np.concatenate([np.diff(first.starts), np.diff(second.starts)])),
        np.concatenate([_renumber(first, values), _renumber(second, values)]),
        *columns,
    )


def _renumber(facts: Facts, values: Sequence[tuple[str, str]]) -> NDArray[np.int32]:
    places = {pair: place for place, pair in enumerate(values)}
    return np.array([places.get(pair, 0) for pair in facts.values] or [0], np.int32)[facts.codes]


def _in_order(used: set[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return all values of the facets that have a fixed list, and the regions in use."""
    fixed: dict[str, Iterable[str]] = {
        "kind": Kind,
        "audience": Audience,
        "topic": topic_names(),
        "level": Level,
        "region": (EVERYWHERE, *sorted(v for name, v in used if name == "region" and v)),
        "benefit_mode": BenefitMode,
    }
    return tuple((name, str(value)) for name, values in fixed.items() for value in values)


def _facets_of(policy: Policy) -> Iterable[tuple[str, str]]:
    yield "kind", policy.kind.value
    yield from (("audience", audience.value) for audience in policy.audience)
    yield from (("topic", topic) for topic in policy.topic)
    yield "level", policy.level.value
    yield from (("region", place) for region in policy.region for place in places_within(region))
    if not policy.region:
        yield "region", EVERYWHERE
    if policy.benefit_mode is not None:
        yield "benefit_mode", policy.benefit_mode.value


def _standing_of(policy: Policy) -> float:
    if policy.kind is not Kind.RULE:
        return 1.0
    if policy.region and not set(policy.region) & set(region_names()):
        return RULE_ELSEWHERE
    if policy.level is Level.NATIONAL and not _LEGISLATURE.search(policy.issuer):
        return REGULATION
    return 1.0


def _ordinals(days: Iterable[date | None]) -> NDArray[np.int32]:
    return np.array([day.toordinal() if day else 0 for day in days], np.int32)
