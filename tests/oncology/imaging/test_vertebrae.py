"""Lumbar vertebrae are named from a spine without numbers where ribs, discs and sacrum agree, and not otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import ndimage

from abdomen_phantom import BUILDS, abdomen
from models.synthetic.frame import Build
from oncology.imaging.vertebrae import lumbar_levels
from oncology.imaging.volume import Geometry, Volume
from oncology.side_findings import Person, find_side_findings

Masks = dict[str, np.ndarray]


def scan(build: Build) -> tuple[Volume, Masks, Mapping[str, np.ndarray]]:
    """CT, what a network and rules see of the bones (no level among it), and the drawn masks."""
    canvas, drawn = abdomen(build)
    names = [name for name in drawn if name.startswith("vertebrae_") or name in ("ribs", "sacrum")]
    bones = np.logical_or.reduce([drawn[name] for name in names])
    hu = np.where(drawn["body"], 40.0, -1000.0).astype(np.float32)
    for name in names:
        hu[drawn[name]] = 400.0
        hu[ndimage.binary_erosion(drawn[name])] = 150.0
    hu[drawn["intervertebral_discs"] & ~bones] = 90.0
    hu += np.random.default_rng(build.seed).normal(0.0, 20.0, hu.shape).astype(np.float32)
    seen = {"spine": drawn["spine"] & ~drawn["sacrum"], "spinal_canal": drawn["spinal_canal"], "bones": bones}
    return Volume(hu, canvas.geometry), seen | {"sacrum": drawn["sacrum"]}, drawn


def middle_mm(mask: np.ndarray, ct: Volume) -> float:
    rows = np.flatnonzero(mask.any(axis=(1, 2)))
    return float(rows[0] + rows[-1]) / 2.0 * ct.geometry.spacing_mm[0]


@pytest.mark.parametrize("build", BUILDS[:3], ids=lambda build: f"seed {build.seed}")
def test_levels_are_those_that_were_drawn(build: Build) -> None:
    ct, seen, drawn = scan(build)
    found = lumbar_levels(ct, seen)
    assert {"vertebrae_L1", "vertebrae_L2", "vertebrae_L3"} <= found.keys()
    for name, mask in found.items():
        assert middle_mm(mask, ct) == pytest.approx(middle_mm(drawn[name], ct), abs=6.0), name


def test_a_twelfth_rib_that_nobody_sees_is_noticed_by_the_sacrum() -> None:
    ct, seen, drawn = scan(BUILDS[0])
    lowest = np.flatnonzero((drawn["vertebrae_T12"]).any(axis=(1, 2)))
    hidden = seen["bones"].copy()
    hidden[: lowest[-1]] &= ~drawn["ribs"][: lowest[-1]]
    assert lumbar_levels(ct, seen | {"bones": hidden}) == {}


def test_four_or_six_vertebrae_above_the_sacrum_have_no_name() -> None:
    ct, seen, drawn = scan(BUILDS[0])
    fused = drawn["sacrum"] | drawn["vertebrae_L5"]
    assert lumbar_levels(ct, seen | {"sacrum": fused}) == {}


def test_a_scan_that_ends_below_the_ribs_has_no_levels() -> None:
    ct, seen, drawn = scan(BUILDS[0])
    top = np.flatnonzero(drawn["vertebrae_L1"].any(axis=(1, 2)))[0]
    known = ct.geometry
    grid = Geometry((int(top), *known.shape[1:]), known.spacing_mm, known.origin_lps, known.direction)
    assert lumbar_levels(Volume(ct.array[:top], grid), {name: mask[:top] for name, mask in seen.items()}) == {}


def test_a_spine_whose_discs_do_not_show_has_no_levels() -> None:
    ct, seen, _ = scan(BUILDS[0])
    flat = Volume(np.full(ct.array.shape, 60.0, np.float32), ct.geometry)
    assert lumbar_levels(flat, seen) == {}


@pytest.mark.parametrize("name", ["spine", "spinal_canal", "bones"])
def test_without_a_structure_there_are_no_levels(name: str) -> None:
    ct, seen, _ = scan(BUILDS[0])
    assert lumbar_levels(ct, {key: mask for key, mask in seen.items() if key != name}) == {}


def test_bone_and_muscle_are_measured_on_a_spine_without_numbers_and_say_how_the_level_was_told() -> None:
    ct, seen, drawn = scan(BUILDS[0])
    muscle = {name: drawn[name] for name in ("body", "skeletal_muscle")}
    person = Person("female", height_m=1.64, weight_kg=70.0)
    found = {item.name: item for item in find_side_findings(ct, {**seen, **muscle}, person=person)}
    assert found["l1_attenuation"].value == pytest.approx(150.0, abs=10.0)
    named = {name: drawn[name] for name in ("vertebrae_L1", "vertebrae_L3")}
    told = {item.name: item for item in find_side_findings(ct, {**seen, **muscle, **named}, person=person)}
    assert found["muscle_index_l3"].value == pytest.approx(told["muscle_index_l3"].value, rel=0.05)
    for name in ("l1_attenuation", "muscle_index_l3"):
        assert "lowest rib" in found[name].note
        assert "lowest rib" not in told[name].note
