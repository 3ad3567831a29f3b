"""One patient's scans through the networks of a cancer: anatomy first, then lesions that are told of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.card import Card
from models.inference.grid import body_grid, hu_on, masks_of, suv_on, without_specks
from models.inference.predict import Scan
from models.training.labels import WHOLES, with_wholes
from oncology.imaging import shape
from oncology.imaging.bounds import GROUND_GLASS_FROM_HU
from oncology.imaging.home import asked_for, home_of
from oncology.imaging.location import LOBES
from oncology.imaging.plausible import implausible
from oncology.imaging.proposals import Proposal, propose
from oncology.imaging.region import bounding_box, crop, grown
from oncology.imaging.stations.finder import station_word
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.volume import Geometry, Volume, resample

Ask = Callable[[Card, Scan], Mapping[str, np.ndarray]]
FINER_MARGIN_MM = 15.0  # around what the first look saw
# A piece of a structure below this share of its largest piece is none of it. On 3 tuning patients of the esophagus the
# mean Dice of finely seen structures rose from 0.78 to 0.80; ribs and cartilages, which the first look gives, come in
# pieces of their own.
SPECK, FINER_SPECK = 0.1, 0.2
# A network draws the brain into the hole that a tumor leaves in the base of the skull, which would be T4; what a ball
# of this radius does not enter is none. Of 5 such necks with T3 (seeds 1010, 7900, 8000) the tumor then overlapped the
# brain in 2 instead of 4, and still in all 4 with T4.
BULKY_MM: Mapping[str, float] = {"brain": 5.0}
ANATOMY, STATIONS = "anatomy", "stations_"
LESION = "lesion"
WITHOUT_PET = "without_pet"  # those of a card's settings that hold on a CT alone
OF_CANCER = "of_cancer"  # those that hold for one of several cancers, WITHOUT_PET among them


@dataclass(frozen=True)
class SeenAnatomy:
    """What an anatomy network saw, on its own grid.

    Attributes:
        labels: (Z, Y, X) uint8, label n + 1 is `names[n]`.
        stations: None where the network knows no map of that cancer.
        finer: what a second look saw of a part of it.
        refused: why a structure that the network named is not in the map, by its name.
    """

    grid: Geometry
    labels: np.ndarray
    names: tuple[str, ...]
    stations: SeenStations | None = None
    finer: SeenAnatomy | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    def masks(self, ct: Geometry) -> dict[str, np.ndarray]:
        """Structures (Z, Y, X) bool on the CT's voxels, wholes with their parts."""
        return with_wholes(masks_of(self.labels, self.names, self.grid, ct))


def see_anatomy(card: Card, cancer: str, ct: Volume, body: np.ndarray, ask: Ask) -> SeenAnatomy:
    """Structures, and the station map that the cancer is staged by.

    Args:
        body: (Z, Y, X) bool on the CT's grid.
        ask: runs a network on a scan.
    """
    grid = body_grid(Volume(body, ct.geometry), card.spacing_mm)
    hu = hu_on(ct, grid)
    answer = ask(card, Scan(hu, card.spacing_mm))
    heads = {head.name: head.labels for head in card.heads}
    own = f"{STATIONS}{map_of(card, cancer)}"
    stations = None
    if own in heads:
        words = tuple(station_word(cancer, label) for label in heads[own])
        stations = SeenStations(answer[own], heads[own], grid, words)
    names = heads[ANATOMY]
    labels = _without_thin(without_specks(answer[ANATOMY], SPECK), names, grid)
    refused = implausible(labels, names, hu, grid, WHOLES)
    return SeenAnatomy(grid, _without(labels, names, refused), names, stations, refused=refused)


def _without(labels: np.ndarray, names: Sequence[str], refused: Collection[str]) -> np.ndarray:
    """The labels without these structures."""
    kept = np.array([0, *(0 if name in refused else place for place, name in enumerate(names, start=1))], np.uint8)
    return kept[labels]


def _without_thin(labels: np.ndarray, names: Sequence[str], grid: Geometry) -> np.ndarray:
    """The labels without what is too thin of organs that are BULKY_MM."""
    kept = labels.copy()
    for name in BULKY_MM.keys() & set(names):
        organ = labels == names.index(name) + 1
        kept[organ & ~shape.open_(organ, BULKY_MM[name], grid.spacing_mm)] = 0
    return kept


def map_of(card: Card, cancer: str) -> str:
    """The name of the station map that a cancer is staged by."""
    return str(card.settings.get("station_maps", {}).get(cancer, cancer))


def see_finer(card: Card, seen: SeenAnatomy, ct: Volume, body: np.ndarray, ask: Ask) -> SeenAnatomy | None:
    """A second, finer look at a part of the anatomy: the box around what the first look saw of it.

    Args:
        card: its settings name the structures that the box goes `around`, see also `finer_names`.
        seen: the first look.
        body: (Z, Y, X) bool on the CT's grid.
        ask: runs a network on a scan.
    Returns:
        Structures, whole ones only; None where the first look saw none of them.
    """
    grid = body_grid(Volume(body, ct.geometry), card.spacing_mm)
    wanted = [place for place, name in enumerate(seen.names, start=1) if name in card.settings["around"]]
    near = np.isin(_on(seen.labels, seen.grid, grid), wanted)
    if not near.any():
        return None
    box = grown(bounding_box(near), grid, FINER_MARGIN_MM)
    part = crop(near, grid, box).geometry
    y, x = ((count - 1) / 2 - side.start for count, side in zip(grid.shape[1:], box[1:], strict=True))
    hu = hu_on(ct, part)
    answer = ask(card, Scan(hu, card.spacing_mm, middle=(y, x)))
    names = card.heads[0].labels
    labels = without_specks(_without(answer[ANATOMY], names, set(names) - set(finer_names(card))), FINER_SPECK)
    refused = implausible(labels, names, hu, part, WHOLES, volumes=False)
    return SeenAnatomy(part, _without(labels, names, refused), names, refused=refused)


def finer_names(card: Card) -> tuple[str, ...]:
    """What a second look gives: its settings name as `partial` what reaches beyond the box."""
    partial = card.settings.get("partial", ())
    return tuple(name for name in card.heads[0].labels if name not in partial)


@dataclass(frozen=True)
class SeenLesions:
    """Probabilities (Z, Y, X) of tumor and node on a lesion network's grid.

    Attributes:
        with_pet: it saw a PET too.
        home: (Z, Y, X) bool where a primary can begin, None where its organ was not seen.
        cancer: whose tumor was asked for.
    """

    tumor: np.ndarray
    node: np.ndarray
    grid: Geometry
    with_pet: bool = True
    home: np.ndarray | None = None
    cancer: str = ""

    def proposals(self, ct: Geometry, settings: Mapping[str, Any]) -> list[Proposal]:
        """Regions on the CT's voxels, by a card's thresholds."""
        return propose(self.tumor, self.node, self.grid, ct, self._thresholds(settings), self.home)

    def _thresholds(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """A card's settings, over them those of its cancer, of a CT alone, and of its cancer on a CT alone."""
        levels = [settings, settings.get(OF_CANCER, {}).get(self.cancer, {})]
        alone = [] if self.with_pet else [level.get(WITHOUT_PET, {}) for level in levels]
        return {name: value for level in (*levels, *alone) for name, value in level.items()}


def see_lesions(
    card: Card,
    cancer: str,
    ct: Volume,
    pet: Volume | None,
    body: np.ndarray,
    anatomy: SeenAnatomy | None,
    ask: Ask,
    structures: Mapping[str, np.ndarray] | None = None,
) -> SeenLesions:
    """What a lesion network sees.

    Args:
        anatomy: what the anatomy networks saw; without it the network is told nothing of organs.
        structures: (Z, Y, X) bool on the CT's grid, by rules and finer looks; they tell the tumor's organ better.
    """
    grid = body_grid(Volume(body, ct.geometry), card.spacing_mm)
    told = _told(anatomy, grid) if anatomy is not None else Told()
    scan = Scan(hu_on(ct, grid), card.spacing_mm, suv_on(pet, grid) if pet else None, told.labels, told.names)
    probabilities = ask(card, scan)[LESION].astype(np.float32)
    labels = card.heads[0].labels
    tumor = f"tumor_{cancer}" if f"tumor_{cancer}" in labels else "tumor"
    nodes = np.maximum(*(probabilities[labels.index(name)] for name in ("node_small", "node_large")))
    home = home_of(cancer, _homes(cancer, told, structures or {}, ct.geometry, grid), grid.spacing_mm)
    if home is not None:
        home &= scan.hu >= GROUND_GLASS_FROM_HU  # air beside a false tumor is no home of it
    return SeenLesions(probabilities[labels.index(tumor)], nodes, grid, pet is not None, home, cancer)


@dataclass(frozen=True)
class Told:
    """Label maps on a lesion network's grid, and what their labels are called."""

    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _told(anatomy: SeenAnatomy, grid: Geometry) -> Told:
    labels, names = dict[str, np.ndarray](), dict[str, tuple[str, ...]]()
    labels[ANATOMY], names[ANATOMY] = _organs(anatomy, grid)
    if anatomy.stations is not None:
        labels["stations"] = _on(anatomy.stations.labels, anatomy.grid, grid)
        names["stations"] = anatomy.stations.names
    return Told(labels, names)


def _organs(anatomy: SeenAnatomy, grid: Geometry) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels on another grid, and their names: those of the finer look in place of the first's, where it saw them."""
    labels, finer = _on(anatomy.labels, anatomy.grid, grid), anatomy.finer
    if finer is None:
        return labels, anatomy.names
    names = tuple(dict.fromkeys((*anatomy.names, *finer.names)))
    better = _on(finer.labels, finer.grid, grid)
    place = np.array([0, *(names.index(name) + 1 for name in finer.names)], np.uint8)
    renamed = place[better]
    labels[np.isin(labels, np.unique(renamed))] = 0
    return np.where(renamed > 0, renamed, labels), names


def _homes(
    cancer: str, told: Told, structures: Mapping[str, np.ndarray], ct: Geometry, grid: Geometry
) -> dict[str, np.ndarray]:
    """The cancer's organ and its neighbors on a lesion network's grid, where nothing better is known by the network."""
    wanted = asked_for(cancer)
    labels, names = told.labels.get(ANATOMY), told.names.get(ANATOMY, ())
    seen = {name: labels == names.index(name) + 1 for name in wanted if name in names} if labels is not None else {}
    better = {name: _on(structures[name].astype(np.uint8), ct, grid) > 0 for name in wanted if name in structures}
    return {**seen, **better}


def _on(labels: np.ndarray, grid: Geometry, other: Geometry) -> np.ndarray:
    return resample(Volume(labels, grid), other, linear=False, fill=0).array


def joined(
    floor: Mapping[str, np.ndarray], seen: Mapping[str, np.ndarray], trusted: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Structures by networks that the hospital added, then by rules, then by embedded networks.

    Rules come before embedded networks because they were looked at on real scans, and those saw synthetic patients
    only. Lobes end where the lung that the rules found ends.

    Args:
        trusted: names in `seen` that come from a model that the hospital added.
    """
    found = {**seen, **{name: mask for name, mask in floor.items() if name not in trusted}}
    for lobe in LOBES:
        lung = "lung_left" if lobe.endswith("left") else "lung_right"
        if lobe in seen and lobe not in trusted and lung in floor:
            found[lobe] = seen[lobe] & floor[lung]
    return found
