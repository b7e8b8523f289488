# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import ApiRefused
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import http


def test_a_tunnel_that_is_refused_counts_as_no_connection() -> None:
    class Refusing:
        def socket_to_pod(self, *_args: t.Any) -> t.Any:
            raise ApiRefused("portforward", "ns/minio-0:9000", 500, "pod not found")

    with pytest.raises(OSError, match="pod not found"):
        http.tunnel_to(Refusing(), "ns")("minio-0", 9000)
