"""Page 1 says what to talk about and, where it gives no stage, why; every new text has its translation."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from oncology.cancers.protocol import MODULES, cancer
from oncology.findings import Laterality
from oncology.next_tests import next_tests, situations
from oncology.tnm.vocabulary import vocabulary
from templates.discussion import TEXTS, abstentions, discussion_view
from templates.front import ROOMS, front_view
from templates.render import FOLDER, languages, render_html, translator
from templates_sample import report, staging
from trunk_cases import node, staged, tumor

SAME_IN_EVERY_LANGUAGE = {"PET/CT"}


def unsettled(shares: dict[str, float], opened: list[str]) -> dict[str, Any]:
    """A lung case of one edition whose stage group stays open."""
    group = {"category": None, "possible": list(shares), "probabilities": shares, "open": opened, "reason": None}
    facts = [{"key": "nodes", "status": "unknown", "value": None}, {"key": "density", "status": "known", "value": "x"}]
    return {"site": "lung", "facts": facts, "editions": {"9": {"stage_group": group}}, "discussion": []}


def test_a_stage_below_half_is_withheld_with_the_likeliest_and_what_would_settle_it() -> None:
    told = abstentions(unsettled({"IA3": 0.15, "IIB": 0.41, "IIIA": 0.44}, ["nodes[0].positive"]), str)

    assert len(told) == 1
    assert told[0].startswith(
        "No stage is given: no stage group reaches 50 %; the likeliest are IIIA (44 %) and IIB (41 %)"
    )
    assert "what would settle it is needle sampling of the stations in doubt by EBUS" in told[0]
    assert "(lymph nodes)" in told[0]


def test_groups_as_likely_as_the_second_are_named_too() -> None:
    assert (
        "IA3 (30 %), IIB (30 %) and IIIA (30 %)"
        in abstentions(unsettled(dict.fromkeys(["IA3", "IIB", "IIIA"], 0.3), []), str)[0]
    )


def test_a_fact_that_is_known_is_not_said_to_settle_anything() -> None:
    assert "density" not in abstentions(unsettled({"IIB": 0.4, "IIIA": 0.4}, ["density", "nodes"]), str)[0]


def test_a_fact_that_no_test_settles_is_named_itself() -> None:
    case = unsettled({"IIB": 0.4, "IIIA": 0.4}, ["visceral_pleura_invasion"])

    assert abstentions(case, str)[0].endswith("what would settle it is visceral pleura.")


def test_an_edition_without_an_answer_says_why_in_its_own_words() -> None:
    case = unsettled({}, [])
    case["editions"]["9"]["stage_group"]["reason"] = "the edition has no group for it"

    assert abstentions(case, str) == ["No stage is given: the edition has no group for it."]


def test_a_given_stage_needs_no_such_sentence() -> None:
    case = unsettled({"IIB": 1.0}, [])
    case["editions"]["9"]["stage_group"]["category"] = "IIB"

    assert abstentions(case, str) == []


def test_only_the_edition_that_gives_no_stage_is_named(html: str) -> None:
    assert "Edition 9: No stage is given" in html
    assert "Edition 8: No stage" not in html


def test_points_are_numbered_by_their_sources_and_the_sources_stand_in_full() -> None:
    rows = [next_tests("lung")[about] for about in ("nodes", "brain")]
    shown = discussion_view(staging() | {"discussion": [row.text for row in rows]}, str)

    assert [point.marks for point in shown["discussion"]] == ["1, 2", "1, 3"]
    assert shown["discussion"][0].text.startswith("Lymph nodes: ")
    assert [short for _, short, _ in shown["discussion_sources"]] == ["ACCP 2013", "ESTS 2014", "NCCN lung 2022"]


def test_page_one_calls_them_points_and_not_orders(html: str) -> None:
    assert "Discussion points" in html
    assert "suggestions from published guidance, not orders" in html
    assert "Eur J Cardiothorac Surg 2014" in html


def test_a_point_that_a_plug_in_added_stands_as_it_is_written() -> None:
    page = render_html(report(staging=staging() | {"discussion": ["a test of their own (Society 2020)"]}))

    assert "a test of their own (Society 2020)" in page


def test_a_case_with_much_to_say_gets_fewer_lines_on_page_one() -> None:
    long, few = ["a long line of many words " * 5] * 9, ["short"]
    reasons = [{"label": "cT1a", "reason": "r", "certainty": ""}]

    crowded = front_view(reasons, long, [], long, long, [])
    calm = front_view(reasons, few, [], few, few, [])

    assert crowded["pictures_mm"] < calm["pictures_mm"]
    assert len(crowded["changes"]) == ROOMS[-1].changes + 1
    assert calm["changes"] == few


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_every_discussion_text_is_translated_with_its_placeholders(language: str) -> None:
    catalog = yaml.safe_load((FOLDER / "languages" / f"{language}.yaml").read_text(encoding="utf-8"))
    rows = [row for site in vocabulary().sites for row in next_tests(site).values()]
    rows += [one.row for site in vocabulary().sites for one in situations(site)]
    texts = {*TEXTS, *(row.test for row in rows), *(row.why for row in rows)}
    texts |= {reason for site in MODULES for reason in cancer(site).must_image.values()}

    assert not texts - set(catalog) - SAME_IN_EVERY_LANGUAGE
    for text in texts & set(catalog):
        names = ("{reason}", "{half}", "{groups}", "{tests}", "{edition}", "{sentence}", "{places}")
        assert [name in text for name in names] == [name in catalog[text] for name in names], text


def test_a_german_page_withholds_the_stage_in_german() -> None:
    told = abstentions(unsettled({"IIB": 0.4, "IIIA": 0.44}, ["nodes"]), translator("de"))[0]

    assert told.startswith("Es wird kein Stadium angegeben: keine Stadiengruppe erreicht 50 %")
    assert "klären würde es: Nadelbiopsie der fraglichen Stationen" in told


@pytest.mark.parametrize(
    ("cancer", "station", "side", "named"),
    [
        ("lung", "7", None, "der fraglichen Stationen (7) durch EBUS"),
        ("larynx", "II", Laterality.LEFT, "der fraglichen Lymphknoten (II links)"),
        ("larynx", "supraclavicular", Laterality.RIGHT, "(in der rechten Supraklavikulargrube)"),
        ("pancreas", "common_hepatic_artery", None, "(an der A. hepatica communis)"),
    ],
)
def test_a_german_point_names_the_stations_in_doubt(
    cancer: str, station: str, side: Laterality | None, named: str
) -> None:
    case = staged(cancer, tumor(25), nodes=(node(1, station, p_malignant=0.5, laterality=side),))
    assert any(named in point.text for point in discussion_view(case, translator("de"))["discussion"])


def test_a_withheld_stage_names_the_stations_that_would_settle_it() -> None:
    case = unsettled({"IIB": 0.4, "IIIA": 0.4}, ["nodes[0].positive"])
    case["facts"][0] |= {"status": "doubtful", "value": [{"id": "node-1", "positive": {"p": 0.5}, "station": "7"}]}
    case["editions"]["9"]["would_change"] = [{"finding": "nodes[0].positive", "if": "malignant", "then": {}}]
    assert "needle sampling of the stations in doubt (7) by EBUS" in abstentions(case, str)[0]
