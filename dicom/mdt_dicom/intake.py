"""Images in: from what the user points at to one CT, its PET, and everything worth knowing about both.

look (scan, sort) -> one patient? -> choose CT, choose PET -> read voxels -> check -> StudyImages
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdt_dicom.choosing import Chosen, choose_ct, choose_pet
from mdt_dicom.header import quietly
from mdt_dicom.identity import identity_of
from mdt_dicom.lean import Scan, scan_path
from mdt_dicom.nifti import is_nifti
from mdt_dicom.series import about, read_ct_stack, read_nifti_ct, read_nifti_pet, read_pet_stack
from mdt_dicom.sorting import Stack, sort_stacks
from mdt_dicom.study import PatientIdentity, ReadSeries, Rejected, StudyImages
from oncology.errors import GeometryError, ImageError, InputError
from oncology.findings import Severity, Verdict
from oncology.imaging.volume import Volume


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
        ct_look = _look(Path(ct), "CT")
        pet_look = ct_look if pet is None else _look(Path(pet), "PET")
        wanted = pet_look if with_pet else _Look(None, Scan(()))
        identity, identity_verdicts = identity_of([*ct_look.scan.instances, *wanted.scan.instances])
        ct_read, chosen_ct = _read_ct(ct_look, _frames_of_reference(wanted.stacks))
        pet_read, chosen_pet, pet_verdicts = _pet_of(wanted, ct_read, asked_for=pet is not None and with_pet)
    looks = [ct_look] if pet is None or not with_pet else [ct_look, pet_look]
    verdicts = (*identity_verdicts, *(verdict for look in looks for verdict in _folder_verdicts(look)), *pet_verdicts)
    chosen = [choice for choice in (chosen_ct, chosen_pet) if choice is not None]
    reasons = [choice.reason for choice in chosen]
    if chosen_ct is None:
        reasons.insert(0, "CT: the NIfTI file given")
    return StudyImages(
        ct_read,
        pet_read,
        identity,
        tuple(reasons),
        _rejected(looks, chosen),
        verdicts,
    )


def identify(ct: Path, pet: Path | None = None) -> tuple[PatientIdentity, str]:
    """Whose CT this is and the StudyInstanceUID of the series that `read_study` would take, from headers alone.

    Both are empty for NIfTI.

    Raises:
        ImageError: no usable CT.
        IdentityError: the files belong to more than one patient.
    """
    with quietly():
        look = _look(Path(ct), "CT")
        if look.nifti is not None:
            return PatientIdentity(), ""
        pet_look = look if pet is None else _look(Path(pet), "PET")
        identity, _ = identity_of([*look.scan.instances, *pet_look.scan.instances])
        return identity, choose_ct(look.stacks, _frames_of_reference(pet_look.stacks)).stack.study_uid


def _look(path: Path, name: str) -> _Look:
    if is_nifti(path):
        return _Look(path, Scan(()))
    with about(name):
        scan = scan_path(path)
        if not scan.instances:
            damaged = f" ({len(scan.damaged)} of them damaged DICOM)" if scan.damaged else ""
            raise ImageError(
                f"no DICOM files among {scan.foreign + len(scan.damaged)} files{damaged}; expected a DICOM series or a "
                "NIfTI file (.nii, .nii.gz); check the path"
            )
    return _Look(None, scan, sort_stacks(scan.instances))


def _frames_of_reference(stacks: Sequence[Stack]) -> frozenset[str]:
    """The frames of reference of all PET candidates."""
    return frozenset(stack.frame_of_reference_uid for stack in stacks if stack.modality == "PT" and not stack.reason)


def _read_ct(look: _Look, pet_frames: frozenset[str]) -> tuple[ReadSeries, Chosen | None]:
    if look.nifti is not None:
        return read_nifti_ct(look.nifti), None
    chosen = choose_ct(look.stacks, pet_frames)
    read = read_ct_stack(chosen.stack)
    return replace(read, verdicts=(*chosen.verdicts, *read.verdicts)), chosen


def _read_pet(look: _Look, ct: ReadSeries) -> tuple[ReadSeries, Chosen | None]:
    """The PET that the user asked for."""
    if look.nifti is not None:
        read, chosen = read_nifti_pet(look.nifti), None
    else:
        chosen = choose_pet(look.stacks, ct.info.frame_of_reference_uid)
        read = read_pet_stack(chosen.stack)
    verdicts = (*(chosen.verdicts if chosen else ()), *read.verdicts, *_pairing_verdicts(ct, read))
    return replace(read, verdicts=verdicts), chosen


def _pet_of(
    look: _Look, ct: ReadSeries, *, asked_for: bool
) -> tuple[ReadSeries | None, Chosen | None, tuple[Verdict, ...]]:
    """The PET that was asked for; or one that lies beside the CT: used when it fits, else named."""
    if asked_for:
        return *_read_pet(look, ct), ()
    if not _frames_of_reference(look.stacks):
        return None, None, ()
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
