"""What a scan could not show, in sentences: from the verdicts on its quality, its series and what it covers.

Each sentence names a limit of the scan and what may be missed because of it. The texts are keys for translation; what
differs from scan to scan stands in braces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limit:
    """One sentence; `values` fills its braces, several words with commas between."""

    text: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NO_PET = "There is no PET in this result: small metastases, and nodes of normal size that are involved, may be missed."
NO_CONTRAST = (
    "The CT was done without contrast: contact with vessels, necrosis of nodes and liver lesions are hard to see."
)
CONTRAST_UNSTATED = "Nothing says whether contrast was given: vessels and liver are judged with reserve."
# Fluid that no rule looks for, by the region that would show it, and the structure that an added network may draw.
# Unopacified bowel and the pericardium's recesses are as dense, so that HU around liver or heart prove nothing.
NO_FLUID_RULE = {
    "thorax": (
        "pericardial_effusion",
        "Pericardial effusion is not looked for on these images: that none is listed does not mean there is none.",
    ),
    "abdomen": (
        "ascites",
        "Ascites is not looked for on these images: that none is listed does not mean there is none.",
    ),
}
NOT_IMAGED = "Not, or only in part, on these images: {regions}; a metastasis there may not be seen."
# By region: what of it is seen, what of it is not, and the sentence that holds then; names are those of structures.
UPPER_NECK = ("hyoid", "thyroid_cartilage", "submandibular_gland_left", "submandibular_gland_right")
LOWER_NECK = ("thyroid_gland",)
IN_PART: Mapping[str, tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...]] = {
    "neck": (
        (
            LOWER_NECK,
            UPPER_NECK,
            "only the lower neck is on the images: nodes of the upper neck were not seen",
        ),
        (
            UPPER_NECK,
            LOWER_NECK,
            "only the upper neck is on the images: nodes of the lower neck and above the clavicles were not seen",
        ),
    ),
    "thorax": (
        (
            ("lung_left", "lung_right"),
            (),
            "only a part of the chest is on the images: the rest of the lungs and of the mediastinum was not seen",
        ),
    ),
    "abdomen": (
        (("liver",), (), "only a part of the upper abdomen was recognized on the images: the rest of it was not seen"),
    ),
}
# By the code of a verdict, whole or its beginning: what the scan could not show.
SENTENCES = {
    "ct-thick-slices": "The slices are thick ({thickness} mm): nodes below 10 mm, thin planes of fat and lengths along "
    "the body are uncertain.",
    "ct-slices-apart": "There are gaps between the slices: what lies in them was not seen.",
    "ct-reformatted": "The CT was reformatted from another one: lengths and edges are those of the reformation.",
    "lossy-compression": "The CT was compressed with loss: densities and fine edges are approximate.",
    "ct-without-air": "The CT shows hardly any air: the lungs and the outline of the body were not judged.",
    "tumor-at-border": "The tumor reaches the edge of the scan: its size is at least what was measured.",
    "lung-left-cut": "The left lung is cut by the edge of the scan: nodules outside were not seen.",
    "lung-right-cut": "The right lung is cut by the edge of the scan: nodules outside were not seen.",
    "pet-misaligned": "PET and CT lie apart: uptake near a border may belong to the neighbor.",
    "pet-outline-differs": "PET and CT do not match in outline: uptake is not reliable for single nodes.",
    "pet-alignment-unknown": "Whether PET and CT lie on one another could not be told: uptake at borders is uncertain.",
    "pet-other-frame": "PET and CT come from different frames of reference: uptake near borders is uncertain.",
    "pet-off-ct": "The PET does not cover the CT and was not used: nothing is known of uptake.",
    "pet-not-used": "The PET was not used: nothing is known of uptake.",
    "pet-incomplete": "Slices of the PET are missing: uptake outside of the rest was not seen.",
    "pet-suv-implausible": "The PET's values are implausible: uptake is not to be compared with limits.",
}


def why_not_imaged(region: str, reason: str, structures: Iterable[str]) -> str:
    """Why a region does not count as imaged: which part of it is missing, where another part is there.

    Args:
        reason: what is said where nothing of it is there.
        structures: names of structures that were seen.

    >>> why_not_imaged("neck", "cervical nodes were not seen", ["thyroid_gland", "trachea"])
    'only the lower neck is on the images: nodes of the upper neck were not seen'
    >>> why_not_imaged("neck", "cervical nodes were not seen", ["trachea"])
    'cervical nodes were not seen'
    """
    seen = set(structures)
    parts = IN_PART.get(region, ())
    return next((words for there, gone, words in parts if seen.intersection(there) and not seen & set(gone)), reason)


def scan_limits(
    findings: Mapping[str, Any], series: Sequence[Mapping[str, Any]], staging: Mapping[str, Any]
) -> tuple[Limit, ...]:
    """The limits of the scan that bear on the stage, each once.

    Args:
        findings: the content of findings.json, with verdicts under `quality`.
        series: the series that were used, CT first.
        staging: the content of staging.json, whose facts name regions that were not imaged.
    """
    codes = [item["code"] for item in findings["quality"]]
    found = [Limit(SENTENCES[code], _values(code, series)) for code in dict.fromkeys(codes) if code in SENTENCES]
    return (*_contrast(series), *found, *_no_pet(series, codes), *_not_imaged(staging), *_no_fluid_rule(findings))


def _no_fluid_rule(findings: Mapping[str, Any]) -> tuple[Limit, ...]:
    imaged, seen = findings.get("regions_imaged", ()), findings.get("structures_assessed", ())
    return tuple(Limit(text) for region, (name, text) in NO_FLUID_RULE.items() if region in imaged and name not in seen)


def _values(code: str, series: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    if code != "ct-thick-slices":
        return {}
    ct = _of_modality(series, "CT")
    stated = (ct or {}).get("slice_thickness_mm") or 0.0
    spacing = ct["spacing_mm"][0] if ct else 0.0
    return {"thickness": (f"{max(stated, spacing):.1f}",)}


def _of_modality(series: Iterable[Mapping[str, Any]], modality: str) -> Mapping[str, Any] | None:
    return next((item for item in series if item["modality"] == modality), None)


def _contrast(series: Sequence[Mapping[str, Any]]) -> tuple[Limit, ...]:
    ct = _of_modality(series, "CT")
    if ct is None or ct.get("contrast"):
        return ()
    return (Limit(NO_CONTRAST if ct.get("contrast") is False else CONTRAST_UNSTATED),)


def _no_pet(series: Sequence[Mapping[str, Any]], codes: Iterable[str]) -> tuple[Limit, ...]:
    told = {"pet-not-used", "pet-off-ct"}.intersection(codes)
    return () if told or _of_modality(series, "PT") else (Limit(NO_PET),)


def _not_imaged(staging: Mapping[str, Any]) -> tuple[Limit, ...]:
    facts = {fact["key"]: fact["value"] for fact in staging.get("facts", ())}
    regions = facts.get("regions_not_imaged") or ()
    return (Limit(NOT_IMAGED, {"regions": tuple(regions)}),) if regions else ()
