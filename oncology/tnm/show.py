"""A printable page of any table: what the rows say, what the inputs mean, where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from oncology.errors import FactError
from oncology.tnm.derived import Condition, Derived
from oncology.tnm.domain import Domain, Kind
from oncology.tnm.feature import Feature, Filter, FoldFeature, Op, ScalarFeature, SetFeature
from oncology.tnm.loader import tables
from oncology.tnm.stager import parse_edition
from oncology.tnm.table import Row, Table
from oncology.tnm.vocabulary import AXES, expected, vocabulary

_TITLE = {"t": "T", "n": "N", "m": "M", "group": "Stage groups"}


def show(site: str, edition: int | str, axis: str) -> str:
    """All tables of one site, edition and axis as Markdown.

    Raises:
        FactError: no such site, edition, axis or table.
    """
    spec = vocabulary().site(site)
    number = parse_edition(edition)
    if axis.lower() not in AXES:
        raise FactError(f"unknown axis {axis!r}; {expected(axis, AXES)}")
    known = tables().editions(site)
    if number not in known:
        raise FactError(f"no tables of edition {number} for {site}; available: {', '.join(map(str, known)) or 'none'}")
    found = [
        table
        for table in tables().tables
        if table.edition == number and table.axis == axis.lower() and any(one.site == spec.key for one in table.applies)
    ]
    if not found:
        raise FactError(f"edition {number} has no {_TITLE[axis.lower()]} table for {site}")
    return "\n".join(_page(table) for table in found) + f"\nTables {tables().version}. Research use only.\n"


def _page(table: Table) -> str:
    served = ", ".join(f"{one.site} {one.subset}" if one.subset else one.site for one in table.applies)
    lines = [
        f"# {_TITLE[table.axis]}: {served}, edition {table.edition}",
        "",
        f"Table `{table.id}`, {' and '.join(table.classifications)}. Source: {table.citation}.",
    ]
    if table.notes:
        lines += ["", table.notes]
    lines += ["", "| category | when | row | note |", "|---|---|---|---|", *(_row(table, row) for row in table.rows)]
    if table.unassessable:
        lines += ["", f"{table.unassessable} when unknown: {', '.join(table.when_unknown)}."]
    lines += [f"{label} without its letter stands for {' or '.join(of)}." for label, of in table.bare.items()]
    meanings = [f"- {name}: {text}" for name, text in _meanings(table)]
    return "\n".join([*lines, *(["", "Inputs", "", *meanings] if meanings else []), ""])


def _row(table: Table, row: Row) -> str:
    domains = dict(zip(table.inputs, table.domains, strict=True))
    when = _condition(row.when, domains) or "always"
    reason = row.undefined or row.note
    note = "; ".join(filter(None, (reason, row.citation)))
    return f"| {_answer(row)} | {_cell(when)} | {row.id} | {_cell(note)} |"


def _answer(row: Row) -> str:
    if row.category:
        return row.category
    if row.impossible:
        return "(contradiction)"
    return " or ".join(row.categories) or "(undefined)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _condition(condition: Condition, domains: Mapping[str, Domain]) -> str:
    return "; ".join(_part(name, allowed, domains[name]) for name, allowed in condition)


def _part(name: str, allowed: frozenset[int], domain: Domain) -> str:
    if domain.kind is Kind.BOOL:
        return name if allowed == {1} else f"not {name}"
    if domain.kind is Kind.COUNT:
        return f"{name} {_counts(allowed, domain)}"
    if len(allowed) > 1 and len(allowed) == len(domain) - 1:
        (left,) = set(range(len(domain))) - allowed
        return f"{name} is not {domain.labels[left]}"
    return f"{name} is {' or '.join(domain.labels[index] for index in sorted(allowed))}"


def _counts(allowed: frozenset[int], domain: Domain) -> str:
    """Number ranges; the last number of a domain means "or more"."""
    last = len(domain) - 1
    numbers = sorted(allowed)
    if numbers == list(range(numbers[0], last + 1)) and numbers[0] > 0:
        return f"{numbers[0]} or more"
    return " or ".join(f"{number} or more" if number == last else str(number) for number in numbers)


def _meanings(table: Table) -> Iterator[tuple[str, str]]:
    for name, feature in table.features.items():
        yield name, _feature(feature)
    domains = {name: feature.domain for name, feature in table.features.items()}
    for name, derived in table.derived.items():
        yield name, _derived(derived, domains)
        domains[name] = derived.domain


def _feature(feature: Feature) -> str:
    if isinstance(feature, ScalarFeature):
        return feature.fact if not feature.domain.bounds else f"{feature.fact} in intervals"
    if isinstance(feature, SetFeature):
        return _set(feature)
    assert isinstance(feature, FoldFeature)
    sources = " and ".join(
        f"{source.list_name}" + "".join(f" ({_filter(one)})" for one in source.filters if _filter(one))
        for source in feature.sources
    )
    return f"{feature.reduce} of {sources}"


def _set(feature: SetFeature) -> str:
    if feature.domain.kind is Kind.BOOL:
        return f"{feature.fact} holds any of {', '.join(feature.weight)}"
    if feature.op is Op.OR:
        return f"kinds among {', '.join(feature.weight)} in {feature.fact}"
    levels: list[str] = []
    for place, label in enumerate(feature.domain.labels):
        members = [member for member, weight in feature.weight.items() if weight == place]
        levels += [f"{label}: {', '.join(members)}"] if members else []
    return f"highest level in {feature.fact} ({'; '.join(levels)})"


def _filter(one: Filter) -> str:
    parts: list[str] = []
    parts += [", ".join(sorted(one.station))] if one.station is not None else []
    parts += [one.side] if one.side else []
    parts += [" or ".join(sorted(one.laterality))] if one.laterality else []
    parts += [f"> {one.size[0]:g}, <= {one.size[1]:g} mm"] if one.size else []
    parts += [f"ENE {' or '.join(sorted(one.ene))}"] if one.ene else []
    parts += [f"{name}: {' or '.join(sorted(map(str, allowed)))}" for name, allowed in one.flags]
    return "; ".join(parts)


def _derived(derived: Derived, domains: Mapping[str, Domain]) -> str:
    if derived.chosen:
        by = domains[derived.uses[0]].labels
        return ", ".join(
            f"{name} where {derived.uses[0]} is {label}" for label, name in zip(by, derived.chosen, strict=True)
        )
    lines = [
        f"{_said(derived.domain, line.index)} if {_alternatives(line.conditions, domains)}" for line in derived.lines
    ]
    return "; else ".join([*lines, _said(derived.domain, derived.otherwise)])


def _said(domain: Domain, index: int) -> str:
    return ("no", "yes")[index] if domain.kind is Kind.BOOL else domain.labels[index]


def _alternatives(conditions: Sequence[Condition], domains: Mapping[str, Domain]) -> str:
    return " or ".join(_condition(condition, domains) for condition in conditions)
