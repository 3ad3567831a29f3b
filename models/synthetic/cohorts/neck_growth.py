"""What tumors of the head and neck subsites are drawn to do, with the T that the definitions give to each.

Source: AJCC 8 chapters 8 to 13, 9th version of the nasopharynx (Pan 2024): subsites and structures in own words. A T of
None is by size. `{side}` stands for the tumor's side, `{other}` for the other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LARYNX_AIR = ("larynx_air",)
PHARYNX = ("oropharynx", "hypopharynx", "larynx_air")
CARTILAGE = ("thyroid_cartilage", "thyroid_cartilage_inner_cortex", "thyroid_cartilage_outer_cortex")


@dataclass(frozen=True)
class Option:
    """One way of growing.

    Attributes:
        t: category, or None where size decides.
        home, into, along: masks that it starts in, enters, and may enter on its way.
        size_mm: longest diameter, from and to.
        mobility: of the cords, one of several.
        depth_mm: of invasion, where the site asks for it.
    """

    subsite: str
    share: float
    size_mm: tuple[float, float]
    home: tuple[str, ...]
    t: str | None = None
    into: tuple[str, ...] = ()
    along: tuple[str, ...] = ()
    mobility: tuple[str, ...] = ("normal",)
    depth_mm: tuple[float, float] | None = None


CORD = ("vocal_cord_{side}", *LARYNX_AIR)
FALSE_CORD = ("false_vocal_cord_{side}", *LARYNX_AIR)
FOLD = ("aryepiglottic_fold_{side}", *LARYNX_AIR, "hypopharynx")
UPPER, LOWER = ("suprahyoid_epiglottis", *PHARYNX), ("infrahyoid_epiglottis", *LARYNX_AIR)
DEEP = ("thyroid_cartilage_inner_cortex", "anterior_commissure", "false_vocal_cord_{side}", "vocal_cord_{side}")
LARYNX: Sequence[Option] = (
    Option("vocal_cord", 0.13, (7, 13), CORD, "T1a"),
    Option("anterior_commissure", 0.06, (10, 17), ("anterior_commissure", *LARYNX_AIR), "T1b",
           ("vocal_cord_left", "vocal_cord_right")),
    Option("vocal_cord", 0.1, (12, 20), CORD, "T2", ("false_vocal_cord_{side}",), mobility=("normal", "impaired")),
    Option("vocal_cord", 0.06, (12, 20), CORD, "T2", ("subglottis",), mobility=("normal", "impaired")),
    Option("vocal_cord", 0.15, (18, 28), CORD, "T3", ("paraglottic_space_{side}",), DEEP, ("fixed",)),
    Option("vocal_cord", 0.1, (26, 38), CORD, "T4a",
           ("paraglottic_space_{side}", "thyroid_cartilage_outer_cortex", "strap_muscles_{side}"),
           (*CARTILAGE, *DEEP, "neck_fat"), ("fixed",)),
    Option("false_vocal_cord", 0.06, (8, 14), FALSE_CORD, "T1"),
    Option("suprahyoid_epiglottis", 0.05, (8, 14), UPPER, "T1", along=("epiglottis",)),
    Option("aryepiglottic_fold", 0.07, (14, 24), FOLD, "T2", ("arytenoid_{side}",), ("false_vocal_cord_{side}",),
           ("normal", "impaired")),
    Option("infrahyoid_epiglottis", 0.1, (18, 30), LOWER, "T3", ("pre_epiglottic_space",), ("epiglottis",
           "suprahyoid_epiglottis", "false_vocal_cord_left", "false_vocal_cord_right"), ("normal", "impaired")),
    Option("infrahyoid_epiglottis", 0.06, (28, 42), LOWER, "T4a",
           ("pre_epiglottic_space", "thyroid_cartilage_outer_cortex", "strap_muscles_left"),
           (*CARTILAGE, "epiglottis", "suprahyoid_epiglottis", "strap_muscles_right", "neck_fat", "false_vocal_cord_*",
            "paraglottic_space_*"), ("impaired", "fixed")),
    Option("subglottis", 0.03, (10, 18), ("subglottis", *LARYNX_AIR), "T2", ("vocal_cord_{side}",)),
    Option("subglottis", 0.03, (20, 30), ("subglottis", *LARYNX_AIR), "T4a", ("cricoid_cartilage",),
           ("vocal_cord_*", "trachea"), ("impaired", "fixed")),
)  # fmt: skip
SINUS = ("pyriform_sinus_wall_{side}", "pyriform_sinus_{side}", "hypopharynx")
WALLS = ("inferior_pharyngeal_constrictor", "middle_pharyngeal_constrictor", "posterior_pharyngeal_wall")
BACK = ("posterior_pharyngeal_wall", "hypopharynx", "inferior_pharyngeal_constrictor", "middle_pharyngeal_constrictor")
HYPOPHARYNX: Sequence[Option] = (
    Option("pyriform_sinus", 0.14, (10, 18), SINUS, None),
    Option("pyriform_sinus", 0.24, (23, 37), (*SINUS, *WALLS), None, along=("aryepiglottic_fold_{side}",)),
    Option("pyriform_sinus", 0.2, (23, 37), (*SINUS, *WALLS), "T3", ("arytenoid_{side}", "paraglottic_space_{side}"),
           ("aryepiglottic_fold_{side}", "postcricoid_area"), ("fixed",)),
    Option("pyriform_sinus", 0.2, (28, 44), (*SINUS, *WALLS), "T4a",
           ("thyroid_cartilage_outer_cortex", "paraglottic_space_{side}"),
           (*CARTILAGE, "aryepiglottic_fold_{side}", "neck_fat", "strap_muscles_{side}"), ("impaired", "fixed")),
    Option("posterior_pharyngeal_wall", 0.1, (22, 37), BACK, None),
    Option("posterior_pharyngeal_wall", 0.05, (30, 44), BACK, "T4b", ("prevertebral_left",),
           ("retropharyngeal_space", "prevertebral_right")),
    Option("postcricoid_area", 0.07, (22, 34), ("postcricoid_area", "hypopharynx", *WALLS), "T4a",
           ("cricoid_cartilage",), ("pyriform_sinus_wall_*",), ("normal", "impaired")),
)  # fmt: skip
TONSIL = ("palatine_tonsil_{side}", "oropharynx", "superior_pharyngeal_constrictor", "middle_pharyngeal_constrictor")
BASE = ("tongue_base", "oropharynx")
BEYOND_TONSIL = ("soft_palate", "tongue_base", "parapharyngeal_space_{side}", "retromolar_trigone_{side}",
                 "posterior_pharyngeal_wall")  # fmt: skip
OROPHARYNX: Sequence[Option] = (
    Option("tonsil", 0.14, (11, 18), TONSIL, None),
    Option("tonsil", 0.22, (23, 37), TONSIL, None, along=BEYOND_TONSIL),
    Option("tonsil", 0.08, (42, 50), TONSIL, None, along=(*BEYOND_TONSIL, "uvula", "oral_tongue")),
    Option("tonsil", 0.12, (28, 44), TONSIL, "T4a", ("medial_pterygoid_{side}",), BEYOND_TONSIL),
    Option("base_of_tongue", 0.1, (11, 18), BASE, None),
    Option("base_of_tongue", 0.12, (23, 37), BASE, None, along=("vallecula",)),
    Option("base_of_tongue", 0.06, (23, 36), BASE, "T3", ("suprahyoid_epiglottis",), ("epiglottis", "vallecula")),
    Option("base_of_tongue", 0.1, (28, 46), BASE, "T4a", ("extrinsic_tongue_muscles",), ("oral_tongue", "vallecula")),
    Option("soft_palate", 0.06, (11, 18), ("soft_palate", "oropharynx", "nasopharynx"), None, along=("uvula",)),
)  # fmt: skip
TONGUE = ("oral_tongue",)
ORAL_CAVITY: Sequence[Option] = (
    Option("oral_tongue", 0.18, (9, 18), TONGUE, "T1", along=("extrinsic_tongue_muscles",), depth_mm=(3, 4.5)),
    Option("oral_tongue", 0.2, (22.5, 37), TONGUE, "T2", along=("extrinsic_tongue_muscles",), depth_mm=(5.5, 9.5)),
    Option("oral_tongue", 0.18, (22.5, 37), TONGUE, "T3", along=("extrinsic_tongue_muscles", "floor_of_mouth"),
           depth_mm=(11, 19)),
    Option("oral_tongue", 0.06, (43, 52), TONGUE, "T4a", along=("extrinsic_tongue_muscles", "floor_of_mouth"),
           depth_mm=(12, 22)),
    Option("floor_of_mouth", 0.08, (10, 18), ("floor_of_mouth",), "T1", along=("oral_tongue", "sublingual_gland_*",
           "extrinsic_tongue_muscles"), depth_mm=(2, 4.5)),
    Option("floor_of_mouth", 0.1, (24, 38), ("floor_of_mouth",), "T4a", ("mandible",), ("oral_tongue", "teeth",
           "extrinsic_tongue_muscles", "lower_gingiva"), depth_mm=(6, 15)),
    Option("buccal_mucosa", 0.08, (11, 18), ("buccal_mucosa_{side}",), "T1", along=("neck_fat",), depth_mm=(2, 4.5)),
    Option("retromolar_trigone", 0.06, (24, 38), ("retromolar_trigone_{side}",), "T4a", ("mandible",),
           ("buccal_mucosa_{side}", "teeth", "lower_gingiva", "oropharynx"), depth_mm=(6, 15)),
    Option("lower_gingiva", 0.06, (18, 32), ("lower_gingiva",), "T4a", ("mandible",), ("teeth", "floor_of_mouth",
           "buccal_mucosa_*"), depth_mm=(5, 12)),
)  # fmt: skip
ROOF = ("superior_pharyngeal_constrictor", "nasopharynx")
NASOPHARYNX: Sequence[Option] = (
    Option("lateral_wall", 0.26, (13, 24), ROOF, "T1"),
    Option("lateral_wall", 0.24, (22, 36), ROOF, "T2", ("parapharyngeal_space_{side}",), ("prevertebral_{side}",)),
    Option("posterior_superior_wall", 0.28, (22, 38), ROOF, "T3", ("clivus",), ("skull_base", "prevertebral_*",
           "retropharyngeal_space")),
    Option("lateral_wall", 0.1, (26, 40), ROOF, "T3", ("pterygoid_plate_{side}", "parapharyngeal_space_{side}"),
           ("medial_pterygoid_{side}", "lateral_pterygoid_{side}")),
    Option("posterior_superior_wall", 0.12, (32, 46), ROOF, "T4", ("clivus", "brain"), ("skull_base",
           "prevertebral_*", "sphenoid_sinus", "cavernous_sinus_*")),
)  # fmt: skip
OPTIONS: Mapping[str, Sequence[Option]] = {
    "larynx": LARYNX,
    "hypopharynx": HYPOPHARYNX,
    "oropharynx": OROPHARYNX,
    "oral_cavity": ORAL_CAVITY,
    "nasopharynx": NASOPHARYNX,
}
