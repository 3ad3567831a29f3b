"""Images in: from what the user points at to one CT, its PET, and everything worth knowing about both.

look (scan, sort) -> one patient? -> choose CT, choose PET -> read voxels -> check -> StudyImages
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdt_dicom.choosing import Chosen, choose_ct, choose_pet, contrast_of, study_date
from mdt_dicom.enhanced_pet import ENHANCED_PET_CLASS
from mdt_dicom.geometry import straighten
from mdt_dicom.header import number, quietly, text
from mdt_dicom.identity import identity_of
from mdt_dicom.lean import Scan, scan_path
from mdt_dicom.nifti import is_nifti, read_nifti
from mdt_dicom.plausible import check_hounsfield, check_suv
from mdt_dicom.sorting import Stack, sort_stacks
from mdt_dicom.study import ReadSeries, Rejected, SeriesInfo, StudyImages
from mdt_dicom.suv import suv_scale
from mdt_dicom.voxels import AIR_HU, content_sha256, fill_padding, read_stored, rescale_of, to_hounsfield, to_suv
from oncology.errors import GeometryError, ImageError, InputError
from oncology.findings import Severity, Verdict
from oncology.imaging.volume import OBLIQUE_DEG, Volume

# Copies of one slice that differ in any pixel are two versions of it, and nobody knows which is right.
LOSSY = "01"


@dataclass(frozen=True)
class _Look:
    """What lies at one path: a NIfTI file, or DICOM stacks."""

    nifti: Path | None
    scan: Scan
    stacks: tuple[Stack, ...] = ()


def read_study(ct: Path, pet: Path | None = None, *, with_pet: bool = True) -> StudyImages:
    """Read the CT and the PET of one patient.

    Args:
        ct: DICOM folder (read with all below it), DICOMDIR, one DICOM file, or NIfTI in Hounsfield units. A PET in
            the same folder is read too.
        pet: the same for the PET; NIfTI must hold body-weight SUV, which no header can confirm.
        with_pet: False leaves every PET aside.
    Returns:
        The CT always. Without `pet`, a PET found beside the CT that cannot be used is left out with an error verdict;
        with `pet`, the same is raised.
    Raises:
        ImageError: no usable CT, or (with `pet`) no usable PET; GeometryError and SuvError are kinds of it.
        IdentityError: the files belong to more than one patient.
    """
    with quietly():
        ct_look = _look(Path(ct))
        pet_look = ct_look if pet is None else _look(Path(pet))
        wanted = pet_look if with_pet else _Look(None, Scan(()))
        identity, identity_verdicts = identity_of([*ct_look.scan.instances, *wanted.scan.instances])
        ct_read, chosen_ct = _read_ct(ct_look, _frames_of_reference(wanted.stacks))
        pet_read: ReadSeries | None = None
        chosen_pet: Chosen | None = None
        pet_verdicts: tuple[Verdict, ...] = ()
        if with_pet and pet is not None:
            pet_read, chosen_pet = _read_pet(pet_look, ct_read)
        elif with_pet and _frames_of_reference(ct_look.stacks):
            pet_read, chosen_pet, pet_verdicts = _read_pet_beside(ct_look, ct_read)
    looks = [ct_look] if pet is None or not with_pet else [ct_look, pet_look]
    verdicts = (*identity_verdicts, *(verdict for look in looks for verdict in _folder_verdicts(look)), *pet_verdicts)
    chosen = [choice for choice in (chosen_ct, chosen_pet) if choice is not None]
    return StudyImages(
        ct_read,
        pet_read,
        identity,
        tuple(choice.reason for choice in chosen) or ("CT: the NIfTI file given",),
        _rejected(looks, chosen),
        verdicts,
    )


def identify(ct: Path) -> tuple[PatientIdentity, str]:
    """Whose CT this is and the StudyInstanceUID of the series that `read_study` would take, from headers alone.

    Both are empty for NIfTI.

    Raises:
        ImageError: no usable CT.
        IdentityError: the files belong to more than one patient.
    """
    with quietly():
        look = _look(Path(ct))
        if look.nifti is not None:
            return PatientIdentity(), ""
        identity, _ = identity_of(look.scan.instances)
        return identity, choose_ct(look.stacks, _frames_of_reference(look.stacks)).stack.study_uid


def _look(path: Path) -> _Look:
    if is_nifti(path):
        return _Look(path, Scan(()))
    scan = scan_path(path)
    if not scan.instances:
        raise ImageError(
            f"no DICOM files among {scan.foreign + len(scan.damaged)} files ({len(scan.damaged)} of them damaged); "
            "expected a DICOM series or a NIfTI file (.nii, .nii.gz); check the path"
        )
    return _Look(None, scan, sort_stacks(scan.instances))


def _frames_of_reference(stacks: Sequence[Stack]) -> frozenset[str]:
    """The frames of reference of all PET candidates."""
    return frozenset(stack.frame_of_reference_uid for stack in stacks if stack.modality == "PT" and not stack.reason)


def _read_ct(look: _Look, pet_frames: frozenset[str]) -> tuple[ReadSeries, Chosen | None]:
    if look.nifti is not None:
        return _read_nifti_ct(look.nifti), None
    chosen = choose_ct(look.stacks, pet_frames)
    read = _read_ct_stack(chosen.stack)
    return replace(read, verdicts=(*chosen.verdicts, *read.verdicts)), chosen


def _read_pet(look: _Look, ct: ReadSeries) -> tuple[ReadSeries, Chosen | None]:
    """The PET that the user asked for."""
    if look.nifti is not None:
        read, chosen = _read_nifti_pet(look.nifti), None
    else:
        chosen = choose_pet(look.stacks, ct.info.frame_of_reference_uid)
        read = _read_pet_stack(chosen.stack)
    verdicts = (*(chosen.verdicts if chosen else ()), *read.verdicts, *_pairing_verdicts(ct, read))
    return replace(read, verdicts=verdicts), chosen


def _read_pet_beside(look: _Look, ct: ReadSeries) -> tuple[ReadSeries | None, Chosen | None, tuple[Verdict, ...]]:
    """A PET that lies beside the CT and that nobody asked for: used when it fits, else named."""
    try:
        read, chosen = _read_pet(look, ct)
    except InputError as error:
        message = f"the PET in the CT's folder is not used: {error}"
        return None, None, (Verdict("pet-not-used", Severity.ERROR, message, "pet"),)
    if read.info.frame_of_reference_uid != ct.info.frame_of_reference_uid:
        message = "the PET in the CT's folder has another frame of reference and is not used; name it to use it"
        return None, None, (Verdict("pet-not-used", Severity.WARNING, message, "pet"),)
    return read, chosen, ()


def _pairing_verdicts(ct: ReadSeries, pet: ReadSeries) -> tuple[Verdict, ...]:
    """Whether positions of both may be compared.

    Raises:
        GeometryError: another study and another frame of reference, or no overlap.
    """
    _check_overlap(ct.volume, pet.volume)
    one, other = ct.info.frame_of_reference_uid, pet.info.frame_of_reference_uid
    if one and one == other:
        return ()
    if not one or not other:
        message = "the frame of reference of CT or PET is not stated; that both lie in the same space is not assured"
        return (Verdict("frame-of-reference-unstated", Severity.WARNING, message, "pet"),)
    if ct.info.study_uid != pet.info.study_uid:
        raise GeometryError(
            f"CT and PET come from different studies and frames of reference ({one}, {other}); expected one frame of "
            "reference; register the PET to the CT first"
        )
    message = "CT and PET of one study have different frames of reference; their alignment must be looked at"
    return (Verdict("frame-of-reference-differs", Severity.WARNING, message, "pet"),)


def _check_overlap(ct: Volume, pet: Volume) -> None:
    boxes = []
    for volume in (ct, pet):
        last = np.array(volume.geometry.shape) - 1
        corners = np.array([(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]) * last
        world = volume.geometry.to_lps(corners)
        boxes.append((world.min(axis=0), world.max(axis=0)))
    (low, high), (pet_low, pet_high) = boxes
    apart = np.flatnonzero((pet_low > high) | (pet_high < low))
    if apart.size:
        axis = int(apart[0])
        raise GeometryError(
            f"the PET lies outside the CT: along {'xyz'[axis]} the CT covers {low[axis]:.0f} to {high[axis]:.0f} mm, "
            f"the PET {pet_low[axis]:.0f} to {pet_high[axis]:.0f} mm; expected the same region; check the pair"
        )


def _read_ct_stack(stack: Stack) -> ReadSeries:
    frames = [stack.frames[index] for index in stack.lattice.order]
    slopes, intercepts = rescale_of(frames)
    stored = read_stored(frames)
    verdicts = [*_check_spares(stack, stored), *_ct_header_verdicts(stack)]
    values = to_hounsfield(stored, slopes, intercepts)
    if fill_padding(values, frames, slopes, intercepts):
        message = "PixelPaddingValue (0028,0120) lies among tissue values and was not applied"
        verdicts.append(Verdict("ct-padding-not-applied", Severity.WARNING, message, "ct"))
    verdicts += check_hounsfield(values)
    return _placed(stack, values, float(AIR_HU), verdicts)


def _read_pet_stack(stack: Stack) -> ReadSeries:
    frames = [stack.frames[index] for index in stack.lattice.order]
    slopes, intercepts = rescale_of(frames)
    enhanced = frames[0].instance.sop_class == ENHANCED_PET_CLASS
    scale = suv_scale([frames[0].instance.header] if enhanced else [frame.header for frame in frames])
    stored = read_stored(frames)
    verdicts = [*_check_spares(stack, stored), *scale.verdicts]
    values = to_suv(stored, slopes, intercepts, scale.factor)
    verdicts += check_suv(values, unit_is_known=True)
    return _placed(stack, values, 0.0, verdicts)


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
    tilt = number(header, "GantryDetectorTilt") or 0.0
    if abs(tilt) > 1.0 and not stack.lattice.is_tilted and abs(stack.lattice.normal[2]) > 0.9999:
        message = f"the header says a gantry tilt of {tilt:.1f} degrees, positions and orientation show none"
        verdicts.append(Verdict("gantry-tilt-contradicts", Severity.WARNING, message, "ct"))
    return verdicts


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
    date = next((text(header, tag)[:8] for tag in _DATES if text(header, tag)), "") or study_date(stack)
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


_DATES = ("AcquisitionDate", "AcquisitionDateTime", "SeriesDate", "StudyDate")


def _read_nifti_ct(path: Path) -> ReadSeries:
    volume, verdicts = _read_nifti(path, "ct")
    verdicts += check_hounsfield(volume.array)
    return ReadSeries(volume, _nifti_info(volume, "CT"), tuple(verdicts))


def _read_nifti_pet(path: Path) -> ReadSeries:
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


def _folder_verdicts(look: _Look) -> list[Verdict]:
    """Files that are no DICOM, damaged or missing."""
    scan, verdicts = look.scan, []
    if scan.foreign:
        message = f"{scan.foreign} files that are not DICOM were ignored"
        verdicts.append(Verdict("foreign-files", Severity.INFO, message, "images"))
    if scan.damaged:
        message = f"{len(scan.damaged)} DICOM files are damaged and were not read ({', '.join(scan.damaged[:3])})"
        verdicts.append(Verdict("damaged-files", Severity.WARNING, message, "images"))
    if scan.missing:
        message = f"the DICOMDIR names {scan.missing} files that are not there"
        verdicts.append(Verdict("dicomdir-files-missing", Severity.WARNING, message, "images"))
    return verdicts


def _rejected(looks: Sequence[_Look], chosen: Sequence[Chosen]) -> tuple[Rejected, ...]:
    """Everything that was not used, once."""
    found = [Rejected(stack.series_uid, stack.modality, stack.reason) for look in looks for stack in look.stacks]
    stated = [item for item in found if item.reason] + [item for choice in chosen for item in choice.rejected]
    return tuple(dict.fromkeys(stated))
