"""What a MONAI bundle's configuration may do here: name known transforms, networks and inferers, and do sums.

A bundle is a program written as JSON: `_target_` calls anything that Python can import, and text that begins with `$`
is run as Python. Only the sections that inference needs are taken, and whatever else they try is refused by name.
Source: MONAI bundle specification and configuration syntax, 1.x.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from oncology.errors import ModelError

NETWORK, PREPROCESSING, INFERER, POSTPROCESSING = "network_def", "preprocessing", "inferer", "postprocessing"
REFERENCE = re.compile(r"@(\w+)((?:(?:#|::)\w+)*)")
TARGET = re.compile(
    r"(?:(?P<place>monai\.transforms|monai\.networks|monai\.inferers|torch\.nn)(?:\.\w+)*\.)?(?P<name>\w+)"
)
# Classes that read, write, fetch or call what they are told.
REFUSED = re.compile(r"(Load|Save|Write|Lambda|RandLambda|TorchVision|HoverNet|MILModel|Download)\w*|\w*(IO|Writer)d?")
# Readers and writers: the scan is handed over, and the answer taken, without files.
LEFT_OUT = re.compile(r"(?:monai\.transforms\.(?:\w+\.)*)?(LoadImage|SaveImage)(d|D|Dict)?")
MODES = ("default", "callable", "partial")
# What an expression may call or name besides numbers, text, lists and references.
NAMES = ("torch.device", "torch.cuda.is_available", "torch.float32", "torch.float", "torch.uint8", "torch.long")
CALLS = (
    "torch.device",
    "torch.cuda.is_available",
    "int",
    "float",
    "bool",
    "len",
    "tuple",
    "list",
    "min",
    "max",
    "round",
)
NODES = (
    *(ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Load, ast.Name, ast.Attribute, ast.Call),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.UnaryOp, ast.USub, ast.Not),
    *(ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.IfExp),
    *(ast.Subscript, ast.Slice),
)
REFERRED = "_referred_"
SIMPLE_TEXT = 400  # characters of an expression
DEPTH = 40


def inference_config(config: Mapping[str, Any], *, scripted: bool) -> dict[str, Any]:
    """The sections that inference needs and what they refer to, checked.

    Args:
        config: configs/inference.json.
        scripted: the network comes as TorchScript and its definition is not needed.

    Raises:
        ModelError: a section is missing, or does what is not allowed.
    """
    sections = _sections(config, scripted)
    taken: dict[str, Any] = {"device": "cpu"}
    waiting = list(sections.items())
    while waiting:
        name, content = waiting.pop()
        taken[name] = _without_files(content)
        _check(taken[name], name, 0)
        for text in _texts(taken[name]):
            for reference in REFERENCE.finditer(text):
                if reference[1] not in taken and all(reference[1] != key for key, _ in waiting):
                    waiting.append((reference[1], _referred(config, sections, reference[1])))
    return taken


def _sections(config: Mapping[str, Any], scripted: bool) -> dict[str, Any]:
    wanted = (PREPROCESSING, INFERER, POSTPROCESSING) + (() if scripted else (NETWORK,))
    found = {}
    for name in wanted:
        content = config.get(name)
        if name == NETWORK and not isinstance(content, dict):
            content = config.get("network")
        if not isinstance(content, dict) or "_target_" not in content:
            raise ModelError(f"inference.json of the MONAI bundle has no section {name} with a _target_; add it")
        found[name] = content
    return found


def _referred(config: Mapping[str, Any], sections: Mapping[str, Any], name: str) -> Any:
    if name in sections:
        return sections[name]
    if name not in config:
        raise ModelError(f"inference.json of the MONAI bundle refers to {name!r}, which it does not have")
    return config[name]


def _without_files(content: Any) -> Any:
    """The section without transforms that read or write files."""
    if not isinstance(content, dict) or not isinstance(content.get("transforms"), list):
        return content
    kept = [item for item in content["transforms"] if not _reads_or_writes(item)]
    return {**content, "transforms": kept}


def _reads_or_writes(item: Any) -> bool:
    return isinstance(item, dict) and bool(LEFT_OUT.fullmatch(str(item.get("_target_", ""))))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _check(value: Any, where: str, depth: int) -> None:
    if depth > DEPTH:
        raise ModelError(f"inference.json of the MONAI bundle is nested too deeply at {where}")
    if isinstance(value, dict):
        _check_component(value, where)
        for key, item in value.items():
            _check(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check(item, f"{where}.{number}", depth + 1)
    elif isinstance(value, str):
        _check_text(value, where)


def _check_component(value: Mapping[str, Any], where: str) -> None:
    if "_mode_" in value and value["_mode_"] not in MODES:
        raise ModelError(f"the MONAI bundle sets _mode_ at {where} to {value['_mode_']!r}; expected one of {MODES}")
    if "_target_" in value:
        target_name(value["_target_"], where)


def target_name(target: object, where: str) -> str:
    """The class's own name, of a target that is allowed.

    Raises:
        ModelError: it is none of MONAI's transforms, networks and inferers, or one that reads, writes or calls.
    """
    found = TARGET.fullmatch(target) if isinstance(target, str) else None
    if found is None or REFUSED.fullmatch(found["name"]) or "_" in found["name"][:1]:
        raise ModelError(
            f"the MONAI bundle calls {str(target)[:80]!r} at {where}; expected transforms, networks and inferers of "
            "monai, or layers of torch.nn, that touch no files"
        )
    return found["name"]


def _check_text(text: str, where: str) -> None:
    if text.startswith("%"):
        raise ModelError(f"the MONAI bundle takes in another file at {where}; write its content out")
    if text.startswith("$"):
        check_expression(text[1:], where)


def check_expression(text: str, where: str) -> None:
    """Refuse an expression that does more than sums, choices and naming a device.

    Raises:
        ModelError: it does.
    """
    plain = REFERENCE.sub(REFERRED, text)
    try:
        tree = ast.parse(plain, mode="eval") if len(text) <= SIMPLE_TEXT else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None or not all(_allowed(node) for node in ast.walk(tree)):
        raise ModelError(
            f"the MONAI bundle runs code at {where}: {text[:80]!r}; expected numbers, lists, references and "
            "torch.device only; write the value out in inference.json"
        )


def _allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in CALLS and not node.keywords
    if isinstance(node, ast.Attribute):
        return any(name == ast.unparse(node) or name.startswith(f"{ast.unparse(node)}.") for name in NAMES)
    if isinstance(node, ast.Name):
        return node.id in ("torch", REFERRED, *CALLS)
    return isinstance(node, NODES)
