"""Commands for editors (编辑的命令): begin an entry, put right what is mechanical."""

import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from indexer import newentry
from indexer.clock import today
from indexer.commandline import POLICIES, AsJson, Policies, WrongUse
from indexer.dialogue import OPTIONS, Form, Values, confirm, tell_similar
from indexer.entryfile import save_entry
from indexer.loader import inspect_library
from indexer.problems import ParameterError, ParameterProblem, Problem
from indexer.repairs import Repair, repair_library
from indexer.terminal import err, out, print_json, print_problems, problem_rows


def new(
    kind: Annotated[
        str | None,
        typer.Option(help="类别：service 办事事项、benefit 惠企惠民、rule 规则。"),
    ] = None,
    title: Annotated[str | None, typer.Option(help="标题：正式名称。")] = None,
    slug: Annotated[
        str | None, typer.Option(help="条目名，就是文件名和网址：小写字母、数字、连字符。")
    ] = None,
    audience: Annotated[
        list[str] | None, typer.Option(help="适用对象：citizen、enterprise，可以写几次。")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="主题分类，可以写几次，名称见 topics.yml。")
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="层级：national、province、city、district。")
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="发文机关。")] = None,
    summary: Annotated[
        str | None, typer.Option(help="一句话说明：谁，什么情况下，要做什么或能得到什么。")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="出处，可以写几次：名称=网址，名称=文号，或者名称=从哪里读到。"),
    ] = None,
    folder: Annotated[
        str | None, typer.Option(help="放在政策库的哪个文件夹；不写就按类别放。")
    ] = None,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """新建条目：问几个问题（或者写成选项），写好一个核查能过的文件。"""
    if not policies.is_dir():
        raise WrongUse(f"没有文件夹 {policies}；用 --policies 指明政策库的位置。")
    library, _ = inspect_library(policies)
    given: Values = {
        "kind": kind,
        "title": title,
        "slug": slug,
        "audience": audience,
        "topic": topic,
        "level": level,
        "issuer": issuer,
        "summary": summary,
        "sources": newentry.read_sources(source or []),
    }
    form = Form(library, folder)
    problems = list(form.check(given))
    asked = sys.stdin.isatty() and not as_json
    missing = [name for name in newentry.NAMED if not given[name]]
    if not asked:
        problems += [ParameterProblem(OPTIONS[name], form.lack(name, given)) for name in missing]
    if problems and as_json:
        rows = [{"field": problem.field, "message": problem.message} for problem in problems]
        print_json({"errors": rows})
        raise typer.Exit(2)
    if problems:
        raise ParameterError(problems)
    values = form.ask(given) if asked else given
    _finish(form, values, asked, as_json)


def _finish(form: Form, values: Values, asked: bool, as_json: bool) -> None:
    """Write the entry unless there is something wrong with it after all, and say what is next."""
    path = form.path_of(values)
    text = newentry.compose_entry(values, today())
    problems = newentry.try_entry(values["slug"], text)
    if not problems and asked and not confirm(f"写进 {path} 吗？"):
        raise typer.Abort
    if not problems:
        _save(path, text)
    similar = form.similar(values["title"])
    if as_json:
        rows = [{"slug": policy.slug, "title": policy.title} for policy in similar]
        written = None if problems else str(path)
        print_json({"path": written, "similar": rows, "problems": problem_rows(problems)})
    elif problems:
        print_problems(problems)
        err.print("没有写文件；请改好再来。")
    else:
        if not asked:
            tell_similar(similar)
        out.print(f"写好了：{escape(str(path))}")
        out.print(
            f"接着在编辑器里补上材料、步骤、依据（写法见 policies/templates/{values['kind']}.md），"
            "用 policykb check 核查，用 policykb serve --watch 边改边看。"
        )
    raise typer.Exit(1 if problems else 0)


def _save(path: Path, text: str) -> None:
    try:
        save_entry(path, text)
    except OSError as error:
        raise WrongUse(f"写不了 {path}（{error.strerror}），请检查权限。") from None


# check --fix


def mend(chosen: set[str], policies: Path, dry_run: bool, as_json: bool) -> NoReturn:
    """Put right what is mechanical, show each change, and tell what is left; exit."""
    names = _names_of(policies, chosen)
    repairs, problems = repair_library(policies, names)
    if chosen:
        problems = tuple(problem for problem in problems if problem.path in chosen)
    if not dry_run:
        for repair in repairs:
            _apply(policies / repair.path, repair)
    if as_json:
        rows = [_row(repair, policies) for repair in repairs]
        left = problem_rows(problems)
        print_json({"changes": rows, "written": bool(repairs) and not dry_run, "problems": left})
    else:
        _print_repairs(repairs, policies, dry_run)
        if problems:
            err.print("还有要由人来改的：")
        print_problems(problems)
    raise typer.Exit(1 if problems else 0)


def _names_of(policies: Path, chosen: set[str]) -> list[str]:
    """Return the files of the library, those chosen if any are, by their paths within it."""
    library, problems = inspect_library(policies)
    prefix = f"{policies.name}/" if policies.name else ""
    names = {entry.path for entry in library.entries}
    names |= {problem.path.removeprefix(prefix) for problem in problems}
    return sorted(
        name
        for name in names
        if (policies / name).is_file() and (not chosen or prefix + name in chosen)
    )


def _apply(path: Path, repair: Repair) -> None:
    """Write a repaired file, unless somebody has saved it meanwhile."""
    target = path.resolve()
    if target.read_bytes() != repair.data:
        raise WrongUse(f"{path} 刚刚被别的程序改了，没有动它；请再运行一次。")
    _save(target, repair.after)


def _row(repair: Repair, policies: Path) -> dict[str, Any]:
    diff = "\n".join(_diff(repair, policies))
    rows = [change.to_dict() for change in repair.changes]
    return {"path": _shown(repair, policies), "changes": rows, "diff": diff}


def _shown(repair: Repair, policies: Path) -> str:
    return f"{policies.name}/{repair.path}" if policies.name else repair.path


def _diff(repair: Repair, policies: Path) -> Iterator[str]:
    name = _shown(repair, policies)
    before, after = (text.splitlines() for text in (repair.before, repair.after))
    return difflib.unified_diff(before, after, name, name, lineterm="", n=1)


_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def _print_repairs(repairs: Sequence[Repair], policies: Path, dry_run: bool) -> None:
    for repair in repairs:
        for line in _diff(repair, policies):
            out.print(escape(line), style=_COLOURS.get(line[:1]))
        for change in repair.changes:
            problem = Problem(_shown(repair, policies), change.line, change.field, change.message)
            out.print(escape(str(problem)))
    count = sum(len(repair.changes) for repair in repairs)
    if not repairs:
        out.print("没有能自动改的。")
    elif dry_run:
        out.print(f"能改 {count} 处，在 {len(repairs)} 个文件里；没有写，去掉 --dry-run 就写。")
    else:
        out.print(f"改好了 {count} 处，在 {len(repairs)} 个文件里。")
