"""Regions of a label map: NIfTI, MHA, NRRD. Names come from the file's header or from a table beside it."""

from __future__ import annotations

import csv
import gzip
import json
import re
import struct
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from mdt_dicom.drawn import ContourFile, Drawing, Owner, Region, remark
from mdt_dicom.names import structure_codes
from mdt_dicom.nifti import is_nifti, read_nifti
from mdt_dicom.roles import Meaning, read_name
from oncology.errors import ContourError, ImageError
from oncology.findings import Severity
from oncology.imaging.volume import Geometry, Volume, read_volume, resample

SUFFIXES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd")
NIFTI_HEADER_END = 348
MOST_LABELS = 512
_NIFTI_LABEL = re.compile(r'<Label[^>]*\bKey="(\d+)"[^>]*>\s*(?:<!\[CDATA\[)?([^<\]]+)')
UNNAMED = Meaning("tumor", reason="since it is the only label and nothing names it")


def is_label_map(path: Path) -> bool:
    """True for a file named as an image that SimpleITK reads."""
    return path.name.lower().endswith(SUFFIXES)


def read_label_map(path: Path, sha256: str, where: str) -> ContourFile:
    """The labels of an image of whole numbers.

    Raises:
        ContourError: unreadable, not whole numbers, empty, or several labels without names.
    """
    volume = _volume(path, where)
    boxes = {label: box for label, box in enumerate(ndimage.find_objects(volume.array), start=1) if box is not None}
    labels = list(boxes)
    if not labels or len(labels) > MOST_LABELS:
        raise ContourError(f"{where} is a label map of {len(labels)} labels; expected between 1 and {MOST_LABELS}")
    names, verdicts = _names(path, where), []
    if not names and len(labels) == 1 and (stem := _named_stem(path)):
        names[labels[0]] = stem
        verdicts.append(
            remark("contour-named-by-file", f"{where} was read as `{stem}` by its file name", Severity.INFO)
        )
    regions = []
    for label in labels:
        name = names.get(label, "")
        hint = UNNAMED if not name and len(labels) == 1 else None
        regions.append(
            Region(name, label, None, hint, partial(_draw, volume, label, boxes[label], name or f"label {label}"))
        )
    return ContourFile(tuple(regions), Owner(), sha256, tuple(verdicts))


def _volume(path: Path, where: str) -> Volume:
    """The label map as uint16."""
    try:
        volume = read_nifti(path)[0] if is_nifti(path) else read_volume(path)
    except ImageError as error:
        raise ContourError(f"{where}: {error}") from error
    values = np.ascontiguousarray(volume.array)
    low, high = float(values.min()), float(values.max())
    labels = values.astype(np.uint16) if low >= 0 and high <= np.iinfo(np.uint16).max else None
    if labels is None or not np.array_equal(labels, values):
        raise ContourError(
            f"{where} has values from {low:g} to {high:g}, not all of them whole; expected a label map with whole "
            "numbers from 0; give the mask, not the image"
        )
    return Volume(labels, volume.geometry)


def _draw(volume: Volume, label: int, box: tuple[slice, ...], name: str, grid: Geometry) -> Drawing:
    """One label on the grid; `box` is the part of the label map that holds it."""
    mask = np.zeros(volume.geometry.shape, bool)
    mask[box] = volume.array[box] == label
    if volume.geometry.same_grid(grid):
        return Drawing(mask)
    resampled = resample(Volume(mask, volume.geometry), grid, linear=False, fill=0).array
    message = f"`{name}` was drawn on another grid than the CT's; resampled by nearest neighbor"
    return Drawing(resampled, (remark("contour-resampled", message, Severity.INFO),))


def _named_stem(path: Path) -> str:
    """The file's name where it is nothing but a known name (aorta.nii.gz, GTVp.nii.gz); else empty.

    Other file names are not repeated anywhere: they may name the patient.
    """
    stem = _stem(path)
    known = stem in structure_codes() or (
        read_name(stem) is not None and re.fullmatch(r"[A-Za-z]{0,6}[ _-]?\w{1,8}", stem)
    )
    return stem if known else ""


def _stem(path: Path) -> str:
    suffix = next(ending for ending in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(ending))
    return path.name[: -len(suffix)]


def _names(path: Path, where: str) -> dict[int, str]:
    """Label names: from a table beside the file, else from the file's own header."""
    stem = _stem(path)
    for file_name in (f"{stem}.csv", f"{stem}.json", "labels.csv", "labels.json", "dataset.json"):
        table = path.with_name(file_name)
        if table.is_file():
            return _read_table(table, where)
    return _nifti_names(path) if is_nifti(path) else _header_names(path)


def _read_table(path: Path, where: str) -> dict[int, str]:
    """`id,name` rows; or JSON {"1": "tumor"}, {"tumor": 1}, either also under "labels" (as nnU-Net writes)."""
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            return {int(row["id"]): row["name"].strip() for row in rows}
        content = json.loads(path.read_text(encoding="utf-8"))
        return _pairs(content.get("labels", content))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContourError(
            f"the table of label names beside {where} is not understood; expected CSV with columns id and name, or "
            'JSON such as {"1": "tumor"}'
        ) from error


def _pairs(table: dict[str, Any]) -> dict[int, str]:
    """Numbers to names, whichever of the two is the key."""
    by_number = all(str(key).isdigit() for key in table)
    pairs = table.items() if by_number else ((value, key) for key, value in table.items())
    return {int(number): str(name).strip() for number, name in pairs if int(number) != 0}


def _nifti_names(path: Path) -> dict[int, str]:
    """Names in the label table of a NIfTI header extension, as TotalSegmentator writes it."""
    with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as stream:
        header = stream.read(NIFTI_HEADER_END)
        order = "<" if struct.unpack_from("<i", header)[0] == NIFTI_HEADER_END else ">"
        data_start = struct.unpack_from(f"{order}f", header, 108)[0]
        extension = stream.read(max(0, int(data_start) - NIFTI_HEADER_END))
    found = _NIFTI_LABEL.findall(extension.decode("utf-8", "replace"))
    return {int(key): name.strip() for key, name in found}


def _header_names(path: Path) -> dict[int, str]:
    """Names in the header of a segmentation of 3D Slicer (Segment0_Name, Segment0_LabelValue)."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    names = {}
    for key in reader.GetMetaDataKeys():
        match = re.fullmatch(r"(Segment\d+)_Name", key)
        if match and reader.HasMetaDataKey(f"{match.group(1)}_LabelValue"):
            names[int(reader.GetMetaData(f"{match.group(1)}_LabelValue"))] = reader.GetMetaData(key).strip()
    return names
