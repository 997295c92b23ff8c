"""Abbreviations by language: whether a full stop after them can end a sentence."""

from __future__ import annotations

from typing import NamedTuple

from nodes.text import _abbreviations as english


class Abbreviations(NamedTuple):
    """The abbreviations of a language, without their last full stop."""

    titles: frozenset[str]
    """Before a name, as they are capitalised."""
    inner: frozenset[str]
    """Never at the end of a sentence; this and the next two in small letters."""
    numbered: frozenset[str]
    """Not at the end of a sentence if a number follows."""
    outer: frozenset[str]
    """At the end of a sentence only if a starter follows."""
    starters: frozenset[str]
    """Words that, capitalised, begin a sentence."""
    ordinals: bool = False
    """Whether a full stop makes an ordinal number: der 3. Oktober."""


def _of(titles: str, inner: str, numbered: str, outer: str, starters: str, *, ordinals: bool = False) -> Abbreviations:
    before, within, counted, after, first = (
        frozenset(text.split()) for text in (titles, inner, numbered, outer, starters)
    )
    return Abbreviations(before, within, counted, after, first, ordinals)


OF: dict[str, Abbreviations] = {
    "en": Abbreviations(
        frozenset(english.TITLES),
        frozenset(english.INNER),
        frozenset(english.NUMBERED),
        frozenset(english.OUTER),
        english.STARTERS,
    ),
    "de": _of(
        "Dr Prof Hr Fr Frl Hrn Dipl Ing St Mag Sr Hl",
        """z.b z d.h d u.a u bzw ca vgl sog evtl ggf inkl exkl max min mind insb bspw etwa allg geb gest engl dt franz
        ehem v n i.d.r i gem lt zzgl abzgl einschl o.g o s.o s.u""",
        "nr tel abb kap bd s art abs ziff tab",
        """std min sek jh mio mrd jan feb apr jun jul aug sept okt nov dez usw etc str co chr bzgl u.s.w o.ä u.ä mwst
        gmbh pl""",
        """der die das ein eine er sie es ich wir ihr du man dann danach und aber oder doch denn wenn als ob weil dass
        in im am an auf aus bei mit nach von vor zu zur zum über unter für gegen ohne um was wer wie wo wann warum hier
        dort heute gestern morgen jetzt nun so auch nur noch nicht kein keine dies diese dieser dieses jeder jede alle
        viele mein meine sein seine ihre unser bitte ja nein später zuerst schließlich deshalb trotzdem es""",
        ordinals=True,
    ),
    "fr": _of(
        "M MM Mme Mmes Mlle Dr Dre Pr Me St Ste Mgr",
        "p.ex p ex c.-à-d c.à.d env cf approx av apr",
        "n no num art chap fig p pp vol tél bd",
        "etc j.-c s.a",
        """le la les un une des il elle ils elles je tu nous vous on ce cet cette ces et mais ou donc or ni car si quand
        que qui où comment pourquoi dans sur avec pour par sans sous chez en à au aux puis ensuite ainsi alors enfin
        mon ma mes ton son sa ses notre votre leur leurs oui non c'est ici aujourd'hui demain hier""",
    ),
    "es": _of(
        "Sr Sra Srta Sres Sras Dr Dra D Dña Ud Uds Vd Prof Ing Lic Gral Sto Sta",
        "p.ej p ej aprox máx mín cf",
        "núm no nro n pág págs art cap fig vol tel av avda c",
        "etc ee.uu ee uu a.c d.c c.v s.a",
        """el la los las un una unos unas él ella ellos ellas yo tú nosotros usted ustedes ese esa este esta estos y
        pero o sino si cuando que quien donde cómo por para con sin sobre en de a al del entonces luego después así
        también mi mis tu su sus nuestro hay es son fue era no sí hoy ayer mañana aquí""",
    ),
}
