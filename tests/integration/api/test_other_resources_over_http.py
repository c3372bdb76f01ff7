"""Trunks, keys and what else the API has, at a sandbox."""

from typing import Any

import pytest
from pydantic import SecretStr

from flireo_flows.api import byok, domains, organization, sip_trunks, usage, voices
from flireo_flows.api.client import AsyncFlireoClient, FlireoClient
from flireo_flows.api.errors import NotFound, OutcomeUnknown, UnreadableAnswer
from flireo_flows.api.fields import Dialect
from flireo_flows.api.operation import Operation
from flireo_flows.api.sip_trunks import NewSipTrunk
from tests.support.api.speaking import SPEAKERS, MakesSpeaker, account
from tests.support.api.trunk import EACH_DIALECT, SECRET, TRUNK
from tests.support.faulty.server import answer, page, run_faulty
from tests.support.sandbox.running import run_sandbox

BOTH = pytest.mark.parametrize("speaker", SPEAKERS.values(), ids=SPEAKERS.keys())


@EACH_DIALECT
def test_a_key_is_taken_back_with_a_body(dialect: Dialect) -> None:
    assert byok.delete_byok("openai").sends.writes(dialect) == {"provider": "openai"}
    done = answer(200, {"success": True, "byok_keys": {}})
    with run_faulty(done) as server, FlireoClient(account(server.url, dialect=dialect)) as client:
        assert client.send(byok.delete_byok("openai")).configured == frozenset()
    assert server.requests[0].method == "DELETE"
    assert server.requests[0].json() == {"provider": "openai"}
    assert server.requests[0].headers["content-type"] == "application/json"


@BOTH
@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_a_list_of_providers_has_none(speaker: MakesSpeaker, status: int) -> None:
    with run_faulty(page(status)) as server, speaker(account(server.url)) as client:
        assert client.send(byok.get_byok_config()) == ()


# Answers that are nothing of the kind


def sent(asked: Operation[Any], url: str) -> Any:
    """What a server's answer is read as."""
    with FlireoClient(account(url)) as client:
        return client.send(asked)


READING: list[Operation[Any]] = [
    usage.list_usage(),
    sip_trunks.list_sip_trunks(),
    voices.list_voices(),
    byok.get_byok_config(),
    domains.list_resend_domains(),
    domains.get_domain(),
    organization.get_organization(),
]


@pytest.mark.parametrize("asked", READING, ids=lambda asked: asked.name)
def test_an_answer_that_is_no_json_is_the_clients_own_error(asked: Operation[Any]) -> None:
    with run_faulty(page(200)) as server, pytest.raises(UnreadableAnswer):
        sent(asked, server.url)


@pytest.mark.parametrize("body", [5, "text", [5], {"trunk": None}, {"trunk": []}, {"id": None}])
def test_an_answer_to_a_change_that_cannot_be_read_leaves_its_outcome_open(body: Any) -> None:
    with run_faulty(answer(201, body)) as server, pytest.raises(OutcomeUnknown):
        sent(sip_trunks.create_sip_trunk(NewSipTrunk(**TRUNK)), server.url)
    assert len(server.requests) == 1


async def test_a_list_that_is_missing_elsewhere_is_an_error_as_ever() -> None:
    with run_faulty(page(404)) as server:
        async with AsyncFlireoClient(account(server.url)) as client:
            with pytest.raises(NotFound):
                await client.send(voices.list_voices())


# Over a sandbox, from the making to the end


@BOTH
@EACH_DIALECT
def test_what_was_set_up_is_read_back_and_taken_away_again(speaker: MakesSpeaker, dialect: Dialect) -> None:
    with run_sandbox() as sandbox, speaker(account(sandbox.base_url, dialect=dialect)) as client:
        trunk = client.send(sip_trunks.create_sip_trunk(NewSipTrunk(**TRUNK)))
        assert (trunk.name, trunk.address, trunk.auth_username) == ("Trunk", "sip.example.org", "me")
        assert client.send(sip_trunks.get_sip_trunk(trunk.id)) == trunk
        assert trunk in client.send(sip_trunks.list_sip_trunks())
        assert client.send(sip_trunks.delete_sip_trunk(trunk.id))

        assert client.send(domains.get_domain()) is None
        assert "resend" in client.send(byok.add_byok("resend", SecretStr(SECRET))).configured
        assert "resend" in client.send(byok.get_byok()).configured
        made = client.send(domains.add_domain("mail.example.org"))
        assert (made.domain_name, made.is_verified) == ("mail.example.org", False)
        client.send(domains.verify_domain())
        refreshed = client.send(domains.refresh_domain())
        assert client.send(domains.get_domain()) == refreshed
        assert refreshed.id == made.id
        chosen = client.send(domains.list_resend_domains())
        assert chosen.selected_domain_id == made.resend_domain_id
        assert client.send(domains.delete_domain())
        assert "resend" not in client.send(byok.delete_byok("resend")).configured
