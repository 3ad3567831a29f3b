"""What a bundle needs to know beside findings and staging: who, what was imaged, by which software, which documents."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mdt_fhir.patient import PrivatePatient
from oncology.errors import ReportError


class ReportStatus(StrEnum):
    """Where a result stands: unsigned, signed, changed after signing, withdrawn."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"
    ENTERED_IN_ERROR = "entered-in-error"


class PushStrategy(StrEnum):
    """How entries ask the server to store them.

    CONDITIONAL: our own resources by conditional update, shared ones by conditional create.
    DERIVED_IDS: our own resources by PUT to ids derived from the case; for servers that limit conditional operations.
    CREATE: everything by conditional create; what exists is never changed.
    """

    CONDITIONAL = "conditional"
    DERIVED_IDS = "derived-ids"
    CREATE = "create"


@dataclass(frozen=True)
class ImagedSeries:
    """One DICOM series that was read. `instances` are SOP Instance UIDs."""

    uid: str
    modality: str
    sop_class_uid: str
    instances: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imaging:
    """The imaging study behind the staging; `started` is an ISO date or date-time.

    With `reference` ("ImagingStudy/5") the server's own resource is referred to and none is written.
    """

    study_uid: str
    series: tuple[ImagedSeries, ...]
    started: str | None = None
    accession: str | None = field(default=None, repr=False)
    accession_system: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class Documents:
    """The report as bytes; either may be missing when its part failed."""

    pdf: bytes | None = field(default=None, repr=False)
    html: bytes | None = field(default=None, repr=False)
    language: str = "en"


@dataclass(frozen=True)
class Organization:
    """Who answers for the result: an identifier and a name, or a reference to a resource that the server has."""

    name: str
    system: str
    value: str
    reference: str | None = None


@dataclass(frozen=True)
class Signer:
    """The person who signed."""

    system: str
    value: str = field(repr=False)
    family: str = field(repr=False)
    given: tuple[str, ...] = field(default=(), repr=False)
    reference: str | None = None


@dataclass(frozen=True)
class Algorithm:
    """The software: name, version, and the models and tables it used (id -> version or hash)."""

    name: str
    version: str
    manufacturer: str
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportCase:
    """Everything around findings and staging that one delivery needs.

    `patient` and `condition` are literal references to what the server has ("Patient/123"); a PrivatePatient is
    written by conditional create instead, and without `condition` the cancer's Condition is written too.
    """

    patient: PrivatePatient | str = field(repr=False)
    organization: Organization
    algorithm: Algorithm
    recorded: datetime.datetime
    status: ReportStatus = ReportStatus.PRELIMINARY
    condition: str | None = None
    imaging: Imaging | None = None
    documents: Documents = Documents()
    signer: Signer | None = None
    request: str | None = None  # literal reference to the ServiceRequest
    strategy: PushStrategy = PushStrategy.CONDITIONAL
    tracking_uids: Mapping[str, str] = field(default_factory=dict)  # finding id -> DICOM Tracking UID
    histology: str | None = None  # class of codes.yaml, for a Condition that is written
    diagnosed: str | None = None  # ISO date, likewise

    def __post_init__(self) -> None:
        """Raises ReportError: no time zone, or signed by nobody."""
        if self.recorded.tzinfo is None:
            raise ReportError("the time of recording has no time zone; expected an aware datetime; give one")
        if self.status in (ReportStatus.FINAL, ReportStatus.AMENDED) and self.signer is None:
            raise ReportError(f"a {self.status} report needs a signer; expected who signed; sign the case first")

    @property
    def instant(self) -> str:
        """The time of recording as a FHIR instant."""
        return self.recorded.isoformat(timespec="seconds")

    @property
    def imaged(self) -> str:
        """When the images were taken; the time of recording where that is unknown."""
        return self.imaging.started if self.imaging and self.imaging.started else self.instant
