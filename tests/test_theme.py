import re

from indexer.theme import CLASSES, _blocks, theme_style


def test_the_style_has_the_rules_of_the_classes_in_use_and_of_no_other() -> None:
    style = theme_style()
    found = set(re.findall(r"\.(md-[\w-]+)", re.sub(r"url\([^)]*\)", "", style)))
    assert found <= CLASSES
    for wanted in (".md-typeset table:not([class])", ".md-typeset .admonition", ".md-grid"):
        assert wanted in style
    for unwanted in ("md-search", "md-tabs", ".highlight", "@font-face", "@keyframes"):
        assert unwanted not in style
    assert style.count("{") == style.count("}")


def test_the_style_is_a_fifth_of_the_whole() -> None:
    assert 20_000 < len(theme_style().encode()) < 35_000


def test_marks_within_strings_do_not_end_a_rule() -> None:
    picture = """:root{--a:url("data:image/svg+xml,<svg d='M0}{;)'/>")}"""
    rules = [*_blocks(f'@charset "x;y";{picture}@media print{{a{{b:c}}d{{e:f}}}}')]
    assert rules == [
        (":root", """--a:url("data:image/svg+xml,<svg d='M0}{;)'/>")"""),
        ("@media print", "a{b:c}d{e:f}"),
    ]
