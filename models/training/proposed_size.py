"""How far the lengths of proposed tumors are off: `python -m models.training.proposed_size ROWS.JSONL ...`.

ROWS are what `aimdt evaluate --mode images` wrote for tuning patients. What is printed stands in
oncology/cancers/evidence.py as PROPOSED_IN_AIR (lung), PROPOSED_IN_NECK and PROPOSED_IN_TISSUE (the others).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from models.training.image_rows import image_rows


def lengths(files: Sequence[Path]) -> Iterator[tuple[float, float]]:
    """True and measured length, mm, of every proposal that shows the drawn tumor."""
    for row in image_rows(files):
        tumor, true = row.get("tumor"), row.get("true", {}).get("greatest_mm")
        if tumor and tumor["truth"] == "tumor" and true:
            yield true, tumor["greatest_dimension_mm"]


def main() -> None:
    """Print bias and spread."""
    parser = argparse.ArgumentParser(prog="python -m models.training.proposed_size", description=__doc__)
    parser.add_argument("rows", nargs="+", type=Path)
    true, measured = np.array(list(lengths(parser.parse_args().rows))).T
    larger = float(np.median(true - measured))
    low, high = np.percentile((true - measured - larger) / measured, (16, 84))
    sys.stdout.write(
        f"true less measured: median {larger:.1f} mm; half of the middle 68% of what is left, as a share of the "
        f"length: {(high - low) / 2.0:.2f}, n={len(true)}\n"
    )


if __name__ == "__main__":
    main()
