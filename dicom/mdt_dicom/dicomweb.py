"""DICOMweb: search (QIDO-RS), retrieve (WADO-RS) and store (STOW-RS), each call tried again where that may help.

Search parameters name patients and stand in URLs, which errors of the HTTP library quote: none of them leaves this
module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

from mdt_dicom.header import HEADER_FAULTS, quietly
from mdt_dicom.send import Failure, Outgoing, SendReport, outgoing
from oncology.errors import DeliveryError, InputError

TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
PAGE, MAX_PAGES = 200, 100
BATCH_BYTES = 32 << 20  # of one STOW request
ANY_SYNTAX = (("application/dicom", "*"),)  # as it is stored, not decompressed on the way
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class WebSettings:
    """How to reach a DICOMweb server. Secrets are never shown.

    Attributes:
        url: root of its services, such as https://pacs.example.org/dicom-web
        token: bearer token.
        login: user and password, for servers without tokens.
        authorities: PEM file with who may have signed the server's certificate; the system's without it.
        certificate: PEM files of our own certificate and key, where the server asks for one.
        attempts: of every call; a Retry-After of the server is kept, up to `longest_wait_s`.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    authorities: Path | None = None
    certificate: tuple[Path, Path] | None = None
    timeout_s: float = 60.0
    attempts: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


@dataclass(frozen=True)
class FoundStudy:
    """A study that a search found. What names the patient is not shown.

    Attributes:
        date: ISO, None when not stated.
        instances: as the server counts them, None when it does not.
    """

    study_uid: str
    date: str | None = None
    modalities: frozenset[str] = frozenset()
    instances: int | None = None
    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    accession: str = field(default="", repr=False)


@dataclass(frozen=True)
class FoundSeries:
    """A series that a search found."""

    series_uid: str
    modality: str
    instances: int | None = None


class DicomWeb:
    """One DICOMweb server."""

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        session = requests.Session()
        session.trust_env = False  # no proxy or .netrc of the user's sees patients by accident
        session.verify = str(settings.authorities) if settings.authorities else True
        session.auth = settings.login
        if settings.certificate:
            session.cert = (str(settings.certificate[0]), str(settings.certificate[1]))
        headers = {"Authorization": f"Bearer {settings.token}"} if settings.token else None
        try:
            self._client = DICOMwebClient(
                settings.url, session=session, headers=headers, timeout=settings.timeout_s, permissive_uid=True
            )
        except (ValueError, TypeError):
            raise InputError(
                "the address of the DICOMweb server is none; expected http(s)://host[:port]/path"
            ) from None
        self._client.set_http_retry_params(retry=False)  # tried again here, where Retry-After is heeded

    def find_studies(
        self, *, patient_id: str = "", issuer: str = "", accession: str = "", study_uid: str = ""
    ) -> tuple[FoundStudy, ...]:
        """Studies of a patient, or with an accession number or UID; only exact matches.

        Args:
            issuer: a study whose patient has another issuer is left out; one that states none is not.
        Raises:
            InputError: nothing to search by.
            DeliveryError: the server does not answer, or refuses.
        """
        wanted = {
            "PatientID": patient_id,
            "AccessionNumber": accession,
            "StudyInstanceUID": study_uid,
        }
        filters = {name: value for name, value in wanted.items() if value}
        if not filters:
            raise InputError("a search needs a patient, an accession number or a study; none was given")
        extra = ["IssuerOfPatientID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"]
        pages = self._pages(self._client.search_for_studies, "StudyInstanceUID", search_filters=filters, fields=extra)
        found = tuple(_study(item) for item in pages)
        return tuple(study for study in found if _matches(study, patient_id, issuer, accession))

    def find_series(self, study_uid: str) -> tuple[FoundSeries, ...]:
        """The series of a study."""
        pages = self._pages(self._client.search_for_series, "SeriesInstanceUID", study_instance_uid=study_uid)
        return tuple(
            FoundSeries(
                _value(item, "SeriesInstanceUID"),
                _value(item, "Modality"),
                _count(item, "NumberOfSeriesRelatedInstances"),
            )
            for item in pages
        )

    def find_objects(self, study_uid: str, series_uid: str) -> tuple[str, ...]:
        """SOPInstanceUIDs of a series."""
        pages = self._pages(
            self._client.search_for_instances,
            "SOPInstanceUID",
            study_instance_uid=study_uid,
            series_instance_uid=series_uid,
        )
        return tuple(_value(item, "SOPInstanceUID") for item in pages)

    def fetch_series(self, study_uid: str, series_uid: str) -> Iterator[Dataset]:
        """The objects of a series as they come, in the syntax they are stored in.

        Raises:
            DeliveryError: the transfer broke off; objects yielded before are whole.
        """
        stream = self._tried(
            lambda: self._client.iter_series(study_uid, series_uid, media_types=ANY_SYNTAX), "retrieving a series"
        )
        try:
            with quietly():
                yield from stream
        except (requests.RequestException, *HEADER_FAULTS):
            raise DeliveryError(
                "a series broke off while it was retrieved; its other objects are asked for singly"
            ) from None

    def fetch_object(self, study_uid: str, series_uid: str, sop_uid: str) -> Dataset:
        """One object."""
        with quietly():
            return self._tried(
                lambda: self._client.retrieve_instance(study_uid, series_uid, sop_uid, media_types=ANY_SYNTAX),
                "retrieving an object",
            )

    def store(self, paths: Iterable[Path]) -> SendReport:
        """Store files by STOW-RS; sending the same again changes nothing on the server.

        Raises:
            InputError: a file cannot be read.
            DeliveryError: the server does not answer, or refuses altogether.
        """
        report = SendReport()
        for batch in _batches(outgoing(paths)):
            with quietly():
                objects = [pydicom.dcmread(item.path) for item in batch]
                answer = self._tried(lambda objects=objects: self._stored(objects), "storing")  # type: ignore[misc]
            report += _report(batch, answer)
        return report

    def _stored(self, objects: Sequence[Dataset]) -> Dataset:
        """The server's answer; a conflict (409) says which objects it did not take (PS3.18 section 10.5)."""
        try:
            return self._client.store_instances(objects)
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != HTTPStatus.CONFLICT:
                raise
            try:
                return Dataset.from_json(error.response.json())
            except (ValueError, KeyError, TypeError, AttributeError):
                raise error from None

    def _pages(self, search: Callable[..., list[Any]], key: str, **query: Any) -> Iterator[Any]:
        """Every result once; a server that ignores the offset ends it too."""
        seen: set[str] = set()
        for page in range(MAX_PAGES):
            ask = lambda page=page: search(limit=PAGE, offset=page * PAGE, **query)  # noqa: E731
            fresh = [item for item in self._tried(ask, "searching") if _value(item, key) not in seen]
            seen |= {_value(item, key) for item in fresh}
            yield from fresh
            if len(fresh) < PAGE:
                return

    def _tried(self, call: Callable[[], Answer], what: str) -> Answer:
        """Call, and call again while that may help.

        Raises:
            DeliveryError: with the server's status, never with its words or the URL.
        """
        reason = ""
        for attempt in range(self.settings.attempts):
            try:
                return call()
            except requests.HTTPError as error:
                status = error.response.status_code if error.response is not None else 0
                reason = f"the server answered {status}"
                if status not in TRY_AGAIN:
                    break
                wait_s = self._wait_s(attempt, error.response)
            except requests.RequestException as error:
                reason, wait_s = f"the server could not be reached ({type(error).__name__})", self._wait_s(attempt)
            except HEADER_FAULTS:
                reason = "the server's answer is no DICOMweb"
                break
            if attempt + 1 < self.settings.attempts:
                self.settings.sleep(wait_s)
        raise DeliveryError(f"{what} by DICOMweb failed: {reason}; check its address, our rights and its log")

    def _wait_s(self, attempt: int, response: requests.Response | None = None) -> float:
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        wait_s = float(asked) if asked.isdecimal() else self.settings.first_wait_s * 2**attempt
        return min(wait_s, self.settings.longest_wait_s)


def _batches(objects: Sequence[Outgoing]) -> list[list[Outgoing]]:
    batches: list[list[Outgoing]] = []
    size = BATCH_BYTES
    for item in objects:
        length = item.path.stat().st_size
        if size + length > BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(item)
        size += length
    return batches


def _report(batch: Sequence[Outgoing], answer: Dataset) -> SendReport:
    """Objects that the answer does not name as failed are stored (an empty answer is allowed)."""
    reasons = {
        str(item.get("ReferencedSOPInstanceUID", "")): int(item.get("FailureReason", 0))
        for item in answer.get("FailedSOPSequence") or []
    }
    return SendReport(
        tuple(item.sop_uid for item in batch if item.sop_uid not in reasons),
        tuple(
            Failure(item.sop_uid, f"the archive gave failure reason {reasons[item.sop_uid]:04X}")
            for item in batch
            if item.sop_uid in reasons
        ),
    )


def _matches(study: FoundStudy, patient_id: str, issuer: str, accession: str) -> bool:
    """Servers take `*` and `?` as wildcards, and may leave out what they cannot search by."""
    return (
        (not patient_id or study.patient_id == patient_id)
        and (not accession or study.accession == accession)
        and (not issuer or not study.issuer or study.issuer == issuer)
    )


def _study(item: Any) -> FoundStudy:
    date = _value(item, "StudyDate")
    return FoundStudy(
        study_uid=_value(item, "StudyInstanceUID"),
        date=f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdecimal() else None,
        modalities=frozenset(_values(item, "ModalitiesInStudy")),
        instances=_count(item, "NumberOfStudyRelatedInstances"),
        patient_id=_value(item, "PatientID"),
        issuer=_value(item, "IssuerOfPatientID"),
        accession=_value(item, "AccessionNumber"),
    )


def _values(item: Any, keyword: str) -> list[str]:
    """Values of DICOM JSON (PS3.18 annex F) as text."""
    tag = f"{pydicom.datadict.tag_for_keyword(keyword):08X}"
    found = item.get(tag, {}) if isinstance(item, dict) else {}
    return [str(value).strip() for value in found.get("Value", []) if value is not None]


def _value(item: Any, keyword: str) -> str:
    return next(iter(_values(item, keyword)), "")


def _count(item: Any, keyword: str) -> int | None:
    value = _value(item, keyword)
    return int(value) if value.isdecimal() else None
