"""Contact as networks see it says less than the same contact of drawn masks, and is calibrated on its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oncology.findings import CaseId, Contact, Findings, Tumor
from oncology.invasion.feature import FEATURES
from oncology.invasion.logistic import Logistic, sigmoid
from oncology.invasion.model import InvasionModel, InvasionRow, estimate_invasion, with_networks
from oncology.invasion.structure_class import StructureClass

PROPOSED = Tumor(
    "tumor-1", 20.0, 35.0, 34.0, 36.0, 30.0, None, None, (0.0, 0.0, 0.0), needs_confirmation=True
)  # fmt: skip
# Of drawn masks every deep contact is invasion.
BY_DEPTH = Logistic(
    FEATURES, (0.0,) * len(FEATURES), (1.0,) * len(FEATURES),
    tuple(3.0 * (name == "depth_mm") for name in FEATURES), -6.0,
)  # fmt: skip
DRAWN = InvasionModel({StructureClass.VESSEL: BY_DEPTH})


def looked_at(count: int, seed: int = 3) -> list[InvasionRow]:
    """Contacts of networks, half of whose depth is their own error."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        true_mm, error_mm = random.uniform(0.0, 5.0), random.uniform(0.0, 6.0)
        contact = Contact("aorta", 50.0 + 60.0 * true_mm, true_mm + error_mm, 20.0 * true_mm, fat_plane_share=0.3)
        invaded = bool(random.uniform() < sigmoid(np.array(1.5 * true_mm - 5.0)))
        rows.append(InvasionRow(contact, PROPOSED, invaded, f"patient-{number // 2}", unproven=bool(number % 2)))
    return rows


@pytest.fixture(scope="module")
def model() -> InvasionModel:
    return with_networks(DRAWN, looked_at(600))


def test_what_networks_drew_is_read_with_calibrated_probabilities(model: InvasionModel) -> None:
    assert model.seen_held_out is not None
    assert model.seen_held_out.auc > 0.75
    assert model.seen_held_out.ece < 0.06


def test_deep_contact_of_a_proposed_tumor_is_less_sure_than_of_a_drawn_one(model: InvasionModel) -> None:
    deep = Contact("aorta", 150.0, 5.0, 30.0, fat_plane_share=0.3)
    found = [
        estimate_invasion(Findings(CaseId("0123456789abcdef"), "lung", tumors=(replace(one, contacts=(deep,)),)), model)
        for one in (PROPOSED, replace(PROPOSED, needs_confirmation=False))
    ]
    proposed, confirmed = (one.tumors[0].contacts[0].probability for one in found)
    assert proposed is not None
    assert confirmed is not None
    assert proposed < confirmed


def test_a_confirmed_tumor_beside_what_only_a_network_drew_is_read_as_seen(model: InvasionModel) -> None:
    tumor = replace(PROPOSED, needs_confirmation=False, contacts=(Contact("aorta", 150.0, 5.0, 30.0),))
    known = Findings(CaseId("0123456789abcdef"), "lung", tumors=(tumor,))
    said = [
        estimate_invasion(findings, model).tumors[0].contacts[0].probability
        for findings in (known, replace(known, structures_unproven=("aorta",)))
    ]
    assert said[1] == model.seen(tumor.contacts[0], tumor, unproven=True) != said[0]


def test_without_a_reading_nothing_is_said_of_what_networks_drew() -> None:
    tumor = replace(PROPOSED, contacts=(Contact("aorta", 150.0, 5.0, 30.0),))
    found = estimate_invasion(Findings(CaseId("0123456789abcdef"), "lung", tumors=(tumor,)), DRAWN)
    assert found.tumors[0].contacts[0].probability is None


def test_too_few_contacts_make_no_reading() -> None:
    assert with_networks(DRAWN, looked_at(12)).by_networks is None


def test_a_contact_that_a_person_corrected_away_is_no_invasion(model: InvasionModel) -> None:
    p = model.seen(Contact("aorta", 0.0, 0.0, 0.0), PROPOSED, unproven=True)
    assert p is not None
    assert p < 0.05
