"""No key and no full phone number in anything that is shown, stored or sent on."""

import copy
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flireo_flows.api import errors
from flireo_flows.api.agents import Agent
from flireo_flows.api.calls import Call
from flireo_flows.api.campaigns import CampaignLead, NewCampaignLead
from flireo_flows.api.client import Account, AsyncFlireoClient, FlireoClient
from flireo_flows.api.errors import FlireoError
from flireo_flows.api.numbers import PhoneNumber
from flireo_flows.api.redaction import mask_phone, redact
from tests.support.api.shown import shown
from tests.support.api.speaking import ANNA, KEY, RING_ANNA, account

ERRORS = [FlireoError, *FlireoError.__subclasses__()]


def test_a_key_is_shown_by_nothing_that_holds_it() -> None:
    mine = account("https://flireo.test")
    with FlireoClient(mine) as client:
        held = [mine, client, client.pacing, AsyncFlireoClient(mine)]
        assert not [one for one in held if KEY in f"{one!r} {one} {one!s}"]


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy])
def test_an_account_does_not_leave_the_process(take: Callable[[Account], object]) -> None:
    with pytest.raises(TypeError, match="make it where it is used") as refused:
        take(account("https://flireo.test"))
    assert KEY not in shown(refused.value)


def test_a_webhook_secret_is_not_shown_with_its_agent() -> None:
    agent = Agent(id="agent-1", webhook_secret="whsec_correcthorse")
    assert "correcthorse" not in f"{agent!r} {agent}"


def reported(kind: type[FlireoError]) -> FlireoError:
    return kind("get_call", "GET /calls/{id}", 499, "odd", "the words", "name", "req-1", 2.5)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_survives_the_way_to_another_process(kind: type[FlireoError]) -> None:
    for error in (reported(kind), kind("get_call", "GET /calls/{id}"), kind("x", "GET /", text="y" * 1000)):
        copied = pickle.loads(pickle.dumps(error))
        assert type(copied) is kind
        assert (str(copied), repr(copied), vars(copied)) == (str(error), repr(error), vars(error))


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind is not errors.InvalidInput])
def test_every_error_has_the_servers_words(kind: type[FlireoError]) -> None:
    start = "Flireo GET /calls/{id}: 499 odd: the words (field name) [request req-1]."
    assert str(reported(kind)) == f"{start} {kind.remedy}".rstrip()


def test_an_error_has_advice_only_where_it_helps() -> None:
    refused = errors.NotSent("get_call", "GET /calls/{id}", text="ConnectError")
    late = errors.TooLate("get_call", "GET /calls/{id}", text="ConnectError")
    assert "FLIREO_BASE_URL" in str(refused)
    assert "FLIREO_BASE_URL" not in str(late)


@given(st.text(), st.text(), st.text())
def test_an_error_is_the_same_after_the_way_whatever_its_text(words: str, code: str, param: str) -> None:
    error = errors.BadRequest("get_call", "GET /calls/{id}", 400, code, words, param)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


SEPARATORS = st.sampled_from(["", " ", "-", ".", "/", " (0) ", "\u00a0", "\u2011"])
AROUND = st.sampled_from(["", " ", "_", "-", "x", "call-_", "%2B", "tel:", '"', "=", "2026-01-10 ", "to+"])


@given(
    country=st.integers(1, 998),
    groups=st.lists(st.text("0123456789", min_size=2, max_size=3), min_size=4, max_size=4),
    prefix=st.sampled_from(["+", "00", ""]),
    separator=SEPARATORS,
    before=AROUND,
    after=AROUND,
)
def test_no_number_is_shown_however_it_is_written(
    country: int, groups: list[str], prefix: str, separator: str, before: str, after: str
) -> None:
    national = "".join(groups)
    text = redact(f"no {before}{prefix}{country}{separator}{separator.join(groups)}{after} there")
    digits = "".join(character for character in text if character.isdigit())
    assert national not in digits
    assert national[: len(national) - 2] not in digits.removeprefix("20260110")


@pytest.mark.parametrize(
    "text",
    [
        "agent 17a0cb75-fa09-4bdd-9a44-426614174000 not found",
        "ended at 2026-01-10 09:02:31.123 already",
        "ended at 2026-01-10T09:02:31.000Z already",
        "from 2026-01-10 to 2026-01-31",
        "limit must be 1 to 1000, not 1234567",
        "Too many requests, retry in 42 seconds.",
    ],
)
def test_what_helps_and_is_no_ones_number_is_kept(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("call +447700900001 now", "call +44********01 now"),
        ("call 07700 900 001", "call 077******01"),
        ("call 2026-01-10 447700900001", "call 2026-01-10 447*******01"),
        ("0612-34-56-78", "061*****78"),
        ("Niue: +6834000", "Niue: +68***00"),
        ("id call-_+447700900001_abc", "id call-_+44********01_abc"),
        ("%2B447700900001", "%2B447*******01"),
        ("key fl_live_abc123, secret whsec_def456, Bearer xyz-9", "key ***, secret ***, ***"),
    ],
)
def test_what_is_left_of_a_number_or_a_key(text: str, left: str) -> None:
    assert redact(text) == left


@given(st.text(max_size=2000))
def test_a_redacted_text_is_short_and_stays_as_it_is(text: str) -> None:
    once = redact(text)
    assert len(once) <= 303
    assert redact(once) == once


@pytest.mark.parametrize(
    ("phone", "left"),
    [("+31612345678", "+31*******78"), ("", ""), ("123456", "******"), ("1234567", "123**67")],
)
def test_a_masked_number_shows_its_country_and_its_last_two_digits(phone: str, left: str) -> None:
    assert mask_phone(phone) == left


def test_objects_of_the_api_are_printed_without_a_full_number() -> None:
    people = [
        Call(
            id=f"call-_{ANNA}_a", caller_phone=ANNA, summary=f"Rang {ANNA}.", analysis_result={"back": ANNA}
        ),
        PhoneNumber(id="n", phone_number=ANNA),
        CampaignLead(id="l", phone_number=ANNA, variables={"phone": ANNA}),
        NewCampaignLead(phone_number=ANNA),
        RING_ANNA,
    ]
    for one in people:
        assert ANNA[1:] not in f"{one!r} {one}"
        assert "+44*" in repr(one) or one is RING_ANNA
