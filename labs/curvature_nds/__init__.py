"""The models of "Why Muon Outperforms Adam": directional sharpness, two-level quadratic, small language model."""
