# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the test bed: real hosts in podman containers and a real HA kubeadm cluster on them."""
