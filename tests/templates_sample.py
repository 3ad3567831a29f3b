"""A made-up case in the shape of the delivered JSON, for tests of the report's pages."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from oncology.next_tests import next_tests
from templates.view import KeyImage, Report

CONTOUR = {"kind": "contour", "id": "GTV-1", "sha256": None}
RECORD = {"kind": "record", "id": "Procedure/ebus", "sha256": None}


def answer(category: str | None, possible: list[str], **more: Any) -> dict[str, Any]:
    share = round(1 / len(possible), 3)
    filled = {
        "category": category,
        "possible": possible,
        "probabilities": dict.fromkeys(possible, share),
        "credible": possible,
        "rule": "row",
        "trace": [{"fact": "greatest_dimension_mm", "value": 43, "row": "row", "citation": "lung, table T"}],
        "open": [],
        "because": "longest diameter 43.2 mm",
    }
    return filled | more


def edition(group: str | None, possible: list[str]) -> dict[str, Any]:
    return {
        "t": answer("T2b", ["T2b"]),
        "n": answer("N2a", ["N2a", "N2b"], probabilities={"N2a": 0.81, "N2b": 0.19}, because="EBUS of 4R malignant"),
        "m": answer("M0", ["M0"], because="no metastasis confirmed by a person or the record"),
        "stage_group": answer(group, possible),
        "would_change": [
            {"finding": "nodes", "if": "a further positive node in 7", "then": {"n": "N2b", "stage_group": "IIIB"}},
            {
                "finding": "invaded_structures.chest_wall",
                "if": "chest wall involved",
                "then": {"t": "T3", "stage_group": "IIIA"},
            },
        ],
        "stage_if_candidates_confirmed": None,
    }


def tumor() -> dict[str, Any]:
    contact = {"structure": "chest_wall", "contact_mm2": 210.0, "depth_mm": 0.0, "angle_deg": None, "probability": 0.14}
    return {
        "id": "tumor-1",
        "volume_ml": 28.4,
        "greatest_dimension_mm": 43.2,
        "axial_diameter_mm": 41.0,
        "diameter_3d_mm": 44.1,
        "short_axis_mm": 33.0,
        "laterality": "right",
        "location": "lung_upper_lobe_right",
        "centroid_lps": [-60.0, 10.0, 80.0],
        "contacts": [contact],
        "location_alternatives": {"lung_upper_lobe_right": 0.9, "lung_middle_lobe_right": 0.1},
        "solid_component_mm": 42.0,
        "suv_max": 12.31,
        "suv_peak": 10.2,
        "suv_mean": 6.4,
        "mtv_ml": 18.0,
        "distance_to_carina_mm": 45.0,
        "parts_ml": [28.4],
        "touches_border": False,
        "needs_confirmation": False,
        "source": CONTOUR,
        "key_image": "key_images/tumor-1-axial.png",
    }


def node() -> dict[str, Any]:
    return {
        "id": "node-1",
        "station": "4R",
        "laterality": "right",
        "short_axis_mm": 12.4,
        "long_axis_mm": 18.0,
        "volume_ml": 1.9,
        "centroid_lps": [-20.0, 0.0, 60.0],
        "station_alternatives": {"4R": 0.8, "2R": 0.2},
        "suv_max": 6.1,
        "necrosis": None,
        "p_malignant": None,
        "ene": None,
        "drawn_as_involved": False,
        "needs_confirmation": False,
        "source": CONTOUR,
        "key_image": "key_images/node-1-axial.png",
    }


def picture(width: int = 480, height: int = 480) -> bytes:
    stream = BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(stream, "PNG")
    return stream.getvalue()


def verdict(code: str, severity: str, message: str) -> dict[str, str]:
    return {"code": code, "severity": severity, "message": message, "where": "pet"}


def findings() -> dict[str, Any]:
    return {
        "case_id": "0123456789abcdef",
        "cancer": "lung",
        "tumors": [tumor()],
        "nodes": [node()],
        "metastasis_candidates": [],
        "quality": [verdict("pet-misaligned", "warning", "PET lies 9 mm off the CT (to the patient's left)")],
        "regions_imaged": ["thorax"],
        "nodes_assessed": True,
    }


def staging() -> dict[str, Any]:
    evidence = {"source": CONTOUR, "reference": "tumor-1", "detail": "longest diameter 43.2 mm", "date": None}
    return {
        "case_id": "0123456789abcdef",
        "site": "lung",
        "classification": "clinical",
        "subset": None,
        "tables_version": "2026.1-abc",
        "research_use_only": True,
        "editions": {"8": edition("IIIA", ["IIIA"]), "9": edition(None, ["IIIA", "IIIB"])},
        "facts": [
            {"key": "greatest_dimension_mm", "value": 43, "status": "known", "evidence": [evidence], "reason": ""},
            {
                "key": "invaded_structures",
                "value": {"chest_wall": {"p": 0.14}},
                "status": "doubtful",
                "evidence": [evidence],
                "reason": "contact alone; a fat plane cannot be excluded",
            },
        ],
        "missing": [{"what": "brain", "why": "brain metastases are common and need MRI", "axis": "m"}],
        "conflicts": [
            {
                "name": "laterality",
                "values": ["left", "right"],
                "resources": ["Condition/c1"],
                "message": "the record says left, the tumor lies right",
            }
        ],
        "discussion": [next_tests("lung")["nodes"].text, next_tests("lung")["brain"].text],
    }


def manifest() -> dict[str, Any]:
    return {
        "case_id": "0123456789abcdef",
        "software": {"name": "aimdt", "version": "0.1.0"},
        "packages": {"numpy": "2.4.6"},
        "tables_version": "2026.1-abc",
        "models": [],
        "inputs": [{"role": "ct", "uid": "1.2.3", "sha256": "a" * 64}],
    }


def report(**changes: Any) -> Report:
    series = {
        "modality": "CT",
        "date": "2026-05-04",
        "manufacturer": "Maker",
        "model": "Scanner",
        "spacing_mm": [2.0, 0.9, 0.9],
        "shape": [180, 512, 512],
        "kernel": "B30f",
        "contrast": True,
    }
    history = {
        "facts": [
            {
                "name": "question",
                "value": "Is the tumor resectable?",
                "resource": "ServiceRequest/1",
                "path": "reasonCode[0].text",
                "date": "2026-05-01",
            }
        ]
    }
    images = [
        KeyImage(f"key_images/tumor-1-{kind}.png", picture(), f"tumor-1, {kind}", f"tumor-1, {kind}, contoured", True)
        for kind in ("axial", "pet", "coronal")
    ]
    content: dict[str, Any] = {
        "cancer_title": "Lung cancer",
        "status": "preliminary",
        "findings": findings(),
        "staging": staging(),
        "manifest": manifest(),
        "history": history,
        "patient": {"name": "Ana Müller", "birth_date": "1958-02-03", "sex": "female", "mrn": "M-17"},
        "series": [series],
        "choices": ["CT: the thinnest soft-tissue series"],
        "key_images": images,
    }
    return Report(**(content | changes))
