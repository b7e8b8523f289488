# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for k3s on the hosts of the test bed. Standard library only; what it does and why: tests/bed/k3s-standin.md."""
