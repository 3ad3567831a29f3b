"""A grid to draw solid shapes on, in patient millimeters.

Arrays are (z, y, x); points are LPS millimeters (x, y, z). Every shape is drawn inside its own bounding box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.findings import Point
from oncology.imaging.volume import Geometry

Slices = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Canvas:
    """An axial grid and the shapes it can rasterize."""

    geometry: Geometry

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels (z, y, x)."""
        return self.geometry.shape

    def empty(self) -> np.ndarray:
        """A mask with nothing set."""
        return np.zeros(self.shape, bool)

    def axes(self, box: Slices | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """World coordinates z (Z, 1, 1), y (1, Y, 1) and x (1, 1, X) of voxel centers inside a box."""
        spacing, origin = self.geometry.spacing_mm, self.geometry.origin_lps[::-1]
        lines = [
            origin[axis]
            + spacing[axis] * np.arange(*(box[axis].indices(self.shape[axis]) if box else (self.shape[axis],)))
            for axis in range(3)
        ]
        return lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :]

    def box(self, low: Sequence[float] | np.ndarray, high: Sequence[float] | np.ndarray) -> Slices:
        """Voxels between two corners (x, y, z), clipped to the grid."""
        first = self.geometry.to_index(np.array(low, float))
        last = self.geometry.to_index(np.array(high, float))
        sides = [
            slice(int(np.clip(np.floor(a), 0, n)), int(np.clip(np.ceil(b) + 1, 0, n)))
            for a, b, n in zip(first, last, self.shape, strict=True)
        ]
        return sides[0], sides[1], sides[2]

    def ellipsoid(self, center: Point, radii: Point, bump: np.ndarray | None = None) -> np.ndarray:
        """A solid ellipsoid; `bump` (whole grid) swells or dents its surface by that share of the radius."""
        mask = self.empty()
        reach = 1.0 if bump is None else 1.0 + float(bump.max())
        box = self.box(
            [c - r * reach for c, r in zip(center, radii, strict=True)],
            [c + r * reach for c, r in zip(center, radii, strict=True)],
        )
        z, y, x = self.axes(box)
        apart = np.sqrt(
            ((x - center[0]) / radii[0]) ** 2 + ((y - center[1]) / radii[1]) ** 2 + ((z - center[2]) / radii[2]) ** 2
        )
        mask[box] = apart <= (1.0 if bump is None else 1.0 + bump[box])
        return mask

    def tube(self, path: Sequence[Point], radius: float | Sequence[float]) -> np.ndarray:
        """A round tube along straight pieces between points, radius given per point or for all."""
        mask = self.empty()
        radii = [float(radius)] * len(path) if isinstance(radius, (int, float)) else list(radius)
        for start, stop, r0, r1 in zip(path, path[1:], radii, radii[1:], strict=False):
            self._capsule(mask, np.array(start, float), np.array(stop, float), r0, r1)
        return mask

    def _capsule(self, mask: np.ndarray, start: np.ndarray, stop: np.ndarray, r0: float, r1: float) -> None:
        margin = max(r0, r1) + max(self.geometry.spacing_mm)
        box = self.box(np.minimum(start, stop) - margin, np.maximum(start, stop) + margin)
        z, y, x = self.axes(box)
        along = stop - start
        length = float(along @ along) or 1.0
        share = ((x - start[0]) * along[0] + (y - start[1]) * along[1] + (z - start[2]) * along[2]) / length
        share = np.clip(share, 0.0, 1.0)
        apart = (
            (x - start[0] - share * along[0]) ** 2
            + (y - start[1] - share * along[1]) ** 2
            + (z - start[2] - share * along[2]) ** 2
        )
        mask[box] |= apart <= (r0 + share * (r1 - r0)) ** 2


def smooth_noise(shape: tuple[int, int, int], sigma: float, random: np.random.Generator) -> np.ndarray:
    """Gaussian noise of zero mean and unit deviation, smooth over `sigma` voxels."""
    factor = max(1, int(sigma / 2))
    small = tuple(n // factor + 2 for n in shape)
    noise = ndimage.gaussian_filter(random.standard_normal(small).astype(np.float32), sigma / factor)
    noise = ndimage.zoom(noise, factor + 1, order=1)[: shape[0], : shape[1], : shape[2]]
    return (noise - noise.mean()) / (noise.std() or 1.0)


def curve(points: Sequence[Point], steps: int = 8) -> list[Point]:
    """A smooth path through points (Catmull-Rom), ends included."""
    known = np.array([points[0], *points, points[-1]], float)
    path: list[Point] = []
    for p0, p1, p2, p3 in zip(known, known[1:], known[2:], known[3:], strict=False):
        for t in np.arange(steps) / steps:
            place = 0.5 * (
                2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
            path.append((float(place[0]), float(place[1]), float(place[2])))
    return [*path, points[-1]]
