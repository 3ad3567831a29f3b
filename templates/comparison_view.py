"""The comparison with a prior study as the report's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DASH = "–"


def comparison_view(staging: Mapping[str, Any], translate: Callable[[str], str]) -> dict[str, Any] | None:
    """What the comparison page shows; None when no prior study was given."""
    found = staging.get("comparison")
    if found is None:
        return None
    stages = [[edition, _stage(axes, 0), _stage(axes, 1)] for edition, axes in sorted(found["stage_change"].items())]
    rows = [_row(pair, translate) for pair in found["pairs"]]
    return {"response": found["response"], "reason": translate(found["reason"]), "rows": rows, "stages": stages}


def _row(pair: Mapping[str, Any], translate: Callable[[str], str]) -> list[str]:
    return [
        pair["now_id"] or f"({pair['prior_id']})",
        translate(str(pair["organ"]).replace("_", " ")),
        _mm(pair["prior_mm"]) if pair["prior_id"] else translate("new"),
        _mm(pair["now_mm"]) if pair["now_id"] else translate("not seen"),
        DASH if pair["change"] is None else f"{100 * pair['change']:+.0f} %",
        translate("yes") if pair["target"] else "",
        translate(pair["how"]),
    ]


def _mm(value: float | None) -> str:
    return DASH if value is None else f"{value:.0f}"


def _stage(axes: Mapping[str, Sequence[str | None]], place: int) -> str:
    """`T2a N2 M0, IIIA` of one time point; an open category as a question mark."""
    shown = [axes[axis][place] or f"{axis.upper()}?" for axis in ("t", "n", "m")]
    return f"{' '.join(shown)}, {axes['stage_group'][place] or '?'}"
