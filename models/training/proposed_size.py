"""How far the lengths of proposed tumors are off: `python -m models.training.proposed_size ROWS.JSONL ...`.

ROWS are what `aimdt evaluate --mode images` wrote for tuning patients. What is printed of lengths stands in
oncology/cancers/evidence.py as PROPOSED_IN_AIR (lung), PROPOSED_IN_NECK and PROPOSED_IN_TISSUE (the others), what is
printed of depth in oncology/cancers/oral_cavity.py as PROPOSED_TOO_THICK_MM.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.training.image_rows import image_rows


def lengths(files: Sequence[Path]) -> Iterator[tuple[float, float]]:
    """True and measured length, mm, of every proposal that shows the drawn tumor."""
    for tumor, true in _shown(files):
        if true.get("greatest_mm"):
            yield true["greatest_mm"], tumor["greatest_dimension_mm"]


def depths(files: Sequence[Path]) -> Iterator[tuple[float, float]]:
    """True depth of invasion and measured thickness, mm, of those that were drawn to a depth."""
    for tumor, true in _shown(files):
        if true.get("depth_mm") and "thickness_mm" in tumor["measures"]:
            yield true["depth_mm"], tumor["measures"]["thickness_mm"]


def _shown(files: Sequence[Path]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for row in image_rows(files):
        if row.get("tumor") and row["tumor"]["truth"] == "tumor":
            yield row["tumor"], row.get("true", {})


def _told(pairs: Sequence[tuple[float, float]], *, as_share: bool) -> str:
    """Bias and spread of what is left: half of the middle 68%, as a share of the measured length or in mm."""
    true, measured = np.array(pairs).T
    larger = float(np.median(true - measured))
    low, high = np.percentile((true - measured - larger) / (measured if as_share else 1.0), (16, 84))
    unit = "as a share of the length" if as_share else "in mm"
    return (
        f"true less measured: median {larger:.1f} mm; half of the middle 68% of what is left, {unit}: "
        f"{(high - low) / 2.0:.2f}, n={len(pairs)}\n"
    )


def main() -> None:
    """Print bias and spread."""
    parser = argparse.ArgumentParser(prog="python -m models.training.proposed_size", description=__doc__)
    parser.add_argument("rows", nargs="+", type=Path)
    files = parser.parse_args().rows
    sys.stdout.write(f"lengths: {_told(list(lengths(files)), as_share=True)}")
    if deep := list(depths(files)):
        sys.stdout.write(f"depth of invasion by thickness: {_told(deep, as_share=False)}")


if __name__ == "__main__":
    main()
