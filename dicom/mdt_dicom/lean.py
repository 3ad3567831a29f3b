"""A lean look at many files: each header read once, pixels left where they lie.

A folder is walked once. Of every DICOM file the header stays, together with the place of its pixel bytes, so that
the pixels of the one series that is chosen go straight from the file into the volume and no byte is read twice.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mdt_dicom.header import HEADER_FAULTS, text
from mdt_dicom.tags import KEPT
from oncology.errors import ImageError

PREAMBLE_BYTES = 128
DIRECTORY_CLASS = "1.2.840.10008.1.3.10"  # DICOMDIR, PS3.4 annex B
UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_DATA = (0x7FE0, 0x0010)


@dataclass(frozen=True, eq=False)
class Instance:
    """One DICOM file.

    Attributes:
        label: "file 17 of 60", for messages: names of files and folders may name the patient.
        header: everything but the pixels.
        pixel_offset: where the value of PixelData starts; None where it cannot be addressed (deflated, big endian).
        pixel_length: what PixelData says; UNDEFINED_LENGTH when compressed; 0 without PixelData.
        available_bytes: what the file holds from `pixel_offset` on.
    """

    path: Path = field(repr=False)
    label: str
    header: Dataset = field(repr=False)
    transfer_syntax: str
    pixel_offset: int | None
    pixel_length: int
    available_bytes: int

    @property
    def sop_class(self) -> str:
        """SOPClassUID, from the file meta group where the data set leaves it empty."""
        meta = getattr(self.header, "file_meta", None)
        return text(self.header, "SOPClassUID") or (text(meta, "MediaStorageSOPClassUID") if meta else "")

    @property
    def syntax_is_addressable(self) -> bool:
        """True when pixels lie at a place in the file; not when the whole data set is deflated or big endian."""
        return self.transfer_syntax not in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)

    @property
    def is_encapsulated(self) -> bool:
        """True for compressed pixels."""
        return self.pixel_length == UNDEFINED_LENGTH

    @property
    def where(self) -> str:
        """File and object, for messages."""
        uid = text(self.header, "SOPInstanceUID")
        return f"{self.label} (SOPInstanceUID {uid})" if uid else self.label


@dataclass(frozen=True)
class Scan:
    """What lies in a folder.

    Attributes:
        foreign: files that are no DICOM at all.
        damaged: labels of files that start as DICOM and cannot be read.
        missing: files that a DICOMDIR names and that are not there.
    """

    instances: tuple[Instance, ...]
    foreign: int = 0
    damaged: tuple[str, ...] = ()
    missing: int = 0


def scan_path(path: Path) -> Scan:
    """Read the headers of a folder (with all below it), of what a DICOMDIR names, or of one file.

    Raises:
        ImageError: nothing lies there.
    """
    if not path.exists():
        raise ImageError("the path does not exist; expected a DICOM folder, a DICOM file or NIfTI; check it")
    if path.is_dir():
        return _scan_files(_walk(path))
    if path.name.upper() == "DICOMDIR":
        files, missing = _directory_files(path)
        scan = _scan_files(files)
        return Scan(scan.instances, scan.foreign, scan.damaged, missing)
    return _scan_files([path])


def _walk(folder: Path) -> list[Path]:
    """Every file below, sorted by path; hidden files and folders are left out."""
    found: list[Path] = []
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(base, name) for name in sorted(files) if not name.startswith(".")]
    return found


def _directory_files(path: Path) -> tuple[list[Path], int]:
    """The files that a DICOMDIR names and that exist, and how many do not."""
    try:
        records = pydicom.dcmread(path).get("DirectoryRecordSequence") or []
        named = [item.get("ReferencedFileID") for item in records if item.get("ReferencedFileID")]
    except HEADER_FAULTS:
        raise ImageError("the DICOMDIR cannot be read; expected a media directory; give its folder instead") from None
    paths = [path.parent.joinpath(*([name] if isinstance(name, str) else name)) for name in named]
    present = [item for item in paths if item.is_file()]
    return present, len(paths) - len(present)


def _scan_files(files: Sequence[Path]) -> Scan:
    instances: list[Instance] = []
    damaged: list[str] = []
    foreign = missing = 0
    for index, path in enumerate(files, start=1):
        label = f"file {index} of {len(files)}"
        try:
            instance = _scan_file(path, label)
        except HEADER_FAULTS:
            damaged.append(label)
            continue
        if instance is None:
            foreign += 1
        elif instance.sop_class == DIRECTORY_CLASS:
            missing += _directory_files(path)[1]
        else:
            instances.append(instance)
    return Scan(tuple(instances), foreign, tuple(damaged), missing)


def _scan_file(path: Path, label: str) -> Instance | None:
    """Header and place of the pixels; None when the file is no DICOM."""
    with path.open("rb") as stream:
        kind = _kind(stream)
        if kind == "foreign":
            return None
        stream.seek(0)
        try:
            header = pydicom.dcmread(stream, stop_before_pixels=True, force=kind == "bare", specific_tags=KEPT)
        except HEADER_FAULTS:
            if kind == "bare":
                return None  # it only looked like DICOM without a preamble
            raise
        if kind == "bare" and not (header.get("SOPClassUID") or header.get("Modality")):
            return None
        return _located(stream, path, label, header)


def _kind(stream: BinaryIO) -> str:
    """`part10` (preamble and DICM), `bare` (starts with a tag of group 2 or 8, as old archives do) or `foreign`."""
    start = stream.read(PREAMBLE_BYTES + 4)
    if start[PREAMBLE_BYTES:] == b"DICM":
        return "part10"
    looks_bare = len(start) > 8 and struct.unpack("<H", start[:2])[0] in (0x0002, 0x0008) and start[3] == 0
    return "bare" if looks_bare else "foreign"


def _located(stream: BinaryIO, path: Path, label: str, header: Dataset) -> Instance:
    """pydicom stops in front of the pixel element; read its tag and length there (PS3.5 section 7.1)."""
    syntax = _transfer_syntax(header)
    offset: int | None = None
    length = available = 0
    if syntax not in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
        start = stream.read(12)
        size = os.fstat(stream.fileno()).st_size
        explicit = syntax != ImplicitVRLittleEndian
        if len(start) == 12 and struct.unpack("<HH", start[:4]) == PIXEL_DATA:
            (length,) = struct.unpack("<I", start[8:12] if explicit else start[4:8])
            offset = stream.tell() - (0 if explicit else 4)
            available = size - offset
    return Instance(path, label, header, syntax, offset, length, available)


def _transfer_syntax(header: Dataset) -> str:
    """The syntax of the file meta group; without one, what pydicom recognized."""
    meta = getattr(header, "file_meta", None)
    named = text(meta, "TransferSyntaxUID") if meta else ""
    if named:
        return named
    implicit = header.original_encoding[0]
    return str(ImplicitVRLittleEndian if implicit is not False else ExplicitVRLittleEndian)
