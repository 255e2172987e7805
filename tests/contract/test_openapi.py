"""What the services offer is what docs/openapi says: a change of the interface shows in a review."""

from __future__ import annotations

import json

import pytest

from deploy.openapi import FOLDER, SERVICES, drifted


def test_the_documents_say_what_the_code_says() -> None:
    assert drifted() == [], "run `make openapi` and read the difference"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_it_does(service: str) -> None:
    document = json.loads((FOLDER / f"{service}.json").read_text(encoding="utf-8"))
    silent = [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not operation.get("description")
    ]
    assert silent == []


NAMED = {
    "warning": """/v1/stations/{station_id}/readings /v1/stations /v1/notices /v1/fuses /v1/trips /v1/alerts
        /v1/events /v1/inbox /v1/realm""",
    "dispatch": """/v1/token /.well-known/jwks.json /v1/callouts /v1/callouts/{case_id}/board
        /v1/callouts/{case_id}/answers /v1/attempts/{attempt_id}/receipts /v1/orders /v1/orders/{order_id}/sign
        /v1/orders/{order_id}/permit-return /v1/incidents /v1/incidents/{incident_id}/timeline /v1/events /v1/inbox""",
    "resources": """/v1/stock /v1/movements /v1/reservations /v1/readiness /v1/evacuation/plans
        /v1/evacuation/route /conformance /collections /v1/events /v1/inbox""",
}


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_contract_names_is_there(service: str) -> None:
    document = json.loads((FOLDER / f"{service}.json").read_text(encoding="utf-8"))
    assert [path for path in NAMED[service].split() if path not in document["paths"]] == []
