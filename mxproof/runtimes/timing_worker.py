"""A converted file behind a pipe, timed in a process of its own. Started by benchmark/timing.py.

It may run in another interpreter than the harness, with other versions of the runtime: it needs
Python >= 3.6, NumPy and that runtime (for PyTorch safetensors too), and nothing of mxproof.
"""

import importlib
import importlib.util
import sys

from .mxnet.worker.protocol import Worker, main


def open_session(model, threads=None, optimisation="all", weights=None):
    """An .onnx file, or its bytes, in onnxruntime.

    Args:
        threads: within one operator; None means one a core.
        optimisation: of the graph: all, as its users run it, extended, basic or disabled.
        weights: those that the model says are elsewhere, by name, as onnxruntime holds them.
    """
    ort = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    verb = "DISABLE" if optimisation == "disabled" else "ENABLE"
    scope = "all" if optimisation == "disabled" else optimisation
    level = "ORT_{}_{}".format(verb, scope.upper())
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    options.log_severity_level = 4  # it prints every error that it also raises
    # Threads that spin while they wait for work would take the cores from the other runtimes.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if weights:
        options.add_external_initializers(list(weights), list(weights.values()))
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def open_pytorch(path, threads, form, inputs):
    """A converted Python file, whose `load()` returns the module -> its pass over these inputs."""
    torch = importlib.import_module("torch")
    if threads:
        torch.set_num_threads(threads)
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("_converted", path)
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    tensors = [torch.from_numpy(array) for array in inputs.values()]
    with torch.inference_mode():
        ready = form(torch, source.load(), tensors)

    def run():
        with torch.inference_mode():
            outputs = ready(*tensors)
        return [t.numpy() for t in (outputs if isinstance(outputs, tuple) else (outputs,))]

    return run


def as_loaded(torch, module, tensors):
    return module


def frozen(torch, module, tensors):
    """Traced and frozen: weights are laid out for the kernels once, not in each pass."""
    return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(module, tensors)))


def compiled(torch, module, tensors):
    """Compiled; needs a C++ compiler, and takes a minute the first time."""
    importlib.import_module("torch._inductor.config").freezing = True
    ready = torch.compile(module)
    ready(*tensors)
    return ready


FORMS = {"pytorch": as_loaded, "pytorch-frozen": frozen, "pytorch-compiled": compiled}


class TimingWorker(Worker):
    def __init__(self, channel, runtime):
        super().__init__(channel)
        self.runtime = runtime

    def library(self):
        found = importlib.import_module("torch" if self.runtime in FORMS else self.runtime)
        if self.runtime not in FORMS:
            found.set_default_logger_severity(3)
        return found

    def do_open(self, inputs, path, threads, optimisation):
        """Read the file, and bind it to the inputs: everything but the passes themselves."""
        if self.runtime in FORMS:
            self.run = open_pytorch(path, threads, FORMS[self.runtime], inputs)
        else:
            session = open_session(path, threads, optimisation)
            self.run = lambda: session.run(None, inputs)
        self.channel.send({})


if __name__ == "__main__":
    main(TimingWorker, *sys.argv[1:])
