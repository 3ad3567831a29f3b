"""Which CT and which PET of a folder are staged, and why.

Criteria are compared in order, the first that differs decides and is named. A stack with a defect is passed over for
a sound one with a warning; where none is sound, its error is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mdt_dicom.header import number, text, words
from mdt_dicom.kernel import Sharpness, sharpness
from mdt_dicom.sorting import Stack
from mdt_dicom.study import Rejected
from oncology.errors import ImageError
from oncology.findings import Severity, Verdict

Rank = Callable[[Stack], tuple[float, ...]]
# Thin enough to measure small nodes: RECIST 1.1 asks for 5 mm at most, boards read 3 mm.
THIN_MM = 3.0
# A stack that covers less than this part of the largest one is a detail; a chest CT beside a whole-body CT is none.
COVERAGE_PART = 0.3
NO_CONTRAST_WORDS = {"NONE", "NO", "NATIVE", "NATIV", "WITHOUT", "NO CONTRAST", "UNENHANCED", "NOT APPLIED"}
CT_CRITERIA = (
    "its frame of reference, which the PET shares",
    "axial slices",
    "original rather than reformatted images",
    "coverage of the whole examination",
    "a soft-tissue kernel",
    f"slices of {THIN_MM:g} mm or less",
    "contrast",
    "thinner slices",
    "larger coverage",
)
PET_CRITERIA = (
    "its frame of reference, which the CT shares",
    "attenuation correction in the header",
    "larger coverage",
    "thinner slices",
)


@dataclass(frozen=True)
class Chosen:
    """One stack, the sentence that says why, what was passed over, and what a person should look at."""

    stack: Stack
    reason: str
    rejected: tuple[Rejected, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def choose_ct(stacks: Sequence[Stack], pet_frames_of_reference: frozenset[str]) -> Chosen:
    """The CT to stage on.

    Raises:
        ImageError: no CT, none without defect, or CTs of two studies that dates do not put in order.
    """
    candidates, rejected, verdicts = _sound(stacks, "CT")
    studied, older, more = _one_study(candidates, pet_frames_of_reference)
    longest = max(stack.lattice.extent_mm for stack in studied)

    def rank(stack: Stack) -> tuple[float, ...]:
        gap, extent = stack.lattice.gap_mm, stack.lattice.extent_mm
        return (
            stack.frame_of_reference_uid in pet_frames_of_reference,
            stack.lattice.is_axial,
            not stack.is_reformat,
            extent >= COVERAGE_PART * longest,
            kernel_of(stack),
            gap <= THIN_MM,
            contrast_of(stack) is True,
            -round(gap, 1),
            round(extent / 10.0),
        )

    chosen = _best(studied, rank, CT_CRITERIA, "CT")
    return Chosen(
        chosen.stack, chosen.reason, (*rejected, *older, *chosen.rejected), (*verdicts, *more, *chosen.verdicts)
    )


def choose_pet(stacks: Sequence[Stack], ct_frame_of_reference: str) -> Chosen:
    """The PET that goes with the CT.

    Raises:
        ImageError: no PET, or none without defect.
    """
    candidates, rejected, verdicts = _sound(stacks, "PT")

    def rank(stack: Stack) -> tuple[float, ...]:
        return (
            stack.frame_of_reference_uid == ct_frame_of_reference,
            "ATTN" in words(stack.first.header, "CorrectedImage"),
            round(stack.lattice.extent_mm / 10.0),
            -round(stack.lattice.gap_mm, 1),
        )

    chosen = _best(candidates, rank, PET_CRITERIA, "PET")
    return Chosen(chosen.stack, chosen.reason, (*rejected, *chosen.rejected), (*verdicts, *chosen.verdicts))


def kernel_of(stack: Stack) -> Sharpness:
    """How well its kernel suits soft tissue."""
    header = stack.first.header
    return sharpness(text(header, "ConvolutionKernel"), text(header, "SeriesDescription"))


def contrast_of(stack: Stack) -> bool | None:
    """True with an agent, False when the header says none, None when it says nothing."""
    header = stack.first.header
    if header.get("ContrastBolusAgentSequence"):
        return True
    agent = text(header, "ContrastBolusAgent").upper()
    return None if not agent else agent not in NO_CONTRAST_WORDS


def study_date(stack: Stack) -> str:
    """YYYYMMDD of the study, else of the series or the acquisition; empty when undated."""
    header = stack.first.header
    return next((text(header, tag) for tag in ("StudyDate", "SeriesDate", "AcquisitionDate") if text(header, tag)), "")


def describe(stack: Stack) -> str:
    """UID and what a reader would ask about it."""
    kernel = text(stack.first.header, "ConvolutionKernel").replace("\\", "/")
    parts = [
        f"series {stack.series_uid or 'without UID'}",
        f"{len(stack.lattice.order)} slices every {stack.lattice.gap_mm:.2f} mm over {stack.lattice.extent_mm:.0f} mm",
    ]
    parts += [f"kernel {kernel}"] if kernel and stack.modality == "CT" else []
    parts += ["contrast"] if contrast_of(stack) else []
    return ", ".join(parts)


def _sound(stacks: Sequence[Stack], modality: str) -> tuple[list[Stack], list[Rejected], list[Verdict]]:
    """Candidates whose planes make a volume; the rest with reasons."""
    name = {"CT": "CT", "PT": "PET"}[modality]
    candidates = [stack for stack in stacks if stack.modality == modality and not stack.reason]
    sound = [stack for stack in candidates if stack.defect is None]
    broken = [stack for stack in candidates if stack.defect is not None]
    if not sound:
        raise _nothing_usable(stacks, broken, name)
    rejected = [Rejected(stack.series_uid, modality, str(stack.defect)) for stack in broken]
    verdicts = [
        Verdict(
            f"{name.lower()}-series-defective",
            Severity.WARNING,
            f"series {stack.series_uid} was passed over: {stack.defect}",
            name.lower(),
        )
        for stack in broken
    ]
    return sound, rejected, verdicts


def _nothing_usable(stacks: Sequence[Stack], broken: Sequence[Stack], name: str) -> ImageError:
    """The defect of the largest broken stack, else what was found instead."""
    if broken:
        worst = max(broken, key=lambda stack: len(stack.frames))
        defect = worst.defect or ImageError("")
        place = f"{name} (series {worst.series_uid})" if worst.series_uid else name
        return type(defect)(f"{place}: {defect}")
    found = "; ".join(sorted({f"{len(stack.frames)} x {stack.reason or stack.modality}" for stack in stacks}))
    return ImageError(
        f"no usable {name} series among the DICOM files; found: {found or 'no DICOM files'}; expected an axial "
        f"{name} series; give the folder that holds it"
    )


def _one_study(
    candidates: Sequence[Stack], pet_frames_of_reference: frozenset[str]
) -> tuple[list[Stack], list[Rejected], list[Verdict]]:
    """The candidates of one study: the one that a PET belongs to, else the newest."""
    fitting = [stack for stack in candidates if stack.frame_of_reference_uid in pet_frames_of_reference]
    pool = fitting or list(candidates)
    newest = max(study_date(stack) for stack in pool)
    current = {stack.study_uid for stack in pool if study_date(stack) == newest}
    if len({stack.study_uid for stack in candidates}) == 1:
        return list(candidates), [], []
    if len(current) > 1 or not all(study_date(stack) for stack in pool):
        raise ImageError(
            f"CT series of {len({stack.study_uid for stack in candidates})} studies lie together and their dates do "
            "not tell which is current; expected one study; give the folder of one"
        )
    kept = [stack for stack in candidates if stack.study_uid in current]
    others = [stack for stack in candidates if stack.study_uid not in current]
    why = "the PET belongs to it" if fitting else "it is the newest"
    message = f"CT series of several studies lie together; the study of {_iso(newest)} was taken because {why}"
    rejected = [Rejected(stack.series_uid, "CT", f"another study ({_iso(study_date(stack))})") for stack in others]
    return kept, rejected, [Verdict("several-studies", Severity.WARNING, message, "ct")]


def _best(candidates: Sequence[Stack], rank: Rank, criteria: tuple[str, ...], name: str) -> Chosen:
    """The highest rank; equals are settled by slices and series number, and reported."""

    def tie(stack: Stack) -> tuple[float, float, str]:
        return len(stack.lattice.order), -(number(stack.first.header, "SeriesNumber") or 0.0), stack.series_uid

    ordered = sorted(candidates, key=lambda stack: (rank(stack), tie(stack)), reverse=True)
    best, others = ordered[0], ordered[1:]
    reason, verdicts = f"{name}: {describe(best)}", []
    if others:
        differing = [what for what, a, b in zip(criteria, rank(best), rank(others[0]), strict=True) if a != b]
        reason += f"; taken before {len(others)} other(s) for {differing[0] if differing else 'its number of slices'}"
        if not differing:
            verdicts = [_ambiguous(best, others[0], name)]
    rejected = [Rejected(stack.series_uid, stack.modality, f"another was preferred: {reason}") for stack in others]
    return Chosen(best, reason, tuple(rejected), tuple(verdicts))


def _ambiguous(best: Stack, second: Stack, name: str) -> Verdict:
    message = (
        f"two {name} series are equally suited ({describe(best)}; {describe(second)}); the first was taken; to use the "
        "other one, give its folder alone"
    )
    return Verdict(f"{name.lower()}-choice-ambiguous", Severity.WARNING, message, name.lower())


def _iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else "unknown date"
