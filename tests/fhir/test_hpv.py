"""HPV tests of tissue are read beside p16; p16 stages, and a disagreement is a contradiction for the board."""

from __future__ import annotations

from typing import Any

import pytest

from mdt_fhir import record_writer as write
from mdt_fhir.history import read_history
from mdt_fhir.record import record_of
from oncology.findings import CaseId, Findings, History
from oncology.staging import stage_case
from trunk_cases import tumor

DAY = "2026-02-03"
LOINC = "http://loinc.org"


def history(*resources: Any, site: str = "oropharynx") -> History:
    patient = write.patient(
        "p", mrn="M1", issuer="http://h.example", family="Doe", given="Jo", sex="female", birth_date="1955-06-07"
    )
    cancer = write.primary_cancer("c", "p", site, date=DAY, histology="squamous")
    return read_history(record_of(write.bundle([patient, cancer, *resources])), site)


def coded(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code, "display": display}]}


def subset(found: History) -> tuple[str | None, set[str]]:
    findings = Findings(CaseId("0123456789abcdef"), "oropharynx", tumors=(tumor(25.0),), nodes_assessed=True)
    staged = stage_case(findings, found, ("8",), imaging_date="2026-05-04")
    return staged["subset"], {item["name"] for item in staged["conflicts"]}


@pytest.mark.parametrize(
    ("code", "display"),
    [
        ("73959-9", "Human papilloma virus 16+18+31+33+35+39+45+51+52+56+58+66 DNA [Presence] in Tissue by Probe"),
        ("44551-0", "Human papilloma virus DNA [Presence] in Tissue by Probe"),
        ("93777-1", "Human papilloma virus 16+18 E6+E7 mRNA [Presence] in Tissue by Probe"),
    ],
)
def test_hpv_in_tissue_is_read_by_its_loinc_code(code: str, display: str) -> None:
    found = history({**write.hpv("o", "p", False, DAY), "code": coded(code, display)})
    assert [fact.value for fact in found.named("hpv")] == ["negative"]
    assert "read-from-text" not in {verdict.code for verdict in found.verdicts}


@pytest.mark.parametrize("words", ["High-risk HPV RNA ISH, tonsil biopsy", "HPV in situ hybridization, neck node"])
def test_hpv_in_words_is_read_with_a_doubt(words: str) -> None:
    found = history({**write.hpv("o", "p", True, DAY), "code": {"text": words}})
    assert [fact.value for fact in found.named("hpv")] == ["positive"]
    assert "read-from-text" in {verdict.code for verdict in found.verdicts}


@pytest.mark.parametrize(
    "words",
    [
        "Human papilloma virus 6+11 DNA [Presence] in Tissue by Probe",
        "HPV low-risk ISH",
        "Human papilloma virus E6+E7 mRNA [Presence] in Cervix by NAA with probe detection",
        "HPV DNA, plasma",
        "HPV vaccine, DNA-based",
    ],
)
def test_low_risk_types_and_other_organs_say_nothing_of_the_tumor(words: str) -> None:
    assert not history({**write.hpv("o", "p", True, DAY), "code": {"text": words}}).named("hpv")


def test_an_immune_stain_for_p16_with_a_foreign_code_is_read_by_its_words() -> None:
    stain = coded("00000-0", "p16 Ag [Presence] in Tissue by Immune stain")
    found = history({**write.p16("o", "p", True, DAY), "code": stain})
    assert [fact.value for fact in found.named("p16")] == ["positive"]
    assert not found.named("hpv")


@pytest.mark.parametrize(("p16", "hpv"), [(True, False), (False, True)])
def test_a_disagreement_is_shown_and_p16_stages(p16: bool, hpv: bool) -> None:
    found = history(write.p16("a", "p", p16, DAY), write.hpv("b", "p", hpv, DAY))
    (conflict,) = found.conflicts
    assert conflict.name == "p16_hpv"
    assert set(conflict.values) == {f"p16 {_word(p16)}", f"HPV {_word(hpv)}"}
    assert [resource.split("#")[0] for resource in conflict.resources] == ["Observation/a", "Observation/b"]
    assert subset(found) == (f"p16={_word(p16)}", {"p16_hpv"})


def _word(positive: bool) -> str:
    return "positive" if positive else "negative"


@pytest.mark.parametrize("positive", [True, False])
def test_agreement_is_no_conflict(positive: bool) -> None:
    found = history(write.p16("a", "p", positive, DAY), write.hpv("b", "p", positive, DAY))
    assert subset(found) == (f"p16={_word(positive)}", set())


def test_hpv_without_p16_chooses_no_table_and_says_so() -> None:
    found = history(write.hpv("b", "p", True, DAY))
    assert "hpv-without-p16" in {verdict.code for verdict in found.verdicts}
    assert subset(found) == (None, set())


def test_two_results_for_hpv_are_a_contradiction_of_their_own() -> None:
    found = history(
        write.p16("a", "p", True, DAY), write.hpv("b", "p", True, DAY), write.hpv("c", "p", False, "2026-02-10")
    )
    assert {conflict.name for conflict in found.conflicts} == {"hpv", "p16_hpv"}
    assert subset(found)[0] == "p16=positive"


def test_where_p16_chooses_no_tables_a_disagreement_is_no_question() -> None:
    found = history(write.p16("a", "p", True, DAY), write.hpv("b", "p", False, DAY), site="larynx")
    assert not found.conflicts
