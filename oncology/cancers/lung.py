"""Lung cancer: measurements and record to the facts that its T, N and M tables ask for."""

from __future__ import annotations

from typing import Any

from oncology.cancers.evidence import (
    BRONCHUS_CEILING,
    COLLAPSE,
    PLEURA_CEILING,
    contact_probability,
    doubtful,
    from_node,
    from_record,
    from_tumor,
    invasion_probabilities,
    known,
    largest,
    malignancy_probability,
    station_results,
    unknown,
    whole_mm,
)
from oncology.cancers.protocol import CancerPlugin
from oncology.findings import Fact, Facts, Findings, History, Laterality, Node, Tumor
from oncology.tnm.vocabulary import vocabulary

# A mask's structure name -> the vocabulary's invaded structure. A structure without a mask stays unknown
# only where the tumor reaches the region it lies in.
INVADED = {
    "chest_wall": "chest_wall",
    "bones": "chest_wall",
    "mediastinum": "mediastinum",
    "spine": "vertebral_body",
    "trachea": "trachea",
    "heart": "heart",
    "aorta": "great_vessels",
    "pulmonary_artery": "great_vessels",
    "superior_vena_cava": "great_vessels",
    "pulmonary_vein": "great_vessels",
    "brachiocephalic_trunk": "supra_aortic_artery",
    "esophagus": "esophagus",
    "diaphragm": "diaphragm",
}
MAIN_BRONCHI = ("main_bronchus_left", "main_bronchus_right")
SOLID_BEYOND_IN_SITU_MM = (
    5.0  # a solid part above 5 mm rules out in situ and minimally invasive disease (Travis 2016, JTO 11)
)
MUST_IMAGE = {
    "brain": "brain metastases are common and need MRI",
    "abdomen": "liver and adrenal glands were not seen as such",
}
IN_SITU = {"adenocarcinoma_in_situ", "minimally_invasive_adenocarcinoma"}
LOBES = (
    "lung_upper_lobe_left",
    "lung_lower_lobe_left",
    "lung_upper_lobe_right",
    "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)


def derive(findings: Findings, history: History) -> Facts:
    """Facts for T, N and M of one lung cancer."""
    primary = largest(findings.tumors)
    return Facts(
        site="lung",
        subset=None,
        t=_t_facts(primary, findings, history) if primary else _no_tumor(),
        n=_n_facts(primary, findings, history),
        m=(_mets(findings, history), _not_imaged(findings)),
        conflicts=(*history.conflicts,),
    )


def _no_tumor() -> tuple[Fact, ...]:
    reason = "no tumor was contoured or found; draw it or name the contour"
    return (unknown("greatest_dimension_mm", reason), unknown("invaded_structures", reason))


def _t_facts(primary: Tumor, findings: Findings, history: History) -> tuple[Fact, ...]:
    return (
        _size(primary),
        *_solidity(primary),
        _histology(primary, history),
        _main_bronchus(primary),
        _pleura(primary),
        _recorded_or(
            history,
            "atelectasis_or_obstructive_pneumonitis",
            doubtful(
                "atelectasis_or_obstructive_pneumonitis",
                {"p": {"none": 1 - COLLAPSE, "to_hilum_part_of_lung": COLLAPSE}},
                reason="not read from the images; in the record nothing says so",
            ),
        ),
        known("superficial_spreading_bronchial_wall_only", False, from_tumor(primary, "a mass is visible")),
        known("positive_cytology_no_visible_tumor", False, from_tumor(primary, "a mass is visible")),
        _separate_nodules(primary, findings),
        _invasion(primary),
    )


def _size(primary: Tumor) -> Fact:
    size = whole_mm(primary.greatest_dimension_mm)
    evidence = from_tumor(primary, f"longest diameter {primary.greatest_dimension_mm:.1f} mm")
    if primary.touches_border:
        return doubtful("greatest_dimension_mm", size, evidence, reason="the tumor reaches the edge of the scan")
    return known("greatest_dimension_mm", size, evidence)


def _solidity(primary: Tumor) -> tuple[Fact, ...]:
    solid = primary.solid_component_mm
    if solid is None:
        return (unknown("density", "attenuation was not measured"),)
    if solid <= 0:
        density = "pure_ground_glass"
    elif whole_mm(solid) >= whole_mm(primary.greatest_dimension_mm) * 0.8:
        density = "solid"
    else:
        density = "part_solid"
    evidence = from_tumor(primary, f"solid part {solid:.1f} mm")
    fact = known("density", density, evidence)
    return (fact, known("solid_component_mm", whole_mm(solid), evidence)) if density == "part_solid" else (fact,)


def _histology(primary: Tumor, history: History) -> Fact:
    recorded = history.named("histology")
    if recorded:
        value = str(recorded[0].value)
        return known("histology", value if value in IN_SITU else "other", from_record(recorded[0]))
    if (primary.solid_component_mm or 0) > SOLID_BEYOND_IN_SITU_MM:
        detail = f"solid part {primary.solid_component_mm:.1f} mm, above {SOLID_BEYOND_IN_SITU_MM:.0f} mm"
        return known("histology", "other", from_tumor(primary, detail))
    return unknown("histology", "not recorded")


def _main_bronchus(primary: Tumor) -> Fact:
    contacts = [contact for contact in primary.contacts if contact.structure in MAIN_BRONCHI]
    if not contacts:
        return known("main_bronchus_involved", False, from_tumor(primary, "no contact with a main bronchus"))
    closest = max(contacts, key=lambda contact: contact.contact_mm2)
    return doubtful(
        "main_bronchus_involved",
        {"p": contact_probability(closest, BRONCHUS_CEILING)},
        from_tumor(primary, f"{closest.contact_mm2:.0f} mm2 of contact with {closest.structure}"),
        reason="contact alone; bronchoscopy decides",
    )


def _pleura(primary: Tumor) -> Fact:
    touching = [
        contact for contact in primary.contacts if contact.structure in ("chest_wall", "mediastinum", "diaphragm")
    ]
    if not touching:
        return known("visceral_pleura_invasion", False, from_tumor(primary, "does not reach the pleura"))
    probability = max(contact_probability(contact, PLEURA_CEILING) for contact in touching)
    return doubtful(
        "visceral_pleura_invasion",
        {"p": probability},
        from_tumor(primary, "reaches the pleura"),
        reason="imaging cannot see the elastic layer",
    )


def _separate_nodules(primary: Tumor, findings: Findings) -> Fact:
    others = [tumor for tumor in findings.tumors if tumor.id != primary.id]
    if not others:
        return known("separate_nodules", "none", from_tumor(primary, "no second tumor among the contours"))
    places = {_relation(primary, other) for other in others}
    for worst in ("contralateral", "ipsilateral_other_lobe", "same_lobe"):
        if worst in places:
            return known("separate_nodules", worst, *(from_tumor(other, "separate tumor") for other in others))
    return unknown("separate_nodules", "a second tumor lies in a lobe that could not be told")


def _relation(primary: Tumor, other: Tumor) -> str | None:
    if None in (primary.laterality, other.laterality):
        return None
    if primary.laterality != other.laterality:
        return "contralateral"
    if None in (primary.location, other.location):
        return None
    return "same_lobe" if primary.location == other.location else "ipsilateral_other_lobe"


def _invasion(primary: Tumor) -> Fact:
    touched = [contact for contact in primary.contacts if contact.structure in INVADED and contact.contact_mm2 > 0]
    members: dict[str, Any] = {}
    for name, probability in invasion_probabilities(touched).items():
        structure = INVADED[name]
        members[structure] = {"p": max(probability, members.get(structure, {"p": 0.0})["p"])}
    evidence = [
        from_tumor(primary, f"{contact.contact_mm2:.0f} mm2 of contact with {contact.structure.replace('_', ' ')}")
        for contact in touched
    ]
    if not members:
        return known("invaded_structures", [], from_tumor(primary, "no contact with chest wall or mediastinum"))
    members = {name: members.get(name, False) for name in _structures()}
    return doubtful("invaded_structures", members, *evidence, reason="contact alone; a fat plane cannot be excluded")


def _structures() -> tuple[str, ...]:
    """Every structure that the lung tables ask about."""
    return tuple(vocabulary().site("lung").facts["invaded_structures"].values)


def _recorded_or(history: History, name: str, otherwise: Fact) -> Fact:
    recorded = history.named(name)
    return known(name, recorded[0].value, from_record(recorded[0])) if recorded else otherwise


def _n_facts(primary: Tumor | None, findings: Findings, history: History) -> tuple[Fact, ...]:
    return (_tumor_side(primary, history), _nodes(findings, history))


def _tumor_side(primary: Tumor | None, history: History) -> Fact:
    if primary is not None and primary.laterality in (Laterality.LEFT, Laterality.RIGHT):
        return known("tumor_side", str(primary.laterality), from_tumor(primary, "lies in that lung"))
    recorded = history.named("laterality")
    if recorded:
        return known("tumor_side", recorded[0].value, from_record(recorded[0]))
    return unknown("tumor_side", "neither images nor record tell the side")


def _nodes(findings: Findings, history: History) -> Fact:
    results = station_results(history)
    entries = [_node_entry(node, results) for node in findings.nodes]
    evidence = [from_record(result) for result in results.values()]
    seen = {node.station for node in findings.nodes}
    for station, result in results.items():
        if result.value["malignant"] and station not in seen:
            entries.append({"positive": True, "station": station, "count": 1})
    evidence += [from_node(node) for node in findings.nodes]
    if not entries and not findings.nodes_assessed:
        return unknown("nodes", "lymph nodes were not assessed: none contoured, no network, no biopsy that is positive")
    certain = all(entry["positive"] in (True, False) for entry in entries)
    return (known if certain else doubtful)("nodes", entries, *evidence)


def _node_entry(node: Node, results: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"count": 1, "greatest_dimension_mm": whole_mm(node.long_axis_mm)}
    if node.laterality is not None:
        entry["laterality"] = str(node.laterality)
    entry["station"] = {"p": dict(node.station_alternatives)} if len(node.station_alternatives) > 1 else node.station
    result = results.get(node.station or "")
    if result is not None and result.value["malignant"]:
        entry["positive"] = True
    elif result is not None:
        entry["positive"] = False
    else:
        entry["positive"] = {"p": malignancy_probability(node)}
    return entry


def _mets(findings: Findings, history: History) -> Fact:
    confirmed = [candidate for candidate in findings.metastasis_candidates if candidate.confirmed]
    recorded = [fact for fact in history.named("metastasis_result") if fact.value["malignant"]]
    mets = [{"site": candidate.site, "count": 1, "malignant": True} for candidate in confirmed]
    mets += [{"site": fact.value["site"], "count": fact.value.get("count", 1), "malignant": True} for fact in recorded]
    evidence = [from_record(fact) for fact in recorded]
    if not mets:
        detail = "no metastasis confirmed by a person or the record"
        return known("mets", [], from_tumor(findings.tumors[0], detail)) if findings.tumors else known("mets", [])
    return known("mets", mets, *evidence)


def _not_imaged(findings: Findings) -> Fact:
    missing = [region for region in MUST_IMAGE if region not in findings.regions_imaged]
    return known("regions_not_imaged", missing)


CANCER = CancerPlugin(
    key="lung",
    title="Lung cancer",
    editions=("8", "9"),
    topographies=("C34",),
    landmarks=("lung_left", "lung_right", "trachea", "carina", *MAIN_BRONCHI, *LOBES, *INVADED),
    derive=derive,
    settled=(
        "tumor_side",
        "density",
        "solid_component_mm",
        "histology",
        "superficial_spreading_bronchial_wall_only",
        "positive_cytology_no_visible_tumor",
    ),
    must_image=MUST_IMAGE,
    next_tests={
        "nodes": "EBUS or EUS sampling of the stations in doubt (ESTS 2014, ACCP 2013)",
        "invaded_structures": "MRI or thoracoscopy where invasion would change treatment (NCCN NSCLC)",
        "main_bronchus_involved": "bronchoscopy",
        "histology": "biopsy",
        "brain": "brain MRI (stage II and higher; NCCN NSCLC)",
        "abdomen": "CT of liver and adrenals, or PET/CT",
    },
)
