"""Reading YAML strictly: a key that stands twice in a mapping is a fault, not a silent override."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from oncology.errors import TableError

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_BASE):
    """Safe loading that refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        TableError: not readable, not YAML, or a key stands twice.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as problem:
        raise TableError(f"{path.name}: cannot be read ({type(problem).__name__}); expected a UTF-8 file") from problem


def parse_yaml(text: str, name: str) -> Any:
    """The content of YAML text; `name` stands in messages.

    Raises:
        TableError: not YAML, or a key stands twice.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506  (a safe loader with one check more)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        what = getattr(problem, "problem", None) or "not YAML"
        raise TableError(f"{name}{where}: {what}") from problem
