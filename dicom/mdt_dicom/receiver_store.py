"""Received objects on disk: written whole or not at all, kept once, under names that tell nothing.

<root>/.lock                                one receiver at a time
       .arriving/                           half-written objects; emptied at every start
       <study>/objects/<object>-<content>.dcm
               replaced/                    what came again under the same UID with other content
               versions/<n>/                what was handed over (see completeness_version)
               expected.json                what an archive lists, when the study is pulled
       <study>, <object>: of the SHA-256 of the UID; <content>: of the SHA-256 of the data set

An object that was reported as stored has been flushed to the disk with its folder, so it outlives a killed process.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info

from mdt_dicom.completeness_note import ObjectNote, note_of
from oncology.errors import ImageError, StoreError

FREE_BYTES_KEPT = 1 << 30  # below that objects are refused before anything else on the machine suffers
UID_DIGITS, CONTENT_DIGITS = 32, 16
PREAMBLE = b"\0" * 128 + b"DICM"
_LOCKS = 64


@dataclass(frozen=True)
class Kept:
    """One object after it was stored; `is_new` is False when the same content was there already."""

    study: str
    note: ObjectNote
    is_new: bool


def study_key(study_uid: str) -> str:
    """The folder name of a study."""
    return hashlib.sha256(study_uid.encode()).hexdigest()[:UID_DIGITS]


def object_key(sop_uid: str) -> str:
    """The first part of an object's file name."""
    return hashlib.sha256(sop_uid.encode()).hexdigest()[:UID_DIGITS]


class Incoming:
    """The folder of received objects. Safe for many threads of one process; `locked` keeps other processes out."""

    def __init__(self, root: Path, *, free_bytes_kept: int = FREE_BYTES_KEPT) -> None:
        self.root = root
        self.free_bytes_kept = free_bytes_kept
        self._names: dict[str, dict[str, str]] = {}  # study -> object key -> file name
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process; it is let go when the process ends, however it ends.

        Raises:
            StoreError: another process holds it.
        """
        self._make_folders()
        with (self.root / ".lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreError(
                    "another receiver uses this home folder; expected one; stop it or set AIMDT_HOME"
                ) from error
            for leftover in self._arriving.iterdir():
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)  # an erasure that was cut off
                else:
                    leftover.unlink(missing_ok=True)  # was never acknowledged
            yield

    @property
    def _arriving(self) -> Path:
        return self.root / ".arriving"

    def _make_folders(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._arriving.mkdir(exist_ok=True, mode=0o700)

    def objects(self, study: str) -> Path:
        """The folder with a study's objects."""
        return self.root / study / "objects"

    def studies(self) -> list[str]:
        """Keys of all studies that hold an object."""
        return sorted(path.parent.name for path in self.root.glob("*/objects") if not path.parent.name.startswith("."))

    def keep(self, meta: FileMetaDataset, content: bytes) -> Kept:
        """Store one object durably; when this returns, it may be acknowledged.

        Args:
            meta: file meta group (PS3.10 section 7.1) with class, object and transfer syntax.
            content: the encoded data set in that transfer syntax.
        Raises:
            ImageError: no readable data set, or its UIDs differ from those of `meta`.
            StoreError: it could not be written; nothing is left of it.
        """
        partial = self._write_partial(meta, content)
        try:
            note = note_of(partial)
            if (note.sop_uid, note.sop_class) != (meta.MediaStorageSOPInstanceUID, meta.MediaStorageSOPClassUID):
                raise ImageError("a data set has another class or object UID than was announced; send it again")
            digest = hashlib.sha256(content).hexdigest()[:CONTENT_DIGITS]
            note = replace(note, name=f"{object_key(note.sop_uid)}-{digest}.dcm")
            study = study_key(note.study_uid)
            with self.study_lock(study):
                return Kept(study, note, self._place(partial, study, note.name))
        except OSError as error:
            raise _store_error(error) from error
        finally:
            partial.unlink(missing_ok=True)

    def _write_partial(self, meta: FileMetaDataset, content: bytes) -> Path:
        partial = self._arriving / f"{secrets.token_hex(12)}.dcm"
        head = BytesIO()
        write_file_meta_info(head, meta)
        try:
            self._make_folders()
            if shutil.disk_usage(self._arriving).free < self.free_bytes_kept + len(content):
                raise StoreError("the disk of the received objects is full; free space and send again")
            _write_flushed(partial, PREAMBLE + head.getvalue(), content)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise _store_error(error) from error
        return partial

    def _place(self, partial: Path, study: str, name: str) -> bool:
        """Move a whole object to its place; False when it lies there already."""
        key = name[:UID_DIGITS]
        names = self._names_of(study)
        before = names.get(key)
        if before == name:
            return False
        folder = self.objects(study)
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_folder(self.root)
            sync_folder(folder.parent)
        partial.replace(folder / name)
        names[key] = name
        if before is not None:
            self._set_aside(study, before)
        sync_folder(folder)
        return True

    def _set_aside(self, study: str, name: str) -> None:
        replaced = self.root / study / "replaced"
        replaced.mkdir(exist_ok=True, mode=0o700)
        (self.objects(study) / name).replace(replaced / name)
        sync_folder(replaced)

    def _names_of(self, study: str) -> dict[str, str]:
        """Object key to file name; of two contents of one object (a process was killed between) the newer stays."""
        if study not in self._names or not self.objects(study).is_dir():  # another process may have erased it
            found: dict[str, str] = {}
            folder = self.objects(study)
            files = sorted(folder.glob("*.dcm"), key=lambda path: path.stat().st_mtime_ns) if folder.is_dir() else []
            for path in files:
                older = found.get(path.name[:UID_DIGITS])
                found[path.name[:UID_DIGITS]] = path.name
                if older is not None:
                    self._set_aside(study, older)
            self._names[study] = found
        return self._names[study]

    def names(self, study: str) -> frozenset[str]:
        """File names of a study's objects. Call it under the study's lock when objects may arrive."""
        return frozenset(self._names_of(study).values())

    def forget(self, study: str) -> None:
        """Drop what memory holds of a study; it is read from disk when needed again."""
        with self.study_lock(study):
            self._names.pop(study, None)

    def study_lock(self, study: str) -> threading.Lock:
        """Held while a study's objects change or are handed over."""
        return self._locks[int(study[:8], 16) % _LOCKS]

    def notes(self, study: str, names: frozenset[str]) -> list[ObjectNote]:
        """Notes of these objects, read from disk; a damaged file is left out (it was whole when it was stored)."""
        found = []
        for name in sorted(names):
            try:
                found.append(note_of(self.objects(study) / name))
            except ImageError:
                continue
        return found

    def find(self, sop_uids: frozenset[str]) -> dict[str, Path]:
        """Where these objects lie; absent ones are left out. One walk over all names, whatever the number asked for."""
        wanted = {object_key(uid): uid for uid in sop_uids}
        return {
            wanted[path.name[:UID_DIGITS]]: path
            for path in self.root.glob("*/objects/*.dcm")
            if path.name[:UID_DIGITS] in wanted
        }

    def is_intact(self, path: Path) -> bool:
        """True when a stored object still has the content it came with."""
        try:
            content = path.read_bytes()
        except OSError:
            return False
        return (
            hashlib.sha256(content[content_offset(content) :]).hexdigest()[:CONTENT_DIGITS]
            == path.stem[-CONTENT_DIGITS:]
        )

    def expect(self, study_uid: str, sop_uids: frozenset[str]) -> None:
        """Note which objects an archive lists for a study: it is not complete without them."""
        folder = self.root / study_key(study_uid)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(folder / "expected.json", json.dumps(sorted(sop_uids)).encode())

    def expected(self, study: str) -> frozenset[str]:
        """SOPInstanceUIDs that `expect` noted."""
        path = self.root / study / "expected.json"
        return frozenset(json.loads(path.read_bytes())) if path.exists() else frozenset()

    def erase(self, study_uid: str) -> bool:
        """Remove everything that was received of a study; True when there was something.

        A receiver that runs meanwhile notices, whichever process erases; what comes later is new to it.
        """
        return self.erase_study(study_key(study_uid))

    def erase_study(self, study: str) -> bool:
        """`erase` by the name of the study's folder."""
        gone = self._arriving / f"erased-{secrets.token_hex(12)}"
        with self.study_lock(study):
            self._names.pop(study, None)
            if not (self.root / study).is_dir():
                return False
            self._make_folders()
            (self.root / study).rename(gone)  # at once, whatever is being done with it
        shutil.rmtree(gone, ignore_errors=True)
        return True


def content_offset(content: bytes) -> int:
    """Where the data set starts in a file that begins with the length of its meta group (PS3.10 section 7.1)."""
    value = len(PREAMBLE) + 8  # of (0002,0000) UL
    return value + 4 + int.from_bytes(content[value : value + 4], "little")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Write a small file whole or not at all.

    Raises:
        StoreError: it could not be written.
    """
    partial = path.with_name(f".partial-{path.name}")
    try:
        _write_flushed(partial, content)
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _store_error(error) from error


def _write_flushed(path: Path, *parts: bytes) -> None:
    """Write a file for its owner only, and flush it to the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.writelines(parts)
        stream.flush()
        os.fsync(stream.fileno())


def _store_error(error: OSError) -> StoreError:
    return StoreError(f"a received object could not be written: {error.strerror}; free space or check permissions")
