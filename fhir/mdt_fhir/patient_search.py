"""Which patient of a FHIR server the images belong to."""

from __future__ import annotations

import re

from mdt_fhir.client import ClientSettings, FhirReader
from oncology.errors import RecordError

_OID = re.compile(r"[0-2](\.\d+)+")


class _PatientReader(FhirReader):
    def ids(self, token: str) -> set[str]:
        """Logical ids of the patients that a search by identifier finds."""
        found = self._pages(self._send(self.base.join("Patient").copy_merge_params({"identifier": token})))
        return {str(item["id"]) for item in found if item.get("resourceType") == "Patient" and item.get("id")}


def find_patient(
    base_url: str, patient_id: str, issuer: str = "", settings: ClientSettings | None = None
) -> str | None:
    """The logical id of the one patient with this identifier; None when the server knows none.

    Args:
        patient_id: PatientID of the images.
        issuer: IssuerOfPatientID. An OID or URI is searched for as the identifier's system; if that finds nobody, the
            number alone is: whether its issuer fits is held against the record later, where a mismatch stops the case.
    Raises:
        RecordError: several patients have it, or the server does not answer.
    """
    reader = _PatientReader(base_url, settings or ClientSettings())
    with reader:
        for token in _tokens(patient_id, issuer):
            found = reader.ids(token)
            if len(found) > 1:
                raise RecordError(
                    f"{len(found)} patients of the FHIR server have the identifier of the images; expected one; stage "
                    "the study with --patient"
                )
            if found:
                return found.pop()
    return None


def _tokens(patient_id: str, issuer: str) -> list[str]:
    """Search tokens, the most exact first; what has a meaning inside a token is escaped (FHIR R4 3.1.1.5)."""
    if not patient_id:
        return []
    value = re.sub(r"([\\,|$])", r"\\\1", patient_id)
    system = f"urn:oid:{issuer}" if _OID.fullmatch(issuer) else issuer
    return [f"{system}|{value}", value] if ":" in system else [value]
