"""Where a tumor meets its surroundings: area of contact, depth inside, and how far it goes around a vessel.

Area. The surface of a mask is made of voxel faces; a face counts as contact when the structure lies straight in front
of it, at once or behind a gap of one voxel that is no wider than CONTACT_GAP_MM. Adding up faces would make slanted
surfaces up to 1.7 times too large, so each face counts with the cosine between itself and the surface's normal, taken
from the smoothed masks (Lehmann and Legland 2012 compare such estimators).

Where both masks overlap, the structure's surface inside the tumor is looked at too, and the larger area counts: a
vessel swallowed whole by a tumor's mask is in contact all around.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
from scipy import ndimage

from oncology.findings import Contact
from oncology.imaging.encasement import TUBULAR, contact_angle_deg
from oncology.imaging.fat_plane import measure_interface
from oncology.imaging.lumen import BLOOD_FILLED, without_blood
from oncology.imaging.region import Box, Spacing, bounding_box, checked_mask, crop, distance_mm, grown, upright
from oncology.imaging.volume import Geometry, Volume

# The widest gap between two masks that still counts as contact: one voxel, and never more than this. Visible fat
# between organs is wider; people and networks often leave one voxel between two labels.
CONTACT_GAP_MM = 1.5
# How far around the tumor structures are looked at for contact, and at first for depth.
CONTACT_MARGIN_MM = 8.0
DEPTH_MARGIN_MM = 15.0
# How far around the overlap a structure's thickness is looked for.
THICKNESS_MARGIN_MM = 3.0
# Deeper is not told apart: the finding lies inside the organ.
MOST_DEPTH_MM = 30.0
# Smoothing that makes normals out of voxel stairs: in mm at least, and in the largest voxel side.
SMOOTHING_MM = 1.2
SMOOTHING_VOXELS = 0.8


def contacts(
    tumor: np.ndarray,
    structures: Mapping[str, np.ndarray],
    grid: Geometry,
    tubular: Collection[str] = TUBULAR,
    ct: Volume | None = None,
) -> tuple[Contact, ...]:
    """Every structure that the tumor touches or enters, in the order given.

    Args:
        tumor: (Z, Y, X) bool.
        structures: masks on the same grid by name; a label map's (exclusive) or overlapping ones.
        grid: where the voxels lie, any orientation.
        tubular: names for which the angle of contact around the circumference is measured.
        ct: in HU, on that grid; with it the border is looked at as well (fat plane, sharpness, length), and a mask
            that laps over the blood of a great vessel is not deep in it.
    Raises:
        ContourError: the tumor is empty, or a mask has another shape.
    """
    tumor = checked_mask(tumor, grid, "the tumor")
    box = bounding_box(tumor)
    found = (
        _contact(tumor, checked_mask(mask, grid, name), grid, box, name, name in tubular, ct)
        for name, mask in structures.items()
    )
    touched = tuple(contact for contact in found if contact is not None)
    return (
        touched
        if ct is None
        else tuple(_seen(contact, tumor, structures[contact.structure], ct) for contact in touched)
    )


def _seen(contact: Contact, tumor: np.ndarray, structure: np.ndarray, ct: Volume) -> Contact:
    """The contact with what the CT shows along it."""
    border = measure_interface(tumor, structure.astype(bool), ct)
    if border is None:
        return contact
    return replace(
        contact,
        fat_plane_share=border.fat_share,
        length_mm=border.length_mm,
        edge_hu_per_mm=border.edge_hu_per_mm,
    )


def _contact(
    tumor: np.ndarray, structure: np.ndarray, grid: Geometry, box: Box, name: str, is_tubular: bool, ct: Volume | None
) -> Contact | None:
    near = grown(box, grid, CONTACT_MARGIN_MM)
    if not structure[near].any():
        return None
    tumor_part, structure_part = (upright(crop(mask, grid, near)) for mask in (tumor, structure))
    spacing = tumor_part.geometry.spacing_mm
    area = contact_area_mm2(tumor_part.array, structure_part.array, spacing)
    entering = tumor if ct is None or name not in BLOOD_FILLED else without_blood(tumor, structure, ct)
    depth, thickness = depth_and_thickness_mm(entering, structure, grid)
    if area == 0.0 and depth == 0.0:
        return None
    angle = contact_angle_deg(tumor, structure, grid) if is_tubular else None
    return Contact(name, area, depth, angle, thickness_mm=thickness)


def contact_area_mm2(tumor: np.ndarray, structure: np.ndarray, spacing_mm: Spacing) -> float:
    """Area in mm2 of the tumor's surface that lies against the structure (or of the structure's inside the tumor).

    Args:
        tumor: (Z, Y, X) bool.
        structure: (Z, Y, X) bool, same grid, with a margin of some voxels around the tumor where the image has one.
        spacing_mm: voxel size (z, y, x).
    """
    pad = [(2, 2)] * 3
    tumor, structure = np.pad(tumor, pad), np.pad(structure, pad)
    area = _facing_area_mm2(tumor, structure, tumor, structure, spacing_mm)
    if (tumor & structure).any():
        area = max(area, _facing_area_mm2(structure, tumor, tumor, structure, spacing_mm))
    return area


def _facing_area_mm2(
    surface_of: np.ndarray, other: np.ndarray, tumor: np.ndarray, structure: np.ndarray, spacing_mm: Spacing
) -> float:
    """Area of one mask's surface that the other lies in front of; both padded by 2 voxels."""
    faces = [(axis, step, _faces(surface_of, other, axis, step, spacing_mm)) for axis, step in _directions()]
    touched = np.any([face for _, _, face in faces], axis=0)
    if not touched.any():
        return 0.0
    sigma = _sigma(spacing_mm)
    zone = _zone(touched, sigma)
    field = ndimage.gaussian_filter(tumor[zone].astype(np.float32), sigma)
    field -= ndimage.gaussian_filter(structure[zone].astype(np.float32), sigma)
    slopes = np.gradient(field, *spacing_mm)
    steepness = np.sqrt(sum(slope**2 for slope in slopes)) + 1e-9
    area = 0.0
    for axis, step, face in faces:
        cosine = np.abs(slopes[axis]) / steepness
        cosine = (cosine + np.roll(cosine, -step, axis)) / 2.0  # the face lies between two voxels
        area += float(cosine[face[zone]].sum()) * float(np.prod(spacing_mm)) / spacing_mm[axis]
    return area


def _directions() -> Iterator[tuple[int, int]]:
    return ((axis, step) for axis in range(3) for step in (-1, 1))


def _faces(mask: np.ndarray, other: np.ndarray, axis: int, step: int, spacing_mm: Spacing) -> np.ndarray:
    """Voxels of the mask whose face towards `step` along `axis` is surface and has the other mask before it."""
    surface = mask & ~np.roll(mask, -step, axis)
    before = np.roll(other, -step, axis)
    if spacing_mm[axis] <= CONTACT_GAP_MM:
        before = before | np.roll(other, -2 * step, axis)
    return np.asarray(surface & before)


def _sigma(spacing_mm: Spacing) -> list[float]:
    smoothing = max(SMOOTHING_MM, SMOOTHING_VOXELS * max(spacing_mm))
    return [smoothing / spacing for spacing in spacing_mm]


def _zone(touched: np.ndarray, sigma: list[float]) -> Box:
    """The box around the touched voxels in which smoothing sees all that it needs."""
    sides = [
        slice(max(side.start - int(4 * width) - 3, 0), side.stop + int(4 * width) + 3)
        for side, width in zip(bounding_box(touched), sigma, strict=True)
    ]
    return sides[0], sides[1], sides[2]


def depth_and_thickness_mm(tumor: np.ndarray, structure: np.ndarray, grid: Geometry) -> tuple[float, float | None]:
    """How deep the tumor's mask reaches into the structure's, in mm from its surface, and how thick that is there.

    Depth is 0, and no thickness told, where they do not overlap. A structure drawn around the tumor (label maps without
    overlap) gives 0: what a tumor has replaced is not seen. Depths above MOST_DEPTH_MM (a tumor inside a lung) are
    given as that. Within a plate no depth is more than half its thickness, however far the tumor goes through it.
    """
    box = bounding_box(tumor)
    if not (tumor[box] & structure[box]).any():
        return 0.0, None
    # What lies beyond the box is not seen and counts as structure, so the first answer is never too small; it is exact
    # once the box reaches as far as the answer.
    depth, thickness = _depth_within(tumor, structure, grid, grown(box, grid, DEPTH_MARGIN_MM))
    if depth > DEPTH_MARGIN_MM:
        depth, thickness = _depth_within(tumor, structure, grid, grown(box, grid, min(depth, MOST_DEPTH_MM)))
    return min(depth, MOST_DEPTH_MM), min(thickness, 2.0 * MOST_DEPTH_MM)


def _depth_within(tumor: np.ndarray, structure: np.ndarray, grid: Geometry, near: Box) -> tuple[float, float]:
    part = crop(structure, grid, near)
    overlap, inside = tumor[near] & part.array, distance_mm(part.array, grid.spacing_mm)
    around = grown(bounding_box(overlap), part.geometry, THICKNESS_MARGIN_MM)
    return float(inside[overlap].max()), 2.0 * float(inside[around].max())
