"""What a row asks for beside its number: agent, language, caller id, client, last moment, consent."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.leads import (
    Consent,
    Lead,
    LeadFileError,
    LeadFormat,
    RejectCode,
    Wishes,
    read_leads,
    write_rejects,
)
from flireo_flows.leads.wish_columns import NO_WISHES
from tests.support.leads.fixtures import WriteFile

patient = settings(deadline=None)  # how fast the machine is says nothing
PHONE = "+31201234501"
LONDON = "+442079460101"


def read_one(file: WriteFile, header: str, cell: str, form: LeadFormat | None = None) -> Lead:
    leads = read_leads(file(f"phone;{header}\n{PHONE};{cell}\n"), form or LeadFormat()).leads
    return leads[0]


@pytest.mark.parametrize(
    ("header", "cell", "wishes"),
    [
        ("agent_id", "demo-agent", Wishes(agent_id="demo-agent")),
        ("Assistant ID", "a1", Wishes(agent_id="a1")),
        ("language", "nl", Wishes(language="nl")),
        ("Taal", "Nederlands", Wishes(language="nl")),
        ("Sprache", "Deutsch", Wishes(language="de")),
        ("langue", "Français", Wishes(language="fr")),
        ("language code", "EN_gb", Wishes(language="en-GB")),
        ("taalcode", "zh-hant-tw", Wishes(language="zh-Hant-TW")),
        ("number_id", "num-1", Wishes(number_id="num-1")),
        ("From Number ID", "num-1", Wishes(number_id="num-1")),
        ("caller_number_id", "num-1", Wishes(number_id="num-1")),
        ("opdrachtgever", "Zon BV", Wishes(client="Zon BV")),
        ("Auftraggeber", "Sonne GmbH", Wishes(client="Sonne GmbH")),
        ("consent", "yes", Wishes(consent=Consent(given=True))),
        ("Toestemming", "NEE", Wishes(consent=Consent(given=False))),
        ("Einwilligung", "ja", Wishes(consent=Consent(given=True))),
        ("Consentement", "Oui", Wishes(consent=Consent(given=True))),
        ("opt-in", "0", Wishes(consent=Consent(given=False))),
        ("consent", "TRUE", Wishes(consent=Consent(given=True))),
        ("consent", "", Wishes()),
        ("opt_out", "yes", Wishes(consent=Consent(given=False))),
        ("Do not call", "1", Wishes(consent=Consent(given=False))),
        ("DNC", "TRUE", Wishes(consent=Consent(given=False))),
        ("unsubscribed", "ja", Wishes(consent=Consent(given=False))),
        ("niet bellen", "opt-out", Wishes(consent=Consent(given=False))),
        ("opt_out", "no", Wishes()),
        ("opted out", "", Wishes()),
        ("agent_id", "", Wishes()),
    ],
)
def test_a_column_is_recognised_and_its_cell_read(
    file: WriteFile, header: str, cell: str, wishes: Wishes
) -> None:
    assert read_one(file, header, cell).wishes == wishes


@pytest.mark.parametrize(
    "header", ["agent", "client", "caller_id", "caller", "number", "from", "expires", "status"]
)
def test_a_name_that_may_mean_something_else_is_left_alone(file: WriteFile, header: str) -> None:
    lead = read_one(file, header, "Jan de Vries")
    assert lead.wishes is NO_WISHES
    assert lead.columns[header] == "Jan de Vries"


@pytest.mark.parametrize(
    ("form", "header", "cell", "wishes"),
    [
        (LeadFormat(agent_column="agent"), "Agent", "a1", Wishes(agent_id="a1")),
        (LeadFormat(client_column="client"), "client", "Zon", Wishes(client="Zon")),
        (LeadFormat(number_column="caller id"), "caller_id", "n1", Wishes(number_id="n1")),
        (LeadFormat(agent_column="-"), "agent_id", "Jan de Vries", Wishes()),
        (LeadFormat(consent_column="-"), "consent", "by e-mail", Wishes()),
        (LeadFormat(opt_out_column="-"), "unsubscribed", "2026-01-01", Wishes()),
        (LeadFormat(opt_out_column="stop"), "stop", "y", Wishes(consent=Consent(given=False))),
    ],
)
def test_a_column_can_be_named_or_left_unread(
    file: WriteFile, form: LeadFormat, header: str, cell: str, wishes: Wishes
) -> None:
    assert read_one(file, header, cell, form).wishes == wishes


def test_a_column_named_as_the_clients_is_not_the_leads_name(file: WriteFile) -> None:
    assert read_one(file, "client", "Zon BV").name == "Zon BV"
    assert read_one(file, "client", "Zon BV", LeadFormat(client_column="client")).name == ""


@pytest.mark.parametrize(
    ("header", "form", "words"),
    [
        (
            "agent_id;assistant_id",
            LeadFormat(),
            "'agent_id', 'assistant_id'. Say which one with agent_column.",
        ),
        ("consent;toestemming", LeadFormat(), "Say which one with consent_column."),
        ("consent;opt_in", LeadFormat(), "'consent', 'opt_in'. Say which one with consent_column."),
        ("x;y", LeadFormat(dial_before_column="z"), "There is no column 'z'"),
    ],
)
def test_an_unclear_header_is_refused_with_the_setting_that_mends_it(
    file: WriteFile, header: str, form: LeadFormat, words: str
) -> None:
    with pytest.raises(LeadFileError) as refused:
        read_leads(file(f"phone;{header}\n{PHONE};a;b\n"), form)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("header", "cell", "code"),
    [
        ("agent_id", "Jan de Vries", RejectCode.INVALID_AGENT),
        ("agent_id", "jan@example.org", RejectCode.INVALID_AGENT),
        ("agent_id", "0201234502", RejectCode.INVALID_AGENT),
        ("agent_id", "20-123-450-2", RejectCode.INVALID_AGENT),
        ("opt_out", "since 2026", RejectCode.INVALID_OPT_OUT),
        ("language", "Dutch or so", RejectCode.INVALID_LANGUAGE),
        ("number_id", "+31 20 1234502", RejectCode.INVALID_NUMBER_ID),
        ("number_id", "0201234502", RejectCode.INVALID_NUMBER_ID),
        ("number_id", "my number", RejectCode.INVALID_NUMBER_ID),
        ("consent", "maybe", RejectCode.INVALID_CONSENT),
        ("consent", "x", RejectCode.INVALID_CONSENT),
        ("dial_before", "31/12/2026", RejectCode.INVALID_DIAL_BEFORE),
        ("dial_before", "soon", RejectCode.INVALID_DIAL_BEFORE),
        ("dial_before", "2026-02-30", RejectCode.INVALID_DIAL_BEFORE),
        ("dial_before", "2026-06-30 25:00", RejectCode.INVALID_DIAL_BEFORE),
        ("dial_before", "0001-01-01", RejectCode.INVALID_DIAL_BEFORE),
        ("consent_date", "last year", RejectCode.INVALID_CONSENT_DATE),
        ("consent_until", "1-1-2027", RejectCode.INVALID_CONSENT_UNTIL),
    ],
)
def test_a_cell_no_one_understands_makes_the_row_a_reject(
    file: WriteFile, header: str, cell: str, code: RejectCode
) -> None:
    batch = read_leads(file(f"phone;{header}\n{PHONE};{cell}\n"))
    assert batch.leads == ()
    assert batch.rejects[0].code is code
    assert cell not in batch.rejects[0].message
    assert batch.rejects[0].message.endswith(".")


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-06-30T17:00:00Z", datetime(2026, 6, 30, 17, tzinfo=UTC)),
        ("2026-06-30 17:00+0530", datetime(2026, 6, 30, 11, 30, tzinfo=UTC)),
        ("2026-06-30 17:00", datetime(2026, 6, 30, 15, tzinfo=UTC)),  # Amsterdam in summer
        ("2026-12-31", datetime(2026, 12, 30, 23, tzinfo=UTC)),  # before the day begins there
        ("2026-10-25 02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice that night: the first
        (
            "2026-03-29 02:30",
            datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        ),  # never that night: the earlier reading
    ],
)
def test_the_last_moment_is_read_on_the_leads_own_clock(file: WriteFile, cell: str, moment: datetime) -> None:
    assert read_one(file, "dial_before", cell).wishes.dial_before == moment


def test_a_lead_in_several_zones_has_the_earliest_deadline_of_them(file: WriteFile) -> None:
    batch = read_leads(file("phone,dial_before\n+61491570156,2026-06-30 17:00\n"))
    assert {"Australia/Perth", "Australia/Lord_Howe"} < set(batch.leads[0].zones)
    assert batch.leads[0].wishes.dial_before == datetime(2026, 6, 30, 6, 30, tzinfo=UTC)  # Lord Howe's


def test_a_moment_without_offset_needs_a_zone_that_is_known(file: WriteFile) -> None:
    satellite = "+870773111632"  # of no country, so of no zone
    batch = read_leads(
        file(f"phone,dial_before\n{satellite},2026-06-30 17:00\n{satellite},2026-06-30T17:00Z\n")
    )
    assert batch.rejects[0].code is RejectCode.INVALID_DIAL_BEFORE
    assert "needs an offset such as +01:00" in batch.rejects[0].message
    assert batch.leads[0].wishes.dial_before == datetime(2026, 6, 30, 17, tzinfo=UTC)
    assert batch.leads[0].zone_source == ""


def test_consent_until_a_date_has_the_whole_day_and_until_a_time_has_not(file: WriteFile) -> None:
    until = read_one(file, "consent_until", "2026-12-31").wishes.consent.expires_at
    assert until == datetime(2026, 12, 31, 23, tzinfo=UTC)  # midnight in Amsterdam
    until = read_one(file, "consent_until", "2026-12-31 00:00").wishes.consent.expires_at
    assert until == datetime(2026, 12, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize(("first", "second"), [("yes", "no"), ("no", "yes"), ("", "nee")])
def test_a_no_in_any_row_of_a_number_is_a_no(file: WriteFile, first: str, second: str) -> None:
    batch = read_leads(file(f"phone;consent\n{PHONE};{first}\n{PHONE};{second}\n"))
    assert [reject.code for reject in batch.rejects] == [RejectCode.DUPLICATE]
    assert batch.leads[0].wishes.consent.given is False


@pytest.mark.parametrize("form", [LeadFormat(), LeadFormat(opt_out_column="dnc")])
@pytest.mark.parametrize("cells", ["yes;no", "no;yes", "yes;yes", ";x 1 yes", "Yes, by phone;"])
def test_of_several_columns_of_opt_outs_one_yes_is_enough(
    file: WriteFile, cells: str, form: LeadFormat
) -> None:
    batch = read_leads(file(f"phone;opt_out;dnc\n{PHONE};{cells}\n{LONDON};no;no\n"), form)
    called = [lead.phone for lead in batch.leads if lead.wishes.consent.given is not False]
    assert called == [LONDON]


def test_two_columns_of_consent_are_read_once_one_is_named(file: WriteFile) -> None:
    table = file(f"phone;consent;opt_in\n{PHONE};yes;no\n")
    assert read_leads(table, LeadFormat(consent_column="opt_in")).leads[0].wishes.consent.given is False
    assert read_leads(table, LeadFormat(consent_column="consent")).leads[0].wishes.consent.given is True


def test_an_opt_out_is_a_no_whatever_the_consent_is_and_without_one_none_was_given(file: WriteFile) -> None:
    table = f"phone;consent;opt_out\n{PHONE};yes;yes\n{LONDON};yes;no\n+442079460102;;no\n"
    given = [lead.wishes.consent.given for lead in read_leads(file(table)).leads]
    assert given == [False, True, None]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("no", "code"),
    [
        (f"{PHONE};Mars;no;", RejectCode.INVALID_TIMEZONE),
        (f"{PHONE};;no;;more", RejectCode.TOO_MANY_CELLS),
        (f"{PHONE};;no", RejectCode.TOO_FEW_CELLS),
        (f"{PHONE};;perhaps;", RejectCode.INVALID_CONSENT),
        (f"{PHONE};;yes;yes;more", RejectCode.TOO_MANY_CELLS),
        (f"{PHONE};;yes;sometimes", RejectCode.INVALID_OPT_OUT),
    ],
)
def test_an_opt_out_counts_in_a_row_that_is_a_reject_wherever_it_stands(
    file: WriteFile, no: str, code: RejectCode, order: int
) -> None:
    rows = [no, f"{PHONE};;yes;"][::order]
    batch = read_leads(file("\n".join(["phone;timezone;consent;opt_out", *rows])))
    assert batch.rejects[0].code in (code, RejectCode.DUPLICATE)
    assert batch.leads[0].wishes.consent.given is False


def test_where_the_zone_comes_from_is_shown(file: WriteFile) -> None:
    batch = read_leads(file(f"phone,timezone\n{PHONE},Europe/Paris\n{LONDON},\n"))
    assert [lead.zone_source for lead in batch.leads] == ["column", "number"]


def test_a_mended_rejects_file_asks_for_the_same(file: WriteFile, tmp_path: Path) -> None:
    table = f"phone,agent_id,dial_before,consent\n{PHONE},a1,2026-06-30 17:00,perhaps\n"
    batch = read_leads(file(table))
    path = tmp_path / "rejects.csv"
    write_rejects(batch.rejects, path, batch.columns)
    path.write_text(path.read_text("utf-8-sig").replace("perhaps", "ja"), "utf-8")
    assert read_leads(path).leads[0].wishes == Wishes(
        agent_id="a1",
        dial_before=datetime(2026, 6, 30, 15, tzinfo=UTC),
        consent=Consent(given=True),
    )


moments = st.none() | st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))])
)


@patient
@given(
    st.builds(
        Wishes,
        agent_id=st.text(max_size=20),
        language=st.sampled_from(["", "nl", "en-GB"]),
        number_id=st.text(max_size=20),
        client=st.text(max_size=20),
        dial_before=moments,
        consent=st.builds(
            Consent, given=st.sampled_from([None, True, False]), given_at=moments, expires_at=moments
        ),
    )
)
def test_wishes_survive_the_ledger(wishes: Wishes) -> None:
    kept = wishes.as_json()
    assert kept.isascii()
    assert Wishes.from_json(kept) == wishes


def test_wishes_that_say_nothing_take_no_room() -> None:
    assert json.loads(Wishes().as_json()) == {}
    assert Wishes.from_json("") == Wishes()


@patient
@given(st.text(max_size=30))
def test_any_cell_is_read_or_refused_and_never_repeated(cell: str) -> None:
    from flireo_flows.leads import Refusal
    from flireo_flows.leads.wish_columns import WishColumns, read_wishes

    for wish in (
        "agent",
        "language",
        "number",
        "dial_before",
        "consent",
        "opt_out",
        "consent_date",
        "consent_until",
    ):
        column: Any = ("x",) if wish == "opt_out" else "x"
        answer = read_wishes({"x": cell}, WishColumns(**{wish: column}), ("Europe/Amsterdam", "Asia/Tokyo"))
        assert isinstance(answer, Wishes | Refusal)
