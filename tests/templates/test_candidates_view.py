"""What needs confirmation, where probabilities came from and which source won can be read in the report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oncology.adequacy import NO_FLUID_RULE, SENTENCES
from oncology.cancers.fusion import RULES
from oncology.findings import CaseId, Findings, Node
from oncology.presence import Figure, KnownModel
from oncology.probabilities import tumor_probabilities
from tasks.known_models import known_models
from templates.candidates_view import caption
from templates.node_notes import node_notes
from templates.render import languages, render_html, translator
from templates.sources_view import sources_view
from templates.view import KeyImage
from templates_sample import findings, picture, report, staging

UID = "1.2.840.99999.48"
SHOWS = {"finding": "candidate-1", "place": "liver", "plane": "axial", "kind": "PET/CT", "slice_index": 48}
IF_CONFIRMED = {"t": "T2b", "n": "N2a", "m": "M1b", "stage_group": "IVA"}


def with_candidate(confirmed: bool | None) -> str:
    source = {"kind": "rules", "id": "metastasis-candidates", "sha256": None}
    spot = {"id": "candidate-1", "site": "liver", "centroid_lps": [0, 0, 0], "volume_ml": 4.19, "suv_max": 7.4}
    spot |= {"p_malignant": 0.62, "confirmed": confirmed, "source": source, "key_image": None}
    content = staging()
    for result in content["editions"].values():
        result["stage_if_candidates_confirmed"] = IF_CONFIRMED if confirmed is None else None
    image = KeyImage("key_images/candidate-1-pet.png", picture(), "x", "x", True, SHOWS | {"sop_instance_uid": UID})
    seen = findings() | {"metastasis_candidates": [spot]}
    return render_html(report(findings=seen, staging=content, key_images=[image]))


def front(page: str) -> str:
    return page[page.index('<section class="front">') : page.index("</section>")]


def test_an_open_candidate_puts_both_stages_side_by_side_on_page_one() -> None:
    shown = front(with_candidate(None))
    assert shown.count("cT2b cN2a cM0") == shown.count("cT2b cN2a cM1b") == 2
    assert "Stage IVA" in shown


def test_a_settled_candidate_leaves_one_stage() -> None:
    page = with_candidate(False)
    assert "cM1b" not in page
    assert "ruled out" in page


def test_a_candidate_is_listed_with_size_uptake_probability_and_slice() -> None:
    page = with_candidate(None)
    section = page[page.index("Needs confirmation") :]
    for told in ("liver", "4.2 mL (⌀ 20 mm)", "7.4", "62 %", "slice 48", UID):
        assert told in section


def test_a_caption_is_translated_and_names_its_slice() -> None:
    words = {"axial": "axial", "slice": "Schicht", "liver": "Leber"}
    told = caption("x", SHOWS, lambda text: words.get(text, text))
    assert told == "candidate-1 (Leber), axial PET/CT, Schicht 48"


def test_the_footnote_of_a_decisive_node_reckons_as_stated() -> None:
    node = Node("node-1", "7", None, 14.0, 20.0, 2.0, (0.0, 0.0, 0.0), suv_max=None, p_malignant=0.53)
    found = tumor_probabilities(Findings(CaseId("c"), "lung", nodes=(node,)), {"facts": (), "tables_version": "t"})
    (note,) = node_notes(found, ["node-1"], str)
    assert "prevalence 28 %" in note
    assert "short axis ≥ 10 mm: yes (sensitivity 55 %, specificity 81 %) → 53 %" in note
    assert node_notes(found, [], str) == []


SEEN_ON = "nodes of held-out synthetic patients, seed 5001"
ENGLISH_NOTE = (
    "node-1: model judge → 71 %; prevalence 28 % (mediastinal nodes: Silvestri 2013, Chest 143 suppl); "
    "malignant from 50 % on: yes (sensitivity 74 %, specificity 97 %, nodes of held-out synthetic patients, seed 5001) "
    "→ post-test probability 91 %; the stage reckons with 71 %"
)
GERMAN_NOTE = (
    "node-1: Netz judge → 71 %; Prävalenz 28 % (mediastinale Knoten: Silvestri 2013, Chest 143 suppl); "
    "maligne ab 50 %: ja (Sensitivität 74 %, Spezifität 97 %, Knoten zurückgehaltener synthetischer Patienten, "
    "Seed 5001) → Nachtestwahrscheinlichkeit 91 %; das Stadium rechnet mit 71 %"
)
JUDGE = KnownModel(
    "node_malignancy",
    {
        "sensitivity, nodal malignancy with PET": Figure(0.74, 40, None, None, SEEN_ON),
        "specificity, nodal malignancy with PET": Figure(0.97, 40, None, None, SEEN_ON),
    },
)


@pytest.mark.parametrize(("language", "told"), [("en", ENGLISH_NOTE), ("de", GERMAN_NOTE)])
def test_the_footnote_of_a_node_that_a_model_judged_tells_prevalence_and_post_test_probability(
    language: str, told: str
) -> None:
    node = Node("node-1", "7", None, 14.0, 20.0, 2.0, (0.0, 0.0, 0.0), suv_max=6.0, p_malignant=0.71)
    case = Findings(CaseId("c"), "lung", nodes=(replace(node, malignancy_model="judge"),))
    found = tumor_probabilities(case, {"facts": (), "tables_version": "t"}, {"judge": JUDGE})
    assert node_notes(found, ["node-1"], translator(language)) == [told]


def test_the_card_of_our_own_model_has_what_the_footnote_needs() -> None:
    node = Node("node-1", "7", None, 14.0, 20.0, 2.0, (0.0, 0.0, 0.0), p_malignant=0.71)
    case = Findings(CaseId("c"), "lung", nodes=(replace(node, malignancy_model="node-malignancy"),))
    found = tumor_probabilities(case, {"facts": (), "tables_version": "t"}, known_models(case))
    (note,) = node_notes(found, ["node-1"], translator("de"))
    assert "Prävalenz 28 %" in note
    assert "synthetischer Patienten" in note
    assert "Nachtestwahrscheinlichkeit" in note


def test_a_contradiction_stands_beside_the_rule_that_it_concerns() -> None:
    rows = {row[0]: row for row in sources_view(staging(), str)}
    assert rows["side of the tumor"][-1] == "the record says left, the tumor lies right"
    assert rows["invasion of a neighbor"][1] == "contour: longest diameter 43.2 mm"


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_rules_and_limits_are_translated(language: str) -> None:
    translate = translator(language)
    texts: set[Any] = {*SENTENCES.values(), *(text for _, text in NO_FLUID_RULE.values())}
    for rule in RULES:
        texts |= {rule.fact, rule.why, *rule.order}
    assert {text for text in texts if translate(text) == text} == set()
