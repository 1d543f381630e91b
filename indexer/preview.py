"""The preview (预览): one entry → its page as the site will show it, before it is saved."""

import logging
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from mkdocs.commands.build import get_context
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation, get_navigation
from mkdocs.structure.pages import Page

from indexer.bundles import plan_bundle
from indexer.entrypage import describe_entry, link_entries
from indexer.library import Entry, Library
from indexer.policy import Policy
from indexer.revisions import SHORT
from indexer.theme import theme_style
from indexer.workdays import DAYS, days_script, load_calendar


class Preview:
    """The site's own templates and styles, kept ready: the first page takes a second, then little.

    `project` is the folder of mkdocs.yml.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._lock = threading.Lock()

    def render(self, entry: Entry, library: Library) -> str:
        """Return the page of an entry, which is one of the library."""
        with self._lock:
            return self._render(entry, library)

    def _render(self, entry: Entry, library: Library) -> str:
        file = File.generated(self._config, f"policies/{entry.policy.slug}.md", content="")
        files = Files([*self._standing, file, *self._linked(entry)])
        page = Page(None, file, self._config)
        page.meta = self._head(entry.policy, library)
        page.markdown = entry.policy.body
        page.render(self._config, files)
        context = get_context(self._navigation, files, self._config, page)
        return str(self._environment.get_template("entry.html").render(context))

    def asset(self, name: str) -> Path | str | None:
        """Return a file that pages load: where it lies, or what is in it."""
        if name == "assets/stylesheets/theme.css":
            return theme_style()
        if name == DAYS:
            return days_script(load_calendar())
        root = Path(self._config.theme.custom_dir or "").resolve()
        path = (root / name).resolve()
        inside = path.is_relative_to(root / "assets") and path.is_file()
        return path if inside else None

    def _head(self, policy: Policy, library: Library) -> dict[str, Any]:
        titles = {other.slug: other.title for other in library.policies}

        def find(slug: str) -> Policy | None:
            found = library.by_slug.get(slug)
            return found.policy if found else None

        plan = plan_bundle(policy, find) if policy.bundle else None
        described = describe_entry(policy, link_entries(library.policies), titles, plan)
        described["history"] = {"rows": []}  # what is not saved has none
        head = {"template": "entry.html", "title": policy.title, "summary": policy.summary}
        feedback = {"slug": policy.slug, "version": library.by_slug[policy.slug].digest[:SHORT]}
        return head | {"entry": described, "feedback": feedback}

    def _linked(self, entry: Entry) -> list[File]:
        """Return the pages to which the body leads, so that its links are no broken ones."""
        slugs = {slug for _, slug in entry.links} - {entry.policy.slug}
        made = (f"policies/{slug}.md" for slug in sorted(slugs))
        return [File.generated(self._config, name, content="") for name in made]

    @cached_property
    def _config(self) -> MkDocsConfig:
        os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
        # Its warnings are not for whoever writes; a level would also deafen a strict build here.
        logging.getLogger("mkdocs").addHandler(logging.NullHandler())
        config = load_config(
            str(self._project / "mkdocs.yml"), docs_dir=str(self._project / "policies")
        )
        # Not on_config: there the hook of the site would build the pages of all entries.
        config.plugins.on_startup(command="build", dirty=False)
        return config

    @cached_property
    def _environment(self) -> Any:
        environment = self._config.theme.get_env()
        return self._config.plugins.on_env(
            environment, config=self._config, files=Files(self._standing)
        )

    @cached_property
    def _standing(self) -> list[File]:
        """Return the pages of the navigation."""
        names = [name for item in self._config.nav or [] for name in item.values()]
        return [File.generated(self._config, name, content="") for name in names]

    @cached_property
    def _navigation(self) -> Navigation:
        return get_navigation(Files(self._standing), self._config)
