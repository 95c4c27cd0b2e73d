"""Lock files and records, virtual environments, and the converters of a commit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Dict, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from lab.bisect.environments import changes, complete, load, relevant
from lab.bisect.runner import ROOT, execute, interpreter, resolve, source
from mxproof.benchmark.environment import environment
from mxproof.errors import UsageError
from mxproof.verification import VerifyResult

from .conftest import COMMENT, git, plant

COMMIT = "0123456789abcdef"


def lock(folder: Path, text: Union[str, bytes]) -> Dict[str, str]:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "lock.txt").write_bytes(data)
    return load(folder / "lock.txt")


def test_what_pip_freeze_writes_here(tmp_path: Path) -> None:
    """All of it is understood, the editable checkout and what came from a URL included."""
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "freeze"], capture_output=True, text=True, check=True
    ).stdout
    found = lock(tmp_path, frozen)
    assert found["onnxruntime"] == version("onnxruntime")
    assert found["onnx-ir"] == version("onnx-ir")


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("onnx_ir==1.1.0\nTorch==2.13.0+cpu\n", {"onnx-ir": "1.1.0", "torch": "2.13.0+cpu"}),
        (f"-e git+https://example.org/me/mxproof@{COMMIT}#egg=mxproof\n", {"revision": COMMIT}),
        (
            f"-e git+ssh://git@a.org/b.git@{COMMIT}#egg=mxproof&subdirectory=x\n",
            {"revision": COMMIT},
        ),
        (f"mxproof @ git+https://example.org/mxproof@{COMMIT}\n", {"revision": COMMIT}),
        (f"-e git+https://example.org/a@{COMMIT}#egg=other\nnumpy==1.23\n", {"numpy": "1.23"}),
        (
            "# Editable Git install with no remote (mxproof==0.1.0)\n-e /home/me/mxproof\n"
            "pillow @ file:///tmp/pillow.whl#sha256=abc\nnumpy==1.23.5\n",
            {"numpy": "1.23.5"},
        ),
        (
            "--index-url https://example.org/simple\n-r other.txt\n# a comment\nRich>=13\n"
            "onnxruntime[gpu]==1.31.1 ; python_version >= '3' \\\n    --hash=sha256:abc \\\n"
            "    --hash=sha256:def\nnumpy === 1.23.5  # why\nnumpy==1.20; python_version < '3'\n",
            {"onnxruntime": "1.31.1", "numpy": "1.23.5"},
        ),
        (
            "# mxproof: threads=1 optimisation=basic\nnumpy==1.23.5\n",
            {"threads": "1", "optimisation": "basic", "numpy": "1.23.5"},
        ),
        ('{"versions": {"onnx_ir": "1.1.0"}, "layers": [1]}', {"onnx-ir": "1.1.0"}),
    ],
)
def test_lock_files(tmp_path: Path, text: str, factors: Dict[str, str]) -> None:
    assert lock(tmp_path, text) == factors


def test_records_of_mxproof(tmp_path: Path) -> None:
    """As a benchmark and a proof state what they were made with."""
    versions = {"onnxruntime": "1.31.1", "python": "3.11.7"}
    proof = VerifyResult("net", "user", {}, {}, versions).to_json()
    for record in ({"environment": environment(versions)}, proof):
        assert lock(tmp_path, json.dumps(record)) == versions


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "states no version"),
        ("rich>=13\n", "states no version"),
        ("numpy>=1.22\n", "numpy>=1.22 is not pinned; write numpy==VERSION"),
        ("numpy\n", "is not pinned"),
        ("numpy==1.*\n", "is not pinned"),
        ("numpy==1.22,<2\n", "is not pinned"),
        ("torch @ https://example.org/torch.whl\n", "is not pinned"),
        ("numpy==1.22 --config-settings=x\n", "numpy==1.22 --config-settings=x"),
        ("numpy===1.22|sh\n", "Invalid version"),
        ("numpy==1.22\nNumPy==1.23\n", "numpy is also 1.22"),
        ("# mxproof: threads=0\n", "threads=0 is not supported; use all|"),
        ("# mxproof: optimisation=O3\n", "use all|extended|basic|disabled"),
        ("# mxproof: revision=\n", "revision= is not supported"),
        ("# mxproof: cores=1\n", "no setting 'cores'; the settings are optimisation"),
        ("{", "Expecting property name"),
        ('{"a":' * 100_000, "recursion"),
        ('{"environment": "onnxruntime==1"}', "'str'"),
        ('{"versions": {"numpy": "1 -r evil.txt"}}', "numpy==1 -r evil.txt"),
        ("numpy==1\0", "lock.txt"),
        (b"PK\x03\x04\xff", "`pip freeze`"),
    ],
)
def test_refused(tmp_path: Path, text: Union[str, bytes], said: str) -> None:
    with pytest.raises(UsageError, match="lock.txt") as error:
        lock(tmp_path, text)
    assert said in str(error.value)


@given(text=st.text(st.sampled_from("numpy=-1.2 @;#\\\n[]{}:\"'$(`/é\x1b"), max_size=60))
def test_only_names_and_versions_come_out(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is in the file, nothing of it is an option to pip or a command to a shell."""
    try:
        found = lock(tmp_path_factory.getbasetemp(), text)
    except UsageError:
        return
    for name, number in found.items():
        assert re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)
        assert str(Version(number)) == number


def test_changes_that_affect_a_target() -> None:
    good = {**complete({}), "torch": "1", "onnxruntime": "1", "tqdm": "1"}
    bad = {**good, "torch": "2", "onnxruntime": "2", "tqdm": "2", "optimisation": "basic"}
    bad["revision"] = "0123456789" * 4
    onnx, pytorch = (changes(relevant(t, good), relevant(t, bad)) for t in ("onnx", "pytorch"))
    assert list(onnx.values()) == [
        "onnxruntime 1 -> 2",
        "graph optimisation all -> basic",
        "converter revision here -> 0123456789",
    ]
    assert list(pytorch) == ["torch", "revision"]
    with pytest.raises(UsageError, match="torch: not installed here"):
        relevant("pytorch", {name: value for name, value in good.items() if name != "torch"})


def wheel(path: Path) -> None:
    """An empty distribution."""
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"planted-1.0.dist-info/{name}", text)


@pytest.mark.parametrize(
    "tool",
    [pytest.param("pip", marks=pytest.mark.nightly), *(["uv"] if shutil.which("uv") else [])],
)
def test_a_virtual_environment_is_built_once_and_whole(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that failed is built anew; one that was built needs nothing any more."""
    uv = shutil.which("uv") if tool == "uv" else None
    monkeypatch.setattr("lab.bisect.runner.shutil.which", lambda name: uv)
    monkeypatch.setenv("MXPROOF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(f"{tool.upper()}_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv(f"{tool.upper()}_NO_INDEX", "1")
    with pytest.raises(UsageError, match="planted"):
        interpreter({"planted": "1.0"})
    wheel(tmp_path / "planted-1.0-py3-none-any.whl")
    python = interpreter({"planted": "1.0"})
    show = "from importlib.metadata import version; print(version('planted'))"
    assert execute(python, "-c", show).decode().strip() == "1.0"
    (tmp_path / "planted-1.0-py3-none-any.whl").unlink()
    assert interpreter({"planted": "1.0"}) == python != sys.executable


def test_this_interpreter_serves_where_it_has_the_versions() -> None:
    """Of a local version (+cpu) the public part suffices."""
    torch = version("torch").partition("+")[0]
    assert interpreter({"numpy": version("numpy"), "torch": torch}) == sys.executable


def test_a_commit_is_unpacked_beside_the_checkout(repository: Path, tmp_path: Path) -> None:
    plant(repository, *COMMENT)
    commit = resolve("HEAD~1", repository)
    assert commit == git(repository, "rev-parse", "HEAD~1") == resolve(commit, repository)
    to = source(commit, repository / "converters", tmp_path)  # any folder of the repository
    assert "# a comment\n" not in (to / "converters" / "__init__.py").read_text(encoding="utf-8")
    assert [path.name for path in to.iterdir()] == ["converters"]
    assert git(repository, "status", "--porcelain") == ""
    assert source(resolve("here", tmp_path), repository, tmp_path) == ROOT
    git(repository, "rm", "-q", "-r", "converters")
    git(repository, "commit", "-q", "-m", "without")
    with pytest.raises(UsageError, match="converters"):
        source(resolve("HEAD", repository), repository, tmp_path)


@pytest.mark.parametrize("text", ["--output=x", "", "nothing", "HEAD:converters", "a b"])
def test_what_is_not_a_commit(text: str, repository: Path) -> None:
    with pytest.raises(UsageError, match="--repository"):
        resolve(text, repository)
