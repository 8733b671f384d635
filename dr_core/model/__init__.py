"""The released model: its specification, architecture, CPU runtime, calibration and explanations."""
