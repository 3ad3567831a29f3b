"""Which test would settle what is open: the cited rows of `next_tests.yaml`, shown as points for discussion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from oncology.errors import TableError

TABLE = Path(__file__).with_name("next_tests.yaml")


@dataclass(frozen=True)
class Source:
    """A published work: `short` names it with its year, `citation` says where it stands."""

    short: str
    citation: str


@dataclass(frozen=True)
class NextTest:
    """One test for one open fact or region of one cancer.

    Attributes:
        about: the fact or region that is open.
        test: what could be done.
        why: what it adds to what is known.
        sources: where it is recommended or described.
    """

    about: str
    test: str
    why: str
    sources: tuple[Source, ...]

    @property
    def text(self) -> str:
        """The test with its sources, as staging.json holds it."""
        return f"{self.test} ({', '.join(source.short for source in self.sources)})"


def next_tests(cancer: str) -> Mapping[str, NextTest]:
    """Open fact or region -> the test that would settle it; empty for a cancer without rows.

    Raises:
        TableError: the table is broken.
    """
    return _table().get(cancer, {})


def no_test(cancer: str) -> Mapping[str, str]:
    """Facts that no test before treatment settles, with the reason."""
    reasons: Mapping[str, str] = _content()["no_test"].get(cancer, {})
    return reasons


def told(cancer: str, text: str) -> NextTest | None:
    """The row that a discussion point of staging.json was made from, or None when it is not of this table."""
    return next((row for row in next_tests(cancer).values() if row.text == text), None)


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
        sources = {key: Source(**item) for key, item in _content()["sources"].items()}
        for row in _content()["rows"]:
            made = NextTest(row["about"], row["test"], row["why"], tuple(sources[key] for key in row["sources"]))
            for cancer in row["cancers"]:
                _add(table.setdefault(cancer, {}), cancer, made)
    except (KeyError, TypeError) as problem:
        raise TableError(f"{TABLE.name} cannot be read: {type(problem).__name__} at {problem}") from problem
    return table


def _add(rows: dict[str, NextTest], cancer: str, row: NextTest) -> None:
    if row.about in rows:
        raise TableError(f"{TABLE.name} has two rows about {row.about!r} for {cancer}; expected one; join them")
    rows[row.about] = row
