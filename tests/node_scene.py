"""A chest phantom with one node beside a tumor, as the flow would measure it."""

from __future__ import annotations

import numpy as np

import phantoms
from oncology.findings import Findings, Source, SourceKind
from oncology.imaging.survey import Region, Scene
from oncology.imaging.volume import Volume
from tasks.eyes import assess, scene_for

GRID = phantoms.make_grid((70, 100, 120), (1.5, 1.5, 1.5), center_lps=(0, 0, 0))
TUMOR = phantoms.sphere(GRID, (-60, 0, 20), 30)
SPINE = phantoms.cylinder(GRID, (0, 60, 0), (0, 0, 1), 24)
AORTA = phantoms.cylinder(GRID, (20, 30, 0), (0, 0, 1), 24)


def scene(node_mm: float, middle_hu: float, uptake: float | None) -> tuple[Scene, np.ndarray]:
    """A node at the trachea's right; `middle_hu` of its inner half; without `uptake` there is no PET."""
    node = phantoms.sphere(GRID, (-15, 0, 0), node_mm)
    middle = phantoms.sphere(GRID, (-15, 0, 0), 0.6 * node_mm)
    hu = np.where(node, 72.0, np.where(TUMOR, 60.0, np.where(AORTA, 160.0, -98.0)))
    hu[middle] = middle_hu
    hu += np.random.default_rng(1).normal(0.0, 8.0, hu.shape)
    suv = None
    if uptake is not None:
        values = np.where(node, uptake, np.where(TUMOR, 9.0, np.where(AORTA, 1.6, 0.5)))
        suv = Volume(values.astype(np.float32), GRID)
    ct = Volume(hu.astype(np.int16), GRID)
    return scene_for(ct, suv, {"spine": SPINE, "aorta": AORTA}, {"carina": (0.0, 0.0, -20.0)}), node


def findings(node_mm: float, middle_hu: float, uptake: float | None = None, name: str = "node") -> Findings:
    """What the flow makes of it."""
    seen, node = scene(node_mm, middle_hu, uptake)
    drawn = Source(SourceKind.CONTOUR, "drawn")
    regions = [Region("tumor", "tumor", TUMOR, drawn), Region("node", name, node, drawn, station="4R")]
    return assess("0" * 16, "lung", seen, regions)[0]
