"""Whether all of a study is here, judged by what its objects declare.

DICOM has no message that a study is finished. What objects may declare is how many belong together: per study, series,
acquisition, PET series or concatenation, or as a key object document that lists them. Without any of these, gaps in the
instance numbers are all that can be seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mdt_dicom.completeness_note import ObjectNote

IMAGE_MODALITIES = frozenset({"CT", "PT", "MR"})
SHOWN = 5  # so many numbers or UIDs are written out


@dataclass(frozen=True)
class Completeness:
    """The judgment over a study's objects.

    Attributes:
        missing: one sentence for every declaration that is not met; empty when nothing is known to be missing.
        undeclared: SeriesInstanceUIDs of image series whose size nothing declares.
        closed: True when a count of the whole study, or a list of it, is met: nothing more is to be waited for.
    """

    missing: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()
    closed: bool = False

    @property
    def is_complete(self) -> bool:
        """True when every declaration is met."""
        return not self.missing


def judge(notes: Sequence[ObjectNote], expected: frozenset[str] = frozenset()) -> Completeness:
    """Hold the objects of one study against what they declare; an object counts once, however often it came.

    Args:
        expected: SOPInstanceUIDs that an archive lists, when it was asked.
    """
    objects = list({note.sop_uid: note for note in notes}.values())
    by_series: dict[str, list[ObjectNote]] = defaultdict(list)
    for note in objects:
        by_series[note.series_uid].append(note)
    study_faults, closed = _study_faults(objects, len(by_series), expected)
    faults = [*study_faults, *_acquisition_faults(objects), *_concatenation_faults(objects)]
    undeclared = []
    for uid in sorted(by_series):
        series = by_series[uid]
        faults += _series_faults(uid, series)
        if not closed and _is_undeclared(series):
            undeclared.append(uid)
            faults += _number_faults(uid, series)
    return Completeness(tuple(faults), tuple(undeclared), closed and not faults)


def _study_faults(objects: Sequence[ObjectNote], series_count: int, expected: frozenset[str]) -> tuple[list[str], bool]:
    faults = []
    instances = _declared(note.study_instances for note in objects)
    if instances > len(objects):
        faults.append(f"{len(objects)} of {instances} objects of the study (NumberOfStudyRelatedInstances)")
    series = _declared(note.study_series for note in objects)
    if series > series_count:
        faults.append(f"{series_count} of {series} series of the study (NumberOfStudyRelatedSeries)")
    listed = expected.union(*(note.manifest for note in objects))
    lacking = sorted(listed - {note.sop_uid for note in objects})
    if lacking:
        faults.append(f"{len(lacking)} listed objects: {_shown(lacking)}")
    return faults, bool(instances or listed)


def _series_faults(uid: str, series: Sequence[ObjectNote]) -> list[str]:
    declared = _declared(note.series_instances for note in series)
    if declared > len(series):
        return [f"{len(series)} of {declared} objects of series {uid} (declared for the series)"]
    return []


def _acquisition_faults(objects: Sequence[ObjectNote]) -> list[str]:
    """An acquisition may be one series, or be spread over several reconstructions: either way of counting is enough."""
    groups: dict[tuple[str, str], list[ObjectNote]] = defaultdict(list)
    spread: dict[tuple[str, str], int] = defaultdict(int)
    for note in objects:
        if note.acquisition_images:
            groups[note.series_uid, note.acquisition].append(note)
            spread[note.modality, note.acquisition] += 1
    faults = []
    for (uid, acquisition), group in sorted(groups.items()):
        declared = _declared(note.acquisition_images for note in group)
        if declared > max(len(group), spread[group[0].modality, acquisition]):
            faults.append(f"{len(group)} of {declared} images of an acquisition of series {uid} (ImagesInAcquisition)")
    return faults


def _concatenation_faults(objects: Sequence[ObjectNote]) -> list[str]:
    parts: dict[str, list[ObjectNote]] = defaultdict(list)
    for note in objects:
        if note.concatenation:
            parts[note.concatenation].append(note)
    faults = []
    for uid, found in sorted(parts.items()):
        declared = _declared(note.concatenation_parts for note in found)
        if declared > len(found):
            faults.append(f"{len(found)} of {declared} parts of concatenation {uid} (InConcatenationTotalNumber)")
    return faults


def _is_undeclared(series: Sequence[ObjectNote]) -> bool:
    """True for single-frame images of which none says how many there are."""
    return any(note.modality in IMAGE_MODALITIES and not note.frames for note in series) and not any(
        note.series_instances or note.acquisition_images for note in series
    )


def _number_faults(uid: str, series: Sequence[ObjectNote]) -> list[str]:
    """Gaps between instance numbers that otherwise follow one another in even steps."""
    numbers = sorted({note.instance_number for note in series if note.instance_number is not None})
    steps = {after - before for before, after in pairwise(numbers)}
    if len(steps) < 2:
        return []
    step = min(steps)
    lacking = [
        number
        for before, after in pairwise(numbers)
        if after - before > step
        for number in range(before + step, min(after, before + step * (SHOWN + 2)), step)
    ]
    return [f"instance numbers {_shown(lacking)} of series {uid} (a gap; nothing declares their count)"]


def _declared(counts: Iterable[int | None]) -> int:
    """The largest count; objects made later may know of more."""
    return max((count for count in counts if count), default=0)


def _shown(items: Sequence[object]) -> str:
    written = ", ".join(str(item) for item in items[:SHOWN])
    return written + (f" and more ({len(items)})" if len(items) > SHOWN else "")
