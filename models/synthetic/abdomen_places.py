"""Where nodes and tumors of the upper abdomen lie in one body, by the definitions of their stations.

Stations of the pancreas in the words of the TNM vocabulary, as the Japan Pancreas Society defines them (its number;
Classification of Pancreatic Carcinoma, 4th English edition 2017), in own words:
    pyloric (5, 6): above and below the pylorus | common_hepatic_artery (8a, 8p, 12a): along it
    celiac (9): around the trunk | splenic_hilum (10): beside the spleen, where its vessels end
    splenic_artery (11p, 11d): along it up to there
    common_bile_duct (12b), portal_vein (12p): along them above the pancreas
    posterior (13) and anterior_pancreaticoduodenal (17): on the back and the front of the head
    sma_right_lateral_wall (14): along the artery's right side | superior_mesenteric_vein: along it below the neck
    para_aortic (16): beside aorta and vena cava | peripancreatic (18): lower border and front of body and tail
Stations of the esophagus below the diaphragm (AJCC 8): 15 by the diaphragm, 16 by the cardia, 17 left gastric, 18
common hepatic, 19 splenic artery, 20 celiac. Numbers: frame millimeters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.synthetic.abdomen_pen import AbdomenPen
from models.synthetic.frame import Build, make_canvas
from oncology.findings import Point


@dataclass(frozen=True)
class Spot:
    """A place in the frame; `neighbor`: the station beyond the nearest border when that is closer than 6 mm."""

    point: Point
    neighbor: str | None = None


@dataclass(frozen=True)
class NodePlace:
    """Where the center of a node of a station lies in one patient, LPS mm; `neighbor`: see `Spot`."""

    station: str
    center: Point
    neighbor: str | None


NODE_PLACES: Mapping[str, Sequence[Spot]] = {
    "anterior_pancreaticoduodenal": (
        Spot((-37, -18, -40)), Spot((-31, -19, -50)), Spot((-36, -16, -34)), Spot((-24, -18, -50),
        "superior_mesenteric_vein"),
    ),
    "posterior_pancreaticoduodenal": (
        Spot((-39, 18, -31)), Spot((-40, 19, -44)), Spot((-38, 17, -38)), Spot((-37, 15, -24), "common_bile_duct"),
    ),
    "peripancreatic": (
        Spot((12, -13, -30)), Spot((28, -4, -24)), Spot((48, 13, -13)), Spot((30, -19, -5)),
    ),
    "pyloric": (Spot((-26, -36, -28)), Spot((-14, -27, -8)), Spot((-24, -46, -20))),
    "common_bile_duct": (
        Spot((-42, -5, 10)), Spot((-44, -9, 18)), Spot((-41, 0, 3)), Spot((-32, -14, 13), "common_hepatic_artery"),
    ),
    "common_hepatic_artery": (
        Spot((-3, -6, 14)), Spot((-8, -12, 13)), Spot((-6, -3, 18)), Spot((-8, 4, 5), "portal_vein"),
    ),
    "portal_vein": (
        Spot((-6, 7, -6)), Spot((-6, 7, -11)), Spot((-32, 6, 16)), Spot((-30, 8, 9), "common_bile_duct"),
    ),
    "superior_mesenteric_vein": (
        Spot((-7, -11, -48)), Spot((-5, -12, -58)), Spot((-9, -13, -66)), Spot((-12, -11, -46),
        "anterior_pancreaticoduodenal"),
    ),
    "sma_right_lateral_wall": (
        Spot((-3, 13, -22)), Spot((-3, 15, -16)), Spot((-2.5, 16, -19)), Spot((-2.6, 11, -32),
        "superior_mesenteric_vein"),
    ),
    "celiac": (Spot((14, 24, 12)), Spot((-4, 22, 10)), Spot((13, 23, 4)), Spot((13, 17, 10), "splenic_artery")),
    "splenic_artery": (Spot((20, 0, 14)), Spot((34, 3, 17)), Spot((44, 21, 17)), Spot((14, 14, 18), "celiac")),
    "splenic_hilum": (Spot((66, 39, 30)), Spot((70, 44, 10)), Spot((64, 40, 22), "peripancreatic")),
    "para_aortic": (Spot((20, 36, -46)), Spot((19, 34, -62)), Spot((-8, 36, -50)), Spot((20, 38, -82))),
}  # fmt: skip
ESOPHAGEAL_PLACES: Mapping[str, Sequence[Spot]] = {
    "15": (Spot((30, 38, 40)), Spot((-12, 36, 44))),
    "16": (Spot((9, 24, 32)), Spot((37, 24, 20))),
    "17": (Spot((2, 3, 26)), Spot((5, 10, 32)), Spot((14, 14, 20), "20")),
    "18": NODE_PLACES["common_hepatic_artery"][:3],
    "19": NODE_PLACES["splenic_artery"][:3],
    "20": NODE_PLACES["celiac"][:3],
    "para_aortic_abdominal": NODE_PLACES["para_aortic"],
}


@dataclass(frozen=True)
class TumorPlace:
    """Where a tumor of the pancreas starts and what it meets first.

    Attributes:
        part: the part's mask: pancreas_head, pancreas_body, pancreas_tail.
        point: its center in the frame.
        towards: structure -> the point of the frame to grow to for contact with it.
    """

    part: str
    point: Point
    towards: Mapping[str, Point]

    def center(self, build: Build) -> Point:
        """Where the tumor starts in this body, LPS mm."""
        return abdomen_pen(build).place(self.point)

    def target(self, build: Build, structure: str) -> Point:
        """Where it grows to for contact with a structure, LPS mm."""
        return abdomen_pen(build).place(self.towards[structure])


TUMOR_PLACES: Mapping[str, Sequence[TumorPlace]] = {
    "head": (
        TumorPlace("pancreas_head", (-29, 0, -38), {
            "superior_mesenteric_vein": (-10, 1, -40), "duodenum": (-55, 7, -38), "portal_vein": (-12, 2, -17),
            "common_bile_duct": (-38, 9, -36), "gastroduodenal_artery": (-25, -18, -30),
            "superior_mesenteric_artery": (4, 8, -38), "inferior_vena_cava": (-22, 27, -38),
        }),
        TumorPlace("pancreas_head", (-25, -4, -24), {
            "portal_vein": (-16, 2, -6), "common_hepatic_artery": (-16, -11, 6), "superior_mesenteric_vein": (-10, 1,
            -32),
            "common_bile_duct": (-35, 8, -18), "gastroduodenal_artery": (-22, -18, -18), "duodenum": (-46, -12, -10),
        }),
        TumorPlace("pancreas_head", (-18, 10, -48), {
            "superior_mesenteric_artery": (4, 6, -45), "superior_mesenteric_vein": (-9, 0, -48), "aorta": (4.5, 34,
            -46),
            "inferior_vena_cava": (-21, 29, -48), "duodenum": (-20, 11, -72),
        }),
    ),
    "body": (
        TumorPlace("pancreas_body", (4, -12, -19), {
            "celiac_trunk": (5, 12, 10), "superior_mesenteric_artery": (5, 14, -20), "common_hepatic_artery": (-6, 0,
            10),
            "splenic_artery": (17, 6, 10), "splenic_vein": (4, 2.5, -17), "superior_mesenteric_vein": (-10, 1, -30),
            "portal_vein": (-12, 2, -16), "stomach": (16, -44, -33),
        }),
        TumorPlace("pancreas_body", (11, -10, -15), {
            "celiac_trunk": (5, 12, 10), "splenic_artery": (22, 5, 6), "superior_mesenteric_artery": (5, 15, -18),
            "splenic_vein": (12, 5, -13), "common_hepatic_artery": (-2, 5, 11),
        }),
    ),
    "tail": (
        TumorPlace("pancreas_tail", (40, 6, -1), {
            "splenic_artery": (42, 13, 8), "splenic_vein": (42, 18, -1), "stomach": (54, -28, 4),
            "adrenal_gland_left": (34, 38, 12),
            "kidney_left": (57, 46, -8),
        }),
        TumorPlace("pancreas_tail", (62, 24, 8.5), {
            "spleen": (84, 44, 18), "splenic_artery": (63, 29, 17), "splenic_vein": (62, 33, 9), "kidney_left": (56,
            50, 2),
            "stomach": (54, -6, 34),
        }),
    ),
}  # fmt: skip


def abdomen_pen(build: Build) -> AbdomenPen:
    """A pen that only places points."""
    return AbdomenPen(make_canvas(20.0, build, "abdomen"), build)


def node_places(build: Build, station: str) -> list[NodePlace]:
    """All places of a station's nodes in this body; names of the pancreas's or numbers of the esophagus's stations."""
    pen = abdomen_pen(build)
    spots = NODE_PLACES[station] if station in NODE_PLACES else ESOPHAGEAL_PLACES[station]
    return [NodePlace(station, pen.place(spot.point), spot.neighbor) for spot in spots]


def all_node_places(build: Build, esophageal: bool = False) -> Iterator[NodePlace]:
    """Every place of every station of the pancreas, or of the esophagus."""
    for station in ESOPHAGEAL_PLACES if esophageal else NODE_PLACES:
        yield from node_places(build, station)
