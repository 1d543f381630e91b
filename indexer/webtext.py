"""The text of a page (网页的文字): what of it is meant to be read, and whether it says “gone”."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

LONGEST = 2**20  # characters of a page that are read
DEEPEST = 50  # of what is left out, one inside the other
SHORT = 400  # characters; a page that is gone says little else
_UNREAD = re.compile(
    "script|style|noscript|template|svg|nav|header|footer|aside|select|button|iframe"
)
_PROGRAM = re.compile("script|style|noscript|template|iframe")
_NAME = re.compile("/?[a-zA-Z][a-zA-Z0-9]{0,20}")
_COMMENT_END = "-->"
_INLINE = re.compile(
    "a|abbr|b|bdi|bdo|cite|code|em|font|i|img|ins|mark|q|s|small|span|strong|sub|sup|u|wbr"
)
# Those of pages in China; any other name may be one of Python's odd codecs.
_ENCODINGS = frozenset(("utf-8", "gb18030", "big5", "utf-16", "iso-8859-1", "windows-1252"))
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_-]{2,20})", re.I)
_GONE_TITLE = re.compile(
    r"^404\b|404 (?:error|错误|页面)|not found|(?:页面|网页|文章|内容|信息|文件)"
    r"(?:不存在|未找到|找不到|已(?:被)?删除|已下线)"
    r"|找不到(?:页面|网页|您)|出错了",
    re.I,
)
_GONE_TEXT = re.compile(
    r"(?:页面|网页|文章|内容|信息|文件|稿件)(?:不存在|未找到|没有找到|找不到|已(?:经)?(?:被)?(?:删除|移除)|已下线)"
    r"|(?:没有找到|找不到)(?:您)?(?:要|想)?(?:访问|浏览|查看)?的?(?:页面|网页|文章|内容)"
    r"|page (?:not found|does not exist)|404 not found",
    re.I,
)


@dataclass(frozen=True)
class PageText:
    """The title of a page, all its words, and those of them that are sentences."""

    title: str
    whole: str
    sentences: str


class _Reader:
    """Collects the blocks of a page; what frames every page of a site is left out."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.blocks: list[str] = []
        self._words: list[str] = []
        self._unread: list[str] = []
        self._in_title = False

    def take(self, tag: str, words: str) -> None:
        """Take a mark, and the words behind it."""
        name = tag.strip("/")
        if name and not _INLINE.fullmatch(name):
            self.end_block()
        if name == "title":
            self._in_title = tag == "title"
        if tag.startswith("/") and name in self._unread:  # and what was left open inside
            del self._unread[self._unread.index(name) :]
        elif tag == name and _UNREAD.fullmatch(name) and len(self._unread) < DEEPEST:
            self._unread.append(name)
        if self._in_title:
            self.titles.append(html.unescape(words))
        elif not self._unread:
            self._words.append(html.unescape(words))

    def end_block(self) -> None:
        """End a paragraph."""
        text = " ".join("".join(self._words).split())
        self._words.clear()
        if text:
            self.blocks.append(text)


def _marks(text: str) -> Iterator[tuple[str, str]]:
    """Yield each mark of a page (p, /p, br/) with the words behind it.

    Every character is looked at once: html.parser takes minutes over a megabyte of “<a”.
    """
    first, *pieces = text.split("<")
    yield "", first
    until = ""  # the end of what holds no words: a comment or a program
    for piece in pieces:
        if until == _COMMENT_END or piece.startswith("!--"):
            _, ended, words = piece.partition(_COMMENT_END)
            until = "" if ended else _COMMENT_END
            yield "", words
            continue
        if until and piece[: len(until)].lower() != until:
            continue
        name = _NAME.match(piece)
        inside, _, words = piece.partition(">")
        if name is None:
            yield "", words if piece.startswith(("!", "?")) else f"<{piece}"
            continue
        tag = name[0].lower()
        until = f"/{tag}" if _PROGRAM.fullmatch(tag) else ""
        yield tag + "/" * inside.endswith("/"), "" if until else words


def read_page(data: bytes, content_type: str) -> PageText:
    """Return the text of a page in HTML, or of a plain text."""
    text = decode(data, content_type)[:LONGEST]
    if "html" not in content_type.lower() and not re.match(r"\s*<(?:!doctype|html)", text, re.I):
        plain = " ".join(text.split())
        return PageText("", plain, plain)
    reader = _Reader()
    for tag, words in _marks(text):
        reader.take(tag, words)
    reader.end_block()
    return PageText(
        " ".join("".join(reader.titles).split()),
        "\n".join(reader.blocks),
        "\n".join(_sentences(reader.blocks)),
    )


def _sentences(blocks: list[str]) -> Iterator[str]:
    """Yield the blocks that say something; lists of news, counters and dates do not."""
    for block in blocks:
        if len(block) >= 60 or re.search(r"[。；]|[.;](?:\s|$)", block):
            yield block


def digest_page(data: bytes, content_type: str) -> str:
    """Return the digest of what is meant to be read: of a page its sentences, else the bytes."""
    if is_text(content_type, data):
        page = read_page(data, content_type)
        data = (page.sentences or f"{page.title}\n{page.whole}").encode()
    return blake2b(data, digest_size=16).hexdigest()


def is_text(content_type: str, data: bytes) -> bool:
    """Tell whether an answer is a page or a text, and no picture, PDF or Word file."""
    kind = content_type.lower()
    if not kind:
        return b"\0" not in data[:1024] and not data.startswith(b"%PDF")
    return "html" in kind or kind.startswith("text/") or "xml" in kind or "json" in kind


def looks_gone(page: PageText) -> str | None:
    """Return the words with which a page says that it is gone, though the status says it is there.

    A long page may well speak of pages that are missing; a short one, or a title, means itself.
    """
    found = _GONE_TITLE.search(page.title)
    if found is None and len(page.whole) <= SHORT:
        found = _GONE_TEXT.search(page.whole)
    return found[0] if found else None


def decode(data: bytes, content_type: str) -> str:
    """Return text in the encoding that the answer names, the page names, or that fits."""
    named = re.search(r"charset\s*=\s*[\"']?([A-Za-z0-9_-]{2,20})", content_type, re.I)
    meta = _CHARSET.search(data[:4096])
    names = [named[1]] if named else []
    names += [meta[1].decode("ascii")] if meta else []
    for name in (*names, "utf-8", "gb18030"):
        encoding = "gb18030" if name.lower() in ("gb2312", "gbk") else name.lower()
        if encoding in _ENCODINGS:
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    return data.decode("utf-8", "replace")
