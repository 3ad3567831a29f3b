"""Tumors and nodes of a wanted size at a wanted place: irregular, inside what they may fill, into what they invade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from models.synthetic.canvas import Canvas, Slices
from models.synthetic.frame import Masks
from models.synthetic.lesion import longest_in_planes_mm, short_axis_mm
from models.synthetic.noise import grain
from models.synthetic.plan import NodePlan, TumorPlan
from models.synthetic.touch import asked_masks, drawn
from oncology.errors import InputError
from oncology.findings import Point
from oncology.imaging.volume import Geometry

ENTERED_MM = 4.0  # how deep a tumor enters what it invades, where that is so thick
REACH_MM = 7.0  # where the finger of a tumor ends, below the surface of what it invades
KEPT_OFF_MM = 2.5  # of fat between a tumor and what it keeps off
NEAR = 0.33  # of its longest diameter: how far from its center an invaded structure best lies
CANDIDATES, POINTS = 500, 4000
STEPS, TRIES = 22, 6
WRAP_MM = 5.0  # how thick a tumor stands around a vessel that it encases
AT_SURFACE_MM = 2.5  # a tumor of the mucosa starts no deeper
Mask = np.ndarray


@dataclass(frozen=True)
class _Room:
    """A part of the canvas around a tumor, with its masks (Z, Y, X)."""

    canvas: Canvas
    box: Slices
    part: Canvas

    def cut(self, mask: Mask) -> Mask:
        return np.asarray(mask[self.box])


def _room(canvas: Canvas, center: np.ndarray, reach_mm: float) -> _Room:
    box = canvas.box(center - reach_mm, center + reach_mm)
    grid = canvas.geometry
    corner = grid.to_lps(np.array([side.start for side in box], float))
    shape = tuple(side.stop - side.start for side in box)
    origin = (float(corner[0]), float(corner[1]), float(corner[2]))
    return _Room(canvas, box, Canvas(Geometry((shape[0], shape[1], shape[2]), grid.spacing_mm, origin)))


def union(masks: Mapping[str, Mask], names: Sequence[str], like: Mask) -> Mask:
    """All masks of those names that were drawn, together."""
    together = np.zeros(like.shape, bool)
    for name in names:
        if name in masks:
            together |= masks[name]
    return together


def grow_tumor(canvas: Canvas, cancer: str, plan: TumorPlan, masks: Masks, random: np.random.Generator) -> Mask:
    """The tumor (Z, Y, X): longest diameter over the three planes as planned, to a voxel or nearer.

    Where its place turns out too narrow another is tried; the nearest to the wanted size counts.

    Raises:
        InputError: the mask that it is to start in was not drawn.
    """
    home = masks.get(plan.home[0], np.zeros(0, bool))
    if not home.any():
        raise InputError(f"a tumor is to start in {plan.home[0]!r}, which does not lie in this field of view")
    best, error = canvas.empty(), np.inf
    for attempt in range(TRIES):
        center = place_tumor(canvas, plan, masks, home, random, stray_mm=2.5 * attempt)
        tumor = _grown_at(canvas, cancer, plan, masks, center, random)
        missed = sum(not (masks[name] & tumor).any() for name in plan.invaded if name in masks)
        off = abs(longest_in_planes_mm(tumor, canvas) - plan.greatest_mm) + 100.0 * missed
        if off < error:
            best, error = tumor, off
        if error < canvas.geometry.spacing_mm[0] / 3.0:
            break
    return best


def _grown_at(
    canvas: Canvas, cancer: str, plan: TumorPlan, masks: Masks, center: np.ndarray, random: np.random.Generator
) -> Mask:
    room = _room(canvas, center, 0.85 * plan.greatest_mm + 8.0)
    near = {name: part for name, mask in masks.items() if (part := room.cut(mask)).any()}
    allowed, fingers = union(near, drawn(plan.home, near), room.part.empty()), room.part.empty()
    for name in (*plan.invaded, *plan.encased):
        if name in near:
            reach, finger = _entry(room.part, near[name], center, plan.greatest_mm)
            wrap = _wrap(room.part, near[name], reach, center, plan) if name in plan.encased else near[name] & reach
            allowed |= wrap
            fingers |= finger | (wrap if name in plan.encased else room.part.empty())
    allowed |= fingers
    allowed |= union(near, drawn(plan.along, near), allowed) & ndimage.binary_dilation(allowed, iterations=3)
    free = {*drawn(plan.home, near), *plan.invaded, *drawn(plan.along, near)}
    allowed &= ~union(near, [name for name in asked_masks(cancer, near) if name not in free], allowed)
    allowed &= ~_kept_off(room, plan, near) & near["body"]
    score = _score(room.part, plan, center, near, random)
    score[fingers & allowed] = np.minimum(score[fingers & allowed], 0.02)
    score[~allowed] = np.inf
    whole = canvas.empty()
    whole[room.box] = _of_size(room.part, score, center, plan.greatest_mm)
    return whole


def _wrap(canvas: Canvas, vessel: Mask, reach: Mask, center: np.ndarray, plan: TumorPlan) -> Mask:
    """Tissue around a vessel, as far as the tumor reaches along it and by the planned share of its circumference."""
    inside = vessel & reach
    if not inside.any():
        return inside
    apart = ndimage.distance_transform_edt(~inside, sampling=canvas.geometry.spacing_mm)
    middle = canvas.geometry.to_lps(np.argwhere(inside)).mean(axis=0)
    z, y, x = (axis - place for axis, place in zip(canvas.axes(), middle[::-1], strict=True))
    towards = (center - middle) / max(float(np.linalg.norm(center - middle)), 1e-6)
    forward = x * towards[0] + y * towards[1] + z * towards[2]
    return np.asarray((apart <= WRAP_MM) & ~vessel & (forward > (-99.0 if plan.wrapped >= 1.0 else -0.5)))


def place_tumor(
    canvas: Canvas, plan: TumorPlan, masks: Masks, home: Mask, random: np.random.Generator, stray_mm: float = 0.0
) -> np.ndarray:
    """Where the tumor starts, LPS mm: near the plan's center, near what it invades, away from what it avoids.

    Args:
        home: (Z, Y, X) bool where its center may lie.
        stray_mm: how much worse a place than the best may be taken, at random.
    """
    wanted = np.array(plan.center_lps)
    entered = [masks[name] for name in plan.invaded if name in masks]
    box = _around(canvas, wanted, 0.9 * plan.greatest_mm + 12.0, entered)
    voxels = np.argwhere(home[box])
    if len(voxels) == 0:
        box = canvas.box((-1e4,) * 3, (1e4,) * 3)
        voxels = np.argwhere(home)
    corner = [side.start for side in box]
    nearest = canvas.geometry.to_lps(voxels + corner)
    first = nearest[[int(np.argmin(np.linalg.norm(nearest - wanted, axis=1)))]]
    spots = np.concatenate([first, nearest[random.integers(0, len(nearest), CANDIDATES)]])
    cost = 0.25 * np.linalg.norm(spots - wanted, axis=1)
    if plan.depth_mm is not None:
        cost += 0.8 * np.maximum(_inside(canvas, home, box, spots) - AT_SURFACE_MM, 0.0)
    elif plan.cuff_mm is None and len(plan.home) == 1:
        cost += 0.8 * np.maximum(0.5 * plan.greatest_mm - _inside(canvas, home, box, spots), 0.0)
    for name in (*plan.invaded, *plan.encased):
        if name in masks and masks[name][box].any():
            apart = _tree(canvas, masks[name], box, random).query(spots)[0]
            cost += 2.0 * np.maximum(apart - NEAR * plan.greatest_mm, 0.0)
    for name in plan.avoided:
        if name in masks and masks[name][box].any():
            apart = _tree(canvas, masks[name], box, random).query(spots)[0]
            cost += 3.0 * np.maximum(0.5 * plan.greatest_mm + KEPT_OFF_MM - apart, 0.0)
    return np.asarray(spots[int(np.argmin(cost + stray_mm * random.random(len(spots))))])


def _around(canvas: Canvas, center: np.ndarray, reach_mm: float, wanted: Sequence[Mask]) -> Slices:
    """The box around a point that reaches so far, or as far as the nearest part of every wanted structure."""
    box = canvas.box(center - reach_mm, center + reach_mm)
    while not all(mask[box].any() for mask in wanted if mask.any()):
        reach_mm *= 1.5
        box = canvas.box(center - reach_mm, center + reach_mm)
    return box


def _inside(canvas: Canvas, home: Mask, box: Slices, spots: np.ndarray) -> np.ndarray:
    """How far each spot lies from the outside of its home, mm, on every second voxel."""
    half = home[box][::2, ::2, ::2]
    depth = ndimage.distance_transform_edt(half, sampling=[2.0 * one for one in canvas.geometry.spacing_mm])
    index = np.round(canvas.geometry.to_index(spots)).astype(int) - [side.start for side in box]
    index = np.clip(index // 2, 0, np.array(half.shape) - 1)
    return np.asarray(depth[tuple(index.T)])


def _tree(canvas: Canvas, mask: Mask, box: Slices, random: np.random.Generator) -> cKDTree:
    voxels = np.argwhere(mask[box])
    if len(voxels) > POINTS:
        voxels = voxels[random.choice(len(voxels), POINTS, replace=False)]
    return cKDTree(canvas.geometry.to_lps(voxels + [side.start for side in box]))


def _entry(canvas: Canvas, mask: Mask, center: np.ndarray, greatest_mm: float) -> tuple[Mask, Mask]:
    """How far the tumor may reach into a structure, and the finger that surely enters it."""
    depth = ndimage.distance_transform_edt(mask, sampling=canvas.geometry.spacing_mm)
    voxels = np.argwhere(mask)
    places = canvas.geometry.to_lps(voxels)
    apart = np.linalg.norm(places - center, axis=1)
    inside = np.minimum(depth[tuple(voxels.T)], REACH_MM)
    best = int(np.argmin(apart - 2.2 * inside))
    goal = places[best]
    z, y, x = canvas.axes()
    reach = (x - goal[0]) ** 2 + (y - goal[1]) ** 2 + (z - goal[2]) ** 2 <= (0.3 * greatest_mm + 4.0) ** 2
    thick = max(2.0 * canvas.geometry.spacing_mm[0], 0.12 * greatest_mm, 3.0)
    tube = canvas.tube([_point(center), _point(goal)], [0.2 * greatest_mm, thick])
    return np.broadcast_to(reach, mask.shape), tube


def _point(place: np.ndarray) -> Point:
    return (float(place[0]), float(place[1]), float(place[2]))


def _kept_off(room: _Room, plan: TumorPlan, near: Mapping[str, Mask]) -> Mask:
    """What the tumor keeps off, with some fat around it."""
    off = union(near, drawn(plan.avoided, near), room.part.empty())
    if not off.any():
        return off
    return np.asarray(ndimage.distance_transform_edt(~off, sampling=room.part.geometry.spacing_mm) <= KEPT_OFF_MM)


def _score(
    canvas: Canvas, plan: TumorPlan, center: np.ndarray, near: Mapping[str, Mask], random: np.random.Generator
) -> Mask:
    """How late the growing tumor reaches a voxel, in parts of its radius; float32 (Z, Y, X)."""
    size = canvas.geometry.spacing_mm[0]
    bump = 1.0 + plan.roughness * np.clip(grain(canvas.shape, plan.greatest_mm / 3.0 / size, random, 0.15), -2.0, 2.0)
    z, y, x = (axis - middle for axis, middle in zip(canvas.axes(), center[::-1], strict=True))
    if plan.cuff_mm is not None:
        return _along(canvas, plan, near[plan.home[0]], (z, y, x), random) / bump
    if plan.depth_mm is not None:
        organ = union(near, drawn((*plan.home, *plan.along), near), canvas.empty())
        return _from_surface(canvas, plan, organ, z**2 + y**2 + x**2) / bump
    stretch = random.permutation([1.0, 0.93, 0.86])
    apart = np.sqrt((z / stretch[0]) ** 2 + (y / stretch[1]) ** 2 + (x / stretch[2]) ** 2)
    return np.asarray(apart / (0.5 * plan.greatest_mm * bump), np.float32)


def _from_surface(canvas: Canvas, plan: TumorPlan, organ: Mask, apart_2: np.ndarray) -> Mask:
    """The score of a tumor of the mucosa: half an ellipsoid under the organ's surface, `depth_mm` deep in its middle.

    Args:
        apart_2: squared distance (Z, Y, X) from the center, mm2.
    """
    size = canvas.geometry.spacing_mm[0]
    below = np.maximum(ndimage.distance_transform_edt(organ, sampling=canvas.geometry.spacing_mm) - 0.5 * size, 0.0)
    left = 1.0 - (below / max(plan.depth_mm or 0.0, size)) ** 2
    beside = np.sqrt(np.maximum(apart_2 - below**2, 0.0)) / (0.5 * plan.greatest_mm)
    return np.where(left > 0.0, beside / np.sqrt(np.maximum(left, 1e-6)), np.inf).astype(np.float32)


def _along(
    canvas: Canvas,
    plan: TumorPlan,
    organ: Mask,
    from_center: tuple[np.ndarray, np.ndarray, np.ndarray],
    random: np.random.Generator,
) -> Mask:
    """The score of a tumor that runs along a hollow organ, thickest in its middle, on `ring` of its circumference."""
    z, _, _ = from_center
    height = np.abs(z) / (0.5 * plan.greatest_mm)
    outside = ndimage.distance_transform_edt(~organ, sampling=canvas.geometry.spacing_mm)
    beyond = outside / max(plan.cuff_mm or 0.0, 0.6 * canvas.geometry.spacing_mm[0])
    score = np.sqrt(np.minimum(height, 9.0) ** 2 + np.minimum(beyond, 9.0) ** 2)
    if plan.ring < 1.0:
        score = np.where(_turned_away(canvas, organ, plan.ring, random), np.inf, score)
    return np.asarray(score, np.float32)


def _turned_away(canvas: Canvas, organ: Mask, ring: float, random: np.random.Generator) -> Mask:
    """The part of every slice's circumference that the tumor leaves free."""
    _, y, x = canvas.axes()
    weight = np.maximum(organ.sum(axis=(1, 2)), 1)[:, None, None]
    middle_y = (organ * y).sum(axis=(1, 2), keepdims=True) / weight
    middle_x = (organ * x).sum(axis=(1, 2), keepdims=True) / weight
    angle = np.arctan2(y - middle_y, x - middle_x) - random.uniform(-np.pi, np.pi)
    return np.asarray(np.abs((angle + np.pi) % (2 * np.pi) - np.pi) > np.pi * ring)


def _of_size(canvas: Canvas, score: Mask, center: np.ndarray, greatest_mm: float) -> Mask:
    """The voxels with the lowest scores, in one piece with the center, that are as long as wanted."""
    low, high = 0.1, 1.8
    best, error = _piece(canvas, score <= high, center), np.inf
    tolerance = canvas.geometry.spacing_mm[0] / 6.0
    for _ in range(STEPS):
        level = (low + high) / 2
        mask = _piece(canvas, score <= level, center)
        size = longest_in_planes_mm(mask, canvas)
        if abs(size - greatest_mm) < error:
            best, error = mask, abs(size - greatest_mm)
        if error < tolerance or high - low < 1e-3:
            break
        low, high = (level, high) if size < greatest_mm else (low, level)
    return best


def _piece(canvas: Canvas, mask: Mask, center: np.ndarray) -> Mask:
    """The piece that holds the voxel nearest the center."""
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    voxels = np.argwhere(mask)
    nearest = voxels[int(np.argmin(np.linalg.norm(canvas.geometry.to_lps(voxels) - center, axis=1)))]
    return np.asarray(labels == labels[tuple(nearest)])


def grow_node(canvas: Canvas, plan: NodePlan, center: Point, blocked: Mask, random: np.random.Generator) -> Mask:
    """A node (Z, Y, X) at its place, moved a little and molded around what it may not enter; short axis as planned."""
    room = _room(canvas, np.array(center), 0.5 * plan.long_mm + 9.0)
    part = room.part
    free = ~room.cut(blocked)
    place = _roomiest(part, free, np.array(center), plan.short_mm)
    score = _node_score(part, plan, place, random)
    score[~free] = np.inf
    low, high, best, error = 0.4, 2.2, np.zeros(part.shape, bool), np.inf
    for _ in range(14):
        level = (low + high) / 2
        mask = _piece(part, score <= level, place)
        width = short_axis_mm(mask, part)
        if abs(width - plan.short_mm) < error:
            best, error = mask, abs(width - plan.short_mm)
        low, high = (level, high) if width < plan.short_mm else (low, level)
    whole = canvas.empty()
    whole[room.box] = best
    return whole


def _roomiest(canvas: Canvas, free: Mask, center: np.ndarray, short_mm: float) -> np.ndarray:
    """A free place near the wanted one with room for the node; farther ones cost more."""
    space = ndimage.distance_transform_edt(free, sampling=canvas.geometry.spacing_mm)
    voxels = np.argwhere(free)
    if len(voxels) == 0:
        return center
    places = canvas.geometry.to_lps(voxels)
    apart = np.linalg.norm(places - center, axis=1)
    lack = np.maximum(0.5 * short_mm - space[tuple(voxels.T)], 0.0)
    return np.asarray(places[int(np.argmin(apart + 1.2 * lack))])


def _node_score(canvas: Canvas, plan: NodePlan, center: np.ndarray, random: np.random.Generator) -> Mask:
    turn = random.uniform(0.0, np.pi)
    z, y, x = (axis - middle for axis, middle in zip(canvas.axes(), center[::-1], strict=True))
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    middle = plan.short_mm * (plan.long_mm / plan.short_mm) ** random.uniform(0.2, 0.7)
    radii = (0.5 * plan.short_mm, 0.5 * middle, 0.5 * plan.long_mm)
    apart = np.sqrt((across / radii[0]) ** 2 + (along / radii[1]) ** 2 + (z / radii[2]) ** 2)
    rough = grain(canvas.shape, max(plan.short_mm / 3.0, 2.5) / canvas.geometry.spacing_mm[0], random, 0.2)
    return np.asarray(apart / (1.0 + plan.roughness * np.clip(rough, -2.5, 2.5)), np.float32)


def dead_middle(mask: Mask, share: float, canvas: Canvas, random: np.random.Generator) -> Mask | None:
    """The necrotic middle of a lesion, `share` of its volume, irregular; None when it would be no voxel."""
    if share <= 0 or not mask.any():
        return None
    box = tuple(slice(max(first - 1, 0), last + 2) for first, last in _ends(mask))
    part = mask[box]
    depth = ndimage.distance_transform_edt(part, sampling=canvas.geometry.spacing_mm)
    depth *= 1.0 + 0.35 * np.clip(grain(_shape(part), 3.0, random), -2.0, 2.0)
    inside = depth[part]
    dead = part & (depth > np.quantile(inside, 1.0 - min(share, 0.85))) & (depth > canvas.geometry.spacing_mm[0])
    whole = np.zeros_like(mask)
    whole[box] = dead
    return whole if dead.any() else None


def fatty_hilum(mask: Mask, canvas: Canvas, random: np.random.Generator) -> Mask | None:
    """Fat that enters a node from one side; None when it would be no voxel."""
    box = tuple(slice(first, last + 1) for first, last in _ends(mask))
    part = mask[box]
    depth = ndimage.distance_transform_edt(np.pad(part, 1), sampling=canvas.geometry.spacing_mm)[1:-1, 1:-1, 1:-1]
    turn = random.uniform(0.0, 2 * np.pi)
    grid = np.indices(part.shape, dtype=np.float32) * np.array(canvas.geometry.spacing_mm)[:, None, None, None]
    middle = [float(axis[part].mean()) for axis in grid]
    side = (grid[1] - middle[1]) * np.sin(turn) + (grid[2] - middle[2]) * np.cos(turn)
    score = depth + 0.6 * side
    fat = part & (score > np.quantile(score[part], 0.78)) & (depth > 0.6 * canvas.geometry.spacing_mm[0])
    whole = np.zeros_like(mask)
    whole[box] = fat
    return whole if fat.any() else None


def _ends(mask: Mask) -> list[tuple[int, int]]:
    found = []
    for axis in range(3):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        found.append((int(filled[0]), int(filled[-1])))
    return found


def _shape(mask: Mask) -> tuple[int, int, int]:
    return mask.shape[0], mask.shape[1], mask.shape[2]
