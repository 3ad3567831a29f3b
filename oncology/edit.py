"""What a person decides about a draft: accepting, rejecting, correcting and adding findings; pure functions on JSON.

A draft has the shape of findings.json and history.json. Every edit says what it changed from and to, so that the final
report can list it. Places are written `node-2.p_malignant`, `tumor-1.contacts.aorta.probability`, `fact-3`,
`case.nodes_assessed`, or as a JSON pointer into findings.json (`/nodes/1/p_malignant`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from oncology.errors import ReviewError
from oncology.findings import REVIEW_RESOURCE, Laterality, SourceKind

LISTS = {"tumors": "tumor", "nodes": "node", "metastasis_candidates": "candidate"}
METASTASIS = "metastasis"
# Facts whose value has parts, and the parts that its readers rely on.
FACT_PARTS = {
    "station_result": ("station", "malignant"),
    "metastasis_result": ("site", "malignant"),
    "biopsy": ("malignant",),
}
WORD_PARTS = ("station", "site", "method", "histology")
RECOGNIZED_BY = (
    "id",
    "name",
    "value",
    "station",
    "location",
    "site",
    "greatest_dimension_mm",
    "short_axis_mm",
    "confirmed",
)
LONGEST_MM = 2000.0  # more than any patient
# What an estimate of invasion rests on: where a person corrects one of these, the estimate no longer holds.
MEASURED_OF_CONTACT = ("contact_mm2", "depth_mm", "angle_deg")
MEASURED_OF_TUMOR = ("greatest_dimension_mm", "volume_ml")
MEASURED_OF_NODE = ("short_axis_mm", "long_axis_mm", "suv_max", "station")  # likewise for a model of nodes


class EditKind(StrEnum):
    """What was decided."""

    ACCEPT = "accept"
    REJECT = "reject"
    SET = "set"
    ADD = "add"
    IMPORT = "import"  # contours of tumors and nodes were replaced by edited ones


@dataclass(frozen=True)
class Edit:
    """One decision.

    Attributes:
        target: a finding, a fact of the record, or a place in one; for ADD what is added; for IMPORT `contours`.
        value: the new value; for ADD its content; for IMPORT the measured findings by list name.
        old: what stood there before; filled in by `apply_edits`.
        at: ISO 8601 in UTC.
    """

    kind: EditKind
    target: str
    value: Any = None
    old: Any = None
    actor: str = ""
    at: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Draft:
    """What a staging starts from.

    Attributes:
        facts: the record's facts by the ids that edits use; no id is given twice.
        stated: places of contacts' probabilities that a person stated; other ones are estimates.
    """

    findings: dict[str, Any]
    history: dict[str, Any]
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    subset: str | None = None
    facts_numbered: int = 0
    stated: frozenset[str] = frozenset()

    @classmethod
    def of(cls, findings: Mapping[str, Any], history: Mapping[str, Any], subset: str | None = None) -> Draft:
        """A draft that can be edited without touching what it was made from."""
        facts = {f"fact-{place}": dict(fact) for place, fact in enumerate(history["facts"], start=1)}
        return cls(copy.deepcopy(dict(findings)), copy.deepcopy(dict(history)), facts, subset, len(facts))

    def edited_history(self) -> dict[str, Any]:
        """The history with what persons added first: it wins over statements of the same day."""
        ours = [fact for fact in self.facts.values() if fact["resource"].startswith(REVIEW_RESOURCE)]
        theirs = [fact for fact in self.facts.values() if not fact["resource"].startswith(REVIEW_RESOURCE)]
        return {**self.history, "facts": [*ours, *theirs]}


def apply_edits(draft: Draft, edits: Iterable[Edit]) -> tuple[Draft, tuple[Edit, ...]]:
    """The draft after all edits, and the edits with what each changed from.

    Raises:
        ReviewError: a place that does not exist, or a value that does not fit it.
    """
    now = replace(draft, findings=copy.deepcopy(draft.findings), history=copy.deepcopy(draft.history))
    done = []
    for edit in edits:
        now, applied = _APPLY[edit.kind](now, edit)
        done.append(applied)
    return now, tuple(done)


def find(draft: Draft, finding_id: str) -> tuple[str, dict[str, Any]]:
    """(list name, finding) of an id.

    Raises:
        ReviewError: there is none.
    """
    for name in LISTS:
        for item in draft.findings[name]:
            if item["id"] == finding_id:
                return name, item
    raise ReviewError(f"there is no finding {finding_id}; expected one of: {', '.join(ids(draft)) or 'none'}")


def ids(draft: Draft) -> list[str]:
    """Every finding and every fact of the record, as edits name them."""
    return [item["id"] for name in LISTS for item in draft.findings[name]] + list(draft.facts)


def _accept(draft: Draft, edit: Edit) -> tuple[Draft, Edit]:
    if edit.target in draft.facts:
        return draft, replace(edit, old=None, value="accepted")
    name, item = find(draft, edit.target)
    if name == "metastasis_candidates":
        return _decide(draft, item, edit, True)
    old = item["needs_confirmation"]
    item["needs_confirmation"] = False
    if name == "nodes" and item.get("certainty", 1.0) < 1.0 and item["p_malignant"] is not None:  # now known to be one
        item["p_malignant"], item["certainty"] = min(1.0, item["p_malignant"] / item["certainty"]), 1.0
    return draft, replace(edit, old="needs confirmation" if old else "as measured", value="accepted")


def _reject(draft: Draft, edit: Edit) -> tuple[Draft, Edit]:
    if edit.target in draft.facts:
        return _reject_fact(draft, edit)
    name, item = find(draft, edit.target)
    if name == "metastasis_candidates":
        return _decide(draft, item, edit, False)
    draft.findings[name] = [other for other in draft.findings[name] if other["id"] != edit.target]
    return draft, replace(edit, old=summary(item), value="rejected")


def _decide(draft: Draft, item: dict[str, Any], edit: Edit, confirmed: bool) -> tuple[Draft, Edit]:
    """A candidate for metastasis, confirmed or ruled out by a person."""
    old = item["confirmed"]
    item["confirmed"], item["source"] = confirmed, _person(edit)
    return draft, replace(edit, old=old, value=confirmed)


def _reject_fact(draft: Draft, edit: Edit) -> tuple[Draft, Edit]:
    """A statement of the record that is not used; contradictions that it took part in are settled thereby."""
    gone = draft.facts[edit.target]
    facts = {key: fact for key, fact in draft.facts.items() if key != edit.target}
    conflicts = [
        item
        for item in draft.history["conflicts"]
        if not (item["name"] == gone["name"] and gone["resource"] in item["resources"])
    ]
    history = {**draft.history, "conflicts": conflicts}
    return replace(draft, facts=facts, history=history), replace(edit, old=summary(gone), value="rejected")


def _set(draft: Draft, edit: Edit) -> tuple[Draft, Edit]:
    place = path_of(edit.target, draft)
    owner, _, rest = place.partition(".")
    if owner == "case":
        return _set_case(draft, replace(edit, target=place), rest)
    name, item = find(draft, owner)
    old = _put(item, LISTS[name], rest, edit.value, place)
    item["source"] = _person(edit)
    if name == "tumors":
        draft = _mark_stated(draft, place, edit.value)
        _drop_estimates(item, rest, draft.stated)
    if name == "nodes" and item.get("malignancy_model"):
        _drop_judgement(item, rest)
    return draft, replace(edit, target=place, old=old)


def _drop_judgement(node: dict[str, Any], rest: str) -> None:
    """A person's probability is no model's; what a model said of values that were corrected no longer holds."""
    if rest in MEASURED_OF_NODE:
        node["p_malignant"] = None
    if rest == "p_malignant" or rest in MEASURED_OF_NODE:
        node |= {"malignancy_model": None, "reasons": []}


def _mark_stated(draft: Draft, place: str, value: Any) -> Draft:
    """The draft, knowing that a person stated a contact's probability, or took it back."""
    if not place.endswith(".probability"):
        return draft
    return replace(draft, stated=draft.stated - {place} if value is None else draft.stated | {place})


def _drop_estimates(tumor: dict[str, Any], rest: str, stated: frozenset[str]) -> None:
    """Take away the probabilities that were estimated from what was just corrected; they are estimated anew later."""
    parts = rest.split(".")
    for contact in tumor["contacts"]:
        own = parts[:2] == ["contacts", contact["structure"]] and parts[-1] in MEASURED_OF_CONTACT
        place = f"{tumor['id']}.contacts.{contact['structure']}.probability"
        if (own or rest in MEASURED_OF_TUMOR) and place not in stated:
            contact["probability"] = None


def _set_case(draft: Draft, edit: Edit, name: str) -> tuple[Draft, Edit]:
    value = _checked(FIELDS["case"], name, edit.value, edit.target)
    if name == "subset":
        return replace(draft, subset=value), replace(edit, old=draft.subset)
    old = draft.findings[name]
    draft.findings[name] = value
    return draft, replace(edit, old=old)


def _put(item: dict[str, Any], kind: str, rest: str, value: Any, place: str) -> Any:
    """Write a value below a finding; returns what stood there."""
    if kind == "tumor" and rest.startswith("contacts."):
        return _put_contact(item, rest.removeprefix("contacts."), value, place)
    if kind == "node" and rest.startswith("ene."):
        item["ene"] = item["ene"] or {"p": None, "grade": None}
        return _replace(item["ene"], FIELDS["ene"], rest.removeprefix("ene."), value, place)
    old = _replace(item, FIELDS[kind], rest, value, place)
    if kind == "node" and rest == "station":
        item["station_alternatives"] = {item["station"]: 1.0}
    return old


def _put_contact(tumor: dict[str, Any], rest: str, value: Any, place: str) -> Any:
    structure, _, name = rest.partition(".")
    contact = next((item for item in tumor["contacts"] if item["structure"] == structure), None)
    if contact is None and name != "contact_mm2":
        there = ", ".join(item["structure"] for item in tumor["contacts"]) or "none"
        raise ReviewError(
            f"{place}: no contact with {structure} was measured; there is: {there}; set its contact_mm2 first"
        )
    if contact is None:
        contact = {"structure": structure, "contact_mm2": 0.0, "depth_mm": 0.0, "angle_deg": None, "probability": None}
        tumor["contacts"].append(contact)
    return _replace(contact, FIELDS["contact"], name, value, place)


def _replace(item: dict[str, Any], fields: Mapping[str, Check], name: str, value: Any, place: str) -> Any:
    checked = _checked(fields, name, value, place)
    old = item.get(name)  # findings of an older version lack what came later
    item[name] = checked
    return old


def _checked(fields: Mapping[str, Check], name: str, value: Any, place: str) -> Any:
    if name not in fields:
        raise ReviewError(f"{place} cannot be edited; expected one of: {', '.join(fields)}")
    check = fields[name]
    value = as_word(value) if check in (TEXT, TEXT_OR_NONE) else value
    if not check.holds(value):
        raise ReviewError(f"{place} cannot be {value!r}; expected {check.words}")
    return value


def as_word(value: Any) -> Any:
    """A whole number as the word it was meant to be: station 7 is a name.

    >>> as_word(7), as_word("4R"), as_word(True)
    ('7', '4R', True)
    """
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _add(draft: Draft, edit: Edit) -> tuple[Draft, Edit]:
    if edit.target == METASTASIS:
        return _add_metastasis(draft, edit)
    edit = replace(edit, value=_fact_value(edit.target, edit.value))
    number = draft.facts_numbered + 1
    fact = {
        "name": edit.target,
        "value": edit.value,
        "resource": f"{REVIEW_RESOURCE}/{edit.actor or 'unnamed'}",
        "path": f"fact-{number}",
        "date": edit.at[:10] or None,
        "code": None,
        "text": None,
    }
    return replace(draft, facts={**draft.facts, f"fact-{number}": fact}, facts_numbered=number), edit


def _fact_value(name: str, value: Any) -> Any:
    """The value of an added fact in the form that readers of the record give it.

    Raises:
        ReviewError: a part is missing.
    """
    needed = FACT_PARTS.get(name)
    if needed is None:
        return value
    lacking = [part for part in needed if not isinstance(value, Mapping) or part not in value]
    if lacking:
        raise ReviewError(f"{name} needs {', '.join(lacking)}; expected {' '.join(f'{part}=...' for part in needed)}")
    if not YES_OR_NO.holds(value["malignant"]):
        raise ReviewError(f"{name}: malignant cannot be {value['malignant']!r}; expected true or false")
    if not SIDE.holds(value.get("laterality")):
        raise ReviewError(f"{name}: laterality cannot be {value['laterality']!r}; expected {SIDE.words}")
    return {key: as_word(item) if key in WORD_PARTS else item for key, item in value.items()}


def _add_metastasis(draft: Draft, edit: Edit) -> tuple[Draft, Edit]:
    """A metastasis that a person knows of; it counts as confirmed unless they say otherwise."""
    if not isinstance(edit.value, Mapping) or not TEXT.holds(edit.value.get("site")):
        raise ReviewError("a metastasis needs its site; expected site=liver, site=brain, ...")
    taken = {item["id"] for item in draft.findings["metastasis_candidates"]}
    place = next(number for number in range(1, len(taken) + 2) if f"candidate-{number}" not in taken)
    item = {
        "id": f"candidate-{place}",
        "site": edit.value["site"],
        "centroid_lps": None,
        "volume_ml": None,
        "suv_max": None,
        "p_malignant": None,
        "confirmed": True,
        "source": _person(edit),
        "key_image": None,
        "axial_diameter_mm": None,
    }
    for name, value in edit.value.items():
        _replace(item, FIELDS["candidate"], name, value, f"metastasis.{name}")
    draft.findings["metastasis_candidates"].append(item)
    return draft, edit


def _import(draft: Draft, edit: Edit) -> tuple[Draft, Edit]:
    """Measured anew from edited contours: lists that the contours speak of replace the draft's."""
    old = {}
    for name in ("tumors", "nodes"):
        if name in edit.value:
            old[name] = [summary(item) for item in draft.findings[name]]
            draft.findings[name] = copy.deepcopy(edit.value[name])
            if name == "nodes":
                draft.findings["nodes_assessed"] = True
    stated = frozenset() if "tumors" in edit.value else draft.stated
    return replace(draft, stated=stated), replace(edit, old=old)


def _person(edit: Edit) -> dict[str, Any]:
    return {"kind": SourceKind.PERSON.value, "id": edit.actor or "unnamed", "sha256": None}


def path_of(target: str, draft: Draft) -> str:
    """A place by ids, also when it was given as a JSON pointer into findings.json.

    Raises:
        ReviewError: the pointer leads nowhere.
    """
    if not target.startswith("/"):
        return target
    name, _, rest = target.removeprefix("/").partition("/")
    if name not in LISTS:
        return f"case.{name}"
    place, _, rest = rest.partition("/")
    items = draft.findings[name]
    if not place.isdigit() or int(place) >= len(items):
        raise ReviewError(f"{target} leads nowhere; {name} holds {len(items)} entries, counted from 0")
    return f"{items[int(place)]['id']}.{rest.replace('/', '.')}"


def summary(item: Mapping[str, Any]) -> dict[str, Any]:
    """The few values by which a reader recognizes a finding or a fact."""
    return {name: item[name] for name in RECOGNIZED_BY if item.get(name) is not None}


def differences(before: Any, after: Any, place: str = "") -> list[str]:
    """Places where two JSON values differ; entries of lists are told apart by their id or structure.

    >>> differences({"nodes": [{"id": "node-1", "p": 1}]}, {"nodes": [{"id": "node-1", "p": 2}]})
    ['nodes.node-1.p']
    """
    one, other = _by_key(before), _by_key(after)
    if one is None or other is None:
        return [] if before == after else [place]
    return [
        found
        for key in [*one, *(key for key in other if key not in one)]
        for found in differences(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))
    ]


def _by_key(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return {str(item.get("id") or item.get("structure") or place): item for place, item in enumerate(value)}
    return None


@dataclass(frozen=True)
class Check:
    """What a field takes, as a test and in words."""

    holds: Callable[[Any], bool]
    words: str


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _between(least: float, most: float, unit: str) -> Check:
    return Check(
        lambda value: value is None or (_is_number(value) and least <= value <= most),
        f"a number from {least:g} to {most:g}{unit}, or null",
    )


def _length() -> Check:
    return Check(lambda value: _is_number(value) and 0 < value <= LONGEST_MM, "a length in mm above 0")


PROBABILITY, LENGTH = _between(0, 1, ""), _length()
LENGTH_OR_NONE, UPTAKE = _between(0, LONGEST_MM, " mm"), _between(0, 1000, "")
TEXT = Check(lambda value: isinstance(value, str) and bool(value.strip()), "a word")
TEXT_OR_NONE = Check(lambda value: value is None or TEXT.holds(value), "a word, or null")
YES_OR_NO = Check(lambda value: isinstance(value, bool), "true or false")
YES_NO_OR_NONE = Check(lambda value: value is None or isinstance(value, bool), "true, false or null")
SIDE = Check(lambda value: value is None or value in [*Laterality], f"one of: {', '.join(Laterality)}, or null")
WORDS = Check(lambda value: isinstance(value, list) and all(TEXT.holds(item) for item in value), "a list of words")

FIELDS: Mapping[str, Mapping[str, Check]] = {
    "tumor": {
        "greatest_dimension_mm": LENGTH,
        "axial_diameter_mm": LENGTH,
        "diameter_3d_mm": LENGTH,
        "short_axis_mm": LENGTH,
        "solid_component_mm": LENGTH_OR_NONE,
        "distance_to_carina_mm": LENGTH_OR_NONE,
        "volume_ml": _between(0, 10000, " mL"),
        "suv_max": UPTAKE,
        "laterality": SIDE,
        "location": TEXT_OR_NONE,
        "touches_border": YES_OR_NO,
    },
    "contact": {
        "contact_mm2": _between(0, 1e6, " mm2"),
        "depth_mm": LENGTH_OR_NONE,
        "angle_deg": _between(0, 360, " degrees"),
        "probability": PROBABILITY,
    },
    "node": {
        "station": TEXT,
        "laterality": SIDE,
        "short_axis_mm": LENGTH,
        "long_axis_mm": LENGTH,
        "volume_ml": _between(0, 10000, " mL"),
        "suv_max": UPTAKE,
        "necrosis": YES_NO_OR_NONE,
        "p_malignant": PROBABILITY,
        "drawn_as_involved": YES_OR_NO,
    },
    "ene": {
        "p": PROBABILITY,
        "grade": Check(lambda value: value is None or (_is_number(value) and value in (0, 1, 2, 3)), "0 to 3, or null"),
    },
    "candidate": {
        "site": TEXT,
        "axial_diameter_mm": LENGTH_OR_NONE,
        "volume_ml": _between(0, 10000, " mL"),
        "suv_max": UPTAKE,
        "p_malignant": PROBABILITY,
        "confirmed": YES_NO_OR_NONE,
    },
    "case": {"nodes_assessed": YES_OR_NO, "regions_imaged": WORDS, "subset": TEXT_OR_NONE},
}
_APPLY: Mapping[EditKind, Callable[[Draft, Edit], tuple[Draft, Edit]]] = {
    EditKind.ACCEPT: _accept,
    EditKind.REJECT: _reject,
    EditKind.SET: _set,
    EditKind.ADD: _add,
    EditKind.IMPORT: _import,
}
