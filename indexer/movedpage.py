"""Pages of former addresses (曾用网址的网页): where each leads, or what it says of what is gone."""

from typing import Any

from indexer.library import Library
from indexer.moved import Move
from indexer.notice import has_notice

Data = dict[str, Any]


def moved_pages(library: Library) -> dict[str, Data]:
    """Return what stands at each former address of an entry and of its notice."""
    pages: dict[str, Data] = {}
    for move in library.moves:
        if move.is_withdrawn:
            told = _of_withdrawn(move, library)
            pages |= {f"policies/{move.slug}": told, f"notices/{move.slug}": told}
        else:
            policy = library.by_slug[move.to].policy
            pages[f"policies/{move.slug}"] = _of_renamed(move, "policies", policy.title)
            if has_notice(policy.kind):
                title = f"一次告知单：{policy.title}"
                pages[f"notices/{move.slug}"] = _of_renamed(move, "notices", title)
    return pages


def _of_renamed(move: Move, folder: str, title: str) -> Data:
    to = f"{folder}/{move.to}.html"
    return {"slug": move.slug, "day": move.day.isoformat(), "to": to, "title": title}


def _of_withdrawn(move: Move, library: Library) -> Data:
    now = library.by_slug.get(move.instead)
    page = {"page": f"policies/{move.instead}.html", "title": now.policy.title} if now else None
    return {
        "slug": move.slug,
        "day": move.day.isoformat(),
        "to": "",
        "title": move.title,
        "reason": move.reason,
        "instead": page,
    }
