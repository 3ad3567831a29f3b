"""Synthetic patients on disk, as training reads them: two scans of each, label maps, and what is true of each lesion.

One .npz a patient, a few megabytes to thirty. A file appears under its name only when complete, so that any number of
processes may make patients while others train on them.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.synthetic.ct import Scanner
from models.synthetic.features.catalog import some_features, with_features
from models.synthetic.lesion import Lesion, short_axis_mm
from models.synthetic.patient import SyntheticPatient, draw_plan, make_patient, scan_on_model_grid
from models.training.crowd import crowded
from models.training.labels import ANATOMY, REGION_OF, label_map
from models.training.splits import Split, split_of
from oncology.errors import ModelError
from oncology.imaging.region import bounding_box, grown
from oncology.imaging.stations.finder import station_finder
from oncology.imaging.volume import Geometry, Volume

VERSION = 1  # of the content; files of another version are not read
BODY_MARGIN_MM = 6.0
PET_STEP = 2  # the PET is kept on every second voxel: its point spread hides the rest
FAST = 1  # zlib level
HEALTHY = "healthy"
FEATURE_STREAM = 13  # of random numbers apart from those of the scans
# Station maps of a scan, by the cancer whose map it is.
MAPS_OF: Mapping[str, tuple[str, ...]] = {"lung": ("lung", "esophagus"), "esophagus": ("lung", "esophagus")}


@dataclass(frozen=True)
class StoredPatient:
    """One patient as arrays.

    Attributes:
        ct: (S, Z, Y, X) int16 HU, one per scan; the first by the plan's scanner, others by any.
        pet: (S, Z / 2, Y / 2, X / 2) float16 SUV, on every second voxel.
        anatomy: (Z, Y, X) uint8 labels of the region's list.
        stations: cancer's map -> (Z, Y, X) uint8 labels.
        lesions: (Z, Y, X) uint8, 1 + place in `about["lesions"]`.
        necrosis: (Z, Y, X) bool, dead parts of lesions.
        about: cancer, seed, index, shift, spacing_mm, region, names of labels and stations, features of every scan,
            truth of every lesion.
    """

    ct: np.ndarray
    pet: np.ndarray
    anatomy: np.ndarray
    stations: Mapping[str, np.ndarray]
    lesions: np.ndarray
    necrosis: np.ndarray
    about: Mapping[str, Any]

    @property
    def spacing_mm(self) -> float:
        """Of the cubes."""
        return float(self.about["spacing_mm"])

    @property
    def grid(self) -> Geometry:
        """Where the voxels lie."""
        z, y, x = self.anatomy.shape
        left, back, up = self.about["origin_lps"]
        return Geometry((z, y, x), (self.spacing_mm,) * 3, (left, back, up))

    @property
    def healthy(self) -> bool:
        """Whether no lesion was drawn."""
        return not self.about["lesions"]

    def suv(self, scan: int = 0) -> np.ndarray:
        """The PET (Z, Y, X) float32 on the CT's voxels."""
        return spread(self.pet[scan].astype(np.float32), self.anatomy.shape)


def spread(small: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Means over blocks of PET_STEP voxels, back on all voxels by linear interpolation along each axis."""
    result = small
    for axis, count in enumerate(shape):
        places = (np.arange(count) - (PET_STEP - 1) / 2) / PET_STEP
        low = np.clip(np.floor(places).astype(int), 0, result.shape[axis] - 1)
        high = np.clip(low + 1, 0, result.shape[axis] - 1)
        weight = np.clip(places - low, 0.0, 1.0).astype(np.float32)
        weight = weight.reshape([-1 if other == axis else 1 for other in range(3)])
        result = result.take(low, axis) * (1.0 - weight) + result.take(high, axis) * weight
    return np.asarray(result, np.float32)


def patient_path(
    root: Path, cancer: str, seed: int, index: int, shift: str | None = None, *, healthy: bool = False
) -> Path:
    """Where a patient lies in a store."""
    marks = [mark for mark in (shift, HEALTHY if healthy else None) if mark]
    return root / cancer / f"{'-'.join((f'{seed:04d}', f'{index:05d}', *marks))}.npz"


def make_stored(
    cancer: str, seed: int, index: int, shift: str | None = None, scans: int = 2, *, healthy: bool = False
) -> StoredPatient:
    """Draw one patient and scan it: first as planned, then as scanners of other kinds would show it.

    Those for training hold nodes of further patients as well, see `crowded`, and from the second scan on features at
    their shares, see `some_features`.

    Args:
        healthy: the same body without any lesion.
    """
    plan = draw_plan(cancer, seed, index, shift)
    if split_of(seed) is Split.TRAINING:
        plan = crowded(plan, seed, index)
    patient = make_patient(plan, images=False)
    patient = replace(patient, lesions=[]) if healthy else patient
    random = np.random.default_rng((seed, index, 7))
    box = grown(bounding_box(patient.masks["body"]), patient.canvas.geometry, BODY_MARGIN_MM)
    region = REGION_OF[cancer]
    shown = features_of_scans(cancer, seed, index, shift, scans)
    taken = [
        scan_on_model_grid(_rescanned(patient, features, random) if n else patient, random)
        for n, features in enumerate(shown)
    ]
    stations, names = _stations(patient)
    dead = np.zeros(patient.canvas.shape, bool)
    for lesion in patient.lesions:
        if lesion.necrotic is not None:
            dead |= lesion.necrotic
    return StoredPatient(
        ct=np.stack([ct.array[box] for ct, _ in taken]),
        pet=np.stack([_halved(pet.array[box]) for _, pet in taken]),
        anatomy=label_map(patient.masks, ANATOMY[region])[box],
        stations={name: labels[box] for name, labels in stations.items()},
        lesions=_lesion_map(patient)[box],
        necrosis=dead[box],
        about={
            "version": VERSION, "cancer": cancer, "seed": seed, "index": index, "shift": shift, "region": region,
            "spacing_mm": patient.canvas.geometry.spacing_mm[0], "labels": list(ANATOMY[region]),
            "origin_lps": [float(v) for v in patient.canvas.geometry.to_lps(np.array([side.start for side in box]))],
            "stations": names, "lesions": [lesion_truth(lesion, patient) for lesion in patient.lesions],
            "features": shown,
        },
    )  # fmt: skip


def features_of_scans(cancer: str, seed: int, index: int, shift: str | None, scans: int) -> list[tuple[str, ...]]:
    """Names of the features of every scan: none of the first, nor of patients that are not for training."""
    if split_of(seed) is not Split.TRAINING or shift is not None:
        return [()] * scans
    own = np.random.default_rng((seed, index, FEATURE_STREAM))
    return [(), *(some_features(cancer, own) for _ in range(1, scans))]


def _rescanned(patient: SyntheticPatient, features: tuple[str, ...], random: np.random.Generator) -> SyntheticPatient:
    plan = replace(patient.plan, scanner=any_scanner(patient.plan.scanner, random))
    return replace(patient, plan=with_features(plan, features))


def any_scanner(scanner: Scanner, random: np.random.Generator) -> Scanner:
    """The scanner with dose, slice thickness, kernel, contrast medium, calibration and motion as they may be anywhere.

    Drawn much wider than a cohort's own scanners, so that a network does not rest on one protocol.
    """
    thick = float(random.uniform(3.0, 5.0)) if random.random() < 0.3 else scanner.spacing_mm[0]
    return replace(
        scanner,
        spacing_mm=(thick, *scanner.spacing_mm[1:]),
        noise_hu=scanner.noise_hu * float(random.uniform(0.7, 2.8)),
        kernel=float(random.uniform(0.45, 1.2)),
        blur_mm=float(random.uniform(0.6, 1.5)),
        contrast=bool(random.random() > 0.25),
        enhancement=float(random.uniform(0.6, 1.45)),
        offset_hu=float(random.normal(0.0, 6.0)),
        motion_mm=float(random.uniform(0.5, 3.0)) if random.random() < 0.2 else 0.0,
        fwhm_mm=float(random.uniform(4.3, 8.2)),
        pet_noise=float(random.uniform(0.05, 0.2)),
        drift_mm=float(random.uniform(0.0, 9.0)) if random.random() < 0.4 else 0.0,
    )


def _stations(patient: SyntheticPatient) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    cancer, grid = patient.plan.cancer, patient.canvas.geometry
    maps, names = {}, {}
    for wanted in MAPS_OF.get(cancer, ("neck" if REGION_OF[cancer] == "neck" else cancer,)):
        finder = station_finder(cancer if wanted == "neck" else wanted, patient.masks, patient.landmarks, grid)
        found = finder.map()
        names[wanted] = sorted(found)
        maps[wanted] = label_map(found, names[wanted])
    return maps, names


def _halved(pet: np.ndarray) -> np.ndarray:
    pad = [(0, -count % PET_STEP) for count in pet.shape]
    full = np.pad(pet, pad, mode="edge").astype(np.float32)
    shape = [part for count in full.shape for part in (count // PET_STEP, PET_STEP)]
    return np.asarray(np.clip(full.reshape(shape).mean(axis=(1, 3, 5)), 0.0, 500.0).astype(np.float16))


def _lesion_map(patient: SyntheticPatient) -> np.ndarray:
    """Nodes over metastases over the tumor, where they touch."""
    labels = np.zeros(patient.canvas.shape, np.uint8)
    order = sorted(
        enumerate(patient.lesions, start=1), key=lambda item: ("tumor", "metastasis", "node").index(item[1].kind)
    )
    for place, lesion in order:
        np.copyto(labels, np.uint8(place), where=lesion.mask)
    return labels


def lesion_truth(lesion: Lesion, patient: SyntheticPatient) -> dict[str, Any]:
    """What is true of one lesion, as plain values."""
    return {
        "id": lesion.id, "kind": lesion.kind, "malignant": lesion.malignant, "suv": lesion.suv, "side": lesion.side,
        "station": lesion.station, "site": lesion.site, "ene": lesion.ene, "ene_grade": lesion.ene_grade,
        "short_axis_mm": short_axis_mm(lesion.mask, patient.canvas), "hilum": lesion.hilum is not None,
        "voxels": int(np.count_nonzero(lesion.mask)),
    }  # fmt: skip


def save_patient(patient: StoredPatient, path: Path) -> None:
    """Write; the file appears under its name only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    arrays = {
        "ct": patient.ct, "pet": patient.pet, "anatomy": patient.anatomy, "lesions": patient.lesions,
        "necrosis": np.packbits(patient.necrosis),
        **{f"stations_{name}": one for name, one in patient.stations.items()},
        "about": np.frombuffer(json.dumps(dict(patient.about)).encode(), np.uint8),
    }  # fmt: skip
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=FAST) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(f"{name}.npy", content.getvalue())
    partial.replace(path)


def load_patient(path: Path) -> StoredPatient:
    """Read what `save_patient` wrote.

    Raises:
        ModelError: the file is broken or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            arrays = {name: file[name] for name in file.files if name != "about"}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path.name} of the training store cannot be read; delete it and it is made anew") from error
    if about.get("version") != VERSION:
        raise ModelError(f"{path.name} is of version {about.get('version')}, expected {VERSION}; delete the store")
    shape = arrays["anatomy"].shape
    dead = np.unpackbits(arrays["necrosis"], count=int(np.prod(shape))).reshape(shape).astype(bool)
    stations = {name[9:]: array for name, array in arrays.items() if name.startswith("stations_")}
    return StoredPatient(arrays["ct"], arrays["pet"], arrays["anatomy"], stations, arrays["lesions"], dead, about)


def stored_volumes(patient: StoredPatient, scan: int = 0) -> tuple[Volume, Volume]:
    """CT in HU and PET in SUV of one scan, as a predictor takes them."""
    return Volume(patient.ct[scan], patient.grid), Volume(patient.suv(scan), patient.grid)


def stored(root: Path, cancers: tuple[str, ...]) -> Iterator[Path]:
    """Complete patients of these cancers, in order."""
    for cancer in cancers:
        yield from sorted(path for path in (root / cancer).glob("*.npz") if not path.name.startswith("."))
