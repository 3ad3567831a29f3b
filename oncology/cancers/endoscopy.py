"""What endoscopies and examinations in the record say, component by component."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oncology.cancers.spread import SUSPECTED, is_stated
from oncology.findings import Conflict, History, RecordFact, Tumor


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


def denied(history: History, key: str, found: Mapping[str, float], primary: Tumor | None) -> tuple[Conflict, ...]:
    """What endoscopy denies and CT calls likely: shown; endoscopy counts. One that a person states is decided.

    Args:
        key: the fact that both speak of.
        found: probability by CT alone, by word as an endoscopy says it.
    """
    if primary is None or any(is_stated(fact) for fact in history.named(key)):
        return ()
    likely = [word for word, p in found.items() if p >= SUSPECTED]
    told = {word: fact for word, fact in seen(history, likely).items() if not fact.value[word] and not is_stated(fact)}
    if not told:
        return ()
    words = ", ".join(word.replace("_", " ") for word in told)
    message = (
        f"{key.replace('_', ' ')}: endoscopy denies what CT calls likely: {words}; staged by endoscopy; a person must "
        "decide"
    )
    resources = (*dict.fromkeys(fact.resource for fact in told.values()), primary.id)
    return (Conflict(key, ("no", "likely"), resources, message),)


def distinct(facts: Iterable[RecordFact]) -> list[RecordFact]:
    """Each statement of the record once, in order."""
    return list({(fact.name, fact.resource, fact.path): fact for fact in facts}.values())
