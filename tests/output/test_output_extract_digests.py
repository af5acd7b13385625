"""Digests made by threads are those that hashlib makes."""

from __future__ import annotations

import hashlib
import threading

from smtpsniff.output.extract.digests import ALGORITHMS, LARGE, Hashers


def test_any_mixture_of_blocks() -> None:
    before = threading.active_count()
    hashers = Hashers()
    for sizes in ([], [1], [LARGE], [5, LARGE, 7, LARGE * 3, 1, 0] * 20, [LARGE - 1] * 3):
        blocks = [bytes([n % 256]) * size for n, size in enumerate(sizes)]
        digests = {name: hashers.new(name) for name in ALGORITHMS}
        for block in blocks:
            for digest in digests.values():
                digest.update(block)
        for name, digest in digests.items():
            assert digest.hexdigest() == hashlib.new(name, b"".join(blocks)).hexdigest()
    hashers.close()
    assert threading.active_count() == before
