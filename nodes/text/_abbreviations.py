"""English abbreviations: their expansions, and whether they can end a sentence."""

from __future__ import annotations

TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Dr": "Doctor",
    "Drs": "Doctors",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Gen": "General",
    "Adm": "Admiral",
    "Col": "Colonel",
    "Maj": "Major",
    "Capt": "Captain",
    "Cmdr": "Commander",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Cpl": "Corporal",
    "Pvt": "Private",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
    "Supt": "Superintendent",
    "Det": "Detective",
    "Insp": "Inspector",
    "Amb": "Ambassador",
    "Ald": "Alderman",
    "Msgr": "Monsignor",
    "Messrs": "Messieurs",
    "Ft": "Fort",
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
    "incl": "including",
    "excl": "excluding",
    "resp": "respectively",
    "esp": "especially",
    "usu": "usually",
    "orig": "originally",
    "a.k.a": "also known as",
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
    "vols": "volumes",
    "ch": "chapter",
    "sec": "section",
    "art": "article",
    "eq": "equation",
    "apt": "apartment",
    "ste": "suite",
    "ext": "extension",
    "rm": "room",
    "bldg": "building",
    "fl": "floor",
    "max": "maximum",
    "min": "minimum",
    "est": "established",
    "hwy": "highway",
    "rte": "route",
    "ver": "version",
    "tel": "telephone",
    "para": "paragraph",
    "ex": "exercise",
    "op": "opus",
    "pt": "part",
    "qty": "quantity",
    "avg": "average",
    "temp": "temperature",
}
"""Abbreviations before a number; elsewhere often ordinary words, as in `No. I do not.`"""

WORDS = frozenset("no sec fig art ch ex max est fl op min temp para pt ste".split())
"""Those of them that in small letters can be a word, which ends a sentence after certain words."""

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

DAYS = frozenset("Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun".split())
"""Abbreviations of days."""

OUTER = {
    "etc": "et cetera",
    "et al": "and others",
    "jr": "Junior",
    "sr": "Senior",
    "inc": "Incorporated",
    "ltd": "Limited",
    "corp": "Corporation",
    "co": "Company",
    "bros": "Brothers",
    "dept": "department",
    "univ": "University",
    "inst": "Institute",
    "assn": "Association",
    "assoc": "Associate",
    "asst": "Assistant",
    "intl": "International",
    "natl": "National",
    "govt": "government",
    "ph.d": "PhD",
    "mt": "Mount",
    "ave": "Avenue",
    "blvd": "Boulevard",
    "rd": "Road",
    "ln": "Lane",
    "pkwy": "Parkway",
    "ct": "Court",
    "pl": "Place",
    "sq": "Square",
    "hwy": "Highway",
    "misc": "miscellaneous",
    "attn": "attention",
    "appt": "appointment",
    "mgr": "manager",
    "mfg": "manufacturing",
    "hosp": "hospital",
    "ed": "edition",
    "tbsp": "tablespoons",
    "tsp": "teaspoons",
    "oz": "ounces",
    "lbs": "pounds",
    "lb": "pounds",
    "hrs": "hours",
    "hr": "hour",
    "mins": "minutes",
    "yrs": "years",
    "yr": "year",
}
"""Abbreviations that may end a sentence."""

STREETS = {"Dr": "Drive", "St": "Street"}
"""What a title is after the name of a street."""

LABELS = frozenset(
    """group plan vitamin option point class type grade team section part appendix room gate exhibit figure table model
    size hepatitis step answer choice variable letter level block building terminal platform line an a the at line
    column row unit seat
    flat apartment apt suite bus house flight zone track side exit hall wing season generation schedule""".split()
)
"""Words before a single letter that is no initial of a name."""

STARTERS = frozenset(
    """a after all also although an and another any as at because before both but by can could did do does during each
    even every few finally first for from given had has have he hence her here his how however i if in instead is it
    its just last let many maybe more most my neither next no not nothing now of often on once one only or other our
    perhaps please second she should similarly since so some soon still such that the their them then there therefore
    these they third this those though thus to today together until unless was we well were what when where whether
    which while who why will with would yes yet you your""".split()
)
"""Words which, capitalised after an abbreviation, begin a new sentence rather than a name."""
