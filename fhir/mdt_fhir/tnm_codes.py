"""Codes of TNM categories, stage groups, observations and staging systems (mCODE 4.0.0).

Categories come from data/ajcc_tnm_snomed.json only: public lists of these codes are often shifted by a row. What has
no code there (cM1c1, the occult group) is sent as text.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdt_fhir.concept import LOINC, SNOMED, Json, coding, concept
from oncology.errors import ReportError

TABLE = Path(__file__).parent / "data" / "ajcc_tnm_snomed.json"
SYSTEM_WORDING = (
    "American Joint Commission on Cancer, Cancer Staging Manual, {} neoplasm staging system (tumor staging)"
)
METHODS = {"8": ("897275008", "8th edition"), "9": ("1269566009", "9th version")}
PROFILES = {
    "t": "mcode-tnm-primary-tumor-category",
    "n": "mcode-tnm-regional-nodes-category",
    "m": "mcode-tnm-distant-metastases-category",
    "stage_group": "mcode-tnm-stage-group",
}
# axis -> classification -> (SNOMED code, display, LOINC code)
OBSERVATIONS: Mapping[str, Mapping[str, tuple[str, str, str | None]]] = {
    "t": {
        "clinical": ("399504009", "cT category", "21905-5"),
        "pathological": ("384625004", "pT category", "21899-0"),
    },
    "n": {
        "clinical": ("399534004", "cN category", "21906-3"),
        "pathological": ("371494008", "pN category", "21900-6"),
    },
    "m": {
        "clinical": ("399387003", "cM category", "21907-1"),
        "pathological": ("371497001", "pM category", "21901-4"),
        "unspecified": ("277208005", "M category", None),
    },
    "stage_group": {
        "clinical": ("399537006", "Clinical TNM stage grouping", "21908-9"),
        "pathological": ("399588009", "Pathologic TNM stage grouping", "21902-2"),
    },
}


@functools.cache
def _categories() -> Mapping[str, Mapping[str, str]]:
    loaded: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    found: Mapping[str, Mapping[str, str]] = loaded["categories"]
    return found


def observation_code(axis: str, classification: str, category: str | None) -> Json:
    """The code of a category Observation. A pathological M0 does not exist: it goes under the plain M category."""
    kind = "unspecified" if axis == "m" and classification == "pathological" and category == "M0" else classification
    snomed, display, loinc = OBSERVATIONS[axis][kind]
    return concept(coding(SNOMED, snomed, display), *([coding(LOINC, loinc)] if loinc else []))


def category_value(axis: str, classification: str, category: str) -> Json:
    """A category or stage group as AJCC code and text; text alone where no code is known."""
    if axis == "stage_group":
        code, wording = _categories()["stage"].get(category), f"stage {category}"
        text = f"Stage {category}" if code else category
    else:
        prefix = "c" if classification == "clinical" or category == "M0" else "p"
        text = wording = prefix + category
        code = _categories()[prefix + axis.upper()].get(text)
    if code is None:
        return concept(text=text)
    return concept(coding(SNOMED, code, f"American Joint Committee on Cancer {wording} (qualifier value)"), text=text)


def method(edition: str) -> Json:
    """The staging system of an edition.

    Raises:
        ReportError: an edition without a code.
    """
    if edition not in METHODS:
        raise ReportError(f"no staging system code for edition {edition!r}; expected one of {', '.join(METHODS)}")
    code, name = METHODS[edition]
    return concept(coding(SNOMED, code, SYSTEM_WORDING.format(name)))
