"""What the pages of the documentation say of files and numbers is so."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from akida2_networks import akida2_networks
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, residual_networks
from safetensors import safe_open
from safetensors.numpy import load_file

from akrt.kernels.headers import enumerations
from akrt.model import POTENTIAL_MAX, POTENTIAL_MIN, WEIGHT_RANGES, Model, encoding
from akrt.runtime import bundled_model

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_the_file_is_as_its_page_says(tmp_path: Path) -> None:
    model = bundled_model()
    model.save(tmp_path / "m.akrt")
    with safe_open(tmp_path / "m.akrt", "numpy") as file:
        header = json.loads(file.metadata()["akrt"])
    text = page("file_format.md")
    assert set(header) == set(re.findall(r"^\| `(\w+)` \| ", text, re.M)[:7])
    tensors = load_file(tmp_path / "m.akrt")
    wanted = header.pop("sha256")
    found = hashlib.sha256(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(tensors):
        array = tensors[name]
        found.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        found.update(array.tobytes())
    assert found.hexdigest() == wanted
    assert header["format"] == 1 < encoding.FORMAT_VERSION  # a chain


@settings(max_examples=60)
@given(st.one_of(networks(), residual_networks(), akida2_networks()))
def test_every_setting_and_tensor_of_a_layer_is_named(case: tuple[Model, np.ndarray]) -> None:
    text = page("file_format.md")
    for layer, entry in zip(case[0].layers, encoding.describe(case[0])["layers"], strict=True):
        assert f"| `{layer.kind}` |" in text
        for name in (*entry, *layer.arrays):
            assert f"`{name}`" in text


def test_ranges_of_the_contract() -> None:
    text = page("numeric_contract.md")
    assert f"{POTENTIAL_MIN:,} and {POTENTIAL_MAX:,}" in text
    assert "0..1, -1..1, -7..7, -128..127" in text
    assert list(WEIGHT_RANGES.values()) == [(0, 1), (-1, 1), (-7, 7), (-128, 127)]


@pytest.mark.parametrize("name", [p.name for p in sorted(DOCS.glob("*.md"))])
def test_files_that_a_page_names_are_there(name: str) -> None:
    for path in re.findall(r"`((?:akrt|tests|firmware_export|src_c|docs)/[\w./]+)`", page(name)):
        assert (DOCS.parent / path).exists(), path
    for path in re.findall(r"`(\w+\.md)`", page(name)):
        assert (DOCS / path).exists(), path


def test_the_glossary_has_every_tag_of_a_plan() -> None:
    named = re.findall(r"`(AKRT_(?:OP|PATH|ACT|POOL)_\w+)`", page("glossary.md"))
    enums = enumerations(DOCS.parent / "src_c" / "include")
    assert sorted(named) == sorted(tag for tags in enums.values() for tag in tags)


def test_the_glossary_explains_the_words_of_the_kernels() -> None:
    words = re.findall(r"^\| ([^|]+) \|", page("glossary.md"), re.M)
    assert {"rest", "spill", "chain", "walk", "lanes", "short", "wide", "halves"} <= set(words)
    terms = [word for word in words if word not in ("word", "tag")]
    assert len(terms) == len(set(terms)), "a word means one thing"
