# SPDX-License-Identifier: GPL-3.0-or-later
"""What others do to the cluster while a replacement runs."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from ansible_collections.cloudpods.ha.plugins.module_utils._distributions import ETCD_PEER_PORT, K3S_CONFIG
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.api import Fault
from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.store import now

if TYPE_CHECKING:
    from ansible_collections.cloudpods.ha.tests.playbooks.stand_in.world import World

# Marks what somebody else cordoned, for those who judge.
BY_SOMEBODY = "example.org/cordoned-by-somebody"
ANSWERS_AGAIN = "answers again"
# As kubelet says it.
NO_NETWORK = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)


def node_ready(world: World) -> None:
    """The lost machine's kubelet reports again."""
    node = world.cluster.store.find("Node", world.cluster.lost)
    if node is not None:
        ready = next(item for item in node["status"]["conditions"] if item["type"] == "Ready")
        ready.update(status="True", lastTransitionTime=now())
        world.cluster.store.put("Node", node)
        lease = world.cluster.store.find("Lease", world.cluster.lost, "kube-node-lease")
        if lease is not None:
            lease["spec"]["renewTime"] = now(fraction=True)
            world.cluster.store.put("Lease", lease)


def node_replaced(world: World) -> None:
    """Another machine registered under the lost Node's name."""
    node = world.cluster.store.find("Node", world.cluster.lost)
    if node is not None:
        node["metadata"]["uid"] = str(uuid.uuid4())
        world.cluster.store.put("Node", node)


def claim_recreated(world: World) -> None:
    """Somebody made the lost claims again: same names, other UIDs, no volume."""
    for claim in world.cluster.store.all("PersistentVolumeClaim"):
        meta = claim["metadata"]
        if meta["namespace"] == "tools" and meta["name"] == "data-cache-0":
            meta["uid"] = str(uuid.uuid4())
            meta["creationTimestamp"] = now()
            claim["spec"].pop("volumeName", None)
            claim["status"]["phase"] = "Pending"
            world.cluster.store.put("PersistentVolumeClaim", claim)


def scaled_down(world: World) -> None:
    """The StatefulSet with a lost claim was scaled to zero."""
    found = world.cluster.store.find("StatefulSet", "cache", "tools")
    if found is not None:
        found["spec"]["replicas"] = 0
        world.cluster.store.put("StatefulSet", found)


def cordoned(world: World) -> None:
    """Somebody cordons a survivor. As with kubectl, that writes nothing if it is cordoned already; no run can know of it then."""
    survivor = next(name for name in world.cluster.machines if name not in (world.cluster.lost, world.cluster.spare))
    node = world.cluster.store.find("Node", survivor)
    if node is not None and not node["spec"].get("unschedulable"):
        node["spec"]["unschedulable"] = True
        node["metadata"].setdefault("annotations", {})[BY_SOMEBODY] = "true"
        world.cluster.store.put("Node", node)


def port_closed(world: World) -> None:
    """A firewall closes the peer port of a survivor."""
    for sock in world.plain["master-3"]:
        if sock.getsockname()[1] == ETCD_PEER_PORT:
            sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            world.plain["master-3"].remove(sock)
            return


def port_opened(world: World) -> None:
    """It opens it again."""
    world.listen(world.cluster.machines["master-3"], ETCD_PEER_PORT)


def sandbox_broken(world: World) -> None:
    """The network plugin of the spare machine fails: no pod of a DaemonSet starts there."""
    world.cluster.sandboxes = False


def sandbox_repaired(world: World) -> None:
    """It works again."""
    world.cluster.sandboxes = True


def network_broken(world: World) -> None:
    """The network plugin of the spare machine is not there: its Node does not become Ready."""
    world.cluster.unready[world.cluster.spare] = NO_NETWORK


def network_repaired(world: World) -> None:
    """It is there."""
    world.cluster.unready.clear()


def another_unready(world: World) -> None:
    """The kubelet of a survivor, which answers, is not Ready."""
    world.cluster.unready["master-3"] = "PLEG is not healthy"


def machine_answers(world: World) -> None:
    """The lost machine answers on its ports again; its kubelet says nothing. The acts have a mark of that time."""
    lost = world.cluster.machines[world.cluster.lost]
    world.cluster.act(lost.name, ANSWERS_AGAIN)
    for port in (22, ETCD_PEER_PORT):
        world.listen(lost, port)


def api_fails(world: World) -> None:
    """The next request for objects is answered with an error."""
    world.api.fault = Fault("500", world.api.requests + 1)


def folder_in_the_way(world: World) -> None:
    """Somebody makes a folder on the spare machine where K3s has its configuration."""
    world.cluster.machines[world.cluster.spare].path(K3S_CONFIG).mkdir(parents=True)


CHANGES: dict[str, Callable[[World], None]] = {
    "node_ready": node_ready,
    "node_replaced": node_replaced,
    "claim_recreated": claim_recreated,
    "scaled_down": scaled_down,
    "cordoned": cordoned,
    "port_closed": port_closed,
    "port_opened": port_opened,
    "sandbox_broken": sandbox_broken,
    "sandbox_repaired": sandbox_repaired,
    "network_broken": network_broken,
    "network_repaired": network_repaired,
    "another_unready": another_unready,
    "machine_answers": machine_answers,
    "api_fails": api_fails,
    "folder_in_the_way": folder_in_the_way,
}
