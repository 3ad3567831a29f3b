"""Names that stay the same whenever the same case is sent: identifiers, ids and fullUrls derived from case and role."""

from __future__ import annotations

import uuid

from mdt_fhir.concept import Json

CASE_SYSTEM = "urn:aimdt:case"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, CASE_SYSTEM)


def derived_id(case_id: str, role: str) -> str:
    """A UUID for one role (`8.t`, `tumor-1.size`, `report`) in one case."""
    return str(uuid.uuid5(NAMESPACE, f"{case_id}|{role}"))


def full_url(case_id: str, role: str) -> str:
    """The fullUrl of an entry: urn:uuid of the derived id."""
    return f"urn:uuid:{derived_id(case_id, role)}"


def case_identifier(case_id: str, role: str) -> Json:
    """The business identifier by which a server finds the resource again."""
    return {"system": CASE_SYSTEM, "value": f"{case_id}.{role}"}


def oid(uid: str) -> str:
    """A DICOM UID as FHIR identifiers write it."""
    return f"urn:oid:{uid}"
