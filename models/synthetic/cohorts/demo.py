"""The demo patients, one for each group of cancers."""

from __future__ import annotations

from collections.abc import Mapping

from models.synthetic.ct import Scanner
from models.synthetic.frame import Build
from models.synthetic.neck_subsites import subsite_center
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
# Right vocal cord with the paraglottic space, the cord fixed: T3. One node of 24 mm on that side without extension: N1.
LARYNX = PatientPlan(
    cancer="larynx",
    build=Build(seed=31, scale=1.02, fat_mm=15.0, sex="male"),
    tumor=TumorPlan(
        home=("vocal_cord_right", "larynx_air"),
        center_lps=subsite_center(Build(seed=31, scale=1.02, fat_mm=15.0, sex="male"), "larynx", "vocal_cord", "right"),
        greatest_mm=24.0,
        invaded=("paraglottic_space_right",),
        along=("thyroid_cartilage_inner_cortex", "anterior_commissure", "false_vocal_cord_right"),
        suv=11.0,
        hu=28.0,
    ),
    location="vocal_cord",
    laterality="right",
    nodes=(
        NodePlan("III", 16.0, 24.0, True, 7.0, side="right", place=0.1, necrosis=0.3),
        NodePlan("II", 6.5, 12.0, False, 1.6, side="left", place=0.1, hilum=True),
        NodePlan("IB", 6.0, 10.0, False, 1.5, side="right", place=0.1, hilum=True),
    ),
    categories={"8": grouped("T3", "N1", "M0", "III")},
    record={
        "histology": "squamous", "subsite": "glottis", "ecog": 1, "smoking": "current", "age": 64,
        "vocal_cord_mobility": "fixed",
    },
    question="Larynx preservation, or surgery?",
    scanner=Scanner(spacing_mm=(1.25, 0.8, 0.8), noise_hu=12.0),
)  # fmt: skip
# Lower third, through the wall, no neighbor entered: T3. Two regional nodes: N1. Adenocarcinoma, so stage III.
ESOPHAGUS = PatientPlan(
    cancer="esophagus",
    build=Build(seed=42, scale=1.0, fat_mm=22.0, sex="male"),
    tumor=TumorPlan(
        home=("esophagus", "mediastinal_fat", "torso_fat"), center_lps=(8.0, 42.0, 92.0), greatest_mm=52.0, suv=12.0,
        hu=20.0, cuff_mm=4.5, ring=0.95,
    ),
    location="lower",
    laterality=None,
    nodes=(
        NodePlan("8Lo", 11.0, 15.0, True, 5.5, place=0.1),
        NodePlan("17", 12.0, 16.0, True, 6.0, place=0.1),
        NodePlan("7", 7.0, 13.0, False, 1.6, place=0.1, hilum=True),
    ),
    categories={"8": grouped("T3", "N1", "M0", "III")},
    record={
        "histology": "adenocarcinoma", "subsite": "lower", "ecog": 1, "smoking": "former", "age": 67, "eus_t": "T3",
        "endoscopy": {"distance_from_incisors_mm": 320.0, "tumor_length_mm": 50.0},
    },
    question="Chemoradiotherapy before surgery?",
)  # fmt: skip
# Head, 32 mm, off the three arteries: T2. One regional node: N1. Stage IIB.
PANCREAS = PatientPlan(
    cancer="pancreas",
    build=Build(seed=53, scale=1.0, fat_mm=18.0, sex="female"),
    tumor=TumorPlan(
        home=("pancreas_head", "pancreas", "torso_fat"), center_lps=(-29.0, 0.0, -38.0), greatest_mm=32.0,
        along=("common_bile_duct", "gastroduodenal_artery"),
        avoided=("celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery"), suv=5.5, hu=2.0,
    ),
    location="pancreas_head",
    laterality=None,
    nodes=(
        NodePlan("posterior_pancreaticoduodenal", 11.0, 15.0, True, 4.6, place=0.1),
        NodePlan("common_hepatic_artery", 6.5, 12.0, False, 1.5, place=0.1, hilum=True),
    ),
    categories={"8": grouped("T2", "N1", "M0", "IIB")},
    record={
        "histology": "adenocarcinoma", "subsite": "head", "ecog": 1, "smoking": "former", "age": 69, "ca_19_9": 310.0,
    },
    question="Resectable, borderline or locally advanced?",
    scanner=Scanner(spacing_mm=(1.25, 0.75, 0.75), noise_hu=13.0),
    pathology={"duct_wider_mm": 2.0},
)  # fmt: skip
DEMOS: Mapping[str, PatientPlan] = {"lung": LUNG, "larynx": LARYNX, "esophagus": ESOPHAGUS, "pancreas": PANCREAS}
DEMO = LUNG
