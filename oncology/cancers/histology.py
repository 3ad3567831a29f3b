"""What kind of tumor it is, from the record, and which kinds a cancer's tables do not describe."""

from __future__ import annotations

from collections.abc import Collection

from oncology.cancers.spread import is_stated
from oncology.errors import ScopeError
from oncology.findings import History, RecordFact


def recorded_histology(history: History) -> tuple[str, RecordFact] | None:
    """The class of tumor and where it stands: a person's word, else the newest biopsy, else a diagnosis."""
    named = history.named("histology")
    sampled = [fact for fact in history.named("biopsy") if fact.value.get("histology") and fact.value["malignant"]]
    stated = [fact for fact in named if is_stated(fact)]
    for fact in stated or sampled or named:
        return str(fact.value["histology"] if fact.name == "biopsy" else fact.value), fact
    return None


def refuse_histology(history: History, title: str, refused: Collection[str], instead: str) -> None:
    """Refuse a tumor that this cancer's tables do not describe.

    Args:
        refused: classes of codes.yaml.
        instead: what describes them.
    Raises:
        ScopeError: the record names one of them.
    """
    found = recorded_histology(history)
    if found and found[0] in refused:
        words = found[0].replace("_", " ")
        raise ScopeError(
            f"the record says {words} ({found[1].resource}); {title} is staged here for its usual carcinomas only; "
            f"{instead}"
        )
