"""Where the time went: disjoint parts that add up to the session's duration."""

from smtpsniff.timing.delays import delays

__all__ = ["delays"]
