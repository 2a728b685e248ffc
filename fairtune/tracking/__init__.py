"""The mirror of a search in MLflow, and its pages. Nothing else in fairtune imports mlflow."""

import os

_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""They count from MLflow's import on."""
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)
