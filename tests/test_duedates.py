"""Due dates: the cases that the browser shares, the command, the service, the calendar file."""

import contextlib
import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import uvicorn
import yaml
from factories import make_library, make_policy
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

import search_server
from indexer.cli import main
from indexer.duedates import DueDates, Terms, calculate, terms_of
from indexer.filings import EXCLUDED, Filing, Pause, parse_due
from indexer.loader import load_library
from indexer.problems import ParameterError
from indexer.reminders import write_reminders
from indexer.workdays import WorkCalendar, load_calendar
from indexer.writing import build_index

ROOT = Path(__file__).resolve().parent.parent
CASES: list[dict[str, Any]] = yaml.load(
    (ROOT / "tests/cases/duedates.yml").read_text("utf-8"), Loader=yaml.BaseLoader
)
TODAY = date(2026, 11, 30)
NOTICE = """
- year: 2027
  doc_number: 国办发明电〔2026〕99号
  holidays: [2027-01-01..2027-01-03, 2027-05-01..2027-05-05, 2027-10-01..2027-10-07]
  working: [2026-12-26]
"""
TEXT = "受理之日起作出决定"


def terms_in(case: dict[str, Any]) -> Terms:
    """Return what the entry of a case says, as its public record would."""
    limits = [
        {"text": TEXT, **limit} | ({"value": int(limit["value"])} if "value" in limit else {})
        for limit in case["limits"]
    ]
    named = [{"name": name, "text": name} for name in case.get("not_counted", ())]
    kept: dict[str, Any] = {name: case[name] for name in ("situations", "expires") if name in case}
    return terms_of({"time_limit": limits, "not_counted": named, **kept})


def filing_in(case: dict[str, Any]) -> Filing:
    return Filing(
        date.fromisoformat(case["accepted"]),
        tuple(
            Pause(date.fromisoformat(first), date.fromisoformat(last), reason)
            for first, last, reason in case.get("pauses", ())
        ),
        case.get("extended") == "true",
        tuple(case.get("chosen", ())),
    )


@cache
def calendar_with_2027() -> WorkCalendar:
    """Return the calendar that an editor gets by writing down a notice for 2027."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "holidays.yml"
        path.write_text(NOTICE, encoding="utf-8")
        return load_calendar(path)


def calendar_of(case: dict[str, Any]) -> WorkCalendar:
    return calendar_with_2027() if "with_2027" in case else load_calendar()


def told(terms: Terms, filing: Filing, calendar: WorkCalendar) -> dict[str, Any]:
    """Return everything that comes out, or the mistakes, as JSON tells it."""
    try:
        return calculate(terms, filing, calendar).to_dict()
    except ParameterError as error:
        return {"errors": [vars(problem) for problem in error.errors]}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_comes_out_as_written(case: dict[str, Any]) -> None:
    found = told(terms_in(case), filing_in(case), calendar_of(case))
    if "errors" in case:
        expected = [{"field": field, "message": message} for field, message in case["errors"]]
        assert found == {"errors": expected}
        return
    days = [
        (row["name"], row["due"] or "null", row["last_day"] or "null") for row in found["results"]
    ]
    assert days == [(name, due, *(rest or [due])) for name, due, *rest in case["results"]]
    if "unknown" in case:
        assert [row["unknown"] for row in found["results"]] == case["unknown"]
    steps = [[step["day"] or "null", step["event"], step["text"]] for step in found["timeline"]]
    assert steps == case.get("timeline", steps)
    notes = "\n".join(found["notes"])
    assert [note for note in case.get("notes", ()) if note not in notes] == []
    assert [note for note in case.get("silent", ()) if note in notes] == []


def test_an_answer_tells_weekdays_lengths_and_what_was_asked() -> None:
    case = next(case for case in CASES if case["name"].startswith("二十个工作日"))
    found = told(terms_in(case), filing_in(case), load_calendar())
    assert (found["accepted"], found["weekday"], found["extended"]) == (
        "2026-11-02",
        "星期一",
        True,
    )
    assert found["results"][0] == {
        "kind": "statutory",
        "name": "法定时限",
        "text": TEXT,
        "length": "20 个工作日，再加 10 个工作日",
        "extended": True,
        "last_day": "2026-12-14",
        "due": "2026-12-14",
        "weekday": "星期一",
        "unknown": "",
    }


def test_more_pauses_than_anyone_has_are_refused() -> None:
    pause = Pause(date(2026, 11, 3), date(2026, 11, 3), "检测")
    terms = terms_in({"limits": []})
    with pytest.raises(ParameterError, match="停算最多写 20 段，收到了 21 段"):
        calculate(terms, Filing(date(2026, 11, 2), (pause,) * 21), load_calendar())


DAYS = st.dates(date(2025, 1, 1), date(2026, 9, 30))


@given(accepted=DAYS, value=st.integers(1, 40), start=st.integers(0, 50), length=st.integers(0, 30))
def test_between_acceptance_and_the_due_day_lie_as_many_working_days_as_the_limit_has(
    accepted: date, value: int, start: int, length: int
) -> None:
    first = accepted + timedelta(days=start)
    pause = Pause(first, first + timedelta(days=length), "检测")
    limits = [{"kind": "statutory", "stage": "decision", "value": value, "unit": "working_days"}]
    found = calculate(terms_in({"limits": limits}), Filing(accepted, (pause,)), load_calendar())
    (due,) = found.dues
    if due.due is None:  # it ran into 2027
        assert "2027" in due.unknown
        return
    days = [accepted + timedelta(days=n) for n in range(1, (due.due - accepted).days + 1)]
    counted = [
        day
        for day in days
        if load_calendar().is_working(day) and not pause.first <= day <= pause.last
    ]
    assert len(counted) == value
    assert counted[-1] == due.due


@given(accepted=DAYS, values=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_a_longer_limit_is_never_due_earlier(accepted: date, values: tuple[int, int]) -> None:
    def due(value: int) -> date:
        limits = [{"kind": "statutory", "stage": "decision", "value": value, "unit": "months"}]
        found = calculate(terms_in({"limits": limits}), Filing(accepted), load_calendar())
        return found.dues[0].last_day or date.max

    assert due(min(values)) <= due(max(values))


# What is written on a command line or in an address


def mistakes(**given: Any) -> list[tuple[str, str]]:
    pairs = [
        (name, value)
        for name, values in given.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    with pytest.raises(ParameterError) as caught:
        parse_due(pairs)
    return [(problem.field, problem.message) for problem in caught.value.errors]


def test_parameters_are_read_strictly_and_every_mistake_is_told() -> None:
    assert mistakes(
        acepted="2026-11-02",
        accepted=["2026-11-31", "2026-11-01"],
        pause=["2026-11-02", "2026-11-02..2026-11-03=检测"],
        excluded=["2026-11-02..2026-11-03", "2026-11-02..2026-11-03=补正"],
        extended="yes",
        format="pdf",
    ) == [
        ("acepted", "没有这个参数。您是不是想写 accepted？"),
        ("accepted", "只能写一次，收到了 2 个。"),
        ("slug", "要写条目名，例如 road-excavation。"),
        ("accepted", "日历上没有“2026-11-31”这一天，请核对。"),
        ("pause", "“2026-11-02”的写法不对，请写成 2026-10-13..2026-10-20=补正。"),
        (
            "pause",
            "原因只能是 补正、中止，收到的是“检测”；"
            "听证、招标、拍卖、检验、检测、检疫、鉴定、专家评审用 excluded。",
        ),
        (
            "excluded",
            "要写原因：听证、招标、拍卖、检验、检测、检疫、鉴定、专家评审。"
            "例如 2026-10-13..2026-10-20=检测。",
        ),
        ("excluded", "补正用 pause，不用 excluded。"),
        ("extended", "只能是 false 或 true，收到的是“yes”。"),
        ("format", "只能是 json 或 ics，收到的是“pdf”。"),
    ]


def test_a_day_far_off_is_a_slip() -> None:
    wrong = ("accepted", "“9999-12-31”的年份不对，只能是 2000 到 2099 年。")
    assert mistakes(slug="a", accepted="9999-12-31") == [wrong]
    assert mistakes(slug="a") == [("accepted", "要写受理日，例如 2026-09-25。")]


def test_a_pause_without_a_reason_is_for_mending_what_is_missing() -> None:
    params = parse_due(
        [("slug", "a"), ("accepted", "2026-11-02"), ("pause", "2026-11-03..2026-11-04")]
    )
    assert params.filing.pauses == (Pause(date(2026, 11, 3), date(2026, 11, 4), "补正"),)


@given(st.lists(st.tuples(st.sampled_from(["slug", "accepted", "pause", "x"]), st.text())))
def test_any_text_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(ParameterError):  # any other exception fails the test
        parse_due(pairs)


# The calendar file


def dues_of(*limits: dict[str, Any]) -> DueDates:
    terms = terms_in({"limits": limits})
    return calculate(terms, Filing(date(2026, 11, 2)), load_calendar())


STATUTORY = {"kind": "statutory", "stage": "decision", "value": 20, "unit": "working_days"}
PROMISED = {"kind": "promised", "stage": "decision", "value": 5, "unit": "working_days"}
UNKNOWN = {"kind": "promised", "stage": "decision", "value": 24, "unit": "hours"}


def read_calendar(content: bytes) -> Any:
    """Return the calendar; what its parts hold depends on the file."""
    return Calendar.from_ical(content)


def test_a_calendar_file_has_an_event_for_each_day_that_is_known() -> None:
    found = dues_of(STATUTORY, PROMISED, UNKNOWN)
    calendar = read_calendar(write_reminders("road", "挖路；占道,开挖", found, TODAY))
    first, second = calendar.walk("VEVENT")
    assert first["UID"] == "road-statutory-2026-11-02-2026-11-30@policykb"
    assert first["SUMMARY"] == "法定时限到期：挖路；占道,开挖"
    assert (first["DTSTART"].dt, first["DTEND"].dt) == (date(2026, 11, 30), date(2026, 12, 1))
    assert "2026-11-02 受理，20 个工作日" in first["DESCRIPTION"]
    assert second["UID"] == "road-promised-2026-11-02-2026-11-09@policykb"
    assert [alarm["TRIGGER"].dt for alarm in calendar.walk("VALARM")] == [timedelta(days=-3)] * 2


def test_two_applicants_on_different_days_do_not_overwrite_each_other() -> None:
    other = calculate(terms_in({"limits": [STATUTORY]}), Filing(date(2026, 11, 3)), load_calendar())
    uids = {
        read_calendar(write_reminders("road", "挖路", found, TODAY)).walk("VEVENT")[0]["UID"]
        for found in (dues_of(STATUTORY), other)
    }
    assert len(uids) == 2


# The command


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("due")
    road = make_policy(
        "road-excavation",
        title="挖掘城市道路审批",
        time_limit=[
            {**STATUTORY, "text": TEXT},
            {**STATUTORY, "stage": "extension", "value": 10, "text": TEXT},
            {**PROMISED, "text": TEXT},
        ],
        internal="内部备注",
    )
    family = make_policy(
        "family",
        title="分情形的",
        situations=[{"question": "办哪一种", "options": ["新办", "延续"]}],
        time_limit=[{**STATUTORY, "text": TEXT, "situation": ["新办"]}],
    )
    build_index(make_library(road, family, make_policy("bare"), tmp_path=folder), folder / "index")
    return folder / "index"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["due", *words])
    shown = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, shown.out, shown.err


def test_the_command_tells_both_dates_the_timeline_and_what_is_not_known(
    index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["road-excavation", "--index", str(index), "--accepted", "2026-09-24", "--extended"]
    pauses = ["--pause", "2026-09-28..2026-10-12=补正", "--excluded", "2026-10-13..2026-10-20=检测"]
    code, out, err = run(capsys, *words, *pauses)
    assert (code, err) == (0, "")
    assert "法定时限（20 个工作日，再加 10 个工作日）：2026-12-01（星期二）" in out
    assert "承诺时限（5 个工作日）：2026-10-27（星期二）" in out
    assert "2026-10-13 星期二  检测，到 2026-10-20 都不算" in out
    assert "· 条目里没有写承诺时限能延长多少，按没有延长算。" in out


def test_the_command_says_why_a_day_is_not_known(
    index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["road-excavation", "--index", str(index), "--accepted", "2026-12-20"]
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "法定时限（20 个工作日）：不知道" in out
    assert "到 2026 年底数了 9 个工作日，还差 11 个" in out


def test_the_command_tells_programs_and_writes_a_calendar(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "due.ics"
    words = ["road-excavation", "--index", str(index), "--accepted", "2026-11-02", "--json"]
    code, out, err = run(capsys, *words, "--ics", str(file))
    assert code == 0
    assert err == f"到期日写进了 {file}。\n"
    answer = json.loads(out)
    assert (answer["slug"], answer["title"]) == ("road-excavation", "挖掘城市道路审批")
    assert [row["due"] for row in answer["results"]] == ["2026-11-30", "2026-11-09"]
    assert len(read_calendar(file.read_bytes()).walk("VEVENT")) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["road-excavatio"], "没有条目“road-excavatio”。您是不是想写 road-excavation？"),
        (["family", "--situation", "新"], "situation：没有情形“新”，能选的有：新办、延续。"),
        (["bare", "--situation", "新办"], "situation：这一条不分情形，收到的是“新办”，请去掉。"),
        (
            ["bare", "--accepted", "2026-11-02", "--excluded", "2026-11-03..2026-11-04=散步"],
            f"excluded：原因只能是 {'、'.join(EXCLUDED)}，收到的是“散步”。",
        ),
        (["bare", "--ics", "x.ics"], "没有算得出来的到期日，没有写 x.ics。"),
        (["road-excavation", "--ics", "/没有/x.ics"], "写不了 /没有/x.ics"),
    ],
)
def test_the_command_refuses_what_it_cannot_work_with(
    index: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    if "--accepted" not in words:
        words = [*words, "--accepted", "2026-11-02"]
    code, _, err = run(capsys, *words, "--index", str(index))
    assert code == 2
    assert message in err


# The service


@contextmanager
def serving(index: Path) -> Iterator[httpx.Client]:
    app = search_server.make_app(index, None, today=lambda: TODAY)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            yield client
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def client(index: Path) -> Iterator[httpx.Client]:
    with serving(index) as started:
        yield started


def test_the_service_answers_as_the_command_does(
    client: httpx.Client, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {
        "slug": "road-excavation",
        "accepted": "2026-09-24",
        "pause": ["2026-09-28..2026-09-29", "2026-10-08..2026-10-09=中止"],
        "excluded": "2026-10-13..2026-10-20=检测",
        "extended": "true",
    }
    answer = client.get("/api/due", params=asked)
    assert answer.status_code == 200
    words = ["road-excavation", "--index", str(index), "--accepted", "2026-09-24", "--extended"]
    words += ["--pause", "2026-09-28..2026-09-29", "--pause", "2026-10-08..2026-10-09=中止"]
    _, out, _ = run(capsys, *words, "--excluded", "2026-10-13..2026-10-20=检测", "--json")
    assert answer.json() == json.loads(out)
    assert "内部备注" not in answer.text


def test_an_answer_that_is_at_hand_is_not_sent_again(client: httpx.Client) -> None:
    path = "/api/due?slug=road-excavation&accepted=2026-11-02"
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(path.replace("11-02", "11-03"), headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_the_service_hands_out_a_calendar_file(client: httpx.Client) -> None:
    path = "/api/due?slug=road-excavation&accepted=2026-11-02&format=ics"
    answer = client.get(path)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "road-excavation-due.ics" in answer.headers["content-disposition"]
    assert len(read_calendar(answer.content).walk("VEVENT")) == 2
    again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("slug=none&accepted=2026-11-02", 404, "slug"),
        ("slug=road-excavation", 422, "accepted"),
        ("accepted=2026-11-02", 422, "slug"),
        ("slug=road-excavation&accepted=今天", 422, "accepted"),
        ("slug=road-excavation&accepted=2026-11-02&day=1", 422, "day"),
        ("slug=road-excavation&accepted=2026-11-02&pause=2026-11-01..2026-11-03", 422, "pause"),
        ("slug=road-excavation&accepted=2026-11-02&situation=新办", 422, "situation"),
        ("slug=bare&accepted=2026-11-02&format=ics", 422, "format"),
    ],
)
def test_the_service_refuses_in_the_one_shape(
    client: httpx.Client, query: str, status: int, field: str
) -> None:
    answer = client.get(f"/api/due?{quote(query, safe='=&')}")
    assert answer.status_code == status
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert error["message"].endswith(("。", "？"))


def test_the_interface_description_tells_of_due_dates(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    names = [parameter["name"] for parameter in paths["/api/due"]["get"]["parameters"]]
    assert names == ["slug", "accepted", "pause", "excluded", "extended", "situation", "format"]


# The entries


def test_every_decision_limit_of_the_library_can_be_counted() -> None:
    policies = load_library(ROOT / "policies").policies
    counted = 0
    for policy in policies:
        found = calculate(
            terms_of(policy.public_record()), Filing(date(2026, 3, 2)), load_calendar()
        )
        for due in found.dues:
            assert due.due or "小时" in due.unknown or "写成数" in due.unknown, policy.slug
            counted += due.due is not None
    assert counted >= 2


def test_what_the_law_leaves_out_is_what_art_45_names() -> None:
    assert EXCLUDED == ("听证", "招标", "拍卖", "检验", "检测", "检疫", "鉴定", "专家评审")
