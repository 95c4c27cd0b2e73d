"""The models under test: the zoo, or the user's checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import numpy as np
import pytest

from converters import CheckpointError, __version__
from converters.mxnet_format.checkpoint_files import find_files
from mxproof.cli.input_options import inputs_of
from mxproof.cli.verify import again, budgets_of
from mxproof.inputs.sampling import informative
from mxproof.model import Model
from mxproof.proof.overrides import unused_rows, used_rows
from mxproof.proof.proof import PRECISIONS, TargetProof
from mxproof.proof.reference import SAMPLES, Reference, kept, live
from mxproof.proof.results import LayerResult
from mxproof.proof.tolerance import Budgets
from mxproof.proof.trace import ReferenceTrace
from mxproof.proof.trace_results import TraceResult, describe_failure
from mxproof.proof.verify import Prover, versions_of
from mxproof.recording.file import load_recording
from mxproof.reports.pytest_report import FOUND
from mxproof.reproducers import Failure, write_reproducers
from mxproof.reproducers.folder import Folder
from mxproof.runtimes.base import Candidate, Layer
from mxproof.runtimes.mxnet.client import Mxnet, MxnetProcess
from mxproof.runtimes.registry import TARGETS, convert
from mxproof.zoo.models import ZOO, obtain
from tests.checkpoint import KEY, arguments, chosen_by

Shapes = Dict[str, Tuple[int, ...]]
HERE = Path(__file__).parent
Arrays = Dict[str, np.ndarray]


@dataclass
class Case:
    """One model: converted, and open in MXNet or judged by a recording.

    Attributes:
        evidence: what it is judged by. The inputs of the per-layer suites are those of
            `mxproof verify`: pictures for the zoo, some noise for a user's network. Several,
            because where a network ends in few numbers, one draw of two roundings says little
            about their ratio.
        command: `mxproof verify` of the same, but for the target.
        chosen: the inputs are pictures of the user's.
        used: the rows of `budgets` that made a difference to any case, by their id.
    """

    subject: Model
    folder: Path
    given: Shapes
    evidence: Reference
    budgets: Budgets
    used: Set[int]
    command: str
    chosen: bool = False
    repro: Optional[Folder] = None
    _open: Dict[Any, Candidate] = field(default_factory=dict)
    _proofs: Dict[str, TargetProof] = field(default_factory=dict)
    _pictured: Optional[Reference] = None

    @property
    def reference(self) -> Mxnet:
        """MXNet; what needs it at any input is skipped where a recording stands in for it."""
        if self.evidence.model is None:
            pytest.skip("needs MXNet on new inputs: --reference knows its own only")
        return self.evidence.model

    @property
    def recorded(self) -> bool:
        """A recording stands in for MXNet."""
        return self.evidence.model is None

    @property
    def name(self) -> str:
        return self.subject.name

    @cached_property
    def paths(self) -> Dict[str, Path]:
        """The shipped files; converted once, whatever they are then run on."""
        return {t: convert(self.subject.graph, t, self.folder)[0] for t in TARGETS}

    def candidate(self, target: str, precision: str, **options: Any) -> Candidate:
        key = (target, precision, *options.items())
        if key not in self._open:
            self._open[key] = TARGETS[target].open(self.paths[target], precision, **options)
        return self._open[key]

    @cached_property
    def truths(self) -> List[ReferenceTrace]:
        """Every layer of MXNet on each of the inputs, or what was recorded."""
        return list(self.evidence)

    @property
    def truth(self) -> ReferenceTrace:
        return self.truths[0]

    @cached_property
    def picture(self) -> Arrays:
        """A real photograph or clip of the size that the model is used at; or the user's."""
        if self.subject.model is None or self.chosen:
            return dict(self.truth.inputs)
        return self.subject.inputs({"data": self.subject.model.output_input})

    @cached_property
    def pictured(self) -> ReferenceTrace:
        """MXNet's outputs on `picture`, or on what was recorded."""
        if self.recorded:
            return self.truth
        runs = [self.reference.run(self.picture, precision) for precision in PRECISIONS]
        outputs = map(Layer, self.outputs, *runs)
        return ReferenceTrace(self.picture, outputs, runs[1])

    def closer(self, target: str) -> Tuple[TargetProof, ReferenceTrace]:
        """What `mxproof verify` finds on `picture`, and MXNet there with what rounding may do."""
        if self.recorded:
            return self.proof(target), self.truth
        if self._pictured is None:
            self._pictured = kept(live(self.reference, [self.picture], {}))
        proof = self.proof_on(self._pictured, target)[target]
        return proof, next(self._pictured.closer())

    @property
    def outputs(self) -> List[str]:
        """Their names; ONNX lists each once."""
        return list(dict.fromkeys(self.subject.graph.outputs))

    def proof(self, target: str) -> TargetProof:
        """What `mxproof verify` finds."""
        if target not in self._proofs:
            self._proofs[target] = self.proof_on(self.evidence, target)[target]
        return self._proofs[target]

    def proof_on(
        self, evidence: Reference, *targets: str, alone: bool = True
    ) -> Dict[str, TargetProof]:
        """The same on other inputs; `alone` as for `Prover.prove`."""
        paths = {target: self.paths[target] for target in targets}
        prover = Prover(self.subject.graph, paths, self.budgets, opened=self.candidate)
        proofs = prover.prove(evidence, alone=alone)[0]
        self.used.update(used_rows(proofs.values()))
        return proofs

    def explain(
        self,
        target: str,
        comparison: TraceResult,
        alone: Tuple[LayerResult, ...],
        problems: Sequence[str] = (),
    ) -> str:
        """What failed: the culprits, and how to see it again."""
        culprits = alone or comparison.failed[:1]
        said = describe_failure(self.name, target, comparison, culprits, problems)
        command = f"{self.command} --to {target}"
        if self.repro is None:
            return f"{said}\nfor a reproducer: {command} --repro repro"
        graph, versions = self.subject.graph, {"mxproof": __version__}
        failure = Failure(
            graph, target, self.paths[target], comparison, culprits, versions, command
        )
        return "\n".join([said, *map(str, write_reproducers(self.repro, failure, self.truths))])


def record_of(case: Case) -> Dict[str, Any]:
    """What a report says of the model as a whole."""
    outputs = case.truth.inputs if case.recorded else case.picture
    return {
        "input": {name: list(array.shape) for name, array in case.truth.inputs.items()},
        "output_input": {name: list(array.shape) for name, array in outputs.items()},
        "weights": case.subject.weights,
        "reference": "a recording" if case.recorded else "mxnet",
        "versions": versions_of(case.evidence.versions),
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
        try:
            files = find_files(own, config.getoption("--epoch"), config.getoption("--params"))
            return [files.name]
        except CheckpointError:  # a model by name, or `case` fails with it
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
def budgets(request: pytest.FixtureRequest) -> Iterator[Tuple[Budgets, Set[int]]]:
    """The user's rows, and which of them are used; the others fail when all tests have run."""
    found, used = budgets_of(request.config.option), set()
    yield found, used
    problems = unused_rows(found, used)
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def case(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    budgets: Tuple[Budgets, Set[int]],
) -> Iterator[Case]:
    """The model, converted; without MXNet there is no proof, which is a failure and no skip."""
    args = arguments(request.config.option, request.param)
    given, subject = request.config.stash.get(KEY, None) or chosen_by(args)
    if args.reference:
        evidence = load_recording(args.reference, subject.graph)
    else:
        try:
            mxnet: MxnetProcess = request.getfixturevalue("mxnet")
        except pytest.skip.Exception as error:
            pytest.fail(f"nothing can be proven: {error}", pytrace=False)
        inputs = inputs_of(args, subject)
        model = mxnet.load(subject.files, None, subject.graph)
        if inputs is None:
            args.samples = args.samples or (2 if subject.model else SAMPLES)
            drawn = subject.evidence(given, seed=args.seed or 0, samples=args.samples)
            shapes = {name: array.shape for name, array in drawn[0].items()}
            inputs = informative(model.run, drawn, subject.limits(shapes))
        evidence = kept(live(model, inputs, mxnet.versions))
    folder, chosen = tmp_path_factory.mktemp(subject.name), bool(args.image or args.npz)
    case = Case(subject, folder, given, evidence, *budgets, again(args, ()), chosen)
    if args.repro:
        case.repro = Folder(Path(args.repro))
    yield case
    if evidence.model:
        evidence.model.close()


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
