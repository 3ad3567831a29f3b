"""Which models there are, which comes first, and what is refused: altered, missing, forbidden, unsafe."""

from __future__ import annotations

import collections
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.card import CARDS, WEIGHTS, Card, Head, read_card, write_card
from models.pickled import refuse_pickled_code
from models.registry import (
    add_model,
    all_cards,
    allows,
    card_faults,
    card_path,
    cards_for,
    content_sha256,
    find_card,
    refusal,
    weights_path,
)
from oncology.errors import ModelError

CARD = Card(
    id="hospital-neck", role="node_involvement", kind="onnx", cancers=("larynx",),
    heads=(Head("n", "sigmoid", ("n",)),), weights="weights.onnx", licence="CC-BY-NC-4.0", uses=("research",),
    source="added",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hospital's model, with a card that holds its hash."""
    made = tmp_path / "given" / "hospital-neck"
    made.mkdir(parents=True)
    (made / "weights.onnx").write_bytes(b"weights of a hospital")
    write_card(replace(CARD, sha256=content_sha256(made / "weights.onnx")), made / "card.toml")
    return made


def test_the_registry_answers_without_torch() -> None:
    code = "import sys, models.registry as r; r.all_cards(None); assert not {'torch', 'xgboost'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_embedded_model_is_whole_and_says_what_it_is() -> None:
    for card in all_cards(None).values():
        assert weights_path(card).stat().st_size > 0
        assert card_path(card).parent == CARDS
        assert card.licence
        assert card.training_data
        assert card.intended_use
        assert card.limits
        assert card.figures
        assert card.command


def test_all_weights_together_stay_small_enough_for_a_repository() -> None:
    assert 0 < sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 40e6


def test_an_added_model_comes_before_an_embedded_one(folder: Path, tmp_path: Path) -> None:
    added = add_model(folder, tmp_path / "home")
    found = cards_for("node_involvement", "larynx", tmp_path / "home")
    assert [card.id for card in found] == ["hospital-neck", "neck-involvement"]
    assert found[0] == added == read_card(card_path(added))
    assert weights_path(added).read_bytes() == b"weights of a hospital"


def test_a_model_of_other_cancers_is_not_offered(folder: Path, tmp_path: Path) -> None:
    add_model(folder, tmp_path / "home")
    assert [card.id for card in cards_for("node_involvement", "oropharynx", tmp_path / "home")] == ["neck-involvement"]
    assert cards_for("node_involvement", "lung", tmp_path / "home") == []


def test_one_changed_byte_is_noticed_though_the_size_stays(folder: Path, tmp_path: Path) -> None:
    path = weights_path(add_model(folder, tmp_path / "home"))
    path.write_bytes(b"Weights of a hospital")
    with pytest.raises(ModelError, match=r"were altered: found SHA-256 .* expected .*add the model anew"):
        weights_path(find_card("hospital-neck", tmp_path / "home"))


def test_missing_weights_are_named(folder: Path, tmp_path: Path) -> None:
    card = add_model(folder, tmp_path / "home")
    weights_path(card).unlink()
    with pytest.raises(ModelError, match=r"weights weights\.onnx of model hospital-neck are missing"):
        weights_path(card)


def test_every_file_of_a_folder_of_weights_counts(tmp_path: Path) -> None:
    (tmp_path / "fold_0").mkdir()
    (tmp_path / "fold_0" / "final.pth").write_bytes(b"1")
    (tmp_path / "plans.json").write_bytes(b"{}")
    first = content_sha256(tmp_path)
    (tmp_path / "card.toml").write_text("is not part of it")
    assert content_sha256(tmp_path) == first
    (tmp_path / "plans.json").write_bytes(b"[]")
    assert content_sha256(tmp_path) != first


def test_an_unknown_id_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model is called 'nope'.*neck-involvement"):
        find_card("nope", tmp_path)


def test_a_licence_that_forbids_the_use_refuses() -> None:
    assert allows(CARD, "research")
    assert not allows(CARD, "commercial")
    assert "may not be put to commercial use: its licence (CC-BY-NC-4.0)" in refusal(CARD, "commercial")
    with pytest.raises(ModelError, match="'fun'; expected one of: research, clinical, commercial"):
        allows(CARD, "fun")


def broken_card(given: Path) -> None:
    (given / "card.toml").write_text("id = [")


def altered(given: Path) -> None:
    (given / "weights.onnx").write_bytes(b"something else")


def without_weights(given: Path) -> None:
    (given / "weights.onnx").unlink()


def without_labels(given: Path) -> None:
    write_card(replace(read_card(given / "card.toml"), heads=()), given / "card.toml")


def without_card(given: Path) -> None:
    (given / "card.toml").unlink()


def id_taken(given: Path) -> None:
    write_card(replace(read_card(given / "card.toml"), id="neck-involvement"), given / "card.toml")


def linked(given: Path) -> None:
    (given / "more").symlink_to("/etc/hostname")


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


def with_code(given: Path) -> None:
    (given / "more.pth").write_bytes(pickle.dumps({"weights": Evil()}))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (broken_card, "not TOML"),
        (altered, "were altered"),
        (without_weights, "are missing"),
        (without_labels, "does not say what its labels mean"),
        (without_card, "card.toml|known"),
        (id_taken, "neck-involvement is there already"),
        (linked, "more of the model is a link"),
        (with_code, r"more.pth asks to run '(posix|nt)\.system'"),
    ],
)
def test_a_model_that_cannot_be_trusted_is_not_added(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=said):
        add_model(folder, tmp_path / "home")
    models = tmp_path / "home" / "models"
    assert not models.exists() or list(models.iterdir()) == []


def test_a_model_is_added_once(folder: Path, tmp_path: Path) -> None:
    add_model(folder, tmp_path / "home")
    with pytest.raises(ModelError, match="is there already"):
        add_model(folder, tmp_path / "home")
    assert add_model(folder, tmp_path / "home", "another-neck").id == "another-neck"


def test_a_card_broken_later_is_named_and_never_passed_over(folder: Path, tmp_path: Path) -> None:
    card = add_model(folder, tmp_path / "home")
    card_path(card).write_text("id = ")
    assert list(card_faults(tmp_path / "home")) == ["hospital-neck"]
    with pytest.raises(ModelError, match=r"hospital-neck/card\.toml"):
        all_cards(tmp_path / "home")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_code_is_found_in_every_version_of_pickle(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "a.pth").write_bytes(pickle.dumps([collections.OrderedDict(), Evil()], protocol))
    with pytest.raises(ModelError, match="asks to run"):
        refuse_pickled_code(tmp_path)


@pytest.mark.parametrize("protocol", [2, 4])
def test_plain_containers_and_arrays_are_let_through(tmp_path: Path, protocol: int) -> None:
    import numpy as np

    content = collections.OrderedDict(a=np.zeros(3), b=np.float64(1.0), c={1, 2})
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol))
    refuse_pickled_code(tmp_path)


def test_names_hidden_behind_other_words_are_refused(tmp_path: Path) -> None:
    hidden = b"\x80\x04\x8c\x05posix\x8c\x06system\x8c\x0bcollections\x8c\x0bOrderedDict00\x93\x8c\x04true\x85R."
    (tmp_path / "a.pth").write_bytes(hidden)
    with pytest.raises(ModelError, match="asks to run"):
        refuse_pickled_code(tmp_path)


@pytest.mark.parametrize("legacy", [False, True])
def test_weights_that_torch_wrote_are_let_through_and_modules_are_not(tmp_path: Path, legacy: bool) -> None:
    torch = pytest.importorskip("torch")
    kept = {"network": torch.nn.Linear(2, 2).state_dict(), "device": torch.device("cpu")}
    torch.save(kept, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    refuse_pickled_code(tmp_path)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "b.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ModelError, match=r"b\.pt asks to run 'torch\.nn\.modules\.linear\.Linear'"):
        refuse_pickled_code(tmp_path)
