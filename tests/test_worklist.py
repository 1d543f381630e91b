"""The worklist: each date on its day, the day before and after; each file as it is read."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import open_context
from factories import SMALLEST, make_library, make_policy
from icalendar import Calendar
from playwright.sync_api import Browser

from indexer.links import LinkFinding, State
from indexer.loader import load_library
from indexer.owners import Owners, load_owners
from indexer.pins import Pin
from indexer.policy import Policy
from indexer.problems import LexiconError
from indexer.workdays import WorkCalendar
from indexer.worklist import NOBODY, Section, Surroundings, Task, Worklist, make_worklist
from indexer.worklistfiles import FileForm, render_worklist

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 30)
KNOWN = WorkCalendar(frozenset({2025, 2026, 2027, 2028}), frozenset(), frozenset())
OFFICE = "市政科"
HOSTILE = "=HYPERLINK(1)|<script>alert(1)</script>"


def listed(*policies: Policy, day: date = TODAY, tmp_path: Path, **around: Any) -> Worklist:
    given = {"owners": Owners(OFFICE), "pins": (), "calendar": KNOWN, **around}
    return make_worklist(make_library(*policies, tmp_path=tmp_path), Surroundings(**given), day)


def tasks_of(worklist: Worklist) -> list[Task]:
    return [task for share in worklist.shares for task in share.tasks]


def sections(day: date, tmp_path: Path, **fields: Any) -> list[Section]:
    """Return under which headings one entry stands on a day; its review is far away."""
    policy = make_policy("loan", **{"review_by": "2031-01-01", "reviewed": "2020-01-01", **fields})
    return [task.section for task in tasks_of(listed(policy, day=day, tmp_path=tmp_path))]


@pytest.mark.parametrize(
    ("review_by", "section"),
    [
        ("2026-11-29", Section.OVERDUE),
        ("2026-11-30", Section.THIS_MONTH),
        ("2026-12-01", Section.NEXT_MONTH),
        ("2026-12-31", Section.NEXT_MONTH),
    ],
)
def test_a_review_is_overdue_only_after_its_day(
    review_by: str, section: Section, tmp_path: Path
) -> None:
    assert sections(TODAY, tmp_path, review_by=review_by) == [section]


@pytest.mark.parametrize(
    ("day", "review_by", "section"),
    [
        (date(2026, 12, 1), "2026-12-31", Section.THIS_MONTH),
        (date(2026, 12, 31), "2027-01-01", Section.NEXT_MONTH),
        (date(2026, 12, 31), "2027-01-31", Section.NEXT_MONTH),
        (date(2027, 1, 1), "2026-12-31", Section.OVERDUE),
        (date(2028, 2, 1), "2028-02-29", Section.THIS_MONTH),
        (date(2028, 1, 31), "2028-02-29", Section.NEXT_MONTH),
    ],
)
def test_months_go_on_over_the_end_of_a_year(
    day: date, review_by: str, section: Section, tmp_path: Path
) -> None:
    assert sections(day, tmp_path, review_by=review_by) == [section]


def test_a_review_after_the_next_month_is_only_counted(tmp_path: Path) -> None:
    policies = [make_policy(f"p-{n}", review_by="2027-05-31") for n in range(3)]
    found = listed(*policies, day=date(2026, 12, 31), tmp_path=tmp_path)
    assert tasks_of(found) == []
    assert found.shares[0].later == {"2027-05": 3}


def test_an_entry_without_a_day_of_review_is_told(tmp_path: Path) -> None:
    policy = make_policy("loan")
    assert [task.section for task in tasks_of(listed(policy, tmp_path=tmp_path))] == [
        Section.UNDATED
    ]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (31, []),
        (30, [Section.MONTH]),
        (8, [Section.MONTH]),
        (7, [Section.WEEK]),
        (0, [Section.WEEK]),
        (-1, [Section.LAPSED]),
        (-60, [Section.LAPSED]),
        (-61, []),
    ],
)
def test_an_entry_is_told_before_it_ends_and_for_a_while_after(
    left: int, expected: list[Section], tmp_path: Path
) -> None:
    assert sections(TODAY, tmp_path, expires=str(TODAY + timedelta(days=left))) == expected


def test_an_ended_entry_with_a_successor_is_done_with(tmp_path: Path) -> None:
    assert sections(TODAY, tmp_path, expires="2026-11-01", superseded_by="new-loan") == []


def test_before_it_ends_the_successor_is_what_to_look_at(tmp_path: Path) -> None:
    policy = make_policy(
        "loan", expires="2026-12-01", superseded_by="new-loan", review_by="2031-01-01"
    )
    (task,) = tasks_of(listed(policy, tmp_path=tmp_path))
    assert task.what == "看看接续的条目 new-loan 写好了没有"
    assert (task.day, task.days_left(TODAY)) == (date(2026, 12, 1), 1)


def test_a_document_that_ends_before_its_entry_is_told(tmp_path: Path) -> None:
    documents = [{"title": "办法", "expires": "2026-12-02"}]
    assert sections(TODAY, tmp_path, documents=documents) == [Section.WEEK]
    assert sections(TODAY, tmp_path, documents=documents, expires="2026-12-02") == [Section.WEEK]
    later = date(2026, 12, 3)
    assert sections(later, tmp_path, documents=documents) == [Section.LAPSED]
    assert sections(later, tmp_path, documents=documents, expires="2026-09-02") == []


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ({"opens": "2026-12-31"}, None),
        ({"opens": "2026-12-30"}, "快要开始申报"),
        ({"opens": "2026-11-30"}, "已经开始申报"),
        ({"opens": "2026-10-31"}, "已经开始申报"),
        ({"opens": "2026-10-30"}, None),
        ({"closes": "2026-12-31"}, None),
        ({"closes": "2026-12-30"}, "快要截止"),
        ({"closes": "2026-11-30"}, "快要截止"),
        ({"closes": "2026-11-29"}, "核对下一次什么时候申报"),
        ({"closes": "2026-10-31"}, "核对下一次什么时候申报"),
        ({"closes": "2026-10-30"}, None),
    ],
)
def test_windows_are_told_when_they_open_and_close(
    window: dict[str, str], told: str | None, tmp_path: Path
) -> None:
    policy = make_policy(
        "loan", application_window={"text": "每年一次", **window}, review_by="2031-01-01"
    )
    found = [task.what for task in tasks_of(listed(policy, tmp_path=tmp_path))]
    assert len(found) == (told is not None)
    assert not told or told in found[0]


def test_a_window_that_closes_with_its_entry_is_told_once(tmp_path: Path) -> None:
    policy = make_policy(
        "loan",
        kind="benefit",
        expires="2026-12-05",
        application_window={"text": "到年底", "closes": "2026-12-05"},
        review_by="2031-01-01",
    )
    (task,) = tasks_of(listed(policy, tmp_path=tmp_path))
    assert task.section is Section.WEEK
    assert task.why == "2026-12-05 是有效的最后一天，申报也到这天"


@pytest.mark.parametrize(("left", "told"), [(31, 0), (30, 1), (0, 1), (-1, 1)])
def test_pins_are_told_before_they_end_and_after(left: int, told: int, tmp_path: Path) -> None:
    until = TODAY + timedelta(days=left)
    pins = [Pin("投诉", "hotline", until), Pin("举报", "hotline", until)]
    policy = make_policy("hotline", owner="热线科", review_by="2031-01-01")
    found = listed(policy, pins=pins, tmp_path=tmp_path)
    assert [task.section for task in tasks_of(found)] == [Section.PIN] * told
    assert all("“投诉”、“举报”" in task.why for task in tasks_of(found))
    assert found.shares[0].owner == "热线科"


def test_the_holidays_of_the_coming_year_are_asked_for_from_november(tmp_path: Path) -> None:
    calendar = WorkCalendar(frozenset({2026}), frozenset(), frozenset())

    def told(day: date) -> list[date | None]:
        found = tasks_of(listed(day=day, calendar=calendar, tmp_path=tmp_path))
        return [task.day for task in found if task.section is Section.HOLIDAYS]

    assert told(date(2026, 10, 31)) == []
    assert told(date(2026, 11, 1)) == [date(2026, 12, 31)]
    assert told(date(2026, 12, 31)) == [date(2026, 12, 31)]
    assert told(date(2027, 1, 1)) == [date(2026, 12, 31)]


def test_what_links_told_falls_to_the_owner_of_the_entry(tmp_path: Path) -> None:
    policy = make_policy("loan", owner="金融科", review_by="2031-01-01")
    found = LinkFinding(
        "loan", "loan.md", 9, "sources.1.url", "https://a.cn/", State.DEAD, "打不开。", "换网址"
    )
    worklist = listed(policy, links=[found], tmp_path=tmp_path)
    assert worklist.shares[0].owner == "金融科"
    (task,) = tasks_of(worklist)
    assert (task.section, task.what, task.why) == (Section.LINK, "换网址", "打不开。 https://a.cn/")


# Owners


def test_an_owner_is_that_of_the_entry_then_of_its_topic_then_the_default() -> None:
    owners = Owners(OFFICE, {"融资贷款": "金融科"})
    assert owners.owner_of(make_policy("a", owner="综合科", topic=["融资贷款"])) == "综合科"
    assert owners.owner_of(make_policy("a", topic=["市政道路", "融资贷款"])) == "金融科"
    assert owners.owner_of(make_policy("a")) == OFFICE
    assert Owners().owner_of(make_policy("a")) is None


def test_what_nobody_looks_after_comes_last_under_its_own_heading(tmp_path: Path) -> None:
    policies = (make_policy("a"), make_policy("b", owner="园林科"))
    found = listed(*policies, owners=Owners(), tmp_path=tmp_path)
    assert [share.name for share in found.shares] == ["园林科", NOBODY]


def test_the_owners_that_are_shipped_are_those_of_the_site() -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert f"owner: {load_owners().default}\n" in config


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- 市政科\n", "owners.yml：要写成“default: 科室”和“topics:”，看到的是“['市政科']”。"),
        ("defalt: 市政科\n", "owners.yml defalt：没有这一项。您是不是想写 default？"),
        ("topics: {市政路: 市政科}\n", "owners.yml topics：没有主题“市政路”，主题见 topics.yml。"),
        ("topics: 市政科\n", "owners.yml topics：要一行写一个“主题: 科室”，看到的是“市政科”。"),
        ("default: [市政科]\n", "owners.yml default：要写部门的名称，最多 40 个字"),
        ("default: 市政科 13800138000\n", "owners.yml default：不能写个人信息，只写部门或岗位。"),
    ],
)
def test_mistakes_in_the_owners_are_told(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "owners.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LexiconError) as caught:
        load_owners(file)
    assert str(caught.value).startswith(told)


# Files


def example(tmp_path: Path, day: date = TODAY) -> Worklist:
    dates = {"reviewed": "2026-05-01", "review_by": "2026-11-01", "expires": "2026-12-07"}
    return listed(
        make_policy("loan", title="贷款贴息", **dates),
        make_policy("road", title=HOSTILE, review_by="2026-12-31", owner="=市政科|1"),
        day=day,
        tmp_path=tmp_path,
    )


def test_markdown_takes_nothing_of_an_entry_for_markup(tmp_path: Path) -> None:
    text = render_worklist(example(tmp_path), FileForm.MARKDOWN).decode()
    assert "<script>" not in text
    (row,) = [line for line in text.splitlines() if "HYPERLINK" in line]
    assert row.count("|") - row.count(r"\|") == 6
    assert "| 2026-11-01 | 过了 29 天 | 贷款贴息（loan.md） |" in text


def test_excel_opens_the_table_and_takes_no_cell_for_a_formula(tmp_path: Path) -> None:
    data = render_worklist(example(tmp_path), FileForm.TABLE)
    assert data.startswith("\ufeff科室,类别,哪天,".encode())
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["还有几天"] for row in rows if row["条目名"] == "loan"] == ["-29", "7"]
    (road,) = [row for row in rows if row["条目名"] == "road"]
    assert (road["条目"], road["科室"]) == (f"'{HOSTILE}", "'=市政科|1")


def events_of(data: bytes) -> dict[str, Any]:
    return {str(event["uid"]): event for event in Calendar.from_ical(data).walk("VEVENT")}


def test_a_calendar_taken_over_again_doubles_nothing(tmp_path: Path) -> None:
    first = events_of(render_worklist(example(tmp_path), FileForm.CALENDAR))
    later = events_of(render_worklist(example(tmp_path, date(2026, 12, 1)), FileForm.CALENDAR))
    assert len(first) == 3
    assert set(first) == set(later)


def test_a_calendar_reminds_a_week_before_and_on_the_day(tmp_path: Path) -> None:
    events = events_of(render_worklist(example(tmp_path), FileForm.CALENDAR)).values()
    days = {event["dtstart"].dt: event for event in events}
    assert sorted(days) == [TODAY, date(2026, 12, 7), date(2026, 12, 31)]  # overdue: today

    def alarms(day: date) -> list[timedelta]:
        return [alarm["trigger"].dt for alarm in days[day].walk("VALARM")]

    assert alarms(TODAY) == [timedelta(hours=9)]
    assert alarms(date(2026, 12, 31)) == [timedelta(days=-7, hours=9), timedelta(hours=9)]


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_shows_all_and_runs_nothing(width: int, tmp_path: Path, browser: Browser) -> None:
    file = tmp_path / "worklist.html"
    file.write_bytes(render_worklist(example(tmp_path), FileForm.PAGE))
    with open_context(browser, TODAY) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(file.as_uri())
        assert asked == [file.as_uri()]
        assert page.locator("li").count() == 3
        assert page.get_by_text(HOSTILE).is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# The command


def write_entries(folder: Path) -> None:
    (folder / "policies").mkdir()
    (folder / "mkdocs.yml").write_text("site_name: 政策库\n", encoding="utf-8")
    entries = {
        "loan": {"title": "贷款贴息", "review_by": "2026-11-29", "owner": "金融科"},
        "road": {"title": "挖路审批", "kind": "service", "topic": "市政道路"},
    }
    for slug, fields in entries.items():
        head = yaml.safe_dump({**SMALLEST, **fields}, allow_unicode=True, sort_keys=False)
        text = f"---\n{head}---\n\n正文。\n"
        (folder / "policies" / f"{slug}.md").write_text(text, encoding="utf-8")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", "worklist", "--as-of", "2026-11-30", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_command_tells_a_terminal_a_program_and_a_file(tmp_path: Path) -> None:
    write_entries(tmp_path)
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "金融科（1 件）" in done.stdout
    assert "过了核对日期（1）" in done.stdout
    assert "过了 1 天" in done.stdout
    told = json.loads(run(tmp_path, "--owner", "金融科", "--json").stdout)
    assert [owner["owner"] for owner in told["owners"]] == ["金融科"]
    (task,) = told["owners"][0]["tasks"]
    assert (task["slug"], task["day"], task["days_left"]) == ("loan", "2026-11-29", -1)
    done = run(tmp_path, "--out", "清单.html")
    assert done.returncode == 0
    assert "贷款贴息" in (tmp_path / "清单.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--owner", "金融课"], "没有科室“金融课”。您是不是想写 金融科？"),
        (["--out", "清单.docx"], "--out 的文件名要以 .md、.csv、.ics、.html 结尾"),
        (["--gaps", "--out", "清单.ics"], "--out 的文件名要以 .md、.csv 结尾"),
        (["--out", "build/site/a.html"], "待办清单只给单位内部用，不能放进 build/site"),
        (["--out", "policies/a.md"], "待办清单只给单位内部用，不能放进 policies"),
        (["--out", "没有/清单.md"], "写不了 没有/清单.md"),
        (["--as-of", "昨天"], "as_of"),
    ],
)
def test_wrong_use_is_told_and_exits_2(words: list[str], told: str, tmp_path: Path) -> None:
    write_entries(tmp_path)
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_damaged_file_of_links_is_told_and_does_not_stop_the_list(tmp_path: Path) -> None:
    write_entries(tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "links.json").write_text("{", encoding="utf-8")
    done = run(tmp_path)
    assert done.returncode == 0
    assert "links.json 坏了" in done.stderr
    assert "金融科" in done.stdout


def test_every_entry_of_the_library_says_when_it_is_reviewed_again() -> None:
    late = [p.slug for p in load_library(ROOT / "policies").policies if p.review_by is None]
    assert late == []
