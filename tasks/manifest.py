"""Where a result came from: inputs, models, tables and software, by hash."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from models.registry import card_path, content_sha256, find_card, weights_path
from oncology.tnm.loader import tables
from tasks.case_files import CaseFiles
from tasks.findings import FINDINGS
from tasks.images import IMAGES
from tasks.request import analysis_parameters
from tasks.settings import settings

PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "prefect", "fhir.resources", "weasyprint")


def provenance(case: CaseFiles) -> dict[str, Any]:
    """The part of the manifest that equal inputs make equal."""
    asked = analysis_parameters(case.case_id)
    return {
        "case_id": case.case_id,
        "research_use_only": True,
        "software": {"name": "aimdt", "version": version("aimdt")},
        "packages": {name: version(name) for name in PACKAGES},
        "tables_version": tables().version,
        "models": model_entries(case.load_json(FINDINGS).get("models", [])),
        "seeds": {},
        "parameters": {
            key: asked[key] for key in ("cancer", "subset", "classification", "editions", "language", "nifti")
        },
        "inputs": [*_image_inputs(case), *_other_inputs(asked)],
    }


def model_entries(models: Sequence[str]) -> list[dict[str, str]]:
    """Models that were used, as the manifest names them: id, SHA-256 and role, each once, in order of the ids.

    A model whose weights come with an installed package is known by its card.

    Raises:
        ModelError: one is not there, or its weights are not whole.
    """
    cards = [find_card(name, settings().home) for name in sorted(set(models))]
    paths = {card.id: weights_path(card) if card.weights else card_path(card) for card in cards}
    return [{"id": card.id, "sha256": content_sha256(paths[card.id]), "role": card.role} for card in cards]


def _image_inputs(case: CaseFiles) -> list[dict[str, Any]]:
    return [
        {
            "role": "pet" if item["modality"] == "PT" else "ct",
            "uid": item["series_uid"] or None,
            "study_uid": item["study_uid"] or None,
            "sha256": item["content_sha256"],
        }
        for item in case.load_json(IMAGES)["series"]
    ]


def _other_inputs(asked: dict[str, Any]) -> list[dict[str, Any]]:
    found = [{"role": "contours", "uid": None, "sha256": digest} for digest in asked["contours"]]
    if asked["record"] != "none":
        found.append({"role": "record", "uid": None, "sha256": asked["record"]})
    return found
