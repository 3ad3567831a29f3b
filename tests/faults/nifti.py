"""Faulty NIfTI files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dicom_factory as factory
from fault_table import Fault, Inputs
from oncology.errors import GeometryError, ImageError
from oncology.imaging.volume import Volume

Maker = Callable[[Path], Inputs]


def ct(name: str = "ct.nii.gz", **changes: Any) -> Maker:
    """A sound CT with header fields changed."""
    return lambda folder: Inputs(factory.nifti(factory.torso(), folder / name, **changes))


def values(change: Callable[[np.ndarray], np.ndarray], dtype: str = "int16") -> Maker:
    """A CT with other values."""
    sound = factory.torso()
    volume = Volume(change(sound.array.astype(float)).astype(dtype), sound.geometry)
    return lambda folder: Inputs(factory.nifti(volume, folder / "ct.nii.gz"))


def pet(scale: float) -> Maker:
    """A sound CT and a PET in other units."""
    sound = factory.uptake()
    volume = Volume(sound.array * np.float32(scale), sound.geometry)

    def make(folder: Path) -> Inputs:
        return Inputs(
            factory.nifti(factory.torso(), folder / "ct.nii.gz"), factory.nifti(volume, folder / "pet.nii.gz")
        )

    return make


def cut(name: str, part: float) -> Maker:
    return lambda folder: Inputs(factory.truncate(factory.nifti(factory.torso(), folder / name), part))


def with_nan(array: np.ndarray) -> np.ndarray:
    array[3, 3, 3] = np.nan
    return array


def text(folder: Path) -> Inputs:
    path = folder / "ct.nii"
    path.write_text("no image")
    return Inputs(path)


SHEARED = np.array([[-5.0, 0, 0, 0], [0, -5.7, 0, 0], [0, 1.9, 5, 0], [0, 0, 0, 1]])
DOUBLED = np.diag([-10.0, -12, 10, 1])
FAULTS = [
    Fault(
        "NIfTI of four dimensions", ct(dim=(4, 48, 40, 12, 2, 1, 1, 1)), ImageError, ("4 dimensions", "expected one 3D")
    ),
    Fault("NIfTI of two dimensions", ct(dim=(2, 48, 480, 1, 1, 1, 1, 1)), ImageError, ("2 dimensions",)),
    Fault("NIfTI of three slices", ct(dim=(3, 48, 40, 3, 1, 1, 1, 1)), ImageError, ("at least 8 slices",)),
    Fault("NIfTI without orientation", ct(sform_code=0), GeometryError, ("neither qform nor sform", "left and right")),
    Fault(
        "sform and qform contradict",
        ct(qform_code=1, quaternion=(0, 0, 0, 0, 0, 0)),
        GeometryError,
        ("sform and qform", "apart"),
    ),
    Fault("sform is sheared", ct(sform=SHEARED), GeometryError, ("off right angles", "shear")),
    Fault("sform is not finite", ct(sform=np.full((4, 4), np.nan)), GeometryError, ("not finite",)),
    Fault("sform and voxel size contradict", ct(sform=DOUBLED), GeometryError, ("pixdim says", "expected the same")),
    Fault("NIfTI spacing zero", ct(pixdim=(1, 0, 6, 5, 0, 0, 0, 0)), GeometryError, ("pixdim", "above 0")),
    Fault("NIfTI in meters", ct(units=1), GeometryError, ("meters", "expected millimeters")),
    Fault("NIfTI in color", ct(datatype=128), ImageError, ("data type 128", "expected whole or real numbers")),
    Fault("NIfTI pair", ct("ct.nii", magic=b"ni1\0"), ImageError, ("no NIfTI-1 image in one file",)),
    Fault("text named NIfTI", text, ImageError, ("8 bytes", "expected a header")),
    Fault("NIfTI cut off", cut("ct.nii", 0.7), ImageError, ("bytes of voxels", "complete file")),
    Fault("compressed NIfTI cut off", cut("ct.nii.gz", 0.7), ImageError, ("ends early", "copy it again")),
    Fault("NIfTI of gray values", values(lambda v: (v + 1000) / 8, "uint8"), ImageError, ("gray values of a picture",)),
    Fault("NIfTI scaled 0 to 1", values(lambda v: (v + 1000) / 2000, "float32"), ImageError, ("0 to 1",)),
    Fault("NIfTI without offset", values(lambda v: v + 1024), ImageError, ("none below water",)),
    Fault("NIfTI with NaN", values(with_nan, "float32"), ImageError, ("1 voxels", "not finite")),
    Fault("NIfTI PET in Bq/mL", pet(factory.BQML_PER_SUV), ImageError, ("hottest voxel", "not Bq/mL")),
    Fault("NIfTI PET of zeros", pet(0.0), ImageError, ("no voxel of the PET is above 0",)),
    Fault("NIfTI PET scaled 0 to 1", pet(0.01), ImageError, ("hottest voxel",)),
]
