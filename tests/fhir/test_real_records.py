"""The records in the shared folder: expectations were read from the files themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mdt_fhir.history import read_history
from mdt_fhir.patient import identity
from mdt_fhir.record import read_record
from oncology.errors import RecordError
from oncology.findings import History

NO_LUNG_CANCER = [
    "synthea_colon_malignant.json",
    "synthea_colon_overlapping_rectal_polyp.json",
    "synthea_colon_polyp_only.json",
    "synthea_colon_primary.json",
    "synthea_colon_secondary.json",
    "synthea_prostate_in_situ.json",
    "synthea_prostate_metastatic.json",
    "mcode_masked_patient_bundle.json",
]


def lung(folder: Path, name: str) -> History:
    return read_history(read_record(folder / "ehr" / name), "lung")


def verdicts(history: History) -> set[str]:
    return {verdict.code for verdict in history.verdicts}


def values(history: History, name: str) -> list[Any]:
    return [fact.value for fact in history.named(name)]


def test_the_lung_cancer_among_eight_conditions_is_found(shared_data: Path) -> None:
    history = lung(shared_data, "synthea_nsclc_stage1.json")
    assert {fact.code for fact in history.named("site")} == {
        "http://snomed.info/sct|254637007",
        "http://snomed.info/sct|424132000",
    }
    assert [fact.date for fact in history.named("site")] == ["1985-07-26", "1985-07-25"]
    assert set(values(history, "histology")) == {"non_small_cell"}
    assert values(history, "smoking_status")[0] == "former"
    assert values(history, "recorded_stage") == [{"axis": "group", "value": "I", "method": None}]
    assert not history.conflicts


def test_chemoradiation_of_the_lung_cancer_is_prior_therapy(shared_data: Path) -> None:
    found = values(lung(shared_data, "synthea_nsclc_stage1.json"), "prior_therapy")
    assert {(value["kind"], value["date"], value["for"]) for value in found} == {
        ("chemotherapy", "1985-07-26", "lung"),
        ("radiotherapy", "1985-07-26", "lung"),
    }


def test_small_cell_histology_and_the_earlier_prostate_tumors_are_told_apart(shared_data: Path) -> None:
    history = lung(shared_data, "synthea_sclc_stage1_prostate.json")
    assert set(values(history, "histology")) == {"small_cell"}
    assert values(history, "recorded_stage") == [{"axis": "group", "value": "I", "method": None}]
    others = {(value["site"], value["behavior"], value["synchronous"]) for value in values(history, "second_primary")}
    assert others == {("prostate", "uncertain", False), ("prostate", "in_situ", False)}


def test_the_prostatectomy_is_no_treatment_of_the_lung_cancer(shared_data: Path) -> None:
    kinds = {value["kind"] for value in values(lung(shared_data, "synthea_sclc_stage1_prostate.json"), "prior_therapy")}
    assert kinds == {"chemotherapy", "radiotherapy"}


@pytest.mark.parametrize("name", NO_LUNG_CANCER)
def test_a_record_without_lung_cancer_says_so(name: str, shared_data: Path) -> None:
    history = lung(shared_data, name)
    assert "no-primary-cancer" in verdicts(history)
    assert not history.named("site")
    assert not history.named("prior_therapy")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("synthea_colon_malignant.json", "present"),
        ("synthea_colon_primary.json", "past"),
        ("synthea_colon_overlapping_rectal_polyp.json", "past"),
    ],
)
def test_a_colon_cancer_is_another_primary(name: str, status: str, shared_data: Path) -> None:
    (value,) = values(lung(shared_data, name), "second_primary")
    assert (value["site"], value["status"], value["same_site"]) == ("colon", status, False)


def test_a_polyp_is_no_cancer(shared_data: Path) -> None:
    assert not lung(shared_data, "synthea_colon_polyp_only.json").named("second_primary")


def test_a_prostate_metastasis_is_not_counted_for_the_lung(shared_data: Path) -> None:
    history = lung(shared_data, "synthea_prostate_metastatic.json")
    assert not history.named("metastasis_result")
    assert "metastasis-of-another-cancer" in verdicts(history)


def test_a_masked_patient_gives_no_identity_and_no_error(shared_data: Path) -> None:
    record = read_record(shared_data / "ehr" / "mcode_masked_patient_bundle.json")
    patient = identity(record)
    assert (patient.identifiers, patient.family, patient.birth_date, patient.sex) == ((), None, None, None)
    assert {"sex-unknown", "patient-without-identifier"} <= verdicts(read_history(record, "lung"))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("condition_searchset_multicoded.json", "DSTU2"),
        ("surgical_radiation_procedure_bundle.json", "no Patient"),
        ("index.json", "no FHIR resource"),
    ],
)
def test_files_that_are_no_r4_record_of_one_patient_are_refused(name: str, fault: str, shared_data: Path) -> None:
    with pytest.raises(RecordError, match=fault):
        read_record(shared_data / "ehr" / name)


def test_the_mcode_example_patient_keeps_performance_and_pack_years(shared_data: Path) -> None:
    path = shared_data.parent / "standards" / "mcode" / "examples" / "Bundle-mcode-patient-bundle-jenny-m.json"
    history = read_history(read_record(path), "lung")
    assert values(history, "ecog") == [0]
    assert values(history, "pack_years") == [20.0]
    assert not history.named("recorded_stage")
    assert "no-primary-cancer" in verdicts(history)
