"""References that outlive MXNet."""

from .recorded import RecordedTruth, Recording, judge

__all__ = ["RecordedTruth", "Recording", "judge"]
