"""The vocabulary of staging in a reader's words: titles, values, places and lists, in the report's language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from oncology.errors import ReportError

Translate = Callable[[str], str]
PATH = Path(__file__).with_name("wording.yaml")
SIDES = ("left", "right")
SEPARATORS = re.compile(r"^(?:,|or|\s)*$")
INTERVAL = re.compile(r"(?:> (?P<low>[\d.]+))?(?:, )?(?:<= (?P<high>[\d.]+))?")


@lru_cache(maxsize=1)
def wording() -> Mapping[str, Any]:
    """The content of wording.yaml.

    Raises:
        ReportError: the file is broken.
    """
    try:
        content: Mapping[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ReportError(f"{PATH.name} is not readable YAML: {error}; expected the words of the vocabulary") from error
    return content


def texts() -> set[str]:
    """Every text of wording.yaml, for translators."""
    return set(_texts(wording())) | {"or", "and", *INTERVALS}


def _texts(item: Any, key: str = "") -> Iterable[str]:
    if isinstance(item, Mapping):
        for name, inner in item.items():
            yield from _texts(inner, str(name))
    elif isinstance(item, list):
        for inner in item:
            if isinstance(inner, Mapping):
                yield str(inner["words"])
    else:
        yield str(item)


def plain(key: str) -> str:
    """A key of the vocabulary as the engine writes it in a sentence."""
    return key.replace("_", " ")


def key_of(words: str) -> str:
    """The key that `plain` spelled out.

    >>> key_of(plain("common_hepatic_artery"))
    'common_hepatic_artery'
    """
    return words.replace(" ", "_")


def title(key: str) -> str:
    """What a fact or region is called; a key without words is spelled out.

    >>> title("greatest_dimension_mm"), title("brain"), title("some_new_fact")
    ('longest diameter', 'brain', 'some new fact')
    """
    known = wording()["findings"].get(key)
    return str(known["title"] if known else wording()["regions"].get(key, plain(key)))


def value_words(key: str, own: Mapping[str, Any] | None = None) -> str:
    """A value of the vocabulary in words; `own` holds those that mean something else for this fact."""
    named = (own or {}).get("values", {})
    return str(named.get(key) or wording()["values"].get(key) or plain(key))


def listed(words: Sequence[str], translate: Translate, last: str = "or") -> str:
    """Words as a list that can be read aloud.

    >>> listed(["heart", "trachea", "carina"], str)
    'heart, trachea or carina'
    """
    head, tail = list(words[:-1]), list(words[-1:])
    return f" {translate(last)} ".join(filter(None, [", ".join(head), *tail]))


def split(text: str, keys: Iterable[str]) -> list[str] | None:
    """The keys that a list in words is made of, in its order; None where it says anything else.

    >>> split("chest wall, heart or great vessels", ["heart", "chest_wall", "great_vessels"])
    ['chest_wall', 'heart', 'great_vessels']
    >>> split("chest wall or wing", ["chest_wall"])
    """
    named = {plain(key): key for key in keys}
    names = "|".join(re.escape(name) for name in sorted(named, key=len, reverse=True))
    if not names:
        return None
    pattern = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])")
    found = [named[name] for name in pattern.findall(text)]
    return found if found and SEPARATORS.match(pattern.sub("", text)) else None


INTERVALS = ("above {low} and up to {high} mm", "above {low} mm", "at most {high} mm")


def intervals(text: str, translate: Translate) -> str | None:
    """Lengths between bounds in words; None where the text is no such list.

    >>> intervals("> 20, <= 30 mm", str), intervals("<= 10 or > 70 mm", str)
    ('above 20 and up to 30 mm', 'at most 10 mm or above 70 mm')
    """
    parts = [_interval(part, translate) for part in re.split(r" or |, (?=>)|(?<=mm), ", text.removesuffix(" mm"))]
    return listed([part for part in parts if part], translate) if all(parts) else None


def _interval(text: str, translate: Translate) -> str | None:
    found = INTERVAL.fullmatch(text.removesuffix(" mm"))
    if found is None or not any(found.groupdict().values()):
        return None
    low, high = found.group("low"), found.group("high")
    low = None if low == "0" else low
    pattern = INTERVALS[0] if low and high else INTERVALS[1] if low else INTERVALS[2]
    return translate(pattern).format(low=low, high=high)


def grouped(site: str, fact: str, members: Sequence[str], settled: Iterable[str]) -> tuple[list[str], list[str]]:
    """Words for members that are named together, and the members left over.

    Args:
        site: whose groups count.
        fact: the fact, `nodes` or `mets`.
        members: what is to be named.
        settled: members that already hold and are therefore not among them.
    """
    done, left, found = set(settled), list(members), []
    for group in wording()["groups"].get(site, {}).get(fact, ()):
        needed = set(map(str, group["members"])) - done
        if len(needed) > 1 and needed <= set(left):
            found.append(str(group["words"]))
            left = [member for member in left if member not in needed]
    return found, left
