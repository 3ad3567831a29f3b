"""What was asked for: kept privately (paths name patients); its public part says only what matters to results."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mdt_dicom.intake import identify
from oncology.cancers.protocol import cancer
from oncology.errors import FactError, InputError
from oncology.findings import CaseId
from oncology.tnm.loader import tables
from tasks.case_files import CaseFiles, fingerprint, make_case_id


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
    subset: str | None = None
    edition: str | None = None
    classification: str = "clinical"
    nifti: bool = False
    language: str = "en"


def register(request: Request) -> CaseId:
    """Give the case its id and its folder; the same request again finds the same case.

    Raises:
        InputError: the images cannot be read at all, or the request contradicts itself.
    """
    _check(request)
    who, study_uid = identify(request.ct, request.pet)
    fingerprints = fingerprints_of(request)
    parts = (who.issuer, who.patient_id, study_uid) if study_uid else (fingerprints["ct"],)
    case_id = make_case_id(*parts)
    case = CaseFiles(case_id)
    case.create()
    content = {key: _plain(value) for key, value in asdict(request).items()}
    case.write_private("request.json", content | {"fingerprints": fingerprints})
    return case_id


def analysis_parameters(case_id: str) -> dict[str, Any]:
    """What a run depends on, without anything that names the patient: words and hashes."""
    request = CaseFiles(case_id).read_private("request.json")
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
        "tables": tables().version,
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
    names = [fingerprint(request.contour_names)] if request.contour_names else []
    found["contours"] = [fingerprint(path) for path in request.contours] + names
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
