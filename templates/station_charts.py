"""The drawings behind the station maps: our own schematics, as numbers.

Each chart shows the patient from the front, his right side at the left. Coordinates are the SVG's units. Tubes are
center lines with a width; places are where a station's label stands, and what it is called there. The division of
stations and levels follows IASLC (Rusch 2009), the neck levels of Robbins 2008 and AJCC 8th edition for esophagus and
pancreas; the drawings are not taken from them.
"""

from __future__ import annotations

from dataclasses import dataclass

from oncology.findings import NECK_SITES

Point2 = tuple[float, float]


@dataclass(frozen=True)
class Tube:
    """A hollow organ: an SVG path for its middle, its width, and its gray."""

    path: str
    width: float
    fill: str = "#f4f4f4"


@dataclass(frozen=True)
class Area:
    """A closed outline, or an open line when `fill` is none."""

    path: str
    fill: str = "#fafafa"
    stroke: str = "#b5b5b5"


@dataclass(frozen=True)
class Place:
    """Where a station stands. `side`: only nodes of that side; `anchor`: the spot that a line leads to."""

    station: str
    x: float
    y: float
    side: str | None = None
    label: str | None = None
    anchor: Point2 | None = None


@dataclass(frozen=True)
class Chart:
    """One map: layers from back to front; tubes of one layer open into one another."""

    title: str
    width: int
    height: int
    layers: tuple[Area | tuple[Tube, ...], ...]
    words: tuple[tuple[str, float, float], ...]
    places: tuple[Place, ...]


def _both(station: str, x: float, y: float, *, middle: float, label: str | None = None) -> tuple[Place, Place]:
    """The same level on both sides: `x` is the right one's, at the left of the picture."""
    return (
        Place(station, x, y, "right", label),
        Place(station, 2.0 * middle - x, y, "left", label),
    )


AIRWAY = (
    Tube("M320 20 V268", 40),
    Tube("M320 262 C300 300 262 318 205 344", 30),
    Tube("M320 262 C345 305 390 326 448 352", 27),
    Tube("M222 334 C200 318 186 306 158 296", 17),
    Tube("M208 342 C192 366 182 390 172 432", 19),
    Tube("M186 388 C170 398 152 404 134 408", 12),
    Tube("M440 348 C466 344 482 338 508 326", 17),
    Tube("M446 351 C466 376 474 404 482 446", 18),
)
RIGHT_LUNG = (
    "M232 96 C150 92 70 230 54 540 C120 520 180 526 248 566 C256 500 214 470 206 420 C198 360 236 300 244 220 Z"
)
LEFT_LUNG = (
    "M408 96 C490 92 570 230 586 540 C540 520 500 524 462 548 C470 500 450 470 444 430 C448 360 432 300 428 220 Z"
)
HEART = "M256 446 C246 500 262 552 330 564 C410 574 470 548 462 504 C452 456 400 420 346 420 C306 410 262 420 256 446 Z"

LUNG = Chart(
    title="Lymph node stations of the chest",
    width=640,
    height=600,
    layers=(
        Area(RIGHT_LUNG),
        Area(LEFT_LUNG),
        Area("M130 78 C200 96 250 90 296 80", "none"),
        Area("M510 78 C440 96 390 90 344 80", "none"),
        (Tube("M286 470 C258 380 262 236 330 218 C392 206 420 232 420 300 L414 596", 36, "#e4e4e4"),),
        (Tube("M338 470 C346 392 372 336 462 322", 24, "#efefef"),),
        Area(HEART, "#f1f1f1"),
        AIRWAY,
        Area("M60 552 C160 506 230 566 320 574 C410 574 500 512 580 552", "none"),
        Area("M8 8 H148 V158 H8 Z", "#ffffff"),
        (Tube("M78 14 V152", 18),),
    ),
    words=(
        ("Seen from the left", 78, 172),
        ("front", 28, 28),
        ("back", 128, 28),
        ("Aorta", 390, 232),
        ("Heart", 320, 536),
        ("Diaphragm", 96, 566),
        ("Trachea", 320, 14),
    ),
    places=(
        Place("cervical_level_III_right", 208, 24, label="Level III R"),
        Place("cervical_level_III_left", 432, 24, label="Level III L"),
        Place("1R", 262, 58),
        Place("1L", 378, 58),
        Place("2R", 262, 124),
        Place("2L", 378, 124),
        Place("3aR", 40, 66),
        Place("3aL", 40, 106),
        Place("3p", 118, 86),
        Place("4R", 258, 206),
        Place("4L", 366, 262),
        Place("5", 474, 276),
        Place("6", 472, 212),
        Place("7", 320, 330),
        Place("8R", 274, 446),
        Place("8L", 366, 446),
        Place("9R", 246, 506),
        Place("9L", 400, 506),
        Place("10R", 236, 296),
        Place("10L", 404, 318),
        Place("11R", 176, 352),
        Place("11L", 470, 366),
        Place("12R", 124, 300),
        Place("12L", 540, 322),
        Place("13R", 112, 408),
        Place("13L", 518, 414),
        Place("14R", 96, 474),
        Place("14L", 544, 474),
        Place("axillary_right", 52, 236, label="Axilla R"),
        Place("axillary_left", 588, 236, label="Axilla L"),
    ),
)

NECK = Chart(
    title="Lymph node levels of the neck",
    width=640,
    height=560,
    layers=(
        Area("M176 20 C176 150 222 222 320 226 C418 222 464 150 464 20", "#fafafa"),
        Area("M188 120 C196 220 196 300 168 372 C140 420 80 438 24 446", "none"),
        Area("M452 120 C444 220 444 300 472 372 C500 420 560 438 616 446", "none"),
        Area("M96 462 C180 436 250 446 300 462", "none"),
        Area("M544 462 C460 436 390 446 340 462", "none"),
        Area("M198 128 C226 240 262 360 300 456", "none", "#d0d0d0"),
        Area("M442 128 C414 240 378 360 340 456", "none", "#d0d0d0"),
        Area("M284 250 C300 258 340 258 356 250", "none"),
        Area("M288 268 L320 280 L352 268 L346 326 L320 336 L294 326 Z", "#eeeeee"),
        (Tube("M320 360 V548", 34),),
        Area("M296 342 H344 V360 H296 Z", "#eeeeee"),
    ),
    words=(
        ("Mandible", 320, 164),
        ("Hyoid", 320, 246),
        ("Larynx", 320, 310),
        ("Clavicle", 120, 480),
    ),
    places=(
        *_both("RP", 272, 60, middle=320),
        *_both("IB", 244, 190, middle=320),
        Place("IA", 320, 208),
        *_both("II", 206, 240, middle=320),
        *_both("III", 230, 308, middle=320),
        *_both("IV", 250, 392, middle=320),
        *_both("VA", 136, 286, middle=320),
        *_both("VB", 142, 366, middle=320),
        Place("VI", 320, 392),
        *_both("supraclavicular", 176, 430, middle=320, label="Supraclav."),
        Place("VII", 320, 474),
        Place("mediastinal", 460, 512, label="Mediastinum", anchor=(330, 512)),
        Place("mediastinal_below_VII", 460, 542, label="Below VII", anchor=(330, 542)),
    ),
)

STOMACH = (
    "M326 470 C344 520 424 474 462 500 C512 540 470 612 372 604 C312 600 286 588 262 596 C252 572 300 566 318 556 "
    "C330 540 322 500 312 470 Z"
)

ESOPHAGUS = Chart(
    title="Lymph node stations of the esophagus",
    width=640,
    height=640,
    layers=(
        Area("M150 74 C210 92 262 90 298 80", "none"),
        Area("M490 74 C430 92 378 90 342 80", "none"),
        (Tube("M336 200 C384 196 404 226 400 300 L396 640", 28, "#ededed"),),
        (Tube("M319 476 C336 400 340 330 334 250 L330 24", 28, "#e2e2e2"),),
        Area(STOMACH, "#f1f1f1"),
        (
            Tube("M306 20 V206", 34),
            Tube("M306 204 C286 240 254 256 206 272", 24),
            Tube("M306 204 C330 244 366 258 424 272", 23),
        ),
        Area("M20 452 C140 400 250 440 330 440 C420 440 520 400 620 452", "none"),
    ),
    words=(
        ("Trachea", 306, 14),
        ("Diaphragm", 96, 448),
        ("Stomach", 430, 566),
        ("Aorta", 396, 630),
    ),
    places=(
        Place("cervical_periesophageal_VI", 400, 30, label="VI", anchor=(338, 30)),
        Place("cervical_periesophageal_VII", 400, 58, label="VII", anchor=(338, 58)),
        Place("supraclavicular_right", 190, 56, label="Supraclav. R"),
        Place("supraclavicular_left", 500, 56, label="Supraclav. L"),
        Place("1R", 246, 112),
        Place("1L", 396, 112),
        Place("2R", 250, 150),
        Place("2L", 400, 150),
        Place("4R", 250, 196),
        Place("4L", 372, 228),
        Place("10R", 224, 306),
        Place("10L", 446, 306),
        Place("7", 300, 266),
        Place("8U", 482, 178, anchor=(336, 178)),
        Place("8M", 334, 338),
        Place("8Lo", 328, 400),
        Place("9R", 226, 396),
        Place("9L", 446, 396),
        Place("15", 284, 440),
        Place("16", 268, 484, anchor=(310, 484)),
        Place("17", 236, 530, anchor=(322, 526)),
        Place("18", 170, 570, anchor=(286, 580)),
        Place("19", 560, 520, anchor=(474, 520)),
        Place("20", 560, 562, anchor=(398, 540)),
        Place("para_aortic_abdominal", 540, 612, label="Para-aortic", anchor=(398, 614)),
    ),
)

PANCREAS_OUTLINE = (
    "M286 216 C330 188 420 196 500 186 C570 178 620 150 640 168 C660 196 590 226 520 240 C440 256 392 262 360 280 "
    "C350 326 316 372 272 360 C240 344 244 252 286 216 Z"
)

PANCREAS = Chart(
    title="Regional lymph nodes of the pancreas",
    width=760,
    height=560,
    layers=(
        Area("M230 130 C290 110 330 96 420 92 C520 88 560 40 610 52", "none"),
        Area("M236 168 C300 158 350 150 440 140 C520 132 590 110 640 82", "none"),
        Area("M664 96 C712 92 736 150 716 216 C690 236 660 200 656 166 C652 130 650 104 664 96 Z", "#f4f4f4"),
        (Tube("M392 20 V540", 30, "#e8e8e8"),),
        (Tube("M250 148 C190 150 190 220 196 290 C200 390 240 404 330 396 L470 384", 40),),
        Area(PANCREAS_OUTLINE, "#ececec"),
        (
            Tube("M392 170 C370 156 340 158 300 182 C270 170 262 120 256 76", 10, "#dedede"),
            Tube("M392 170 C450 150 540 190 654 148", 10, "#dedede"),
        ),
        (Tube("M392 224 C380 280 382 360 372 470", 12, "#dedede"),),
        (Tube("M346 470 C340 380 346 300 338 244 C330 190 296 130 276 60", 14, "#f4f4f4"),),
        (Tube("M232 60 C240 130 250 200 262 300", 9, "#fbfbfb"),),
    ),
    words=(
        ("Pancreas", 500, 222),
        ("Duodenum", 270, 398),
        ("Aorta", 392, 554),
        ("Spleen", 694, 160),
        ("Stomach", 540, 96),
    ),
    places=(
        Place("common_bile_duct", 104, 66, label="Common bile duct", anchor=(236, 92)),
        Place("pyloric", 94, 124, label="Pyloric", anchor=(240, 146)),
        Place("common_hepatic_artery", 112, 182, label="Common hepatic art.", anchor=(298, 181)),
        Place("posterior_pancreaticoduodenal", 108, 262, label="Post. pancr.-duod.", anchor=(236, 262)),
        Place("anterior_pancreaticoduodenal", 108, 322, label="Ant. pancr.-duod.", anchor=(240, 330)),
        Place("superior_mesenteric_vein", 190, 470, label="Sup. mesenteric vein", anchor=(345, 440)),
        Place("portal_vein", 312, 34, label="Portal vein", anchor=(282, 84)),
        Place("celiac", 500, 34, label="Celiac", anchor=(396, 168)),
        Place("supraclavicular_left", 670, 34, label="Supraclav. L"),
        Place("splenic_hilum", 690, 280, label="Splenic hilum", anchor=(656, 170)),
        Place("splenic_artery", 560, 280, label="Splenic artery", anchor=(570, 170)),
        Place("peripancreatic", 500, 326, label="Peripancreatic", anchor=(440, 246)),
        Place("sma_right_lateral_wall", 580, 440, label="SMA, right wall", anchor=(371, 440)),
        Place("para_aortic", 560, 510, label="Para-aortic", anchor=(404, 510)),
    ),
)

CHARTS: dict[str, Chart] = {
    "lung": LUNG,
    "esophagus": ESOPHAGUS,
    "pancreas": PANCREAS,
    **dict.fromkeys(NECK_SITES, NECK),
}
