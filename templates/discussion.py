"""What a board may talk about: tests that would settle what is open, with their sources, and why no stage is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.next_tests import NextTest, Source, filled, next_tests, told
from oncology.probabilities import doubtful_stations
from templates.wording import SIDES, Translate, key_of, listed, title, wording

HALF = 50  # percent that a stage group needs to be given
MOST_LIKELY, MOST_SETTLING = 2, 2
NOT_GIVEN = "No stage is given: {reason}"
BELOW = "no stage group reaches {half} %; the likeliest are {groups}"
ALONE = "no stage group reaches {half} %; the likeliest is {groups}"
OPEN = "what is known does not tell the stage groups apart"
SETTLE = "what would settle it is {tests}"
TEST_ABOUT = "{fact}: {test}"
OF_EDITION = "Edition {edition}: {sentence}"
TEXTS = (NOT_GIVEN, BELOW, ALONE, OPEN, SETTLE, OF_EDITION)  # for translators


@dataclass(frozen=True)
class Point:
    """One point for discussion. `marks` number its sources in the footnote."""

    text: str
    why: str
    marks: str


def discussion_view(staging: Mapping[str, Any], translate: Translate) -> dict[str, Any]:
    """Points and their sources as the pages use them."""
    cancer, sources = str(staging.get("site", "")), dict[Source, int]()
    points = [_point(cancer, text, sources, translate) for text in staging.get("discussion", ())]
    return {
        "discussion": points,
        "discussion_sources": [(mark, source.short, source.citation) for source, mark in sources.items()],
        "abstentions": abstentions(staging, translate),
    }


def _point(cancer: str, text: str, sources: dict[Source, int], translate: Translate) -> Point:
    """A point by its row of the table; one that a plug-in added stands as it is written."""
    row = told(cancer, text)
    if row is None:
        return Point(text, "", "")
    marks = sorted(sources.setdefault(source, len(sources) + 1) for source in row.sources)
    about = _capital(translate(title(row.about)))
    words = translate(TEST_ABOUT).format(fact=about, test=_test(row, translate))
    return Point(words, translate(row.why), ", ".join(map(str, marks)))


def _test(row: NextTest, translate: Translate) -> str:
    """A test with the stations that it names."""
    return filled(translate(row.test), [_place(place, translate) for place in row.places])


def _place(place: str, translate: Translate) -> str:
    """A station in a reader's words: by its code where it has one, with the side where that is told."""
    named, (base, _, side) = wording()["places"], place.rpartition(" ")
    if words := named.get(key_of(place)):
        return translate(words)
    if side in SIDES and (words := named.get(key_of(base))):
        return f"{translate(words)}, {translate(side)}"
    return translate(place)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def abstentions(staging: Mapping[str, Any], translate: Translate) -> list[str]:
    """Why no stage group is given, what is likeliest and what would settle it; editions that agree share a sentence."""
    found: dict[str, list[str]] = {}
    for edition, result in staging["editions"].items():
        if result["stage_group"]["category"] is None:
            found.setdefault(_abstention(result["stage_group"], staging, translate), []).append(edition)
    every = len(staging["editions"])
    return [
        sentence
        if len(editions) == every
        else translate(OF_EDITION).format(edition=listed(editions, translate, "and"), sentence=sentence)
        for sentence, editions in found.items()
    ]


def _abstention(answer: Mapping[str, Any], staging: Mapping[str, Any], translate: Translate) -> str:
    sentence = translate(NOT_GIVEN).format(reason=_reason(answer, translate))
    tests = _settling(answer, staging, translate)
    settle = [translate(SETTLE).format(tests=listed(tests, translate, "and"))] if tests else []
    return "; ".join([sentence, *settle]) + "."


def _reason(answer: Mapping[str, Any], translate: Translate) -> str:
    return translate(answer["reason"]) if answer.get("reason") else _likeliest(answer, translate)


def _likeliest(answer: Mapping[str, Any], translate: Translate) -> str:
    """The likeliest groups; those as likely as the last of them are named too."""
    chances = answer.get("probabilities") or {}
    ranked = sorted(chances, key=lambda group: -chances[group])
    if not ranked:
        return translate(OPEN)
    least = chances[ranked[:MOST_LIKELY][-1]]
    named = [f"{group} ({_percent(chances[group])} %)" for group in ranked if chances[group] >= least]
    pattern = BELOW if len(named) > 1 else ALONE
    return translate(pattern).format(half=HALF, groups=listed(named, translate, "and"))


def _percent(share: float) -> int:
    """Whole percent, never as much as the half that was not reached."""
    return min(HALF - 1, max(1, round(100 * share)))


def _settling(answer: Mapping[str, Any], staging: Mapping[str, Any], translate: Translate) -> list[str]:
    """Tests for what keeps the group open; a fact that no test settles is named itself."""
    rows = next_tests(str(staging.get("site", "")))
    stations = doubtful_stations(staging)
    words = []
    for fact in _open_facts(answer, staging):
        about = translate(title(fact))
        row = rows[fact].at(stations if fact == "nodes" else ()) if fact in rows else None
        test = _test(row, translate) if row else about
        words.append(f"{test} ({about})" if row and not row.places else test)
    return list(dict.fromkeys(words))[:MOST_SETTLING]


def _open_facts(answer: Mapping[str, Any], staging: Mapping[str, Any]) -> Sequence[str]:
    """Facts named as open, those that the case itself left open first."""
    named = list(dict.fromkeys(name.split(".")[0].split("[")[0] for name in answer.get("open", ())))
    status = {fact["key"]: fact.get("status") for fact in staging.get("facts", ())}
    unsettled = [name for name in named if status.get(name) in ("unknown", "doubtful") or name == "subset"]
    return unsettled or named
