"""Uptake of FDG without disease.

Highest SUV: urine 15-60 and more (Shreve 1999, Radiographics 19:61); palatine tonsils 3.5 +- 1.4, sublingual glands 3.3
+- 1.5 on average (Wang 2007, Mol Imaging Biol 9:83); bowel under metformin in wall and lumen, colon over small bowel
(Gontier 2008, Eur J Nucl Med Mol Imaging 35:95), up to 21 (Bevilacqua 2014, BMJ Case Rep); myocardium from blood level
to far above the liver (Tiwari 2012, Indian J Nucl Med 27:69); brown fat symmetric, in fat on CT, above the clavicles,
beside the spine, in the armpits (Cypess 2009, N Engl J Med 360:1509). SUV here are those of the tissue, before the
scanner's point spread lowers them; where only a range is known, its middle is a guess.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from models.synthetic.features.density import renal_pelvis
from models.synthetic.features.mark import Mark
from models.synthetic.features.scene import SIDES, Scene

URINE_HU = 8.0
BLADDER_SUV, PELVIS_SUV = (26.0, 0.45, 12.0, 70.0), (13.0, 0.5, 5.0, 40.0)  # median, spread, lowest, highest
MYOCARDIUM_SUV, NO_MYOCARDIUM_SUV = (8.5, 0.4, 4.5, 18.0), 1.3
COLON_SUV, SMALL_BOWEL_SHARE = (8.0, 0.35, 4.0, 20.0), 0.6
BROWN_FAT_SUV = (10.0, 0.4, 5.0, 25.0)
THYROID_SUV, SALIVARY_SUV = (6.0, 0.4, 3.0, 14.0), (4.0, 0.3, 2.6, 7.5)
TONSIL_SUV, CORD_SUV = (7.5, 0.3, 4.5, 14.0), (9.0, 0.3, 5.0, 16.0)
SALIVARY = ("parotid_gland", "submandibular_gland", "sublingual_gland")
# Depots of brown fat on the left: center (x, y, z) and radii of ellipsoids.
DEPOTS = (
    ((58.0, 22.0, 284.0), (34.0, 36.0, 25.0)), ((122.0, 12.0, 222.0), (26.0, 32.0, 36.0)),
    ((24.0, 74.0, 190.0), (16.0, 26.0, 95.0)),
)  # fmt: skip
RING_CENTER_Z = -120.0  # of the colon seen from the front


def _suv(random: np.random.Generator, law: tuple[float, float, float, float]) -> float:
    median, spread, low, high = law
    return float(np.clip(median * np.exp(spread * random.standard_normal()), low, high))


def urine(scene: Scene) -> Iterator[Mark]:
    """Urine in the bladder and in both renal pelves, where they lie in the field of view."""
    random = scene.random("urine")
    bladder, pelvis = _suv(random, BLADDER_SUV), _suv(random, PELVIS_SUV)
    yield from scene.mark(scene.own("urinary_bladder"), suv=bladder)
    medium = scene.plan.scanner.phase == "delayed" and scene.plan.scanner.contrast
    for side in SIDES:
        yield from scene.mark(renal_pelvis(scene, side), hu=None if medium else URINE_HU, suv=min(pelvis, bladder))


def myocardium_intense(scene: Scene) -> Iterator[Mark]:
    """Glucose in the left ventricle's wall."""
    suv = _suv(scene.random("myocardium-intense"), MYOCARDIUM_SUV)
    yield from scene.mark(scene.own("heart_myocardium"), suv=suv)


def myocardium_absent(scene: Scene) -> Iterator[Mark]:
    """No more than the blood has."""
    yield from scene.mark(scene.own("heart_myocardium"), suv=NO_MYOCARDIUM_SUV)


def bowel_uptake(scene: Scene) -> Iterator[Mark]:
    """Segments of the colon, and of the small bowel less of it."""
    random = scene.random("bowel-uptake")
    suv, turn, start = _suv(random, COLON_SUV), random.uniform(0.0, 6.28), random.uniform(0.0, 6.28)
    z, y, x = scene.frame_axes()
    around = np.arctan2(z - RING_CENTER_Z, x)
    segments = np.sin(2.0 * around + turn) + 0.6 * np.sin(5.0 * around + start) > -0.2
    yield from scene.mark(scene.own("colon", "colon_wall", "colon_lumen") & segments, suv=suv)
    loops = np.sin(z / 21.0 + turn) + np.sin(x / 26.0 + y / 33.0 + start) > 0.3
    small = scene.own("small_bowel", "small_bowel_wall", "small_bowel_lumen") & loops
    yield from scene.mark(small, suv=SMALL_BOWEL_SHARE * suv)


def brown_fat(scene: Scene) -> Iterator[Mark]:
    """Patches of fat, alike on both sides."""
    random = scene.random("brown-fat")
    suv, phases = _suv(random, BROWN_FAT_SUV), random.uniform(0.0, 6.28, 3)
    z, y, x = scene.frame_axes()
    beside = np.abs(x)
    patches = np.sin(beside / 8.0 + phases[0]) + np.sin(y / 9.0 + phases[1]) + np.sin(z / 10.0 + phases[2]) > 0.0
    inner = ndimage.binary_erosion(scene.fat)
    for (left, back, up), (wide, deep, high) in DEPOTS:
        depot = ((beside - left) / wide) ** 2 + ((y - back) / deep) ** 2 + ((z - up) / high) ** 2 <= 1.0
        yield from scene.mark(inner & depot & patches, suv=suv)


def thyroid_uptake(scene: Scene) -> Iterator[Mark]:
    """The whole gland."""
    yield from scene.mark(scene.own("thyroid_gland"), suv=_suv(scene.random("thyroid-uptake"), THYROID_SUV))


def salivary_uptake(scene: Scene) -> Iterator[Mark]:
    """The glands of both sides."""
    random = scene.random("salivary-uptake")
    for gland in SALIVARY:
        suv = _suv(random, SALIVARY_SUV)
        yield from scene.mark(scene.own(*(f"{gland}_{side}" for side in SIDES)), suv=suv)


def tonsil_uptake(scene: Scene) -> Iterator[Mark]:
    """Both tonsils, one a little more."""
    random = scene.random("tonsil-uptake")
    suv = _suv(random, TONSIL_SUV)
    for side in SIDES:
        yield from scene.mark(scene.own(f"palatine_tonsil_{side}"), suv=suv * float(random.uniform(0.85, 1.0)))


def cord_uptake(scene: Scene) -> Iterator[Mark]:
    """Both vocal cords."""
    names = [f"vocal_cord_{side}" for side in SIDES]
    yield from scene.mark(scene.own(*names), suv=_suv(scene.random("cord-uptake"), CORD_SUV))
