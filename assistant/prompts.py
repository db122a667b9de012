"""The prompts, word for word.

The system prompt is constant and comes first, so that a local model reads it once and finds it in
its cache ever after; what changes (statements, then the question) comes last.
"""

SYSTEM_PROMPT = (
    "You answer questions from numbered statements.\n"
    "Use only what the statements say, in their own words. "
    # Small models ramble; a checked sentence needs to be one claim.
    "Answer in one to three short sentences. "
    # A marker at the end of each sentence is the form that citations are read from.
    "End each sentence with the number of its statement in brackets, like [1]. "
    # Starts with a word that hardly any answer starts with: how likely it is is the model's doubt.
    "If the statements do not answer the question, reply: None of the statements answers this."
)

STATEMENTS_PROMPT = "Statements:\n{statements}\n\nQuestion: {question}"

NOT_ANSWERED = "None of the statements answer"
"""How the reply starts of a model that follows the system prompt and abstains."""
