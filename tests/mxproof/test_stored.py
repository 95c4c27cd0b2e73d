"""Stored numbers: what is in the files, bit for bit, whether inputs reach it or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import onnx
import pytest
import safetensors.numpy
from onnx import numpy_helper
from safetensors import safe_open

from converters import Graph, load_checkpoint, save_checkpoint
from converters.fusing import fuse
from converters.ops import parse
from converters.ops.recurrent import RNN
from mxproof.compare_stored import FOLDED, compare_stored
from mxproof.evidence import live
from mxproof.proof import TargetProof
from mxproof.prover import Prover
from mxproof.recording.file import load_recording, save_recording
from mxproof.report.record import stored_record
from mxproof.report.wording import stored_words
from mxproof.runtimes.base import Array
from mxproof.runtimes.mxnet import MxnetProcess
from mxproof.runtimes.worker import digest
from mxproof.stored import DIFFERENT, EQUAL, EXEMPT, REARRANGED, StoredProof
from mxproof.targets import TARGETS, convert
from mxproof.tolerance import Budgets
from tests.converters.networks import Network, small_resnet

pytestmark = pytest.mark.usefixtures("runtimes")
each_target = pytest.mark.parametrize("target", TARGETS)
Edit = Callable[[str, Array], Array]
Entry = Tuple[int, int]


class Lab:
    """Saves networks, converts them, and changes numbers in the files."""

    def __init__(self, folder: Path, mxnet: MxnetProcess, target: str) -> None:
        self.folder, self.mxnet, self.target = folder, mxnet, target
        self.prefix = folder / "net"

    def save(self, net: Network, *heads: Entry, **reading: Any) -> Graph:
        save_checkpoint(self.prefix, net.symbol(*heads), net.arrays)
        return load_checkpoint(self.prefix, **reading)

    def convert(self, graph: Graph, edit: Optional[Edit] = None, **options: Any) -> Path:
        """The file of the model; `edit` takes each tensor's name and numbers."""
        path = convert(graph, self.target, self.folder, **options)[0]
        if edit is not None:
            {"onnx": edit_onnx, "pytorch": edit_safetensors}[self.target](path, edit)
        return path

    def compare(self, graph: Graph, path: Path, read: Optional[Graph] = None) -> StoredProof:
        """
        Args:
            read: the network as our own reader has it; `graph` by default.
        """
        model = self.mxnet.load(self.prefix, 0, graph)
        file, tensors = TARGETS[self.target].stored(path)
        found = compare_stored(read or graph, model.stored, tensors, file)
        model.close()
        return found


def edit_onnx(path: Path, edit: Edit) -> None:
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        array = edit(tensor.name, numpy_helper.to_array(tensor).copy())
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    onnx.save(model, path)


def edit_safetensors(path: Path, edit: Edit) -> None:
    weights = path.with_suffix(".safetensors")
    with safe_open(weights, framework="np") as file:
        metadata = file.metadata()
        arrays = {name: edit(name, file.get_tensor(name).copy()) for name in file.keys()}  # noqa: SIM118
    safetensors.numpy.save_file(arrays, weights, metadata)


def exchanged(old: Array, new: Array) -> Edit:
    """Wherever a tensor has the bytes of `old`, those of `new`."""

    def edit(name: str, array: Array) -> Array:
        alike = array.tobytes() == old.tobytes()
        return new.astype(array.dtype).reshape(array.shape) if alike else array

    return edit


def changed(array: Array, place: int, number: Any) -> Array:
    array = array.copy()
    array.flat[place] = number
    return array


@pytest.fixture
def lab(tmp_path: Path, mxnet: MxnetProcess, target: str) -> Lab:
    return Lab(tmp_path, mxnet, target)


def verdicts(proof: StoredProof) -> Dict[str, str]:
    return {name: found.verdict for name, found in proof.arrays.items()}


@each_target
def test_all_numbers_are_found(lab: Lab) -> None:
    """A parameter that nothing reads need not be there."""
    net, head = small_resnet()
    net.arrays["nothing_reads_it"] = np.ones(7, np.float32)
    with pytest.warns(UserWarning, match="nothing_reads_it"):
        graph = lab.save(net, head)
    proof = lab.compare(graph, lab.convert(graph))
    assert verdicts(proof) == dict.fromkeys(graph.params, EQUAL)
    assert proof.passed
    assert proof.numbers(EQUAL) == sum(a.size for a in graph.params.values())
    assert proof.explain(5) == []


@each_target
def test_one_ulp(lab: Lab) -> None:
    """One number of one array, and every layer that reads it is named with both values."""
    net, head = small_resnet()
    graph = lab.save(net, head)
    weight = net.arrays["unit1_conv1_weight"]
    wrong = changed(weight, 40, np.nextafter(weight.flat[40], np.float32(9)))
    path = lab.convert(graph, exchanged(weight, wrong))
    proof = lab.compare(graph, path)
    assert list(proof.only(DIFFERENT)) == ["unit1_conv1_weight"]
    place = tuple(map(int, np.unravel_index(40, weight.shape)))
    file = "net.onnx" if lab.target == "onnx" else "net.safetensors"
    assert proof.explain(5) == [
        "stored numbers: Convolution 'unit1_conv1': 1 of 144 numbers of its weight "
        f"'unit1_conv1_weight' is not in {file}; at {place} MXNet has {weight.flat[40]!s}, {file} "
        f"{wrong.flat[40]!s}"
    ]


@each_target
def test_the_same_numbers_in_other_places(lab: Lab) -> None:
    """Two numbers of one array; the arrays of two layers."""
    net, head = small_resnet()
    graph = lab.save(net, head)
    a, b = (net.arrays[f"unit{n}_conv1_weight"] for n in (1, 2))
    within = changed(changed(a, 0, a.flat[1]), 1, a.flat[0])
    proof = lab.compare(graph, lab.convert(graph, exchanged(a, within)))
    assert list(proof.only(DIFFERENT)) == ["unit1_conv1_weight"]
    assert "2 of 144 numbers" in proof.explain(5)[0]

    def between(name: str, array: Array) -> Array:
        old, new = (a, b) if array.tobytes() == a.tobytes() else (b, a)
        return exchanged(old, new)(name, array)

    proof = lab.compare(graph, lab.convert(graph, between))
    assert [layer for _, layer, _ in proof.culprits] == ["unit1_conv1", "unit2_conv1"]


@each_target
def test_one_of_two_arrays_that_are_alike(lab: Lab) -> None:
    """It is not made up for by the other, which the same layer reads."""
    net, head = small_resnet()
    ones, seen = np.ones(4, np.float32), []
    net.arrays.update(unit1_bn1_gamma=ones, unit1_bn1_moving_var=ones)

    def second(name: str, array: Array) -> Array:
        if array.tobytes() != ones.tobytes():
            return array
        seen.append(name)
        return changed(array, 3, 2) if len(seen) == 2 else array

    graph = lab.save(net, head)
    proof = lab.compare(graph, lab.convert(graph, second))
    assert len(seen) == 2
    assert [layer for _, layer, _ in proof.culprits] == ["unit1_bn1"]


@each_target
def test_bits_are_compared(lab: Lab) -> None:
    """A NaN with a payload, a negative zero, a denormal and an infinity."""
    odd = np.array([0x7FC12345, 0x80000000, 1, 0x7F800000], np.uint32).view(np.float32)
    net = Network()
    x = net.variable("data")
    head = net.layer("broadcast_add", "add", x, net.variable("stored", odd))
    graph = lab.save(net, head, inputs={"data": (2, 4)})
    other = odd.copy()
    other.view(np.uint32)[0] = 0x7FC00000
    for found, same in ((odd, True), (other, False), (np.abs(odd), False)):
        assert lab.compare(graph, lab.convert(graph, exchanged(odd, found))).passed == same


@pytest.mark.parametrize(
    "dtype", ["float16", "half", "float64", "double", "int64", "int32", "uint8"]
)
@each_target
def test_other_types(lab: Lab, dtype: str) -> None:
    """float16 and float64 become float32, unless they are kept; integers and flags stay."""
    kind, net = {"half": "float16", "double": "float64"}.get(dtype, dtype), Network()
    stored = net.variable("stored", (100 * np.random.default_rng(0).random(6)).astype(kind))
    head = net.layer("broadcast_add", "add", net.variable("data", __shape__="(1, 6)"), stored)
    graph = lab.save(
        net, head, types={"data": kind}, half=dtype == "half", double=dtype == "double"
    )
    exported = graph.stored("stored")
    assert verdicts(lab.compare(graph, lab.convert(graph))) == {"stored": EQUAL}
    wrong = exchanged(exported, changed(exported, 2, exported[2] + 1))
    assert not lab.compare(graph, lab.convert(graph, wrong)).passed


@each_target
def test_gamma_that_is_fixed(lab: Lab) -> None:
    """What the file stores is not read; where the converted file has ones, they are ones."""
    net = Network()
    head = net.batch_norm("norm", net.variable("data"), 4, fix_gamma=True)
    graph = lab.save(net, head, inputs={"data": ("N", 4, "H", "W")})
    proof = lab.compare(graph, lab.convert(graph))
    assert verdicts(proof).pop("norm_gamma") == EXEMPT
    words = stored_words(stored_record(proof)["stored"])
    assert words == "all 16 but 4 (gamma is fixed at 1)"
    assert proof.numbers(EQUAL) == 12
    ones = np.ones(4, np.float32)
    proof = lab.compare(graph, lab.convert(graph, exchanged(ones, changed(ones, 2, 1.5))))
    assert list(proof.only(DIFFERENT)) == ["norm_gamma"]


@each_target
def test_a_label_that_is_stored(lab: Lab) -> None:
    net, head = small_resnet()
    net.arrays["softmax_label"] = np.zeros(1, np.float32)
    graph = lab.save(net, head)
    proof = lab.compare(graph, lab.convert(graph))
    assert verdicts(proof) == {**dict.fromkeys(graph.params, EQUAL), "softmax_label": EXEMPT}
    assert proof.only(EXEMPT)["softmax_label"].why == "only training reads it"


def test_the_file_is_read_and_not_what_mxnet_made_of_it(
    tmp_path: Path, mxnet: MxnetProcess
) -> None:
    """MXNet's older batch norms write 1 into the gamma that they were given."""
    lab, net = Lab(tmp_path, mxnet, "onnx"), Network()
    net.batch_norm("norm", net.variable("data"), 4, fix_gamma=True)
    net.nodes[-1] = replace(net.nodes[-1], op="BatchNorm_v1")
    graph = lab.save(net, (len(net.nodes) - 1, 0), inputs={"data": (1, 4, 5, 6)})
    model = mxnet.load(lab.prefix, 0, graph)
    model.run({"data": np.ones((1, 4, 5, 6), np.float32)})
    assert [(a.name, a.digest) for a in model.stored] == [
        (name, digest(array)) for name, array in net.arrays.items()
    ]
    model.close()


def rnn(net: Network, **attrs: Any) -> Entry:
    options = {"mode": "lstm", "state_size": 3, "num_layers": 2, "bidirectional": True, **attrs}
    declared = parse("RNN", {k: str(v) for k, v in options.items()})
    assert isinstance(declared, RNN)
    packing = declared.packing
    packed = net.parameter("packed", packing.length(4))
    rows = packing.layers * packing.directions
    states = [net.layer("_zeros", f"h{i}", shape=(rows, 1, 3), dtype="float32") for i in range(2)]
    return net.layer("RNN", "rnn", net.variable("data"), packed, *states, **options)


@each_target
def test_what_is_cut_and_joined(lab: Lab) -> None:
    """A vector of weights is cut, its gates change places; each number must be there."""
    net = Network()
    head = rnn(net)
    net.arrays["packed"][70:72] = number = np.float32(0.625)
    graph = lab.save(net, head, inputs={"data": (5, 1, 4)})
    assert verdicts(lab.compare(graph, lab.convert(graph))) == {"packed": REARRANGED}
    seen: List[str] = []

    def once(name: str, array: Array) -> Array:
        is_float = array.dtype == np.float32
        places = list(map(int, np.flatnonzero(array == number))) if is_float else []
        seen.extend([name] * len(places))
        return changed(array, places[0], 2) if places and len(seen) == len(places) else array

    proof = lab.compare(graph, lab.convert(graph, once))
    assert len(seen) == 2
    assert "1 of 480 numbers of its parameters 'packed' is not in" in proof.explain(5)[0]
    assert "at (71,) MXNet has 0.625" in proof.explain(5)[0]


@each_target
def test_parameters_that_layers_make(lab: Lab) -> None:
    """Arrays that the network joins before an operator reads them."""
    net = Network()
    first, second = net.parameter("first", 2, 4), net.parameter("second", 3, 4)
    weight = net.layer("Concat", "joined", first, second, dim=0, num_args=2)
    x = net.variable("data")
    graph = lab.save(net, net.layer("FullyConnected", "fc", x, weight, num_hidden=5, no_bias=True))
    proof = lab.compare(graph, lab.convert(graph))
    assert verdicts(proof) == {"first": REARRANGED, "second": REARRANGED}
    whole = np.concatenate([net.arrays["first"], net.arrays["second"]])
    proof = lab.compare(graph, lab.convert(graph, exchanged(whole, changed(whole, 9, 5))))
    assert verdicts(proof) == {"first": REARRANGED, "second": DIFFERENT}
    assert [layer for _, layer, _ in proof.culprits] == ["fc"]


@each_target
def test_an_array_that_two_layers_read(lab: Lab) -> None:
    net = Network()
    weight, x = net.parameter("shared", 4, 4, 3, 3), net.variable("data")
    attrs = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4, "no_bias": True}
    for name in ("once", "again"):
        x = net.layer("Convolution", name, x, weight, **attrs)
    graph = lab.save(net, x)
    assert verdicts(lab.compare(graph, lab.convert(graph))) == {"shared": EQUAL}
    array = net.arrays["shared"]

    def edit(name: str, found: Array) -> Array:
        return changed(found, 0, 7) if "once" not in name and found.shape == array.shape else found

    proof = lab.compare(graph, lab.convert(graph, edit))
    readers = {"onnx": ["once", "again"], "pytorch": ["again"]}[lab.target]
    assert [layer for _, layer, _ in proof.culprits] == readers


@each_target
def test_our_own_reader(lab: Lab) -> None:
    """The files hold what our reader made of the checkpoint, and MXNet reads something else."""
    net, head = small_resnet()
    graph = lab.save(net, head)
    wrong = {**graph.params, "fc_bias": graph.params["fc_bias"] + np.float32(1)}
    misread = replace(graph, params=wrong)
    proof = lab.compare(graph, lab.convert(misread), misread)
    assert proof.explain(5) == [
        "stored numbers: FullyConnected 'fc': of its bias 'fc_bias', MXNet's loader reads other "
        "numbers than converters.load_params does"
    ]


@each_target
def test_folded_batch_norms(lab: Lab) -> None:
    """What is folded on request is exempt, with the reason; all else is compared."""
    net = Network()
    x = net.convolution("conv", net.variable("data"), 3, 4)
    x = net.layer("Activation", "relu", net.batch_norm("norm", x, 4), act_type="relu")
    graph = lab.save(net, net.convolution("last", x, 4, 4))
    fused = fuse(graph)[0]
    proof = lab.compare(fused, lab.convert(fused))
    assert {n: f.why for n, f in proof.only(EXEMPT).items()} == {
        "conv_weight": FOLDED,
        **{f"norm_{n}": FOLDED for n in ("gamma", "beta", "moving_mean", "moving_var")},
    }
    assert list(proof.only(EQUAL)) == ["last_weight"]


def test_weights_in_a_file_of_their_own(tmp_path: Path, mxnet: MxnetProcess) -> None:
    lab = Lab(tmp_path, mxnet, "onnx")
    net, head = small_resnet()
    graph = lab.save(net, head)
    path = lab.convert(graph, external_data=True)
    assert lab.compare(graph, path).passed
    data = path.with_name("net.onnx.data")
    weight, numbers = net.arrays["unit1_conv1_weight"].tobytes(), data.read_bytes()
    assert numbers.count(weight) == 1
    data.write_bytes(numbers.replace(weight, weight[::-1]))
    proof = lab.compare(graph, path)
    assert [layer for _, layer, _ in proof.culprits] == ["unit1_conv1"]


@each_target
def test_stored_numbers_fail_a_proof(lab: Lab) -> None:
    """Weights that only ever multiply zeros: every layer is equal, on these inputs."""
    net = Network()
    x = net.variable("data")
    below = net.layer("negative", "below", net.layer("abs", "size", x))
    x = net.layer("Activation", "relu", below, act_type="relu")
    graph = lab.save(net, net.convolution("dead", x, 3, 4), inputs={"data": (1, 3, 5, 6)})
    weight = net.arrays["dead_weight"]
    path = lab.convert(graph, exchanged(weight, 10 * weight + np.float32(0.1)))
    proof = proven(lab, graph, path)
    assert all(c.passed for c in proof.comparisons.values())
    assert not proof.same_function
    assert [c.layer for c in proof.culprits] == ["dead"]
    (said,) = [text for text in proof.explain("net") if "stored numbers" in text]
    assert said.startswith(f"net/{lab.target}: stored numbers: Convolution 'dead': 108 of 108 ")
    record = stored_record(proof.stored)["stored"]
    assert (record["arrays"], record["numbers"], record["equal"]) == (1, 108, 0)
    assert list(record["different"]) == ["dead_weight"]
    assert stored_words(record) == "0 of 108"
    assert proven(lab, graph, lab.convert(graph)).passed


@each_target
def test_a_file_that_cannot_be_read(lab: Lab) -> None:
    """No silence: the proof fails, and says so."""
    net, head = small_resnet()
    graph = lab.save(net, head, inputs={"data": (1, 3, 8, 8)})
    path = lab.convert(graph)
    path.with_suffix({"onnx": ".onnx", "pytorch": ".safetensors"}[lab.target]).write_bytes(b"\x08")
    proof = proven(lab, graph, path)
    assert not proof.stored.passed and proof.stored.problem
    assert not proof.same_function


@each_target
def test_of_recordings(lab: Lab) -> None:
    """They hold the digests; where they do not, nothing is claimed."""
    net, head = small_resnet()
    graph = lab.save(net, head, inputs={"data": (1, 3, 8, 8)})
    model = lab.mxnet.load(lab.prefix, 0, graph)
    truth, file = model.truth({"data": np.ones((1, 3, 8, 8), "f")}), lab.folder / "net.npz"
    weight = net.arrays["fc_weight"]
    wrong = lab.convert(graph, exchanged(weight, -weight))
    for arrays in (model.stored, None):
        save_recording(file, graph, [truth], {}, None, arrays)
        prover = Prover(graph, {lab.target: wrong}, Budgets())
        found = prover.prove(load_recording(file, graph))[0][lab.target].stored
        assert list(found.only(DIFFERENT)) == ([] if arrays is None else ["fc_weight"])
        assert len(found.arrays) == (0 if arrays is None else len(graph.params))
        assert (stored_record(found)["stored"] is None) == (arrays is None)
    assert "record again" in stored_record(found)["stored_note"]
    assert stored_words(None) == "not compared"
    model.close()


def proven(lab: Lab, graph: Graph, path: Path) -> TargetProof:
    model = lab.mxnet.load(lab.prefix, 0, graph)
    shape = tuple(int(d or 1) for d in graph.inputs[0].shape or ())
    inputs = {"data": np.random.default_rng(0).standard_normal(shape).astype(np.float32)}
    evidence = live(model, [inputs], {})
    found = Prover(graph, {lab.target: path}, Budgets()).prove(evidence)[0][lab.target]
    model.close()
    return found
