# SPDX-License-Identifier: GPL-3.0-or-later
"""The few calls to the local API server that the stand-in's controllers need."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class ApiError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text.strip()[:300]}")
        self.status = status


class Kube:
    """A client of https://127.0.0.1:6443 as system:admin; one connection a call."""

    def __init__(self, tls: Path) -> None:
        self.context = ssl.create_default_context(cafile=str(tls / "server-ca.crt"))
        self.context.load_cert_chain(tls / "client-admin.crt", tls / "client-admin.key")

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        link = http.client.HTTPSConnection("127.0.0.1", 6443, timeout=10, context=self.context)
        try:
            sent = None if body is None else json.dumps(body).encode()
            link.request(method, path, sent, {"Content-Type": kind, "Accept": "application/json"})
            answer = link.getresponse()
            text = answer.read().decode()
        finally:
            link.close()
        if answer.status >= 400:
            raise ApiError(answer.status, text)
        return json.loads(text) if text.startswith("{") else text

    def ready(self) -> bool:
        try:
            return str(self.call("GET", "/readyz")) == "ok"
        except (OSError, ApiError, http.client.HTTPException):
            return False

    def find(self, path: str) -> Any:
        """The object, or None when there is none."""
        try:
            return self.call("GET", path)
        except ApiError as why:
            if why.status == 404:
                return None
            raise
