"""Commands for editors (编辑的命令): begin an entry, put right what is mechanical."""

import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.markup import escape

from indexer import newentry
from indexer.clock import today
from indexer.commandline import POLICIES, AsJson, Policies, WrongUse
from indexer.entryfile import save_entry
from indexer.library import Library
from indexer.loader import SKIPPED_FILES, SKIPPED_FOLDERS, inspect_library
from indexer.policy import Audience, Kind, Level, Policy, label, load_topics
from indexer.problems import ParameterError, ParameterProblem, Problem, shown
from indexer.repairs import Repair, repair_library
from indexer.terminal import err, out, print_json, print_problems, problem_rows

Values = dict[str, Any]
_Answer = TypeVar("_Answer")


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
    form = _Form(library, folder)
    problems = list(form.check(given))
    asked = sys.stdin.isatty() and not as_json
    missing = [name for name in newentry.NAMED if not given[name]]
    if not asked:
        problems += [ParameterProblem(_OPTIONS[name], form.lack(name, given)) for name in missing]
    if problems and as_json:
        rows = [{"field": problem.field, "message": problem.message} for problem in problems]
        print_json({"errors": rows})
        raise typer.Exit(2)
    if problems:
        raise ParameterError(problems)
    values = form.ask(given) if asked else given
    _finish(form, values, asked, as_json)


def _finish(form: "_Form", values: Values, asked: bool, as_json: bool) -> None:
    """Write the entry unless there is something wrong with it after all, and say what is next."""
    path = form.path_of(values)
    text = newentry.compose_entry(values, today())
    problems = newentry.try_entry(values["slug"], text)
    if not problems and asked and not _confirm(f"写进 {path} 吗？"):
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
            _tell_similar(similar)
        out.print(f"写好了：{escape(str(path))}")
        out.print(
            f"接着在编辑器里补上材料、步骤、依据（写法见 policies/templates/{values['kind']}.md），"
            "用 policykb check 核查，用 policykb serve --watch 边改边看。"
        )
    raise typer.Exit(1 if problems else 0)


_OPTIONS = {
    **{name: f"--{name}" for name in newentry.NAMED},
    "sources": "--source",
    "folder": "--folder",
}
_CHOICES: dict[str, type[StrEnum]] = {"kind": Kind, "audience": Audience, "level": Level}
_SEVERAL = ("audience", "topic")
_QUESTIONS = {
    "title": "标题（正式名称，通俗易懂）",
    "issuer": "发文机关（例如：国务院、淄博市人民政府）",
    "summary": "一句话说明（谁，在什么情况下，要做什么或能得到什么）",
}


class _Form:
    """What is asked of somebody who begins an entry, and what is allowed."""

    def __init__(self, library: Library, folder: str | None) -> None:
        self._library, self._folder = library, folder
        # Also those that cannot be read: their names are taken.
        files = (path.relative_to(library.root) for path in library.root.rglob("*.md"))
        self._taken = {path.stem: path for path in files if path.parts[0] not in SKIPPED_FOLDERS}

    def check(self, values: Values) -> Iterator[ParameterProblem]:
        """Yield everything that is wrong with what was given."""
        for name in newentry.NAMED:
            if values[name]:
                for message in self.complaints(name, values[name]):
                    yield ParameterProblem(_OPTIONS[name], message)
        if self._folder is not None and self._folder not in self._folders():
            allowed = f"可以写的有：{'、'.join(self._folders())}。"
            message = f"政策库里没有文件夹{shown(self._folder)}。{allowed}"
            yield ParameterProblem(_OPTIONS["folder"], message)

    def complaints(self, name: str, value: Any) -> list[str]:
        """Return what is wrong with one value."""
        if name == "slug" and value in self._taken:
            return [f"已经有条目{shown(value)}（{self._taken[value]}），请换一个名字。"]
        if name == "slug" and f"{value}.md" in SKIPPED_FILES:
            return [f"{shown(value)}不能作条目名，这个文件不当作条目读；请换一个名字。"]
        return newentry.check_value(name, value)

    def lack(self, name: str, values: Values) -> str:
        """Say that something is missing, and what it may be."""
        described = f"缺少这一项（{Policy.model_fields[name].description}）。"
        if name == "slug" and values["title"]:
            return f"{described}可以用 {self.suggested(values['title'])}。"
        return described if name != "sources" else f"{described}写成 名称=网址 或 名称=文号。"

    def suggested(self, title: str) -> str:
        """Return a name for the file that is free."""
        return newentry.suggest_slug(title, self._taken)

    def similar(self, title: str) -> list[Policy]:
        """Return the entries that may be about the same."""
        return newentry.find_similar(title, self._library.policies)

    def path_of(self, values: Values) -> Path:
        """Return where the entry goes."""
        folder = self._folder or newentry.folder_of(Kind(values["kind"]), values["audience"])
        return self._library.root / folder / f"{values['slug']}.md"

    def _folders(self) -> list[str]:
        inside = (path for path in self._library.root.iterdir() if path.is_dir())
        return sorted(p.name for p in inside if p.name not in SKIPPED_FOLDERS and p.name[0] != ".")

    def ask(self, given: Values) -> Values:
        """Ask for what was not given, one after the other; Ctrl+C leaves nothing behind."""
        values = dict(given)
        for name in newentry.NAMED:
            if not values[name]:
                values[name] = self._ask(name, values)
            if name == "title":
                _tell_similar(self.similar(values["title"]))
        return values

    def _ask(self, name: str, values: Values) -> Any:
        if name in _CHOICES:
            options = [(str(choice), label(choice)) for choice in _CHOICES[name]]
            return self._choose(name, options)
        if name == "topic":
            return self._choose(name, [(topic.name, topic.description) for topic in load_topics()])
        if name == "sources":
            return self._ask_source()
        if name == "slug":
            out.print(
                "条目名就是文件名和网址，定了就不再改；用英文或拼音，小写字母、数字和连字符。"
            )
            return self._ask_text(name, "条目名", self.suggested(values["title"]))
        return self._ask_text(name, _QUESTIONS[name])

    def _ask_text(self, name: str, question: str, default: str = "") -> str:
        def read(text: str) -> tuple[str, list[str]]:
            return text, self.complaints(name, text) if text else ["这一项要写。"]

        return _ask_until(question, read, default)

    def _choose(self, name: str, options: Sequence[tuple[str, str]]) -> Any:
        """Ask for one of the numbered options, or several."""
        several = name in _SEVERAL
        head = (Policy.model_fields[name].description or name).partition("：")[0].partition("，")[0]
        out.print(f"[bold]{head}[/bold]{'（可以选几个，用空格隔开）' if several else ''}")
        for number, (value, told) in enumerate(options, start=1):
            out.print(f"  {number:>2}  {escape(told if told == value else f'{value}  {told}')}")

        def read(text: str) -> tuple[Any, list[str]]:
            words = text.replace("，", " ").replace(",", " ").replace("、", " ").split()
            found = [_option_of(word, options) for word in words]
            if not words or None in found or (len(found) > 1 and not several):
                return None, [f"请写编号，1 到 {len(options)}，看到的是{shown(text)}。"]
            chosen = list(dict.fromkeys(found))
            return (chosen if several else chosen[0]), []

        return _ask_until("编号", read)

    def _ask_source(self) -> list[dict[str, str]]:
        """Ask for one source: what it is called, and where it is found."""
        title = self._ask_source_title()

        def read(text: str) -> tuple[list[dict[str, str]], list[str]]:
            sources = [newentry.source_of(title, text)]
            return sources, self.complaints("sources", sources)

        return _ask_until("在哪里能找到（网址、文号，或者从哪里读到）", read)

    def _ask_source_title(self) -> str:
        def read(text: str) -> tuple[str, list[str]]:
            return text, [] if text else ["这一项要写。"]

        return _ask_until("出处：从哪部法规、哪份文件读到的", read)


def _option_of(word: str, options: Sequence[tuple[str, str]]) -> str | None:
    """Return the option that a word names: by its number, as it is written, or in Chinese."""
    if word.isdecimal() and word.isascii():
        return options[int(word) - 1][0] if 1 <= int(word) <= len(options) else None
    return next((value for value, told in options if word in (value, told)), None)


def _ask_until(
    question: str, read: Callable[[str], tuple[_Answer, list[str]]], default: str = ""
) -> _Answer:
    """Ask until there is nothing wrong with the answer."""
    while True:
        answer, complaints = read(_input(question, default) or default)
        if not complaints:
            return answer
        for complaint in complaints:
            out.print(f"  [red]✘[/red] {escape(complaint)}")


def _input(question: str, default: str = "") -> str:
    shown_default = f"[dim]（直接回车用 {escape(default)}）[/dim]" if default else ""
    try:
        return out.input(f"{escape(question)}{shown_default}：").strip()
    except (EOFError, KeyboardInterrupt):
        out.print()
        raise typer.Abort from None


def _confirm(question: str) -> bool:
    return _input(f"{question}回车就写，不写输入 n").lower() not in ("n", "no", "不", "否")


def _tell_similar(similar: Sequence[Policy]) -> None:
    if similar:
        out.print("[yellow]已有类似的条目[/yellow]，请先看看是不是同一件事：")
    for policy in similar:
        out.print(f"  {escape(policy.title)}  [dim]{policy.slug}[/dim]")


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
