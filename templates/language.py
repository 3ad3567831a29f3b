"""A report's language: texts by catalog, sentences of the engine by pattern, words of the vocabulary by their titles.

The engine writes its reasons in English with numbers and names in them. A pattern of languages/sentences holds such a
sentence with `{places}`; what stands in a place is translated by the same rules. What no rule knows stays English and
is kept in `unknown`, so that a test can ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from templates.wording import plain, wording

FOLDER = Path(__file__).parent / "languages"
PLACE = re.compile(r"\{(\w+)\}")
# Categories, stations, ids, methods, units, numbers and sources are written alike in every language.
SAME = re.compile(
    r"(?:(?:tumor|node|candidate|metastasis|fact)-\d+|[^a-z]*(?:[a-z]{1,2}(?![a-z])[^a-z]*)*)"
    r"|[A-Z][\w-]+ (?:19|20)\d\d\b.*"  # a source: Wolak 2008, JACC 1:200
    r"|(?:\{\w+\}[: ]*)+"
)
# Places of what is written alike everywhere: the id of a model, a resource of the record and where in it.
ALIKE: Mapping[str, str] = {"model": "[a-z0-9][a-z0-9._-]*", "entry": r"[\w:/.-]+", "path": r"[\w.\[\]]+"}
BETWEEN = "; "  # stands between sentences, never inside a place of one
LISTS = (BETWEEN, ", ", " > ", " or ", " and ")
SIDES = re.compile(r"(?P<word>.+) (?P<side>left|right)")
ANSWER = re.compile(r"(?P<word>.+) (?P<answer>yes|no|unknown|positive|negative|-?[\d.]+(?: %| mm)?)")


class Language:
    """Translates English into one language; call it with a text.

    Attributes:
        unknown: texts that were asked for and could not be told.
    """

    def __init__(self, name: str, texts: Mapping[str, str], sentences: Mapping[str, str]) -> None:
        self.name = name
        self.unknown: set[str] = set()
        self._texts = texts
        self._sentences = sentences
        self.tell = lru_cache(maxsize=None)(self._tell)

    def __call__(self, text: str) -> str:
        """The text in this language; parts that nothing is known of stay as they are."""
        told = self.tell(text.strip())
        if told is not None:
            return told
        for mark in ("; ", ": "):
            if mark in text:
                return mark.join(self(part) for part in text.split(mark, 1))
        self.unknown.add(text)
        return text

    def _tell(self, text: str) -> str | None:
        """The text in this language; None where any part of it is unknown."""
        known = self._texts.get(text) or self._sentences.get(text) or self._words.get(text)
        if known or SAME.fullmatch(text):
            return known or text
        told = self._by_pattern(text) or (self.tell(plain(text)) if "_" in text else None)
        return told if told is not None else next(filter(None, (way(text) for way in self._ways)), None)

    def _by_pattern(self, text: str) -> str | None:
        for pattern, sentence in self._patterns:
            found = pattern.fullmatch(text)
            filled = found.groupdict() if found else {}
            if any(BETWEEN in part for part in filled.values()):
                continue  # two sentences, not one with another in its place
            parts = {name: part if name in ALIKE else self.tell(part) for name, part in filled.items()}
            if found and None not in parts.values():
                return sentence.format(**parts)
        return None

    @cached_property
    def _ways(self) -> tuple[Callable[[str], str | None], ...]:
        return (*((lambda text, mark=mark: self._listed(text, mark)) for mark in LISTS), self._named, self._ended)

    def _listed(self, text: str, mark: str) -> str | None:
        """A list whose members are all known."""
        parts = [self.tell(part) for part in text.split(mark)] if mark in text else [None]
        if None in parts:
            return None
        word = mark.strip()
        return (f" {self.tell(word)} " if word.isalpha() else mark).join(filter(None, parts))

    def _named(self, text: str) -> str | None:
        """`name: value`."""
        parts = [self.tell(part) for part in text.split(": ", 1)] if ": " in text else [None]
        return None if None in parts else ": ".join(filter(None, parts))

    def _ended(self, text: str) -> str | None:
        """A word with a side, an answer or a number behind it."""
        for pattern in (SIDES, ANSWER):
            found = pattern.fullmatch(text)
            parts = [self.tell(part) for part in found.groups()] if found else [None]
            if None not in parts:
                return " ".join(filter(None, parts))
        return None

    @cached_property
    def _words(self) -> dict[str, str]:
        """Keys of the vocabulary as the engine writes them, by what wording.yaml calls them."""
        found = {key: words for key, words in _titles() if words in self._texts}
        told = {key: self._texts[words] for key, words in found.items()}
        return told | {f"{key[:-3]} (mm)": f"{words} (mm)" for key, words in told.items() if key.endswith(" mm")}

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Patterns with the most words of their own first."""
        with_places = [(text, said) for text, said in self._sentences.items() if PLACE.search(text)]
        with_places.sort(key=lambda item: -len(PLACE.sub("", item[0])))
        return [(_pattern(text), said) for text, said in with_places]


def _pattern(text: str) -> re.Pattern[str]:
    """A sentence with places as an expression.

    >>> _pattern("short axis {size} mm").fullmatch("short axis 9.5 mm").group("size")
    '9.5'
    """
    parts = PLACE.split(text)
    return re.compile("".join(re.escape(part) if i % 2 == 0 else _place(part) for i, part in enumerate(parts)))


def _place(name: str) -> str:
    return f"(?P<{name}>{ALIKE.get(name, '.+?')})"


def _titles() -> Iterable[tuple[str, str]]:
    content: Mapping[str, Any] = wording()
    yield from ((plain(key), str(words)) for part in ("places", "regions") for key, words in content[part].items())
    yield from ((plain(key), str(words)) for key, words in content["values"].items())
    for key, known in content["findings"].items():
        yield from ((plain(value), str(words)) for value, words in known.get("values", {}).items())
        yield plain(key), str(known["title"])


@lru_cache(maxsize=8)
def read_catalog(path: Path) -> Mapping[str, str]:
    """The texts of one file; none where a language has no such file."""
    content: Mapping[str, str] = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content


def language(name: str) -> Language:
    """A language of languages/ with its sentences."""
    return Language(name, read_catalog(FOLDER / f"{name}.yaml"), read_catalog(FOLDER / "sentences" / f"{name}.yaml"))
