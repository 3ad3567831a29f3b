"""What page 1 has room for: a board reads one page, so a case with much to say gets fewer and shorter lines there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any

from templates.discussion import Point

# Characters in one line of the page: whole width, the same in bold, half of it, the columns of reasons and certainty.
WHOLE, BOLD, HALF, REASON, CERTAINTY = 128, 105, 50, 95, 22
USUAL_LABEL = 6  # characters of a category; longer ones take their room from the reasons


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
    Room(missing=4, points=4, changes=4, alerts=3, longest=240, longest_reason=280, pictures_mm=57),
    Room(missing=4, points=4, changes=4, alerts=3, longest=240, longest_reason=280, pictures_mm=46),
    Room(missing=3, points=3, changes=3, alerts=3, longest=240, longest_reason=180, pictures_mm=46),
    Room(missing=3, points=3, changes=2, alerts=2, longest=160, longest_reason=180, pictures_mm=46),
    Room(missing=2, points=3, changes=2, alerts=2, longest=160, longest_reason=180, pictures_mm=38),
    Room(missing=2, points=2, changes=2, alerts=2, longest=100, longest_reason=130, pictures_mm=38),
    Room(missing=2, points=2, changes=2, alerts=2, longest=90, longest_reason=90, pictures_mm=28),
)
# Heights on A4 by report.css, measured on a printed page.
PAGE_MM = 266.0  # between the margins, less a little for words that break badly
# Title, patient, question and stages; headings of the reasons, of the columns and of the changes; captions and sources.
FIXED_MM = 58.0 + 14.5 + 2 * 8.7 + 26.0
LINE_MM, ROW_MM = 4.4, 1.5  # a line, and what a row of the reasons takes beside its lines
CANDIDATE_MM = 8.8  # a second stage, with the open candidates
ALERT_MM, ABSTENTION_MM = 12.5, 4.2  # heading and frame of these
LONGEST_CHANGE = 300
MORE_CHANGES = "and {count} more, all of them in the section on the trace"
MORE = 16  # characters of the words that say how many more there are


def front_view(
    reasons: Sequence[Mapping[str, str]],
    missing: Sequence[str],
    points: Sequence[Point],
    changes: Sequence[str],
    alerts: Sequence[str],
    abstentions: Sequence[str],
    candidates: bool = False,
    translate: Callable[[str], str] = str,
) -> dict[str, Any]:
    """The lines of page 1, fewer and shorter where there are too many.

    Args:
        candidates: a second stage, with the open candidates confirmed, stands beside the first.
    """
    most_mm = PAGE_MM - FIXED_MM - CANDIDATE_MM * candidates
    for room in ROOMS:
        shown = {
            "reasons": [{**row, "reason": fewer(row["reason"], room.longest_reason, translate)} for row in reasons],
            "missing": first(missing, room.missing, room.longest, translate),
            "points": _points(points, room, translate),
            "changes": first(changes, room.changes, LONGEST_CHANGE, translate, MORE_CHANGES),
            "alerts": first(alerts, room.alerts, room.longest, translate),
        }
        if _height_mm(shown, abstentions) + room.pictures_mm <= most_mm:
            break
    return {**shown, "pictures_mm": room.pictures_mm}


def _height_mm(shown: Mapping[str, Any], abstentions: Sequence[str]) -> float:
    """How much of the page these take, about."""
    frames = ALERT_MM * bool(shown["alerts"]) + ABSTENTION_MM * len(abstentions) + ROW_MM * len(shown["reasons"])
    width = REASON - max(0, max((len(row["label"]) for row in shown["reasons"]), default=0) - USUAL_LABEL)
    reasons = sum(
        max(_wrapped([row["reason"]], width), _wrapped([row["certainty"]], CERTAINTY)) for row in shown["reasons"]
    )
    columns = max(_wrapped(shown["missing"], HALF), _wrapped([point.text for point in shown["points"]], HALF))
    whole = _wrapped([*shown["changes"], *shown["alerts"]], WHOLE) + _wrapped(abstentions, BOLD)
    return (reasons + columns + whole) * LINE_MM + frames


def _wrapped(texts: Sequence[str], width: int) -> int:
    return sum(max(1, len(wrap(text, width))) for text in texts)


def _points(points: Sequence[Point], room: Room, translate: Callable[[str], str]) -> list[Point]:
    texts = first([point.text for point in points], room.points, room.longest + HALF, translate)
    shown = [replace(point, text=text) for point, text in zip(points, texts, strict=False)][: room.points]
    return [*shown, *(Point(text, "", "") for text in texts[room.points :])]


def first(
    lines: Sequence[str],
    most: int,
    longest: int,
    translate: Callable[[str], str] = str,
    rest: str = "and {count} more",
) -> list[str]:
    """The first lines, shortened to what fits, and how many more there are.

    >>> first(["one", "two", "three"], 2, 9)
    ['one', 'two', 'and 1 more']
    """
    shown = [shortened(line, longest) for line in lines[:most]]
    more = translate(rest).format(count=len(lines) - most)
    return [*shown, more] if len(lines) > most else shown


def fewer(text: str, length: int, translate: Callable[[str], str] = str) -> str:
    """The first whole statements of a list that fit, and how many more there are; one alone that does not is shortened.

    >>> fewer("EBUS of 4R: malignant; 10R: short axis 8.8 mm; 7: short axis 7.2 mm", 48)
    'EBUS of 4R: malignant; and 2 more'
    """
    parts, kept = text.split("; "), 0
    while kept < len(parts) and len("; ".join(parts[: kept + 1])) <= length - MORE * (kept + 1 < len(parts)):
        kept += 1
    if kept in (0, len(parts)):
        return shortened(text, length)
    more = translate("and {count} more").format(count=len(parts) - kept)
    return "; ".join([*parts[:kept], more])


def shortened(text: str, length: int) -> str:
    """Text of at most that many characters, ended behind a whole word.

    >>> shortened("contact with the aorta", 14)
    'contact with …'
    """
    if len(text) <= length:
        return text
    words = text[: length - 1].rpartition(" ")[0]
    return f"{words or text[: length - 2]} …"
