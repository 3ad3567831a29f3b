"""`aimdt doctor`: settings, and what this machine lacks."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from importlib.metadata import version

from db.engine import open_database
from flows.cli import PART_FAILED, STAGED
from models.card import Card
from models.registry import all_cards, allows, card_faults, weights_path
from oncology.cancers.protocol import added_cancers
from oncology.errors import ModelError, StoreError
from tasks.model_choice import allowed_ids
from tasks.settings import settings
from templates.system_libraries import advice, missing_libraries

PACKAGES = ("prefect", "pydicom", "highdicom", "SimpleITK", "fhir.resources", "sqlmodel", "weasyprint")
# Programs of other makers that tests use as judges; the product runs without them.
JUDGES = ("dciodvfy", "storescu", "storescp", "Orthanc")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt doctor`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(options: argparse.Namespace) -> int:
    """Print what was found; status 3 when something needed is missing."""
    found = examine()
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        for topic, lines in found.items():
            sys.stdout.write(f"{topic}\n" + "".join(f"  {name}: {value}\n" for name, value in lines.items()))
    return PART_FAILED if found["problems"] else STAGED


def examine() -> dict[str, dict[str, str]]:
    """Lines by topic; `problems` holds what is missing or wrong."""
    problems = {}
    if missing := missing_libraries():
        problems["PDF"] = advice(missing)
    try:
        open_database(settings().records_url).dispose()
    except StoreError as error:
        problems["records"] = str(error)
    models, broken = _models()
    added, unusable = added_cancers()
    broken |= {f"cancer {key}": fault for key, fault in unusable.items()}
    return {
        "settings (environment AIMDT_*)": {name: str(value) for name, value in settings().model_dump().items()},
        "software": {"aimdt": version("aimdt"), "python": platform.python_version()}
        | {name: version(name) for name in PACKAGES},
        "judges for tests": {name: "found" if shutil.which(name) else "absent" for name in JUDGES},
        "models": models,
        "added cancers": added,
        "problems": problems | broken,
    }


def _models() -> tuple[dict[str, str], dict[str, str]]:
    """Models by id with what they are, and what is wrong with any."""
    home = settings().home
    broken = {f"model {name}": fault for name, fault in card_faults(home).items()}
    if broken:
        return {}, broken
    try:
        cards, allowed = all_cards(home), allowed_ids()
        usable = {card.id for card in cards.values() if allows(card, settings().model_use)}
    except ModelError as error:
        return {}, {"models": str(error)}
    for card in cards.values():
        try:
            weights_path(card)
        except ModelError as error:
            broken[f"model {card.id}"] = str(error)
    return {card.id: _model_words(card, allowed, usable, broken) for card in cards.values()}, broken


def _model_words(card: Card, allowed: set[str], usable: set[str], broken: dict[str, str]) -> str:
    whole = "weights not whole" if f"model {card.id}" in broken else "weights whole"
    off = "" if card.id in allowed else ", switched off by AIMDT_MODELS"
    off += "" if card.id in usable else f", not for {settings().model_use} use ({card.licence})"
    return f"{card.role}, {card.source}, {whole}{off}"
