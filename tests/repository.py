"""A real git repository with a library in it, for tests of what history tells."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml
from factories import SMALLEST

PERMIT: dict[str, Any] = {
    **SMALLEST,
    "title": "排水许可",
    "kind": "service",
    "topic": "排水与污水",
    "queries": ["开饭店要办排水证吗"],
    "based_on": ["procedure"],
    "situations": [{"question": "办哪一种", "options": ["新办", "延续"]}],
    "materials": [{"name": "申请表", "copies": 1}, {"name": "原来的证", "situation": "延续"}],
    "time_limit": [
        {
            "kind": "statutory",
            "text": "受理之日起决定",
            "value": 15,
            "unit": "working_days",
            "stage": "decision",
        }
    ],
}
PROCEDURE: dict[str, Any] = {
    **SMALLEST,
    "title": "许可程序",
    "kind": "rule",
    "topic": "办事规则",
    "sources": [{"id": "A", "title": "许可法", "doc_number": "主席令第7号"}],
    "remedies": [{"name": "行政复议", "text": "知道之日起 60 日内"}],
}


def write_entry(path: Path, fields: dict[str, Any]) -> None:
    """Write an entry as an editor would; `body` is its text."""
    head = json.loads(json.dumps(fields))  # copies, so that YAML has no anchors
    body = head.pop("body", "正文")
    path.parent.mkdir(parents=True, exist_ok=True)
    written = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
    path.write_text(f"---\n{written}---\n\n{body}\n", encoding="utf-8")


def run_git(folder: Path, *arguments: str, day: str = "2026-11-01") -> str:
    """Run git there as an editor at noon of that day; return what it prints."""
    moment = f"{day}T12:00:00+08:00"
    who = {"GIT_AUTHOR_NAME": "王编辑", "GIT_AUTHOR_EMAIL": "a@b.c"}
    who |= {"GIT_COMMITTER_NAME": "王编辑", "GIT_COMMITTER_EMAIL": "a@b.c"}
    when = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **who, **when, "GIT_CONFIG_GLOBAL": os.devnull},
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout.strip()


class Repository:
    """A folder under git with a library in `policies`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.policies = root / "policies"
        self.policies.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, day: str = "2026-11-01") -> str:
        return run_git(self.root, *arguments, day=day)

    def write(self, **entries: dict[str, Any]) -> None:
        """Write entries; the names have _ for -."""
        for name, fields in entries.items():
            write_entry(self.policies / f"{name.replace('_', '-')}.md", fields)

    def commit(self, day: str, **entries: dict[str, Any]) -> str:
        """Write entries and commit everything; return the id."""
        self.write(**entries)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "不外传的说明", day=day)
        return self.git("rev-parse", "HEAD")
