"""A FHIR R4 record as tolerant JSON: every resource as it was sent, with its place kept.

Nothing is validated beyond what reading needs, because real records hold much that strict models refuse.
What cannot be read at all raises RecordError; what is only odd becomes a verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from oncology.errors import RecordError
from oncology.findings import Severity, Verdict

Resource = Mapping[str, Any]

MAX_BYTES = 512 * 2**20  # a whole life in FHIR is tens of megabytes; more is a wrong file
MAX_DEPTH = 64  # R4 resources nest about 15 deep (Questionnaire items more); deeper is an attack or a fault
BYTE_ORDER_MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"), (b"\x1f\x8b", "gzip"), (b"PK", "zip"))
R5_TYPES = frozenset(
    {"ImagingSelection", "GenomicStudy", "InventoryItem", "Transport", "FormularyItem", "ActorDefinition"}
)
STU3_TYPES = frozenset(
    {"ProcedureRequest", "ReferralRequest", "ImagingManifest", "BodySite", "DataElement", "DiagnosticOrder"}
)


@dataclass(frozen=True)
class Entry:
    """One resource of the record; `key` is how evidence names it ("Observation/123")."""

    resource: Resource = field(repr=False)
    key: str
    full_url: str | None = None

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])


@dataclass(frozen=True)
class Record:
    """All resources of one patient."""

    entries: tuple[Entry, ...] = field(repr=False)
    patient: Entry = field(repr=False)
    verdicts: tuple[Verdict, ...] = ()
    _index: Mapping[str, Entry] = field(default_factory=dict, repr=False, compare=False)

    def of_type(self, *types: str) -> Iterator[Entry]:
        """The resources of these types that speak about the patient, in the order of the record."""
        return (entry for entry in self.entries if entry.type in types)

    def resolve(self, reference: Any, within: Entry | None = None) -> Entry | None:
        """The resource that a Reference points to: by fullUrl, by Type/id, or contained in `within`; else None."""
        target = reference.get("reference") if isinstance(reference, Mapping) else None
        if not isinstance(target, str):
            return None
        if target.startswith("#"):
            return _contained(within, target[1:]) if within else None
        return self._index.get(target) or self._index.get(_tail(target))


def read_record(path: Path) -> Record:
    """The record in a file: a FHIR R4 Bundle of any kind, a list of resources, or NDJSON.

    Raises:
        RecordError: not JSON, not FHIR R4, truncated, in another encoding, too large or too deep, without a Patient
            or with several.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RecordError(
                f"record file has {size / 2**20:.0f} MB; expected at most {MAX_BYTES / 2**20:.0f} MB; split it"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"record file cannot be opened ({type(error).__name__}); expected a readable JSON file"
        ) from error
    return record_of(parse(raw))


def parse(raw: bytes) -> Any:
    """JSON (or NDJSON, as a list) out of bytes. Raises RecordError."""
    text = _decode(raw)
    try:
        parsed = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return _parse_lines(text, error)
    except RecursionError as error:
        raise RecordError("record nests too deep for FHIR; expected a Bundle; export it again") from error
    _check_depth(parsed)
    return parsed


def record_of(parsed: Any) -> Record:
    """The record out of parsed JSON: a Bundle, a list of Bundles or resources, or one resource with a Patient in it."""
    found = list(_pairs(parsed, "record"))
    _check_release(resource for resource, _ in found)
    entries = tuple(
        Entry(resource, _key(resource, url, number), url) for number, (resource, url) in enumerate(found, 1)
    )
    return _assemble(_unique(entries))


def _decode(raw: bytes) -> str:
    if not raw.strip():
        raise RecordError("record is empty; expected a FHIR R4 Bundle as JSON")
    for mark, name in BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            raise RecordError(f"record looks like {name}; expected JSON in UTF-8; convert it first")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(
            f"record is not UTF-8 (byte {error.start}); expected JSON in UTF-8; convert it first"
        ) from error
    if text.lstrip().startswith("<"):
        raise RecordError("record looks like XML or HTML; expected FHIR JSON; export it as JSON")
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise RecordError(f"record holds {name}, which is no JSON number; export it again")


def _parse_lines(text: str, whole: json.JSONDecodeError) -> list[Any]:
    """NDJSON: one resource per line; anything else that is broken is reported where it broke."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        parsed = [json.loads(line, parse_constant=_refuse_constant) for line in lines]
    except (json.JSONDecodeError, RecursionError) as error:
        what = "ends in the middle (truncated)" if _is_cut(text.strip(), whole) else "is not JSON"
        raise RecordError(f"record {what}: line {whole.lineno}, column {whole.colno}; export it again") from error
    _check_depth(parsed)
    return parsed


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Whether a JSON text simply stops: it began as JSON and its end, or the open string, is where reading failed."""
    stops = error.pos >= len(text) - 1 or error.msg.startswith("Unterminated") or text[-1] not in "}]"
    return text[0] in "{[" and stops


def _check_depth(parsed: Any) -> None:
    """Refuse nesting deeper than any FHIR resource, without recursion."""
    level: list[Any] = [parsed]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise RecordError(f"record nests deeper than {MAX_DEPTH} levels; expected a FHIR Bundle; export it again")


def _children(node: Any) -> Sequence[Any]:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [value for value in values if isinstance(value, (dict, list))]


def _pairs(parsed: Any, where: str) -> Iterator[tuple[Resource, str | None]]:
    """(resource, fullUrl) for every resource of Bundles, lists and single resources; Bundles inside Bundles too."""
    if isinstance(parsed, list):
        for number, item in enumerate(parsed, 1):
            yield from _pairs(item, f"{where} item {number}")
        return
    if not isinstance(parsed, dict) or not isinstance(parsed.get("resourceType"), str):
        raise RecordError(f"{where} is no FHIR resource (no resourceType); expected a FHIR R4 Bundle")
    if parsed["resourceType"] != "Bundle":
        yield parsed, None
        return
    yield from _bundle_pairs(parsed, where)


def _bundle_pairs(bundle: Mapping[str, Any], where: str) -> Iterator[tuple[Resource, str | None]]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise RecordError(f"{where} has an entry that is no list; expected a FHIR R4 Bundle")
    for number, item in enumerate(entries, 1):
        if not isinstance(item, dict):
            raise RecordError(f"{where} entry {number} is no object; expected {{fullUrl, resource}}")
        resource, url = item.get("resource"), item.get("fullUrl")
        if resource is None:
            continue  # a DELETE, or an answer without content
        for inner, inner_url in _pairs(resource, f"{where} entry {number}"):
            yield inner, inner_url or (url if isinstance(url, str) else None)


def _key(resource: Resource, url: str | None, number: int) -> str:
    """How evidence names a resource: type and id; without an id the end of its fullUrl, else its place."""
    name = resource.get("id")
    if not isinstance(name, str) or not name:
        name = _tail(url).rsplit("/", 1)[-1].rsplit(":", 1)[-1] if url else f"entry-{number}"
    return f"{resource['resourceType']}/{name}"


def _check_release(resources: Iterator[Resource]) -> None:
    """Refuse records of another FHIR release by the marks that differ."""
    for resource in resources:
        release = _release_mark(resource)
        if release:
            raise RecordError(
                f"record looks like FHIR {release[0]} ({release[1]}); expected R4 (4.0.1); "
                "ask the server for fhirVersion=4.0"
            )


def _release_mark(resource: Resource) -> tuple[str, str] | None:
    kind = str(resource["resourceType"])
    if kind in R5_TYPES:
        return "R5", f"resource type {kind}"
    if kind in STU3_TYPES:
        return "STU3 or DSTU2", f"resource type {kind}"
    if kind == "Condition" and isinstance(resource.get("clinicalStatus"), str):
        return "STU3 or DSTU2", "Condition.clinicalStatus is a string"
    medication = resource.get("medication")
    if kind.startswith("Medication") and isinstance(medication, Mapping) and {"concept", "reference"} & set(medication):
        return "R5", f"{kind}.medication is a CodeableReference"
    if kind == "Procedure" and any(name.startswith("occurrence") for name in resource):
        return "R5", "Procedure.occurrence[x]"
    return None


def _unique(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Drop repeats of the same resource (pages that overlap, _include twice); the last version wins."""
    latest: dict[str, Entry] = {}
    for entry in entries:
        name = entry.full_url or entry.key
        if name not in latest or _last_updated(entry) >= _last_updated(latest[name]):
            latest[name] = entry
    return tuple(latest.values())


def _last_updated(entry: Entry) -> str:
    meta = entry.resource.get("meta")
    return str(meta.get("lastUpdated", "")) if isinstance(meta, Mapping) else ""


def _assemble(entries: tuple[Entry, ...]) -> Record:
    patients = [entry for entry in entries if entry.type == "Patient"]
    if not patients:
        raise RecordError(
            f"record has {len(entries)} resources and no Patient; expected exactly one; export the whole record"
        )
    if len({entry.key for entry in patients}) > 1:
        raise RecordError(f"record has {len(patients)} Patients; expected exactly one; export one patient at a time")
    index = _index(entries)
    entries += tuple(inner for entry in entries for inner in _all_contained(entry))
    own = Record(entries, patients[-1], (), index)
    foreign = [entry for entry in entries if _belongs_elsewhere(entry, own)]
    left_out = {id(entry) for entry in foreign}
    kept = tuple(entry for entry in entries if id(entry) not in left_out)
    return Record(kept, patients[-1], tuple(_foreign_verdict(foreign)), index)


def _index(entries: Sequence[Entry]) -> dict[str, Entry]:
    index: dict[str, Entry] = {}
    for entry in entries:
        index[entry.key] = entry
        if entry.full_url:
            index[entry.full_url] = entry
    return index


def _belongs_elsewhere(entry: Entry, record: Record) -> bool:
    """Whether its subject is another patient; a subject by identifier or display only is not judged."""
    subject = entry.resource.get("subject") or entry.resource.get("patient")
    if not isinstance(subject, Mapping) or not isinstance(subject.get("reference"), str):
        return False
    target = record.resolve(subject, entry)
    if target is not None:
        return target.type == "Patient" and target.key != record.patient.key
    return "Patient/" in subject["reference"] or subject["reference"].startswith("urn:uuid:")


def _foreign_verdict(foreign: Sequence[Entry]) -> Iterator[Verdict]:
    if foreign:
        message = f"{len(foreign)} resources speak about another patient and were left out: {foreign[0].key}, ..."
        yield Verdict("other-subject", Severity.WARNING, message, "record")


def _all_contained(entry: Entry) -> Iterator[Entry]:
    """Resources inside a resource, such as the Observations of a report."""
    contained = entry.resource.get("contained")
    for resource in contained if isinstance(contained, list) else ():
        if isinstance(resource, Mapping) and isinstance(resource.get("resourceType"), str):
            yield Entry(resource, f"{entry.key}#{resource.get('id', '')}")


def _contained(entry: Entry, name: str) -> Entry | None:
    return next((inner for inner in _all_contained(entry) if inner.resource.get("id") == name), None)


def _tail(reference: str) -> str:
    """`Type/id` of an absolute or versioned reference; a urn stays as it is."""
    if reference.startswith("urn:"):
        return reference
    parts = reference.split("?")[0].split("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:])
