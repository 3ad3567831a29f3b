"""How likely each node is malignant: by the model that this installation uses, or by rules where it cannot answer."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace

from models.card import Card
from models.nodes.features import is_complete
from oncology.errors import ModelError
from oncology.findings import Findings, Node, Severity, Verdict
from tasks.model_choice import chosen_cards, refusals

ROLE, PRIOR_ROLE = "node_malignancy", "node_involvement"
EXTENSION_ROLE = "node_ene"  # asked by tasks/extension.py
CLASSIFIER, PRIOR = (
    "models.nodes.classifier",
    "models.nodes.prior",
)  # loaded only for a case with nodes: they need XGBoost


def node_marks(cancer: str) -> dict[str, str]:
    """Role -> id and hash of the models that will judge nodes, so that answers are kept apart by model."""
    chosen = {role: chosen_cards(role, cancer) for role in (ROLE, PRIOR_ROLE, EXTENSION_ROLE)}
    return {role: f"{cards[0].id}:{cards[0].sha256[:16]}" for role, cards in chosen.items() if cards}


def judge_nodes(findings: Findings) -> Findings:
    """The findings with the model's probability and reasons for every node that it can judge.

    Nodes that somebody drew as gross tumor, that carry a probability or were not measured on images are left to the
    rules, and so are all of them where no model may be used or it fails; a verdict names one that failed.
    """
    nodes = [
        node for node in findings.nodes if node.p_malignant is None and not node.drawn_as_involved and is_complete(node)
    ]
    if not nodes:
        return findings
    refused = [
        Verdict("model-not-allowed", Severity.WARNING, words, "nodes") for words in refusals(ROLE, findings.cancer)
    ]
    findings = replace(findings, quality=(*findings.quality, *refused))
    cards = chosen_cards(ROLE, findings.cancer)
    if not cards:
        return findings
    try:
        return _judged(findings, nodes, cards[0])
    except ModelError as error:
        message = f"the model {cards[0].id} did not answer: {error}; nodes are judged by size and uptake alone"
        verdict = Verdict("node-model-failed", Severity.WARNING, message, "nodes")
        return replace(findings, quality=(*findings.quality, verdict))


def _judged(findings: Findings, nodes: Sequence[Node], card: Card) -> Findings:
    classifier = importlib.import_module(CLASSIFIER)
    model = classifier.load_model(card)
    used = [card.id]
    priors: dict[str, float] = {}
    for prior in chosen_cards(PRIOR_ROLE, findings.cancer)[:1]:
        priors = importlib.import_module(PRIOR).priors_of(prior, findings, nodes)
        used += [prior.id] if priors else []
    answers = dict(zip((node.id for node in nodes), classifier.judge(model, findings, nodes, priors), strict=True))
    judged = tuple(
        replace(node, p_malignant=answer.p, reasons=answer.reasons, malignancy_model=card.id)
        if (answer := answers.get(node.id))
        else node
        for node in findings.nodes
    )
    return replace(findings, nodes=judged, models=tuple(dict.fromkeys((*findings.models, *used))))
