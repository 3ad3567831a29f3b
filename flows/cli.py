"""The command line. Each command's module is imported only when it is called: `aimdt tnm` never loads Prefect."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from oncology.errors import AimdtError, InputError, StepError

STAGED, ROWS_FAILED, BAD_INPUT, PART_FAILED = 0, 1, 2, 3
COMMANDS = {
    "stage": ("flows.commands.stage", "stage one patient from CT, PET and record"),
    "demo": ("flows.commands.demo", "stage a synthetic patient and say where the report lies"),
    "listen": ("flows.commands.listen", "receive DICOM; stage every study that is complete"),
    "synth": ("flows.commands.synth", "make synthetic patients: DICOM, FHIR, truth.json"),
    "evaluate": ("flows.commands.evaluate", "stage synthetic patients and say how often the stage is right"),
    "tnm": ("flows.commands.tnm", "answer files of TNM facts, or print a table"),
    "cases": ("flows.commands.cases", "list the cases of this machine"),
    "show": ("flows.commands.show", "show one case"),
    "review": ("flows.commands.review", "accept, reject, correct and add findings of a case"),
    "restage": ("flows.commands.restage", "stage a case anew from its findings and edits, at once"),
    "sign": ("flows.commands.sign", "sign a reviewed case, amend or withdraw a signed one"),
    "publish": ("flows.commands.publish", "send a case's results to the EHR, and show what became of it"),
    "deliver": ("flows.commands.deliver", "send what is due to EHR and PACS, until stopped"),
    "serve": ("flows.commands.serve", "Prefect server, deployments and worker on this machine"),
    "export": ("flows.commands.export", "one zip with everything that produced a case"),
    "erase": ("flows.commands.erase", "remove a case for good, leaving a tombstone"),
    "account": ("flows.commands.account", "who may review and sign on this installation"),
    "keys": ("flows.commands.keys", "signing keys by which the EHR knows this installation"),
    "audit": ("flows.commands.audit", "show and verify the audit of a case"),
    "replay": ("flows.commands.replay", "repeat an analysis and compare its findings byte for byte"),
    "models": ("flows.commands.models", "list, show, add, verify and train models"),
    "doctor": ("flows.commands.doctor", "print settings and say what this machine lacks"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.

    0: done, also when facts are missing; 1: some rows of a batch failed; 2: bad input; 3: a part failed.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="aimdt", description="Clinical TNM staging for tumor boards. Research use only, not a medical device."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if given[:1] == [name]:
            importlib.import_module(module).add_arguments(command)
    options = parser.parse_args(given)
    logging.raiseExceptions = False  # a log handler that fails prints the exception being handled, words and all
    try:
        status: int = importlib.import_module(COMMANDS[options.command][0]).run(options)
    except AimdtError as error:
        return _report(error, as_json=getattr(options, "json", False))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away: nothing to complain of
        return STAGED
    except Exception as error:  # noqa: BLE001  a foreign message may name the patient, and logs keep what they are told
        return _report(_unforeseen(error), as_json=getattr(options, "json", False))
    return status


def _unforeseen(error: Exception) -> StepError:
    """The failure by type and place; the whole story stays in the home folder."""
    from tasks.settings import settings  # not needed by commands that go well and want no home

    path = settings().home / "unforeseen.traceback"
    path.write_text("".join(traceback.format_exception(error)))
    path.chmod(0o600)
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
    return StepError(f"{where}; {path.name} in AIMDT_HOME holds the traceback (it may name the patient)")


def _report(error: AimdtError, *, as_json: bool) -> int:
    status = BAD_INPUT if isinstance(error, InputError) else PART_FAILED
    if as_json:
        sys.stdout.write(json.dumps({"error": {"kind": type(error).__name__, "message": str(error)}}) + "\n")
    else:
        sys.stderr.write(f"aimdt: {error}\n")
    return status


def existing_path(text: str) -> Path:
    """An argparse type: a path that exists (the message does not repeat it: folder names may name patients)."""
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError("there is no such file or folder")
    return path.resolve()


if __name__ == "__main__":
    sys.exit(main())
