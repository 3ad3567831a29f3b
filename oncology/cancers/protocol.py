"""What a cancer is to this software: one plug-in record, and how plug-ins are found.

Our own stand in MODULES. A hospital adds one by an entry point of the group `aimdt.cancers` in a package of its own:
the entry point's name is the cancer's key, its object a CancerPlugin. One that cannot be used is told with the name of
its distribution (`aimdt doctor`) and takes nothing else down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from oncology.errors import ScopeError
from oncology.findings import Facts, Findings, History
from oncology.tnm.loader import tables
from oncology.tnm.vocabulary import vocabulary

GROUP = "aimdt.cancers"

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
        key: its name here and on the command line; for ours the site word of the TNM vocabulary.
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
        site: the vocabulary's site whose facts and tables serve it; empty: the key is that word. Everything else that
            differs by organ (map of stations, signs of nodes, regional stations, report) is that site's, see `site_of`.
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
    site: str = ""

    @property
    def tnm_site(self) -> str:
        """The site word of the TNM vocabulary."""
        return self.site or self.key


def cancer(key: str) -> CancerPlugin:
    """The plug-in of a cancer.

    Raises:
        ScopeError: there is none of that key, or the one that a package adds cannot be used.
    """
    if key in MODULES:
        plugin: CancerPlugin = import_module(MODULES[key]).CANCER
        return plugin
    points = _added_points().get(key)
    if points is None:
        raise ScopeError(f"cancer {key!r} is not staged from images yet; expected one of: {', '.join(cancer_keys())}")
    return _only(key, points)


def site_of(key: str) -> str:
    """The site word of a cancer, by which every table and rule that differs by organ is looked up.

    >>> site_of("larynx")
    'larynx'

    Raises:
        ScopeError: there is no usable cancer of that key.
    """
    return key if key in MODULES else cancer(key).tnm_site


def cancer_keys() -> tuple[str, ...]:
    """The keys of all cancers: ours, then those that packages add, whether these can be used or not."""
    return (*MODULES, *(key for key in _added_points() if key not in MODULES))


def added_cancers() -> tuple[dict[str, str], dict[str, str]]:
    """What packages add: key -> title and distribution of those that can be used; key -> fault of the others."""
    usable, broken = {}, {}
    for key, points in _added_points().items():
        try:
            usable[key] = f"{_only(key, points).title}, {_distribution(points[0])}"
        except ScopeError as error:
            broken[key] = str(error)
    return usable, broken


def plugin_faults(plugin: CancerPlugin) -> list[str]:
    """What a plug-in lacks to stage by: topographies, and tables of every edition for a site of the vocabulary."""
    faults = [] if plugin.topographies else ["it names no ICD-O-3 topography; expected at least one"]
    site = plugin.tnm_site
    if site not in vocabulary().sites:
        return [
            *faults,
            f"its site {site!r} is none of the TNM tables; expected one of {', '.join(vocabulary().sites)}",
        ]
    served = [str(edition) for edition in tables().editions(site)]
    if not plugin.editions or not set(plugin.editions) <= set(served):
        asked = ", ".join(plugin.editions) or "none"
        faults.append(f"its editions are {asked}; expected some of {', '.join(served)}, which have tables of {site}")
    return faults


def _added_points() -> dict[str, list[EntryPoint]]:
    """Key -> the entry points that claim it; read anew every time, as packages come and go."""
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, _distribution(point))):
        found.setdefault(point.name, []).append(point)
    return found


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "a distribution without name"


def _only(key: str, points: list[EntryPoint]) -> CancerPlugin:
    """The plug-in behind the one entry point of a key.

    Raises:
        ScopeError: the key is taken, or the plug-in cannot be used.
    """
    if key in MODULES or len(points) > 1:
        claims = " and by ".join(map(_distribution, points))
        ours = "AI-MDT has a cancer of that key, which stays" if key in MODULES else "one key is one cancer"
        raise ScopeError(f"cancer {key!r} is added by {claims}; {ours}; choose another key or uninstall the package")
    where = f"cancer {key!r} of {_distribution(points[0])} ({GROUP}: {points[0].value})"
    plugin = _loaded(points[0], where)
    faults = plugin_faults(plugin)
    if faults:
        raise ScopeError(f"{where} cannot be used: {'; '.join(faults)}; mend or uninstall that package")
    return plugin


def _loaded(point: EntryPoint, where: str) -> CancerPlugin:
    try:
        found = point.load()
    except (Exception, SystemExit) as error:  # a foreign module may raise anything at import; no patient is near
        words = f"{where} cannot be imported: {type(error).__name__}: {error}"
        raise ScopeError(f"{words}; mend or uninstall that package") from error
    if not isinstance(found, CancerPlugin):
        raise ScopeError(f"{where} is of type {type(found).__name__}; expected a CancerPlugin; mend that package")
    if found.key != point.name:
        raise ScopeError(f"{where} has the key {found.key!r}; expected the entry point's name; mend that package")
    return found
