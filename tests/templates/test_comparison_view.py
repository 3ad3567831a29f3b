"""The comparison with a prior study: sums, response and change of stage, in every language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oncology.comparison import compare
from oncology.findings import CaseId, Findings, Laterality, MetastasisCandidate, Node, Tumor, to_json
from templates.comparison_view import comparison_view
from templates.language import language
from templates.render import languages, render_html
from templates_sample import report, staging

AT = (-60.0, 0.0, 80.0)


def study(tumor_mm: float, *nodes_mm: float) -> Findings:
    tumor = Tumor("tumor-1", 20.0, tumor_mm, tumor_mm, tumor_mm, 30.0, Laterality.RIGHT, None, AT)
    nodes = [
        Node(f"node-{place}", "7", None, mm, mm + 4.0, 2.0, (0.0, 0.0, 60.0 + 50.0 * place))
        for place, mm in enumerate(nodes_mm, start=1)
    ]
    return Findings(CaseId("c"), "lung", (tumor,), tuple(nodes))


def spread(liver_ml: float) -> Findings:
    """With a metastasis of which no more than the volume is known."""
    liver = MetastasisCandidate("candidate-1", "liver", (-80.0, 0.0, -40.0), volume_ml=liver_ml)
    return replace(study(50.0), metastasis_candidates=(liver,))


def compared(now: Findings, prior: Findings) -> dict[str, Any]:
    """As the staging is stored: every pair with its change."""
    result = compare(now, prior, staging(), staging())
    content = to_json(result)
    content["pairs"] = [to_json(pair) | {"change": pair.change} for pair in result.pairs]
    return staging() | {"comparison": content}


def test_sums_response_and_stages_stand_in_the_report() -> None:
    page = render_html(report(staging=compared(study(30.0, 14.0), study(50.0, 20.0))))
    told = page[page.index("Compared with the prior study") :]
    assert "partial response" in told
    assert "sum 70 mm before, 44 mm now (-37 %)" in told
    assert told.index("Change of stage") < told.index("T2b N2a M0, IIIA")


@pytest.mark.parametrize("name", [name for name in languages() if name != "en"])
@pytest.mark.parametrize(
    ("now", "prior"),
    [
        (study(30.0, 14.0), study(50.0, 20.0)),
        (study(60.0, 14.0, 22.0), study(50.0)),
        (study(8.0), study(8.0, 12.0)),
        (spread(2.0), spread(4.0)),
        (spread(2.0), study(50.0)),
        (study(50.0), spread(2.0)),
    ],
)
def test_no_word_of_a_comparison_falls_back_to_english(name: str, now: Findings, prior: Findings) -> None:
    translate = language(name)
    assert comparison_view(compared(now, prior), translate)
    assert translate.unknown == set()
