"""What the pages show, made from the delivered JSON: words and rounded numbers, no medicine."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from oncology.adequacy import scan_limits
from oncology.probabilities import decisive_nodes
from templates.candidates_view import candidates_view, caption, confirmed_stage, open_candidates
from templates.comparison_view import comparison_view
from templates.discussion import discussion_view
from templates.front import front_view
from templates.node_notes import nodal_reason, node_notes, node_reasons
from templates.percent import percent
from templates.sections import section
from templates.sources_view import sources_view
from templates.wording import title
from templates.would_change import sentences

Translate = Callable[[str], str]
Row = list[str]
AXES = {"t": "T", "n": "N", "m": "M", "stage_group": "Stage"}
DASH = "–"
FRONT_IMAGES = 3
TUMOR_COLUMNS = (
    *("Id", "Place", "Longest", "Axial", "Short axis", "Volume", "Solid part"),
    *("SUVmax", "SUVpeak", "SUVmean", "MTV", "To carina"),
)
HIDDEN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "lung": (),
    "esophagus": ("Solid part",),
}  # what says nothing elsewhere
# Limits of the scan that are told among these, and first of all only where the chest is what is staged.
CHEST_LIMITS = ("lung-left-cut", "lung-right-cut", "airway-absent")
CHEST_CANCERS = ("lung", "esophagus")
SETTLED = "settled by these facts"
MANY = 4  # so many members that are not involved are told in one list
MODALITIES = {"PT": "PET"}


@dataclass(frozen=True)
class KeyImage:
    """A picture for the report; `front` ones stand on page 1. `shows`: finding, place, plane, kind and slice of it."""

    name: str
    png: bytes
    caption: str
    alt: str
    front: bool = False
    shows: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """Everything a report shows. Mappings have the shape of the delivered JSON files."""

    cancer_title: str
    status: str  # preliminary, final, amended, entered in error
    findings: Mapping[str, Any]
    staging: Mapping[str, Any]
    manifest: Mapping[str, Any]
    history: Mapping[str, Any] = field(default_factory=dict)
    patient: Mapping[str, str] = field(default_factory=dict)  # name, birth_date, sex, mrn
    series: Sequence[Mapping[str, Any]] = ()
    choices: Sequence[str] = ()
    key_images: Sequence[KeyImage] = ()
    station_map_svg: str | None = None
    review: Mapping[str, Any] = field(default_factory=dict)  # edits, stages and signature, see `_review`
    probabilities: Mapping[str, Any] = field(default_factory=dict)


def view(report: Report, translate: Translate) -> dict[str, Any]:
    """All names that the pages use."""
    decisive = decisive_nodes(report.staging)
    notes = node_notes(report.probabilities, decisive, translate)
    editions = [_edition(name, result, translate) for name, result in report.staging["editions"].items()]
    changes, discussion = sentences(report.staging, translate), discussion_view(report.staging, translate)
    images = [_image(image, translate) for image in report.key_images]
    return {
        "cancer_title": report.cancer_title,
        "status": report.status,
        "case_id": report.findings["case_id"],
        "software": report.manifest["software"]["version"],
        "study_date": next((item["date"] for item in report.series if item.get("date")), None),
        "patient": {key: report.patient.get(key) for key in ("name", "birth_date", "sex", "mrn")},
        "question": _question(report.history),
        "editions": editions,
        **_front(report, changes, discussion, translate),
        "all_changes": changes,
        **_placed_images(images, report),
        "needs": candidates_view(report.findings, report.staging, images, translate),
        "open_candidates": open_candidates(report.findings, translate),
        "mask_sources": _mask_sources(report.findings, translate),
        "adequacy": _adequacy(report.findings, translate),
        "limits": _limits(report, translate),
        "node_notes": notes,
        "node_reasons": node_reasons(report.findings["nodes"], translate, decisive if notes else ()),
        "sources": sources_view(report.staging, translate),
        **_measurements(report, translate),
        **_technique(report, translate),
        "facts": [_fact(fact, translate) for fact in report.staging.get("facts", ())],
        "provenance": _provenance(report.manifest, translate),
        **discussion,
        "comparison": comparison_view(report.staging, translate),
        "section": section(report.findings, report.staging, report.history),
        **_review(report.review, translate),
    }


def _front(
    report: Report, changes: Sequence[str], discussion: Mapping[str, Any], translate: Translate
) -> dict[str, Any]:
    """The lines of page 1, and the sources of the points that stand there."""
    waiting = any(item["confirmed"] is None for item in report.findings["metastasis_candidates"])
    reasons, missing = _reasons(report.staging, translate), _missing(report.staging, translate)
    points, abstentions = discussion["discussion"], discussion["abstentions"]
    shown = front_view(reasons, missing, points, changes, _alerts(report, translate), abstentions, waiting, translate)
    marks = {mark for point in shown["points"] for mark in point.marks.split(", ")}
    return {**shown, "front_sources": [item for item in discussion["discussion_sources"] if str(item[0]) in marks]}


def _placed_images(images: Sequence[Mapping[str, Any]], report: Report) -> dict[str, Any]:
    """Pictures of page 1, where the station map takes one place, and those of later pages but of the candidates'."""
    most = FRONT_IMAGES - (report.station_map_svg is not None)
    front = [image for image in images if image["front"]]
    apart = {item["id"] for item in report.findings["metastasis_candidates"]}
    later = [item for item in images if not item["front"]] + front[most:]
    return {
        "front_images": front[:most],
        "more_images": [item for item in later if item["shows"].get("finding") not in apart],
    }


def _image(image: KeyImage, translate: Translate) -> dict[str, Any]:
    uri = "data:image/png;base64," + base64.b64encode(image.png).decode()
    words = caption(image.caption, image.shows, translate)
    alt = f"{words}, {translate(image.alt.rpartition(', ')[2])}" if image.shows else image.alt
    return {"uri": uri, "alt": alt, "caption": words, "front": image.front, "shows": image.shows}


def _edition(name: str, result: Mapping[str, Any], translate: Translate) -> dict[str, Any]:
    shown = {axis: _axis(result[axis], AXES[axis]) for axis in AXES}
    certainty = _group_certainty(shown["stage_group"], result["stage_group"], translate)
    return {
        "name": name,
        "certainty": certainty,
        "confirmed": confirmed_stage(result, translate),
        **shown,
        "trace": [row for axis in AXES for row in _trace(AXES[axis], result[axis], translate)],
    }


def _group_certainty(shown: Mapping[str, Any], answer: Mapping[str, Any], translate: Translate) -> str:
    parts = [] if shown["percent"] is None else [f"{translate('probability')} {percent_words(shown)}"]
    if _is_settled(shown):
        parts = [translate(SETTLED)]
    if len(shown["credible"]) > 1:
        parts.append(f"{translate('credible')}: {', '.join(shown['credible'])}")
    elif len(shown["possible"]) > 1:
        parts.append(f"{translate('possible')}: {', '.join(shown['possible'])}")
    if answer.get("reason"):
        parts.append(translate(str(answer["reason"])))
    return " · ".join(parts)


def _axis(answer: Mapping[str, Any], letter: str) -> dict[str, Any]:
    category = answer["category"]
    probabilities = answer.get("probabilities") or {}
    share = probabilities.get(category) if category else None
    return {
        "category": category,
        "shown": category or f"{letter}?",
        "possible": answer["possible"],
        "credible": answer.get("credible") or [],
        "percent": None if share is None else percent(share),
    }


def _is_settled(shown: Mapping[str, Any]) -> bool:
    """Whether the facts leave one category only: 100 % would claim that nothing can be wrong with the facts."""
    return shown["percent"] == 100 and len(shown["possible"]) <= 1


def _trace(label: str, answer: Mapping[str, Any], translate: Translate) -> list[Row]:
    entries = [entry for entry in answer.get("trace", ()) if entry.get("fact")]
    used = "; ".join(dict.fromkeys(_trace_words(entry, translate) for entry in entries))
    citations = list(
        dict.fromkeys(str(entry["citation"]) for entry in answer.get("trace", ()) if entry.get("citation"))
    )
    category = answer["category"] or "? (" + ", ".join(answer["possible"]) + ")"
    return [[translate(label), category, str(answer.get("rule") or DASH), used or DASH, "; ".join(citations) or DASH]]


def _trace_words(entry: Mapping[str, Any], translate: Translate) -> str:
    return f"{translate(words(entry['fact']))}: {value_words(entry.get('value'), translate)}"


def words(key: str) -> str:
    """A vocabulary key as a reader says it.

    >>> words("greatest_dimension_mm")
    'greatest dimension (mm)'
    """
    text = key.replace("_", " ").replace(".", ": ")
    return text[:-3] + " (mm)" if text.endswith(" mm") else text


def value_words(value: Any, translate: Translate = str) -> str:
    """A fact's value in words.

    >>> value_words({"p": 0.2}), value_words(None), value_words(["chest_wall"]), value_words([])
    ('20 %', 'unknown', 'chest wall', 'none')
    >>> value_words({"min": 10, "max": 20}), value_words({"max": 40})
    ('10–20', '≤ 40')
    """
    if value is None:
        return translate("unknown")
    if isinstance(value, bool):
        return translate("yes" if value else "no")
    if isinstance(value, Mapping):
        return _mapping_words(value, translate)
    if isinstance(value, (list, tuple)):
        return "; ".join(value_words(item, translate) for item in value) or translate("none")
    return translate(str(value).replace("_", " "))


def _mapping_words(value: Mapping[str, Any], translate: Translate) -> str:
    if set(value) == {"p"}:
        chances = value["p"]
        if isinstance(chances, Mapping):
            return ", ".join(f"{value_words(key, translate)} {percent(share)} %" for key, share in chances.items())
        return f"{percent(chances)} %"
    if value and set(value) <= {"min", "max"}:
        bounds = "–".join(str(value[name]) for name in ("min", "max") if name in value)
        return bounds if len(value) == 2 else f"{'≤' if 'max' in value else '≥'} {bounds}"
    name = f"{value['id']}: " if isinstance(value.get("id"), str) else ""
    absent = [translate(words(str(key))) for key, item in value.items() if item is False]
    absent = absent if len(absent) >= MANY else []
    told = ", ".join(
        f"{translate(words(str(key)))} {value_words(item, translate)}"
        for key, item in value.items()
        if not (name and key == "id") and not (absent and item is False)
    )
    return name + "; ".join(filter(None, [told, f"{translate('no')}: {', '.join(absent)}" if absent else ""]))


def _reasons(staging: Mapping[str, Any], translate: Translate) -> list[dict[str, str]]:
    """One row per reason; editions that agree share it."""
    rows: dict[tuple[str, str, bool], dict[str, list[str]]] = {}
    answers: dict[tuple[str, str, bool], dict[str, Mapping[str, Any]]] = {}
    for edition, result in staging["editions"].items():
        for axis, letter in (("t", "T"), ("n", "N"), ("m", "M")):
            answer = result[axis]
            shown = answer["category"] or f"{letter}?"
            because = nodal_reason(staging, answer) if axis == "n" else answer.get("because")
            reason = "; ".join(translate(text) for text in (because, answer.get("reason")) if text)
            key = (letter, reason, _is_settled(_axis(answer, "")))
            rows.setdefault(key, {}).setdefault(f"c{shown}", []).append(edition)
            answers.setdefault(key, {})[edition] = answer
    every = len(staging["editions"])
    return [
        {
            "label": ", ".join(
                label + ("" if len(found) == every else f" ({', '.join(found)})") for label, found in categories.items()
            ),
            "reason": key[1],
            "certainty": _certainty(answers[key], translate),
        }
        for key, categories in sorted(rows.items(), key=lambda item: "TNM".index(item[0][0]))
    ]


def _certainty(answers: Mapping[str, Mapping[str, Any]], translate: Translate) -> str:
    """How sure one category is, by edition where editions differ."""
    shown = {edition: _axis(answer, "") for edition, answer in answers.items()}
    if all(map(_is_settled, shown.values())):
        return translate(SETTLED)
    chances = {edition: chance for edition, one in shown.items() if (chance := percent_words(one))}
    same = len(set(chances.values())) == 1 and len(chances) == len(shown)
    told = [next(iter(chances.values()))] if same else [f"{chance} ({name})" for name, chance in chances.items()]
    parts = [", ".join(told)] if told else []
    possible = list(dict.fromkeys(one for item in shown.values() for one in item["possible"]))
    if any(len(item["possible"]) > 1 for item in shown.values()):
        parts.append(f"{translate('possible')}: {', '.join(possible)}")
    return "; ".join(parts) or DASH


def percent_words(shown: Mapping[str, Any]) -> str:
    """A category's chance; never the whole while another category is possible.

    >>> percent_words({"percent": 100, "possible": ["M0", "M1b"]}), percent_words({"percent": 81, "possible": []})
    ('> 99 %', '81 %')
    """
    if shown["percent"] is None:
        return ""
    return "> 99 %" if shown["percent"] == 100 and len(shown["possible"]) > 1 else f"{shown['percent']} %"


def _missing(staging: Mapping[str, Any], translate: Translate) -> list[str]:
    return [
        f"{translate(title(item['what'].replace(' ', '_')))}: {translate(item['why'])}"
        for item in staging.get("missing", ())
    ]


def _question(history: Mapping[str, Any]) -> str | None:
    return next((str(fact["value"]) for fact in history.get("facts", ()) if fact["name"] == "question"), None)


def _site(report: Report) -> str:
    """By which pages differ; an added cancer is told as its site."""
    return str(report.staging.get("site", report.findings["cancer"]))


def _alerts(report: Report, translate: Translate) -> list[str]:
    alerts = [item["message"] for item in report.staging.get("conflicts", ())]
    alerts += [item["message"] for item in report.findings["quality"] if item["severity"] == "error"]
    aside = () if _site(report) in CHEST_CANCERS else CHEST_LIMITS
    warnings = [item for item in report.findings["quality"] if item["severity"] == "warning"]
    alerts += [item["message"] for item in warnings if item["code"] not in aside]
    return [translate(message) for message in alerts]


def _mask_sources(findings: Mapping[str, Any], translate: Translate) -> str:
    """Who drew what: the first name of each kind of source, and how many more there are."""
    parts = []
    for title_of, entries in (("tumor", findings["tumors"]), ("nodes", findings["nodes"])):
        found: dict[str, list[str]] = {}
        for entry in entries:
            found.setdefault(entry["source"]["kind"], []).append(entry["source"]["id"])
        for kind, names in found.items():
            different = list(dict.fromkeys(names))
            more = translate("and {count} more").format(count=len(different) - 1) if len(different) > 1 else ""
            told = f"{different[0]} {more}".strip()
            parts.append(f"{translate(title_of)} {DASH} {translate(kind)} ({told})")
    return "; ".join(parts) or DASH


def _adequacy(findings: Mapping[str, Any], translate: Translate) -> str:
    count = sum(item["severity"] != "info" for item in findings["quality"])
    return (
        translate("adequate, no remark")
        if count == 0
        else f"{translate('remarks')}: {count}, {translate('see technique')}"
    )


def _limits(report: Report, translate: Translate) -> list[str]:
    """What the scan could not show, a sentence each."""
    found = scan_limits(report.findings, report.series, report.staging)
    return [
        translate(item.text).format(**{key: ", ".join(map(translate, value)) for key, value in item.values.items()})
        for item in found
    ]


def number(value: float | None, digits: int = 0) -> str:
    """A measurement, or a dash."""
    return DASH if value is None else f"{value:.{digits}f}"


def _measurements(report: Report, translate: Translate) -> dict[str, Any]:
    findings = report.findings
    hidden = HIDDEN_COLUMNS.get(_site(report), ("Solid part", "To carina"))
    note = "No suspicious node." if findings["nodes_assessed"] else "Lymph nodes were not assessed: none was contoured."
    return {
        "tumor_columns": [name for name in TUMOR_COLUMNS if name not in hidden],
        "tumors": [
            [cell for name, cell in zip(TUMOR_COLUMNS, _tumor(tumor, translate), strict=True) if name not in hidden]
            for tumor in findings["tumors"]
        ],
        "contacts": [
            _contact(tumor["id"], item, translate) for tumor in findings["tumors"] for item in tumor["contacts"]
        ],
        "nodes": [_node(node, translate) for node in findings["nodes"]],
        "nodes_note": translate(note),
        "station_map": _map_uri(report.station_map_svg),
        "map_words": _map_words(report.station_map_svg),
    }


def _map_uri(svg: str | None) -> str | None:
    return None if svg is None else "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _map_words(svg: str | None) -> str:
    """What the map says to those who hear it: readable too where the map is printed small."""
    found = re.search(r"<desc>(.*?)</desc>", svg or "", re.DOTALL)
    return unescape(found.group(1)) if found else ""


def _tumor(tumor: Mapping[str, Any], translate: Translate) -> Row:
    place = translate((tumor["location"] or tumor["laterality"] or DASH).replace("_", " "))
    lengths = [tumor[key] for key in ("greatest_dimension_mm", "axial_diameter_mm", "short_axis_mm")]
    uptake = [tumor[key] for key in ("suv_max", "suv_peak", "suv_mean", "mtv_ml")]
    return [
        tumor["id"],
        place,
        *(number(value) for value in lengths),
        number(tumor["volume_ml"], 1),
        number(tumor["solid_component_mm"]),
        *(number(value, 1) for value in uptake),
        number(tumor["distance_to_carina_mm"]),
    ]


def _contact(tumor_id: str, item: Mapping[str, Any], translate: Translate) -> Row:
    chance = DASH if item["probability"] is None else f"{percent(item['probability'])} %"
    area, depth, angle = number(item["contact_mm2"]), number(item["depth_mm"], 1), number(item["angle_deg"])
    return [tumor_id, translate(item["structure"].replace("_", " ")), area, depth, angle, chance]


def _node(node: Mapping[str, Any], translate: Translate) -> Row:
    alternatives = node["station_alternatives"]
    station = _station(node["station"] or DASH, translate)
    if len(alternatives) > 1:
        station = ", ".join(f"{_station(name, translate)} {percent(share)} %" for name, share in alternatives.items())
    chance = DASH if node["p_malignant"] is None else f"{percent(node['p_malignant'])} %"
    axes = [number(node["short_axis_mm"], 1), number(node["long_axis_mm"], 1), number(node["suv_max"], 1)]
    return [node["id"], station, *axes, chance]


def _station(name: str, translate: Translate) -> str:
    """A station by its code; one that is named by its place is translated like any word."""
    return name if name == DASH else translate(name.replace("_", " "))


def _technique(report: Report, translate: Translate) -> dict[str, Any]:
    quality, conflicts = report.findings["quality"], report.staging.get("conflicts", ())
    return {
        "series": [_series(item, translate) for item in report.series],
        "choices": [translate(text) for text in report.choices],
        "verdicts": [{**item, **{key: translate(item[key]) for key in ("where", "message")}} for item in quality],
        "conflicts": [{**item, "message": translate(item["message"])} for item in conflicts],
        "record": [_record_fact(fact, translate) for fact in report.history.get("facts", ())],
    }


def _series(item: Mapping[str, Any], translate: Translate) -> Row:
    scanner = " ".join(filter(None, (item.get("manufacturer"), item.get("model")))) or DASH
    voxel = " x ".join(f"{value:.2f}" for value in reversed(item["spacing_mm"]))
    contrast = {True: "yes", False: "no", None: "not stated"}[item.get("contrast")]
    slices = str(item["shape"][0])
    modality = MODALITIES.get(item["modality"], item["modality"])
    return [
        modality,
        item.get("date") or DASH,
        scanner,
        voxel,
        slices,
        item.get("kernel") or DASH,
        DASH if modality == "PET" else translate(contrast),
    ]


def _record_fact(fact: Mapping[str, Any], translate: Translate) -> Row:
    """The value stays as the record has it."""
    source = f"{fact['resource']}#{fact['path']}"
    return [translate(words(fact["name"])), value_words(fact["value"]), fact["date"] or DASH, source]


def _fact(fact: Mapping[str, Any], translate: Translate) -> Row:
    evidence = "; ".join(
        f"{translate(item['detail'])} [{translate(item['source']['kind'])}: {item['reference']}]"
        for item in fact["evidence"]
    )
    reasons = "; ".join(filter(None, (evidence, translate(fact["reason"]) if fact.get("reason") else None)))
    value = value_words(fact["value"], translate)
    return [translate(words(fact["key"])), value, translate(fact["status"]), reasons or DASH]


def _review(review: Mapping[str, Any], translate: Translate) -> dict[str, Any]:
    """Every change of a person against the machine's draft, the stages before and after, and who signed."""
    stages = review.get("stages", ())
    return {
        "reviewed": bool(review),
        "edits": [_edit(place, edit, translate) for place, edit in enumerate(review.get("edits", ()), start=1)],
        "restaged": [[item["edition"], translate(item["draft"]), translate(item["now"])] for item in stages],
        "signature": review.get("signature"),
    }


def _edit(place: int, edit: Mapping[str, Any], translate: Translate) -> Row:
    values = [value_words(edit[name], translate) if edit[name] is not None else DASH for name in ("old", "new")]
    return [
        str(place),
        edit["at"],
        edit["actor"],
        f"{translate(edit['kind'])} {edit['target']}",
        *values,
        edit["reason"],
    ]


def _provenance(manifest: Mapping[str, Any], translate: Translate) -> list[tuple[str, str]]:
    lines = [
        ("Software", f"AI-MDT {manifest['software']['version']}"),
        ("Staging tables", str(manifest.get("tables_version", DASH))),
    ]
    lines += [
        (f"Input: {item['role']}", f"{item.get('uid') or ''} SHA-256 {item['sha256']}") for item in manifest["inputs"]
    ]
    models = "; ".join(f"{item['id']} {item['sha256']}" for item in manifest["models"])
    models = models or translate("none: rules on intensities and drawn contours only")
    packages = ", ".join(f"{name} {version}" for name, version in manifest["packages"].items())
    return [*lines, ("Models", models), ("Packages", packages)]
