"""A converted file behind a pipe, timed in a process of its own. Started by benchmark/timing.py.

It may run in another interpreter than the harness, with other versions of the runtime: it needs
Python >= 3.6, NumPy and that runtime (for PyTorch safetensors too), and nothing of mxproof.
Requests are JSON lines and .npy arrays, see channel.py.
"""

import importlib
import importlib.util
import sys

import numpy as np

if __package__:
    from .worker import Worker, main, timed
else:
    from worker import Worker, main, timed

LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disabled": "ORT_DISABLE_ALL",
}


def open_onnxruntime(path, threads, optimisation):
    """An .onnx file -> a function of inputs that returns the pass over them."""
    ort = importlib.import_module("onnxruntime")
    options = ort.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, LEVELS[optimisation])
    # Threads that spin while they wait for work would take the cores from the other runtime.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda inputs: lambda: session.run(None, inputs)


def open_pytorch(path, threads, form):
    """The same for a converted Python file, whose `load()` returns the module."""
    torch = importlib.import_module("torch")
    if threads:
        torch.set_num_threads(threads)
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("_converted", path)
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    module = source.load()

    def prepare(inputs):
        tensors = [torch.from_numpy(array) for array in inputs.values()]
        with torch.inference_mode():
            ready = form(torch, module, tensors)

        def run():
            with torch.inference_mode():
                outputs = ready(*tensors)
            return [t.numpy() for t in (outputs if isinstance(outputs, tuple) else (outputs,))]

        return run

    return prepare


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
        self.library = importlib.import_module("torch" if runtime in FORMS else runtime)
        if hasattr(self.library, "set_default_logger_severity"):
            self.library.set_default_logger_severity(3)

    def do_versions(self, request, arrays):
        versions = {
            self.library.__name__: self.library.__version__,
            "numpy": np.__version__,
            "python": "{}.{}.{}".format(*sys.version_info[:3]),
        }
        self.channel.send(versions)

    def do_open(self, request, arrays):
        """Read the file, and bind it to the inputs: everything but the passes themselves."""
        path, threads = request["path"], request["threads"]
        if self.runtime in FORMS:
            prepare = open_pytorch(path, threads, FORMS[self.runtime])
        else:
            prepare = open_onnxruntime(path, threads, request["optimisation"])
        self.run = prepare(dict(zip(request["inputs"], arrays)))
        self.channel.send({})

    def do_time(self, request, arrays):
        """Seconds of each of so many passes, and the outputs of the last one."""
        seconds, outputs = timed(self.run, request["passes"], request["slowdown"])
        self.channel.send({"seconds": seconds}, outputs)


if __name__ == "__main__":
    main(lambda channel: TimingWorker(channel, sys.argv[1]))
