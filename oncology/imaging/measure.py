"""From a mask to a finding: tumors, nodes and candidates for metastases, measured in millimeters.

Everything is independent of how the image is stored: axes may be permuted, flipped or shifted. A mask in several
parts is measured by its largest part, while the volume counts all of them and `parts_ml` names them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from oncology.findings import Node, Point, Source, SourceKind, Tumor
from oncology.imaging.contact import contacts
from oncology.imaging.density import crop_of, measure_density
from oncology.imaging.diameter import longest_axial_mm, measure_diameters
from oncology.imaging.location import (
    LOBES,
    centroid_lps,
    distance_to_point_mm,
    find_laterality,
    region_shares,
    touches_border,
)
from oncology.imaging.node_signs import node_signs
from oncology.imaging.region import bounding_box, checked_mask, components, crop
from oncology.imaging.uptake import measure_uptake
from oncology.imaging.volume import Geometry, Volume

Masks = Mapping[str, np.ndarray]
UNKNOWN_SOURCE = Source(SourceKind.RULES, "unknown")
NOTHING: Mapping[str, Any] = MappingProxyType({})
# Structures that hold everything: contact with them says nothing.
CONTAINERS = frozenset({"body"})
# Parts smaller than this are specks at the edge of a contour and not named.
LEAST_PART_ML = 0.05


def measure_tumor(
    mask: np.ndarray,
    ct: Volume,
    suv: Volume | None = None,
    structures: Masks = NOTHING,
    landmarks: Mapping[str, Point] = NOTHING,
    *,
    id: str = "tumor-1",  # noqa: A002 - the record's own word
    source: Source = UNKNOWN_SOURCE,
    locations: Mapping[str, float] = NOTHING,
    regions: tuple[str, ...] = LOBES,
    held_by: Collection[str] = CONTAINERS,
    needs_confirmation: bool = False,
) -> Tumor:
    """One primary tumor.

    Args:
        mask: (Z, Y, X) on the CT's grid.
        ct: in HU.
        suv: body-weight SUV in the same frame of reference, on any grid.
        structures: masks on the CT's grid by name; lobes among them give the location.
        landmarks: points in LPS by name; `carina` gives the distance to it.
        locations: probability by lobe (or part of an organ) from elsewhere; used where no lobe masks are given.
        regions: structures whose masks tell the location.
        held_by: structures that the tumor lies in, so that contact with them says nothing.
    Raises:
        ContourError: the mask is empty or not on the CT's grid.
    """
    mask = checked_mask(mask, ct.geometry, id)
    lobes = region_shares(mask, ct.geometry, _named(structures, regions)) or dict(locations)
    meets = {name: structure for name, structure in structures.items() if name not in held_by}
    carina = landmarks.get("carina")
    extent = _extent(mask, ct.geometry)
    solid_mm = measure_density(mask, ct).solid_component_mm
    tumor = Tumor(
        id=id,
        **extent,
        laterality=find_laterality(mask, ct.geometry, structures),
        location=max(lobes, key=lambda name: lobes[name]) if lobes else None,
        contacts=contacts(mask, meets, ct.geometry, ct=ct),
        location_alternatives=lobes,
        solid_component_mm=extent["greatest_dimension_mm"] if solid_mm is None else solid_mm,
        distance_to_carina_mm=distance_to_point_mm(mask, ct.geometry, carina) if carina is not None else None,
        needs_confirmation=needs_confirmation,
        source=source,
    )
    return tumor if suv is None else _with_uptake(tumor, Volume(mask, ct.geometry), suv)


def _extent(mask: np.ndarray, grid: Geometry) -> dict[str, Any]:
    """The fields of a tumor that its mask alone gives."""
    largest, parts_ml = _largest_part(mask, grid)
    size = measure_diameters(largest)
    return {
        "volume_ml": volume_ml(mask, grid),
        "greatest_dimension_mm": size.greatest.length_mm,
        "axial_diameter_mm": size.axial.length_mm,
        "diameter_3d_mm": size.in_3d.length_mm,
        "short_axis_mm": size.short_axis.length_mm,
        "centroid_lps": centroid_lps(mask, grid),
        "touches_border": touches_border(mask),
        "parts_ml": parts_ml,
    }


def _with_uptake(tumor: Tumor, mask: Volume, suv: Volume) -> Tumor:
    found = measure_uptake(mask, suv)
    if found is None:
        return tumor
    return replace(tumor, suv_max=found.max, suv_peak=found.peak, suv_mean=found.mean, mtv_ml=found.mtv_ml)


def measure_node(
    mask: np.ndarray,
    ct: Volume,
    suv: Volume | None = None,
    structures: Masks = NOTHING,
    *,
    id: str = "node-1",  # noqa: A002 - the record's own word
    source: Source = UNKNOWN_SOURCE,
    station: str | None = None,
    station_alternatives: Mapping[str, float] = NOTHING,
    references: Mapping[str, float] = NOTHING,
    needs_confirmation: bool = False,
) -> Node:
    """One lymph node: short axis as RECIST has it (axial), long axis the longest over all three planes.

    Args:
        references: uptake of liver and blood pool, see node_signs.reference_uptake.
    Raises:
        ContourError: the mask is empty or not on the CT's grid.
    """
    mask = checked_mask(mask, ct.geometry, id)
    largest, _ = _largest_part(mask, ct.geometry)
    size = measure_diameters(largest)
    uptake = measure_uptake(Volume(mask, ct.geometry), suv) if suv is not None else None
    return Node(
        id=id,
        station=station,
        laterality=find_laterality(mask, ct.geometry, structures),
        short_axis_mm=size.short_axis.length_mm,
        long_axis_mm=size.greatest.length_mm,
        volume_ml=volume_ml(mask, ct.geometry),
        centroid_lps=centroid_lps(mask, ct.geometry),
        station_alternatives=dict(station_alternatives),
        suv_max=uptake.max if uptake else None,
        needs_confirmation=needs_confirmation,
        source=source,
        measures=node_signs(mask, ct, suv, references),
    )


def axial_diameter_mm(mask: np.ndarray, grid: Geometry) -> float:
    """The longest diameter within an axial slice (RECIST 1.1) of the largest part of a mask, in millimeters.

    Raises:
        ContourError: the mask is empty.
    """
    return longest_axial_mm(_largest_part(mask, grid)[0])


def volume_ml(mask: np.ndarray, grid: Geometry) -> float:
    """Volume of all set voxels in milliliters."""
    return float(np.count_nonzero(mask)) * grid.voxel_ml


def split_components(mask: np.ndarray, grid: Geometry, least_ml: float = 0.0) -> Iterator[np.ndarray]:
    """The connected parts (26 neighbors) of a region drawn around several nodes, largest first, on the same grid.

    Args:
        least_ml: parts below this volume are left out.
    Raises:
        ContourError: the mask is empty.
    """
    box = bounding_box(mask)
    for part, inner in components(mask[box]):
        if volume_ml(part, grid) >= least_ml:
            whole = np.zeros(mask.shape, bool)
            whole[box][inner] = part
            yield whole


def _largest_part(mask: np.ndarray, grid: Geometry) -> tuple[Volume, tuple[float, ...]]:
    """The largest connected part, and the volumes in mL of it and of the others that are no specks."""
    cut = crop(mask, grid, bounding_box(mask))
    parts = components(cut.array)
    volumes = [volume_ml(part, grid) for part, _ in parts]
    named = (volumes[0], *(volume for volume in volumes[1:] if volume >= LEAST_PART_ML))
    return crop_of(parts[0][0], cut, parts[0][1]), named


def _named(structures: Masks, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {name: structures[name] for name in names if name in structures}
