"""The decisions of T that hang on invasion alone, on drawn tumors of held-out patients.

A tumor's contacts are taken through the cancer's own reading of them, as in staging: the model's probability where it
has one, the published ceilings elsewhere. The words of each category come from the tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from oncology.cancers import esophagus, larynx, lung, pancreas
from oncology.findings import CaseId, Findings, History, Tumor
from oncology.invasion.judgement import figures_of
from oncology.invasion.model import InvasionModel, InvasionRow, with_invasion
from oncology.tnm.loader import TABLES_PATH

WordOf = Callable[[str], str | None]
# Drawn masks of the larynx, without sides, and the words of its tables.
LARYNX_WORDS: Mapping[str, str] = {
    "thyroid_cartilage_inner_cortex": "thyroid_cartilage_inner_cortex",
    "thyroid_cartilage_outer_cortex": "thyroid_cartilage_outer_cortex",
    "cricoid_cartilage": "cricoid_cartilage",
    "pre_epiglottic_space": "pre_epiglottic_space",
    "postcricoid_area": "postcricoid_area",
    "thyroid_gland": "thyroid_gland",
    "trachea": "trachea",
    "esophagus": "esophagus",
    "paraglottic_space": "paraglottic_space",
    "strap_muscles": "strap_muscles",
}


def _larynx_word(structure: str) -> str | None:
    return LARYNX_WORDS.get(structure.removesuffix("_left").removesuffix("_right"))


def _pancreas_word(structure: str) -> str | None:
    return next((word for word, names in pancreas.SHOWN_BY.items() if structure in names), None)


@dataclass(frozen=True)
class Decision:
    """One question of T.

    Attributes:
        table: file of the table, below the tables' folder; `entry`: its input that names the structures.
        groups: of the input's groups, those that answer with yes; empty for an input that has no groups.
        word_of: the table's word of a drawn mask, None where it has none.
        fact: of the cancer's plug-in, where the words are found with their probabilities.
    """

    name: str
    cancer: str
    table: str
    entry: str
    groups: tuple[str, ...]
    word_of: WordOf
    fact: str

    def words(self) -> frozenset[str]:
        """The words of structures whose invasion decides."""
        entry = yaml.safe_load((TABLES_PATH / self.table).read_text(encoding="utf-8"))["inputs"][self.entry]
        listed = [entry["any_of"]] if not self.groups else [entry["highest"][group] for group in self.groups]
        return frozenset(word for words in listed for word in words)


LUNG, ESOPHAGUS = "tnm9/lung_t_clinical.yaml", "tnm8/esophagus_t.yaml"
PANCREAS, LARYNX = "tnm8/pancreas_t.yaml", "tnm8/larynx_glottis_t.yaml"
INVADED, INVOLVED = "invaded_structures", "vessel_or_organ_involvement"
DECISIONS = (
    Decision("lung T3 or more", "lung", LUNG, "invades", ("t3", "t4"), lung.invaded_name, INVADED),
    Decision("lung T4", "lung", LUNG, "invades", ("t4",), lung.invaded_name, INVADED),
    Decision("esophagus T4b", "esophagus", ESOPHAGUS, "invades", ("t4b",), esophagus.invaded_name, INVADED),
    Decision("pancreas T4", "pancreas", PANCREAS, "arteries", (), _pancreas_word, INVOLVED),
    Decision("larynx T3 or more", "larynx", LARYNX, "invades", ("t3", "t4a"), _larynx_word, INVADED),
    Decision("larynx T4a", "larynx", LARYNX, "invades", ("t4a",), _larynx_word, INVADED),
)  # fmt: skip


def judge_decisions(rows: Iterable[InvasionRow], model: InvasionModel | None) -> dict[str, dict[str, Any]]:
    """Figures by decision; those of which there are no tumors on both sides are not named.

    Args:
        rows: of held-out patients; only tumors measured one way at a time (those with a view) are taken.
        model: None to judge the published ceilings alone.
    """
    tumors: dict[str, dict[tuple[str, str], list[InvasionRow]]] = {}
    for row in rows:
        if row.view:
            of_cancer = tumors.setdefault(row.patient.rsplit("-", 2)[0], {})
            of_cancer.setdefault((row.patient, row.view), []).append(row)
    judged = {decision.name: _judged(decision, tumors.get(decision.cancer, {}), model) for decision in DECISIONS}
    return {name: figures for name, figures in judged.items() if figures["invaded"] and figures["free"]}


def _judged(
    decision: Decision, tumors: Mapping[tuple[str, str], list[InvasionRow]], model: InvasionModel | None
) -> dict[str, Any]:
    words = decision.words()
    patients: dict[str, list[tuple[bool, float]]] = {}
    for (patient, _), rows in tumors.items():
        truth = any(row.invaded and decision.word_of(row.contact.structure) in words for row in rows)
        tumor = replace(rows[0].tumor, contacts=tuple(row.contact for row in rows))
        tumor = tumor if model is None else with_invasion(tumor, model)
        patients.setdefault(patient, []).append((truth, _probability(decision, tumor, words)))
    return figures_of(list(patients.values()))


def _probability(decision: Decision, tumor: Tumor, words: frozenset[str]) -> float:
    """P(any of the words is invaded), the structures taken as independent, as the tables' engine takes them."""
    said = _read_by_plugin(decision, tumor)
    return 1.0 - math.prod(1.0 - p for word, p in said.items() if word in words)


def _read_by_plugin(decision: Decision, tumor: Tumor) -> dict[str, float]:
    """What the cancer's plug-in makes of the contacts, without any record."""
    plugin = PLUGINS[decision.cancer]
    facts = plugin.derive(Findings(CaseId("0" * 16), decision.cancer, (tumor,)), History((), ()))
    value = next((fact.value for fact in facts.t if fact.key == decision.fact), None) or {}
    members = value if isinstance(value, Mapping) else dict.fromkeys(value, True)
    return {word: _chance(member) for word, member in members.items()}


def _chance(member: Any) -> float:
    return float(member["p"]) if isinstance(member, Mapping) else float(bool(member))


PLUGINS = {plugin.key: plugin for plugin in (lung.CANCER, esophagus.CANCER, pancreas.CANCER, larynx.CANCER)}
