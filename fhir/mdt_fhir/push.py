"""Sending the Bundle of a case to a FHIR R4 server, so that it arrives once however often it is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mdt_fhir.push_entry import Stored, left_behind, read_entries
from mdt_fhir.push_http import Exchange, PushMode, PushSettings
from mdt_fhir.push_sequence import push_sequence
from mdt_fhir.push_transaction import push_transaction
from oncology.errors import DeliveryRefusedError


@dataclass(frozen=True)
class PushReceipt:
    """What the server holds now. `uncertain`: an answer got lost on the way, so a late copy may still arrive."""

    stored: tuple[Stored, ...]
    uncertain: bool


def push(
    bundle: Mapping[str, Any],
    base_url: str,
    settings: PushSettings,
    known: Iterable[Stored] = (),
    *,
    look_first: bool = False,
    beat: Callable[[], None] = lambda: None,
) -> PushReceipt:
    """Bring a Bundle of `build_bundle` to the server.

    Args:
        bundle: the transaction, with identifiers and ids derived from the case.
        base_url: the server's FHIR base, e.g. https://ehr.example.org/fhir
        known: what the receipt of the case's last version said.
        look_first: an earlier attempt ended nobody knows how; ask the server before sending.
        beat: called before every request; raise in it to stop.
    Raises:
        DeliveryRefusedError: the server will not take it as it is.
        DeliveryDelayedError: not now.
    """
    entries, before = read_entries(bundle), {item.full_url: item for item in known}
    if left := left_behind(entries, before.values()):
        raise DeliveryRefusedError(
            f"the bundle leaves {len(left)} resources of an earlier version as they are (first: {left[0].reference}); "
            "expected an update or withdrawal of each; build it with the earlier bundle as `previous`"
        )
    exchange = Exchange(base_url, settings, beat)
    try:
        if settings.mode is PushMode.SEQUENCE:
            stored = push_sequence(exchange, entries, before)
        else:
            stored = push_transaction(exchange, bundle, entries, before, look=look_first)
    finally:
        exchange.close()
    return PushReceipt(tuple(stored), exchange.uncertain)
