"""Whatever a conversation holds, each answer becomes one row with all that was said before, or the entry is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmskin_hub.engine.mixture.items import IMAGE_TOKEN, REASONS
from mmskin_hub.engine.mixture.llava import Bad, Turn, read_conversation, without_token


def human(text: Any) -> dict[str, Any]:
    return {"from": "human", "value": text}


def gpt(text: Any) -> dict[str, Any]:
    return {"from": "gpt", "value": text}


WORDS = st.text(min_size=1, max_size=30).map(lambda text: f"x{text.replace(IMAGE_TOKEN, '')}x")
PLACES = st.sampled_from(("{}", "<image>\n{}", "{}\n<image>", "<image> {}", "{}<image>", "A\n<image>\n{}"))


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5), PLACES, st.booleans())
def test_a_good_conversation_is_one_row_for_each_answer(
    turns: list[tuple[str, str]], place: str, with_system: bool
) -> None:
    said: list[dict[str, Any]] = [{"from": "system", "value": "Be brief."}] if with_system else []
    for number, (question, answer) in enumerate(turns):
        said += [human(place.format(question) if number == 0 else question), gpt(answer)]
    rows = read_conversation(said, has_picture=True)
    assert isinstance(rows, list)
    assert [row.answer for row in rows] == [answer.strip() for _, answer in turns]
    for number, row in enumerate(rows):
        roles = [role for role, _ in row.prompt]
        assert roles == ["system"] * with_system + ["user", "assistant"] * number + ["user"]
        assert all(text and IMAGE_TOKEN not in text for _, text in row.prompt)
        assert turns[number][0].strip() in row.prompt[-1][1]


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(("human", "gpt", "<image>")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("from", "value", "role", "content")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(ANYTHING, st.booleans())
def test_anything_else_is_refused_with_a_reason_and_never_raises(said: Any, has_picture: bool) -> None:
    found = read_conversation(said, has_picture)
    if isinstance(found, Bad):
        assert found.reason in REASONS
    else:
        assert found
        assert all(row.answer and row.prompt[-1][0] == "user" for row in found)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "no_conversation"),
        ([], "no_conversation"),
        (["What?"], "no_conversation"),
        ([human("What?"), gpt(["list"])], "no_conversation"),
        ([human("What?")], "roles_out_of_order"),
        ([gpt("It is."), human("What?")], "roles_out_of_order"),
        ([human("What?"), human("Where?"), gpt("There.")], "roles_out_of_order"),
        ([human("What?"), gpt("It."), gpt("Is.")], "roles_out_of_order"),
        ([human("What?"), {"from": "system", "value": "x"}, gpt("It.")], "roles_out_of_order"),
        ([human("What?"), {"from": "doctor", "value": "It."}], "roles_out_of_order"),
        ([human("What?"), gpt("It."), human("And?")], "roles_out_of_order"),
        ([human("What?"), gpt(" \n")], "empty_answer"),
        ([human("What?"), gpt(None)], "empty_answer"),
        ([human("<image>"), gpt("It.")], "empty_question"),
        ([human("<image> <image> What?"), gpt("It.")], "image_token"),
        ([human("<image> What?"), gpt("It."), human("<image> And?"), gpt("It.")], "image_token"),
        ([human("What?"), gpt("It <image> is.")], "image_token"),
    ],
)
def test_what_is_wrong_is_named(said: Any, reason: str) -> None:
    found = read_conversation(said, has_picture=True)
    assert isinstance(found, Bad)
    assert found.reason == reason


def test_a_token_without_a_picture_is_refused_and_words_alone_are_not() -> None:
    assert isinstance(read_conversation([human("<image>\nWhat?"), gpt("It.")], has_picture=False), Bad)
    assert read_conversation([human("What?"), gpt("It.")], has_picture=False) == [Turn((("user", "What?"),), "It.")]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<image>\nWhat?", "What?"),
        ("What?\n<image>", "What?"),
        ("See\n<image>\nthis.", "See\nthis."),
        ("See <image> this.", "See this."),
        ("See<image>this.", "See this."),
        ("<ima<image>ge>", "<ima ge>"),
        ("none", "none"),
    ],
)
def test_the_token_goes_and_words_stay_apart(text: str, plain: str) -> None:
    assert without_token(text) == plain
