"""Where nodes and tumors of the neck lie in one body, by the definitions of the levels and subsites.

Levels: AJCC 8 (the imaging definitions of Som 1999, Arch Otolaryngol Head Neck Surg 125, and Robbins 2002) with the
consensus of Gregoire 2014 (Radiother Oncol 110) where those leave a border open. In own words:
    I from II: back of the submandibular gland; IA: between the front bellies of the digastric
    II from III: lower border of the hyoid's body; III from IV, VA from VB: lower border of the cricoid
    II, III from VA: back of the sternocleidomastoid; IV from VB: line from there to the anterior scalene's outer edge
    VI: medial to the carotids; VII: below the sternal notch; RP: medial to the internal carotid, behind the pharynx
    supraclavicular: lateral to the carotid, from 2 cm above the notch down
Numbers: frame millimeters, left side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.synthetic.frame import LEVELS_Z, Build
from models.synthetic.neck_larynx import HYOID_BOTTOM_Z
from models.synthetic.neck_pen import SIDES, neck_parts
from oncology.findings import Point

Parts = tuple[str, str, str]
TRUNK: Parts = ("trunk", "trunk", "trunk")
AT_HYOID: Parts = ("trunk", "trunk", "throat")
AT_CRICOID: Parts = ("trunk", "trunk", "larynx")
AT_GLAND: Parts = ("trunk", "glands", "throat")
AT_CHIN: Parts = ("throat", "throat", "throat")


@dataclass(frozen=True)
class Spot:
    """A place of the left side in the frame.

    Attributes:
        point: x, y, z in frame millimeters.
        parts: the part of the neck that moves x, y and z (see `neck_pen.PIVOTS`).
        neighbor: the level beyond the nearest border when that is closer than 6 mm, else None.
    """

    point: Point
    parts: Parts = TRUNK
    neighbor: str | None = None


@dataclass(frozen=True)
class NodePlace:
    """Where the center of a node of a level lies in one patient, LPS mm; `neighbor`: see `Spot`."""

    level: str
    side: str
    center: Point
    neighbor: str | None


NODE_PLACES: Mapping[str, Sequence[Spot]] = {
    "IA": (Spot((2.5, -38, 366), AT_CHIN), Spot((3.0, -33, 365.5), AT_CHIN), Spot((2.0, -43, 367), AT_CHIN)),
    "IB": (
        Spot((29, -19, 369), AT_HYOID),
        Spot((38, -8, 371), AT_HYOID),
        Spot((26, -26, 368), AT_HYOID),
        Spot((43, 8, 372), AT_GLAND, "II"),
    ),
    "II": (
        Spot((40, 32, 386)),
        Spot((38, 34, 402)),
        Spot((37, 35, 418)),
        Spot((41, 30, 374), AT_HYOID),
        Spot((40, 29, 366), AT_HYOID, "III"),
        Spot((43, 18, 374), AT_GLAND, "IB"),
        Spot((41, 39, 388), TRUNK, "VA"),
    ),
    "III": (
        Spot((40, 26, 345)),
        Spot((39, 24, 335)),
        Spot((41, 22, 326)),
        Spot((40, 28, 357), AT_HYOID, "II"),
        Spot((37, 19, 313), AT_CRICOID, "IV"),
        Spot((42, 29, 342), TRUNK, "VA"),
    ),
    "IV": (
        Spot((36, 18, 297)),
        Spot((37, 19, 293)),
        Spot((35, 17, 290)),
        Spot((37, 18, 303), AT_CRICOID, "III"),
        Spot((36, 17, 287), TRUNK, "supraclavicular"),
        Spot((43, 19, 297), TRUNK, "VB"),
    ),
    "VA": (
        Spot((47, 50, 350)),
        Spot((50, 49, 335)),
        Spot((46, 52, 370)),
        Spot((50, 40, 345), TRUNK, "III"),
        Spot((52, 44, 313), AT_CRICOID, "VB"),
    ),
    "VB": (
        Spot((54, 34, 296)),
        Spot((58, 30, 292)),
        Spot((54, 38, 300)),
        Spot((54, 38, 303.5), AT_CRICOID, "VA"),
        Spot((57, 32, 287), TRUNK, "supraclavicular"),
        Spot((51, 25, 297), TRUNK, "IV"),
    ),
    "VI": (
        Spot((13, 5, 286)),
        Spot((13, -6, 280)),
        Spot((4, -23, 319), AT_CRICOID),
        Spot((13, 4, 267), TRUNK, "VII"),
        Spot((16.5, 9, 289), TRUNK, "IV"),
    ),
    "VII": (Spot((6, -12, 250)), Spot((7, -11, 246)), Spot((7, -12, 257.5), TRUNK, "VI")),
    "RP": (Spot((17, 26, 420)), Spot((17, 26, 410)), Spot((18.5, 25.5, 396), TRUNK, "II")),
    "supraclavicular": (
        Spot((52, 8, 272)),
        Spot((46, 5, 271)),
        Spot((54, 20, 273)),
        Spot((52, 26, 277.5), TRUNK, "VB"),
    ),
}


def node_places(build: Build, level: str, side: str) -> list[NodePlace]:
    """All places of a level's nodes on one side ("left", "right") of this body."""
    return [NodePlace(level, side, place(build, spot, side), spot.neighbor) for spot in NODE_PLACES[level]]


def all_node_places(build: Build) -> Iterator[NodePlace]:
    """Every place of every level on both sides."""
    for level in NODE_PLACES:
        for side in SIDES:
            yield from node_places(build, level, side)


def place(build: Build, spot: Spot, side: str) -> Point:
    """A place of the frame's left side, on one side of this body, LPS mm."""
    parts = neck_parts(build)
    point = (SIDES.get(side, 0.0) * spot.point[0], spot.point[1], spot.point[2])
    x, y, z = (parts[name].place(point)[axis] for axis, name in enumerate(spot.parts))
    return (x, y, z)


def neck_landmarks(build: Build) -> dict[str, Point]:
    """Points that divide the neck's levels, LPS mm."""
    parts = neck_parts(build)
    found = {
        "hyoid_bottom": parts["throat"].place((0.0, -20.0, HYOID_BOTTOM_Z)),
        "cricoid_bottom": parts["larynx"].place((0.0, -6.5, LEVELS_Z["cricoid_bottom"])),
        "glottis": parts["larynx"].place((0.0, -9.5, LEVELS_Z["glottis"])),
        "thyroid_notch": parts["larynx"].place((0.0, -34.0, 342.0)),
        "skull_base": parts["skull"].place((0.0, 33.0, LEVELS_Z["skull_base"])),
        "sternal_notch": parts["trunk"].place((0.0, -28.0, LEVELS_Z["sternal_notch"])),
        "mandible_symphysis_bottom": parts["jaw"].place((0.0, -60.0, LEVELS_Z["mandible_lower_border"])),
    }
    for side, sign in SIDES.items():
        found[f"carotid_bifurcation_{side}"] = parts["trunk"].place((sign * 27.0, 14.0, 360.0))
        found[f"mandible_angle_{side}"] = parts["jaw"].place((sign * 48.0, 18.0, 385.0))
    return found
