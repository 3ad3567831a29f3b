"""Where a tumor of each head and neck subsite starts, and what it can grow into first. Frame millimeters, left side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.synthetic.frame import Build
from models.synthetic.neck_places import Parts, Spot, place
from oncology.findings import Point

LARYNX: Parts = ("larynx", "larynx", "larynx")
THROAT: Parts = ("throat", "throat", "throat")
JAW: Parts = ("jaw", "jaw", "jaw")
BOTH = ("left", "right")
MIDLINE = ("midline",)


@dataclass(frozen=True)
class Subsite:
    """Where a tumor starts.

    Attributes:
        spot: its center on the left side or in the midline.
        sides: the sides that exist.
        home: masks that the tumor starts in ({side} is replaced).
        near: masks next to it, nearest first ({side} is replaced).
    """

    spot: Spot
    sides: Sequence[str]
    home: Sequence[str]
    near: Sequence[str]

    def center(self, build: Build, side: str) -> Point:
        """Where the tumor starts in this body, LPS mm."""
        return place(build, self.spot, side)

    def near_masks(self, side: str) -> list[str]:
        """Names of the masks next to it on that side."""
        return [name.format(side="left" if side == "midline" else side) for name in self.near]


def _larynx(point: Point, home: Sequence[str], near: Sequence[str], sides: Sequence[str] = BOTH) -> Subsite:
    return Subsite(Spot(point, LARYNX), sides, home, near)


def _throat(point: Point, home: Sequence[str], near: Sequence[str], sides: Sequence[str] = BOTH) -> Subsite:
    return Subsite(Spot(point, THROAT), sides, home, near)


def _mouth(point: Point, home: Sequence[str], near: Sequence[str], sides: Sequence[str] = BOTH) -> Subsite:
    return Subsite(Spot(point, JAW), sides, home, near)


CORD_NEAR = ("paraglottic_space_{side}", "anterior_commissure", "thyroid_cartilage", "cricoid_cartilage", "subglottis")
LINGUAL_NEAR = ("extrinsic_tongue_muscles", "mandible", "floor_of_mouth", "tongue_base")
SUBSITE_PLACES: Mapping[str, Mapping[str, Subsite]] = {
    "larynx": {
        "suprahyoid_epiglottis": _throat(
            (0, 1, 367), ("suprahyoid_epiglottis",), ("vallecula", "tongue_base", "pre_epiglottic_space"), MIDLINE
        ),
        "infrahyoid_epiglottis": _larynx(
            (0, -13, 351), ("infrahyoid_epiglottis",), ("pre_epiglottic_space", "thyroid_cartilage", "hyoid"), MIDLINE
        ),
        "aryepiglottic_fold": _larynx(
            (10, 5, 353),
            ("aryepiglottic_fold_{side}",),
            ("pyriform_sinus_{side}", "epiglottis", "paraglottic_space_{side}"),
        ),
        "arytenoid": _larynx(
            (6, 3, 337), ("arytenoid_{side}",), ("postcricoid_area", "cricoid_cartilage", "vocal_cord_{side}")
        ),
        "false_vocal_cord": _larynx(
            (7.5, -10, 339),
            ("false_vocal_cord_{side}",),
            ("paraglottic_space_{side}", "thyroid_cartilage", "epiglottis"),
        ),
        "vocal_cord": _larynx((5, -12, 330), ("vocal_cord_{side}",), CORD_NEAR),
        "anterior_commissure": _larynx(
            (0, -25, 330),
            ("anterior_commissure",),
            ("thyroid_cartilage", "vocal_cord_{side}", "strap_muscles_{side}"),
            MIDLINE,
        ),
        "posterior_commissure": _larynx(
            (0, 3.5, 332),
            ("posterior_commissure",),
            ("arytenoid_{side}", "postcricoid_area", "cricoid_cartilage"),
            MIDLINE,
        ),
        "subglottis": _larynx(
            (7, -12, 319), ("subglottis",), ("cricoid_cartilage", "vocal_cord_{side}", "trachea", "thyroid_gland")
        ),
    },
    "hypopharynx": {
        "pyriform_sinus": _larynx(
            (14, 7, 343),
            ("pyriform_sinus_{side}", "pyriform_sinus_wall_{side}"),
            (
                "thyroid_cartilage",
                "aryepiglottic_fold_{side}",
                "paraglottic_space_{side}",
                "cricoid_cartilage",
                "thyroid_gland",
            ),
        ),
        "postcricoid_area": _larynx(
            (0, 11, 322), ("postcricoid_area",), ("cricoid_cartilage", "esophagus", "arytenoid_{side}"), MIDLINE
        ),
        "posterior_pharyngeal_wall": _throat(
            (0, 23, 350),
            ("posterior_pharyngeal_wall", "inferior_pharyngeal_constrictor"),
            ("retropharyngeal_space", "prevertebral_{side}", "esophagus"),
            MIDLINE,
        ),
    },
    "oropharynx": {
        "tonsil": _throat(
            (16, 9, 394),
            ("palatine_tonsil_{side}",),
            (
                "superior_pharyngeal_constrictor",
                "tongue_base",
                "soft_palate",
                "parapharyngeal_space_{side}",
                "medial_pterygoid_{side}",
                "mandible",
            ),
        ),
        "base_of_tongue": _throat(
            (8, -2, 384),
            ("tongue_base",),
            ("extrinsic_tongue_muscles", "vallecula", "epiglottis", "pre_epiglottic_space"),
        ),
        "soft_palate": _throat(
            (6, 3, 412), ("soft_palate",), ("uvula", "hard_palate", "palatine_tonsil_{side}", "nasopharynx")
        ),
        "uvula": _throat((0, 8.5, 403), ("uvula",), ("soft_palate",), MIDLINE),
        "vallecula": _throat(
            (5, -4, 369), ("vallecula",), ("epiglottis", "tongue_base", "pre_epiglottic_space", "hyoid")
        ),
        "posterior_wall": _throat(
            (0, 24, 388), ("posterior_pharyngeal_wall",), ("retropharyngeal_space", "prevertebral_{side}"), MIDLINE
        ),
    },
    "oral_cavity": {
        "oral_tongue": _throat((17, -26, 399), ("oral_tongue",), LINGUAL_NEAR),
        "floor_of_mouth": _mouth(
            (16, -42, 389),
            ("floor_of_mouth",),
            ("sublingual_gland_{side}", "mandible", "oral_tongue", "mylohyoid_{side}"),
        ),
        "lower_gingiva": _mouth(
            (30, -26, 396), ("lower_gingiva",), ("mandible", "teeth", "buccal_mucosa_{side}", "floor_of_mouth")
        ),
        "upper_gingiva": _mouth(
            (34, -26, 411),
            ("upper_gingiva",),
            ("upper_alveolar_ridge", "teeth", "maxillary_sinus_{side}", "hard_palate"),
        ),
        "buccal_mucosa": _mouth(
            (36, -35, 406), ("buccal_mucosa_{side}",), ("masseter_{side}", "mandible", "upper_alveolar_ridge")
        ),
        "hard_palate": _mouth(
            (10, -28, 415.5), ("hard_palate",), ("hard_palate", "nasal_cavity_{side}", "maxillary_sinus_{side}")
        ),
        "retromolar_trigone": _mouth(
            (37, -9, 402),
            ("retromolar_trigone_{side}",),
            ("mandible", "medial_pterygoid_{side}", "masseter_{side}", "pterygoid_plate_{side}"),
        ),
        "lip": _mouth((8, -66, 401), ("lip",), ("mandible", "lower_gingiva")),
    },
    "nasopharynx": {
        "lateral_wall": _throat(
            (14, 16, 427),
            ("superior_pharyngeal_constrictor",),
            (
                "parapharyngeal_space_{side}",
                "prevertebral_{side}",
                "medial_pterygoid_{side}",
                "lateral_pterygoid_{side}",
                "pterygoid_plate_{side}",
                "skull_base",
            ),
        ),
        "posterior_superior_wall": _throat(
            (3, 19, 437),
            ("superior_pharyngeal_constrictor",),
            ("clivus", "skull_base", "prevertebral_{side}", "sphenoid_sinus"),
        ),
    },
}


def subsite_center(build: Build, site: str, subsite: str, side: str) -> Point:
    """Where a tumor of a subsite starts in this body, LPS mm; side "left", "right" or "midline"."""
    return SUBSITE_PLACES[site][subsite].center(build, side)
