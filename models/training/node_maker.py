"""`python -m models.training.node_maker STORE`: nodes of a cohort in drawn necks, several sets in each neck.

Few patients have a node that extends beyond its capsule. Here one neck is drawn once and holds, one
set after the other, nodes as they were planned for many patients of the cohort, so that nodes cost a tenth of the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.synthetic.lesion import Lesion
from models.synthetic.patient import SyntheticPatient, draw_nodes, draw_plan, make_patient, scan_on_model_grid
from models.synthetic.plan import NodePlan, PatientPlan
from models.training.crowd import apart, fellows
from models.training.node_crops import DrawnNode, around, kind_of
from models.training.node_store import node_path, save_nodes
from models.training.splits import Split, split_of
from models.training.store import any_scanner, lesion_truth
from oncology.findings import NECK_SITES

SETS = 4  # of nodes in one neck
# Of the planned nodes so many are drawn; a figure counts each for as many as it stands for.
KEPT = {"extending": 1.0, "malignant": 0.5, "benign": 0.2}


def make_nodes(cancer: str, seed: int, index: int, sets: int = SETS, shift: str | None = None) -> list[DrawnNode]:
    """The nodes of one neck, one scan each: by the plans' own scanners, in training by any."""
    plan = draw_plan(cancer, seed, index, shift)
    bare = make_patient(replace(plan, nodes=(), metastases=()), images=False)
    random = np.random.default_rng((seed, index, 11))
    found: list[DrawnNode] = []
    for number in range(sets):
        plans = fellows(cancer, seed, index * SETS + number, shift)
        scanner = plans[0].scanner
        if split_of(seed) is Split.TRAINING:
            scanner = any_scanner(scanner, random)
        planned = [node for one in plans for node in one.nodes if random.random() < _kept(node)]
        wanted = replace(plan, nodes=tuple(apart(plan, planned)), scanner=scanner)
        found += _scanned(wanted, bare, random)
    return found


def _kept(node: NodePlan | Lesion) -> float:
    return KEPT[kind_of(malignant=node.malignant, ene=node.ene)]


def _scanned(plan: PatientPlan, bare: SyntheticPatient, random: np.random.Generator) -> Iterator[DrawnNode]:
    nodes = list(draw_nodes(plan, bare.canvas, bare.masks, bare.lesions[0].mask, random))
    patient = replace(bare, plan=plan, lesions=[*bare.lesions, *nodes])
    ct, pet = scan_on_model_grid(patient, random)
    for lesion in nodes:
        block = around(lesion.mask, ct.array, pet.array, bare.canvas.geometry.spacing_mm[0])
        signs = {
            "weight": 1.0 / _kept(lesion),
            "necrotic": lesion.necrotic is not None,
            "infiltrates": lesion.infiltrates,
        }
        yield DrawnNode((block,), lesion_truth(lesion, patient) | signs)


def fill(
    root: Path, cancers: Sequence[str], count: int, seed: int, first: int = 0, shift: str | None = None
) -> Iterator[Path]:
    """Nodes of `count` necks of each cancer, made where the store does not hold them yet."""
    for index in range(first, first + count):
        for cancer in cancers:
            path = node_path(root, cancer, seed, index, shift)
            if not path.exists():
                drawn = make_nodes(cancer, seed, index, shift=shift)
                save_nodes([(node.scans, node.truth) for node in drawn], path)
            yield path


def main() -> None:
    """`python -m models.training.node_maker STORE --count N --seed S`."""
    parser = argparse.ArgumentParser(prog="python -m models.training.node_maker", description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--count", type=int, default=8, metavar="N", help="necks of each cancer")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="index of the first")
    parser.add_argument("--seed", type=int, default=2, metavar="S")
    asked = parser.parse_args()
    for _ in fill(asked.store, NECK_SITES, asked.count, asked.seed, asked.first):
        pass


if __name__ == "__main__":
    main()
