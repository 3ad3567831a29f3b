"""How likely a node of the neck is malignant, from size, necrosis and uptake, until a trained classifier says more.

The figures are published ones where one is named beside them; none is fitted to our own data.
"""

from __future__ import annotations

from oncology.findings import Node

# Shortest axial diameter from which a node counts as enlarged (van den Brekel 1990, Radiology 177:379;
# retropharyngeal: Zhang 2010, Radiology 255:605).
ENLARGED_MM = {"II": 11.0, "RP": 6.0}
ENLARGED_ELSEWHERE_MM = 10.0
# CT of cervical nodes, meta-analysis (de Bondt 2007, Eur J Radiol 64:266).
SIZE_SENSITIVITY, SIZE_SPECIFICITY = 0.81, 0.76
# PET of cervical nodes, meta-analysis (Kyzas 2008, J Natl Cancer Inst 100:712); read at SUVmax 2.5 as commonly done.
PET_SENSITIVITY, PET_SPECIFICITY = 0.79, 0.86
SUV_POSITIVE = 2.5
# Necrosis: the surest sign on CT, seen in a minority of metastases (van den Brekel 1990); rounded, and below certainty
# as cysts, abscesses and fatty hila are mistaken for it.
NECROSIS_SENSITIVITY, NECROSIS_SPECIFICITY = 0.32, 0.97
# Of the nodes that imaging shows in these patients some three in ten are involved (rounded; ours).
PRIOR = 0.3


def neck_malignancy(node: Node) -> float:
    """Probability by Bayes' rule, signs taken as independent; necrosis that was not looked for counts for nothing."""
    odds = PRIOR / (1 - PRIOR)
    enlarged = node.short_axis_mm >= ENLARGED_MM.get(node.station or "", ENLARGED_ELSEWHERE_MM)
    odds *= _ratio(enlarged, SIZE_SENSITIVITY, SIZE_SPECIFICITY)
    if node.necrosis is not None:
        odds *= _ratio(node.necrosis, NECROSIS_SENSITIVITY, NECROSIS_SPECIFICITY)
    if node.suv_max is not None:
        odds *= _ratio(node.suv_max >= SUV_POSITIVE, PET_SENSITIVITY, PET_SPECIFICITY)
    return round(odds / (1 + odds), 3)


def _ratio(positive: bool, sensitivity: float, specificity: float) -> float:
    return sensitivity / (1 - specificity) if positive else (1 - sensitivity) / specificity
