"""A report in another language holds no English but quotations: of the record, of sources and of standards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from board_cases import IMAGING_DATE, board_cases, findings_of, history_of
from mdt_fhir import record_writer as write
from mdt_fhir.code_table import table
from mdt_fhir.history import read_history
from mdt_fhir.record import record_of
from models.training.labels import ANATOMY
from oncology.cancers.protocol import cancer
from oncology.cancers.scope import NON_MELANOMA, undecided_primaries
from oncology.errors import ScopeError
from oncology.findings import History, RecordFact, to_json
from oncology.probabilities import tumor_probabilities
from oncology.staging import stage_case
from templates.language import PLACE, language, read_catalog
from templates.render import FOLDER, languages, render_page
from templates.wording import texts
from templates_sample import report

OTHERS = [name for name in languages() if name != "en"]
SAME_IN_EVERY_LANGUAGE = {"MRN", "Patient", "Tumor", "SOP Instance UID", "G1", "G2", "G3", "GX", "PanIN-3", "normal"}
QUOTED = re.compile(
    r"<style>.*?</style>|<(td|li|p|span)\b[^>]*(?:lang=\"en\"|translate=\"no\")[^>]*>.*?</\1>", re.DOTALL
)
ENGLISH = re.compile(r"\b(?:the|of|with|is|not|and|no|yes|none|unknown|to|by|from|lies|which)\b")


def case_report(case: Mapping[str, Any]) -> Any:
    """The report of a board case as its findings and record give it; None where the case is refused."""
    plugin, findings, history = cancer(case["cancer"]), findings_of(case), history_of(case)
    options = {"subset": case.get("subset"), "imaging_date": IMAGING_DATE}
    try:
        staging = to_json(stage_case(findings, history, plugin.editions, **options)) | {"tables_version": "1"}
    except ScopeError:
        return None
    return report(
        cancer_title=plugin.title,
        findings=to_json(findings),
        staging=staging,
        history=to_json(history),
        probabilities=tumor_probabilities(findings, staging),
    )


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("group", sorted({case["group"] for case in board_cases()}))
def test_no_board_case_falls_back_to_english(name: str, group: str) -> None:
    translate = language(name)
    reports = [case_report(case) for case in board_cases() if case["group"] == group]
    pages = [render_page(item, name, translate) for item in reports if item is not None]
    assert len(pages) > 10
    assert translate.unknown - SAME_IN_EVERY_LANGUAGE == set()
    visible = [re.sub(r"<[^>]+>", " ", QUOTED.sub(" ", page)) for page in pages]
    assert {found for text in visible for found in ENGLISH.findall(text)} == set()


@pytest.mark.parametrize("name", OTHERS)
def test_every_word_of_the_vocabulary_is_told_in_every_language(name: str) -> None:
    catalog = read_catalog(FOLDER / "languages" / f"{name}.yaml")
    assert texts() - set(catalog) - SAME_IN_EVERY_LANGUAGE == set()


@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_keeps_its_places(name: str) -> None:
    for text, said in read_catalog(FOLDER / "languages" / "sentences" / f"{name}.yaml").items():
        assert set(PLACE.findall(text)) == set(PLACE.findall(said)), text


def test_a_sentence_is_translated_around_its_numbers_and_names() -> None:
    told = language("de")("endoscopy: cranial nerve palsy no; reaches 12.3 mm into the lateral pterygoid left")
    assert told == "Endoskopie: Hirnnerven (Lähmung) nein; reicht 12.3 mm tief (M. pterygoideus lateralis links)"


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_cancer_that_a_record_may_hold_is_told(name: str) -> None:
    rows = [row for system in ("icd10", "icd9", "snomed") for row in table()["other_tumors"][system].values()]
    translate = language(name)
    for site in {row["site"] for row in rows} - {NON_MELANOMA}:
        said = RecordFact("second_primary", {"site": site, "behavior": "malignant"}, "Condition/1", "code")
        (shown,) = undecided_primaries(History((said,)), "lung")
        translate(shown.message)
    assert translate.unknown == set()


def test_two_sentences_are_not_told_as_one() -> None:
    told = language("de")("T by EUS: T3; 17 degrees of the aorta in contact; 149 mm2 of contact with esophagus")
    assert "Kontakt über 17 Grad (Aorta)" in told
    assert told.endswith("149 mm² Kontakt (Ösophagus)")


def test_a_length_keeps_its_unit() -> None:
    assert language("de")("greatest dimension (mm)") == "längster Durchmesser (mm)"


def test_what_is_not_known_stays_as_it_is_and_is_kept() -> None:
    translate = language("de")
    assert translate("short axis 9.0 mm; a sentence nobody wrote") == "Kurzachse 9.0 mm; a sentence nobody wrote"
    assert translate.unknown == {"a sentence nobody wrote"}


def test_what_networks_may_be_refused_for_is_told_in_every_language() -> None:
    names = {name for structures in ANATOMY.values() for name in structures}
    for other in OTHERS:
        tell = language(other)
        for message in (
            "networks were not shown the PET, as it does not lie on the CT",
            "ours was made for CT with PET and was not asked",
            *(f"what ours drew cannot be what it is called, and counts as not seen: {name}: {why}"
              for name in sorted(names)
              for why in ("-900 HU on average, expected -60 to 300", "the left one lies to the right of the right one",
                          "pancreas: 0.4 mL, expected at least 10")),
        ):  # fmt: skip
            tell(message)
        assert not tell.unknown


def _patient(**changes: object) -> dict[str, Any]:
    made = write.patient("p", mrn="1", issuer="urn:x", family="A", given="B", sex="female", birth_date="1960-01-01")
    return {**made, **changes}


def _sampled(words: str, *, malignant: bool) -> dict[str, Any]:
    return {**write.station_biopsy("o", "p", "7", malignant, "EBUS", "2026-05-01"), "bodySite": {"text": words}}


def _cancer(name: str, site: str, status: str = "active", verified: str = "confirmed") -> dict[str, Any]:
    made = write.primary_cancer(name, "p", site, date="2026-05-01")
    for key, code in (("clinicalStatus", status), ("verificationStatus", verified)):
        made[key] = {"coding": [{**made[key]["coding"][0], "code": code}]}
    return made


RECORDS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "nothing": (_patient(),),
    "a patient without particulars": (_patient(gender="unknown", identifier=[], deceasedBoolean=True),),
    "a place that is not named": (_patient(), _cancer("c", "lung"), _sampled("a lymph node", malignant=True)),
    "a benign one": (_patient(), _cancer("c", "lung"), _sampled("a lymph node", malignant=False)),
    "a place in words": (_patient(), _cancer("c", "lung"), _sampled("Lymph node, subcarinal", malignant=True)),
    "a suspicion": (_patient(), _cancer("c", "lung", verified="provisional")),
    "a cancer that is over": (_patient(), _cancer("c", "lung", status="remission")),
    "another cancer": (_patient(), _cancer("c", "pancreas")),
    "both": (_patient(), _cancer("c", "lung", status="resolved"), _cancer("d", "pancreas")),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("kind", RECORDS)
def test_what_the_record_leaves_in_doubt_is_told_in_every_language(name: str, kind: str) -> None:
    found = read_history(record_of(write.bundle(list(RECORDS[kind]))), "lung")
    assert found.verdicts
    translate = language(name)
    for verdict in found.verdicts:
        translate(verdict.message)
    assert translate.unknown == set()
