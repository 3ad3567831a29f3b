"""Overlapping masks as label maps: each comes back voxel for voxel."""

from __future__ import annotations

import numpy as np

from models.synthetic.label_maps import MOST_LABELS, label_maps


def test_every_mask_comes_back_whole_however_they_overlap() -> None:
    random = np.random.default_rng(4)
    masks = {f"mask-{share}": random.random((5, 7, 9)) < share / 20 for share in range(12)}
    found = {name: one.labels == label for one in label_maps(masks) for label, name in enumerate(one.names, start=1)}
    assert {name for name, mask in masks.items() if np.array_equal(found[name], mask)} == set(masks)


def test_more_masks_than_a_byte_counts_go_on_in_another_map() -> None:
    masks = {f"{index:03d}": np.arange(400).reshape(1, 20, 20) == index for index in range(MOST_LABELS + 5)}
    first, second = label_maps(masks)
    assert (len(first.names), len(second.names)) == (MOST_LABELS, 5)
    assert int(first.labels.max()) == MOST_LABELS
