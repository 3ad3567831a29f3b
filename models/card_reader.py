"""Values of a TOML table, each checked as it is read; a fault names file, key, what was found and what was expected."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from oncology.errors import ModelError

LONGEST_FOUND = 60  # characters of a wrong value that a message repeats


@dataclass(frozen=True)
class TableReader:
    """One table of a file; `where` is how messages call it. A default of None means that the key is needed."""

    content: Mapping[str, Any]
    where: str

    def refuse(self, key: str, found: object, expected: str) -> NoReturn:
        """Raise the fault."""
        shown = "nothing" if found is None else repr(found)[:LONGEST_FOUND]
        raise ModelError(f"{self.where}, key {key}: found {shown}, expected {expected}")

    def only(self, known: Collection[str]) -> None:
        """No key but these: a misspelt one would be ignored."""
        for key in self.content:
            if key not in known:
                self.refuse(key, self.content[key], f"no such key, but some of: {', '.join(sorted(known))}")

    def text(self, key: str, *, choices: Collection[str] = (), pattern: str = "", default: str | None = None) -> str:
        """A string."""
        value = self.content.get(key, default)
        expected = f"one of: {', '.join(filter(None, choices))}" if choices else "a string"
        expected = f"text like {pattern}" if pattern else expected
        if not isinstance(value, str) or (choices and value not in choices):
            self.refuse(key, value, expected)
        if pattern and value != default and not re.fullmatch(pattern, value):
            self.refuse(key, value, expected)
        return value

    def texts(
        self, key: str, *, choices: Collection[str] = (), default: tuple[str, ...] | None = None
    ) -> tuple[str, ...]:
        """A list of strings, each there once; at least one where the key is needed."""
        value = self.content.get(key, default)
        expected = f"a list of: {', '.join(choices)}" if choices else "a list of strings"
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            self.refuse(key, value, expected)
        if (choices and not set(value) <= set(choices)) or len(set(value)) != len(value):
            self.refuse(key, value, f"{expected}, each once")
        if default is None and not value:
            self.refuse(key, value, f"{expected}, not empty")
        return tuple(value)

    def positives(
        self, key: str, count: int, *, default: tuple[float, float, float] | None = None
    ) -> tuple[float, float, float]:
        """Three numbers above 0."""
        value: Sequence[Any] | None = self.content.get(key, default)
        if (
            not isinstance(value, list | tuple)
            or len(value) != count
            or not all(_is_number(v) and v > 0 for v in value)
        ):
            self.refuse(key, value, f"{count} numbers above 0")
        return float(value[0]), float(value[1]), float(value[2])

    def number(self, key: str) -> float | None:
        """A number, where there is one."""
        value = self.content.get(key)
        if value is not None and not _is_number(value):
            self.refuse(key, value, "a number")
        return None if value is None else float(value)

    def needed_number(self, key: str) -> float:
        """A number."""
        value = self.number(key)
        if value is None:
            self.refuse(key, value, "a number")
        return value

    def count(self, key: str) -> int:
        """A whole number from 0 on; 0 where there is none."""
        value = self.content.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.refuse(key, value, "a whole number from 0 on")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """A table of anything."""
        value = self.content.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, value, "a table")
        return value

    def words(self, key: str) -> dict[str, str]:
        """A table of strings."""
        table = TableReader(self.mapping(key), f"{self.where}, {key}")
        return {name: table.text(name) for name in table.content}

    def groups(self, key: str) -> dict[str, tuple[str, ...]]:
        """A table of lists of strings."""
        table = TableReader(self.mapping(key), f"{self.where}, {key}")
        return {name: table.texts(name) for name in table.content}

    def tables(self, key: str) -> list[TableReader]:
        """A list of tables."""
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(key, value, f"tables [[{key}]]")
        return [TableReader(item, f"{self.where}, {key}[{place}]") for place, item in enumerate(value)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
