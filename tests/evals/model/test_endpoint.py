"""Served models: what is asked and how, every fault an endpoint can have, and what is left after it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.model.api import Ask, PartialAnswers, Scores
from mmskin_hub.evals.model.endpoint import FAILURES, EndpointModel, is_endpoint, open_endpoint
from mmskin_hub.evals.model.endpoint_request import decoding
from mmskin_hub.evals.protocol import protocol
from mmskin_hub.served.faults import EndpointFailed
from mmskin_hub.served.pool import Patience
from tests.derive.vqa.endpoint_server import Act, Request, Server, completion, error, serving
from tests.evals.model.vllm_likeness import expected, images_of, pieces, prompt_scores, question_of, rendered

KEY = "sk-Xy7/Q+very9secret0key"
Model = Callable[..., EndpointModel]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of the user's, and no proxy between the tests and this machine."""
    for name in ("MMSKIN_EVAL_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


def says_back(request: Request) -> Act:
    """A model that repeats what it is asked."""
    return completion(f"said {request.caption}")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(question_of) as running:
        running.script = says_back
        running.models = Act(json.dumps({"data": [{"id": "tiny", "owned_by": "vllm", "max_model_len": 2048}]}))
        yield running


@pytest.fixture
def model(server: Server) -> Model:
    """``model(**patience)``: the model of the server, with waits that suit a test."""

    def opened(name: str | None = "tiny", **patience: Any) -> EndpointModel:
        quick = {"timeout": 5.0, "attempts": 3, "backoff": 0.02, "concurrency": 4, **patience}
        return open_endpoint(server.url, name, patience=Patience(**quick))

    return opened


def picture(shade: int = 90, mode: str = "RGB") -> Image.Image:
    made = Image.new("RGB", (20, 10), (shade % 256, 40, 30))
    made.putpixel((3, 4), (1, 2, 3))
    return made.convert(mode)


def questions(number: int, images: int = 1) -> list[Ask]:
    return [Ask(f"id{n}", f"question {n}", tuple(picture(n + m) for m in range(images))) for n in range(number)]


def first_then_well(*acts: Act) -> Callable[[Request], Act]:
    """A script: each question meets ``acts`` in turn, then a server without faults."""
    return lambda request: acts[request.nth] if request.nth < len(acts) else says_back(request)


def failing(model: EndpointModel, asks: list[Ask] | None = None) -> PartialAnswers:
    with pytest.raises(PartialAnswers) as end:
        model.generate(asks if asks is not None else questions(12))
    return end.value


# What is asked, and what comes back


def test_every_question_gets_its_own_answer_in_the_order_asked(server: Server, model: Model) -> None:
    server.script = lambda request: Act(says_back(request).body, delay=0.01 * (int(request.caption.split()[1]) * 7 % 5))
    assert model().generate(questions(20)) == [f"said question {n}" for n in range(20)]
    assert set(server.asked.values()) == {1}
    assert server.most == 4


def test_a_request_holds_the_picture_the_words_and_the_decoding(server: Server, model: Model) -> None:
    asks = [Ask("a", "What is it?", (picture(1), picture(2, "L"))), Ask("b", "And this?", ())]
    model().generate(asks, do_sample=False, num_beams=1, max_new_tokens=64, until=["\n", "</s>"])
    first, second = (request.body for request in sorted(server.requests, key=lambda request: request.caption)[::-1])
    content = first["messages"][0]["content"]
    assert [part["type"] for part in content] == ["image_url", "image_url", "text"]
    assert content[2]["text"] == "What is it?"
    for shown, given in zip(images_of(first), asks[0].images, strict=True):
        head, _, data = shown.partition(",")
        sent = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (head, sent.mode, sent.tobytes()) == ("data:image/png;base64", given.mode, given.tobytes())
    assert second["messages"] == [{"role": "user", "content": "And this?"}]
    for body in (first, second):
        sampling = {name: value for name, value in body.items() if name not in ("messages", "stream")}
        assert sampling == {"model": "tiny", "temperature": 0, "max_tokens": 64, "stop": ["\n", "</s>"], "seed": 0}


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "1", "I;16"])
def test_a_picture_of_any_mode_is_sent(server: Server, model: Model, mode: str) -> None:
    given = Image.new("I;16", (4, 4), 300) if mode == "I;16" else picture(9, mode)
    assert model().generate([Ask("a", "question", (given,))]) == ["said question"]


def test_one_picture_of_several_questions_is_read_once_at_a_time(server: Server, model: Model) -> None:
    written = io.BytesIO()
    picture(5).save(written, "PNG")
    lazy = Image.open(written)
    asks = [Ask(f"id{n}", f"question {n}", (lazy,)) for n in range(12)]
    assert len(model().generate(asks)) == 12
    assert len({images_of(request.body)[0] for request in server.requests}) == 1


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {"temperature": 0.0}),
        ({"do_sample": False, "temperature": 0.7, "top_p": 0.9, "top_k": 5}, {"temperature": 0.0}),
        ({"do_sample": True}, {"temperature": 1.0}),
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": 0.4, "top_p": 0.9, "seed": 3}, {"temperature": 0.4, "top_p": 0.9, "seed": 3}),
        ({"max_gen_toks": 32, "until": "\n"}, {"temperature": 0.0, "max_tokens": 32, "stop": ["\n"]}),
        ({"min_new_tokens": 1, "num_beams": 1, "repetition_penalty": 1.0}, {"temperature": 0.0}),
    ],
)
def test_the_words_of_generate_and_those_of_the_api(given: dict[str, Any], sent: dict[str, Any]) -> None:
    assert decoding(given) == sent


def test_a_decoding_the_server_has_no_word_for_is_refused_not_dropped(server: Server, model: Model) -> None:
    assert decoding({"min_new_tokens": 20, "do_sample": True, "top_k": 4}, "vllm")["extra_body"] == {
        "min_tokens": 20,
        "top_k": 4,
    }
    for given, owner in (({"min_new_tokens": 20}, ""), ({"min_new_tokens": 20}, "meta"), ({"typical_p": 0.2}, "vllm")):
        with pytest.raises(WrongUse, match=next(iter(given))):
            decoding(given, owner)
    with pytest.raises(WrongUse, match="5 beams") as refused:
        model().generate(questions(1), **protocol("mmskin_ham10000_paper").generation)
    assert "_gen" in str(refused.value)
    assert not server.requests
    assert decoding(protocol("mmskin_ham10000_gen").generation) == {"temperature": 0.0, "max_tokens": 64}


def test_empty_declined_and_cut_answers_are_answers_and_are_counted(server: Server, model: Model) -> None:
    acts = [completion(""), completion(None, refusal="I cannot"), completion("so lon", "length"), completion(None)]
    server.script = lambda request: acts[int(request.caption.split()[1])]
    tiny = model()
    assert tiny.generate(questions(4)) == ["", "", "so lon", ""]
    assert (tiny.facts["answers_cut"], tiny.facts["answers_declined"]) == (1, 1)


def test_the_facts_of_the_model_are_json_and_hold_what_the_server_tells(server: Server, model: Model) -> None:
    tiny = model(None)
    tiny.generate(questions(3))
    facts = json.loads(json.dumps(tiny.facts))
    assert (tiny.name, facts["served_model"], facts["owned_by"], facts["max_model_len"]) == (
        "tiny",
        "tiny",
        "vllm",
        2048,
    )
    assert (facts["endpoint"], facts["requests"], facts["tokens_in"]) == (server.url, 3, 30)


def test_inside_an_event_loop_as_in_a_notebook(server: Server, model: Model) -> None:
    async def cell() -> list[str]:
        return model().generate(questions(3))

    assert len(asyncio.run(cell())) == 3


def test_which_names_are_addresses() -> None:
    assert is_endpoint("http://127.0.0.1:8000/v1") and is_endpoint("HTTPS://host/v1")
    assert not is_endpoint("owner/name") and not is_endpoint("./folder")


# Faults that pass


@pytest.mark.parametrize(
    "act",
    [
        error(429, retry_after="0.05"),
        error(500),
        error(502),
        error(503),
        Act(hang_up=True),
        Act('{"choices": [', length=400),
        Act("<html>bad gateway</html>", headers={"content-type": "text/html"}),
        Act("[]"),
        Act('{"choices": []}'),
        Act(b"\xff\xfe"),
    ],
    ids=["429", "500", "502", "503", "hang-up", "half", "page", "list", "no-choice", "bytes"],
)
def test_a_fault_that_passes_costs_a_retry_and_no_answer(server: Server, model: Model, act: Act) -> None:
    well = iter([True])  # the very first request tells whether this is an API at all
    server.script = lambda request: says_back(request) if next(well, False) or request.nth else act
    tiny = model()
    assert tiny.generate(questions(6)) == [f"said question {n}" for n in range(6)]
    assert tiny.facts["retries"] == 5


def test_the_time_the_server_asks_for_is_waited_by_all(server: Server, model: Model) -> None:
    began = time.monotonic()
    server.script = lambda request: error(429, retry_after="0.4") if request.nth == 0 else says_back(request)
    model(attempts=1).generate(questions(4))
    assert time.monotonic() - began >= 0.4
    again = [request.at for request in server.requests if request.nth == 1]
    assert min(again) - server.requests[0].at >= 0.39


def test_a_slow_answer_is_asked_for_again(server: Server, model: Model) -> None:
    server.script = lambda request: Act(says_back(request).body, delay=0.0 if request.nth else 3.0)
    assert model(timeout=0.4).generate(questions(2)) == ["said question 0", "said question 1"]


def test_a_server_that_drips_is_late_too(server: Server, model: Model) -> None:
    server.script = lambda request: Act(says_back(request).body, drip=0.0 if request.nth else 0.05)
    assert model(timeout=0.5).generate(questions(1)) == ["said question 0"]


def test_a_server_that_comes_back_between_two_calls_is_waited_for(server: Server, model: Model) -> None:
    tiny = model()
    tiny.generate(questions(2))
    server.script = first_then_well(Act(hang_up=True), error(503))
    assert tiny.generate(questions(4)) == [f"said question {n}" for n in range(4)]


# Faults that end it


def test_a_server_that_goes_away_ends_it_and_what_was_answered_is_handed_back(server: Server, model: Model) -> None:
    def script(request: Request) -> Act:
        if len(server.requests) == 6:
            server.http.socket.close()  # nobody can connect any more
        return Act(says_back(request).body, headers={"connection": "close"})

    server.script = script
    tiny = model(concurrency=1)
    failed = failing(tiny)
    assert failed.done == {n: f"said question {n}" for n in range(len(failed.done))}
    assert 5 <= len(failed.done) <= 6
    assert isinstance(failed, MmskinError)
    text = str(failed)
    assert server.url in text and "is gone" in text and "same command" in text


def test_a_server_that_only_fails_is_given_up_before_every_sample_was_tried(server: Server, model: Model) -> None:
    server.script = lambda request: says_back(request) if request.caption == "question 0" else error(500, "boom")
    failed = failing(model(concurrency=1), questions(40))
    assert failed.done == {0: "said question 0"}
    assert "boom" in str(failed) and "in a row" in str(failed)
    assert len(server.asked) == 1 + FAILURES


def test_a_sample_the_server_refuses_is_named_and_the_others_are_answered(server: Server, model: Model) -> None:
    long = error(400, "This model's maximum context length is 2048 tokens")
    server.script = lambda request: long if request.caption == "question 7" else says_back(request)
    failed = failing(model())
    assert sorted(failed.done) == [n for n in range(12) if n != 7]
    assert "id7" in str(failed) and "maximum context length" in str(failed) and "1 of 12" in str(failed)
    assert server.asked["question 7"] == 1, "what cannot be mended by asking again is asked once"


def test_a_model_that_takes_no_pictures_says_so_at_the_first(server: Server, model: Model) -> None:
    server.script = lambda request: error(400, "tiny is not a multimodal model")
    failed = failing(model())
    assert "not a multimodal model" in str(failed) and "pictures" in str(failed)
    assert (failed.done, len(server.requests)) == ({}, 1)


def test_nobody_at_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    for name in (None, "tiny"):
        with pytest.raises(EndpointFailed, match=f"No server answers at {url}"):
            open_endpoint(url, name)


@pytest.mark.parametrize("url", ["http://", "http://[::1/v1", "http://a:99999/v1", "http://u:pw@a/v1"])
def test_what_is_no_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(EndpointFailed) as refused:
        open_endpoint(url, "tiny")
    assert "pw" not in str(refused.value)


def test_the_model_has_to_be_told_where_there_are_several(server: Server, model: Model) -> None:
    server.models = Act(json.dumps({"data": [{"id": "tiny"}, {"id": "other"}]}))
    with pytest.raises(EndpointFailed, match="2 models: other, tiny") as several:
        model(None)
    assert "--served-model" in str(several.value)
    server.models = Act("none", 404)
    with pytest.raises(EndpointFailed, match="no models"):
        model(None)
    assert model("tiny").generate(questions(1)) == ["said question 0"]


def test_a_model_that_is_not_there(server: Server, model: Model) -> None:
    server.script = lambda request: error(404, "The model `big` does not exist.")
    text = str(failing(model("big")))
    assert "does not have the model 'big'" in text
    assert "--served-model one it has: tiny." in text


def test_an_address_of_something_else(server: Server, model: Model) -> None:
    server.models = Act('{"detail":"Not Found"}', 404)
    server.script = lambda request: Act('{"detail":"Not Found"}', 404)
    assert "no OpenAI-compatible API" in str(failing(model()))


# The key


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_the_key_is_sent_and_appears_nowhere(
    server: Server,
    model: Model,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MMSKIN_EVAL_KEY", f"{KEY}\n")

    def script(request: Request) -> Act:
        header = request.headers["authorization"]
        if status == 200 or request.caption == "question 1":
            return completion(f"you sent {header}")
        return error(status, f"You sent {header}, that is {KEY[:12]}... and {header * 30}", x_error_message=KEY)

    server.script = script
    server.models = Act(json.dumps({"data": [{"id": "tiny", "owned_by": KEY, "root": f"/{KEY}"}]}))
    tiny = model(concurrency=1)
    results: list[Any] = []
    try:
        results += tiny.generate(questions(3))
    except MmskinError as raised:
        results += [*traceback.format_exception(raised), raised.__context__, raised.__cause__, vars(raised)]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    printed = capsys.readouterr()
    text = "\n".join([printed.out, printed.err, caplog.text, repr(results), json.dumps(tiny.facts), repr(vars(tiny))])
    for part in (KEY, KEY[:10], KEY[-10:]):
        assert part not in text


def test_a_refused_key_is_named_by_its_variable(server: Server, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    server.models = error(401)
    with pytest.raises(EndpointFailed, match="wants a key, and none is set") as refused:
        model()
    assert "MMSKIN_EVAL_KEY" in str(refused.value)
    monkeypatch.setenv("MMSKIN_EVAL_KEY", KEY)
    with pytest.raises(EndpointFailed, match="refuses the key"):
        model()


def test_the_login_of_hugging_face_is_sent_to_nobody_else(
    server: Server, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnop")
    monkeypatch.setenv("MMSKIN_VQA_KEY", "sk-another-endpoints")
    model().generate(questions(1))
    sent = "".join(json.dumps([request.headers, request.body]) for request in server.requests)
    assert "hf_abcdef" not in sent and "another-endpoints" not in sent


# Choices

CLASSES = ("melanoma", "melanocytic nevus", "basal cell carcinoma", "nevus")


def test_choices_are_scored_as_the_chat_goes_on_with_each(server: Server, model: Model) -> None:
    server.script = prompt_scores
    asks = questions(5)
    offered = [CLASSES, CLASSES, CLASSES[::-1], CLASSES[:2], CLASSES]
    found = model().choose(asks, offered)
    bodies = {request.caption: request.body for request in server.requests}
    for ask, choices, scores in zip(asks, offered, found, strict=True):
        wanted = [expected(bodies[ask.prompt], choice) for choice in choices]
        assert scores.loglik == pytest.approx([loglik for loglik, _ in wanted], abs=1e-9)
        assert scores.tokens == tuple(tokens for _, tokens in wanted)
        assert len(set(scores.loglik)) == len(choices)
    assert found[0].tokens == (3, 6, 7, 2)
    assert set(server.asked.values()) == {5, 3}, "one request a choice, and one to see where an answer begins"


def test_where_an_answer_begins_is_asked_once_for_a_question(server: Server, model: Model) -> None:
    server.script = prompt_scores
    asks = [Ask(f"id{n}", "Which is it?", (picture(n),)) for n in range(6)]
    tiny = model(concurrency=1)
    found = tiny.choose(asks[:3], [CLASSES] * 3) + tiny.choose(asks[3:], [CLASSES] * 3)
    assert server.asked["Which is it?"] == 1 + 6 * len(CLASSES)
    assert len({scores.loglik for scores in found}) == 6, "the picture counts"
    for ask, scores in zip(asks, found, strict=True):
        bodies = [request.body for request in server.requests if request.body["messages"][1:]]
        body = bodies[asks.index(ask) * len(CLASSES)]
        assert scores.loglik == pytest.approx([expected(body, choice)[0] for choice in CLASSES], abs=1e-9)


def test_a_token_that_holds_the_end_of_the_question_counts_for_all_choices(server: Server, model: Model) -> None:
    def script(request: Request) -> Act:
        tokens = pieces(rendered(request.body))
        at = [n for n, token in enumerate(tokens) if token == ":"][-1]
        if tokens[at + 1 : at + 2] == [" mel"]:
            tokens[at : at + 2] = [": mel"]
        return prompt_scores(request, tokens)

    server.script = script
    (scores,) = model().choose(questions(1), [("melanoma", "nevus")])
    # ": mel", "ano", "ma" against ":", " nev", "us": the colon counts in both.
    assert scores.tokens == (3, 3)


@pytest.mark.parametrize(
    "script",
    [
        says_back,
        lambda request: error(422, "Unexpected keys in the request: {'prompt_logprobs'}"),
        lambda request: error(400, "prompt_logprobs is not supported"),
        lambda request: Act(json.dumps({**json.loads(str(says_back(request).body)), "prompt_logprobs": {"a": 1}})),
        lambda request: prompt_scores(request, [*pieces(rendered(request.body)), "</s>"]),
    ],
    ids=["silent", "422", "400", "other-shape", "closes-the-answer"],
)
def test_a_server_that_cannot_score_is_told_from_one_that_can(
    server: Server, model: Model, script: Callable[[Request], Act]
) -> None:
    server.script = script
    with pytest.raises(PartialAnswers) as refused:
        model(concurrency=1).choose(questions(8), [CLASSES] * 8)
    text = str(refused.value)
    assert "choices cannot be scored" in text and "_gen" in text and "skinvl8_gen" in text
    assert len(server.requests) <= 1 + len(CLASSES)


def test_a_log_probability_that_is_no_number(server: Server, model: Model) -> None:
    def script(request: Request) -> Act:
        act = prompt_scores(request)
        return Act(str(act.body).replace('"logprob": -', '"logprob": NaN, "was": -', -1)) if request.nth else act

    server.script = script
    with pytest.raises(PartialAnswers, match="no number"):
        model().choose(questions(1), [CLASSES])


def test_scores_that_are_there_are_handed_back_where_the_server_goes(server: Server, model: Model) -> None:
    server.script = lambda request: prompt_scores(request) if request.caption < "question 3" else error(500)
    with pytest.raises(PartialAnswers) as end:
        model(concurrency=2).choose(questions(9), [CLASSES] * 9)
    assert sorted(end.value.done) == [0, 1, 2]
    assert all(isinstance(scores, Scores) for scores in end.value.done.values())


def test_an_empty_choice_is_refused(model: Model) -> None:
    with pytest.raises(WrongUse, match="id0"):
        model().choose(questions(1), [("melanoma", " ")])
