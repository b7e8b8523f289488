"""The environment of a keepalived container as ocboot writes it, with the VIP 192.0.2.10."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

KEEPALIVED = """\
    - name: KEEPALIVED_PRIORITY
      value: "90"
    - name: KEEPALIVED_VIRTUAL_IPS
      value: '#PYTHON2BASH:[''192.0.2.10'']'
    - name: KEEPALIVED_STATE
      value: BACKUP
    - name: KEEPALIVED_PASSWORD
      value: de17f785
    - name: KEEPALIVED_ROUTER_ID
      value: "12"
    - name: KEEPALIVED_NODE_IP
      value: 192.0.2.12
    - name: KEEPALIVED_INTERFACE
      value: eth0
"""
