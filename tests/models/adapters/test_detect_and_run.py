"""What lies in a folder is told or refused; programs are stopped, and say nothing about patients."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from models.adapters.detect import detect
from models.adapters.folder import LARGEST_JSON, inside, read_json
from models.adapters.tool import run_tool, without_paths
from oncology.errors import ModelError, ModelMemoryError


def test_folder_without_a_model_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nnU-Net v2 results folder .* a MONAI bundle"):
        detect(tmp_path)


def test_exported_network_without_a_card_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "network.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"network\.onnx does not say what it takes .* write a card\.toml"):
        detect(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"[1]", "holds a list"), (b"{", "is not JSON"), (b"\xff\xfe", "is not JSON"), (b"[" * 200_000, "is not JSON")],
)
def test_description_that_is_no_json_object_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "plans.json").write_bytes(content)
    with pytest.raises(ModelError, match=said):
        read_json(tmp_path, "plans.json")


def test_description_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "plans.json").open("wb") as file:
        file.truncate(LARGEST_JSON + 1)
    with pytest.raises(ModelError, match="larger than 8 MB"):
        read_json(tmp_path, "plans.json")


def test_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "plans.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(ModelError, match="outside its folder"):
        inside(folder, "plans.json")


def test_failed_program_is_quoted_without_paths(tmp_path: Path) -> None:
    script = "import sys; sys.exit('cannot read /data/Doe_Jane/ct.nii.gz: no memory')"
    with pytest.raises(ModelError, match=r"last words: cannot read <path>: no memory") as error:
        run_tool("tried", [sys.executable, "-c", script], tmp_path)
    assert "Doe" not in str(error.value)


def test_program_that_the_system_killed_is_told_from_one_that_failed(tmp_path: Path) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ModelMemoryError, match=r"tried was killed \(signal 9\), as systems do where memory runs out"):
        run_tool("tried", [sys.executable, "-c", script], tmp_path)
    with pytest.raises(ModelError, match="failed with code 9") as error:
        run_tool("tried", [sys.executable, "-c", "import sys; sys.exit(9)"], tmp_path)
    assert not isinstance(error.value, ModelMemoryError)


def test_program_that_takes_too_long_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "late"
    child = f"import time; time.sleep(3); open({str(mark)!r}, 'w')"
    script = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    with pytest.raises(ModelError, match="did not answer within 1 s and was stopped"):
        run_tool("tried", [sys.executable, "-c", script], tmp_path, timeout_s=1.0)
    time.sleep(3.0)
    assert not mark.exists()


@pytest.mark.parametrize("path", ["/data/Doe/ct.nii", r"C:\scans\Doe\ct.nii", "cases/Doe/ct.nii", "'/x/Doe'"])
def test_no_form_of_path_gets_through(path: str) -> None:
    assert "Doe" not in without_paths(f"could not open {path}")
