"""Columns that say who may be called: as CRMs, ad platforms and people write them. What is unclear stops the import."""

import pytest

from flireo_flows.calling.plan_notes import reading_notes
from flireo_flows.leads import LeadFileError, LeadFormat, Meaning, meaning_of, read_leads
from tests.support.cases import every
from tests.support.leads.fixtures import WriteFile

PHONE = "+31201234501"
OTHER = "+31201234502"

# Salesforce, Zoho, Dynamics, HubSpot, LeadSquared, Pipedrive, web forms, and files that people keep themselves.
OPT_OUTS = """
DoNotCall|Do Not Call|do_not_call|DoNotCall__c|Contact: Do Not Call|Do not call?|Don't call|DNC|Is DNC|
DNC flag|DNC (Y/N)|On DNC List|National DNC|DND|Do not disturb|Call Opt Out|Call_Opt_Out__c|Calls opt-out|
Phone Opt-Out|Phone opted out|Has Opted Out Of Call|HasOptedOutOfCall|Opted out of calls|
Opt out of phone calls|Opted Out|Opt-out|optout|OPT_OUT|Do not allow Phone Calls|Do Not Phone|Do not contact|
No calls|No phone calls|No marketing calls|No sales calls|No telemarketing|Unsubscribed|
Unsubscribed from calls|Stop calls|Never call|Niet bellen|Niet meer bellen|Bel-me-niet|Bel me niet register|
Geen telemarketing|Afgemeld|Nicht anrufen|Keine Anrufe|Keine Werbeanrufe|Keine Telefonwerbung|Anrufsperre|
Abgemeldet|Ne pas appeler|Ne plus appeler|Opposition démarchage|Désinscrit|No llamar|Non chiamare|Não ligar
""".replace("\n", "").split("|")
CONSENTS = """
Consent|Consent given|Opt-in|Opted in|Call opt in|Call Opt-In|Calls opt-in|Phone opt-in|phone_optin|
Call consent|Consent to call|Consent to calls|Phone consent|Telephone consent|Permission to call|May call|
May be called|Can be called|OK to call|Okay to call|May we call you?|Calls allowed|Allow calls|
Cold call allowed|Accepts calls|Toestemming|Toestemming bellen|Toestemming telefonisch|Mag gebeld worden|
Bellen toegestaan|Einwilligung|Einwilligung Telefon|Einwilligung Telefonwerbung|Telefon-Einwilligung|
Darf angerufen werden|Consentement|Consentement téléphonique|Consentement appels|Accepte appels|
Consentimiento llamadas|Consenso telefonate|Consentimento ligações
""".replace("\n", "").split("|")
# The polarity, or what it is about, is not plain.
UNCLEAR = """
GDPR consent|GDPR|DSGVO|RGPD|AVG|Marketing permission|Marketing permissions|Marketing consent|
Marketing opt-in|Privacy consent|Privacy policy accepted|TCPA consent|
Legal basis for processing contact's data|Lawful basis|Rechtsgrundlage|Permission|Opt-in/Opt-out|
Opt in status date|OPTIN_TIME|OPTIN_IP|CONFIRM consent|UNSUB_TIME|Unsubscribed Mode|Unsubscribed Time|
Subscribed|Accepts Marketing|Email/phone opt-in|Email and call opt-out|Communication preferences|
Contact preference|i_agree_to_be_contacted_by_phone|do_you_agree_to_receive_calls_and_texts?|Consent source|
Consent text|Call recording consent|Has Opted Out Solicit|Individual: Don't Process|Do Not Process|
Call Opt Out Date|DNC reason|DNC checked on|TPS|CTPS|Robinsonlijst|Werbesperre|Widerspruch|Kontaktsperre|
Deceased|Date of death|Overleden|Verstorben|Décédé|Fallecido|TCPA litigator|Complainer|Remove me|
Remove from list|Stop|Removed|Objection|Bezwaar|Forget me|
Blocked|Blacklisted|Suppressed|No contact|Not to be contacted|No phone|Marketing allowed|Akkoord|Zustimmung|
Datenschutz akzeptiert|Telemarketing|Voice consent|Lista Robinson|Acepta publicidad telefono|
Ne souhaite pas être contacté|Wil niet benaderd worden|Do not call before
""".replace("\n", "").split("|")
# In the other languages of agents and their clients: no wording of these is known well enough to be taken as read.
UNCLEAR += """
Nie dzwonić|Zgoda na kontakt telefoniczny|Zgoda marketingowa|RODO|Brak zgody|Sprzeciw|Ring ikke|Må ikke kontaktes|
Samtykke|Samtykke til opkald|Ring inte|NIX-Telefon|Samtycke|Soittokielto|Suostumus|Aramayın|Arama izni|KVKK|
Nevolat|Souhlas|Hozzájárulás|Registro delle opposizioni|Opposizione|Lista Robinson|Não me perturbe|Excluir llamadas|
Liste rouge|Recht van verzet|Geen acquisitie|Telefonkontakt erlaubt|Anruf erwünscht|Souhaite être rappelé|
Desea ser contactado|Acepta contacto|Autorizza contatto|Aceita contato|Peut être contacté|PEWC|Не звонить|
Согласие на звонки|勿扰|不要打电话|수신거부
""".replace("\n", "").split("|")
OTHER_CHANNELS = """
Email Opt Out|Has Opted Out of Email|HasOptedOutOfEmail|HasOptedOutOfFax|Fax Opt Out|SMS Opt Out|SMS opt-in|
Unsubscribed from all email|Opted out of email: Marketing Information|Opted out of email: One to One|
Email consent|Do not allow Emails|Do not allow Bulk Emails|Do Not Email|Do not mail|Do not fax|
Newsletter opt-in|Nieuwsbrief toestemming|Einwilligung E-Mail|Einwilligung Newsletter|Consentement SMS|
WhatsApp opt-in|Accepts Email Marketing|Accepts SMS Marketing|Cookie consent
""".replace("\n", "").split("|")
# Of the exports of HubSpot, Salesforce, Zoho, Pipedrive, Mailchimp, Facebook, Google: nothing about consent.
UNRELATED = """
Record ID|First Name|Last Name|Company name|Job Title|City|Street Address|Country/Region|Lifecycle Stage|
Lead Status|Contact owner|Create Date|Last Activity Date|Last Contacted|Number of times contacted|
Number of Sales Activities|Lead Source|Lead Owner|Rating|Annual Revenue|Industry|Tag|Tags|Labels|Description|
Notes|Phone No|Mobile No.|No of calls|No. of employees|Person - Organization|Deal - Value|Person - Label|
MEMBER_RATING|CONFIRM_TIME|GMTOFF|DSTOFF|LEID|EUID|LAST_CHANGED|id|created_time|ad_id|ad_name|adset_name|
campaign_name|form_id|form_name|is_organic|platform|lead_status|inbox_url|Group Membership|Birthday|
Organization Title|Photo|Best time to call|Call back on|Last call result|Called by|Caller|Subscription plan|
Avg order value|Avg. monthly spend|Contact name|Kontakt|Kontaktdatum|Telefonnummer 2|Contactmoment|Newsletter|
Optional notes|Options|Product|Afdeling|Postcode|Straße|Ansprechpartner|Adresse|Ville|Société
""".replace("\n", "").split("|")


@every(
    ("header", "meaning"),
    [
        *((header, Meaning.OPT_OUT) for header in OPT_OUTS),
        *((header, Meaning.CONSENT) for header in CONSENTS),
        *((header, Meaning.UNCLEAR) for header in UNCLEAR),
        *((header, Meaning.OTHER_CHANNEL) for header in OTHER_CHANNELS),
        *((header, Meaning.UNRELATED) for header in UNRELATED),
    ],
)
def test_a_header_means_what_its_words_plainly_mean(header: str, meaning: Meaning) -> None:
    assert meaning_of(header) is meaning
    assert meaning_of(header.upper()) in (meaning, meaning_of(header.lower()))


def called(file: WriteFile, header: str, cell: str, form: LeadFormat | None = None) -> list[str]:
    """Who of two people is not refused: the first has the cell, the other an empty one."""
    batch = read_leads(file(f'phone;"{header}"\n{PHONE};{cell}\n{OTHER};\n'), form or LeadFormat())
    return [lead.phone for lead in batch.leads if lead.wishes.consent.given is not False]


@every("header", OPT_OUTS)
@every(("cell", "may"), [("Yes", False), ("no", True), ("", True), ("TRUE", False), ("perhaps", False)])
def test_a_yes_in_an_opt_out_column_is_a_no(file: WriteFile, header: str, cell: str, may: bool) -> None:
    assert called(file, header, cell) == ([PHONE, OTHER] if may else [OTHER])


@every("header", CONSENTS)
@every(("cell", "may"), [("Yes", True), ("no", False), ("", True), ("0", False), ("perhaps", False)])
def test_a_no_in_a_consent_column_is_a_no(file: WriteFile, header: str, cell: str, may: bool) -> None:
    assert called(file, header, cell) == ([PHONE, OTHER] if may else [OTHER])


@every("cell", ["yes, by e-mail only", "Yes until she moved", "email", "1.5", "ja/nee"])
def test_a_yes_with_conditions_is_no_consent(file: WriteFile, cell: str) -> None:
    assert called(file, "consent", cell) == [OTHER]


@every(
    "cell",
    [
        "Do Not Allow",
        "opted out",
        "DNC",
        "ja",
        "Ja.",
        "OUI",
        "sí",
        "1",
        "yes, since May",
        "opt-out",
        "unsubscribed",
    ],
)
def test_an_opt_out_is_read_in_the_words_of_its_program(file: WriteFile, cell: str) -> None:
    assert called(file, "Do not allow Phone Calls", cell) == [OTHER]


@every("header", UNCLEAR)
@every("cell", ["Yes", "No", ""])
def test_an_unclear_column_stops_the_import_and_names_what_settles_it(
    file: WriteFile, header: str, cell: str
) -> None:
    with pytest.raises(LeadFileError) as refused:
        called(file, header, cell)
    said = str(refused.value)
    assert header[:20] in said
    for word in (
        "opt_out_column",
        "consent_column",
        "ignore_columns",
        "--opt-out-column",
        "--consent-column",
    ):
        assert word in said
    assert "--ignore-column" in said


@every("header", UNCLEAR)
def test_an_unclear_column_is_settled_by_a_person(file: WriteFile, header: str) -> None:
    assert called(file, header, "yes", LeadFormat(opt_out_column=header)) == [OTHER]
    assert called(file, header, "yes", LeadFormat(more_opt_out_columns=[header])) == [OTHER]
    assert called(file, header, "yes", LeadFormat(consent_column=header)) == [PHONE, OTHER]
    assert called(file, header, "no", LeadFormat(consent_column=header)) == [OTHER]
    assert called(file, header, "no", LeadFormat(ignore_columns=[header])) == [PHONE, OTHER]


def test_all_unclear_columns_are_named_at_once(file: WriteFile) -> None:
    table = file(f"phone,GDPR consent,TPS,name\n{PHONE},yes,no,Anna\n")
    with pytest.raises(LeadFileError, match="'GDPR consent', 'TPS'"):
        read_leads(table)
    form = LeadFormat(ignore_columns=["gdpr consent"], more_opt_out_columns=["tps"])
    assert read_leads(table, form).leads[0].wishes.consent.given is None


def test_a_column_to_ignore_that_is_not_there_is_a_slip(file: WriteFile) -> None:
    with pytest.raises(LeadFileError, match="no column 'TSP'") as refused:
        read_leads(file(f"phone,TPS\n{PHONE},yes\n"), LeadFormat(ignore_columns=["TSP"]))
    assert "ignore_columns" in str(refused.value)


def test_a_recognised_column_can_be_ignored(file: WriteFile) -> None:
    assert called(file, "unsubscribed", "yes", LeadFormat(ignore_columns=["unsubscribed"])) == [PHONE, OTHER]


@every("header", OTHER_CHANNELS)
def test_a_column_about_another_channel_is_passed_over_and_that_is_reported(
    file: WriteFile, header: str
) -> None:
    batch = read_leads(file(f'phone;"{header}"\n{PHONE};yes\n'))
    assert batch.leads[0].wishes.consent.given is None
    assert batch.other_channels == (header,)
    assert any(repr(header) in note for note in reading_notes(batch))


def test_a_column_about_another_channel_counts_once_it_is_named(file: WriteFile) -> None:
    assert called(file, "Email Opt Out", "yes", LeadFormat(opt_out_column="Email Opt Out")) == [OTHER]


def test_consent_and_opt_outs_of_an_export_are_read_together(file: WriteFile) -> None:
    table = file(
        "Phone,Email Opt Out,Has Opted Out Of Call,DoNotCall,Call opt in\n"
        f"{PHONE},true,false,false,true\n{OTHER},false,false,true,true\n+31201234503,false,false,false,false\n"
        "+31201234504,false,true,false,true\n"
    )
    given = [lead.wishes.consent.given for lead in read_leads(table).leads]
    assert given == [True, False, False, False]


MARKS = [
    *(
        "do not call",
        "Do Not Call",
        "DNC",
        "dnc - requested",
        "Opted out",
        "opt-out",
        "DoNotCall",
        "unsubscribed",
        "DND",
    ),
    *(
        "VIP; do not call",
        "niet bellen",
        "Niet meer bellen!",
        "bel me niet",
        "Keine Anrufe",
        "nicht mehr anrufen",
    ),
    *(
        "Werbesperre",
        "ne pas appeler",
        "Ne plus appeler",
        "no llamar",
        "non chiamare",
        "não ligar",
        "afgemeld",
    ),
    *(
        "No consent",
        "geen toestemming",
        "keine Einwilligung",
        "consent withdrawn",
        "remove me from your list",
    ),
]
NO_MARKS = [
    *(
        "open",
        "New",
        "called",
        "no answer",
        "Not interested",
        "callback",
        "DNC check passed",
        "not opted out",
        "VIP",
    ),
    *(
        "opted out of email",
        "unsubscribed from newsletter",
        "Called, no reply",
        "Geen gehoor",
        "kein Interesse",
    ),
]


@every("column", ["status", "Lead Status", "Call disposition", "Tags", "Labels", "etiketten", "Statut"])
@every(("cell", "may"), [*((mark, False) for mark in MARKS), *((mark, True) for mark in NO_MARKS)])
def test_a_status_or_tag_that_asks_for_no_calls_counts(
    file: WriteFile, column: str, cell: str, may: bool
) -> None:
    assert called(file, column, f'"{cell}"') == ([PHONE, OTHER] if may else [OTHER])


@every("cell", ["She said: please do not call again.", "wil niet gebeld worden, ZSM verwijderen"])
def test_a_note_that_asks_for_no_calls_counts_and_that_is_reported(file: WriteFile, cell: str) -> None:
    batch = read_leads(file(f'phone;notes\n{PHONE};"{cell}"\n{OTHER};called twice\n'))
    assert [lead.wishes.consent.given for lead in batch.leads] == [False, None]
    assert "1 lead is not called: a cell such as a status or a note asks for no more calls." in reading_notes(
        batch
    )
    assert called(file, "notes", cell, LeadFormat(ignore_columns=["notes"])) == [PHONE, OTHER]


@every("company", ["DNC", "DND Logistics", "Geen Gehoor BV"])
def test_a_name_that_looks_like_a_mark_is_a_name(file: WriteFile, company: str) -> None:
    assert called(file, "company", company) == [PHONE, OTHER]


@every("rows", [[0, 1], [1, 0]])
def test_a_mark_in_any_row_of_a_number_is_a_no(file: WriteFile, rows: list[int]) -> None:
    both = [f"{PHONE};open", f"{PHONE};do not call"]
    batch = read_leads(file("\n".join(["phone;status", *(both[row] for row in rows)])))
    assert batch.leads[0].wishes.consent.given is False
