"""Tables over scored cohorts: which are pooled, what is to be reached, and what a shift of the images costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oncology.agreement import AXES, agreement_values, difference_figure, mean_figure
from oncology.findings import NECK_SITES

Row = Mapping[str, Any]
Key = tuple[str, str, str]  # cancer or group, shift ("" in domain), mode
# The stage group's agreement to reach, in domain and on shifted images. The best published segmenter of PET/CT got the
# stages of 0.677 of 306 lung cancers right (autoPET III on lung cancer, EJNMMI 2025).
REACH = {"images": (0.70, 0.60), "record": (0.80, 0.80), "truth": (0.98, 0.98)}
AT_LEAST, AT_MOST = "at least", "at most"
POOLED = "head_and_neck"


def cohorts_of(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    """Rows by cancer, shift and mode; sites of the head and neck also together, where there are several."""
    found: dict[Key, list[Row]] = {}
    pooled: dict[Key, list[Row]] = {}
    for row in sorted(rows, key=lambda row: str(row["patient"])):
        key = (str(row["cancer"]), row["shift"] or "", str(row["mode"]))
        found.setdefault(key, []).append(row)
        if row["cancer"] in NECK_SITES:
            pooled.setdefault((POOLED, *key[1:]), []).append(row)
    several = {key: group for key, group in pooled.items() if len({row["cancer"] for row in group}) > 1}
    return dict(sorted((found | several).items()))


def editions_of(rows: Iterable[Row]) -> list[str]:
    """The editions that any of the rows is staged in."""
    return sorted({name for row in rows for name in row["editions"]})


def targets(figures: Mapping[str, Any], reach: float) -> list[dict[str, Any]]:
    """What is to be reached beside what was measured; `met` is None where nothing could be measured."""
    wanted = (
        ("stage group agrees", figures["agreement"]["stage_group"], AT_LEAST, reach),
        ("credible set holds the stage group", figures["credible_holds_truth"]["stage_group"], AT_LEAST, 0.97),
        ("median size of the credible set", figures["credible_median_size"]["stage_group"], AT_MOST, 2.0),
        ("calibration error of the stage group", figures["calibration_error"]["stage_group"], AT_MOST, 0.05),
        ("M1 wrongly asserted", figures["m1_wrongly_asserted"], AT_MOST, 0.02),
        (
            "M1 sensitivity, candidates of the right site counted",
            figures["m1_sensitivity_with_candidates"],
            AT_LEAST,
            0.70,
        ),
    )
    return [
        {"name": name, "figure": figure, "wanted": f"{way} {limit:.2f}", "met": _met(figure["value"], way, limit)}
        for name, figure, way, limit in wanted
    ]


def _met(value: float | None, way: str, limit: float) -> bool | None:
    if value is None:
        return None
    return value >= limit if way == AT_LEAST else value <= limit


def shift_table(cohorts: Mapping[Key, Sequence[Row]]) -> list[dict[str, Any]]:
    """Agreement of every shifted cohort beside that in domain, and the difference in points of 100."""
    return [
        {
            "cancer": cancer,
            "mode": mode,
            "shift": shift,
            "edition": edition,
            "axes": {axis: _compared(rows, cohorts[(cancer, "", mode)], edition, axis) for axis in AXES},
        }
        for (cancer, shift, mode), rows in cohorts.items()
        if shift and (cancer, "", mode) in cohorts
        for edition in editions_of(rows)
    ]


def _compared(rows: Sequence[Row], in_domain: Sequence[Row], edition: str, axis: str) -> dict[str, Any]:
    shifted, plain = agreement_values(rows, edition, axis), agreement_values(in_domain, edition, axis)
    return {
        "in_domain": mean_figure(plain),
        "shifted": mean_figure(shifted),
        "points": difference_figure(shifted, plain),
    }
