"""What Prefect's pages show of a case: tables, words and pictures, known by the case id and nothing else."""

from __future__ import annotations

import base64
import functools
import logging
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from PIL import Image
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact

from tasks.case_files import CaseFiles
from tasks.findings import FINDINGS
from tasks.images import IMAGES
from tasks.staging import STAGING

log = logging.getLogger("aimdt")
THUMBNAIL_PX = 320  # artifacts are rows of Prefect's database


def _shown(show: Callable[..., None]) -> Callable[..., None]:
    """What cannot be shown is no reason to lose a case; the log says so by type, because words may name the patient."""

    @functools.wraps(show)
    def shown(case_id: str, *arguments: Any) -> None:
        failure = None
        try:
            show(case_id, *arguments)
        except Exception as error:  # noqa: BLE001  Prefect raises its transport's errors here, whatever they are
            failure = type(error).__name__
        if failure:  # outside: a log handler that fails prints the exception being handled, words and all
            log.warning("case %s: %s failed: %s", case_id, show.__name__, failure)

    return shown


@_shown
def show_images(case_id: str) -> None:
    """Which series were taken, and the verdicts on them."""
    images = CaseFiles(case_id).load_json(IMAGES)
    rows = [
        {"series": item["modality"], "slices": item["shape"][0], "spacing (mm)": str(item["spacing_mm"])}
        for item in images["series"]
    ]
    create_table_artifact(key=_key(case_id, "images"), table=rows, description=f"Images of case {case_id}")
    lines = "".join(f"- {item['severity']}: {item['message']}\n" for item in images["verdicts"])
    create_markdown_artifact(key=_key(case_id, "quality"), markdown=lines or "no remark")


@_shown
def show_findings(case_id: str) -> None:
    """Measurements of tumors and nodes."""
    findings = CaseFiles(case_id).load_json(FINDINGS)
    rows = [_row(item, "greatest_dimension_mm") for item in findings["tumors"]]
    rows += [_row(item, "short_axis_mm") for item in findings["nodes"]]
    text = f"Findings of case {case_id}. Research use only."
    create_table_artifact(key=_key(case_id, "findings"), table=rows, description=text)


@_shown
def show_staging(case_id: str) -> None:
    """The stage by edition."""
    staging = CaseFiles(case_id).load_json(STAGING)
    lines = [f"## Case {case_id}", "Research use only."]
    for edition, result in staging["editions"].items():
        categories = " ".join(result[axis]["category"] or f"{axis.upper()}?" for axis in ("t", "n", "m"))
        group = result["stage_group"]
        lines.append(f"- TNM {edition}: {categories}, stage {group['category'] or ' or '.join(group['possible'])}")
    lines += [f"- missing: {item['what']}: {item['why']}" for item in staging["missing"]]
    create_markdown_artifact(key=_key(case_id, "staging"), markdown="\n".join(lines))


@_shown
def show_pictures(case_id: str, pictures: Mapping[str, str] | None) -> None:
    """A small copy of the first key image."""
    names = [name for name in pictures or {} if name.endswith(".png")]
    for name in names[:1]:
        uri = _thumbnail(CaseFiles(case_id).load_bytes(name))
        create_image_artifact(key=_key(case_id, "key-image"), image_url=uri, description=f"Case {case_id}")


def _row(item: Mapping[str, Any], size: str) -> dict[str, Any]:
    where = item.get("station") or item.get("location") or item["laterality"]
    return {"id": item["id"], "where": where, size: round(item[size], 1), "SUVmax": item["suv_max"]}


def _thumbnail(png: bytes) -> str:
    picture = Image.open(BytesIO(png)).convert("L")
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def _key(case_id: str, name: str) -> str:
    return f"{name}-{case_id}"
