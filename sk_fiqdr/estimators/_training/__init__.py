"""Data, augmentation, optimiser, schedule and errors of a fit."""
