"""Weights files that would run code when they are opened are refused, without opening them.

A pickle may call any function by name. Here its instructions are read, not followed, and every name that it asks for
must be one that tensors, arrays and plain containers need.
"""

from __future__ import annotations

import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from oncology.errors import ModelError

# Suffixes under which torch and others keep pickles.
SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib")
ALLOWED = re.compile(
    r"torch\._utils\._rebuild_\w+|torch\.(\w+Storage|storage\.\w+Storage|Size|device|Tensor|\w*int\d+|\w*float\d+\w*|bool)"
    r"|torch\.nn\.parameter\.Parameter|torch\.serialization\._get_layout|torch\._tensor\._rebuild_from_type_v2"
    r"|collections\.(OrderedDict|defaultdict)|(builtins|__builtin__)\.(set|frozenset|bytearray|complex|dict|list|tuple|int|float|str)"
    r"|numpy\.(dtype|ndarray|float64|float32|int64|int32)|numpy\.dtypes\.\w+|_codecs\.encode"
    r"|numpy\.(_core|core)\.multiarray\.(scalar|_reconstruct)|numpy\.(_core|core)\.numeric\._frombuffer"
)
# torch's older format is several pickles one after the other: magic number, version, machine, content, names.
STREAMS = 5
MEMO_PUT, MEMO_GET = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), ("GET", "BINGET", "LONG_BINGET")
CALLS = ("GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")


def refuse_pickled_code(folder: Path) -> None:
    """Look at every file below a folder that may hold a pickle.

    Raises:
        ModelError: one asks for a name that weights do not need, or cannot be understood.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            name = path.relative_to(folder).as_posix()
            for asked in sorted(names_asked_for(path, name)):
                if not ALLOWED.fullmatch(asked):
                    raise ModelError(
                        f"{name} asks to run {asked!r} when it is opened; expected weights only; save the weights "
                        "alone (a state_dict, TorchScript or ONNX) and add the model again"
                    )


def names_asked_for(path: Path, name: str) -> set[str]:
    """Functions and classes that opening a file would call, as module.name; empty where it holds no pickle."""
    found: set[str] = set()
    try:
        if zipfile.is_zipfile(path):
            _read_archive(path, found)
        elif path.suffix.lower() != ".bin" or _begins_as_pickle(path):
            _read_streams(path, found)
    except (ValueError, IndexError, KeyError, UnicodeDecodeError, zipfile.BadZipFile, EOFError) as error:
        raise ModelError(
            f"{name} is neither whole weights of torch nor another known format; export it anew"
        ) from error
    return found


def _begins_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def _read_archive(path: Path, found: set[str]) -> None:
    with zipfile.ZipFile(path) as archive:
        inside = archive.namelist()
        if any(item.endswith("/constants.pkl") for item in inside):
            return  # TorchScript: its own reader knows no Python names
        for item in inside:
            if item.endswith((".pkl", ".pickle")):
                with archive.open(item) as file:
                    found.update(_globals(file))


def _read_streams(path: Path, found: set[str]) -> None:
    with path.open("rb") as file:
        for place in range(STREAMS):
            try:
                found.update(_globals(file))
            except ValueError:
                if place == 0:
                    raise
                return  # numbers after the last pickle, or the end


def _globals(file: IO[bytes]) -> Iterator[str]:
    """Names by GLOBAL, and by STACK_GLOBAL where its two words come right before; else a question mark: not allowed."""
    words: list[str] = []
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(file):
        if "UNICODE" in opcode.name:
            words.append(str(argument))
        elif opcode.name in MEMO_GET:
            words.append(memo.get(int(argument or 0), "?"))
        elif opcode.name in MEMO_PUT:
            memo[len(memo) if argument is None else int(argument)] = words[-1] if words else "?"
        else:
            if opcode.name in CALLS:
                yield _called(opcode.name, argument, words)
            words = []


def _called(opcode: str, argument: object, words: list[str]) -> str:
    if opcode in ("GLOBAL", "INST"):
        return str(argument).replace(" ", ".")
    return ".".join(words[-2:]) if opcode == "STACK_GLOBAL" and len(words) > 1 else "?"
