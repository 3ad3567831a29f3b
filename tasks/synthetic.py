"""A synthetic patient as a hospital would send one: DICOM, contours, FHIR record, and the truth beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mdt_dicom.image_writer import Subject, write_ct, write_pet
from mdt_dicom.rtstruct_writer import write_rtstruct
from mdt_fhir import record_writer
from models.synthetic.patient import MODEL_SPACING_MM, LungPlan, SyntheticPatient, make_patient, truth
from oncology.imaging.volume import Volume, resample
from tasks.case_files import canonical_json, write_bytes

ISSUER = "urn:oid:2.25.1960"  # a made-up assigning authority
GIVEN = {"female": ("Ada", "Iris", "Nora"), "male": ("Otto", "Emil", "Hugo")}
FAMILY = ("Synthetica", "Fictiva", "Parametra", "Exempla")


def write_patient(plan: LungPlan, folder: Path, spacing_mm: float = MODEL_SPACING_MM) -> SyntheticPatient:
    """Make one patient and write ct/, pet/, contours.dcm, record.json and truth.json into a folder.

    Args:
        spacing_mm: voxel size of the model that is drawn; coarser is faster.
    """
    patient = make_patient(plan, spacing_mm)
    subject = _subject(plan)
    ct_uids = write_ct(patient.ct, subject, folder / "ct", contrast=plan.scanner.contrast)
    write_pet(patient.pet, subject, folder / "pet")
    write_rtstruct(_contours(patient), patient.ct.geometry, subject, ct_uids, folder / "contours.dcm")
    record = json.dumps(_record(plan, subject, patient.side), indent=1, ensure_ascii=False)
    write_bytes(folder / "record.json", record.encode())
    write_bytes(folder / "truth.json", canonical_json(truth(patient)).encode())
    return patient


def _subject(plan: LungPlan) -> Subject:
    random = np.random.default_rng(plan.build.seed)
    sex = plan.build.sex
    name = f"{FAMILY[random.integers(len(FAMILY))]}^{GIVEN[sex][random.integers(len(GIVEN[sex]))]}"
    return Subject(
        patient_id=f"SYN-{plan.build.seed:06d}",
        issuer=ISSUER,
        name=name,
        birth_date=f"{1945 + random.integers(25)}0{1 + random.integers(9)}1{random.integers(9)}",
        sex=sex[0].upper(),
        weight_kg=float(round(62 + 24 * (plan.build.scale - 0.9) / 0.2)),
        height_m=round(1.58 + 0.24 * (plan.build.scale - 0.9) / 0.2, 2),
        study_date="20260504",
        accession=f"SYNACC{plan.build.seed:05d}",
        seed=f"synthetic-lung-{plan.build.seed}",
    )


def _contours(patient: SyntheticPatient) -> dict[str, np.ndarray]:
    """The lesions on the CT's grid, named as a radiation oncologist names contours."""
    names = {lesion.id: "GTVp" if lesion.station is None else f"LN_{lesion.station}" for lesion in patient.lesions}
    return {
        names[lesion.id]: resample(
            Volume(lesion.mask, patient.canvas.geometry), patient.ct.geometry, linear=False, fill=0
        ).array
        for lesion in patient.lesions
    }


def _record(plan: LungPlan, subject: Subject, side: str) -> dict[str, object]:
    family, given = subject.name.split("^")
    birth = f"{subject.birth_date[:4]}-{subject.birth_date[4:6]}-{subject.birth_date[6:]}"
    who = "patient-1"
    malignant = {node.station for node in plan.nodes if node.malignant}
    resources = [
        record_writer.patient(
            who,
            mrn=subject.patient_id,
            issuer=subject.issuer,
            family=family,
            given=given,
            sex=plan.build.sex,
            birth_date=birth,
        ),
        record_writer.primary_cancer(
            "primary", who, "lung", date="2026-04-20", laterality=side, histology=plan.histology
        ),
        record_writer.biopsy("biopsy", who, True, "2026-04-22", histology=plan.histology),
        record_writer.ecog("ecog", who, 1, "2026-04-28"),
        record_writer.smoking("smoking", who, "former", "2026-04-28"),
        record_writer.number("fev1", who, "fev1_percent", 84.0, "2026-04-27"),
        record_writer.number("dlco", who, "dlco_percent", 71.0, "2026-04-27"),
        record_writer.service_request("request", who, plan.question, "2026-05-05", accession=subject.accession),
        record_writer.imaging_study("study", who, subject.study_uid, ["CT", "PT"], "2026-05-04"),
        *(
            record_writer.station_biopsy(f"ebus-{station}", who, station, station in malignant, "EBUS", "2026-05-06")
            for station in plan.biopsied
        ),
    ]
    return record_writer.bundle(resources)
