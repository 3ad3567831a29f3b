"""Which models an installation uses, and how its manifest names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.card import Card, write_card
from models.registry import add_model, content_sha256, find_card
from oncology.errors import ModelError
from tasks.manifest import model_entries
from tasks.model_choice import chosen_cards, refusals
from tasks.settings import settings

ADDED = Card(id="ours", role="node_involvement", kind="xgboost", weights="w.json", licence="CC-BY-NC-4.0")


@pytest.fixture
def with_added(home: Path, tmp_path: Path, all_models: None) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "w.json").write_text("{}")
    write_card(replace(ADDED, sha256=content_sha256(folder / "w.json")), folder / "card.toml")
    add_model(folder, home)
    return home


def chosen(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    return [card.id for card in chosen_cards("node_involvement", "larynx")]


def test_settings_say_which_models_are_used(with_added: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch) == ["ours", "neck-involvement"]
    assert chosen(monkeypatch, AIMDT_MODELS="neck-involvement") == ["neck-involvement"]
    assert chosen(monkeypatch, AIMDT_MODELS="none") == []


def test_a_misspelt_model_is_named_and_not_passed_over(with_added: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="AIMDT_MODELS names nekc-involvement"):
        chosen(monkeypatch, AIMDT_MODELS="nekc-involvement")


def test_a_forbidden_model_is_left_out_by_name(with_added: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, AIMDT_MODEL_USE="commercial") == ["neck-involvement"]
    (reason,) = refusals("node_involvement", "larynx")
    assert "model ours may not be put to commercial use" in reason
    with pytest.raises(ModelError, match="AIMDT_MODEL_USE is 'fun'"):
        chosen(monkeypatch, AIMDT_MODEL_USE="fun")


def test_the_manifest_names_each_model_once_with_its_hash(with_added: Path) -> None:
    entries = model_entries(["ours", "neck-involvement", "ours"])
    assert [(item["id"], item["role"]) for item in entries] == [
        ("neck-involvement", "node_involvement"),
        ("ours", "node_involvement"),
    ]
    assert entries[1]["sha256"] == find_card("ours", with_added).sha256


def test_an_altered_model_does_not_reach_the_manifest(with_added: Path) -> None:
    (with_added / "models" / "ours" / "w.json").write_text("[]")
    with pytest.raises(ModelError, match="were altered"):
        model_entries(["ours"])
