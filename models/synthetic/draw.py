"""Plans of patients drawn at random: a cancer's cohort by seed and number, as a named scanner sees it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from models.synthetic.cohorts.chance import proven_sites
from models.synthetic.cohorts.esophagus import esophagus_plan
from models.synthetic.cohorts.head_neck import head_neck_plan
from models.synthetic.cohorts.lung import lung_plan
from models.synthetic.cohorts.pancreas import pancreas_plan
from models.synthetic.ct import VENDORS
from models.synthetic.plan import PatientPlan
from models.synthetic.shifts import shifted
from oncology.errors import ScopeError
from oncology.findings import NECK_SITES

COHORTS: Mapping[str, Callable[[np.random.Generator], PatientPlan]] = {
    "lung": lung_plan,
    "esophagus": esophagus_plan,
    "pancreas": pancreas_plan,
    **{site: partial(head_neck_plan, site) for site in NECK_SITES},
}
PROVEN_STREAM, VENDOR_STREAM = 1, 2  # of random numbers apart from the others, which every patient keeps as it was


def draw_plan(cancer: str, seed: int, index: int, shift: str | None = None) -> PatientPlan:
    """The patient `index` of the cohort `seed`; with a shift the same patient otherwise built or scanned.

    Raises:
        ScopeError: no cohort or no shift of that name.
    """
    if cancer not in COHORTS:
        raise ScopeError(f"synthetic patients of {cancer!r} are not made; expected one of: {', '.join(COHORTS)}")
    own = (seed, index, zlib.crc32(cancer.encode()))
    plan = COHORTS[cancer](np.random.default_rng(own))
    plan = replace(plan, proven=proven_sites(np.random.default_rng((*own, PROVEN_STREAM)), plan.metastases))
    vendor = VENDORS[np.random.default_rng((*own, VENDOR_STREAM)).integers(len(VENDORS))]
    plan = replace(plan, scanner=replace(plan.scanner, vendor=vendor))
    return shifted(plan, shift) if shift else plan
