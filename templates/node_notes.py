"""Footnotes to the nodes that decide: which sensitivity, specificity and prevalence their probability came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

Translate = Callable[[str], str]
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
# Nodes whose reasons are told: a model finds them suspicious, or their size does.
TOLD_P, TOLD_MM = 0.2, 10.0


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
            groups.setdefault(_of_model(node, translate), []).append(node["id"])
    return [f"{', '.join(names)}: {text}" for text, names in groups.items()]


def node_reasons(nodes: Sequence[Mapping[str, Any]], translate: Translate) -> list[str]:
    """Why a model judged a node as it did, one line a node; none for nodes that nobody would suspect."""
    told = [
        node
        for node in nodes
        if node.get("reasons") and ((node["p_malignant"] or 0.0) >= TOLD_P or node["short_axis_mm"] >= TOLD_MM)
    ]
    return [f"{node['id']}: {'; '.join(_reason(reason, translate) for reason in node['reasons'])}" for node in told]


def _reason(reason: str, translate: Translate) -> str:
    """ "for: SUVmax 9.0, station 4R" in the report's language: every phrase is looked up without its numbers."""
    way, _, rest = reason.partition(": ")
    return f"{translate(way)}: {', '.join(_phrase(phrase, translate) for phrase in rest.split(', '))}"


def _phrase(phrase: str, translate: Translate) -> str:
    if phrase.startswith("station "):
        return f"{translate('station')} {phrase.removeprefix('station ')}"
    numbers = iter(NUMBER.findall(phrase))
    return re.sub(r"\{\}", lambda _: next(numbers, ""), translate(NUMBER.sub("{}", phrase)))


def _reckoning(node: Mapping[str, Any], prevalence: Mapping[str, Any], translate: Translate) -> str:
    """How the probability came about, in a line."""
    start = f"{translate('prevalence')} {_percent(prevalence['malignant_node'])} ({translate(prevalence['source'])})"
    signs = [_sign(cue, cue["source"] != prevalence["source"], translate) for cue in node["cues"]]
    return f"{'; '.join([start, *signs])} → {_percent(node['malignant'])}"


def _of_model(node: Mapping[str, Any], translate: Translate) -> str:
    reasons = f" ({', '.join(translate(text) for text in node['reasons'])})" if node["reasons"] else ""
    return f"{translate('model')} {node['model']}{reasons} → {_percent(node['malignant'])}"


def _sign(cue: Mapping[str, Any], cited: bool, translate: Translate) -> str:
    answer = translate("yes" if cue["positive"] else "no")
    figures = [f"{translate(name)} {_percent(cue[name])}" for name in ("sensitivity", "specificity")]
    source = [cue["source"]] if cited else []
    name = translate(cue["name"].split(" >= ")[0]) + "".join(f" ≥ {part}" for part in cue["name"].split(" >= ")[1:])
    return f"{name}: {answer} ({', '.join([*figures, *source])})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
