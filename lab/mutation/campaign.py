"""Planting faults in a model, and what the harness and others make of them."""

from __future__ import annotations

import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Tuple

import numpy as np
import onnx

from converters import Graph
from mxproof.runtimes.base import RuntimeFailure
from mxproof.targets import convert

from .bystander import Bystander, Outputs
from .equivalence import equivalent
from .fault import Fault, Ground, Planted, Site
from .judge import Verdict, judge, with_outputs
from .oracles import alarms
from .outcome import Clean, Outcome


@dataclass(frozen=True)
class Case:
    """A fault, a place and a target, and the seed of all that is drawn there."""

    fault: Fault
    layer: str
    target: str
    seed: Tuple[int, ...]

    def planted(self, ground: Ground) -> Planted:
        return self.fault.plant(Site(ground, self.layer, np.random.default_rng(self.seed)))


def cases(graph: Graph, model: str, fault: Fault, count: int, seed: int) -> Iterator[Case]:
    """Up to `count` places of this kind, drawn; the targets take turns."""
    key = (seed, zlib.crc32(f"{model}/{fault.kind}".encode()))
    random = np.random.default_rng(key)
    places = fault.sites(graph)
    first = int(random.integers(len(fault.targets)))
    for number, place in enumerate(random.permutation(len(places))[:count]):
        target = fault.targets[(first + number) % len(fault.targets)]
        yield Case(fault, places[place], target, (*key, number))


def tried(
    ground: Ground, planted: Planted, target: str, bystander: Optional[Bystander] = None
) -> Tuple[Verdict, Mapping[str, bool]]:
    """Convert and judge: the harness's verdict, and (with a bystander) the others' alarms."""
    reference = planted.reference or ground.graph
    truths = with_outputs(ground.truths, ground.graph, reference)
    feed = planted.feed or dict
    found: List[Outputs] = [None] * len(truths)
    with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
        try:
            path = written(planted, target, Path(folder))
            if bystander is not None:
                bystander.start(path, target, [feed(t.inputs) for t in truths])
            try:
                verdict = judge(reference, path, target, truths, feed)
            finally:
                if bystander is not None:
                    found = bystander.result(len(truths))
        except RuntimeFailure:
            raise  # no runtime is no proof of anything
        except Exception as error:  # whatever a converter or a runtime will not take
            verdict = refusal(error, planted.expected, folder)
    expected = [t.outputs for t in truths]
    return verdict, {} if bystander is None else alarms(found, expected)


def written(planted: Planted, target: str, folder: Path) -> Path:
    """The converted model with the fault in it."""
    path = convert(planted.graph, target, folder)[0]
    if planted.edit is not None:
        model = onnx.load(path)
        planted.edit(model)
        onnx.save(model, path)
    return path


def refusal(error: Exception, expected: str, folder: str) -> Verdict:
    """A fault that never runs is caught; it is named if the message names its layer."""
    message = str(error).replace(f"{folder}/", "")
    culprits = (expected,) if repr(expected) in message else ()
    return Verdict(True, culprits, f"{type(error).__name__}: {message}")


def plant(ground: Ground, model: str, case: Case, bystander: Optional[Bystander] = None) -> Outcome:
    planted = case.planted(ground)
    verdict, oracles = tried(ground, planted, case.target, bystander)
    return Outcome(
        model=model,
        target=case.target,
        kind=case.fault.kind,
        family=case.fault.family,
        layer=case.layer,
        note=planted.note,
        expected=planted.expected,
        killed=verdict.killed,
        named=verdict.named,
        equivalent=equivalent(case.fault, ground, planted),
        refused=verdict.refused,
        oracles=oracles,
    )


def clean(ground: Ground, model: str, target: str, bystander: Bystander) -> Clean:
    """The conversion as it is."""
    verdict, oracles = tried(ground, Planted(ground.graph, "", ""), target, bystander)
    return Clean(model, target, verdict.killed, oracles)
