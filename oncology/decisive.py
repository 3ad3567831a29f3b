"""The T decision that matters for treatment, site by site, and what an answer says of it.

Where treatment turns on two neighboring categories (larynx kept at T3, removed at T4a: Forastiere 2018, J Clin Oncol
36:1143), only patients whose T is truly one of the two are asked: held against everybody, small tumors that nobody
takes for far advanced ones would flatter the specificity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Decision:
    """Which categories of T lie `beyond` the decision, and `among` which true ones it is asked; empty: among all."""

    fact: str
    beyond: tuple[str, ...]
    among: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The decision as it is read.

        >>> Decision("T4a or more", ("T4a", "T4b"), ("T3", "T4a")).words
        'T4a or more, among true T3 and T4a'
        """
        asked = " and ".join(filter(None, [", ".join(self.among[:-1]), *self.among[-1:]]))
        return f"{self.fact}, among {f'true {asked}' if asked else 'all'}"

    def said(self, answer: Mapping[str, Any]) -> float:
        """The probability that an answer of T (a category's truth and probabilities) gives to lying beyond."""
        return min(sum(share for name, share in answer["probabilities"].items() if name in self.beyond), 1.0)

    def is_true(self, answer: Mapping[str, Any]) -> bool:
        """Whether the T of that patient truly lies beyond."""
        return answer["truth"] in self.beyond

    def asked(self, answers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The answers of patients among whom the decision is asked."""
        return [answer for answer in answers if not self.among or answer["truth"] in self.among]


DECISIVE: Mapping[str, Decision] = {
    "lung": Decision("T4", ("T4",), ("T3", "T4")),
    "esophagus": Decision("T4b", ("T4b",)),
    "pancreas": Decision("T4", ("T4",)),
    "larynx": Decision("T4a or more", ("T4a", "T4b"), ("T3", "T4a")),
    "hypopharynx": Decision("T4a or more", ("T4a", "T4b"), ("T3", "T4a")),
    "oropharynx": Decision("T4 or more", ("T4", "T4a", "T4b"), ("T3", "T4", "T4a")),  # T4: where p16 is positive
    "oral_cavity": Decision("T4a or more", ("T4a", "T4b"), ("T3", "T4a")),
    "nasopharynx": Decision("T4", ("T4",), ("T3", "T4")),
}
