"""Extranodal extension of the nodes of the neck: by the network that this installation uses, and a grade by signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from models.card import Card
from models.inference.node_look import see_nodes
from models.inference.run import ask
from oncology.cancers.neck_extension import Reading, grade, is_neighbor, signs_of
from oncology.cancers.protocol import site_of
from oncology.errors import ModelError
from oncology.findings import NECK_SITES, Ene, Findings, Node, Severity, Verdict
from oncology.imaging.survey import Scene
from tasks.model_choice import chosen_cards, refusals, unserved
from tasks.settings import settings

ROLE, LABEL = "node_ene", "ene"
LEAST_SHORT_AXIS_MM = 5.0  # below it a network has nothing to see
CONVERTED = "converted"  # below models/ of the home folder, as of all networks


def judge_extension(findings: Findings, scene: Scene, masks: Mapping[str, np.ndarray]) -> Findings:
    """The findings with extension of every node that the network can look at and of which nobody said anything.

    Where no model may be used, or it fails, extension stays unknown; a verdict names one that failed.

    Args:
        masks: (Z, Y, X) bool of nodes by id, on the CT's grid.
    """
    asked = [node for node in findings.nodes if _is_asked(node) and node.id in masks]
    if site_of(findings.cancer) not in NECK_SITES or not asked:
        return findings
    refused = [
        Verdict("model-not-allowed", Severity.WARNING, words, "nodes") for words in refusals(ROLE, findings.cancer)
    ]
    findings = replace(findings, quality=(*findings.quality, *refused))
    cards = [card for card in chosen_cards(ROLE, findings.cancer) if card.kind == "two_branch"]
    if not cards:
        return replace(findings, quality=(*findings.quality, *unserved((ROLE,), findings.cancer, "nodes")))
    try:
        return _judged(findings, asked, cards[0], scene, masks)
    except ModelError as error:
        message = f"the model {cards[0].id} did not answer: {error}; extranodal extension stays unknown"
        verdict = Verdict("extension-model-failed", Severity.WARNING, message, "nodes")
        return replace(findings, quality=(*findings.quality, verdict))


def _is_asked(node: Node) -> bool:
    return node.ene is None and node.short_axis_mm > LEAST_SHORT_AXIS_MM


def _judged(
    findings: Findings, asked: Sequence[Node], card: Card, scene: Scene, masks: Mapping[str, np.ndarray]
) -> Findings:
    run = partial(ask, cache=settings().home / "models" / CONVERTED)
    answers = see_nodes(card, [masks[node.id] for node in asked], scene.ct, scene.suv, run)
    neighbors = {name: mask for name, mask in scene.structures.items() if is_neighbor(name)}
    own = {node.id: masks[node.id] for node in findings.nodes if node.id in masks}
    reading = Reading(unlikely=float(card.settings.get("unlikely", Reading.unlikely)))
    found = {}
    for node, answer in zip(asked, answers, strict=True):
        others = [other for other in findings.nodes if other.id != node.id]
        p = round(answer[LABEL], 3)
        found[node.id] = Ene(p, grade(p, signs_of(node, own, others, scene.ct, neighbors), reading))
    nodes = tuple(replace(node, ene=found.get(node.id, node.ene)) for node in findings.nodes)
    return replace(findings, nodes=nodes, models=tuple(dict.fromkeys((*findings.models, card.id))))
