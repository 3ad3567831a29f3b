"""What `aimdt evaluate` wrote of patients as networks saw them: calibrations are fitted to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def image_rows(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The rows of the mode "images" of rows.jsonl files."""
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["mode"] == "images":
                yield row
