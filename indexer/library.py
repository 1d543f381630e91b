"""The library (政策库): its entries, each with the file it came from."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from indexer.frontmatter import Loc, line_of
from indexer.moved import Move
from indexer.policy import Policy

_LINK = re.compile(r"\[[^\[\]\n]{0,300}\]\(\s*<?([^()<>\s]{1,2000})")


@dataclass(frozen=True)
class Entry:
    """One loaded file: its policy, its path within the library, and the blob id of its bytes."""

    policy: Policy
    path: str
    digest: str
    lines: Mapping[Loc, int] = field(default_factory=dict, repr=False, compare=False)
    body_line: int = 1

    @cached_property
    def links(self) -> tuple[tuple[int, str], ...]:
        """The links of the body to other entries: the line of each, and the slug it names."""
        return tuple(
            (number, slug)
            for number, line in enumerate(self.policy.body.split("\n"), start=self.body_line)
            for target in link_targets(line)
            if (slug := linked_slug(target)) is not None
        )

    def line_of(self, *loc: str | int) -> int:
        """Return the line on which a field, or a part of it, was written."""
        return line_of(self.lines, loc)


@dataclass(frozen=True)
class Library:
    """All entries below one folder, sorted by slug, and the names that entries once had."""

    root: Path
    entries: tuple[Entry, ...]
    moves: tuple[Move, ...] = ()

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies, sorted by slug."""
        return tuple(entry.policy for entry in self.entries)

    @cached_property
    def by_slug(self) -> dict[str, Entry]:
        """The entries by slug."""
        return {entry.policy.slug: entry for entry in self.entries}

    @cached_property
    def former(self) -> dict[str, Move]:
        """What became of each name that is no more."""
        return {move.slug: move for move in self.moves}


def link_targets(line: str) -> list[str]:
    """Return where the links in a line of Markdown lead."""
    return [target for _, target in find_links(line)]


def find_links(text: str) -> Iterator[tuple[int, str]]:
    """Yield where each link of a Markdown text has its target, and the target."""
    return ((match.start(1), match[1]) for match in _LINK.finditer(text))


def linked_slug(target: str) -> str | None:
    """Return the slug that a link in a body points to, or None for any other link."""
    match = re.fullmatch(r"([a-z0-9][a-z0-9-]*)\.md(#[^\s]*)?", target)
    return match.group(1) if match else None
