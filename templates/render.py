"""The report as one self-contained HTML page and as PDF/UA."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from oncology.errors import ReportError
from templates.language import language as read_language
from templates.spoken import spoken
from templates.view import Report, view

FOLDER = Path(__file__).parent
# Character ranges of the shipped font files, as their package states them.
FONT_SUBSETS = {
    "latin": "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+2000-206F, U+20AC, U+2122, "
    "U+2191, U+2193, U+2212, U+2215, U+FEFF, U+FFFD",
    "latin-ext": "U+0100-02BA, U+02BD-02C5, U+02C7-02CC, U+02CE-02D7, U+1E00-1E9F, U+1EF2-1EFF, U+2020, U+2113",
    "greek": "U+0370-03FF",
    "cyrillic": "U+0301, U+0400-045F, U+0490-0491, U+04B0-04B1, U+2116",
}
PDF_VARIANT = "pdf/ua-1"
CSS_PLACE = "/* style sheet */"
# Languages that write 12,5; a number in a version, an identifier, a code or a DOI is none.
DECIMAL_COMMA = ("de",)
DECIMAL = re.compile(r"(?<![\w.,:/])(\d+)\.(\d+)(?![\w/]|[.,]\d)")


def render_html(report: Report, language: str = "en") -> str:
    """The whole report as one HTML page without outside references.

    Args:
        report: what to show.
        language: `en`, or a catalog in templates/languages.
    Raises:
        ReportError: there is no catalog for that language.
    """
    return render_page(report, language, translator(language))


def render_page(report: Report, language: str, translate: Callable[[str], str]) -> str:
    """The same page by a translator of one's own."""
    content = view(report, translate)
    page = _pages(language in DECIMAL_COMMA).get_template("report.html.j2")
    html = page.render(language=language, css=CSS_PLACE, _=translate, **content)
    return html.replace(CSS_PLACE, _css(_subsets_in(html)), 1)


@lru_cache(maxsize=2)
def _pages(decimal_comma: bool) -> Environment:
    """The pages, read and compiled once a process."""
    return Environment(
        loader=FileSystemLoader(FOLDER / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_with_comma if decimal_comma else None,
    )


def _with_comma(value: Any) -> Any:
    """Text with a comma in its decimal numbers; what is no text, or is markup, as it is.

    >>> _with_comma("12.5 mm (8.0 to 17.2); version 0.1.0; doi 10.1007/s00405; C34.1")
    '12,5 mm (8,0 to 17,2); version 0.1.0; doi 10.1007/s00405; C34.1'
    """
    plain = isinstance(value, str) and not hasattr(value, "__html__")
    return DECIMAL.sub(r"\1,\2", value) if plain else value


def render_pdf(html: str) -> bytes:
    """The page as PDF/UA; nothing outside the page is ever fetched.

    Raises:
        ReportError: the page could not be laid out.
    """
    # Heavy, and absent where its system libraries are: imported only when a PDF is made.
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    try:
        pdf: bytes = HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=["data"])).write_pdf(
            pdf_variant=PDF_VARIANT
        )
    except (OSError, ValueError) as error:
        raise ReportError(
            f"the PDF could not be laid out: {type(error).__name__}; the HTML report is complete"
        ) from error
    return pdf


def languages() -> list[str]:
    """Languages a report can be written in."""
    return ["en", *sorted(path.stem for path in (FOLDER / "languages").glob("*.yaml"))]


def translator(language: str) -> Callable[[str], str]:
    """A function from English text to that language; text without a translation stays English."""
    if language == "en":
        return spoken
    if language not in languages():
        raise ReportError(f"there are no report texts in {language!r}; expected one of: {', '.join(languages())}")
    return read_language(language)


@lru_cache(maxsize=8)
def _css(subsets: tuple[str, ...]) -> str:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=False)  # style sheets hold no foreign text
    return environment.get_template("report.css").render(faces=_font_faces(subsets))


def _subsets_in(html: str) -> tuple[str, ...]:
    """Font files that a page has characters of: each that is named costs time when the PDF is laid out."""
    characters = {ord(character) for character in html}
    return tuple(name for name, ranges in FONT_SUBSETS.items() if any(map(_ranges(ranges).__contains__, characters)))


@lru_cache(maxsize=8)
def _ranges(text: str) -> frozenset[int]:
    """The characters of a CSS unicode-range.

    >>> sorted(_ranges("U+0041-0043, U+20AC"))
    [65, 66, 67, 8364]
    """
    bounds = [part.strip().removeprefix("U+").split("-") for part in text.split(",")]
    return frozenset(number for ends in bounds for number in range(int(ends[0], 16), int(ends[-1], 16) + 1))


def _font_faces(subsets: tuple[str, ...]) -> str:
    return "\n".join(
        f'@font-face {{ font-family: "Source Sans 3"; font-weight: {weight}; unicode-range: {FONT_SUBSETS[subset]}; '
        f'src: url("{_font_uri(subset, weight)}") format("woff2"); }}'
        for subset in subsets
        for weight in (400, 600, 700)
    )


def _font_uri(subset: str, weight: int) -> str:
    content = (FOLDER / "fonts" / f"source-sans-3-{subset}-{weight}-normal.woff2").read_bytes()
    return data_uri(content, "font/woff2")


def data_uri(content: bytes, media_type: str) -> str:
    """Bytes as a URI that a page carries with it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
