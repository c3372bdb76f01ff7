"""Schemathesis asks the sandbox all that the vendor's contract (tests/support/openapi.yaml) lets a client ask.

With every check that schemathesis has for a single request: no 5xx; status, headers, content type and body (with
its formats) as documented; what breaks a schema refused; what keeps to it accepted, but for the fields in
`_CHECKED_FURTHER`; methods that do not exist answered with 405. Its checks of sequences
(use after free, and the like) need links that the document does not have: the tests of each resource do that.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import count
from typing import Any, Final
from zlib import crc32

import pytest
import requests
import schemathesis
from fastapi.routing import APIRoute
from schemathesis import Case, CheckFunction, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi import checks

from flireo_flows.sandbox import SandboxOutcome, SandboxSettings
from flireo_flows.sandbox.routes import ROUTERS
from tests.support.document import openapi
from tests.support.sandbox.contract import check
from tests.support.sandbox.running import ANNA, RunningSandbox, run_sandbox, until

_KEY: Final = "contract-key"
_MOMENT: Final = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}


def _document() -> dict[str, Any]:
    """The contract, and what docs/contract.md, which it must follow, says beyond it."""
    document = deepcopy(openapi())
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        # It stands for 5xx, which no request may cause, and would make every other status a documented one.
        del operation["responses"]["default"]
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in ("start_date", "end_date"):
                parameter["schema"] = _MOMENT  # contract section 9.1
            if parameter["name"] == "limit":
                del parameter["schema"]["maximum"]  # contract section 4: clamped
    for name in ("CampaignCreate", "CampaignUpdate"):
        template = document["components"]["schemas"][name]["properties"]["system_message_template"]
        template["type"] = ["string", "null"]  # contract section 17.1
    return document


_DOCUMENT: Final = _document()

schema = schemathesis.openapi.from_dict(
    deepcopy(_DOCUMENT),
    config=schemathesis.Config.from_dict(
        {
            "seed": 1,
            "cache": {"enabled": False},
            "generation": {
                "deterministic": True,
                "database": "none",
                "max-examples": 10,
                "allow-extra-parameters": False,  # the contract does not say that unknown ones are refused
            },
        }
    ),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    # Everyone answers, and talks for longer than this test runs.
    settings = SandboxSettings(
        rate_limit=0,
        api_keys=frozenset({_KEY}),
        time_scale=1000,
        minutes_balance=1e9,
        outcome_weights={SandboxOutcome.ANSWERED: 1},
        talk_seconds_min=1e6,
        talk_seconds_max=1e6,
    )
    with run_sandbox(settings, key=_KEY) as running:
        running.api.patch("/agents/demo-agent", json={"max_duration_seconds": None}).raise_for_status()
        running.api.post("/byok", json={"provider": "resend", "api_key": "re_any"}).raise_for_status()
        yield running


def _made(sandbox: RunningSandbox, path: str, **body: Any) -> str:
    (made,) = sandbox.api.post(path, json=body).raise_for_status().json().values()
    return str(made["id"])


def _campaign(sandbox: RunningSandbox) -> str:
    return _made(sandbox, "/campaigns", name="One", agent_id="demo-agent", leads=[{"phone_number": ANNA}])


_LINES: Final = count()


def _number(sandbox: RunningSandbox) -> str:
    return _made(sandbox, "/numbers", phone_number=f"+44207946{next(_LINES):04}")


def _running_call(sandbox: RunningSandbox) -> str:
    call_id: str = sandbox.place().json()["call_id"]
    until(lambda: sandbox.call(call_id)["status"] == "in-progress")
    return call_id


_MAKERS: Final[Mapping[str, Callable[[RunningSandbox], str]]] = {
    "agents": lambda sandbox: _made(sandbox, "/agents", name="One"),
    "tool-templates": lambda sandbox: _made(
        sandbox, "/tool-templates", name="One", tool_type="endCall", tool_config={}
    ),
    "numbers": _number,
    "calls": _running_call,
    "sip-trunks": lambda sandbox: _made(sandbox, "/sip-trunks", name="One", host="sip.example.org"),
    "analysis-templates": lambda sandbox: _made(sandbox, "/analysis-templates", name="One", schema={}),
    "campaigns": _campaign,
}


# What the sandbox checks beyond the schema of a body, by the field that its 400 names.
_CHECKED_FURTHER: Final[Mapping[str, str]] = {
    "tool_config": "its shape follows tool_type (contract section 7)",
    "agent_config": "speech and voice follow the provider of the model (contract section 9.3)",
    "agent_id": "must exist, and be active before a campaign is scheduled",
    "transfer_trunk_id": "must exist",
    "status": "moves by a table (contract section 17.1)",
    "schedule_start_time": "an hour of the day, not 99:99",
    "schedule_end_time": "an hour of the day, not 99:99",
    "timezone": "an IANA name",
    "destination": "of a transfer: a phone number or a SIP URI (contract section 10)",
    "host": "not empty",
    "api_key": "not empty",
    "provider": "the name of one",
    "domain_name": "the name of one",
    "notification_email": "schemathesis takes an empty text for an address",
    "webhook_url": "schemathesis takes an empty text for a URI",
}


@schema.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether a failure is one: a body that the schema allows may be refused for what is listed above."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    param: str = response.json()["error"].get("param", "")
    return param.split(".", 1)[0] not in _CHECKED_FURTHER


def _unfit_checks(case: Case[Any]) -> list[CheckFunction]:
    """Checks that are not made: of the key, which repeats every request twice and has a test of its own here."""
    unfit: list[CheckFunction] = [checks.ignored_auth]
    if case.operation.definition.raw["operationId"] == "list_campaign_leads":
        # The document has no 400 for it, so it ignores what makes no page.
        unfit.append(checks.negative_data_rejection)
    return unfit


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as kept:
        kept.trust_env = False  # no proxy
        yield kept


@schema.parametrize()
def test_no_request_is_answered_in_a_way_that_the_contract_does_not_document(
    case: Case[Any], sandbox: RunningSandbox, session: requests.Session
) -> None:
    _name_something_real(case, sandbox)
    case.call_and_validate(
        base_url=sandbox.base_url,
        session=session,
        headers={"Authorization": f"Bearer {_KEY}"},
        excluded_checks=_unfit_checks(case),
    )


def _name_something_real(case: Case[Any], sandbox: RunningSandbox) -> None:
    """Put the id of something that exists in the path, in three of four cases: most made-up ids are no one's."""
    if case.path.startswith("/domains"):
        sandbox.api.post("/domains", json={"domain_name": "mail.example.com"})  # 409: it is there already
    elif case.path == "/byok":
        sandbox.api.post("/byok", json={"provider": "openai", "api_key": "sk-any"})
    made_up = case.path_parameters.get("id")
    if made_up is None or (case.meta and case.meta.is_negative_at(ParameterLocation.PATH)):
        return
    if crc32(str(made_up).encode()) % 4:
        case.path_parameters["id"] = real = _MAKERS[case.path.split("/")[1]](sandbox)
        if "lead_id" in case.path_parameters:
            (lead,) = sandbox.api.get(f"/campaigns/{real}/leads").json()["leads"]
            case.path_parameters["lead_id"] = lead["id"]


def _operations() -> list[tuple[str, str, str]]:
    paths = _DOCUMENT["paths"].items()
    return [(one["operationId"], verb, path) for path, item in paths for verb, one in item.items()]


@pytest.mark.parametrize(("operation_id", "verb", "path"), _operations())
def test_every_operation_of_the_contract_has_a_route_of_its_name(
    operation_id: str, verb: str, path: str
) -> None:
    routes = {
        (route.name, method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert (operation_id, verb.upper(), path) in routes


@pytest.mark.parametrize(("operation_id", "verb", "path"), _operations())
def test_nothing_is_answered_without_the_key(
    sandbox: RunningSandbox, operation_id: str, verb: str, path: str
) -> None:
    for header in ("", "Bearer", "Bearer another-key", f"Basic {_KEY}", _KEY):
        answer = sandbox.api.request(verb, path, headers={"Authorization": header}, json={})
        assert answer.status_code == 401
        assert check(operation_id, answer)["error"] == "Unauthorized"


@pytest.mark.parametrize(("operation_id", "verb", "path"), [row for row in _operations() if "{id}" in row[2]])
def test_an_unknown_id_is_nobodys(sandbox: RunningSandbox, operation_id: str, verb: str, path: str) -> None:
    answer = sandbox.api.request(verb, path.format(id="nobody", lead_id="nobody"), json={"name": "Two"})
    assert answer.status_code == 404
    assert check(operation_id, answer)["error"]["code"] == "not_found"
