"""Walks a resource along the snapshot of a StructureDefinition and names everything that does not conform.

Checked: unknown elements, cardinality, types of choices, fixed and pattern values, slices, required and extensible
bindings whose value set can be enumerated, reference targets, and invariants (by fhirpathpy, a third-party engine).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhirpathpy import compile as compile_path
from fhirpathpy.models import models

Json = Mapping[str, Any]
BASE = "http://hl7.org/fhir/StructureDefinition/"
# Invariants that say the same as cardinalities and types, or that only servers and narrative need.
UNCHECKED_KEYS = {"ele-1", "ext-1", "dom-3", "dom-6", "txt-1", "txt-2"}
NOT_IN_ENGINE = ("resolve(", "memberOf(", "conformsTo(", "htmlChecks(", "trace(")  # fhirpathpy lacks or prints these
PRIMITIVES: Mapping[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "integer": int,
    "positiveInt": int,
    "unsignedInt": int,
    "decimal": (int, float),
}


@dataclass
class Node:
    """One element of a snapshot with its children and slices."""

    element: Json
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    def value_of(self, kind: str) -> Any:
        """fixed[x] or pattern[x]."""
        return next((value for name, value in self.element.items() if name.startswith(kind)), None)


class Definitions:
    """StructureDefinitions, value sets and code systems by canonical URL."""

    def __init__(self) -> None:
        self.structures: dict[str, Json] = {}
        self.value_sets: dict[str, Json] = {}
        self.code_systems: dict[str, Json] = {}
        self._trees: dict[str, Node] = {}

    def add_folder(self, folder: Path) -> None:
        """All definitions in a folder of JSON files, one each."""
        for path in sorted(folder.glob("*.json")):
            content = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(content, dict):
                self.add(content)

    def add_bundle(self, path: Path) -> None:
        """All definitions in one Bundle."""
        for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]:
            self.add(entry["resource"])

    def add(self, resource: Json) -> None:
        """One definition, by its kind."""
        kinds = {"StructureDefinition": self.structures, "ValueSet": self.value_sets, "CodeSystem": self.code_systems}
        store = kinds.get(str(resource.get("resourceType")))
        if store is not None and "url" in resource:
            store[str(resource["url"])] = resource

    def tree(self, url: str) -> Node | None:
        """The element tree of a profile or type."""
        structure = self.structures.get(url)
        if structure is None or "snapshot" not in structure:
            return None
        if url not in self._trees:
            self._trees[url] = _tree(structure["snapshot"]["element"])
        return self._trees[url]

    def ancestors(self, url: str) -> Iterator[str]:
        """A profile and everything it derives from."""
        here: str | None = url
        while here:
            yield here
            here = self.structures.get(here, {}).get("baseDefinition")

    def codes(self, url: str) -> set[tuple[str, str]] | None:
        """(system, code) of a value set; None when it cannot be enumerated."""
        value_set = self.value_sets.get(url.split("|")[0])
        if value_set is None:
            return None
        found: set[tuple[str, str]] = set()
        for include in value_set.get("compose", {}).get("include", ()):
            some = self._included(include)
            if some is None:
                return None
            found |= some
        return found

    def _included(self, include: Json) -> set[tuple[str, str]] | None:
        system = include.get("system")
        if "filter" in include:
            return None
        if "concept" in include:
            return {(system, concept["code"]) for concept in include["concept"]}
        if system:
            codes = self.code_systems.get(system)
            return None if codes is None else {(system, code) for code in _concepts(codes.get("concept", ()))}
        found: set[tuple[str, str]] = set()
        for url in include.get("valueSet", ()):
            some = self.codes(url)
            if some is None:
                return None
            found |= some
        return found


def _concepts(concepts: Iterable[Json]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _concepts(concept.get("concept", ()))


def _tree(elements: Iterable[Json]) -> Node:
    nodes: dict[str, Node] = {}
    root: Node | None = None
    for element in elements:
        node = nodes[element["id"]] = Node(element)
        if root is None:
            root = node
            continue
        parent_id, _, name = element["id"].rpartition(".")
        base, _, slice_name = name.partition(":")
        if slice_name:
            nodes[f"{parent_id}.{base}"].slices[slice_name] = node
        else:
            nodes[parent_id].children[base] = node
    assert root is not None
    return root


class Walker:
    """Holds resources of one bundle against their profiles."""

    def __init__(self, definitions: Definitions, bundle: Json | None = None) -> None:
        self.definitions = definitions
        self.resources = {entry["fullUrl"]: entry["resource"] for entry in (bundle or {}).get("entry", ())}
        self.issues: list[str] = []
        self.invariants = 0

    def check(self, resource: Json, profile: str | None = None) -> list[str]:
        """Everything wrong with a resource by the given profile, else by each it claims and its base type."""
        self.issues = []
        base = BASE + str(resource["resourceType"])
        urls = [profile] if profile else [base, *resource.get("meta", {}).get("profile", ())]
        for url in urls:
            root = self.definitions.tree(url)
            if root is not None:
                self._value(root, resource, str(resource["resourceType"]), resource)
            elif url != base:
                self.issues.append(f"{url}: profile not at hand")
        return list(dict.fromkeys(self.issues))

    def _children(self, node: Node, value: Json, path: str, root: Json, whole: bool) -> None:
        known = {"resourceType"}
        for name, child in node.children.items():
            found = list(_values(value, name, child))
            known |= {key for key, _, _ in found} | {name}
            items = [(item, f"{path}.{key}", kind) for key, item, kind in found]
            self._cardinality(child, len(items), f"{path}.{name}")
            self._slices(child, items, f"{path}.{name}", root)
            for item, place, kind in items:
                self._value(child, item, place, root, kind)
        for key in value if whole else ():
            if key not in known and not key.startswith("_"):
                self.issues.append(f"{path}.{key}: unknown element")

    def _cardinality(self, node: Node, count: int, path: str) -> None:
        low, high = node.element.get("min", 0), node.element.get("max", "*")
        if count < low or (high != "*" and count > int(high)):
            self.issues.append(f"{path}: {count} found, {low}..{high} expected")

    def _value(self, node: Node, value: Any, path: str, root: Json, kind: str | None = None) -> None:
        fixed, pattern = node.value_of("fixed"), node.value_of("pattern")
        if fixed is not None and value != fixed:
            self.issues.append(f"{path}: fixed value {fixed!r} expected")
        if pattern is not None and not _fits(value, pattern):
            self.issues.append(f"{path}: pattern {pattern!r} expected")
        types = node.element.get("type", ())
        code = kind or (types[0]["code"] if len(types) == 1 else None)
        if code in PRIMITIVES and (not isinstance(value, PRIMITIVES[code]) or (code != "boolean" and value is True)):
            self.issues.append(f"{path}: {code} expected")
        self._binding(node, value, path)
        self._invariants(node, value, path, root)
        if isinstance(value, Mapping):
            self._reference(types, value, path)
            self._inside(node, value, path, root, code)

    def _inside(self, node: Node, value: Json, path: str, root: Json, code: str | None) -> None:
        """The children: by the snapshot where it spells them out, else by the data type."""
        if node.children:
            self._children(node, value, path, root, whole=True)
        elif (
            code
            and code[0].isupper()
            and code != "Resource"
            and (tree := self.definitions.tree(BASE + code)) is not None
        ):
            self._children(tree, value, path, root, whole=True)
            self._invariants(tree, value, path, root)
        for item in node.element.get("type", ()):
            for profile in item.get("profile", ()) if item["code"] == code else ():
                tree = self.definitions.tree(profile)
                if tree is not None and code not in ("Extension",):
                    self._children(tree, value, path, root, whole=False)

    def _slices(self, node: Node, items: list[tuple[Any, str, str | None]], path: str, root: Json) -> None:
        discriminators = node.element.get("slicing", {}).get("discriminator", ())
        for name, part in node.slices.items():
            members = [item for item in items if all(self._is_member(part, item[0], rule) for rule in discriminators)]
            self._cardinality(part, len(members), f"{path}:{name}")
            for value, place, _ in members:
                self._value(part, value, f"{place}:{name}", root)

    def _is_member(self, part: Node, value: Any, rule: Json) -> bool:
        """Whether a value belongs to a slice by one discriminator."""
        if rule["type"] == "profile":
            return self._conforms_to_target(part, value)
        if rule["type"] == "type":
            return False  # choices are told apart by their names
        node, found = part, value
        steps = [] if rule["path"] == "$this" else rule["path"].split(".")
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
            node = node.children.get(step) or self._profiled(node, step) or Node({})
        wanted = node.value_of("fixed") if node.value_of("fixed") is not None else node.value_of("pattern")
        if wanted is not None:
            return _fits(found, wanted)
        allowed = self.definitions.codes(node.element.get("binding", {}).get("valueSet", ""))
        return allowed is not None and found is not None and bool(set(_codes(found)) & allowed)

    def _profiled(self, node: Node, step: str) -> Node | None:
        for item in node.element.get("type", ()):
            for profile in item.get("profile", ()):
                tree = self.definitions.tree(profile)
                if tree is not None and step in tree.children:
                    return tree.children[step]
        return None

    def _conforms_to_target(self, part: Node, value: Any) -> bool:
        target = self.resources.get(value.get("reference", "")) if isinstance(value, Mapping) else None
        wanted = [url for item in part.element.get("type", ()) for url in item.get("targetProfile", ())]
        claimed = (target or {}).get("meta", {}).get("profile", ())
        return any(url in wanted for profile in claimed for url in self.definitions.ancestors(profile))

    def _binding(self, node: Node, value: Any, path: str) -> None:
        binding = node.element.get("binding", {})
        if binding.get("strength") not in ("required", "extensible") or "valueSet" not in binding:
            return
        allowed = self.definitions.codes(binding["valueSet"])
        if allowed is None:
            return
        if isinstance(value, str):
            if value not in {code for _, code in allowed}:
                self.issues.append(f"{path}: code {value!r} is not in {binding['valueSet']}")
            return
        codes = set(_codes(value))
        of_its_systems = {system for system, _ in codes} & {system for system, _ in allowed}
        if not codes & allowed and (binding["strength"] == "required" or of_its_systems):
            self.issues.append(f"{path}: no code of {binding['valueSet']}")

    def _reference(self, types: Iterable[Json], value: Json, path: str) -> None:
        wanted = [url for item in types if item["code"] == "Reference" for url in item.get("targetProfile", ())]
        target = value.get("reference")
        if not wanted or not isinstance(target, str):
            return
        resource = self.resources.get(target)
        if target.startswith("urn:") and resource is None:
            self.issues.append(f"{path}: reference leads nowhere")
            return
        kind = (
            resource["resourceType"] if resource else target.split("?")[0].split("/")[-2 if "?" not in target else -1]
        )
        fitting = [url for url in wanted if self._type_of(url) in (kind, "Resource")]
        if not fitting:
            self.issues.append(f"{path}: {kind} is no allowed target")
        elif resource is not None and not any(self._conforms(resource, url) for url in fitting):
            self.issues.append(f"{path}: target does not conform to {fitting}")

    def _type_of(self, url: str) -> str:
        return str(self.definitions.structures.get(url, {}).get("type", url.rsplit("/", 1)[-1]))

    def _conforms(self, resource: Json, url: str) -> bool:
        if url.startswith(BASE) or self.definitions.tree(url) is None:
            return True
        claimed = resource.get("meta", {}).get("profile", ())
        if any(url in self.definitions.ancestors(profile) for profile in claimed):
            return True
        other = Walker(self.definitions)
        other.resources = self.resources
        return not other.check(resource, url)

    def _invariants(self, node: Node, value: Any, path: str, root: Json) -> None:
        for rule in node.element.get("constraint", ()):
            if rule.get("severity") != "error" or rule["key"] in UNCHECKED_KEYS or "expression" not in rule:
                continue
            if any(name in rule["expression"] for name in NOT_IN_ENGINE):
                continue
            self.invariants += 1
            context = {"resource": root, "rootResource": root}
            answer = _compiled(rule["expression"])(value, context)
            if answer not in ([True], []):
                self.issues.append(f"{path}: {rule['key']} {rule['human']}")


@functools.cache
def _compiled(expression: str) -> Callable[..., Any]:
    compiled: Callable[..., Any] = compile_path(expression, models["r4"])
    return compiled


def _values(value: Json, name: str, node: Node) -> Iterator[tuple[str, Any, str | None]]:
    """(key, item, type) of an element's values; a choice is found under its typed name."""
    if name.endswith("[x]"):
        for item in node.element.get("type", ()):
            key = name[:-3] + item["code"][0].upper() + item["code"][1:]
            if key in value:
                yield key, value[key], item["code"]
        return
    found = value.get(name)
    if found is None and f"_{name}" in value:
        found = value[f"_{name}"]
    for item in found if isinstance(found, list) else [found]:
        if item is not None:
            yield name, item, None


def _fits(value: Any, pattern: Any) -> bool:
    """FHIR's pattern rule: everything in the pattern is in the value; lists in any order."""
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(_fits(value.get(name), part) for name, part in pattern.items())
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_fits(item, part) for item in value) for part in pattern)
    return bool(value == pattern)


def _codes(value: Any) -> Iterator[tuple[str, str]]:
    """(system, code) of a Coding, CodeableConcept or Quantity."""
    if isinstance(value, Mapping):
        for item in value.get("coding", [value]):
            if "code" in item:
                yield item.get("system", ""), item["code"]
