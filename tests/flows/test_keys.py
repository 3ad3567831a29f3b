"""`aimdt keys`: what the EHR's administrator needs, and nothing that must stay here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows import cli


def keys(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["keys", *arguments]) == cli.STAGED
    return capsys.readouterr().out


def test_keys_are_rotated_and_only_their_public_halves_are_printed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (keys(capsys, "add", "--algorithm", name).strip() for name in ("RS384", "ES384"))
    published = json.loads(keys(capsys, "jwks"))["keys"]
    assert {item["kid"] for item in published} == {old, new}
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for item in published for name in item}
    keys(capsys, "retire", old)
    assert [line.split()[:2] for line in keys(capsys, "list").splitlines()] == [[new, "ES384"]]
    assert [path.stat().st_mode & 0o077 for path in (home / "keys").iterdir()] == [0]


def test_retiring_a_key_that_is_not_there_is_bad_input(home: Path) -> None:
    assert cli.main(["keys", "retire", "no-such-key"]) == cli.BAD_INPUT
