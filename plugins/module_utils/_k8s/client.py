"""The only file that talks to the Kubernetes API. Objects go in and out as plain mappings, spelled as the API spells them."""
# Copyright (c) the cloudpods.ha authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import email.utils
import gc
import json
import os
import typing as t

from ansible_collections.cloudpods.ha.plugins.module_utils._errors import (
    ApiRefused,
    ApiUnavailable,
    HaError,
    ObjectChanged,
)

try:
    import urllib3.exceptions
    import yaml
    from kubernetes import client, config
    from kubernetes.stream import ws_client

    IMPORT_ERROR: t.Optional[str] = None
except ImportError as exc:  # reported by connect(), so that documentation and argument checks work without the client
    IMPORT_ERROR = str(exc)

Object = t.Dict[str, t.Any]
Keep = t.Callable[[Object], t.Optional[Object]]

# Objects of one answer to a list: what kubectl asks for. A page of large objects is some MB.
PAGE = 500
# Seconds without a byte of a page: a server under load reads it from etcd and encodes it before it begins to answer.
PAGE_TIMEOUT = 60
_GONE = 410

# The option of every module that uses the API; documented in doc_fragments/_kubeconfig.py. Not required, so that module_defaults can set it.
KUBECONFIG_ARGUMENT: t.Mapping[str, t.Mapping[str, t.Any]] = {"kubeconfig": {"type": "path"}}


class KubeApi:
    """A connection to one API server; in check mode nothing is written or deleted."""

    def __init__(self, *, api_client: t.Any, check_mode: bool = False, timeout: int = 10) -> None:
        self._client = api_client
        self._check_mode = check_mode
        self._timeout = timeout
        # The time of the server, as the header Date of its last answer says: seconds since 1970, None before the first answer.
        self.server_time: t.Optional[float] = None

    @property
    def server(self) -> str:
        """The address of the API server, as in the kubeconfig."""
        return str(self._client.configuration.host)

    @property
    def configuration(self) -> t.Any:
        """The client's configuration: address, certificates, credentials."""
        return self._client.configuration

    def get(self, path: str, **query: t.Any) -> t.Optional[Object]:
        """Return the object or list at a path, or None if it does not exist."""
        try:
            return self._call("GET", path, query=query)
        except ApiRefused as exc:
            if exc.status == 404:
                return None
            raise

    def items(self, path: str, *, keep: t.Optional[Keep] = None, **query: t.Any) -> t.List[Object]:
        """Return the objects of a list that every server has, read page by page, without their managedFields.

        `keep` reduces each object as its page arrives, or drops it by returning None, so that memory does not grow with what nobody needs.
        Raises ApiRefused where the list is not there: an answer without a list proves nothing.
        """
        found = self._list(path, keep, query)
        if found is None:
            raise ApiRefused("GET", path, 404, "the answer is no list")
        return found

    def items_if_served(self, path: str, **query: t.Any) -> t.List[Object]:
        """Return the objects of a list of a custom resource; none where the server does not know the resource."""
        return self._list(path, None, query) or []

    def _list(self, path: str, keep: t.Optional[Keep], query: Object) -> t.Optional[t.List[Object]]:
        """The objects of a list; None if it does not exist.

        All pages are of one moment, which a server under load may forget before the last one is read: then the list is read anew, and the last time
        in one answer, which can't expire half-way.
        """
        for limit in ({"limit": PAGE}, {"limit": PAGE}, {}):
            try:
                with _no_collection():
                    return self._pages(path, keep, {**query, **limit})
            except ApiRefused as exc:
                if exc.status == 404:
                    return None
                if exc.status != _GONE or not limit:
                    raise
        return None

    def _pages(self, path: str, keep: t.Optional[Keep], query: Object) -> t.List[Object]:
        found: t.List[Object] = []
        token = ""
        while True:
            page = self._call(
                "GET", path, query={**query, "continue": token} if token else query, read_timeout=PAGE_TIMEOUT
            )
            if not _is_list(page):
                raise ApiRefused("GET", path, 200, "the answer is no list")
            for item in page["items"] or []:
                item["metadata"].pop("managedFields", None)
                kept = item if keep is None else keep(item)
                if kept is not None:
                    found.append(kept)
            following = (page.get("metadata") or {}).get("continue") or ""
            if not following:
                return found
            if following == token:
                raise ApiRefused("GET", path, 200, "the list does not go on: two pages lead to the same next one")
            token = following

    def delete(self, path: str, *, uid: str, version: str = "", grace: t.Optional[int] = None) -> bool:
        """Delete the object with this UID. False: it was already gone. Raises ObjectChanged if another one has its name.

        With a resource version, it is deleted only in that version: for a decision that an update would invalidate. `grace` is the grace period of a pod in
        seconds; without it the pod's own.
        """
        found = self.get(path)
        if found is None:
            return False
        if found["metadata"]["uid"] != uid:
            raise ObjectChanged(path, uid)
        if self._check_mode:
            return True
        preconditions = {"uid": uid, "resourceVersion": version} if version else {"uid": uid}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
            **({} if grace is None else {"gracePeriodSeconds": grace}),
        }
        try:
            self._call("DELETE", path, body=body)
        except ApiRefused as exc:
            if exc.status == 404:
                return False
            if exc.status == 409:
                raise ObjectChanged(path, uid) from exc
            raise
        return True

    def create(self, path: str, body: Object) -> Object:
        """Create an object in the list at `path`. Raises ApiRefused with status 409 if one of its name exists."""
        if self._check_mode:
            return body
        return self._call("POST", path, body=body)

    def replace(self, path: str, body: Object) -> Object:
        """Write a changed object back; it must contain its resourceVersion, so that a concurrent change is not lost.

        Raises ApiRefused with status 409 if the object changed meanwhile.
        """
        if self._check_mode:
            return body
        return self._call("PUT", path, body=body)

    def socket_to_pod(self, namespace: str, pod: str, port: int) -> t.Any:
        """Open a stream to a port of a pod through the API server; returns an object with the interface of a socket."""
        configuration = self._client.configuration
        path = "/api/v1/namespaces/{0}/pods/{1}/portforward".format(namespace, pod)
        settings = configuration.auth_settings().values()
        headers = {item["key"]: item["value"] for item in settings if item["in"] == "header"}
        try:
            # Not through CoreV1Api, which would load every model of the API and take seconds.
            forward = ws_client.portforward_call(
                configuration, "GET", configuration.host + path, query_params=[("ports", str(port))], headers=headers
            )
        except client.ApiException as exc:
            where = "{0}/{1}:{2}".format(namespace, pod, port)
            raise ApiRefused("portforward", where, exc.status or 0, first_line(exc.reason)) from exc
        sock = forward.socket(port)
        sock.setblocking(True)
        return sock

    def _call(
        self,
        verb: str,
        path: str,
        *,
        query: t.Optional[Object] = None,
        body: t.Optional[Object] = None,
        read_timeout: int = 0,
    ) -> Object:
        # A server that is down is found out as soon for a list as for an object.
        timeout = (self._timeout, max(self._timeout, read_timeout))
        parameters: t.Dict[str, t.Any] = {
            "query_params": [(key, value) for key, value in (query or {}).items()],
            "header_params": {"Accept": "application/json", "Content-Type": "application/json"},
            "body": body,
            "auth_settings": ["BearerToken"],
        }
        try:
            if hasattr(self._client, "param_serialize"):  # the generated client since release 37
                request = self._client.param_serialize(verb, path, **parameters)
                response = self._client.call_api(*request, _request_timeout=timeout)
                text = response.read()
                if not 200 <= response.status <= 299:
                    refused = client.ApiException(status=response.status, reason=response.reason)
                    refused.body = text
                    raise refused
                data, headers = text, response.getheaders()
            else:
                data, _status, headers = self._client.call_api(
                    path,
                    verb,
                    response_type="object",
                    _return_http_data_only=False,
                    _request_timeout=timeout,
                    **parameters,
                )
            self.server_time = _time_of(headers) or self.server_time
        except client.ApiException as exc:
            if exc.status in (0, 500, 503, 504, None):
                raise ApiUnavailable(self.server, _told(exc)) from exc
            raise ApiRefused(verb, path, exc.status, _told(exc)) from exc
        except urllib3.exceptions.HTTPError as exc:
            raise ApiUnavailable(self.server, _root_cause(exc)) from exc
        return self._object(verb, path, data)

    def _object(self, verb: str, path: str, data: t.Any) -> Object:
        """What the server said, which may be a proxy's page, an answer that was cut, or anything else."""
        try:
            # The older client gives what it can't decode as it is.
            found = json.loads(data) if isinstance(data, (bytes, str)) else data
        except (ValueError, RecursionError) as exc:
            found = exc
        if not isinstance(found, dict):
            start = first_line(data if isinstance(data, (bytes, str)) else type(found).__name__)[:60]
            raise ApiUnavailable(
                self.server, "its answer to {0} {1} is no JSON object: {2!r}".format(verb, path, start)
            )
        return found


def _is_list(page: Object) -> bool:
    """Whether it is a list of objects, each with a name, as every list of the API."""
    items = page.get("items", ())
    if items is None:
        return True
    return isinstance(items, list) and all(
        isinstance(item, dict) and isinstance(item.get("metadata"), dict) and bool(item["metadata"].get("name"))
        for item in items
    )


def connect(kubeconfig: t.Optional[str], *, check_mode: bool = False, timeout: int = 10) -> KubeApi:
    """Connect with a kubeconfig file. Raises HaError with one sentence when the file or the Python client is missing or unusable."""
    if IMPORT_ERROR is not None:
        raise HaError(
            "the Python package 'kubernetes' is missing on the host that runs this module ({0}); see requirements.txt".format(
                IMPORT_ERROR
            )
        )
    if not kubeconfig:
        raise HaError(
            "the option kubeconfig is missing: set it for the task, or for the action group cloudpods.ha.cluster"
        )
    if not os.path.isfile(kubeconfig):
        raise HaError("there is no kubeconfig at {0}".format(kubeconfig))
    configuration = client.Configuration()
    try:
        config.load_kube_config(config_file=kubeconfig, client_configuration=configuration)
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError, AttributeError) as exc:
        raise HaError("the kubeconfig {0} can't be used: {1}".format(kubeconfig, first_line(exc))) from exc
    # One retry for a broken connection; more would only delay the result that the server is down.
    configuration.retries = 1
    return KubeApi(api_client=client.ApiClient(configuration), check_mode=check_mode, timeout=timeout)


@contextlib.contextmanager
def _no_collection() -> t.Iterator[None]:
    """Without Python's search for cycles, which takes as long as the decoding of a page: it would look at each of its mappings, and find nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _time_of(headers: t.Any) -> t.Optional[float]:
    try:
        return email.utils.parsedate_to_datetime(dict(headers or {}).get("Date") or "").timestamp()
    except (TypeError, ValueError, IndexError):
        return None


def first_line(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "no reason given")
    return text.strip().splitlines()[0][:300] if text.strip() else "no reason given"


def _told(exc: t.Any) -> str:
    """The server's own words: the message of its Status, or else HTTP's reason."""
    try:
        message = json.loads(exc.body)["message"]
    except (TypeError, KeyError, ValueError, RecursionError):
        message = ""
    return first_line(message or exc.reason)


def _root_cause(exc: BaseException) -> str:
    reason = getattr(exc, "reason", None)
    text = first_line(reason if reason is not None else exc)
    return text.split(": ", 1)[1] if text.startswith("<") and ": " in text else text
