"""`aimdt review CASE ...`: accept, reject, correct and add findings; the case is staged anew at once."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from flows.cli import STAGED, existing_path
from flows.person import add_person, operator, prove
from oncology.edit import Edit, EditKind
from oncology.errors import ReviewError
from tasks import review
from tasks.edited_contours import import_contours


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt review`."""
    parser.add_argument("case", metavar="CASE", help="case id; `aimdt cases` lists them")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what can be decided on, and what was")
    listing.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    accept = _action(actions, "accept", "agree with findings, or confirm metastasis candidates")
    accept.add_argument("targets", nargs="*", metavar="ID", help="tumor-1, node-2, candidate-1, fact-3")
    accept.add_argument("--all", action="store_true", help="every tumor and node as it is")
    reject = _action(actions, "reject", "leave out findings or statements of the record")
    reject.add_argument("targets", nargs="+", metavar="ID", help="tumor-1, node-2, candidate-1, fact-3")
    edit = _action(actions, "edit", "correct values")
    edit.add_argument("--set", action="append", required=True, metavar="PLACE=VALUE", help="node-2.p_malignant=0.9")
    add = _action(actions, "add", "add a fact or a confirmed metastasis")
    add.add_argument("fact", metavar="NAME", help="station_result, histology, metastasis, ...")
    add.add_argument("values", nargs="+", metavar="KEY=VALUE", help="station=7 malignant=true method=EBUS; value=T2")
    contours = _action(actions, "import", "take in an edited SEG, RTSTRUCT or label map")
    contours.add_argument("files", nargs="+", type=existing_path, metavar="FILE")
    contours.add_argument("--contour-names", type=existing_path, metavar="FILE", help="mapping of odd contour names")
    _action(actions, "restart", "review the newest draft instead; earlier edits no longer apply")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text)
    add_person(parser)
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; stands in the report")
    parser.add_argument(
        "--version", type=int, metavar="N", help="of the review you looked at; refused when it moved on"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser


def run(options: argparse.Namespace) -> int:
    """Decide, and print the stage before and after."""
    if options.action == "list":
        return _list(review.describe(options.case, operator()), as_json=options.json)
    person = prove(options.account)
    if options.action == "restart":
        review.restart_review(options.case, person, options.reason, options.version)
        restaged = review.restage(options.case)
    elif options.action == "import":
        names = options.contour_names
        restaged = import_contours(
            options.case, person, options.files, options.reason, names=names, version=options.version
        )
    else:
        restaged = review.decide(options.case, person, _edits(options), options.version)
    if options.json:
        sys.stdout.write(json.dumps({"case_id": options.case, **restaged.decisions}) + "\n")
    else:
        print_stages(restaged)
    return STAGED


def print_stages(restaged: review.Restaged) -> None:
    """The draft's stage and the present one, by edition."""
    for item in restaged.stages:
        sys.stdout.write(f"TNM {item['edition']}: {item['now']} (draft: {item['draft']})\n")
    sys.stdout.write("Research use only. Not a medical device.\n")


def _edits(options: argparse.Namespace) -> list[Edit]:
    if options.action == "edit":
        return [_assignment(text, options.reason) for text in options.set]
    if options.action == "add":
        return [Edit(EditKind.ADD, options.fact, _addition(options.values), reason=options.reason)]
    targets = options.targets or (_every_finding(options.case) if options.all else [])
    if not targets:
        raise ReviewError("nothing was named to accept; expected ids of findings, or --all")
    return [Edit(EditKind(options.action), target, reason=options.reason) for target in targets]


def _every_finding(case_id: str) -> list[str]:
    """Tumors and nodes; candidates for metastasis are decided one by one."""
    findings = review.restage(case_id).findings
    return [item["id"] for name in ("tumors", "nodes") for item in findings[name]]


def _assignment(text: str, reason: str) -> Edit:
    place, equals, value = text.partition("=")
    if not equals:
        raise ReviewError("--set needs PLACE=VALUE, as in node-2.p_malignant=0.9")
    return Edit(EditKind.SET, place.strip(), _value(value), reason=reason)


def _addition(texts: list[str]) -> Any:
    """`value=T2` is a plain value, anything else a mapping."""
    pairs = dict(text.partition("=")[::2] for text in texts)
    if set(pairs) == {"value"}:
        return _value(pairs["value"])
    return {key: _value(value) for key, value in pairs.items()}


def _value(text: str) -> Any:
    """JSON where it is JSON, else the word itself: `true`, `0.9`, `[...]`, `4R`."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _list(content: Mapping[str, Any], *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps(content) + "\n")
        return STAGED
    version = f", review version {content['version']}" if content["version"] else ""
    lines = [f"case {content['case_id']}: {content['state']}{version}"]
    lines += [f"  TNM {item['edition']}: {item['now']} (draft: {item['draft']})" for item in content["stages"]]
    lines += [f"  {_finding(item)}" for item in content["findings"]]
    lines += [f"  {item['id']}: {item['name']} {json.dumps(item.get('value'))}" for item in content["facts"]]
    for edit in content["edits"]:
        change = f"{json.dumps(edit['old'])} -> {json.dumps(edit['new'])}"
        lines.append(f"  {edit['at']} {edit['actor']} {edit['kind']} {edit['target']}: {change} ({edit['reason']})")
    lines += [f"  signed ({item['kind']}) by {item['actor']} {item['at']}" for item in content["signatures"]]
    sys.stdout.write("\n".join(lines) + "\n")
    return STAGED


def _finding(item: Mapping[str, Any]) -> str:
    shown = ("station", "location", "site", "greatest_dimension_mm", "short_axis_mm", "p_malignant", "confirmed")
    values = [f"{name} {item[name]}" for name in shown if item.get(name) is not None]
    open_point = [", needs confirmation"] if item.get("needs_confirmation") else []
    return f"{item['id']}: {', '.join(values)}{''.join(open_point)} [{item['source']['kind']}]"
