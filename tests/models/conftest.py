"""The models under test: the zoo, or the user's checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import pytest

from fixtures.zoo import ZOO, obtain
from mxproof.runtimes.base import Candidate
from mxproof.runtimes.mxnet import Mxnet, MxnetProcess
from mxproof.subject import Subject, load_for_run, parse_inputs
from mxproof.targets import TARGETS, convert
from mxproof.truth import Truth

Shapes = Dict[str, Tuple[int, ...]]
Arrays = Dict[str, np.ndarray]

NOISES = 4  # as many as `mxproof verify` draws


@dataclass
class Case:
    """One model: converted, and open in MXNet."""

    subject: Subject
    reference: Mxnet
    folder: Path
    given: Shapes
    _open: Dict[Any, Candidate] = field(default_factory=dict)
    _paths: Dict[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.subject.name

    def path(self, target: str) -> Path:
        """The shipped file; converted once, whatever it is then run on."""
        if target not in self._paths:
            self._paths[target] = convert(self.subject.graph, target, self.folder)[0]
        return self._paths[target]

    def candidate(self, target: str, precision: str, **options: Any) -> Candidate:
        key = (target, precision, *options.items())
        if key not in self._open:
            self._open[key] = TARGETS[target].open(self.path(target), precision, **options)
        return self._open[key]

    @cached_property
    def truths(self) -> List[Truth]:
        """Every layer of MXNet on the inputs of the per-layer suites, as `mxproof verify` has
        them: pictures for the zoo, some noise for a user's network. Several noises, because where
        a network ends in few numbers, one draw of two roundings says little about their ratio."""
        samples = 2 if self.subject.model is not None else NOISES
        inputs = self.subject.evidence(self.given, samples=samples)
        return [self.reference.truth(x) for x in inputs]

    @property
    def truth(self) -> Truth:
        return self.truths[0]

    @cached_property
    def picture(self) -> Arrays:
        """A real photograph or clip of the size that the model is used at."""
        if self.subject.model is None:
            return dict(self.truth.inputs)
        return self.subject.inputs({"data": self.subject.model.output_input})


def models_of(config: pytest.Config) -> List[str]:
    own = config.getoption("--checkpoint")
    return [Path(own).name] if own else list(ZOO)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ids read `resnet101-pytorch-float64`."""
    if "case" not in metafunc.fixturenames:
        return
    names = ["case"]
    only = metafunc.definition.get_closest_marker("models")
    models = models_of(metafunc.config)
    rows: List[Tuple[str, ...]] = [(m,) for m in models if only is None or m in only.args]
    if "target" in metafunc.fixturenames:
        names.append("target")
        rows = [(*row, target) for row in rows for target in TARGETS]
    if "precision" in metafunc.fixturenames:
        names.append("precision")
        rows = [(*row, p) for row in rows for p in TARGETS[row[1]].runtimes]
    ids = ["-".join(row) for row in rows]
    metafunc.parametrize(names, rows, ids=ids, indirect=["case"], scope="session")


@pytest.fixture(scope="session")
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    """The model, converted; without MXNet there is no proof, which is a failure and no skip."""
    try:
        mxnet: MxnetProcess = request.getfixturevalue("mxnet")
    except pytest.skip.Exception as error:
        pytest.fail(f"nothing can be proven: {error}", pytrace=False)
    config = request.config
    own = config.getoption("--checkpoint")
    given = parse_inputs(config.getoption("--input")) if own else {}
    subject = load_for_run(
        own or request.param,
        given,
        epoch=config.getoption("--epoch") if own else 0,
        weights=config.getoption("--weights"),
    )
    reference = mxnet.load(subject.prefix, subject.epoch, subject.graph)
    yield Case(subject, reference, tmp_path_factory.mktemp(subject.name), given)
    reference.close()


def pytest_report_collectionfinish(config: pytest.Config, items: List[pytest.Item]) -> List[str]:
    """Which weights the chosen models have, and why: said once, before the first test."""
    if config.getoption("--checkpoint"):
        return [f"checkpoint: {config.getoption('--checkpoint')}"]
    chosen = {i.callspec.params.get("case") for i in items if hasattr(i, "callspec")}
    kinds: Dict[str, List[Tuple[str, str]]] = {}
    for name in [n for n in ZOO if n in chosen]:
        obtained = obtain(ZOO[name], config.getoption("--weights"))
        kinds.setdefault(obtained.weights, []).append((name, obtained.why))
    return [
        f"weights: {kind} for {', '.join(name for name, _ in rows)}; {rows[0][1]}"
        for kind, rows in kinds.items()
    ]
