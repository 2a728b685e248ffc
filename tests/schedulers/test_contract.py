"""Every scheduler that there is keeps the contract."""

import pytest

from fairtune.plugins import load, names
from fairtune.testing import SchedulerContract


class TestEveryScheduler(SchedulerContract):
    @pytest.fixture(params=names("scheduler"))
    def scheduler(self, request):
        return load("scheduler", request.param)(("accuracy", "deo_m"))
