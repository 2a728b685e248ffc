"""What determines a trial and a search, and what came of a trial."""

from fairtune.spec.authors import Authors
from fairtune.spec.base import Compile, Direction, Positive, Precision, Protocol, digest
from fairtune.spec.result import Brief, Counts, Epoch, Moved, Room, State, Stop, TrialResult
from fairtune.spec.search import CompareWith, Limits, Place, Resources, SearchOptions, SearchSpec, TrainingOptions
from fairtune.spec.trial import Optimizer, PlugIn, Schedule, TrialSpec

__all__ = [
    "Authors",
    "Brief",
    "CompareWith",
    "Compile",
    "Counts",
    "Direction",
    "Epoch",
    "Limits",
    "Moved",
    "Optimizer",
    "Place",
    "PlugIn",
    "Positive",
    "Precision",
    "Protocol",
    "Resources",
    "Room",
    "Schedule",
    "SearchOptions",
    "SearchSpec",
    "State",
    "Stop",
    "TrainingOptions",
    "TrialResult",
    "TrialSpec",
    "digest",
]
