"""Prove right conversions of networks that are drawn from a seed and are like trained ones
(convolution biases of 5 to 20, batch-norm means up to 100 deviations off, depthwise chains and
LSTMs of 30, saturated gates), on pixels, normal, huge and tiny inputs: each that is not proven is a
false alarm. With --power, lose digits in single layers of the same networks and count how often
that is caught. Exit code 1 on a false alarm, or if less than 99 % are caught."""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Tuple

import numpy as np

from converters import Graph, load_checkpoint
from converters.progress import report
from mxproof.cli import common
from mxproof.cli.bench import table
from mxproof.proof.proof import PRECISIONS, TargetProof
from mxproof.proof.reference import Reference, kept, live
from mxproof.proof.tolerance import Budgets
from mxproof.proof.verify import Prover
from mxproof.runtimes.base import Candidate
from mxproof.runtimes.mxnet.client import Mxnet, MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert

from .losses import LOSSES, Lossy
from .trained_like import FAMILIES, INPUTS, TURNS, draw

#: A loss that moves its layer by less, as a part of its RMS, makes no difference to anybody who
#: computes in float32: a few of its roundings.
LIVE = 2.0**-20
#: The least share of live losses that must be caught.
CAUGHT = 0.99
#: Columns of the tables.
ALARMS = "family cases alarms median_ratio:.2f worst_part:.2f"
POWER = "loss planted live caught named"
Row = Dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    numbers = (
        ("--networks", 1, 12, f"how many, of {len(FAMILIES)} families in turn"),
        ("--samples", 1, 1, "inputs for each proof: the fewer, the more is luck"),
        ("--seed", 0, 0, "number of the first network; it and its inputs are drawn from it"),
        ("--power", 0, 0, "also lose digits in so many layers of each network, in each way"),
    )
    for option, least, default, text in numbers:
        number, text = partial(common.count, least=least), f"{text} (default: {default})"
        parser.add_argument(option, type=number, default=default, metavar="N", help=text)
    common.mxnet_python(parser)
    common.quiet(parser)
    common.table_options(parser)


def run(args: argparse.Namespace) -> int:
    cases: List[Row] = []
    losses: List[Row] = []
    with common.progress_of(args), MxnetProcess(args.mxnet_python) as mxnet:
        for number in range(args.seed, args.seed + args.networks):
            report("proving networks", number - args.seed, args.networks)
            with tempfile.TemporaryDirectory(prefix="mxproof-") as folder:
                drawn = Drawn.of(Path(folder), number)
                with closing(mxnet.load(drawn.prefix, 0, drawn.graph)) as model:
                    for kind in INPUTS:
                        evidence = drawn.evidence(model, kind, args.samples)
                        cases += drawn.cases(kind, evidence)
                        if args.power and kind == drawn.kind:
                            losses += drawn.losses(kind, evidence, args.power)
            record: Row = {"schema": 1, "alarms": summary(cases), "power": powers(losses)}
            record.update(cases=cases, losses=losses)
            common.write_text(args.json, json.dumps(record, indent=1))  # hours pass: keep it
    sheets = [table("False alarms", ALARMS, record["alarms"])]
    sheets += [table("Power", POWER, record["power"])] if losses else []
    common.show_tables(args, record, sheets)
    false = ["; ".join(case["alarm"]) for case in cases if case["alarm"]]
    common.say(*false, stderr=True)
    live_ones = [row for row in losses if row["live"]]
    weak = sum(row["caught"] for row in live_ones) < CAUGHT * len(live_ones)
    return common.FAILED if false or weak else common.PROVEN


class Drawn(NamedTuple):
    """One network, converted.

    Attributes:
        kind: of the inputs on which losses are planted.
    """

    graph: Graph
    prefix: Path
    shape: Tuple[int, ...]
    paths: Dict[str, Path]
    number: int
    family: str
    kind: str

    @classmethod
    def of(cls, folder: Path, number: int) -> Drawn:
        family = TURNS[number % len(TURNS)]
        prefix, shape = draw(folder, family, number)
        graph = load_checkpoint(prefix, inputs={"data": shape})
        paths = {target: convert(graph, target, folder / target)[0] for target in TARGETS}
        kind = list(INPUTS)[number // len(TURNS) % len(INPUTS)]
        return cls(graph, prefix, shape, paths, number, family, kind)

    def evidence(self, model: Mxnet, kind: str, samples: int) -> Reference:
        """As `verify` has it, but for the survey of numbers that these inputs do not reach."""
        random = np.random.default_rng((self.number, list(INPUTS).index(kind)))
        inputs = [{"data": INPUTS[kind](random, self.shape)} for _ in range(samples)]
        return kept(replace(live(model, inputs, {}), survey=None))

    def about(self, kind: str, target: str) -> Row:
        name = self.prefix.name
        return {"network": name, "family": self.family, "input": kind, "target": target}

    def cases(self, kind: str, evidence: Reference) -> Iterator[Row]:
        """Is the right conversion proven?"""
        proofs = Prover(self.graph, self.paths, Budgets()).prove(evidence)[0]
        for target, proof in proofs.items():
            alarm = [] if proof.passed else proof.explain(f"{self.prefix.name} on {kind}")
            ratio = proof.median_ratio
            part = max(c.part for c in proof.comparisons["float32"].checks)
            found = {"median_ratio": ratio, "worst_part": part, "alarm": alarm}
            yield {**self.about(kind, target), **found}

    def losses(self, kind: str, evidence: Reference, sites: int) -> Iterator[Row]:
        """Are lost digits caught, and is their layer named?"""
        random = np.random.default_rng((self.number, 1000))
        runs = {p: TARGETS["pytorch"].open(self.paths["pytorch"], p) for p in PRECISIONS}
        for name, loss in LOSSES.items():
            nodes = [node for node in self.graph.nodes if loss.fits(node)]
            for k in random.choice(len(nodes), min(sites, len(nodes)), replace=False):
                lossy = Lossy(runs["float32"], self.graph, nodes[k], loss)
                proof = self.judged({**runs, "float32": lossy}, evidence)
                layer = nodes[k].outputs[0]
                named = not proof.passed and layer in [c.layer for c in proof.culprits]
                found = {"loss": name, "layer": layer, "op": nodes[k].op, "moved": lossy.moved}
                found.update(live=lossy.moved > LIVE, caught=not proof.passed, named=named)
                yield {**self.about(kind, "pytorch"), **found}

    def judged(self, runs: Mapping[str, Candidate], evidence: Reference) -> TargetProof:
        """The PyTorch file, run by these candidates, by precision."""
        paths = {"pytorch": self.paths["pytorch"]}
        prover = Prover(self.graph, paths, Budgets(), opened=lambda _, precision: runs[precision])
        return prover.prove(evidence)[0]["pytorch"]


def summary(cases: List[Row]) -> List[Row]:
    """By family: how many proofs, and how many false alarms."""
    return [
        {
            "family": family or "all",
            "cases": len(own),
            "alarms": sum(bool(case["alarm"]) for case in own),
            "median_ratio": max((case["median_ratio"] or 0.0 for case in own), default=None),
            "worst_part": max((case["worst_part"] for case in own), default=None),
        }
        for family in [*FAMILIES, ""]
        for own in [[case for case in cases if family in ("", case["family"])]]
    ]


def powers(losses: List[Row]) -> List[Row]:
    """By kind of loss: how many made a difference, and of these how many were caught, and named."""
    return [
        {
            "loss": name or "all",
            "planted": len(own),
            **{key: sum(r["live"] and r[key] for r in own) for key in ("live", "caught", "named")},
        }
        for name in [*LOSSES, ""]
        for own in [[row for row in losses if name in ("", row["loss"])]]
    ]
