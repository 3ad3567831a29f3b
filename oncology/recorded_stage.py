"""The stage that a record already holds, against the one found here: a difference is shown and decides nothing.

Whoever recorded it may know what no scan here shows (a brain MRI elsewhere), or may have staged before this scan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oncology.findings import Conflict, History, RecordFact

KEYS: Mapping[str, str] = {"T": "t", "N": "n", "M": "m", "group": "stage_group"}
SAYS_NOTHING = ("TX", "NX", "MX")
GROUP = re.compile(r"(0|IV|I{1,3})([A-D]?\d?)")
CATEGORY = re.compile(r"([TNM](?:\d|is|X))(.*)")


def recorded_stage_conflicts(history: History, editions: Mapping[str, Any]) -> Iterator[Conflict]:
    """Of each axis the newest clinical statement of an edition, where no possible category here is the same.

    Args:
        editions: by edition the answers by axis, as in staging.json.
    """
    for fact in _newest(history.named("recorded_stage")):
        axis, said = fact.value["axis"], str(fact.value["value"])
        found = _answers(editions, fact.value["method"], KEYS[axis])
        possible = [
            name for answer in found for name in ([answer["category"]] if answer["category"] else answer["possible"])
        ]
        if not possible or said in SAYS_NOTHING or any(_agree(said, name) for name in possible):
            continue
        ours = " or ".join(dict.fromkeys(possible))
        message = (
            f"stage: the record says {said}, the findings here give {ours}; the recorded stage decides nothing; check "
            "what it rests on"
        )
        yield Conflict("recorded_stage", (said, ours), (fact.resource,), message)


def _newest(facts: Sequence[RecordFact]) -> list[RecordFact]:
    """The first, which is the newest, of each axis and edition; what a specimen said is another classification."""
    found: dict[tuple[str, str | None], RecordFact] = {}
    for fact in facts:
        if fact.value.get("classification") != "pathological":
            found.setdefault((fact.value["axis"], fact.value["method"]), fact)
    return list(found.values())


def _answers(editions: Mapping[str, Any], edition: str | None, key: str) -> list[Mapping[str, Any]]:
    """The answers of that edition, or of all where the record names none."""
    return [answers[key] for name, answers in editions.items() if edition in (None, name)]


def _agree(one: str, other: str) -> bool:
    """Whether two categories or groups may be the same, one told more finely.

    >>> _agree("T2", "T2b"), _agree("I", "IIIA"), _agree("III", "IIIB"), _agree("M0", "M1b")
    (True, False, True, False)
    """
    parts = [(GROUP.fullmatch(text) or CATEGORY.fullmatch(text)) for text in (one, other)]
    first, second = parts
    if first is None or second is None:
        return one == other
    longer, shorter = sorted((first[2], second[2]), key=len, reverse=True)
    return first[1] == second[1] and longer.startswith(shorter)
