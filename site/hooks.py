"""MkDocs hook: write the pages of all entries before MkDocs reads them, and read them fast."""

import json
import logging
import os
import re
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from indexer.clock import today
from indexer.feedback import FeedbackError, check_feedback
from indexer.loader import load_library
from indexer.pages import build_pages
from indexer.problems import PolicyError

GIVEN = "POLICYKB_PAGES"  # whoever sets it has built the pages
FEEDBACK = ("assets/javascripts/feedback.js", "assets/stylesheets/feedback.css")
_heads: dict[str, dict[str, Any]] = {}  # of the pages that are read but not yet rendered


def on_startup(command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:
    """Let `policykb site` take over what holds without the warning, which strict mode forbids."""
    if dirty and GIVEN in os.environ:
        log = logging.getLogger("mkdocs.commands.build")
        log.addFilter(lambda record: not str(record.msg).startswith("A 'dirty' build"))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Build the pages and let MkDocs read them in place of the entries."""
    try:
        check_feedback(config.extra.get("feedback"))
    except FeedbackError as error:
        raise Abort(str(error)) from None
    if GIVEN in os.environ:
        return config
    root = Path(config.config_file_path).parent
    pages = root / "build" / "pages"
    try:
        authors = bool(config.extra.get("history_authors"))
        build_pages(load_library(root / "policies"), pages, today(), authors=authors)
    except PolicyError as error:
        raise Abort(f"政策库的条目有 {len(error.problems)} 处问题：\n{error}") from None
    config.docs_dir = str(pages)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Leave out scripts and styles that no page loads: the theme's own, and unused ones of ours."""
    ours = {config.docs_dir, config.theme.custom_dir}
    unused = () if config.extra.get("feedback") else FEEDBACK
    for file in [file for file in files if file.src_dir not in ours or file.src_uri in unused]:
        files.remove(file)
    return files


def on_env(env: Environment, config: MkDocsConfig, files: Files) -> Environment:
    """Templates stay as they are during a build: do not look at their files for every page."""
    env.auto_reload = False
    return env


def on_page_read_source(page: Page, config: MkDocsConfig) -> str | None:
    """Read a head whose values are JSON as JSON: to read it as YAML takes far longer."""
    head, _, body = page.file.content_string.removeprefix("---\n").partition("\n---\n")
    try:
        rows = (row.split(": ", 1) for row in head.splitlines())
        _heads[page.file.src_uri] = {name: json.loads(value) for name, value in rows}
    except ValueError:
        return None
    return body


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Give the page its head."""
    page.meta = _heads.pop(page.file.src_uri, page.meta)
    return markdown


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Leave out the indentation of the templates, except where it shows."""
    return re.sub(r"(<pre.*?</pre>)|\s*\n\s*", lambda found: found[1] or "\n", output, flags=re.S)
