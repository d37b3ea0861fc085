"""The telephone network that stands in for a carrier on a developer's machine. Imports none of the other parts."""
