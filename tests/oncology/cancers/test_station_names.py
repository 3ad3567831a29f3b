"""A proven node counts under any name that a record has for its station: as N, as M, or open between them."""

from __future__ import annotations

from typing import Any

import pytest

from oncology.findings import CaseId, Findings, History, MetastasisCandidate, Source, SourceKind
from oncology.staging import stage_case
from trunk_cases import fact, node, tumor

IN_HEAD = {"location": "pancreas_head", "location_alternatives": {"pancreas_head": 1.0}}
IMAGED = ("brain", "neck", "thorax", "abdomen")


def staged(cancer: str, station: str, side: str | None = None, *, malignant: bool = True) -> dict[str, Any]:
    findings = Findings(
        CaseId("0123456789abcdef"),
        cancer,
        tumors=(tumor(20.0, **(IN_HEAD if cancer == "pancreas" else {})),),
        nodes_assessed=True,
        regions_imaged=IMAGED,
    )
    told = {"station": station, "malignant": malignant, "method": "FNA"} | ({"laterality": side} if side else {})
    found: dict[str, Any] = stage_case(
        findings, History((fact("station_result", told),)), ("8",), imaging_date="2026-05-04"
    )
    return found


@pytest.mark.parametrize(
    ("cancer", "station"),
    [
        ("larynx", "4R"),
        ("oropharynx", "7"),
        ("nasopharynx", "10L"),
        ("oral_cavity", "axillary_left"),
        ("lung", "II"),
        ("lung", "axillary"),
        ("lung", "16"),
        ("esophagus", "III"),
        ("pancreas", "4R"),
        ("pancreas", "IV"),
        ("pancreas", "supraclavicular"),
    ],
)
def test_a_proven_node_beyond_the_regional_ones_is_a_metastasis(cancer: str, station: str) -> None:
    result = staged(cancer, station)["editions"]["8"]
    assert result["m"]["category"].startswith("M1")
    assert result["n"]["category"] == "N0"


@pytest.mark.parametrize(
    ("cancer", "station", "side", "n"),
    [
        ("lung", "supraclavicular", "left", "N3"),
        ("lung", "IV", "right", "N3"),
        ("lung", "4", "left", "N2"),
        ("esophagus", "8", None, "N1"),
        ("esophagus", "celiac", None, "N1"),
        ("larynx", "IIA", "left", "N1"),
    ],
)
def test_a_proven_node_by_another_name_is_regional(cancer: str, station: str, side: str | None, n: str) -> None:
    """The tumor lies on the left."""
    result = staged(cancer, station, side)["editions"]["8"]
    assert (n in result["n"]["possible"], result["m"]["category"]) == (True, "M0")
    assert "N0" not in result["n"]["possible"]


@pytest.mark.parametrize(
    ("cancer", "station"), [("larynx", "2R"), ("esophagus", "5"), ("pancreas", "13"), ("lung", "somewhere")]
)
def test_a_proven_node_of_a_name_that_nobody_can_place_leaves_m_open_and_is_shown(cancer: str, station: str) -> None:
    result = staged(cancer, station)
    answers = result["editions"]["8"]
    assert {"M0", "M1"} <= {name[:2] for name, share in answers["m"]["probabilities"].items() if share > 0.2}
    assert "N0" not in answers["n"]["possible"]
    (conflict,) = result["conflicts"]
    assert f"station {station}: malignant; this cancer's map has no such station" in conflict["message"]


def test_a_benign_sample_elsewhere_changes_nothing() -> None:
    result = staged("larynx", "4R", malignant=False)
    assert result["editions"]["8"]["m"]["category"] == "M0"
    assert result["conflicts"] == []


@pytest.mark.parametrize(
    ("malignant", "by_person", "category"),
    [(True, None, "M1b"), (False, None, "M0"), (None, 1.0, "M1b"), (None, 0.0, "M0")],
)
def test_a_distant_node_that_was_sampled_or_judged_is_counted_once_and_no_candidate_any_more(
    malignant: bool | None, by_person: float | None, category: str
) -> None:
    told = {"source": Source(SourceKind.PERSON, "review")} if by_person is not None else {}
    axillary = node(1, "axillary_left", p_malignant=0.9 if by_person is None else by_person, **told)
    candidate = MetastasisCandidate("candidate-1", "non_regional_lymph_node", axillary.centroid_lps, p_malignant=0.9)
    findings = Findings(
        CaseId("0123456789abcdef"),
        "lung",
        tumors=(tumor(20.0),),
        nodes=(axillary,),
        metastasis_candidates=(candidate,),
        nodes_assessed=True,
        regions_imaged=IMAGED,
    )
    sample = fact("station_result", {"station": "axillary_left", "malignant": malignant, "method": "FNA"})
    result = stage_case(findings, History(() if malignant is None else (sample,)), ("8",), imaging_date="2026-05-04")
    answers = result["editions"]["8"]
    assert answers["m"]["probabilities"] == {category: pytest.approx(1.0)}
    assert answers["stage_if_candidates_confirmed"] is None
