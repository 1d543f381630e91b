"""Addresses that once were: what their file says is checked, and every one of them leads on."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import build_project, run, serve_app, small_library
from playwright.sync_api import Browser, Page, expect

from indexer.checkcodes import make_code
from indexer.loader import inspect_library, load_library
from indexer.moved import Move, read_moves, rename_in, withdraw_in, write_moves
from indexer.writing import build_index

TODAY = date(2026, 11, 24)
ROOT = Path(__file__).resolve().parent.parent
GOOD = (ROOT / "tests" / "cases" / "good.md").read_text(encoding="utf-8")
MOVES = """# 曾用的条目名
renamed:
- from: drain-licence
  to: drainage-permit
  date: '2026-11-20'
- from: tax-cut
  to: tax-relief-2026
  date: '2026-11-21'
withdrawn:
- from: wrong-loan
  title: 写错的贷款
  reason: 把市里的规定写成了区里的 <b>规定</b>
  instead: tax-relief-2026
  date: '2026-11-22'
- from: parking
  reason: 不归政策库收录
  date: '2026-11-23'
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_project(tmp_path_factory.mktemp("moved"), small_library(), TODAY, MOVES)


@pytest.fixture(scope="module")
def client(service: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service, trust_env=False) as opened:
        yield opened


# The file


def problems_of(tmp_path: Path, text: str) -> list[str]:
    policies = tmp_path / "policies"
    policies.mkdir(exist_ok=True)
    for slug in ("loan", "permit"):
        (policies / f"{slug}.md").write_text(GOOD, "utf-8")
    (policies / "moved.yml").write_text(text, "utf-8")
    _, problems = inspect_library(policies)
    return [str(problem) for problem in problems if problem.path.endswith("moved.yml")]


def test_every_mistake_in_the_file_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """renamed:
- {from: Loan, to: loan, date: 2026-11-20}
- {from: old, to: lone, date: 2026-13-01}
- from: older
  tu: loan
  date: '2026-11-20'
- loan
withdrawn:
- from: bad
  reason: 张三的手机是 13812345678
  date: 2026-11-20
movd: []
"""
    assert problems_of(tmp_path, text) == [
        "policies/moved.yml:2 renamed.1.from：“Loan”不能作条目名：只用小写英文字母、数字和连字符。",
        "policies/moved.yml:3 renamed.2.date：“2026-13-01”不是日期，请写成 2024-03-01。",
        "policies/moved.yml:4 renamed.3：缺少 to。",
        "policies/moved.yml:5 renamed.3.tu：没有这个字段。可以写的有：from、to、date。",
        "policies/moved.yml:7 renamed.4：要分项写（from、to、date），看到的是“loan”。",
        "policies/moved.yml:10 withdrawn.1.reason："
        "这里有手机号码（138*******8），网页上谁都看得到，请删去。",
        "policies/moved.yml:12 movd：没有这一项。只能写 renamed（改名）、withdrawn（撤下）。",
    ]


def test_names_that_do_not_fit_the_entries_or_one_another_are_told(tmp_path: Path) -> None:
    text = """renamed:
- {from: a, to: lone, date: 2026-11-20}
- {from: permit, to: loan, date: 2026-11-20}
- {from: b, to: c, date: 2026-11-20}
- {from: c, to: loan, date: 2026-11-20}
- {from: d, to: e, date: 2026-11-20}
- {from: e, to: d, date: 2026-11-20}
- {from: f, to: f, date: 2026-11-20}
- {from: c, to: loan, date: 2026-11-21}
- {from: g, to: h, date: 2026-11-20}
withdrawn:
- {from: h, reason: 不该收录的, date: 2026-11-20}
- {from: i, reason: 不该收录的, instead: b, date: 2026-11-20}
"""
    told = problems_of(tmp_path, text)
    for expected in (
        "2 renamed.1.to：政策库里没有“lone”。您是不是想写 loan？",
        "3 renamed.2.from：政策库里有条目“permit”，它就不是曾用的名字。",
        "4 renamed.3.to：“c”自己也改名或撤下了，请直接写 loan。",
        "6 renamed.5.to：绕成了一圈：d → e → d，请核对。",
        "7 renamed.6.to：绕成了一圈：e → d → e，请核对。",
        "8 renamed.7.to：不能指向自己。",
        "9 renamed.8.from：“c”写了两次，请只留一条。",
        "10 renamed.9.to：“h”已经撤下，请改写成 withdrawn 里的一条。",
        "13 withdrawn.2.instead：“b”自己也改名或撤下了，请直接写 loan。",
    ):
        assert any(line.startswith(f"policies/moved.yml:{expected}") for line in told), expected
    assert len(told) == 9


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe", "renamed:\n- {from: 旧".encode(), b"renamed: [", b"x\x00y", b"- a\n- b"],
)
def test_a_file_that_cannot_be_read_is_a_problem_and_no_crash(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "moved.yml").write_bytes(data)
    _, _, problems = read_moves(tmp_path)
    assert problems


def test_an_entry_that_names_a_former_name_is_told_the_present_one(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "loan.md").write_text(GOOD, "utf-8")
    linking = (
        GOOD.replace("title:", "related: [old-loan]\ntitle:", 1) + "\n看[贷款](old-loan.md)。\n"
    )
    (policies / "permit.md").write_text(linking, "utf-8")
    text = "renamed:\n- {from: old-loan, to: loan, date: 2026-11-20}\n"
    (policies / "moved.yml").write_text(text, "utf-8")
    _, problems = inspect_library(policies)
    told = [problem.message for problem in problems]
    assert len(told) == 2
    assert all("“old-loan”已经改名为 loan，请用新的条目名。" in message for message in told)


def test_moves_are_written_in_one_step_each_and_remarks_stay() -> None:
    first = write_moves("", rename_in((), "a", "b", TODAY))
    assert first.startswith("# 曾用的条目名")
    assert first.endswith("renamed:\n- from: a\n  to: b\n  date: '2026-11-24'\n")
    moves = rename_in((Move("a", TODAY, to="b"), Move("x", TODAY, to="y")), "b", "c", TODAY)
    assert [(move.slug, move.to) for move in moves] == [("a", "c"), ("x", "y"), ("b", "c")]
    assert write_moves(first, moves).splitlines()[:2] == first.splitlines()[:2]
    # Given back its old name, an entry has no former name of that kind any more.
    back = rename_in(moves, "c", "a", TODAY)
    assert [(move.slug, move.to) for move in back] == [("x", "y"), ("b", "a"), ("c", "a")]


def test_what_led_to_a_withdrawn_entry_tells_of_the_withdrawal() -> None:
    gone = Move("b", TODAY, title="乙", reason="不该收录的", instead="d")
    before = (Move("a", TODAY, to="b"), Move("w", TODAY, reason="别的原因", instead="b"))
    assert withdraw_in(before, gone) == (
        Move("a", TODAY, title="乙", reason="不该收录的", instead="d"),
        Move("w", TODAY, reason="别的原因", instead="d"),
        gone,
    )


def test_the_moves_of_the_real_library_are_right() -> None:
    assert load_library(ROOT / "policies").moves is not None


# The service


def get(client: httpx.Client, address: str) -> tuple[int, str, str]:
    answer = client.get(address)
    told = answer.json()["errors"][0]["message"] if answer.status_code >= 300 else ""
    return answer.status_code, answer.headers.get("location", ""), told


def test_the_service_leads_on_from_a_former_name_with_the_same_question(
    client: httpx.Client,
) -> None:
    told = "“drain-licence”已经改名为 drainage-permit，请用新的条目名。"
    for old, new in (
        ("/api/policies/drain-licence", "drainage-permit"),
        ("/api/policies/drain-licence?as_of=2026-01-01", "drainage-permit?as_of=2026-01-01"),
        ("/api/notice/drain-licence?format=text", "drainage-permit?format=text"),
        (
            "/api/due?slug=drain-licence&accepted=2026-09-24&extended=true",
            "due?slug=drainage-permit&accepted=2026-09-24&extended=true",
        ),
    ):
        assert get(client, old) == (308, new, told)
        assert client.get(old, follow_redirects=True).status_code == 200


def test_the_service_says_why_an_entry_is_gone(client: httpx.Client) -> None:
    told = (
        "“wrong-loan”（写错的贷款）已经在 2026-11-22 撤下，原因：把市里的规定写成了区里的 "
        "<b>规定</b>。现在请看 tax-relief-2026。不清楚的请打 12345 问。"
    )
    for address in (
        "/api/policies/wrong-loan",
        "/api/notice/wrong-loan",
        "/api/due?slug=wrong-loan&accepted=2026-09-24",
    ):
        assert get(client, address) == (410, "", told)
    assert get(client, "/api/policies/no-such-thing")[0] == 404


def test_a_wrong_parameter_is_told_before_anybody_is_led_on(client: httpx.Client) -> None:
    assert client.get("/api/policies/drain-licence?asof=2026-01-01").status_code == 422


def test_hostile_names_lead_nowhere(client: httpx.Client) -> None:
    for slug in ("%0d%0aLocation:%20http://evil", "..%2f..%2fetc", "旧" * 200, "drain-licence%00"):
        answer = client.get(f"/api/policies/{slug}")
        assert answer.status_code == 404
        assert "location" not in answer.headers


def test_a_new_move_alone_renews_the_index(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "loan.md").write_text(GOOD, "utf-8")
    first = build_index(load_library(policies), tmp_path / "index")
    text = "renamed:\n- {from: lend, to: loan, date: 2026-11-20}\n"
    (policies / "moved.yml").write_text(text, "utf-8")
    second = build_index(load_library(policies), tmp_path / "index")
    assert (second.generation > first.generation, second.unchanged) == (True, 1)
    assert build_index(load_library(policies), tmp_path / "index").generation == second.generation


# The commands


def test_commands_told_a_former_name_say_the_present_one(project: Path) -> None:
    env = {"PYTHONPATH": str(ROOT)}
    for words in (("notice",), ("due", "--accepted", "2026-09-24"), ("bundle",)):
        done = run(project, "indexer", words[0], "drain-licence", *words[1:], **env)
        assert done.returncode == 2
        assert "“drain-licence”已经改名为 drainage-permit" in done.stderr
    done = run(project, "indexer", "search", "drain-licence", **env)
    assert done.stdout.startswith("“drain-licence”已经改名为 drainage-permit，请用新的条目名。\n")
    told: dict[str, Any] = json.loads(
        run(project, "indexer", "search", "wrong-loan", "--json", **env).stdout
    )
    assert told["moved"]["instead"] == "tax-relief-2026"


# The site


def head_of(project: Path, name: str) -> str:
    return (project / "build/site" / name).read_text("utf-8").partition("</head>")[0]


def test_an_old_page_leads_on_without_scripts_and_is_not_for_search_engines(project: Path) -> None:
    for name, target in (
        ("policies/drain-licence.html", "drainage-permit.html"),
        ("notices/drain-licence.html", "drainage-permit.html"),
        ("policies/tax-cut.html", "tax-relief-2026.html"),
    ):
        head = head_of(project, name)
        assert f'<meta http-equiv="refresh" content="0; url={target}">' in head
        assert f'<link rel="canonical" href="{target}">' in head
        assert '<meta name="robots" content="noindex">' in head
    assert not (project / "build/site/notices/tax-cut.html").exists()  # a benefit has no notice
    assert "refresh" not in head_of(project, "policies/wrong-loan.html")
    assert "noindex" in head_of(project, "policies/wrong-loan.html")


@pytest.mark.parametrize("place", ["service", "files", "disk"])
def test_a_reader_with_an_old_link_arrives(
    page: Page, place: str, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(place)
    page.goto(f"{base}policies/drain-licence.html#materials")
    page.wait_for_url("**/policies/drainage-permit.html#materials")
    expect(page.locator("h1")).to_have_text("城镇污水排入排水管网许可")


def test_an_old_link_to_a_notice_keeps_what_was_ticked(page: Page, disk: str) -> None:
    code = make_code("00000000", TODAY, [], [])
    page.goto(f"{disk}notices/drain-licence.html#{code}")
    page.wait_for_url("**/notices/drainage-permit.html*")
    expect(page.locator("[data-old]")).to_be_visible()  # it has read the code that it was given


def test_an_old_page_leads_on_where_scripts_are_off(browser: Browser, disk: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{disk}policies/tax-cut.html")
        page.wait_for_url("**/policies/tax-relief-2026.html")


def test_the_page_of_a_withdrawn_entry_says_why_and_where_to_look(page: Page, files: str) -> None:
    page.goto(f"{files}policies/wrong-loan.html")
    expect(page.locator("h1")).to_have_text("写错的贷款：已撤下")
    expect(page.locator("#main")).to_contain_text("把市里的规定写成了区里的 <b>规定</b>")
    expect(page.locator("#main")).to_contain_text("2026-11-22")
    expect(page.locator('#main a[href="tel:12345"]')).to_be_visible()
    page.get_by_role("link", name="小微企业税费减免", exact=True).click()
    page.wait_for_url("**/policies/tax-relief-2026.html")


def test_lists_and_searches_have_nothing_of_former_names(project: Path, service: str) -> None:
    found = httpx.get(f"{service}api/search", params={"q": "写错的贷款"}, trust_env=False).json()
    assert "wrong-loan" not in [hit["slug"] for hit in found["hits"]]
    site = project / "build/site"
    for path in [*site.glob("*.html"), *site.glob("topics/*.html"), *site.rglob("search/*.js")]:
        assert "wrong-loan" not in path.read_text("utf-8")
        assert "drain-licence" not in path.read_text("utf-8")


def test_the_service_serves_the_site_of_a_library_without_former_names(tmp_path: Path) -> None:
    made = build_project(tmp_path, {"permit": {"title": "排水许可", "body": "正文"}}, TODAY)
    with serve_app(made, TODAY) as address:
        answer = httpx.get(f"{address}api/policies/permit", trust_env=False)
    assert answer.status_code == 200
