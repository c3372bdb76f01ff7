"""Something else than the API answers: another path, a portal, a gateway, a server that redirects."""

import pickle
from typing import Any

import pytest

from flireo_flows.api import errors
from flireo_flows.api.agent_config import AgentSettings
from flireo_flows.api.agents import get_agent, list_agents, update_agent
from flireo_flows.api.calls import create_outbound_call, get_call, list_calls
from flireo_flows.api.client import FlireoClient
from flireo_flows.api.operation import Operation
from flireo_flows.api.organization import get_organization
from tests.support.api.speaking import RING_ANNA, SPEAKERS, MakesSpeaker, account
from tests.support.faulty.server import Act, answer, page, run_faulty

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())
READS: list[Operation[Any]] = [get_agent("a"), list_agents(), list_calls(), get_call("c"), get_organization()]
CHANGES = update_agent("a", AgentSettings(name="Sanne"))
PLACES_CALL = create_outbound_call(RING_ANNA)
SECRET = "token=correct-horse"


def send(asked: Operation[Any], url: str) -> Any:
    with FlireoClient(account(url)) as client:
        return client.send(asked)


def redirect(status: int, location: str) -> Act:
    return answer(status, None, {"Location": location})


FOREIGN: dict[str, tuple[Act, str]] = {
    "HTML with 404": (page(404, "<html>Not found</html>"), "A web page answered"),
    "HTML with 200": (page(200, "<!doctype html><title>Sign in to WiFi</title>"), "A web page answered"),
    "HTML after blanks": (page(200, "\n  <html></html>"), "A web page answered"),
    "HTML with 403": (page(403), "A web page answered"),
    "HTML with 401": (page(401), "A web page answered"),
    "HTML with 405": (page(405), "A web page answered"),
    "XML": (page(404, "<?xml version='1.0'?><Error/>"), "A web page answered"),
    "JSON of another server": (
        answer(404, {"detail": "Not Found"}),
        "A server answered that does not know the path",
    ),
    "a list with 404": (answer(404, []), "A server answered that does not know the path"),
    "to https": (redirect(301, f"https://api.test/api/v1?{SECRET}"), "redirects to https://api.test"),
    "for good": (redirect(308, f"https://api.test/{SECRET}"), "redirects to https://api.test"),
    "for now": (redirect(302, f"https://me:{SECRET}@portal.test/login"), "redirects to https://portal.test"),
    "to a path": (redirect(307, f"/login?{SECRET}"), "redirects to another path"),
}
EACH = pytest.mark.parametrize(("act", "words"), FOREIGN.values(), ids=FOREIGN.keys())


@BOTH
@EACH
def test_a_reading_reports_that_the_address_is_not_the_apis(
    speaker: MakesSpeaker, act: Act, words: str
) -> None:
    with run_faulty(act) as server, speaker(account(server.url)) as client:
        for asked in READS:
            with pytest.raises(errors.FlireoError) as refused:
                client.send(asked)
            error = refused.value
            assert error.is_foreign
            assert words in str(error)
            assert (
                "check the base URL (FLIREO_BASE_URL, or the field base_url of the flireo-credentials"
                in str(error)
            )
            assert "correct-horse" not in f"{error} {error!r}"
            again = pickle.loads(pickle.dumps(error))
            assert (str(again), again.is_foreign) == (str(error), True)
    assert len(server.requests) == len(READS)  # asking again helps nothing


@BOTH
@EACH
def test_a_call_that_something_else_answered_may_have_been_placed(
    speaker: MakesSpeaker, act: Act, words: str
) -> None:
    failed = pytest.raises(errors.FlireoError)
    with run_faulty(act) as server, speaker(account(server.url)) as client, failed as unclear:
        client.send(PLACES_CALL)
    # A 404 in JSON is what the contract documents, whoever sends it: the path for calls is not there.
    is_documented = "does not know the path" in words and b"detail" in act.sends
    assert type(unclear.value) is (errors.NotFound if is_documented else errors.OutcomeUnknown)
    assert words in str(unclear.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
@pytest.mark.parametrize("content", ["<html>no</html>", "no", "[]", '"no"', "{"])
def test_a_refusal_of_a_call_proves_something_only_in_the_apis_own_form(status: int, content: str) -> None:
    with run_faulty(page(status, content)) as server, pytest.raises(errors.OutcomeUnknown):
        send(PLACES_CALL, server.url)
    for body in ({"error": "no"}, {"error": {"code": "x", "message": "no"}}, {"message": "no"}, {}, None):
        with (
            run_faulty(answer(status, body)) as server,
            SPEAKERS["FlireoClient"](account(server.url)) as client,
            pytest.raises(errors.FlireoError) as refused,
        ):
            client.send(PLACES_CALL)
        assert type(refused.value) is errors.BY_STATUS[status]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(status: int) -> None:
    with run_faulty(answer(200, {"success": True, "call_id": "call-1"})) as other:
        act = redirect(status, f"{other.url}/api/v1/calls/outbound")
        with run_faulty(act) as server:
            for asked in (PLACES_CALL, CHANGES):
                with pytest.raises(errors.OutcomeUnknown):
                    send(asked, server.url)
    assert other.requests == []


@pytest.mark.parametrize(
    "act",
    [
        answer(404, {"error": "Not found"}),
        answer(404, {"error": {"code": "not_found", "message": "no such agent"}}),
        answer(404, {"message": "Not found"}),
        answer(404),
        answer(404, {}),
        answer(403, {"error": "Forbidden", "message": "no"}),
    ],
)
def test_the_apis_own_refusals_are_its_own(act: Act) -> None:
    own = (errors.NotFound, errors.PermissionDenied)
    with run_faulty(act) as server, pytest.raises(own) as refused:
        send(get_agent("a"), server.url)
    assert not refused.value.is_foreign and "FLIREO_BASE_URL" not in str(refused.value)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_gateway_in_trouble_is_asked_again(status: int) -> None:
    with run_faulty([page(status), answer(200, {"agent": {"id": "a"}})]) as server:
        assert send(get_agent("a"), server.url).id == "a"
    assert len(server.requests) == 2
