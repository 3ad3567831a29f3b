"""The vocabulary of staging facts: `vocabulary.yaml` as records, with spelling help.

`UNKNOWN` marks a reading that stays open; JSON's null is read as the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from oncology.errors import FactError, TableError
from oncology.tnm.yaml_file import read_yaml

VOCABULARY_PATH = Path(__file__).with_name("vocabulary.yaml")
UNKNOWN = "unknown"
AXES = ("t", "n", "m", "group")
CLASSIFICATIONS = ("clinical", "pathological")
NODE_GATE, MET_GATE = "positive", "malignant"
ENE_VALUES = ("no", "microscopic", "gross")


@dataclass(frozen=True)
class FactSpec:
    """One fact: its kind, values, and how it is read when it is not mentioned."""

    key: str
    kind: str  # bool | enum | number | set | ene
    values: tuple[str, ...] = ()
    unit: str | None = None  # mm | count
    closed: Any = None  # None: unknown
    strict: Any = None
    nested: tuple[tuple[str, ...], ...] = ()
    implied_by: Mapping[str, tuple[Any, ...] | None] = field(default_factory=dict)  # fact -> its values; None: any
    implied_value: Any = None
    stands_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_station: Mapping[str, Any] = field(default_factory=dict)
    informs: str | None = None  # axis whose open questions it feeds, without being part of a table


@dataclass(frozen=True)
class SiteSpec:
    """All facts of one site."""

    key: str
    subsets: tuple[str, ...]
    facts: Mapping[str, FactSpec]
    station_key: str  # `level` or `station`
    stations: Mapping[str, str | None]  # name -> the side it implies
    station_absent: str | None
    unspecified: Mapping[str, tuple[str, ...]]
    node: Mapping[str, FactSpec]
    mets: Mapping[str, FactSpec]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Every key that a facts object of this site may carry."""
        return (*self.facts, "nodes", "mets")


@dataclass(frozen=True)
class Vocabulary:
    """All sites."""

    tables_date: str
    sites: Mapping[str, SiteSpec]

    def site(self, key: object) -> SiteSpec:
        """The site of that name.

        Raises:
            FactError: no such site.
        """
        found = self.sites.get(key) if isinstance(key, str) else None
        if found is None:
            raise FactError(f"unknown site {shown(key)}; {expected(key, self.sites)}")
        return found


def shown(value: object) -> str:
    """A value as it stands in a message, at most 40 characters."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def nearest(word: object, known: Collection[str]) -> str | None:
    """The known spelling closest to `word`, or None when nothing is close."""
    lowered = {item.lower(): item for item in known}
    found = difflib.get_close_matches(str(word).lower(), lowered, n=1, cutoff=0.5)
    return lowered[found[0]] if found else None


def expected(word: object, known: Collection[str]) -> str:
    """What a message says after an unknown word: the nearest spelling and the possible ones."""
    close = nearest(word, known)
    listed = ", ".join(known) if known else "nothing here"
    return f"expected one of {listed}" + (f"; did you mean {close!r}?" if close else "")


def _reading(raw: Mapping[str, Any], name: str, default: Any) -> Any:
    value = raw.get(name, default)
    return None if value == UNKNOWN else value


def _implied_by(raw: Sequence[str] | Mapping[str, Sequence[Any] | None]) -> Mapping[str, tuple[Any, ...] | None]:
    if isinstance(raw, Mapping):
        return {str(fact): None if values is None else tuple(values) for fact, values in raw.items()}
    return {str(fact): None for fact in raw}


def _fact(key: str, raw: Mapping[str, Any]) -> FactSpec:
    kind = str(raw["kind"])
    implied = raw.get("implied") or {}
    closed_default = {"bool": False, "set": [], "ene": False}.get(kind, UNKNOWN)
    by_station = {str(station): value for value, stations in raw.get("by_station", {}).items() for station in stations}
    return FactSpec(
        key=key,
        kind=kind,
        values=tuple(str(value) for value in raw.get("values", ())),
        unit=raw.get("unit"),
        closed=_reading(raw, "closed", closed_default),
        strict=_reading(raw, "strict", UNKNOWN),
        nested=tuple(tuple(chain) for chain in raw.get("nested", ())),
        implied_by=_implied_by(implied.get("by", ())),
        implied_value=implied.get("value"),
        stands_for={str(value): tuple(of) for value, of in raw.get("stands_for", {}).items()},
        by_station=by_station,
        informs=raw.get("informs"),
    )


def _site(key: str, raw: Mapping[str, Any]) -> SiteSpec:
    return SiteSpec(
        key=key,
        subsets=tuple(raw["subsets"]),
        facts={name: _fact(name, item) for name, item in raw["facts"].items()},
        station_key=raw["station_key"],
        stations={str(name): side for name, side in raw["stations"].items()},
        station_absent=raw.get("station_absent"),
        unspecified={str(name): tuple(map(str, of)) for name, of in raw.get("unspecified", {}).items()},
        node={name: _fact(name, item) for name, item in raw["node"].items()},
        mets={name: _fact(name, item) for name, item in raw["mets"].items()},
    )


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that comes with the engine.

    Raises:
        TableError: the file is broken.
    """
    raw = read_yaml(VOCABULARY_PATH)
    try:
        sites = {key: _site(key, item) for key, item in raw["sites"].items()}
        return Vocabulary(tables_date=str(raw["tables_date"]), sites=sites)
    except (KeyError, TypeError, AttributeError) as problem:
        raise TableError(f"vocabulary.yaml cannot be read: {type(problem).__name__} at {problem}") from problem
