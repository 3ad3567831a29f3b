"""Stations of the chest by rules from organs and landmarks; the maps themselves are in `thoracic_map`.

Near a border the answer is shared: the border's place is normal with a deviation of 3 mm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from oncology.findings import Laterality, Point
from oncology.imaging.stations.base import BORDER_SIGMA_MM, MAP_POINTS, node_center, soft_tissue
from oncology.imaging.stations.thoracic_border import ThoracicBorders, read_thoracic_borders
from oncology.imaging.stations.thoracic_map import (
    ALONG_ARTERIES,
    ALONG_BRONCHI,
    ARTERY,
    BRONCHUS,
    KNOWN_ALONG_BRONCHI,
    MAPS,
)
from oncology.imaging.volume import Geometry

DOUBTFUL_SIGMA_MM = 7.0  # for a border that stands in for a structure that was not found
LOGIT_PER_SIGMA = 1.7  # a logistic curve this steep is within 1% of the normal one
LEAST = 0.01  # weights below this are not followed up
RETROTRACHEAL_MM = 22.0  # half width of station 3p
GULLET_FRONT_MM = 4.0  # a node behind this part of the gullet's radius is beside it, not before it
PARAESOPHAGEAL_MM = 9.0  # from the gullet's surface: farther out the ligament begins
SUPRACLAVICULAR_MM = 32.0  # from the trachea's middle, above the manubrium (esophageal map)
HALF_WIDTH_MM = (32.0, 48.0)  # of the mediastinum below the bronchi: above, and below the lower pulmonary veins
BESIDE_VEINS_MM, BESIDE_ARCH_MM = 4.0, 8.0  # farther lateral, above the carina, lies lung
ASCENDING_MM = 6.0  # left of the ascending aorta's middle station 6 begins
CHEST_WALL_MM = 8.0
FAR_MM = 30.0  # from every bronchus or artery: no station along it
SOLID = (
    "trachea", "main_bronchus_left", "main_bronchus_right", "bronchus_intermedius", "aorta", "pulmonary_artery",
    "heart", "superior_vena_cava", "spine", "sternum", "esophagus", "ribs", "spinal_canal", "brachiocephalic_trunk",
    "brachiocephalic_vein_left", "brachiocephalic_vein_right", "inferior_vena_cava", "azygos_vein", "liver", "stomach",
    "spleen", "thyroid_gland", "chest_wall", "below_diaphragm",
)  # fmt: skip
Field = Callable[[ThoracicBorders, np.ndarray], np.ndarray]


def find_thoracic_stations(
    structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], grid: Geometry, system: str = "iaslc"
) -> ThoracicStations:
    """Stations of one chest.

    Args:
        structures: masks (Z, Y, X) by name; used where they are there: trachea, main_bronchus_left/right,
            bronchus_intermedius, bronchus_<lobe>, aorta, pulmonary_artery, pulmonary_vein, superior_vena_cava,
            azygos_vein, brachiocephalic_vein_left/right, brachiocephalic_trunk, common_carotid_artery_left, esophagus,
            sternum, heart, lung_left/right or the lobes; for stations 15 to 20 also celiac_trunk and its branches.
        landmarks: carina, sternal_notch or manubrium_top, cricoid_bottom, esophageal_hiatus (LPS mm); else read from
            the structures, where they show it.
        grid: of all masks.
        system: "iaslc" (lung) or "esophageal" (the numbering of AJCC's esophagus chapter).
    """
    body = structures.get("body")
    solid = [structures[name] for name in SOLID if name in structures]
    return ThoracicStations(read_thoracic_borders(structures, landmarks, grid), grid, system, body, tuple(solid))


@dataclass(frozen=True)
class ThoracicStations:
    """Stations by rules, spelled as the TNM vocabulary does."""

    borders: ThoracicBorders
    grid: Geometry
    system: str = "iaslc"
    body: np.ndarray | None = None
    solid: tuple[np.ndarray, ...] = ()

    @property
    def lacking(self) -> tuple[str, ...]:
        """Structures that were not found; what they divide is answered with {}."""
        return self.borders.lacking

    def probabilities(self, mask: np.ndarray) -> dict[str, float]:
        """Station to probability of a node's mask (Z, Y, X) by its center, likeliest first.

        {} when the mask is empty, lies where the map has no station, or needs a border that is lacking.
        """
        center = node_center(mask, self.grid)
        return {} if center is None else self.probabilities_at(center)

    def probabilities_at(self, point: Point) -> dict[str, float]:
        """The same for a point, LPS mm."""
        shares = station_shares(self.borders, np.array([point], float), self.system, BORDER_SIGMA_MM)
        total = sum(float(share[0]) for share in shares.values())
        if not np.isfinite(total) or total < 0.5:
            return {}
        kept = {name: float(share[0]) / total for name, share in shares.items() if share[0] / total >= LEAST}
        return dict(sorted(kept.items(), key=lambda item: -item[1]))

    def laterality(self, mask: np.ndarray) -> Laterality | None:
        """Side of a node: that of its station, midline for those without one; None where there is no station."""
        station = next(iter(self.probabilities(mask)), None)
        if station is None:
            return None
        if station.endswith(("R", "_right")):
            return Laterality.RIGHT
        return Laterality.LEFT if station.endswith(("L", "_left")) or station in "56" else Laterality.MIDLINE

    def map(self, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Masks (Z, Y, X) of stations, all or the named ones: soft tissue inside the borders, without the organs."""
        free = soft_tissue(self.grid, self.body, self.solid)
        step = 1 if np.count_nonzero(free) <= MAP_POINTS else 2
        voxels = np.argwhere(free[::step, ::step, ::step]) * step
        shares = station_shares(self.borders, self.grid.to_lps(voxels), self.system, 0.0)
        found = {}
        for name, share in shares.items():
            if names is None or name in names:
                small = np.zeros(tuple(-(-n // step) for n in self.grid.shape), bool)
                small[tuple((voxels // step).T)] = share > 0.5
                found[name] = _enlarged(small, step, self.grid.shape) & free
        return found


def _enlarged(small: np.ndarray, step: int, shape: tuple[int, int, int]) -> np.ndarray:
    if step == 1:
        return small
    for axis in range(3):
        small = np.repeat(small, step, axis=axis)
    return small[: shape[0], : shape[1], : shape[2]]


def station_shares(borders: ThoracicBorders, points: np.ndarray, system: str, sigma_mm: float) -> dict[str, np.ndarray]:
    """Station to its share (N,) at points (N, 3), LPS mm; NaN where a border is lacking.

    `sigma_mm` is the doubt about each border; 0 gives one station only. Shares add up to less than 1 where the map
    has no station.
    """
    shares: dict[str, np.ndarray] = {}
    rules = MAPS[system]
    waiting: list[tuple[str | None, np.ndarray]] = [("start", np.ones(len(points)))]
    while waiting:
        target, weight = waiting.pop()
        here = np.flatnonzero(~(weight < LEAST))
        if target is None or len(here) == 0:
            continue
        if target in (BRONCHUS, ARTERY):
            for name, part in _nearest(borders, points[here], target, system, sigma_mm).items():
                _add(shares, name, here, weight[here] * part, len(points))
        elif target in rules:
            name, positive, negative = rules[target]
            value = BORDERS[name](borders, points[here])
            part = np.zeros(len(points))
            part[here] = _step(value, _sigma(borders, name, sigma_mm))
            waiting += [(positive, weight * part), (negative, weight * (1.0 - part))]
        else:
            _add(shares, target, here, weight[here], len(points))
    return shares


def _add(shares: dict[str, np.ndarray], name: str, here: np.ndarray, part: np.ndarray, count: int) -> None:
    shares.setdefault(name, np.zeros(count))[here] += part


def _step(value: np.ndarray, sigma_mm: float) -> np.ndarray:
    if sigma_mm > 0:
        return np.asarray(ndtr(value / sigma_mm))
    return np.where(np.isnan(value), np.nan, value > 0)


def _sigma(borders: ThoracicBorders, name: str, sigma_mm: float) -> float:
    return DOUBTFUL_SIGMA_MM if sigma_mm > 0 and STANDS_ON.get(name) in borders.doubtful else sigma_mm


def _nearest(
    borders: ThoracicBorders, points: np.ndarray, target: str, system: str, sigma_mm: float
) -> dict[str, np.ndarray]:
    """Share (N,) of every part of the airway (or artery) at points (N, 3) by which is nearest; 0 when all are far."""
    names = ALONG_BRONCHI if target == BRONCHUS else ALONG_ARTERIES
    known = [name for name in names if name in borders.parts]
    if not known:
        return {}
    away = np.array([borders.distance(name, points) for name in known])
    least = away.min(axis=0)
    part = (away == least).astype(float)
    if sigma_mm > 0:
        part = np.exp(-(away - least) * LOGIT_PER_SIGMA / sigma_mm)
    part = part / part.sum(axis=0) * (least <= FAR_MM)
    kept = names if target == ARTERY else KNOWN_ALONG_BRONCHI[system]
    return {name: row for name, row in zip(known, part, strict=True) if name in kept}


def _smaller(*values: np.ndarray) -> np.ndarray:
    """Distance into a zone with several borders: that to the nearest one."""
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*values)))


def _above(name: str) -> Field:
    return lambda b, p: p[:, 2] - b.heights[name]


def _across(b: ThoracicBorders, name: str, p: np.ndarray) -> np.ndarray:
    """How far left of a line the points lie."""
    return np.asarray(p[:, 0] - b.line(name, p[:, 2]))


def _in_lung(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    """Above the carina: beyond the great veins on the right or the arch on the left."""
    right = b.line("veins_right", p[:, 2]) - BESIDE_VEINS_MM - p[:, 0]
    return np.asarray(np.maximum(right, p[:, 0] - b.heights["arch_left_x"] - BESIDE_ARCH_MM))


def _behind_trachea(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    near = RETROTRACHEAL_MM - np.abs(_across(b, "trachea_x", p))
    return _smaller(p[:, 1] - b.line("trachea_back", p[:, 2]), near)


def _beside_arch(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    """Between the arch's top and underside, outside its bow and left of the ascending aorta's middle."""
    if len(b.arch) == 0:
        return np.full(len(p), np.nan)
    dx, dy = p[:, 0] - b.arch_center[0], p[:, 1] - b.arch_center[1]
    outside = np.hypot(dx, dy) - np.interp(np.arctan2(dy, dx), b.arch[:, 0], b.arch[:, 1])
    left = p[:, 0] - b.heights["ascending_x"] - ASCENDING_MM
    return _smaller(outside, left, b.heights["arch_top"] - p[:, 2], p[:, 2] - b.heights["arch_bottom"])


def _before_vessels(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    """Before the line from the front of the right great vein to that of the left artery."""
    z = p[:, 2]
    right_x, left_x = b.line("veins_x", z), b.line("arteries_x", z)
    right_y, left_y = b.line("veins_front", z), b.line("arteries_front", z)
    share = np.clip((p[:, 0] - right_x) / np.maximum(left_x - right_x, 1.0), 0.0, 1.0)
    return np.asarray(right_y + share * (left_y - right_y) - p[:, 1])


def _beyond_ligament(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    return _smaller(p[:, 0] - b.heights["ligament_x"], b.heights["arch_bottom"] - p[:, 2])


def _above_bronchi_end(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    """Above the line between the ends of the right intermediate and the left main bronchus."""
    z = np.full(len(p), b.heights["carina"] - 20.0)
    right_x, left_x = b.line("bronchus_right_x", z), b.line("bronchus_left_x", z)
    share = np.clip((p[:, 0] - right_x) / np.maximum(left_x - right_x, 1.0), 0.0, 1.0)
    low, high = b.heights["bronchus_right_end"], b.heights["bronchus_left_end"]
    return np.asarray(p[:, 2] - low - share * (high - low))


def _between_bronchi(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    return _smaller(_across(b, "bronchus_right_x", p), -_across(b, "bronchus_left_x", p))


def _at_gullet(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    away = np.hypot(_across(b, "esophagus_x", p), p[:, 1] - b.line("esophagus_y", p[:, 2]))
    return np.asarray(PARAESOPHAGEAL_MM - (away - b.line("esophagus_r", p[:, 2])))


def _in_lower_lung(b: ThoracicBorders, p: np.ndarray) -> np.ndarray:
    wide, wider = HALF_WIDTH_MM
    half = np.where(p[:, 2] > b.heights["lower_veins"], wide, wider)
    return np.asarray(np.abs(_across(b, "trachea_x", p)) - half + 0.0 * b.heights["lower_veins"])


# Distance in mm to every border a map asks for; positive on the side that it is named after.
BORDERS: Mapping[str, Field] = {
    "above_cricoid": lambda b, p: p[:, 2] - np.nan_to_num(b.heights["cricoid"], nan=np.inf),
    "above_manubrium": _above("manubrium"),
    "above_carina": _above("carina"),
    "above_arch": _above("arch_top"),
    "above_left_artery": _above("left_artery_top"),
    "above_vein": _above("vein_crossing"),
    "above_artery": _above("artery_crossing"),
    "above_azygos": _above("azygos_bottom"),
    "above_azygos_top": _above("azygos_top"),
    "above_lower_veins": _above("lower_veins"),
    "below_hiatus": lambda b, p: b.heights["hiatus"] - p[:, 2],
    "left_of_middle": lambda b, p: _across(b, "trachea_x", p),
    "left_of_trachea": lambda b, p: _across(b, "trachea_left", p),
    "far_from_trachea": lambda b, p: np.abs(_across(b, "trachea_x", p)) - SUPRACLAVICULAR_MM,
    "outside_left_lung": lambda b, p: _across(b, "lung_left", p) - CHEST_WALL_MM,
    "outside_right_lung": lambda b, p: -_across(b, "lung_right", p) - CHEST_WALL_MM,
    "in_lung": _in_lung,
    "behind_trachea": _behind_trachea,
    "beside_arch": _beside_arch,
    "before_vessels": _before_vessels,
    "beyond_ligament": _beyond_ligament,
    "before_heart": lambda b, p: b.line("front", p[:, 2]) - p[:, 1],
    "above_bronchi_end": _above_bronchi_end,
    "between_bronchi": _between_bronchi,
    "behind_gullet_front": lambda b, p: p[:, 1] - b.line("esophagus_y", p[:, 2]) + GULLET_FRONT_MM,
    "at_gullet": _at_gullet,
    "in_lower_lung": _in_lower_lung,
}
# Borders that may stand on a level read from something else than its own structure.
STANDS_ON: Mapping[str, str] = {
    "above_azygos": "azygos_bottom",
    "above_azygos_top": "azygos_top",
    "above_bronchi_end": "bronchus_right_end",
}
