"""What the nodes of one patient say of each other, and what of the nodes that no network found.

A classifier judges every node by itself. Taken as independent, three nodes of 0.3 leave N0 a third, though nodes of a
patient without spread are all benign together; and beside a node that is proven, a doubtful one is malignant more
often than elsewhere. Both are measured on synthetic patients (`python -m models.training.company`; the numbers below
on 312 of seeds 1010, 8200 to 8500 and 8600).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oncology.findings import NECK_SITES


@dataclass(frozen=True)
class Company:
    """How a region's nodes go together; logits add.

    Attributes:
        spared: added to the logit of "none of the nodes seen is malignant".
        among_others: added to the logit of one node where some node is malignant.
        missed: malignant nodes that no network finds, for each that is found.
    """

    spared: float
    among_others: float
    missed: float = 0.0


# Fitted with every probability of the classifier as it was given: slopes of both logits, and the rest by region.
SPARED_SLOPE, NODE_SLOPE = 0.81, 0.89
COMPANY: Mapping[str, Company] = {
    **dict.fromkeys(NECK_SITES, Company(0.46, 0.29)),
    "lung": Company(0.46, 0.10),
    "esophagus": Company(0.85, 0.43, 0.07),
    "pancreas": Company(0.05, 0.97, 0.13),
}
MOST, LEAST = 0.999, 0.001  # of a probability that enters
# Where "none is malignant" is likelier than the second, the nodes leave it its measured chance; below the first each
# keeps its own beside the others; in between some of both.
DOUBT = (0.02, 0.12)
LEAST_MISSED = 0.02  # a smaller chance of a missed node is not told


def together(chances: Sequence[float], site: str, *, spread: bool) -> list[float]:
    """Chances of nodes of one patient, as independent ones that leave "none is malignant" what it is measured to have.

    Args:
        chances: by the classifier, each by itself.
        site: key of the cancer's site; one that was not measured keeps its chances.
        spread: a regional node is proven malignant.
    """
    own = COMPANY.get(site)
    if own is None or not chances:
        return list(chances)
    inside = [min(max(p, LEAST), MOST) for p in chances]
    shifted = [_chance(own.among_others + NODE_SLOPE * _logit(p)) for p in inside]
    if spread:
        return shifted
    spared = _chance(own.spared + SPARED_SLOPE * _logit(math.prod(1.0 - p for p in inside)))
    power = math.log(spared) / sum(math.log1p(-p) for p in shifted)
    doubt = min(max((spared - DOUBT[0]) / (DOUBT[1] - DOUBT[0]), 0.0), 1.0)
    return [doubt * (1.0 - (1.0 - p) ** power) + (1.0 - doubt) * p for p in shifted]


def missed(chances: Sequence[float], site: str) -> float:
    """How likely one more regional node is malignant and was not found; 0 where that is too little to tell.

    Args:
        chances: of all regional nodes, 1 for proven ones.
    """
    own = COMPANY.get(site)
    if own is None:
        return 0.0
    spread = 1.0 - math.prod(1.0 - p for p in chances)
    chance = min(0.5, own.missed * sum(chances) * spread)
    return round(chance, 3) if chance >= LEAST_MISSED else 0.0


def _logit(p: float) -> float:
    return math.log(p) - math.log1p(-p)


def _chance(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
