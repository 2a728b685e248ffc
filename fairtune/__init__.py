"""fairtune: hyperparameter search for fair training of vision models, on Ray."""

__version__ = "0.1.0"
