"""The framework: what a run is and how it is decided."""
