"""Choosing records by their own keys: the language of ``--where``.

`tokens`   text to words, each with its place
`grammar`  words to a tree
`keys`     what keys a record has, and what kind of value each holds
`values`   what is written on the right of an operator, as a test of such a value
`pattern`  regular expressions that come to an end
`where`    the tree as one function of a record
"""

from smtpsniff.select.errors import WhereError
from smtpsniff.select.where import Where

__all__ = ["Where", "WhereError"]
