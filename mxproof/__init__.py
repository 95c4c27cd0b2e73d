"""Proves conversions of MXNet networks equal to MXNet, layer by layer.

from mxproof import verify

proof = verify("model/net", inputs={"data": (1, 3, 112, 112)})
proof.passed
"""

from typing import TYPE_CHECKING

from converters.lazy import lazy_exports

if TYPE_CHECKING:
    from .api import verify
    from .errors import UsageError
    from .runtimes.base import RuntimeFailure
    from .verification import VerifyResult

_MODULES = {
    "verify": "api",
    "RuntimeFailure": "runtimes.base",
    "UsageError": "errors",
    "VerifyResult": "verification",
}
__getattr__ = lazy_exports(__name__, _MODULES)

__all__ = ["RuntimeFailure", "UsageError", "VerifyResult", "verify"]
