"""From pixel bytes to values: Hounsfield units for CT, SUV for PET.

Uncompressed pixels go from the file straight into the volume; everything else is decoded by pydicom's plug-ins
(GDCM, OpenJPEG, CharLS, RLE). Source: DICOM PS3.5 section 8, PS3.3 C.7.5.1.1.2 (padding), C.11.1 (rescale).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pydicom
from pydicom.pixels import iter_pixels
from pydicom.uid import UID, RLELossless

from mdt_dicom.frames import Frame
from mdt_dicom.header import HEADER_FAULTS, integer, number
from mdt_dicom.lean import Instance
from oncology.errors import ImageError
from oncology.imaging.volume import Geometry

AIR_HU = -1024
# Padding above this would overwrite tissue: then the header is wrong, not the voxel.
PADDING_BELOW_HU = -900.0
INT16 = np.iinfo(np.int16)
# pylibjpeg-rle aborts with a panic on damaged data, which is no exception that can be caught.
SAFE_PLUGINS = {str(RLELossless): "pydicom"}
# What pydicom and its plug-ins raise on pixels that cannot be decoded.
DECODING_FAULTS = (*HEADER_FAULTS, RuntimeError, IndexError, MemoryError)


def read_stored(frames: Sequence[Frame]) -> np.ndarray:
    """(Z, Y, X) stored values of these planes, as pydicom's `pixel_array` gives them, in the order given.

    Raises:
        ImageError: a file is cut off, or cannot be decoded.
    """
    dtypes = {_dtype(frame) for frame in frames}
    dtype = dtypes.pop() if len(dtypes) == 1 else np.dtype(np.int32)
    stored = np.empty((len(frames), frames[0].rows, frames[0].columns), dtype)
    by_file: dict[Instance, list[int]] = defaultdict(list)
    for place, frame in enumerate(frames):
        by_file[frame.instance].append(place)
    for instance, places in by_file.items():
        if _is_plain(instance) and _dtype(frames[places[0]]) == dtype:
            _read_plain(instance, [frames[place].index for place in places], [stored[place] for place in places])
            _drop_unused_bits([stored[place] for place in places], frames[places[0]])
        else:
            for place, plane in zip(places, _decode(instance, [frames[place].index for place in places]), strict=True):
                if plane.shape != stored.shape[1:]:
                    raise _cut_off(instance)
                stored[place] = plane
    return stored


def _dtype(frame: Frame) -> np.dtype:
    signed = "i" if integer(frame.header, "PixelRepresentation") else "u"
    return np.dtype(f"<{signed}{integer(frame.header, 'BitsAllocated') // 8}")


def _is_plain(instance: Instance) -> bool:
    """True for uncompressed little endian pixels at a known place."""
    return instance.pixel_offset is not None and not instance.is_encapsulated


def _read_plain(instance: Instance, indices: Sequence[int], planes: Sequence[np.ndarray]) -> None:
    """Frames of one file, each into its (Y, X) plane of the volume."""
    try:
        with instance.path.open("rb", buffering=0) as stream:
            for index, plane in zip(indices, planes, strict=True):
                stream.seek((instance.pixel_offset or 0) + index * plane.nbytes)
                if stream.readinto(plane.data.cast("B")) != plane.nbytes:
                    raise _cut_off(instance)
    except OSError:
        # Not chained: the system's message quotes the path, which may name the patient.
        raise ImageError(f"{instance.where} cannot be read any more; expected it to stay while reading") from None


def _drop_unused_bits(planes: Sequence[np.ndarray], frame: Frame) -> None:
    """Bits above BitsStored may hold anything (PS3.5 8.1.1): shift them out, keeping the sign."""
    unused = integer(frame.header, "BitsAllocated") - integer(frame.header, "BitsStored")
    if unused > 0:
        for plane in planes:
            np.left_shift(plane, unused, out=plane)
            np.right_shift(plane, unused, out=plane)


def _decode(instance: Instance, indices: Sequence[int]) -> Iterator[np.ndarray]:
    """Frames of one compressed, deflated or big-endian file."""
    try:
        dataset = pydicom.dcmread(instance.path, force=True)
        if "PixelData" not in dataset:
            raise _cut_off(instance)
        found = 0
        plugin = SAFE_PLUGINS.get(instance.transfer_syntax, "")
        for plane in iter_pixels(dataset, indices=list(indices), raw=True, decoding_plugin=plugin):
            found += 1
            yield plane
        if found < len(indices):
            raise _cut_off(instance)
    except DECODING_FAULTS:
        name = UID(instance.transfer_syntax).name
        raise ImageError(
            f"{instance.where}: pixels in {name} cannot be decoded; expected complete data in a transfer syntax of "
            "DICOM PS3.5; copy the file again, or export it uncompressed"
        ) from None


def _cut_off(instance: Instance) -> ImageError:
    return ImageError(
        f"{instance.where} ends before its pixels do; expected a complete file; it was cut off: copy or export it again"
    )


def rescale_of(frames: Sequence[Frame]) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept of each plane.

    Raises:
        ImageError: missing, not finite, or a slope of zero.
    """
    for frame in frames:
        _checked(frame.slope, "RescaleSlope (0028,1053)", frame)
        _checked(frame.intercept, "RescaleIntercept (0028,1052)", frame)
        if frame.slope == 0:
            raise ImageError(f"RescaleSlope (0028,1053) is 0 in {frame.where}; expected another; re-export the series")
    return np.array([frame.slope for frame in frames]), np.array([frame.intercept for frame in frames])


def _checked(value: float | None, name: str, frame: Frame) -> None:
    if value is None:
        raise ImageError(
            f"{name} is missing in {frame.where}; expected it in every slice: without it stored values have no unit; "
            "export the original series"
        )
    if not np.isfinite(value):
        raise ImageError(f"{name} is no finite number in {frame.where}; expected one; re-export the series")


def to_hounsfield(stored: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
    """HU of stored values (Z, Y, X), in place where it can be: int16 when whole and within range, else float32."""
    whole = bool((slopes == np.rint(slopes)).all() and (intercepts == np.rint(intercepts)).all())
    low, high = stored.min(axis=(1, 2)).astype(float), stored.max(axis=(1, 2)).astype(float)
    ends = np.stack([low * slopes + intercepts, high * slopes + intercepts])
    if not whole or ends.min() < INT16.min or ends.max() > INT16.max:
        return _rescaled(stored, slopes, intercepts, np.float32)
    if stored.dtype.itemsize == 2 and (slopes == 1).all():
        values = stored.view(np.int16)  # modulo 65536 the sum is right, and it fits
        np.add(values, intercepts.astype(np.int16)[:, None, None], out=values)
        return values
    return _rescaled(stored, slopes, intercepts, np.int16)


def to_suv(stored: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray, factor: float) -> np.ndarray:
    """SUVbw (Z, Y, X) float32."""
    return _rescaled(stored, slopes * factor, intercepts * factor, np.float32)


def _rescaled(stored: np.ndarray, slopes: np.ndarray, intercepts: np.ndarray, dtype: type) -> np.ndarray:
    """Slice by slice in double precision, so that only the result is rounded."""
    values: np.ndarray = np.empty(stored.shape, dtype)
    for plane, source, slope, intercept in zip(values, stored, slopes, intercepts, strict=True):
        plane[...] = source * float(slope) + float(intercept)
    return values


def padding_of(frame: Frame) -> tuple[float, float] | None:
    """The range of stored values that are padding, (low, high); None without."""
    first = number(frame.header, "PixelPaddingValue")
    if first is None or not np.isfinite(first):
        return None
    last = number(frame.header, "PixelPaddingRangeLimit")
    ends = sorted((first, first if last is None or not np.isfinite(last) else last))
    if integer(frame.header, "PixelRepresentation"):  # some write the signed value with an unsigned VR
        bits = integer(frame.header, "BitsAllocated")
        ends = sorted(end - 2.0**bits if end >= 2.0 ** (bits - 1) else end for end in ends)
    return ends[0], ends[1]


def fill_padding(values: np.ndarray, frames: Sequence[Frame], slopes: np.ndarray, intercepts: np.ndarray) -> int:
    """Set padding to air, in place; how many slices name a padding among tissue values, which was left alone."""
    left_alone = 0
    for plane, frame, slope, intercept in zip(values, frames, slopes, intercepts, strict=True):
        padding = padding_of(frame)
        if padding is None:
            continue
        low, high = sorted((padding[0] * slope + intercept, padding[1] * slope + intercept))
        if high > PADDING_BELOW_HU or low < INT16.min:
            left_alone += 1
        elif low == high:
            plane[plane == plane.dtype.type(low)] = AIR_HU
        else:
            plane[(plane >= low) & (plane <= high)] = AIR_HU
    return left_alone


def content_sha256(array: np.ndarray, geometry: Geometry, uids: Sequence[str]) -> str:
    """Hash of values in z order, of where they lie and of what they are called."""
    digest = hashlib.sha256()
    numbers = np.array([*geometry.spacing_mm, *geometry.origin_lps, *np.ravel(geometry.direction)])
    digest.update(f"{array.dtype.str} {array.shape} {np.round(numbers, 4).tolist()} {list(uids)}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
