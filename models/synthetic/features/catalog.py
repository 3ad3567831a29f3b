"""Features of a plan: put there by name or drawn for training, then shown by the body and its scans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from models.synthetic.canvas import Canvas
from models.synthetic.ct import Scanner
from models.synthetic.features import density, metal, uptake
from models.synthetic.features.mark import Mark
from models.synthetic.features.names import FEATURES
from models.synthetic.features.scene import Scene, own_random
from models.synthetic.features.variants import DRAWN, Body
from models.synthetic.frame import Masks
from models.synthetic.plan import FIELD_OF, PatientPlan
from models.synthetic.tissue import PHASES
from oncology.errors import ScopeError

SHOWN: Mapping[str, Callable[[Scene], Iterator[Mark]]] = {
    "arterial": density.arterial,
    "pancreatic": density.pancreatic,
    "delayed": density.delayed,
    "steatosis": density.steatosis,
    "density-spread": density.density_spread,
    "dental-fillings": metal.dental_fillings,
    "spine-implant": metal.spine_implant,
    "pacemaker": metal.pacemaker,
    "port": metal.port,
    "biliary-stent": metal.biliary_stent,
    "urine": uptake.urine,
    "myocardium-intense": uptake.myocardium_intense,
    "myocardium-absent": uptake.myocardium_absent,
    "bowel-uptake": uptake.bowel_uptake,
    "brown-fat": uptake.brown_fat,
    "thyroid-uptake": uptake.thyroid_uptake,
    "salivary-uptake": uptake.salivary_uptake,
    "tonsil-uptake": uptake.tonsil_uptake,
    "cord-uptake": uptake.cord_uptake,
}


def with_features(plan: PatientPlan, names: Iterable[str]) -> PatientPlan:
    """The plan with these features, in the catalog's order.

    Raises:
        ScopeError: no feature of that name, one that the field of view cannot show, or two that exclude one another.
    """
    wanted = set(names)
    unknown = sorted(wanted - set(FEATURES))
    if unknown:
        raise ScopeError(f"no feature is called {unknown[0]!r}; expected some of: {', '.join(FEATURES)}")
    chosen = tuple(name for name in FEATURES if name in wanted)
    here = [name for name, feature in FEATURES.items() if FIELD_OF[plan.cancer] in feature.fields]
    for name in chosen:
        if name not in here:
            raise ScopeError(
                f"{name!r} cannot be seen in the field of view of {plan.cancer}; expected some of: {', '.join(here)}"
            )
        rivals = [other for other in chosen if other != name and _exclude(other, name)]
        if rivals:
            raise ScopeError(f"{name!r} and {rivals[0]!r} exclude one another; expected at most one of them")
    phase = next((name for name in chosen if FEATURES[name].instead == "phase"), None)
    if plan.shift == "nocontrast" and phase in PHASES:
        raise ScopeError(f"the shift 'nocontrast' has no phase; expected it without {phase!r}")
    return replace(plan, features=chosen, scanner=_in_phase(plan.scanner, phase))


def _exclude(one: str, other: str) -> bool:
    group = FEATURES[one].instead
    return group is not None and group == FEATURES[other].instead


def _in_phase(scanner: Scanner, phase: str | None) -> Scanner:
    if phase is None:
        return scanner
    return replace(scanner, contrast=False) if phase not in PHASES else replace(scanner, contrast=True, phase=phase)


def some_features(cancer: str, random: np.random.Generator) -> tuple[str, ...]:
    """Features at their shares, as scans of one cancer's field of view show them; of a group at most one."""
    found: list[str] = []
    for name, feature in FEATURES.items():
        drawn = random.random() < feature.share
        if drawn and FIELD_OF[cancer] in feature.fields and not any(_exclude(name, other) for other in found):
            found.append(name)
    return tuple(found)


def vary_anatomy(plan: PatientPlan, canvas: Canvas, masks: Masks) -> None:
    """Draws the plan's variants of anatomy into the masks of a body without lesions."""
    for name in plan.features:
        if name in DRAWN:
            DRAWN[name](Body(plan, canvas, masks, own_random(plan, name)))
            for empty in [key for key, mask in masks.items() if not mask.any()]:
                del masks[empty]


def marks_of(plan: PatientPlan, canvas: Canvas, masks: Masks, labels: np.ndarray) -> tuple[Mark, ...]:
    """What the plan's features leave on the scans of a body."""
    if not plan.features:
        return ()
    scene = Scene(plan, canvas, masks, labels)
    return tuple(mark for name in plan.features if name in SHOWN for mark in SHOWN[name](scene))
