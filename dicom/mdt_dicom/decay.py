"""How long the activity decayed between injection and the moment to which a PET's values were corrected.

Sources: DICOM PS3.3 C.8.9.1.1.5 (Decay Correction) and C.8.9.4.1.5 (Frame Reference Time); RSNA QIBA,
vendor-neutral SUV calculation (the cases in which Series Time is not the start of the scan).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from mdt_dicom.suv_header import REMEDY, PetHeader, field_name
from oncology.errors import SuvError

# Two statements of the same clock time may differ by rounding to whole seconds.
SAME_MOMENT_S = 1.0
# Frames of one series that are traced back to the start of the scan must meet within this.
SAME_START_S = 2.0
# The header's own decay factor may differ from the one computed from its times by rounding of either.
DECAY_FACTOR_TOLERANCE = 0.005
# Beyond this many half-lives less than 2% is left: a wrong date or clock is likelier than a scan.
MOST_HALF_LIVES = 6.0

_TIME = re.compile(r"^(\d{2}):?(\d{2})?:?(\d{2})?(?:\.(\d{1,6}))?$")
_DATE = re.compile(r"^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$")
_DATE_TIME = re.compile(r"^(\d{8})(\d{2,6}(?:\.\d{1,6})?)?(?:[+-]\d{4})?$")


@dataclass(frozen=True)
class Moment:
    """A clock time, with its date where the header gives one."""

    clock: time
    day: date | None

    @property
    def seconds(self) -> float:
        """Since midnight."""
        return self.clock.hour * 3600.0 + self.clock.minute * 60 + self.clock.second + self.clock.microsecond / 1e6

    def seconds_after(self, other: Moment) -> float:
        """Seconds from `other` to this; both have a date, or neither counts."""
        if self.day is None or other.day is None:
            return self.seconds - other.seconds
        return (self.day - other.day).total_seconds() + self.seconds - other.seconds

    def moved(self, seconds: float) -> Moment:
        """The moment `seconds` later."""
        shifted = datetime.combine(self.day or date(2000, 1, 2), self.clock) + timedelta(seconds=seconds)
        return Moment(shifted.time(), shifted.date() if self.day else None)


def parse_clock(text: Any, name: str) -> time:
    """A DICOM TM value, also with the colons of old headers.

    >>> parse_clock("084500.50", "x")
    datetime.time(8, 45, 0, 500000)
    """
    match = _TIME.match(str(text).strip())
    try:
        if match is None:
            raise ValueError
        hour, minute, second = (int(part or 0) for part in match.groups()[:3])
        return time(hour, minute, min(second, 59), int((match.group(4) or "0").ljust(6, "0")))
    except ValueError as error:
        raise SuvError(f"{name} is no DICOM time in the PET; expected HHMMSS.FFFFFF; {REMEDY}") from error


def parse_day(text: Any, name: str) -> date:
    """A DICOM DA value."""
    match = _DATE.match(str(text).strip())
    try:
        if match is None:
            raise ValueError
        return date(*(int(part) for part in match.groups()))
    except ValueError as error:
        raise SuvError(f"{name} is no DICOM date in the PET; expected YYYYMMDD; {REMEDY}") from error


def parse_moment(text: Any, name: str) -> Moment:
    """A DICOM DT value; an offset from UTC is dropped, since all times of the header are local."""
    match = _DATE_TIME.match(str(text).strip())
    if match is None or match.group(2) is None:
        raise SuvError(f"{name} is no DICOM date and time in the PET; expected YYYYMMDDHHMMSS; {REMEDY}")
    return Moment(parse_clock(match.group(2), name), parse_day(match.group(1), name))


def decay_seconds(header: PetHeader, half_life_s: float) -> float:
    """Seconds from injection to the start of the scan, for DecayCorrection START.

    Raises:
        SuvError: a time is missing, contradicts another, or crosses midnight without a date.
    """
    scan = scan_start(header, half_life_s)
    injection = injection_moment(header)
    seconds = _since_injection(injection, scan)
    if seconds > MOST_HALF_LIVES * half_life_s:
        raise SuvError(
            f"{injection_field(header)} lies {seconds / 3600:.1f} hours before the scan, "
            f"{seconds / half_life_s:.0f} half-lives; expected an injection on the day of the scan; correct the header"
        )
    return seconds


def injection_field(header: PetHeader) -> str:
    """The field from which the injection time comes, as named in messages."""
    dated = header.radiopharmaceutical().optional("RadiopharmaceuticalStartDateTime") is not None
    return field_name("RadiopharmaceuticalStartDateTime" if dated else "RadiopharmaceuticalStartTime")


def injection_moment(header: PetHeader) -> Moment:
    """When the radiopharmaceutical was given; dated if RadiopharmaceuticalStartDateTime is there."""
    item = header.radiopharmaceutical()
    dated, clock = (
        item.optional(word) for word in ("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime")
    )
    if dated is None and clock is None:
        raise SuvError(
            f"{field_name('RadiopharmaceuticalStartDateTime')} and {field_name('RadiopharmaceuticalStartTime')} are "
            f"both missing in the PET; expected the time of injection; {REMEDY}"
        )
    if dated is None:
        return Moment(parse_clock(clock, field_name("RadiopharmaceuticalStartTime")), None)
    moment = parse_moment(dated, field_name("RadiopharmaceuticalStartDateTime"))
    if clock is not None:
        undated = Moment(parse_clock(clock, field_name("RadiopharmaceuticalStartTime")), moment.day)
        if abs(undated.seconds - moment.seconds) > SAME_MOMENT_S:
            raise SuvError(
                f"{field_name('RadiopharmaceuticalStartDateTime')} and {field_name('RadiopharmaceuticalStartTime')} "
                f"name clock times {abs(undated.seconds - moment.seconds):.0f} s apart; expected the same; "
                "correct the header"
            )
    return moment


def _since_injection(injection: Moment, scan: Moment) -> float:
    seconds = scan.seconds_after(injection)
    if seconds >= 0:
        return seconds
    if injection.day is None or scan.day is None:
        raise SuvError(
            f"{field_name('RadiopharmaceuticalStartTime')} is later in the day than the start of the scan and no date "
            f"says whether midnight lies between; expected {field_name('RadiopharmaceuticalStartDateTime')} and "
            f"{field_name('SeriesDate')}; {REMEDY}"
        )
    raise SuvError(
        f"{field_name('RadiopharmaceuticalStartDateTime')} lies {-seconds / 3600:.1f} hours after the start of the "
        "scan; expected it before; correct the header (a date may have been shifted when the images were pseudonymized)"
    )


def scan_start(header: PetHeader, half_life_s: float) -> Moment:
    """The moment to which DecayCorrection START refers.

    Series Date and Time as long as no frame was acquired before it; else GE's private scan start; else the start
    traced back from each frame by its Frame Reference Time, if all frames agree.
    """
    series = _series_moment(header)
    earliest = min(_acquisition_moments(header), key=lambda moment: (moment.day or date.min, moment.seconds))
    if earliest.seconds_after(series) >= 0:
        return series
    if series.day is None or earliest.day is None:
        raise SuvError(
            f"{field_name('SeriesTime')} is later in the day than the earliest {field_name('AcquisitionTime')} and "
            f"dates are missing, so midnight may lie between; expected {field_name('SeriesDate')} and "
            f"{field_name('AcquisitionDate')}; {REMEDY}"
        )
    private = header.ge_scan_start()
    if private is not None:
        return parse_moment(private, "GE private scan date and time (0009,100D)")
    return _traced_back(header, half_life_s)


def _series_moment(header: PetHeader) -> Moment:
    clock = header.required("SeriesTime", "the start of the scan, to which the decay is corrected")
    day = header.optional("SeriesDate")
    return Moment(
        parse_clock(clock, field_name("SeriesTime")), None if day is None else parse_day(day, field_name("SeriesDate"))
    )


def _acquisition_moments(header: PetHeader) -> list[Moment]:
    """One per slice; dated only where all slices are."""
    clocks, days = header.values("AcquisitionTime"), header.values("AcquisitionDate")
    stamps = header.values("AcquisitionDateTime")
    if all(stamp is not None for stamp in stamps) and any(clock is None for clock in clocks):
        return [parse_moment(stamp, field_name("AcquisitionDateTime")) for stamp in stamps]
    missing = sum(clock is None for clock in clocks)
    if missing:
        raise SuvError(
            f"{field_name('AcquisitionTime')} is missing or empty in {missing} of {len(clocks)} PET slices; expected "
            f"it in each, to tell whether {field_name('SeriesTime')} is the start of the scan; {REMEDY}"
        )
    dated = all(day is not None for day in days)
    return [
        Moment(
            parse_clock(clock, field_name("AcquisitionTime")),
            parse_day(day, field_name("AcquisitionDate")) if dated else None,
        )
        for clock, day in zip(clocks, days, strict=True)
    ]


def _traced_back(header: PetHeader, half_life_s: float) -> Moment:
    """The start of the scan from every frame's Frame Reference Time; an error unless all frames agree."""
    references = _milliseconds(header, "FrameReferenceTime")
    durations = _milliseconds(header, "ActualFrameDuration")
    _check_decay_factors(header, references, half_life_s)
    starts = [
        moment.moved(-reference + mean_count_time_s(duration, half_life_s))
        for moment, reference, duration in zip(_acquisition_moments(header), references, durations, strict=True)
    ]
    first = min(starts, key=lambda moment: moment.seconds_after(starts[0]))
    spread = max(moment.seconds_after(first) for moment in starts)
    if spread > SAME_START_S:
        raise SuvError(
            f"{field_name('SeriesTime')} is after the earliest {field_name('AcquisitionTime')}, and "
            f"{field_name('FrameReferenceTime')} leads to scan starts {spread:.0f} s apart; expected one start for the "
            "series; export the original series again"
        )
    return starts[0]


def _milliseconds(header: PetHeader, keyword: str) -> list[float]:
    """The field of every slice in seconds, all above zero."""
    values = header.values(keyword)
    try:
        seconds = [float(value) / 1000.0 for value in values]
    except (TypeError, ValueError):
        seconds = []
    if not seconds or min(seconds) <= 0:
        raise SuvError(
            f"{field_name('SeriesTime')} is after the earliest {field_name('AcquisitionTime')} and "
            f"{field_name(keyword)} is missing or zero, so the start of the scan is not known; expected it in "
            "milliseconds in every slice; export the original series again"
        )
    return seconds


def _check_decay_factors(header: PetHeader, references_s: list[float], half_life_s: float) -> None:
    """Frame Reference Time must be the one the image was corrected with, where the header says which."""
    for reference, factor in zip(references_s, header.values("DecayFactor"), strict=True):
        if factor is None or float(factor) <= 1:
            continue
        if abs(float(factor) * math.pow(2.0, -reference / half_life_s) - 1) > DECAY_FACTOR_TOLERANCE:
            raise SuvError(
                f"{field_name('FrameReferenceTime')} and {field_name('DecayFactor')} contradict each other "
                f"({reference:.0f} s and a factor of {float(factor):.4f}); expected the same decay; "
                "export the original series again"
            )


def mean_count_time_s(duration_s: float, half_life_s: float) -> float:
    """The moment within a frame at which the activity equals the frame's mean count rate.

    >>> round(mean_count_time_s(120.0, 6586.2), 2)
    59.94
    """
    decayed = math.log(2) * duration_s / half_life_s
    return half_life_s / math.log(2) * math.log(decayed / -math.expm1(-decayed))
