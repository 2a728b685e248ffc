"""The search on Ray Tune. Nothing outside this package imports ray.

Ray reads its environment when it is imported, so it is set here: every module that imports ray lies in this package.
"""

import os

from fairtune._rooms import stands_for

_DEFAULTS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "60",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)

# Unless it is told that no other machine will join, Ray takes the host's address for 127.0.0.1 and listens on every interface.
# A cluster that is there already is joined all the same.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

# Signals are answered by fairtune.endings: Tune knows Ctrl-C only, and Ray's core dumps its stack and aborts at SIGTERM.
os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
os.environ["RAY_DISABLE_FAILURE_SIGNAL_HANDLER"] = "1"

stands_for(__name__, "fairtune.api.notebook:search")
