"""Findings, staging and report cases in the shape that the flow hands on."""

from __future__ import annotations

import datetime
from typing import Any

from mdt_fhir.patient import PatientIdentifier, PrivatePatient
from mdt_fhir.report_case import Algorithm, Documents, ImagedSeries, Imaging, Organization, ReportCase, Signer

CASE_ID = "0123456789abcdef"
RECORDED = datetime.datetime(2026, 3, 4, 10, 20, 30, tzinfo=datetime.UTC)
MODEL = {"kind": "model", "id": "nodes-embedded", "sha256": "ab" * 32}
DRAWN = {"kind": "contour", "id": "GTV-1", "sha256": None}
STUDY_UID = "1.2.826.0.1.3680043.8.498.1"


def tumor(name: str = "tumor-1", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": name,
        "volume_ml": 31.4,
        "greatest_dimension_mm": 42.26,
        "axial_diameter_mm": 40.1,
        "diameter_3d_mm": 44.0,
        "short_axis_mm": 30.5,
        "laterality": "left",
        "location": "lung_upper_lobe_left",
        "centroid_lps": [60.0, -10.0, 120.0],
        "contacts": [],
        "location_alternatives": {},
        "solid_component_mm": None,
        "suv_max": 12.1,
        "suv_peak": 10.0,
        "suv_mean": 6.2,
        "mtv_ml": 20.5,
        "distance_to_carina_mm": 33.0,
        "parts_ml": [31.4],
        "touches_border": False,
        "needs_confirmation": False,
        "source": DRAWN,
        "key_image": None,
    }
    return found | more


def node(name: str = "node-1", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": name,
        "station": "4L",
        "laterality": "left",
        "short_axis_mm": 12.4,
        "long_axis_mm": 18.0,
        "volume_ml": 1.9,
        "centroid_lps": [10.0, -20.0, 130.0],
        "station_alternatives": {"4L": 0.9, "5": 0.1},
        "suv_max": 5.5,
        "necrosis": None,
        "p_malignant": 0.83,
        "ene": {"p": 0.2, "grade": 1},
        "drawn_as_involved": False,
        "needs_confirmation": True,
        "source": MODEL,
        "key_image": None,
    }
    return found | more


def candidate(name: str = "met-1", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": name,
        "site": "adrenal_left",
        "centroid_lps": [30.0, 20.0, -60.0],
        "volume_ml": 3.1,
        "suv_max": 4.2,
        "p_malignant": 0.4,
        "confirmed": None,
        "source": MODEL,
        "key_image": None,
    }
    return found | more


def findings(cancer: str = "lung", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "case_id": CASE_ID,
        "cancer": cancer,
        "tumors": [tumor()],
        "nodes": [node(), node("node-2", station="7", laterality="midline", ene={"p": 0.1, "grade": None})],
        "metastasis_candidates": [candidate()],
        "quality": [],
        "regions_imaged": ["thorax"],
        "nodes_assessed": True,
    }
    return found | more


def answer(category: str | None, *possible: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "category": category,
        "possible": list(possible) or [category],
        "probabilities": {category: 1.0} if category else None,
        "credible": [category] if category else [],
        "rule": "row-1",
        "trace": [],
        "open": [],
        "reason": None,
        "undefined": None,
    }
    return found | more


def edition(
    t: str | None = "T2b", n: str | None = "N2", m: str | None = "M0", group: str | None = "IIIA"
) -> dict[str, Any]:
    return {
        "t": answer(t, reason="longest diameter 42 mm"),
        "n": answer(n, "N0", "N2", probabilities={"N0": 0.17, "N2": 0.83} if n else None),
        "m": answer(m, open=["brain", "met-1"]),
        "stage_group": answer(group),
        "would_change": [{"finding": "node-1", "if": "benign", "then": "IIA"}],
        "stage_if_candidates_confirmed": {"t": t, "n": n, "m": "M1b", "stage_group": "IVA"},
    }


def staging(site: str = "lung", classification: str = "clinical", **editions: dict[str, Any]) -> dict[str, Any]:
    chosen = {name.removeprefix("e"): value for name, value in editions.items()}
    return {
        "case_id": CASE_ID,
        "site": site,
        "classification": classification,
        "subset": None,
        "tables_version": "1",
        "research_use_only": True,
        "editions": chosen or {"8": edition(), "9": edition(n="N2b", group="IIIB")},
        "facts": [],
        "missing": [],
        "conflicts": [],
        "discussion": [],
    }


def patient() -> PrivatePatient:
    numbers = (
        PatientIdentifier("http://hl7.org/fhir/sid/us-ssn", "999-99-0001", "SS"),
        PatientIdentifier("http://hospital.example/mrn", "M 1|2", "MR"),
    )
    return PrivatePatient(numbers, "Doe", ("Jo",), "1955-06-07", "female")


def imaging() -> Imaging:
    ct = ImagedSeries("1.2.3.1", "CT", "1.2.840.10008.5.1.4.1.1.2", ("1.2.3.1.1", "1.2.3.1.2"))
    pet = ImagedSeries("1.2.3.2", "PT", "1.2.840.10008.5.1.4.1.1.128", ("1.2.3.2.1",))
    return Imaging(STUDY_UID, (ct, pet), "2026-03-01", "ACC1", "http://hospital.example/accession")


SIGNER = Signer("http://hospital.example/staff", "D42", "Anydoc", ("Kim",))


def case(**more: Any) -> ReportCase:
    given: dict[str, Any] = {
        "patient": patient(),
        "organization": Organization("Example Hospital", "http://hospital.example/org", "radiology"),
        "algorithm": Algorithm("AI-MDT", "0.1.0", "AI-MDT project", {"nodes-embedded": "ab" * 32, "tables": "1"}),
        "recorded": RECORDED,
        "imaging": imaging(),
        "documents": Documents(b"%PDF-1.7 sample", b"<html><body>sample</body></html>"),
    }
    return ReportCase(**(given | more))
