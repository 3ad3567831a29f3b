"""Key images: a slice of the scan with contours, scale and orientation, as it stands in the report.

A picture carries no name, number or date of a patient, and no free text from the input: contours are told apart by
their role. All lines are a light core in a dark casing with a pattern per role, so that they survive black-and-white
print. The same input gives the same pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from oncology.errors import ReportError
from oncology.imaging.diameter import Caliper
from oncology.imaging.volume import Geometry, Volume
from templates.isoline import isolines
from templates.lettering import text_width, write
from templates.slicing import ALONG, LETTERS, NORMAL_AXIS, Plane, sample, snapped

Window = tuple[float, float]  # center, width in HU
SOFT_TISSUE_WINDOW: Window = (40.0, 400.0)
LUNG_WINDOW: Window = (-500.0, 1500.0)
BONE_WINDOW: Window = (400.0, 1800.0)
NOTHING: Mapping[str, Any] = MappingProxyType({})
SIZE_PX = 640
# How much of the body is shown: the lesion with as much again around it, within these sides of the square.
SURROUNDINGS = 1.7
LEAST_FIELD_MM, USUAL_FIELD_MM, MOST_FIELD_MM = 140.0, 180.0, 380.0
NEAR_FOCUS_MM = 20.0
# Per role: core color, and the lengths of dash and gap in pixels of a 640 px picture (no gap: a solid line).
STYLES: dict[str, tuple[tuple[int, int, int], float, float]] = {
    "tumor": ((255, 214, 10), 0.0, 0.0),
    "node": ((90, 220, 255), 12.0, 7.0),
    "structure": ((200, 255, 200), 3.0, 6.0),
}
CORE_PX, CASING_PX = 2.5, 5.4
WORD_PX = 20.0
OVERSAMPLING = 3  # lines are drawn this much larger and shrunk: smooth edges
TOP_SUVS = (5.0, 10.0, 15.0, 20.0, 30.0)
DIMMED_CT = 0.7  # under the PET, so that in gray the brightest is the hottest
AIR_HU = -2000.0


def key_image(
    ct: Volume,
    focus_lps: Sequence[float],
    outlines: Mapping[str, np.ndarray] = NOTHING,
    *,
    roles: Mapping[str, str] = NOTHING,
    plane: str = "axial",
    window: Window = SOFT_TISSUE_WINDOW,
    suv: Volume | None = None,
    calipers: Sequence[Caliper] = (),
    field_mm: float | None = None,
    size_px: int = SIZE_PX,
    pointed: bool = False,
    translate: Callable[[str], str] = str,
) -> Image.Image:
    """A picture of the slice through a point.

    Args:
        ct: in HU, any orientation.
        focus_lps: what lies in the middle, LPS mm.
        outlines: masks on the CT's grid by name; the names are not shown.
        roles: `tumor`, `node` or `structure` by name; a name without a role is a tumor.
        plane: axial, coronal or sagittal.
        window: center and width in HU.
        suv: PET in the same frame of reference, any grid; makes it a fusion.
        calipers: measured lines; those that lie in this slice are drawn with their length.
        field_mm: side of the square; by default it fits the outlined lesion at the focus.
        size_px: width of the picture; a strip with the legend comes below.
        pointed: marks the focus, as is done anyway where nothing is outlined.
        translate: turns English words into the report's language.
    Returns:
        RGB.
    Raises:
        ReportError: an unknown plane or role.
    """
    _check(plane, outlines, roles)
    masks = {name: mask.astype(bool, copy=False) for name, mask in outlines.items()}
    if field_mm is None:
        field_mm = _fitting_field_mm(snapped(plane, focus_lps, ct.geometry, 400.0, 200), masks, ct)
    view = snapped(plane, focus_lps, ct.geometry, field_mm, size_px)
    picture, top_suv = _slice(ct, suv, view, window)
    lines = [caliper for caliper in calipers if _in_slice(caliper, view, ct)]
    shown = _draw_lines(picture, view, ct, masks, roles, lines, pointed=pointed)
    _draw_words(picture, view, window, top_suv, translate)
    _draw_lengths(picture, view, lines)
    return _with_legend(picture, shown, translate)


def source_slice(ct: Geometry, focus_lps: Sequence[float], plane: str) -> int | None:
    """Index of the slice of the scan that a picture of that focus shows; None where it cuts across slices.

    Args:
        ct: the scan's grid; slices run along its first axis.
    """
    normal = np.zeros(3)
    normal[NORMAL_AXIS[plane]] = 1.0
    along = np.abs(np.asarray(ct.direction).T @ normal)[::-1]
    if along[0] <= ALONG:
        return None
    index = int(np.floor(ct.to_index(np.array(focus_lps, float))[0] + 0.5))
    return index if 0 <= index < ct.shape[0] else None


def _slice(ct: Volume, suv: Volume | None, view: Plane, window: Window) -> tuple[Image.Image, float]:
    """The scan alone, or the fusion with the upper end of its color scale (0 without PET)."""
    pixels = _gray(sample(ct, view, order=3, fill=AIR_HU), window)
    top_suv = 0.0
    if suv is not None:
        uptake = sample(suv, view, order=1, fill=0.0)
        top_suv = _top_suv(uptake, view)
        pixels = _fused(pixels, uptake / top_suv)
    return Image.fromarray(np.round(pixels * 255).astype(np.uint8)), top_suv


def _check(plane: str, outlines: Mapping[str, np.ndarray], roles: Mapping[str, str]) -> None:
    if plane not in LETTERS:
        raise ReportError(f"found plane {plane!r}; expected one of {', '.join(LETTERS)}")
    unknown = sorted({role for name, role in roles.items() if name in outlines and role not in STYLES})
    if unknown:
        raise ReportError(f"found role {unknown[0]!r} of an outline; expected one of {', '.join(STYLES)}")


def _fitting_field_mm(coarse: Plane, masks: Mapping[str, np.ndarray], ct: Volume) -> float:
    """A field that shows the lesion at the focus and its surroundings."""
    together = np.zeros((coarse.size_px, coarse.size_px), bool)
    for mask in masks.values():
        together |= sample(Volume(mask, ct.geometry), coarse, order=0, fill=0.0) > 0.5
    labels, count = ndimage.label(together)
    places = np.moveaxis(np.indices(labels.shape), 0, -1) - (coarse.size_px - 1) / 2
    apart = np.linalg.norm(places, axis=-1) * coarse.pixel_mm
    near = [(float(apart[labels == label].min()), label) for label in range(1, count + 1)]
    if not near or min(near)[0] > NEAR_FOCUS_MM:
        return USUAL_FIELD_MM
    reach = float(np.abs(places[labels == min(near)[1]]).max()) * coarse.pixel_mm
    return min(max(2.0 * SURROUNDINGS * reach, LEAST_FIELD_MM), MOST_FIELD_MM)


def _gray(hu: np.ndarray, window: Window) -> np.ndarray:
    """Brightness (H, W, 3) from 0 to 1."""
    center, width = window
    return np.repeat(np.clip((hu - center) / width + 0.5, 0.0, 1.0)[..., None], 3, axis=2)


def _top_suv(uptake: np.ndarray, view: Plane) -> float:
    """The upper end of the color scale: fits what lies near the focus, not bladder or brain at the edge."""
    reach = max(int(30.0 / view.pixel_mm), 1)
    middle = view.size_px // 2
    near = uptake[max(middle - reach, 0) : middle + reach, max(middle - reach, 0) : middle + reach]
    return next((top for top in TOP_SUVS if top >= 0.9 * float(near.max())), TOP_SUVS[-1])


def hot(part: np.ndarray) -> np.ndarray:
    """The hot-metal scale, black over red and yellow to white: (..., 3), brightness grows all along."""
    part = np.clip(part, 0.0, 1.0)
    return np.clip(np.stack([part / 0.4, (part - 0.35) / 0.4, (part - 0.7) / 0.3], axis=-1), 0.0, 1.0)


def _fused(gray: np.ndarray, part: np.ndarray) -> np.ndarray:
    """PET over CT: little uptake is clear, much hides the CT."""
    cover = np.clip((part - 0.1) / 0.3, 0.0, 1.0) * 0.8
    return np.asarray(gray * DIMMED_CT * (1.0 - cover[..., None]) + hot(part) * cover[..., None])


def _draw_lines(
    picture: Image.Image,
    view: Plane,
    ct: Volume,
    masks: Mapping[str, np.ndarray],
    roles: Mapping[str, str],
    calipers: Sequence[Caliper],
    *,
    pointed: bool,
) -> list[str]:
    """Draw all outlines and calipers; the roles that were drawn, in the order of STYLES."""
    layer = Image.new("RGBA", (view.size_px * OVERSAMPLING,) * 2, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    found: dict[str, list[np.ndarray]] = {role: [] for role in STYLES}
    for name, mask in masks.items():
        found[roles.get(name, "tumor")] += _outline(Volume(mask, ct.geometry), view)
    for role in reversed(STYLES):  # tumors last, on top
        color, dash, gap = STYLES[role]
        for line in found[role]:
            _stroke(pen, line, color, dash, gap, view)
    for caliper in calipers:
        _draw_caliper(pen, caliper, view)
    if pointed or not any(found.values()):
        _draw_focus(pen, view)
    small = layer.resize(picture.size, Image.Resampling.BOX)
    picture.paste(small, mask=small.getchannel("A"))
    return [role for role in STYLES if found[role]]


def _outline(mask: Volume, view: Plane) -> list[np.ndarray]:
    """Where the mask's edge crosses the picture, lightly smoothed so that voxels do not show as stairs."""
    field = sample(mask, view, order=1, fill=0.0)
    if field.max() <= 0.5:
        return []
    blur = 0.4 * min(mask.geometry.spacing_mm) / view.pixel_mm
    smooth = ndimage.gaussian_filter(field, blur)
    return [line for line in isolines(smooth if smooth.max() > 0.5 else field, 0.5) if len(line) > 6]


def _stroke(
    pen: ImageDraw.ImageDraw,
    line: np.ndarray,
    color: tuple[int, int, int],
    dash: float,
    gap: float,
    view: Plane,
) -> None:
    """A line (N, 2) in pixels: dark casing first, light core above."""
    scale = view.size_px / SIZE_PX
    pieces = [line] if gap == 0.0 else dashes(line, dash * scale, gap * scale)
    for width, ink in ((CASING_PX, (0, 0, 0, 255)), (CORE_PX, (*color, 255))):
        for piece in pieces:
            points = [((x + 0.5) * OVERSAMPLING, (y + 0.5) * OVERSAMPLING) for x, y in piece]
            pen.line(points, fill=ink, width=max(round(width * scale * OVERSAMPLING), 1), joint="curve")


def dashes(line: np.ndarray, dash: float, gap: float) -> list[np.ndarray]:
    """The line (N, 2) cut into dashes, evenly fitted to its length."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    count = max(round(lengths[-1] / (dash + gap)), 1)
    period = lengths[-1] / count
    pieces = []
    for start in np.arange(count) * period:
        along = np.linspace(start, start + period * dash / (dash + gap), 6)
        pieces.append(np.stack([np.interp(along, lengths, line[:, axis]) for axis in (0, 1)], axis=1))
    return pieces


def _in_slice(caliper: Caliper, view: Plane, ct: Volume) -> bool:
    """Whether a measured line lies in this slice."""
    along = np.abs(np.asarray(ct.geometry.direction)[NORMAL_AXIS[view.name]])[::-1]
    thickness = float(ct.geometry.spacing_mm[int(along.argmax())])
    apart = [abs(view.to_pixels(end)[2]) for end in (caliper.start_lps, caliper.end_lps)]
    return max(apart) <= 0.6 * thickness and caliper.length_mm > 0.0


def _draw_caliper(pen: ImageDraw.ImageDraw, caliper: Caliper, view: Plane) -> None:
    """A measured line with bars at its ends."""
    start, end = view.to_pixels(caliper.start_lps), view.to_pixels(caliper.end_lps)
    ends = np.array([start[:2], end[:2]])
    across = np.array([ends[0][1] - ends[1][1], ends[1][0] - ends[0][0]])
    bar = across / max(float(np.linalg.norm(across)), 1e-6) * 7.0 * view.size_px / SIZE_PX
    for line in (ends, *(np.array([place - bar, place + bar]) for place in ends)):
        _stroke(pen, line, (255, 255, 255), 0.0, 0.0, view)


def _draw_focus(pen: ImageDraw.ImageDraw, view: Plane) -> None:
    """Four short lines that point at the middle, for a finding without a contour."""
    middle, scale = (view.size_px - 1) / 2, view.size_px / SIZE_PX
    for direction in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        ends = [middle + np.array(direction) * reach * scale for reach in (26.0, 52.0)]
        _stroke(pen, np.array(ends), STYLES["tumor"][0], 0.0, 0.0, view)


def _draw_words(
    picture: Image.Image, view: Plane, window: Window, top_suv: float, translate: Callable[[str], str]
) -> None:
    """Plane, position, window, letters, scale bar, and the color scale of a fusion."""
    pen = ImageDraw.Draw(picture)
    scale = view.size_px / SIZE_PX
    size, edge = view.size_px, 10 * scale
    kind, plane = "PET/CT" if top_suv else "CT", _capital(translate(view.name))
    axis = "xyz"[NORMAL_AXIS[view.name]]
    position = f"{view.position_mm:+.1f}".replace("-", "−")
    _write(pen, (edge, edge), f"{plane} {kind}\n{axis} {position} mm", scale, "la")
    level = f"{window[0]:.0f}".replace("-", "−")
    _write(pen, (size - edge, edge), f"W {window[1]:.0f}  L {level}", scale, "ra")
    middle, far = size / 2, size - edge
    places = (((edge, middle), "lm"), ((far, middle), "rm"), ((middle, edge), "ma"), ((middle, far), "md"))
    for letter, (place, anchor) in zip(LETTERS[view.name], places, strict=True):
        _write(pen, place, letter, 1.3 * scale, anchor)
    _draw_scale_bar(pen, view, scale)
    if top_suv:
        _draw_color_scale(picture, top_suv, scale)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _draw_lengths(picture: Image.Image, view: Plane, calipers: Sequence[Caliper]) -> None:
    """The length of each measured line beside it, towards its left end, so that crossing lines keep their numbers."""
    pen, scale = ImageDraw.Draw(picture), view.size_px / SIZE_PX
    for caliper in calipers:
        left, right = sorted(view.to_pixels(end)[:2] for end in (caliper.start_lps, caliper.end_lps))
        along = np.array(right) - np.array(left)
        across = np.array([along[1], -along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
        x, y = np.array(left) + 0.24 * along + across * 22.0 * scale
        write(pen, (float(x), float(y)), f"{caliper.length_mm:.0f} mm", WORD_PX * scale, "mm", 2.0 * scale)


def _write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, scale: float, anchor: str) -> None:
    for line in text.split("\n"):
        write(pen, place, line, WORD_PX * scale, anchor, max(2.0 * scale, 1.0))
        place = (place[0], place[1] + 24 * scale)


def _draw_scale_bar(pen: ImageDraw.ImageDraw, view: Plane, scale: float) -> None:
    """20 or 50 mm, whichever is nearer to a fifth of the picture."""
    length_mm = 50 if view.field_mm >= 150 else 20
    long, low, left = length_mm / view.pixel_mm, view.size_px - 18 * scale, 14 * scale
    tick = 6 * scale
    strokes = [((left, low), (left + long, low))]
    strokes += [((x, low - tick), (x, low + tick)) for x in (left, left + long)]
    for width, ink in ((6, "black"), (3, "white")):
        for stroke in strokes:
            pen.line(stroke, fill=ink, width=max(round(width * scale), 1))
    _write(pen, (left + long / 2, low - 9 * scale), f"{length_mm} mm", scale, "md")


def _draw_color_scale(picture: Image.Image, top_suv: float, scale: float) -> None:
    """The SUV bar at the right, with its numbers."""
    width, height = round(16 * scale), round(180 * scale)
    colors = np.repeat(hot(np.linspace(1.0, 0.0, height))[:, None], width, axis=1)
    bar = Image.fromarray(np.round(colors * 255).astype(np.uint8))
    left = picture.width - width - round(14 * scale)
    upper = picture.height - height - round(18 * scale)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((left - 2, upper - 2, left + width + 1, upper + height + 1), outline="white")
    picture.paste(bar, (left, upper))
    for part in (0.0, 0.5, 1.0):
        y = upper + (1.0 - part) * (height - 1)
        pen.line(((left - 7 * scale, y), (left - 2, y)), fill="white", width=max(round(2 * scale), 1))
        _write(pen, (left - 10 * scale, y), f"{part * top_suv:g}", 0.85 * scale, "rm")
    _write(pen, (left + width + 1, upper - 8 * scale), "SUV", 0.85 * scale, "rd")


def _with_legend(picture: Image.Image, roles: Sequence[str], translate: Callable[[str], str]) -> Image.Image:
    """The picture with a strip below: the patterns of the lines, and that it is for research."""
    scale = picture.width / SIZE_PX
    strip = round(34 * scale)
    result = Image.new("RGB", (picture.width, picture.height + strip), (0, 0, 0))
    result.paste(picture, (0, 0))
    pen = ImageDraw.Draw(result)
    x, middle = 14 * scale, picture.height + strip / 2
    size = 18 * scale
    for role in roles:
        color, dash, gap = STYLES[role]
        line = np.array([(x, middle), (x + 42 * scale, middle)])
        for piece in [line] if gap == 0.0 else dashes(line, dash * scale, gap * scale):
            pen.line([tuple(point) for point in piece], fill=color, width=math.ceil(2.5 * scale))
        x += 50 * scale
        word = _capital(translate(role))
        write(pen, (x, middle), word, size, "lm", 0.0)
        x += text_width(pen, word, size) + 22 * scale
    write(pen, (picture.width - 12 * scale, middle), translate("Research use only"), size, "rm", 0.0)
    return result
