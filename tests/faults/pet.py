"""Faulty PETs: scale, pairing, and what PET shares with CT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

import dicom_factory as factory
from fault_table import Fault, Inputs
from oncology.errors import GeometryError, IdentityError, ImageError, SuvError
from oncology.imaging.volume import Volume

Maker = Callable[[Path], Inputs]


def pet(spoil: Callable[[list[Dataset]], object]) -> Maker:
    """A sound CT and a PET spoiled in memory; what `spoil` returns takes its place if it is a list."""

    def make(folder: Path) -> Inputs:
        slices = factory.pet_slices()
        result = spoil(slices)
        path = factory.save(result if isinstance(result, list) else slices, folder / "pet")
        return Inputs(factory.save(factory.ct_slices(), folder / "ct"), path)

    return make


def header(index: int | None = None, **changes: Any) -> Maker:
    """Tags changed in one slice, or in all; None removes the tag."""
    return pet(lambda s: factory.changed(s if index is None else [s[index]], **changes) and None)


def injected(**changes: Any) -> Maker:
    """Fields of the radiopharmaceutical item changed."""
    return pet(lambda s: factory.injection(s, **changes) and None)


def two_injections(slices: list[Dataset]) -> None:
    for item in slices:
        item.RadiopharmaceuticalInformationSequence = list(item.RadiopharmaceuticalInformationSequence) * 2


def elsewhere(shift_mm: float) -> Maker:
    """A PET of another part of the body."""
    grid = factory.uptake().geometry
    x, y, z = grid.origin_lps
    away = Volume(factory.uptake().array, factory.grid(grid.shape, grid.spacing_mm, (x, y, z + shift_mm)))
    return pet(lambda _: factory.pet_slices(away))


def zero(slices: list[Dataset]) -> None:
    for item in slices:
        item.PixelData = bytes(len(item.PixelData))


def ct_twice(folder: Path) -> Inputs:
    """The CT given as PET."""
    path = factory.save(factory.ct_slices(), folder / "ct")
    return Inputs(path, path)


def drop(index: int) -> Maker:
    return pet(lambda s: [item for place, item in enumerate(s) if place != index])


def late_evening(slices: list[Dataset]) -> None:
    """Injected at 23:40, scanned at 0:40 of a day nobody wrote down."""
    undated = {"SeriesDate": "20240301", "SeriesTime": "004000", "AcquisitionTime": "004000"}
    factory.changed(slices, **undated)
    factory.injection(slices, RadiopharmaceuticalStartTime="234000")


OTHER_STUDY = {"StudyInstanceUID": factory.uid("other study"), "FrameOfReferenceUID": factory.uid("other frame")}
FAULTS = [
    Fault("no weight", header(PatientWeight=None), SuvError, ("PatientWeight (0010,1030) is missing", "expected")),
    Fault("weight zero", header(PatientWeight=0), SuvError, ("PatientWeight", "is 0")),
    Fault("weight in grams", header(PatientWeight=70000), SuvError, ("PatientWeight", "kilograms")),
    Fault(
        "weights of two patients", header(4, PatientWeight=71), SuvError, ("PatientWeight", "differs between slices")
    ),
    Fault("no dose", injected(RadionuclideTotalDose=None), SuvError, ("RadionuclideTotalDose (0018,1074)",)),
    Fault("dose in MBq", injected(RadionuclideTotalDose=350), SuvError, ("RadionuclideTotalDose", "350")),
    Fault("no half-life", injected(RadionuclideHalfLife=None), SuvError, ("RadionuclideHalfLife (0018,1075)",)),
    Fault("half-life in minutes", injected(RadionuclideHalfLife=109.77), SuvError, ("RadionuclideHalfLife",)),
    Fault("no injection time", injected(RadiopharmaceuticalStartTime=None), SuvError, ("RadiopharmaceuticalStart",)),
    Fault("injected after the scan", injected(RadiopharmaceuticalStartTime="120000"), SuvError, ("midnight",)),
    Fault("undated midnight", pet(late_evening), SuvError, ("midnight",)),
    Fault(
        "no injection at all", header(RadiopharmaceuticalInformationSequence=None), SuvError, ("Radiopharmaceutical",)
    ),
    Fault("two injections", pet(two_injections), SuvError, ("2 items",)),
    Fault("no units", header(Units=None), SuvError, ("Units (0054,1001) is missing",)),
    Fault("counts without a factor", header(Units="CNTS"), SuvError, ("CNTS", "(7053,1000)")),
    Fault("units of another scale", header(Units="PROPCNTS"), SuvError, ("PROPCNTS", "expected BQML")),
    Fault("SUV by lean body mass", header(Units="GML", SUVType="LBM"), SuvError, ("SUVType", "LBM")),
    Fault("no decay correction", header(DecayCorrection="NONE"), SuvError, ("DecayCorrection (0054,1102) is NONE",)),
    Fault(
        "decay correction unstated", header(DecayCorrection=None), SuvError, ("DecayCorrection (0054,1102) is missing",)
    ),
    Fault("no series time", header(SeriesTime=None), SuvError, ("SeriesTime",)),
    Fault("decay claimed and denied", header(CorrectedImage=["ATTN", "SCAT"]), SuvError, ("DECY", "DecayCorrection")),
    Fault(
        "no attenuation correction", header(CorrectedImage=["DECY"]), ImageError, ("without attenuation correction",)
    ),
    Fault("dynamic series", header(SeriesType=["DYNAMIC", "IMAGE"]), ImageError, ("dynamic PET",)),
    Fault(
        "PET without rescale slope", header(3, RescaleSlope=None), ImageError, ("RescaleSlope (0028,1053) is missing",)
    ),
    Fault("a PET slice is missing", drop(4), GeometryError, ("1 of 12 slices are missing",)),
    Fault("no uptake", pet(zero), ImageError, ("no voxel of the PET is above 0",)),
    Fault("another patient", header(PatientID="OTHER"), IdentityError, ("2 PatientIDs",)),
    Fault("another body part", elsewhere(900), GeometryError, ("lies outside the CT", "along z")),
    Fault("another study and frame", header(**OTHER_STUDY), GeometryError, ("different studies and frames",)),
    Fault("a CT given as PET", ct_twice, ImageError, ("no usable PET", "12 x CT")),
    Fault(
        "no DICOM given as PET",
        lambda f: Inputs(factory.save(factory.ct_slices(), f / "ct"), f / "none"),
        ImageError,
        ("does not exist",),
    ),
]
