"""Internal notes: who gets to see them, by the command and over a real socket, and who does not."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import BODY, Fields, serve_app, write_project
from factories import make_index, make_policy

import search_server
from indexer.access import Access, AccessUnsafe, open_access, read_token
from indexer.internal import Notes, search_noted
from indexer.loader import load_library
from indexer.params import SearchParams
from indexer.workers import listen
from indexer.writing import build_index

ROOT = Path(__file__).resolve().parent.parent
DAY = date(2026, 11, 30)
TOKEN = "a-token-of-the-counter"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NOTE = "金丝雀口径：淄川按 20 个工作日办，临淄没有取得，依鲁建规〔2019〕7号再核对。"
ENTRIES: dict[str, Fields] = {
    "drainage": {"title": "排水许可", "aliases": ["排水证"], "internal": NOTE},
    "loan": {
        "title": "创业担保贷款",
        "kind": "benefit",
        "topic": ["融资贷款"],
        "expires": "2025-12-31",
        "internal": "利率只见\n  新闻，临淄没有取得文件。",
    },
    "plain": {"title": "挖掘道路审批", "body": BODY.replace("permit-procedure", "drainage")},
}
ENTRIES["drainage"]["body"] = ENTRIES["loan"]["body"] = "正文。\n"


def make_project(folder: Path) -> Path:
    """Return a project with an index, and a site of one page."""
    write_project(folder, ENTRIES)
    build_index(load_library(folder / "policies"), folder / "build/index")
    (folder / "build/site").mkdir()
    (folder / "build/site/index.html").write_text("<!doctype html><p>首页", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("internal"))


@pytest.fixture(scope="module")
def public(project: Path) -> Iterator[httpx.Client]:
    """A service as it is without the option."""
    with serve_app(project, DAY) as base, httpx.Client(base_url=base) as client:
        yield client


@pytest.fixture(scope="module")
def local(project: Path) -> Iterator[httpx.Client]:
    """A service that shows notes on its own computer."""
    access = Access(project / "policies")
    with serve_app(project, DAY, access) as base, httpx.Client(base_url=base) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(project: Path) -> Iterator[httpx.Client]:
    """A service that shows notes to those with the token."""
    access = Access(project / "policies", TOKEN)
    with serve_app(project, DAY, access) as base, httpx.Client(base_url=base) as client:
        yield client


SEARCH, RECORD = "/api/search?q=排水许可", "/api/policies/drainage"
ENDPOINTS = (
    SEARCH,
    RECORD,
    "/api/search?q=金丝雀口径",
    "/api/suggest?q=金丝雀",
    "/api/policies",
    "/api/questions",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/",
)


def has_note(response: httpx.Response) -> bool:
    return "金丝雀口径" in response.text.replace("q=金丝雀口径", "").replace('"金丝雀口径"', "")


# Finding


def notes_of(**texts: str) -> Notes:
    return Notes(texts)


def test_a_note_is_found_by_words_that_stand_only_in_it() -> None:
    notes = notes_of(a="淄川口径是 20 个工作日", b="临淄没有取得", c="高龄津贴金额未核实")
    assert notes.find("淄川的口径是什么") == ["a"]
    assert notes.find("临淄 取得") == ["b"]
    assert notes.find("护照") == []
    assert notes.find("") == []


def test_the_note_with_the_rarer_words_comes_first() -> None:
    notes = notes_of(a="口径没有核实", b="口径没有核实，承诺时限没有取得", c="口径没有核实")
    assert notes.find("承诺时限口径") == ["b"]
    assert notes.find("没有核实口径") == ["a", "b", "c"]


def test_document_numbers_and_line_breaks_make_no_difference() -> None:
    notes = notes_of(a="按鲁建规〔2019〕7号", b="窗\n  口答复", c="共 207 条")
    assert notes.find("鲁建规[2019]7号") == ["a"]
    assert notes.find("窗口") == ["b"]
    assert notes.find("20") == []


def test_what_is_quoted_must_be_in_a_note_and_what_is_excluded_not() -> None:
    notes = notes_of(a="口径没有取得", b="没有取得口径，已作废")
    assert notes.find('"没有取得口径"') == ["b"]
    assert notes.find("口径 -作废") == ["a"]


def test_the_public_answer_stays_as_it_is_and_filters_hold_for_notes_too() -> None:
    index = make_index(
        make_policy("a", title="排水许可", internal="甲乙口径"),
        make_policy("b", title="别的事", kind="benefit", internal="甲乙口径"),
        make_policy("c", title="没有备注"),
    )
    notes = notes_of(a="甲乙口径", b="甲乙口径", gone="甲乙口径")
    noted = search_noted(index, notes, SearchParams(q="甲乙口径"), DAY)
    assert noted.answer.total == 0
    assert [hit.slug for hit in noted.hits] == ["a", "b"]
    noted = search_noted(index, notes, SearchParams(q="甲乙口径", kind=("benefit",)), DAY)
    assert [hit.slug for hit in noted.hits] == ["b"]
    noted = search_noted(index, notes, SearchParams(q="甲乙口径", size=1, page=2), DAY)
    assert (noted.total, [hit.slug for hit in noted.hits]) == (2, ["b"])


# The command


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def test_the_command_shows_notes_only_when_asked(project: Path) -> None:
    for words in (["search", "排水许可"], ["search", "金丝雀口径"]):
        done = run(project, *words)
        assert done.returncode == 0
        assert "内部备注" not in done.stdout
        assert "工作日" not in done.stdout
        told = json.loads(run(project, *words, "--json").stdout)
        assert "internal" not in told
        assert not any("internal" in hit for hit in told["hits"])


def test_the_command_marks_notes_and_what_only_they_brought_up(project: Path) -> None:
    own = run(project, "search", "排水许可", "--internal").stdout
    assert f"【内部备注】{NOTE}" in own
    assert "内部备注里还有" not in own
    other = run(project, "search", "利率 新闻", "--internal").stdout
    (line,) = (line for line in other.splitlines() if "·  创业担保贷款" in line)
    assert "【已失效】" in line
    assert other.index("内部备注里还有：") < other.index(line)
    assert "【内部备注】利率只见 新闻" in other


def test_the_command_gives_notes_as_json(project: Path) -> None:
    told = json.loads(run(project, "search", "排水许可", "--internal", "--json").stdout)
    assert told["hits"][0]["internal"] == NOTE
    told = json.loads(run(project, "search", "金丝雀口径", "--internal", "--json").stdout)
    assert told["internal"] == {
        "total": 1,
        "hits": [
            {
                "slug": "drainage",
                "title": "排水许可",
                "url": "/policies/drainage.html",
                "kind": "service",
                "status": "in_force",
                "internal": NOTE,
            }
        ],
    }


def test_the_command_writes_notes_nowhere(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    run(project, "search", "金丝雀口径", "--internal")
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert after == before


def test_notes_of_a_library_that_is_not_there_are_told(project: Path) -> None:
    done = run(project, "search", "排水", "--internal", "--policies", "nowhere")
    assert done.returncode == 1
    assert "nowhere:1：没有这个文件夹，请用 --policies 指明政策库的位置。" in done.stderr


# The service


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_public_service_tells_nothing_internal(path: str, public: httpx.Client) -> None:
    for headers in ({}, BEARER):
        response = public.get(path, headers=headers)
        assert response.status_code == 200
        assert not has_note(response)
        assert "internal" not in response.text


def test_no_match_tells_anything_internal(local: httpx.Client, guarded: httpx.Client) -> None:
    for client in (local, guarded):
        asked = client.post("/api/match", json={"profile": {}}, headers=BEARER)
        assert asked.status_code == 200
        assert "新闻" not in asked.text


def test_on_its_own_computer_a_service_shows_notes(local: httpx.Client) -> None:
    assert local.get(SEARCH).json()["hits"][0]["internal"] == NOTE
    assert local.get(RECORD).json()["internal"] == NOTE
    assert "internal" not in local.get("/api/policies/plain").json()
    found = local.get("/api/search?q=金丝雀口径").json()["internal"]
    assert [hit["slug"] for hit in found["hits"]] == ["drainage"]


@pytest.mark.parametrize("path", [p for p in ENDPOINTS if p not in ENDPOINTS[:3]])
def test_only_search_and_record_show_notes(path: str, local: httpx.Client) -> None:
    assert not has_note(local.get(path))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "policy.example.gov.cn"},
        {"Host": "192.168.1.9:8000"},
        {"Host": "localhost.example.com"},
        {"Host": "127.0.0.1.example.com"},
        {"Host": "localhost@example.com"},
        {"Host": "[::1"},
        {"X-Forwarded-For": "10.0.0.7"},
        {"Forwarded": "for=10.0.0.7"},
        {"Via": "1.1 proxy"},
    ],
)
def test_without_a_token_what_comes_from_elsewhere_gets_the_public_answer(
    headers: dict[str, str], local: httpx.Client
) -> None:
    for path in (SEARCH, RECORD):
        response = local.get(path, headers=headers)
        assert response.status_code == 200
        assert "internal" not in response.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000"])
def test_the_names_of_this_computer_are_known(host: str, local: httpx.Client) -> None:
    assert local.get(RECORD, headers={"Host": host}).json()["internal"] == NOTE


def test_with_a_token_the_public_part_stays_without(
    guarded: httpx.Client, public: httpx.Client
) -> None:
    for path in (SEARCH, RECORD):
        ours, theirs = guarded.get(path), public.get(path)
        assert ours.status_code == 200
        assert "internal" not in ours.text
        assert ours.headers["etag"] == theirs.headers["etag"]
        assert ours.headers["cache-control"] == "no-cache"


def test_the_token_opens_the_notes(guarded: httpx.Client) -> None:
    assert guarded.get(SEARCH, headers=BEARER).json()["hits"][0]["internal"] == NOTE
    assert guarded.get(RECORD, headers=BEARER).json()["internal"] == NOTE
    lower = {"authorization": f"bearer {TOKEN}"}
    assert guarded.get(RECORD, headers=lower).json()["internal"] == NOTE


@pytest.mark.parametrize(
    "given",
    [
        [f"Bearer {TOKEN}x"],
        [f"Bearer {TOKEN[:-1]}"],
        ["Bearer"],
        [""],
        [TOKEN],
        [f"Basic {TOKEN}"],
        [f"Bearer {TOKEN} {TOKEN}"],
        [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
        ["Bearer 口令口令口令口令口令口令口令口令"],
    ],
)
def test_a_wrong_token_is_refused_in_chinese(given: list[str], guarded: httpx.Client) -> None:
    headers = [(b"Authorization", value.encode()) for value in given]
    for path in (SEARCH, RECORD, "/api/policies/nothing"):
        response = guarded.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["cache-control"] == "no-store"
        assert response.json() == {
            "errors": [
                {
                    "field": "Authorization",
                    "message": "口令不对，看不了内部备注；"
                    "请求头要写成“Authorization: Bearer 口令”。",
                }
            ]
        }


def test_an_answer_with_notes_is_kept_by_nobody(local: httpx.Client, guarded: httpx.Client) -> None:
    for client in (local, guarded):
        for path in (SEARCH, RECORD):
            inside = client.get(path, headers=BEARER)
            outside = client.get(path, headers={"Host": "x.example"} if client is local else {})
            assert inside.headers["cache-control"] == "no-store"
            assert "Authorization" in inside.headers["vary"]
            assert inside.headers["etag"] != outside.headers["etag"]
            known = {**BEARER, "If-None-Match": f"{outside.headers['etag']}, *"}
            assert client.get(path, headers=known).status_code == 200


def test_what_a_reader_with_a_token_gets_is_not_compressed(guarded: httpx.Client) -> None:
    wanted = {"Accept-Encoding": "gzip"}
    path = "/api/search?q=许可"
    assert guarded.get(path, headers=wanted).headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in guarded.get(path, headers={**wanted, **BEARER}).headers


def test_a_changed_note_is_told_with_the_new_index(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    access = Access(project / "policies", TOKEN)
    with (
        serve_app(project, DAY, access) as base,
        httpx.Client(base_url=base, headers=BEARER) as client,
    ):
        entry = project / "policies" / "drainage.md"
        entry.write_text(entry.read_text("utf-8").replace("金丝雀口径", "改过的口径"), "utf-8")
        first = client.get(RECORD)
        build_index(load_library(project / "policies"), project / "build/index")
        end = time.monotonic() + 20
        while "改过的口径" not in client.get(RECORD).text:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert client.get(RECORD).headers["etag"] != first.headers["etag"]


def test_a_library_with_a_mistake_does_not_stop_a_running_service(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    access = Access(project / "policies", TOKEN)
    with (
        serve_app(project, DAY, access) as base,
        httpx.Client(base_url=base, headers=BEARER) as client,
    ):
        client.get(RECORD)
        build_index(load_library(project / "policies"), project / "build/index", full=True)
        (project / "policies" / "drainage.md").write_text("坏了", encoding="utf-8")
        end = time.monotonic() + 20
        while client.get("/healthz").json()["generation"] == 1:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert client.get(RECORD).json()["internal"] == NOTE


# Starting


def start(project: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    folders = ("--index", "build/index", "--site", "build/site", "--port", "0")
    return subprocess.Popen(
        [sys.executable, search_server.__file__, *folders, *options],
        cwd=project,
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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--internal", "--host", "0.0.0.0"], "在 0.0.0.0 上提供服务，别的电脑也能访问"),
        (["--internal", "--token-file", "nothing"], "口令文件 nothing 读不出来"),
        (["--internal", "--token-file", "short"], "short 里的口令不合用（有 5 个字符）"),
        (["--token-file", "short"], "--token-file 只和 --internal 一起用。"),
        (["--internal", "--policies", "nowhere"], "nowhere:1：没有这个文件夹"),
    ],
)
def test_what_would_be_unsafe_is_refused_at_the_start(
    options: list[str], told: str, project: Path
) -> None:
    (project / "short").write_text("short\n", encoding="utf-8")
    service = start(project, *options)
    printed, _ = service.communicate(timeout=60)
    assert told in printed
    assert "Traceback" not in printed
    assert service.returncode == (1 if "nowhere" in options else 2)


def test_the_command_refuses_what_would_be_unsafe_as_well(project: Path) -> None:
    done = run(project, "serve", "--internal", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "policykb：在 0.0.0.0 上提供服务，别的电脑也能访问" in done.stderr
    done = run(project, "serve", "--token-file", "x", "--port", "0")
    assert done.returncode == 2
    assert "--token-file 只和 --internal 一起用。" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_computer_needs_no_token(host: str, tmp_path: Path) -> None:
    with listen(host, 0) as listener:
        assert open_access(tmp_path, None, listener).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_other_address_needs_one(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listen(host, 0) as listener, pytest.raises(AccessUnsafe, match="POLICYKB_TOKEN"):
        open_access(tmp_path, None, listener)
    monkeypatch.setenv("POLICYKB_TOKEN", TOKEN)
    with listen(host, 0) as listener:
        assert open_access(tmp_path, None, listener).token == TOKEN


def test_a_token_is_not_left_in_the_environment_nor_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYKB_TOKEN", f"{TOKEN}\n")
    assert read_token(None) == TOKEN
    assert "POLICYKB_TOKEN" not in os.environ
    assert TOKEN not in repr(Access(tmp_path, TOKEN))


@pytest.mark.parametrize("token", ["", "x" * 15, "口令" * 10, "two words of a token", "x" * 501])
def test_a_token_that_will_not_do_is_refused_without_being_shown(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    with pytest.raises(AccessUnsafe, match="不合用") as refused:
        read_token(file)
    assert not token or token not in str(refused.value)
    monkeypatch.setenv("POLICYKB_TOKEN", TOKEN)
    with pytest.raises(AccessUnsafe, match="不要都用"):
        read_token(file)


def test_two_processes_ask_for_the_token_and_print_nothing_of_it(project: Path) -> None:
    (project / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    service = start(project, "--internal", "--token-file", "token", "--workers", "2")
    try:
        assert service.stdout is not None
        base = service.stdout.readline().split("：", 1)[1].strip()
        told: list[dict[str, Any]] = []
        for _ in range(20):  # on a connection of its own each: any process may answer
            assert "internal" not in httpx.get(base + RECORD).text
            assert httpx.get(base + RECORD, headers={"Authorization": "x"}).status_code == 401
            told.append(httpx.get(base + RECORD, headers=BEARER).json())
        assert all(record["internal"] == NOTE for record in told)
        measured = httpx.get(f"{base}/metrics").text
        assert 'route="/api/policies/{slug}",status="401"' in measured
        for secret in (TOKEN, "金丝雀", "drainage"):
            assert secret not in measured
    finally:
        service.send_signal(signal.SIGTERM)
        printed, _ = service.communicate(timeout=30)
    assert printed == ""
