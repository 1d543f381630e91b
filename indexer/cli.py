"""The command `policykb` (命令行): checks, builds, serves and searches a library."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, NoReturn

import typer
import typer.core
from rich.markup import escape
from typer import rich_utils

from indexer import addresses, counter, desk, formedit, history, intake, reviewing, upkeep
from indexer.access import AccessUnsafe, open_access
from indexer.build import SiteError, SiteReport, build_site, shows_authors
from indexer.checkcodes import WrongCode
from indexer.clock import today
from indexer.commandline import (
    BUILT,
    EVALUATED,
    INDEX,
    PAGES,
    POLICIES,
    SITE,
    AsJson,
    AsOf,
    IndexDir,
    PagesDir,
    Policies,
    SiteDir,
    WrongUse,
    load_entries,
    project_root,
)
from indexer.evaluate import (
    EvaluationUnavailable,
    cases_of,
    evaluate,
    moved,
    read_judgements,
    read_result,
    save_result,
)
from indexer.explain import Part, explain
from indexer.frontmatter import line_of, read_front_matter
from indexer.index import Index, IndexMissing, open_index
from indexer.internal import NO_NOTES, read_notes, search_noted
from indexer.issuers import check_issuers
from indexer.leaks import find_leaks
from indexer.library import Library
from indexer.loader import inspect_library
from indexer.matching import match
from indexer.noticepdf import PdfUnavailable
from indexer.pages import build_pages
from indexer.parallel import step_back
from indexer.params import SORTS, parse_params
from indexer.pins import check_pins, load_pins
from indexer.policy import Kind, Status, json_schema
from indexer.problems import LexiconError, ParameterError, PolicyError, Problem
from indexer.profile import Profile, parse_profile
from indexer.proof import NotProven
from indexer.query import Answer
from indexer.revisions import NoHistory
from indexer.terminal import (
    bar,
    err,
    out,
    print_answer,
    print_json,
    print_matches,
    print_note_hits,
    print_preview,
    print_problems,
    print_reminders,
    print_report,
    print_summary,
    problem_rows,
    told_of_index,
    told_of_site,
)
from indexer.usage import explain_usage
from indexer.workdays import load_calendar
from indexer.writing import BuildReport, IndexBusy, build_index

rich_utils.ARGUMENTS_PANEL_TITLE = "参数"
rich_utils.OPTIONS_PANEL_TITLE = "选项"
rich_utils.COMMANDS_PANEL_TITLE = "命令"
rich_utils.DEFAULT_STRING = "[默认：{}]"
rich_utils.REQUIRED_LONG_STRING = "[必填]"


class _Command(typer.core.TyperCommand):
    """A command whose help is in Chinese."""

    def get_help_option(self, ctx: Any) -> Any:
        return _in_chinese(super().get_help_option(ctx))


class _Group(typer.core.TyperGroup):
    """The list of commands, with help in Chinese."""

    def get_help_option(self, ctx: Any) -> Any:
        return _in_chinese(super().get_help_option(ctx))


def _in_chinese(help_option: Any) -> Any:
    help_option.help = "显示用法。"
    return help_option


app = typer.Typer(
    cls=_Group,
    name="policykb",
    help="政策库：核查条目、建索引、生成网站、提供检索。",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    options_metavar="[选项]",
    subcommand_metavar="命令 [参数]…",
    context_settings={"help_option_names": ["-h", "--help"]},
)
command = partial(app.command, cls=_Command, options_metavar="[选项]")


@command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="只看这些文件的问题；和 --built 一起写时，是要查的文件夹。"),
    ] = None,
    policies: Policies = POLICIES,
    built: Annotated[
        bool,
        typer.Option("--built", help="改查生成的文件（build）：里面有没有内部备注、个人信息。"),
    ] = False,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="改好拿得准的写法（日期、文号、冒号……），列出改了什么。"),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="和 --fix 一起用：只看会怎样改，不写文件。")
    ] = False,
    require_review: Annotated[
        bool, typer.Option("--require-review", help="没有审核过的条目也算问题。")
    ] = False,
    names: Annotated[int | None, typer.Option(min=1, help="要几个不同的人看过，不写是 2。")] = None,
    since: Annotated[
        str | None, typer.Option(help="这个提交（或标签）以后没有改过的条目，算审核过。")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """核查条目：一次列出全部问题，写明文件、行、字段和怎么改。"""
    if (dry_run and not fix) or (fix and built):
        raise WrongUse("--dry-run 只和 --fix 一起用，--fix 不和 --built 一起用。")
    if built:
        _check_built(paths or [BUILT], policies, as_json)
    chosen = _chosen(paths or [], policies)
    if fix:
        desk.mend(chosen, policies, dry_run, as_json)
    load_calendar()  # pages and due dates follow from it, so a mistake in it is told here too
    with bar("读取条目") as step:
        library, problems = inspect_library(policies, step)
    reviewed = reviewing.check_review(library, names, since, require_review)
    problems = tuple(sorted({*problems, *reviewed}))
    if chosen:
        problems = tuple(problem for problem in problems if problem.path in chosen)
    reminders = [found for found in check_issuers(library) if not chosen or found.path in chosen]
    if as_json:
        rows = {"problems": problem_rows(problems), "reminders": problem_rows(reminders)}
        print_json({"entries": len(library.entries), **rows})
    else:
        print_problems(problems)
        print_reminders(reminders)
        if not problems:
            out.print(f"{len(chosen) or len(library.entries)} 个条目，没有发现问题。")
    raise typer.Exit(1 if problems else 0)


def _check_built(folders: Sequence[Path], policies: Path, as_json: bool) -> NoReturn:
    """Look for what must not leave the building, and exit."""
    for folder in folders:
        if not folder.is_dir():
            raise WrongUse(f"没有文件夹 {folder}；先运行 policykb index 和 policykb site。")
    library = load_entries(policies)
    with bar("查生成的文件") as step:
        found = find_leaks(library, folders, step)
    if not found.files:
        where = "、".join(map(str, folders))
        raise WrongUse(f"{where} 里没有文件；先运行 policykb index 和 policykb site。")
    if as_json:
        print_json({"files": found.files, "problems": problem_rows(found.problems)})
    else:
        print_problems(found.problems)
        if not found.problems:
            out.print(f"查了 {found.files} 个文件，没有内部备注，也没有个人信息。")
    raise typer.Exit(1 if found.problems else 0)


def _chosen(paths: Sequence[Path], policies: Path) -> set[str]:
    """Return the paths as problems name them; folders stand for what is inside."""
    chosen: set[str] = set()
    for path in paths:
        if not path.exists():
            raise WrongUse(f"没有这个文件：{path}")
        if not path.resolve().is_relative_to(policies.resolve()):
            raise WrongUse(f"{path} 不在政策库 {policies} 里；用 --policies 指明政策库的位置。")
        for file in sorted(path.rglob("*.md")) if path.is_dir() else [path]:
            relative = file.resolve().relative_to(policies.resolve()).as_posix()
            chosen.add(f"{policies.name}/{relative}" if policies.name else relative)
    return chosen


@command()
def index(
    policies: Policies = POLICIES,
    index_dir: IndexDir = INDEX,
    full: Annotated[bool, typer.Option("--full", help="全部重新分析，不用上次的结果。")] = False,
    as_json: AsJson = False,
) -> None:
    """建索引：只重新分析有改动的条目，建好后整体换上。"""
    step_back()  # behind a service that runs meanwhile
    library = load_entries(policies)
    report, seconds = _build_index(library, index_dir, full)
    if as_json:
        print_json({**report.to_dict(), "seconds": round(seconds, 3)})
    else:
        out.print(told_of_index(report, seconds))


@command()
def pages(
    policies: Policies = POLICIES, pages_dir: PagesDir = PAGES, as_json: AsJson = False
) -> None:
    """把条目写成网页稿（Markdown），供 MkDocs 或 Zensical 生成网站。"""
    report = _build_pages(load_entries(policies), pages_dir)
    if as_json:
        print_json(report)
    else:
        out.print(f"网页稿在 {pages_dir}：{_counts(report)}。")


@command()
def site(
    policies: Policies = POLICIES,
    pages_dir: PagesDir = PAGES,
    site_dir: SiteDir = SITE,
    as_json: AsJson = False,
) -> None:
    """生成静态网站：建好后整体换上，没有检索服务也能浏览和搜索。"""
    library = load_entries(policies)
    report, seconds = _build_site(library, pages_dir, site_dir)
    entries = len(library.entries)
    if as_json:
        counts = {"entries": entries, "pages": report.total, "rendered": report.rendered}
        print_json({"site": str(site_dir), **counts, "seconds": round(seconds, 3)})
    else:
        made = told_of_site(report, seconds)
        out.print(f"网站在 {site_dir}：{entries} 个条目，{made}")


@command()
def serve(
    policies: Policies = POLICIES,
    index_dir: IndexDir = INDEX,
    pages_dir: PagesDir = PAGES,
    site_dir: SiteDir = SITE,
    host: Annotated[str, typer.Option(help="监听地址，默认只有本机能访问。")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="端口。")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="用几个进程；一个处理器核心配一个就够。")] = 1,
    watch: Annotated[bool, typer.Option("--watch", help="条目一改就重新生成。")] = False,
    internal: Annotated[
        bool, typer.Option("--internal", help="接口也给出内部备注，只给本机或有口令的人。")
    ] = False,
    token_file: Annotated[
        Path | None, typer.Option(help="口令文件；也可以用环境变量 POLICYKB_TOKEN。")
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option(help="收读者的纠错，一条一个文件，放在这个文件夹。")
    ] = None,
) -> None:
    """核查、建索引、生成网站，然后提供浏览和检索。"""
    from indexer import workers as processes
    from indexer.corrections import InboxUnusable, open_reception
    from search_server import make_app

    if token_file and not internal:
        raise WrongUse("--token-file 只和 --internal 一起用。")
    try:
        published = (policies, BUILT, index_dir, pages_dir, site_dir)
        reception = open_reception(corrections, published) if corrections else None
        listener = processes.listen(host, port)
        access = open_access(policies, token_file, listener) if internal else None
    except (processes.AddressUnusable, AccessUnsafe, InboxUnusable) as error:
        raise WrongUse(str(error)) from None
    with _kept_up_to_date(watch, policies, index_dir, pages_dir, site_dir) as state:
        address = processes.address_of(listener)
        processes.serve(
            partial(make_app, index_dir, site_dir, access=access, reception=reception, live=state),
            listener,
            workers,
            lambda: out.print(f"政策库已经打开：{address} （按 Ctrl+C 结束）"),
        )


@contextmanager
def _kept_up_to_date(
    watch: bool, policies: Path, index_dir: Path, pages_dir: Path, site_dir: Path
) -> Iterator[Path | None]:
    """Build index and site; with `watch` go on with it, and yield where their state is told."""
    if watch:
        from indexer.watching import Folders, follow

        with follow(Folders(policies, index_dir, pages_dir, site_dir)) as state:
            yield state
        return
    library = load_entries(policies)
    report, seconds = _build_index(library, index_dir, full=False)
    out.print(told_of_index(report, seconds))
    site, seconds = _build_site(library, pages_dir, site_dir)
    out.print(f"网站在 {site_dir}：{told_of_site(site, seconds)}")
    yield None


@command("search")
def search_command(
    query: Annotated[str, typer.Argument(help="要搜的话，平时怎么说就怎么写。")],
    index_dir: IndexDir = INDEX,
    kind: Annotated[list[str] | None, typer.Option(help=f"类别：{'、'.join(Kind)}。")] = None,
    status: Annotated[list[str] | None, typer.Option(help=f"时效：{'、'.join(Status)}。")] = None,
    sort: Annotated[str, typer.Option(help=f"排序：{'、'.join(SORTS)}。")] = "relevance",
    size: Annotated[int, typer.Option(help="最多几条。")] = 10,
    as_of: AsOf = None,
    explained: Annotated[
        bool, typer.Option("--explain", help="列出每个结果的每一分从哪里来。")
    ] = False,
    internal: Annotated[
        bool, typer.Option("--internal", help="也搜内部备注并显示出来，只给单位内部看。")
    ] = False,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """搜索：挖马路要找谁批。"""
    pairs = [("q", query), ("sort", sort), ("size", str(size))]
    pairs += [("kind", value) for value in kind or []]
    pairs += [("status", value) for value in status or []]
    pairs += [("as_of", as_of)] if as_of is not None else []
    params, day = parse_params(pairs)
    notes = read_notes(policies) if internal else NO_NOTES
    with open_index(index_dir) as opened:
        noted = search_noted(opened, notes, params, day or today())
        parts = _explain(opened, noted.answer) if explained else {}
        reply = _first_reply(opened, noted.answer)
        moved_to = opened.former.get(query.strip())
    if as_json:
        answer = noted.to_dict() if internal else noted.answer.to_dict()
        told = {slug: [asdict(part) for part in found] for slug, found in parts.items()}
        named = {"moved": moved_to.to_row()} if moved_to else {}
        print_json(answer | ({"explanation": told} if explained else {}) | named)
    else:
        if moved_to:
            out.print(escape(str(moved_to)))
        print_answer(noted.answer, parts, noted.notes, reply)
        print_note_hits(noted)


@command("evaluate")
def evaluate_command(
    policies: Policies = POLICIES,
    index_dir: IndexDir = INDEX,
    judgements: Annotated[
        Path | None,
        typer.Option(help="判定好的查询：CSV（query,slug,grade,why,style）或 JSONL。"),
    ] = None,
    against: Annotated[Path, typer.Option(help="和这个文件里上次的结果比。")] = EVALUATED,
    save: Annotated[bool, typer.Option("--save", help="把这次的结果存进那个文件。")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """评测检索：每个条目自己的常见问法，或者判定好的查询，能不能搜到该搜到的。"""
    _, day = parse_params([("as_of", as_of)] if as_of is not None else [])
    cases = read_judgements(judgements) if judgements else cases_of(load_entries(policies))
    with open_index(index_dir) as opened, bar("评测") as step:
        report = evaluate(opened, cases, day or today(), step)
        reminders = list(check_pins(load_pins(), opened.slugs, day or today()))
    name = judgements.name if judgements else "queries"
    before = read_result(against, name)
    changes = list(moved(report, before)) if before else []
    if save:
        save_result(report, against, name)
    if as_json:
        print_json({**report.to_dict(), "before": before, "moved": changes})
    else:
        print_report(report, before, changes)
        print_problems(reminders)


@command("match")
def match_command(
    profile: Annotated[
        Path | None, typer.Option(help="回答写在哪个文件里（YAML，一行一项）。")
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(help="企业名单（CSV、xlsx），一行一家，列名写问题的短名。")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="名单的结果放在哪个文件夹；再运行就和上次比。")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="名单是 Excel 时，看哪一张工作表。")] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="名单里的这一列照抄到结果里，可以写几次。")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="只看名单的列怎样对上问题，不判断，不写文件。")
    ] = False,
    index_dir: IndexDir = INDEX,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """匹配政策：按一份回答列出符合的、要补充的、不符合的；或者按企业名单列出每条政策该告诉谁。"""
    _, given = parse_params([("as_of", as_of)] if as_of is not None else [])
    day = given or today()
    if (profile is None) == (batch is None):
        raise WrongUse("用 --profile 给一份回答，或者用 --batch 给一份企业名单，写一个。")
    if batch is not None:
        _match_batch(batch, out_dir, sheet, keep or [], preview, index_dir, day, as_json)
        return
    if profile is None or out_dir or sheet or keep or preview:
        raise WrongUse("--out、--sheet、--keep、--preview 只和 --batch 一起用。")
    answers = _read_profile(profile, day)
    with open_index(index_dir) as opened:
        matches = match(opened.rules, answers, day)
    if as_json:
        print_json(matches.to_dict())
    else:
        print_matches(matches)


def _match_batch(
    batch: Path,
    out_dir: Path | None,
    sheet: str | None,
    keep: Sequence[str],
    preview: bool,
    index_dir: Path,
    day: date,
    as_json: bool,
) -> None:
    try:
        from indexer import outreach
        from indexer.tables import TableError
    except ModuleNotFoundError as error:
        raise WrongUse(
            f"没有装批量匹配要用的 {error.name}，"
            f"请在政策库的文件夹里运行 {sys.executable} -m pip install -e '.[batch]'。"
        ) from None
    try:
        if preview:
            found = outreach.preview(batch, day, sheet, keep)
            print_json(found.to_dict()) if as_json else print_preview(found)
            return
        if out_dir is None:
            raise WrongUse("--batch 要和 --out（结果放在哪个文件夹）或者 --preview 一起用。")
        with open_index(index_dir) as opened:
            rules = opened.rules
        with bar("匹配") as step:
            summary = outreach.tell_whom(batch, rules, day, out_dir, sheet, keep, step)
    except TableError as error:
        if as_json:
            print_json({"problems": [{"message": line} for line in str(error).splitlines()]})
        else:
            _say(*str(error).splitlines())
        raise typer.Exit(1) from None
    if as_json:
        print_json(summary.to_dict())
    else:
        print_summary(summary, out_dir)


command("notice")(counter.notice)
command("due")(counter.due)
command("bundle")(counter.bundle)
command("edit")(formedit.edit)
command("diff")(history.diff)
command("impact")(history.impact)
command("worklist")(upkeep.worklist)
command("links")(upkeep.links)
command("rename")(addresses.rename)
command("withdraw")(addresses.withdraw)
command("import")(intake.import_command)
command("approve")(reviewing.approve)
command("corrections")(reviewing.corrections)
command("new")(desk.new)


@command()
def schema() -> None:
    """输出条目信息的 JSON Schema，供编辑器提示和核对。"""
    print_json(json_schema())


def _build_index(library: Library, index_dir: Path, full: bool) -> tuple[BuildReport, float]:
    started = perf_counter()
    with bar("建索引") as step:
        report = build_index(library, index_dir, full=full, progress=step)
    return report, perf_counter() - started


def _build_pages(library: Library, pages_dir: Path) -> dict[str, int]:
    with bar("写网页稿") as step:
        authors = shows_authors(project_root())
        return asdict(build_pages(library, pages_dir, today(), progress=step, authors=authors))


def _build_site(library: Library, pages_dir: Path, site_dir: Path) -> tuple[SiteReport, float]:
    started = perf_counter()
    _build_pages(library, pages_dir)
    with err.status("正在生成网站……"):
        report = build_site(project_root(), site_dir, pages_dir)
    return report, perf_counter() - started


def _counts(report: dict[str, int]) -> str:
    names = {"total": "共", "written": "写入", "unchanged": "未变", "removed": "删除"}
    return "，".join(f"{names.get(name, name)} {count}" for name, count in report.items())


def _explain(opened: Index, answer: Answer) -> dict[str, tuple[Part, ...]]:
    return {hit.slug: explain(opened, answer.text, hit.slug, answer.as_of) for hit in answer.hits}


def _first_reply(opened: Index, answer: Answer) -> str | None:
    """Return the short answer to what is asked most of the first hit."""
    record = opened.record(answer.hits[0].slug) if answer.hits else None
    answers = (record or {}).get("answers")
    return answers[0]["short"] if answers else None


def _read_profile(path: Path, day: date) -> Profile:
    """Read the answers in a file; every mistake is told with its line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise WrongUse(f"{path} 读不出来：请核对文件名，文件要存成 UTF-8。") from None
    front = read_front_matter(text, first_line=1)
    problems = [Problem(str(path), m.line, m.field, m.message) for m in front.mistakes]
    try:
        answers = parse_profile(front.values, day)
    except ParameterError as error:
        for found in error.errors:
            line = line_of(front.lines, (found.field,))
            problems.append(Problem(str(path), line, found.field, found.message))
    if problems:
        raise _WrongProfile(problems)
    return answers


class _WrongProfile(PolicyError):
    """The file of answers has mistakes: that is wrong use, not a mistake in an entry."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exit 0, 1 for mistakes in entries, 2 for wrong use."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may stand on GBK
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        code = app(words, prog_name="policykb", standalone_mode=False)
    except PolicyError as error:
        if "--json" in words:
            print_json({"problems": problem_rows(error.problems)})
        else:
            print_problems(error.problems)
        code = 2 if isinstance(error, _WrongProfile) else 1
    except ParameterError as error:
        code = _say(*(f"{problem.field}：{problem.message}" for problem in error.errors))
    except typer.TyperException as error:
        code = _say(explain_usage(error))
    except NotProven as error:
        _say(str(error))
        code = 1
    except (
        WrongUse,
        WrongCode,
        NoHistory,
        PdfUnavailable,
        IndexMissing,
        IndexBusy,
        SiteError,
        EvaluationUnavailable,
        LexiconError,
    ) as error:
        code = _say(*str(error).splitlines())
    except (typer.Abort, KeyboardInterrupt):
        code = _say("已中止。")
    sys.exit(code or 0)


def _say(*messages: str) -> int:
    for message in messages:
        err.print(f"policykb：{escape(message)}")
    return 2
