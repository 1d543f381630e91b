"""What the commands share (命令共用的): options, how entries are read, and what wrong use is."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer
import typer.core

from indexer.library import Library
from indexer.loader import Readings, load_library
from indexer.moved import Move, unknown_entry
from indexer.terminal import bar

Policies = Annotated[Path, typer.Option("--policies", help="条目所在的文件夹。")]
IndexDir = Annotated[Path, typer.Option("--index", help="索引所在的文件夹。")]
PagesDir = Annotated[Path, typer.Option("--pages", help="网页稿所在的文件夹。")]
SiteDir = Annotated[Path, typer.Option("--site", help="网站所在的文件夹。")]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON，给程序用。")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="按哪一天判断时效，例如 2026-11-24。")]

POLICIES, INDEX = Path("policies"), Path("build/index")
PAGES, SITE = Path("build/pages"), Path("build/site")
BUILT = Path("build")
EVALUATED = Path("tests/evaluated.json")
PERSONAS, JUDGED = Path("tests/personas"), Path("tests/judgements.csv")


class WrongUse(Exception):
    """The command was given something it cannot work with."""


def no_entry(slug: str, slugs: Iterable[str], former: Mapping[str, Move]) -> WrongUse:
    """Return what to tell whoever names an entry that there is not, and how to find its name."""
    return WrongUse(f"{unknown_entry(slug, slugs, former)}用 policykb search 可以查条目名。")


def load_entries(policies: Path, known: Readings | None = None) -> Library:
    with bar("读取条目") as step:
        return load_library(policies, step, known)


def project_root() -> Path:
    """Return the folder of mkdocs.yml: this one, or the one the package was installed from."""
    here, installed = Path.cwd(), Path(__file__).resolve().parent.parent
    for folder in (here, installed):
        if (folder / "mkdocs.yml").is_file():
            return folder
    raise WrongUse("这里没有 mkdocs.yml；请在政策库的文件夹里运行。")
