"""Metal in the body. Places in the frame's millimeters; densities and attenuation as 120 kV shows them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from models.synthetic.features.mark import Mark
from models.synthetic.features.scene import SIDES, Scene
from models.synthetic.frame import VERTEBRAE_Z
from models.synthetic.skeleton import along
from models.synthetic.trunk_pen import mirrored
from oncology.findings import Point
from oncology.imaging.region import bounding_box, grown

AMALGAM_HU, AMALGAM_PER_MM = 12000.0, 0.45
TITANIUM_HU, TITANIUM_PER_MM = 7000.0, 0.16
STEEL_HU, STEEL_PER_MM = 9000.0, 0.30
STENT_HU, STENT_PER_MM = 1800.0, 0.06
CATHETER_HU = 450.0  # barium in polyurethane: no metal
FILLINGS, FILLING_MM, CROWN_MM = (6, 13), 5.0, 3.0
SCREWED = ("T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4")
TO_THE_CAVA: tuple[Point, ...] = ((-31, -20, 207), (-35, -14, 175))
LEAD: tuple[Point, ...] = (
    (64, -30, 258), (38, -16, 256), (30, -28, 242), (8, -40, 230), (-16, -34, 217), *TO_THE_CAVA, (-33, -13, 150),
    (-30, -18, 112), (-8, -38, 82), (26, -54, 62),
)  # fmt: skip
CATHETER: tuple[Point, ...] = ((-62, -30, 250), (-60, -22, 266), (-37, -14, 256), (-37, -17, 235), *TO_THE_CAVA)
GENERATOR: tuple[float, float, Point] = (78.0, 236.0, (22.0, 4.5, 20.0))  # x, z, radii
CHAMBER: tuple[float, float, Point] = (-70.0, 228.0, (11.0, 4.5, 11.0))
BELOW_SKIN_MM = 9.0


def dental_fillings(scene: Scene) -> Iterator[Mark]:
    """Some teeth with fillings or crowns."""
    teeth = scene.masks.get("teeth", scene.canvas.empty())
    if not teeth.any():
        return
    random, spacing = scene.random("dental-fillings"), scene.canvas.geometry.spacing_mm
    box = bounding_box(teeth)
    voxels = np.argwhere(teeth[box])
    rows = np.quantile(voxels[:, 0], (0.25, 0.75))  # crowns of the lower and the upper jaw
    voxels = voxels[np.abs(voxels[:, :1] - rows).min(axis=1) * spacing[0] <= CROWN_MM / 2.0]
    seeds = np.ones(teeth[box].shape, bool)
    seeds[tuple(voxels[random.choice(len(voxels), int(random.integers(*FILLINGS)), replace=False)].T)] = False
    filled = scene.canvas.empty()
    filled[box] = teeth[box] & (ndimage.distance_transform_edt(seeds, sampling=spacing) <= FILLING_MM)
    yield from scene.mark(filled, hu=AMALGAM_HU, metal_per_mm=AMALGAM_PER_MM)


def spine_implant(scene: Scene) -> Iterator[Mark]:
    """Pedicle screws in three vertebrae that lie in the field of view, and the rods that join them."""
    grid, scale = scene.canvas.geometry, scene.plan.build.scale
    bottom, top = grid.origin_lps[2] / scale, (grid.origin_lps[2] + grid.shape[0] * grid.spacing_mm[0]) / scale
    seen = [name for name in SCREWED if bottom + 30.0 < VERTEBRAE_Z[name] < top - 30.0]
    first = int(scene.random("spine-implant").integers(len(seen) - 2))
    heights = [VERTEBRAE_Z[name] for name in seen[first : first + 3]]
    metal, least = scene.canvas.empty(), 0.8 * grid.spacing_mm[0]
    for sign in SIDES.values():
        heads = []
        for z in heights:
            back, front = along("spinal_canal", z)[1], along("vertebrae", z)[1]
            heads.append((20.0, back + 18.0, z + 3.0))
            scene.pen.tube(metal, mirrored([heads[-1], (12.0, back + 2.0, z + 2.0), (7.0, front, z)], sign), 2.7)
        scene.pen.tube(metal, mirrored(heads, sign), max(2.8, least))
    yield from scene.mark(metal, hu=TITANIUM_HU, metal_per_mm=TITANIUM_PER_MM)


def pacemaker(scene: Scene) -> Iterator[Mark]:
    """A generator below the skin of the left chest and its lead to the right ventricle."""
    metal = _under_skin(scene, GENERATOR)
    yield from scene.mark(metal, hu=STEEL_HU, metal_per_mm=STEEL_PER_MM)
    yield from scene.mark(_line(scene, LEAD) & ~metal, hu=STEEL_HU / 3.0, metal_per_mm=TITANIUM_PER_MM)


def port(scene: Scene) -> Iterator[Mark]:
    """A chamber of titanium below the skin of the right chest and a catheter that ends in the superior vena cava."""
    metal = _under_skin(scene, CHAMBER)
    yield from scene.mark(_line(scene, CATHETER) & ~metal, hu=CATHETER_HU)
    yield from scene.mark(metal, hu=TITANIUM_HU / 2.0, metal_per_mm=TITANIUM_PER_MM / 2.0)


def biliary_stent(scene: Scene) -> Iterator[Mark]:
    """A mesh around the common bile duct below the hilum of the liver."""
    duct = scene.masks.get("common_bile_duct", scene.canvas.empty())
    if not duct.any():
        return
    box = grown(bounding_box(duct), scene.canvas.geometry, 4.0)
    mesh = scene.canvas.empty()
    mesh[box] = ndimage.binary_dilation(duct[box]) & ~duct[box]
    rows = np.flatnonzero(duct.any(axis=(1, 2)))
    mesh[int(np.quantile(rows, 0.75)) :] = False
    yield from scene.mark(mesh, hu=STENT_HU, metal_per_mm=STENT_PER_MM)


def _under_skin(scene: Scene, device: tuple[float, float, Point]) -> np.ndarray:
    """A flat body below the skin of the front of the chest."""
    x, z, radii = device
    place = scene.canvas.geometry.to_index(np.array(scene.pen.place((x, 0.0, z))))
    height, _, column = np.clip(np.round(place).astype(int), 0, np.array(scene.canvas.shape) - 1)
    metal, skin = scene.canvas.empty(), np.flatnonzero(scene.masks["body"][height, :, column])
    if skin.size:
        front = float(scene.canvas.axes()[1][0, int(skin[0]), 0]) / scene.plan.build.scale
        scene.pen.ellipsoid(metal, (x, front + BELOW_SKIN_MM + radii[1], z), radii)
    return metal & scene.masks["body"]


def _line(scene: Scene, path: tuple[Point, ...]) -> np.ndarray:
    """A thin line, one voxel at least."""
    line = scene.canvas.empty()
    scene.pen.tube(line, path, max(0.9, 0.7 * scene.canvas.geometry.spacing_mm[0]))
    return line & scene.masks["body"]
