"""Lock files and records: what they state, and what is refused; nothing of them reaches pip but
names and versions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bisect import factors
from lab.bisect.factors import differences, normal, swapped, used
from lab.bisect.locks import NAME, VERSION, Stated, load
from mxproof.environment import environment
from mxproof.subject import UsageError
from tests.fixtures.test_downloads import BODY


def lock(folder: Path, text: str) -> Stated:
    path = folder / "lock.txt"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_what_pip_freezes(tmp_path: Path) -> None:
    text = """\
        numpy==1.23.5
        onnx_ir==1.1.0
        torch==2.13.0+cpu
        # Editable Git install with no remote (mxproof==0.1.0)
        -e /home/me/mxproof
        pillow @ file:///tmp/pillow.whl
        """
    found = lock(tmp_path, text)
    assert found.factors == {"numpy": "1.23.5", "onnx-ir": "1.1.0", "torch": "2.13.0+cpu"}


def test_what_lock_files_hold_besides(tmp_path: Path) -> None:
    text = (
        "--index-url https://example.org/simple\n"
        "-r other.txt\n"
        "# a comment\n"
        "onnxruntime[gpu]==1.31.1 ; python_version >= '3.10' \\\n"
        "    --hash=sha256:abc \\\n"
        "    --hash=sha256:def\n"
        "numpy === 1.23.5  # why\n"
        "onnx==1.23.2 --hash=sha256:abc\n"
        "Rich>=13\n"
    )
    assert lock(tmp_path, text).factors == {
        "onnxruntime": "1.31.1",
        "numpy": "1.23.5",
        "onnx": "1.23.2",
    }


def test_settings_in_the_header(tmp_path: Path) -> None:
    found = lock(tmp_path, "# mxproof: threads=1 optimisation=basic\nnumpy==1.23.5\n")
    assert found.factors == {"threads": "1", "optimisation": "basic", "numpy": "1.23.5"}


@pytest.mark.parametrize(
    "line",
    [
        "-e git+https://example.org/me/mxproof@0123456789abcdef#egg=mxproof",
        "-e git+ssh://git@example.org/me/mxproof.git@0123456789abcdef#egg=mxproof",
        "mxproof @ git+https://example.org/me/mxproof@0123456789abcdef",
    ],
)
def test_a_checkout_states_the_revision(tmp_path: Path, line: str) -> None:
    assert lock(tmp_path, f"{line}\n").factors == {"revision": "0123456789abcdef"}


def test_the_checkout_of_another_project_states_none(tmp_path: Path) -> None:
    text = "-e git+https://example.org/a@0123456789abcdef#egg=other\nnumpy==1.23.5\n"
    assert lock(tmp_path, text).factors == {"numpy": "1.23.5"}


@pytest.mark.parametrize("key", ["environment", "versions"])
def test_records(tmp_path: Path, key: str) -> None:
    versions = {"onnxruntime": "1.31.1", "onnx_ir": "1.1.0", "python": "3.11.9", "cpu": "x", "n": 2}
    found = lock(tmp_path, json.dumps({"schema": 1, key: versions, "layers": [1]}))
    assert found.factors == {"onnxruntime": "1.31.1", "onnx-ir": "1.1.0"}
    assert found.remarks == {"python": "3.11.9", "cpu": "x", "n": "2"}


def test_the_record_of_a_gate(tmp_path: Path) -> None:
    """As `mxproof gate` writes it."""
    record = {"schema": 1, "environment": environment({"onnxruntime": "1.31.1"}), "benchmarks": []}
    found = lock(tmp_path, json.dumps(record))
    assert found.factors == {"onnxruntime": "1.31.1"}
    assert {"python", "cpu", "cores"} <= set(found.remarks)


def test_a_record_with_versions_inside(tmp_path: Path) -> None:
    record = {"environment": {"versions": {"torch": "2.13.0"}, "threads": 2, "cores": 2}}
    found = lock(tmp_path, json.dumps(record))
    assert found.factors == {"torch": "2.13.0", "threads": "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "states no version"),
        ("rich>=13\n", "states no version"),
        ("numpy>=1.22\n", "numpy>=1.22: is not pinned"),
        ("numpy\n", "is not pinned"),
        ("numpy==1.*\n", "is not pinned"),
        ("numpy==1.22,<2\n", "is not pinned"),
        ("numpy==1.22 --config-settings=x\n", "is not pinned"),
        ("torch @ https://example.org/torch.whl\n", "is not pinned"),
        ("numpy==1.22\nNumPy==1.23\n", "pinned to 1.22 and to 1.23"),
        ("# mxproof: threads=0\n", "threads=0: supported: all, or a number"),
        ("# mxproof: threads=²\n", "supported: all, or a number"),
        ("# mxproof: threads=-1\n", "supported: all, or a number"),
        ("# mxproof: threads=99999999999999999999\n", "supported: all, or a number"),
        ("# mxproof: optimisation=O3\n", "supported: all, extended, basic, disabled"),
        ("# mxproof: revision=\n", "a value is missing"),
        ("# mxproof: cores=1\n", "no setting 'cores'; there are: optimisation"),
        ("# mxproof: fast\n", "write NAME=VALUE"),
        ("{", "is not JSON"),
        ('{"versions": []}', "states no version"),
        ('{"environment": "onnxruntime==1"}', "states no version"),
        ('{"versions": {"numpy": "-r evil.txt"}}', "is no version"),
        ('{"versions": {"mxproof": "https://example.org"}}', "is no version"),
        ("[" * 100_000, "states no version"),
        ('{"a":' * 100_000, "is not JSON"),
    ],
)
def test_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match="lock.txt") as error:
        lock(tmp_path, text)
    assert said in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"PK\x03\x04\x00", b"numpy==1\0", BODY])
def test_what_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock.txt").write_bytes(content)
    with pytest.raises(UsageError, match="no lock file and no record"):
        load(tmp_path / "lock.txt")


def test_what_is_far_too_large(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_bytes(b"numpy==1.22\n" * (1 << 21))
    with pytest.raises(UsageError, match="no lock file"):
        load(tmp_path / "lock.txt")


@given(text=st.text(st.sampled_from("numpy=-1.2 @;#\\\n[]{}:\"'$(`/é\x1b"), max_size=60))
def test_only_names_and_versions_come_out(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is in the file, it is nothing that pip or a shell would take for an option."""
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_text(text, encoding="utf-8")
    try:
        found = load(path)
    except UsageError:
        return
    for name, version in found.factors.items():
        assert re.fullmatch(NAME, name) and re.fullmatch(VERSION, version)


def test_further_packages_that_matter_must_be_pinned(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("numpy==1.23.5\nSciPy>=1\n", encoding="utf-8")
    load(tmp_path / "lock.txt")
    with pytest.raises(UsageError, match="scipy==VERSION"):
        load(tmp_path / "lock.txt", ("scipy",))


def test_names_are_compared_as_indexes_do() -> None:
    assert normal("ONNX_.ir") == "onnx-ir"


def test_only_what_a_target_uses_is_a_factor() -> None:
    good = {"numpy": "1", "onnxruntime": "1", "torch": "1", "optimisation": "all", "rich": "1"}
    bad = {name: "2" for name in good}
    onnx, pytorch = (
        differences(used(good, target), used(bad, target)) for target in ("onnx", "pytorch")
    )
    assert onnx == ["numpy", "onnxruntime", "optimisation"]
    assert pytorch == ["numpy", "torch"]
    assert "rich" in differences(used(good, "onnx", ["Rich"]), used(bad, "onnx", ["Rich"]))


def test_swapping_takes_these_factors_and_no_others() -> None:
    good, bad = {"a": "1", "b": "1", "c": "1"}, {"a": "2", "b": "2", "c": "1"}
    assert swapped(good, bad, ["b"]) == {"a": "1", "b": "2", "c": "1"}
    assert swapped(good, bad, ["a", "b"]) == bad


def test_a_commit_is_told_by_its_first_digits() -> None:
    good, bad = {"revision": "here"}, {"revision": "git:" + "0123456789" * 4}
    assert factors.change("revision", good, bad) == "converter revision here -> 0123456789"
