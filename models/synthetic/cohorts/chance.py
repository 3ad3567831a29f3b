"""Random pieces that all cohorts share: builds, scanners, samples of nodes, words for the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.synthetic.ct import Scanner
from models.synthetic.frame import Build
from models.synthetic.plan import AWAY_FROM_THRESHOLD_MM, MetastasisPlan, NodePlan

SAMPLED_DECISIVE = 0.25  # of records hold a sample of a node that decides N; the others leave it to the images
SAMPLED_OTHER = 0.35
SEX_OF_MALES = 0.62


def some_build(random: np.random.Generator, males: float = SEX_OF_MALES) -> Build:
    """A body."""
    male = random.random() < males
    return Build(
        seed=int(random.integers(1, 2**31)),
        scale=float(np.clip(random.normal(1.015 if male else 0.975, 0.03), 0.92, 1.08)),
        fat_mm=float(np.clip(random.normal(17.0 if male else 20.0, 5.5), 7.0, 34.0)),
        sex="male" if male else "female",
        muscle=float(np.clip(random.normal(1.03 if male else 0.88, 0.1), 0.7, 1.25)),
    )


def some_scanner(random: np.random.Generator, spacing_mm: tuple[float, float, float], noise_hu: float) -> Scanner:
    """A scanner of today: dose, kernel and strength of the contrast medium vary."""
    return Scanner(
        spacing_mm=spacing_mm,
        noise_hu=float(noise_hu * random.uniform(0.75, 1.35)),
        blur_mm=float(random.uniform(0.8, 1.3)),
        kernel=float(random.uniform(0.55, 0.95)),
        enhancement=float(np.clip(random.normal(1.0, 0.14), 0.65, 1.35)),
        fwhm_mm=float(random.uniform(5.0, 6.8)),
        pet_noise=float(random.uniform(0.05, 0.1)),
        drift_mm=float(random.choice([0.0, random.uniform(0.0, 4.0)])),
    )


def size_away_from(
    random: np.random.Generator, low: float, high: float, bounds: Sequence[float], away: float = AWAY_FROM_THRESHOLD_MM
) -> float:
    """A size that is not within `away` mm of a threshold."""
    while True:
        size = float(random.uniform(low, high))
        if all(abs(size - bound) >= away for bound in bounds):
            return size


def lognormal(random: np.random.Generator, median: float, spread: float, low: float, high: float) -> float:
    """A value of a clipped lognormal distribution."""
    return float(np.clip(median * np.exp(spread * random.standard_normal()), low, high))


def sampled_stations(
    random: np.random.Generator, nodes: Sequence[NodePlan], decisive: Sequence[str]
) -> tuple[str, ...]:
    """Stations of which the record holds a sample; a decisive one in a quarter of the records.

    Args:
        decisive: stations of the nodes that alone decide N.
    """
    others = sorted({node.station for node in nodes} - set(decisive))
    if decisive and random.random() < SAMPLED_DECISIVE:
        return (str(random.choice(sorted(set(decisive)))),)
    if others and random.random() < SAMPLED_OTHER:
        return (str(random.choice(others)),)
    return ()


def proven_sites(random: np.random.Generator, metastases: Sequence[MetastasisPlan]) -> tuple[str, ...]:
    """Sites of metastases that the record proves: all or none, as often as it holds a sample of a decisive node."""
    proves = bool(metastases) and random.random() < SAMPLED_DECISIVE
    return tuple(dict.fromkeys(one.site for one in metastases)) if proves else ()


def some_age(random: np.random.Generator) -> int:
    """Years."""
    return int(np.clip(random.normal(66, 9), 34, 88))


def common_record(random: np.random.Generator) -> dict[str, Any]:
    """What every record holds."""
    return {
        "ecog": int(random.choice([0, 1, 2], p=[0.4, 0.45, 0.15])),
        "smoking": str(random.choice(["never", "former", "current"], p=[0.2, 0.5, 0.3])),
        "age": some_age(random),
    }


def pick(random: np.random.Generator, shares: Mapping[str, float]) -> str:
    """One of the names, by its share."""
    names = list(shares)
    weights = np.array([shares[name] for name in names], float)
    return str(names[int(random.choice(len(names), p=weights / weights.sum()))])
