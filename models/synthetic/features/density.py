"""What a phase of the contrast medium shows beside its table of tissues, and organs of another density.

Cortex over medulla until about 100 s, excretion from about 3 min (Yuh and Cohan 1999, AJR 173:747). Liver without
medium: 64 HU without fat, 59 with up to 25%, 42 with up to 50%, 25 beyond (Kodama 2007, AJR 188:1307).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from models.synthetic.features.mark import Mark
from models.synthetic.features.scene import SIDES, Scene, closed
from models.synthetic.tissue import MATERIALS, label_of
from oncology.imaging.region import bounding_box, grown

CORTEX_MM = 7.0
SINUS_MM = 15.0  # how far the fat of a kidney's sinus lies from the gland around it, at most
EARLY_CORTEX_HU, LATE_CORTEX_HU = 165.0, 200.0
EARLY_CAVA_HU, LATE_CAVA_HU = 105.0, 130.0  # with the blood of the kidneys in it
EXCRETED_HU = 420.0
STEATOSIS_HU = (-46.0, -14.0)
SPREAD_HU = {"liver": 7.0, "spleen": 5.0, "pancreas": 11.0, "kidney_left": 6.0, "kidney_right": 6.0,
             "thyroid_gland": 14.0, "parotid_gland_left": 18.0, "parotid_gland_right": 18.0,
             "submandibular_gland_left": 10.0, "submandibular_gland_right": 10.0, "skeletal_muscle": 6.0,
             "aorta": 18.0}  # fmt: skip
ALIKE = {"kidney_right": "kidney_left", "parotid_gland_right": "parotid_gland_left",
         "submandibular_gland_right": "submandibular_gland_left"}  # fmt: skip


def arterial(scene: Scene) -> Iterator[Mark]:
    """Bright cortex of the kidneys; the blood from them in the vena cava."""
    yield from _corticomedullary(scene, EARLY_CORTEX_HU, EARLY_CAVA_HU)


def pancreatic(scene: Scene) -> Iterator[Mark]:
    """The same later on."""
    yield from _corticomedullary(scene, LATE_CORTEX_HU, LATE_CAVA_HU)


def delayed(scene: Scene) -> Iterator[Mark]:
    """Medium in the renal pelvis."""
    for side in SIDES:
        yield from scene.mark(renal_pelvis(scene, side), hu=EXCRETED_HU)


def _corticomedullary(scene: Scene, cortex_hu: float, cava_hu: float) -> Iterator[Mark]:
    for side in SIDES:
        name = f"kidney_{side}"
        yield from scene.mark(_cortex(scene, name), hu=_seen(scene, name, cortex_hu))
    veins = scene.masks.get("renal_vein_right", scene.canvas.empty())
    if veins.any():
        above = scene.own("inferior_vena_cava")
        above[: int(np.flatnonzero(veins.any(axis=(1, 2)))[0])] = False
        yield from scene.mark(above, hu=_seen(scene, "inferior_vena_cava", cava_hu))


def _seen(scene: Scene, name: str, hu: float) -> float:
    """A density with as much medium as the plan's scanner shows."""
    scanner, plain = scene.plan.scanner, MATERIALS[label_of(name)].plain
    return plain + (scanner.enhancement if scanner.contrast else 0.0) * (hu - plain)


def _cortex(scene: Scene, name: str) -> np.ndarray:
    """What lies near the outside of a kidney, not near its sinus."""
    kidney = scene.own(name)
    if not kidney.any():
        return kidney
    box = grown(bounding_box(kidney), scene.canvas.geometry, 2.0 * CORTEX_MM)
    whole = np.pad(closed(kidney, scene.canvas, SINUS_MM)[box], 1)
    depth = ndimage.distance_transform_edt(whole, sampling=scene.canvas.geometry.spacing_mm)[1:-1, 1:-1, 1:-1]
    kidney[box] &= depth <= CORTEX_MM * scene.plan.build.scale
    return kidney


def renal_pelvis(scene: Scene, side: str) -> np.ndarray:
    """The middle of a kidney's sinus, where its fat leaves room for the pelvis, (Z, Y, X) bool."""
    name = f"kidney_{side}"
    if name not in scene.masks:
        return scene.canvas.empty()
    sinus = closed(scene.masks[name], scene.canvas, SINUS_MM) & scene.fat
    if not sinus.any():
        return sinus
    box = grown(bounding_box(sinus), scene.canvas.geometry, 5.0)
    depth = ndimage.distance_transform_edt(sinus[box], sampling=scene.canvas.geometry.spacing_mm)
    sinus[box] &= depth >= 0.45 * depth.max()
    return sinus


def steatosis(scene: Scene) -> Iterator[Mark]:
    """A less dense liver, with or without medium."""
    yield from scene.mark(scene.own("liver"), more_hu=float(scene.random("steatosis").uniform(*STEATOSIS_HU)))


def density_spread(scene: Scene) -> Iterator[Mark]:
    """Each organ a little off its table."""
    random = scene.random("density-spread")
    drawn = {name: spread * float(np.clip(random.standard_normal(), -2.0, 2.0)) for name, spread in SPREAD_HU.items()}
    for name in SPREAD_HU:
        yield from scene.mark(scene.own(name), more_hu=drawn[ALIKE.get(name, name)])
