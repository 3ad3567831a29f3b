"""Key organs that a lesion network is told of, by region: where a node can lie is told by what lies around it.

After Guo 2021 (DeepStationing, MICCAI 12905) and Yan 2020 (station-stratified detection): groups of the anatomy
network's structures, and groups of stations that look alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.training.labels import ABDOMEN, NECK, THORAX

Groups = Mapping[str, tuple[str, ...]]


def _named(names: tuple[str, ...], *parts: str) -> tuple[str, ...]:
    return tuple(name for name in names if any(part in name for part in parts))


_CHEST_AIRWAY = ("trachea", *_named(THORAX, "bronchus"))
_ARTERIES = ("aorta", "artery", "trunk")
_VEINS = ("vein", "vena", "portal")
_BONES = ("ribs", "costal", "sternum", "clavicula", "scapula", "humerus", "spine", "sacrum", "hip_", "skull",
          "mandible", "teeth", "hyoid", "palate", "plate", "zygomatic", "alveolar")  # fmt: skip
ORGANS: Mapping[str, Groups] = {
    "thorax": {
        "lung": _named(THORAX, "lung_"),
        "lung_solid": ("atelectasis", "pleural_effusion"),
        "airway": _CHEST_AIRWAY,
        "artery": _named(THORAX, *_ARTERIES),
        "vein": _named(THORAX, *_VEINS),
        "heart": _named(THORAX, "heart_", "atrial_"),
        "esophagus": ("esophagus",),
        "bone": _named(THORAX, *_BONES),
        "abdomen": ("liver", "spleen", "stomach", "small_bowel", "colon", "duodenum", "pancreas", "gallbladder",
                    "kidney_left", "kidney_right", "adrenal_gland_left", "adrenal_gland_right"),
        "thyroid": ("thyroid_gland",),
    },
    "neck": {
        "muscle": _named(NECK, "sternocleido", "trapezius", "scalene", "levator", "autochthon", "prevertebral", "strap",
                         "masseter", "pterygoid_", "temporalis", "digastric", "hyoid_", "glossus"),
        "artery": _named(NECK, *_ARTERIES),
        "vein": _named(NECK, *_VEINS),
        "airway": ("trachea", "larynx_air", "hypopharynx", "oropharynx", "nasopharynx",
                   *_named(NECK, "pyriform_sinus_l"), "pyriform_sinus_right"),
        "gland": _named(NECK, "gland"),
        "larynx": _named(NECK, "cartilage", "cord", "fold", "epiglott", "arytenoid", "glottic", "postcricoid"),
        "pharynx": _named(NECK, "constrictor", "pharyngeal_wall", "tonsil", "soft_palate", "sinus_wall"),
        "mouth": ("oral_tongue", "tongue_base", "floor_of_mouth", "lip", "buccal_mucosa_left", "buccal_mucosa_right"),
        "bone": _named(NECK, *_BONES),
        "esophagus": ("esophagus",),
    },
    "abdomen": {
        "pancreas": _named(ABDOMEN, "pancrea"),
        "duct": ("pancreatic_duct", "common_bile_duct"),
        "duodenum": ("duodenum",),
        "artery": _named(ABDOMEN, *_ARTERIES),
        "vein": _named(ABDOMEN, *_VEINS),
        "bowel": ("stomach", "small_bowel", "colon", "esophagus"),
        "solid": ("liver", "spleen", "kidney_left", "kidney_right", "adrenal_gland_left", "adrenal_gland_right",
                  "gallbladder"),
        "bone": _named(ABDOMEN, *_BONES),
    },
}  # fmt: skip
# Station maps in groups of one look: by the cancer's map.
STATIONS: Mapping[str, Groups] = {
    "lung": {
        "station_upper": ("1L", "1R", "2L", "2R", "3a", "3p", "4L", "4R", "5", "6"),
        "station_lower": ("7", "8", "9L", "9R"),
        "station_hilar": ("10L", "10R", "11L", "11R"),
        "station_lung": ("12L", "12R", "13L", "13R", "14L", "14R"),
    },
    "neck": {
        "station_side": tuple(f"{n}_{s}" for n in ("IB", "II", "III", "IV", "VA", "VB") for s in ("left", "right")),
        "station_middle": tuple(f"{n}_{s}" for n in ("IA", "VI", "VII", "RP") for s in ("left", "right")),
    },
    "pancreas": {
        "station_near": ("anterior_pancreaticoduodenal", "posterior_pancreaticoduodenal", "peripancreatic",
                         "portal_vein", "common_bile_duct", "superior_mesenteric_vein", "sma_right_lateral_wall",
                         "pyloric"),
        "station_far": ("celiac", "common_hepatic_artery", "splenic_artery", "splenic_hilum", "para_aortic"),
    },
}  # fmt: skip
STATION_MAP = {"thorax": "lung", "neck": "neck", "abdomen": "pancreas"}
