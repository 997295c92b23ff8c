"""Spoken forms of written text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.text._speakable import speakable

CASES = [
    # Plain words
    ("Hello there, how are you?", "Hello there, how are you?"),
    ("It's a T-shirt — isn't it?", "It's a T-shirt — isn't it?"),
    ("Wait... what?", "Wait... what?"),
    # Numbers
    ("I have 2 apples.", "I have two apples."),
    ("1,234 people", "one thousand two hundred and thirty-four people"),
    ("3.14", "three point one four"),
    ("0.5 or .5", "zero point five or zero point five"),
    ("-5", "minus five"),
    ("agent 007", "agent zero zero seven"),
    ("1000000", "one million"),
    ("12345678901234567", "one two three four five six seven eight nine zero one two three four five six seven"),
    ("3.5 million", "three point five million"),
    ("MP3 and GPT-4 in 4K", "MP three and GPT four in four K"),
    ("COVID-19", "COVID nineteen"),
    ("a 5-year-old", "a five year-old"),
    ("1,2,3", "one, two, three"),
    ("٣ apples", "three apples"),
    # Ordinals, ranges, fractions
    ("the 1st, 22nd and 103rd", "the first, twenty-second and one hundred and third"),
    ("the 21st century", "the twenty-first century"),
    ("5-10", "five to ten"),
    ("5–6", "five to six"),
    ("5 - 3", "five minus three"),
    ("1/2, 3/4 and 2/3", "one half, three quarters and two thirds"),
    ("2 1/2 and 2½", "two and one half and two and one half"),
    ("10/10", "ten out of ten"),
    ("9/11", "nine eleven"),
    ("24/7", "twenty-four seven"),
    ("16:9", "sixteen to nine"),
    # Money and percent
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("$5.99", "five dollars and ninety-nine cents"),
    ("$1,234.50", "one thousand two hundred and thirty-four dollars and fifty cents"),
    ("$0.99 and $5.00", "ninety-nine cents and five dollars"),
    ("£1.01", "one pound and one penny"),
    ("€3 million, $2bn", "three million euros, two billion dollars"),
    ("5€ and ¥500", "five euros and five hundred yen"),
    ("US$5", "five dollars"),
    ("$5-10", "five to ten dollars"),
    ("50% of 12.5 %", "fifty percent of twelve point five percent"),
    # Units
    ("5 km at 5 km/h", "five kilometers at five kilometers per hour"),
    ("1 kg and 2 lbs", "one kilogram and two pounds"),
    ("10-15 km", "ten to fifteen kilometers"),
    ("20°C, -5 °F, 90°", "twenty degrees Celsius, minus five degrees Fahrenheit, ninety degrees"),
    ("5 m² and x²", "five square meters and x squared"),
    ("100MB in 5ms", "one hundred megabytes in five milliseconds"),
    ("5 in the morning", "five in the morning"),
    ("5'10\" tall", "five feet ten tall"),
    ("1920x1080, 3 × 4", "nineteen twenty by one thousand and eighty, three times four"),
    # Dates and times
    ("March 5, 2024", "March fifth, twenty twenty-four"),
    ("March 5th", "March fifth"),
    ("Jan. 5", "January fifth"),
    ("5 March 2024", "the fifth of March, twenty twenty-four"),
    ("on the 5th of March", "on the fifth of March"),
    ("in March 2024", "in March twenty twenty-four"),
    ("2024-03-05", "March fifth, twenty twenty-four"),
    ("2024-03-05T10:30:00Z", "March fifth, twenty twenty-four at ten thirty"),
    ("3/5/2024 and 25/12/99", "March fifth, twenty twenty-four and December twenty-fifth, nineteen ninety-nine"),
    ("in 1984 and 2008", "in nineteen eighty-four and two thousand and eight"),
    ("the 1980s and the '90s", "the nineteen eighties and the nineties"),
    ("at 5:30", "at five thirty"),
    ("at 5:00 or 17:05", "at five o'clock or seventeen oh five"),
    ("5 p.m. and 10:30am", "five PM and ten thirty AM"),
    ("It is 5 p.m.", "It is five PM."),
    ("00:00", "midnight"),
    ("12:30:15", "twelve thirty and fifteen seconds"),
    # Telephones and versions
    ("Call 555-123-4567.", "Call five five five, one two three, four five six seven."),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("+49 30 1234567", "plus four nine, three zero, one two three four five six seven"),
    ("v1.2.3", "version one point two point three"),
    ("Python 3.11.2", "Python three point eleven point two"),
    # Addresses
    ("example.com", "example dot com"),
    ("See https://www.example.com/docs?x=1.", "See example dot com slash docs."),
    ("https://example.com/a/very/long/path/here", "example dot com"),
    ("my-site.org", "my dash site dot org"),
    ("ann.lee@example.com", "ann dot lee at example dot com"),
    ("main.py and node.js", "main dot py and node dot js"),
    # Abbreviations
    ("Dr. Smith and Mrs. Lee", "Doctor Smith and Missus Lee"),
    ("fruit, e.g. apples, etc.", "fruit, for example apples, et cetera."),
    ("that is, i.e. now", "that is, that is now"),
    ("No. 5 on pp. 5-6", "number five on pages five to six"),
    ("No. I do not.", "No. I do not."),
    ("St. John on Main St.", "Saint John on Main Street."),
    ("the U.S. Army", "the US Army"),
    ("in the U.S.", "in the US."),
    ("J. R. R. Tolkien", "J R R Tolkien"),
    ("a Ph.D. student", "a PhD student"),
    ("black w/ sugar", "black with sugar"),
    # Symbols
    ("fish & chips", "fish and chips"),
    ("R&D", "R and D"),
    ("a = b + c", "a equals b plus c"),
    ("3+4=7", "three plus four equals seven"),
    ("C++ and C#", "C plus plus and C sharp"),
    ("#1 and #python", "number one and hashtag python"),
    ("@ann", "at ann"),
    ("and/or he/she", "and or he slash she"),
    ("10^2", "ten squared"),
    ("x >= 3, a != b", "x at least three, a is not b"),
    ("~5", "about five"),
    ("A → B", "A to B"),
    ("snake_case", "snake case"),
    ("[sic] {x}", "sic x"),
    # Pictures
    ("Hi 😀👍🏽 there!", "Hi there!"),
    ("I ❤️ it :-)", "I it"),
    ("Fine 👨‍👩‍👧‍👦.", "Fine."),
    ("😀", ""),
    ("...", ""),
    ("", ""),
]


@pytest.mark.parametrize(("written", "said"), CASES)
def test_speakable_text_reads_as_a_person_would_say_it(written: str, said: str) -> None:
    """Voices read symbols badly, and each in its own way."""
    assert speakable(written) == said


WORDS = "Dr. U.S. e.g. a.m. example.com a@b.de March word Word 你好 😀 👍🏽"
NUMBERS = "5 10 3.14 1,000 2024 1st 5:30 12/31 $5 €3 x² ½ v1.2 5km -5 1/2 ٣ ① 555-1234"
SYMBOLS = """% °C km & + = @ # / - – — * ^ _ | [ ] { } < > ~ \\ . , : ; ! ? ' " ( ) …"""
PARTS = st.sampled_from([*WORDS.split(), *NUMBERS.split(), *SYMBOLS.split()])


@given(st.lists(st.tuples(PARTS, st.sampled_from(["", " "])), max_size=12))
def test_speakable_text_has_no_digits_or_symbols(parts: list[tuple[str, str]]) -> None:
    """Whatever a model writes, a voice gets only words and punctuation."""
    said = speakable("".join(part + space for part, space in parts))
    assert not re.search(r"\d", said)
    assert not [c for c in said if unicodedata.category(c)[0] in "SC" or c in "*_#@&%/\\[]{}"]
    assert said == " ".join(said.split())


@given(st.text(max_size=100))
def test_speakable_text_exists_for_any_input(text: str) -> None:
    """No text may fail the answer."""
    said = speakable(text)
    assert not said or any(c.isalnum() for c in said)


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("de", "Ich habe 21 & 3,5.", "Ich habe einundzwanzig und drei Komma fünf."),
        ("de", "1.234 Leute", "eintausendzweihundertvierunddreißig Leute"),
        ("fr", "J'ai 21 ans 😀", "J'ai vingt et un ans"),
        ("es", "3.5", "tres punto cinco"),
        ("pt_BR", "2", "dois"),
        ("am", "1234", "1234"),
        ("zh", "有 5 个 😀", "有 五 个"),
        ("en-US", "2", "two"),
    ],
)
def test_speakable_text_spells_numbers_in_other_languages(language: str, written: str, said: str) -> None:
    """Text of an unsupported language is left unchanged; no English is inserted."""
    assert speakable(written, language) == said
