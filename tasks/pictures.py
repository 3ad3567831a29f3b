"""Key images of every tumor, every possible metastasis and the nodes, and the map of stations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from oncology.cancers.protocol import site_of
from oncology.imaging.diameter import Caliper, measure_diameters
from oncology.imaging.volume import Volume
from oncology.nodal_belief import Sample, nodal_entries, node_beliefs, samples
from oncology.probabilities import decisive_nodes
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS
from tasks.history import HISTORY
from tasks.images import CT, IMAGES, PET
from tasks.masks import FINDING_MASKS, load_masks
from tasks.staging import STAGING
from tasks.step import step
from templates.key_image import BONE_WINDOW, LUNG_WINDOW, SOFT_TISSUE_WINDOW, key_image, source_slice
from templates.render import translator
from templates.station_map import SHOWN_NEGATIVE, placed, station_map, station_statuses

PICTURES, STATION_MAP = "pictures.json", "station_map.svg"
# More would bury what decides; all stay in the tables. Nodes that decide and candidates in doubt are all shown.
MOST_NODES, MOST_CANDIDATES = 12, 8
# Windows that show a candidate's organ or a tumor best, by site and by cancer; soft tissue elsewhere.
WINDOWS = {"bone": BONE_WINDOW, "contralateral_lung_nodule": LUNG_WINDOW}
TUMOR_WINDOWS = {"lung": LUNG_WINDOW}


@dataclass(frozen=True)
class Shot:
    """One picture to take."""

    name: str
    finding: Mapping[str, Any]
    plane: str
    window: tuple[float, float]
    with_pet: bool
    front: bool
    pointed: bool = False

    @property
    def kind(self) -> str:
        """What was photographed."""
        return "PET/CT" if self.with_pet else "CT"

    @property
    def place(self) -> str:
        """Where the finding lies, in words."""
        names = (self.finding.get(key) for key in ("station", "location", "site", "laterality"))
        return next((name for name in names if name), "").replace("_", " ")

    @property
    def words(self) -> str:
        """What the picture shows, for caption and alternative text."""
        return f"{self.finding['id']} {self.place}, {self.plane} {self.kind}".replace("  ", " ").replace(" ,", ",")


@step("4")
def draw_key_images(case_id: str, findings: Outputs, staging: Outputs, images: Outputs, language: str) -> Outputs:
    """One PNG per view, the list of them with captions, and the station map."""
    return draw(CaseFiles(case_id), with_pet=PET in images, language=language)


def draw(case: CaseFiles, *, with_pet: bool, language: str) -> Outputs:
    """Pictures of what lies in the case's work folder, with words in the report's language."""
    content = case.load_json(FINDINGS)
    ct = case.load_volume(CT)
    suv = case.load_volume(PET) if with_pet else None
    outlines = load_masks(case, FINDING_MASKS, ct.geometry)
    calipers = _calipers(outlines, ct)
    outputs: Outputs = {}
    listed = []
    slices = _slice_uids(case, ct)
    for shot in _shots(content, decisive_nodes(case.load_json(STAGING)), with_pet=suv is not None):
        focus = _focus(shot, calipers)
        picture = key_image(
            ct,
            focus,
            outlines,
            roles={name: name.split("-")[0] for name in outlines},
            plane=shot.plane,
            window=shot.window,
            suv=suv if shot.with_pet else None,
            calipers=[line for lines in calipers.values() for line in lines],
            pointed=shot.pointed,
            translate=translator(language),
        )
        outputs |= case.save_bytes(shot.name, _png(picture))
        listed.append(_listed(shot, source_slice(ct.geometry, focus, shot.plane), slices))
    outputs |= case.save_bytes(STATION_MAP, draw_station_map(case, content["cancer"], language).encode())
    return outputs | case.save_json(PICTURES, {"pictures": listed})


def _slice_uids(case: CaseFiles, ct: Volume) -> Sequence[str | None]:
    """SOP Instance UID of every slice of the CT; None where it has none or was resampled."""
    uids: Sequence[str] = case.load_json(IMAGES)["series"][0]["sop_instance_uids"]
    return uids if len(uids) == ct.geometry.shape[0] else [None] * ct.geometry.shape[0]


def _listed(shot: Shot, index: int | None, uids: Sequence[str | None]) -> dict[str, Any]:
    """What the report, the PACS and the manifest are told of a picture; slices count from 0."""
    return {
        "name": shot.name,
        "caption": shot.words,
        "alt": f"{shot.words}, {'marked' if shot.pointed else 'contoured'}",
        "front": shot.front,
        "finding": shot.finding["id"],
        "place": shot.place,
        "plane": shot.plane,
        "kind": shot.kind,
        "slice_index": index,
        "sop_instance_uid": None if index is None else uids[index],
    }


def picture_slices(case: CaseFiles) -> list[dict[str, Any]]:
    """For the manifest: which slice of the CT every key image shows."""
    told = ("name", "finding", "slice_index", "sop_instance_uid")
    return [{key: item.get(key) for key in told} for item in case.load_json(PICTURES)["pictures"]]


def _shots(findings: Mapping[str, Any], decisive: Sequence[str], *, with_pet: bool) -> Iterator[Shot]:
    """Tumors, then what may be metastases, then nodes; the first tumor and the first open candidate go to page 1."""
    open_ones = [item for item in findings["metastasis_candidates"] if item["confirmed"] is None]
    window = TUMOR_WINDOWS.get(site_of(findings["cancer"]), SOFT_TISSUE_WINDOW)
    for place, tumor in enumerate(findings["tumors"]):
        first = place == 0
        yield Shot(f"key_images/{tumor['id']}-axial.png", tumor, "axial", window, False, first)
        if first:
            yield from _of_candidates(findings["metastasis_candidates"], open_ones[:1], with_pet)
        if with_pet:
            yield Shot(f"key_images/{tumor['id']}-pet.png", tumor, "axial", SOFT_TISSUE_WINDOW, True, first)
        yield Shot(f"key_images/{tumor['id']}-coronal.png", tumor, "coronal", SOFT_TISSUE_WINDOW, False, first)
    if not findings["tumors"]:
        yield from _of_candidates(findings["metastasis_candidates"], open_ones[:1], with_pet)
    for node in _by_weight(findings["nodes"], decisive)[: max(MOST_NODES, len(decisive))]:
        yield Shot(f"key_images/{node['id']}-axial.png", node, "axial", SOFT_TISSUE_WINDOW, with_pet, False)


def _of_candidates(candidates: Sequence[Any], front: Sequence[Any], with_pet: bool) -> Iterator[Shot]:
    """Each possible metastasis on the CT in its organ's window and, where there is one, on the PET/CT."""
    placed = [item for item in candidates if item["centroid_lps"] is not None]
    doubtful = sum(item["confirmed"] is None for item in placed)
    for item in sorted(placed, key=lambda item: item["confirmed"] is not None)[: max(MOST_CANDIDATES, doubtful)]:
        window = WINDOWS.get(item["site"], SOFT_TISSUE_WINDOW)
        name, is_first = f"key_images/{item['id']}", item in front
        if with_pet:
            yield Shot(f"{name}-pet.png", item, "axial", SOFT_TISSUE_WINDOW, True, is_first, pointed=True)
        yield Shot(f"{name}-axial.png", item, "axial", window, False, is_first and not with_pet, pointed=True)


def _by_weight(nodes: Sequence[Any], decisive: Sequence[str]) -> list[Any]:
    """The nodes that decide the stage first, then the others as they come."""
    order = {name: place for place, name in enumerate(decisive)}
    return sorted(nodes, key=lambda node: order.get(node["id"], len(order)))


def _calipers(outlines: Mapping[str, np.ndarray], ct: Volume) -> dict[str, list[Caliper]]:
    """The longest diameter of every tumor in the two planes that are shown, by its id."""
    found = {}
    for key, mask in outlines.items():
        if key.startswith("tumor"):
            measured = measure_diameters(Volume(mask, ct.geometry))
            found[key] = [measured.axial, measured.coronal]
    return found


def _focus(shot: Shot, calipers: Mapping[str, Sequence[Caliper]]) -> Sequence[float]:
    """The middle of the finding's own line in that plane, so that the picture shows it; else its center."""
    for line in calipers.get(shot.finding["id"], ()):
        if line.plane == shot.plane:
            return line.middle_lps
    center: Sequence[float] = shot.finding["centroid_lps"]
    return center


def draw_station_map(case: CaseFiles, cancer: str, language: str) -> str:
    """The map by what the staging believes of each node, samples included, and by what was looked at."""
    findings, staging = case.load_json(FINDINGS), case.load_json(STAGING)
    entries, site = nodal_entries(staging), site_of(cancer)
    found = samples(case.load_json(HISTORY), findings["nodes"], site)
    nodes = [*map(_believed, entries), *_out_of_region(findings["nodes"], staging, found)]
    looked_at = findings.get("stations_assessed", ()) if findings["nodes_assessed"] else ()
    ruled_out = (place for sample in found if not sample.malignant and (place := _place(sample)))
    assessed = placed(site, (*looked_at, *ruled_out))
    return station_map(site, station_statuses(nodes, assessed), translate=translator(language))


def _out_of_region(
    nodes: Sequence[Mapping[str, Any]], staging: Mapping[str, Any], found: Sequence[Sample]
) -> Iterator[dict[str, Any]]:
    """Nodes that N does not count, as they lie out of the region and nobody proved them: in doubt, never positive."""
    counted = {entry.get("id") for entry in nodal_entries(staging)}
    beliefs = node_beliefs(nodes, staging, found)
    for node in nodes:
        if node["id"] not in counted:
            chance = beliefs[node["id"]].malignant
            benign = chance is not None and chance <= SHOWN_NEGATIVE
            yield {**node, "p_malignant": 0.0 if benign else None, "drawn_as_involved": False}


def _place(sample: Sample) -> str:
    """A station as the map knows it."""
    return f"{sample.station}_{sample.side}" if sample.side else sample.station


def _believed(entry: Mapping[str, Any]) -> dict[str, Any]:
    station = entry.get("station") or entry.get("level")
    alternatives = station["p"] if isinstance(station, Mapping) else {station: 1.0}
    positive = entry["positive"]
    return {
        "station": max(alternatives, key=lambda name: alternatives[name]),
        "station_alternatives": alternatives,
        "laterality": entry.get("laterality"),
        "p_malignant": positive["p"] if isinstance(positive, Mapping) else float(positive),
    }


def _png(picture: Image.Image) -> bytes:
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
