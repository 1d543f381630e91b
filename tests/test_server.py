"""The service over a real socket: answers, errors in one shape, guarded pages, live reopening."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from factories import make_library, make_policy
from hypothesis import given, settings
from hypothesis import strategies as st

import search_server
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
    started = subprocess.Popen(
        [
            sys.executable,
            search_server.__file__,
            "--index",
            "index",
            "--site",
            "site",
            "--port",
            "0",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(search_server.__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
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
