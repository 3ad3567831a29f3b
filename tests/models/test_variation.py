"""Samples for training vary as bodies and scanners do, and never in what is gas, bone or unknown."""

from __future__ import annotations

import numpy as np
import pytest

from models.networks.inputs import OUTSIDE_HU
from models.training.variation import cut_view, draw_place_shift, hidden, in_phase, repainted_ct, toned

LIVER, SPLEEN = 1, 2


def organs() -> tuple[np.ndarray, np.ndarray]:
    """Liver and spleen of equal density side by side in fat, with gas in front and bone behind."""
    hu, labels = np.full((24, 40, 40), -100.0, np.float32), np.zeros((24, 40, 40), np.uint8)
    hu[:, 10:30] = 60.0
    labels[:, 10:30, :20], labels[:, 10:30, 20:] = LIVER, SPLEEN
    hu[:, :8], hu[:, 34:] = -1000.0, 1200.0
    return hu, labels


def test_two_organs_of_equal_density_come_apart_in_most_samples() -> None:
    hu, labels = organs()
    apart = []
    for seed in range(30):
        found = repainted_ct(hu, labels, np.random.default_rng(seed))
        inner = found[4:-4, 14:26]
        apart.append(abs(float(inner[..., 4:16].mean() - inner[..., 24:36].mean())))
    assert np.median(apart) > 5.0
    assert max(apart) > 35.0


def test_an_early_phase_fills_arteries_and_heart_together_and_leaves_organs() -> None:
    hu, labels = np.full((12, 12, 12), 150.0, np.float32), np.zeros((12, 12, 12), np.uint8)
    labels[:, :4], labels[:, 4:8], labels[:, 8:] = 1, 2, 3
    names = ("aorta", "heart_ventricle_left", "liver")
    found = [in_phase(hu, labels, names, np.random.default_rng(seed)) for seed in range(60)]
    levels = np.array([[one[6, y, 6] for y in (2, 6, 10)] for one in found])
    assert 0.2 < (levels[:, 0] != 150.0).mean() < 0.5
    assert levels[:, 0].max() > 400.0
    assert np.allclose(levels[:, 0], levels[:, 1], atol=1.0)
    assert np.allclose(levels[:, 2], 150.0, atol=1.0)


@pytest.mark.parametrize("seed", range(6))
def test_gas_stays_gas_and_compact_bone_stays_bone(seed: int) -> None:
    hu, labels = organs()
    found = repainted_ct(hu, labels, np.random.default_rng(seed))
    assert found[4:-4, 1:5].mean() == pytest.approx(-1000.0, abs=15.0)
    assert found[4:-4, 37:].mean() == pytest.approx(1200.0, abs=40.0)


@pytest.mark.parametrize("seed", range(6))
def test_what_was_denser_stays_denser_on_the_curve(seed: int) -> None:
    line = np.linspace(-1000.0, 1500.0, 400, dtype=np.float32).reshape(1, 20, 20)
    found = toned(line, np.random.default_rng(seed)).ravel()
    assert (np.diff(found) >= -1e-3).all()
    assert found[0] == -1000.0
    assert found[-1] == 1500.0


def test_a_scan_that_ends_shows_nothing_beyond_its_end() -> None:
    random = np.random.default_rng(3)
    views = [cut_view((40, 40, 40), random) for _ in range(200)]
    cut = [view for view in views if view is not None]
    assert 15 < len(cut) < 80
    hu = np.full((40, 40, 40), 50.0, np.float32)
    for view in cut:
        shown = hidden(hu, view)
        assert (shown[~view] == OUTSIDE_HU).all()
        assert (shown[view] == 50.0).all()
        assert view.sum() >= 0.25 * view.size


def test_the_place_in_the_body_is_told_a_little_wrong_and_sometimes_not_at_all() -> None:
    random = np.random.default_rng(4)
    at = (np.array([0.0, 100.0]), np.array([0.0, 100.0]))
    shifted = [draw_place_shift(random)(at) for _ in range(300)]
    assert 5 < sum(not np.any(y) and not np.any(x) for y, x in shifted) < 60
    middles = np.array([[y[0], x[0]] for y, x in shifted])
    assert 10.0 < middles[:, 0].std() < 20.0 < middles[:, 1].std() < 30.0
