"""Staging: facts in, T, N, M and stage group out, with reasons, probabilities and open questions.

Clinical doubt is a result: a missing fact widens the answer to what is still possible. Only facts outside the
vocabulary, and tables that do not exist, are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from oncology.errors import FactError
from oncology.tnm import what_if
from oncology.tnm.answer import AxisAnswer, Change, Staging, TraceStep
from oncology.tnm.grouping import AXES, Cell, Grouping, merge_cells
from oncology.tnm.loader import tables
from oncology.tnm.reading import Evidence
from oncology.tnm.stager import ALL_AXES, Stager, parse_edition, stager
from oncology.tnm.summary import Summary
from oncology.tnm.vocabulary import expected, vocabulary

_SHOWN = {"t": "T", "n": "N", "m": "M"}


def stage(
    site: str,
    edition: int | str,
    facts: Mapping[str, Any],
    *,
    classification: str = "clinical",
    subset: str | None = None,
    strict: bool = True,
) -> Staging:
    """The stage of one case.

    Args:
        site: a site of the vocabulary.
        edition: 8 or 9.
        facts: keys and values of the vocabulary; values may carry doubt (see README.md).
        classification: clinical or pathological.
        subset: narrows the site; None where it is not known, and the answer widens.
        strict: absent facts are unknown; otherwise they are read as not present.
    Raises:
        FactError: facts outside the vocabulary, or no tables for what is asked.
    """
    engine = stager(site, parse_edition(edition), classification, subset or None)
    answers = _answers(engine, facts, strict, explain=True)
    return Staging(
        site=site,
        edition=str(engine.edition),
        classification=classification,
        subset=subset or None,
        t=answers["t"],
        n=answers["n"],
        m=answers["m"],
        stage_group=answers["group"],
        tables_version=tables().version,
    )


def stage_axis(
    axis: str,
    site: str,
    edition: int | str,
    facts: Mapping[str, Any],
    *,
    classification: str = "clinical",
    subset: str | None = None,
    strict: bool = True,
    explain: bool = True,
) -> AxisAnswer:
    """T, N or M alone; arguments as for `stage`. Without `explain` the open facts are left out.

    Raises:
        FactError: facts outside the vocabulary, or no tables for what is asked.
    """
    if axis not in AXES:
        raise FactError(f"unknown axis {axis!r}; {expected(axis, AXES)}")
    engine = stager(site, parse_edition(edition), classification, subset or None, (axis,))
    return _answers(engine, facts, strict, explain)[axis]


@cache
def _groupings(site: str, edition: int, classification: str, subset: str | None) -> tuple[Grouping, ...]:
    found = tables().find(vocabulary().site(site), edition, classification, "group", subset)
    return tuple(Grouping(table, {}) for table in found)


def stage_cell(
    site: str,
    edition: int | str,
    t: str,
    n: str,
    m: str,
    *,
    classification: str = "clinical",
    subset: str | None = None,
) -> Cell:
    """The stage group of stated T, N and M; other arguments as for `stage`.

    A category without its letter (T1, N2) gives the group that all its subcategories share, else what is possible.

    Raises:
        FactError: a category or table that does not exist.
    """
    groupings = _groupings(site, parse_edition(edition), classification, subset or None)
    return merge_cells([grouping.cell(t, n, m) for grouping in groupings])


def would_change(
    site: str,
    edition: int | str,
    facts: Mapping[str, Any],
    *,
    classification: str = "clinical",
    subset: str | None = None,
    strict: bool = True,
) -> tuple[Change, ...]:
    """Single findings whose change alters T, N, M or the group; arguments as for `stage`.

    A finding is one value, one structure, one node or one metastasis; doubtful findings come first.

    Raises:
        FactError: facts outside the vocabulary, or no tables for what is asked.
    """
    return what_if.changes(stager(site, parse_edition(edition), classification, subset or None), facts, strict)


def _answers(engine: Stager, facts: Mapping[str, Any], strict: bool, explain: bool) -> dict[str, AxisAnswer]:
    evidence = engine.read(facts, strict)
    solved = engine.solve(evidence)
    found = {axis: engine.summary(axis, solved, evidence) for axis in engine.axes}
    answers = {
        axis: engine.answer(axis, found[axis], solved, evidence, facts=facts, strict=strict) for axis in engine.axes
    }
    if "group" in answers:
        answers["group"] = replace(answers["group"], trace=_group_trace(engine, answers, found["group"]))
    if not explain:
        return answers
    open_facts = what_if.open_facts(engine, facts, strict, found)
    open_facts["m"] = tuple(dict.fromkeys((*open_facts.get("m", ()), *_not_looked_for(engine, evidence, facts))))
    return {axis: replace(one, open=open_facts[axis]) if open_facts.get(axis) else one for axis, one in answers.items()}


def _not_looked_for(engine: Stager, evidence: Evidence, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """M0 without evidence is a clinical statement; what was not looked at is named."""
    if "m" not in engine.axes:
        return ()
    missing = facts.get("regions_not_imaged")
    regions = [f"regions_not_imaged.{one}" for one in missing] if isinstance(missing, list | tuple) else []
    return ("mets", *regions) if evidence.mets is None else tuple(regions)


def _group_trace(engine: Stager, answers: Mapping[str, AxisAnswer], group: Summary) -> tuple[TraceStep, ...]:
    """T, N and M as the facts of the group."""
    if not group.rows or group.rows[0][1] < 0:
        return ()
    place, row = group.rows[0]
    table = engine.tables["group"][place]
    citation = "; ".join(filter(None, (str(table.citation), table.rows[row].citation)))
    return tuple(
        TraceStep(_SHOWN[axis], answers[axis].category, f"{axis}: {_label(answers[axis])}", group.rule or "", citation)
        for axis in ALL_AXES[:3]
    )


def _label(answer: AxisAnswer) -> str:
    return " or ".join(answer.possible) or "undefined"
