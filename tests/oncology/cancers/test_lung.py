"""Lung: what is measured and recorded becomes the stage that the definitions give, with doubt where there is some."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oncology.cancers.evidence import PROPOSED_IN_AIR
from oncology.cancers.lung import LOBES, derive
from oncology.errors import ScopeError
from oncology.findings import (
    CaseId,
    Contact,
    Findings,
    History,
    Laterality,
    MetastasisCandidate,
    Node,
    RecordFact,
    Source,
    SourceKind,
    Tumor,
)
from oncology.imaging.airless import AIRLESS
from oncology.staging import stage_case

DRAWN = Source(SourceKind.CONTOUR, "GTV-1")
# What rules give on an ordinary CT of the chest, and lobes as networks do.
BY_RULES = ("body", "bones", "chest_wall", "diaphragm", "lung_left", "lung_right", "main_bronchus_left",
            "main_bronchus_right", "mediastinum", "spinal_canal", "spine", "trachea")  # fmt: skip
DELINEATED = (*BY_RULES, *LOBES)


def tumor(size_mm: float, **changes: Any) -> Tumor:
    made = Tumor(
        id="tumor-1",
        volume_ml=20.0,
        greatest_dimension_mm=size_mm,
        axial_diameter_mm=size_mm,
        diameter_3d_mm=size_mm,
        short_axis_mm=size_mm,
        laterality=Laterality.RIGHT,
        location="lung_upper_lobe_right",
        centroid_lps=(-60.0, 0.0, 0.0),
        solid_component_mm=size_mm,
        source=DRAWN,
    )
    return replace(made, **changes)


def node(station: str, **changes: Any) -> Node:
    made = Node(
        id=f"node-{station}",
        station=station,
        laterality=None,
        short_axis_mm=8.0,
        long_axis_mm=12.0,
        volume_ml=0.5,
        centroid_lps=(0.0, 0.0, 0.0),
        station_alternatives={station: 1.0},
        source=DRAWN,
    )
    return replace(made, **changes)


def fact(name: str, value: Any, date: str | None = "2026-05-01") -> RecordFact:
    return RecordFact(name, value, f"Observation/{name}", "value", date)


def ebus(station: str, malignant: bool) -> RecordFact:
    value = {"station": station, "malignant": malignant, "method": "EBUS"}
    return replace(fact("station_result", value), resource=f"Observation/ebus-{station}")


def staged(
    *tumors: Tumor, nodes: tuple[Node, ...] = (), record: tuple[RecordFact, ...] = (), **more: Any
) -> dict[str, Any]:
    findings = Findings(
        CaseId("0123456789abcdef"),
        "lung",
        tumors=tumors,
        nodes=nodes,
        metastasis_candidates=more.get("candidates", ()),
        regions_imaged=("thorax",),
        nodes_assessed=bool(nodes),
        structures_assessed=more.get("structures_assessed", ()),
        structures_unproven=more.get("structures_unproven", ()),
    )
    return stage_case(findings, History(record), ["8", "9"], imaging_date="2026-05-04")


def categories(result: dict[str, Any], edition: str = "9") -> tuple[str | None, ...]:
    return tuple(result["editions"][edition][axis]["category"] for axis in ("t", "n", "m", "stage_group"))


@pytest.mark.parametrize(
    ("size_mm", "expected"),
    [(10.4, "T1a"), (10.5, "T1b"), (20.4, "T1b"), (30.0, "T1c"), (30.6, "T2a"), (40.0, "T2a"), (41.0, "T2b"),
     (50.0, "T2b"), (51.0, "T3"), (70.4, "T3"), (70.5, "T4")],
)  # fmt: skip
def test_t_follows_the_size_in_whole_millimeters(size_mm: float, expected: str) -> None:
    result = staged(tumor(size_mm), nodes=(node("7"),), record=(ebus("7", False),))
    assert categories(result, "8")[0] == categories(result, "9")[0] == expected


def test_a_length_that_a_network_drew_leaves_the_neighboring_categories_open_until_it_is_confirmed() -> None:
    proposed = staged(tumor(27.0, needs_confirmation=True))["editions"]["9"]["t"]
    assert proposed["category"] == "T1c"
    assert {"T1b", "T1c", "T2a"} >= set(proposed["credible"]) > {"T1c"}
    assert staged(tumor(27.0))["editions"]["9"]["t"]["probabilities"]["T1c"] > proposed["probabilities"]["T1c"]


def test_a_networks_length_is_staged_as_so_much_longer_as_such_lengths_run_short() -> None:
    proposed = staged(tumor(29.2, needs_confirmation=True))
    assert proposed["editions"]["9"]["t"]["category"] == "T2a"
    assert staged(tumor(29.2))["editions"]["9"]["t"]["category"] == "T1c"
    size = next(fact for fact in proposed["facts"] if fact["key"] == "greatest_dimension_mm")
    assert f"{PROPOSED_IN_AIR.larger_mm:.0f} mm short" in size["reason"]


def test_airless_lung_that_nobody_confirmed_leaves_t_open_and_says_why() -> None:
    """A mass or collapse: rules cannot tell, and a size would be a guess."""
    mass = tumor(89.0, volume_ml=179.0, source=AIRLESS, needs_confirmation=True)
    speck = tumor(12.0, id="tumor-2", volume_ml=0.7, needs_confirmation=True)
    result = staged(mass, speck)
    t = result["editions"]["9"]["t"]
    assert t["category"] == "TX"
    assert {"T1a", "T2b", "T3", "T4"} <= set(t["possible"])
    (size,) = (fact for fact in result["facts"] if fact["key"] == "greatest_dimension_mm")
    assert "179 mL of lung without air: tumor or collapse" in size["reason"]
    assert categories(staged(replace(mass, needs_confirmation=False)))[0] == "T4"


def test_a_part_solid_tumor_is_staged_by_its_solid_part() -> None:
    assert categories(staged(tumor(34.0, solid_component_mm=18.0)))[0] == "T1b"


def test_nodes_that_nobody_looked_at_leave_n_open_and_say_so() -> None:
    result = staged(tumor(25.0))
    n = result["editions"]["9"]["n"]
    assert n["category"] == "NX"
    assert {"N0", "N1", "N2a", "N2b", "N3"} == set(n["possible"])
    assert any(item["what"] == "nodes" for item in result["missing"])
    assert result["editions"]["9"]["stage_group"]["category"] is None


def test_a_positive_ebus_makes_n2_by_itself() -> None:
    result = staged(tumor(25.0), record=(ebus("4R", True),))
    assert categories(result, "9") == ("T1c", "N2a", "M0", "IIB")
    assert categories(result, "8") == ("T1c", "N2", "M0", "IIIA")


def test_a_negative_ebus_overrules_a_large_hot_node() -> None:
    large = node("4R", short_axis_mm=16.0, suv_max=8.0)
    assert categories(staged(tumor(25.0), nodes=(large,)))[1] == "N2a"
    assert categories(staged(tumor(25.0), nodes=(large,), record=(ebus("4R", False),)))[1] == "N0"


def test_a_small_cold_node_is_probably_benign_and_n2_stays_possible() -> None:
    n = staged(tumor(25.0), nodes=(node("7", short_axis_mm=7.0, suv_max=1.5),))["editions"]["9"]["n"]
    assert n["category"] == "N0"
    assert set(n["possible"]) == {"N0", "N2a"}
    assert 0.0 < n["probabilities"]["N2a"] < 0.15


def test_a_hilar_node_contoured_as_gross_tumor_is_n1() -> None:
    assert categories(staged(tumor(25.0), nodes=(node("10R", drawn_as_involved=True),)))[1] == "N1"


def test_contact_with_the_chest_wall_never_asserts_t3() -> None:
    touching = tumor(25.0, contacts=(Contact("chest_wall", 2500.0, 1.0),))
    t = staged(touching)["editions"]["9"]["t"]
    assert t["category"] in ("T1c", "T2a")
    assert "T3" in t["possible"]
    assert t["probabilities"]["T3"] <= 0.4


def test_what_a_network_drew_within_a_mediastinum_that_the_tumor_keeps_off_does_not_count() -> None:
    met = (Contact("pulmonary_artery", 300.0, 2.0, 360.0, probability=0.4), Contact("chest_wall", 50.0, 0.0))
    apart: dict[str, Any] = {
        "structures_assessed": (*DELINEATED, "pulmonary_artery"),
        "structures_unproven": ("pulmonary_artery",),
    }
    kept_off = staged(tumor(24.0, contacts=met), **apart)
    assert "T4" not in kept_off["editions"]["9"]["t"]["possible"]
    reached = staged(tumor(24.0, contacts=(*met, Contact("mediastinum", 40.0, 0.0))), **apart)
    assert reached["editions"]["9"]["t"]["probabilities"]["T4"] >= 0.4


def test_a_calibrated_probability_is_taken_as_given() -> None:
    invading = tumor(25.0, contacts=(Contact("chest_wall", 900.0, 6.0, probability=0.93),))
    assert categories(staged(invading))[0] == "T3"


@pytest.mark.parametrize(("p", "category"), [(0.2, "T1c"), (0.9, "T4")])
def test_a_vein_that_is_surrounded_in_the_lung_is_no_great_vessel(p: float, category: str) -> None:
    vein = Contact("pulmonary_vein", 170.0, 3.5, 360.0, probability=0.95)
    found = staged(
        tumor(25.0, contacts=(vein, Contact("mediastinum", 80.0, 2.8, probability=p))),
        structures_assessed=(*DELINEATED, "pulmonary_vein"),
        structures_unproven=("pulmonary_vein",),
    )
    assert categories(found)[0] == category


def test_a_second_tumor_is_t3_t4_or_m1a_by_its_lobe() -> None:
    first = tumor(25.0)
    places = {
        "lung_upper_lobe_right": ("T3", "M0"),
        "lung_lower_lobe_right": ("T4", "M0"),
        "lung_upper_lobe_left": ("T1c", "M1a"),
    }
    for place, expected in places.items():
        side = Laterality.LEFT if place.endswith("left") else Laterality.RIGHT
        second = tumor(9.0, id="tumor-2", laterality=side, location=place)
        found = categories(staged(first, second))
        assert (found[0], found[2]) == expected, place


def test_a_metastasis_counts_once_it_is_confirmed_and_both_stages_are_given() -> None:
    pending = MetastasisCandidate("candidate-1", "adrenal_left", (50.0, 0.0, -200.0))
    open_case = staged(tumor(25.0), candidates=(pending,))["editions"]["9"]
    assert open_case["m"]["category"] == "M0"
    assert open_case["stage_if_candidates_confirmed"]["m"] == "M1b"
    assert categories(staged(tumor(25.0), candidates=(replace(pending, confirmed=True),)))[2] == "M1b"


def test_regions_that_were_not_imaged_stay_open_questions_of_m() -> None:
    m = staged(tumor(25.0))["editions"]["9"]["m"]
    assert m["category"] == "M0"
    assert any("brain" in item for item in m["open"])


def test_without_a_tumor_t_cannot_be_told_and_nothing_is_guessed() -> None:
    result = staged()
    assert result["editions"]["9"]["t"]["category"] in (None, "TX")
    assert result["editions"]["9"]["stage_group"]["category"] is None
    assert any("draw it" in item["why"] for item in result["missing"])


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (fact("prior_therapy", {"kind": "chemotherapy", "date": "2026-01-10", "for": "lung"}), "chemotherapy"),
        (fact("prior_therapy", {"kind": "surgery", "date": None, "for": "lung"}), "surgery"),
        (fact("recurrence", True), "recurrence"),
        (
            fact("second_primary", {"site": "lung", "behavior": "malignant", "same_site": True, "synchronous": True}),
            "synchronous",
        ),
    ],
)
def test_what_is_out_of_scope_is_refused_by_name(record: RecordFact, words: str) -> None:
    with pytest.raises(ScopeError, match=words):
        staged(tumor(25.0), record=(record,))


def test_treatment_after_the_images_does_not_matter() -> None:
    later = fact("prior_therapy", {"kind": "chemotherapy", "date": "2026-06-01", "for": "lung"})
    assert categories(staged(tumor(25.0), record=(later,)))[0] == "T1c"


def test_every_category_says_what_decided_it() -> None:
    result = staged(tumor(43.2), nodes=(node("4R"),), record=(ebus("4R", True),))["editions"]["9"]
    assert "43.2 mm" in result["t"]["because"]
    assert "station_result" in result["n"]["because"] or "4R" in result["n"]["because"]
    assert all(step["row"] and step["citation"] for step in result["t"]["trace"])


def second_nodule(**changes: Any) -> Tumor:
    given = {"id": "tumor-2", "location": "lung_upper_lobe_right", "needs_confirmation": True, **changes}
    return tumor(9.0, **given)


def said_of_nodules(*others: Tumor) -> dict[str, float]:
    facts = derive(Findings(CaseId("0" * 16), "lung", (tumor(27.0), *others)), History()).t
    return next(fact for fact in facts if fact.key == "separate_nodules").value["p"]  # type: ignore[index]


def test_a_proposed_second_nodule_that_is_cold_on_pet_hardly_counts() -> None:
    hot, cold, unseen = (said_of_nodules(second_nodule(suv_max=suv)) for suv in (4.0, 0.9, None))
    assert hot["same_lobe"] == unseen["same_lobe"] == pytest.approx(0.3)
    assert cold["same_lobe"] < 0.05


def test_a_small_cold_nodule_is_too_small_for_pet_to_say() -> None:
    assert said_of_nodules(second_nodule(suv_max=0.9, short_axis_mm=5.0))["same_lobe"] == pytest.approx(0.3)


def test_proposed_nodules_of_two_lobes_are_both_told() -> None:
    other = second_nodule(id="tumor-3", location="lung_lower_lobe_right", suv_max=4.0)
    found = said_of_nodules(second_nodule(suv_max=4.0), other)
    assert found["ipsilateral_other_lobe"] == pytest.approx(0.3)
    assert found["same_lobe"] == pytest.approx(0.7 * 0.3)
    assert sum(found.values()) == pytest.approx(1.0)


def test_candidates_that_nobody_confirmed_leave_a_doubt_and_never_decide() -> None:
    sites = ("adrenal_left", "liver", "bone", "brain", "adrenal_right")
    pending = [MetastasisCandidate(f"candidate-{n}", site, None) for n, site in enumerate(sites)]
    for count in (1, 5):
        found = staged(tumor(25.0), nodes=(node("7", p_malignant=0.0),), candidates=tuple(pending[:count]))
        m, group = found["editions"]["9"]["m"], found["editions"]["9"]["stage_group"]
        assert (m["category"], group["category"]) == ("M0", "IA3")
        assert m["probabilities"]["M0"] >= 0.6
        assert {"M0", "M1b"} <= set(m["credible"])
        assert {"IA3", "IVA"} <= set(group["credible"])
    dismissed = staged(tumor(25.0), candidates=(replace(pending[0], confirmed=False),))
    assert dismissed["editions"]["9"]["m"]["credible"] == ["M0"]
