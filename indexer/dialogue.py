"""The dialogue (问答): what somebody who begins an entry is asked in the terminal, and told."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.cells import cell_len, set_cell_size
from rich.markup import escape

from indexer import newentry
from indexer.library import Library
from indexer.loader import SKIPPED_FILES, SKIPPED_FOLDERS
from indexer.policy import Audience, Kind, Level, Policy, label, load_topics
from indexer.problems import ParameterProblem, shown
from indexer.terminal import out

Values = dict[str, Any]
_Answer = TypeVar("_Answer")

OPTIONS = {
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


class Form:
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
                    yield ParameterProblem(OPTIONS[name], message)
        if self._folder is not None and self._folder not in self._folders():
            allowed = f"可以写的有：{'、'.join(self._folders())}。"
            message = f"政策库里没有文件夹{shown(self._folder)}。{allowed}"
            yield ParameterProblem(OPTIONS["folder"], message)

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
                tell_similar(self.similar(values["title"]))
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
        wide = max(cell_len(value) for value, _ in options)
        for number, (value, told) in enumerate(options, start=1):
            out.print(f"  {number:>2}  {escape(set_cell_size(value, wide))}  {escape(told)}")

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


def confirm(question: str) -> bool:
    """Ask for a yes; return alone is one."""
    return _input(f"{question}回车就写，不写输入 n").lower() not in ("n", "no", "不", "否")


def tell_similar(similar: Sequence[Policy]) -> None:
    """Name the entries that may be about the same."""
    if similar:
        out.print("[yellow]已有类似的条目[/yellow]，请先看看是不是同一件事：")
    for policy in similar:
        out.print(f"  {escape(policy.title)}  [dim]{policy.slug}[/dim]")
