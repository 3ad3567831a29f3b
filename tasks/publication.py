"""Ordering a delivery outside of a signature: a draft as preliminary, or a signed result when the EHR came later."""

from __future__ import annotations

import json
from pathlib import Path

from db.outbox import Order, Outbox
from db.tables import Delivery
from oncology.errors import ReviewError
from tasks.bundle import BUNDLE
from tasks.case_files import CaseFiles
from tasks.outbox import EHR, keep_payload
from tasks.pacs import pacs_is_set_up, pacs_order
from tasks.records import store
from tasks.review import reviews
from tasks.settings import settings
from tasks.signoff import KINDS, signed_folder


def order_again(case_id: str, *, preliminary: bool = False) -> list[Delivery]:
    """Order what the case says now at every destination that is set up; the same result again changes nothing.

    Args:
        preliminary: an unsigned draft may go out, too.
    Raises:
        ReviewError: the case is not signed and a draft was not asked for.
    """
    signed = reviews().signatures(case_id)
    if signed:
        intent, folder, since = KINDS[signed[-1].kind].intent, signed_folder(case_id), signed[-1].at
    elif preliminary:
        intent, folder, since = "preliminary", CaseFiles(case_id).out, None
    else:
        state = store().case(case_id).state
        raise ReviewError(f"case {case_id} is {state}, not signed; sign it first, or send the draft with --preliminary")
    outbox = Outbox(store().engine)
    orders: list[Order | None] = [_ehr_order(case_id, folder, intent)] if settings().ehr_url else []
    orders += [pacs_order(case_id, folder, intent)] if pacs_is_set_up() else []
    return [_ordered(outbox, order, since) for order in orders if order is not None]


def _ordered(outbox: Outbox, order: Order, since: str | None) -> Delivery:
    """The delivery that the signature itself ordered, if it did, else a new one."""
    present = [row for row in outbox.deliveries(order.case_id, order.destination) if row.intent == order.intent]
    if since is not None and present and present[-1].created >= since:
        return present[-1]
    return outbox.publish(order)


def _ehr_order(case_id: str, folder: Path, intent: str) -> Order:
    bundle = json.loads((folder / BUNDLE).read_bytes())
    content = json.dumps(bundle, ensure_ascii=False, sort_keys=True).encode()
    return Order(case_id, EHR, intent, keep_payload(case_id, content))
