"""How good a network is on synthetic patients that it never saw: the figures of its card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card, Figure
from models.inference.engine import Engine, open_engine
from models.inference.grid import masks_of
from models.inference.look import (
    SeenAnatomy,
    SeenLesions,
    finer_names,
    joined,
    map_of,
    see_anatomy,
    see_finer,
    see_lesions,
)
from models.inference.predict import Scan, predict
from models.inference.tiling import WINDOW
from models.registry import all_cards, weights_path
from models.training.recipe import CT_TWIN
from models.training.store import StoredPatient, load_patient, make_stored, patient_path, save_patient, stored_volumes
from models.verification import Material
from oncology.agreement import pooled_figure
from oncology.errors import ModelError
from oncology.imaging.anatomy import segment_anatomy
from oncology.imaging.proposals import Proposal
from oncology.imaging.stations.finder import station_finder
from oncology.imaging.stations.parse import agreed, parse_stations
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.volume import Geometry, Volume

HELD_OUT_SEED, TUNING_SEED = 5001, 1001
RIM_MM = 6.0  # a stored patient is cut to the body and this much more
MET_SHARE = 0.2  # Dice from which a proposal shows a lesion
VISIBLE_MM = 5.0  # nodes with a smaller short axis are not asked for
_ANSWERS: dict[tuple[object, ...], SeenAnatomy] = {}  # of anatomy networks, some megabytes each, while a process lives
DEVICE: ContextVar[str] = ContextVar("device", default="cpu")  # that networks are measured on
StationShares = Callable[[np.ndarray], Mapping[str, float]]
BY_PATIENT = ("dice_mean", "ct_pet_false_tumors", "ct_false_tumors")  # figures with one value a patient
HEALTHY_SHARE = 2  # one body without lesions for so many with
LEAST_PATIENTS = 4  # of each cancer, where nobody says how many


def patients(
    store: Path, cancers: Sequence[str], count: int, seed: int, shift: str | None = None, *, healthy: bool = False
) -> Iterable[StoredPatient]:
    """`count` patients of each cancer, made where the store does not hold them yet.

    Args:
        shift: scanned under this shift, see models/synthetic/shifts.py.
        healthy: the same bodies without any lesion.
    """
    for cancer in cancers:
        for index in range(count):
            path = patient_path(store, cancer, seed, index, shift, healthy=healthy)
            if not path.exists():
                save_patient(make_stored(cancer, seed, index, shift, scans=1, healthy=healthy), path)
            yield load_patient(path)


@lru_cache(maxsize=4)
def _engine(card_id: str, weights: Path, shape: str, device: str) -> Engine:
    import json

    return open_engine(json.loads(shape), weights, WINDOW, None, device)


def ask_here(card: Card, scan: Scan) -> Mapping[str, np.ndarray]:
    """Like `models.inference.run.ask`, in this process: for many scans in a row."""
    import json

    return predict(card, _engine(card.id, weights_path(card), json.dumps(dict(card.network)), DEVICE.get()), scan)


def body_of(patient: StoredPatient) -> np.ndarray:
    """The body's box in a stored patient, (Z, Y, X) bool."""
    rim = round(RIM_MM / patient.spacing_mm)
    body = np.zeros(patient.anatomy.shape, bool)
    body[rim:-rim, rim:-rim, rim:-rim] = True
    return body


@dataclass
class Tally:
    """Values by figure, those of one patient together."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, name: str, value: float, patient: StoredPatient) -> None:
        """A value of the patient, or of one of its lesions."""
        whose = "-".join(str(patient.about[key]) for key in ("cancer", "seed", "index"))
        self.values.setdefault(name, {}).setdefault(whose, []).append(float(value))

    def of(self, name: str) -> list[float]:
        """All values of a figure."""
        return [value for values in self.values.get(name, {}).values() for value in values]

    def figures(self, on: str) -> list[Figure]:
        """Means with 95% intervals from patients drawn anew, all lesions of one together."""
        return [_figure(name, list(values.values()), on) for name, values in sorted(self.values.items())]


def _figure(name: str, values: Sequence[Sequence[float]], on: str) -> Figure:
    found = pooled_figure(values)
    value, low, high = (round(found[key], 3) for key in ("value", "low", "high"))
    return Figure(name, value, "", found["n"], low, high, on)


def anatomy_figures(card: Card, earlier: Sequence[Card], chosen: Iterable[StoredPatient], on: str) -> list[Figure]:
    """Dice of every structure and its mean over patients, that of stations, and how often a node's station is right.

    Args:
        earlier: the network of the first look, for one that takes a second.
    """
    tally, parts = Tally(), Tally()
    for patient in chosen:
        before = seen_organs(earlier, patient)
        seen = _seen(card, before, patient)
        dice = structure_dice(seen, patient, patient.grid, finer_names(card))
        for name, value in dice.items():
            parts.add(f"dice_{name}", value, patient)
        tally.add("dice_mean", float(np.mean(list(dice.values()))), patient)
        map_name = map_of(earlier[0] if earlier else card, patient.about["cancer"])
        stations, found = _stations(seen, patient) if before is None else _parsed(before, seen, patient)
        tally.add("station_dice", station_dice(stations, map_name, patient), patient)
        for name, shares in found.items():
            for right in stations_right(shares, patient):
                tally.add(name, right, patient)
    return [*tally.figures(on), *parts.figures(on)]


def _stations(seen: SeenAnatomy, patient: StoredPatient) -> tuple[SeenStations, dict[str, StationShares]]:
    """The map that a network for anatomy sees at its first look, and what a node is told by it and by rules."""
    if seen.stations is None:
        raise ModelError(f"the network knows no stations of {patient.about['cancer']!r}")
    ct, cancer = patient.grid, patient.about["cancer"]
    by_rules = station_finder(cancer, seen.masks(ct), {}, ct).probabilities
    return seen.stations, {
        "station_by_network": partial(seen.stations.shares, ct=ct),
        "station_by_rules": by_rules,
    }


def _parsed(
    before: SeenAnatomy, seen: SeenAnatomy, patient: StoredPatient
) -> tuple[SeenStations, dict[str, StationShares]]:
    """The same as a case is staged by: what both looks and rules on the image saw, one map of it, and both words."""
    ct, cancer = Volume(patient.ct[0], patient.grid), patient.about["cancer"]
    rules = segment_anatomy(ct)
    structures = joined(rules.masks, {**before.masks(ct.geometry), **seen.masks(ct.geometry)})
    by_rules = station_finder(cancer, structures, rules.landmarks, ct.geometry).probabilities
    if before.stations is None:
        raise ModelError(f"the network of the first look knows no stations of {cancer!r}")
    stations = parse_stations(before.stations, cancer, structures, rules.landmarks, ct.geometry)
    by_map = partial(stations.shares, ct=ct.geometry)
    return stations, {
        "station_by_rules": by_rules,
        "station_by_both": lambda mask: agreed(by_rules(mask), by_map(mask)),
    }


def _seen(card: Card, before: SeenAnatomy | None, patient: StoredPatient) -> SeenAnatomy:
    """What a network for anatomy sees on a stored patient, at the first look or after one; each is asked once."""
    key = (card.sha256, *(patient.about[name] for name in ("cancer", "seed", "index", "shift")), patient.healthy)
    if key not in _ANSWERS:
        _ANSWERS[key] = _asked(card, before, patient)
    return _ANSWERS[key]


def _asked(card: Card, before: SeenAnatomy | None, patient: StoredPatient) -> SeenAnatomy:
    ct, body = Volume(patient.ct[0], patient.grid), body_of(patient)
    if before is None:
        return see_anatomy(card, patient.about["cancer"], ct, body, ask_here)
    finer = see_finer(card, before, ct, body, ask_here)
    return finer or replace(before, labels=np.zeros_like(before.labels), names=card.heads[0].labels)


def structure_dice(
    seen: SeenAnatomy, patient: StoredPatient, grid: Geometry, wanted: Collection[str]
) -> dict[str, float]:
    """Dice by structure, for those that the patient has and the network gives."""
    found = seen.masks(grid)
    result = {}
    for place, name in enumerate(patient.about["labels"], start=1):
        true = patient.anatomy == place
        if name in wanted and true.any():
            result[name] = _dice(true, found[name]) if name in found else 0.0
    return result


def station_dice(seen: SeenStations, name: str, patient: StoredPatient) -> float:
    """Mean Dice of the stations of a map that the patient has; 0 for one that the network leaves out."""
    found = masks_of(seen.labels, seen.names, seen.grid, patient.grid)
    values = []
    for place, station in enumerate(patient.about["stations"][name], start=1):
        true = patient.stations[name] == place
        if true.any():
            values.append(_dice(true, found[station]) if station in found else 0.0)
    return float(np.mean(values))


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2.0 * int(np.count_nonzero(one & other)) / total if total else 1.0


def stations_right(shares: StationShares, patient: StoredPatient) -> Iterable[bool]:
    """For every drawn node, whether its likeliest station is the one it was drawn in."""
    for place, lesion in enumerate(patient.about["lesions"], start=1):
        if lesion["kind"] == "node" and lesion["station"]:
            mask = patient.lesions == place
            if mask.any():
                found = shares(mask)
                yield bool(found) and max(found, key=lambda name: found[name]) == lesion["station"]


def lesion_figures(
    card: Card, earlier: Sequence[Card], chosen: Iterable[StoredPatient], healthy: Iterable[StoredPatient], on: str
) -> list[Figure]:
    """Tumor found and its Dice, nodes found by size and kind, false proposals a patient; with and without PET.

    Args:
        healthy: bodies without a lesion: whatever is proposed there is false, and counted in milliliters.
    """
    tally = Tally()
    for patient in chosen:
        for mode, proposals in proposed(card, earlier, patient):
            score_lesions(tally, patient, proposals, mode)
    for patient in healthy:
        for mode, proposals in proposed(card, earlier, patient):
            for role in ("tumor", "node"):
                voxels = sum(int(np.count_nonzero(one.mask)) for one in proposals if one.role == role)
                tally.add(f"{mode}_healthy_false_{role}_ml", voxels * patient.spacing_mm**3 / 1000.0, patient)
    return tally.figures(on)


def proposed(card: Card, earlier: Sequence[Card], patient: StoredPatient) -> Iterator[tuple[str, list[Proposal]]]:
    """What a lesion network proposes, with PET where it sees one, and on the CT alone."""
    organs, grid = seen_organs(earlier, patient), patient.grid
    for with_pet in shown_pets(card):
        seen = seen_lesions(card, organs, patient, with_pet=with_pet)
        yield "ct_pet" if with_pet else "ct", seen.proposals(grid, card.settings)


def shown_pets(card: Card) -> tuple[bool, ...]:
    """Whether the flow asks a network with a PET, without one, or both: beside a twin for CT alone never without."""
    if not card.sees_pet:
        return (False,)
    return (True,) if f"{card.id}{CT_TWIN}" in all_cards(None) else (True, False)


def seen_organs(looks: Sequence[Card], patient: StoredPatient) -> SeenAnatomy | None:
    """What the anatomy networks see on a stored patient; None without any.

    Args:
        looks: the first, then the finer one where there is one.
    """
    if not looks:
        return None
    seen = _seen(looks[0], None, patient)
    return replace(seen, finer=_seen(looks[1], seen, patient)) if looks[1:] else seen


def seen_lesions(card: Card, organs: SeenAnatomy | None, patient: StoredPatient, *, with_pet: bool) -> SeenLesions:
    """What the lesion network sees on a stored patient."""
    ct, pet = stored_volumes(patient)
    cancer = patient.about["cancer"]
    return see_lesions(card, cancer, ct, pet if with_pet else None, body_of(patient), organs, ask_here)


def score_lesions(tally: Tally, patient: StoredPatient, proposals: Sequence[Proposal], mode: str) -> None:
    """Hold proposals against the drawn lesions; metastases count neither way."""
    met: set[int] = set()
    dice = lesion_dice(patient, proposals)
    for lesion, row in zip(patient.about["lesions"], dice, strict=True):
        if not lesion["voxels"]:
            continue
        best = int(row.argmax()) if proposals else 0
        highest, role = (row[best], proposals[best].role) if proposals else (0.0, "")
        if highest >= MET_SHARE:
            met.add(best)
        _score_one(tally, patient, lesion, highest, role, mode)
    for role in ("tumor", "node"):
        wrong = sum(one.role == role for n, one in enumerate(proposals) if n not in met)
        tally.add(f"{mode}_false_{role}s", wrong, patient)


def lesion_dice(patient: StoredPatient, proposals: Sequence[Proposal]) -> np.ndarray:
    """Dice (lesions, proposals) of every drawn lesion with every proposal."""
    count = len(patient.about["lesions"])
    sizes = np.bincount(patient.lesions.ravel(), minlength=count + 1)[1 : count + 1]
    result = np.zeros((count, len(proposals)))
    for place, proposal in enumerate(proposals):
        shared = np.bincount(patient.lesions[proposal.mask], minlength=count + 1)
        result[:, place] = 2.0 * shared[1 : count + 1] / np.maximum(sizes + shared.sum(), 1)
    return result


def _score_one(
    tally: Tally, patient: StoredPatient, lesion: Mapping[str, Any], dice: float, role: str, mode: str
) -> None:
    found = dice >= MET_SHARE
    if lesion["kind"] == "tumor":
        tally.add(f"{mode}_tumor_found", found and role == "tumor", patient)
        tally.add(f"{mode}_tumor_dice", dice if role == "tumor" else 0.0, patient)
    elif lesion["kind"] == "node" and float(lesion["short_axis_mm"]) >= VISIBLE_MM:
        tally.add(f"{mode}_{'malignant' if lesion['malignant'] else 'benign'}_nodes_found", found, patient)
        if found:
            tally.add(f"{mode}_found_nodes_dice", dice, patient)


def measure(card: Card, material: Material) -> list[Figure]:
    """The figures of a network's card on held-out patients, as `aimdt models verify` asks for them.

    Raises:
        ModelError: there is no folder for the patients.
    """
    if material.store is None:
        raise ModelError(f"{card.id} is measured on synthetic patients; name a folder for them by --store")
    stated = stated_patients(card) // max(1, len(card.cancers))
    looks = earlier_looks(card, material.home)
    count = material.patients or stated or LEAST_PATIENTS
    before = DEVICE.set(material.device)
    try:
        return list(figures_of(card, looks, material.store, count, material.shift))
    finally:
        DEVICE.reset(before)


def earlier_looks(card: Card, home: Path | None) -> tuple[Card, ...]:
    """The anatomy networks whose answers a network is told of, in their order."""
    first, finer = f"anatomy-{card.region}", f"anatomy-{card.region}-fine"
    names = {"anatomy": (), "anatomy_fine": (first,)}.get(card.role, (first, finer))
    there = all_cards(home)
    return tuple(there[name] for name in names if name in there)


def stated_patients(card: Card) -> int:
    """How many patients the card's figures are of; others count nodes or tumors."""
    by_patient = [figure.n for figure in card.figures if figure.name in BY_PATIENT]
    return max(by_patient or [figure.n for figure in card.figures], default=0)


def figures_of(card: Card, earlier: Sequence[Card], store: Path, count: int, shift: str | None = None) -> list[Figure]:
    """Figures on `count` held-out patients of every cancer that the model is for.

    Args:
        earlier: see `earlier_looks`.
        shift: scanned under it; bodies without a lesion are left out then.
    """
    on = f"held-out synthetic patients of: {', '.join(card.cancers)}; seed {HELD_OUT_SEED}"
    chosen = patients(store, card.cancers, count, HELD_OUT_SEED, shift)
    if card.role in ("anatomy", "anatomy_fine"):
        return anatomy_figures(card, earlier, chosen, on)
    bodies = 0 if shift else max(1, count // HEALTHY_SHARE)
    healthy = patients(store, card.cancers, bodies, HELD_OUT_SEED, healthy=True)
    return lesion_figures(card, earlier, chosen, healthy, on)
