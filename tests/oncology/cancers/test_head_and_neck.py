"""What larynx and hypopharynx (and their shared core) promise beyond the board cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oncology.cancers import head_and_neck as neck
from oncology.cancers import larynx
from oncology.cancers.evidence import INVASION_CEILING, classify_nodes
from oncology.cancers.neck_node import neck_malignancy
from oncology.cancers.neck_spread import neck_nodes_fact
from oncology.cancers.protocol import cancer
from oncology.errors import ScopeError
from oncology.findings import (
    CaseId,
    Contact,
    Ene,
    Fact,
    Findings,
    History,
    Laterality,
    Node,
    RecordFact,
    Status,
    Tumor,
)

ORIGIN = (0.0, 0.0, 0.0)
BORDERS = (
    neck.Border("cricoid_cartilage", ("cricoid_cartilage",), asked=True),
    neck.Border("trachea", ("trachea",)),
    neck.space("paraglottic_space", "paraglottic_space_*", asked=True),
    neck.vessel("carotid_artery_encasement", *neck.CAROTIDS),
)


def tumor(*contacts: Contact, side: Laterality | None = Laterality.LEFT) -> Tumor:
    return Tumor("tumor-1", 4.0, 20.0, 20.0, 21.0, 14.0, side, None, ORIGIN, contacts)


def node(name: str, level: str, side: Laterality | None, **more: Any) -> Node:
    return Node(name, level, side, more.pop("short", 8.0), more.pop("long", 12.0), 0.5, ORIGIN, {level: 1.0}, **more)


def findings(*nodes: Node, primary: Tumor | None = None, assessed: tuple[str, ...] = ()) -> Findings:
    tumors = (primary or tumor(),)
    return Findings(CaseId("c"), "larynx", tumors, nodes, nodes_assessed=True, structures_assessed=assessed)


def record(*pairs: tuple[str, Any], by: str = "Observation") -> History:
    return History(tuple(RecordFact(name, value, f"{by}/{i}", "value") for i, (name, value) in enumerate(pairs)))


def facts_of(found: Findings, history: History) -> dict[str, Fact]:
    facts = cancer(found.cancer).derive(found, history)
    return {fact.key: fact for fact in (*facts.t, *facts.n, *facts.m)}


def test_many_contacts_without_calibration_share_one_ceiling() -> None:
    met = [Contact(name, 900.0, 0.0) for name in ("cricoid_cartilage", "trachea", "paraglottic_space_left")]
    assert sum(neck.chances(met, BORDERS).values()) <= INVASION_CEILING + 1e-6


def test_a_calibrated_probability_wins_over_area_and_depth() -> None:
    met = [Contact("trachea", 900.0, 5.0, probability=0.07)]
    assert neck.chances(met, BORDERS) == {"trachea": 0.07}


@pytest.mark.parametrize(("angle", "encased"), [(269.0, False), (270.0, True)])
def test_a_carotid_counts_as_encased_from_270_degrees(angle: float, encased: bool) -> None:
    met = [Contact("internal_carotid_artery_left", 300.0, 0.0, angle_deg=angle, probability=0.6)]
    assert (neck.chances(met, BORDERS)["carotid_artery_encasement"] > 0.5) is encased


def test_a_carotid_surrounded_on_a_slice_or_two_is_not_taken_as_encased() -> None:
    met = [Contact("internal_carotid_artery_left", 37.0, 1.5, angle_deg=360.0)]
    assert neck.chances(met, BORDERS)["carotid_artery_encasement"] < 0.5


@pytest.mark.parametrize(("p", "told"), [(0.9, True), (0.2, False)])
def test_a_tumor_deep_in_the_paraglottic_space_makes_a_fixed_hemilarynx_likely_never_known(
    p: float, told: bool
) -> None:
    primary = tumor(Contact("paraglottic_space_left", 200.0, 4.0, probability=p))
    found = replace(findings(primary=primary), cancer="hypopharynx")
    fixation = facts_of(found, record(("subsite", "pyriform_sinus")))["hemilarynx_fixation"]
    assert fixation.status is (Status.DOUBTFUL if told else Status.UNKNOWN)
    assert "endoscopy" in fixation.reason
    if told:
        assert 0.5 < fixation.value["p"] < 0.8


@pytest.mark.parametrize(("p", "likeliest"), [(0.02, "normal"), (0.95, "fixed")])
def test_a_cord_is_likely_fixed_where_what_moves_it_is_entered_and_else_likely_moves(p: float, likeliest: str) -> None:
    primary = tumor(Contact("paraglottic_space_left", 120.0, 3.0, probability=p))
    found = findings(primary=primary, assessed=("paraglottic_space_left", "arytenoid_left", "arytenoid_right"))
    mobility = facts_of(found, record(("subsite", "glottis")))["vocal_cord_mobility"]
    assert mobility.status is Status.DOUBTFUL
    assert "endoscopy" in mobility.reason
    shares = mobility.value["p"]
    assert max(shares, key=lambda word: shares[word]) == likeliest
    assert sum(shares.values()) == pytest.approx(1.0)
    looked = facts_of(found, record(("subsite", "glottis"), ("vocal_cord_mobility", "impaired")))
    assert looked["vocal_cord_mobility"].value == "impaired"


def test_a_space_that_no_mask_shows_is_unknown_and_not_absent() -> None:
    found = findings(assessed=("cricoid_cartilage", "thyroid_cartilage", "pre_epiglottic_space"))
    fact = facts_of(found, record(("subsite", "glottis")))["invaded_structures"]
    assert fact.value["paraglottic_space"] is None
    assert fact.value["cricoid_cartilage"] is False
    assert "paraglottic space" in fact.reason


def test_endoscopy_wins_over_contact_for_a_structure_that_it_names() -> None:
    primary = tumor(Contact("trachea", 400.0, 3.0, probability=0.9))
    told = record(("endoscopy", {"trachea": False, "left_vocal_cord": True}), ("subsite", "glottis"))
    fact = facts_of(findings(primary=primary), told)["invaded_structures"]
    assert "trachea" not in fact.value


def test_missing_cord_mobility_is_unknown_with_its_reason() -> None:
    fact = facts_of(findings(), record(("subsite", "glottis")))["vocal_cord_mobility"]
    assert fact.value is None
    assert "endoscopy" in fact.reason


def test_two_endoscopies_of_one_day_that_contradict_leave_both_open() -> None:
    told = record(("vocal_cord_mobility", "fixed"), ("vocal_cord_mobility", "impaired"))
    assert neck.cord_mobility(told, findings(), None).value == {"one_of": ["fixed", "impaired"]}


def test_the_subset_comes_from_masks_where_the_record_is_silent() -> None:
    primary = tumor(Contact("vocal_cord_left", 200.0, 4.0), Contact("false_vocal_cord_left", 40.0, 3.0))
    assert larynx.derive(findings(primary=primary), History()).subset == "glottis"
    assert larynx.derive(findings(), History()).subset is None


def test_the_whole_cartilage_gives_an_outer_cortex_no_likelier_than_the_inner() -> None:
    inside = tumor(Contact("thyroid_cartilage", 200.0, 2.0, probability=0.9))
    through = tumor(*inside.contacts, Contact("strap_muscles_left", 90.0, 2.0, probability=0.8))
    held, passed = larynx.cartilage_chances(inside), larynx.cartilage_chances(through)
    assert held[larynx.OUTER] < passed[larynx.OUTER] < passed[larynx.INNER] == 0.9


def test_masks_of_both_cortices_win_over_the_whole_cartilage() -> None:
    cortices = [Contact(larynx.INNER, 80.0, 1.0, probability=0.9), Contact(larynx.OUTER, 10.0, 0.0, probability=0.1)]
    found = larynx.cartilage_chances(tumor(Contact("thyroid_cartilage", 200.0, 2.0, probability=0.95), *cortices))
    assert (found[larynx.INNER], found[larynx.OUTER]) == (0.9, 0.1)


def sample(level: str, malignant: bool, side: str | None = None) -> tuple[str, dict[str, Any]]:
    value = {"station": level, "malignant": malignant, "method": "FNA"}
    return "station_result", value | ({"laterality": side} if side else {})


def told_of(fact: Fact) -> str:
    return "; ".join(item.detail for item in fact.evidence)


def test_a_negative_sample_speaks_of_the_most_suspicious_node_of_its_level() -> None:
    large = node("node-1", "II", Laterality.LEFT, short=16.0, long=22.0)
    other = node("node-2", "II", Laterality.LEFT, short=9.0)
    nodes = neck_nodes_fact(findings(large, other), record(sample("II", False))).value
    assert [entry["id"] for entry in nodes if entry["positive"] is False] == ["node-1"]


@pytest.mark.parametrize("malignant", [True, False])
def test_a_sample_that_names_its_side_speaks_of_that_side(malignant: bool) -> None:
    nodes = (node("node-1", "II", Laterality.LEFT, short=16.0), node("node-2", "II", Laterality.RIGHT))
    fact = neck_nodes_fact(findings(*nodes), record(sample("II", malignant, "right")))
    by_id = {entry["id"]: entry["positive"] for entry in fact.value}
    assert by_id["node-2"] is malignant
    assert by_id["node-1"] not in (True, False)
    assert f"FNA of station II right: {'malignant' if malignant else 'benign'}" in {
        item.detail for item in fact.evidence
    }


def test_a_malignant_sample_of_the_side_without_a_measured_node_is_a_node_of_that_side() -> None:
    hot = node("node-1", "II", Laterality.LEFT, short=16.0, p_malignant=0.95)
    given = neck_nodes_fact(findings(hot), record(sample("II", True, "right"))).value
    assert given[0]["positive"] == {"p": 0.95}
    assert (given[1]["positive"], given[1]["level"], given[1]["laterality"]) == (True, "II", "right")


def test_a_malignant_sample_of_unknown_side_is_one_of_the_nodes_of_both_sides_and_never_a_third() -> None:
    hot = node("node-1", "II", Laterality.LEFT, short=16.0, long=24.0, p_malignant=0.95)
    cold = node("node-2", "II", Laterality.RIGHT, short=6.0, long=9.0, p_malignant=0.05)
    fact = neck_nodes_fact(findings(hot, cold), record(sample("II", True)))
    sampled, other = fact.value
    assert sampled["positive"] is True
    assert not {"id", "laterality"} & set(sampled)
    assert sampled["greatest_dimension_mm"] == {"min": 9, "max": 24}
    assert (other["id"], other["positive"]) == ("node-2", {"p": 0.05})
    assert fact.status is Status.DOUBTFUL
    assert "side of a malignant sample of level II is not recorded" in told_of(fact)


def test_samples_of_both_sides_that_differ_each_count_for_their_own_side() -> None:
    nodes = (node("node-1", "II", Laterality.LEFT, short=16.0), node("node-2", "II", Laterality.RIGHT))
    told = record(sample("II", True, "right"), sample("II", False, "left"))
    assert [entry["positive"] for entry in neck_nodes_fact(findings(*nodes), told).value] == [False, True]


def test_a_sample_of_unknown_side_beside_a_proven_one_of_its_level_is_no_second_node() -> None:
    told = record(sample("II", True, "right"), sample("II", True))
    fact = neck_nodes_fact(findings(), told)
    assert [entry["laterality"] for entry in fact.value] == ["right"]
    assert "counts as the node proven there" in told_of(fact)


def test_a_benign_sample_of_a_side_clears_no_node_whose_side_is_unknown_and_a_malignant_one_gives_it() -> None:
    asked = findings(node("node-1", "II", None, short=16.0, p_malignant=0.9))
    (benign,) = neck_nodes_fact(asked, record(sample("II", False, "right"))).value
    (malignant,) = neck_nodes_fact(asked, record(sample("II", True, "right"))).value
    assert benign["positive"] == {"p": 0.9}
    assert (malignant["positive"], malignant["laterality"]) == (True, "right")


def test_a_sample_of_a_side_leaves_the_side_of_a_node_in_the_midline_open() -> None:
    crossing = findings(node("node-1", "VI", Laterality.MIDLINE))
    (entry,) = neck_nodes_fact(crossing, record(sample("VI", True, "right"))).value
    assert entry["positive"] is True
    assert "laterality" not in entry


@pytest.mark.parametrize(
    ("name", "level"), [("IIA", "II"), ("V", {"p": {"VA": 0.5, "VB": 0.5}}), ("supraclavicular", "supraclavicular")]
)
def test_a_sampled_level_counts_by_any_name_that_the_record_has_for_it(name: str, level: Any) -> None:
    (entry,) = neck_nodes_fact(findings(), record(sample(name, True, "left"))).value
    assert (entry["positive"], entry["level"], entry["laterality"]) == (True, level, "left")


def test_a_sample_of_a_mediastinal_station_says_nothing_of_n() -> None:
    fact = neck_nodes_fact(findings(node("node-1", "II", Laterality.LEFT)), record(sample("4R", True)))
    assert "station 4R is no level of the neck" in told_of(fact)


def test_a_benign_sample_is_held_against_the_images_of_its_own_side_alone() -> None:
    nodes = (node("node-1", "II", Laterality.LEFT, p_malignant=0.9), node("node-2", "II", Laterality.RIGHT))
    told = {side: record(sample("II", False, side)) for side in ("left", "right", None)}
    shown = {side: [one.resources[1] for one in neck.conflicts(findings(*nodes), it)] for side, it in told.items()}
    assert shown == {"left": ["node-1"], "right": [], None: []}


def test_extension_below_grade_three_never_counts_as_overt() -> None:
    extended = node("node-1", "III", Laterality.LEFT, p_malignant=1.0, ene=Ene(0.9, 2))
    entry = neck_nodes_fact(findings(extended), History()).value[0]
    assert (entry["ene"], entry["ene_evidence"]) == ({"p": 0.9}, "radiological_only")


def test_an_examination_that_finds_a_node_mobile_rules_overt_extension_out() -> None:
    extended = node("node-1", "III", Laterality.LEFT, p_malignant=1.0, ene=Ene(0.9, 3))
    examined = record(("endoscopy", {"node_fixed": False}))
    assert neck_nodes_fact(findings(extended), examined).value[0]["ene_evidence"] == "radiological_only"


def test_a_fixed_node_is_the_one_that_imaging_shows_most_extended() -> None:
    small = node("node-1", "II", Laterality.LEFT, p_malignant=0.9, long=20.0, ene=Ene(0.8, 3))
    large = node("node-2", "III", Laterality.LEFT, p_malignant=0.9, long=40.0)
    given = neck_nodes_fact(findings(small, large), record(("endoscopy", {"node_fixed": True}))).value
    assert [entry["ene_evidence"] for entry in given] == ["clinical", "radiological_only"]


def test_no_tumor_and_no_nodes_leave_t_and_n_unknown() -> None:
    empty = Findings(CaseId("c"), "hypopharynx")
    facts = facts_of(empty, History())
    assert facts["nodes"].value is None
    assert facts["greatest_dimension_mm"].value is None


def test_a_persons_word_on_the_side_wins_over_the_images() -> None:
    fact = neck.side_fact(findings(), record(("laterality", "right"), by="Review"))
    assert fact.value == "right"
    assert fact.evidence[0].source.kind == "person"


def test_missing_p16_leaves_the_subset_open() -> None:
    assert neck.p16_subset(History()) is None
    assert neck.p16_subset(record(("p16", "negative"))) == "p16=negative"


@pytest.mark.parametrize("histology", ["adenoid_cystic", "lymphoma", "melanoma"])
def test_other_tumors_are_refused_by_name(histology: str) -> None:
    with pytest.raises(ScopeError, match=histology.replace("_", " ")):
        neck.refuse_other_histology(record(("histology", histology)), "laryngeal cancer")


def test_necrosis_and_size_raise_the_chance_of_a_node() -> None:
    small = node("node-1", "III", Laterality.LEFT, short=7.0, necrosis=False)
    dead = node("node-1", "III", Laterality.LEFT, short=7.0, necrosis=True)
    large = node("node-1", "III", Laterality.LEFT, short=12.0, necrosis=False)
    assert neck_malignancy(small) < neck_malignancy(large) < neck_malignancy(dead)


def test_a_node_of_10_mm_is_enlarged_in_level_iii_and_not_in_level_ii() -> None:
    assert neck_malignancy(node("n", "III", Laterality.LEFT, short=10.0)) > 0.5
    assert neck_malignancy(node("n", "II", Laterality.LEFT, short=10.0)) < 0.2


def test_nodes_of_a_neck_cancer_are_read_by_the_signs_of_the_neck() -> None:
    dead = node("node-1", "III", Laterality.LEFT, short=7.0, necrosis=True)
    drawn = node("node-2", "II", Laterality.LEFT, drawn_as_involved=True)
    found = classify_nodes(findings(dead, drawn))
    assert found.nodes[0].p_malignant == neck_malignancy(dead)
    assert found.nodes[1].p_malignant == 0.95
