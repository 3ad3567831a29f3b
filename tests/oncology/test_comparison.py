"""Two time points, counted by hand after RECIST 1.1."""

from dataclasses import replace

import pytest

from oncology.comparison import Response, compare
from oncology.findings import CaseId, Findings, Laterality, MetastasisCandidate, Node, Tumor

STAGING = {
    "editions": {"9": {axis: {"category": value} for axis, value in zip(
        ("t", "n", "m", "stage_group"), ("T2a", "N2a", "M0", "IIIA"), strict=True)}}
}  # fmt: skip


def tumor(mm, *, at=(60.0, 0.0, 200.0), id="tumor-1", lobe="lung_upper_lobe_left"):  # noqa: A002
    return Tumor(
        id=id, volume_ml=mm**3 / 2000, greatest_dimension_mm=mm, axial_diameter_mm=mm, diameter_3d_mm=mm,
        short_axis_mm=mm * 0.8, laterality=Laterality.LEFT, location=lobe, centroid_lps=at,
    )  # fmt: skip


def node(mm, station="4L", *, at=(20.0, 0.0, 180.0), id="node-1"):  # noqa: A002
    return Node(
        id=id, station=station, laterality=Laterality.LEFT, short_axis_mm=mm, long_axis_mm=mm * 1.4,
        volume_ml=1.0, centroid_lps=at,
    )  # fmt: skip


def metastasis(axial_mm, *, ml=14.137, site="liver", at=(-80.0, 0.0, -40.0), id="candidate-1"):  # noqa: A002
    return MetastasisCandidate(id, site, at, volume_ml=ml, axial_diameter_mm=axial_mm)  # 14.137 mL: a ball of 30 mm


def study(*found, carina=(0.0, 0.0, 170.0)):
    return Findings(
        case_id=CaseId("0123456789abcdef"),
        cancer="lung",
        tumors=tuple(item for item in found if isinstance(item, Tumor)),
        nodes=tuple(item for item in found if isinstance(item, Node)),
        metastasis_candidates=tuple(item for item in found if isinstance(item, MetastasisCandidate)),
        landmarks={"carina": carina},
    )


@pytest.mark.parametrize(
    ("before", "after", "response"),
    [
        ((50, 20), (34, 14), Response.PARTIAL),  # 70 -> 48: -31 %
        ((50, 20), (40, 14), Response.STABLE),  # 70 -> 54: -23 %
        ((50, 20), (62, 23), Response.PROGRESSIVE),  # 70 -> 85: +21 %, +15 mm
        ((12, 15), (16, 15), Response.STABLE),  # 27 -> 31: +15 %
        ((10, 9), (13, 9), Response.STABLE),  # +30 % but 3 mm: less than 5 mm in all
    ],
)
def test_response_follows_the_sum_of_longest_diameters_and_nodal_short_axes(before, after, response):
    result = compare(study(tumor(after[0]), node(after[1])), study(tumor(before[0]), node(before[1])), STAGING, STAGING)
    assert result.response is response, result.reason


def test_a_node_below_15_mm_is_followed_but_does_not_enter_the_sum():
    result = compare(study(tumor(40), node(20)), study(tumor(40), node(14)), STAGING, STAGING)
    assert (result.prior_sum_mm, result.now_sum_mm) == (40.0, 40.0)
    assert [pair.change for pair in result.pairs if pair.kind == "node"] == [pytest.approx(20 / 14 - 1)]


def test_a_new_lesion_is_progression_and_named():
    result = compare(
        study(tumor(30), tumor(12, at=(60, 40, 90), id="tumor-2", lobe="lung_lower_lobe_left")), study(tumor(40)),
        STAGING, STAGING,
    )  # fmt: skip
    assert result.response is Response.PROGRESSIVE
    assert "new: tumor-2" in result.reason


@pytest.mark.parametrize(("mm", "response"), [(9.0, Response.STABLE), (11.0, Response.PROGRESSIVE)])
def test_a_new_node_of_normal_size_is_no_progression(mm, response):
    result = compare(study(tumor(40), node(mm)), study(tumor(40)), STAGING, STAGING)
    assert result.response is response


def test_studies_of_different_position_are_aligned_by_the_carina():
    moved = study(tumor(40, at=(160.0, 0.0, -100.0)), carina=(100.0, 0.0, -130.0))
    (pair,) = compare(moved, study(tumor(40)), STAGING, STAGING).pairs
    assert (pair.now_id, pair.prior_id) == ("tumor-1", "tumor-1")


def test_nodes_of_opposite_sides_are_never_called_the_same():
    right = replace(node(18, "4R", at=(5, 0, 180)), laterality=Laterality.RIGHT)
    result = compare(study(right), study(node(18)), STAGING, STAGING)
    assert {(pair.now_id, pair.prior_id) for pair in result.pairs} == {("node-1", None), (None, "node-1")}


def test_all_gone_and_nodes_small_is_a_complete_response():
    result = compare(study(node(8)), study(tumor(40), node(18)), STAGING, STAGING)
    assert result.response is Response.COMPLETE


def test_at_most_two_targets_of_an_organ_and_five_in_all():
    stations = ("2L", "4L", "5", "6", "7", "10L")
    nodes = [node(20 + i, name, at=(0, 0, 40 * i), id=f"node-{i}") for i, name in enumerate(stations)]
    result = compare(study(*nodes), study(*nodes), STAGING, STAGING)
    assert sum(pair.target for pair in result.pairs) == 2


def test_a_metastasis_is_summed_by_its_longest_axial_diameter_and_not_by_its_volume():
    result = compare(study(tumor(40), metastasis(22.0)), study(tumor(40), metastasis(41.0)), STAGING, STAGING)
    assert (result.prior_sum_mm, result.now_sum_mm) == (81.0, 62.0)
    assert all("by volume" not in pair.how for pair in result.pairs)


def test_where_one_study_holds_no_diameter_of_a_metastasis_both_are_told_by_volume_and_said_to_be():
    older = metastasis(None)
    result = compare(study(metastasis(50.0, ml=4.1888)), study(older), STAGING, STAGING)
    (pair,) = result.pairs
    assert (round(pair.prior_mm, 1), round(pair.now_mm, 1)) == (30.0, 20.0)
    assert pair.how.endswith("; measured by volume, as a ball's diameter")
    assert result.response is Response.PARTIAL


def test_a_metastasis_whose_size_nobody_tells_now_is_not_summed_as_gone():
    result = compare(study(tumor(40), metastasis(None, ml=None)), study(tumor(40), metastasis(30.0)), STAGING, STAGING)
    assert (result.prior_sum_mm, result.response) == (40.0, Response.STABLE)


@pytest.mark.parametrize("site", ["pleural_effusion", "pericardial_effusion", "peritoneum", "bone"])
def test_fluid_and_bone_are_followed_and_never_summed(site):
    spots = [study(tumor(40), metastasis(mm, site=site)) for mm in (80.0, 60.0)]
    result = compare(*spots, STAGING, STAGING)
    assert (result.prior_sum_mm, result.now_sum_mm) == (40.0, 40.0)
    assert [pair.now_mm for pair in result.pairs] == [40, 80.0]


def test_a_node_that_is_a_candidate_too_is_summed_once():
    far = node(20, "supraclavicular", at=(30.0, -10.0, 260.0))
    twice = (far, metastasis(None, site="non_regional_lymph_node", at=far.centroid_lps))
    result = compare(study(tumor(40), *twice), study(tumor(40), *twice), STAGING, STAGING)
    assert result.prior_sum_mm == 60.0


def test_the_change_of_stage_is_told_per_edition():
    before = {"editions": {"9": STAGING["editions"]["9"] | {"n": {"category": "N0"}}}}
    result = compare(study(tumor(40)), study(tumor(40)), STAGING, before)
    assert result.stage_change["9"]["n"] == ("N0", "N2a")
