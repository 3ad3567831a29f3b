"""How likely a level of the neck is involved before anybody looks at its nodes: the model of real patients' tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import xgboost

from models.card import Card
from models.involvement.model import features, load, predict
from models.involvement.situation import level_of
from models.involvement.tables import LEVELS, SIDES, TablePatient
from models.registry import weights_path
from oncology.findings import Findings, Laterality, Node

# The subsite that a site's usual tumor arises in (ICD-O-3), as the tables name subsites.
USUAL_SUBSITE = {"larynx": "C32", "hypopharynx": "C13", "oropharynx": "C09", "oral_cavity": "C02"}


@lru_cache(maxsize=2)
def _booster(path: Path, _sha256: str) -> xgboost.Booster:
    return load(path)


def priors_of(card: Card, findings: Findings, nodes: Sequence[Node]) -> dict[str, float]:
    """By node id the chance that its level is involved, by site and side, were all other levels clear.

    Nodes without a level are left out. Levels of which nothing is said make the tables' model answer far too high.

    Raises:
        ModelError: the weights are not whole.
    """
    subsite, tumor = USUAL_SUBSITE.get(findings.cancer), findings.primary
    if subsite is None:
        return {}
    clear = {(side, level): False for side in SIDES for level in LEVELS}
    patient = TablePatient("", subsite, None, None, None, clear)
    asked = {node.id: (_side(node, tumor.laterality if tumor else None), level_of(node.station)) for node in nodes}
    known = {key: (side, level) for key, (side, level) in asked.items() if level is not None}
    if not known:
        return {}
    rows = np.array([features(patient, side, level) for side, level in known.values()], np.float32)
    chances = predict(_booster(weights_path(card), card.sha256), rows)
    return dict(zip(known, map(float, chances), strict=True))


def _side(node: Node, tumor_side: Laterality | None) -> str:
    """On the tumor's side, unless the node clearly lies on the other."""
    sides = (node.laterality, tumor_side)
    across = None not in sides and Laterality.MIDLINE not in sides and node.laterality is not tumor_side
    return SIDES[1] if across else SIDES[0]
