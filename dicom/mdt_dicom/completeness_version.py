"""What was handed over of a study, version by version, each a frozen copy that later objects cannot change.

<study>/versions/<n>/images/*.dcm        hard links to the objects as they were
                     version.json        what it holds; its folder's name is the claim: made by one rename
                     begun.json          how often its hand-over was begun
                     handed-over.json    it was taken; with what the taker answered
<study>/incomplete.json                  the last report that something is missing
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdt_dicom.completeness import Completeness
from mdt_dicom.completeness_note import ObjectNote
from mdt_dicom.receiver_store import Incoming, sync_folder, write_durably
from oncology.errors import StoreError


@dataclass(frozen=True)
class FinishedStudy:
    """A study that is handed over.

    Attributes:
        key: the study's folder name below the incoming folder.
        version: 1 for the first; more when objects came after an earlier hand-over.
        images: folder with exactly the objects of this version.
        called: AE titles that its objects were sent to.
        declared: False when nothing declared how many objects there should be and only quiet told that it is whole.
        attempt: 1, or more when an earlier hand-over of this version did not come to its end.
    """

    key: str
    version: int
    study_uid: str
    images: Path
    objects: int
    modalities: tuple[str, ...]
    called: tuple[str, ...]
    declared: bool
    attempt: int = 1

    @property
    def label(self) -> str:
        """For logs: names nobody."""
        return f"study {self.key[:12]} version {self.version}"


def make_version(incoming: Incoming, study: str, notes: Sequence[ObjectNote], judged: Completeness) -> Path:
    """Freeze the present objects of a study as its next version; the caller holds the study's lock.

    Raises:
        StoreError: it could not be written; no version was made.
    """
    folder = incoming.root / study / "versions"
    number = max(version_numbers(incoming, study), default=0) + 1
    draft = folder / f".partial-{number}"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        (draft / "images").mkdir(parents=True, mode=0o700)
        names = sorted(incoming.names(study))
        for name in names:
            _link(incoming.objects(study) / name, draft / "images" / name)
        sync_folder(draft / "images")
        write_durably(draft / "version.json", _encoded(_content(number, names, notes, judged)))
        draft.rename(folder / str(number))
        sync_folder(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(f"a study could not be handed over: {error.strerror}; free space or check permissions") from (
            error
        )
    return folder / str(number)


def _content(number: int, names: Sequence[str], notes: Sequence[ObjectNote], judged: Completeness) -> dict[str, Any]:
    return {
        "version": number,
        "made": time.time(),
        "study_uid": notes[0].study_uid,
        "modalities": sorted({note.modality for note in notes if note.modality}),
        "called": sorted({note.called for note in notes if note.called}),
        "declared": not judged.undeclared,
        "objects": list(names),
    }


def version_numbers(incoming: Incoming, study: str) -> list[int]:
    """Numbers of the versions of a study, ascending."""
    folder = incoming.root / study / "versions"
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal()) if folder.is_dir() else []


def latest_names(incoming: Incoming, study: str) -> frozenset[str] | None:
    """Objects of the newest version; None before the first."""
    numbers = version_numbers(incoming, study)
    if not numbers:
        return None
    return frozenset(_read(incoming.root / study / "versions" / str(numbers[-1]) / "version.json")["objects"])


def pending_versions(incoming: Incoming) -> list[Path]:
    """Versions that were not taken yet, the oldest first."""
    folders = [path for path in incoming.root.glob("*/versions/*") if path.name.isdecimal()]
    waiting = [path for path in folders if not (path / "handed-over.json").exists()]
    return sorted(waiting, key=lambda path: (_read(path / "version.json")["made"], path))


def begin_hand_over(folder: Path) -> FinishedStudy:
    """Note that a version is about to be handed over, and say what it holds."""
    content, marker = _read(folder / "version.json"), folder / "begun.json"
    attempt = (_read(marker)["attempt"] if marker.exists() else 0) + 1
    write_durably(marker, _encoded({"attempt": attempt}))
    return FinishedStudy(
        key=folder.parent.parent.name,
        version=content["version"],
        study_uid=content["study_uid"],
        images=folder / "images",
        objects=len(content["objects"]),
        modalities=tuple(content["modalities"]),
        called=tuple(content["called"]),
        declared=content["declared"],
        attempt=attempt,
    )


def break_off_hand_over(study: FinishedStudy) -> None:
    """Note that a hand-over was stopped from here: it does not count as an attempt."""
    write_durably(study.images.parent / "begun.json", _encoded({"attempt": study.attempt - 1}))


def end_hand_over(study: FinishedStudy, answer: Mapping[str, Any]) -> None:
    """Note that a version was taken: it is never handed over again."""
    write_durably(study.images.parent / "handed-over.json", _encoded({"at": time.time(), "answer": dict(answer)}))


def answer_of(folder: Path) -> dict[str, Any] | None:
    """What the taker of a version answered; None when it was not taken yet."""
    marker = folder / "handed-over.json"
    answer: dict[str, Any] | None = _read(marker)["answer"] if marker.exists() else None
    return answer


def report_incomplete(incoming: Incoming, study: str, names: frozenset[str], missing: Sequence[str]) -> bool:
    """Note that a study is incomplete; False when the same was reported before."""
    path = incoming.root / study / "incomplete.json"
    content = {"objects": len(names), "missing": list(missing)}
    if path.exists() and _read(path) == content:
        return False
    write_durably(path, _encoded(content))
    return True


def incomplete_report(incoming: Incoming, study: str) -> tuple[str, ...]:
    """What the last report said is missing; empty without one."""
    path = incoming.root / study / "incomplete.json"
    return tuple(_read(path)["missing"]) if path.exists() else ()


def withdraw_incomplete(incoming: Incoming, study: str) -> None:
    """The study became complete."""
    (incoming.root / study / "incomplete.json").unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)  # file systems without hard links


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content
