"""One series as a volume with its verdicts: stacks of DICOM planes, and NIfTI files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from mdt_dicom.choosing import contrast_of, study_date
from mdt_dicom.enhanced_pet import ENHANCED_PET_CLASS
from mdt_dicom.frames import Frame
from mdt_dicom.geometry import GAP_TOLERANCE, straighten
from mdt_dicom.header import HEADER_FAULTS, integer, number, text
from mdt_dicom.nifti import read_nifti
from mdt_dicom.plausible import check_hounsfield, check_suv
from mdt_dicom.sorting import Stack
from mdt_dicom.study import ReadSeries, SeriesInfo
from mdt_dicom.suv import SuvScale, suv_scale
from mdt_dicom.voxels import AIR_HU, content_sha256, fill_padding, read_stored, rescale_of, to_hounsfield, to_suv
from oncology.errors import GeometryError, ImageError, SuvError
from oncology.findings import Severity, Verdict
from oncology.imaging.volume import OBLIQUE_DEG, Volume

LOSSY = "01"  # LossyImageCompression (0028,2110)
THICK_MM = 5.0  # RECIST 1.1: slices of at most 5 mm, else small nodes cannot be measured
GAP_FACTOR = 1.5  # slices further apart than this many thicknesses leave tissue unseen between them
ACQUISITION_DATES = ("AcquisitionDate", "AcquisitionDateTime", "SeriesDate", "StudyDate")


def read_ct_stack(stack: Stack) -> ReadSeries:
    """A CT stack in HU.

    Raises:
        ImageError: pixels are missing, cut off, or cannot be HU; GeometryError: two versions of one slice.
    """
    frames = [stack.frames[index] for index in stack.lattice.order]
    with about("CT", stack.series_uid):
        slopes, intercepts = rescale_of(frames)
        stored = read_stored(frames)
        verdicts = [*_check_spares(stack, stored), *_ct_header_verdicts(stack)]
        values = to_hounsfield(stored, slopes, intercepts)
        if fill_padding(values, frames, slopes, intercepts):
            message = "PixelPaddingValue (0028,0120) lies among tissue values and was not applied"
            verdicts.append(Verdict("ct-padding-not-applied", Severity.WARNING, message, "ct"))
        verdicts += check_hounsfield(values)
        return _placed(stack, values, float(AIR_HU), verdicts)


def read_pet_stack(stack: Stack) -> ReadSeries:
    """A PET stack in SUVbw.

    Raises:
        SuvError: a field that SUV needs; ImageError, GeometryError: as for CT.
    """
    frames = [stack.frames[index] for index in stack.lattice.order]
    scale = _suv_scale(frames)
    with about("PET", stack.series_uid):
        slopes, intercepts = rescale_of(frames)
        stored = read_stored(frames)
        verdicts = [*_check_spares(stack, stored), *scale.verdicts, *_incomplete(stack)]
        values = to_suv(stored, slopes, intercepts, scale.factor)
        verdicts += check_suv(values, unit_is_known=True)
        return _placed(stack, values, 0.0, verdicts)


def _suv_scale(frames: Sequence[Frame]) -> SuvScale:
    enhanced = frames[0].instance.sop_class == ENHANCED_PET_CLASS
    try:
        return suv_scale([frames[0].instance.header] if enhanced else [frame.header for frame in frames])
    except HEADER_FAULTS:
        # Not chained: such an error may quote a value.
        raise SuvError(
            "a field that SUV needs cannot be read in the PET; expected DICOM values; copy it again"
        ) from None


@contextmanager
def about(name: str, series_uid: str = "") -> Iterator[None]:
    """Say in every error which series it is about."""
    try:
        yield
    except ImageError as error:
        place = f"{name} (series {series_uid})" if series_uid else name
        raise type(error)(f"{place}: {error}") from error


def _incomplete(stack: Stack) -> list[Verdict]:
    """A PET says how many slices it had; slices missing at an end leave no gap."""
    stated, found = integer(stack.first.header, "NumberOfSlices"), len(stack.lattice.order)
    if found >= stated:
        return []
    message = f"NumberOfSlices (0054,0081) says {stated}, {found} are there: uptake outside is not seen"
    return [Verdict("pet-incomplete", Severity.WARNING, message, "pet")]


def _check_spares(stack: Stack, stored: np.ndarray) -> list[Verdict]:
    """Slices that are there twice: equal ones are dropped, different ones refused."""
    spares = stack.lattice.spares
    if not spares:
        return []
    place = {index: row for row, index in enumerate(stack.lattice.order)}
    again = read_stored([stack.frames[spare] for _, spare in spares])
    for (kept, spare), pixels in zip(spares, again, strict=True):
        if not np.array_equal(stored[place[kept]], pixels):
            raise GeometryError(
                f"two different slices lie at one place: {stack.frames[kept].where} and {stack.frames[spare].where}; "
                "expected one; remove the outdated ones, or separate the two acquisitions"
            )
    name = {"CT": "ct", "PT": "pet"}[stack.modality]
    message = f"{len(spares)} slices are there twice with equal pixels; one of each was used"
    return [Verdict(f"{name}-duplicate-slices", Severity.INFO, message, name)]


def _ct_header_verdicts(stack: Stack) -> list[Verdict]:
    """What the header says about the CT that a reader should know."""
    header, verdicts = stack.first.header, []
    if stack.is_reformat:
        message = "only a reformatted or derived CT was found; measurements are those of the reformat"
        verdicts.append(Verdict("ct-reformatted", Severity.WARNING, message, "ct"))
    if text(header, "LossyImageCompression") == LOSSY:
        message = "the CT was compressed with loss; densities and edges are approximate"
        verdicts.append(Verdict("lossy-compression", Severity.WARNING, message, "ct"))
    verdicts += _spacing_verdicts(stack)
    tilt = number(header, "GantryDetectorTilt") or 0.0
    if abs(tilt) > 1.0 and not stack.lattice.is_tilted and abs(stack.lattice.normal[2]) > 0.9999:
        message = f"the header says a gantry tilt of {tilt:.1f} degrees, positions and orientation show none"
        verdicts.append(Verdict("gantry-tilt-contradicts", Severity.WARNING, message, "ct"))
    return verdicts


def _spacing_verdicts(stack: Stack) -> list[Verdict]:
    """Slices too thick to measure on, or with unseen tissue between them."""
    thickness, gap = number(stack.first.header, "SliceThickness") or 0.0, stack.lattice.gap_mm
    if thickness > 0 and gap > GAP_FACTOR * thickness:
        message = f"slices of {thickness:g} mm lie {gap:.1f} mm apart; what lies between them is not seen"
        return [Verdict("ct-slices-apart", Severity.WARNING, message, "ct")]
    if max(gap, thickness) > THICK_MM * (1 + GAP_TOLERANCE):
        message = f"slices are {max(gap, thickness):.1f} mm thick; at most {THICK_MM:g} mm is asked for measuring nodes"
        return [Verdict("ct-thick-slices", Severity.WARNING, message, "ct")]
    return []


def _placed(stack: Stack, values: np.ndarray, fill: float, verdicts: Sequence[Verdict]) -> ReadSeries:
    """The series with its place in the patient, straightened where the gantry was tilted."""
    name = {"CT": "ct", "PT": "pet"}[stack.modality]
    found = stack.lattice
    more = []
    if found.is_tilted:
        volume = straighten(values, found, fill)
        message = f"the gantry was tilted by {found.tilt_deg:.1f} degrees; slices were resampled to an axial grid"
        more.append(Verdict(f"{name}-gantry-tilt-resampled", Severity.WARNING, message, name))
    else:
        volume = Volume(values, found.geometry())
    angle = volume.geometry.obliquity_deg()
    if angle > OBLIQUE_DEG:
        message = f"the axes are {angle:.1f} degrees off the patient's; sides and planes follow the header's directions"
        more.append(Verdict(f"{name}-oblique", Severity.INFO, message, name))
    return ReadSeries(volume, _info(stack, volume), (*verdicts, *more))


def _info(stack: Stack, volume: Volume) -> SeriesInfo:
    header = stack.first.header
    uids = [text(stack.frames[index].header, "SOPInstanceUID") for index in stack.lattice.order]
    named = [stack.series_uid, stack.frame_of_reference_uid, *uids]
    date = next((text(header, tag)[:8] for tag in ACQUISITION_DATES if text(header, tag)), "") or study_date(stack)
    return SeriesInfo(
        modality=stack.modality,
        series_uid=stack.series_uid,
        study_uid=stack.study_uid,
        frame_of_reference_uid=stack.frame_of_reference_uid,
        sop_class_uid=stack.first.instance.sop_class,
        sop_instance_uids=tuple(dict.fromkeys(uids)) if all(uids) else tuple(uids),
        content_sha256=content_sha256(volume.array, volume.geometry, named),
        slice_thickness_mm=number(header, "SliceThickness"),
        date=f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else None,
        manufacturer=text(header, "Manufacturer"),
        model=text(header, "ManufacturerModelName"),
        kernel=text(header, "ConvolutionKernel").replace("\\", "/"),
        contrast=contrast_of(stack),
        kvp=number(header, "KVP"),
        transfer_syntax=stack.first.instance.transfer_syntax,
    )


def read_nifti_ct(path: Path) -> ReadSeries:
    """A NIfTI file in HU. Raises ImageError or GeometryError."""
    with about("CT"):
        volume, verdicts = _read_nifti(path, "ct")
        verdicts += check_hounsfield(volume.array)
    return ReadSeries(volume, _nifti_info(volume, "CT"), tuple(verdicts))


def read_nifti_pet(path: Path) -> ReadSeries:
    """A NIfTI file that is taken as SUVbw, with a warning. Raises ImageError or GeometryError."""
    with about("PET"):
        volume, verdicts = _read_nifti(path, "pet")
        volume = replace(volume, array=volume.array.astype(np.float32))
        check_suv(volume.array, unit_is_known=False)
    message = "a NIfTI PET cannot say what its values are; they were taken as body-weight SUV"
    verdicts.append(Verdict("pet-nifti-units-unverified", Severity.WARNING, message, "pet"))
    return ReadSeries(volume, _nifti_info(volume, "PT"), tuple(verdicts))


def _read_nifti(path: Path, name: str) -> tuple[Volume, list[Verdict]]:
    volume, states_millimeters = read_nifti(path)
    if states_millimeters:
        return volume, []
    message = "the NIfTI file does not state its unit of length; millimeters were assumed, as all readers do"
    return volume, [Verdict(f"{name}-nifti-unit-unstated", Severity.WARNING, message, name)]


def _nifti_info(volume: Volume, modality: str) -> SeriesInfo:
    return SeriesInfo(
        modality=modality,
        content_sha256=content_sha256(volume.array, volume.geometry, [modality]),
        slice_thickness_mm=volume.geometry.spacing_mm[0],
        source_format="nifti",
    )
