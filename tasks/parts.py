"""Parts of a case that may fail without stopping it: the failure is named in the result, never swallowed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from oncology.errors import AimdtError, InputError
from oncology.findings import Severity, Verdict, to_json

log = logging.getLogger("aimdt")


class Parts:
    """Runs parts one by one and remembers which failed."""

    def __init__(self) -> None:
        self.failures: list[dict[str, Any]] = []

    def run(self, name: str, part: Callable[..., Any], *arguments: Any) -> Any:
        """The part's result; None when it fails or failed before. Bad input is no failure of a part and goes on up."""
        if name in {item["where"] for item in self.failures}:
            return None
        try:
            return part(*arguments)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  a bug in one part must not take the others' results along
            kind = type(error).__name__
            reason = str(error) if isinstance(error, AimdtError) else kind
        log.warning("part %s failed: %s", name, kind)  # outside: a log handler that fails prints what is being handled
        message = f"{name} failed and is missing from this result: {reason}"
        self.failures.append(to_json(Verdict("part-failed", Severity.ERROR, message, name)))
        return None
