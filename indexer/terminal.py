"""Terminal (终端): how the command says to a person what came out."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from indexer.bundlepage import days_told, order_told
from indexer.bundles import NeededMaterial, Plan, PlannedStep
from indexer.duedates import DueDates
from indexer.evaluate import Report
from indexer.explain import Part
from indexer.internal import NotedAnswer
from indexer.matching import Finding, Match, Matches, Outcome, describe
from indexer.policy import Kind, Status, label
from indexer.problems import Problem
from indexer.query import Answer
from indexer.questionnaire import material_tags
from indexer.revisions import Commit

if TYPE_CHECKING:  # the extra `batch` need not be installed
    from indexer.columns import Column, Tally
    from indexer.outreach import Preview
    from indexer.results import Summary

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

NEXT_QUESTIONS = 5
DRAWN_EVERY = 0.1  # seconds


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error; on anything but a terminal it stays silent."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # A thread that draws the bar would keep the build from copying itself into processes.
    silent = not err.is_terminal
    with Progress(
        *columns, console=err, transient=True, disable=silent, auto_refresh=False
    ) as shown:
        task = shown.add_task(title, total=None)
        drawn = 0.0

        def step(done: int, total: int) -> None:
            nonlocal drawn
            due = perf_counter() > drawn + DRAWN_EVERY
            drawn = perf_counter() if due else drawn
            shown.update(task, completed=done, total=total, refresh=due)

        yield step


def print_answer(
    answer: Answer,
    parts: Mapping[str, Sequence[Part]],
    notes: Mapping[str, str],
    reply: str | None = None,
) -> None:
    """Print one page of hits.

    `parts` explain the points of some by their slugs, `notes` are internal ones, `reply` answers by
    the first.
    """
    if answer.corrected is not None:
        out.print(f"已按“{escape(answer.corrected)}”搜索；要搜原词，请给它加上引号。")
    if not answer.hits:
        out.print(f"没有找到“{escape(answer.text)}”。换个说法试试，或者拨打 12345 问一问。")
        _print_suggestions(answer)
        return
    if not answer.confident:
        out.print("没有完全对应的条目，可能相关的有：")
        _print_suggestions(answer)
    for number, hit in enumerate(answer.hits, start=(answer.page - 1) * answer.size + 1):
        name = f"[dim]{label(Kind(hit.kind))} · {hit.slug}[/dim]"
        out.print(f"{number:>2}. [bold]{escape(hit.title)}[/bold]{_mark_of(hit.status)}  {name}")
        out.print(f"    {_marked(hit.snippet)}")
        if reply is not None and hit is answer.hits[0]:
            out.print(f"    答：{_mark_of(hit.status).strip()}{escape(reply)}")
        if hit.slug in notes:
            _print_note(notes[hit.slug])
        for part in parts.get(hit.slug, ()):
            where = f"（{'、'.join(part.where)}）" if part.where else ""
            out.print(f"    [dim]{part.points:+.4f}  {escape(part.what)}{where}[/dim]")
    out.print(f"共 {answer.total} 条，时效按 {answer.as_of} 判断，用时 {answer.took_ms:.1f} 毫秒。")


def print_note_hits(noted: NotedAnswer) -> None:
    """Print the entries that only their internal notes brought up."""
    shown = {hit.slug for hit in noted.answer.hits}
    others = [hit for hit in noted.hits if hit.slug not in shown]
    if others:
        out.print("内部备注里还有：")
    for hit in others:
        name = f"[dim]{label(Kind(hit.kind))} · {hit.slug}[/dim]"
        out.print(f" ·  [bold]{escape(hit.title)}[/bold]{_mark_of(hit.status)}  {name}")
        _print_note(hit.internal)


def _print_note(note: str) -> None:
    out.print(f"    [magenta]【内部备注】[/magenta]{escape(' '.join(note.split()))}")


def _mark_of(status: str) -> str:
    """Return what warns of a policy that is not in force."""
    given = Status(status)
    return "" if given is Status.IN_FORCE else f" [red]【{label(given)}】[/red]"


def _print_suggestions(answer: Answer) -> None:
    for suggestion in answer.suggestions:
        out.print(f"  也许要找：{escape(suggestion['text'])}")


def _marked(snippet: str) -> str:
    """Turn the HTML of a snippet into the markup of a terminal."""
    from html import unescape

    text = escape(unescape(snippet.replace("<mark>", "\x01").replace("</mark>", "\x02")))
    return text.replace("\x01", "[bold yellow]").replace("\x02", "[/]")


_COLUMNS = {
    "queries": "查询",
    "success_at_1": "第一个就是",
    "success_at_3": "前三个里有",
    "mrr_at_10": "MRR@10",
    "ndcg_at_10": "nDCG@10",
    "recall_at_100": "召回@100",
}


def print_report(
    report: Report,
    before: Mapping[str, Any] | None,
    changes: Sequence[tuple[str, int | None, int | None]],
) -> None:
    """Show the measures by style, what missed, and what has moved since the last kept result."""
    table = Table("", *_COLUMNS.values(), box=None, pad_edge=False)
    rows = {**report.styles, "合计": report.overall}
    for style, measures in rows.items():
        table.add_row(style or "—", *_cells(asdict(measures)))
    if before:
        table.add_row("上次", *_cells(before["overall"]))
    out.print(table)
    out.print(f"库里有答案的查询，{report.accepted:.1%} 答得有把握。")
    if report.outside:
        out.print(f"库外的 {report.outside} 个查询，{report.refused:.1%} 没有当成答案给出。")
    for miss in report.misses:
        place = f"第 {miss.place} 个" if miss.place else "没有搜到"
        got = "、".join(miss.got) or "没有结果"
        out.print(
            f"没有排在第一（{place}）：“{escape(miss.query)}” "
            f"应为 {'、'.join(miss.expected)}，得到 {got}",
            soft_wrap=True,
        )
    for query in report.answered_outside:
        out.print(f"库外却当成了答案：“{escape(query)}”")
    for query, old, new in changes:
        out.print(f"有变化：“{escape(query)}” {old or '没有'} → {new or '没有'}")


def _cells(measures: Mapping[str, Any]) -> list[str]:
    return [
        str(measures[name]) if name == "queries" else f"{measures[name]:.3f}" for name in _COLUMNS
    ]


def print_matches(matches: Matches) -> None:
    """Print what fits, may fit and does not, with every reason, and what to answer next."""
    for outcome in Outcome:
        group = matches.group(outcome)
        out.print(f"[bold]{describe(outcome)}（{len(group)}）[/bold]")
        for number, found in enumerate(group, start=1):
            _print_match(number, found)
        out.print()
    if matches.questions:
        out.print("接下来最好回答：")
        for question, entries in matches.questions[:NEXT_QUESTIONS]:
            asked = f"{question.label}（{question.key}）：{question.question}"
            out.print(f"  {escape(asked)}[dim]（关系到 {entries} 条）[/dim]")
    out.print(f"按 {matches.as_of} 判断，仅供参考，以受理部门审核为准。")


_USES = {
    "name": "企业名称，写进结果",
    "code": "统一社会信用代码，写进结果",
    "kept": "照抄到结果里",
    "personal": "个人信息，不用，不写进结果",
    "unused": "没有对上，不用",
}


def print_preview(preview: "Preview") -> None:
    """Print how the columns of a list would be read."""
    out.print(f"{escape(preview.table)}：表头在第 {preview.header_line} 行。")
    _print_columns(preview.columns)
    for line in preview.told:
        out.print(escape(line))
    out.print(f"以上是前 {preview.rows} 行的情形；没有判断，没有写文件。")


def _print_columns(columns: Sequence[tuple["Column", "Tally | None"]]) -> None:
    """Show what each column is used for, and how its cells came out."""
    table = Table(box=None, pad_edge=False)
    for name in ("位置", "列名", "用作", "填了", "读不出来", "例如"):
        table.add_column(name, overflow="fold")
    for column, tally in columns:
        use = _USES.get(column.use, "")
        if column.question is not None:
            unit = f"，单位 {column.unit or column.question.unit}" if column.question.unit else ""
            use = f"{column.question.label}（{column.question.key}{unit}）"
        counts = (str(tally.filled), str(tally.unreadable)) if tally else ("", "")
        examples = "、".join(tally.examples) if tally else ""
        table.add_row(column.place, escape(column.name), use, *counts, escape(examples[:40]))
    out.print(table)


def print_summary(summary: "Summary", out_dir: Path) -> None:
    """Print what a batch read, found and changed, and where its files are."""
    _print_columns(summary.columns)
    for line in summary.told:
        out.print(escape(line))
    out.print(
        f"读到 {summary.read} 行：判断了 {summary.judged} 行，读不出来 {summary.rejected} 行"
        f"{'，原因在 rejects.csv' if summary.rejected else ''}。"
    )
    if summary.repeated:
        out.print(f"有 {summary.repeated} 行和前面的是同一家，都判断了。")
    for count in summary.policies:
        likely, more = count.outcomes[Outcome.LIKELY], count.outcomes[Outcome.MORE_INFORMATION]
        left = count.match.days_left
        soon = f"，还有 {left} 天截止" if left is not None else ""
        if likely:
            out.print(f"  {escape(count.title)}：很可能符合 {likely} 家，还需补充 {more} 家{soon}")
    if not any(count.outcomes[Outcome.LIKELY] for count in summary.policies):
        out.print("没有哪一条政策有很可能符合的；还缺什么，见工作簿里的“缺什么”。")
    if summary.changes is not None:
        told = "，".join(f"{kind} {number}" for kind, number in summary.changes.items() if number)
        out.print(f"和按 {summary.compared_with} 判断的上次比：{told or '没有变化'}。")
    out.print(f"结果在 {escape(str(out_dir))}：{'、'.join(summary.files)}。")
    out.print(f"按 {summary.as_of} 判断，仅供参考，以受理部门审核为准。")


def _print_match(number: int, found: Match) -> None:
    record = found.rule.record
    out.print(f"{number:>2}. [bold]{escape(record['title'])}[/bold]  [dim]{found.slug}[/dim]")
    if found.outcome is Outcome.NOT_ELIGIBLE:
        for reason in found.reasons:
            out.print(f"    ✘ {escape(reason)}")
        return
    mode, days = record.get("benefit_mode"), found.days_left
    left = f"截止 {record['deadline']}，还有 {days} 天" if days is not None else ""
    texts = (benefit["text"] for benefit in record.get("benefits", ()))
    for line in filter(None, (" · ".join(filter(None, (mode, left))), *texts, *found.reasons)):
        out.print(f"    {escape(line)}")
    for line in (line for estimate in found.estimates for line in estimate.lines()):
        out.print(f"    {escape(line)}")
    for finding in found.findings:
        _print_finding(finding, 4)
    for condition in found.rule.unchecked:
        out.print(f"    · 由窗口或主管部门判断：{escape(condition.text)}")


def _print_finding(finding: Finding, indent: int) -> None:
    mark = {True: "[green]✔[/green]", False: "[red]✘[/red]", None: "[yellow]？[/yellow]"}
    answer = f"（您答的是 {finding.answer.text}）" if finding.answer else ""
    text = escape(f"{finding.node.condition.text}{answer}")
    out.print(f"{' ' * indent}{mark[finding.outcome]} {text}")
    for child in finding.children:
        _print_finding(child, indent + 4)


def print_due(title: str, found: DueDates) -> None:
    """Print both due dates, how they came about, and what is not known."""
    out.print(f"[bold]{escape(title)}[/bold]")
    for due in found.dues:
        told = due.to_dict()
        last = (
            f"[bold]{told['due']}（{told['weekday']}）[/bold]"
            if due.due
            else "[yellow]不知道[/yellow]"
        )
        out.print(f"{escape(due.name)}（{due.length or '没有写成数'}）：{last}")
        if due.unknown:
            out.print(f"    {escape(due.unknown)}")
    out.print()
    for step in (step.to_dict() for step in found.timeline):
        day = f"{step['day']} {step['weekday']}" if step["day"] else "哪天不知道"
        out.print(f"  {day}  {escape(step['text'])}")
    out.print()
    for note in found.notes:
        out.print(f"· {escape(note)}")
    out.print("仅供参考，以窗口答复为准。")


def print_plan(title: str, plan: Plan, day: date) -> None:
    """Print the steps of a bundle in their order, how long they take, and what to bring."""
    out.print(f"[bold]{escape(title)}[/bold]：一共 {len(plan.steps)} 项，{plan.all}。")
    if 0 < plan.required.steps < plan.all.steps:
        out.print(f"只办一定要办的 {plan.required.steps} 项：{plan.required}。")
    table = Table(box=None, pad_edge=False)
    for name in ("", "办什么", "时限", "先后"):
        table.add_column(name, overflow="fold", no_wrap=name != "办什么")
    for step in plan.steps:
        table.add_row(str(step.number), *_cells_of_step(step, plan, day))
    out.print(table)
    for question in plan.questions:
        asked = f"第 {question.step} 项先问{question.question}：{' / '.join(question.options)}"
        out.print(escape(asked))
    if plan.materials:
        out.print("[bold]材料合在一起[/bold]（每一项各交各的）")
    for material in plan.materials:
        out.print(f"  □ {escape(_told_of_material(material))}")
    if plan.unlisted:
        numbers = "、".join(map(str, plan.unlisted))
        out.print(f"第 {numbers} 项的材料没有列出来，以窗口一次告知为准。")
    out.print(f"时效按 {day} 判断；时限从受理那天算起，补材料、经批准延长的时间没有算进去。")


def _cells_of_step(step: PlannedStep, plan: Plan, day: date) -> list[str]:
    status = step.item.status_on(day) if step.item else Status.IN_FORCE
    mark = "" if status is Status.IN_FORCE else f"[red]【{label(status)}】[/red]"
    more = [f"只在这种情形：{step.step.when}"] if step.step.when else []
    more += [step.item.slug] if step.item else []
    days = days_told(step)
    return [
        "\n".join((f"{escape(step.title)}{mark}", *(f"[dim]{escape(m)}[/dim]" for m in more))),
        f"[bold]{days}，最花时间[/bold]" if step.longest else days,
        order_told(step, plan),
    ]


def _told_of_material(material: NeededMaterial) -> str:
    """Say what a material is, and which steps want it in which way."""
    wants = []
    for want in material.wants:
        told = "，".join(filter(None, (*material_tags(want.material), want.when)))
        wants.append(f"第 {want.step} 项" + (f"（{told}）" if told else ""))
    return f"{material.name}：{'、'.join(wants)}"


def print_problems(problems: Sequence[Problem]) -> None:
    """Print mistakes on standard error, a line each, and how many they are."""
    for problem in problems:
        err.print(escape(str(problem)))
    if problems:
        files = len({problem.path for problem in problems})
        err.print(f"共 {len(problems)} 处问题，在 {files} 个文件里。")


def print_reminders(reminders: Sequence[Problem]) -> None:
    """Print on standard error what may be a mistake and may be none."""
    for reminder in reminders:
        err.print(f"提醒：{escape(str(reminder))}")


def problem_rows(problems: Sequence[Problem]) -> list[dict[str, str | int]]:
    """Return mistakes as JSON values."""
    return [problem.to_dict() for problem in problems]


def print_proof(
    then: Mapping[str, Any],
    commit: Commit | None,
    late: date | None,
    changes: Sequence[str],
    file: Path | None,
) -> None:
    """Say which notice a check code stands for, and what has changed since."""
    out.print(f"核验通过：{escape(then['title'])}（{then['slug']}），{then['day']} 告知。")
    if then["chosen"]:
        out.print(f"当时选的情形：{escape('、'.join(then['chosen']))}")
    where = "就是现在的内容" if commit is None else f"出自提交 {commit.id}（{commit.day}）"
    out.print(f"内容版本：{then['version']['digest']}，{where}")
    if late is not None:
        told = f"注意：这份内容 {late} 才提交，比告知日期晚，告知日期靠不住。"
        out.print(f"[yellow]{told}[/yellow]")
    if file is not None:
        out.print(f"按当时的内容重新生成了一份：{escape(str(file))}")
    if not changes:
        out.print("到今天没有变化。")
        return
    out.print(f"此后有 {len(changes)} 处变化：")
    for change in changes:
        out.print(f"  {escape(change)}")


def print_json(content: Any) -> None:
    """Print JSON for programs: nothing in it is wrapped or coloured."""
    sys.stdout.write(as_json_bytes(content).decode())


def as_json_bytes(content: Any) -> bytes:
    """Return JSON as a person can read it too."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
