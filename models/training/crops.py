"""Samples for training, cut from stored patients: turned, scaled and bent a little, never mirrored (sides matter)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from models.networks.context import STATION_MAP
from models.networks.inputs import OUTSIDE_HU, build_inputs, context_groups
from models.training.node_crops import node_stream
from models.training.recipe import LABELED, Recipe
from models.training.sample import IGNORED, Sample
from models.training.store import StoredPatient, load_patient
from models.training.variation import cut_view, draw_place_shift, hidden, in_phase, repainted_ct, varied_ct, varied_pet
from oncology.errors import ModelError

SMALL_NODE_MM = 10.0  # a short axis below it: the output for small nodes
TURN_DEG, SCALES, BEND_MM = (4.0, 4.0, 12.0), (0.86, 1.16), 3.0
CONTEXT_BEND_MM = 3.5  # how far a network's borders of organs may be off
WITHOUT_CONTEXT, WITHOUT_GROUP = 0.12, 0.1


@dataclass(frozen=True)
class Places:
    """Where a crop's voxels lie in a stored patient: indices (3, Z, Y, X) float32, z, y, x."""

    index: np.ndarray

    def box(self, shape: Sequence[int]) -> tuple[slice, slice, slice]:
        """The part of the patient that is needed."""
        low = np.floor(self.index.min(axis=(1, 2, 3))).astype(int) - 1
        high = np.ceil(self.index.max(axis=(1, 2, 3))).astype(int) + 2
        sides = [slice(max(0, min(a, n - 1)), max(1, min(b, n))) for a, b, n in zip(low, high, shape, strict=True)]
        return sides[0], sides[1], sides[2]

    def nearest(self, array: np.ndarray, bend: np.ndarray | None = None) -> np.ndarray:
        """Labels (Z, Y, X) of the nearest voxels, 0 outside."""
        places = np.rint(self.index if bend is None else self.index + bend).astype(np.int32)
        inside = np.ones(places.shape[1:], bool)
        for axis, count in enumerate(array.shape):
            inside &= (places[axis] >= 0) & (places[axis] < count)
            np.clip(places[axis], 0, count - 1, out=places[axis])
        found = array[places[0], places[1], places[2]]
        return np.where(inside, found, 0).astype(array.dtype)

    def linear(self, array: np.ndarray, outside: float, step: float = 1.0) -> np.ndarray:
        """Values (Z, Y, X) float32 between voxels; `step` voxels of the patient are one of the array's."""
        index = (self.index - (step - 1.0) / 2.0) / step
        box = Places(index).box(array.shape)
        part = torch.from_numpy(np.ascontiguousarray(array[box]).astype(np.float32))
        start = np.array([side.start for side in box], np.float32).reshape(3, 1, 1, 1)
        size = np.array(part.shape, np.float32).reshape(3, 1, 1, 1)
        grid = ((index - start) * 2.0 + 1.0) / size - 1.0
        points = torch.from_numpy(np.ascontiguousarray(np.moveaxis(grid[::-1], 0, -1), np.float32))
        found = functional.grid_sample(
            part[None, None] - outside, points[None], mode="bilinear", padding_mode="zeros", align_corners=False
        )
        return found[0, 0].numpy() + outside


def draw_places(
    center: np.ndarray, crop: Sequence[int], factor: float, spacing_mm: float, random: np.random.Generator
) -> Places:
    """A crop around a point of a patient.

    Args:
        center: index z, y, x; moved by up to a third of the crop.
        factor: voxels of the patient per voxel of the crop.
        spacing_mm: of the patient.
    """
    lines = [np.arange(count, dtype=np.float32) - (count - 1) / 2 for count in crop]
    offsets = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    turns = np.radians(random.uniform(-1.0, 1.0, 3) * TURN_DEG[::-1])  # about z most
    scale = factor * random.uniform(*SCALES) * random.uniform(0.95, 1.05, 3)
    matrix = (_rotation(turns) * scale).astype(np.float32)
    shift = random.uniform(-0.33, 0.33, 3) * np.array(crop) * factor
    index = (matrix @ offsets).reshape(3, *crop) + (center + shift).reshape(3, 1, 1, 1).astype(np.float32)
    return Places((index + smooth_bend(crop, BEND_MM / spacing_mm, random)).astype(np.float32))


def _rotation(turns: np.ndarray) -> np.ndarray:
    """About z, y and x, for vectors z, y, x."""
    result = np.eye(3)
    for axis, angle in enumerate(turns):
        one, other = [n for n in range(3) if n != axis]
        turn = np.eye(3)
        turn[one, one] = turn[other, other] = np.cos(angle)
        turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result


def smooth_bend(crop: Sequence[int], size: float, random: np.random.Generator) -> np.ndarray:
    """A smooth displacement (3, Z, Y, X) float32 in voxels, standard deviation up to `size`."""
    knots = torch.from_numpy(random.normal(0.0, size * random.uniform(0.0, 1.0), (1, 3, 5, 5, 5)).astype(np.float32))
    return functional.interpolate(knots, tuple(crop), mode="trilinear", align_corners=True)[0].numpy()


def draw_center(patient: StoredPatient, recipe: Recipe, random: np.random.Generator) -> np.ndarray:
    """The middle of a sample: in a tumor, a node, a structure that is asked for, or anywhere in the body."""
    kinds = list(recipe.centers)
    kind = str(random.choice(kinds, p=list(recipe.centers.values())))
    if kind == "structure":
        return _in_structure(patient, recipe.heads[0].labels, random)
    places = [
        n for n, lesion in enumerate(patient.about["lesions"], start=1) if lesion["kind"] == kind and lesion["voxels"]
    ]
    if kind != "body" and places:
        found = np.argwhere(patient.lesions == int(random.choice(places)))
        if len(found):
            return found[random.integers(len(found))].astype(np.float32)
    return (random.uniform(0.08, 0.92, 3) * np.array(patient.anatomy.shape)).astype(np.float32)


def _in_structure(patient: StoredPatient, names: Sequence[str], random: np.random.Generator) -> np.ndarray:
    """A voxel of a structure that is drawn first, so that small ones come as often as large ones."""
    counts = np.bincount(patient.anatomy.ravel(), minlength=256)
    there = [place for place, name in enumerate(patient.about["labels"], start=1) if name in names and counts[place]]
    found = np.flatnonzero(patient.anatomy.ravel() == int(random.choice(there)))
    index = np.unravel_index(found[random.integers(len(found))], patient.anatomy.shape)
    return np.array(index, np.float32)


def draw_sample(patient: StoredPatient, recipe: Recipe, random: np.random.Generator) -> Sample:
    """One augmented crop with its targets."""
    factor = recipe.spacing_mm / patient.spacing_mm
    places = draw_places(draw_center(patient, recipe, random), recipe.crop, factor, patient.spacing_mm, random)
    scan = int(random.integers(len(patient.ct)))
    hu = places.linear(patient.ct[scan], OUTSIDE_HU)
    if recipe.kind in LABELED:
        drawn = places.nearest(patient.anatomy)
        hu = repainted_ct(in_phase(hu, drawn, patient.about["labels"], random), drawn, random)
    hu = varied_ct(hu, random)
    wants_pet = "pet" in recipe.inputs and random.random() >= recipe.without_pet
    suv = varied_pet(places.linear(patient.pet[scan], 0.0, 2.0), random) if wants_pet else None
    middle = (np.array(patient.anatomy.shape) - 1) / 2
    place_mm = (
        (places.index[1] - middle[1]) * patient.spacing_mm,
        (places.index[2] - middle[2]) * patient.spacing_mm,
    )
    targets = targets_of(patient, places, recipe)
    if recipe.kind in LABELED:
        place_mm = draw_place_shift(random)(place_mm)
        seen = cut_view(hu.shape, random)
        if seen is not None:
            hu, targets = hidden(hu, seen), np.where(seen, targets, np.uint8(IGNORED))
    context = _context(patient, places, recipe, random) if recipe.context else None
    return Sample(build_inputs(recipe.inputs, hu, suv, place_mm, context), targets)


def _context(
    patient: StoredPatient, places: Places, recipe: Recipe, random: np.random.Generator
) -> dict[str, np.ndarray] | None:
    """Groups of organs and stations, as wrong as a network may see them."""
    if random.random() < WITHOUT_CONTEXT:
        return None
    bend = smooth_bend(recipe.crop, CONTEXT_BEND_MM / patient.spacing_mm, random)
    found = context_groups(places.nearest(patient.anatomy, bend), patient.about["labels"], recipe.context)
    wanted = STATION_MAP[recipe.region]
    stations = places.nearest(patient.stations[wanted], bend)
    found |= context_groups(stations, patient.about["stations"][wanted], recipe.maps)
    return {name: mask for name, mask in found.items() if random.random() >= WITHOUT_GROUP}


def targets_of(patient: StoredPatient, places: Places, recipe: Recipe) -> np.ndarray:
    """(T, Z, Y, X) uint8 for the recipe's heads."""
    if recipe.kind in LABELED:
        return np.stack([_labels(patient, places, head.name, head.labels) for head in recipe.heads])
    lesions = places.nearest(patient.lesions)
    return lesion_targets(lesions, patient.about["lesions"], patient.about["cancer"], recipe.heads[0].labels)


def _labels(patient: StoredPatient, places: Places, head: str, names: Sequence[str]) -> np.ndarray:
    """A label map in the head's order of names; IGNORED where this patient has no such map."""
    if head == "anatomy":
        source, known = patient.anatomy, list(patient.about["labels"])
    else:
        wanted = head.removeprefix("stations_")
        if wanted not in patient.stations:
            return np.full(places.index.shape[1:], IGNORED, np.uint8)
        source, known = patient.stations[wanted], list(patient.about["stations"][wanted])
    table = np.zeros(256, np.uint8)
    table[IGNORED] = IGNORED
    for place, name in enumerate(known, start=1):
        table[place] = names.index(name) + 1 if name in names else 0
    return table[places.nearest(source)]


def lesion_targets(
    lesions: np.ndarray, truths: Sequence[Mapping[str, object]], cancer: str, outputs: Sequence[str]
) -> np.ndarray:
    """(T, Z, Y, X): what each output should see; metastases are not asked for."""
    tables = np.zeros((len(outputs), 256), np.uint8)
    for place, truth in enumerate(truths, start=1):
        if truth["kind"] == "metastasis":
            tables[:, place] = IGNORED
        elif truth["kind"] == "tumor":
            name = f"tumor_{cancer}" if f"tumor_{cancer}" in outputs else "tumor"
            tables[list(outputs).index(name), place] = 1
        else:
            small = float(str(truth["short_axis_mm"])) < SMALL_NODE_MM
            tables[list(outputs).index("node_small" if small else "node_large"), place] = 1
    return tables[:, lesions]


def stream(
    paths: Sequence[Path], recipe: Recipe, seed: int, each: int = 6, held: int = 36, real: Sequence[Path] = ()
) -> Iterator[Sample]:
    """Samples without end: a patient gives `each` of them, which wait among `held` others so that they mix.

    Args:
        real: patients of whom the recipe's share of the samples is.
    Raises:
        ModelError: there is no patient to read.
    """
    if not paths:
        raise ModelError("the training store holds no patient; let `python -m models.training.maker` make some first")
    if recipe.kind == "node":
        yield from node_stream(paths, recipe, seed)
    random = np.random.default_rng(seed)
    waiting: list[Sample] = []
    while True:
        for place in random.permutation(len(paths)):
            patient = load_patient(paths[place])
            waiting += [draw_sample(patient, recipe, random) for _ in range(each)]
            waiting += _of_real(real, recipe, each, random)
            while len(waiting) > held:
                yield waiting.pop(int(random.integers(len(waiting))))
        while len(waiting) > 0 and len(paths) * each <= held:  # a store so small that nothing would ever come out
            yield waiting.pop(int(random.integers(len(waiting))))


def _of_real(real: Sequence[Path], recipe: Recipe, each: int, random: np.random.Generator) -> list[Sample]:
    """Samples of one real scan beside `each` of a drawn patient."""
    count = int(random.binomial(2 * each, 0.5 * recipe.real / (1.0 - recipe.real))) if real else 0
    if not count:
        return []
    patient = load_patient(real[int(random.integers(len(real)))])
    return [draw_sample(patient, recipe, random) for _ in range(count)]
