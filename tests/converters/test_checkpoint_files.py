"""Which two files a user means by what they type: every way to name them, and every doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters import CheckpointError
from converters.checkpoint_files import find_files

TWO = "a-symbol.json a_best.params a-b-symbol.json a-b-0000.params"
LFFD = "symbol_deploy.json iter_800000.params hyperparams.json"


def made(folder: Path, names: str) -> None:
    for name in names.split():
        (folder / name).parent.mkdir(exist_ok=True)
        is_symbol = name.endswith(".json") and "hyper" not in name
        (folder / name).write_text('{\n  "nodes": [' if is_symbol else '{"epochs": 3}')


@pytest.mark.parametrize(
    ("there", "given", "options", "symbol", "params"),
    [
        ("m/net-symbol.json m/net-0000.params", "m/net", {}, "net-symbol.json", "net-0000.params"),
        ("m/net-symbol.json m/net-0000.params m/net-0007.params", "m", {}, "", "net-0000.params"),
        ("m/net-symbol.json m/net-0007.params", "m/net-symbol.json", {}, "", "net-0007.params"),
        ("a-symbol.json a-0007.params a-0008.params", "a", {"epoch": 7}, "", "a-0007.params"),
        ("a-symbol.json a-0007.params a-0008.params", "a-0008.params", {}, "a-symbol.json", ""),
        ("a-symbol.json a-10000.params", "a-10000.params", {}, "a-symbol.json", ""),
        (TWO, "a", {}, "a-symbol.json", "a_best.params"),
        (TWO, "a-b-0000.params", {}, "a-b-symbol.json", ""),
        (LFFD, "symbol_deploy.json", {}, "", "iter_800000.params"),
        (LFFD, "iter_800000.params", {}, "symbol_deploy.json", ""),
        (LFFD, ".", {}, "symbol_deploy.json", "iter_800000.params"),
        (LFFD + " b.params", "symbol_deploy.json", {"params": "b.params"}, "", "b.params"),
        ("net-symbol.json net-0000.params b.params", "b.params", {}, "net-symbol.json", ""),
        ("net/x.params net-symbol.json net-0000.params", "net", {}, "net-symbol.json", ""),
    ],
)  # fmt: skip
def test_found(
    there: str,
    given: str,
    options: dict,
    symbol: str,
    params: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made(tmp_path, there)
    monkeypatch.chdir(tmp_path)
    files = find_files(given, **options)
    assert files.symbol.is_file() and files.params.is_file()
    assert files.symbol.name == (symbol or files.symbol.name)
    assert files.params.name == (params or files.params.name)
    assert find_files(files) is files


@pytest.mark.parametrize(
    ("there", "given", "options", "said"),
    [
        ("a-symbol.json", "b", {}, r"b-symbol\.json: no such file.* holds: a-symbol\.json\."),
        ("a-symbol.json", "b.json", {}, r"b\.json: no such file.* holds: a-symbol\.json\."),
        ("", "m/b", {}, r"m/b-symbol\.json: no such file\. There is no folder m\."),
        ("a-symbol.json", "a", {}, r"a-0000\.params: no such file, .* --params FILE\. "),
        ("a-symbol.json a-0003.params a-0004.params", "a", {}, "epochs: 0003, 0004; .* --epoch"),
        ("a-symbol.json a-0003.params", "a", {"epoch": 4}, "epochs: 0003; choose one with --epoch"),
        (LFFD + " b.params", ".", {}, r"may go with: b\.params, iter_800000\.params; .*--params"),
        (LFFD + " b.json", ".", {}, r"holds 2 symbols\. .*: b\.json, symbol_deploy\.json, iter"),
        (LFFD + " b.json", "iter_800000.params", {}, r"the symbol, and --params iter_800000\.pa"),
        ("b.params hyperparams.json", "b.params", {}, r"no symbol \(\.json\) .* net\.export\."),
        (LFFD, "symbol_deploy.json", {"params": "c.params"}, r"c\.params: no such file\. .*iter_8"),
        (LFFD, "iter_800000.params", {"epoch": 3}, "is not of epoch 3"),
        (LFFD, "iter_800000.params", {"params": "iter_800000.params"}, "both choose"),
        (LFFD, ".", {"params": "iter_800000.params", "epoch": 3}, "and epoch 3: both choose"),
        ("net.onnx", "net.onnx", {}, r"neither a symbol \(\.json\) nor a \.params file\. Give"),
        ("x.npy", ".", {}, r"holds no symbols\. Give the folder of a checkpoint\."),
        ("model.tar.gz", "model.tar.gz", {}, r"is an archive\. Unpack it, and give the folder"),
    ],
)
def test_doubts(
    there: str,
    given: str,
    options: dict,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made(tmp_path, there)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=said):
        find_files(given, **options)


def test_links_have_the_usual_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, LFFD)
    monkeypatch.chdir(tmp_path)
    prefix = find_files("symbol_deploy.json").linked(tmp_path / "links")
    linked = find_files(prefix, 0)
    assert linked.symbol.resolve() == tmp_path / "symbol_deploy.json"
    assert linked.params.resolve() == tmp_path / "iter_800000.params"
    assert linked.name == "symbol_deploy"
