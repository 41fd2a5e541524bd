"""What is shown: one module per figure, found by listing the folders of the papers."""
