"""What the eyes see on public CTs with nothing drawn: anatomy against labels, proposed tumors against a contour.

Labels that a network drew give agreement, a contour that a person drew gives Dice. Each scan is looked at as a case is
staged: rules and the networks that ship, joined. Where no tumor of a kind is known, all that is proposed counts as
false. Needs the scans' folder (AIMDT_SHARED, or ../shared beside the repository) and one to two minutes a look.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdt_dicom.contours import read_contours
from mdt_dicom.intake import read_study
from models.registry import all_cards
from models.training.labels import WHOLES
from oncology.findings import SourceKind
from oncology.imaging.diameter import greatest_dimension_mm
from oncology.imaging.measure import volume_ml
from oncology.imaging.survey import Region
from oncology.imaging.volume import Geometry, Volume, read_volume, resample
from tasks.eyes import Sight, look

VERTEBRAE = tuple(
    f"vertebrae_{part}{n}" for part, count in (("C", 7), ("T", 12), ("L", 5)) for n in range(1, count + 1)
)
# Our structures that a table of labels names in parts only; S1 is the sacrum's. The canal holds more than the cord.
COMPOSED: Mapping[str, tuple[str, ...]] = {
    "lung_left": WHOLES["lung_left"],
    "lung_right": WHOLES["lung_right"],
    "ribs": tuple(f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 13)),
    "spine": VERTEBRAE,
    "spinal_canal": ("spinal_cord",),
}
NOBODY, RULES, NETWORK = "nobody", "rules", "network"
GOOD = 0.8  # of agreement
TOTAL = "totalsegmentator_example"
Masks = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class RealScan:
    """One public CT; paths are below the data folder.

    Attributes:
        cancers: what it is looked at for, in turn.
        labels: a label map that a network drew, and its table of names.
        contour: of the tumor, by a person.
        cancer: what the patient is known to have.
        trained: the networks of anatomy were trained with it (`models.training.real`), so that it is no test of them.
    """

    name: str
    ct: str
    cancers: tuple[str, ...]
    labels: tuple[str, str] | None = None
    contour: str | None = None
    cancer: str | None = None
    trained: bool = False


SCANS = (
    RealScan(
        "abdomen",
        f"{TOTAL}/example_ct.nii.gz",
        ("pancreas",),
        (f"{TOTAL}/example_seg_full.nii.gz", "classes.csv"),
        trained=True,
    ),
    RealScan("liver level", f"{TOTAL}/dicom", ("pancreas",), (f"{TOTAL}/example_seg_dicom.nii.gz", "classes.csv")),
    RealScan(
        "great vessels",
        f"{TOTAL}/great_vessels/ct.nii.gz",
        ("lung", "esophagus"),
        (f"{TOTAL}/great_vessels/labels.nii.gz", "labels.csv"),
    ),
    RealScan(
        "IBSI lung",
        "ibsi_lung_ct/dicom/ct",
        ("lung",),
        contour="ibsi_lung_ct/dicom/rtstruct/rtstruct.dcm",
        cancer="lung",
    ),
    RealScan("R01-001", "chest_ct/R01-001_1x1x2mm.nii.gz", ("lung", "esophagus"), cancer="lung"),
)

REMARKS = """\
One contoured tumor is an example, no figure to expect. The quick experiment of the field notes (section 7: a network
inside a region by rules) reached Dice 0.73 and 0.69 on two patients with large left tumors whose contours are not
among these scans: what is reached here neither beats nor misses that. A mass of 360 mL in a cropped field of view, as
the IBSI scan's is, on the right, defeated that experiment; the rule for airless lung was made with this scan in view.
That a volume is free of a tumor was never proven: its source names none of that kind."""


@dataclass(frozen=True)
class Agreement:
    """One structure on one scan: who drew ours, Dice with the labels, and both volumes."""

    structure: str
    scan: str
    drawn_by: str
    dice: float
    ours_ml: float
    labels_ml: float


@dataclass(frozen=True)
class Proposed:
    """Proposals taken together; Dice and the milliliters outside are against a contour, None without one."""

    count: int
    ml: float
    dice: float | None = None
    outside_ml: float | None = None

    def __str__(self) -> str:
        told = f"{self.count} proposed, {self.ml:.1f} mL"
        return told if self.dice is None else f"{told}, Dice {self.dice:.2f}, {self.outside_ml:.1f} mL false"


def main() -> None:
    """Both tables, when every scan was looked at."""
    data = Path(os.environ.get("AIMDT_SHARED", Path(__file__).parents[2] / "shared")) / "data"
    if not data.is_dir():
        print("the real scans are not here; set AIMDT_SHARED")
        return
    rows, lines = list[Agreement](), list[str]()
    for scan in SCANS:
        found, told = scored(scan, data)
        rows += found
        lines += told
    print("\n".join((*agreement_table(rows), "", *lines, "", REMARKS)))


def scored(scan: RealScan, data: Path) -> tuple[list[Agreement], list[str]]:
    """Agreement of every structure, and what is told of proposed tumors and nodes."""
    study = read_study(data / scan.ct)
    ct, contour = study.ct.volume, None
    if scan.contour is not None:
        drawn = read_contours([data / scan.contour], ct.geometry, study.ct.info.frame_of_reference_uid or None)
        contour = np.logical_or.reduce([one.mask for one in drawn.contours if one.role == "tumor"])
    rows, lines = list[Agreement](), list[str]()
    for cancer in scan.cancers:
        sight = look(ct, None, cancer)
        if scan.labels is not None and not rows:  # for the next cancer of a region the same networks draw the anatomy
            reference = reference_masks(data / scan.labels[0], scan.labels[1], ct.geometry)
            rows = agreements(scan.name, sight, reference, known_structures(sight.models), ct.geometry)
        lines += [f"{scan.name} as {cancer} ({', '.join(sight.models) or 'rules alone'})"]
        lines += [f"  {line}" for line in proposal_lines(scan, cancer, sight.regions, contour, ct.geometry)]
    return rows, lines


def reference_masks(labels: Path, classes: str, grid: Geometry) -> dict[str, np.ndarray]:
    """Labeled structures (Z, Y, X) bool on a CT's grid, those that several labels make up too.

    Args:
        classes: table of ids and names, beside the label map.
    """
    found = resample(read_volume(labels), grid, linear=False, fill=0).array
    with (labels.parent / classes).open(encoding="utf-8") as file:
        names = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
    masks = {names[label]: found == label for label in np.unique(found).tolist() if label in names}
    for whole, parts in COMPOSED.items():
        seen = [masks[part] for part in parts if part in masks]
        if seen and set(parts) <= set(names.values()):  # a table of one vertebra is none of the spine
            masks[whole] = np.logical_or.reduce(seen)
    return masks


def known_structures(models: Iterable[str]) -> frozenset[str]:
    """Structures that one of these networks can draw."""
    heads = [head for model in models for head in all_cards(None)[model].heads if head.name == "anatomy"]
    names = {name for head in heads for name in head.labels}
    return frozenset(names | {whole for whole, parts in WHOLES.items() if names & set(parts)})


def agreements(scan: str, sight: Sight, reference: Masks, known: Collection[str], grid: Geometry) -> list[Agreement]:
    """Each labeled structure that we drew, and with Dice 0 each that we know and did not draw."""
    rows = list[Agreement]()
    for name, theirs in reference.items():
        if name in sight.structures:
            ours, by = sight.structures[name], NETWORK if name in sight.unproven else RULES
        elif name in known:
            ours, by = np.zeros_like(theirs), NOBODY
        else:
            continue
        rows.append(Agreement(name, scan, by, dice(ours, theirs), volume_ml(ours, grid), volume_ml(theirs, grid)))
    return rows


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Of two masks, (Z, Y, X) bool; 0 where one of them is empty."""
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2.0 * int(np.count_nonzero(one & other)) / total if total else 0.0


def agreement_table(rows: Sequence[Agreement]) -> Iterator[str]:
    """A line for each structure, and the mean of those that rules drew and of those that networks drew."""
    scans = list(dict.fromkeys(row.scan for row in rows))
    yield "Agreement with labels that a network drew (Dice; in brackets mL, ours / labels)"
    yield _line("structure", "drawn by", "scans", "mean", scans)
    for name in sorted({row.structure for row in rows}):
        own = {row.scan: row for row in rows if row.structure == name}
        by = "/".join(sorted({row.drawn_by for row in own.values()}))
        cells = [_cell(own.get(scan)) for scan in scans]
        yield _line(name, by, str(len(own)), f"{_mean(own.values()):.2f}", cells)
    trained = {scan.name for scan in SCANS if scan.trained}
    apart = [row for row in rows if row.scan in trained and row.drawn_by != RULES]
    others = [row for row in rows if row not in apart]
    for chosen, words in (
        ([row for row in others if row.drawn_by == RULES], "rules drew"),
        ([row for row in others if row.drawn_by == NETWORK], "networks drew"),
        ([row for row in others if row.drawn_by == NOBODY], "networks know and did not draw"),
        (apart, "networks, on a scan that trained them"),
    ):
        if chosen:
            scores = f"mean {_mean(chosen):.2f}, {sum(row.dice >= GOOD for row in chosen)} at {GOOD} or more"
            yield f"{words}: {len(chosen)} masks over {len({row.scan for row in chosen})} scans, {scores}"


def _line(name: str, by: str, scans: str, mean: str, cells: Iterable[str]) -> str:
    return (f"{name:<29}{by:<15}{scans:<7}{mean:<6}" + "".join(f"{cell:<23}" for cell in cells)).rstrip()


def _cell(row: Agreement | None) -> str:
    return "-" if row is None else f"{row.dice:.2f} ({row.ours_ml:.1f} / {row.labels_ml:.1f})"


def _mean(rows: Collection[Agreement]) -> float:
    return float(np.mean([row.dice for row in rows]))


def proposal_lines(
    scan: RealScan, cancer: str, regions: Sequence[Region], contour: np.ndarray | None, grid: Geometry
) -> Iterator[str]:
    """What was proposed on a scan that was looked at for one cancer, and how it is scored.

    Args:
        contour: (Z, Y, X) bool, of the tumor of `scan.cancer`.
    """
    tumors = [region for region in regions if region.role == "tumor"]
    networks = [region for region in tumors if region.source.kind is not SourceKind.RULES]
    rules = [region for region in tumors if region.source.kind is SourceKind.RULES]
    nodes = proposed([region for region in regions if region.role == "node"], grid)
    if cancer != scan.cancer:
        yield f"tumors: {proposed(tumors, grid)}, all of it false: none of this kind is known"
    elif contour is None:
        yield f"tumors: {proposed(tumors, grid)}, not scored: there is one that nobody contoured"
    else:
        size_mm = greatest_dimension_mm(Volume(contour, grid))
        yield f"a person's contour of {volume_ml(contour, grid):.1f} mL, {size_mm:.0f} mm"
        for words, chosen in (("networks", networks), ("rules (airless lung)", rules), ("both together", tumors)):
            yield f"tumors by {words}: {proposed(chosen, grid, contour)}"
    yield f"nodes: {nodes}, right or false: nobody drew any"


def proposed(regions: Sequence[Region], grid: Geometry, contour: np.ndarray | None = None) -> Proposed:
    """These regions as one mask, against a contour where there is one."""
    mask = np.logical_or.reduce([np.zeros(grid.shape, bool), *(region.mask for region in regions)])
    if contour is None:
        return Proposed(len(regions), volume_ml(mask, grid))
    return Proposed(len(regions), volume_ml(mask, grid), dice(mask, contour), volume_ml(mask & ~contour, grid))


if __name__ == "__main__":
    main()
