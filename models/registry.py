"""Which models there are, which are best for a task, whether their files are whole, and who may use them.

Embedded models lie in this package, those that a hospital added in `models/<id>/` below its home folder. Nothing here
imports torch: the answers come from the cards.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from models.card import CARD_FILE, CARDS, ID, REGIONS, USES, WITHOUT_IMAGES, Card, read_card, write_card
from models.pickled import refuse_pickled_code
from oncology.errors import ModelError

DETECTOR = "models.adapters.detect"
ADDED = "models"  # below the home folder
BLOCK = 1 << 20


def all_cards(home: Path | None) -> dict[str, Card]:
    """Every model by id: added ones first, then embedded ones.

    Raises:
        ModelError: a card is broken, or two models have one id; see `card_faults`.
    """
    found: dict[str, Card] = {}
    for path in _card_files(home):
        card = _read(path)
        if card.id in found:
            raise ModelError(f"model {card.id} was added, and is embedded too; remove one or rename the folder")
        found[card.id] = card
    return found


def card_faults(home: Path | None) -> dict[str, str]:
    """What is wrong with cards, by the name of the model's folder or file."""
    faults = {}
    for path in _card_files(home):
        try:
            _read(path)
        except ModelError as error:
            faults[_name(path)] = str(error)
    return faults


def _card_files(home: Path | None) -> Iterator[Path]:
    folders = [] if home is None else sorted((home / ADDED).glob(f"*/{CARD_FILE}"))
    yield from (path for path in folders if not path.parent.name.startswith("."))
    yield from sorted(CARDS.glob("*.toml"))


def _read(path: Path) -> Card:
    try:
        state = path.stat()
    except OSError:  # read_card says what is wrong with it
        return read_card(path)
    card = _card_as_of(path, state.st_mtime_ns, state.st_size)
    if card.id != _name(path):
        raise ModelError(f"card {_name(path)}, key id: found {card.id!r}, expected {_name(path)!r}, as the file says")
    return card


@lru_cache(maxsize=256)
def _card_as_of(path: Path, changed_ns: int, size: int) -> Card:
    """Read once a process as long as size and time of change stay: a staging asks for cards many times."""
    return read_card(path)


def _name(path: Path) -> str:
    return path.parent.name if path.name == CARD_FILE else path.stem


def find_card(model: str, home: Path | None) -> Card:
    """The card of a model id.

    Raises:
        ModelError: there is no such model, or a card is broken.
    """
    cards = all_cards(home)
    if model not in cards:
        raise ModelError(f"no model is called {model!r}; `aimdt models list` shows those there are: {', '.join(cards)}")
    return cards[model]


def cards_for(role: str, cancer: str, home: Path | None) -> list[Card]:
    """Models for one task, best first: added by the hospital before embedded; a card without cancers fits all."""
    return [card for card in all_cards(home).values() if card.role == role and cancer in (card.cancers or (cancer,))]


def card_path(card: Card) -> Path:
    """The file that the card was read from."""
    return CARDS / f"{card.id}.toml" if card.source == "embedded" else card.folder / CARD_FILE


def weights_path(card: Card) -> Path:
    """The weights, whole; computed once a process as long as size and time of change stay.

    A model whose weights come with an installed package has none of its own: the answer is its folder.

    Raises:
        ModelError: they are missing, or not those that the card was written for.
    """
    if not card.weights:
        return card.folder
    path = card.folder / card.weights
    if not path.exists():
        raise ModelError(f"weights {card.weights} of model {card.id} are missing; restore them, or add the model anew")
    found = content_sha256(path)
    if found != card.sha256:
        raise ModelError(
            f"weights {card.weights} of model {card.id} were altered: found SHA-256 {found[:12]}..., expected "
            f"{card.sha256[:12]}...; restore them, or add the model anew"
        )
    return path


def weights_bytes(card: Card) -> int | None:
    """Size of the weights on disk; None where they come with an installed package, or are missing."""
    path = card.folder / card.weights
    if not card.weights or not path.exists():
        return None
    if path.is_file():
        return path.stat().st_size
    return sum((path / name).stat().st_size for name in _names_below(path))


def content_sha256(path: Path) -> str:
    """SHA-256 of a file; of a folder over the names and SHA-256 of all its files but the card."""
    if path.is_file():
        return _file_sha256(path)
    lines = [f"{name} {_file_sha256(path / name)}\n" for name in _names_below(path)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _names_below(folder: Path) -> list[str]:
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in names if name != CARD_FILE)


def _file_sha256(path: Path) -> str:
    status = path.stat()
    return _sha256_of(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256_of(path: Path, size: int, changed_ns: int) -> str:
    """Size and time of change are there for the cache only."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def allows(card: Card, use: str) -> bool:
    """Whether the licence allows a use: research, clinical or commercial.

    Raises:
        ModelError: there is no such use.
    """
    if use not in USES:
        raise ModelError(f"AIMDT_MODEL_USE is {use!r}; expected one of: {', '.join(USES)}")
    return use in card.uses


def refusal(card: Card, use: str) -> str:
    """Why a model may not be put to a use, in words."""
    return (
        f"model {card.id} may not be put to {use} use: its licence ({card.licence}) allows {', '.join(card.uses)}; "
        "take another model, or set AIMDT_MODEL_USE to what this installation does"
    )


def add_model(folder: Path, home: Path, model: str | None = None, region: str | None = None) -> Card:
    """Copy a model into the home folder, where it comes before embedded ones.

    Args:
        folder: with a card.toml, or of a kind that is known by its content.
        model: its id; else what the card says or the folder is called.
        region: the part of the body that it was trained on, of REGIONS; else what the card says.

    Raises:
        ModelError: of no known kind, no labels, code in a weights file, altered weights, or the id is taken.
    """
    _refuse_links(folder)
    refuse_pickled_code(folder)
    card = _described(folder)
    card = replace(card, id=model or card.id, region=region or card.region, folder=folder, source="added")
    _check_new(card, home)
    if card.weights and not card.sha256:
        card = replace(card, sha256=content_sha256(folder / card.weights))
    if card.weights:
        weights_path(card)
    return _copied(card, folder, home / ADDED)


def _described(folder: Path) -> Card:
    if (folder / CARD_FILE).is_file():
        return read_card(folder / CARD_FILE)
    try:
        detect = importlib.import_module(DETECTOR).detect  # other makers' formats: read only when somebody adds one
    except ModuleNotFoundError as error:
        raise ModelError(f"the folder holds no {CARD_FILE}, and other makers' formats are not read here") from error
    card: Card = detect(folder)
    return card


def _check_new(card: Card, home: Path) -> None:
    """Refuse a model that cannot be used, before anything is copied."""
    if not re.fullmatch(ID, card.id):
        raise ModelError(f"model id {card.id!r} does not fit; expected small letters, digits, . _ -; give one by --id")
    if card.region not in REGIONS:
        raise ModelError(f"region is {card.region!r}; expected one of: {', '.join(filter(None, REGIONS))}")
    if card.id in all_cards(home):
        raise ModelError(f"a model {card.id} is there already; give another id by --id, or remove that one first")
    if card.kind not in WITHOUT_IMAGES and not card.names and not card.heads:
        raise ModelError(
            f"model {card.id} does not say what its labels mean; write heads or names into its {CARD_FILE}"
        )


def _refuse_links(folder: Path) -> None:
    links = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_symlink()]
    if links:
        raise ModelError(f"{links[0]} of the model is a link; expected files only, so that the copy is whole")


def _copied(card: Card, folder: Path, models: Path) -> Card:
    """The model appears under its id only when complete and whole."""
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".adding-", dir=models) as draft:
        copy = Path(draft) / card.id
        try:
            shutil.copytree(folder, copy)
            write_card(card, copy / CARD_FILE)
            written = read_card(copy / CARD_FILE)
            if written.weights:
                weights_path(written)
            copy.rename(models / card.id)
        except OSError as error:
            raise ModelError(f"model {card.id} could not be copied into AIMDT_HOME: {error.strerror}") from error
    return read_card(models / card.id / CARD_FILE)
