"""The finder of stations that belongs to a cancer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from oncology.errors import ScopeError
from oncology.findings import NECK_SITES, Point
from oncology.imaging.stations.abdominal import find_abdominal_stations
from oncology.imaging.stations.base import StationFinder
from oncology.imaging.stations.neck import find_neck_stations
from oncology.imaging.stations.thoracic import find_thoracic_stations
from oncology.imaging.volume import Geometry

FINDERS: Mapping[str, Callable[..., StationFinder]] = {
    "lung": partial(find_thoracic_stations, system="iaslc"),
    "esophagus": partial(find_thoracic_stations, system="esophageal"),
    "pancreas": find_abdominal_stations,
    **dict.fromkeys(NECK_SITES, find_neck_stations),
}


def station_word(cancer: str, label: str) -> str:
    """A label of a drawn map in the vocabulary of the cancer's N category: levels of the neck are told without side.

    >>> station_word("larynx", "II_left"), station_word("esophagus", "supraclavicular_left")
    ('II', 'supraclavicular_left')
    """
    return label.removesuffix("_left").removesuffix("_right") if cancer in NECK_SITES else label


def station_finder(
    cancer: str, structures: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], grid: Geometry
) -> StationFinder:
    """Stations of the map that a cancer's N category is told in.

    Args:
        cancer: the site word of the TNM vocabulary.
        structures: masks (Z, Y, X) by TotalSegmentator's names.
        landmarks: points in LPS mm by name.
        grid: of all masks.

    Raises:
        ScopeError: there are no rules for that cancer.
    """
    if cancer not in FINDERS:
        raise ScopeError(f"no lymph node stations are known for {cancer!r}; expected one of: {', '.join(FINDERS)}")
    return FINDERS[cancer](structures, landmarks, grid)
