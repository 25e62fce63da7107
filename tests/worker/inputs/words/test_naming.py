"""What may be the name of a file in a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstate_worker.inputs.words.naming import expanded, names_in


@pytest.mark.parametrize(
    "word",
    [
        "conf",
        "--file=conf",
        "-fconf",
        "@conf",
        "--extra-vars=@conf",
        "type=bind,src=conf,ro",
        "conf:/etc/conf:ro",
        "/etc/conf:conf",
        "a,conf",
        "data=@conf,name=x",
        "file://conf",
        "fileb://conf",
        "--policy=file://conf",
        "<conf",
        "`conf`",
        '"conf"',
        "KEY=conf",
    ],
)
def test_a_name_is_found_wherever_it_is_in_a_word(word: str) -> None:
    assert "conf" in names_in(word)


@pytest.mark.parametrize(
    "word", ["https://example.org:80/conf", "s3://conf", "x" * 5000, "a\0conf"]
)
def test_addresses_and_texts_name_no_file(word: str) -> None:
    assert "conf" not in names_in(word)


@given(st.text("ab=@,:-<>`'\"/.\n é", min_size=1, max_size=30))
def test_the_whole_word_comes_first_and_nothing_comes_twice(word: str) -> None:
    found = list(names_in(word))
    assert found[0] == word
    assert len(set(found)) == len(found)


def test_variables_and_the_home_are_what_they_are_in_the_environment() -> None:
    environ = {"CONF": "conf", "EMPTY": ""}
    assert expanded("$CONF/a/${CONF}b", environ) == "conf/a/confb"
    assert expanded("${EMPTY}a$NONE", environ) == "a$NONE"
