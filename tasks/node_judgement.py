"""How likely each node is malignant: by the model that this installation uses, or by rules where it cannot answer.

In the neck the prior of each node's level is weighed in, in one pass: T is staged without nodes, each node is judged by
its own look alone, and then, for each, what that or tissue makes sure of the other levels (models/involvement) moves
the classifier's answer. A sample or a person's word on the node itself wins over all of it when the case is staged.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.card import Card
from models.nodes.features import is_complete
from oncology.cancers.protocol import site_of
from oncology.errors import ModelError
from oncology.findings import NECK_SITES, Findings, History, Node, Severity, Verdict
from tasks.case_files import Outputs
from tasks.model_choice import chosen_cards, mark, refusals, unserved

ROLE, PRIOR_ROLE = "node_malignancy", "node_involvement"
EXTENSION_ROLE = "node_ene"  # asked by tasks/extension.py
# Loaded only for a case with nodes: they need XGBoost.
CLASSIFIER, PRIOR, READING = "models.nodes.classifier", "models.nodes.prior", "models.nodes.reading"
SITUATION, LEVEL_PRIOR = "models.involvement.situation", "models.involvement.prior"


def node_marks(cancer: str) -> dict[str, str]:
    """Role -> what marks the model that will judge nodes, so that answers are kept apart by model."""
    chosen = {role: chosen_cards(role, cancer) for role in (ROLE, PRIOR_ROLE, EXTENSION_ROLE)}
    return {role: mark(cards[0]) for role, cards in chosen.items() if cards}


def record_for_nodes(cancer: str, record: Outputs) -> Outputs | None:
    """The record where it bears on how nodes are judged: in the neck, by subsite, p16 and samples of other levels.

    Elsewhere a changed record leaves what was measured as it is.
    """
    return record if site_of(cancer) in NECK_SITES else None


def judge_nodes(findings: Findings, history: History | None = None) -> Findings:
    """The findings with the model's probability and reasons for every node that it can judge.

    Nodes that somebody drew as gross tumor, that carry a probability or were not measured on images are left to the
    rules, and so are all of them where no model may be used or it fails; a verdict names one that failed.

    Args:
        history: the record as far as it was read; the prior of a neck level takes subsite, p16 and samples from it.
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
        lacking = [one for one in unserved((ROLE,), findings.cancer, "nodes") if one not in findings.quality]
        return replace(findings, quality=(*findings.quality, *lacking))
    try:
        return _judged(findings, history or History(), nodes, cards[0])
    except ModelError as error:
        message = f"the model {cards[0].id} did not answer: {error}; nodes are judged by size and uptake alone"
        verdict = Verdict("node-model-failed", Severity.WARNING, message, "nodes")
        return replace(findings, quality=(*findings.quality, verdict))


def _judged(findings: Findings, history: History, nodes: Sequence[Node], card: Card) -> Findings:
    model = importlib.import_module(CLASSIFIER).load_model(card)
    prior = next(iter(chosen_cards(PRIOR_ROLE, findings.cancer)), None)
    told = replace(findings, cancer=site_of(findings.cancer))  # models know sites, whose words an added cancer uses
    usual = importlib.import_module(PRIOR).priors_of(prior, told, nodes) if prior else {}
    answers = dict(zip((node.id for node in nodes), _answers(card, model, told, nodes, usual), strict=True))
    if prior and usual:
        alone = {node.id: _alone(card, model, told, node, usual) for node in nodes}
        answers = _weighed(prior, told, history, answers, alone)
    used = [card.id, *([prior.id] if prior and usual else [])]
    judged = tuple(
        replace(node, p_malignant=answer.p, reasons=answer.reasons, malignancy_model=card.id)
        if (answer := answers.get(node.id))
        else node
        for node in findings.nodes
    )
    return replace(findings, nodes=judged, models=tuple(dict.fromkeys((*findings.models, *used))))


def _answers(
    card: Card, model: Any, findings: Findings, nodes: Sequence[Node], priors: Mapping[str, float]
) -> list[Any]:
    """The classifier's answers, as far as they are worth on masks from where the nodes' came."""
    read_on = importlib.import_module(READING).read_on
    answers = importlib.import_module(CLASSIFIER).judge(model, findings, nodes, priors)
    return [
        replace(answer, p=round(read_on(card, node.source, answer.p), 4))
        for node, answer in zip(nodes, answers, strict=True)
    ]


def _alone(card: Card, model: Any, findings: Findings, node: Node, priors: Mapping[str, float]) -> float:
    """A node's chance by its own look, as if no other node had been seen."""
    answer = _answers(card, model, replace(findings, nodes=(node,)), [node], priors)[0]
    return float(answer.p * node.certainty)


def _weighed(
    card: Card, findings: Findings, history: History, answers: Mapping[str, Any], alone: Mapping[str, float]
) -> dict[str, Any]:
    """The answers, each moved by the prior of its level, with the reason added to those that look gave."""
    situations, level_prior = importlib.import_module(SITUATION), importlib.import_module(LEVEL_PRIOR)
    tumor = situations.tumor_situation(findings, history)
    weighed = dict(answers)
    for node in findings.nodes:
        if node.id not in answers:
            continue
        levels = situations.sure_levels(findings, history, alone, asked=node)
        prior = level_prior.level_prior(card, replace(tumor, levels=levels), node)
        if prior is not None:
            answer = answers[node.id]
            p, reasons = round(level_prior.moved(answer.p, prior), 4), (*answer.reasons, *prior.reasons)
            weighed[node.id] = replace(answer, p=p, reasons=reasons)
    return weighed
