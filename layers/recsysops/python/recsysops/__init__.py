"""RecSysOps: a serverless recommender that is detected, predicted, diagnosed and resolved."""

__version__ = "0.1.0"
