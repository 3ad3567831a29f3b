"""The page of `aimdt evaluate`: agreement, calibration and errors of a scored cohort, with plots drawn as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from templates.render import FOLDER

AXES = {"t": "T", "n": "N", "m": "M", "stage_group": "Stage group"}
MODES = {"images": "images alone", "record": "images and record", "truth": "from truth"}
BY_AXIS = (
    ("Agrees exactly", "agreement"),
    ("Abstained", "abstained"),
    ("Credible set holds the truth", "credible_holds_truth"),
    ("Credible set, or the stage if candidates are confirmed, holds the truth", "printed_holds_truth"),
    ("Median size of the credible set", "credible_median_size"),
    ("Calibration error (expected, ten bins)", "calibration_error"),
)
WIDTH, BAR_HEIGHT, LABEL_WIDTH, NUMBERS = 760, 22, 130, 170
PLOT, TOP = 170, 18  # a dot's radius fits above the plot
INK, PALE, LINE = "#1f4e79", "#d7e3ef", "#b5b5b5"


def render_evaluation(content: Mapping[str, Any]) -> str:
    """One self-contained HTML page.

    Args:
        content: evaluation.json of `aimdt evaluate`: `software`, `at_place_mm` (how near a candidate counts for a
            metastasis), `cohorts`, each with cancer, mode, shift, edition, reach, targets and figures, and `shifts`.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(figure=figure_words, number=_number, words=_words, shift_words=_shift_words)
    environment.globals.update(
        bars=_agreement_bars, reliability=_reliability_plot, axes=AXES, modes=MODES, by_axis=BY_AXIS
    )
    return environment.get_template("evaluation.html.j2").render(content=content)


def figure_words(figure: Mapping[str, Any]) -> str:
    """A figure with its interval.

    >>> figure_words({"value": 0.8125, "low": 0.71, "high": 0.9, "n": 60})
    '0.81 (0.71-0.90), n=60'
    >>> figure_words({"value": None, "low": None, "high": None, "n": 0})
    'none'
    """
    if figure["value"] is None:
        return "none"
    return f"{figure['value']:.2f} ({figure['low']:.2f}-{figure['high']:.2f}), n={figure['n']}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _words(name: str) -> str:
    """A key as it is read.

    >>> _words("head_and_neck")
    'head and neck'
    """
    return name.replace("_", " ")


def _shift_words(compared: Mapping[str, Any]) -> str:
    """Agreement before and after, and the difference.

    >>> points = {"value": -10.0, "low": -25.0, "high": 4.0, "n": 15}
    >>> _shift_words({"in_domain": {"value": 0.9}, "shifted": {"value": 0.8}, "points": points})
    '0.90 to 0.80: -10 (-25 to +4) points, n=15'
    """
    points = compared["points"]
    if points["value"] is None:
        return "none"
    ends = f"{points['low']:+.0f} to {points['high']:+.0f}"
    before, after = compared["in_domain"]["value"], compared["shifted"]["value"]
    return f"{before:.2f} to {after:.2f}: {points['value']:+.0f} ({ends}) points, n={points['n']}"


def _agreement_bars(rows: Sequence[tuple[str, Mapping[str, Any], float | None]]) -> Markup:
    """Horizontal bars from 0 to 1 with intervals; a mark where the figure is wanted to be."""
    span = WIDTH - LABEL_WIDTH - NUMBERS
    parts = []
    for place, (label, figure, reach) in enumerate(rows):
        y = place * BAR_HEIGHT
        parts.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + 15}" text-anchor="end">{Markup.escape(label)}</text>')
        parts.append(f'<rect x="{LABEL_WIDTH}" y="{y + 4}" width="{span}" height="14" fill="{PALE}"/>')
        if figure["value"] is not None:
            parts += _bar(figure, LABEL_WIDTH, y, span)
        if reach is not None:
            x = LABEL_WIDTH + span * reach
            parts.append(f'<path d="M{x:.1f} {y + 1} v20" stroke="#b00020" stroke-width="2" stroke-dasharray="3 2"/>')
    return _svg(WIDTH, BAR_HEIGHT * len(rows) + 4, "Agreement with 95 % intervals", parts)


def _bar(figure: Mapping[str, Any], left: float, y: float, span: float) -> list[str]:
    low, high = left + span * figure["low"], left + span * figure["high"]
    return [
        f'<rect x="{left}" y="{y + 4}" width="{span * figure["value"]:.1f}" height="14" fill="{INK}"/>',
        f'<path d="M{low:.1f} {y + 11} H{high:.1f}" stroke="#000" stroke-width="1.5"/>',
        f'<text x="{left + span + 4}" y="{y + 15}" font-size="11">{figure_words(figure)}</text>',
    ]


def _reliability_plot(bins: Sequence[Mapping[str, float]], label: str) -> Markup:
    """What was said against what was so, with 95% bars; the area of a dot follows its number of patients."""
    total = sum(item["n"] for item in bins) or 1
    bottom, middle = TOP + PLOT, TOP + PLOT / 2
    parts = [
        f'<rect x="30" y="{TOP}" width="{PLOT}" height="{PLOT}" fill="none" stroke="{LINE}"/>',
        f'<path d="M30 {bottom} L{PLOT + 30} {TOP}" stroke="{LINE}" stroke-dasharray="4 3"/>',
        f'<text x="{30 + PLOT / 2}" y="{bottom + 18}" text-anchor="middle">{label}: probability said</text>',
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">share right</text>',
    ]
    for item in bins:
        x, y = 30 + PLOT * item["said"], TOP + PLOT * (1 - item["was"])
        low, high = TOP + PLOT * (1 - item["low"]), TOP + PLOT * (1 - item["high"])
        radius = 3 + 14 * (item["n"] / total) ** 0.5
        parts.append(f'<path class="interval" d="M{x:.1f} {low:.1f} V{high:.1f}" stroke="{INK}" stroke-width="1.5"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{INK}" fill-opacity="0.55"/>')
    return _svg(PLOT + 50, PLOT + TOP + 26, f"Reliability of the probability of {label}", parts)


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> Markup:
    body = "".join(parts)
    return Markup(  # built from numbers and escaped labels only
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{title}" font-family="sans-serif" font-size="12"><title>{title}</title>{body}</svg>'
    )
