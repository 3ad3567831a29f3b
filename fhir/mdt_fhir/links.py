"""References between the resources of one bundle, and what all of them share."""

from __future__ import annotations

from dataclasses import dataclass

from mdt_fhir.concept import Json, reference
from mdt_fhir.naming import case_identifier, full_url
from mdt_fhir.report_case import ReportCase, ReportStatus

RESEARCH_ONLY = {"system": "urn:aimdt:tag", "code": "research-use-only", "display": "Research use only"}


@dataclass(frozen=True)
class Links:
    """Where each shared resource of a case is to be found."""

    case_id: str
    case: ReportCase

    def to(self, role: str) -> Json:
        """A reference to an entry of this bundle."""
        return reference(full_url(self.case_id, role))

    @property
    def patient(self) -> Json:
        """The patient: on the server, or in this bundle."""
        return reference(self.case.patient) if isinstance(self.case.patient, str) else self.to("patient")

    @property
    def condition(self) -> Json:
        """The cancer's Condition: on the server, or in this bundle."""
        return reference(self.case.condition) if self.case.condition else self.to("condition")

    @property
    def organization(self) -> Json:
        """Who answers for the result."""
        known = self.case.organization.reference
        return reference(known) if known else self.to("organization")

    @property
    def signer(self) -> Json | None:
        """Who signed, once somebody did."""
        if self.case.signer is None:
            return None
        return reference(self.case.signer.reference) if self.case.signer.reference else self.to("signer")

    @property
    def study(self) -> Json | None:
        """The imaging study; None for images without DICOM identity."""
        if self.case.imaging is None:
            return None
        known = self.case.imaging.reference
        return reference(known) if known else self.to("imaging")

    def identifier(self, role: str) -> list[Json]:
        """The identifier of one of our resources, as an element."""
        return [case_identifier(self.case_id, role)]

    def meta(self, profile: str | None = None) -> Json:
        """meta with the profile and the research-use tag."""
        return {**({"profile": [profile]} if profile else {}), "tag": [RESEARCH_ONLY]}

    @property
    def withdrawn(self) -> bool:
        """Whether the result is being withdrawn."""
        return self.case.status is ReportStatus.ENTERED_IN_ERROR

    def observation(self, role: str, profile: str | None, code: Json, effective: str) -> Json:
        """What every Observation of ours starts with."""
        return {
            "resourceType": "Observation",
            "meta": self.meta(profile),
            "identifier": self.identifier(role),
            "status": self.case.status.value,
            "category": [IMAGING_CATEGORY],
            "code": code,
            "subject": self.patient,
            "effectiveDateTime": effective,
            "performer": [self.signer or self.organization],
            "device": self.to("device"),
        }


IMAGING_CATEGORY: Json = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "imaging",
            "display": "Imaging",
        }
    ]
}
