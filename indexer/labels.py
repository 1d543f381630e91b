"""Labels (标签栏): what a page or form writes beside its text, and how it is told from it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from indexer.plaintext import squeezed
from indexer.transcript import Block, Link, Shape

# A line that begins with one of these is a label wherever it stands at the head of a file.
STRONG = frozenset(
    """
    主题分类 主题导航 主题词 体裁分类 信息分类 信息名称 信息来源 信息索取号 信息索引号
    公布日期 公布机关 公开方式 公开日期 公开时限 公开机构 公开目录 公开程序 公开类型
    公开范围 公开责任部门 公文种类 内容分类 内容概述 分类名称 制发日期 制发机关 印发日期
    发布单位 发布文号 发布日期 发布机关 发布机构 发文单位 发文字号 发文文号 发文日期
    发文时间 发文机关 失效日期 实施日期 废止日期 成文日期 成文时间 效力状况 效力状态
    效力级别 文件名称 文件字号 文件编号 文号 施行日期 时效性 是否有效 更新时间 有效性 有效期
    有效期至 生成日期 生效日期 生效时间 登记号 索取号 索引号 组配分类 统一登记号 统一编号
    规范性文件登记号 颁布单位 颁布日期 颁布机关
    """.split()  # noqa: SIM905 - one word to a line is hard to read
)
# These also begin ordinary sentences: they are labels beside others.
WEAK = frozenset(
    """
    体裁 作者 信息类别 关键词 分类 创建时间 发布人 发布时间 发稿时间 名称 审核 所属栏目
    撰稿人 文章来源 日期 时间 服务对象 来源 标题 栏目 生成时间 稿件来源 编辑 责任编辑 题
    """.split()  # noqa: SIM905 - one word to a line is hard to read
)
IDLE = frozenset(
    """
    下载 中 人气 分享 分享到 大 字体 字体大小 字体显示 字号 小 打印 收藏 浏览 浏览次数
    浏览量 点击 点击数 点击次数 点击量 背景色 视力保护色 访问次数 访问量 阅读 阅读次数
    """.split()  # noqa: SIM905 - one word to a line is hard to read
)
LONGEST_VALUE = 120
FILES = ("pdf", "doc", "docx", "wps", "xls", "xlsx", "et", "ppt", "pptx", "zip", "rar", "7z", "ofd")

_NAMES = sorted(STRONG | WEAK | IDLE, key=len, reverse=True)
_NAME = "|".join(r"[\s\u3000]*".join(name) for name in _NAMES)
_LABEL = re.compile(
    rf"(?:^|(?<=[\s\u3000|｜丨】\]）)；;]))[•·*\s\u3000]*"
    rf"(?:[【\[](?P<boxed>{_NAME})[】\]]\s*[:：]?|[【\[]?(?P<plain>{_NAME})\s*[:：])[\s\u3000]*"
)
_ALONE = re.compile(rf"[【\[]?[\s\u3000]*(?P<name>{_NAME})[\s\u3000]*[】\]]?[\s\u3000]*[:：]?$")
_CUT = re.compile(
    r"[【\[]\s*(?:字体|字号|打印|关闭|收藏|内容纠错|大|中|小|我要|分享).*|字体[:：].*|打印本页.*|\|\s*$"
)
_FURNITURE = re.compile(
    r"""^[\s【\[（(《<>|｜丨·»›\-—:：。]*(?:
        打印(?:本页|此页|页面|文章|正文)? | 关闭(?:本页|窗口|页面|此页)?
      | 收藏(?:本页|此页)? | 加入收藏 | 设为首页
      | 返回(?:顶部|首页|列表|上一页|页首)? | 回到顶部 | 内容纠错 | 我要纠错 | 网页纠错
      | (?:字体|字号)[:：]?\s*[【\[]?\s*(?:[大中小][\s|\]】\[【]*)* | (?:[大中小][\s|]*){2,3} | T\|T
      | 分享 | 分享[到至].{0,60} | 扫一扫.{0,40} | [上下]一[篇条页] | [上下]一[篇条页][:：].*
      | (?:当前|您(?:现在|当前)?的?)(?:所在的?)?位置(?:是)?[:：].*
      | 相关(?:文章|文档|链接|信息|新闻|阅读|推荐)[:：]?
      | (?:浏览|点击|阅读|访问)(?:次数|量|数)?[:：]?\s*\d*\s*次?
      | 首\s*页 | 末页 | 尾页 | 共\s*\d+\s*页
      | 版权所有.* | 版权保护 | 隐私声明 | 网站(?:地图|导航|声明|标识码.*)
      | 联系我们 | 关于我们 | 无障碍(?:浏览|阅读)
      | (?:主办|承办|维护|技术支持|制作维护)(?:单位)?[:：].{0,80}
      | .{0,6}ICP备.* | .{0,4}公网安备.*
      | 繁[體体](?:中文|版)? | 简[体體](?:中文|版)? | English | RSS.{0,8}
      | 微信 | 微博 | 朗读 | 下载\s*Word
    )[\s】\]）)》<>|｜丨·»›\-—。]*$""",
    re.VERBOSE,
)
_CONTENTS = re.compile(r"^.{1,60}?\s*(?:[.．·…‥_]\s?){6,}(?P<page>.{0,8})$")
_PAGE = re.compile(r"[\s\-—–()（）第]*[\divxIVX一二三四五六七八九十\s\-—–]*[)）页]?\s*")
_BOOKMARK = re.compile(r"\[\s*bookmark\s*:\s*[^\]\n]{0,80}\]", re.IGNORECASE)
_ANNEXES = re.compile(r"^附\s*件\s*[:：]\s*(?P<first>.*)$", re.DOTALL)
_COUNTED = re.compile(r"(?:^|(?<=\s))(?:附件)?\s*[0-9０-９]{1,2}\s*[.．、:：]\s*")
_WITHIN = 15  # blocks from the top of a file among which a form stands


@dataclass
class LabelReader:
    """Reads labels from lines in their order; a name and its value may be on two lines."""

    labels: dict[str, str] = field(default_factory=dict)
    _waiting: str = ""

    def take(self, line: str, *, among_text: bool = False) -> bool:
        """Take the labels of a line; return whether the line was nothing else."""
        if self._waiting and (taken := self._take_value(line)):
            return taken
        self._waiting = ""
        if alone := _ALONE.match(line):
            name = squeezed(alone["name"])
            has_colon = line.rstrip().endswith((":", "："))
            is_label = (has_colon and name in STRONG) or (
                not among_text and (has_colon or name in STRONG)
            )
            self._waiting = name if is_label else ""
            return is_label
        found = read_labels(line, among_text=among_text)
        for name, value in found.items():
            self._keep(name, value)
        return bool(found)

    def _take_value(self, line: str) -> bool:
        name, self._waiting = self._waiting, ""
        if _ALONE.match(line) or _LABEL.match(line) or len(line) > LONGEST_VALUE:
            return False
        self._keep(name, line)
        return True

    def _keep(self, name: str, value: str) -> None:
        if value and name not in IDLE:
            self.labels.setdefault(name, value)


def read_labels(line: str, *, among_text: bool = False) -> dict[str, str]:
    """Return the labels of a line that is nothing else; with text around, only sure ones."""
    found = list(_LABEL.finditer(line))
    if not found or found[0].start() > 0 or "\n" in line:
        return _read_spaced(line)
    names = [squeezed(match["boxed"] or match["plain"]) for match in found]
    ends = [*(match.start() for match in found[1:]), len(line)]
    values = [
        _CUT.sub("", line[match.end() : end]).strip(" \u3000|｜丨；;")
        for match, end in zip(found, ends, strict=True)
    ]
    sure = len(found) > 1 or found[0]["boxed"] or (names[0] in STRONG)
    if max(map(len, values)) > LONGEST_VALUE or (among_text and not (sure and any(values))):
        return {}
    return dict(zip(names, values, strict=True))


def _read_spaced(line: str) -> dict[str, str]:
    """Return the labels of a line that has names and values by turns, with spaces between."""
    words = line.split()
    names = words[::2]
    if len(words) < 4 or len(words) % 2 or not STRONG.issuperset(names):
        return {}
    return dict(zip(names, words[1::2], strict=True))


def is_furniture(line: str) -> bool:
    """Tell whether a line is of the kind that pages have around any text (打印本页、上一篇)."""
    return bool(_FURNITURE.match(line)) or all(map(_FURNITURE.match, line.split() or [line]))


def is_contents(line: str) -> bool:
    """Tell whether a line is of a table of contents (目录): a name, dots, and a page."""
    match = _CONTENTS.match(line)
    return bool(match and _PAGE.fullmatch(match["page"]))


def split_contents(blocks: Sequence[Block]) -> tuple[list[Block], list[str]]:
    """Return the blocks without a table of contents (目录), and its lines.

    It has dots before pages, or stands below the word and has lines that come again as headings.
    """
    kept, lines, listing = list[Block](), list[str](), False
    counts = Counter(squeezed(block.text) for block in blocks)
    for block in blocks:
        text = squeezed(block.text)
        listed = is_contents(block.text) or (listing and counts[text] > 1)
        if listed and not block.rows:
            lines.append(block.text)
            counts[text] -= 1
            listing = True
        else:
            listing = text == "目录"
            kept.append(block)
    if lines:
        lines += [block.text for block in kept if squeezed(block.text) == "目录"]
        kept = [block for block in kept if squeezed(block.text) != "目录"]
    return kept, lines


def without_bookmarks(text: str) -> tuple[str, list[str]]:
    """Return the text without what an editor's bookmarks left in it, and that."""
    return _BOOKMARK.sub("", text), _BOOKMARK.findall(text)


def split_labels(blocks: Sequence[Block]) -> tuple[list[Block], dict[str, str], list[str]]:
    """Return blocks without the lines of labels at their head, the labels, and those lines."""
    reader, kept, lines = LabelReader(), list[Block](), list[str]()
    for place, block in enumerate(blocks):
        is_line = place < _WITHIN and block.shape in (Shape.PARAGRAPH, Shape.ITEM)
        if is_line and reader.take(block.text, among_text=True):
            lines.append(block.text)
        else:
            kept.append(block)
    return kept, reader.labels, lines


def list_attachments(blocks: Iterable[Block]) -> tuple[Link, ...]:
    """Return the files that a text names after “附件：”, without addresses."""
    names = dict.fromkeys(name for name in _annex_names(blocks) if name)
    return tuple(Link(name, "") for name in names)


def _annex_names(blocks: Iterable[Block]) -> Iterator[str]:
    listing = False
    for block in blocks:
        if match := _ANNEXES.match(block.text):
            listing = len(squeezed(block.text)) <= LONGEST_VALUE * 3
            yield from _counted_names(match["first"]) if listing else ()
        elif listing and _COUNTED.match(block.text):
            yield from _counted_names(block.text)
        else:
            listing = False


def _counted_names(text: str) -> Iterator[str]:
    for part in _COUNTED.split(text):
        name = part.strip(" \u3000\n。；;")
        if name.startswith("《") and name.endswith("》") and name.count("《") == 1:
            name = name[1:-1]
        if 1 < len(name) <= LONGEST_VALUE:
            yield name
