"""The map of lymph node stations: which were judged, and how, at one look and in black-and-white print.

Every station carries its name and a cell for its status: filled with a plus, white with a minus, hatched with a
question mark, or empty and dashed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from html import escape
from typing import Any

from oncology.errors import ReportError
from templates.station_charts import CHARTS, Area, Chart, Place, Tube

# At and above, at and below: what a probability of malignancy is shown as. Between lies doubt.
SHOWN_POSITIVE, SHOWN_NEGATIVE = 0.8, 0.2
# A station that holds at least this much of a node's probability is named for it.
POSSIBLE_STATION = 0.2
PILL_HEIGHT, CELL_WIDTH, LETTER_WIDTH = 22.0, 20.0, 7.0
LEGEND_HEIGHT = 40
FONT = "'Source Sans 3', Helvetica, Arial, sans-serif"


class StationStatus(StrEnum):
    """What is known of a station; a later one outweighs an earlier one."""

    NOT_ASSESSED = "not_assessed"
    NEGATIVE = "negative"
    DOUBTFUL = "doubtful"
    POSITIVE = "positive"


SIGNS = {
    StationStatus.POSITIVE: "+",
    StationStatus.NEGATIVE: "−",
    StationStatus.DOUBTFUL: "?",
    StationStatus.NOT_ASSESSED: "",
}
WORDS = {
    StationStatus.POSITIVE: "positive",
    StationStatus.NEGATIVE: "negative",
    StationStatus.DOUBTFUL: "doubtful",
    StationStatus.NOT_ASSESSED: "not assessed",
}
INKS = {
    StationStatus.POSITIVE: "#8c1616",
    StationStatus.NEGATIVE: "#333333",
    StationStatus.DOUBTFUL: "#9a5b00",
    StationStatus.NOT_ASSESSED: "#9a9a9a",
}


def station_statuses(nodes: Sequence[Mapping[str, Any]], assessed: Collection[str] = ()) -> dict[str, str]:
    """The status of every station that has a node, from the nodes of findings.json.

    Keys are `station`, or `station_left` and `station_right` where the node has a side. The worst node of a station
    counts. A node between stations makes each of them doubtful at most.

    Args:
        assessed: stations that were looked at; without a node they are negative.
    """
    found = dict.fromkeys(assessed, StationStatus.NEGATIVE)
    for node in nodes:
        possible = {name: share for name, share in node["station_alternatives"].items() if share >= POSSIBLE_STATION}
        names = list(possible) if len(possible) > 1 else [node["station"]] if node["station"] else []
        status = _node_status(node)
        if len(names) > 1 and status is StationStatus.POSITIVE:
            status = StationStatus.DOUBTFUL
        for name in names:
            key = f"{name}_{node['laterality']}" if node.get("laterality") in ("left", "right") else name
            found[key] = _worse(found.get(key, StationStatus.NOT_ASSESSED), status)
    return {name: status.value for name, status in found.items()}


def placed(cancer: str, stations: Iterable[str]) -> list[str]:
    """Names of stations as the cancer's map has them; those that have no place of their own there are left out.

    A map without sides has them on each side (8 is 8R and 8L); a level whose side nobody tells is on none.

    >>> placed("lung", ["8", "4R", "mediastinal_ipsilateral_unspecified"]), placed("larynx", ["II_left", "II", "VI"])
    (['8R', '8L', '4R'], ['II_left', 'VI'])
    """
    sided = {place.station for place in CHARTS[cancer].places if place.side is not None}
    names = (one for name in stations for one in (name, f"{name}R", f"{name}L") if one not in sided)
    return [name for name in names if any(_is_at(name, place) for place in CHARTS[cancer].places)]


def _node_status(node: Mapping[str, Any]) -> StationStatus:
    chance = node["p_malignant"]
    if chance is None and node.get("drawn_as_involved"):
        return StationStatus.POSITIVE  # a person contoured it as tumor
    if chance is None or SHOWN_NEGATIVE < chance < SHOWN_POSITIVE:
        return StationStatus.DOUBTFUL
    return StationStatus.POSITIVE if chance >= SHOWN_POSITIVE else StationStatus.NEGATIVE


def _worse(first: StationStatus, second: StationStatus) -> StationStatus:
    order = list(StationStatus)
    return max(first, second, key=order.index)


def station_map(cancer: str, statuses: Mapping[str, str], *, translate: Callable[[str], str] = str) -> str:
    """The map of a cancer's stations as SVG.

    Args:
        cancer: a site of the TNM vocabulary.
        statuses: positive, negative, doubtful or not_assessed by station, with `_left` or `_right` after a level's
            name where it exists on both sides. A station that the map does not show is named below it.
        translate: turns English words into the report's language.
    Raises:
        ReportError: no map for the cancer, or an unknown status.
    """
    chart = CHARTS.get(cancer)
    if chart is None:
        raise ReportError(f"found cancer {cancer!r}; expected one of {', '.join(CHARTS)}")
    known = {name: _known(name, status) for name, status in statuses.items()}
    shown = {place: _status_at(place, known) for place in chart.places}
    rest = sorted(name for name in known if not any(_is_at(name, place) for place in chart.places))
    others = [f"{translate(name.replace('_', ' '))} {SIGNS[known[name]] or '·'}" for name in rest]
    height = chart.height + LEGEND_HEIGHT + (22 if others else 0)
    size = f'viewBox="0 0 {chart.width} {height}" width="{chart.width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" role="img">',
        f"<title>{escape(translate(chart.title))}</title><desc>{escape(_description(shown, translate))}</desc>",
        f'<rect width="{chart.width}" height="{height}" fill="#ffffff"/>',
        *_anatomy(chart, translate),
        *(_leader(place) for place in chart.places if place.anchor),
        *(_pill(place.x, place.y, _label(place, translate), status) for place, status in shown.items()),
        *_legend(chart, translate),
        *_others(chart, others, translate),
        "</svg>",
    ]
    return "\n".join(parts)


def _known(name: str, status: str) -> StationStatus:
    try:
        return StationStatus(status)
    except ValueError as error:
        raise ReportError(
            f"found status {status!r} of station {name}; expected one of {', '.join(StationStatus)}"
        ) from error


def _status_at(place: Place, statuses: Mapping[str, StationStatus]) -> StationStatus:
    """The worst status of all keys that mean this place; a positive level of unknown side is doubtful on each side."""
    found = StationStatus.NOT_ASSESSED
    for name, status in statuses.items():
        if _is_at(name, place):
            side_unknown = place.side is not None and name == place.station
            doubt = side_unknown and status is StationStatus.POSITIVE
            found = _worse(found, StationStatus.DOUBTFUL if doubt else status)
    return found


def _is_at(name: str, place: Place) -> bool:
    if name == place.station:
        return True
    base, _, side = name.rpartition("_")
    return side in ("left", "right") and base == place.station and place.side in (None, side)


def _label(place: Place, translate: Callable[[str], str]) -> str:
    """A station's own code is alike in every language; words are not."""
    return translate(place.label) if place.label else place.station


def _description(shown: Mapping[Place, StationStatus], translate: Callable[[str], str]) -> str:
    """What the map shows, for readers who hear it."""
    lines = []
    for status in reversed(StationStatus):
        names = [
            " ".join(filter(None, (_label(place, translate), translate(place.side) if place.side else "")))
            for place, found in shown.items()
            if found is status
        ]
        if names and status is not StationStatus.NOT_ASSESSED:
            lines.append(f"{translate(WORDS[status])}: {', '.join(names)}")
    return "; ".join(lines) or translate("no station was assessed")


def _anatomy(chart: Chart, translate: Callable[[str], str]) -> list[str]:
    parts = [part for layer in chart.layers for part in (_area(layer) if isinstance(layer, Area) else _tubes(layer))]
    words = [_text(x, y, 11, translate(word), "#6f6f6f") for word, x, y in chart.words]
    return [*parts, *words]


def _text(x: float, y: float, size: float, words: str, ink: str, *, weight: int = 400, anchor: str = "middle") -> str:
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size:g}" font-weight="{weight}" fill="{ink}">{escape(words)}</text>'


def _area(area: Area) -> list[str]:
    return [f'<path d="{area.path}" fill="{area.fill}" stroke="{area.stroke}" stroke-width="1.5"/>']


def _tubes(tubes: Sequence[Tube]) -> list[str]:
    """The edges of all tubes first, then their insides: branches open into one another."""
    edges = [(tube, "#b5b5b5", tube.width + 3.0) for tube in tubes]
    insides = [(tube, tube.fill, tube.width) for tube in tubes]
    return [
        f'<path d="{tube.path}" fill="none" stroke="{ink}" stroke-width="{width:g}"/>'
        for tube, ink, width in (*edges, *insides)
    ]


def _leader(place: Place) -> str:
    x, y = place.anchor or (place.x, place.y)
    return (
        f'<line x1="{place.x:g}" y1="{place.y:g}" x2="{x:g}" y2="{y:g}" stroke="#8a8a8a" stroke-width="1"/>'
        f'<circle cx="{x:g}" cy="{y:g}" r="3" fill="#8a8a8a"/>'
    )


def _pill(x: float, y: float, label: str, status: StationStatus) -> str:
    """A station's name and its status cell, centered on a point."""
    ink, cell = INKS[status], 0.0 if status is StationStatus.NOT_ASSESSED else CELL_WIDTH
    wide = LETTER_WIDTH * len(label) + 12.0
    left, upper = x - (wide + cell) / 2.0, y - PILL_HEIGHT / 2.0
    solid, judged = status is StationStatus.POSITIVE, cell > 0.0
    line = f'stroke="{ink}" stroke-width="1.8"'
    if not judged:
        line = f'stroke="{ink}" stroke-width="1.2" stroke-dasharray="3 2.5"'
    frame = f'x="{left:g}" y="{upper:g}" width="{wide + cell:g}" height="{PILL_HEIGHT:g}" rx="5"'
    color = "#ffffff" if solid else "#1a1a1a" if judged else "#6f6f6f"
    parts = [
        f'<rect {frame} fill="{ink if solid else "#ffffff"}" {line}/>',
        _text(left + wide / 2, y + 4.5, 13, label, color, weight=600 if judged else 400),
    ]
    return "".join([*parts, *(_cell(left + wide, upper, status) if judged else [])])


def _cell(left: float, upper: float, status: StationStatus) -> list[str]:
    """The sign of a judged station at the right end of its pill."""
    color = "#ffffff" if status is StationStatus.POSITIVE else INKS[status]
    hatching = _hatching(left, upper, color) if status is StationStatus.DOUBTFUL else []
    low = upper + PILL_HEIGHT
    return [
        *hatching,
        f'<line x1="{left:g}" y1="{upper + 3:g}" x2="{left:g}" y2="{low - 3:g}" stroke="{color}"/>',
        _text(left + CELL_WIDTH / 2, upper + PILL_HEIGHT / 2 + 5.4, 16, SIGNS[status], color, weight=700),
    ]


def _hatching(left: float, upper: float, ink: str) -> list[str]:
    """Slanted lines across a status cell, and a clear spot in its middle for the sign."""
    low, high = upper + 1.5, upper + PILL_HEIGHT - 1.5
    first, last = left + 1.0, left + CELL_WIDTH - 2.0
    lines = []
    start = first - (high - low)
    while start < last:
        x1, x2 = max(start, first), min(start + high - low, last)
        if x2 > x1:
            lines.append(
                f'<line x1="{x1:g}" y1="{high - (x1 - start):g}" x2="{x2:g}" y2="{high - (x2 - start):g}" '
                f'stroke="{ink}" stroke-width="1.1"/>'
            )
        start += 4.0
    center = f'cx="{left + CELL_WIDTH / 2:g}" cy="{upper + PILL_HEIGHT / 2:g}"'
    return [*lines, f'<circle {center} r="7" fill="#ffffff"/>']


def _legend(chart: Chart, translate: Callable[[str], str]) -> list[str]:
    y = chart.height + LEGEND_HEIGHT / 2.0
    step = chart.width / 4.0
    parts = [f'<line x1="10" y1="{chart.height}" x2="{chart.width - 10}" y2="{chart.height}" stroke="#dddddd"/>']
    for place, status in enumerate(reversed(StationStatus)):
        word = translate(WORDS[status])
        parts.append(_pill(step * (place + 0.5), y, word, status))
    low, right = chart.height - 8, chart.width - 8
    parts.append(_text(8, low, 12, translate("Right"), "#555555", anchor="start"))
    parts.append(_text(right, low, 12, translate("Left"), "#555555", anchor="end"))
    return parts


def _others(chart: Chart, others: Sequence[str], translate: Callable[[str], str]) -> list[str]:
    """Stations that the drawing has no place for."""
    if not others:
        return []
    words = f"{translate('Also')}: {', '.join(others)}"
    return [_text(10, chart.height + LEGEND_HEIGHT + 12, 13, words, "#1a1a1a", anchor="start")]
