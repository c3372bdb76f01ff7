"""JSON of any shape, without its secrets and phone numbers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.api.redaction import cut_off, is_secret, levels_of, masked, secrets_in, without_secrets

PHONE = "+447700900123"
SECRET_NAMES = (
    "webhook_secret", "webhookSecret", "secret", "password", "auth_password", "api_key", "apiKey", "APIKey",
    "api-key", "access_token", "Authorization", "openai_secret_id", "private_key",
)  # fmt: skip
PLAIN_NAMES = ("max_tokens", "keyterms", "key", "name", "monkey_business", "secretary", "tokens_used")

names = st.text(min_size=1, max_size=8)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_shows_that_its_value_is_a_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_name_that_only_looks_like_one_does_not(name: str) -> None:
    assert not is_secret(name)


def test_secrets_are_removed_at_any_depth_and_nothing_else_changes() -> None:
    answer = {
        "agent": {"id": "a", "webhook_secret": "hush", "tools": [{"server": {"url": "u", "secret": "hush"}}]},
        "byok_keys": {"openai_secret_id": None, "deepgram_secret_id": "vault-1"},
        "phone_number": PHONE,
    }
    assert without_secrets(answer) == {
        "agent": {"id": "a", "webhook_secret": "***", "tools": [{"server": {"url": "u", "secret": "***"}}]},
        "byok_keys": {"openai_secret_id": None, "deepgram_secret_id": "***"},
        "phone_number": PHONE,
    }


def test_numbers_and_tokens_are_masked_wherever_they_stand() -> None:
    answer = {
        "calls": [{"id": f"call-_{PHONE}_1", "said": f"Call {PHONE} with fl_live_abc, or 00447700900123"}],
        PHONE: 447700900123,
        "total": 12,
        "at": "2026-01-09T10:00:00.000Z",
        "share": 0.5,
        "on": True,
        "none": None,
    }
    text = json.dumps(masked(answer))
    assert "7700900" not in text and "fl_live" not in text
    assert masked(answer)["total"] == 12 and masked(answer)["at"] == "2026-01-09T10:00:00.000Z"
    assert masked(answer)["on"] is True and masked(answer)["share"] == 0.5


def test_where_a_secret_stands_in_clear_is_reported_by_its_path() -> None:
    body = {
        "name": "x",
        "llm_config": {"tools": [{"server": {"secret": "hush"}}]},
        "api_key": "",
        "token": None,
    }
    assert list(secrets_in(body)) == ["llm_config.tools.0.server.secret"]


@given(anything, anything)
def test_no_json_is_too_odd_and_no_secret_is_left_in_it(odd: object, other: object) -> None:
    shown = json.dumps(masked({"odd": odd, "deep": [{"password": "c0ffeec0ffee", "other": other}]}))
    assert "c0ffeec0ffee" not in shown


def test_what_is_deeper_than_anyone_can_walk_is_measured_and_cut_off() -> None:
    deep = json.loads('{"a":[' * 450 + "1" + "]}" * 450)
    for _ in range(100_000):
        deep = [deep]
    assert levels_of(deep) == 100_901
    assert cut_off({"a": [{"b": 1}, 2], "c": {}}, 2) == {"a": [], "c": {}}
    assert levels_of(cut_off(deep, 50)) == 50
