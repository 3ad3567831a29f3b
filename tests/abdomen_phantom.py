"""Synthetic abdomens for tests; the last few are kept."""

from functools import lru_cache

from models.synthetic.body import draw_body
from models.synthetic.canvas import Canvas
from models.synthetic.frame import Build, Masks, make_canvas

BUILDS = (
    Build(seed=1),
    Build(seed=2, scale=0.94, fat_mm=10.0, sex="female", muscle=0.8),
    Build(seed=3, scale=1.06, fat_mm=28.0, muscle=1.2),
    Build(seed=4, fat_mm=20.0, sex="female", muscle=0.9),
    Build(seed=5, scale=0.97, fat_mm=12.0, muscle=1.1),
)


@lru_cache(maxsize=3)
def abdomen(build: Build, spacing_mm: float = 2.0) -> tuple[Canvas, Masks]:
    """One abdomen with all its structures; do not change the masks."""
    canvas = make_canvas(spacing_mm, build, "abdomen")
    return canvas, draw_body(canvas, build)
