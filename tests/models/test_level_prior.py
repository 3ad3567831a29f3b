"""The prior of a neck level, as a head and neck surgeon would expect it of patients like those in the tables."""

from __future__ import annotations

import itertools

import pytest

from models.involvement.prior import Prior, level_prior, moved
from models.involvement.situation import Situation, proven, sure_levels, t_chances, tumor_situation
from models.involvement.tables import LEVELS
from models.registry import find_card
from oncology.findings import CaseId, Contact, Findings, History, Laterality, Node, RecordFact, Tumor
from templates.node_notes import node_reasons
from templates.render import translator

GERMAN = translator("de")
RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CARD = find_card("neck-involvement", None)
TUMOR = Tumor("tumor-1", 14.0, 45.0, 45.0, 45.0, 40.0, RIGHT, None, (-30.0, 0.0, 0.0))


def node(name: str, station: str, side: Laterality | None = RIGHT) -> Node:
    return Node(name, station, side, 9.0, 12.0, 0.5, (-40.0, 0.0, 0.0))


def findings(*nodes: Node, cancer: str = "oropharynx") -> Findings:
    return Findings(CaseId("a"), cancer, (TUMOR,), nodes, regions_imaged=("neck",), nodes_assessed=True)


def sample(station: str, malignant: bool, side: str | None = None) -> RecordFact:
    value = {"station": station, "malignant": malignant, "method": "FNA"}
    return RecordFact("station_result", value | ({"laterality": side} if side else {}), "Observation/1", "value")


def prior_of(situation: Situation, station: str = "II", side: Laterality = RIGHT) -> Prior:
    found = level_prior(CARD, situation, node("n", station, side))
    assert found is not None
    return found


def oropharynx(p16: bool | None, *involved: tuple[Laterality, str], t: int = 3) -> Situation:
    return Situation("oropharynx", "tonsil", {t: 1.0}, p16, False, RIGHT, dict.fromkeys(involved, True))


LARYNX_T1 = Situation("larynx", None, {1: 1.0}, None, False, RIGHT)
# Who, which level, and whether a node of even odds there becomes likelier than not.
TABLE = [
    ("oropharynx p16+, T3, level III involved", oropharynx(True, (RIGHT, "III")), "II", RIGHT, True),
    ("oropharynx p16+, T3, nothing else known", oropharynx(True), "II", RIGHT, True),
    ("oral tongue T2, level II involved",
     Situation("oral_cavity", "oral_tongue", {2: 1.0}, None, False, RIGHT, {(RIGHT, "II"): True}), "III", RIGHT, True),
    ("tongue base over the midline, other side involved",
     Situation("oropharynx", "base_of_tongue", {4: 1.0}, True, True, RIGHT, {(RIGHT, "II"): True}), "II", LEFT, True),
    ("larynx T1, other side", LARYNX_T1, "II", LEFT, False),
    ("larynx T1, its side", LARYNX_T1, "II", RIGHT, False),
    ("oropharynx p16-, T1, every other level clear",
     Situation("oropharynx", "tonsil", {1: 1.0}, False, False, RIGHT,
               {(side, level): False for side in (RIGHT, LEFT) for level in LEVELS}), "II", RIGHT, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("situation", "level", "side", "lifted"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_borderline_node_is_lifted_where_its_level_is_likely_involved(
    situation: Situation, level: str, side: Laterality, lifted: bool
) -> None:
    assert (moved(0.5, prior_of(situation, level, side)) > 0.5) is lifted


def test_unknown_p16_lies_between_positive_and_negative() -> None:
    for level, side in itertools.product(LEVELS, (RIGHT, LEFT)):
        said = {p16: prior_of(oropharynx(p16, (RIGHT, "III")), level, side).p for p16 in (True, False, None)}
        assert min(said[True], said[False]) <= said[None] <= max(said[True], said[False])
    assert prior_of(oropharynx(False)).p < prior_of(oropharynx(None)).p < prior_of(oropharynx(True)).p


def test_with_nothing_known_nothing_is_moved() -> None:
    nothing = prior_of(Situation("oral_cavity", tumor_side=RIGHT))
    assert (nothing.push, moved(0.37, nothing), nothing.reasons) == (0.0, 0.37, ())


def test_an_open_t_lies_between_its_categories() -> None:
    low, high = prior_of(oropharynx(True, t=1)).p, prior_of(oropharynx(True, t=4)).p
    either = Situation("oropharynx", "tonsil", {1: 0.5, 4: 0.5}, True, False, RIGHT)
    assert low < prior_of(either).p < high


def test_more_involved_levels_and_higher_t_never_lower_a_prior() -> None:
    for level in LEVELS:
        by_t = [prior_of(oropharynx(True, t=t), level).p for t in (1, 2, 3, 4)]
        assert by_t == sorted(by_t)
        for other in LEVELS:
            clear = Situation("larynx", None, {2: 1.0}, None, False, RIGHT, {(RIGHT, other): False})
            worse = Situation("larynx", None, {2: 1.0}, None, False, RIGHT, {(RIGHT, other): True})
            assert prior_of(worse, level).p >= prior_of(clear, level).p


def test_a_node_stays_a_probability_rises_with_its_prior_and_is_moved_by_no_more_than_fourfold_odds() -> None:
    chances = [k / 20 for k in range(21)]
    for p in chances:
        said = [moved(p, Prior(q, 0.3, "")) for q in chances]
        assert said == sorted(said)
        assert 0.0 <= said[0] <= said[-1] <= 1.0
    assert moved(0.1, Prior(1.0, 0.0, "")) < 0.5


def test_its_own_level_says_nothing_of_a_node() -> None:
    assert prior_of(oropharynx(True)).p == prior_of(oropharynx(True, (RIGHT, "II"))).p


def test_a_node_of_unknown_side_is_told_nothing_of_either_side_of_its_level() -> None:
    asked = node("n", "II", None)
    told = [level_prior(CARD, oropharynx(True, *given), asked) for given in ((), ((RIGHT, "II"), (LEFT, "II")))]
    assert told[0]
    assert told[1]
    assert told[0].p == told[1].p


def test_sure_levels_leave_the_asked_node_out_and_doubtful_ones_open() -> None:
    seen = findings(node("a", "II"), node("b", "III"), node("c", "IV"))
    levels = sure_levels(seen, History(), {"a": 0.99, "b": 0.97, "c": 0.5}, asked=seen.nodes[0])
    assert levels[RIGHT, "III"] is True
    assert (RIGHT, "IV") not in levels
    assert levels[LEFT, "III"] is False
    assert levels == sure_levels(seen, History(), {"a": 0.01, "b": 0.97, "c": 0.5}, asked=seen.nodes[0])


def test_where_nobody_looked_no_level_is_clear() -> None:
    assert sure_levels(Findings(CaseId("a"), "larynx", (TUMOR,)), History(), {}) == {}


def test_tissue_wins_over_the_look_of_a_level() -> None:
    seen = findings(node("a", "II"), node("b", "III"))
    history = History((sample("III", malignant=False, side="right"),))
    assert sure_levels(seen, history, {"a": 0.5, "b": 0.98})[RIGHT, "III"] is False


def test_a_sample_without_a_side_counts_only_where_nodes_lie_on_one_side() -> None:
    result = History((sample("II", malignant=True),))
    assert proven(result, (node("a", "II"),)) == {(RIGHT, "II"): True}
    assert proven(result, (node("a", "II"), node("b", "II", LEFT))) == {}


def test_t_comes_from_a_staging_that_saw_no_node() -> None:
    with_nodes = t_chances(findings(node("a", "II")), History())
    assert with_nodes == t_chances(findings(), History())
    assert max(with_nodes, key=lambda t: with_nodes[t]) == 3  # 45 mm: over 4 cm


def test_subsite_and_p16_come_from_the_record_and_the_midline_from_both_sides() -> None:
    told = History((RecordFact("subsite", "base_of_tongue", "r", "p"), RecordFact("p16", "positive", "r", "p")))
    contacts = tuple(Contact(f"tonsil_{side}", 300.0, depth_mm=5.0) for side in ("left", "right"))
    over = Findings(CaseId("a"), "oropharynx", (Tumor(**{**vars(TUMOR), "contacts": contacts}),))
    found = tumor_situation(over, told)
    assert (found.subsite, found.p16, found.midline, found.tumor_side) == ("base_of_tongue", True, True, RIGHT)


def test_the_reader_is_told_what_the_prior_came_from() -> None:
    words = prior_of(oropharynx(True, (RIGHT, "III"))).reasons[0]
    assert words.startswith("for: prior 0.8")
    for part in ("level II right", "oropharynx", "T3", "p16 positive", "level III right involved", "lyDATA n = 1255"):
        assert part in words


def test_a_site_that_the_tables_do_not_hold_has_no_prior() -> None:
    assert level_prior(CARD, Situation("nasopharynx"), node("n", "II")) is None
    assert level_prior(CARD, LARYNX_T1, node("n", "VI")) is None


def test_a_german_reader_is_told_in_german() -> None:
    from_words = prior_of(oropharynx(True, (RIGHT, "III")))
    (line,) = node_reasons(
        [{"id": "n", "p_malignant": 0.6, "short_axis_mm": 9.0, "reasons": from_words.reasons}], GERMAN
    )
    assert "Level II rechts, Oropharynx, Tonsille, T3, p16 positiv, Level III rechts befallen, lyDATA n = 1255" in line
