"""Samplers: one file each, named as for ``--sampler``."""

from fairtune._rooms import stands_for
from fairtune.samplers._ahead import Ahead
from fairtune.samplers._base import Problem, Sampler, check
from fairtune.samplers._distribution import distribution
from fairtune.samplers._learner import Outcome
from fairtune.samplers._proposals import Proposal, Proposals

__all__ = ["Ahead", "Outcome", "Problem", "Proposal", "Proposals", "Sampler", "check", "distribution"]

stands_for(__name__, "fairtune.api.listing:samplers")
