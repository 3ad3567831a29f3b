"""A table of faulty inputs: how each is made, which error it must raise, which words the message must hold.

Every module in tests/faults holds a list FAULTS; a new line there is a new test. A fault makes the same inputs that
the command line takes, so that the whole program can be run over the table as well.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mdt_dicom.contours import read_contours
from mdt_dicom.intake import read_study
from mdt_fhir.compare import ImageFacts, compare_with_images
from mdt_fhir.history import read_history
from mdt_fhir.patient import identity as recorded_identity
from mdt_fhir.record import read_record
from oncology.errors import AimdtError


@dataclass(frozen=True)
class Inputs:
    """What `aimdt stage` is given."""

    ct: Path
    pet: Path | None = None
    ehr: Path | None = None
    contours: tuple[Path, ...] = ()
    cancer: str = "lung"

    def arguments(self) -> list[str]:
        """The options of `aimdt stage`, without --out."""
        options = ["--cancer", self.cancer, "--ct", str(self.ct)]
        options += ["--pet", str(self.pet)] if self.pet else []
        options += ["--ehr", str(self.ehr)] if self.ehr else []
        return options + (["--contours", *map(str, self.contours)] if self.contours else [])


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    name: str
    make: Callable[[Path], Inputs]
    error: type[AimdtError]
    words: tuple[str, ...]


def faults() -> list[Fault]:
    """All lines of all modules in tests/faults, by module and line."""
    names = sorted(path.stem for path in (Path(__file__).parent / "faults").glob("*.py"))
    return [fault for name in names for fault in importlib.import_module(f"faults.{name}").FAULTS]


def read_inputs(inputs: Inputs) -> None:
    """Read everything as a case does: images, then contours on the CT's grid, then the record of the same patient."""
    study = read_study(inputs.ct, inputs.pet)
    if inputs.contours:
        info, grid = study.ct.info, study.ct.volume.geometry
        read_contours(inputs.contours, grid, info.frame_of_reference_uid or None, identity=study.identity)
    if inputs.ehr:
        record, shown = read_record(inputs.ehr), study.identity
        seen = ImageFacts(shown.patient_id, shown.issuer, shown.sex, shown.birth_date)
        compare_with_images(read_history(record, inputs.cancer), recorded_identity(record), seen)
