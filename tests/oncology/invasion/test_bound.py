"""Contact alone asserts nothing, however broad; ingrowth and encasement may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oncology.findings import Contact, Tumor
from oncology.invasion.bound import highest, shared
from oncology.invasion.feature import FEATURES
from oncology.invasion.logistic import Logistic
from oncology.invasion.model import InvasionModel, with_invasion
from oncology.invasion.structure_class import StructureClass

TUMOR = Tumor("tumor-1", 20.0, 35.0, 34.0, 36.0, 30.0, None, None, (0.0, 0.0, 0.0))
COUNT = len(FEATURES)
SURE = Logistic(FEATURES, (0.0,) * COUNT, (1.0,) * COUNT, (0.0,) * COUNT, 9.0)
MODEL = InvasionModel(dict.fromkeys(StructureClass, SURE))


@pytest.mark.parametrize("structure", ["chest_wall", "mediastinum", "aorta", "trachea", "vertebrae_T5", "diaphragm"])
def test_broad_contact_stays_below_one_half_though_the_fit_is_sure(structure: str) -> None:
    broad = Contact(structure, 4000.0, 0.0, 60.0, fat_plane_share=0.0)
    fitted, said = MODEL.fitted(broad, TUMOR), MODEL.probability(broad, TUMOR)
    assert fitted is not None
    assert said is not None
    assert said < 0.5 < fitted


@pytest.mark.parametrize(
    ("contact", "asserted"),
    [
        (Contact("chest_wall", 300.0, 2.0), False),
        (Contact("chest_wall", 300.0, 3.0), True),
        (Contact("aorta", 300.0, 0.0, 89.0), False),
        (Contact("aorta", 300.0, 0.0, 91.0), True),
        (Contact("aorta", 300.0, 2.0, 30.0), True),
        (Contact("thyroid_cartilage", 100.0, 1.4, thickness_mm=3.2), True),  # a plate: to its middle
        (Contact("thyroid_cartilage", 100.0, 0.8, thickness_mm=1.8), False),  # one voxel of a fine CT is no evidence
        (Contact("paraglottic_space_left", 100.0, 1.5, thickness_mm=4.2), True),  # fat no wider than three voxels
        (Contact("paraglottic_space_left", 100.0, 0.8, thickness_mm=4.2), False),
        (Contact("parapharyngeal_space_left", 100.0, 1.5, thickness_mm=9.0), False),
        (Contact("mandible", 100.0, 1.4, thickness_mm=9.0), False),
        (Contact("mandible", 100.0, 2.0, thickness_mm=9.0), True),
    ],
)
def test_ingrowth_and_encasement_may_be_asserted(contact: Contact, asserted: bool) -> None:
    assert (highest(contact) > 0.5) is asserted


def test_many_contacts_do_not_add_up_to_an_assertion() -> None:
    names = ("aorta", "mediastinum", "parietal_pleura", "chest_wall", "trachea", "spine")
    met = tuple(Contact(name, 900.0, 0.0) for name in names)
    found = with_invasion(replace(TUMOR, contacts=met), MODEL).contacts
    assert sum(contact.probability or 0.0 for contact in found) < 0.5


def test_ingrowth_and_what_a_person_stated_keep_their_probability_beside_contacts() -> None:
    inside, stated = Contact("aorta", 900.0, 6.0), Contact("trachea", 900.0, 0.0, probability=0.7)
    met = (inside, stated, Contact("chest_wall", 900.0, 0.0), Contact("mediastinum", 900.0, 0.0))
    found = with_invasion(replace(TUMOR, contacts=met), MODEL).contacts
    assert found[0].probability == MODEL.fitted(inside, TUMOR)
    assert found[1].probability == 0.7


def test_few_contacts_are_not_drawn_down() -> None:
    one = Contact("aorta", 40.0, 0.0)
    assert shared({one: 0.2}) == {one: 0.2}
