"""What the receiver keeps of studies below AIMDT_HOME: objects, priors, and the results of their staging."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from mdt_dicom.completeness_version import answer_of, version_numbers
from mdt_dicom.receiver_store import Incoming, study_key
from tasks.settings import settings


def incoming() -> Incoming:
    """Studies that were sent here or pulled."""
    return Incoming(settings().home.resolve() / "incoming")


def priors() -> Incoming:
    """Earlier studies that were fetched for those."""
    return Incoming(settings().home.resolve() / "priors")


def results() -> Path:
    """Where results of received studies go unless told otherwise: a folder each, named as the study's."""
    return settings().home.resolve() / "results"


def erase_received(study_uids: Iterable[str]) -> dict[str, int]:
    """Remove what is kept of these studies, and the priors that no other received study was staged with."""
    kept, counts = incoming(), {"studies": 0, "priors": 0, "results": 0}
    keys = {study_key(uid) for uid in study_uids}
    mine = {prior for key in keys for prior in _priors_of(kept, key)}
    others = {prior for key in kept.studies() if key not in keys for prior in _priors_of(kept, key)}
    for key in keys:
        counts["studies"] += kept.erase_study(key)
        # The study may itself have been fetched, as the prior of another one.
        counts["priors"] += key not in others and priors().erase_study(key)
        counts["results"] += (results() / key).is_dir()
        shutil.rmtree(results() / key, ignore_errors=True)
    counts["priors"] += sum(priors().erase_study(prior) for prior in mine - others - keys)
    return counts


def _priors_of(kept: Incoming, study: str) -> set[str]:
    """Folder names of the priors that a received study was staged with, as its hand-overs tell."""
    folders = [kept.root / study / "versions" / str(number) for number in version_numbers(kept, study)]
    answers = [answer_of(folder) or {} for folder in folders]
    return {Path(objects).parent.name for answer in answers for objects in answer.get("priors", ())}
