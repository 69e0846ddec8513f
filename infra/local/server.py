"""Runs inside the emulator's process: installs the shims, then serves until it is stopped."""

import sys

from infra.local.shims import NAMES, install_shims


def main(arguments: list[str]) -> None:
    """Serve with the shims that the arguments name: `all`, some, or none (as it is upstream)."""
    install_shims(NAMES if arguments == ["all"] else arguments)
    from ministack.app import main as serve  # after the shims: the services bind names at import

    sys.argv = sys.argv[:1]
    serve()


if __name__ == "__main__":
    main(sys.argv[1:])
