"""SUV factors by vendor dialect, and every field that forbids one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mdt_dicom.suv import named_nuclide, suv_scale
from mdt_dicom.suv_header import PetHeader
from oncology.errors import SuvError

HALF_LIFE_S = 6586.2
INJECTION_FIELDS = {
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
}
# Header values as published with cornerstonejs/calculate-suv (test/metadata, MIT licence).
SIEMENS = {
    "SeriesDate": "20201217",
    "SeriesTime": "104829.000000",
    "PatientWeight": 67,
    "AcquisitionDate": "20201217",
    "AcquisitionTime": "104830.351370",
    "FrameReferenceTime": 38513.36,
    "ActualFrameDuration": 74324,
    "DecayCorrection": "START",
    "Units": "BQML",
    "RadionuclideTotalDose": 374000000,
    "RadionuclideHalfLife": 6586.2,
    "RadiopharmaceuticalStartTime": "083045.000000",
    "RadiopharmaceuticalStartDateTime": "20201217083045.000000 ",
    "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
}
PHILIPS_COUNTS = {
    "SeriesDate": "20201217",
    "SeriesTime": "134551",
    "PatientWeight": 47,
    "AcquisitionDate": "20201217",
    "AcquisitionTime": "141336",
    "DecayCorrection": "START",
    "Units": "CNTS",
    "RadionuclideTotalDose": 208230000,
    "RadionuclideHalfLife": 6588,
    "RadiopharmaceuticalStartTime": "123000",
    "CorrectedImage": ["DECY", "RADL", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
}


def pet_header(values: dict[str, object] | None = None, *, philips: dict[int, str] | None = None) -> Dataset:
    """A classic PET header; None as a value removes the field."""
    header, item = Dataset(), Dataset()
    for keyword, value in {**SIEMENS, **(values or {})}.items():
        if value is not None:
            setattr(item if keyword in INJECTION_FIELDS else header, keyword, value)
    header.RadiopharmaceuticalInformationSequence = Sequence([item])
    if philips:
        block = header.private_block(0x7053, "Philips PET Private Group", create=True)
        for element, value in philips.items():
            block.add_new(element, "DS", value)
    return header


def by_hand(weight_kg: float, dose_bq: float, seconds: float, half_life_s: float = HALF_LIFE_S) -> float:
    """Grams of body per becquerel left after `seconds`."""
    return weight_kg * 1000.0 / (dose_bq * math.exp(-math.log(2) * seconds / half_life_s))


def test_start_decays_the_dose_from_injection_to_series_time() -> None:
    scale = suv_scale([pet_header()])
    assert scale.factor == pytest.approx(by_hand(67, 374e6, 8264), rel=1e-9)
    assert scale.factor == pytest.approx(0.00042748316187197236, abs=1e-9)
    assert scale.uptake_s == 8264


def test_water_phantom_with_all_activity_spread_evenly_has_suv_one() -> None:
    seconds, dose, weight = 3600.0, 350e6, 80.0
    measured = dose * 2 ** (-seconds / HALF_LIFE_S) / (weight * 1000.0)
    header = pet_header(
        {
            "PatientWeight": weight,
            "RadionuclideTotalDose": dose,
            "RadiopharmaceuticalStartTime": "094829",
            "RadiopharmaceuticalStartDateTime": None,
        }
    )
    assert suv_scale([header]).factor * measured == pytest.approx(1.0, rel=1e-9)


def test_admin_uses_the_dose_as_injected() -> None:
    scale = suv_scale([pet_header({"DecayCorrection": "ADMIN"})])
    assert scale.factor == pytest.approx(67000 / 374e6, rel=1e-12)


def test_admin_and_start_differ_by_the_decay_until_the_scan() -> None:
    start, admin = suv_scale([pet_header()]), suv_scale([pet_header({"DecayCorrection": "ADMIN"})])
    assert start.factor / admin.factor == pytest.approx(2 ** (8264 / HALF_LIFE_S), rel=1e-9)


def test_admin_needs_no_times_and_no_half_life() -> None:
    without = dict.fromkeys(("SeriesTime", "AcquisitionTime", "RadionuclideHalfLife"))
    header = pet_header({"DecayCorrection": "ADMIN", **without})
    assert suv_scale([header]).factor == pytest.approx(67000 / 374e6)


def test_gml_passes_through_without_weight_or_dose() -> None:
    header = pet_header({"Units": "GML", "PatientWeight": None, "RadionuclideTotalDose": None})
    assert suv_scale([header]).factor == 1.0


@pytest.mark.parametrize("kind", ["LBM", "BSA", "LBMJANMA", "IBW"])
def test_suv_by_other_body_measures_is_refused(kind: str) -> None:
    with pytest.raises(SuvError, match=r"SUVType \(0054,1006\)"):
        suv_scale([pet_header({"Units": "GML", "SUVType": kind})])


def test_philips_counts_take_the_private_suv_factor() -> None:
    header = pet_header({**PHILIPS_COUNTS, "RadiopharmaceuticalStartDateTime": None}, philips={0: "0.000728"})
    assert suv_scale([header]).factor == pytest.approx(0.000728, rel=1e-12)


@pytest.mark.parametrize("suv_factor", [None, "0", "0.0"])
def test_philips_counts_without_suv_factor_go_by_activity(suv_factor: str | None) -> None:
    private = {9: "1.25"} | ({0: suv_factor} if suv_factor else {})
    values = {**PHILIPS_COUNTS, "RadiopharmaceuticalStartDateTime": None}
    expected = 1.25 * by_hand(47, 208230000, 75 * 60 + 51, 6588)
    assert suv_scale([pet_header(values, philips=private)]).factor == pytest.approx(expected, rel=1e-9)


def test_philips_factor_survives_an_anonymizer_that_drops_the_private_creator() -> None:
    header = pet_header({**PHILIPS_COUNTS, "RadiopharmaceuticalStartDateTime": None})
    header.add_new((0x7053, 0x1000), "UN", b"0.000728")
    assert suv_scale([header]).factor == pytest.approx(0.000728)


def test_counts_without_private_factors_are_refused() -> None:
    with pytest.raises(SuvError, match=r"CNTS.*7053,1000.*7053,1009"):
        suv_scale([pet_header({"Units": "CNTS"}, philips={0: "0"})])


def test_vendor_factor_that_contradicts_the_header_is_reported() -> None:
    header = pet_header(philips={0: "0.004", 9: "4.0"})
    assert [verdict.code for verdict in suv_scale([header]).verdicts if "vendor" in verdict.code]


def test_earliest_acquisition_of_all_slices_decides_whether_series_time_is_the_start() -> None:
    beds = [pet_header({"AcquisitionTime": clock}) for clock in ("110000", "104829", "105300")]
    assert suv_scale(beds).uptake_s == 8264


def frames_of_a_restamped_series(starts_s: list[float], duration_s: float) -> list[Dataset]:
    """Frames of a scan that began at 10:00:00, with a series time of 15:00."""
    decay = math.log(2) / HALF_LIFE_S
    mean_s = math.log(decay * duration_s / (1 - math.exp(-decay * duration_s))) / decay
    return [
        pet_header(
            {
                "SeriesTime": "150000",
                "AcquisitionTime": f"10{int(start // 60):02d}{int(start % 60):02d}",
                "FrameReferenceTime": (start + mean_s) * 1000,
                "ActualFrameDuration": duration_s * 1000,
                "RadiopharmaceuticalStartTime": "090000",
                "RadiopharmaceuticalStartDateTime": "20201217090000",
            }
        )
        for start in starts_s
    ]


def test_restamped_series_is_traced_back_to_the_scan_start_from_every_bed() -> None:
    beds = frames_of_a_restamped_series([0.0, 130.0, 260.0], 120.0)
    assert suv_scale(beds).uptake_s == pytest.approx(3600, abs=0.01)


def test_restamped_series_whose_frames_lead_to_different_starts_is_refused() -> None:
    beds = frames_of_a_restamped_series([0.0, 130.0], 120.0)
    beds[1].FrameReferenceTime = beds[0].FrameReferenceTime
    with pytest.raises(SuvError, match=r"FrameReferenceTime.*130 s apart"):
        suv_scale(beds)


def test_restamped_series_whose_decay_factor_contradicts_its_reference_time_is_refused() -> None:
    beds = frames_of_a_restamped_series([600.0], 120.0)
    beds[0].DecayFactor = 1.0 + 2 * (2 ** (660 / HALF_LIFE_S) - 1)
    with pytest.raises(SuvError, match=r"FrameReferenceTime.*DecayFactor"):
        suv_scale(beds)


def test_restamped_ge_series_uses_the_private_scan_start() -> None:
    header = pet_header({"SeriesTime": "150000"})
    block = header.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", "20201217104829.00")
    assert suv_scale([header]).uptake_s == 8264


def test_restamped_series_without_frame_times_is_refused() -> None:
    with pytest.raises(SuvError, match=r"SeriesTime.*FrameReferenceTime.*missing or zero"):
        suv_scale([pet_header({"SeriesTime": "150000", "FrameReferenceTime": 0})])


def test_dated_injection_before_midnight_is_followed_over_it() -> None:
    header = pet_header(
        {
            "SeriesTime": "003000",
            "AcquisitionTime": "003000",
            "RadiopharmaceuticalStartTime": "233000",
            "RadiopharmaceuticalStartDateTime": "20201216233000",
        }
    )
    assert suv_scale([header]).uptake_s == 3600


def test_undated_same_day_times_are_enough() -> None:
    undated = {"SeriesDate": None, "AcquisitionDate": None, "RadiopharmaceuticalStartDateTime": None}
    assert suv_scale([pet_header(undated)]).uptake_s == 8264


UNDATED_CROSSINGS: dict[str, dict[str, object]] = {
    "RadiopharmaceuticalStartTime": {
        "SeriesTime": "003000",
        "AcquisitionTime": "003000",
        "RadiopharmaceuticalStartTime": "233000",
        "RadiopharmaceuticalStartDateTime": None,
    },
    "SeriesTime": {
        "SeriesTime": "235900",
        "AcquisitionTime": "000100",
        "AcquisitionDate": None,
        "RadiopharmaceuticalStartTime": "230000",
        "RadiopharmaceuticalStartDateTime": "20201217230000",
    },
}


@pytest.mark.parametrize("field", UNDATED_CROSSINGS)
def test_undated_midnight_crossing_is_refused(field: str) -> None:
    with pytest.raises(SuvError, match=rf"{field} \(.*midnight"):
        suv_scale([pet_header(UNDATED_CROSSINGS[field])])


REFUSED: list[tuple[str, dict[str, object]]] = [
    ("PatientWeight", {"PatientWeight": None}),
    ("PatientWeight", {"PatientWeight": ""}),
    ("PatientWeight", {"PatientWeight": 0}),
    ("PatientWeight", {"PatientWeight": -70}),
    ("PatientWeight", {"PatientWeight": 70000}),
    ("RadionuclideTotalDose", {"RadionuclideTotalDose": None}),
    ("RadionuclideTotalDose", {"RadionuclideTotalDose": 0}),
    ("RadionuclideTotalDose", {"RadionuclideTotalDose": 374}),
    ("RadionuclideTotalDose", {"RadionuclideTotalDose": 374000}),
    ("RadionuclideHalfLife", {"RadionuclideHalfLife": None}),
    ("RadionuclideHalfLife", {"RadionuclideHalfLife": 0}),
    ("RadionuclideHalfLife", {"RadionuclideHalfLife": 109.77}),
    ("RadiopharmaceuticalStartTime", {"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": None}),
    ("RadiopharmaceuticalStartDateTime", {"RadiopharmaceuticalStartDateTime": "20201217093045"}),
    ("RadiopharmaceuticalStartDateTime", {"RadiopharmaceuticalStartDateTime": "20201218083045"}),
    ("RadiopharmaceuticalStartDateTime", {"RadiopharmaceuticalStartDateTime": "20201117083045"}),
    ("RadiopharmaceuticalStartDateTime", {"RadiopharmaceuticalStartDateTime": "20201217"}),
    (
        "RadiopharmaceuticalStartTime",
        {
            "RadiopharmaceuticalStartTime": "000000",
            "RadiopharmaceuticalStartDateTime": None,
            "SeriesTime": "120000",
            "AcquisitionTime": "120000",
        },
    ),
    ("SeriesTime", {"SeriesTime": None}),
    ("SeriesTime", {"SeriesTime": "noon"}),
    ("AcquisitionTime", {"AcquisitionTime": None}),
    ("DecayCorrection", {"DecayCorrection": "NONE"}),
    ("DecayCorrection", {"DecayCorrection": None}),
    ("DecayCorrection", {"DecayCorrection": "NONE", "Units": "GML"}),
    ("DecayCorrection", {"DecayCorrection": "SCAN"}),
    ("Units", {"Units": None}),
    ("Units", {"Units": "PROPCPS"}),
    ("Units", {"Units": "CM2ML"}),
    ("CorrectedImage", {"CorrectedImage": ["DECY", "NORM"]}),
    ("CorrectedImage", {"CorrectedImage": ["DECY"], "Units": "GML"}),
    ("CorrectedImage", {"CorrectedImage": ["ATTN", "NORM"]}),
    ("CorrectedImage", {"CorrectedImage": None}),
]


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(("field", "values"), REFUSED, ids=[f"{n:02d}-{f}" for n, (f, _) in enumerate(REFUSED)])
def test_unusable_field_is_refused_by_its_name(field: str, values: dict[str, object]) -> None:
    with pytest.raises(SuvError, match=rf"{field} \([0-9A-F]{{4}},[0-9A-F]{{4}}\)"):
        suv_scale([pet_header(values)])


def remove_sequence(header: Dataset) -> None:
    del header.RadiopharmaceuticalInformationSequence


def second_injection(header: Dataset) -> None:
    header.RadiopharmaceuticalInformationSequence.append(Dataset())


@pytest.mark.parametrize("spoil", [remove_sequence, second_injection])
def test_other_than_one_injection_is_refused(spoil: Callable[[Dataset], None]) -> None:
    header = pet_header()
    spoil(header)
    with pytest.raises(SuvError, match=r"RadiopharmaceuticalInformationSequence \(0054,0016\)"):
        suv_scale([header])


@pytest.mark.parametrize(
    ("field", "value"),
    [("PatientWeight", 71), ("Units", "GML"), ("DecayCorrection", "ADMIN"), ("SeriesTime", "104700")],
)
def test_field_that_differs_between_slices_is_refused(field: str, value: object) -> None:
    with pytest.raises(SuvError, match=rf"{field}.*differs between slices.*slice 1 and slice 3"):
        suv_scale([pet_header(), pet_header(), pet_header({field: value})])


def nuclide_item(text: str) -> Dataset:
    item, code = Dataset(), Dataset()
    code.CodeMeaning = text
    item.RadionuclideCodeSequence = Sequence([code])
    return item


@pytest.mark.parametrize(
    ("text", "nuclide"),
    [("^18^Fluorine", "F-18"), ("18F", "F-18"), ("F-18", "F-18"), ("^68^Gallium", "Ga-68"), ("[11C]", "C-11")],
)
def test_nuclide_is_read_from_its_usual_spellings(text: str, nuclide: str) -> None:
    assert named_nuclide(PetHeader([nuclide_item(text)])) == nuclide


def test_half_life_of_another_nuclide_than_the_one_named_is_refused() -> None:
    header = pet_header()
    header.RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence = Sequence(
        nuclide_item("^68^Gallium").RadionuclideCodeSequence
    )
    with pytest.raises(SuvError, match=r"RadionuclideHalfLife.*4062.6 s of Ga-68"):
        suv_scale([header])


def test_injection_dated_a_day_after_the_scan_is_a_verdict_where_it_is_not_needed() -> None:
    header = pet_header(
        {"Units": "GML", "DecayCorrection": "ADMIN", "RadiopharmaceuticalStartDateTime": "20201218083045"}
    )
    scale = suv_scale([header])
    assert scale.factor == 1.0
    assert [verdict.code for verdict in scale.verdicts] == ["pet-injection-date-contradicts"]


def test_late_scan_is_a_verdict() -> None:
    assert [verdict.code for verdict in suv_scale([pet_header()]).verdicts] == ["pet-uptake-time"]


def enhanced_header(unit: str) -> Dataset:
    code, mapping, group, classic = Dataset(), Dataset(), Dataset(), pet_header()
    code.CodeValue = unit
    mapping.MeasurementUnitsCodeSequence = Sequence([code])
    group.RealWorldValueMappingSequence = Sequence([mapping])
    header = Dataset()
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    header.SharedFunctionalGroupsSequence = Sequence([group])
    header.DecayCorrected = header.AttenuationCorrected = "YES"
    header.DecayCorrectionDateTime = "20201217104829.000000"
    header.PatientWeight = classic.PatientWeight
    header.RadiopharmaceuticalInformationSequence = classic.RadiopharmaceuticalInformationSequence
    return header


def test_enhanced_pet_decays_to_the_moment_its_header_names() -> None:
    assert suv_scale([enhanced_header("Bq/ml")]).factor == pytest.approx(by_hand(67, 374e6, 8264), rel=1e-9)


def test_enhanced_pet_in_unknown_units_is_refused() -> None:
    with pytest.raises(SuvError, match="MeasurementUnitsCodeSequence"):
        suv_scale([enhanced_header("mg/ml")])


def published_headers(path: Path) -> list[Dataset]:
    headers = []
    for values in json.loads(path.read_text()):
        private = values.pop("PhilipsPETPrivateGroup")
        elements = {"SUVScaleFactor": 0, "ActivityConcentrationScaleFactor": 9}
        blank = {key: None for key in SIEMENS if key not in values}
        headers.append(pet_header({**blank, **values}, philips={elements[key]: text for key, text in private.items()}))
    return headers


def test_published_factors_of_four_vendors_dialects_are_met(shared_data: Path) -> None:
    folder = shared_data / "pet_suv" / "headers"
    expected = json.loads((folder / "suvbw_factors.json").read_text())
    for name, factor in expected.items():
        assert suv_scale(published_headers(folder / f"{name}.json")).factor == pytest.approx(factor, abs=1e-6, rel=1e-6)


def read_headers(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.iterdir())]


def test_real_ge_series_decays_over_the_45_minutes_of_its_header(shared_data: Path) -> None:
    scale = suv_scale(read_headers(shared_data / "pet_suv" / "ge_bqml_start_25_slices"))
    assert scale.uptake_s == 45 * 60 + 11
    assert scale.factor == pytest.approx(by_hand(71, 3.88777472e8, 2711, 6588), rel=1e-9)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_gml_series_with_a_shifted_injection_date_stays_usable(shared_data: Path) -> None:
    scale = suv_scale(read_headers(shared_data / "pet_suv" / "STS_002_pet_ct" / "pet" / "dicom"))
    assert (scale.factor, scale.units, scale.decay_correction) == (1.0, "GML", "ADMIN")
    assert "pet-injection-date-contradicts" in [verdict.code for verdict in scale.verdicts]
