"""Proves conversions of MXNet networks equal to MXNet, layer by layer.

from mxproof import verify

proof = verify("model/net", inputs={"data": (1, 3, 112, 112)})
proof.passed
"""

from .api import verify
from .proof import Proof
from .runtimes.base import RuntimeFailure
from .subject import UsageError

__all__ = ["Proof", "RuntimeFailure", "UsageError", "verify"]
