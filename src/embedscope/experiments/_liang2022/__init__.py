"""The parts of the study liang2022."""
