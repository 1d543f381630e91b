"""MkDocs hook: write the pages of all entries before MkDocs reads them."""

import os
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort

from indexer.clock import today
from indexer.loader import load_library
from indexer.pages import build_pages
from indexer.problems import PolicyError


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Build the pages and let MkDocs read them in place of the entries."""
    if "POLICYKB_PAGES" in os.environ:  # whoever sets it has built them
        return config
    root = Path(config.config_file_path).parent
    pages = root / "build" / "pages"
    try:
        build_pages(load_library(root / "policies"), pages, today())
    except PolicyError as error:
        raise Abort(f"政策库的条目有 {len(error.problems)} 处问题：\n{error}") from None
    config.docs_dir = str(pages)
    return config
