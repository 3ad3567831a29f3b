"""What is not staged here, refused by name: the tables are for one untreated, first cancer."""

from __future__ import annotations

from oncology.errors import ScopeError
from oncology.findings import History, RecordFact


def check_scope(history: History, site: str, imaging_date: str | None) -> None:
    """Refuse a case that clinical TNM before treatment does not describe.

    Args:
        site: the site word of the cancer being staged.
        imaging_date: ISO date; treatment that began after the images does not matter.
    Raises:
        ScopeError: treatment before the images, recurrence, or a second active cancer of the same site.
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
    for fact in history.named("second_primary"):
        if fact.value.get("synchronous") and fact.value.get("same_site") and fact.value.get("behavior") == "malignant":
            raise ScopeError(
                f"the record holds a second, synchronous cancer of the same site ({fact.resource}); "
                "synchronous primaries are staged one by one by a person"
            )


def _before(therapy: RecordFact, imaging_date: str | None) -> bool:
    began = therapy.value.get("date")
    return began is None or imaging_date is None or began <= imaging_date
