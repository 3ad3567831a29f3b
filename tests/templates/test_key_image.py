"""Key images: what lies where, at which scale, in gray too, and without anybody's name."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

import phantoms
from oncology.errors import ReportError
from oncology.imaging.diameter import measure_diameters
from oncology.imaging.volume import Volume
from templates.key_image import LUNG_WINDOW, SIZE_PX, SOFT_TISSUE_WINDOW, dashes, hot, key_image
from templates.language import language
from templates.render import languages
from templates.slicing import Plane, sample, snapped

GRID = phantoms.make_grid((160, 160, 160), (2.5, 1.0, 1.0), center_lps=(20, -30, 400))
FOCUS = (20.0, -30.0, 400.0)
TUMOR = phantoms.ellipsoid(GRID, FOCUS, (40, 30, 30))
CT = Volume(np.where(TUMOR, 60, -150).astype(np.int16), GRID)
YELLOW, BLUE = (255, 214, 10), (90, 220, 255)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB")).astype(int)


def colored(picture: Image.Image, color: tuple[int, int, int]) -> np.ndarray:
    """Where (rows, columns) the picture above the legend has nearly this color."""
    near = np.abs(pixels(picture)[:SIZE_PX] - np.array(color)).sum(axis=-1) < 60
    return np.argwhere(near)


def test_picture_has_the_asked_width_and_a_strip_below() -> None:
    picture = key_image(CT, FOCUS, size_px=320)

    assert picture.mode == "RGB"
    assert picture.width == 320
    assert 320 < picture.height < 350


@pytest.mark.parametrize(("plane", "size_mm"), [("axial", (40, 30)), ("coronal", (40, 30)), ("sagittal", (30, 30))])
def test_outline_is_drawn_at_true_scale_in_every_plane(plane: str, size_mm: tuple[float, float]) -> None:
    picture = key_image(CT, FOCUS, {"a": TUMOR}, plane=plane, field_mm=160)

    line = colored(picture, YELLOW)
    high, wide = np.ptp(line, axis=0) * 160 / SIZE_PX
    assert (wide, high) == (pytest.approx(size_mm[0], abs=2.5), pytest.approx(size_mm[1], abs=3))
    assert line.mean(axis=0) == pytest.approx((SIZE_PX / 2, SIZE_PX / 2), abs=8)


@pytest.mark.parametrize(
    ("plane", "shift", "towards"),
    [
        ("axial", (25, 0, 0), (0, 1)),  # the patient's left is on the picture's right
        ("axial", (0, 25, 0), (1, 0)),  # the back is below
        ("coronal", (25, 0, 0), (0, 1)),
        ("coronal", (0, 0, 25), (-1, 0)),  # the head is above
        ("sagittal", (0, 25, 0), (0, 1)),  # the back is on the right
        ("sagittal", (0, 0, 25), (-1, 0)),
    ],
)
def test_patient_lies_as_radiologists_look_at_him(
    plane: str, shift: tuple[float, float, float], towards: tuple[int, int]
) -> None:
    spot = phantoms.sphere(GRID, np.add(FOCUS, shift), 12)

    line = colored(key_image(CT, FOCUS, {"a": spot}, plane=plane, field_mm=160), YELLOW)

    offset = (line.mean(axis=0) - SIZE_PX / 2) * 160 / SIZE_PX
    assert offset == pytest.approx(np.array(towards) * 25, abs=2)


@pytest.mark.parametrize(("order", "flips"), [((0, 1, 2), (0, 2)), ((2, 1, 0), (1,)), ((1, 2, 0), (0, 1, 2))])
def test_scan_stored_with_other_axes_gives_the_same_picture(order: tuple[int, ...], flips: tuple[int, ...]) -> None:
    stored = phantoms.reoriented(CT, order, flips)
    mask = phantoms.reoriented(Volume(TUMOR, GRID), order, flips).array

    apart = np.abs(pixels(key_image(stored, FOCUS, {"a": mask})) - pixels(key_image(CT, FOCUS, {"a": TUMOR})))

    assert (apart > 40).mean() < 0.002
    assert apart.mean() < 0.5


def test_same_input_gives_the_same_bytes() -> None:
    digests = {hashlib.sha256(key_image(CT, FOCUS, {"a": TUMOR}).tobytes()).hexdigest() for _ in range(2)}

    assert len(digests) == 1


def test_names_of_contours_are_not_drawn() -> None:
    plain = key_image(CT, FOCUS, {"a": TUMOR})

    named = key_image(CT, FOCUS, {"DOE^JANE 1950-01-01": TUMOR})

    assert plain.tobytes() == named.tobytes()
    assert not named.info


def test_roles_differ_in_gray_by_the_pattern_of_their_lines() -> None:
    """A tumor's line has no gaps; of a node's about a third is missing; of a structure's more than half."""
    drawn = {}
    for role in ("tumor", "node", "structure"):
        picture = key_image(CT, FOCUS, {"a": TUMOR}, roles={"a": role}, window=LUNG_WINDOW, field_mm=160).convert("L")
        bare = key_image(CT, FOCUS, window=LUNG_WINDOW, field_mm=160).convert("L")
        changed = np.abs(np.asarray(picture).astype(int) - np.asarray(bare).astype(int)) > 40
        drawn[role] = int(changed[60:580, 60:580].sum())

    assert drawn["structure"] < 0.75 * drawn["node"] < 0.75 * drawn["tumor"]


def test_window_turns_hounsfield_units_into_brightness() -> None:
    flat = Volume(np.full(GRID.shape, 140, np.int16), GRID)

    picture = pixels(key_image(flat, FOCUS, window=SOFT_TISSUE_WINDOW))

    assert picture[150, 150].tolist() == [191, 191, 191]  # 140 HU is three quarters of -160..240


def test_pet_is_brightest_where_it_is_hottest_also_in_gray() -> None:
    pet = phantoms.make_grid((180, 180, 180), (4.0, 4.0, 4.0), center_lps=FOCUS)
    heat = sum(phantoms.sphere(pet, (40, -30, 400), size).astype(np.float32) * 3 for size in (16, 30, 44))
    bone = np.where(phantoms.sphere(GRID, (-25, -30, 400), 20), 1500, 40).astype(np.int16)

    picture = key_image(Volume(bone, GRID), FOCUS, suv=Volume(heat, pet), field_mm=160)

    gray = np.asarray(picture.convert("L")).astype(int)
    hottest, bony = gray[320, 400], gray[320, 140]
    assert hottest > bony + 30
    assert gray[320, 400] > gray[320, 440] > gray[320, 465]


def test_color_scale_grows_brighter_all_along() -> None:
    brightness = hot(np.linspace(0, 1, 50)) @ np.array([0.299, 0.587, 0.114])

    assert (np.diff(brightness) > 0).all()


def test_calipers_are_drawn_in_their_slice_only() -> None:
    found = measure_diameters(Volume(TUMOR, GRID))

    bare = pixels(key_image(CT, found.axial.middle_lps, field_mm=160))
    with_lines = pixels(key_image(CT, found.axial.middle_lps, field_mm=160, calipers=[found.axial]))
    elsewhere = pixels(key_image(CT, (20, -30, 420), field_mm=160, calipers=[found.axial]))

    assert (bare != with_lines).sum() > 1000
    assert (elsewhere == pixels(key_image(CT, (20, -30, 420), field_mm=160))).all()


def test_field_fits_the_lesion_by_itself() -> None:
    large = phantoms.ellipsoid(GRID, FOCUS, (110, 90, 60))

    line = colored(key_image(CT, FOCUS, {"a": large}), YELLOW)

    wide = np.ptp(line[:, 1]) / SIZE_PX
    assert 0.4 < wide < 0.8


def test_focus_outside_of_the_scan_gives_a_black_picture_and_no_error() -> None:
    picture = key_image(CT, (20.0, -30.0, 900.0))

    assert pixels(picture)[100:200, 100:200].max() == 0


def test_axial_picture_is_the_nearest_slice_of_the_scan() -> None:
    view = snapped("axial", (0, 0, 400.9), GRID, 100, 50)

    slices = GRID.to_lps(np.array([[index, 0, 0] for index in range(GRID.shape[0])]))[:, 2]
    assert view.position_mm == pytest.approx(slices[np.abs(slices - 400.9).argmin()])


def test_sampling_reads_the_voxel_at_each_world_point() -> None:
    ramp = Volume(phantoms.world(GRID)[..., 0].astype(np.float32), GRID)

    values = sample(ramp, Plane("axial", FOCUS, 1.0, 21), order=1, fill=-1)

    assert values[10] == pytest.approx(20 + np.arange(-10, 11), abs=1e-3)


def test_dashes_are_evenly_fitted() -> None:
    pieces = dashes(np.array([[0.0, 0.0], [95.0, 0.0]]), 12, 7)

    assert len(pieces) == 5
    assert [piece[0, 0] for piece in pieces] == pytest.approx([0, 19, 38, 57, 76])


@pytest.mark.parametrize("told", [name for name in languages() if name != "en"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_no_word_of_a_picture_falls_back_to_english(plane: str, told: str) -> None:
    translate, masks = language(told), {"a": TUMOR, "b": TUMOR, "c": TUMOR}
    roles = {"a": "tumor", "b": "node", "c": "structure"}

    picture = key_image(CT, FOCUS, masks, roles=roles, plane=plane, translate=translate)

    assert translate.unknown == set()
    assert np.any(pixels(picture) != pixels(key_image(CT, FOCUS, masks, roles=roles, plane=plane)))


def test_unknown_plane_or_role_is_named() -> None:
    with pytest.raises(ReportError, match="found plane 'oblique'"):
        key_image(CT, FOCUS, plane="oblique")
    with pytest.raises(ReportError, match="found role 'organ'"):
        key_image(CT, FOCUS, {"a": TUMOR}, roles={"a": "organ"})
