"""Every plug-in is whole: tables, codes, models, stations, board cases, report section, probabilities, patients.

Tests to discuss have their own completeness test in tests/oncology/test_next_tests.py, cohorts in tests/models.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from board_cases import IMAGING_DATE, board_cases, findings_of, history_of
from mdt_dicom.names import structure_codes
from mdt_fhir.code_table import table, tumor_meaning
from mdt_fhir.element import Coded
from models.card import ROLES
from models.registry import all_cards, cards_for, weights_path
from models.synthetic.draw import COHORTS, draw_plan
from models.synthetic.patient import DEMOS
from models.synthetic.plan import FIELD_OF
from oncology.cancers.fusion import rules_for
from oncology.cancers.protocol import MODULES, CancerPlugin, cancer, plugin_faults
from oncology.decisive import DECISIVE
from oncology.findings import CaseId, Findings, History, to_json
from oncology.imaging.organ import CRICOID, EGJ
from oncology.imaging.stations.finder import FINDERS
from oncology.probabilities import tumor_probabilities
from oncology.staging import stage_case
from oncology.tnm.loader import tables
from oncology.tnm.vocabulary import AXES, vocabulary
from tasks.cohort import MADE
from tasks.eyes import LOOKING
from templates.render import FOLDER, languages, render_html
from templates.sections import section
from templates_sample import report

LEAST_CASES = 13
POINTS = {"carina", *CRICOID, *EGJ}
# What some makers of masks call a structure that others name as we do; a contour of that name is looked at.
OTHER_MAKERS = {"pancreas_uncinate", "carotid_artery_*", "pterygoid_process_*", "longus_capitis_*", "longus_colli_*"}
OWN_NAMES = {"extrinsic_tongue_muscles", "nasal_conchae", "parietal_pleura", "skin"}  # of synthetic bodies, contours


@pytest.fixture(params=MODULES)
def plugin(request: pytest.FixtureRequest) -> CancerPlugin:
    """Every plug-in in turn."""
    return cancer(request.param)


@cache
def staged_case(key: str) -> tuple[dict[str, Any], dict[str, Any], Findings]:
    """findings.json and staging.json of the cancer's first board case with a tumor and a node, and its findings."""
    case = next(case for case in _cases(key) if case["tumors"] and case.get("nodes") and "error" not in case["expect"])
    findings = findings_of(case)
    staging = stage_case(findings, history_of(case), ("8",), imaging_date=IMAGING_DATE)
    return to_json(findings), json.loads(json.dumps(staging)) | {"tables_version": "t"}, findings


def _cases(key: str) -> Iterator[dict[str, Any]]:
    return (case for case in board_cases() if case["cancer"] == key)


def _schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((files("oncology") / "schemas" / f"{name}.schema.json").read_text("utf-8"))
    return loaded


def test_its_key_is_its_module_and_it_lacks_nothing_to_stage_by(plugin: CancerPlugin) -> None:
    assert MODULES[plugin.key].rpartition(".")[2] == plugin.key
    assert plugin_faults(plugin) == []


def test_every_axis_of_every_edition_has_a_table_whichever_the_subset(plugin: CancerPlugin) -> None:
    site = vocabulary().site(plugin.tnm_site)
    for edition in plugin.editions:
        for subset in plugin.subsets_of_edition.get(edition, (None,)):
            assert all(tables().find(site, int(edition), "clinical", axis, subset) for axis in AXES)


def test_no_topography_belongs_to_two_cancers() -> None:
    claimed = Counter(code for key in MODULES for code in cancer(key).topographies)
    assert [code for code, count in claimed.items() if count > 1] == []


def test_a_record_coded_with_its_topographies_is_read_as_this_cancer(plugin: CancerPlugin) -> None:
    system = table()["systems"]["icdo3"][0]
    read = {code: tumor_meaning(Coded(system, code, "", "code")) for code in plugin.topographies}
    assert {code: meaning.site if meaning else None for code, meaning in read.items()} == dict.fromkeys(
        plugin.topographies, plugin.key
    )


def test_every_landmark_is_a_structure_a_point_or_a_word_of_its_site(plugin: CancerPlugin) -> None:
    facts = vocabulary().site(plugin.tnm_site).facts.values()
    known = {*structure_codes(), *POINTS, *OWN_NAMES, *(word for fact in facts for word in fact.values)}
    unknown = [name for name in plugin.landmarks if not any(fnmatch(one, name) for one in known)]
    assert set(unknown) <= OTHER_MAKERS


def test_its_nodes_have_a_map_of_stations_and_its_facts_rules_of_fusion(plugin: CancerPlugin) -> None:
    assert plugin.key in FINDERS
    assert {"malignancy of a node", "distant metastasis"} <= {rule.fact for rule in rules_for(plugin.key)}


@pytest.mark.parametrize("role", ROLES)
def test_the_models_of_a_role_have_their_weights(plugin: CancerPlugin, role: str) -> None:
    for card in cards_for(role, plugin.key, None):
        assert weights_path(card).is_file()


def test_a_model_looks_for_its_tumor_and_nodes_and_others_judge_them(plugin: CancerPlugin) -> None:
    needed = (*LOOKING, "node_malignancy", "invasion")
    assert [role for role in needed if not cards_for(role, plugin.key, None)] == []


def test_every_card_names_cancers_that_there_are() -> None:
    assert {key for card in all_cards(None).values() for key in card.cancers} <= set(MODULES)


def test_without_a_model_and_without_a_contour_tumor_and_nodes_are_said_to_be_lacking(plugin: CancerPlugin) -> None:
    findings = Findings(CaseId("0123456789abcdef"), plugin.key, nodes_assessed=False)
    found = stage_case(findings, History(), plugin.editions[:1], imaging_date=IMAGING_DATE)
    assert {"t", "n"} <= {gap["axis"] for gap in found["missing"]}
    assert found["editions"]["8"]["t"]["category"] in (None, "TX")
    assert found["editions"]["8"]["n"]["category"] in (None, "NX")


def test_it_has_board_cases(plugin: CancerPlugin) -> None:
    assert len(list(_cases(plugin.key))) >= LEAST_CASES


def test_its_section_of_the_report_has_tables_whose_words_are_translated(plugin: CancerPlugin) -> None:
    findings, staging, _ = staged_case(plugin.key)
    found = section(findings, staging)
    words = {word for item in found for word in (item.title, *item.columns)}
    assert len(found) >= 2
    for language in languages():
        if language != "en":
            assert not words - set(yaml.safe_load((FOLDER / "languages" / f"{language}.yaml").read_text("utf-8")))


@pytest.mark.parametrize("language", languages())
def test_its_report_is_rendered_in_every_language(plugin: CancerPlugin, language: str) -> None:
    findings, staging, _ = staged_case(plugin.key)
    html = render_html(report(cancer_title=plugin.title, findings=findings, staging=staging, key_images=[]), language)
    assert f'lang="{language}"' in html
    assert len(languages()) >= 2


def test_its_staging_and_probabilities_meet_their_schemas_and_name_the_organ(plugin: CancerPlugin) -> None:
    _, staging, findings = staged_case(plugin.key)
    content = json.loads(json.dumps(tumor_probabilities(findings, staging)))
    jsonschema.validate(content, _schema("Tumor_probabilities"))
    assert "tumor" in content["organs"][plugin.key]
    assert plugin.tnm_site in _schema("staging")["properties"]["site"]["enum"]


def test_synthetic_patients_of_it_are_planned_evaluated_and_shown_for_its_region(plugin: CancerPlugin) -> None:
    plan = draw_plan(plugin.key, seed=1, index=0)
    assert (plan.cancer, plugin.key in COHORTS, plugin.key in MADE) == (plugin.key, True, True)
    assert plugin.key in DECISIVE
    assert FIELD_OF[plugin.key] in {FIELD_OF[key] for key in DEMOS}
