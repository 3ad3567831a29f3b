"""`aimdt models`: which models there are, how good they are, and adding, checking and training them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from flows.cli import PART_FAILED, ROWS_FAILED, STAGED, existing_path
from models.card import Card, Figure, card_content
from models.registry import add_model, all_cards, weights_path
from models.verification import Comparison, Material, compare, measure
from oncology.errors import InputError, ModelError
from tasks.model_choice import allowed_ids
from tasks.model_training import TRAINABLE, Training, train_model
from tasks.settings import settings

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
    verify = actions.add_parser("verify", help="are weights whole, and figures as the cards say")
    verify.add_argument("models", nargs="*", metavar="ID", help="default: all")
    verify.add_argument("--hashes", action="store_true", help="weights only, which takes a second")
    verify.add_argument("--data", type=existing_path, metavar="DIR", help="folder of real scans and tables")
    train = actions.add_parser("train", help="train an embedded model anew, or go on with what was begun")
    train.add_argument("model", metavar="ID")
    train.add_argument("--minutes", type=float, metavar="M", help="be done by then; default: all steps of the recipe")
    train.add_argument("--out", type=Path, metavar="DIR", help="checkpoint and curve; default: in AIMDT_HOME")
    train.add_argument("--data", type=existing_path, metavar="DIR", help="folder of real tables")
    for action in (verify, train):
        action.add_argument("--store", type=Path, metavar="DIR", help="synthetic patients; default: in AIMDT_HOME")
        action.add_argument("--patients", type=int, metavar="N", help="how many synthetic patients")
        action.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    for action in (listing, show, add, verify, train):
        action.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Do one of the actions."""
    if (getattr(options, "patients", None) or 1) < 1:
        raise InputError(f"--patients is {options.patients}; expected at least 1")
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
    for row in rows:
        cancers = ", ".join(row["cancers"]) or "all cancers"
        off = "" if row["used"] else f"  not used: AIMDT_MODELS, or its licence ({row['licence']})"
        sys.stdout.write(f"{row['id']:<22} {row['role']:<16} {row['kind']:<12} {row['source']:<8} {cancers}{off}\n")
    return STAGED


def _summary(card: Card) -> dict[str, Any]:
    return {
        "id": card.id,
        "role": card.role,
        "kind": card.kind,
        "source": card.source,
        "region": card.region,
        "cancers": list(card.cancers),
        "licence": card.licence,
        "uses": list(card.uses),
        "sha256": card.sha256,
    }


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
        card = add_model(options.folder, settings().home, options.id)
    except ModelError as error:
        raise InputError(str(error)) from error
    _print_card(card, as_json=options.json)
    if settings().model_use not in card.uses:
        sys.stderr.write(f"aimdt: its licence does not allow {settings().model_use} use: it is not used here\n")
    return STAGED


def _print_card(card: Card, *, as_json: bool) -> None:
    content = card_content(card) | {"source": card.source}
    if as_json:
        _print_json({"model": content})
        return
    for key, value in content.items():
        if key != "figures":
            sys.stdout.write(f"{key}: {_words(value)}\n")
    for figure in card.figures:
        sys.stdout.write(f"figure: {figure_words(figure)}; {figure.on}\n")


def _words(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str | float | int) for item in value):
        return ", ".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def figure_words(figure: Figure) -> str:
    """`AUC 0.844 (0.827-0.862), n = 636`."""
    interval = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f}-{figure.high:.3f})"
    return f"{figure.name} {figure.value:.3f}{' ' * bool(figure.unit)}{figure.unit}{interval}, n = {figure.n}"


def _verify(options: argparse.Namespace) -> int:
    """Status 1: weights altered or a figure off; 3: figures that could not be measured here."""
    console = Console(stderr=True, quiet=options.json)
    rows = []
    for card in _found(options.models):
        with console.status(f"{card.id}: measuring"):
            rows.append(_verified(card, options))
        if not options.json:
            _say_verified(rows[-1])
    if options.json:
        _print_json({"models": [_plain(row) for row in rows]})
    if any(not row["whole"] or any(not one.agrees for one in row["figures"]) for row in rows):
        return ROWS_FAILED
    return PART_FAILED if any(row["reason"] for row in rows) else STAGED


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
    return Material(data, store, options.patients, settings().home, options.device)


def _say_verified(row: dict[str, Any]) -> None:
    whole = "weights whole" if row["whole"] else "WEIGHTS NOT WHOLE"
    sys.stdout.write(f"{row['id']}: {whole}{'; not measured: ' * bool(row['reason'])}{row['reason']}\n")
    for one in row["figures"]:
        now = "not measured" if one.measured is None else figure_words(one.measured)
        sys.stdout.write(f"  {'agrees' if one.agrees else 'OFF'}: card {figure_words(one.stated)} | now {now}\n")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "figures": [_compared(one) for one in row["figures"]]}


def _compared(one: Comparison) -> dict[str, Any]:
    stated, now = one.stated, one.measured
    return {
        "name": stated.name,
        "on": stated.on,
        "card": {"value": stated.value, "low": stated.low, "high": stated.high, "n": stated.n},
        "now": None if now is None else {"value": now.value, "low": now.low, "high": now.high, "n": now.n},
        "agrees": one.agrees,
    }


def _train(options: argparse.Namespace) -> int:
    if options.model not in TRAINABLE:
        raise InputError(f"{options.model!r} is not trained here; expected one of: {', '.join(TRAINABLE)}")
    store = options.store or settings().home / TRAINING / PATIENTS
    out = options.out or settings().home / TRAINING / options.model
    data = _material(options).data
    asked = Training(options.model, store, out, options.minutes, options.device, patients=options.patients, data=data)
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
