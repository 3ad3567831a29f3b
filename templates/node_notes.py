"""Footnotes to the nodes that decide: which sensitivity, specificity and prevalence their probability came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from oncology.probabilities import node_place
from templates.percent import percent

Translate = Callable[[str], str]
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
# Nodes whose reasons are told: a model finds them suspicious, or their size does.
TOLD_P, TOLD_MM = 0.2, 10.0
TOLD_SIGNS = 4  # samples and nodes: what still fits two lines of page 1
MALIGNANT_SAMPLE, BENIGN_SAMPLE = 2.0, 0.5  # their place among nodes by probability
# A model's answer read as a test, see `as_test` in Tumor_probabilities.json.
CALLED = "malignant from {percent} % on"
POST_TEST, POST_TEST_IF_NODE = "post-test probability", "post-test probability, if it is a node"
STAGED = "the stage reckons with {percent} %"
TEXTS = (CALLED, POST_TEST, POST_TEST_IF_NODE, STAGED)  # for translators


def nodal_reason(staging: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Why N is what it is: samples that prove tumor first, then the likeliest nodes by name and place.

    Args:
        answer: of the axis N; what is not about single nodes stays as the engine told it.
    """
    fact = next((item for item in staging.get("facts", ()) if item["key"] == "nodes"), None)
    details = {item["detail"] for item in fact["evidence"]} if fact else set()
    because = str(answer.get("because") or "")
    if fact is None or not fact["value"] or not set(because.split("; ")) <= details:
        return because
    entries = {str(entry.get("id")): entry for entry in fact["value"]}
    ranked = sorted(fact["evidence"], key=lambda item: -_weight(item, entries))
    telling = [item for item in ranked if _weight(item, entries) >= TOLD_P] or ranked
    return "; ".join(list(dict.fromkeys(_told(item, entries) for item in telling))[:TOLD_SIGNS])


def _chance(entry: Mapping[str, Any]) -> float:
    positive = entry["positive"]
    return float(positive["p"] if isinstance(positive, Mapping) else positive)


def _weight(item: Mapping[str, Any], entries: Mapping[str, Any]) -> float:
    entry = entries.get(item["reference"])
    if entry is not None:
        return _chance(entry)
    return MALIGNANT_SAMPLE if "malignant" in item["detail"] else BENIGN_SAMPLE


def _told(item: Mapping[str, Any], entries: Mapping[str, Any]) -> str:
    """A node's measures with its place; a sample as it is told."""
    entry = entries.get(item["reference"])
    if entry is None:
        return str(item["detail"])
    place = node_place({**entry, "laterality": None}) or item["reference"]
    where = " ".join(filter(None, [place, entry.get("laterality")]))
    return f"{where}: {item['detail']}"


def node_notes(probabilities: Mapping[str, Any], decisive: Collection[str], translate: Translate) -> list[str]:
    """One footnote for all decisive nodes that were judged alike; none for nodes that a sample or a person judged.

    Args:
        probabilities: the content of Tumor_probabilities.json.
        decisive: ids of nodes.
    """
    groups: dict[str, list[str]] = {}
    for node in probabilities.get("nodes", ()):
        if node["id"] not in decisive:
            continue
        if node["cues"]:
            groups.setdefault(_reckoning(node, probabilities["prevalence"], translate), []).append(node["id"])
        elif node["model"]:
            groups.setdefault(_of_model(node, probabilities["prevalence"], translate), []).append(node["id"])
    return [f"{', '.join(names)}: {text}" for text, names in groups.items()]


def node_reasons(
    nodes: Sequence[Mapping[str, Any]], translate: Translate, told_before: Collection[str] = ()
) -> list[str]:
    """Why a model judged a node as it did, one line a node; none for nodes that nobody would suspect.

    Args:
        told_before: ids of nodes whose footnote has the reasons already.
    """
    told = [
        node
        for node in nodes
        if node.get("reasons")
        and node["id"] not in told_before
        and ((node["p_malignant"] or 0.0) >= TOLD_P or node["short_axis_mm"] >= TOLD_MM)
    ]
    return [f"{node['id']}: {'; '.join(_reason(reason, translate) for reason in node['reasons'])}" for node in told]


def _reason(reason: str, translate: Translate) -> str:
    """ "for: SUVmax 9.0, station 4R" in the report's language: every phrase is looked up without its numbers."""
    way, _, rest = reason.partition(": ")
    return f"{translate(way)}: {', '.join(_phrase(phrase, translate) for phrase in rest.split(', '))}"


def _phrase(phrase: str, translate: Translate) -> str:
    if phrase.startswith("station "):
        return f"{translate('station')} {phrase.removeprefix('station ').replace('_', ' ')}"
    numbers = iter(NUMBER.findall(phrase))
    return re.sub(r"\{\}", lambda _: next(numbers, ""), translate(NUMBER.sub("{}", phrase)))


def _reckoning(node: Mapping[str, Any], prevalence: Mapping[str, Any], translate: Translate) -> str:
    """How the probability came about, in a line."""
    signs = [_sign(cue, cue["source"] != prevalence["source"], translate) for cue in node["cues"]]
    return f"{'; '.join([_start(prevalence, translate), *signs])} → {_percent(node['malignant'])}"


def _start(prevalence: Mapping[str, Any], translate: Translate) -> str:
    """The prevalence that is stated, and by whom."""
    return f"{translate('prevalence')} {_percent(prevalence['malignant_node'])} ({translate(prevalence['source'])})"


def _of_model(node: Mapping[str, Any], prevalence: Mapping[str, Any], translate: Translate) -> str:
    """What a model said and, where its card has the figures, what its answer is worth as a test."""
    reasons = f" ({'; '.join(_reason(text, translate) for text in node['reasons'])})" if node["reasons"] else ""
    said = f"{translate('model')} {node['model']}{reasons} → {_percent(node['malignant'])}"
    test = node.get("as_test")
    if test is None:
        return said
    figures = [f"{translate(name)} {_percent(test[name])}" for name in ("sensitivity", "specificity")]
    answer = translate("yes" if test["positive"] else "no")
    called = translate(CALLED).format(percent=percent(test["called_from"]))
    outcome = f"{translate(POST_TEST_IF_NODE if test['if_a_node'] else POST_TEST)} {_percent(test['post_test'])}"
    reckoned = f"{_start(prevalence, translate)}; {called}: {answer} ({', '.join([*figures, translate(test['on'])])})"
    staged = translate(STAGED).format(percent=percent(node["malignant"]))
    return f"{said}; {reckoned} → {outcome}; {staged}"


def _sign(cue: Mapping[str, Any], cited: bool, translate: Translate) -> str:
    answer = translate("yes" if cue["positive"] else "no")
    figures = [f"{translate(name)} {_percent(cue[name])}" for name in ("sensitivity", "specificity")]
    source = [cue["source"]] if cited else []
    name = translate(cue["name"].split(" >= ")[0]) + "".join(f" ≥ {part}" for part in cue["name"].split(" >= ")[1:])
    return f"{name}: {answer} ({', '.join([*figures, *source])})"


def _percent(share: float) -> str:
    return f"{percent(share)} %"
