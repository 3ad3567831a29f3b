"""Which source wins for which fact, and why: the rules that the plug-ins follow, in a clinician's words.

A person's statement in review always comes first. Below that each fact has its own order, as no source is best at
everything: ultrasound sees the layers of a wall, CT sees fat between organs, PET sees what is active, and a needle
decides. What loses is kept, and a contradiction is shown beside the stage.
"""

from __future__ import annotations

from dataclasses import dataclass

from oncology.findings import NECK_SITES


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
TRUNK = ("lung", "esophagus", "pancreas")
CONTACT = ("calibrated model of area, depth, fat plane, angle", "published angle or ceiling of contact alone")
RULES = (
    FusionRule(
        "malignancy of a node",
        (REVIEW, "needle or surgery (EBUS, EUS, FNA, mediastinoscopy)", "network on CT and PET", "short axis and SUV"),
        "a positive sample of a station proves one node of it, whatever its size; a negative one clears the station, "
        "and is shown where images speak for tumor",
        "Silvestri 2013, Chest 143 suppl (size: sensitivity 0.55; PET: 0.77)",
        TRUNK,
        keys=("nodes",),
    ),
    FusionRule(
        "malignancy of a node",
        (REVIEW, "needle", "network on CT and PET", "short axis, necrosis and SUV"),
        "a sample speaks of the most suspicious node of its level and side; without a side it counts where nodes of "
        "its level lie on one side alone, else N stays open; a negative one is shown where images speak for tumor",
        "de Bondt 2007, Eur J Radiol 64:266; Kyzas 2008, J Natl Cancer Inst 100:712",
        NECK_SITES,
        keys=("nodes",),
    ),
    FusionRule(
        "extension beyond a node",
        (REVIEW, "examination", "signs on CT with a network, in doubt"),
        "only what a hand feels or sees makes it overt; imaging alone leaves it possible",
        "AJCC 8, ch. 5; Henson 2024, Lancet Oncol 25:e297",
        NECK_SITES,
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
        "regions that were imaged",
        (REVIEW, "organs that the scan shows"),
        "without metastases M0 holds for what was imaged; the rest is asked for",
        "AJCC 8 general rules: cM0 without evidence",
        keys=("regions_not_imaged",),
    ),
    FusionRule(
        "size of the tumor",
        (REVIEW, "contour on the images", "contour of a network, with its error"),
        "a network's border is off by some millimeters, which stays a doubt until a person confirms it",
        "AJCC 8, general rules; Eisenhauer 2009, Eur J Cancer 45:228",
        ("lung", "pancreas", *NECK_SITES),
        keys=("greatest_dimension_mm",),
    ),
    FusionRule(
        "second cancer",
        (REVIEW, "coded diagnosis with its date"),
        "synchronous primaries are staged one by one; where the record leaves it open, it is shown",
        "SEER and IARC rules for multiple primaries",
        keys=("second_primary",),
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
        ("lung", *NECK_SITES),
        keys=("tumor_side", "laterality"),
    ),
    FusionRule(
        "main bronchus, carina, trachea",
        (REVIEW, "bronchoscopy", "contact on CT"),
        "bronchoscopy sees the mucosa; CT sees that two things touch",
        "Rivera 2013, Chest 143 suppl",
        ("lung",),
        keys=("main_bronchus_involved", "distance_to_carina_mm"),
    ),
    FusionRule(
        "visceral pleura",
        (REVIEW, "record", "contact on CT"),
        "imaging cannot see the elastic layer, so that contact stays a doubt",
        "Travis 2008, J Thorac Oncol 3:1384",
        ("lung",),
        keys=("visceral_pleura_invasion",),
    ),
    FusionRule(
        "collapse or pneumonitis behind the tumor",
        (REVIEW, "record", "airless lung on CT that reaches the hilum"),
        "tumor and airless lung look alike on CT",
        "Rami-Porta 2015, J Thorac Oncol 10:990",
        ("lung",),
        keys=("atelectasis_or_obstructive_pneumonitis",),
    ),
    FusionRule(
        "separate tumor nodules",
        (REVIEW, "record", "second tumor that a person drew", "second tumor that a network proposes, in doubt"),
        "most small nodules beside an operable lung cancer are benign, so that a proposal never decides alone",
        "Yuan 2003, AJR 180:1037; Cronin 2008, Radiology 246:772",
        ("lung",),
        keys=("separate_nodules",),
    ),
    FusionRule(
        "solid part of the tumor",
        (REVIEW, "attenuation on CT"),
        "part-solid tumors are staged by their solid part",
        "Travis 2016, J Thorac Oncol 11:1204",
        ("lung",),
        keys=("density", "solid_component_mm"),
    ),
    FusionRule(
        "tumor without a visible mass",
        (REVIEW, "mass on CT"),
        "a tumor that is measured is neither occult nor confined to the bronchial wall",
        "AJCC 8, ch. 36",
        ("lung",),
        keys=("superficial_spreading_bronchial_wall_only", "positive_cytology_no_visible_tumor"),
    ),
    FusionRule(
        "invasion of a neighbor",
        (REVIEW, "bronchoscopy for carina and trachea", *CONTACT),
        "contact is not invasion; a structure without a mask is unknown, not free",
        "Glazer 1989, Radiology 173; Rivera 2013, Chest 143 suppl",
        ("lung",),
        keys=("invaded_structures",),
    ),
    FusionRule(
        "invasion of a neighbor",
        (REVIEW, "endoscopic ultrasound", *CONTACT),
        "endoscopic ultrasound sees what the wall lies against; a structure that neither it nor a mask shows is "
        "unknown, not free",
        "Puli 2008, World J Gastroenterol 14:1479; Picus 1983, Radiology 146:433",
        ("esophagus",),
        keys=("invaded_structures",),
    ),
    FusionRule(
        "invasion of a neighbor",
        (REVIEW, "endoscopy or examination", *CONTACT),
        "what an examination names or denies wins; contact is not invasion, and a structure without a mask is unknown",
        "AJCC 8, ch. 7, 9, 10, 11 and 13; Yousem 1995, Radiology 195:715",
        NECK_SITES,
        keys=("invaded_structures", "involved_structures"),
    ),
    FusionRule(
        "spread along the mucosa",
        (REVIEW, "endoscopy or examination", "contact on CT"),
        "endoscopy sees the lining; CT sees what lies beside it",
        "AJCC 8, ch. 11 and 13",
        ("larynx", "hypopharynx"),
        keys=("mucosal_extension", "adjacent_site_extension"),
    ),
    FusionRule(
        "subsite of the tumor",
        (REVIEW, "endoscopy", "coded diagnosis", "masks of the subsites on CT"),
        "the subsite is where the tumor starts, which is seen in the lumen",
        "AJCC 8, ch. 11 and 13",
        ("larynx", "hypopharynx"),
        keys=("subsites_involved", "subsites_count", "subsite"),
    ),
    FusionRule(
        "subsite of the tumor",
        (REVIEW, "coded diagnosis"),
        "the subsite is told in the report and decides no category",
        "AJCC 8, ch. 7",
        ("oral_cavity",),
        keys=("subsite",),
    ),
    FusionRule(
        "mobility of the vocal cords",
        (REVIEW, "endoscopy", "spread into what moves the cord on CT, in doubt"),
        "images do not show movement; a cord is mostly fixed where the tumor deeply enters what moves it",
        "Hirano 1991, Acta Otolaryngol 111:449",
        ("larynx", "hypopharynx"),
        keys=("vocal_cord_mobility",),
    ),
    FusionRule(
        "fixation of the hemilarynx",
        (REVIEW, "endoscopy or examination", "mobility of the vocal cords"),
        "a fixed cord is its sign",
        "AJCC 8, ch. 11",
        ("hypopharynx",),
        keys=("hemilarynx_fixation",),
    ),
    FusionRule(
        "depth of invasion",
        (REVIEW, "measurement in the record (palpation, ultrasound, MRI, specimen)", "endoscopy", "thickness on CT"),
        "thickness on CT counts what grows outward as well and scatters by some millimeters, which stays a doubt",
        "Chin 2020, doi 10.1016/j.ijom.2020.09.025; Madana 2015, J Otolaryngol Head Neck Surg 44:49",
        ("oral_cavity",),
        keys=("depth_of_invasion_mm",),
    ),
    FusionRule(
        "unknown primary",
        (REVIEW, "tumor that is measured on the images", "endoscopy"),
        "T0 needs an endoscopist or a person who looked and found no primary; images alone leave it open",
        "AJCC 8, ch. 6",
        ("oropharynx", "nasopharynx"),
        keys=("primary_identified",),
    ),
    FusionRule(
        "EBV of the nasopharynx",
        (REVIEW, "EBV test of the tissue"),
        "a node with EBV and no primary is staged as nasopharynx; results that contradict leave it open",
        "AJCC 8, ch. 6 and 9",
        ("nasopharynx",),
        keys=("nodes_ebv_positive", "ebv"),
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
        "in situ or invasive",
        (REVIEW, "newest biopsy", "solid mass on CT"),
        "a solid mass is taken as invasive; of an IPMN only a person or pathology tells",
        "AJCC 8, ch. 28",
        ("pancreas",),
        keys=("lesion",),
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
