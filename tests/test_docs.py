"""Documentation that cannot go stale: commands, fields, modules, links, locks."""

import re
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from indexer.cli import app
from indexer.conditions import check_condition
from indexer.formulas import FUNCTIONS, check_estimate
from indexer.loader import load_library
from indexer.policy import (
    Audience,
    Benefit,
    CommonQuestion,
    Condition,
    Estimate,
    Kind,
    Policy,
    TimeLimit,
)
from indexer.profile import parse_profile
from indexer.questions import Question, load_questions

ROOT = Path(__file__).resolve().parent.parent
GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = GROUP.commands
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def command_names() -> set[str]:
    return set(COMMANDS)


def test_the_readme_lists_exactly_the_commands_there_are() -> None:
    assert set(re.findall(r"^\| `policykb (\w+)", read("README.md"), re.M)) == command_names()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_names_only_commands_and_options_that_exist(name: str) -> None:
    for command, rest in re.findall(r"policykb (\w+)([^`\n|]*)", read(name)):
        assert command in command_names()
        options = {option for parameter in COMMANDS[command].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= options


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_in_a_document_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", read(name)):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_fields_named_to_editors_exist() -> None:
    conditions = {field.alias or name for name, field in Condition.model_fields.items()}
    fields = {*Policy.model_fields, *conditions, *Benefit.model_fields, *TimeLimit.model_fields}
    fields |= {*CommonQuestion.model_fields, *Question.model_fields}
    formulas = {*load_questions().by_key, *FUNCTIONS}
    named = re.findall(r"`([a-z_]+)`", read("CONTRIBUTING.md"))
    assert set(named) - {"extras"} <= fields | formulas


def yaml_in(name: str) -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", read(name), re.S)]


def shown_to_editors(field: str) -> list[Any]:
    (rows,) = [example[field] for example in yaml_in("CONTRIBUTING.md") if field in example]
    return list(rows)


def test_the_answers_shown_in_the_readme_are_understood() -> None:
    (example,) = yaml_in("README.md")
    assert len(parse_profile(example, date(2026, 11, 24)).answers) == len(example) >= 5


def test_the_conditions_shown_to_editors_are_accepted() -> None:
    rows = [Condition.model_validate(row) for row in shown_to_editors("eligibility")]
    for condition in (*rows, *(child for row in rows for child in row.any)):
        assert list(check_condition(condition, [Audience.ENTERPRISE])) == []


def test_the_estimates_shown_to_editors_are_accepted() -> None:
    (estimate,) = [Estimate.model_validate(row) for row in shown_to_editors("estimate")]
    assert list(check_estimate(estimate, [Audience.CITIZEN])) == []


def test_the_answers_shown_to_editors_are_accepted() -> None:
    assert [CommonQuestion.model_validate(row) for row in shown_to_editors("answers")]


def test_the_situations_shown_to_editors_are_accepted(tmp_path: Path) -> None:
    (example,) = [found for found in yaml_in("CONTRIBUTING.md") if "situations" in found]
    rest = read("policies/templates/service.md").partition("situations:")[0]
    example["sources"] = [{"id": "A", "title": "城市绿化条例", "doc_number": "国务院令第100号"}]
    shown = yaml.safe_dump(example, allow_unicode=True, sort_keys=False)
    reviewed = "reviewed: '2026-11-23'\n---\n\n正文。\n"
    (tmp_path / "drainage.md").write_text(f"{rest}{shown}{reviewed}", encoding="utf-8")


def test_the_architecture_names_exactly_the_modules_there_are() -> None:
    rows = "\n".join(re.findall(r"^\| `indexer/.*$", read("ARCHITECTURE.md"), re.M))
    modules = {path.name for path in (ROOT / "indexer").glob("*.py")}
    assert set(re.findall(r"(\w+\.py)", rows)) == modules - {"__init__.py", "__main__.py"}


def test_the_changelog_counts_the_entries() -> None:
    kinds = Counter(policy.kind for policy in load_library(ROOT / "policies").policies)
    counts = re.search(
        r"(\d+) 个临淄区条目（办事事项 (\d+)、惠企惠民政策 (\d+)、规则与依据 (\d+)）",
        read("CHANGELOG.md"),
    )
    assert counts is not None
    expected = [kinds.total(), kinds[Kind.SERVICE], kinds[Kind.BENEFIT], kinds[Kind.RULE]]
    assert [int(count) for count in counts.groups()] == expected


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^(\w+):", read("Makefile"), re.M))
    for name in DOCUMENTS:
        assert set(re.findall(r"(?:`|^)make (\w+)", read(name), re.M)) <= targets, name


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_pins_every_direct_dependency_by_hash_and_names_no_registry(lock: str) -> None:
    text = read(lock)
    pinned = {name.lower() for name in re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.M)}
    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = list(project["dependencies"])
    if lock == "requirements-test.lock":
        wanted += [name for extra in project["optional-dependencies"].values() for name in extra]
    assert {re.split(r"[<>=]", name)[0].lower() for name in wanted} <= pinned
    assert "://" not in text
    assert "index-url" not in text
    assert len(re.findall(r"^\S+==", text, re.M)) <= text.count("--hash=sha256:")


def test_the_two_locks_agree() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==[^\s;]+)", read(name), re.M))

    assert pins("requirements.lock") <= pins("requirements-test.lock")


def test_the_site_is_not_built_into_its_sources() -> None:
    assert re.search(r"^site_dir: build/site$", read("mkdocs.yml"), re.M)
