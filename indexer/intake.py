"""The command `import` (导入): received files → drafts for editors, and what was found in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from indexer.classification import (
    Neighbours,
    chosen_kind,
    learn_neighbours,
    suggest_classes,
    with_guesses,
)
from indexer.commandline import POLICIES, AsJson, Policies, WrongUse
from indexer.drafts import Covered, cover_personal_data, make_draft, name_of, text_of
from indexer.entryfile import save_entry
from indexer.filereading import read_transcript
from indexer.findings import Findings
from indexer.gleaning import glean
from indexer.library import Library
from indexer.loader import inspect_library
from indexer.lookalikes import (
    Known,
    Likeness,
    find_alike,
    known_in_drafts,
    known_in_library,
    told,
)
from indexer.policy import Kind
from indexer.problems import did_you_mean, printable, shown
from indexer.terminal import bar, err, out, print_json
from indexer.transcript import Unreadable

DRAFTS = Path("build/drafts")
_NOTHING = Findings(())
_LESSER = ("aliases", "documents", "attachments", "inner_title", "validity_note")
_SHOWN = ("title", "doc_number", "issuer", "issued", "effective", "expires")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: a draft, or why there is none."""

    file: Path
    findings: Findings = _NOTHING
    covered: tuple[Covered, ...] = ()
    alike: tuple[Likeness, ...] = ()
    draft: Path | None = None
    problem: str | None = None

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The fields that an editor has to look at."""
        return tuple(name for name in self.findings.doubtful() if name not in _LESSER)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "file": str(self.file),
            "draft": str(self.draft) if self.draft else None,
            "problem": self.problem,
            "alike": [
                {
                    "place": one.place,
                    "title": one.title,
                    "share": round(one.share, 2),
                    "why": one.why,
                }
                for one in self.alike
            ],
            "personal": [
                {"kind": one.kind, "masked": one.masked, "where": one.where} for one in self.covered
            ],
            "doubtful": list(self.doubtful),
            "findings": self.findings.to_list(),
        }


@dataclass
class Intake:
    """What is known already, and grows with every draft of a batch."""

    library: Library
    folder: Path
    neighbours: Neighbours
    known: list[Known]
    taken: set[str]
    kind: Kind | None = None
    force: bool = False
    outcomes: list[Outcome] = field(default_factory=list)


def import_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="文件…", help="要导入的文件，或者文件夹。")
    ],
    kind: Annotated[
        str | None, typer.Option(help=f"类别：{'、'.join(Kind)}；不写就按用词猜。")
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", help="草稿放在哪个文件夹。")] = DRAFTS,
    force: Annotated[
        bool, typer.Option("--force", help="和已有的相似也写成草稿；内容、文号一样的仍然不写。")
    ] = False,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """导入收到的文件（Word、PDF、网页、文本）：找出标题、文号、日期，写成等编辑核对的草稿。"""
    chosen = _read_kind(kind)
    found = _find_files(files)
    if out_dir.resolve().is_relative_to(policies.resolve()):
        raise WrongUse(f"草稿不能直接写进政策库（{out_dir}）：核对以前不算条目，请换一个 --out。")
    if out_dir.exists() and not out_dir.is_dir():
        raise WrongUse(f"--out 要写一个文件夹，{out_dir} 是文件。")
    intake = _open_intake(policies, out_dir, chosen, force)
    with bar("导入") as step:
        for number, path in enumerate(found, start=1):
            intake.outcomes.append(take_in(path, intake))
            step(number, len(found))
    if as_json:
        print_json({"files": [outcome.to_dict() for outcome in intake.outcomes]})
    else:
        _print_outcomes(intake)
    raise typer.Exit(1 if any(outcome.problem for outcome in intake.outcomes) else 0)


def _read_kind(kind: str | None) -> Kind | None:
    if kind is not None and kind not in list(Kind):
        hint = did_you_mean(kind[:80], list(Kind))
        raise WrongUse(f"--kind 只能是 {'、'.join(Kind)}，收到的是{shown(kind)}。{hint}")
    return Kind(kind) if kind else None


def _find_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files in their order; a folder stands for what is in it, hidden files left out."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise WrongUse(f"没有这个文件：{path}")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            parts = file.relative_to(path).parts if path.is_dir() else ()
            if file.is_file() and not any(part.startswith((".", "~$")) for part in parts):
                found[file] = None
    if not found:
        raise WrongUse("这里没有文件可以导入。")
    return tuple(found)


def _open_intake(policies: Path, out_dir: Path, kind: Kind | None, force: bool) -> Intake:
    """Read the library, with or without problems, and the drafts that there are."""
    if not policies.is_dir():
        raise WrongUse(f"没有文件夹 {policies}，请用 --policies 指明政策库的位置。")
    with bar("读取条目") as step:
        library, _ = inspect_library(policies, step)
    known = [*known_in_library(library, str(policies)), *known_in_drafts(out_dir)]
    names = (path.stem for folder in (policies, out_dir) for path in folder.rglob("*.md"))
    return Intake(library, out_dir, learn_neighbours(library), known, set(names), kind, force)


def take_in(path: Path, intake: Intake) -> Outcome:
    """Read one file and write its draft, unless there is none to write."""
    try:
        transcript, covered = cover_personal_data(read_transcript(path))
    except Unreadable as error:
        return Outcome(path, problem=str(error))
    findings = glean(transcript)
    findings = with_guesses(findings, suggest_classes(transcript, findings, intake.neighbours))
    if intake.kind:
        findings = with_guesses(findings, [chosen_kind(intake.kind)])
    new = Known(
        str(path),
        findings.value("title") or "",
        findings.value("doc_number"),
        text_of(transcript),
    )
    alike = find_alike(new, intake.known)
    if any(one.same or (one.stops and not intake.force) for one in alike):
        return Outcome(path, findings, covered, alike)
    draft = make_draft(transcript, findings, covered, alike, intake.library, intake.taken)
    target = intake.folder / f"{draft.slug}.md"
    try:
        save_entry(target, draft.text)
    except OSError as error:
        problem = f"写不了 {target}（{error.strerror}），请核对文件夹能不能写、磁盘满没满。"
        return Outcome(path, findings, covered, alike, problem=problem)
    intake.taken.add(draft.slug)
    intake.known.append(Known(str(target), new.title, new.number, new.text))
    return Outcome(path, findings, covered, alike, target)


def _print_outcomes(intake: Intake) -> None:
    """Show what was found in each file, what is doubtful, and where the draft is or why not."""
    columns = (Column(name, overflow="fold") for name in ("文件", "找到的", "请核对", "草稿"))
    table = Table(*columns, pad_edge=False, show_lines=True)
    for outcome in intake.outcomes:
        table.add_row(
            escape(printable(outcome.file.name)),
            "\n".join(escape(line) for line in _found_lines(outcome.findings)),
            "、".join(map(name_of, outcome.doubtful)),
            escape(_result(outcome)),
        )
    out.print(table, soft_wrap=False)
    for outcome in intake.outcomes:
        for piece in outcome.covered:
            err.print(escape(f"{outcome.file.name}：{piece}，草稿里已用 * 盖住。"))
    _print_count(intake)


def _found_lines(findings: Findings) -> Iterator[str]:
    for name in _SHOWN:
        value = findings.value(name)
        if value:
            mark = "" if findings.all(name)[0].is_sure else "？"
            yield f"{name_of(name)}：{value}{mark}"


def _result(outcome: Outcome) -> str:
    if outcome.problem:
        return f"没有导入：{outcome.problem}"
    if outcome.draft is None:
        return f"没有再写：{told(outcome.alike)}"
    near = f"（{told(outcome.alike)}）" if outcome.alike else ""
    return f"{outcome.draft}{near}"


def _print_count(intake: Intake) -> None:
    """Tell how many drafts there are, and what to do with them."""
    written = sum(outcome.draft is not None for outcome in intake.outcomes)
    failed = sum(outcome.problem is not None for outcome in intake.outcomes)
    again = len(intake.outcomes) - written - failed
    parts = [f"写了 {written} 份草稿"]
    parts += [f"{again} 份已经有了或者很像已有的"] if again else []
    parts += [f"{failed} 份没有导入"] if failed else []
    out.print(f"{len(intake.outcomes)} 个文件：{'，'.join(parts)}。")
    if written:
        out.print(
            f"下一步：打开 {escape(str(intake.folder))} 里的草稿，看一遍“请核对”“请填写”；"
            f"policykb check --policies {escape(str(intake.folder))} 列出还缺什么；"
            "改好后移到 policies/。"
        )
    if again and not intake.force:
        out.print("只是相似、不是同一份的，加 --force 也写成草稿。")
