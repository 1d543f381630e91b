"""VS Code: its snippets follow the record, and its tasks understand what our commands print."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from indexer.cli import app
from indexer.hints import snippets
from indexer.policy import Policy

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".vscode"
COMMANDS: Any = typer.main.get_command(app)


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


def task(label: str) -> Any:
    (found,) = [task for task in read("tasks.json")["tasks"] if task["label"].startswith(label)]
    return found


def matched(label: str, line: str) -> dict[str, str] | None:
    """Return what VS Code would show in its list of problems for a printed line."""
    pattern = task(label)["problemMatcher"]["pattern"]
    found = re.search(pattern["regexp"], line)
    parts = ("file", "line", "code", "message")
    return found and {part: found[pattern[part]] or "" for part in parts}


def test_the_snippets_are_those_of_the_record() -> None:
    assert read("policies.code-snippets") == snippets()  # if not: make hints


@pytest.mark.parametrize("snippet", snippets().values(), ids=lambda s: s["prefix"][0])
def test_a_snippet_is_yaml_of_known_fields_and_fixed_choices(snippet: dict[str, Any]) -> None:
    text = "\n".join(snippet["body"])
    choices = re.findall(r"\$\{\d+\|([^|]+)\|\}", text)
    filled = re.sub(r"\$\{\d+\|([^,|]+)[^|]*\|\}", r"\1", text)
    values = yaml.safe_load(re.sub(r"\$\d+", "x", filled))
    assert set(values) == {snippet["prefix"][0]} <= set(Policy.model_fields)
    assert all(choices)
    stops = [int(number) for number in re.findall(r"\$\{?(\d+)", text)]
    assert stops == list(range(1, len(stops) + 1))


def test_a_place_to_fill_in_is_empty_so_that_no_example_is_taken_for_a_fact() -> None:
    assert not re.search(r"\$\{\d+:", (FOLDER / "policies.code-snippets").read_text("utf-8"))


@pytest.mark.parametrize("label", ["核查条目", "自动改", "边改边看"])
def test_what_the_check_prints_becomes_problems(label: str, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "Bad Name.md").write_text("---\ntitle: 甲\nlevle: city\n---\n", "utf-8")
    (folder / "broken.md").write_text("---\ntitle: [甲\n---\n正文\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "check"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    *lines, last = done.stderr.splitlines()
    found = [matched(label, line) for line in lines]
    assert None not in found
    assert matched(label, last) is None
    assert {"file": "policies/Bad Name.md", "line": "3", "code": "levle"}.items() <= next(
        problem.items() for problem in found if problem and problem["code"] == "levle"
    )
    whole = next(problem for problem in found if problem and "broken" in problem["file"])
    assert (whole["line"], whole["code"]) == ("3", "")
    assert whole["message"].startswith("YAML 格式有误")


def test_the_tasks_run_commands_and_options_that_exist() -> None:
    for each in read("tasks.json")["tasks"]:
        name, *words = each["args"]
        options = {o for parameter in COMMANDS.commands[name].params for o in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_entries_are_saved_as_the_check_wants_them() -> None:
    settings = read("settings.json")
    assert (settings["files.encoding"], settings["files.eol"]) == ("utf8", "\n")
    assert settings["[markdown]"]["editor.insertSpaces"] is True
