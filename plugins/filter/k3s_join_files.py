# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: k3s_join_files
short_description: Compose the files of a host that joins a K3s cluster as a server
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
description:
  - Merges the options of a survivor's configuration files, command line and environment, except those of that host alone, and
    adds the options for the join. C(cluster-init) is never included.
  - The new host's address replaces the survivor's. If an option names the survivor in another way, C(error) reports it, and O(overrides) must
    set the new value.
options:
  _input:
    description: The RV(cloudpods.ha.k3s_server_info#module:server). Secret; use it in tasks with C(no_log) only.
    type: dict
    required: true
  survivor:
    description: The survivor's C(Host), in the shape that docs/contracts.md gives.
    type: dict
    required: true
  endpoint:
    description: Address of the survivor to join through.
    type: str
    required: true
  ip:
    description: Address of the new host.
    type: str
    required: true
  addresses:
    description: Addresses of the new host's Node, one of each family, if the nodes of the cluster have more than one.
    type: list
    elements: str
    default: []
  vip:
    description: The VIP, which identifies no host.
    type: str
    default: ""
  overrides:
    description: Options of K3s that replace the survivor's on the new host; null removes an option.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Compose the files
  ansible.builtin.set_fact:
    __files: "{{ server | cloudpods.ha.k3s_join_files(host, endpoint='192.0.2.12', ip='192.0.2.14') }}"
  no_log: true
"""

RETURN = r"""
_value:
  description:
    - Secret, except for C(error). C(files) is a list of path, content and mode; C(referenced) are other files that options name; C(ping) is the survivor's
      URL; C(secrets) are words that must not be shown; C(error) is why that failed.
  type: dict
"""

import json
import typing as t

import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import API_PORT, host_port
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._join.k3s import join_files, secrets

Json = t.Dict[str, t.Any]


class _Loader(yaml.SafeLoader):
    """YAML as K3s reads it: a date is text."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _loader, node: str(node.value))


def k3s_join_files(
    server: Json,
    survivor: Json,
    *,
    endpoint: str,
    ip: str,
    addresses: t.Sequence[str] = (),
    vip: str = "",
    overrides: t.Optional[Json] = None,
) -> Json:
    url = "https://{0}".format(host_port(endpoint, survivor.get("api_port") or API_PORT))
    try:
        made = join_files(
            server=server,
            # The parser's error is not passed on: it would quote the text.
            files=[yaml.load(item["content"], Loader=_Loader) for item in server["config"]],  # noqa: S506 it is a SafeLoader
            own_ip=endpoint,
            own_names=[
                *dict.fromkeys(filter(None, (survivor["hostname"], survivor.get("node_name")))),
                *(item for item in survivor["addresses"] if item not in (endpoint, vip)),
            ],
            endpoint=url,
            ip=ip,
            addresses=addresses,
            overrides=overrides,
        )
    except yaml.YAMLError:
        return {"error": "a configuration file of K3s on the survivor is not YAML"}
    except HaError as exc:
        return {"error": str(exc)}
    # JSON is YAML in which every string stays a string.
    config = json.dumps(made.config, indent=2) + "\n"
    paths = server["paths"]
    files = [
        {"path": paths["config"], "content": config, "mode": "0600"},
        {"path": paths["unit"], "content": made.unit, "mode": server.get("unit_mode") or "0644"},
        *({"mode": "0644", **item} for item in server["unit_drop_ins"]),
        *server.get("templates", ()),
        *({**item, "mode": "0600"} for item in made.environments),
    ]
    if server["registries"]:
        files.append({"path": paths["registries"], "content": server["registries"], "mode": "0600"})
    return {
        "error": "",
        "files": files,
        "referenced": list(made.referenced),
        "ping": url + "/ping",
        "secrets": secrets(server["token"]),
    }


class FilterModule:
    """Joining."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"k3s_join_files": k3s_join_files}
