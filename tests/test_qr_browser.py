"""QR codes drawn in the browser are, module for module, those of segno."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import segno
from browser import ROOT
from playwright.sync_api import Browser, Page

SCRIPT = ROOT / "site/overrides/assets/javascripts/qr.js"
SEED = 20261130
MATRICES = """texts => texts.map((text) => policyKb.qrMatrix(text)
  .map((row) => row.map(Number).join("")))"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.add_script_tag(path=SCRIPT)
    yield page
    context.close()


@pytest.fixture(autouse=True)
def padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let segno fill up the last codeword as 7.4.10 says.

    To a text that ends with a codeword, as all in byte mode do, it adds eight zeros more: readers
    take no note of what follows the end, but no two symbols would be alike.
    """

    def pad(bits: Any, version: int | None, length: int) -> None:
        bits.extend([0] * (-length % 8))

    monkeypatch.setattr("segno.encoder.write_padding_bits", pad)


def segnos(text: str) -> list[str]:
    code = segno.make(
        text, error="m", boost_error=False, mode="byte", encoding="utf-8", eci=False, micro=False
    )
    return ["".join(map(str, row)) for row in code.matrix]


def differing(page: Page, texts: list[str]) -> list[str]:
    """Return the texts whose symbol is not that of segno, which chooses its mask itself."""
    drawn = page.evaluate(MATRICES, texts)
    return [text for text, rows in zip(texts, drawn, strict=True) if rows != segnos(text)]


def test_texts_of_every_length_come_out_as_segno_draws_them(page: Page) -> None:
    chance = random.Random(SEED)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#=&%"
    texts = ["".join(chance.choices(letters, k=length)) for length in range(1, 214)]
    assert differing(page, texts) == []


def test_chinese_and_rare_characters_come_out_as_segno_draws_them(page: Page) -> None:
    chance = random.Random(SEED)
    pool = "临淄区政务服务大厅排水许可证小微企业税费减免，。《》〔2026〕é😀𠮷 \n"
    texts = ["".join(chance.choices(pool, k=chance.randint(1, 60))) for _ in range(80)]
    assert differing(page, ["0", "政", "\0", "a" * 14, "a" * 15, *texts]) == []


def test_addresses_come_out_as_segno_draws_them(page: Page) -> None:
    site = "http://zwfw.example.gov.cn:8000/"
    slugs = sorted(path.stem for path in (ROOT / "policies").rglob("*.md"))[::6]
    texts = [f"{site}policies/{slug}.html" for slug in slugs]
    texts += [
        f"{site}search.html?q=%E6%8E%92%E6%B0%B4",
        "file:///D:/政策库/index.html",
        "tel:12345",
    ]
    assert differing(page, texts) == []


def test_every_size_from_the_smallest_to_the_largest_comes_out_as_segno_draws_it(
    page: Page,
) -> None:
    full = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213]
    full += [251, 287, 331, 362, 412, 450, 504, 560, 624, 666]
    texts = ["淄"[: length % 2] + "x" * (length - 3 * (length % 2)) for length in full]
    assert [len(text.encode()) for text in texts] == full
    assert [len(segnos(text)) for text in texts] == [17 + 4 * n for n in range(1, 21)]
    assert differing(page, texts) == []


def test_a_text_that_is_too_long_is_refused_in_chinese(page: Page) -> None:
    said: Any = page.evaluate(
        """() => { try { policyKb.qrMatrix("x".repeat(667)); } catch (error) {
             return [error.name, error.message]; } }"""
    )
    assert said == ["RangeError", "内容太长，放不进二维码。"]


def test_the_picture_shows_the_symbol_in_a_quiet_zone_and_says_what_it_is(
    page: Page, tmp_path: Path
) -> None:
    text = "http://127.0.0.1:8000/policies/drainage-permit.html"
    page.evaluate(
        """text => { const svg = policyKb.qrSvg(text, "这一页的二维码 <b>");
           svg.setAttribute("width", "328"); document.body.replaceChildren(svg); }""",
        text,
    )
    picture = page.get_by_role("img", name="这一页的二维码 <b>")
    assert picture.locator("title").text_content() == "这一页的二维码 <b>"
    symbol = segnos(text)
    side = len(symbol) + 8
    assert picture.get_attribute("viewBox") == f"-4 -4 {side} {side}"
    painted: Any = page.evaluate(
        """async ([side]) => {
          const svg = document.querySelector("svg").cloneNode(true);
          svg.setAttribute("width", side * 3);
          svg.setAttribute("height", side * 3);
          const image = new Image();
          image.src = "data:image/svg+xml," +
            encodeURIComponent(new XMLSerializer().serializeToString(svg));
          await image.decode();
          const canvas = new OffscreenCanvas(side * 3, side * 3).getContext("2d");
          canvas.drawImage(image, 0, 0);
          const dark = (i, j) => canvas.getImageData(j * 3 + 1, i * 3 + 1, 1, 1).data;
          return [...Array(side).keys()].map((i) => [...Array(side).keys()]
            .map((j) => { const [red,,, alpha] = dark(i, j); return alpha < 255 ? "?"
              : red < 128 ? "1" : "0"; }).join(""));
        }""",
        [side],
    )
    light = "0" * side
    edged = [f"0000{row}0000" for row in symbol]
    assert painted == [*[light] * 4, *edged, *[light] * 4]


def test_the_script_is_small() -> None:
    assert SCRIPT.stat().st_size <= 9_100
