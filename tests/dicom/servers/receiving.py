"""Our receiver as tests start it: in this process, or as a process that can be killed."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mdt_dicom.completeness_version import FinishedStudy
from mdt_dicom.completeness_watch import Patience, StudyWatch, UnfinishedStudy
from mdt_dicom.receiver import Receiver, ReceiverSettings
from mdt_dicom.receiver_commitment import Commitments
from mdt_dicom.receiver_store import Incoming

QUICK = Patience(quiet_s=0.5, undeclared_quiet_s=1.0, give_up_s=2.0, poll_s=0.1, retry_s=0.2)
RULES_OF_TEST = ReceiverSettings(host="127.0.0.1", port=0)


@dataclass
class Listening:
    """A running receiver and what it told."""

    receiver: Receiver
    watch: StudyWatch
    incoming: Incoming
    finished: list[FinishedStudy] = field(default_factory=list)
    unfinished: list[UnfinishedStudy] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.receiver.port


@contextmanager
def listening(
    root: Path,
    settings: ReceiverSettings = RULES_OF_TEST,
    patience: Patience = QUICK,
    commitments: Commitments | None = None,
    port: int = 0,
    **incoming_options: Any,
) -> Iterator[Listening]:
    finished: list[FinishedStudy] = []
    unfinished: list[UnfinishedStudy] = []

    def take(study: FinishedStudy) -> dict[str, Any]:
        finished.append(study)
        return {"taken": True}

    incoming = Incoming(root, **({"free_bytes_kept": 0} | incoming_options))
    watch = StudyWatch(incoming, take, unfinished.append, patience)
    receiver = Receiver(incoming, replace(settings, port=port), watch.arrived, commitments)
    with incoming.locked():
        receiver.start()
        watch.start()
        if commitments:
            commitments.start()
        try:
            yield Listening(receiver, watch, incoming, finished, unfinished)
        finally:
            receiver.stop(2.0)
            watch.stop()
            if commitments:
                commitments.stop()


def main(root: str, port: str, told: str) -> None:
    """A receiver in a process of its own, which appends what it hands over to a file; ends only by a signal."""
    path = Path(told)

    def append(line: dict[str, Any]) -> None:
        with path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def take(study: FinishedStudy) -> dict[str, Any]:
        append({"study": study.key, "version": study.version, "objects": study.objects})
        return {}

    incoming = Incoming(Path(root), free_bytes_kept=0)
    stop = threading.Event()

    def report(study: UnfinishedStudy) -> None:
        append({"incomplete": study.key, "missing": list(study.missing)})

    watch = StudyWatch(incoming, take, report, QUICK, stop=stop)
    receiver = Receiver(incoming, replace(RULES_OF_TEST, port=int(port)), watch.arrived)
    with incoming.locked():
        receiver.start()
        watch.start()
        stop.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
