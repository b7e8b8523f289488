# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook that has imported everything: a run is a fork of it, which spares seconds of each. For the torture; tests run the real program.

`controller.py serve` imports what runs will need and serves on the socket STAND_IN_WARM (see warm.py); `controller.py run WORD ...` is what a fork runs.
"""

import atexit
import gc
import glob
import os
import shutil
import sys
import tempfile

PLUGINS = ("action", "filter", "test", "lookup", "connection", "shell", "become")
COLLECTIONS = {"cloudpods.ha": ("action", "filter", "callback"), "kubernetes.core": ("action", "filter", "connection")}


def preload() -> None:
    """Import ansible-playbook, what its workers would import after each fork, and the plugins with their documented options."""
    import ansible.cli
    import ansible.cli.playbook
    from ansible.plugins import loader

    loader.init_plugin_loader()
    # Each run would warn that this was done.
    ansible.cli.init_plugin_loader = lambda *_words: None
    for kind in PLUGINS:
        found = getattr(loader, kind + "_loader")
        folder = os.path.join(os.path.dirname(ansible.cli.__file__), "..", "plugins", kind)
        names = [os.path.basename(path)[:-3] for path in glob.glob(folder + "/*.py")]
        for collection, kinds in COLLECTIONS.items():
            if kind in kinds:
                names += [collection + "." + name for name in _names(collection, kind)]
        if kind in ("filter", "test"):
            list(found.all())
        for name in names:
            if not name.endswith("__init__"):
                _load(found, name)


def _names(collection: str, kind: str) -> list:
    for root in (os.environ.get("ANSIBLE_COLLECTIONS_PATH") or "").split(":") + sys.path:
        found = glob.glob(os.path.join(root, "ansible_collections", *collection.split("."), "plugins", kind, "*.py"))
        if found:
            return [os.path.basename(path)[:-3] for path in found]
    return []


def _load(found: object, name: str) -> None:
    try:
        found.get(name, class_only=True)
    except Exception:  # noqa: BLE001  a plugin that this machine can't load is of no use to a run
        return


def run(words: list) -> None:
    """A run of its own: its own temporary folder and locks, else it would share those of the process that it is a fork of."""
    from ansible import constants

    atexit._clear()
    own = tempfile.mkdtemp(prefix="ansible-local-", dir=os.environ["ANSIBLE_LOCAL_TEMP"])
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    constants.DEFAULT_LOCAL_TMP = own
    # Archives of modules, the same for every run.
    os.symlink(os.environ["STAND_IN_ARCHIVES"], os.path.join(own, "ansiballz_cache"))
    gc.set_threshold(20000, 50, 50)
    from ansible.cli import playbook

    playbook.main(words)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        import warm

        preload()
        warm.serve("/", [])
    else:
        run(["ansible-playbook", *sys.argv[2:]])
