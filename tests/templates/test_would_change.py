"""What would change the stage reads as sentences, in every language, whatever the engine found."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from oncology.findings import to_json
from oncology.tnm import stage, would_change
from oncology.tnm.engine import tables
from oncology.tnm.vocabulary import SiteSpec, vocabulary
from templates.render import FOLDER, languages, translator
from templates.wording import texts, wording
from templates.would_change import TEXTS, sentences

SAME_IN_EVERY_LANGUAGE = {"G1", "G2", "G3", "GX", "PanIN-3", "normal", "{new}"}
STATION = {"lung": "4R", "esophagus": "4R", "pancreas": "celiac"}
GIVEN: dict[str, Any] = {"density": "solid", "histology": "other", "lesion": "invasive", "primary_identified": True}


def staged(site: str, facts: dict[str, Any], change: dict[str, Any] | None = None) -> dict[str, Any]:
    """A case by every edition; with `change`, that is the only thing that would change its stage."""
    subset = next(iter(vocabulary().site(site).subsets), None)
    editions = {}
    for edition in tables().editions(site):
        answers = to_json(stage(site, edition, facts, strict=True, subset=subset))
        found = [one.to_json() for one in would_change(site, edition, facts, strict=True, subset=subset)]
        editions[str(edition)] = {**answers, "would_change": [change] if change else found}
    return {"site": site, "facts": [{"key": key, "value": value} for key, value in facts.items()], "editions": editions}


def some_facts(spec: SiteSpec) -> dict[str, Any]:
    """Every fact of a site with a value, and a node that may be malignant."""
    plain = {"bool": False, "set": [], "number": 25}
    facts = {key: GIVEN.get(key, plain.get(fact.kind)) for key, fact in spec.facts.items()}
    enums = {key: fact.values[-1] for key, fact in spec.facts.items() if fact.kind == "enum" and key not in GIVEN}
    node = {spec.station_key: STATION.get(spec.key, "II"), "laterality": "right", "positive": {"p": 0.7}, "id": "n1"}
    return {**facts, **enums, "nodes": [node | {"ene": {"p": 0.3}, "greatest_dimension_mm": 15}], "mets": []}


LUNG: dict[str, Any] = {
    "greatest_dimension_mm": 25,
    "density": "solid",
    "histology": "other",
    "main_bronchus_involved": False,
    "visceral_pleura_invasion": False,
    "atelectasis_or_obstructive_pneumonitis": "none",
    "superficial_spreading_bronchial_wall_only": False,
    "positive_cytology_no_visible_tumor": False,
    "separate_nodules": "none",
    "invaded_structures": [],
    "tumor_side": "right",
    "nodes": [{"id": "n1", "station": "4R", "positive": {"p": 0.9}}],
    "mets": [],
    "regions_not_imaged": [],
}


def test_a_negative_biopsy_is_told_from_old_to_new_stage() -> None:
    told = sentences(staged("lung", LUNG), str)

    assert told[0].startswith("If the biopsy of the node in station 4R is negative: N0 instead of N2")
    assert "stage IA3 instead of IIIA" in told[0]


def test_a_proven_node_is_not_called_for_biopsy_again() -> None:
    told = sentences(staged("lung", {**LUNG, "nodes": [{"id": "n1", "station": "4R", "positive": True}]}), str)

    assert any(line.startswith("If the node in station 4R is benign after all:") for line in told)
    assert not any("biopsy" in line for line in told)


def test_two_nodes_of_one_station_are_told_apart() -> None:
    nodes = [{"id": name, "station": "4R", "positive": {"p": 0.3}} for name in ("n1", "n2")]
    told = sentences(staged("lung", {**LUNG, "nodes": nodes}), str)

    assert any("in station 4R (n1)" in line for line in told)
    assert any("in station 4R (n2)" in line for line in told)


def test_stations_that_lead_to_one_stage_are_named_together() -> None:
    told = " ".join(sentences(staged("lung", LUNG), str))

    assert "in the mediastinum, hilum or lung on the left or in the low neck or above a clavicle (station 1)" in told
    assert "2L" not in told
    assert "others" not in told


def test_a_change_of_one_edition_only_names_the_edition() -> None:
    told = sentences(staged("lung", LUNG | {"nodes": [{"station": "4R", "positive": True}]}), str)
    second = next(line for line in told if "in the mediastinum, right of or in the midline" in line)

    assert "N2b instead of N2a" in second
    assert "(edition 9)" in second
    assert "(edition 8)" not in second


def test_the_first_sentences_are_of_different_facts() -> None:
    told = sentences(staged("lung", LUNG | {"nodes": [{"station": "4R", "positive": True}]}), str)

    assert len({" ".join(line.split()[:5]) for line in told[:4]}) == 4


def test_a_stage_that_editions_share_is_told_once() -> None:
    told = sentences(staged("lung", LUNG | {"greatest_dimension_mm": 37}), str)
    benign = next(line for line in told if "further malignant node" in line and "on the left" in line)

    assert "N3 instead of N2 (edition 8), N3 instead of N2a (edition 9), stage IIIB instead of IIIA." in benign


def test_what_changes_the_stage_group_comes_before_what_changes_a_letter() -> None:
    told = sentences(staged("lung", LUNG), str)
    stays = ["the stage stays" in line and "instead of" in line and "stage I" not in line for line in told]

    assert True in stays
    assert stays == sorted(stays)


def test_an_open_category_gets_its_answer_without_what_it_replaces() -> None:
    facts = LUNG | {"nodes": None}
    told = sentences(staged("lung", facts), str)

    assert any(line.startswith("If no lymph node is malignant: N0, stage IA3") for line in told)


def test_a_change_nobody_has_words_for_is_shown_as_it_is_written() -> None:
    change = {"finding": "new_fact", "if": "such a thing", "then": {"t": "T4", "stage_group": "IIIB"}}

    told = sentences(staged("lung", LUNG, change), str)

    assert told[0].startswith("If new fact: such a thing: T4 instead of T1c, stage IIIB")


@pytest.mark.parametrize("site", vocabulary().sites)
def test_every_change_of_every_site_has_words(site: str) -> None:
    told = sentences(staged(site, some_facts(vocabulary().site(site))), str)

    assert told
    for line in told:
        opening = line.split(": ")[0]
        assert "_" not in line
        assert "{" not in line
        assert opening not in {f"If {item['title']}" for item in wording()["findings"].values()}, line


@pytest.mark.parametrize("site", vocabulary().sites)
def test_every_word_of_the_vocabulary_has_a_title_and_values_in_words(site: str) -> None:
    spec, known = vocabulary().site(site), wording()
    values = {
        (key, value)
        for key, fact in spec.facts.items()
        for value in fact.values
        if key not in ("regions_not_imaged",) and value not in ("none",)
    }

    assert set(spec.keys) <= set(known["findings"])
    assert not {
        (key, value)
        for key, value in values
        if value not in known["values"] and value not in known["findings"][key].get("values", {})
    }
    assert set(spec.mets["site"].values) <= set(known["places"])
    assert set(spec.node) <= set(known["nodes"])


@pytest.mark.parametrize("site", wording()["groups"])
def test_groups_name_members_that_exist(site: str) -> None:
    spec = vocabulary().site(site)
    known = {"nodes": set(spec.stations), "mets": set(spec.mets["site"].values)}
    for fact, groups in wording()["groups"][site].items():
        for group in groups:
            assert set(group["members"]) <= known.get(
                fact, set(spec.facts[fact].values) if fact in spec.facts else set()
            )


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_every_word_is_translated_with_its_placeholders(language: str) -> None:
    catalog = yaml.safe_load((FOLDER / "languages" / f"{language}.yaml").read_text(encoding="utf-8"))
    every = (texts() | set(TEXTS)) - SAME_IN_EVERY_LANGUAGE

    assert not every - set(catalog)
    for text in every:
        for name in ("{value}", "{one}", "{place}", "{new}", "{old}", "{id}"):
            assert (name in text) == (name in catalog[text]), text


def test_a_german_report_has_german_sentences() -> None:
    told = sentences(staged("lung", LUNG), translator("de"))

    assert told[0].startswith("Wenn der Lymphknoten in Station 4R in der Biopsie negativ ist: N0 statt N2")
    assert not any("instead" in line or "If " in line for line in told)
