"""What a search found, for programs and for people. Needs neither torch nor ray: a study is enough."""

from fairtune.report.write import write_all, write_report

__all__ = ["write_all", "write_report"]
