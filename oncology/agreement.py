"""How well staged patients agree with their truth: figures with intervals, from one plain row per patient.

A row (JSON) has:
    patient, cancer (a site, or what a package adds), shift (a name or None), mode: "images" | "record" | "truth"
    editions: {edition: {axis: {"truth", "category", "probabilities", "credible"}}}, axes t, n, m, stage_group; the
        group may name the `ladder` of all groups of its table; `if_confirmed` is the category that is printed beside,
        were every candidate for metastasis one
    stations: [{"station", "truth", "p"}], invasions: [{"structure", "truth", "p"}]
    metastasis: {"truth", "asserted", "candidate", "candidate_at_place"}; the last is not told (None, or lacking in
        older rows) where no mask says where the metastases are
    contacts, tumor, nodes, candidates, true: of looks at images, what was measured with its truth; read by calibrations
    decisive: {"fact", "truth", "p"} or None: the T decision that matters for treatment, in the newest edition; figures
        of it are counted anew from the categories of their edition
Intervals are 95% percentile bootstraps over patients (Efron 1979), seeded; those of a bin of a reliability plot, which
may hold a single patient, are Wilson's (1927).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from oncology.cancers.protocol import site_of
from oncology.decisive import DECISIVE, Decision

AXES = ("t", "n", "m", "stage_group")
RESAMPLES, SEED = 1000, 20
CHANCE_DRAWS = 200
BINS = 10
NORMAL_95 = 1.96  # standard deviations that hold 95% of a normal distribution
ASSERTED = 0.5  # a station, an invasion: called positive from here
NOT_ASSESSED = (None, "TX", "NX", "MX")
ROMAN = {"0": 0, "Occult carcinoma": 0, "I": 1, "II": 2, "III": 3, "IV": 4}

Row = Mapping[str, Any]
Figure = dict[str, Any]
Values = Sequence[float | None]


def summarize(rows: Sequence[Row], edition: str) -> dict[str, Any]:
    """All figures of one cohort in one edition; patients without that edition are left out."""
    rows = [row for row in rows if edition in row["editions"]]
    answers = {axis: [row["editions"][edition][axis] for row in rows] for axis in AXES}
    groups = answers["stage_group"]
    return {
        "patients": len(rows),
        "agreement": {axis: mean_figure([_right(answer) for answer in answers[axis]]) for axis in AXES},
        "abstained": {
            axis: mean_figure([float(answer["category"] in NOT_ASSESSED) for answer in answers[axis]]) for axis in AXES
        },
        "within_one_group": mean_figure([_within_one(answer, groups) for answer in groups]),
        "upstaged": mean_figure([_moved(answer, 1) for answer in groups]),
        "downstaged": mean_figure([_moved(answer, -1) for answer in groups]),
        "credible_holds_truth": {
            axis: mean_figure([float(answer["truth"] in answer["credible"]) for answer in answers[axis]])
            for axis in AXES
        },
        "printed_holds_truth": {axis: mean_figure([_printed(answer) for answer in answers[axis]]) for axis in AXES},
        "credible_median_size": {
            axis: bootstrap_figure([len(answer["credible"]) for answer in answers[axis]], _median) for axis in AXES
        },
        "calibration_error": {axis: _calibration_figure(answers[axis]) for axis in AXES},
        "calibration_error_by_chance": {axis: chance_error(_top(answers[axis])[0]) for axis in AXES},
        "reliability": {axis: reliability(*_top(answers[axis])) for axis in AXES},
        "confusion": {axis: confusion(answers[axis]) for axis in AXES},
        "decisive_t": _decisive(rows, edition),
        **_details(rows),
    }


def confusion(answers: Sequence[Row]) -> list[dict[str, Any]]:
    """What was said in place of what, most frequent first; `said` is None where the answer was withheld."""
    wrong = Counter((answer["truth"], answer["category"]) for answer in answers if not _right(answer))
    ordered = sorted(wrong.items(), key=lambda item: (-item[1], str(item[0])))
    return [{"truth": truth, "said": said, "n": count} for (truth, said), count in ordered]


def _median(sizes: Sequence[int]) -> float:
    return float(np.median(sizes))


def _details(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures below the categories: stations, invasion, metastases."""
    stations = [[(item["truth"], item["p"]) for item in row["stations"]] for row in rows]
    invasions = [[(item["truth"], item["p"]) for item in row["invasions"]] for row in rows]
    mets = [row["metastasis"] for row in rows]
    return {
        "stations": detection(stations),
        "station_false_positives_per_patient": mean_figure(
            [float(sum(not truth and p >= ASSERTED for truth, p in found)) for found in stations]
        ),
        "by_station": by_name([row["stations"] for row in rows], "station"),
        "invasions": detection(invasions),
        "by_structure": by_name([row["invasions"] for row in rows], "structure"),
        "m1_wrongly_asserted": mean_figure([float(item["asserted"] and not item["truth"]) for item in mets]),
        "m1_sensitivity_with_candidates": mean_figure(
            [float(item["asserted"] or item["candidate"]) for item in mets if item["truth"]]
        ),
        "m1_sensitivity_with_candidates_at_place": mean_figure(
            [
                float(item["asserted"] or item["candidate_at_place"])
                for item in mets
                if item["truth"] and item.get("candidate_at_place") is not None
            ]
        ),
    }


def _decisive(rows: Sequence[Row], edition: str) -> list[dict[str, Any]]:
    """The T decision that matters for treatment, for each site by itself: sites ask different ones."""
    by_site: dict[str, list[Row]] = {}
    for row in rows:
        by_site.setdefault(site_of(row["cancer"]), []).append(row["editions"][edition]["t"])
    return [
        {"site": site, "decision": DECISIVE[site].words, **_decided(DECISIVE[site], answers)}
        for site, answers in sorted(by_site.items())
        if site in DECISIVE
    ]


def _decided(decision: Decision, answers: Sequence[Row]) -> dict[str, Figure]:
    """Sensitivity and specificity; who was refused, or got TX, was decided wrongly, whichever way it is."""
    right: dict[bool, list[float]] = {True: [], False: []}
    for answer in decision.asked(answers):
        beyond = decision.is_true(answer)
        said = (decision.said(answer) >= ASSERTED) == beyond
        is_answered = answer["probabilities"] and answer["category"] != "TX"  # TX holds all T alike
        right[beyond].append(float(bool(is_answered) and said))
    return {"sensitivity": mean_figure(right[True]), "specificity": mean_figure(right[False])}


def by_name(patients: Sequence[Sequence[Row]], key: str) -> dict[str, dict[str, Figure]]:
    """Per station or structure: how often it was found where it is so, and asserted where it is not, per patient."""
    names = sorted({item[key] for items in patients for item in items}, key=_natural)
    found = {
        name: [[(one["truth"], one["p"]) for one in items if one[key] == name] for items in patients] for name in names
    }
    return {
        name: {
            "sensitivity": pooled_figure([[p >= ASSERTED for true, p in items if true] for items in drawn]),
            "false_positives_per_patient": mean_figure(
                [float(sum(not true and p >= ASSERTED for true, p in items)) for items in drawn]
            ),
        }
        for name, drawn in found.items()
    }


def _natural(name: str) -> tuple[int, str]:
    """Station 4R before 10R; names without a number last."""
    number = re.match(r"\d+", name)
    return (int(number[0]) if number else 1000, name)


def pooled_figure(patients: Sequence[Sequence[float]]) -> Figure:
    """Mean (of truth values: a share) over all patients' answers; `n` counts answers, and patients are resampled.

    Answers of one patient are alike, so that drawing them one by one would give too narrow an interval.
    """
    kept = [(sum(answers), len(answers)) for answers in patients if answers]
    if not kept:
        return mean_figure([])
    pairs = np.array(kept, float)
    draws = pairs[np.random.default_rng(SEED).integers(0, len(pairs), (RESAMPLES, len(pairs)))].sum(axis=1)
    low, high = np.percentile(draws[:, 0] / draws[:, 1], [2.5, 97.5])
    hits, count = pairs.sum(axis=0)
    return _figure(float(hits / count), float(low), float(high), int(count))


def difference_figure(values: Sequence[float], others: Sequence[float]) -> Figure:
    """How far the mean of one cohort lies above that of another, in points of 100; `n` counts the first cohort."""
    if not values or not others:
        return {"value": None, "low": None, "high": None, "n": len(values)}
    random = np.random.default_rng(SEED)
    one, other = np.array(values, float), np.array(others, float)
    low, high = np.percentile(100.0 * (_drawn_means(one, random) - _drawn_means(other, random)), [2.5, 97.5])
    value = 100.0 * float(one.mean() - other.mean())
    return _figure(value, float(low), float(high), len(values))


def agreement_values(rows: Sequence[Row], edition: str, axis: str) -> list[float]:
    """1.0 for each patient whose category is right, 0.0 for the others; patients without that edition are left out."""
    return [_right(row["editions"][edition][axis]) for row in rows if edition in row["editions"]]


def mean_figure(values: Values) -> Figure:
    """Mean with its interval and count; None where there is nothing to average."""
    known = np.array([value for value in values if value is not None], float)
    if known.size == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = np.percentile(_drawn_means(known, np.random.default_rng(SEED)), [2.5, 97.5])
    return _figure(float(known.mean()), float(low), float(high), known.size)


def _drawn_means(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Means (RESAMPLES,) of as many values drawn with replacement."""
    return np.asarray(values[random.integers(0, values.size, (RESAMPLES, values.size))].mean(axis=1))


def bootstrap_figure(groups: Sequence[Any], measure: Callable[[Sequence[Any]], float | None]) -> Figure:
    """Any measure over patients, with the interval that resampling whole patients gives."""
    value = measure(groups) if groups else None
    if value is None:
        return {"value": None, "low": None, "high": None, "n": len(groups)}
    random = np.random.default_rng(SEED)
    drawn = []
    for _ in range(RESAMPLES // 2):
        found = measure([groups[place] for place in random.integers(0, len(groups), len(groups))])
        if found is not None:
            drawn.append(found)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return _figure(value, float(low), float(high), len(groups))


def _figure(value: float, low: float, high: float, count: int) -> Figure:
    """An interval holds its figure: a calibration error is larger in nearly every cohort drawn anew than in the own."""
    low, high = min(low, value), max(high, value)
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4), "n": count}


def _right(answer: Row) -> float:
    return float(answer["category"] == answer["truth"])


def _printed(answer: Row) -> float:
    """Whether the truth is credible, or what is printed in case that the candidates for metastasis are confirmed."""
    return float(answer["truth"] in (*answer["credible"], answer.get("if_confirmed")))


def group_rank(group: str) -> tuple[int, str]:
    """Order of stage groups: 0 < IA1 < IA2 < IB < IIA ...

    >>> group_rank("IA3") < group_rank("IB") < group_rank("IIIA") < group_rank("IV") < group_rank("IVB")
    True
    """
    found = re.fullmatch(r"(0|I{1,3}|IV)([A-C]?[1-3]?)", group)
    return (ROMAN[found[1]], found[2]) if found else (ROMAN.get(group, 0), "")


def _within_one(answer: Row, answers: Iterable[Row]) -> float:
    """Whether the group is at most one step off, on its table's ladder or else that of all groups in the cohort."""
    if answer["category"] is None:
        return 0.0
    told = answer.get("ladder")
    named = set(told) if told else {name for item in answers for name in (item["truth"], *item["probabilities"])}
    ladder = sorted(named | {answer["category"], answer["truth"]}, key=group_rank)
    return float(abs(ladder.index(answer["category"]) - ladder.index(answer["truth"])) <= 1)


def _moved(answer: Row, way: int) -> float:
    if answer["category"] is None:
        return 0.0
    said, true = group_rank(answer["category"]), group_rank(answer["truth"])
    return float(said > true if way > 0 else said < true)


def _top(answers: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest category's probability of each patient, and whether it was right."""
    best = [
        max(answer["probabilities"].items(), key=lambda item: item[1]) for answer in answers if answer["probabilities"]
    ]
    right = [
        name == answer["truth"]
        for (name, _), answer in zip(best, [answer for answer in answers if answer["probabilities"]], strict=True)
    ]
    return np.array([p for _, p in best], float), np.array(right, float)


def _calibration_figure(answers: Sequence[Row]) -> Figure:
    return bootstrap_figure(list(answers), lambda drawn: calibration_error(*_top(drawn)))


def calibration_error(p: np.ndarray, right: np.ndarray) -> float | None:
    """Expected calibration error over ten equal bins (Naeini 2015); both arrays (N,)."""
    if p.size == 0:
        return None
    return float(sum(item["n"] * abs(item["said"] - item["was"]) for item in reliability(p, right)) / p.size)


def reliability(p: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """Per bin that holds anything: mean probability said, share that was right with its 95% interval, count."""
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    found = [(p[here], right[here]) for here in (bins == place for place in range(BINS)) if here.any()]
    return [
        {
            "said": float(said.mean()),
            "was": float(was.mean()),
            "n": was.size,
            **share_interval(float(was.mean()), was.size),
        }
        for said, was in found
    ]


def share_interval(share: float, count: int) -> dict[str, float]:
    """The 95% interval of a share of `count` answers (Wilson 1927), which stays wide where all of few were right.

    >>> {name: round(value, 3) for name, value in share_interval(1.0, 3).items()}
    {'low': 0.438, 'high': 1.0}
    """
    spread = NORMAL_95**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return {"low": max(middle - half, 0.0), "high": min(middle + half, 1.0)}


def chance_error(p: np.ndarray) -> float | None:
    """The mean error that as many perfectly calibrated answers would show, by chance alone."""
    if p.size == 0:
        return None
    drawn = np.random.default_rng(SEED).random((CHANCE_DRAWS, p.size)) < p
    errors = [error for right in drawn if (error := calibration_error(p, right.astype(float))) is not None]
    return round(float(np.mean(errors)), 4)


def detection(patients: Sequence[Sequence[tuple[bool, float]]]) -> dict[str, Figure]:
    """Sensitivity, specificity, area under the ROC curve and calibration of yes-or-no findings."""
    return {
        "sensitivity": bootstrap_figure(patients, lambda found: _share(found, truth=True)),
        "specificity": bootstrap_figure(patients, lambda found: _share(found, truth=False)),
        "auc": bootstrap_figure(patients, lambda found: auc(*_arrays(found))),
        "calibration_error": bootstrap_figure(patients, lambda found: calibration_error(*_arrays(found)[::-1])),
    }


def _arrays(patients: Sequence[Sequence[tuple[bool, float]]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [pair for found in patients for pair in found]
    return np.array([truth for truth, _ in pairs], float), np.array([p for _, p in pairs], float)


def _share(patients: Sequence[Sequence[tuple[bool, float]]], *, truth: bool) -> float | None:
    said = [(p >= ASSERTED) == truth for found in patients for true, p in found if true == truth]
    return float(np.mean(said)) if said else None


def auc(truth: np.ndarray, p: np.ndarray) -> float | None:
    """Area under the ROC curve by ranks, ties shared (Hanley 1982); None unless both kinds are there."""
    positive = int(truth.sum())
    negative = truth.size - positive
    if positive == 0 or negative == 0:
        return None
    _, places, counts = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return float((ranks[truth > 0].sum() - positive * (positive + 1) / 2) / (positive * negative))
