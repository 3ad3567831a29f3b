"""The nouns that every part shares: what was found, where it came from, and how sure it is.

All records are frozen and hold plain values only, so that they travel between tasks and into JSON unchanged.
Lengths are millimeters, volumes milliliters, points are DICOM patient coordinates (LPS) in millimeters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import getitem
from typing import Any, NewType

CaseId = NewType("CaseId", str)
Point = tuple[float, float, float]
NECK_SITES = ("larynx", "hypopharynx", "oropharynx", "oral_cavity", "nasopharynx")  # cancers of the head and neck
REVIEW_RESOURCE = "Review"  # a RecordFact with the resource "Review/<account>" was stated by a person in review


class Laterality(StrEnum):
    """The patient's side."""

    LEFT = "left"
    RIGHT = "right"
    MIDLINE = "midline"


class SourceKind(StrEnum):
    """Where a mask, a number or a fact came from, best first."""

    PERSON = "person"  # edited or confirmed in review
    CONTOUR = "contour"  # drawn by a person: DICOM SEG, RTSTRUCT, label map
    RECORD = "record"  # the FHIR record
    MODEL = "model"  # a network
    RULES = "rules"  # intensities and shape


@dataclass(frozen=True, order=True)
class Source:
    """One origin: `id` is a model id, the ROI or segment name, or resource type and id; never a file path."""

    kind: SourceKind
    id: str
    sha256: str | None = None


@dataclass(frozen=True)
class Evidence:
    """Why a fact is believed: the origin, the place in it, and when it was recorded.

    `reference` is a finding id (`tumor-1`), or `Observation/abc#valueCodeableConcept.coding[0]` for a record.
    """

    source: Source
    reference: str
    detail: str
    date: str | None = None  # ISO date


class Severity(StrEnum):
    """What a verdict means for the result."""

    INFO = "info"
    WARNING = "warning"  # the result stands, a person should look
    ERROR = "error"  # a part is missing from the result


@dataclass(frozen=True)
class Verdict:
    """One statement about quality: of the images, the record, or a step that failed or degraded."""

    code: str  # kebab-case, e.g. "pet-misaligned"
    severity: Severity
    message: str
    where: str = ""  # "ct", "pet", "record", "contours", a step's name


@dataclass(frozen=True)
class Contact:
    """How a tumor meets one structure. `angle_deg`: part of a vessel's circumference in contact, 0-360.

    Seen on the CT, None where it was not given: `fat_plane_share`, the share of the interface along which fat lies
    between both; `edge_hu_per_mm`, how steeply attenuation changes across it. `length_mm`: greatest extent of it.
    `thickness_mm`: how thick the structure is where the tumor's mask reaches into it; None where it only touches.
    """

    structure: str
    contact_mm2: float
    depth_mm: float  # how deep the tumor's mask reaches into the structure; 0 when it only touches
    angle_deg: float | None = None
    probability: float | None = None  # of true invasion; None: not estimated
    fat_plane_share: float | None = None
    length_mm: float | None = None
    edge_hu_per_mm: float | None = None
    thickness_mm: float | None = None


@dataclass(frozen=True)
class Tumor:
    """One primary tumor, measured on the CT grid.

    `greatest_dimension_mm` is the longest diameter over axial, coronal and sagittal planes, unrounded;
    it is rounded to whole millimeters where it meets a table.
    """

    id: str
    volume_ml: float
    greatest_dimension_mm: float
    axial_diameter_mm: float
    diameter_3d_mm: float
    short_axis_mm: float
    laterality: Laterality | None
    location: str | None  # a structure name, e.g. lung_upper_lobe_left
    centroid_lps: Point
    contacts: tuple[Contact, ...] = ()
    location_alternatives: Mapping[str, float] = field(default_factory=dict)
    solid_component_mm: float | None = None
    suv_max: float | None = None
    suv_peak: float | None = None
    suv_mean: float | None = None
    mtv_ml: float | None = None
    distance_to_carina_mm: float | None = None
    touches_border: bool = False
    parts_ml: tuple[float, ...] = ()  # connected parts of some size, largest first; diameters are the largest one's
    needs_confirmation: bool = False  # a network's proposal that nobody has confirmed
    certainty: float | None = None  # of a proposal, as its network says and uncalibrated; None: nothing rated it
    source: Source = Source(SourceKind.RULES, "unknown")
    key_image: str | None = None
    measures: Mapping[str, float] = field(default_factory=dict)  # of one organ: imaging/organ.py names them


@dataclass(frozen=True)
class Ene:
    """Extranodal extension on imaging: probability and HNCIG grade 0-3."""

    p: float | None
    grade: int | None = None


@dataclass(frozen=True)
class Node:
    """One lymph node. `station` as the TNM vocabulary spells it; `station_alternatives`: station to probability."""

    id: str
    station: str | None
    laterality: Laterality | None
    short_axis_mm: float
    long_axis_mm: float
    volume_ml: float
    centroid_lps: Point
    station_alternatives: Mapping[str, float] = field(default_factory=dict)
    suv_max: float | None = None
    necrosis: bool | None = None
    p_malignant: float | None = None
    ene: Ene | None = None
    drawn_as_involved: bool = False  # a person contoured it as gross tumor (GTVn)
    needs_confirmation: bool = False
    certainty: float = 1.0  # that it is a lymph node at all; below 1 only for a proposal, and p_malignant holds it
    source: Source = Source(SourceKind.RULES, "unknown")
    key_image: str | None = None
    measures: Mapping[str, float] = field(default_factory=dict)  # imaging/node_signs.py names them
    malignancy_model: str | None = None  # id of the model that gave p_malignant; None: a person, or rules
    reasons: tuple[str, ...] = ()  # what moved that model most, in words


@dataclass(frozen=True)
class MetastasisCandidate:
    """A possible distant metastasis. It counts for M only once `confirmed` by a person or the record."""

    id: str
    site: str  # TNM vocabulary: brain, bone, liver, adrenal_left, ...
    centroid_lps: Point | None
    volume_ml: float | None = None
    suv_max: float | None = None
    p_malignant: float | None = None
    confirmed: bool | None = None
    source: Source = Source(SourceKind.RULES, "unknown")
    key_image: str | None = None
    axial_diameter_mm: float | None = None  # longest within an axial slice; None: no mask was at hand


@dataclass(frozen=True)
class SideFinding:
    """A finding beside the cancer that bears on the decision, next to its published cut-off.

    `value` None: not measured. `adequate` False: `reason` says why the value is missing or must not be compared; then
    there is no `meaning`. `note`: how it was measured. `source`: the work that the cut-off is from.
    """

    name: str
    value: float | None
    unit: str
    cutoff: str = ""
    meaning: str = ""
    notable: bool = False
    adequate: bool = True
    reason: str = ""
    note: str = ""
    source: str = ""


@dataclass(frozen=True)
class Findings:
    """Everything that was measured in one case: the content of findings.json."""

    case_id: CaseId
    cancer: str
    tumors: tuple[Tumor, ...] = ()
    nodes: tuple[Node, ...] = ()
    metastasis_candidates: tuple[MetastasisCandidate, ...] = ()
    quality: tuple[Verdict, ...] = ()
    regions_imaged: tuple[str, ...] = ()  # neck, thorax, abdomen, pelvis, brain
    nodes_assessed: bool = False  # somebody or something looked for nodes; else no node means unknown
    landmarks: Mapping[str, Point] = field(default_factory=dict)  # what aligns two studies of one patient
    structures_assessed: tuple[str, ...] = ()  # whose masks were at hand; empty: not told
    stations_assessed: tuple[str, ...] = ()  # wholly on the scan, and something looked there for nodes
    structures_unproven: tuple[str, ...] = ()  # masks of embedded networks: contact with them is no measured fact
    models: tuple[str, ...] = ()  # ids of the networks that looked
    pet: bool | None = None  # whether a PET was measured; None: not told
    side_findings: tuple[SideFinding, ...] = ()

    @property
    def primary(self) -> Tumor | None:
        """The primary: of tumors that a person drew or confirmed the largest, else the first that was proposed.

        Proposals come in the order of how sure a network is and how much it sees: a long, thin and cold streak that
        it names besides is no primary for its length (3 of 50 synthetic lung cancers, seeds 1010 to 8100).
        """
        return _primary(self.tumors, getattr)


def primary_in(tumors: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """`Findings.primary` among tumors as findings.json holds them."""
    return _primary(tumors, getitem)


def _primary(tumors: Sequence[Any], read: Callable[[Any, str], Any]) -> Any:
    confirmed = [tumor for tumor in tumors if not read(tumor, "needs_confirmation")]
    if not confirmed:
        return next(iter(tumors), None)
    return max(confirmed, key=lambda tumor: read(tumor, "greatest_dimension_mm"))


@dataclass(frozen=True)
class RecordFact:
    """One statement of the record with the place it was read from.

    `name` is one of history.FACT_NAMES' keys; `value` a plain JSON value in the vocabulary given there.
    """

    name: str
    value: Any
    resource: str  # "Observation/123"
    path: str  # FHIRPath-like: "valueCodeableConcept.coding[0]"
    date: str | None = None
    code: str | None = None  # "system|code" that was read
    text: str | None = None


@dataclass(frozen=True)
class Conflict:
    """Facts that contradict one another or the images; shown, never settled silently."""

    name: str
    values: tuple[str, ...]
    resources: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class History:
    """The record as the staging sees it."""

    facts: tuple[RecordFact, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def named(self, name: str) -> tuple[RecordFact, ...]:
        """All facts of that name, newest first; undated ones last."""
        found = [fact for fact in self.facts if fact.name == name]
        return tuple(sorted(found, key=lambda fact: fact.date or "", reverse=True))


class Status(StrEnum):
    """How much a staging fact is worth."""

    KNOWN = "known"
    DOUBTFUL = "doubtful"  # carries probabilities
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact:
    """One entry of the TNM vocabulary for this case.

    `value` is what the engine takes for `key`: a plain value, or the engine's form for probabilities
    (see oncology/tnm/README.md), or None when unknown; then `reason` says why ("not imaged", "not recorded").
    """

    key: str
    value: Any
    status: Status
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Facts:
    """What a cancer's `derive` hands to the engine, by axis."""

    site: str
    subset: str | None
    t: tuple[Fact, ...]
    n: tuple[Fact, ...]
    m: tuple[Fact, ...]
    conflicts: tuple[Conflict, ...] = ()


def to_json(record: Any) -> Any:
    """Plain JSON values of a record, key order as declared, enums as their values."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {item.name: to_json(getattr(record, item.name)) for item in dataclasses.fields(record)}
    if isinstance(record, Mapping):
        return {str(key): to_json(value) for key, value in record.items()}
    if isinstance(record, (tuple, list)):
        return [to_json(value) for value in record]
    return record.value if isinstance(record, StrEnum) else record
