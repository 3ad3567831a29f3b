"""MONAI by itself, in a process of its own: `python bundle_original.py BUNDLE SCAN OUT`.

Runs configs/inference.json as `monai.bundle run` does, with MONAI's reader, evaluator and handlers, none of them ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(bundle: Path, scan: Path, out: Path) -> None:
    """The labels (x, y, z) that the bundle's own evaluator leaves, as .npy."""
    from monai.bundle import ConfigWorkflow

    workflow = ConfigWorkflow(
        str(bundle / "configs" / "inference.json"),
        meta_file=str(bundle / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="infer",
        bundle_root=str(bundle),
        datalist=[str(scan)],
    )
    workflow.initialize()
    workflow.run()
    state = workflow.parser.get_parsed_content("evaluator").state
    np.save(out, np.asarray(state.output[0]["pred"][0]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
