"""What intake hands on: one patient's CT, the PET that belongs to it, and why these were chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from oncology.findings import Verdict
from oncology.imaging.volume import Volume


@dataclass(frozen=True)
class SeriesInfo:
    """Where a volume came from, without anything that names the patient.

    Attributes:
        modality: "CT" or "PT".
        sop_instance_uids: of the slices as acquired, along the slice normal: array z order, unless a gantry tilt was
            resampled away. One for all of a multi-frame object, none for NIfTI.
        content_sha256: over UIDs, geometry and values in z order, so file names and file order do not matter.
        slice_thickness_mm: the header's SliceThickness, which need not be the slice spacing; for NIfTI the z spacing.
        date: ISO date of acquisition, else of the series, else of the study.
        contrast: True when the header names an agent or a phase, None when it says nothing.
        transfer_syntax: UID; of the first slice where they differ.
    """

    modality: str
    series_uid: str = ""
    study_uid: str = ""
    frame_of_reference_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()
    content_sha256: str = ""
    slice_thickness_mm: float | None = None
    date: str | None = None
    manufacturer: str = ""
    model: str = ""
    kernel: str = ""
    contrast: bool | None = None
    kvp: float | None = None
    transfer_syntax: str = ""
    source_format: Literal["dicom", "nifti"] = "dicom"


@dataclass(frozen=True)
class PatientIdentity:
    """Who the images say they show. Private: neither `repr` nor `str` shows a value; empty strings when absent.

    Attributes:
        issuer: IssuerOfPatientID.
        name: PatientName as written in the header.
        birth_date: ISO date.
        sex: "M", "F", "O" or "".
        height_m, weight_kg: None where they are absent, differ between files, or no body has them.
    """

    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    accession: str = field(default="", repr=False)
    height_m: float | None = field(default=None, repr=False)
    weight_kg: float | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Rejected:
    """One series (or stack of a series) that was not used, and why."""

    series_uid: str
    modality: str
    reason: str


@dataclass(frozen=True)
class ReadSeries:
    """One series as a volume: CT in HU (int16 where values are whole and fit, else float32), PET in SUVbw (float32).

    `volume.array` is (z, y, x), z along the slice normal; axes are as acquired, not necessarily the patient's.
    """

    volume: Volume
    info: SeriesInfo
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class StudyImages:
    """The images of one case.

    Attributes:
        choices: one sentence for each series taken, with the reason.
        rejected: what else lay there.
        verdicts: of the folder as a whole; those of one series are in `ct.verdicts` and `pet.verdicts`.
    """

    ct: ReadSeries
    pet: ReadSeries | None
    identity: PatientIdentity
    choices: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
