"""Side findings that bear on a board's decision, measured from masks and compared with published cut-offs.

The table `side_findings.yaml` holds every cut-off with its source; numbers come from `oncology.imaging.side`. A
value that must
not be compared (contrast medium, thick slices, a field of view that cuts the organ) says so and gets no meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from oncology.errors import TableError
from oncology.findings import Point, SideFinding
from oncology.imaging.region import checked_mask, upright
from oncology.imaging.side.aorta import measure_aorta
from oncology.imaging.side.bone import measure_l1
from oncology.imaging.side.calcium import measure_aortic_calcium, measure_coronary_calcium
from oncology.imaging.side.emphysema import measure_emphysema
from oncology.imaging.side.liver import measure_liver
from oncology.imaging.side.measurement import Measurement, measure_blood
from oncology.imaging.side.muscle import measure_muscle
from oncology.imaging.vertebrae import lumbar_levels
from oncology.imaging.volume import OBLIQUE_DEG, Volume, resample_axial

TABLE = Path(__file__).with_name("side_findings.yaml")
COUNTED = "level counted from the lowest rib"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """What is known of the patient's body; None: not recorded.

    Attributes:
        sex: "male" or "female".
        height_m, weight_kg: as recorded near the scan.
    """

    sex: str | None = None
    height_m: float | None = None
    weight_kg: float | None = None

    @property
    def bmi(self) -> float | None:
        """Body mass index, kg/m2."""
        return self.weight_kg / self.height_m**2 if self.height_m and self.weight_kg else None


def find_side_findings(
    ct: Volume,
    structures: Mapping[str, np.ndarray],
    landmarks: Mapping[str, Point] | None = None,
    person: Person | None = None,
) -> tuple[SideFinding, ...]:
    """Every side finding of the table that the field of view may show, measured or with the reason why not.

    Args:
        ct: in HU, any orientation.
        structures: masks (Z, Y, X) on its grid, in TotalSegmentator's names.
        landmarks: carina (LPS mm), when known.
        person: sex and size, for the muscle's cut-offs.

    Raises:
        ContourError: a mask has another shape than the CT.
    """
    volume, masks = _axial(ct, structures)
    person = person or Person()
    return tuple(judge(item, person) for item in _measurements(volume, masks, landmarks or {}, person))


def _axial(ct: Volume, structures: Mapping[str, np.ndarray]) -> tuple[Volume, dict[str, np.ndarray]]:
    """CT and masks with their axes along the patient's."""
    checked = {name: checked_mask(mask, ct.geometry, name) for name, mask in structures.items()}
    masks = {name: upright(Volume(mask, ct.geometry)).array for name, mask in checked.items() if mask.any()}
    if ct.geometry.obliquity_deg() > OBLIQUE_DEG:
        ct = resample_axial(ct, linear=True, fill=-1000)
    return upright(ct), masks


def _measurements(
    ct: Volume, masks: Mapping[str, np.ndarray], landmarks: Mapping[str, Point], person: Person
) -> Sequence[Measurement]:
    blood = measure_blood(ct, masks)
    counted = {} if any(name.startswith("vertebrae_L") for name in masks) else lumbar_levels(ct, masks, landmarks)
    leveled = {**masks, **counted}
    lumbar = [measure_l1(ct, leveled, blood), measure_muscle(ct, leveled, person.height_m)]
    return [
        measure_emphysema(ct, masks),
        measure_coronary_calcium(ct, masks, blood),
        measure_aortic_calcium(ct, masks, blood),
        *measure_aorta(ct, masks, landmarks),
        measure_liver(ct, masks, blood),
        *(replace(item, note=f"{item.note}; {COUNTED}") if counted and item.note else item for item in lumbar),
    ]


def judge(measured: Measurement, person: Person | None = None) -> SideFinding:
    """A measurement beside its published cut-off, with the meaning when it may be compared."""
    entry = cut_offs()[measured.name]
    row = _row_for(entry["rows"], person or Person())
    reason = measured.reason or ("" if row else "cut-offs depend on the sex, which is not recorded")
    adequate = measured.value is not None and not reason
    band = _band(row, measured.value) if row and adequate and measured.value is not None else {}
    return SideFinding(
        name=measured.name,
        value=measured.value,
        unit=entry["unit"],
        cutoff=_words(row, entry["unit"]) if row else "",
        meaning=band.get("meaning", ""),
        notable=bool(band.get("notable", False)),
        adequate=adequate,
        reason=reason,
        note=measured.note,
        source=row["source"] if row else "",
    )


@cache
def cut_offs() -> Mapping[str, Row]:
    """The table by side finding.

    Raises:
        TableError: a row lacks bands or source, or its bands do not rise.
    """
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    faults = [f"{name}: {fault}" for name, entry in table.items() for fault in _faults(entry)]
    if faults:
        raise TableError(f"{TABLE.name}: {'; '.join(faults)}; expected rows of rising bands with a source each")
    return dict(table)


def _faults(entry: Row) -> list[str]:
    faults = [f"no {key}" for key in ("title", "unit", "rows") if key not in entry]
    for row in entry.get("rows", ()):
        starts = [band.get("from", float("-inf")) for band in row.get("bands", ())]
        if len(starts) < 2 or starts != sorted(set(starts)) or starts[0] != float("-inf"):
            faults.append(f"bands start at {starts}")
        if not row.get("source"):
            faults.append("a row without source")
    return faults


def _row_for(rows: Sequence[Row], person: Person) -> Row | None:
    """The first row that fits what is known of the patient."""
    return next((row for row in rows if _fits(row.get("when", {}), person)), None)


def _fits(when: Row, person: Person) -> bool:
    if "sex" in when and when["sex"] != person.sex:
        return False
    if "bmi_from" not in when:
        return True
    return person.bmi is not None and when["bmi_from"] <= person.bmi < when.get("bmi_below", float("inf"))


def _band(row: Row, value: float) -> Row:
    fitting: list[Row] = [band for band in row["bands"] if value >= band.get("from", float("-inf"))]
    return fitting[-1]


def _words(row: Row, unit: str) -> str:
    """The row's borders and their unit: 110 / 135 / 160 HU."""
    borders = [f"{band['from']:g}" for band in row["bands"] if "from" in band]
    return f"{' / '.join(borders)} {unit}"
