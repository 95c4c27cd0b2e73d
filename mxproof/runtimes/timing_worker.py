"""A converted file behind a pipe, timed where nothing else runs. Started by mxproof/timing.py.

It may run in another interpreter than the harness, with other versions of the runtime: it needs
Python >= 3.6, NumPy and that runtime (for PyTorch safetensors too), and nothing of mxproof.
Requests are JSON lines and .npy arrays, see channel.py.
"""

import importlib
import importlib.util
import sys

import numpy as np

if __package__:
    from .footprint import timed
    from .worker import Worker, main
else:
    from footprint import timed
    from worker import Worker, main


class OnnxRuntime:
    """The .onnx file in onnxruntime."""

    module = "onnxruntime"

    def __init__(self, path, threads, optimisation):
        ort = importlib.import_module(self.module)
        options = ort.SessionOptions()
        if threads:
            options.intra_op_num_threads = threads
        options.graph_optimization_level = {
            "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
            "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
            "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
            "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
        }[optimisation]
        # Threads that spin for work between two runs take the cores from the other side.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def prepare(self, inputs):
        return lambda: self.session.run(None, inputs)


class Pytorch:
    """The Python file in PyTorch, as its load() makes it."""

    module = "torch"

    def __init__(self, path, threads, optimisation):
        self.torch = importlib.import_module(self.module)
        if threads:
            self.torch.set_num_threads(threads)
        sys.dont_write_bytecode = True
        spec = importlib.util.spec_from_file_location("_converted", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.model = module.load()

    def prepare(self, inputs):
        tensors = [self.torch.from_numpy(array) for array in inputs.values()]
        model = self.form(tensors)

        def run():
            with self.torch.inference_mode():
                model(*tensors)

        return run

    def form(self, tensors):
        return self.model


class FrozenPytorch(Pytorch):
    """The same, traced and frozen: weights are laid out for the kernels once, not in each pass."""

    def form(self, tensors):
        jit = self.torch.jit
        with self.torch.inference_mode():
            return jit.optimize_for_inference(jit.freeze(jit.trace(self.model, tensors)))


class CompiledPytorch(Pytorch):
    """The same, compiled; that takes a C++ compiler, and a minute the first time."""

    def form(self, tensors):
        importlib.import_module("torch._inductor.config").freezing = True
        compiled = self.torch.compile(self.model)
        with self.torch.inference_mode():
            compiled(*tensors)
        return compiled


RUNTIMES = {
    "onnxruntime": OnnxRuntime,
    "pytorch": Pytorch,
    "pytorch-frozen": FrozenPytorch,
    "pytorch-compiled": CompiledPytorch,
}


class TimingWorker(Worker):
    def __init__(self, channel, runtime):
        super().__init__(channel)
        self.runtime = RUNTIMES[runtime]
        self.library = importlib.import_module(self.runtime.module)
        if hasattr(self.library, "set_default_logger_severity"):
            self.library.set_default_logger_severity(3)

    def do_versions(self, request, arrays):
        versions = {
            self.runtime.module: self.library.__version__,
            "numpy": np.__version__,
            "python": "{}.{}.{}".format(*sys.version_info[:3]),
        }
        self.channel.send(versions)

    def do_open(self, request, arrays):
        """Read the file."""
        self.model = self.runtime(request["path"], request["threads"], request["optimisation"])
        self.channel.send({})

    def do_prepare(self, request, arrays):
        """All but the passes themselves."""
        self.run = self.model.prepare(dict(zip(request["inputs"], arrays)))
        self.channel.send({})

    def do_time(self, request, arrays):
        """Seconds of each of so many passes."""
        self.channel.send({"seconds": timed(self.run, request["passes"], request["slowdown"])})


if __name__ == "__main__":
    main(lambda channel: TimingWorker(channel, sys.argv[1]))
