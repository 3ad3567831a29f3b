"""From masks to findings: what a cancer's own organ adds, stations that are guessed, regions that were imaged."""

from __future__ import annotations

import numpy as np
import pytest

import phantoms
from oncology.findings import CaseId, Findings, Laterality, Source, SourceKind
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.survey import Region, Scene, body_regions, survey
from oncology.imaging.volume import Volume

GRID = phantoms.make_grid((120, 100, 120), (2.0, 2.0, 2.0))
CT = Volume(np.full(GRID.shape, 40.0), GRID)
DRAWN = Source(SourceKind.CONTOUR, "GTV-1")


def surveyed(cancer: str, regions: list[Region], masks: dict[str, np.ndarray], **more: object) -> Findings:
    scene = Scene(CT, None, masks, {}, lambda mask, point: {}, **more)  # type: ignore[arg-type]
    return survey(CaseId("0123456789abcdef"), cancer, scene, regions)[0]


def tumor(center: tuple[float, float, float] = (0, 0, 0), diameter: float = 24.0) -> Region:
    return Region("tumor", "GTV-1", phantoms.sphere(GRID, center, diameter), DRAWN)


def test_a_node_that_nobody_named_gets_its_station_with_alternatives() -> None:
    node = Region("node", "node", phantoms.sphere(GRID, (20, 0, 0), 10), DRAWN)
    found = surveyed("lung", [node], {}, guess_station=lambda mask: {"4R": 0.3, "10R": 0.7}).nodes[0]
    assert found.station == "10R"
    assert found.station_alternatives == {"4R": 0.3, "10R": 0.7}


@pytest.mark.parametrize(
    ("node_x", "gullet_x", "side"),
    [(-20, 0, Laterality.RIGHT), (20, 0, Laterality.LEFT), (0, 24, Laterality.MIDLINE), (-4, 0, Laterality.MIDLINE)],
)
def test_a_paraesophageal_node_has_the_side_that_esophagus_and_midline_both_tell(
    node_x: float, gullet_x: float, side: Laterality
) -> None:
    """A gullet that bends to the left must not make a node in the midline contralateral, N3 of N2."""
    node = Region("node", "node", phantoms.sphere(GRID, (node_x, 0, 0), 10), DRAWN)
    masks = {
        "esophagus": phantoms.cylinder(GRID, (gullet_x, 0, 0), (0, 0, 1), 16, 100),
        "spine": phantoms.cylinder(GRID, (0, 40, 0), (0, 0, 1), 30, 100),
    }
    found = surveyed("lung", [node], masks, guess_station=lambda mask: {"8": 1.0}).nodes[0]
    assert found.laterality is side


@pytest.mark.parametrize(("x", "proposed", "certainty"), [(20.0, True, 0.8), (-40.0, True, 0.04), (-40.0, False, 0.8)])
def test_a_proposed_node_outside_of_every_station_is_hardly_believed(
    x: float, proposed: bool, certainty: float
) -> None:
    drawn = SeenStations(phantoms.sphere(GRID, (20, 0, 0), 30).astype(np.uint8), ("4R",), GRID)
    mask = phantoms.sphere(GRID, (x, 0, 0), 10)
    node = Region("node", "node", mask, DRAWN, needs_confirmation=proposed, certainty=0.8)
    found = surveyed("lung", [node], {}, guess_station=lambda one: drawn.shares(one, GRID), stations=drawn).nodes[0]
    assert found.certainty == pytest.approx(certainty)


@pytest.mark.parametrize(("suv", "thick_mm", "certainty"), [(1.4, 10.0, 0.3), (7.5, 10.0, 0.98), (7.5, 1.5, 0.3)])
def test_a_proposal_that_the_pet_shows_too_is_believed_unless_it_is_a_speck(
    suv: float, thick_mm: float, certainty: float
) -> None:
    """A network that is unsure of a hot node must not make a tumor board miss it."""
    mask = phantoms.cylinder(GRID, (20.5, 0, 0), (1, 0, 0), 10, thick_mm)
    pet = Volume(np.where(mask, suv, 0.8), GRID)
    node = Region("node", "node", mask, DRAWN, needs_confirmation=True, certainty=0.3)
    scene = Scene(CT, pet, {}, {}, lambda mask, point: {}, guess_station=lambda mask: {"4R": 1.0})
    found, _ = survey(CaseId("0123456789abcdef"), "lung", scene, [node])
    assert found.nodes[0].certainty == pytest.approx(certainty)


@pytest.mark.parametrize(("suv", "certainty"), [(1.4, 0.8 * 0.05), (7.5, 0.98 * 0.5)])
def test_a_hot_node_outside_of_every_station_stays_in_doubt(suv: float, certainty: float) -> None:
    mask = phantoms.sphere(GRID, (-40, 0, 0), 10)
    pet = Volume(np.where(mask, suv, 0.8), GRID)
    node = Region("node", "node", mask, DRAWN, needs_confirmation=True, certainty=0.8)
    stations = SeenStations(phantoms.sphere(GRID, (20, 0, 0), 30).astype(np.uint8), ("8M",), GRID)
    scene = Scene(CT, pet, {}, {}, lambda mask, point: {}, stations=stations, guess_station=lambda mask: {})
    found, _ = survey(CaseId("0123456789abcdef"), "esophagus", scene, [node])
    assert found.nodes[0].certainty == pytest.approx(certainty)


@pytest.mark.parametrize(("rated", "said", "kept"), [(True, 0.87, 0.87), (True, 1.0, 0.999), (False, 1.0, None)])
def test_a_proposed_tumor_keeps_what_its_network_says_and_a_mask_alone_says_nothing(
    rated: bool, said: float, kept: float | None
) -> None:
    mask = phantoms.sphere(GRID, (0, 0, 0), 24)
    seen = Region("tumor", "tumor 1", mask, DRAWN, needs_confirmation=True, certainty=said, rated=rated)
    found = surveyed("lung", [seen], {})
    assert found.tumors[0].certainty == kept
    assert found.pet is False


def test_a_named_node_keeps_its_name() -> None:
    node = Region("node", "node", phantoms.sphere(GRID, (20, 0, 0), 10), DRAWN, station="7")
    assert surveyed("lung", [node], {}, guess_station=lambda mask: {"4R": 1.0}).nodes[0].station == "7"


def test_contact_with_the_own_lobe_says_nothing_and_with_the_next_one_is_kept() -> None:
    upper = phantoms.box(GRID, (-40, -40, -20), (40, 40, 50))
    lower = phantoms.box(GRID, (-40, -40, -50), (40, 40, -20))
    masks = {"lung_upper_lobe_right": upper, "lung_lower_lobe_right": lower, "lung_right": upper | lower}
    found = surveyed("lung", [tumor((0, 0, -10))], masks).tumors[0]
    assert found.location == "lung_upper_lobe_right"
    assert [contact.structure for contact in found.contacts] == ["lung_lower_lobe_right"]


def test_an_esophageal_tumor_beside_the_lung_lies_in_no_lobe_and_touches_the_pleura() -> None:
    lung = phantoms.box(GRID, (10, -40, -50), (55, 40, 50))
    gullet = phantoms.cylinder(GRID, (0, 0, 0), (0, 0, 1), 18, 110)
    masks = {"lung_left": lung, "lung_upper_lobe_left": lung, "esophagus": gullet}
    found = surveyed("esophagus", [tumor()], masks).tumors[0]
    assert found.location is None
    assert [contact.structure for contact in found.contacts] == ["lung_left"]
    assert found.measures["length_along_mm"] == pytest.approx(24, abs=4)


@pytest.mark.parametrize(("x", "part"), [(-30.0, "pancreas_head"), (12.0, "pancreas_body"), (45.0, "pancreas_tail")])
def test_the_part_of_the_pancreas_is_told_by_the_vessels_beside_it(x: float, part: str) -> None:
    vein = phantoms.cylinder(GRID, (-8, -10, 0), (0, 0, 1), 12)
    aorta = phantoms.cylinder(GRID, (16, 30, 0), (0, 0, 1), 20)
    found = surveyed("pancreas", [tumor((x, -10, 0))], {"superior_mesenteric_vein": vein, "aorta": aorta}).tumors[0]
    assert found.location == part
    assert sum(found.location_alternatives.values()) == pytest.approx(1.0, abs=0.03)


def test_findings_name_the_structures_that_were_at_hand() -> None:
    masks = {"aorta": phantoms.sphere(GRID, (30, 0, 0), 20), "portal_vein": np.zeros(GRID.shape, bool)}
    assert surveyed("pancreas", [tumor()], masks).structures_assessed == ("aorta",)


@pytest.mark.parametrize(("looked", "expected"), [(True, ("7",)), (False, ())])
def test_stations_count_as_assessed_where_something_looked_and_the_scan_does_not_end_in_them(
    looked: bool, expected: tuple[str, ...]
) -> None:
    labels = phantoms.sphere(GRID, (20, 0, 0), 30).astype(np.uint8)
    labels[-3:] = 2
    drawn = SeenStations(labels, ("7", "1R", "4R"), GRID)
    scene = Scene(CT, None, {}, {}, lambda mask, point: {}, stations=drawn)
    found, _ = survey(CaseId("0123456789abcdef"), "lung", scene, [], nodes_looked_for=looked)
    assert found.stations_assessed == expected


def test_regions_count_as_imaged_only_with_their_organs() -> None:
    liver = phantoms.sphere(GRID, (0, 0, 0), 118)
    gland = phantoms.sphere(GRID, (40, 30, 0), 10)
    assert body_regions(CT, {"liver": liver}) == ()
    assert body_regions(CT, {"liver": liver, "kidney_left": gland, "adrenal_gland_right": gland}) == ("abdomen",)
