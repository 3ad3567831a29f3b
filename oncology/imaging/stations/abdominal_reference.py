"""What the stations of the pancreas are told by: points of vessels and organs, read from masks.

A station has a reference structure, a handicap in mm that lets more telling neighbors go first, and, where only one
side of
the structure belongs to it, a border that adds to the distance beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from oncology.imaging.region import bounding_box
from oncology.imaging.stations.profile import Profile, points_of, profile
from oncology.imaging.volume import Geometry

Beyond = Callable[[np.ndarray], np.ndarray]
Masks = Mapping[str, np.ndarray]

REACH_MM = 18.0  # a node's center farther from a station's structure does not belong to it
HILUM_MM = 14.0  # vessels this close to the spleen are its hilum
PYLORUS_MM = 11.0  # radius of pylorus with the first part of the duodenum
ORGAN_HANDICAP_MM = 2.0  # the gland is wide: a vessel just as near tells more
GREAT_VESSEL_HANDICAP_MM = 1.5
BEHIND_WEIGHT = 1.5  # how strongly a node in front of aorta and vena cava is kept from para_aortic
BESIDE_DUCT_MM = 12.0  # gland this close to the bile duct shows where its upper border is
BELOW_GLAND_MM = 22.0  # mesenteric vessels count down to here below the head
MOST_POINTS = 6000
PANCREAS_PARTS = ("pancreas_head", "pancreas_neck", "pancreas_body", "pancreas_tail")


@dataclass(frozen=True)
class Reference:
    """What a station lies along.

    Attributes:
        station: as the TNM vocabulary spells it.
        tree: points of the structure, LPS mm.
        handicap_mm: added to every distance.
        beyond: mm that points (N, 3) lie beyond the station's border; None when every side counts.
        reach_mm: farthest distance of a node of that station.
    """

    station: str
    tree: cKDTree
    handicap_mm: float = 0.0
    beyond: Beyond | None = None
    reach_mm: float = REACH_MM

    def distance_mm(self, points: np.ndarray) -> np.ndarray:
        """Distance (N,) of points (N, 3), with what is added; infinite out of reach."""
        apart, _ = self.tree.query(points, distance_upper_bound=self.reach_mm)
        apart = apart + self.handicap_mm
        return np.asarray(apart if self.beyond is None else apart + self.beyond(points))


@dataclass
class Reader:
    """Reads references from one patient's masks, and remembers what was missing."""

    structures: Masks
    grid: Geometry
    lacking: list[str] = field(default_factory=list)

    def points(self, name: str) -> np.ndarray:
        """World points (N, 3) of a structure, thinned; its name goes to `lacking` when there are none."""
        found = points_of(self.structures.get(name), self.grid)
        if len(found) == 0:
            self.lacking.append(name)
        return found

    def has(self, name: str) -> bool:
        """Whether there is such a mask with anything in it."""
        return name in self.structures and bool(self.structures[name].any())


def tree_of(points: np.ndarray) -> cKDTree | None:
    """A tree of at most MOST_POINTS of them, None without any."""
    return cKDTree(points[:: max(1, len(points) // MOST_POINTS)]) if len(points) else None


def read_references(structures: Masks, grid: Geometry) -> tuple[list[Reference], tuple[str, ...]]:
    """References of every station that can be told, and the structures that were not there."""
    reader = Reader(structures, grid)
    head, rest = _gland(reader)
    parts = [
        *_around_head(reader, head),
        *_arteries(reader),
        *_veins(reader, head),
        *_hilum(reader),
        _made("peripancreatic", rest, ORGAN_HANDICAP_MM),
        _para_aortic(reader),
        _pyloric(reader),
    ]
    return [part for part in parts if part is not None], tuple(dict.fromkeys(reader.lacking))


def _made(
    station: str, points: np.ndarray, handicap: float = 0.0, beyond: Beyond | None = None, reach: float = REACH_MM
) -> Reference | None:
    tree = tree_of(points)
    return None if tree is None else Reference(station, tree, handicap, beyond, reach)


def _gland(reader: Reader) -> tuple[np.ndarray, np.ndarray]:
    """Points of head with neck and of the rest; cut at the mesenteric vein's left border when not told apart."""
    if reader.has("pancreas_head"):
        head, neck, body, tail = (points_of(reader.structures.get(name), reader.grid) for name in PANCREAS_PARTS)
        return np.concatenate([head, neck]), np.concatenate([body, tail])
    gland = reader.points("pancreas")
    vein = points_of(reader.structures.get("superior_mesenteric_vein"), reader.grid)
    if len(gland) == 0 or len(vein) == 0:
        reader.lacking.append("pancreas_head")
        return gland[:0], gland
    level = vein[vein[:, 2] >= gland[:, 2].min()]
    left = float(np.percentile((level if len(level) else vein)[:, 0], 98))
    return gland[gland[:, 0] <= left], gland[gland[:, 0] > left]


def _around_head(reader: Reader, head: np.ndarray) -> list[Reference | None]:
    """Front and back of the head, divided by its middle at each height."""
    if len(head) == 0:
        return []
    middle = profile(head, lambda p: float(np.median(p[:, 1])), max(reader.grid.spacing_mm[0], 2.0))

    def depth(points: np.ndarray) -> np.ndarray:
        heights = np.clip(points[:, 2], middle.z[0], middle.z[-1])
        return np.asarray(points[:, 1] - np.interp(heights, middle.z, middle.value))

    return [
        _made("anterior_pancreaticoduodenal", head, ORGAN_HANDICAP_MM, lambda p: 2.0 * np.maximum(depth(p), 0.0)),
        _made("posterior_pancreaticoduodenal", head, ORGAN_HANDICAP_MM, lambda p: 2.0 * np.maximum(-depth(p), 0.0)),
    ]


def _arteries(reader: Reader) -> list[Reference | None]:
    hepatic = [
        reader.points("common_hepatic_artery"),
        points_of(reader.structures.get("proper_hepatic_artery"), reader.grid),
    ]
    mesenteric = reader.points("superior_mesenteric_artery")
    return [
        _made("celiac", reader.points("celiac_trunk")),
        _made("common_hepatic_artery", np.concatenate(hepatic)),
        _made("sma_right_lateral_wall", mesenteric, 0.0, _left_of(mesenteric, reader.grid)),
    ]


def _left_of(artery: np.ndarray, grid: Geometry) -> Beyond | None:
    """How far points lie left of an artery's middle at their height."""
    if len(artery) == 0:
        return None
    middle = profile(artery, lambda p: float(p[:, 0].mean()), max(grid.spacing_mm[0], 2.0))
    return lambda p: 2.0 * np.maximum(p[:, 0] - np.interp(p[:, 2], middle.z, middle.value), 0.0)


def _veins(reader: Reader, head: np.ndarray) -> list[Reference | None]:
    """Portal and superior mesenteric vein, and the bile duct above the gland."""
    mesenteric, portal = reader.points("superior_mesenteric_vein"), reader.points("portal_vein")
    duct = reader.points("common_bile_duct")
    if len(head):
        mesenteric = mesenteric[mesenteric[:, 2] > head[:, 2].min() - BELOW_GLAND_MM]
        duct = _outside_gland(duct, head)
    return [
        _made("superior_mesenteric_vein", mesenteric),
        _made("portal_vein", portal),
        _made("common_bile_duct", duct),
    ]


def _outside_gland(duct: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The part of the bile duct above the gland: behind it and within it nodes belong to the back of the head."""
    if len(duct) == 0:
        return duct
    near = head[cKDTree(duct).query(head, distance_upper_bound=BESIDE_DUCT_MM)[0] <= BESIDE_DUCT_MM]
    border = float(np.percentile(near[:, 2], 95)) if len(near) else float("-inf")
    return np.asarray(duct[duct[:, 2] > border])


def _hilum(reader: Reader) -> list[Reference | None]:
    """The splenic artery, and beyond the tail the spleen's hilum, where its vessels come near."""
    artery, spleen = reader.points("splenic_artery"), reader.points("spleen")
    vein = points_of(reader.structures.get("splenic_vein"), reader.grid)
    if len(spleen) == 0 or len(artery) == 0:
        return [_made("splenic_artery", artery)]
    organ, vessels = cKDTree(spleen), np.concatenate([artery, vein])
    ends = vessels[organ.query(vessels)[0] <= HILUM_MM]
    if len(ends) == 0:
        return [_made("splenic_artery", artery)]
    surface = spleen[cKDTree(ends).query(spleen, distance_upper_bound=HILUM_MM)[0] <= HILUM_MM]
    along = artery[organ.query(artery)[0] > HILUM_MM]
    return [_made("splenic_artery", along), _made("splenic_hilum", np.concatenate([ends, surface]))]


def _para_aortic(reader: Reader) -> Reference | None:
    """Beside aorta and vena cava from the celiac trunk down, behind the plane of their front."""
    aorta, cava = reader.points("aorta"), reader.points("inferior_vena_cava")
    origin = points_of(reader.structures.get("celiac_trunk"), reader.grid)
    both = np.concatenate([aorta, cava])
    if len(aorta) == 0:
        return None
    top = float(np.median(origin[:, 2])) if len(origin) else float("inf")
    both = both[both[:, 2] <= top]
    front = profile(aorta, lambda p: float(p[:, 1].min()), max(reader.grid.spacing_mm[0], 2.0))
    return _made("para_aortic", both, GREAT_VESSEL_HANDICAP_MM, lambda p: _ahead(p, front, top))


def _ahead(points: np.ndarray, front: Profile, top: float) -> np.ndarray:
    """mm in front of the aorta's front, weighted, and above the celiac trunk."""
    plane = np.interp(points[:, 2], front.z, front.value)
    above = np.maximum(points[:, 2] - top, 0.0) if np.isfinite(top) else 0.0
    return np.asarray(BEHIND_WEIGHT * np.maximum(plane - points[:, 1], 0.0) + above)


def _pyloric(reader: Reader) -> Reference | None:
    """Around the place where stomach and duodenum meet."""
    stomach, duodenum = (reader.structures.get(name) for name in ("stomach", "duodenum"))
    if stomach is None or duodenum is None or not stomach.any() or not duodenum.any():
        reader.lacking += [name for name in ("stomach", "duodenum") if not reader.has(name)]
        return None
    box = bounding_box(duodenum)
    wide = tuple(slice(max(0, side.start - 3), side.stop + 3) for side in box)
    step = ndimage.generate_binary_structure(3, 1)
    meeting = ndimage.binary_dilation(stomach[wide], step, 2) & ndimage.binary_dilation(duodenum[wide], step, 2)
    if not meeting.any():
        reader.lacking.append("pylorus")
        return None
    corner = np.array([side.start for side in wide])
    middle = np.median(reader.grid.to_lps(np.argwhere(meeting) + corner), axis=0)
    return Reference("pyloric", cKDTree(middle[None]), -PYLORUS_MM, None, REACH_MM + PYLORUS_MM)
