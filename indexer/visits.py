"""Visits to addresses (去看网址): politely, within limits, never into the inside of a network."""

import random
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
from queue import Empty, SimpleQueue
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import httpx

from indexer.links import LinkRecord, Outcome, Sighting, host_of
from indexer.problems import printable
from indexer.webtext import digest_page, is_text, looks_gone, read_page

ROBOT = "policykb"  # as robots.txt may name us
PERMANENT, FOR_NOW = (301, 308), (302, 303, 307)
COME_BACK = (408, 425, 429, 500, 502, 503, 504)  # may be well again in a moment
GONE = (404, 410)
# 412 and 521 are what guards of Chinese sites answer to whoever runs no scripts.
NOT_FOR_PROGRAMS = (401, 402, 403, 407, 412, 418, 429, 451, 521)
HOME = ("", "/", "/index.html", "/index.htm", "/index.shtml", "/index.jsp", "/index.php", "/home")
LONGEST_ADDRESS = 2000  # characters, as in an entry
MOST_ADDRESSES = 3  # of one host that are tried


@dataclass(frozen=True)
class Manners:
    """How gently and for how long it asks (礼貌)."""

    agent: str = ROBOT
    hosts: int = 4  # asked at the same time
    pause: float = 1.0  # seconds between two requests to one host
    attempts: int = 3
    backoff: float = 2.0  # seconds before the second attempt, twice as many before the next
    longest_wait: float = 60.0  # seconds; a site that asks for more is asked another day
    timeout: float = 10.0  # seconds until something comes
    deadline: float = 30.0  # seconds until everything has come
    largest: int = 2 * 2**20  # bytes of an answer that are read
    redirects: int = 5


@dataclass(frozen=True)
class Question:
    """An address to ask, and what is known of it."""

    url: str
    known: LinkRecord | None = None


@dataclass(frozen=True)
class Visit:
    """What came of one address."""

    url: str
    seen: Sighting


class Failed(Exception):
    """Nothing could be seen, which may be the network's fault; the words are for people."""


class Down(Failed):
    """The host itself cannot be reached: its other addresses need not be asked."""


class NotForUs(Exception):
    """It may not be looked at: the site does not want it, or it leads inside."""


class Busy(Exception):
    """The host wants to be left alone until a day."""

    def __init__(self, status: int, until: date) -> None:
        super().__init__(f"网站请我们 {until} 再来")
        self.status, self.until = status, until


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes = b""

    @property
    def content_type(self) -> str:
        kind: str = self.headers.get("content-type", "")
        return kind


def visit_all(
    questions: Sequence[Question], named: frozenset[str], manners: Manners, today: date
) -> Iterator[Visit]:
    """Ask every address and yield what came of it, as it comes.

    One host is asked one thing at a time, in the given order; `named` are the inner hosts that
    entries name themselves. Whoever stops taking answers stops the asking.
    """
    by_host: dict[str, list[Question]] = {}
    for question in questions:
        by_host.setdefault(host_of(question.url), []).append(question)
    visits: SimpleQueue[Visit | None] = SimpleQueue()
    web = _Web(named, manners, today)

    def ask(host: str) -> None:
        try:
            for visit in web.visit_host(by_host[host]):
                visits.put(visit)
        finally:
            visits.put(None)

    pool = ThreadPoolExecutor(manners.hosts, "visit")
    try:
        running = [pool.submit(ask, host) for host in by_host]
        left = len(running)
        while left:
            visit = _next(visits)
            if visit is None:
                left -= 1
            else:
                yield visit
        for asked in running:
            asked.result()  # raises what went wrong in our own code
    finally:
        web.halt()
        pool.shutdown(wait=True, cancel_futures=True)
        web.close()


def _next(visits: "SimpleQueue[Visit | None]") -> Visit | None:
    """Return what comes next; on Windows only a wait that ends lets Ctrl+C through."""
    while True:
        try:
            return visits.get(timeout=1)
        except Empty:
            continue


class _Line:
    """The connection of one request, which can be cut from outside."""

    def __init__(self) -> None:
        self._stream: Any = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of the connection; once it is encrypted, it is another."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._stream = info["return_value"]

    def cut(self) -> None:
        """Break the connection off: whoever waits for it waits no more."""
        wire = self._stream and self._stream.get_extra_info("socket")
        if wire:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)


@dataclass
class _Host:
    """What is kept of one host during a run."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    next_turn: float = 0.0
    pause: float = 0.0
    down: str = ""
    robots: dict[str, RobotFileParser | None] = field(default_factory=dict)


class _Web:
    """The web as one run sees it."""

    def __init__(self, named: frozenset[str], manners: Manners, today: date) -> None:
        self.stop = threading.Event()
        self._named, self._manners, self._today = named, manners, today
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()
        self._lines: set[_Line] = set()
        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()  # an office may have authorities of its own
        self._client = httpx.Client(
            verify=context,
            trust_env=False,  # behind a proxy it could not be told where an address leads
            follow_redirects=False,
            timeout=manners.timeout,
            # A connection belongs to the name it was made for, and all are made to numbers.
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={
                "User-Agent": manners.agent,
                "Accept": "text/html,*/*;q=0.5",
                "Accept-Language": "zh-CN,zh;q=0.9",
                "Accept-Encoding": "gzip",
            },
        )

    def halt(self) -> None:
        """Let nothing more be asked, and break off what is being asked."""
        self.stop.set()
        for line in list(self._lines):
            line.cut()

    def close(self) -> None:
        """Close what is still open."""
        self._client.close()

    def visit_host(self, questions: Sequence[Question]) -> Iterator[Visit]:
        """Yield what came of the addresses of one host, one after the other."""
        for question in questions:
            if self.stop.is_set():
                return
            try:
                yield self._visit(question)
            except Busy as busy:
                seen = Sighting(Outcome.REFUSED, busy.status, str(busy), not_before=busy.until)
                yield Visit(question.url, seen)
                return

    def _visit(self, question: Question) -> Visit:
        try:
            seen = self._look(question)
        except NotForUs as reason:
            seen = Sighting(Outcome.REFUSED, message=str(reason))
        except Failed as error:
            seen = Sighting(Outcome.FAILED, message=str(error))
        except (httpx.InvalidURL, ValueError):
            seen = Sighting(Outcome.FAILED, message="网址写得不对，打不开")
        return Visit(question.url, seen)

    def _look(self, question: Question) -> Sighting:
        """Follow an address to its end and say what stands there."""
        current, moved_to, permanent = question.url, None, True
        asked = _conditions(question.known)
        for _ in range(self._manners.redirects + 1):
            self._heed_robots(current)
            answer = self._fetch(current, asked)
            if answer.status not in PERMANENT + FOR_NOW or "location" not in answer.headers:
                return _judge(question, current, moved_to, answer)
            current = _target(current, answer.headers["location"])
            permanent = permanent and answer.status in PERMANENT
            moved_to = current if permanent else moved_to
        raise Failed("转来转去，没有个头")

    def _fetch(self, url: str, asked: Mapping[str, str], head: bool = True) -> _Answer:
        """Ask until there is an answer, a few times at most, waiting as long as the site wants."""
        host = self._host(host_of(url))
        for attempt in range(1, self._manners.attempts + 1):
            wait = self._manners.backoff * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
            last = attempt == self._manners.attempts
            try:
                answer = self._head_then_get(url, asked) if head else self._ask("GET", url, asked)
            except Failed as error:
                if last and isinstance(error, Down):
                    host.down = str(error)
                if last or host.down or self.stop.is_set():
                    raise
            else:
                if answer.status not in COME_BACK:
                    return answer
                wanted = self._retry_after(answer)
                if wanted > self._manners.longest_wait:
                    raise Busy(answer.status, self._day_after(wanted))
                if last:
                    return answer
                wait = max(wait, wanted)
            host.next_turn = max(host.next_turn, time.monotonic() + wait)
        raise AssertionError("there is at least one attempt")

    def _head_then_get(self, url: str, asked: Mapping[str, str]) -> _Answer:
        """Ask whether it has changed and how large it is, then for what it says.

        Of what is too large only the marks are looked at.
        """
        try:
            head = self._ask("HEAD", url, asked)
        except Down:
            raise
        except Failed:  # some servers hang up on HEAD
            return self._ask("GET", url, asked)
        if head.status == HTTPStatus.NOT_MODIFIED or head.status in PERMANENT + FOR_NOW:
            return head
        size = head.headers.get("content-length", "")
        if head.status == HTTPStatus.OK and size.isdecimal() and int(size) > self._manners.largest:
            marks = (size, head.headers.get("etag", ""), head.headers.get("last-modified", ""))
            return _Answer(head.status, head.headers, "\n".join(marks).encode())
        return self._ask("GET", url, asked)

    def _ask(self, method: str, url: str, asked: Mapping[str, str]) -> _Answer:
        """Make one request, when it is the host's turn."""
        name = host_of(url)
        host = self._host(name)
        if host.down:
            raise Down(host.down)
        with self._turn(host):
            error: Exception = Down("没有这个网站（域名查不到）")
            for address in self._addresses(name, url):
                try:
                    return self._request(method, url, address, asked)
                except httpx.ConnectError as failure:
                    error = Down(_why_not_connected(failure))
                except httpx.ConnectTimeout:
                    error = Down("连不上，等了很久没有回应")
                except httpx.TimeoutException:
                    raise Failed("等了很久没有回应") from None
                except (httpx.HTTPError, zlib.error):
                    raise Failed("答复太慢、中断，或者不成样子") from None
            raise error

    def _request(
        self, method: str, url: str, address: IPv4Address | IPv6Address, asked: Mapping[str, str]
    ) -> _Answer:
        """Make one request to the very address that was looked at, so that no name leads astray."""
        target = httpx.URL(url).copy_with(username=None, password=None)
        line = _Line()
        request = self._client.build_request(
            method,
            target.copy_with(host=str(address)),
            headers={**asked, "Host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": target.raw_host.decode("ascii"), "trace": line.trace},
        )
        with self._watched(line):
            response = self._client.send(request, stream=True)
            try:
                body = b"" if method == "HEAD" else self._read(response)
            finally:
                response.close()
        return _Answer(response.status_code, response.headers, body)

    @contextmanager
    def _watched(self, line: _Line) -> Iterator[None]:
        """Cut a connection that takes too long, however busy it looks, or when all is stopped."""
        timer = threading.Timer(self._manners.deadline, line.cut)
        timer.daemon = True
        self._lines.add(line)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._lines.discard(line)

    def _read(self, response: httpx.Response) -> bytes:
        """Return what is said, unpacked, as far as it is not too much."""
        limit = self._manners.largest
        packed = response.headers.get("content-encoding", "identity").lower() in ("gzip", "x-gzip")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
        body = bytearray()
        for chunk in response.iter_raw():
            room = limit - len(body)
            body += unpack.decompress(chunk, room) if packed else chunk[:room]
            if len(body) >= limit:
                break
        return bytes(body)

    def _addresses(self, name: str, url: str) -> Sequence[IPv4Address | IPv6Address]:
        """Return the numbers of a host; raise NotForUs where it leads inside unasked."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            infos = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return ()
        found = dict.fromkeys(ip_address(str(info[4][0]).partition("%")[0]) for info in infos)
        if name not in self._named and not all(map(is_outside, found)):
            raise NotForUs("转到了单位内部的地址，没有去看")
        # A machine without IPv6 may still be told its numbers.
        return sorted(found, key=lambda address: address.version)[:MOST_ADDRESSES]

    @contextmanager
    def _turn(self, host: _Host) -> Iterator[None]:
        """Wait until the host may be asked again, and keep others from asking it meanwhile."""
        with host.lock:
            while not self.stop.is_set():
                wait = host.next_turn - time.monotonic()
                if wait <= 0:
                    break
                self.stop.wait(wait)
            if self.stop.is_set():
                raise Failed("中止了")
            try:
                yield
            finally:
                pause = max(self._manners.pause, host.pause)
                host.next_turn = max(host.next_turn, time.monotonic() + pause)

    def _host(self, name: str) -> _Host:
        with self._lock:
            return self._hosts.setdefault(name, _Host())

    def _heed_robots(self, url: str) -> None:
        """Raise NotForUs where robots.txt does not want the address seen."""
        host = self._host(host_of(url))
        origin = urljoin(url, "/robots.txt")
        if origin not in host.robots:
            host.robots[origin] = self._read_robots(origin)
        rules = host.robots[origin]
        if rules is None:
            return
        if not rules.can_fetch(ROBOT, url):
            raise NotForUs("网站的 robots.txt 不让程序看")
        delay = rules.crawl_delay(ROBOT)
        host.pause = min(float(delay or 0), self._manners.longest_wait)

    def _read_robots(self, url: str) -> RobotFileParser | None:
        """Return the rules of a site, None where it has none (RFC 9309)."""
        for _ in range(self._manners.redirects + 1):
            answer = self._fetch(url, {}, head=False)
            if answer.status in PERMANENT + FOR_NOW and "location" in answer.headers:
                url = _target(url, answer.headers["location"])
                continue
            if answer.status >= 500:
                raise Failed(f"robots.txt 看不到（网站回 {answer.status}）")
            if answer.status != HTTPStatus.OK or "html" in answer.content_type:
                return None
            rules = RobotFileParser()
            rules.parse(answer.body.decode("utf-8", "replace").splitlines())
            return rules
        return None

    def _retry_after(self, answer: _Answer) -> float:
        """Return for how many seconds the site wants to be left alone."""
        text = answer.headers.get("retry-after", "").strip()
        if text.isdecimal():
            return float(min(int(text[:9]), 366 * 86400))
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())

    def _day_after(self, seconds: float) -> date:
        """Return the first day on which so many seconds are over for sure."""
        return self._today + timedelta(days=1 + int(seconds // 86400))


def is_outside(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of the public internet, also behind its disguises."""
    if isinstance(address, IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour
        if hidden is not None:
            return is_outside(hidden)
    return address.is_global and not address.is_multicast


def is_inner_name(host: str) -> bool:
    """Tell whether a host as an entry writes it is one of the inside: a number, or a bare name."""
    try:
        return not is_outside(ip_address(host.strip("[]")))
    except ValueError:
        return "." not in host


def _conditions(known: LinkRecord | None) -> dict[str, str]:
    """Return the headers that ask only for what has changed since it was last seen."""
    if known is None or known.digest is None:
        return {}
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
    return {name: value for name, value in conditions.items() if value}


def _target(current: str, location: str) -> str:
    """Return where a redirect leads."""
    target = urldefrag(urljoin(current, location)).url
    if urlsplit(target).scheme not in ("http", "https") or not host_of(target):
        raise NotForUs("转到了不是网页的地址，没有去看")
    if len(target) > LONGEST_ADDRESS or not target.isprintable():
        raise NotForUs("转到的地址不成样子，没有去看")
    return target


def _judge(question: Question, current: str, moved_to: str | None, answer: _Answer) -> Sighting:
    """Say what the last answer means."""
    status = answer.status
    if status == HTTPStatus.NOT_MODIFIED:
        return Sighting(Outcome.UNCHANGED, status, moved_to=moved_to)
    if status in GONE:
        return Sighting(Outcome.GONE, status, f"网页不在了（网站回 {status}）")
    if status in NOT_FOR_PROGRAMS:
        return Sighting(Outcome.REFUSED, status, f"网站不让程序看（回 {status}）")
    if status != HTTPStatus.OK:
        return Sighting(Outcome.FAILED, status, f"网站回 {status}")
    if _went_home(question.url, current):
        return Sighting(Outcome.GONE, status, "转到了网站的首页，原来的网页多半不在了")
    kind = answer.content_type
    if is_text(kind, answer.body):
        words = looks_gone(read_page(answer.body, kind))
        if words:
            return Sighting(Outcome.GONE, status, f"网页自己说“{printable(words)}”")
    return Sighting(
        Outcome.SEEN,
        status,
        moved_to=moved_to,
        digest=digest_page(answer.body, kind),
        etag=_mark(answer, "etag"),
        modified=_mark(answer, "last-modified"),
    )


def _mark(answer: _Answer, name: str) -> str | None:
    """Return a mark of the answer, if it is one that may be sent back."""
    value = answer.headers.get(name, "")
    return value if 0 < len(value) <= 200 and value.isascii() and value.isprintable() else None


def _went_home(asked: str, ended: str) -> bool:
    """Tell whether what was asked below a site ended on its home page."""
    first, last = urlsplit(asked), urlsplit(ended)
    deep = first.path.lower() not in HOME or bool(first.query)
    return deep and last.path.lower() in HOME and not last.query


def _why_not_connected(error: httpx.ConnectError) -> str:
    """Say in plain words why no connection came about."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SSLCertVerificationError):
            return f"网站的证书不对（{printable(cause.verify_message)}）"
        cause = cause.__cause__ or cause.__context__
    return "连不上"
