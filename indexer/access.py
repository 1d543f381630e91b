"""Access (谁能看内部备注): where a token is needed, where it comes from, and who has shown it."""

import hmac
import os
import re
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers

VARIABLE = "POLICYKB_TOKEN"
SHORTEST = 16  # characters; at random, far more than anybody can try
LONGEST = 500
_BEARER = re.compile("bearer +([!-~]+) *", re.IGNORECASE)
# What a program that passes requests on adds to them: then they come from elsewhere.
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_MAKE_ONE = "例如用 python3 -c 'import secrets; print(secrets.token_urlsafe(24))' 生成一个。"


class AccessUnsafe(Exception):
    """Internal notes would be open to those they are not meant for, and what to do."""


@dataclass(frozen=True)
class Access:
    """Who sees the notes of the entries in `policies`: this computer, or those with the token."""

    policies: Path
    token: str | None = field(default=None, repr=False)

    def is_shown(self, headers: Headers) -> bool:
        """Tell whether a request shows that it may see notes; raise WrongToken for a wrong try."""
        if self.token is None:
            return asks_this_computer(headers)
        given = headers.getlist("authorization")
        if not given:
            return False
        match = _BEARER.fullmatch(given[0])
        shown = match[1] if match and len(given) == 1 else ""
        if not hmac.compare_digest(shown.encode(), self.token.encode()):
            raise WrongToken
        return True


class WrongToken(Exception):
    """A request shows something, but not the token."""


def asks_this_computer(headers: Headers) -> bool:
    """Tell whether a request was made here, by the name of this computer alone.

    A page from elsewhere may have its own name lead to this computer, but cannot hide the name.
    """
    if any(name in headers for name in _PASSED_ON):
        return False
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def open_access(policies: Path, token_file: Path | None, listener: socket.socket) -> Access:
    """Return who sees notes on this address; refuse one that others reach without a token."""
    try:
        token = read_token(token_file)
        address = listener.getsockname()[0].partition("%")[0]
        if token is None and not ip_address(address).is_loopback:
            raise AccessUnsafe(
                f"在 {address} 上提供服务，别的电脑也能访问，显示内部备注要先设口令："
                f"写在文件里，用 --token-file 指明，或者设环境变量 {VARIABLE}；{_MAKE_ONE}"
            )
    except AccessUnsafe:
        listener.close()
        raise
    return Access(policies, token)


def read_token(file: Path | None) -> str | None:
    """Return the token of a file or of the environment, where programs started later miss it."""
    given = os.environ.pop(VARIABLE, None)
    if file is None:
        return None if given is None else _check(given, f"环境变量 {VARIABLE}")
    if given is not None:
        raise AccessUnsafe(f"口令只写一处：--token-file 和环境变量 {VARIABLE} 不要都用。")
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(LONGEST + 2)
    except (OSError, UnicodeDecodeError):
        raise AccessUnsafe(f"口令文件 {file} 读不出来，请核对文件名和权限。") from None
    return _check(text, str(file))


def _check(text: str, place: str) -> str:
    token = text.strip()
    if not re.fullmatch(f"[!-~]{{{SHORTEST},{LONGEST}}}", token):
        raise AccessUnsafe(
            f"{place} 里的口令不合用（有 {len(token)} 个字符）：要 {SHORTEST} 到 {LONGEST} 个"
            f"英文字母、数字或符号，中间没有空格；{_MAKE_ONE}"
        )
    return token
