# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/cluster-role.yml allows. The stand-in API grants nobody more, whoever asks."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.store import Refused, parsed

ROLE = Path(__file__).resolve().parents[3] / "docs" / "cluster-role.yml"
_NAMED = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
_UNNAMED = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}


class Rights:
    """Rights are written VERB RESOURCE[/SUBRESOURCE][.GROUP], as `kubectl auth can-i` takes them. `used` are those that were needed."""

    def __init__(self) -> None:
        self.granted = {
            " ".join((verb, ".".join(filter(None, (resource, group)))))
            for rule in yaml.safe_load(ROLE.read_text(encoding="utf-8"))["rules"]
            for verb in rule["verbs"]
            for resource in rule["resources"]
            for group in rule["apiGroups"]
        }
        self.used: set[str] = set()

    def lacking(self, method: str, path: str) -> str:
        """The right that a request for objects needs and the role does not grant; empty for none."""
        try:
            resource, _namespace, name, rest = parsed(path)
        except Refused:  # Discovery, which everybody may read, or what the stand-in does not serve.
            return ""
        _root, *group = resource.group.split("/")[:-1]
        verb = (_NAMED if name else _UNNAMED).get(method, method)
        right = "{0} {1}".format(verb, ".".join(["/".join(filter(None, (resource.plural, rest))), *group]))
        if right not in self.granted:
            return right
        self.used.add(right)
        return ""
