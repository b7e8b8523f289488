"""The type of a JSON mapping: facts, answers of the API and journals."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import typing as t

Json = t.Dict[str, t.Any]
