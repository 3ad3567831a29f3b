"""What `aimdt listen` does with a finished study: its record and priors are found, then it is staged.

Staging runs as a process of its own, one at a time: what goes wrong there cannot stop the receiver.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import IO, Any

from flows.cli import BAD_INPUT, PART_FAILED, STAGED
from mdt_dicom.completeness_note import note_of
from mdt_dicom.completeness_version import FinishedStudy
from mdt_dicom.completeness_watch import is_staged
from mdt_dicom.dicomweb import DicomWeb
from mdt_dicom.dicomweb_pull import find_priors, pull_study
from mdt_dicom.intake import identify
from mdt_dicom.receiver_store import Incoming
from mdt_dicom.study import PatientIdentity
from mdt_fhir.patient_search import find_patient
from oncology.errors import AimdtError, InputError, StoreError
from tasks.ehr import record_settings

log = logging.getLogger("aimdt.listen")
POLL_S, END_S = 0.2, 10.0
CONTOURS = frozenset({"RTSTRUCT", "SEG"})


@dataclass(frozen=True)
class StagingPlan:
    """How arriving studies are staged.

    Attributes:
        cancers: AE title that a study was sent to -> cancer.
        out: results of a study go to a folder below, named as the study's folder of received objects.
        extra: further arguments of `aimdt stage`.
        web: where priors are found; None leaves them out.
        told: hears of every study that was dealt with.
    """

    cancers: Mapping[str, str]
    out: Path
    incoming: Path
    extra: tuple[str, ...] = ()
    fhir_url: str | None = None
    web: DicomWeb | None = None
    priors: Incoming | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    told: Callable[[dict[str, Any]], None] = lambda _outcome: None


def take(plan: StagingPlan, study: FinishedStudy) -> dict[str, Any]:
    """Stage one finished study; what it returns says how that went, and names nobody.

    Raises:
        AimdtError: it could not be tried, or was stopped; it is to be offered again.
    """
    outcome: dict[str, Any] = {"study": study.key, "version": study.version, "objects": study.objects}
    if not study.declared:
        log.warning("%s declares no count of its images: complete by quiet only", study.label)
    cancers = {plan.cancers[title] for title in study.called or plan.cancers if title in plan.cancers}
    if "CT" not in study.modalities:
        outcome["skipped"] = "no CT"
    elif len(cancers) != 1:
        outcome["skipped"] = "no cancer, or more than one, goes with the AE titles it was sent to"
    else:
        outcome |= _stage(plan, study, cancers.pop())
    plan.told(outcome)
    return outcome


def _stage(plan: StagingPlan, study: FinishedStudy, cancer: str) -> dict[str, Any]:
    try:
        who, study_uid = identify(study.images)
    except InputError as error:
        return {"status": BAD_INPUT, "error": str(error)}
    found: dict[str, Any] = {"priors": _priors(plan, who, study_uid)}
    command = [sys.executable, "-m", "flows.cli", "stage", "--json", "--cancer", cancer]
    command += ["--ct", str(study.images), "--out", str(plan.out / study.key), *plan.extra]
    patient = _patient(plan, who, found)
    if plan.fhir_url and patient:
        command += ["--fhir-url", plan.fhir_url, "--patient", patient]
    extras = {"contours": _contours(study), "prior": earlier_results(plan, found["priors"], cancer)}
    with _one_at_a_time(plan) as lock:
        for kept in _combinations([name for name, paths in extras.items() if paths]):
            options = [part for name in kept for part in (f"--{name}", *extras[name])]
            staged = _run([*command, *options], study, plan.stop, lock)
            if staged["status"] != BAD_INPUT or not kept:
                break
            log.warning("%s could not be staged with %s: %s", study.label, " and ".join(kept), staged["error"])
            found["_".join((*kept, "refused"))] = staged["error"]
    return found | staged


def _combinations(names: list[str]) -> Iterator[tuple[str, ...]]:
    """All of what came with a study, then ever less of it: none of it may keep the study from being staged."""
    for count in range(len(names), -1, -1):
        yield from combinations(names, count)


def earlier_results(plan: StagingPlan, priors: Sequence[str], cancer: str) -> list[str]:
    """The results of the newest prior that was itself staged here for this cancer; nothing when none was."""
    for objects in priors:
        folder = plan.out / Path(objects).parent.name
        if not (folder / "findings.json").is_file():
            continue
        if json.loads((folder / "findings.json").read_bytes()).get("cancer") == cancer:
            return [str(folder)]
    return []


def _contours(study: FinishedStudy) -> list[str]:
    """Files of a version with contours that someone else drew."""
    if not CONTOURS & set(study.modalities):
        return []
    notes = [note_of(path) for path in sorted(study.images.iterdir())]
    return [str(study.images / note.name) for note in notes if note.modality in CONTOURS and is_staged(note)]


def _patient(plan: StagingPlan, who: PatientIdentity, found: dict[str, Any]) -> str | None:
    """Id of the patient on the FHIR server. Without one the study is staged all the same; the report names it."""
    if plan.fhir_url is None:
        return None
    try:
        patient = find_patient(plan.fhir_url, who.patient_id, who.issuer, record_settings(plan.fhir_url))
    except AimdtError as error:
        found["record"] = str(error)
        return None
    found["record"] = "found" if patient else "the FHIR server knows no patient with the identifier of the images"
    return patient


def _priors(plan: StagingPlan, who: PatientIdentity, study_uid: str) -> list[str]:
    """Folders of the earlier studies that were fetched; an archive that fails costs the priors, not the staging."""
    if plan.web is None or plan.priors is None or not who.patient_id:
        return []
    fetched = []
    try:
        for prior in find_priors(plan.web, study_uid, patient_id=who.patient_id, issuer=who.issuer):
            fetched.append(str(plan.priors.objects(pull_study(plan.web, prior, plan.priors).key)))
    except AimdtError as error:
        log.warning("priors were not fetched: %s", error)
    return fetched


@contextmanager
def _one_at_a_time(plan: StagingPlan) -> Iterator[IO[str]]:
    """A lock that the staging process inherits: one that outlives a killed receiver is waited for by the next."""
    with (plan.incoming / ".staging").open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if plan.stop.wait(POLL_S):
                    raise StoreError("stopped while another staging was still running") from None
        yield stream


def _run(command: list[str], study: FinishedStudy, stop: threading.Event, lock: IO[str]) -> dict[str, Any]:
    folder = study.images.parent
    with (folder / "staged.json").open("wb") as answer, (folder / "stage.log").open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=answer, stderr=errors, pass_fds=[lock.fileno()], start_new_session=True
        )
        try:
            while process.poll() is None:
                if stop.wait(POLL_S):
                    raise StoreError("staging was stopped with the receiver; it is begun again at the next start")
        finally:
            _end(process)
    return _answer(process.returncode, folder / "staged.json")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the staging process with all it started."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(END_S)


def _answer(status: int, path: Path) -> dict[str, Any]:
    """What `aimdt stage --json` printed, in short.

    Raises:
        StoreError: a part failed without which there is no result, or the process died: worth another attempt.
    """
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        content = {}
    if status == BAD_INPUT:
        return {"status": status, "error": content.get("error", {}).get("message", "")}
    if "error" in content:
        raise StoreError(f"staging failed: {content['error'].get('message', '')}")
    if status not in (STAGED, PART_FAILED) or not content:
        raise StoreError(f"the staging process ended with status {status}; see stage.log beside the study's images")
    return {
        "status": status,
        "case_id": content["case_id"],
        "out": content["out"],
        "editions": content["editions"],
        "failures": [failure.get("message", "") for failure in content["failures"]],
    }
