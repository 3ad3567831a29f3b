"""What makes a function a step of a case: a Prefect task that is never repeated while its answer still holds."""

from __future__ import annotations

import functools
import hashlib
import json
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from oncology.errors import AimdtError, InputError, StepError
from tasks.case_files import CaseFiles, Outputs
from tasks.settings import settings

IO_RETRIES = 2
IO_RETRY_SECONDS = 2


Final = Callable[[CaseFiles], bool]


def step(
    version: str, *, io: bool = False, final: Final = lambda _case: True
) -> Callable[[Callable[..., Outputs]], Any]:
    """Turn `function(case_id, ...) -> Outputs` into a task.

    Its answer is kept under a key of the case, the step, the step's version and every argument; arguments are
    the outputs (names and hashes) of earlier steps and plain parameters, so the key follows content. An answer whose
    files are gone or altered, or that was cut off while being written, is dropped and the step runs again.

    Args:
        version: raise it when the step's result would differ for equal arguments.
        io: the step talks to disks or servers and may be tried again; computing is never retried.
        final: whether the answer that lies there may stand; where another run might do better it may not.
    """

    def key(context: TaskRunContext, arguments: Mapping[str, Any]) -> str:
        return _storage_key(context.task.name, version, arguments, final)

    def decorate(function: Callable[..., Outputs]) -> Any:
        name = function.__name__.replace("_", "-")
        return task(
            name=name,
            cache_key_fn=key,
            persist_result=True,
            result_serializer="json",
            retries=IO_RETRIES if io else 0,
            retry_delay_seconds=IO_RETRY_SECONDS,
            retry_condition_fn=_worth_retrying,
        )(_discreet(name, _timed(name, function)))

    return decorate


def once(function: Callable[..., Any], *, io: bool = False) -> Any:
    """Turn `function(case_id, ...)` into a task whose answer is not kept: it runs whenever it is called.

    Args:
        io: as for `step`.
    """
    name = function.__name__.replace("_", "-")
    return task(
        name=name,
        persist_result=False,
        retries=IO_RETRIES if io else 0,
        retry_delay_seconds=IO_RETRY_SECONDS,
        retry_condition_fn=_worth_retrying,
    )(_discreet(name, function))


def once_io(function: Callable[..., Any]) -> Any:
    """`once` for what talks to disks or records and may be tried again; a decorator."""
    return once(function, io=True)


def forget_exceptions(_flow: Any, _run: Any, _state: Any) -> None:
    """Hook at a flow's end: Prefect keeps the exception of whatever failed in a file beside the cases' folders.

    Nobody reads it, and erasing a case would not erase it.
    """
    for path in (settings().home / "cases").iterdir():
        if path.is_file():
            path.unlink(missing_ok=True)


# What every flow of a case is given: @flow(..., **AT_END).
AT_END = {f"on_{end}": [forget_exceptions] for end in ("completion", "failure", "crashed", "cancellation")}


def _timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, leaving how long it took in the case's timings/ (no result: it differs from run to run)."""

    @functools.wraps(function)
    def timed(case_id: str, *arguments: Any, **options: Any) -> Any:
        begun = time.perf_counter()
        outputs = function(case_id, *arguments, **options)
        folder = CaseFiles(case_id).root / "timings"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{time.perf_counter() - begun:.3f}")
        return outputs

    return timed


def _discreet(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose failures and libraries' warnings carry no words that could name the patient."""

    @functools.wraps(function)
    def discreet(case_id: str, *arguments: Any, **options: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # libraries' warnings quote values, names of patients among them
                return function(case_id, *arguments, **options)
        except AimdtError as error:
            raise error from None  # its own words name nobody; those of what caused it may
        except Exception as error:  # noqa: BLE001  raised again, without its words
            raise _without_words(CaseFiles(case_id), name, error) from None

    return discreet


def _without_words(case: CaseFiles, name: str, error: Exception) -> StepError:
    """The failure by type and place. Foreign messages may hold paths or values that name the patient, and Prefect keeps
    what it is told: the whole story stays in the case's private folder."""
    (case.private / f"{name}.traceback").write_text("".join(traceback.format_exception(error)))
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return StepError(f"{type(error).__name__} at {where} in step {name}; the case's private folder holds the traceback")


def _storage_key(name: str, version: str, arguments: Mapping[str, Any], final: Final) -> str:
    content = json.dumps([name, version, dict(arguments)], sort_keys=True, default=str)
    case = CaseFiles(arguments["case_id"])
    key = f"results/{name}-{hashlib.sha256(content.encode()).hexdigest()[:32]}"
    stored = case.root / key
    if stored.is_file() and not (_still_holds(case, stored.read_bytes()) and final(case)):
        stored.unlink(missing_ok=True)
    return f"{case.case_id}/{key}"


def _still_holds(case: CaseFiles, stored: bytes) -> bool:
    try:
        outputs = json.loads(json.loads(stored)["result"])
    except (ValueError, KeyError, TypeError):
        return False
    return isinstance(outputs, dict) and case.holds(outputs)


def _worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Bad input stays bad; a busy server or disk may not."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, InputError)
