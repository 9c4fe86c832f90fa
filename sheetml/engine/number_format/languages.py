"""The names of months and weekdays, in English or in the language that a format states: [$-407], [$-de-DE].

A language is stated by the number that Windows gives it ([MS-LCID]: the low 10 bits are the language itself)
or by its tag. Names are Windows' own; short names are only here for languages where all its versions agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sheetml.engine.number_format.tokens import UnknownLanguage

_LANGUAGE = 0x3FF  # the bits of a number that tell the language, those above the country
_CALENDARS = (0, 1)  # bits 16 to 23: the Gregorian calendar
_NUMERALS = (0, 1)  # bits 24 and above: the digits 0 to 9
_SYSTEM = ("", "F800", "F400", "x-sysdate", "x-systime")  # the language of the system


@dataclass(frozen=True, slots=True)
class Language:
    months: tuple[str, ...]  # from January on
    weekdays: tuple[str, ...]  # from Sunday on
    short_months: tuple[str, ...] | None = None
    short_weekdays: tuple[str, ...] | None = None

    def month(self, number: int, count: int) -> str:
        """The name of a month (from 1), as three, four or five letters m ask for it."""
        return _named(number - 1, count, self.months, self.short_months)

    def weekday(self, number: int, count: int) -> str:
        """The name of a weekday (Sunday is 0), as three or more letters d ask for it."""
        return _named(number, min(count, 4), self.weekdays, self.short_weekdays)


def _named(index: int, count: int, names: tuple[str, ...], short: tuple[str, ...] | None) -> str:
    if count == 5:
        return names[index][0].upper()
    if count != 3:
        return names[index]
    if short is None:
        raise UnknownLanguage("the short names of days and months in the format's language are not known")
    return short[index]


def _language(months: str, weekdays: str, short_months: str = "", short_weekdays: str = "") -> Language:
    return Language(
        tuple(months.split()),
        tuple(weekdays.split()),
        tuple(short_months.split()) or None,
        tuple(short_weekdays.split()) or None,
    )


ENGLISH = _language(
    "January February March April May June July August September October November December",
    "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "Sun Mon Tue Wed Thu Fri Sat",
)
_LANGUAGES = {
    "en": ENGLISH,
    "de": _language(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
        "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "So Mo Di Mi Do Fr Sa",
    ),
    "fr": _language(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "dimanche lundi mardi mercredi jeudi vendredi samedi",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "dim. lun. mar. mer. jeu. ven. sam.",
    ),
    "it": _language(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "domenica lunedì martedì mercoledì giovedì venerdì sabato",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "dom lun mar mer gio ven sab",
    ),
    "es": _language(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "domingo lunes martes miércoles jueves viernes sábado",
    ),
    "pt": _language(
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado",
    ),
    "nl": _language(
        "januari februari maart april mei juni juli augustus september oktober november december",
        "zondag maandag dinsdag woensdag donderdag vrijdag zaterdag",
    ),
    "da": _language(
        "januar februar marts april maj juni juli august september oktober november december",
        "søndag mandag tirsdag onsdag torsdag fredag lørdag",
    ),
    "nb": _language(
        "januar februar mars april mai juni juli august september oktober november desember",
        "søndag mandag tirsdag onsdag torsdag fredag lørdag",
    ),
    "sv": _language(
        "januari februari mars april maj juni juli augusti september oktober november december",
        "söndag måndag tisdag onsdag torsdag fredag lördag",
    ),
}
_TAGS = {
    0x06: "da",
    0x07: "de",
    0x09: "en",
    0x0A: "es",
    0x0C: "fr",
    0x10: "it",
    0x13: "nl",
    0x14: "nb",
    0x16: "pt",
    0x1D: "sv",
}


def language(code: str) -> Language | None:
    """The language of what stands behind the minus of [$-407], [$€-407] or [$-de-DE,1]; None if it is not known.

    Raises UnknownLanguage for another calendar and other numerals, which would change every number shown.
    """
    code = code.partition(",")[0].strip()
    if code in _SYSTEM:
        return ENGLISH
    if not re.fullmatch(r"[0-9a-fA-F]{1,8}", code):
        return _LANGUAGES.get(code.partition("-")[0].lower())
    number = int(code, 16)
    if number >> 24 not in _NUMERALS or number >> 16 & 0xFF not in _CALENDARS:
        raise UnknownLanguage("the format asks for another calendar or other numerals")
    tag = _TAGS.get(number & _LANGUAGE)
    return _LANGUAGES[tag] if tag else ENGLISH if number & 0xFFFF == 0 else None
