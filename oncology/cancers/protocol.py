"""What a cancer is to this software: one plug-in record, and how plug-ins are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from oncology.errors import ScopeError
from oncology.findings import Facts, Findings, History

# Key -> module; a module ends with CANCER = CancerPlugin(...).
MODULES = {
    "lung": "oncology.cancers.lung",
    "esophagus": "oncology.cancers.esophagus",
    "pancreas": "oncology.cancers.pancreas",
    "larynx": "oncology.cancers.larynx",
    "hypopharynx": "oncology.cancers.hypopharynx",
    "oropharynx": "oncology.cancers.oropharynx",
    "oral_cavity": "oncology.cancers.oral_cavity",
    "nasopharynx": "oncology.cancers.nasopharynx",
}


@dataclass(frozen=True)
class CancerPlugin:
    """One cancer.

    Attributes:
        key: the site word of the TNM vocabulary.
        editions: the editions staged when none is asked for.
        subsets_of_edition: editions whose tables describe these subsets alone; others are not staged by them.
        without_subset: what a report says where nothing tells the subset; empty: nothing.
        topographies: ICD-O-3 topography prefixes that belong to it.
        landmarks: structures and points the derivation looks at when they are there.
        derive: measurements and history to staging facts; pure.
        must_image: regions whose imaging the M category rests on, with the reason.
        next_tests: tests beside the cited ones of oncology/next_tests.yaml, for an open fact or region that has no row.
        settled: facts that nobody doubts once a tumor was measured; they are left out of what would change the stage.
        particulars: what a report says of this organ beside T, N and M, as plain values.
        resectability: the class beside T, as a record; None where the field has no such classes.
    """

    key: str
    title: str
    editions: tuple[str, ...]
    topographies: tuple[str, ...]
    landmarks: tuple[str, ...]
    derive: Callable[[Findings, History], Facts]
    must_image: Mapping[str, str] = field(default_factory=dict)
    subsets_of_edition: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without_subset: str = ""
    next_tests: Mapping[str, str] = field(default_factory=dict)
    settled: tuple[str, ...] = ()
    particulars: Callable[[Findings, History], Mapping[str, Any]] | None = None
    resectability: Callable[[Findings, History], Any] | None = None


def cancer(key: str) -> CancerPlugin:
    """The plug-in of a cancer.

    Raises:
        ScopeError: there is none of that key.
    """
    if key not in MODULES:
        raise ScopeError(f"cancer {key!r} is not staged from images yet; expected one of: {', '.join(MODULES)}")
    plugin: CancerPlugin = import_module(MODULES[key]).CANCER
    return plugin
