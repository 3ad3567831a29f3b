"""Volumes of real salivary glands: the table that the feature `gland-sizes` draws from, and the command that made it.

    python -m models.synthetic.features.measured FOLDER > models/synthetic/features/gland_volumes.toml

FOLDER holds the label maps of Nikolov 2018 (arXiv 1809.04430; 12 patients without their CT, CC BY 4.0) as NIfTI with
`labels.csv` (id, name). The folder is no part of the repository; the table is all that is used of it.
"""

from __future__ import annotations

import csv
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from oncology.errors import InputError
from oncology.imaging.volume import read_volume

TABLE = "gland_volumes.toml"
GLANDS: Mapping[str, str] = {"parotid_gland": "Parotid", "submandibular_gland": "Submandibular"}
ENDINGS = ("Lt", "Rt")


@dataclass(frozen=True)
class GlandVolume:
    """Volumes of one gland over patients.

    Attributes:
        patients: who have both glands.
        median_ml: of the mean of both sides.
        spread: deviation of its logarithm; `sides`: of the logarithm of left to right.
        least_ml, most_ml: of all single glands.
    """

    patients: int
    median_ml: float
    spread: float
    sides: float
    least_ml: float
    most_ml: float

    def draw_ml(self, random: np.random.Generator) -> tuple[float, float]:
        """A pair, left and right, ml."""
        both = self.median_ml * np.exp(self.spread * random.standard_normal())
        ratio = np.exp(0.5 * self.sides * random.standard_normal())
        left, right = np.clip([both * ratio, both / ratio], self.least_ml, self.most_ml)
        return float(left), float(right)


@cache
def gland_volumes() -> Mapping[str, GlandVolume]:
    """The table by name of the gland, without its side."""
    text = (files("models.synthetic.features") / TABLE).read_text("utf-8")
    return {name: GlandVolume(**row) for name, row in tomllib.loads(text).items()}


def measured(folder: Path) -> dict[str, GlandVolume]:
    """The table from label maps.

    Raises:
        InputError: the folder has no label maps.
    """
    maps = sorted(folder.glob("*.nii.gz"))
    if not maps or not (folder / "labels.csv").exists():
        raise InputError("no *.nii.gz with labels.csv there; expected the folder of the neck's label maps")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        ids = {row["name"]: int(row["id"]) for row in csv.DictReader(file)}
    volumes = []
    for path in maps:
        volume = read_volume(path)
        counts = np.bincount(volume.array.ravel().astype(np.intp), minlength=max(ids.values()) + 1)
        volumes.append(counts * volume.geometry.voxel_ml)
    return {
        gland: _row(np.array(volumes)[:, [ids[f"{name}-{end}"] for end in ENDINGS]]) for gland, name in GLANDS.items()
    }


def _row(volumes_ml: np.ndarray) -> GlandVolume:
    """Of volumes (patients, 2); who lacks a gland is left out."""
    pairs = volumes_ml[(volumes_ml > 0).all(axis=1)]
    logs = np.log(pairs.mean(axis=1))
    return GlandVolume(
        len(pairs), round(float(np.exp(np.median(logs))), 2), round(float(logs.std(ddof=1)), 3),
        round(float(np.log(pairs[:, 0] / pairs[:, 1]).std(ddof=1)), 3), round(float(pairs.min()), 2),
        round(float(pairs.max()), 2),
    )  # fmt: skip


def _main(folder: Path) -> None:
    lines = ["# Made by `python -m models.synthetic.features.measured` from Nikolov 2018, arXiv 1809.04430, CC BY 4.0."]
    for name, row in measured(folder).items():
        lines += ["", f"[{name}]", *(f"{key} = {value}" for key, value in vars(row).items())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
