"""nnU-Net by itself: run by the python of an environment that has nnunetv2, never by ours.

python nnunet_original.py make FOLDER            a tiny results folder by nnU-Net's own planner and trainer
python nnunet_original.py predict MODEL SCAN OUT  nnU-Net's own predictor on one scan; labels as .npy
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path

SPACINGS = ((1.5, 1.5, 2.0), (1.4, 1.4, 2.5), (1.5, 1.5, 2.0))  # x, y, z


def make(folder: Path) -> None:
    """Three scans of noise and a box, fingerprint, plan, and a trainer's checkpoint before its first step."""
    names = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
    os.environ |= {name: str(folder / name) for name in names} | {"nnUNet_compile": "f"}
    for name in names:
        (folder / name).mkdir(parents=True)
    fork = multiprocessing.get_context("fork")  # its spawned ones read torch anew for every scan
    multiprocessing.get_context = lambda method=None: fork
    _write_scans(folder / "nnUNet_raw" / "Dataset901_Box")
    import torch
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    torch.manual_seed(5)
    extract_fingerprints([901], num_processes=1)
    plan_experiments([901])
    preprocess([901], configurations=("3d_fullres",), num_processes=(1,))
    base = folder / "nnUNet_preprocessed" / "Dataset901_Box"
    plans = json.loads((base / "nnUNetPlans.json").read_text())
    dataset = json.loads((base / "dataset.json").read_text())
    trainer = nnUNetTrainer({**plans, "continue_training": False}, "3d_fullres", 0, dataset, torch.device("cpu"))
    trainer.initialize()
    trainer.save_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
    result = Path(trainer.output_folder_base)
    (result / "plans.json").write_text(json.dumps(plans))
    (result / "dataset.json").write_text(json.dumps(dataset))


def _write_scans(folder: Path) -> None:
    import numpy as np
    import SimpleITK as sitk

    (folder / "imagesTr").mkdir(parents=True)
    (folder / "labelsTr").mkdir()
    random = np.random.default_rng(3)
    for number, spacing in enumerate(SPACINGS):
        labels = np.zeros((30, 44, 40), np.uint8)
        labels[8:20, 10:30, 10:25], labels[10:15, 14:22, 12:18] = 1, 2
        image = sitk.GetImageFromArray((random.normal(0, 60, labels.shape) + 80.0 * labels).astype(np.float32))
        mask = sitk.GetImageFromArray(labels)
        for item in (image, mask):
            item.SetSpacing(spacing)
        sitk.WriteImage(image, str(folder / "imagesTr" / f"box_{number}_0000.nii.gz"))
        sitk.WriteImage(mask, str(folder / "labelsTr" / f"box_{number}.nii.gz"))
    about = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "pancreas": 1, "cancer": 2}}
    about |= {"numTraining": len(SPACINGS), "file_ending": ".nii.gz", "description": "boxes in noise"}
    (folder / "dataset.json").write_text(json.dumps(about))


def predict(model: Path, scan: Path, out: Path) -> None:
    """nnU-Net's own reader and predictor, with mirroring, on the CPU."""
    import numpy as np
    import torch
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(model), (0,), "checkpoint_final.pth")
    image, properties = SimpleITKIO().read_images([str(scan)])
    np.save(out, predictor.predict_single_npy_array(image, properties))


if __name__ == "__main__":
    {"make": make, "predict": predict}[sys.argv[1]](*map(Path, sys.argv[2:]))
