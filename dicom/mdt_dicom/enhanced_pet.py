"""An enhanced (multi-frame) PET header in the words of a classic one, so that one set of SUV rules serves both.

Enhanced PET says in plain fields what classic PET leaves to rules: the moment to which decay was corrected and
whether attenuation was. Source: DICOM PS3.3 A.56 and C.8.22 (Enhanced PET), C.7.6.16.2.11 (real-world values).
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from mdt_dicom.header import text
from mdt_dicom.suv_header import REMEDY, field_name
from oncology.errors import SuvError

ENHANCED_PET_CLASS = "1.2.840.10008.5.1.4.1.1.130"
# UCUM units of the real-world value mapping, and the classic Units with SUV Type that they mean.
UNITS = {
    "BQ/ML": ("BQML", ""),
    "{COUNTS}": ("CNTS", ""),
    "G/ML{SUVBW}": ("GML", "BW"),
    "G/ML{SUVLBM}": ("GML", "LBM"),
    "CM2/ML{SUVBSA}": ("CM2ML", "BSA"),
    "G/ML{SUVIBW}": ("GML", "IBW"),
}


def classic_header(header: Dataset) -> Dataset:
    """The fields that SUV needs; values are those after the real-world value mapping.

    Raises:
        SuvError: units are missing, or differ between frames.
    """
    classic = Dataset()
    classic.Units, classic.SUVType = _units(header)
    corrected = [
        word for word, field in (("ATTN", "AttenuationCorrected"), ("DECY", "DecayCorrected")) if _yes(header, field)
    ]
    classic.CorrectedImage = [*corrected, "NORM"]
    classic.DecayCorrection = "START" if "DECY" in corrected else "NONE"
    moment = text(header, "DecayCorrectionDateTime")
    if "DECY" in corrected and classic.Units != "GML":
        if not moment:
            raise SuvError(
                f"{field_name('DecayCorrectionDateTime')} is missing in the PET; expected the moment to which the "
                f"decay was corrected; {REMEDY}"
            )
        classic.SeriesDate = classic.AcquisitionDate = moment[:8]
        classic.SeriesTime = classic.AcquisitionTime = moment[8:].split("+")[0].split("-")[0]
    for keyword in ("PatientWeight", "Manufacturer", "RadiopharmaceuticalInformationSequence"):
        if keyword in header:
            setattr(classic, keyword, header.get(keyword))
    return classic


def _yes(header: Dataset, keyword: str) -> bool:
    return text(header, keyword).upper() == "YES"


def _units(header: Dataset) -> tuple[str, str]:
    """Units and SUV Type of all frames."""
    groups = [
        *(header.get("SharedFunctionalGroupsSequence") or ()),
        *(header.get("PerFrameFunctionalGroupsSequence") or ()),
    ]
    found = {
        text(code, "CodeValue").upper()
        for group in groups
        for mapping in group.get("RealWorldValueMappingSequence") or ()
        for code in mapping.get("MeasurementUnitsCodeSequence") or ()
    }
    known = {UNITS[code] for code in found if code in UNITS}
    if len(known) != 1 or len(found) != 1:
        raise SuvError(
            f"{field_name('MeasurementUnitsCodeSequence')} of the PET's real-world value mapping names "
            f"{len(found)} units, {len(known)} of them known; expected one for all frames, such as Bq/ml; {REMEDY}"
        )
    return known.pop()
