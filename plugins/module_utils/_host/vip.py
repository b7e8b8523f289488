"""Reads this host's keepalived manifest and whether it carries the VIP. Changes nothing."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

import ipaddress
import os
import stat
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import (
    HOST_BACKUPS,
    Provider,
    host_port,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._endpoints import api_port
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._host.addresses import addresses
from ansible_collections.cloudpods.ha.plugins.module_utils._models.host import Keepalived
from ansible_collections.cloudpods.ha.plugins.module_utils._models.json import Json
from ansible_collections.cloudpods.ha.plugins.module_utils._runner import Runner
from ansible_collections.cloudpods.ha.plugins.module_utils._serialize import to_json
from ansible_collections.cloudpods.ha.plugins.module_utils._vip import manifest


def inspect(run: Runner, provider: Provider, address: str) -> Json:
    """Return the values that module vip_info documents under RETURN. Raises HaError for an invalid address or when `ip` fails."""
    try:
        wanted = str(ipaddress.ip_address(address))
    except ValueError:
        raise HaError("{0!r} is not an IP address".format(address)) from None
    carried = addresses(run)
    keepalived, mode, error = read_manifest(provider.keepalived_manifest)
    client = provider.api_client if provider.api_client and all(map(os.path.exists, provider.api_client)) else ("", "")
    return {
        "server": "https://{0}".format(host_port(wanted, api_port(provider))),
        "holds": wanted in carried,
        "interface": carried.get(wanted, ""),
        "manifest": provider.keepalived_manifest,
        "manifest_mode": mode,
        "keepalived": to_json(keepalived),
        "error": error or ("" if keepalived else "there is no {0}".format(provider.keepalived_manifest)),
        "ca_certificate": provider.ca_certificate,
        "client_certificate": client[0],
        "client_key": client[1],
        "backups": HOST_BACKUPS,
    }


def read_manifest(path: str) -> t.Tuple[t.Optional[Keepalived], str, str]:
    """Return (the parsed manifest, its mode as '0600', ''), or (None, '', why it can't be used), '' without a manifest."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
            mode = "{0:04o}".format(stat.S_IMODE(os.fstat(stream.fileno()).st_mode))
        return manifest.read(text), mode, ""
    except FileNotFoundError:
        return None, "", ""
    except UnicodeDecodeError:
        return None, "", "{0} is not text".format(path)
    except OSError as exc:
        return None, "", "{0} can't be read: {1}".format(path, exc.strerror)
    except HaError as exc:
        return None, "", str(exc)
