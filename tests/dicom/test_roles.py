"""Names of contours to roles: each line of these tables is one spelling met in practice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom.sr._concepts_dict import concepts  # the codes of DICOM PS3.16, as pydicom ships them

from mdt_dicom.names import station_codes, structure_codes
from mdt_dicom.roles import read_mapping, read_name, why_unknown
from oncology.errors import ContourError
from oncology.findings import Laterality

TUMORS = [
    "GTV",
    "GTVp",
    "GTV-1",
    "GTV_Mass_CT",
    "GTV_Mass_PET",
    "GTVp1",
    "pGTV",
    "GTV_T",
    "GTV-prim",
    "GTVnx",
    "GTV_2",
    "GTV_7",
    "gtv",
    "tumor",
    "Tumour_1",
    "TUMOR",
    "primary",
    "PrimaryTumor",
    "lesion2",
    "Lung_Mass",
    "tumor-1",
]

NODES: dict[str, tuple[str | None, str | None]] = {
    "GTVn": (None, None),
    "GTV-N": (None, None),
    "GTV N2": (None, None),
    "nGTV": (None, None),
    "GTVnd": (None, None),
    "GTVnR": (None, "right"),
    "GTVn_4R": ("4R", "right"),
    "GTV_LN_4R": ("4R", "right"),
    "LN 4R": ("4R", "right"),
    "LN_4R": ("4R", "right"),
    "LN4R": ("4R", "right"),
    "4R": ("4R", "right"),
    "10L": ("10L", "left"),
    "7": ("7", "midline"),
    "LN 7": ("7", "midline"),
    "St7": ("7", "midline"),
    "5": ("5", "left"),
    "station 4 right": ("4R", "right"),
    "Level 4R": ("4R", "right"),
    "LN 3p": ("3p", "midline"),
    "LN 3aR": ("3aR", "right"),
    "hilar node right": ("10R", "right"),
    "subcarinal LN": ("7", "midline"),
    "Level IIA L": ("II", "left"),
    "level 2a l": ("II", "left"),
    "IIA_R": ("II", "right"),
    "III left": ("III", "left"),
    "LN_Neck_IB_L": ("IB", "left"),
    "LN_Neck_VA_R": ("VA", "right"),
    "RP_L": ("RP", "left"),
    "LN_Sclav_R": ("supraclavicular", "right"),
    "LN_Ax_L": ("axillary_left", "left"),
    "8U": ("8U", None),
    "LN 8Lo": ("8Lo", None),
    "station 20": ("20", None),
    "LN celiac": ("celiac", None),
    "node-7 station 4R": ("4R", "right"),
    "lymph node right": (None, "right"),
    # what could be two stations is none
    "Node 7": (None, None),
    "LN 4": (None, None),
    "LN 3a": (None, None),
    "level 2 R": (None, "right"),
    "level 7": (None, None),
    "Level V L": (None, "left"),
}

STRUCTURES = {
    "lung_upper_lobe_left": "lung_upper_lobe_left",
    "vertebrae_T5": "vertebrae_T5",
    "rib_left_3": "rib_left_3",
    "Lung_L": "lung_left",
    "Lt Lung": "lung_left",
    "LungL": "lung_left",
    "Left Lung": "lung_left",
    "Lung-Right": "lung_right",
    "Lungs": "lungs",
    "LUL": "lung_upper_lobe_left",
    "SpinalCord": "spinal_cord",
    "Spinal-Cord": "spinal_cord",
    "spinal cord": "spinal_cord",
    "Heart": "heart",
    "A_Aorta": "aorta",
    "V_Venacava_S": "superior_vena_cava",
    "SVC": "superior_vena_cava",
    "Bronchus_Main_L": "main_bronchus_left",
    "Glnd_Submand_L": "submandibular_gland_left",
    "Parotid-Lt": "parotid_gland_left",
    "OpticNrv_R": "optic_nerve_right",
    "BrachialPlex_R": "brachial_plexus_right",
    "Oesophagus": "esophagus",
    "External": "body",
    "VB_T05": "vertebrae_T5",
    "Rib 3 L": "rib_left_3",
    "SMA": "superior_mesenteric_artery",
    "celiac": "celiac_trunk",
}

IGNORED = [
    "PTV",
    "PTV_60",
    "CTV",
    "CTVn",
    "CTV-1",
    "ITV",
    "iGTV",
    "SpinalCord_PRV05",
    "Couch_Surface",
    "Isodose_50",
    "Dose_20Gy",
    "Ring1",
    "zRing",
    "Lungs-GTV",
    "Lung_L-GTV",
    "GTV_Edema",
    "GTV_Liver",
    "liver_tumor",
    "Metastasis",
    "Tumor_bed",
    "Bolus",
    "Fiducial",
    "Artifact",
    "Avoid_Bowel",
    "opt_PTV",
]

UNKNOWN = ["foo", "ROI 1", "Contour3", "nodule", "V", "parotid", "A", ""]


@pytest.mark.parametrize("name", TUMORS)
def test_name_is_the_tumor(name: str) -> None:
    meaning = read_name(name)
    assert meaning is not None
    assert meaning.role == "tumor"


@pytest.mark.parametrize("name", NODES)
def test_name_is_a_node_of_that_station(name: str) -> None:
    meaning = read_name(name)
    assert meaning is not None
    assert (meaning.role, meaning.station, meaning.laterality) == ("node", *NODES[name])


@pytest.mark.parametrize("name", STRUCTURES)
def test_name_is_that_structure(name: str) -> None:
    meaning = read_name(name)
    assert meaning is not None
    assert (meaning.role, meaning.structure) == ("structure", STRUCTURES[name])


@pytest.mark.parametrize("name", IGNORED)
def test_name_is_set_aside_with_a_reason(name: str) -> None:
    meaning = read_name(name)
    assert meaning is not None
    assert meaning.role == "ignored"
    assert meaning.reason


@pytest.mark.parametrize("name", UNKNOWN)
def test_name_is_not_taken_for_anything(name: str) -> None:
    assert read_name(name) is None


def test_missing_side_is_named_as_the_reason() -> None:
    assert why_unknown("parotid") == "the name has no side"


@pytest.mark.parametrize("station", sorted(station_codes()))
def test_every_station_is_read_back_from_the_label_of_our_own_segments(station: str) -> None:
    meaning = read_name(f"node-2 station {station}")
    assert meaning is not None
    assert (meaning.role, meaning.station) == ("node", station)


@pytest.mark.parametrize("structure", sorted(set(structure_codes()) - {"tumor", "node"}))
def test_every_structure_is_read_back_from_its_own_name(structure: str) -> None:
    meaning = read_name(structure)
    assert meaning is not None
    assert meaning.structure == structure


def test_mapping_settles_odd_names(tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text(
        "Hauptherd: tumor\n"
        "LK oben: node II left\n"
        "/ROI [3-5]/: {role: node, station: 4R}\n"
        "GTVp: ignored\n"
        "Schlagader: aorta\n"
        "2: {role: structure, structure: heart}\n"
    )
    mapping = read_mapping(path)
    found = {name: read_name(name, mapping) for name in ("hauptherd", "LK oben", "ROI 4", "GTVp", "Schlagader", "2")}
    assert [meaning and meaning.role for meaning in found.values()] == [
        "tumor",
        "node",
        "node",
        "ignored",
        "structure",
        "structure",
    ]
    assert found["LK oben"] is not None
    assert (found["LK oben"].station, found["LK oben"].laterality) == ("II", Laterality.LEFT)
    assert found["ROI 4"] is not None
    assert found["ROI 4"].laterality is Laterality.RIGHT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: node 99Z", "unknown station"),
        ("a: spleen_of_mars", "unknown structure"),
        ("a: {role: organ}", "not understood"),
        ("a: {role: node, side: left}", "not understood"),
        ("a: {role: node, laterality: up}", "unknown laterality"),
        ("/(/: tumor", "regular expression"),
        ("- a", "no table"),
        ("a: [", "cannot be read"),
    ],
)
def test_wrong_mapping_is_refused_with_its_entry(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text(text)
    with pytest.raises(ContourError, match=words):
        read_mapping(path)


# Verhoeff's dihedral check, by which every SNOMED CT identifier ends (SNOMED CT Release File Specification, 7.3).


def dihedral(a: int, b: int) -> int:
    """Product in the dihedral group of the pentagon, rotations 0-4 and reflections 5-9."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def verhoeff(code: str) -> bool:
    permutation, check = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = permutation[value]
        check = dihedral(check, value)
    return check == 0


def snomed_codes() -> set[str]:
    codes = {entry.code for entry in structure_codes().values() if entry.scheme == "SCT"}
    return codes | {entry.code for entry in station_codes().values()}


def test_every_snomed_code_has_its_check_digit() -> None:
    assert [code for code in sorted(snomed_codes()) if not verhoeff(code)] == []


def test_snomed_codes_of_stations_are_lymph_node_sites_of_dicom() -> None:
    known = {code: meaning for entry in concepts["SCT"].values() for code, (meaning, _) in entry.items()}
    for entry in station_codes().values():
        assert re.search("lymph node", known[entry.code], re.IGNORECASE)


# SNOMED codes of TotalSegmentator's public table that DICOM does not list: ribs, some muscles and parts.
RIBS = "48535007 78247007 25888004 25523003 15339008 59558009 24915002 5953002 22565002 77644006 58830002 43993008"
PARTS = "74281007 110765007 3572006 65985001 181674001 78333006 75297007 244849004 68455001 67769002"
OUTSIDE_DICOM = {*RIBS.split(), *PARTS.split()}


def test_snomed_codes_are_those_of_dicom_or_of_the_one_public_table() -> None:
    known = {code for entry in concepts["SCT"].values() for code in entry}
    assert snomed_codes() - known == OUTSIDE_DICOM


def test_structures_without_a_public_code_say_so_by_our_own_scheme() -> None:
    assert {entry.scheme for entry in structure_codes().values()} == {"SCT", "99AIMDT"}
    assert all(len(entry.code) <= 16 for entry in structure_codes().values())


def test_structures_of_the_public_class_list_are_all_known(shared_data: Path) -> None:
    rows = (shared_data / "totalsegmentator_example" / "classes.csv").read_text().splitlines()[1:]
    assert [row for row in rows if row.split(",")[1] not in structure_codes()] == []
