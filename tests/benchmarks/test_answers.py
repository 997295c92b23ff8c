"""The judge of the benchmark of answers, and its way from a recording to a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks._answers_judge import Question, chats, contains, distance, is_in, judged, questions, tokens
from benchmarks._answers_speech import Recording
from benchmarks.answers import answered, figures
from pipeline.packet import SECOND
from vitagraph.replay.clip import Clip
from vitagraph.replay.recorder import Recorder
from vitagraph.replay.result import Result
from vitagraph.waterfall import TurnRecord

PARIS = Question("france", "fact", "What is the capital of France?", ("paris",))


def test_answers_table_gives_conversations_in_order(tmp_path: Path) -> None:
    """A follow-up is asked in the conversation of the question before it."""
    file = tmp_path / "en.tsv"
    file.write_text(
        "# header\na\tfact\tWho?\tme|you\n\nb\tsum\tHow many?\t5\nb\tfollow_up\tAnd two more?\t7\n", "utf-8"
    )
    talks = chats(questions(file))
    assert [[question.text for question in talk] for talk in talks] == [["Who?"], ["How many?", "And two more?"]]
    assert talks[0][0].accepted == ("me", "you")


@pytest.mark.parametrize("line", ["a\tfact\tWho?", "a\tfact\t\tme", "a b c d"])
def test_answers_table_of_another_form_is_reported_with_its_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "en.tsv"
    file.write_text(f"# header\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=r"en\.tsv:2: expected chat"):
        questions(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ninety-nine bottles.", ["99", "bottles"]),
        ("One hundred and five, or a hundred?", ["105", "or", "a", "100"]),
        ("two thousand and twenty six", ["2026"]),
        ("384,400 km; 3.5", ["384400", "km", "3.5"]),
        ("three hundred eighty four thousand four hundred", ["384400"]),
        ("One two three", ["1", "2", "3"]),
        ("It's Da Vinci’s.", ["it's", "da", "vinci's"]),
        ("twenty, thirty", ["20", "30"]),
        ("hundred and nothing", ["100", "and", "nothing"]),
    ],
)
def test_answers_english_numbers_are_compared_as_digits(text: str, words: list[str]) -> None:
    assert tokens(text, "en") == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("等于五十六。", ["等", "于", "56"]),
        ("一共有两个", ["1", "共", "有", "2", "个"]),
        ("一百零五，三千", ["105", "3000"]),
        ("三十八万四千四百公里", ["384400", "公", "里"]),
        ("十二", ["12"]),
        ("二〇二六年", ["2026", "年"]),
    ],
)
def test_answers_chinese_numbers_are_compared_as_digits(text: str, words: list[str]) -> None:
    assert tokens(text, "zh") == words


def test_answers_accepted_text_is_found_as_whole_words() -> None:
    """`The 8th of 18` is not 8, and a comparison is not Paris."""
    assert contains("It is Leonardo Da Vinci.", "da vinci", "en")
    assert contains("It makes fifty-six.", "56", "en")
    assert not contains("It is eighteen.", "8", "en")
    assert not contains("It is a comparison.", "paris", "en")
    assert contains("日本的首都是东京。", "东京", "zh")
    assert not contains("等于十五。", "5|五".split("|")[1], "zh")


@pytest.mark.parametrize(
    ("answer", "language", "right"),
    [
        ("The capital is Paris.", "en", True),
        ("Paris.", "en", True),
        ("8", "en", True),
        ("William Shakespeare wrote Hamlet.", "en", True),
        ("Leonardo da Vinci painted it in Italy.", "en", True),
        ("首都是巴黎。", "en", False),
        ("The capital is 巴黎 but I call it 花都和光之城市。", "en", False),
        ("La capital de Francia es París.", "en", False),
        ("首都是巴黎。", "zh", True),
        ("巴黎 Paris。", "zh", False),
        ("The capital is Paris.", "zh", False),
        ("56。", "zh", True),
    ],
)
def test_answers_language_is_that_of_the_question(answer: str, language: str, right: bool) -> None:
    assert is_in(answer, language) == right


def test_answers_verdict_has_all_that_can_go_wrong() -> None:
    good = judged(PARIS, "what is the capital of france", "It is Paris.", "en")
    assert (good.right, good.foreign, good.cut, good.errors, good.words) == (True, False, False, 0, 6)
    cut = judged(PARIS, "What is a capital friends?", "It is Paris, which is", "en")
    assert (cut.right, cut.foreign, cut.cut, cut.errors) == (True, False, True, 3)
    assert not judged(PARIS, "", "Paris", "en").cut
    silent = judged(PARIS, "", "", "en")
    assert (silent.right, silent.foreign, silent.cut, silent.errors) == (False, False, False, 6)


def test_answers_misheard_words_are_counted_as_edits() -> None:
    assert distance([], ["a"]) == distance(["a"], []) == distance(["a"], ["b"]) == 1
    assert distance("a b c d".split(), "a c d e".split()) == 2


def test_answers_turns_belong_to_the_question_before_them() -> None:
    """A question that was heard as two turns is one, and one that was missed does not shift the others."""
    recording = Recording(Path("a.wav"), (1 * SECOND, 40 * SECOND, 80 * SECOND))
    recorder = Recorder()
    turns = [
        TurnRecord(1, 2 * SECOND, heard="What is the", committed=True),
        TurnRecord(2, 4 * SECOND, heard="capital of France?", said="It is Paris.", committed=True),
        TurnRecord(3, 82 * SECOND, heard="Bye.", said="Goodbye.", committed=True),
    ]
    recorder._turns._turns = {turn.cause: turn for turn in turns}
    asked = [PARIS, Question("france", "sum", "Two and two?", ("4",)), Question("france", "fact", "Bye.", ("bye",))]
    verdicts = answered(recording, Result(Clip(Path("a.wav"), Path("a")), recorder), asked, "en")
    assert [(verdict.heard, verdict.answer) for verdict in verdicts] == [
        ("What is the capital of France?", "It is Paris."),
        ("", ""),
        ("Bye.", "Goodbye."),
    ]
    found = figures(verdicts)
    assert found["total"] == {
        "questions": 3,
        "right": 1,
        "share": 0.333,
        "other_language": 0,
        "cut": 0,
        "unanswered": 1,
        "misheard": 3,
        "words": 10,
    }
    assert list(found) == ["fact", "sum", "total"]
