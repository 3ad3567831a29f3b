"""What a contour file holds before its names are understood: named regions that can be drawn on a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mdt_dicom.roles import Meaning
from oncology.findings import Severity, Verdict
from oncology.imaging.volume import Geometry


@dataclass(frozen=True)
class Owner:
    """Whose contours these are, and on which images they were drawn. Private: `repr` shows no identifier."""

    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    study_uids: tuple[str, ...] = ()
    series_uids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """One region on the grid: (Z, Y, X) bool, and what had to be decided to draw it."""

    mask: np.ndarray
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class Region:
    """One ROI, segment or label.

    Attributes:
        name: as written in the file; empty when the file gives none.
        number: ROI number, segment number or label value.
        frame_uid: its frame of reference; None when the file does not say.
        hint: what the file says about it beside the name (a code, an interpreted type).
        draw: its mask on a grid; raises ContourError when it cannot be drawn at all.
    """

    name: str
    number: int
    frame_uid: str | None
    hint: Meaning | None
    draw: Callable[[Geometry], Drawing]


@dataclass(frozen=True)
class ContourFile:
    """All regions of one file."""

    regions: tuple[Region, ...]
    owner: Owner
    sha256: str
    verdicts: tuple[Verdict, ...] = ()


def remark(code: str, message: str, severity: Severity = Severity.WARNING) -> Verdict:
    """A verdict about contours."""
    return Verdict(code, severity, message, "contours")
