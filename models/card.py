"""What is known of a model: what it does, on what, how good it was found to be, and who may use it.

A card is a TOML file: `models/cards/<id>.toml` of an embedded model, `card.toml` in the folder of one that somebody
added. Where the file lies says which of the two it is and where its weights are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

import tomli_w

from models.card_reader import TableReader
from oncology.errors import ModelError

CARDS, WEIGHTS = Path(__file__).parent / "cards", Path(__file__).parent / "weights"
CARD_FILE = "card.toml"
ROLES = ("anatomy", "anatomy_fine", "lesion", "node_ene", "node_malignancy", "node_involvement", "invasion")
EMBEDDED_NETWORKS = ("unet", "fusion", "two_branch")
WITHOUT_IMAGES = ("xgboost", "table")
WITHOUT_WEIGHTS = ("totalsegmentator",)  # an installed package brings its own
KINDS = (*EMBEDDED_NETWORKS, "nnunet", "monai_bundle", "totalsegmentator", "torchscript", "onnx", *WITHOUT_IMAGES)
REGIONS = ("", "thorax", "neck", "abdomen", "body")  # body: any part of it; empty: not said
MODALITIES = ("CT", "PT")
USES = ("research", "clinical", "commercial")
ACTIVATIONS = ("softmax", "sigmoid")
NOT_IN_FILE = ("folder", "source")  # said by where the file lies
ID = r"[a-z0-9][a-z0-9._-]{0,63}"
SHA256 = r"[0-9a-f]{64}"


@dataclass(frozen=True)
class Head:
    """One group of outputs: `softmax` over nothing and the labels, or a `sigmoid` each."""

    name: str
    activation: str
    labels: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """Channels of logits."""
        return len(self.labels) + (self.activation == "softmax")


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        n: patients; `on`: which ones.
        low, high: the 95% interval where there is one.
    """

    name: str
    value: float
    unit: str = ""
    n: int = 0
    low: float | None = None
    high: float | None = None
    on: str = ""


@dataclass(frozen=True)
class Card:
    """One model.

    Attributes:
        inputs: channels, see networks/inputs.py.
        spacing_mm: (z, y, x) of the grid that it works on; `orientation` of that grid.
        network: what `build_network` takes.
        context, maps: groups of labels and of stations that it is told of.
        names: a foreign model's label -> our name.
        weights: file, or folder of a foreign model, below `folder`; `sha256` of it, see registry.py.
        uses: what its licence allows, of USES.
        command: measures the figures anew.
        source: embedded, or added by the hospital.
        settings: thresholds and so on.
    """

    id: str
    role: str
    kind: str
    region: str = ""
    cancers: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ("CT",)
    inputs: tuple[str, ...] = ()
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    orientation: str = "LPS"
    heads: tuple[Head, ...] = ()
    network: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    maps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    weights: str = ""
    sha256: str = ""
    folder: Path = WEIGHTS
    licence: str = ""
    uses: tuple[str, ...] = ("research",)
    training_data: str = ""
    intended_use: str = ""
    limits: str = ""
    figures: tuple[Figure, ...] = ()
    command: str = ""
    citation: str = ""
    source: str = "embedded"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sees_pet(self) -> bool:
        """Whether it is shown a PET beside the CT."""
        return "PT" in self.modalities


def read_card(path: Path) -> Card:
    """The card that a TOML file holds.

    Raises:
        ModelError: the file cannot be read, or a key is missing, unknown or of the wrong kind; file, key, what was
            found and what was expected are named.
    """
    path = path.absolute()
    embedded = path.resolve().parent == CARDS.resolve()
    where = f"card {path.name if embedded else f'{path.parent.name}/{path.name}'}"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{where} cannot be read: {type(error).__name__}; expected a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{where} is not TOML: {error}; correct the file") from error
    place: dict[str, Any] = {"folder": WEIGHTS if embedded else path.parent}
    return Card(**_fields(TableReader(content, where)), source="embedded" if embedded else "added", **place)


def _fields(table: TableReader) -> dict[str, Any]:
    table.only({item.name for item in fields(Card)} - set(NOT_IN_FILE))
    kind = table.text("kind", choices=KINDS)
    return {
        "id": table.text("id", pattern=ID),
        "role": table.text("role", choices=ROLES),
        "kind": kind,
        **_what_it_takes(table, kind),
        "heads": tuple(_head(item) for item in table.tables("heads")),
        "network": table.mapping("network"),
        "context": table.groups("context"),
        "maps": table.groups("maps"),
        "names": table.words("names"),
        **_weights(table, kind),
        "licence": table.text("licence"),
        "uses": table.texts("uses", choices=USES),
        **{key: table.text(key, default="") for key in ("training_data", "intended_use", "limits")},
        "figures": tuple(_figure(item) for item in table.tables("figures")),
        **{key: table.text(key, default="") for key in ("command", "citation")},
        "settings": table.mapping("settings"),
    }


def _what_it_takes(table: TableReader, kind: str) -> dict[str, Any]:
    unneeded = (1.0, 1.0, 1.0) if kind in WITHOUT_IMAGES else None
    return {
        "region": table.text("region", choices=REGIONS, default=""),
        "cancers": table.texts("cancers", default=()),
        "modalities": table.texts("modalities", choices=MODALITIES, default=("CT",)),
        "inputs": table.texts("inputs", default=None if kind in EMBEDDED_NETWORKS else ()),
        "spacing_mm": table.positives("spacing_mm", 3, default=unneeded),
        "orientation": table.text("orientation", choices=("LPS", "RAS"), default="LPS"),
    }


def _weights(table: TableReader, kind: str) -> dict[str, str]:
    unneeded = "" if kind in WITHOUT_WEIGHTS else None
    name = table.text("weights", default=unneeded)
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        table.refuse("weights", name, "a name below the card's own folder")
    return {"weights": name, "sha256": table.text("sha256", pattern=SHA256, default=unneeded)}


def _head(table: TableReader) -> Head:
    table.only({item.name for item in fields(Head)})
    return Head(table.text("name"), table.text("activation", choices=ACTIVATIONS), table.texts("labels"))


def _figure(table: TableReader) -> Figure:
    table.only({item.name for item in fields(Figure)})
    return Figure(
        name=table.text("name"),
        value=table.needed_number("value"),
        unit=table.text("unit", default=""),
        n=table.count("n"),
        low=table.number("low"),
        high=table.number("high"),
        on=table.text("on", default=""),
    )


def card_content(card: Card) -> dict[str, Any]:
    """The card as plain values, as its file and JSON hold it; what is empty is left out."""
    content = {
        key: value for key, value in asdict(card).items() if key not in NOT_IN_FILE and value not in ("", (), {})
    }
    if card.figures:
        content["figures"] = [
            {key: value for key, value in figure.items() if value not in (None, "")} for figure in content["figures"]
        ]
    return _plain(content)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def write_card(card: Card, path: Path) -> None:
    """Write the file that `read_card` reads; one that is there is replaced at once."""
    content = card_content(card)
    tables = [key for key, value in content.items() if _is_table(value)]
    ordered = {key: value for key, value in content.items() if key not in tables} | {
        key: content[key] for key in tables
    }
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(tomli_w.dumps(ordered, multiline_strings=True), encoding="utf-8")
    partial.replace(path)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))
