"""Nodes are judged by the model that this installation uses; where it cannot answer, rules do and a verdict says so."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

import node_scene
from models.card import CARDS, WEIGHTS, read_card, write_card
from models.nodes.reading import READINGS
from models.registry import add_model
from oncology.cancers.evidence import DRAWN_AS_GROSS_TUMOR, malignancy_probability
from oncology.findings import Findings, Source, SourceKind
from oncology.imaging.proposals import logit
from tasks.findings import findings_from, findings_json
from tasks.node_judgement import judge_nodes
from tasks.settings import settings

DEAD, HILUM = 15.0, -45.0


def by_rules(findings: Findings) -> float:
    return malignancy_probability(replace(findings.nodes[0], p_malignant=None))


def test_a_large_hot_necrotic_node_is_likelier_malignant_than_a_small_cold_one_with_a_fatty_hilum(
    all_models: None,
) -> None:
    bad, good = node_scene.findings(24, DEAD, 9.0).nodes[0], node_scene.findings(8, HILUM, 1.1).nodes[0]
    assert bad.p_malignant is not None
    assert good.p_malignant is not None
    assert bad.p_malignant > 0.8 > 0.2 > good.p_malignant


def test_without_pet_the_model_answers_and_its_reasons_speak_of_no_uptake(all_models: None) -> None:
    bad, good = node_scene.findings(24, DEAD).nodes[0], node_scene.findings(8, HILUM).nodes[0]
    assert (bad.p_malignant or 0) > (good.p_malignant or 1)
    assert bad.malignancy_model == "node-malignancy"
    assert bad.reasons
    assert not any("SUV" in reason for reason in (*bad.reasons, *good.reasons))


def test_reasons_say_what_was_measured_and_which_way_it_speaks(all_models: None) -> None:
    reasons = node_scene.findings(24, DEAD, 9.0).nodes[0].reasons
    assert any(reason.startswith("for: ") and "SUVmax 9.0" in reason for reason in reasons)


def test_findings_name_the_model_and_survive_json(all_models: None) -> None:
    found = node_scene.findings(14, 60.0, 3.0)
    assert found.models == ("node-malignancy",)
    assert findings_from(findings_json(found)) == found


def test_switched_off_the_rules_stand(home: Path) -> None:
    found = node_scene.findings(24, DEAD, 9.0)
    assert found.nodes[0].p_malignant == by_rules(found)
    assert (found.models, found.nodes[0].reasons, found.nodes[0].malignancy_model) == ((), (), None)


def test_a_node_drawn_as_gross_tumor_is_taken_at_its_word(all_models: None) -> None:
    found = node_scene.findings(8, HILUM, 1.1, name="GTVn_1")
    assert found.nodes[0].p_malignant == DRAWN_AS_GROSS_TUMOR
    assert found.nodes[0].reasons == ()


def test_on_a_networks_mask_the_answer_is_read_by_its_line_and_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Source(SourceKind.MODEL, "lesion-thorax", "a" * 64)
    lines = {seen.id: {"sha256": seen.sha256, "line": [0.9, 1.2]}}
    given = tmp_path / "ours"
    given.mkdir()
    card = read_card(CARDS / "node-malignancy.toml")
    card = replace(card, id="ours", figures=(), settings={READINGS: lines})
    (given / card.weights).write_bytes((WEIGHTS / card.weights).read_bytes())
    write_card(card, given / "card.toml")
    add_model(given, home)
    monkeypatch.setenv("AIMDT_MODELS", "ours")
    settings.cache_clear()
    drawn = node_scene.findings(10, 60.0, 2.2)
    bare = replace(drawn.nodes[0], p_malignant=None, source=seen)
    judged = judge_nodes(replace(drawn, nodes=(bare,))).nodes[0]
    odds = 0.9 + 1.2 * logit(drawn.nodes[0].p_malignant or 0.0)
    assert judged.p_malignant == pytest.approx(1.0 / (1.0 + math.exp(-odds)), abs=2e-4)


def test_altered_weights_are_named_and_rules_judge(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = replace(read_card(CARDS / "node-malignancy.toml"), id="ours", figures=())
    given = tmp_path / "ours"
    given.mkdir()
    (given / card.weights).write_bytes((WEIGHTS / card.weights).read_bytes())
    write_card(card, given / "card.toml")
    add_model(given, home)
    monkeypatch.setenv("AIMDT_MODELS", "ours")
    settings.cache_clear()
    assert node_scene.findings(24, DEAD, 9.0).nodes[0].malignancy_model == "ours"
    (home / "models" / "ours" / card.weights).write_text("{}")
    found = node_scene.findings(24, DEAD, 9.0)
    verdict = next(one for one in found.quality if one.code == "node-model-failed")
    assert "ours" in verdict.message
    assert "altered" in verdict.message
    assert found.nodes[0].p_malignant == by_rules(found)
