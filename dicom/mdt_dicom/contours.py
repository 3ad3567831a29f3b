"""Contours that a person drew: DICOM SEG, RTSTRUCT and label maps, on the CT's grid, with their meaning.

A contour that is not used is always named with the reason. If none can be used, that is an error: the person who
gave the files expects them to count.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from mdt_dicom.drawn import ContourFile, Drawing, Owner, Region, remark
from mdt_dicom.header import HEADER_FAULTS, quietly, text
from mdt_dicom.label_map import SUFFIXES, is_label_map, read_label_map
from mdt_dicom.roles import Meaning, NameMapping, read_mapping, read_name, why_unknown
from mdt_dicom.rtstruct import CONTOUR_DATA, RTSTRUCT_CLASS, read_rtstruct
from mdt_dicom.seg_reader import PIXEL_DATA, SEG_CLASSES, read_seg
from mdt_dicom.study import PatientIdentity
from oncology.errors import ContourError, IdentityError
from oncology.findings import Laterality, Severity, Source, SourceKind, Verdict
from oncology.imaging.volume import Geometry

# Two contours of one role that share this part of the smaller one show one lesion drawn twice.
SAME_LESION = 0.8
NAMED_AT_MOST = 6
BULKY = frozenset({CONTOUR_DATA, PIXEL_DATA})


@dataclass(frozen=True)
class Contour:
    """One region with its meaning.

    Attributes:
        name: as written in the file.
        structure: for role structure, TotalSegmentator's name.
        station: for role node, where the name tells it; spelled as in the staging vocabulary.
        mask: (Z, Y, X) bool on the CT's grid, at least one voxel.
    """

    role: Literal["tumor", "node", "structure"]
    name: str
    structure: str | None
    station: str | None
    laterality: Laterality | None
    mask: np.ndarray = field(repr=False)
    source: Source


@dataclass(frozen=True)
class ContourSet:
    """All contours of a case.

    Attributes:
        unmatched: names that no rule and no mapping knows.
        ignored: names that are known and not used (margins, dose, table), in the order of the files.
        owners: patient, study and series that each file names; private.
    """

    contours: tuple[Contour, ...] = ()
    unmatched: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    ignored: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()


def read_contours(
    paths: Sequence[Path],
    grid: Geometry,
    frame_of_reference_uid: str | None,
    mapping: Path | None = None,
    *,
    series_uid: str | None = None,
    identity: PatientIdentity | None = None,
) -> ContourSet:
    """Read, name and draw the contours.

    Args:
        paths: files, or folders of them.
        grid: the CT's.
        frame_of_reference_uid: the CT's; None when it is not known (NIfTI).
        mapping: a file that settles odd names, see `roles.read_mapping`.
        series_uid: the CT's; contours that refer to other series are reported.
        identity: the CT's patient; contours of another one stop the case.
    Raises:
        ContourError: a file cannot be read, or none of the contours can be used.
        IdentityError: the contours belong to another patient.
    """
    files = _files(paths)
    names = read_mapping(mapping) if mapping is not None else None
    collected = _Collection(frame_of_reference_uid, names)
    for number, path in enumerate(files, start=1):
        where = f"contour file {number} of {len(files)}"
        drawn = _read_file(path, where)
        _check_owner(drawn.owner, identity, where)
        collected.verdicts += [*drawn.verdicts, *_other_series(drawn.owner, series_uid, where)]
        collected.owners.append(drawn.owner)
        for region in drawn.regions:
            collected.add(region, drawn.sha256, grid)
    if files and not collected.contours:
        raise ContourError(_nothing_usable(collected))
    contours = _without_counted_stations(collected.contours, collected.verdicts)
    contours = _without_repeats(contours, collected.verdicts)
    return ContourSet(
        tuple(contours),
        tuple(collected.unmatched),
        tuple(collected.verdicts),
        tuple(collected.ignored),
        tuple(collected.owners),
    )


class _Collection:
    """What was found so far."""

    def __init__(self, frame_uid: str | None, mapping: NameMapping | None) -> None:
        self.frame_uid = frame_uid
        self.mapping = mapping
        self.contours: list[Contour] = []
        self.unmatched: list[str] = []
        self.ignored: list[str] = []
        self.verdicts: list[Verdict] = []
        self.owners: list[Owner] = []
        self.failed: list[str] = []

    def add(self, region: Region, sha256: str, grid: Geometry) -> None:
        """Name a region and draw it, or note why not."""
        name = region.name or f"label {region.number}"
        meaning = self._meaning(region)
        if meaning is None:
            self.unmatched.append(name)
            message = f"`{name}` was not used: {why_unknown(name)}; give a mapping file to name it"
            self.verdicts.append(remark("contour-unmatched", message))
        elif meaning.role == "ignored":
            self.ignored.append(name)
            message = f"`{name}` was not used: {meaning.reason or 'set aside'}"
            self.verdicts.append(remark("contour-ignored", message, Severity.INFO))
        elif self._is_foreign(region):
            self._fail(
                meaning,
                "contour-other-frame",
                f"`{name}` lies in another frame of reference ({region.frame_uid}) than the CT ({self.frame_uid})",
            )
        else:
            self._draw(region, meaning, name, sha256, grid)

    def _meaning(self, region: Region) -> Meaning | None:
        """By name, by label number, or by what else the file says; a contradiction between these is reported."""
        by_name = read_name(region.name, self.mapping) if region.name else None
        if by_name is None and self.mapping is not None:
            by_name = self.mapping.meaning(str(region.number))
        name, hint = region.name or f"label {region.number}", region.hint
        if by_name is None or hint is None:
            if hint is not None:
                message = f"`{name}` was read as {hint.structure or hint.role} {hint.reason}"
                self.verdicts.append(remark("contour-role-by-hint", message))
            return by_name or hint
        if by_name.role != hint.role:
            message = f"`{name}` is a {by_name.role} by its name and {hint.role} by its code or type; the name counts"
            self.verdicts.append(remark("contour-role-contradicts", message))
        elif by_name.laterality is None and by_name.role != "structure":
            return dataclasses.replace(by_name, laterality=hint.laterality)
        return by_name

    def _is_foreign(self, region: Region) -> bool:
        return bool(self.frame_uid and region.frame_uid and self.frame_uid != region.frame_uid)

    def _draw(self, region: Region, meaning: Meaning, name: str, sha256: str, grid: Geometry) -> None:
        try:
            drawing: Drawing = region.draw(grid)
        except (ContourError, *HEADER_FAULTS) as error:
            reason = str(error) if isinstance(error, ContourError) else "parts of it are missing in the file"
            self._fail(meaning, "contour-broken", f"`{name}` cannot be drawn: {reason}")
            return
        self.verdicts += drawing.verdicts
        if not drawing.mask.any():
            message = f"`{name}` is empty on the CT: it has no contour, or lies outside the field of view"
            self._fail(meaning, "contour-empty", message)
            return
        source = Source(SourceKind.CONTOUR, name, sha256)
        role = meaning.role
        if role != "ignored":
            self.contours.append(
                Contour(role, name, meaning.structure, meaning.station, meaning.laterality, drawing.mask, source)
            )

    def _fail(self, meaning: Meaning, code: str, message: str) -> None:
        """A contour that should have counted: an error where a tumor or node is lost."""
        severity = Severity.WARNING if meaning.role == "structure" else Severity.ERROR
        self.verdicts.append(remark(code, message, severity))
        self.failed.append(message)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Files, folders opened."""
    files: list[Path] = []
    for number, path in enumerate(paths, start=1):
        if path.is_dir():
            inner = sorted(item for item in path.rglob("*") if item.is_file() and not item.name.startswith("."))
            files += [item for item in inner if item.suffix not in (".json", ".csv", ".txt")]
        elif path.is_file():
            files.append(path)
        else:
            raise ContourError(f"contour file {number} of {len(paths)} does not exist; check the path")
    if paths and not files:
        raise ContourError("the folder of contours is empty; expected DICOM SEG, RTSTRUCT, NIfTI, MHA or NRRD files")
    return files


def _read_file(path: Path, where: str) -> ContourFile:
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ContourError(f"{where} cannot be opened ({error.strerror}); expected a readable file") from error
    if is_label_map(path):
        return read_label_map(path, sha256, where)
    dataset = _dataset(path, where)
    kind = text(dataset, "SOPClassUID") or text(getattr(dataset, "file_meta", Dataset()), "MediaStorageSOPClassUID")
    try:
        if kind in SEG_CLASSES:
            return read_seg(dataset, sha256, where)
        if kind == RTSTRUCT_CLASS:
            return read_rtstruct(dataset, sha256, where)
    except HEADER_FAULTS as error:
        raise ContourError(
            f"{where} lacks parts that every SEG or RTSTRUCT has; expected a complete file; it may be cut off, copy or "
            "export it again"
        ) from error
    raise ContourError(
        f"{where} is a DICOM object of modality {text(dataset, 'Modality') or 'unknown'}; expected SEG or RTSTRUCT"
    )


def _dataset(path: Path, where: str) -> Dataset:
    try:
        with quietly():
            dataset = pydicom.dcmread(path)
            _parse(dataset)
            return dataset
    except HEADER_FAULTS as error:
        raise ContourError(
            f"{where} cannot be read; expected DICOM SEG or RTSTRUCT, or a label map ({', '.join(SUFFIXES)}); the file "
            "may be cut off, copy it again"
        ) from error


def _parse(dataset: Dataset) -> None:
    """Read every lazy value now, so that a file that was cut off fails here; coordinates and pixels stay bytes."""
    for tag in dataset.keys() - BULKY:
        element = dataset[tag]
        for item in element.value if element.VR == "SQ" else ():
            _parse(item)


def _check_owner(owner: Owner, identity: PatientIdentity | None, where: str) -> None:
    """Contours of another patient stop the case."""
    if identity is None or not identity.patient_id or not owner.patient_id:
        return
    same_issuer = not identity.issuer or not owner.issuer or identity.issuer == owner.issuer
    if owner.patient_id != identity.patient_id or not same_issuer:
        raise IdentityError(
            f"{where} belongs to another patient than the CT (PatientID or its issuer differ); expected contours of "
            "the same patient; check which files were given"
        )


def _other_series(owner: Owner, series_uid: str | None, where: str) -> list[Verdict]:
    if not series_uid or not owner.series_uids or series_uid in owner.series_uids:
        return []
    message = (
        f"{where} was drawn on another series than the CT that is staged; its position follows the patient's space"
    )
    return [remark("contour-other-series", message)]


def _nothing_usable(collected: _Collection) -> str:
    parts = list(collected.failed[:NAMED_AT_MOST])
    if collected.unmatched:
        listed = ", ".join(f"`{name}`" for name in collected.unmatched[:NAMED_AT_MOST])
        parts.append(f"{len(collected.unmatched)} names are not known ({listed}); give a mapping file")
    if collected.ignored:
        listed = ", ".join(f"`{name}`" for name in collected.ignored[:NAMED_AT_MOST])
        parts.append(f"{len(collected.ignored)} are no tumor, node or structure ({listed})")
    return "none of the contours can be used: " + "; ".join(parts or ["the files hold none"])


def _without_counted_stations(contours: list[Contour], verdicts: list[Verdict]) -> list[Contour]:
    """LN5, LN6, LN7 beside LN1, LN2: nodes that somebody counted, not stations."""
    counted = [contour for contour in contours if contour.role == "node" and re.search(r"\D\d{1,2}$", contour.name)]
    if not any(contour.station is None for contour in counted):
        return contours
    stationed = [contour for contour in counted if contour.station in ("5", "6", "7")]
    if stationed:
        listed = ", ".join(f"`{contour.name}`" for contour in stationed)
        message = f"{listed}: nodes seem to be counted in these files, so the number was not taken for a station"
        verdicts.append(remark("contour-station-unclear", message))
    return [dataclasses.replace(item, station=None) if item in stationed else item for item in contours]


def _without_repeats(contours: list[Contour], verdicts: list[Verdict]) -> list[Contour]:
    """One lesion drawn twice (on CT and on PET, say) counts once: the first one given stays."""
    kept: list[tuple[Contour, _Extent]] = []
    for contour in contours:
        extent = _extent(contour.mask)
        twin = next((other for other, other_extent in kept if _same(contour, extent, other, other_extent)), None)
        if twin is None:
            kept.append((contour, extent))
        else:
            message = f"`{contour.name}` shows the same {contour.structure or contour.role} as `{twin.name}`; not used"
            verdicts.append(remark("contour-drawn-twice", message))
    return [contour for contour, _ in kept]


@dataclass(frozen=True)
class _Extent:
    """Where a mask begins and ends along z, y, x, and its voxels."""

    low: np.ndarray
    high: np.ndarray
    voxels: int


def _extent(mask: np.ndarray) -> _Extent:
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    slab = mask[slices[0] : slices[-1] + 1]
    plane = np.asarray(slab.any(axis=0))
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    low = np.array([slices[0], rows[0], columns[0]])
    return _Extent(low, np.array([slices[-1], rows[-1], columns[-1]]) + 1, int(np.count_nonzero(slab)))


def _same(contour: Contour, extent: _Extent, other: Contour, other_extent: _Extent) -> bool:
    if contour.role != other.role:
        return False
    if contour.role == "structure":
        return contour.structure == other.structure
    low, high = np.maximum(extent.low, other_extent.low), np.minimum(extent.high, other_extent.high)
    if (high <= low).any():
        return False
    box = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    common = int(np.count_nonzero(contour.mask[box] & other.mask[box]))
    return common > SAME_LESION * min(extent.voxels, other_extent.voxels)
