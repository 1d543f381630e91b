"""The theme (主题样式): what our pages use of the style of Material, taken as it is installed.

Its whole style is 150 kB that a page would load before anything shows; our pages use a fifth.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

# The classes of Material that pages, templates and Markdown have; ours begin with “pk-”.
CLASSES = frozenset(
    [
        *("md-container", "md-content", "md-ellipsis", "md-footer", "md-grid", "md-header"),
        *("md-header__button", "md-header__option", "md-icon", "md-main", "md-main__inner"),
        *("md-nav", "md-nav__item", "md-nav__link", "md-nav__link--active"),
        *("md-nav__link--passed", "md-nav__list", "md-nav__title", "md-nav--secondary"),
        *("md-option", "md-sidebar", "md-sidebar__inner", "md-sidebar__scrollwrap"),
        *("md-sidebar--secondary", "md-toggle", "md-typeset"),
        *("admonition", "admonition-title", "danger", "info", "note", "tip", "warning"),
    ]
)
_STYLES = ("main", "palette")
# A piece of a style sheet: a string, or all up to the mark that ends a statement or opens a block.
_STRING = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_PIECE = re.compile(rf"""(?:{_STRING}|[^{{}};"'])*[{{}};]?""")
_CLASS = re.compile(r"\.(-?[_a-zA-Z][\w-]*)")
_NESTED = ("@media", "@supports")
# What only scripts, forms and languages need that our pages are without.
_UNUSED = re.compile(
    r"\[(?:data-md-(?:toggle|state|component|color-(?:primary|accent)=(?!custom))|dir=rtl)|#"
)
_PICTURE = re.compile(rf"(--[\w-]+):\s*url\((?:{_STRING}|[^)\"']*)\);?")
_USE = re.compile(r"var\((--[\w-]+)")


@cache
def theme_style() -> str:
    """Return the rules of Material all whose classes are among CLASSES."""
    folder = files("material") / "templates" / "assets" / "stylesheets"
    sheets = [file for file in folder.iterdir() if file.name.endswith(".min.css")]
    texts = [
        sheet.read_text(encoding="utf-8")
        for style in _STYLES
        for sheet in sheets
        if sheet.name.startswith(f"{style}.")
    ]
    kept = "".join("".join(_used(_blocks(text))) for text in texts)
    return _without_idle_pictures(kept)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the prelude of each statement with its block, which is empty where it has none."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    depth, prelude, inside = 0, "", list[str]()
    for piece in _PIECE.findall(text):
        if piece.endswith("{"):
            depth += 1
            if depth == 1:
                prelude, inside = piece[:-1].strip(), []
                continue
        elif piece.endswith("}"):
            depth -= 1
            if depth == 0:
                yield prelude, "".join((*inside, piece[:-1]))
                continue
        if depth:
            inside.append(piece)


def _used(blocks: Iterator[tuple[str, str]]) -> Iterator[str]:
    for prelude, block in blocks:
        if prelude.startswith(_NESTED):
            nested = "".join(_used(_blocks(block)))
            if nested:
                yield f"{prelude}{{{nested}}}\n"
        elif not prelude.startswith("@"):
            selectors = [selector for selector in _split(prelude) if _is_used(selector)]
            if selectors:
                yield f"{','.join(selectors)}{{{block}}}\n"


def _split(selectors: str) -> list[str]:
    """Return the selectors of a list; commas within brackets belong to one of them."""
    return re.findall(r"(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[^,(])+", selectors)


def _is_used(selector: str) -> bool:
    return set(_CLASS.findall(selector)) <= CLASSES and not _UNUSED.search(selector)


def _without_idle_pictures(style: str) -> str:
    """Return the style without pictures that no rule of it shows."""
    shown = set(_USE.findall(style))
    style = _PICTURE.sub(lambda found: found[0] if found[1] in shown else "", style)
    return re.sub(r"[^{}\n]+\{\}\n", "", style)
