"""Staging of whole CSV files: stage groups from stated categories, or one category from facts, row by row.

A bad row gets its error in its own line and the others are still answered. The file appears once it is complete.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from oncology.errors import FactError, InputError
from oncology.tnm.engine import stage_axis, stage_cell
from oncology.tnm.vocabulary import vocabulary

GROUP_COLUMNS = ("site", "edition", "classification", "subset", "T", "N", "M")
CASE_COLUMNS = ("case_id", "site", "edition", "classification", "subset", "facts")
GROUP_ANSWER = ("stage_group", "possible", "rule", "error")
AXIS_ANSWER = ("category", "possible", "rule", "error")
UNDEFINED = "undefined"
LONGEST_FIELD = 16 * 1024 * 1024  # one case with thousands of nodes still fits
_KEPT = 200_000

Row = Mapping[str, str]
Answer = tuple[str, str, str, str]


def run_groups(in_path: Path, out_path: Path, strict: bool = False) -> int:
    """Adds stage_group, possible, rule and error to a CSV file of site, edition, classification, subset, T, N, M.

    Args:
        in_path: the file to read.
        out_path: the file to write; may be the same.
        strict: without meaning here; T, N and M are stated.
    Returns:
        How many rows have an error.
    Raises:
        InputError: the file cannot be read or written, or columns are missing.
    """
    kept: dict[tuple[str, ...], Answer] = {}

    def answer(row: Row) -> Answer:
        key = tuple([row[name] for name in GROUP_COLUMNS])
        found = kept.get(key)
        if found is None:
            if len(kept) > _KEPT:
                kept.clear()
            found = kept[key] = _safely(_group, row)
        return found

    return _run(in_path, out_path, GROUP_COLUMNS, GROUP_ANSWER, answer)


def run_axis(axis: str, in_path: Path, out_path: Path, strict: bool = False) -> int:
    """Adds category, possible, rule and error to a CSV file of case_id, site, edition, classification, subset, facts.

    Args:
        axis: t, n or m.
        in_path: the file to read; `facts` holds a JSON object.
        out_path: the file to write; may be the same.
        strict: absent facts are unknown; otherwise they are read as not present.
    Returns:
        How many rows have an error.
    Raises:
        InputError: the file cannot be read or written, or columns are missing.
        FactError: no such axis.
    """
    if axis not in ("t", "n", "m"):
        raise FactError(f"unknown axis {axis!r}; expected t, n or m")

    def answer(row: Row) -> Answer:
        return _safely(lambda one: _category(axis, one, strict), row)

    return _run(in_path, out_path, CASE_COLUMNS, AXIS_ANSWER, answer)


def _safely(make: Callable[[Row], Answer], row: Row) -> Answer:
    """The answer, or the row's own error."""
    try:
        return make(row)
    except FactError as problem:
        return "", "", "", str(problem)


def _group(row: Row) -> Answer:
    site = row["site"].strip().lower()
    cell = stage_cell(
        site,
        row["edition"],
        row["T"],
        row["N"],
        row["M"],
        classification=row["classification"].strip().lower() or "clinical",
        subset=parse_subset(site, row["subset"]),
    )
    return cell.category or UNDEFINED, json.dumps(list(cell.possible)), cell.rule, ""


def _category(axis: str, row: Row, strict: bool) -> Answer:
    site = row["site"].strip().lower()
    found = stage_axis(
        axis,
        site,
        row["edition"],
        parse_facts(row["facts"]),
        classification=row["classification"].strip().lower() or "clinical",
        subset=parse_subset(site, row["subset"]),
        strict=strict,
        explain=False,
    )
    category = found.category or ("" if found.possible else UNDEFINED)
    return category, json.dumps(list(found.possible)), found.rule or "", ""


def parse_subset(site: str, text: str) -> str | None:
    """The subset as the vocabulary spells it; empty means not given.

    >>> parse_subset("oropharynx", " P16 = positive")
    'p16=positive'
    """
    word = "".join(text.split()).lower()
    known = {one.lower(): one for one in vocabulary().site(site).subsets}
    return (known.get(word) or text.strip()) if word else None


def parse_facts(text: str) -> Mapping[str, Any]:
    """The JSON object of a facts column.

    Raises:
        FactError: not JSON, not an object, a key twice, or NaN.
    """
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as problem:
        found = f"facts are no JSON ({problem.msg} at character {problem.pos})"
        raise FactError(f"{found}; expected an object, in CSV with its quotes doubled") from problem
    except RecursionError as problem:
        raise FactError("facts are nested too deeply; expected an object of fact names and values") from problem
    if not isinstance(found, dict):
        raise FactError(f"facts are {json.dumps(found)[:20]}; expected a JSON object, {{}} when nothing is stated")
    return found


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FactError(f"facts name {twice[:40]!r} twice; expected every key once")
    return found


def _no_constant(text: str) -> Any:
    raise FactError(f"facts hold {text}; expected a number, or null where it is unknown")


def _run(
    in_path: Path, out_path: Path, needed: Sequence[str], added: Sequence[str], answer: Callable[[Row], Answer]
) -> int:
    failed = 0
    with _reading(in_path) as source, _writing(out_path) as target:
        reader = csv.reader(source)
        header = _header(reader, needed, in_path.name)
        kept = [name for name in header if name not in added]
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow([*kept, *added])
        for cells in _rows(reader, in_path.name):
            row, problem = _row(header, cells)
            found: Answer = ("", "", "", problem) if problem else answer(row)
            failed += bool(found[3])
            writer.writerow([*(row[name] for name in kept), *found])
    return failed


def _rows(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    """The rows that hold something."""
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield cells
    except csv.Error as problem:
        raise InputError(f"{name}: {problem}; expected CSV") from problem
    except UnicodeDecodeError as problem:
        raise InputError(f"{name}: byte {problem.start} is no UTF-8; save the file as UTF-8") from problem


def _header(reader: Iterator[list[str]], needed: Sequence[str], name: str) -> list[str]:
    header = [cell.strip() for cell in next(_rows(reader, name), [])]
    missing = [one for one in needed if one not in header]
    if missing:
        hint = "; the file seems to be separated by semicolons, expected commas" if ";" in "".join(header) else ""
        raise InputError(f"{name} lacks the columns {', '.join(missing)}; expected {','.join(needed)}{hint}")
    if len(set(header)) < len(header):
        raise InputError(f"{name}: a column name stands twice in {','.join(header)}; expected every name once")
    return header


def _row(header: Sequence[str], cells: Sequence[str]) -> tuple[dict[str, str], str]:
    """Cells by column, and what is wrong with their number."""
    row = dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=False))
    if len(cells) == len(header):
        return row, ""
    return row, f"the row has {len(cells)} cells; expected {len(header)} (text with commas needs quotes)"


@contextmanager
def _reading(path: Path) -> Iterator[TextIO]:
    csv.field_size_limit(LONGEST_FIELD)
    try:
        source = path.open(encoding="utf-8-sig", newline="")
    except OSError as problem:
        raise InputError(f"{path.name} cannot be read: {problem.strerror}; expected a CSV file") from problem
    with source:
        yield source


@contextmanager
def _writing(path: Path) -> Iterator[TextIO]:
    """A file beside the target that takes its place once everything is written."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as problem:
        raise InputError(f"{path.name} cannot be written: {problem.strerror}; choose another folder") from problem
    beside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as target:
            yield target
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    except OSError as problem:
        raise InputError(f"{path.name} cannot be written: {problem.strerror}") from problem
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
