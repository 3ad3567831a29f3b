"""Observations and reports: markers, performance, smoking, lung function, endoscopy, biopsies, recorded TNM.

How each is coded stands in `record_writer.py`, which writes the same resources, and in codes.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mdt_fhir import code_table
from mdt_fhir.collect import Collector
from mdt_fhir.diagnosis import Diagnoses, side_of, stage_group
from mdt_fhir.element import Coded, at, codings, objects, quantity, value_codings
from mdt_fhir.record import Entry, Record
from oncology.findings import Severity
from oncology.tnm.vocabulary import vocabulary

Value = tuple[Any, Coded, bool]  # value, where it was read, doubtful

IGNORED = ("entered-in-error", "cancelled", "registered")
MILLIMETERS = {"mm": 1.0, "millimeter": 1.0, "cm": 10.0, "centimeter": 10.0, "centimeters": 10.0, "m": 1000.0}
STATION_IN_TEXT = re.compile(r"\b(?:station|level)\s+([0-9]{1,2}[RL]?|[IV]{1,3}[AB]?)\b", re.IGNORECASE)
CATEGORY = {axis: re.compile(rf"\b[cpyu]*({axis}(?:is|mi|X|[0-4])[a-d]?[1-3]?)\b", re.IGNORECASE) for axis in "TNM"}
LETTERS = {"right": "R", "left": "L"}  # behind a station's number
PLACED = ("station", "metastasis")  # kinds of samples that say nothing without their place
PERCENT_RANGE = (1.0, 250.0)  # of predicted; outside it is another quantity


def read_observations(record: Record, diagnoses: Diagnoses, into: Collector) -> None:
    """All facts that Observations carry."""
    for entry in record.of_type("Observation"):
        if entry.resource.get("status") in IGNORED:
            continue
        code = codings(entry.resource, "code")
        axis = code_table.stage_axis(code)
        if axis:
            _read_stage(entry, axis, record, diagnoses, into)
            continue
        name = code_table.observation_name(code)
        if name and _is_about(entry, record, diagnoses):
            _read_value(entry, *name, into)


def _is_about(entry: Entry, record: Record, diagnoses: Diagnoses) -> bool:
    """False when `focus` ties the Observation to another diagnosis."""
    targets = [record.resolve(item, entry) for item, _ in objects(entry.resource, "focus")]
    conditions = [target for target in targets if target is not None and target.type == "Condition"]
    return not conditions or any(diagnoses.is_ours(target) for target in conditions)


def _read_value(entry: Entry, name: str, coded: Coded, doubtful: bool, into: Collector) -> None:
    kind = code_table.table()["observations"][name]["kind"]
    found = READERS[kind](entry.resource)
    if found is None:
        if "dataAbsentReason" not in entry.resource:
            _tell_unread(entry, name, kind, into)
        return
    value, where, worded = found
    place = Coded(coded.system, coded.code, where.display or coded.display, where.path)
    into.add(name, value, entry, place, doubtful=doubtful or worded)


def _tell_unread(entry: Entry, name: str, kind: str, into: Collector) -> None:
    """A value that was not read; tumor proven at a place that was not read could raise N or M, and is no side note."""
    found = _polarity(entry.resource) if kind in PLACED else None
    if found is not None and found[0] == "positive":
        message = (
            f"{entry.key} found tumor at a place that could not be read: N or M may be higher than staged; check it"
        )
        into.doubt("proven-place-not-read", message, Severity.WARNING)
        return
    into.doubt("value-not-read", f"{entry.key} is a {name} whose value could not be read: check it", Severity.INFO)


def _polarity(resource: Mapping[str, Any]) -> Value | None:
    """positive or negative, from the value, else from the interpretation flag."""
    for coded in value_codings(resource):
        answer = code_table.polarity(coded)
        if answer:
            return "positive" if answer[0] else "negative", coded, answer[1]
    for coded in codings(resource, "interpretation"):
        if coded.code in ("POS", "NEG"):
            return "positive" if coded.code == "POS" else "negative", coded, False
    return None


def _quantity(resource: Mapping[str, Any]) -> Value | None:
    found = quantity(resource)
    if found is None:
        return None
    value: dict[str, Any] = {"value": found[0], "unit": found[1]}
    comparator = at(resource, "valueQuantity.comparator")
    if isinstance(comparator, str):
        value["comparator"] = comparator
    return value, Coded("", "", "", found[2]), False


def _number(resource: Mapping[str, Any]) -> Value | None:
    found = quantity(resource)
    return (found[0], Coded("", "", "", found[2]), False) if found and found[0] >= 0 else None


def _percent(resource: Mapping[str, Any]) -> Value | None:
    """Percent of predicted; liters and other units are another quantity."""
    found = quantity(resource)
    if found is None or found[1] not in ("%", "") or not PERCENT_RANGE[0] <= found[0] <= PERCENT_RANGE[1]:
        return None
    return found[0], Coded("", "", "", found[2]), False


def _length(resource: Mapping[str, Any]) -> Value | None:
    found = quantity(resource)
    if found is None or found[1] not in MILLIMETERS:
        return None
    return found[0] * MILLIMETERS[found[1]], Coded("", "", "", found[2]), False


def _ecog(resource: Mapping[str, Any]) -> Value | None:
    found = quantity(resource)
    if found and found[0] in (0, 1, 2, 3, 4, 5):
        return int(found[0]), Coded("", "", "", found[2]), False
    for coded in value_codings(resource) + codings(resource, "interpretation"):
        grade = code_table.table()["values"]["ecog"].get(coded.code)
        if grade is not None:
            return grade, coded, False
        match = re.search(r"\b(?:ECOG|grade)\D{0,5}([0-5])\b", coded.display, re.IGNORECASE)
        if match:
            return int(match.group(1)), coded, True
    return None


def _first(resource: Mapping[str, Any], read: Callable[[Coded], tuple[Any, bool] | None]) -> Value | None:
    for coded in value_codings(resource):
        found = read(coded)
        if found:
            return found[0], coded, found[1]
    return None


def _smoking(resource: Mapping[str, Any]) -> Value | None:
    return _first(resource, code_table.smoking)


def _cord_mobility(resource: Mapping[str, Any]) -> Value | None:
    return _first(resource, lambda coded: code_table.word_value(coded, "cord_mobility"))


def _t_category(resource: Mapping[str, Any]) -> Value | None:
    for coded in value_codings(resource):
        for text in (coded.code, coded.display):
            match = CATEGORY["T"].search(text)
            if match:
                return _spelled(match.group(1)), coded, code_table.system_of(coded) != "value"
    return None


def _spelled(category: str) -> str:
    """T2A -> T2a, TX -> TX, tis -> Tis."""
    return category[0].upper() + (category[1:].upper() if category[1:].upper() == "X" else category[1:].lower())


def _components(resource: Mapping[str, Any]) -> Value | None:
    """A dict of the components: lengths as `<name>_mm`, codes as their code, booleans as they are."""
    values = dict(_component_values(resource))
    return (values, Coded("", "", "", "component"), False) if values else None


def _component_values(resource: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for component, _ in objects(resource, "component"):
        name = next((coded.code for coded in codings(component, "code") if coded.code), "")
        key = name.replace("-", "_")
        length = _length(component)
        coded = next(iter(value_codings(component)), None)
        if key and length:
            yield f"{key}_mm", length[0]
        elif key and isinstance(component.get("valueBoolean"), bool):
            yield key, component["valueBoolean"]
        elif key and coded:
            yield key, coded.code or coded.display


def _method(resource: Mapping[str, Any]) -> str | None:
    """How a sample was taken: one of values.sampling."""
    for coded in codings(resource, "method"):
        for word in code_table.table()["values"]["sampling"]:
            if word.lower() in (coded.code.lower(), coded.display.lower()) or re.search(
                rf"\b{word}\b", coded.display, re.IGNORECASE
            ):
                return str(word)
    return None


def _biopsy(resource: Mapping[str, Any]) -> Value | None:
    """{"malignant", "histology", "method"} of a biopsy of the primary."""
    found = _polarity(resource)
    histology = next((name for coded in value_codings(resource) if (name := code_table.histology_of(coded))), None)
    if found is None and histology is None:
        return None
    malignant = found[0] == "positive" if found else True
    where, doubtful = (found[1], found[2]) if found else (value_codings(resource)[0], False)
    return {"malignant": malignant, "histology": histology, "method": _method(resource)}, where, doubtful


def _station(resource: Mapping[str, Any]) -> Value | None:
    """{"station", "laterality", "malignant", "method"}, the side where it is told and the station's name does not.

    The station by our code, else by the words of the body site or the code.
    """
    found = _polarity(resource)
    if found is None:
        return None
    coded_station = next(
        (coded for coded in codings(resource, "bodySite") if code_table.system_of(coded) == "station"), None
    )
    station = coded_station.code if coded_station else _station_in_words(resource)
    if station is None:
        return None
    side, worded = _sampled_side(resource)
    place = _sided_station(station, side)
    value = {**place, "malignant": found[0] == "positive", "method": _method(resource)}
    return value, found[1], found[2] or coded_station is None or (worded and place != {"station": station})


def _station_in_words(resource: Mapping[str, Any]) -> str | None:
    for coded in codings(resource, "bodySite") + codings(resource, "code"):
        match = STATION_IN_TEXT.search(coded.display)
        if match:
            return match.group(1).upper()
        for words, station in code_table.table()["station_words"].items():
            if re.search(words, coded.display, re.IGNORECASE):
                return str(station)
    return None


def _sampled_side(resource: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The one side that body site and code name, and whether only words do; none where they differ."""
    named = codings(resource, "bodySite")
    coded = {side_of(concept, path) for concept, path in objects(resource, "bodySite")}
    coded |= {code_table.laterality_of(one) for one in named}
    worded = {code_table.laterality_from_text(one.display) for one in [*named, *codings(resource, "code")]}
    sides = (coded | worded) - {None}
    return (sides.pop() if len(sides) == 1 else None), coded == {None}


def _sided_station(station: str, side: str | None) -> dict[str, str]:
    """A station with the side that its name lacks: a letter behind its number, or the side of a level of the neck.

    >>> _sided_station("4", "right"), _sided_station("II", "left"), _sided_station("7", "left")
    ({'station': '4R'}, {'station': 'II', 'laterality': 'left'}, {'station': '7'})
    """
    spelled = {name: lies for site in vocabulary().sites.values() for name, lies in site.stations.items()}
    lettered = station + LETTERS.get(side or "", "")
    if station not in spelled and lettered in spelled:
        return {"station": lettered}
    return {"station": station} if side is None or spelled.get(station) else {"station": station, "laterality": side}


def _metastasis(resource: Mapping[str, Any]) -> Value | None:
    """{"site", "malignant"} of a sampled distant finding; an adrenal gland with its side where that is told."""
    found = _polarity(resource)
    place = next((site for coded in codings(resource, "bodySite") if (site := code_table.metastasis_site(coded))), None)
    if found is None or place is None:
        return None
    side, worded = _sampled_side(resource)
    sided = place == "adrenal" and side in LETTERS
    site = f"{place}_{side}" if sided else place
    return {"site": site, "malignant": found[0] == "positive"}, found[1], found[2] or (sided and worded)


READERS: Mapping[str, Callable[[Mapping[str, Any]], Value | None]] = {
    "polarity": _polarity,
    "quantity": _quantity,
    "number": _number,
    "percent": _percent,
    "length": _length,
    "ecog": _ecog,
    "smoking": _smoking,
    "cord_mobility": _cord_mobility,
    "t_category": _t_category,
    "components": _components,
    "biopsy": _biopsy,
    "station": _station,
    "metastasis": _metastasis,
}


def _read_stage(entry: Entry, axis: tuple[str, bool], record: Record, diagnoses: Diagnoses, into: Collector) -> None:
    """A TNM category or stage group that somebody recorded; for comparison, never taken over."""
    if not _is_about(entry, record, diagnoses) or not diagnoses.primary:
        return
    if diagnoses.others and not any(True for _ in objects(entry.resource, "focus")):
        into.doubt(
            "stage-of-unclear-origin", f"{entry.key} is a TNM entry without focus; it may belong to another cancer here"
        )
    method = next(
        (edition for coded in codings(entry.resource, "method") if (edition := code_table.edition_of(coded))), None
    )
    classification = "pathological" if axis[1] else "clinical"
    for coded in value_codings(entry.resource):
        value = _stage_value(coded, axis[0])
        if value:
            recorded = {"axis": axis[0], "value": value, "method": method, "classification": classification}
            into.add("recorded_stage", recorded, entry, coded)
            return


def _stage_value(coded: Coded, axis: str) -> str | None:
    for text in (coded.display, coded.code):
        if axis == "group":
            found = stage_group(text) or stage_group(f"stage {text}")
        else:
            match = CATEGORY[axis].search(text)
            found = _spelled(match.group(1)) if match else None
        if found:
            return found
    return None


def read_reports(record: Record, diagnoses: Diagnoses, into: Collector) -> None:
    """Histology that a report concludes about the asked site (DiagnosticReport.conclusionCode)."""
    for entry in record.of_type("DiagnosticReport"):
        if entry.resource.get("status") in IGNORED:
            continue
        for coded in codings(entry.resource, "conclusionCode"):
            meaning = code_table.tumor_meaning(coded)
            if meaning and meaning.site == diagnoses.site and "histology" in meaning.details:
                into.add("histology", meaning.details["histology"], entry, coded, doubtful=meaning.doubtful)
