"""The library (政策库): its entries, each with the file it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from indexer.frontmatter import Loc, line_of
from indexer.policy import Policy


@dataclass(frozen=True)
class Entry:
    """One loaded file: its policy, its path within the library, and a digest of its bytes."""

    policy: Policy
    path: str
    digest: str
    lines: Mapping[Loc, int] = field(default_factory=dict, repr=False, compare=False)
    body_line: int = 1

    def line_of(self, *loc: str | int) -> int:
        """Return the line on which a field, or a part of it, was written."""
        return line_of(self.lines, loc)


@dataclass(frozen=True)
class Library:
    """All entries below one folder, sorted by slug."""

    root: Path
    entries: tuple[Entry, ...]

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies, sorted by slug."""
        return tuple(entry.policy for entry in self.entries)

    @cached_property
    def by_slug(self) -> dict[str, Entry]:
        """The entries by slug."""
        return {entry.policy.slug: entry for entry in self.entries}
