"""Faulty contours beside a sound CT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

import dicom_factory as factory
from fault_table import Fault, Inputs
from oncology.errors import ContourError, IdentityError
from oncology.imaging.volume import Volume

Maker = Callable[[Path], Inputs]


def structures(name: str = "GTVp", squares: list[np.ndarray] | None = None, **changes: Any) -> Maker:
    """A sound CT and an RTSTRUCT of one ROI."""

    def make(folder: Path) -> Inputs:
        item = factory.rtstruct({name: factory.squares() if squares is None else squares}, **changes)
        return with_ct(folder, factory.save_one(item, folder / "rtstruct.dcm"))

    return make


def spoiled(spoil: Callable[[Dataset], object]) -> Maker:
    """An RTSTRUCT changed before it is written."""

    def make(folder: Path) -> Inputs:
        item = factory.rtstruct({"GTVp": factory.squares()})
        spoil(item)
        return with_ct(folder, factory.save_one(item, folder / "rtstruct.dcm"))

    return make


def label_map(array: np.ndarray) -> Maker:
    """A NIfTI file given as contours."""
    return lambda folder: with_ct(folder, factory.nifti(Volume(array, factory.grid()), folder / "tumor.nii.gz"))


def with_ct(folder: Path, contours: Path) -> Inputs:
    return Inputs(factory.save(factory.ct_slices(), folder / "ct"), contours=(contours,))


def cut_off(folder: Path) -> Inputs:
    inputs = structures()(folder)
    factory.truncate(inputs.contours[0], 0.3)
    return inputs


def image_as_contours(folder: Path) -> Inputs:
    return with_ct(folder, factory.save_one(factory.ct_slices()[0], folder / "slice.dcm"))


def elsewhere(item: Dataset) -> None:
    item.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = factory.uid("elsewhere")


FAR_AWAY = [square + np.array([900.0, 0, 0]) for square in factory.squares()]
SHAPE = factory.grid().shape
FAULTS = [
    Fault("contours of another patient", structures(PatientID="OTHER"), IdentityError, ("another patient",)),
    Fault("contours in another frame", spoiled(elsewhere), ContourError, ("another frame of reference",)),
    Fault("contours outside the CT", structures(squares=FAR_AWAY), ContourError, ("outside the field of view",)),
    Fault("contours without points", structures(squares=[]), ContourError, ("GTVp", "empty on the CT")),
    Fault("contours of unknown names", structures("Xyzzy"), ContourError, ("1 names are not known", "mapping file")),
    Fault("RTSTRUCT without ROIs", structures(StructureSetROISequence=[]), ContourError, ("without ROIs",)),
    Fault("contours cut off", cut_off, ContourError, ("contour file 1 of 1",)),
    Fault("an image given as contours", image_as_contours, ContourError, ("modality CT", "expected SEG or RTSTRUCT")),
    Fault("contours that do not exist", lambda f: with_ct(f, f / "none"), ContourError, ("does not exist",)),
    Fault("an empty label map", label_map(np.zeros(SHAPE, np.uint8)), ContourError, ("0 labels",)),
    Fault("an image given as label map", label_map(factory.torso().array), ContourError, ("give the mask",)),
]
