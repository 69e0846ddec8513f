"""Which certificate authorities botocore trusts, told without importing it."""

from __future__ import annotations

import os
from importlib.util import find_spec


def find_authorities() -> str | None:
    """Return the certificate authorities that botocore trusts, without importing it."""
    if given := os.environ.get("AWS_CA_BUNDLE"):
        return given
    found = find_spec("botocore")
    folders = found.submodule_search_locations if found else None
    paths = [os.path.join(folder, "cacert.pem") for folder in folders or ()]  # noqa: PTH118 - pathlib is an import
    return next(filter(os.path.isfile, paths), None)
