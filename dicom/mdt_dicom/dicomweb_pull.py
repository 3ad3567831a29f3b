"""Studies from a DICOMweb archive into a folder of received objects: the study asked for, and its priors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from pydicom.dataset import Dataset

from mdt_dicom.dicomweb import DicomWeb, FoundStudy
from mdt_dicom.header import HEADER_FAULTS
from mdt_dicom.receiver_store import Incoming, Kept, content_offset, study_key
from oncology.errors import DeliveryError, ImageError

STAGED = frozenset({"CT", "PT"})


@dataclass(frozen=True)
class Pulled:
    """A study that was fetched whole; `key` is its folder's name below the incoming folder."""

    key: str
    study: FoundStudy
    objects: int


def pull(
    web: DicomWeb,
    incoming: Incoming,
    on_stored: Callable[[Kept], None] = lambda _kept: None,
    *,
    patient_id: str = "",
    issuer: str = "",
    accession: str = "",
) -> tuple[Pulled, ...]:
    """Fetch CT and PET of every study of a patient, or with an accession number.

    Raises:
        InputError: nothing to search by.
        ImageError: no such study has CT or PET.
        DeliveryError: the server failed; what was fetched stays, and pulling again fetches the rest.
    """
    found = web.find_studies(patient_id=patient_id, issuer=issuer, accession=accession)
    wanted = [study for study in found if _may_hold(study)]
    if not wanted:
        raise ImageError("the archive has no CT or PET of what was asked for; check the number and the archive")
    return tuple(pull_study(web, study, incoming, on_stored) for study in wanted)


def find_priors(
    web: DicomWeb, study_uid: str, *, patient_id: str, issuer: str = "", limit: int = 3
) -> tuple[FoundStudy, ...]:
    """Earlier studies of the same patient with CT or PET, the newest first.

    A study without a date, or with one after the given study's, is none. When the archive does not know the given
    study, every dated one counts.
    """
    found = web.find_studies(patient_id=patient_id, issuer=issuer)
    present = next((study.date for study in found if study.study_uid == study_uid), None)
    earlier = [
        study
        for study in found
        if study.study_uid != study_uid
        and study.date is not None
        and (present is None or study.date <= present)
        and _may_hold(study)
    ]
    return tuple(sorted(earlier, key=lambda study: study.date or "", reverse=True)[:limit])


def pull_study(
    web: DicomWeb, study: FoundStudy, incoming: Incoming, on_stored: Callable[[Kept], None] = lambda _kept: None
) -> Pulled:
    """Fetch CT and PET of one study; objects that are here already are not fetched again.

    What the archive lists is written down first, so that the study counts as complete only when all of it is here.

    Raises:
        DeliveryError: objects are missing in the end.
    """
    listed = {
        series.series_uid: web.find_objects(study.study_uid, series.series_uid)
        for series in web.find_series(study.study_uid)
        if series.modality in STAGED
    }
    everything = frozenset(uid for uids in listed.values() for uid in uids)
    incoming.expect(study.study_uid, everything)
    for series_uid, uids in listed.items():
        _pull_series(web, study.study_uid, series_uid, frozenset(uids), incoming, on_stored)
    lacking = everything - set(incoming.find(everything))
    if lacking:
        raise DeliveryError(
            f"{len(lacking)} of {len(everything)} objects of study {study.study_uid} could not be fetched; "
            "pull it again"
        )
    return Pulled(study_key(study.study_uid), study, len(everything))


def _pull_series(
    web: DicomWeb,
    study_uid: str,
    series_uid: str,
    uids: frozenset[str],
    incoming: Incoming,
    on_stored: Callable[[Kept], None],
) -> None:
    """The series as a whole first; what that leaves out, object by object."""
    if not uids - set(incoming.find(uids)):
        return
    try:
        for item in web.fetch_series(study_uid, series_uid):
            on_stored(keep_dataset(incoming, item))
    except DeliveryError:
        pass  # the rest is asked for singly; what then fails is raised
    for uid in sorted(uids - set(incoming.find(uids))):
        on_stored(keep_dataset(incoming, web.fetch_object(study_uid, series_uid, uid)))


def _may_hold(study: FoundStudy) -> bool:
    """True for a study with CT or PET, or whose modalities the archive does not tell."""
    return not study.modalities or bool(study.modalities & STAGED)


def keep_dataset(incoming: Incoming, item: Dataset) -> Kept:
    """Store an object that came as a data set.

    Raises:
        ImageError: it cannot be written as DICOM.
    """
    stream = BytesIO()
    try:
        item.save_as(stream, enforce_file_format=True)
    except HEADER_FAULTS:
        raise ImageError("an object of the archive cannot be written as DICOM; correct it there") from None
    content = stream.getvalue()
    return incoming.keep(item.file_meta, content[content_offset(content) :])
