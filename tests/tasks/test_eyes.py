"""What a person drew wins over what rules or networks propose."""

from dataclasses import replace

import numpy as np

from oncology.findings import Source, SourceKind
from oncology.imaging.airless import AIRLESS
from oncology.imaging.survey import Region
from oncology.imaging.volume import Geometry, Volume
from tasks.eyes import bounded, person_first


def region(role, low, kind, **more):
    mask = np.zeros((20, 20, 20), bool)
    mask[low : low + 6, 5:12, 5:12] = True
    return Region(role, f"{kind}-{low}", mask, Source(kind, "x"), needs_confirmation=kind is SourceKind.MODEL, **more)


def test_a_proposal_of_a_lesion_that_a_person_drew_is_left_out():
    drawn = region("tumor", 3, SourceKind.CONTOUR)
    same, other = region("tumor", 4, SourceKind.MODEL), region("tumor", 12, SourceKind.MODEL)
    assert person_first([same, other, drawn]) == [drawn, other]


def test_airless_lung_is_no_proposal_where_a_person_drew_the_tumor():
    airless = replace(region("tumor", 12, SourceKind.RULES), source=AIRLESS, needs_confirmation=True)
    tumor, node = region("tumor", 3, SourceKind.CONTOUR), region("node", 3, SourceKind.CONTOUR)
    assert person_first([airless, tumor]) == [tumor]
    assert person_first([airless, node]) == [node, airless]


def test_a_proposed_node_inside_the_drawn_tumor_is_no_node():
    drawn = region("tumor", 3, SourceKind.CONTOUR)
    assert person_first([drawn, region("node", 3, SourceKind.MODEL)]) == [drawn]


def test_a_drawn_structure_replaces_the_proposed_one_of_its_name_only():
    drawn = region("structure", 3, SourceKind.CONTOUR, structure="aorta")
    aorta = region("structure", 12, SourceKind.MODEL, structure="aorta")
    heart = region("structure", 3, SourceKind.MODEL, structure="heart")
    assert person_first([aorta, heart, drawn]) == [drawn, heart]


def test_a_proposal_in_air_is_refused_by_a_verdict_and_one_in_tissue_is_kept():
    hu = np.full((20, 20, 20), -1000.0, np.float32)
    hu[:10] = 40.0
    ct = Volume(hu, Geometry(hu.shape, (2.0, 2.0, 2.0), (0.0, 0.0, 0.0)))
    tissue, air = region("node", 2, SourceKind.MODEL), region("node", 13, SourceKind.MODEL)
    kept, refused = bounded([tissue, air], "pancreas", ct, {})
    assert [one.name for one in kept] == [tissue.name]
    assert [verdict.code for verdict in refused] == ["proposal-refused"]
    assert air.name in refused[0].message
