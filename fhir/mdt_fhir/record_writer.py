"""Writes the resources that `read_history` reads: one convention, one code table, both directions.

Used for synthetic records and in tests. Conventions where no checked standard code exists:

| fact | resource |
|---|---|
| station_result | Observation: code node-sampling (urn:aimdt:fact), bodySite 4R (urn:aimdt:station), of a level of |
|  | the neck with mCODE's laterality qualifier, value SNOMED CT positive or negative, method EBUS (urn:aimdt:value) |
| metastasis_result | Observation: code metastasis-sampling, bodySite liver (urn:aimdt:metastasis-site) |
| p16, hpv, ebv | Observation: code p16 (urn:aimdt:fact; hpv: LOINC too), value SNOMED CT positive or negative |
| vocal_cord_mobility | Observation: value normal, impaired or fixed (urn:aimdt:value) |
| eus_t | Observation: value T2 (urn:aimdt:value) |
| endoscopy | Observation with components <name> (urn:aimdt:fact); lengths in mm |
| biopsy | Observation, value positive/negative, with the morphology as a further coding |
| fev1, dlco, pack-years, depth of invasion | Observation with a UCUM Quantity |

References are relative (`Patient/p1`); `bundle` gives every entry a fullUrl with the same base, so they resolve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mdt_fhir.code_table import table, uri
from mdt_fhir.concept import LOINC, MCODE, SNOMED, Json, category, coding, concept, quantity, reference, without_empty
from oncology.errors import RecordError

BASE = "http://aimdt.invalid/fhir"  # never resolved: .invalid is reserved (RFC 2606)
POSITIVE, NEGATIVE = coding(SNOMED, "10828004", "Positive"), coding(SNOMED, "260385009", "Negative")
SMOKING = {"never": "266919005", "former": "8517006", "current": "77176002"}
THERAPY_CODES = {"chemotherapy": "367336001", "radiotherapy": "108290001"}
CONDITION_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_CERTAINTY = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CONDITION_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"


def bundle(resources: Sequence[Json]) -> Json:
    """A collection Bundle of a record's resources."""
    entries = [{"fullUrl": f"{BASE}/{item['resourceType']}/{item['id']}", "resource": item} for item in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def patient(
    name: str,
    *,
    mrn: str,
    issuer: str,
    family: str,
    given: str,
    sex: str | None,
    birth_date: str | None,
    assigner: str | None = None,
) -> Json:
    """A Patient; `issuer` is the identifier's system, `assigner` what DICOM calls the issuer."""
    kind = concept(coding(IDENTIFIER_TYPE, "MR"))
    assigned = {"display": assigner} if assigner else None
    identifier = without_empty({"use": "usual", "type": kind, "system": issuer, "value": mrn, "assigner": assigned})
    return without_empty(
        {
            "resourceType": "Patient",
            "id": name,
            "meta": {"profile": [MCODE + "mcode-cancer-patient"]},
            "identifier": [identifier],
            "name": [{"family": family, "given": [given]}],
            "gender": sex or "unknown",
            "birthDate": birth_date,
        }
    )


def primary_cancer(
    name: str,
    patient_id: str,
    site: str,
    *,
    date: str | None,
    subsite: str | None = None,
    laterality: str | None = None,
    histology: str | None = None,
    clinical: str = "active",
    verification: str = "confirmed",
) -> Json:
    """The Condition of the primary cancer (mCODE), coded in ICD-10-CM and, where checked, SNOMED CT."""
    return without_empty(
        {
            **_condition(name, patient_id, clinical, verification, date),
            "meta": {"profile": [MCODE + "mcode-primary-cancer-condition"]},
            "extension": _histology_extension(histology) if histology else None,
            "code": concept(
                *_diagnosis_codes(site, subsite, laterality), text=f"Malignant neoplasm of {site.replace('_', ' ')}"
            ),
            "bodySite": [_body_site(site, subsite, laterality)],
        }
    )


def secondary_cancer(name: str, patient_id: str, site: str, *, date: str | None, clinical: str = "active") -> Json:
    """The Condition of a metastasis; `site` as the M vocabulary spells it."""
    codes = [coding(uri("icd10"), code) for code, row in table()["metastases"]["icd10"].items() if row["site"] == site][
        :1
    ]
    codes += [coding(SNOMED, code) for code, row in table()["metastases"]["snomed"].items() if row["site"] == site][:1]
    if not codes:
        raise RecordError(
            f"no code for a metastasis in {site!r}; expected a site of the M vocabulary that codes.yaml knows"
        )
    return {
        **_condition(name, patient_id, clinical, "confirmed", date),
        "code": concept(*codes, text=f"Metastasis: {site}"),
    }


def other_cancer(name: str, patient_id: str, icd10: str, *, date: str | None, clinical: str = "active") -> Json:
    """The Condition of another tumor, by its ICD-10-CM code."""
    return {**_condition(name, patient_id, clinical, "confirmed", date), "code": concept(coding(uri("icd10"), icd10))}


def _condition(name: str, patient_id: str, clinical: str, verification: str, date: str | None) -> Json:
    return without_empty(
        {
            "resourceType": "Condition",
            "id": name,
            "clinicalStatus": concept(coding(CONDITION_STATUS, clinical)),
            "verificationStatus": concept(coding(CONDITION_CERTAINTY, verification)),
            "category": [concept(coding(CONDITION_CATEGORY, "problem-list-item"))],
            "subject": reference(f"Patient/{patient_id}"),
            "onsetDateTime": date,
        }
    )


def _diagnosis_codes(site: str, subsite: str | None, laterality: str | None) -> list[Json]:
    rows = _site(site)["icd10"]
    fitting = [code for code, row in rows.items() if row.get("subsite") == subsite] or list(rows)[:1]
    code = fitting[0]
    if site == "lung" and laterality in ("left", "right"):
        code = (code if "." in code else f"{code}.9") + ("1" if laterality == "right" else "2")
    snomed = [item for item, row in _site(site)["snomed"].items() if not row]
    return [coding(uri("icd10"), code)] + [coding(SNOMED, item) for item in snomed[:1]]


def _site(site: str) -> Mapping[str, Any]:
    sites = table()["sites"]
    if site not in sites:
        raise RecordError(f"unknown site {site!r}; expected one of {', '.join(sites)}")
    found: Mapping[str, Any] = sites[site]
    return found


def _body_site(site: str, subsite: str | None, laterality: str | None) -> Json:
    rows = _site(site)["body"]
    exact = [
        code
        for code, row in rows.items()
        if row.get("subsite") == subsite and row.get("laterality") in (None, laterality)
    ]
    codes = [coding(SNOMED, code) for code in (exact or [code for code, row in rows.items() if not row])[:1]]
    codes += [coding(uri("subsite"), subsite)] if subsite else []
    extension = [_qualifier(laterality)] if laterality else None
    return without_empty({"extension": extension, **concept(*codes, text=(subsite or site).replace("_", " "))})


def _qualifier(laterality: str) -> Json:
    codes = {side: code for code, side in table()["laterality"]["snomed"].items()}
    value = concept(coding(SNOMED, codes[laterality]))
    return {"url": MCODE + "mcode-laterality-qualifier", "valueCodeableConcept": value}


def _histology_extension(histology: str) -> list[Json]:
    return [
        {"url": MCODE + "mcode-histology-morphology-behavior", "valueCodeableConcept": concept(*_morphology(histology))}
    ]


def _morphology(histology: str) -> list[Json]:
    preferred = table()["histology"]["preferred"]
    if histology not in preferred:
        raise RecordError(f"unknown histology {histology!r}; expected one of {', '.join(preferred)}")
    snomed, icdo3 = preferred[histology]
    return ([coding(SNOMED, snomed)] if snomed else []) + [coding(uri("icdo3"), icdo3)]


def _observation(name: str, patient_id: str, fact: str, date: str | None, kind: str, **content: Any) -> Json:
    """An Observation of one fact of the table: standard code first, ours beside it."""
    row = table()["observations"][fact]
    codes = [coding(LOINC, code) for code in row.get("loinc", [])[:1]] + [
        coding(SNOMED, code) for code in row.get("snomed", [])[:1]
    ]
    return without_empty(
        {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "category": [category(kind)],
            "code": concept(*codes, coding(uri("fact"), row["local"])),
            "subject": reference(f"Patient/{patient_id}"),
            "effectiveDateTime": date,
            **content,
        }
    )


def _value(code: str) -> Json:
    return concept(coding(uri("value"), code))


def p16(name: str, patient_id: str, positive: bool, date: str | None) -> Json:
    """p16 immunohistochemistry of the primary or a node."""
    answer = concept(POSITIVE if positive else NEGATIVE)
    return _observation(name, patient_id, "p16", date, "laboratory", valueCodeableConcept=answer)


def hpv(name: str, patient_id: str, positive: bool, date: str | None) -> Json:
    """HPV in the tumor's tissue by in situ hybridization with a high-risk probe."""
    answer = concept(POSITIVE if positive else NEGATIVE)
    return _observation(name, patient_id, "hpv", date, "laboratory", valueCodeableConcept=answer)


def ebv(name: str, patient_id: str, positive: bool, date: str | None) -> Json:
    """EBV (EBER in situ hybridization or the like)."""
    answer = concept(POSITIVE if positive else NEGATIVE)
    return _observation(name, patient_id, "ebv", date, "laboratory", valueCodeableConcept=answer)


def marker(name: str, patient_id: str, fact: str, value: float, date: str | None, unit: str | None = None) -> Json:
    """A serum tumor marker: ca_19_9, cea or scc_antigen."""
    used = unit or table()["observations"][fact]["unit"]
    return _observation(name, patient_id, fact, date, "laboratory", valueQuantity=quantity(value, used))


def number(name: str, patient_id: str, fact: str, value: float, date: str | None) -> Json:
    """pack_years, fev1_percent, dlco_percent or depth_of_invasion_mm, in the unit of the table."""
    unit = table()["observations"][fact]["unit"]
    kind = "social-history" if fact == "pack_years" else "procedure"
    return _observation(name, patient_id, fact, date, kind, valueQuantity=quantity(value, unit))


def ecog(name: str, patient_id: str, grade: int, date: str | None) -> Json:
    """ECOG performance status (mCODE: valueInteger)."""
    return _observation(name, patient_id, "ecog", date, "survey", valueInteger=grade)


def smoking(name: str, patient_id: str, status: str, date: str | None) -> Json:
    """Smoking status: never, former or current."""
    answer = concept(coding(SNOMED, SMOKING[status]))
    return _observation(name, patient_id, "smoking_status", date, "social-history", valueCodeableConcept=answer)


def cord_mobility(name: str, patient_id: str, mobility: str, date: str | None) -> Json:
    """Vocal cord mobility at laryngoscopy: normal, impaired or fixed."""
    return _observation(name, patient_id, "vocal_cord_mobility", date, "exam", valueCodeableConcept=_value(mobility))


def eus_t(name: str, patient_id: str, category_t: str, date: str | None) -> Json:
    """T category by endoscopic ultrasound ("T2")."""
    return _observation(name, patient_id, "eus_t", date, "procedure", valueCodeableConcept=_value(category_t))


def endoscopy(name: str, patient_id: str, findings: Mapping[str, float | bool | str], date: str | None) -> Json:
    """Endoscopic findings by name: numbers are millimeters (key without `_mm`), booleans and words as they are."""
    components = [
        {"code": concept(coding(uri("fact"), key.replace("_", "-"))), **_component_value(value)}
        for key, value in findings.items()
    ]
    return _observation(name, patient_id, "endoscopy", date, "procedure", component=components)


def _component_value(value: float | bool | str) -> Json:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, str):
        return {"valueCodeableConcept": _value(value)}
    return {"valueQuantity": quantity(value, "mm")}


def biopsy(
    name: str,
    patient_id: str,
    malignant: bool,
    date: str | None,
    *,
    histology: str | None = None,
    method: str = "biopsy",
) -> Json:
    """Biopsy of the primary."""
    codes = _morphology(histology) if histology else []
    value = concept(POSITIVE if malignant else NEGATIVE, *codes)
    return _observation(
        name, patient_id, "biopsy", date, "laboratory", valueCodeableConcept=value, method=_value(method)
    )


def station_biopsy(
    name: str,
    patient_id: str,
    station: str,
    malignant: bool,
    method: str,
    date: str | None,
    *,
    laterality: str | None = None,
) -> Json:
    """A sampled lymph node station, as the TNM vocabulary spells it, with the result.

    Args:
        laterality: of a level of the neck: left, right or midline.
    """
    words = " ".join(filter(None, ("lymph node station", station, laterality)))
    extension = {"extension": [_qualifier(laterality)]} if laterality else {}
    site = {**extension, **concept(coding(uri("station"), station), text=words)}
    value = concept(POSITIVE if malignant else NEGATIVE)
    content = {"bodySite": site, "valueCodeableConcept": value, "method": _value(method)}
    return _observation(name, patient_id, "station_result", date, "laboratory", **content)


def metastasis_biopsy(name: str, patient_id: str, site: str, malignant: bool, date: str | None) -> Json:
    """A sampled distant finding; `site` as the M vocabulary spells it."""
    content = {
        "bodySite": concept(coding(uri("metastasis_site"), site)),
        "valueCodeableConcept": concept(POSITIVE if malignant else NEGATIVE),
    }
    return _observation(name, patient_id, "metastasis_result", date, "laboratory", **content)


def prior_therapy(name: str, patient_id: str, kind: str, date: str | None, condition_id: str | None = None) -> Json:
    """A treatment that was given: surgery, chemotherapy, radiotherapy, immunotherapy or targeted."""
    standard = [coding(SNOMED, THERAPY_CODES[kind])] if kind in THERAPY_CODES else []
    return without_empty(
        {
            "resourceType": "Procedure",
            "id": name,
            "status": "completed",
            "code": concept(*standard, coding(uri("value"), kind)),
            "subject": reference(f"Patient/{patient_id}"),
            "performedDateTime": date,
            "reasonReference": [reference(f"Condition/{condition_id}")] if condition_id else None,
        }
    )


def service_request(name: str, patient_id: str, question: str, date: str | None, accession: str | None = None) -> Json:
    """The request to the board with its question; the accession number where the images have one."""
    kind = concept(coding(IDENTIFIER_TYPE, "ACSN"))
    return without_empty(
        {
            "resourceType": "ServiceRequest",
            "id": name,
            "identifier": [{"type": kind, "value": accession}] if accession else None,
            "status": "active",
            "intent": "order",
            "code": concept(text="Tumor board review with clinical TNM staging"),
            "subject": reference(f"Patient/{patient_id}"),
            "authoredOn": date,
            "reasonCode": [concept(text=question)],
        }
    )


def imaging_study(name: str, patient_id: str, uid: str, modalities: Sequence[str], date: str | None) -> Json:
    """An ImagingStudy by its Study Instance UID."""
    return without_empty(
        {
            "resourceType": "ImagingStudy",
            "id": name,
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
            "status": "available",
            "modality": [coding(uri("dicom"), code) for code in modalities],
            "subject": reference(f"Patient/{patient_id}"),
            "started": date,
        }
    )
