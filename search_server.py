"""The service (检索服务): HTTP in, JSON out, and the built site; no logic of its own."""

import json
import sys
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from indexer import __version__
from indexer.access import VARIABLE, Access, AccessUnsafe, WrongToken, open_access
from indexer.bundles import plan_bundle
from indexer.clock import today
from indexer.corrections import (
    FIELDS,
    KIND_LABELS,
    LONGEST,
    InboxUnusable,
    Reception,
    open_reception,
    parse_proposal,
)
from indexer.delivery import (
    ASK_FIRST,
    HEADERS,
    Compression,
    Gauges,
    Guard,
    Json,
    Metrics,
    Site,
    digest_of_sources,
    is_at_hand,
    not_modified,
    tag_of,
)
from indexer.duedates import calculate, terms_of
from indexer.filings import EXCLUDED, FORMATS, SUSPENDED, parse_due
from indexer.index import (
    NAME,
    STATUSES,
    Index,
    IndexMissing,
    generation_of,
    open_index,
)
from indexer.internal import NO_NOTES, Notes, read_notes, search_noted
from indexer.matching import match
from indexer.moved import unknown_entry
from indexer.notice import Notice
from indexer.noticehtml import notice_style, render_file
from indexer.noticepdf import PdfUnavailable, Printer
from indexer.notices import Format, make_notice, read_format, render, sources_of_index
from indexer.params import MAX_LENGTH, SORTS, SearchParams, parse_params
from indexer.pins import load_pins
from indexer.policy import Audience, BenefitMode, Kind, Level, Status
from indexer.problems import (
    LexiconError,
    ParameterError,
    ParameterProblem,
    PolicyError,
    did_you_mean,
    printable,
    shown,
)
from indexer.profile import parse_profile
from indexer.query import search
from indexer.questions import answers_schema, load_questions
from indexer.quotas import Quota
from indexer.reminders import known_dues, write_reminders
from indexer.suggest import suggest
from indexer.synonyms import load_synonyms
from indexer.workdays import days_script, load_calendar
from indexer.workers import AddressUnusable, address_of, listen, serve

MAX_BODY = 64 * 1024  # bytes; no request needs more
POLL_SECONDS = 0.5  # how long a new index may wait until it is noticed
LISTED_AT_ONCE = 500  # entries of the list of all that are sent in one piece
WARMING = ("政策", "zhengce")  # queries that load all that queries need: words, sounds, readings
printer = Printer()
MEDIA_TYPES = {
    Format.TEXT: "text/plain",
    Format.HTML: "text/html",
    Format.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Format.PDF: "application/pdf",
}
NO_STORE = {"Cache-Control": "no-store"}  # what follows from somebody's answers
INSIDE = {**NO_STORE, "Vary": "Authorization, Accept-Encoding"}  # what is for some alone


class SiteMissing(Exception):
    """There is no built site to serve."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} 里没有网站，请先运行 policykb site。")


@dataclass(frozen=True)
class Edition:
    """An open index, the mark of the build it comes from, and the notes of its entries."""

    index: Index
    mark: str
    notes: Notes

    @classmethod
    def open(cls, path: Path, today: Callable[[], date], notes: Notes) -> Self:
        """Open the newest index of a folder and everything that queries need."""
        while True:
            index = open_index(path)
            try:
                # Whoosh names each build's files at random, and its table of contents tells them.
                mark = tag_of((path / f"_{NAME}_{index.generation}.toc").read_bytes())
            except FileNotFoundError:  # a build has put the next generation in its place
                continue
            for query in WARMING:
                search(index, SearchParams(q=query), today())
            return cls(index, mark, notes)


class LatestIndex:
    """The newest index of a folder: looked for at most every POLL_SECONDS, swapped in whole.

    The notes of the entries in `policies`, if given, are read again with it.
    """

    def __init__(self, path: Path, today: Callable[[], date], policies: Path | None) -> None:
        self.path, self._today, self._policies = path, today, policies
        self._edition = Edition.open(path, today, read_notes(policies) if policies else NO_NOTES)
        self._lock = threading.Lock()
        self._next_look = time.monotonic() + POLL_SECONDS

    def get(self) -> Edition:
        """Return the index at once; a newer one is opened beside the requests.

        Requests that still hold an older one finish with it.
        """
        if time.monotonic() >= self._next_look and self._lock.acquire(blocking=False):
            self._next_look = time.monotonic() + POLL_SECONDS
            if generation_of(self.path) in (None, self._edition.index.generation):
                self._lock.release()
            else:
                threading.Thread(target=self._open_newest, daemon=True).start()
        return self._edition

    def _open_newest(self) -> None:
        try:
            self._edition = Edition.open(self.path, self._today, self._newest_notes())
        except (OSError, ValueError, IndexMissing):
            pass  # being rebuilt, or damaged: the one in hand is whole, look again later
        finally:
            self._lock.release()

    def _newest_notes(self) -> Notes:
        try:
            return read_notes(self._policies) if self._policies else NO_NOTES
        except PolicyError:  # half a change, or a mistake that the editor is told elsewhere
            return self._edition.notes


def make_app(
    index: Path,
    site: Path | None,
    counts: Path | None = None,
    *,
    today: Callable[[], date] = today,
    access: Access | None = None,
    reception: Reception | None = None,
) -> FastAPI:
    """Return the application over the index in `index` and, if given, the built site in `site`.

    Several processes put the counts of their requests together in the folder `counts`. Internal
    notes are shown only with an `access`, which says to whom. What readers propose is taken only
    with a `reception`, which says where it is kept.
    Raises IndexMissing or SiteMissing when there is nothing to serve yet, LexiconError when a file
    of the lexicon cannot be followed, PolicyError when the notes cannot be read.
    """
    load_synonyms()  # a mistake in the lexicon is told now, not to the first who asks
    load_pins()
    load_calendar()
    if site is not None and not (site / "index.html").is_file():
        raise SiteMissing(site)
    latest = LatestIndex(index, today, access.policies if access else None)
    app = FastAPI(
        title="政策库",
        version=__version__,
        description="政策、办事事项的检索接口；出错时返回 4xx 和 errors（字段、中文说明）。",
        docs_url=None,  # those pages load their scripts from another host
        redoc_url=None,
    )
    _add_api(app, latest, today, access)
    if reception is not None:
        _add_corrections(app, latest, today, reception, counts)
    _add_monitoring(app, latest, counts)
    _add_errors(app)
    if site is not None:
        app.mount("/", Site(site), name="site")
    return app


def _add_api(
    app: FastAPI, latest: LatestIndex, today: Callable[[], date], access: Access | None
) -> None:
    # What takes a few milliseconds runs in the event loop: with a thread for each search instead,
    # benchmarks/serving.py over 147,283 entries gave 98 answers a second for 226, and a p99 of 273
    # ms for 112. What may take longer (`def` without `async`) gets a thread and holds up nobody.
    sources = digest_of_sources(Path(__file__))

    def answer(
        request: Request, edition: Edition, depends_on: object, compute: Callable[[], Any]
    ) -> Response:
        """Return the answer with its tag, or nothing but the tag to a client that has it."""
        tag = tag_of(request.scope["path"], edition.mark, sources, depends_on)
        if is_at_hand(request, tag):
            return not_modified(tag)
        headers = {**ASK_FIRST, "ETag": tag}
        content = compute()
        if isinstance(content, Response):
            content.headers.update(headers)
            return content
        if isinstance(content, Iterator):
            return StreamingResponse(content, media_type="application/json", headers=headers)
        return Json(content, headers=headers)

    def answer_inside(
        request: Request, edition: Edition, depends_on: object, content: dict[str, Any]
    ) -> Response:
        """Return an answer with internal notes, which nobody keeps; its tag is never public."""
        parts = (request.scope["path"], edition.mark, edition.notes.digest, sources, depends_on)
        return Json(content, headers={**INSIDE, "ETag": tag_of("internal", *parts)})

    @app.get("/api/search", summary="检索", openapi_extra={"parameters": _search_parameters()})
    async def get_search(request: Request) -> Response:
        params, given = parse_params(request.query_params.multi_items())
        edition, day = latest.get(), given or today()
        if access and access.is_shown(request.headers):
            noted = search_noted(edition.index, edition.notes, params, day)
            return answer_inside(request, edition, (params, day), noted.to_dict())
        return answer(
            request,
            edition,
            (params, day),
            lambda: search(edition.index, params, day).to_dict(),
        )

    @app.get("/api/suggest", summary="输入提示", openapi_extra={"parameters": [_TEXT]})
    async def get_suggest(request: Request) -> Response:
        params, _ = parse_params(_pairs(request, ("q",)))
        edition = latest.get()
        return answer(
            request,
            edition,
            params,
            lambda: {"suggestions": suggest(edition.index, params.q)},
        )

    @app.get("/api/policies", summary="全部条目", openapi_extra={"parameters": [_AS_OF]})
    def get_policies(request: Request) -> Response:
        _, given = parse_params(_pairs(request, ("as_of",)))
        edition, day = latest.get(), given or today()
        return answer(request, edition, day, lambda: _list_policies(edition.index, day))

    @app.get("/api/policies/{slug}", summary="一个条目", openapi_extra={"parameters": [_AS_OF]})
    async def get_policy(slug: str, request: Request) -> Response:
        _, given = parse_params(_pairs(request, ("as_of",)))
        edition, day = latest.get(), given or today()
        index, inside = edition.index, access and access.is_shown(request.headers)
        if slug not in index.rows:
            return _no_entry(slug, index, lambda new: _beside(new, request))
        if inside:
            note = edition.notes.texts.get(slug)
            record = _record(index, slug, day) | ({"internal": note} if note else {})
            return answer_inside(request, edition, day, record)
        return answer(request, edition, day, lambda: _record(index, slug, day))

    @app.get("/api/notice/{slug}", summary="一次告知单", openapi_extra=_NOTICE)
    def get_notice(slug: str, request: Request) -> Response:
        pairs = _pairs(request, ("situation", "as_of", "format"))
        form, others = _take_format(pairs)
        situations = [value for name, value in others if name == "situation"]
        _, given = parse_params([pair for pair in others if pair[0] == "as_of"])
        edition, day = latest.get(), given or today()
        if slug not in edition.index.rows:
            return _no_entry(slug, edition.index, lambda new: _beside(new, request))
        find = sources_of_index(edition.index)
        notice = make_notice(find, slug, situations, day, str(request.base_url))
        tag = tag_of(request.scope["path"], edition.mark, sources, notice.link, form)
        if is_at_hand(request, tag):
            return not_modified(tag)
        headers = {**ASK_FIRST, "ETag": tag}
        if form is None:
            return Json(notice.to_dict(), headers=headers)
        return _file_of(notice, form, headers)

    @app.get(
        "/api/questions", summary="匹配用的问题", openapi_extra={"parameters": [_ASKED_AUDIENCE]}
    )
    async def get_questions(request: Request) -> Response:
        params, _ = parse_params(_pairs(request, ("audience",)))
        asked = load_questions().asked_of(params.audience)
        return answer(
            request,
            latest.get(),
            params,
            lambda: {"questions": [question.to_dict() for question in asked]},
        )

    @app.post("/api/match", summary="政策匹配", openapi_extra={"requestBody": _match_body()})
    def post_match(body: Annotated[bytes, Depends(_read_body)]) -> Response:
        given = _read_json(body, ("profile", "as_of"))
        _, day = parse_params([("as_of", given["as_of"])] if "as_of" in given else [])
        day = day or today()
        rules = latest.get().index.rules
        matches = match(rules, parse_profile(given.get("profile"), day), day)
        return Json(matches.to_dict(), headers=NO_STORE)

    @app.get("/api/due", summary="办理期限到哪天", openapi_extra={"parameters": _due_parameters()})
    async def get_due(request: Request) -> Response:
        params = parse_due(request.query_params.multi_items())
        edition, day = latest.get(), today()
        record = edition.index.record(params.slug)
        if record is None:
            asked = request.query_params.multi_items()
            others = [pair for pair in asked if pair[0] != "slug"]
            return _no_entry(
                params.slug,
                edition.index,
                lambda new: f"due?{urlencode([('slug', new), *others])}",
            )
        slug, title = params.slug, record["title"]
        calendar = load_calendar()
        found = calculate(terms_of(record), params.filing, calendar)
        depends_on = (params, days_script(calendar), day)
        if params.format == "json":
            told = {"slug": slug, "title": title, **found.to_dict()}
            return answer(request, edition, depends_on, lambda: told)
        if not known_dues(found):
            return _errors(422, ParameterProblem("format", "没有算得出来的到期日，写不成日历。"))
        return answer(
            request,
            edition,
            depends_on,
            lambda: _calendar(slug, write_reminders(slug, title, found, day)),
        )

    @app.get("/api/{rest:path}", include_in_schema=False)
    async def get_nothing(rest: str) -> Response:
        raise HTTPException(404)


def _no_entry(slug: str, index: Index, address_of: Callable[[str], str]) -> Response:
    """Lead on from a former name (308), tell of what was withdrawn (410), or say there is none."""
    problem = ParameterProblem("slug", unknown_entry(slug, index.slugs, index.former))
    move = index.former.get(slug)
    if move is None:
        return _errors(404, problem)
    if move.is_withdrawn:
        return _errors(410, problem, headers=ASK_FIRST)
    # Asked for again each time: a name may be given back.
    return _errors(308, problem, headers={**ASK_FIRST, "Location": address_of(move.to)})


def _beside(slug: str, request: Request) -> str:
    """Return the address of another entry from that of the one asked for."""
    query = request.url.query
    return f"{slug}?{query}" if query else slug


def _add_corrections(
    app: FastAPI,
    latest: LatestIndex,
    today: Callable[[], date],
    reception: Reception,
    counts: Path | None,
) -> None:
    quota = Quota(reception.salt, counts)

    @app.post("/api/corrections", summary="纠错、补充", status_code=201, openapi_extra=_CORRECTION)
    def post_correction(request: Request, body: Annotated[bytes, Depends(_read_body)]) -> Response:
        # A page of another site can send a form, but not JSON, without asking this service first.
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPException(415)
        proposal = parse_proposal(_read_json(body, FIELDS), latest.get().index.rows)
        seconds = quota.take(request.client.host if request.client else "", time.time())
        if seconds:
            message = f"一下子发得太多了，请过 {-(-seconds // 60)} 分钟再发；急事请打 12345。"
            headers = {**NO_STORE, "Retry-After": str(seconds)}
            return _errors(429, ParameterProblem("", message), headers=headers)
        try:
            number = reception.inbox.add(proposal, today())
        except InboxUnusable as error:
            return _errors(503, ParameterProblem("", str(error)), headers=NO_STORE)
        message = f"收到了，编号 {number}。编辑核对以后会更正，不会单独答复；急事请打 12345。"
        return Json({"number": number, "message": message}, status_code=201, headers=NO_STORE)


def _take_format(pairs: list[tuple[str, str]]) -> tuple[Format | None, list[tuple[str, str]]]:
    """Return the form of a notice, None for JSON, and the other parameters."""
    names = [value for name, value in pairs if name == "format"]
    if len(names) > 1:
        raise ParameterError([ParameterProblem("format", "只能写一个。")])
    form = read_format(names[0], "json") if names and names[0] != "json" else None
    return form, [pair for pair in pairs if pair[0] != "format"]


def _file_of(notice: Notice, form: Format, headers: dict[str, str]) -> Response:
    """Return a notice as a file."""
    if form is Format.HTML:
        style = b64encode(sha256(notice_style().encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'"
        headers["Content-Security-Policy"] = policy
    elif form is not Format.TEXT:
        headers["Content-Disposition"] = f'attachment; filename="notice-{notice.slug}.{form}"'
    if form is not Format.PDF:
        return Response(render(notice, form), media_type=MEDIA_TYPES[form], headers=headers)
    try:
        paper = printer.render(render_file(notice))
    except PdfUnavailable as error:
        return _errors(503, ParameterProblem("format", str(error)))
    return Response(paper, media_type=MEDIA_TYPES[form], headers=headers)


def _list_policies(index: Index, day: date) -> Iterator[bytes]:
    """Yield the list of all entries piece by piece: there may be 150,000 of them.

    The rows are stored as JSON, and only get their status.
    """
    ends = [f',"status":"{status}"}}'.encode() for status in STATUSES]
    statuses = index.statuses(day).tolist()
    yield f'{{"total":{len(index)},"as_of":"{day}","policies":['.encode()
    for first in range(0, len(index), LISTED_AT_ONCE):
        rows = range(first, min(first + LISTED_AT_ONCE, len(index)))
        listed = (index.card_data(row).removesuffix(b"}") + ends[statuses[row]] for row in rows)
        yield (b"," if first else b"") + b",".join(listed)
    yield b"]}"


def _record(index: Index, slug: str, day: date) -> dict[str, Any]:
    """Return the public record with its status, and the plan where it is a bundle."""
    status: Status = STATUSES[index.statuses(day)[index.rows[slug]]]
    record = index.record(slug) or {}
    plan = {"plan": plan_bundle(record, index.record).to_dict(day)} if "bundle" in record else {}
    return {**record, **plan, "status": status, "as_of": day.isoformat()}


def _calendar(slug: str, content: bytes) -> Response:
    name = {"Content-Disposition": f'attachment; filename="{slug}-due.ics"'}
    return Response(content, media_type="text/calendar", headers=name)


def _add_monitoring(app: FastAPI, latest: LatestIndex, counts: Path | None) -> None:
    def read() -> Iterator[tuple[str, str, float]]:
        index = latest.get().index
        yield "policykb_entries", "Entries in the index.", len(index)
        yield "policykb_index_generation", "Generation of the index.", index.generation

    metrics = Metrics(Gauges(read), counts)
    app.add_middleware(Compression)
    app.add_middleware(Guard, refuse=_refuse_body, metrics=metrics)

    @app.get("/healthz", summary="是否正常")
    async def get_health() -> Response:
        index = latest.get().index
        return _json({"status": "ok", "generation": index.generation, "entries": len(index)})

    @app.get("/metrics", summary="运行指标")
    def get_metrics() -> Response:
        return Response(metrics.tell(), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    """Turn every error into the one shape, in one place."""

    @app.exception_handler(ParameterError)
    async def on_parameters(_: Request, error: ParameterError) -> Response:
        return _errors(422, *error.errors)

    @app.exception_handler(WrongToken)
    async def on_token(_: Request, __: WrongToken) -> Response:
        message = "口令不对，看不了内部备注；请求头要写成“Authorization: Bearer 口令”。"
        headers = {**INSIDE, "WWW-Authenticate": "Bearer"}
        return _errors(401, ParameterProblem("Authorization", message), headers=headers)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        messages = {
            400: f"请求内容要写成 UTF-8 的 JSON，例如 {_EXAMPLE}。",
            404: "没有这个地址，请检查网址。",
            405: f"这个地址不接受 {request.method} 请求。",
            415: "请求头要写 Content-Type: application/json。",
        }
        message = messages.get(error.status_code, "请求无法处理。")
        return _errors(error.status_code, ParameterProblem("", message), headers=error.headers)

    @app.exception_handler(Exception)
    async def on_failure(_: Request, __: Exception) -> Response:
        problem = ParameterProblem("", "服务出错了，请稍后再试；急事请拨打 12345。")
        return _errors(500, problem, headers=HEADERS)


def _refuse_body(headers: Headers) -> Response | None:
    """Refuse a body that is too large, or whose size is not said."""
    size = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not size.isdecimal() or int(size) > MAX_BODY:
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


def _json(content: Any) -> Response:
    return Json(content, headers=ASK_FIRST)


def _errors(status: int, *problems: ParameterProblem, headers: Any = None) -> Response:
    rows = [{"field": problem.field, "message": problem.message} for problem in problems]
    return Json({"errors": rows}, status_code=status, headers=headers)


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_TEXT = _parameter("q", "要搜的话", {"type": "string", "maxLength": MAX_LENGTH})
_AS_OF = _parameter(
    "as_of", "按哪一天判断时效，例如 2026-11-24；不写就是今天", {"type": "string", "format": "date"}
)


_NOTICE = {
    "parameters": [
        _parameter(
            "situation",
            "办事人是哪种情形，可以写几次；不写就都列出",
            {"type": "array", "items": {"type": "string"}},
        ),
        _parameter("format", "哪种文件", {"enum": ["json", *Format], "default": "json"}),
        _AS_OF,
    ]
}
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


def _correction_body() -> dict[str, Any]:
    """Describe the body of a correction for readers of the interface description."""
    kinds = "、".join(f"{kind}（{name}）" for kind, name in KIND_LABELS.items())
    text = {"type": "string"}
    properties = {
        "slug": {**text, "description": "条目名；不写，就是说整个政策库"},
        "kind": {**text, "enum": list(KIND_LABELS), "description": kinds},
        "text": {**text, "maxLength": LONGEST["text"], "description": "哪里不对，应该是什么"},
        "basis": {**text, "maxLength": LONGEST["basis"], "description": "依据是什么"},
        "version": {**text, "description": "网页上的内容版本；写了条目名就要写"},
    }
    schema = {
        "type": "object",
        "required": ["kind", "text"],
        "additionalProperties": False,
        "properties": properties,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_CORRECTION = _correction_body()


def _due_parameters() -> list[dict[str, Any]]:
    """Describe the parameters of due dates for readers of the interface description."""
    text = {"type": "string"}
    several = {"type": "array", "items": text}
    return [
        _parameter("slug", "条目名", text) | {"required": True},
        _parameter("accepted", "受理日", {**text, "format": "date"}) | {"required": True},
        _parameter(
            "pause", f"停算（{'、'.join(SUSPENDED)}），例如 2026-09-28..2026-10-12", several
        ),
        _parameter(
            "excluded",
            f"不算在内的（{'、'.join(EXCLUDED)}），例如 2026-10-13..2026-10-20=检测",
            several,
        ),
        _parameter("extended", "经批准延长了", {"type": "boolean", "default": False}),
        _parameter("situation", "哪种情形，可以写几次", several),
        _parameter("format", "要 JSON 还是日历文件", {**text, "enum": list(FORMATS)}),
    ]


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


def main() -> int:
    """Serve an index and a site that were built before; `policykb serve` also builds them."""
    parser = ArgumentParser(description="政策库检索服务（只读，先用 policykb index 和 site 建好）")
    parser.add_argument("--index", type=Path, default=Path("build/index"), help="索引文件夹")
    parser.add_argument("--site", type=Path, default=Path("build/site"), help="网站文件夹")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址，默认只有本机能访问")
    parser.add_argument("--port", type=int, default=8000, help="端口")
    parser.add_argument("--workers", type=_read_count, default=1, help="用几个进程，默认 1 个")
    parser.add_argument(
        "--internal", action="store_true", help="接口也给出内部备注，只给本机或口令"
    )
    parser.add_argument(
        "--policies", type=Path, default=Path("policies"), help="条目文件夹，内部备注从这里读"
    )
    parser.add_argument("--token-file", type=Path, help=f"口令文件，也可以用环境变量 {VARIABLE}")
    parser.add_argument("--corrections", type=Path, help="收读者的纠错，放在这个文件夹")
    options = parser.parse_args()
    if options.token_file and not options.internal:
        parser.error("--token-file 只和 --internal 一起用。")
    try:
        published = (options.policies, options.index, options.site)
        inbox = options.corrections
        reception = open_reception(inbox, published) if inbox else None
        listener = listen(options.host, options.port)
        given = (options.policies, options.token_file, listener)
        access = open_access(*given) if options.internal else None
        make = partial(make_app, options.index, options.site, access=access, reception=reception)
        serve(make, listener, options.workers, partial(_tell, address_of(listener)))
    except (
        IndexMissing,
        SiteMissing,
        AddressUnusable,
        AccessUnsafe,
        InboxUnusable,
        LexiconError,
    ) as error:
        sys.stderr.write(f"search_server：{error}\n")
        return 2
    except PolicyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _read_count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"只能是正整数，收到的是{shown(text)}")
    return int(text)


def _tell(address: str) -> None:
    sys.stdout.write(f"政策库：{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
