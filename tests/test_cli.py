"""The command: what it prints, its JSON, its exit codes, and one run from files to answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from indexer.cli import main
from indexer.problems import LexiconError

ROOT = Path(__file__).resolve().parent.parent
GOOD = (ROOT / "tests" / "cases" / "good.md").read_text(encoding="utf-8")
ROAD = """---
title: 挖掘城市道路审批
kind: service
audience: [citizen, enterprise]
topic: 市政道路
level: national
issuer: 国务院
summary: 要挖开马路的，先申请批准。
aliases: [挖马路]
queries: [挖马路要找谁批]
sources:
  - title: 城市道路管理条例
    doc_number: 国务院令第198号
reviewed: 2026-11-23
---

挖路之前先申请。
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "loan.md").write_text(GOOD, encoding="utf-8")
    (policies / "road-excavation.md").write_text(ROAD, encoding="utf-8")
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def run_json(folder: Path, *words: str) -> Any:
    done = run(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_check_says_how_many_entries_are_right(folder: Path) -> None:
    done = run(folder, "check")
    assert (done.returncode, done.stdout) == (0, "2 个条目，没有发现问题。\n")


def test_check_lists_every_problem_on_standard_error_and_exits_1(folder: Path) -> None:
    (folder / "policies" / "loan.md").write_text(GOOD.replace("citizen", "x"), encoding="utf-8")
    done = run(folder, "check")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "policies/loan.md:4 audience.1：只能是 citizen（群众）、enterprise（企业），看到的是“x”。",
        "共 1 处问题，在 1 个文件里。",
    ]


def test_check_of_one_file_leaves_out_the_problems_of_others(folder: Path) -> None:
    (folder / "policies" / "loan.md").write_text("坏的", encoding="utf-8")
    assert run(folder, "check", "policies/road-excavation.md").returncode == 0
    assert run(folder, "check", "policies/loan.md").returncode == 1
    assert run(folder, "check", "policies").returncode == 1


def test_check_tells_machines_the_same(folder: Path) -> None:
    (folder / "policies" / "loan.md").write_text("坏的", encoding="utf-8")
    done = run(folder, "check", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["entries"] == 1
    (problem,) = told["problems"]
    assert (problem["path"], problem["line"]) == ("policies/loan.md", 1)


def test_index_counts_what_it_did_and_does_only_what_changed(folder: Path) -> None:
    first = run_json(folder, "index")
    assert (first["total"], first["added"], first["unchanged"]) == (2, 2, 0)
    (folder / "policies" / "loan.md").write_text(GOOD + "改了", encoding="utf-8")
    second = run_json(folder, "index")
    assert (second["changed"], second["unchanged"]) == (1, 1)
    third = run_json(folder, "index", "--full")
    assert third["unchanged"] == 0


def test_index_refuses_a_library_with_problems_and_keeps_the_old_index(folder: Path) -> None:
    run_json(folder, "index")
    (folder / "policies" / "loan.md").write_text("坏的", encoding="utf-8")
    done = run(folder, "index")
    assert done.returncode == 1
    assert "policies/loan.md:1" in done.stderr
    assert run_json(folder, "search", "贷款")["total"] == 1


def test_search_finds_an_entry_by_what_people_say(folder: Path) -> None:
    run_json(folder, "index")
    done = run(folder, "search", "挖马路要找谁批")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == " 1. 挖掘城市道路审批  办事事项 · road-excavation"
    answer = run_json(folder, "search", "挖马路要找谁批", "--as-of", "2025-01-01")
    assert answer["as_of"] == "2025-01-01"
    assert answer["hits"][0]["slug"] == "road-excavation"


def test_search_says_what_to_do_when_nothing_is_found(folder: Path) -> None:
    run_json(folder, "index")
    done = run(folder, "search", "qqqqzzzz")
    assert done.returncode == 0
    assert done.stdout.startswith("没有找到“qqqqzzzz”。换个说法试试，或者拨打 12345 问一问。")


def test_evaluate_measures_the_entries_own_queries(folder: Path) -> None:
    run_json(folder, "index")
    report = run_json(folder, "evaluate")
    measured = report["overall"]
    assert measured["queries"] == 1
    assert measured["success_at_1"] == measured["success_at_3"] == measured["ndcg_at_10"] == 1.0


def test_evaluate_keeps_its_result_and_tells_what_has_moved(folder: Path) -> None:
    run_json(folder, "index")
    (folder / "j.csv").write_text("query,slug,grade,why,style\n挖路,none,3,,口语\n", "utf-8")
    judged = ("evaluate", "--judgements", "j.csv", "--against", "kept.json")
    run(folder, *judged, "--save")
    (folder / "j.csv").write_text(
        "query,slug,grade,why,style\n挖路,road-excavation,3,,口语\n护照,,0,,库外\n", "utf-8"
    )
    told = run(folder, *judged).stdout
    assert "有变化：“挖路” 没有 → 1" in told
    assert "库外的 1 个查询，100.0% 没有当成答案给出。" in told
    assert run_json(folder, *judged)["moved"] == [["挖路", None, 1]]


def test_search_explains_where_each_point_comes_from(folder: Path) -> None:
    run_json(folder, "index")
    told = run(folder, "search", "挖路", "--explain").stdout
    assert "+0." in told
    assert "相同的单字" in told
    answer = run_json(folder, "search", "挖路", "--explain")
    (hit,) = answer["hits"]
    points = sum(part["points"] for part in answer["explanation"][hit["slug"]])
    assert abs(points - hit["score"]) < 0.001


def test_evaluate_names_the_line_of_a_wrong_judgement(folder: Path) -> None:
    run_json(folder, "index")
    (folder / "j.csv").write_text(
        "query,slug,grade,why\n挖路,road-excavation,3,对\n挖路,road-excavation,9,\n",
        encoding="utf-8",
    )
    done = run(folder, "evaluate", "--judgements", "j.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("j.csv:3 grade：只能是 0、1、2 或 3，现在是“9”。")


def test_schema_prints_the_schema_of_the_front_matter(folder: Path) -> None:
    done = run(folder, "schema")
    assert json.loads(done.stdout)["properties"]["superseded_by"]["description"].startswith("被")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["serch"], "没有命令“serch”。您是不是想写 search？用法见 policykb --help。"),
        (["check", "--jsn"], "没有选项 --jsn。您是不是想写 --json？用法见 policykb check --help。"),
        (["search"], "缺少参数 query。用法见 policykb search --help。"),
        (
            ["search", "a", "b"],
            "多写了“b”；一句话里有空格时请加引号。用法见 policykb search --help。",
        ),
        (
            ["serve", "--workers", "0"],
            "--workers：只能是不小于 1 的整数，收到的是“0”。用法见 policykb serve --help。",
        ),
        (
            ["serve", "--port", "八千"],
            "--port：只能是 0 到 65535 的整数，收到的是“八千”。用法见 policykb serve --help。",
        ),
        (
            ["search", "路", "--size", "x"],
            "--size：只能是整数，收到的是“x”。用法见 policykb search --help。",
        ),
        (["search", "路"], "build/index 里没有索引，请先运行 policykb index。"),
        (["check", "nowhere.md"], "没有这个文件：nowhere.md"),
        (
            ["check", "/etc/hostname"],
            "/etc/hostname 不在政策库 policies 里；用 --policies 指明政策库的位置。",
        ),
    ],
)
def test_wrong_use_is_told_in_chinese_and_exits_2(
    words: list[str], message: str, folder: Path
) -> None:
    done = run(folder, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"policykb：{message}\n"


def test_wrong_search_parameters_are_all_told(folder: Path) -> None:
    run_json(folder, "index")
    done = run(folder, "search", "路", "--sort", "best", "--as-of", "昨天")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "policykb：sort：只能是 relevance、newest、deadline 或 title，收到的是“best”。",
        "policykb：as_of：“昨天”不是日期，请写成 2024-03-01。",
    ]


def test_every_command_has_help_in_chinese(folder: Path) -> None:
    for words in (
        [],
        ["check"],
        ["index"],
        ["pages"],
        ["site"],
        ["serve"],
        ["search"],
        ["match"],
        ["evaluate"],
        ["schema"],
    ):
        done = run(folder, *words, "--help")
        assert done.returncode == 0
        assert "选项" in done.stdout


BENEFIT = """---
title: 小店贷款
kind: benefit
audience: [enterprise]
topic: 融资贷款
level: city
region: [淄博市]
issuer: 某市人社局
summary: 小店缺钱，可以申请贴息贷款。
expires: 2026-12-31
eligibility:
  - {text: 不超过 300 人, field: headcount, op: lte, value: "300", unit: 人}
  - text: 规模或性质
    any:
      - {text: 是个体工商户, field: entity_type, op: eq, value: 个体工商户}
      - {text: 是微型企业, field: enterprise_size, op: eq, value: 微型}
  - text: 信用良好
benefits:
  - {type: 贷款, text: 最多贷 30 万元, amount: 30, unit: 万元}
benefit_mode: 依申请
sources:
  - title: 某市办法
    doc_number: 某政发〔2024〕5号
reviewed: 2026-11-23
---

小店可以贷款。
"""


@pytest.fixture
def indexed(folder: Path) -> Path:
    (folder / "policies" / "loan.md").unlink()
    (folder / "policies" / "shop-loan.md").write_text(BENEFIT, encoding="utf-8")
    run_json(folder, "index")
    return folder


def match(folder: Path, profile: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "me.yml").write_text(profile, encoding="utf-8")
    return run(folder, "match", "--profile", "me.yml", "--as-of", "2026-11-24", *words)


def test_match_tells_three_groups_with_every_reason(indexed: Path) -> None:
    done = match(indexed, "替谁问: 企业\n所在地区: 临淄\n员工数: 19\n行业: 工业\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "很可能符合（1）",
        " 1. 小店贷款  shop-loan",
        "    依申请 · 截止 2026-12-31，还有 37 天",
        "    最多贷 30 万元",
        "    ✔ 适用地区：淄博市（您答的是 淄博市临淄区）",
        "    ✔ 不超过 300 人（您答的是 19 人）",
        "    ✔ 规模或性质",
        "        ？ 是个体工商户",
        "        ✔ 是微型企业（您答的是 微型（其他工业，按国统字〔2017〕213号算））",
        "    · 由窗口或主管部门判断：信用良好",
        "",
        "还需补充信息（0）",
        "",
        "不符合（0）",
        "",
        "按 2026-11-24 判断，仅供参考，以受理部门审核为准。",
    ]


def test_match_says_why_not_and_what_to_answer_next(indexed: Path) -> None:
    refused = match(indexed, "替谁问: 企业\n员工数: 301\n").stdout.splitlines()
    assert refused[refused.index("不符合（1）") + 2] == "    ✘ 不超过 300 人"
    waiting = match(indexed, "替谁问: 企业\nregion: 淄博\nheadcount: 3\n").stdout.splitlines()
    asked = waiting[waiting.index("接下来最好回答：") + 1]
    assert asked == "  单位性质（entity_type）：您的单位是什么性质？（关系到 1 条）"


def test_match_tells_machines_the_same(indexed: Path) -> None:
    done = match(indexed, "headcount: 301\n", "--json")
    told = json.loads(done.stdout)
    assert [row["slug"] for row in told["not_eligible"]] == ["shop-loan"]
    assert told["as_of"] == "2026-11-24"


def test_match_tells_every_mistake_in_the_answers_with_its_line_and_exits_2(indexed: Path) -> None:
    profile = "# 我的小店\nheadcuont: 3\n员工数: 三十\n员工数: 5\n成立日期: 2026-11-25\n"
    done = match(indexed, profile)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "me.yml:2 headcuont：没有这个问题。您是不是想写 headcount？",
        "me.yml:3 员工数：不是数，看到的是“三十”；请写成 15、0.5 或 5000万元 这样的数。",
        "me.yml:4 员工数：这一项写了两遍（第 3 行已有），请只留一处。",
        "me.yml:5 成立日期：日期要在 1900-01-01 到 2026-11-24 之间，看到的是“2026-11-25”。",
        "共 4 处问题，在 1 个文件里。",
    ]


def test_match_without_its_file_or_an_index_is_wrong_use(folder: Path) -> None:
    done = run(folder, "match", "--profile", "none.yml")
    assert done.returncode == 2
    assert done.stderr == "policykb：none.yml 读不出来：请核对文件名，文件要存成 UTF-8。\n"
    assert match(folder, "headcount: 3\n").returncode == 2
    assert run(folder, "match").returncode == 2


def test_mistakes_in_the_questions_are_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise LexiconError("questions.yml size：缺少这一项。\nquestions.yml age：缺少这一项。")

    monkeypatch.setattr("indexer.cli.inspect_library", broken)
    with pytest.raises(SystemExit) as stopped:
        main(["check"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "policykb：questions.yml size：缺少这一项。",
        "policykb：questions.yml age：缺少这一项。",
    ]


def test_a_port_in_use_is_told_before_anything_is_built(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(folder, "serve", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr == (
        f"policykb：不能在 127.0.0.1:{port} 上提供服务：端口被别的程序占用。"
        "请用 --port 换一个端口，例如 8001。\n"
    )
    assert not (folder / "build").exists()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_title(url: str, title: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    seen = ""
    while time.monotonic() < end:
        try:
            seen = httpx.get(url).text
        except httpx.TransportError:
            seen = ""
        if title in seen:
            return
        time.sleep(0.2)
    raise AssertionError(f"{title} not in {seen[:500]}")


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_with_watch_shows_a_saved_change_and_keeps_serving_through_a_mistake(
    workers: int, folder: Path
) -> None:
    port = free_port()
    service = subprocess.Popen(
        [
            *(sys.executable, "-m", "indexer", "serve", "--watch"),
            *("--port", str(port), "--workers", str(workers)),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    base, road = f"http://127.0.0.1:{port}", folder / "policies" / "road-excavation.md"
    try:
        wait_for_title(f"{base}/policies/road-excavation.html", "挖掘城市道路审批")
        road.write_text("坏的", encoding="utf-8")
        time.sleep(2)
        wait_for_title(f"{base}/policies/road-excavation.html", "挖掘城市道路审批")
        road.write_text(ROAD.replace("挖掘城市道路审批", "挖路新名"), encoding="utf-8")
        wait_for_title(f"{base}/policies/road-excavation.html", "挖路新名")
        wait_for_title(f"{base}/api/search?q=挖马路", "挖路新名")
    finally:
        service.send_signal(signal.SIGINT)
        printed, _ = service.communicate(timeout=30)
    assert f"政策库已经打开：{base}" in printed
    assert "policies/road-excavation.md:1" in printed
    assert "网站还是改动前的样子" in printed
    assert "Traceback" not in printed
