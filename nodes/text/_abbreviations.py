"""English abbreviations: their expansions, and whether they can end a sentence."""

from __future__ import annotations

TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Dr": "Doctor",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Gen": "General",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
}
"""Titles before a name, capitalised."""

INNER = {
    "e.g": "for example",
    "i.e": "that is",
    "vs": "versus",
    "cf": "compare",
    "viz": "namely",
    "ca": "about",
    "approx": "approximately",
}
"""Abbreviations that never end a sentence."""

NUMBERED = {
    "no": "number",
    "nos": "numbers",
    "fig": "figure",
    "figs": "figures",
    "p": "page",
    "pp": "pages",
    "vol": "volume",
    "ch": "chapter",
    "sec": "section",
    "art": "article",
    "eq": "equation",
}
"""Abbreviations before a number; elsewhere ordinary words, as in `No. I do not.`"""

MONTHS = {
    "Jan": "January",
    "Feb": "February",
    "Mar": "March",
    "Apr": "April",
    "Jun": "June",
    "Jul": "July",
    "Aug": "August",
    "Sep": "September",
    "Sept": "September",
    "Oct": "October",
    "Nov": "November",
    "Dec": "December",
}
"""Abbreviations of months, next to a number."""

OUTER = {
    "etc": "et cetera",
    "et al": "and others",
    "jr": "Junior",
    "sr": "Senior",
    "inc": "Incorporated",
    "ltd": "Limited",
    "corp": "Corporation",
    "co": "Company",
    "dept": "department",
    "ph.d": "PhD",
    "mt": "Mount",
    "ave": "Avenue",
    "blvd": "Boulevard",
    "rd": "Road",
}
"""Abbreviations that may end a sentence."""

STARTERS = frozenset(
    """a after all also although an and another any as at because before both but by can could did do does during each
    even every few finally first for from given had has have he hence her here his how however i if in instead is it
    its just last let many maybe more most my neither next no not nothing now of often on once one only or other our
    perhaps please second she should similarly since so some soon still such that the their them then there therefore
    these they third this those though thus to today together until unless was we well were what when where whether
    which while who why will with would yes yet you your""".split()
)
"""Words which, capitalised after an abbreviation, begin a new sentence rather than a name."""
