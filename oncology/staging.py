"""From findings and record to the staging of a case: facts, categories by edition, reasons, gaps and what-ifs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from oncology.adequacy import why_not_imaged
from oncology.cancers.evidence import NOT_DELINEATED, whole_mm
from oncology.cancers.protocol import CancerPlugin, cancer
from oncology.cancers.scope import check_scope, undecided_primaries
from oncology.cancers.spread import settled_as_nodes
from oncology.errors import ScopeError
from oncology.findings import Fact, Facts, Findings, History, Status, to_json
from oncology.next_tests import next_tests, situations
from oncology.probabilities import doubtful_stations
from oncology.recorded_stage import recorded_stage_conflicts
from oncology.tnm import stage, would_change
from oncology.tnm.answer import Change

AXES = ("t", "n", "m")
REASON_PARTS = 3  # what still fits one line of page 1
TOLD_ELSEWHERE = {"tumor_side"}  # decides N together with the nodes, and says nothing by itself
# What a board asks about first; findings in doubt come before settled ones.
FIRST_ASKED = ("nodes", "greatest_dimension_mm", "mets", "invaded_structures")
METASTASIS, T3_OR_MORE, STAGE_3_OR_4 = re.compile("M1"), re.compile("T[34]"), re.compile("III|IV")
PET_LEFT_OUT = ("pet-not-used", "pet-off-ct")  # verdicts: there is a PET, of which nothing was measured


class Options(TypedDict):
    """How the engine is asked."""

    classification: str
    subset: str | None
    strict: bool


def stage_case(
    findings: Findings,
    history: History,
    editions: Sequence[str],
    *,
    classification: str = "clinical",
    subset: str | None = None,
    imaging_date: str | None = None,
) -> dict[str, Any]:
    """The content of staging.json, without the tables' version.

    Raises:
        ScopeError: the cancer is not staged here, or not in this situation (after treatment, recurrence, ...).
        FactError: an edition or subset does not exist.
    """
    plugin = cancer(findings.cancer)
    check_scope(history, plugin.tnm_site, imaging_date)
    findings = replace(findings, cancer=plugin.tnm_site)  # an added cancer may be told in the words of another site
    facts = plugin.derive(findings, history)
    chosen = subset or facts.subset
    served = _served(plugin, editions, chosen)
    results = {name: _edition(facts, findings, history, plugin, name, classification, chosen) for name in served}
    missing = _missing(facts, findings, plugin, chosen)
    told = [to_json(fact) for fact in _all(facts)]
    particulars = plugin.particulars(findings, history) if plugin.particulars else {}
    situation = _situation(facts, results, findings, history, {**particulars, "subset": chosen})
    stations = doubtful_stations({"facts": told, "editions": results})
    return {
        "case_id": findings.case_id,
        "site": facts.site,
        "classification": classification,
        "subset": chosen,
        "research_use_only": True,
        "editions": results,
        "facts": told,
        "missing": missing,
        "conflicts": to_json(
            (*facts.conflicts, *undecided_primaries(history, facts.site), *recorded_stage_conflicts(history, results))
        ),
        "discussion": _discussion(facts, results, missing, plugin, stations, situation),
        "particulars": to_json(particulars),
        "resectability": to_json(plugin.resectability(findings, history)) if plugin.resectability else None,
    }


def _served(plugin: CancerPlugin, editions: Sequence[str], subset: str | None) -> list[str]:
    """The editions asked for whose tables describe this subset.

    Raises:
        ScopeError: none does.
    """
    told = plugin.subsets_of_edition
    served = [name for name in editions if name not in told or subset in told[name]]
    if editions and not served:
        described = " or ".join(told[editions[0]])
        raise ScopeError(
            f"edition {editions[0]} describes {plugin.key} with {described} alone, this case is "
            f"{subset or 'of unknown subset'}; stage it by edition {plugin.editions[0]}, or give the subset"
        )
    return served


def engine_facts(facts: Facts) -> dict[str, Any]:
    """The facts as the engine takes them."""
    return {fact.key: fact.value for fact in _all(facts)}


def _all(facts: Facts) -> tuple[Fact, ...]:
    return (*facts.t, *facts.n, *facts.m)


def _edition(
    facts: Facts,
    findings: Findings,
    history: History,
    plugin: CancerPlugin,
    edition: str,
    classification: str,
    subset: str | None,
) -> dict[str, Any]:
    given = engine_facts(facts)
    options = Options(classification=classification, subset=subset, strict=True)
    result = to_json(stage(facts.site, edition, given, **options))
    answers = {axis: result[axis] for axis in (*AXES, "stage_group")}
    for axis in AXES:
        answers[axis]["because"] = _because(answers[axis], getattr(facts, axis))
    changes = _changes(would_change(facts.site, edition, given, **options), facts, plugin)
    confirmed = _if_confirmed(findings, history, plugin, edition, options)
    return {**answers, "would_change": changes, "stage_if_candidates_confirmed": confirmed}


def _changes(found: Iterable[Change], facts: Facts, plugin: CancerPlugin) -> list[dict[str, Any]]:
    """What would change the stage, what a board asks about first; facts that nobody doubts are left out."""
    sure = {fact.key for fact in _all(facts) if fact.status is Status.KNOWN}

    def rank(change: Change) -> tuple[bool, int]:
        key = _root(change.finding)
        return (key in sure, _asked_first(key))

    return [change.to_json() for change in sorted(found, key=rank) if _root(change.finding) not in plugin.settled]


def _root(finding: str) -> str:
    """The fact that a finding belongs to: `nodes[1].positive` is about nodes."""
    return finding.split(".")[0].split("[")[0]


def _because(answer: Mapping[str, Any], facts: Sequence[Fact]) -> str:
    """What decided a category, in the words of its evidence; what is lacking when nothing did."""
    used = {str(entry.get("fact", "")).split(".")[0] for entry in answer["trace"]}
    details = [item.detail for fact in facts if fact.key in used - TOLD_ELSEWHERE for item in fact.evidence]
    gaps = [f"{fact.key.replace('_', ' ')}: {fact.reason}" for fact in facts if fact.status is Status.UNKNOWN]
    parts = list(dict.fromkeys(details))[:REASON_PARTS] or gaps[:REASON_PARTS]
    return "; ".join(parts)


def _not_imaged(findings: Findings, plugin: CancerPlugin) -> list[str]:
    return [region for region in plugin.must_image if region not in findings.regions_imaged]


def _has_open_member(fact: Fact) -> bool:
    """Whether nobody can tell of a part of a set, as no mask shows it."""
    return isinstance(fact.value, Mapping) and None in fact.value.values()


def _missing(facts: Facts, findings: Findings, plugin: CancerPlugin, subset: str | None) -> list[dict[str, str]]:
    gaps = [
        {"what": fact.key.replace("_", " "), "why": fact.reason or "not known", "axis": axis}
        for axis in AXES
        for fact in getattr(facts, axis)
        if fact.status is Status.UNKNOWN or _has_open_member(fact) or fact.reason.startswith(NOT_DELINEATED)
    ]
    if subset is None and plugin.without_subset:
        gaps.insert(0, {"what": "subset", "why": plugin.without_subset, "axis": "t"})
    regions = _not_imaged(findings, plugin)
    seen = findings.structures_assessed
    reasons = {region: why_not_imaged(region, plugin.must_image[region], seen) for region in regions}
    return gaps + [{"what": region, "why": why, "axis": "m"} for region, why in reasons.items()]


def _discussion(
    facts: Facts,
    results: Mapping[str, Any],
    missing: Iterable[Mapping[str, str]],
    plugin: CancerPlugin,
    stations: Sequence[str],
    situation: Mapping[str, Any],
) -> list[str]:
    """Tests that would settle what is open and decides, from the cited table; a plug-in may add tests of its own.

    Args:
        stations: of the nodes in doubt that decide.
        situation: see `_situation`; what the table proposes for it comes last.
    """
    decisive = _decisive(results)
    doubtful = [fact.key for fact in _all(facts) if fact.status is Status.DOUBTFUL and fact.key in decisive]
    pending = any(result["stage_if_candidates_confirmed"] for result in results.values())
    asked = [item["what"].replace(" ", "_") for item in missing] + doubtful + ["mets"] * pending
    named = {"nodes": stations}
    cited = {key: row.at(named.get(key, ())).text for key, row in next_tests(plugin.tnm_site).items()}
    rows = {**plugin.next_tests, **cited}
    ordered = sorted(set(asked) - set(plugin.settled), key=lambda key: (_asked_first(key), asked.index(key)))
    held = [one.row.text for one in situations(plugin.tnm_site) if one.holds(situation)]
    return list(dict.fromkeys([*(rows[key] for key in ordered if key in rows), *held]))


def _situation(
    facts: Facts,
    results: Mapping[str, Any],
    findings: Findings,
    history: History,
    particulars: Mapping[str, Any],
) -> dict[str, Any]:
    """What the table's conditions are held against; next_tests.yaml names it."""
    primary = findings.primary
    return {
        **{fact.key: fact.value for fact in _all(facts) if fact.status is Status.KNOWN},
        **particulars,
        "size_mm": whole_mm(primary.greatest_dimension_mm) if primary else None,
        "pet": _has_pet(findings, history),
        "sample_in_doubt": any(one.name == "nodes" and "benign" in one.values for one in facts.conflicts),
        "metastasis": _is_likely(results, "m", METASTASIS),
        "t3_or_more": _is_likely(results, "t", T3_OR_MORE),
        "stage_3_or_4": _is_likely(results, "stage_group", STAGE_3_OR_4),
    }


def _is_likely(results: Mapping[str, Any], axis: str, categories: re.Pattern[str]) -> bool:
    """Whether these categories are together as likely as not, by any edition."""
    answers = (result[axis]["probabilities"] for result in results.values())
    return any(sum(p for name, p in chances.items() if categories.match(name)) >= 0.5 for chances in answers)


def _has_pet(findings: Findings, history: History) -> bool | None:
    """Whether a PET was measured; None where nobody told, or where there is one that was not measured."""
    uptakes = (*(tumor.suv_max for tumor in findings.tumors), *(node.suv_max for node in findings.nodes))
    measured = findings.pet or any(uptake is not None for uptake in uptakes)
    recorded = any("PT" in (fact.value.get("modality") or ()) for fact in history.named("imaging_study"))
    if measured:
        return True
    return None if recorded or any(verdict.code in PET_LEFT_OUT for verdict in findings.quality) else findings.pet


def _asked_first(key: str) -> int:
    return FIRST_ASKED.index(key) if key in FIRST_ASKED else len(FIRST_ASKED)


def _decisive(results: Mapping[str, Any]) -> set[str]:
    """Facts that keep an answer open or would change one, by any edition."""
    named = {name for result in results.values() for axis in (*AXES, "stage_group") for name in result[axis]["open"]}
    named |= {change["finding"] for result in results.values() for change in result["would_change"]}
    return {_root(name) for name in named}


def _if_confirmed(
    findings: Findings, history: History, plugin: CancerPlugin, edition: str, options: Options
) -> dict[str, Any] | None:
    """The stage were every candidate for metastasis confirmed; None when there is no open candidate."""
    settled = settled_as_nodes(findings, history)
    if not any(item.confirmed is None and item.id not in settled for item in findings.metastasis_candidates):
        return None
    sure = tuple(replace(item, confirmed=item.confirmed is not False) for item in findings.metastasis_candidates)
    facts = plugin.derive(replace(findings, metastasis_candidates=sure), history)
    result = to_json(stage(facts.site, edition, engine_facts(facts), **options))
    return {axis: result[axis]["category"] for axis in (*AXES, "stage_group")}
