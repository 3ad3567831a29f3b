"""Reading a CT of 400 slices: intake against a plain pydicom loop and SimpleITK's series reader, in one run.

Intake does more than the others (it sorts by position, checks every slice, hashes the content) and must give the
same values. All read the same files, warm in the cache; the rounds are interleaved, medians are compared.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from mdt_dicom.intake import read_study

SLICES, SIZE, ROUNDS = 400, 512, 5
# A scanner's header has 100 to 300 elements; these stand for the ones that no reader here needs.
OTHER_ELEMENTS = 120


def main() -> int:
    """Print seconds and ratios; status 1 when values differ or intake is less than twice as fast as the loop."""
    readers: dict[str, Callable[[Path], np.ndarray]] = {
        "intake": lambda folder: read_study(folder).ct.volume.array,
        "pydicom loop": by_pydicom,
        "SimpleITK": by_simpleitk,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_series(folder)
        volumes = {reader: read(folder) for reader, read in readers.items()}
        equal = all(np.array_equal(volumes["intake"], volume) for volume in volumes.values())
        del volumes
        seconds = {reader: [] for reader in readers}  # type: dict[str, list[float]]
        for _ in range(ROUNDS):
            for reader, read in readers.items():
                start = time.perf_counter()
                read(folder)
                seconds[reader].append(time.perf_counter() - start)
    return report({reader: statistics.median(times) for reader, times in seconds.items()}, equal)


def report(medians: dict[str, float], equal: bool) -> int:
    """The table and the exit status."""
    print(f"reading {SLICES} slices of {SIZE} x {SIZE}, median of {ROUNDS} interleaved rounds, values equal: {equal}")
    for reader, median in medians.items():
        print(f"  {reader:<14} {median:6.2f} s   {median / medians['intake']:5.2f} x intake")
    return 0 if equal and medians["pydicom loop"] >= 2 * medians["intake"] else 1


def by_pydicom(folder: Path) -> np.ndarray:
    """What everybody writes: read all, sort by position, stack, rescale."""
    slices = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda item: float(item.ImagePositionPatient[2]))
    planes = [item.pixel_array * float(item.RescaleSlope) + float(item.RescaleIntercept) for item in slices]
    return np.stack(planes).astype(np.int16)


def by_simpleitk(folder: Path) -> np.ndarray:
    """GDCM's sorting and ITK's series reader."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    return sitk.GetArrayFromImage(reader.Execute())


def write_series(folder: Path) -> None:
    """A CT in explicit little endian, file names in an order of their own."""
    generator = np.random.default_rng(0)
    uids = [generate_uid() for _ in range(3)]
    for index in range(SLICES):
        header = _header(index, uids)
        stored = np.full((SIZE, SIZE), 24, np.int32)
        stored[100:400, 80:430] = 1064
        header.PixelData = (stored + generator.integers(0, 40, stored.shape)).astype("<u2").tobytes()
        header["PixelData"].VR = "OW"
        header.save_as(folder / f"{(index * 7919) % SLICES:04d}", enforce_file_format=True)


def _header(index: int, uids: list[str]) -> Dataset:
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID, header.Modality = CTImageStorage, generate_uid(), "CT"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = uids
    header.PatientID, header.ImageType = "1", ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.ImagePositionPatient, header.ImageOrientationPatient = [-250, -250, index], [1, 0, 0, 0, 1, 0]
    header.PixelSpacing, header.SliceThickness = [0.977, 0.977], 1
    header.Rows = header.Columns = SIZE
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = 1, -1024, "HU"
    block = header.private_block(0x0019, "BENCHMARK", create=True)
    for element in range(OTHER_ELEMENTS):
        block.add_new(element, "DS", f"{index}.{element}")
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return header


if __name__ == "__main__":
    sys.exit(main())
