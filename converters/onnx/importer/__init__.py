"""ONNX's operators on their way to MXNet, one declaration each, in files by family."""

from importlib import import_module
from pkgutil import iter_modules

from .registry import TRANSLATIONS

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["TRANSLATIONS"]
