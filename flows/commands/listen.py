"""`aimdt listen`: a DICOM receiver; every study that is complete is staged."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pydicom.config

from flows.cli import PART_FAILED, STAGED, existing_path
from flows.commands.listen_staging import StagingPlan, take
from mdt_dicom.association import LOCAL_ONLY, Tls, parse_peer, parse_rule, parse_title
from mdt_dicom.completeness_version import answer_of, incomplete_report, version_numbers
from mdt_dicom.completeness_watch import Patience, StudyWatch, UnfinishedStudy
from mdt_dicom.dicomweb import DicomWeb, WebSettings
from mdt_dicom.dicomweb_pull import pull
from mdt_dicom.receiver import Receiver, ReceiverSettings
from mdt_dicom.receiver_commitment import Commitments, CommitmentSettings
from mdt_dicom.receiver_store import Incoming
from oncology.cancers.protocol import cancer, cancer_keys
from oncology.errors import AimdtError, InputError
from tasks import received
from tasks.settings import settings

log = logging.getLogger("aimdt.listen")
# Their messages may quote what peers send, or URLs with a patient's number.
QUIETED = ("pynetdicom", "pydicom", "urllib3", "requests", "dicomweb_client", "httpx", "httpcore")
PULL_FORM = "expected accession=NUMBER or patient=ID in every line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `aimdt listen`."""
    parser.add_argument("--port", type=int, default=11112, help="port to listen on (default: 11112)")
    parser.add_argument("--host", default="0.0.0.0", metavar="ADDRESS", help="address to listen on (default: all)")
    parser.add_argument(
        "--ae-title",
        action="append",
        metavar="TITLE[=KEY]",
        help="AE title to answer to, and the cancer of what is sent there; may be given again (default: AIMDT)",
    )
    parser.add_argument(
        "--cancer", metavar="KEY", help=f"of AE titles that name none; one of: {', '.join(cancer_keys())}"
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="TITLE[@ADDRESS]",
        help="who may send: AE title, address or network (@10.1.0.0/16), or both; may be given again "
        "(default: this machine alone)",
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="TITLE@HOST:PORT",
        help="where an application that asks for storage commitment listens; may be given again",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where results go (default: results in AIMDT_HOME)")
    parser.add_argument("--status", action="store_true", help="print what was received, and do not listen")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line for every study")
    _add_security(parser)
    _add_patience(parser)
    _add_sources(parser)


def _add_security(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("TLS (PEM files)")
    group.add_argument("--tls-certificate", type=existing_path, metavar="FILE")
    group.add_argument("--tls-key", type=existing_path, metavar="FILE")
    group.add_argument(
        "--tls-authorities", type=existing_path, metavar="FILE", help="only clients they signed may send"
    )


def _add_patience(parser: argparse.ArgumentParser) -> None:
    usual, group = Patience(), parser.add_argument_group("when a study is complete (seconds without a new object)")
    group.add_argument("--quiet", type=float, default=usual.quiet_s, metavar="S", help="when declared counts are met")
    group.add_argument(
        "--quiet-undeclared", type=float, default=usual.undeclared_quiet_s, metavar="S", help="when none is declared"
    )
    group.add_argument(
        "--give-up", type=float, default=usual.give_up_s, metavar="S", help="until an incomplete one is reported"
    )


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what belongs to a study")
    group.add_argument(
        "--fhir-url", metavar="URL", help="FHIR R4 server; the patient is found by the images' PatientID"
    )
    group.add_argument(
        "--dicomweb", metavar="URL", help="DICOMweb archive for priors and --pull (AIMDT_DICOMWEB_TOKEN)"
    )
    group.add_argument(
        "--pull",
        type=existing_path,
        metavar="FILE",
        help=f"fetch studies from the archive at the start; {PULL_FORM} (not as arguments: others see those)",
    )
    group.add_argument("--edition", choices=("8", "9"), help="only this edition (default: all of the cancer)")
    group.add_argument("--lang", default="en", metavar="CODE", help="language of the report")


def run(options: argparse.Namespace) -> int:
    """Receive until SIGTERM or Ctrl-C; status 3 when a part of the receiver died."""
    if options.status:
        return _print_status(received.incoming(), as_json=options.json)
    _keep_quiet()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return _listen(options, stop)


def _listen(options: argparse.Namespace, stop: threading.Event) -> int:
    incoming = received.incoming()
    cancers, tls = _cancers(options), _tls(options)
    web = _web(options)
    plan = StagingPlan(
        cancers=cancers,
        out=(options.out or received.results()).resolve(),
        incoming=incoming.root,
        extra=("--lang", options.lang, *(("--edition", options.edition) if options.edition else ())),
        fhir_url=options.fhir_url,
        web=web,
        priors=received.priors(),
        stop=stop,
        told=_teller(as_json=options.json),
    )
    patience = Patience(options.quiet, options.quiet_undeclared, options.give_up)
    watch = StudyWatch(incoming, partial(take, plan), _tell_incomplete, patience, stop=stop)
    commitments = _commitments(options, incoming, tls)
    rules = tuple(parse_rule(text) for text in options.allow) or LOCAL_ONLY
    chosen = ReceiverSettings(tuple(cancers), options.host, options.port, rules, tls)
    receiver = Receiver(incoming, chosen, watch.arrived, commitments)
    pulling = _pulling(options, web, incoming, watch)
    with incoming.locked(), ExitStack() as running:
        for part in (watch, commitments, receiver):
            if part is not None:
                part.start()
                running.callback(part.stop)
        log.info("listening on port %d as %s", receiver.port, ", ".join(cancers))
        if pulling:
            threading.Thread(target=pulling, name="aimdt-pull", daemon=True).start()
        while not stop.wait(1.0):
            if not watch.is_running:
                log.critical("a part of the receiver died; start it again")
                return PART_FAILED
        log.info("stopping")
    return STAGED


def _keep_quiet() -> None:
    """Only our own lines are logged; libraries speak when they fail, and never of values."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for name in QUIETED:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


def _cancers(options: argparse.Namespace) -> dict[str, str]:
    """AE title -> cancer."""
    found = {}
    for text in options.ae_title or ["AIMDT"]:
        title, _, key = text.partition("=")
        key = key or options.cancer
        if not key:
            raise InputError("an AE title has no cancer; give --cancer KEY, or --ae-title TITLE=KEY")
        found[parse_title(title)] = cancer(key).key
    return found


def _tls(options: argparse.Namespace) -> Tls | None:
    given = (options.tls_certificate, options.tls_key)
    if not any(given):
        return None
    if not all(given):
        raise InputError("TLS needs --tls-certificate and --tls-key; one of them was given")
    return Tls(*given, options.tls_authorities)


def _commitments(options: argparse.Namespace, incoming: Incoming, tls: Tls | None) -> Commitments | None:
    peers = [parse_peer(text) for text in options.peer]
    return Commitments(incoming, CommitmentSettings({peer.title: peer for peer in peers}, tls)) if peers else None


def _web(options: argparse.Namespace) -> DicomWeb | None:
    if options.dicomweb is None:
        return None
    token = settings().dicomweb_token
    return DicomWeb(WebSettings(options.dicomweb, token.get_secret_value() if token else None))


def _pulling(
    options: argparse.Namespace, web: DicomWeb | None, incoming: Incoming, watch: StudyWatch
) -> Callable[[], None] | None:
    if options.pull is None:
        return None
    if web is None:
        raise InputError("--pull was given without --dicomweb; name the archive to fetch from")
    queries = [
        _query(number, line) for number, line in enumerate(options.pull.read_text().splitlines(), 1) if line.strip()
    ]
    return partial(_pull_all, queries, web, incoming, watch)


def _query(number: int, line: str) -> tuple[int, dict[str, str]]:
    kind, _, value = (part.strip() for part in line.partition("="))
    names = {"accession": "accession", "patient": "patient_id"}
    if kind not in names or not value:
        raise InputError(f"line {number} of the --pull file cannot be read; {PULL_FORM}")
    return number, {names[kind]: value}


def _pull_all(queries: list[tuple[int, dict[str, str]]], web: DicomWeb, incoming: Incoming, watch: StudyWatch) -> None:
    for number, query in queries:
        try:
            fetched = pull(web, incoming, watch.arrived, **query)
            log.info("line %d of the --pull file: %d studies fetched", number, len(fetched))
        except AimdtError as error:
            log.error("line %d of the --pull file: %s", number, error)


def _teller(*, as_json: bool) -> Callable[[dict[str, Any]], None]:
    def tell(outcome: dict[str, Any]) -> None:
        if as_json:
            sys.stdout.write(json.dumps(outcome) + "\n")
            sys.stdout.flush()
        label = f"study {outcome['study'][:12]} version {outcome['version']}"
        if "case_id" in outcome:
            log.info("%s is case %s, results in %s", label, outcome["case_id"], outcome["out"])
        else:
            log.warning("%s was not staged: %s", label, outcome.get("error") or outcome.get("skipped"))

    return tell


def _tell_incomplete(study: UnfinishedStudy) -> None:
    log.warning("study %s is incomplete, %d objects came: %s", study.key[:12], study.objects, "; ".join(study.missing))


def _print_status(incoming: Incoming, *, as_json: bool) -> int:
    """One line for every study that was received."""
    for study in incoming.studies():
        versions = version_numbers(incoming, study)
        answers = [answer_of(incoming.root / study / "versions" / str(number)) for number in versions]
        content = {
            "study": study,
            "objects": len(incoming.names(study)),
            "versions": len(versions),
            "waiting": sum(answer is None for answer in answers),
            "missing": list(incomplete_report(incoming, study)),
            "last": next((answer for answer in reversed(answers) if answer), None),
        }
        sys.stdout.write((json.dumps(content) if as_json else _status_line(content)) + "\n")
    return STAGED


def _status_line(content: dict[str, Any]) -> str:
    last = content["last"] or {}
    state = f"case {last['case_id']}" if "case_id" in last else last.get("error") or last.get("skipped") or "growing"
    if content["waiting"]:
        state = "waits for staging"
    if content["missing"]:
        state = f"incomplete: {'; '.join(content['missing'])}"
    return f"{content['study']}  {content['objects']} objects  {content['versions']} versions  {state}"
