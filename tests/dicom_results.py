"""A sound CT as DICOM and what the results of a case refer to; the checks that several result tests share."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import dicom_factory as factory
from mdt_dicom.intake import read_study
from mdt_dicom.result import Maker, SourceSeries, find_header
from mdt_dicom.study import StudyImages
from oncology.findings import CaseId
from oncology.imaging.volume import Geometry

CASE = CaseId("0123456789abcdef")
MAKER = Maker("0.1.0")
CREATED = datetime(2024, 3, 4, 5, 6, 7)


def ct_study(folder: Path, geometry: Geometry | None = None) -> StudyImages:
    """A CT written as DICOM files and read back."""
    factory.save(factory.ct_slices(factory.torso(geometry or factory.grid())), folder)
    return read_study(folder)


def source_of(study: StudyImages, folder: Path) -> SourceSeries:
    """What results refer to."""
    header = find_header(folder, study.ct.info.series_uid)
    return SourceSeries(study.ct.info, study.ct.volume.geometry, study.identity, header)


def random_mask(shape: tuple[int, int, int], seed: int, share: float = 0.3) -> np.ndarray:
    """Voxels without any pattern, some slices left empty."""
    random = np.random.default_rng(seed)
    mask = random.random(shape) < share
    mask[:: 3 + seed % 2] = False
    return mask


def dciodvfy_errors(path: Path) -> list[str]:
    """Lines that dciodvfy calls errors; the test is skipped where Debian's dicom3tools are not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    answer = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in answer.stderr.splitlines() if line.startswith("Error")]
