"""The YAML files say what the table of protocols says, and every task and group loads through lm_eval's own manager."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmskin_hub.cli import main
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals import prompts
from mmskin_hub.evals.protocol import (
    CLASSIFIED,
    GROUPS,
    PROTOCOLS,
    SKINVL8,
    Protocol,
    choices,
    protocol,
    question,
    read,
    target,
    yes_or_no,
)
from mmskin_hub.evals.tasks import PATH
from mmskin_hub.registry import PUBLIC
from tests.builders.drawn_public import picture as drawn
from tests.evals.tasks.drawn import QUESTIONS, classified, everything

pytest.importorskip("lm_eval")


@pytest.fixture(scope="module")
def manager() -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=[str(PATH)], include_defaults=False)


@pytest.fixture(scope="module")
def loaded(manager: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Every task, loaded with its rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMSKIN_DATA", everything(tmp_path_factory.mktemp("all")))
        yield manager.load(sorted(PROTOCOLS))["tasks"]


def files() -> list[Path]:
    return [file for file in sorted(PATH.rglob("*.yaml")) if not file.name.startswith("_")]


def test_the_registry_s_eight_benchmarks_and_the_two_others_have_three_tasks_each() -> None:
    assert len(SKINVL8) == 8
    assert set(CLASSIFIED) == {*SKINVL8, "bcn20000", "mskcc"}
    kinds = ("gen", "choice", "paper")
    wanted = {f"mmskin_{name}_{kind}" for name in CLASSIFIED for kind in kinds}
    assert set(PROTOCOLS) == wanted | {"mmskin_vqa_open", "mmskin_vqa_closed", "mmskin_vqa_paper"}
    assert all(each.classes == PUBLIC[each.dataset].classes for each in PROTOCOLS.values() if each.kind != "vqa")


def test_lm_eval_finds_the_tasks_and_groups_of_the_table_and_no_others(manager: Any) -> None:
    assert sorted(manager.all_subtasks) == sorted(PROTOCOLS)
    assert sorted(manager.all_groups) == sorted(GROUPS)
    assert manager.all_tags == []


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_holds_the_tasks_of_the_table_in_their_order(manager: Any, group: str) -> None:
    def leaves(name: str) -> list[str]:
        if name in PROTOCOLS:
            return [name]
        config = yaml.safe_load((PATH / "groups" / f"{name}.yaml").read_text(encoding="utf-8"))
        assert config["group"] == name
        return [leaf for member in config["task"] for leaf in leaves(member)]

    assert tuple(leaves(group)) == GROUPS[group]


def test_every_group_loads(manager: Any, loaded: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    places = {task.dataset["test"].benchmark.where for task in loaded.values()}
    monkeypatch.setenv("MMSKIN_DATA", ",".join(sorted(places)))
    for group, tasks in GROUPS.items():
        found = manager.load([group])
        assert set(found["tasks"]) == set(tasks)
        assert group in found["groups"]


@pytest.mark.parametrize("task", PROTOCOLS)
def test_a_task_says_what_its_protocol_says(loaded: Mapping[str, Any], task: str) -> None:
    p, found = protocol(task), loaded[task]
    rows = found.dataset["test"]
    assert found.config.task == task
    assert str(found.VERSION) == p.version == prompts.VERSION[p.mode]
    assert ("multiple_choice" if p.kind == "choice" else "generate_until") == found.OUTPUT_TYPE
    assert found.MULTIMODAL
    assert (rows.benchmark.protocol, rows.benchmark.split) == (p, "test")
    assert rows.benchmark.where.startswith(f"{p.dataset}=")
    assert decoding(found.config.generation_kwargs) == dict(p.generation)
    assert len(rows) == {"open": 2, "closed": 2, "all": 4, "": 6}[p.answers]
    for doc in rows:
        assert found.doc_to_text(doc) == "<image>" + question(p, doc)
        assert found.doc_to_target(doc) == target(p, doc)
        (picture,) = found.doc_to_image(doc)
        assert picture.size == (60, 45)
    if p.kind == "choice":
        assert found.doc_to_choice(rows[0]) == list(choices(p))


def decoding(said: Mapping[str, Any] | None) -> dict[str, Any]:
    """lm_eval's generation arguments under transformers' names."""
    given = dict(said or {})
    if given:
        assert given.pop("until") == []
        given["max_new_tokens"] = given.pop("max_gen_toks")
    return given


@pytest.mark.parametrize("task", PROTOCOLS)
def test_a_task_lists_the_metrics_that_it_gives(loaded: Mapping[str, Any], task: str) -> None:
    p, found = protocol(task), loaded[task]
    given: dict[str, list[Any]] = {}
    for doc in found.dataset["test"]:
        if p.kind == "choice":
            results = [(float(index == target(p, doc)), False) for index in range(len(p.classes))]
        else:
            right = target(p, doc)
            results = [p.classes[right] if isinstance(right, int) else f"{right}"]
        for name, value in found.process_results(doc, results).items():
            given.setdefault(name, []).append(value)
    assert set(given) == set(found.aggregation()) == set(found.higher_is_better())
    figures = {name: found.aggregation()[name](values) for name, values in given.items()}
    if p.mode == "strict":
        assert figures["accuracy" if p.kind != "vqa" or p.answers == "closed" else "token_f1"] == pytest.approx(1.0)
    if "unmatched" in figures and (p.mode == "strict" or p.dataset == "ham10000"):
        assert figures["unmatched"] == 0.0


def test_unmatched_answers_are_wrong_and_in_paper_mode_a_class_of_their_own(loaded: Mapping[str, Any]) -> None:
    from sklearn.metrics import f1_score

    said = ["Actinic Keratoses", "no idea", "Melanoma", "Dermatofibroma", "", "Nevus"]
    gold = [0, 1, 2, 3, 4, 5]
    for kind, predicted in (("gen", None), ("paper", [0, -1, 4, 3, -1, 5])):
        task = loaded[f"mmskin_ham10000_{kind}"]
        rows = [task.process_results(doc, [text]) for doc, text in zip(task.dataset["test"], said, strict=True)]
        figures = {name: task.aggregation()[name]([row[name] for row in rows]) for name in rows[0]}
        assert figures["accuracy"] == pytest.approx(3 / 6)
        assert figures["unmatched"] == pytest.approx(2 / 6)
        if predicted:
            assert figures["macro_f1"] == pytest.approx(f1_score(gold, predicted, average="macro"))
        else:
            assert figures["balanced_accuracy"] == pytest.approx(3 / 6)


def test_a_likelihood_that_is_no_number_is_wrong_and_a_length_counts_in_accuracy_by_character(
    loaded: Mapping[str, Any],
) -> None:
    task = loaded["mmskin_ddi_choice"]
    benign, malignant = task.dataset["test"][0], task.dataset["test"][1]
    assert task.doc_to_choice(benign) == ["Non-Malignant", "Malignant"]
    spoilt = task.process_results(benign, [(float("nan"), False), (-9.0, False)])
    assert (spoilt["accuracy"][1:], spoilt["accuracy_by_character"]) == ((0, -1), 0.0)
    # -12 over 13 letters is more than -10 over 9.
    given = [(-12.0, False), (-10.0, False)]
    assert (
        task.process_results(malignant, given)["accuracy"][1:],
        task.process_results(malignant, given)["accuracy_by_character"],
    ) == ((1, 1), 0.0)
    assert task.process_results(benign, given)["accuracy_by_character"] == 1.0


def test_rows_that_lm_eval_keeps_hold_no_picture(loaded: Mapping[str, Any]) -> None:
    for task in loaded.values():
        for doc in task.dataset["test"]:
            assert len(json.dumps(doc)) < 1_000


def test_lm_eval_makes_no_list_of_rows_for_examples(loaded: Mapping[str, Any]) -> None:
    assert all(task.fewshot_docs() == [] for task in loaded.values())


def test_paper_questions_are_those_of_the_original_to_the_letter() -> None:
    assert question(protocol("mmskin_patch16_paper"), {}) == (
        "This is a skin lesion image. From the following categories: nontumor, tumor, which one is the diagnosis?"
    )
    assert "Nevus, Seborrheic Keratosis, Squamous Cell Carcinoma, which" in question(
        protocol("mmskin_pad_ufes_20_paper"), {}
    )
    assert "Hair loss  alopecia" in question(protocol("mmskin_dermnet_paper"), {})
    assert question(protocol("mmskin_vqa_paper"), {"question": " Where? "}) == "Where?"


@pytest.mark.parametrize("task", [each.task for each in PROTOCOLS.values() if each.kind in ("gen", "choice")])
def test_every_class_is_listed_once_and_no_placeholder_is_in_a_question(task: str) -> None:
    p = protocol(task)
    asked = question(p, {"modality": "clinical"})
    assert "<image>" not in asked
    if p.mode == "strict":
        assert [line[2:] for line in asked.splitlines() if line.startswith("- ")] == [
            " ".join(name.split()) for name in p.classes
        ]
        assert "clinical photograph" in asked


def test_the_original_s_order_decides_what_an_answer_with_two_classes_names() -> None:
    said = "Squamous Cell Carcinoma or Seborrheic Keratosis"
    p = protocol("mmskin_pad_ufes_20_paper")
    assert p.classes[read(p, said).label or 0] == "Seborrheic Keratosis"


def test_paper_reads_by_the_original_rule_and_its_rewriting() -> None:
    ham, isic = protocol("mmskin_ham10000_paper"), protocol("mmskin_isic2019_paper")
    assert read(ham, "It is actinic keratosis.").label == 0
    assert read(isic, "It is actinic keratosis.").label is None
    assert read(protocol("mmskin_hiba_paper"), "not malignant").label == 1
    assert read(protocol("mmskin_hiba_gen"), "not malignant").label != 1


@pytest.mark.parametrize("task", [each.task for each in PROTOCOLS.values() if each.kind == "gen"])
@pytest.mark.parametrize("said", ["{}", "{}.", "The diagnosis is {}.", "**{}**"])
def test_every_class_that_is_said_alone_is_read_as_itself(task: str, said: str) -> None:
    p = protocol(task)
    order = p.classes
    for name in p.classes:
        label = read(p, said.format(name)).label
        if p.mode == "strict":
            assert label == p.classes.index(name), name
        elif "actinic keratosis" not in name:
            # The original takes the first class that is a substring, and rewrites a class of its own away.
            first = next(each for each in order if each.lower() in name.lower())
            assert label == p.classes.index(first), name


@pytest.mark.parametrize(
    ("text", "found"),
    [("Yes, it is.", "yes"), ("no", "no"), ("  **No**", "no"), ("Not known", None), ("Yesterday", None), ("", None)],
)
def test_yes_and_no_are_first_words(text: str, found: str | None) -> None:
    assert yes_or_no(text) == found


def test_closed_questions_have_yes_or_no_for_an_answer(loaded: Mapping[str, Any]) -> None:
    task = loaded["mmskin_vqa_closed"]
    docs = list(task.dataset["test"])
    assert [task.doc_to_target(doc) for doc in docs] == ["yes", "no"]
    assert [doc["question"] for doc in docs] == [asked for asked, _, closed in QUESTIONS if closed]
    assert task.process_results(docs[0], ["YES"]) == {"accuracy": 1.0, "unmatched": 0.0}
    assert task.process_results(docs[0], ["perhaps"]) == {"accuracy": 0.0, "unmatched": 1.0}


def test_a_dataset_of_other_classes_or_none_is_refused(
    manager: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MMSKIN_DATA", raising=False)
    with pytest.raises(WrongUse, match="Nothing says where hiba is"):
        manager.load(["mmskin_hiba_gen"])
    monkeypatch.setenv("MMSKIN_DATA", f"hiba={classified(tmp_path, 'ddi')}")
    with pytest.raises(MmskinError, match="it lacks 'benign', 'malignant'; it has 'Non-Malignant', 'Malignant'"):
        manager.load(["mmskin_hiba_gen"])


def test_the_metadata_of_the_command_line_say_where_a_dataset_is_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("MMSKIN_DATA", "hiba=nowhere")
    place = classified(tmp_path, "hiba")
    manager = TaskManager(include_path=[str(PATH)], include_defaults=False, metadata={"data": f"hiba={place}"})
    (task,) = manager.load(["mmskin_hiba_gen"])["tasks"].values()
    assert task.dataset["test"].benchmark.where == f"hiba={place}"


def test_two_builds_in_one_process_keep_their_own_pictures(
    manager: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    tasks = []
    for number, rows in enumerate((4, 6)):
        place = classified(tmp_path / str(number), "hiba", rows, seed=number)
        monkeypatch.setenv("MMSKIN_DATA", f"hiba={place}")
        tasks += manager.load(["mmskin_hiba_gen"])["tasks"].values()
    for number, task in enumerate(tasks):
        (shown,) = task.doc_to_image(task.dataset["test"][3])
        with Image.open(io.BytesIO(drawn(("hiba", 3, number)))) as own:
            assert shown.tobytes() == own.convert("RGB").tobytes()


def test_the_files_are_small_and_each_has_its_place() -> None:
    assert len(files()) == len(PROTOCOLS) + len(GROUPS)
    for each in PROTOCOLS.values():
        name = f"vqa_{each.answers}" if each.answers in ("open", "closed") else "vqa_paper"
        file = PATH / (f"{name}.yaml" if each.kind == "vqa" else f"{each.task.rpartition('_')[2]}/{each.dataset}.yaml")
        assert f"task: {each.task}\n" in file.read_text(encoding="utf-8")
        assert each.kind == "vqa" or len(file.read_text(encoding="utf-8").splitlines()) <= 3


def test_the_commands_list_the_tasks_and_print_their_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks-path"]) == 0
    assert Path(capsys.readouterr().out.strip()) == PATH
    assert main(["tasks", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["task"] for row in told["tasks"]] == list(PROTOCOLS)
    assert told["groups"] == {name: list(tasks) for name, tasks in GROUPS.items()}
    first = told["tasks"][0]
    assert (first["dataset"], first["mode"], first["generation"]["do_sample"]) == ("ham10000", "strict", False)
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in (*PROTOCOLS, *GROUPS))


def test_an_unknown_task_is_told_with_the_command_that_lists_them() -> None:
    with pytest.raises(WrongUse, match="There is no task 'mmskin_ham_gen'") as caught:
        protocol("mmskin_ham_gen")
    assert "mmskin tasks" in caught.value.remedy


def test_protocols_cannot_be_changed() -> None:
    p: Protocol = PROTOCOLS["mmskin_hiba_gen"]
    with pytest.raises(AttributeError):
        p.version = "2.0"  # type: ignore[misc]
    with pytest.raises(TypeError):
        p.generation["do_sample"] = True  # type: ignore[index]
