# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of `with-kind`. They stand on those of the test bed."""
