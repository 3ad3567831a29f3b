"""Thick parts of the lung without air: a mass, or lung that is consolidated or collapsed. Rules cannot tell which.

A network that saw drawn patients misses masses that fill most of a scan. What it leaves unexplained is proposed, so
that nobody is staged by a speck beside a mass: on a public CT of a mass of 359 mL (IBSI lung phantom) a network
proposed 0.7 mL, and the airless part holds 177 mL of the mass and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from oncology.findings import Source, SourceKind
from oncology.imaging import shape
from oncology.imaging.bounds import TISSUE_FROM_HU
from oncology.imaging.region import components, crop
from oncology.imaging.shape import Spacing
from oncology.imaging.volume import Geometry, Volume, resample

AIRLESS = Source(SourceKind.RULES, "airless-lung")
# Vessels and fissures are thinner, rims beside heart and diaphragm smaller: up to 31 mL in 60 synthetic chests.
THICK_MM, LEAST_ML = 12.0, 40.0
# A proposed tumor that holds so much of a part explains it: the rest is collapse behind it, or its own rim.
EXPLAINED_SHARE = 0.1
HEART_SHARE = 0.5  # of a part (ours)
# Tumor takes up FDG (SUV 2.5: Silvestri 2013), the dead middle of a mass does not.
HOT_SUV, HOT_SHARE = 2.5, 0.25


def airless_parts(hu: np.ndarray, lung: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Parts (Z, Y, X) bool of a lung (Z, Y, X; solid parts included) that are thick, large and hold no air."""
    thick = shape.open_(lung & (hu >= TISSUE_FROM_HU), 0.5 * THICK_MM, spacing_mm)
    labels, sizes = shape.components(thick)
    large = sizes * float(np.prod(spacing_mm)) / 1000.0 >= LEAST_ML
    return np.asarray(large[labels])


def unexplained(
    airless: np.ndarray,
    tumors: Sequence[np.ndarray],
    grid: Geometry,
    suv: Volume | None,
    heart: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """The parts larger than every tumor that none explains, each (Z, Y, X) bool; with a PET only what takes up FDG.

    Args:
        airless, tumors: (Z, Y, X) bool on `grid`; so is the `heart`, where a network saw it: what lies in it for the
            most part is the heart's rim, which rules took for lung, however hot the myocardium is.
        suv: on any grid of the same frame of reference.
    """
    largest = max((np.count_nonzero(tumor) for tumor in tumors), default=0)
    for part, box in components(airless):
        size = np.count_nonzero(part)
        held = sum(np.count_nonzero(part & tumor[box]) for tumor in tumors)
        if size <= largest or held >= EXPLAINED_SHARE * size:
            continue
        if heart is not None and np.count_nonzero(part & heart[box]) >= HEART_SHARE * size:
            continue
        if suv is not None and not _is_hot(part, crop(airless, grid, box).geometry, suv):
            continue
        whole = np.zeros(airless.shape, bool)
        whole[box] = part
        yield whole


def _is_hot(part: np.ndarray, grid: Geometry, suv: Volume) -> bool:
    uptake = resample(suv, grid, linear=True, fill=0.0).array
    return bool(np.mean(uptake[part] >= HOT_SUV) >= HOT_SHARE)
