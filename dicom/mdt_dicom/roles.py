"""From the name of a contour to what it is: the tumor, a lymph node with its station, a structure, or none of these.

Names come from radiotherapy (GTVp, GTVn 4R, Lung_L), from radiology (tumor, LN 7) and from networks
(`lung_upper_lobe_left`). What no rule knows is reported, never taken for something. A mapping file settles odd names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from mdt_dicom.names import side_of, station_codes, structure_codes, structure_named, words_of
from mdt_dicom.stations import NODE_WORDS, UNSIDED, Station, station_named
from oncology.errors import ContourError
from oncology.findings import Laterality

Role = Literal["tumor", "node", "structure", "ignored"]
ROLES: tuple[Role, ...] = ("tumor", "node", "structure", "ignored")

TUMOR_WORDS = frozenset(
    {
        "tumor",
        "tumors",
        "tumour",
        "tumours",
        "primary",
        "primarius",
        "prim",
        "lesion",
        "mass",
        "neoplasm",
        "cancer",
        "carcinoma",
        "nsclc",
    }
)
GROSS_TUMOR_KINDS = frozenset({"p", "t", "pt", "prim", "primary", "nx", "tumor", "tumour", "mass", "main"})
GROSS_NODE_KINDS = frozenset({"n", "nn", "ln", "lns", "nd", "node", "nodes", "nodal", "lymph"})
OTHER_ORGANS = frozenset({"liver", "brain", "bone", "kidney", "adrenal", "spleen", "breast", "prostate"})
# Words that make a contour something else than the thing it is named after, with the reason that is reported.
SET_ASIDE: tuple[tuple[str, str], ...] = (
    (r"\w*ctv\w*", "a clinical target volume holds a margin around the tumor"),
    (r"\w*ptv\w*", "a planning target volume holds a margin around the tumor"),
    (r"itv\w*|igtv\w*", "an internal target volume holds the motion of the tumor"),
    (r"prv\d*", "a planning risk volume holds a margin around the organ"),
    (r"i?dose|isodoses?|\d*c?gy|idl\d*", "a dose volume"),
    (r"couch\w*|table|tabletop|baseplate|immobili[sz]ation|supports?|board|cushion", "part of the table"),
    (r"ring\d*|opt\d*|zz?|help\w*|hilfs\w*|dummy|shell|avoid\w*|tuning|push|nt", "a helper of dose planning"),
    (r"markers?|fiducials?|clips?|seeds?|iso|isocent\w*|tattoos?|bolus|stents?|pacemaker|wire", "a device"),
    (r"artifacts?|artefacts?", "an artifact"),
    (r"edema|oedema|atelectas\w*", "a change beside the tumor, not the tumor"),
    (r"mets?|metastas\w*|gtvm\w*", "a metastasis, not the primary tumor"),
    (r"bed", "a tumor bed after resection"),
    (r"minus|without|excl\w*|sub", "an organ without a part of it"),
)


@dataclass(frozen=True)
class Meaning:
    """What a name stands for; `reason` says why it is set aside, or how a doubtful role was found."""

    role: Role
    structure: str | None = None
    station: str | None = None
    laterality: Laterality | None = None
    reason: str = ""


@dataclass(frozen=True)
class NameMapping:
    """A user's own names: exact ones (case disregarded) and regular expressions, which must match the whole name."""

    exact: dict[str, Meaning]
    patterns: tuple[tuple[re.Pattern[str], Meaning], ...] = ()

    def meaning(self, name: str) -> Meaning | None:
        """What the mapping says about a name; None when it says nothing."""
        found = self.exact.get(name.strip().casefold())
        if found is not None:
            return found
        return next((meaning for pattern, meaning in self.patterns if pattern.fullmatch(name.strip())), None)


def read_name(name: str, mapping: NameMapping | None = None) -> Meaning | None:
    """What a contour's name stands for; None when no rule and no mapping knows it."""
    if mapping is not None and (mapped := mapping.meaning(name)) is not None:
        return mapped
    exact = structure_codes().get(name.strip())
    if exact is not None and exact.structure not in ("tumor", "node"):
        return Meaning("structure", exact.structure, laterality=exact.laterality)
    words = words_of(name)
    return _set_aside(words) or _gross_tumor(words) or _structure(words) or _node(words) or _tumor(words)


def why_unknown(name: str) -> str:
    """The reason reported for a name that no rule knows."""
    words = words_of(name)
    if side_of(words) is None and structure_named([*words, Laterality.LEFT.value]) is not None:
        return "the name has no side"
    return "no rule knows the name"


def read_mapping(path: Path) -> NameMapping:
    """A YAML or JSON file: name -> `tumor`, `node 4R`, `ignored`, a structure's name, or {role, station, ...}.

    A name between slashes is a regular expression. Label maps may use label numbers as names.

    Raises:
        ContourError: the file cannot be read, or an entry says something unknown.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContourError("the contour mapping cannot be read; expected a YAML or JSON file") from error
    if not isinstance(content, dict):
        raise ContourError("the contour mapping is no table; expected `name: meaning` in each line")
    exact, patterns = {}, []
    for key, value in content.items():
        name, meaning = str(key).strip(), _mapped(str(key), value)
        if len(name) > 2 and name.startswith("/") and name.endswith("/"):
            patterns.append((_pattern(name[1:-1]), meaning))
        else:
            exact[name.casefold()] = meaning
    return NameMapping(exact, tuple(patterns))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ContourError(f"the contour mapping has a broken regular expression /{text}/: {error}") from error


def _mapped(name: str, value: Any) -> Meaning:
    """One entry of a mapping file."""
    if isinstance(value, str):
        return _short_entry(name, value)
    allowed = {"role", "structure", "station", "laterality"}
    if not isinstance(value, dict) or not set(value) <= allowed or value.get("role") not in ROLES:
        raise ContourError(
            f"the contour mapping's entry `{name}` is not understood; expected a text such as `node 4R`, or a table "
            f"with role ({', '.join(ROLES)}) and any of structure, station, laterality"
        )
    try:
        side = Laterality(value["laterality"]) if value.get("laterality") else None
    except ValueError as error:
        raise ContourError(f"the contour mapping's entry `{name}` has an unknown laterality") from error
    return _checked(name, Meaning(value["role"], value.get("structure"), value.get("station"), side, "mapped"))


def _short_entry(name: str, text: str) -> Meaning:
    """`tumor`, `ignored`, `node`, `node 4R`, `node II left`, or the name of a structure."""
    first, *rest = text.split() or [""]
    if first in ("tumor", "ignored") and not rest:
        return Meaning(first, reason="mapped")  # type: ignore[arg-type]
    if first == "node":
        side = next((Laterality(word) for word in rest if word in set(Laterality)), None)
        station = next((word for word in rest if word not in set(Laterality)), None)
        return _checked(name, Meaning("node", None, station, side, "mapped"))
    return _checked(name, Meaning("structure", text.strip(), reason="mapped"))


def _checked(name: str, meaning: Meaning) -> Meaning:
    """The entry, if its station and structure are in the vocabulary."""
    if meaning.station is not None and str(meaning.station) not in station_codes():
        raise ContourError(f"the contour mapping's entry `{name}` has the unknown station `{meaning.station}`")
    if meaning.role == "structure" and meaning.structure not in structure_codes():
        raise ContourError(
            f"the contour mapping's entry `{name}` has the unknown structure `{meaning.structure}`; expected a name "
            "such as lung_left or aorta, or `tumor`, `node`, `ignored`"
        )
    station = None if meaning.station is None else station_codes()[str(meaning.station)]
    structure = structure_codes().get(meaning.structure or "")
    side = meaning.laterality or (station.laterality if station else structure.laterality if structure else None)
    return replace(meaning, station=station.station if station else None, laterality=side)


def _set_aside(words: list[str]) -> Meaning | None:
    parts = [*words, "igtv"] if words[:2] == ["i", "gtv"] else words
    for pattern, reason in SET_ASIDE:
        if any(re.fullmatch(pattern, word) for word in parts):
            return Meaning("ignored", reason=reason)
    return None


def _gross_tumor(words: list[str]) -> Meaning | None:
    """GTV in its spellings: GTVp, GTV-1, pGTV, GTV_Mass_CT are the tumor; GTVn, GTV N2, GTV_LN_4R nodes."""
    for place, word in enumerate(words):
        match = re.fullmatch(r"([pn]?)gtv([a-z]*)(\d*)", word)
        if match is None:
            continue
        if place and structure_named(words[:place]) is not None:
            return Meaning("ignored", reason="an organ without the tumor")
        kind, others = match.group(2) or match.group(1), words[:place] + words[place + 1 :]
        nodal = kind in GROSS_NODE_KINDS or any(re.sub(r"\d+$", "", other) in GROSS_NODE_KINDS for other in others)
        station = station_named(["ln", *others] if nodal else others)
        if nodal or (kind == "" and station is not None and station.certain and station.station not in UNSIDED):
            return _as_node(station, others)
        if kind in GROSS_TUMOR_KINDS or kind == "":
            return _elsewhere(others) or Meaning("tumor", laterality=side_of(others))
    return None


def _node(words: list[str]) -> Meaning | None:
    station = station_named(words)
    named = any(word in NODE_WORDS - {"n"} or re.fullmatch(r"lns?\d*|lk\d*|n\d{1,2}", word) for word in words)
    return _as_node(station, words) if named or (station is not None and station.certain) else None


def _as_node(station: Station | None, words: list[str]) -> Meaning:
    side = (station.laterality if station else None) or side_of(words)
    return Meaning("node", station=station.station if station else None, laterality=side)


def _tumor(words: list[str]) -> Meaning | None:
    if not TUMOR_WORDS & {re.sub(r"\d+$", "", word) for word in words}:
        return None
    return _elsewhere(words) or Meaning("tumor", laterality=side_of(words))


def _elsewhere(words: list[str]) -> Meaning | None:
    """Tumors of organs that are not staged here are possible metastases, never the primary."""
    organ = next((word for word in words if word in OTHER_ORGANS), None)
    return None if organ is None else Meaning("ignored", reason=f"a tumor of the {organ}, not of a site staged here")


def _structure(words: list[str]) -> Meaning | None:
    name = structure_named(words)
    if name is None or name in ("tumor", "node"):
        return None
    return Meaning("structure", name, laterality=structure_codes()[name].laterality)
