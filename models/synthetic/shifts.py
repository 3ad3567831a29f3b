"""Named shifts: the same patients as another scanner, protocol or build would show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from models.synthetic.ct import OTHER_VENDOR
from models.synthetic.plan import PatientPlan
from oncology.errors import ScopeError

OBESE_FAT_MM = 42.0


def _thick(plan: PatientPlan) -> PatientPlan:
    spacing = (5.0, *plan.scanner.spacing_mm[1:])
    return replace(plan, scanner=replace(plan.scanner, spacing_mm=spacing))


def _lowdose(plan: PatientPlan) -> PatientPlan:
    noise = 2.6 * plan.scanner.noise_hu
    return replace(plan, scanner=replace(plan.scanner, noise_hu=noise, pet_noise=2.0 * plan.scanner.pet_noise))


def _nocontrast(plan: PatientPlan) -> PatientPlan:
    return replace(plan, scanner=replace(plan.scanner, contrast=False))


def _othervendor(plan: PatientPlan) -> PatientPlan:
    scanner = replace(
        plan.scanner, kernel=1.15, blur_mm=0.65, noise_hu=1.35 * plan.scanner.noise_hu, offset_hu=-6.0,
        enhancement=1.3 * plan.scanner.enhancement, fwhm_mm=4.6, pet_spacing_mm=(2.0, 2.6, 2.6), vendor=OTHER_VENDOR,
    )  # fmt: skip
    return replace(plan, scanner=scanner)


def _obese(plan: PatientPlan) -> PatientPlan:
    scanner = replace(plan.scanner, noise_hu=1.6 * plan.scanner.noise_hu, pet_noise=1.6 * plan.scanner.pet_noise)
    return replace(plan, build=replace(plan.build, fat_mm=OBESE_FAT_MM), scanner=scanner)


def _motion(plan: PatientPlan) -> PatientPlan:
    return replace(plan, scanner=replace(plan.scanner, motion_mm=2.5, drift_mm=8.0, fwhm_mm=8.0))


SHIFTS: Mapping[str, Callable[[PatientPlan], PatientPlan]] = {
    "thick": _thick,
    "lowdose": _lowdose,
    "nocontrast": _nocontrast,
    "othervendor": _othervendor,
    "obese": _obese,
    "motion": _motion,
}


def shifted(plan: PatientPlan, shift: str) -> PatientPlan:
    """The plan under a shift.

    Raises:
        ScopeError: no shift of that name.
    """
    if shift not in SHIFTS:
        raise ScopeError(f"no shift is called {shift!r}; expected one of: {', '.join(SHIFTS)}")
    return replace(SHIFTS[shift](plan), shift=shift)
