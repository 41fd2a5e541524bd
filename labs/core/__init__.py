"""Numerics that every paper may use: arrays, streams, spectra, expectations over the sphere."""
