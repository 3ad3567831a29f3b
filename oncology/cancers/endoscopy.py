"""What endoscopies and examinations in the record say, component by component."""

from __future__ import annotations

from collections.abc import Iterable

from oncology.cancers.spread import is_stated
from oncology.findings import History, RecordFact


def endoscopy(history: History) -> dict[str, RecordFact]:
    """What endoscopies and examinations say, by component, each with the newest fact that says it."""
    merged: dict[str, RecordFact] = {}
    for fact in reversed(history.named("endoscopy")):
        merged.update(dict.fromkeys(fact.value, fact))
    for fact in reversed([fact for fact in history.named("endoscopy") if is_stated(fact)]):
        merged.update(dict.fromkeys(fact.value, fact))
    return merged


def seen(history: History, words: Iterable[str]) -> dict[str, RecordFact]:
    """The words that an endoscopy affirms or denies, with the fact that does."""
    said = endoscopy(history)
    return {word: said[word] for word in words if word in said and isinstance(said[word].value[word], bool)}


def distinct(facts: Iterable[RecordFact]) -> list[RecordFact]:
    """Each statement of the record once, in order."""
    return list({(fact.name, fact.resource, fact.path): fact for fact in facts}.values())
