"""Watching (边改边看): what was saved → index and site at once, or what is wrong with it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from rich.markup import escape
from watchfiles import watch

from indexer.build import SiteError, build_site, render_here, shows_authors
from indexer.clock import today
from indexer.commandline import project_root
from indexer.livepage import State
from indexer.loader import Readings, load_library
from indexer.pages import build_pages
from indexer.problems import LexiconError, PolicyError, Problem
from indexer.terminal import err, out, print_problems, told_of_index, told_of_site
from indexer.writing import IndexBusy, build_index, warm_up

SETTLED = 50  # milliseconds without a further change, after which a save is taken to be done
STOPPING = 30  # seconds that a build under way gets to come to its end


@dataclass(frozen=True)
class Folders:
    """Where the entries are, and where what is made of them goes."""

    policies: Path
    index: Path
    pages: Path
    site: Path


@contextmanager
def follow(folders: Folders) -> Iterator[Path]:
    """Build all, then keep it up to date in the background; yield where its state is told.

    Mistakes in entries stop nothing while there is an index and a site to show.
    """
    with TemporaryDirectory(prefix="policykb-") as told:
        follower = Follower(folders, Path(told) / "state.json")
        follower.begin()
        stop = threading.Event()
        thread = threading.Thread(target=follower.run, args=(stop,), name="watch", daemon=True)
        thread.start()
        try:
            yield follower.told
        finally:
            stop.set()
            thread.join(STOPPING)


class Follower:
    """Brings index and site up to date, and tells those who look at the site."""

    def __init__(self, folders: Folders, told: Path) -> None:
        self._folders, self._root, self.told = folders, project_root(), told
        self._known: Readings = {}
        self._seen: set[tuple[Path, int]] = set()
        self._state = State("")

    def begin(self) -> None:
        """Build for the first time; raise what goes wrong if there is nothing to show instead."""
        if (self._folders.site / "index.html").is_file():
            self.renew()
        else:
            self._seen = self._look()
            self._build()

    def run(self, stop: threading.Event) -> None:
        """Renew after every change, until told to stop."""
        warm_up()
        # What was saved before this began to watch is found when nothing has happened for a while.
        for _ in watch(
            self._folders.policies, step=SETTLED, stop_event=stop, yield_on_timeout=True
        ):
            saved = self._look() ^ self._seen
            if saved:
                names = sorted({path.name for path, _ in saved})
                out.print(f"有改动：{escape('、'.join(names))}")
                self.renew()

    def renew(self) -> None:
        """Bring index and site up to date, or tell why that cannot be."""
        self._seen = self._look()  # first, so that what is saved meanwhile is seen as a change
        try:
            self._build()
        except PolicyError as error:
            print_problems(error.problems)
            self._complain(problems=error.problems)
        except (SiteError, IndexBusy, LexiconError) as error:
            err.print(escape(str(error)))
            self._complain(failure=str(error))
        except Exception as error:  # an editor's day must outlive it: the next save is a new try
            err.print(escape(f"没有更新成：{error!r}"))
            self._complain(failure=f"{error!r}")

    def _look(self) -> set[tuple[Path, int]]:
        """Return the files of the library, each with the time of its last change."""
        return set(_look_at(self._folders.policies))

    def _build(self) -> None:
        folders, started = self._folders, perf_counter()
        library = load_library(folders.policies, known=self._known)
        index = build_index(library, folders.index)
        out.print(told_of_index(index, perf_counter() - started))
        started = perf_counter()
        authors = shows_authors(self._root)
        build_pages(library, folders.pages, today(), authors=authors)
        site = build_site(self._root, folders.site, folders.pages, render_here)
        self._tell(State(str(time.time_ns())))
        out.print(f"网站已更新：{told_of_site(site, perf_counter() - started)}")

    def _complain(self, problems: tuple[Problem, ...] = (), failure: str = "") -> None:
        self._tell(replace(self._state, problems=problems, failure=failure))
        err.print("网站还是改动前的样子；改好后会自动更新。")

    def _tell(self, state: State) -> None:
        self._state = state
        state.save(self.told)


def _look_at(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in folder.rglob("*.md"):
        with suppress(OSError):  # gone in this moment, or not for us to read
            yield path, path.stat().st_mtime_ns
