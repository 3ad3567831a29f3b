"""What many patients have beside a tumor: effusion, collapse, emphysema and calcium. Each adds one mask, on request."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.synthetic.canvas import Canvas, smooth_noise
from models.synthetic.frame import Build, Masks
from models.synthetic.trunk_pen import TrunkPen, filled_box
from oncology.findings import Point

HILA: dict[str, Point] = {"right": (-38.0, 20.0, 140.0), "left": (46.0, 24.0, 142.0)}
MENISCUS = 0.25  # how much higher fluid stands at the side wall, mm per mm
BULLA_MM = (1.8, 7.0)
APICAL = 2.0  # how much denser emphysema is at the top than at the bottom


def add_effusion(canvas: Canvas, build: Build, masks: Masks, side: str, volume_ml: float) -> np.ndarray:
    """Free fluid behind one lung of a patient on the back; adds `pleural_effusion` and takes it from the lung.

    Args:
        side: "left" or "right".
        volume_ml: wanted; at most 60% of the lung becomes fluid.
    """
    lung = masks[f"lung_{side}"]
    voxels = np.argwhere(lung)
    x, y, _ = canvas.geometry.to_lps(voxels).T
    depth = y + MENISCUS * np.abs(x)
    count = min(int(volume_ml / canvas.geometry.voxel_ml), int(0.6 * len(voxels)))
    deepest = voxels[np.argpartition(-depth, count)[:count]] if count else voxels[:0]
    fluid = canvas.empty()
    fluid[tuple(deepest.T)] = True
    for name in [key for key in masks if key.startswith(("lung_", "fissure_")) and key.endswith(side)]:
        masks[name] &= ~fluid
    if "lung_vessels" in masks:
        masks["lung_vessels"] &= ~fluid
    masks["pleural_effusion"] = fluid | masks.get("pleural_effusion", False)
    return fluid


def add_atelectasis(canvas: Canvas, build: Build, masks: Masks, lobe: str, share: float) -> np.ndarray:
    """Collapse of the part of a lobe next to the hilum; adds `atelectasis`, which stays part of the lobe.

    Args:
        lobe: e.g. "lung_upper_lobe_left".
        share: part of the lobe, 0 to 1.
    """
    hilum = TrunkPen(canvas, build).place(HILA["left" if lobe.endswith("left") else "right"])
    voxels = np.argwhere(masks[lobe])
    away = np.linalg.norm((canvas.geometry.to_lps(voxels) - hilum) * (1.0, 1.0, 0.8), axis=1)
    count = int(np.clip(share, 0.0, 1.0) * len(voxels))
    collapsed = canvas.empty()
    if count:
        collapsed[tuple(voxels[np.argsort(away, kind="stable")[:count]].T)] = True
    masks["atelectasis"] = collapsed | masks.get("atelectasis", False)
    return collapsed


def add_emphysema(canvas: Canvas, build: Build, masks: Masks, share: float) -> np.ndarray:
    """Holes of 4 to 14 mm in the lungs, more of them at the top; adds `emphysema`, about `share` of the lungs."""
    random = np.random.default_rng([build.seed, 404])
    lungs = masks["lung_left"] | masks["lung_right"]
    voxels = np.argwhere(lungs)
    holes, pen = canvas.empty(), TrunkPen(canvas, build)
    if len(voxels) == 0 or share <= 0:
        masks["emphysema"] = holes
        return holes
    height = (voxels[:, 0] - voxels[0, 0]) / max(1, np.ptp(voxels[:, 0]))
    chance = np.exp(APICAL * height)
    wanted, done = share * len(voxels) * canvas.geometry.voxel_ml * 1000.0, 0.0
    while done < wanted:
        radii = random.uniform(*BULLA_MM, 64)
        centers = canvas.geometry.to_lps(voxels[random.choice(len(voxels), 64, p=chance / chance.sum())])
        for (x, y, z), radius in zip(centers.tolist(), radii.tolist(), strict=True):
            pen.capsule(holes, (x, y, z), (x, y, z + 0.5), radius, radius)
        done += float((4.19 * radii**3).sum())
    holes &= lungs & ~masks["lung_vessels"]
    masks["emphysema"] = holes
    return holes


def add_calcium(canvas: Canvas, build: Build, masks: Masks, amount: float) -> np.ndarray:
    """Plaques in the wall of the aorta and its branches and in the coronary arteries.

    Adds `aortic_calcium` and `coronary_calcium`; `amount` 0 (none) to 1 (heavy). Returns both together.
    """
    random = np.random.default_rng([build.seed, 505])
    box = filled_box(masks["aorta"], 2)
    aorta = masks["aorta"][box]
    wall = aorta & ~ndimage.binary_erosion(aorta)
    level = float(np.quantile(noise := smooth_noise(aorta.shape, 2.5, random), 1.0 - 0.12 * np.clip(amount, 0.0, 1.0)))
    masks["aortic_calcium"], masks["coronary_calcium"] = canvas.empty(), canvas.empty()
    masks["aortic_calcium"][box] = wall & (noise > level)
    if "coronary_arteries" in masks:
        near = filled_box(masks["coronary_arteries"], 1)
        grain = smooth_noise(masks["coronary_arteries"][near].shape, 2.0, random)
        part = masks["coronary_arteries"][near] & (grain > 2.2 - 1.9 * np.clip(amount, 0.0, 1.0))
        masks["coronary_calcium"][near] = part & (amount > 0)
    return np.asarray(masks["aortic_calcium"] | masks["coronary_calcium"])
