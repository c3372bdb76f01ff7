"""Usage, trunks, voices, own keys and the organization, in every shape that the sources show."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from flireo_flows.api import byok, domains, organization, sip_trunks, usage, voices
from flireo_flows.api.errors import InvalidInput
from flireo_flows.api.fields import Dialect
from flireo_flows.api.sip_trunks import NewSipTrunk, SipTrunk
from tests.support.api.trunk import EACH_DIALECT, SECRET, TRUNK
from tests.support.document import body_schema, promised

# Usage


@pytest.mark.parametrize(
    ("body", "seconds", "agent"),
    [
        ({"logs": [{"id": "u", "duration_seconds": 84}]}, 84, None),
        ({"usage": [{"id": "u", "duration_sec": 84}]}, 84, None),
        ({"logs": [{"id": "u", "duration_seconds": None, "duration_sec": 84, "agent_name": "A"}]}, 84, "A"),
        ({"logs": [{"id": "u", "assistant_name": "A"}]}, None, "A"),
        ([{"id": "u", "duration_sec": "long"}], None, None),
    ],
)
def test_every_form_of_a_usage_record_is_read(body: Any, seconds: float | None, agent: str | None) -> None:
    (log,) = usage.list_usage().reads(body).logs
    assert (log.id, log.duration_seconds, log.agent_name, log.cost) == ("u", seconds, agent, None)


def test_a_usage_record_keeps_all_that_is_documented() -> None:
    record = {
        "id": "u",
        "call_id": "call-1",
        "duration_seconds": 84,
        "minutes_used": 2,
        "cost": 0.1,
        "number_id": "number-1",
        "phone_number": "+447700900001",
        "business_name": "B",
        "call_type": "phone",
        "created_at": "2026-01-10T09:02:31.000Z",
    }
    (log,) = usage.list_usage().reads({"logs": [record]}).logs
    assert (log.call_id, log.minutes_used, log.cost, log.call_type) == ("call-1", 2, 0.1, "phone")
    assert log.created_at == datetime(2026, 1, 10, 9, 2, 31, tzinfo=UTC)
    assert log.model_extra == {}


@pytest.mark.parametrize(
    ("summary", "read"),
    [
        ({"total_minutes": 2, "total_cost": 0.1, "total_calls": 1}, (1, None, 2, 0.1)),
        ({"total_seconds": 84, "total_minutes": 1.4, "total_cost": 0.1}, (None, 84, 1.4, 0.1)),
        (
            {"total_calls": 1, "total_duration_seconds": 84, "total_duration_minutes": 1.4},
            (1, 84, 1.4, None),
        ),
        ({"total_calls": "one"}, (None, None, None, None)),
        (None, (None, None, None, None)),
        ([1], (None, None, None, None)),
    ],
)
def test_every_form_of_the_sums_is_read(summary: Any, read: tuple[Any, ...]) -> None:
    sums = usage.list_usage().reads({"logs": [], "summary": summary, "pagination": {"total": 0}}).summary
    assert (sums.total_calls, sums.total_seconds, sums.total_minutes, sums.total_cost) == read


def test_usage_is_asked_for_by_page_and_time() -> None:
    asked = usage.list_usage(5, 10, datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 1, 11, tzinfo=UTC))
    assert asked.target(Dialect.FLIREO) == (
        "/usage?limit=5&offset=10&start_date=2026-01-10T00%3A00%3A00.000Z&end_date=2026-01-11T00%3A00%3A00.000Z"
    )
    known = {parameter["name"] for parameter in promised()["list_usage"][2]["parameters"]}
    assert asked.sends.query.keys() == known
    assert asked.reads({"logs": [], "pagination": {"total": 42}}).total == 42
    assert asked.reads({"logs": []}).total is None


@pytest.mark.parametrize(
    ("dialect", "written"),
    [
        (
            Dialect.FLIREO,
            {"name": "Trunk", "host": "sip.example.org", "port": 5080, "username": "me", "password": SECRET},
        ),
        (
            Dialect.HMSOVEREIGN,
            {
                "name": "Trunk",
                "provider": "example",
                "address": "sip.example.org",
                "auth_username": "me",
                "auth_password": SECRET,
                "transport": "tls",
            },
        ),
    ],
)
def test_a_trunk_is_written_as_the_dialect_has_it(dialect: Dialect, written: dict[str, Any]) -> None:
    assert sip_trunks.create_sip_trunk(NewSipTrunk(**TRUNK)).sends.writes(dialect) == written
    schema = body_schema("create_sip_trunk")
    assert schema is not None
    schema.validate(sip_trunks.create_sip_trunk(NewSipTrunk(**TRUNK)).sends.writes(Dialect.FLIREO))


@pytest.mark.parametrize(
    ("dialect", "written"),
    [
        (Dialect.FLIREO, {"name": "Trunk", "host": "sip.example.org", "username": "me"}),
        (Dialect.HMSOVEREIGN, {"name": "Trunk", "address": "sip.example.org", "auth_username": "me"}),
    ],
)
def test_a_trunk_may_be_given_by_the_names_of_the_first_dialect(
    dialect: Dialect, written: dict[str, Any]
) -> None:
    given: Any = {"name": "Trunk", "host": "sip.example.org", "username": "me"}
    assert sip_trunks.create_sip_trunk(given).sends.writes(dialect) == written


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"name": ""}, "trunk.name"),
        ({"address": ""}, "trunk.address"),
        ({"port": 0}, "trunk.port"),
        ({"port": 65536}, "trunk.port"),
    ],
)
def test_what_cannot_be_right_about_a_trunk_is_named(wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sip_trunks.create_sip_trunk({**TRUNK, **wrong})  # type: ignore[arg-type]
    assert refused.value.param == param
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("record", "address", "username"),
    [
        ({"id": "t", "host": "h", "port": 5060, "username": "me"}, "h", "me"),
        ({"id": "t", "address": "h", "auth_username": "me", "host": None}, "h", "me"),
        ({"id": "t", "address": None, "host": "h"}, "h", None),
        ({"id": "t", "outbound_address": "h"}, "h", None),
        ({"id": "t", "address": 5, "port": "many"}, None, None),
    ],
)
@pytest.mark.parametrize("envelope", ["trunk", "sip_trunk", ""])
def test_every_form_of_a_trunk_is_read(
    record: dict[str, Any], address: str | None, username: str | None, envelope: str
) -> None:
    body = {envelope: record} if envelope else record
    trunk: SipTrunk = sip_trunks.get_sip_trunk("t").reads(body)
    assert (trunk.id, trunk.address, trunk.auth_username) == ("t", address, username)
    many = {f"{envelope}s": [record]} if envelope else [record]
    assert sip_trunks.list_sip_trunks().reads(many) == [trunk]


# Voices and own keys


def test_a_voice_is_read() -> None:
    record = {"id": "nl_NL-pim-medium", "name": "Pim", "language": "nl", "description": {"en": "calm"}}
    listed = voices.list_voices().reads({"voices": [record], "xai_voices": [{"id": "ara"}]})
    assert [(one.id, one.language, one.description["en"]) for one in listed] == [
        ("nl_NL-pim-medium", "nl", "calm")
    ]
    (odd,) = voices.list_voices().reads([{"id": "v", "description": "calm", "name": None}])
    assert (odd.id, odd.name, odd.description) == ("v", "", {})


@EACH_DIALECT
def test_a_key_goes_into_the_request_and_nowhere_else(dialect: Dialect) -> None:
    asked = byok.add_byok("openai", SecretStr(SECRET))
    body = asked.sends.writes(dialect)
    assert body == {"provider": "openai", "api_key": SECRET}
    schema = body_schema("add_byok")
    assert schema is not None
    schema.validate(body)
    assert SECRET not in f"{asked!r} {asked.sends!r}"


@pytest.mark.parametrize(
    ("make", "param"),
    [
        (lambda: byok.add_byok("", SecretStr(SECRET)), "provider"),
        (lambda: byok.add_byok("openai", SecretStr("")), "api_key"),
        (lambda: byok.delete_byok(""), "provider"),
        (lambda: domains.add_domain(""), "domain_name"),
        (lambda: domains.sync_resend_domain(""), "resend_domain_id"),
        (lambda: sip_trunks.get_sip_trunk(".."), "trunk_id"),
    ],
)
def test_an_argument_that_is_empty_is_named(make: Any, param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        make()
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (
            {"success": True, "byok_keys": {"openai_secret_id": "v", "xai_secret_id": None}},
            {"openai": "v", "xai": None},
        ),
        ({"openai_secret_id": "v", "updated_at": "x"}, {"openai": "v"}),
        ({"byok_keys": {}}, {}),
        ({"byok_keys": None}, {}),
        (None, {}),
    ],
)
def test_every_form_of_the_keys_is_read(body: Any, ids: dict[str, str | None]) -> None:
    keys = byok.get_byok().reads(body)
    assert keys.secret_ids == ids
    assert keys.configured == {provider for provider, secret_id in ids.items() if secret_id}


def test_a_provider_is_read_with_its_models() -> None:
    record = {
        "id": "deepgram",
        "name": "Deepgram",
        "category": "stt",
        "docsUrl": "https://example.org",
        "models": [{"id": "nova-3-general", "default": True}],
    }
    (provider,) = byok.get_byok_config().reads({"providers": [record]})
    assert (provider.id, provider.docs_url) == ("deepgram", "https://example.org")
    assert (provider.models[0].id, provider.models[0].default) == ("nova-3-general", True)


# The organization


@pytest.mark.parametrize("envelope", ["organization", "account", ""])
@pytest.mark.parametrize("name", ["name", "company_name"])
def test_every_form_of_the_organization_is_read(envelope: str, name: str) -> None:
    record = {
        "id": "o",
        name: "Example",
        "email": "info@example.org",
        "minutes_balance": 500.5,
        "active_calls": 2,
        "has_local_models_access": True,
        "parent_org_id": "p",
        "children": [{"id": "c", "company_name": "Child"}],
        "credits_balance": 5,
        "plan": "basic",
        "created_at": "2026-01-10T09:02:31.000Z",
    }
    read = organization.get_organization().reads({envelope: record} if envelope else record)
    assert (read.id, read.name, read.minutes_balance, read.active_calls) == ("o", "Example", 500.5, 2)
    assert (read.parent_org_id, read.plan, read.credits_balance) == ("p", "basic", 5)
    assert [child.name for child in read.children] == ["Child"]
    assert organization.get_organization().reads({"minutes_balance": None}).minutes_balance is None
