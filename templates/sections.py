"""The report's section of one cancer, after the field's structured templates; tables of words, no medicine.

Lung: nodes by IASLC station and the findings of the SIRM consensus (La Cava 2021). Pancreas: vessels in degrees, after
SAR/APA (Al-Hawary 2014). Esophagus: the order of ECI-RADS (2023), sites of metastases last. Head and neck: levels,
extranodal extension graded by HNCIG. Titles and column names are translated where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.cancers.spread import distant_stations
from oncology.findings import NECK_SITES, primary_in
from oncology.nodal_belief import Belief, Sample, nodal_entries, node_beliefs, samples
from oncology.tnm.vocabulary import vocabulary
from templates.percent import percent

DASH = "–"
NOT_ASSESSED = "not assessed"
WHOLE_FROM = 100.0  # a tenth says nothing beside a number as large
Content = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """One table of a section; the first cell of a row is its heading."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    sources: tuple[tuple[str, str], ...] = ()  # what a limit is of, and the work that it is from, in its own words


@dataclass(frozen=True)
class Case:
    """What a section is made of, each as the JSON file of that name holds it."""

    findings: Content
    staging: Content
    history: Content

    @property
    def site(self) -> str:
        """An added cancer has the section of its site."""
        return str(self.staging.get("site", self.findings["cancer"]))

    @property
    def facts(self) -> dict[str, Content]:
        """Facts of the staging by key."""
        return {fact["key"]: fact for fact in self.staging.get("facts", ())}

    @property
    def particulars(self) -> Content:
        """What the cancer's plug-in says of the organ."""
        return self.staging.get("particulars") or {}

    @property
    def distant(self) -> frozenset[str]:
        """Stations whose nodes are metastases."""
        return distant_stations(self.site, self.staging.get("subset"))


Build = Callable[[Case], Table]


def section(findings: Content, staging: Content, history: Content | None = None) -> list[Table]:
    """The tables of this cancer's section, those without rows left out."""
    case = Case(findings, staging, history or {})
    builders = SECTIONS.get("head_and_neck" if case.site in NECK_SITES else case.site, ())
    return [table for table in (build(case) for build in builders) if table.rows]


def _items(names: Sequence[str], title: str) -> Build:
    """The template's items in its order, from staging facts and particulars; also those that nobody assessed."""

    def build(case: Case) -> Table:
        rows = tuple(_item_row(name, case) for name in names if name in case.facts or _is_item(name, case))
        return Table(title, ("Item", "Finding", "Why"), rows)

    return build


def _is_item(name: str, case: Case) -> bool:
    """Whether what a plug-in says by this name belongs to the template's items, and not to what is told beside them."""
    asked = vocabulary().site(case.site).facts
    return (name in ITEMS and name in asked) or (name in LUNG_ITEMS and name in case.particulars)


def _item_row(name: str, case: Case) -> tuple[str, str, str]:
    """As the staging facts tell it, else as the plug-in does, else not assessed."""
    fact, told = case.facts.get(name), case.particulars.get(name)
    if fact is not None and (fact["value"] is not None or told is None):
        return _fact_row(fact)
    return (_words(name), NOT_ASSESSED if told is None else _value(told), DASH)


def _fact_row(fact: Content) -> tuple[str, str, str]:
    evidence = "; ".join(item["detail"] for item in fact["evidence"]) or fact["reason"] or DASH
    return (_words(fact["key"]), _value(fact["value"]), evidence)


def _stations(title: str, place: str, *, regional: bool = False) -> Build:
    """Nodes by station: how many, the largest, uptake, what is believed of them and by what, extension.

    Args:
        regional: tell whether the station is regional.
    """
    ahead = (place, "Regional") if regional else (place,)
    columns = (*ahead, "Side", "Nodes", "Largest short axis (mm)", "SUVmax", "Malignant", "Told by", "Necrosis")

    def build(case: Case) -> Table:
        nodes = case.findings["nodes"]
        found = samples(case.history, nodes, case.site)
        beliefs = node_beliefs(nodes, case.staging, found)
        groups: dict[tuple[str, str], list[Content]] = {}
        for node in nodes:
            groups.setdefault((node["station"] or "unknown", node["laterality"] or ""), []).append(node)
        told = {key: _station_cells(group, beliefs) for key, group in groups.items()}
        for sample in found:
            if not any(map(sample.meets, nodes)):
                told[(sample.station, sample.side or "")] = _sample_cells(sample)
        rows = tuple(
            (_words(key[0]), *([_is_regional(key[0], case)] if regional else []), key[1] or DASH, *cells)
            for key, cells in sorted(told.items())
        )
        graded = any((node["ene"] or {}).get("grade") is not None for node in nodes)
        return Table(title, (*columns, "Extranodal extension"), rows, GRADED if graded else "")

    return build


def _is_regional(station: str, case: Case) -> str:
    if station == "unknown":
        return DASH
    return "no" if station in case.distant else "yes"


def _station_cells(nodes: Sequence[Content], beliefs: Mapping[str, Belief]) -> tuple[str, ...]:
    uptake = [node["suv_max"] for node in nodes if node["suv_max"] is not None]
    held = [beliefs[node["id"]] for node in nodes]
    return (
        str(len(nodes)),
        f"{max(node['short_axis_mm'] for node in nodes):.0f}",
        f"{max(uptake):.1f}" if uptake else DASH,
        *_believed_cells(held),
        "yes" if any(node["necrosis"] for node in nodes) else DASH,
        _extension(node["ene"] for node, belief in zip(nodes, held, strict=True) if belief.malignant is not False),
    )


def _sample_cells(sample: Sample) -> tuple[str, ...]:
    """A station that was sampled and holds no node that was measured."""
    return ("0", DASH, DASH, "yes" if sample.malignant else "no", sample.told_by, DASH, DASH)


def _believed_cells(held: Sequence[Belief]) -> tuple[str, str]:
    """The worst of a station's nodes, and what told it: one that is proven, else the likeliest, else that all are
    ruled out."""
    proven = [belief for belief in held if belief.malignant is True]
    open_ones = [belief for belief in held if not isinstance(belief.malignant, bool) and belief.malignant is not None]
    if proven:
        return "yes", _told_by(proven)
    if open_ones:
        return f"{percent(max(belief.malignant or 0.0 for belief in open_ones))} %", _told_by(open_ones)
    if all(belief.malignant is False for belief in held):
        return "no", _told_by(held)
    return DASH, DASH


def _told_by(held: Iterable[Belief]) -> str:
    return ", ".join(dict.fromkeys(belief.told_by for belief in held))


def _extension(found: Iterable[Content | None]) -> str:
    """The highest grade of a station's nodes, the likeliest of that grade; nodes that were ruled out have none."""
    told = [(_or_less(ene["grade"]), _or_less(ene["p"])) for ene in found if ene is not None]
    grade, p = max(told, default=(-1, -1))
    words = ([f"grade {grade}"] if grade >= 0 else []) + ([f"{percent(p)} %"] if p >= 0 else [])
    return ", ".join(words) or DASH


def _or_less(value: float | None) -> float:
    """A value that is lacking comes before every other one."""
    return -1 if value is None else value


def _metastases(case: Case) -> Table:
    """Sites of metastases: what is proven, what waits for confirmation, what was ruled out, what was not imaged."""
    found: dict[str, list[Content]] = {}
    for item in case.findings["metastasis_candidates"]:
        found.setdefault(item["site"], []).append(item)
    mets = (case.facts.get("mets") or {}).get("value")
    proven = _counts((met["site"], met.get("count", 1)) for met in mets or () if met["malignant"] is True)
    doubted = found.keys() if mets is None else {met["site"] for met in mets if met["malignant"] is not True}
    nodes = [entry for entry in nodal_entries(case.staging) if entry["positive"] is True]
    count = sum(entry.get("count", 1) for entry in nodes if entry.get("station") in case.distant)
    proven |= {DISTANT_NODE: max(count, proven.get(DISTANT_NODE, 0))} if count else {}
    rows = [
        _metastasis_row(site, proven.get(site, 0), found.get(site, ()), bool({site, "other"}.intersection(doubted)))
        for site in dict.fromkeys((*proven, *found))
    ]
    away = (case.facts.get("regions_not_imaged") or {}).get("value") or ()
    rows += [(_words(region), DASH, DASH, "not imaged") for region in away]
    return Table("Metastases by site", ("Site", "Number", "SUVmax", "Status"), tuple(rows) or (NO_METASTASIS,))


def _counts(entries: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for site, count in entries:
        counts[site] = counts.get(site, 0) + count
    return counts


def _metastasis_row(site: str, proven: int, found: Sequence[Content], doubted: bool) -> tuple[str, ...]:
    """One site; open candidates of a site that the staging does not doubt were ruled out by a sample."""
    uptake = [item["suv_max"] for item in found if item["suv_max"] is not None]
    waiting = doubted and any(item["confirmed"] is None for item in found)
    states = [word for word, holds in (("confirmed", proven), ("needs confirmation", waiting)) if holds]
    return (
        _words(site),
        str(max(proven, len(found))),
        f"{max(uptake):.1f}" if uptake else DASH,
        ", ".join(states) or "ruled out",
    )


def _vessels(case: Case) -> Table:
    """Pancreas: every vessel in degrees, with what is kept of the plane of fat."""
    found = case.staging.get("resectability") or {"vessels": ()}
    readings = {item["vessel"]: item for item in case.particulars.get("vessels", ())}
    rows = tuple(_vessel_row({**readings.get(item["vessel"], {}), **item}) for item in found["vessels"])
    note = "Contact of at most 180 degrees is abutment, more is encasement."
    return Table("Vessels", ("Vessel", "Contact (°)", "Reading", "Length (mm)", "Fat plane kept"), rows, note)


def _vessel_row(vessel: Content) -> tuple[str, ...]:
    angle, length, fat = vessel["angle_deg"], vessel.get("length_mm"), vessel.get("fat_plane_share")
    return (
        _words(vessel["vessel"]),
        NOT_ASSESSED if angle is None else f"{angle:.0f}",
        _reading(vessel),
        DASH if length is None else f"{length:.0f}",
        DASH if fat is None else f"{100 * fat:.0f} %",
    )


def _reading(vessel: Content) -> str:
    """Contact in a word, and what the vessel itself shows."""
    word = READINGS.get(vessel.get("status", ""), _words(vessel.get("status", DASH)))
    return ", ".join([word, *(sign for sign in ("irregular", "blocked") if vessel.get(sign))])


def _resectability(case: Case) -> Table:
    found = case.staging.get("resectability")
    if found is None:
        return Table("Resectability", (), ())
    shown = found["category"] or " or ".join(found["possible"])
    reasons = [("Why", reason) for reason in found["reasons"]] + [("Open", reason) for reason in found["open"]]
    rows = (("Class", _words(shown)), *reasons, *(("Note", note) for note in found["notes"]))
    return Table("Resectability", ("Item", "Finding"), tuple((name, text) for name, text in rows))


def _particulars(case: Case) -> Table:
    """What the staging facts do not tell already; what nobody could tell stands in one row."""
    told = {key for key, fact in case.facts.items() if fact["value"] is not None} | SHOWN_APART
    told |= {name for name in case.particulars if _is_item(name, case)}
    found = {name: value for name, value in case.particulars.items() if SAME_AS.get(name, name) not in told}
    rows = tuple((_words(name), _value(value)) for name, value in found.items() if value is not None)
    unsaid = [name for name, value in found.items() if value is None and SAME_AS.get(name, name) not in case.facts]
    if unsaid:
        rows += (("not told by images or record", ", ".join(map(_words, unsaid))),)
    return Table("Of this organ", ("Item", "Finding"), rows)


def _contacts(title: str) -> Build:
    """How the tumor meets its neighbors: degrees, fat plane, chance of invasion."""

    def build(case: Case) -> Table:
        rows = tuple(_contact_row(item) for item in _contacts_of_primary(case.findings))
        return Table(title, ("Structure", "Contact (°)", "Length (mm)", "Fat plane kept", "Invasion"), rows)

    return build


def _contacts_of_primary(findings: Content) -> Sequence[Content]:
    """Those that T was told by."""
    primary = primary_in(findings["tumors"])
    return primary["contacts"] if primary else ()


def _contact_row(item: Content) -> tuple[str, ...]:
    angle, fat, length = item.get("angle_deg"), item.get("fat_plane_share"), item.get("length_mm")
    return (
        _words(item["structure"]),
        DASH if angle is None else f"{angle:.0f}",
        DASH if length is None else f"{length:.0f}",
        DASH if fat is None else f"{100 * fat:.0f} %",
        DASH if item["probability"] is None else f"{percent(item['probability'])} %",
    )


def _side_findings(case: Case) -> Table:
    found = case.findings.get("side_findings", ())
    rows = tuple(_side_row(item) for item in found if item.get("value") is not None)
    lacking = ", ".join(_words(item["name"]) for item in found if item.get("value") is None)
    if lacking:
        rows += (("not seen or not segmented", DASH, DASH, lacking),)
    note = "Computed from masks; beside the question, but they bear on the decision."
    sources = tuple((_words(item["name"]), item["source"]) for item in found if _has_limit(item))
    return Table("Side findings", ("Item", "Value", "Limit", "Meaning"), rows, note, sources)


def _has_limit(item: Content) -> bool:
    return bool(item.get("value") is not None and item.get("cutoff") and item.get("source"))


def _side_row(item: Content) -> tuple[str, ...]:
    value = item.get("value")
    shown = DASH if value is None else f"{_value(value)} {item.get('unit') or ''}".strip()
    return (
        _words(item["name"]),
        shown,
        str(item.get("cutoff") or DASH),
        str(item.get("meaning") or item.get("reason") or DASH),
    )


DISTANT_NODE = "non_regional_lymph_node"
NO_METASTASIS = ("none seen", DASH, DASH, DASH)
GRADED = "Extranodal extension: the grade on images, 0 to 3 as HNCIG defines it, and its probability."


def _words(key: str) -> str:
    """A key as a reader says it, its unit in brackets.

    >>> _words("carotid_angle_deg"), _words("mandible_contact_mm2"), _words("chest_wall")
    ('carotid angle (°)', 'mandible contact (mm²)', 'chest wall')
    """
    text = NAMES.get(key, str(key))
    for ending, unit in UNITS.items():
        if text.endswith(ending):
            text = f"{text.removesuffix(ending)} ({unit})"
    return text.replace("_", " ")


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) or value >= WHOLE_FROM else f"{value:.1f}"
    if isinstance(value, Mapping):
        shares = _flat(value)
        if shares and all(map(str.isdigit, shares)):  # lengths that a proposal may have
            return "–".join(dict.fromkeys((min(shares, key=int), max(shares, key=int))))
        return "; ".join(f"{_words(name)} {_chance(item)}" for name, item in shares.items()) or "none"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(_value, value)) or "none"
    return _words(str(value))


def _flat(value: Content) -> dict[str, Any]:
    """Chances by name; structures that are surely not involved are left out."""
    inner = value["p"] if set(value) == {"p"} else value
    if not isinstance(inner, Mapping):
        return {"yes": inner}
    chances = {name: item["p"] if isinstance(item, Mapping) else item for name, item in inner.items()}
    return {name: item for name, item in chances.items() if item not in (False, 0)}


def _chance(value: Any) -> str:
    if value is None:
        return "unknown"
    return "" if value is True else f"{percent(value)} %" if isinstance(value, float) else str(value)


# Keys that do not spell well, units by the ending of a key, and keys that mean a staging fact of another name.
NAMES = {
    "ca_19_9_u_per_ml": "CA 19-9 (U/mL)",
    "eus_t": "T by endoscopic ultrasound",
    "ebv": "EBV",
    "siewert": "Siewert type",
    "distance_from_incisors_mm": "upper edge from the incisors (mm)",
    "l1_attenuation": "attenuation of L1",
    "muscle_area_l3": "muscle area at L3",
    "head": "pancreas head",  # the word alone is a direction in other languages
}
UNITS = {"_mm2": "mm²", "_mm": "mm", "_deg": "°"}
SAME_AS = {"location": "tumor_location", "measured_depth_mm": "depth_of_invasion_mm"}
READINGS = {"none": "no contact", "unknown": "not assessed"}
LUNG_ITEMS = (
    "lobe",
    "greatest_dimension_mm",
    "solid_component_mm",
    "density",
    "margins",
    "cavitation",
    "distance_to_carina_mm",
    "main_bronchus_involved",
    "visceral_pleura_invasion",
    "atelectasis_or_obstructive_pneumonitis",
    "invaded_structures",
    "separate_nodules",
    "pleural_effusion",
    "pericardial_effusion",
)
NECK_ITEMS = (
    "subsites_involved",
    "subsites_count",
    "subsite",
    "mucosal_extension",
    "vocal_cord_mobility",
    "hemilarynx_fixation",
    "depth_of_invasion_mm",
    "adjacent_site_extension",
    "involved_structures",
    "invaded_structures",
)
ESOPHAGUS_ITEMS = ("tumor_location", "length_mm", "deepest_layer", "invaded_structures")
PANCREAS_ITEMS = ("greatest_dimension_mm", "lesion", "vessel_or_organ_involvement")
ITEMS = {*LUNG_ITEMS, *NECK_ITEMS, *ESOPHAGUS_ITEMS, *PANCREAS_ITEMS}
SHOWN_APART = {"vessels"}  # of an organ's particulars: have a table of their own
SECTIONS: Mapping[str, tuple[Build, ...]] = {
    "lung": (
        _items(LUNG_ITEMS, "Tumor by items"),
        _particulars,
        _stations("Nodes by IASLC station", "Station", regional=True),
        _side_findings,
    ),
    "head_and_neck": (
        _items(NECK_ITEMS, "Tumor by items"),
        _particulars,
        _contacts("Neighbors of the tumor"),
        _stations("Nodes by level", "Level"),
        _side_findings,
    ),
    "esophagus": (
        _particulars,
        _items(ESOPHAGUS_ITEMS, "Tumor by items"),
        _contacts("Neighbors of the tumor"),
        _stations("Nodes by station", "Station", regional=True),
        _metastases,
        _side_findings,
    ),
    "pancreas": (
        _resectability,
        _vessels,
        _particulars,
        _items(PANCREAS_ITEMS, "Tumor by items"),
        _stations("Nodes by station", "Station", regional=True),
        _side_findings,
    ),
}
