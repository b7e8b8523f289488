"""The record of a refusal."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._codes import known


class Refusal(t.NamedTuple("Refusal", [("code", str), ("observed", str), ("remedy", str)])):
    """Why an action is not safe: a code (a section of docs/runbook.md), the observation, and what to do."""

    __slots__ = ()

    def __new__(cls, code: str, observed: str, remedy: str) -> "Refusal":
        """Raise ValueError for a code that is documented nowhere."""
        return super().__new__(cls, known(code), observed, remedy)
