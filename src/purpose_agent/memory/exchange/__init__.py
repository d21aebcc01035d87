"""Memory items on their way out of a store and into another: JSON lines, and Agent Skills folders."""
