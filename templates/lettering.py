"""Words in pictures, in the report's own font: white with a dark edge, readable on any background."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from pathlib import Path

from PIL import ImageDraw, ImageFont

FONTS = Path(__file__).parent / "fonts"
# The font comes in files by script; the first whose range holds a character draws it.
SCRIPTS = (("greek", 0x0370, 0x03FF), ("cyrillic", 0x0400, 0x04FF), ("latin-ext", 0x0100, 0x024F))
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def script_of(character: str) -> str:
    """The file that holds a character."""
    return next((name for name, low, high in SCRIPTS if low <= ord(character) <= high), "latin")


@lru_cache(maxsize=64)
def font(size: float, script: str = "latin") -> Font:
    """The report's semibold font; Pillow's own where its FreeType cannot unpack WOFF2."""
    try:
        return ImageFont.truetype(FONTS / f"source-sans-3-{script}-600-normal.woff2", size)
    except OSError:
        return ImageFont.load_default(size)


def text_width(pen: ImageDraw.ImageDraw, text: str, size: float) -> float:
    """How wide a line of text will be, in pixels."""
    return sum(pen.textlength(run, font=font(size, script)) for script, run in _runs(text))


def write(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: float,
    anchor: str = "la",
    edge: float = 2.0,
) -> None:
    """Write one line.

    Args:
        place: x, y of the anchor in pixels.
        anchor: two letters as Pillow has them: l, m, r and a (top), m, d (bottom), s (baseline).
        edge: width of the dark edge in pixels; 0 for none.
    """
    x, y = place
    x -= text_width(pen, text, size) * {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]]
    for script, run in _runs(text):
        kind = font(size, script)
        # The edge is a little see-through in its corners when drawn with the text, so it is drawn first.
        if edge:
            pen.text(
                (x, y), run, font=kind, fill="black", anchor=f"l{anchor[1]}", stroke_width=edge, stroke_fill="black"
            )
        pen.text((x, y), run, font=kind, fill="white", anchor=f"l{anchor[1]}")
        x += pen.textlength(run, font=kind)


def _runs(text: str) -> list[tuple[str, str]]:
    return [(script, "".join(characters)) for script, characters in groupby(text, key=script_of)]
