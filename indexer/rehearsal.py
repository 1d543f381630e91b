"""A rehearsal (预演): a plan carried out in a copy of program and library, and checked there."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from indexer.changeset import JOURNAL, Change
from indexer.library import Library
from indexer.problems import PolicyError, Problem
from indexer.renaming import Plan, Refused


def check_plan(plan: Plan, library: Library) -> None:
    """Check the library as it would be, in a copy; raise PolicyError if it has any problem."""
    package = Path(__file__).parent
    with tempfile.TemporaryDirectory(prefix="policykb-") as name:
        folder = Path(name)
        copies = {
            package: folder / package.name,
            library.root.resolve(): folder / "library" / (library.root.name or "policies"),
        }
        for source, copy in copies.items():
            skipped = shutil.ignore_patterns(JOURNAL, ".git")
            shutil.copytree(source, copy, copy_function=_link, ignore=skipped)
        for change in plan.changes:
            _write_copy(change, copies)
        command = [sys.executable, "-m", package.name, "check", "--json", "--policies"]
        done = subprocess.run(  # noqa: S603 - our own interpreter and folders
            [*command, str(copies[library.root.resolve()])],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    try:
        rows = json.loads(done.stdout)["problems"]
    except (ValueError, KeyError):
        raise Refused(f"改名以后的政策库核查不了：{done.stderr.strip()}") from None
    if rows:
        raise PolicyError(Problem(**row) for row in rows)


def _write_copy(change: Change, copies: Mapping[Path, Path]) -> None:
    """Make a change in the copy; what is not in it does not matter to the check."""
    path = change.path.resolve()
    for source, copy in copies.items():
        if path.is_relative_to(source):
            place = copy / path.relative_to(source)
            place.unlink(missing_ok=True)  # a link to the original: it must not be written through
            if change.after is not None:
                place.write_text(change.after, encoding="utf-8", newline="")


def _link(source: str, copy: str) -> None:
    """Copy a file without its bytes where the file system can do that."""
    try:
        os.link(source, copy)
    except OSError:
        shutil.copy2(source, copy)
