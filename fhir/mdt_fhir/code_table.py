"""The table of codes, and what a coding means by it. See codes.yaml for the sources."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mdt_fhir.element import Coded

TABLE = Path(__file__).with_name("codes.yaml")
MORPHOLOGY = re.compile(r"^(\d{4})(?:/(\d))?")


@dataclass(frozen=True)
class Meaning:
    """What one coding says about a tumor. `doubtful`: read from words, not from a code."""

    kind: str  # "primary", "other", "metastasis"
    site: str
    details: Mapping[str, Any] = field(default_factory=dict)
    doubtful: bool = False


@functools.cache
def table() -> Mapping[str, Any]:
    """The content of codes.yaml."""
    loaded: Mapping[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return loaded


@functools.cache
def _systems() -> Mapping[str, str]:
    return {uri: name for name, uris in table()["systems"].items() for uri in uris}


def system_of(coded: Coded) -> str:
    """Our short name of a coding's system: snomed, loinc, icd10, ...; "" when unknown."""
    return _systems().get(coded.system.rstrip("/"), "")


def uri(system: str) -> str:
    """The URI under which we write a system."""
    return str(table()["systems"][system][0])


def tumor_meaning(coded: Coded) -> Meaning | None:
    """What a diagnosis coding says: a primary of a stageable site, another tumor, a metastasis, or nothing (None)."""
    system = system_of(coded)
    if system in ("icd10", "icd9", "icdo3"):
        return _by_prefix(coded, "icd9" if system == "icd9" else "icd10")
    if system == "snomed" and coded.code:
        known = _by_code(coded.code)
        if known is not None:
            return known
    return _by_text(coded.display)


def _rows(system: str) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """(code, kind, site, details) of every row of the table in that system."""
    for site, entry in table()["sites"].items():
        for code, details in entry.get(system, {}).items():
            yield str(code), "primary", site, details
    for section, kind in (("other_tumors", "other"), ("metastases", "metastasis")):
        for code, details in table()[section].get(system, {}).items():
            yield str(code), kind, details["site"], details


@functools.cache
def _prefixes(system: str) -> Mapping[str, Meaning]:
    return {code.replace(".", ""): Meaning(kind, site, details) for code, kind, site, details in _rows(system)}


def _by_prefix(coded: Coded, system: str) -> Meaning | None:
    code = coded.code.upper().replace(".", "").replace(" ", "")
    prefixes = _prefixes(system)
    for length in range(len(code), 0, -1):
        if code[:length] in prefixes:
            return _with_icd_side(prefixes[code[:length]], code)
    return None


def _with_icd_side(meaning: Meaning, code: str) -> Meaning:
    """ICD-10-CM writes the side of a lung tumor as the fifth character: C34.11 right, C34.12 left."""
    if code.startswith(("C34", "D022")) and len(code) == 5 and code[4] in "12":
        return Meaning(
            meaning.kind, meaning.site, {**meaning.details, "laterality": "right" if code[4] == "1" else "left"}
        )
    return meaning


@functools.cache
def _snomed() -> Mapping[str, Meaning]:
    return {code: Meaning(kind, site, details) for code, kind, site, details in _rows("snomed")}


def _by_code(code: str) -> Meaning | None:
    return _snomed().get(code)


def _by_text(text: str) -> Meaning | None:
    """What the words of a diagnosis say; always doubtful."""
    words = text.lower()
    metastatic = _matches(table()["metastases"]["text"], words)
    if not metastatic and not _matches(table()["other_tumors"]["text"], words):
        return None
    if re.search(r"\b(suspect|screen|family history|risk of|no evidence|rule out|benign)", words):
        return None
    if metastatic:
        return Meaning("metastasis", _metastasis_word(words), {}, doubtful=True)
    if _matches(table()["other_tumors"]["skin_text"], words):
        return Meaning("other", "skin_non_melanoma", {}, doubtful=True)
    sites = [site for site, entry in table()["sites"].items() if _matches(entry["text"], words)]
    kind, site = ("primary", sites[0]) if len(sites) == 1 else ("other", "other")
    history = {"history": True} if re.search(r"\bhistory of\b", words) else {}
    return Meaning(kind, site, {**_histology_words(words), **history}, doubtful=True)


def _metastasis_word(words: str) -> str:
    for site, pattern in (
        ("brain", "brain|cerebr"),
        ("bone", "bone|osseous"),
        ("liver", "liver|hepat"),
        ("adrenal", "adrenal"),
    ):
        if re.search(pattern, words):
            return site
    return "nodes" if "node" in words else "other"


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _histology_words(words: str) -> dict[str, str]:
    found = histology_from_text(words)
    return {"histology": found} if found else {}


def body_meaning(coded: Coded, site: str) -> Mapping[str, Any] | None:
    """Subsite and side that a body site coding names within a site; None when it lies elsewhere or is unknown."""
    system = system_of(coded)
    if system == "snomed":
        found = table()["sites"][site]["body"].get(coded.code)
        return None if found is None else dict(found)
    if system in ("icdo3", "icd10"):
        meaning = _by_prefix(coded, "icd10")
        return dict(meaning.details) if meaning and meaning.kind == "primary" and meaning.site == site else None
    if system == "subsite":
        return {"subsite": coded.code}
    return None


def site_of_body(coded: Coded) -> str | None:
    """The stageable site of a body site coding."""
    for site in table()["sites"]:
        if body_meaning(coded, site) is not None and system_of(coded) != "subsite":
            return str(site)
    return None


def metastasis_site(coded: Coded) -> str | None:
    """The place of a distant finding, as the M vocabulary spells it."""
    if system_of(coded) == "metastasis_site":
        return coded.code
    if system_of(coded) == "snomed":
        row = table()["metastases"]["body"].get(coded.code)
        return str(row["site"]) if row else None
    return None


def laterality_of(coded: Coded) -> str | None:
    """left, right or midline, from a code."""
    found = table()["laterality"]["snomed"].get(coded.code) if system_of(coded) == "snomed" else None
    return str(found) if found else None


def laterality_from_text(text: str) -> str | None:
    """The one side that a text names; None when it names none or several."""
    sides = [side for side, pattern in table()["laterality"]["text"].items() if _matches(pattern, text)]
    return sides[0] if len(sides) == 1 else None


def histology_of(coded: Coded) -> str | None:
    """The histology class of a morphology coding (ICD-O-3 or SNOMED CT)."""
    rows = table()["histology"]
    if system_of(coded) == "snomed":
        found = rows["snomed"].get(coded.code)
        return str(found) if found else None
    match = MORPHOLOGY.match(coded.code) if system_of(coded) == "icdo3" else None
    if match is None:
        return None
    for first, last, name in rows["morphology"]:
        if first <= int(match.group(1)) <= last:
            return str(rows["in_situ"].get(name, name) if match.group(2) == "2" else name)
    return None


def histology_from_text(text: str) -> str | None:
    """The histology class that a text names; the first pattern of the table that fits."""
    for name, pattern in table()["histology"]["text"].items():
        if _matches(pattern, text):
            return str(name)
    return None


def histologies_agree(one: str, other: str) -> bool:
    """Whether two histology classes can describe the same tumor: equal, or one is a general word for the other."""
    includes = table()["histology"]["includes"]
    return one == other or other in includes.get(one, ()) or one in includes.get(other, ())


@functools.cache
def _observation_codes() -> Mapping[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for name, row in table()["observations"].items():
        found |= {(system, code): name for system in ("loinc", "snomed") for code in row.get(system, ())}
        found["fact", row["local"]] = name
    return found


def observation_name(found: list[Coded]) -> tuple[str, Coded, bool] | None:
    """(fact name, the coding that says so, doubtful) of an Observation's code; None when it is not one we read.

    A code decides; words decide only when no coding of the Observation is one of the table, and are doubtful.
    """
    for coded in found:
        name = _observation_codes().get((system_of(coded), coded.code))
        if name:
            return name, coded, False
    for coded in found:
        for name, row in table()["observations"].items():
            if coded.display and _matches(row["text"], coded.display):
                return name, coded, True
    return None


@functools.cache
def _stage_codes() -> Mapping[tuple[str, str], str]:
    axes = {axis: table()["stages"][axis] for axis in ("T", "N", "M", "group")}
    return {
        (system, code): axis for axis, row in axes.items() for system in ("snomed", "loinc") for code in row[system]
    }


def stage_axis(found: list[Coded]) -> tuple[str, bool] | None:
    """(T, N, M or group; whether pathological) of a staging Observation's code."""
    for coded in found:
        axis = _stage_codes().get((system_of(coded), coded.code))
        if axis:
            return axis, coded.code in table()["stages"]["pathological"]
    return None


def edition_of(coded: Coded) -> str | None:
    """The TNM edition that a staging method names."""
    found = table()["stages"]["methods"].get(coded.code)
    return str(found) if found else None


def polarity(coded: Coded) -> tuple[bool, bool] | None:
    """(positive, doubtful) of a positive/negative or malignant/benign value."""
    for name, answer in (("positive", True), ("negative", False)):
        row = table()["values"][name]
        if (coded.code in row["snomed"] and system_of(coded) == "snomed") or (
            system_of(coded) == "value" and coded.code in row["local"]
        ):
            return answer, False
    for name, answer in (("positive", True), ("negative", False)):
        if coded.display and _matches(table()["values"][name]["text"], coded.display):
            return answer, True
    return None


def smoking(coded: Coded) -> tuple[str, bool] | None:
    """(never, former or current; doubtful)."""
    for name, row in table()["values"]["smoking"].items():
        if system_of(coded) == "snomed" and coded.code in row["snomed"]:
            return str(name), False
    for name, row in table()["values"]["smoking"].items():
        if coded.display and _matches(row["text"], coded.display):
            return str(name), True
    return None


def word_value(coded: Coded, vocabulary: str) -> tuple[str, bool] | None:
    """(value, doubtful) in a closed vocabulary of words such as cord mobility."""
    rows = table()["values"][vocabulary]
    if system_of(coded) == "value" and coded.code in rows:
        return coded.code, False
    found = [name for name, pattern in rows.items() if coded.display and _matches(pattern, coded.display)]
    return (str(found[0]), True) if len(found) == 1 else None
