"""How an answer travels (传输): as JSON, with a tag for caches, compressed, guarded, counted."""

import os
import re
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any

import anyio.to_thread
import orjson
from fastapi import Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipResponder
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Answers are compressed each time, so the quickest level has to do. Files are compressed once.
LEVEL = 1
FILE_LEVEL = 6
LEAST = 1024  # bytes; what fits into one packet anyway is not made faster by compressing it
LARGEST_KEPT = 16 * 1024 * 1024  # bytes of a file that is compressed in one piece and kept
KEPT = 32 * 1024 * 1024  # bytes of compressed files that a process keeps
_OFFICE = "application/vnd.openxmlformats-officedocument"
_PACKED_ALREADY = (
    *("audio/*", "font/*", "image/*", "video/*", "application/octet-stream", "application/pdf"),
    *("application/gzip", "application/x-gzip", "application/zip"),
    *(f"{_OFFICE}.wordprocessingml.document", f"{_OFFICE}.spreadsheetml.sheet"),
)
_TEXT = re.compile(
    r"text/.*|application/(javascript|json|manifest\+json|xml|.*\+xml)|image/svg\+xml"
)

ASK_FIRST = {"Cache-Control": "no-cache"}  # ask whether it has changed
FOREVER = "public, max-age=31536000, immutable"
# Material names its files after their content; every other file may change under its name.
_NAMED_BY_CONTENT = re.compile(r"assets/(?:[\w.-]+/)*[\w-]+\.[0-9a-f]{8}\.min\.(?:css|js)")

_ENTRY_PAGE = re.compile(r"/policies/([a-z0-9]+(?:-[a-z0-9]+)*)\.html")

# The site needs no inline script, style or handler, so none may run.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": CONTENT_POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Json(Response):
    """A value as JSON in UTF-8."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of a value."""
        return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)  # a key may be an enum


def tag_of(*parts: object) -> str:
    """Return the tag of the answer that follows from these parts alone.

    It is weak: the same answer tells another `took_ms` each time, and may be compressed.
    """
    return f'W/"{blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def digest_of_sources(*files: Path) -> str:
    """Return a digest of the code and the word lists that answers follow from.

    Processes of one installation have the same, and so have two machines with the same files.
    """
    package = Path(__file__).parent
    digest = blake2b(digest_size=12)
    words = (path for path in (package / "lexicon").iterdir() if path.is_file())
    for path in sorted((*package.glob("*.py"), *words, *files), key=lambda path: path.name):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def is_at_hand(request: Request, tag: str) -> bool:
    """Tell whether the client has the answer with this tag (If-None-Match, RFC 9110 13.1.2)."""
    named = ",".join(request.headers.getlist("if-none-match"))
    return named.strip() == "*" or tag.removeprefix("W/") in _TAGS.findall(named)


_TAGS = re.compile(r'(?:W/)?("[^"]*")')  # compared weakly: W/"1" and "1" are the same


def not_modified(tag: str) -> Response:
    """Return the answer to a client that has the current one."""
    return Response(status_code=304, headers={**ASK_FIRST, "ETag": tag})


def accepts_gzip(headers: Headers) -> bool:
    """Tell whether a client takes gzip; a weight of 0 says that it does not (RFC 9110 12.5.3)."""
    for coding in ",".join(headers.getlist("accept-encoding")).lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return not _NOT_AT_ALL.fullmatch(weight.strip())
    return False


_NOT_AT_ALL = re.compile(r"q\s*=\s*0(?:\.0*)?")


class Compression:
    """Compresses what gains by it, for clients that take gzip.

    No answer holds a secret beside what its reader wrote, so its length gives nothing away; but
    those to a reader with a token do, and go as they are.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, the answer through gzip."""
        app = self.app
        headers = Headers(scope=scope)
        if scope["type"] == "http" and accepts_gzip(headers) and "authorization" not in headers:
            app = GZipResponder(app, LEAST, LEVEL, exclude_content_types=_PACKED_ALREADY)
        await app(scope, receive, send)


class PackedFiles:
    """Compressed files, those asked for last, as many as fit into `limit` bytes."""

    def __init__(self, limit: int = KEPT) -> None:
        self.limit, self.size = limit, 0
        self._files: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    async def get(self, path: str, stat: os.stat_result) -> bytes:
        """Return a file compressed; it is only done again once the file has changed."""
        key = path, stat.st_mtime_ns, stat.st_size
        packed = self._files.get(key)
        if packed is None:
            packed = await anyio.to_thread.run_sync(_pack, path)
            self._keep(key, packed)
        else:
            self._files.move_to_end(key)
        return packed

    def _keep(self, key: tuple[str, int, int], packed: bytes) -> None:
        self.size += len(packed) - len(self._files.get(key, b""))
        self._files[key] = packed
        while self.size > self.limit:
            _, dropped = self._files.popitem(last=False)
            self.size -= len(dropped)


def _pack(path: str) -> bytes:
    return zlib.compress(Path(path).read_bytes(), FILE_LEVEL, 16 + zlib.MAX_WBITS)


class Site(StaticFiles):
    """The built site."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        self.packed = PackedFiles()

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, or with the site's own page when there is no such file."""
        try:
            response = await super().get_response(path, scope)
        except (OSError, ValueError):  # names too long or with bytes no file system takes
            raise HTTPException(404) from None
        named = _NAMED_BY_CONTENT.fullmatch(path.replace(os.sep, "/"))
        if response.status_code >= 400:
            del response.headers["ETag"], response.headers["Last-Modified"]
        if isinstance(response, FileResponse) and _TEXT.fullmatch(response.media_type or ""):
            response = await self._compressed(response, Headers(scope=scope))
        good = response.status_code in (200, 304)
        response.headers["Cache-Control"] = FOREVER if named and good else "no-cache"
        return response

    async def _compressed(self, file: FileResponse, asked: Headers) -> Response:
        """Return the file compressed where that is wanted; part of a file is sent as it is."""
        stat = file.stat_result
        if "range" in asked or not accepts_gzip(asked):
            return file
        if stat is None or not LEAST <= stat.st_size <= LARGEST_KEPT:
            return file
        content = await self.packed.get(os.fspath(file.path), stat)
        left_out = ("accept-ranges", "content-length")
        headers = {name: value for name, value in file.headers.items() if name not in left_out}
        return Response(content, file.status_code, {**headers, "Content-Encoding": "gzip"})


class Metrics:
    """How many requests were answered and how long it took, by route: never by what was asked.

    Of the entries it counts how often the page of each was read, and by nobody.

    With several processes each writes its counts below `shared`, and any of them tells the sum.
    """

    def __init__(self, state: Collector, shared: Path | None) -> None:
        self._told = CollectorRegistry()
        self._told.register(state)
        if shared is not None:
            # The environment is where the library's values look for the folder.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
            MultiProcessCollector(self._told, str(shared))  # type: ignore[no-untyped-call]
        own = self._told if shared is None else None
        self._requests = Counter(
            "policykb_requests", "Answered requests.", ["route", "status"], registry=own
        )
        self._seconds = Histogram(
            "policykb_request_seconds", "Time to answer.", ["route"], registry=own
        )
        self._reads = Counter(
            "policykb_entry_reads", "Times the page of an entry was read.", ["slug"], registry=own
        )

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def note_read(self, slug: str) -> None:
        """Count one reader of an entry's page."""
        self._reads.labels(slug).inc()

    def tell(self) -> bytes:
        """Return all counts as Prometheus reads them."""
        return generate_latest(self._told)


class Gauges(Collector):
    """Numbers that are read when somebody asks for them."""

    def __init__(self, read: Callable[[], Iterable[tuple[str, str, float]]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield each number under its name."""
        return (GaugeMetricFamily(name, text, value) for name, text, value in self._read())


class Guard:
    """Stands before everything: `refuse` may answer at once; every answer is guarded and counted.

    Written as plain ASGI: Starlette's middleware for functions starts tasks for each request.
    """

    def __init__(
        self, app: ASGIApp, refuse: Callable[[Headers], Response | None], metrics: Metrics
    ) -> None:
        self.app, self._refuse, self._metrics = app, refuse, metrics
        self._headers = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, the answer back with the headers that every answer has."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        status = 500  # what the client is told when the rest fails before it answers

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._guarded(message["headers"])
            await send(message)

        try:
            await (self._refuse(Headers(scope=scope)) or self.app)(scope, receive, send_guarded)
        finally:
            # The route, never the address or the words that were asked for.
            route = getattr(scope.get("route"), "path", "site")
            self._metrics.note(route, status, perf_counter() - started)
            page = _ENTRY_PAGE.fullmatch(scope["path"])
            # Only pages that are there: their number is that of the entries, whatever is asked.
            if page and scope["method"] == "GET" and status in (200, 304):
                self._metrics.note_read(page[1])

    def _guarded(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        given = dict(headers)
        if b"content-encoding" in given and given.get(b"etag", b"").startswith(b'"'):
            # Compressed, a file has other bytes than its strong tag promises.
            weak = (b"etag", b"W/" + given[b"etag"])
            headers = [weak if name == b"etag" else (name, text) for name, text in headers]
        return headers + [pair for pair in self._headers if pair[0] not in given]
