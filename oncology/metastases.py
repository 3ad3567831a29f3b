"""Possible distant metastases: what PET and CT show outside the primary, its nodes, and the usual pattern.

Nothing here is a metastasis yet: each is a candidate until a person or the record confirms it. A candidate needs an
organ with a mask (bone, liver, adrenal, lung) or a station: hot tissue that nothing names is left to the reader, as
false metastases are what spoils stages (88 of 306 lung cancers upstaged by 196 of them: autoPET III, EJNMMI 2025).

Uptake counts above 1.5 times the liver's mean plus two standard deviations (PERCIST 1.0, Wahl 2009); without a liver,
above twice the blood pool plus two of its deviations.

Without a PET, lesions of bone and, for cancers of other organs, nodules of the lung are looked for on CT alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from oncology.cancers.evidence import malignancy_probability
from oncology.cancers.protocol import cancer as plugin_of
from oncology.cancers.protocol import site_of
from oncology.cancers.spread import distant_stations
from oncology.errors import ScopeError
from oncology.findings import (
    Findings,
    History,
    Laterality,
    MetastasisCandidate,
    Node,
    Source,
    SourceKind,
    Tumor,
)
from oncology.imaging.bone_focus import bone_foci
from oncology.imaging.location import centroid_lps
from oncology.imaging.measure import axial_diameter_mm, volume_ml
from oncology.imaging.nodule import solid_nodules
from oncology.imaging.region import bounding_box, components, crop, distance_mm, grown
from oncology.imaging.roundness import core, equivalent_mm, is_round
from oncology.imaging.survey import Scene
from oncology.imaging.volume import Geometry, Volume, resample

Masks = Mapping[str, np.ndarray]
NO_MASKS: Masks = MappingProxyType({})
RULES = Source(SourceKind.RULES, "metastasis-candidates")
# Organs that take up FDG in health, or collect it; with the spill around them.
PHYSIOLOGIC = ("brain", "heart", "atrial_appendage", "kidney", "urinary_bladder", "ureter", "small_bowel", "colon",
               "duodenum", "stomach", "spleen", "parotid", "submandibular", "sublingual", "tonsil", "nasopharynx",
               "oropharynx", "hypopharynx", "tongue", "larynx", "vocal", "thyroid_gland", "prostate", "testis", "eye",
               "soft_palate", "gallbladder", "esophagus")  # fmt: skip
SPILL_MM = 7.0
BONES = ("vertebra", "rib", "sternum", "sacrum", "hip_", "femur", "humerus", "scapula", "clavicula", "skull", "bones",
         "spine", "costal_cartilages")  # fmt: skip
# Bones with enough marrow to see a lesion in it on CT alone; a whole spine where no vertebra is named.
MARROW_BONES = ("vertebrae_", "sacrum", "hip_")
NEAR_ORGAN_MM = 4.0
# Aerated lung takes up next to nothing: there a smaller focus stands out. A nodule at the pleura is cut out of the lung
# by rules; it lies so near and in nothing else.
LEAST_HOT_ML, LEAST_HOT_IN_LUNG_ML, NODULE_RIM_MM = 0.3, 0.1, 12.0
AROUND_LUNGS = ("mediastinum", "chest_wall", "diaphragm")
# Larger than this is marrow at work, muscle or an unmasked organ, and no single metastasis.
MOST_HOT_ML = 250.0
PERCIST_LIVER, PERCIST_BLOOD, PERCIST_SD = 1.5, 2.0, 2.0
WITHOUT_REFERENCE_SUV = 4.0
LIVER_RIM_MM = 6.0
LESION_SD = 3.0
FAT_HU = (-180.0, -20.0)  # brown fat takes up FDG and is fat on CT (Cohade 2003)
KNOWN_MARGIN_MM = 6.0
# A node out of the region is suspicious from these on (RECIST 1.1; SUVmax 2.5: Silvestri 2013).
NODE_MM, NODE_SUV, NODE_P = 10.0, 2.5, 0.5
# An adrenal gland thicker than this, and not as light as an adenoma on plain CT (Boland 1998, AJR 171:201).
ADRENAL_MM, ADENOMA_HU = 10.0, 10.0
# A focus darker than the liver by this, too dense for a cyst, of this size, with no more fat than noise makes.
LIVER_DARKER_HU, LIVER_DARKER_SD, CYST_HU, LIVER_LESION_MM, HILUM_FAT = 20.0, 2.5, 15.0, 8.0, 0.05
# A focus of uptake brighter than the liver by this is the kidney's cortex or a vessel that the liver's mask took in:
# metastases of these cancers take up less contrast than the liver does.
LIVER_BRIGHTER_HU = 25.0
# A lesion of the liver has liver around it: this share of a shell; muscle or bowel that the mask took in has less.
LIVER_SHELL_MM, LIVER_AROUND = (1.0, 4.0), 0.6
LIVER_VESSELS = (
    "portal_vein",
    "inferior_vena_cava",
    "gallbladder",
    "liver_vessels",
    "hepatic_vein",
    "common_bile_duct",
)
FLUIDS = {
    "pleural_effusion": "pleural_effusion",
    "pericardial_effusion": "pericardial_effusion",
    "ascites": "peritoneum",
}
LEAST_FLUID_ML = 15.0
SAME_SPOT_MM = 15.0


@dataclass(frozen=True)
class Located:
    """A candidate and its mask (Z, Y, X) on the CT's grid, None where it is a finding that has one already."""

    candidate: MetastasisCandidate
    mask: np.ndarray | None


def find_candidates(
    scene: Scene, findings: Findings, cancer: str, masks: Masks = NO_MASKS
) -> tuple[MetastasisCandidate, ...]:
    """Every possible distant metastasis, none of them confirmed.

    Args:
        scene: CT, PET and structures; what is missing is not looked at.
        findings: tumors and nodes that were measured; they are no candidates unless they lie too far away.
        cancer: key of the cancer that is staged; where it goes is told by its site.
        masks: finding id -> (Z, Y, X) bool on the CT's grid; without one a ball of the finding's size stands for it.
    """
    return tuple(found.candidate for found in locate_candidates(scene, findings, cancer, masks))


def locate_candidates(scene: Scene, findings: Findings, cancer: str, masks: Masks = NO_MASKS) -> tuple[Located, ...]:
    """As find_candidates, each with its mask."""
    found = [Located(candidate, masks.get(candidate.id)) for candidate in _of_findings(findings, cancer)]
    found += [*_fluids(scene), *_hot(scene, findings, site_of(cancer), masks), *_adrenals(scene), *_liver(scene)]
    if scene.suv is None:
        alone = (*_bones(scene), *_nodules(scene, site_of(cancer)))
        found += [one for one in alone if not _is_measured(one, findings, masks)]
    once: list[Located] = []
    for one in found:
        if not any(_same(one.candidate, other.candidate) for other in once):
            once.append(one)
    return tuple(Located(_numbered(one.candidate, place), one.mask) for place, one in enumerate(once, start=1))


def _numbered(candidate: MetastasisCandidate, place: int) -> MetastasisCandidate:
    name = f"candidate-{place}"
    return replace(candidate, id=name, key_image=f"key_images/{name}-axial.png")


def _same(one: MetastasisCandidate, other: MetastasisCandidate) -> bool:
    if one.site != other.site or one.centroid_lps is None or other.centroid_lps is None:
        return False
    return float(np.linalg.norm(np.subtract(one.centroid_lps, other.centroid_lps))) <= SAME_SPOT_MM


def _of_findings(findings: Findings, cancer: str) -> Iterator[MetastasisCandidate]:
    """Nodes out of the region, and for the lung a proposed tumor of the other side."""
    site = site_of(cancer)
    distant = distant_stations(site, _subset(findings, cancer))
    for node in findings.nodes:
        if node.station in distant and _is_suspicious(node):
            p = malignancy_probability(node)
            yield _candidate("non_regional_lymph_node", node, p)
    primary = findings.primary
    for tumor in findings.tumors if site == "lung" else ():
        if primary is not None and tumor.needs_confirmation and _is_opposite(tumor.laterality, primary.laterality):
            yield _candidate("contralateral_lung_nodule", tumor, None)


def _candidate(site: str, of: Node | Tumor, p: float | None) -> MetastasisCandidate:
    return MetastasisCandidate(
        of.id,
        site,
        of.centroid_lps,
        volume_ml=of.volume_ml,
        suv_max=of.suv_max,
        p_malignant=p,
        source=of.source,
        axial_diameter_mm=of.axial_diameter_mm if isinstance(of, Tumor) else None,
    )


def _is_suspicious(node: Node) -> bool:
    hot = node.suv_max is not None and node.suv_max >= NODE_SUV
    return hot or node.short_axis_mm >= NODE_MM or malignancy_probability(node) >= NODE_P


def _is_opposite(one: Laterality | None, other: Laterality | None) -> bool:
    return {one, other} == {Laterality.LEFT, Laterality.RIGHT}


def _subset(findings: Findings, cancer: str) -> str | None:
    """The part of the organ, by the images alone, where regional stations differ by it."""
    try:
        plugin = plugin_of(cancer)
        return plugin.derive(replace(findings, cancer=plugin.tnm_site), History()).subset
    except ScopeError:  # refused when it is staged, with its reason
        return None


def _fluids(scene: Scene) -> Iterator[Located]:
    for name, site in FLUIDS.items():
        mask = scene.structures.get(name)
        if mask is not None and volume_ml(mask, scene.ct.geometry) >= LEAST_FLUID_ML:
            yield _of_mask(mask, scene.ct.geometry, site)


def _of_mask(mask: np.ndarray, grid: Geometry, site: str, suv_max: float | None = None) -> Located:
    candidate = MetastasisCandidate(
        "",
        site,
        centroid_lps(mask, grid),
        volume_ml=volume_ml(mask, grid),
        suv_max=suv_max,
        source=RULES,
        axial_diameter_mm=axial_diameter_mm(mask, grid),
    )
    return Located(candidate, mask)


@dataclass(frozen=True)
class _Pet:
    """The PET and what masks say on its grid."""

    suv: np.ndarray
    grid: Geometry
    scene: Scene

    def mask(self, names: Iterable[str]) -> np.ndarray:
        """Union (Z, Y, X) of the structures whose names begin so."""
        beginnings = tuple(names)
        found = np.zeros(self.suv.shape, bool)
        for name, mask in self.scene.structures.items():
            if name.startswith(beginnings):
                found |= self.moved(mask)
        return found

    def moved(self, mask: np.ndarray) -> np.ndarray:
        """A mask of the CT's grid on the PET's: each voxel as the CT voxel at its center."""
        grid = self.scene.ct.geometry
        if grid.direction != self.grid.direction:
            return resample(Volume(mask.astype(np.uint8), grid), self.grid, linear=False, fill=0).array > 0
        first = grid.to_index(self.grid.to_lps(np.zeros(3)))
        steps = np.array(self.grid.spacing_mm) / np.array(grid.spacing_mm)
        places = [
            np.round(first[axis] + steps[axis] * np.arange(self.grid.shape[axis])).astype(int) for axis in range(3)
        ]
        inside = [(place >= 0) & (place < size) for place, size in zip(places, grid.shape, strict=True)]
        found = np.zeros(self.grid.shape, bool)
        found[np.ix_(*inside)] = mask[np.ix_(*(place[fits] for place, fits in zip(places, inside, strict=True)))]
        return found

    def around(self, mask: np.ndarray, margin_mm: float) -> np.ndarray:
        """The mask and what lies within a margin."""
        if not mask.any():
            return mask
        near = grown(bounding_box(mask), self.grid, margin_mm + max(self.grid.spacing_mm))
        wide = mask.copy()
        wide[near] |= distance_mm(~mask[near], self.grid.spacing_mm) <= margin_mm
        return wide


def _hot(scene: Scene, findings: Findings, site: str, masks: Masks) -> Iterator[Located]:
    """Foci of uptake in an organ that metastases go to."""
    if scene.suv is None:
        return
    pet = _Pet(np.nan_to_num(scene.suv.array.astype(np.float32)), scene.suv.geometry, scene)
    liver = pet.mask(("liver",))
    lowest, in_liver = _thresholds(pet, liver)
    usual = pet.around(pet.mask(PHYSIOLOGIC), SPILL_MM)
    known = _known(pet, findings, masks)
    hot = np.where(pet.around(liver, NEAR_ORGAN_MM), pet.suv > in_liver, pet.suv > lowest)
    organs = _sites(pet, liver, site, findings)
    least_ml = min(organ.least_ml for organ in organs)
    brightest = _hu_of(liver, (slice(None),) * 3, pet) + LIVER_BRIGHTER_HU
    for part, box in components(hot):
        size_ml = volume_ml(part, pet.grid)
        if size_ml < least_ml:
            break  # largest first
        peak = _peak(pet.suv[box], part, box)
        if size_ml > MOST_HOT_ML or usual[peak] or (known[box] & part).any():
            continue
        place = next((organ for organ in organs if organ.mask[peak]), None)
        if place is None or size_ml < place.least_ml:
            continue
        hu = _hu_of(part, box, pet)
        if not FAT_HU[0] <= hu <= FAT_HU[1] and not (place.site == "liver" and hu > brightest):
            yield _of_pet(part, box, pet, place.site)


def _peak(suv: np.ndarray, part: np.ndarray, box: tuple[slice, ...]) -> tuple[int, ...]:
    inner = np.unravel_index(int(np.where(part, suv, -1.0).argmax()), part.shape)
    return tuple(int(side.start + place) for side, place in zip(box, inner, strict=True))


def _thresholds(pet: _Pet, liver: np.ndarray) -> tuple[float, float]:
    """SUV that counts outside of the liver, and within it."""
    inner = distance_mm(np.pad(liver, 1), pet.grid.spacing_mm)[1:-1, 1:-1, 1:-1] > LIVER_RIM_MM
    if volume_ml(inner, pet.grid) >= 30.0:
        mean, sd = _calm(pet.suv[inner])
        return PERCIST_LIVER * mean + PERCIST_SD * sd, max(PERCIST_LIVER * mean, mean + LESION_SD * sd)
    blood = pet.mask(("aorta",))
    inner = distance_mm(np.pad(blood, 1), pet.grid.spacing_mm)[1:-1, 1:-1, 1:-1] > 5.0
    if volume_ml(inner, pet.grid) >= 2.0:
        mean, sd = _calm(pet.suv[inner])
        return PERCIST_BLOOD * mean + PERCIST_SD * sd, np.inf
    return WITHOUT_REFERENCE_SUV, np.inf


def _calm(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of a background in which single lesions may lie: by median and quartiles."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float(middle), float((high - low) / 1.349)


def _known(pet: _Pet, findings: Findings, masks: Masks) -> np.ndarray:
    """What is measured already, with a margin."""
    known = np.zeros(pet.suv.shape, bool)
    measured: tuple[Tumor | Node, ...] = (*findings.tumors, *findings.nodes)
    for finding in measured:
        if finding.id in masks:
            known |= pet.around(pet.moved(masks[finding.id]), KNOWN_MARGIN_MM)
            continue
        longest = finding.greatest_dimension_mm if isinstance(finding, Tumor) else finding.long_axis_mm
        center = np.round(pet.grid.to_index(np.array(finding.centroid_lps))).astype(int)
        if ((center >= 0) & (center < np.array(pet.suv.shape))).all():
            middle = np.zeros(pet.suv.shape, bool)
            middle[tuple(center)] = True
            known |= pet.around(middle, longest / 2 + KNOWN_MARGIN_MM)
    return known


@dataclass(frozen=True)
class _Organ:
    """Where a focus from `least_ml` on is a candidate of a site: `mask` (Z, Y, X) bool on the PET's grid."""

    site: str
    mask: np.ndarray
    least_ml: float = LEAST_HOT_ML


def _sites(pet: _Pet, liver: np.ndarray, site: str, findings: Findings) -> list[_Organ]:
    """Where a focus makes which metastasis, small organs first."""
    found = [
        _Organ("adrenal_left", pet.around(pet.mask(("adrenal_gland_left",)), NEAR_ORGAN_MM)),
        _Organ("adrenal_right", pet.around(pet.mask(("adrenal_gland_right",)), NEAR_ORGAN_MM)),
        _Organ("liver", liver),
        _Organ("bone", pet.around(pet.mask(BONES), 2.0)),
    ]
    if site != "lung":
        return [*found, _Organ("other", _lungs(pet, ("lung_",)), LEAST_HOT_IN_LUNG_ML)]
    primary = findings.primary
    side = primary.laterality if primary else None
    opposite = "right" if side is Laterality.LEFT else "left" if side is Laterality.RIGHT else None
    if opposite is None:
        return found
    lung = _lungs(pet, (f"lung_{opposite}", *_lobes(opposite)))
    return [*found, _Organ("contralateral_lung_nodule", lung, LEAST_HOT_IN_LUNG_ML)]


def _lungs(pet: _Pet, names: tuple[str, ...]) -> np.ndarray:
    """Lungs (Z, Y, X) with what borders on them and is nothing else: a nodule may touch the pleura."""
    aerated = pet.mask(names)
    if not all(name in pet.scene.structures for name in AROUND_LUNGS):
        return aerated
    return aerated | (pet.around(aerated, NODULE_RIM_MM) & ~pet.mask(AROUND_LUNGS))


def _lobes(side: str) -> tuple[str, ...]:
    return tuple(f"lung_{lobe}_lobe_{side}" for lobe in ("upper", "middle", "lower"))


def _hu_of(part: np.ndarray, box: tuple[slice, ...], pet: _Pet) -> float:
    """Median HU where a part of the PET lies on the CT; NaN outside of it."""
    index = np.argwhere(part) + np.array([side.start or 0 for side in box])
    place = np.round(pet.scene.ct.geometry.to_index(pet.grid.to_lps(index))).astype(int)
    inside = ((place >= 0) & (place < np.array(pet.scene.ct.array.shape))).all(axis=1)
    return float(np.median(pet.scene.ct.array[tuple(place[inside].T)])) if inside.any() else np.nan


def _of_pet(part: np.ndarray, box: tuple[slice, ...], pet: _Pet, site: str) -> Located:
    whole = np.zeros(pet.suv.shape, np.uint8)
    whole[box] = part
    on_ct = resample(Volume(whole, pet.grid), pet.scene.ct.geometry, linear=False, fill=0).array > 0
    candidate = MetastasisCandidate(
        "",
        site,
        centroid_lps(whole > 0, pet.grid),
        volume_ml=volume_ml(part, pet.grid),
        suv_max=float(pet.suv[box][part].max()),
        source=RULES,
        axial_diameter_mm=axial_diameter_mm(whole > 0, pet.grid),
    )
    return Located(candidate, on_ct if on_ct.any() else None)


def _adrenals(scene: Scene) -> Iterator[Located]:
    """Adrenal glands that are thick and not as light as an adenoma."""
    for side in ("left", "right"):
        gland = scene.structures.get(f"adrenal_gland_{side}")
        if gland is None or not gland.any():
            continue
        part = crop(gland, scene.ct.geometry, bounding_box(gland))
        depth = distance_mm(np.pad(part.array, 1), part.geometry.spacing_mm)
        thick_mm = 2.0 * float(depth.max()) - min(part.geometry.spacing_mm)
        inside = scene.ct.array[bounding_box(gland)][core(part.array, part.geometry)]
        if thick_mm > ADRENAL_MM and float(inside.mean()) > ADENOMA_HU:
            yield _of_mask(gland, scene.ct.geometry, f"adrenal_{side}")


def _liver(scene: Scene) -> Iterator[Located]:
    """Round dark foci inside the liver that are no cysts and no vessels."""
    liver = scene.structures.get("liver")
    if liver is None or volume_ml(liver, scene.ct.geometry) < 100.0:
        return
    box = bounding_box(liver)
    grid = crop(liver, scene.ct.geometry, box).geometry
    inner = distance_mm(np.pad(liver[box], 1), grid.spacing_mm)[1:-1, 1:-1, 1:-1] > LIVER_RIM_MM
    for name in LIVER_VESSELS:
        if name in scene.structures:
            inner &= distance_mm(~scene.structures[name][box], grid.spacing_mm) > 3.0
    if not inner.any():
        return
    smooth = ndimage.gaussian_filter(scene.ct.array[box].astype(np.float32), [1.5 / side for side in grid.spacing_mm])
    middle, sd = _calm(smooth[inner])
    is_dark = smooth < middle - max(LIVER_DARKER_HU, LIVER_DARKER_SD * sd)
    dark = inner & is_dark
    for part, where in components(ndimage.binary_opening(dark)):
        if equivalent_mm(part, grid) < LIVER_LESION_MM:
            break
        inside = core(part, grid)
        fat = float(np.mean(scene.ct.array[box][where][part] < FAT_HU[1]))  # of the hilum
        if fat < HILUM_FAT and float(np.median(smooth[where][inside])) > CYST_HU and is_round(part, grid):
            whole = np.zeros(liver.shape, bool)
            whole[box][where] = part
            if float(np.mean(is_dark[_shell(whole[box], grid)])) <= 1.0 - LIVER_AROUND:
                yield _of_mask(whole, scene.ct.geometry, "liver")


def _shell(mask: np.ndarray, grid: Geometry) -> np.ndarray:
    """What lies around a mask (Z, Y, X), between the two distances of LIVER_SHELL_MM."""
    near = grown(bounding_box(mask), grid, LIVER_SHELL_MM[1] + max(grid.spacing_mm))
    away = distance_mm(~mask[near], grid.spacing_mm)
    shell = np.zeros(mask.shape, bool)
    shell[near] = (away > LIVER_SHELL_MM[0]) & (away <= LIVER_SHELL_MM[1])
    return shell


def _bones(scene: Scene) -> Iterator[Located]:
    """Focal lesions in the marrow of the spine and the pelvis; the sternum is too thin to hold one that marrow
    surrounds."""
    proven = _proven(scene)
    names = [name for name in proven if name.startswith(MARROW_BONES)]
    if not any(name.startswith("vertebrae_") for name in names) and "spine" in proven:
        names.append("spine")
    for name in names:
        canal = scene.structures.get("spinal_canal") if name.startswith(("spine", "vertebrae_")) else None
        for focus in bone_foci(scene.ct, proven[name], canal):
            yield _of_mask(focus, scene.ct.geometry, "bone")


def _nodules(scene: Scene, site: str) -> Iterator[Located]:
    """Nodules of either lung; for the lung's own cancer a network proposes them, as tumors."""
    lungs = [mask for name, mask in _proven(scene).items() if name.startswith("lung_")]
    if site != "lung" and lungs:
        for nodule in solid_nodules(scene.ct, np.logical_or.reduce(lungs)):
            yield _of_mask(nodule, scene.ct.geometry, "other")


def _proven(scene: Scene) -> dict[str, np.ndarray]:
    """Structures but for those that only an embedded network drew: into what it took for bone, bowel may reach."""
    return {name: mask for name, mask in scene.structures.items() if name not in scene.unproven}


def _is_measured(found: Located, findings: Findings, masks: Masks) -> bool:
    """Whether it is a part of a tumor or a node that was measured, or lies at one."""
    measured: tuple[Tumor | Node, ...] = (*findings.tumors, *findings.nodes)
    center = found.candidate.centroid_lps
    for finding in measured:
        drawn = masks.get(finding.id)
        if drawn is not None and found.mask is not None and (drawn & found.mask).any():
            return True
        longest = finding.greatest_dimension_mm if isinstance(finding, Tumor) else finding.long_axis_mm
        apart = float(np.linalg.norm(np.subtract(center, finding.centroid_lps))) if center else np.inf
        if apart <= longest / 2 + KNOWN_MARGIN_MM:
            return True
    return False
