"""The process that runs a MONAI bundle: `python -m models.adapters.bundle_worker FOLDER SCAN ANSWER`.

The sections that bundle_rules let through are built by MONAI's own parser; weights are read weights-only. ANSWER is an
.npz with `labels` (C, Z, Y, X) uint8 on the scan's voxels.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import monai.inferers
import monai.networks.nets
import monai.transforms
import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor, decollate_batch, list_data_collate

from models.adapters.bundle_rules import INFERER, NETWORK, POSTPROCESSING, PREPROCESSING, target_name
from models.adapters.monai_bundle import SCRIPT, STATE, check_bundle
from oncology.errors import AimdtError, ModelError
from oncology.imaging.volume import Geometry, Volume, read_volume, resample

PLACES = (monai.transforms, monai.networks.nets, monai.networks.blocks, monai.networks.layers, monai.inferers, torch.nn)
KINDS = (monai.transforms.Transform, monai.inferers.Inferer, torch.nn.Module)
RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MOST_CHANNELS = 256


def located(value: Any) -> Any:
    """The configuration with each target as the full name of the class that was checked.

    Raises:
        ModelError: there is no such class, or it is neither transform, inferer nor network.
    """
    if isinstance(value, list):
        return [located(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: located(item) for key, item in value.items() if key != "_target_"}
    return found if "_target_" not in value else {"_target_": _full_name(value["_target_"]), **found}


def _full_name(target: str) -> str:
    name = target_name(target, "its configuration")
    for place in PLACES:
        found = getattr(place, name, None)
        if isinstance(found, type) and issubclass(found, KINDS):
            return f"{place.__name__}.{name}"
    raise ModelError(f"the MONAI bundle uses {name!r}, which this MONAI does not have as transform, inferer or network")


def run_bundle(folder: Path, scan: Volume) -> np.ndarray:
    """The bundle's answer (C, Z, Y, X) uint8 on the scan's voxels."""
    scripted = not (folder / STATE).is_file()
    parser = ConfigParser(located(check_bundle(folder)))
    network = torch.jit.load(folder / SCRIPT, "cpu") if scripted else _network(parser, folder / STATE)
    before, after = (parser.get_parsed_content(name) for name in (PREPROCESSING, POSTPROCESSING))
    inferer = parser.get_parsed_content(INFERER)
    with torch.inference_mode():
        batch = list_data_collate([before({"image": shown(scan)})])
        batch["pred"] = inferer(inputs=batch["image"], network=network.eval())
        answer = after(decollate_batch(batch)[0])["pred"]
    return on_scan(answer, scan.geometry)


def _network(parser: ConfigParser, weights: Path) -> Any:
    network = parser.get_parsed_content(NETWORK)
    kept = torch.load(weights, map_location="cpu", weights_only=True)
    network.load_state_dict(kept.get("model", kept.get("state_dict", kept)))
    return network


def shown(scan: Volume) -> MetaTensor:
    """The scan as MONAI's readers give it: indices x, y, z, and an affine to RAS."""
    array = torch.from_numpy(np.ascontiguousarray(scan.array.astype(np.float32).transpose(2, 1, 0)))
    affine = torch.from_numpy(RAS_FROM_LPS @ affine_lps(scan.geometry))
    meta = {"original_affine": affine, "space": "RAS", "original_channel_dim": "no_channel"}
    return MetaTensor(array, affine=affine, meta={**meta, "spatial_shape": np.array(array.shape)})


def affine_lps(geometry: Geometry) -> np.ndarray:
    """4 x 4 from indices (x, y, z) to world LPS."""
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(geometry.direction) * np.asarray(geometry.spacing_mm)[::-1]
    affine[:3, 3] = geometry.origin_lps
    return affine


def on_scan(answer: Any, scan: Geometry) -> np.ndarray:
    """The answer on the scan's voxels, by nearest neighbor where the bundle left it on another grid.

    Raises:
        ModelError: it is no map of labels, or does not say where it lies.
    """
    array = np.asarray(answer, np.float32)
    if array.ndim != 4 or not 1 <= array.shape[0] <= MOST_CHANNELS:
        raise ModelError(f"the bundle answered with shape {array.shape}; expected channels and three axes")
    if not np.array_equal(array, np.rint(array)) or array.min() < 0 or array.max() > np.iinfo(np.uint8).max:
        raise ModelError("the bundle answered with values that are no labels; end its postprocessing in AsDiscreted")
    labels = array.astype(np.uint8).transpose(0, 3, 2, 1)
    geometry = _geometry(labels.shape[1:], answer, scan)
    if geometry.same_grid(scan):
        return np.ascontiguousarray(labels)
    return np.stack([resample(Volume(part, geometry), scan, linear=False, fill=0).array for part in labels])


def _geometry(shape: tuple[int, ...], answer: Any, scan: Geometry) -> Geometry:
    if not isinstance(answer, MetaTensor):
        if shape != scan.shape:
            raise ModelError("the bundle does not say where its answer lies; add Invertd to its postprocessing")
        return scan
    affine = RAS_FROM_LPS @ answer.affine.numpy().astype(float)
    size = np.linalg.norm(affine[:3, :3], axis=0)
    rows = (affine[:3, :3] / size).tolist()
    return Geometry(
        (shape[0], shape[1], shape[2]),
        (float(size[2]), float(size[1]), float(size[0])),
        (float(affine[0, 3]), float(affine[1, 3]), float(affine[2, 3])),
        tuple((row[0], row[1], row[2]) for row in rows),
    )


def main() -> int:
    """Run one bundle over one scan."""
    reader = argparse.ArgumentParser(prog="python -m models.adapters.bundle_worker", description=__doc__)
    for name in ("folder", "scan", "answer"):
        reader.add_argument(name, type=Path)
    asked = reader.parse_args()
    try:
        np.savez(asked.answer, labels=run_bundle(asked.folder, read_volume(asked.scan)))
    except AimdtError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
