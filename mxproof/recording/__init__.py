"""References that outlive MXNet."""

from .recorded import RecordedTruth, Recording

__all__ = ["RecordedTruth", "Recording"]
