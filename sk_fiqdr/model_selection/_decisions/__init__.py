"""Cut-points, gates and calibration, chosen on held-out patients."""
