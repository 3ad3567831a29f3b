"""What a synthetic patient is to have: build, scanner, tumor, nodes, metastases, record, and the categories of that.

Categories are assigned beside the construction from the definitions, never by the staging engine: a cohort would
otherwise only show that the engine agrees with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.synthetic.ct import Scanner
from models.synthetic.frame import Build
from oncology.findings import NECK_SITES, Point

Categories = Mapping[str, Mapping[str, str]]
# The field of view and the voxel size that networks work at, by cancer.
FIELD_OF: Mapping[str, str] = {
    "lung": "thorax",
    "esophagus": "chest_and_upper_abdomen",
    "pancreas": "abdomen",
    **dict.fromkeys(NECK_SITES, "neck"),
}
SPACING_MM: Mapping[str, float] = {
    "lung": 2.0,
    "esophagus": 2.0,
    "pancreas": 1.5,
    **dict.fromkeys(NECK_SITES, 1.5),
}
CANCERS = tuple(FIELD_OF)
AWAY_FROM_THRESHOLD_MM = 2.0  # a drawn border is known to a voxel; a size this near a threshold has no sure category


@dataclass(frozen=True)
class TumorPlan:
    """A tumor to grow.

    Attributes:
        home: masks that it starts in and may fill.
        center_lps: where it starts, LPS mm; moved to the nearest place that fits.
        greatest_mm: longest diameter over the three planes.
            The first is where its center lies.
        invaded: masks that it enters by 4 mm or more; `along`: those that it may enter on its way (a star stands for
            any ending).
        encased: vessels that it goes around; `wrapped` by this share of their circumference.
        avoided: masks that it keeps off; it may touch any other that it does not invade.
        suv: highest uptake that the scan shows.
        necrosis: dead part of its volume.
        hu: density above that of muscle.
        cuff_mm: how far it reaches beyond the wall of a hollow organ that it runs along; None for a solid tumor.
        ring: share of a hollow organ's circumference that it takes.
        depth_mm: how deep it grows at most below the surface of where it starts; None for one that grows as a ball.
    """

    home: tuple[str, ...]
    center_lps: Point
    greatest_mm: float
    invaded: tuple[str, ...] = ()
    along: tuple[str, ...] = ()
    encased: tuple[str, ...] = ()
    wrapped: float = 1.0
    avoided: tuple[str, ...] = ()
    suv: float = 9.0
    necrosis: float = 0.0
    hu: float = 14.0
    roughness: float = 0.16
    cuff_mm: float | None = None
    ring: float = 1.0
    depth_mm: float | None = None


@dataclass(frozen=True)
class NodePlan:
    """A node to draw.

    Attributes:
        station: in the words of the cancer's map; levels of the neck without a side.
        suv: highest uptake that the scan shows.
        side: of a level of the neck.
        place: which of the station's places it takes, 0 to 1.
        necrosis: share of its diameter that is dead in the middle.
        hilum: fat is seen in its hilum.
        ene: extranodal extension; `ene_grade` 1 into fat, 2 matted or further, 3 into muscle, skin or vessels.
        infiltrates: the fat around it is stranded; `roughness` of its border.
    """

    station: str
    short_mm: float
    long_mm: float
    malignant: bool
    suv: float
    side: str | None = None
    place: float = 0.0
    necrosis: float = 0.0
    hilum: bool = False
    ene: bool = False
    ene_grade: int | None = None
    infiltrates: bool = False
    roughness: float = 0.03


@dataclass(frozen=True)
class MetastasisPlan:
    """A metastasis to draw in an organ: `site` in the words of the TNM vocabulary, `organ` a mask's name."""

    site: str
    organ: str
    diameter_mm: float
    suv: float
    place: float = 0.5


@dataclass(frozen=True)
class PatientPlan:
    """One patient.

    Attributes:
        location: mask or subsite where the tumor lies; `laterality` left, right or midline.
        categories: edition -> t, n, m, stage_group.
        sampled: stations of which the record holds a sample; levels of the neck without a side.
        proven: sites of metastases that a biopsy in the record proved.
        record: more facts for the record, by name (histology, p16, endoscopy, ...).
        facts: more of what is true, for truth.json.
        features: names of `features.names.FEATURES` that the patient has beside all that.
    """

    cancer: str
    build: Build
    tumor: TumorPlan
    location: str
    laterality: str | None
    categories: Categories
    nodes: tuple[NodePlan, ...] = ()
    metastases: tuple[MetastasisPlan, ...] = ()
    sampled: tuple[str, ...] = ()
    proven: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    question: str = "Stage and resectability?"
    scanner: Scanner = field(default_factory=Scanner)
    shift: str | None = None
    pathology: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()


def grouped(t: str, n: str, m: str, group: str) -> dict[str, str]:
    """One edition's categories."""
    return {"t": t, "n": n, "m": m, "stage_group": group}
