"""`aimdt models`: which models there are, how good they are, and adding, checking and training them."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from flows.cli import PART_FAILED, ROWS_FAILED, STAGED, existing_path
from models.card import REGIONS, WITHOUT_IMAGES, Card, Figure, card_content
from models.registry import add_model, all_cards, weights_bytes, weights_path
from models.synthetic.shifts import SHIFTS
from models.verification import Comparison, Material, Outcome, compare, interval, measure
from oncology.errors import InputError, ModelError
from tasks.model_choice import allowed_ids
from tasks.model_training import TRAINABLE, Training, train_model
from tasks.settings import settings

WIDEST = 120  # of lines, where the terminal is wider
NAME_WIDTH = 20
MAIN_FIGURES = ("ct_pet_tumor_dice",)
MEGABYTE = 1_000_000
SHORT_HASH = 12  # letters of a hash that tell models apart
TRAINING, PATIENTS = "training", "patients"  # folders below the home folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt models`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every model: embedded and added")
    show = actions.add_parser("show", help="the card of one model")
    show.add_argument("model", metavar="ID")
    add = actions.add_parser("add", help="copy a model into AIMDT_HOME, where it comes before embedded ones")
    add.add_argument(
        "folder", type=existing_path, metavar="DIR", help="nnU-Net results, MONAI bundle, or with card.toml"
    )
    add.add_argument("--id", metavar="ID", help="what to call it here")
    add.add_argument(
        "--region", choices=REGIONS[1:], help="part of the body that it was trained on; default: as its labels tell"
    )
    verify = actions.add_parser("verify", help="are weights whole, and figures as the cards say")
    verify.add_argument("models", nargs="*", metavar="ID", help="default: all")
    verify.add_argument("--hashes", action="store_true", help="weights only, which takes a second")
    verify.add_argument("--data", type=existing_path, metavar="DIR", help="folder of real scans and tables")
    verify.add_argument("--shift", choices=sorted(SHIFTS), help="figures as another scanner, protocol or build gives")
    train = actions.add_parser("train", help="train an embedded model anew, or go on with what was begun")
    train.add_argument("model", metavar="ID")
    train.add_argument("--minutes", type=float, metavar="M", help="be done by then; default: all steps of the recipe")
    train.add_argument("--out", type=Path, metavar="DIR", help="checkpoint and curve; default: in AIMDT_HOME")
    train.add_argument("--seed", type=int, default=1, metavar="S", help="of what is drawn at random; default: 1")
    train.add_argument(
        "--fresh",
        action="store_true",
        help="begin with random weights; default: go on with a checkpoint in --out, else with the weights that ship",
    )
    train.add_argument("--data", type=existing_path, metavar="DIR", help="folder of real tables")
    for action in (verify, train):
        action.add_argument("--store", type=Path, metavar="DIR", help="synthetic patients; default: in AIMDT_HOME")
        action.add_argument(
            "--count", "--patients", dest="patients", type=int, metavar="N", help="synthetic patients of each cancer"
        )
        action.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    for action in (listing, show, add, verify, train):
        action.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Do one of the actions."""
    if (getattr(options, "patients", None) or 1) < 1:
        raise InputError(f"--count is {options.patients}; expected at least 1")
    if (getattr(options, "minutes", None) or 1) < 0:
        raise InputError(f"--minutes is {options.minutes}; expected more than 0")
    actions = {"list": _list, "show": _show, "add": _add, "verify": _verify, "train": _train}
    return actions[options.action](options)


def _list(options: argparse.Namespace) -> int:
    cards, allowed, use = all_cards(settings().home), allowed_ids(), settings().model_use
    rows = [{**_summary(card), "used": card.id in allowed and use in card.uses} for card in cards.values()]
    if options.json:
        _print_json({"models": rows})
        return STAGED
    _print_table(("id", "role", "source", "size", "SHA-256", "licence", "used", "figure"), map(_listed_cells, rows))
    for row in (row for row in rows if not row["used"]):
        licence = f"its licence ({row['licence']}) does not allow {use} use"
        why = "AIMDT_MODELS does not name it" if use in row["uses"] else licence
        sys.stdout.write(f"{row['id']} is not used here: {why}\n")
    return STAGED


def _listed_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["id"], row["role"], row["source"], _size_words(row["bytes"]), row["sha256"][:SHORT_HASH], row["licence"],
        "yes" if row["used"] else "no", row["figure"] or "none stated",
    )  # fmt: skip


def _summary(card: Card) -> dict[str, Any]:
    return {
        "id": card.id,
        "role": card.role,
        "kind": card.kind,
        "source": card.source,
        "region": card.region,
        "cancers": list(card.cancers),
        "modalities": list(card.modalities),
        "spacing_mm": None if card.kind in WITHOUT_IMAGES else list(card.spacing_mm),
        "licence": card.licence,
        "uses": list(card.uses),
        "weights": card.weights,
        "bytes": weights_bytes(card),
        "sha256": card.sha256,
        "figure": figure_words(_main_figure(card)) if card.figures else "",
    }


def _main_figure(card: Card) -> Figure:
    """What a model is known by: a lesion network by its tumor's Dice, others by what their cards name first."""
    return next((figure for figure in card.figures if figure.name in MAIN_FIGURES), card.figures[0])


def _size_words(count: int | None) -> str:
    """`2.8 MB`; `-` where weights come with an installed package or are missing."""
    if count is None:
        return "-"
    return f"{count / 1e6:.1f} MB" if count >= MEGABYTE else f"{count / 1e3:.0f} kB"


def _show(options: argparse.Namespace) -> int:
    _print_card(_found([options.model])[0], as_json=options.json)
    return STAGED


def _found(models: list[str]) -> list[Card]:
    """The cards that were asked for; all where none was."""
    cards = all_cards(settings().home)
    if unknown := [name for name in models if name not in cards]:
        raise InputError(f"no model is called {unknown[0]!r}; expected one of: {', '.join(cards)}")
    return [cards[name] for name in models] or list(cards.values())


def _add(options: argparse.Namespace) -> int:
    if not options.folder.is_dir():
        raise InputError("what is to be added is a file; expected the folder of a model")
    try:
        card = add_model(options.folder, settings().home, options.id, options.region)
    except ModelError as error:
        raise InputError(str(error)) from error
    _print_card(card, as_json=options.json)
    if settings().model_use not in card.uses:
        sys.stderr.write(f"aimdt: its licence does not allow {settings().model_use} use: it is not used here\n")
    return STAGED


def _print_card(card: Card, *, as_json: bool) -> None:
    content = card_content(card) | {"source": card.source}
    if as_json:
        _print_json({"model": content | {"bytes": weights_bytes(card)}})
        return
    width = max(60, min(shutil.get_terminal_size((100, 24)).columns, WIDEST))
    for name, words in _shown(card):
        indented = textwrap.fill(
            words, width, initial_indent=f"{name:<{NAME_WIDTH}}", subsequent_indent=" " * NAME_WIDTH,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        sys.stdout.write(f"{indented}\n")
    by_place: dict[str, list[Figure]] = {}
    for figure in card.figures:
        by_place.setdefault(figure.on, []).append(figure)
    for on, figures in by_place.items():
        sys.stdout.write(f"\nfigures{' on ' * bool(on)}{on}\n")
        _print_table(("  name", "value", "95% interval", "n"), map(_figure_cells, figures))


def _shown(card: Card) -> Iterator[tuple[str, str]]:
    """What the card says, in the order in which somebody asks; what does not apply is left out."""
    grid = " x ".join(f"{size:g}" for size in card.spacing_mm)
    size = _size_words(weights_bytes(card))
    labels = ((f"labels of {head.name}", f"{len(head.labels)}: {', '.join(head.labels)}") for head in card.heads)
    rows = (
        ("id", card.id),
        ("source", card.source),
        ("role", card.role),
        ("kind", card.kind),
        ("region", card.region),
        ("cancers", ", ".join(card.cancers) or "all"),
        ("images", "" if card.kind in WITHOUT_IMAGES else f"{' and '.join(card.modalities)}, {card.orientation}"),
        ("grid", "" if card.kind in WITHOUT_IMAGES else f"{grid} mm (z, y, x)"),
        ("inputs", ", ".join(card.inputs)),
        *labels,
        ("weights", f"{card.weights}, {size}" if card.weights else "come with an installed package"),
        ("SHA-256", card.sha256),
        ("licence", card.licence),
        ("allowed for", ", ".join(card.uses)),
        ("intended use", card.intended_use),
        ("training data", card.training_data),
        ("limits", card.limits),
        ("verified by", card.command),
        ("citation", card.citation),
        ("settings", _settings_words(card.settings)),
    )
    return (row for row in rows if row[1])


def _settings_words(values: Mapping[str, Any]) -> str:
    return "; ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())


def _figure_cells(figure: Figure) -> tuple[str, ...]:
    known = figure.low is not None and figure.high is not None
    span = f"{figure.low:.3f}-{figure.high:.3f}" if known else "-"
    return f"  {figure.name}", _value(figure), span, str(figure.n)


def figure_words(figure: Figure) -> str:
    """`AUC 0.844 (0.827-0.862), n = 636`."""
    span = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f}-{figure.high:.3f})"
    return f"{figure.name} {_value(figure)}{span}, n = {figure.n}"


def _verify(options: argparse.Namespace) -> int:
    """Status 1: weights altered, or a figure worse than its card; 3: what could not be measured here."""
    console = Console(stderr=True, quiet=options.json)
    rows = []
    for card in _found(options.models):
        with console.status(f"{card.id}: measuring"):
            rows.append(_verified(card, options))
        if not options.json:
            _say_verified(rows[-1], options.shift)
    if options.json:
        _print_json({"models": [_plain(row) for row in rows]})
    outcomes = {one.outcome for row in rows for one in row["figures"]}
    if not all(row["whole"] for row in rows) or (Outcome.WORSE in outcomes and not options.shift):
        return ROWS_FAILED
    return PART_FAILED if Outcome.NOT_MEASURED in outcomes or any(row["reason"] for row in rows) else STAGED


def _verified(card: Card, options: argparse.Namespace) -> dict[str, Any]:
    """`whole`: the weights; `reason`: why they are not, or why nothing was measured."""
    row: dict[str, Any] = {"id": card.id, "whole": False, "figures": [], "reason": ""}
    try:
        weights_path(card)
        row["whole"] = True
        if not options.hashes:
            row["figures"] = compare(card, measure(card, _material(options)))
    except ModelError as error:
        row["reason"] = str(error)
    return row


def _material(options: argparse.Namespace) -> Material:
    shared = Path(os.environ.get("AIMDT_SHARED", "../shared")) / "data"
    data = options.data or (shared.resolve() if shared.is_dir() else None)
    store = options.store or settings().home / TRAINING / PATIENTS
    shift = getattr(options, "shift", None)
    return Material(data, store, options.patients, settings().home, options.device, shift)


def _say_verified(row: dict[str, Any], shift: str | None) -> None:
    whole = "weights whole" if row["whole"] else "WEIGHTS NOT WHOLE"
    under = f"; patients under the shift {shift}" if shift and row["figures"] else ""
    sys.stdout.write(f"{row['id']}: {whole}{'; not measured: ' * bool(row['reason'])}{row['reason']}{under}\n")
    for on, compared in _by_patients(row["figures"]).items():
        sys.stdout.write(f"{on}\n" if on else "")
        _print_table(("  figure", "card", "95% interval", "n", "now", "n", "outcome"), map(_verified_cells, compared))
    if row["figures"]:
        counts = Counter(one.outcome for one in row["figures"])
        words = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
        sys.stdout.write(f"{row['id']}: {len(row['figures'])} figures: {words}\n")


def _by_patients(compared: Iterable[Comparison]) -> dict[str, list[Comparison]]:
    found: dict[str, list[Comparison]] = {}
    for one in compared:
        found.setdefault(one.stated.on, []).append(one)
    return found


def _verified_cells(one: Comparison) -> tuple[str, ...]:
    low, high = interval(one.stated)
    measured = ("-", "-") if one.measured is None else (_value(one.measured), str(one.measured.n))
    outcome = one.outcome.upper() if one.outcome is Outcome.WORSE else str(one.outcome)
    span = f"{low:.3f}-{high:.3f}"
    return f"  {one.stated.name}", _value(one.stated), span, str(one.stated.n), *measured, outcome


def _value(figure: Figure) -> str:
    return f"{figure.value:.3f}{' ' * bool(figure.unit)}{figure.unit}"


def _print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest word, two blanks apart; a last column may be of any width."""
    lines = [heads, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads) - 1)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=False))
        sys.stdout.write(f"{'  '.join((*cells, line[-1])).rstrip()}\n")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "figures": [_compared(one) for one in row["figures"]]}


def _compared(one: Comparison) -> dict[str, Any]:
    stated, now = one.stated, one.measured
    return {
        "name": stated.name,
        "on": stated.on,
        "card": {"value": stated.value, "low": stated.low, "high": stated.high, "n": stated.n},
        "now": None if now is None else {"value": now.value, "low": now.low, "high": now.high, "n": now.n},
        "outcome": str(one.outcome),
        "agrees": one.agrees,
    }


def _train(options: argparse.Namespace) -> int:
    if options.model not in TRAINABLE:
        raise InputError(f"{options.model!r} is not trained here; expected one of: {', '.join(TRAINABLE)}")
    store = options.store or settings().home / TRAINING / PATIENTS
    out = options.out or settings().home / TRAINING / options.model
    data = _material(options).data
    asked = Training(
        options.model, store, out, options.minutes, options.device, options.patients, data, options.fresh, options.seed
    )
    console = Console(stderr=True, quiet=options.json)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=options.json) as shown:
        phases: dict[str, Any] = {}
        for step in train_model(asked):
            if step.phase not in phases:
                phases[step.phase] = shown.add_task(step.phase, total=1.0, words="")
            shown.update(phases[step.phase], completed=step.done, words=step.words)
    if options.json:
        _print_json({"model": options.model, "out": str(out)})
    else:
        sys.stdout.write(f"{out}\n")
    return STAGED


def _print_json(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
