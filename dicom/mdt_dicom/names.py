"""The vocabulary of structures and lymph-node stations: their codes, and the ways in which people write them.

The tables `structure_codes.csv` and `station_codes.csv` beside this module are data: a structure's name as
TotalSegmentator spells it (`{side}` stands for left and right), its SNOMED code, other spellings. The SNOMED codes are
those of DICOM PS3.16 and of TotalSegmentator's public table; 99AIMDT are our own, where neither has one.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from oncology.findings import Laterality

SIDES = (Laterality.LEFT, Laterality.RIGHT)
LEFT_WORDS = frozenset({"l", "lt", "left", "li", "links", "sin", "sinistra", "gauche"})
RIGHT_WORDS = frozenset({"r", "rt", "right", "re", "rechts", "dx", "dext", "droite"})
# Words that say how or with what something was drawn, not what it is.
IDLE_WORDS = frozenset(
    {
        "ct",
        "pet",
        "mr",
        "mri",
        "fdg",
        "contour",
        "roi",
        "structure",
        "organ",
        "oar",
        "final",
        "new",
        "total",
        "avg",
        "ave",
        "the",
        "of",
        "and",
        "manual",
        "seg",
        "mask",
    }
)
LOBES = {
    "lul": ["lung", "upper", "lobe", "left"],
    "lll": ["lung", "lower", "lobe", "left"],
    "rul": ["lung", "upper", "lobe", "right"],
    "rml": ["lung", "middle", "lobe", "right"],
    "rll": ["lung", "lower", "lobe", "right"],
}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DIVIDER = re.compile(r"[^0-9A-Za-z]+")


@dataclass(frozen=True)
class StructureCode:
    """One structure: `category` is anatomy, abnormal, tissue or substance; `laterality` where the code has no side."""

    structure: str
    category: str
    scheme: str
    code: str
    meaning: str
    laterality: Laterality | None


@dataclass(frozen=True)
class StationCode:
    """The lymph node group (SNOMED) that a station belongs to."""

    station: str
    code: str
    meaning: str
    laterality: Laterality | None


def words_of(name: str) -> list[str]:
    """A name's words, lower case, sides spelled out; camel case is split.

    >>> words_of("LungLt_v2"), words_of("SpinalCord")
    (['lung', 'left', 'v2'], ['spinal', 'cord'])
    """
    words = [word.lower() for word in _DIVIDER.sub(" ", _CAMEL.sub(" ", name)).split()]
    spelled = ["left" if word in LEFT_WORDS else "right" if word in RIGHT_WORDS else word for word in words]
    return [part for word in spelled for part in LOBES.get(word, [word])]


def side_of(words: list[str]) -> Laterality | None:
    """The one side that the words name."""
    sides = {side for side in SIDES if side.value in words}
    return sides.pop() if len(sides) == 1 else None


def structure_named(words: list[str]) -> str | None:
    """The structure that the words name, in any order, with idle words and trailing numbers disregarded."""
    index = _structures_by_words()
    tries = [words, [word for word in words if word not in IDLE_WORDS]]
    tries.append([word for word in tries[1] if not re.fullmatch(r"v?\d{1,2}", word)])
    return next((index[key] for key in (tuple(sorted(attempt)) for attempt in tries) if key in index), None)


@cache
def structure_codes() -> dict[str, StructureCode]:
    """All structures by name."""
    codes = {}
    for row in _rows("structure_codes.csv"):
        for side in SIDES if row["laterality"] == "both" else (None,):
            name = row["structure"].format(side=side.value if side else "")
            codes[name] = StructureCode(name, row["category"], row["scheme"], row["code"], row["meaning"], side)
    return codes


@cache
def station_codes() -> dict[str, StationCode]:
    """All stations by name, spelled as in the staging vocabulary."""
    return {
        row["station"]: StationCode(
            row["station"], row["code"], row["meaning"], Laterality(row["laterality"]) if row["laterality"] else None
        )
        for row in _rows("station_codes.csv")
    }


@cache
def structure_of_code() -> dict[tuple[str, Laterality | None], str]:
    """Structures by SNOMED code and side; codes that several structures share are left out."""
    found: dict[tuple[str, Laterality | None], list[str]] = {}
    for entry in structure_codes().values():
        if entry.scheme == "SCT":
            found.setdefault((entry.code, entry.laterality), []).append(entry.structure)
    return {key: names[0] for key, names in found.items() if len(names) == 1}


@cache
def _structures_by_words() -> dict[tuple[str, ...], str]:
    """Structures by the sorted words of each spelling; the first row that claims a spelling has it."""
    index: dict[tuple[str, ...], str] = {}
    for row in _rows("structure_codes.csv"):
        for side in SIDES if row["laterality"] == "both" else (None,):
            name = row["structure"].format(side=side.value if side else "")
            spellings = [name, *(f"{other} {side.value if side else ''}" for other in row["names"].split("|") if other)]
            for spelling in spellings:
                index.setdefault(tuple(sorted(words_of(spelling))), name)
    return index


def _rows(file_name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / file_name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
