"""The FHIR client against a small real HTTP server in a thread."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from mdt_fhir import record_writer as write
from mdt_fhir.client import ClientSettings, fetch_record, retry_after
from oncology.errors import RecordError

Answer = tuple[int, dict[str, str], Any]
PATIENT = write.patient(
    "p1", mrn="M1", issuer="http://h.example", family="Doe", given="Jo", sex="male", birth_date="1955-06-07"
)


class Ehr:
    """A FHIR server whose behavior a test sets; it remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.answer: Callable[[str, dict[str, list[str]]], Answer] = lambda path, query: (404, {}, None)
        self.base = ""

    def page(self, *resources: Any, following: str | None = None) -> Answer:
        link = [{"relation": "next", "url": following}] if following else []
        entries = [{"resource": item} for item in resources]
        return 200, {}, {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries}


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    state = Ehr()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlparse(self.path)
            state.asked.append(self.path)
            state.tokens.append(self.headers.get("Authorization"))
            status, headers, body = state.answer(url.path.removeprefix("/fhir/"), parse_qs(url.query))
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.base = f"http://127.0.0.1:{server.server_port}/fhir"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


def settings(waits: list[float] | None = None, **more: Any) -> ClientSettings:
    return ClientSettings(sleep=(waits if waits is not None else []).append, timeout_s=2.0, **more)


def test_everything_is_read_over_all_pages_with_the_token(ehr: Ehr) -> None:
    def answer(path: str, query: dict[str, list[str]]) -> Answer:
        if "page" in query:
            return ehr.page(write.ecog("o2", "p1", 1, None))
        return ehr.page(PATIENT, write.ecog("o1", "p1", 1, None), following=f"{ehr.base}/Patient/p1/$everything?page=2")

    ehr.answer = answer
    record = fetch_record(ehr.base, "p1", settings(token="secret"))
    assert [entry.key for entry in record.entries] == ["Patient/p1", "Observation/o1", "Observation/o2"]
    assert ehr.tokens == ["Bearer secret", "Bearer secret"]


def test_without_everything_each_type_is_searched_with_its_includes(ehr: Ehr) -> None:
    def answer(path: str, query: dict[str, list[str]]) -> Answer:
        if path == "Patient/p1":
            return 200, {}, PATIENT
        if path == "Observation":
            return ehr.page(write.ecog("o1", query["patient"][0], 1, None))
        if path == "BodyStructure":
            return (
                404,
                {},
                {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-supported"}]},
            )
        return (404, {}, None) if "everything" in path else ehr.page()

    ehr.answer = answer
    record = fetch_record(ehr.base, "p1", settings())
    assert [entry.key for entry in record.entries] == ["Patient/p1", "Observation/o1"]
    assert any("MedicationRequest" in path and "_include=MedicationRequest%3Amedication" in path for path in ehr.asked)


@pytest.mark.parametrize(("status", "advice"), [(401, "token"), (403, "may not read"), (410, "deleted"), (500, "500")])
def test_a_refusal_is_explained_without_the_servers_words(ehr: Ehr, status: int, advice: str) -> None:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login", "diagnostics": "Jo Doe"}],
    }
    ehr.answer = lambda path, query: (status, {}, outcome)
    with pytest.raises(RecordError, match=advice) as caught:
        fetch_record(ehr.base, "p1", settings())
    assert "error: login" in str(caught.value)
    assert "Doe" not in str(caught.value)


def test_an_unknown_patient_is_named_as_such(ehr: Ehr) -> None:
    with pytest.raises(RecordError, match="no such patient"):
        fetch_record(ehr.base, "p9", settings())


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_after_the_time_it_names(ehr: Ehr, status: int) -> None:
    answers = iter([(status, {"Retry-After": "7"}, None), (status, {}, None), ehr.page(PATIENT)])
    ehr.answer = lambda path, query: next(answers)
    waits: list[float] = []
    assert fetch_record(ehr.base, "p1", settings(waits)).patient.key == "Patient/p1"
    assert waits == [7.0, 2.0]


def test_a_server_that_stays_busy_is_given_up(ehr: Ehr) -> None:
    ehr.answer = lambda path, query: (503, {}, None)
    with pytest.raises(RecordError, match="503"):
        fetch_record(ehr.base, "p1", settings(retries=2))
    assert len(ehr.asked) == 3


def test_a_wait_beyond_the_limit_is_not_waited(ehr: Ehr) -> None:
    ehr.answer = lambda path, query: (429, {"Retry-After": "3600"}, None)
    with pytest.raises(RecordError, match="3600"):
        fetch_record(ehr.base, "p1", settings())


def test_an_address_without_server_is_named_after_the_retries() -> None:
    waits: list[float] = []
    with pytest.raises(RecordError, match="did not answer"):
        fetch_record("http://127.0.0.1:9/fhir", "p1", settings(waits, retries=2))
    assert waits == [1.0, 2.0]


def test_a_next_page_on_another_origin_is_refused(ehr: Ehr) -> None:
    ehr.answer = lambda path, query: ehr.page(PATIENT, following="http://elsewhere.example/fhir?page=2")
    with pytest.raises(RecordError, match="another origin"):
        fetch_record(ehr.base, "p1", settings(token="secret"))


def test_pages_in_a_circle_end(ehr: Ehr) -> None:
    ehr.answer = lambda path, query: ehr.page(PATIENT, following=f"{ehr.base}/Patient?page=1")
    with pytest.raises(RecordError, match="circle"):
        fetch_record(ehr.base, "p1", settings())


@pytest.mark.parametrize("body", [b"<html>login</html>", b'{"resourceType": "Bundle", ', {"resourceType": "Patient"}])
def test_an_answer_that_is_no_bundle_is_refused(ehr: Ehr, body: Any) -> None:
    ehr.answer = lambda path, query: (200, {}, body)
    with pytest.raises(RecordError):
        fetch_record(ehr.base, "p1", settings())


def test_a_patient_id_cannot_leave_its_place_in_the_url(ehr: Ehr) -> None:
    with pytest.raises(RecordError):
        fetch_record(ehr.base, "../admin?x=1", settings())
    assert all(path.startswith("/fhir/Patient/..%2Fadmin%3Fx%3D1") for path in ehr.asked)


@pytest.mark.parametrize("url", ["ftp://h/fhir", "hospital", ""])
def test_an_address_that_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(RecordError, match="http"):
        fetch_record(url, "p1", settings())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, seconds: float | None) -> None:
    now = datetime.datetime(2026, 10, 21, 7, 28, 0, tzinfo=datetime.UTC)
    assert retry_after(header, now) == seconds


def test_a_token_is_never_printed() -> None:
    assert "secret" not in repr(ClientSettings(token="secret"))
