"""The folder of one case: what goes between steps, by name and hash, and what only this machine may see.

<home>/cases/<case id>/private/    request.json, identity.json, record.json: names patients, mode 0700
                       work/       volumes and JSON that steps hand on
                       results/    Prefect's persisted results (names and hashes of files in work/)
                       out/        what is delivered
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from oncology.errors import StoreError
from oncology.findings import CaseId
from oncology.imaging.volume import Volume, read_volume, write_volume
from tasks.settings import settings

Outputs = dict[str, str]  # file name inside work/, or private/<name>, -> SHA-256
REQUEST, IDENTITY, RECORD = "request.json", "identity.json", "record.json"  # in private/
ABSENT = "absent"  # in place of a hash
FLOAT_DIGITS = 3  # a micrometer or a thousandth of an SUV; below that numbers are noise
BLOCK = 1 << 22


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def fingerprint(path: Path) -> str:
    """SHA-256 over the contents of a file, or of every file below a folder, whatever their names and order."""
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    contents = sorted(sha256_of(item) for item in files)
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()


def make_case_id(*parts: str) -> CaseId:
    """First 16 hex digits of HMAC-SHA256 over the parts, with the key kept in the home folder."""
    key = _pseudonym_key(settings().home / "pseudonym.key")
    return CaseId(hmac.new(key, "|".join(parts).encode(), hashlib.sha256).hexdigest()[:16])


def _pseudonym_key(path: Path) -> bytes:
    """The key, made once; a second process that starts at the same moment gets the same one."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_bytes(secrets.token_bytes(32))
        draft.chmod(0o600)
        try:
            os.link(draft, path)  # fails when another process was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and rounded numbers: equal content gives equal bytes."""
    return json.dumps(_rounded(value), indent=2, ensure_ascii=False, sort_keys=False, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        short = round(value, FLOAT_DIGITS)
        return 0.0 if short == 0 else short
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def write_bytes(path: Path, content: bytes) -> str:
    """Write a file whole or not at all; returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{path.name} could not be written: {error.strerror}; free space or check permissions"
        ) from error
    return hashlib.sha256(content).hexdigest()


class CaseFiles:
    """One case's folder."""

    def __init__(self, case_id: str) -> None:
        self.case_id = CaseId(case_id)
        self.root = settings().home / "cases" / case_id
        self.private = self.root / "private"
        self.work = self.root / "work"
        self.out = self.root / "out"

    def create(self) -> None:
        """Make the folders; only their owner may look inside."""
        for folder in (self.root, self.private, self.work):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def erase(self) -> None:
        """Remove the folder with everything in it."""
        shutil.rmtree(self.root, ignore_errors=True)

    def exists(self) -> bool:
        """True when the case was taken in on this machine."""
        return (self.private / REQUEST).is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else works on this case meanwhile; the lock ends with the process, however that ends.

        Raises:
            StoreError: another process is at work on the case.
        """
        path = settings().home / "locks" / self.case_id  # outside the case: erasing it must not let others in
        path.parent.mkdir(exist_ok=True, mode=0o700)
        with path.open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreError(f"case {self.case_id} is being staged by another process; wait for its end") from error
            yield

    def write_private(self, name: str, content: Any) -> None:
        """Keep something that may name the patient, readable by the owner only."""
        path = self.private / name
        write_bytes(path, json.dumps(content, ensure_ascii=False).encode())
        path.chmod(0o600)

    def read_private(self, name: str) -> Any:
        """What `write_private` kept.

        Raises:
            StoreError: there is nothing of that name.
        """
        path = self.private / name
        if not path.is_file():
            raise StoreError(f"case {self.case_id} has no {name}; take the case in with `aimdt stage` first")
        return json.loads(path.read_bytes())

    def private_outputs(self, *names: str) -> Outputs:
        """Private files that later steps depend on, there or absent: who the patient is belongs to an answer's key."""
        paths = {f"private/{name}": self.private / name for name in names}
        return {name: sha256_of(path) if path.is_file() else ABSENT for name, path in paths.items()}

    def save_json(self, name: str, content: Any) -> Outputs:
        """Hand a JSON value on to later steps."""
        return {name: write_bytes(self.work / name, canonical_json(content).encode())}

    def save_bytes(self, name: str, content: bytes) -> Outputs:
        """Hand a file on to later steps."""
        return {name: write_bytes(self.work / name, content)}

    def save_volume(self, name: str, volume: Volume) -> Outputs:
        """Hand a volume on to later steps (uncompressed when large: reading it back is the faster part)."""
        (self.work / name).parent.mkdir(parents=True, exist_ok=True)
        write_volume(volume, self.work / name, compress=volume.array.dtype.itemsize == 1)
        return {name: sha256_of(self.work / name)}

    def save_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> Outputs:
        """Hand arrays on to later steps; equal arrays give equal bytes."""
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        return self.save_bytes(name, stream.getvalue())

    def load_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Arrays of an earlier step."""
        with np.load(self._existing(name), allow_pickle=False) as stored:
            return dict(stored)

    def load_json(self, name: str) -> Any:
        """A JSON value of an earlier step."""
        return json.loads(self._existing(name).read_bytes())

    def load_volume(self, name: str) -> Volume:
        """A volume of an earlier step."""
        return read_volume(self._existing(name))

    def load_bytes(self, name: str) -> bytes:
        """A file of an earlier step."""
        return self._existing(name).read_bytes()

    def holds(self, outputs: Mapping[str, str]) -> bool:
        """True when every file is there with the content it had when it was handed on."""
        return all(self._holds(name, digest) for name, digest in outputs.items())

    def _holds(self, name: str, digest: str) -> bool:
        path = (self.root if name.startswith("private/") else self.work) / name
        return sha256_of(path) == digest if path.is_file() else digest == ABSENT

    def _existing(self, name: str) -> Path:
        path = self.work / name
        if not path.is_file():
            raise StoreError(
                f"case {self.case_id} lacks {name}, which an earlier step should have left; stage it again"
            )
        return path
