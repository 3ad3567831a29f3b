"""Intake of images: DICOM or NIfTI to volumes in millimeters, with every choice and doubt written down."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from mdt_dicom.intake import read_study
from mdt_dicom.study import PatientIdentity, ReadSeries, StudyImages
from oncology.findings import Severity, Verdict, to_json
from oncology.imaging.alignment import check_alignment, resample_pet
from tasks.case_files import IDENTITY, REQUEST, CaseFiles, Outputs
from tasks.step import step

CT, PET, PET_ON_CT, IMAGES = "ct.mha", "pet.mha", "pet_on_ct.mha", "images.json"

FROM_NIFTI = Verdict(
    "ct-nifti",
    Severity.INFO,
    "the CT is a NIfTI file: it names no patient, and no DICOM results can refer to it",
    "ct",
)


@step("1", io=True)
def take_in_images(case_id: str, fingerprints: dict[str, str]) -> Outputs:
    """Read CT and PET, put the PET on the CT grid, and check that they lie on one another."""
    case = CaseFiles(case_id)
    study = read_request(case)
    case.write_private(IDENTITY, dataclasses.asdict(study.identity))
    outputs = case.save_volume(CT, study.ct.volume)
    verdicts = [*study.verdicts, *study.ct.verdicts]
    if study.ct.info.source_format == "nifti":
        verdicts.append(FROM_NIFTI)
    if study.pet is not None:
        verdicts += study.pet.verdicts
        frames = {series.info.frame_of_reference_uid for series in (study.ct, study.pet)}
        alignment = check_alignment(study.ct.volume, study.pet.volume, same_frame_of_reference=len(frames) == 1)
        verdicts.append(alignment.verdict)
        if alignment.verdict.severity is not Severity.ERROR:
            outputs |= case.save_volume(PET, study.pet.volume)
            outputs |= case.save_volume(PET_ON_CT, resample_pet(study.pet.volume, study.ct.volume.geometry))
    outputs |= case.save_json(IMAGES, _description(study) | {"verdicts": to_json(verdicts)})
    return outputs | case.private_outputs(IDENTITY)


def read_request(case: CaseFiles) -> StudyImages:
    """The images that the request names, read again from where they lie."""
    request = case.read_private(REQUEST)
    return read_study(Path(request["ct"]), Path(request["pet"]) if request["pet"] else None)


def identity(case: CaseFiles) -> PatientIdentity:
    """Who the images say they show; private."""
    return PatientIdentity(**case.read_private(IDENTITY))


def _description(study: StudyImages) -> dict[str, Any]:
    taken = [series for series in (study.ct, study.pet) if series is not None]
    return {
        "series": [_series(series) for series in taken],
        "choices": list(study.choices),
        "rejected": [dataclasses.asdict(item) for item in study.rejected],
        "sex": study.identity.sex,
    }


def _series(series: ReadSeries) -> dict[str, Any]:
    geometry = series.volume.geometry
    return dataclasses.asdict(series.info) | {"shape": geometry.shape, "spacing_mm": geometry.spacing_mm}
