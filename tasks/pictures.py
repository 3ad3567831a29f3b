"""Key images of every tumor and node, and the map of stations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from oncology.imaging.diameter import Caliper, measure_diameters
from oncology.imaging.volume import Volume
from tasks.case_files import CaseFiles, Outputs
from tasks.findings import FINDINGS
from tasks.images import CT, PET
from tasks.masks import FINDING_MASKS, load_masks
from tasks.staging import STAGING
from tasks.step import step
from templates.key_image import LUNG_WINDOW, SOFT_TISSUE_WINDOW, key_image
from templates.station_map import station_map, station_statuses

PICTURES, STATION_MAP = "pictures.json", "station_map.svg"
MOST_NODES = 12  # more would bury the decisive ones; all stay in the table


@dataclass(frozen=True)
class Shot:
    """One picture to take."""

    name: str
    finding: Mapping[str, Any]
    plane: str
    window: tuple[float, float]
    with_pet: bool
    front: bool

    @property
    def words(self) -> str:
        """What the picture shows, for caption and alternative text."""
        kind = "PET/CT" if self.with_pet else "CT"
        where = self.finding.get("station") or self.finding.get("location") or self.finding["laterality"] or ""
        return f"{self.finding['id']} {where.replace('_', ' ')}, {self.plane} {kind}".replace("  ", " ")


@step("1")
def draw_key_images(case_id: str, findings: Outputs, staging: Outputs, images: Outputs) -> Outputs:
    """One PNG per view, the list of them with captions, and the station map."""
    return draw(CaseFiles(case_id), with_pet=PET in images)


def draw(case: CaseFiles, *, with_pet: bool) -> Outputs:
    """Pictures of what lies in the case's work folder."""
    content = case.load_json(FINDINGS)
    ct = case.load_volume(CT)
    suv = case.load_volume(PET) if with_pet else None
    outlines = load_masks(case, FINDING_MASKS, ct.geometry)
    calipers = _calipers(outlines, ct)
    outputs: Outputs = {}
    listed = []
    for shot in _shots(content, with_pet=suv is not None):
        picture = key_image(
            ct,
            _focus(shot, calipers),
            outlines,
            roles={name: name.split("-")[0] for name in outlines},
            plane=shot.plane,
            window=shot.window,
            suv=suv if shot.with_pet else None,
            calipers=[line for lines in calipers.values() for line in lines],
        )
        outputs |= case.save_bytes(shot.name, _png(picture))
        listed.append(
            {"name": shot.name, "caption": shot.words, "alt": f"{shot.words}, contoured", "front": shot.front}
        )
    outputs |= case.save_bytes(STATION_MAP, draw_station_map(case, content["cancer"]).encode())
    return outputs | case.save_json(PICTURES, {"pictures": listed})


def _shots(findings: Mapping[str, Any], *, with_pet: bool) -> Iterator[Shot]:
    for place, tumor in enumerate(findings["tumors"]):
        first = place == 0
        yield Shot(f"key_images/{tumor['id']}-axial.png", tumor, "axial", LUNG_WINDOW, False, first)
        if with_pet:
            yield Shot(f"key_images/{tumor['id']}-pet.png", tumor, "axial", SOFT_TISSUE_WINDOW, True, first)
        yield Shot(f"key_images/{tumor['id']}-coronal.png", tumor, "coronal", SOFT_TISSUE_WINDOW, False, first)
    for node in findings["nodes"][:MOST_NODES]:
        yield Shot(f"key_images/{node['id']}-axial.png", node, "axial", SOFT_TISSUE_WINDOW, with_pet, False)


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


def draw_station_map(case: CaseFiles, cancer: str) -> str:
    """The map by what the staging believes of each node: biopsies included."""
    entries = next((fact["value"] for fact in case.load_json(STAGING)["facts"] if fact["key"] == "nodes"), None)
    return station_map(cancer, station_statuses([_believed(entry) for entry in entries or ()]))


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
