"""Tiny studies to send: a few slices of 16 by 16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

import dicom_factory as factory
from mdt_dicom.receiver_store import study_key


def study_uid(name: object) -> str:
    return factory.uid("study", name)


def key(name: object) -> str:
    """The folder name of a study among the received objects."""
    return study_key(study_uid(name))


def slices(name: object, count: int = 4, side: int = 16, **changes: Any) -> list[Dataset]:
    """CT that declares its count, unless `changes` says otherwise."""
    volume = factory.torso(factory.grid((count, side, side)))
    usual = {
        "StudyInstanceUID": study_uid(name),
        "SeriesInstanceUID": factory.uid("series", name),
        "NumberOfSeriesRelatedInstances": str(count),
    }
    found = factory.ct_slices(volume, series=f"series {name}", **(usual | changes))
    for number, item in enumerate(found, start=1):
        item.SOPInstanceUID = factory.uid("object", name, changes.get("SeriesInstanceUID", ""), number)
        item.InstanceNumber = str(number)
    return found


def write(folder: Path, name: object, count: int = 4, side: int = 16, **changes: Any) -> list[Path]:
    """The files of one study."""
    factory.save(slices(name, count, side, **changes), folder)
    return sorted(folder.iterdir())
