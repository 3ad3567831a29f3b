"""Lymph-node stations as people write them, to the spelling of the staging vocabulary.

Thoracic stations are Arabic numbers with a side (4R), neck levels Roman (IIA) or Arabic after the word level (2a).
What could be either is no station: the node stays, its station is left open.
Sources: Rusch 2009 (IASLC map), Gregoire 2014 (neck levels), TG-263 (names in radiotherapy).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mdt_dicom.names import SIDES, side_of, station_codes
from oncology.findings import Laterality

# Words that say node, and words that say station; a bare number is a station only after the latter.
NODE_WORDS = frozenset(
    {"node", "nodes", "nodal", "lymph", "lymphnode", "lymphnodes", "adenopathy", "lymphadenopathy", "n"}
)
STATION_WORDS = frozenset(
    {
        "ln",
        "lns",
        "lnn",
        "lk",
        "station",
        "stations",
        "st",
        "stn",
        "level",
        "lvl",
        "levels",
        "iaslc",
        "neck",
        "cervical",
    }
)
CONTEXT_WORDS = NODE_WORDS | STATION_WORDS
NECK_WORDS = frozenset({"neck", "cervical"})
LEVEL_WORDS = frozenset({"level", "lvl", "levels"})
# Neck levels of the radiotherapy atlas to those of TNM; None: the atlas level has no single TNM level.
NECK_LEVELS: dict[str, str | None] = {
    "ia": "IA",
    "ib": "IB",
    "ii": "II",
    "iia": "II",
    "iib": "II",
    "iii": "III",
    "iv": "IV",
    "iva": "IV",
    "ivb": "IV",
    "v": None,
    "va": "VA",
    "vb": "VB",
    "vc": "supraclavicular",
    "vi": "VI",
    "via": "VI",
    "vib": "VI",
    "vii": "VII",
    "viia": "RP",
    "viib": None,
    "rp": "RP",
    "rpn": "RP",
}
_ARABIC = ("", "i", "ii", "iii", "iv", "v", "vi", "vii")
# Words that name a group without a number; a side is added where the vocabulary has one.
GROUP_WORDS = {
    "subcarinal": "7",
    "aortopulmonary": "5",
    "subaortic": "5",
    "retropharyngeal": "RP",
    "submental": "IA",
    "submandibular": "IB",
    "jugulodigastric": "II",
    "prelaryngeal": "VI",
    "supraclavicular": "supraclavicular",
    "supraclav": "supraclavicular",
    "sclav": "supraclavicular",
    "scv": "supraclavicular",
    "hilar": "10",
    "interlobar": "11",
    "axillary": "axillary",
    "axilla": "axillary",
    "ax": "axillary",
}
SIDE_LETTERS = {"r": Laterality.RIGHT, "l": Laterality.LEFT}
UNSIDED = {"5": Laterality.LEFT, "6": Laterality.LEFT, "7": Laterality.MIDLINE}
SIDED = frozenset({"1", "2", "4", "8", "9", "10", "11", "12", "13", "14"})
ESOPHAGEAL = frozenset({"15", "16", "17", "18", "19", "20"})  # AJCC 8th edition, abdominal stations of the esophagus


@dataclass(frozen=True)
class Station:
    """What a name says about a station: `station` is None when it names a node but no single station."""

    station: str | None
    laterality: Laterality | None
    certain: bool  # the name is a station even without a word such as node


def station_named(words: list[str]) -> Station | None:
    """The station in a name's words; None when nothing in them looks like one.

    What follows a word such as station counts first: in `node-7 station 4R` the 7 is a number of the node.
    """
    told = next((place for place, word in enumerate(words) if word in STATION_WORDS), len(words))
    return _station_in(words[told + 1 :], words) or _station_in(words, words)


def _station_in(part: list[str], words: list[str]) -> Station | None:
    """The station in a part of a name; the whole name says which kind of number is meant."""
    side = side_of(words)
    literal = _literal(part, side)
    if literal is not None:
        return literal
    rest = [word for word in words if word not in {side.value for side in SIDES}]
    context = bool(CONTEXT_WORDS & set(rest))
    found = [_thoracic(word, rest, side, context) or _neck(word, rest, side, context) for word in part]
    named = [station for station in found if station is not None]
    if named:
        return next((station for station in named if station.station is not None), named[0])
    group = next((GROUP_WORDS[word] for word in part if word in GROUP_WORDS), None)
    return None if group is None else Station(_sided(group, side), UNSIDED.get(group, side), False)


def _literal(part: list[str], side: Laterality | None) -> Station | None:
    """A station of the vocabulary written as there (celiac, 8Lo), at the end of the words or between words for node."""
    by_name = {name.casefold(): name for name in station_codes() if _is_spelled_out(name)}
    endings = [part[start:] for start in range(len(part))]
    endings.append([word for word in part if word not in CONTEXT_WORDS])
    kept = next((key for key in ("_".join(words) for words in endings) if key in by_name), None)
    if kept is None:
        return None
    return Station(by_name[kept], side or station_codes()[by_name[kept]].laterality, kept[0].isdigit())


def _is_spelled_out(station: str) -> bool:
    """Names made of words, and 8U, 8M, 8Lo; numbers and levels have rules of their own."""
    return station.casefold() not in NECK_LEVELS and bool(re.search("[a-z]{3}|^8(?:U|M|Lo)$", station))


def _thoracic(word: str, rest: list[str], side: Laterality | None, context: bool) -> Station | None:
    """A numbered station: 4R, LN 7, station 10 right."""
    third = re.fullmatch(r"(?:st|stn|ln|lk|station)?(3[ap])([rl]?)", word)
    if third is not None:
        return _station_three(third.group(1), SIDE_LETTERS.get(third.group(2)) or side)
    match = re.fullmatch(r"(st|stn|ln|lk|station)?0?(\d{1,2})([rl]?)", word)
    if match is None:
        return None
    prefix, number, letter = match.groups()
    if number in ESOPHAGEAL and (prefix or STATION_WORDS & set(rest)):
        return Station(number, side, True)
    if number not in SIDED and number not in UNSIDED and number != "3":
        return None
    glued = SIDE_LETTERS.get(letter)
    side = glued or side
    if NECK_WORDS & set(rest):
        return _neck_level(_ARABIC[int(number)], side) if int(number) <= 7 else None
    if LEVEL_WORDS & set(rest) and glued is None and int(number) <= 7:
        return Station(None, side, True)  # a neck level or a thoracic station
    if number in UNSIDED:
        told = len(rest) == 1 or bool(prefix) or bool(STATION_WORDS & set(rest))
        return Station(number, UNSIDED[number], True) if told else Station(None, side, False) if context else None
    if side is None or number == "3":
        return Station(None, side, False) if context or prefix else None
    return Station(f"{number}{side.value[0].upper()}", side, glued is not None or context or bool(prefix))


def _station_three(number: str, side: Laterality | None) -> Station:
    """3p lies behind the trachea and has no side; 3a does not exist without one."""
    if number == "3p":
        return Station(number, Laterality.MIDLINE, True)
    return Station(f"3a{side.value[0].upper()}" if side in SIDES else None, side, True)


def _neck(word: str, rest: list[str], side: Laterality | None, context: bool) -> Station | None:
    """A neck level: IIA, level 2a, III left."""
    arabic = re.fullmatch(r"([1-7])([abc])([rl]?)", word)
    roman = re.fullmatch(r"(i(?=[ab])|ii|iii|iv|v|vi|vii)([abc]?)([rl]?)", word) or re.fullmatch(
        r"(rpn?)()([rl]?)", word
    )
    match = arabic or roman
    if match is None:
        return None
    number, part, letter = match.groups()
    side = SIDE_LETTERS.get(letter) or side
    if not (context or (roman and (part or side or len(rest) == 1) and word != "v")):
        return None
    return _neck_level((_ARABIC[int(number)] if arabic else number) + part, side)


def _neck_level(level: str, side: Laterality | None) -> Station:
    return Station(NECK_LEVELS.get(level), side, True)


def _sided(group: str, side: Laterality | None) -> str | None:
    """A group's station with its side, where the vocabulary spells one."""
    if group in UNSIDED or group in NECK_LEVELS.values():
        return group
    if side is None:
        return None
    return f"{group}_{side.value}" if group == "axillary" else f"{group}{side.value[0].upper()}"
