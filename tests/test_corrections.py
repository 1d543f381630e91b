"""Corrections: what readers propose is kept with nothing about them, listed safely, and closed."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from factories import make_library, make_policy
from hypothesis import given, settings
from hypothesis import strategies as st
from repository import run_git

import search_server
from indexer import corrections
from indexer.corrections import (
    FIELDS,
    LONGEST,
    InboxUnusable,
    Reception,
    compare,
    open_reception,
    write_markdown,
)
from indexer.problems import ParameterError
from indexer.quotas import MOST, PERIOD, Quota
from indexer.writing import build_index

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 30)
ROAD = make_policy("road", title="挖掘城市道路审批")
GOOD = {
    "slug": "road",
    "kind": "wrong",
    "text": "期限写错了，应该是 15 个工作日。",
    "basis": "条例第 33 条",
    "version": "0123456789",
}
MOBILE = "13800138000"
IDENTITY = "11010519491231002X"


class Service:
    """A running service that takes proposals, and the folder they are kept in."""

    def __init__(self, base: str, folder: Path) -> None:
        self.folder = folder
        self.client = httpx.Client(base_url=base, timeout=30)
        self.readers = iter([""])  # one reader; a proxy on this computer would name others

    def send(self, body: Any, **headers: str) -> httpx.Response:
        reader = next(self.readers, "")
        headers = {"X-Forwarded-For": reader, **headers} if reader else headers
        if isinstance(body, dict):
            return self.client.post("/api/corrections", json=body, headers=headers)
        sent = {"Content-Type": "application/json", **headers}
        return self.client.post("/api/corrections", content=body, headers=sent)

    def kept(self) -> list[dict[str, Any]]:
        files = sorted(self.folder.glob("*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in files]


@contextmanager
def running(folder: Path, reception: Reception | None) -> Iterator[Service]:
    build_index(make_library(ROAD, tmp_path=folder), folder / "index")
    app = search_server.make_app(folder / "index", None, today=lambda: TODAY, reception=reception)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}", folder / "inbox")
        yield service
        service.client.close()
        server.should_exit = True
        thread.join()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running(tmp_path, open_reception(tmp_path / "inbox", [])) as started:
        yield started


@pytest.fixture
def patient(service: Service) -> Service:
    """The same service, to which each proposal comes from another reader."""
    service.readers = iter(f"10.0.0.{number}" for number in range(1, 255))
    return service


def errors(response: httpx.Response) -> list[tuple[str, str]]:
    body = response.json()
    assert set(body) == {"errors"}
    return [(error["field"], error["message"]) for error in body["errors"]]


# What is taken and kept


def test_a_proposal_is_kept_with_its_day_and_answered_with_a_number(service: Service) -> None:
    first, second = service.send(GOOD), service.send({**GOOD, "kind": "other", "text": "另一条"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["number"] == "2026-11-30-1"
    assert first.json()["message"].startswith("收到了，编号 2026-11-30-1。")
    assert first.headers["cache-control"] == "no-store"
    kept = service.kept()
    assert kept[0] == {"day": "2026-11-30", **GOOD}
    assert [row["text"] for row in kept] == [GOOD["text"], "另一条"]
    assert sorted(path.name for path in service.folder.glob("*.json")) == [
        "2026-11-30-1.json",
        "2026-11-30-2.json",
    ]


def test_what_the_library_lacks_is_proposed_without_an_entry(service: Service) -> None:
    assert service.send({"kind": "missing", "text": "没有公租房"}).status_code == 201
    (row,) = service.kept()
    assert (row["slug"], row["version"], row["basis"]) == ("", "", "")


@pytest.mark.parametrize(
    ("change", "field", "part"),
    [
        ({"slug": "raod"}, "slug", "您是不是想写 road？"),
        ({"slug": "../../etc/passwd"}, "slug", "没有条目"),
        ({"kind": "bad"}, "kind", "只能是 wrong、missing、outdated、unclear、other"),
        ({"text": ""}, "text", "请写上哪里不对"),
        ({"text": " \n\u200b\t "}, "text", "请写上哪里不对"),
        ({"text": "长" * 2001}, "text", "最多 2000 个字，现在有 2001 个"),
        ({"basis": "长" * 501}, "basis", "最多 500 个字"),
        ({"version": "../x"}, "version", "内容版本"),
        ({"version": ""}, "version", "内容版本"),
        ({"text": ["x"]}, "text", "要写成文字"),
        ({"slug": None}, "slug", "要写成文字"),
        ({"kind": 1}, "kind", "要写成文字"),
        ({"name": "张三"}, "name", "没有这一项"),
        ({"vresion": "x"}, "vresion", "您是不是想写 version？"),
        ({"text": f"打我电话 {MOBILE}"}, "text", "“138*******0”像是手机号码。请删去再提交"),
        ({"text": "１３８ ００１３ ８０００"}, "text", "像是手机号码"),
        ({"text": "138\u200b0013\u200b8000"}, "text", "像是手机号码"),
        ({"basis": f"本人 {IDENTITY}"}, "basis", "像是身份证号码"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_of_it_stays(
    patient: Service, change: dict[str, Any], field: str, part: str
) -> None:
    response = patient.send({**GOOD, **change})
    assert response.status_code == 422
    assert any(name == field and part in message for name, message in errors(response))
    assert patient.kept() == []


def test_all_mistakes_are_told_at_once(service: Service) -> None:
    wrong = {"slug": "x", "kind": "y", "text": MOBILE, "version": ""}
    fields = [field for field, _ in errors(service.send(wrong))]
    assert fields == ["slug", "version", "kind", "text"]


def test_a_body_that_is_no_json_object_is_refused(patient: Service) -> None:
    for body in ("", "[]", "null", "{", '{"text": 1', b"\xff", "[" * 60000):
        assert patient.send(body).status_code == 400
    twice = '{"text": "a", "text": "b", "kind": "other"}'
    assert errors(patient.send(twice)) == [("text", "写了两遍。")]
    large = patient.send({**GOOD, "text": "长" * search_server.MAX_BODY})
    assert large.status_code == 413
    assert patient.kept() == []


def test_a_page_of_another_site_cannot_have_its_readers_send_anything(service: Service) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = service.send(json.dumps(GOOD).encode(), **{"Content-Type": kind})
        assert response.status_code == 415
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = service.client.request("OPTIONS", "/api/corrections", headers=asked)
    assert "access-control-allow-origin" not in answer.headers
    assert service.kept() == []


def test_control_characters_are_not_kept(service: Service) -> None:
    text = "一\x1b[2J\r\n二\u202e三\u2028四  \n"
    assert service.send({**GOOD, "text": text}).status_code == 201
    assert service.kept()[0]["text"] == "一 [2J\n二 三 四"


values = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.text())
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), values, max_size=6)


@settings(max_examples=100)
@given(bodies)
def test_no_proposal_whatever_breaks_the_rules(body: dict[str, Any]) -> None:
    known = {name: value for name, value in body.items() if name in FIELDS}
    try:
        found = corrections.parse_proposal(known, {"road"})
    except ParameterError:
        return
    assert 0 < len(found.text) <= LONGEST["text"]


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    with running(tmp_path, None) as off:
        assert off.send(GOOD).status_code in (404, 405)
        paths = off.client.get("/openapi.json").json()["paths"]
    assert "/api/corrections" not in paths


def test_the_body_is_described(service: Service) -> None:
    post = service.client.get("/openapi.json").json()["paths"]["/api/corrections"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert list(schema["properties"]) == list(FIELDS)


# How much is taken


def test_who_sends_too_much_is_told_how_long_to_wait(service: Service) -> None:
    for _ in range(MOST):
        assert service.send(GOOD).status_code == 201
    response = service.send(GOOD)
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= PERIOD
    ((_, message),) = errors(response)
    assert re.match(r"一下子发得太多了，请过 \d+ 分钟再发", message)
    assert len(service.kept()) == MOST
    # A proxy on this computer tells whom it sends for.
    assert service.send(GOOD, **{"X-Forwarded-For": "10.0.0.7"}).status_code == 201


def test_a_mistake_does_not_count(service: Service) -> None:
    for _ in range(2 * MOST):
        assert service.send({**GOOD, "kind": "x"}).status_code == 422
    assert service.send(GOOD).status_code == 201


def test_the_counters_begin_anew_with_each_period_and_keep_no_address() -> None:
    quota = Quota(b"salt", most=2)
    assert [quota.take("10.0.0.7", 1000.0) for _ in range(3)] == [0, 0, PERIOD - 1000 % PERIOD]
    assert quota.take("10.0.0.8", 1000.0) == 0
    assert quota.take("10.0.0.7", 1000.0 + PERIOD) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.7", "10.0.0.7", True),
        ("10.0.0.7", "10.0.0.8", False),
        ("", "10.0.0.8", False),
    ],
)
def test_one_line_is_one_sender(one: str, other: str, same: bool) -> None:
    quota = Quota(b"another salt", most=1)
    assert quota.take(one, 0.0) == 0
    assert (quota.take(other, 0.0) > 0) is same


def test_processes_count_together(tmp_path: Path) -> None:
    one, two = Quota(b"salt", tmp_path, most=3), Quota(b"salt", tmp_path, most=3)
    taken = [quota.take("10.0.0.7", 0.0) for quota in (one, two, one, two)]
    assert [bool(wait) for wait in taken] == [False, False, False, True]
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"10.0.0.7" not in written
    assert Quota(b"new salt", tmp_path, most=3).take("10.0.0.7", 0.0) == 0


def test_a_full_folder_takes_no_more(patient: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrections, "MOST_KEPT", 2)
    assert [patient.send(GOOD).status_code for _ in range(3)] == [201, 201, 503]
    assert "12345" in errors(patient.send(GOOD))[0][1]


def test_a_folder_that_cannot_be_written_is_told(patient: Service) -> None:
    for path in patient.folder.iterdir():
        path.unlink()
    patient.folder.rmdir()
    patient.folder.write_text("", encoding="utf-8")
    response = patient.send(GOOD)
    assert response.status_code == 503
    assert "现在存不下来" in errors(response)[0][1]


def test_numbers_stay_unique_when_many_write_at_once(tmp_path: Path) -> None:
    inbox = open_reception(tmp_path, []).inbox
    proposal = corrections.parse_proposal(GOOD, {"road"})
    numbers: list[str] = []
    together = threading.Barrier(8)

    def add() -> None:
        together.wait()
        numbers.extend(inbox.add(proposal, TODAY) for _ in range(10))

    adders = [threading.Thread(target=add) for _ in range(8)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    assert len(set(numbers)) == len(inbox.read_all()[0]) == 80


# Nothing else is stored or logged


def test_nothing_about_the_sender_is_printed_measured_or_written(tmp_path: Path) -> None:
    site, inbox, private = tmp_path / "site", tmp_path / "inbox", tmp_path / "tmp"
    for folder in (site, private):
        folder.mkdir()
    (site / "index.html").write_text("<p>首页", encoding="utf-8")
    build_index(make_library(ROAD, tmp_path=tmp_path), tmp_path / "index")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    started = start(tmp_path, "--workers", "2", TMPDIR=str(private))
    assert started.stdout is not None
    address = started.stdout.readline().split("：", 1)[1].strip()
    sender = {
        "User-Agent": "Canary-Browser/7",
        "X-Forwarded-For": "10.98.76.54",
        "Referer": "http://canary.example/",
        "Cookie": "canary=1",
    }
    secret = {**GOOD, "text": f"保密的话 {MOBILE}"}
    try:
        for _ in range(2):  # whichever process answers
            post(address, GOOD, sender, 201)
            post(address, secret, sender, 422)
        post(address, {**GOOD, "secretkey": "保密"}, sender, 422)
        metrics = httpx.get(f"{address}/metrics").text
        shared = b"".join(p.read_bytes() for p in private.rglob("*") if p.is_file())
    finally:
        started.terminate()
        printed, _ = started.communicate(timeout=30)
    assert 'route="/api/corrections",status="201"' in metrics
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    new = {path: data for path, data in after.items() if before.get(path) != data}
    assert all(path.parent == inbox for path in new)
    kept = [json.loads(data) for path, data in sorted(new.items()) if path.name != ".lock"]
    assert [set(row) for row in kept] == [{"day", *FIELDS}] * 2
    traces = b"".join(new.values()) + shared + (printed + metrics).encode()
    for trace in ("Canary", "canary", "10.98.76.54", "127.0.0.1", "保密", "secretkey", MOBILE):
        assert trace.encode() not in traces, trace


def post(address: str, body: Any, headers: dict[str, str], status: int) -> None:
    response = httpx.post(f"{address}/api/corrections", json=body, headers=headers)
    assert response.status_code == status, response.text


def start(folder: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    words = ["--index", "index", "--site", "site", "--corrections", "inbox", "--port", "0"]
    return subprocess.Popen(
        [sys.executable, search_server.__file__, *words, *options],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def test_they_are_not_kept_where_files_are_published_or_built(tmp_path: Path) -> None:
    with pytest.raises(InboxUnusable, match="会发布"):
        open_reception(tmp_path / "site" / "inbox", [tmp_path / "site"])
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InboxUnusable, match="不能写"):
        open_reception(tmp_path / "file", [])
    done = command(tmp_path, "serve", "--corrections", "build/x")
    assert done.returncode == 2
    assert "会发布" in done.stderr


# The list


HOSTILE = """<script>alert(1)</script>

# 标题
```
[点我](javascript:alert(1)) {{ 7*7 }} [red]红[/red]"""


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


ENTRY = """---
title: 挖掘城市道路审批
kind: service
audience: [citizen, enterprise]
topic: 市政道路
level: national
issuer: 国务院
summary: 要挖开马路的，先申请批准。
sources:
  - title: 城市道路管理条例
    doc_number: 国务院令第198号
reviewed: 2026-11-23
---

20 个工作日内答复。
"""


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A library with one entry in a repository, and an inbox with one proposal about it."""
    (tmp_path / "policies").mkdir()
    entry = tmp_path / "policies" / "road.md"
    entry.write_text(ENTRY, encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "add"]):
        run_git(tmp_path, *words)
    blob = run_git(tmp_path, "rev-parse", "HEAD:policies/road.md")
    propose(tmp_path, {**GOOD, "version": blob[:10]})
    return tmp_path


def propose(folder: Path, body: dict[str, Any]) -> None:
    inbox = open_reception(folder / "corrections", []).inbox
    inbox.add(corrections.parse_proposal(body, {"road", "gone"}), TODAY)


def test_the_list_shows_each_proposal_beside_its_entry(office: Path) -> None:
    propose(office, {**GOOD, "slug": "gone", "text": HOSTILE})
    propose(office, {"kind": "missing", "text": "没有公租房"})
    done = command(office, "corrections")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2026-11-30-1　写错了　挖掘城市道路审批（road）" in done.stdout
    assert "条目没有改过。" in done.stdout
    assert "库里已经没有这一条" in done.stdout
    assert "2026-11-30-3　缺内容　整个政策库" in done.stdout
    assert "    [点我](javascript:alert(1)) {{ 7*7 }} [red]红[/red]" in done.stdout
    assert done.stdout.endswith("列出 3 条，一共收到 3 条。\n")


def test_the_list_says_what_has_changed_since_the_reader_looked(office: Path) -> None:
    entry = office / "policies" / "road.md"
    entry.write_text(ENTRY.replace("20 个", "15 个"), encoding="utf-8")
    told = command(office, "corrections").stdout
    assert "条目后来改过：" in told
    assert "- 20 个工作日内答复。" in told
    assert "+ 15 个工作日内答复。" in told


def test_a_version_leads_to_no_other_file_of_the_history(office: Path) -> None:
    (office / "secret.txt").write_text("不能给人看\n", encoding="utf-8")
    run_git(office, "add", ".")
    run_git(office, "commit", "-q", "-m", "secret")
    for version in (run_git(office, "rev-parse", "HEAD:secret.txt")[:10], "f" * 10, "0" * 10):
        propose(office, {**GOOD, "version": version})
    told = command(office, "corrections").stdout
    assert told.count("历史里查不到读者看的那一版") == 3
    assert "不能给人看" not in told


def test_a_proposal_is_closed_with_a_decision_and_a_reason(office: Path) -> None:
    done = command(
        office, "corrections", "2026-11-30-1", "--decision", "采纳", "--why", "已改为 15 日"
    )
    assert done.returncode == 0
    assert re.search(r"采纳（\d{4}-\d\d-\d\d）：已改为 15 日", done.stdout)
    assert command(office, "corrections").stdout == "列出 0 条，一共收到 1 条。\n"
    assert "已改为 15 日" in command(office, "corrections", "--all").stdout
    kept = json.loads((office / "corrections" / "2026-11-30-1.json").read_text(encoding="utf-8"))
    assert set(kept["closed"]) == {"decision", "why", "on"}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--decision", "采纳", "--why", "好"), "请写编号"),
        (("2026-11-30-1", "--decision", "采纳"), "要一起写"),
        (("2026-11-30-1", "--why", "好"), "要一起写"),
        (("2026-11-30-1", "--decision", "采纳", "--why", MOBILE), "像是手机号码"),
        (("2026-11-30-9",), "没有编号“2026-11-30-9”"),
        (("--dir", "nowhere"), "没有文件夹 nowhere"),
        (("2026-11-30-1", "--decision", "随便", "--why", "好"), "采纳"),
    ],
)
def test_wrong_use_of_the_list_is_told(office: Path, words: tuple[str, ...], part: str) -> None:
    done = command(office, "corrections", *words)
    assert done.returncode == 2
    assert part in done.stderr
    assert "closed" not in (office / "corrections" / "2026-11-30-1.json").read_text("utf-8")


def test_machines_are_told_the_same(office: Path) -> None:
    told = json.loads(command(office, "corrections", "--json").stdout)
    (row,) = told["corrections"]
    assert (row["number"], row["title"], row["since"]) == (
        "2026-11-30-1",
        "挖掘城市道路审批",
        "条目没有改过",
    )
    assert {name: row[name] for name in ("slug", "kind", "text", "basis")} == {
        name: GOOD[name] for name in ("slug", "kind", "text", "basis")
    }


def test_a_file_that_is_no_proposal_is_named_and_the_others_are_listed(office: Path) -> None:
    folder = office / "corrections"
    good = json.loads((folder / "2026-11-30-1.json").read_text(encoding="utf-8"))
    wrong: dict[str, Any] = {
        "2026-11-30-2": {**good, "slug": "../x"},
        "2026-11-30-3": {**good, "version": "--help"},
        "2026-11-30-4": [],
        "2026-11-30-5": {**good, "closed": {"decision": "x"}},
        "2026-11-30-6": {**good, "text": 1},
        "notes": good,
    }
    for name, content in wrong.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "2026-11-30-7.json").write_bytes(b"\xff{")
    done = command(office, "corrections")
    assert done.returncode == 1
    assert "列出 1 条" in done.stdout
    for name in (*wrong, "2026-11-30-7"):
        assert f"corrections/{name}.json:1" in done.stderr


@pytest.mark.parametrize("field", ["text", "basis"])
@pytest.mark.parametrize(
    "hostile",
    [HOSTILE, "\n\n<b>x</b>", "    \n- [x](javascript:x)", "```\n<i>", "\t<u>a</u>\n\n\n<s>b</s>"],
)
def test_nothing_a_reader_writes_becomes_markup(tmp_path: Path, field: str, hostile: str) -> None:
    from markdown import markdown

    inbox = open_reception(tmp_path / "inbox", []).inbox
    inbox.add(corrections.parse_proposal({**GOOD, field: hostile}, {"road"}), TODAY)
    title = "<i>挖</i> [路](javascript:x) *审批*"
    library = make_library(make_policy("road", title=title), tmp_path=tmp_path)
    cases = [compare(correction, library) for correction in inbox.read_all()[0]]
    text = write_markdown(cases)
    html = markdown(text, extensions=["fenced_code", "tables"])
    tags = set(re.findall(r"<(\w+)", html))
    assert tags <= {"h1", "h2", "ul", "li", "p", "pre", "code"}, html
    assert "<script" not in html
    assert html.count("<h2") == 1
