"""Which headers say whether a person may be called, and which only look like it.

A header is understood where its words leave no doubt which answer means no calls. Whatever else looks like consent or
an opt-out is `UNCLEAR`: a person has to decide what it means, for a wrong guess would call people who refused.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from flireo_flows.leads.opt_out_words import CALLS, MARKS, OTHER_CHANNELS, asks_for_no_calls
from flireo_flows.leads.yes_no import plain_set, plain_words, word_set


class Meaning(StrEnum):
    """What a header means for calls."""

    OPT_OUT = "opt_out"  # yes: no calls
    CONSENT = "consent"  # yes: calls are allowed
    OTHER_CHANNEL = "other_channel"  # only of e-mail, SMS, post ...
    UNCLEAR = "unclear"  # looks like consent or an opt-out
    UNRELATED = "unrelated"


def meaning_of(header: str) -> Meaning:
    """What a header means for calls."""
    words = header_words(header)
    if _is_one_of(words, OPT_OUT_NAMES, OPT_OUT_PREFIXES):
        return Meaning.OPT_OUT
    if _is_one_of(words, CONSENT_NAMES, PREFIXES):
        return Meaning.CONSENT
    if not _looks_like_consent(words):
        return Meaning.UNRELATED
    channels = OTHER_CHANNELS & {*words, *plain_words(header)}  # WhatsApp is one word
    about_calls = set(words) & ((CALLS - {"all"}) | _WIDE)
    return Meaning.OTHER_CHANNEL if channels and not about_calls else Meaning.UNCLEAR


def holds_marks(header: str) -> bool:
    """Whether a column holds marks, such as a status or tags."""
    return bool(MARK_COLUMNS & set(header_words(header)))


_CUSTOM: Final = re.compile("__c$", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def header_words(header: str) -> list[str]:
    """The words of a header, also those of `HasOptedOutOfCall`, without the ending of a custom field of Salesforce."""
    return plain_words(_CAMEL.sub(" ", _CUSTOM.sub("", header.strip())))


def _each(templates: str, subjects: Iterable[str]) -> Iterator[str]:
    return (template.replace("*", subject) for subject in subjects for template in templates.split())


# Beside a name they change nothing. Not `contact` before consent: it may be consent to any contact.
PREFIXES: Final = word_set(
    "is has the lead leads person customer klant kunde client custom cf field property properties hs please bitte"
)
OPT_OUT_PREFIXES: Final = PREFIXES | word_set("contact contacts")
SUFFIXES: Final = word_set("flag yn y n yes indicator status")
MARK_COLUMNS: Final = word_set(
    """
    status stage tag tags label labels disposition outcome result list lists segment segments group groups membership
    category categories type flag flags marker reason leadstatus callstatus
    fase etiket etiketten resultaat afhandeling lijst groep kenmerk
    stadium kennzeichen markierung markierungen schlagwort schlagworte ergebnis liste gruppe grund
    statut etiquette etiquettes etape resultat groupe
    estado etiqueta etiquetas resultado estatus etapa grupo stato esito etichetta etichette
    """
)
# Consent to these may be consent to calls.
_WIDE: Final = word_set(
    "communication communications communicatie kommunikation everything any channels channel contacted"
)
_CALLS: Final = word_set(
    "call calls phone phones phonecall phonecalls telephone telephonecalls tel calling voice voicecall voicecalls "
    "telemarketing marketingcall marketingcalls salescall salescalls coldcall coldcalls telephonemarketing "
    "phonemarketing marketingphonecalls telesales"
)
# "Voice consent" may be about a recording.
_MAY_CALLS: Final = _CALLS - word_set("voice voicecall voicecalls")
# "No phone" may be the number of one.
_NO_CALLS: Final = _CALLS - word_set("phone phones tel telephone voice")
OPT_OUT_NAMES: Final = frozenset(
    {
        *_each(
            "optout* optoutof* optoutfrom* *optout *optouts *optedout optedout* optedoutof* optedoutfrom*",
            _CALLS,
        ),
        *_each(
            "unsubscribed* unsubscribedfrom* unsubscribefrom* *unsubscribed optoutofall* optedoutofall*",
            _CALLS,
        ),
        *_each("donot* dont* donotallow* donotwant* doesnotwant* never* stop* refuses*", _CALLS),
        *_each("no* nomore* wantsno* nounsolicited*", _NO_CALLS),
        *word_set(
            """
            optout optedout optouts optoutall optedoutall
            donotcall dontcall donotcallme donotcalllist donotcallregistry donotcallregistered donotcontact dontcontact
            donotphone donotring donotdisturb donotsolicit dnc dnd dnclist dnclisted dncregistered dncregistry
            ondnc ondnclist nationaldnc federaldnc statednc internaldnc companydnc
            unsubscribed unsubscribe
            nietbellen nietmeerbellen nooitbellen belmeniet belmijniet belniet nietgebeldworden wilnietgebeldworden
            belmenietregister geentelemarketing geentelefonischemarketing geenreclametelefoon geentelefonischereclame
            geenmarketinggesprekken geenverkoopgesprekken optouttelefoon optoutbellen optouttelefonisch
            afgemeld afgemeldvoorbellen uitgeschreven
            nichtanrufen nichtmehranrufen bittenichtanrufen keineanrufe keinewerbeanrufe keinetelefonwerbung
            keinetelefonanrufe keinemarketinganrufe keineverkaufsanrufe keintelefonmarketing anrufsperre telefonsperre
            telefonwerbesperre werbesperretelefon werbewiderspruchtelefon anrufewiderrufen optouttelefonie optoutanruf
            optoutanrufe abgemeldet
            nepasappeler neplusappeler nepastelephoner nepasrappeler neplusrappeler desinscrit desabonne
            oppositionappel oppositionappels oppositiontelephone oppositiontelephonique oppositiondemarchage
            oppositiondemarchagetelephonique refusappel refusappels refusdemarchage pasdedemarchage
            pasdedemarchagetelephonique inscritbloctel
            nollamar nollamarmas noquierellamadas nomasllamadas nomolestarporllamada nodeseallamadas sinllamadas
            nonchiamare nonrichiamare nochiamate notelefonate nonvuolechiamate
            naoligar naochamar naoquerligacoes semligacoes
            """
        ),
    }
)
CONSENT_NAMES: Final = frozenset(
    {
        *_each("*optin optin* optinto* *optedin optedin* optedinto* *consent *consents", _MAY_CALLS),
        *_each(
            "consent* consentto* consentfor* consentsto* *permission permissionto* permissionfor* *permitted",
            _MAY_CALLS,
        ),
        *_each(
            "*allowed allow* allows* accepts* accept* agreesto* agreedto* consented* consentedto*", _MAY_CALLS
        ),
        *word_set(
            """
            consent consentgiven optin optedin
            maycall maybecalled maywecall maywecallyou cancall canbecalled canwecall canwecallyou oktocall okaytocall
            oktophone consenttobecalled agreestobecalled agreedtobecalled agreetobecalled doyouagreetobecalled
            iagreetobecalled iconsenttobecalled calloptinstatus
            toestemming toestemminggegeven toestemmingbellen toestemmingtelefoon toestemmingtelefonisch
            toestemmingvoorbellen toestemmingomtebellen toestemmingtebellen toestemmingtelemarketing beltoestemming
            toestemminggebeldworden maggebeldworden maggebeld magbellen maggebeldwordenjn bellentoegestaan bellenmag
            akkoordbellen akkoordmetbellen akkoordtelefonisch optintelefoon optinbellen optintelefonisch telefoonoptin
            einwilligung einwilligungtelefon einwilligungtelefonisch einwilligunganruf einwilligunganrufe
            einwilligungtelefonwerbung einwilligungwerbeanrufe telefoneinwilligung teleinwilligung anrufeinwilligung
            einwilligunginanrufe einwilligungzuanrufen zustimmunganruf zustimmunganrufe zustimmungtelefon
            darfangerufenwerden anruferlaubt anrufeerlaubt anrufenerlaubt telefonwerbungerlaubt werbeanrufeerlaubt
            optintelefon optinanruf optinanrufe
            consentement consentementappel consentementappels consentementtelephone consentementtelephonique
            consentementdemarchagetelephonique accordappel accordappels accordtelephonique accepteappels
            accepteetreappele autorisationappel autorisationappels peutetreappele appelautorise appelsautorises
            consentimientollamada consentimientollamadas consentimientotelefonico aceptallamadas permisollamar
            permisollamadas sepuedellamar autorizallamadas
            consensochiamata consensochiamate consensotelefonate consensotelefono consensotelefonico accettachiamate
            sipuochiamare puoesserechiamato
            consentimentochamadas consentimentoligacoes consentimentotelefone aceitaligacoes podeligar
            """
        ),
    }
)


def _is_one_of(words: Sequence[str], names: frozenset[str], prefixes: frozenset[str]) -> bool:
    """Whether the words are one of these names, once what changes nothing is left out at both ends."""
    for first in range(len(words) + 1):
        if first and words[first - 1] not in prefixes:
            return False
        for last in range(len(words), first, -1):
            if last < len(words) and words[last] not in SUFFIXES:
                break
            if "".join(words[first:last]) in names:
                return True
    return False


# Parts of a header, written together, that are enough to look like consent.
_ROOTS: Final = plain_set(
    """
    consent optout optin optedout optedin unsub gdpr dsgvo rgpd lgpd ccpa tcpa lopd permission permissie privacy
    toestemming akkoord einwillig zustimmung einverstand erlaubnis sperr widerruf widerspr
    abgemeld abbestell afgemeld uitgeschreven uitschrijv aangemeld angemeldet robinson bloctel desabonn desinscri
    consenso suppress blacklist blocklist lawful legalbasis legalground rechtsgrundlage grondslag
    donotcall dontcall donotcontact dontcontact callme dnclist nationaldnc
    nietbellen nietmeerbellen belmeniet gebeldworden geenbel geentele geenreclame geenverkoop
    nichtanruf keineanruf keinewerb keintelefon keinetelefon keinekontakt datenschutz telefonwerbung werbeanruf
    demarchage nepasapp neplusapp nepascont nonchiamare nonrichiam noncontat nollam nocontact nomolest
    naoligar naochamar naocontat naopertur datadesubscri descadastr
    contactable callable telemarket coldcall robocall
    zgoda zgody zgode sprzeciw niedzwon niekontakt zakazdzwon brakzgody
    samtykk samtyck suostumus souhlas suhlas hozzajarul reservasjonsreg reserveretmod reservertmot
    ringikke ikkering ikkekontakt ringinte ejring ejkontakt alasoit soittokiel markkinointikiel
    aramayin aramaizni aramaonay iletisimizni nevolat nekontakt nezvat nezovi nehivja nusuna
    rechtvanverzet listerouge geenacquisitie registrooppos opposizion perturbe permissaopara
    незвон согласи отказ μηνκαλ 勿扰 不要打 禁止 拒绝 同意 수신거부 동의 연락금지
    """
)
_ROOT_WORDS: Final = word_set(
    """
    rodo rpo nix kvkk iys onay onayi pewc acord excluir
    subscribed blocked blocking geblokkeerd blockiert bloque bloquee bloqueado bloccato tps ctps avg opposition
    oppose refus refuse refused refuses baja permiso permesso permissao autorisation accord
    agree agreed agrees objection objections objected bezwaar litigator litigators complainer complainers
    erasure removed forget forgotten
    deceased death died overleden verstorben gestorben decede decedee deces fallecido fallecida deceduto deceduta
    falecido falecida zmarly zmarla avliden avdod kuollut vefat
    """
)
_MODALS: Final = word_set(
    """
    may can could should ok okay allow allows allowed authorized authorised permitted agree accept accepts accepted
    want wants willing mag mogen kan darf durfen erlaubt erwunscht gewunscht wunscht toegestaan gewenst
    peut peutetre autorise accepte jaccepte souhaite veut acepta autoriza desea quiere accetta autorizza desidera vuole
    aceita quer deseja puede puo pode moze mozna wolno zezwala lov
    """
)
_NOTS: Final = word_set(
    "not dont never stop without niet geen nooit nicht kein keine nie ne sin sem non nao nunca mai ikke inte ej bez"
)
_PAIRS: Final = tuple(map(word_set, ("do not", "opt out", "opt in", "ne pas", "ne plus")))
_NOT_NUMBERS: Final = word_set("of de du 1 2 3 4")  # "No of calls"
_SUBJECTS: Final = (CALLS - {"all", "everything", "everywhere", "voice", "callback"}) | word_set(
    "contact contacted contacten contacter contatto contattare contactar contatar kontakt kontaktieren kontaktiert "
    "benaderen benaderd marketing werbung reclame market solicit disturb ring"
)
# Beginnings of words about calls: Telefonkontakt, Anrufwunsch, llamarle, chiamarlo, dzwonienie, opringning.
_STEMS: Final = tuple(
    word_set(
        "telefon anruf kontakt contact contatt contato contata appel rappel llama chiama ligac dzwon zadzwon opkald "
        "oppring opring ringe ringa"
    )
)
# Beside these `avg` is an average, and not the Dutch name of the GDPR.
_AVERAGED: Final = word_set(
    "order orders value spend spent price revenue amount score rating per duration purchase purchases time days sales "
    "monthly weekly daily yearly basket ticket size length age income salary clv ltv session visits cost deal"
)
_PREFERENCES: Final = word_set(
    "preference preferences voorkeur voorkeuren praferenz praferenzen preferencias preferenze"
)


def _looks_like_consent(words: Sequence[str]) -> bool:
    joined, single = "".join(words), set(words)
    if single & _AVERAGED:
        single -= {"avg"}
    if any(root in joined for root in _ROOTS) or single & _ROOT_WORDS:
        return True
    if any(word.startswith(("dnc", "dnd")) or word.endswith("dnc") for word in words) or single & MARKS:
        return True
    if any(pair <= single for pair in _PAIRS) or single & {"dont", "donot"} or joined == "stop":
        return True
    if asks_for_no_calls(" ".join(words)):  # such as `Remove from list`
        return True
    if not (single & (_SUBJECTS | _WIDE) or any(word.startswith(_STEMS) for word in words)):
        return False
    return bool(single & (_MODALS | _NOTS | _PREFERENCES)) or _forbids(words)


def _forbids(words: Sequence[str]) -> bool:
    """`No marketing calls`, and neither `Phone no` nor `No of calls`."""
    if "no" not in words:
        return False
    behind = words[words.index("no") + 1 :]
    return bool(set(behind) & _SUBJECTS) and behind[0] not in _NOT_NUMBERS
