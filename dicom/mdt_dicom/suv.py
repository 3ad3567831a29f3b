"""The factor that turns a PET's values into body-weight SUV (g/mL), or the field that forbids it.

Nothing is assumed: no weight, no date, no unit. Sources: DICOM PS3.3 C.8.9.1 (PET Series: Units, SUV Type, Decay
Correction), RSNA QIBA vendor-neutral SUV calculation, Boellaard 2015 (EANM 2.0, uptake interval).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from mdt_dicom.decay import SAME_MOMENT_S, decay_seconds, injection_moment, parse_day
from mdt_dicom.enhanced_pet import ENHANCED_PET_CLASS, classic_header
from mdt_dicom.suv_header import GE_GROUP, PHILIPS_GROUP, REMEDY, PetHeader, field_name
from oncology.errors import SuvError
from oncology.findings import Severity, Verdict

# What a lean read has to keep for `suv_scale`: keywords, then private tags.
SUV_KEYWORDS = (
    "Units",
    "SUVType",
    "DecayCorrection",
    "DecayFactor",
    "CorrectedImage",
    "AttenuationCorrectionMethod",
    "Manufacturer",
    "PatientWeight",
    "SeriesDate",
    "SeriesTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "RadiopharmaceuticalInformationSequence",
)
SUV_PRIVATE_TAGS = (
    (PHILIPS_GROUP, 0x0010),
    (PHILIPS_GROUP, 0x1000),
    (PHILIPS_GROUP, 0x1009),
    (GE_GROUP, 0x0010),
    (GE_GROUP, 0x100D),
)

# Philips PET Private Group: SUV per stored unit, and Bq/mL per stored unit.
PHILIPS_SUV_FACTOR = 0x00
PHILIPS_ACTIVITY_FACTOR = 0x09

# Injected activities of human PET lie between 1 MBq and 10 GBq; a number below is MBq or kBq typed as Bq.
DOSE_RANGE_BQ = (1e6, 1e10)
# Body weights outside this range are other units or a placeholder.
WEIGHT_RANGE_KG = (2.0, 500.0)
# Half-life against the nuclide (laboratories round 6586.2 s to 6588 or 6600 s).
HALF_LIFE_TOLERANCE = 0.02
# FDG is imaged 60 min after injection, 55-75 min accepted (EANM 2.0); the warning leaves some room on both sides.
UPTAKE_RANGE_MIN = (45.0, 100.0)
# The vendor's own SUV factor and ours may differ by rounding and by the vendor's rounding of the weight.
VENDOR_TOLERANCE = 0.02

# Physical half-lives in seconds (Laboratoire National Henri Becquerel, Table of Radionuclides).
HALF_LIFE_S = {
    "C-11": 1221.7,
    "N-13": 597.9,
    "O-15": 122.3,
    "F-18": 6586.2,
    "Cu-64": 45724.0,
    "Ga-68": 4062.6,
    "Rb-82": 76.3,
    "Y-86": 53064.0,
    "Zr-89": 282280.0,
    "I-124": 360800.0,
}
_NUCLIDE = re.compile(
    r"\b(?:(?P<mass>\d{2,3})[\s^\-\]]*(?P<symbol>C|N|O|F|Cu|Ga|Rb|Y|Zr|I)|"
    r"(?P<symbol2>C|N|O|F|Cu|Ga|Rb|Y|Zr|I)[\s^\-\[]*(?P<mass2>\d{2,3}))(?![\dA-Za-z])",
    re.IGNORECASE,
)
_ELEMENTS = {"FLUORINE": "F", "CARBON": "C", "GALLIUM": "Ga", "OXYGEN": "O", "NITROGEN": "N", "RUBIDIUM": "Rb"}


@dataclass(frozen=True)
class SuvScale:
    """How one PET series becomes SUV.

    Attributes:
        factor: SUVbw in g/mL per unit of the values after RescaleSlope and RescaleIntercept, for every slice.
        units: the header's Units.
        decay_correction: START or ADMIN; empty for a GML series that does not say.
        uptake_s: seconds from injection to scan, where they were needed.
        derivation: one sentence for the report.
    """

    factor: float
    units: str
    decay_correction: str
    uptake_s: float | None = None
    derivation: str = ""
    verdicts: tuple[Verdict, ...] = ()


def suv_scale(headers: Sequence[Dataset]) -> SuvScale:
    """The SUVbw factor of a PET series.

    Args:
        headers: one data set per slice (any order), or the single one of an enhanced multi-frame object, whose
            values are then those after its real-world value mapping.
    Raises:
        SuvError: a field is missing, zero or contradicts another; the message names it.
    """
    enhanced = [str(header.get("SOPClassUID", "")) == ENHANCED_PET_CLASS for header in headers]
    header = PetHeader([classic_header(item) if new else item for item, new in zip(headers, enhanced, strict=True)])
    units = str(header.required("Units", "BQML, GML or Philips CNTS")).strip().upper()
    routes = {"GML": _from_gml, "BQML": _from_bqml, "CNTS": _from_counts}
    if units not in routes:
        raise SuvError(
            f"{field_name('Units')} is {units[:16]} in the PET; expected BQML, GML or Philips CNTS, the units that "
            "lead to body-weight SUV; export the series in Bq/mL"
        )
    _check_corrections(header, units)
    return routes[units](header)


def _check_corrections(header: PetHeader, units: str) -> None:
    """Attenuation and decay must have been corrected."""
    name, corrected = field_name("CorrectedImage"), header.words("CorrectedImage")
    if header.text("DecayCorrection") == "NONE":
        raise SuvError(
            f"{field_name('DecayCorrection')} is NONE in the PET; expected START or ADMIN: without it slices of "
            "different times do not compare; reconstruct with decay correction"
        )
    if corrected is None:
        if units != "GML" and not header.text("AttenuationCorrectionMethod"):
            raise SuvError(
                f"{name} and {field_name('AttenuationCorrectionMethod')} are missing in the PET; expected ATTN: "
                f"SUV needs attenuation correction; {REMEDY}"
            )
        return
    if "ATTN" not in corrected:
        raise SuvError(
            f"{name} does not contain ATTN in the PET; expected an attenuation-corrected series; choose the AC series"
        )
    if "DECY" not in corrected and units != "GML":
        raise SuvError(
            f"{name} does not contain DECY but {field_name('DecayCorrection')} claims a correction; expected both to "
            "agree; correct the header"
        )


def _from_gml(header: PetHeader) -> SuvScale:
    """SUV already; body weight unless SUV Type says otherwise (PS3.3 C.8.9.1: absent means BW)."""
    kind = header.text("SUVType")
    if kind not in ("", "BW"):
        raise SuvError(
            f"{field_name('SUVType')} is {kind[:16]} in the PET; expected BW: SUV by lean body mass or body surface is "
            "another scale; export body-weight SUV or Bq/mL"
        )
    decay = header.text("DecayCorrection")
    verdicts = []
    if header.words("CorrectedImage") is None:
        verdicts.append(_verdict("pet-corrections-unstated", f"{field_name('CorrectedImage')} is missing"))
    if not decay:
        verdicts.append(_verdict("pet-decay-unstated", f"{field_name('DecayCorrection')} is missing"))
    verdicts += _contradicting_injection(header)
    return SuvScale(1.0, "GML", decay, None, "values are body-weight SUV as exported (Units GML)", tuple(verdicts))


def _from_bqml(header: PetHeader) -> SuvScale:
    """Activity concentration, against the injected activity per gram of body weight."""
    factor, decay, uptake, derivation, verdicts = _per_becquerel(header)
    vendor, activity = (header.philips_factor(tag) for tag in (PHILIPS_SUV_FACTOR, PHILIPS_ACTIVITY_FACTOR))
    if vendor and activity:
        verdicts += _vendor_verdict(vendor / activity, factor)
    return SuvScale(factor, "BQML", decay, uptake, derivation, tuple(verdicts))


def _from_counts(header: PetHeader) -> SuvScale:
    """Philips counts: by its private SUV factor, else by its private activity factor and the BQML route."""
    decay = _decay_correction(header)
    vendor, activity = (header.philips_factor(tag) for tag in (PHILIPS_SUV_FACTOR, PHILIPS_ACTIVITY_FACTOR))
    if vendor:
        derivation = "counts times the vendor's SUV factor (7053,1000)"
        return SuvScale(vendor, "CNTS", decay, None, derivation, tuple(_contradicting_injection(header)))
    if activity is None:
        raise SuvError(
            f"{field_name('Units')} is CNTS in the PET and the Philips private factors (7053,1000) and (7053,1009) are "
            "missing or zero; expected one of them; export the series in Bq/mL or with private fields kept"
        )
    factor, decay, uptake, derivation, verdicts = _per_becquerel(header)
    derivation = f"counts times the vendor's activity factor (7053,1009); {derivation}"
    return SuvScale(factor * activity, "CNTS", decay, uptake, derivation, tuple(verdicts))


def _per_becquerel(header: PetHeader) -> tuple[float, str, float | None, str, list[Verdict]]:
    """SUVbw per Bq/mL with decay correction, uptake seconds (START), derivation and verdicts."""
    decay = _decay_correction(header)
    weight, dose = _weight_kg(header), _dose_bq(header)
    if decay == "ADMIN":
        verdicts = _contradicting_injection(header)
        sentence = f"{weight:g} kg / {dose / 1e6:g} MBq, values corrected to the injection (ADMIN)"
        return weight * 1000.0 / dose, decay, None, sentence, verdicts
    half_life = _half_life_s(header)
    uptake = decay_seconds(header, half_life)
    left = dose * 2.0 ** (-uptake / half_life)
    sentence = f"{weight:g} kg / {dose / 1e6:g} MBq decayed over {uptake / 60:.1f} min (START)"
    return weight * 1000.0 / left, decay, uptake, sentence, _uptake_verdict(uptake)


def _decay_correction(header: PetHeader) -> str:
    decay = str(header.required("DecayCorrection", "START or ADMIN")).strip().upper()
    if decay not in ("START", "ADMIN"):
        raise SuvError(f"{field_name('DecayCorrection')} is {decay[:16]} in the PET; expected START or ADMIN; {REMEDY}")
    return decay


def _weight_kg(header: PetHeader) -> float:
    weight = header.positive("PatientWeight", "the body weight in kg on the day of the scan")
    low, high = WEIGHT_RANGE_KG
    if not low <= weight <= high:
        raise SuvError(
            f"{field_name('PatientWeight')} is {weight:g} in the PET; expected kilograms between {low:g} and {high:g}; "
            "correct the header"
        )
    return weight


def _dose_bq(header: PetHeader) -> float:
    item = header.radiopharmaceutical()
    dose = item.positive("RadionuclideTotalDose", "the injected activity in Bq")
    low, high = DOSE_RANGE_BQ
    if not low <= dose <= high:
        raise SuvError(
            f"{field_name('RadionuclideTotalDose')} is {dose:g} in the PET; expected Bq between {low:g} and {high:g} "
            "(a small number is often MBq or kBq); correct the header"
        )
    return dose


def _half_life_s(header: PetHeader) -> float:
    """The half-life, checked against the nuclide named, or against all known positron emitters."""
    item = header.radiopharmaceutical()
    half_life = item.positive("RadionuclideHalfLife", "the physical half-life in seconds")
    nuclide = named_nuclide(item)
    candidates = {nuclide: HALF_LIFE_S[nuclide]} if nuclide else HALF_LIFE_S
    if any(abs(half_life / known - 1) <= HALF_LIFE_TOLERANCE for known in candidates.values()):
        return half_life
    expected = f"{HALF_LIFE_S[nuclide]:g} s of {nuclide}" if nuclide else "that of a positron emitter, in seconds"
    raise SuvError(
        f"{field_name('RadionuclideHalfLife')} is {half_life:g} in the PET; expected {expected}; correct the header"
    )


def named_nuclide(item: PetHeader) -> str | None:
    """The nuclide of the radiopharmaceutical item, `F-18`; None when no code or text names one."""
    texts = [
        str(code.get("CodeMeaning", ""))
        for sequence in item.values("RadionuclideCodeSequence")
        for code in sequence or ()
    ]
    texts.append(str(item.optional("Radiopharmaceutical") or ""))
    for text in texts:
        for word, symbol in _ELEMENTS.items():
            text = re.sub(word, symbol, text, flags=re.IGNORECASE)
        for match in _NUCLIDE.finditer(text):
            symbol = (match.group("symbol") or match.group("symbol2")).capitalize()
            nuclide = f"{symbol}-{match.group('mass') or match.group('mass2')}"
            if nuclide in HALF_LIFE_S:
                return nuclide
    return None


def _contradicting_injection(header: PetHeader) -> list[Verdict]:
    """A warning when the injection's date cannot be right, on routes that do not need it."""
    if not header.optional("RadiopharmaceuticalInformationSequence"):
        return []
    try:
        moment, day = injection_moment(header), header.optional("SeriesDate")
        days = (moment.day - parse_day(day, field_name("SeriesDate"))).days if moment.day and day else 0
    except SuvError as error:
        return [_verdict("pet-injection-time-unusable", f"{error}; not needed here, the SUV stands")]
    if days > 0 or days < -1:
        side = "after" if days > 0 else "before"
        message = (
            f"{field_name('RadiopharmaceuticalStartDateTime')} lies {abs(days)} day(s) {side} "
            f"{field_name('SeriesDate')}; not needed here, the SUV stands"
        )
        return [_verdict("pet-injection-date-contradicts", message)]
    return []


def _uptake_verdict(uptake_s: float) -> list[Verdict]:
    low, high = UPTAKE_RANGE_MIN
    if low * 60 - SAME_MOMENT_S <= uptake_s <= high * 60:
        return []
    message = f"the scan began {uptake_s / 60:.0f} min after injection; 55-75 min is usual, SUV compares badly outside"
    return [_verdict("pet-uptake-time", message)]


def _vendor_verdict(vendor: float, ours: float) -> list[Verdict]:
    if abs(vendor / ours - 1) <= VENDOR_TOLERANCE:
        return []
    message = f"the vendor's private SUV factor differs by {abs(vendor / ours - 1):.0%} from the one by header fields"
    return [_verdict("pet-vendor-factor-differs", message)]


def _verdict(code: str, message: str) -> Verdict:
    return Verdict(code, Severity.WARNING, message, "pet")
