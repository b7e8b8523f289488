# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest
from ansible_collections.cloudpods.ha.plugins.module_utils._errors import HaError
from ansible_collections.cloudpods.ha.plugins.module_utils._minio import deployment
from ansible_collections.cloudpods.ha.tests.unit.plugins.stand_in_minio import (
    SECRET,
    TEMPLATE,
    StandInApi,
    find,
    pod,
)


def test_port_and_credentials_are_those_of_the_live_pods() -> None:
    found = find(StandInApi(pod("minio-0"), pod("minio-1"), pod("minio-9"), pod("other")))
    assert (found.port, found.credentials.user, found.credentials.password) == (9100, "someone", SECRET)
    assert list(found.pods) == ["minio-0", "minio-1"]


def test_credentials_show_in_no_repr() -> None:
    assert SECRET not in repr(find(StandInApi(pod("minio-0"))))


@pytest.mark.parametrize(
    ("container", "port"),
    [
        ({"args": ["server", "--address", ":9200", "/export"]}, 9200),
        ({"args": ["server", "--address=0.0.0.0:9300", "/export"]}, 9300),
        ({"args": ["server", "/export"], "ports": [{"containerPort": 9400}]}, 9400),
        (
            {"args": ["server", "/export"], "ports": [{"containerPort": 1}, {"name": "http", "containerPort": 9500}]},
            9500,
        ),
        ({"args": ["server", "http://minio-{0...3}.svc/export"]}, 9000),
        ({"args": ["server", "https://minio-{0...3}.svc:9443/export"]}, 9443),
    ],
)
def test_the_port_is_taken_from_the_command_line_before_the_port_list(container: dict, port: int) -> None:
    template = {"containers": [{**TEMPLATE["containers"][1], "command": [], "ports": [], **container}]}
    assert find(StandInApi(template=template)).port == port


@pytest.mark.parametrize(
    ("command", "mounts", "tls"),
    [
        (["server", "https://minio-{0...1}.svc/export"], {}, True),
        (["-S /certs server http://minio-{0...1}.svc/export"], {"/certs": "secret"}, False),
        (["server", "--certs-dir", "/certs/", "/export"], {"/certs": "secret"}, True),
        (["server", "--certs-dir=/certs", "/export"], {"/certs": "projected"}, True),
        (["server", "/export"], {"/root/.minio/certs": "secret"}, True),
        (["server", "--certs-dir=/certs", "/export"], {"/certs": "emptyDir"}, False),
        (["server", "--certs-dir=/certs", "/export"], {"/certs/CAs": "secret"}, False),
        (["server", "/export"], {"/etc/other": "secret"}, False),
    ],
)
def test_tls_is_told_by_the_urls_or_by_mounted_certificates(command: list[str], mounts: dict, tls: bool) -> None:
    container = {
        **TEMPLATE["containers"][1],
        "command": command,
        "volumeMounts": [{"name": f"v{i}", "mountPath": path} for i, path in enumerate(mounts)],
    }
    volumes = [{"name": f"v{i}", kind: {}} for i, kind in enumerate(mounts.values())]
    assert find(StandInApi(template={"containers": [container], "volumes": volumes})).tls is tls


def test_credentials_of_before_2021_and_of_a_whole_secret_are_found() -> None:
    env = [{"name": "MINIO_ACCESS_KEY", "value": "a"}, {"name": "MINIO_SECRET_KEY", "value": "b"}]
    assert find(StandInApi(template={"containers": [{"name": "m", "env": env}]})).credentials.user == "a"
    api = StandInApi(template={"containers": [{"name": "m", "envFrom": [{"secretRef": {"name": "env"}}]}]})
    data = {"MINIO_ROOT_USER": "c", "MINIO_ROOT_PASSWORD": "d"}
    api.objects["/api/v1/namespaces/ns/secrets/env"] = {
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    }
    assert find(api).credentials.user == "c"


def test_values_of_a_whole_secret_that_are_no_text_are_passed_over() -> None:
    api = StandInApi(template={"containers": [{"name": "m", "envFrom": [{"secretRef": {"name": "env"}}]}]})
    text = {"MINIO_ROOT_USER": b"c", "MINIO_ROOT_PASSWORD": b"d", "keystore": b"\xfe\xed\xfe\xed\x00", "none": b""}
    data: dict = {key: base64.b64encode(value).decode() for key, value in text.items()}
    api.objects["/api/v1/namespaces/ns/secrets/env"] = {"data": {**data, "broken": "%%%", "null": None, "odd": "YQ"}}
    assert find(api).credentials.user == "c"
    data["MINIO_ROOT_PASSWORD"] = data["keystore"]
    api.objects["/api/v1/namespaces/ns/secrets/env"] = {"data": data}
    with pytest.raises(HaError, match="carry no MinIO credentials"):
        find(api)


def test_replicas_that_no_minio_has_are_refused_and_not_counted_to() -> None:
    api = StandInApi(pod("minio-0"))
    spec = api.objects["/apis/apps/v1/namespaces/ns/statefulsets/minio"]["spec"]
    spec["replicas"] = 2147483647
    with pytest.raises(HaError, match="asks for 2147483647 pods"):
        find(api)
    spec.update(replicas=1, ordinals={"start": 2147483646})
    assert list(find(api).pods) == ["minio-2147483646"]


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ({"containers": [{"name": "web"}]}, "no MinIO credentials"),
    ],
)
def test_what_is_no_minio_is_refused_in_one_sentence(template: dict, sentence: str) -> None:
    with pytest.raises(HaError, match=sentence):
        find(StandInApi(template=template))


def test_a_missing_statefulset_is_named() -> None:
    with pytest.raises(HaError, match="there is no StatefulSet ns/other"):
        deployment.find(StandInApi(), namespace="ns", name="other", lost_claims=[])


@pytest.mark.parametrize(
    ("api", "lost"),
    [
        pytest.param(StandInApi(pod("minio-0")), ("minio-0",), id="the claim is gone"),
        pytest.param(
            StandInApi(pod("minio-0")).claim("export-minio-0", "old"), ("minio-0",), id="the lost claim is there"
        ),
        pytest.param(
            StandInApi(pod("minio-0")).claim("export-minio-0", "new", "Pending"), ("minio-0",), id="not bound"
        ),
        pytest.param(StandInApi().claim("export-minio-0", "new"), ("minio-0",), id="no pod"),
        pytest.param(
            StandInApi(pod("minio-0", ready=False)).claim("export-minio-0", "new"), ("minio-0",), id="pod not Ready"
        ),
        pytest.param(StandInApi(pod("minio-0")).claim("export-minio-0", "new"), (), id="replaced"),
    ],
)
def test_a_drive_is_lost_until_a_ready_pod_has_a_new_claim(api: StandInApi, lost: tuple[str, ...]) -> None:
    assert find(api, "export-minio-0").lost_pods == lost


@pytest.mark.parametrize(
    ("second", "lost"), [("old", ("minio-0",)), ("new", ()), (None, ("minio-0",))], ids=["lost", "replaced", "gone"]
)
def test_a_pod_of_several_drives_is_lost_while_any_is_not_replaced(second: str | None, lost: tuple[str, ...]) -> None:
    api = StandInApi(pod("minio-0"), pod("minio-1")).claim("export-0-minio-0", "new")
    spec = api.objects["/apis/apps/v1/namespaces/ns/statefulsets/minio"]["spec"]
    spec["volumeClaimTemplates"] = [{"metadata": {"name": f"export-{i}"}} for i in range(2)]
    if second:
        api.claim("export-1-minio-0", second)
    assert find(api, "export-0-minio-0", "export-1-minio-0").lost_pods == lost
