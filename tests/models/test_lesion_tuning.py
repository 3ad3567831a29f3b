"""Thresholds of lesion networks: what is kept and what is let go, on drawn probabilities with known lesions."""

import numpy as np

from models.inference.look import OF_CANCER, WITHOUT_PET, SeenLesions
from models.registry import find_card
from models.training.lesion_tuning import best_thresholds, certainty_line
from models.training.measure import Tally, score_lesions
from models.training.store import StoredPatient
from oncology.imaging.proposals import Proposal, certainty

SHAPE, SPACING = (40, 40, 40), 2.0
TUMOR, NODE, VESSEL = np.s_[10:18, 10:18, 10:18], np.s_[25:29, 25:29, 25:29], np.s_[25:29, 5:9, 5:9]


def drawn_patient(cancer="lung"):
    lesions = np.zeros(SHAPE, np.uint8)
    lesions[TUMOR], lesions[NODE] = 1, 2
    truth = [
        {"kind": "tumor", "voxels": 512, "short_axis_mm": 16.0},
        {"kind": "node", "voxels": 64, "short_axis_mm": 8.0, "malignant": True},
    ]
    about = {
        "spacing_mm": SPACING,
        "origin_lps": (0.0, 0.0, 0.0),
        "lesions": truth,
        "cancer": cancer,
        "seed": 1,
        "index": 0,
    }
    empty, half = np.zeros(SHAPE, np.uint8), np.zeros((1, 20, 20, 20), np.float16)
    return StoredPatient(np.zeros((1, *SHAPE), np.int16), half, empty, {}, lesions, empty > 0, about)


def seen(node_p, vessel_p, *, with_pet=True, halo_p=0.0, cancer="lung"):
    """The tumor with a halo of three voxels around it."""
    tumor, node = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    tumor[tuple(slice(side.start - 3, side.stop + 3) for side in TUMOR)] = halo_p
    tumor[TUMOR], node[NODE], node[VESSEL] = 0.995, node_p, vessel_p
    return SeenLesions(tumor, node, drawn_patient().grid, with_pet=with_pet, cancer=cancer)


def scored(look, settings):
    tally = Tally()
    score_lesions(tally, drawn_patient(), look.proposals(look.grid, settings), "x")
    return {name: tally.of(name)[0] for name in tally.values}


def test_a_vessel_that_is_less_sure_than_the_node_is_let_go():
    look = seen(node_p=0.996, vessel_p=0.93)
    result = scored(look, best_thresholds([(drawn_patient(), look)]))
    assert result["x_malignant_nodes_found"] == 1
    assert result["x_false_nodes"] == 0
    assert result["x_tumor_dice"] > 0.95


def test_how_far_a_network_draws_beyond_the_border_is_learned_for_each_cancer():
    halos = {"lung": 0.3, "esophagus": 0.93}
    looks = [(drawn_patient(name), seen(0.99, 0.0, halo_p=p, cancer=name)) for name, p in halos.items()]
    settings = best_thresholds(looks, apart=tuple(halos))
    for _, look in looks:
        assert scored(look, settings)["x_tumor_dice"] > 0.95
    assert settings[OF_CANCER]["lung"]["tumor"] < 0.93 < settings[OF_CANCER]["esophagus"]["tumor"]


def test_what_holds_for_a_cancer_on_a_ct_alone_goes_before_all_else():
    own = {"tumor": 0.95, WITHOUT_PET: {"tumor": 0.5}}
    settings = {"tumor": 0.6, WITHOUT_PET: {"tumor": 0.7}, OF_CANCER: {"lung": own}}
    tight = scored(seen(0.99, 0.0, halo_p=0.8), settings)["x_tumor_dice"]
    wide = scored(seen(0.99, 0.0, halo_p=0.8, with_pet=False), settings)["x_tumor_dice"]
    assert tight > 0.95 > 0.6 > wide


def test_a_scan_without_pet_is_read_by_thresholds_of_its_own():
    settings = {"node_sure": 0.98, WITHOUT_PET: {"node_sure": 0.8}}
    assert scored(seen(0.9, 0.0), settings)["x_malignant_nodes_found"] == 0
    assert scored(seen(0.9, 0.0, with_pet=False), settings)["x_malignant_nodes_found"] == 1


def test_a_proposal_in_no_lesion_is_a_false_one_and_one_on_a_lesion_is_not():
    result = scored(seen(node_p=0.99, vessel_p=0.99), {})
    assert result["x_false_nodes"] == 1
    assert result["x_false_tumors"] == 0


def test_a_larger_proposal_is_never_believed_less_though_the_false_ones_were_large():
    true, false = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    true[NODE], false[25:35, 5:15, 25:35] = True, True
    found = [(drawn_patient(), [Proposal("node", true, 0.99), Proposal("node", false, 0.98)])] * 8
    line = certainty_line(found)
    small, large = (certainty(0.99, volume_ml, line) for volume_ml in (0.1, 8.0))
    assert large >= small > 0.5


def test_a_network_that_sees_the_ct_alone_tells_and_sets_nothing_for_a_pet():
    card = find_card("lesion-thorax-ct", None)
    assert card.modalities == ("CT",)
    assert not [name for name in card.inputs if name.startswith("pet")]
    assert not [figure.name for figure in card.figures if figure.name.startswith("ct_pet")]
    assert WITHOUT_PET not in card.settings
    assert all(WITHOUT_PET not in own for own in card.settings[OF_CANCER].values())
