"""Records without the people in them: names, addresses and texts replaced by keyed tokens.

What is told of SMTP stays: who waited for whom, verbs, parameters, codes, sizes, times, headers'
names. The same input has the same token under the same key, and nobody without the key can find
the input by trying. No list of what stands for what is kept.
"""

from __future__ import annotations

from smtpsniff.output.redact.record import Redactor

__all__ = ["Redactor"]
