"""A column beside the phone column tells whose the number is: the row's country, its code, or an area code."""

import pytest

from flireo_flows.leads import LeadFormat, RejectCode, read_do_not_call, read_leads
from tests.support.leads.fixtures import WriteFile


@pytest.mark.parametrize(
    ("header", "cell", "phone", "region", "e164"),
    [
        ("Vorwahl", "030", "23125123", "DE", "+493023125123"),  # alone it is a number in Dortmund
        ("Vorwahl", "(030)", "23125123", "DE", "+493023125123"),
        ("Ortsvorwahl", "30", "23125123", "DE", "+493023125123"),
        ("Vorwahl", "+49", "30 23125123", "NL", "+493023125123"),
        ("Vorwahl", "0049", "3023125123", "NL", "+493023125123"),
        ("Vorwahl", "030", "030 23125123", "DE", "+493023125123"),
        ("Vorwahl", "030", "+4923125123", "DE", "+4923125123"),
        ("Vorwahl", "", "0231 25123", "DE", "+4923125123"),
        ("Netnummer", "020", "200 1234", "NL", "+31202001234"),
        ("Kengetal", "20", "2001234", "NL", "+31202001234"),
        ("Area Code", "212", "555-0123", "US", "+12125550123"),
        ("area_code", "212", "212 555 0123", "US", "+12125550123"),
        ("DDD", "11", "98765-4321", "BR", "+5511987654321"),
        ("Prefijo", "+34", "612345678", "NL", "+34612345678"),
        ("Prefix", "+31", "612345678", "ES", "+31612345678"),
        ("Prefix", "Mr.", "0612345678", "NL", "+31612345678"),
        ("Billing Country", "Spain", "612345678", "NL", "+34612345678"),
        ("Land/Region", "Spanien", "612345678", "NL", "+34612345678"),
        ("País/Región", "España", "612345678", "NL", "+34612345678"),
        ("Country code (phone)", "34", "612345678", "NL", "+34612345678"),
        ("Home country", "ES", "612345678", "NL", "+34612345678"),
        ("Staat", "Spanien", "612345678", "NL", "+34612345678"),
        ("Staat", "Bayern", "030 23125123", "DE", "+493023125123"),
        ("ISD", "+34", "612345678", "NL", "+34612345678"),
        ("Country", "Netherlands (the)", "612345678", "ES", "+31612345678"),
        ("Country", "Netherlands, The", "612345678", "ES", "+31612345678"),
        ("Country", "NL +31", "612345678", "ES", "+31612345678"),
        ("Country", "(+31) Netherlands", "612345678", "ES", "+31612345678"),
        ("Country", "+44 (0)", "2079460958", "NL", "+442079460958"),
        ("Country", "Oesterreich", "6641234567", "DE", "+436641234567"),
    ],
)
def test_the_column_beside_a_number_shows_whose_it_is(
    file: WriteFile, header: str, cell: str, phone: str, region: str, e164: str
) -> None:
    batch = read_leads(
        file(f"phone;{header}\n{phone};{cell}\n"),
        LeadFormat(default_region=region, default_region_for_empty_country=True),
    )
    assert [lead.phone for lead in batch.leads] == [e164], batch.rejects


@pytest.mark.parametrize(
    ("header", "cell", "phone", "region"),
    [
        ("Area code", "12345", "231 25123", "DE"),
        ("Prefix", "34", "612345678", "NL"),  # of Spain, or a slip
        ("Netnummer", "0118", "612345678", "NL"),
        ("Area Code", "212", "4155550123", "US"),
    ],
)
def test_an_area_code_that_makes_no_number_leaves_no_other_number(
    file: WriteFile, header: str, cell: str, phone: str, region: str
) -> None:
    batch = read_leads(file(f"phone;{header}\n{phone};{cell}\n"), LeadFormat(default_region=region))
    assert [reject.code for reject in batch.rejects] == [RejectCode.AMBIGUOUS_PHONE]


@pytest.mark.parametrize("cell", ["Netherlands +49", "NL (+49)", "+31 Germany", "NL/BE"])
def test_two_countries_in_one_cell_are_none(file: WriteFile, cell: str) -> None:
    batch = read_leads(file(f"phone;country\n612345678;{cell}\n"), LeadFormat(default_region="NL"))
    assert [reject.code for reject in batch.rejects] == [RejectCode.INVALID_COUNTRY]


def test_a_no_holds_for_a_number_with_its_area_code(file: WriteFile) -> None:
    rows = "phone;Vorwahl;do not call\n23125123;030;yes\n03023125123;;\n"
    batch = read_leads(file(rows), LeadFormat(default_region="DE"))
    assert [lead.wishes.consent.given for lead in batch.leads] == [False]


@pytest.mark.parametrize("rows", ["+49,3023125123\n+31,612345678\n", "'+493023125123'\n'+31612345678'\n"])
def test_a_list_of_codes_and_numbers_is_read(file: WriteFile, rows: str) -> None:
    assert set(read_do_not_call(file(rows))) == {"+493023125123", "+31612345678"}


@pytest.mark.parametrize(
    ("header", "cell", "zone"),
    [
        ("Mailing State/Province", "CA", "America/Los_Angeles"),
        ("Billing State", "California", "America/Los_Angeles"),
        ("Mailing Zip/Postal Code", "90210", "America/Los_Angeles"),
        ("TimeZoneSidKey", "America/Los_Angeles", "America/Los_Angeles"),
        ("hs_timezone", "us_slash_pacific", "America/Los_Angeles"),
        ("Zona horaria", "America/Bogota", "America/Bogota"),
    ],
)
def test_a_place_under_the_names_of_crms_counts_beside_the_number(
    file: WriteFile, header: str, cell: str, zone: str
) -> None:
    [lead] = read_leads(file(f"phone;{header}\n+12125550123;{cell}\n")).leads
    assert lead.zones == ("America/New_York", zone)


@pytest.mark.parametrize(
    ("status", "may"),
    [
        ("No calls yet", None),
        ("No call made", None),
        ("Kein Anruf möglich", None),
        ("geen telefoon bekend", None),
        ("not on DNC list", False),  # it may be a check that was passed; who says so writes "DNC: no"
        ("DNC: no", None),
        ("No calls", False),
        ("no calls please", False),
        ("blacklist", False),
    ],
)
def test_a_status_of_what_was_done_is_no_opt_out(file: WriteFile, status: str, may: bool | None) -> None:
    [lead] = read_leads(file(f"phone;status\n+12125550123;{status}\n")).leads
    assert lead.wishes.consent.given is may


@pytest.mark.parametrize(
    ("note", "may"),
    [
        ("Please do not ring the bell", None),
        ("Do not ring at the door", None),
        ("Do not ring", False),
        ("Do not call, mind the door", False),
        ("möchte nicht mehr angerufen werden", False),
        ("wil niet meer gebeld worden", False),
        ("take me off your list", False),
        ("nie dzwonić", False),
    ],
)
def test_a_note_about_calls_is_distinguished_from_one_about_a_door(
    file: WriteFile, note: str, may: bool | None
) -> None:
    [lead] = read_leads(file(f"phone;notes\n+12125550123;{note}\n")).leads
    assert lead.wishes.consent.given is may
