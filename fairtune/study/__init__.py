"""The record of a search: its study, its folder, its jobs, its summary."""
