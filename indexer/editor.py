"""The editor (表单编辑): a form in the browser on this computer, and what it asks of the desk."""

import asyncio
import hmac
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.delivery import CONTENT_POLICY, HEADERS, Json
from indexer.editorform import DRAFTS, flatten, form_config, nest, order_of, place_in_form
from indexer.entrydesk import POLICIES, Desk, Draft, NotThere, Refused, Trial
from indexer.formfields import in_form_words, place_in_words
from indexer.library import Entry, Library
from indexer.policy import Status, label
from indexer.preview import Preview
from indexer.problems import Problem

FILES = Path(__file__).parent / "editor"
MAX_REQUEST = 3_000_000  # bytes: an entry of the greatest length, and then some
PAGES_KEPT = 20  # previews that a browser may still ask for
# Decap checks its configuration with code made on the spot ('unsafe-eval'), and its styles are made
# by script ('unsafe-inline'). Nothing comes from elsewhere, and nothing goes there.
EDITOR_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'self'"
)
PAGE_POLICY = CONTENT_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
_HOSTS = ("127.0.0.1", "localhost")
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def make_editor(
    desk: Desk, preview: Preview, today: Callable[[], date], token: str | None = None
) -> ASGIApp:
    """Return the editor for the entries on a desk; only whoever has the token may change them."""
    app = FastAPI(title="政策库：表单编辑", docs_url=None, redoc_url=None, openapi_url=None)
    key = token or secrets.token_urlsafe(24)
    editor = _Editor(desk, preview, today, key)
    app.add_api_route("/", lambda: RedirectResponse("/edit/"), methods=["GET"])
    app.add_api_route("/edit/", editor.page, methods=["GET"])
    app.add_api_route("/edit/config.json", editor.config, methods=["GET"])
    app.add_api_route("/edit/api/v1", editor.answer, methods=["POST"])
    app.add_api_route("/edit/preview", editor.preview, methods=["POST"])
    app.add_api_route("/edit/site/{name:path}", editor.site, methods=["GET"])
    app.add_api_route("/edit/{name}", editor.file, methods=["GET"])
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _not_found)
    return _Guard(app, key)


class _Guard:
    """Lets in only this computer, and lets only the editor's own page change anything.

    A page from elsewhere may lead its own name to this computer (the host tells), send a form here
    (the origin tells), but cannot read the token.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := self._refusal(Request(scope))):
            await _refused(*refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        headers = request.headers
        host = headers.get("host", "")
        if re.sub(r":\d{1,5}$", "", host) not in _HOSTS:
            return 403, "表单编辑只能在这台电脑上用，地址要以 http://127.0.0.1 开头。"
        if request.method in ("GET", "HEAD"):
            return None
        if headers.get("origin") != f"http://{host}" or not _is_json(headers):
            return 403, "这个请求不是从编辑页面来的，没有执行。"
        given = request.query_params.get("token", "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return 403, "编辑页面过期了（服务重新启动过）。请把填的内容抄下来，再刷新页面。"
        if not headers.get("content-length", "").isdecimal():
            return 411, "请求没有写明长度，没有执行。"
        if int(headers["content-length"]) > MAX_REQUEST:
            return 413, "内容太长，存不下；请把它分成几个条目。"
        return None


def _is_json(headers: Headers) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip() == "application/json"


class _Editor:
    """What the page asks for, and the answers."""

    def __init__(self, desk: Desk, preview: Preview, today: Callable[[], date], key: str) -> None:
        self._desk, self._preview, self._today, self._key = desk, preview, today, key
        self._pages: OrderedDict[str, str] = OrderedDict()
        self._actions: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "info": lambda given: {"repo": "policies", "publish_modes": ["simple"], "type": "fs"},
            "entriesByFolder": self._list,
            "entriesByFiles": lambda given: [],
            "getEntry": self._get,
            "persistEntry": self._persist,
            "unpublishedEntries": lambda given: [],
            "getMedia": lambda given: [],
            "getNotes": lambda given: {"notes": []},
            "getDeployPreview": lambda given: None,
        }

    def page(self) -> Response:
        return self.file("index.html")

    def config(self) -> Response:
        """Return the configuration of the form."""
        config = form_config(self._desk.policies, f"/edit/api/v1?token={self._key}")
        preview = f"/edit/preview?token={self._key}"
        return Json({"cms": config, "preview": preview}, headers=_headers(EDITOR_POLICY))

    def file(self, name: str) -> Response:
        """Return a file of the editor itself."""
        path = FILES / name
        if not re.fullmatch(r"[a-z][a-z-]*\.(js|css|html)", name) or not path.is_file():
            return _refused(404, "没有这个文件。")
        return FileResponse(path, headers=_headers(EDITOR_POLICY))

    def site(self, name: str) -> Response:
        """Return a page that was made for the preview, or what such a page loads."""
        if name in self._pages:
            return HTMLResponse(self._pages[name], headers=_headers(PAGE_POLICY))
        found = self._preview.asset(name)
        if isinstance(found, Path):
            return FileResponse(found, headers=_headers(PAGE_POLICY))
        if found is not None:
            kind = _TYPES.get(Path(name).suffix, "text/plain")
            return Response(found, media_type=kind, headers=_headers(PAGE_POLICY))
        text = "<!doctype html><html lang=zh><meta charset=utf-8><title>预览</title>"
        text += "<p>这里是预览，别的网页在这里打不开。</p>"
        return HTMLResponse(text, status_code=404, headers=_headers(PAGE_POLICY))

    async def answer(self, request: Request) -> Response:
        """Do what Decap asks through its proxy protocol."""
        return await _in_thread(self._answer, await request.body())

    async def preview(self, request: Request) -> Response:
        """Check what is being filled in, and make the page that it would become."""
        return await _in_thread(self._try_out, await request.body())

    def _answer(self, body: bytes) -> Response:
        asked = _read(body)
        action = str(asked.get("action", ""))
        if action in ("deleteFile", "deleteFiles"):
            raise Refused(
                "条目不在这里删。政策失效或被替代，请填失效日期、被哪个条目替代，旧的条目留着备查；"
                "写错的、不该收的，用命令 policykb withdraw 撤下。"
            )
        if action in ("persistMedia", "getMediaFile"):
            raise Refused("政策库只放文字，不收图片和附件；请写清楚在哪里领取或下载。")
        if action not in self._actions:
            raise Refused(f"表单编辑没有这个功能：{action[:40]}。")
        return Json(self._actions[action](_mapping(asked.get("params"))))

    def _list(self, given: Mapping[str, Any]) -> list[Any]:
        folder = str(given.get("folder", ""))
        if folder == DRAFTS:
            return [self._row(path, "草稿") for path in self._desk.draft_paths()]
        library, problems = self._desk.inspect()
        told = self._told_of(library, problems)
        if folder == POLICIES:  # to choose from: no more than a name is needed
            return [_name(entry) for entry in library.entries]
        return [self._row(path, told[path]) for path in told if path.startswith(f"{folder}/")]

    def _told_of(self, library: Library, problems: tuple[Problem, ...]) -> dict[str, str]:
        """Return what a list tells of each file: its status today, or that it has mistakes."""
        day = self._today()
        told = {f"{POLICIES}/{e.path}": label(e.policy.status_on(day)) for e in library.entries}
        wrong = {f"{POLICIES}/{p.path.partition('/')[2]}" for p in problems}
        return told | {path: "有错误" for path in sorted(wrong) if path.endswith(".md")}

    def _row(self, path: str, told: str) -> dict[str, Any]:
        try:
            values = self._opened(path, told)
        except Refused:
            values = {"title": f"{Path(path).stem}　【读不出来】", "told": told}
        return _file(path, values)

    def _opened(self, path: str, told: str) -> dict[str, Any]:
        """Return an entry as the form holds it, with what lists tell of it.

        Lists and forms are given the same: where they differ, Decap takes it for a change.
        """
        values = self._desk.open(path)
        title, reviewed = values.get("title") or Path(path).stem, values.get("reviewed", "")
        note = "" if told in (label(Status.IN_FORCE), "草稿") else f"　【{told}】"
        topic = next(iter(values.get("topic") or [""]))
        shown = {"told": told, "note": note, "first_topic": topic}
        chosen = {name: values.get(name, []) for name in ("audience", "topic")}
        return nest(values) | shown | chosen | {"title": title, "reviewed": reviewed}

    def _get(self, given: Mapping[str, Any]) -> Any:
        path = str(given.get("path", ""))
        told = self._told_of(*self._desk.inspect())
        return _file(path, self._opened(path, told.get(path, "草稿")))

    def _persist(self, given: Mapping[str, Any]) -> Any:
        files = given.get("dataFiles")
        if given.get("assets") or not isinstance(files, list) or len(files) != 1:
            raise Refused("一次只能保存一个条目，不收图片和附件。")
        file = _mapping(files[0])
        if file.get("newPath"):
            raise Refused("条目不能在这里移动或改名。")
        options = _mapping(given.get("options"))
        values = flatten(_read(str(file.get("raw", "")).encode()))
        self._desk.save(Draft(str(file.get("path", "")), values, options.get("newEntry") is True))
        return {"message": "已保存"}

    def _try_out(self, body: bytes) -> Response:
        asked = _read(body)
        values = flatten(dict(_mapping(asked.get("values"))))
        draft = Draft(str(asked.get("path", "")), values, asked.get("new") is True)
        trial = self._desk.try_out(draft)
        return Json(
            {
                "problems": _in_order(trial.problems),
                "left": [_told_of_another(problem) for problem in trial.left],
                "remarks": [_told(Problem(trial.path, 1, *row)) for row in trial.remarks],
                "draft": trial.draft,
                "page": self._page_of(trial),
            }
        )

    def _page_of(self, trial: Trial) -> str | None:
        """Return the address of the page that an entry would become; None if it has mistakes."""
        if trial.entry is None:
            return None
        name = f"policies/{trial.entry.policy.slug}.{secrets.token_hex(4)}.html"
        self._pages[name] = self._preview.render(trial.entry, trial.library)
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        return f"/edit/site/{name}"


async def _in_thread(work: Callable[[bytes], Response], body: bytes) -> Response:
    """Do it beside what is going on; say no in the one shape that mistakes have."""
    try:
        return await asyncio.to_thread(work, body)
    except NotThere as error:
        return _refused(404, str(error))
    except Refused as error:
        return _refused(422, str(error), error.problems)


def _refused(status: int, message: str, problems: tuple[Problem, ...] = ()) -> Response:
    """Return why something was not done, at once for Decap (`error`) and for our own page."""
    told = _in_order(problems)
    errors = [{"field": row["place"], "message": row["message"]} for row in told]
    lines = [message, *(f"{row['where']}：{row['message']}" for row in told)]
    return Json(
        {"error": " ".join(lines), "errors": errors or [{"field": "", "message": message}]},
        status_code=status,
        headers=_headers(EDITOR_POLICY),
    )


async def _not_found(request: Request, error: Exception) -> Response:
    return _refused(404, "没有这个地址。")


def _headers(policy: str) -> dict[str, str]:
    guarded = HEADERS | {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    return guarded | {"Cache-Control": "no-store"}


def _read(body: bytes) -> dict[str, Any]:
    """Read JSON; a number stays as it was written, as everything in front matter does."""
    try:
        value = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise Refused("收到的内容不是 JSON，没有执行。") from None
    return dict(_mapping(value))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _file(path: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return a file as the protocol has it; what it holds travels as JSON."""
    data = json.dumps(values, ensure_ascii=False)
    return {"data": data, "file": {"path": path, "id": path}}


def _name(entry: Entry) -> dict[str, Any]:
    policy = entry.policy
    told = {"slug": policy.slug, "title": policy.title, "words": " ".join(policy.aliases)}
    return _file(f"{POLICIES}/{entry.path}", told)


def _told(problem: Problem) -> dict[str, str]:
    """Return a problem in the words of the form, and where the form shows its place."""
    of_body = re.search("正文|链接", problem.message)  # told with a line, and no field
    name = problem.field or ("body" if of_body else "")
    return {
        "place": name,
        "form": place_in_form(name),
        "where": place_in_words(name) or "整个条目",
        "message": in_form_words(name, problem.message),
    }


def _in_order(problems: tuple[Problem, ...]) -> list[dict[str, str]]:
    """Return problems as they stand in the form, from top to bottom."""
    return sorted(map(_told, problems), key=lambda row: order_of(row["place"]))


def _told_of_another(problem: Problem) -> dict[str, str]:
    return _told(problem) | {"where": f"{Path(problem.path).stem} {place_in_words(problem.field)}"}
