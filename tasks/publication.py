"""Ordering a delivery outside of a signature: a draft as preliminary, or a signed result when the EHR came later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from db.outbox import Order, Outbox
from db.tables import Delivery
from oncology.errors import ReviewError
from tasks.bundle import BUNDLE
from tasks.case_files import CaseFiles
from tasks.outbox import EHR, keep_payload
from tasks.records import store
from tasks.review import reviews
from tasks.signoff import KINDS, signed_folder


def order_again(case_id: str, *, preliminary: bool = False) -> Delivery:
    """Order what the case says now; the same result again changes nothing.

    Args:
        preliminary: an unsigned draft may go out, too.
    Raises:
        ReviewError: the case is not signed and a draft was not asked for.
    """
    signed = reviews().signatures(case_id)
    outbox = Outbox(store().engine)
    if signed:
        intent, folder = KINDS[signed[-1].kind].intent, signed_folder(case_id)
        present = next((row for row in reversed(outbox.deliveries(case_id, EHR)) if row.intent == intent), None)
        if present is not None and present.created >= signed[-1].at:
            return present  # the signature itself ordered it
    elif preliminary:
        intent, folder = "preliminary", CaseFiles(case_id).out
    else:
        state = store().case(case_id).state
        raise ReviewError(f"case {case_id} is {state}, not signed; sign it first, or send the draft with --preliminary")
    bundle: Mapping[str, Any] = json.loads((folder / BUNDLE).read_bytes())
    content = json.dumps(bundle, ensure_ascii=False, sort_keys=True).encode()
    return outbox.publish(Order(case_id, EHR, intent, keep_payload(case_id, content)))
