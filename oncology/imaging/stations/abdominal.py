"""Stations of the pancreas by rules from vessels and organs.

Definitions of the Japan Pancreas Society (number in brackets; Classification of Pancreatic Carcinoma, 4th English
edition 2017), told in the TNM vocabulary and in own words: a node belongs to the named structure nearest to it.
    pyloric (5, 6) | common_hepatic_artery (8a, 8p, 12a) | celiac (9) | splenic_hilum (10): beyond the pancreas's tail
    splenic_artery (11p, 11d) | common_bile_duct (12b) and portal_vein (12p): above the gland
    posterior (13) and anterior_pancreaticoduodenal (17): behind and before the middle of the head
    sma_right_lateral_wall (14): the artery's right half | superior_mesenteric_vein: down to the lower duodenum
    para_aortic (16): beside aorta and vena cava, behind their front | peripancreatic (18 and what lies on body and
    tail)
The border between two structures runs halfway; its place is normal with a deviation of 3 mm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from oncology.findings import Point
from oncology.imaging.stations.abdominal_reference import Reference, read_references
from oncology.imaging.stations.base import BORDER_SIGMA_MM, MAP_POINTS, node_center, soft_tissue
from oncology.imaging.volume import Geometry

LEAST = 0.01  # smaller shares are not told
STATIONS = (
    "anterior_pancreaticoduodenal", "posterior_pancreaticoduodenal", "peripancreatic", "pyloric", "common_bile_duct",
    "common_hepatic_artery", "portal_vein", "superior_mesenteric_vein", "sma_right_lateral_wall", "celiac",
    "splenic_artery", "splenic_hilum", "para_aortic",
)  # fmt: skip
# Structures that no station contains.
SOLID = (
    "pancreas", "duodenum", "stomach", "liver", "spleen", "kidney_left", "kidney_right", "adrenal_gland_left",
    "adrenal_gland_right", "aorta", "inferior_vena_cava", "celiac_trunk", "superior_mesenteric_artery", "gallbladder",
    "common_hepatic_artery", "splenic_artery", "superior_mesenteric_vein", "portal_vein", "splenic_vein",
    "common_bile_duct", "colon", "small_bowel", "spine", "spinal_canal", "iliopsoas_left", "iliopsoas_right",
)  # fmt: skip


def find_abdominal_stations(
    structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], grid: Geometry
) -> AbdominalStations:
    """Stations around one pancreas.

    Args:
        structures: masks (Z, Y, X) by name; used where they are there: pancreas or its parts, duodenum, stomach,
            spleen, aorta, inferior_vena_cava, celiac_trunk, common_hepatic_artery, proper_hepatic_artery,
            splenic_artery, superior_mesenteric_artery, superior_mesenteric_vein, portal_vein, splenic_vein,
            common_bile_duct.
        landmarks: not needed here; every region's finder takes them.
        grid: of all masks.
    """
    del landmarks
    references, lacking = read_references(structures, grid)
    solid = tuple(structures[name] for name in SOLID if name in structures)
    return AbdominalStations(tuple(references), lacking, grid, structures.get("body"), solid)


@dataclass(frozen=True)
class AbdominalStations:
    """Stations by rules, spelled as the TNM vocabulary does.

    Attributes:
        references: what the stations lie along.
        lacking: structures that were not there; their stations are not told.
        grid: of the masks.
    """

    references: tuple[Reference, ...]
    lacking: tuple[str, ...]
    grid: Geometry
    body: np.ndarray | None = None
    solid: tuple[np.ndarray, ...] = ()

    def probabilities(self, mask: np.ndarray) -> dict[str, float]:
        """Station to probability of a node's mask (Z, Y, X) by its center, likeliest first.

        {} when the mask is empty or farther than 18 mm from every structure.
        """
        center = node_center(mask, self.grid)
        return {} if center is None else self.probabilities_at(center)

    def probabilities_at(self, point: Point) -> dict[str, float]:
        """The same for a point, LPS mm."""
        shares = self._shares(np.array([point], float))
        kept = {name: float(share[0]) for name, share in shares.items() if share[0] >= LEAST}
        total = sum(kept.values())
        return {name: share / total for name, share in sorted(kept.items(), key=lambda item: -item[1])}

    def _shares(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Share (N,) of every station at points (N, 3), LPS mm; zero where none is near."""
        if not self.references:
            return {}
        apart = np.stack([reference.distance_mm(points) for reference in self.references])
        shares = border_shares(apart, BORDER_SIGMA_MM)
        return {reference.station: share for reference, share in zip(self.references, shares, strict=True)}

    def map(self, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Masks (Z, Y, X) of all stations or the given ones: fat around their structures, without organs."""
        masks = {
            reference.station: np.zeros(self.grid.shape, bool)
            for reference in self.references
            if names is None or reference.station in names
        }
        voxels, step = self._candidates()
        if len(voxels) == 0:
            return masks
        apart = np.stack([reference.distance_mm(self.grid.to_lps(voxels)) for reference in self.references])
        nearest, known = apart.argmin(axis=0), np.isfinite(apart.min(axis=0))
        free = soft_tissue(self.grid, self.body, self.solid)
        for number, reference in enumerate(self.references):
            if reference.station in masks:
                mask = masks[reference.station]
                _fill(mask, voxels[known & (nearest == number)], step)
                mask &= free
        return masks

    def _candidates(self) -> tuple[np.ndarray, int]:
        """Indices (N, 3) of voxels near the structures, and how many voxels each stands for along an axis."""
        if not self.references:
            return np.zeros((0, 3), int), 1
        ends = np.concatenate([[r.tree.mins - r.reach_mm, r.tree.maxes + r.reach_mm] for r in self.references])
        corners = self.grid.to_index(np.array([ends.min(axis=0), ends.max(axis=0)]))
        low = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
        high = np.minimum(np.ceil(corners.max(axis=0)) + 1, self.grid.shape).astype(int)
        step = 1 if np.prod(np.maximum(high - low, 0)) <= MAP_POINTS else 2
        free = np.zeros(self.grid.shape, bool)
        free[low[0] : high[0] : step, low[1] : high[1] : step, low[2] : high[2] : step] = True
        return np.argwhere(free if self.body is None else free & self.body), step


def border_shares(apart: np.ndarray, sigma_mm: float) -> np.ndarray:
    """Shares (S, N) of S stations by their distances (S, N): the border to the nearest other one lies halfway.

    >>> border_shares(np.array([[2.0], [8.0]]), 3.0).round(3).tolist()   # 3 mm before the border: one deviation
    [[0.841], [0.159]]
    """
    shares = np.zeros(apart.shape)
    for number in range(len(apart)):
        others = np.delete(apart, number, axis=0).min(axis=0) if len(apart) > 1 else np.full(apart.shape[1], np.inf)
        known = np.isfinite(apart[number])
        lead = np.where(np.isfinite(others[known]), others[known] - apart[number][known], np.inf)
        shares[number, known] = ndtr(lead / 2.0 / sigma_mm)
    total = shares.sum(axis=0)
    return np.asarray(np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))


def _fill(mask: np.ndarray, voxels: np.ndarray, step: int) -> None:
    """Sets voxels (N, 3) and, on a coarser map, those that they stand for."""
    for shift in np.ndindex(step, step, step):
        z, y, x = (np.minimum(voxels[:, axis] + shift[axis], mask.shape[axis] - 1) for axis in range(3))
        mask[z, y, x] = True
