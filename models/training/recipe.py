"""What each network of this project is trained on and how: one recipe a model id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from models.card import Head
from models.networks.context import ORGANS, STATION_MAP, STATIONS
from models.training.labels import ANATOMY, FINE
from oncology.errors import ModelError
from oncology.findings import NECK_SITES

REAL_SHARE = 0.2
LABELED = ("anatomy", "fine")  # kinds whose every voxel has one label
CT_PLACE = ("ct_soft", "ct_wide", "front_back", "right_left")
CT_PET = ("ct_soft", "ct_wide", "pet", "pet_flag")
# Share of the samples without PET; few beside a twin for scans without one, so that the PET need not be missed.
WITHOUT_PET, BESIDE_TWIN = 0.6, 0.1
CT_TWIN = "-ct"  # ends the id of a network for scans without PET, beside the one that sees it


@dataclass(frozen=True)
class Recipe:
    """How one network is made.

    Attributes:
        kind: anatomy, fine (a second look at a part of it, finer), lesion or node.
        cancers: whose synthetic patients it sees, taking turns.
        spacing_mm: of the cubes that it works on.
        crop: voxels (z, y, x) of a training sample.
        inputs: channels, see networks/inputs.py.
        channels, late: of the U-Net, and of the second one for CT and PET; `hidden` of the head.
        context: groups of labels that it is told of; `maps`: the same for stations.
        steps: of training; `rate` the highest learning rate; `start`: the model whose weights it begins with.
        patients: how many; of kind node drawn necks with many nodes each.
        without_pet: share of the samples in which the PET is left out, for a network that sees one.
        real: share of the samples from real scans of the region, where the store holds any.
        centers: share of the samples by what lies in their middle.
    """

    id: str
    kind: str
    region: str
    cancers: tuple[str, ...]
    spacing_mm: float
    inputs: tuple[str, ...]
    heads: tuple[Head, ...]
    crop: tuple[int, int, int] = (64, 64, 64)
    channels: tuple[int, ...] = (16, 32, 64, 128)
    late: tuple[int, ...] = ()
    hidden: int = 0
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    maps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: int = 12_000
    rate: float = 2e-3
    patients: int = 400
    start: str = ""
    without_pet: float = WITHOUT_PET
    real: float = 0.0
    centers: Mapping[str, float] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        """Channels of logits of all heads."""
        return sum(head.outputs for head in self.heads)


def _anatomy(region: str, cancers: tuple[str, ...], spacing_mm: float, maps: Mapping[str, tuple[str, ...]]) -> Recipe:
    heads = (
        Head("anatomy", "softmax", ANATOMY[region]),
        *(Head(f"stations_{k}", "softmax", v) for k, v in maps.items()),
    )
    return Recipe(
        id=f"anatomy-{region}", kind="anatomy", region=region, cancers=cancers, spacing_mm=spacing_mm,
        inputs=CT_PLACE, heads=heads, hidden=64, centers={"structure": 0.4, "body": 0.6},
        start=f"anatomy-{region}", real=REAL_SHARE,
    )  # fmt: skip


def _fine(region: str, cancers: tuple[str, ...], spacing_mm: float) -> Recipe:
    return Recipe(
        id=f"anatomy-{region}-fine", kind="fine", region=region, cancers=cancers, spacing_mm=spacing_mm,
        inputs=CT_PLACE, heads=(Head("anatomy", "softmax", FINE[region]),), hidden=64,
        centers={"structure": 0.8, "body": 0.2}, start=f"anatomy-{region}-fine", real=REAL_SHARE,
    )  # fmt: skip


def _lesion(
    region: str,
    cancers: tuple[str, ...],
    spacing_mm: float,
    tumors: tuple[str, ...],
    without_pet: float = WITHOUT_PET,
) -> Recipe:
    groups, stations = ORGANS[region], STATIONS[STATION_MAP[region]]
    return Recipe(
        id=f"lesion-{region}", kind="lesion", region=region, cancers=cancers, spacing_mm=spacing_mm,
        inputs=(*CT_PET, *(f"context:{name}" for name in (*groups, *stations))),
        heads=(Head("lesion", "sigmoid", (*tumors, "node_small", "node_large")),),
        crop=(48, 48, 48), late=(16, 32), context=groups, maps=stations, start=f"lesion-{region}",
        without_pet=without_pet, centers={"tumor": 0.4, "node": 0.3, "body": 0.3},
    )  # fmt: skip


def _on_ct_alone(made: Recipe) -> Recipe:
    """The recipe of a network for scans without PET; it begins with the stream of the other that sees everything."""
    inputs = tuple(name for name in made.inputs if name not in ("pet", "pet_flag"))
    return replace(made, id=f"{made.id}{CT_TWIN}", inputs=inputs, late=())


IASLC = ("10L", "10R", "11L", "11R", "12L", "12R", "13L", "13R", "14L", "14R", "1L", "1R", "2L", "2R", "3a", "3p", "4L",
         "4R", "5", "6", "7", "8", "9L", "9R")  # fmt: skip
ESOPHAGEAL = ("10L", "10R", "15", "16", "17", "18", "19", "1L", "1R", "20", "2L", "2R", "4L", "4R", "7", "8Lo", "8M",
              "8U", "9L", "9R", "supraclavicular_left", "supraclavicular_right")  # fmt: skip
NECK_LEVELS = tuple(
    f"{level}_{side}"
    for level in ("IA", "IB", "II", "III", "IV", "VA", "VB", "VI", "VII", "RP", "supraclavicular")
    for side in ("left", "right")
)
PANCREATIC = (
    "anterior_pancreaticoduodenal", "posterior_pancreaticoduodenal", "peripancreatic", "pyloric", "common_bile_duct",
    "common_hepatic_artery", "portal_vein", "superior_mesenteric_vein", "sma_right_lateral_wall", "celiac",
    "splenic_artery", "splenic_hilum", "para_aortic",
)  # fmt: skip
IN_CHEST = _lesion("thorax", ("lung", "esophagus"), 2.0, ("tumor_lung", "tumor_esophagus"), BESIDE_TWIN)
IN_NECK = _lesion("neck", NECK_SITES, 1.5, ("tumor",), BESIDE_TWIN)
RECIPES: Mapping[str, Recipe] = {
    recipe.id: recipe
    for recipe in (
        _anatomy("thorax", ("lung", "esophagus"), 4.0, {"lung": IASLC, "esophagus": ESOPHAGEAL}),
        _anatomy("neck", NECK_SITES, 2.5, {"neck": NECK_LEVELS}),
        _anatomy("abdomen", ("pancreas",), 4.0, {"pancreas": PANCREATIC}),
        _fine("thorax", ("lung", "esophagus"), 2.0),
        _fine("neck", NECK_SITES, 1.5),
        _fine("abdomen", ("pancreas",), 2.0),
        IN_CHEST,
        _on_ct_alone(IN_CHEST),
        IN_NECK,
        _on_ct_alone(IN_NECK),
        _lesion("abdomen", ("pancreas",), 1.5, ("tumor",)),
        Recipe(
            id="node-ene", kind="node", region="neck", cancers=NECK_SITES, spacing_mm=1.0,
            inputs=("ct_soft", "pet", "pet_flag", "mask"), heads=(Head("node", "sigmoid", ("ene", "malignant")),),
            crop=(32, 32, 32), channels=(32, 48, 64), steps=6_000, rate=1e-3, patients=60, without_pet=0.4,
        ),
    )
}  # fmt: skip


def recipe(model: str) -> Recipe:
    """The recipe of a model id.

    Raises:
        ModelError: none of that id.
    """
    if model not in RECIPES:
        raise ModelError(f"no recipe is called {model!r}; expected one of: {', '.join(RECIPES)}")
    return RECIPES[model]
