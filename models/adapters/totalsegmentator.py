"""TotalSegmentator where it is installed with its weights, in the environment that AIMDT_TOTALSEGMENTATOR_PYTHON names.

A marker file says which structures are wanted; their names are this software's names too. Source: Wasserthal 2023, and
the command line of TotalSegmentator 2.x.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.adapters.folder import read_json
from models.adapters.grid import back_on, oriented
from models.adapters.tool import run_tool, tool_command, tool_python
from models.card import Card
from oncology.errors import ModelError
from oncology.imaging.volume import Volume, read_volume, write_volume

PYTHON, PACKAGE, COMMAND = "AIMDT_TOTALSEGMENTATOR_PYTHON", "TotalSegmentator", "TotalSegmentator"
MARKER = "totalsegmentator.json"
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,63}")  # of tasks and structures; never read as an option
SUBSETS = ("total",)  # tasks that can leave structures out


@dataclass(frozen=True)
class Wanted:
    """What a marker asks for."""

    task: str
    structures: tuple[str, ...]
    fast: bool


def read_marker(folder: Path) -> Wanted:
    """The marker of a folder: `structures`, and where wanted `task` (total) and `fast` (false).

    Raises:
        ModelError: a key is unknown, missing or of the wrong kind.
    """
    content = read_json(folder, MARKER)
    for key in content:
        if key not in ("task", "structures", "fast"):
            raise ModelError(f"{MARKER} has a key {key[:40]!r}; expected structures, task and fast")
    task, structures, fast = content.get("task", "total"), content.get("structures"), content.get("fast", False)
    if not isinstance(structures, list) or not structures or not isinstance(fast, bool):
        raise ModelError(f"{MARKER} needs structures (a list of names); fast is true or false")
    for word in (task, *structures):
        if not isinstance(word, str) or not WORD.fullmatch(word):
            raise ModelError(f"{MARKER} names {str(word)[:40]!r}; expected a task or structure of TotalSegmentator")
    return Wanted(task, tuple(structures), fast)


def segment(card: Card, ct: Volume, work: Path, pet: Volume | None = None) -> dict[str, np.ndarray]:
    """Masks (Z, Y, X) bool on the CT's grid by structure.

    Args:
        work: folder for what is exchanged; emptied afterwards.
        pet: not used.

    Raises:
        ModelError: TotalSegmentator or its weights are not installed, or the run failed.
    """
    python = tool_python(PYTHON, PACKAGE)
    shown = oriented(ct, card.orientation)
    with tempfile.TemporaryDirectory(prefix="totalsegmentator-", dir=work) as name:
        place = Path(name)
        write_volume(shown, place / "scan.nii.gz", compress=False)
        command = [tool_command(python, COMMAND, PACKAGE), *arguments(card, place)]
        run_tool(card.id, command, place, environment=_home(place))
        return _answers(card, place / "out", shown, ct)


def arguments(card: Card, place: Path) -> list[str]:
    """Arguments of TotalSegmentator's own program: one file a structure."""
    task = str(card.settings.get("task", "total"))
    words = [task, *card.names]
    if not all(WORD.fullmatch(word) for word in words):
        raise ModelError(
            f"the card of {card.id} names what TotalSegmentator cannot have; expected letters, digits and _"
        )
    found = ["-i", str(place / "scan.nii.gz"), "-o", str(place / "out"), "--task", task]
    found += ["--device", str(card.settings.get("device", "cpu")), "--nr_thr_saving", "1", "--quiet"]
    found += ["--fast"] if card.settings.get("fast", False) else []
    return [*found, "--roi_subset", *card.names] if task in SUBSETS else found


def _home(place: Path) -> dict[str, str]:
    """A home folder for this run with the hospital's own settings, but for the reporting of usage, which is off."""
    own = Path(os.environ.get("TOTALSEG_HOME_DIR", Path.home() / ".totalsegmentator"))
    weights = os.environ.get("TOTALSEG_WEIGHTS_PATH", str(own / "nnunet" / "results"))
    kept = read_json(own, "config.json") if (own / "config.json").is_file() else {}
    config = {"totalseg_id": "", "prediction_counter": 0} | kept | {"send_usage_stats": False}
    (place / "home").mkdir()
    (place / "home" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return {"TOTALSEG_HOME_DIR": str(place / "home"), "TOTALSEG_WEIGHTS_PATH": weights}


def _answers(card: Card, out: Path, shown: Volume, ct: Volume) -> dict[str, np.ndarray]:
    found = {}
    for structure, name in card.names.items():
        path = out / f"{structure}.nii.gz"
        if not path.is_file():
            raise ModelError(f"model {card.id} did not answer for {structure}; see which structures its task has")
        mask = back_on((read_volume(path).array > 0).astype(np.uint8), shown.geometry, ct.geometry) > 0
        if mask.any():
            found[name] = mask
    return found
