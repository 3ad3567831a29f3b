"""The demo patients, one for each group of cancers."""

from __future__ import annotations

from collections.abc import Mapping

from models.synthetic.frame import Build
from models.synthetic.plan import NodePlan, PatientPlan, TumorPlan, grouped

# A tumor of 38 mm in the right upper lobe, 4R proven by EBUS, 10R suspicious, 7 unremarkable. By the definitions: T2a
# (over 30 up to 40 mm), N2 by one N2 station, so N2a in the 9th edition, M0.
LUNG = PatientPlan(
    cancer="lung",
    build=Build(seed=20, scale=0.98, fat_mm=18.0, sex="female"),
    tumor=TumorPlan(home=("lung_upper_lobe_right",), center_lps=(-64.0, -4.0, 196.0), greatest_mm=38.0, suv=9.0),
    location="lung_upper_lobe_right",
    laterality="right",
    nodes=(
        NodePlan("4R", 14.0, 20.0, True, 7.5, place=0.1),
        NodePlan("10R", 11.0, 15.0, True, 5.6, place=0.1),
        NodePlan("7", 8.0, 14.0, False, 1.7, place=0.1, hilum=True),
    ),
    categories={"8": grouped("T2a", "N2", "M0", "IIIA"), "9": grouped("T2a", "N2a", "M0", "IIIA")},
    sampled=("4R", "7"),
    record={
        "histology": "adenocarcinoma", "ecog": 1, "smoking": "former", "age": 66, "fev1_percent": 84.0,
        "dlco_percent": 71.0,
    },
    question="Resectable? Induction treatment?",
)  # fmt: skip
DEMOS: Mapping[str, PatientPlan] = {"lung": LUNG}
DEMO = LUNG
