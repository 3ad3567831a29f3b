"""Faulty CTs in DICOM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

import dicom_factory as factory
from fault_table import Fault, Inputs
from oncology.errors import GeometryError, IdentityError, ImageError
from oncology.imaging.volume import Volume

Slices = list[Dataset]
Maker = Callable[[Path], Inputs]


def ct(spoil: Callable[[Slices], object]) -> Maker:
    """A sound CT, spoiled in memory and written; what `spoil` returns takes its place if it is a list."""

    def make(folder: Path) -> Inputs:
        slices = factory.ct_slices()
        result = spoil(slices)
        return Inputs(factory.save(result if isinstance(result, list) else slices, folder / "ct"))

    return make


def files(spoil: Callable[[Path], object], syntax: str = "explicit") -> Maker:
    """A sound CT, written and then spoiled on disk."""

    def make(folder: Path) -> Inputs:
        path = factory.save(factory.ct_slices(), folder / "ct", syntax=syntax)
        spoil(path)
        return Inputs(path)

    return make


def tags(index: int | None = None, **changes: Any) -> Maker:
    """Tags changed in one slice, or in all; None removes the tag."""
    return ct(lambda s: factory.changed(s if index is None else [s[index]], **changes) and None)


def values(change: Callable[[np.ndarray], np.ndarray], vendor: str = "canon") -> Maker:
    """Stored values changed in every slice (canon: stored values are HU)."""

    def make(folder: Path) -> Inputs:
        slices = factory.ct_slices(vendor=vendor)
        for item in slices:
            item.PixelData = change(np.frombuffer(item.PixelData, "<i2").astype(float)).astype("<i2").tobytes()
        return Inputs(factory.save(slices, folder / "ct"))

    return make


def place(index: int, shift: tuple[float, float, float]) -> Maker:
    """One slice moved by (x, y, z) mm."""

    def spoil(slices: Slices) -> None:
        old = slices[index].ImagePositionPatient
        slices[index].ImagePositionPatient = [float(value) + by for value, by in zip(old, shift, strict=True)]

    return ct(spoil)


def two_versions(slices: Slices) -> Slices:
    """One slice twice, with one voxel changed."""
    again = factory.ct_slices(series="ct")[5]
    pixels = np.frombuffer(again.PixelData, "<u2").copy()
    pixels[3] += 1
    again.PixelData, again.SOPInstanceUID = pixels.tobytes(), factory.uid("again")
    return [*slices, again]


def half_size(slices: Slices) -> None:
    """Two slices with every second row and column."""
    for item in slices[4:6]:
        pixels = np.frombuffer(item.PixelData, "<u2").reshape(item.Rows, item.Columns)[::2, ::2]
        item.Rows, item.Columns = pixels.shape
        item.PixelData = pixels.tobytes()


def two_studies(folder: Path) -> Inputs:
    """Two undated studies."""
    undated = {"StudyDate": None, "AcquisitionDate": None, "SeriesDate": None}
    factory.save(factory.ct_slices(**undated), folder / "ct" / "a")
    factory.save(factory.ct_slices(series="b", StudyInstanceUID=factory.uid("other"), **undated), folder / "ct" / "b")
    return Inputs(folder / "ct")


def coronal_reformat(folder: Path) -> Inputs:
    """Only a coronal MPR."""
    direction = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])
    volume = Volume(factory.torso().array, factory.grid(direction=direction))
    return Inputs(factory.save(factory.ct_slices(volume, ImageType=["DERIVED", "SECONDARY", "MPR"]), folder / "ct"))


def frames_without_groups(folder: Path) -> Inputs:
    """A multi-frame file that does not say where its frames lie."""
    whole = factory.enhanced(factory.ct_slices())
    del whole.PerFrameFunctionalGroupsSequence
    return Inputs(factory.save_one(whole, folder / "frames"))


def frames_miscounted(folder: Path) -> Inputs:
    """A multi-frame file with one description too few."""
    whole = factory.enhanced(factory.ct_slices())
    whole.PerFrameFunctionalGroupsSequence = list(whole.PerFrameFunctionalGroupsSequence)[:-1]
    return Inputs(factory.save_one(whole, folder / "frames"))


def frames_cut(folder: Path) -> Inputs:
    """A multi-frame file cut off in the middle."""
    return Inputs(factory.truncate(factory.save_one(factory.enhanced(factory.ct_slices()), folder / "frames"), 0.6))


def empty_folder(folder: Path) -> Inputs:
    (folder / "ct").mkdir()
    return Inputs(folder / "ct")


def text_only(folder: Path) -> Inputs:
    (folder / "ct").mkdir()
    (folder / "ct" / "Doe_report.txt").write_text("no image")
    return Inputs(folder / "ct")


def drop(*indices: int) -> Maker:
    return ct(lambda s: [item for index, item in enumerate(s) if index not in indices])


def scalar(**changes: Any) -> Maker:
    return tags(None, **changes)


NO_POSITION = ("ImagePositionPatient (0020,0032) is missing", "of 12 slices", "expected it in every slice")
FAULTS = [
    Fault("a slice is missing", drop(4), GeometryError, ("1 of 12 slices are missing", "expected even spacing")),
    Fault("three slices in two places are missing", drop(3, 7, 8), GeometryError, ("3 of 12 slices are missing",)),
    Fault("a slice lies 2 mm too high", place(5, (0, 0, 2)), GeometryError, ("unevenly spaced", "3.00 and 7.00 mm")),
    Fault("a slice is shifted sideways", place(5, (30, 0, 0)), GeometryError, ("shift sideways by 30.0 mm",)),
    Fault("all slices at one place", scalar(ImagePositionPatient=[0, 0, 0]), GeometryError, ("lie at one place",)),
    Fault("one slice in two versions", ct(two_versions), GeometryError, ("two different slices lie at one place",)),
    Fault("slices of two sizes", ct(half_size), GeometryError, ("20 x 24 and 40 x 48 pixels", "expected one size")),
    Fault("slices of two spacings", tags(3, PixelSpacing=[1, 1]), GeometryError, ("PixelSpacing", "1 and 6 mm")),
    Fault("spacing zero", scalar(PixelSpacing=[0, 0]), GeometryError, ("PixelSpacing (0028,0030) is 0 and 0",)),
    Fault("spacing negative", scalar(PixelSpacing=[-1, 1]), GeometryError, ("PixelSpacing", "above 0 mm")),
    Fault("spacing missing", scalar(PixelSpacing=None), GeometryError, ("PixelSpacing (0028,0030) is missing",)),
    Fault("no position anywhere", scalar(ImagePositionPatient=None), GeometryError, NO_POSITION),
    Fault("no position in one slice", tags(2, ImagePositionPatient=None), GeometryError, NO_POSITION),
    Fault(
        "position is NaN", tags(2, ImagePositionPatient=["nan", 0, 0]), GeometryError, ("no finite numbers in 1 of",)
    ),
    Fault("no orientation", scalar(ImageOrientationPatient=None), GeometryError, ("ImageOrientationPatient",)),
    Fault(
        "orientation is all zero", scalar(ImageOrientationPatient=[0] * 6), GeometryError, ("holds no unit vectors",)
    ),
    Fault(
        "orientation is skewed",
        scalar(ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0]),
        GeometryError,
        ("meet at 53.1 degrees", "right angle"),
    ),
    Fault(
        "one slice turned by 2 degrees",
        tags(5, ImageOrientationPatient=[0.99939, 0.0349, 0, -0.0349, 0.99939, 0]),
        GeometryError,
        ("turn against one another by 2.0 degrees",),
    ),
    Fault("sheared by 50 degrees", ct(lambda _: factory.tilted(factory.torso(), 50)), GeometryError, ("gantry tilt",)),
    Fault(
        "two frames of reference",
        tags(6, FrameOfReferenceUID=factory.uid("elsewhere")),
        GeometryError,
        ("2 frames of reference", "expected one"),
    ),
    Fault("two patients", tags(6, PatientID="OTHER"), IdentityError, ("2 PatientIDs", "expected one patient")),
    Fault("two studies without dates", two_studies, ImageError, ("2 studies", "give the folder of one")),
    Fault(
        "magnetic resonance",
        scalar(Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
        ImageError,
        ("12 x modality MR", "expected an axial CT"),
    ),
    Fault(
        "modality contradicts the class", scalar(Modality="PT"), ImageError, ("Modality says PT, SOPClassUID says CT",)
    ),
    Fault("only a localizer", ct(lambda _: factory.localizer(9)), ImageError, ("no usable CT", "localizer")),
    Fault(
        "only projections", scalar(ImageType=["DERIVED", "SECONDARY", "MIP"]), ImageError, ("derived picture (MIP)",)
    ),
    Fault("only a coronal reformat", coronal_reformat, ImageError, ("reformat in another plane",)),
    Fault("secondary capture", scalar(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), ImageError, ("secondary capture",)),
    Fault("three slices", drop(*range(3, 12)), ImageError, ("3 slices, at least 8 make a volume",)),
    Fault("color picture", scalar(SamplesPerPixel=3), ImageError, ("color picture",)),
    Fault("burned-in annotation", scalar(BurnedInAnnotation="YES"), ImageError, ("annotations burned into",)),
    Fault("inverted gray values", scalar(PhotometricInterpretation="MONOCHROME1"), ImageError, ("MONOCHROME1",)),
    Fault("not attenuation but atomic number", scalar(RescaleType="Z_EFF"), ImageError, ("Z_EFF, not Hounsfield",)),
    Fault("no rescale slope", scalar(RescaleSlope=None), ImageError, ("RescaleSlope (0028,1053) is missing",)),
    Fault("no rescale intercept", tags(7, RescaleIntercept=None), ImageError, ("RescaleIntercept (0028,1052)",)),
    Fault("rescale slope zero", scalar(RescaleSlope="0"), ImageError, ("RescaleSlope (0028,1053) is 0",)),
    Fault(
        "no pixel representation", scalar(PixelRepresentation=None), ImageError, ("PixelRepresentation (0028,0103)",)
    ),
    Fault("13 bits allocated", scalar(BitsAllocated=12), ImageError, ("BitsAllocated (0028,0100) is 12",)),
    Fault("offset lost", scalar(RescaleIntercept="0"), ImageError, ("none below water", "offset is lost")),
    Fault("offset applied twice", values(lambda v: v - 1024), ImageError, ("expected soft tissue", "offset is wrong")),
    Fault("gray values of a picture", values(lambda v: (v + 1000) / 8), ImageError, ("gray values of a picture",)),
    Fault("values ten times too large", values(lambda v: v * 10 + 9000), ImageError, ("expected Hounsfield units",)),
    Fault("all voxels equal", values(lambda v: v * 0), ImageError, ("every voxel of the CT is 0",)),
    Fault("nobody on the table", values(lambda v: np.minimum(v, -900)), ImageError, ("nobody is in the image",)),
    Fault(
        "a file cut off in its pixels",
        files(lambda f: factory.truncate(f / "0005", 0.8)),
        ImageError,
        ("file 6 of 12", "cut off"),
    ),
    Fault(
        "all files cut off in the header",
        files(lambda f: [factory.truncate(p, 0.1) for p in f.iterdir()]),
        ImageError,
        ("no pixels after its header", "cut off"),
    ),
    Fault(
        "a compressed file cut off",
        files(lambda f: factory.truncate(f / "0005", 0.7), "JPEG-LS"),
        ImageError,
        ("file 6 of 12", "export it"),
    ),
    Fault("no pixels", scalar(PixelData=None), ImageError, ("no pixels after its header",)),
    Fault("multi-frame without places", frames_without_groups, ImageError, ("12 frames without functional groups",)),
    Fault("multi-frame miscounted", frames_miscounted, ImageError, ("says 12 frames and describes 11",)),
    Fault("multi-frame cut off", frames_cut, ImageError, ("cut off",)),
    Fault("empty folder", empty_folder, ImageError, ("no DICOM files among 0 files",)),
    Fault("no DICOM in the folder", text_only, ImageError, ("no DICOM files among 1 files", "expected a DICOM series")),
    Fault("path does not exist", lambda folder: Inputs(folder / "nowhere"), ImageError, ("does not exist",)),
]
