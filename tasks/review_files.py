"""Where a review keeps its files, inside the case's folder.

review/draft-<run>/    the machine's draft as it was when the review began; never changed
review/import-<hash>/  masks, measurements and pictures of edited contours
review/now/            findings, staging and report after the edits so far; made anew with every change
signed/<ticket>/       what was signed, whole; never changed
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from oncology.errors import StoreError
from tasks.case_files import CaseFiles, sha256_of
from tasks.findings import FINDINGS
from tasks.history import HISTORY
from tasks.images import IMAGES
from tasks.masks import FINDING_MASKS
from tasks.pictures import PICTURES, STATION_MAP
from tasks.prior import PRIOR
from tasks.staging import STAGING

KEPT = (FINDINGS, STAGING, HISTORY, IMAGES, FINDING_MASKS, PICTURES, STATION_MAP, PRIOR)
KEPT_FOLDER = "key_images"
NEEDED = (FINDINGS, STAGING, HISTORY, IMAGES, FINDING_MASKS)


class ReviewFiles(CaseFiles):
    """A case whose work folder is one of the review's; what it lacks is looked up in the folders behind it."""

    def __init__(self, case_id: str, folder: str, behind: Sequence[str] = ()) -> None:
        super().__init__(case_id)
        steps = self.work
        self.work = self.root / folder
        self._behind = (*(self.root / name for name in behind), steps)

    def has(self, name: str) -> bool:
        """True when the file is in this folder or one behind it."""
        return any((folder / name).is_file() for folder in (self.work, *self._behind))

    def _existing(self, name: str) -> Path:
        for folder in (self.work, *self._behind):
            if (folder / name).is_file():
                return folder / name
        return super()._existing(name)


def draft_folder(run: str) -> str:
    """Folder of the draft that a run made."""
    return f"review/draft-{run[:16]}"


def keep_draft(case_id: str, run: str) -> str:
    """Copy the machine's draft aside, once; returns the folder's name.

    Raises:
        StoreError: the case's folder no longer holds what that run delivered.
    """
    case = CaseFiles(case_id)
    folder = case.root / draft_folder(run)
    if folder.is_dir():
        return draft_folder(run)
    _check_delivered(case)
    partial = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    for name in KEPT:
        if (case.work / name).is_file():
            shutil.copyfile(case.work / name, partial / name)
    if (case.work / KEPT_FOLDER).is_dir():
        shutil.copytree(case.work / KEPT_FOLDER, partial / KEPT_FOLDER)
    partial.replace(folder)
    return draft_folder(run)


def _check_delivered(case: CaseFiles) -> None:
    """The files between steps are those that were delivered: no other run is under way."""
    missing = [name for name in NEEDED if not (case.work / name).is_file()]
    if missing:
        raise StoreError(f"case {case.case_id} lacks {', '.join(missing)}; stage it again, then review it")
    for name in (FINDINGS, STAGING):
        delivered = case.out / name
        if not delivered.is_file() or sha256_of(delivered) != sha256_of(case.work / name):
            raise StoreError(
                f"{name} of case {case.case_id} is not what was delivered; another run is under way or was cut off; "
                "wait for it or stage the case again, then review it"
            )
