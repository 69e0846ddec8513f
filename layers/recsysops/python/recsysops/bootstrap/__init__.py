"""Which port is which adapter: every port of one deployed stack, made when first asked for.

Functions and the command line say `ports.items`; only the adapters that are asked for are
imported, so that a cold start pays for nothing else. Tests put memory ports in their place
(`ports.items = MemoryItems()`, `use_ports(ports)`) before anything asks.
"""

from recsysops.bootstrap.process import Ports, process_ports, use_ports
from recsysops.bootstrap.scoring import Scorer, wire_scorer

__all__ = ["Ports", "Scorer", "process_ports", "use_ports", "wire_scorer"]
