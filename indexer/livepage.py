"""The page that is open while somebody edits (边改边看的网页): how it learns of a change.

Only `policykb serve --watch` answers with such pages. In what is built there is no trace of them.
"""

import json
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.access import asks_this_computer
from indexer.problems import Problem

FOLDER = Path(__file__).parent / "live"
_PREFIX = "/live/"
_FILES = ("live.js", "live.css")
_FRESH = {"Cache-Control": "no-store"}
# Without these the site answers with the whole page as it is, for the script to be put in.
_CONDITIONS = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")


@dataclass(frozen=True)
class State:
    """What an open page is told: which edition of the site there is, and what is wrong."""

    edition: str
    problems: tuple[Problem, ...] = ()
    failure: str = ""

    @classmethod
    def read(cls, path: Path) -> "State":
        """Return the state that was saved last."""
        data = json.loads(path.read_text(encoding="utf-8"))
        problems = tuple(Problem(**row) for row in data["problems"])
        return cls(data["edition"], problems, data["failure"])

    def save(self, path: Path) -> None:
        """Put the state in place in one step."""
        fresh = path.with_name(f"{path.name}.part")
        fresh.write_text(json.dumps(asdict(self)), encoding="utf-8")
        fresh.replace(path)

    def to_dict(self, *, inside: bool) -> dict[str, Any]:
        """Return the state as JSON values; words of entries only for this very computer."""
        told = self if inside else replace(self, problems=(), failure=self.failure and _ELSEWHERE)
        rows = [problem.to_dict() for problem in told.problems]
        state = {"edition": self.edition, "count": len(self.problems)}
        return {**state, "problems": rows, "failure": told.failure}


_ELSEWHERE = "原因写在运行 policykb serve --watch 的那台电脑上。"


class LivePages:
    """Puts a script into every page that looks whether there is a newer one."""

    def __init__(self, app: ASGIApp, state: Path) -> None:
        self.app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what the script asks; pass all else on, pages with the script."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
        elif scope["path"].startswith(_PREFIX):
            await self._answer(scope)(scope, receive, send)
        elif scope["path"].endswith((".html", "/")):
            await self._send_page(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        name = scope["path"].removeprefix(_PREFIX)
        if name in _FILES:
            return FileResponse(FOLDER / name, headers=_FRESH)
        if name != "state":
            return Response(status_code=404)
        told = State.read(self._state).to_dict(inside=_is_here(scope))
        return JSONResponse(told, headers=_FRESH)

    async def _send_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The edition is read first: should the site be swapped meanwhile, the page loads once more.
        script = _script(State.read(self._state).edition)
        headers = [pair for pair in scope["headers"] if pair[0] not in _CONDITIONS]
        held: list[Message] = []

        async def put_in(message: Message) -> None:
            held.append(message)
            if message["type"] != "http.response.body" or message.get("more_body"):
                return
            body = b"".join(part.get("body", b"") for part in held)
            body = body.replace(b"</head>", script + b"</head>", 1)
            told = MutableHeaders(scope=held[0])
            for name in ("etag", "last-modified"):
                del told[name]
            told["content-length"], told["cache-control"] = str(len(body)), "no-store"
            await send(held[0])
            await send({"type": "http.response.body", "body": body})

        await self.app({**scope, "headers": headers}, receive, put_in)


def _script(edition: str) -> bytes:
    return (
        f'<link rel="stylesheet" href="{_PREFIX}live.css">'
        f'<script src="{_PREFIX}live.js" data-edition="{edition}" defer></script>'
    ).encode()


def _is_here(scope: Scope) -> bool:
    """Tell whether a request comes from this computer and was meant for it."""
    address = (scope.get("client") or ("",))[0]
    try:
        return ip_address(address).is_loopback and asks_this_computer(Headers(scope=scope))
    except ValueError:
        return False
