"""The parts of the controlled experiment objectives2026."""
