"""The published studies: claims as data, and the run that checks them."""
