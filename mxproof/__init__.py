"""Proves conversions of MXNet networks equal to MXNet, layer by layer.

from mxproof import verify

proof = verify("model/net", inputs={"data": (1, 3, 112, 112)})
proof.passed
"""

from typing import TYPE_CHECKING

from converters.lazy import lazy_exports

if TYPE_CHECKING:
    from .api import verify
    from .model import UsageError
    from .proof.proof import Proof
    from .runtimes.base import RuntimeFailure

_MODULES = {
    "verify": "api",
    "Proof": "proof.proof",
    "RuntimeFailure": "runtimes.base",
    "UsageError": "model",
}
__getattr__ = lazy_exports(__name__, _MODULES)

__all__ = ["Proof", "RuntimeFailure", "UsageError", "verify"]
