"""Where nodes of the chest lie in one body, by the definitions of the stations; never by our own rules for images.

IASLC map (Rusch 2009, J Thorac Oncol 4:568) and the esophageal one of AJCC 8 (Rice 2017, J Thorac Oncol 12:36). In own
words: 1 above the manubrium; 2 from 4 at the lower edge of the left brachiocephalic vein on the trachea (right; of the
brachiocephalic artery for the esophagus) or the top of the arch (left); 4R to the azygos arch, 4L to the left pulmonary
artery; right from left at the trachea's left wall; 3a before the great veins, 3p behind the trachea; 5 lateral to the
ligament below the arch; 6 before and beside the arch; 7 below the carina; 8 at the gullet; 9 in the ligament below the
lower vein; 10 at the main bronchus; 11 between the lobar bronchi; 12, 13, 14 at lobar, segmental and smaller bronchi.
Numbers: frame millimeters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.frame import CARINA, Build, make_canvas
from models.synthetic.trunk_pen import TrunkPen
from oncology.findings import Point


@dataclass(frozen=True)
class Spot:
    """A place of the frame; `neighbor`: the station beyond a border closer than about 6 mm."""

    point: Point
    neighbor: str | None = None


@dataclass(frozen=True)
class NodePlace:
    """Where the center of a station's node lies in one patient, LPS mm; `neighbor`: see `Spot`."""

    station: str
    center: Point
    neighbor: str | None = None


def _spots(*points: Point, **near: Point) -> tuple[Spot, ...]:
    """Places well inside a station, and near-border ones named by the neighbor (`n4R`)."""
    return (*(Spot(point) for point in points), *(Spot(point, name[1:]) for name, point in near.items()))


NODE_PLACES: Mapping[str, Sequence[Spot]] = {
    "1R": _spots((-14, 6, 272), (-14, -10, 278), (-42, -8, 277), n2R=(-16, 2, 266)),
    "1L": _spots((14, 7, 273), (12, -12, 272), (44, -8, 277), n2L=(16, 4, 266)),
    "2R": _spots((-18, 7, 233), (-23, 3, 244), (-16, 14, 246), (-4, -12, 238), n4R=(-17, 4, 223)),
    "2L": _spots((17, 14, 238), (21, 3, 240), (20, 5, 250), n4L=(17, 8, 224)),
    "3a": _spots((-14, -50, 196), (0, -53, 225), (-5, -53, 216), (-16, -51, 184)),
    "3p": _spots((-9, 33, 232), (2, 45, 226), (-9, 40, 210), n4R=(-13, 27, 204)),
    "4R": _spots((-16, -2, 200), (-21, 3, 193), (-18, 2, 188), (-22, 8, 207), n2R=(-17, 0, 214), n10R=(-16, 4, 182)),
    "4L": _spots((17, 14, 188), (16, 20, 191), (17, 8, 187), n10L=(16, 15, 182), n5=(23, 8, 187)),
    "5": _spots((37, -4, 187), (37, 6, 187), (34, -10, 187), n4L=(31, -2, 187)),
    "6": _spots((18, -35, 205), (31, -26, 204), (24, -33, 202), n5=(32, -24, 196)),
    "7": _spots((0, 22, 153), (-7, 26, 146), (9, 25, 147), (-12, 24, 142), n11R=(-22, 25, 139)),
    "8": _spots((0, 52, 100), (4, 54, 114), (5, 45, 72), (1, 40, 80)),
    "9R": _spots((-20, 36, 88), (-22, 40, 78), (-19, 34, 82), n8=(-8, 38, 84)),
    "9L": _spots((31, 33, 86), (30, 31, 78), (33, 36, 82)),
    "10R": _spots((-28, 8, 166), (-31, 12, 167), (-29, 10, 171), n4R=(-22, 6, 175)),
    "10L": _spots((27, 13, 159), (34, 16, 156), (22, 9, 163), n4L=(22, 10, 176)),
    "11R": _spots((-47, 28, 133), (-45, 32, 128), (-41, 35, 138)),
    "11L": _spots((56, 27, 133), (56, 28, 131)),
    "12R": _spots((-48, 33, 163), (-47, 13, 156), (-52, 6, 121)),
    "12L": _spots((57, 8, 140), (54, 9, 142), (45, 42, 122)),
    "13R": _spots((-65, 20, 177), (-64, 40, 165)),
    "13L": _spots((71, 22, 170), (73, 6, 158)),
    "14R": _spots((-66, 22, 206), (-82, -25, 173)),
    "14L": _spots((68, 29, 206), (86, -26, 184)),
}
ESOPHAGEAL_PLACES: Mapping[str, Sequence[Spot]] = {
    "1R": _spots((-14, 6, 272), (-14, -10, 278), n2R=(-16, 2, 266)),
    "1L": _spots((14, 7, 273), (12, -12, 272), n2L=(16, 4, 266)),
    "supraclavicular_right": _spots((-47, -8, 277), (-52, -4, 274)),
    "supraclavicular_left": _spots((48, -8, 277), (53, -4, 274)),
    "2R": _spots((-18, 7, 233), (-23, 3, 244), (-16, 14, 246), (-4, -12, 238)),
    "2L": NODE_PLACES["2L"],
    "4R": _spots((-20, 4, 194), (-16, -1, 195), n2R=(-22, 8, 197), n10R=(-17, 4, 191)),
    "4L": _spots((17, 14, 188), (16, 20, 191), (16, 14, 180), n10L=(15, 14, 173)),
    "7": NODE_PLACES["7"],
    "8U": _spots((-9, 33, 232), (2, 45, 226), (-9, 40, 210), n8M=(-8, 44, 174)),
    "8M": _spots((-7, 46, 120), (4, 55, 114), (2, 54, 148), n8Lo=(-1, 52, 105)),
    "8Lo": _spots((5, 45, 72), (1, 40, 80), (7, 43, 62), n8M=(0, 51, 96)),
    "9R": NODE_PLACES["9R"],
    "9L": NODE_PLACES["9L"],
    "10R": _spots((-28, 8, 166), (-31, 12, 167), (-29, 10, 171)),
    "10L": _spots((27, 13, 159), (34, 16, 156), n4L=(22, 9, 166)),
}
# Below the hiatus, in the frame of the abdomen: at the crura, the cardia and the celiac branches.
BELOW_HIATUS: Mapping[str, Sequence[Spot]] = {
    "15": _spots((-14, 45, 24), (27, 45, 28)),
    "16": _spots((33, 26, 30), (25, 13, 29)),
    "17": _spots((5, 3, 30), (13, 10, 32)),
    "18": _spots((-10, 1, 15), (-6, 0, 16)),
    "19": _spots((41, 18, 14), (55, 18, 23)),
    "20": _spots((13, 24, 7), (-2, 22, 8)),
}


def node_places(build: Build, system: str = "iaslc") -> list[NodePlace]:
    """All places of all stations in this body; `system` "iaslc" (lung) or "esophageal"."""
    canvas = make_canvas(20.0, build)
    pen = TrunkPen(canvas, build)
    above = ESOPHAGEAL_PLACES if system == "esophageal" else NODE_PLACES
    found = [
        NodePlace(station, pen.place(spot.point), spot.neighbor) for station, spots in above.items() for spot in spots
    ]
    if system == "esophageal":
        low = AbdomenPen(canvas, build)
        found += [NodePlace(name, low.place(spot.point)) for name, spots in BELOW_HIATUS.items() for spot in spots]
    return found


# Edges of organs by their middle lines and calibers in great_vessels.py and airway_tree.py.
LANDMARKS: Mapping[str, Point] = {
    "carina": CARINA,
    "aortic_arch_top": (22.0, -4.0, 220.5),
    "aortic_arch_bottom": (27.0, 6.0, 193.5),
    "left_brachiocephalic_vein_crossing": (0.0, -37.0, 219.0),
    "azygos_arch_bottom": (-27.0, 20.0, 178.0),
    "left_pulmonary_artery_top": (38.0, 2.0, 180.0),
    "manubrium_top": (0.0, -50.0, 263.0),
    "xiphoid_tip": (0.0, -95.0, 96.0),
    "inferior_pulmonary_vein_bottom": (0.0, 30.0, 101.0),
}


def thorax_landmarks(build: Build) -> dict[str, Point]:
    """Points that divide the chest's stations, LPS mm in this body."""
    pen = TrunkPen(make_canvas(20.0, build), build)
    return {name: pen.place(point) for name, point in LANDMARKS.items()}
