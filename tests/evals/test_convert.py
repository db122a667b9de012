import json
from pathlib import Path

import pytest

from assistant.training.judge_data import is_held_out
from evals.dataset import Dataset, load_dataset
from evals.errors import EvalsError
from evals.matching import says
from evals.public import NAMES, convert
from evals.public.squad2 import STATEMENT_LENGTH, statement_spans
from evals.rows import read_rows
from evals.selection import read_candidates
from evals.support import read_claims
from tests.evals.scripted import write_lines, write_set

CONTEXT = "The Normans came from Norway. " + "They settled in Normandy " * 10 + ". Rollo led them."


def squad(data: Path, titles: tuple[str, ...] = ("Normans", "Warsaw")) -> None:
    def answer(text: str) -> dict[str, object]:
        return {"text": text, "answer_start": CONTEXT.index(text)}

    articles = [
        {
            "title": title,
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": f"{title}-1",
                            "question": "Who led them?",
                            "is_impossible": False,
                            "answers": [answer("Rollo"), answer("Rollo led"), answer("Rollo")],
                        },
                        {
                            "id": f"{title}-2",
                            "question": "Who fought them?",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [answer("Rollo")],
                        },
                        {
                            "id": f"{title}-3",
                            "question": "All?",
                            "is_impossible": False,
                            "answers": [{"text": CONTEXT, "answer_start": 0}],
                        },
                    ],
                }
            ],
        }
        for title in titles
    ]
    (data / "squad2_dev").mkdir(parents=True)
    (data / "squad2_dev" / "dev-v2.0.json").write_text(json.dumps({"data": articles}))


def converted(name: str, tmp_path: Path, split: str = "test") -> Dataset:
    convert(name, tmp_path / "data", tmp_path / "set")
    return load_dataset(tmp_path / "set", split)


def assert_consistent(dataset: Dataset) -> None:
    """A verbatim answer passes its own facts, and what must be cited is graded."""
    texts = {statement.id: statement.text for statement in dataset.statements}
    for question in dataset.questions:
        assert question.expected is not None
        if question.expected.answerable:
            cited = [name for group in question.expected.cite for name in group]
            assert set(cited) == {name for name, grade in question.relevant.items() if grade == 2}
            shown = " ".join(texts[name] for name in cited)
            assert all(says(shown, wordings) for wordings in question.expected.facts)
        else:
            assert not question.relevant


def test_squad_becomes_statements_answers_and_near_misses(tmp_path: Path) -> None:
    squad(tmp_path / "data")
    dev = converted("squad2_dev", tmp_path, "dev")
    assert_consistent(dev)
    assert [(question.id, question.kind) for question in dev.questions] == [
        ("Warsaw-1", "direct"),
        ("Warsaw-2", "near_miss"),
    ]
    expected = dev.questions[0].expected
    assert expected is not None
    assert expected.facts == (("Rollo", "Rollo led"),)
    assert {statement.metadata["title"] for statement in dev.statements} == {"Normans", "Warsaw"}


def test_squad_is_split_by_article_and_the_same_every_time(tmp_path: Path) -> None:
    squad(tmp_path / "data", ("Warsaw", "Force", "Normans"))
    tests = {question.id[:-2] for question in converted("squad2_dev", tmp_path).questions}
    assert tests == {"Normans", "Force"}
    assert all(is_held_out(title) for title in tests)
    assert not is_held_out("Warsaw")
    first = (tmp_path / "set" / "answers.jsonl").read_bytes()
    convert("squad2_dev", tmp_path / "data", tmp_path / "set")
    assert (tmp_path / "set" / "answers.jsonl").read_bytes() == first


def test_a_paragraph_is_cut_at_sentences_into_statements() -> None:
    text = " ".join(["A sentence of forty characters, or about." for _ in range(30)])
    spans = statement_spans(text)
    assert len(spans) > 1
    assert all(end - start <= STATEMENT_LENGTH for start, end in spans)
    assert " ".join(text[start:end] for start, end in spans) == text


def test_qed_makes_each_sentence_a_statement(tmp_path: Path) -> None:
    paragraph = "It rained . Rollo , a Viking , led them . "
    annotation = {
        "explanation_type": "single_sentence",
        "selected_sentence": {"start": 12, "end": 42, "string": paragraph[12:]},
        "answer": [{"paragraph_reference": {"start": 12, "end": 17, "string": "Rollo"}}],
    }
    example = {
        "example_id": 1,
        "title_text": "Normans",
        "question_text": "who led the normans",
        "paragraph_text": paragraph,
        "sentence_starts": [0, 12],
        "original_nq_answers": [[{"string": "Rollo , a Viking"}], [{"string": "it"}]],
        "annotation": annotation,
    }
    other = {**example, "example_id": 2, "annotation": {"explanation_type": "none"}}
    write_lines(tmp_path / "data" / "qed" / "qed-dev.jsonlines", [example, other])
    dataset = converted("qed", tmp_path, "dev")
    assert_consistent(dataset)
    assert [statement.text for statement in dataset.statements] == [
        "It rained .",
        "Rollo , a Viking , led them .",
    ]
    (question,) = dataset.questions
    assert question.text == "who led the normans?"
    assert question.expected is not None
    assert question.expected.facts == (("Rollo", "Rollo , a Viking"),)


def test_halueval_becomes_questions_and_claims(tmp_path: Path) -> None:
    def row(question: str, right: str, wrong: str) -> dict[str, object]:
        knowledge = f"Delhi is a city. It has the {question} office."
        return {
            "knowledge": knowledge,
            "question": question,
            "right_answer": right,
            "hallucinated_answer": wrong,
        }

    folder = tmp_path / "data" / "halueval"
    write_lines(
        folder / "qa_one-turn_data.json",
        [row("head", "Delhi", "Mumbai"), row("post", "yes", "no"), row("x", "Delhi", "Goa")],
    )
    write_lines(folder / "qa_multi-turn_data.json", [row("head", "Delhi", "It is Pune.")])
    dataset = converted("halueval", tmp_path)
    assert_consistent(dataset)
    assert len(dataset.statements) == 3
    assert [question.text for question in dataset.questions] == ["head", "x"]
    answers = read_rows(tmp_path / "set" / "answers.jsonl")
    assert answers[0].values["wrong"] == ["Mumbai", "It is Pune."]
    claims = read_claims(tmp_path / "set" / "support.jsonl")
    assert sum(claim.supported for claim in claims) == 3
    assert sum(not claim.supported for claim in claims) == 4


@pytest.mark.parametrize("name", ["cranfield", "vaswani_npl"])
def test_a_beir_set_is_copied_with_its_grades(tmp_path: Path, name: str) -> None:
    source = write_set(tmp_path / "data" / name)
    (source / "answers.jsonl").unlink()
    dataset = converted(name, tmp_path)
    assert dataset.questions[0].relevant == {"s3": 2, "s1": 1}
    assert (tmp_path / "set" / "corpus.jsonl").read_bytes() == (
        source / "corpus.jsonl"
    ).read_bytes()


def test_wice_keeps_the_supporting_sentences_or_the_nearest(tmp_path: Path) -> None:
    evidence = ["Title", "Bees dance at noon.", "Honey keeps.", "Queens rest."]
    rows: list[dict[str, object]] = [
        {"label": "supported", "claim": "Honey keeps.", "supporting_sentences": [[2], [0, 2]]},
        {
            "label": "partially_supported",
            "claim": "Honey keeps warm.",
            "supporting_sentences": [[2]],
        },
        {"label": "not_supported", "claim": "Bees dance at night.", "supporting_sentences": [[]]},
    ]
    for split in ("dev", "test"):
        path = tmp_path / "data" / "wice" / f"{split}.jsonl"
        write_lines(path, [{**row, "evidence": evidence} for row in rows])
    convert("wice", tmp_path / "data", tmp_path / "set")
    claims = read_claims(tmp_path / "set" / "support.jsonl", "dev")
    assert [claim.supported for claim in claims] == [True, False, False]
    assert claims[0].evidence == "Honey keeps."
    assert "Bees dance at noon." in claims[2].evidence


def test_fm2_puts_the_page_before_its_sentences(tmp_path: Path) -> None:
    def row(label: str) -> dict[str, object]:
        return {
            "text": "Bees dance.",
            "label": label,
            "wikipedia_page": "Bee",
            "gold_evidence": [{"text": "They dance."}, {"text": "At noon."}],
        }

    for split in ("dev", "test"):
        write_lines(tmp_path / "data" / "fm2" / f"{split}.jsonl", [row("SUPPORTS"), row("REFUTES")])
    convert("fm2", tmp_path / "data", tmp_path / "set")
    claims = read_claims(tmp_path / "set" / "support.jsonl", "test")
    assert [(claim.evidence, claim.supported) for claim in claims] == [
        ("Bee: They dance. At noon.", True),
        ("Bee: They dance. At noon.", False),
    ]


def test_fever_symmetric_is_split_by_file(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        rows = [
            {"claim": f"Bees {split}.", "evidence": "They do.", "gold_label": label}
            for label in ("SUPPORTS", "REFUTES")
        ]
        file = tmp_path / "data" / "fever_symmetric" / f"fever_symmetric_{split}.jsonl"
        write_lines(file, rows)
    convert("fever_symmetric", tmp_path / "data", tmp_path / "set")
    claims = read_claims(tmp_path / "set" / "support.jsonl", "test")
    assert [(claim.claim, claim.supported) for claim in claims] == [
        ("Bees test.", True),
        ("Bees test.", False),
    ]


def test_begin_leaves_out_replies_that_claim_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "begin"
    folder.mkdir(parents=True)
    lines = ["model_name\tdata_source\tknowledge\tmessage\tresponse\tbegin_label"]
    labels = ("Fully attributable", "Not fully attributable", "Generic")
    lines += [f't5\twow\t"Bees dance.\tHi\tThey do\t{label}' for label in labels]
    for name in ("begin_dev_tc.tsv", "begin_dev_wow.tsv", "begin_test_wow.tsv"):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    convert("begin", tmp_path / "data", tmp_path / "set")
    claims = read_claims(tmp_path / "set" / "support.jsonl", "test")
    assert [(claim.evidence, claim.supported) for claim in claims] == [
        ('"Bees dance.', True),
        ('"Bees dance.', False),
    ]


def test_trec_qa_becomes_questions_with_sentences(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "trec_qa"
    folder.mkdir(parents=True)
    rows = [
        "qtext,label,atext",
        'Do bees dance ?,1,"They do , at noon ."',
        "Do bees dance ?,0,No .",
    ]
    for split in ("dev", "test"):
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    convert("trec_qa", tmp_path / "data", tmp_path / "set")
    (asked,) = read_candidates(tmp_path / "set" / "selection.jsonl", "test")
    assert asked.question == "Do bees dance?"
    assert asked.sentences == ("They do, at noon.", "No.")
    assert asked.answers == (True, False)


@pytest.mark.parametrize("name", NAMES)
def test_absent_data_is_one_clear_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        EvalsError, match=f"{name}: no such folder; {name} is not part of the project"
    ):
        convert(name, tmp_path, tmp_path / "set")


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_data_folder_names_the_missing_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(EvalsError, match=str(tmp_path / name)):
        convert(name, tmp_path, tmp_path / "set")


def test_data_of_another_shape_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "squad2_dev"
    folder.mkdir()
    (folder / "dev-v2.0.json").write_text('{"data": [{"title": "x"}]}')
    with pytest.raises(EvalsError, match=r"dev-v2\.0\.json: is not SQuAD's JSON"):
        convert("squad2_dev", tmp_path, tmp_path / "set")


def test_the_data_is_never_written_over(tmp_path: Path) -> None:
    source = write_set(tmp_path / "cranfield")
    with pytest.raises(EvalsError, match="is the data itself"):
        convert("cranfield", source, source)
