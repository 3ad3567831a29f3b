"""The record as the staging sees it: facts by name, each with resource, path and date."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mdt_fhir.code_table import table
from mdt_fhir.collect import Collector
from mdt_fhir.conflict import find_conflicts
from mdt_fhir.diagnosis import read_cancer, read_diagnoses, read_other_tumors
from mdt_fhir.hpv import weigh_hpv
from mdt_fhir.observation import read_observations, read_reports
from mdt_fhir.order import read_imaging, read_questions
from mdt_fhir.patient import read_patient
from mdt_fhir.record import Record
from mdt_fhir.therapy import read_therapies, warn_of_absence
from oncology.cancers.protocol import cancer as plugin_of
from oncology.errors import RecordError, ScopeError
from oncology.findings import History

FACT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "site": "the site being staged, as the TNM vocabulary spells it (lung, larynx, ...)",
        "subsite": "part of the site: upper_lobe, glottis, base_of_tongue, floor_of_mouth, middle, head, ...",
        "laterality": "left | right | midline, of the primary",
        "histology": "class: adenocarcinoma | squamous | small_cell | ... (codes.yaml); `code` holds the code read",
        "sex": "male | female",
        "birth_year": "year, integer",
        "p16": "positive | negative",
        "hpv": "positive | negative: the virus in the tumor's tissue (in situ hybridization, PCR)",
        "ebv": "positive | negative",
        "ca_19_9": '{"value": number, "unit": UCUM, "comparator"?: "<"}',
        "cea": "as ca_19_9",
        "scc_antigen": "as ca_19_9",
        "ecog": "0-5, integer",
        "smoking_status": "never | former | current",
        "pack_years": "number",
        "fev1_percent": "percent of predicted",
        "dlco_percent": "percent of predicted",
        "depth_of_invasion_mm": "millimeters",
        "vocal_cord_mobility": "normal | impaired | fixed",
        "eus_t": "T category by endoscopic ultrasound: T1a, T2, ...",
        "endoscopy": "dict: lengths as <name>_mm (distance_from_incisors_mm), other components by name",
        "biopsy": (
            'of the primary: {"malignant": bool, "histology": class | null, '
            '"method": EBUS | EUS | biopsy | FNA | mediastinoscopy | null}'
        ),
        "station_result": (
            '{"station": TNM spelling, "laterality"?: left | right | midline, of a level of the neck where told, '
            '"malignant": bool, "method": as biopsy}'
        ),
        "metastasis_result": '{"site": M vocabulary, "malignant": bool}',
        "prior_therapy": (
            '{"kind": surgery | chemotherapy | radiotherapy | immunotherapy | targeted, '
            '"date", "for": site, "last_date"}'
        ),
        "recurrence": "true when the Condition is a recurrence or relapse",
        "second_primary": (
            '{"site", "status": present | past, "behavior": malignant | in_situ | uncertain, '
            '"same_site": bool, "synchronous": bool | null where dates leave it open, '
            '"certain": false when suspected or read from words}'
        ),
        "question": "what the board is asked, text",
        "recorded_stage": (
            '{"axis": T | N | M | group, "value", "method": edition | null, "classification"?: clinical | pathological}'
        ),
        "imaging_study": '{"uid", "modality": [DICOM codes], "date"}',
    }
)


def read_history(record: Record, cancer: str) -> History:
    """All facts of a record that bear on staging one cancer, with contradictions and doubts.

    Args:
        cancer: the site as the TNM vocabulary spells it, or the key of a cancer that a package adds.
    Raises:
        RecordError: the site is none that can be read.
    """
    cancer = _site(cancer)
    into = Collector(verdicts=list(record.verdicts))
    diagnoses = read_diagnoses(record, cancer)
    read_patient(record, into)
    read_cancer(diagnoses, record, into)
    read_other_tumors(diagnoses, into)
    read_observations(record, diagnoses, into)
    read_reports(record, diagnoses, into)
    read_therapies(record, diagnoses, into)
    warn_of_absence(record, into)
    read_questions(record, into)
    read_imaging(record, into)
    conflicts = (*find_conflicts(into.facts), *weigh_hpv(cancer, into))
    return History(tuple(into.facts), conflicts, tuple(into.verdicts))


def _site(cancer: str) -> str:
    """The site whose codes are read."""
    if cancer in table()["sites"]:
        return cancer
    try:
        site = plugin_of(cancer).tnm_site
    except ScopeError as error:
        known = ", ".join(table()["sites"])
        raise RecordError(f"unknown cancer {cancer!r}; expected one of {known}; {error}") from error
    if site not in table()["sites"]:
        raise RecordError(f"no codes are known for {site}, the site of cancer {cancer!r}; stage it without a record")
    return site
