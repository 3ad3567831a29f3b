"""`aimdt models`: what is listed, shown, added, verified and trained, and what each fault answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.cli import BAD_INPUT, PART_FAILED, ROWS_FAILED, STAGED, main
from models.card import WEIGHTS, Card, Figure, Head, read_card, write_card
from models.involvement.model import judged, load, predict
from models.involvement.tables import read_tables
from models.registry import content_sha256
from models.verification import Comparison, compare
from tasks.settings import settings

ADDED = Card(
    id="ours", role="lesion", kind="onnx", cancers=("lung",), heads=(Head("lesion", "sigmoid", ("tumor",)),),
    weights="net.onnx", licence="CC-BY-NC-4.0", uses=("research",), figures=(Figure("Dice", 0.8, "", 20),),
)  # fmt: skip


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(b"weights")
    write_card(replace(ADDED, sha256=content_sha256(folder / "net.onnx")), folder / "card.toml")
    return folder


@pytest.fixture
def asked(home: Path, all_models: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Run `aimdt models ... --json`; status and answer."""

    def ask(*arguments: object) -> tuple[int, Any]:
        status = main(["models", *map(str, arguments), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return ask


def test_an_added_model_is_listed_shown_and_whole(asked: Callable[..., tuple[int, Any]], given: Path) -> None:
    status, answer = asked("add", given)
    assert (status, answer["model"]["id"], answer["model"]["source"]) == (STAGED, "ours", "added")
    assert asked("list")[1]["models"][0]["id"] == "ours"
    assert asked("show", "ours")[1]["model"]["figures"] == [{"name": "Dice", "value": 0.8, "n": 20}]
    assert asked("verify", "ours", "--hashes") == (
        STAGED, {"models": [{"id": "ours", "whole": True, "figures": [], "reason": ""}]}
    )  # fmt: skip


def test_a_model_may_be_given_another_id(asked: Callable[..., tuple[int, Any]], given: Path, home: Path) -> None:
    assert asked("add", given, "--id", "theirs")[1]["model"]["id"] == "theirs"
    assert (home / "models" / "theirs" / "net.onnx").is_file()


def test_the_region_that_a_model_was_trained_on_may_be_told(
    asked: Callable[..., tuple[int, Any]], given: Path, home: Path
) -> None:
    assert asked("add", given, "--region", "thorax")[1]["model"]["region"] == "thorax"
    assert read_card(home / "models" / "ours" / "card.toml").region == "thorax"


def test_figures_of_other_makers_are_said_not_to_be_measured(
    asked: Callable[..., tuple[int, Any]], given: Path
) -> None:
    asked("add", given)
    status, answer = asked("verify", "ours")
    assert status == PART_FAILED
    assert "its maker's" in answer["models"][0]["reason"]


def broken_toml(given: Path) -> None:
    (given / "card.toml").write_text("id = ")


def changed_byte(given: Path) -> None:
    (given / "net.onnx").write_bytes(b"Weights")


def missing_weights(given: Path) -> None:
    (given / "net.onnx").unlink()


def id_with_path(given: Path) -> None:
    text = (given / "card.toml").read_text()
    (given / "card.toml").write_text(text.replace('id = "ours"', 'id = "../ours"'))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (broken_toml, "not TOML"),
        (changed_byte, "were altered"),
        (missing_weights, "are missing"),
        (id_with_path, "found '../ours'"),
    ],
)
def test_what_cannot_be_added_is_bad_input(
    asked: Callable[..., tuple[int, Any]], given: Path, home: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(given)
    status, answer = asked("add", given)
    assert status == BAD_INPUT
    assert said in answer["error"]["message"]
    assert not list((home / "models").glob("*"))


@pytest.mark.parametrize("arguments", [("show", "nope"), ("verify", "nope"), ("train", "nope")])
def test_an_unknown_id_is_bad_input_that_names_those_there_are(
    asked: Callable[..., tuple[int, Any]], arguments: tuple[str, ...]
) -> None:
    status, answer = asked(*arguments)
    assert status == BAD_INPUT
    assert "neck-involvement" in answer["error"]["message"]


def test_a_byte_changed_later_fails_verify_and_doctor(
    asked: Callable[..., tuple[int, Any]], given: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked("add", given)
    (home / "models" / "ours" / "net.onnx").write_bytes(b"Weights")
    status, answer = asked("verify", "ours")
    assert (status, answer["models"][0]["whole"]) == (ROWS_FAILED, False)
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert "weights not whole" in found["models"]["ours"]
    assert "weights whole" in found["models"]["neck-involvement"]
    assert "were altered" in found["problems"]["model ours"]


def test_doctor_names_a_broken_card(
    asked: Callable[..., tuple[int, Any]], given: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked("add", given)
    broken_toml(home / "models" / "ours")
    assert main(["doctor", "--json"]) == PART_FAILED
    assert "ours/card.toml is not TOML" in json.loads(capsys.readouterr().out)["problems"]["model ours"]


def test_a_model_that_its_licence_rules_out_is_listed_as_not_used(
    asked: Callable[..., tuple[int, Any]], given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMDT_MODEL_USE", "commercial")
    settings.cache_clear()
    asked("add", given)
    used = {row["id"]: row["used"] for row in asked("list")[1]["models"]}
    assert used["ours"] is False
    assert used["neck-involvement"] is True


@pytest.mark.slow
def test_the_neck_model_has_the_figures_that_its_card_says(
    asked: Callable[..., tuple[int, Any]], shared_data: Path
) -> None:
    status, answer = asked("verify", "neck-involvement", "--data", shared_data)
    assert status == STAGED
    assert len(answer["models"][0]["figures"]) == 24
    assert all(figure["agrees"] for figure in answer["models"][0]["figures"])


def test_without_its_tables_the_neck_model_is_not_called_measured(
    asked: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    status, answer = asked("verify", "neck-involvement", "--data", tmp_path)
    assert status == PART_FAILED
    assert "lydata" in answer["models"][0]["reason"]


@pytest.mark.parametrize(
    ("now", "agrees"),
    [
        (Figure("AUC", 0.81, "", 100, 0.78, 0.84), True),
        (Figure("AUC", 0.70, "", 100, 0.66, 0.74), False),
        (Figure("AUC", 0.74, "", 8, 0.60, 0.88), True),
    ],
)
def test_a_figure_is_off_when_neither_interval_holds_the_other(now: Figure, agrees: bool) -> None:
    stated = Figure("AUC", 0.80, "", 100, 0.77, 0.83)
    card = replace(ADDED, figures=(stated,))
    assert compare(card, [now]) == [Comparison(stated, now)]
    assert compare(card, [now])[0].agrees is agrees
    assert not compare(card, [])[0].agrees


def test_training_on_tables_gives_the_shipped_model(
    asked: Callable[..., tuple[int, Any]], shared_data: Path, tmp_path: Path
) -> None:
    status, _ = asked("train", "neck-involvement", "--data", shared_data, "--out", tmp_path / "out")
    assert status == STAGED
    shipped, trained = (load(folder / "neck-involvement.json") for folder in (WEIGHTS, tmp_path / "out"))
    rows = judged(read_tables(shared_data / "lydata")).rows[::100]
    assert predict(trained, rows) == pytest.approx(predict(shipped, rows), abs=0.01)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_network_is_trained_on_patients_made_for_it_and_continued(
    asked: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    wanted = ("train", "lesion-abdomen", "--patients", 1, "--minutes", 0.02, "--out", tmp_path / "out")
    assert asked(*wanted)[0] == STAGED
    checkpoint = tmp_path / "out" / "lesion-abdomen.checkpoint.pt"
    first = checkpoint.stat().st_mtime_ns
    assert asked(*wanted[:5], 0.04, *wanted[6:])[0] == STAGED
    assert checkpoint.stat().st_mtime_ns > first
    assert asked("add", tmp_path / "out" / "lesion-abdomen", "--id", "ours")[0] == STAGED
