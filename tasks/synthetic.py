"""A synthetic patient as a hospital would send one: DICOM, contours, FHIR record, and the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mdt_dicom.image_writer import CtLook, Subject, write_ct, write_pet
from mdt_dicom.rtstruct_writer import write_rtstruct
from models.synthetic.label_maps import label_maps
from models.synthetic.patient import SyntheticPatient, make_patient, truth
from models.synthetic.plan import PatientPlan
from models.training.labels import REGION_OF
from oncology.errors import ModelError
from oncology.imaging.volume import Geometry, Volume, resample, write_volume
from tasks.case_files import canonical_json, write_bytes
from tasks.schemas import check
from tasks.synthetic_record import record_bundle

ISSUER = "urn:oid:2.25.1960"  # a made-up assigning authority
GIVEN = {"female": ("Ada", "Iris", "Nora"), "male": ("Otto", "Emil", "Hugo")}
FAMILY = ("Synthetica", "Fictiva", "Parametra", "Exempla")
SCAN_YEAR = 2026
BODY_PARTS = {"thorax": "CHEST", "abdomen": "ABDOMEN", "neck": "NECK"}
# Structures that rules do not find and a person contours, because the answer hangs on them.
LARYNX = (
    "thyroid_cartilage",
    "cricoid_cartilage",
    "pre_epiglottic_space",
    "paraglottic_space_left",
    "paraglottic_space_right",
    "vocal_cord_left",
    "vocal_cord_right",
    "hyoid",
    "common_carotid_artery_left",
    "common_carotid_artery_right",
)
CONTOURED = {
    "larynx": LARYNX,
    "hypopharynx": LARYNX,
    "pancreas": (
        "superior_mesenteric_artery",
        "celiac_trunk",
        "common_hepatic_artery",
        "superior_mesenteric_vein",
        "portal_vein",
        "aorta",
    ),
}


def write_patient(plan: PatientPlan, folder: Path, spacing_mm: float | None = None) -> SyntheticPatient:
    """Make one patient and write ct/, pet/, contours.dcm, record.json, truth.json and its masks/ into a folder.

    Args:
        spacing_mm: voxel size of the model that is drawn; coarser is faster, without it that of the cancer's models.
    """
    patient = make_patient(plan, spacing_mm)
    if patient.ct is None or patient.pet is None:
        raise ModelError("a synthetic patient was made without images; expected CT and PET to write")
    subject = subject_of(plan)
    scanner = plan.scanner
    look = CtLook(scanner.vendor, scanner.kernel, scanner.contrast, scanner.phase)
    ct_uids = write_ct(patient.ct, subject, folder / "ct", look)
    write_pet(patient.pet, subject, folder / "pet", scanner.vendor)
    contours = _contours(patient, patient.ct)
    write_rtstruct(contours, patient.ct.geometry, subject, ct_uids, folder / "contours.dcm")
    record = json.dumps(record_bundle(plan, subject), indent=1, ensure_ascii=False)
    write_bytes(folder / "record.json", record.encode())
    told = truth(patient) | {"label_maps": _write_masks(patient, patient.ct.geometry, folder / "masks")}
    write_bytes(folder / "truth.json", canonical_json(told).encode())
    check(folder, ("truth",))
    return patient


def _write_masks(patient: SyntheticPatient, grid: Geometry, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Everything drawn as label maps on a grid; where each mask lies, and its volume there."""
    folder.mkdir(parents=True, exist_ok=True)
    lesions = {lesion.id: lesion.mask for lesion in patient.lesions}
    drawn = patient.canvas.geometry
    return {
        "structures": _write_label_maps("structures", patient.masks, drawn, grid, folder),
        "lesions": _write_label_maps("lesions", lesions, drawn, grid, folder),
    }


def _write_label_maps(
    kind: str, masks: Mapping[str, np.ndarray], drawn: Geometry, grid: Geometry, folder: Path
) -> list[dict[str, Any]]:
    """One file `kind`.nii.gz, and `kind`-2.nii.gz and so on for what overlaps."""
    told = []
    for place, one in enumerate(label_maps(masks), start=1):
        name = f"{kind}.nii.gz" if place == 1 else f"{kind}-{place}.nii.gz"
        scanned = resample(Volume(one.labels, drawn), grid, linear=False, fill=0)
        write_volume(scanned, folder / name)
        voxels = np.sum([np.bincount(plane.ravel(), minlength=len(one.names) + 1) for plane in scanned.array], axis=0)
        told += [
            {
                "name": mask,
                "file": f"{folder.name}/{name}",
                "label": label,
                "volume_ml": float(voxels[label]) * grid.voxel_ml,
            }
            for label, mask in enumerate(one.names, start=1)
        ]
    return sorted(told, key=lambda mask: str(mask["name"]))


def record_of_patient(patient: SyntheticPatient) -> dict[str, Any]:
    """The FHIR bundle that belongs to a synthetic patient."""
    return record_bundle(patient.plan, subject_of(patient.plan))


def subject_of(plan: PatientPlan) -> Subject:
    """The made-up person and study of a plan."""
    random = np.random.default_rng(plan.build.seed)
    sex = plan.build.sex
    name = f"{FAMILY[random.integers(len(FAMILY))]}^{GIVEN[sex][random.integers(len(GIVEN[sex]))]}"
    year = SCAN_YEAR - int(plan.record.get("age", 66))
    return Subject(
        patient_id=f"SYN-{plan.build.seed:06d}",
        issuer=ISSUER,
        name=name,
        birth_date=f"{year}0{1 + random.integers(4)}1{random.integers(9)}",
        sex=sex[0].upper(),
        weight_kg=float(round(40 + 24 * (plan.build.scale - 0.9) / 0.2 + 1.3 * plan.build.fat_mm)),
        height_m=round(1.58 + 0.24 * (plan.build.scale - 0.9) / 0.2, 2),
        study_date="20260504",
        accession=f"SYNACC{plan.build.seed % 10**9:05d}",
        seed="-".join(("synthetic", plan.cancer, str(plan.build.seed), plan.shift or "none", *plan.features)),
        body_part=BODY_PARTS[REGION_OF[plan.cancer]],
    )


def _contours(patient: SyntheticPatient, ct: Volume) -> dict[str, np.ndarray]:
    """Tumor, nodes and the structures that decide on the CT's grid, named as a radiation oncologist names contours."""
    found: dict[str, np.ndarray] = {}
    for lesion in patient.lesions:
        if lesion.kind == "metastasis":
            continue
        side = f"_{lesion.side}" if lesion.side in ("left", "right") else ""
        name = "GTVp" if lesion.kind == "tumor" else f"LN_{lesion.station}{side}"
        mask = resample(Volume(lesion.mask, patient.canvas.geometry), ct.geometry, linear=False, fill=0).array
        found[name if name not in found else f"{name}_{lesion.id.split('-')[-1]}"] = mask
    for name in CONTOURED.get(patient.plan.cancer, ()):
        mask = resample(Volume(patient.masks[name], patient.canvas.geometry), ct.geometry, linear=False, fill=0).array
        found[name] = mask
    return found
