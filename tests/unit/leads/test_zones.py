"""In which zones a row's person may be: its number, time zone, state and postcode, as files have them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from phonenumbers.tzdata import TIMEZONE_DATA

from flireo_flows.leads import LeadFormat, LeadPhone, RejectCode, parse_phone, read_leads
from flireo_flows.leads.zone_names import (
    MultiZoneCountry,
    area_codes,
    countries,
    exchanges,
    is_zone,
    north_america,
    postcodes,
    read_zone,
    shown_names,
    states,
    zone_names,
)
from flireo_flows.leads.zones import clock_of, country_zones, place_may_be_old
from tests.support.cases import every

WriteFile = Callable[..., Path]

EAST, CENTRAL, MOUNTAIN, PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)
NYC, PENSACOLA, MIAMI, ROTTERDAM = "+12125550100", "+18504180155", "+13055550100", "+31102001234"


def zones_of(file: WriteFile, phone: str, **cells: str) -> tuple[tuple[str, ...], str]:
    header = ";".join(["phone", *cells])
    [lead] = read_leads(file(f"{header}\n{';'.join([phone, *cells.values()])}\n")).leads
    return lead.zones, lead.zone_source


def clocks(zones: tuple[str, ...]) -> set[str]:
    return {clock_of(zone) for zone in zones}


def number(text: str) -> LeadPhone:
    found = parse_phone(text)
    assert isinstance(found, LeadPhone), text
    return found


@every(
    ("text", "zone"),
    [
        ("america_slash_new_york", EAST),
        ("us_slash_eastern", EAST),
        ("us_slash_hawaii", "Pacific/Honolulu"),
        ("europe_slash_amsterdam", "Europe/Amsterdam"),
        ("america_slash_argentina_slash_buenos_aires", "America/Argentina/Buenos_Aires"),
        ("america/new_york", EAST),
        ("AMERICA/NEW_YORK", EAST),
        ("America/New York", EAST),
        (" Europe / Amsterdam ", "Europe/Amsterdam"),
        ("America/Port-au-Prince", "America/Port-au-Prince"),
        ("america/port au prince", "America/Port-au-Prince"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", EAST),
        ("GMT Standard Time", "Europe/London"),
        ("India Standard Time", "Asia/Kolkata"),
        ("Eastern Time (US & Canada)", EAST),
        ("Pacific Time (US &amp; Canada)".replace("&amp;", "&"), PACIFIC),
        ("Eastern Time - US & Canada", EAST),
        ("(GMT-05:00) Eastern Time (US & Canada)", EAST),
        ("(UTC-08:00) Pacific Time (US & Canada)", PACIFIC),
        ("(GMT+01:00) Amsterdam", "Europe/Amsterdam"),
        ("(GMT-05:00) Eastern Standard Time (America/New_York)", EAST),
        ("Europe/Amsterdam (CET)", "Europe/Amsterdam"),
        ("Europe/Amsterdam (GMT+01:00)", "Europe/Amsterdam"),
        ("(GMT+1:00) Europe/Amsterdam", "Europe/Amsterdam"),
        ("GMT+01:00 Europe/Amsterdam", "Europe/Amsterdam"),
        ("UTC+01:00 Amsterdam", "Europe/Amsterdam"),
        ("Europe\\Amsterdam", "Europe/Amsterdam"),
        ("W. Europe Daylight Time", "Europe/Berlin"),
        ("Eastern Daylight Time", EAST),
        ("Eastern Time (US &amp; Canada)", EAST),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Asia/Katmandu", "Asia/Kathmandu"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("US/Pacific", PACIFIC),
        ("Africa/Asmera", "Africa/Asmara"),
        ("Singapore", "Asia/Singapore"),
    ],
)
def test_zones_are_read_as_programs_write_them(text: str, zone: str) -> None:
    assert read_zone(text) == (zone,)


def test_a_list_of_cities_is_all_of_their_zones() -> None:
    found = read_zone("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna")
    assert found == tuple(
        f"Europe/{city}" for city in ("Amsterdam", "Berlin", "Zurich", "Rome", "Stockholm", "Vienna")
    )


@every("name", sorted(zone_names()))
def test_every_name_of_a_place_is_read_in_every_spelling(name: str) -> None:
    now = read_zone(name)
    assert isinstance(now, tuple) and all(map(is_zone, now))
    slug = name.lower().replace("/", "_slash_").replace("-", "_hyphen_")
    for spelling in (name.lower(), name.upper(), name.replace("_", " "), slug):
        assert read_zone(spelling) == now, spelling


@every("name", sorted(shown_names()))
def test_names_that_windows_and_rails_show_are_places(name: str) -> None:
    for spelling in (name, name.lower(), f"(GMT+01:00) {name}", f"(UTC-11:30) {name}"):
        assert read_zone(spelling) == (shown_names()[name],)


NO_PLACES = """
    EST MST HST EDT PST CST ET CT EST5EDT CST6CDT MST7MDT PST8PDT CET CEST MET EET WET GMT GMT0 GMT+0
    GMT-0 BST UTC UCT Zulu Z Universal Greenwich Etc/UTC Etc/GMT Etc/GMT+5 Etc/GMT-1 etc/gmt+5
    Etc/Unknown posix/America/New_York posix/EST5EDT right/Europe/Amsterdam SystemV/EST5EDT Factory
    localtime posixrules UTC-02 UTC+1 UTC-05:00 GMT-5 +01:00 -5 Europe America Mars/Base ../etc n/a unknown
    Eastern 1
"""


@every("text", NO_PLACES.split())
def test_what_names_no_place_is_rejected_with_advice(file: WriteFile, text: str) -> None:
    batch = read_leads(file(f"phone;timezone\n{NYC};{text}\n"))
    assert [reject.code for reject in batch.rejects] == [RejectCode.INVALID_TIMEZONE]
    assert "write the name of a place, such as" in batch.rejects[0].message


def test_the_advice_fits_what_was_meant(file: WriteFile) -> None:
    batch = read_leads(file(f"phone;timezone\n{NYC};EST\n{MIAMI};mst\n"))
    assert [reject.message.rpartition(" ")[2] for reject in batch.rejects] == [f"{EAST}.", f"{MOUNTAIN}."]


def test_a_column_that_is_not_to_be_read_is_not(file: WriteFile) -> None:
    path = file(f"phone;timezone\n{NYC};EST\n")
    assert read_leads(path, LeadFormat(timezone_column="-")).leads[0].zones == (EAST,)


@every("phone", [ROTTERDAM, "+442079460101", "+61291234567", "+819012345678"])
def test_a_column_that_contradicts_the_number_counts_beside_it(file: WriteFile, phone: str) -> None:
    zones, source = zones_of(file, phone, timezone=PACIFIC)
    assert zones == (*number(phone).zones, PACIFIC)
    assert source.split() == ["number"] * len(number(phone).zones) + ["column"]


@every(
    ("phone", "cells", "zones", "source"),
    [
        (PENSACOLA, {"timezone": CENTRAL}, (CENTRAL,), "column"),
        (PENSACOLA, {"timezone": "America/Menominee"}, ("America/Menominee",), "column"),
        (PENSACOLA, {"timezone": PACIFIC}, (EAST, CENTRAL, PACIFIC), "number number column"),
        (PENSACOLA, {"postcode": "32501"}, (CENTRAL,), "postcode"),
        (PENSACOLA, {"zip": "32301-1234"}, (EAST,), "postcode"),
        (PENSACOLA, {"state": "FL"}, (EAST, CENTRAL), "state"),
        (PENSACOLA, {"state": "Alabama"}, (CENTRAL,), "state"),
        (PENSACOLA, {"state": "FL", "zip": "32501"}, (CENTRAL,), "postcode"),
        (PENSACOLA, {"state": "Mars", "zip": "n/a"}, (EAST, CENTRAL), "number"),
        (NYC, {"state": "California"}, (EAST, PACIFIC), "number state"),
        (NYC, {"state": "ca"}, (EAST, PACIFIC), "number state"),
        (NYC, {"zip": "90210"}, (EAST, PACIFIC), "number postcode"),
        (NYC, {"state": "CA", "timezone": EAST}, (EAST, PACIFIC), "column state"),
        (NYC, {"state": "FL"}, (EAST,), "state"),
        (MIAMI, {"state": "FL", "zip": "32501"}, (EAST, CENTRAL), "state postcode"),
        ("+12505550100", {"postcode": "V1G 1A1"}, ("America/Dawson_Creek",), "postcode"),
        ("+12505550100", {"postcode": "v6b1a1"}, ("America/Vancouver",), "postcode"),
        ("+18075550100", {"postcode": "P9N 1A1"}, ("America/Winnipeg",), "postcode"),
        ("+61412345678", {"state": "WA"}, ("Australia/Perth", "Australia/Eucla"), "state"),
        ("+61412345678", {"state": "QLD"}, ("Australia/Brisbane",), "state"),
        ("+61412345678", {"postcode": "800"}, ("Australia/Darwin",), "postcode"),
        ("+61412345678", {"postcode": "2880"}, ("Australia/Broken_Hill", "Australia/Sydney"), "postcode"),
        ("+5592912345678", {"uf": "AM"}, ("America/Manaus",), "state"),
        (
            "+5511912345678",
            {"uf": "AM"},
            ("America/Sao_Paulo", "America/Manaus", "America/Eirunepe"),
            "number state state",
        ),
        (
            "+5511912345678",
            {"cep": "69900-000"},
            ("America/Sao_Paulo", "America/Rio_Branco"),
            "number postcode",
        ),
        ("+34612345678", {"postcode": "35001"}, ("Atlantic/Canary",), "postcode"),
        ("+34612345678", {"postcode": "28001"}, ("Europe/Madrid",), "postcode"),
        ("+351912345678", {"postcode": "9500-321"}, ("Atlantic/Azores",), "postcode"),
        (ROTTERDAM, {"state": "NH", "postcode": "3011 AB"}, ("Europe/Amsterdam",), "number"),
    ],
)
def test_a_row_narrows_the_zones_of_its_number_or_adds_to_them(
    file: WriteFile, phone: str, cells: dict[str, str], zones: tuple[str, ...], source: str
) -> None:
    assert zones_of(file, phone, **cells) == (zones, source)


@every(
    ("phone", "cells", "zones", "source"),
    [
        (NYC, {"country": "Australia"}, 10, "country"),
        (NYC, {"country": "AU", "state": "NSW"}, 4, "state"),
        (NYC, {"country": "Nederland"}, 2, "country"),
        (NYC, {"country": "US"}, 1, "number"),
        (ROTTERDAM, {"country": "NL", "state": "Victoria"}, 1, "number"),
        ("+61412345678", {"country": "AU", "state": "WA"}, 2, "state"),
        (ROTTERDAM, {"country": "DE"}, 1, "country"),
    ],
)
def test_a_country_that_contradicts_the_number_counts_beside_it(
    file: WriteFile, phone: str, cells: dict[str, str], zones: int, source: str
) -> None:
    found, sources = zones_of(file, phone, **cells)
    assert (len(found), sources.split()[-1]) == (zones, source)


SPLIT = """
    850 448 906 812 930 219 574 270 364 606 423 931 308 402 531 605 701 620 785 915 208 986 541 458 775
    928 907 807 867 250 236 672 778 257 709 879 306 639 474 418 581 367
"""


@every("area", SPLIT.split())
def test_an_area_code_of_several_zones_counts_with_all_of_them(area: str) -> None:
    unlisted = next(f"{n}" for n in range(990, 200, -1) if f"{area}{n}" not in exchanges() and n % 100 != 11)
    zones = number(f"+1{area}{unlisted}0155").zones
    assert len(clocks(zones)) > 1
    assert set(zones) == set(north_america()[area][1])


MOBILES = {  # the examples of phonenumbers
    "AU": "+61412345678",
    "CD": "+243991234567",
    "CL": "+56961234567",
    "CN": "+8613123456789",
    "EC": "+593991234567",
    "ES": "+34612345678",
    "FM": "+6919201234",
    "GL": "+299221234",
    "ID": "+62812345678",
    "KI": "+68672001234",
    "KZ": "+77710009998",
    "MN": "+97688123456",
    "NZ": "+64211234567",
    "PF": "+68987123456",
    "PG": "+67570123456",
    "PT": "+351912345678",
    "RE": "+262692123456",
    "RU": "+79123456789",
}


def _us_area_codes() -> list[str]:
    found = []
    for area in range(200, 1000):
        parsed = phonenumbers.parse(f"+1{area}2345678")
        if phonenumbers.number_type(parsed) == PhoneNumberType.FIXED_LINE_OR_MOBILE:
            found.append(str(area))
    return found


@every("area", _us_area_codes())
def test_every_area_code_has_the_zones_the_library_knows_and_its_state(area: str) -> None:
    zones = number(f"+1{area}2345678").zones
    assert zones and len(zones) <= 6
    listed = TIMEZONE_DATA.get(f"1{area}2345678"[:7]) or TIMEZONE_DATA.get(f"1{area}", ())
    known = {zone for zone in listed if zone not in {"America/Fort_Nelson", "America/Juneau"}}
    if len(known) == 1 and area != "689":  # Orlando, of which the library says Chicago
        assert clocks(tuple(known)) <= clocks(zones)


@every(
    ("phone", "zone"),
    [
        ("+18504340155", CENTRAL),  # Pensacola
        ("+18502220155", EAST),  # Tallahassee
        ("+18124210155", CENTRAL),  # Evansville
        ("+18073450155", "America/Toronto"),  # Thunder Bay
        ("+18074680155", "America/Winnipeg"),  # Kenora
        ("+12507820155", "America/Dawson_Creek"),
        ("+19287290155", None),  # in the Navajo Nation, as the library says of Arizona as well
    ],
)
def test_an_exchange_whose_town_is_known_has_one_zone(phone: str, zone: str | None) -> None:
    assert number(phone).zones == ((zone,) if zone else ("America/Phoenix", MOUNTAIN))


@every(
    "country", [it for it in countries() if it.iso in MOBILES], ids=lambda country: country.iso + country.code
)
def test_a_number_that_names_no_place_has_all_zones_of_its_country(country: MultiZoneCountry) -> None:
    found = number(MOBILES[country.iso])
    assert clocks(found.zones) == clocks(country.zones)


@every(
    ("phone", "zones"),
    [
        ("+73951234567"[:12], ("Asia/Irkutsk",)),
        ("+74012345678", ("Europe/Kaliningrad",)),
        ("+78452345678", ("Europe/Samara",)),
        ("+77012345678", ("Asia/Almaty", "Asia/Aqtobe")),
        ("+61731234567", ("Australia/Brisbane",)),
        ("+61889123456", ("Australia/Darwin",)),
        ("+61892345678", ("Australia/Perth",)),
        ("+61291234567", ("Australia/Sydney",)),
        ("+62215551234", ("Asia/Jakarta",)),
        ("+526641234567", ("America/Tijuana",)),
        ("+525512345678", ("America/Mexico_City",)),
        ("+5597991234567", ("America/Manaus", "America/Eirunepe")),
        ("+558132345678", ("America/Recife", "America/Noronha")),
        ("+5511912345678", ("America/Sao_Paulo",)),
        ("+34922123456", ("Atlantic/Canary",)),
        ("+351296123456", ("Atlantic/Azores",)),
        ("+919876543210", ("Asia/Kolkata",)),
        ("+9779841234567", ("Asia/Kathmandu",)),
        ("+18765550123", ("America/Jamaica",)),
        ("+17875550123", ("America/Puerto_Rico",)),
    ],
)
def test_a_number_that_names_a_place_has_its_zones(phone: str, zones: tuple[str, ...]) -> None:
    assert number(phone).zones == zones


@every("kind", [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.VOIP])
def test_every_country_has_zones_that_open_under_their_present_names(kind: int) -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        found = number(phonenumbers.format_number(example, PhoneNumberFormat.E164))
        assert found.zones and all(map(is_zone, found.zones)), region
        assert all(zone_names().get(zone) == zone for zone in found.zones), region


def test_every_zone_of_every_table_is_one_that_opens() -> None:
    named = [zone for zones in area_codes().values() for zone in zones]
    named += [zone for country in countries() for zone in country.zones]
    named += [zone for _, zones in north_america().values() for zone in zones]
    named += [zone for state in states().values() for zone in state.zones]
    named += [zone for ranges in postcodes().values() for it in ranges for zone in it.zones]
    named += [*shown_names().values(), *exchanges().values()]
    assert [zone for zone in named if zone_names().get(zone) != zone or not is_zone(zone)] == []


@every("area", sorted(north_america()))
def test_an_area_code_lies_in_zones_of_its_states(area: str) -> None:
    listed, zones = north_america()[area]
    assert clocks(zones) <= {clock for state in listed for clock in clocks(states()[state].zones)}


@every("country", sorted(postcodes()))
def test_a_postcode_lies_in_zones_of_its_states(country: str) -> None:
    for span in postcodes()[country]:
        assert all(code in states() for code in span.states), span
        if span.states and country != "US":
            assert clocks(span.zones) & {
                clock for code in span.states for clock in clocks(states()[code].zones)
            }


@every("left", ["America/Havana", "America/Phoenix", "America/Regina", "Europe/London"])
@every("right", [EAST, MOUNTAIN, CENTRAL, "Africa/Casablanca"])
def test_zones_share_a_clock_only_if_they_always_show_the_same(left: str, right: str) -> None:
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(2 * 366 * 24)]
    offsets = [[hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours] for zone in (left, right)]
    assert (clock_of(left) != clock_of(right)) is (offsets[0] != offsets[1])


@every(
    ("phone", "zones"),
    [
        (NYC, 8),
        ("+14165550100", 10),
        ("+5511912345678", 4),
        ("+61291234567", 9),
        ("+17875550123", 0),
        ("+18765550123", 0),
        (ROTTERDAM, 0),
    ],
)
def test_the_zones_of_a_whole_country(phone: str, zones: int) -> None:
    assert len(country_zones(phone)) == zones


def test_only_numbers_that_are_kept_after_a_move_may_name_an_old_place() -> None:
    kept = [NYC, "+14165550100", "+5511912345678", "+525512345678"]
    settled = [ROTTERDAM, "+61412345678", "+17875550123", "+18765550123", "+551132345678", "+34612345678"]
    assert all(map(place_may_be_old, kept)) and not any(map(place_may_be_old, settled))
