"""Many studies at once over lines that break, and a receiver that is killed."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicom.servers import studies
from dicom.servers.dcmtk import storescu
from dicom.servers.process import free_port, listens, program, wait_for
from dicom.servers.receiving import QUICK, Listening, listening
from dicom.servers.relay import breaking_line
from mdt_dicom.receiver_store import Incoming, object_key

STUDIES, ASSOCIATIONS = 200, 8
REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(180)


def kind(number: int) -> str:
    """What happens to a study on its way: one in ten each."""
    return {3: "broken", 5: "split", 7: "broken and sent again", 9: "aborted"}.get(number % 10, "whole")


def send_study(receiver: Listening, number: int, files: list[Path]) -> None:
    """As a scanner or PACS would, or as it would not wish to."""
    calling, how = f"SCU{number % ASSOCIATIONS}", kind(number)
    if how.startswith("broken"):
        with breaking_line(receiver.port, 10_400 + 181 * (number % 17)) as port:
            assert storescu(port, files, calling).returncode != 0
    if how == "aborted":
        storescu(receiver.port, files[:-1], calling, "AIMDT", "--abort")
    elif how == "split":
        storescu(receiver.port, files[::2], calling)
        storescu(receiver.port, files[1::2], calling)
    elif how != "broken":
        assert storescu(receiver.port, files, calling).returncode == 0


def test_of_200_studies_over_8_associations_each_whole_one_is_handed_over_once(tmp_path: Path) -> None:
    program("storescu")
    sent = {number: studies.write(tmp_path / str(number), number, 3 + number % 4) for number in range(STUDIES)}
    short = {studies.key(number) for number in sent if kind(number) in ("broken", "aborted")}
    with listening(tmp_path / "in", patience=replace(QUICK, give_up_s=8.0)) as receiver:
        with ThreadPoolExecutor(ASSOCIATIONS) as pool:
            list(pool.map(lambda number: send_study(receiver, number, sent[number]), sent))
        whole = {studies.key(number) for number in sent} - short
        wait_for(lambda: {study.key for study in receiver.finished} >= whole, 60, "every hand-over")
        begun = {path.parent.name for path in (tmp_path / "in").glob("*/objects")}
        wait_for(lambda: {study.key for study in receiver.unfinished} >= short & begun, 60, "every report")
    assert Counter(study.key for study in receiver.finished) == Counter(whole)
    assert {study.key for study in receiver.unfinished} <= short
    assert all(study.missing for study in receiver.unfinished)
    assert all(study.objects == 3 + int(number) % 4 for study, number in numbered(receiver, sent))
    assert len(short & begun) > len(short) // 2  # most lines broke after some objects were through


def numbered(receiver: Listening, sent: dict[int, list[Path]]) -> Iterator[tuple[Any, int]]:
    numbers = {studies.key(number): number for number in sent}
    return ((study, numbers[study.key]) for study in receiver.finished)


@contextmanager
def receiver_process(
    root: Path, port: int, told: Path, limit_kb: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The receiver in a process of its own; `limit_kb`: no file may grow beyond."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(REPOSITORY / part) for part in (".", "dicom", "tests"))
    }
    command = [sys.executable, "-m", "dicom.servers.receiving", str(root), str(port), str(told)]
    if limit_kb is not None:
        command = ["bash", "-c", f'ulimit -f {limit_kb}; exec "$@"', "bash", *command]
    with (root.parent / "receiver.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: listens(port), 60, "the receiver listening")
        yield process
    finally:
        process.kill()
        process.wait()


def acknowledged(output: str) -> list[Path]:
    """The files that storescu got a success for."""
    pairs = re.findall(r"Sending file: (\S+)(?:(?!Sending file).)*?Store Response \(Success\)", output, re.DOTALL)
    return [Path(name) for name in pairs]


def lines(told: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []


def test_nothing_acknowledged_is_lost_when_the_receiver_is_killed(tmp_path: Path) -> None:
    sent = {name: studies.write(tmp_path / name, name, 60, 64) for name in ("one", "two")}
    root, told, port, dice = tmp_path / "in", tmp_path / "told.jsonl", free_port(), random.Random(4)
    safe: list[Path] = []
    for _ in range(4):
        with receiver_process(root, port, told) as process:
            timer = threading.Timer(dice.uniform(0.3, 1.2), process.send_signal, [signal.SIGKILL])
            timer.start()
            with ThreadPoolExecutor(2) as pool:
                outputs = list(pool.map(lambda files: storescu(port, files).stderr, sent.values()))
            timer.join()
        safe += [path for output in outputs for path in acknowledged(output)]
        kept = {path.name[:32]: path for path in root.glob("*/objects/*.dcm")}
        incoming = Incoming(root)
        assert all(incoming.is_intact(path) for path in kept.values())
        assert {key_of(path) for path in safe} <= set(kept)
    assert safe
    assert lines(told) == []  # no half study was handed over
    with receiver_process(root, port, told):
        for files in sent.values():
            assert storescu(port, files).returncode == 0
        wait_for(lambda: len(lines(told)) == 2, what="both hand-overs")
        time.sleep(1.0)
    with receiver_process(root, port, told):
        time.sleep(1.5)
    assert sorted((line["study"], line["version"], line["objects"]) for line in lines(told)) == sorted(
        (studies.key(name), 1, 60) for name in sent
    )


def key_of(path: Path) -> str:
    return object_key(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def test_a_study_that_was_whole_before_the_kill_is_handed_over_after_the_restart(tmp_path: Path) -> None:
    files = studies.write(tmp_path / "sent", "one")
    root, told, port = tmp_path / "in", tmp_path / "told.jsonl", free_port()
    with receiver_process(root, port, told) as process:
        assert storescu(port, files).returncode == 0
        process.send_signal(signal.SIGKILL)
    assert lines(told) == []
    with receiver_process(root, port, told):
        wait_for(lambda: len(lines(told)) == 1, what="the hand-over")


def test_an_object_that_cannot_be_written_is_refused_and_others_are_kept(tmp_path: Path) -> None:
    small, large = studies.write(tmp_path / "small", "small"), studies.write(tmp_path / "large", "large", 2, 128)
    root, told, port = tmp_path / "in", tmp_path / "told.jsonl", free_port()
    with receiver_process(root, port, told, limit_kb=16):
        refused = storescu(port, large)
        assert storescu(port, small).returncode == 0
        wait_for(lambda: len(lines(told)) == 1, what="the hand-over")
    assert "OutOfResources" in refused.stdout + refused.stderr
    assert len(list(root.glob("*/objects/*.dcm"))) == 4
    assert not list((root / ".arriving").iterdir())


def test_a_killed_receiver_leaves_no_half_object_for_the_next(tmp_path: Path) -> None:
    root = tmp_path / "in"
    (root / ".arriving").mkdir(parents=True)
    (root / ".arriving" / "half.dcm").write_bytes(b"half")
    with Incoming(root).locked():
        assert not list((root / ".arriving").iterdir())
