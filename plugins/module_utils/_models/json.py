"""A mapping as JSON has it: the shape of facts, answers of the API and journals."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

Json = t.Dict[str, t.Any]
