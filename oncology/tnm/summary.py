"""From mass over rows to an answer: one category, or what is possible and how probable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oncology.tnm.mass import Mass, at_least_half, belief, credible, pignistic, possible, project
from oncology.tnm.table import Row, Table, category_order

RowRef = tuple[int, int]  # place of the table among those considered, place of the row


@dataclass(frozen=True)
class Summary:
    """What the rows say, before facts and traces are added."""

    category: str | None
    possible: tuple[str, ...]
    probabilities: dict[str, float]
    credible: tuple[str, ...]
    rows: tuple[RowRef, ...]  # those that give the category, or all that are possible
    rule: str | None
    reason: str | None
    open: tuple[str, ...]  # facts that a row itself names as open
    contradiction: bool = False  # nothing but impossible rows is left


_NO_CATEGORY = Row("", (), None, (), "", "T, N or M has no category")


def summarize(tables: Sequence[Table], mass: Mass) -> Summary:
    """The answer for one axis.

    Args:
        tables: the tables that the row references mean.
        mass: over row references; a negative place of the row means that T, N or M has no category.
    """
    rows = {ref: tables[ref[0]].rows[ref[1]] if ref[1] >= 0 else _NO_CATEGORY for ref in sorted(possible(mass))}
    real = {ref: row for ref, row in rows.items() if not row.impossible}
    if not any(row.categories for row in real.values()):
        return _refused(real or rows)
    mass = tuple((share, refs & real.keys()) for share, refs in mass)
    named = _by_category(mass, real)
    probabilities = _tidy(pignistic(named))
    category = _category(real, mass)
    deciding = {ref: row for ref, row in real.items() if row.categories and category in (None, row.category)}
    return Summary(
        category=category,
        possible=tuple(probabilities),
        probabilities=probabilities,
        credible=credible(probabilities, category_order),
        rows=tuple(deciding),
        rule=", ".join(dict.fromkeys(row.id for row in deciding.values())),
        reason=_reason(real),
        open=tuple(dict.fromkeys(fact for row in deciding.values() for fact in row.open)),
    )


def _refused(rows: Mapping[RowRef, Row]) -> Summary:
    reasons = dict.fromkeys(row.undefined for row in rows.values() if row.undefined)
    reason = "; ".join(reasons) or "the facts contradict one another"
    rule = ", ".join(dict.fromkeys(row.id for row in rows.values() if row.id)) or None
    contradiction = all(row.impossible for row in rows.values())
    return Summary(None, (), {}, (), tuple(rows), rule, reason, (), contradiction)


def _reason(rows: Mapping[RowRef, Row]) -> str | None:
    """Why there is no category, where a row says so."""
    undecided = (row.undefined or row.note for row in rows.values() if row.category is None)
    return "; ".join(dict.fromkeys(filter(None, undecided))) or None


def _by_category(mass: Mass, rows: Mapping[RowRef, Row]) -> Mass:
    """Mass over categories; a row that stands for several leaves them open, one without any stands for None."""
    return tuple(
        (share, frozenset(category for ref in refs for category in rows[ref].categories or (None,)))
        for share, refs in mass
    )


def _tidy(probabilities: Mapping[str | None, float]) -> dict[str, float]:
    """Categories in clinical order; certain means exactly 1. What has no category is left out."""
    if len(probabilities) == 1:
        return {str(category): 1.0 for category in probabilities}
    named = {category: share for category, share in probabilities.items() if category is not None}
    return {category: named[category] for category in sorted(named, key=category_order)}


def _category(rows: Mapping[RowRef, Row], mass: Mass) -> str | None:
    """The category all rows agree on, else the one with at least half of the probability whatever is unknown.

    Of two with exactly half each, the less advanced one: the general rule of TNM in doubt (UICC, rule 4).
    """
    named = {row.category for row in rows.values()}
    if len(named) == 1:
        return named.pop()
    of_rows = project(mass, lambda ref: rows[ref].category)
    likely = [one for one in named if one is not None and at_least_half(belief(of_rows, one))]
    return min(likely, key=category_order) if likely else None
