"""How the nodes of one patient go together, fitted on rows of `aimdt evaluate` with images alone (tuning patients)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from models.training.image_rows import image_rows
from oncology.cancers.company import LEAST, MOST
from oncology.findings import NECK_SITES

REGIONS = ("neck", "lung", "esophagus", "pancreas")
# Weights of the squares that hold shifts near 0 and slopes near 1: regions have a few dozen patients each.
HOLD_SHIFT, HOLD_SLOPE = 2.0, 4.0


@dataclass(frozen=True)
class Patient:
    """The found nodes of one patient: the classifier's chance of each, and what each is."""

    region: str
    chances: np.ndarray
    malignant: np.ndarray


def patients(rows: Iterable[Mapping[str, Any]]) -> list[Patient]:
    """Those of whom a network found nodes, staged from images alone and under no shift."""
    found = []
    for row in rows:
        nodes = [node for node in row.get("nodes", ()) if node.get("p_malignant") is not None]
        if not row["shift"] and nodes:
            region = "neck" if row["cancer"] in NECK_SITES else row["cancer"]
            chances = np.clip([node["p_malignant"] for node in nodes], LEAST, MOST)
            found.append(Patient(region, chances, np.array([node["truth"] == "malignant" for node in nodes])))
    return found


def fit(seen: Sequence[Patient]) -> np.ndarray:
    """`spared` of the regions, `among_others` of the regions, and both slopes, (2 R + 2,)."""
    start = np.array([0.0] * (2 * len(REGIONS)) + [1.0, 1.0])
    return np.asarray(minimize(_unlikely, start, args=(seen,), method="BFGS").x)


def _unlikely(values: np.ndarray, seen: Sequence[Patient]) -> float:
    count = len(REGIONS)
    held = HOLD_SHIFT * np.square(values[: 2 * count]).sum() + HOLD_SLOPE * np.square(values[2 * count :] - 1.0).sum()
    return float(held + sum(_of_one(values, one) for one in seen))


def _of_one(values: np.ndarray, one: Patient) -> float:
    """Minus the log likelihood of one patient's nodes: whether any is malignant, and which where one is."""
    count, place = len(REGIONS), REGIONS.index(one.region)
    apart = np.clip(np.prod(1.0 - one.chances), 1e-6, MOST)
    none = _chance(values[place] + values[2 * count] * _logit(apart))
    if not one.malignant.any():
        return float(-np.log(none))
    each = _chance(values[count + place] + values[2 * count + 1] * _logit(one.chances))
    told = np.log(np.where(one.malignant, each, 1.0 - each)).sum() - np.log(1.0 - np.prod(1.0 - each))
    return float(-np.log(1.0 - none) - told)


def _logit(p: Any) -> Any:
    return np.log(p / (1.0 - p))


def _chance(logit: Any) -> Any:
    return np.clip(1.0 / (1.0 + np.exp(-logit)), 1e-4, 1.0 - 1e-4)


def main() -> None:
    """`python -m models.training.company ROWS ...`: the numbers of oncology/cancers/company.py."""
    parser = argparse.ArgumentParser(prog="python -m models.training.company", description=__doc__)
    parser.add_argument("rows", type=Path, nargs="+")
    seen = patients(image_rows(parser.parse_args().rows))
    values = fit(seen)
    for place, region in enumerate(REGIONS):
        own = sum(one.region == region for one in seen)
        told = f"spared {values[place]:.2f}, among_others {values[len(REGIONS) + place]:.2f}"
        sys.stdout.write(f"{region} (n={own}): {told}\n")
    sys.stdout.write(f"slopes: spared {values[-2]:.2f}, nodes {values[-1]:.2f}\n")


if __name__ == "__main__":
    main()
