"""Errors say what to do, survive the way from a worker, and read the same in every run."""

from __future__ import annotations

import io
import pickle

import pytest

from mmskin_hub.errors import MissingExtra, MmskinError, NothingUsable, UnreadableBook, describe


@pytest.mark.parametrize(
    "error",
    [
        MissingExtra("Reading PDF books", "build", "pymupdf"),
        UnreadableBook("truncated", "It ends early.", "Fetch it again."),
        NothingUsable("Nothing.", "Look again."),
        MmskinError("What."),
    ],
)
def test_an_error_comes_out_of_a_pickle_as_it_went_in(error: MmskinError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_a_missing_extra_names_the_line_that_installs_it() -> None:
    assert 'pip install "mmskin-hub[build]"' in str(MissingExtra("Reading PDF books", "build", "pymupdf"))


def test_a_description_holds_no_address_and_no_line_break() -> None:
    first, second = (describe(OSError(f"cannot identify {io.BytesIO()!r}\nnot at all")) for _ in range(2))
    assert first == second == "OSError: cannot identify <_io.BytesIO object> not at all"
    assert describe(KeyError()) == "KeyError"
