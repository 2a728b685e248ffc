"""Every scheduler that there is keeps the contract."""

import pytest

from fairtune.plugins import names
from fairtune.schedulers import Scheduler
from fairtune.testing import SchedulerContract


class TestEveryScheduler(SchedulerContract):
    @pytest.fixture(params=names("scheduler"))
    def scheduler(self, request):
        return Scheduler.load(request.param)(("accuracy", "deo_m"))
