"""Where the slices of one stack lie: from ImagePositionPatient and ImageOrientationPatient, from nothing else.

File order, InstanceNumber and SliceLocation are never used: they follow the patient only when the exporter is kind.
Source: DICOM PS3.3 C.7.6.2.1.1 (image position and orientation).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mdt_dicom.frames import Frame
from mdt_dicom.header import text
from oncology.errors import GeometryError
from oncology.imaging.volume import Geometry, Volume, from_sitk

# Two planes closer than this lie at the same place (positions are written with 0.001 mm or better).
SAME_PLACE_MM = 0.005
# A gap may differ by this part from the usual one, or by what positions rounded to 0.1 mm bring about.
GAP_TOLERANCE = 0.05
ROUNDING_MM = 0.11
ROUNDING_PART = 0.2
# A gap this many times the usual one means missing slices.
MISSING_GAP = 1.5
# Direction cosines are written with few digits; what deviates more is no rotation.
COSINE_TOLERANCE = 0.01
# Planes of one stack are parallel within this angle (degrees).
PARALLEL_DEG = 0.1
# Planes may wander sideways by this part of a pixel from the straight line through the stack.
WANDER_PIXELS = 0.5
# Below this total shift over the stack a tilt is rounding and not worth an interpolation (pixels).
TILT_IGNORED_PIXELS = 0.25
# CT gantries tilt up to 30 degrees; more is a broken header.
MAX_TILT_DEG = 40.0
REMEDY = "re-export the series completely, or resample it first"


@dataclass(frozen=True)
class Lattice:
    """The parallelepiped on which the voxels of a stack lie.

    Attributes:
        order: indices into the frames, one per slice, along the slice normal.
        spares: (kept, spare) indices of planes that lie at the same place.
        origin: (3,) LPS mm of the first pixel of the first slice.
        row, column: (3,) unit vectors along a row and down a column.
        pixel_mm: distance between rows, then between columns.
        step: (3,) mm from one slice to the next; not along the normal when the gantry was tilted.
        rows, columns: of every slice.
    """

    order: tuple[int, ...]
    spares: tuple[tuple[int, int], ...]
    origin: np.ndarray
    row: np.ndarray
    column: np.ndarray
    pixel_mm: tuple[float, float]
    step: np.ndarray
    rows: int
    columns: int

    @property
    def normal(self) -> np.ndarray:
        """Unit vector along the stack, at a right angle to the slices."""
        return np.asarray(np.cross(self.row, self.column))

    @property
    def gap_mm(self) -> float:
        """Distance between neighboring slices."""
        return float(self.step @ self.normal)

    @property
    def extent_mm(self) -> float:
        """What the stack covers along its normal, slice thickness included."""
        return self.gap_mm * len(self.order)

    @property
    def tilt_deg(self) -> float:
        """Angle between the stack's direction and the slice normal."""
        return float(np.degrees(np.arccos(np.clip(self.gap_mm / np.linalg.norm(self.step), -1.0, 1.0))))

    @property
    def is_tilted(self) -> bool:
        """True when slices shift sideways by more than rounding."""
        sideways = np.linalg.norm(self.step - self.gap_mm * self.normal) * (len(self.order) - 1)
        return bool(sideways > TILT_IGNORED_PIXELS * min(self.pixel_mm))

    @property
    def is_axial(self) -> bool:
        """True when the slices are closer to axial than to coronal or sagittal."""
        return int(np.abs(self.normal).argmax()) == 2

    def geometry(self) -> Geometry:
        """The grid of a stack without tilt."""
        direction = np.stack([self.row, self.column, self.normal], axis=1)
        return Geometry(
            (len(self.order), self.rows, self.columns),
            (self.gap_mm, self.pixel_mm[0], self.pixel_mm[1]),
            (float(self.origin[0]), float(self.origin[1]), float(self.origin[2])),
            tuple((float(line[0]), float(line[1]), float(line[2])) for line in direction),
        )


def lattice(frames: Sequence[Frame]) -> Lattice:
    """The lattice of one stack, in any file order.

    Raises:
        GeometryError: planes without place, of mixed sizes, not parallel, missing or unevenly spaced.
    """
    rows, columns, pixel_mm = _one_size(frames)
    row, column = _one_orientation(frames)
    positions = _positions(frames)
    along = positions @ np.cross(row, column)
    order, spares = _sorted_places(frames, along)
    _check_even(along[list(order)], len(frames))
    step = _straight_step(positions[list(order)], min(pixel_mm))
    return Lattice(order, spares, positions[order[0]], row, column, pixel_mm, step, rows, columns)


def _one_size(frames: Sequence[Frame]) -> tuple[int, int, tuple[float, float]]:
    """Rows, columns and pixel spacing, the same in all frames."""
    sizes = {(frame.rows, frame.columns) for frame in frames}
    if len(sizes) > 1 or min(min(size) for size in sizes) < 2:
        raise GeometryError(
            f"slices of {_listed(f'{rows} x {columns}' for rows, columns in sorted(sizes))} pixels lie in one stack; "
            f"expected one size of at least 2 x 2; {REMEDY}"
        )
    spacings = _filled([frame.spacing_mm for frame in frames], "PixelSpacing (0028,0030)")
    first = np.array(spacings[0])
    if not (np.isfinite(spacings).all() and (np.array(spacings) > 0).all()):
        raise GeometryError(
            f"PixelSpacing (0028,0030) is {_listed(f'{value:g}' for value in first)} in {frames[0].where}; "
            "expected two numbers above 0 mm; re-export the series"
        )
    if np.abs(np.array(spacings) - first).max() > 0.001 * first.min():
        found = _listed(sorted({f"{spacing[0]:g}" for spacing in spacings}))
        raise GeometryError(
            f"PixelSpacing (0028,0030) differs within one stack: {found} mm; expected one spacing; {REMEDY}"
        )
    return frames[0].rows, frames[0].columns, (float(first[0]), float(first[1]))


def _one_orientation(frames: Sequence[Frame]) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along rows and columns, at a right angle, the same in all frames."""
    name = "ImageOrientationPatient (0020,0037)"
    cosines = np.array(_filled([frame.orientation for frame in frames], name))
    row, column = cosines[0, :3], cosines[0, 3:]
    lengths = np.linalg.norm(cosines.reshape(-1, 2, 3), axis=2)
    if not np.isfinite(cosines).all() or np.abs(lengths - 1).max() > COSINE_TOLERANCE:
        raise GeometryError(f"{name} holds no unit vectors; expected six direction cosines; re-export the series")
    if abs(float(row @ column)) > COSINE_TOLERANCE:
        raise GeometryError(
            f"{name}: rows and columns meet at {np.degrees(np.arccos(row @ column)):.1f} degrees; expected a right "
            "angle; re-export the series"
        )
    apart = np.linalg.norm((cosines - cosines[0]).reshape(-1, 2, 3), axis=2).max()
    if apart > np.radians(PARALLEL_DEG):
        raise GeometryError(
            f"slices turn against one another by {np.degrees(apart):.1f} degrees; expected parallel slices; {REMEDY}"
        )
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)


def _positions(frames: Sequence[Frame]) -> np.ndarray:
    """(n, 3) mm."""
    name = "ImagePositionPatient (0020,0032)"
    positions = np.array(_filled([frame.position for frame in frames], name))
    broken = [frame for frame, place in zip(frames, positions, strict=True) if not np.isfinite(place).all()]
    if broken:
        raise GeometryError(
            f"{name} holds no finite numbers in {len(broken)} of {len(frames)} slices, first in {broken[0].where}; "
            "expected x, y, z in mm; re-export the series"
        )
    return positions


def _filled(values: Sequence[tuple[float, ...] | None], name: str) -> list[tuple[float, ...]]:
    """The values, none of which may be missing."""
    found = [value for value in values if value is not None]
    if len(found) < len(values):
        raise GeometryError(
            f"{name} is missing in {len(values) - len(found)} of {len(values)} slices; expected it in every slice: "
            "without it places, sides and sizes are unknown; export the original series from the scanner or PACS"
        )
    return found


def _sorted_places(frames: Sequence[Frame], along: np.ndarray) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Frames sorted along the normal, and those that lie where another one lies.

    Which of two equals is kept depends on their UIDs, not on the order of the files.
    """
    by_place = sorted(
        range(len(frames)),
        key=lambda index: (round(float(along[index]), 3), text(frames[index].header, "SOPInstanceUID")),
    )
    order: list[int] = []
    spares: list[tuple[int, int]] = []
    for index in by_place:
        if order and abs(along[index] - along[order[-1]]) <= SAME_PLACE_MM:
            spares.append((order[-1], index))
        else:
            order.append(index)
    return tuple(order), tuple(spares)


def _check_even(along: np.ndarray, count: int) -> None:
    """Slices must be evenly spaced; a gap is never filled."""
    if len(along) < 2:
        raise GeometryError(f"all {count} slices lie at one place; expected a stack; {REMEDY}")
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    allowed = max(GAP_TOLERANCE * usual, min(ROUNDING_MM, ROUNDING_PART * usual))
    odd = np.flatnonzero(np.abs(gaps - usual) > allowed)
    if odd.size == 0:
        return
    where = f"at {_listed(f'{along[index]:.1f}' for index in odd[:4])} mm along the stack"
    found = _listed(f"{value:.2f}" for value in sorted({round(float(gap), 2) for gap in gaps[odd]})[:4])
    wide = gaps[odd] / usual
    if (wide > MISSING_GAP).all():
        missing = int(np.round(wide - 1).sum())
        raise GeometryError(
            f"{missing} of {len(along) + missing} slices are missing: gaps of {found} mm {where}; expected even "
            f"spacing of {usual:.2f} mm; {REMEDY}"
        )
    raise GeometryError(
        f"slices are unevenly spaced: gaps of {found} mm {where}; expected even spacing of {usual:.2f} mm; {REMEDY}"
    )


def _straight_step(positions: np.ndarray, pixel_mm: float) -> np.ndarray:
    """(3,) mm per slice; the planes must follow one another in a straight line."""
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    ideal = positions[0] + np.arange(len(positions))[:, None] * step
    direction = step / np.linalg.norm(step)
    apart = positions - ideal
    sideways = np.linalg.norm(apart - (apart @ direction)[:, None] * direction, axis=1).max()
    if sideways > WANDER_PIXELS * pixel_mm:
        raise GeometryError(
            f"slices shift sideways by {sideways:.1f} mm from a straight stack; expected one line of first pixels; the "
            f"series may join two table positions; {REMEDY}"
        )
    return np.asarray(step)


def straighten(array: np.ndarray, tilted: Lattice, fill: float) -> Volume:
    """A tilted stack on the smallest axial grid that holds it, in one linear interpolation.

    Args:
        array: (Z, Y, X) voxels on the lattice.
        fill: what lies outside.
    Raises:
        GeometryError: the tilt is larger than any gantry's, or the slices are not axial.
    """
    if not tilted.is_axial or tilted.tilt_deg > MAX_TILT_DEG:
        raise GeometryError(
            f"slices are sheared by {tilted.tilt_deg:.1f} degrees; expected axial slices with a gantry tilt of at most "
            f"{MAX_TILT_DEG:.0f} degrees; resample the series first"
        )
    axes = np.stack([tilted.row * tilted.pixel_mm[1], tilted.column * tilted.pixel_mm[0], tilted.step], axis=1)
    inverse = np.linalg.inv(axes)
    to_index = sitk.AffineTransform(3)
    to_index.SetMatrix([float(value) for value in inverse.ravel()])
    to_index.SetTranslation([float(value) for value in -inverse @ tilted.origin])
    grid = _axial_grid(tilted, axes)
    reference = sitk.Image([int(count) for count in grid.shape[::-1]], sitk.sitkUInt8)
    reference.SetSpacing([float(value) for value in grid.spacing_mm[::-1]])
    reference.SetOrigin([float(value) for value in grid.origin_lps])
    # Unit spacing and no origin: the image's world is the index. In float, since ITK cuts whole numbers off.
    image = sitk.GetImageFromArray(array.astype(np.float32))
    values = from_sitk(sitk.Resample(image, reference, to_index, sitk.sitkLinear, fill)).array
    return Volume((np.rint(values) if array.dtype.kind == "i" else values).astype(array.dtype), grid)


def _axial_grid(tilted: Lattice, axes: np.ndarray) -> Geometry:
    """Patient axes; spacing as acquired, along z the advance of the table."""
    last = np.array([tilted.columns - 1, tilted.rows - 1, len(tilted.order) - 1])
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * last
    world = corners @ axes.T + tilted.origin
    spacing = np.array([tilted.pixel_mm[1], tilted.pixel_mm[0], abs(float(tilted.step[2]))])
    count = np.floor((world.max(axis=0) - world.min(axis=0)) / spacing + 1e-6).astype(int) + 1
    low = world.min(axis=0)
    return Geometry(
        (int(count[2]), int(count[1]), int(count[0])),
        (float(spacing[2]), float(spacing[1]), float(spacing[0])),
        (float(low[0]), float(low[1]), float(low[2])),
    )


def _listed(parts: Iterable[str]) -> str:
    """`a, b and c`."""
    items = list(parts)
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
