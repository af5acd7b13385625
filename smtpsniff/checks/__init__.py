"""Checks: one rule on one session each. The catalogue is the sum of the modules' lists.

`registry`  what a check is and how one is written
`view`      what it sees of a session
`topics`    what wakes it
`run`       runs them, counts, folds consequences under their roots
"""

from smtpsniff.checks.registry import Check

__all__ = ["CATALOGUE", "Check"]

CATALOGUE: tuple[Check, ...] = ()
