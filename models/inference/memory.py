"""How much memory a network's process takes, from the scan and the window; and how much there is.

Figures were fitted to the peaks (VmHWM) of workers on Linux with OpenVINO 2026.4 and torch 2.13: lesion-neck-ct,
lesion-thorax and anatomy-thorax at windows of 64 and 48 voxels and scans of 60 to 220 voxels along each side; they were
met within 15%, and those of a network as small as tests have within 35%.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.card import Card
from models.inference.engine import channels_of
from models.inference.predict import Crops, Job
from models.inference.sparing import Way

# Libraries and weights; with torch where the network must be converted first, or there is no OpenVINO.
BASE_MB, TORCH_MB = 150.0, 500.0
# For each voxel of a window: bytes a channel (input, first and hidden features), and an output.
CHANNEL_BYTES, OUTPUT_BYTES = 8.0, 12.0
TORCH_CHANNEL_BYTES, TORCH_OUTPUT_BYTES = 12.0, 48.0
# For each voxel of a scan: HU and SUV as stored; label and certainty of a softmax head, each probability of a sigmoid.
HU_BYTES, SUV_BYTES, MAP_BYTES, SOFTMAX_BYTES, SIGMOID_BYTES = 2.0, 2.0, 1.0, 2.0, 2.0
CROP_BYTES = 4.0
CONTROL_GROUP, NO_LIMIT = Path("/sys/fs/cgroup"), "max"
# Of control groups of version 2 and 1: folder, files of limit and use, and what memory.stat calls reclaimable.
CONTROL_FILES = (
    ("", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def memory_mb(card: Card, job: Job, way: Way, *, torch: bool) -> float:
    """Estimate of what a process needs.

    Args:
        way: how the scan is looked at.
        torch: the network must be converted first, or runs in torch.
    """
    shape = card.network
    channels = channels_of(shape) + shape["channels"][0] + sum(shape.get("late", ())[:1]) + shape.get("hidden", 0)
    outputs = sum(head.outputs for head in card.heads)
    each = (TORCH_CHANNEL_BYTES, TORCH_OUTPUT_BYTES) if torch else (CHANNEL_BYTES, OUTPUT_BYTES)
    window = _window_voxels(job, way) * (channels * each[0] + outputs * each[1])
    return (TORCH_MB if torch else BASE_MB) + (window + _held_bytes(card, job, way)) / 1e6


def _window_voxels(job: Job, way: Way) -> float:
    return float(np.prod(job.inputs.shape[2:])) if isinstance(job, Crops) else float(way.window**3)


def _held_bytes(card: Card, job: Job, way: Way) -> float:
    if isinstance(job, Crops):
        return CROP_BYTES * job.inputs.size
    softmax = sum(head.activation == "softmax" for head in card.heads)
    sigmoid = sum(len(head.labels) for head in card.heads if head.activation == "sigmoid")
    shown = HU_BYTES + (job.suv is not None) * SUV_BYTES + len(job.labels) * MAP_BYTES
    return float(job.hu.size / way.coarser**3 * (shown + softmax * SOFTMAX_BYTES + sigmoid * SIGMOID_BYTES))


def free_mb(control_group: Path = CONTROL_GROUP) -> float:
    """Memory that the machine, and the container if this is one, could give now.

    Args:
        control_group: where Linux tells the limits of this container.
    """
    return min(_free_of_machine_mb(), _free_of_container_mb(control_group))


def _free_of_machine_mb() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024.0
    except (OSError, StopIteration):
        return float("inf")  # not Linux: the system itself refuses


def _free_of_container_mb(root: Path) -> float:
    """What is left below the limit; files kept in memory that nobody uses are given back when memory is short."""
    for folder, most, used, reclaimed in CONTROL_FILES:
        try:
            limit, taken = ((root / folder / name).read_text(encoding="ascii").strip() for name in (most, used))
            told = (line.split() for line in (root / folder / "memory.stat").read_text(encoding="ascii").splitlines())
            given_back = next((int(value) for name, value in told if name == reclaimed), 0)
            return float("inf") if limit == NO_LIMIT else max(0.0, (int(limit) - int(taken) + given_back) / 2**20)
        except (OSError, ValueError):
            continue
    return float("inf")
