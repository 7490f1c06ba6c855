"""Word lists and their order, which is the order of the network's outputs."""

import pytest

from akrt.errors import UsageError
from akrt.kws.words import CORE_WORDS, EDGE_WORDS, STANDARD, TUTORIAL, word_list


def test_tutorial_classes() -> None:
    """As the tutorial prints them: silence, then 32 words, the edge-learning ones left out."""
    assert (
        *("_silence_", "bed", "bird", "cat", "dog", "down", "eight", "five", "four", "go"),
        *("happy", "house", "learn", "left", "marvin", "nine", "no", "off", "on", "one", "right"),
        *("seven", "sheila", "six", "stop", "three", "tree", "two", "up", "visual", "wow"),
        *("yes", "zero"),
    ) == TUTORIAL
    assert len(TUTORIAL) == 33
    assert not set(EDGE_WORDS) & set(TUTORIAL)


def test_standard_classes() -> None:
    assert STANDARD[:2] == ("_silence_", "_unknown_")
    assert STANDARD[2:] == CORE_WORDS
    assert len(STANDARD) == 12


def test_presets_by_name() -> None:
    assert word_list("tutorial") is TUTORIAL
    assert word_list("standard") is STANDARD


@pytest.mark.parametrize(
    ("spec", "classes"),
    [
        ("yes,no", ("_silence_", "yes", "no")),
        ("no, yes,_unknown_", ("_silence_", "_unknown_", "no", "yes")),
        ("_silence_,on,off", ("_silence_", "on", "off")),
    ],
)
def test_own_list(spec: str, classes: tuple[str, ...]) -> None:
    assert word_list(spec) == classes


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tutorials", "no word list"),
        ("", "no word list"),
        ("yes,yes", "twice"),
        ("yes,", "cannot be the name"),
        ("yes,../no", "cannot be the name"),
        ("_silence_,_unknown_", "no word"),
    ],
)
def test_bad_list(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        word_list(spec)


def test_the_name_of_the_option_is_no_word() -> None:
    assert word_list("words:yes,no") == word_list("yes,no")
    with pytest.raises(UsageError, match="cannot be the name of a folder"):
        word_list("yes,other:no")


def test_a_byte_order_mark_is_no_part_of_the_first_word() -> None:
    assert word_list("\ufeffyes,no") == ("_silence_", "yes", "no")
