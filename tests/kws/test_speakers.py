"""Who speaks: official names, a pattern, a list; and what stays together where nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from akrt.errors import InputError, UsageError
from akrt.kws.speakers import SpeakerNames, read_list, speakers


def whose(*files: str, names: SpeakerNames | None = None) -> list[tuple[str, bool]]:
    paths = [Path("data", name) for name in files]
    return [(s.speaker, s.known) for s in speakers([(p.parent.name, p) for p in paths], names)]


def test_official_names() -> None:
    assert (
        whose("yes/0132a06d_nohash_0.wav", "no/0132a06d_nohash_3.flac") == [("0132a06d", True)] * 2
    )


@pytest.mark.parametrize(
    ("files", "same"),
    [
        (("yes/rec1_001.wav", "yes/rec1_002.wav", "no/rec1_003.wav", "no/rec2_001.wav"), 3),
        (("yes/anna_yes_1.wav", "no/anna_no_1.wav", "no/anna_2.wav", "no/bob_no_1.wav"), 3),
        (("yes/anna1.wav", "yes/anna 2.wav", "no/anna (3).wav", "no/bob.wav"), 3),
        (("yes/yes_rec7_01.wav", "yes/rec7-2.wav", "no/no.rec8.01.wav"), 2),
    ],
)
def test_cuts_of_one_recording_stay_together(files: tuple[str, ...], same: int) -> None:
    found = whose(*files)
    assert not any(known for _, known in found)
    assert len({speaker for speaker, _ in found[:same]}) == 1
    assert found[0] != found[same]


@pytest.mark.parametrize("name", ["{word}/{n}.wav", "{word}/{word}_{n}.wav", "{word}/clip{n}.wav"])
def test_names_that_say_nothing_are_a_recording_each(name: str) -> None:
    """But the same number of two words may be one person: it is one there too."""
    files = [name.format(word=word, n=n) for word in ("yes", "no") for n in range(5)]
    found = [speaker for speaker, _ in whose(*files)]
    assert found[:5] == found[5:]
    assert len(set(found)) == 5


def test_pattern_and_list_go_before_names() -> None:
    names = SpeakerNames(r"/(\w+?)-", {"no/x.wav": "eve", "y.wav": "eve"})
    files = ("yes/kim-1.wav", "no/x.wav", "no/y.wav", "no/a_nohash_0.wav")
    assert whose(*files, names=names) == [
        ("kim", True), ("eve", True), ("eve", True), ("a", True),
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", ["(", "anna", "(a)(b)"])
def test_patterns_that_are_none(pattern: str) -> None:
    with pytest.raises(UsageError, match="regular expression|groups: put the speaker"):
        SpeakerNames(pattern)


@pytest.mark.parametrize(
    "data",
    [
        b"yes/a.wav,anna\nb.wav,bob\n",
        b"\xef\xbb\xbffile,speaker\r\nyes\\a.wav,anna\r\n./b.wav,bob\r\n",
        b"\xef\xbb\xbfyes/a.wav;anna\n\nb.wav;bob",
        "File\tSpeaker\nyes/a.wav\tanna\nb.wav\tbob\n".encode("utf-16"),
    ],
)
def test_lists(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(data)
    assert read_list(tmp_path / "list.csv") == {"yes/a.wav": "anna", "b.wav": "bob"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a.wav,anna\nb.wav\n", "line 2 .* is not 'file,speaker'"),
        (b"a.wav,anna\na.wav,bob\n", "line 2 .* second speaker"),
        (b"\xff\xfea", "is not a text"),
    ],
)
def test_bad_lists(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_list(tmp_path / "list.csv")
