"""The clinical records. Every key is derived from content, so that writing the same result again changes no row.

Times are ISO 8601 text in UTC. Nothing here names a patient: cases are known by their keyed hash only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, ForeignKeyConstraint
from sqlmodel import Field, SQLModel


class Case(SQLModel, table=True):
    """One patient's one question to the board."""

    __tablename__ = "cases"
    case_id: str = Field(primary_key=True, max_length=16)
    cancer: str
    state: str = "received"  # received, analyzing, awaiting-review, failed; later in-review, signed, amended, withdrawn
    created: str
    updated: str


class Study(SQLModel, table=True):
    """One imaging study that a case uses."""

    __tablename__ = "studies"
    case_id: str = Field(primary_key=True, foreign_key="cases.case_id")
    study_uid: str = Field(primary_key=True, max_length=64)
    date: str | None = None


class Series(SQLModel, table=True):
    """One series that was read, or rejected with the reason."""

    __tablename__ = "series"
    case_id: str = Field(primary_key=True, foreign_key="cases.case_id")
    series_uid: str = Field(primary_key=True, max_length=80)
    study_uid: str = Field(max_length=64)
    modality: str
    used_as: str | None = None  # ct, pet; None: not used
    reason: str = ""
    content_sha256: str | None = None
    instances: int = 0


class Run(SQLModel, table=True):
    """One analysis of a case; equal inputs, models, tables and parameters are one run, however often started."""

    __tablename__ = "runs"
    run_key: str = Field(primary_key=True, max_length=64)
    case_id: str = Field(foreign_key="cases.case_id", index=True)
    state: str  # running, completed, completed-with-failures, failed
    attempts: int = 1
    started: str
    ended: str | None = None
    software: str
    tables_version: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Finding(SQLModel, table=True):
    """One entry of findings.json: a tumor, node, metastasis candidate or quality verdict."""

    __tablename__ = "findings"
    run_key: str = Field(primary_key=True, foreign_key="runs.run_key", max_length=64)
    finding_id: str = Field(primary_key=True, max_length=64)
    kind: str
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class StagingRow(SQLModel, table=True):
    """The staging of one run by one edition."""

    __tablename__ = "stagings"
    run_key: str = Field(primary_key=True, foreign_key="runs.run_key", max_length=64)
    edition: str = Field(primary_key=True, max_length=8)
    t: str | None = None
    n: str | None = None
    m: str | None = None
    stage_group: str | None = None
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Model(SQLModel, table=True):
    """A model that some run used."""

    __tablename__ = "models"
    model_id: str = Field(primary_key=True)
    sha256: str = Field(primary_key=True, max_length=64)
    role: str


class RunModel(SQLModel, table=True):
    """Which run used which model."""

    __tablename__ = "run_models"
    __table_args__ = (ForeignKeyConstraint(["model_id", "sha256"], ["models.model_id", "models.sha256"]),)
    run_key: str = Field(primary_key=True, foreign_key="runs.run_key", max_length=64)
    model_id: str = Field(primary_key=True)
    sha256: str = Field(primary_key=True, max_length=64)


class Document(SQLModel, table=True):
    """A file that a run delivered, by its name inside the output folder."""

    __tablename__ = "documents"
    run_key: str = Field(primary_key=True, foreign_key="runs.run_key", max_length=64)
    name: str = Field(primary_key=True)
    media_type: str
    sha256: str = Field(max_length=64)
    size: int


class Delivery(SQLModel, table=True):
    """One version of a case's result on its way to one destination; a later sequence supersedes the earlier ones."""

    __tablename__ = "deliveries"
    case_id: str = Field(primary_key=True, foreign_key="cases.case_id", max_length=16)
    destination: str = Field(primary_key=True, max_length=64)
    sequence: int = Field(primary_key=True)
    intent: str  # preliminary, final, amended, entered-in-error
    payload: str = Field(
        max_length=64
    )  # SHA-256 of what is sent, which names the patient and lies in the case's folder
    state: str = Field(index=True)  # waiting, sending, delivered, checking, parked, superseded
    attempts: int = 0
    due: str  # when it may be tried next
    lease: str | None = None  # who sends it now, and until when that counts
    lease_until: str | None = None
    uncertain: bool = False  # some attempt ended nobody knows how
    check_at: str | None = None  # delivered, but a late copy of something older might still arrive: look again then
    reason: str | None = None  # why it waits or is parked
    created: str
    updated: str


class RemoteResource(SQLModel, table=True):
    """What a destination holds of a case, by the destination's own ids and versions."""

    __tablename__ = "remote_resources"
    case_id: str = Field(primary_key=True, foreign_key="cases.case_id", max_length=16)
    destination: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True, max_length=128)  # our name of it: fullUrl or SOP Instance UID
    reference: str
    version: str | None = None
    owned: bool
    sequence: int  # the delivery that last brought it there


class AuditEvent(SQLModel, table=True):
    """One link of a case's append-only chain; `digest` covers the row and the digest before it."""

    __tablename__ = "audit_events"
    case_id: str = Field(primary_key=True, max_length=16)
    sequence: int = Field(primary_key=True)
    at: str
    actor: str
    action: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    previous: str = Field(max_length=64)
    digest: str = Field(max_length=64)


class Account(SQLModel, table=True):
    """A person who may review or sign here. `password` is a salted scrypt hash, never the word itself."""

    __tablename__ = "accounts"
    name: str = Field(primary_key=True, max_length=64)
    role: str = Field(max_length=16)  # reviewer, signer
    family: str
    given: str = ""
    identifier: str | None = None  # "system|value" by which the EHR knows the person
    password: str
    failures: int = 0  # wrong passwords since the last right one
    locked_until: str | None = None
    active: bool = True
    created: str


class Review(SQLModel, table=True):
    """The review of one case: which draft it is about, and the version that every change raises."""

    __tablename__ = "reviews"
    case_id: str = Field(primary_key=True, foreign_key="cases.case_id", max_length=16)
    run_key: str = Field(foreign_key="runs.run_key", max_length=64)
    round: int = 1  # raised when the review starts over on a newer draft; earlier edits no longer apply
    version: int = 1
    opened: str
    updated: str


class EditRow(SQLModel, table=True):
    """One decision of a person on the draft; written once. `old` and `new` are plain JSON values."""

    __tablename__ = "edits"
    case_id: str = Field(primary_key=True, foreign_key="reviews.case_id", max_length=16)
    sequence: int = Field(primary_key=True)
    round: int
    at: str
    actor: str = Field(max_length=64)
    kind: str = Field(max_length=16)  # accept, reject, set, add, import
    target: str
    old: Any = Field(default=None, sa_column=Column(JSON))
    new: Any = Field(default=None, sa_column=Column(JSON))
    reason: str


class Signature(SQLModel, table=True):
    """One signature over a case's results; written once. `content_sha256` covers every signed file by name and hash."""

    __tablename__ = "signatures"
    case_id: str = Field(primary_key=True, foreign_key="cases.case_id", max_length=16)
    number: int = Field(primary_key=True)
    kind: str = Field(max_length=16)  # final, amended, withdrawn
    run_key: str = Field(foreign_key="runs.run_key", max_length=64)
    round: int
    edits: int  # edits up to this sequence are part of what was signed
    actor: str = Field(max_length=64)
    at: str
    reason: str
    folder: str = Field(max_length=32)  # inside the case's signed/
    content_sha256: str = Field(max_length=64)


class Tombstone(SQLModel, table=True):
    """That a case was erased, when and by whom; nothing of what it held."""

    __tablename__ = "tombstones"
    case_id: str = Field(primary_key=True, max_length=16)
    number: int = Field(primary_key=True)
    at: str
    actor: str = Field(max_length=64)
    state: str = Field(max_length=8)  # erasing (only inside the erasing transaction), erased
