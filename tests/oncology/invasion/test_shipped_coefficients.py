"""The coefficients that are shipped: sound where they are used, and behaving as anatomy has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oncology.findings import CaseId, Contact, Findings, Tumor
from oncology.imaging.contact import contacts
from oncology.imaging.volume import Geometry
from oncology.invasion.judgement import fault_of
from oncology.invasion.model import InvasionModel, estimate_invasion, load_model
from oncology.invasion.structure_class import StructureClass, class_of

TUMOR = Tumor("tumor-1", 20.0, 35.0, 34.0, 36.0, 30.0, None, None, (0.0, 0.0, 0.0))
OF_CLASS = {
    StructureClass.BONE: "vertebrae_T7",
    StructureClass.CARTILAGE: "cricoid_cartilage",
    StructureClass.VESSEL: "aorta",
    StructureClass.ARTERY: "celiac_trunk",
    StructureClass.AIRWAY: "trachea",
    StructureClass.PLEURA: "parietal_pleura",
    StructureClass.WALL: "chest_wall",
    StructureClass.SPACE: "mediastinum",
    StructureClass.SUBSITE: "vocal_cord_left",
    StructureClass.THROAT: "medial_pterygoid_left",
    StructureClass.THROAT_FAT: "paraglottic_space_left",
    StructureClass.SOFT: "duodenum",
}
SHIPPED = load_model()
IN_USE = [structure for kind, structure in OF_CLASS.items() if SHIPPED is not None and kind in SHIPPED.classes]
RISING = {
    "contact_mm2": (2.0, 20.0, 80.0, 200.0, 500.0, 1200.0, 4000.0),
    "depth_mm": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 20.0),
    "angle_deg": (0.0, 30.0, 60.0, 120.0, 240.0, 360.0),
    "length_mm": (2.0, 8.0, 20.0, 60.0),
}
TOLERANCE = 1e-4  # probabilities are told to four digits


@pytest.fixture(scope="module")
def model() -> InvasionModel:
    assert SHIPPED is not None
    return SHIPPED


def with_contacts(*found: Contact) -> Findings:
    return Findings(CaseId("0" * 16), "lung", tumors=(replace(TUMOR, contacts=found),))


def test_every_class_has_its_structure_here() -> None:
    assert {class_of(structure): structure for structure in OF_CLASS.values()} == OF_CLASS
    assert set(OF_CLASS) == set(StructureClass)


def test_they_say_what_they_were_made_from(model: InvasionModel) -> None:
    assert "synthetic" in model.provenance["rows"]
    assert int(model.provenance["patients"]) > 200
    assert len(model.provenance["sha256"]) == len(model.provenance["held_out_sha256"]) == 64


def test_every_class_in_use_stood_up_on_held_out_patients_and_every_other_says_why(model: InvasionModel) -> None:
    assert {StructureClass.VESSEL, StructureClass.PLEURA, StructureClass.BONE} & set(model.classes)
    assert [fault_of(model.judged[kind]) for kind in model.classes] == [""] * len(model.classes)
    assert not set(model.classes) & set(model.left_out)
    assert all(model.left_out.values())


def test_contacts_are_estimated_where_the_class_is_in_use_and_left_alone_elsewhere(model: InvasionModel) -> None:
    asked = [Contact(structure, 150.0, 1.0) for structure in OF_CLASS.values()]
    found = estimate_invasion(with_contacts(*asked)).tumors[0].contacts
    estimated = {class_of(contact.structure) for contact in found if contact.probability is not None}
    assert estimated == set(model.classes)


@pytest.mark.parametrize("structure", IN_USE)
@pytest.mark.parametrize("field", RISING)
def test_more_contact_never_speaks_against_invasion(model: InvasionModel, structure: str, field: str) -> None:
    rest = {"contact_mm2": 150.0, "depth_mm": 0.5, "angle_deg": 60.0, "length_mm": 15.0}
    border = {"fat_plane_share": 0.3, "edge_hu_per_mm": 60.0}
    for size in (12.0, 35.0, 90.0):
        tumor = replace(TUMOR, greatest_dimension_mm=size, volume_ml=size**3 / 2000.0)
        said = [
            model.probability(Contact(structure, **border, **rest | {field: value}), tumor) for value in RISING[field]
        ]
        assert np.all(np.diff(np.array(said, float)) >= -TOLERANCE)


@pytest.mark.parametrize("structure", IN_USE)
def test_a_kept_fat_plane_never_speaks_for_invasion(model: InvasionModel, structure: str) -> None:
    rest = Contact(structure, 150.0, 0.5, 60.0, length_mm=15.0, edge_hu_per_mm=60.0)
    said = [model.probability(replace(rest, fat_plane_share=share), TUMOR) for share in (0.0, 0.3, 0.7, 1.0)]
    assert np.all(np.diff(np.array(said, float)) <= TOLERANCE)


def test_a_tumor_away_from_a_structure_does_not_invade_it() -> None:
    grid = Geometry((40, 60, 60), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))
    places = np.moveaxis(np.indices(grid.shape), 0, -1) * 2.0
    tumor = np.linalg.norm(places - np.array([40.0, 40.0, 60.0]), axis=-1) <= 15.0
    for gap_mm in (4.0, 10.0, 25.0):
        spine = places[..., 1] > 40.0 + 15.0 + gap_mm
        met = contacts(tumor, {"spine": spine}, grid)
        found = estimate_invasion(with_contacts(*met)).tumors[0].contacts
        assert max((contact.probability or 0.0 for contact in found), default=0.0) < 0.05


@pytest.mark.parametrize("structure", IN_USE)
def test_a_contact_that_a_person_corrected_away_is_no_invasion(model: InvasionModel, structure: str) -> None:
    p = model.probability(Contact(structure, 0.0, 0.0, 0.0), TUMOR)
    assert p is not None
    assert p < 0.05


@pytest.mark.parametrize("structure", ["mandible", "thyroid_cartilage"])
def test_bone_and_cartilage_that_keep_their_sharp_edge_are_less_likely_invaded(
    model: InvasionModel, structure: str
) -> None:
    eroded, sharp = (Contact(structure, 200.0, 2.5, fat_plane_share=0.0, edge_hu_per_mm=edge) for edge in (40.0, 400.0))
    chances = [model.seen(contact, TUMOR, unproven=True) for contact in (eroded, sharp)]
    assert None not in chances
    assert chances[0] > chances[1] + 0.02
