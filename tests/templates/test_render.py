"""The report can be read by a board, a screen reader and a gray printer, and shows nothing it should not."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from oncology.errors import ReportError
from templates.render import FOLDER, languages, render_html, render_pdf, translator
from templates_sample import findings, report, staging, verdict

SAME_IN_EVERY_LANGUAGE = {"MRN", "Patient", "Tumor"}


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def test_page_one_stands_alone(pdf: bytes) -> None:
    first = pages(pdf)[0]
    for expected in ("Is the tumor resectable?", "cT2b cN2a cM0", "Stage IIIA", "longest diameter 43.2 mm", "81 %"):
        assert expected in first
    for expected in ("brain metastases are common", "chest wall", "the record says left", "PET lies 9 mm off"):
        assert expected in first


def test_page_one_holds_however_much_there_is_to_say() -> None:
    content, seen = staging(), findings()
    long = "a very long reason " * 12
    content["missing"] = [{"what": f"fact {place}", "why": long, "axis": "t"} for place in range(12)]
    content["conflicts"] = [conflict | {"message": long} for conflict in content["conflicts"] * 9]
    for edition in content["editions"].values():
        edition["t"]["because"] = edition["n"]["because"] = long * 4
        edition["would_change"] *= 9
    seen["quality"] = [verdict("pet-misaligned", "warning", long)] * 9
    printed = pages(render_pdf(render_html(report(staging=content, findings=seen))))
    assert "Masks:" in printed[0]
    assert "Lung cancer" in printed[1][:200]


def test_page_one_ends_a_list_of_reasons_behind_a_whole_one() -> None:
    content, one = staging(), "4R: short axis 12.4 mm, SUVmax 7.2"
    for edition in content["editions"].values():
        edition["n"]["because"] = "; ".join([one] * 20)
    first = " ".join(pages(render_pdf(render_html(report(staging=content))))[0].split())
    assert re.search(rf"{one}; and \d+ more", first)
    assert "…" not in first


def test_a_category_is_never_wholly_sure_while_another_is_possible() -> None:
    content = staging()
    for edition in content["editions"].values():
        edition["m"] |= {"possible": ["M0", "M1b"], "probabilities": {"M0": 1.0, "M1b": 0.0}}
    page = render_html(report(staging=content))
    assert "&gt; 99 %; possible: M0, M1b" in page
    assert "100 %" not in front(page)


def test_editions_of_one_reason_share_a_row_with_both_chances() -> None:
    content = staging()
    content["editions"]["9"]["n"] |= {"category": "N2b", "probabilities": {"N2b": 0.6, "N2a": 0.4}}
    page = front(render_html(report(staging=content)))
    assert "cN2a (8), cN2b (9)" in page
    assert "81 % (8), 60 % (9); possible: N2a, N2b" in page


def front(page: str) -> str:
    return page[page.index('<section class="front">') : page.index("</section>")]


def test_an_open_group_is_said_to_be_open_with_what_is_possible(html: str) -> None:
    assert "Stage cannot be told yet" in html
    assert "credible: IIIA, IIIB" in html


def test_every_page_says_research_use_only(pdf: bytes) -> None:
    assert all("Research use only" in page for page in pages(pdf))


def test_the_pdf_is_tagged_titled_and_in_a_language(pdf: bytes) -> None:
    catalog: Any = PdfReader(BytesIO(pdf)).trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"]
    assert catalog["/Lang"] == "en"
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid" in catalog["/Metadata"].get_data()


def test_every_font_is_shipped_and_embedded(pdf: bytes) -> None:
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts
    assert all("Source-Sans-3" in font for font in fonts)


def test_the_page_refers_to_nothing_outside_itself(html: str) -> None:
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)|url\(["']?([^"')]+)""", html)
    assert addresses
    assert all((source or style).startswith("data:") for source, style in addresses)


def test_every_picture_has_words(html: str) -> None:
    pictures = re.findall(r"<img [^>]*>", html)
    assert pictures
    assert all(re.search(r'alt="[^"]+"', picture) for picture in pictures)


def test_text_from_a_record_cannot_become_markup() -> None:
    facts = {
        "facts": [
            {"name": "question", "value": "<script>alert(1)</script>", "resource": "r", "path": "p", "date": None}
        ]
    }
    page = render_html(report(history=facts))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_page_that_points_outside_gets_nothing_from_there() -> None:
    pdf = render_pdf("<html lang='en'><title>t</title><img alt='x' src='file:///etc/hostname'><p>text</p></html>")
    assert not PdfReader(BytesIO(pdf)).pages[0].images


def test_a_case_with_nothing_found_still_makes_a_report() -> None:
    empty = findings() | {"tumors": [], "nodes": [], "nodes_assessed": False, "quality": []}
    page = render_html(report(findings=empty, key_images=(), patient={}, history={}, series=()))
    for expected in (
        "No tumor was contoured or found.",
        "Lymph nodes were not assessed",
        "No key image could be drawn.",
    ):
        assert expected in page


def test_a_failed_part_stands_on_page_one() -> None:
    broken = findings() | {
        "quality": [verdict("part-failed", "error", "anatomy failed and is missing from this result")]
    }
    assert "anatomy failed and is missing" in pages(render_pdf(render_html(report(findings=broken))))[0]


def test_editions_that_differ_get_a_reason_each() -> None:
    content = staging()
    content["editions"]["9"]["t"]["category"] = "T3"
    page = render_html(report(staging=content))
    assert "cT2b (8)" in page
    assert "cT3 (9)" in page


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(ReportError, match="'xx'"):
        render_html(report(), "xx")


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_every_text_of_the_pages_is_translated(language: str) -> None:
    texts = {
        text
        for path in (FOLDER / "pages").glob("*.j2")
        for text in re.findall(r'_\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    }
    translate = translator(language)
    unchanged = {text for text in texts if translate(text) == text} - SAME_IN_EVERY_LANGUAGE
    assert not unchanged
