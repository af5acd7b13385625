"""The verdict: one label and one sentence for a session."""

from smtpsniff.verdict.verdict import judge

__all__ = ["judge"]
