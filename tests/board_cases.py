"""Board cases in YAML: one patient's findings and record, and the stage that the definitions give.

A file under tests/cases/board/<group>/ holds `defaults` and `cases`. A case:

    name: a claim, as a clinician would put it
    source: where the definition stands
    tumors: [{...}]           fields of findings.Tumor; absent: one tumor of `defaults.tumor`; []: none
    nodes: [{station: 4R, ...}]             fields of findings.Node
    candidates: [{site: liver, ...}]        fields of findings.MetastasisCandidate
    record: [{name: ..., value: ..., by: review, date: ...}]    `by: review`: a person's statement
    nodes_assessed, regions_imaged, structures_assessed, subset: override the defaults
    expect:
      "8": [T, N, M, stage group]           null: open; what is left out of the list is not compared
      if_confirmed: {"8": [...]}            the same, were every candidate confirmed
      possible: {t: [...]}                  categories that must remain possible
      open, missing, conflicts: [...]       facts in doubt, what the report says is lacking, names of contradictions
      resectability: resectable             pancreas
      subset: scc
      error: chemotherapy                   the case is refused with this word
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from oncology.findings import (
    CaseId,
    Contact,
    Ene,
    Findings,
    History,
    Laterality,
    MetastasisCandidate,
    Node,
    RecordFact,
    Source,
    SourceKind,
    Tumor,
)

FOLDER = Path(__file__).parent / "cases" / "board"
DRAWN, PROPOSED = Source(SourceKind.CONTOUR, "GTV-1"), Source(SourceKind.MODEL, "nodes")
IMAGING_DATE = "2026-05-04"
ORIGIN = (0.0, 0.0, 0.0)


def board_cases() -> Iterator[dict[str, Any]]:
    """Every case with its defaults filled in."""
    for path in sorted(FOLDER.glob("*/*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for case in content["cases"]:
            yield {"tumors": [{}], **content["defaults"], **case, "group": path.parent.name}


def findings_of(case: Mapping[str, Any]) -> Findings:
    """The findings that a case describes."""
    tumors = [{**case.get("tumor", {}), **item} for item in case["tumors"]]
    return Findings(
        CaseId("0123456789abcdef"),
        case["cancer"],
        tumors=tuple(_tumor(item, place, case["cancer"]) for place, item in enumerate(tumors, start=1)),
        nodes=tuple(_node(item, place) for place, item in enumerate(case.get("nodes", ()), start=1)),
        metastasis_candidates=tuple(
            MetastasisCandidate(**{"id": f"candidate-{place}", "centroid_lps": ORIGIN, **item})
            for place, item in enumerate(case.get("candidates", ()), start=1)
        ),
        regions_imaged=tuple(case.get("regions_imaged", ())),
        nodes_assessed=case.get("nodes_assessed", True),
        structures_assessed=tuple(case.get("structures_assessed", ())),
    )


def history_of(case: Mapping[str, Any]) -> History:
    """The record that a case describes."""
    return History(tuple(_fact(item, place) for place, item in enumerate(case.get("record", ()), start=1)))


def _fact(item: Mapping[str, Any], place: int) -> RecordFact:
    resource = "Review/board" if item.get("by") == "review" else f"Observation/{place}"
    return RecordFact(item["name"], item["value"], resource, "value", item.get("date", "2026-05-01"))


def _tumor(item: Mapping[str, Any], place: int, cancer: str) -> Tumor:
    size = float(item["greatest_dimension_mm"])
    made: dict[str, Any] = {
        "id": f"tumor-{place}",
        "volume_ml": 5.0,
        "axial_diameter_mm": size,
        "diameter_3d_mm": size,
        "short_axis_mm": 0.8 * size,
        "centroid_lps": ORIGIN,
        "location": None,
        "location_alternatives": {item["location"]: 1.0} if item.get("location") else {},
        "solid_component_mm": size if cancer == "lung" else None,
        "source": DRAWN,
        **item,
        "contacts": tuple(Contact(**contact) for contact in item.get("contacts", ())),
        "laterality": _side(item),
    }
    return Tumor(**made)


def _node(item: Mapping[str, Any], place: int) -> Node:
    short = float(item.get("short_axis_mm", 8.0))
    made: dict[str, Any] = {
        "id": f"node-{place}",
        "short_axis_mm": short,
        "long_axis_mm": 1.4 * short,
        "volume_ml": 0.5,
        "centroid_lps": ORIGIN,
        "station_alternatives": {item["station"]: 1.0},
        "source": PROPOSED,
        **item,
        "ene": Ene(**item["ene"]) if item.get("ene") else None,
        "laterality": _side(item),
    }
    return Node(**made)


def _side(item: Mapping[str, Any]) -> Laterality | None:
    return Laterality(item["laterality"]) if item.get("laterality") else None
