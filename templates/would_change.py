"""What would change the stage, as sentences: the finding in words, then every category from old to new."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oncology.errors import FactError
from oncology.tnm.vocabulary import SiteSpec, vocabulary
from templates.wording import SIDES, Translate, grouped, intervals, listed, plain, split, title, value_words, wording

FINDING = re.compile(r"(?P<fact>\w+)(?:\[(?P<place>\d+)\])?(?:\.(?P<field>.+))?")
GATES = {"positive": ("benign", "malignant"), "malignant": ("benign", "malignant")}
CLAIMS = {"yes": "yes", "no": "no", "present": "yes", "absent": "no", "malignant": "yes", "benign": "no"}
Outcome = tuple[str, str]  # the letters that change, and the stage group
NOW, INSTEAD = "{new}", "{new} instead of {old}"
STAGE, STAGE_INSTEAD, STAGE_STAYS = "stage {new}", "stage {new} instead of {old}", "the stage stays {new}"
UNDEFINED = "undefined"  # the engine's word where an edition has no answer
NO_STAGE, NO_CATEGORY = "no stage group", "no category"
EDITION, OPENING = "{outcome} (edition {edition})", "If {finding}: {value}"
TEXTS = (INSTEAD, STAGE_INSTEAD, STAGE_STAYS, STAGE, NO_STAGE, NO_CATEGORY, EDITION, OPENING)  # for translators


@dataclass(frozen=True)
class Case:
    """What the sentences need to know of a case."""

    spec: SiteSpec | None
    facts: Mapping[str, Any]
    translate: Translate

    @property
    def site(self) -> str:
        """The site's key."""
        return self.spec.key if self.spec else ""

    def entries(self, name: str) -> Sequence[Mapping[str, Any]]:
        """The nodes or metastases of the case."""
        return self.facts.get(name) or ()


def sentences(staging: Mapping[str, Any], translate: Translate) -> list[str]:
    """One sentence per finding; editions with one outcome share it.

    Those that change the stage group come first, and of these such as leave one group only; then one per fact before
    a second one.
    """
    case = Case(_spec(staging.get("site")), {fact["key"]: fact["value"] for fact in staging["facts"]}, translate)
    told: dict[str, dict[str, Outcome]] = {}
    facts: dict[str, str] = {}
    moving: set[str] = set()
    vague: set[str] = set()
    for edition, result in staging["editions"].items():
        now = {axis: _now(result[axis]) for axis in ("t", "n", "m", "stage_group")}
        for change in result.get("would_change", ()):
            text = opening(change, case)
            facts.setdefault(text, str(change["finding"]).split(".")[0])
            told.setdefault(text, {})[edition] = _outcome(change["then"], now, translate)
            group = change["then"].get("stage_group")
            moving |= {text} if group != now["stage_group"] else set()
            vague |= {text} if _is_open(group or "") else set()
    return [
        f"{text}: {_told(told[text], len(staging['editions']), translate)}."
        for text in _ordered(facts, moving - vague, moving)
    ]


def _ordered(facts: Mapping[str, str], *better: Collection[str]) -> list[str]:
    """Sentences of the first collection that holds them, then one of each fact after another, else as they come."""
    turns: dict[tuple[int, str], int] = {}
    ranks = {}
    for text, fact in facts.items():
        kind = (next((place for place, some in enumerate(better) if text in some), len(better)), fact)
        turns[kind] = turns.get(kind, 0) + 1
        ranks[text] = (kind[0], turns[kind])
    return sorted(facts, key=lambda text: ranks[text])


def _spec(site: object) -> SiteSpec | None:
    try:
        return vocabulary().site(site)
    except FactError:
        return None


def _now(answer: Mapping[str, Any]) -> str:
    """The answer as `then` writes it: TX and NX by what is possible."""
    category = answer["category"]
    return category if category and not category.endswith("X") else " or ".join(answer["possible"]) or UNDEFINED


def _told(outcomes: Mapping[str, Outcome], editions: int, translate: Translate) -> str:
    """Outcomes with their editions; a stage group that all share is told once."""
    groups = {group for _, group in outcomes.values()}
    if len(outcomes) == editions and len(groups) == 1:
        letters = _by_edition({edition: axes for edition, (axes, _) in outcomes.items()}, editions, translate)
        return ", ".join(filter(None, [letters, *groups]))
    whole = {edition: ", ".join(filter(None, outcome)) for edition, outcome in outcomes.items()}
    return _by_edition(whole, editions, translate, "; ")


def _by_edition(texts: Mapping[str, str], editions: int, translate: Translate, between: str = ", ") -> str:
    found: dict[str, list[str]] = {}
    for edition, text in texts.items():
        found.setdefault(text, []).append(edition)
    return between.join(
        text
        if len(named) == editions
        else translate(EDITION).format(outcome=text, edition=listed(named, translate, "and"))
        for text, named in found.items()
        if text
    )


def _outcome(then: Mapping[str, str], now: Mapping[str, str], translate: Translate) -> Outcome:
    """From what to what: the letters, and the stage group; what was open only gets its new category.

    >>> _outcome({"n": "N0", "stage_group": "IA3"}, {"n": "N2", "stage_group": "IIIA"}, str)
    ('N0 instead of N2', 'stage IA3 instead of IIIA')
    """
    letters = [
        translate(NOW if _is_open(now[axis]) else INSTEAD).format(
            new=_category(then[axis], translate), old=_category(now[axis], translate)
        )
        for axis in ("t", "n", "m")
        if axis in then and then[axis] != now[axis]
    ]
    return ", ".join(letters), _group_outcome(then.get("stage_group"), now["stage_group"], translate)


def _group_outcome(group: str | None, before: str, translate: Translate) -> str:
    if group is None or group == before == UNDEFINED:
        return ""
    if group == UNDEFINED:
        return translate(NO_STAGE)
    pattern = STAGE_STAYS if group == before else STAGE if _is_open(before) else STAGE_INSTEAD
    return translate(pattern).format(new=_category(group, translate), old=_category(before, translate))


def _is_open(label: str) -> bool:
    """Whether there is nothing yet that could be replaced."""
    return label == UNDEFINED or " or " in label


def _category(label: str, translate: Translate) -> str:
    """Categories as a list.

    >>> _category("N0 or N1 or N2", str)
    'N0, N1 or N2'
    """
    return listed([translate(NO_CATEGORY) if one == UNDEFINED else one for one in label.split(" or ")], translate)


def opening(change: Mapping[str, Any], case: Case) -> str:
    """The finding as the first half of a sentence; what the words do not know is shown as it is written.

    >>> opening({"finding": "greatest_dimension_mm", "if": "> 20, <= 30 mm"}, Case(None, {}, str))
    'If the longest diameter is above 20 and up to 30 mm'
    """
    finding, condition = str(change["finding"]), str(change["if"])
    found = FINDING.fullmatch(finding)
    told = _known_opening(found, condition, case) if found else None
    name = title(finding) if finding.isidentifier() else plain(finding)
    return told or case.translate(OPENING).format(finding=case.translate(name), value=condition)


def _known_opening(found: re.Match[str], condition: str, case: Case) -> str | None:
    fact, place, field = found.group("fact", "place", "field")
    if place is not None and field:
        return _of_entry(fact, int(place), field, condition, case)
    if fact in ("nodes", "mets"):
        return _of_list(fact, condition, case)
    known = wording()["findings"].get(fact)
    return _of_fact(fact, known, condition, case) if known else None


def _of_fact(fact: str, known: Mapping[str, Any], condition: str, case: Case) -> str | None:
    if condition == "none" and "none" in known:
        return case.translate(known["none"])
    if "involved" in known:
        return _of_set(fact, known, condition, case)
    if condition in CLAIMS and CLAIMS[condition] in known:
        return case.translate(known[CLAIMS[condition]])
    return _with_values(known, condition, _values(fact, known, case), case)


def _with_values(known: Mapping[str, Any], condition: str, values: Iterable[str], case: Case) -> str | None:
    """Numbers as intervals, words as a list."""
    if "if" not in known:
        return None
    told = intervals(condition, case.translate)
    keys = None if told else split(plain(condition), values)
    if keys:
        told = listed([case.translate(value_words(key, known)) for key in keys], case.translate)
    return case.translate(known["if"]).replace("{value}", told or condition)


def _values(fact: str, known: Mapping[str, Any], case: Case) -> list[str]:
    spec = case.spec.facts.get(fact) if case.spec else None
    return [*(spec.values if spec else ()), *known.get("values", ()), *wording()["values"]]


def _of_set(fact: str, known: Mapping[str, Any], condition: str, case: Case) -> str | None:
    kind = "only" if condition.startswith("only ") else "free" if condition.endswith(" not involved") else "involved"
    text = condition.removeprefix("only ").removesuffix(" involved").removesuffix(" not")
    members = split(text, _values(fact, known, case))
    if members is None:
        return None
    together, left = grouped(case.site, fact, members, _holding(case.facts.get(fact)))
    words = [*together, *(value_words(member, known) for member in left)]
    return case.translate(known[kind]).format(value=listed([case.translate(word) for word in words], case.translate))


def _holding(value: Any) -> list[str]:
    """Members that are certain already."""
    if isinstance(value, Mapping):
        return [str(member) for member, holds in value.items() if holds is True]
    return [str(member) for member in value or ()]


def _of_list(name: str, condition: str, case: Case) -> str | None:
    """A further node or metastasis, by where it is found."""
    known = wording()["findings"][name]
    if condition == "none":
        return case.translate(known["none"])
    text = re.sub(r"^a further (?:positive node in|metastasis:) ", "", condition)
    places = _node_places(text, case) if name == "nodes" else _met_places(text, case)
    if not places:
        return None
    gate = "positive" if name == "nodes" else "malignant"
    further = any(entry.get(gate, True) is not False for entry in case.entries(name))
    return case.translate(known["further" if further else "more"]).format(value=listed(places, case.translate))


def _met_places(text: str, case: Case) -> list[str]:
    sites = case.spec.mets["site"].values if case.spec else ()
    members = split(text, sites) or []
    together, left = grouped(case.site, "mets", members, [str(entry.get("site")) for entry in case.entries("mets")])
    return [case.translate(words) for words in (*together, *(wording()["places"].get(one, plain(one)) for one in left))]


def _node_places(text: str, case: Case) -> list[str]:
    """Stations of both sides first, then those of one side."""
    if case.spec is None:
        return []
    sided = {f"{station} {side}": (station, side) for station in case.spec.stations for side in SIDES}
    members = split(text, [*case.spec.stations, *sided]) or []
    sides: dict[str, set[str]] = {}
    for member in members:
        station, side = sided.get(member, (member, ""))
        sides.setdefault(station, set()).add(side)
    found = []
    for wanted, side in ((({""}, set(SIDES)), ""), (({"left"},), "left"), (({"right"},), "right")):
        stations = [station for station, on in sides.items() if on in wanted]
        found += [_on_side(place, side, case.translate) for place in _stations(stations, case)]
    return found


def _stations(stations: Sequence[str], case: Case) -> list[str]:
    """Where these stations lie, those of a group together, those known by their code in one list."""
    together, left = grouped(case.site, "nodes", stations, _positive(case))
    places = wording()["places"]
    named = [places[station] for station in left if station in places]
    codes = [station for station in left if station not in places]
    words = [case.translate(word) for word in (*together, *named)]
    return [_coded(listed(codes, case.translate), case), *words] if codes else words


def _coded(codes: str, case: Case) -> str:
    return case.translate(wording()[case.spec.station_key if case.spec else "station"]).format(value=codes)


def _positive(case: Case) -> list[str]:
    """Stations with a node that is malignant for sure."""
    key = case.spec.station_key if case.spec else "station"
    return [str(node.get(key)) for node in case.entries("nodes") if node.get("positive") is True]


def _on_side(place: str, side: str | None, translate: Translate) -> str:
    return translate(wording()["sides"][side]).format(place=place) if side else place


def _of_entry(name: str, place: int, field: str, condition: str, case: Case) -> str | None:
    """One node or metastasis of the case."""
    entries, known = case.entries(name), wording().get(name, {}).get(field)
    if known is None or place >= len(entries):
        return None
    one = _one(name, place, entries, case)
    text = condition.rsplit(" ", 1)[-1] if field in GATES else condition.split(f": {plain(field)} ", 1)[-1]
    if field in GATES:
        known = known["sure" if isinstance(entries[place].get(field, True), bool) else "open"]
    if text in CLAIMS and CLAIMS[text] in known:
        return case.translate(known[CLAIMS[text]]).format(one=one)
    told = _lying(name, field, text, case) or _with_values(known, text, known.get("values", ()), case)
    return told.replace("{one}", one) if told else None


def _lying(name: str, field: str, text: str, case: Case) -> str | None:
    """Where a node or metastasis would lie instead."""
    if field not in ("station", "level", "site"):
        return None
    places = _node_places(text, case) if name == "nodes" else _met_places(text, case)
    pattern = case.translate(wording()[name]["site" if name == "mets" else "station"]["if"])
    return pattern.replace("{value}", listed(places, case.translate)) if places else None


def _one(name: str, place: int, entries: Sequence[Mapping[str, Any]], case: Case) -> str:
    """How an entry is called: by its place, with its name where another lies there too."""
    places = [_entry_place(entry, case) for entry in entries]
    several = places.count(places[place]) > 1 or places[place] == case.translate(wording()["unknown_place"])
    pattern = wording()[name]["one_of_several" if several else "one"]
    return case.translate(pattern).format(place=places[place], id=entries[place].get("id") or f"#{place + 1}")


def _entry_place(entry: Mapping[str, Any], case: Case) -> str:
    key = case.spec.station_key if case.spec else "station"
    where = entry.get(key, entry.get("site"))
    if not isinstance(where, str | int):
        return case.translate(wording()["unknown_place"])
    named = wording()["places"].get(str(where))
    place = case.translate(named) if named else _coded(str(where), case)
    tells = case.spec is None or case.spec.stations.get(str(where), "site") is not None
    return _on_side(place, None if tells else entry.get("laterality"), case.translate)
