"""The models under test: the zoo, or the user's checkpoint."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
import pytest

from converters import __version__
from fixtures.zoo import ZOO, obtain
from mxproof.cli.common import command_line
from mxproof.cli.picture_options import preprocessing_of
from mxproof.compare import compare
from mxproof.evidence import SAMPLES, Evidence
from mxproof.pictures import picture_inputs
from mxproof.proof import PRECISIONS, describe_failure
from mxproof.prover import versions_of
from mxproof.recording.file import given_inputs, load_recording
from mxproof.report.pytest_report import FOUND
from mxproof.repro import Failure, write_reproducers
from mxproof.repro.folder import Folder
from mxproof.runtimes.base import Candidate, Layer
from mxproof.runtimes.mxnet import Mxnet, MxnetProcess
from mxproof.subject import Subject, load_for_run, parse_inputs, parse_types
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import Budgets, load_budgets
from mxproof.truth import Truth
from mxproof.verdict import Check, Comparison

Shapes = Dict[str, Tuple[int, ...]]
HERE = Path(__file__).parent
Arrays = Dict[str, np.ndarray]


@dataclass
class Case:
    """One model: converted, and open in MXNet or judged by a recording.

    Attributes:
        inputs: of the per-layer suites, as `mxproof verify` has them: pictures for the zoo,
            some noise for a user's network. Several, because where a network ends in few
            numbers, one draw of two roundings says little about their ratio.
        recording: what stands in for MXNet, if anything does.
        command: `mxproof verify` of the same, but for the target.
        chosen: the inputs are pictures of the user's.
        versions: of what it is judged by.
    """

    subject: Subject
    folder: Path
    given: Shapes
    inputs: List[Arrays]
    budgets: Budgets
    command: str
    chosen: bool = False
    model: Optional[Mxnet] = None
    recording: Optional[Evidence] = None
    repro: Optional[Folder] = None
    versions: Mapping[str, str] = field(default_factory=dict)
    _open: Dict[Any, Candidate] = field(default_factory=dict)
    _paths: Dict[str, Path] = field(default_factory=dict)

    @property
    def reference(self) -> Mxnet:
        """MXNet; what needs it at any input is skipped where a recording stands in for it."""
        if self.model is None:
            pytest.skip("needs MXNet on new inputs: --reference knows its own only")
        return self.model

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
        """Every layer of MXNet on `inputs`, or what was recorded."""
        if self.recording is not None:
            return list(self.recording)
        return [self.reference.truth(x) for x in self.inputs]

    @property
    def truth(self) -> Truth:
        return self.truths[0]

    @cached_property
    def picture(self) -> Arrays:
        """A real photograph or clip of the size that the model is used at; or the user's."""
        if self.subject.model is None or self.chosen:
            return dict(self.truth.inputs)
        return self.subject.inputs({"data": self.subject.model.output_input})

    @cached_property
    def pictured(self) -> Truth:
        """MXNet's outputs on `picture`, or on what was recorded."""
        if self.recording is not None:
            return self.truth
        runs = [self.reference.run(self.picture, precision) for precision in PRECISIONS]
        outputs = map(Layer, self.outputs, *runs)
        return Truth(self.picture, outputs, runs[1])

    @property
    def outputs(self) -> List[str]:
        """Their names; ONNX lists each once."""
        return list(dict.fromkeys(self.subject.graph.outputs))

    def compared(self, target: str, precision: str, **options: Any) -> Comparison:
        """All layers, over all of `truths`."""
        candidate, graph = self.candidate(target, precision), self.subject.graph
        parts = (compare(t, candidate, graph, self.budgets, **options) for t in self.truths)
        return reduce(operator.add, parts)

    def culprits(self, target: str, comparison: Comparison) -> Tuple[Check, ...]:
        """The layers that differ although they are given MXNet's inputs, if that can be asked."""
        if comparison.passed or self.recording is not None:
            return ()
        return self.compared(target, comparison.precision, alone=True).culprits

    def explain(self, target: str, comparison: Comparison, alone: Tuple[Check, ...]) -> str:
        """What failed: the culprits, and how to see it again."""
        culprits = alone or comparison.failed[:1]
        said = describe_failure(self.name, target, comparison, culprits)
        command = f"{self.command} --to {target}"
        if self.repro is None:
            return f"{said}\nfor a reproducer: {command} --repro repro"
        path = self.path(target)
        graph, versions = self.subject.graph, {"mxproof": __version__}
        failure = Failure(graph, target, path, comparison, culprits, versions, command)
        return "\n".join([said, *map(str, write_reproducers(self.repro, failure, self.truths))])


def record_of(case: Case) -> Dict[str, Any]:
    """What a report says of the model as a whole."""
    outputs = case.picture if case.recording is None else case.truth.inputs
    return {
        "input": {name: list(array.shape) for name, array in case.truth.inputs.items()},
        "output_input": {name: list(array.shape) for name, array in outputs.items()},
        "weights": case.subject.weights,
        "reference": "mxnet" if case.recording is None else "a recording",
        "versions": versions_of(case.versions),
        "source": dict(case.subject.graph.source),
        "command": case.command,
    }


@pytest.fixture
def hand_in(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """What a test found, for `--report`."""

    def keep(case: Case, **found: Any) -> None:
        if request.config.getoption("--report"):
            record_property(FOUND, {"model": case.name, **found})

    return keep


def models_of(config: pytest.Config) -> List[str]:
    own, recorded = config.getoption("--checkpoint"), config.getoption("--reference")
    if own:
        return [Path(own).name]
    if recorded and Path(recorded).is_dir():
        return [name for name in ZOO if Path(recorded, f"{name}.npz").is_file()]
    return [Path(recorded).stem] if recorded else list(ZOO)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ids read `resnet101-pytorch-float64`; one that concerns several targets names them all."""
    if "case" not in metafunc.fixturenames:
        return
    names = ["case"]
    only = metafunc.definition.get_closest_marker("models")
    models = models_of(metafunc.config)
    rows: List[Tuple[str, ...]] = [(m,) for m in models if only is None or m in only.args]
    if "target" in metafunc.fixturenames:
        names.append("target")
        rows = [(*row, target) for row in rows for target in TARGETS]
    if "targets" in metafunc.fixturenames:
        names.append("targets")
        rows = [(*row, "+".join(TARGETS)) for row in rows]
    if "precision" in metafunc.fixturenames:
        names.append("precision")
        rows = [(*row, p) for row in rows for p in TARGETS[row[1]].runtimes]
    cases = [pytest.param(*row, id="-".join(row)) for row in rows]
    if not rows and only is not None:
        why = f"is about {', '.join(only.args)}; run are {', '.join(models)}"
        nothing = ["none"] * len(names)
        cases = [pytest.param(*nothing, id="none", marks=pytest.mark.skip(reason=why))]
    metafunc.parametrize(names, cases, indirect=["case"], scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Under xdist one process has all tests of a model; a report knows which model a test is about,
    even if it fails before it records anything."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if "case" in params and item.path.parent == HERE:  # the hook is given all items
            item.add_marker(pytest.mark.xdist_group(params["case"]))
            if config.getoption("--report"):
                found = {"model": params["case"], "target": params.get("target")}
                item.user_properties.append((FOUND, found))


@pytest.fixture(scope="session")
def budgets(request: pytest.FixtureRequest) -> Iterator[Budgets]:
    """The user's rows; those that no layer needed fail when all tests have run."""
    path = request.config.getoption("--budgets")
    found = load_budgets(Path(path)) if path else Budgets()
    yield found
    assert not found.problems, "\n".join(found.problems)


@pytest.fixture(scope="session")
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, budgets: Budgets
) -> Iterator[Case]:
    """The model, converted; without MXNet there is no proof, which is a failure and no skip."""
    option = request.config.getoption
    own, recorded = option("--checkpoint"), _recording_of(request.config, request.param)
    given = parse_inputs(option("--input")) if own else {}
    subject = load_for_run(
        own or request.param,
        given_inputs(recorded) if recorded else given,
        epoch=option("--epoch") if own else 0,
        weights=option("--weights"),
        types=parse_types(option("--input-type")) if own else {},
        outputs=option("--output-layer") if own else (),
    )
    inputs = inputs_of(request.config.option, subject, given)
    command = command_of(request.config.option, own or subject.name, recorded, len(inputs))
    folder = tmp_path_factory.mktemp(subject.name)
    case = Case(subject, folder, given, inputs, budgets, command, bool(option("--image")))
    if option("--repro"):
        case.repro = Folder(Path(option("--repro")))
    if recorded:
        case.recording = load_recording(recorded, subject.graph)
        case.versions = case.recording.versions
        yield case
        return
    try:
        mxnet: MxnetProcess = request.getfixturevalue("mxnet")
    except pytest.skip.Exception as error:
        pytest.fail(f"nothing can be proven: {error}", pytrace=False)
    case.versions = mxnet.versions
    case.model = mxnet.load(subject.prefix, subject.epoch, subject.graph)
    yield case
    case.model.close()


def inputs_of(option: Any, subject: Subject, given: Shapes) -> List[Arrays]:
    """Inputs by --image, or by --seed and --samples."""
    if option.image:
        how = preprocessing_of(option, subject.preprocessing)
        return picture_inputs(subject, [Path(file) for file in option.image], how, given)
    samples = option.samples or (2 if subject.model else SAMPLES)
    return subject.evidence(given, seed=option.seed or 0, samples=samples)


def command_of(option: Any, checkpoint: str, recorded: Optional[Path], samples: int) -> str:
    """The `mxproof verify` of the same, for all targets."""
    stated: Dict[str, Any] = {"checkpoint": checkpoint, "output": option.output_layer}
    if recorded:
        its_own = {"input": [], "image": [], "seed": None, "samples": None, "mxnet_python": None}
        stated.update(reference=recorded, **its_own)
    elif not option.image:
        stated.update(samples=samples)
    return command_line("verify", option, **stated)


def _recording_of(config: pytest.Config, model: str) -> Optional[Path]:
    """--reference, or the model's file in that folder."""
    given = config.getoption("--reference")
    path = Path(given) if given else None
    return path / f"{model}.npz" if path and path.is_dir() else path


def pytest_report_collectionfinish(config: pytest.Config, items: List[pytest.Item]) -> List[str]:
    """Which weights the chosen models have, and why: said once, before the first test."""
    if config.getoption("--checkpoint"):
        return [f"checkpoint: {config.getoption('--checkpoint')}"]
    chosen = [i.callspec.params.get("case") for i in items if hasattr(i, "callspec")]
    kinds: Dict[str, List[Tuple[str, str]]] = {}
    for name in [n for n in ZOO if n in chosen]:
        obtained = obtain(ZOO[name], config.getoption("--weights"))
        kinds.setdefault(obtained.weights, []).append((name, obtained.why))
    return [
        f"weights: {kind} for {', '.join(name for name, _ in rows)}; {rows[0][1]}"
        for kind, rows in kinds.items()
    ]
