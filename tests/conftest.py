"""Settings that every test shares."""

from __future__ import annotations

from hypothesis import settings

# a deadline is a timed assertion: it fails on a busy machine, not on a wrong program
settings.register_profile("house", deadline=None)
settings.load_profile("house")
