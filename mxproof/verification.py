"""One verification: what a proof is judged by, and what it shows."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Optional, Sequence, Union

from converters.files import atomic_write
from converters.ir.shapes import Shape

from .inputs.sampling import informative
from .model import Model
from .proof.proof import Proof
from .proof.reference import SAMPLES, Reference, live
from .recording.file import load_recording
from .reports.page import Plot, notebook, page
from .reports.record import proof_record
from .reports.terminal import proof_table
from .runtimes.base import Inputs
from .runtimes.mxnet.client import MxnetProcess

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, repr=False)
class VerifyResult(Proof):
    """A proof that can be shown."""

    def to_json(self) -> Dict[str, Any]:
        """The record, in the form that CLI users read."""
        return proof_record(self)

    def plot(self, target: Optional[str] = None) -> Plot:
        """Error over depth of one target, or of all: to look at in a notebook, or to `save`.

        Raises:
            KeyError: no such target.
        """
        targets = self.to_json()["targets"]
        return Plot(self.model, {target: targets[target]} if target else targets)

    def save_html(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write the page that `mxproof verify --html` writes."""
        with atomic_write(Path(path)) as file:
            file.write(page([self.to_json()]).encode(errors="backslashreplace"))

    def _repr_html_(self) -> str:
        """For notebooks."""
        return notebook(self.to_json())

    def __rich__(self) -> Table:
        """For the terminal."""
        return proof_table(self)


@contextmanager
def reference_for(
    subject: Model,
    given: Mapping[str, Shape],
    *,
    seed: int = 0,
    samples: int = SAMPLES,
    inputs: Optional[Sequence[Inputs]] = None,
    mxnet_python: Optional[str] = None,
    reference: Optional[Path] = None,
) -> Iterator[Reference]:
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
    drawn = inputs or subject.evidence(given, seed=seed, samples=samples)
    with MxnetProcess(mxnet_python) as mxnet:
        model = mxnet.load(subject.files, None, subject.graph)
        shapes = {name: array.shape for name, array in drawn[0].items()}
        chosen = inputs or informative(model.run, drawn, subject.limits(shapes))
        yield live(model, chosen, mxnet.versions)
