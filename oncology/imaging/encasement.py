"""How far a tumor goes around a vessel: degrees of the circumference in contact.

The vessel is cut perpendicular to its local axis at many places along its middle line. From the middle, rays run
outward; a ray touches when the tumor lies where it leaves the vessel. The part of the cross-section's outline that is
touched, of 360 degrees, is the angle at that place; the largest along the vessel counts, as readers do it
(Al-Hawary 2014: up to and beyond 180 degrees for the pancreas; the aorta's 90 degrees for the esophagus).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from oncology.imaging.region import Spacing, bounding_box, crop, distance_mm, grown, upright
from oncology.imaging.volume import Geometry

# TotalSegmentator v2's names and ours for what is a tube in a cross-section.
GREAT_VESSELS = frozenset(
    (
        "aorta",
        "aortic_arch",
        "superior_vena_cava",
        "inferior_vena_cava",
        "pulmonary_artery",
        "pulmonary_vein",
        "brachiocephalic_trunk",
        "brachiocephalic_vein_left",
        "brachiocephalic_vein_right",
    )
)
TUBULAR = GREAT_VESSELS | frozenset(
    (
        "common_carotid_artery_left",
        "common_carotid_artery_right",
        "internal_carotid_artery_left",
        "internal_carotid_artery_right",
        "subclavian_artery_left",
        "subclavian_artery_right",
        "azygos_vein",
        "iliac_artery_left",
        "iliac_artery_right",
        "celiac_trunk",
        "celiac_axis",
        "superior_mesenteric_artery",
        "common_hepatic_artery",
        "gastroduodenal_artery",
        "splenic_artery",
        "superior_mesenteric_vein",
        "portal_vein",
        "splenic_vein",
        "portal_vein_and_splenic_vein",
        "trachea",
        "main_bronchus_left",
        "main_bronchus_right",
        "esophagus",
    )
)
RAYS = 120
# The tumor may lie this far behind the vessel's edge: labels often leave one voxel between them.
GAP_MM = 1.5
GAP_VOXELS = 1.1
# How much of the vessel around the contact is looked at, to find its axis.
VESSEL_MARGIN_MM = 30.0
# Distance of neighboring cross-sections, and how many at most.
PLACE_STEP_MM = 1.5
MOST_PLACES = 200
SECOND_PLACE_MM = 4.0
# A middle point this close (in radii of the larger) to one of more than twice its radius is a bump on a vessel's wall.
BUMP_REACH, BUMP_PART = 2.0, 0.5
MOST_AXIS_POINTS = 12000
# A ray that stays inside longer than this many times the usual radius runs into a branch.
BRANCH_RADII = 2.0


def contact_angle_deg(tumor: np.ndarray, vessel: np.ndarray, grid: Geometry) -> float:
    """The largest part of the vessel's circumference in contact with the tumor over its cross-sections, 0 to 360.

    Args:
        tumor: (Z, Y, X) bool.
        vessel: (Z, Y, X) bool, the filled vessel.
        grid: where the voxels lie, any orientation.
    """
    box = grown(bounding_box(tumor), grid, 2.0 * GAP_MM + max(grid.spacing_mm))
    if not vessel[box].any():
        return 0.0
    meeting = bounding_box(vessel[box])
    box = _inner(box, meeting)
    near = grown(box, grid, VESSEL_MARGIN_MM)
    tube, mass = upright(crop(vessel, grid, near)), upright(crop(tumor, grid, near))
    spacing = tube.geometry.spacing_mm
    centers, radii = _middle_line(tube.array, mass.array, spacing)
    if len(centers) == 0:
        return 0.0
    axes = _local_axes(tube.array, centers, radii, spacing)
    angles = np.array(
        [
            _angle_at(tube.array, mass.array, spacing, center, axis, radius)
            for center, axis, radius in zip(centers, axes, radii, strict=True)
        ]
    )
    return _largest_seconded(centers, angles)


def _largest_seconded(centers: np.ndarray, angles: np.ndarray) -> float:
    """The largest angle that a second cross-section close by reaches too.

    A single one may be cut awry, and one that lies apart from all others through a spur of the mask: neither counts.
    Where slices are so thick that none lies close to another, each is believed.
    """
    apart = np.linalg.norm(centers[:, None] - centers[None, :], axis=-1)
    close = (apart > 0.0) & (apart <= SECOND_PLACE_MM)
    seconds = np.where(close, angles[None, :], 0.0).max(axis=1)
    return float((np.minimum(angles, seconds) if close.any() else angles).max())


def _inner(outer: tuple[slice, ...], inner: tuple[slice, ...]) -> tuple[slice, slice, slice]:
    sides = [slice(a.start + b.start, a.start + b.stop) for a, b in zip(outer, inner, strict=True)]
    return sides[0], sides[1], sides[2]


def _middle_line(vessel: np.ndarray, tumor: np.ndarray, spacing: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Points in mm (N, 3) on the vessel's middle where the tumor is near, evenly thinned, and the radius at each."""
    depth = distance_mm(np.pad(vessel, 1, mode="edge"), spacing)[1:-1, 1:-1, 1:-1]
    ridge = np.argwhere(vessel & (depth >= ndimage.maximum_filter(depth, size=3) - 1e-3))
    radii, points = depth[tuple(ridge.T)], ridge * np.array(spacing)
    to_tumor = distance_mm(~tumor, spacing)[tuple(ridge.T)]
    kept: list[int] = []
    if len(points):
        tree = cKDTree(points)
        free = to_tumor <= 1.5 * radii + 2.0 * GAP_MM
        for place in np.argsort(-radii, kind="stable"):
            if free[place] and len(kept) < MOST_PLACES and not _is_bump(int(place), points, radii, tree):
                kept.append(int(place))
                free[tree.query_ball_point(points[place], PLACE_STEP_MM)] = False
    return points[kept], radii[kept]


def _is_bump(place: int, points: np.ndarray, radii: np.ndarray, tree: cKDTree) -> bool:
    """Whether a middle point belongs to an unevenness of a much wider vessel beside it."""
    near = np.array(tree.query_ball_point(points[place], BUMP_REACH * float(radii.max())))
    wider = near[radii[near] * BUMP_PART > radii[place]]
    apart = np.linalg.norm(points[wider] - points[place], axis=1)
    return bool((apart < BUMP_REACH * radii[wider]).any())


def _local_axes(vessel: np.ndarray, centers: np.ndarray, radii: np.ndarray, spacing: Spacing) -> np.ndarray:
    """The vessel's direction (N, 3), unit, at each center: where its voxels within two radii spread most."""
    points = np.argwhere(vessel) * np.array(spacing)
    points = points[:: max(1, len(points) // MOST_AXIS_POINTS)]
    tree = cKDTree(points)
    axes = []
    for center, radius in zip(centers, radii, strict=True):
        cloud = points[tree.query_ball_point(center, 2.0 * radius + 4.0)]
        if len(cloud) < 4:
            axes.append(np.array([1.0, 0.0, 0.0]))
            continue
        axes.append(np.linalg.eigh(np.cov(cloud.T))[1][:, -1])
    return np.array(axes)


def _angle_at(
    vessel: np.ndarray, tumor: np.ndarray, spacing: Spacing, center: np.ndarray, axis: np.ndarray, radius: float
) -> float:
    """Degrees of the outline touched in the cross-section through `center` (mm) perpendicular to `axis`."""
    step = min(spacing) / 3.0
    gap = min(GAP_MM, GAP_VOXELS * min(spacing))
    reach = np.arange(0.0, 4.0 * radius + 6.0 + gap, step)
    points = center + reach[None, :, None] * _spokes(axis)[:, None, :]
    inside, hit = (_looked_up(mask, points / np.array(spacing)) for mask in (vessel, tumor))
    leaves = np.where(inside.all(axis=1), len(reach) - 1, (~inside).argmax(axis=1))
    window = np.arange(len(reach))[None, :] - leaves[:, None]
    touched = (hit & (window >= -3) & (window <= gap / step)).any(axis=1)
    radii = reach[leaves]
    usual = float(np.median(radii))
    branch = radii > BRANCH_RADII * max(usual, radius)
    touched &= ~branch
    radii = np.where(branch, usual, radii)
    arcs = _arcs(radii)
    return float(360.0 * arcs[touched].sum() / arcs.sum())


def _spokes(axis: np.ndarray) -> np.ndarray:
    """Unit vectors (RAYS, 3) all around, perpendicular to the axis."""
    helper = np.eye(3)[int(np.abs(axis).argmin())]
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    turn = 2.0 * np.pi * (np.arange(RAYS) + 0.5) / RAYS
    return np.asarray(np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second)


def _arcs(radii: np.ndarray) -> np.ndarray:
    """The length of outline that each ray stands for: half of the way to both neighbors' ends."""
    turn = 2.0 * np.pi * np.arange(len(radii)) / len(radii)
    ends = np.stack([radii * np.cos(turn), radii * np.sin(turn)], axis=1)
    sides = np.linalg.norm(ends - np.roll(ends, -1, axis=0), axis=1) + 1e-9
    return np.asarray((sides + np.roll(sides, 1)) / 2.0)


def _looked_up(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The nearest voxel of each point (..., 3), fractional indices; outside of the array is not set."""
    nearest = np.floor(points + 0.5).astype(np.intp)
    valid = ((nearest >= 0) & (nearest < np.array(mask.shape))).all(axis=-1)
    nearest[~valid] = 0
    return np.asarray(mask[nearest[..., 0], nearest[..., 1], nearest[..., 2]] & valid)
