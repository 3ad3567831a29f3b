"""The aorta's diameter perpendicular to its course, from its mask.

In every axial slice the aorta's section is cut obliquely; its area times the cosine of the angle between course and
z is the
area perpendicular to it, and the diameter that of the circle of that area. The arch, where the course turns, is left
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.findings import Point
from oncology.imaging.side.measurement import Masks, Measurement, missing, union
from oncology.imaging.volume import Volume

ASCENDING, DESCENDING, ABDOMINAL = "ascending_aorta", "descending_aorta", "abdominal_aorta"
SMALLEST_MM2 = 120.0
COURSE_MM = 12.0  # of the piece whose direction counts, above and below
FEWEST_MM = 10.0  # length of a piece that can be measured
ARCH_ABOVE_CARINA_MM = 48.0
# Heights of the ascending aorta that are measured, from the carina: between root and arch.
ASCENDING_MM = (-45.0, 5.0)
DESCENDING_FROM_MM = 0.0
STEEPEST_DEG = 50.0  # flatter pieces belong to the arch
LARGEST_SHARE = 0.9  # this quantile of the diameters is told: single slices may be cut awry


@dataclass(frozen=True)
class _Piece:
    """One slice of a vessel: center and area."""

    z: float
    x: float
    y: float
    area_mm2: float


def measure_aorta(ct: Volume, masks: Masks, landmarks: Mapping[str, Point]) -> list[Measurement]:
    """Diameters in mm of the ascending, descending thoracic and abdominal aorta.

    Args:
        ct: gives the grid only; axial slices.
        masks: aorta; celiac_trunk or the lungs tell where the chest ends.
        landmarks: carina, else the arch tells the heights.
    """
    aorta = union(masks, ("aorta",))
    if aorta is None:
        return [missing(name, "the aorta") for name in (ASCENDING, DESCENDING, ABDOMINAL)]
    front, back = _two_limbs(aorta, ct)
    carina = landmarks["carina"][2] if "carina" in landmarks else _carina_by_arch(front, back, aorta)
    floor = _chest_floor(masks, ct)
    low, high = (-np.inf, np.inf) if carina is None else (carina + ASCENDING_MM[0], carina + ASCENDING_MM[1])
    top = np.inf if carina is None else carina + DESCENDING_FROM_MM
    return [
        _told(ASCENDING, [] if carina is None else [p for p in front if low <= p.z <= high]),
        _told(DESCENDING, [p for p in back if floor <= p.z <= top]),
        _told(ABDOMINAL, [p for p in back if p.z < floor]),
    ]


def _two_limbs(aorta: np.ndarray, ct: Volume) -> tuple[list[_Piece], list[_Piece]]:
    """The sections in front (ascending) and at the back (descending), by slice from below."""
    front: list[_Piece] = []
    back: list[_Piece] = []
    last_back: _Piece | None = None
    for number in range(aorta.shape[0]):
        parts = sorted(_sections(aorta[number], number, ct), key=lambda piece: piece.y)
        if not parts:
            continue
        behind = parts[-1]
        if len(parts) == 1 and last_back is not None and _apart(behind, last_back) > 25.0:
            front.append(behind)
            continue
        back.append(behind)
        last_back = behind
        if len(parts) > 1:
            front.append(max(parts[:-1], key=lambda piece: piece.area_mm2))
    return front, back


def _apart(one: _Piece, other: _Piece) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))


def _sections(plane: np.ndarray, number: int, ct: Volume) -> list[_Piece]:
    labels, count = ndimage.label(plane)
    _, dy, dx = ct.geometry.spacing_mm
    found = []
    for part in range(1, count + 1):
        area = float((labels == part).sum()) * dy * dx
        if area >= SMALLEST_MM2:
            row, column = ndimage.center_of_mass(labels == part)
            x, y, z = ct.geometry.to_lps(np.array([number, row, column]))
            found.append(_Piece(float(z), float(x), float(y), area))
    return found


def _carina_by_arch(front: list[_Piece], back: list[_Piece], aorta: np.ndarray) -> float | None:
    """About where the carina lies: below the arch's top, where both limbs are seen and the arch is in the field."""
    if not front or aorta[-1].any():
        return None
    return max(piece.z for piece in (*front, *back)) - ARCH_ABOVE_CARINA_MM


def _chest_floor(masks: Masks, ct: Volume) -> float:
    """Height at which the descending aorta becomes the abdominal one: the celiac trunk, else T12, else the lungs'
    end."""
    for names in (("celiac_trunk",), ("vertebrae_T12",), ("lung_lower_lobe_left", "lung_left")):
        mask = union(masks, names)
        if mask is not None:
            rows = np.flatnonzero(mask.any(axis=(1, 2)))
            row = rows[-1] if names[0] == "celiac_trunk" else rows[0]
            return float(ct.geometry.to_lps(np.array([float(row), 0.0, 0.0]))[2])
    return -np.inf


def _told(name: str, pieces: list[_Piece]) -> Measurement:
    diameters = perpendicular_diameters(pieces)
    if len(pieces) < 2 or pieces[-1].z - pieces[0].z < FEWEST_MM or not diameters:
        return missing(name, name.replace("_", " "))
    largest = float(np.quantile(diameters, LARGEST_SHARE))
    return Measurement(name, largest, "", "perpendicular to its course, as drawn by the mask; not gated")


def perpendicular_diameters(pieces: list[_Piece]) -> list[float]:
    """Diameter in mm of the circle with the area perpendicular to the course, for every piece that is steep enough."""
    diameters = []
    for piece in pieces:
        near = [other for other in pieces if abs(other.z - piece.z) <= COURSE_MM]
        if len(near) < 3:
            continue
        z = np.array([other.z for other in near])
        slopes = [np.polyfit(z, [getattr(other, axis) for other in near], 1)[0] for axis in "xy"]
        cosine = 1.0 / np.sqrt(1.0 + slopes[0] ** 2 + slopes[1] ** 2)
        if cosine >= np.cos(np.radians(STEEPEST_DEG)):
            diameters.append(float(np.sqrt(4.0 * piece.area_mm2 * cosine / np.pi)))
    return diameters
