from __future__ import annotations

from converters import to_pytorch

from .networks import Network, small_resnet


def test_a_network_is_one_line() -> None:
    net, head = small_resnet()
    graph = net.graph(head, inputs={"data": ("N", 3, "H", "W")})
    stored = sum(array.size for array in net.arrays.values())
    said = f"13 layers, {stored:,} stored numbers, data Nx3xHxW -> softmax Nx5"
    assert repr(graph) == f"<Graph net: {said}>"
    assert repr(to_pytorch(graph)).startswith("<PytorchModule net: ")


def test_a_notebook_shows_the_layers_and_no_markup_of_theirs() -> None:
    net = Network()
    name = "<script>alert(1)</script>"
    graph = net.graph(net.layer("Flatten", name, net.variable("data")), inputs={"data": (2, 3, 4)})
    html = graph._repr_html_()
    assert "<script>" not in html
    assert "<td>Flatten</td><td>2x12</td>" in html
