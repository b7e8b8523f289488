# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to the API: what is asked, what is never deleted, and how failures are told."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
import yaml
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import (
    ApiRefused,
    ApiUnavailable,
    HaError,
    ObjectChanged,
)
from ansible_collections.cloudpods.ha.plugins.module_utils._k8s import client as k8s_client
from ansible_collections.cloudpods.ha.tests.served import https_server
from kubernetes import client

Json = dict[str, Any]
PATH = "/api/v1/nodes/master-1"
DATE = "Thu, 26 Nov 2026 13:45:40 GMT"
NODE = {"metadata": {"name": "master-1", "uid": "u1"}}


class StandInClient:
    """The client library's ApiClient, as far as KubeApi uses it; `replies` are given one after the other."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.calls: list[tuple[str, str, Json]] = []
        self.timeouts: list[tuple[int, int]] = []
        self.configuration = SimpleNamespace(host="https://192.0.2.12:6443")

    def param_serialize(self, verb: str, path: str, **parameters: Any) -> tuple[str, str, Json]:
        return verb, path, parameters

    def call_api(self, verb: str, path: str, parameters: Json, _request_timeout: tuple[int, int]) -> Any:
        self.timeouts.append(_request_timeout)
        self.calls.append((verb, path, parameters))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        status, body = reply if isinstance(reply, tuple) else (200, reply)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return SimpleNamespace(status=status, reason="Reason", read=lambda: data, getheaders=lambda: {"Date": DATE})


class StandInOldClient(StandInClient):
    """The generated client before release 37, which has no param_serialize."""

    param_serialize = property()  # type: ignore[assignment]

    def __getattribute__(self, name: str) -> Any:
        if name == "param_serialize":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def call_api(self, path: str, verb: str, **parameters: Any) -> Any:  # type: ignore[override]
        self.calls.append((verb, path, parameters))
        return self.replies.pop(0), 200, {"Date": DATE}


def connection(*replies: Any, **options: Any) -> tuple[k8s_client.KubeApi, StandInClient]:
    stand_in = StandInClient(*replies)
    return k8s_client.KubeApi(api_client=stand_in, **options), stand_in


def test_an_object_is_read_by_its_path_with_the_query() -> None:
    api, stand_in = connection({"items": [NODE]})
    assert api.items("/api/v1/nodes", labelSelector="a=b") == [NODE]
    ((verb, path, parameters),) = stand_in.calls
    assert (verb, path, parameters["query_params"]) == (
        "GET",
        "/api/v1/nodes",
        [("labelSelector", "a=b"), ("limit", 500)],
    )
    assert api.server == "https://192.0.2.12:6443"
    assert api.server_time == 1795700740


def test_the_older_client_is_called_its_own_way() -> None:
    stand_in = StandInOldClient(NODE)
    api = k8s_client.KubeApi(api_client=stand_in)
    assert api.get(PATH) == NODE
    assert api.server_time == 1795700740
    ((verb, path, parameters),) = stand_in.calls
    assert (verb, path, parameters["response_type"], parameters["_return_http_data_only"]) == (
        "GET",
        PATH,
        "object",
        False,
    )


def test_what_is_not_there_is_none_and_a_custom_resource_that_is_not_served_has_no_objects() -> None:
    api, _stand_in = connection((404, {}), (404, {}), {"items": None})
    assert api.get(PATH) is None
    assert api.items_if_served("/apis/none") == []
    assert api.items("/api/v1/nodes") == []


@pytest.mark.parametrize("reply", [(404, {}), {"kind": "Status"}, {}])
def test_a_list_that_every_server_has_and_that_is_not_there_is_no_empty_list(reply: Any) -> None:
    api, _stand_in = connection(reply)
    with pytest.raises(ApiRefused):
        api.items("/api/v1/nodes")


def page(*names: str, following: str = "") -> Json:
    items = [{"metadata": {"name": name, "managedFields": [{}]}} for name in names]
    return {"items": items, "metadata": {"continue": following} if following else {}}


def queries(stand_in: StandInClient) -> list[Json]:
    return [dict(parameters["query_params"]) for _verb, _path, parameters in stand_in.calls]


def test_a_list_is_read_page_by_page_with_the_query_of_the_first() -> None:
    api, stand_in = connection(page("a", "b", following="t1"), page("c", following="t2"), page("d"))
    found = api.items("/api/v1/pods", labelSelector="x=y")
    assert found == [{"metadata": {"name": name}} for name in "abcd"]
    asked = {"labelSelector": "x=y", "limit": 500}
    assert queries(stand_in) == [asked, {**asked, "continue": "t1"}, {**asked, "continue": "t2"}]


def test_what_is_not_to_be_kept_is_dropped_and_the_rest_reduced() -> None:
    api, _stand_in = connection(page("a", "b", following="t1"), page("c"))
    found = api.items("/x", keep=lambda item: None if item["metadata"]["name"] == "b" else {"n": item["metadata"]})
    assert found == [{"n": {"name": "a"}}, {"n": {"name": "c"}}]


EXPIRED = client.ApiException(status=410, reason="Expired")


def test_a_list_that_expires_half_way_is_read_anew_and_nothing_of_the_first_is_kept() -> None:
    api, stand_in = connection(page("a", following="t1"), EXPIRED, page("b", following="t9"), page("c"))
    assert [item["metadata"]["name"] for item in api.items("/api/v1/pods")] == ["b", "c"]
    assert [query.get("continue") for query in queries(stand_in)] == [None, "t1", None, "t9"]


def test_a_list_that_expires_again_is_read_in_one_answer() -> None:
    api, stand_in = connection(page("a", following="t1"), EXPIRED, page("b", following="t2"), EXPIRED, page("c", "d"))
    assert [item["metadata"]["name"] for item in api.items("/api/v1/pods")] == ["c", "d"]
    assert queries(stand_in)[-1] == {}


def test_a_list_that_expires_for_ever_is_an_error_and_no_short_list() -> None:
    api, _stand_in = connection(page("a", following="t1"), EXPIRED, EXPIRED, EXPIRED)
    with pytest.raises(ApiRefused, match="410"):
        api.items("/api/v1/pods")


@pytest.mark.parametrize("reply", [(500, {}), (403, {}), {"kind": "Status"}])
def test_a_page_that_fails_is_an_error_and_no_short_list(reply: Any) -> None:
    api, _stand_in = connection(page("a", following="t1"), reply)
    with pytest.raises(HaError):
        api.items("/api/v1/pods")


def test_a_list_that_leads_to_itself_ends() -> None:
    api, _stand_in = connection(page("a", following="t1"), page("b", following="t1"))
    with pytest.raises(ApiRefused, match="does not go on"):
        api.items("/api/v1/pods")


def test_a_page_has_more_time_than_an_object_and_a_dead_server_no_more() -> None:
    api, stand_in = connection(NODE, page("a"))
    api.get(PATH)
    api.items("/api/v1/pods")
    (connecting, reading), (page_connecting, page_reading) = stand_in.timeouts
    assert connecting == page_connecting
    assert page_reading > reading


def test_a_delete_carries_the_uid_as_a_precondition() -> None:
    api, stand_in = connection(NODE, {})
    assert api.delete(PATH, uid="u1") is True
    verb, path, parameters = stand_in.calls[1]
    assert (verb, path) == ("DELETE", PATH)
    assert parameters["body"]["preconditions"] == {"uid": "u1"}


def test_a_delete_may_ask_for_a_version_too() -> None:
    api, stand_in = connection(NODE, {})
    api.delete(PATH, uid="u1", version="7")
    assert stand_in.calls[1][2]["body"]["preconditions"] == {"uid": "u1", "resourceVersion": "7"}


def test_another_object_of_the_same_name_is_not_deleted() -> None:
    api, stand_in = connection(NODE)
    with pytest.raises(ObjectChanged, match="no longer the object with UID u2; nothing was deleted"):
        api.delete(PATH, uid="u2")
    assert [verb for verb, _path, _parameters in stand_in.calls] == ["GET"]


def test_an_object_that_changes_between_look_and_delete_is_not_deleted() -> None:
    api, _stand_in = connection(NODE, (409, {}))
    with pytest.raises(ObjectChanged):
        api.delete(PATH, uid="u1")


@pytest.mark.parametrize("replies", [[(404, {})], [NODE, (404, {})]])
def test_what_is_gone_already_is_no_failure(replies: list[Any]) -> None:
    assert connection(*replies)[0].delete(PATH, uid="u1") is False


def test_another_refusal_of_a_delete_is_told() -> None:
    with pytest.raises(ApiRefused, match="DELETE /api/v1/nodes/master-1 was answered with 403"):
        connection(NODE, (403, {}))[0].delete(PATH, uid="u1")


def test_check_mode_looks_and_writes_nothing() -> None:
    api, stand_in = connection(NODE, check_mode=True)
    assert api.delete(PATH, uid="u1") is True
    assert api.replace(PATH, NODE) == NODE
    assert [verb for verb, _path, _parameters in stand_in.calls] == ["GET"]


def test_a_replace_writes_the_whole_object() -> None:
    api, stand_in = connection(NODE)
    assert api.replace(PATH, NODE) == NODE
    assert (stand_in.calls[0][0], stand_in.calls[0][2]["body"]) == ("PUT", NODE)


@pytest.mark.parametrize("status", [500, 503, 504, 0, None])
def test_a_server_that_is_not_well_is_unavailable(status: int | None) -> None:
    with pytest.raises(ApiUnavailable, match=r"https://192\.0\.2\.12:6443 does not answer: etcd is down"):
        connection(client.ApiException(status=status, reason="etcd is down\nmore"))[0].get(PATH)


@pytest.mark.parametrize("status", [401, 403, 409, 422])
def test_a_server_that_refuses_is_quoted(status: int) -> None:
    with pytest.raises(ApiRefused) as caught:
        connection(client.ApiException(status=status, reason="Reason"))[0].get(PATH)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            b'{"kind": "Status", "message": "leases is forbidden: User \\"x\\" cannot list"}',
            'leases is forbidden: User "x" cannot list',
        ),
        (b'{"message": "two\\nlines"}', "two"),
        (b'{"message": ""}', "Reason"),
        (b'{"message": null}', "Reason"),
        (b'["message"]', "Reason"),
        (b"<html>", "Reason"),
        (b"[" * 100000, "Reason"),
        (b"", "Reason"),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_a_refusal_is_told_in_the_words_of_the_server(body: bytes, told: str, old: bool) -> None:
    # The older client raises by itself, with the body as text.
    refused = client.ApiException(status=403, reason="Reason")
    refused.body = body.decode()
    with pytest.raises(ApiRefused) as caught:
        connection(refused if old else (403, body))[0].get(PATH)
    assert caught.value.reason == told


@pytest.mark.parametrize(
    "answer",
    [
        b"<html><body>proxy</body></html>",
        b"",
        b'{"kind": "List", "items": [',
        b'{"items": ' + b"[" * 100000,
        b"[]",
        b"null",
        b'"items"',
        b"\xff\xfe",
    ],
    ids=["html", "empty", "cut", "deep", "a list", "null", "a word", "no UTF-8"],
)
@pytest.mark.parametrize("old", [False, True])
def test_an_answer_that_is_no_object_is_one_sentence(answer: bytes, old: bool) -> None:
    # The older client gives what it can't decode as text.
    stand_in = StandInOldClient(answer.decode("utf-8", "replace")) if old else StandInClient(answer)
    with pytest.raises(ApiUnavailable, match="no JSON object") as found:
        k8s_client.KubeApi(api_client=stand_in).get(PATH)
    assert len(str(found.value)) < 250
    assert str(found.value).isprintable()


@pytest.mark.parametrize(
    "items", ["nodes", {"a": 1}, [1], ["x"], [None], [{}], [{"metadata": None}], [{"metadata": []}]]
)
def test_a_list_of_what_are_no_objects_is_no_list(items: Any) -> None:
    api, _stand_in = connection({"items": items})
    with pytest.raises(ApiRefused, match="no list"):
        api.items("/api/v1/nodes")


def test_a_broken_connection_is_told_by_its_cause() -> None:
    pool = urllib3.HTTPSConnectionPool("192.0.2.12", 6443)
    cause = urllib3.exceptions.NewConnectionError(
        pool, "Failed to establish a new connection: [Errno 111] Connection refused"
    )  # type: ignore[arg-type]
    with pytest.raises(ApiUnavailable) as caught:
        connection(urllib3.exceptions.MaxRetryError(pool, PATH, cause))[0].get(PATH)
    assert caught.value.reason.endswith("Connection refused")
    assert "object at 0x" not in caught.value.reason


def test_a_missing_kubeconfig_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HaError, match="there is no kubeconfig at /nowhere/config"):
        k8s_client.connect("/nowhere/config")
    with pytest.raises(HaError, match="there is no kubeconfig"):
        k8s_client.connect(str(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "a: b: c", "[]", "just words", "current-context: x\ncontexts: []\nclusters: []\n", "\x00"]
)
def test_a_kubeconfig_that_is_none_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HaError) as caught:
        k8s_client.connect(str(path))
    assert "the kubeconfig {0} can't be used".format(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_kubeconfig_leads_to_its_server(tmp_path: Path) -> None:
    path = tmp_path / "config"
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://192.0.2.13:6443"}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert k8s_client.connect(str(path)).server == "https://192.0.2.13:6443"


def test_without_the_client_library_that_is_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k8s_client, "IMPORT_ERROR", "No module named 'kubernetes'")
    with pytest.raises(HaError, match="the Python package 'kubernetes' is missing"):
        k8s_client.connect("/nowhere/config")


def test_a_server_with_another_ca_gets_no_request_and_no_token(tmp_path: Path) -> None:
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    for name in ("its", "another"):
        (tmp_path / name).mkdir()
    server, _own = https_server(tmp_path / "its", Handler)
    other, kubeconfig = https_server(tmp_path / "another", Handler)
    other.server_close()
    data = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    data["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:{0}".format(server.server_address[1])
    kubeconfig.write_text(yaml.safe_dump(data), encoding="utf-8")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(ApiUnavailable, match=r"(?i)certificate verify failed"):
            k8s_client.connect(str(kubeconfig)).get("/api/v1/nodes")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []
