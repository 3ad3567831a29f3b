"""The maps of the chest's stations as questions: which side of a border, and what follows from the answer.

Every entry is a zone: the border it is divided by (a name of `thoracic.BORDERS`), then what lies on its positive and on
its negative side: another zone, a station, or None where the map has no station.

IASLC map (Rusch 2009, J Thorac Oncol 4:568; CT reading: El-Sherief 2014, RadioGraphics 34:1680), in own words:
    1 from 2: top of the manubrium | 1R from 1L: middle of the trachea | other right from left: the trachea's left wall
    2R from 4R: lower edge of the left brachiocephalic vein at the trachea | 2L from 4L: top of the aortic arch
    4R from 10R: lower edge of the azygos arch | 4L from 10L: upper rim of the left pulmonary artery
    3a: before the great veins and the left carotid, above the carina | 3p: behind the trachea
    6: beside and before the arch, between its top and its underside | 5: below the arch, lateral to the ligament
    7: below the carina between the bronchi, down to the end of the left main and of the intermediate bronchus
    8: at the gullet, below 7 | 9: in the pulmonary ligament, beside it | 10-14: along the bronchi outwards
Esophageal numbering (AJCC 8; Rice 2017, J Thorac Oncol 12:36): 2R from 4R at the lower edge of the brachiocephalic
artery, 4R to the top of the azygos arch, 4L to the carina; 8U, 8M, 8Lo divided by the carina and the lower pulmonary
veins; 15 to 20 below the hiatus by the nearest structure. It has no 3, 5, 6 or 11 to 14.
"""

from __future__ import annotations

from collections.abc import Mapping

Zone = tuple[str, str | None, str | None]
BRONCHUS, ARTERY = "nearest bronchus", "nearest artery"

IASLC: Mapping[str, Zone] = {
    "start": ("above_cricoid", None, "below cricoid"),
    "below cricoid": ("above_manubrium", "low neck", "chest, left wall"),
    "low neck": ("left_of_middle", "1L", "1R"),
    "chest, left wall": ("outside_left_lung", "axillary_left", "chest, right wall"),
    "chest, right wall": ("outside_right_lung", "axillary_right", "chest"),
    "chest": ("above_carina", "upper chest", "lower chest"),
    "upper chest": ("in_lung", BRONCHUS, "upper mediastinum"),
    "upper mediastinum": ("behind_trachea", "3p", "before the back wall"),
    "before the back wall": ("beside_arch", "6", "inside the arch"),
    "inside the arch": ("before_vessels", "3a", "at the trachea"),
    "at the trachea": ("left_of_trachea", "left of trachea", "right of trachea"),
    "left of trachea": ("above_arch", "2L", "below arch"),
    "below arch": ("above_left_artery", "above left artery", "10L"),
    "above left artery": ("beyond_ligament", "5", "4L"),
    "right of trachea": ("above_vein", "2R", "below vein"),
    "below vein": ("above_azygos", "4R", "10R"),
    "lower chest": ("below_hiatus", None, "above the hiatus"),
    "above the hiatus": ("before_heart", None, "behind the heart's front"),
    "behind the heart's front": ("above_bronchi_end", "below carina", "low"),
    "below carina": ("between_bronchi", "subcarinal", "beside bronchi"),
    "subcarinal": ("behind_gullet_front", "8", "7"),
    "beside bronchi": ("at_gullet", "8", BRONCHUS),
    "low": ("in_lower_lung", BRONCHUS, "at the gullet"),
    "at the gullet": ("at_gullet", "8", "ligament"),
    "ligament": ("left_of_middle", "9L", "9R"),
}
ESOPHAGEAL: Mapping[str, Zone] = {
    **IASLC,
    "low neck": ("far_from_trachea", "above the clavicle", "beside the trachea"),
    "above the clavicle": ("left_of_middle", "supraclavicular_left", "supraclavicular_right"),
    "beside the trachea": ("left_of_middle", "1L", "1R"),
    "chest, left wall": ("outside_left_lung", None, "chest, right wall"),
    "chest, right wall": ("outside_right_lung", None, "chest"),
    "upper chest": ("in_lung", None, "upper mediastinum"),
    "upper mediastinum": ("behind_trachea", "8U", "before the back wall"),
    "before the back wall": ("beside_arch", None, "inside the arch"),
    "inside the arch": ("before_vessels", None, "at the trachea"),
    "below arch": ("beyond_ligament", None, "4L"),
    "right of trachea": ("above_artery", "2R", "below vein"),
    "below vein": ("above_azygos_top", "4R", "10R"),
    "subcarinal": ("behind_gullet_front", "8M", "7"),
    "beside bronchi": ("at_gullet", "8M", BRONCHUS),
    "lower chest": ("below_hiatus", ARTERY, "above the hiatus"),
    "at the gullet": ("at_gullet", "gullet", "ligament"),
    "gullet": ("above_lower_veins", "8M", "8Lo"),
}
MAPS: Mapping[str, Mapping[str, Zone]] = {"iaslc": IASLC, "esophageal": ESOPHAGEAL}
ALONG_BRONCHI = ("10R", "11R", "12R", "13R", "14R", "10L", "11L", "12L", "13L", "14L")
ALONG_ARTERIES = ("15", "16", "17", "18", "19", "20")
# Stations along the bronchi that a map knows; nodes at the others have no station in it.
KNOWN_ALONG_BRONCHI: Mapping[str, tuple[str, ...]] = {"iaslc": ALONG_BRONCHI, "esophageal": ("10R", "10L")}
