"""The drawn chest is one: parts where anatomy has them, of adult size, and pathology on request."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest

from models.synthetic.body import draw_body
from models.synthetic.canvas import Canvas
from models.synthetic.frame import Build, Masks, make_canvas
from models.synthetic.pathology import add_atelectasis, add_calcium, add_effusion, add_emphysema
from models.synthetic.thorax_places import node_places, thorax_landmarks

LOBES = {
    "left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
}
BUILDS = (Build(7, 1.0, 16.0, "male"), Build(20, 0.95, 26.0, "female"))
STRUCTURES = {
    "aorta", "brachiocephalic_trunk", "common_carotid_artery_left", "common_carotid_artery_right",
    "subclavian_artery_left", "subclavian_artery_right", "pulmonary_artery", "pulmonary_vein", "superior_vena_cava",
    "brachiocephalic_vein_left", "brachiocephalic_vein_right", "inferior_vena_cava", "azygos_vein", "heart",
    "heart_myocardium", "heart_atrium_left", "heart_atrium_right", "heart_ventricle_left", "heart_ventricle_right",
    "pericardium", "atrial_appendage_left", "thymus", "esophagus", "esophagus_lumen", "mediastinal_fat", "diaphragm",
    "chest_wall", "parietal_pleura", "pectoralis_major_left", "autochthon_left", "scapula_left", "clavicula_right",
    "sternum", "costal_cartilages", "spinal_cord", "airway_wall", "bronchus_intermedius",
}  # fmt: skip


@pytest.fixture(scope="module", params=BUILDS, ids=["male", "female"])
def chest(request: pytest.FixtureRequest) -> tuple[Build, Canvas, Masks]:
    build: Build = request.param
    canvas = make_canvas(2.5, build)
    return build, canvas, draw_body(canvas, build)


def ml(chest: tuple[Build, Canvas, Masks], *names: str) -> float:
    return sum(float(np.count_nonzero(chest[2][name])) for name in names) * chest[1].geometry.voxel_ml


def test_the_chest_has_its_organs_and_every_bone_by_name(chest: tuple[Build, Canvas, Masks]) -> None:
    masks = chest[2]
    ribs = {f"rib_{side}_{number}" for side in ("left", "right") for number in range(1, 12)}
    assert STRUCTURES | ribs | {f"vertebrae_T{n}" for n in range(1, 12)} <= set(masks)


def test_lobes_share_their_lung_without_overlap(chest: tuple[Build, Canvas, Masks]) -> None:
    for side, lobes in LOBES.items():
        together = np.sum([chest[2][name].astype(np.uint8) for name in lobes], axis=0)
        assert together.max() == 1
        assert np.array_equal(together > 0, chest[2][f"lung_{side}"])


def test_lungs_and_heart_are_of_adult_size(chest: tuple[Build, Canvas, Masks]) -> None:
    assert 3000 < ml(chest, "lung_left", "lung_right") < 7500  # CT at full inspiration, both sexes
    assert ml(chest, "lung_right") > 0.95 * ml(chest, "lung_left")
    assert 350 < ml(chest, "heart") < 950
    assert 8 < ml(chest, "trachea") < 50


def test_the_airway_is_one_piece_down_to_the_segments(chest: tuple[Build, Canvas, Masks]) -> None:
    masks = chest[2]
    parts = [mask for name, mask in masks.items() if name.startswith(("bronchus_", "main_bronchus", "trachea"))]
    labels, count = cc3d.connected_components(np.any(parts, axis=0), connectivity=26, return_N=True)
    sizes = np.sort(np.bincount(labels.ravel())[1:])
    assert count == 1 or sizes[-1] > 0.97 * sizes.sum()


def test_lungs_hold_no_great_vessel_bone_or_heart(chest: tuple[Build, Canvas, Masks]) -> None:
    lungs = chest[2]["lung_left"] | chest[2]["lung_right"]
    for name in ("heart", "aorta", "superior_vena_cava", "pulmonary_artery", "spine", "trachea", "esophagus", "liver"):
        assert not (lungs & chest[2][name]).any(), name
    assert not (chest[2]["lung_vessels"] & ~lungs).any()


def test_left_is_left_and_organs_keep_their_order(chest: tuple[Build, Canvas, Masks]) -> None:
    center = {
        name: chest[1].geometry.to_lps(np.argwhere(chest[2][name]).mean(axis=0))
        for name in ("heart", "trachea", "esophagus", "spine", "sternum", "rib_left_6", "rib_right_6", "liver")
    }
    assert center["rib_right_6"][0] < center["trachea"][0] < center["rib_left_6"][0]
    assert center["heart"][0] > 5.0
    assert center["liver"][0] < 0.0
    assert center["sternum"][1] < center["trachea"][1] < center["esophagus"][1] < center["spine"][1]


def test_landmarks_lie_on_their_organs(chest: tuple[Build, Canvas, Masks]) -> None:
    build, canvas, masks = chest
    points = thorax_landmarks(build)
    top = canvas.geometry.to_lps(np.argwhere(masks["aorta"]))[:, 2].max()
    assert points["aortic_arch_top"][2] == pytest.approx(top, abs=4.0)
    index = np.round(canvas.geometry.to_index(np.array(points["carina"]))).astype(int)
    near = tuple(slice(value - 4, value + 5) for value in index)
    assert all(masks[name][near].any() for name in ("trachea", "main_bronchus_left", "main_bronchus_right"))


def test_nodes_of_the_mediastinum_have_room(chest: tuple[Build, Canvas, Masks]) -> None:
    build, canvas, masks = chest
    solid = np.any([masks[name] for name in ("aorta", "trachea", "superior_vena_cava", "heart", "esophagus")], axis=0)
    for place in node_places(build):
        index = tuple(np.round(canvas.geometry.to_index(np.array(place.center))).astype(int))
        assert not solid[index], place
        if place.station in ("2R", "4R", "4L", "5", "6", "7"):
            assert masks["mediastinum"][index], place


def test_fluid_lies_behind_and_is_no_lung(chest: tuple[Build, Canvas, Masks]) -> None:
    build, canvas, masks = chest
    mine = {name: mask.copy() for name, mask in masks.items()}
    fluid = add_effusion(canvas, build, mine, "left", 400.0)
    assert np.count_nonzero(fluid) * canvas.geometry.voxel_ml == pytest.approx(400.0, rel=0.01)
    assert not (fluid & (mine["lung_left"] | mine["lung_lower_lobe_left"])).any()
    assert np.argwhere(fluid)[:, 1].mean() > np.argwhere(mine["lung_left"])[:, 1].mean()


def test_collapse_reaches_the_hilum_inside_its_lobe(chest: tuple[Build, Canvas, Masks]) -> None:
    build, canvas, masks = chest
    mine = dict(masks)
    collapsed = add_atelectasis(canvas, build, mine, "lung_upper_lobe_left", 0.3)
    lobe = masks["lung_upper_lobe_left"]
    assert not (collapsed & ~lobe).any()
    assert np.count_nonzero(collapsed) == pytest.approx(0.3 * np.count_nonzero(lobe), rel=0.02)


def test_emphysema_and_calcium_come_on_request(chest: tuple[Build, Canvas, Masks]) -> None:
    build, canvas, masks = chest
    mine = dict(masks)
    holes = add_emphysema(canvas, build, mine, 0.1)
    assert 0.03 < np.count_nonzero(holes) / np.count_nonzero(masks["lung_left"] | masks["lung_right"]) < 0.12
    assert add_calcium(canvas, build, mine, 0.8).any()
    assert not (mine["aortic_calcium"] & ~masks["aorta"]).any()
    assert not add_calcium(canvas, build, dict(masks), 0.0).any()
