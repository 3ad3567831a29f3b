"""Findings and records of the trunk's cancers, made up for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oncology.findings import (
    CaseId,
    Findings,
    History,
    MetastasisCandidate,
    Node,
    RecordFact,
    Source,
    SourceKind,
    Tumor,
)
from oncology.staging import stage_case

DRAWN = Source(SourceKind.CONTOUR, "GTV-1")


def tumor(size_mm: float, **changes: Any) -> Tumor:
    """A drawn tumor of that size."""
    made = Tumor(
        id="tumor-1",
        volume_ml=20.0,
        greatest_dimension_mm=size_mm,
        axial_diameter_mm=size_mm,
        diameter_3d_mm=size_mm,
        short_axis_mm=size_mm,
        laterality=None,
        location=None,
        centroid_lps=(0.0, 0.0, 0.0),
        source=DRAWN,
    )
    return replace(made, **changes)


def node(number: int, station: str, **changes: Any) -> Node:
    """A node of 12 x 8 mm."""
    made = Node(f"node-{number}", station, None, 8.0, 12.0, 0.5, (0.0, 0.0, 0.0), {station: 1.0}, source=DRAWN)
    return replace(made, **changes)


def fact(name: str, value: Any, number: int = 1) -> RecordFact:
    """A statement of the record."""
    return RecordFact(name, value, f"Observation/{name}-{number}", "value", "2026-05-01")


def said(name: str, value: Any) -> RecordFact:
    """A statement of a person in review."""
    return RecordFact(name, value, "Review/board", "fact-9", "2026-05-02")


def staged(
    cancer: str,
    *tumors: Tumor,
    nodes: tuple[Node, ...] = (),
    record: tuple[RecordFact, ...] = (),
    candidates: tuple[MetastasisCandidate, ...] = (),
    assessed: tuple[str, ...] = (),
    editions: tuple[str, ...] = ("8",),
) -> dict[str, Any]:
    """The content of staging.json."""
    findings = Findings(
        CaseId("0123456789abcdef"),
        cancer,
        tumors=tumors,
        nodes=nodes,
        metastasis_candidates=candidates,
        regions_imaged=("thorax", "abdomen", "neck"),
        nodes_assessed=True,
        structures_assessed=assessed,
    )
    return stage_case(findings, History(record), editions, imaging_date="2026-05-04")


def categories(result: dict[str, Any], edition: str = "8") -> tuple[str | None, ...]:
    """T, N, M and group."""
    return tuple(result["editions"][edition][axis]["category"] for axis in ("t", "n", "m", "stage_group"))
