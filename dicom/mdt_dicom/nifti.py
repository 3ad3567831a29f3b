"""NIfTI-1 files: what the header must say before left and right can be believed.

The header is read here, not by a library that would repair it in silence. Source: the NIfTI-1 data format standard
(nifti1.h, R. W. Cox et al. 2004); its world is RAS, ours LPS.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdt_dicom.geometry import COSINE_TOLERANCE
from oncology.errors import GeometryError, ImageError
from oncology.imaging.volume import Geometry, Volume

HEADER_BYTES = 348
SUFFIXES = (".nii", ".nii.gz")
MILLIMETERS = 2
UNITS = {1: "meters", 2: "millimeters", 3: "micrometers"}
DTYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
MIN_SLICES = 8
# Both transforms must put every corner at the same place, within this part of a voxel.
AGREEMENT_VOXELS = 0.5
REMEDY = "convert the DICOM series again"


@dataclass(frozen=True)
class NiftiHeader:
    """The fields that matter, named as in nifti1.h.

    Attributes:
        order: "<" or ">".
        shape_xyz: voxels along x, y, z.
        qform, sform: (4, 4) index (x, y, z) to RAS mm; None when their code is 0.
        slope, intercept: from stored to true values.
    """

    order: str
    shape_xyz: tuple[int, int, int]
    pixdim: tuple[float, float, float]
    datatype: int
    offset: int
    slope: float
    intercept: float
    units: int
    qform: np.ndarray | None
    sform: np.ndarray | None


def is_nifti(path: Path) -> bool:
    """True for a file named as NIfTI."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def read_nifti(path: Path) -> tuple[Volume, bool]:
    """The volume with its true values, and whether its header states millimeters.

    Raises:
        ImageError: unreadable, cut off, not three-dimensional, not numbers.
        GeometryError: no orientation, contradicting orientations, broken spacing or unit.
    """
    content = _content(path)
    header = _header(content)
    geometry = _geometry(header)
    stored = _stored(content, header)
    return Volume(_true_values(stored, header), geometry), header.units == MILLIMETERS


def _content(path: Path) -> bytes:
    """All bytes, unpacked. Messages do not name the file: it may carry the patient's name."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ImageError("the NIfTI file ends early or is damaged; expected whole gzip data; copy it again") from None
    except OSError:
        raise ImageError("the NIfTI file cannot be read; expected a readable file; check its permissions") from None


def _header(content: bytes) -> NiftiHeader:
    """Parse the 348 bytes; the byte order shows in their first field."""
    if len(content) < HEADER_BYTES:
        raise ImageError(f"the NIfTI file has {len(content)} bytes; expected a header of {HEADER_BYTES}; copy it again")
    order = next((sign for sign in "<>" if struct.unpack_from(f"{sign}i", content)[0] == HEADER_BYTES), "")
    if not order or content[344:348] != b"n+1\0":
        raise ImageError("the file is no NIfTI-1 image in one file; expected .nii or .nii.gz (n+1); convert it")
    dim = struct.unpack_from(f"{order}8h", content, 40)
    pixdim = struct.unpack_from(f"{order}8f", content, 76)
    offset, slope, intercept = struct.unpack_from(f"{order}3f", content, 108)
    codes = struct.unpack_from(f"{order}2h", content, 252)
    quaternion = struct.unpack_from(f"{order}6f", content, 256)
    rows = np.array(struct.unpack_from(f"{order}12f", content, 280), float).reshape(3, 4)
    shape, spacing = _three_dimensions(dim), _spacing(pixdim)
    return NiftiHeader(
        order,
        shape,
        spacing,
        struct.unpack_from(f"{order}h", content, 70)[0],
        int(offset) if np.isfinite(offset) else 0,
        slope,
        intercept,
        content[123] & 7,
        _from_quaternion(quaternion, spacing, pixdim[0]) if codes[0] > 0 else None,
        np.vstack([rows, [0, 0, 0, 1]]) if codes[1] > 0 else None,
    )


def _three_dimensions(dim: tuple[int, ...]) -> tuple[int, int, int]:
    counts = dim[1 : 1 + max(0, min(dim[0], 7))]
    if len(counts) < 3 or any(count > 1 for count in counts[3:]):
        raise ImageError(
            f"the NIfTI file has {len(counts)} dimensions ({' x '.join(map(str, counts))}); expected one 3D volume; "
            "extract the volume to stage"
        )
    if min(counts[:2]) < 2 or counts[2] < MIN_SLICES:
        raise ImageError(
            f"the NIfTI file has {' x '.join(map(str, counts[:3]))} voxels; expected at least {MIN_SLICES} slices; "
            "give the whole volume"
        )
    return counts[0], counts[1], counts[2]


def _spacing(pixdim: tuple[float, ...]) -> tuple[float, float, float]:
    spacing = pixdim[1:4]
    if not all(np.isfinite(value) and value > 0 for value in spacing):
        raise GeometryError(f"voxel size (pixdim) is {_mm(spacing)}; expected three numbers above 0; {REMEDY}")
    return spacing[0], spacing[1], spacing[2]


def _from_quaternion(quaternion: tuple[float, ...], spacing: tuple[float, float, float], qfac: float) -> np.ndarray:
    """(4, 4) by method 2 of nifti1.h."""
    b, c, d = quaternion[:3]
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    rotation[:, 2] *= -1.0 if qfac < 0 else 1.0
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array(spacing)
    matrix[:3, 3] = quaternion[3:]
    return matrix


def _geometry(header: NiftiHeader) -> Geometry:
    """LPS geometry by the sform, else by the qform, which must agree where both are given."""
    if header.units not in (0, MILLIMETERS):
        raise GeometryError(
            f"the NIfTI file states {UNITS.get(header.units, 'an unknown unit')}; expected millimeters; {REMEDY}"
        )
    matrix = header.sform if header.sform is not None else header.qform
    if matrix is None:
        raise GeometryError(
            "the NIfTI file has neither qform nor sform (both codes are 0); expected one: without it left and right "
            f"are unknown; {REMEDY}"
        )
    if not np.isfinite(matrix).all():
        raise GeometryError(f"the orientation of the NIfTI file holds values that are not finite; {REMEDY}")
    if header.sform is not None and header.qform is not None:
        _check_agreement(header.sform, header.qform, header)
    axes = matrix[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if lengths.min() <= 0 or np.abs(lengths / np.array(header.pixdim) - 1).max() > COSINE_TOLERANCE:
        raise GeometryError(
            f"the orientation says voxels of {_mm(lengths)}, pixdim says {_mm(header.pixdim)}; expected the same; "
            f"{REMEDY}"
        )
    cosines = axes / lengths
    skew = np.abs(cosines.T @ cosines - np.eye(3)).max()
    if skew > COSINE_TOLERANCE:
        raise GeometryError(
            f"the axes of the NIfTI file are {np.degrees(np.arcsin(min(1.0, skew))):.1f} degrees off right angles "
            "(shear, as from a tilted gantry); expected right angles; resample it first"
        )
    return _lps_geometry(header.shape_xyz, lengths, cosines, matrix[:3, 3])


def _lps_geometry(
    shape_xyz: tuple[int, int, int], lengths: np.ndarray, cosines: np.ndarray, origin: np.ndarray
) -> Geometry:
    """RAS axes and origin turned to LPS; arrays are (z, y, x)."""
    turn = np.array([-1.0, -1.0, 1.0])
    direction, place = cosines * turn[:, None], origin * turn
    return Geometry(
        (shape_xyz[2], shape_xyz[1], shape_xyz[0]),
        (float(lengths[2]), float(lengths[1]), float(lengths[0])),
        (float(place[0]), float(place[1]), float(place[2])),
        tuple((float(row[0]), float(row[1]), float(row[2])) for row in direction),
    )


def _check_agreement(sform: np.ndarray, qform: np.ndarray, header: NiftiHeader) -> None:
    """Readers differ in which of the two they take; a file that reads differently is not safe to stage."""
    last = np.array(header.shape_xyz) - 1
    corners = np.array([(x, y, z, 1) for x in (0, last[0]) for y in (0, last[1]) for z in (0, last[2])], float)
    apart = np.linalg.norm(corners @ (sform - qform).T, axis=1).max()
    if apart > AGREEMENT_VOXELS * min(header.pixdim):
        raise GeometryError(
            f"sform and qform of the NIfTI file put a corner {apart:.1f} mm apart; expected both to agree: sides could "
            f"be exchanged; {REMEDY}"
        )


def _stored(content: bytes, header: NiftiHeader) -> np.ndarray:
    """(Z, Y, X) values as stored."""
    if header.datatype not in DTYPES:
        raise ImageError(
            f"the NIfTI file has data type {header.datatype} (color, complex or bits); expected whole or real numbers; "
            f"{REMEDY}"
        )
    dtype = np.dtype(f"{header.order}{DTYPES[header.datatype]}")
    start = max(header.offset, HEADER_BYTES)
    expected = int(np.prod(header.shape_xyz, dtype=np.int64)) * dtype.itemsize
    if len(content) - start < expected:
        raise ImageError(
            f"the NIfTI file holds {len(content) - start} of {expected} bytes of voxels; expected a complete file; "
            "copy it again"
        )
    values = np.frombuffer(content, dtype, expected // dtype.itemsize, start)
    return values.reshape(header.shape_xyz[::-1])


def _true_values(stored: np.ndarray, header: NiftiHeader) -> np.ndarray:
    """A copy in native byte order: int16 where whole and within range, else float32."""
    slope, intercept = header.slope, header.intercept
    scaled = np.isfinite(slope) and slope != 0 and (slope, intercept) != (1.0, 0.0)
    values = stored * float(slope) + float(intercept) if scaled else stored
    small = np.iinfo(np.int16)
    fits = bool(np.isfinite(values).all()) and values.min() >= small.min and values.max() <= small.max
    if fits and (values.dtype.kind in "iu" or bool((values == np.rint(values)).all())):
        return values.astype(np.int16)
    return values.astype(np.float32)


def _mm(values: object) -> str:
    return " x ".join(f"{value:.3g}" for value in np.asarray(values)) + " mm"
