"""Where results go: one sender for every destination that the settings name. Runs without Prefect."""

from __future__ import annotations

from oncology.errors import InputError
from tasks.ehr import ehr_push_settings, ehr_url
from tasks.outbox import EHR, Sender, fhir_sender
from tasks.pacs import PACS, pacs_is_set_up, pacs_route, pacs_sender
from tasks.settings import settings


def is_any_set_up() -> bool:
    """True when results have somewhere to go."""
    return bool(settings().ehr_url) or pacs_is_set_up()


def senders() -> dict[str, Sender]:
    """Ways to the destinations that are set up.

    Raises:
        InputError: none is, or a setting has no meaning.
    """
    if not is_any_set_up():
        raise InputError(
            "there is nowhere to send results to; set AIMDT_EHR_URL for the EHR, AIMDT_PACS_URL or AIMDT_PACS_PEER for "
            "the PACS"
        )
    found: dict[str, Sender] = {}
    if settings().ehr_url:
        found[EHR] = fhir_sender(ehr_url(), ehr_push_settings())
    if pacs_is_set_up():
        found[PACS] = pacs_sender(pacs_route())
    return found
