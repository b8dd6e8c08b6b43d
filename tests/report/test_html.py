"""The page for people: what it says, that a reader can find their way in it, and that nothing from the tree under check acts in it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from importlib.resources import files
from xml.etree.ElementTree import Element

import pytest

from lintorch.report.html.sidebyside import Row, side_by_side
from tests.report.pages import EVIL, PICTURED, all_named, check_page, name, pages, parsed, told

PAGES = dict(pages())
DOCUMENTS = {title: parsed(text) for title, text in PAGES.items()}
every_document = pytest.mark.parametrize("document", [pytest.param(document, id=title) for title, document in DOCUMENTS.items()])


@every_document
def test_nothing_can_run_and_nothing_is_loaded(document: Element) -> None:
    assert not all_named(document, "script", "img", "iframe", "object", "embed", "link", "base", "form", "foreignObject", "image", "a:script")
    for element in document.iter():
        for attribute, value in element.attrib.items():
            plain = attribute.rpartition("}")[2]
            assert not plain.startswith("on"), (name(element), attribute)
            assert plain != "src"
            assert plain != "href" or value.startswith("#")
            assert "javascript:" not in value
            assert "url(" not in value.replace("url(#", "")
    policy = next(meta for meta in all_named(document, "meta") if meta.get("http-equiv"))
    assert policy.get("content") == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize("title", ["hostile", "compared"])
def test_hostile_names_and_source_are_shown_as_they_are(title: str) -> None:
    assert "<script" not in PAGES[title]
    text = told(DOCUMENTS[title])
    assert text.count(EVIL) >= 6
    assert "49" not in text


def test_every_place_that_shows_the_tree_was_tried() -> None:
    document = DOCUMENTS["hostile"]
    shown = {name(element) for element in document.iter() if EVIL in "".join((element.text or "", *((child.tail or "") for child in element)))}
    assert shown >= {"code", "li", "dd", "figcaption", "title", "p", "caption"}
    labels = [element.get("aria-label") or "" for element in document.iter()]
    assert any(EVIL in label for label in labels)


@every_document
def test_ids_are_unique_and_every_reference_leads_somewhere(document: Element) -> None:
    ids = Counter(element.get("id") for element in document.iter() if element.get("id"))
    assert not [one for one, number in ids.items() if number > 1]
    for element in document.iter():
        for attribute, value in element.attrib.items():
            assert all(one in ids for one in _referred(attribute.rpartition("}")[2], value)), (name(element), attribute, value)


def _referred(attribute: str, value: str) -> list[str]:
    """The ids that an attribute's value refers to."""
    if attribute == "href":
        return [value[1:]]
    return value.split() if attribute in {"aria-labelledby", "aria-describedby"} else re.findall(r"url\(#([^)]+)\)", value)


@every_document
def test_landmarks_and_headings_lead_through_the_page(document: Element) -> None:
    assert document.get("lang") == "en"
    for landmark in ("header", "nav", "main", "footer", "h1", "title"):
        assert sum(name(element) == landmark for element in document.iter() if not _in_drawing(document, element)) == 1, landmark
    levels = [int(name(element)[1]) for element in document.iter() if re.fullmatch(r"h[1-6]", name(element))]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels)), levels
    assert all(told(element).strip() for element in all_named(document, "h1", "h2", "h3", "h4", "a", "summary", "th", "figcaption"))
    first = next(element for element in document.iter() if name(element) == "a")
    assert (first.get("class"), first.get("href")) == ("skip", "#main")


def _in_drawing(document: Element, element: Element) -> bool:
    return name(element) == "title" and any(element in list(drawing) for drawing in all_named(document, "svg"))


@every_document
def test_tables_pictures_and_scrolled_places_say_what_they_are(document: Element) -> None:
    for table in all_named(document, "table"):
        assert any(name(child) == "caption" and told(child).strip() for child in table)
        assert all(head.get("scope") in {"col", "row"} for head in all_named(table, "th"))
    for drawing in all_named(document, "svg"):
        assert drawing.get("role") == "img"
        assert [name(child) for child in drawing][:2] == ["title", "desc"]
        assert all(told(child).strip() for child in list(drawing)[:2])
    for place in document.iter():
        if place.get("class") == "scrolls":
            assert (place.get("tabindex"), place.get("role")) == ("0", "region")
            assert place.get("aria-label")
    assert not [element for element in document.iter() if int(element.get("tabindex", "0")) > 0]


def test_what_was_measured_is_drawn_and_told() -> None:
    document = DOCUMENTS["pictured"]
    captions = [told(caption) for caption in all_named(document, "figcaption")]
    assert "Live memory in forward of Net, without gradients: peak 8.2 kB → 8.2 kB, 3 → 2 operations." in captions
    assert "Graph nodes alive after each step of Net: before the fix 21 after step 1, 42 after step 2; with it 0 after step 1, 0 after step 2." in captions
    assert len(captions) == len(all_named(document, "svg")) == 4 + 2 + 2
    drawn = " ".join(told(drawing) for drawing in all_named(document, "svg"))
    assert {"before", "after", "step", "graph nodes", "operations done"} <= set(re.findall(r"operations done|graph nodes|\w+", drawn))
    assert "Compared gradients: 1 of 2 equal bit for bit" in told(document)
    assert "3 more were compared and are not listed." in told(document)


def test_drawings_take_the_colours_of_the_page() -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", PAGES["pictured"], re.DOTALL))
    assert not set(re.findall(r"#[0-9a-f]{6}\b", drawings))
    assert {"var(--before)", "var(--after)", "var(--line)"} <= set(re.findall(r"var\(--[\w-]+\)", drawings))


def test_a_fix_stands_beside_what_it_replaces() -> None:
    document = DOCUMENTS["hostile"]
    diff = next(table for table in all_named(document, "table") if table.get("class") == "diff")
    rows = [[told(cell) for cell in row if name(cell) == "td"] for row in all_named(diff, "tr")]
    assert ["1", "def f(x):", "1", "def f(x):"] in [[cell.strip("\n") for cell in row] for row in rows]
    assert [told(gone) for gone in all_named(diff, "del")] == [f"    y = x  # {EVIL}", "    return y"]
    assert [told(come) for come in all_named(diff, "ins")] == ["    return x"]


def test_the_same_run_gives_the_same_page() -> None:
    assert check_page(PICTURED) == PAGES["pictured"]


SIDES = [
    pytest.param("a\nb\n", "a\nb\n", [], id="equal"),
    pytest.param("a\nb\nc\n", "a\nc\n", ["same", "changed", "same"], id="removed"),
    pytest.param("", "a\n", ["changed"], id="added"),
    pytest.param("a\r\nb", "a\nb", [], id="line ends are no change"),
    pytest.param("x\n" + "s\n" * 9 + "y\n", "X\n" + "s\n" * 9 + "Y\n", ["changed", *["same"] * 3, "gap", *["same"] * 3, "changed"], id="gap"),
]


@pytest.mark.parametrize(("before", "after", "kinds"), SIDES)
def test_rows_side_by_side(before: str, after: str, kinds: list[str]) -> None:
    assert [row.kind for row in side_by_side(before, after)] == kinds


def test_what_differs_within_a_line_is_marked() -> None:
    (row,) = side_by_side("    total += loss\n", "    total += loss.detach()\n")
    assert isinstance(row, Row)
    assert row.old is not None
    assert row.new is not None
    assert [text for text, differs in row.new.pieces if differs] == [".detach()"]
    assert not [text for text, differs in row.old.pieces if differs]
    (other,) = side_by_side("aaa bbb ccc\n", "x(1)\n")
    assert other.new is not None
    assert other.new.pieces == (("x(1)", False),)  # nothing in common: marking parts helps nobody


def _themes() -> dict[str, dict[str, str]]:
    style = (files("lintorch.report.html") / "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return {theme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text)) for theme, text in (("light", light), ("dark", dark))}


def _luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TEXT_ON = {
    "ink": ("paper", "raised", "gone", "gone-strong", "come", "come-strong", "mark"), "ink-soft": ("paper", "raised", "gone", "come"),
    "link": ("paper", "raised"),
    "good": ("good-paper",), "doubt": ("doubt-paper",), "bad": ("bad-paper",), "info": ("info-paper",),
}  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_lines_can_be_told_from_their_ground(theme: str) -> None:
    colors = _themes()[theme]
    weak = {(ink, paper) for ink, papers in TEXT_ON.items() for paper in papers if _contrast(colors[ink], colors[paper]) < 4.5}
    weak |= {(line, "paper") for line in ("before", "after", "focus") if _contrast(colors[line], colors["paper"]) < 3}
    assert not weak
