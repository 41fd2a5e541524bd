"""The gallery: what a figure is, how its numbers are kept, how it is drawn and hung on one page."""
