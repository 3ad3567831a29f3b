"""Focal lesions in the marrow of a bone on CT alone: holes of soft tissue, and dense foci.

Only what trabecular bone surrounds on all sides counts. Degenerative change sits at end plates, facets and the bone's
border, a Schmorl node opens into its disc, a disc is open all around, and the basivertebral vein opens into the canal:
none of them is surrounded so. A metastasis that has broken through the cortex is missed; a false one would cost more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from oncology.imaging import shape
from oncology.imaging.measure import volume_ml
from oncology.imaging.region import bounding_box, components, crop, distance_mm, grown
from oncology.imaging.roundness import core, equivalent_mm, is_round, surrounded_share
from oncology.imaging.volume import Geometry, Volume

SMOOTH_MM = 1.5  # calms noise and the grain of trabeculae (ours)
# Below 10 mm a lesion is not measurable on CT (RECIST 1.1, Eisenhauer 2009), and a vein's channel is as wide.
FOCUS_MM = 10.0
RIM_MM = 3.0  # of the bone's border, where no focus lies (ours)
CANAL_MM = 6.0  # what comes so near to the spinal canal may be a vein's channel (ours)
MARROW_MM, LEAST_MARROW_ML = 7.0, 3.0  # so deep in the bone its marrow's HU are read, from so much of it (ours)
# At L1 110 HU and less speak for osteoporosis (Pickhardt 2013, Ann Intern Med 158:588): tumor and such marrow look
# alike, and no hole is looked for.
POROUS_HU = 110.0
# Soft tissue, denser than fluid and fatty marrow; so much darker than the marrow around (ours).
LYTIC_FROM_HU, DARKER_HU, FAT_HU, MOST_FAT = 20.0, 50.0, -20.0, 0.05
# So much denser than the marrow (ours); denser still is a bone island (885 HU on average: Ulano 2016, AJR 207:362).
DENSER_HU, ISLAND_HU = 150.0, 885.0
CALM_SD = 1.5  # a focus stands out by this many deviations of the bone's own marrow too (ours)
# Layer around a focus, off its blurred edge, and the share of it that is marrow or cortex (ours: balls of 16 mm and
# 55 HU painted into four real spines had 0.70 to 0.98, most above 0.85; what was round and dark there anyway 0.69).
SHELL_MM, SURROUNDED = (2.5, 5.0), 0.85


@dataclass(frozen=True)
class _Bone:
    """A bone cut out.

    Attributes:
        hu, smooth: (Z, Y, X), the CT and the same calmed.
        filled: the bone with its cavities; `inner` what of it is no rim, `by_canal` what lies along the spinal canal.
        marrow, sd: HU of what lies deep.
    """

    hu: np.ndarray
    smooth: np.ndarray
    filled: np.ndarray
    inner: np.ndarray
    by_canal: np.ndarray
    marrow: float
    sd: float
    grid: Geometry


def bone_foci(ct: Volume, mask: np.ndarray, canal: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Focal lytic, then sclerotic lesions of one bone, each (Z, Y, X) bool.

    Args:
        ct: in HU.
        mask: (Z, Y, X) bool on its grid, the bone with its marrow.
        canal: the spinal canal on the same grid, for a spine or a vertebra.
    """
    if not mask.any():
        return
    box = grown(bounding_box(mask), ct.geometry, SHELL_MM[1])
    bone = _bone(crop(ct.array, ct.geometry, box), mask[box], None if canal is None else canal[box])
    if bone is None:
        return
    for part in (*_lytic(bone), *_sclerotic(bone)):
        whole = np.zeros(mask.shape, bool)
        whole[box] = part
        yield whole


def _bone(ct: Volume, mask: np.ndarray, canal: np.ndarray | None) -> _Bone | None:
    grid = ct.geometry
    filled, by_canal = shape.fill_holes(mask if canal is None else mask | canal), np.zeros(mask.shape, bool)
    depth = distance_mm(filled, grid.spacing_mm)
    inner, deep = depth > RIM_MM, depth > MARROW_MM
    if canal is not None and canal.any():
        by_canal = distance_mm(~canal, grid.spacing_mm) <= CANAL_MM
        filled, inner, deep = filled & ~canal, inner & ~canal, deep & ~by_canal
    smooth = ndimage.gaussian_filter(ct.array.astype(np.float32), [SMOOTH_MM / side for side in grid.spacing_mm])
    if volume_ml(deep, grid) < LEAST_MARROW_ML:
        return None
    low, middle, high = np.percentile(smooth[deep], (25, 50, 75))
    return _Bone(ct.array, smooth, filled, inner, by_canal, float(middle), float(high - low) / 1.349, grid)


def _lytic(bone: _Bone) -> Iterator[np.ndarray]:
    if bone.marrow < POROUS_HU:
        return
    upto = bone.marrow - max(DARKER_HU, CALM_SD * bone.sd)
    for part in _foci(bone.smooth < upto, bone):
        values = bone.smooth[core(part, bone.grid)]
        if float(np.median(values)) >= LYTIC_FROM_HU and float(np.mean(values < FAT_HU)) < MOST_FAT:
            yield part


def _sclerotic(bone: _Bone) -> Iterator[np.ndarray]:
    for part in _foci(bone.smooth > bone.marrow + max(DENSER_HU, CALM_SD * bone.sd), bone):
        if float(np.mean(bone.hu[core(part, bone.grid)])) < ISLAND_HU:
            yield part


def _foci(marked: np.ndarray, bone: _Bone) -> Iterator[np.ndarray]:
    """Round parts (Z, Y, X) of what is marked that marrow surrounds: nearer to its HU than to theirs; largest first."""
    for part, box in components(ndimage.binary_opening(marked & bone.inner)):
        if equivalent_mm(part, bone.grid) < FOCUS_MM:
            return
        whole = np.zeros(marked.shape, bool)
        whole[box] = part
        if not is_round(part, bone.grid) or (whole & bone.by_canal).any():
            continue
        between = 0.5 * (bone.marrow + float(np.median(bone.smooth[box][core(part, bone.grid)])))
        marrow = bone.smooth > between if between < bone.marrow else bone.smooth < between
        if surrounded_share(whole, bone.filled & marrow, bone.grid, SHELL_MM) >= SURROUNDED:
            yield whole
