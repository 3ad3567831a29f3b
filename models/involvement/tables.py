"""The lyDATA tables: head and neck cancer patients with involvement per neck level.

Source: Ludwig 2022 (Radiother Oncol 169:1) and the tables' own CITATION files; CC BY-SA 4.0. Three header rows. A level
is True when at least one node was judged malignant there, False for none, empty when it was not assessed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncology.errors import InputError

LEVELS = ("I", "II", "III", "IV", "V", "VII")
SIDES = ("ipsi", "contra")
# What each level may be written as; the first that was assessed counts, a positive part makes the whole positive.
PARTS: Mapping[str, tuple[str, ...]] = {
    "I": ("I", "Ia", "Ib"),
    "II": ("II", "IIa", "IIb"),
    "III": ("III",),
    "IV": ("IV",),
    "V": ("V", "Va", "Vb"),
    "VII": ("VII",),
}
# Judged by: tissue first, then the consensus of images, then single ones. Within one rank any positive one wins.
RANKS: Sequence[tuple[str, ...]] = (("pathology", "FNA"), ("diagnostic_consensus",), ("PET", "CT", "MRI", "pCT"))
Status = bool | None
Header = tuple[str, str, str]


@dataclass(frozen=True)
class TablePatient:
    """One row: institution, tumor, and the status of each (side, level)."""

    institution: str
    subsite: str  # ICD-O-3 topography, C09.9
    t: int | None
    hpv: Status
    midline: Status
    involved: Mapping[tuple[str, str], Status]


def read_tables(folder: Path) -> list[TablePatient]:
    """All patients of every table in a folder.

    Raises:
        InputError: there is no table, or one lacks its three header rows.
    """
    paths = sorted(folder.glob("*.csv"))
    tables = [path for path in paths if path.name != "columns.csv"]
    if not tables:
        raise InputError("the folder holds no lyDATA table (*.csv); expected tables with three header rows")
    return [patient for path in tables for patient in _read(path)]


def _read(path: Path) -> list[TablePatient]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    if len(rows) < 4 or "patient" not in rows[0] or "institution" not in rows[2]:
        raise InputError(f"{path.name} does not begin with the three header rows of a lyDATA table")
    headers = [(a, b, c) for a, b, c in zip(*rows[:3], strict=True)]
    return [_patient(dict(zip(headers, row, strict=True))) for row in rows[3:]]


def _patient(row: Mapping[Header, str]) -> TablePatient:
    extension, central = _status(row.get(("tumor", "1", "extension"))), _status(row.get(("tumor", "1", "central")))
    stage = row.get(("tumor", "1", "t_stage"), "")
    return TablePatient(
        institution=row["patient", "#", "institution"],
        subsite=row["tumor", "1", "subsite"],
        t=int(float(stage)) if stage and float(stage) >= 0 else None,
        hpv=_status(row.get(("patient", "#", "hpv_status"))),
        midline=None if extension is None and central is None else bool(extension or central),
        involved={(side, level): _level(row, side, level) for side in SIDES for level in LEVELS},
    )


def _level(row: Mapping[Header, str], side: str, level: str) -> Status:
    for rank in RANKS:
        found = [_status(row.get((source, side, part))) for source in rank for part in PARTS[level]]
        known = [status for status in found if status is not None]
        if known:
            return any(known)
    return None


def _status(text: str | None) -> Status:
    return {"true": True, "false": False}.get((text or "").strip().lower())
