"""What was asked for: kept privately (paths name patients); its public part says only what matters to results."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mdt_dicom.intake import identify
from oncology.cancers.protocol import cancer
from oncology.errors import FactError, InputError
from oncology.findings import CaseId
from oncology.tnm.loader import tables
from tasks.case_files import IDENTITY, RECORD, REQUEST, CaseFiles, fingerprint, make_case_id, write_bytes
from tasks.networks import model_marks
from tasks.node_judgement import node_marks

PRIOR_NEEDED = ("findings.json", "staging.json")
PRIOR_EXPECTED = "expected the --out folder of the earlier study's staging; stage that study first and give its results"


@dataclass(frozen=True)
class Request:
    """One call of `aimdt stage`."""

    ct: Path
    cancer: str
    pet: Path | None = None
    ehr: Path | None = None
    fhir_url: str | None = None
    patient: str | None = None
    contours: tuple[Path, ...] = ()
    contour_names: Path | None = None
    prior: Path | None = None
    subset: str | None = None
    edition: str | None = None
    classification: str = "clinical"
    nifti: bool = False
    language: str = "en"


@contextmanager
def taken_in(request: Request) -> Iterator[CaseId]:
    """A case with its id and its folder, for the time of one run; the same request again finds the same case.

    When the run fails, what an earlier one left is put back; a case that was new and whose input cannot be used
    leaves no folder.

    Raises:
        InputError: the images cannot be read at all, or the request contradicts itself.
        StoreError: another process is at work on the case.
    """
    _check(request)
    who, study_uid = identify(request.ct, request.pet)
    fingerprints = fingerprints_of(request)
    parts = (who.issuer, who.patient_id, study_uid) if study_uid else (fingerprints["ct"],)
    case = CaseFiles(make_case_id(*parts))
    content = {key: _plain(value) for key, value in asdict(request).items()}
    with case.locked():
        earlier = _private_files(case) if case.root.exists() else None
        case.create()
        case.write_private(REQUEST, content | {"fingerprints": fingerprints})
        try:
            yield case.case_id
        except Exception as error:
            _put_back(case, earlier, error)
            raise


def _private_files(case: CaseFiles) -> dict[str, bytes]:
    paths = (case.private / name for name in (REQUEST, IDENTITY, RECORD))
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def _put_back(case: CaseFiles, earlier: dict[str, bytes] | None, error: Exception) -> None:
    """Undo what a failed run did to `private`; a new case that failed for another reason than its input may go on."""
    if earlier is None:
        if isinstance(error, InputError):
            case.erase()
        return
    for name in (REQUEST, IDENTITY, RECORD):
        if name in earlier:
            write_bytes(case.private / name, earlier[name])
        else:
            (case.private / name).unlink(missing_ok=True)


def analysis_parameters(case_id: str) -> dict[str, Any]:
    """What a run depends on, without anything that names the patient: words and hashes."""
    request = CaseFiles(case_id).read_private(REQUEST)
    found = request["fingerprints"]
    editions = [request["edition"]] if request["edition"] else list(cancer(request["cancer"]).editions)
    return {
        "cancer": request["cancer"],
        "subset": request["subset"],
        "classification": request["classification"],
        "editions": editions,
        "language": request["language"],
        "nifti": request["nifti"],
        "images": {key: found[key] for key in ("ct", "pet") if key in found},
        "record": found["record"],
        "contours": found["contours"],
        "prior": found["prior"],
        "tables": tables().version,
        "models": model_marks(request["cancer"]),
        "node_models": node_marks(request["cancer"]),
    }


def _check(request: Request) -> None:
    plugin = cancer(request.cancer)
    if request.edition and request.edition not in plugin.editions:
        raise FactError(
            f"there is no edition {request.edition} for {plugin.key}; expected one of: {', '.join(plugin.editions)}"
        )
    if request.ehr and request.fhir_url:
        raise InputError("a record was given as a file and as a server; give one of --ehr and --fhir-url")
    if request.fhir_url and not request.patient:
        raise InputError("--fhir-url was given without --patient; name the patient's id on that server")


def fingerprints_of(request: Request) -> dict[str, Any]:
    """Hashes of everything that came in. A server's record is fetched anew for every call, so it gets a fresh mark."""
    found: dict[str, Any] = {"ct": fingerprint(request.ct)}
    if request.pet:
        found["pet"] = fingerprint(request.pet)
    found["record"] = "none"
    if request.ehr:
        found["record"] = fingerprint(request.ehr)
    elif request.fhir_url:
        found["record"] = f"fetched-{secrets.token_hex(8)}"
    found["prior"] = _prior_fingerprint(request.prior)
    names = [fingerprint(request.contour_names)] if request.contour_names else []
    found["contours"] = [fingerprint(path) for path in request.contours] + names
    return found


def _prior_fingerprint(folder: Path | None) -> str:
    """Hash of what an earlier case holds that matters here.

    Raises:
        InputError: the folder holds no results of an earlier staging.
    """
    if folder is None:
        return "none"
    lacking = [name for name in PRIOR_NEEDED if not (folder / name).is_file()]
    if lacking:
        raise InputError(f"--prior holds no {' and no '.join(lacking)}; {PRIOR_EXPECTED}")
    return "-".join(fingerprint(folder / name)[:32] for name in PRIOR_NEEDED)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
