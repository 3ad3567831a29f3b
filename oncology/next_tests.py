"""Which test would settle what is open: the cited rows of `next_tests.yaml`, shown as points for discussion.

Most rows answer an open fact or region; others hold in a situation, such as a high tumor marker or the lack of a PET.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from oncology.errors import TableError

TABLE = Path(__file__).with_name("next_tests.yaml")
PLACES = "{places}"  # in a test's words: where the stations in doubt are named, when they are known
COMPARED = {">=": operator.ge, ">": operator.gt}
BOUND = re.compile(r"(?P<sign>>=|>) (?P<bound>\d+(?:\.\d+)?)")
UNLIKE = "!= "


@dataclass(frozen=True)
class Source:
    """A published work: `short` names it with its year, `citation` says where it stands."""

    short: str
    citation: str


@dataclass(frozen=True)
class NextTest:
    """One test for one open fact, region or situation of one cancer.

    Attributes:
        about: the fact or region that it tells of.
        test: what could be done; may hold PLACES.
        why: what it adds to what is known.
        sources: where it is recommended or described.
        places: stations that are in doubt.
    """

    about: str
    test: str
    why: str
    sources: tuple[Source, ...]
    places: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The test with its sources, as staging.json holds it."""
        return f"{filled(self.test, self.places)} ({self._cited})"

    def at(self, places: Sequence[str]) -> NextTest:
        """The same test with the stations named; one that is not about stations stays as it is."""
        return replace(self, places=tuple(places)) if PLACES in self.test else self

    def read(self, text: str) -> NextTest | None:
        """This test with the stations that its text names; None where the text is another one's."""
        before, _, after = f"{self.test} ({self._cited})".partition(PLACES)
        found = re.fullmatch(rf"{re.escape(before)}(?: \((?P<places>[^()]+)\))?{re.escape(after)}", text)
        if found is None:
            return None
        return self.at(found["places"].split(", ") if found["places"] else ())

    @property
    def _cited(self) -> str:
        return ", ".join(source.short for source in self.sources)


@dataclass(frozen=True)
class Situation:
    """A test for a situation: it is worth a word where all conditions of one of `when` hold."""

    row: NextTest
    when: tuple[Mapping[str, Any], ...]

    def holds(self, known: Mapping[str, Any]) -> bool:
        """Whether it is so, by what is known of a case; what is not known meets no condition but `!=`."""
        return any(all(_met(known.get(name), asked) for name, asked in all_of.items()) for all_of in self.when)


def filled(words: str, places: Sequence[str]) -> str:
    """A test's words with the places that are in doubt.

    >>> filled("sampling of the stations in doubt{places}", ["7", "4R"]), filled("sampling of nodes{places}", [])
    ('sampling of the stations in doubt (7, 4R)', 'sampling of nodes')
    """
    return words.replace(PLACES, f" ({', '.join(places)})" if places else "")


def _met(value: Any, asked: Any) -> bool:
    """One condition: a word, true or false, several words, a bound, or any word but one.

    >>> _met(45, "> 30"), _met(None, "> 30"), _met("II", ["I", "II"]), _met(None, "!= solid")
    (True, False, True, True)
    """
    if isinstance(asked, list):
        return value in asked
    if isinstance(asked, str) and asked.startswith(UNLIKE):
        return bool(value != asked.removeprefix(UNLIKE))
    bound = BOUND.fullmatch(asked) if isinstance(asked, str) else None
    if bound is None:
        return bool(value == asked)
    return value is not None and bool(COMPARED[bound["sign"]](value, float(bound["bound"])))


def next_tests(cancer: str) -> Mapping[str, NextTest]:
    """Open fact or region -> the test that would settle it; empty for a cancer without rows.

    Raises:
        TableError: the table is broken.
    """
    return _table().get(cancer, {})


def situations(cancer: str) -> tuple[Situation, ...]:
    """Tests for situations of a cancer.

    Raises:
        TableError: the table is broken.
    """
    return _situations().get(cancer, ())


def no_test(cancer: str) -> Mapping[str, str]:
    """Facts that no test before treatment settles, with the reason."""
    reasons: Mapping[str, str] = _content()["no_test"].get(cancer, {})
    return reasons


def told(cancer: str, text: str) -> NextTest | None:
    """The row that a discussion point of staging.json was made from, or None when it is not of this table."""
    rows = (*next_tests(cancer).values(), *(one.row for one in situations(cancer)))
    return next((found for row in rows if (found := row.read(text))), None)


@cache
def _content() -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise TableError(f"{TABLE.name} is not readable YAML: {error}; expected sources, rows and no_test") from error
    return content


@cache
def _table() -> Mapping[str, Mapping[str, NextTest]]:
    """Every row by cancer, then by what is open."""
    table: dict[str, dict[str, NextTest]] = {}
    try:
        for row in _content()["rows"]:
            made = _made(row)
            for cancer in row["cancers"]:
                _add(table.setdefault(cancer, {}), cancer, made)
    except (KeyError, TypeError) as problem:
        raise _unreadable(problem) from problem
    return table


@cache
def _situations() -> Mapping[str, tuple[Situation, ...]]:
    """Tests for situations, by cancer."""
    table: dict[str, tuple[Situation, ...]] = {}
    try:
        for row in _content()["situations"]:
            made = Situation(_made(row), tuple(dict(all_of) for all_of in row["when"]))
            for cancer in row["cancers"]:
                table[cancer] = (*table.get(cancer, ()), made)
    except (KeyError, TypeError, ValueError) as problem:
        raise _unreadable(problem) from problem
    return table


def _made(row: Mapping[str, Any]) -> NextTest:
    sources = {key: Source(**item) for key, item in _content()["sources"].items()}
    return NextTest(row["about"], row["test"], row["why"], tuple(sources[key] for key in row["sources"]))


def _unreadable(problem: Exception) -> TableError:
    return TableError(f"{TABLE.name} cannot be read: {type(problem).__name__} at {problem}")


def _add(rows: dict[str, NextTest], cancer: str, row: NextTest) -> None:
    if row.about in rows:
        raise TableError(f"{TABLE.name} has two rows about {row.about!r} for {cancer}; expected one; join them")
    rows[row.about] = row
