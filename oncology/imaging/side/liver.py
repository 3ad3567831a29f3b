"""Fat in the liver: its attenuation against the spleen's."""

from __future__ import annotations

import numpy as np

from oncology.imaging.side.measurement import Blood, Masks, Measurement, inside, missing
from oncology.imaging.volume import Volume

PLAIN, PORTAL = "liver_minus_spleen", "liver_minus_spleen_portal"
EDGE_MM = 6.0
LEAST_ML = 5.0
ARTERIAL_HU = 200.0  # an aorta brighter than this: the spleen is patchy and the liver not yet filled
PORTAL_AHEAD_HU = 50.0  # the aorta so much above the portal vein: likewise


def measure_liver(ct: Volume, masks: Masks, blood: Blood | None) -> Measurement:
    """Liver minus spleen in HU; the name of the result tells without or with contrast medium (portal venous phase)."""
    means: dict[str, float] = {}
    for name in ("liver", "spleen"):
        if name not in masks or not masks[name].any():
            return missing(PLAIN, f"the {name}")
        core = inside(masks[name], ct.geometry.spacing_mm, EDGE_MM)
        if core.sum() * ct.geometry.voxel_ml < LEAST_ML:
            return Measurement(PLAIN, None, f"too little of the {name} is in the field of view")
        means[name] = float(np.median(ct.array[core]))
    apart = means["liver"] - means["spleen"]
    note = f"liver {means['liver']:.0f} HU, spleen {means['spleen']:.0f} HU"
    if blood is None:
        return Measurement(PLAIN, apart, "the contrast phase is not known", note)
    if not blood.enhanced:
        return Measurement(PLAIN, apart, "", note + ", no contrast medium")
    return Measurement(PORTAL, apart, _phase_reason(ct, masks, blood), note + ", with contrast medium: less exact")


def _phase_reason(ct: Volume, masks: Masks, blood: Blood) -> str:
    name = next((name for name in ("portal_vein", "portal_vein_and_splenic_vein") if name in masks), None)
    vein = ct.array[inside(masks[name], ct.geometry.spacing_mm, 2.0)] if name else np.zeros(0)
    early = blood.hu - float(np.median(vein)) > PORTAL_AHEAD_HU if vein.size > 20 else blood.hu > ARTERIAL_HU
    return f"arterial phase (aorta {blood.hu:.0f} HU): liver and spleen cannot be compared" if early else ""
