"""The service over a real socket: answers, errors in one shape, guarded pages, live reopening."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import quote

import anyio
import httpx
import pytest
import uvicorn
from factories import make_library, make_policy
from hypothesis import given, settings
from hypothesis import strategies as st

import search_server
from indexer import workers
from indexer.delivery import PackedFiles, digest_of_sources
from indexer.index import IndexMissing
from indexer.policy import Policy
from indexer.problems import LexiconError
from indexer.questions import load_questions
from indexer.synonyms import load_synonyms
from indexer.workers import MAX_HEAD
from indexer.writing import build_index

TODAY = date(2026, 11, 24)
PAGE = "<!doctype html><title>政策库</title><p>首页"
CANARY = "内部备注不外传"

LIBRARY = (
    make_policy(
        "road-excavation",
        title="挖掘城市道路审批",
        aliases=["挖马路"],
        topic=["市政道路"],
        level="national",
        internal=CANARY,
    ),
    make_policy(
        "loan-2022",
        title="创业担保贷款",
        kind="benefit",
        topic=["融资贷款"],
        effective="2022-01-01",
        expires="2025-12-31",
        superseded_by="loan-2026",
        body="收入 < 5000 & 支出 > 3000 都不是标记",
    ),
    make_policy(
        "loan-2026",
        title="创业担保贷款新办法",
        kind="benefit",
        topic=["融资贷款"],
        effective="2026-01-01",
        supersedes=["loan-2022"],
        internal=CANARY,
        eligibility=[
            {"text": "个体", "field": "entity_type", "op": "eq", "value": "个体工商户"},
            {
                "text": "开业不到三年",
                "field": "years_since_registration",
                "op": "lt",
                "value": "3",
                "unit": "年",
            },
        ],
    ),
)


class Service:
    """A running service and the folders behind it."""

    def __init__(self, base: str, index: Path, site: Path) -> None:
        self.index, self.site = index, site
        self.client = httpx.Client(base_url=base, timeout=30)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def rebuild(self, *policies: Policy) -> None:
        build_index(make_library(*policies, tmp_path=self.index.parent), self.index)


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    index, site = folder / "index", folder / "site"
    (site / "policies").mkdir(parents=True)
    (site / "index.html").write_text(PAGE, encoding="utf-8")
    (site / "404.html").write_text("<title>找不到</title>没有这个网页", encoding="utf-8")
    (folder / "secret.txt").write_text("秘密", encoding="utf-8")
    build_index(make_library(*LIBRARY, tmp_path=folder), index)
    app = search_server.make_app(index, site, today=lambda: TODAY)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", h11_max_incomplete_event_size=MAX_HEAD)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Service(f"http://127.0.0.1:{listener.getsockname()[1]}", index, site)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("service")) as started:
        yield started
        started.client.close()


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    with running(tmp_path) as started:
        yield started
        started.client.close()


def errors(response: httpx.Response) -> list[tuple[str, str]]:
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"errors"}
    return [(error["field"], error["message"]) for error in body["errors"]]


def raw_get(service: Service, target: str) -> bytes:
    """Ask for a target exactly as written: a client would tidy it up first."""
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    address = service.client.base_url.host, service.client.base_url.port or 80
    with socket.create_connection(address) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_search_answers_with_exactly_the_documented_fields(service: Service) -> None:
    answer = service.get("/api/search?q=挖马路").json()
    assert list(answer) == [
        "query",
        "total",
        "page",
        "size",
        "took_ms",
        "as_of",
        "hits",
        "confident",
        "facets",
        "suggestions",
    ]
    assert list(answer["query"]) == ["text", "normalized", "corrected", "pinned"]
    hit = answer["hits"][0]
    assert list(hit) == [
        "slug",
        "title",
        "url",
        "summary",
        "snippet",
        "score",
        "kind",
        "audience",
        "topic",
        "level",
        "issuer",
        "doc_number",
        "effective",
        "expires",
        "status",
    ]
    assert (hit["slug"], hit["url"]) == ("road-excavation", "/policies/road-excavation.html")
    assert answer["as_of"] == "2026-11-24"
    assert answer["facets"]["kind"][0] == {"value": "service", "label": "办事事项", "count": 1}


def test_the_status_is_that_of_the_day_asked(service: Service) -> None:
    def status(day: str) -> dict[str, str]:
        hits = service.get(f"/api/search?q=创业担保贷款&as_of={day}").json()["hits"]
        return {hit["slug"]: hit["status"] for hit in hits}

    assert status("2026-11-24") == {"loan-2022": "superseded", "loan-2026": "in_force"}
    assert status("2023-01-01") == {"loan-2022": "in_force", "loan-2026": "pending"}


def test_every_wrong_parameter_is_told_at_once_in_chinese(service: Service) -> None:
    response = service.get("/api/search?audience=company&pgae=2&size=999")
    assert response.status_code == 422
    assert sorted(errors(response)) == [
        ("audience", "只能是 citizen 或 enterprise，收到的是“company”。"),
        ("pgae", "没有这个参数。您是不是想写 page？"),
        ("size", "只能是 1 到 50 的整数，收到的是“999”。"),
    ]


@pytest.mark.parametrize("path", ["/api/suggest?x=1", "/api/policies?x=1", "/api/policies/a?x=1"])
def test_no_endpoint_passes_over_an_unknown_parameter(path: str, service: Service) -> None:
    assert [field for field, _ in errors(service.get(path))] == ["x"]


def test_a_query_of_10000_characters_gets_a_clear_refusal(service: Service) -> None:
    answer = raw_get(service, "/api/search?q=" + quote("字" * 10_000))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 422 ")
    (error,) = json.loads(body)["errors"]
    assert error["field"] == "q"
    assert error["message"].startswith("最多 200 个字，收到的有 10000 个字。")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "%00",
        "%ff%fe",
        "%ed%a0%80",
        "'\"><script>alert(1)</script>",
        "a AND (b OR",
        "*",
        "[1 TO",
        "😀😀",
        "的",
        "../../etc/passwd",
        "{{7*7}}",
        "%0a%0d",
        "title:x^9",
        "~~~",
        "-",
        "- -",
        "%22",
        "%22%22",
        "-%22",
        "%E2%80%9C",
        "(%3F%3C=x)+%5B%5E%5D",
        "'%20OR%201=1%20--",
        "%00%01%02",
        "paishui%00xuke",
        "\\",
    ],
)
def test_hostile_queries_get_an_answer_or_a_refusal_without_markup(
    query: str, service: Service
) -> None:
    response = service.get("/api/search?q=" + quote(query, safe="%"))
    assert response.status_code in (200, 422)
    for hit in response.json().get("hits", []):
        assert "<" not in hit["snippet"].replace("<mark>", "").replace("</mark>", "")


def test_markup_in_an_entry_is_escaped_in_its_snippet(service: Service) -> None:
    hits = service.get("/api/search?q=不是标记").json()["hits"]
    snippet = next(hit["snippet"] for hit in hits if hit["slug"] == "loan-2022")
    assert "&lt; 5000 &amp; 支出 &gt; 3000" in snippet
    assert "<mark>" in snippet


def test_suggestions_come_from_titles_and_aliases(service: Service) -> None:
    rows = service.get("/api/suggest?q=挖马").json()["suggestions"]
    assert rows == [
        {"text": "挖马路", "slug": "road-excavation", "url": "/policies/road-excavation.html"}
    ]


def test_the_public_record_holds_what_the_site_shows_and_nothing_internal(
    service: Service,
) -> None:
    response = service.get("/api/policies/road-excavation?as_of=2026-01-01")
    record = response.json()
    assert (record["title"], record["status"]) == ("挖掘城市道路审批", "in_force")
    assert CANARY not in response.text
    assert "internal" not in record


def test_the_list_of_policies_names_every_entry(service: Service) -> None:
    listed = service.get("/api/policies").json()
    assert listed["total"] == 3
    assert [(row["slug"], row["status"]) for row in listed["policies"]] == [
        ("loan-2022", "superseded"),
        ("loan-2026", "in_force"),
        ("road-excavation", "in_force"),
    ]


def test_an_unknown_entry_is_told_with_the_nearest_name(service: Service) -> None:
    response = service.get("/api/policies/road-excavatoin")
    assert response.status_code == 404
    assert errors(response) == [
        ("slug", "没有条目“road-excavatoin”。您是不是想写 road-excavation？")
    ]


def test_unknown_addresses_below_api_answer_in_the_one_shape(service: Service) -> None:
    response = service.get("/api/nothing")
    assert response.status_code == 404
    assert errors(response) == [("", "没有这个地址，请检查网址。")]


def test_a_wrong_method_is_told_in_chinese(service: Service) -> None:
    response = service.client.post("/api/search")
    assert response.status_code == 405
    assert errors(response) == [("", "这个地址不接受 POST 请求。")]


def test_a_too_large_body_is_refused(service: Service) -> None:
    response = service.client.post("/api/search", content=b"x" * (search_server.MAX_BODY + 1))
    assert response.status_code == 413
    assert errors(response)[0][1].startswith("请求内容太大")


def test_a_body_of_untold_size_is_refused(service: Service) -> None:
    response = service.client.post("/api/search", content=iter([b"x", b"y"]))
    assert response.status_code == 413


@pytest.mark.parametrize("path", ["/", "/nothing.html", "/api/search", "/healthz"])
def test_every_answer_forbids_inline_scripts_and_other_hosts(path: str, service: Service) -> None:
    headers = service.get(path).headers
    assert "script-src 'self'; style-src 'self';" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_a_missing_page_gets_the_sites_own_page(service: Service) -> None:
    response = service.get("/nothing.html")
    assert response.status_code == 404
    assert "没有这个网页" in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/policies/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/%00",
        "/" + "a" * 5000,
        "/policies/%2e%2e/%2e%2e/index/",
    ],
)
def test_nothing_outside_the_site_is_reachable(path: str, service: Service) -> None:
    answer = raw_get(service, path)
    assert answer.split(b" ", 2)[1] == b"404"
    assert "秘密".encode() not in answer


def test_a_link_out_of_the_site_is_not_followed(service: Service) -> None:
    (service.site / "leak.txt").symlink_to(service.site.parent / "secret.txt")
    assert service.get("/leak.txt").status_code == 404


def test_the_interface_describes_itself(service: Service) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    assert {"/api/search", "/api/suggest", "/api/policies", "/api/policies/{slug}", "/healthz"} <= (
        set(paths)
    )
    names = [p["name"] for p in paths["/api/search"]["get"]["parameters"]]
    assert names == [
        "q",
        "kind",
        "audience",
        "topic",
        "level",
        "region",
        "status",
        "benefit_mode",
        "sort",
        "page",
        "size",
        "as_of",
    ]


def test_health_and_metrics_tell_the_state_and_no_query(service: Service) -> None:
    service.get("/api/search?q=某人的问题")
    assert service.get("/healthz").json()["entries"] == 3
    metrics = service.get("/metrics").text
    assert 'policykb_requests_total{route="/api/search",status="200"}' in metrics
    assert "某人" not in metrics


def test_a_new_index_is_served_without_restart_and_without_a_failed_request(
    own_service: Service,
) -> None:
    seen: list[tuple[int, int]] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=own_service.client.base_url, timeout=30) as client:
            while not stop.is_set():
                response = client.get("/api/search?q=")
                seen.append((response.status_code, response.json().get("total", -1)))

    def was_seen(count: int) -> bool:
        return count in {total for _, total in seen}

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    try:
        for count in (4, 5, 6):
            more = [make_policy(f"new-{number}", title="新条目") for number in range(count - 3)]
            own_service.rebuild(*LIBRARY, *more)
            assert wait_for(partial(was_seen, count))
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    assert {status for status, _ in seen} == {200}
    assert {total for _, total in seen} <= {3, 4, 5, 6}


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_damaged_index_does_not_stop_a_running_service(own_service: Service) -> None:
    for file in own_service.index.iterdir():
        if file.is_file():
            file.write_bytes(b"")
    time.sleep(search_server.POLL_SECONDS * 2)
    assert own_service.get("/api/search?q=挖马路").json()["total"] >= 1


def test_serving_without_an_index_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="里没有索引，请先运行 policykb index。"):
        search_server.make_app(tmp_path / "none", None)


def test_a_mistake_in_the_lexicon_is_told_before_anything_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(make_library(*LIBRARY, tmp_path=tmp_path), tmp_path / "index")
    (tmp_path / "synonyms.yml").write_text("two_way: [道路\n", "utf-8")
    monkeypatch.setattr(
        "search_server.load_synonyms", lambda: load_synonyms(tmp_path / "synonyms.yml")
    )
    with pytest.raises(LexiconError, match="YAML 写错了"):
        search_server.make_app(tmp_path / "index", None)


def test_serving_without_a_site_says_what_to_run(tmp_path: Path) -> None:
    build_index(make_library(*LIBRARY, tmp_path=tmp_path), tmp_path / "index")
    with pytest.raises(search_server.SiteMissing, match="里没有网站，请先运行 policykb site。"):
        search_server.make_app(tmp_path / "index", tmp_path / "site")


# Matching

TOO_LARGE = ("headcount", "这个数太大，或者不是数，请核对。")


def ask(service: Service, body: object) -> httpx.Response:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return service.client.post("/api/match", content=content)


def test_a_match_answers_with_exactly_the_documented_fields(service: Service) -> None:
    profile = {"audience": "企业", "entity_type": "个体户", "成立日期": "2023-11-25"}
    response = ask(service, {"profile": profile})
    answer = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert list(answer) == [
        "as_of",
        "audience",
        "likely",
        "more_information",
        "not_eligible",
        "questions",
    ]
    assert (answer["as_of"], answer["audience"]) == ("2026-11-24", ["enterprise"])
    (found,) = answer["likely"]
    assert list(found) == [
        "slug",
        "title",
        "url",
        "summary",
        "outcome",
        "conditions",
        "unchecked",
        "missing",
        "reasons",
        "estimates",
        "deadline",
        "days_left",
    ]
    assert (found["slug"], found["outcome"]) == ("loan-2026", "likely")
    assert [row["outcome"] for row in found["conditions"]] == [True, True]
    assert CANARY not in response.text


def test_a_match_is_judged_on_the_day_asked(service: Service) -> None:
    profile = {"entity_type": "个体户", "registration_date": "2023-11-25"}
    later = ask(service, {"profile": profile, "as_of": "2026-11-25"}).json()
    assert [row["slug"] for row in later["not_eligible"]] == ["loan-2026"]
    earlier = ask(service, {"profile": {}, "as_of": "2025-06-01"}).json()
    assert [row["slug"] for row in earlier["more_information"]] == ["loan-2022"]


def test_what_is_not_known_is_asked_next(service: Service) -> None:
    answer = ask(service, {"profile": {"audience": "企业", "entity_type": "不清楚"}}).json()
    (found,) = answer["more_information"]
    assert found["missing"] == ["entity_type", "registration_date"]
    assert [row["key"] for row in answer["questions"]] == ["entity_type", "registration_date"]
    assert answer["questions"][0]["question"] == "您的单位是什么性质？"


def test_every_wrong_answer_is_told_at_once(service: Service) -> None:
    profile = {"headcuont": 3, "headcount": -1, "registration_date": "2027-01-01"}
    response = ask(service, {"profile": profile})
    assert response.status_code == 422
    assert errors(response) == [
        ("headcuont", "没有这个问题。您是不是想写 headcount？"),
        ("headcount", "不能小于 0 人，看到的是“-1”。"),
        (
            "registration_date",
            "日期要在 1900-01-01 到 2026-11-24 之间，看到的是“2027-01-01”。",
        ),
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, ("profile", "要写成“问题: 回答”的形式，一行一项，最多 300 项。")),
        ({"profile": []}, ("profile", "要写成“问题: 回答”的形式，一行一项，最多 300 项。")),
        ({"profle": {}}, ("profle", "没有这一项。您是不是想写 profile？")),
        ({"profile": {}, "as_of": 3}, ("as_of", "要写成日期，例如“2026-11-24”。")),
        ({"profile": {}, "as_of": "2026-02-30"}, ("as_of", None)),
        ({"profile": {"headcount": {"value": [1]}}}, ("headcount", None)),
        ({"profile": {"headcount": 1e308}}, TOO_LARGE),
        ('{"profile": {"headcount": 1e-99999999999999999999999}}', TOO_LARGE),
        ('{"profile": {"headcount": 1e99999999999999999999999}}', TOO_LARGE),
        ('{"profile": {"headcount": %s}}' % ("9" * 4000), TOO_LARGE),
        ('{"profile": {"\\ud800": "\\ud800"}}', ("", None)),
        ('{"profile": {"industry": "\\ud800\\u0000"}}', ("industry", None)),
        ('{"\\ud800": 1}', ("", "没有这一项。")),
    ],
)
def test_a_hostile_profile_gets_a_clear_refusal(
    service: Service, body: object, told: tuple[str, str | None]
) -> None:
    response = ask(service, body)
    assert response.status_code == 422
    ((field, message),) = errors(response)
    assert field == told[0]
    assert told[1] in (None, message)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"profile",
        b"[]",
        b"\xff\xfe{}",
        b'{"profile": {"headcount": NaN}}',
        b'{"profile": {"headcount": Infinity}}',
        b'{"profile": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"profile": {"headcount": ' + b"9" * 20_000 + b"}}",
    ],
)
def test_a_body_that_is_no_json_object_is_refused(service: Service, body: bytes) -> None:
    response = ask(service, body)
    assert response.status_code == 400
    ((field, message),) = errors(response)
    assert field == ""
    assert message.startswith("请求内容要写成 UTF-8 的 JSON，例如")


@pytest.mark.parametrize("depth", [3, 100, 900, 990])
def test_a_deeply_nested_answer_is_refused_without_being_quoted(
    service: Service, depth: int
) -> None:
    nested = b'{"profile": {"headcount": ' + b"[" * depth + b"]" * depth + b"}}"
    response = ask(service, nested)
    assert response.status_code in (400, 422)
    assert "[[" not in response.text


def test_one_question_answered_twice_is_told(service: Service) -> None:
    response = ask(service, '{"profile": {"headcount": 3, "age": 1, "headcount": 4}}')
    assert response.status_code == 422
    assert errors(response) == [("headcount", "写了两遍。")]


keys = st.sampled_from([*load_questions().by_key, "profile", "as_of"]) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(keys, values, max_size=4) | st.fixed_dictionaries({"profile": values}))
def test_no_body_whatever_breaks_the_service(service: Service, body: object) -> None:
    response = ask(service, json.dumps(body))
    assert response.status_code in (200, 400, 422)
    if response.status_code != 200:
        errors(response)


def test_a_profile_of_too_many_bytes_is_refused(service: Service) -> None:
    response = ask(service, {"profile": {"industry": "x" * search_server.MAX_BODY}})
    assert response.status_code == 413
    errors(response)


def test_the_questions_can_be_had_for_one_audience(service: Service) -> None:
    every = service.get("/api/questions").json()["questions"]
    keys = [row["key"] for row in every]
    assert keys[:2] == ["audience", "region"]
    for_people = service.get("/api/questions?audience=citizen").json()["questions"]
    assert "age" in [row["key"] for row in for_people]
    assert "headcount" not in [row["key"] for row in for_people]
    assert service.get("/api/questions?audience=company").status_code == 422


def test_the_body_of_a_match_is_described(service: Service) -> None:
    post = service.get("/openapi.json").json()["paths"]["/api/match"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["profile"]
    assert "headcount" in schema["properties"]["profile"]["properties"]


def test_nothing_of_a_profile_is_printed_measured_or_written(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(PAGE, encoding="utf-8")
    build_index(make_library(*LIBRARY, tmp_path=tmp_path), tmp_path / "index")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    started = start(tmp_path, "--port", "0")
    assert started.stdout is not None
    address = started.stdout.readline().split("：", 1)[1].strip()
    try:
        marks = {"headcount": 271828, "registration_date": "1931-04-15", "industry": "建筑业"}
        wrong = {"industry": "保密的行业", "secretkey": "保密"}
        assert httpx.post(f"{address}/api/match", json={"profile": marks}).status_code == 200
        assert httpx.post(f"{address}/api/match", json={"profile": wrong}).status_code == 422
        assert httpx.post(f"{address}/api/match", content="保密").status_code == 400
        metrics = httpx.get(f"{address}/metrics").text
    finally:
        started.terminate()
        printed, _ = started.communicate(timeout=30)
    assert 'route="/api/match",status="200"' in metrics
    for secret in ("271828", "1931", "建筑业", "保密", "secretkey"):
        assert secret not in metrics
        assert secret not in printed
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_an_unforeseen_failure_is_told_without_its_details(
    own_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("/home/user/secret/path")

    monkeypatch.setattr(search_server, "search", fail)
    response = own_service.get("/api/search?q=x")
    assert response.status_code == 500
    assert errors(response) == [("", "服务出错了，请稍后再试；急事请拨打 12345。")]
    assert json.loads(response.text)


# Caches

TAGGED = (
    "/api/search?q=挖马路",
    "/api/suggest?q=挖马",
    "/api/policies",
    "/api/policies/road-excavation",
    "/api/questions",
)


def tag(service: Service, path: str) -> str:
    return str(service.get(path).headers["etag"])


def ask_again(service: Service, path: str, *known: str) -> httpx.Response:
    headers = [("If-None-Match", line) for line in known]
    return service.client.get(path, headers=headers)


@pytest.mark.parametrize("path", TAGGED)
def test_a_client_that_has_the_answer_is_told_so_and_no_more(path: str, service: Service) -> None:
    first = service.get(path)
    again = ask_again(service, path, first.headers["etag"])
    assert first.headers["etag"].startswith('W/"')
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "vary", "content-security-policy"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["vary"] == "Accept-Encoding"


def test_a_client_that_has_the_answer_causes_no_search(
    own_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    path = "/api/search?q=挖马路"
    known = tag(own_service, path)
    monkeypatch.setattr(search_server, "search", fail)
    assert ask_again(own_service, path, known).status_code == 304
    assert ask_again(own_service, path, '"another"').status_code == 500


@pytest.mark.parametrize(
    "spell",
    [
        lambda known: [known.removeprefix("W/")],
        lambda known: ["*"],
        lambda known: [f'"a, b" , {known},"c"'],
        lambda known: ['"a"', known],
    ],
)
def test_a_tag_is_known_however_the_client_names_it(
    spell: Callable[[str], list[str]], service: Service
) -> None:
    path = "/api/search?q=挖马路"
    assert ask_again(service, path, *spell(tag(service, path))).status_code == 304


@pytest.mark.parametrize("known", ['"a"', 'W/"a", "*"', "", "a", '"', "W/", "**"])
def test_another_tag_gets_the_answer(known: str, service: Service) -> None:
    assert ask_again(service, "/api/search?q=挖马路", known).json()["total"] >= 1


def test_what_is_asked_decides_the_tag_and_not_how_it_is_written(service: Service) -> None:
    one = tag(service, "/api/search?q=创业&kind=benefit&size=5")
    assert tag(service, "/api/search?size=5&kind=benefit&q=%E5%88%9B%E4%B8%9A") == one
    others = ["q=创业", "q=创业&kind=rule&size=5", "q=创业&kind=benefit&size=5&page=2"]
    others += [f"q=创业&kind=benefit&size=5&as_of=2026-11-{day}" for day in (23, 25)]
    tags = [tag(service, f"/api/search?{other}") for other in others]
    assert len({one, *tags, *(tag(service, path) for path in TAGGED)}) == 1 + 5 + len(TAGGED)


@pytest.mark.parametrize("path", ["/api/policies/road-excavation", "/api/policies"])
def test_another_day_has_another_tag(path: str, service: Service) -> None:
    assert tag(service, path) == tag(service, f"{path}?as_of=2026-11-24")
    assert tag(service, path) != tag(service, f"{path}?as_of=2026-11-25")


def test_a_new_index_has_new_tags(own_service: Service) -> None:
    known = {path: tag(own_service, path) for path in TAGGED}
    own_service.rebuild(*LIBRARY, make_policy("new", title="新条目"))
    assert wait_for(lambda: own_service.get("/healthz").json()["entries"] == 4)
    for path, old in known.items():
        assert ask_again(own_service, path, old).status_code == 200


def test_the_first_generation_of_two_indexes_has_two_tags(tmp_path: Path) -> None:
    with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        assert one.get("/healthz").json() == two.get("/healthz").json()
        assert tag(one, TAGGED[0]) != tag(two, TAGGED[0])
        one.client.close()
        two.client.close()


def test_a_changed_word_list_changes_the_tags(tmp_path: Path) -> None:
    words = tmp_path / "pins.yml"
    words.write_text("- {}\n", "utf-8")
    before = digest_of_sources(words)
    assert digest_of_sources(words) == before
    words.write_text("- {queries: []}\n", "utf-8")
    assert digest_of_sources(words) != before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/search?pgae=1", 422),
        ("/api/policies/nothing", 404),
        ("/api/nothing", 404),
        ("/nothing.html", 404),
    ],
)
def test_an_error_has_no_tag_and_is_never_at_hand(path: str, status: int, service: Service) -> None:
    for response in (service.get(path), ask_again(service, path, "*")):
        assert response.status_code == status
        assert "etag" not in response.headers


def test_what_follows_from_somebodys_answers_is_kept_nowhere(service: Service) -> None:
    body = {"profile": {"headcount": 3}}
    response = service.client.post("/api/match", json=body, headers={"If-None-Match": "*"})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


# Compression


def in_bytes(service: Service, path: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """Return an answer as it comes over the wire."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with service.client.stream("GET", path, headers=sent) as response:
        return response.headers, b"".join(response.iter_raw())


@pytest.mark.parametrize(
    "path", ["/api/policies", "/api/questions", "/openapi.json", "/words.js", "/nothing.html"]
)
def test_a_compressed_answer_says_the_same(path: str, service: Service) -> None:
    (service.site / "words.js").write_text("政策 " * 1000, "utf-8")
    (service.site / "404.html").write_text("没有这个网页" * 200, "utf-8")
    plain, content = in_bytes(service, path, accept_encoding="identity")
    packed, smaller = in_bytes(service, path, accept_encoding="br, gzip;q=0.5")
    assert "content-encoding" not in plain
    assert packed["content-encoding"] == "gzip"
    assert gzip.decompress(smaller) == content
    assert len(smaller) < len(content)
    assert packed["vary"] == "Accept-Encoding"
    assert packed["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("wanted", ["gzip;q=0", "gzip; q=0.00, *", "br", "gzipped", ""])
def test_a_client_that_takes_no_gzip_gets_none(wanted: str, service: Service) -> None:
    (service.site / "words.js").write_text("政策 " * 1000, "utf-8")
    for path in ("/api/questions", "/words.js"):
        headers, _ = in_bytes(service, path, accept_encoding=wanted)
        assert "content-encoding" not in headers
        assert headers["vary"] == "Accept-Encoding"


def test_what_gains_nothing_is_not_compressed(service: Service) -> None:
    (service.site / "picture.png").write_bytes(b"\x89PNG" * 1000)
    (service.site / "letters.woff2").write_bytes(b"wOF2" * 1000)
    (service.site / "form.docx").write_bytes(b"PK" * 1000)
    for path in ("/picture.png", "/letters.woff2", "/form.docx", "/healthz", "/"):
        headers, _ = in_bytes(service, path, accept_encoding="gzip")
        assert "content-encoding" not in headers


def test_a_compressed_file_is_known_by_its_tag_and_does_not_claim_other_bytes(
    service: Service,
) -> None:
    (service.site / "words.js").write_text("政策 " * 1000, "utf-8")
    plain, _ = in_bytes(service, "/words.js", accept_encoding="identity")
    packed, _ = in_bytes(service, "/words.js", accept_encoding="gzip")
    assert plain["etag"].startswith('"')
    assert packed["etag"] == "W/" + plain["etag"]
    for known in (plain["etag"], packed["etag"]):
        assert ask_again(service, "/words.js", known).status_code == 304


def test_a_file_is_compressed_again_only_when_it_has_changed(service: Service) -> None:
    file = service.site / "often.js"
    file.write_text("a" * 5000, "utf-8")
    seen = file.stat()
    assert service.get("/often.js").text == "a" * 5000
    file.write_text("b" * 5000, "utf-8")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # as if nothing had changed
    assert service.get("/often.js").text == "a" * 5000
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))
    assert service.get("/often.js").text == "b" * 5000


def test_compressed_files_are_kept_while_they_fit(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.js" for number in range(3)]
    for file in files:
        file.write_bytes(os.urandom(1000))
    packed = PackedFiles(limit=2500)

    async def ask(number: int) -> bytes:
        return await packed.get(str(files[number]), files[number].stat())

    async def ask_all() -> None:
        first = await ask(0)
        await ask(1)
        assert await ask(0) is first
        await ask(2)  # now the second one, which was not asked for again, must go
        assert await ask(0) is first
        second = await ask(1)
        assert gzip.decompress(second) == files[1].read_bytes()
        assert packed.size <= 2500

    with ThreadPoolExecutor(1) as pool:  # in this thread the browser's loop may be running
        pool.submit(anyio.run, ask_all).result()


def test_no_part_of_an_answer_waits_until_the_part_before_is_confirmed() -> None:
    with (
        workers.listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# Files of the site

MATERIAL = "assets/javascripts/bundle.a5f9d56c.min.js"


NEARLY = (
    "assets/search.js",
    "assets/a.min.js",
    "bundle.a5f9d56c.min.js",
    f"policies/{MATERIAL}",
    f"{MATERIAL}.map",
)


@pytest.fixture
def site_of_material(service: Service) -> Service:
    for name in (MATERIAL, *NEARLY):
        file = service.site / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("0123456789" * 1000, "utf-8")
    return service


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_file_named_by_its_content_is_kept_for_ever(
    encoding: str, site_of_material: Service
) -> None:
    headers, _ = in_bytes(site_of_material, f"/{MATERIAL}", accept_encoding=encoding)
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    again = ask_again(site_of_material, f"/{MATERIAL}", headers["etag"])
    assert again.status_code == 304
    assert again.headers["cache-control"] == headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        *(f"/{name}" for name in NEARLY),
        "/assets/javascripts/bundle.00000000.min.js",
        f"/{MATERIAL}/more",
        "/assets/..%2findex.html",
        "/index.html?assets/a.a5f9d56c.min.js",
        "/assets/javascripts/a.a5f9d56c.min.js/../../../index.html",
    ],
)
def test_every_other_file_is_asked_for_again(path: str, site_of_material: Service) -> None:
    head = raw_get(site_of_material, path).partition(b"\r\n\r\n")[0].lower()
    assert b"cache-control: no-cache" in head
    assert b"immutable" not in head


def test_a_part_of_a_file_is_sent_as_it_is(site_of_material: Service) -> None:
    headers, content = in_bytes(
        site_of_material, f"/{MATERIAL}", accept_encoding="gzip", range="bytes=3-6"
    )
    assert (headers["content-range"], content) == ("bytes 3-6/10000", b"3456")
    assert "content-encoding" not in headers
    whole = in_bytes(
        site_of_material,
        f"/{MATERIAL}",
        accept_encoding="gzip",
        range="bytes=3-6",
        if_range='"older"',
    )
    assert gzip.decompress(whole[1]) == b"0123456789" * 1000
    assert whole[0]["etag"].startswith("W/")


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_the_head_of_a_file_tells_what_the_file_would(
    encoding: str, site_of_material: Service
) -> None:
    wanted = {"Accept-Encoding": encoding}
    head = site_of_material.client.head("/assets/search.js", headers=wanted)
    full, content = in_bytes(site_of_material, "/assets/search.js", accept_encoding=encoding)
    assert head.content == b""
    assert head.headers["content-length"] == str(len(content))
    for name in ("etag", "last-modified", "content-type", "cache-control", "vary"):
        assert head.headers[name] == full[name]


def test_a_failure_is_guarded_and_counted(
    own_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(search_server, "suggest", fail)
    response = own_service.get("/api/suggest?q=x")
    assert response.headers["x-frame-options"] == "DENY"
    counted = 'policykb_requests_total{route="/api/suggest",status="500"} 1.0'
    # A connection is closed after a failure.
    assert counted in httpx.get(f"{own_service.client.base_url}/metrics").text


# Several processes


class Processes:
    """A service of two processes, started as an operator does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.counts = folder, folder / "tmp"
        self.counts.mkdir()
        (folder / "site").mkdir()
        (folder / "site" / "index.html").write_text(PAGE, encoding="utf-8")
        self.rebuild(*LIBRARY)
        self.started = start(folder, "--port", "0", "--workers", "2", TMPDIR=str(self.counts))
        assert self.started.stdout is not None
        self.base = self.started.stdout.readline().split("：", 1)[1].strip()

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask on a connection of its own, so that any process may answer."""
        return httpx.get(self.base + path, headers=headers, timeout=30)

    def rebuild(self, *policies: Policy) -> None:
        build_index(make_library(*policies, tmp_path=self.folder), self.folder / "index")

    def answering(self) -> set[int]:
        """Return the processes that have answered a request."""
        return {int(path.stem.split("_")[1]) for path in self.counts.glob("*/counter_*.db")}

    def ask_until(self, condition: Callable[[], bool]) -> None:
        """Ask on several connections at once until it is so."""
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end
            with httpx.Client(base_url=self.base) as one, httpx.Client(base_url=self.base) as two:
                askers = [
                    threading.Thread(target=client.get, args=["/api/policies"])
                    for client in (one, two, one, two)
                ]
                for asker in askers:
                    asker.start()
                for asker in askers:
                    asker.join()


def start(folder: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, search_server.__file__, "--index", "index", "--site", "site", *options],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(search_server.__file__).parent),
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    service = Processes(tmp_path)
    try:
        yield service
    finally:
        service.started.terminate()
        service.started.communicate(timeout=30)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_processes_answer_and_tell_one_sum_and_one_tag(processes: Processes) -> None:
    processes.ask_until(lambda: len(processes.answering()) == 2)
    assert processes.started.pid not in processes.answering()
    tags = {processes.get("/api/search?q=挖马路").headers["etag"] for _ in range(20)}
    assert len(tags) == 1
    for _ in range(5):  # whichever process is asked
        metrics = processes.get("/metrics").text
        assert 'policykb_requests_total{route="/api/search",status="200"} 20.0' in metrics
        assert "policykb_entries 3.0" in metrics
        assert "policykb_index_generation 1.0" in metrics


def test_both_processes_find_a_new_index(processes: Processes) -> None:
    processes.ask_until(lambda: len(processes.answering()) == 2)
    processes.rebuild(*LIBRARY, make_policy("new", title="新条目"))

    def both_have() -> bool:
        return {processes.get("/healthz").json()["entries"] for _ in range(10)} == {4}

    processes.ask_until(both_have)
    assert len({processes.get("/api/search?q=新").headers["etag"] for _ in range(10)}) == 1


def test_a_process_that_dies_is_replaced(processes: Processes) -> None:
    processes.ask_until(lambda: len(processes.answering()) == 2)
    first, second = sorted(processes.answering())
    os.kill(first, signal.SIGKILL)
    processes.ask_until(lambda: len(processes.answering()) == 3)
    assert is_running(second)
    assert processes.get("/api/search?q=挖马路").json()["total"] == 1


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_all_processes_stop_together_and_leave_nothing(
    processes: Processes, told: signal.Signals
) -> None:
    processes.ask_until(lambda: len(processes.answering()) == 2)
    answering = processes.answering()
    processes.started.send_signal(told)
    printed, _ = processes.started.communicate(timeout=30)
    assert printed == ""
    assert processes.started.returncode == 0
    assert not any(is_running(pid) for pid in answering)
    assert list(processes.counts.iterdir()) == []
    with pytest.raises(httpx.ConnectError):
        processes.get("/healthz")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--workers", "0"], "只能是正整数，收到的是“0”"),
        (["--workers", "many"], "只能是正整数，收到的是“many”"),
        (["--workers", "2"], "search_server：index 里没有索引，请先运行 policykb index。\n"),
    ],
)
def test_what_is_wrong_is_told_before_any_process_starts(
    options: list[str], told: str, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text(PAGE, encoding="utf-8")
    service = start(tmp_path, "--port", "0", *options)
    printed, _ = service.communicate(timeout=30)
    assert told in printed
    assert service.returncode == 2
