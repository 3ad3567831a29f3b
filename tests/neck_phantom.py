"""Synthetic necks for tests: the vessels, bones and tubes that the whole body's drawing gives a neck."""

from functools import lru_cache

from models.synthetic.canvas import Canvas
from models.synthetic.frame import VERTEBRAE_Z, Build, Masks, make_canvas, middle_line, outline
from models.synthetic.neck import draw_neck

BUILDS = (
    Build(seed=1),
    Build(seed=2, scale=0.94, fat_mm=10.0, sex="female", muscle=0.8),
    Build(seed=3, scale=1.06, fat_mm=25.0, muscle=1.2),
    Build(seed=4, fat_mm=20.0, sex="female", muscle=0.9),
    Build(seed=5, scale=0.97, fat_mm=12.0, muscle=1.1),
)


def whole_body(canvas: Canvas, build: Build) -> Masks:
    """What runs through the neck from elsewhere, drawn plainly."""
    tubes = {"trachea": 9.0, "esophagus": 6.0, "spinal_canal": 8.0}
    for side in ("left", "right"):
        tubes |= {f"common_carotid_artery_{side}": 3.5, f"internal_jugular_vein_{side}": 5.5}
    masks = {name: canvas.tube(middle_line(build, name), r * build.scale) for name, r in tubes.items()}
    masks |= {"body": outline(canvas, build), "muscle": outline(canvas, build, build.fat_mm / 3)}
    spine = {round(z / build.scale): (x, y, z) for x, y, z in middle_line(build, "vertebrae", step=1.0)}
    for name, z in VERTEBRAE_Z.items():
        if 240.0 < z < 440.0:
            nearest = min(spine, key=lambda height: abs(height - z))
            masks[f"vertebrae_{name}"] = canvas.ellipsoid(spine[nearest], (10.0, 9.0, 8.0))
    return masks


@lru_cache(maxsize=2)
def neck(build: Build, spacing_mm: float = 1.5) -> tuple[Canvas, Masks]:
    """One neck with all its structures; do not change the masks."""
    canvas = make_canvas(spacing_mm, build, "neck")
    masks = whole_body(canvas, build)
    draw_neck(canvas, build, masks)
    return canvas, masks
