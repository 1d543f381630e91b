"""The service (检索服务): HTTP in, JSON out, and the built site; no logic of its own."""

import errno
import json
import socket
import sys
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as EventCounter
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from indexer import __version__
from indexer.clock import today
from indexer.index import STATUSES, Index, IndexMissing, generation_of, open_index
from indexer.matching import match
from indexer.params import MAX_LENGTH, SORTS, parse_params
from indexer.pins import load_pins
from indexer.policy import Audience, BenefitMode, Kind, Level, Status
from indexer.problems import (
    LexiconError,
    ParameterError,
    ParameterProblem,
    did_you_mean,
    printable,
    shown,
)
from indexer.profile import parse_profile
from indexer.query import search
from indexer.questions import answers_schema, load_questions
from indexer.suggest import suggest
from indexer.synonyms import load_synonyms

MAX_BODY = 64 * 1024  # bytes; no request needs more
MAX_HEAD = 256 * 1024  # bytes; a query of 10,000 characters still gets an answer in words
POLL_SECONDS = 0.5  # how long a new index may wait until it is noticed

# The site needs no inline script, style or handler, so none may run.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
NO_CACHE = {"Cache-Control": "no-cache"}
NO_STORE = {"Cache-Control": "no-store"}  # what follows from somebody's answers
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": CONTENT_POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class SiteMissing(Exception):
    """There is no built site to serve."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} 里没有网站，请先运行 policykb site。")


class LatestIndex:
    """The newest index of a folder: looked for at most every POLL_SECONDS, swapped in whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = open_index(path)
        self._lock = threading.Lock()
        self._next_look = time.monotonic() + POLL_SECONDS

    def get(self) -> Index:
        """Return the index; requests that still hold an older one finish with it."""
        if time.monotonic() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._next_look = time.monotonic() + POLL_SECONDS
                if generation_of(self.path) not in (None, self._index.generation):
                    self._index = open_index(self.path)
            except (OSError, ValueError, IndexMissing):
                pass  # being rebuilt, or damaged: the one in hand is whole, look again later
            finally:
                self._lock.release()
        return self._index


class Site(StaticFiles):
    """The built site."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, or with the site's own page when there is no such file."""
        try:
            response = await super().get_response(path, scope)
        except (OSError, ValueError):  # names too long or with bytes no file system takes
            raise HTTPException(404) from None
        response.headers["Cache-Control"] = "no-cache"  # ask first whether it has changed
        return response


def make_app(index: Path, site: Path | None, *, today: Callable[[], date] = today) -> FastAPI:
    """Return the application over the index in `index` and, if given, the built site in `site`.

    Raises IndexMissing or SiteMissing when there is nothing to serve yet, LexiconError when a file
    of the lexicon cannot be followed.
    """
    load_synonyms()  # a mistake in the lexicon is told now, not to the first who asks
    load_pins()
    latest = LatestIndex(index)
    if site is not None and not (site / "index.html").is_file():
        raise SiteMissing(site)
    app = FastAPI(
        title="政策库",
        version=__version__,
        description="政策、办事事项的检索接口；出错时返回 4xx 和 errors（字段、中文说明）。",
        docs_url=None,  # those pages load their scripts from another host
        redoc_url=None,
    )
    _add_api(app, latest, today)
    _add_monitoring(app, latest)
    _add_errors(app)
    if site is not None:
        app.mount("/", Site(directory=site, html=True), name="site")
    return app


def _add_api(app: FastAPI, latest: LatestIndex, today: Callable[[], date]) -> None:
    @app.get("/api/search", summary="检索", openapi_extra={"parameters": _search_parameters()})
    def get_search(request: Request) -> JSONResponse:
        params, day = parse_params(request.query_params.multi_items())
        return _json(search(latest.get(), params, day or today()).to_dict())

    @app.get("/api/suggest", summary="输入提示", openapi_extra={"parameters": [_TEXT]})
    def get_suggest(request: Request) -> JSONResponse:
        params, _ = parse_params(_pairs(request, ("q",)))
        return _json({"suggestions": suggest(latest.get(), params.q)})

    @app.get("/api/policies", summary="全部条目", openapi_extra={"parameters": [_AS_OF]})
    def get_policies(request: Request) -> StreamingResponse:
        _, day = parse_params(_pairs(request, ("as_of",)))
        content = _list_policies(latest.get(), day or today())
        return StreamingResponse(content, media_type="application/json", headers=NO_CACHE)

    @app.get("/api/policies/{slug}", summary="一个条目", openapi_extra={"parameters": [_AS_OF]})
    def get_policy(slug: str, request: Request) -> JSONResponse:
        _, given = parse_params(_pairs(request, ("as_of",)))
        index, day = latest.get(), given or today()
        record = index.record(slug)
        if record is None:
            hint = did_you_mean(slug[:80], index.slugs)
            return _errors(404, ParameterProblem("slug", f"没有条目{shown(slug)}。{hint}"))
        return _json({**record, "status": _status(index, slug, day), "as_of": day.isoformat()})

    @app.get(
        "/api/questions", summary="匹配用的问题", openapi_extra={"parameters": [_ASKED_AUDIENCE]}
    )
    def get_questions(request: Request) -> JSONResponse:
        params, _ = parse_params(_pairs(request, ("audience",)))
        asked = load_questions().asked_of(params.audience)
        return _json({"questions": [question.to_dict() for question in asked]})

    @app.post("/api/match", summary="政策匹配", openapi_extra={"requestBody": _match_body()})
    def post_match(body: Annotated[bytes, Depends(_read_body)]) -> JSONResponse:
        given = _read_json(body, ("profile", "as_of"))
        _, day = parse_params([("as_of", given["as_of"])] if "as_of" in given else [])
        day = day or today()
        matches = match(latest.get().rules, parse_profile(given.get("profile"), day), day)
        return JSONResponse(matches.to_dict(), headers=NO_STORE)

    @app.get("/api/{rest:path}", include_in_schema=False)
    def get_nothing(rest: str) -> Response:
        raise HTTPException(404)


def _list_policies(index: Index, day: date) -> Iterator[str]:
    """Yield the list of all entries piece by piece: there may be 150,000 of them."""
    yield f'{{"total": {len(index)}, "as_of": "{day}", "policies": ['
    for number, row in enumerate(index.records()):
        row["status"] = _status(index, row["slug"], day)
        yield (", " if number else "") + json.dumps(row, ensure_ascii=False)
    yield "]}"


def _status(index: Index, slug: str, day: date) -> Status:
    status: Status = STATUSES[index.statuses(day)[index.rows[slug]]]
    return status


def _add_monitoring(app: FastAPI, latest: LatestIndex) -> None:
    registry = CollectorRegistry()
    requests = EventCounter(
        "policykb_requests", "Answered requests.", ["route", "status"], registry=registry
    )
    seconds = Histogram("policykb_request_seconds", "Time to answer.", ["route"], registry=registry)
    entries = Gauge("policykb_entries", "Entries in the index.", registry=registry)
    generation = Gauge("policykb_index_generation", "Generation of the index.", registry=registry)
    entries.set_function(lambda: len(latest.get()))
    generation.set_function(lambda: latest.get().generation)

    @app.middleware("http")
    async def measure_and_guard(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        refused = _refuse_body(request)
        response = refused if refused is not None else await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # The route, never the address or the words that were asked for.
        route = getattr(request.scope.get("route"), "path", "site")
        requests.labels(route, str(response.status_code)).inc()
        seconds.labels(route).observe(time.perf_counter() - started)
        return response

    @app.get("/healthz", summary="是否正常")
    def get_health() -> JSONResponse:
        index = latest.get()
        return _json({"status": "ok", "generation": index.generation, "entries": len(index)})

    @app.get("/metrics", summary="运行指标")
    def get_metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    """Turn every error into the one shape, in one place."""

    @app.exception_handler(ParameterError)
    async def on_parameters(_: Request, error: ParameterError) -> JSONResponse:
        return _errors(422, *error.errors)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        messages = {
            400: f"请求内容要写成 UTF-8 的 JSON，例如 {_EXAMPLE}。",
            404: "没有这个地址，请检查网址。",
            405: f"这个地址不接受 {request.method} 请求。",
        }
        message = messages.get(error.status_code, "请求无法处理。")
        return _errors(error.status_code, ParameterProblem("", message), headers=error.headers)

    @app.exception_handler(Exception)
    async def on_failure(_: Request, __: Exception) -> JSONResponse:
        problem = ParameterProblem("", "服务出错了，请稍后再试；急事请拨打 12345。")
        return _errors(500, problem, headers=HEADERS)


def _refuse_body(request: Request) -> Response | None:
    """Refuse a body that is too large, or whose size is not said."""
    size = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not size.isdecimal() or int(size) > MAX_BODY:
        return _errors(
            413, ParameterProblem("", f"请求内容太大或没有写明大小，最多 {MAX_BODY:,} 字节。")
        )
    return None


async def _read_body(request: Request) -> bytes:
    return await request.body()


def _read_json(body: bytes, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Return the object in a body; anything but JSON is refused, and so is an unknown key."""
    try:
        given = json.loads(
            body.decode(),
            parse_float=_read_float,
            parse_constant=_refuse_constant,
            object_pairs_hook=_each_once,
        )
    except ParameterError:
        raise
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(given, dict):
        raise HTTPException(400)
    problems = [
        ParameterProblem(printable(name), "没有这一项。" + did_you_mean(name[:80], allowed))
        for name in given
        if name not in allowed
    ]
    if not isinstance(given.get("as_of", ""), str):
        problems.append(ParameterProblem("as_of", "要写成日期，例如“2026-11-24”。"))
    if problems:
        raise ParameterError(problems)
    return given


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as a mapping; of two answers to one question neither is the right one."""
    given = dict(pairs)
    if len(given) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = [name for name, count in counts.items() if count > 1]
        raise ParameterError(ParameterProblem(printable(name), "写了两遍。") for name in twice)
    return given


def _read_float(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent that no number needs
        return Decimal("Infinity")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _pairs(request: Request, allowed: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the parameters of a request that takes only some of a search's."""
    pairs = request.query_params.multi_items()
    problems = [
        ParameterProblem(printable(name), "没有这个参数。" + did_you_mean(name[:80], allowed))
        for name in dict.fromkeys(name for name, _ in pairs)
        if name not in allowed
    ]
    if problems:
        raise ParameterError(problems)
    return pairs


def _json(content: Any) -> JSONResponse:
    return JSONResponse(content, headers=NO_CACHE)


def _errors(status: int, *problems: ParameterProblem, headers: Any = None) -> JSONResponse:
    rows = [{"field": problem.field, "message": problem.message} for problem in problems]
    return JSONResponse({"errors": rows}, status_code=status, headers=headers)


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_TEXT = _parameter("q", "要搜的话", {"type": "string", "maxLength": MAX_LENGTH})
_AS_OF = _parameter(
    "as_of", "按哪一天判断时效，例如 2026-11-24；不写就是今天", {"type": "string", "format": "date"}
)


_ASKED_AUDIENCE = _parameter(
    "audience",
    "只要问这些人的问题，可以写几次",
    {"type": "array", "items": {"enum": list(Audience)}},
)
_EXAMPLE = '{"profile": {"headcount": 20}}'


def _match_body() -> dict[str, Any]:
    """Describe the body of a match for readers of the interface description."""
    properties = {
        "profile": answers_schema(),
        "as_of": {"type": "string", "format": "date", "description": _AS_OF["description"]},
    }
    schema = {
        "type": "object",
        "required": ["profile"],
        "additionalProperties": False,
        "properties": properties,
    }
    content = {"application/json": {"schema": schema, "example": json.loads(_EXAMPLE)}}
    return {"required": True, "content": content}


def _search_parameters() -> list[dict[str, Any]]:
    """Describe the parameters of a search for readers of the interface description."""

    def several(values: Iterable[str] | None = None) -> dict[str, Any]:
        items: dict[str, Any] = {"type": "string"}
        if values is not None:
            items["enum"] = [str(value) for value in values]
        return {"type": "array", "items": items}

    return [
        _TEXT,
        _parameter("kind", "类别，可以写几次", several(Kind)),
        _parameter("audience", "适用对象，可以写几次", several(Audience)),
        _parameter("topic", "主题分类，可以写几次", several()),
        _parameter("level", "层级，可以写几次", several(Level)),
        _parameter("region", "适用地区，可以写几次", several()),
        _parameter("status", "时效性，可以写几次", several(Status)),
        _parameter("benefit_mode", "享受方式，可以写几次", several(BenefitMode)),
        _parameter("sort", "排序", {"type": "string", "enum": list(SORTS)}),
        _parameter("page", "第几页", {"type": "integer", "minimum": 1, "default": 1}),
        _parameter(
            "size", "每页几条", {"type": "integer", "minimum": 1, "maximum": 50, "default": 10}
        ),
        _AS_OF,
    ]


class AddressUnusable(Exception):
    """The service cannot listen where it was told to."""

    REASONS: ClassVar = {
        errno.EADDRINUSE: "端口被别的程序占用",
        errno.EACCES: "没有权限用这个端口",
        errno.EADDRNOTAVAIL: "这台电脑没有这个地址",
    }

    def __init__(self, host: str, port: int, error: Exception) -> None:
        reason = self.REASONS.get(getattr(error, "errno", None) or 0, "地址或端口不对")
        super().__init__(
            f"不能在 {host}:{port} 上提供服务：{reason}。请用 --port 换一个端口，例如 8001。"
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise AddressUnusable before anything else is started."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise AddressUnusable(host, port, error) from None


def address_of(listener: socket.socket) -> str:
    """Return the address to open in a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: FastAPI, listener: socket.socket) -> None:
    """Serve until stopped. Nothing is logged per request: addresses and queries are personal."""
    config = uvicorn.Config(
        app,
        access_log=False,
        server_header=False,
        log_level="warning",
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=15,
        limit_concurrency=200,
    )
    uvicorn.Server(config).run(sockets=[listener])


def main() -> int:
    """Serve an index and a site that were built before; `policykb serve` also builds them."""
    parser = ArgumentParser(description="政策库检索服务（只读，先用 policykb index 和 site 建好）")
    parser.add_argument("--index", type=Path, default=Path("build/index"), help="索引文件夹")
    parser.add_argument("--site", type=Path, default=Path("build/site"), help="网站文件夹")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址，默认只有本机能访问")
    parser.add_argument("--port", type=int, default=8000, help="端口")
    options = parser.parse_args()
    try:
        app = make_app(options.index, options.site)
        listener = listen(options.host, options.port)
    except (IndexMissing, SiteMissing, AddressUnusable, LexiconError) as error:
        sys.stderr.write(f"search_server：{error}\n")
        return 2
    sys.stdout.write(f"政策库：{address_of(listener)}\n")
    sys.stdout.flush()
    serve(app, listener)
    return 0


if __name__ == "__main__":
    sys.exit(main())
