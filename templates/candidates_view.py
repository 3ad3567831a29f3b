"""What waits for confirmation: each possible metastasis with its picture, and the stage with and without them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Translate = Callable[[str], str]
Row = list[str]
DASH = "–"
AXES = ("t", "n", "m")
STATUS = {True: "confirmed", False: "ruled out", None: "needs confirmation"}


def candidates_view(
    findings: Mapping[str, Any], staging: Mapping[str, Any], images: Sequence[Mapping[str, Any]], translate: Translate
) -> dict[str, Any] | None:
    """The section of what needs confirmation; None when there is no candidate.

    Args:
        images: the report's pictures as the pages take them, with what each shows under `shows`.
    """
    candidates = sorted(findings["metastasis_candidates"], key=lambda item: item["confirmed"] is not None)
    if not candidates:
        return None
    own = [image for image in images if image["shows"].get("finding") in {item["id"] for item in candidates}]
    first = {image["shows"]["finding"]: image["shows"] for image in reversed(own)}
    return {
        "open": any(item["confirmed"] is None for item in candidates),
        "rows": [_row(item, first.get(item["id"], {}), translate) for item in candidates],
        "stages": _stages(staging, translate),
        "slices": [_slice(name, shown, translate) for name, shown in sorted(first.items())],
        "images": own,
    }


def _row(item: Mapping[str, Any], shown: Mapping[str, Any], translate: Translate) -> Row:
    chance = item["p_malignant"]
    return [
        item["id"],
        translate(item["site"].replace("_", " ")),
        size_words(item["volume_ml"]),
        DASH if item["suv_max"] is None else f"{item['suv_max']:.1f}",
        translate("not estimated") if chance is None else f"{round(100 * chance)} %",
        DASH if shown.get("slice_index") is None else f"{translate('slice')} {shown['slice_index']}",
        translate(STATUS[item["confirmed"]]),
    ]


def size_words(volume_ml: float | None) -> str:
    """Volume, and the diameter of the ball of that volume.

    >>> size_words(4.19), size_words(None)
    ('4.2 mL (⌀ 20 mm)', '–')
    """
    if volume_ml is None:
        return DASH
    return f"{volume_ml:.1f} mL (⌀ {(6000.0 * volume_ml / math.pi) ** (1 / 3):.0f} mm)"


def _slice(name: str, shown: Mapping[str, Any], translate: Translate) -> Row:
    index = shown.get("slice_index")
    place = DASH if index is None else f"{translate('slice')} {index}"
    return [name, place, shown.get("sop_instance_uid") or DASH]


def _stages(staging: Mapping[str, Any], translate: Translate) -> list[Row]:
    """Per edition the stage without and with the open candidates; empty when none is open."""
    rows = []
    for name, result in staging["editions"].items():
        confirmed = result["stage_if_candidates_confirmed"]
        if confirmed is not None:
            present = {axis: result[axis]["category"] for axis in (*AXES, "stage_group")}
            rows.append([name, *(f"{tnm_words(one)}, {group_words(one, translate)}" for one in (present, confirmed))])
    return rows


def confirmed_stage(result: Mapping[str, Any], translate: Translate) -> dict[str, str] | None:
    """What page 1 says beside the stage of an edition while a candidate is open."""
    found = result["stage_if_candidates_confirmed"]
    return None if found is None else {"tnm": tnm_words(found), "group": group_words(found, translate)}


def open_candidates(findings: Mapping[str, Any], translate: Translate) -> str:
    """Sites of what waits for confirmation, each once."""
    sites = (item["site"] for item in findings["metastasis_candidates"] if item["confirmed"] is None)
    return ", ".join(dict.fromkeys(translate(site.replace("_", " ")) for site in sites))


def tnm_words(categories: Mapping[str, str | None]) -> str:
    """Categories in a line.

    >>> tnm_words({"t": "T2a", "n": None, "m": "M1b"})
    'cT2a cN? cM1b'
    """
    return " ".join(f"c{categories[axis] or axis.upper() + '?'}" for axis in AXES)


def group_words(categories: Mapping[str, str | None], translate: Translate) -> str:
    """The stage group in words."""
    group = categories["stage_group"]
    return f"{translate('Stage')} {group}" if group else translate("Stage cannot be told yet")


def caption(words: str, shows: Mapping[str, Any], translate: Translate) -> str:
    """A picture's caption in the report's language: what, where, plane, kind and slice of the CT."""
    if not shows:
        return words
    where = f"{shows['finding']} ({translate(shows['place'])})" if shows["place"] else shows["finding"]
    told = f"{where}, {translate(shows['plane'])} {translate(shows['kind'])}"
    return told if shows["slice_index"] is None else f"{told}, {translate('slice')} {shows['slice_index']}"
