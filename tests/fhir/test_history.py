"""Facts out of records written by the record writer, and their doubts and contradictions."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from mdt_fhir import record_writer as write
from mdt_fhir.code_table import table
from mdt_fhir.history import FACT_NAMES, read_history
from mdt_fhir.patient import identity
from mdt_fhir.record import record_of
from oncology.errors import RecordError
from oncology.findings import History, Severity

DAY = "2026-02-03"


def patient(sex: str | None = "male") -> dict[str, Any]:
    return write.patient(
        "p", mrn="M1", issuer="http://h.example", family="Doe", given="Jo", sex=sex, birth_date="1955-06-07"
    )


def cancer(site: str = "lung", name: str = "c", **more: Any) -> dict[str, Any]:
    return write.primary_cancer(name, "p", site, date=more.pop("date", DAY), **more)


def history(*resources: Any, site: str = "lung", sex: str | None = "male") -> History:
    return read_history(record_of(write.bundle([patient(sex), *resources])), site)


def values(found: History, name: str) -> list[Any]:
    return [fact.value for fact in found.named(name)]


def codes(found: History) -> set[str]:
    return {verdict.code for verdict in found.verdicts}


WRITTEN: dict[str, tuple[Any, str, Any]] = {
    "p16": (write.p16("o", "p", True, DAY), "p16", "positive"),
    "p16 negative": (write.p16("o", "p", False, DAY), "p16", "negative"),
    "hpv": (write.hpv("o", "p", True, DAY), "hpv", "positive"),
    "ebv": (write.ebv("o", "p", True, DAY), "ebv", "positive"),
    "ca 19-9": (write.marker("o", "p", "ca_19_9", 420.0, DAY), "ca_19_9", {"value": 420.0, "unit": "[arb'U]/mL"}),
    "cea": (write.marker("o", "p", "cea", 3.2, DAY), "cea", {"value": 3.2, "unit": "ng/mL"}),
    "scc": (write.marker("o", "p", "scc_antigen", 1.1, DAY), "scc_antigen", {"value": 1.1, "unit": "ng/mL"}),
    "ecog": (write.ecog("o", "p", 2, DAY), "ecog", 2),
    "smoking": (write.smoking("o", "p", "former", DAY), "smoking_status", "former"),
    "pack years": (write.number("o", "p", "pack_years", 40, DAY), "pack_years", 40.0),
    "fev1": (write.number("o", "p", "fev1_percent", 71, DAY), "fev1_percent", 71.0),
    "dlco": (write.number("o", "p", "dlco_percent", 55, DAY), "dlco_percent", 55.0),
    "depth": (write.number("o", "p", "depth_of_invasion_mm", 7, DAY), "depth_of_invasion_mm", 7.0),
    "cord": (write.cord_mobility("o", "p", "fixed", DAY), "vocal_cord_mobility", "fixed"),
    "eus": (write.eus_t("o", "p", "T2", DAY), "eus_t", "T2"),
    "endoscopy": (
        write.endoscopy("o", "p", {"distance_from_incisors": 320.0, "passable": False}, DAY),
        "endoscopy",
        {"distance_from_incisors_mm": 320.0, "passable": False},
    ),
    "biopsy": (
        write.biopsy("o", "p", True, DAY, histology="squamous"),
        "biopsy",
        {"malignant": True, "histology": "squamous", "method": "biopsy"},
    ),
    "station": (
        write.station_biopsy("o", "p", "4R", True, "EBUS", DAY),
        "station_result",
        {"station": "4R", "malignant": True, "method": "EBUS"},
    ),
    "level of the neck": (
        write.station_biopsy("o", "p", "II", True, "FNA", DAY, laterality="left"),
        "station_result",
        {"station": "II", "laterality": "left", "malignant": True, "method": "FNA"},
    ),
    "metastasis": (
        write.metastasis_biopsy("o", "p", "liver", False, DAY),
        "metastasis_result",
        {"site": "liver", "malignant": False},
    ),
    "therapy": (
        write.prior_therapy("t", "p", "chemotherapy", DAY, "c"),
        "prior_therapy",
        {"kind": "chemotherapy", "date": DAY, "for": "lung", "last_date": DAY},
    ),
    "surgery": (
        write.prior_therapy("t", "p", "surgery", DAY, "c"),
        "prior_therapy",
        {"kind": "surgery", "date": DAY, "for": "lung", "last_date": DAY},
    ),
    "question": (write.service_request("s", "p", "Resectable?", DAY), "question", "Resectable?"),
    "imaging": (
        write.imaging_study("i", "p", "1.2.3", ["CT", "PT"], DAY),
        "imaging_study",
        {"uid": "1.2.3", "modality": ["CT", "PT"], "date": DAY},
    ),
    "brain metastasis": (
        write.secondary_cancer("m", "p", "brain", date=DAY),
        "metastasis_result",
        {"site": "brain", "malignant": True},
    ),
    "adrenal metastasis": (
        write.secondary_cancer("m", "p", "adrenal_left", date=DAY),
        "metastasis_result",
        {"site": "adrenal_left", "malignant": True},
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_the_writer_writes_the_reader_reads(name: str) -> None:
    resource, fact_name, expected = WRITTEN[name]
    found = history(cancer(), resource)
    (fact,) = found.named(fact_name)
    assert fact.value == expected
    assert fact.resource == f"{resource['resourceType']}/{resource['id']}"
    assert fact.date == DAY
    assert "read-from-text" not in codes(found)


@pytest.mark.parametrize("site", list(table()["sites"]))
@pytest.mark.parametrize("side", ["left", "right", "midline", None])
def test_a_written_primary_is_found_with_subsite_side_and_histology(site: str, side: str | None) -> None:
    subsites = {row.get("subsite") for row in table()["sites"][site]["icd10"].values()}
    for subsite in sorted(subsites, key=str):
        found = history(cancer(site, subsite=subsite, laterality=side, histology="squamous"), site=site)
        assert set(values(found, "site")) == {site}
        assert set(values(found, "subsite")) <= {subsite}
        assert set(values(found, "laterality")) == ({side} if side else set())
        assert set(values(found, "histology")) == {"squamous"}
        assert not found.conflicts


def test_every_fact_name_that_readers_use_is_described() -> None:
    found = history(
        cancer(histology="small_cell", subsite="upper_lobe", laterality="left", clinical="recurrence"),
        *(item[0] for item in WRITTEN.values()),
    )
    assert {fact.name for fact in found.facts} <= set(FACT_NAMES)


def test_the_asked_cancer_is_found_among_others() -> None:
    found = history(cancer("larynx", "a"), cancer("lung", "b"), write.other_cancer("d", "p", "C61", date="2001-01-01"))
    assert [fact.resource for fact in found.named("site")] == ["Condition/b"]
    others = {(value["site"], value["synchronous"]) for value in values(found, "second_primary")}
    assert others == {("larynx", True), ("prostate", False)}


@pytest.mark.parametrize("verification", ["refuted", "entered-in-error"])
def test_a_refuted_cancer_is_none(verification: str) -> None:
    found = history(cancer(verification=verification))
    assert "no-primary-cancer" in codes(found)
    assert not found.named("site")


def test_a_resolved_cancer_of_the_site_is_the_past_not_the_primary() -> None:
    found = history(cancer(clinical="resolved", date="2010-01-01"))
    assert "no-primary-cancer" in codes(found)
    (value,) = values(found, "second_primary")
    kind = {"site": "lung", "status": "past", "behavior": "malignant", "same_site": True, "synchronous": False}
    assert value == kind | {"certain": True}


def test_a_provisional_cancer_counts_with_a_verdict() -> None:
    found = history(cancer(verification="provisional"))
    assert values(found, "site") == ["lung"]
    assert "primary-suspected" in codes(found)


@pytest.mark.parametrize("status", ["recurrence", "relapse"])
def test_a_recurrence_is_a_fact(status: str) -> None:
    assert values(history(cancer(clinical=status)), "recurrence") == [True]


def test_an_unknown_site_is_refused() -> None:
    with pytest.raises(RecordError, match="thigh"):
        history(cancer(), site="thigh")


def test_icd_9_icd_10_and_snomed_side_by_side_make_one_cancer() -> None:
    codings = [
        {"system": "http://hl7.org/fhir/sid/icd-9-cm/diagnosis", "code": "162.3"},
        {"system": "urn:oid:2.16.840.1.113883.6.90", "code": "C34.11"},
        {"system": "http://snomed.info/sct", "code": "254626006"},
    ]
    condition = {**cancer(), "code": {"coding": codings}, "bodySite": []}
    found = history(condition)
    assert values(found, "site") == ["lung"]
    assert set(values(found, "subsite")) == {"upper_lobe"}
    assert values(found, "laterality") == ["right"]
    assert values(found, "histology") == ["adenocarcinoma"]


def test_a_general_code_is_placed_by_its_body_site() -> None:
    condition = {
        **cancer(laterality="left"),
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C80.1"}]},
    }
    found = history(condition)
    assert values(found, "site") == ["lung"]
    assert values(found, "laterality") == ["left"]


def test_words_alone_are_read_with_a_doubt() -> None:
    condition = {
        **cancer(),
        "code": {"text": "Squamous cell carcinoma of the left lung"},
        "bodySite": [{"text": "left lung"}],
    }
    found = history(condition)
    assert values(found, "site") == ["lung"]
    assert values(found, "histology") == ["squamous"]
    assert values(found, "laterality") == ["left"]
    assert "read-from-text" in codes(found)


@pytest.mark.parametrize(
    "text",
    ["Family history of lung cancer", "Screening for lung cancer", "Benign neoplasm of lung", "Suspected lung cancer"],
)
def test_words_that_deny_a_cancer_make_none(text: str) -> None:
    assert "no-primary-cancer" in codes(history({**cancer(), "code": {"text": text}, "bodySite": []}))


def test_a_trachea_cancer_is_not_a_lung_cancer() -> None:
    condition = write.other_cancer("c", "p", "C33", date=DAY)
    assert not history(condition).named("site")


def test_a_cancer_of_the_cardia_is_named_when_esophagus_is_asked() -> None:
    found = history(write.other_cancer("c", "p", "C16.0", date=DAY), site="esophagus")
    assert {"no-primary-cancer", "junction-cancer"} <= codes(found)


@pytest.mark.parametrize(
    ("code", "site"),
    [
        ("C01", "oropharynx"),
        ("C02.1", "oral_cavity"),
        ("C02.4", "oropharynx"),
        ("C05.0", "oral_cavity"),
        ("C05.1", "oropharynx"),
        ("C12", "hypopharynx"),
    ],
)
def test_head_and_neck_codes_go_to_their_site(code: str, site: str) -> None:
    found = history(write.other_cancer("c", "p", code, date=DAY), site=site)
    assert values(found, "site") == [site]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("8140/3", "adenocarcinoma"),
        ("8041/3", "small_cell"),
        ("8250/2", "adenocarcinoma_in_situ"),
        ("8256/3", "minimally_invasive_adenocarcinoma"),
        ("8013/3", "large_cell_neuroendocrine"),
        ("8085/3", "squamous"),
        ("8500/3", "adenocarcinoma"),
    ],
)
def test_morphology_codes_give_the_class(code: str, expected: str) -> None:
    condition = cancer(histology="squamous")
    condition["extension"][0]["valueCodeableConcept"] = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/icd-o-3", "code": code}]
    }
    assert values(history(condition), "histology") == [expected]


def test_both_p16_results_stay_and_conflict() -> None:
    found = history(
        cancer("oropharynx"),
        write.p16("a", "p", True, DAY),
        write.p16("b", "p", False, "2026-02-10"),
        site="oropharynx",
    )
    assert sorted(values(found, "p16")) == ["negative", "positive"]
    assert [conflict.name for conflict in found.conflicts] == ["p16"]


def test_two_sides_conflict() -> None:
    found = history(cancer(name="a", laterality="left"), cancer(name="b", laterality="right"))
    assert "laterality" in {conflict.name for conflict in found.conflicts}


@pytest.mark.parametrize(("later", "synchronous"), [("2026-04-01", True), ("2029-01-01", False)])
def test_a_cancer_of_the_other_lung_is_a_second_primary_as_well(later: str, synchronous: bool) -> None:
    found = history(cancer(name="a", laterality="left"), cancer(name="b", laterality="right", date=later))
    (value,) = values(found, "second_primary")
    assert (value["same_site"], value["status"], value["synchronous"]) == (True, "present", synchronous)


def test_the_same_cancer_coded_twice_is_one() -> None:
    found = history(cancer(name="a", laterality="left"), cancer(name="b", laterality="left", histology="squamous"))
    assert not found.named("second_primary")


def test_squamous_and_adenocarcinoma_conflict() -> None:
    found = history(cancer(name="a", histology="squamous"), cancer(name="b", histology="adenocarcinoma"))
    assert [conflict.name for conflict in found.conflicts] == ["histology"]


def test_a_general_histology_does_not_conflict_with_a_special_one() -> None:
    assert not history(
        cancer(name="a", histology="non_small_cell"), cancer(name="b", histology="adenocarcinoma")
    ).conflicts


def test_a_station_found_malignant_and_benign_conflicts() -> None:
    found = history(
        cancer(),
        write.station_biopsy("a", "p", "7", True, "EBUS", DAY),
        write.station_biopsy("b", "p", "7", False, "mediastinoscopy", DAY),
    )
    assert [conflict.name for conflict in found.conflicts] == ["station_result"]


def test_two_stations_do_not_conflict() -> None:
    assert not history(
        cancer(),
        write.station_biopsy("a", "p", "7", True, "EBUS", DAY),
        write.station_biopsy("b", "p", "4R", False, "EBUS", DAY),
    ).conflicts


def test_a_level_malignant_on_one_side_and_benign_on_the_other_does_not_conflict() -> None:
    found = history(
        cancer("larynx"),
        write.station_biopsy("a", "p", "II", True, "FNA", DAY, laterality="right"),
        write.station_biopsy("b", "p", "II", False, "FNA", DAY, laterality="left"),
        site="larynx",
    )
    assert not found.conflicts
    assert len(found.named("station_result")) == 2


SNOMED = "http://snomed.info/sct"
LEFT_CODE, RIGHT_CODE = ({"system": SNOMED, "code": code} for code in ("7771000", "24028007"))


@pytest.mark.parametrize(
    ("body_site", "place"),
    [
        ({"text": "left level II"}, {"station": "II", "laterality": "left"}),
        ({"text": "Lymph node, level IIA, right"}, {"station": "IIA", "laterality": "right"}),
        ({"text": "level II", "coding": [LEFT_CODE]}, {"station": "II", "laterality": "left"}),
        ({"text": "level II, right", "coding": [LEFT_CODE]}, {"station": "II"}),
        ({"text": "level II left and right"}, {"station": "II"}),
        ({"text": "level II"}, {"station": "II"}),
        ({"text": "station 4, right"}, {"station": "4R"}),
        ({"text": "station 4L, left"}, {"station": "4L"}),
        ({"text": "station 7, left"}, {"station": "7"}),
    ],
)
def test_the_side_of_a_sampled_level_is_read_where_one_is_told(body_site: Any, place: dict[str, str]) -> None:
    sample = {**write.station_biopsy("o", "p", "II", True, "FNA", DAY), "bodySite": body_site}
    assert values(history(cancer("larynx"), sample, site="larynx"), "station_result") == [
        {**place, "malignant": True, "method": "FNA"}
    ]


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("Lymph node, subcarinal", {"station": "7"}),
        ("right lower paratracheal lymph node", {"station": "4R"}),
        ("Lymph node of left pulmonary ligament", {"station": "9L"}),
        ("aortopulmonary window node", {"station": "5"}),
        ("left axillary lymph node", {"station": "axillary", "laterality": "left"}),
    ],
)
def test_a_station_is_read_by_the_name_that_pathologists_use(words: str, place: dict[str, str]) -> None:
    sample = {**write.station_biopsy("o", "p", "7", True, "EBUS", DAY), "bodySite": {"text": words}}
    assert values(history(cancer(), sample), "station_result") == [{**place, "malignant": True, "method": "EBUS"}]


@pytest.mark.parametrize(
    ("malignant", "code", "severity"),
    [(True, "proven-place-not-read", Severity.WARNING), (False, "value-not-read", Severity.INFO)],
)
def test_tumor_proven_at_a_place_that_cannot_be_read_is_a_warning(
    malignant: bool, code: str, severity: Severity
) -> None:
    sample = {**write.station_biopsy("o", "p", "7", malignant, "EBUS", DAY), "bodySite": {"text": "a lymph node"}}
    found = history(cancer(), sample)
    assert not found.named("station_result")
    assert [verdict.severity for verdict in found.verdicts if verdict.code == code] == [severity]


def test_a_side_that_qualifier_and_words_tell_differently_is_not_guessed() -> None:
    sample = write.station_biopsy("o", "p", "II", True, "FNA", DAY, laterality="left")
    sample["bodySite"]["text"] = "lymph node station II right"
    (value,) = values(history(cancer("larynx"), sample, site="larynx"), "station_result")
    assert "laterality" not in value


@pytest.mark.parametrize(
    ("side", "site"), [(LEFT_CODE, "adrenal_left"), (RIGHT_CODE, "adrenal_right"), ({}, "adrenal")]
)
def test_a_sampled_adrenal_gland_keeps_its_side(side: dict[str, str], site: str) -> None:
    gland = {"coding": [{"system": SNOMED, "code": "23451007"}, *([side] if side else [])]}
    sample = {**write.metastasis_biopsy("o", "p", "liver", False, DAY), "bodySite": gland}
    assert values(history(cancer(), sample), "metastasis_result") == [{"site": site, "malignant": False}]


def test_performance_may_change_over_time_but_not_on_one_day() -> None:
    changed = history(cancer(), write.ecog("a", "p", 1, DAY), write.ecog("b", "p", 2, "2026-03-03"))
    clash = history(cancer(), write.ecog("a", "p", 1, DAY), write.ecog("b", "p", 2, DAY))
    assert not changed.conflicts
    assert [conflict.name for conflict in clash.conflicts] == ["ecog"]
    assert values(changed, "ecog") == [2, 1]


def test_a_prostate_cancer_in_a_woman_conflicts() -> None:
    found = history(cancer(), write.other_cancer("d", "p", "C61", date="2001-01-01"), sex="female")
    assert [conflict.name for conflict in found.conflicts] == ["sex"]


def test_a_therapy_of_another_cancer_is_not_counted() -> None:
    other = write.other_cancer("d", "p", "C50", date="2015-01-01")
    assert not history(cancer(), other, write.prior_therapy("t", "p", "radiotherapy", "2015-03-01", "d")).named(
        "prior_therapy"
    )


def test_a_therapy_without_reason_counts_with_doubt_only_when_no_other_cancer_is_there() -> None:
    alone = history(cancer(), write.prior_therapy("t", "p", "chemotherapy", "2026-03-01"))
    beside = history(
        cancer(),
        write.other_cancer("d", "p", "C50", date="2015-01-01"),
        write.prior_therapy("t", "p", "chemotherapy", "2026-03-01"),
    )
    assert [value["kind"] for value in values(alone, "prior_therapy")] == ["chemotherapy"]
    assert "read-from-text" in codes(alone)
    assert not beside.named("prior_therapy")
    assert "therapy-without-reason" in codes(beside)


@pytest.mark.parametrize(
    ("drug", "kind"),
    [
        ("Cisplatin 50 MG Injection", "chemotherapy"),
        ("pembrolizumab 25 MG/ML", "immunotherapy"),
        ("osimertinib 80 MG", "targeted"),
    ],
)
def test_drugs_count_by_the_ingredient_in_their_name(drug: str, kind: str) -> None:
    concept = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1", "display": drug}]}
    request = {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "status": "completed",
        "medicationCodeableConcept": concept,
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-03-01",
        "reasonReference": [{"reference": "Condition/c"}],
    }
    assert [value["kind"] for value in values(history(cancer(), request), "prior_therapy")] == [kind]


def test_a_drug_not_taken_is_no_therapy() -> None:
    concept = {"coding": [{"system": "http://www.whocc.no/atc", "code": "L01XA01", "display": "cisplatin"}]}
    statement = {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "not-taken",
        "medicationCodeableConcept": concept,
        "subject": {"reference": "Patient/p"},
    }
    assert not history(cancer(), statement).named("prior_therapy")


def test_liters_are_not_percent_of_predicted() -> None:
    observation = write.number("o", "p", "fev1_percent", 2.4, DAY)
    observation["valueQuantity"] = {"value": 2.4, "unit": "L", "code": "L"}
    found = history(cancer(), observation)
    assert not found.named("fev1_percent")
    assert "value-not-read" in codes(found)


def test_an_observation_entered_in_error_is_ignored() -> None:
    assert not history(cancer(), {**write.p16("o", "p", True, DAY), "status": "entered-in-error"}).named("p16")


def test_a_result_in_words_is_read_with_a_doubt() -> None:
    observation = {
        **write.p16("o", "p", True, DAY),
        "code": {"text": "p16 immunohistochemistry"},
        "valueString": "Positive (>70%)",
    }
    del observation["valueCodeableConcept"]
    found = history(cancer("oropharynx"), observation, site="oropharynx")
    assert values(found, "p16") == ["positive"]
    assert "read-from-text" in codes(found)


def test_a_node_metastasis_code_without_station_decides_nothing() -> None:
    node = {
        **write.secondary_cancer("m", "p", "brain", date=DAY),
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C77.1"}]},
    }
    found = history(cancer(), node)
    assert not found.named("metastasis_result")
    assert "metastasis-place-open" in codes(found)


def test_a_missing_sex_is_a_verdict() -> None:
    found = history(cancer(), sex=None)
    assert not found.named("sex")
    assert "sex-unknown" in codes(found)


def test_an_observation_inside_a_report_counts() -> None:
    inner = write.station_biopsy("s7", "p", "7", True, "EBUS", DAY)
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "contained": [inner],
        "subject": {"reference": "Patient/p"},
    }
    (fact,) = history(cancer(), report).named("station_result")
    assert (fact.value["station"], fact.resource) == ("7", "DiagnosticReport/r#s7")


def test_a_cancer_in_the_personal_history_is_the_past() -> None:
    by_code = history(write.other_cancer("c", "p", "Z85.118", date="2015-01-01"))
    by_words = history({**cancer(), "code": {"text": "Personal history of lung cancer"}, "bodySite": []})
    for found in (by_code, by_words):
        assert "no-primary-cancer" in codes(found)
        assert [value["status"] for value in values(found, "second_primary")] == ["past"]


def test_a_lung_tumor_in_situ_is_found_with_its_side() -> None:
    found = history(write.other_cancer("c", "p", "D02.22", date=DAY))
    assert values(found, "site") == ["lung"]
    assert values(found, "laterality") == ["left"]


ELEMENTS = (
    "contained", "name", "medicationCodeableConcept", "medicationReference", "bodySite", "conclusionCode", "code",
    "valueCodeableConcept", "valueQuantity", "clinicalStatus", "verificationStatus", "reasonReference", "extension",
    "meta", "component", "method", "stage", "subject", "focus", "interpretation", "effectiveDateTime", "category",
    "identifier", "series", "note",
)  # fmt: skip


def test_a_reader_never_falls_over_odd_shapes() -> None:
    odd = [None, 5, "x", [], {}, [None], [5], [[]], {"coding": None}, {"coding": [None, 3, {}]}, {"reference": 7}]
    for resource in (
        cancer(),
        {**cancer(), "code": {"text": "?"}},
        write.prior_therapy("t", "p", "chemotherapy", DAY, "base"),
        {"resourceType": "DiagnosticReport", "status": "final"},
        {"resourceType": "MedicationStatement", "status": "completed"},
        write.endoscopy("e", "p", {"distance": 3.0}, DAY),
        write.marker("m", "p", "cea", 3.0, DAY),
        write.p16("o", "p", True, DAY),
        write.station_biopsy("o", "p", "7", True, "EBUS", DAY),
        write.prior_therapy("t", "p", "surgery", DAY),
        write.imaging_study("i", "p", "1.2", ["CT"], DAY),
        write.service_request("s", "p", "?", DAY),
    ):
        for name in ELEMENTS:
            for value in odd:
                with contextlib.suppress(RecordError):  # a string where DSTU2 had one is refused by release
                    history(cancer(name="base"), {**resource, "id": "odd", name: value})


def test_a_date_that_does_not_exist_is_no_fault() -> None:
    found = history(cancer(date="2026-02-31"), write.other_cancer("d", "p", "C50", date="2026-99-99"))
    assert [value["synchronous"] for value in values(found, "second_primary")] == [None]


@pytest.mark.parametrize(
    ("date", "synchronous"),
    [("2026-05-20", True), (None, None), ("2026", None), ("2026-03", True), ("2025-08", None), ("2024", False)],
)
def test_another_cancer_is_synchronous_by_what_its_date_says(date: str | None, synchronous: bool | None) -> None:
    found = history(cancer(date="2026-02-10"), cancer("esophagus", "b", date=date))
    assert [value["synchronous"] for value in values(found, "second_primary")] == [synchronous]


def test_a_basal_cell_carcinoma_is_told_from_other_cancers_by_code_and_by_words() -> None:
    by_words = {**cancer(name="b"), "code": {"text": "Basal cell carcinoma of the nose"}, "bodySite": []}
    for other in (write.other_cancer("b", "p", "C44.3", date=DAY), by_words):
        found = history(cancer(name="a"), other)
        assert [value["site"] for value in values(found, "second_primary")] == ["skin_non_melanoma"]


def test_a_suspected_other_cancer_is_not_certain() -> None:
    found = history(cancer(name="a"), cancer("esophagus", "b", verification="provisional"))
    assert [value["certain"] for value in values(found, "second_primary")] == [False]


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [None], [{}], {"given": 5}, [{"given": None}], [{"value": 5}]])
@pytest.mark.parametrize("name", ["name", "identifier", "gender", "birthDate", "extension", "contained", "meta"])
def test_an_odd_patient_is_read_as_far_as_it_goes(name: str, value: Any) -> None:
    record = record_of(write.bundle([{**patient(), name: value}, cancer()]))
    assert identity(record).resource_id == "p"
    assert values(read_history(record, "lung"), "site") == ["lung"]
