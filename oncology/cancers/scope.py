"""What is not staged here, refused by name: the tables are for one untreated, first cancer."""

from __future__ import annotations

from oncology.errors import ScopeError
from oncology.findings import NECK_SITES, Conflict, History, RecordFact

NON_MELANOMA = "skin_non_melanoma"
# Codes that name no organ, and lymphomas, which are no carcinoma: shown, and no reason to refuse.
NO_ORGAN = ("other", "head_and_neck", "lymphoma")
# One tumor that spans two sites, or lies at their border, is often coded as both.
SAME_TUMOR = (frozenset(NECK_SITES), frozenset({"esophagus", "gastric_cardia"}))


def check_scope(history: History, site: str, imaging_date: str | None) -> None:
    """Refuse a case that clinical TNM before treatment does not describe.

    Args:
        site: the site word of the cancer being staged.
        imaging_date: ISO date; treatment that began after the images does not matter.
    Raises:
        ScopeError: treatment before the images, recurrence, or a second, synchronous cancer that is not over.
    """
    for fact in history.named("prior_therapy"):
        if fact.value.get("for") in (None, site) and _before(fact, imaging_date):
            raise ScopeError(
                f"the record holds {fact.value['kind']} for this cancer before the images ({fact.resource}); staging "
                "after treatment (yc) is not done here; give the images from before treatment"
            )
    for fact in history.named("recurrence"):
        if fact.value:
            raise ScopeError(
                f"the record calls this cancer a recurrence ({fact.resource}); recurrences are not staged here"
            )
    for fact in _other_cancers(history):
        if fact.value.get("synchronous") and not _perhaps_none(fact, site):
            raise ScopeError(
                f"the record holds a second, synchronous cancer: {_words(fact)} ({fact.resource}); "
                "synchronous primaries are staged one by one by a person; correct the record if it is none or over"
            )


def undecided_primaries(history: History, site: str) -> tuple[Conflict, ...]:
    """Other active cancers that the record does not tell apart from this one, in time or as a tumor of their own."""
    return tuple(
        Conflict("second_primary", (site, str(fact.value["site"])), (fact.resource,), _doubt(fact))
        for fact in _other_cancers(history)
        if fact.value.get("synchronous") is not False
    )


def _doubt(fact: RecordFact) -> str:
    return (
        f"second cancer: the record holds an active one ({_words(fact)}) and does not tell whether it is synchronous "
        "and a tumor of its own; staged as if there were none; a person must decide"
    )


def _other_cancers(history: History) -> tuple[RecordFact, ...]:
    """Malignant tumors beside the one being staged that are not over; of the skin melanoma alone counts."""
    return tuple(
        fact
        for fact in history.named("second_primary")
        if fact.value.get("behavior") == "malignant"
        and fact.value.get("status", "present") == "present"
        and fact.value["site"] != NON_MELANOMA
    )


def _perhaps_none(fact: RecordFact, site: str) -> bool:
    """Whether it is in doubt that this is a second carcinoma: suspected, of no stated organ, or this one's neighbor."""
    other = str(fact.value["site"])
    if not fact.value.get("certain", True) or other in NO_ORGAN:
        return True
    return other != site and any({other, site} <= group for group in SAME_TUMOR)


def _words(fact: RecordFact) -> str:
    return str(fact.value["site"]).replace("_", " ")


def _before(therapy: RecordFact, imaging_date: str | None) -> bool:
    began = therapy.value.get("date")
    return began is None or imaging_date is None or began <= imaging_date
