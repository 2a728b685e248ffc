"""The mirror of a search in MLflow, and its pages."""
