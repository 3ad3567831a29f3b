"""Scores on real scans: structures against labels, proposed tumors against a contour, and what counts as false."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import agreement
from benchmarks.agreement import NETWORK, NOBODY, RULES, SCANS, RealScan
from models.registry import all_cards
from oncology.findings import Source, SourceKind
from oncology.imaging.airless import AIRLESS
from oncology.imaging.survey import Region
from oncology.imaging.volume import Geometry, Volume, write_volume
from tasks.eyes import Sight

GRID = Geometry((10, 10, 10), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))  # voxels of 1 mL
NET = Source(SourceKind.MODEL, "lesion-thorax-ct")
SCAN = RealScan("chest", "ct", ("lung", "esophagus"), cancer="lung")


def block(low: int, high: int) -> np.ndarray:
    mask = np.zeros(GRID.shape, bool)
    mask[low:high, 2:4, 2:4] = True
    return mask


def test_labels_are_read_where_they_lie_and_lobes_make_a_lung(tmp_path: Path) -> None:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2:6, 2:4, 2:4], labels[6:8, 2:4, 2:4], labels[8:, 2:4, 2:4] = 1, 2, 3
    turned = replace(GRID, origin_lps=(0.0, 90.0, 0.0), direction=((1.0, 0, 0), (0, -1.0, 0), (0, 0, 1.0)))
    write_volume(Volume(labels[:, ::-1], turned), tmp_path / "labels.nii.gz")
    (tmp_path / "names.csv").write_text("id,name\n1,lung_upper_lobe_left\n2,lung_lower_lobe_left\n3,vertebrae_T12\n")
    found = agreement.reference_masks(tmp_path / "labels.nii.gz", "names.csv", GRID)
    assert found.keys() == {"lung_upper_lobe_left", "lung_lower_lobe_left", "lung_left", "vertebrae_T12"}  # no spine
    assert np.array_equal(found["lung_left"], block(2, 8))


def test_a_structure_that_a_network_knows_and_did_not_draw_scores_nothing() -> None:
    sight = Sight({"spine": block(0, 4), "aorta": block(0, 4)}, {}, unproven=frozenset({"aorta"}))
    reference = {"spine": block(0, 4), "aorta": block(2, 6), "esophagus": block(6, 9), "urinary_bladder": block(6, 9)}
    rows = agreement.agreements("chest", sight, reference, {"aorta", "esophagus"}, GRID)
    told = {row.structure: (row.drawn_by, row.dice, row.ours_ml, row.labels_ml) for row in rows}
    assert told == {  # the bladder is none of what was asked for
        "spine": (RULES, 1.0, 16.0, 16.0),
        "aorta": (NETWORK, 0.5, 16.0, 16.0),
        "esophagus": (NOBODY, 0.0, 0.0, 12.0),
    }
    (line,) = (line for line in agreement.agreement_table(rows) if line.startswith("networks drew"))
    assert line == "networks drew: 1 masks over 1 scans, mean 0.50, 0 at 0.8 or more"


def test_a_scan_that_trained_the_networks_is_no_test_of_them() -> None:
    sight = Sight({"aorta": block(0, 4)}, {}, unproven=frozenset({"aorta"}))
    trained = next(scan.name for scan in SCANS if scan.trained)
    rows = agreement.agreements(trained, sight, {"aorta": block(0, 4)}, {"aorta"}, GRID)
    rows += agreement.agreements("chest", sight, {"aorta": block(2, 6)}, {"aorta"}, GRID)
    table = list(agreement.agreement_table(rows))
    assert "networks drew: 1 masks over 1 scans, mean 0.50, 0 at 0.8 or more" in table
    assert "networks, on a scan that trained them: 1 masks over 1 scans, mean 1.00, 1 at 0.8 or more" in table


def test_shipped_networks_are_asked_for_wholes_of_what_they_draw_in_parts() -> None:
    known = agreement.known_structures(name for name, card in all_cards(None).items() if card.region == "thorax")
    assert {"heart", "aorta", "esophagus", "lung_right"} <= known
    assert "urinary_bladder" not in known


def test_tumors_by_networks_and_by_rules_are_scored_apart_and_together() -> None:
    regions = [
        Region("tumor", "tumor 1", block(4, 8), NET),
        Region("tumor", "airless lung", block(0, 2), AIRLESS),
        Region("node", "node 1", block(9, 10), NET),
    ]
    size, *scores, nodes = agreement.proposal_lines(SCAN, "lung", regions, block(0, 6), GRID)
    assert size.startswith("a person's contour of 24.0 mL")
    assert scores == [
        "tumors by networks: 1 proposed, 16.0 mL, Dice 0.40, 8.0 mL false",
        "tumors by rules (airless lung): 1 proposed, 8.0 mL, Dice 0.50, 0.0 mL false",
        "tumors by both together: 2 proposed, 24.0 mL, Dice 0.67, 8.0 mL false",
    ]
    assert nodes.startswith("nodes: 1 proposed, 4.0 mL")


def test_all_that_is_proposed_is_false_unless_the_patient_has_that_cancer() -> None:
    regions = [Region("tumor", "tumor 1", block(4, 8), NET)]
    (other, _) = agreement.proposal_lines(SCAN, "esophagus", regions, None, GRID)
    assert other == "tumors: 1 proposed, 16.0 mL, all of it false: none of this kind is known"
    (own, _) = agreement.proposal_lines(SCAN, "lung", regions, None, GRID)
    assert "16.0 mL, not scored" in own


def test_by_rules_alone_the_contoured_mass_is_found_and_nothing_else(shared_data: Path, home: Path) -> None:
    (scan,) = (scan for scan in SCANS if scan.contour)
    rows, lines = agreement.scored(scan, shared_data)
    assert not rows
    (line,) = (line for line in lines if "together" in line)
    found = re.search(r"Dice (\d\.\d\d), (\d+\.\d) mL false", line)
    assert found is not None
    assert float(found[1]) > 0.6
    assert float(found[2]) < 1.0


def test_without_the_scans_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIMDT_SHARED", str(tmp_path))
    agreement.main()
    assert capsys.readouterr().out == "the real scans are not here; set AIMDT_SHARED\n"
