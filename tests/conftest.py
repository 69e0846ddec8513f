"""Settings that every test shares."""

from __future__ import annotations

from hypothesis import settings

# a deadline is a timed assertion: it fails on a busy machine, not on a wrong program
settings.register_profile("house", deadline=None)
# for `make unit`, run while one writes; `make test` and CI draw all 100
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("house")
