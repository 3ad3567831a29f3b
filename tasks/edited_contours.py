"""Contours that a person edited (DICOM SEG, RTSTRUCT, label map), measured and taken into a review."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from db.accounts import Person, Role
from mdt_dicom.contours import Contour, ContourSet, read_contours
from oncology.cancers.protocol import site_of
from oncology.edit import Edit, EditKind
from oncology.errors import ContourError
from oncology.findings import CaseId, Source, SourceKind, to_json
from oncology.imaging.survey import Region, survey
from tasks.case_files import canonical_json, sha256_of
from tasks.findings import FINDINGS, scene_of
from tasks.images import CT, IMAGES, PET, identity
from tasks.masks import ANATOMY_MASKS, FINDING_MASKS, load_masks, save_masks
from tasks.pictures import draw
from tasks.review import Restaged, decide, open_review, restage
from tasks.review_files import ReviewFiles

# A contour and an earlier finding that share more than this part of the smaller one are the same lesion.
SAME_LESION_SHARE = 0.5
ROLES = {"tumors": "tumor", "nodes": "node"}
Masks = Mapping[str, np.ndarray]


def import_contours(
    case_id: str,
    person: Person,
    paths: Sequence[Path],
    reason: str,
    *,
    names: Path | None = None,
    version: int | None = None,
) -> Restaged:
    """Replace tumors, nodes or both by edited contours, whichever the files hold, and stage anew.

    A contour that covers an earlier finding keeps its id. Corrections made by hand to replaced findings end with them.

    Args:
        names: mapping of odd contour names.
    Raises:
        ContourError: the files hold neither tumor nor node on this CT; IdentityError: they are another patient's.
    """
    person.require(Role.REVIEWER)
    seen = version or open_review(case_id, person).version
    before = restage(case_id)
    folder = _folder(paths)
    files = ReviewFiles(case_id, folder, before.behind)
    scene = scene_of(files, with_pet=files.has(PET), with_anatomy=files.has(ANATOMY_MASKS))
    drawn = _read(files, paths, names)
    cancer = str(before.findings["cancer"])
    found, masks = survey(CaseId(case_id), cancer, scene, _regions(drawn, person), site=site_of(cancer))
    earlier = load_masks(files, FINDING_MASKS, scene.ct.geometry)
    content = json.loads(canonical_json(to_json(found)))
    replaced = [name for name, role in ROLES.items() if any(item.role == role for item in drawn.contours)]
    ids = _ids(masks, earlier)
    lists = {name: [_renamed(item, ids) for item in content[name]] for name in replaced}
    kept = {key: mask for key, mask in earlier.items() if not key.startswith(tuple(ROLES[name] for name in replaced))}
    save_masks(files, FINDING_MASKS, kept | {ids[key]: mask for key, mask in masks.items()}, scene.ct.geometry)
    files.save_json(FINDINGS, {**before.findings, **lists})
    draw(files, with_pet=files.has(PET), language=files.read_private("request.json")["language"])
    edit = Edit(EditKind.IMPORT, "contours", lists | {"folder": folder}, reason=reason)
    return decide(case_id, person, [edit], seen)


def _folder(paths: Sequence[Path]) -> str:
    """Named by content: the same files again are the same import."""
    files = [item for path in paths for item in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    digests = "".join(sorted(sha256_of(item) for item in files if item.is_file()))
    return f"review/import-{hashlib.sha256(digests.encode()).hexdigest()[:16]}"


def _read(files: ReviewFiles, paths: Sequence[Path], names: Path | None) -> ContourSet:
    series = files.load_json(IMAGES)["series"][0]
    drawn = read_contours(
        paths,
        files.load_volume(CT).geometry,
        series["frame_of_reference_uid"] or None,
        names,
        series_uid=series["series_uid"] or None,
        identity=identity(files),
    )
    if not any(item.role in ROLES.values() for item in drawn.contours):
        raise ContourError(
            f"{len(drawn.contours)} contours were read and none is a tumor or a node; name them so, or map their names"
        )
    return drawn


def _regions(drawn: ContourSet, person: Person) -> list[Region]:
    return [_region(contour, person) for contour in drawn.contours]


def _region(contour: Contour, person: Person) -> Region:
    source = Source(SourceKind.PERSON, person.account, contour.source.sha256)
    return Region(
        role=contour.role,
        name=contour.name,
        mask=contour.mask,
        source=source,
        structure=contour.structure,
        station=contour.station,
        laterality=contour.laterality,
    )


def _ids(masks: Masks, earlier: Masks) -> dict[str, str]:
    """The id that each newly measured region gets: that of the finding it covers best, else one never used before."""
    taken: dict[str, str] = {}
    for key, mask in masks.items():
        kind = key.rsplit("-", 1)[0]
        shares = {
            name: _share(mask, other)
            for name, other in earlier.items()
            if name.startswith(f"{kind}-") and name not in taken.values()
        }
        best = max(shares, key=lambda name: shares[name], default=None)
        if best is not None and shares[best] > SAME_LESION_SHARE:
            taken[key] = best
    numbers: dict[str, int] = {}
    for key in masks:
        if key not in taken:
            kind = key.rsplit("-", 1)[0]
            used = [int(name.rsplit("-", 1)[1]) for name in earlier if name.startswith(f"{kind}-")]
            numbers[kind] = numbers.get(kind, max(used, default=0)) + 1
            taken[key] = f"{kind}-{numbers[kind]}"
    return taken


def _share(one: np.ndarray, other: np.ndarray) -> float:
    smaller = min(np.count_nonzero(one), np.count_nonzero(other))
    return np.count_nonzero(one & other) / smaller if smaller else 0.0


def _renamed(item: dict[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    name = ids[item["id"]]
    picture = item["key_image"] and item["key_image"].replace(item["id"], name)
    return {**item, "id": name, "key_image": picture}
