"""Which synthetic patients a model may see: the split goes by the cohort's seed, so that no patient is in two."""

from __future__ import annotations

from enum import StrEnum


class Split(StrEnum):
    """What the patients of a seed are for."""

    TRAINING = "training"
    TUNING = "tuning"  # choice of thresholds, stopping, calibration
    HELD_OUT = "held_out"  # figures that are reported


TRAINING_SEEDS, TUNING_SEEDS, HELD_OUT_FROM = range(1, 1000), range(1000, 2000), 5000


def split_of(seed: int) -> Split | None:
    """The split of a cohort's seed; None for seeds that are for nothing but trying out.

    >>> split_of(17), split_of(1400), split_of(5003), split_of(3000)
    (<Split.TRAINING: 'training'>, <Split.TUNING: 'tuning'>, <Split.HELD_OUT: 'held_out'>, None)
    """
    if seed in TRAINING_SEEDS:
        return Split.TRAINING
    if seed in TUNING_SEEDS:
        return Split.TUNING
    return Split.HELD_OUT if seed >= HELD_OUT_FROM else None
