"""What is claimed: the statements of the papers as objects, and their derivations."""
