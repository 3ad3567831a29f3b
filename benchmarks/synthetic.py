"""Synthetic patients: time for one at model spacing with both scans, against smoothing its CT once.

The peer is one Gaussian filter over the same grid by scipy: what any voxel-wise work on that patient costs at least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import ndimage

from models.synthetic.draw import COHORTS, draw_plan
from models.synthetic.patient import make_patient, scan_on_model_grid, truth

COHORT, INDEX = 815, 1  # a seed of this benchmark alone


def main() -> None:
    """Print processor seconds and the ratio to the filter, one cancer a line."""
    for cancer in COHORTS:
        plan = draw_plan(cancer, COHORT, INDEX)
        started = time.process_time()
        patient = make_patient(plan, images=False)
        ct, _ = scan_on_model_grid(patient, np.random.default_rng(0))
        truth(patient)
        spent = time.process_time() - started
        peer = seconds(partial(ndimage.gaussian_filter, ct.array.astype(np.float32), 1.0))
        print(f"{cancer}: {spent:.1f} s of processor for one patient (aim 10 s), {spent / peer:.0f} filters")


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one run, the fastest of three."""
    times = []
    for _ in range(3):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()
