"""What page 1 has room for: a board reads one page, so a case with much to say gets fewer and shorter lines there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from templates.discussion import Point

# Characters in one line of the page: whole width, the same in bold, half of it, the columns of reasons and certainty.
WHOLE, BOLD, HALF, REASON, CERTAINTY = 120, 105, 56, 95, 22


@dataclass(frozen=True)
class Room:
    """How many lines of each kind, how many characters of each, and how high the pictures are; later pages hold all."""

    missing: int
    points: int
    changes: int
    alerts: int
    longest: int
    longest_reason: int
    pictures_mm: int


ROOMS = (
    Room(missing=4, points=4, changes=4, alerts=3, longest=100, longest_reason=170, pictures_mm=57),
    Room(missing=4, points=4, changes=4, alerts=3, longest=100, longest_reason=170, pictures_mm=46),
    Room(missing=3, points=3, changes=3, alerts=2, longest=90, longest_reason=85, pictures_mm=38),
    Room(missing=3, points=3, changes=3, alerts=2, longest=90, longest_reason=85, pictures_mm=28),
)
CANDIDATE_LINES = 2  # what a second stage, with the open candidates, takes
LINE_MM = 4.4
MOST_LINES = 22  # with the largest pictures below them, on A4
ALERT_LINES, ABSTENTION_LINES = 3, 0.5  # heading and frame of these
LONGEST_CHANGE = 300


def front_view(
    reasons: Sequence[Mapping[str, str]],
    missing: Sequence[str],
    points: Sequence[Point],
    changes: Sequence[str],
    alerts: Sequence[str],
    abstentions: Sequence[str],
    candidates: bool = False,
) -> dict[str, Any]:
    """The lines of page 1, fewer and shorter where there are too many.

    Args:
        candidates: a second stage, with the open candidates confirmed, stands beside the first.
    """
    most_mm = (MOST_LINES - CANDIDATE_LINES * candidates) * LINE_MM + ROOMS[0].pictures_mm
    for room in ROOMS:
        shown = {
            "reasons": [{**row, "reason": shortened(row["reason"], room.longest_reason)} for row in reasons],
            "missing": first(missing, room.missing, room.longest),
            "points": _points(points, room),
            "changes": first(changes, room.changes, LONGEST_CHANGE),
            "alerts": first(alerts, room.alerts, room.longest),
        }
        if _lines(shown, abstentions) * LINE_MM + room.pictures_mm <= most_mm:
            break
    return {**shown, "pictures_mm": room.pictures_mm}


def _lines(shown: Mapping[str, Any], abstentions: Sequence[str]) -> float:
    """How many lines of the page these take, about."""
    frames = ALERT_LINES * bool(shown["alerts"]) + ABSTENTION_LINES * len(abstentions)
    reasons = sum(
        max(_wrapped([row["reason"]], REASON), _wrapped([row["certainty"]], CERTAINTY)) for row in shown["reasons"]
    )
    columns = max(_wrapped(shown["missing"], HALF), _wrapped([point.text for point in shown["points"]], HALF))
    whole = _wrapped([*shown["changes"], *shown["alerts"]], WHOLE) + _wrapped(abstentions, BOLD)
    return reasons + columns + whole + frames


def _wrapped(texts: Sequence[str], width: int) -> int:
    return sum(max(1, math.ceil(len(text) / width)) for text in texts)


def _points(points: Sequence[Point], room: Room) -> list[Point]:
    texts = first([point.text for point in points], room.points, room.longest + HALF)
    shown = [replace(point, text=text) for point, text in zip(points, texts, strict=False)][: room.points]
    return [*shown, *(Point(text, "", "") for text in texts[room.points :])]


def first(lines: Sequence[str], most: int, longest: int) -> list[str]:
    """The first lines, shortened to what fits, and how many more there are.

    >>> first(["one", "two", "three"], 2, 9)
    ['one', 'two', '(+ 1)']
    """
    shown = [shortened(line, longest) for line in lines[:most]]
    return [*shown, f"(+ {len(lines) - most})"] if len(lines) > most else shown


def shortened(text: str, length: int) -> str:
    """Text of at most that many characters.

    >>> shortened("contact with the aorta", 12)
    'contact wit…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"
