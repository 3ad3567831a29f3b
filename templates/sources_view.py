"""Which source won for which fact, and why: the rules of fusion beside what they met in this case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oncology.cancers.fusion import FusionRule, rules_for

Translate = Callable[[str], str]
Row = list[str]
DASH = "–"


def sources_view(staging: Mapping[str, Any], translate: Translate) -> list[Row]:
    """Rows of fact, source that won here, order of sources, reason with its source, and contradictions."""
    facts = {fact["key"]: fact for fact in staging.get("facts", ())}
    conflicts = list(staging.get("conflicts", ()))
    rules = rules_for(staging["site"])
    rows = [_row(rule, facts, conflicts, translate) for rule in rules]
    told = {key for rule in rules for key in rule.keys}
    apart = [item for item in conflicts if item["name"] not in told]
    return rows + [
        [translate(item["name"].replace("_", " ")), DASH, DASH, DASH, translate(item["message"])] for item in apart
    ]


def _row(
    rule: FusionRule, facts: Mapping[str, Any], conflicts: Sequence[Mapping[str, Any]], translate: Translate
) -> Row:
    met = [facts[key] for key in rule.keys if key in facts]
    against = [translate(item["message"]) for item in conflicts if item["name"] in rule.keys]
    return [
        translate(rule.fact),
        _winner(met, translate),
        " > ".join(translate(source) for source in rule.order),
        f"{translate(rule.why)} ({translate(rule.source)})",
        "; ".join(against) or DASH,
    ]


def _winner(facts: Sequence[Mapping[str, Any]], translate: Translate) -> str:
    """The source that the first evidence names, what it says, and how many further sources were kept."""
    evidence = [item for fact in facts for item in fact["evidence"]]
    if not evidence:
        return next((translate("not known") for fact in facts if fact["status"] == "unknown"), DASH)
    first = evidence[0]
    others = len(evidence) - 1
    told = f"{translate(first['source']['kind'])}: {translate(first['detail'])}"
    return f"{told} (+ {others})" if others else told
