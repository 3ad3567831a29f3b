"""The delivered JSON against the schemas kept with the software."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import jsonschema

import oncology
from oncology.errors import ReportError

SCHEMAS = Path(oncology.__file__).parent / "schemas"
CHECKED = ("findings", "staging", "Tumor_probabilities", "manifest")


def check(folder: Path, names: Iterable[str] = CHECKED) -> None:
    """Hold the delivered JSON against the schemas kept with the software.

    Raises:
        ReportError: what does not fit, and where.
    """
    for name in names:
        content = json.loads((folder / f"{name}.json").read_bytes())
        schema = json.loads((SCHEMAS / f"{name}.schema.json").read_bytes())
        error = next(jsonschema.Draft202012Validator(schema).iter_errors(content), None)
        if error is not None:
            raise ReportError(f"{name}.json does not fit its schema at {error.json_path}: {error.message[:200]}")
