"""Side findings: phantoms of known mm and HU, the table of cut-offs, and real scans within what adults have."""

import numpy as np
import pytest

import abdomen_phantom
import phantoms
from oncology import side_findings
from oncology.errors import ContourError, TableError
from oncology.imaging.anatomy import segment_anatomy
from oncology.imaging.side.calcium import agatston_like
from oncology.imaging.side.measurement import Measurement
from oncology.imaging.volume import Volume, read_volume
from oncology.side_findings import Person, cut_offs, find_side_findings, judge

MAN = Person("male", 1.80, 81.0)  # body mass index 25.0


def find(ct, structures, **more):
    return {finding.name: finding for finding in find_side_findings(ct, structures, **more)}


def filled(grid, hu=-100):
    return np.full(grid.shape, hu, np.float32)


# --- emphysema


def lungs(share, thickness=1.0, noise=0.0):
    """A lung of -860 HU of which a share is at -980, with a trachea of air beside it."""
    grid = phantoms.make_grid((100, 80, 80), (thickness, 1, 1))
    lung = phantoms.box(grid, (-30, -30, -35), (10, 30, 35))
    trachea = phantoms.cylinder(grid, (25, 0, 0), (0, 0, 1), 16, 60)
    hu = filled(grid, 40)
    hu[lung] = -860
    hu[trachea] = -1000
    places = np.argwhere(lung)
    hu[tuple(places[: int(share * len(places))].T)] = -980
    hu += np.random.default_rng(0).normal(0, noise, grid.shape).astype(np.float32)
    return Volume(hu, grid), {"lung_left": lung, "trachea": trachea}


@pytest.mark.parametrize(("share", "notable"), [(0.0, False), (0.049, False), (0.051, True), (0.4, True)])
def test_emphysema_is_the_share_below_950_hu(share, notable):
    found = find(*lungs(share))["emphysema"]
    assert found.value == pytest.approx(100 * share, abs=0.02)
    assert found.adequate
    assert found.notable is notable


def test_noise_that_looks_like_emphysema_is_not_judged():
    found = find(*lungs(0.0, noise=80.0))["emphysema"]
    assert found.value > 5
    assert not found.adequate
    assert "noise alone" in found.reason
    assert found.meaning == ""


def test_thick_slices_and_cut_lungs_are_not_judged():
    assert "6.0 mm apart" in find(*lungs(0.1, thickness=6.0))["emphysema"].reason
    ct, masks = lungs(0.1)
    lower = {name: mask[:60] for name, mask in masks.items()}
    part = Volume(ct.array[:60], phantoms.make_grid((60, 80, 80)))
    assert "cuts the lungs" in find(part, lower)["emphysema"].reason


# --- calcium


def heart(blood=40, calcium=350, plates=1):
    """A heart with an aorta and calcium plates of 10 x 4 mm in one slice of 3 mm."""
    grid = phantoms.make_grid((60, 100, 100), (3, 1, 1))
    muscle = phantoms.sphere(grid, (0, 0, 0), 50)
    aorta = phantoms.cylinder(grid, (35, 30, 0), (0, 0, 1), 20)
    hu = filled(grid)
    hu[muscle] = blood
    hu[aorta] = blood
    for plate in range(plates):
        hu[10, 40:44, 40 + 14 * plate : 50 + 14 * plate] = calcium
    return Volume(hu, grid), {"heart": muscle, "aorta": aorta}


@pytest.mark.parametrize(("peak", "weight"), [(140, 1), (250, 2), (350, 3), (600, 4)])
def test_the_score_is_area_times_the_weight_of_the_peak(peak, weight):
    found = find(*heart(calcium=peak))["coronary_calcium"]
    assert found.value == pytest.approx(40 * weight)  # 40 mm2 in one slice of 3 mm
    assert found.adequate
    assert "Agatston-like" in found.note


def test_thinner_slices_give_the_same_score():
    hu, region = np.full((6, 20, 20), 40.0), np.ones((6, 20, 20), bool)
    hu[0:2, 5:9, 5:15] = 350
    assert agatston_like(hu, region, (1.5, 1.0, 1.0)) == pytest.approx(120)


def test_a_clean_heart_has_no_calcium():
    found = find(*heart(plates=0))
    assert found["coronary_calcium"].value == 0.0
    assert found["coronary_calcium"].meaning == "no coronary calcium seen"
    assert not found["aortic_calcium"].notable


def test_with_contrast_there_is_a_volume_of_the_vessels_and_no_score():
    ct, masks = heart(blood=300, calcium=900)
    found = find(ct, masks)["coronary_calcium"]
    assert found.value is None
    assert not found.adequate
    assert "chambers and calcium are not told apart" in found.reason
    vessels = {**masks, "coronary_arteries": phantoms.sphere(ct.geometry, (0, 0, 0), 30)}
    assert "120 mm3" in find(ct, vessels)["coronary_calcium"].reason  # 40 mm2 x 3 mm


def test_a_vein_full_of_contrast_beside_the_aorta_is_not_its_calcium():
    ct, masks = heart(blood=300, plates=0)
    ct.array[phantoms.cylinder(ct.geometry, (35, 10, 0), (0, 0, 1), 21)] = 1200
    assert "; 0 mm3 lie above" in find(ct, masks)["aortic_calcium"].reason


def test_calcium_of_a_rib_is_not_the_aortas():
    ct, masks = heart(plates=0)
    rib = phantoms.box(ct.geometry, (40, 25, -20), (48, 35, 20))
    ct.array[rib] = 700
    assert find(ct, masks)["aortic_calcium"].value > 0
    assert find(ct, {**masks, "rib_left_5": rib})["aortic_calcium"].value == 0.0


# --- aorta


def tilted_aorta(diameter, tilt):
    """An ascending and a descending aorta, the first leaning to the right, the second to the left."""
    grid = phantoms.make_grid((160, 160, 160), (2, 1, 1))
    lean = np.tan(np.radians(tilt))
    front = phantoms.cylinder(grid, (-10, -35, 0), (-lean, 0, 1), diameter, 300)
    back = phantoms.cylinder(grid, (20, 40, 0), (lean, 0, 1), 24, 300)
    return Volume(filled(grid, 40), grid), {"aorta": front | back}


@pytest.mark.parametrize("tilt", [0, 20, 35])
def test_the_aorta_is_measured_perpendicular_to_its_course(tilt):
    ct, masks = tilted_aorta(36, tilt)
    found = find(ct, masks, landmarks={"carina": (0.0, 0.0, 40.0)})
    assert found["ascending_aorta"].value == pytest.approx(36, abs=1.0)
    assert found["descending_aorta"].value == pytest.approx(24, abs=1.0)
    assert not found["ascending_aorta"].notable


def test_a_wide_aorta_is_called_dilated():
    ct, masks = tilted_aorta(46, 10)
    found = find(ct, masks, landmarks={"carina": (0.0, 0.0, 40.0)})["ascending_aorta"]
    assert found.meaning == "dilated"
    assert found.cutoff == "41 / 55 mm"


# --- liver, bone, muscle


def belly(liver=60, spleen=50, blood=40):
    grid = phantoms.make_grid((80, 120, 160), (2, 1, 1))
    masks = {
        "liver": phantoms.sphere(grid, (-40, 0, 0), 60),
        "spleen": phantoms.sphere(grid, (45, 10, 0), 40),
        "aorta": phantoms.cylinder(grid, (5, 40, 0), (0, 0, 1), 18),
    }
    hu = filled(grid)
    for name, value in (("liver", liver), ("spleen", spleen), ("aorta", blood)):
        hu[masks[name]] = value
    return Volume(hu, grid), masks


@pytest.mark.parametrize(
    ("liver", "spleen", "blood", "name", "meaning"),
    [
        (60, 50, 40, "liver_minus_spleen", "no fatty liver by density"),
        (35, 50, 40, "liver_minus_spleen", "fatty liver likely"),
        (110, 120, 150, "liver_minus_spleen_portal", "no sign of fatty liver"),
        (80, 120, 150, "liver_minus_spleen_portal", "fatty liver possible"),
    ],
)
def test_liver_is_compared_with_the_spleen_by_phase(liver, spleen, blood, name, meaning):
    found = find(*belly(liver, spleen, blood))[name]
    assert found.value == liver - spleen
    assert found.meaning == meaning


def test_an_arterial_phase_is_not_judged():
    found = find(*belly(70, 130, 320))["liver_minus_spleen_portal"]
    assert found.value == -60
    assert not found.adequate
    assert "arterial phase" in found.reason


def vertebra(hu):
    """A body of 40 x 30 x 28 mm with a cortex of 600 HU, and an arch as dense behind it."""
    grid = phantoms.make_grid((60, 100, 80), (1, 1, 1))
    body = phantoms.box(grid, (-20, -30, -14), (20, 0, 14))
    inner = phantoms.box(grid, (-17, -27, -11), (17, -3, 11))
    arch = phantoms.box(grid, (-12, 15, -8), (12, 22, 8))
    array = filled(grid, 40)
    array[body | arch] = 600
    array[inner] = hu
    return Volume(array, grid), {"vertebrae_L1": body | arch}


@pytest.mark.parametrize(
    ("hu", "start"),
    [(109, "osteoporosis likely"), (134, "osteoporosis possible"), (159, "low bone"), (161, "osteoporosis unlikely")],
)
def test_bone_density_is_that_of_the_spongy_middle(hu, start):
    found = find(*vertebra(hu))["l1_attenuation"]
    assert found.value == hu
    assert found.meaning.startswith(start)


def torso(muscle_hu=50):
    grid = phantoms.make_grid((60, 260, 360), (5, 1, 1))
    outer, inner = (
        phantoms.box(grid, (-100, -60, -30), (100, 60, 30)),
        phantoms.box(grid, (-90, -40, -30), (90, 40, 30)),
    )
    muscle = outer & ~inner  # 200 x 120 - 180 x 80 mm = 96 cm2
    hu = filled(grid)
    hu[muscle] = muscle_hu
    hu[muscle & phantoms.box(grid, (-100, -60, -30), (0, -50, 30))] = -60  # 10 cm2 of fat in it
    return Volume(hu, grid), {"skeletal_muscle": muscle, "vertebrae_L3": phantoms.sphere(grid, (0, 20, 0), 30)}


def test_muscle_area_leaves_fat_out_and_the_index_needs_the_height():
    ct, masks = torso()
    area = find(ct, masks, person=Person("male"))["muscle_area_l3"]
    assert area.value == pytest.approx(86.0)
    assert area.meaning == "low muscle mass"
    index = find(ct, masks, person=MAN)["muscle_index_l3"]
    assert index.value == pytest.approx(86.0 / 1.8**2)


def test_without_the_sex_muscle_is_measured_but_not_judged():
    found = find(*torso())["muscle_area_l3"]
    assert found.value == pytest.approx(86.0)
    assert not found.adequate
    assert "sex" in found.reason


@pytest.mark.parametrize(
    ("person", "value", "low"),
    [
        (Person("female", 1.6, 60), 40.9, True),
        (Person("female", 1.6, 60), 41.0, False),
        (Person("male", 1.8, 75), 43.0, False),
        (Person("male", 1.8, 81), 43.0, True),
        (Person("male", 1.8, 81), 53.0, False),
        (Person("male", 1.8), 45.4, False),
    ],
)
def test_muscle_cut_offs_follow_sex_and_body_mass_index(person, value, low):
    assert judge(Measurement("muscle_index_l3", value), person).notable is low


def test_wall_muscles_must_be_there():
    ct, masks = torso()
    found = find(ct, {"iliopsoas_left": masks["skeletal_muscle"], "vertebrae_L3": masks["vertebrae_L3"]})
    assert found["muscle_area_l3"].value is None


# --- all of them


def test_nothing_segmented_gives_a_reason_for_each():
    grid = phantoms.make_grid((20, 20, 20))
    found = find_side_findings(Volume(filled(grid), grid), {})
    assert len(found) == 9
    assert all(finding.value is None and not finding.adequate and finding.reason for finding in found)


def test_flipped_axes_change_nothing():
    ct, masks = tilted_aorta(36, 20)
    straight = find(ct, masks, landmarks={"carina": (0.0, 0.0, 40.0)})
    turned = {name: phantoms.reoriented(Volume(mask, ct.geometry), (0, 1, 2), (0, 2)) for name, mask in masks.items()}
    volume = phantoms.reoriented(ct, (0, 1, 2), (0, 2))
    found = find(volume, {n: m.array for n, m in turned.items()}, landmarks={"carina": (0.0, 0.0, 40.0)})
    assert found["ascending_aorta"].value == pytest.approx(straight["ascending_aorta"].value, abs=1e-6)


def test_a_mask_of_another_shape_is_refused():
    grid = phantoms.make_grid((20, 20, 20))
    with pytest.raises(ContourError, match="liver"):
        find_side_findings(Volume(filled(grid), grid), {"liver": np.ones((3, 3, 3), bool)})


def test_every_cut_off_has_a_source_and_every_name_is_measured():
    for name, entry in cut_offs().items():
        assert entry["title"], name
        assert all(len(row["source"]) > 20 for row in entry["rows"]), name


def test_bands_that_do_not_rise_are_refused(tmp_path, monkeypatch):
    table = tmp_path / "side_findings.yaml"
    table.write_text(
        "x: {title: x, unit: mm, rows: [{source: s, bands: [{meaning: a}, {from: 5, meaning: b}, {from: 3}]}]}"
    )
    monkeypatch.setattr(side_findings, "TABLE", table)
    cut_offs.cache_clear()
    with pytest.raises(TableError, match=r"x: bands start"):
        cut_offs()
    cut_offs.cache_clear()


def test_a_synthetic_body_measures_like_an_adult():
    canvas, masks = abdomen_phantom.abdomen(abdomen_phantom.BUILDS[0])
    hu = np.full(canvas.shape, -100.0, np.float32)
    hu[masks["skeletal_muscle"]] = 50
    hu[masks["aorta"]] = 40
    found = find(Volume(hu, canvas.geometry), masks, person=MAN)
    assert 35 <= found["muscle_index_l3"].value <= 75
    assert 15 <= found["abdominal_aorta"].value <= 27


@pytest.mark.slow
def test_a_real_abdomen_gives_values_that_adults_have(shared_data):
    folder = shared_data / "totalsegmentator_example"
    ct, labels = read_volume(folder / "example_ct.nii.gz"), read_volume(folder / "example_seg_full.nii.gz")
    lines = (folder / "classes.csv").read_text(encoding="utf-8").splitlines()[1:]
    names = {int(line.split(",")[0]): line.split(",")[1] for line in lines}
    masks = {names[int(label)]: labels.array == label for label in np.unique(labels.array) if label > 0}
    found = find(ct, masks, person=Person("male", 1.75))
    assert 12 <= found["abdominal_aorta"].value <= 60
    assert -60 <= (found.get("liver_minus_spleen") or found["liver_minus_spleen_portal"]).value <= 30
    assert 40 <= found["l1_attenuation"].value <= 320
    assert "cuts the lungs" in found["emphysema"].reason
    assert found["muscle_area_l3"].value is None  # the wall's muscles are not among its labels


@pytest.mark.slow
def test_a_real_chest_has_plausible_lungs(shared_data):
    ct = read_volume(shared_data / "chest_ct" / "R01-001_1x1x2mm.nii.gz")
    found = find(ct, segment_anatomy(ct).masks)["emphysema"]
    assert 0.0 <= found.value <= 60.0


@pytest.mark.slow
def test_a_real_dissected_aorta_is_wide(shared_data):
    folder = shared_data / "totalsegmentator_example" / "great_vessels"
    ct, labels = read_volume(folder / "ct.nii.gz"), read_volume(folder / "labels.nii.gz")
    found = find(ct, {"heart": labels.array == 1, "aorta": labels.array == 2, "celiac_trunk": labels.array == 7})
    assert 25 <= found["ascending_aorta"].value <= 60
    assert 25 <= found["descending_aorta"].value <= 60
    assert found["coronary_calcium"].value is None  # contrast medium
    assert "mixed too unevenly" in found["aortic_calcium"].reason  # true and false lumen
