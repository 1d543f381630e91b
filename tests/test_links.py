"""Links: real servers on several local hosts, and what is said of each address over the days."""

import gzip
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from browser import serve_app
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from factories import SMALLEST, make_library, make_policy

from indexer.links import (
    Ledger,
    LinkRecord,
    LinksUnreadable,
    Outcome,
    Records,
    Sighting,
    State,
    find_addresses,
    find_findings,
    note,
    read_records,
    resting_hosts,
    save_records,
)
from indexer.reads import ReadsError, read_reads
from indexer.visits import Manners, Question, Visit, is_inner_name, is_outside, visit_all
from indexer.webtext import digest_page, looks_gone, read_page
from indexer.writing import build_index

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 30)
QUICK = Manners(
    pause=0, backoff=0.05, timeout=5, deadline=5, agent="policykb/1 (+http://10.1.2.3/)"
)
HTML = "text/html; charset=utf-8"
ARTICLE = "<title>办法</title><p>申请人应当自受理之日起十五个工作日内提交材料。</p>"

Answer = Callable[["_Handler"], None]


@dataclass
class Request:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    begun: float
    ended: float = 0.0


@dataclass
class Host:
    """A local site whose pages a test writes."""

    address: str
    pages: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"{self.address}{path}"

    def asked(self, path: str) -> list[str]:
        return [request.method for request in self.requests if request.path == path]


class _Handler(BaseHTTPRequestHandler):
    host: Host

    def _answer(self) -> None:
        request = Request(self.command, self.path, dict(self.headers), time.monotonic())
        self.host.requests.append(request)
        with suppress(OSError):  # whoever asked has hung up
            self.host.pages.get(self.path, says(404, "没有"))(self)
        request.ended = time.monotonic()

    do_GET = do_HEAD = _answer  # noqa: N815 - the names that the library calls

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def says(status: int = 200, body: str | bytes = ARTICLE, **headers: str) -> Answer:
    """Return an answer that is always the same."""
    data = body.encode() if isinstance(body, str) else body

    def answer(handler: _Handler) -> None:
        handler.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": HTML, "Content-Length": str(len(data)), **named}
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)

    return answer


def one_after_another(*answers: Answer) -> Answer:
    """Return answers in turn, the last of them for good; HEAD takes no turn."""
    left = list(answers)

    def answer(handler: _Handler) -> None:
        turn = len(left) > 1 and handler.command == "GET"
        (left.pop(0) if turn else left[0])(handler)

    return answer


@contextmanager
def open_host(number: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> Iterator[Host]:
    host = Host("")
    handler = type("Handler", (_Handler,), {"host": host})
    with ThreadingHTTPServer((number, 0), handler) as server:
        server.daemon_threads = True
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        host.address = f"http{'s' if context else ''}://{number}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield host
        server.shutdown()
        thread.join()


@pytest.fixture
def host() -> Iterator[Host]:
    with open_host() as opened:
        yield opened


@pytest.fixture
def other() -> Iterator[Host]:
    with open_host("127.0.0.2") as opened:
        yield opened


def visit(
    *urls: str,
    named: tuple[str, ...] = ("127.0.0.1",),
    manners: Manners = QUICK,
    records: Records | None = None,
) -> dict[str, Visit]:
    questions = [Question(url, (records or {}).get(url)) for url in urls]
    return {found.url: found for found in visit_all(questions, frozenset(named), manners, TODAY)}


def look(url: str, **given: Any) -> Sighting:
    return visit(url, **given)[url].seen


def record_of(url: str, **given: Any) -> LinkRecord:
    return note(None, look(url, **given), TODAY)


# One address


def test_a_page_is_asked_for_its_head_and_then_its_text(host: Host) -> None:
    host.pages["/a"] = says(ETag='"1"')
    seen = look(host.url("/a"))
    assert (seen.outcome, seen.status, seen.etag) == (Outcome.SEEN, 200, '"1"')
    assert host.asked("/a") == ["HEAD", "GET"]
    assert {request.headers["User-Agent"] for request in host.requests} == {QUICK.agent}


@pytest.mark.parametrize("status", [404, 410])
def test_what_the_site_says_is_gone_is_dead_at_once(host: Host, status: int) -> None:
    host.pages["/a"] = says(status, "没有")
    assert record_of(host.url("/a")).state is State.DEAD


@pytest.mark.parametrize("method", ["/405", "/hang-up"])
def test_a_server_that_takes_no_head_is_asked_for_the_page(host: Host, method: str) -> None:
    def answer(handler: _Handler) -> None:
        if handler.command == "GET":
            says()(handler)
        elif method == "/405":
            says(405, "")(handler)
        else:
            handler.connection.close()

    host.pages["/a"] = answer
    assert look(host.url("/a")).outcome is Outcome.SEEN


def test_a_permanent_redirect_tells_the_new_address(host: Host) -> None:
    host.pages["/old"] = says(301, "", Location="/new")
    host.pages["/new"] = says(308, "", Location="/newest")
    host.pages["/newest"] = says(302, "", Location="/for-now")
    host.pages["/for-now"] = says()
    record = record_of(host.url("/old"))
    assert (record.state, record.moved_to) == (State.MOVED, host.url("/newest"))


def test_a_redirect_for_now_is_followed_and_told_nothing(host: Host) -> None:
    host.pages["/a"] = says(302, "", Location="/b")
    host.pages["/b"] = says()
    record = record_of(host.url("/a"))
    assert (record.state, record.moved_to) == (State.OK, None)


def test_a_redirect_that_goes_round_and_round_ends(host: Host) -> None:
    host.pages["/a"] = says(302, "", Location="/a")
    seen = look(host.url("/a"))
    assert (seen.outcome, seen.message) == (Outcome.FAILED, "转来转去，没有个头")


@pytest.mark.parametrize(
    "body",
    [
        "<title>404</title>",
        "<p>抱歉，您访问的页面不存在或已删除</p>",
        "<p>您要查看的文章已被删除。</p>",
        "<p>找不到您要访问的网页</p>",
    ],
)
def test_a_page_that_says_it_is_gone_is_believed_whatever_its_status(host: Host, body: str) -> None:
    host.pages["/a"] = says(200, body)
    assert record_of(host.url("/a")).state is State.DEAD


def test_a_long_page_may_speak_of_pages_that_are_gone(host: Host) -> None:
    host.pages["/a"] = says(200, f"<p>{'网站应当及时更新信息。' * 50}页面不存在的要说明。</p>")
    assert look(host.url("/a")).outcome is Outcome.SEEN


def test_the_number_of_a_document_is_no_status(host: Host) -> None:
    host.pages["/a"] = says(200, "<title>某政发〔2024〕404 号</title><p>通知如下。</p>")
    assert look(host.url("/a")).outcome is Outcome.SEEN


def test_marks_that_never_end_take_no_time_to_read() -> None:
    begun = time.monotonic()
    for piece in ("<a", "<!--", "</", "<title>x<b>", "<nav>", "<script>", "<a b='"):
        read_page((piece * (2**20 // len(piece))).encode(), HTML)
    assert time.monotonic() - begun < 60


def test_a_page_that_ends_at_the_home_page_is_gone(host: Host) -> None:
    host.pages["/art/1.html"] = says(302, "", Location="/")
    host.pages["/"] = host.pages["/index.html"] = says()
    assert record_of(host.url("/art/1.html")).message == "转到了网站的首页，原来的网页多半不在了"
    host.pages["/"] = says(302, "", Location="/index.html")
    assert record_of(host.url("/")).state is State.OK


def test_a_large_file_is_known_by_its_marks_alone(host: Host) -> None:
    host.pages["/a.pdf"] = says(200, b"%PDF" + b"x" * 100, Content_Type="application/pdf")
    small = Manners(pause=0, largest=50)
    first = look(host.url("/a.pdf"), manners=small)
    assert host.asked("/a.pdf") == ["HEAD"]
    host.pages["/a.pdf"] = says(200, b"%PDF" + b"x" * 101, Content_Type="application/pdf")
    assert look(host.url("/a.pdf"), manners=small).digest != first.digest


def test_a_gzip_bomb_is_not_unpacked_beyond_the_limit(host: Host) -> None:
    bomb = gzip.compress(b"\0" * 200 * 2**20)
    kind = "application/octet-stream"
    host.pages["/a"] = says(200, bomb, Content_Encoding="gzip", Content_Type=kind)
    assert look(host.url("/a")).digest == digest_page(bytes(QUICK.largest), kind)


def test_broken_gzip_is_a_failure(host: Host) -> None:
    host.pages["/a"] = says(200, b"nothing packed", Content_Encoding="gzip")
    seen = look(host.url("/a"))
    assert (seen.outcome, seen.message) == (Outcome.FAILED, "答复太慢、中断，或者不成样子")


def test_a_server_that_drips_its_answer_is_cut_off(host: Host) -> None:
    def drip(handler: _Handler) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000:
            handler.wfile.write(bytes([letter]))
            handler.wfile.flush()
            time.sleep(0.05)

    host.pages["/a"] = drip
    begun = time.monotonic()
    hurried = Manners(pause=0, backoff=0, attempts=1, timeout=2, deadline=0.5)
    assert look(host.url("/a"), manners=hurried).outcome is Outcome.FAILED
    assert time.monotonic() - begun < 5


# Politeness


def test_a_server_in_trouble_is_asked_again(host: Host) -> None:
    host.pages["/a"] = one_after_another(says(500, "坏了"), says())
    assert look(host.url("/a")).outcome is Outcome.SEEN
    assert host.asked("/a") == ["HEAD", "GET"] * 2


def test_a_server_that_stays_in_trouble_is_not_called_dead(host: Host) -> None:
    host.pages["/a"] = says(503, "坏了")
    record = record_of(host.url("/a"))
    assert (record.state, record.message) == (State.UNKNOWN, "网站回 503")
    assert host.asked("/a").count("GET") == QUICK.attempts


def test_retry_after_is_waited_for(host: Host) -> None:
    host.pages["/a"] = one_after_another(says(429, "太快", Retry_After="1"), says())
    assert look(host.url("/a")).outcome is Outcome.SEEN
    first, second = (r for r in host.requests if (r.path, r.method) == ("/a", "GET"))
    assert second.begun - first.ended >= 0.9


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_host_that_wants_rest_until_another_day_gets_it(host: Host, form: str) -> None:
    later = datetime.now(UTC) + timedelta(days=2, minutes=5)
    text = "172900" if form == "seconds" else f"{later:%a, %d %b %Y %H:%M:%S} GMT"
    host.pages["/a"] = host.pages["/b"] = says(503, "", Retry_After=text)
    found = visit(host.url("/a"), host.url("/b"))
    assert list(found) == [host.url("/a")]
    assert found[host.url("/a")].seen.not_before == TODAY + timedelta(days=3)
    assert host.asked("/b") == []


@pytest.mark.parametrize("status", [401, 403, 412, 451, 521])
def test_a_site_that_lets_no_program_in_never_counts_as_dead(host: Host, status: int) -> None:
    host.pages["/a"] = says(status, "不行")
    seen, record = look(host.url("/a")), None
    for day in range(10):
        record = note(record, seen, TODAY + timedelta(days=day))
    assert record is not None
    assert record.state is State.UNKNOWN


def test_a_host_that_wants_rest_is_not_asked_before_its_day() -> None:
    seen = Sighting(Outcome.REFUSED, 503, not_before=TODAY + timedelta(days=2))
    records = {"http://a.cn/1": note(None, seen, TODAY)}
    days = [TODAY + timedelta(days=n) for n in range(3)]
    assert [resting_hosts(records, day) for day in days] == [{"a.cn"}, {"a.cn"}, set()]


def test_one_host_is_asked_one_thing_at_a_time_with_a_pause(host: Host, other: Host) -> None:
    for site in (host, other):
        for path in ("/a", "/b", "/c"):
            site.pages[path] = says()
    urls = [site.url(path) for path in ("/a", "/b", "/c") for site in (host, other)]
    visit(*urls, named=("127.0.0.1", "127.0.0.2"), manners=Manners(pause=0.1))
    for site in (host, other):
        assert [r.path for r in site.requests if r.method == "GET"] == [
            "/robots.txt",
            "/a",
            "/b",
            "/c",
        ]
        between = zip(site.requests, site.requests[1:], strict=False)
        assert all(later.begun - earlier.begun >= 0.09 for earlier, later in between)
    # Two hosts are asked side by side.
    assert other.requests[0].begun < host.requests[-1].begun
    assert host.requests[0].begun < other.requests[-1].begun


def test_robots_txt_is_heeded(host: Host) -> None:
    host.pages["/robots.txt"] = says(
        200, "User-agent: policykb\nDisallow: /inner\n", Content_Type="text/plain"
    )
    host.pages["/inner/a"] = host.pages["/b"] = says()
    seen = look(host.url("/inner/a"))
    assert (seen.outcome, seen.message) == (Outcome.REFUSED, "网站的 robots.txt 不让程序看")
    assert host.asked("/inner/a") == []
    assert look(host.url("/b")).outcome is Outcome.SEEN


def test_a_site_whose_robots_txt_fails_is_not_entered(host: Host) -> None:
    host.pages["/robots.txt"] = says(500, "")
    host.pages["/a"] = says()
    assert look(host.url("/a")).message == "robots.txt 看不到（网站回 500）"
    assert host.asked("/a") == []


def test_a_host_that_is_down_is_tried_for_one_address_only() -> None:
    with open_host() as gone:
        urls = [gone.url(f"/{n}") for n in range(20)]
    begun = time.monotonic()
    slow = Manners(pause=0, backoff=0.3, attempts=2)
    found = visit(*urls, manners=slow)
    assert {f.seen.message for f in found.values()} == {"连不上"}
    assert len(found) == 20
    assert time.monotonic() - begun < 3


# Inside and outside


def test_nothing_leads_inside_unless_an_entry_names_it(host: Host, other: Host) -> None:
    host.pages["/a"] = says(302, "", Location=other.url("/secret"))
    other.pages["/secret"] = says()
    seen = look(host.url("/a"))
    assert (seen.outcome, seen.message) == (Outcome.REFUSED, "转到了单位内部的地址，没有去看")
    assert other.requests == []
    both = ("127.0.0.1", "127.0.0.2")
    assert look(host.url("/a"), named=both).outcome is Outcome.SEEN


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0x7f000002/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1/\x9b31m",
        "http://127.0.0.1/" + "a" * 3000,
    ],
)
def test_a_redirect_inside_is_refused_in_every_disguise(host: Host, location: str) -> None:
    host.pages["/a"] = says(301, "", Location=location)
    seen = look(host.url("/a"))
    assert seen.outcome is Outcome.REFUSED
    assert seen.moved_to is None


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("8.8.8.8", True),
        ("2400:3200::1", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("::ffff:10.1.2.3", False),
        ("2002:0a01:0203::1", False),
    ],
)
def test_what_lies_outside(address: str, outside: bool) -> None:
    assert is_outside(ip_address(address)) is outside


def test_inner_hosts_are_numbers_and_bare_names() -> None:
    assert [h for h in ("10.1.2.3", "oa", "8.8.8.8", "www.gov.cn") if is_inner_name(h)] == [
        "10.1.2.3",
        "oa",
    ]


def test_a_certificate_that_nobody_vouches_for_is_a_failure(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = tmp_path / "own.pem"
    file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with open_host(context=context) as host:
        host.pages["/a"] = says()
        seen = look(host.url("/a"))
    assert seen.outcome is Outcome.FAILED
    assert seen.message.startswith("网站的证书不对")
    assert host.requests == []


# Text that changes


def test_only_what_is_meant_to_be_read_counts_as_changed(host: Host) -> None:
    def page(sentence: str, noise: str) -> Answer:
        frame = f"<nav>这是第 {noise} 期。</nav><script>var t={noise!r}</script>"
        frame += f"<!-- 第 {noise} 次生成。 --><li>今日新闻{noise}</li>"
        return says(200, f"{frame}<p>{sentence}</p><p>浏览次数：{noise}</p>")

    url = host.url("/a")
    host.pages["/a"] = page("应当在 15 个工作日内决定。", "1")
    records = {url: record_of(url)}
    host.pages["/a"] = page("应当在 15 个工作日内决定。", "2")
    records[url] = note(records[url], look(url, records=records), TODAY + timedelta(days=1))
    assert records[url].changed is None
    host.pages["/a"] = page("应当在 10 个工作日内决定。", "2")
    records[url] = note(records[url], look(url, records=records), TODAY + timedelta(days=2))
    assert records[url].changed == TODAY + timedelta(days=2)
    assert records[url].state is State.OK


def test_a_page_is_only_sent_again_once_it_has_changed(host: Host) -> None:
    since = "Mon, 30 Nov 2026 00:00:00 GMT"

    def answer(handler: _Handler) -> None:
        known = handler.headers["If-None-Match"] == '"1"'
        assert not known or handler.headers["If-Modified-Since"] == since
        says(304, "")(handler) if known else says(ETag='"1"', Last_Modified=since)(handler)

    host.pages["/a"] = answer
    url = host.url("/a")
    first = record_of(url)
    host.requests.clear()
    second = note(first, look(url, records={url: first}), TODAY + timedelta(days=1))
    assert host.asked("/a") == ["HEAD"]
    assert (second.state, second.status, second.digest) == (State.OK, 304, first.digest)
    assert second.etag == '"1"'


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("<p>政府采购。</p>".encode("gb18030"), "text/html; charset=gb2312"),
        ("<meta charset=gbk><p>政府采购。</p>".encode("gbk"), "text/html"),
        ("<p>政府采购。</p>".encode("gb18030"), "text/html"),
        ("<p>政府采购。</p>".encode(), "text/html; charset=idna"),
        ("<p>政府采购。</p>".encode(), ""),
    ],
)
def test_pages_are_read_in_the_encodings_they_come_in(data: bytes, kind: str) -> None:
    page = read_page(data + b"<html>", kind or "text/html")
    assert page.sentences == "政府采购。"
    assert digest_page(data, kind or "text/html") == digest_page(
        "政府采购。".encode(), "text/plain"
    )


def test_a_page_of_half_open_marks_is_still_read() -> None:
    page = read_page("<html><nav><ul><li>首页<p>菜单</nav><p>应当决定。<b>马上".encode(), HTML)
    assert page.sentences == "应当决定。马上"
    assert looks_gone(page) is None


# Over the days


FAILED = Sighting(Outcome.FAILED, None, "连不上")
SEEN = Sighting(Outcome.SEEN, 200, digest="1")
GONE = Sighting(Outcome.GONE, 404, "网页不在了（网站回 404）")


def test_an_address_is_dead_only_after_failures_on_three_different_days() -> None:
    days = (0, 0, 1, 1, 5)
    states, record = [], None
    for day in days:
        record = note(record, FAILED, TODAY + timedelta(days=day))
        states.append(record.state)
    assert states == [State.UNKNOWN] * 4 + [State.DEAD]


def test_one_success_makes_good_for_all_failures() -> None:
    record = note(note(None, FAILED, TODAY), FAILED, TODAY + timedelta(days=1))
    record = note(record, SEEN, TODAY + timedelta(days=2))
    assert (record.state, record.failures) == (State.OK, ())
    assert note(record, FAILED, TODAY + timedelta(days=3)).state is State.UNKNOWN


def test_a_failure_leaves_what_was_known_of_the_text() -> None:
    record = note(note(None, SEEN, TODAY), FAILED, TODAY + timedelta(days=1))
    assert record.digest == "1"


def test_where_nothing_answers_nothing_is_held_against_anybody() -> None:
    ledger = Ledger({}, frozenset(), TODAY)
    ledger.take("http://a.cn/", FAILED)
    ledger.take("http://b.cn/", GONE)  # a gateway answers so for everybody
    assert (ledger.records, ledger.unproven) == ({}, (FAILED, GONE))
    ledger.take("http://c.cn/", SEEN)
    ledger.take("http://d.cn/", FAILED)
    assert sorted(ledger.records) == [f"http://{name}.cn/" for name in "abcd"]
    assert ledger.unproven == ()


def test_an_inner_host_that_answers_proves_nothing_of_the_outside() -> None:
    ledger = Ledger({}, frozenset({"10.1.2.3"}), TODAY)
    ledger.take("http://10.1.2.3/", SEEN)
    ledger.take("http://a.cn/", FAILED)
    assert list(ledger.records) == ["http://10.1.2.3/"]


# What entries name, and what follows


def test_every_field_that_names_an_address_is_looked_at_once(tmp_path: Path) -> None:
    policy = make_policy(
        "permit",
        sources=[{"title": "甲", "url": "http://a.cn/s#part"}],
        documents=[{"title": "乙", "url": "http://a.cn/d"}],
        materials=[{"name": "申请表", "template_url": "http://a.cn/t"}],
        counter=[{"name": "窗口", "url": "http://a.cn/c"}],
        contact=[{"name": "热线", "url": "http://a.cn/s"}],
        body="见[网页](http://a.cn/b)和 http://a.cn/e. 为准。",
        internal="http://a.cn/internal",
    )
    addresses = find_addresses(make_library(policy, tmp_path=tmp_path))
    assert sorted(a.url for a in addresses) == [f"http://a.cn/{x}" for x in "bcdest"]
    places = {a.url: [p.field for p in a.places] for a in addresses}
    assert places["http://a.cn/s"] == ["contact.1.url", "sources.1.url"]


def test_what_is_read_most_comes_first_else_what_is_done_at_the_counter(tmp_path: Path) -> None:
    library = make_library(
        *(
            make_policy(slug, kind=kind, sources=[{"title": slug, "url": f"http://{slug}.cn/"}])
            for slug, kind in {"rule": "rule", "loan": "benefit", "road": "service"}.items()
        ),
        tmp_path=tmp_path,
    )

    def hosts(reads: dict[str, int]) -> list[str]:
        return [address.host for address in find_addresses(library, reads)]

    assert hosts({}) == ["road.cn", "loan.cn", "rule.cn"]
    assert hosts({"rule": 9, "road": 3}) == ["rule.cn", "road.cn", "loan.cn"]


@pytest.mark.parametrize(("reviewed", "told"), [("2026-11-29", 1), ("2026-11-30", 0)])
def test_a_change_is_told_until_the_entry_has_been_reviewed(
    reviewed: str, told: int, tmp_path: Path
) -> None:
    source = [{"title": "甲", "url": "http://a.cn/"}]
    library = make_library(
        make_policy("loan", sources=source, reviewed=reviewed), tmp_path=tmp_path
    )
    record = LinkRecord(checked=TODAY, state=State.OK, changed=TODAY)
    found = list(find_findings(find_addresses(library), {"http://a.cn/": record}))
    assert [f.message for f in found] == ["2026-11-30 发现内容变了。"] * told


def test_what_no_program_may_see_is_handed_to_a_person_after_three_days(tmp_path: Path) -> None:
    library = make_library(
        make_policy("loan", sources=[{"title": "甲", "url": "http://a.cn/"}]), tmp_path=tmp_path
    )
    refused = Sighting(Outcome.REFUSED, 403, "网站不让程序看（回 403）")
    record, told = None, []
    for day in range(3):
        record = note(record, refused, TODAY + timedelta(days=day))
        found = list(find_findings(find_addresses(library), {"http://a.cn/": record}))
        told.append([f.message for f in found])
    assert told == [[], [], ["程序看不了：网站不让程序看（回 403）。"]]


def test_what_was_seen_is_read_back_and_damage_is_told(tmp_path: Path) -> None:
    file = tmp_path / "links.json"
    assert read_records(file) == {}
    records = {"http://a.cn/": note(None, SEEN, TODAY)}
    save_records(file, records)
    assert read_records(file) == records
    for text in ("{", "[]", '{"version": 9, "links": {}}', '{"version": 1, "links": {"a": 1}}'):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(LinksUnreadable, match="坏了，读不出来，从头开始记"):
            read_records(file)


# How often entries are read


def test_reads_come_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text("\ufeffslug,reads\nroad,3\nloan,12\nroad,1\n", encoding="utf-8")
    assert read_reads(file) == {"road": 4, "loan": 12}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("条目,次数\nroad,3\n", "第一行要写列名 slug,reads，看到的是“条目,次数”。"),
        ("slug,reads\nroad,很多\n", "reads.csv:2：要写条目名和次数，例如 road-excavation,120"),
        ("slug,reads\n" + "=1,1\n" * 9, "还有 4 行也是这样。"),
        ("policykb_entry_reads_total{slug=\n", "不像服务的 /metrics"),
    ],
)
def test_mistakes_in_a_table_of_reads_are_told(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ReadsError) as caught:
        read_reads(file)
    assert told in str(caught.value)


def test_the_service_counts_readers_of_entries_and_of_nothing_else(tmp_path: Path) -> None:
    library = make_library(make_policy("loan"), tmp_path=tmp_path)
    site = tmp_path / "build" / "site"
    (site / "policies").mkdir(parents=True)
    for name in ("index.html", "policies/loan.html"):
        (site / name).write_text("<p>页面</p>", encoding="utf-8")
    build_index(library, tmp_path / "build" / "index")
    with serve_app(tmp_path, TODAY) as address:
        tag = httpx.get(f"{address}policies/loan.html").headers["etag"]
        httpx.get(f"{address}policies/loan.html", headers={"If-None-Match": tag})
        httpx.head(f"{address}policies/loan.html")
        for path in ("policies/made-up.html", "policies/%2e%2e/index.html", "index.html"):
            httpx.get(address + path)
        metrics = httpx.get(f"{address}metrics").text
    told = [line for line in metrics.splitlines() if line.startswith("policykb_entry_reads_total")]
    assert told == ['policykb_entry_reads_total{slug="loan"} 2.0']
    (tmp_path / "metrics.txt").write_text(metrics, encoding="utf-8")
    assert read_reads(tmp_path / "metrics.txt") == {"loan": 2}


# The command


def write_project(folder: Path, **urls: str) -> None:
    (folder / "policies").mkdir()
    (folder / "mkdocs.yml").write_text("site_url: http://10.1.2.3/\n", encoding="utf-8")
    for slug, url in urls.items():
        source = {"id": "A", "title": "办法", "url": url}
        head = {**SMALLEST, "title": slug, "sources": [source]}
        text = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
        file = folder / "policies" / f"{slug}.md"
        file.write_text(f"---\n{text}---\n\n正文。\n", encoding="utf-8")


def start(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "indexer", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    done = start(folder, *words)
    said, complained = done.communicate(timeout=120)
    return done.returncode, said, complained


def test_the_command_says_where_what_is_wrong_and_what_to_do(host: Host, tmp_path: Path) -> None:
    host.pages["/good"] = says()
    host.pages["/moved"] = says(301, "", Location="/good")
    write_project(tmp_path, good=host.url("/good"), gone=host.url("/gone"), old=host.url("/moved"))
    code, said, complained = run(tmp_path, "links", "--pause", "0")
    assert (code, complained) == (1, "")
    assert f"policies/gone.md:13 sources.1.url：{host.url('/gone')} 打不开：网页不在了" in said
    assert f"{host.url('/moved')} 搬到了 {host.url('/good')}。" in said
    assert "条目里有 3 个网址，这次看了 3 个。现在：正常 1，搬走 1，打不开 1，说不准 0" in said
    assert host.requests[0].headers["User-Agent"].endswith("(+http://10.1.2.3/)")

    host.requests.clear()
    code, said, _ = run(tmp_path, "links", "--pause", "0")
    assert (code, host.requests) == (1, [])
    assert "这次看了 0 个" in said
    code, said, _ = run(tmp_path, "links", "--pause", "0", "--again", "--only", "good", "--json")
    assert code == 0
    assert {r.path for r in host.requests} == {"/robots.txt", "/good"}
    told = json.loads(said)
    assert (told["asked"], told["states"]["ok"], told["findings"]) == (1, 1, [])
    assert len(read_records(tmp_path / "build" / "links.json")) == 3

    code, said, _ = run(tmp_path, "worklist", "--json")
    whats = [task["what"] for owner in json.loads(said)["owners"] for task in owner["tasks"]]
    assert "打开看看是不是原来的内容，是就换成新网址" in whats


def test_on_a_closed_network_nothing_is_called_dead(tmp_path: Path) -> None:
    write_project(tmp_path, loan="http://127.0.0.1:9/a", road="http://www.policykb.invalid/")
    code, said, _ = run(tmp_path, "links", "--pause", "0")
    assert code == 0
    assert said == "没有连上任何一个网站，可能不能上外网；什么也没有记成打不开。\n"
    assert read_records(tmp_path / "build" / "links.json") == {}


def test_a_gateway_that_answers_for_everybody_makes_nothing_dead(
    host: Host, tmp_path: Path
) -> None:
    write_project(tmp_path, loan=host.url("/a"), road="http://www.policykb.invalid/")
    code, said, _ = run(tmp_path, "links", "--pause", "0")
    assert (code, said) == (0, "没有一个网站好好答复，可能不能上外网；什么也没有记成打不开。\n")


def test_an_interrupted_run_keeps_what_it_has_seen(host: Host, tmp_path: Path) -> None:
    def never(handler: _Handler) -> None:
        time.sleep(60)

    host.pages["/a"] = says()
    host.pages["/b"] = never
    write_project(tmp_path, a=host.url("/a"), b=host.url("/b"))
    running = start(tmp_path, "links", "--pause", "0")
    while not host.asked("/b"):
        time.sleep(0.05)
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, complained = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "看过的 1 个已经记下，下次接着看。" in complained
    assert list(read_records(tmp_path / "build" / "links.json")) == [host.url("/a")]


def test_a_damaged_file_is_started_afresh(host: Host, tmp_path: Path) -> None:
    host.pages["/a"] = says()
    write_project(tmp_path, a=host.url("/a"))
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "links.json").write_text("{", encoding="utf-8")
    code, _, complained = run(tmp_path, "links", "--pause", "0")
    assert code == 0
    assert "links.json 坏了，读不出来，从头开始记。" in complained
    assert len(read_records(tmp_path / "build" / "links.json")) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "laon"], "没有条目“laon”。您是不是想写 loan？"),
        (["--reads", "没有.csv"], "没有.csv 读不出来"),
        (["--pause", "很久"], "--pause：只能是 0 到 60 的整数"),
    ],
)
def test_wrong_use_exits_2(words: list[str], told: str, tmp_path: Path) -> None:
    write_project(tmp_path, loan="http://127.0.0.1:9/")
    code, _, complained = run(tmp_path, "links", *words)
    assert code == 2
    assert told in complained


def test_without_the_extra_the_command_says_how_to_install_it(tmp_path: Path) -> None:
    write_project(tmp_path, loan="http://127.0.0.1:9/")
    program = (
        "import sys; sys.modules['httpx'] = None; from indexer.cli import main; main(['links'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 2
    assert "没有装看网址要用的 httpx" in done.stderr
    assert "pip install -e '.[links]'" in done.stderr
