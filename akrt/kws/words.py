"""Word lists: what the classes of a keyword-spotting network are called, in order."""

from __future__ import annotations

from akrt.errors import UsageError

__all__ = [
    "ALL_WORDS",
    "CORE_WORDS",
    "EDGE_WORDS",
    "PRESETS",
    "SILENCE",
    "STANDARD",
    "TUTORIAL",
    "UNKNOWN",
    "word_list",
]

SILENCE = "_silence_"
UNKNOWN = "_unknown_"

CORE_WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten words of the standard Speech Commands task."""

EDGE_WORDS = ("backward", "follow", "forward")
"""Kept out of the tutorial's training, for edge learning."""

ALL_WORDS = tuple(
    sorted(
        CORE_WORDS
        + EDGE_WORDS
        + ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
        + ("bed", "bird", "cat", "dog", "happy", "house", "learn", "marvin", "sheila")
        + ("tree", "visual", "wow")
    )
)
"""The 35 words of Speech Commands v0.02."""

TUTORIAL = (SILENCE, *(word for word in ALL_WORDS if word not in EDGE_WORDS))
"""33 classes: silence first, then 32 words in alphabetical order."""

STANDARD = (SILENCE, UNKNOWN, *CORE_WORDS)
"""The standard 12-class task: every word outside the ten is ``_unknown_``."""

PRESETS = {"tutorial": TUTORIAL, "standard": STANDARD}


def word_list(spec: str) -> tuple[str, ...]:
    """Class names for a preset's name, or for words separated by commas.

    ``_silence_`` is always class 0; ``_unknown_`` is class 1 if it is asked for, and then
    collects the words that are not in the list. The other words keep the order given.

    Args:
        spec: ``tutorial``, ``standard``, or for example ``yes,no,_unknown_``.

    Returns:
        The class names, index = class.

    Raises:
        UsageError: no word, a word twice, or a name that cannot be a folder of recordings.
    """
    if spec in PRESETS:
        return PRESETS[spec]
    # a list from a file may begin with a byte order mark
    spec = spec.removeprefix("\ufeff").removeprefix("words:")
    words = [word.strip() for word in spec.split(",")]
    if "," not in spec:
        raise UsageError(
            f"'{spec}' is no word list: give one of {', '.join(PRESETS)}, "
            f"or two or more words separated by commas"
        )
    if len(set(words)) != len(words):
        raise UsageError(f"a word occurs twice in '{spec}'")
    for word in words:
        if not word or word in (".", "..") or any(c in word for c in "/\\:\0"):
            raise UsageError(f"'{word}' cannot be the name of a folder of recordings")
    spoken = tuple(word for word in words if word not in (SILENCE, UNKNOWN))
    if not spoken:
        raise UsageError(f"'{spec}' holds no word to recognise")
    return (SILENCE, *([UNKNOWN] if UNKNOWN in words else []), *spoken)
