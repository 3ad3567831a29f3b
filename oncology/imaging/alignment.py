"""PET on the CT's grid, and whether the two show the body in the same place.

Both scans are reduced to the outline of the body; the shift at which the outlines agree best is the misalignment.
Crops and a PET that is shorter than the CT are compared where both exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oncology.findings import Point, Severity, Verdict
from oncology.imaging.outline import (
    LARGEST_SHIFT_MM,
    PADDING_HU,
    Shift,
    best_shift,
    ct_outline,
    dice,
    lattice_around,
    on_lattice,
    pet_outline,
)
from oncology.imaging.volume import Geometry, Volume, resample

# Outlines further apart than a PET's resolution and quiet breathing explain (a voxel of 4 mm on each side).
MISALIGNED_MM = 8.0
# Below this Dice the outlines do not show the same body even at their best.
SAME_OUTLINE = 0.8
AXES = (("left", "right"), ("back", "front"), ("head", "feet"))
UNJUDGED = (False, False, False)


@dataclass(frozen=True)
class Alignment:
    """How the PET's body outline lies to the CT's.

    Attributes:
        offset_mm: x, y, z (LPS) from the CT's body to the PET's; 0 in a direction that the outlines do not tell;
            None when nothing can be compared.
        overlap: Dice of the two outlines as they lie, where both scans exist.
        coverage: the part of the CT's field of view that the PET covers.
        judged: which of x, y, z the outlines could tell.
        verdict: INFO aligned, WARNING misaligned or not to be judged, ERROR no common field of view.
    """

    offset_mm: Point | None
    overlap: float
    coverage: float
    judged: tuple[bool, bool, bool]
    verdict: Verdict

    @property
    def distance_mm(self) -> float | None:
        """Length of the offset."""
        return None if self.offset_mm is None else float(np.linalg.norm(self.offset_mm))


def resample_pet(pet_suv: Volume, grid: Geometry) -> Volume:
    """The PET on the CT's grid, float32 SUV, linear; NaN where the PET does not reach."""
    return resample(Volume(pet_suv.array.astype(np.float32), pet_suv.geometry), grid, linear=True, fill=float("nan"))


def check_alignment(ct: Volume, pet_suv: Volume, *, same_frame_of_reference: bool = True) -> Alignment:
    """Compare the body outlines of a CT (HU) and its PET (SUV) as they lie in the patient's space.

    Args:
        same_frame_of_reference: whether the headers name one frame; if not, the verdict is at least a warning.
    """
    lattice = lattice_around(ct.geometry)
    body = ct_outline(on_lattice(ct, lattice, PADDING_HU * 2))
    uptake = pet_outline(on_lattice(pet_suv, lattice, -1.0))
    coverage = float((body.known & uptake.known).sum() / max(body.known.sum(), 1))
    if coverage == 0:
        message = "PET and CT share no field of view; the PET is not used"
        return Alignment(None, 0.0, 0.0, UNJUDGED, Verdict("pet-off-ct", Severity.ERROR, message, "pet"))
    overlap = dice(body, uptake)
    found = best_shift(body, uptake)
    if found is None and overlap < SAME_OUTLINE:
        verdict = _differs(coverage)
        return Alignment(None, overlap, coverage, UNJUDGED, _framed(verdict, same_frame_of_reference))
    if found is None:
        message = "CT and PET show no common body outline (one of them lies inside the body); alignment was not judged"
        verdict = Verdict("pet-alignment-unknown", Severity.WARNING, message, "pet")
        return Alignment(None, overlap, coverage, UNJUDGED, _framed(verdict, same_frame_of_reference))
    verdict = _verdict(found, coverage)
    return Alignment(found.offset_mm, overlap, coverage, found.judged, _framed(verdict, same_frame_of_reference))


def _verdict(shift: Shift, coverage: float) -> Verdict:
    offset = np.asarray(shift.offset_mm)
    distance = float(np.linalg.norm(offset))
    covered = f"the PET covers {coverage:.0%} of the CT"
    if shift.dice < SAME_OUTLINE:
        return _differs(coverage)
    if distance > MISALIGNED_MM:
        message = f"PET lies {distance:.0f} mm off the CT ({_directions(offset)}) by body outlines; {covered}"
        return Verdict("pet-misaligned", Severity.WARNING, message, "pet")
    open_axes = [f"{low}-{high}" for told, (low, high) in zip(shift.judged, AXES, strict=True) if not told]
    unsaid = f"; not to be told from outlines: {', '.join(open_axes)}" if open_axes else ""
    message = f"PET and CT body outlines agree within {distance:.0f} mm; {covered}{unsaid}"
    return Verdict("pet-aligned", Severity.INFO, message, "pet")


def _differs(coverage: float) -> Verdict:
    message = f"body outlines of PET and CT do not match at any shift up to {LARGEST_SHIFT_MM:.0f} mm"
    return Verdict(
        "pet-outline-differs", Severity.WARNING, f"{message}; the PET covers {coverage:.0%} of the CT", "pet"
    )


def _directions(offset: np.ndarray) -> str:
    parts = [
        f"{abs(value):.0f} mm to the {positive if value > 0 else negative}"
        for value, (positive, negative) in zip(offset, AXES, strict=True)
        if abs(value) >= 1
    ]
    return ", ".join(parts)


def _framed(verdict: Verdict, same_frame_of_reference: bool) -> Verdict:
    if same_frame_of_reference:
        return verdict
    message = f"PET and CT name different frames of reference; {verdict.message}"
    severity = Severity.WARNING if verdict.severity is Severity.INFO else verdict.severity
    code = "pet-other-frame" if verdict.code == "pet-aligned" else verdict.code
    return Verdict(code, severity, message, verdict.where)
