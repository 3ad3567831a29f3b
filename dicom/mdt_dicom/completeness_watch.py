"""Watching studies grow: each complete one is handed over once, each one that stays incomplete is reported.

Everything is derived from the folder of received objects, so that a killed process takes up where it was. A version is
claimed before its hand-over and marked after it: a hand-over that was cut off by a kill is begun again, with `attempt`
telling so; one that came to its end is never repeated.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdt_dicom.completeness import Completeness, judge
from mdt_dicom.completeness_note import ObjectNote
from mdt_dicom.completeness_version import (
    FinishedStudy,
    begin_hand_over,
    break_off_hand_over,
    end_hand_over,
    latest_names,
    make_version,
    pending_versions,
    report_incomplete,
    withdraw_incomplete,
)
from mdt_dicom.receiver_store import Incoming, Kept
from oncology.errors import AimdtError

log = logging.getLogger("aimdt.listen")
# What staging reads: images, and contours that someone else drew. Reports, and what we made ourselves and an archive
# sends back, do not start it again.
STAGED_MODALITIES = frozenset({"CT", "PT", "RTSTRUCT", "SEG"})
OWN_MANUFACTURER = "AI-MDT"


@dataclass(frozen=True)
class Patience:
    """How long is waited for more, in seconds since the last object of a study.

    Attributes:
        quiet_s: when all declared counts are met; none at all is waited when the whole study's count is.
        undeclared_quiet_s: when a series declares no count.
        give_up_s: until an incomplete study is reported.
        retry_s: between attempts to hand over.
        attempts: so many attempts to hand over, then the study is put aside.
        poll_s: between looks.
    """

    quiet_s: float = 30.0
    undeclared_quiet_s: float = 120.0
    give_up_s: float = 1800.0
    retry_s: float = 60.0
    attempts: int = 3
    poll_s: float = 1.0


@dataclass(frozen=True)
class UnfinishedStudy:
    """A study that is reported because something is missing; it is handed over should that come after all."""

    key: str
    objects: int
    missing: tuple[str, ...]


@dataclass
class _Growing:
    """One study that may still change; notes are None for files that turned out damaged."""

    last: float
    notes: dict[str, ObjectNote | None] = field(default_factory=dict)


def is_staged(note: ObjectNote) -> bool:
    """True for an object that staging reads."""
    return note.modality in STAGED_MODALITIES and note.manufacturer != OWN_MANUFACTURER


class StudyWatch:
    """Follows all studies of one incoming folder.

    Args:
        on_complete: takes a finished study; what it returns is kept with the version. An AimdtError or OSError means
            that it was not taken and is to be offered again.
        on_incomplete: hears of a study that lacks something, once for each state of it.
        stop: set by anyone to end the watch; `on_complete` should then break off by raising.
    """

    def __init__(
        self,
        incoming: Incoming,
        on_complete: Callable[[FinishedStudy], Mapping[str, Any]],
        on_incomplete: Callable[[UnfinishedStudy], None],
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
        stop: threading.Event | None = None,
    ) -> None:
        self.incoming = incoming
        self.patience = patience or Patience()
        self._on_complete, self._on_incomplete, self._clock = on_complete, on_incomplete, clock
        self._growing: dict[str, _Growing] = {}
        self._waiting: deque[tuple[float, Path]] = deque()  # not before, version
        self._guard = threading.Lock()
        self._stop = stop or threading.Event()
        self._threads: list[threading.Thread] = []

    def arrived(self, kept: Kept) -> None:
        """An object was stored."""
        with self._guard:
            study = self._growing.setdefault(kept.study, _Growing(self._clock()))
            study.last = self._clock()
            study.notes[kept.note.name] = kept.note

    def recover(self) -> None:
        """Take up what an earlier process left. Quiet is counted anew: while nobody listened, nobody could send."""
        for study in self.incoming.studies():
            if latest_names(self.incoming, study) != self.incoming.names(study):
                with self._guard:
                    self._growing.setdefault(study, _Growing(self._clock()))
            else:
                self.incoming.forget(study)
        for folder in pending_versions(self.incoming):
            self._queue(folder)

    def look(self) -> None:
        """Judge every growing study once."""
        with self._guard:
            studies = list(self._growing)
        for study in studies:
            try:
                self._look_at(study)
            except (AimdtError, OSError) as error:
                log.error("study %s cannot be judged now: %s", study[:12], error)

    def _look_at(self, study: str) -> None:
        with self.incoming.study_lock(study):
            names = self.incoming.names(study)
        notes = self._notes(study, names)
        with self._guard:
            quiet_s = self._clock() - self._growing[study].last
        if not self._adds_to_staging(study, notes):
            self._settle(study, names)
            return
        judged = judge(notes, self.incoming.expected(study))
        if judged.is_complete and quiet_s >= self._wait_s(judged):
            self._claim(study, names, notes, judged)
        elif not judged.is_complete and quiet_s >= self.patience.give_up_s:
            self._report(study, names, judged)

    def _notes(self, study: str, names: frozenset[str]) -> list[ObjectNote]:
        with self._guard:
            known = dict(self._growing[study].notes)
        unread = names - set(known)
        if unread:
            read = {note.name: note for note in self.incoming.notes(study, unread)}
            known |= {name: read.get(name) for name in unread}
            with self._guard:
                self._growing[study].notes |= {name: known[name] for name in unread}
        return [note for name in sorted(names) if (note := known[name]) is not None]

    def _adds_to_staging(self, study: str, notes: list[ObjectNote]) -> bool:
        """True before the first version, and when an image came since the newest one."""
        latest = latest_names(self.incoming, study)
        if latest is None:
            return bool(notes)
        return any(note.name not in latest and is_staged(note) for note in notes)

    def _wait_s(self, judged: Completeness) -> float:
        if judged.closed:
            return 0.0
        return self.patience.undeclared_quiet_s if judged.undeclared else self.patience.quiet_s

    def _claim(self, study: str, names: frozenset[str], notes: list[ObjectNote], judged: Completeness) -> None:
        with self.incoming.study_lock(study):
            if self.incoming.names(study) != names:
                return  # one more came while we judged
            folder = make_version(self.incoming, study, notes, judged)
        withdraw_incomplete(self.incoming, study)
        self._queue(folder)
        self._settle(study, names)

    def _report(self, study: str, names: frozenset[str], judged: Completeness) -> None:
        if report_incomplete(self.incoming, study, names, judged.missing):
            self._on_incomplete(UnfinishedStudy(study, len(names), judged.missing))
        self._settle(study, names)

    def _settle(self, study: str, names: frozenset[str]) -> None:
        """Stop following a study, unless something came since `names` were read."""
        with self.incoming.study_lock(study):
            if self.incoming.names(study) != names:
                return
            with self._guard:
                self._growing.pop(study, None)
        self.incoming.forget(study)

    def hand_over(self) -> bool:
        """Hand over the next version that is due; False when none is."""
        now = self._clock()
        with self._guard:
            due = next((entry for entry in self._waiting if entry[0] <= now), None)
            if due is None:
                return False
            self._waiting.remove(due)
        folder = due[1]
        try:
            self._offer(begin_hand_over(folder))
        except (AimdtError, OSError) as error:
            if not folder.is_dir():
                return True  # erased meanwhile
            if not self._stop.is_set():
                log.error("study %s was not taken: %s", folder.parent.parent.name[:12], error)
            self._queue(folder, self._clock() + self.patience.retry_s)
        return True

    def _offer(self, study: FinishedStudy) -> None:
        if study.attempt > self.patience.attempts:
            log.error("%s is put aside after %d attempts", study.label, self.patience.attempts)
            end_hand_over(study, {"error": f"put aside after {self.patience.attempts} attempts"})
            return
        try:
            answer = self._on_complete(study)
        except (AimdtError, OSError):
            if self._stop.is_set():
                break_off_hand_over(study)
            raise
        end_hand_over(study, answer)

    def _queue(self, folder: Path, not_before: float = 0.0) -> None:
        with self._guard:
            self._waiting.append((not_before, folder))

    def start(self) -> None:
        """Look and hand over in the background, one study at a time."""
        self.recover()
        for name, work in (("watch", self._watch), ("hand-over", self._work)):
            thread = threading.Thread(target=work, name=f"aimdt-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _watch(self) -> None:
        while not self._stop.wait(self.patience.poll_s):
            self.look()

    def _work(self) -> None:
        while not self._stop.is_set():
            if not self.hand_over():
                self._stop.wait(self.patience.poll_s)

    @property
    def is_running(self) -> bool:
        """False when a part of the watch died: the process should end and be started anew."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, timeout_s: float = 30.0) -> None:
        """End both threads after what they are doing."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout_s)
