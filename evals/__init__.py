"""Evals: how well retrieval and answering work over a question set, with uncertainty.

`python -m evals --help` lists the commands. A question set is a folder in BEIR layout
(`corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`) with an `answers.jsonl` beside it.
"""
