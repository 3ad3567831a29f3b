"""Facts of the record that contradict one another. All are kept; a person decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

from mdt_fhir import code_table
from oncology.findings import Conflict, RecordFact

# Facts that do not change over time: two values contradict whenever they were recorded.
STEADY = ("site", "laterality", "sex", "birth_year", "p16", "hpv", "ebv")
# Facts that may change: two values contradict only when they bear the same date.
CHANGING = ("ecog", "smoking_status", "vocal_cord_mobility", "eus_t", "fev1_percent", "dlco_percent", "pack_years")


def find_conflicts(facts: Sequence[RecordFact]) -> tuple[Conflict, ...]:
    """Every contradiction among the facts of one record."""
    found: list[Conflict] = []
    for name in STEADY:
        found += _differing(name, _named(facts, name), lambda fact: fact.value)
    for name in CHANGING:
        for same_day in _by(_named(facts, name), lambda fact: fact.date):
            found += _differing(name, same_day, lambda fact: fact.value)
    found += _histology(_named(facts, "histology"))
    for name in ("station_result", "metastasis_result"):
        for same_place in _by(_named(facts, name), _place):
            found += _differing(name, same_place, lambda fact: fact.value["malignant"])
    found += _sex_against_tumors(facts)
    return tuple(found)


def _place(fact: RecordFact) -> tuple[str, str]:
    """Station or site, and the side of a level of the neck."""
    return fact.value.get("station") or fact.value["site"], fact.value.get("laterality") or ""


def _named(facts: Sequence[RecordFact], name: str) -> list[RecordFact]:
    return [fact for fact in facts if fact.name == name]


def _by(facts: Sequence[RecordFact], key: Callable[[RecordFact], Any]) -> Iterator[list[RecordFact]]:
    for value in sorted({str(key(fact)) for fact in facts}):
        yield [fact for fact in facts if str(key(fact)) == value]


def _differing(name: str, facts: Sequence[RecordFact], value: Callable[[RecordFact], Any]) -> list[Conflict]:
    """One conflict when the facts hold more than one value."""
    values = sorted({str(value(fact)) for fact in facts})
    if len(values) < 2:
        return []
    what = f"{name}: the record says {' and '.join(values)}; all are kept, a person must decide"
    return [_conflict(name, values, facts, what)]


def _conflict(name: str, values: Sequence[str], facts: Sequence[RecordFact], message: str) -> Conflict:
    resources = tuple(dict.fromkeys(f"{fact.resource}#{fact.path}" for fact in facts))
    return Conflict(name, tuple(values), resources, message)


def _histology(facts: Sequence[RecordFact]) -> list[Conflict]:
    """Histologies that no common tumor can have; a general word and a special one below it agree."""
    clash = [
        (one, other)
        for one, other in combinations(facts, 2)
        if not code_table.histologies_agree(str(one.value), str(other.value))
    ]
    if not clash:
        return []
    involved = [fact for pair in clash for fact in pair]
    values = sorted({str(fact.value) for fact in involved})
    message = f"histology: the record says {' and '.join(values)}; all are kept, a person must decide"
    return [_conflict("histology", values, involved, message)]


def _sex_against_tumors(facts: Sequence[RecordFact]) -> list[Conflict]:
    """A tumor of an organ that the recorded sex does not have."""
    sexes = {str(fact.value): fact for fact in _named(facts, "sex")}
    needed = code_table.table()["other_tumors"]["sex"]
    found = []
    for fact in _named(facts, "second_primary"):
        sex = needed.get(fact.value["site"])
        if sex and sexes and sex not in sexes:
            values = (*sexes, fact.value["site"])
            message = (
                f"sex: the patient is recorded {', '.join(sexes)}, and a cancer of {fact.value['site']} is recorded"
            )
            found.append(_conflict("sex", values, [*sexes.values(), fact], message))
    return found
