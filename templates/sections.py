"""The report's section of one cancer, after the field's structured templates; tables of words, no medicine.

Lung: nodes by IASLC station and the findings of the SIRM consensus (La Cava 2021). Pancreas: vessels in degrees, after
SAR/APA (Al-Hawary 2014). Esophagus: the order of ECI-RADS (2023). Head and neck: levels, extranodal extension graded
by HNCIG. Titles and column names are translated where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.findings import NECK_SITES, primary_in
from templates.percent import percent

DASH = "–"
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


def section(findings: Content, staging: Content) -> list[Table]:
    """The tables of this cancer's section, those without rows left out."""
    cancer = staging.get("site", findings["cancer"])  # an added cancer has the section of its site
    kind = "head_and_neck" if cancer in NECK_SITES else cancer
    builders = SECTIONS.get(kind, ())
    return [table for table in (build(findings, staging) for build in builders) if table.rows]


def _facts(names: Sequence[str], title: str) -> Callable[[Content, Content], Table]:
    """A table of staging facts in the template's order."""

    def build(findings: Content, staging: Content) -> Table:
        found = {fact["key"]: fact for fact in staging.get("facts", ())}
        rows = tuple(_fact_row(found[name]) for name in names if name in found)
        return Table(title, ("Item", "Finding", "Why"), rows)

    return build


def _fact_row(fact: Content) -> tuple[str, str, str]:
    evidence = "; ".join(item["detail"] for item in fact["evidence"]) or fact["reason"] or DASH
    return (_words(fact["key"]), _value(fact["value"]), evidence)


def _stations(title: str, place: str) -> Callable[[Content, Content], Table]:
    """Nodes by station: how many, the largest, uptake, chance of malignancy, extension."""

    def build(findings: Content, staging: Content) -> Table:
        groups: dict[tuple[str, str], list[Content]] = {}
        for node in findings["nodes"]:
            groups.setdefault((node["station"] or "unknown", node["laterality"] or ""), []).append(node)
        rows = tuple(_station_row(*key, nodes) for key, nodes in sorted(groups.items()))
        columns = (
            place,
            "Side",
            "Nodes",
            "Largest short axis (mm)",
            "SUVmax",
            "Malignant",
            "Necrosis",
            "Extranodal extension",
        )
        graded = any((node["ene"] or {}).get("grade") is not None for node in findings["nodes"])
        return Table(title, columns, rows, GRADED if graded else "")

    return build


def _station_row(station: str, side: str, nodes: Sequence[Content]) -> tuple[str, ...]:
    uptake = [node["suv_max"] for node in nodes if node["suv_max"] is not None]
    chances = [node["p_malignant"] for node in nodes if node["p_malignant"] is not None]
    return (
        _words(station),
        side or DASH,
        str(len(nodes)),
        f"{max(node['short_axis_mm'] for node in nodes):.0f}",
        f"{max(uptake):.1f}" if uptake else DASH,
        f"{percent(max(chances))} %" if chances else DASH,
        "yes" if any(node["necrosis"] for node in nodes) else DASH,
        max((_extension(node["ene"]) for node in nodes), default=DASH),
    )


def _extension(ene: Content | None) -> str:
    if ene is None or ene["p"] is None:
        return DASH
    grade = "" if ene["grade"] is None else f"grade {ene['grade']}, "
    return f"{grade}{percent(ene['p'])} %"


def _vessels(findings: Content, staging: Content) -> Table:
    """Pancreas: every vessel in degrees, with what is kept of the plane of fat."""
    found = staging.get("resectability") or {"vessels": ()}
    contacts = {item["structure"]: item for item in _contacts_of_primary(findings)}
    readings = {item["vessel"]: item for item in (staging.get("particulars") or {}).get("vessels", ())}
    rows = tuple(
        _vessel_row({**readings.get(item["vessel"], {}), **item}, contacts.get(item["vessel"]))
        for item in found["vessels"]
    )
    note = "Contact of at most 180 degrees is abutment, more is encasement."
    return Table("Vessels", ("Vessel", "Contact (°)", "Reading", "Length (mm)", "Fat plane kept"), rows, note)


def _vessel_row(vessel: Content, contact: Content | None) -> tuple[str, ...]:
    angle = vessel["angle_deg"]
    length = contact.get("length_mm") if contact else None
    fat = contact.get("fat_plane_share") if contact else None
    return (
        _words(vessel["vessel"]),
        "not assessed" if angle is None else f"{angle:.0f}",
        _reading(vessel),
        DASH if length is None else f"{length:.0f}",
        DASH if fat is None else f"{100 * fat:.0f} %",
    )


def _reading(vessel: Content) -> str:
    """Contact in a word, and what the vessel itself shows."""
    word = READINGS.get(vessel.get("status", ""), _words(vessel.get("status", DASH)))
    return ", ".join([word, *(sign for sign in ("irregular", "blocked") if vessel.get(sign))])


def _resectability(findings: Content, staging: Content) -> Table:
    found = staging.get("resectability")
    if found is None:
        return Table("Resectability", (), ())
    shown = found["category"] or " or ".join(found["possible"])
    reasons = [("Why", reason) for reason in found["reasons"]] + [("Open", reason) for reason in found["open"]]
    rows = (("Class", _words(shown)), *reasons, *(("Note", note) for note in found["notes"]))
    return Table("Resectability", ("Item", "Finding"), tuple((name, text) for name, text in rows))


def _particulars(findings: Content, staging: Content) -> Table:
    """What the staging facts do not tell already; what nobody could tell stands in one row."""
    told = {fact["key"] for fact in staging.get("facts", ()) if fact["value"] is not None} | set(SHOWN_APART)
    found = {
        name: value for name, value in (staging.get("particulars") or {}).items() if SAME_AS.get(name, name) not in told
    }
    rows = tuple((_words(name), _value(value)) for name, value in found.items() if value is not None)
    lacking = ", ".join(_words(name) for name, value in found.items() if value is None)
    if lacking:
        rows += (("not told by images or record", lacking),)
    return Table("Of this organ", ("Item", "Finding"), rows)


def _contacts(title: str) -> Callable[[Content, Content], Table]:
    """How the tumor meets its neighbors: degrees, fat plane, chance of invasion."""

    def build(findings: Content, staging: Content) -> Table:
        rows = tuple(_contact_row(item) for item in _contacts_of_primary(findings))
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


def _side_findings(findings: Content, staging: Content) -> Table:
    found = findings.get("side_findings", ())
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
        return "; ".join(f"{_words(name)} {_chance(item)}" for name, item in _flat(value).items()) or "none"
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
}
UNITS = {"_mm2": "mm²", "_mm": "mm", "_deg": "°"}
SAME_AS = {"location": "tumor_location", "measured_depth_mm": "depth_of_invasion_mm"}
READINGS = {"none": "no contact", "unknown": "not assessed"}
SHOWN_APART = ("vessels",)  # of an organ's particulars: has its own table
LUNG_ITEMS = (
    "density",
    "solid_component_mm",
    "main_bronchus_involved",
    "visceral_pleura_invasion",
    "atelectasis_or_obstructive_pneumonitis",
    "separate_nodules",
    "invaded_structures",
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
PANCREAS_ITEMS = ("lesion", "vessel_or_organ_involvement")
SECTIONS: Mapping[str, tuple[Callable[[Content, Content], Table], ...]] = {
    "lung": (
        _facts(LUNG_ITEMS, "Tumor by items"),
        _particulars,
        _stations("Nodes by IASLC station", "Station"),
        _side_findings,
    ),
    "head_and_neck": (
        _facts(NECK_ITEMS, "Tumor by items"),
        _particulars,
        _contacts("Neighbors of the tumor"),
        _stations("Nodes by level", "Level"),
        _side_findings,
    ),
    "esophagus": (
        _particulars,
        _facts(ESOPHAGUS_ITEMS, "Tumor by items"),
        _contacts("Neighbors of the tumor"),
        _stations("Nodes by station", "Station"),
        _side_findings,
    ),
    "pancreas": (
        _resectability,
        _vessels,
        _particulars,
        _facts(PANCREAS_ITEMS, "Tumor by items"),
        _stations("Nodes by station", "Station"),
        _side_findings,
    ),
}
