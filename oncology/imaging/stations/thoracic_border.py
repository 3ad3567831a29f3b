"""The borders of the chest's stations, read from masks and landmarks; what is not there is NaN and named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from oncology.findings import Point
from oncology.imaging.region import bounding_box, checked_mask, crop, upright
from oncology.imaging.stations.profile import Profile, points_of, profile
from oncology.imaging.volume import Geometry, Volume

SIDES = {"left": 1.0, "right": -1.0}
LOBES = {"left": ("upper", "lower"), "right": ("upper", "middle", "lower")}
STEP_MM = 3.0  # slabs in which a border that runs along the body is read
# The azygos arch crosses the right main bronchus about this far above the carina (CT series: 5-15 mm); used, with more
# doubt, when the vein was not segmented. The same for where the lobar bronchi leave.
AZYGOS_ABOVE_CARINA_MM, BRONCHI_BELOW_CARINA_MM = 9.0, {"left": 40.0, "right": 48.0}
# The ligament leaves the left pulmonary artery at its origin, medial to the artery's crest.
LIGAMENT_MEDIAL_MM = 5.0
LIGAMENT_ANGLE = -0.3  # radians around the trachea, from straight left to the front: where it meets the arch
# Along a bronchus, by distance from the main bronchi (mm): start of the lobar, segmental and smaller parts.
LOBAR_MM, SEGMENTAL_MM, SMALLER_MM = 11.0, 22.0, 41.0
UPPER_RIGHT_MM = (
    5.0  # the right upper lobe bronchus leaves above the interlobar region: its first part lies in the hilum
)
MAIN_END_MM = 8.0  # the last part of the left main bronchus belongs to the interlobar region
ABDOMINAL_GULLET_MM = 25.0
CRURA_MM = 40.0  # half width of the part of the diaphragm around the hiatus
NOTHING = Profile(np.zeros(0), np.zeros(0))
TOO_SMALL = 12  # points of a structure below which it does not count as found


@dataclass(frozen=True)
class ThoracicBorders:
    """All borders of one chest, LPS mm; NaN is lacking.

    Attributes:
        heights: single levels (z) by name.
        lines: borders that run along the body, by name.
        arch: (N, 2) angle (radians around the trachea) and radius of the arch's middle line seen from above.
        parts: station number and side to points (K, 3) of the airway that it lies at.
        doubtful: heights that stand in for a structure that was not there.
        lacking: structures that were not found.
    """

    heights: Mapping[str, float]
    lines: Mapping[str, Profile]
    arch: np.ndarray
    arch_center: tuple[float, float]
    parts: Mapping[str, np.ndarray]
    doubtful: frozenset[str]
    lacking: tuple[str, ...]
    trees: dict[str, cKDTree] = field(default_factory=dict, compare=False)

    def line(self, name: str, z: np.ndarray) -> np.ndarray:
        """A border at heights; held at its ends, NaN where it is lacking."""
        found = self.lines.get(name, NOTHING)
        if len(found.z) == 0:
            return np.full(np.shape(z), np.nan)
        return np.interp(z, found.z, found.value)

    def distance(self, part: str, points: np.ndarray) -> np.ndarray:
        """Distance (N,) of points (N, 3) from a part of the airway, inf where there is none."""
        if part not in self.parts:
            return np.full(len(points), np.inf)
        if part not in self.trees:
            self.trees[part] = cKDTree(self.parts[part])
        return np.asarray(self.trees[part].query(points)[0])


def read_thoracic_borders(
    structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], grid: Geometry
) -> ThoracicBorders:
    """Borders of a chest; see `find_thoracic_stations` for what is used."""
    return _Reader(structures, landmarks, grid).read()


class _Reader:
    """Reads borders one after the other; later ones rest on earlier ones."""

    def __init__(self, structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], grid: Geometry) -> None:
        self.structures, self.landmarks, self.grid = structures, landmarks, grid
        self.half = float(np.min(grid.spacing_mm)) / 2
        corners = np.array([(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * (np.array(grid.shape) - 1)
        heights = grid.to_lps(corners)[:, 2]
        self.reach = (float(heights.min()), float(heights.max()))  # of the image along the body
        self.cache: dict[str, np.ndarray] = {}
        self.heights: dict[str, float] = {}
        self.lines: dict[str, Profile] = {}
        self.doubtful: set[str] = set()
        self.lacking: list[str] = []

    def read(self) -> ThoracicBorders:
        """Every border."""
        self._windpipe()
        self._levels()
        self._arch_levels()
        self._fronts()
        self._gullet()
        self._lungs()
        self._abdomen()
        arch, center = self._arch_line()
        self._ligament(arch, center)
        parts = {**self._airway_parts("left"), **self._airway_parts("right"), **self._artery_parts()}
        lacking = tuple(dict.fromkeys(self.lacking))
        return ThoracicBorders(self.heights, self.lines, arch, center, parts, frozenset(self.doubtful), lacking)

    def points(self, *names: str) -> np.ndarray:
        """Points (N, 3) of structures, LPS mm."""
        found = []
        for name in names:
            if name not in self.cache:
                mask = self.structures.get(name)
                checked = None if mask is None else checked_mask(mask, self.grid, name)
                self.cache[name] = self._points(checked)
            found.append(self.cache[name])
        return np.concatenate(found) if found else np.zeros((0, 3))

    def _points(self, mask: np.ndarray | None) -> np.ndarray:
        if mask is None or not mask.any():
            return np.zeros((0, 3))
        part = crop(mask, self.grid, bounding_box(mask))
        return points_of(part.array, part.geometry)

    def need(self, *names: str) -> np.ndarray:
        """Points of structures; the ones that are not there are noted as lacking."""
        for name in names:
            if len(self.points(name)) < TOO_SMALL:
                self.lacking.append(name)
        return self.points(*names)

    def _windpipe(self) -> None:
        """Carina, and the trachea's sides and back above it."""
        trachea = self.need("trachea")
        carina = self._carina(trachea)
        self.heights["carina"] = carina[2]
        pipe = trachea[trachea[:, 2] > carina[2] + 4.0] if not np.isnan(carina[2]) else trachea
        half = self.half
        measures: dict[str, Callable[[np.ndarray], float]] = {
            "trachea_left": lambda p: float(p[:, 0].max()) + half,
            "trachea_right": lambda p: float(p[:, 0].min()) - half,
            "trachea_x": lambda p: float((p[:, 0].max() + p[:, 0].min()) / 2),
            "trachea_back": lambda p: float(p[:, 1].max()) + half,
            "trachea_y": lambda p: float((p[:, 1].max() + p[:, 1].min()) / 2),
        }
        self.lines.update({name: profile(pipe, measure, STEP_MM) for name, measure in measures.items()})

    def _carina(self, trachea: np.ndarray) -> Point:
        if "carina" in self.landmarks:
            return self.landmarks["carina"]
        bronchi = [self.points(f"main_bronchus_{side}") for side in SIDES]
        if all(len(points) >= TOO_SMALL for points in bronchi):
            near = cKDTree(bronchi[0]).query(bronchi[1])[0]
            meeting = bronchi[1][near <= near.min() + 2.0]
            x, y, z = (float(value) for value in meeting.mean(axis=0))
            return x, y, z
        return self._fork(trachea)

    def _fork(self, trachea: np.ndarray) -> Point:
        """Where a trachea that was drawn with its main bronchi splits in two."""
        if len(trachea) < TOO_SMALL:
            return (float("nan"),) * 3
        mask = self._upright("trachea")
        for index in range(mask.array.shape[0] - 1, -1, -1):
            labels, count = ndimage.label(mask.array[index])
            if count >= 2 and np.sort(ndimage.sum_labels(labels > 0, labels, range(1, count + 1)))[-2] >= 6:
                z = float(mask.geometry.to_lps(np.array([index, 0, 0]))[2])
                x, y = trachea[np.abs(trachea[:, 2] - z) < 4.0][:, :2].mean(axis=0)
                return float(x), float(y), z
        self.lacking.append("carina")
        return (float("nan"),) * 3

    def _upright(self, name: str) -> Volume:
        mask = self.structures[name].astype(bool)
        return upright(crop(mask, self.grid, bounding_box(mask)))

    def _edge(self, name: str, points: np.ndarray, percent: float) -> None:
        """A level: the highest (percent near 100) or lowest of some points, as the outer edge of the voxels.

        NaN without points; infinite where the image cuts the structure off, as the edge then lies beyond the image.
        """
        self.heights[name] = float("nan")
        if len(points) < TOO_SMALL:
            return
        z, sign = points[:, 2], 1.0 if percent > 50 else -1.0
        cut = z.max() > self.reach[1] - self.half if percent > 50 else z.min() < self.reach[0] + self.half
        self.heights[name] = sign * np.inf if cut else float(np.percentile(z, percent)) + sign * self.half

    def _levels(self) -> None:
        """Manubrium, cricoid, crossing of the left brachiocephalic vein and artery, azygos arch, lower veins."""
        self._edge("manubrium", self.need("sternum"), 99.9)
        for name in ("manubrium_top", "sternal_notch"):
            if name in self.landmarks:
                self.heights["manubrium"] = self.landmarks[name][2]
        self._edge("cricoid", self.points("cricoid_cartilage"), 1.0)
        if "cricoid_bottom" in self.landmarks:
            self.heights["cricoid"] = self.landmarks["cricoid_bottom"][2]
        self._edge("vein_crossing", self._before_trachea("brachiocephalic_vein_left", -0.3, 0.3), 1.0)
        self._edge("artery_crossing", self._before_trachea("brachiocephalic_trunk", -1.0, 0.0), 1.0)
        self._azygos()
        veins = self.need("pulmonary_vein")
        middle = self.line("trachea_x", veins[:, 2])
        self._edge("lower_veins", veins[np.abs(veins[:, 0] - middle) < 48.0], 1.0)

    def line(self, name: str, z: np.ndarray) -> np.ndarray:
        """A line read so far, at heights."""
        found = self.lines.get(name, NOTHING)
        return np.interp(z, found.z, found.value) if len(found.z) else np.full(np.shape(z), np.nan)

    def _before_trachea(self, name: str, low: float, high: float) -> np.ndarray:
        """The part of a vessel that crosses the trachea seen from the front, from -1 (right wall) to 1 (left wall)."""
        points = self.need(name)
        z = points[:, 2]
        half = (self.line("trachea_left", z) - self.line("trachea_right", z)) / 2
        place = (points[:, 0] - self.line("trachea_x", z)) / np.maximum(half, 1.0)
        return points[(place >= low) & (place <= high)]

    def _azygos(self) -> None:
        """Lower and upper edge of the azygos arch beside the trachea; above the carina by experience without it."""
        vein, carina = self.points("azygos_vein"), self.heights["carina"]
        depth = self.line("trachea_y", np.array(carina))
        beside = vein[(vein[:, 2] > carina - 4.0) & (np.abs(vein[:, 1] - depth) < 10.0)]
        self._edge("azygos_bottom", beside, 1.0)
        self._edge("azygos_top", beside, 99.0)
        if len(beside) < TOO_SMALL:
            self.lacking.append("azygos_vein")
            self.heights["azygos_bottom"] = carina + AZYGOS_ABOVE_CARINA_MM
            self.heights["azygos_top"] = carina + AZYGOS_ABOVE_CARINA_MM + 9.0
            self.doubtful |= {"azygos_bottom", "azygos_top"}

    def _arch_levels(self) -> None:
        """Top and underside of the arch, the top of the left pulmonary artery, and where it crests."""
        self._edge("arch_top", self.need("aorta"), 99.95)
        self.heights["arch_bottom"] = self._underside()
        artery = self.need("pulmonary_artery")
        left = artery[artery[:, 0] > self.line("trachea_left", artery[:, 2]) + 2.0]
        self._edge("left_artery_top", left, 99.8)

    def _underside(self) -> float:
        """The highest slice in which the ascending and the descending aorta are apart."""
        if len(self.points("aorta")) < TOO_SMALL:
            return float("nan")
        mask = self._upright("aorta")
        least = 60.0 / (mask.geometry.spacing_mm[1] * mask.geometry.spacing_mm[2])  # 60 mm2: not a branch
        for index in range(mask.array.shape[0] - 1, -1, -1):
            labels, count = ndimage.label(mask.array[index])
            sizes = np.sort(ndimage.sum_labels(labels > 0, labels, range(1, count + 1))) if count else np.zeros(0)
            if count >= 2 and sizes[-2] >= least:
                return float(mask.geometry.to_lps(np.array([index, 0, 0]))[2]) + mask.geometry.spacing_mm[0] / 2
        return float("nan")

    def _fronts(self) -> None:
        """Front of the great veins on the right and of the arteries on the left, and of all below the carina."""
        right = self.need("superior_vena_cava", "brachiocephalic_vein_right")
        carotid = self.need("common_carotid_artery_left")
        aorta, carina = self.points("aorta"), self.heights["carina"]
        top = self.heights["arch_top"]
        ascending = aorta[(aorta[:, 2] > carina - 20.0) & (aorta[:, 1] < self.line("trachea_y", aorta[:, 2]))]
        left = np.concatenate([ascending, carotid[carotid[:, 2] > top]])
        for name, points in (("veins", right), ("arteries", left)):
            self.lines[f"{name}_front"] = profile(points, lambda p: float(np.percentile(p[:, 1], 1.0)), STEP_MM)
            self.lines[f"{name}_x"] = profile(points, _front_x, STEP_MM)
        self.lines["veins_right"] = profile(right, lambda p: float(p[:, 0].min()) - self.half, STEP_MM)
        whole = self.points("aorta", "pulmonary_artery", "heart")
        self.lines["front"] = profile(whole[whole[:, 2] < carina + 10.0], lambda p: float(p[:, 1].min()), STEP_MM)
        arch = aorta[(aorta[:, 2] > self.heights["arch_bottom"]) & (aorta[:, 2] < top)]
        self.heights["arch_left_x"] = float(arch[:, 0].max()) if len(arch) else float("nan")

    def _arch_line(self) -> tuple[np.ndarray, tuple[float, float]]:
        """The arch seen from above, as radius over angle around the trachea."""
        aorta, low, high = self.points("aorta"), self.heights["arch_bottom"], self.heights["arch_top"]
        arch = aorta[(aorta[:, 2] > low) & (aorta[:, 2] < high)]
        unknown = np.zeros((0, 2)), (float("nan"), float("nan"))
        self.heights["ascending_x"] = float("nan")
        if len(arch) < TOO_SMALL or len(self.lines["trachea_x"].z) == 0:
            return unknown
        middle = np.array((low + high) / 2)
        center = (float(self.line("trachea_x", middle)), float(self.line("trachea_y", middle)))
        dx, dy = arch[:, 0] - center[0], arch[:, 1] - center[1]
        angle, radius = np.arctan2(dy, dx), np.hypot(dx, dy)
        bins = np.round(angle / 0.15).astype(int)
        rows = [(number * 0.15, float(radius[bins == number].mean())) for number in np.unique(bins)]
        ahead = arch[:, 1] < np.percentile(arch[:, 1], 15)
        self.heights["ascending_x"] = float(np.median(arch[ahead, 0]))
        return np.array(rows), center

    def _ligament(self, arch: np.ndarray, center: tuple[float, float]) -> None:
        """x of the arterial ligament: between the arch's left part and the crest of the left pulmonary artery."""
        artery, top = self.points("pulmonary_artery"), self.heights["left_artery_top"]
        crest = artery[artery[:, 2] > top - 4.0]
        self.heights["ligament_x"] = float("nan")
        if len(arch) and len(crest):
            radius = float(np.interp(LIGAMENT_ANGLE, arch[:, 0], arch[:, 1]))
            bow = center[0] + radius * float(np.cos(LIGAMENT_ANGLE))
            self.heights["ligament_x"] = (bow + float(crest[:, 0].mean())) / 2 - LIGAMENT_MEDIAL_MM

    def _gullet(self) -> None:
        esophagus = self.need("esophagus")
        area = float(np.prod(self.grid.spacing_mm)) / STEP_MM  # mm2 of one voxel in a slab
        self.lines["esophagus_x"] = profile(esophagus, lambda p: float(p[:, 0].mean()), STEP_MM)
        self.lines["esophagus_y"] = profile(esophagus, lambda p: float(p[:, 1].mean()), STEP_MM)
        self.lines["esophagus_r"] = profile(esophagus, lambda p: float(np.sqrt(len(p) * area / np.pi)), STEP_MM)
        self._edge("esophagus_end", esophagus, 0.5)

    def _lungs(self) -> None:
        """How far the lungs reach to the sides: beyond lies the chest wall."""
        for side, sign in SIDES.items():
            lobes = [f"lung_{name}_lobe_{side}" for name in LOBES[side]]
            points = self.points(f"lung_{side}") if len(self.points(f"lung_{side}")) else self.points(*lobes)
            reach = profile(points * (sign, 1.0, 1.0), _widest, STEP_MM)
            widest = np.maximum.accumulate(reach.value[::-1])[::-1]  # the chest does not narrow again below
            self.lines[f"lung_{side}"] = Profile(reach.z, sign * widest)

    def _abdomen(self) -> None:
        """The hiatus: a landmark, else the gullet's lower end and the length of its abdominal part."""
        self.heights["hiatus"] = self.heights["esophagus_end"] + ABDOMINAL_GULLET_MM
        if "esophageal_hiatus" in self.landmarks:
            self.heights["hiatus"] = self.landmarks["esophageal_hiatus"][2]

    def _airway_parts(self, side: str) -> dict[str, np.ndarray]:
        """Points of the airway by the station that lies at them."""
        main = self.need(f"main_bronchus_{side}")
        between = self.points("bronchus_intermedius") if side == "right" else np.zeros((0, 3))
        lobar = {name: self.points(f"bronchus_{name}_lobe_{side}") for name in LOBES[side]}
        self._lower_border(side, main, between)
        if len(main) < TOO_SMALL or any(len(points) < TOO_SMALL for points in lobar.values()):
            self.lacking.extend(f"bronchus_{name}_lobe_{side}" for name, p in lobar.items() if len(p) < TOO_SMALL)
            return {}
        both = np.concatenate([main, between])
        away = {name: cKDTree(both).query(points)[0] for name, points in lobar.items()}
        start = {name: UPPER_RIGHT_MM if (side, name) == ("right", "upper") else LOBAR_MM for name in lobar}
        first = {name: points[away[name] < start[name]] for name, points in lobar.items()}
        rest = np.concatenate([points[away[name] >= start[name]] for name, points in lobar.items()])
        apart = np.concatenate([away[name][away[name] >= start[name]] for name in lobar])
        letter = side[0].upper()
        if side == "right":
            ten, eleven = [main, first["upper"]], [between, first["middle"], first["lower"]]
        else:
            tip = main[main[:, 2].argmin()]
            end = np.linalg.norm(main - tip, axis=1) < MAIN_END_MM
            ten, eleven = [main[~end]], [main[end], first["upper"], first["lower"]]
        named = {
            "10": np.concatenate(ten),
            "11": np.concatenate(eleven),
            "12": rest[apart < SEGMENTAL_MM],
            "13": rest[(apart >= SEGMENTAL_MM) & (apart < SMALLER_MM)],
            "14": rest[apart >= SMALLER_MM],
        }
        return {f"{number}{letter}": found for number, found in named.items() if len(found)}

    def _lower_border(self, side: str, main: np.ndarray, between: np.ndarray) -> None:
        """Where station 7 ends: the lower end of the left main, or of the right intermediate bronchus; its middle."""
        both = np.concatenate([main, between])
        self.lines[f"bronchus_{side}_x"] = profile(both, lambda p: float(p[:, 0].mean()), STEP_MM)
        self._edge(f"bronchus_{side}_end", both, 1.0)
        if side == "right" and len(between) < TOO_SMALL:
            self.heights["bronchus_right_end"] = float("nan")
        if np.isnan(self.heights[f"bronchus_{side}_end"]):
            self.heights[f"bronchus_{side}_end"] = self.heights["carina"] - BRONCHI_BELOW_CARINA_MM[side]
            self.doubtful.add(f"bronchus_{side}_end")

    def _artery_parts(self) -> dict[str, np.ndarray]:
        """Points at which the abdominal stations of the esophageal map lie."""
        esophagus, end = self.points("esophagus"), self.heights["esophagus_end"]
        found = {
            "15": self._crura(),
            "16": esophagus[esophagus[:, 2] < end + 12.0],
            "17": self.points("left_gastric_artery"),
            "18": self.points("common_hepatic_artery"),
            "19": self.points("splenic_artery"),
            "20": self.points("celiac_trunk"),
        }
        return {name: points for name, points in found.items() if len(points) >= TOO_SMALL}

    def _crura(self) -> np.ndarray:
        """The diaphragm behind the gullet and beside the aorta."""
        muscle, hiatus = self.points("diaphragm"), self.heights["hiatus"]
        x, y = self.line("esophagus_x", np.array(hiatus)), self.line("esophagus_y", np.array(hiatus))
        near = (np.abs(muscle[:, 0] - x) < CRURA_MM) & (muscle[:, 1] > y) & (muscle[:, 2] < hiatus + 5.0)
        return muscle[near]


def _front_x(points: np.ndarray) -> float:
    front = points[points[:, 1] <= np.percentile(points[:, 1], 10.0)]
    return float(front[:, 0].mean())


def _widest(points: np.ndarray) -> float:
    return float(points[:, 0].max())
