"""Who and what stands around a result: patient, condition, organization, signer, software, images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdt_fhir import record_writer
from mdt_fhir.code_table import uri
from mdt_fhir.concept import MCODE, US_CORE, Json, coding, concept, without_empty
from mdt_fhir.links import Links
from mdt_fhir.naming import case_identifier, oid
from mdt_fhir.patient import PrivatePatient
from mdt_fhir.report_case import ImagedSeries, Imaging, ReportCase, Signer
from oncology.cancers.protocol import site_of
from oncology.findings import primary_in

DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
MASKED = [{"extension": [{"url": DATA_ABSENT, "valueCode": "unknown"}]}]
DICOM_UID = "urn:dicom:uid"
URN = "urn:ietf:rfc:3986"


def patient(private: PrivatePatient, links: Links) -> Json:
    """mcode-cancer-patient with what the record holds; masked elements carry the reason instead of a made-up value."""
    issued = [item for item in private.identifiers if item.system]
    chosen = [item for item in issued if item.type == "MR"] or issued[:1]  # no more identity than matching needs
    known = [
        without_empty({"system": item.system, "value": item.value, "type": _identifier_type(item.type)})
        for item in chosen
    ]
    name = without_empty({"family": private.family, "given": list(private.given)})
    return without_empty(
        {
            "resourceType": "Patient",
            "meta": {"profile": [MCODE + "mcode-cancer-patient"]},
            "identifier": known or [case_identifier(links.case_id, "patient")],
            "name": [name] if name else MASKED,
            "gender": private.sex or "unknown",
            "birthDate": private.birth_date,
        }
    )


def _identifier_type(code: str | None) -> Json | None:
    return concept(coding("http://terminology.hl7.org/CodeSystem/v2-0203", code)) if code else None


def condition(findings: Mapping[str, Any], links: Links) -> Json:
    """The primary cancer's Condition, for servers that have none; entered in error when withdrawn (con-5)."""
    case = links.case
    primary = primary_in(findings["tumors"])
    written = record_writer.primary_cancer(
        "condition",
        "patient",
        site_of(findings["cancer"]),
        date=case.diagnosed,
        laterality=primary["laterality"] if primary else None,
        histology=case.histology,
        verification="entered-in-error" if links.withdrawn else "provisional",
    )
    del written["id"]
    if links.withdrawn:
        del written["clinicalStatus"]
    return {**written, "identifier": links.identifier("condition"), "subject": links.patient}


def organization(case: ReportCase) -> Json:
    """us-core-organization."""
    return {
        "resourceType": "Organization",
        "meta": {"profile": [US_CORE + "us-core-organization"]},
        "identifier": [{"system": case.organization.system, "value": case.organization.value}],
        "active": True,
        "name": case.organization.name,
    }


def practitioner(signer: Signer) -> Json:
    """us-core-practitioner: the person who signed."""
    return {
        "resourceType": "Practitioner",
        "meta": {"profile": [US_CORE + "us-core-practitioner"]},
        "identifier": [{"system": signer.system, "value": signer.value}],
        "name": [without_empty({"family": signer.family, "given": list(signer.given)})],
    }


def device(links: Links) -> Json:
    """The software that proposed the result, with the versions of its parts."""
    algorithm = links.case.algorithm
    versions: list[Json] = [{"value": f"{algorithm.name} {algorithm.version}"}]
    versions += [{"type": concept(text=part), "value": version} for part, version in sorted(algorithm.parts.items())]
    return {
        "resourceType": "Device",
        "meta": links.meta(),
        "identifier": links.identifier("device"),
        "status": "entered-in-error" if links.withdrawn else "active",
        "manufacturer": algorithm.manufacturer,
        "deviceName": [{"name": algorithm.name, "type": "model-name"}],
        "type": concept(text="Software for clinical TNM staging; research use only, not a medical device"),
        "version": versions,
        "owner": links.organization,
    }


def imaging_study(imaging: Imaging, links: Links) -> Json:
    """The study as DICOM names it; UIDs with urn:oid in the identifier and bare in series and instances."""
    accession = {
        "type": concept(coding("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN")),
        **without_empty({"system": imaging.accession_system, "value": imaging.accession}),
    }
    identifiers = [{"system": DICOM_UID, "value": oid(imaging.study_uid)}]
    modalities = sorted({series.modality for series in imaging.series})
    return without_empty(
        {
            "resourceType": "ImagingStudy",
            "identifier": identifiers + ([accession] if imaging.accession else []),
            "status": "available",
            "modality": [coding(uri("dicom"), code) for code in modalities],
            "subject": links.patient,
            "started": imaging.started,
            "numberOfSeries": len(imaging.series),
            "numberOfInstances": sum(len(series.instances) for series in imaging.series),
            "series": [_series(series) for series in imaging.series],
        }
    )


def _series(series: ImagedSeries) -> Json:
    sop_class = {"system": URN, "code": oid(series.sop_class_uid)}
    return without_empty(
        {
            "uid": series.uid,
            "modality": coding(uri("dicom"), series.modality),
            "numberOfInstances": len(series.instances),
            "instance": [{"uid": uid, "sopClass": sop_class} for uid in series.instances],
        }
    )
