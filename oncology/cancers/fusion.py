"""Which source wins for which fact, and why: the rules that the plug-ins follow, in a clinician's words.

A person's statement in review always comes first. Below that each fact has its own order, as no source is best at
everything: ultrasound sees the layers of a wall, CT sees fat between organs, PET sees what is active, and a needle
decides. What loses is kept, and a contradiction is shown beside the stage.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FusionRule:
    """`order`: sources, best first. `cancers`: empty for all. `keys`: the facts (and contradictions) it settles."""

    fact: str
    order: tuple[str, ...]
    why: str
    source: str
    cancers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


REVIEW = "a person in review"
RULES = (
    FusionRule(
        "malignancy of a node",
        (REVIEW, "needle or surgery (EBUS, EUS, FNA, mediastinoscopy)", "network on CT and PET", "short axis and SUV"),
        "a positive sample of a station proves one node of it, whatever its size; a negative one clears the station",
        "Silvestri 2013, Chest 143 suppl (size: sensitivity 0.55; PET: 0.77)",
        keys=("nodes",),
    ),
    FusionRule(
        "station of a node",
        (REVIEW, "the sample's label", "borders of the map on CT, with alternatives next to them"),
        "who sampled it saw it; a border on CT is known to a few millimeters",
        "Rusch 2009 (IASLC map); AJCC 8, chapters' maps",
    ),
    FusionRule(
        "distant metastasis",
        (REVIEW, "sample of the site", "PET and CT as candidates only"),
        "a candidate never decides M; the stage is given with and without it",
        "AJCC 8 general rules: cM0 without evidence; autoPET III on lung cancer, EJNMMI 2025",
        keys=("mets",),
    ),
    FusionRule(
        "histology",
        (REVIEW, "newest biopsy", "coded diagnosis"),
        "two that no common tumor can have are a contradiction and leave the choice open",
        "AJCC 8 general rules",
        keys=("histology",),
    ),
    FusionRule(
        "side of the tumor",
        (REVIEW, "contour on the images", "record"),
        "a side in a record is a word, on the images it is a place; when they differ, record and images may not belong "
        "together",
        "patient safety",
        ("lung",),
        keys=("tumor_side", "laterality"),
    ),
    FusionRule(
        "main bronchus, carina, trachea",
        (REVIEW, "bronchoscopy", "contact on CT"),
        "bronchoscopy sees the mucosa; CT sees that two things touch",
        "Rivera 2013, Chest 143 suppl",
        ("lung",),
        keys=("main_bronchus_involved",),
    ),
    FusionRule(
        "invasion of a neighbor",
        (REVIEW, "calibrated model of area, depth, fat plane, angle", "published angle or ceiling of contact alone"),
        "contact is not invasion; without a calibrated model only angles that were studied decide",
        "Glazer 1989; Picus 1983; Lu 1997",
        keys=("invaded_structures", "vessel_or_organ_involvement", "involved_structures"),
    ),
    FusionRule(
        "p16 of the oropharynx",
        (REVIEW, "p16 immunohistochemistry", "HPV test of the tissue: beside it, never in its place"),
        "the tables are chosen by p16; where p16 and HPV disagree, outcome differs and the board decides",
        "AJCC 8, ch. 10; Lewis 2018, Arch Pathol Lab Med 142:559; Mehanna 2023, Lancet Oncol 24:239",
        ("oropharynx",),
        keys=("nodes_p16_positive", "p16", "hpv", "p16_hpv"),
    ),
    FusionRule(
        "depth in the esophageal wall",
        (REVIEW, "endoscopic ultrasound", "wall thickness on CT"),
        "CT does not show the layers; EUS errs by one layer at times, and that doubt is kept",
        "Puli 2008, World J Gastroenterol 14:1479; Moss 1981",
        ("esophagus",),
        keys=("deepest_layer",),
    ),
    FusionRule(
        "place and length of an esophageal tumor",
        (REVIEW, "endoscopy", "middle line of the esophagus on CT", "coded diagnosis"),
        "endoscopy measures from the incisors and sees both ends of the tumor",
        "AJCC 8, ch. 16; Siewert 1998",
        ("esophagus",),
        keys=("tumor_location", "length_mm"),
    ),
    FusionRule(
        "part of the pancreas",
        (REVIEW, "place on CT where it is clear", "coded diagnosis"),
        "regional nodes differ between head and body or tail",
        "AJCC 8, ch. 28",
        ("pancreas",),
        keys=("subsite",),
    ),
    FusionRule(
        "vessels around the pancreas",
        (REVIEW, "calibrated model", "degrees of contact on CT"),
        "a vessel without a mask is unknown, not free",
        "Al-Hawary 2014, Radiology 270:248; Lu 1997, AJR 168:1439",
        ("pancreas",),
        keys=("vessel_or_organ_involvement",),
    ),
)


def rules_for(cancer: str) -> tuple[FusionRule, ...]:
    """The rules that hold for a cancer.

    >>> [rule.fact for rule in rules_for("pancreas")][-1]
    'vessels around the pancreas'
    """
    return tuple(rule for rule in RULES if not rule.cancers or cancer in rule.cancers)
