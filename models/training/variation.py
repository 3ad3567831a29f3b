"""How one patient's images vary from scanner to scanner and from body to body, beyond what was drawn.

A network that sees every liver at one density learns that density. So the structures that it is to tell apart get
densities of their own, anew for every sample, as contrast phases and bodies do (Billot 2023, Med Image Anal 86: labels
painted at random carry over to any scanner).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from models.networks.inputs import OUTSIDE_HU

TONES_HU = (-400.0, -140.0, -90.0, -30.0, 20.0, 60.0, 110.0, 180.0, 320.0, 700.0)  # the curve may bend; not at its ends
TONE_HU, VOICE_HU = 9.0, 38.0
SOFT_HU, SOFT_EDGE_HU = (-140.0, 330.0), 60.0  # what a structure's own density changes; neither gas nor compact bone
PHASES = 0.35  # share of the samples with a phase of the contrast medium that was not drawn
# Which blood the medium reaches together, by how names begin, and by how many HU more than drawn it may show there: an
# early scan shows 300 to 600 HU in the heart's right or left half and their arteries, and little in the veins (Bae
# 2010, Radiology 256:32).
POOLS = (
    (("superior_vena_cava", "brachiocephalic_vein", "subclavian_vein", "heart_atrium_right", "heart_ventricle_right",
      "pulmonary_artery"), (-100.0, 420.0)),
    (("pulmonary_vein", "heart_atrium_left", "heart_ventricle_left", "atrial_appendage", "aorta", "heart",
      "brachiocephalic_trunk", "common_carotid", "internal_carotid", "external_carotid", "subclavian_artery", "celiac",
      "left_gastric", "splenic_artery", "gastroduodenal", "common_hepatic", "proper_hepatic", "superior_mesenteric_art",
      "renal_artery", "iliac_artery"), (-100.0, 420.0)),
    (("inferior_vena_cava", "portal_vein", "splenic_vein", "superior_mesenteric_vein", "renal_vein", "iliac_vena",
      "azygos", "internal_jugular"), (-100.0, 60.0)),
)  # fmt: skip
PLACE_MM, PLACE_SCALES, WITHOUT_PLACE = (30.0, 45.0), (0.85, 1.18), 0.08  # of the middle of the body, y and x
CUT_SHARE, LEAST_SEEN = 0.2, 0.3


def varied_ct(hu: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """HU with contrast, calibration, sharpness and noise a little off."""
    hu = hu * float(random.uniform(0.95, 1.05)) + float(random.normal(0.0, 8.0))
    if random.random() < 0.25:
        hu = ndimage.gaussian_filter(hu, float(random.uniform(0.3, 0.8)), truncate=2.0)
    return hu + random.standard_normal(hu.shape, np.float32) * float(random.uniform(0.0, 14.0))


def varied_pet(suv: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """SUV with scale and noise a little off."""
    noise = random.standard_normal(suv.shape, np.float32) * float(random.uniform(0.0, 0.12))
    return np.clip(suv * (float(np.exp(random.normal(0.0, 0.12))) + noise), 0.0, None)


def repainted_ct(hu: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """HU with a density of its own for every structure and for the tissue between them, and with another grain.

    Args:
        hu: (Z, Y, X) float32; `labels`: (Z, Y, X) uint8 of the structures, 0 and IGNORED for none.
    """
    hu = toned(hu, random)
    strength = float(random.uniform(0.0, VOICE_HU)) if random.random() < 0.75 else 0.0
    own = random.normal(0.0, strength, 256).astype(np.float32)[labels]
    hu = hu + ndimage.gaussian_filter(own, 0.5, truncate=2.0) * _soft(hu)
    if random.random() < 0.6:
        coarse = ndimage.gaussian_filter(random.standard_normal(hu.shape, np.float32), float(random.uniform(0.8, 2.5)))
        hu = hu + coarse * (float(random.uniform(0.0, 22.0)) / max(float(coarse.std()), 1e-6)) * _soft(hu)
    if random.random() < 0.4:
        hu = ndimage.gaussian_filter(hu, [float(random.uniform(0.0, 1.1)), *[float(random.uniform(0.0, 0.8))] * 2])
    return hu


def in_phase(hu: np.ndarray, labels: np.ndarray, names: Sequence[str], random: np.random.Generator) -> np.ndarray:
    """HU as another phase of the contrast medium shows blood; as they are in most samples.

    Args:
        hu: (Z, Y, X) float32; `labels`: (Z, Y, X) uint8, n + 1 is `names[n]`.
    """
    if random.random() >= PHASES:
        return hu
    more = np.zeros(256, np.float32)
    for pool, (least, most) in POOLS:
        dense = float(random.uniform(least, most))
        for place, name in enumerate(names, start=1):
            if name.startswith(pool) and name != "heart_myocardium":
                more[place] = dense
    return np.asarray(hu + ndimage.gaussian_filter(more[labels], 0.5, truncate=2.0) * _soft(hu), np.float32)


def toned(hu: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """HU through a rising curve that is off by some HU here and there."""
    knots = np.array(TONES_HU)
    off = random.normal(0.0, TONE_HU, len(knots))
    off[[0, -1]] = 0.0
    return np.asarray(hu + np.interp(hu, knots, np.maximum.accumulate(knots + off) - knots), np.float32)


def _soft(hu: np.ndarray) -> np.ndarray:
    """1 in soft tissue, falling to 0 beyond its densities."""
    low, high = SOFT_HU
    return np.asarray(np.clip(1.0 - np.maximum(low - hu, hu - high) / SOFT_EDGE_HU, 0.0, 1.0), np.float32)


@dataclass(frozen=True)
class PlaceShift:
    """How far off the middle of the body is taken, in mm (y, x), and how much too large the body."""

    offset_mm: tuple[float, float]
    scale: float

    def __call__(self, place_mm: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Places y and x in mm, as a scan that holds a part of the body, or an arm, would give them."""
        (y, x), (down, left) = place_mm, self.offset_mm
        return y * self.scale + down, x * self.scale + left


def draw_place_shift(random: np.random.Generator) -> PlaceShift:
    """None at all now and then, so that a network need not rest on the place."""
    if random.random() < WITHOUT_PLACE:
        return PlaceShift((0.0, 0.0), 0.0)
    y, x = (float(random.normal(0.0, 0.5 * most)) for most in PLACE_MM)
    return PlaceShift((y, x), float(random.uniform(*PLACE_SCALES)))


def cut_view(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray | None:
    """Where a scan that ends within the crop shows something, (Z, Y, X) bool; None for one that shows it all."""
    if random.random() >= CUT_SHARE:
        return None
    axis = int(random.choice(3, p=[0.6, 0.2, 0.2]))
    kept = int(shape[axis] * random.uniform(LEAST_SEEN, 1.0))
    first = int(random.integers(0, shape[axis] - kept + 1))
    seen = np.zeros(shape, bool)
    inside = [slice(None)] * 3
    inside[axis] = slice(first, first + kept)
    seen[tuple(inside)] = True
    return seen


def hidden(hu: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """HU with nothing where the scan has ended."""
    return np.where(seen, hu, np.float32(OUTSIDE_HU))
