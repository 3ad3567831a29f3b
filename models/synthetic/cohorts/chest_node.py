"""Nodes of the chest as malignant and benign ones are: as hard to tell as reviews report.

Per patient with any malignant mediastinal node, short axis >= 10 mm finds 51-55% at 81-86% specificity, FDG uptake
above 2.5 finds 74-80% at 85-88% (Silvestri 2013, Chest 143 suppl). Fat in the hilum, roundness, border and necrosis
help a little beyond (Ying and Ahuja 2003). A border rough by tenths of a millimeter is not seen on voxels of a CT: the
roughest ones are drawn as a CT shows them, ill defined with stranded fat around (47% of malignant nodes and 11% of
benign ones; how often is assumed).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.synthetic.cohorts.chance import lognormal
from models.synthetic.plan import NodePlan

# Short axis: median mm and spread of its logarithm; uptake likewise (SUVmax as the scan shows it).
SHORT_MM = {True: (8.45, 0.33), False: (6.4, 0.27)}
SUV = {True: (2.98, 0.62), False: (1.45, 0.29)}
RISES_WITH_SIZE = 0.45  # exponent of uptake over size
LEAST_MM = 4.5
ROUGHNESS, ROUGHNESS_SPREAD = {True: 0.078, False: 0.05}, 0.024
ILL_DEFINED = 0.08  # roughness from which a border is


def chest_node(station: str, malignant: bool, random: np.random.Generator) -> NodePlan:
    """A node of the chest or the upper abdomen."""
    short = lognormal(random, *SHORT_MM[malignant], LEAST_MM, 24.0)
    level, spread = SUV[malignant]
    level *= (short / SHORT_MM[malignant][0]) ** RISES_WITH_SIZE
    longer = random.uniform(1.05, 1.7) if malignant else random.uniform(1.15, 2.0)
    necrotic = malignant and short > 11.0 and random.random() < 0.3
    plan = NodePlan(
        station,
        short,
        short * float(longer),
        malignant,
        lognormal(random, level, spread, 0.9, 20.0),
        place=float(random.random()),
        necrosis=float(random.uniform(0.15, 0.4)) if necrotic else 0.0,
        hilum=bool(random.random() < (0.18 if malignant else 0.45)),
        roughness=float(np.clip(random.normal(ROUGHNESS[malignant], ROUGHNESS_SPREAD), 0.015, 0.2)),
    )
    return replace(plan, infiltrates=plan.roughness > ILL_DEFINED)
