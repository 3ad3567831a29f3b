"""Where the readers put what they read: facts with their place, and doubts about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mdt_fhir.element import Coded, date_of
from mdt_fhir.record import Entry
from oncology.findings import RecordFact, Severity, Verdict


@dataclass
class Collector:
    """Facts and verdicts of one record while it is being read."""

    facts: list[RecordFact] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def add(
        self, name: str, value: Any, entry: Entry, coded: Coded, *, date: str | None = None, doubtful: bool = False
    ) -> None:
        """One fact read from a coding or text of a resource; a doubtful one leaves a verdict."""
        text = coded.display or None
        fact = RecordFact(name, value, entry.key, coded.path, date or date_of(entry.resource), coded.token, text)
        self.facts.append(fact)
        if doubtful:
            message = f"{name} was read from words ({entry.key} {coded.path}), not from a code: check it"
            self.doubt("read-from-text", message)

    def doubt(self, code: str, message: str, severity: Severity = Severity.WARNING) -> None:
        """A statement about the record itself; the same one is kept once."""
        verdict = Verdict(code, severity, message, "record")
        if verdict not in self.verdicts:
            self.verdicts.append(verdict)
