"""The borders of the neck's levels, read from masks and landmarks; what is not there is NaN and named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from oncology.findings import Point
from oncology.imaging.stations.profile import Profile, points_of, profile
from oncology.imaging.volume import Geometry

CAROTID_FRONT_MM = 2.0  # RP nodes lie behind the line through the front of the internal carotid
BEHIND_VEIN_MM = 10.0  # the anterior scalene's outer edge lies about here behind and beside the jugular vein's center
BACK_EDGE_MM = 2.0  # what counts as the back edge of a muscle
BODY_HALF_WIDTH_MM = 9.0  # of the hyoid's body: its horns lie farther out
SIDED = ("sternocleidomastoid", "submandibular_gland", "digastric", "common_carotid_artery", "internal_carotid_artery")


@dataclass(frozen=True)
class SideBorders:
    """Borders of one side. x is counted from the midline to that side, all in mm.

    Attributes:
        muscle_back_x, muscle_back_y: back edge of the sternocleidomastoid.
        scalene_x, scalene_y: outer back edge of the anterior scalene, else of what lies behind the jugular vein.
        carotid_medial_x, carotid_y: inner edge and depth of the common (above it, the internal) carotid.
        internal_carotid_medial_x, internal_carotid_front_y: of the internal carotid.
        gland_back_y, gland_top_z: of the submandibular gland.
        belly: (N, 2) y and x of the front belly of the digastric.
    """

    muscle_back_x: Profile
    muscle_back_y: Profile
    scalene_x: Profile
    scalene_y: Profile
    carotid_medial_x: Profile
    carotid_y: Profile
    internal_carotid_medial_x: Profile
    internal_carotid_front_y: Profile
    gland_back_y: float
    gland_top_z: float
    belly: np.ndarray

    def behind_line(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Distance behind and outside the line from the sternocleidomastoid's back to the anterior scalene."""
        x0, y0 = self.muscle_back_x.at(z), self.muscle_back_y.at(z)
        dx, dy = self.scalene_x.at(z) - x0, self.scalene_y.at(z) - y0
        across = ((x - x0) * dy - (y - y0) * dx) / np.maximum(np.hypot(dx, dy), 1e-6)
        return np.asarray(np.where(dy > 0, across, np.where(np.isnan(dy), np.nan, y - y0)))

    def belly_x(self, y: np.ndarray) -> np.ndarray:
        """Distance of the digastric's front belly from the midline, at depths."""
        if len(self.belly) == 0:
            return np.full(np.shape(y), np.nan)
        return np.interp(y, self.belly[:, 0], self.belly[:, 1])


@dataclass(frozen=True)
class Borders:
    """All borders of one neck, LPS mm; NaN is lacking."""

    middle_x: float
    hyoid_z: float
    cricoid_z: float
    skull_base_z: float
    notch_z: float
    left: SideBorders
    right: SideBorders
    lacking: tuple[str, ...]

    def side(self, name: str) -> SideBorders:
        """Borders of "left" or "right"."""
        return self.left if name == "left" else self.right


def read_borders(structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], grid: Geometry) -> Borders:
    """Borders of a neck; see `find_neck_stations` for what is used."""
    reader = _Reader(structures, landmarks, grid)
    middle = reader.middle_x()
    heights = {
        "hyoid_bottom": reader.hyoid_z(middle),
        "cricoid_bottom": reader.edge_z("cricoid_bottom", "cricoid_cartilage", 1.0),
        "skull_base": reader.edge_z("skull_base", "clivus", 1.0),
        "sternal_notch": reader.edge_z("sternal_notch", "sternum", 99.0),
    }
    front = reader.front_of_hyoid_y()
    left, right = (reader.side(name, sign, middle, front) for name, sign in (("left", 1.0), ("right", -1.0)))
    lacking = [name for name, z in heights.items() if np.isnan(z)]
    lacking += [f"{name}_{side}" for name in SIDED for side in ("left", "right") if not reader.has(f"{name}_{side}")]
    z = list(heights.values())
    return Borders(middle, z[0], z[1], z[2], z[3], left, right, tuple(lacking))


@dataclass(frozen=True)
class _Reader:
    structures: Mapping[str, np.ndarray]
    landmarks: Mapping[str, Point]
    grid: Geometry

    def has(self, name: str) -> bool:
        return name in self.structures and bool(self.structures[name].any())

    def points(self, name: str, sign: float = 1.0, middle: float = 0.0) -> np.ndarray:
        """Points of a structure; x counted from the midline to the side of `sign`."""
        found = points_of(self.structures.get(name), self.grid)
        return np.column_stack([sign * (found[:, 0] - middle), found[:, 1], found[:, 2]])

    def middle_x(self) -> float:
        """Midline: halfway between paired structures, else an unpaired one's center, else a landmark's."""
        pairs = ("sternocleidomastoid", "internal_jugular_vein", "common_carotid_artery", "submandibular_gland")
        middles = [
            sum(self.points(f"{name}_{side}")[:, 0].mean() for side in ("left", "right")) / 2
            for name in pairs
            if self.has(f"{name}_left") and self.has(f"{name}_right")
        ]
        single = [
            self.points(name)[:, 0].mean() for name in ("hyoid", "cricoid_cartilage", "trachea") if self.has(name)
        ]
        named = [self.landmarks[name][0] for name in ("hyoid_bottom", "cricoid_bottom") if name in self.landmarks]
        found = single or middles or named
        return float(np.median(found)) if found else float("nan")

    def hyoid_z(self, middle: float) -> float:
        """Lower border of the hyoid's body."""
        if "hyoid_bottom" in self.landmarks:
            return self.landmarks["hyoid_bottom"][2]
        points = self.points("hyoid", 1.0, middle)
        body = points[np.abs(points[:, 0]) <= BODY_HALF_WIDTH_MM]
        return self._edge(body, 1.0)

    def edge_z(self, landmark: str, structure: str, percent: float) -> float:
        """A landmark's height, else the lowest or highest of a structure, NaN without both."""
        if landmark in self.landmarks:
            return self.landmarks[landmark][2]
        return self._edge(self.points(structure), percent)

    def _edge(self, points: np.ndarray, percent: float) -> float:
        half = self.grid.spacing_mm[0] / 2 * (1.0 if percent > 50 else -1.0)
        return float(np.percentile(points[:, 2], percent)) + half if len(points) else float("nan")

    def front_of_hyoid_y(self) -> float:
        points = self.points("hyoid")
        return float(np.percentile(points[:, 1], 2)) if len(points) else float("nan")

    def side(self, name: str, sign: float, middle: float, hyoid_front: float) -> SideBorders:
        """Borders of one side."""
        step = max(self.grid.spacing_mm[0], 2.0)
        muscle = self.points(f"sternocleidomastoid_{name}", sign, middle)
        gland = self._gland(name, sign, middle)
        inner = self.points(f"internal_carotid_artery_{name}", sign, middle)
        carotid = self._carotid(name, sign, middle)
        scalene_x, scalene_y = self._scalene(name, sign, middle, step)
        return SideBorders(
            muscle_back_x=profile(muscle, lambda p: float(p[p[:, 1] >= p[:, 1].max() - BACK_EDGE_MM, 0].mean()), step),
            muscle_back_y=profile(muscle, lambda p: float(p[:, 1].max()), step),
            scalene_x=scalene_x,
            scalene_y=scalene_y,
            carotid_medial_x=profile(carotid, lambda p: float(p[:, 0].min()), step),
            carotid_y=profile(carotid, lambda p: float(p[:, 1].mean()), step),
            internal_carotid_medial_x=profile(inner, lambda p: float(p[:, 0].min()), step),
            internal_carotid_front_y=profile(inner, lambda p: float(p[:, 1].min()) - CAROTID_FRONT_MM, step),
            gland_back_y=float(np.percentile(gland[:, 1], 99)) if len(gland) else float("nan"),
            gland_top_z=float(np.percentile(gland[:, 2], 99)) if len(gland) else float("inf"),
            belly=_front_belly(self.points(f"digastric_{name}", sign, middle), hyoid_front),
        )

    def _gland(self, name: str, sign: float, middle: float) -> np.ndarray:
        """The submandibular gland, or the other side's mirrored (a removed gland leaves the border)."""
        other = "right" if name == "left" else "left"
        own = self.points(f"submandibular_gland_{name}", sign, middle)
        return own if len(own) else self.points(f"submandibular_gland_{other}", -sign, middle)

    def _carotid(self, name: str, sign: float, middle: float) -> np.ndarray:
        common = self.points(f"common_carotid_artery_{name}", sign, middle)
        inner = self.points(f"internal_carotid_artery_{name}", sign, middle)
        if len(common):
            inner = inner[inner[:, 2] > common[:, 2].max()]
        return np.concatenate([common, inner])

    def _scalene(self, name: str, sign: float, middle: float, step: float) -> tuple[Profile, Profile]:
        points, shift = self.points(f"anterior_scalene_{name}", sign, middle), 0.0
        if len(points):
            x, y = (profile(points, partial(_back_edge, axis=axis), step) for axis in (0, 1))
        else:
            points, shift = self.points(f"internal_jugular_vein_{name}", sign, middle), BEHIND_VEIN_MM
            x, y = (profile(points, partial(_middle, axis=axis), step) for axis in (0, 1))
        return Profile(x.z, x.value + shift), Profile(y.z, y.value + 2.0 * shift)


def _back_edge(points: np.ndarray, axis: int) -> float:
    """Along one axis, the point that lies farthest out and back."""
    return float(points[np.argmax(points[:, 0] + points[:, 1]), axis])


def _middle(points: np.ndarray, axis: int) -> float:
    return float(points[:, axis].mean())


def _front_belly(points: np.ndarray, hyoid_front: float) -> np.ndarray:
    """(N, 2) depth and distance from the midline of the digastric in front of the hyoid, by depth."""
    ahead = points[points[:, 1] < hyoid_front] if np.isfinite(hyoid_front) else points[:0]
    if len(ahead) == 0:
        return np.zeros((0, 2))
    slab = np.round(ahead[:, 1] / 3.0)
    rows = [(ahead[slab == n, 1].mean(), ahead[slab == n, 0].mean()) for n in np.unique(slab)]
    return np.array(rows, float)
