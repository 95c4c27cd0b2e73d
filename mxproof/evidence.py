"""What a proof is judged by: MXNet, run on chosen inputs, or what was recorded of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, Mapping, Optional, Protocol, Sequence

from converters.shape import Shape

from .recording.file import load_recording
from .runtimes.base import Inputs
from .runtimes.mxnet import Mxnet, MxnetProcess
from .subject import Subject
from .truth import Truth

#: How many inputs are drawn: where a network ends in few numbers, one draw of two roundings says
#: little about their ratio.
SAMPLES = 4
#: How often all numbers are moved by rounding, to see what that does: four draws of the scatter of
#: even a single number are a factor of 4 below it once in 10,000 times.
DRAWS = 4


class Evidence(Protocol):
    """Truths on several inputs, that can be gone through more than once; and what made them."""

    @property
    def versions(self) -> Mapping[str, str]: ...

    def __iter__(self) -> Iterator[Truth]: ...

    def closer(self) -> Evidence:
        """The same, that also knows how much rounding alone may do; itself if that is unknown."""
        ...


@dataclass(frozen=True)
class Live:
    """MXNet, run on each of the inputs whenever its results are asked for."""

    model: Mxnet
    inputs: Sequence[Inputs]
    versions: Mapping[str, str]
    draws: int = 0

    def __iter__(self) -> Iterator[Truth]:
        return (self.model.truth(inputs, self.draws) for inputs in self.inputs)

    def closer(self) -> Live:
        return replace(self, draws=DRAWS)


@contextmanager
def evidence_for(
    subject: Subject,
    given: Mapping[str, Shape],
    *,
    seed: int = 0,
    samples: int = SAMPLES,
    inputs: Optional[Sequence[Inputs]] = None,
    mxnet_python: Optional[str] = None,
    reference: Optional[Path] = None,
) -> Iterator[Evidence]:
    """A recording, or MXNet on chosen inputs, or on inputs drawn from a seed.

    Args:
        given: shapes of inputs as the user states them.
        inputs: in place of such as are drawn.
        mxnet_python: the Python that has MXNet; None means this one.
        reference: a file of `mxproof record`; it has its own inputs, and no MXNet is run.

    Raises:
        RuntimeFailure: there is no MXNet, or it cannot load the checkpoint.
    """
    if reference is not None:
        yield load_recording(reference, subject.graph)
        return
    chosen = inputs or subject.evidence(given, seed=seed, samples=samples)
    with MxnetProcess(mxnet_python) as mxnet:
        model = mxnet.load(subject.prefix, subject.epoch, subject.graph)
        yield Live(model, chosen, mxnet.versions)
