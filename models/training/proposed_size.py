"""How far the lengths of proposed tumors are off: `python -m models.training.proposed_size ROWS.JSONL ...`.

ROWS are what `aimdt evaluate --mode images` wrote for tuning patients. What is printed stands in
oncology/cancers/evidence.py as PROPOSED_IN_AIR (lung) and PROPOSED_IN_TISSUE (the others).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np


def log_ratios(files: Sequence[Path]) -> Iterator[float]:
    """ln(true / measured) of every proposal that shows the drawn tumor."""
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            tumor, true = row.get("tumor"), row.get("true", {}).get("greatest_mm")
            if row["mode"] == "images" and tumor and tumor["truth"] == "tumor" and true:
                yield math.log(true / tumor["greatest_dimension_mm"])


def main() -> None:
    """Print bias and spread."""
    parser = argparse.ArgumentParser(prog="python -m models.training.proposed_size", description=__doc__)
    parser.add_argument("rows", nargs="+", type=Path)
    found = np.array(list(log_ratios(parser.parse_args().rows)))
    low, middle, high = np.percentile(found, (16, 50, 84))
    spread = (math.exp(high) - math.exp(low)) / 2.0
    sys.stdout.write(
        f"true over measured: median {math.exp(middle):.2f}, half of the middle 68% {spread:.2f}, n={len(found)}\n"
    )


if __name__ == "__main__":
    main()
