"""What a lymph node station that a record names means on the map of the cancer that is staged.

A proven node is never dropped for its name: it is a node of the map's stations, a distant metastasis, or it stays open
between the two, and N and M say so.

Sources: the chapters' maps of AJCC 8; Rusch 2009 (IASLC map, J Thorac Oncol 4:568); Robbins 2008 (levels of the neck,
Arch Otolaryngol 134:536). Numbers alone are of the map of the organ that was sampled: the pancreas has some of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from oncology.findings import NECK_SITES
from oncology.tnm.vocabulary import vocabulary

LETTERS: Mapping[str | None, str] = {"right": "R", "left": "L"}
SIDE = re.compile(r"_(left|right)$")
UPPER_NECK, LOWER_NECK = r"I[AB]?|II[AB]?|III|VA|RP", r"IV|VB?|VI|VII|supraclavicular(_left|_right)?"
CHEST = r"([4-9]|1[0-4])(R|L|U|M|Lo)?"
CHEST_WITH_SIDE = r"([1-4]|3a|8|9|1[0-4])[RL]"
ABDOMEN = r"1[5-9]|20|para_aortic(_abdominal)?"
AXILLA = r"axillary(_left|_right)?"
# Names that lie beyond the regional nodes for certain.
BEYOND: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(NECK_SITES, (CHEST, ABDOMEN, AXILLA)),
    "lung": (UPPER_NECK, ABDOMEN, AXILLA),
    "esophagus": (UPPER_NECK, AXILLA),
    "pancreas": (UPPER_NECK, LOWER_NECK, CHEST_WITH_SIDE, AXILLA),
}
# Names of another map for places that this one names otherwise: low in the neck is the lung's station 1.
LOW_IN_THE_NECK = dict.fromkeys(("IV", "VB", "supraclavicular"), ("1R", "1L"))
SAME_PLACE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "lung": LOW_IN_THE_NECK,
    "esophagus": {
        "VI": ("cervical_periesophageal_VI",),
        "celiac": ("20",),
        "common_hepatic_artery": ("18",),
        "splenic_artery": ("19",),
    },
}


def names_on_map(station: str, side: str | None, site: str) -> tuple[str, ...]:
    """The stations of a site's map that a name may mean; none where the map has none of that name.

    A name without its side or its part is any that begins so, and a part that the map does not divide is the whole.
    Numbers are left alone: station 7 is subcarinal, level VII is not.

    >>> names_on_map("8", "left", "lung"), names_on_map("8", None, "esophagus")
    (('8L',), ('8U', '8M', '8Lo'))
    >>> names_on_map("V", None, "larynx"), names_on_map("IIA", None, "larynx"), names_on_map("4R", None, "larynx")
    (('VA', 'VB'), ('II',), ())
    >>> names_on_map("IV", "right", "lung"), names_on_map("II", None, "lung")
    (('1R',), ())
    """
    spelled = vocabulary().site(site).stations
    if station in spelled:
        return (station,)
    bare = SIDE.sub("", station)
    lies = station[len(bare) + 1 :] or side
    whole = tuple(name for name in (bare, bare.rstrip("AB")) if name in spelled)[:1]
    parts = re.compile(re.escape(bare) + (r"[A-Za-z]+" if bare[-1:].isdigit() else r"([RLAB]|_left|_right)"))
    found = SAME_PLACE.get(site, {}).get(bare, ()) or whole or tuple(name for name in spelled if parts.fullmatch(name))
    on_side = tuple(name for name in found if lies in LETTERS and name.endswith((LETTERS[lies], f"_{lies}")))
    return on_side or found


def is_beyond(station: str, site: str) -> bool | None:
    """Whether a station that the site's map lacks lies beyond the regional nodes; None where that is open.

    >>> is_beyond("4R", "larynx"), is_beyond("2R", "larynx"), is_beyond("4R", "lung")
    (True, None, False)
    """
    if names_on_map(station, None, site):
        return False
    return True if any(re.fullmatch(names, station) for names in BEYOND.get(site, ())) else None
