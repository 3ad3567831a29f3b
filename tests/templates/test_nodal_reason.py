"""Page 1 says by name and place which nodes make N what it is."""

from __future__ import annotations

from typing import Any

from templates.node_notes import nodal_reason

SAMPLES = ("EBUS of station 7: benign", "EBUS of station 4R: malignant")


def staging(chances: dict[str, Any], samples: tuple[str, ...] = ()) -> dict[str, Any]:
    evidence = [{"reference": f"Observation/{place}", "detail": text} for place, text in enumerate(samples)]
    evidence += [
        {"reference": f"node-{station}", "detail": f"short axis {10 + len(station)} mm"} for station in chances
    ]
    nodes = [{"id": f"node-{station}", "station": station, "positive": p} for station, p in chances.items()]
    return {"facts": [{"key": "nodes", "value": nodes, "evidence": evidence}]}


def test_a_malignant_sample_comes_first_and_nodes_carry_their_station() -> None:
    told = nodal_reason(staging({"4R": True, "7": False}, SAMPLES), {"because": "; ".join(SAMPLES)})
    assert told == "EBUS of station 4R: malignant; 4R: short axis 12 mm; EBUS of station 7: benign"


def test_nodes_that_nobody_suspects_are_left_out_while_another_is_suspected() -> None:
    told = nodal_reason(staging({"7": {"p": 0.02}, "10R": {"p": 0.9}}), {"because": "short axis 11 mm"})
    assert told == "10R: short axis 13 mm"


def test_without_a_suspected_node_the_largest_claims_are_still_told() -> None:
    told = nodal_reason(staging({"7": {"p": 0.02}, "4R": {"p": 0.1}}), {"because": "short axis 11 mm"})
    assert told == "4R: short axis 12 mm; 7: short axis 11 mm"


def test_what_is_not_about_single_nodes_stays_as_it_was_told() -> None:
    because = "lymph nodes were not assessed"
    assert nodal_reason(staging({"7": True}), {"because": because}) == because
