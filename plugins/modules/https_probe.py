#!/usr/bin/python
# Copyright (c) the cloudpods.ha authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: https_probe
short_description: Query an HTTPS server whose certificate a given CA must have signed
description:
  - Sends one GET from the host it runs on, without proxies, and follows no redirect.
  - A server that does not answer, or whose certificate another CA signed or another address names, is no failure of this module. RV(status) is 0 then.
  - M(ansible.builtin.uri) can't read a CA on Python 3.6 and 3.7 with OpenSSL 3.
version_added: 0.1.0
author: cloudpods.ha authors (@cloudpods-ha)
extends_documentation_fragment:
  - cloudpods.ha._attributes
  - cloudpods.ha._attributes.info_module
options:
  url:
    description: A URL that begins with V(https://). An IPv6 address is in brackets.
    type: str
    required: true
  ca_certificate:
    description: The path of the only CA that is trusted.
    type: path
    required: true
  client_certificate:
    description: The path of a client certificate. Empty for none.
    type: path
  client_key:
    description: The path of the key of O(client_certificate).
    type: path
  timeout:
    description: Seconds without a byte after which the server counts as not answering.
    type: float
    default: 5
"""

EXAMPLES = r"""
---
- name: Wait until the API server answers at the VIP
  cloudpods.ha.https_probe:
    url: https://192.0.2.10:6443/readyz
    ca_certificate: /etc/kubernetes/pki/ca.crt
  register: __answer
  until: __answer.status == 200
  retries: 30
  delay: 2
"""

RETURN = r"""
status:
  description: The status of the answer, 0 without an answer from a server that this CA vouches for.
  type: int
  returned: success
  sample: 200
body:
  description: The text of the answer, at most 1 MiB of it.
  type: str
  returned: success
  sample: ok
msg:
  description: The status, or why there is no answer.
  type: str
  returned: always
  sample: https://192.0.2.10:6443/readyz answered with status 200
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cloudpods.ha.plugins.module_utils._host.https import get


def main() -> t.NoReturn:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "ca_certificate": {"type": "path", "required": True},
            "client_certificate": {"type": "path"},
            "client_key": {"type": "path"},
            "timeout": {"type": "float", "default": 5},
        },
        required_together=[("client_certificate", "client_key")],
        supports_check_mode=True,
    )
    url, ca = module.params["url"], module.params["ca_certificate"]
    if not url.startswith("https://"):
        module.fail_json(msg="url must begin with https://")
    if not ca:
        module.fail_json(msg="ca_certificate must be the path of a CA")
    if module.params["timeout"] <= 0:
        module.fail_json(msg="timeout must be more than 0 seconds")
    pair = (module.params["client_certificate"] or "", module.params["client_key"] or "")
    answer = get(url, ca=ca, certificate=pair if all(pair) else None, timeout=module.params["timeout"])
    said = "answered with status {0}".format(answer.status) if answer.status else "does not answer: " + answer.reason
    module.exit_json(changed=False, status=answer.status, body=answer.body, msg="{0} {1}".format(url, said))


if __name__ == "__main__":
    main()
