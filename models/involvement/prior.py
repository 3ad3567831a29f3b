"""How likely a neck level is involved in one situation, how far that moves a node, and the words for its reader.

What is not known is averaged over: p16 by its share in the tables, T by its chances, a side over both. The answer is
held against what the same tables say of the level when nothing but site and side is known, which is what the
classifier of nodes was trained with: by Bayes' rule the difference in log odds moves the node's chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import xgboost

from models.card import Card
from models.involvement.model import features, is_oropharynx, load, predict
from models.involvement.situation import SIDED, Place, Situation, level_of
from models.involvement.tables import LEVELS, SIDES, TablePatient
from models.registry import weights_path
from oncology.cancers.spread import CERTAIN
from oncology.findings import Laterality, Node

P16_POSITIVE = 427 / 700  # of the tables' oropharyngeal tumors with a result
# A level's chance is not a node's, and nodes around it were already seen by the classifier: at most this many times
# the odds, so that no prior alone turns a node that looks benign (10 %) into a suspected one (ours).
MOST_TIMES = 4.0
LEAST, MOST = 0.005, 0.995  # as the classifier's: no prior makes certain
UNMOVED = 0.05  # log odds; less is no reason
TOLD_T = 0.2  # chance from which a T category is named
# Topography (ICD-O-3) of a site, and of its parts where the tables tell them apart.
SITES: Mapping[str, str] = {"larynx": "C32", "hypopharynx": "C13", "oropharynx": "C09", "oral_cavity": "C06"}
PARTS: Mapping[str, Mapping[str, str]] = {
    "oropharynx": {
        "tonsil": "C09", "base_of_tongue": "C01", "soft_palate": "C05.1", "vallecula": "C10",
        "lateral_wall": "C10", "posterior_wall": "C10",
    },
    "oral_cavity": {"oral_tongue": "C02", "floor_of_mouth": "C04"},
}  # fmt: skip


@dataclass(frozen=True)
class Prior:
    """`p`: chance that the level is involved, all known things told; `usual`: with nothing but site and side known."""

    p: float
    usual: float
    words: str

    @property
    def push(self) -> float:
        """Log odds that it adds to a node's chance, bounded."""
        return float(np.clip(_log_odds(self.p) - _log_odds(self.usual), -math.log(MOST_TIMES), math.log(MOST_TIMES)))

    @property
    def reasons(self) -> tuple[str, ...]:
        """As the classifier gives its own; none where it moves nothing."""
        way = "for" if self.push > 0 else "against"
        return (f"{way}: {self.words}",) if abs(self.push) >= UNMOVED else ()


def moved(p: float, prior: Prior) -> float:
    """A node's chance of malignancy with the prior; never lowered by a higher prior, and what is certain stays.

    >>> moved(0.3, Prior(0.5, 0.5, "")), round(moved(0.5, Prior(0.5, 0.2, "")), 3)
    (0.3, 0.8)
    """
    if prior.push == 0.0 or p in CERTAIN:
        return p
    odds = math.exp(_log_odds(p) + prior.push)
    return min(max(odds / (1.0 + odds), LEAST), MOST)


def _log_odds(p: float) -> float:
    held = min(max(p, 1e-6), 1.0 - 1e-6)
    return math.log(held / (1.0 - held))


@lru_cache(maxsize=2)
def _booster(path: Path, _sha256: str) -> xgboost.Booster:
    return load(path)


def level_prior(card: Card, situation: Situation, node: Node) -> Prior | None:
    """The prior of a node's level; None for a site or a level that the tables do not hold.

    Raises:
        ModelError: the weights are not whole.
    """
    level = level_of(node.station)
    if situation.site not in SITES or level is None:
        return None
    booster = _booster(weights_path(card), card.sha256)
    side = node.laterality if node.laterality in SIDED else None
    p = level_chance(booster, situation, side, level)
    usual = level_chance(booster, Situation(situation.site, tumor_side=situation.tumor_side), side, level)
    return Prior(p, usual, f"prior {p:.2f} of {_level_words(side, level)}, {_why(situation, side, level, basis(card))}")


def level_chance(booster: xgboost.Booster, situation: Situation, side: Laterality | None, level: str) -> float:
    """Chance that a level is involved, averaged over what is not known.

    Args:
        side: of the level; None where the node's side is not told.
    """
    rows, weights = zip(*_cases(situation, side, level), strict=True)
    return float(np.average(predict(booster, np.array(rows, np.float32)), weights=np.array(weights)))


def _cases(situation: Situation, side: Laterality | None, level: str) -> Iterator[tuple[list[float], float]]:
    """Rows of the tables' model and their weights, one for each thing that may be so."""
    topography = PARTS.get(situation.site, {}).get(situation.subsite or "", SITES[situation.site])
    p16: dict[bool | None, float] = {situation.p16: 1.0}
    if situation.p16 is None and is_oropharynx(topography):
        p16 = {True: P16_POSITIVE, False: 1.0 - P16_POSITIVE}
    chances: list[tuple[int | None, float]] = [*situation.t.items()] or [(None, 1.0)]
    tumor_sides = (situation.tumor_side,) if situation.tumor_side in SIDED else SIDED
    sides = SIDED if side is None else (side,)
    told = {place: status for place, status in situation.levels.items() if place[1] != level or place[0] not in sides}
    for (hpv, share), (t, chance), tumor_side, one in product(p16.items(), chances, tumor_sides, sides):
        involved = {_seen_from(tumor_side, place): status for place, status in told.items()}
        patient = TablePatient("", topography, t, hpv, situation.midline, involved)
        yield features(patient, *_seen_from(tumor_side, (one, level))), share * chance


def _seen_from(tumor_side: Laterality | None, place: Place) -> tuple[str, str]:
    """Side as the tables tell it: the tumor's or the other."""
    return (SIDES[0] if place[0] is tumor_side else SIDES[1]), place[1]


def _level_words(side: Laterality | None, level: str) -> str:
    return f"level {level}{f' {side}' if side else ''}"


def basis(card: Card) -> str:
    """What a prior rests on, for its reader: the tables and their patients, or the hospital's own model."""
    patients = sum(figure.n for figure in card.figures if figure.name == "AUC")
    return f"lyDATA n = {patients}" if card.source == "embedded" else card.id


def _why(situation: Situation, side: Laterality | None, level: str, rests_on: str) -> str:
    """What the prior came from, in phrases that are apart by commas."""
    known = PARTS.get(situation.site, {})
    part = situation.subsite if situation.subsite in known else None
    told = [situation.site.replace("_", " "), *([part.replace("_", " ")] if part else [])]
    named = [f"T{name}" for name, p in situation.t.items() if p >= TOLD_T]
    told.append("/".join(named) or "T unknown")
    if situation.site == "oropharynx":
        told.append({True: "p16 positive", False: "p16 negative", None: "p16 unknown"}[situation.p16])
    told += ["over the midline"] if situation.midline else []
    own = {(one, level) for one in (SIDED if side is None else (side,))}
    others = {place: status for place, status in situation.levels.items() if place not in own}
    told += [f"{_level_words(*place)} involved" for place in sorted(others, key=_rank) if others[place]]
    if others and not any(others.values()):
        told.append("no other level known to be involved")
    return ", ".join([*told, rests_on])


def _rank(place: Place) -> tuple[int, int]:
    return SIDED.index(place[0]), LEVELS.index(place[1])
