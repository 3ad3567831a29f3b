"""Nodes on disk, with the cubes around them and what is true of them: small files beside those of whole patients."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.networks.node_inputs import NodeBlock
from oncology.errors import ModelError

FOLDER = "nodes"  # below the store; then the cancer's
VERSION = 1
Stored = tuple[tuple[NodeBlock, ...], Mapping[str, Any]]


def node_folders(cancers: Iterable[str]) -> tuple[str, ...]:
    """Folders of the store that hold nodes of these cancers' patients."""
    return tuple(f"{FOLDER}/{cancer}" for cancer in cancers)


def node_path(root: Path, cancer: str, seed: int, index: int, shift: str | None = None) -> Path:
    """Where the nodes of one body lie."""
    return root / FOLDER / cancer / f"{seed:04d}-{index:05d}{f'-{shift}' if shift else ''}.npz"


def is_node_file(path: Path) -> bool:
    """Whether a file of the store holds nodes and no whole patient."""
    return path.parent.parent.name == FOLDER


def save_nodes(nodes: Sequence[Stored], path: Path) -> None:
    """Write nodes of one scan each; the file appears under its name only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    about = {"version": VERSION, "truths": [dict(truth) for _, truth in nodes]}
    blocks = [scans[0] for scans, _ in nodes]
    np.savez(
        partial,
        allow_pickle=False,
        hu=np.stack([block.hu for block in blocks]).astype(np.int16),
        suv=np.stack([np.zeros_like(block.depth) if block.suv is None else block.suv for block in blocks]).astype(
            np.float16
        ),
        depth=np.stack([block.depth for block in blocks]).astype(np.float16),
        spacing=np.array([block.spacing_mm for block in blocks]),
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
    )
    partial.replace(path)


def load_nodes(path: Path) -> list[Stored]:
    """Read what `save_nodes` wrote.

    Raises:
        ModelError: the file is broken or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            arrays = [file[name] for name in ("hu", "suv", "depth", "spacing")]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path.name} of the nodes' store cannot be read; delete it and it is made anew") from error
    if about.get("version") != VERSION:
        raise ModelError(f"{path.name} is of version {about.get('version')}, expected {VERSION}; delete the store")
    return [
        ((NodeBlock(hu, suv, depth.astype(np.float32), float(spacing)),), truth)
        for hu, suv, depth, spacing, truth in zip(*arrays, about["truths"], strict=True)
    ]
