"""Working days: the published years, a year that an editor adds, and one that nobody knows."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from indexer.cli import main
from indexer.problems import LexiconError
from indexer.workdays import YearUnknown, days_script, load_calendar

NOTICE = """
- year: 2027
  doc_number: 国办发明电〔2026〕99号
  url: https://www.gov.cn/example.htm
  holidays: [2027-01-01..2027-01-03, 2027-05-01..2027-05-05, 2027-10-01..2027-10-07]
  working: [2026-12-26, 2027-05-08]
"""


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def written(folder: Path, text: str) -> Path:
    path = folder / "holidays.yml"
    path.write_text(text, encoding="utf-8")
    return path


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(LexiconError) as caught:
        load_calendar(written(folder, text))
    return str(caught.value).splitlines()


def test_the_holidays_of_2026_are_those_of_the_notice() -> None:
    calendar = load_calendar()
    off = [
        *days("2026-01-01", "2026-01-03"),
        *days("2026-02-15", "2026-02-23"),
        *days("2026-04-04", "2026-04-06"),
        *days("2026-05-01", "2026-05-05"),
        *days("2026-06-19", "2026-06-21"),
        *days("2026-09-25", "2026-09-27"),
        *days("2026-10-01", "2026-10-07"),
    ]
    on = ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]
    worked = {date.fromisoformat(f"2026-{day}") for day in on}
    for day in days("2026-01-01", "2026-12-31"):
        expected = day in worked or (day.weekday() < 5 and day not in off)
        assert calendar.is_working(day) == expected, day


def test_a_year_that_is_not_published_is_unknown_even_on_a_sunday() -> None:
    with pytest.raises(YearUnknown, match="2027 年的放假安排还没有放进政策库"):
        load_calendar().is_working(date(2027, 1, 3))


def test_the_file_of_the_project_adds_nothing_yet() -> None:
    assert max(load_calendar().years) == 2026


def test_an_editor_can_add_a_year(tmp_path: Path) -> None:
    calendar = load_calendar(written(tmp_path, NOTICE))
    assert max(calendar.years) == 2027
    assert not calendar.is_working(date(2027, 1, 1))
    assert calendar.is_working(date(2027, 1, 4))
    assert calendar.is_working(date(2027, 5, 8))  # a Saturday


def test_a_notice_may_move_days_of_the_december_before(tmp_path: Path) -> None:
    assert not load_calendar().is_working(date(2026, 12, 26))
    calendar = load_calendar(written(tmp_path, NOTICE))
    assert calendar.is_working(date(2026, 12, 26))
    assert calendar.is_working(date(2026, 10, 10))  # what it does not name stays
    assert not calendar.is_working(date(2026, 10, 1))
    assert load_calendar().is_working(date(2011, 12, 31))  # a Saturday
    (tmp_path / "2012").mkdir()
    rested = """
- year: 2012
  doc_number: 国办发明电〔2011〕99号
  holidays: [2011-12-31..2012-01-03, 2012-05-01, 2012-10-01]
"""
    calendar = load_calendar(written(tmp_path / "2012", rested))
    assert not calendar.is_working(date(2011, 12, 31))


def test_a_year_in_the_file_stands_for_the_one_of_the_package(tmp_path: Path) -> None:
    text = NOTICE.replace("2026-12-26, ", "").replace("2027", "2026").replace("05-08", "05-10")
    calendar = load_calendar(written(tmp_path, text))
    assert calendar.is_working(date(2026, 2, 17))  # the notice written here says nothing of it
    assert not calendar.is_working(date(2026, 10, 10))


def test_the_last_week_of_the_last_known_year_may_still_change(tmp_path: Path) -> None:
    calendar = load_calendar()
    assert not calendar.may_change(date(2026, 12, 24))
    assert calendar.may_change(date(2026, 12, 25))
    assert not calendar.may_change(date(2025, 12, 31))
    assert not load_calendar(written(tmp_path, NOTICE)).may_change(date(2026, 12, 31))


def test_every_mistake_in_the_file_is_told_at_once(tmp_path: Path) -> None:
    text = """
- year: 2027
  doc_nummer: 国办发明电〔2026〕99号
- year: 二〇二七
  doc_number: 国办发明电〔2026〕99号
- year: 2028
  doc_number: 国办发明电〔2027〕99号
  url: www.gov.cn
- year: 2029
  doc_number: 国办发明电〔2028〕99号
  holidays: [2029-02-30, 元旦, 2029-05-05..2029-05-01, 2029-06-01..2029-08-01, 2030-01-01]
  working: [2029-01-03]
- 2030
"""
    assert complaints(tmp_path, text) == [
        "holidays.yml 第 1 条 doc_nummer：没有这一项。您是不是想写 doc_number？",
        "holidays.yml 第 1 条：要写 doc_number，例如 国办发明电〔2026〕1号 这样的文号。",
        "holidays.yml 第 2 条 year：要写四位数的年份，例如 2027，看到的是“二〇二七”。",
        "holidays.yml 第 3 条 url：网址要以 https:// 开头，看到的是“www.gov.cn”。",
        "holidays.yml 第 4 条 holidays：日历上没有“2029-02-30”这一天，请核对。",
        "holidays.yml 第 4 条 holidays：要写日期或者从哪天到哪天，"
        "例如 2029-05-01..2029-05-05，看到的是“元旦”。",
        "holidays.yml 第 4 条 holidays：“2029-05-05..2029-05-01”前后颠倒了。",
        "holidays.yml 第 4 条 holidays：“2029-06-01..2029-08-01”超过 30 天，请核对。",
        "holidays.yml 第 4 条 holidays："
        "2030-01-01 不在 2029 年（也可以是上一年的 12 月），请核对。",
        *(
            f"holidays.yml 第 4 条 holidays：没有 2029 年 {month} 月 1 日，"
            "这天是法定节假日；请把通知里的节日抄全，周末也写上。"
            for month in (1, 5, 10)
        ),
        "holidays.yml 第 4 条 working：2029-01-03 是星期三，只写调休上班的周六、周日。",
        "holidays.yml 第 5 条：要分项写（year、doc_number、url、holidays、working）。",
    ]


def test_a_day_off_is_not_worked_and_a_year_is_told_once(tmp_path: Path) -> None:
    text = NOTICE.replace("2027-05-08", "2027-05-01") + NOTICE
    assert complaints(tmp_path, text) == [
        "holidays.yml 第 1 条：2027-05-01 既写了放假又写了上班，请核对。"
    ]
    assert complaints(tmp_path, NOTICE + NOTICE) == [
        "holidays.yml 第 2 条：2027 年写了两次，请只留一条。"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("year: 2027", "holidays.yml：要写成一年一条的，每条以 - 开头。"),
        ("- year: 2027\n  holidays: 2027-01-01\n  doc_number: 号", "要写成列表"),
        ("- {year: 2027", "YAML 写错了"),
    ],
)
def test_a_file_in_another_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in complaints(tmp_path, text)[0]


def test_check_tells_of_mistakes_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, NOTICE + NOTICE)
    monkeypatch.setattr("indexer.cli.load_calendar", lambda: load_calendar(path))
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 2
    assert "2027 年写了两次" in capsys.readouterr().err


def test_pages_get_only_the_days_that_are_not_as_their_weekday_says(tmp_path: Path) -> None:
    script = days_script(load_calendar(written(tmp_path, NOTICE)))
    year = '"2027":["0101 0503 0504 0505 1001 1004 1005 1006 1007","0508"]'
    assert script.startswith("window.PolicyDays = {")
    assert year in script
    assert len(script) < 4000
