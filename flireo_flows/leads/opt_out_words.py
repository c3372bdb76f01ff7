"""Words by which a text plainly asks for no more calls, in the languages of most files and agents."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from flireo_flows.leads.yes_no import plain_words, word_set


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    """Phrases, between which commas stand, each as its plain words."""
    return tuple(tuple(plain_words(phrase)) for phrase in text.split(","))


# Each as plain words; a text asks for no more calls that has them one after the other, written apart or together.
PHRASES: Final = _phrases(
    """
    do not call, dont call, never call, stop calling, no more calls, no phone calls, wants no calls, do not phone,
    do not contact, dont contact, do not disturb, do not ring, not to be called, no further calls, remove from list,
    remove from call list, remove from calling list, remove from the list, remove me, removal requested,
    requested removal, opt out, optout, opted out, optedout, opting out, consent withdrawn, consent revoked,
    consent refused, no consent, withdrew consent, niet bellen, niet meer bellen, nooit meer bellen,
    niet gebeld worden, wil niet gebeld, bel niet, bel me niet, bel mij niet, bel niet meer, niet benaderen,
    geen telefoontjes, geen toestemming, nicht anrufen, nicht mehr anrufen, nie anrufen, nie wieder anrufen,
    keine weiteren anrufe, keine werbeanrufe, keine telefonwerbung, nicht kontaktieren, keine einwilligung,
    einwilligung widerrufen, werbesperre, anrufsperre, telefonsperre, kontaktsperre, ne pas appeler, ne plus appeler,
    ne pas rappeler, ne pas contacter, ne plus contacter, plus d appels, bloctel, sans consentement,
    pas de consentement, no llamar, no volver a llamar, no mas llamadas, no contactar, sin consentimiento,
    non chiamare, non richiamare, non contattare, nao ligar, nao chamar, nao contatar, nao perturbe, take me off,
    off your list, asked to be removed, wants to be removed, want to be removed, asked not to be called,
    asked us not to call, asked not to call, not to call again, not to be contacted, wants no contact,
    will nicht angerufen werden, mochte nicht angerufen werden, nicht mehr angerufen, nicht mehr kontaktiert,
    keine anrufe mehr, wil niet meer gebeld, niet meer gebeld worden, niet meer benaderd, souhaite plus etre appele,
    souhaite plus etre contacte, souhaite pas etre appele, souhaite pas etre contacte, veut plus etre appele,
    plus etre rappele, retirer de la liste, no quiere ser contactado, no quiere que le llamen, no quiere mas llamadas,
    no quiere llamadas, no me llamen, no llamen, non vuole essere chiamato, non vuole essere contattato,
    non vuole piu essere, non vuole piu chiamate, non mi chiamate, haal me van de lijst, revoke consent,
    withdraw consent, withdraws consent, wants removal, stop contacting, do not recontact, nao quer receber ligacoes,
    nao quer ser contatado, nao quer mais ligacoes, nie dzwonic, nie kontaktowac, prosze nie dzwonic, ring ikke,
    ikke ring, ikke ringe, ikke ringes, ring inte, ej ringas, ala soita, aramayin, aramayiniz, nevolat, uz nevolat,
    ne zvati, не звонить, не звоните, больше не звонить
    """
)
# Only in a field that holds a mark of some kind, such as a status: elsewhere they may be someone's name, or be about
# something else ("no calls yet", "afgemeld voor de training").
MARKS: Final = word_set(
    """
    dnc dnd unsubscribed unsubscribe nocalls nocall afgemeld uitgeschreven abgemeldet keineanrufe keinanruf
    desinscrit desabonne blacklist blacklisted blocklist blocklisted suppressed optout optouts
    uitschrijven afmelden abmelden widerspruch desinscription
    """
)
MARK_PHRASES: Final = _phrases(
    """
    no calls, no call, no further contact, geen telefoon, keine anrufe, kein anruf, dado de baja, lista robinson,
    do not market, removal request, wants removed, asked to stop, stop contact
    """
)
# "No calls yet", "kein Anruf möglich": what turns some marks into news of what was done.
_NEWS: Final = frozenset(
    {"no calls", "no call", "no further contact", "geen telefoon", "keine anrufe", "kein anruf"}
)
_DONE: Final = word_set(
    "yet made before so logged placed attempted recorded details bekend moglich possible gemacht"
)
# "Not opted out", "no opt-out": the words before a phrase that turn it round.
NEGATIONS: Final = word_set(
    "no not non never without un isnt hasnt wasnt not niet geen nicht kein keine pas sans"
)
# What follows a mark and makes it a check that was passed.
PASSED: Final = word_set("passed clear cleared cleaned scrubbed checked check ok free false no none negative")
OTHER_CHANNELS: Final = word_set(
    """
    email emails mail mails emailing mailing mailings newsletter newsletters nieuwsbrief nieuwsbrieven
    sms texts texting whatsapp fax faxes post postal push cookie cookies
    rundbrief infolettre courriel courriels boletin correo
    """
)
DOORS: Final = word_set("bell doorbell door dorren doren deurbel")  # "Do not ring the bell"
CALLS: Final = word_set(
    """
    call calls called calling callback phone phones phoned phonecall phonecalls telephone tel voice telemarketing
    telefoon telefonisch telefoontjes bellen gebeld bel belt
    telefon telefonisch anruf anrufe anrufen angerufen werbeanruf werbeanrufe telefonwerbung
    appel appels appeler appele telephonique demarchage
    llamada llamadas llamar telefono chiamata chiamate chiamare telefonata telefonate ligar ligacao chamada chamadas
    telefone all everything everywhere
    """
)
_JOINED: Final = frozenset("".join(phrase) for phrase in PHRASES if len(phrase) > 1)  # DoNotCall
Phrases = Mapping[str, Sequence[tuple[str, ...]]]


def _by_first(phrases: Sequence[tuple[str, ...]]) -> Phrases:
    return {first: tuple(one for one in phrases if one[0] == first) for first in {one[0] for one in phrases}}


_BY_FIRST: Final = _by_first(PHRASES)
_MARKS_BY_FIRST: Final = _by_first(PHRASES + MARK_PHRASES)
_WINDOW: Final = 4  # words behind a phrase that may say what it is about


@lru_cache(maxsize=10_000)  # the same few marks stand in row after row
def asks_for_no_calls(text: str, *, is_mark: bool = False) -> bool:
    """Whether a text plainly asks for no more calls.

    Args:
        text: A cell, an answer, an end reason.
        is_mark: It stands in a field of marks (a status, a tag, an end reason), in which `dnc` is no name.
    """
    words = plain_words(text)
    if any(word in _JOINED for word in words):
        return True
    phrases = _MARKS_BY_FIRST if is_mark else _BY_FIRST
    if is_mark and any(_is_mark(words, place) for place in range(len(words))):
        return True
    return any(_counts(words, first, last) for first, last in _found(words, phrases))


def _is_mark(words: Sequence[str], place: int) -> bool:
    if words[place] not in MARKS or not _counts(words, place, place + 1):
        return False
    return not PASSED & set(words[place + 1 : place + 3])


def _found(words: Sequence[str], phrases: Phrases) -> Iterator[tuple[int, int]]:
    """Where phrases stand: the first word, and the first one behind."""
    for place, word in enumerate(words):
        for phrase in phrases.get(word, ()):
            if tuple(words[place : place + len(phrase)]) == phrase:
                yield place, place + len(phrase)


def _counts(words: Sequence[str], first: int, last: int) -> bool:
    """Whether a phrase means calls, and is not turned round."""
    if first and words[first - 1] in NEGATIONS:
        return False
    if words[last : last + 1] and words[last] in _DONE and " ".join(words[first:last]) in _NEWS:
        return False
    around = set(words[max(0, first - 2) : first]) | set(words[last : last + _WINDOW])
    if "ring" in words[first:last] and DOORS & set(words[last : last + 3]):
        return False
    return not (OTHER_CHANNELS & around) or bool(CALLS & set(words))
