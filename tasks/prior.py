"""The patient's earlier case, as `--prior` gives it: its findings and stage, to compare with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mdt_fhir.compare import compare_with_images
from mdt_fhir.patient import identity as recorded_identity
from mdt_fhir.record import read_record
from oncology.comparison import compare
from oncology.errors import InputError, ReportError
from oncology.findings import History, Severity, Verdict, to_json
from tasks.case_files import REQUEST, CaseFiles, Outputs
from tasks.findings import findings_from
from tasks.history import image_facts
from tasks.request import PRIOR_EXPECTED, PRIOR_NEEDED
from tasks.schemas import check
from tasks.step import step

PRIOR = "prior.json"
UNPROVEN = Verdict(
    "prior-not-checked",
    Severity.WARNING,
    "nothing proves that the prior results belong to the same patient: check them",
    "prior",
)


@step("1", io=True)
def take_in_prior(case_id: str, cancer: str, prior: str, images: Outputs) -> Outputs:
    """Findings and stage of the earlier case, once it is known to be of the same patient and cancer.

    Raises:
        InputError: the results are damaged, or of another cancer.
        IdentityError: they belong to another patient.
    """
    case = CaseFiles(case_id)
    if prior == "none":
        return {}
    folder = Path(case.read_private(REQUEST)["prior"])
    try:
        check(folder, ("findings", "staging"))
        content = {name.split(".")[0]: json.loads((folder / name).read_bytes()) for name in PRIOR_NEEDED}
    except (ReportError, ValueError, OSError) as error:
        raise InputError(f"the results that --prior names are damaged; {PRIOR_EXPECTED}") from error
    if content["findings"]["cancer"] != cancer:
        raise InputError(f"--prior holds a {content['findings']['cancer']} case; expected {cancer}")
    if content["findings"]["case_id"] == case_id:
        raise InputError("--prior holds this very study; expected an earlier one of the same patient")
    return case.save_json(PRIOR, content | {"verdicts": to_json(_same_patient(case, folder))})


def _same_patient(case: CaseFiles, folder: Path) -> tuple[Verdict, ...]:
    """Hold the earlier bundle's patient against the present images; other patients stop the case."""
    bundle = folder / "bundle.json"
    if not bundle.is_file():
        return (UNPROVEN,)
    found = compare_with_images(History(), recorded_identity(read_record(bundle)), image_facts(case))
    return (UNPROVEN,) if any(item.code == "identity-not-checked" for item in found.verdicts) else ()


def compared(prior: dict[str, Any], findings: dict[str, Any], staging: dict[str, Any]) -> dict[str, Any]:
    """The `comparison` of staging.json: findings matched, RECIST 1.1 sums, change of stage."""
    result = compare(findings_from(findings), findings_from(prior["findings"]), staging, prior["staging"])
    content: dict[str, Any] = to_json(result)
    for item, pair in zip(content["pairs"], result.pairs, strict=True):
        item["change"] = None if pair.change is None else round(pair.change, 4)
    return content | {"verdicts": prior["verdicts"]}
