"""Loading all tables, with the proof that they are right; `python -m oncology.tnm check [SITE]` prints the faults.

What is proved: see README.md. Faults of all files are reported in one TableError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from oncology.errors import FactError, TableError
from oncology.tnm.table import Serves, Table
from oncology.tnm.table_parser import Draft, read_body, read_head
from oncology.tnm.vocabulary import CLASSIFICATIONS, VOCABULARY_PATH, SiteSpec, expected, vocabulary
from oncology.tnm.yaml_file import read_yaml

TABLES_PATH = Path(__file__).with_name("tables")


@dataclass(frozen=True)
class TableSet:
    """All tables, and what they were made from."""

    tables: tuple[Table, ...]
    version: str

    def editions(self, site: str) -> tuple[int, ...]:
        """The editions that have tables for a site."""
        found = {table.edition for table in self.tables if any(one.site == site for one in table.applies)}
        return tuple(sorted(found))

    def find(
        self, site: SiteSpec, edition: int, classification: str, axis: str, subset: str | None
    ) -> tuple[Table, ...]:
        """The tables that decide: one, or several when the subset that tells them apart is not given.

        Raises:
            FactError: no such edition, classification, axis or subset.
        """
        if edition not in self.editions(site.key):
            known = ", ".join(map(str, self.editions(site.key))) or "none"
            raise FactError(f"no tables of edition {edition} for {site.key}; available: {known}")
        if subset is not None and subset not in site.subsets:
            raise FactError(f"unknown subset {subset!r} of {site.key}; {expected(subset, site.subsets)}")
        of_axis = [
            (table, one.subset)
            for table in self.tables
            for one in table.applies
            if one.site == site.key and table.edition == edition and table.axis == axis
        ]
        serving = {of: table for table, of in of_axis if classification in table.classifications}
        if not serving:
            raise FactError(_missing(site.key, edition, classification, axis, [table for table, _ in of_axis]))
        if None in serving or subset in serving:
            return (serving.get(None) or serving[subset],)
        if subset in self._told_apart(site.key):
            known = ", ".join(sorted(map(str, serving)))
            raise FactError(f"edition {edition} has no {_named(axis)} for {site.key} {subset}; available: {known}")
        return tuple(serving.values())

    def _told_apart(self, site: str) -> set[str]:
        """The subsets that have tables of their own; others (pancreas: exocrine) leave open which table holds."""
        return {one.subset for table in self.tables for one in table.applies if one.site == site and one.subset}


def _named(axis: str) -> str:
    return "stage groups" if axis == "group" else f"{axis.upper()} table"


def _missing(site: str, edition: int, classification: str, axis: str, others: Sequence[Table]) -> str:
    if classification not in CLASSIFICATIONS:
        return f"unknown classification {classification!r}; {expected(classification, CLASSIFICATIONS)}"
    known = ", ".join(sorted({one for table in others for one in table.classifications})) or "none"
    return f"no {classification} {_named(axis)} of edition {edition} for {site}; available: {known}"


def read_drafts(folder: Path) -> list[Draft]:
    """Every table file with its faults; bodies not yet read."""
    drafts = []
    known = vocabulary()
    for path in sorted(folder.glob("tnm*/*.yaml")):
        name = f"{path.parent.name}/{path.name}"
        try:
            drafts.append(read_head(name, path.parent.name, read_yaml(path), known))
        except TableError as problem:
            drafts.append(Draft(name, {}, [f"{path.parent.name}/{problem}"]))
    return drafts


def build(drafts: Sequence[Draft]) -> list[Table]:
    """The tables of all drafts without faults; faults are kept in the drafts."""
    made: list[Table] = []
    for draft in sorted(drafts, key=lambda one: one.axis == "group"):
        table = read_body(draft, partial(_categories, drafts, draft))
        if table is not None:
            made.append(table)
    _check_duplicates(drafts)
    return made


def _categories(drafts: Sequence[Draft], group: Draft, serves: Serves, axis: str) -> Sequence[str]:
    """The categories that a stage-group table has to know."""
    return [category for draft in drafts if _meets(draft, serves, axis, group) for category in draft.categories]


def _meets(draft: Draft, serves: Serves, axis: str, group: Draft) -> bool:
    return (
        draft.axis == axis
        and draft.edition == group.edition
        and bool(set(draft.classifications) & set(group.classifications))
        and any(
            one.site == serves.site and (one.subset is None or serves.subset is None or one.subset == serves.subset)
            for one in draft.applies
        )
    )


def _check_duplicates(drafts: Sequence[Draft]) -> None:
    """No two tables for the same site, subset, classification, axis and edition."""
    seen: dict[tuple[int, str, str, str], dict[str | None, str]] = {}
    for draft in drafts:
        for one in draft.applies:
            for classification in draft.classifications:
                taken = seen.setdefault((draft.edition, draft.axis, one.site, classification), {})
                clashes = [
                    name for subset, name in taken.items() if None in (subset, one.subset) or subset == one.subset
                ]
                for name in clashes:
                    draft.note("", f"serves {one.site} {one.subset or ''} {classification} like {name}")
                taken[one.subset] = draft.name


def load(folder: Path = TABLES_PATH) -> TableSet:
    """All tables below a folder, proved.

    Raises:
        TableError: with every fault of every file, one per line.
    """
    drafts = read_drafts(folder)
    tables = build(drafts)
    faults = [fault for draft in drafts for fault in draft.faults]
    if not drafts:
        faults.append(f"no tables below {folder.name}")
    if faults:
        raise TableError(f"{len(faults)} faults in the TNM tables:\n" + "\n".join(faults))
    return TableSet(tuple(tables), _version(folder))


@cache
def tables() -> TableSet:
    """The tables that come with the engine.

    Raises:
        TableError: they contradict themselves.
    """
    return load()


def _version(folder: Path) -> str:
    """Date of the vocabulary and a hash over everything the tables are made of."""
    digest = hashlib.sha256()
    for path in [VOCABULARY_PATH, *sorted(folder.glob("tnm*/*.yaml"))]:
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
        digest.update(path.read_bytes())
    return f"{vocabulary().tables_date}+{digest.hexdigest()[:12]}"


def faults_by_site(folder: Path = TABLES_PATH) -> Mapping[str, list[str]]:
    """Faults per site, for the one who writes its tables; "" holds files that name no site."""
    drafts = read_drafts(folder)
    build(drafts)
    found: dict[str, list[str]] = {}
    for draft in drafts:
        for site in {one.site for one in draft.applies} or {""}:
            found.setdefault(site, []).extend(draft.faults)
    return found
