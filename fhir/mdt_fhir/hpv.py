"""p16 and HPV in oropharyngeal cancer: which of them stages, and what is said when they disagree.

The TNM tables of the oropharynx are chosen by p16 immunohistochemistry (AJCC 8, ch. 10 and 11; 9th version), so p16
stages; a test for the virus itself (in situ hybridization, PCR) stands beside it and never takes its place. The two
disagree in about one of eleven tumors, and such patients do worse than those with both positive (Mehanna 2023, Lancet
Oncol 24:239); a negative DNA in situ hybridization may also have missed few copies (Keung 2020, Arch Pathol Lab Med
144:344). So a disagreement is a contradiction for the board, and HPV without p16 leaves both tables open (CAP
guideline: Lewis 2018, Arch Pathol Lab Med 142:559).
"""

from __future__ import annotations

from mdt_fhir.collect import Collector
from oncology.findings import Conflict, RecordFact

SITE = "oropharynx"
CONFLICT, LACK = "p16_hpv", "hpv-without-p16"


def weigh_hpv(cancer: str, into: Collector) -> tuple[Conflict, ...]:
    """The contradiction between p16 and HPV, if there is one; HPV without p16 leaves a doubt."""
    p16, hpv = _named("p16", into), _named("hpv", into)
    if cancer != SITE or not hpv:
        return ()
    if not p16:
        tests = ", ".join(fact.resource for fact in hpv)
        into.doubt(
            LACK,
            f"the record holds a test for HPV ({tests}) and no p16; TNM chooses the tables by p16, which is not taken "
            "from HPV: both stay open, ask for the p16 stain",
        )
        return ()
    if {fact.value for fact in p16} == {fact.value for fact in hpv}:
        return ()
    return (_disagreement(p16, hpv),)


def _named(name: str, into: Collector) -> list[RecordFact]:
    return [fact for fact in into.facts if fact.name == name]


def _disagreement(p16: list[RecordFact], hpv: list[RecordFact]) -> Conflict:
    values = tuple(f"{name} {word}" for name, facts in (("p16", p16), ("HPV", hpv)) for word in _words(facts))
    resources = tuple(dict.fromkeys(f"{fact.resource}#{fact.path}" for fact in (*p16, *hpv)))
    message = (
        f"the record says {' and '.join(values)}; TNM goes by p16, and outcome differs from that of patients in whom "
        "both agree (Mehanna 2023): the board decides, a repeated or RNA-based HPV test may settle it"
    )
    return Conflict(CONFLICT, values, resources, message)


def _words(facts: list[RecordFact]) -> list[str]:
    return sorted({str(fact.value) for fact in facts})
