"""Files that somebody sent are read whole, as what they are, within bounds."""

import io
import os
import time
import zipfile
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_ALIGN_PARAGRAPH
from papers import (
    Rule,
    Text,
    drawn_table,
    listed,
    lost,
    make_doc,
    make_docx,
    make_ole,
    make_pdf,
    make_zip,
    paragraph,
    part,
    read_file,
    run,
    table,
    text_of_doc,
    text_of_docx,
    text_of_html,
    text_of_pdf,
    texts,
    write_pdf,
)

from indexer import filereading
from indexer.headings import Number, level_of, number_of, shape_blocks
from indexer.labels import is_furniture, read_labels
from indexer.plaintext import Undecodable, decode
from indexer.transcript import Block, Link, Shape, Transcript, Unreadable
from indexer.wordnumbers import write_number

LONG = (
    "为规范高层次人才购房补贴的申请、受理和发放，根据国家和省有关规定，结合本区实际，制定本办法。"
)


def refusal(folder: Path, name: str, data: bytes) -> str:
    with pytest.raises(Unreadable) as told:
        read_file(folder, name, data)
    return str(told.value)


def shapes(read: Transcript) -> list[tuple[Shape, int, str]]:
    return [(block.shape, block.level, block.text) for block in read.blocks]


# Headings.


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("第一编 总则", 1),
        ("第三章　申请与受理", 1),
        ("第二节 补贴标准", 2),
        ("一、申请条件", 1),
        ("二、关于基本医疗保险关系的续接、转移规定", 1),
        ("（一）人员范围。", 2),
        ("(二) 具体操作", 2),
        ("1.申请材料", 3),
        ("（1）身份证明", 4),
        ("附件1", 1),
        ("附件：", None),
        ("第五条 申请人应当是本区居民", None),
        (f"一、{LONG}", None),
        ("（一）义务教育；", None),
        ("三、有下列情形之一的：", None),
        ("3.5%的企业", None),
        ("2024年1月1日起施行", None),
        ("一般情况下", None),
        ("第三章规定的补贴由区财政承担；不足部分另行安排。", None),
        ("", None),
    ],
)
def test_a_line_is_a_heading_by_its_number_and_its_length(line: str, level: int | None) -> None:
    assert level_of(line) == level


def test_the_number_of_an_article_is_known_though_it_is_no_heading() -> None:
    assert number_of("第十二条之一 申请人……") is Number.ARTICLE
    assert number_of("第一百〇三条") is Number.ARTICLE
    assert number_of("①身份证") is Number.FIFTH


def test_numbered_lines_below_one_another_are_a_list_and_those_with_text_below_are_headings() -> (
    None
):
    lines = [
        "（一）人员范围",
        LONG,
        "（二）材料",
        "1.身份证",
        "2.户口簿",
        "（1）首页",
        "（2）本人页",
        LONG,
    ]
    read = shape_blocks(Block(Shape.PARAGRAPH, line) for line in lines)
    assert [(block.shape, block.level) for block in read] == [
        (Shape.HEADING, 2),
        (Shape.PARAGRAPH, 0),
        (Shape.HEADING, 2),
        (Shape.ITEM, 0),
        (Shape.ITEM, 0),
        (Shape.ITEM, 1),
        (Shape.ITEM, 1),
        (Shape.PARAGRAPH, 0),
    ]


# Encodings.


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("declared", [None, "gb2312", "utf-8", "big5", "iso-8859-1", "nonsense"])
def test_text_is_read_whatever_its_encoding_and_whatever_it_says(
    encoding: str, declared: str | None
) -> None:
    assert decode(LONG.encode(encoding), declared) == LONG


def test_big5_is_told_from_gb18030() -> None:
    text = "為規範高層次人才購房補貼的申請、受理和發放，根據有關規定，制定本辦法。"
    assert decode(text.encode("big5")) == text


def test_a_broken_character_is_shown_as_such_and_the_rest_is_read() -> None:
    data = (LONG * 20).encode("gb18030")
    text = decode(data[:-1])
    assert text.startswith(LONG)
    assert text.endswith("\ufffd")


def test_bytes_that_are_no_text_are_told() -> None:
    with pytest.raises(Undecodable):
        decode(bytes(range(128, 256)) * 40 + b"\xff\xff" * 400)


# Labels and furniture.


def test_labels_are_read_from_one_line_or_several() -> None:
    line = "信息来源： 本站原创 \t更新时间：2011-06-02"
    assert read_labels(line) == {"信息来源": "本站原创", "更新时间": "2011-06-02"}
    assert read_labels("【文　　号】 临人社发〔2024〕3号") == {"文号": "临人社发〔2024〕3号"}
    line = "分类名称 机关工作 公布机关 某市人民政府"
    assert read_labels(line) == {"分类名称": "机关工作", "公布机关": "某市人民政府"}
    line = "来源：区人社局 日期：2024-04-29 【字号 大 中 小】 浏览次数：88"
    assert read_labels(line)["日期"] == "2024-04-29"


def test_a_sentence_with_a_colon_is_no_label() -> None:
    assert read_labels("来源：财政资金，由区财政局拨付。", among_text=True) == {}
    assert read_labels("申请材料：身份证、户口簿。") == {}


@pytest.mark.parametrize(
    "line",
    [
        "打印本页",
        "【关闭窗口】",
        "上一篇：关于开展检查的通知",
        "【字体：大 中 小】",
        "版权所有 某区人民政府",
        "鲁ICP备12345号",
    ],
)
def test_what_stands_around_any_page_is_known(line: str) -> None:
    assert is_furniture(line)


@pytest.mark.parametrize(
    "line", ["打印申请表一式两份", "关闭企业应当申报", "分享经济企业的认定", "上一年度纳税额"]
)
def test_text_that_begins_like_furniture_is_text(line: str) -> None:
    assert not is_furniture(line)


# Word.


def test_a_docx_of_another_library_is_read_with_headings_tables_and_looks(tmp_path: Path) -> None:
    paper = docx.Document()
    paper.core_properties.title = "补贴办法"
    title = paper.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.add_run("高层次人才购房补贴办法").font.size = docx.shared.Pt(22)
    paper.add_heading("申请条件", level=2)
    paper.add_paragraph(LONG)
    paper.add_paragraph("身份证", style="List Bullet")
    grid = paper.add_table(rows=2, cols=3)
    for at, cell in enumerate(cell for row in grid.rows for cell in row.cells):
        cell.text = f"格{at}"
    grid.cell(0, 0).merge(grid.cell(0, 1))
    file = io.BytesIO()
    paper.save(file)
    read = read_file(tmp_path, "办法.docx", file.getvalue())
    head = read.blocks[0]
    assert (head.text, head.centred, head.size) == ("高层次人才购房补贴办法", True, 22)
    assert shapes(read)[1:4] == [
        (Shape.HEADING, 2, "申请条件"),
        (Shape.PARAGRAPH, 0, LONG),
        (Shape.ITEM, 0, "身份证"),
    ]
    assert read.blocks[4].rows == (("格0\n格1", "", "格2"), ("格3", "格4", "格5"))
    assert read.title == "补贴办法"
    assert not lost(text_of_docx(file.getvalue()), read)


NUMBERING = part(
    "numbering",
    """<w:abstractNum w:abstractNumId="7">
    <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/>
      <w:lvlText w:val="%1、"/></w:lvl>
    <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="chineseCounting"/>
      <w:lvlText w:val="（%2）"/></w:lvl>
    <w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="decimal"/>
      <w:lvlText w:val="%1.%2.%3"/><w:isLgl/></w:lvl></w:abstractNum>
    <w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:start w:val="9"/>
      <w:numFmt w:val="chineseCounting"/><w:lvlText w:val="第%1条"/></w:lvl></w:abstractNum>
    <w:abstractNum w:abstractNumId="9"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/>
      <w:lvlText w:val="●"/></w:lvl></w:abstractNum>
    <w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>
    <w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>
    <w:num w:numId="3"><w:abstractNumId w:val="9"/></w:num>
    <w:num w:numId="4"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0">
      <w:startOverride w:val="1"/></w:lvlOverride></w:num>""",
)


def test_automatic_numbers_of_word_are_written_out(tmp_path: Path) -> None:
    body = "".join(
        (
            listed("申请条件", 1),
            listed(f"年满十八周岁，{LONG}", 1, 1),
            listed("有本区户籍", 1, 1),
            listed("三级", 1, 2),
            paragraph(LONG),
            listed("申请材料", 1),
            listed("身份证", 1, 1),
            listed("申请人应当如实填写。", 2),
            listed("区人社局负责受理。", 2),
            listed("圆点", 3),
            listed("另一份", 4),
        )
    )
    read = read_file(tmp_path, "自动编号.docx", make_docx(body, {"numbering.xml": NUMBERING}))
    assert texts(read) == [
        "一、申请条件",
        f"（一）年满十八周岁，{LONG}",
        "（二）有本区户籍",
        "1.2.1 三级",
        LONG,
        "二、申请材料",
        "（一）身份证",
        "第九条 申请人应当如实填写。",
        "第十条 区人社局负责受理。",
        "圆点",
        "一、另一份",
    ]
    assert read.blocks[0].shape is read.blocks[5].shape is Shape.HEADING
    assert read.blocks[7].shape is Shape.PARAGRAPH
    assert read.blocks[9].shape is Shape.ITEM


@pytest.mark.parametrize(
    ("number", "style", "written"),
    [
        (10, "chineseCounting", "十"),
        (11, "chineseCountingThousand", "十一"),
        (20, "chineseCounting", "二十"),
        (105, "chineseCounting", "一百零五"),
        (110, "chineseCounting", "一百一十"),
        (1010, "chineseCountingThousand", "一千零一十"),
        (10001, "chineseCountingThousand", "一万零一"),
        (12, "chineseLegalSimplified", "壹拾贰"),
        (3, "decimalEnclosedCircle", "③"),
        (28, "lowerLetter", "bb"),
        (14, "upperRoman", "XIV"),
        (7, "decimalZero", "07"),
        (2, "ideographTraditional", "乙"),
        (2, "unheardOf", "2"),
        (0, "chineseCounting", "0"),
    ],
)
def test_numbers_are_written_as_word_writes_them(number: int, style: str, written: str) -> None:
    assert write_number(number, style) == written


def test_revisions_notes_boxes_and_hidden_text_are_kept_or_told(tmp_path: Path) -> None:
    box = "<w:txbxContent>" + paragraph("文本框里的话") + "</w:txbxContent>"
    drawn = (
        "<w:r><mc:AlternateContent><mc:Choice Requires='wps'>"
        f"<wps:txbx>{box}</wps:txbx></mc:Choice>"
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r>"
    )
    body = "".join(
        (
            paragraph(
                "补贴",
                "<w:ins>" + run("六万元") + "</w:ins>",
                "<w:del><w:r><w:delText>五万元</w:delText></w:r></w:del>",
                '<w:bookmarkStart w:name="_GoBack"/>',
                "<w:moveFrom>" + run("移走的话") + "</w:moveFrom>",
                run("，内部掌握", "<w:vanish/>"),
                '<w:r><w:footnoteReference w:id="5"/></w:r>',
                drawn,
            ),
            paragraph("正文还有[bookmark: _GoBack]一段"),
            paragraph("申请条件\t1", look='<w:pStyle w:val="T"/>'),
            paragraph("后期加的", look='<w:pStyle w:val="S"/>'),
        )
    )
    styles = part(
        "styles",
        '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="toc 1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="S"><w:basedOn w:val="U"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="U"><w:basedOn w:val="S"/>'
        '<w:pPr><w:jc w:val="center"/></w:pPr><w:rPr><w:sz w:val="44"/></w:rPr></w:style>',
    )
    notes = part("footnotes", '<w:footnote w:id="5">' + paragraph("按年发放。") + "</w:footnote>")
    parts = {
        "styles.xml": styles,
        "footnotes.xml": notes,
        "header1.xml": part("hdr", paragraph("临淄区文件")),
        "footer1.xml": part("ftr", paragraph("第 3 页")),
        "comments.xml": part(
            "comments", '<w:comment w:id="1">' + paragraph("金额再核") + "</w:comment>"
        ),
    }
    data = make_docx(body, parts)
    read = read_file(tmp_path, "修订.docx", data)
    assert texts(read) == [
        "补贴六万元［注1］",
        "文本框里的话",
        "正文还有一段",
        "后期加的",
        "［注1］按年发放。",
    ]
    assert (read.blocks[3].centred, read.blocks[3].size) == (True, 22)
    assert set(read.left_out) == {
        "修订时删除的文字：五万元 移走的话",
        "隐藏的文字：，内部掌握",
        "目录：申请条件 1",
        "页眉：临淄区文件",
        "页脚：第 3 页",
        "批注：金额再核",
        "[bookmark: _GoBack]",
    }
    assert not lost(text_of_docx(data), read)


def test_merged_cells_nested_tables_and_frames_lose_nothing(tmp_path: Path) -> None:
    wide = '<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>' + paragraph("对象")
    tall = '<w:tcPr><w:vMerge w:val="restart"/></w:tcPr>' + paragraph("博士")
    below = "<w:tcPr><w:vMerge/></w:tcPr>" + paragraph()
    inner = table(["甲", "乙"]) + paragraph()
    body = table([wide, "标准"], [tall, "全日制", "六万元"], [below, "在职", inner])
    body += table([paragraph("框里的一段。") + paragraph("框里的又一段。")])
    data = make_docx(body)
    read = read_file(tmp_path, "表.docx", data)
    assert read.blocks[0].rows == (
        ("对象", "", "标准"),
        ("博士", "全日制", "六万元"),
        ("", "在职", "甲\t乙"),
    )
    assert texts(read)[1:] == ["框里的一段。", "框里的又一段。"]
    assert not lost(text_of_docx(data), read)


def test_links_to_files_are_attachments_and_nothing_outside_is_fetched(tmp_path: Path) -> None:
    relations = (
        '<Relationship Id="rIdA" Type="hyperlink" TargetMode="External" '
        'Target="http://127.0.0.1:9/申请表.docx"/>'
        '<Relationship Id="rIdB" Type="styles" TargetMode="External" Target="file:///etc/passwd"/>'
        '<Relationship Id="rIdC" Type="header" Target="../../../../etc/passwd"/>'
    )
    link = '<w:hyperlink r:id="rIdA">' + run("申请表") + "</w:hyperlink>"
    annexes = "附件：1.申请表 2.《承诺书》 3.《资格证》发放情况"
    body = paragraph(LONG) + paragraph(link) + paragraph(annexes)
    data = make_docx(body, {"../../../evil.xml": "<a/>"}, relations)
    read = read_file(tmp_path, "链接.docx", data)
    assert read.attachments == (
        Link("申请表", "http://127.0.0.1:9/申请表.docx"),
        Link("承诺书", ""),
        Link("《资格证》发放情况", ""),
    )
    assert [path.name for path in tmp_path.iterdir()] == ["链接.docx"]


def test_a_page_that_a_site_exported_as_word_is_read(tmp_path: Path) -> None:
    relations = '<Relationship Id="rIdP" Type="x/aFChunk" Target="afchunk.htm"/>'
    page = f"<html><body><h1>补贴办法</h1><p>{LONG}</p></body></html>"
    body = '<w:altChunk r:id="rIdP"/><w:altChunk r:id="rIdQ"/>'
    data = make_docx(body, {"word/afchunk.htm": page.encode()}, relations)
    read = read_file(tmp_path, "导出.docx", data)
    assert texts(read) == ["补贴办法", LONG]
    assert read.left_out == ("（文件里嵌着别的文件，没有读。）",)


def test_macros_are_not_read_and_it_is_said(tmp_path: Path) -> None:
    data = make_docx(paragraph(LONG), {"word/vbaProject.bin": b"\0macro"})
    read = read_file(tmp_path, "宏.docm", data)
    assert texts(read) == [LONG]
    assert any("有宏，没有运行" in text for text in read.left_out)


def test_a_doc_file_is_read_by_its_bytes(tmp_path: Path) -> None:
    data = make_doc("临淄区人才公寓管理办法", "第一章 总则", f"第一条 {LONG}", "一、申请条件")
    read = read_file(tmp_path, "办法.docx", data)
    assert texts(read) == [
        "临淄区人才公寓管理办法",
        "第一章 总则",
        f"第一条 {LONG}",
        "一、申请条件",
    ]
    assert read.blocks[1].shape is Shape.HEADING
    assert not lost(text_of_doc(data), read)


# PDF.


def page(number: int, *lines: str) -> list[Text | Rule]:
    """A page of lines as an office prints them: 28 letters from edge to edge, a head, a number."""
    things: list[Text | Rule] = [
        Text(200, 800, "临淄区人民政府公报", 10),
        Text(280, 40, f"— {number} —", 10),
        Text(150, 300, "内部资料", 60, grey=0.8, slant=0.7),
    ]
    for at, line in enumerate(lines):
        indent = 32 if line.startswith("　") else 0
        things.append(Text(74 + indent, 740 - 28 * at, line.strip("　")))
    return things


FULL = "补贴资金由区财政局按季度拨付到区人力资源社会保障局专户管理"[:28]


def test_lines_of_a_pdf_become_paragraphs_without_heads_feet_and_watermarks(tmp_path: Path) -> None:
    first = page(
        1, "　一、申请条件", f"　{FULL[:26]}", FULL, "到账后十日内发放。", f"　{FULL[:26]}", FULL
    )
    second = page(2, "续在下一页的文字。", "　（一）人员范围")
    data = make_pdf(first, second)
    read = read_file(tmp_path, "公报.pdf", data)
    assert texts(read) == [
        "一、申请条件",
        f"{FULL[:26]}{FULL}到账后十日内发放。",
        f"{FULL[:26]}{FULL}续在下一页的文字。",
        "（一）人员范围",
    ]
    assert read.blocks[0].shape is Shape.HEADING
    assert sorted(set(read.left_out)) == [
        "水印：内部资料",
        "页眉：临淄区人民政府公报",
        "页脚：— 1 —",
        "页脚：— 2 —",
    ]
    assert not lost(text_of_pdf(data), read)


def test_a_title_of_a_pdf_is_centred_large_and_in_one_piece(tmp_path: Path) -> None:
    things = [
        Text(132, 760, "关于印发临淄区高层次人才购房补", 22),
        Text(231, 725, "贴办法的通知", 22),
        *(Text(74, 680 - 28 * at, FULL) for at in range(4)),
    ]
    read = read_file(tmp_path, "标题.pdf", make_pdf(things))
    title = read.blocks[0]
    assert title.text == "关于印发临淄区高层次人才购房补贴办法的通知"
    assert (title.centred, title.size) == (True, 22)


def test_two_columns_of_a_gazette_are_read_one_after_the_other(tmp_path: Path) -> None:
    left, right = FULL[:14], FULL[14:]
    things = [
        Text(170, 780, "临淄区人才公寓管理办法", 22),
        *(Text(60, 740 - 25 * at, left) for at in range(12)),
        *(Text(310, 740 - 25 * at, right) for at in range(12)),
        Text(60, 400, "横跨两栏的一行字，说明下面的内容另起一部分，不再分栏"),
    ]
    data = make_pdf(things)
    read = read_file(tmp_path, "公报.pdf", data)
    assert texts(read)[:3] == ["临淄区人才公寓管理办法", left * 12 + right * 12, texts(read)[2]]
    assert not lost(text_of_pdf(data), read)


def test_a_table_of_a_pdf_is_read_once_cell_by_cell(tmp_path: Path) -> None:
    rows = [["对象", "标准", "期限"], ["博士", "六万元", "三年"], ["硕士", "", "两年"]]
    things = [
        Text(74, 740, FULL),
        *drawn_table(80, 700, [120, 120, 120], rows),
        Text(74, 560, FULL),
    ]
    data = make_pdf(things)
    read = read_file(tmp_path, "表.pdf", data)
    assert [block.shape for block in read.blocks] == [Shape.PARAGRAPH, Shape.TABLE, Shape.PARAGRAPH]
    assert read.blocks[1].rows == tuple(map(tuple, rows))
    assert not lost(text_of_pdf(data), read)


def test_a_scanned_pdf_is_said_to_be_one(tmp_path: Path) -> None:
    assert "是扫描件，没有文字" in refusal(tmp_path, "扫描.pdf", make_pdf([], [], picture=True))


def test_a_page_that_is_only_a_picture_is_told_among_pages_with_text(tmp_path: Path) -> None:
    data = make_pdf([Text(74, 700 - 28 * at, FULL) for at in range(5)], [], picture=True)
    read = read_file(tmp_path, "半扫描.pdf", data)
    assert texts(read) == [FULL * 5]
    assert read.left_out == ("（第 2 页只有图，没有文字）",)


def test_a_pdf_whose_font_tells_no_letters_is_refused(tmp_path: Path) -> None:
    data = make_pdf([Text(74, 700, FULL)])
    data = data.replace(b"UniGB-UCS2-H", b"Identity-H  ").replace(b"(GB1)", b"(Own)")
    assert "读出来是乱码" in refusal(tmp_path, "乱码.pdf", data)


def test_an_encrypted_pdf_says_what_to_do(tmp_path: Path) -> None:
    lock = f"/Encrypt<</Filter/Standard/V 1/R 2/O<{'41' * 32}>/U<{'42' * 32}>/P -4>>/ID[<01><01>]"
    assert "加了密码" in refusal(tmp_path, "密.pdf", make_pdf([Text(74, 700, LONG)], more=lock))


def test_a_pdf_with_too_many_pages_is_refused_with_the_number(tmp_path: Path) -> None:
    told = refusal(tmp_path, "长.pdf", make_pdf(*([Text(74, 700, "页")] for _ in range(301))))
    assert "有 301 页，一次最多读 300 页" in told


@pytest.mark.parametrize(
    "objects",
    [
        ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>"],
        ["<</Type/Catalog/Pages 2 0 R>>", "2 0 R"],
        ["<</Type/Catalog/Pages 1 0 R>>"],
        ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids{'[' * 5000}{']' * 5000}>>"],
    ],
    ids=["kids", "reference", "catalog", "nesting"],
)
def test_a_pdf_that_goes_round_in_circles_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: list[str]
) -> None:
    monkeypatch.setattr(filereading, "PATIENCE", 8)
    began = time.monotonic()
    assert "PDF" in refusal(tmp_path, "圈.pdf", write_pdf(objects))
    assert time.monotonic() - began < 30


# Web pages.


PAGE = f"""<!DOCTYPE html><!-- saved from url=(0031)http://www.example.gov.cn/a.htm -->
<html><head><meta charset="CHARSET"><title>关于发放购房补贴的通知-某区人民政府</title>
<meta name="ArticleTitle" content="关于发放购房补贴的通知">
<meta name="PubDate" content="2024-05-06 10:00">
<style>p {{ color: red }}</style><script>var x = "脚本";</script></head><body>
<div class="nav"><a href="/">首页</a><a href="/xxgk">信息公开</a></div>
<div>当前位置：<a href="/">首页</a> &gt; <a href="/tz">通知</a></div>
<table class="info"><tr><td>索引号：</td><td>11370305/2024-00012</td><td>发文机关</td>
<td>区人社局</td></tr><tr><td>发文字号：</td><td>临人社发〔2024〕3号</td><td>成文日期：</td><td>2024年5月6日</td></tr></table>
<h2 class="tit">关于发放购房补贴的通知</h2>
<div class="source"><span>信息来源：区人社局</span>
<span>更新时间：2024-05-07</span> 【字体：<a>大</a> <a>中</a>】</div>
<div class="con"><div class="TRS_Editor">
<p style="text-align:center;font-size:20px">关于发放补贴</p>
<p>　　{LONG}</p><p>一、补贴标准</p>
<table><tr><th rowspan="2">对象</th><th colspan="2">标准</th></tr>
<tr><td>首付</td><td>月供</td></tr>
<tr><td>博士</td><td>六万元</td><td>一千元</td></tr></table>
<ol start="3"><li>身份证</li><li>户口簿<ul><li>首页</li></ul></li></ol>
<p>第一条<br>　　{LONG}</p><div style="display:none">看不见的话</div>
<p>附件：<a href="./P020.docx">购房补贴申请表.docx</a></p><p>2.承诺书</p>
<p><a href="javascript:window.print()">【打印本页】</a></p></div></div>
<div class="footer">主办单位：某区人民政府 鲁ICP备1号
<a href="/map.pdf">地图</a></div></body></html>"""


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("gb2312", "gb18030"),
        ("utf-8", "gb18030"),
        ("gbk", "utf-8"),
        ("", "gb18030"),
    ],
)
def test_a_page_is_read_without_what_stands_around_its_article(
    tmp_path: Path, declared: str, encoding: str
) -> None:
    data = PAGE.replace("CHARSET", declared).encode(encoding)
    read = read_file(tmp_path, "通知.doc", data)
    assert read.title == "关于发放购房补贴的通知"
    assert shapes(read) == [
        (Shape.HEADING, 1, "关于发放购房补贴的通知"),
        (Shape.PARAGRAPH, 0, "关于发放补贴"),
        (Shape.PARAGRAPH, 0, LONG),
        (Shape.HEADING, 1, "一、补贴标准"),
        (Shape.TABLE, 0, "对象\t标准\n\t首付\t月供\n博士\t六万元\t一千元"),
        (Shape.ITEM, 0, "3. 身份证"),
        (Shape.ITEM, 0, "4. 户口簿"),
        (Shape.ITEM, 1, "首页"),
        (Shape.PARAGRAPH, 0, "第一条"),
        (Shape.PARAGRAPH, 0, LONG),
        (Shape.PARAGRAPH, 0, "附件：购房补贴申请表.docx"),
        (Shape.ITEM, 0, "2.承诺书"),
    ]
    assert read.blocks[1].centred
    assert read.blocks[1].size == 15
    assert read.blocks[4].rows[0] == ("对象", "标准", "")
    assert read.blocks[4].rows[1] == ("", "首付", "月供")
    assert {name: read.labels[name] for name in ("索引号", "发文机关", "发文字号", "成文日期")} == {
        "索引号": "11370305/2024-00012",
        "发文机关": "区人社局",
        "发文字号": "临人社发〔2024〕3号",
        "成文日期": "2024年5月6日",
    }
    assert read.labels["信息来源"] == "区人社局"
    assert read.labels["更新时间"] == "2024-05-07"
    assert read.labels["发布日期"] == "2024-05-06 10:00"
    assert read.attachments == (Link("购房补贴申请表.docx", "./P020.docx"), Link("承诺书", ""))
    assert read.address == "http://www.example.gov.cn/a.htm"
    assert "看不见的话" in read.left_out
    assert not lost(text_of_html(data), read)


@pytest.mark.parametrize(
    "form",
    [
        "<dl><dt>发文机关：</dt><dd>区教体局</dd><dt>有效性：</dt><dd>有效</dd></dl>",
        "<ul><li><span>发文机关：</span><span>区教体局</span></li><li>有效性：有效</li></ul>",
        "<div><b>发文机关</b></div><div>区教体局</div><div><b>有效性</b></div><div>有效</div>",
        "<p>发文机关：区教体局　　有效性：有效</p>",
    ],
)
def test_labels_are_found_in_whatever_way_a_page_writes_them(tmp_path: Path, form: str) -> None:
    page = f"<html><body>{form}<div><p>{LONG}</p><p>{LONG}</p></div></body></html>"
    read = read_file(tmp_path, "页.html", page.encode())
    assert (read.labels.get("发文机关"), read.labels.get("有效性")) == ("区教体局", "有效")
    assert texts(read) == [LONG, LONG]
    assert not lost(text_of_html(page.encode()), read)


def test_two_articles_on_one_page_are_both_kept(tmp_path: Path) -> None:
    page = f"<body><div class=a><p>{LONG * 3}</p></div><div class=b><p>{LONG}</p></div></body>"
    assert texts(read_file(tmp_path, "页.html", page.encode())) == [LONG * 3, LONG]


@pytest.mark.parametrize("frame", ["class='content-bottom'", "style='display:none'"])
def test_an_article_in_a_frame_with_an_odd_name_is_found(tmp_path: Path, frame: str) -> None:
    page = f"<html><body><div class=menu>首页</div><div {frame}><p>{LONG}</p></div></body></html>"
    assert texts(read_file(tmp_path, "页.html", page.encode())) == [LONG]


def test_an_article_is_not_cut_down_step_by_step(tmp_path: Path) -> None:
    page = "<html><body>" + f"<div><p>{LONG}</p>" * 30
    assert texts(read_file(tmp_path, "页.html", page.encode())) == [LONG] * 30


def test_a_page_saved_as_one_file_is_read(tmp_path: Path) -> None:
    head = (
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: text/html; charset=gb2312\r\nContent-Transfer-Encoding: 8bit\r\n"
        "Content-Location: http://www.example.gov.cn/b.htm\r\n\r\n"
    )
    data = (
        head.encode() + f"<html><body><p>{LONG}</p></body></html>".encode("gb18030") + b"\r\n--b--"
    )
    read = read_file(tmp_path, "页.mht", data)
    assert (texts(read), read.address) == ([LONG], "http://www.example.gov.cn/b.htm")


def test_a_page_of_a_thousand_nested_parts_is_read_and_one_of_ten_thousand_refused(
    tmp_path: Path,
) -> None:
    page = "<html><body>" + "<div>" * 1000 + f"<p>{LONG}</p>" * 2
    assert texts(read_file(tmp_path, "深.html", page.encode())) == [LONG] * 2
    began = time.monotonic()
    page = "<html><body>" + "<div>" * 10_000 + LONG + "</div>" * 10_000
    assert "层次太深" in refusal(tmp_path, "深.html", page.encode())
    assert time.monotonic() - began < 20


def test_ten_thousand_unclosed_paragraphs_are_read(tmp_path: Path) -> None:
    page = "<html><body>" + f"<p>{LONG}" * 10_000
    assert len(read_file(tmp_path, "段.html", page.encode()).blocks) == 10_000


def test_a_cell_that_claims_a_million_columns_takes_a_hundred(tmp_path: Path) -> None:
    cells = "<td colspan=999999 rowspan=999999>甲</td><td>乙</td>"
    page = f"<p>{LONG}</p><table><tr>{cells}</tr><tr><td>丙</td></tr></table>"
    read = read_file(tmp_path, "格.html", f"<html><body>{page}".encode())
    assert [len(row) for row in read.blocks[1].rows] == [101, 101]


def test_entities_of_a_page_are_not_expanded_or_fetched(tmp_path: Path) -> None:
    page = (
        '<!DOCTYPE html [<!ENTITY a "哈哈哈哈"><!ENTITY b "&a;&a;&a;&a;">'
        f'<!ENTITY f SYSTEM "file:///etc/passwd">]><html><body><p>{LONG}&b;&f;</p></body></html>'
    )
    read = read_file(tmp_path, "体.html", page.encode())
    assert "root:" not in "".join((*texts(read), *read.left_out))
    assert "哈哈哈哈哈哈哈哈" not in "".join(texts(read))


# Text.


def test_each_line_of_a_text_is_a_paragraph_without_its_indent(tmp_path: Path) -> None:
    lines = [
        "　　　　　　补贴办法",
        "信息来源： 区人社局 \t更新时间：2024-05-07",
        "",
        f"　　{LONG}",
    ]
    text = "\r\n".join([*lines, "　　一、条件", ""])
    read = read_file(tmp_path, "办法.txt", text.encode("gb18030"))
    assert texts(read) == ["补贴办法", LONG, "一、条件"]
    assert read.blocks[0].centred
    assert read.labels["信息来源"] == "区人社局"
    assert not lost(text, read)


def test_lines_cut_to_one_width_are_joined(tmp_path: Path) -> None:
    letters = LONG * 4
    lines = ["　　" + letters[:28], *(letters[at : at + 30] for at in range(28, len(letters), 30))]
    text = "\n".join([*lines, "　　" + lines[1][:28], *lines[2:5], "一、条件"])
    read = read_file(tmp_path, "折行.txt", text.encode())
    assert texts(read)[0] == letters
    assert texts(read)[-1] == "一、条件"


def test_a_table_of_contents_and_the_buttons_of_a_page_are_left_out(tmp_path: Path) -> None:
    lines = ["补贴办法", "目　录", "第一章 总则", "第二章 附则", "二、办理……………………………… 12"]
    lines += ["第一章 总则", LONG, "第二章 附则", LONG, "打印本页 关闭窗口"]
    text = "\n".join(lines)
    read = read_file(tmp_path, "办法.txt", text.encode())
    assert texts(read) == ["补贴办法", "第一章 总则", LONG, "第二章 附则", LONG]
    assert not lost(text, read)


def test_markdown_is_read_as_headings_lists_and_tables(tmp_path: Path) -> None:
    table = "|对象|标准|\n|-|-|\n|博士|六万元|\n"
    text = f"---\ntitle: 办法\n---\n# 补贴办法\n\n{LONG}\n\n- 身份证\n- 户口簿\n\n{table}"
    read = read_file(tmp_path, "办法.md", f"{text}\n<div>单位</div>\n".encode())
    assert shapes(read) == [
        (Shape.HEADING, 1, "补贴办法"),
        (Shape.PARAGRAPH, 0, LONG),
        (Shape.ITEM, 0, "身份证"),
        (Shape.ITEM, 0, "户口簿"),
        (Shape.TABLE, 0, "对象\t标准\n博士\t六万元"),
        (Shape.PARAGRAPH, 0, "单位"),
    ]
    assert read.labels == {"title": "办法"}


# What cannot be read.


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("空.docx", b"", "是空的"),
        ("空白.txt", b" \r\n\0", "是空的"),
        ("图.pdf", b"\x89PNG\r\n\x1a\n...", "图片（PNG）"),
        ("图.jpg", b"\xff\xd8\xff\xe0...", "图片（JPG）"),
        ("包.docx", b"Rar!\x1a\x07\x01\0", "压缩包（RAR）"),
        ("文.doc", b"{\\rtf1\\ansi}", "RTF 文件"),
        ("程序.pdf", b"MZ\x90\0", "Windows 程序"),
        ("表.doc", make_zip({"xl/workbook.xml": "<a/>"}), "Excel 表格"),
        ("式.pdf", make_zip({"OFD.xml": "<a/>"}), "OFD 版式文件"),
        ("包.zip", make_zip({"通知.docx": "x"}), "压缩包（ZIP）"),
        ("包.zip", make_zip({}), "压缩包（ZIP）"),
        ("图.docx", make_docx(paragraph()), "没有正文"),
        ("架.html", b"<html><body><script>load()</script></body></html>", "没有正文"),
        ("断.docx", make_docx(paragraph(LONG))[:-40], "坏了"),
        ("断.pdf", b"%PDF-1.4\n" + os.urandom(3000), "坏了"),
        ("表.xls", make_ole({"Workbook": b"x"}), "Excel 表格"),
        ("密.docx", make_ole({"EncryptedPackage": b"x"}), "加了密码"),
        ("密.doc", make_doc(LONG, encrypted=True), "加了密码"),
        ("坏.doc", make_ole({"WordDocument": b"x"}), "坏了"),
        ("乱.txt", bytes(range(128, 256)) * 40 + b"\xff\xff" * 400, "不是文字"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    told = refusal(tmp_path, name, data)
    assert message in told
    assert "请" in told or "不要" in told


def test_a_text_without_end_is_no_document(tmp_path: Path) -> None:
    told = refusal(tmp_path, "长.txt", (LONG * 80_000).encode())
    assert "这个文件的文字太多（10 MB）" in told


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="打不开这个文件"):
        filereading.read_transcript(tmp_path / "没有.docx")


def test_a_file_larger_than_the_bound_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "大.html"
    with path.open("wb") as file:
        file.truncate(filereading.MAX_BYTES + 2**20)
    with pytest.raises(Unreadable, match="有 51 MB，一次最多读 50 MB"):
        filereading.read_transcript(path)


def packed_bomb(name: str, size: int, *, lying: bool = False) -> bytes:
    """A docx one part of which unpacks to many megabytes, and may say that it does not."""
    data = make_docx(paragraph(LONG), {name: b" " * size})
    if not lying:
        return data
    place = data.rindex(f"word/{name}".encode()) - 46
    assert data[place : place + 4] == b"PK\x01\x02"
    return data[: place + 24] + (1000).to_bytes(4, "little") + data[place + 28 :]


@pytest.mark.parametrize("lying", [False, True])
def test_a_bomb_in_a_part_of_a_docx_is_not_unpacked(tmp_path: Path, lying: bool) -> None:
    data = packed_bomb("styles.xml", 200 * 2**20, lying=lying)
    told = refusal(tmp_path, "炸.docx", data)
    assert "大得不正常" in told or "坏了" in told


def test_a_part_that_packs_a_thousand_to_one_is_a_bomb_though_it_is_small(tmp_path: Path) -> None:
    data = packed_bomb("styles.xml", 20 * 2**20)
    assert "大得不正常" in refusal(tmp_path, "炸.docx", data)


def test_a_bomb_in_a_part_nobody_needs_is_never_looked_at(tmp_path: Path) -> None:
    data = make_docx(paragraph(LONG), {"word/media/image1.png": b"\0" * 100 * 2**20})
    assert texts(read_file(tmp_path, "图.docx", data)) == [LONG]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_in_a_part_of_a_docx_are_refused(tmp_path: Path, encoding: str) -> None:
    entities = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10))
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [<!ENTITY a0 "ha">{entities}'
        '<!ENTITY f SYSTEM "file:///etc/passwd">]><d>&a9;&f;</d>'
    )
    data = make_docx(paragraph(LONG), {"styles.xml": text.encode(encoding)})
    assert "实体定义" in refusal(tmp_path, "体.docx", data)


def test_deep_nesting_in_a_docx_is_refused(tmp_path: Path) -> None:
    body = "<w:sdt><w:sdtContent>" * 5000 + paragraph(LONG) + "</w:sdtContent></w:sdt>" * 5000
    assert "坏了" in refusal(tmp_path, "深.docx", make_docx(body))


def test_a_reader_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filereading, "PATIENCE", 0.05)
    assert "秒还没有读完" in refusal(tmp_path, "慢.docx", make_docx(paragraph(LONG)))


def test_nothing_is_written_beside_the_file(tmp_path: Path) -> None:
    read_file(tmp_path, "办法.doc", make_doc(LONG))
    refusal(tmp_path, "坏.doc", make_ole({"WordDocument": b"x"}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["办法.doc", "坏.doc"]


def test_a_file_in_the_folder_one_works_in_is_not_taken_for_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('hostile')")
    (tmp_path / "zipfile.py").write_text("raise SystemExit('hostile')")
    monkeypatch.chdir(tmp_path)
    assert texts(read_file(tmp_path, "办法.docx", make_docx(paragraph(LONG)))) == [LONG]


def test_a_library_that_is_not_installed_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pdfplumber.py").write_text("raise ModuleNotFoundError(name='pdfplumber')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = refusal(tmp_path, "文.pdf", make_pdf([Text(74, 700, LONG)]))
    assert "没有装读 PDF 文件要用的 pdfplumber，请" in told
    assert "-m pip install -e '.[import]'" in told


def test_zip_directories_may_name_what_they_like(tmp_path: Path) -> None:
    file = io.BytesIO(make_docx(paragraph(LONG)))
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("../../evil", "x")
        packed.writestr("/etc/evil", "x")
    assert texts(read_file(tmp_path, "名.docx", file.getvalue())) == [LONG]
    assert len(list(tmp_path.iterdir())) == 1
