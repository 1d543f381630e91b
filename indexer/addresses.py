"""Commands for names and addresses (改名和撤下): rename, withdraw."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
from rich.markup import escape

from indexer.changeset import Change, NotWritten, apply_changes, diff, recover
from indexer.clock import today
from indexer.commandline import POLICIES, AsJson, Policies, WrongUse, load_entries, project_root
from indexer.entryfile import save_entry
from indexer.library import Library
from indexer.problems import did_you_mean, shown
from indexer.rehearsal import check_plan
from indexer.renaming import (
    LABELS,
    Plan,
    Refused,
    What,
    plan_rename,
    plan_withdrawal,
)
from indexer.revisions import last_commits
from indexer.terminal import err, out, print_json

KINDS = "、".join(f"{what}（{label}）" for what, label in LABELS.items())
DryRun = Annotated[bool, typer.Option("--dry-run", help="只列出要改什么，不写文件。")]


def rename(
    what: Annotated[str | None, typer.Argument(help=f"改什么：{KINDS}。")] = None,
    old: Annotated[str | None, typer.Argument(help="现在的名称。")] = None,
    new: Annotated[str | None, typer.Argument(help="新的名称。")] = None,
    dry_run: DryRun = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="上次没有写完就断了的，恢复到改以前的样子。")
    ] = False,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """改名：主题、地区、发文机关、条目名，用到的地方一起改，要么全改，要么不改。"""
    if restore:
        _restore(policies, as_json)
        return
    if what is None or old is None or new is None:
        raise WrongUse("写明改什么、旧名、新名，例如 rename topic 人才 人才政策。")
    if what not in list(What):
        hint = did_you_mean(what[:80], What)
        raise WrongUse(f"只能改 {KINDS}，收到的是{shown(what)}。{hint}")
    library = load_entries(policies)
    try:
        plan = plan_rename(What(what), old, new, library, project_root(), today())
    except Refused as error:
        raise WrongUse(str(error)) from None
    _carry_out(plan, library, dry_run)
    if as_json:
        print_json(_told(plan, library, dry_run))
        return
    _print_plan(plan, library)
    done = f"{'要改' if dry_run else '改好了'}：{LABELS[What(what)]} {old} → {new}"
    out.print(escape(f"{done}，{len(plan.changes)} 个文件。"))
    _print_rest(plan, dry_run)
    if what != What.ENTRY and not dry_run:
        out.print("正在运行的服务要重新打开，才认得新的名称。")


def withdraw(
    slug: Annotated[str, typer.Argument(help="撤下哪个条目（条目名）。")],
    reason: Annotated[str, typer.Option(help="为什么撤下，一句话，网页上谁都看得到。")],
    instead: Annotated[str | None, typer.Option(help="现在该看哪个条目（条目名）。")] = None,
    copy: Annotated[
        Path | None, typer.Option(help="撤下的条目另存到哪个文件；没有提交过的一定要写。")
    ] = None,
    dry_run: DryRun = False,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """撤下条目：写错了的、不该收的，从政策库里拿掉，旧网址说明原因；到期的不用撤。"""
    library = load_entries(policies)
    try:
        plan = plan_withdrawal(slug, reason, instead or "", library, project_root(), today())
    except Refused as error:
        raise WrongUse(str(error)) from None
    if not dry_run:
        _look_at_copy(library, slug, copy)
    _carry_out(plan, library, dry_run, copy)
    if as_json:
        print_json(_told(plan, library, dry_run))
        return
    _print_plan(plan, library)
    done = "要撤下" if dry_run else "撤下了"
    out.print(f"{done}：{slug}。旧网址会说明原因，搜索和列表里不再有它。")
    _print_rest(plan, dry_run)


def _restore(policies: Path, as_json: bool) -> None:
    try:
        count = recover(policies)
    except NotWritten as error:
        raise WrongUse(str(error)) from None
    if as_json:
        print_json({"restored": count})
    else:
        restored = f"恢复了 {count} 个文件，和改以前一样。"
        out.print(restored if count else "没有断在一半的改名，不用恢复。")


def _carry_out(plan: Plan, library: Library, dry_run: bool, copy: Path | None = None) -> None:
    """Check the plan and, unless it is only to be seen, write it, what goes into a copy first."""
    with err.status("正在核查改好以后的政策库……"):
        try:
            check_plan(plan, library)
            if dry_run:
                return
            if copy is not None:
                _keep_copy(plan, copy)
            apply_changes(plan.changes, library.root)
        except (Refused, NotWritten) as error:
            raise WrongUse(str(error)) from None


def _look_at_copy(library: Library, slug: str, copy: Path | None) -> None:
    """Refuse to lose an entry that git does not know as it is, and a place that cannot be used."""
    path = library.by_slug[slug].path
    if copy is None:
        if path not in last_commits(library.root):
            raise WrongUse(
                f"{path} 现在的内容没有提交过，撤下就找不回来了。"
                "请先提交，或者用 --copy 写明另存到哪个文件。"
            )
    elif copy.exists():
        raise WrongUse(f"{copy} 已经有了，请给 --copy 换一个文件名。")
    elif copy.resolve().is_relative_to(library.root.resolve()):
        raise WrongUse(f"--copy 不能放在政策库 {library.root} 里，不然又成了条目。")


def _keep_copy(plan: Plan, copy: Path) -> None:
    try:
        save_entry(copy, next(c.before for c in plan.changes if c.after is None and c.before))
    except OSError as error:
        raise NotWritten(f"写不了 {copy}（{error.strerror}），什么都没有改。") from None


def _shown(change: Change, library: Library) -> str:
    """Return a path as a person would type it in the project."""
    path = change.path.resolve()
    for folder in (library.root.resolve().parent, Path.cwd(), project_root()):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return str(path)


def _rows(plan: Plan, library: Library) -> Iterator[dict[str, str]]:
    """Yield each file with what happens to it; a file that gets another name is one."""
    new = next((c for c in plan.changes if c.before is None and c.path.suffix != ".yml"), None)
    for change in plan.changes:
        path, before, after = _shown(change, library), change.before or "", change.after or ""
        if change.after is None and new is not None:
            to = _shown(new, library)
            changed = diff(before, new.after or "", path, to)
            yield {"path": path, "change": "renamed", "to": to, "diff": changed}
        elif change is not new:
            kind = "removed" if change.after is None else "changed"
            kind = "added" if change.before is None else kind
            yield {"path": path, "change": kind, "diff": diff(before, after, path, path)}


def _told(plan: Plan, library: Library, dry_run: bool) -> dict[str, Any]:
    files = list(_rows(plan, library))
    return {"written": not dry_run, "files": files, "mentions": list(plan.mentions)}


def _print_plan(plan: Plan, library: Library) -> None:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for row in _rows(plan, library):
        if row["change"] == "renamed":
            out.print(escape(f"文件 {row['path']} → {row['to']}"))
        if row["change"] == "removed":
            out.print(escape(f"删去 {row['path']}"))
            continue
        for line in row["diff"].splitlines():
            colour = colours.get(line[:1])
            text = escape(line)
            out.print(f"[{colour}]{text}[/{colour}]" if colour else text)


def _print_rest(plan: Plan, dry_run: bool) -> None:
    if plan.mentions:
        out.print("这些地方还写着旧的条目名，没有改，请看一看：")
        for place in plan.mentions:
            out.print(f"  {escape(place)}")
    if dry_run:
        out.print("这次没有写文件；去掉 --dry-run 就改。")
    else:
        out.print("接下来运行 policykb index 和 policykb site，网站和检索就跟着改。")
