"""All layers of a network in both precisions, and what rounding may do to each. A part of the
worker."""

from itertools import groupby

import numpy as np

from .draws import drawn
from .forms import boundary, determined
from .model import wide
from .protocol import as_numpy
from .rounding import largest, squares


class Trace:
    """One run of a model on given inputs, a few layers at a time.

    Args:
        anchored: numbers of layers that run alone, on the float64 results of those before them,
            rounded to float32, in both precisions.
        draws: how many more times each layer runs in float64, with all numbers moved by rounding
            (see rounding.py).
        random_layers: some of the anchored ones, of which many draws are wanted (see
            draws.py).
    """

    def __init__(self, model, inputs, anchored, draws, random_layers=()):
        self.model, self.anchored, self.random_layers = model, anchored, random_layers
        self.shapes = model.state_shapes(inputs)
        self.live = {dtype: model.arrays(inputs, dtype) for dtype in model.nodes}
        self.random = np.random.RandomState(0)
        self.chains = [model.arrays(inputs, "float64") for _ in range(draws)]

    def layers(self, limit):
        """Each layer's (float64, float32), running as many layers at a time as have results of
        `limit` bytes: all of them may be more than fits in memory.

        With `draws`, layers run one at a time. What rounding makes of the layer by itself (or what
        MXNet makes of it in float32, if that is more), and of the network up to it, follows as
        `Rounding` has it: what is anchored reads the same numbers everywhere. Of random layers
        their draws follow.
        """
        done = first = 0
        for count in self.portions(0 if self.chains else limit):
            heads = self.model.layers[done : done + count]
            results, draws = self.results(first, done, heads)
            alone, carried = self.moved(done, heads, results[0])
            for k, pair in enumerate(zip(*results)):
                arrays = list(map(as_numpy, pair))
                if self.chains:
                    arrays += rounding(alone[k], [as_numpy(r[k]) for r in carried], arrays[0])
                yield arrays + draws[k : k + 1]
            done, first = done + count, heads[-1][0] + 1
            self.keep(first, heads, [*results, *carried])

    def results(self, first, done, heads):
        """(float64, float32) of the outputs `heads` of the nodes from number `first` on, and many
        draws of a random layer's."""
        model, given = self.model, self.live
        if done in self.anchored:
            exact = model.single(heads, self.live["float64"])
            given = {d: {n: wide(a, d) for n, a in exact.items()} for d in self.live}
        results = [model.piece(first, heads, given[d], d) for d in ("float64", "float32")]
        if done not in self.random_layers:
            return results, []
        executor = model.executor(first, heads, given["float32"], "float32")
        return results, drawn(model.given[heads[0][0]]["op"], executor)

    def moved(self, done, heads, exact):
        """What rounding makes of each output by itself, see `by_itself` of the model; and all
        outputs, in each of the networks whose numbers are moved."""
        if not self.chains or done in self.anchored:
            return [None] * len(heads), [exact] * len(self.chains)
        rounded = self.model.rounded
        alone = self.model.by_itself(
            heads, self.live["float64"], exact, len(self.chains), self.random
        )
        return alone, [rounded(heads, chain, exact, self.random) for chain in self.chains]

    def keep(self, first, heads, found):
        """Let the nodes from number `first` on read these outputs; forget what no node reads any
        more."""
        for known, outputs in zip([*self.live.values(), *self.chains], found):
            for entry, output in zip(heads, outputs):
                known[boundary(entry)] = output
            for entry, last in self.model.last_use.items():
                if last < first:
                    known.pop(boundary(entry), None)

    def portions(self, limit):
        """How many results come at a time: all of a layer, and of as many layers as fit."""
        known = {tuple(head[:2]): shape for head, shape in zip(self.model.heads, self.shapes)}
        counts, done, room = [], 0, 0
        for _, entries in groupby(self.model.layers, key=lambda entry: entry[0]):
            sizes = [self.size(tuple(entry[:2]), known, limit) for entry in entries]
            size = limit if done in self.anchored else sum(sizes)
            if not counts or size > room or not limit:
                counts.append(0)
                room = limit
            counts[-1] += len(sizes)
            done, room = done + len(sizes), room - size
        return counts

    def size(self, entry, shapes, unknown):
        """Bytes of a result in float64. A convolution counts with the matrix that MXNet makes of
        its input: a large one is a portion of its own, which can be computed in tiles."""
        shape, node = shapes[entry], self.model.given[entry[0]]
        if not determined(shape):
            return unknown
        numbers = int(np.prod(shape))
        if node["op"] == "Convolution":
            window = shapes[tuple(node["inputs"][1][:2])][1:]
            numbers = max(numbers, numbers // shape[1] * int(np.prod(window)))
        return 8 * numbers


def rounding(alone, carried, exact):
    """The arrays of a `Rounding`.

    Args:
        alone: what `by_itself` of a model says of the output; None of what is anchored.
        carried: the output of each network whose numbers are moved.
    """
    off = [np.subtract(array, exact, dtype="float64") for array in carried]
    isolated, own = alone or (squares(np.zeros_like(off)), 0.0)
    return [isolated, squares(np.stack(off)), np.array([own, largest(off)])]
