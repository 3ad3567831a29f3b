"""Two time points: which finding is which, RECIST 1.1 sums, and how the stage changed.

Source: Eisenhauer 2009, Eur J Cancer 45:228 (RECIST 1.1) for what is measurable, which axis counts and the response
categories. The prior study is taken as baseline and nadir: with two time points there is no other. A match is a
proposal, shown with its reason, never silently assumed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from oncology.findings import Findings, Laterality, MetastasisCandidate, Node, Point, Tumor

MEASURABLE_LESION_MM, MEASURABLE_NODE_MM, NORMAL_NODE_MM = 10.0, 15.0, 10.0
MOST_TARGETS, MOST_PER_ORGAN = 5, 2
# Followed, never summed (RECIST 1.1): fluid, and bone without a soft tissue part that somebody measured.
NOT_MEASURABLE = frozenset({"pleural_effusion", "pericardial_effusion", "peritoneum", "bone"})
BY_VOLUME = "measured by volume, as a ball's diameter"
RESPONSE_SHARE, PROGRESS_SHARE, PROGRESS_MM = 0.30, 0.20, 5.0
# Farther apart than this after alignment, two findings are not called the same (breathing moves lung bases by 2-3 cm).
REACH_ALIGNED_MM, REACH_UNALIGNED_MM = 30.0, 60.0
NEVER = 1e6


class Kind(StrEnum):
    """What is compared with what: only findings of one kind are matched."""

    TUMOR = "tumor"
    NODE = "node"
    METASTASIS = "metastasis"


class Response(StrEnum):
    """RECIST 1.1 over the target lesions."""

    COMPLETE = "complete response"
    PARTIAL = "partial response"
    STABLE = "stable disease"
    PROGRESSIVE = "progressive disease"


@dataclass(frozen=True)
class Lesion:
    """One finding as the comparison sees it; `mm` is the axis RECIST counts (nodes: short, others: longest axial).

    `ball_mm`: of a metastasis, the diameter of a ball of its volume, for want of an axis in it or in what it is held
    against.
    """

    id: str
    kind: Kind
    organ: str
    laterality: Laterality | None
    centroid_lps: Point | None
    mm: float | None
    suv_max: float | None
    ball_mm: float | None = None


@dataclass(frozen=True)
class Pair:
    """One finding now and before; a side is None when it is new or not seen any more."""

    kind: Kind
    organ: str
    now_id: str | None
    prior_id: str | None
    now_mm: float | None
    prior_mm: float | None
    how: str
    target: bool = False

    @property
    def change(self) -> float | None:
        """Share by which the axis changed."""
        if self.now_mm is None or not self.prior_mm:
            return None
        return self.now_mm / self.prior_mm - 1.0


@dataclass(frozen=True)
class Comparison:
    """A case held against its prior study. Sums in millimeters over the target lesions."""

    prior_case_id: str
    pairs: tuple[Pair, ...]
    prior_sum_mm: float | None
    now_sum_mm: float | None
    response: Response | None
    reason: str
    aligned_by: str | None
    stage_change: Mapping[str, Mapping[str, tuple[str | None, str | None]]]


def compare(
    now: Findings,
    prior: Findings,
    staging: Mapping[str, Any],
    prior_staging: Mapping[str, Any],
) -> Comparison:
    """Match the findings of two studies and sum them by RECIST 1.1.

    Args:
        now, prior: findings of the same cancer in the same patient; `landmarks` in both align them.
        staging, prior_staging: contents of staging.json.
    """
    shift, aligned_by = _shift(now, prior)
    matched = _match(_lesions(now), _lesions(prior), shift, aligned=aligned_by is not None)
    pairs = _with_targets(matched, _left_out(prior))
    targets = [pair for pair in pairs if pair.target]
    response, reason = _response(pairs)
    return Comparison(
        prior_case_id=prior.case_id,
        pairs=tuple(pairs),
        prior_sum_mm=_sum(pair.prior_mm for pair in targets) if targets else None,
        now_sum_mm=_sum(pair.now_mm or 0.0 for pair in targets) if targets else None,
        response=response,
        reason=reason,
        aligned_by=aligned_by,
        stage_change=_stage_change(staging, prior_staging),
    )


def _lesions(findings: Findings) -> list[Lesion]:
    return [
        *(_of_tumor(tumor) for tumor in findings.tumors),
        *(_of_node(node) for node in findings.nodes),
        *(_of_candidate(item) for item in findings.metastasis_candidates if item.confirmed is not False),
    ]


def _of_tumor(tumor: Tumor) -> Lesion:
    organ = tumor.location or "primary"
    return Lesion(
        tumor.id, Kind.TUMOR, organ, tumor.laterality, tumor.centroid_lps, tumor.axial_diameter_mm, tumor.suv_max
    )


def _of_node(node: Node) -> Lesion:
    organ = node.station or "lymph node"
    return Lesion(node.id, Kind.NODE, organ, node.laterality, node.centroid_lps, node.short_axis_mm, node.suv_max)


def _of_candidate(item: MetastasisCandidate) -> Lesion:
    ball_mm = None if item.volume_ml is None else (6000.0 * item.volume_ml / math.pi) ** (1 / 3)
    place, axis_mm = item.centroid_lps, item.axial_diameter_mm
    return Lesion(item.id, Kind.METASTASIS, item.site, None, place, axis_mm, item.suv_max, ball_mm)


def _left_out(prior: Findings) -> frozenset[str]:
    """Ids of candidates that are no targets: not measurable, or a tumor or node that is measured as such already."""
    measured: tuple[Tumor | Node, ...] = (*prior.tumors, *prior.nodes)
    places = {finding.centroid_lps for finding in measured}
    return frozenset(
        item.id
        for item in prior.metastasis_candidates
        if item.site in NOT_MEASURABLE or (item.centroid_lps is not None and item.centroid_lps in places)
    )


def _shift(now: Findings, prior: Findings) -> tuple[np.ndarray, str | None]:
    """What must be added to prior points so that shared landmarks coincide on average."""
    shared = sorted(set(now.landmarks) & set(prior.landmarks))
    if not shared:
        return np.zeros(3), None
    apart = [np.subtract(now.landmarks[name], prior.landmarks[name]) for name in shared]
    return np.mean(apart, axis=0), ", ".join(shared)


def _match(now: Sequence[Lesion], prior: Sequence[Lesion], shift: np.ndarray, *, aligned: bool) -> list[Pair]:
    """The assignment of least total distance within reach (Kuhn 1955)."""
    reach = REACH_ALIGNED_MM if aligned else REACH_UNALIGNED_MM
    cost = np.array([[_cost(one, other, shift, reach) for other in prior] for one in now]).reshape(len(now), len(prior))
    rows, columns = linear_sum_assignment(cost) if cost.size else ((), ())
    found = {int(row): int(column) for row, column in zip(rows, columns, strict=True) if cost[row, column] < NEVER}
    pairs = [
        _pair(
            lesion, prior[found[place]] if place in found else None, cost[place, found[place]] if place in found else 0
        )
        for place, lesion in enumerate(now)
    ]
    gone = [lesion for place, lesion in enumerate(prior) if place not in found.values()]
    return pairs + [_gone(lesion) for lesion in gone]


def _gone(prior: Lesion) -> Pair:
    _, prior_mm, by = _sizes(None, prior)
    return Pair(prior.kind, prior.organ, None, prior.id, None, prior_mm, f"nothing at that place now{by}")


def _cost(one: Lesion, other: Lesion, shift: np.ndarray, reach: float) -> float:
    """Millimeters apart after alignment, or NEVER; the same station or lobe halves the distance."""
    if one.kind is not other.kind or _other_side(one, other):
        return NEVER
    same_place = one.organ == other.organ
    if one.centroid_lps is None or other.centroid_lps is None:
        return reach if same_place else NEVER
    apart = float(np.linalg.norm(np.subtract(one.centroid_lps, other.centroid_lps) - shift))
    if apart > reach:
        return NEVER
    return apart / 2 if same_place else apart


def _other_side(one: Lesion, other: Lesion) -> bool:
    sides = {one.laterality, other.laterality}
    return sides == {Laterality.LEFT, Laterality.RIGHT}


def _pair(now: Lesion, prior: Lesion | None, cost: float) -> Pair:
    now_mm, prior_mm, by = _sizes(now, prior)
    if prior is None:
        return Pair(now.kind, now.organ, now.id, None, now_mm, None, f"nothing at that place before{by}")
    same = now.organ == prior.organ
    how = f"{'same' if same else 'other'} station or part, {cost * (2 if same else 1):.0f} mm apart{by}"
    return Pair(now.kind, now.organ, now.id, prior.id, now_mm, prior_mm, how)


def _sizes(now: Lesion | None, prior: Lesion | None) -> tuple[float | None, float | None, str]:
    """Both sizes by one measure, the axis where both have it, and the words that say so where it is another."""
    lesions = [lesion for lesion in (now, prior) if lesion is not None]
    if any(lesion.mm is None for lesion in lesions) and all(lesion.ball_mm is not None for lesion in lesions):
        return now.ball_mm if now else None, prior.ball_mm if prior else None, f"; {BY_VOLUME}"
    return now.mm if now else None, prior.mm if prior else None, ""


def _with_targets(pairs: Sequence[Pair], left_out: Collection[str]) -> list[Pair]:
    """Mark target lesions: measurable before, the largest first, five in all and two of an organ.

    Args:
        left_out: ids of prior findings that are followed without being summed.
    """
    per_organ: dict[str, int] = {}
    chosen: set[int] = set()
    order = sorted(range(len(pairs)), key=lambda place: -(pairs[place].prior_mm or 0.0))
    for place in order:
        pair = pairs[place]
        organ = "lymph nodes" if pair.kind is Kind.NODE else pair.organ
        room = len(chosen) < MOST_TARGETS and per_organ.get(organ, 0) < MOST_PER_ORGAN
        if room and pair.prior_id not in left_out and _measurable(pair):
            per_organ[organ] = per_organ.get(organ, 0) + 1
            chosen.add(place)
    return [replace(pair, target=place in chosen) for place, pair in enumerate(pairs)]


def _measurable(pair: Pair) -> bool:
    least = MEASURABLE_NODE_MM if pair.kind is Kind.NODE else MEASURABLE_LESION_MM
    is_unmeasured_now = pair.now_id is not None and pair.now_mm is None  # not gone: nobody said how large it is
    return pair.prior_id is not None and not is_unmeasured_now and (pair.prior_mm or 0.0) >= least


def _response(pairs: Sequence[Pair]) -> tuple[Response | None, str]:
    """The response over target lesions and new ones, with the sentence that says why."""
    targets = [pair for pair in pairs if pair.target]
    if not targets:
        return None, "no lesion of the prior study is measurable by RECIST 1.1 (10 mm; lymph nodes 15 mm short axis)"
    before = _sum(pair.prior_mm for pair in targets)
    after = _sum(pair.now_mm or 0.0 for pair in targets)
    change = f"sum {before:.0f} mm before, {after:.0f} mm now ({100 * (after / before - 1):+.0f} %)"
    new = [pair.now_id for pair in pairs if pair.prior_id is None and not _normal_node(pair)]
    if new:
        return Response.PROGRESSIVE, f"{change}; new: {', '.join(map(str, new))} (to be confirmed)"
    if after >= before * (1 + PROGRESS_SHARE) and after - before >= PROGRESS_MM:
        return Response.PROGRESSIVE, change
    if all(_vanished(pair) for pair in pairs):
        return Response.COMPLETE, change
    return (Response.PARTIAL if after <= before * (1 - RESPONSE_SHARE) else Response.STABLE), change


def _vanished(pair: Pair) -> bool:
    """No longer there; a node may stay below 10 mm."""
    if pair.kind is Kind.NODE:
        return (pair.now_mm or 0.0) < NORMAL_NODE_MM
    return pair.now_id is None


def _normal_node(pair: Pair) -> bool:
    """A node that RECIST 1.1 takes for normal: below 10 mm in its short axis."""
    return pair.kind is Kind.NODE and pair.now_mm is not None and pair.now_mm < NORMAL_NODE_MM


def _sum(values: Any) -> float:
    return round(float(sum(value or 0.0 for value in values)), 1)


def _stage_change(
    staging: Mapping[str, Any], prior: Mapping[str, Any]
) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """Edition -> axis -> (before, now), for editions that both have."""
    return {
        edition: {
            axis: (prior["editions"][edition][axis]["category"], result[axis]["category"])
            for axis in ("t", "n", "m", "stage_group")
        }
        for edition, result in staging["editions"].items()
        if edition in prior["editions"]
    }
