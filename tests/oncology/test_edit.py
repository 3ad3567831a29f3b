"""Edits of a draft: what each changes, what it changed from, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from oncology.edit import Draft, Edit, EditKind, apply_edits, differences
from oncology.errors import ReviewError
from oncology.findings import (
    CaseId,
    Conflict,
    Contact,
    Findings,
    History,
    Laterality,
    MetastasisCandidate,
    Node,
    RecordFact,
    Tumor,
    to_json,
)
from oncology.invasion.feature import FEATURES
from oncology.invasion.logistic import Logistic
from oncology.invasion.model import InvasionModel, with_invasion
from oncology.invasion.structure_class import StructureClass

TUMOR = Tumor(
    "tumor-1", 20.0, 34.0, 33.0, 36.0, 30.0, Laterality.RIGHT, "lung_upper_lobe_right", (0.0, 0.0, 0.0),
    contacts=(Contact("aorta", 120.0, 0.0),), needs_confirmation=True,
)  # fmt: skip
NODES = tuple(
    Node(f"node-{place}", station, Laterality.RIGHT, 9.0, 12.0, 1.0, (0.0, 0.0, 0.0), {station: 0.6, "7": 0.4})
    for place, station in ((1, "4R"), (2, "10R"))
)
CANDIDATE = MetastasisCandidate("candidate-1", "liver", None)
FINDINGS = Findings(CaseId("0" * 16), "lung", (TUMOR,), NODES, (CANDIDATE,))
SIDES = (
    RecordFact("laterality", "left", "Condition/a", "bodySite", "2026-05-04"),
    RecordFact("laterality", "right", "Condition/b", "bodySite", "2026-05-03"),
)
CONFLICT = Conflict("laterality", ("left", "right"), ("Condition/a", "Condition/b"), "two sides")


@pytest.fixture
def draft() -> Draft:
    return Draft.of(to_json(FINDINGS), to_json(History(SIDES, (CONFLICT,))))


def do(draft: Draft, kind: EditKind, target: str, value: Any = None) -> tuple[Draft, Edit]:
    done, (edit,) = apply_edits(draft, [Edit(kind, target, value, actor="ada", at="2026-05-05T10:00:00+00:00")])
    return done, edit


@pytest.mark.parametrize("certainty", [0.9, None])
def test_a_proposed_tumor_is_accepted_whatever_its_network_said(certainty: float | None) -> None:
    seen = replace(FINDINGS, tumors=(replace(TUMOR, certainty=certainty),))
    done, edit = do(Draft.of(to_json(seen), to_json(History())), EditKind.ACCEPT, "tumor-1")
    assert done.findings["tumors"][0]["needs_confirmation"] is False
    assert edit.old == "needs confirmation"


@pytest.mark.parametrize("place", ["node-2.suv_max", "/nodes/1/suv_max"])
def test_a_corrected_value_is_a_persons_and_remembers_the_old_one(draft: Draft, place: str) -> None:
    done, edit = do(draft, EditKind.SET, place, 7.5)
    node = done.findings["nodes"][1]
    assert (node["suv_max"], node["source"]["kind"], node["source"]["id"]) == (7.5, "person", "ada")
    assert (edit.target, edit.old) == ("node-2.suv_max", None)


def test_editing_changes_nothing_but_what_was_edited(draft: Draft) -> None:
    before = to_json(draft.findings)
    done, _ = do(draft, EditKind.SET, "node-1.p_malignant", 0.9)
    assert draft.findings == before
    changed = differences(before, done.findings)
    assert changed == ["nodes.node-1.p_malignant", "nodes.node-1.source.kind", "nodes.node-1.source.id"]


def test_a_corrected_station_leaves_no_alternative(draft: Draft) -> None:
    done, edit = do(draft, EditKind.SET, "node-1.station", 7)
    assert done.findings["nodes"][0]["station_alternatives"] == {"7": 1.0}
    assert edit.old == "4R"


def test_contact_with_a_structure_is_corrected_or_added(draft: Draft) -> None:
    done, _ = do(draft, EditKind.SET, "tumor-1.contacts.aorta.probability", 0.8)
    done, _ = do(done, EditKind.SET, "tumor-1.contacts.trachea.contact_mm2", 50)
    assert [(item["structure"], item["probability"]) for item in done.findings["tumors"][0]["contacts"]] == [
        ("aorta", 0.8),
        ("trachea", None),
    ]


def estimated(draft: Draft) -> dict[str, Any]:
    """The aorta's contact of tumor-1, with a probability that a model estimated."""
    contact: dict[str, Any] = draft.findings["tumors"][0]["contacts"][0]
    contact["probability"] = 0.07
    return contact


@pytest.mark.parametrize("place", ["contacts.aorta.contact_mm2", "contacts.aorta.depth_mm", "volume_ml"])
def test_a_corrected_measurement_drops_the_estimate_that_rested_on_it(draft: Draft, place: str) -> None:
    estimated(draft)
    done, _ = do(draft, EditKind.SET, f"tumor-1.{place}", 12)
    assert done.findings["tumors"][0]["contacts"][0]["probability"] is None


def test_a_correction_elsewhere_leaves_the_estimate(draft: Draft) -> None:
    estimated(draft)
    for place in ("contacts.trachea.contact_mm2", "suv_max"):
        draft, _ = do(draft, EditKind.SET, f"tumor-1.{place}", 12)
    assert draft.findings["tumors"][0]["contacts"][0]["probability"] == 0.07


def test_a_stated_probability_stays_until_it_is_taken_back(draft: Draft) -> None:
    draft, _ = do(draft, EditKind.SET, "tumor-1.contacts.aorta.probability", 0.8)
    draft, _ = do(draft, EditKind.SET, "tumor-1.contacts.aorta.depth_mm", 3)
    assert draft.findings["tumors"][0]["contacts"][0]["probability"] == 0.8
    draft, _ = do(draft, EditKind.SET, "tumor-1.contacts.aorta.probability", None)
    estimated(draft)
    draft, _ = do(draft, EditKind.SET, "tumor-1.contacts.aorta.depth_mm", 4)
    assert draft.findings["tumors"][0]["contacts"][0]["probability"] is None


def test_a_corrected_contact_is_estimated_anew(draft: Draft) -> None:
    contact = estimated(draft)
    contact["fat_plane_share"] = 0.0
    done, _ = do(draft, EditKind.SET, "tumor-1.contacts.aorta.depth_mm", 6)
    count = len(FEATURES)
    rising = Logistic(FEATURES, (0.0,) * count, (1.0,) * count, only("depth_mm"), -4.0)
    model = InvasionModel({StructureClass.VESSEL: rising})
    corrected = Contact(**done.findings["tumors"][0]["contacts"][0])
    confirmed = replace(TUMOR, contacts=(corrected,), needs_confirmation=False)
    (found,) = with_invasion(confirmed, model).contacts
    assert found.probability == pytest.approx(1 / (1 + math.exp(-2.0)), abs=1e-3)


def only(feature: str) -> tuple[float, ...]:
    return tuple(float(name == feature) for name in FEATURES)


def test_accepting_confirms_and_rejecting_removes(draft: Draft) -> None:
    done, _ = do(draft, EditKind.ACCEPT, "tumor-1")
    done, edit = do(done, EditKind.REJECT, "node-1")
    assert done.findings["tumors"][0]["needs_confirmation"] is False
    assert [node["id"] for node in done.findings["nodes"]] == ["node-2"]
    assert edit.old["station"] == "4R"


@pytest.mark.parametrize(("kind", "confirmed"), [(EditKind.ACCEPT, True), (EditKind.REJECT, False)])
def test_a_metastasis_candidate_is_confirmed_or_ruled_out(draft: Draft, kind: EditKind, confirmed: bool) -> None:
    done, _ = do(draft, kind, "candidate-1")
    assert done.findings["metastasis_candidates"][0]["confirmed"] is confirmed


def test_a_rejected_fact_takes_its_contradiction_along(draft: Draft) -> None:
    done, _ = do(draft, EditKind.REJECT, "fact-1")
    history = done.edited_history()
    assert [fact["value"] for fact in history["facts"]] == ["right"]
    assert history["conflicts"] == []


def test_an_added_fact_comes_first_and_its_id_is_not_given_again(draft: Draft) -> None:
    done, _ = do(draft, EditKind.ADD, "station_result", {"station": 7, "malignant": True, "method": "EBUS"})
    first = done.edited_history()["facts"][0]
    assert (first["resource"], first["value"]["station"], first["date"]) == ("Review/ada", "7", "2026-05-05")
    done, _ = do(done, EditKind.REJECT, "fact-3")
    done, _ = do(done, EditKind.ADD, "histology", "squamous")
    assert list(done.facts) == ["fact-1", "fact-2", "fact-4"]


def test_an_added_metastasis_is_confirmed_and_numbered_on(draft: Draft) -> None:
    done, _ = do(draft, EditKind.ADD, "metastasis", {"site": "brain"})
    added = done.findings["metastasis_candidates"][1]
    assert (added["id"], added["site"], added["confirmed"]) == ("candidate-2", "brain", True)


@pytest.mark.parametrize(
    ("kind", "target", "value", "words"),
    [
        (EditKind.SET, "node-1.p_malignant", 1.1, "from 0 to 1"),
        (EditKind.SET, "node-1.short_axis_mm", True, "length"),
        (EditKind.SET, "node-1.id", "x", "cannot be edited"),
        (EditKind.SET, "node-9.station", "7", "no finding node-9"),
        (EditKind.SET, "/nodes/9/station", "7", "leads nowhere"),
        (EditKind.SET, "tumor-1.contacts.trachea.probability", 0.5, "contact_mm2 first"),
        (EditKind.SET, "node-1.laterality", "up", "left, right, midline"),
        (EditKind.REJECT, "fact-9", None, "no finding fact-9"),
        (EditKind.ADD, "station_result", {"station": "7"}, "malignant"),
        (
            EditKind.ADD,
            "station_result",
            {"station": "II", "malignant": True, "laterality": "L"},
            "left, right, midline",
        ),
        (EditKind.ADD, "metastasis", {"volume_ml": 3}, "site"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_expected(
    draft: Draft, kind: EditKind, target: str, value: Any, words: str
) -> None:
    with pytest.raises(ReviewError, match=words):
        do(draft, kind, target, value)


def judged(draft: Draft) -> Draft:
    draft.findings["nodes"][1] |= {"p_malignant": 0.6, "malignancy_model": "ours", "reasons": ["for: SUVmax 9.0"]}
    return draft


def test_a_persons_probability_is_no_models(draft: Draft) -> None:
    done, _ = do(judged(draft), EditKind.SET, "node-2.p_malignant", 0.9)
    node = done.findings["nodes"][1]
    assert (node["p_malignant"], node["malignancy_model"], node["reasons"]) == (0.9, None, [])


def test_what_a_model_said_of_a_value_that_was_corrected_no_longer_holds(draft: Draft) -> None:
    done, _ = do(judged(draft), EditKind.SET, "node-2.suv_max", 1.2)
    node = done.findings["nodes"][1]
    assert (node["p_malignant"], node["malignancy_model"], node["reasons"]) == (None, None, [])
