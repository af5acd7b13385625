"""Checks: one rule on one session each. The catalogue is the sum of the modules' lists.

`registry`  what a check is and how one is written
`view`      what it sees of a session
`topics`    what wakes it
`run`       runs them, counts, folds consequences under their roots

The modules follow a session from its first packet to its last: connection and greeting,
introduction, commands and their order, replies, extensions, login, TLS, the message, and what
became of it.
"""

from smtpsniff.checks import (
    answers,
    auth,
    chunk_order,
    chunks,
    command_bytes,
    commands,
    conduct,
    connection,
    delivery,
    extensions,
    farewell,
    first_words,
    greeting,
    haste,
    hello,
    identity,
    introduction,
    message,
    misplaced,
    offer_list,
    parameters,
    path,
    path_kinds,
    path_lengths,
    paths,
    per_recipient,
    promises,
    recording,
    refusals,
    replies,
    reply_text,
    resets,
    sequence,
    tls,
    tolerance,
    vocabulary,
    waiting,
    wrong_port,
)
from smtpsniff.checks.registry import Check

__all__ = ["CATALOGUE", "Check"]

CATALOGUE: tuple[Check, ...] = (
    *connection.CHECKS,
    *resets.CHECKS,
    *recording.CHECKS,
    *path.CHECKS,
    *waiting.CHECKS,
    *greeting.CHECKS,
    *first_words.CHECKS,
    *wrong_port.CHECKS,
    *hello.CHECKS,
    *introduction.CHECKS,
    *identity.CHECKS,
    *commands.CHECKS,
    *vocabulary.CHECKS,
    *command_bytes.CHECKS,
    *paths.CHECKS,
    *path_kinds.CHECKS,
    *path_lengths.CHECKS,
    *parameters.CHECKS,
    *sequence.CHECKS,
    *misplaced.CHECKS,
    *haste.CHECKS,
    *conduct.CHECKS,
    *tolerance.CHECKS,
    *chunks.CHECKS,
    *chunk_order.CHECKS,
    *replies.CHECKS,
    *reply_text.CHECKS,
    *answers.CHECKS,
    *refusals.CHECKS,
    *per_recipient.CHECKS,
    *farewell.CHECKS,
    *offer_list.CHECKS,
    *extensions.CHECKS,
    *promises.CHECKS,
    *auth.CHECKS,
    *tls.CHECKS,
    *message.CHECKS,
    *delivery.CHECKS,
)
