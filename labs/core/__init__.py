"""Numerics that every paper may use: arrays, streams, spectra, the sphere, small networks and their optimisers."""
