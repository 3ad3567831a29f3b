"""Where nodes of a cancer's stations lie in one body, and the landmarks that divide the stations."""

from __future__ import annotations

from functools import lru_cache

from models.synthetic import abdomen_places, neck_places, thorax_places
from models.synthetic.frame import Build
from models.synthetic.plan import FIELD_OF, NodePlan
from oncology.errors import InputError
from oncology.findings import Point

INNER = 0.75  # share of a cohort's nodes that lie well inside their station when it has border places too
Place = tuple[Point, str | None]


def node_center(cancer: str, build: Build, node: NodePlan) -> Point:
    """The center of a node, LPS mm.

    Raises:
        InputError: the cancer's map has no such station.
    """
    found = _places(cancer, build, node.station, node.side)
    if not found:
        raise InputError(f"no place is known for a node of {cancer} at station {node.station!r}, side {node.side!r}")
    inner = [place for place, neighbor in found if neighbor is None] or [place for place, _ in found]
    outer = [place for place, neighbor in found if neighbor is not None]
    if node.place < INNER or not outer:
        return inner[int(min(node.place / INNER, 0.999) * len(inner)) % len(inner)]
    return outer[int((node.place - INNER) / (1.0 - INNER) * 0.999 * len(outer))]


@lru_cache(maxsize=512)
def _places(cancer: str, build: Build, station: str, side: str | None) -> tuple[Place, ...]:
    if FIELD_OF[cancer] == "neck":
        spots = neck_places.node_places(build, station, side or "left")
        return tuple((spot.center, spot.neighbor) for spot in spots)
    if cancer == "pancreas":
        return tuple((spot.center, spot.neighbor) for spot in abdomen_places.node_places(build, station))
    system = "esophageal" if cancer == "esophagus" else "iaslc"
    return tuple((spot.center, spot.neighbor) for spot in _thoracic(build, system) if spot.station == station)


@lru_cache(maxsize=16)
def _thoracic(build: Build, system: str) -> tuple[thorax_places.NodePlace, ...]:
    return tuple(thorax_places.node_places(build, system))


def landmarks_of(cancer: str, build: Build) -> dict[str, Point]:
    """Points of the body that the rules for stations ask for, LPS mm."""
    if FIELD_OF[cancer] == "neck":
        return neck_places.neck_landmarks(build)
    return thorax_places.thorax_landmarks(build) if cancer != "pancreas" else {}
