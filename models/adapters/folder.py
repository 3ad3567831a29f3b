"""Reading a folder that somebody else made: only files inside it, only as much as makes sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from oncology.errors import ModelError

LARGEST_JSON = 8 << 20  # bytes; plans and metadata of real models are below 1 MB


def inside(folder: Path, name: str) -> Path:
    """A file or folder of the model by its name relative to `folder`.

    Raises:
        ModelError: the name leads out of the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"the model names a file outside its folder ({Path(name).name}); expected files inside only")
    return path


def has_file(folder: Path, name: str) -> bool:
    """True when the folder itself holds this file."""
    path = folder / name
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object of the model.

    Raises:
        ModelError: missing, too large, or not a JSON object.
    """
    path = inside(folder, name)
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ModelError(f"{name} of the model is larger than {LARGEST_JSON >> 20} MB; expected a description")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{name} of the model cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise ModelError(f"{name} of the model is not JSON; export the model anew") from error
    if not isinstance(content, dict):
        raise ModelError(f"{name} of the model holds a {type(content).__name__}; expected a JSON object")
    return content
