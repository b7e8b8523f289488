"""Takes several lost claims to a goal at the same time, one safe action of each after the other."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._k8s.client import KubeApi
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery import client
from ansible_collections.cloudpods.ha.plugins.module_utils._recovery.models import Target

Json = t.Dict[str, t.Any]

# Seconds to the next look: controllers answer a deletion at once, a pod takes longer to start.
_AFTER_ACT, _AFTER_WAIT = 0.3, 1.0


def advance(
    api: KubeApi,
    targets: t.Sequence[Target],
    *,
    goal: str,
    seconds: float,
    check_mode: bool = False,
    diff: bool = False,
    sleep: t.Callable[[float], None] = time.sleep,
    clock: t.Callable[[], float] = time.monotonic,
) -> Json:
    """Act until each claim has reached the goal ("recreated" or "done"), one is refused, or the seconds are over.

    Returns {changed, ended, msg, claims}, and `diff` on request. `claims` has the last result of `client.step` for each claim that was looked at, with
    `ended`. No claim is touched after a refusal. In check mode each claim is looked at once, and every refusal is told. Raises HaError.
    """
    last: t.Dict[Target, Json] = {}
    diffs: t.List[Json] = []
    until, left, changed = clock() + seconds, list(targets), False
    while left:
        acted = False
        for target in left:
            found = client.step(api, target=target, check_mode=check_mode, diff=diff)
            acted = acted or found["changed"]
            diffs += [found.pop("diff")] if "diff" in found else []
            found["ended"] = check_mode or found["action"] in ("done", "refuse") or bool(found[goal])
            last[target] = found
            if found["action"] == "refuse" and not check_mode:
                return _result(last, changed=changed or acted, ended=True, diffs=diffs if diff else None)
        changed = changed or acted
        left = [target for target in left if not last[target]["ended"]]
        if not left or clock() >= until:
            break
        sleep(_AFTER_ACT if acted else _AFTER_WAIT)
    return _result(last, changed=changed, ended=not left, diffs=diffs if diff else None)


def _result(last: t.Mapping[Target, Json], *, changed: bool, ended: bool, diffs: t.Optional[t.List[Json]]) -> Json:
    claims = list(last.values())
    refused = [item for item in claims if item["action"] == "refuse"]
    waiting = [item for item in claims if not item["ended"]]
    result: Json = {
        "changed": changed,
        "ended": ended,
        "msg": "; ".join(item["msg"] for item in refused or waiting or claims) or "there is no claim",
        "claims": claims,
    }
    if refused:
        result["too_early"] = all(item["too_early"] for item in refused)
    if diffs is not None:
        result["diff"] = [item for item in diffs if item["before"]]
    return result
