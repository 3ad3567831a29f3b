"""Windows over a scan: they cover it, blend without seams, and agree with MONAI's."""

from __future__ import annotations

import numpy as np
import pytest

from models.adapters.windows import importance, places, slide


@pytest.mark.parametrize("shape", [(10, 12, 9), (8, 8, 8), (5, 20, 3)])
def test_a_function_of_single_voxels_is_the_same_in_windows(shape: tuple[int, int, int]) -> None:
    scan = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    found = slide(lambda block: block * 3.0 + 1.0, scan, (8, 8, 8), 0.5)
    assert found.shape == scan.shape
    assert np.allclose(found, scan * 3.0 + 1.0, atol=1e-5)


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9])
def test_every_voxel_is_seen(overlap: float) -> None:
    seen = np.zeros((13, 8, 21), int)
    for place in places(seen.shape, (6, 8, 7), overlap):
        seen[place] += 1
    assert seen.min() >= 1


def test_middle_of_a_window_counts_most() -> None:
    weight = importance((7, 9, 5))
    assert weight.argmax() == np.ravel_multi_index((3, 4, 2), weight.shape)
    assert weight.min() > 0


@pytest.mark.slow
def test_blended_windows_are_those_of_monai() -> None:
    torch = pytest.importorskip("torch")
    inferers = pytest.importorskip("monai.inferers")
    torch.manual_seed(2)
    network = torch.nn.Conv3d(1, 2, 5, padding=2)
    scan = np.random.default_rng(4).normal(size=(1, 30, 37, 26)).astype(np.float32)
    monai = inferers.SlidingWindowInferer((16, 16, 16), sw_batch_size=1, overlap=0.5, mode="gaussian")
    with torch.inference_mode():
        own = slide(lambda block: network(torch.from_numpy(block)).numpy(), scan, (16, 16, 16), 0.5)
        theirs = monai(torch.from_numpy(scan)[None], network)[0].numpy()
    assert np.allclose(own, theirs, atol=1e-5)
