"""Another maker's program, run so that it can be stopped, goes nowhere, and says no more than it should.

It gets a folder to work in, none of this software's secrets, and a proxy that leads nowhere: a model that is incomplete
fails here instead of being fetched from elsewhere, and no usage is reported to anybody.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from oncology.errors import ModelError, ModelMemoryError

# What a program may know of its surroundings; passwords and addresses of this software are not among it.
KEPT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
)
NOWHERE = "http://127.0.0.1:9"  # the port named "discard"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
TIMEOUT_S = 3600.0
LAST_LINES, LINE_LENGTH, TAIL_BYTES = 3, 200, 8192
PATH_LIKE = re.compile(r"(?:[A-Za-z]:(?=[\\/]))?[^\s'\"<>|:,;()\[\]=]*[\\/][^\s'\"<>|:,;()\[\]]*")
WORDS = "tool-words.txt"


def tool_python(variable: str, package: str) -> Path:
    """The Python of the environment that another maker's package is installed in.

    Raises:
        ModelError: it is not said, or not there.
    """
    named = os.environ.get(variable, "")
    if not named:
        raise ModelError(
            f"{package} runs in an environment of its own and {variable} is not set; install {package} into a virtual "
            f"environment and set {variable} to that environment's python"
        )
    python = Path(named).expanduser().absolute()  # not resolved: a virtual environment's python is a link
    if not python.is_file():
        raise ModelError(f"{variable} names no file; set it to the python of an environment that has {package}")
    return python


def tool_command(python: Path, command: str, package: str) -> str:
    """A program that a package installed beside its python.

    Raises:
        ModelError: it is not there.
    """
    for candidate in (python.parent / command, python.parent / f"{command}.exe"):
        if candidate.is_file():
            return str(candidate)
    raise ModelError(f"{command} is not in the environment that is named for {package}; install {package} into it")


def tool_environment(scratch: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment variables of such a program."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    quiet = {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": scratch}
    return kept | quiet | dict.fromkeys(PROXIES, NOWHERE) | dict(extra or {})


def run_tool(
    model: str,
    command: Sequence[str],
    work: Path,
    *,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Run a program to its end in `work`; it and its children are stopped when it takes too long.

    Raises:
        ModelMemoryError: it was killed, and not by this software.
        ModelError: it could not start, failed (with its last words, without paths), or took too long.
    """
    words = work / WORDS
    # Not below `work`: the sockets between a program's processes need a short path.
    with words.open("wb") as file, tempfile.TemporaryDirectory(prefix="aimdt-") as scratch:
        process = _start(model, command, work, file, tool_environment(scratch, environment))
        code = _wait(process, model, timeout_s)
    if code < 0:
        raise ModelMemoryError(killed_words(model, code))
    if code != 0:
        raise ModelError(f"model {model} failed with code {code}; its program's last words: {last_words(words)}")


def killed_words(model: str, code: int) -> str:
    """What is said of a program that a signal ended.

    Args:
        code: as `subprocess` gives it, below 0.

    >>> killed_words("tried", -9)
    'tried was killed (signal 9), as systems do where memory runs out: stage fewer cases at once'
    """
    return f"{model} was killed (signal {-code}), as systems do where memory runs out: stage fewer cases at once"


def _start(
    model: str, command: Sequence[str], work: Path, words: IO[bytes], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            cwd=work,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise ModelError(
            f"the program of model {model} cannot be started: {error.strerror}; install it anew"
        ) from error


def _wait(process: subprocess.Popen[bytes], model: str, timeout_s: float) -> int:
    try:
        return process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"model {model} did not answer within {timeout_s:.0f} s and was stopped") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def last_words(path: Path) -> str:
    """The last lines that a program wrote; paths, which may carry names, are blacked out."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    said = [line.strip() for line in lines if line.strip()][-LAST_LINES:]
    return " | ".join(without_paths(line)[:LINE_LENGTH] for line in said) or "none"


def without_paths(text: str) -> str:
    """The text with everything that looks like a path replaced.

    >>> without_paths("cannot read '/data/Doe_Jane/ct.nii.gz': no such file")
    "cannot read '<path>': no such file"
    """
    return PATH_LIKE.sub("<path>", text)
