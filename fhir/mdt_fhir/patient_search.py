"""Which patient of a FHIR server the images belong to."""

from __future__ import annotations

from mdt_fhir.client import ClientSettings, FhirReader
from oncology.errors import RecordError


class _PatientReader(FhirReader):
    def ids(self, identifier: str) -> set[str]:
        """Logical ids of the patients with an identifier, of whatever issuer."""
        url = self.base.join("Patient").copy_merge_params({"identifier": identifier})
        found = self._pages(self._send(url))
        return {str(item["id"]) for item in found if item.get("resourceType") == "Patient" and item.get("id")}


def find_patient(base_url: str, identifier: str, settings: ClientSettings | None = None) -> str | None:
    """The logical id of the one patient with this identifier; None when the server knows none.

    Args:
        identifier: PatientID of the images. Whether its issuer fits is held against the record later, where a mismatch
            stops the case.
    Raises:
        RecordError: several patients have it, or the server does not answer.
    """
    if not identifier:
        return None
    reader = _PatientReader(base_url, settings or ClientSettings())
    with reader:
        found = reader.ids(identifier)
    if len(found) > 1:
        raise RecordError(
            f"{len(found)} patients of the FHIR server have the identifier of the images; expected one; stage "
            "the study with --patient"
        )
    return next(iter(found), None)
