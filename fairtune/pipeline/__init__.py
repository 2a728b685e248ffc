"""Pipelines: several searches from one short file, and one report of all of them beside what papers publish."""
